/*!
 * Decides when a player is stuck: it should play, or show its first picture, and nothing has moved
 * for `STALL_MS`. Reads no clock: it is told the time.
 */

/** Loopback and disk answer in milliseconds; a busy machine decodes its first picture in seconds. */
export const STALL_MS = 8000;

export interface Seen {
  nowMs: number;
  time: number;
  /** It is meant to play, or waits for its first picture or the picture it has sought. */
  busy: boolean;
}

export class Watchdog {
  #time = NaN;
  #sinceMs = 0;

  /** Returns whether the player is stuck. It says so once, then waits as long again. */
  look({ nowMs, time, busy }: Seen): boolean {
    if (!busy || time !== this.#time) {
      this.#time = time;
      this.#sinceMs = nowMs;
      return false;
    }
    if (nowMs - this.#sinceMs < STALL_MS) return false;
    this.#sinceMs = nowMs;
    return true;
  }
}
