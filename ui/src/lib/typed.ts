/*! Typeahead in a menu: letters find the next entry that begins with them. */

/** Letters within so long are one word. */
const TOGETHER_MS = 700;

export class Typed {
  #text = "";
  #atMs = -TOGETHER_MS;

  /** Returns whether the key is a letter, and keeps it. A space alone presses the entry instead. */
  takes({ key, ctrlKey, altKey, metaKey, timeStamp }: KeyboardEvent): boolean {
    const goesOn = timeStamp - this.#atMs < TOGETHER_MS;
    if (key.length !== 1 || ctrlKey || altKey || metaKey || (key === " " && !goesOn)) return false;
    this.#text = (goesOn ? this.#text : "") + key.toLowerCase();
    this.#atMs = timeStamp;
    return true;
  }

  /** Returns the index of the match, or `null`. The same letter again finds the next match. */
  find(words: readonly string[], from: number): number | null {
    const same = new Set(this.#text).size === 1;
    const wanted = same ? this.#text.slice(0, 1) : this.#text;
    const start = wanted.length === 1 ? from + 1 : Math.max(0, from);
    const places = words.map((_, n) => (n + start) % words.length);
    return places.find((place) => words[place]!.toLowerCase().startsWith(wanted)) ?? null;
  }
}
