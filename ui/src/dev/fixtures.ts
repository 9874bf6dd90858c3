/*! Made-up snapshots for pictures and tests. Nothing of this folder is in the product. */
import { defaultSettings } from "$lib/bindings/defaultSettings";
import type { OtherServerView } from "$lib/bindings/OtherServerView";
import type { AccountView } from "$lib/bindings/AccountView";
import type { JobStateView } from "$lib/bindings/JobStateView";
import type { JobView } from "$lib/bindings/JobView";
import type { MediaView } from "$lib/bindings/MediaView";
import type { RecordingState } from "$lib/bindings/RecordingState";
import type { PictureSummary } from "$lib/bindings/PictureSummary";
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { NeedReason } from "$lib/bindings/NeedReason";
import type { Settings } from "$lib/bindings/Settings";
import type { Shortcut } from "$lib/bindings/Shortcut";
import type { ShortcutKeys } from "$lib/bindings/ShortcutKeys";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { PictureSaid } from "$lib/bindings/PictureSaid";
import type { ToastBody } from "$lib/bindings/ToastBody";
import type { ToastView } from "$lib/bindings/ToastView";
import type { UploadProgress } from "$lib/bindings/UploadProgress";
import type { WaitReason } from "$lib/bindings/WaitReason";
import type { Ability, BoundShortcut, ChooserView, Updates } from "$lib/ipc";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MB = 1_000_000;

export function progress(percentage: number, secondsLeft: number | null): UploadProgress {
  const total = 50;
  const uploaded = Math.floor((total * percentage) / 100);
  return {
    uploaded,
    pending: total - uploaded,
    failed: 0,
    total,
    percentage,
    isOnline: true,
    otherServer: null,
    hasSession: true,
    sentBytes: percentage * MB,
    totalBytes: 100 * MB,
    bytesPerSecond: 4.2 * MB,
    secondsLeft,
  };
}

let made = 0;

export function recording(
  title: string,
  state: RecordingState,
  more: Partial<RecordingView> = {},
): RecordingView {
  made += 1;
  const id = `0198c0de-0000-7000-8000-${String(made).padStart(12, "0")}`;
  return {
    id,
    isImported: false,
    title,
    startedUnixMs: Date.now(),
    durationMs: 102_000,
    sizeBytes: 31 * MB,
    segments: 51,
    state,
    link: `https://snaplark.com/videos/8f3k9d20a4c1`,
    linkReach: "internet",
    file: `/videos/${title}.webm`,
    fileProblem: null,
    here: true,
    frames: 3060,
    dropped: 0,
    issues: [],
    endDetail: null,
    end: null,
    upload: null,
    uploads: [],
    ...more,
  };
}

export function toast(title: string, body: ToastBody, percentage = 0, n = 1): ToastView {
  return {
    recordingId: `0198c0de-0000-7000-8000-00000000010${n}`,
    title,
    body,
    link: "https://snaplark.com/videos/8f3k9d20a4c1",
    linkReach: "internet",
    percentage,
    count: 1,
  };
}

export const account: AccountView = {
  kind: "snaplark",
  address: "https://snaplark.com/api/v1",
  key: 1,
  server: "snaplark.com",
  linksReach: "internet",
  reach: "online",
  needsSignIn: false,
  bytesPerSecond: 0,
  uploads: 0,
  profile: "snaplark",
  plainHttp: false,
};

const other = (name: string, more: Partial<OtherServerView>): OtherServerView => ({
  address: `https://${name}/api/v1`,
  key: 100 + name.length,
  server: name,
  kind: "own-server",
  signedIn: true,
  reach: "unknown",
  uploads: 0,
  ...more,
});

export const otherServers: OtherServerView[] = [
  other("old.example", { reach: "offline", uploads: 2 }),
  other("left.example", { signedIn: false, uploads: 1 }),
  other("idle.example", {}),
];

const shortcutKeys: ShortcutKeys = {
  record: "Alt+R",
  chooseArea: "Alt+A",
  microphone: "Alt+M",
  webcam: "Alt+W",
  pause: "Alt+P",
  strike: "Alt+Z",
  shareLast: "Alt+L",
  library: "",
  quickMenu: "Alt+Q",
  screenshot: "Alt+S",
};

const commands: ShortcutKeys = {
  record: "snaplark toggle",
  chooseArea: "snaplark-desktop --choose",
  microphone: "snaplark mute",
  webcam: "snaplark webcam",
  pause: "snaplark pause",
  strike: "snaplark strike",
  shareLast: "snaplark-desktop --share-last",
  library: "snaplark-desktop",
  quickMenu: "snaplark-desktop --quick-menu",
  screenshot: "snaplark-desktop --screenshot",
};

/** The shortcuts as the shell reports them: all keys that are set are registered. */
export const bound = (keys: ShortcutKeys = shortcutKeys): BoundShortcut[] =>
  Object.entries(shortcutKeys).map(([shortcut, usual]) => ({
    shortcut: shortcut as Shortcut,
    keys: keys[shortcut as Shortcut],
    usual,
    command: commands[shortcut as Shortcut],
    state: keys[shortcut as Shortcut] === "" ? "unset" : "works",
  }));

export const abilities: Ability[] = [
  { what: "picture", state: "works", detail: ":0, 1920x1080" },
  { what: "encoder", state: "works", detail: "vp9enc" },
  { what: "folder", state: "works", detail: "" },
  { what: "sound", state: "works", detail: "Desk microphone" },
  { what: "shortcut", state: "works", detail: "Alt+R" },
];

/** A computer where nearly nothing works. */
export const lacking: Ability[] = [
  { what: "picture", state: "fails", detail: "No display can be read. Start Snaplark in a desktop session." },
  { what: "encoder", state: "fails", detail: "The video encoder 'vp9enc' is missing. Install gstreamer1.0-plugins-good." },
  { what: "folder", state: "works", detail: "" },
  { what: "sound", state: "lacks", detail: "No sound server answers." },
  { what: "shortcut", state: "lacks", detail: "" },
];

/** 102 seconds of a screen on which little happens, as `demo.webm` has them. */
export const media: MediaView = {
  mime: 'video/webm; codecs="vp9"',
  pieces: Array.from({ length: 51 }, (_, n) => ({ startMs: n * 2000, endMs: (n + 1) * 2000 })),
  running: false,
};

export const updates = {
  off: { phase: "off" },
  newest: { phase: "newest" },
  found: {
    phase: "found",
    version: "0.2.0",
    notes: "Trim a recording in the library.\nLess work for the processor on large screens.",
  },
  fetching: { phase: "fetching", version: "0.2.0", percentage: 63 },
  ready: { phase: "ready", version: "0.2.0" },
  unsigned: { phase: "failed", code: "update-not-signed", params: {} },
} satisfies Record<string, Updates>;

export const crash =
  "Snaplark 0.1.0 on linux x86_64\n2026-11-21 14:02:00 UTC\nthread snaplark-app\ncrates/app/src/views.rs:80:9\na row has its recording\n";

export const settings = (): Settings => {
  const { recording, upload, screenshots, desktop } = structuredClone(defaultSettings);
  return {
    screenshots,
    recording: { ...recording, microphone: { kind: "default" } },
    upload: { ...upload, waitOnMetered: true },
    desktop: { ...desktop, shortcuts: shortcutKeys, welcomed: true },
  };
};

export const empty = (): Snapshot => ({
  change: 1,
  since: 0,
  version: 1,
  gone: [],
  deleted: null,
  rebuilt: null,
  recorder: { kind: "idle" },
  webcam: "off",
  sound: { microphone: true, system: false },
  ring: { kind: "off" },
  recordings: [],
  pictures: [],
  toasts: [],
  jobs: [],
  warnings: [],
  account,
  otherServers: [],
  cloudProblem: null,
  localNetwork: { kind: "off" },
  diskFreeBytes: 212_000 * MB,
  spaceSeconds: 80 * 3600,
});

export const picture = (
  title: string,
  state: RecordingState,
  more: Partial<PictureSummary> = {},
): PictureSummary => ({
  // Titles are of different lengths here.
  id: `0198c0df-0000-7000-8000-${String(title.length).padStart(12, "0")}`,
  isImported: false,
  title,
  startedUnixMs: Date.now() - 3_600_000,
  width: 1920,
  height: 1080,
  sizeBytes: 640_000,
  state,
  link: state.kind === "local" ? null : `https://go.snaplark.com/screenshots/${title.length}`,
  linkReach: state.kind === "local" ? null : "internet",
  isEdited: false,
  isAnimated: false,
  hasChanges: false,
  here: true,
  revision: 0,
  upload: null,
  uploads: [],
  ...more,
});

/** Background work in every state. */
export const jobs = (): JobView[] => {
  const states: [string, JobStateView, Partial<JobView>][] = [
    ["Checkout.gif", { kind: "failed", code: "disk-full", reason: "" }, {}],
    ["Onboarding.mp4", { kind: "interrupted" }, {}],
    ["API review.mp4", { kind: "done" }, { thousandths: 1_000 }],
    ["Cart total.mp4", { kind: "running" }, { thousandths: 420, secondsLeft: 94 }],
    ["Invoice.gif", { kind: "cancelling" }, { thousandths: 80 }],
    ["Standup.mp4", { kind: "waiting" }, { startedUnixMs: null }],
  ];
  return states.map(([file, state, more], n) => ({
    id: n + 1,
    kind: "export",
    item: null,
    target: `/videos/${file}`,
    thousandths: 0,
    startedUnixMs: Date.now() - 60_000,
    secondsLeft: null,
    state,
    ...more,
  }));
};

/** Screenshots in every state that a card shows. */
export const pictures = (): PictureSummary[] => [
  picture("Cart total – Firefox", { kind: "uploading" }, { upload: progress(63, 12) }),
  picture("Invoice 2041 – covered", { kind: "done" }, { isEdited: true, revision: 3 }),
  picture("Onboarding – step 3", { kind: "done" }, { isEdited: true, hasChanges: true, revision: 5 }),
  picture("Error in the terminal", { kind: "waits", reason: "offline" }, { upload: progress(0, 0) }),
  picture("Too large", { kind: "needsYou", reason: "refused", detail: "The picture is too large. (413)" }),
  picture("Loading, in five seconds", { kind: "done" }, { isImported: true, isAnimated: true, width: 480, height: 270 }),
  picture("Screenshot, Tuesday 14:05", { kind: "local" }, { width: 3840, height: 2160 }),
];

/** The afternoon of the look's picture, with the states that it doesn't show. */
export function full(now = Date.now()): Snapshot {
  const at = (days: number, hour: number, minute: number) => {
    const date = new Date(now - days * DAY_MS);
    date.setHours(hour, minute, 0, 0);
    return date.getTime();
  };
  const done: RecordingState = { kind: "done" };
  return {
    ...empty(),
    recordings: [
      recording(
        "Checkout bug – cart total",
        { kind: "uploading" },
        { durationMs: 727_000, upload: progress(63, 12) },
      ),
      recording("Onboarding walk-through", done, { startedUnixMs: at(0, 14, 2) }),
      recording("Q3 funnel in 40 seconds", done, {
        startedUnixMs: at(0, 11, 20),
        durationMs: 38_000,
        sizeBytes: 9.1 * MB,
      }),
      recording(
        "API review with Jo",
        { kind: "waits", reason: "offline" },
        { durationMs: 255_000, upload: progress(22, null) },
      ),
      recording("New settings page", done, {
        startedUnixMs: at(1, 9, 0),
        durationMs: 56_000,
        sizeBytes: 12 * MB,
      }),
      recording("Weekly demo", done, {
        issues: [{ atMs: 12_000, kind: "frames-dropped", params: { count: 4 }, detail: "4 pictures were lost: the computer was too busy." }],
        startedUnixMs: at(4, 9, 0),
        durationMs: 510_000,
        sizeBytes: 154 * MB,
      }),
      recording(
        "Pricing page, second round of comments from the design review",
        { kind: "needsYou", reason: "refused", detail: "The video is longer than your plan allows." },
        { upload: progress(40, null), link: null },
      ),
      recording(
        "Hand-over",
        { kind: "needsYou", reason: "sign-in", detail: "" },
        { upload: progress(0, null), link: null, durationMs: 3_723_000 },
      ),
      recording("Kept to myself", { kind: "local" }, { startedUnixMs: at(30, 9, 0), link: null }),
    ],
    account: { ...account, uploads: 2, bytesPerSecond: 4.2 * MB },
  };
}

/** More than anybody scrolls through. */
export const many = (count: number): Snapshot => ({
  ...empty(),
  recordings: Array.from({ length: count }, (_, n) =>
    recording(`Recording ${count - n}`, { kind: "done" }, { startedUnixMs: Date.now() - n * DAY_MS }),
  ),
});

export function running(now = Date.now()): Snapshot {
  const snapshot = full(now);
  const now_running = recording(
    "Recording of today, 14:20",
    { kind: "recording" },
    { id: "0198c0de-0000-7000-8000-000000000901", upload: progress(80, null), file: null },
  );
  return {
    ...snapshot,
    recorder: {
      kind: "recording",
      id: now_running.id,
      startedUnixMs: now - 12_400,
      pausedMs: 0,
      link: now_running.link,
      microphone: "heard",
      issue: null,
      struck: null,
    },
    recordings: [now_running, ...snapshot.recordings],
  };
}

export function paused(): Snapshot {
  const snapshot = running();
  const [{ id, link }] = snapshot.recordings as [RecordingView];
  const recorder = { kind: "paused", id, link, durationMs: 12_400 } as const;
  return { ...snapshot, recorder: { ...recorder, microphone: "muted", issue: null, struck: null } };
}

export const counting = (now = Date.now()): Snapshot => ({
  ...full(now),
  recorder: { kind: "counting", startsUnixMs: now + 3_000 },
});

const waits = (n: number, reason: WaitReason = "offline", parts = 14) =>
  toast("API review with Jo", { kind: "waits", reason, parts }, 38, n);
const needs = (n: number, reason: NeedReason, detail = "") =>
  toast("Hand-over", { kind: "needsYou", reason, detail }, 0, n);

const ofPicture = (title: string, body: ToastBody, n: number): ToastView => ({
  ...toast(title, body, 0, n),
  link: "https://snaplark.com/screenshots/8f3k9d20a4c1",
});
/** What was done with a picture, which is on no server. */
const said = (title: string, said: PictureSaid, n: number): ToastView => ({
  ...ofPicture(title, { kind: "picture", said }, n),
  link: null,
  linkReach: null,
});

export const toasts = {
  look: [
    toast("Checkout bug", { kind: "uploading", bytesPerSecond: 4.2 * MB, secondsLeft: 12 }, 63, 1),
    waits(2),
    toast("Demo", { kind: "done", linkCopied: true, durationMs: 102_000 }, 100, 3),
  ],
  trouble: [
    needs(1, "refused", "The video is longer than your plan allows. Ask the owner of the team for more minutes."),
    { ...needs(2, "sign-in"), count: 3 },
    {
      ...toast("", { kind: "recordingFailed", detail: "The video encoder 'vp9enc' is missing. Install gstreamer1.0-plugins-good." }, 0, 3),
      link: null,
    },
  ],
  warnings: [
    toast("", { kind: "warning", warning: "microphone-lost", over: false }, 0, 1),
    toast("Checkout bug", { kind: "warning", warning: "webcam-lost", over: true }, 0, 2),
    { ...toast("", { kind: "barHidden", keys: "Alt+R" }, 0, 3), link: null },
  ],
  many: [1, 2, 3, 4, 5].map((n) => waits(n)),
  waiting: [waits(1, "server-trouble", 1), waits(2, "metered", 2), waits(3, "paused")],
  queued: [waits(1, "rate-limited"), waits(2, "queue"), waits(3, "not-running")],
  needs: [
    needs(1, "files-missing"),
    needs(2, "other-server", "video.example"),
    toast("Pricing page, second round of comments from the design review", { kind: "done", linkCopied: false, durationMs: 3_723_000 }, 100, 3),
  ],
  pictures: [said("Order form", "taken", 1), said("Checkout – Editor", "copied", 2), said("Numbers", "saved", 3)],
  "pictures-online": [
    ofPicture("Order form", { kind: "pictureDone", linkCopied: true }, 1),
    ofPicture("Pricing page, second round of comments from the design review", { kind: "pictureDone", linkCopied: false }, 2),
    said("Numbers", "text-copied", 3),
  ],
  "pictures-trouble": [
    said("Order form", "unreadable", 1),
    { ...ofPicture("Checkout – Editor", { kind: "waits", reason: "offline", parts: 1 }, 2), link: null, linkReach: null },
    {
      ...ofPicture("Numbers", { kind: "uploading", bytesPerSecond: 1.3 * MB, secondsLeft: 2 }, 3),
      percentage: 40,
      link: null,
      linkReach: null,
    },
  ],
  done: [toast("Onboarding walk-through", { kind: "done", linkCopied: true, durationMs: 102_000 }, 100, 1)],
  none: [],
} satisfies Record<string, ToastView[]>;

/** The second of two displays, with two windows on it. */
export const choosable = (purpose: ChooserView["purpose"] = "record"): ChooserView => ({
  kind: "area",
  purpose,
  display: { name: "HDMI-2", at: { x: 1280, y: 0, width: 1280, height: 720 } },
  displays: 2,
  room: [
    { x: 0, y: 0, width: 1280, height: 800 },
    { x: 1280, y: 0, width: 1280, height: 720 },
  ],
  windows: [
    { id: "77", title: "Checkout – Editor", program: "editor", at: { x: 1700, y: 100, width: 600, height: 400 } },
    { id: "88", title: "Numbers", program: "sheet", at: { x: 1300, y: 60, width: 500, height: 300 } },
    { id: "99", title: "On the other display", program: "mail", at: { x: 0, y: 0, width: 500, height: 300 } },
  ],
  last: { x: 1400, y: 100, width: 640, height: 360 },
  microphone: { kind: "off" },
  systemSound: false,
  webcam: false,
  countdownSeconds: 0,
  strips: [],
  hasPointer: true,
});
