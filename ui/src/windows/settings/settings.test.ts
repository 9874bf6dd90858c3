/*! The settings on a made-up program: what they show of it, and what they ask of it. */
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Settings as Kept } from "$lib/bindings/Settings";
import { bound, settings } from "../../dev/fixtures";
import { Choices } from "./choices.svelte";
import Settings from "./Settings.svelte";

let kept: Kept;
let silent: boolean;
/** Whether the program's own shortcuts rest. */
let held: boolean;
let startsAtLogin: boolean;
let folder: string | null;
let refuses: { code: string; params: object } | null;

beforeEach(() => {
  kept = settings();
  silent = false;
  held = false;
  startsAtLogin = false;
  folder = null;
  refuses = null;
  mockWindows("settings");
  mockIPC((command, args) => {
    const asked = args as Record<string, unknown>;
    if (command.startsWith("set_") && refuses !== null) throw refuses;
    switch (command) {
      case "settings":
        return kept;
      case "desktop":
        return { shortcuts: bound(kept.desktop.shortcuts), composited: true };
      case "hold_shortcuts":
        return void (held = asked.held as boolean);
      case "set_settings":
        return void (kept = asked.settings as Kept);
      case "starts_at_login":
        return startsAtLogin;
      case "set_starts_at_login":
        return void (startsAtLogin = asked.starts as boolean);
      case "microphones":
        if (silent) throw { code: "no-sound", params: {} };
        return [{ name: "desk", words: "Desk microphone" }];
      case "choose_save_folder":
        return folder;
      case "about":
        return { version: "1.2.3", system: "linux", gstreamer: "GStreamer" };
      default:
        throw new Error(`nobody asks ${command}`);
    }
  });
});

afterEach(() => {
  cleanup();
  clearMocks();
});

async function show() {
  const choices = new Choices();
  await choices.start();
  render(Settings, { choices });
}

test("what is set is shown, under names that a screen reader says", async () => {
  await show();
  expect(screen.getByLabelText("Frame rate")).toHaveProperty("value", "30");
  expect(screen.getByRole("switch", { name: "Wait on metered links" })).toHaveProperty("checked", true);
  expect(screen.getByRole("radio", { name: "Standard" })).toHaveProperty("checked", true);
  expect(screen.getByRole("radiogroup", { name: "Quality" })).toBeTruthy();
  await waitFor(() => expect(screen.getByText("1.2.3")).toBeTruthy());
});

test("a change is kept at once, and the others stay", async () => {
  await show();
  await fireEvent.change(screen.getByLabelText("Frame rate"), { target: { value: "60" } });
  await fireEvent.click(screen.getByRole("radio", { name: "Dark" }));
  await fireEvent.change(screen.getByLabelText("Keep the parts after uploading"), { target: { value: "" } });
  await waitFor(() => expect(kept.upload.keepLocalDays).toBeNull());
  expect(kept.recording.fps).toBe(60);
  expect(kept.desktop.theme).toBe("dark");
  expect(kept.upload.waitOnMetered).toBe(true);
});

test("a microphone is chosen by its name, and stays in the list when it is pulled out", async () => {
  kept = { ...kept, recording: { ...kept.recording, microphone: { kind: "named", name: "gone" } } };
  await show();
  const select = screen.getByLabelText("Microphone");
  expect(select).toHaveProperty("value", "=gone");
  expect(screen.getByRole("option", { name: "gone (not connected)" })).toBeTruthy();
  await waitFor(() => expect(screen.getByRole("option", { name: "Desk microphone" })).toBeTruthy());
  await fireEvent.change(select, { target: { value: "=desk" } });
  await waitFor(() => expect(kept.recording.microphone).toEqual({ kind: "named", name: "desk" }));
});

test("where there is no sound, that is said beside the microphone, and nothing is in the way", async () => {
  silent = true;
  await show();
  await waitFor(() => expect(screen.getByText(/No sound system answers here/)).toBeTruthy());
  expect(screen.queryByTestId("trouble")).toBeNull();
});

const fieldOf = (shortcut: string) => screen.getByTestId(`shortcut-${shortcut}`);
const press = (shortcut: string, keys: KeyboardEventInit) =>
  fireEvent.click(fieldOf(shortcut)).then(() => fireEvent.keyDown(fieldOf(shortcut), keys));

test("keys that another program holds are refused, and the old ones are back", async () => {
  await show();
  refuses = { code: "shortcut-taken", params: { reason: "Ctrl+Shift+R" } };
  const field = fieldOf("record");
  await fireEvent.click(field);
  expect(field.textContent).toMatch(/Press the keys/);
  await fireEvent.keyDown(field, { key: "R", code: "KeyR", ctrlKey: true, shiftKey: true });
  await waitFor(() => expect(screen.getByTestId("trouble").textContent).toMatch(/Ctrl\+Shift\+R can't be had/));
  await waitFor(() => expect(field.textContent?.trim()).toBe("AltR"));
});

test("while keys are chosen ours rest, and Escape leaves all as it was", async () => {
  await show();
  await fireEvent.click(fieldOf("record"));
  await waitFor(() => expect(held).toBe(true));
  await fireEvent.keyDown(fieldOf("record"), { key: "Escape", code: "Escape" });
  await waitFor(() => expect(held).toBe(false));
  expect(fieldOf("record").textContent?.trim()).toBe("AltR");
  await fireEvent.click(fieldOf("record"));
  await waitFor(() => expect(held).toBe(true));
  await fireEvent.blur(fieldOf("record"));
  await waitFor(() => expect(held).toBe(false));
  await press("record", { key: "F9", code: "F9" });
  await waitFor(() => expect(kept.desktop.shortcuts.record).toBe("F9"));
});

test("keys that are another shortcut's are named, and move when that is wanted", async () => {
  await show();
  await press("microphone", { key: "q", code: "KeyQ", altKey: true });
  await waitFor(() => expect(screen.getByText(/Alt\+Q is for “Quick menu”/)).toBeTruthy());
  expect(kept.desktop.shortcuts.microphone).toBe("Alt+M");
  await fireEvent.click(screen.getByTestId("shortcut-move"));
  await waitFor(() => expect(kept.desktop.shortcuts.microphone).toBe("Alt+Q"));
  expect(kept.desktop.shortcuts.quickMenu).toBe("");
  expect(fieldOf("quickMenu").textContent?.trim()).toBe("None");
  await fireEvent.click(screen.getByTestId("shortcuts-reset"));
  await waitFor(() => expect(kept.desktop.shortcuts).toEqual(settings().desktop.shortcuts));
  expect(screen.getByTestId("shortcuts-reset")).toHaveProperty("disabled", true);
});

test("a shortcut can be taken away", async () => {
  await show();
  await fireEvent.click(screen.getByLabelText("Take the keys of “Quick menu” away"));
  await waitFor(() => expect(kept.desktop.shortcuts.quickMenu).toBe(""));
});

test("the folder is the system's dialog to ask for, and can go back to the usual", async () => {
  await show();
  const choose = screen.getByRole("button", { name: "Save recordings in" });
  await fireEvent.click(choose);
  expect(kept.recording.saveFolder).toBeNull();
  folder = "/videos/clips";
  await fireEvent.click(choose);
  await waitFor(() => expect(screen.getByText("/videos/clips")).toBeTruthy());
  await fireEvent.click(screen.getByText("Use the default"));
  await waitFor(() => expect(kept.recording.saveFolder).toBeNull());
});

test("what could not be changed at login goes back", async () => {
  await show();
  refuses = { code: "no-autostart", params: { reason: "no home" } };
  await fireEvent.click(screen.getByRole("switch", { name: "Start at login" }));
  await waitFor(() => expect(screen.getByTestId("trouble").textContent).toMatch(/It is as it was/));
  await waitFor(() =>
    expect(screen.getByRole("switch", { name: "Start at login" })).toHaveProperty("checked", false),
  );
});

test("the sidebar has every section, and arrow keys go along it", async () => {
  await show();
  const links = within(screen.getByRole("navigation")).getAllByRole("link");
  for (const link of links) {
    const section = document.querySelector(`section${link.getAttribute("href")}`);
    expect(section?.querySelector("h2")?.textContent).toBe(link.textContent);
  }
  expect(links.map((link) => link.getAttribute("aria-current"))[0]).toBe("true");
  links[0]?.focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowRight"]) {
    await fireEvent.keyDown(document.activeElement!, { key });
  }
  expect(document.activeElement).toBe(links[2]);
});
