/*!
 * What is kept of a recording, what is covered in it, and its chapters: every change of that, and how times of the
 * source and times of the result belong together. Pure. Times are whole milliseconds of the source unless they are
 * called output.
 *
 * Pieces are listed in playing order. A stretch that was recorded again plays before what follows it in the source, so
 * that is not always the order of the source.
 *
 * A change returns the new edit, or `null` where there is nothing to change or nothing would be left.
 */
import type { ChapterView, CoverView, CutEdit, KeptSpan } from "./program";

/** A stretch of time. */
export interface Stretch {
  startMs: number;
  endMs: number;
}

export type Edge = "start" | "end";

/** What a recording allows. */
export interface Bounds {
  durationMs: number;
  /** The length of a frame: nothing is shorter. */
  frameMs: number;
}

export const whole = (durationMs: number): CutEdit => ({
  keep: [{ startMs: 0, endMs: durationMs }],
  covers: [],
  chapters: [],
});

export const isWhole = (edit: CutEdit, durationMs: number): boolean =>
  edit.covers.length === 0 &&
  edit.chapters.length === 0 &&
  edit.keep.length === 1 &&
  edit.keep[0]!.startMs === 0 &&
  edit.keep[0]!.endMs === durationMs;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), Math.max(low, high));

// --- Times

/** Returns the length of the result. */
export const keptMs = (keep: readonly KeptSpan[]): number =>
  keep.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);

/** Returns the piece that a moment is in, or -1. */
export const pieceAt = (keep: readonly KeptSpan[], ms: number): number =>
  keep.findIndex(({ startMs, endMs }) => ms >= startMs && ms < endMs);

/** Returns the piece that a moment is in or next to. */
export function nearestPiece(keep: readonly KeptSpan[], ms: number): number {
  const far = ({ startMs, endMs }: KeptSpan) => Math.max(startMs - ms, ms - endMs, 0);
  return keep.reduce((best, piece, n) => (far(piece) < far(keep[best]!) ? n : best), 0);
}

/** Returns where a moment of the source is in the result, or `null` if it is cut out. */
export function outputMs(keep: readonly KeptSpan[], ms: number): number | null {
  let before = 0;
  for (const { startMs, endMs } of keep) {
    if (ms >= startMs && ms < endMs) return before + ms - startMs;
    before += endMs - startMs;
  }
  return null;
}

/** Returns the moment of the source that the result shows then. */
export function sourceMs(keep: readonly KeptSpan[], output: number): number {
  let left = Math.max(0, output);
  for (const { startMs, endMs } of keep) {
    if (left < endMs - startMs) return startMs + left;
    left -= endMs - startMs;
  }
  return keep.at(-1)?.endMs ?? 0;
}

const inSource = (keep: readonly KeptSpan[]) => keep.toSorted((a, b) => a.startMs - b.startMs);

/** The piece of the source that ends last before a moment, or with it. */
const behind = (keep: readonly KeptSpan[], ms: number) => inSource(keep).findLast(({ endMs }) => endMs <= ms);

/** The piece of the source that begins first after a moment. */
const ahead = (keep: readonly KeptSpan[], ms: number) => inSource(keep).find(({ startMs }) => startMs > ms);

/**
 * Returns where playing goes on: there, or where the piece begins that plays next. `from` is a moment before, by which
 * the piece is known that has just ended. `null` after the last piece.
 */
export function nextKept(keep: readonly KeptSpan[], ms: number, from = ms): number | null {
  const played = pieceAt(keep, from);
  if (played !== -1) return ms < keep[played]!.endMs ? ms : (keep[played + 1]?.startMs ?? null);
  if (pieceAt(keep, ms) !== -1) return ms;
  const ended = behind(keep, ms);
  const next = ended === undefined ? ahead(keep, ms) : keep[keep.indexOf(ended) + 1];
  return next?.startMs ?? null;
}

/** Returns where playing backwards goes on, in the same way. `null` before the first piece. */
export function lastKept(keep: readonly KeptSpan[], ms: number, from = ms): number | null {
  const played = pieceAt(keep, from);
  if (played !== -1 && ms >= keep[played]!.startMs) return ms;
  if (played === -1 && pieceAt(keep, ms) !== -1) return ms;
  const before = played === -1 ? behind(keep, ms) : keep[played - 1];
  return before === undefined ? null : before.endMs - 1;
}

/** Returns what is cut out, in the order of the source. */
export function gaps(keep: readonly KeptSpan[], durationMs: number): Stretch[] {
  const sorted = inSource(keep);
  const ends = [0, ...sorted.map(({ endMs }) => endMs)];
  const starts = [...sorted.map(({ startMs }) => startMs), durationMs];
  return ends
    .map((endMs, n) => ({ startMs: endMs, endMs: starts[n] ?? durationMs }))
    .filter(({ startMs, endMs }) => endMs > startMs);
}

/** Returns a moment some frames on. Times are rounded to milliseconds, frames are not lost by it. */
export function stepped(ms: number, frames: number, { durationMs, frameMs }: Bounds): number {
  const to = Math.round((Math.round(ms / frameMs) + frames) * frameMs);
  return clamp(to, 0, durationMs);
}

// --- Pieces

export function split(edit: CutEdit, ms: number, { frameMs }: Bounds): CutEdit | null {
  const n = pieceAt(edit.keep, ms);
  const piece = edit.keep[n];
  const min = Math.round(frameMs);
  if (piece === undefined || ms - piece.startMs < min || piece.endMs - ms < min) return null;
  const parts = [
    { ...piece, endMs: ms },
    { ...piece, startMs: ms },
  ];
  return { ...edit, keep: edit.keep.toSpliced(n, 1, ...parts) };
}

/** Makes one piece of two that touch. */
export function join(edit: CutEdit, n: number): CutEdit | null {
  const [piece, next] = [edit.keep[n], edit.keep[n + 1]];
  if (piece === undefined || next === undefined || piece.endMs !== next.startMs) return null;
  return { ...edit, keep: edit.keep.toSpliced(n, 2, { ...piece, endMs: next.endMs }) };
}

/** Cuts a stretch out. What would be left shorter than a frame goes with it. */
export function cutOut(edit: CutEdit, { startMs, endMs }: Stretch, { frameMs }: Bounds): CutEdit | null {
  const min = Math.round(frameMs);
  const keep = edit.keep
    .flatMap((piece) => [
      { startMs: piece.startMs, endMs: Math.min(piece.endMs, startMs) },
      { startMs: Math.max(piece.startMs, endMs), endMs: piece.endMs },
    ])
    .filter((piece) => piece.endMs - piece.startMs >= min);
  if (endMs <= startMs || keep.length === 0 || keptMs(keep) === keptMs(edit.keep)) return null;
  return { ...edit, keep };
}

export const deletePiece = (edit: CutEdit, n: number): CutEdit | null =>
  edit.keep.length < 2 || edit.keep[n] === undefined ? null : { ...edit, keep: edit.keep.toSpliced(n, 1) };

/**
 * Brings back what was cut out between two pieces, or before the first, or after the last. What plays in its place stays
 * behind it.
 */
export function restore(edit: CutEdit, gap: Stretch): CutEdit | null {
  const before = edit.keep.findIndex(({ endMs }) => endMs === gap.startMs);
  const after = edit.keep.findIndex(({ startMs }) => startMs === gap.endMs);
  const [left, right] = [edit.keep[before], edit.keep[after]];
  if (left !== undefined && right !== undefined && after === before + 1) {
    const one = { startMs: left.startMs, endMs: right.endMs };
    return { ...edit, keep: edit.keep.toSpliced(before, 2, one) };
  }
  if (left !== undefined) return { ...edit, keep: edit.keep.with(before, { ...left, endMs: gap.endMs }) };
  if (right !== undefined) return { ...edit, keep: edit.keep.with(after, { ...right, startMs: gap.startMs }) };
  return null;
}

/** Moves an end of a piece, up to the pieces beside it in the source. */
export function moveEdge(edit: CutEdit, n: number, edge: Edge, toMs: number, bounds: Bounds): CutEdit | null {
  const piece = edit.keep[n];
  if (piece === undefined) return null;
  const min = Math.round(bounds.frameMs);
  const low = behind(edit.keep, piece.startMs)?.endMs ?? 0;
  const high = ahead(edit.keep, piece.startMs)?.startMs ?? bounds.durationMs;
  const moved =
    edge === "start"
      ? { ...piece, startMs: clamp(toMs, low, piece.endMs - min) }
      : { ...piece, endMs: clamp(toMs, piece.startMs + min, high) };
  if (moved.startMs === piece.startMs && moved.endMs === piece.endMs) return null;
  return { ...edit, keep: edit.keep.with(n, moved) };
}

// --- Covers

export const COVERS_MAX = 200;
/** How long a new cover lasts, as far as the recording goes. */
const COVER_MS = 5_000;
/** Encoders have nothing smaller to hide. */
export const COVER_PX_MIN = 8;

export interface Size {
  width: number;
  height: number;
}

/** Returns an area in whole pixels, inside of the picture. */
export function fitted(area: CoverView["area"], { width, height }: Size): CoverView["area"] {
  const w = clamp(Math.round(area.width), Math.min(COVER_PX_MIN, width), width);
  const h = clamp(Math.round(area.height), Math.min(COVER_PX_MIN, height), height);
  return {
    x: clamp(Math.round(area.x), 0, width - w),
    y: clamp(Math.round(area.y), 0, height - h),
    width: w,
    height: h,
  };
}

export function addCover(edit: CutEdit, area: CoverView["area"], atMs: number, bounds: Bounds, size: Size): CutEdit | null {
  if (edit.covers.length >= COVERS_MAX) return null;
  const startMs = clamp(atMs, 0, bounds.durationMs - Math.round(bounds.frameMs));
  const endMs = Math.min(startMs + COVER_MS, bounds.durationMs);
  const cover: CoverView = { area: fitted(area, size), startMs, endMs, look: "solid" };
  return { ...edit, covers: [...edit.covers, cover] };
}

export function changeCover(edit: CutEdit, n: number, change: Partial<CoverView>, size: Size): CutEdit | null {
  const cover = edit.covers[n];
  if (cover === undefined) return null;
  const changed = { ...cover, ...change };
  return { ...edit, covers: edit.covers.with(n, { ...changed, area: fitted(changed.area, size) }) };
}

/** Moves an end of a cover's time. */
export function moveCoverEdge(edit: CutEdit, n: number, edge: Edge, toMs: number, bounds: Bounds): CutEdit | null {
  const cover = edit.covers[n];
  if (cover === undefined) return null;
  const min = Math.round(bounds.frameMs);
  const moved =
    edge === "start"
      ? { ...cover, startMs: clamp(toMs, 0, cover.endMs - min) }
      : { ...cover, endMs: clamp(toMs, cover.startMs + min, bounds.durationMs) };
  if (moved.startMs === cover.startMs && moved.endMs === cover.endMs) return null;
  return { ...edit, covers: edit.covers.with(n, moved) };
}

export const deleteCover = (edit: CutEdit, n: number): CutEdit | null =>
  edit.covers[n] === undefined ? null : { ...edit, covers: edit.covers.toSpliced(n, 1) };

// --- Chapters

export const CHAPTERS_MAX = 500;
/** What the program keeps of a title, in UTF-8. */
const TITLE_BYTES_MAX = 400;

const inOrder = (chapters: readonly ChapterView[]) => [...chapters].sort((a, b) => a.startMs - b.startMs);

/** Returns a title as it may be stored. */
export function titled(title: string): string {
  const encoder = new TextEncoder();
  let kept = "";
  let bytes = 0;
  for (const letter of title) {
    bytes += encoder.encode(letter).length;
    if (bytes > TITLE_BYTES_MAX) break;
    kept += letter;
  }
  return kept;
}

/** Adds a chapter. There is one at most at a moment. */
export function addChapter(edit: CutEdit, startMs: number, title: string): CutEdit | null {
  const isThere = edit.chapters.some((chapter) => chapter.startMs === startMs);
  if (isThere || edit.chapters.length >= CHAPTERS_MAX) return null;
  return { ...edit, chapters: inOrder([...edit.chapters, { startMs, title: titled(title) }]) };
}

export function renameChapter(edit: CutEdit, n: number, title: string): CutEdit | null {
  const chapter = edit.chapters[n];
  if (chapter === undefined || chapter.title === titled(title)) return null;
  return { ...edit, chapters: edit.chapters.with(n, { ...chapter, title: titled(title) }) };
}

/** Moves a chapter between those beside it. */
export function moveChapter(edit: CutEdit, n: number, toMs: number, { durationMs }: Bounds): CutEdit | null {
  const chapter = edit.chapters[n];
  if (chapter === undefined) return null;
  const low = n === 0 ? 0 : edit.chapters[n - 1]!.startMs + 1;
  const high = (edit.chapters[n + 1]?.startMs ?? durationMs) - 1;
  const startMs = clamp(toMs, low, high);
  return startMs === chapter.startMs ? null : { ...edit, chapters: edit.chapters.with(n, { ...chapter, startMs }) };
}

export const deleteChapter = (edit: CutEdit, n: number): CutEdit | null =>
  edit.chapters[n] === undefined ? null : { ...edit, chapters: edit.chapters.toSpliced(n, 1) };
