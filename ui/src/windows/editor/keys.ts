/*! What a key means in the editor. Pure; who asks decides whether the key is for a field instead. */
import { ALIASES, TOOLS, type Tool } from "./tools";
import type { Edge, Order } from "./drawing";

export type Deed =
  | { do: "tool"; tool: Tool }
  | { do: "color"; index: number }
  | { do: "nudge" | "grow"; x: number; y: number }
  | { do: "order"; order: Order }
  | { do: "align"; edge: Edge }
  | { do: "walk"; by: 1 | -1 }
  | { do: "zoom"; by: "in" | "out" | "fit" | "one" }
  | { do: "turn"; by: 1 | -1 }
  | { do: Simple };

type Simple =
  | "undo"
  | "redo"
  | "duplicate"
  | "delete"
  | "all"
  | "back"
  | "enter"
  | "copy"
  | "copy-picture"
  | "save"
  | "save-as"
  | "upload"
  | "markdown"
  | "open"
  | "background"
  | "resize"
  | "words"
  | "objects"
  | "pin"
  | "keys";

export interface Pressed {
  key: string;
  code: string;
  ctrlKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

const NUDGE_PX = 1;
const NUDGE_FAR_PX = 10;
const ARROWS: Readonly<Record<string, [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The key's letter, also where the keyboard writes another script. */
function letterOf({ key, code }: Pressed): string {
  if (/^[a-z]$/i.test(key)) return key.toUpperCase();
  const isForeign = key.length === 1 && key.charCodeAt(0) > 127;
  return isForeign && code.startsWith("Key") ? code.slice(3) : "";
}

const LETTERS: Readonly<Record<string, Deed>> = {
  ...Object.fromEntries(TOOLS.map(({ tool, key }) => [key, { do: "tool", tool }])),
  ...Object.fromEntries(Object.entries(ALIASES).map(([key, tool]) => [key, { do: "tool", tool }])),
  F: { do: "background" },
  I: { do: "resize" },
  W: { do: "words" },
  Q: { do: "turn", by: 1 },
};

export function deedOf(pressed: Pressed): Deed | null {
  const { key, shiftKey, altKey } = pressed;
  const ctrl = pressed.ctrlKey || pressed.metaKey;
  const arrow = ARROWS[key];
  if (arrow !== undefined) {
    if (altKey) return null;
    const far = shiftKey ? NUDGE_FAR_PX : NUDGE_PX;
    return { do: ctrl ? "grow" : "nudge", x: arrow[0] * far, y: arrow[1] * far };
  }
  const letter = letterOf(pressed);
  if (altKey) return ctrl ? null : withAlt(letter);
  return ctrl ? withCtrl(letter, key, shiftKey) : plain(letter, key, shiftKey);
}

function withAlt(letter: string): Deed | null {
  switch (letter) {
    case "U":
      return { do: "upload" };
    case "C":
      return { do: "copy-picture" };
    case "D":
      return { do: "save-as" };
    case "M":
      return { do: "markdown" };
    case "P":
      return { do: "pin" };
    default:
      return null;
  }
}

function withCtrl(letter: string, key: string, shift: boolean): Deed | null {
  switch (letter) {
    case "Z":
      return { do: shift ? "redo" : "undo" };
    case "Y":
      return { do: "redo" };
    case "D":
      return { do: "duplicate" };
    case "A":
      return { do: "all" };
    case "C":
      return { do: "copy" };
    case "S":
      return { do: shift ? "save-as" : "save" };
    case "O":
      return { do: "open" };
    case "L":
      return { do: "objects" };
  }
  switch (key) {
    case "0":
      return { do: "zoom", by: "fit" };
    case "1":
      return { do: "zoom", by: "one" };
    case "+":
    case "=":
      return { do: "zoom", by: "in" };
    case "-":
      return { do: "zoom", by: "out" };
    case "]":
    case "}":
      return { do: "order", order: shift ? "front" : "forward" };
    case "[":
    case "{":
      return { do: "order", order: shift ? "back" : "backward" };
    default:
      return null;
  }
}

function plain(letter: string, key: string, shift: boolean): Deed | null {
  if (letter === "Q") return { do: "turn", by: shift ? -1 : 1 };
  if (letter !== "" && !shift) return LETTERS[letter] ?? null;
  if (/^[1-9]$/.test(key)) return { do: "color", index: Number(key) - 1 };
  switch (key) {
    case "Delete":
    case "Backspace":
      return { do: "delete" };
    case "Escape":
      return { do: "back" };
    case "Enter":
      return { do: "enter" };
    case "Tab":
      return { do: "walk", by: shift ? -1 : 1 };
    case "PageUp":
      return { do: "order", order: shift ? "front" : "forward" };
    case "PageDown":
      return { do: "order", order: shift ? "back" : "backward" };
    case "+":
    case "=":
      return { do: "zoom", by: "in" };
    case "-":
      return { do: "zoom", by: "out" };
    case "0":
      return { do: "zoom", by: "fit" };
    case "?":
      return { do: "keys" };
    default:
      return null;
  }
}
