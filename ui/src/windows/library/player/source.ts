/*!
 * The ways in which a recording reaches a <video>, tried in this order until one plays:
 *
 * 1. "file": the sealed segments as one seekable file by HTTP byte ranges. What Debian's WebKitGTK
 *    plays with sound, and with nothing but the packages that Snaplark depends on.
 * 2. "file" once more, from the same position: a pipeline that got stuck is made anew.
 * 3. "pieces": Media Source Extensions (see `mediaFeed.ts`), where the WebView takes the codecs. Debian's
 *    has no Opus there: it would need gst-plugins-bad.
 *
 * A file doesn't grow under a player. While a recording runs it is loaded again when its end is
 * reached and there is more, and once when it is whole.
 */
import { media, type Playable } from "$lib/ipc";
import { MediaFeed } from "$lib/mediaFeed";

export interface Source {
  /** The recording has grown, or is whole. */
  extend(view: Playable): void;
  close(): void;
}

export type Way = "file" | "pieces";

export function ways(view: Playable): Way[] {
  // A video that was brought in is one file.
  const isFile = view.pieces.length === 0 && !view.running;
  const pieces: Way[] = !isFile && MediaSource.isTypeSupported(view.mime) ? ["pieces"] : [];
  return view.file === null || view.file === undefined ? pieces : ["file", "file", ...pieces];
}

/** `at`: where it plays on, in seconds. */
export function open(
  way: Way,
  video: HTMLVideoElement,
  id: string,
  view: Playable,
  at: number,
  onfailure: (reason: unknown) => void,
): Source {
  if (way === "file") return new FileSource(video, view, at);
  return new PiecesSource(video, id, view, at, onfailure);
}

/** Enough for a slow disk, and little enough that a jump costs nothing. */
const AHEAD_MS = 20_000;
/** Behind: for a step back without a wait. A minute around the position is held, whatever the length. */
const KEEP = { behindMs: 30_000, aheadMs: 2 * AHEAD_MS };

class PiecesSource implements Source {
  readonly #feed: MediaFeed;

  constructor(
    video: HTMLVideoElement,
    id: string,
    view: Playable,
    at: number,
    onfailure: (reason: unknown) => void,
  ) {
    this.#feed = new MediaFeed(video, {
      mime: view.mime,
      readInit: () => read(media.init(id)),
      readPiece: (index) => read(media.piece(id, index)),
      aheadMs: AHEAD_MS,
      keep: KEEP,
      onfailure,
    });
    this.#feed.extend(view.pieces, !view.running);
    if (at > 0) video.currentTime = at;
  }

  extend(view: Playable) {
    this.#feed.extend(view.pieces, !view.running);
    void this.#feed.load();
  }

  close() {
    this.#feed.close();
  }
}

async function read(address: string): Promise<ArrayBuffer> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.arrayBuffer();
}

class FileSource implements Source {
  readonly #video: HTMLVideoElement;
  #view: Playable;
  /** The number of pieces in the loaded file. */
  #loaded = 0;
  #loads = 0;

  constructor(video: HTMLVideoElement, view: Playable, at: number) {
    this.#video = video;
    this.#view = view;
    video.addEventListener("ended", this.#atEnd);
    this.#load(at);
  }

  extend(view: Playable) {
    const completed = this.#view.running && !view.running;
    this.#view = view;
    if (view.pieces.length > this.#loaded && (completed || this.#video.ended)) this.#reload();
  }

  close() {
    this.#video.removeEventListener("ended", this.#atEnd);
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  #atEnd = () => {
    if (this.#view.pieces.length > this.#loaded) this.#reload();
  };

  #reload() {
    const plays = !this.#video.paused || this.#video.ended;
    this.#load(this.#video.currentTime);
    if (plays) this.#video.play().catch(() => {});
  }

  #load(at: number) {
    const video = this.#video;
    this.#loaded = this.#view.pieces.length;
    this.#loads += 1;
    // A new address each time: what was cached of the shorter file is not this one.
    video.src = `${this.#view.file}?${this.#loaded}-${this.#loads}`;
    if (at <= 0) return;
    const address = video.src;
    video.addEventListener(
      "loadedmetadata",
      () => {
        if (video.src === address) video.currentTime = at;
      },
      { once: true },
    );
  }
}
