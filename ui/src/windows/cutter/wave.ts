/*!
 * The waveform of a recording, stretch by stretch: what is seen first, one at a time, each once. Stretches are as the
 * program makes them: from a piece on, pieces are added up to two minutes.
 */
import type { PieceView } from "$lib/bindings/PieceView";

/** The same as in the program (`WAVEFORM_MS_MAX`). */
const STRETCH_MS = 120_000;
/** One peak (`PEAK_MS`). */
export const PEAK_MS = 50;

export interface Wave {
  startMs: number;
  endMs: number;
  /** The piece with which it begins. */
  piece: number;
  /** 0 to 255; `null` before it is there. */
  peaks: readonly number[] | null;
}

/** Returns the stretches of a recording, without their peaks. */
export function stretches(pieces: readonly PieceView[]): Wave[] {
  const all: Wave[] = [];
  for (const [piece, { startMs, endMs }] of pieces.entries()) {
    const last = all.at(-1);
    if (last === undefined || startMs >= last.startMs + STRETCH_MS) all.push({ startMs, endMs, piece, peaks: null });
    else last.endMs = endMs;
  }
  return all;
}

/** Returns the stretch to ask for next: one that is seen, or else any. `null` if all are there. */
export function wanted(waves: readonly Wave[], fromMs: number, toMs: number): Wave | null {
  const missing = waves.filter(({ peaks }) => peaks === null);
  return missing.find(({ startMs, endMs }) => startMs < toMs && endMs > fromMs) ?? missing[0] ?? null;
}

/** Returns the highest peak between two moments, 0 to 255. */
export function peak(waves: readonly Wave[], fromMs: number, toMs: number): number {
  let high = 0;
  for (const { startMs, endMs, peaks } of waves) {
    if (peaks === null || startMs >= toMs || endMs <= fromMs) continue;
    const first = Math.max(0, Math.floor((fromMs - startMs) / PEAK_MS));
    const last = Math.min(peaks.length, Math.max(first + 1, Math.ceil((toMs - startMs) / PEAK_MS)));
    for (let n = first; n < last; n += 1) high = Math.max(high, peaks[n] ?? 0);
  }
  return high;
}
