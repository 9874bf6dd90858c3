/*!
 * SVG elements that tools are drawn with, and what they need. The export writes the same text
 * (`crates/render/src/picture/tools.rs`), and both are held to `crates/render/tests/shapes.json`. Nothing here knows a
 * tool; `shapeTools.ts` says which elements each of them has.
 */
import type { Area, Point, Rgb } from "./types";

export const FONT = "Inter";
export const LETTERS = 'font-family="Inter, sans-serif" font-weight="600"';
export const EMOJI_FAMILIES = "Noto Color Emoji, Apple Color Emoji, Segoe UI Emoji";
/** How a marker's colour meets what lies below. The window's policy forbids it here: its style sheet says the same. */
export const MULTIPLY = ' style="mix-blend-mode:multiply"';

/** In ems: the first baseline, the distance of two lines, a plate's stroke, half of a capital, an emoji's centre. */
export const BASELINE_EM = 0.97;
export const LINE_EM = 1.25;
export const PLATE_EM = 0.6;
export const HALF_CAPITAL_EM = 0.36;
export const EMOJI_CENTER_EM = 0.35;
/** From here on, dark words are read more easily than white ones. */
const LIGHT = 150;

/** Writes a number with at most two digits after the point, halves upwards. */
export function number(value: number): string {
  const rounded = Math.floor(value * 100 + 0.5) / 100;
  return rounded === 0 ? "0" : String(rounded);
}

export const hex = (color: Rgb): string => `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

/** Returns black or white, whichever is easier to read on the colour. */
export function readableOn([red, green, blue]: Rgb): Rgb {
  return Math.floor((red * 299 + green * 587 + blue * 114) / 1000) >= LIGHT ? [0, 0, 0] : [255, 255, 255];
}

/** Writes a text for XML: without the characters that XML can't hold, and with a space for a tab. */
export function escaped(text: string): string {
  return [...text]
    .map((letter) => {
      if (letter === "&") return "&amp;";
      if (letter === "<") return "&lt;";
      if (letter === ">") return "&gt;";
      if (letter === "\t") return " ";
      return letter < " " || letter === "\ufffe" || letter === "\uffff" ? "" : letter;
    })
    .join("");
}

export const at = ({ x, y }: Point): string => `${x} ${y}`;
export const pair = (x: number, y: number): string => `${number(x)} ${number(y)}`;
export const rect = ({ x, y, width, height }: Area): string => `x="${x}" y="${y}" width="${width}" height="${height}"`;

export interface Stroke {
  color: Rgb;
  widthPx: number;
}

export const stroke = ({ color, widthPx }: Stroke): string =>
  `fill="none" stroke="${hex(color)}" stroke-width="${widthPx}" stroke-linecap="round" stroke-linejoin="round"`;

export const outline = ({ color, widthPx, filled }: Stroke & { filled: boolean }): string =>
  `fill="${filled ? hex(color) : "none"}" stroke="${hex(color)}" stroke-width="${widthPx}"`;

/** A smooth line: curves between the middles of neighbouring points, bent by the points themselves. */
export function freehand({ points, ...line }: Stroke & { points: readonly Point[] }, opacity: string, style: string): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  const last = rest.at(-1);
  if (last === undefined) return dot(first, line, opacity, style);
  let path = `M${at(first)}`;
  for (let n = 1; n < rest.length; n += 1) {
    const [bend, next] = [rest[n - 1]!, rest[n]!];
    path += ` Q${at(bend)} ${pair((bend.x + next.x) / 2, (bend.y + next.y) / 2)}`;
  }
  path += ` L${at(last)}`;
  return `<path d="${path}" ${stroke(line)}${opacityOf("stroke", opacity)}${style}/>`;
}

/** A stroke without length. */
export function dot({ x, y }: Point, { color, widthPx }: Stroke, opacity: string, style: string): string {
  return `<circle cx="${x}" cy="${y}" r="${number(widthPx / 2)}" fill="${hex(color)}"${opacityOf("fill", opacity)}${style}/>`;
}

const opacityOf = (what: string, opacity: string): string => (opacity === "" ? "" : ` ${what}-opacity="${opacity}"`);

/** Returns whether the first letter that has a direction is of a script that runs from right to left. */
export function beginsRightToLeft(line: string): boolean {
  const first = /\p{Alphabetic}/u.exec(line)?.[0] ?? "";
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/.test(first);
}

/** Returns the dark around all spotlights, as a path that is filled by the even-odd rule. */
export function spotlightPath(picture: Area, lights: readonly Area[]): string {
  const box = ({ x, y, width, height }: Area) => `M${x} ${y} h${width} v${height} h${-width} Z`;
  return [picture, ...lights].map(box).join(" ");
}

/** What isn't lit is darkened by black of this opacity. */
export const SPOTLIGHT_OPACITY = 140 / 255;
