/*! Names of objects: "Arrow 2, red". For the list, and for whoever hears them. */
import * as m from "$lib/messages/messages";
import { getLocale } from "$lib/messages/runtime";
import { SHAPE_TOOLS } from "./shapeTools";
import { COLORS, type ColorName, type Tool } from "./tools";
import type { Rgb, Shape } from "./types";

/** So much of a text names it. */
const QUOTED_MAX = 30;

export function toolName(tool: Tool): string {
  if (tool === "select") return m.editor_tool_select();
  if (tool === "crop") return m.editor_tool_crop();
  return SHAPE_TOOLS[tool].name();
}

export function colorWords(name: ColorName): string {
  switch (name) {
    case "red":
      return m.editor_color_red();
    case "orange":
      return m.editor_color_orange();
    case "yellow":
      return m.editor_color_yellow();
    case "green":
      return m.editor_color_green();
    case "blue":
      return m.editor_color_blue();
    case "purple":
      return m.editor_color_purple();
    case "pink":
      return m.editor_color_pink();
    case "black":
      return m.editor_color_black();
    case "white":
      return m.editor_color_white();
  }
}

export const isSame = (a: Rgb, b: Rgb): boolean => a.every((part, n) => part === b[n]);

function colorOf(color: Rgb): string {
  const known = COLORS.find(({ rgb }) => isSame([...rgb], color));
  const words = known === undefined ? m.editor_color_own() : colorWords(known.name);
  // Within a name, a colour is no beginning.
  return words.toLocaleLowerCase(getLocale());
}

/** Returns the name of an object: its kind, its number among those of the kind, and its colour or content. */
export function nameOf(shapes: readonly Shape[], id: number): string {
  const shape = shapes.find((one) => one.id === id);
  if (shape === undefined) return "";
  const kind = toolName(shape.tool);
  if ("number" in shape) return m.editor_name({ kind: `${kind} ${shape.number}`, detail: colorOf(shape.color) });
  const same = shapes.filter(({ tool }) => tool === shape.tool);
  const numbered = `${kind} ${same.indexOf(shape) + 1}`;
  if ("text" in shape) {
    const line = shape.text.trim().split("\n")[0] ?? "";
    const letters = [...line];
    const quoted = letters.length > QUOTED_MAX ? `${letters.slice(0, QUOTED_MAX).join("")}…` : line;
    return quoted === "" ? numbered : m.editor_name_quoted({ kind: numbered, title: quoted });
  }
  if ("emoji" in shape) return m.editor_name({ kind: numbered, detail: shape.emoji });
  return "color" in shape ? m.editor_name({ kind: numbered, detail: colorOf(shape.color) }) : numbered;
}
