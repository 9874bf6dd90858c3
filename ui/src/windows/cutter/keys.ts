/*! What a key means in the recording editor. Pure; who asks decides whether the key is for a field instead. */

export type Deed =
  | { do: "step"; frames: number }
  | { do: "second"; by: 1 | -1 }
  | { do: "zoom"; by: "in" | "out" | "fit" }
  | { do: Simple };

type Simple =
  | "play"
  | "stop"
  | "forward"
  | "backward"
  | "home"
  | "end"
  | "in"
  | "out"
  | "split"
  | "delete"
  | "chapter"
  | "cover"
  | "export"
  | "publish"
  | "undo"
  | "redo"
  | "enter"
  | "back"
  | "keys";

export interface Pressed {
  key: string;
  code: string;
  ctrlKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

const LETTERS: Readonly<Record<string, Simple>> = {
  J: "backward",
  K: "stop",
  L: "forward",
  I: "in",
  O: "out",
  S: "split",
  M: "chapter",
  R: "cover",
  E: "export",
  P: "publish",
};

const KEYS: Readonly<Record<string, Deed>> = {
  " ": { do: "play" },
  Home: { do: "home" },
  End: { do: "end" },
  Delete: { do: "delete" },
  Backspace: { do: "delete" },
  Enter: { do: "enter" },
  Escape: { do: "back" },
  "+": { do: "zoom", by: "in" },
  "=": { do: "zoom", by: "in" },
  "-": { do: "zoom", by: "out" },
  "0": { do: "zoom", by: "fit" },
  "?": { do: "keys" },
};

/** The key's letter, also where the keyboard writes another script. */
function letterOf({ key, code }: Pressed): string {
  if (/^[a-z]$/i.test(key)) return key.toUpperCase();
  const isForeign = key.length === 1 && key.charCodeAt(0) > 127;
  return isForeign && code.startsWith("Key") ? code.slice(3) : "";
}

export function deedOf(pressed: Pressed): Deed | null {
  const { key, shiftKey, altKey } = pressed;
  if (altKey) return null;
  const letter = letterOf(pressed);
  if (pressed.ctrlKey || pressed.metaKey) {
    if (letter === "Z") return { do: shiftKey ? "redo" : "undo" };
    return letter === "Y" ? { do: "redo" } : null;
  }
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const by = key === "ArrowRight" ? 1 : -1;
    return shiftKey ? { do: "second", by } : { do: "step", frames: by };
  }
  const simple = shiftKey ? undefined : LETTERS[letter];
  return simple === undefined ? (KEYS[key] ?? null) : { do: simple };
}

/** Returns where a key moves a slider of the timeline, or `null`. Right is later in every language. */
export function slid(pressed: Pressed): Deed | null {
  const deed = deedOf(pressed);
  switch (deed?.do) {
    case "step":
    case "second":
    case "home":
    case "end":
      return deed;
    default:
      return null;
  }
}
