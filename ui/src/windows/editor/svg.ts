/*!
 * One shape as SVG. The export draws the same text with resvg: this file is `crates/render/src/picture/svg.rs` in
 * TypeScript, and both are held to `crates/render/tests/shapes.json`. Blur, pixelate and spotlight have no
 * elements: they are computed from pixels (`effects.ts`, `spotlightPath`).
 */
import type { Area, Point, Rgb, Shape } from "./types";

export const FONT = "Inter";
const LETTERS = 'font-family="Inter, sans-serif" font-weight="600"';
const EMOJI_FAMILIES = "Noto Color Emoji, Apple Color Emoji, Segoe UI Emoji";
/** How a marker's colour meets what lies below. The window's policy forbids it here: its style sheet says the same. */
export const MULTIPLY = ' style="mix-blend-mode:multiply"';

/** In ems: the first baseline, the distance of two lines, a plate's stroke, half of a capital, an emoji's centre. */
export const BASELINE_EM = 0.97;
export const LINE_EM = 1.25;
const PLATE_EM = 0.6;
const HALF_CAPITAL_EM = 0.36;
const EMOJI_CENTER_EM = 0.35;
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
function escaped(text: string): string {
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

const at = ({ x, y }: Point): string => `${x} ${y}`;
const pair = (x: number, y: number): string => `${number(x)} ${number(y)}`;
const rect = ({ x, y, width, height }: Area): string => `x="${x}" y="${y}" width="${width}" height="${height}"`;

export function svgOf(shape: Shape): string {
  switch (shape.tool) {
    case "arrow":
      return arrow(shape);
    case "line":
      return `<path d="M${at(shape.from)} L${at(shape.to)}" ${stroke(shape)}/>`;
    case "box":
      return `<rect ${rect(shape.area)} rx="${shape.radiusPx}" ${outline(shape)}/>`;
    case "ellipse": {
      const { x, y, width, height } = shape.area;
      const [rx, ry] = [width / 2, height / 2];
      const center = `cx="${number(x + rx)}" cy="${number(y + ry)}"`;
      return `<ellipse ${center} rx="${number(rx)}" ry="${number(ry)}" ${outline(shape)}/>`;
    }
    case "pen":
      return freehand(shape, "", "");
    case "marker":
      return freehand(shape, "0.5", MULTIPLY);
    case "text":
      return text(shape);
    case "step":
      return step(shape);
    case "emoji":
      return (
        `<text x="${shape.at.x}" y="${number(shape.at.y + shape.sizePx * EMOJI_CENTER_EM)}" ` +
        `font-family="${EMOJI_FAMILIES}" font-size="${shape.sizePx}" text-anchor="middle">${escaped(shape.emoji)}</text>`
      );
    case "cover":
      return `<rect ${rect(shape.area)} fill="${hex(shape.color)}" shape-rendering="crispEdges"/>`;
    case "blur":
    case "pixelate":
    case "spotlight":
      return "";
  }
}

interface Stroke {
  color: Rgb;
  widthPx: number;
}

const stroke = ({ color, widthPx }: Stroke): string =>
  `fill="none" stroke="${hex(color)}" stroke-width="${widthPx}" stroke-linecap="round" stroke-linejoin="round"`;

const outline = ({ color, widthPx, filled }: Stroke & { filled: boolean }): string =>
  `fill="${filled ? hex(color) : "none"}" stroke="${hex(color)}" stroke-width="${widthPx}"`;

/** A shaft that ends inside of the head, and a head with a notch that points the way in which the shaft arrives. */
function arrow({ from, to, bend, color, widthPx }: Shape & { tool: "arrow" }): string {
  const isBent = bend !== null && at(bend) !== at(to) && at(bend) !== at(from);
  const tail = isBent ? bend : from;
  const [dx, dy] = [to.x - tail.x, to.y - tail.y];
  const length = Math.sqrt(dx * dx + dy * dy);
  if (length === 0) return dot(to, { color, widthPx }, "", "");
  const [ux, uy] = [dx / length, dy / length];
  const head = Math.min(widthPx * 4 + 8, length);
  const half = head * 0.45;
  const [baseX, baseY] = [to.x - ux * head, to.y - uy * head];
  const notch = pair(to.x - ux * head * 0.8, to.y - uy * head * 0.8);
  const way = isBent ? `Q${at(bend)} ${notch}` : `L${notch}`;
  const sides = [pair(baseX - uy * half, baseY + ux * half), pair(baseX + uy * half, baseY - ux * half)] as const;
  return (
    `<path d="M${at(from)} ${way}" ${stroke({ color, widthPx })}/>` +
    `<path d="M${at(to)} L${sides[0]} L${notch} L${sides[1]} Z" fill="${hex(color)}" stroke="${hex(color)}" ` +
    `stroke-width="${number(widthPx / 4)}" stroke-linejoin="round"/>`
  );
}

/** A smooth line: curves between the middles of neighbouring points, bent by the points themselves. */
function freehand({ points, ...line }: Stroke & { points: readonly Point[] }, opacity: string, style: string): string {
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
function dot({ x, y }: Point, { color, widthPx }: Stroke, opacity: string, style: string): string {
  return `<circle cx="${x}" cy="${y}" r="${number(widthPx / 2)}" fill="${hex(color)}"${opacityOf("fill", opacity)}${style}/>`;
}

const opacityOf = (what: string, opacity: string): string => (opacity === "" ? "" : ` ${what}-opacity="${opacity}"`);

function text({ at: { x, y }, text, sizePx, color, plate }: Shape & { tool: "text" }): string {
  const spans = text
    .split("\n")
    .map((one, index) => {
      const line = escaped(one);
      if (line === "") return "";
      const baseline = number(y + sizePx * BASELINE_EM + sizePx * LINE_EM * index);
      return `<tspan x="${x}" y="${baseline}">${beginsRightToLeft(line) ? `\u2067${line}\u2069` : line}</tspan>`;
    })
    .join("");
  if (spans === "") return "";
  const set = (paint: string) => `<text ${LETTERS} font-size="${sizePx}" xml:space="preserve" ${paint}>${spans}</text>`;
  if (!plate) return set(`fill="${hex(color)}"`);
  const width = number(sizePx * PLATE_EM);
  const below = `fill="${hex(color)}" stroke="${hex(color)}" stroke-width="${width}" stroke-linejoin="round"`;
  return set(below) + set(`fill="${hex(readableOn(color))}"`);
}

/** Returns whether the first letter that has a direction is of a script that runs from right to left. */
export function beginsRightToLeft(line: string): boolean {
  const first = /\p{Alphabetic}/u.exec(line)?.[0] ?? "";
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/.test(first);
}

function step({ at: { x, y }, number: count, sizePx, color }: Shape & { tool: "step" }): string {
  const digits = String(count);
  const letters = sizePx * ([0.6, 0.5, 0.4][digits.length - 1] ?? 0.32);
  return (
    `<circle cx="${x}" cy="${y}" r="${number(sizePx / 2)}" fill="${hex(color)}"/>` +
    `<text ${LETTERS} font-size="${number(letters)}" x="${x}" y="${number(y + letters * HALF_CAPITAL_EM)}" ` +
    `text-anchor="middle" fill="${hex(readableOn(color))}">${digits}</text>`
  );
}

/** Returns the dark around all spotlights, as a path that is filled by the even-odd rule. */
export function spotlightPath(picture: Area, lights: readonly Area[]): string {
  const box = ({ x, y, width, height }: Area) => `M${x} ${y} h${width} v${height} h${-width} Z`;
  return [picture, ...lights].map(box).join(" ");
}

/** What isn't lit is darkened by black of this opacity. */
export const SPOTLIGHT_OPACITY = 140 / 255;
