/*! The welcome on a made-up program: its steps, what it asks, and the first recording. */
import { emit } from "@tauri-apps/api/event";
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RecorderView } from "$lib/bindings/RecorderView";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { Ability } from "$lib/ipc";
import { Live } from "$lib/live.svelte";
import { abilities, account, empty, recording, running } from "../../dev/fixtures";
import Welcome from "./Welcome.svelte";

let now: Snapshot;
let found: Ability[];
let shortcut: { keys: string; state: string };
let asked: string[];

beforeEach(async () => {
  now = { ...empty(), account: { ...account, kind: "this-computer", server: "127.0.0.1:40000" } };
  found = abilities;
  shortcut = { keys: "Alt+R", state: "works" };
  asked = [];
  mockWindows("welcome");
  mockIPC(
    (command) => {
      switch (command) {
        case "snapshot":
          return now;
        case "sign_in_state":
          return { phase: "idle" };
        case "desktop":
          return { shortcut, composited: true };
        case "works_here":
          return found;
        default:
          asked.push(command);
      }
    },
    { shouldMockEvents: true },
  );
});

afterEach(() => {
  cleanup();
  clearMocks();
});

async function show() {
  const live = new Live();
  await live.start();
  render(Welcome, { live });
}

async function becomes(next: Snapshot) {
  now = next;
  await emit("changed", next.change);
}

const next = () => fireEvent.click(screen.getByTestId("welcome-next"));

test("three steps lead to the library, and each can be passed over", async () => {
  await show();
  await waitFor(() => expect(screen.getByTestId("welcome-abilities").textContent).toMatch(/is here/));
  expect(screen.getByRole("heading").textContent).toBe("Press, talk, press again");
  await next();
  expect(screen.getByRole("heading").textContent).toBe("Where your links come from");
  expect(document.activeElement).toBe(screen.getByRole("heading"));
  expect(screen.getByRole("radio", { name: /This computer/ })).toHaveProperty("checked", true);
  await fireEvent.click(screen.getByTestId("welcome-back"));
  await fireEvent.click(screen.getByTestId("welcome-skip"));
  expect(asked).toEqual(["leave_welcome"]);
  await next();
  await next();
  await next();
  expect(asked).toEqual(["leave_welcome", "leave_welcome"]);
});

test("what is missing is named, with what mends it", async () => {
  found = [
    { what: "encoder", state: "fails", detail: "Install gstreamer1.0-plugins-good" },
    { what: "sound", state: "lacks", detail: "no sound system" },
    { what: "folder", state: "works", detail: "" },
  ];
  await show();
  const told = await screen.findByTestId("welcome-abilities");
  expect(told.textContent).toMatch(/not here yet/);
  expect(told.textContent).toMatch(/Install gstreamer1\.0-plugins-good/);
  expect(told.textContent).not.toMatch(/Folders/);
});

test("the keys make a first recording, and its end is seen", async () => {
  await show();
  await next();
  await next();
  const trial = screen.getByTestId("trial");
  await waitFor(() => expect(trial.textContent).toMatch(/AltR|Alt\+R/));
  const made = recording("Recording of today", { kind: "recording" }, { durationMs: 4_000 });
  const old = recording("Earlier", { kind: "done" });
  await becomes({
    ...now,
    recordings: [made, old],
    recorder: { ...running().recorder, id: made.id } as RecorderView,
  });
  await waitFor(() => expect(trial.textContent).toMatch(/again to stop/));
  await fireEvent.click(screen.getByTestId("trial-stop"));
  await becomes({
    ...now,
    recordings: [{ ...made, state: { kind: "done" } }, old],
    recorder: { kind: "idle" },
  });
  await waitFor(() => expect(trial.textContent).toMatch(/It works: 0:04 recorded/));
  await fireEvent.click(screen.getByTestId("trial-open"));
  expect(asked).toEqual(["stop_recording", "open_link"]);
});

test("where the keys are another's, a button records", async () => {
  shortcut = { keys: "Alt+R", state: "taken" };
  await show();
  await next();
  await next();
  await waitFor(() => expect(screen.getByTestId("trial").textContent).toMatch(/Press the button/));
  await fireEvent.click(screen.getByTestId("trial-start"));
  expect(asked).toEqual(["start_recording"]);
});
