/*!
 * A recording that still comes in, on its share page: asks the server what has arrived, has it loaded
 * (`MediaFeed`), and stays at the newest second until someone seeks or pauses.
 *
 * `npm run share` compiles this file into the cloud's assets as `live.js`.
 */
import { MediaFeed, mediaSource, type Joint, type Piece } from "../lib/mediaFeed.ts";
import { Hls } from "./hls.ts";

export { Hls };

const POLL_MS = 1000;
/** Loaded ahead of the position, at most. */
const AHEAD_MS = 45_000;
/** How far behind the present one joins: a part, and this for a poll (1 s) and the way. */
const JOIN_S = 1.8;
/** The shortest part that is reckoned with; the app's are as long. */
const PART_S = 2;
/** Following means: brought back to the edge when further behind than where one joins and this. */
const LAG_S = 2.2;
/** No part for so long: the recorder is offline, or paused. */
const QUIET_MS = 15_000;
/** For so long one who joins waits for the H.264 stream to come near the newest second, and then is there. */
const CATCH_UP_MS = 20_000;
/** How much later the H.264 stream is: its encoder ends a piece with the next one, and a look at its list. */
const STREAM_S = 4.5;

/** What the server answers to `live`. Times are milliseconds. */
interface LiveAnswer {
  state: "live" | "finished" | "gone";
  /** The parts that arrived since the last question: begin and end of each. */
  parts?: Array<[number, number]>;
  /** Where parts are cut anywhere: the first joint in each part (time, part, offset). */
  joints?: Array<[number, number, number] | null>;
  quietMs: number;
}

/** What the page says in its language (`words.js`), and how values are put in. */
export interface LiveWords {
  words: Record<
    "waiting" | "behind_seconds" | "behind_minutes" | "rest_uploads" | "recording_now" | "watch_later" | "recorded",
    string
  >;
  fill: (text: string, values: Record<string, unknown>) => string;
}

export class Live extends EventTarget {
  /** Where the recording ends so far, in seconds. */
  edge = 0;
  /** Stays at the edge by itself, until someone seeks or pauses. */
  following = false;
  finished = false;

  readonly #stage: HTMLElement;
  readonly #video: HTMLVideoElement;
  readonly #base: string;
  readonly #says: LiveWords;
  #feed: MediaFeed | null = null;
  #parts: Piece[] = [];
  /** Parts are cut anywhere. */
  #cut = false;
  #quietSince = performance.now();
  /** When one wanted to join the newest second, until that could be played. */
  #joined: number | null = null;
  /** How much later than the recording itself is what is played, in seconds. */
  #late = 0;

  constructor(stage: HTMLElement, video: HTMLVideoElement, says: LiveWords) {
    super();
    this.#says = says;
    this.#stage = stage;
    this.#video = video;
    this.#base = stage.dataset.base ?? "";
  }

  async start(at: number | null) {
    const mime = this.#stage.dataset.mime;
    if (mime && mediaSource()?.isTypeSupported(mime)) {
      // They are for browsers without scripts.
      for (const source of this.#video.querySelectorAll("source")) source.remove();
      const feed = new MediaFeed(this.#video, {
        mime,
        readInit: () => this.#bytes("live/init.webm"),
        readPiece: (index) => this.#bytes(`live/${index}`),
        aheadMs: AHEAD_MS,
        keep: null,
        onload: () => this.dispatchEvent(new Event("change")),
        // Tried again with the next poll or the next move of the position.
      });
      // A position is kept only then, and only up to the duration.
      await feed.ready;
      this.#feed = feed;
    } else if (await this.#stream()) {
      this.#late = STREAM_S;
    } else {
      return this.#plain();
    }
    this.#badge.hidden = false;
    this.#video.addEventListener("pause", () => this.left());
    await this.#ask();
    if (at === null) this.join();
    else this.#video.currentTime = Math.min(at, this.#reach());
    void this.#play();
    void this.#poll();
  }

  /** To the newest second, and stay there. */
  join() {
    this.following = !this.finished;
    this.#joined = performance.now();
    if (this.#isNear()) this.#toNewest();
    void this.#play();
    void this.#feed?.load();
  }

  left() {
    this.following = false;
  }

  draw(now: number) {
    const badge = this.#badge;
    badge.hidden = this.finished;
    if (this.finished) return;
    const quiet = this.#quiet();
    const behind = Math.max(1, Math.round(this.edge - now + Math.min(quiet, QUIET_MS) / 1000));
    const silent = quiet > QUIET_MS;
    badge.toggleAttribute("data-quiet", silent);
    const { words, fill } = this.#says;
    const live =
      behind < 100
        ? fill(words.behind_seconds, { count: behind })
        : fill(words.behind_minutes, { count: Math.round(behind / 60) });
    write(badge.querySelector("[data-behind]"), silent ? words.waiting : live);
    this.#say(silent ? words.rest_uploads : words.recording_now);
  }

  get #badge(): HTMLElement {
    const badge = this.#stage.querySelector<HTMLElement>(".live");
    if (badge === null) throw new Error("the page has no place for the state");
    return badge;
  }

  /** The present is as far ahead of the edge as the last part is old. */
  #joint(): number {
    const old = Math.min(this.#quiet() / 1000, this.#behind() - 1);
    return Math.max(0, this.edge + old - this.#behind());
  }

  /** How far it can be played. The H.264 stream of a recording is made from its beginning on. */
  #reach(): number {
    if (this.#late === 0) return this.edge;
    const { seekable } = this.#video;
    return seekable.length === 0 ? 0 : Math.min(this.edge, seekable.end(seekable.length - 1));
  }

  /** Whether the newest second can be played. Until then it plays on from where it is. */
  #isNear(): boolean {
    return this.edge - this.#reach() < this.#behind() + LAG_S;
  }

  #toNewest() {
    this.#video.currentTime = this.#joint();
    this.#joined = null;
  }

  #follow() {
    const lag = this.edge - this.#video.currentTime;
    if (this.#isNear()) {
      this.#joined = null;
      if (lag > this.#behind() + LAG_S) this.#toNewest();
    } else if (this.#joined !== null && performance.now() - this.#joined > CATCH_UP_MS) {
      // Nobody who has watched the beginning for minutes wants to leave it suddenly.
      this.following = false;
    }
  }

  /** How far behind the present what is played now is whole: long parts come seldom. */
  #behind(): number {
    const longest = Math.max(PART_S, ...this.#parts.slice(-3).map((part) => (part.endMs - part.startMs) / 1000));
    return JOIN_S + longest + this.#late;
  }

  #quiet(): number {
    return performance.now() - this.#quietSince;
  }

  /** Muted where the browser asks for that. */
  async #play() {
    const refused = await this.#video.play().then(
      () => false,
      (error: unknown) => error instanceof DOMException && error.name === "NotAllowedError",
    );
    if (refused) {
      this.#video.muted = true;
      await this.#video.play().catch(() => {});
    }
  }

  /** The same as H.264, where the server makes that. Returns whether this browser plays it. */
  async #stream(): Promise<boolean> {
    if (this.#stage.dataset.hls === undefined) return false;
    const prepares = this.#stage.querySelector<HTMLElement>(".preparing");
    if (prepares) prepares.hidden = false;
    const options = { base: this.#base, playlist: this.#stage.dataset.hls, lengthMs: null };
    const stream = new Hls(this.#video, options, () => void this.#plain());
    const plays = await stream.start();
    if (prepares) prepares.hidden = true;
    return plays;
  }

  /** Without MSE for this codec: what is here plays as a file; the rest after a reload. */
  async #plain(): Promise<void> {
    this.#say(this.#says.words.watch_later);
    const answer = await fetch(`${this.#base}/live`)
      .then((response) => response.json() as Promise<LiveAnswer>)
      .catch(() => null);
    if (answer?.state === "finished") return location.reload();
    setTimeout(() => void this.#plain(), 5 * POLL_MS);
  }

  async #poll() {
    await this.#ask();
    void this.#feed?.load();
    if (this.following && !this.#video.paused) this.#follow();
    this.dispatchEvent(new Event("change"));
    if (!this.finished) setTimeout(() => void this.#poll(), POLL_MS);
  }

  async #ask() {
    try {
      const response = await fetch(`${this.#base}/live?after=${this.#parts.length}`);
      const answer = (await response.json()) as LiveAnswer;
      if (answer.state === "gone") return location.reload();
      this.#cut ||= Boolean(answer.joints?.length);
      for (const [i, [startMs, endMs]] of (answer.parts ?? []).entries()) {
        this.edge = Math.max(this.edge, endMs / 1000);
        this.#parts.push(this.#cut ? { startMs, endMs, joint: joint(answer.joints?.[i]) } : { startMs, endMs });
      }
      if (answer.state === "live") this.#quietSince = performance.now() - answer.quietMs;
      if (answer.state === "finished") this.#finish();
      this.#feed?.extend(this.#parts, this.finished);
    } catch {
      // The server is out of reach for now; what is loaded plays on.
    }
  }

  #finish() {
    this.finished = true;
    this.following = false;
    this.#say(this.#says.words.recorded);
  }

  /** The page's line about the recording. */
  #say(line: string) {
    write(document.querySelector("[data-live-text]"), line);
  }

  async #bytes(path: string): Promise<ArrayBuffer> {
    const response = await fetch(`${this.#base}/${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.arrayBuffer();
  }
}

function joint(told: [number, number, number] | null | undefined): Joint | null {
  return told ? { atMs: told[0], part: told[1], offset: told[2] } : null;
}

/** Only what changed: screen readers announce what is written. */
function write(place: Element | null, words: string) {
  if (place && place.textContent !== words) place.textContent = words;
}
