/*! The keys that people know from other players. */

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;

type Pressed =
  | { kind: "play" | "mute" | "full" | "copy" | "back" }
  | { kind: "step"; seconds: number }
  | { kind: "tenth"; tenth: number }
  | { kind: "louder"; by: number }
  | { kind: "faster"; steps: number };

const KEYS: Record<string, Pressed> = {
  k: { kind: "play" },
  " ": { kind: "play" },
  j: { kind: "step", seconds: -10 },
  l: { kind: "step", seconds: 10 },
  ArrowLeft: { kind: "step", seconds: -5 },
  ArrowRight: { kind: "step", seconds: 5 },
  ArrowUp: { kind: "louder", by: 0.1 },
  ArrowDown: { kind: "louder", by: -0.1 },
  Home: { kind: "tenth", tenth: 0 },
  End: { kind: "tenth", tenth: 10 },
  m: { kind: "mute" },
  f: { kind: "full" },
  c: { kind: "copy" },
  "<": { kind: "faster", steps: -1 },
  ">": { kind: "faster", steps: 1 },
  Escape: { kind: "back" },
};

/** `null` where the key belongs to what has the focus, or to nobody. */
export function keyOf(event: KeyboardEvent): Pressed | null {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  const at = event.target instanceof Element ? event.target : null;
  if (at?.matches("input:not([type=range]), select, textarea, summary")) return null;
  // A button is pressed by the space bar, a slider moved by arrows.
  if (event.key === " " && at?.matches("button")) return null;
  if (/^(Arrow|Home|End)/.test(event.key) && at?.matches("[type=range]")) return null;
  if (/^[0-9]$/.test(event.key)) return { kind: "tenth", tenth: Number(event.key) };
  return KEYS[event.key] ?? KEYS[event.key.toLowerCase()] ?? null;
}
