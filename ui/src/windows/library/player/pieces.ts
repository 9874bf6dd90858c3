/*! Which pieces of a recording a player wants, and which it need not hold. Pure. */
import type { PieceView } from "$lib/bindings/PieceView";

/** Enough for a slow disk, and little enough that a jump costs nothing. */
const AHEAD_MS = 20_000;
/** For a step back without a wait. */
const BEHIND_MS = 30_000;

/** The piece that is played at a time; the nearest where there is none. */
export function pieceAt(pieces: readonly PieceView[], atMs: number): number {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((pieces[middle]?.startMs ?? 0) <= atMs) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** The next to read: what is played now first, then what comes. */
export function due(
  pieces: readonly PieceView[],
  held: ReadonlySet<number>,
  atMs: number,
): number | null {
  for (let n = pieceAt(pieces, atMs); n < pieces.length; n += 1) {
    if ((pieces[n]?.startMs ?? 0) > atMs + AHEAD_MS) return null;
    if (!held.has(n)) return n;
  }
  return null;
}

/** A run of pieces that is far from what is played. */
export function stale(
  pieces: readonly PieceView[],
  held: ReadonlySet<number>,
  atMs: number,
): { indices: number[]; startMs: number; endMs: number } | null {
  const far = [...held]
    .filter((n) => {
      const piece = pieces[n];
      return (
        piece !== undefined &&
        (piece.endMs < atMs - BEHIND_MS || piece.startMs > atMs + 2 * AHEAD_MS)
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
