/*! Every window in every state, in Chromium, as those see it who need it to be more than pretty. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { CDPSession, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Chromium, show } from "./chromium";
import { nameOf, pages, states } from "./states";

const START_MS = 120_000;
const LOOK_MS = 60_000;

let chromium: Chromium;
let page: Page;
let devtools: CDPSession;
let axe: string;

beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  chromium = await Chromium.start();
  // Colours stand still while they are measured.
  page = await chromium.page({ reducedMotion: "reduce" });
  devtools = await page.context().newCDPSession(page);
}, START_MS);

afterAll(() => chromium?.end());

const light = { theme: "light" };

/** Returns axe's serious findings, as sentences. */
async function findings(options: RunOptions = {}): Promise<string[]> {
  const { violations } = await page.evaluate(
    (options) => (window as unknown as { axe: Axe }).axe.run(document, options),
    options,
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}
interface Axe {
  run: (context: Document, options: RunOptions) => Promise<AxeResults>;
}

const cut = () => page.evaluate<string[]>(CUT);
const twice = () => page.evaluate("document.documentElement.style.fontSize = '200%'");

describe.each(states.filter(({ pictured }) => !pictured).map((one) => [nameOf(one), one] as const))("%s", (name, one) => {
  test("nothing serious, still, and not cut", { timeout: LOOK_MS }, async () => {
    await show(page, one, light);
    await page.evaluate(axe);
    expect(await findings(), "in the light").toEqual([]);
    await page.evaluate("document.documentElement.dataset.theme = 'dark'");
    expect(await findings({ runOnly: ["color-contrast"] }), "in the dark").toEqual([]);
    expect(await page.evaluate(MOVING), "moves though nobody wants it").toBe(0);
    const spoken = (await devtools.send("Accessibility.getFullAXTree")) as Tree;
    await expect(outline(spoken)).toMatchFileSnapshot(`spoken/${name}.txt`);
    await twice();
    expect(await cut(), "with text twice as large").toEqual([]);
  });
});

/** One a window: the longest words, and those that are read from the right. */
const windows = pages.map((page) => states.find((one) => one.page === page)!);

test.each(windows)("$page is not cut in other languages", { timeout: LOOK_MS }, async (one) => {
  for (const lang of ["de", "ar"]) {
    await show(page, one, { ...light, lang });
    expect(await cut(), lang).toEqual([]);
    await twice();
    expect(await cut(), `${lang}, with text twice as large`).toEqual([]);
  }
});

test("where motion is welcome, there is some", { timeout: LOOK_MS }, async () => {
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await show(page, states[0]!, light);
  expect(await page.evaluate(MOVING)).toBeGreaterThan(0);
});

const MOVING = `[...document.querySelectorAll("*")].filter((one) => {
  const { transitionDuration, animationDuration } = getComputedStyle(one);
  return [transitionDuration, animationDuration].some((times) => /[1-9]/.test(times));
}).length`;

/** Text that its own box cuts without an ellipsis, and whatever makes the window scroll sideways. */
const CUT = `(() => {
  const words = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
  const cut = [...document.querySelectorAll("body *")].filter((one) => {
    if (!words(one) || one.closest(".unseen") || one.tagName === "OPTION" || one.tagName === "STYLE") return false;
    const style = getComputedStyle(one);
    const ends = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
    if (style.overflow === "visible" || ends) return false;
    return one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
  });
  const out = document.documentElement.scrollWidth > innerWidth + 1 ? ["the window scrolls sideways"] : [];
  const main = document.querySelector("main");
  if (main !== null && main.scrollWidth > main.clientWidth + 1) out.push("its content scrolls sideways");
  return [...out, ...cut.map((one) => one.outerHTML.slice(0, 160))];
})()`;

interface Tree {
  nodes: {
    nodeId: string;
    ignored: boolean;
    role?: { value: string };
    name?: { value: string };
    properties?: { name: string; value: { value: unknown } }[];
    childIds?: string[];
  }[];
}

const STATES = ["checked", "expanded", "disabled", "pressed", "selected", "valuetext"];
/** Words inside of what is already named by them. */
const SILENT = ["StaticText", "InlineTextBox", "LineBreak", "none", "generic", "MenuListPopup", "Iframe", "svg"];

/** The page as it is spoken: roles, names and states, indented as they stand in each other. */
function outline({ nodes }: Tree): string {
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const lines: string[] = [];
  const walk = (id: string, depth: number) => {
    const node = byId.get(id);
    if (node === undefined) return;
    const role = node.role?.value ?? "";
    const name = (node.name?.value ?? "").replaceAll(/\d{1,2}:\d{2}(\s[AP]M)?/g, "0:00");
    const says = !node.ignored && !SILENT.includes(role) && role !== "option";
    if (says) {
      const states = (node.properties ?? [])
        .filter((one) => STATES.includes(one.name) && one.value.value !== false && one.value.value !== "false")
        .map((one) => (one.value.value === true || one.value.value === "true" ? one.name : `${one.name}=${String(one.value.value)}`));
      const quoted = name === "" ? "" : ` "${name}"`;
      lines.push(`${"  ".repeat(depth)}${role}${quoted}${states.length > 0 ? ` [${states.join(" ")}]` : ""}`);
    }
    for (const child of node.childIds ?? []) walk(child, says ? depth + 1 : depth);
  };
  if (nodes[0] !== undefined) walk(nodes[0].nodeId, 0);
  return `${lines.join("\n")}\n`;
}
