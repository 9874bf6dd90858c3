/*! What is kept, and how its times belong to those of the source. */
import { expect, test } from "vitest";
import * as cuts from "./cuts";
import type { Bounds } from "./cuts";
import { History } from "./history";
import type { CutEdit, KeptSpan } from "./program";

const DURATION_MS = 60_000;
const bounds: Bounds = { durationMs: DURATION_MS, frameMs: 1000 / 30 };
const size = { width: 1280, height: 720 };
const spans = (...all: [number, number][]): KeptSpan[] => all.map(([startMs, endMs]) => ({ startMs, endMs }));
const keeping = (...all: [number, number][]): CutEdit => ({ ...cuts.whole(DURATION_MS), keep: spans(...all) });
const three = keeping([1_000, 10_000], [20_000, 30_000], [30_000, 50_000]);

test("a moment of the source is at the sum of what is kept before it, and back again", () => {
  const { keep } = three;
  expect(cuts.keptMs(keep)).toBe(39_000);
  for (const [source, output] of [[1_000, 0], [9_999, 8_999], [20_000, 9_000], [30_000, 19_000], [49_999, 38_999]] as const) {
    expect(cuts.outputMs(keep, source)).toBe(output);
    expect(cuts.sourceMs(keep, output)).toBe(source);
  }
  for (const gone of [0, 999, 10_000, 19_999, 50_000, 60_000]) expect(cuts.outputMs(keep, gone)).toBeNull();
  expect(cuts.sourceMs(keep, 39_000)).toBe(50_000);
});

test("playing goes on in the next piece, and backwards in the one before", () => {
  const { keep } = three;
  expect([0, 5_000, 10_000, 15_000, 30_000, 49_999].map((ms) => cuts.nextKept(keep, ms))).toEqual([1_000, 5_000, 20_000, 20_000, 30_000, 49_999]);
  expect(cuts.nextKept(keep, 50_000)).toBeNull();
  expect([5_000, 15_000, 20_000, 60_000].map((ms) => cuts.lastKept(keep, ms))).toEqual([5_000, 9_999, 20_000, 49_999]);
  expect(cuts.lastKept(keep, 500)).toBeNull();
});

test("what was recorded again plays in the place of its stretch", () => {
  // From 10 s to 20 s was recorded again: that is at the end of the source.
  const again = keeping([0, 10_000], [50_000, 60_000], [20_000, 50_000]);
  const { keep } = again;
  expect(cuts.outputMs(keep, 50_000)).toBe(10_000);
  expect(cuts.sourceMs(keep, 20_000)).toBe(20_000);
  expect(cuts.gaps(keep, DURATION_MS)).toEqual(spans([10_000, 20_000]));
  // Playing goes on with it, and from its end with what follows.
  expect(cuts.nextKept(keep, 10_004, 9_990)).toBe(50_000);
  expect(cuts.nextKept(keep, 60_004, 59_990)).toBe(20_000);
  expect(cuts.nextKept(keep, 15_000)).toBe(50_000);
  // The end of the last piece is passed into what plays earlier.
  expect(cuts.nextKept(keep, 50_010, 49_990)).toBeNull();
  expect(cuts.lastKept(keep, 19_990, 20_010)).toBe(59_999);
  expect(cuts.lastKept(keep, 49_990, 50_010)).toBe(9_999);
  expect(cuts.lastKept(keep, -5, 10)).toBeNull();
  // Its neighbours in the source bound a piece, and what is brought back plays before it.
  expect(cuts.moveEdge(again, 0, "end", 15_000, bounds)!.keep[0]).toEqual({ startMs: 0, endMs: 15_000 });
  expect(cuts.moveEdge(again, 0, "end", 25_000, bounds)!.keep[0]).toEqual({ startMs: 0, endMs: 20_000 });
  expect(cuts.moveEdge(again, 1, "start", 40_000, bounds)).toBeNull();
  expect(cuts.restore(again, { startMs: 10_000, endMs: 20_000 })!.keep).toEqual(spans([0, 20_000], [50_000, 60_000], [20_000, 50_000]));
  expect(cuts.join(again, 1)).toBeNull();
  expect(cuts.deletePiece(again, 1)!.keep).toEqual(spans([0, 10_000], [20_000, 50_000]));
});

test("what is cut out is what is not kept", () => {
  expect(cuts.gaps(three.keep, DURATION_MS)).toEqual(spans([0, 1_000], [10_000, 20_000], [50_000, 60_000]));
  expect(cuts.gaps(cuts.whole(DURATION_MS).keep, DURATION_MS)).toEqual([]);
});

test("steps go from frame to frame without losing any to rounding", () => {
  let ms = 0;
  const seen = new Set<number>();
  for (let frame = 0; frame < 1_799; frame += 1) {
    ms = cuts.stepped(ms, 1, bounds);
    seen.add(ms);
  }
  expect([seen.size, ms]).toEqual([1_799, 59_967]);
  for (let frame = 0; frame < 1_799; frame += 1) ms = cuts.stepped(ms, -1, bounds);
  expect([ms, cuts.stepped(ms, -1, bounds), cuts.stepped(DURATION_MS, 1, bounds)]).toEqual([0, 0, DURATION_MS]);
});

test("a split makes two pieces that touch, and join makes one of them again", () => {
  const parted = cuts.split(three, 25_000, bounds)!;
  expect(parted.keep).toEqual(spans([1_000, 10_000], [20_000, 25_000], [25_000, 30_000], [30_000, 50_000]));
  expect(cuts.join(parted, 1)).toEqual(three);
  expect(cuts.join(parted, 0)).toBeNull();
  for (const ms of [15_000, 20_000, 20_010, 29_990]) expect(cuts.split(three, ms, bounds)).toBeNull();
});

test("a stretch is cut out of whatever it touches, and nothing shorter than a frame is left", () => {
  const cut = (startMs: number, endMs: number) => cuts.cutOut(three, { startMs, endMs }, bounds)?.keep ?? null;
  expect(cut(5_000, 25_000)).toEqual(spans([1_000, 5_000], [25_000, 30_000], [30_000, 50_000]));
  expect(cut(1_010, 9_990)).toEqual(spans([20_000, 30_000], [30_000, 50_000]));
  expect(cut(22_000, 24_000)).toEqual(spans([1_000, 10_000], [20_000, 22_000], [24_000, 30_000], [30_000, 50_000]));
  expect(cut(11_000, 19_000), "nothing is kept there").toBeNull();
  expect(cut(0, DURATION_MS), "nothing would be left").toBeNull();
  expect(cut(5_000, 5_000)).toBeNull();
});

test("the last piece can't be deleted, and what was deleted can be restored", () => {
  expect(cuts.deletePiece(cuts.whole(DURATION_MS), 0)).toBeNull();
  const without = cuts.deletePiece(three, 1)!;
  expect(without.keep).toEqual(spans([1_000, 10_000], [30_000, 50_000]));
  expect(cuts.restore(without, { startMs: 10_000, endMs: 30_000 })!.keep).toEqual(spans([1_000, 50_000]));
  expect(cuts.restore(without, { startMs: 0, endMs: 1_000 })!.keep).toEqual(spans([0, 10_000], [30_000, 50_000]));
  expect(cuts.restore(without, { startMs: 50_000, endMs: 60_000 })!.keep).toEqual(spans([1_000, 10_000], [30_000, 60_000]));
  expect(cuts.restore(without, { startMs: 2_000, endMs: 3_000 })).toBeNull();
});

test("an end is moved up to its neighbours and leaves a frame of its piece", () => {
  const to = (n: number, edge: cuts.Edge, ms: number) => cuts.moveEdge(three, n, edge, ms, bounds)?.keep[n] ?? null;
  expect(to(0, "start", -5)).toEqual({ startMs: 0, endMs: 10_000 });
  expect(to(0, "start", 60_000)).toEqual({ startMs: 9_967, endMs: 10_000 });
  expect(to(0, "end", 25_000)).toEqual({ startMs: 1_000, endMs: 20_000 });
  expect(to(1, "start", 0)).toEqual({ startMs: 10_000, endMs: 30_000 });
  expect(to(1, "end", 31_000), "the next piece begins there").toBeNull();
  expect(to(2, "end", 90_000)).toEqual({ startMs: 30_000, endMs: DURATION_MS });
  expect(cuts.moveEdge(three, 3, "end", 0, bounds)).toBeNull();
});

test("every sequence of changes leaves ordered pieces inside of the source", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 40; round += 1) {
    let edit = cuts.whole(DURATION_MS);
    for (let n = 0; n < 60; n += 1) {
      const [a, b] = [random(DURATION_MS + 200), random(DURATION_MS + 200)];
      const piece = random(edit.keep.length);
      const gap = cuts.gaps(edit.keep, DURATION_MS)[random(3)];
      const next = [
        () => cuts.split(edit, a, bounds),
        () => cuts.cutOut(edit, { startMs: Math.min(a, b), endMs: Math.min(a, b) + random(4_000) }, bounds),
        () => cuts.deletePiece(edit, piece),
        () => cuts.moveEdge(edit, piece, a % 2 === 0 ? "start" : "end", b, bounds),
        () => (gap === undefined ? null : cuts.restore(edit, gap)),
        () => cuts.join(edit, piece),
      ][random(6)]!();
      edit = next ?? edit;
      const ends = edit.keep.flatMap(({ startMs, endMs }) => [startMs, endMs]);
      expect(edit.keep.every(({ startMs, endMs }) => endMs - startMs >= 33)).toBe(true);
      expect(ends).toEqual([...ends].sort((x, y) => x - y));
      expect(ends[0]! >= 0 && ends.at(-1)! <= DURATION_MS).toBe(true);
      const out = cuts.gaps(edit.keep, DURATION_MS).reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
      expect(cuts.keptMs(edit.keep) + out).toBe(DURATION_MS);
    }
  }
});

test("a cover stays inside of the picture and of the recording", () => {
  const edit = cuts.addCover(three, { x: -40, y: 700.4, width: 5_000, height: 2 }, 58_000, bounds, size)!;
  expect(edit.covers[0]).toEqual({ area: { x: 0, y: 700, width: 1280, height: 8 }, startMs: 58_000, endMs: 60_000, look: "solid" });
  const moved = cuts.moveCoverEdge(edit, 0, "start", 70_000, bounds)!;
  expect(moved.covers[0]).toMatchObject({ startMs: 59_967, endMs: 60_000 });
  expect(cuts.changeCover(edit, 0, { look: "blurred" }, size)!.covers[0]!.look).toBe("blurred");
  expect(cuts.changeCover(edit, 1, { look: "blurred" }, size)).toBeNull();
  expect(cuts.deleteCover(edit, 0)).toEqual(three);
});

test("chapters are ordered, one at most at a moment, and pass no neighbour", () => {
  let edit = cuts.addChapter(three, 20_000, "Second")!;
  edit = cuts.addChapter(edit, 1_000, "First")!;
  expect(edit.chapters.map(({ title }) => title)).toEqual(["First", "Second"]);
  expect(cuts.addChapter(edit, 1_000, "Again")).toBeNull();
  expect(cuts.moveChapter(edit, 0, 40_000, bounds)!.chapters[0]!.startMs).toBe(19_999);
  expect(cuts.moveChapter(edit, 1, 99_000, bounds)!.chapters[1]!.startMs).toBe(59_999);
  expect(cuts.renameChapter(edit, 1, "Setup")!.chapters[1]!.title).toBe("Setup");
  expect(cuts.titled("é".repeat(300))).toBe("é".repeat(200));
});

test("everything is undone and done again, without end, and a drag is one step", () => {
  let history = History.of(0);
  for (let n = 1; n <= 500; n += 1) history = history.do(n);
  for (let n = 0; n < 500; n += 1) history = history.undo();
  expect([history.now, history.canUndo, history.canRedo]).toEqual([0, false, true]);
  for (let n = 0; n < 500; n += 1) history = history.redo();
  expect([history.now, history.canRedo]).toEqual([500, false]);
  history = history.do(501, "drag").do(502, "drag").settle().do(503, "drag");
  expect([history.undo().now, history.undo().undo().now]).toEqual([502, 500]);
  expect(history.undo().do(9).canRedo).toBe(false);
});
