/*! The context that a row gives to its control. */
import { getContext, setContext } from "svelte";

interface Told {
  /** The id of the row's control. */
  readonly id?: string;
  /** The id of the words below the label, where there are some. */
  readonly describedBy: string | undefined;
}

const KEY = Symbol("row");

export const tellControl = (told: Told) => setContext(KEY, told);

/** Returns the row's context for `aria-describedby`. A control may be outside of a row. */
export const ofRow = (): Told => getContext<Told | undefined>(KEY) ?? { describedBy: undefined };
