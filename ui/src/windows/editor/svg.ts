/*! A shape as SVG: the elements that the export draws, too. */
import { definitionOf } from "./shapeTools";
import type { Shape } from "./types";

export * from "./elements";

/** Returns the SVG elements of a shape. What is computed from pixels has none (`effects.ts`, `spotlightPath`). */
export const svgOf = (shape: Shape): string => definitionOf(shape).svg(shape);
