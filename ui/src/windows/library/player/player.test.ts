/*! The player on a true video, by pointer and keys: where it is, it shows, and says. */
import "$lib/tokens.css";
import { clearMocks, mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { nameOf } from "../../../dev/asked";
import { cleanup, render, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import { Live } from "$lib/live.svelte";
import { answer, scene } from "../../../dev/scenes";
import { pieces, still } from "../../../dev/stills";
import Library from "../Library.svelte";

let asked: Array<[string, unknown]>;

beforeEach(async () => {
  await page.viewport(800, 560);
  asked = [];
  const media = await pieces();
  mockWindows("library");
  mockConvertFileSrc("linux");
  Object.assign((window as { __TAURI_INTERNALS__?: object }).__TAURI_INTERNALS__ ?? {}, {
    convertFileSrc: (path: string) => media(path) ?? still(path),
  });
  const now = scene("playable");
  mockIPC(
    (command, args) => {
      asked.push([nameOf(command, args), args]);
      return answer(now, command, "en");
    },
    { shouldMockEvents: true },
  );
  const live = new Live();
  render(Library, { live });
  await live.start();
  await userEvent.click(screen.getAllByTestId("recording-open")[1]!);
  await expect.poll(() => video().currentTime, { timeout: 10_000 }).toBeGreaterThan(0);
  video().pause();
});

afterEach(() => {
  cleanup();
  clearMocks();
});

const video = () => screen.getByTestId("player-video") as HTMLVideoElement;
const timeline = () => screen.getByTestId("player-timeline");
const keys = (keys: string) => userEvent.keyboard(keys);
/** Waits until the player is at that moment and shows its picture. */
const settledAt = (seconds: number, within = 0.6) =>
  expect
    .poll(() => {
      const there = Math.abs(video().currentTime - seconds) <= within;
      return there && video().readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    })
    .toBe(true);

test("the whole length is known at once, and any moment of it is a press away", async () => {
  expect(screen.getByTestId("player-time").textContent).toMatch(/\/ 1:42/);
  const { width } = timeline().getBoundingClientRect();
  await userEvent.click(timeline(), { position: { x: width * 0.75, y: 10 } });
  await settledAt(76.5, 2);
  expect(timeline().getAttribute("aria-valuetext")).toMatch(/^1:1\d of 1:42$/);
  await userEvent.click(timeline(), { position: { x: width * 0.1, y: 10 } });
  await settledAt(10.2, 2);
});

test("the keys of other players seek, and end at the ends", async () => {
  await keys("5");
  await settledAt(51);
  await keys("l");
  await settledAt(61);
  await keys("jj{ArrowLeft}");
  await settledAt(36);
  await keys("0{ArrowLeft}");
  await settledAt(0);
  await keys("{End}");
  await settledAt(102);
});

test("a link at the time is copied, and Escape goes back to the card", async () => {
  await keys("5");
  await settledAt(51);
  await keys("c");
  expect(asked.at(-1)).toEqual([expect.stringMatching(/^copy-link:.+@51000$/), expect.anything()]);
  await keys("{Escape}");
  await expect.poll(() => screen.queryByTestId("player")).toBeNull();
  await expect
    .poll(() => document.activeElement)
    .toBe(screen.getAllByTestId("recording-open")[1]);
});
