/*! Where shapes are, and what drags make of them. */
import { describe, expect, test } from "vitest";
import { blur, mosaic } from "./effects";
import { boundsOf, clamped, dragged, handlesOf, hits, moved, pulled, refitted, reshaped, simplified, snapped, topmost } from "./geometry";
import { beginsRightToLeft, spotlightPath } from "./svg";
import { formed, STYLE, TOOLS, type Tool } from "./tools";
import type { Canvas, Form, Shape, ShapeTool } from "./types";
import { fitted, outputSize, toPicture, toScreen, zoomed } from "./view";

const none = { shift: false, alt: false };
const shift = { shift: true, alt: false };
const alt = { shift: false, alt: true };
const arrow = (bend: { x: number; y: number } | null = null): Form => ({
  tool: "arrow",
  from: { x: 0, y: 0 },
  to: { x: 100, y: 0 },
  bend,
  color: [0, 0, 0],
  widthPx: 4,
});
const area = { x: 10, y: 20, width: 40, height: 20 };
const all = TOOLS.map(({ tool }) => tool).filter((tool): tool is ShapeTool & Tool => tool !== "select" && tool !== "crop");
const made = (tool: ShapeTool) =>
  formed(tool, { from: { x: 100, y: 100 }, to: { x: 180, y: 150 }, path: [{ x: 100, y: 100 }, { x: 180, y: 150 }] }, STYLE, none, 1);

describe("keys of a drag", () => {
  test("shift holds lines to steps of 15 degrees, without changing their length", () => {
    const to = snapped({ x: 0, y: 0 }, { x: 100, y: 12 });
    expect(to).toEqual({ x: 101, y: 0 });
    const slanted = snapped({ x: 0, y: 0 }, { x: 100, y: 90 });
    expect(Math.abs(Math.atan2(slanted.y, slanted.x) - Math.PI / 4)).toBeLessThan(0.01);
  });

  test("shift makes squares in every direction", () => {
    expect(dragged({ x: 50, y: 50 }, { x: 80, y: 60 }, shift)).toEqual({ x: 50, y: 50, width: 30, height: 30 });
    expect(dragged({ x: 50, y: 50 }, { x: 20, y: 60 }, shift)).toEqual({ x: 20, y: 50, width: 30, height: 30 });
  });

  test("alt draws from the centre", () => {
    expect(dragged({ x: 50, y: 50 }, { x: 60, y: 70 }, alt)).toEqual({ x: 40, y: 30, width: 20, height: 40 });
    expect(pulled(area, "e", { x: 60, y: 0 }, alt)).toEqual({ x: 0, y: 20, width: 60, height: 20 });
  });

  test("a corner that is pulled past its opposite turns the area over", () => {
    expect(pulled(area, "se", { x: 0, y: 10 }, none)).toEqual({ x: 0, y: 10, width: 10, height: 10 });
  });

  test("shift keeps an area's proportions", () => {
    expect(pulled(area, "se", { x: 90, y: 30 }, shift)).toEqual({ x: 10, y: 20, width: 80, height: 40 });
  });
});

describe("arrows", () => {
  test("a dragged middle lies on the curve where it was dragged to", () => {
    const bent = reshaped(arrow(), "bend", { x: 50, y: 40 }, none);
    expect(handlesOf(bent).find(({ name }) => name === "bend")?.at).toEqual({ x: 50, y: 40 });
    expect(hits(bent, { x: 50, y: 40 }, 1)).toBe(true);
    expect(hits(bent, { x: 50, y: 0 }, 1)).toBe(false);
  });

  test("a middle that is dragged back onto the line makes it straight", () => {
    const bent = reshaped(arrow(), "bend", { x: 50, y: 40 }, none);
    expect(reshaped(bent, "bend", { x: 48, y: 2 }, none)).toMatchObject({ bend: null });
  });
});

describe("every tool", () => {
  test.each(all)("%s moves as a whole", (tool) => {
    const shape = made(tool);
    const before = boundsOf(shape);
    const after = boundsOf(moved(shape, { x: 7, y: -3 }));
    expect(after).toEqual({ ...before, x: before.x + 7, y: before.y - 3 });
    expect(moved(moved(shape, { x: 7, y: -3 }), { x: -7, y: 3 })).toEqual(shape);
  });

  test.each(all)("%s is under the pointer where it is drawn, and not far from it", (tool) => {
    const shape = made(tool);
    const at = tool === "box" || tool === "ellipse" ? { x: 100, y: 125 } : tool === "text" ? { x: 182, y: 155 } : tool === "step" || tool === "emoji" ? { x: 180, y: 150 } : { x: 140, y: 125 };
    expect(hits(shape, at, 1)).toBe(true);
    expect(hits(shape, { x: 400, y: 400 }, 1)).toBe(false);
  });

  test.each(all)("%s is resized with others, in whole pixels", (tool) => {
    const from = { x: 100, y: 100, width: 80, height: 50 };
    const next = refitted(made(tool), from, { x: 100, y: 100, width: 120, height: 75 });
    expect(JSON.stringify(next)).not.toMatch(/\d\.\d/);
    expect(boundsOf(next).width).toBeGreaterThan(0);
  });

  test.each(all)("%s is made of whole pixels alone, as it is stored", (tool) => {
    const form = formed(tool, { from: { x: 3, y: 4 }, to: { x: 91, y: 77 }, path: [{ x: 3, y: 4 }, { x: 91, y: 77 }] }, STYLE, { shift: true, alt: true }, 3);
    expect(JSON.stringify(form)).not.toMatch(/\d\.\d/);
  });
});

describe("under the pointer", () => {
  const shape = (id: number, form: Form): Shape => ({ ...form, id });
  const spot: Form = { tool: "spotlight", area };
  const cover: Form = { tool: "cover", area, color: [0, 0, 0] };

  test("the uppermost is chosen, but never a spotlight before what it lights", () => {
    expect(topmost([shape(1, cover), shape(2, cover)], { x: 20, y: 30 }, 0)?.id).toBe(2);
    expect(topmost([shape(1, cover), shape(2, spot)], { x: 20, y: 30 }, 0)?.id).toBe(1);
    expect(topmost([shape(2, spot)], { x: 20, y: 30 }, 0)?.id).toBe(2);
    expect(topmost([shape(1, cover)], { x: 200, y: 30 }, 0)).toBeNull();
  });

  test("an outline is hit on its line and not inside", () => {
    const box: Form = { tool: "box", area: { x: 0, y: 0, width: 100, height: 100 }, radiusPx: 0, filled: false, color: [0, 0, 0], widthPx: 4 };
    expect(hits(box, { x: 0, y: 50 }, 2)).toBe(true);
    expect(hits(box, { x: 50, y: 50 }, 2)).toBe(false);
    expect(hits({ ...box, filled: true }, { x: 50, y: 50 }, 2)).toBe(true);
  });
});

test("a straight stroke keeps its ends alone, and a corner stays", () => {
  const line = Array.from({ length: 200 }, (_, n) => ({ x: n, y: 0 }));
  expect(simplified(line)).toEqual([line[0], line.at(-1)]);
  const corner = [...line, ...Array.from({ length: 50 }, (_, n) => ({ x: 199, y: n + 1 }))];
  expect(simplified(corner)).toEqual([{ x: 0, y: 0 }, { x: 199, y: 0 }, { x: 199, y: 50 }]);
});

describe("view", () => {
  const picture = { width: 400, height: 300 };
  const canvas = (more: Partial<Canvas> = {}): Canvas => ({ crop: null, quarterTurns: 0, width: null, background: null, ...more });
  const background = { paint: { kind: "solid", color: [0, 0, 0] }, paddingPx: 20, radiusPx: 4, shadow: false } as const;

  test.each([0, 1, 2, 3])("%i quarter turns lead back to the same pixel", (quarterTurns) => {
    const turned = canvas({ quarterTurns, crop: { x: 30, y: 40, width: 200, height: 100 }, background: { ...background, paint: { kind: "solid", color: [0, 0, 0] } } });
    const view = { zoom: 1.5, pan: { x: 11, y: -7 } };
    const there = toScreen(turned, picture, view, { x: 77, y: 91 });
    const again = toPicture(turned, picture, view, there);
    expect(again.x).toBeCloseTo(77);
    expect(again.y).toBeCloseTo(91);
  });

  test("a turn clockwise shows the lower left corner at the upper left", () => {
    const view = { zoom: 1, pan: { x: 0, y: 0 } };
    expect(toScreen(canvas({ quarterTurns: 1 }), picture, view, { x: 0, y: 300 })).toEqual({ x: 0, y: 0 });
  });

  test("the result has the size of crop, turns, width and padding", () => {
    expect(outputSize(canvas(), picture)).toEqual({ width: 400, height: 300 });
    expect(outputSize(canvas({ crop: { x: -10, y: 0, width: 110, height: 50 } }), picture)).toEqual({ width: 100, height: 50 });
    expect(outputSize(canvas({ quarterTurns: 3, width: 150 }), picture)).toEqual({ width: 150, height: 200 });
    expect(outputSize(canvas({ background: { ...background, paint: { kind: "solid", color: [0, 0, 0] } } }), picture)).toEqual({ width: 440, height: 340 });
  });

  test("a crop outside of the picture is none", () => {
    expect(clamped({ x: 500, y: 0, width: 10, height: 10 }, picture)).toBeNull();
    expect(outputSize(canvas({ crop: { x: 500, y: 0, width: 10, height: 10 } }), picture)).toEqual(picture);
  });

  test("zooming keeps what is under the pointer", () => {
    const before = { zoom: 1, pan: { x: 10, y: 20 } };
    const at = { x: 130, y: 90 };
    const after = zoomed(before, 4, at);
    expect(toPicture(canvas(), picture, after, at)).toEqual(toPicture(canvas(), picture, before, at));
  });

  test("a small picture is not blown up to fit", () => {
    expect(fitted({ width: 40, height: 30 }, { width: 800, height: 600 }).zoom).toBe(1);
  });
});

describe("effects", () => {
  const strip = (length: number, value: number) => new Uint8ClampedArray(length * 4).fill(value);
  const rim = (length: number, value: number) => ({ data: strip(length, value) });
  const rims = (value: number) => ({ above: rim(20, value), below: rim(20, value), before: rim(10, value), after: rim(10, value) });

  test("a mosaic is computed from its rims, and shows blocks", () => {
    const { data } = mosaic({ width: 20, height: 10 }, rims(120), 5);
    const colors = new Set(Array.from({ length: 200 }, (_, n) => data[n * 4]));
    expect(colors.size).toBeGreaterThan(2);
    expect([...colors].every((value) => value !== undefined && Math.abs(value - 120) <= 16)).toBe(true);
  });

  test("a mosaic of a whole picture has no rim, and is grey", () => {
    const { data } = mosaic({ width: 4, height: 4 }, { above: null, below: null, before: null, after: null }, 4);
    expect(Math.abs(data[0]! - 128)).toBeLessThanOrEqual(16);
  });

  test("a rim that is hidden itself says nothing", () => {
    const unknown = { data: strip(20, 255), known: Array.from({ length: 20 }, () => false) };
    const { data } = mosaic({ width: 20, height: 10 }, { ...rims(120), above: unknown }, 5);
    expect(data).toEqual(mosaic({ width: 20, height: 10 }, { ...rims(120), above: null }, 5).data);
  });

  test("a blur leaves an even area as it is, and spreads an edge", () => {
    const even = blur({ data: strip(100, 77), width: 10, height: 10 }, 6);
    expect(new Set(even.data)).toEqual(new Set([77]));
    const data = strip(100, 0);
    for (let n = 0; n < 100; n += 1) if (n % 10 >= 5) data.fill(200, n * 4, n * 4 + 4);
    const edge = blur({ data, width: 10, height: 10 }, 6);
    expect(edge.data[4 * 4]).toBeGreaterThan(20);
    expect(edge.data[5 * 4]).toBeLessThan(180);
  });

  test("all spotlights are holes in one dark path", () => {
    expect(spotlightPath({ x: 0, y: 0, width: 9, height: 9 }, [area])).toBe("M0 0 h9 v9 h-9 Z M10 20 h40 v20 h-40 Z");
  });
});

test("a line begins from the right if its first letter does", () => {
  expect(beginsRightToLeft("1. שלום")).toBe(true);
  expect(beginsRightToLeft("مرحبا Snaplark")).toBe(true);
  expect(beginsRightToLeft("Snaplark مرحبا")).toBe(false);
  expect(beginsRightToLeft("2.0!")).toBe(false);
});
