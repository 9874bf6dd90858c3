/*! Regions on a display of 1280 by 720. */
import { expect, test } from "vitest";
import { around, between, moved, nudge, reached, resized, seen, sized } from "./region";

const bounds = { x: 0, y: 0, width: 1280, height: 720 };
const rect = { x: 100, y: 100, width: 400, height: 300 };

test("a region is drawn in any direction and ends at the display", () => {
  expect(between({ x: 500, y: 400 }, { x: 100, y: 100 }, bounds)).toEqual(rect);
  expect(between({ x: 1200, y: 700 }, { x: 2000, y: 900 }, bounds)).toEqual({
    x: 1200,
    y: 700,
    width: 80,
    height: 20,
  });
});

test("it moves as a whole, and not off the display", () => {
  expect(moved(rect, 10, -20, bounds)).toEqual({ ...rect, x: 110, y: 80 });
  expect(moved(rect, 5000, -5000, bounds)).toEqual({ ...rect, x: 880, y: 0 });
});

test("a handle takes its edges along, and none passes the other", () => {
  expect(resized(rect, "se", 10, 20, bounds)).toEqual({ ...rect, width: 410, height: 320 });
  expect(resized(rect, "nw", 10, 20, bounds)).toEqual({ x: 110, y: 120, width: 390, height: 280 });
  expect(resized(rect, "n", 50, 20, bounds)).toEqual({ ...rect, y: 120, height: 280 });
  expect(resized(rect, "w", 5000, 0, bounds)).toEqual({ ...rect, x: 484, width: 16 });
  expect(resized(rect, "e", 5000, 0, bounds)).toEqual({ ...rect, width: 1180 });
});

test("a size is put around the middle, where the display is large enough", () => {
  expect(sized(1280, 720, rect, bounds)).toEqual(bounds);
  expect(sized(200, 100, rect, bounds)).toEqual({ x: 200, y: 200, width: 200, height: 100 });
  expect(sized(1920, 1080, rect, bounds)).toBeNull();
});

test("of a window that hangs over the edge, what is on the display is seen", () => {
  expect(seen({ x: -50, y: 700, width: 100, height: 100 }, bounds)).toEqual({
    x: 0,
    y: 700,
    width: 50,
    height: 20,
  });
  expect(seen({ x: 1280, y: 0, width: 10, height: 10 }, bounds)).toBeNull();
});

test("arrow keys go one pixel, with Shift ten", () => {
  expect(nudge({ key: "ArrowLeft", shiftKey: false })).toEqual({ x: -1, y: 0 });
  expect(nudge({ key: "ArrowDown", shiftKey: true })).toEqual({ x: 0, y: 10 });
  expect(nudge({ key: "a", shiftKey: false })).toBeNull();
});

test("the edge of a display is reached where no other display is, and passed where one is", () => {
  const right = { x: 1280, y: 100, width: 800, height: 600 };
  const displays = [bounds, right];
  expect(around(displays)).toEqual({ x: 0, y: 0, width: 2080, height: 720 });
  expect(reached({ x: 1279, y: 50 }, 1, displays)).toEqual({ x: 1280, y: 50 });
  expect(reached({ x: 1279, y: 200 }, 1, displays)).toEqual({ x: 1279, y: 200 });
  expect(reached({ x: 2079, y: 699 }, 1, displays)).toEqual({ x: 2080, y: 700 });
  expect(reached({ x: 1278, y: 719 }, 2, [bounds])).toEqual({ x: 1280, y: 720 });
  expect(reached({ x: 5, y: 900 }, 1, displays)).toEqual({ x: 5, y: 900 });
});

test("bounds that begin before the display are kept on all sides", () => {
  const room = { x: -800, y: -50, width: 2080, height: 770 };
  expect(between({ x: 100, y: 100 }, { x: -900, y: -90 }, room)).toEqual({ x: -800, y: -50, width: 900, height: 150 });
  expect(moved(rect, -5000, -5000, room)).toEqual({ ...rect, x: -800, y: -50 });
  expect(moved(rect, 5000, 5000, room)).toEqual({ ...rect, x: 880, y: 420 });
  expect(resized(rect, "nw", -5000, -5000, room)).toEqual({ x: -800, y: -50, width: 1300, height: 450 });
  expect(resized(rect, "se", 5000, 5000, room)).toEqual({ ...rect, width: 1180, height: 620 });
});
