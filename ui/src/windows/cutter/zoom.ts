/*! How much of a recording the timeline shows, and which pictures and times fit into that. Pure. */
import type { PieceView } from "$lib/bindings/PieceView";

/** One frame is at most so wide: more shows nothing more. */
const FRAME_PX_MAX = 12;
export const ZOOM_STEP = 1.6;
/** Between two times of the ruler there is at least so much room, at the usual size of text. */
const TICK_PX_MIN = 72;
const TICKS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600] as const;

/** Returns the greatest zoom for a timeline of that width; 1 shows all. */
export const zoomMax = (width: number, durationMs: number, frameMs: number): number =>
  Math.max(1, ((durationMs / frameMs) * FRAME_PX_MAX) / Math.max(1, width));

/** Returns the times of the ruler within what is seen, in milliseconds. */
export function ticks(fromMs: number, toMs: number, pxPerMs: number, textScale = 1): number[] {
  const min = (TICK_PX_MIN * textScale) / pxPerMs;
  const step = (TICKS_S.find((seconds) => seconds * 1000 >= min) ?? 7200) * 1000;
  const first = Math.ceil(fromMs / step);
  const last = Math.floor(toMs / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => (first + n) * step);
}

export interface Thumbnail {
  /** Its place in the row, which doesn't change while the zoom stays. */
  slot: number;
  /** The piece whose first picture it shows. */
  piece: number;
  left: number;
}

/** Returns the pictures within what is seen: as many as fit side by side, whatever the length. */
export function thumbnails(
  pieces: readonly PieceView[],
  fromMs: number,
  toMs: number,
  pxPerMs: number,
  width: number,
): Thumbnail[] {
  const end = pieces.at(-1)?.endMs ?? 0;
  const slotMs = width / pxPerMs;
  const first = Math.max(0, Math.floor(fromMs / slotMs));
  const last = Math.ceil(Math.min(toMs, end) / slotMs);
  return Array.from({ length: Math.max(0, last - first) }, (_, n) => {
    const slot = first + n;
    return { slot, piece: pieceOf(pieces, Math.min((slot + 0.5) * slotMs, end)), left: slot * width };
  });
}

/** Returns the piece of that moment. */
export function pieceOf(pieces: readonly PieceView[], ms: number): number {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((pieces[middle]?.startMs ?? 0) <= ms) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
