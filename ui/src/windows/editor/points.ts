/*!
 * Points, areas and curves, what a drag makes of them, and what lies near the pointer. Pure, in the picture's pixels.
 * Nothing here knows a tool.
 */
import { LINE_EM } from "./elements";
import type { Area, Point, Size } from "./types";

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

export const rounded = ({ x, y }: Point): Point => ({ x: Math.round(x), y: Math.round(y) });
export const plus = (a: Point, b: Point): Point => ({ x: a.x + b.x, y: a.y + b.y });
export const minus = (a: Point, b: Point): Point => ({ x: a.x - b.x, y: a.y - b.y });
export const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
export const between = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/** Returns the control point of the curve whose middle is at a point. */
export const controlThrough = (from: Point, middle: Point, to: Point): Point => ({
  x: 2 * middle.x - (from.x + to.x) / 2,
  y: 2 * middle.y - (from.y + to.y) / 2,
});

export function onCurve(from: Point, control: Point, to: Point, t: number): Point {
  const s = 1 - t;
  return {
    x: s * s * from.x + 2 * s * t * control.x + t * t * to.x,
    y: s * s * from.y + 2 * s * t * control.y + t * t * to.y,
  };
}

export function curve(from: Point, bend: Point | null, to: Point): Point[] {
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

export function toSegment(point: Point, from: Point, to: Point): number {
  const along = minus(to, from);
  const length2 = along.x * along.x + along.y * along.y;
  const by = minus(point, from);
  const t = length2 === 0 ? 0 : Math.max(0, Math.min(1, (by.x * along.x + by.y * along.y) / length2));
  return distance(point, { x: from.x + along.x * t, y: from.y + along.y * t });
}

export function toPath(point: Point, points: readonly Point[]): number {
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
