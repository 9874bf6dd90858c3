/*! Keys that a person presses, as the program names them. */

const MODIFIERS = ["Control", "Alt", "Shift", "Meta"];

/** `null` while only modifiers are down, or where the keys make no shortcut. */
export function shortcutOf(event: KeyboardEvent): string | null {
  if (MODIFIERS.includes(event.key)) return null;
  const key = keyOf(event.code);
  if (key === null) return null;
  const held = [
    event.ctrlKey && "Ctrl",
    event.altKey && "Alt",
    event.shiftKey && "Shift",
    event.metaKey && "Super",
  ].filter((name) => name !== false);
  // A letter alone, or with Shift, is something that one types.
  const types = held.every((name) => name === "Shift") && !/^F\d+$/.test(key);
  return types ? null : [...held, key].join("+");
}

function keyOf(code: string): string | null {
  const plain = /^(?:Key([A-Z])|Digit(\d)|(F\d{1,2}))$/.exec(code);
  if (plain !== null) return plain[1] ?? plain[2] ?? plain[3] ?? null;
  const named = ["Space", "Home", "End", "PageUp", "PageDown", "Insert", "Delete", "PrintScreen"];
  return named.includes(code) ? code : null;
}

/** Alt+Shift+R and shift+alt+r. Where there are none, they are nobody's. */
export function areSame(one: string, other: string): boolean {
  const parts = (keys: string) => keys.toLowerCase().split("+").map((key) => key.trim()).sort();
  return one !== "" && parts(one).join("+") === parts(other).join("+");
}
