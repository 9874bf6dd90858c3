/*!
 * The settings on a made-up program: what they show of it, and what they ask of it.
 *
 * Length: a test or two for each row of the window.
 */
import "$lib/tokens.css";
import { emit } from "@tauri-apps/api/event";
import { clearMocks, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { RecorderView } from "$lib/bindings/RecorderView";
import type { Microphone } from "$lib/bindings/Microphone";
import type { AccountView } from "$lib/bindings/AccountView";
import type { OtherServerView } from "$lib/bindings/OtherServerView";
import type { Settings as Kept } from "$lib/bindings/Settings";
import type { WebhookView } from "$lib/bindings/WebhookView";
import type { BoundShortcut, Updates } from "$lib/ipc";
import { Live } from "$lib/live.svelte";
import { changed, type SettingsChange } from "$lib/settings.svelte";
import { abilities, account, bound, crash, empty, otherServers, settings, updates } from "../../dev/fixtures";
import { Choices } from "./choices.svelte";
import Settings from "./Settings.svelte";

/** Commands that only have to be asked. */
const DONE = ["sign_in", "sign_out", "sign_out_at", "use_server", "set_profile", "add_place", "copy_diagnostics", "open_logs", "look_for_update", "fetch_update", "install_update", "ask_for_shortcuts", "share_on_local_network", "test_webhook", "copy_webhook_secret"];

let kept: Kept;
let now: AccountView;
let others: OtherServerView[];
let done: [string, unknown][];
let newer: Updates;
let crashed: string | null;
let hook: WebhookView;
let unreachable: boolean;
let knowsToken: boolean;
let silent: boolean;
/** Whether the program's own shortcuts are suspended. */
let held: boolean;
let startsAtLogin: boolean;
let folder: string | null;
/** The desktop's report about all shortcuts. */
let byDesktop: Partial<BoundShortcut>;
let refuses: { code: string; params: object } | null;

let heard: Microphone[] = [];
let cameras: { name: string; words: string }[] = [];
/** The side of the camera's picture in pixels, or the reason why there is none. */
let pictured: number | string = 8;
let recorder: RecorderView = { kind: "idle" };

beforeEach(async () => {
  await page.viewport(720, 560);
  kept = settings();
  now = { ...account, kind: "this-computer", server: "127.0.0.1:40000", profile: "spec" };
  others = [];
  done = [];
  heard = [];
  cameras = [{ name: "desk", words: "Desk camera" }];
  pictured = 8;
  recorder = { kind: "idle" };
  newer = updates.newest;
  crashed = null;
  hook = { waiting: 0, givenUp: 0, last: null };
  unreachable = false;
  knowsToken = true;
  silent = false;
  held = false;
  startsAtLogin = false;
  folder = null;
  byDesktop = {};
  refuses = null;
  mockWindows("settings");
  mockIPC((command, args) => {
    const asked = args as Record<string, unknown>;
    if (/^(set|change)_/.test(command) && refuses !== null) throw refuses;
    switch (command) {
      case "settings":
        return kept;
      case "desktop":
        return {
          shortcuts: bound(kept.desktop.shortcuts).map((one) => ({ ...one, ...byDesktop })),
          composited: true,
        };
      case "hold_shortcuts":
        return void (held = asked.held as boolean);
      case "change_settings":
        return (kept = changed(kept, asked.change as SettingsChange));
      case "starts_at_login":
        return startsAtLogin;
      case "set_starts_at_login":
        return void (startsAtLogin = asked.starts as boolean);
      case "microphones":
        if (silent) throw { code: "no-sound", params: {} };
        return [{ name: "desk", words: "Desk microphone" }];
      case "cameras":
        return cameras;
      case "hear_microphone":
        return void heard.push(asked.microphone as Microphone);
      case "camera_picture":
        if (typeof pictured === "string") throw { code: "no-camera", params: { reason: pictured } };
        done.push([command, args]);
        return new Uint8ClampedArray(pictured * pictured * 4).buffer;
      case "close_camera":
        return void done.push([command, args]);
      case "choose_save_folder":
        return folder;
      case "about":
        return { version: "1.2.3", system: "linux", gstreamer: "GStreamer" };
      case "snapshot":
        return { ...empty(), account: now, otherServers: others, recorder };
      case "sign_in_state":
        return { phase: "idle" };
      case "update_state":
        return newer;
      case "works_here":
        return abilities;
      case "webhook_view":
        return hook;
      case "last_crash":
        return crashed;
      case "forget_crash":
        return void (crashed = null);
      case "test_connection":
        if (unreachable) throw { code: "server-unreachable", params: { reason: "no route" } };
        return { server: "video.example", tookMs: 38, knowsToken, version: null };
      default:
        if (DONE.includes(command)) return void done.push([command, args]);
        throw new Error(`nobody asks ${command}`);
    }
  }, { shouldMockEvents: true });
});

afterEach(() => {
  cleanup();
  clearMocks();
  sessionStorage.clear();
});

async function show() {
  const choices = new Choices();
  const live = new Live();
  await Promise.all([choices.start(), live.start()]);
  render(Settings, { choices, live });
}

test("what is set is shown, under names that a screen reader says", async () => {
  await show();
  expect(screen.getByLabelText("Frame rate")).toHaveProperty("value", "30");
  expect(screen.getByRole("switch", { name: "Pause on metered connections" })).toHaveProperty("checked", true);
  expect(screen.getByRole("radio", { name: "Standard" })).toHaveProperty("checked", true);
  expect(screen.getByRole("radiogroup", { name: "Quality" })).toBeTruthy();
  await waitFor(() => expect(screen.getByText("1.2.3")).toBeTruthy());
});

test("settings window keeps what was changed elsewhere, and shows it", async () => {
  await show();
  const webcam = () => screen.getByRole("switch", { name: "Show webcam" });
  expect(webcam()).toHaveProperty("checked", false);
  // The key, while the window is open.
  kept = changed(kept, { recording: { webcam: { shown: true } } });
  await fireEvent.click(screen.getByRole("switch", { name: "System audio" }));
  await waitFor(() => expect(kept.recording.systemSound).toBe(true));
  expect(kept.recording.webcam.shown).toBe(true);
  kept = changed(kept, { recording: { fps: 60 } });
  await emit("changed", 3);
  await waitFor(() => expect(screen.getByLabelText("Frame rate")).toHaveProperty("value", "60"));
  expect(webcam()).toHaveProperty("checked", true);
});

test("a change is kept at once, and the others stay", async () => {
  await show();
  await fireEvent.change(screen.getByLabelText("Frame rate"), { target: { value: "60" } });
  await fireEvent.click(screen.getByRole("radio", { name: "Dark" }));
  await fireEvent.change(screen.getByLabelText("Keep upload cache"), { target: { value: "" } });
  await waitFor(() => expect(kept.upload.keepLocalDays).toBeNull());
  expect(kept.recording.fps).toBe(60);
  expect(kept.desktop.theme).toBe("dark");
  expect(kept.upload.waitOnMetered).toBe(true);
});

test("a webhook has an address, a secret that the window never sees, and a test", async () => {
  hook = { waiting: 1, givenUp: 0, last: { outcome: "failed", atUnixMs: 1, status: 503 } };
  await show();
  const field = screen.getByLabelText("Webhook");
  expect(screen.queryByText("Send a test")).toBeNull();
  await fireEvent.change(field, { target: { value: " https://hooks.example/a " } });
  await waitFor(() => expect(kept.upload.webhook).toBe("https://hooks.example/a"));
  await waitFor(() => expect(screen.getByText(/refused \(status 503\)/)).toBeTruthy());
  await fireEvent.click(screen.getByText("Copy secret"));
  await fireEvent.click(screen.getByText("Send a test"));
  await waitFor(() => expect(screen.getByText("Test received")).toBeTruthy());
  const asked = done.map(([command]) => command);
  expect(asked).toEqual(["copy_webhook_secret", "test_webhook"]);
  await fireEvent.change(field, { target: { value: "" } });
  await waitFor(() => expect(kept.upload.webhook).toBeNull());
});

test("the webcam is placed in a corner or dragged anywhere, and only that is changed", async () => {
  await show();
  await fireEvent.click(screen.getByLabelText("Show webcam"));
  await waitFor(() => expect(screen.getByText("Desk camera")).toBeTruthy());
  await fireEvent.change(screen.getByLabelText("Camera"), { target: { value: "=desk" } });
  await fireEvent.change(screen.getByLabelText("Position"), { target: { value: "0,1000" } });
  await waitFor(() => expect(kept.recording.webcam.downPermille).toBe(1000));
  expect(kept.recording.webcam).toMatchObject({
    shown: true,
    camera: { kind: "named", name: "desk" },
    shape: "circle",
    rightPermille: 0,
  });

  await userEvent.dragAndDrop(screen.getByTestId("webcam-preview"), screen.getByTestId("webcam-screen"));
  // To the middle of the screen, of the room that there is.
  await waitFor(() => expect(Math.abs(kept.recording.webcam.rightPermille - 500)).toBeLessThan(20));
  expect(Math.abs(kept.recording.webcam.downPermille - 500)).toBeLessThan(20);
  const { rightPermille, downPermille } = kept.recording.webcam;
  expect(screen.getByLabelText("Position")).toHaveProperty("value", `${rightPermille},${downPermille}`);
});

test("that all keys are shown is not chosen without a word on passwords", async () => {
  await show();
  expect(screen.queryByText(/passwords/)).toBeNull();
  await fireEvent.click(screen.getByLabelText("All keys"));
  await waitFor(() => expect(kept.recording.keys).toBe("all"));
  expect(screen.getByText(/passwords/)).toBeTruthy();
});

test("how much is kept is asked for where something is", async () => {
  await show();
  expect(screen.queryByLabelText("Length")).toBeNull();
  await fireEvent.click(screen.getByRole("switch", { name: "Keep the last minutes" }));
  await waitFor(() => expect(kept.recording.keepLast).toBe(true));
  const length = await screen.findByLabelText("Length");
  expect(length).toHaveProperty("value", "120");
  await fireEvent.change(length, { target: { value: "30" } });
  await waitFor(() => expect(kept.recording.keepLastSeconds).toBe(30));
  await fireEvent.click(screen.getByRole("radio", { name: "Stop recording" }));
  await waitFor(() => expect(kept.recording.afterSleep).toBe("stop"));
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
  await waitFor(() => expect(screen.getByText(/No sound system was found/)).toBeTruthy());
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
  await waitFor(() => expect(screen.getByTestId("trouble").textContent).toMatch(/Ctrl\+Shift\+R is used by another app/));
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
  await waitFor(() => expect(screen.getByText(/Alt\+Q is used for “Quick menu”/)).toBeTruthy());
  expect(kept.desktop.shortcuts.microphone).toBe("Alt+M");
  await fireEvent.click(screen.getByTestId("shortcut-move"));
  await waitFor(() => expect(kept.desktop.shortcuts.microphone).toBe("Alt+Q"));
  expect(kept.desktop.shortcuts.quickMenu).toBe("");
  expect(fieldOf("quickMenu").textContent?.trim()).toBe("None");
  await fireEvent.click(screen.getByTestId("shortcuts-reset"));
  await waitFor(() => expect(kept.desktop.shortcuts).toEqual(settings().desktop.shortcuts));
  // What the desktop says of them is asked for again, and comes a moment later.
  await waitFor(() => expect(screen.getByTestId("shortcuts-reset")).toHaveProperty("disabled", true));
});

test("keys that the desktop keeps are shown as it calls them, now and later", async () => {
  byDesktop = { state: "by-desktop", keys: "Super+F9" };
  await show();
  expect(screen.getByTestId("shortcuts-note").textContent).toContain("manages these keys");
  expect(fieldOf("record").textContent).toContain("F9");
  expect(fieldOf("record")).toHaveProperty("disabled", true);
  expect(screen.queryByTestId("shortcuts-reset")).toBeNull();
  byDesktop = { state: "by-desktop", keys: "Super+F10" };
  await emit("shortcuts");
  await waitFor(() => expect(fieldOf("record").textContent).toContain("F10"));
});

test("where the desktop gives no keys, each shortcut has its command, and a no can be taken back", async () => {
  byDesktop = { state: "declined", keys: "" };
  await show();
  expect(fieldOf("record").textContent).toBe("snaplark toggle");
  expect(fieldOf("quickMenu").textContent).toBe("snaplark-desktop --quick-menu");
  await fireEvent.click(screen.getByTestId("shortcuts-again"));
  expect(done).toEqual([["ask_for_shortcuts", {}]]);
  byDesktop = { state: "unavailable", keys: "" };
  await emit("shortcuts");
  await waitFor(() => expect(screen.queryByTestId("shortcuts-again")).toBeNull());
  expect(fieldOf("webcam").textContent).toBe("snaplark webcam");
});

test("a shortcut can be taken away", async () => {
  await show();
  await fireEvent.click(screen.getByLabelText("Clear shortcut for “Quick menu”"));
  await waitFor(() => expect(kept.desktop.shortcuts.quickMenu).toBe(""));
});

test("the folder is the system's dialog to ask for, and can go back to the usual", async () => {
  await show();
  const choose = screen.getByRole("button", { name: "Save recordings in Choose…" });
  await fireEvent.click(choose);
  expect(kept.recording.saveFolder).toBeNull();
  folder = "/videos/clips";
  await fireEvent.click(choose);
  await waitFor(() => expect(screen.getByText("/videos/clips")).toBeTruthy());
  await fireEvent.click(screen.getByText("Use default"));
  await waitFor(() => expect(kept.recording.saveFolder).toBeNull());
});

test("what could not be changed at login goes back", async () => {
  await show();
  refuses = { code: "no-autostart", params: { reason: "no home" } };
  await fireEvent.click(screen.getByRole("switch", { name: "Start at login" }));
  await waitFor(() => expect(screen.getByTestId("trouble").textContent).toMatch(/could not be changed/));
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
  await userEvent.keyboard("{ArrowDown}{ArrowDown}{ArrowUp}{ArrowRight}");
  expect(document.activeElement).toBe(links[2]);
});

test("the sidebar says where one is, and that an update was told is over where it was seen", async () => {
  newer = updates.found;
  await show();
  const current = () => document.querySelector("nav [aria-current]")?.textContent?.trim();
  const link = screen.getByRole("link", { name: /Updates/ });
  await waitFor(() => expect(within(link).getByRole("img")).toBeTruthy());
  const main = document.querySelector("main")!;
  main.scrollTo({ top: document.getElementById("recording")!.offsetTop, behavior: "instant" });
  await waitFor(() => expect(current()).toBe("Recording"));
  expect(within(link).getByRole("img")).toBeTruthy();
  await userEvent.click(link);
  await waitFor(() => expect(within(link).queryByRole("img")).toBeNull());
  localStorage.clear();
});

test("a link of the sidebar scrolls its section, and never the window", async () => {
  await show();
  const nav = screen.getByRole("navigation");
  await userEvent.click(within(nav).getByText("About"));
  const about = document.getElementById("about")!;
  await expect.poll(() => about.getBoundingClientRect().bottom <= innerHeight).toBe(true);
  expect(document.scrollingElement!.scrollTop).toBe(0);
  expect(document.body.scrollTop).toBe(0);
  expect(nav.getBoundingClientRect().top).toBe(0);
});

test("the section that was clicked stays in its place when rows above it appear later", async () => {
  await show();
  const main = screen.getByRole("main");
  // WebKit has no anchor.
  main.style.overflowAnchor = "none";
  await userEvent.click(within(screen.getByRole("navigation")).getByText("Sound"));
  const top = () => Math.round(document.getElementById("sound")!.getBoundingClientRect().top);
  let before = -1;
  await expect.poll(() => { const still = main.scrollTop === before; before = main.scrollTop; return still; }).toBe(true);
  const place = top();
  document.getElementById("general")!.style.paddingBottom = "80px";
  await expect.poll(top).toBe(place);
});

test("the section that was clicked is lit in a window of any height", async () => {
  await page.viewport(720, 1400);
  await show();
  const nav = screen.getByRole("navigation");
  const lit = () => nav.querySelector("[aria-current]")?.textContent;
  for (const name of ["Sound", "Webcam", "Privacy", "Sound"]) {
    await userEvent.click(within(nav).getByText(name));
    // A smooth scroll has ended when two looks in a row see the same place.
    const main = screen.getByRole("main");
    let before = -1;
    await expect.poll(() => { const still = main.scrollTop === before; before = main.scrollTop; return still; }).toBe(true);
    expect(lit()).toBe(name);
  }
});

test("each control has the platform's keys, and its hint is told with it", async () => {
  await show();
  const choice = (name: string) => screen.getByRole("radio", { name });
  choice("System").focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  await waitFor(() => expect(kept.desktop.theme).toBe("dark"));
  expect(document.activeElement).toBe(choice("Dark"));
  screen.getByRole("switch", { name: "Ask where to save each recording" }).focus();
  await userEvent.keyboard(" ");
  await waitFor(() => expect(kept.recording.asksWhere).toBe(true));
  await userEvent.selectOptions(screen.getByLabelText("Frame rate"), "60");
  await waitFor(() => expect(kept.recording.fps).toBe(60));
  const told = (control: Element) =>
    document.getElementById(control.getAttribute("aria-describedby") ?? "")?.textContent;
  expect(told(screen.getByRole("radiogroup", { name: "Quality" }))).toMatch(/slow connections/);
  expect(told(screen.getByRole("switch", { name: "Hardware encoding" }))).toMatch(/Falls back to software/);
  expect(told(screen.getByLabelText("Countdown"))).toMatch(/get ready/);
  expect(told(screen.getByRole("button", { name: "Log Open folder" }))).toMatch(/At most 2 MB/);
});

test("this computer is chosen, with its address; another cloud begins a sign-in", async () => {
  await show();
  expect(screen.getByRole("radio", { name: /This computer/ })).toHaveProperty("checked", true);
  expect(screen.getByLabelText("Local address").textContent).toBe("http://127.0.0.1:40000");
  await fireEvent.click(screen.getByRole("radio", { name: /Your own server/ }));
  expect(done).toEqual([]);
  await fireEvent.input(screen.getByLabelText("Server address"), { target: { value: " video.example " } });
  await fireEvent.submit(screen.getByTestId("server-sign-in").closest("form")!);
  await waitFor(() =>
    expect(done).toEqual([["sign_in", { server: "https://video.example", remember: true, allowHttp: false }]]),
  );
  await fireEvent.click(screen.getByRole("radio", { name: /Snaplark/ }));
  await fireEvent.click(screen.getByTestId("sign-in"));
  expect(done.at(-1)).toEqual(["sign_in", { server: "https://snaplark.com", remember: true, allowHttp: false }]);
});

test("at one's own server: how parts are sent, and the way out", async () => {
  now = { ...account, kind: "own-server", server: "video.example", profile: "spec" };
  await show();
  await fireEvent.change(screen.getByLabelText("Upload mode"), { target: { value: "snaplark" } });
  expect(done.at(-1)).toEqual(["set_profile", { profile: "snaplark" }]);
  await fireEvent.click(screen.getByTestId("sign-out"));
  expect(done.at(-1)?.[0]).toBe("sign_out");
});

test("a folder is chosen and used, and says what it lacks", async () => {
  await show();
  await fireEvent.click(screen.getByTestId("cloud-folder"));
  expect(screen.getByTestId("cloud-unfinished").textContent).toMatch(/Not set up yet/);
  await fireEvent.click(screen.getByTestId("folder-use"));
  expect(screen.getByTestId("folder-missing").textContent).toMatch(/Choose a folder/);
  expect(done).toEqual([]);
  folder = "/srv/My Videos";
  await fireEvent.click(screen.getByTestId("folder-choose"));
  await waitFor(() => expect(screen.getByTestId("folder-path").textContent).toContain("/srv/My Videos"));
  expect(screen.queryByTestId("folder-missing")).toBeNull();
  await fireEvent.input(screen.getByTestId("folder-public"), { target: { value: "https://files.example " } });
  await fireEvent.click(screen.getByTestId("folder-use"));
  const place = { kind: "folder", path: "/srv/My Videos", public: "https://files.example" };
  await waitFor(() => expect(done).toEqual([["add_place", { place, remember: true, allowHttp: false }]]));
});

test("a folder in use is named, and can be left", async () => {
  now = { ...account, kind: "folder", server: "/srv/My Videos", profile: "folder" };
  await show();
  expect(screen.getByRole("radio", { name: /My Videos/ })).toHaveProperty("checked", true);
  expect(screen.queryByLabelText("Upload mode")).toBeNull();
  await fireEvent.click(screen.getByRole("button", { name: "Stop using" }));
  expect(done.at(-1)?.[0]).toBe("sign_out");
});

test("a bucket is added by the keyboard, without its secret staying in the window", async () => {
  await show();
  await fireEvent.click(screen.getByTestId("cloud-bucket"));
  await fireEvent.click(screen.getByTestId("bucket-use"));
  expect(screen.getByTestId("bucket-missing").textContent).toMatch(/both keys/);
  await userEvent.type(screen.getByTestId("bucket-endpoint"), "http://s3.example");
  await userEvent.type(screen.getByTestId("bucket-name"), "videos");
  await userEvent.type(screen.getByTestId("bucket-key-id"), "AKIA");
  await userEvent.type(screen.getByTestId("bucket-secret"), "s3cret{Enter}");
  expect(screen.getByTestId("bucket-http-refused")).toBeTruthy();
  expect(done).toEqual([]);
  await fireEvent.click(screen.getByTestId("bucket-allow-http"));
  await userEvent.selectOptions(screen.getByLabelText("Bucket in the address"), "virtual");
  await fireEvent.click(screen.getByTestId("bucket-use"));
  const place = { kind: "bucket", endpoint: "http://s3.example", bucket: "videos", region: "", style: "virtual", public: "", class: "", keyId: "AKIA", secret: "s3cret" };
  await waitFor(() => expect(done).toEqual([["add_place", { place, remember: true, allowHttp: true }]]));
  expect(screen.getByTestId("bucket-secret")).toHaveProperty("value", "");
});

test("a server of an older dialect takes a token", async () => {
  await show();
  await fireEvent.click(screen.getByTestId("cloud-own-server"));
  await userEvent.selectOptions(screen.getByLabelText("Kind of server"), "poster");
  await fireEvent.input(screen.getByTestId("server-address"), { target: { value: "upload.example" } });
  await fireEvent.click(screen.getByTestId("server-sign-in"));
  expect(screen.getByTestId("server-address-missing").textContent).toMatch(/token/);
  await fireEvent.input(screen.getByTestId("server-token"), { target: { value: "secret" } });
  await fireEvent.click(screen.getByTestId("server-sign-in"));
  const place = { kind: "server", address: "https://upload.example", profile: "poster", token: "secret" };
  await waitFor(() => expect(done).toEqual([["add_place", { place, remember: true, allowHttp: false }]]));
});

test("new items of a kind go to another account, where there are several", async () => {
  await show();
  expect(screen.queryByLabelText("New recordings go to")).toBeNull();
  cleanup();
  others = otherServers;
  await show();
  const address = "https://idle.example/api/v1";
  const select = screen.getByLabelText("New screenshots go to");
  expect(select.textContent).not.toContain("left.example");
  await userEvent.selectOptions(select, address);
  await waitFor(() => expect(kept.upload.screenshotsTo).toBe(address));
  expect(kept.upload.recordingsTo).toBeNull();
  await userEvent.selectOptions(select, "");
  await waitFor(() => expect(kept.upload.screenshotsTo).toBeNull());
});

test("other servers say what still goes there, and offer the way in and out", async () => {
  others = otherServers;
  await show();
  const [waits, left, idle] = screen.getAllByRole("listitem").filter((item) => screen.getByTestId("other-servers").contains(item));
  expect(waits?.textContent).toMatch(/old\.example.*Can't be reached\. 2 uploads resume/);
  expect(left?.textContent).toMatch(/left\.example.*Sign in to resume 1 upload/);
  expect(idle?.textContent).toMatch(/idle\.example.*No uploads are waiting/);
  await fireEvent.click(screen.getByRole("button", { name: "Use for new recordings: idle.example" }));
  expect(done.at(-1)).toEqual(["use_server", { server: "https://idle.example/api/v1" }]);
  await fireEvent.click(screen.getByRole("button", { name: "Sign out of old.example" }));
  expect(done.at(-1)).toEqual(["sign_out_at", { server: "https://old.example/api/v1" }]);
  await fireEvent.click(screen.getByRole("button", { name: "Sign in to left.example" }));
  expect(done.at(-1)?.[0]).toBe("sign_in");
  expect(done.at(-1)?.[1]).toMatchObject({ server: "https://left.example/api/v1" });
});

test("no other servers are shown when there are none", async () => {
  await show();
  expect(screen.queryByTestId("other-servers")).toBeNull();
});

test("the connection is tested, and the answer says what it is worth", async () => {
  now = { ...account, kind: "own-server", server: "video.example", profile: "spec" };
  await show();
  const button = screen.getByTestId("test-connection");
  await fireEvent.click(button);
  await waitFor(() => expect(screen.getByText(/video\.example answers in 38 ms, and you are signed in/)).toBeTruthy());
  knowsToken = false;
  await fireEvent.click(button);
  await waitFor(() => expect(screen.getByText(/38 ms, but asks you to sign in/)).toBeTruthy());
  unreachable = true;
  await fireEvent.click(button);
  await waitFor(() => expect(screen.getByTestId("trouble").textContent).toMatch(/saved and will upload later\. No route/));
  expect(screen.queryByText(/answers in/)).toBeNull();
});

test("where the program stopped is shown, and forgotten when asked", async () => {
  crashed = crash;
  await show();
  await waitFor(() => expect(screen.getByTestId("crash-show")).toBeTruthy());
  await fireEvent.click(screen.getByTestId("crash-show"));
  expect(screen.getByTestId("crash-note").textContent).toMatch(/a row has its recording/);
  await fireEvent.click(screen.getByTestId("crash-forget"));
  await waitFor(() => expect(screen.queryByTestId("crash-note")).toBeNull());
  expect(crashed).toBeNull();
  expect(screen.getByText(/Nothing is ever sent/)).toBeTruthy();
});

test("diagnostics and log are asked of the program, and what works here is told", async () => {
  await show();
  await fireEvent.click(screen.getByTestId("copy-diagnostics"));
  await waitFor(() => expect(screen.getByTestId("copy-diagnostics").textContent?.trim()).toBe("Copied"));
  await fireEvent.click(screen.getByRole("button", { name: "Log Open folder" }));
  expect(done.map(([command]) => command)).toEqual(["copy_diagnostics", "open_logs"]);
  await waitFor(() => expect(screen.getByText("Recordings can be saved.")).toBeTruthy());
});

test("a newer version is looked for, told, fetched and installed, each when asked", async () => {
  await show();
  const becomes = async (now: Updates) => void (await emit("updates", now));
  const section = document.getElementById("updates")!;
  await waitFor(() => expect(section.textContent).toMatch(/up to date/));
  await fireEvent.click(screen.getByTestId("update-look"));
  await becomes(updates.found);
  await waitFor(() => expect(section.textContent).toMatch(/Version 0\.2\.0 is available/));
  expect(section.textContent).toMatch(/Trim a recording/);
  await fireEvent.click(screen.getByTestId("update-fetch"));
  await becomes(updates.fetching);
  await waitFor(() =>
    expect(within(section).getByRole("progressbar").getAttribute("aria-valuenow")).toBe("63"),
  );
  await becomes(updates.ready);
  await fireEvent.click(await screen.findByTestId("update-install"));
  expect(done.map(([command]) => command)).toEqual(["look_for_update", "fetch_update", "install_update"]);
  await becomes(updates.unsigned);
  await waitFor(() => expect(section.textContent).toMatch(/signed with Snaplark/));
});

test("a build without a feed says how updates come, and asks for nothing", async () => {
  newer = updates.off;
  await show();
  const section = document.getElementById("updates")!;
  await waitFor(() => expect(section.textContent).toMatch(/your system's packages/));
  expect(within(section).queryByRole("switch")).toBeNull();
  expect(within(section).queryByRole("button")).toBeNull();
});

test("a destination that isn't finished says that links still come from this computer", async () => {
  now = { ...now, linksReach: "this-computer" };
  await show();
  const section = document.getElementById("account")!;
  expect(section.textContent).toMatch(/Links open only on this computer/);
  expect(screen.queryByTestId("cloud-unfinished")).toBeNull();
  await fireEvent.click(screen.getByTestId("cloud-snaplark"));
  expect(screen.getByTestId("cloud-unfinished").textContent).toMatch(/links still come from this computer/);
  await fireEvent.click(screen.getByTestId("cloud-own-server"));
  expect(screen.getByTestId("cloud-unfinished").textContent).toMatch(/Not set up yet/);
  await fireEvent.click(screen.getByTestId("server-sign-in"));
  expect(screen.getByTestId("server-address-missing").textContent).toMatch(/Enter the address/);
  expect(done).toEqual([]);
  await fireEvent.click(screen.getByTestId("cloud-this-computer"));
  expect(screen.queryByTestId("cloud-unfinished")).toBeNull();
  await fireEvent.click(screen.getByRole("switch", { name: "Share on the local network" }));
  expect(done).toEqual([["share_on_local_network", { shared: true }]]);
});

test("microphone is heard while its level is seen, and not where it is off", async () => {
  kept = changed(kept, { recording: { microphone: { kind: "off" } } });
  await show();
  expect(screen.queryByRole("meter")).toBeNull();
  expect(heard).toEqual([]);
  await userEvent.selectOptions(screen.getByLabelText("Microphone"), "default");
  const meter = await screen.findByRole("meter");
  meter.scrollIntoView();
  await waitFor(() => expect(heard.at(-1)).toEqual({ kind: "default" }));
  await emit("levels", { microphone: 500, system: 0 });
  await waitFor(() => expect(Number(meter.getAttribute("aria-valuenow"))).toBeGreaterThan(50));
  await userEvent.selectOptions(screen.getByLabelText("Microphone"), "off");
  await waitFor(() => expect(heard.at(-1)).toEqual({ kind: "off" }));
});

const picture = () => screen.getByTestId("camera-picture");
const preview = () => screen.getByTestId("camera-preview");

test("camera is shown where a person asks for it, and closed when it is hidden", async () => {
  await show();
  expect(done).toEqual([]);
  await fireEvent.click(preview());
  picture().scrollIntoView();
  await waitFor(() => expect(picture().dataset.side).toBe("8"));
  expect(done.at(-1)).toEqual(["camera_picture", { camera: kept.recording.webcam.camera }]);
  await fireEvent.click(preview());
  await waitFor(() => expect(done.at(-1)?.[0]).toBe("close_camera"));
});

test("camera without a picture says why, and that a recording may use it", async () => {
  pictured = "Device is busy";
  await show();
  await fireEvent.click(preview());
  picture().scrollIntoView();
  const words = () => screen.getByTestId("camera-words").textContent;
  await waitFor(() => expect(words()).toMatch(/No picture from the camera.*Device is busy/));
  pictured = 8;
  await waitFor(() => expect(words()).toBe(""));
  recorder = { kind: "starting" };
  await emit("changed", 4);
  await waitFor(() => expect(words()).toMatch(/Not shown during a recording/));
  await waitFor(() => expect(done.at(-1)?.[0]).toBe("close_camera"));
});

test("no camera is said, until there is one", async () => {
  cameras = [];
  await show();
  await waitFor(() => expect(screen.getByText(/No camera found/)).toBeTruthy());
  expect(preview()).toHaveProperty("disabled", true);
  preview().scrollIntoView();
  cameras = [{ name: "desk", words: "Desk camera" }];
  await waitFor(() => expect(screen.queryByText(/No camera found/)).toBeNull(), { timeout: 8000 });
  expect(preview()).toHaveProperty("disabled", false);
});
