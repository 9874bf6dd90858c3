/*! Where shapes are, what a drag makes of them, and which of them lies under the pointer. Pure, in picture pixels. */
import { fitting } from "./families";
import { estimate, type Handle, type HandleName, type Held, type Measure } from "./points";
import { definitionOf } from "./shapeTools";
import type { Area, Form, Point, Shape } from "./types";

export * from "./points";

export const boundsOf = (shape: Form, measure: Measure = estimate): Area => definitionOf(shape).bounds(shape, measure);

/** Returns the frame of a chosen shape; `null` if its handles alone say that it is chosen. */
export const frameOf = (shape: Form, measure: Measure = estimate): Area | null =>
  definitionOf(shape).frame(shape, boundsOf(shape, measure));

export const handlesOf = (shape: Form, measure: Measure = estimate): Handle[] =>
  definitionOf(shape).handles(shape, boundsOf(shape, measure));

export const moved = <S extends Form>(shape: S, by: Point): S => definitionOf(shape).moved(shape, by);

/** Fits a shape from one area into another, as when several are resized together. */
export const refitted = <S extends Form>(shape: S, from: Area, to: Area): S =>
  definitionOf(shape).refitted(shape, fitting(from, to));

/** Drags a handle of one shape to the pointer. */
export const reshaped = <S extends Form>(
  shape: S,
  handle: HandleName,
  to: Point,
  held: Held,
  measure: Measure = estimate,
): S => definitionOf(shape).reshaped(shape, { handle, to, held, bounds: boundsOf(shape, measure) });

/** Returns whether a shape is under the pointer. Outlines are hit on their line, filled ones anywhere. */
export const hits = (shape: Form, point: Point, slack: number, measure: Measure = estimate): boolean =>
  definitionOf(shape).hits(shape, point, slack, boundsOf(shape, measure));

/** Returns the uppermost shape under the pointer. A spotlight yields to what lies in it. */
export function topmost(shapes: readonly Shape[], point: Point, slack: number, measure: Measure = estimate): Shape | null {
  const under = shapes.filter((shape) => hits(shape, point, slack, measure));
  return under.findLast((shape) => definitionOf(shape).yields !== true) ?? under.at(-1) ?? null;
}
