/*! The tools, their keys, and what each of them makes. */
import { dragged, snapped, type Held } from "./geometry";
import type { Form, Point, Rgb, ShapeTool } from "./types";

export type Tool = "select" | ShapeTool | "crop";

/** The letter as Satty and Flameshot have it where they agree, in the order of the bar. */
export const TOOLS: readonly { tool: Tool; key: string; parts?: true }[] = [
  { tool: "select", key: "V" },
  { tool: "arrow", key: "A", parts: true },
  { tool: "line", key: "L" },
  { tool: "box", key: "R" },
  { tool: "ellipse", key: "E" },
  { tool: "pen", key: "B" },
  { tool: "marker", key: "M" },
  { tool: "text", key: "T", parts: true },
  { tool: "step", key: "N" },
  { tool: "emoji", key: "J" },
  { tool: "cover", key: "K", parts: true },
  { tool: "pixelate", key: "X" },
  { tool: "blur", key: "U" },
  { tool: "spotlight", key: "O" },
  { tool: "crop", key: "C", parts: true },
];

/** Other programs' letters for the same. */
export const ALIASES: Readonly<Record<string, Tool>> = { S: "select", P: "pen", G: "marker" };

export const COLORS = [
  { name: "red", rgb: [229, 56, 59] },
  { name: "orange", rgb: [245, 130, 32] },
  { name: "yellow", rgb: [250, 204, 21] },
  { name: "green", rgb: [34, 160, 90] },
  { name: "blue", rgb: [33, 113, 255] },
  { name: "purple", rgb: [142, 68, 220] },
  { name: "pink", rgb: [236, 72, 153] },
  { name: "black", rgb: [16, 20, 28] },
  { name: "white", rgb: [255, 255, 255] },
] as const satisfies readonly { name: string; rgb: Rgb }[];
export type ColorName = (typeof COLORS)[number]["name"];

export const EMOJI = ["👍", "👎", "❤️", "🔥", "🎉", "😀", "😂", "🤔", "😮", "👀", "✅", "❌", "⚠️", "❓", "💡", "🐛", "🚀", "👉"];

/** What is set in the bar and remembered. */
export interface Style {
  color: Rgb;
  /** Lines; markers are drawn with a width of their own. */
  widthPx: number;
  markerPx: number;
  /** Text, steps and emoji. */
  sizePx: number;
  filled: boolean;
  radiusPx: number;
  plate: boolean;
  emoji: string;
  blurPx: number;
  blockPx: number;
}

export const STYLE: Style = {
  color: [...COLORS[0].rgb],
  widthPx: 6,
  markerPx: 28,
  sizePx: 36,
  filled: false,
  radiusPx: 4,
  plate: false,
  emoji: "👍",
  blurPx: 12,
  blockPx: 16,
};

/** The number that the wheel and the slider change, with its range. */
export type Measured = "widthPx" | "markerPx" | "sizePx" | "blurPx" | "blockPx";
export const RANGES: Readonly<Record<Measured, { min: number; max: number; step: number }>> = {
  widthPx: { min: 1, max: 60, step: 1 },
  markerPx: { min: 6, max: 120, step: 2 },
  sizePx: { min: 12, max: 200, step: 2 },
  blurPx: { min: 2, max: 60, step: 1 },
  blockPx: { min: 4, max: 80, step: 2 },
};

export function measuredOf(tool: Tool): Measured | null {
  switch (tool) {
    case "arrow":
    case "line":
    case "box":
    case "ellipse":
    case "pen":
      return "widthPx";
    case "marker":
      return "markerPx";
    case "text":
    case "step":
    case "emoji":
      return "sizePx";
    case "blur":
      return "blurPx";
    case "pixelate":
      return "blockPx";
    case "cover":
    case "spotlight":
    case "select":
    case "crop":
      return null;
  }
}

export const hasColor = (tool: Tool): boolean =>
  ["arrow", "line", "box", "ellipse", "pen", "marker", "text", "step", "cover"].includes(tool);

export const isFreehand = (tool: Tool): tool is "pen" | "marker" => tool === "pen" || tool === "marker";
/** Placed by a press, with a size of their own. */
export const isPlaced = (tool: Tool): tool is "text" | "step" | "emoji" =>
  tool === "text" || tool === "step" || tool === "emoji";

/** Returns what a tool makes of a drag from one point to another. `path` are the points between, for strokes. */
export function formed(
  tool: ShapeTool,
  { from, to, path }: { from: Point; to: Point; path: Point[] },
  style: Style,
  held: Held,
  step: number,
): Form {
  const { widthPx, sizePx } = style;
  const color: Rgb = [...style.color];
  const start = held.alt ? { x: 2 * from.x - to.x, y: 2 * from.y - to.y } : from;
  const end = held.shift ? snapped(from, to) : to;
  const area = () => dragged(from, to, held);
  switch (tool) {
    case "arrow":
      return { tool, from: start, to: end, bend: null, color, widthPx };
    case "line":
      return { tool, from: start, to: end, color, widthPx };
    case "box":
      return { tool, area: area(), radiusPx: style.radiusPx, filled: style.filled, color, widthPx };
    case "ellipse":
      return { tool, area: area(), filled: style.filled, color, widthPx };
    case "pen":
      return { tool, points: held.shift ? [from, end] : path, color, widthPx };
    case "marker":
      return { tool, points: held.shift ? [from, end] : path, color, widthPx: style.markerPx };
    case "text":
      return { tool, at: to, text: "", sizePx, color, plate: style.plate };
    case "step":
      return { tool, at: to, number: step, sizePx, color };
    case "emoji":
      return { tool, at: to, emoji: style.emoji, sizePx };
    case "blur":
      return { tool, area: area(), radiusPx: style.blurPx };
    case "pixelate":
      return { tool, area: area(), blockPx: style.blockPx };
    case "cover":
      return { tool, area: area(), color };
    case "spotlight":
      return { tool, area: area() };
  }
}

/** Returns the style that a shape has, as far as it has one. */
export function styleOf(shape: Form): Partial<Style> {
  const color = "color" in shape ? { color: shape.color } : {};
  switch (shape.tool) {
    case "arrow":
    case "line":
    case "pen":
      return { ...color, widthPx: shape.widthPx };
    case "marker":
      return { ...color, markerPx: shape.widthPx };
    case "box":
      return { ...color, widthPx: shape.widthPx, filled: shape.filled, radiusPx: shape.radiusPx };
    case "ellipse":
      return { ...color, widthPx: shape.widthPx, filled: shape.filled };
    case "text":
      return { ...color, sizePx: shape.sizePx, plate: shape.plate };
    case "step":
      return { ...color, sizePx: shape.sizePx };
    case "emoji":
      return { sizePx: shape.sizePx, emoji: shape.emoji };
    case "blur":
      return { blurPx: shape.radiusPx };
    case "pixelate":
      return { blockPx: shape.blockPx };
    case "cover":
      return color;
    case "spotlight":
      return {};
  }
}

/** Gives a shape what of a style it can have. Returns the same shape if nothing changed. */
export function restyled<S extends Form>(shape: S, style: Partial<Style>): S {
  const own = styleOf(shape);
  const changed = (Object.keys(own) as (keyof Style)[]).filter(
    (name) => style[name] !== undefined && String(style[name]) !== String(own[name]),
  );
  if (changed.length === 0) return shape;
  const next: Record<string, unknown> = { ...shape };
  for (const name of changed) next[fieldOf(name)] = style[name];
  return next as unknown as S;
}

function fieldOf(name: keyof Style): string {
  switch (name) {
    case "markerPx":
      return "widthPx";
    case "blurPx":
      return "radiusPx";
    default:
      return name;
  }
}
