/*!
 * Which pieces of the last minutes are to be shared: whole ones, since only at a piece's beginning a
 * video can be cut without encoding it again. Pure.
 */
import type { PieceView } from "$lib/bindings/PieceView";

/** Pieces from `start` up to `end`; at least one. */
export interface Range {
  start: number;
  end: number;
}

export type Edge = keyof Range;

/** The number of pieces that Page Up and Page Down move: some ten seconds. */
const PAGE = 5;

/** Returns the positions that an edge can have, in ms: before each piece, and after the last. */
export const bounds = (pieces: readonly PieceView[]): number[] => [
  ...pieces.map(({ startMs }) => startMs),
  pieces.at(-1)?.endMs ?? 0,
];

/** The place of the bound that is nearest to a time. */
export function nearest(bounds: readonly number[], atMs: number): number {
  const far = (place: number) => Math.abs((bounds[place] ?? 0) - atMs);
  return bounds.reduce((best, _, place) => (far(place) < far(best) ? place : best), 0);
}

/** The range with one edge elsewhere, as far as the other one lets it. */
export function moved(range: Range, edge: Edge, to: number, pieces: number): Range {
  const within = (low: number, high: number) => Math.min(Math.max(low, to), high);
  return edge === "start"
    ? { ...range, start: within(0, range.end - 1) }
    : { ...range, end: within(range.start + 1, pieces) };
}

/** Returns where a key moves an edge, or `null`. Right is later in every language. */
export function keyed(key: string, at: number, pieces: number): number | null {
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return at + 1;
    case "ArrowLeft":
    case "ArrowDown":
      return at - 1;
    case "PageUp":
      return at + PAGE;
    case "PageDown":
      return at - PAGE;
    case "Home":
      return 0;
    case "End":
      return pieces;
    default:
      return null;
  }
}
