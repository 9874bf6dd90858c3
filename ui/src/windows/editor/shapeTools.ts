/*!
 * Everything that the editor knows about each tool that draws a shape: one entry of `SHAPE_TOOLS` a tool. A tool that
 * Rust declares (`ShapeKind`) and that has no entry here is an error of the compiler. The order is that of the bar.
 */
import Cover from "@lucide/svelte/icons/eye-off";
import Ellipse from "@lucide/svelte/icons/circle";
import Blur from "@lucide/svelte/icons/droplets";
import Pixelate from "@lucide/svelte/icons/grid-3x3";
import Marker from "@lucide/svelte/icons/highlighter";
import Step from "@lucide/svelte/icons/list-ordered";
import Arrow from "@lucide/svelte/icons/move-up-right";
import Pen from "@lucide/svelte/icons/pencil";
import Line from "@lucide/svelte/icons/slash";
import Emoji from "@lucide/svelte/icons/smile";
import Spotlight from "@lucide/svelte/icons/spotlight";
import Box from "@lucide/svelte/icons/square";
import Text from "@lucide/svelte/icons/type";
import * as m from "$lib/messages/messages";
import * as svg from "./elements";
import { alongPath, aroundPoint, betweenEnds, fitting, inArea, type Geometry } from "./families";
import {
  around,
  between,
  contains,
  controlThrough,
  curve,
  minus,
  onCurve,
  plus,
  pulled,
  rounded,
  toPath,
  toSegment,
} from "./points";
import type { Style } from "./style";
import type { Area, Form, Point, ShapeTool } from "./types";

/** The shape of one tool. */
export type FormOf<T extends ShapeTool> = Extract<Form, { tool: T }>;

/** A drag from one point to another, as the held keys have it. */
export interface Drag {
  from: Point;
  to: Point;
  /** Where the pointer is, whatever keys are held. */
  at: Point;
  area: Area;
  /** The way of the pointer. */
  points: Point[];
  /** The number of the next step. */
  step: number;
}

/** The fields of a form that have one type. */
type FieldOf<F, Value> = { [Name in keyof F]: F[Name] extends Value ? Name : never }[keyof F];

export interface ShapeToolDefinition<F extends Form> extends Geometry<F> {
  /** The letter as Satty and Flameshot have it where they agree. */
  key: string;
  /** The tool begins a group of the bar. */
  parts?: true;
  icon: typeof Arrow;
  name: () => string;
  /** What the style bar says about the tool. */
  hint?: () => string;
  /** The hint is a warning. */
  warns?: true;
  /** A shape begins with a drag, with a stroke that follows the pointer, or with a press alone. */
  begins: "drag" | "stroke" | "press";
  /** What the style bar sets: names of the style, each with the field of the shape that holds it. */
  fields: { [Name in keyof Style]?: FieldOf<F, Style[Name]> };
  /** Returns what a drag makes. */
  formed: (drag: Drag, style: Style) => F;
  /** Returns the SVG elements, as `crates/render/src/picture/tools.rs` has them. */
  svg: (shape: F) => string;
  /** A press on it chooses what else lies there. */
  yields?: true;
}

export const SHAPE_TOOLS: { readonly [T in ShapeTool]: ShapeToolDefinition<FormOf<T>> } = {
  arrow: {
    ...betweenEnds,
    key: "A",
    parts: true,
    icon: Arrow,
    name: m.editor_tool_arrow,
    begins: "drag",
    fields: { color: "color", widthPx: "widthPx" },
    formed: ({ from, to }, { color, widthPx }) => ({ tool: "arrow", from, to, bend: null, color, widthPx }),
    svg: arrow,
    bounds: ({ from, bend, to }) => around(curve(from, bend, to)),
    handles: (shape, bounds) => [...betweenEnds.handles(shape, bounds), { name: "bend", at: middleOf(shape) }],
    hits: ({ from, bend, to, widthPx }, point, slack) => toPath(point, curve(from, bend, to)) <= widthPx / 2 + slack,
    moved: (shape, by) => ({
      ...betweenEnds.moved(shape, by),
      bend: shape.bend === null ? null : plus(shape.bend, by),
    }),
    refitted: (shape, fit) => ({
      ...betweenEnds.refitted(shape, fit),
      bend: shape.bend === null ? null : fit.at(shape.bend),
    }),
    reshaped: (shape, pull) => {
      const { handle, to } = pull;
      if (handle === "bend") {
        const isStraight = toSegment(to, shape.from, shape.to) <= STRAIGHT_PX;
        return { ...shape, bend: isStraight ? null : rounded(controlThrough(shape.from, to, shape.to)) };
      }
      const next = betweenEnds.reshaped(shape, pull);
      if (shape.bend === null || (handle !== "from" && handle !== "to")) return next;
      // The curve keeps its form: what bends it moves by half of what its end moves.
      const by = minus(next[handle], shape[handle]);
      return { ...next, bend: rounded(plus(shape.bend, { x: by.x / 2, y: by.y / 2 })) };
    },
  },
  line: {
    ...betweenEnds,
    key: "L",
    icon: Line,
    name: m.editor_tool_line,
    begins: "drag",
    fields: { color: "color", widthPx: "widthPx" },
    formed: ({ from, to }, { color, widthPx }) => ({ tool: "line", from, to, color, widthPx }),
    svg: (shape) => `<path d="M${svg.at(shape.from)} L${svg.at(shape.to)}" ${svg.stroke(shape)}/>`,
  },
  box: {
    ...inArea,
    key: "R",
    icon: Box,
    name: m.editor_tool_box,
    begins: "drag",
    fields: { color: "color", widthPx: "widthPx", filled: "filled", radiusPx: "radiusPx" },
    formed: ({ area }, { radiusPx, filled, color, widthPx }) => ({ tool: "box", area, radiusPx, filled, color, widthPx }),
    svg: (shape) => `<rect ${svg.rect(shape.area)} rx="${shape.radiusPx}" ${svg.outline(shape)}/>`,
    hits: ({ area, filled, widthPx }, point, slack) => {
      const reach = widthPx / 2 + slack;
      if (!contains(area, point, reach)) return false;
      const { x, y, width, height } = area;
      const inner = { x: x + reach, y: y + reach, width: width - 2 * reach, height: height - 2 * reach };
      return filled || !contains(inner, point);
    },
  },
  ellipse: {
    ...inArea,
    key: "E",
    icon: Ellipse,
    name: m.editor_tool_ellipse,
    begins: "drag",
    fields: { color: "color", widthPx: "widthPx", filled: "filled" },
    formed: ({ area }, { filled, color, widthPx }) => ({ tool: "ellipse", area, filled, color, widthPx }),
    svg: (shape) => {
      const { x, y, width, height } = shape.area;
      const [rx, ry] = [width / 2, height / 2];
      const center = `cx="${svg.number(x + rx)}" cy="${svg.number(y + ry)}"`;
      return `<ellipse ${center} rx="${svg.number(rx)}" ry="${svg.number(ry)}" ${svg.outline(shape)}/>`;
    },
    hits: ({ area: { x, y, width, height }, filled, widthPx }, point, slack) => {
      const reach = widthPx / 2 + slack;
      const from = minus(point, { x: x + width / 2, y: y + height / 2 });
      const inside = (right: number, down: number) =>
        right > 0 && down > 0 && (from.x / right) ** 2 + (from.y / down) ** 2 <= 1;
      const isIn = inside(width / 2 + reach, height / 2 + reach);
      return isIn && (filled || !inside(width / 2 - reach, height / 2 - reach));
    },
  },
  pen: {
    ...alongPath,
    key: "B",
    icon: Pen,
    name: m.editor_tool_pen,
    begins: "stroke",
    fields: { color: "color", widthPx: "widthPx" },
    formed: ({ points }, { color, widthPx }) => ({ tool: "pen", points, color, widthPx }),
    svg: (shape) => svg.freehand(shape, "", ""),
  },
  marker: {
    ...alongPath,
    key: "M",
    icon: Marker,
    name: m.editor_tool_marker,
    begins: "stroke",
    fields: { color: "color", markerPx: "widthPx" },
    formed: ({ points }, { color, markerPx }) => ({ tool: "marker", points, color, widthPx: markerPx }),
    svg: (shape) => svg.freehand(shape, "0.5", svg.MULTIPLY),
  },
  text: {
    ...aroundPoint,
    key: "T",
    parts: true,
    icon: Text,
    name: m.editor_tool_text,
    begins: "press",
    fields: { color: "color", sizePx: "sizePx", plate: "plate" },
    formed: ({ at }, { sizePx, color, plate }) => ({ tool: "text", at, text: "", sizePx, color, plate }),
    svg: text,
    bounds: ({ at, text, sizePx }, measure) => ({ ...at, ...measure(text, sizePx) }),
    hits: (_, point, slack, bounds) => contains(bounds, point, slack),
    reshaped: (shape, { handle, to, held, bounds }) =>
      aroundPoint.refitted(shape, fitting(bounds, pulled(bounds, handle, to, { shift: true, alt: held.alt }))),
  },
  step: {
    ...aroundPoint,
    key: "N",
    icon: Step,
    name: m.editor_tool_step,
    begins: "press",
    fields: { color: "color", sizePx: "sizePx" },
    formed: ({ at, step }, { sizePx, color }) => ({ tool: "step", at, number: step, sizePx, color }),
    svg: step,
  },
  emoji: {
    ...aroundPoint,
    key: "J",
    icon: Emoji,
    name: m.editor_tool_emoji,
    begins: "press",
    fields: { sizePx: "sizePx", emoji: "emoji" },
    formed: ({ at }, { emoji, sizePx }) => ({ tool: "emoji", at, emoji, sizePx }),
    svg: ({ at, emoji, sizePx }) =>
      `<text x="${at.x}" y="${svg.number(at.y + sizePx * svg.EMOJI_CENTER_EM)}" ` +
      `font-family="${svg.EMOJI_FAMILIES}" font-size="${sizePx}" text-anchor="middle">${svg.escaped(emoji)}</text>`,
  },
  cover: {
    ...inArea,
    key: "K",
    parts: true,
    icon: Cover,
    name: m.editor_tool_cover,
    hint: m.editor_cover_hint,
    begins: "drag",
    fields: { color: "color" },
    formed: ({ area }, { color }) => ({ tool: "cover", area, color }),
    svg: ({ area, color }) => `<rect ${svg.rect(area)} fill="${svg.hex(color)}" shape-rendering="crispEdges"/>`,
  },
  pixelate: {
    ...inArea,
    key: "X",
    icon: Pixelate,
    name: m.editor_tool_pixelate,
    hint: m.editor_pixelate_hint,
    begins: "drag",
    fields: { blockPx: "blockPx" },
    formed: ({ area }, { blockPx }) => ({ tool: "pixelate", area, blockPx }),
    svg: () => "",
  },
  blur: {
    ...inArea,
    key: "U",
    icon: Blur,
    name: m.editor_tool_blur,
    hint: m.editor_blur_warning,
    warns: true,
    begins: "drag",
    fields: { blurPx: "radiusPx" },
    formed: ({ area }, { blurPx }) => ({ tool: "blur", area, radiusPx: blurPx }),
    svg: () => "",
  },
  spotlight: {
    ...inArea,
    key: "O",
    icon: Spotlight,
    name: m.editor_tool_spotlight,
    hint: m.editor_spotlight_hint,
    begins: "drag",
    fields: {},
    formed: ({ area }) => ({ tool: "spotlight", area }),
    svg: () => "",
    yields: true,
  },
};

export const SHAPE_TOOL_NAMES = Object.keys(SHAPE_TOOLS) as ShapeTool[];

export const isShapeTool = (tool: string): tool is ShapeTool => Object.hasOwn(SHAPE_TOOLS, tool);

/** Returns the definition of a shape's tool. The compiler can't see that both are of the same tool. */
export const definitionOf = <F extends Form>(shape: F): ShapeToolDefinition<F> =>
  SHAPE_TOOLS[shape.tool] as unknown as ShapeToolDefinition<F>;

/** A bend that is as good as none: the arrow is straight again. */
const STRAIGHT_PX = 4;

/** An arrow is bent by its middle; what is stored is the control point of its curve. */
const middleOf = ({ from, bend, to }: FormOf<"arrow">): Point =>
  bend === null ? between(from, to) : onCurve(from, bend, to, 0.5);

/** A shaft that ends inside of the head, and a head with a notch that points the way in which the shaft arrives. */
function arrow({ from, to, bend, color, widthPx }: FormOf<"arrow">): string {
  const isBent = bend !== null && svg.at(bend) !== svg.at(to) && svg.at(bend) !== svg.at(from);
  const tail = isBent ? bend : from;
  const [dx, dy] = [to.x - tail.x, to.y - tail.y];
  const length = Math.sqrt(dx * dx + dy * dy);
  if (length === 0) return svg.dot(to, { color, widthPx }, "", "");
  const [ux, uy] = [dx / length, dy / length];
  const head = Math.min(widthPx * 4 + 8, length);
  const half = head * 0.45;
  const [baseX, baseY] = [to.x - ux * head, to.y - uy * head];
  const notch = svg.pair(to.x - ux * head * 0.8, to.y - uy * head * 0.8);
  const way = isBent ? `Q${svg.at(bend)} ${notch}` : `L${notch}`;
  const sides = [svg.pair(baseX - uy * half, baseY + ux * half), svg.pair(baseX + uy * half, baseY - ux * half)] as const;
  return (
    `<path d="M${svg.at(from)} ${way}" ${svg.stroke({ color, widthPx })}/>` +
    `<path d="M${svg.at(to)} L${sides[0]} L${notch} L${sides[1]} Z" fill="${svg.hex(color)}" stroke="${svg.hex(color)}" ` +
    `stroke-width="${svg.number(widthPx / 4)}" stroke-linejoin="round"/>`
  );
}

function text({ at: { x, y }, text, sizePx, color, plate }: FormOf<"text">): string {
  const spans = text
    .split("\n")
    .map((one, index) => {
      const line = svg.escaped(one);
      if (line === "") return "";
      const baseline = svg.number(y + sizePx * svg.BASELINE_EM + sizePx * svg.LINE_EM * index);
      return `<tspan x="${x}" y="${baseline}">${svg.beginsRightToLeft(line) ? `\u2067${line}\u2069` : line}</tspan>`;
    })
    .join("");
  if (spans === "") return "";
  const set = (paint: string) => `<text ${svg.LETTERS} font-size="${sizePx}" xml:space="preserve" ${paint}>${spans}</text>`;
  if (!plate) return set(`fill="${svg.hex(color)}"`);
  const width = svg.number(sizePx * svg.PLATE_EM);
  const below = `fill="${svg.hex(color)}" stroke="${svg.hex(color)}" stroke-width="${width}" stroke-linejoin="round"`;
  return set(below) + set(`fill="${svg.hex(svg.readableOn(color))}"`);
}

function step({ at: { x, y }, number: count, sizePx, color }: FormOf<"step">): string {
  const digits = String(count);
  const letters = sizePx * ([0.6, 0.5, 0.4][digits.length - 1] ?? 0.32);
  return (
    `<circle cx="${x}" cy="${y}" r="${svg.number(sizePx / 2)}" fill="${svg.hex(color)}"/>` +
    `<text ${svg.LETTERS} font-size="${svg.number(letters)}" x="${x}" y="${svg.number(y + letters * svg.HALF_CAPITAL_EM)}" ` +
    `text-anchor="middle" fill="${svg.hex(svg.readableOn(color))}">${digits}</text>`
  );
}
