/*!
 * Plays a recording as its edit is: what is cut out is passed over, without rendering anything. It looks at each
 * picture that the screen draws, so a cut comes within a frame of the screen's.
 *
 * No browser plays backwards: backwards is a row of seeks.
 */
import { lastKept, nextKept } from "./cuts";
import type { KeptSpan } from "./program";

/** How much faster each further press of J or L is. */
const RATES = [1, 2, 4, 8] as const;
/** Into a picture, past rounding: its time in seconds may lie a hair before it. */
const INTO_MS = 0.4;
/** Before an end by less than this, the end is reached: the next look comes after it. */
const END_MS = 8;

export interface Told {
  keep: () => readonly KeptSpan[];
  onmove: (ms: number) => void;
  onpause: (paused: boolean) => void;
}

export class Playback {
  /** Negative backwards, 0 when it stands. */
  #rate = 0;
  #looking: number | null = null;
  #before = 0;
  /** The moment of the look before: which piece has played, even if its end was passed since. */
  #seen = 0;
  /** Where to go when the seek that runs has ended. */
  #wanted: number | null = null;
  readonly #stops: (() => void)[];

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly told: Told,
  ) {
    const on = (name: string, act: () => void) => {
      video.addEventListener(name, act);
      return () => video.removeEventListener(name, act);
    };
    this.#stops = [
      on("seeked", () => this.#seekOn()),
      on("ended", () => this.stop()),
      // Another program, or the desktop's media keys.
      on("pause", () => this.#rate > 0 && !video.seeking && video.paused && this.stop()),
    ];
  }

  get rate(): number {
    return this.#rate;
  }

  seek(ms: number) {
    if (this.video.seeking) this.#wanted = ms;
    else this.#go(ms);
  }

  toggle() {
    if (this.#rate !== 0) this.stop();
    else this.#play(1);
  }

  shuttle(by: 1 | -1) {
    const speed = Math.abs(this.#rate);
    const isSame = Math.sign(this.#rate) === by;
    this.#play(by * (isSame ? (RATES.find((rate) => rate > speed) ?? speed) : 1));
  }

  stop() {
    this.#rate = 0;
    if (!this.video.paused) this.video.pause();
    if (this.#looking !== null) cancelAnimationFrame(this.#looking);
    this.#looking = null;
    this.told.onpause(true);
  }

  close() {
    this.stop();
    for (const stop of this.#stops) stop();
  }

  #play(rate: number) {
    const now = this.#ms();
    const keep = this.told.keep();
    this.#rate = rate;
    this.#seen = now;
    if (rate > 0) {
      // From the end it begins anew.
      const from = nextKept(keep, now + END_MS) === null ? (keep[0]?.startMs ?? 0) : nextKept(keep, now);
      if (from !== null && Math.abs(from - now) > 1) this.#jump(from);
      this.video.playbackRate = rate;
      this.video.play().catch(() => this.stop());
    } else {
      this.video.pause();
    }
    this.told.onpause(false);
    this.#before = performance.now();
    this.#looking ??= requestAnimationFrame((at) => this.#look(at));
  }

  #look(at: number) {
    this.#looking = null;
    if (this.#rate === 0) return;
    if (this.#rate > 0) this.#lookForward();
    else this.#lookBackward(at - this.#before);
    if (this.#rate !== 0) this.#looking = requestAnimationFrame((next) => this.#look(next));
  }

  #lookForward() {
    if (this.video.seeking) return;
    const now = this.#ms();
    const next = nextKept(this.told.keep(), now + END_MS, this.#seen);
    if (next === null) {
      this.stop();
      const end = this.told.keep().at(-1)?.endMs ?? 0;
      this.seek(Math.max(0, end - 1));
      this.told.onmove(Math.min(now, end));
      return;
    }
    // A stretch that was recorded again lies behind, or what follows it does.
    if (Math.abs(next - now) > END_MS) this.#jump(next);
    else {
      this.#seen = now;
      this.told.onmove(now);
    }
  }

  #lookBackward(sinceMs: number) {
    if (this.video.seeking) return;
    this.#before += sinceMs;
    const to = lastKept(this.told.keep(), this.#ms() + this.#rate * sinceMs, this.#seen);
    if (to === null) {
      this.stop();
      this.#jump(this.told.keep()[0]?.startMs ?? 0);
      return;
    }
    this.#jump(to);
  }

  #jump(ms: number) {
    this.#seen = ms;
    this.seek(ms);
    this.told.onmove(ms);
  }

  #seekOn() {
    if (this.#wanted === null) return;
    const ms = this.#wanted;
    this.#wanted = null;
    this.#go(ms);
  }

  #go(ms: number) {
    this.video.currentTime = (ms + INTO_MS) / 1000;
  }

  #ms = () => (this.#wanted ?? this.video.currentTime * 1000);
}
