/*!
 * The tools of the bar: those that draw a shape (`shapeTools.ts`), and those that don't. What they make, and what a
 * style changes.
 */
import { dragged, snapped, type Held } from "./points";
import { isShapeTool, SHAPE_TOOL_NAMES, SHAPE_TOOLS } from "./shapeTools";
import { RANGES, type Measured, type Style } from "./style";
import type { Form, Point, ShapeTool } from "./types";

export * from "./style";

export type Tool = "select" | ShapeTool | "crop";

/** All tools in the order of the bar. Before those with `parts` begins a new group. */
export const TOOLS: readonly { tool: Tool; key: string; parts: boolean }[] = [
  { tool: "select", key: "V", parts: false },
  ...SHAPE_TOOL_NAMES.map((tool) => {
    const { key, parts = false } = SHAPE_TOOLS[tool];
    return { tool, key, parts };
  }),
  { tool: "crop", key: "C", parts: true },
];

/** Other programs' letters for the same. */
export const ALIASES: Readonly<Record<string, Tool>> = { S: "select", P: "pen", G: "marker" };

type Fields = Readonly<Partial<Record<keyof Style, string>>>;

/** Returns what of a style a tool has, each with the field of its shapes that holds it. */
export const fieldsOf = (tool: Tool): Fields => (isShapeTool(tool) ? SHAPE_TOOLS[tool].fields : {});

export const measuredOf = (tool: Tool): Measured | null =>
  (Object.keys(RANGES) as Measured[]).find((name) => name in fieldsOf(tool)) ?? null;

export const hasColor = (tool: Tool): boolean => "color" in fieldsOf(tool);

/** Returns what the style bar says about a tool, and whether that is a warning. */
export function hintOf(tool: Tool): { words: string; warns: boolean } | null {
  if (!isShapeTool(tool)) return null;
  const { hint, warns = false } = SHAPE_TOOLS[tool];
  return hint === undefined ? null : { words: hint(), warns };
}

export const isFreehand = (tool: Tool): boolean => isShapeTool(tool) && SHAPE_TOOLS[tool].begins === "stroke";
/** Placed by a press, with a size of their own. */
export const isPlaced = (tool: Tool): boolean => isShapeTool(tool) && SHAPE_TOOLS[tool].begins === "press";

/** Returns what a tool makes of a drag from one point to another. `path` are the points between, for strokes. */
export function formed(
  tool: ShapeTool,
  { from, to, path }: { from: Point; to: Point; path: Point[] },
  style: Style,
  held: Held,
  step: number,
): Form {
  const end = held.shift ? snapped(from, to) : to;
  const drag = {
    from: held.alt ? { x: 2 * from.x - to.x, y: 2 * from.y - to.y } : from,
    to: end,
    at: to,
    area: dragged(from, to, held),
    points: held.shift ? [from, end] : path,
    step,
  };
  return SHAPE_TOOLS[tool].formed(drag, { ...style, color: [...style.color] });
}

/** Returns the style that a shape has, as far as it has one. */
export function styleOf(shape: Form): Partial<Style> {
  const values = shape as unknown as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.entries(fieldsOf(shape.tool)).map(([name, field]) => [name, values[field]]));
}

/** Gives a shape what of a style it can have. Returns the same shape if nothing changed. */
export function restyled<S extends Form>(shape: S, style: Partial<Style>): S {
  const own = styleOf(shape);
  const fields = Object.entries(fieldsOf(shape.tool)) as [keyof Style, string][];
  const changed = fields.filter(([name]) => style[name] !== undefined && String(style[name]) !== String(own[name]));
  if (changed.length === 0) return shape;
  return { ...shape, ...Object.fromEntries(changed.map(([name, field]) => [field, style[name]])) };
}
