/*! Library and toasts on a made-up program: what they show of it, and what they ask of it. */
import "$lib/tokens.css";
import { clearMocks, mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { nameOf } from "../dev/asked";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { SignIn } from "$lib/ipc";
import { Live } from "$lib/live.svelte";
import { account, bound, empty, full, many, recording, running, toast, toasts, updates } from "../dev/fixtures";
import Library from "./library/Library.svelte";
import Toasts from "./toast/Toasts.svelte";

let program: Snapshot;
let signIn: SignIn;
let asked: Array<[string, unknown]>;
let refuses: Record<string, { code: string; params: object }>;
let live: Live;

const of = (command: string) => asked.filter(([name]) => name === command).map(([, args]) => args);
const painted = () =>
  new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)));
async function settle() {
  await vi.advanceTimersByTimeAsync(20);
  await painted();
}

async function show(window: typeof Library | typeof Toasts, snapshot: Snapshot) {
  program = snapshot;
  live = new Live();
  render(window, { live });
  await live.start();
  await settle();
}

const press = (key: string, at: Element, held: KeyboardEventInit = {}) =>
  fireEvent.keyDown(at, { key, ...held });

async function becomes(snapshot: Snapshot) {
  program = snapshot;
  await live.ask();
  await settle();
}

beforeEach(async () => {
  await page.viewport(800, 560);
  // Layout and what is painted have their own time.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
  asked = [];
  signIn = { phase: "idle" };
  refuses = {};
  mockWindows("library");
  mockConvertFileSrc("linux");
  mockIPC((command, args) => {
    asked.push([nameOf(command, args), args]);
    if (command === "snapshot") return program;
    if (command === "sign_in_state") return signIn;
    if (command === "desktop") {
      return { shortcut: bound()[0], shortcuts: bound(), composited: true };
    }
    if (command === "update_state") return updates.newest;
    const refusal = refuses[nameOf(command, args)];
    if (refusal !== undefined) throw refusal;
    return null;
  }, { shouldMockEvents: true });
});

async function signInBecomes(now: SignIn) {
  live.signIn = now;
  await settle();
}

const SERVER = "https://video.example/api/v1";
const ownServer = (needsSignIn: boolean): Snapshot => ({
  ...empty(),
  account: { ...account, kind: "own-server", server: "video.example", needsSignIn },
});
const atHome = (): Snapshot => ({
  ...empty(),
  account: { ...account, kind: "this-computer", server: "127.0.0.1:40000" },
});

afterEach(() => {
  cleanup();
  clearMocks();
  vi.restoreAllMocks();
  localStorage.clear();
  sessionStorage.clear();
  vi.useRealTimers();
});

test("an empty library says which keys to press", async () => {
  await show(Library, empty());
  expect(screen.getByTestId("empty").textContent).toMatch(/Press\s+Alt\+R,\s+talk, and press it again/);
});

test("the record button starts, shows the time, and stops", async () => {
  await show(Library, empty());
  await fireEvent.click(screen.getByTestId("record"));
  expect(of("start")).toHaveLength(1);
  await becomes(running());
  const stop = screen.getByTestId("stop");
  expect(stop.textContent).toMatch(/Stop\s*0:12/);
  await vi.advanceTimersByTimeAsync(2000);
  expect(stop.textContent).toMatch(/Stop\s*0:14/);
  await fireEvent.click(stop);
  expect(of("stop")).toHaveLength(1);
});

test("that the screen is kept is seen, and what is kept can be shared", async () => {
  await show(Library, empty());
  expect(screen.queryByTestId("kept")).toBeNull();
  await becomes({ ...empty(), change: 2, ring: { kind: "keeping", heldMs: 92_000, lengthMs: 120_000 } });
  expect(screen.getByTestId("kept").textContent).toMatch(/Keeping the last 1:32/);
  await fireEvent.click(screen.getByTestId("share-last"));
  expect(of("preview-last")).toHaveLength(1);
  await becomes({ ...empty(), change: 3, ring: { kind: "waits", reason: "disk-low" } });
  expect(screen.getByTestId("kept").textContent).toMatch(/disk is almost full/);
  expect(screen.queryByTestId("share-last")).toBeNull();
  await becomes({ ...empty(), change: 4, ring: { kind: "waits", reason: "locked" } });
  expect(screen.queryByTestId("kept")).toBeNull();
});

test("a command that can't be done leaves a sentence, not silence", async () => {
  refuses.start = { code: "disk-full", params: { reason: "" } };
  await show(Library, empty());
  await fireEvent.click(screen.getByTestId("record"));
  await settle();
  expect(screen.getByTestId("trouble").textContent).toMatch(/disk is full.*safe.*Free some space/);
});

test("the search keeps what is called so", async () => {
  await show(Library, full());
  await fireEvent.input(screen.getByTestId("search"), { target: { value: "weekly" } });
  expect(screen.getAllByTestId("recording")).toHaveLength(1);
  await fireEvent.input(screen.getByTestId("search"), { target: { value: "zzz" } });
  expect(screen.getByText("No results for “zzz”")).toBeTruthy();
});

test("of thousands only what is in sight is drawn, and all can be reached", async () => {
  const all = many(5000);
  await show(Library, all);
  const drawn = () => screen.getAllByTestId("recording");
  const last = () => drawn().at(-1) as HTMLElement;
  await vi.waitFor(() => expect(drawn().length).toBeLessThan(40));
  expect(drawn()[0]?.getAttribute("aria-setsize")).toBe("5000");
  const scroller = screen.getByTestId("recordings").parentElement as HTMLElement;
  const cardsInSight = () => {
    const { top, bottom } = scroller.getBoundingClientRect();
    const boxes = drawn().map((card) => card.getBoundingClientRect());
    // Nothing is missing above or below what is looked at.
    expect(Math.min(...boxes.map((box) => box.top))).toBeLessThanOrEqual(top + 18);
    expect(Math.max(...boxes.map((box) => box.bottom))).toBeGreaterThanOrEqual(bottom);
  };
  for (const place of [100_000, 30_000, 50]) {
    scroller.scrollTop = place;
    await settle();
    cardsInSight();
    expect(drawn().length).toBeLessThan(40);
  }
  await userEvent.keyboard("{End}");
  screen.getAllByTestId("recording-open")[0]?.focus();
  await userEvent.keyboard("{End}");
  await settle();
  expect(last().dataset.recording).toBe(all.recordings.at(-1)?.id);
  expect(last().contains(document.activeElement)).toBe(true);
  const { bottom } = last().getBoundingClientRect();
  expect(bottom).toBeLessThanOrEqual(scroller.getBoundingClientRect().bottom);
}, 30_000);

test("several are chosen by keyboard, and what is done is done with them", async () => {
  const three = ["One", "Two", "Three"].map((title) => recording(title, { kind: "done" }));
  await show(Library, { ...empty(), recordings: three });
  const face = (n: number) => screen.getAllByTestId("recording-open")[n] as HTMLElement;
  face(0).focus();
  await press("ArrowRight", face(0), { shiftKey: true });
  expect(screen.getByTestId("selection").textContent).toMatch(/2 selected/);
  await settle();
  expect(document.activeElement).toBe(face(1));
  await press("c", face(1), { ctrlKey: true });
  expect(of("copy_links")).toEqual([{ ids: [three[0]?.id, three[1]?.id] }]);
  await press("Delete", face(1));
  expect(of("delete_recordings")).toEqual([{ ids: [three[0]?.id, three[1]?.id] }]);
  expect(screen.queryByTestId("selection")).toBeNull();
  await press("F2", face(2));
  expect(document.activeElement).toBe(screen.getByTestId("recording-title-field"));
});

test("a title is renamed in place; Escape leaves it", async () => {
  const only = recording("Old", { kind: "done" });
  await show(Library, { ...empty(), recordings: [only] });
  await fireEvent.click(screen.getByTestId("recording-title"));
  const field = screen.getByTestId("recording-title-field");
  await fireEvent.input(field, { target: { value: "New" } });
  await fireEvent.keyDown(field, { key: "Enter" });
  expect(of("rename")).toEqual([{ id: only.id, title: "New" }]);

  await fireEvent.click(screen.getByTestId("recording-title"));
  const again = screen.getByTestId("recording-title-field");
  await fireEvent.input(again, { target: { value: "Never" } });
  await fireEvent.keyDown(again, { key: "Escape" });
  expect(of("rename")).toHaveLength(1);
});

test("Enter that ends a rename does not open the player", async () => {
  const only = recording("Old", { kind: "uploading" });
  await show(Library, { ...empty(), recordings: [only] });
  await userEvent.click(screen.getByTestId("recording-title"));
  await userEvent.keyboard("New{Enter}");
  await settle();
  expect(of("rename")).toEqual([{ id: only.id, title: "New" }]);
  expect(document.activeElement).toBe(screen.getByTestId("recording-open"));
  expect(screen.queryByTestId("player")).toBeNull();
});

test("what is deleted can be had back for as long as the program says", async () => {
  const only = recording("Demo", { kind: "done" });
  await show(Library, { ...empty(), recordings: [only] });
  await press("Delete", screen.getByTestId("recording-open"));
  expect(of("delete_recordings")).toEqual([{ ids: [only.id] }]);
  await becomes({ ...empty(), deleted: { count: 1, title: "Demo" } });
  expect(screen.getByTestId("deleted").textContent).toContain("“Demo” deleted");
  await fireEvent.click(screen.getByTestId("undo"));
  await press("z", document.body, { ctrlKey: true });
  expect(of("undo_delete")).toHaveLength(2);
  await becomes(empty());
  expect(screen.queryByTestId("deleted")).toBeNull();
});

test("a card and its menu have only what works", async () => {
  const bare = recording("Bare", { kind: "waits", reason: "offline" }, { link: null, file: null });
  await show(Library, { ...empty(), recordings: [bare] });
  expect(screen.queryByTestId("recording-copy")).toBeNull();
  await fireEvent.click(screen.getByTestId("recording-retry"));
  expect(of(`retry:${bare.id}`)).toHaveLength(1);
  await fireEvent.click(screen.getByTestId("recording-more"));
  const names = screen.getAllByRole("menuitem", { hidden: true }).map((item) => item.dataset.testid);
  expect(names).toEqual([
    "menu-play",
    "menu-edit",
    "menu-rename",
    "menu-record-on",
    "menu-pause",
    "menu-retry",
    "menu-delete",
  ]);
});

test("at most three toasts, the newest last, and the rest as a number", async () => {
  await show(Toasts, { ...empty(), toasts: toasts.many });
  const shown = screen.getAllByTestId("toast").map((element) => element.dataset.recording);
  expect(shown).toEqual(toasts.many.slice(2).map((one) => one.recordingId));
  expect(screen.getByTestId("toasts-more").textContent?.trim()).toBe("2 more");
});

test("the window is told its height, and none when the last toast goes", async () => {
  await show(Toasts, { ...empty(), toasts: toasts.look });
  expect((of("fit_toasts").at(-1) as { cards: unknown[] }).cards).toHaveLength(3);
  await becomes(empty());
  expect(of("fit_toasts").at(-1)).toEqual({ height: 0, cards: [] });
});

test("done goes after six seconds, but not from under the pointer", async () => {
  const done = toast("Demo", { kind: "done", linkCopied: true, durationMs: 1000 });
  await show(Toasts, { ...empty(), toasts: [done] });
  await fireEvent.pointerEnter(screen.getByTestId("toast"));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(of("dismiss_toast")).toHaveLength(0);
  await fireEvent.pointerLeave(screen.getByTestId("toast"));
  await vi.advanceTimersByTimeAsync(5_900);
  expect(of("dismiss_toast")).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(200);
  expect(of("dismiss_toast")).toEqual([{ id: done.recordingId }]);
});

test("a done toast leaves after six seconds while snapshots keep coming", async () => {
  const done = () => toast("Demo", { kind: "done", linkCopied: true, durationMs: 1000 });
  await show(Toasts, { ...empty(), toasts: [done()] });
  for (let seconds = 0; seconds < 7; seconds += 1) {
    await becomes({ ...empty(), change: 2 + seconds, toasts: [done()] });
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(of("dismiss_toast")).toEqual([{ id: done().recordingId }]);
});

test("a toast for several recordings says how many wait for the sign-in", async () => {
  const needs = { ...toast("Hand-over", { kind: "needsYou", reason: "sign-in", detail: "" }), count: 3 };
  await show(Toasts, { ...empty(), toasts: [needs] });
  expect(screen.getByTestId("toast-figures").textContent).toBe("3 recordings are saved on this computer");
  expect(screen.getAllByTestId("sign-in")).toHaveLength(1);
});

test("waiting toasts stay", async () => {
  await show(Toasts, { ...empty(), toasts: toasts.many.slice(0, 1) });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(of("dismiss_toast")).toHaveLength(0);
});

test("an upload that the person holds goes on from its toast", async () => {
  const held = toast("Demo", { kind: "waits", reason: "paused", parts: 3 }, 40);
  await show(Toasts, { ...empty(), toasts: [held] });
  await fireEvent.click(screen.getByTestId("toast-resume"));
  expect(of("resume_upload")).toEqual([{ id: held.recordingId }]);
});

test("a bar never runs backwards", async () => {
  const at = (percentage: number) => ({
    ...empty(),
    toasts: [toast("T", { kind: "uploading" as const, bytesPerSecond: 1, secondsLeft: 9 }, percentage)],
  });
  await show(Toasts, at(60));
  const bar = screen.getByRole("progressbar");
  await becomes(at(10));
  expect(bar.getAttribute("aria-valuenow")).toBe("60");
  await becomes(at(70));
  expect(bar.getAttribute("aria-valuenow")).toBe("70");
});

test("Open opens the link and takes the toast away", async () => {
  const done = toast("Demo", { kind: "done", linkCopied: true, durationMs: 1000 });
  await show(Toasts, { ...empty(), toasts: [done] });
  await fireEvent.click(screen.getByTestId("toast-open"));
  await settle();
  expect(of(`open-link:${done.recordingId}`)).toHaveLength(1);
  expect(of("dismiss_toast")).toEqual([{ id: done.recordingId }]);
});

test("card and footer sign in, wait for the browser, and can send it again", async () => {
  const needs = recording("Hand-over", { kind: "needsYou", reason: "sign-in", detail: "" });
  await show(Library, { ...ownServer(true), recordings: [needs] });
  const card = within(screen.getByTestId("recording"));
  expect(card.queryByTestId("recording-retry")).toBeNull();
  expect(screen.getAllByTestId("sign-in")).toHaveLength(2);
  await fireEvent.click(card.getByTestId("sign-in"));
  expect(of("sign_in")).toEqual([{ server: null, remember: true, allowHttp: false }]);
  await signInBecomes({ phase: "waiting", server: SERVER });
  for (const button of screen.getAllByTestId("sign-in")) {
    expect(button.textContent?.trim()).toBe("Waiting for your browser…");
  }
  await fireEvent.click(card.getByTestId("sign-in"));
  expect(of("sign_in")).toHaveLength(2);
});

test("a toast that needs a sign-in offers it", async () => {
  const needs = toast("Hand-over", { kind: "needsYou", reason: "sign-in", detail: "" });
  await show(Toasts, { ...empty(), toasts: [needs] });
  expect(screen.queryByTestId("toast-retry")).toBeNull();
  await fireEvent.click(screen.getByTestId("sign-in"));
  expect(of("sign_in")).toEqual([{ server: null, remember: true, allowHttp: false }]);
});

test("without a keyring the person chooses: this session only, or not now", async () => {
  signIn = { phase: "failed", server: SERVER, code: "no-keyring", params: {} };
  await show(Library, ownServer(true));
  const notice = screen.getByTestId("sign-in-notice");
  expect(notice.textContent).toMatch(/keyring can't be used\. Nothing was stored\./);
  await fireEvent.click(screen.getByTestId("sign-in-session"));
  expect(of("sign_in")).toEqual([{ server: SERVER, remember: false, allowHttp: false }]);
  await fireEvent.click(screen.getByTestId("sign-in-leave"));
  expect(of("leave_sign_in")).toHaveLength(1);
  await signInBecomes({ phase: "idle" });
  expect(screen.queryByTestId("sign-in-notice")).toBeNull();
});

test("a server without a sign-in page takes a token, unseen", async () => {
  signIn = { phase: "failed", server: SERVER, code: "no-browser-sign-in", params: {} };
  await show(Library, ownServer(true));
  expect(screen.getByTestId("sign-in-notice").textContent).toMatch(/video\.example doesn't support signing in/);
  const field = screen.getByLabelText("Token");
  expect(field).toHaveProperty("type", "password");
  await fireEvent.click(screen.getByTestId("sign-in-with-token"));
  expect(of("sign_in_with_token")).toHaveLength(0);
  await fireEvent.input(field, { target: { value: " secret " } });
  await fireEvent.click(screen.getByTestId("sign-in-with-token"));
  expect(of("sign_in_with_token")).toEqual([{ server: SERVER, token: "secret", remember: true }]);
  expect(field).toHaveProperty("value", "");
});

test("what else kept a sign-in back is said, and tried again", async () => {
  signIn = { phase: "failed", server: SERVER, code: "sign-in-timed-out", params: {} };
  await show(Library, ownServer(true));
  expect(screen.getByTestId("sign-in-notice").textContent).toMatch(/timed out.*Nothing was changed/);
  await fireEvent.click(screen.getByTestId("sign-in-again"));
  expect(of("sign_in")).toEqual([{ server: SERVER, remember: true, allowHttp: false }]);
});

test("the footer's account takes a server's address; Escape gives the focus back", async () => {
  await show(Library, atHome());
  const line = screen.getByTestId("account");
  expect(line.getAttribute("aria-expanded")).toBe("false");
  await fireEvent.click(line);
  expect(line.getAttribute("aria-expanded")).toBe("true");
  const field = screen.getByLabelText("Server address");
  expect(document.activeElement).toBe(field);
  await fireEvent.input(field, { target: { value: "video.example" } });
  await fireEvent.click(screen.getByTestId("server-sign-in"));
  expect(of("sign_in")).toEqual([{ server: "https://video.example", remember: true, allowHttp: false }]);
  await fireEvent.keyDown(field, { key: "Escape" });
  expect(screen.queryByTestId("account-panel")).toBeNull();
  expect(document.activeElement).toBe(line);
});

test("server without encryption is signed in to when the person allows it", async () => {
  await show(Library, atHome());
  await fireEvent.click(screen.getByTestId("account"));
  const field = screen.getByLabelText("Server address");
  expect(screen.queryByTestId("server-allow-http")).toBeNull();
  await fireEvent.input(field, { target: { value: "http://video.example" } });
  await fireEvent.click(screen.getByTestId("server-sign-in"));
  expect(screen.getByRole("alert").textContent).toMatch(/not encrypted/);
  expect(of("sign_in")).toEqual([]);
  await fireEvent.click(screen.getByLabelText(/Allow http for this server/));
  expect(screen.queryByRole("alert")).toBeNull();
  await fireEvent.click(screen.getByTestId("server-sign-in"));
  expect(of("sign_in")).toEqual([{ server: "http://video.example", remember: true, allowHttp: true }]);
});

test("a sign-in that waits can be sent again, and called off", async () => {
  await show(Library, atHome());
  await signInBecomes({ phase: "waiting", server: SERVER });
  const notice = within(screen.getByTestId("sign-in-notice"));
  expect(notice.getByRole("status").textContent).toMatch(/Sign in to video\.example in your browser/);
  await fireEvent.click(notice.getByTestId("sign-in-again"));
  expect(of("sign_in")).toEqual([{ server: SERVER, remember: true, allowHttp: false }]);
  await fireEvent.click(notice.getByText("Cancel"));
  expect(of("leave_sign_in")).toHaveLength(1);
});

test("the account's panel gives way to the notice of a sign-in", async () => {
  await show(Library, atHome());
  await fireEvent.click(screen.getByTestId("account"));
  await signInBecomes({ phase: "waiting", server: SERVER });
  expect(screen.queryByTestId("account-panel")).toBeNull();
  expect(document.activeElement).toBe(screen.getByTestId("account"));
});

test("signing out says where recordings stay", async () => {
  await show(Library, ownServer(false));
  await fireEvent.click(screen.getByTestId("account"));
  expect(screen.getByTestId("account-panel").textContent).toMatch(/Signed in to video\.example/);
  await fireEvent.click(screen.getByTestId("sign-out"));
  expect(of("sign_out")).toHaveLength(1);
  expect(screen.queryByTestId("account-panel")).toBeNull();
  await becomes(atHome());
  expect(screen.getByTestId("account").textContent).toMatch(/This computer/);
  await fireEvent.click(screen.getByTestId("account"));
  expect(screen.getByTestId("account-panel").textContent).toMatch(/open only on this computer/);
  await becomes({ ...empty(), account: null });
  expect(screen.getByTestId("account").textContent).toMatch(/No links/);
});

test("issues of a recording are counted on its card, and listed with their times beside the player", async () => {
  const troubled = recording("Demo", { kind: "done" }, {
    durationMs: 90_000,
    issues: [{ atMs: 12_000, kind: "frames-dropped", params: { count: 4 }, detail: "4 pictures were lost" }],
    end: { atMs: 90_000, kind: "disk-nearly-full", params: {}, detail: "of the command line" },
  });
  refuses.media = { code: "no-media", params: {} };
  await show(Library, { ...empty(), recordings: [troubled] });
  expect(screen.getByTestId("recording-notes").getAttribute("aria-label")).toBe("2 issues");
  await fireEvent.click(screen.getByTestId("recording-open"));
  const notes = within(screen.getByTestId("recording-notes"));
  const told = notes.getAllByRole("listitem", { hidden: true }).map((item) => item.textContent);
  expect(told.map((text) => text?.replace(/\s+/g, " ").trim())).toEqual([
    "0:12 Frames were dropped · 4 frames are missing",
    "1:30 The recording ended because the disk was nearly full",
  ]);
  await settle();
  expect(screen.getByTestId("player-failure").textContent).toMatch(/Can't play here/);
  await press("Escape", document.body);
  expect(screen.queryByTestId("player")).toBeNull();
});

test("an upload is paused, and resumed", async () => {
  const going = recording("Demo", { kind: "uploading" });
  await show(Library, { ...empty(), recordings: [going] });
  await fireEvent.click(screen.getByTestId("recording-more"));
  await fireEvent.click(screen.getByTestId("menu-pause"));
  expect(of("pause_upload")).toEqual([{ id: going.id }]);
  const paused = { ...going, state: { kind: "waits", reason: "paused" } as const };
  await becomes({ ...empty(), recordings: [paused] });
  expect(screen.queryByTestId("recording-retry")).toBeNull();
  await fireEvent.click(screen.getByTestId("recording-more"));
  expect(screen.queryByTestId("menu-pause")).toBeNull();
  await fireEvent.click(screen.getByTestId("menu-resume"));
  expect(of("resume_upload")).toEqual([{ id: going.id }]);
});
