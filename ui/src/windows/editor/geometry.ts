/*! Where shapes are, what a drag makes of them, and what lies under the pointer. Pure, in the picture's pixels. */
import { LINE_EM } from "./svg";
import type { Area, Form, Point, Shape, Size } from "./types";

/** Returns the size of a text in its font. The window measures with a canvas; tests estimate. */
export type Measure = (text: string, sizePx: number) => Size;

const LETTER_WIDTH = 0.6;
export const estimate: Measure = (text, sizePx) => {
  const lines = text.split("\n");
  return {
    width: Math.max(...lines.map((line) => [...line].length), 1) * sizePx * LETTER_WIDTH,
    height: lines.length * sizePx * LINE_EM,
  };
};

/** Angles that Shift holds to. */
const SNAP_DEGREES = 15;
/** Points of a curve that are tested for being hit. */
const CURVE_STEPS = 24;
export const SIZE_MIN = 8;
export const SIZE_MAX = 2000;

const rounded = ({ x, y }: Point): Point => ({ x: Math.round(x), y: Math.round(y) });
const plus = (a: Point, b: Point): Point => ({ x: a.x + b.x, y: a.y + b.y });
export const minus = (a: Point, b: Point): Point => ({ x: a.x - b.x, y: a.y - b.y });
const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
export const between = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/** Returns the control point of the curve whose middle is at a point. */
const controlThrough = (from: Point, middle: Point, to: Point): Point => ({
  x: 2 * middle.x - (from.x + to.x) / 2,
  y: 2 * middle.y - (from.y + to.y) / 2,
});

function onCurve(from: Point, control: Point, to: Point, t: number): Point {
  const s = 1 - t;
  return {
    x: s * s * from.x + 2 * s * t * control.x + t * t * to.x,
    y: s * s * from.y + 2 * s * t * control.y + t * t * to.y,
  };
}

function curve(from: Point, bend: Point | null, to: Point): Point[] {
  if (bend === null) return [from, to];
  return Array.from({ length: CURVE_STEPS + 1 }, (_, n) => onCurve(from, bend, to, n / CURVE_STEPS));
}

export function around(points: readonly Point[]): Area {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  if (left === Infinity) return { x: 0, y: 0, width: 0, height: 0 };
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export const corners = ({ x, y, width, height }: Area): [Point, Point] => [
  { x, y },
  { x: x + width, y: y + height },
];

export function union(areas: readonly Area[]): Area {
  return around(areas.flatMap(corners));
}

export const overlap = (a: Area, b: Area): boolean =>
  a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;

/** Returns what of an area lies in a picture, or `null` if nothing does. */
export function clamped(area: Area, { width, height }: Size): Area | null {
  const left = Math.max(0, area.x);
  const top = Math.max(0, area.y);
  const right = Math.min(width, area.x + area.width);
  const bottom = Math.min(height, area.y + area.height);
  return right > left && bottom > top ? { x: left, y: top, width: right - left, height: bottom - top } : null;
}

export function boundsOf(shape: Form, measure: Measure = estimate): Area {
  switch (shape.tool) {
    case "arrow":
      return around(curve(shape.from, shape.bend, shape.to));
    case "line":
      return around([shape.from, shape.to]);
    case "pen":
    case "marker":
      return around(shape.points);
    case "text":
      return { ...shape.at, ...measure(shape.text, shape.sizePx) };
    case "step":
    case "emoji": {
      const half = shape.sizePx / 2;
      return { x: shape.at.x - half, y: shape.at.y - half, width: shape.sizePx, height: shape.sizePx };
    }
    case "box":
    case "ellipse":
    case "blur":
    case "pixelate":
    case "cover":
    case "spotlight":
      return shape.area;
  }
}

export function moved<S extends Form>(shape: S, by: Point): S {
  const form: Form = shape;
  switch (form.tool) {
    case "arrow":
      return {
        ...shape,
        from: plus(form.from, by),
        to: plus(form.to, by),
        bend: form.bend === null ? null : plus(form.bend, by),
      };
    case "line":
      return { ...shape, from: plus(form.from, by), to: plus(form.to, by) };
    case "pen":
    case "marker":
      return { ...shape, points: form.points.map((point) => plus(point, by)) };
    case "text":
    case "step":
    case "emoji":
      return { ...shape, at: plus(form.at, by) };
    case "box":
    case "ellipse":
    case "blur":
    case "pixelate":
    case "cover":
    case "spotlight":
      return { ...shape, area: { ...form.area, ...plus(form.area, by) } };
  }
}

/** Fits a shape from one area into another, as when several are resized together. */
export function refitted<S extends Form>(shape: S, from: Area, to: Area): S {
  const factorX = from.width === 0 ? 1 : to.width / from.width;
  const factorY = from.height === 0 ? 1 : to.height / from.height;
  const at = ({ x, y }: Point): Point =>
    rounded({ x: to.x + (x - from.x) * factorX, y: to.y + (y - from.y) * factorY });
  const sized = (sizePx: number) =>
    Math.round(Math.min(SIZE_MAX, Math.max(SIZE_MIN, sizePx * Math.min(factorX, factorY))));
  const form: Form = shape;
  switch (form.tool) {
    case "arrow":
      return { ...shape, from: at(form.from), to: at(form.to), bend: form.bend === null ? null : at(form.bend) };
    case "line":
      return { ...shape, from: at(form.from), to: at(form.to) };
    case "pen":
    case "marker":
      return { ...shape, points: form.points.map(at) };
    case "text":
    case "step":
    case "emoji":
      return { ...shape, at: at(form.at), sizePx: sized(form.sizePx) };
    case "box":
    case "ellipse":
    case "blur":
    case "pixelate":
    case "cover":
    case "spotlight": {
      const [start, end] = corners(form.area).map(at) as [Point, Point];
      return { ...shape, area: around([start, end]) };
    }
  }
}

/** Shift: the direction in steps of 15 degrees. */
export function snapped(from: Point, to: Point): Point {
  const step = (SNAP_DEGREES * Math.PI) / 180;
  const angle = Math.round(Math.atan2(to.y - from.y, to.x - from.x) / step) * step;
  const length = distance(from, to);
  return rounded({ x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) });
}

/** Keys that are held during a drag. */
export interface Held {
  /** Squares, and directions in steps of 15 degrees. */
  shift: boolean;
  /** From the center. */
  alt: boolean;
}

/** Returns the area of a drag from one corner, or from the center, to the pointer. */
export function dragged(from: Point, to: Point, { shift, alt }: Held): Area {
  let by = minus(to, from);
  if (shift) {
    const side = Math.max(Math.abs(by.x), Math.abs(by.y));
    by = { x: by.x < 0 ? -side : side, y: by.y < 0 ? -side : side };
  }
  const start = alt ? minus(from, by) : from;
  return around([rounded(start), rounded(plus(from, by))]);
}

export type HandleName = "from" | "to" | "bend" | "nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w";
export interface Handle {
  name: HandleName;
  at: Point;
}

/** Returns the handles of an area: four corners, and the middles of its edges. */
export function frameHandles({ x, y, width, height }: Area, edges = true): Handle[] {
  const at = (name: HandleName, right: number, down: number): Handle => ({
    name,
    at: { x: x + width * right, y: y + height * down },
  });
  const four = [at("nw", 0, 0), at("ne", 1, 0), at("se", 1, 1), at("sw", 0, 1)];
  return edges ? [...four, at("n", 0.5, 0), at("e", 1, 0.5), at("s", 0.5, 1), at("w", 0, 0.5)] : four;
}

/** An arrow is bent by its middle; what is stored is the control point of its curve. */
const middleOf = ({ from, bend, to }: Form & { tool: "arrow" }): Point =>
  bend === null ? between(from, to) : onCurve(from, bend, to, 0.5);

export function handlesOf(shape: Form, measure: Measure = estimate): Handle[] {
  switch (shape.tool) {
    case "arrow":
      return [
        { name: "from", at: shape.from },
        { name: "to", at: shape.to },
        { name: "bend", at: middleOf(shape) },
      ];
    case "line":
      return [
        { name: "from", at: shape.from },
        { name: "to", at: shape.to },
      ];
    case "text":
    case "step":
    case "emoji":
      return frameHandles(boundsOf(shape, measure), false);
    case "pen":
    case "marker":
    case "box":
    case "ellipse":
    case "blur":
    case "pixelate":
    case "cover":
    case "spotlight":
      return frameHandles(boundsOf(shape, measure));
  }
}

/** Moves one side or corner of an area to the pointer. Shift keeps the proportions, Alt the center. */
export function pulled(area: Area, handle: HandleName, to: Point, { shift, alt }: Held): Area {
  const [start, end] = corners(area);
  let [left, top, right, bottom] = [start.x, start.y, end.x, end.y];
  if (handle.includes("w")) left = to.x;
  if (handle.includes("e")) right = to.x;
  if (handle.includes("n")) top = to.y;
  if (handle.includes("s")) bottom = to.y;
  if (shift && handle.length === 2 && area.width > 0 && area.height > 0) {
    const factor = Math.max(Math.abs(right - left) / area.width, Math.abs(bottom - top) / area.height);
    const width = Math.sign(right - left || 1) * area.width * factor;
    const height = Math.sign(bottom - top || 1) * area.height * factor;
    if (handle.includes("w")) left = right - width;
    else right = left + width;
    if (handle.includes("n")) top = bottom - height;
    else bottom = top + height;
  }
  if (alt) {
    const center = between(start, end);
    if (handle.includes("w")) right = 2 * center.x - left;
    if (handle.includes("e")) left = 2 * center.x - right;
    if (handle.includes("n")) bottom = 2 * center.y - top;
    if (handle.includes("s")) top = 2 * center.y - bottom;
  }
  return around([rounded({ x: left, y: top }), rounded({ x: right, y: bottom })]);
}

/** A bend that is as good as none: the arrow is straight again. */
const STRAIGHT_PX = 4;

/** Drags a handle of one shape to the pointer. */
export function reshaped<S extends Form>(shape: S, handle: HandleName, to: Point, held: Held, measure: Measure = estimate): S {
  const form: Form = shape;
  const end = (fixed: Point) => (held.shift ? snapped(fixed, to) : rounded(to));
  if (form.tool === "arrow" && handle === "bend") {
    const isStraight = toSegment(to, form.from, form.to) <= STRAIGHT_PX;
    return { ...shape, bend: isStraight ? null : rounded(controlThrough(form.from, to, form.to)) };
  }
  if (form.tool === "arrow" || form.tool === "line") {
    if (handle !== "from" && handle !== "to") return shape;
    const fixed = handle === "from" ? form.to : form.from;
    const next = { ...shape, [handle]: end(fixed) };
    if (form.tool === "line" || form.bend === null) return next;
    // The curve keeps its form: what bends it moves by half of what its end moves.
    const by = minus(end(fixed), form[handle]);
    return { ...next, bend: rounded(plus(form.bend, { x: by.x / 2, y: by.y / 2 })) };
  }
  const from = boundsOf(form, measure);
  const isSized = form.tool === "text" || form.tool === "step" || form.tool === "emoji";
  if (!isSized) return refitted(shape, from, pulled(from, handle, to, held));
  const area = pulled(from, handle, to, { shift: true, alt: held.alt || form.tool !== "text" });
  if (form.tool === "text") return refitted(shape, from, area);
  return { ...shape, sizePx: Math.round(Math.min(SIZE_MAX, Math.max(SIZE_MIN, area.width))) };
}

function toSegment(point: Point, from: Point, to: Point): number {
  const along = minus(to, from);
  const length2 = along.x * along.x + along.y * along.y;
  const by = minus(point, from);
  const t = length2 === 0 ? 0 : Math.max(0, Math.min(1, (by.x * along.x + by.y * along.y) / length2));
  return distance(point, { x: from.x + along.x * t, y: from.y + along.y * t });
}

function toPath(point: Point, points: readonly Point[]): number {
  if (points.length === 1) return distance(point, points[0]!);
  let nearest = Infinity;
  for (let n = 1; n < points.length; n += 1) {
    nearest = Math.min(nearest, toSegment(point, points[n - 1]!, points[n]!));
  }
  return nearest;
}

export function contains({ x, y, width, height }: Area, point: Point, slack = 0): boolean {
  return (
    point.x >= x - slack && point.x <= x + width + slack && point.y >= y - slack && point.y <= y + height + slack
  );
}

/** Returns whether a shape is under the pointer. Outlines are hit on their line, filled ones anywhere. */
export function hits(shape: Form, point: Point, slack: number, measure: Measure = estimate): boolean {
  switch (shape.tool) {
    case "arrow":
      return toPath(point, curve(shape.from, shape.bend, shape.to)) <= shape.widthPx / 2 + slack;
    case "line":
      return toSegment(point, shape.from, shape.to) <= shape.widthPx / 2 + slack;
    case "pen":
    case "marker":
      return toPath(point, shape.points) <= shape.widthPx / 2 + slack;
    case "box": {
      const reach = shape.widthPx / 2 + slack;
      if (!contains(shape.area, point, reach)) return false;
      const { x, y, width, height } = shape.area;
      const inner = { x: x + reach, y: y + reach, width: width - 2 * reach, height: height - 2 * reach };
      return shape.filled || !contains(inner, point);
    }
    case "ellipse": {
      const { x, y, width, height } = shape.area;
      const reach = shape.widthPx / 2 + slack;
      const from = minus(point, { x: x + width / 2, y: y + height / 2 });
      const inside = (right: number, down: number) =>
        right > 0 && down > 0 && (from.x / right) ** 2 + (from.y / down) ** 2 <= 1;
      const isIn = inside(width / 2 + reach, height / 2 + reach);
      return isIn && (shape.filled || !inside(width / 2 - reach, height / 2 - reach));
    }
    case "step":
    case "emoji":
      return distance(point, shape.at) <= shape.sizePx / 2 + slack;
    case "text":
      return contains(boundsOf(shape, measure), point, slack);
    case "blur":
    case "pixelate":
    case "cover":
    case "spotlight":
      return contains(shape.area, point, slack);
  }
}

/** Returns the uppermost shape under the pointer. A spotlight yields to what lies in it. */
export function topmost(shapes: readonly Shape[], point: Point, slack: number, measure: Measure = estimate): Shape | null {
  const under = shapes.filter((shape) => hits(shape, point, slack, measure));
  return under.findLast(({ tool }) => tool !== "spotlight") ?? under.at(-1) ?? null;
}

/** Points nearer than this to the line between their neighbours say nothing. */
const PLAIN_PX = 0.75;

/** Thins out a stroke (Ramer, Douglas and Peucker), so that an hour of scribbling stays small. */
export function simplified(points: readonly Point[], slack = PLAIN_PX): Point[] {
  if (points.length < 3) return [...points];
  const keep = new Set([0, points.length - 1]);
  const open: [number, number][] = [[0, points.length - 1]];
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [first, last] = range;
    let [far, place] = [slack, -1];
    for (let n = first + 1; n < last; n += 1) {
      const off = toSegment(points[n]!, points[first]!, points[last]!);
      if (off > far) [far, place] = [off, n];
    }
    if (place < 0) continue;
    keep.add(place);
    open.push([first, place], [place, last]);
  }
  return points.filter((_, n) => keep.has(n));
}
