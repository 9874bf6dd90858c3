/*! What the style bar sets: colours, widths, and what else shapes may have. Nothing here knows a tool. */
import type { Rgb } from "./types";

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
