/*! Words of others in our sentences: titles, addresses, names of devices. */

const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Returns the direction of a text of which nothing but its letters is known: `:0, 1920×1080` has none. */
export const directionOf = (text: string) => (FROM_THE_RIGHT.test(text) ? "rtl" : "ltr");

/**
 * Isolates a word of others where it or the page is read from the right: it keeps its own direction,
 * and the sentence around it keeps its own. The compiled messages call this (`vite.config.ts`).
 */
export function isolate(value: unknown): string {
  const text = String(value);
  const meets = document.documentElement.dir === "rtl" || FROM_THE_RIGHT.test(text);
  return meets ? `\u2068${text}\u2069` : text;
}
