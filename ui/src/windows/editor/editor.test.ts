/*! The editor on a made-up program: drawn on by pointer and keys, and what it saves and asks for. */
import "$lib/tokens.css";
import "./font.css";
import { emit } from "@tauri-apps/api/event";
import { clearMocks, mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { picture } from "../../dev/screenshots";
import { answer, scene, type Scene } from "../../dev/scenes";
import EditorWindow from "./EditorWindow.svelte";
import { TOOLS } from "./tools";
import type { Drawing } from "./types";

const ID = picture().id;
let asked: Array<[string, Record<string, unknown>]>;
let now: Scene;

async function open(name = "full", id: string | null = ID) {
  now = scene(name);
  mock();
  render(EditorWindow, { id });
  if (id === null) return;
  await loaded();
}

const loaded = () => expect.poll(() => stage().dataset.loaded, { timeout: 10_000 }).toBe("true");

function mock() {
  mockWindows("editor");
  mockConvertFileSrc("linux");
  mockIPC(
    (command, args) => {
      asked.push([command, structuredClone(args) as Record<string, unknown>]);
      return answer(now, command, "en");
    },
    { shouldMockEvents: true },
  );
}

const stage = () => screen.getByTestId("stage");
const of = (command: string) => asked.filter(([name]) => name === command).map(([, args]) => args);
const saved = (): Drawing | undefined => of("save_drawing").at(-1)?.drawing as Drawing | undefined;
const tools = () => saved()?.shapes.map(({ tool }) => tool);
const keys = (keys: string) => userEvent.keyboard(keys);
const focusStage = () => stage().focus();

/** A drag on the stage, in its own pixels. */
async function drag(from: [number, number], to: [number, number], held: { shiftKey?: boolean; altKey?: boolean } = {}) {
  const { left, top } = stage().getBoundingClientRect();
  const at = ([x, y]: [number, number]) => ({ clientX: left + x, clientY: top + y, pointerId: 1, button: 0, ...held });
  await fireEvent.pointerDown(stage(), at(from));
  for (const share of [0.25, 0.5, 0.75, 1]) {
    const point: [number, number] = [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
    await fireEvent.pointerMove(stage(), at(point));
  }
  await fireEvent.pointerUp(stage(), at(to));
}
const click = (at: [number, number], held = {}) => drag(at, at, held);

beforeEach(async () => {
  await page.viewport(1180, 760);
  localStorage.clear();
  asked = [];
  // A press is captured by the stage; there is no true pointer here.
  Element.prototype.setPointerCapture = () => {};
});

afterEach(() => {
  cleanup();
  clearMocks();
});

test("an editor that was made before its picture waits for it with its tools", async () => {
  now = scene("marked");
  now.refused = { picture: { code: "no-picture", params: {} } };
  mock();
  render(EditorWindow, { id: ID, waits: true });
  await expect.poll(() => of("picture").length).toBeGreaterThan(0);
  expect(screen.queryByTestId("editor-trouble")).toBeNull();
  expect(screen.queryByTestId("editor-empty")).toBeNull();
  expect(screen.queryByTestId("tool-arrow")).not.toBeNull();
  await drag([120, 200], [180, 300]);
  expect(of("save_drawing")).toEqual([]);
  now.refused = {};
  await emit("picture-added");
  await loaded();
  expect(stage().dataset.shown).toBe("true");
  // What is drawn stays when it is told again.
  focusStage();
  await keys("r{Enter}");
  await expect.poll(() => tools()?.at(-1)).toBe("box");
  const opened = of("picture").length;
  await emit("picture-added");
  expect(of("picture").length).toBe(opened);
});

test("a glance stands in the picture's place until all its pixels are there, and may be missing", async () => {
  const { sourceUrl } = picture();
  const images = () => [...document.querySelectorAll("[data-testid=stage] image")].map((one) => one.getAttribute("href"));
  for (const glanceUrl of [`${sourceUrl}#small`, "data:image/png;base64,AAAA"]) {
    const seen: Array<string | null> = [];
    const watch = new MutationObserver(() => seen.push(...images()));
    watch.observe(document, { subtree: true, childList: true });
    now = scene("marked");
    mockWindows("editor");
    mockConvertFileSrc("linux");
    mockIPC((command) => (command === "picture" ? picture({ glanceUrl }) : answer(now, command, "en")), {
      shouldMockEvents: true,
    });
    render(EditorWindow, { id: ID });
    await loaded();
    watch.disconnect();
    expect(seen[0]).toBe(glanceUrl);
    expect([stage().dataset.shown, stage().dataset.whole]).toEqual(["true", "true"]);
    expect(images()).toEqual([sourceUrl]);
    cleanup();
  }
});

test("an animation moves until it is drawn on, which the editor says, and moves again when that is undone", async () => {
  const { sourceUrl } = picture();
  const stillUrl = `${sourceUrl}#first`;
  const image = () => document.querySelector("[data-testid=stage] image")?.getAttribute("href");
  now = scene("animation");
  mockWindows("editor");
  mockConvertFileSrc("linux");
  mockIPC((command) => (command === "picture" ? picture({ stillUrl }) : answer(now, command, "en")), {
    shouldMockEvents: true,
  });
  render(EditorWindow, { id: ID });
  await loaded();
  expect(image()).toBe(sourceUrl);
  expect(screen.getByTestId("editor-animation").textContent).toContain("moves until you draw");
  focusStage();
  await keys("r{Enter}");
  await expect.poll(image).toBe(stillUrl);
  expect(screen.getByTestId("editor-animation").textContent).toContain("a still of the animation's first frame");
  focusStage();
  await keys("{Control>}z{/Control}");
  await expect.poll(image).toBe(sourceUrl);
  // Whoever has read it closes it; the other state is said anyway.
  await userEvent.click(within(screen.getByTestId("editor-animation")).getByRole("button"));
  expect(screen.queryByTestId("editor-animation")).toBeNull();
  focusStage();
  await keys("r{Enter}");
  await expect.poll(() => screen.queryByTestId("editor-animation")).not.toBeNull();
});

test("every tool draws with the pointer, all of it is undone and done again", async () => {
  await open();
  const drawn = TOOLS.map(({ tool }) => tool).filter((tool) => tool !== "select" && tool !== "crop");
  for (const [n, tool] of drawn.entries()) {
    screen.getByTestId(`tool-${tool}`).click();
    await drag([120 + n * 40, 200], [180 + n * 40, 300]);
    if (tool === "text") await keys("Hello{Escape}");
  }
  await expect.poll(tools).toEqual(drawn);
  const all = structuredClone(saved());
  focusStage();
  for (const _ of drawn) await keys("{Control>}z{/Control}");
  await expect.poll(tools).toEqual([]);
  expect((screen.getByTestId("undo") as HTMLButtonElement).disabled).toBe(true);
  for (const _ of drawn) await keys("{Control>}y{/Control}");
  await expect.poll(saved).toEqual(all);
});

test("a drawing is made by keys alone", async () => {
  await open();
  focusStage();
  await keys("r{Enter}");
  await expect.poll(tools).toEqual(["box"]);
  const placed = structuredClone(saved()!.shapes[0]);
  if (placed?.tool !== "box") throw new Error("expected a box");
  await keys("{ArrowRight}{ArrowRight}{Shift>}{ArrowDown}{/Shift}{Control>}{ArrowRight}{/Control}3");
  const { x, y, width, height } = placed.area;
  await expect.poll(() => saved()?.shapes[0]).toMatchObject({
    area: { x: x + 2, y: y + 10, width: width + 1, height },
    color: [250, 204, 21],
  });
  await keys("{Control>}d{/Control}");
  await expect.poll(tools).toEqual(["box", "box"]);
  await keys("{Delete}");
  await expect.poll(tools).toEqual(["box"]);
});

test("tab walks the objects, says their names, and leaves the picture after the last", async () => {
  await open("marked");
  screen.getByTestId("tool-select").click();
  focusStage();
  const heard: string[] = [];
  for (let n = 0; n < 13; n += 1) {
    await keys("{Tab}");
    expect(document.activeElement).toBe(stage());
    heard.push(screen.getByTestId("editor-said").textContent ?? "");
  }
  expect(heard[5]).toBe("Arrow 1, red: 830, 96, 216 × 100");
  expect(new Set(heard).size).toBe(13);
  await keys("{Tab}");
  expect(document.activeElement).not.toBe(stage());
});

test("the list names the objects, the uppermost first, and reorders and deletes them", async () => {
  await open("marked");
  screen.getByTestId("objects").click();
  const names = async () => (await screen.findAllByRole("option")).map((one) => one.textContent?.trim());
  expect((await names()).slice(0, 2)).toEqual(["Emoji 1, 👍", "Line 1, red"]);
  screen.getAllByRole("option")[0]!.focus();
  await keys("{ArrowDown}{Alt>}{ArrowUp}{/Alt}");
  await expect.poll(names).toContain("Line 1, red");
  expect((await names())[0]).toBe("Line 1, red");
  await keys("{Delete}");
  await expect.poll(async () => (await names()).length).toBe(12);
});

test("shift holds the arrow to 15 degrees", async () => {
  await open();
  await drag([200, 200], [400, 212], { shiftKey: true });
  await expect.poll(tools).toEqual(["arrow"]);
  const shape = saved()!.shapes[0]!;
  expect(shape.tool === "arrow" && shape.from.y === shape.to.y).toBe(true);
});

test("an arrow is bent by its middle", async () => {
  await open();
  await drag([200, 300], [400, 300]);
  await drag([300, 300], [300, 220]);
  await expect.poll(() => saved()?.shapes.map((shape) => (shape.tool === "arrow" ? shape.bend !== null : null))).toEqual([true]);
  await keys("{Control>}z{/Control}");
  await expect.poll(() => saved()?.shapes.map((shape) => (shape.tool === "arrow" ? shape.bend : 0))).toEqual([null]);
});

test("a rubber band chooses several, which move together as one step", async () => {
  await open();
  for (const x of [200, 300]) {
    screen.getByTestId("tool-box").click();
    await drag([x, 200], [x + 50, 250]);
  }
  await expect.poll(tools).toEqual(["box", "box"]);
  const before = structuredClone(saved());
  screen.getByTestId("tool-select").click();
  await drag([180, 180], [400, 300]);
  await drag([200, 225], [230, 255]);
  await expect.poll(() => saved()?.shapes).not.toEqual(before?.shapes);
  await keys("{Control>}z{/Control}");
  await expect.poll(saved).toEqual(before);
});

test("a text is written in place, also from the right, and an empty one is gone", async () => {
  await open();
  screen.getByTestId("tool-text").click();
  await click([300, 200]);
  const field = (await screen.findByTestId("text-field")) as HTMLTextAreaElement;
  await expect.poll(() => document.activeElement === field).toBe(true);
  await keys("مرحبا{Enter}r");
  expect(field.dir).toBe("rtl");
  await keys("{Escape}");
  await expect.poll(() => saved()?.shapes[0]).toMatchObject({ tool: "text", text: "مرحبا\nr" });
  await click([500, 400]);
  await screen.findByTestId("text-field");
  await keys("{Escape}");
  await expect.poll(tools).toEqual(["text"]);
  // The empty one was no step: what is undone is the first text, all of it.
  await keys("{Control>}z{/Control}");
  await expect.poll(tools).toEqual([]);
});

test("the wheel changes the width, and with Ctrl it zooms around the pointer", async () => {
  await open();
  await fireEvent.wheel(stage(), { deltaY: -100 });
  expect((screen.getByTestId("style-measure") as HTMLInputElement).value).toBe("7");
  const before = screen.getByTestId("zoom").textContent;
  await fireEvent.wheel(stage(), { deltaY: -200, ctrlKey: true });
  expect(screen.getByTestId("zoom").textContent).not.toBe(before);
  await keys("0");
  expect(screen.getByTestId("zoom").textContent).toBe(before);
});

test("a crop is chosen, applied by Enter and undone", async () => {
  await open();
  focusStage();
  await keys("c");
  await drag([200, 200], [500, 400]);
  await keys("{Enter}");
  await expect.poll(() => saved()?.canvas.crop).toBeTruthy();
  const { width, height } = saved()!.canvas.crop!;
  expect(Math.abs(width / height - 1.5)).toBeLessThan(0.02);
  await keys("{Control>}z{/Control}");
  await expect.poll(() => saved()?.canvas.crop).toBeNull();
});

test("turns, sizes and backgrounds are part of the drawing", async () => {
  await open();
  screen.getByTestId("turn").click();
  await expect.poll(() => saved()?.canvas.quarterTurns).toBe(1);
  screen.getByTestId("background").click();
  (await screen.findByTestId("paint-sea")).click();
  await expect.poll(() => saved()?.canvas.background?.paint).toMatchObject({ kind: "gradient", degrees: 135 });
  screen.getByTestId("resize").click();
  (await screen.findByTestId("resize-50")).click();
  await expect.poll(() => saved()?.canvas.width).toBe(450);
});

test("what was drawn is stored before it is uploaded, copied or saved", async () => {
  await open("picture-online");
  await drag([200, 200], [400, 300]);
  await keys("{Alt>}u{/Alt}");
  await expect.poll(() => of("publish_picture").length).toBe(1);
  const order = asked.map(([name]) => name).filter((name) => ["save_drawing", "publish_picture"].includes(name));
  expect(order).toEqual(["save_drawing", "publish_picture"]);
  await expect.poll(() => screen.getByTestId("upload-state").textContent).toContain("Link copied");
  await keys("{Alt>}c{/Alt}{Alt>}d{/Alt}{Control>}s{/Control}");
  await expect.poll(() => of("save_picture").map(({ ask }) => ask)).toEqual([true, false]);
  expect(of("copy_picture")).toEqual([{ id: ID }]);
});

test("Markdown that is asked for during an upload is copied after it", async () => {
  await open("picture-online");
  await keys("{Alt>}u{/Alt}{Alt>}m{/Alt}");
  await expect.poll(() => of("copy_picture_markdown")).toEqual([{ id: ID }]);
  expect(of("publish_picture").length, "one upload serves both").toBe(1);
  await expect.poll(() => screen.getByTestId("editor-said").textContent).toContain("Markdown");
});

test("a drawing of a newer version is never saved over", async () => {
  await open("picture-newer");
  expect(screen.getByTestId("editor-trouble").textContent).toContain("newer version");
  await drag([200, 200], [400, 300]);
  await keys("{Control>}z{/Control}");
  await keys("{Alt>}c{/Alt}");
  await expect.poll(() => of("copy_picture").length).toBe(1);
  expect(of("save_drawing")).toEqual([]);
});

test("a failure says what happened, and Escape takes it away last", async () => {
  await open("picture-refused");
  await keys("{Alt>}c{/Alt}");
  await screen.findByTestId("editor-trouble");
  focusStage();
  await keys("{Escape}");
  await expect.poll(() => screen.queryByTestId("editor-trouble")).toBeNull();
});

test("recognized text of an area is shown and copied", async () => {
  await open();
  focusStage();
  await keys("w");
  await drag([200, 200], [400, 300]);
  const words = (await screen.findByTestId("words-text")) as HTMLTextAreaElement;
  expect(words.value).toBe(now.recognized.text);
  expect(of("recognize_picture")[0]?.area).toMatchObject({ width: expect.any(Number) });
  screen.getByTestId("words-copy").click();
  await expect.poll(() => of("copy_text")).toEqual([{ text: now.recognized.text }]);
});

test("a picture that is pasted into an empty editor is opened in its place", async () => {
  await open("full", null);
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array([1, 2, 3])], "a.png", { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  await expect.poll(() => of("import_picture").length).toBe(1);
  // In a window of its own, which alone may see it.
  await expect.poll(() => of("open_editor").length).toBe(1);
  await expect.poll(() => of("close_editor").length).toBe(1);
});

test("objects that were copied in the editor are pasted before a picture of the clipboard", async () => {
  await open();
  focusStage();
  await keys("r{Enter}");
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: new DataTransfer(), bubbles: true }));
  await expect.poll(() => of("paste_picture").length).toBe(1);
  const before = screen.queryAllByTestId("shape").length;
  await keys("{Control>}c{/Control}");
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: new DataTransfer(), bubbles: true }));
  await expect.poll(() => screen.queryAllByTestId("shape").length).toBe(before + 1);
  expect(of("paste_picture").length).toBe(1);
});

test("the last tool, colour and width are there again in the next editor", async () => {
  await open();
  screen.getByTestId("tool-line").click();
  focusStage();
  await keys("5");
  await fireEvent.wheel(stage(), { deltaY: -100 });
  cleanup();
  await open();
  expect(screen.getByTestId("tool-line").getAttribute("aria-pressed")).toBe("true");
  expect((screen.getByTestId("color-blue") as HTMLInputElement).checked).toBe(true);
  expect((screen.getByTestId("style-measure") as HTMLInputElement).value).toBe("7");
});
