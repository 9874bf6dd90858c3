/*! What the editor remembers from one picture to the next: the tool, its colours and widths, and the panel. */
import { STYLE, TOOLS, type Style, type Tool } from "./tools";

const REMEMBERED = "editor-preferences";

export interface Preferences {
  tool: Tool;
  style: Style;
  objects: boolean;
}

export function remembered(): Preferences {
  const usual: Preferences = { tool: "arrow", style: STYLE, objects: false };
  try {
    const stored = JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}") as Partial<Preferences>;
    const tool = TOOLS.find((one) => one.tool === stored.tool)?.tool ?? usual.tool;
    return {
      tool: tool === "crop" ? usual.tool : tool,
      style: typed(stored.style ?? {}),
      objects: stored.objects === true,
    };
  } catch {
    return usual;
  }
}

export function remember(now: Preferences) {
  localStorage.setItem(REMEMBERED, JSON.stringify(now));
}

/** Takes of what was stored only what is of the right type. */
function typed(stored: Partial<Style>): Style {
  const known = Object.entries(STYLE).map(([name, usual]) => {
    const value = stored[name as keyof Style];
    const fits =
      name === "color"
        ? Array.isArray(value) && value.length === 3 && value.every((part) => Number.isInteger(part))
        : typeof value === typeof usual;
    return [name, fits ? value : usual];
  });
  return Object.fromEntries(known) as Style;
}
