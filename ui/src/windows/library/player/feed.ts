/*!
 * A recording's pieces into a <video>: by Media Source Extensions, as the program cuts recordings
 * just so. WebKitGTK plays no video from a scheme of one's own, and a blob would hold hours in
 * memory; here a minute around what is played is held, whatever the length, and one that still runs
 * grows at its end.
 */
import type { MediaView } from "$lib/bindings/MediaView";
import { media } from "$lib/ipc";
import { due, pieceAt, stale } from "./pieces";

/** A gap between what is buffered that is stepped over: a picture's time, rounded. */
const GAP_S_MAX = 0.5;

export class Feed {
  /** What is read fails here, with the reason for the log. */
  onfailure: (reason: unknown) => void = () => {};
  readonly #video: HTMLVideoElement;
  readonly #id: string;
  #view: MediaView;
  #held = new Set<number>();
  #source = new MediaSource();
  #buffer: SourceBuffer | null = null;
  #busy = false;
  #again = false;
  #closed = false;
  readonly #address: string;

  constructor(video: HTMLVideoElement, id: string, view: MediaView) {
    this.#video = video;
    this.#id = id;
    this.#view = view;
    this.#address = URL.createObjectURL(this.#source);
    this.#source.addEventListener("sourceopen", () => void this.#open(), { once: true });
    for (const moment of ["timeupdate", "seeking", "waiting"]) {
      video.addEventListener(moment, this.#pump);
    }
    video.src = this.#address;
  }

  /** It has grown. */
  extend(view: MediaView) {
    this.#view = view;
    void this.#pump();
  }

  close() {
    this.#closed = true;
    for (const moment of ["timeupdate", "seeking", "waiting"]) {
      this.#video.removeEventListener(moment, this.#pump);
    }
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.#address);
  }

  async #open() {
    try {
      const buffer = this.#source.addSourceBuffer(this.#view.mime);
      await this.#append(buffer, media.init(this.#id));
      this.#buffer = buffer;
      await this.#pump();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** One at a time; what happens meanwhile is looked at after it. */
  #pump = async () => {
    this.#again = true;
    if (this.#busy || this.#buffer === null) return;
    this.#busy = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        await this.#feed(this.#buffer);
      }
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#busy = false;
    }
  };

  async #feed(buffer: SourceBuffer) {
    const { pieces, running } = this.#view;
    const last = pieces.at(-1);
    if (last === undefined) return;
    const now = () => this.#video.currentTime * 1000;
    const end = last.endMs / 1000;
    // Known before its pieces are there, so that one can seek to any of them.
    if (this.#source.readyState === "open" && !(this.#source.duration >= end)) {
      this.#source.duration = end;
    }
    this.#forgetEvicted(buffer);
    for (let next = due(pieces, this.#held, now()); next !== null && !this.#closed; ) {
      const old = stale(pieces, this.#held, now());
      if (old !== null) await this.#remove(buffer, old);
      await this.#append(buffer, media.piece(this.#id, next));
      this.#held.add(next);
      this.#step();
      next = due(pieces, this.#held, now());
    }
    if (this.#closed || this.#source.readyState !== "open") return;
    if (!running && this.#held.has(pieces.length - 1)) this.#source.endOfStream();
  }

  /** The browser lets go of what it has no room for, and says nothing. */
  #forgetEvicted(buffer: SourceBuffer) {
    const at = pieceAt(this.#view.pieces, this.#video.currentTime * 1000);
    if (this.#video.readyState <= HTMLMediaElement.HAVE_METADATA && !this.#isBuffered(buffer)) {
      this.#held.delete(at);
    }
  }

  #isBuffered(buffer: SourceBuffer): boolean {
    const now = this.#video.currentTime;
    const { buffered } = buffer;
    for (let n = 0; n < buffered.length; n += 1) {
      if (buffered.start(n) - GAP_S_MAX <= now && now <= buffered.end(n)) return true;
    }
    return false;
  }

  /** Pictures begin a little after where one has sought, or a hair's breadth after the piece before. */
  #step() {
    const { buffered, currentTime, readyState } = this.#video;
    if (readyState > HTMLMediaElement.HAVE_METADATA) return;
    for (let n = 0; n < buffered.length; n += 1) {
      const ahead = buffered.start(n) - currentTime;
      if (ahead > 0 && ahead <= GAP_S_MAX) this.#video.currentTime = buffered.start(n);
    }
  }

  async #append(buffer: SourceBuffer, address: string) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    const bytes = await answer.arrayBuffer();
    if (this.#closed) return;
    await updated(buffer, () => buffer.appendBuffer(bytes));
  }

  async #remove(buffer: SourceBuffer, { indices, startMs, endMs }: NonNullable<ReturnType<typeof stale>>) {
    await updated(buffer, () => buffer.remove(startMs / 1000, endMs / 1000));
    for (const index of indices) this.#held.delete(index);
  }

  #fail(reason: unknown) {
    if (!this.#closed) this.onfailure(reason);
  }
}

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
    begin();
  });
