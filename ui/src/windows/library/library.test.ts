/*! Thousands of recordings: which are drawn, chosen and in which order; by keyboard alone. */
import { expect, test } from "vitest";
import { recording } from "../../dev/fixtures";
import { Listing } from "./listing.svelte";
import { Selection } from "./selection.svelte";

const ids = ["a", "b", "c", "d", "e"];

test("a press with Shift chooses everything from the one chosen last", () => {
  const selection = new Selection(() => ids);
  selection.toggle("b");
  selection.extendTo("d");
  expect(selection.ids).toEqual(["b", "c", "d"]);
  selection.extendTo("a");
  expect(selection.ids).toEqual(["a", "b"]);
  selection.toggle("e");
  expect(selection.ids).toEqual(["a", "b", "e"]);
  selection.toggle("a");
  expect(selection.ids).toEqual(["b", "e"]);
  selection.all();
  expect(selection.ids).toEqual(ids);
  selection.clear();
  expect(selection.ids).toEqual([]);
});

test("arrows go as far as there are recordings, and with Shift they choose", () => {
  const selection = new Selection(() => ids);
  expect(selection.current).toBe("a");
  expect(selection.step(-1, false)).toBe("a");
  expect(selection.step(2, false)).toBe("c");
  selection.step(1, true);
  selection.step(1, true);
  expect(selection.ids).toEqual(["c", "d", "e"]);
  selection.step(-1, true);
  expect(selection.ids).toEqual(["c", "d"]);
  expect(selection.current).toBe("d");
});

test("what is no longer shown is neither chosen nor Tab's", () => {
  let shown = ids;
  const selection = new Selection(() => shown);
  selection.toggle("c");
  shown = ["a", "e"];
  selection.toggle("e");
  expect([selection.ids, selection.current]).toEqual([["e"], "e"]);
  shown = ["a"];
  selection.goTo("c");
  expect(selection.current).toBe("a");
});

test("each order puts first what it says", () => {
  const done = { kind: "done" } as const;
  const all = [
    recording("Take 10", done, { startedUnixMs: 30, durationMs: 5, sizeBytes: 2 }),
    recording("take 9", done, { startedUnixMs: 20, durationMs: 9, sizeBytes: 1 }),
    recording("Alpha", done, { startedUnixMs: 10, durationMs: 1, sizeBytes: 3 }),
  ];
  const listing = new Listing(() => all);
  const titles = () => listing.shown.map(({ title }) => title);
  expect(titles()).toEqual(["Take 10", "take 9", "Alpha"]);
  listing.order = "oldest";
  expect(titles()).toEqual(["Alpha", "take 9", "Take 10"]);
  listing.order = "longest";
  expect(titles()).toEqual(["take 9", "Take 10", "Alpha"]);
  listing.order = "largest";
  expect(titles()).toEqual(["Alpha", "Take 10", "take 9"]);
  listing.order = "name";
  expect(titles()).toEqual(["Alpha", "take 9", "Take 10"]);
  listing.query = " TAKE";
  expect(titles()).toEqual(["take 9", "Take 10"]);
});

test("order and look are remembered", () => {
  const first = new Listing(() => []);
  first.order = "name";
  first.look = "list";
  first.remember();
  const second = new Listing(() => []);
  expect([second.order, second.look]).toEqual(["name", "list"]);
  localStorage.setItem("library-listing", "no JSON");
  expect(new Listing(() => []).order).toBe("newest");
});
