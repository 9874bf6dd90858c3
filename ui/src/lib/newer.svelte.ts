/*!
 * That there is a newer version: told quietly, once. Who has seen where it can be had is not told of
 * that version again, in no window.
 */
import { onUpdates, program, type Updates } from "$lib/ipc";

/** The storage key of the version that was seen, shared by all windows. */
const SEEN = "version-seen";

export class Newer {
  updates = $state.raw<Updates>({ phase: "off" });
  #seen = $state(localStorage.getItem(SEEN));
  /** The newer version, as long as nobody has seen it. */
  readonly untold: string | null = $derived.by(() => {
    const now = this.updates;
    const isThere = now.phase === "found" || now.phase === "ready";
    return isThere && now.version !== this.#seen ? now.version : null;
  });

  async start() {
    // Another window may have shown it.
    for (const moment of ["storage", "focus"]) {
      window.addEventListener(moment, () => (this.#seen = localStorage.getItem(SEEN)));
    }
    await onUpdates((now) => (this.updates = now));
    this.updates = await program.updateState();
  }

  see() {
    if (this.untold === null) return;
    localStorage.setItem(SEEN, this.untold);
    this.#seen = this.untold;
  }
}
