/*!
 * What shapes do under the pointer, for the four families that most tools belong to: what has two ends, what lies in
 * an area, what follows the pointer, and what has a size around its place. Nothing here knows a tool.
 */
import {
  around,
  contains,
  corners,
  distance,
  frameHandles,
  plus,
  pulled,
  rounded,
  snapped,
  toPath,
  toSegment,
  type Handle,
  type HandleName,
  type Held,
  type Measure,
} from "./points";
import type { Area, Point } from "./types";

const SIZE_MIN = 8;
const SIZE_MAX = 2000;

/** How positions and sizes change when one area becomes another. */
export interface Fit {
  at: (point: Point) => Point;
  sized: (sizePx: number) => number;
}

/** A handle that is dragged to the pointer, and the bounds of its shape before that. */
export interface Pull {
  handle: HandleName;
  to: Point;
  held: Held;
  bounds: Area;
}

/** What every tool has to say about the geometry of its shapes. */
export interface Geometry<F> {
  bounds: (shape: F, measure: Measure) => Area;
  /** The frame of a chosen shape; `null` if its handles alone say that it is chosen. */
  frame: (shape: F, bounds: Area) => Area | null;
  handles: (shape: F, bounds: Area) => Handle[];
  hits: (shape: F, point: Point, slack: number, bounds: Area) => boolean;
  moved: <S extends F>(shape: S, by: Point) => S;
  refitted: <S extends F>(shape: S, fit: Fit) => S;
  reshaped: <S extends F>(shape: S, pull: Pull) => S;
}

export function fitting(from: Area, to: Area): Fit {
  const factorX = from.width === 0 ? 1 : to.width / from.width;
  const factorY = from.height === 0 ? 1 : to.height / from.height;
  return {
    at: ({ x, y }) => rounded({ x: to.x + (x - from.x) * factorX, y: to.y + (y - from.y) * factorY }),
    sized: (sizePx) => sized(sizePx * Math.min(factorX, factorY)),
  };
}

const sized = (sizePx: number): number => Math.round(Math.min(SIZE_MAX, Math.max(SIZE_MIN, sizePx)));

interface Ends {
  from: Point;
  to: Point;
  widthPx: number;
}

/** A line with a handle at each end. Shift holds it to steps of 15 degrees. */
export const betweenEnds: Geometry<Ends> = {
  bounds: ({ from, to }) => around([from, to]),
  frame: () => null,
  handles: ({ from, to }) => [
    { name: "from", at: from },
    { name: "to", at: to },
  ],
  hits: ({ from, to, widthPx }, point, slack) => toSegment(point, from, to) <= widthPx / 2 + slack,
  moved: (shape, by) => ({ ...shape, from: plus(shape.from, by), to: plus(shape.to, by) }),
  refitted: (shape, { at }) => ({ ...shape, from: at(shape.from), to: at(shape.to) }),
  reshaped: (shape, { handle, to, held }) => {
    if (handle !== "from" && handle !== "to") return shape;
    const fixed = handle === "from" ? shape.to : shape.from;
    return { ...shape, [handle]: held.shift ? snapped(fixed, to) : rounded(to) };
  },
};

/** A shape that fills an area, and is hit anywhere in it. */
export const inArea: Geometry<{ area: Area }> = {
  bounds: ({ area }) => area,
  frame: (_, bounds) => bounds,
  handles: (_, bounds) => frameHandles(bounds),
  hits: ({ area }, point, slack) => contains(area, point, slack),
  moved: (shape, by) => ({ ...shape, area: { ...shape.area, ...plus(shape.area, by) } }),
  refitted: (shape, { at }) => ({ ...shape, area: around(corners(shape.area).map(at)) }),
  reshaped: (shape, { handle, to, held, bounds }) =>
    inArea.refitted(shape, fitting(bounds, pulled(bounds, handle, to, held))),
};

/** A stroke along the way of the pointer. Its frame has room for its width. */
export const alongPath: Geometry<{ points: Point[]; widthPx: number }> = {
  bounds: ({ points }) => around(points),
  frame: ({ widthPx }, { x, y, width, height }) => {
    const half = widthPx / 2;
    return { x: x - half, y: y - half, width: width + widthPx, height: height + widthPx };
  },
  handles: (_, bounds) => frameHandles(bounds),
  hits: ({ points, widthPx }, point, slack) => toPath(point, points) <= widthPx / 2 + slack,
  moved: (shape, by) => ({ ...shape, points: shape.points.map((point) => plus(point, by)) }),
  refitted: (shape, { at }) => ({ ...shape, points: shape.points.map(at) }),
  reshaped: (shape, { handle, to, held, bounds }) =>
    alongPath.refitted(shape, fitting(bounds, pulled(bounds, handle, to, held))),
};

/** A shape as wide as it is high, around a point. Dragging a corner changes its size and not its place. */
export const aroundPoint: Geometry<{ at: Point; sizePx: number }> = {
  bounds: ({ at, sizePx }) => ({ x: at.x - sizePx / 2, y: at.y - sizePx / 2, width: sizePx, height: sizePx }),
  frame: (_, bounds) => bounds,
  handles: (_, bounds) => frameHandles(bounds, false),
  hits: ({ at, sizePx }, point, slack) => distance(point, at) <= sizePx / 2 + slack,
  moved: (shape, by) => ({ ...shape, at: plus(shape.at, by) }),
  refitted: (shape, { at, sized }) => ({ ...shape, at: at(shape.at), sizePx: sized(shape.sizePx) }),
  reshaped: (shape, { handle, to, bounds }) => ({
    ...shape,
    sizePx: sized(pulled(bounds, handle, to, { shift: true, alt: true }).width),
  }),
};
