/*! The welcome on a made-up program: its steps, what it asks, and the first recording. */
import { emit } from "@tauri-apps/api/event";
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { nameOf } from "../../dev/asked";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Microphone } from "$lib/bindings/Microphone";
import type { RecorderView } from "$lib/bindings/RecorderView";
import type { Settings } from "$lib/bindings/Settings";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { Ability } from "$lib/ipc";
import { Live } from "$lib/live.svelte";
import { changed, type SettingsChange } from "$lib/settings.svelte";
import { abilities, account, empty, recording, running, settings } from "../../dev/fixtures";
import Welcome from "./Welcome.svelte";

let now: Snapshot;
let found: Ability[];
let shortcut: { keys: string; state: string };
let asked: string[];
let kept: Settings;
let heard: Microphone[];

beforeEach(async () => {
  now = { ...empty(), account: { ...account, kind: "this-computer", server: "127.0.0.1:40000" } };
  found = abilities;
  shortcut = { keys: "Alt+R", state: "works" };
  asked = [];
  kept = changed(settings(), { recording: { microphone: { kind: "off" } } });
  heard = [];
  mockWindows("welcome");
  mockIPC(
    (command, args) => {
      switch (command) {
        case "snapshot":
          return now;
        case "sign_in_state":
          return { phase: "idle" };
        case "desktop":
          return { shortcut, composited: true };
        case "works_here":
          return found;
        case "settings":
          return kept;
        case "change_settings":
          return (kept = changed(kept, (args as { change: SettingsChange }).change));
        case "microphones":
          return [{ name: "desk", words: "Desk microphone" }];
        case "hear_microphone":
          return void heard.push((args as { microphone: Microphone }).microphone);
        default:
          asked.push(nameOf(command, args));
      }
    },
    { shouldMockEvents: true },
  );
});

afterEach(() => {
  cleanup();
  clearMocks();
  sessionStorage.clear();
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

async function toTrial() {
  await next();
  await screen.findByTestId("welcome-microphone");
  await next();
  await next();
  await screen.findByTestId("trial");
}

const next = () => fireEvent.click(screen.getByTestId("welcome-next"));

test("four steps lead to the library, and each can be passed over", async () => {
  await show();
  await waitFor(() => expect(screen.getByTestId("welcome-abilities").textContent).toMatch(/ready to record/));
  expect(screen.getByRole("heading").textContent).toBe("Press, talk, press again");
  await next();
  await waitFor(() => expect(screen.getByRole("heading").textContent).toBe("Your microphone"));
  await next();
  await waitFor(() => expect(screen.getByRole("heading").textContent).toBe("Where should recordings go?"));
  expect(document.activeElement).toBe(screen.getByRole("heading"));
  expect(screen.getByRole("radio", { name: /This computer/ })).toHaveProperty("checked", true);
  await fireEvent.click(screen.getByTestId("welcome-back"));
  await fireEvent.click(screen.getByTestId("welcome-skip"));
  const leaves = () => asked.filter((command) => command === "leave_welcome").length;
  expect(leaves()).toBe(1);
  await next();
  await next();
  await next();
  expect(leaves()).toBe(2);
});

test("what is missing is named, with what mends it", async () => {
  found = [
    { what: "encoder", state: "fails", detail: "Install gstreamer1.0-plugins-good" },
    { what: "sound", state: "lacks", detail: "no sound system" },
    { what: "folder", state: "works", detail: "" },
  ];
  await show();
  const told = await screen.findByTestId("welcome-abilities");
  expect(told.textContent).toMatch(/needed for recording is missing/);
  expect(told.textContent).toMatch(/Install gstreamer1\.0-plugins-good/);
  expect(told.textContent).not.toMatch(/Folders/);
});

test("the keys make a first recording, and its end is seen", async () => {
  await show();
  await toTrial();
  asked = [];
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
  expect(asked).toEqual(["stop", expect.stringMatching(/^open-link:/)]);
});

test("where the keys are another's, a button records", async () => {
  shortcut = { keys: "Alt+R", state: "taken" };
  await show();
  await toTrial();
  await waitFor(() => expect(screen.getByTestId("trial").textContent).toMatch(/Press the button/));
  asked = [];
  await fireEvent.click(screen.getByTestId("trial-start"));
  expect(asked).toEqual(["start"]);
});

test("microphone is on when the welcome is gone through, and heard while it is chosen", async () => {
  await show();
  await next();
  await screen.findByTestId("welcome-microphone");
  expect(screen.getByTestId("microphone-on")).toHaveProperty("checked", true);
  await waitFor(() => expect(heard).toEqual([{ kind: "default" }]));
  await screen.findByRole("option", { name: "Desk microphone" });
  await fireEvent.change(screen.getByRole("combobox"), { target: { value: "=desk" } });
  await emit("levels", { microphone: 500, system: 0 });
  await waitFor(() => expect(screen.getByTestId("meter").getAttribute("aria-valuenow")).not.toBe("0"));
  await next();
  await waitFor(() => expect(kept.recording.microphone).toEqual({ kind: "named", name: "desk" }));
  // Nobody listens any more.
  await waitFor(() => expect(heard.at(-1)).toEqual({ kind: "off" }));
});

test("recording without sound is a choice of its own", async () => {
  await show();
  await next();
  await screen.findByTestId("welcome-microphone");
  await fireEvent.click(screen.getByTestId("microphone-off"));
  expect(screen.queryByTestId("meter")).toBeNull();
  await next();
  await waitFor(() => expect(kept.recording.microphone).toEqual({ kind: "off" }));
  await fireEvent.click(screen.getByTestId("welcome-back"));
  expect(screen.getByTestId("microphone-off")).toHaveProperty("checked", true);
});

test("destination that is not finished can't be passed by", async () => {
  await show();
  await next();
  await screen.findByTestId("welcome-microphone");
  await next();
  await fireEvent.click(await screen.findByTestId("cloud-own-server"));
  await next();
  expect(screen.getByTestId("cloud-unfinished").textContent).toMatch(/needs its address/);
  expect(document.activeElement).toBe(screen.getByTestId("server-address"));
  await fireEvent.click(screen.getByTestId("cloud-snaplark"));
  expect(screen.queryByTestId("cloud-unfinished")).toBeNull();
  await next();
  expect(screen.getByTestId("cloud-unfinished").textContent).toMatch(/not signed in/);
  await fireEvent.click(screen.getByTestId("unfinished-sign-in"));
  expect(asked).toContain("sign_in");
  await fireEvent.click(screen.getByTestId("unfinished-stay"));
  await screen.findByTestId("trial");
});

test("trial says that it ends, not that it starts, while a recording is closed", async () => {
  await show();
  await toTrial();
  await becomes({ ...now, recorder: { kind: "stopping", id: "x" } });
  const trial = screen.getByTestId("trial");
  await waitFor(() => expect(trial.textContent).toMatch(/Finishing/));
  expect(trial.textContent).not.toMatch(/to record this screen|Starting/);
});
