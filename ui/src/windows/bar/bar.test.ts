/*! The recorder bar on a made-up program. */
import "$lib/tokens.css";
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { nameOf } from "../../dev/asked";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RecorderView } from "$lib/bindings/RecorderView";
import type { Snapshot } from "$lib/bindings/Snapshot";
import { Live } from "$lib/live.svelte";
import { stepLine } from "$lib/words";
import { account, empty, progress, recording, running } from "../../dev/fixtures";
import RecorderBar from "./RecorderBar.svelte";

let asked: Array<[string, unknown]>;
let program: Snapshot;
let live: Live;

beforeEach(() => {
  asked = [];
  mockWindows("bar");
  mockIPC(
    (command, args) => {
      asked.push([nameOf(command, args), args]);
      if (command === "snapshot") return program;
      return command === "desktop" ? { composited: true } : null;
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

async function show(snapshot: Snapshot) {
  program = snapshot;
  live = new Live();
  render(RecorderBar, { live });
  await live.start({ signIn: false });
}

const names = () => asked.map(([name]) => name);
const becomes = async (recorder: RecorderView) => {
  program = { ...program, recorder };
  await live.ask();
};
const runs = () => running().recorder as Extract<RecorderView, { kind: "recording" }>;

test("while nothing is recorded there is no bar", async () => {
  await show(empty());
  await waitFor(() => expect(asked).toContainEqual(["fit_bar", { size: null, cards: [] }]));
});

test("of recordings it is told those that change while it is there", async () => {
  program = { ...running(), version: 7 };
  live = new Live({ recordings: "new" });
  await live.start({ signIn: false });
  await live.ask();
  const snapshots = asked.filter(([name]) => name === "snapshot").map(([, args]) => args);
  expect(snapshots).toEqual([{ since: Number.MAX_SAFE_INTEGER }, { since: 7 }]);
});

test("it counts down, and can be called off without a question", async () => {
  await show({ ...empty(), recorder: { kind: "counting", startsUnixMs: Date.now() + 2_600 } });
  await waitFor(() => expect(screen.getByTestId("bar-count").textContent).toBe("3"));
  await fireEvent.click(screen.getByTestId("bar-call-off"));
  expect(names()).toContain("stop");
});

test("time, pause and mute are what the program says", async () => {
  await show(running());
  await waitFor(() => expect(screen.getByTestId("bar-time").textContent?.trim()).toBe("0:12"));
  await fireEvent.click(screen.getByLabelText("Pause"));
  await fireEvent.click(screen.getByLabelText("Mute microphone"));
  expect(names()).toEqual(expect.arrayContaining(["pause", "mute"]));
  await becomes({ ...runs(), microphone: "muted" });
  expect(screen.getByTestId("bar-mute").getAttribute("aria-pressed")).toBe("true");
  await becomes({ kind: "paused", id: runs().id, durationMs: 65_000, link: null, microphone: "absent", issue: null, struck: null });
  expect(screen.getByTestId("bar-time").textContent?.trim()).toBe("1:05");
  expect(screen.getByLabelText("Resume")).toBeTruthy();
  expect(screen.getByTestId("bar-mute")).toHaveProperty("disabled", true);
});

test("recording without sound says so, and can be given a microphone", async () => {
  await show({ ...running(), sound: { microphone: false, system: false } });
  await becomes({ ...runs(), microphone: "muted" });
  const badge = screen.getByTestId("bar-silent");
  expect(badge.textContent).toMatch(/^\s*No sound/);
  await fireEvent.click(badge);
  expect(names()).toContain("mute");
  program = { ...program, sound: { microphone: false, system: true } };
  await live.ask();
  expect(screen.queryByTestId("bar-silent")).toBeNull();
});

test("the last seconds are struck, and it says whether they had left this computer", async () => {
  await show(running());
  await fireEvent.click(await screen.findByLabelText("Remove the last 10 seconds"));
  expect(names()).toContain("strike");
  expect(screen.queryByTestId("bar-struck")).toBeNull();
  const struck = { lengthMs: 10_040, atUnixMs: Date.now(), wasOnline: false };
  await becomes({ ...runs(), struck });
  expect(screen.getByTestId("bar-struck").textContent).toBe("10 seconds removed before upload");
  await becomes({ ...runs(), struck: { ...struck, wasOnline: true } });
  expect(screen.getByTestId("bar-struck").textContent).toMatch(/removed here. The part that was online/);
  expect(screen.getByRole("status").textContent).toMatch(/The part that was online/);
  // It is said for a moment, also in a pause.
  await becomes({ ...runs(), struck: { ...struck, atUnixMs: Date.now() - 9_500 } });
  await waitFor(() => expect(screen.queryByTestId("bar-struck")).toBeNull(), { timeout: 3_000 });
});

test("restart and cancel ask in their place, and are done when they are meant", async () => {
  await show(running());
  await fireEvent.click(await screen.findByTestId("bar-cancel"));
  const question = screen.getByRole("alertdialog");
  expect(question.textContent).toMatch(/Discard this recording\?/);
  const keep = screen.getByTestId("bar-keep");
  expect(document.activeElement).toBe(keep);
  // "Stop" is at the end of the bar: a click that was meant for it may lose nothing.
  expect(question.lastElementChild).toBe(keep);
  await fireEvent.click(keep);
  expect(screen.queryByRole("alertdialog")).toBeNull();
  expect(names()).not.toContain("cancel");
  await fireEvent.click(screen.getByTestId("bar-restart"));
  await fireEvent.click(screen.getByTestId("bar-answer"));
  expect(names()).toContain("restart");
});

test("a question goes when the recording ends meanwhile", async () => {
  await show(running());
  await fireEvent.click(await screen.findByTestId("bar-cancel"));
  await becomes({ kind: "stopping", id: runs().id });
  await becomes(runs());
  expect(screen.queryByRole("alertdialog")).toBeNull();
});

test("a press beside the buttons moves it, one on them does not", async () => {
  await show(running());
  await fireEvent.pointerDown(await screen.findByTestId("bar-time"), { button: 0 });
  expect(names().filter((name) => name === "drag_bar")).toHaveLength(1);
  await fireEvent.pointerDown(screen.getByTestId("bar-stop"), { button: 0 });
  expect(names().filter((name) => name === "drag_bar")).toHaveLength(1);
});

test("how long the disk lasts is on the size, and said when it is not for long", async () => {
  await show({ ...running(), spaceSeconds: 80 * 3600 });
  expect(await screen.findByTitle("Space for 80 hours")).toBeTruthy();
  expect(screen.queryByTestId("bar-space")).toBeNull();
  program = { ...program, spaceSeconds: 24 * 60 };
  await live.ask();
  expect(screen.getByTestId("bar-space").textContent).toBe("Space for 24 minutes");
});

test("the upload is up to date, behind, or safe and waiting", () => {
  const at = (pending: number, isOnline: boolean) =>
    recording("Now", { kind: "recording" }, { upload: { ...progress(50, null), pending, isOnline } });
  expect(stepLine(at(2, true), account).text).toBe("Up to date");
  expect(stepLine(at(12, true), account)).toMatchObject({ tone: "accent", text: "12 parts to upload" });
  expect(stepLine(at(12, false), account)).toMatchObject({ tone: "waits", text: "12 parts waiting" });
  expect(stepLine(at(1, true), { ...account, needsSignIn: true })).toMatchObject({ text: "1 part waiting" });
  expect(stepLine(recording("Now", { kind: "recording" }), account).text).toBe("On this computer");
});
