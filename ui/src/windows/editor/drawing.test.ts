/*! Changes of a drawing and their history, without a window. */
import { describe, expect, test } from "vitest";
import { add, align, change, duplicate, EMPTY, History, move, nextStep, remove, reorder, setCanvas } from "./drawing";
import { SAVE_AFTER_MS, Saver } from "./saver";
import { restyled } from "./tools";
import type { Drawing, Form, Rgb } from "./types";

const RED: Rgb = [229, 56, 59];
const box = (x: number, y = 0): Form => ({
  tool: "box",
  area: { x, y, width: 10, height: 10 },
  radiusPx: 0,
  filled: false,
  color: RED,
  widthPx: 2,
});
const step = (number: number): Form => ({ tool: "step", at: { x: 0, y: 0 }, number, sizePx: 20, color: RED });
const drawing = (...forms: Form[]): Drawing => forms.reduce((now, form) => add(now, form).drawing, EMPTY);
const ids = ({ shapes }: Drawing) => shapes.map(({ id }) => id);
const of = (...all: number[]) => new Set(all);

describe("history", () => {
  test("undo of everything is the beginning, and redo of everything the end", () => {
    let history = History.of(EMPTY);
    const drawings = Array.from({ length: 2000 }, (_, n) => drawing(box(n)));
    for (const next of drawings) history = history.do(next);
    for (const next of drawings.toReversed()) {
      expect(history.now).toBe(next);
      history = history.undo();
    }
    expect(history.now).toBe(EMPTY);
    expect(history.canUndo).toBe(false);
    for (let n = 0; n < drawings.length; n += 1) history = history.redo();
    expect(history.now).toBe(drawings.at(-1));
    expect(history.canRedo).toBe(false);
  });

  test("changes of one gesture are one step, and those after it are another", () => {
    const [a, b, c] = [drawing(box(1)), drawing(box(2)), drawing(box(3))] as const;
    let history = History.of(EMPTY).do(a, "drag").do(b, "drag");
    expect(history.undo().now).toBe(EMPTY);
    history = history.settle().do(c, "drag");
    expect(history.undo().now).toBe(b);
  });

  test("a change after an undo takes the redo away", () => {
    const history = History.of(EMPTY).do(drawing(box(1))).undo().do(drawing(box(2)));
    expect(history.canRedo).toBe(false);
  });

  test("a change that changes nothing is no step", () => {
    expect(History.of(EMPTY).do(move(EMPTY, of(1), { x: 0, y: 0 })).canUndo).toBe(false);
    const one = drawing(box(1));
    expect(change(one, of(1), (shape) => restyled(shape, { color: [...RED] }))).toBe(one);
    expect(reorder(one, of(1), "front")).toBe(one);
    expect(remove(one, of(7))).toBe(one);
  });
});

describe("changes", () => {
  test("a new object lies above the others, with an id of its own after deletions", () => {
    const two = drawing(box(0), box(1));
    const { drawing: next, id } = add(remove(two, of(1)), box(2));
    expect(ids(next)).toEqual([2, 3]);
    expect(id).toBe(3);
  });

  test("steps count on from the highest, also when they are duplicated", () => {
    const steps = drawing(step(1), step(7));
    expect(nextStep(steps)).toBe(8);
    const { drawing: next, ids: copies } = duplicate(steps, of(1, 2));
    expect(next.shapes.map((shape) => (shape.tool === "step" ? shape.number : 0))).toEqual([1, 7, 8, 9]);
    expect(copies).toEqual([3, 4]);
  });

  test.each([
    ["front", [2, 4, 1, 3]],
    ["forward", [2, 4, 1, 3]],
    ["backward", [1, 3, 2, 4]],
    ["back", [1, 3, 2, 4]],
  ] as const)("%s moves the chosen objects together in the order", (order, wanted) => {
    expect(ids(reorder(drawing(box(0), box(1), box(2), box(3)), of(1, 3), order))).toEqual(wanted);
  });

  test("one step forward passes one object", () => {
    expect(ids(reorder(drawing(box(0), box(1), box(2)), of(1), "forward"))).toEqual([2, 1, 3]);
    expect(ids(reorder(drawing(box(0), box(1), box(2)), of(3), "backward"))).toEqual([1, 3, 2]);
  });

  test.each([
    ["left", [0, 0]],
    ["right", [40, 40]],
    ["center", [20, 20]],
  ] as const)("several objects are aligned %s with each other", (edge, wanted) => {
    const next = align(drawing(box(0), box(40)), of(1, 2), edge, { x: 0, y: 0, width: 100, height: 100 });
    expect(next.shapes.map((shape) => (shape.tool === "box" ? shape.area.x : null))).toEqual(wanted);
  });

  test("a single object is aligned with the picture", () => {
    const next = align(drawing(box(3)), of(1), "bottom", { x: 0, y: 20, width: 100, height: 100 });
    expect(next.shapes[0]).toMatchObject({ area: { x: 3, y: 110 } });
  });

  test("the canvas changes without the objects", () => {
    const one = drawing(box(1));
    const turned = setCanvas(one, { quarterTurns: 1 });
    expect(turned.shapes).toBe(one.shapes);
    expect(turned.canvas).toEqual({ ...EMPTY.canvas, quarterTurns: 1 });
  });
});

describe("saver", () => {
  test("many changes are one save, and what changes meanwhile is saved after it", async () => {
    const saved: number[] = [];
    let finish: () => void = () => {};
    const saver = new Saver<number>(
      (value) => {
        saved.push(value);
        return new Promise((then) => (finish = then));
      },
      () => {},
    );
    for (const value of [1, 2, 3]) saver.later(value);
    const flushed = saver.flush();
    expect(saved).toEqual([3]);
    saver.later(4);
    const again = saver.flush();
    finish();
    await expect.poll(() => saved).toEqual([3, 4]);
    finish();
    await Promise.all([flushed, again]);
    expect(saver.isDirty).toBe(false);
  });

  test("a save that failed is still to be done, and never overwrites a newer one", async () => {
    const saved: number[] = [];
    let fails = true;
    const results: unknown[] = [];
    const saver = new Saver<number>(
      async (value) => {
        if (fails) throw new Error("full");
        saved.push(value);
      },
      (error) => results.push(error),
    );
    saver.later(1);
    await expect(saver.flush(), "whoever publishes learns of it").rejects.toThrow("full");
    expect(saver.isDirty).toBe(true);
    fails = false;
    saver.later(2);
    await saver.flush();
    expect(saved).toEqual([2]);
    expect(results.map((error) => error === null)).toEqual([false, true]);
  });

  test("changes are saved by themselves soon after they were made", async () => {
    const saved: number[] = [];
    const done = new Promise<void>((then) => {
      const saver = new Saver<number>(async (value) => void saved.push(value), () => then());
      saver.later(5);
    });
    const startedMs = performance.now();
    await done;
    expect(saved).toEqual([5]);
    expect(performance.now() - startedMs).toBeGreaterThan(SAVE_AFTER_MS / 2);
  });
});
