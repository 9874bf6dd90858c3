/*! What fits into a timeline: pictures, times, waveform; and what its keys mean. */
import { expect, test } from "vitest";
import { deedOf, slid } from "./keys";
import { clock } from "./names";
import { peak, stretches, wanted } from "./wave";
import { pieceOf, thumbnails, ticks, zoomMax } from "./zoom";

const pieces = (seconds: number) =>
  Array.from({ length: seconds / 2 }, (_, n) => ({ startMs: n * 2_000, endMs: (n + 1) * 2_000 }));
const HOURS = pieces(2 * 3600);
const DURATION_MS = 2 * 3600 * 1000;

test("two hours show as many pictures as fit, from both ends", () => {
  const scale = 1_000 / DURATION_MS;
  const shown = thumbnails(HOURS, 0, DURATION_MS, scale, 92);
  expect(shown.length).toBe(11);
  expect([shown[0]!.piece, shown.at(-1)!.piece]).toEqual([165, 3477]);
  const near = thumbnails(HOURS, 3_600_000, 3_610_000, 0.1, 92);
  expect(near.length).toBeLessThan(13);
  expect(near.every(({ piece }) => Math.abs(piece - 1_802) < 5)).toBe(true);
  expect(thumbnails([], 0, 1, 1, 92)).toEqual([]);
});

test("a recording of nine hours has a picture at each place, at any zoom, and never more than fit", () => {
  const durationMs = 9 * 3600 * 1000;
  const all = pieces(9 * 3600);
  for (const zoom of [1, 7, 400, zoomMax(1_000, durationMs, 1000 / 60)]) {
    const scale = (1_000 / durationMs) * zoom;
    for (const share of [0, 0.31, 0.99]) {
      const fromMs = Math.min(share * durationMs, durationMs - 1_000 / scale);
      const shown = thumbnails(all, fromMs, fromMs + 1_000 / scale, scale, 92);
      expect(shown.length).toBeGreaterThanOrEqual(11);
      expect(shown.length).toBeLessThanOrEqual(13);
      for (const { piece, left } of shown) {
        const middle = Math.min((left + 46) / scale, durationMs);
        const { startMs, endMs } = all[piece]!;
        expect(middle).toBeGreaterThanOrEqual(startMs);
        expect(middle).toBeLessThanOrEqual(endMs);
      }
    }
  }
});

test("the piece of a moment is found", () => {
  expect([0, 1_999, 2_000, 7_199_999, 9_999_999].map((ms) => pieceOf(HOURS, ms))).toEqual([0, 0, 1, 3599, 3599]);
});

test("times of the ruler have room at any zoom", () => {
  for (const scale of [1_000 / DURATION_MS, 0.001, 0.02, 0.36]) {
    const all = ticks(0, 1_000 / scale, scale);
    expect(all.length).toBeGreaterThan(1);
    expect((all[1]! - all[0]!) * scale).toBeGreaterThanOrEqual(72);
  }
  expect(zoomMax(1_000, DURATION_MS, 1000 / 30) * 1_000).toBeCloseTo(216_000 * 12);
  expect(zoomMax(1_000, 500, 1000 / 30)).toBe(1);
});

test("the waveform is asked for stretch by stretch, what is seen first", () => {
  const all = stretches(HOURS);
  expect([all.length, all[1]!.piece, all[1]!.startMs, all[0]!.endMs]).toEqual([60, 60, 120_000, 120_000]);
  expect(wanted(all, 250_000, 260_000)!.piece).toBe(120);
  const known = all.map((wave) => ({ ...wave, peaks: wave.piece === 120 ? Array<number>(2_400).fill(9).with(20, 200) : [] }));
  expect(wanted(known, 0, 1)).toBeNull();
  expect(wanted([...known.slice(0, 59), all[59]!], 0, 1)!.piece).toBe(3_540);
  expect(peak(known, 240_000, 241_000)).toBe(9);
  expect(peak(known, 241_000, 241_050)).toBe(200);
  expect(peak(known, 0, 100_000)).toBe(0);
});

test("moments are written to the hundredth", () => {
  expect([0, 12_345, 83_999, 3_723_500].map(clock)).toEqual(["0:00.00", "0:12.34", "1:23.99", "1:02:03.50"]);
});

const held = { ctrlKey: false, shiftKey: false, altKey: false, metaKey: false };
const press = (key: string, more = {}) => deedOf({ key, code: "", ...held, ...more });

test("the keys of video editors mean what they mean there", () => {
  const simple = { " ": "play", j: "backward", k: "stop", l: "forward", i: "in", o: "out", s: "split", m: "chapter", r: "cover", Home: "home", End: "end", Delete: "delete" };
  for (const [key, meaning] of Object.entries(simple)) expect(press(key)).toEqual({ do: meaning });
  expect(press("ArrowRight")).toEqual({ do: "step", frames: 1 });
  expect(press("ArrowLeft", { shiftKey: true })).toEqual({ do: "second", by: -1 });
  expect(press("z", { ctrlKey: true })).toEqual({ do: "undo" });
  expect(press("Z", { ctrlKey: true, shiftKey: true })).toEqual({ do: "redo" });
  expect(press("ы", { code: "KeyS" }), "a Cyrillic keyboard").toEqual({ do: "split" });
  expect([press("s", { ctrlKey: true }), press("ArrowRight", { altKey: true }), press("S", { shiftKey: true }), press("x")]).toEqual([null, null, null, null]);
});

test("a slider takes the keys that move it and leaves the others to the window", () => {
  const taken = ["ArrowLeft", "Home", "End", "s", "Delete", " "].map((key) => slid({ key, code: "", ...held }) !== null);
  expect(taken).toEqual([true, true, true, false, false, false]);
});
