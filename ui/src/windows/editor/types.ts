/*! The drawing as Rust declares it, with names for the forms of its shapes. */
import type { Shape } from "$lib/bindings/Shape";
import type { ShapeKind } from "$lib/bindings/ShapeKind";

export type { Area } from "$lib/bindings/Area";
export type { Background } from "$lib/bindings/Background";
export type { Canvas } from "$lib/bindings/Canvas";
export type { Drawing } from "$lib/bindings/Drawing";
export type { Paint } from "$lib/bindings/Paint";
export type { Point } from "$lib/bindings/Point";
export type { Rgb } from "$lib/bindings/Rgb";
export type { Shape };

/** A shape that is in no drawing yet. */
export type Form = ShapeKind;
export type ShapeTool = Form["tool"];
export type Blur = Extract<Form, { tool: "blur" }>;
export type Pixelate = Extract<Form, { tool: "pixelate" }>;

export interface Size {
  width: number;
  height: number;
}
