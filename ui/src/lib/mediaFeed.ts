/*!
 * Feeds the pieces of a recording to a <video> by Media Source Extensions. The app's player and the share
 * page's live player are built on it; the page's is compiled into the cloud (`npm run share`).
 *
 * It loads what is around the playing position, so that one can join late, go back, and come back. Pieces
 * that are whole clusters (the app's) are appended in any order. Pieces that are cut anywhere (browsers'
 * recorders) mean something one after the other only: a run of them begins at a joint, which is a place in
 * a piece where playing can begin, and goes on piece by piece. Whoever seeks out of what a run has loaded
 * begins another.
 *
 * One append or removal is under way at a time. Failures are reported and end the loop; the next move of
 * the position, or `load`, tries again.
 */

/** A place in piece `part` where playing can begin: `offset` bytes into it, at the time `at`. */
export interface Joint {
  atMs: number;
  part: number;
  offset: number;
}

export interface Piece {
  startMs: number;
  endMs: number;
  /** Given where pieces are cut anywhere: the first joint in the piece; `null` if there is none. */
  joint?: Joint | null;
}

export interface FeedOptions {
  mime: string;
  /** Reads the bytes before the first piece. */
  readInit(): Promise<ArrayBuffer>;
  readPiece(index: number): Promise<ArrayBuffer>;
  /** How far ahead of the position pieces are loaded. */
  aheadMs: number;
  /** Loaded pieces further away are dropped. `null`: the browser holds as many as it has room for. */
  keep: { behindMs: number; aheadMs: number } | null;
  /** A piece was loaded. */
  onload?(): void;
  onfailure?(reason: unknown): void;
}

/** Kept behind the position when the browser's buffer is full. */
const FULL_BEHIND_MS = 20_000;
/** How often one append makes room and tries again. */
const ROOM_TRIES_MAX = 2;
/** A hole of a picture or two between pieces is stepped over. */
const GAP_S_MAX = 1;
/** Into the range behind a hole, past rounding. */
const GAP_STEP_S = 0.01;
/** A run of pieces leads to what is up to so far ahead of it; beyond that another one begins. */
const LEAP_MS = 10_000;
/** What rounding takes off a position. */
const ROUNDING_S = 0.05;

/** The run of pieces that are cut anywhere: when it began, and the piece that comes next. */
interface Run {
  fromMs: number;
  next: number;
  /** The bytes before the joint in the first piece. */
  skip: number;
  begins: boolean;
}

/** Returns what pieces can be fed to here: `MediaSource`, or the kind that iPhones have in its place. */
export function mediaSource(): typeof MediaSource | undefined {
  const managed = (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;
  return globalThis.MediaSource ?? managed;
}

export class MediaFeed {
  readonly #video: HTMLVideoElement;
  readonly #options: FeedOptions;
  readonly #source = new (mediaSource() ?? MediaSource)();
  readonly #address: string;
  readonly #ready: Promise<void>;
  #buffer: SourceBuffer | null = null;
  #init: ArrayBuffer | null = null;
  #pieces: readonly Piece[] = [];
  /** The end of what is known. */
  #endS = 0;
  /** No more pieces come. */
  #whole = false;
  #held = new Set<number>();
  #cut = false;
  #run: Run | null = null;
  #busy = false;
  #again = false;
  #closed = false;

  constructor(video: HTMLVideoElement, options: FeedOptions) {
    this.#video = video;
    this.#options = options;
    this.#address = URL.createObjectURL(this.#source);
    const once = (target: EventTarget, event: string) =>
      new Promise<void>((done) => target.addEventListener(event, () => done(), { once: true }));
    const [opened, known] = [once(this.#source, "sourceopen"), once(video, "loadedmetadata")];
    this.#ready = opened.then(() => this.#open()).then(() => known);
    // Whoever awaits `ready` is told too.
    this.#ready.catch((reason: unknown) => this.#fail(reason));
    video.addEventListener("timeupdate", this.load);
    video.addEventListener("seeking", this.#seeking);
    video.addEventListener("waiting", this.#waiting);
    // iPhones have a source of their own kind, which they open for a player only that stays on them.
    if (mediaSource() !== globalThis.MediaSource) video.disableRemotePlayback = true;
    video.src = this.#address;
  }

  /** The element knows what it plays: from now on a position is kept. Fails if nothing can be loaded. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** There are more pieces, or no more come. `endMs`: how long it will be at least. Loads nothing yet. */
  extend(pieces: readonly Piece[], whole: boolean, endMs = 0) {
    this.#pieces = pieces;
    this.#whole = whole;
    this.#endS = pieces.reduce((end, piece) => Math.max(end, piece.endMs), endMs) / 1000;
    this.#cut ||= pieces.some((piece) => piece.joint !== undefined);
    this.#settle();
  }

  /** Loads what the position needs. One at a time; what happens meanwhile is looked at after it. */
  load = async () => {
    this.#again = true;
    if (this.#busy || this.#buffer === null || this.#closed) return;
    this.#busy = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#fill(this.#buffer);
      }
    } catch (reason) {
      this.#fail(reason);
    } finally {
      this.#busy = false;
    }
  };

  close() {
    this.#closed = true;
    this.#video.removeEventListener("timeupdate", this.load);
    this.#video.removeEventListener("seeking", this.#seeking);
    this.#video.removeEventListener("waiting", this.#waiting);
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.#address);
  }

  async #open() {
    const buffer = this.#source.addSourceBuffer(this.#options.mime);
    this.#init = await this.#options.readInit();
    if (this.#closed) return;
    await updated(buffer, () => buffer.appendBuffer(this.#init as ArrayBuffer));
    this.#buffer = buffer;
    this.#settle();
    void this.load();
  }

  async #fill(buffer: SourceBuffer) {
    this.#settle();
    this.#forgetEvicted();
    for (let next = this.#wanted(); next !== null && !this.#closed; next = this.#wanted()) {
      await this.#dropStale(buffer);
      const run = this.#run;
      let bytes = await this.#options.readPiece(next);
      if (this.#closed) return;
      // Somebody sought meanwhile.
      if (run !== this.#run) continue;
      if (run?.begins) {
        await this.#beginRun(buffer);
        bytes = bytes.slice(run.skip);
        run.begins = false;
      }
      await this.#append(buffer, bytes);
      if (run) run.next += 1;
      this.#held.add(next);
      if (this.#video.readyState <= HTMLMediaElement.HAVE_METADATA) this.#stepOverGap();
      this.#settle();
      this.#options.onload?.();
    }
  }

  /** What the player holds of a piece that was cut is no beginning of what comes now. */
  async #beginRun(buffer: SourceBuffer) {
    // Opens a source that had come to its end: it can't be aborted otherwise.
    if (this.#source.readyState === "ended" && this.#init) await this.#append(buffer, this.#init);
    buffer.abort();
  }

  /** The next piece that playing will need: what is played now first, then what comes. */
  #wanted(): number | null {
    const nowMs = this.#video.currentTime * 1000;
    if (this.#cut) return this.#nextOfRun(nowMs);
    return due(this.#pieces, this.#held, nowMs, this.#options.aheadMs);
  }

  /** The piece that goes on where the last one was cut, where the run leads to the position at all. */
  #nextOfRun(nowMs: number): number | null {
    const run = this.#run;
    const reachedMs = run && (this.#pieces[run.next - 1]?.endMs ?? 0) + LEAP_MS;
    if (run === null || reachedMs === null || nowMs < run.fromMs - 100 || nowMs > reachedMs) {
      const joints = this.#pieces.map((piece) => piece.joint).filter((joint) => joint != null);
      const joint = joints.findLast((joint) => joint.atMs <= nowMs + ROUNDING_S * 1000) ?? joints[0];
      if (joint === undefined) return null;
      this.#run = { fromMs: joint.atMs, next: joint.part, skip: joint.offset, begins: true };
    }
    const next = this.#run?.next ?? 0;
    const piece = this.#pieces[next];
    return piece && piece.startMs < nowMs + this.#options.aheadMs ? next : null;
  }

  #seeking = () => {
    // What the run had loaded there was dropped, or is still to come.
    if (this.#cut && !this.#isBuffered()) this.#run = null;
    void this.load();
  };

  #waiting = () => {
    this.#stepOverGap();
    void this.load();
  };

  #isBuffered(): boolean {
    const now = this.#video.currentTime;
    return ranges(this.#video.buffered).some(([start, end]) => start <= now + ROUNDING_S && now <= end);
  }

  /** The browser drops what it has no room for, and doesn't report it. */
  #forgetEvicted() {
    if (this.#cut || this.#video.readyState > HTMLMediaElement.HAVE_METADATA) return;
    if (!this.#isBuffered() && this.#gapEnd() === null) {
      const nowMs = this.#video.currentTime * 1000;
      const at = pieceAt(this.#pieces, nowMs);
      // Behind the last piece, the next one isn't there yet.
      if (nowMs < (this.#pieces[at]?.endMs ?? 0)) this.#held.delete(at);
    }
  }

  /** Pictures begin a little after where one has sought, or a hair's breadth after the piece before. */
  #stepOverGap() {
    const end = this.#gapEnd();
    if (end !== null) this.#video.currentTime = end + GAP_STEP_S;
  }

  /** Where playing goes on behind a hole, if the position is in one whose pieces are loaded. */
  #gapEnd(): number | null {
    const now = this.#video.currentTime;
    if (!this.#cut && !this.#held.has(pieceAt(this.#pieces, now * 1000))) return null;
    const buffered = ranges(this.#video.buffered);
    if (buffered.some(([start, end]) => start <= now && end - now > ROUNDING_S)) return null;
    const next = buffered.find(([start]) => start > now);
    return next && next[0] - now < GAP_S_MAX ? next[0] : null;
  }

  /** The source knows its length before its pieces are there, and its end when all of it is loaded. */
  #settle() {
    if (this.#source.readyState !== "open" || this.#buffer === null || this.#buffer.updating) return;
    if (this.#pieces.length === 0) return;
    const { duration } = this.#source;
    if (this.#whole && this.#held.has(this.#pieces.length - 1)) this.#source.endOfStream();
    else if (!Number.isFinite(duration) || duration < this.#endS) this.#source.duration = this.#endS;
  }

  async #append(buffer: SourceBuffer, bytes: ArrayBuffer) {
    for (let tries = 0; !this.#closed; tries += 1) {
      try {
        return await updated(buffer, () => buffer.appendBuffer(bytes));
      } catch (error) {
        const full = error instanceof DOMException && error.name === "QuotaExceededError";
        if (!full || tries >= ROOM_TRIES_MAX) throw error;
        await this.#makeRoom(buffer);
      }
    }
  }

  async #makeRoom(buffer: SourceBuffer) {
    const untilMs = this.#video.currentTime * 1000 - FULL_BEHIND_MS;
    if (untilMs <= 0) throw new Error("the browser has no room for this recording");
    await updated(buffer, () => buffer.remove(0, untilMs / 1000));
    if (this.#run) this.#run.fromMs = Math.max(this.#run.fromMs, untilMs);
    for (const [index, piece] of this.#pieces.entries()) if (piece.startMs < untilMs) this.#held.delete(index);
  }

  async #dropStale(buffer: SourceBuffer) {
    const { keep } = this.#options;
    if (keep === null) return;
    const old = stale(this.#pieces, this.#held, this.#video.currentTime * 1000, keep);
    if (old === null) return;
    await updated(buffer, () => buffer.remove(old.startMs / 1000, old.endMs / 1000));
    for (const index of old.indices) this.#held.delete(index);
  }

  #fail(reason: unknown) {
    if (!this.#closed) this.#options.onfailure?.(reason);
  }
}

/** Returns the piece that is played at a time; the nearest where there is none. */
export function pieceAt(pieces: readonly Piece[], atMs: number): number {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((pieces[middle]?.startMs ?? 0) <= atMs) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** Returns the next piece to read: what is played now first, then what comes. */
export function due(
  pieces: readonly Piece[],
  held: ReadonlySet<number>,
  atMs: number,
  aheadMs: number,
): number | null {
  for (let n = pieceAt(pieces, atMs); n < pieces.length; n += 1) {
    if ((pieces[n]?.startMs ?? 0) > atMs + aheadMs) return null;
    if (!held.has(n)) return n;
  }
  return null;
}

/** Returns the first run of loaded pieces that is far from what is played. */
export function stale(
  pieces: readonly Piece[],
  held: ReadonlySet<number>,
  atMs: number,
  keep: { behindMs: number; aheadMs: number },
): { indices: number[]; startMs: number; endMs: number } | null {
  const far = [...held]
    .filter((n) => {
      const piece = pieces[n];
      return (
        piece !== undefined &&
        (piece.endMs < atMs - keep.behindMs || piece.startMs > atMs + keep.aheadMs)
      );
    })
    .sort((a, b) => a - b);
  const first = far[0];
  if (first === undefined) return null;
  const indices = far.filter((n, place) => n === first + place);
  const last = indices.at(-1) ?? first;
  return {
    indices,
    startMs: pieces[first]?.startMs ?? 0,
    endMs: pieces[last + 1]?.startMs ?? pieces[last]?.endMs ?? 0,
  };
}

const ranges = (buffered: TimeRanges): Array<[number, number]> =>
  Array.from({ length: buffered.length }, (_, n) => [buffered.start(n), buffered.end(n)]);

const updated = (buffer: SourceBuffer, begin: () => void) =>
  new Promise<void>((done, failed) => {
    const settle = (how: () => void) => () => {
      buffer.removeEventListener("updateend", fine);
      buffer.removeEventListener("error", broken);
      how();
    };
    const fine = settle(done);
    const broken = settle(() => failed(new Error("the media can't be played")));
    buffer.addEventListener("updateend", fine);
    buffer.addEventListener("error", broken);
    try {
      begin();
    } catch (error) {
      settle(() => failed(error))();
    }
  });
