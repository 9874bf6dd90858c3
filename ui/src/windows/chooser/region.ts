/*! Rectangles on a display, in its own pixels, and within bounds that may reach to other displays. Pure. */
import type { Rect } from "$lib/ipc";

export interface Point {
  x: number;
  y: number;
}

/** The edges that a handle moves. */
export type Handle = "n" | "ne" | "e" | "se" | "s" | "sw" | "w" | "nw";
export const HANDLES: readonly Handle[] = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** Smaller than any video of use; no encoder takes less. A screenshot may be a single pixel. */
export const SIDE_MIN = 16;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** Returns the area between two corners, in whichever direction it was drawn. */
export function between(from: Point, to: Point, bounds: Rect): Rect {
  const inside = ({ x, y }: Point): Point => ({
    x: clamp(x, bounds.x, bounds.x + bounds.width),
    y: clamp(y, bounds.y, bounds.y + bounds.height),
  });
  const [a, b] = [inside(from), inside(to)];
  return {
    x: Math.round(Math.min(a.x, b.x)),
    y: Math.round(Math.min(a.y, b.y)),
    width: Math.round(Math.abs(a.x - b.x)),
    height: Math.round(Math.abs(a.y - b.y)),
  };
}

export const moved = (rect: Rect, dx: number, dy: number, bounds: Rect): Rect => ({
  ...rect,
  x: clamp(Math.round(rect.x + dx), bounds.x, bounds.x + bounds.width - rect.width),
  y: clamp(Math.round(rect.y + dy), bounds.y, bounds.y + bounds.height - rect.height),
});

/** The edges of that handle go along; the others stay. */
export function resized(
  rect: Rect,
  handle: Handle,
  dx: number,
  dy: number,
  bounds: Rect,
  sideMin = SIDE_MIN,
): Rect {
  let { x: left, y: top } = rect;
  let right = left + rect.width;
  let bottom = top + rect.height;
  if (handle.includes("w")) left = clamp(Math.round(left + dx), bounds.x, right - sideMin);
  if (handle.includes("e")) right = clamp(Math.round(right + dx), left + sideMin, bounds.x + bounds.width);
  if (handle.includes("n")) top = clamp(Math.round(top + dy), bounds.y, bottom - sideMin);
  if (handle.includes("s")) bottom = clamp(Math.round(bottom + dy), top + sideMin, bounds.y + bounds.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Returns an area of this size with the same middle, or `null` if the display is smaller. */
export function sized(width: number, height: number, around: Rect, bounds: Rect): Rect | null {
  if (width > bounds.width || height > bounds.height) return null;
  const x = around.x + (around.width - width) / 2;
  const y = around.y + (around.height - height) / 2;
  return moved({ x, y, width, height }, 0, 0, bounds);
}

export const isLarge = (rect: Rect, sideMin = SIDE_MIN) =>
  rect.width >= sideMin && rect.height >= sideMin;

export const holds = (rect: Rect, at: Point) =>
  at.x >= rect.x && at.y >= rect.y && at.x < rect.x + rect.width && at.y < rect.y + rect.height;

/** Returns the part that is on the display, or `null`. */
export function seen(rect: Rect, bounds: Rect): Rect | null {
  const x = Math.max(rect.x, 0);
  const y = Math.max(rect.y, 0);
  const width = Math.min(rect.x + rect.width, bounds.width) - x;
  const height = Math.min(rect.y + rect.height, bounds.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** Returns the smallest rectangle that holds all of them. There is at least one. */
export function around(rects: readonly Rect[]): Rect {
  const x = Math.min(...rects.map((rect) => rect.x));
  const y = Math.min(...rects.map((rect) => rect.y));
  const right = Math.max(...rects.map((rect) => rect.x + rect.width));
  const bottom = Math.max(...rects.map((rect) => rect.y + rect.height));
  return { x, y, width: right - x, height: bottom - y };
}

/**
 * Returns the pixel that a pointer means. It never goes beyond an edge where no other display is, so who reaches such
 * an edge means all that is there. `step` is how many pixels the pointer's smallest step is.
 */
export function reached(at: Point, step: number, displays: readonly Rect[]): Point {
  const display = displays.find((one) => holds(one, at));
  if (display === undefined) return at;
  const right = display.x + display.width;
  const bottom = display.y + display.height;
  const ends = (point: Point) => !displays.some((one) => holds(one, point));
  return {
    x: at.x >= right - step && ends({ x: right, y: at.y }) ? right : at.x,
    y: at.y >= bottom - step && ends({ x: at.x, y: bottom }) ? bottom : at.y,
  };
}

/** Returns how far a key moves the area: one pixel, ten with Shift, or `null` for other keys. */
export function nudge(event: Pick<KeyboardEvent, "key" | "shiftKey">): Point | null {
  const far = event.shiftKey ? 10 : 1;
  switch (event.key) {
    case "ArrowLeft":
      return { x: -far, y: 0 };
    case "ArrowRight":
      return { x: far, y: 0 };
    case "ArrowUp":
      return { x: 0, y: -far };
    case "ArrowDown":
      return { x: 0, y: far };
    default:
      return null;
  }
}
