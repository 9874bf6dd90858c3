/*! Rectangles on a display, in its own pixels. Pure. */
import type { Rect } from "$lib/ipc";

export interface Point {
  x: number;
  y: number;
}

/** Which edges a handle takes along. */
export type Handle = "n" | "ne" | "e" | "se" | "s" | "sw" | "w" | "nw";
export const HANDLES: readonly Handle[] = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** Smaller than any picture of use; no encoder takes less. */
export const SIDE_MIN = 16;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** From one corner to the other, whichever way it was drawn. */
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
export function resized(rect: Rect, handle: Handle, dx: number, dy: number, bounds: Rect): Rect {
  let { x: left, y: top } = rect;
  let right = left + rect.width;
  let bottom = top + rect.height;
  if (handle.includes("w")) left = clamp(Math.round(left + dx), 0, right - SIDE_MIN);
  if (handle.includes("e")) right = clamp(Math.round(right + dx), left + SIDE_MIN, bounds.width);
  if (handle.includes("n")) top = clamp(Math.round(top + dy), 0, bottom - SIDE_MIN);
  if (handle.includes("s")) bottom = clamp(Math.round(bottom + dy), top + SIDE_MIN, bounds.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Of that size, with the middle where it was. `null`: the display is smaller. */
export function sized(width: number, height: number, around: Rect, bounds: Rect): Rect | null {
  if (width > bounds.width || height > bounds.height) return null;
  const x = around.x + (around.width - width) / 2;
  const y = around.y + (around.height - height) / 2;
  return moved({ x, y, width, height }, 0, 0, bounds);
}

export const isLarge = (rect: Rect) => rect.width >= SIDE_MIN && rect.height >= SIDE_MIN;

export const holds = (rect: Rect, at: Point) =>
  at.x >= rect.x && at.y >= rect.y && at.x < rect.x + rect.width && at.y < rect.y + rect.height;

/** What of it is on the display; `null`: nothing. */
export function seen(rect: Rect, bounds: Rect): Rect | null {
  const x = Math.max(rect.x, 0);
  const y = Math.max(rect.y, 0);
  const width = Math.min(rect.x + rect.width, bounds.width) - x;
  const height = Math.min(rect.y + rect.height, bounds.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** By how much a key moves something: one pixel, ten with Shift. `null`: it is no such key. */
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
