/*! Which pieces are loaded and dropped; and the feed of a real video, in Chromium. */
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import demo from "../dev/demo.webm?url";
import { MediaFeed, due, pieceAt, stale, type FeedOptions, type Piece } from "./mediaFeed";

/** Two seconds each, and a short one last, as recordings are cut. */
const pieces = Array.from({ length: 60 }, (_, n) => ({
  startMs: n * 2000,
  endMs: n === 59 ? 118_300 : (n + 1) * 2000,
}));
const KEEP = { behindMs: 30_000, aheadMs: 40_000 };
const range = (from: number, to: number) =>
  new Set(Array.from({ length: to - from }, (_, n) => from + n));

test.each([
  [0, 0],
  [1_999, 0],
  [2_000, 1],
  [61_000, 30],
  [118_200, 59],
  [500_000, 59],
  [-5, 0],
])("at %i ms piece %i is played", (atMs, piece) => expect(pieceAt(pieces, atMs)).toBe(piece));

test("what is played now is read first, then twenty seconds of what comes", () => {
  expect(due(pieces, new Set(), 61_000, 20_000)).toBe(30);
  expect(due(pieces, range(30, 34), 61_000, 20_000)).toBe(34);
  expect(due(pieces, range(30, 41), 61_000, 20_000)).toBeNull();
  expect(due(pieces, range(30, 41), 63_000, 20_000)).toBe(41);
});

test("after a jump back nothing that is held is read twice", () => {
  expect(due(pieces, range(30, 41), 0, 20_000)).toBe(0);
  expect(due(pieces, new Set([0, 1, ...range(30, 41)]), 0, 20_000)).toBe(2);
});

test("the end is the end", () => {
  expect(due(pieces, range(50, 60), 117_000, 20_000)).toBeNull();
  expect(due([], new Set(), 0, 20_000)).toBeNull();
});

test("what is far behind or ahead goes, a run at a time", () => {
  expect(stale(pieces, range(10, 41), 61_000, KEEP)).toEqual({
    indices: [10, 11, 12, 13, 14],
    startMs: 20_000,
    endMs: 30_000,
  });
  expect(stale(pieces, range(16, 41), 61_000, KEEP)).toBeNull();
  expect(stale(pieces, range(50, 60), 10_000, KEEP)).toEqual({
    indices: [...range(50, 60)],
    startMs: 100_000,
    endMs: 118_300,
  });
});

/** A real video, cut into its clusters as the program cuts recordings. */
interface Cut {
  mime: string;
  init: ArrayBuffer;
  clusters: ArrayBuffer[];
  pieces: Piece[];
}

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];

async function cut(): Promise<Cut> {
  const bytes = new Uint8Array(await (await fetch(demo)).arrayBuffer());
  const begins = [...bytes.keys()].filter((at) => CLUSTER.every((byte, n) => bytes[at + n] === byte));
  const clusters = begins.map((begin, n) => bytes.slice(begin, begins[n + 1] ?? bytes.length).buffer);
  const times = clusters.map(timeOf);
  return {
    mime: 'video/webm; codecs="vp9"',
    init: bytes.slice(0, begins[0]).buffer,
    clusters,
    pieces: times.map((startMs, n) => ({ startMs, endMs: times[n + 1] ?? 102_000 })),
  };
}

/** Of a cluster: its Timestamp is the first element in it. */
function timeOf(cluster: ArrayBuffer): number {
  const bytes = new Uint8Array(cluster);
  const at = bytes.indexOf(0xe7, CLUSTER.length);
  const length = (bytes[at + 1] ?? 0x80) & 0x7f;
  return bytes.subarray(at + 2, at + 2 + length).reduce((time, byte) => time * 256 + byte, 0);
}

let film: Cut;
let video: HTMLVideoElement;
let feed: MediaFeed | null = null;
let reads: number[] = [];

beforeAll(async () => {
  film = await cut();
});

beforeEach(() => {
  video = document.body.appendChild(document.createElement("video"));
  video.muted = true;
  reads = [];
});

afterEach(() => {
  feed?.close();
  feed = null;
  video.remove();
  vi.restoreAllMocks();
});

function open(options: Partial<FeedOptions> = {}): MediaFeed {
  feed = new MediaFeed(video, {
    mime: film.mime,
    readInit: () => Promise.resolve(film.init),
    readPiece: (index) => {
      reads.push(index);
      return Promise.resolve(film.clusters[index] as ArrayBuffer);
    },
    aheadMs: 20_000,
    keep: KEEP,
    ...options,
  });
  return feed;
}

const showsPictureAt = (seconds: number) =>
  expect
    .poll(
      () =>
        Math.abs(video.currentTime - seconds) < 0.6 &&
        video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA,
    )
    .toBe(true);

test("length is known before the pieces are loaded, and a seek loads what is there alone", async () => {
  const feed = open();
  feed.extend(film.pieces, true);
  await feed.ready;
  expect(video.duration).toBeCloseTo(102, 0);
  video.currentTime = 90;
  await showsPictureAt(90);
  expect(reads.filter((n) => (film.pieces[n]?.startMs ?? 0) > 30_000 && (film.pieces[n]?.endMs ?? 0) < 80_000)).toEqual([]);
});

test("recording that runs has no end until it is whole", async () => {
  const feed = open();
  feed.extend(film.pieces.slice(0, 3), false);
  await feed.ready;
  const endS = (film.pieces[2]?.endMs ?? 0) / 1000;
  video.currentTime = endS - 0.6;
  // Without more pieces it comes to a halt, and not to an end.
  void video.play().catch(() => {});
  await expect.poll(() => video.buffered.length && video.buffered.end(video.buffered.length - 1)).toBeGreaterThan(endS - 0.5);
  expect(video.ended).toBe(false);
  feed.extend(film.pieces.slice(0, 5), true);
  void feed.load();
  await expect.poll(() => video.currentTime, { timeout: 3_000 }).toBeGreaterThan(endS);
  expect(video.ended).toBe(false);
  video.currentTime = (film.pieces[4]?.endMs ?? 0) / 1000 - 0.3;
  await expect.poll(() => video.ended, { timeout: 3_000 }).toBe(true);
});

test("pieces that are cut anywhere play from the joint before the position", async () => {
  // Pieces of equal size, whatever the clusters: each with the first cluster that begins in it.
  const stream = new Uint8Array(await new Blob(film.clusters).arrayBuffer());
  const size = Math.ceil(stream.length / 40);
  let at = 0;
  const begins = film.clusters.map((cluster) => (at += cluster.byteLength) - cluster.byteLength);
  const pieces = Array.from({ length: 40 }, (_, part): Piece => {
    const first = begins.findIndex((begin) => Math.floor(begin / size) === part);
    const atMs = film.pieces[first]?.startMs;
    const joint = atMs === undefined ? null : { atMs, part, offset: (begins[first] ?? 0) % size };
    return { startMs: (part * 102_000) / 40, endMs: ((part + 1) * 102_000) / 40, joint };
  });
  const feed = open({
    readPiece: (index) => {
      reads.push(index);
      return Promise.resolve(stream.slice(index * size, (index + 1) * size).buffer);
    },
    keep: null,
  });
  feed.extend(pieces, true);
  await feed.ready;
  await showsPictureAt(0);
  reads = [];
  video.currentTime = 80;
  await showsPictureAt(80);
  // Piece 31 holds that time; where bytes and times differ, some pieces before it are read.
  expect(Math.min(...reads)).toBeGreaterThan(15);
  // Back to what the first run had loaded, and from the end of it on.
  video.currentTime = 5;
  await showsPictureAt(5);
});

test("full buffer drops what is far behind, and the piece is appended after it", async () => {
  const feed = open({ keep: null });
  feed.extend(film.pieces, true);
  await feed.ready;
  await showsPictureAt(0);
  video.currentTime = 60;
  await showsPictureAt(60);
  const append = SourceBuffer.prototype.appendBuffer;
  let full = true;
  vi.spyOn(SourceBuffer.prototype, "appendBuffer").mockImplementation(function (this: SourceBuffer, bytes) {
    if (full) {
      full = false;
      throw new DOMException("full", "QuotaExceededError");
    }
    append.call(this, bytes);
  });
  video.currentTime = 95;
  await showsPictureAt(95);
  expect(full).toBe(false);
  expect(video.buffered.start(0)).toBeGreaterThan(30);
});

test("piece that can't be read is reported, and read again with the next load", async () => {
  const failed: unknown[] = [];
  let away = true;
  const feed = open({
    readPiece: (index) =>
      away ? Promise.reject(new Error("away")) : Promise.resolve(film.clusters[index] as ArrayBuffer),
    onfailure: (reason) => failed.push(reason),
  });
  feed.extend(film.pieces, true);
  await feed.ready;
  await expect.poll(() => failed.length).toBeGreaterThan(0);
  away = false;
  await feed.load();
  await showsPictureAt(0);
});

test("hole between pieces is stepped over", async () => {
  const feed = open();
  // The second piece begins 0.4 s late.
  const append = SourceBuffer.prototype.appendBuffer;
  vi.spyOn(SourceBuffer.prototype, "appendBuffer").mockImplementation(function (this: SourceBuffer, bytes) {
    if (bytes === film.clusters[1]) this.timestampOffset = 0.4;
    else if (bytes === film.clusters[2]) this.timestampOffset = 0;
    append.call(this, bytes);
  });
  feed.extend(film.pieces, true);
  await feed.ready;
  await showsPictureAt(0);
  const hole = (film.pieces[1]?.startMs ?? 0) / 1000;
  video.currentTime = hole - 0.3;
  await video.play();
  await expect.poll(() => video.currentTime).toBeGreaterThan(hole + 0.6);
});
