/*! The desktop as it is now: where it gives the keys, it does so late and may give others. */
import { keys } from "$lib/format";
import { onShortcuts, program, type BoundShortcut, type Desktop } from "$lib/ipc";

export class LiveDesktop {
  now = $state.raw<Desktop | null>(null);

  async start() {
    // Listening before the first question: a change in between is not missed.
    await onShortcuts(() => void this.ask());
    await this.ask();
  }

  async ask() {
    this.now = await program.desktop();
  }
}

/** Returns the keys of a shortcut. */
export const keysOf = (bound: BoundShortcut | undefined): string[] =>
  bound?.state === "works" || bound?.state === "by-desktop" ? keys(bound.keys) : [];
