import { expect, test } from "vitest";
import { shortcutOf } from "./shortcut";

const pressed = (code: string, held: KeyboardEventInit = {}) =>
  shortcutOf(new KeyboardEvent("keydown", { code, key: code, ...held }));

test("modifiers come first, always in the same order", () => {
  expect(pressed("KeyR", { altKey: true })).toBe("Alt+R");
  expect(pressed("Digit1", { shiftKey: true, ctrlKey: true })).toBe("Ctrl+Shift+1");
  expect(pressed("F9")).toBe("F9");
});

test("what one types is no shortcut", () => {
  expect(pressed("KeyR")).toBeNull();
  expect(pressed("KeyR", { shiftKey: true })).toBeNull();
  expect(shortcutOf(new KeyboardEvent("keydown", { key: "Alt", code: "AltLeft", altKey: true }))).toBeNull();
  expect(pressed("Escape", { altKey: true })).toBeNull();
});
