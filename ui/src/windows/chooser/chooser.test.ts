/*! The chooser on a made-up display: by a true pointer and true keys. */
import "$lib/tokens.css";
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { AfterScreenshot } from "$lib/bindings/AfterScreenshot";
import type { Choice, ChooserView, Chosen } from "$lib/ipc";
import { choosable } from "../../dev/fixtures";
import { Choosing } from "./choosing.svelte";
import { Sources } from "./sources.svelte";
import Stage from "./Stage.svelte";

let chosen: Choice | null;
let taken: { source: Chosen; after: AfterScreenshot | null } | null;
let closed: boolean;

beforeEach(async () => {
  await page.viewport(1280, 720);
  [chosen, closed, taken] = [null, false, null];
  mockWindows("chooser-0");
  mockIPC(
    (command, args) => {
      const asked = args as Record<string, unknown>;
      if (command === "choose") chosen = asked.choice as Choice;
      if (command === "take_screenshot") taken = asked as unknown as NonNullable<typeof taken>;
      if (command === "close_chooser") closed = true;
      if (command === "microphones") return [{ name: "desk", words: "Desk microphone" }];
      return null;
    },
    { shouldMockEvents: true },
  );
});

afterEach(async () => {
  cleanup();
  // What stops listening does so a moment later.
  await new Promise((later) => setTimeout(later));
  clearMocks();
});

function show(view: ChooserView = choosable()) {
  const choosing = new Choosing(view);
  render(Stage, { choosing, sources: new Sources(view), strips: [] });
  return choosing;
}

const stage = () => screen.getByTestId("stage");
const label = () => screen.getByTestId("label").textContent?.trim();
const press = (keys: string) => userEvent.keyboard(keys);
const click = (x: number, y: number) => userEvent.click(stage(), { position: { x, y } });
const drag = (from: [number, number], to: [number, number]) =>
  userEvent.dragAndDrop(stage(), stage(), {
    sourcePosition: { x: from[0], y: from[1] },
    targetPosition: { x: to[0], y: to[1] },
  });
const pull = (handle: string, to: [number, number]) =>
  userEvent.dragAndDrop(document.querySelector(`.handle.${handle}`)!, stage(), {
    targetPosition: { x: to[0], y: to[1] },
  });
/** Returns the area's position on the page. */
const frame = () => {
  const { x, y, width, height } = screen.getByTestId("frame").getBoundingClientRect();
  return { x, y, width, height };
};

test("a drag makes a region, handles change it, Enter records it where the display is", async () => {
  show();
  expect(screen.getByTestId("chooser-record")).toHaveProperty("disabled", true);
  await drag([100, 100], [500, 400]);
  expect(label()).toBe("400 × 300");
  expect(frame()).toEqual({ x: 100, y: 100, width: 400, height: 300 });
  await pull("e", [520, 250]);
  await pull("nw", [90, 80]);
  expect(label()).toBe("430 × 320");
  await drag([300, 300], [310, 290]);
  expect(frame()).toEqual({ x: 100, y: 70, width: 430, height: 320 });
  await press("{Shift>}{ArrowLeft}{/Shift}{Control>}{ArrowDown}{/Control}{Enter}");
  await waitFor(() => expect(chosen).not.toBeNull());
  // The second display begins at 1280.
  expect(chosen?.source).toEqual({ kind: "area", at: { x: 1370, y: 70, width: 430, height: 321 } });
});

/** The chooser on a display beside which there is none of the same scale. */
function alone(): ChooserView {
  const view = choosable();
  return { ...view, room: [view.display.at] };
}

test("a region ends where the display does, and goes no smaller than can be recorded", async () => {
  show(alone());
  await drag([1200, 600], [1279, 719]);
  expect(frame()).toEqual({ x: 1200, y: 600, width: 80, height: 120 });
  await press("{Shift>}{ArrowRight}{ArrowDown}{/Shift}");
  expect(frame()).toEqual({ x: 1200, y: 600, width: 80, height: 120 });
  await pull("nw", [1279, 719]);
  expect(label()).toBe("16 × 16");
});

test("what is under the pointer is picked by a click, and what lies bare is the display", async () => {
  show();
  await userEvent.hover(stage(), { position: { x: 700, y: 300 } });
  expect(label()).toBe("Checkout – Editor");
  await click(700, 300);
  await press("{Enter}");
  await waitFor(() => expect(chosen?.source).toEqual({ kind: "window", id: "77" }));
  await click(1200, 50);
  expect(label()).toBe("1280 × 720");
});

test("keys alone choose a window, then the display; Escape leaves", async () => {
  show();
  await press("{Tab}{Tab}{Enter}");
  await waitFor(() => expect(chosen?.source).toEqual({ kind: "window", id: "88" }));
  await press("{Tab}");
  expect(screen.getByTestId("frame").classList.contains("display")).toBe(true);
  await press("{Shift>}{Tab}{/Shift}");
  expect(screen.getByTestId("frame").classList.contains("window")).toBe(true);
  await press("{Escape}");
  expect(closed).toBe(true);
});

test("F6 goes to the toolbar and back; what is pressed there by pointer leaves the keys to the stage", async () => {
  show();
  await press("{F6}");
  expect(screen.getByTestId("toolbar").contains(document.activeElement)).toBe(true);
  await press("{ArrowRight}");
  expect(screen.getByRole("radio", { name: "Window" })).toBe(document.activeElement);
  await press("{F6}");
  expect(document.activeElement).toBe(stage());
  await userEvent.click(screen.getByTestId("system-sound"));
  expect(document.activeElement).toBe(stage());
});

test("a preset is a region, and one that the display is too small for is not to be had", async () => {
  show();
  const [hd, full, last] = screen.getAllByTestId("preset");
  expect(full).toHaveProperty("disabled", true);
  await userEvent.click(last!);
  expect(label()).toBe("640 × 360");
  await userEvent.click(hd!);
  expect(label()).toBe("1280 × 720");
});

test("what is heard and seen is chosen with it", async () => {
  show();
  await waitFor(() => expect(screen.getByRole("option", { name: "Desk microphone" })).toBeTruthy());
  await userEvent.selectOptions(screen.getByLabelText("Microphone"), "=desk");
  await userEvent.click(screen.getByTestId("system-sound"));
  await userEvent.click(screen.getByRole("button", { name: "Webcam", pressed: false }));
  expect(screen.getByRole("button", { name: "Webcam", pressed: true })).toBeTruthy();
  await userEvent.click(screen.getByRole("radio", { name: "3 s" }));
  await click(1200, 50);
  await userEvent.click(screen.getByTestId("chooser-record"));
  await waitFor(() =>
    expect(chosen).toEqual({
      source: { kind: "display" },
      microphone: { kind: "named", name: "desk" },
      systemSound: true,
      webcam: true,
      countdownSeconds: 3,
    }),
  );
});

test("a screenshot's area may be one pixel, and Enter takes it where the display is", async () => {
  show(choosable("screenshot"));
  expect(screen.getByTestId("screenshot-take")).toHaveProperty("disabled", true);
  expect(screen.queryByTestId("chooser-microphone")).toBeNull();
  await drag([100, 100], [140, 130]);
  await press("{Shift>}{Control>}{ArrowLeft}{ArrowLeft}{ArrowLeft}{ArrowUp}{ArrowUp}{/Control}{/Shift}");
  expect(label()).toBe("10 × 10");
  await press("{Shift>}{Control>}{ArrowLeft}{ArrowUp}{/Control}{/Shift}{ArrowRight}");
  expect(label()).toBe("1 × 1");
  await press("{Enter}");
  await waitFor(() =>
    expect(taken).toEqual({ source: { kind: "area", at: { x: 1381, y: 100, width: 1, height: 1 } }, after: null }),
  );
});

test("a screenshot is copied or saved by its key, and taken by a double click", async () => {
  show(choosable("screenshot"));
  await click(700, 300);
  await press("{Control>}c{/Control}");
  await waitFor(() => expect(taken).toEqual({ source: { kind: "window", id: "77" }, after: "copy" }));
  await press("{Control>}s{/Control}");
  await waitFor(() => expect(taken?.after).toBe("save"));
  await userEvent.dblClick(stage(), { position: { x: 1200, y: 50 } });
  await waitFor(() => expect(taken).toEqual({ source: { kind: "display" }, after: null }));
  expect(chosen).toBeNull();
});

test("the magnifier is there before an area of a screenshot is begun", async () => {
  show(choosable("screenshot"));
  await userEvent.hover(stage(), { position: { x: 1200, y: 50 } });
  expect(screen.getByTestId("magnifier").textContent).toContain("1200, 50");
});

test("an area far from the corner is exact where the page's width is rounded", async () => {
  // 1600 pixels at 150 % are 1066 and two thirds.
  await page.viewport(1066, 600);
  const view = choosable("screenshot");
  view.display.at = { x: 0, y: 0, width: 1600, height: 900 };
  view.room = [view.display.at, { x: 1600, y: 0, width: 1600, height: 900 }];
  view.windows = [];
  show(view);
  await dragFar([1000, 100], [1440, 120]);
  expect(label()).toBe("660 × 30");
});

/** Moves a pressed pointer to where no element of this page is, as a captured one does. */
async function dragFar(from: [number, number], to: [number, number]) {
  stage().setPointerCapture = () => {};
  const at = ([clientX, clientY]: [number, number]) => ({ clientX, clientY, pointerId: 1, button: 0 });
  await fireEvent.pointerDown(stage(), at(from));
  await fireEvent.pointerMove(stage(), at(to));
  await fireEvent.pointerUp(stage(), at(to));
}

test("an area reaches to another display if that has the same scale, and else ends where the display does", async () => {
  // The other display lies at the left.
  show(choosable("screenshot"));
  await dragFar([200, 100], [-100, 300]);
  expect(label()).toBe("300 × 200");
  expect(frame()).toEqual({ x: 0, y: 100, width: 200, height: 200 });
  const shown = [...document.querySelectorAll<HTMLElement>(".handle")].map((handle) => handle.dataset.handle);
  expect(shown).toEqual(["n", "ne", "e", "se", "s"]);
  expect(screen.queryByTestId("magnifier")).toBeNull();
  await press("{ArrowLeft}{Enter}");
  const at = { x: 1179, y: 100, width: 300, height: 200 };
  await waitFor(() => expect(taken?.source).toEqual({ kind: "area", at }));
  cleanup();
  // A recording's area, too.
  show();
  await dragFar([200, 100], [-100, 300]);
  await press("{ArrowLeft}{Enter}");
  await waitFor(() => expect(chosen?.source).toEqual({ kind: "area", at }));
  cleanup();
  show(alone());
  await dragFar([200, 100], [-100, 300]);
  expect(frame()).toEqual({ x: 0, y: 100, width: 200, height: 200 });
  expect(label()).toBe("200 × 200");
});

test("what is chosen on another display's page is bright on this one, until nothing is chosen there", async () => {
  const view = choosable("screenshot");
  view.hasPointer = false;
  show(view);
  const other = new BroadcastChannel("chooser-area");
  other.postMessage({ x: 1000, y: 50, width: 500, height: 100 });
  await waitFor(() => expect(frame()).toEqual({ x: 0, y: 50, width: 220, height: 100 }));
  expect(document.querySelectorAll(".handle").length).toBe(0);
  expect(screen.queryByTestId("label")).toBeNull();
  other.postMessage(null);
  await waitFor(() => expect(screen.queryByTestId("frame")).toBeNull());
  other.close();
});

test("an area has the display's own pixels at any scale, up to the last one", async () => {
  for (const scale of [1, 1.25, 1.5, 2]) {
    const view = choosable("screenshot");
    view.display.at = { x: 0, y: 0, width: 1280 * scale, height: 720 * scale };
    view.room = [view.display.at];
    view.windows = [];
    show(view);
    await drag([101, 103], [502, 404]);
    const from = { x: Math.floor(101 * scale), y: Math.floor(103 * scale) };
    const to = { x: Math.floor(502 * scale), y: Math.floor(404 * scale) };
    const size = { width: to.x - from.x, height: to.y - from.y };
    await press("{Enter}");
    await waitFor(() => expect(taken?.source).toEqual({ kind: "area", at: { ...from, ...size } }));
    await press("{ArrowRight}{Enter}");
    await waitFor(() =>
      expect(taken?.source).toEqual({ kind: "area", at: { ...from, x: from.x + 1, ...size } }),
    );
    await drag([1000, 600], [1279, 719]);
    await press("{Enter}");
    const corner = { x: 1000 * scale, y: 600 * scale };
    const rest = { width: 280 * scale, height: 120 * scale };
    await waitFor(() => expect(taken?.source).toEqual({ kind: "area", at: { ...corner, ...rest } }));
    cleanup();
  }
});
