/*! The quick menu on a made-up program. */
import "$lib/tokens.css";
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { nameOf } from "../../dev/asked";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { Updates } from "$lib/ipc";
import { Live } from "$lib/live.svelte";
import { Newer } from "$lib/newer.svelte";
import { bound, empty, recording, running, updates } from "../../dev/fixtures";
import QuickMenu from "./QuickMenu.svelte";

let asked: string[];
let newer: Updates;

beforeEach(() => {
  asked = [];
  newer = updates.newest;
  mockWindows("quick");
});

afterEach(() => {
  cleanup();
  clearMocks();
});

let recents: RecordingView[] = [];
async function show(snapshot: Snapshot) {
  mockIPC(
    (command, args) => {
      if (command === "snapshot") return snapshot;
      if (command === "desktop") return { shortcuts: bound(), composited: true };
      if (command === "update_state") return newer;
      if (command === "recents") return recents;
      if (command !== "fit_quick") asked.push(nameOf(command, args));
      return null;
    },
    { shouldMockEvents: true },
  );
  const live = new Live();
  await live.start({ signIn: false });
  render(QuickMenu, { live });
  await waitFor(() => expect(screen.getAllByRole("menuitem").length).toBeGreaterThan(1));
}

const key = (key: string) => fireEvent.keyDown(screen.getByRole("menu"), { key });
const marked = () => document.querySelector(".marked")?.textContent?.replace(/\s+/g, " ").trim();

test("arrow keys go round, over what is not there yet", async () => {
  await show(empty());
  await waitFor(() => expect(marked()).toBe("Record this display Alt R"));
  await key("ArrowDown");
  await key("ArrowDown");
  await key("ArrowDown");
  expect(marked()).toBe("Take a screenshot… Alt S");
  await key("ArrowDown");
  expect(marked()).toBe("Microphone On");
  await key("ArrowDown");
  expect(marked()).toBe("Webcam Off");
  await key("ArrowDown");
  expect(marked()).toBe("Library");
  await key("ArrowUp");
  expect(marked()).toBe("Webcam Off");
  await key("End");
  await key("ArrowDown");
  expect(marked()).toMatch(/^Record this display/);
});

test("letters find what begins with them", async () => {
  await show(empty());
  await key("s");
  expect(marked()).toBe("Settings");
  await key("Escape");
  expect(asked.at(-1)).toBe("close_quick");
});

test("Enter closes it, then does what is marked", async () => {
  await show(empty());
  await key("Enter");
  await waitFor(() => expect(asked.at(-1)).toBe("record-here"));
  expect(asked.at(-2)).toBe("close_quick");
});

test("what deletes is asked about in its place", async () => {
  await show(running());
  await key("d");
  await key("d");
  const entry = screen.getByTestId("entry-cancel");
  await fireEvent.click(entry);
  expect(entry.textContent).toMatch(/Discard recording\?/);
  expect(asked).not.toContain("cancel");
  await key("Escape");
  expect(entry.textContent).not.toMatch(/Discard recording\?/);
  await fireEvent.click(entry);
  await key("Enter");
  await waitFor(() => expect(asked.at(-1)).toBe("cancel"));
});

test("a screen reader hears a menu", async () => {
  await show(running());
  const menu = screen.getByRole("menu", { name: "Quick menu" });
  await waitFor(() => expect(menu.getAttribute("aria-activedescendant")).toBe("entry-stop"));
  const items = () =>
    screen.getAllByRole("menuitem").map((item) => item.textContent?.replace(/\s+/g, " ").trim());
  await waitFor(() => expect(items()[0]).toBe("Stop recording Alt R"));
  expect(items()).toEqual([
    "Stop recording Alt R",
    "Pause Alt P",
    "Mute microphone Alt M",
    "Turn on webcam Alt W",
    "Remove the last 10 seconds Alt Z",
    "Show recorder bar",
    "Take a screenshot… Alt S",
    "Discard and restart",
    "Discard this recording",
    "Library",
    "Settings",
  ]);
});

test("the last minutes are offered while they are kept", async () => {
  await show(empty());
  expect(screen.queryByText("Share the last minutes")).toBeNull();
  cleanup();
  await show({ ...empty(), ring: { kind: "keeping", heldMs: 61_000, lengthMs: 120_000 } });
  await fireEvent.click(screen.getByText("Share the last minutes"));
  await waitFor(() => expect(asked).toContain("preview-last"));
});

test("a newer version is told beside the settings, until it was seen there", async () => {
  newer = updates.found;
  await show(empty());
  const settings = () => screen.getByTestId("entry-settings").textContent?.replace(/\s+/g, " ").trim();
  await waitFor(() => expect(settings()).toBe("Settings Version 0.2.0 is available"));
  cleanup();
  const seen = new Newer();
  await seen.start();
  seen.see();
  await show(empty());
  expect(settings()).toBe("Settings");
  // The next one is another.
  cleanup();
  newer = { ...updates.ready, version: "0.3.0" };
  await show(empty());
  await waitFor(() => expect(settings()).toMatch(/0\.3\.0 is available/));
  localStorage.clear();
});

test("newest recordings open their links, and copy them", async () => {
  recents = [recording("Weekly demo", { kind: "done" })];
  await show(empty());
  const menuitem = await screen.findByRole("menuitem", { name: /Weekly demo/ });
  await fireEvent.click(menuitem);
  await waitFor(() => expect(asked.slice(-2)).toEqual(["close_quick", expect.stringMatching(/^open-link:/)]));
  await key("w");
  await key("w");
  await waitFor(() => expect(marked()).toBe("Weekly demo"));
  await fireEvent.keyDown(screen.getByRole("menu"), { key: "c", ctrlKey: true });
  await waitFor(() => expect(asked.slice(-2)).toEqual(["close_quick", expect.stringMatching(/^copy-link:/)]));
  const before = asked.length;
  await fireEvent.click(menuitem.querySelector("[data-testid^=copy-]")!);
  await waitFor(() => expect(asked.slice(before)).toEqual(["close_quick", expect.stringMatching(/^copy-link:/)]));
  recents = [];
});
