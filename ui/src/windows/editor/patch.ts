/*!
 * Draws the effect of one area into a canvas, from the picture's pixels and the objects that lie below it, as the
 * export does (`crates/render/src/picture/draw.rs`): what is hidden is erased first, then the objects are drawn from
 * the bottom up.
 */
import { blur, mosaic, type Rim } from "./effects";
import { boundsOf, clamped, overlap } from "./geometry";
import { measure } from "./measure";
import { paint } from "./paint";
import { hex, SPOTLIGHT_OPACITY, spotlightPath } from "./svg";
import type { Area, Blur, Pixelate, Shape, Size } from "./types";

/** A blur of this radius or more is computed on a smaller picture: nothing of the difference is seen. */
const SMALL_FROM_PX = 12;
const SMALL = 4;
/** A pixel from which nothing is known. */
const GREY = "#808080";

export type Source = HTMLImageElement;
type Effect = Shape & (Blur | Pixelate);

/** The picture, and everything that is drawn on it. */
export interface Under {
  source: Source;
  size: Size;
  shapes: readonly Shape[];
}

const isEffect = (shape: Shape): shape is Effect => shape.tool === "blur" || shape.tool === "pixelate";
const isHiding = (shape: Shape): shape is Shape & { area: Area } =>
  shape.tool === "cover" || shape.tool === "pixelate";
const smalls = new WeakMap<Source, HTMLCanvasElement>();

/** The picture, scaled down once: a drag then reads a small picture with every frame. */
function smallOf(source: Source): HTMLCanvasElement {
  const known = smalls.get(source);
  if (known !== undefined) return known;
  const canvas = document.createElement("canvas");
  const size = { width: Math.ceil(source.naturalWidth / SMALL), height: Math.ceil(source.naturalHeight / SMALL) };
  const context = contextOf(canvas, size);
  if (context !== null) {
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, source.naturalWidth / SMALL, source.naturalHeight / SMALL);
  }
  smalls.set(source, canvas);
  return canvas;
}

function contextOf(canvas: HTMLCanvasElement, { width, height }: Size): CanvasRenderingContext2D | null {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  // Its pixels are read back each time: kept by the processor, it is not composed apart from the picture.
  return canvas.getContext("2d", { willReadFrequently: true });
}

/** What a canvas shows now: the effect, and what it was computed from. */
interface Drawn {
  canvas: HTMLCanvasElement;
  source: Source;
  from: readonly Shape[];
}
const drawn = new WeakMap<Shape, Drawn>();
const shownBy = new WeakMap<HTMLCanvasElement, Shape>();

/** Draws an effect into a canvas, unless it shows that already. */
export function patch(canvas: HTMLCanvasElement, shape: Effect, under: Under) {
  const from = sourcesOf(shape, under.shapes);
  const known = drawn.get(shape);
  if (known?.canvas === canvas && isCurrent(known, shape, under.source, from)) return;
  draw(canvas, shape, under, from);
}

const isCurrent = ({ canvas, source, from }: Drawn, shape: Shape, now: Source, all: readonly Shape[]): boolean =>
  shownBy.get(canvas) === shape && source === now && from.length === all.length && from.every((one, n) => one === all[n]);

function draw(canvas: HTMLCanvasElement, shape: Effect, under: Under, from: readonly Shape[]) {
  const inside = clamped(shape.area, under.size);
  if (inside === null) return;
  if (shape.tool === "pixelate") pixelate(canvas, inside, shape, under);
  else blurred(canvas, inside, shape, under);
  shownBy.set(canvas, shape);
  drawn.set(shape, { canvas, source: under.source, from });
}

/** Returns an effect that lies below another one. */
function effectOf(shape: Effect, under: Under): HTMLCanvasElement {
  const from = sourcesOf(shape, under.shapes);
  const known = drawn.get(shape);
  if (known !== undefined && isCurrent(known, shape, under.source, from)) return known.canvas;
  const canvas = document.createElement("canvas");
  draw(canvas, shape, under, from);
  return canvas;
}

/** What an effect is computed from, apart from the picture: what hides, and what lies below it and touches it. */
function sourcesOf(shape: Effect, shapes: readonly Shape[]): Shape[] {
  const found = new Set<Shape>(shapes.filter(isHiding));
  const looked = new Set<Shape>();
  const look = (at: Effect) => {
    looked.add(at);
    for (const below of belowOf(at, shapes)) {
      if (below.tool === "spotlight") shapes.filter(({ tool }) => tool === "spotlight").forEach((one) => found.add(one));
      if (below.tool !== "spotlight" && !overlap(reachOf(below), grown(at.area, 1))) continue;
      found.add(below);
      if (isEffect(below) && !looked.has(below)) look(below);
    }
  };
  look(shape);
  found.delete(shape);
  return shapes.filter((one) => found.has(one));
}

const belowOf = (shape: Shape, shapes: readonly Shape[]): readonly Shape[] => {
  const place = shapes.indexOf(shape);
  return place < 0 ? [] : shapes.slice(0, place);
};

const grown = ({ x, y, width, height }: Area, by: number): Area => ({
  x: x - by,
  y: y - by,
  width: width + 2 * by,
  height: height + 2 * by,
});

/** Returns all that a shape may draw on: its strokes and an arrow's head, too. */
function reachOf(shape: Shape): Area {
  const bounds = boundsOf(shape, measure);
  if ("widthPx" in shape) return grown(bounds, shape.widthPx * 4 + 8);
  return "sizePx" in shape ? grown(bounds, shape.sizePx) : bounds;
}

/** Draws a part of the picture with what lies below a shape. `scale` is that of the context's pixels. */
function compose(context: CanvasRenderingContext2D, area: Area, scale: number, shape: Shape, under: Under) {
  const { source, size, shapes } = under;
  const from = scale === 1 ? source : smallOf(source);
  const { x, y, width, height } = area;
  context.setTransform(scale, 0, 0, scale, -x * scale, -y * scale);
  context.clearRect(x, y, width, height);
  context.drawImage(from, x * scale, y * scale, width * scale, height * scale, x, y, width, height);
  const hiding = shapes.filter(isHiding);
  const here = hiding.filter((one) => overlap(one.area, area));
  const fill = (at: Area, color: string) => {
    context.fillStyle = color;
    context.fillRect(at.x, at.y, at.width, at.height);
  };
  for (const one of here) fill(one.area, GREY);
  for (const one of here) {
    const hidden = one.tool === "pixelate" ? clamped(one.area, size) : null;
    if (hidden === null || one.tool !== "pixelate") continue;
    const blocks = document.createElement("canvas");
    mosaicInto(blocks, hidden, one.blockPx, rimsOf(hidden, under, hiding, null));
    context.drawImage(blocks, hidden.x, hidden.y);
  }
  for (const one of here) if (one.tool === "cover") fill(one.area, hex(one.color));
  const lights = shapes.filter(({ tool }) => tool === "spotlight");
  for (const one of belowOf(shape, shapes)) {
    if (one.tool === "spotlight") {
      if (one !== lights[0]) continue;
      const whole = { x: 0, y: 0, ...size };
      context.fillStyle = `rgb(0 0 0 / ${SPOTLIGHT_OPACITY})`;
      context.fill(new Path2D(spotlightPath(whole, lights.map((light) => boundsOf(light)))), "evenodd");
    } else if (!overlap(reachOf(one), area)) continue;
    else if (one.tool === "cover") fill(one.area, hex(one.color));
    else if (isEffect(one)) {
      const inside = clamped(one.area, size);
      if (inside !== null) context.drawImage(effectOf(one, under), inside.x, inside.y, inside.width, inside.height);
    } else paint(context, one);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}

function blurred(canvas: HTMLCanvasElement, area: Area, shape: Shape & Blur, under: Under) {
  const scale = shape.radiusPx >= SMALL_FROM_PX ? 1 / SMALL : 1;
  const width = Math.max(1, Math.round(area.width * scale));
  const height = Math.max(1, Math.round(area.height * scale));
  const context = contextOf(canvas, { width, height });
  if (context === null) return;
  compose(context, area, scale, shape, under);
  const pixels = context.getImageData(0, 0, width, height);
  blur(pixels, shape.radiusPx * scale);
  context.putImageData(pixels, 0, 0);
}

function pixelate(canvas: HTMLCanvasElement, area: Area, shape: Shape & Pixelate, under: Under) {
  mosaicInto(canvas, area, shape.blockPx, rimsOf(area, under, [], shape));
}

function mosaicInto(canvas: HTMLCanvasElement, area: Area, blockPx: number, rims: Parameters<typeof mosaic>[1]) {
  const context = contextOf(canvas, area);
  if (context === null) return;
  const pixels = context.createImageData(area.width, area.height);
  pixels.data.set(mosaic(area, rims, blockPx).data);
  context.putImageData(pixels, 0, 0);
}

/** Reads the pixels just outside of an area: of the picture alone, or with what lies below `shape`. */
function rimsOf({ x, y, width, height }: Area, under: Under, unknown: readonly { area: Area }[], shape: Shape | null) {
  const { size } = under;
  const rim = (at: Area): Rim | null => read(at, under, unknown, shape);
  return {
    above: y > 0 ? rim({ x, y: y - 1, width, height: 1 }) : null,
    below: y + height < size.height ? rim({ x, y: y + height, width, height: 1 }) : null,
    before: x > 0 ? rim({ x: x - 1, y, width: 1, height }) : null,
    after: x + width < size.width ? rim({ x: x + width, y, width: 1, height }) : null,
  };
}

function read(area: Area, under: Under, unknown: readonly { area: Area }[], shape: Shape | null): Rim | null {
  const { x, y, width, height } = area;
  const context = contextOf(document.createElement("canvas"), { width, height });
  if (context === null) return null;
  if (shape === null) context.drawImage(under.source, x, y, width, height, 0, 0, width, height);
  else compose(context, area, 1, shape, under);
  const { data } = context.getImageData(0, 0, width, height);
  const hidden = unknown.map((one) => one.area).filter((one) => overlap(one, area));
  if (hidden.length === 0) return { data };
  const isKnown = (n: number) => {
    const at = { x: x + (n % width), y: y + Math.floor(n / width) };
    return !hidden.some((one) => at.x >= one.x && at.x < one.x + one.width && at.y >= one.y && at.y < one.y + one.height);
  };
  return { data, known: Array.from({ length: width * height }, (_, n) => isKnown(n)) };
}
