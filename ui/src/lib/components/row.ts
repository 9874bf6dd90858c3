/*! What a row tells the control that stands in it. */
import { getContext, setContext } from "svelte";

interface Told {
  /** The id of the words below the label, where there are some. */
  readonly describedBy: string | undefined;
}

const KEY = Symbol("row");

export const tellControl = (told: Told) => setContext(KEY, told);

/** For `aria-describedby`. A control may stand outside of a row. */
export const ofRow = (): Told => getContext<Told | undefined>(KEY) ?? { describedBy: undefined };
