/*!
 * How the picture lies in the window: what of it is seen (crop and quarter turns), how large, and where. Pure.
 * "View" pixels are those of the picture after crop and turns; "screen" pixels are the stage's own.
 */
import type { Area, Canvas, Point, Size } from "./types";
import { clamped } from "./geometry";

export interface View {
  zoom: number;
  /** Where the upper left corner of the frame is on the stage. */
  pan: Point;
}

export const ZOOM_MIN = 0.02;
export const ZOOM_MAX = 32;
/** From here on pixels are shown as squares. */
export const ZOOM_SQUARES = 3;
/** Air around a picture that fits. */
const FIT_MARGIN_PX = 24;

export const bounded = (zoom: number): number => Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, zoom));

/** What of the picture is seen. A crop beyond its edges is cut off; one outside shows all of it. */
export function seen({ crop }: Canvas, picture: Size): Area {
  const whole = { x: 0, y: 0, ...picture };
  return crop === null ? whole : (clamped(crop, picture) ?? whole);
}

/** The size after crop and turns. */
export function turnedSize(canvas: Canvas, picture: Size): Size {
  const { width, height } = seen(canvas, picture);
  return canvas.quarterTurns % 2 === 0 ? { width, height } : { width: height, height: width };
}

/** The factor of the output's resizing. */
export function outputScale(canvas: Canvas, picture: Size): number {
  return canvas.width === null ? 1 : canvas.width / turnedSize(canvas, picture).width;
}

/** The size of what is exported, with its background. */
export function outputSize(canvas: Canvas, picture: Size): Size {
  const { width, height } = turnedSize(canvas, picture);
  const scale = outputScale(canvas, picture);
  const padding = 2 * (canvas.background?.paddingPx ?? 0);
  return { width: Math.round(width * scale) + padding, height: Math.max(1, Math.round(height * scale)) + padding };
}

/** The background's padding in view pixels. */
export function padding(canvas: Canvas, picture: Size): number {
  return (canvas.background?.paddingPx ?? 0) / outputScale(canvas, picture);
}

/** The size of the frame in view pixels: picture and background. */
export function frameSize(canvas: Canvas, picture: Size): Size {
  const { width, height } = turnedSize(canvas, picture);
  const around = 2 * padding(canvas, picture);
  return { width: width + around, height: height + around };
}

/** The matrix from the picture's pixels to view pixels, as SVG has it. */
export type Matrix = [a: number, b: number, c: number, d: number, e: number, f: number];

export function matrix(canvas: Canvas, picture: Size): Matrix {
  const { x, y, width, height } = seen(canvas, picture);
  const pad = padding(canvas, picture);
  switch (canvas.quarterTurns % 4) {
    case 1:
      return [0, 1, -1, 0, height + y + pad, -x + pad];
    case 2:
      return [-1, 0, 0, -1, width + x + pad, height + y + pad];
    case 3:
      return [0, -1, 1, 0, -y + pad, width + x + pad];
    default:
      return [1, 0, 0, 1, -x + pad, -y + pad];
  }
}

export const through = ([a, b, c, d, e, f]: Matrix, { x, y }: Point): Point => ({
  x: a * x + c * y + e,
  y: b * x + d * y + f,
});

/** Turns are their own matrices' inverses, transposed. */
export const back = ([a, b, c, d, e, f]: Matrix, { x, y }: Point): Point => ({
  x: a * (x - e) + b * (y - f),
  y: c * (x - e) + d * (y - f),
});

export function toScreen(canvas: Canvas, picture: Size, { zoom, pan }: View, point: Point): Point {
  const { x, y } = through(matrix(canvas, picture), point);
  return { x: x * zoom + pan.x, y: y * zoom + pan.y };
}

export function toPicture(canvas: Canvas, picture: Size, { zoom, pan }: View, point: Point): Point {
  return back(matrix(canvas, picture), { x: (point.x - pan.x) / zoom, y: (point.y - pan.y) / zoom });
}

/** Shows all of the frame, in the middle, never larger than it is. */
export function fitted(frame: Size, stage: Size, margin = FIT_MARGIN_PX): View {
  const zoom = bounded(
    Math.min(1, (stage.width - 2 * margin) / frame.width, (stage.height - 2 * margin) / frame.height),
  );
  return centered(frame, stage, zoom);
}

export const centered = (frame: Size, stage: Size, zoom: number): View => ({
  zoom,
  pan: {
    x: Math.round((stage.width - frame.width * zoom) / 2),
    y: Math.round((stage.height - frame.height * zoom) / 2),
  },
});

/** Zooms so that what is at a place of the stage stays there. */
export function zoomed(view: View, to: number, at: Point): View {
  const zoom = bounded(to);
  const factor = zoom / view.zoom;
  return { zoom, pan: { x: at.x - (at.x - view.pan.x) * factor, y: at.y - (at.y - view.pan.y) * factor } };
}

/** Something of the frame stays in sight. */
const IN_SIGHT_PX = 48;
export function held({ zoom, pan }: View, frame: Size, stage: Size): View {
  const within = (at: number, length: number, room: number) =>
    Math.min(room - IN_SIGHT_PX, Math.max(IN_SIGHT_PX - length * zoom, at));
  return { zoom, pan: { x: within(pan.x, frame.width, stage.width), y: within(pan.y, frame.height, stage.height) } };
}
