/*!
 * The H.264 stream of a recording (HLS with fragmented MP4), for a browser that doesn't play the recording
 * as it is: by the browser itself, or else piece by piece through `MediaFeed`. The stream is made when it is
 * first asked for, and its playlist grows until it is complete.
 */
import { MediaFeed, mediaSource, type Piece } from "../lib/mediaFeed.ts";

const PLAYLIST = "application/vnd.apple.mpegurl";
/** Between two looks at a playlist that grows. A piece has two seconds. */
const LOOK_MS = 1500;
/** Loaded ahead of the position, at most. */
const AHEAD_MS = 45_000;
/** A browser that shows nothing of a stream for so long doesn't play it. */
const START_WAIT_MS = 12_000;
/** Older iPhones load no picture before somebody plays. One that fails does so earlier. */
const PICTURE_WAIT_MS = 1500;
/** A stream that has no piece after so long is not waited for: the server has too much to do. */
const MADE_WAIT_MS = 120_000;
/** Failures in a row, a look apart, after which nothing more is expected. */
const FAILURES_MAX = 8;

interface StreamPiece extends Piece {
  address: string;
}

export interface Playlist {
  header: string;
  pieces: StreamPiece[];
  /** No more pieces come. */
  whole: boolean;
}

/** Reads a playlist of ours: a header, and pieces one after the other. */
export function readPlaylist(text: string, base: string): Playlist | null {
  const header = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
  if (header === undefined) return null;
  const pieces: StreamPiece[] = [];
  let endMs = 0;
  for (const [, seconds, address] of text.matchAll(/#EXTINF:([\d.]+),[^\n]*\n([^#\n]+)/g)) {
    const startMs = endMs;
    endMs += Number(seconds) * 1000;
    pieces.push({ startMs, endMs, address: new URL(address ?? "", base).href });
  }
  return { header: new URL(header, base).href, pieces, whole: text.includes("#EXT-X-ENDLIST") };
}

/** Returns the type of a stream by its header, as Media Source Extensions expect it. */
export function typeOf(header: Uint8Array): string | null {
  const at = (name: string) => {
    const letters = [...name].map((letter) => letter.charCodeAt(0));
    return header.findIndex((_, n) => letters.every((letter, i) => header[n + i] === letter));
  };
  const avc = at("avcC");
  if (avc < 0) return null;
  // The version comes first, then profile, constraints and level.
  const profile = [...header.slice(avc + 5, avc + 8)].map((byte) => byte.toString(16).padStart(2, "0"));
  const sound = at("mp4a") < 0 ? "" : ",mp4a.40.2";
  return `video/mp4; codecs="avc1.${profile.join("")}${sound}"`;
}

export interface StreamOptions {
  base: string;
  version?: string | undefined;
  playlist?: string | undefined;
  lengthMs: number | null;
}

export class Hls {
  readonly #video: HTMLVideoElement;
  readonly #address: string;
  readonly #lengthMs: number | null;
  readonly #onfailure: () => void;
  /** What the browser's own player is given: it can choose among heights. */
  readonly #ownAddress: string;
  #feed: MediaFeed | null = null;
  #failures = 0;

  /**
   * `base`: the address of the video's page. `version`: the version that is shown, if the recording is over.
   * `playlist`: the one for the browser's own player. `lengthMs`: the length of the whole recording, if it is
   * over. `onfailure`: it played, and can't go on.
   */
  constructor(
    video: HTMLVideoElement,
    { base, version, playlist, lengthMs }: StreamOptions,
    onfailure: () => void,
  ) {
    this.#video = video;
    this.#lengthMs = lengthMs;
    const query = version ? `?v=${version}` : "";
    const address = (name: string) => new URL(`${base}/hls/${name}.m3u8${query}`, location.href).href;
    this.#address = address("720");
    this.#ownAddress = address(playlist || "720");
    this.#onfailure = onfailure;
  }

  /** Waits until the stream can be played. Returns whether this browser plays it. */
  async start(): Promise<boolean> {
    const playlist = await this.#made();
    if (playlist === null) return false;
    // The sources are for browsers without scripts.
    for (const source of this.#video.querySelectorAll("source")) source.remove();
    const isNative = this.#video.canPlayType(PLAYLIST) !== "";
    // While the list grows, browsers' own players can't seek to what isn't there yet, don't know how long
    // it will be, or (Chromium) don't begin at all.
    const isPartial = !playlist.whole;
    if (isPartial && (await this.#byPieces(playlist))) return true;
    if (isNative && (await this.#native())) {
      if (isPartial) this.#watch(playlist.header);
      return true;
    }
    return !isPartial && this.#byPieces(playlist);
  }

  /**
   * Looks whether the stream that the browser's own player shows is made anew: that player doesn't notice,
   * and would go on with the pieces that it has, which show parts that were replaced.
   */
  #watch(header: string) {
    const look = async () => {
      const now = await this.#look();
      if (now !== null && now.header !== header) return this.#reload();
      if (!now?.whole) setTimeout(() => void look(), LOOK_MS);
    };
    setTimeout(() => void look(), LOOK_MS);
  }

  /** The same stream once more by the browser itself, from where it was. */
  async #reload() {
    const { currentTime, paused } = this.#video;
    this.#video.removeEventListener("error", this.#onfailure);
    const playlist = await this.#made();
    if (playlist === null || !(await this.#native())) return this.#onfailure();
    if (!playlist.whole) this.#watch(playlist.header);
    this.#video.currentTime = currentTime;
    if (!paused) await this.#video.play().catch(() => {});
  }

  /** Asks for the stream until it has a piece. `null`: it isn't made. */
  async #made(): Promise<Playlist | null> {
    const asked = performance.now();
    for (let failures = 0; failures < FAILURES_MAX && performance.now() - asked < MADE_WAIT_MS; ) {
      const answer = await fetch(this.#address).catch(() => null);
      if (answer?.status === 200) return readPlaylist(await answer.text(), this.#address);
      // 202: it is being made. No answer: the network may come back.
      if (answer && answer.status !== 202) return null;
      if (answer === null) failures += 1;
      await pass(LOOK_MS);
    }
    return null;
  }

  #native(): Promise<boolean> {
    const video = this.#video;
    return new Promise((done) => {
      const end = (plays: boolean) => {
        clearTimeout(late);
        video.removeEventListener("loadedmetadata", wait);
        video.removeEventListener("loadeddata", look);
        video.removeEventListener("error", fail);
        if (plays) video.addEventListener("error", this.#onfailure);
        done(plays);
      };
      // Sound alone is no video.
      const look = () => end(video.readyState >= HTMLMediaElement.HAVE_METADATA && video.videoWidth > 0);
      const fail = () => end(false);
      let late = setTimeout(look, START_WAIT_MS);
      const wait = () => {
        if (video.videoWidth === 0) return;
        clearTimeout(late);
        late = setTimeout(look, PICTURE_WAIT_MS);
      };
      video.addEventListener("loadedmetadata", wait);
      video.addEventListener("loadeddata", look);
      video.addEventListener("error", fail);
      video.preload = "auto";
      video.src = this.#ownAddress;
    });
  }

  async #byPieces(playlist: Playlist): Promise<boolean> {
    const header = await bytes(playlist.header).catch(() => null);
    const type = header && typeOf(new Uint8Array(header));
    if (!header || !type || !mediaSource()?.isTypeSupported(type)) return false;
    let { pieces } = playlist;
    const feed = new MediaFeed(this.#video, {
      mime: type,
      readInit: async () => header,
      readPiece: (index) => bytes(pieces[index]?.address ?? this.#address),
      aheadMs: AHEAD_MS,
      keep: null,
      onload: () => (this.#failures = 0),
      onfailure: () => this.#count(),
    });
    this.#feed = feed;
    const endMs = this.#lengthMs ?? 0;
    feed.extend(pieces, playlist.whole, playlist.whole ? 0 : endMs);
    const look = async () => {
      const more = await this.#look();
      if (this.#feed !== feed) return;
      if (more && more.header !== playlist.header) return this.#again(more);
      if (more) {
        pieces = more.pieces;
        feed.extend(pieces, more.whole, more.whole ? 0 : endMs);
      }
      // A piece that failed is tried again with this, also where nothing plays.
      void feed.load();
      if (!more?.whole) setTimeout(() => void look(), LOOK_MS);
    };
    if (!playlist.whole) setTimeout(() => void look(), LOOK_MS);
    const late = pass(START_WAIT_MS).then(() => Promise.reject(new Error("the source is not opened")));
    return Promise.race([feed.ready, late]).then(
      () => true,
      () => {
        if (this.#feed === feed) this.#close();
        return false;
      },
    );
  }

  /** Parts of the recording were replaced, so its stream is made anew: what is loaded shows the old ones. */
  async #again(playlist: Playlist) {
    const { currentTime, paused } = this.#video;
    this.#close();
    if (!(await this.#byPieces(playlist))) return this.#onfailure();
    this.#video.currentTime = currentTime;
    if (!paused) await this.#video.play().catch(() => {});
  }

  async #look(): Promise<Playlist | null> {
    const answer = await fetch(this.#address).catch(() => null);
    if (answer?.status === 200) return readPlaylist(await answer.text(), this.#address);
    // 202: it is made anew, and has no piece yet.
    if (answer?.status !== 202) this.#count();
    return null;
  }

  /** The browser's own player finds out by itself that nothing comes any more. */
  #count() {
    this.#failures += 1;
    if (this.#failures < FAILURES_MAX || this.#feed === null) return;
    this.#close();
    this.#onfailure();
  }

  #close() {
    this.#feed?.close();
    this.#feed = null;
  }
}

async function bytes(address: string): Promise<ArrayBuffer> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.arrayBuffer();
}

const pass = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
