import { expect, test } from "vitest";
import { due, pieceAt, stale } from "./pieces";

/** Two seconds each, and a short one last, as recordings are cut. */
const pieces = Array.from({ length: 60 }, (_, n) => ({
  startMs: n * 2000,
  endMs: n === 59 ? 118_300 : (n + 1) * 2000,
}));
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
  expect(due(pieces, new Set(), 61_000)).toBe(30);
  expect(due(pieces, range(30, 34), 61_000)).toBe(34);
  expect(due(pieces, range(30, 41), 61_000)).toBeNull();
  expect(due(pieces, range(30, 41), 63_000)).toBe(41);
});

test("after a jump back nothing that is held is read twice", () => {
  expect(due(pieces, range(30, 41), 0)).toBe(0);
  expect(due(pieces, new Set([0, 1, ...range(30, 41)]), 0)).toBe(2);
});

test("the end is the end", () => {
  expect(due(pieces, range(50, 60), 117_000)).toBeNull();
  expect(due([], new Set(), 0)).toBeNull();
});

test("what is far behind or ahead goes, a run at a time", () => {
  expect(stale(pieces, range(10, 41), 61_000)).toEqual({
    indices: [10, 11, 12, 13, 14],
    startMs: 20_000,
    endMs: 30_000,
  });
  expect(stale(pieces, range(16, 41), 61_000)).toBeNull();
  expect(stale(pieces, range(50, 60), 10_000)).toEqual({
    indices: [...range(50, 60)],
    startMs: 100_000,
    endMs: 118_300,
  });
});
