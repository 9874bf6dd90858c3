/*! Rectangles on a display, in its own pixels. Pure. */
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
  const a = { x: clamp(from.x, 0, bounds.width), y: clamp(from.y, 0, bounds.height) };
  const b = { x: clamp(to.x, 0, bounds.width), y: clamp(to.y, 0, bounds.height) };
  return {
    x: Math.round(Math.min(a.x, b.x)),
    y: Math.round(Math.min(a.y, b.y)),
    width: Math.round(Math.abs(a.x - b.x)),
    height: Math.round(Math.abs(a.y - b.y)),
  };
}

export const moved = (rect: Rect, dx: number, dy: number, bounds: Rect): Rect => ({
  ...rect,
  x: clamp(Math.round(rect.x + dx), 0, bounds.width - rect.width),
  y: clamp(Math.round(rect.y + dy), 0, bounds.height - rect.height),
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
  if (handle.includes("w")) left = clamp(Math.round(left + dx), 0, right - sideMin);
  if (handle.includes("e")) right = clamp(Math.round(right + dx), left + sideMin, bounds.width);
  if (handle.includes("n")) top = clamp(Math.round(top + dy), 0, bottom - sideMin);
  if (handle.includes("s")) bottom = clamp(Math.round(bottom + dy), top + sideMin, bounds.height);
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
