/*! The chooser on a made-up display: by pointer and by keys. */
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Choice } from "$lib/ipc";
import { choosable } from "../../dev/fixtures";
import { Choosing } from "./choosing.svelte";
import { Sources } from "./sources.svelte";
import Stage from "./Stage.svelte";

let chosen: Choice | null;
let closed: boolean;

beforeEach(() => {
  [chosen, closed] = [null, false];
  vi.stubGlobal("innerWidth", 1280);
  vi.stubGlobal("innerHeight", 720);
  vi.stubGlobal("ResizeObserver", class {
    observe() {}
    unobserve() {}
    disconnect() {}
  });
  HTMLElement.prototype.setPointerCapture = () => {};
  mockWindows("chooser-0");
  mockIPC(
    (command, args) => {
      const asked = args as Record<string, unknown>;
      if (command === "choose") chosen = asked.choice as Choice;
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

function show() {
  const view = choosable();
  const choosing = new Choosing(view);
  render(Stage, { choosing, sources: new Sources(view), picture: new Image() });
  return choosing;
}

const stage = () => screen.getByTestId("stage");
const at = (x: number, y: number) => ({ clientX: x, clientY: y, button: 0, pointerId: 1 });
const key = (key: string, more: KeyboardEventInit = {}) =>
  fireEvent.keyDown(stage(), { key, ...more });

async function drag(from: [number, number], to: [number, number], on: HTMLElement = stage()) {
  await fireEvent.pointerDown(on, at(...from));
  await fireEvent.pointerMove(stage(), at(...to));
  await fireEvent.pointerUp(stage(), at(...to));
}

test("a drag makes a region, handles change it, Enter records it where the display is", async () => {
  show();
  expect(screen.getByTestId("chooser-record")).toHaveProperty("disabled", true);
  await drag([100, 100], [500, 400]);
  expect(screen.getByTestId("label").textContent?.trim()).toBe("400 × 300");
  await drag([500, 400], [520, 400], document.querySelector<HTMLElement>(".handle.e")!);
  await drag([300, 300], [310, 290], screen.getByTestId("frame"));
  expect(screen.getByTestId("label").textContent?.trim()).toBe("420 × 300");
  await key("ArrowLeft", { shiftKey: true });
  await key("ArrowDown", { ctrlKey: true });
  await key("Enter");
  await waitFor(() => expect(chosen).not.toBeNull());
  // The second display begins at 1280.
  expect(chosen?.source).toEqual({ kind: "area", at: { x: 1380, y: 90, width: 420, height: 301 } });
});

test("what is under the pointer is picked by a click, and what lies bare is the display", async () => {
  show();
  await fireEvent.pointerMove(stage(), at(700, 300));
  expect(screen.getByTestId("label").textContent?.trim()).toBe("Checkout – Editor");
  await drag([700, 300], [700, 300]);
  await key("Enter");
  await waitFor(() => expect(chosen?.source).toEqual({ kind: "window", id: "77" }));
  await drag([20, 700], [20, 700]);
  expect(screen.getByTestId("label").textContent?.trim()).toBe("1280 × 720");
});

test("keys alone choose a window, then the display; Escape leaves", async () => {
  show();
  await key("Tab");
  await key("Tab");
  await key("Enter");
  await waitFor(() => expect(chosen?.source).toEqual({ kind: "window", id: "88" }));
  await key("Tab");
  expect(screen.getByTestId("frame").classList.contains("display")).toBe(true);
  await key("Tab", { shiftKey: true });
  expect(screen.getByTestId("frame").classList.contains("window")).toBe(true);
  await key("Escape");
  expect(closed).toBe(true);
});

test("a preset is a region, and one that the display is too small for is not to be had", async () => {
  show();
  const [hd, full, last] = screen.getAllByTestId("preset");
  expect(full).toHaveProperty("disabled", true);
  await fireEvent.click(last!);
  expect(screen.getByTestId("label").textContent?.trim()).toBe("640 × 360");
  await fireEvent.click(hd!);
  expect(screen.getByTestId("label").textContent?.trim()).toBe("1280 × 720");
});

test("what is heard is chosen with it", async () => {
  show();
  await waitFor(() => expect(screen.getByRole("option", { name: "Desk microphone" })).toBeTruthy());
  await fireEvent.change(screen.getByLabelText("Microphone"), { target: { value: "=desk" } });
  await fireEvent.click(screen.getByTestId("system-sound"));
  await fireEvent.click(screen.getByRole("radio", { name: "3 s" }));
  await drag([20, 700], [20, 700]);
  await fireEvent.click(screen.getByTestId("chooser-record"));
  await waitFor(() =>
    expect(chosen).toEqual({
      source: { kind: "display" },
      microphone: { kind: "named", name: "desk" },
      systemSound: true,
      countdownSeconds: 3,
    }),
  );
});
