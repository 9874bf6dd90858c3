/*! The preview of the last minutes on a true video, by pointer and keys. */
import "$lib/tokens.css";
import { clearMocks, mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, render, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { answer, scene } from "../../dev/scenes";
import { pieces, still } from "../../dev/stills";
import Preview from "./Preview.svelte";

const ID = scene("playable").preview!.id;
let asked: Array<[string, unknown]>;

async function open(name = "playable") {
  const media = await pieces();
  mockWindows("preview");
  mockConvertFileSrc("linux");
  Object.assign((window as { __TAURI_INTERNALS__?: object }).__TAURI_INTERNALS__ ?? {}, {
    convertFileSrc: (path: string) => media(path) ?? still(path),
  });
  const now = scene(name);
  mockIPC((command, args) => {
    asked.push([command, args]);
    return answer(now, command, "en");
  });
  render(Preview, {});
}

async function ready() {
  await open();
  // Browsers play by themselves only what has been pressed.
  await expect.poll(() => video()?.readyState ?? 0, { timeout: 10_000 }).toBeGreaterThan(1);
  video()!.pause();
}

beforeEach(async () => {
  await page.viewport(720, 560);
  asked = [];
});

afterEach(() => {
  cleanup();
  clearMocks();
});

const video = () => screen.queryByTestId("preview-video") as HTMLVideoElement | null;
const start = () => screen.getByRole("slider", { name: "Start" });
const end = () => screen.getByRole("slider", { name: "End" });
const values = () => [start(), end()].map((edge) => edge.getAttribute("aria-valuetext"));
const keys = (keys: string) => userEvent.keyboard(keys);
const sharedRange = () => asked.find(([command]) => command === "share_preview")?.[1];

test("all of it is the default, and Enter shares it", async () => {
  await ready();
  expect(values()).toEqual(["0:00 of 1:42", "1:42 of 1:42"]);
  expect(screen.getByTestId("preview-length").textContent).toContain("1:42 of 1:42");
  expect(document.activeElement).toBe(start());
  await keys("{Enter}");
  await expect.poll(sharedRange).toEqual({ id: ID, start: 0, end: 51 });
});

test("arrows move an end by a piece, a picture shows where, and the ends never meet", async () => {
  await ready();
  await keys("{ArrowRight}{ArrowRight}{PageUp}{ArrowLeft}");
  expect(values()).toEqual(["0:12 of 1:42", "1:42 of 1:42"]);
  await expect.poll(() => video()!.currentTime).toBe(12);
  end().focus();
  await keys("{Home}");
  expect(values()).toEqual(["0:12 of 1:42", "0:14 of 1:42"]);
  await expect.poll(() => video()!.currentTime).toBeCloseTo(13.96, 1);
  start().focus();
  await keys("{End}");
  expect(values()).toEqual(["0:12 of 1:42", "0:14 of 1:42"]);
  await userEvent.click(screen.getByTestId("preview-share"));
  await expect.poll(sharedRange).toEqual({ id: ID, start: 6, end: 7 });
});

test("the pointer drags an end to the nearest piece, and a press in the strip looks there", async () => {
  await ready();
  const strip = screen.getByTestId("preview-strip");
  const { width } = strip.getBoundingClientRect();
  await userEvent.dragAndDrop(end(), strip, { targetPosition: { x: width * 0.511, y: 20 } });
  expect(values()).toEqual(["0:00 of 1:42", "0:52 of 1:42"]);
  await userEvent.click(strip, { position: { x: width * 0.25, y: 20 } });
  await expect.poll(() => video()!.currentTime).toBeCloseTo(25.5, 0);
});

test("what is cut off is not played", async () => {
  await ready();
  start().focus();
  await keys("{PageUp}");
  end().focus();
  await keys("{Home}");
  expect(values()).toEqual(["0:10 of 1:42", "0:12 of 1:42"]);
  await keys(" ");
  expect(video()!.paused).toBe(false);
  await expect.poll(() => video()!.paused, { timeout: 6_000 }).toBe(true);
  expect(video()!.currentTime).toBe(10);
});

test("Escape discards when it is pressed again, and nothing is shared", async () => {
  await ready();
  const said = () => screen.getByTestId("preview-length").textContent;
  await keys("{Escape}");
  expect(said()).toContain("Press Esc again");
  await keys("j");
  expect(said()).toContain("1:42 of 1:42");
  await keys("{Escape}");
  expect(asked.some(([command]) => command === "discard_preview")).toBe(false);
  await keys("{Escape}");
  await expect.poll(() => asked.at(-1)).toEqual(["discard_preview", { id: ID }]);
  expect(sharedRange()).toBeUndefined();
});

test("what can't be shared is said, and can be tried again", async () => {
  await open("preview-refused");
  await expect.poll(() => screen.queryByRole("slider", { name: "End" })).not.toBeNull();
  await userEvent.click(screen.getByTestId("preview-share"));
  await expect.poll(() => screen.queryByTestId("preview-trouble")?.textContent).toMatch(/disk/);
  expect((screen.getByTestId("preview-share") as HTMLButtonElement).disabled).toBe(false);
});

test("one that is gone says so, and Escape closes the window", async () => {
  await open("preview-gone");
  await expect.poll(() => screen.queryByTestId("preview-trouble")?.textContent).toMatch(/already/);
  await keys("{Escape}");
  await expect.poll(() => asked.at(-1)).toEqual(["discard_preview", { id: null }]);
});
