import { expect, test } from "vitest";
import { bounds, keyed, moved, nearest } from "./range";

const pieces = [0, 2000, 4000, 6000].map((startMs) => ({ startMs, endMs: startMs + 2000 }));
pieces[3]!.endMs = 6700;

test("edges can be before each piece and after the last", () => {
  expect(bounds(pieces)).toEqual([0, 2000, 4000, 6000, 6700]);
  expect(bounds([])).toEqual([0]);
});

test.each([
  [-50, 0],
  [999, 0],
  [1001, 1],
  [5200, 3],
  [6400, 4],
  [90_000, 4],
])("the bound nearest to %i ms is %i", (atMs, place) =>
  expect(nearest(bounds(pieces), atMs)).toBe(place),
);

test("an edge goes as far as the other one, and at least one piece stays", () => {
  const all = { start: 0, end: 4 };
  expect(moved(all, "start", 2, 4)).toEqual({ start: 2, end: 4 });
  expect(moved(all, "start", 9, 4)).toEqual({ start: 3, end: 4 });
  expect(moved({ start: 2, end: 4 }, "end", 0, 4)).toEqual({ start: 2, end: 3 });
  expect(moved({ start: 2, end: 3 }, "end", 9, 4)).toEqual({ start: 2, end: 4 });
  expect(moved({ start: 2, end: 3 }, "start", -1, 4)).toEqual({ start: 0, end: 3 });
});

test("keys go by a piece, by a page and to the ends", () => {
  const from = (key: string) => keyed(key, 20, 60);
  expect(["ArrowLeft", "ArrowRight", "PageDown", "PageUp", "Home", "End", "a"].map(from)).toEqual([
    19, 21, 15, 25, 0, 60, null,
  ]);
});
