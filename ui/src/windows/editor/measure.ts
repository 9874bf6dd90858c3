/*! The size of a text in its font, by a canvas. Kept, because a drag asks for the same again and again. */
import { estimate, type Measure } from "./geometry";
import { FONT, LINE_EM } from "./svg";

/** Measured once at this size; widths grow with the size. */
const AT_PX = 100;
const KEPT_MAX = 500;

const widths = new Map<string, number>();
let context: CanvasRenderingContext2D | null | undefined;

function widthOf(line: string): number | null {
  const known = widths.get(line);
  if (known !== undefined) return known;
  context ??= document.createElement("canvas").getContext("2d");
  if (context == null) return null;
  context.font = `600 ${AT_PX}px ${FONT}, system-ui, sans-serif`;
  const { width } = context.measureText(line);
  if (widths.size >= KEPT_MAX) widths.clear();
  widths.set(line, width);
  return width;
}

/** The font has been loaded: what was measured before is wrong. */
export const forget = () => widths.clear();

export const measure: Measure = (text, sizePx) => {
  const lines = text.split("\n");
  const all = lines.map(widthOf);
  if (all.includes(null)) return estimate(text, sizePx);
  const widest = Math.max(...(all as number[]), 0);
  return {
    width: Math.max(sizePx / 2, (widest * sizePx) / AT_PX),
    height: lines.length * sizePx * LINE_EM,
  };
};
