/*! The keys of the editor, as Satty and Flameshot have them. */
import { expect, test } from "vitest";
import { deedOf, type Pressed } from "./keys";
import { ALIASES, TOOLS } from "./tools";

const press = (key: string, more: Partial<Pressed> = {}): Pressed => ({
  key,
  code: "",
  ctrlKey: false,
  shiftKey: false,
  altKey: false,
  metaKey: false,
  ...more,
});

test("each tool has one letter of its own", () => {
  const letters = [...TOOLS.map(({ key }) => key), ...Object.keys(ALIASES), "F", "I", "Q", "W"];
  expect(new Set(letters).size).toBe(letters.length);
  for (const { tool, key } of TOOLS) expect(deedOf(press(key.toLowerCase()))).toEqual({ do: "tool", tool });
});

test("letters work on a keyboard of another script", () => {
  expect(deedOf(press("ش", { code: "KeyA" }))).toEqual({ do: "tool", tool: "arrow" });
  expect(deedOf(press("я", { code: "KeyZ", ctrlKey: true }))).toEqual({ do: "undo" });
});

test.each([
  ["z", { ctrlKey: true }, { do: "undo" }],
  ["Z", { ctrlKey: true, shiftKey: true }, { do: "redo" }],
  ["y", { ctrlKey: true }, { do: "redo" }],
  ["d", { ctrlKey: true }, { do: "duplicate" }],
  ["a", { ctrlKey: true }, { do: "all" }],
  ["c", { ctrlKey: true }, { do: "copy" }],
  ["s", { ctrlKey: true }, { do: "save" }],
  ["u", { altKey: true }, { do: "upload" }],
  ["c", { altKey: true }, { do: "copy-picture" }],
  ["d", { altKey: true }, { do: "save-as" }],
  ["3", {}, { do: "color", index: 2 }],
  ["ArrowLeft", {}, { do: "nudge", x: -1, y: 0 }],
  ["ArrowDown", { shiftKey: true }, { do: "nudge", x: 0, y: 10 }],
  ["ArrowRight", { ctrlKey: true }, { do: "grow", x: 1, y: 0 }],
  ["Delete", {}, { do: "delete" }],
  ["Tab", { shiftKey: true }, { do: "walk", by: -1 }],
  ["Escape", {}, { do: "back" }],
  ["0", {}, { do: "zoom", by: "fit" }],
  ["1", { ctrlKey: true }, { do: "zoom", by: "one" }],
  ["+", { shiftKey: true }, { do: "zoom", by: "in" }],
  ["?", { shiftKey: true }, { do: "keys" }],
] as const)("%s with %o", (key, held, deed) => {
  expect(deedOf(press(key, held))).toEqual(deed);
});

test("what belongs to the desktop or the browser is left to them", () => {
  for (const one of [press("F5"), press("f", { altKey: true }), press("ArrowLeft", { altKey: true }), press("c", { ctrlKey: true, altKey: true })]) {
    expect(deedOf(one)).toBeNull();
  }
});
