/*! The recording editor on a true video, by pointer and keys: what is cut is stored, undone, and passed over. */
import "$lib/tokens.css";
import { clearMocks, mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/svelte";
import { emit } from "@tauri-apps/api/event";
import { afterEach, beforeEach, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { CutEdit } from "$lib/bindings/CutEdit";
import { cut as cutOf, edited } from "../../dev/cuts";
import { answer, scene, type Scene } from "../../dev/scenes";
import { pieces, still } from "../../dev/stills";
import CutterWindow from "./CutterWindow.svelte";

let now: Scene;
let asked: Array<[name: string, args: Record<string, unknown>]>;
let revision: number;

async function open(name = "cut-plain") {
  now = scene(name);
  revision = now.cut.revision;
  mockWindows("cutter");
  mockConvertFileSrc("linux");
  const media = await pieces();
  Object.assign((window as { __TAURI_INTERNALS__?: object }).__TAURI_INTERNALS__ ?? {}, {
    convertFileSrc: (path: string) => media(path) ?? still(path),
  });
  mockIPC(
    (command, args) => {
      asked.push([command, (args ?? {}) as Record<string, unknown>]);
      if (command === "save_cut" && now.refused.save_cut === undefined) {
        const { edit, replaces } = args as unknown as { edit: CutEdit; replaces: number };
        if (replaces !== now.cut.revision) throw { code: "edit-changed", params: {} };
        revision += 1;
        now.cut = { ...now.cut, edit: structuredClone(edit), revision };
        return revision;
      }
      return answer(now, command, "en");
    },
    { shouldMockEvents: true },
  );
  render(CutterWindow, { id: now.cut.id });
  await screen.findByTestId("cutter-video");
  await expect.poll(() => video().readyState, { timeout: 10_000 }).toBeGreaterThan(1);
}

const video = () => screen.getByTestId("cutter-video") as HTMLVideoElement;
const keys = (text: string) => userEvent.keyboard(text);
const saved = () => now.cut.edit;
const kept = () => saved()?.keep.map(({ startMs, endMs }) => [startMs, endMs]);
const of = (name: string) => asked.filter(([asked]) => asked === name).map(([, args]) => args);
const at = () => Number(screen.getByTestId("cutter-playhead").getAttribute("aria-valuenow"));
const said = () => screen.getByTestId("cutter-said").textContent;
const seconds = async (count: number) => {
  for (let n = 0; n < count; n += 1) await keys("{Shift>}{ArrowRight}{/Shift}");
};
const inner = () => screen.getByTestId("cutter-inner");
/** Drags on the timeline, between shares of its width, at a height of the element that is given. */
async function drag(on: HTMLElement, from: number, to: number) {
  const { left, width } = inner().getBoundingClientRect();
  const point = (share: number) => ({ clientX: left + width * share, clientY: on.getBoundingClientRect().top + 20, pointerId: 1, button: 0 });
  await fireEvent.pointerDown(on, point(from));
  for (const part of [0.3, 0.7, 1]) await fireEvent.pointerMove(inner(), point(from + (to - from) * part));
  await fireEvent.pointerUp(inner(), point(to));
}

beforeEach(async () => {
  await page.viewport(1180, 780);
  asked = [];
  // A press is captured; there is no true pointer here.
  Element.prototype.setPointerCapture = () => {};
});

afterEach(() => {
  cleanup();
  clearMocks();
});

test("a middle is cut out by keys alone, stored, undone and done again", async () => {
  await open();
  await seconds(10);
  await keys("i");
  await seconds(5);
  await keys("o{Delete}");
  await expect.poll(kept).toEqual([[0, 10_000], [15_000, 102_000]]);
  expect(said()).toBe("0:10.00 to 0:15.00 cut out");
  await keys("{Control>}z{/Control}");
  await expect.poll(kept).toEqual([[0, 102_000]]);
  await keys("{Control>}{Shift>}Z{/Shift}{/Control}");
  await expect.poll(kept).toEqual([[0, 10_000], [15_000, 102_000]]);
});

test("frames, seconds, both ends", async () => {
  await open();
  await keys("{ArrowRight}{ArrowRight}");
  expect(at()).toBe(67);
  await keys("{ArrowLeft}");
  expect(at()).toBe(33);
  await keys("{Shift>}{ArrowRight}{/Shift}");
  expect(at()).toBe(1_033);
  await keys("{End}");
  expect(at()).toBe(101_967);
  await keys("{Home}");
  expect(at()).toBe(0);
  await expect.poll(() => video().currentTime).toBeLessThan(0.01);
});

test("a piece is split off and deleted, and the last one stays", async () => {
  await open();
  await seconds(20);
  await keys("s");
  await expect.poll(kept).toEqual([[0, 20_000], [20_000, 102_000]]);
  await keys("{Delete}");
  await expect.poll(kept).toEqual([[0, 20_000]]);
  await keys("{Home}{Delete}");
  expect(said()).toBe("At least one piece has to stay.");
  expect(kept()).toEqual([[0, 20_000]]);
  await userEvent.click(within(screen.getByTestId("cutter-gap")).getByRole("button"));
  await expect.poll(kept).toEqual([[0, 102_000]]);
});

test("the ends of a piece are sliders, and a row of keys is one step of undo", async () => {
  await open();
  const start = screen.getByTestId("handle-piece-start-0");
  start.focus();
  await keys("{Shift>}{ArrowRight}{ArrowRight}{/Shift}");
  await expect.poll(kept).toEqual([[2_000, 102_000]]);
  expect(start.getAttribute("aria-valuetext")).toBe("0:02.00 of 1:42");
  const end = screen.getByTestId("handle-piece-end-0");
  end.focus();
  await keys("{ArrowLeft}");
  await expect.poll(kept).toEqual([[2_000, 101_967]]);
  await keys("{Control>}z{/Control}");
  await expect.poll(kept).toEqual([[2_000, 102_000]]);
});

test("a handle is dragged, a range is dragged and cut", async () => {
  await open();
  await drag(screen.getByTestId("handle-piece-end-0"), 1, 0.5);
  await expect.poll(() => kept()?.[0]?.[1]).toBeGreaterThan(50_500);
  expect(kept()?.[0]?.[1]).toBeLessThan(51_500);
  await drag(screen.getByTestId("cutter-strip"), 0.1, 0.2);
  screen.getByTestId("cutter-selection");
  await userEvent.click(screen.getByTestId("cut"));
  await expect.poll(() => kept()?.length).toBe(2);
  await keys("{Control>}z{/Control}{Control>}z{/Control}");
  await expect.poll(kept).toEqual([[0, 102_000]]);
});

test("playing passes over what is cut out, and ends where the last piece ends", async () => {
  await open("cut");
  await keys("{Home}");
  await expect.poll(at).toBe(3_200);
  const piece = screen.getAllByTestId("cutter-piece")[0]!;
  await userEvent.click(within(piece).getAllByRole("button")[0]!);
  // Right before the end of the first piece.
  await seconds(20);
  await expect.poll(() => video().seeking).toBe(false);
  await keys("l");
  const passed: number[] = [];
  await expect.poll(() => (passed.push(at()), at()), { timeout: 10_000, interval: 20 }).toBeGreaterThan(31_400);
  await keys("k");
  expect(passed.filter((ms) => ms > 24_100 && ms < 31_450)).toEqual([]);
  expect(video().paused).toBe(true);
  await keys("{End}");
  await expect.poll(() => video().seeking).toBe(false);
  await keys("l");
  await expect.poll(() => screen.getByTestId("cutter-toggle").getAttribute("aria-label"), { timeout: 10_000 }).toBe("Play");
  expect(at()).toBeLessThanOrEqual(96_400);
});

test("L is faster each time, J goes backwards, K stands still", async () => {
  await open();
  await seconds(30);
  await expect.poll(() => video().seeking).toBe(false);
  await keys("ll");
  expect([said(), video().playbackRate]).toEqual(["Speed 2×", 2]);
  await keys("j");
  const from = at();
  await expect.poll(at, { timeout: 10_000 }).toBeLessThan(from);
  expect(video().paused).toBe(true);
  await keys("k");
  const there = at();
  await new Promise(requestAnimationFrame);
  expect(at()).toBe(there);
});

test("a cover is placed by keys, moved, resized, changed and timed", async () => {
  await open();
  await seconds(4);
  await keys("r{Enter}");
  await expect.poll(() => saved()?.covers).toEqual([
    { area: { x: 448, y: 280, width: 384, height: 240 }, startMs: 4_000, endMs: 9_000, look: "solid" },
  ]);
  screen.getByTestId("cutter-cover").focus();
  await keys("{ArrowRight}{Shift>}{ArrowDown}{/Shift}{Control>}{ArrowLeft}{/Control}");
  await expect.poll(() => saved()?.covers[0]?.area).toEqual({ x: 449, y: 290, width: 383, height: 240 });
  await userEvent.click(screen.getByTestId("cover-blurred"));
  await expect.poll(() => saved()?.covers[0]?.look).toBe("blurred");
  await userEvent.fill(screen.getByTestId("cover-x"), "9999");
  await keys("{Tab}");
  await expect.poll(() => saved()?.covers[0]?.area.x).toBe(1280 - 383);
  screen.getByTestId("handle-cover-end-0").focus();
  await keys("{Shift>}{ArrowRight}{/Shift}");
  await expect.poll(() => saved()?.covers[0]?.endMs).toBe(10_000);
  screen.getByTestId("cutter-playhead").focus();
  await keys("{Delete}");
  await expect.poll(() => saved()?.covers).toEqual([]);
});

test("a cover is drawn on the video and lies above the picture only in its time", async () => {
  await open();
  await keys("r");
  const picture = screen.getByTestId("cutter-picture");
  const { left, top, width, height } = picture.getBoundingClientRect();
  const point = (x: number, y: number) => ({ clientX: left + width * x, clientY: top + height * y, pointerId: 1, button: 0 });
  await fireEvent.pointerDown(picture, point(0.4, 0.4));
  await fireEvent.pointerMove(picture, point(0.6, 0.7));
  await fireEvent.pointerUp(picture, point(0.6, 0.7));
  await expect.poll(() => saved()?.covers.length).toBe(1);
  const { area } = saved()!.covers[0]!;
  expect(Math.abs(area.y - 320)).toBeLessThan(4);
  expect(Math.abs(area.height - 240)).toBeLessThan(4);
  screen.getByTestId("cutter-cover");
  await seconds(6);
  expect(screen.queryByTestId("cutter-cover")).toBeNull();
});

test("chapters are added, named and deleted", async () => {
  await open();
  await seconds(3);
  await keys("m");
  await expect.poll(() => saved()?.chapters).toEqual([{ startMs: 3_000, title: "Chapter 1" }]);
  await userEvent.fill(screen.getByTestId("cutter-chapter-title"), "Setup");
  await expect.poll(() => saved()?.chapters[0]?.title).toBe("Setup");
  await userEvent.click(screen.getByRole("button", { name: "Delete chapter 1" }));
  await expect.poll(() => saved()?.chapters).toEqual([]);
});

test("an edit is shown again as it was left, and the original is one step away", async () => {
  await open("cut");
  expect(screen.getAllByTestId("cutter-piece").length).toBe(3);
  expect(screen.getAllByTestId("cutter-gap").length).toBe(3);
  expect(of("save_cut")).toEqual([]);
  await userEvent.click(screen.getByTestId("original"));
  await expect.poll(saved).toEqual({ keep: [{ startMs: 0, endMs: 102_000 }], covers: [], chapters: [] });
  await keys("{Control>}z{/Control}");
  await expect.poll(saved).toEqual(edited);
});

test("an edit that was made elsewhere is shown, and undo brings this one back", async () => {
  await open();
  const elsewhere = { keep: [{ startMs: 0, endMs: 9_000 }], covers: [], chapters: [] };
  revision += 1;
  now.cut = { ...now.cut, edit: elsewhere, revision };
  await seconds(20);
  await keys("s");
  await screen.findByTestId("cutter-trouble");
  expect(saved()).toEqual(elsewhere);
  expect(screen.getAllByTestId("cutter-piece").length).toBe(1);
  await keys("{Control>}z{/Control}");
  await expect.poll(kept).toEqual([[0, 20_000], [20_000, 102_000]]);
  revision += 1;
  now.cut = { ...now.cut, edit: elsewhere, revision };
  await emit("changed", 3);
  await expect.poll(() => screen.getAllByTestId("cutter-piece").length).toBe(1);
});

test("the selection is recorded again, and plays in its place when that ends", async () => {
  await open();
  const button = screen.getByTestId("record-again") as HTMLButtonElement;
  expect(button.disabled).toBe(true);
  await seconds(10);
  await keys("i");
  await seconds(10);
  await keys("o");
  await userEvent.click(button);
  const stretch = { startMs: 10_000, endMs: 20_000 };
  await expect.poll(() => of("record_again")).toEqual([{ id: now.cut.id, stretch }]);
  expect(said()).toContain("replaces");
  expect(button.disabled).toBe(true);
  // The recording ends: this one is longer, and its edit has another order.
  const keep = [[0, 10_000], [102_000, 108_000], [20_000, 102_000]].map(([startMs, endMs]) => ({ startMs: startMs!, endMs: endMs! }));
  revision += 1;
  now.cut = { ...now.cut, durationMs: 108_000, edit: { keep, covers: [], chapters: [] }, revision };
  await emit("changed", 4);
  await expect.poll(() => screen.getAllByTestId("cutter-piece").length).toBe(3);
  expect(screen.getAllByTestId("cutter-gap").length).toBe(1);
  // Nothing was saved over it, and the next change is one of it.
  expect(of("save_cut")).toEqual([]);
  await userEvent.click(within(screen.getByTestId("cutter-gap")).getByRole("button"));
  await expect.poll(kept).toEqual([[0, 20_000], [102_000, 108_000], [20_000, 102_000]]);
});

test("an edit of a newer version can be looked at and not be changed", async () => {
  await open("cut-newer");
  expect(screen.getByTestId("cutter-trouble").textContent).toContain("newer version");
  await seconds(5);
  await keys("s{Delete}mr{Enter}{Control>}z{/Control}");
  await userEvent.click(screen.getByTestId("zoom-in"));
  expect(of("save_cut")).toEqual([]);
  expect((screen.getByTestId("split") as HTMLButtonElement).disabled).toBe(true);
});

test("a save that fails says so, and what is done next is saved", async () => {
  await open("cut-refused");
  await keys("m");
  await screen.findByTestId("cutter-trouble");
  now.refused = {};
  await seconds(5);
  await keys("m");
  await expect.poll(() => saved()?.chapters.length).toBe(4);
});

test("a title is renamed in place", async () => {
  await open();
  await userEvent.fill(screen.getByTestId("cutter-title"), "A better one");
  await keys("{Enter}");
  await expect.poll(() => of("rename_cut")).toEqual([{ id: cutOf().id, title: "A better one" }]);
});

test("a zoomed timeline asks for the pictures that are seen only", async () => {
  await open();
  const strip = screen.getByTestId("cutter-strip");
  const shown = () => strip.querySelectorAll("img").length;
  await expect.poll(shown).toBeGreaterThan(8);
  const all = shown();
  for (let n = 0; n < 6; n += 1) await keys("+");
  await expect.poll(() => inner().getBoundingClientRect().width).toBeGreaterThan(10_000);
  expect(shown()).toBeLessThan(all + 4);
  await keys("0");
  await expect.poll(() => inner().getBoundingClientRect().width).toBeLessThan(1_200);
});

test("an export is chosen, cancelled by its job, and shown when it is written", async () => {
  await open("cut");
  await keys("e");
  await screen.findByTestId("export-dialog");
  await userEvent.click(screen.getByTestId("export-gif"));
  await expect.poll(() => screen.getByTestId("export-estimate").textContent).toBe("About 3.2\u00a0MB");
  expect(of("cut_export_size").at(-1)).toEqual({ id: cutOf().id, choice: { format: "gif", fps: 12, width: 800 } });
  await userEvent.selectOptions(screen.getByTestId("export-width"), "480");
  await keys("{Escape}");
  await expect.poll(() => screen.queryByTestId("export-dialog")).toBeNull();
  await userEvent.click(screen.getByTestId("export"));
  await userEvent.click(await screen.findByTestId("export-start"));
  await expect.poll(() => of("export_cut")).toEqual([{ id: cutOf().id, choice: { format: "mp4", fps: null, width: null }, ask: false }]);
  await expect.poll(said).toBe("Export started");
});

test("a preset chooses format, width and rate, and enlarges nothing", async () => {
  await open("cut");
  await keys("e");
  const preset = (name: string) => screen.getByTestId(`export-preset-${name}`);
  await screen.findByTestId("export-dialog");
  expect(preset("full").getAttribute("aria-pressed")).toBe("true");
  await userEvent.click(preset("small"));
  expect((screen.getByTestId("export-mp4") as HTMLInputElement).checked).toBe(true);
  expect((screen.getByTestId("export-width") as HTMLSelectElement).value).toBe("960");
  expect(["full", "small"].map((name) => preset(name).getAttribute("aria-pressed"))).toEqual(["false", "true"]);
  await userEvent.click(preset("animation"));
  await userEvent.click(screen.getByTestId("export-start"));
  await expect.poll(() => of("export_cut")).toEqual([{ id: cutOf().id, choice: { format: "gif", fps: 10, width: 480 }, ask: false }]);
});

const exportsSeen = () => screen.getAllByTestId("job");

test("exports are shown with what became of them, cancelled, dismissed and shown as files", async () => {
  await open("cut-exporting");
  const [failed, done, running, waiting] = exportsSeen();
  expect(failed!.textContent).toMatch(/Onboarding.gif couldn't be exported.*disk/is);
  expect(running!.textContent).toContain("42% · 2 min left");
  expect(waiting!.textContent).toMatch(/Exporting .*New recording.*Waiting/s);
  await userEvent.click(within(done!).getByTestId("job-show"));
  await userEvent.click(within(running!).getByTestId("job-cancel"));
  await userEvent.click(within(failed!).getByTestId("job-dismiss"));
  const { id } = cutOf();
  expect(of("show_cut_export")).toEqual([{ id, job: 4 }]);
  expect(of("cancel_cut_export")).toEqual([{ id, job: 5 }]);
  expect(of("dismiss_cut_export")).toEqual([{ id, job: 3 }]);
});

test("an export that begins is shown when the program says so", async () => {
  await open("cut");
  expect(screen.queryByTestId("cutter-exports")).toBeNull();
  now.cut = { ...now.cut, jobs: scene("cut-exporting").cut.jobs };
  await emit("changed");
  await expect.poll(() => exportsSeen().length).toBe(4);
});

test("an export that can't begin says why", async () => {
  await open("cut");
  now.refused.export_cut = { code: "newer-edit", params: {} };
  await userEvent.click(screen.getByTestId("export"));
  await userEvent.click(await screen.findByTestId("export-start"));
  await expect.element(screen.getByTestId("cutter-trouble")).toHaveTextContent(/newer version/);
});

test("an edit is saved as a recording of its own", async () => {
  await open("cut");
  await userEvent.click(screen.getByTestId("export"));
  await userEvent.click(await screen.findByTestId("export-recording"));
  expect(screen.queryByTestId("export-elsewhere")).toBeNull();
  await userEvent.click(screen.getByTestId("export-start"));
  await expect.poll(() => of("copy_cut")).toEqual([{ id: cutOf().id }]);
  await expect.poll(said).toBe("Export started");
});

test("what is seen is saved before it is published, by button and key", async () => {
  await open("cut");
  now.cut = { ...now.cut, publish: { ...now.cut.publish, isCurrent: false } };
  await emit("changed", { change: 1, version: 1 });
  await keys("m");
  await userEvent.click(screen.getByTestId("publish"));
  await expect.poll(() => of("publish_cut")).toEqual([{ id: cutOf().id }]);
  const order = asked.map(([name]) => name).filter((name) => ["save_cut", "publish_cut"].includes(name));
  expect(order).toEqual(["save_cut", "publish_cut"]);
  await expect.poll(said).toBe("The edit is being published");
  await keys("p");
  await expect.poll(() => of("publish_cut").length).toBe(2);
  now.cut = { ...now.cut, publish: { ...now.cut.publish, version: 2, isCurrent: true, isOriginal: false } };
  await emit("changed", { change: 2, version: 2 });
  await expect.poll(() => screen.getByTestId("upload-state").textContent?.trim()).toBe("Published");
  expect(screen.getByTestId("publish")).toHaveProperty("disabled", true);
});

test("an edit gets a new link only after that was said and confirmed", async () => {
  await open("cut");
  now.cut = { ...now.cut, publish: { ...now.cut.publish, way: "new-link", isCurrent: false } };
  await emit("changed", { change: 1, version: 1 });
  await expect.poll(() => screen.getByTestId("publish")).toHaveProperty("disabled", false);
  await userEvent.click(screen.getByTestId("publish"));
  const dialog = await screen.findByTestId("new-link-dialog");
  expect(dialog.textContent).toContain("The old link still shows the original.");
  await keys("{Escape}");
  await expect.poll(() => screen.queryByTestId("new-link-dialog")).toBeNull();
  expect([...of("copy_cut"), ...of("publish_cut")]).toEqual([]);
  await userEvent.click(screen.getByTestId("publish"));
  await userEvent.click(await screen.findByTestId("new-link-publish"));
  await expect.poll(() => of("copy_cut")).toEqual([{ id: cutOf().id }]);
  await expect.poll(said).toBe("The edit is in the library, with a link of its own");
});

test("a server that turns out to need a new link asks, too", async () => {
  await open("cut");
  now.cut = { ...now.cut, publish: { ...now.cut.publish, way: "unknown", isCurrent: false } };
  now.refused.publish_cut = { code: "new-link-only", params: {} };
  await emit("changed", { change: 1, version: 1 });
  await expect.poll(() => screen.getByTestId("publish")).toHaveProperty("disabled", false);
  await userEvent.click(screen.getByTestId("publish"));
  await screen.findByTestId("new-link-dialog");
});
