/*!
 * What a made-up program answers, by the name of a scene. A scene says what is unlike the usual
 * afternoon of `full`; pictures and tests ask for it by its name.
 */
import type { ErrorCode } from "$lib/bindings/ErrorCode";
import type { LinkReach } from "$lib/bindings/LinkReach";
import type { AccountView } from "$lib/bindings/AccountView";
import type { MicrophoneView } from "$lib/bindings/MicrophoneView";
import type { OtherServerView } from "$lib/bindings/OtherServerView";
import type { PictureSummary } from "$lib/bindings/PictureSummary";
import type { PlacedUpload } from "$lib/bindings/PlacedUpload";
import type { PreviewView } from "$lib/bindings/PreviewView";
import type { RecorderView } from "$lib/bindings/RecorderView";
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { Settings } from "$lib/bindings/Settings";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type {
  Ability,
  BoundShortcut,
  ChooserView,
  CommandError,
  DeviceView,
  Reached,
  SignIn,
  Updates,
} from "$lib/ipc";
import type { CutView } from "$lib/bindings/CutView";
import type { PictureView } from "$lib/bindings/PictureView";
import type { RecognizedView } from "$lib/bindings/RecognizedView";
import * as cuts from "./cuts";
import * as screenshots from "./screenshots";
import {
  abilities,
  account,
  bound,
  choosable,
  counting,
  crash,
  empty,
  full,
  jobs,
  lacking,
  many,
  media,
  otherServers,
  paused,
  pictures,
  progress,
  recording,
  running,
  settings,
  toasts,
  updates,
} from "./fixtures";

export interface Scene {
  snapshot: Snapshot;
  signIn: SignIn;
  settings: Settings;
  shortcuts: BoundShortcut[];
  /** The desktop asks what to share. */
  asks: boolean;
  microphones: DeviceView[];
  cameras: DeviceView[];
  updates: Updates;
  abilities: Ability[];
  crash: string | null;
  reached: Reached;
  chooser: ChooserView;
  /** When the countdown to a screenshot ends. */
  countdown: number | null;
  preview: PreviewView | null;
  /** The screenshot in the editor. */
  picture: PictureView;
  recognized: RecognizedView;
  /** The recording in its editor. */
  cut: CutView;
  /** The microphone's levels, in thousandths, in order. */
  levels: readonly number[];
  /** Commands that can't be done. */
  refused: Record<string, CommandError>;
}

const usual = (): Scene => ({
  snapshot: full(),
  signIn: { phase: "idle" },
  settings: settings(),
  shortcuts: bound(),
  asks: false,
  microphones: [{ name: "alsa_input.desk", words: "Desk microphone" }],
  cameras: [{ name: "desk", words: "Desk camera" }],
  updates: updates.newest,
  abilities,
  crash: null,
  reached: { server: "video.example", tookMs: 38, knowsToken: true, version: "0.1.0" },
  chooser: choosable(),
  countdown: null,
  preview: { id: "0198c0de-0000-7000-8000-000000000702", beganUnixMs: 0 },
  picture: screenshots.picture(),
  recognized: screenshots.recognized,
  cut: cuts.cut(),
  levels: [],
  refused: { media: { code: "no-media", params: {} } },
});

const TALK = [160, 420, 240, 520, 330];
const LINK = "https://snaplark.com/screenshots/8f3k9d20a4c1";
const SERVER = "https://video.example/api/v1";
const unlike = (snapshot: Partial<Snapshot>): Partial<Scene> => ({ snapshot: { ...full(), ...snapshot } });
const at = (changed: Partial<AccountView>) => unlike({ account: { ...account, ...changed } });
const here = { kind: "this-computer", server: "127.0.0.1:40000", linksReach: "this-computer" } as const;
const reaching = (linkReach: LinkReach) =>
  full().recordings.map((one) => (one.link === null ? one : { ...one, linkReach }));
const onlyHere = () =>
  unlike({ account: { ...account, ...here }, recordings: reaching("this-computer") });
const onNetwork = ({ firewall }: { firewall: string | null }) =>
  unlike({
    account: { ...account, ...here, linksReach: "local-network" },
    recordings: reaching("local-network"),
    localNetwork: { kind: "on", baseUrl: "http://desk.local:47476", port: 47476, firewall },
  });
const ownServer = (signIn: SignIn): Partial<Scene> => ({
  ...at({ kind: "own-server", server: "video.example", needsSignIn: true }),
  signIn,
});
/** A recording that is online, and waits for a folder that is away. */
const severalPlaces = (shots: readonly PictureSummary[] = []): Partial<Scene> => {
  const recordings = full().recordings.filter(({ state }) => state.kind === "done");
  const id = "0198c0de-0000-7000-9000-000000000001";
  const sent = ({ id: own, link }: RecordingView | PictureSummary): PlacedUpload[] => [
    { id: own, place: "snaplark.com", kind: "snaplark", state: { kind: "done" }, link, linkReach: "internet", percentage: 100 },
    { id, place: "/srv/Shared", kind: "folder", state: { kind: "waits", reason: "folder-missing" }, link: null, linkReach: null, percentage: 40 },
  ];
  const folder: OtherServerView = { address: "folder:/srv/Shared", key: 7, server: "/srv/Shared", kind: "folder", signedIn: true, reach: "offline", uploads: 1 };
  return unlike({
    recordings: recordings.map((one, n) => (n === 0 ? { ...one, uploads: sent(one) } : one)),
    pictures: shots.map((one, n) => (n === 0 ? { ...one, uploads: sent(one) } : one)),
    account,
    otherServers: [...otherServers, folder],
  });
};
const failed = (code: ErrorCode) => ownServer({ phase: "failed", server: SERVER, code, params: {} });
const newer = (now: keyof typeof updates): Partial<Scene> => ({ updates: updates[now] });
const keys = (state: BoundShortcut["state"]) =>
  bound().map((one) => ({ ...one, state }));

/** While it records, and how the recording of now is. */
function records(
  recorder: { microphone?: MicrophoneView; issue?: string },
  upload: Partial<RecordingView["upload"]> | null = {},
  webcam: Snapshot["webcam"] = "off",
): Partial<Scene> {
  const snapshot = running();
  const [now, ...others] = snapshot.recordings as [RecordingView, ...RecordingView[]];
  const sent = upload === null ? null : { ...progress(80, null), pending: 2, ...upload };
  return {
    snapshot: {
      ...snapshot,
      webcam,
      recorder: { ...snapshot.recorder, ...recorder } as RecorderView,
      recordings: [{ ...now, upload: sent }, ...others],
    },
    levels: recorder.microphone === "muted" ? [] : TALK,
  };
}

/** The first recording of the welcome, done. */
function tried(): Partial<Scene> {
  const { recordings, recorder, ...rest } = running();
  const [made, ...others] = recordings as [RecordingView, ...RecordingView[]];
  const done = { ...made, durationMs: 12_400, state: { kind: "done" } as const };
  return { snapshot: { ...rest, recorder: { kind: "idle" }, recordings: [done, ...others] } };
}

const scenes: Record<string, () => Partial<Scene>> = {
  full: () => ({}),
  frozen: () => ({ chooser: choosable("screenshot") }),
  delayed: () => ({ snapshot: empty(), countdown: Date.now() + 4_600 }),
  empty: () => ({ snapshot: empty() }),
  one: () => unlike({ recordings: full().recordings.slice(1, 2) }),
  pictures: () => unlike({ pictures: pictures() }),
  jobs: () => unlike({ jobs: jobs() }),
  many: () => ({ snapshot: many(5000) }),
  "this-computer": () => onlyHere(),
  "local-network": () => onNetwork({ firewall: null }),
  "local-network-firewall": () => onNetwork({ firewall: "ufw" }),
  "links-missing": () => unlike({ account: null, cloudProblem: "The data folder ~/.local/share/snaplark/cloud can't be used: the disk is full." }),
  "no-cloud": () => unlike({ account: null }),
  "signed-in": () => at({ kind: "own-server", server: "video.example" }),
  "other-servers": () => unlike({ account: { ...account, kind: "own-server", server: "video.example" }, otherServers }),
  "several-places": () => severalPlaces(),
  "pictures-at-places": () => severalPlaces(pictures().filter(({ isEdited }) => isEdited)),
  "folder-missing": () => ({
    ...at({ kind: "folder", server: "/srv/Shared", profile: "folder", linksReach: "this-computer", reach: "offline" }),
    signIn: { phase: "failed", server: "folder:/srv/Shared", code: "server-unreachable", params: { reason: "the folder is missing" } },
  }),
  "needs-sign-in": () => ownServer({ phase: "idle" }),
  waiting: () => ownServer({ phase: "waiting", server: SERVER }),
  "no-keyring": () => failed("no-keyring"),
  "no-browser-sign-in": () => failed("no-browser-sign-in"),
  "server-unreachable": () => failed("server-unreachable"),
  offline: () => at({ reach: "offline" }),
  kept: () => ({
    snapshot: { ...empty(), ring: { kind: "keeping", heldMs: 61_000, lengthMs: 120_000 } },
  }),
  "not-kept": () => unlike({ ring: { kind: "waits", reason: "disk-low" } }),
  deleted: () => unlike({ deleted: { count: 1, title: "Kept to myself, and with a name that is long" } }),
  refusing: () => ({ refused: { act: { code: "disk-full", params: {} } } }),
  playable: () => ({ refused: {} }),
  "preview-gone": () => ({ preview: null }),
  "preview-refused": () => ({ refused: { share_preview: { code: "disk-full", params: {} } } }),

  "no-picture": () => ({}),
  marked: () => ({ picture: screenshots.picture({ drawing: screenshots.marked }) }),
  "picture-online": () => ({
    picture: screenshots.picture({ drawing: screenshots.marked, link: LINK, state: { kind: "done" }, version: 2 }),
  }),
  animation: () => ({ picture: screenshots.picture({ stillUrl: screenshots.sourceUrl }) }),
  "animation-drawn": () => ({
    picture: screenshots.picture({ stillUrl: screenshots.sourceUrl, drawing: screenshots.marked }),
  }),
  "picture-offline": () => ({
    picture: screenshots.picture({ drawing: screenshots.marked, state: { kind: "waits", reason: "offline" } }),
  }),
  "picture-uploading": () => ({
    picture: screenshots.picture({ drawing: screenshots.marked, state: { kind: "uploading" } }),
  }),
  "picture-backed": () => ({
    picture: screenshots.picture({
      drawing: {
        ...screenshots.marked,
        canvas: {
          crop: { x: 250, y: 20, width: 1180, height: 860 },
          quarterTurns: 0,
          width: null,
          background: {
            paint: { kind: "gradient", from: [99, 102, 241], to: [236, 72, 153], degrees: 135 },
            paddingPx: 72,
            radiusPx: 14,
            shadow: true,
          },
        },
      },
    }),
  }),
  "picture-refused": () => ({
    picture: screenshots.picture({ drawing: screenshots.marked }),
    refused: { copy_picture: { code: "disk-full", params: {} } },
  }),
  "picture-newer": () => ({ picture: screenshots.picture({ isOfNewerForm: true }) }),
  "pin-gone": () => ({ refused: { pinned_picture: { code: "no-recording", params: {} } } }),
  "picture-engineless": () => ({
    recognized: { text: "", codes: [], install: "tesseract-ocr, tesseract-ocr-deu, tesseract-ocr-ara" },
  }),
  "picture-wordless": () => ({ recognized: { text: "", codes: [], install: null } }),

  "cut-plain": () => ({ cut: cuts.cut(), refused: {} }),
  cut: () => ({ cut: cuts.cut({ edit: cuts.edited, revision: 4, issues: cuts.issues }), refused: {} }),
  "cut-online": () => ({
    cut: cuts.cut({
      edit: cuts.edited,
      revision: 4,
      link: "https://snaplark.com/videos/8f3k9d20a4c1",
      state: { kind: "done" },
      publish: { ...cuts.original, version: 2, isOriginal: false, durationMs: 85_700, sentBytes: 184_000 },
    }),
    refused: {},
  }),
  "cut-silent": () => ({ cut: cuts.cut({ hasSound: false }), refused: {} }),
  "cut-newer": () => ({ cut: cuts.cut({ isOfNewerForm: true, revision: 4 }), refused: {} }),
  "cut-gone": () => ({ refused: { cut_view: { code: "no-such-recording", params: {} } } }),
  "cut-exporting": () => ({
    cut: cuts.cut({ edit: cuts.edited, revision: 4, jobs: cuts.exports }),
    refused: {},
  }),
  "cut-refused": () => ({
    cut: cuts.cut({ edit: cuts.edited, revision: 4 }),
    refused: { save_cut: { code: "disk-full", params: {} } },
  }),

  running: () => records({}),
  counting: () => ({ snapshot: counting() }),
  starting: () => unlike({ recorder: { kind: "starting" } }),
  paused: () => ({ snapshot: paused() }),
  stopping: () => unlike({ recorder: { kind: "stopping", id: "" } }),
  muted: () => records({ microphone: "muted" }),
  silent: () => records({ microphone: "absent" }, null),
  behind: () => records({}, { pending: 12 }, "on"),
  short: () => {
    const { snapshot, ...rest } = records({});
    return { ...rest, snapshot: { ...snapshot!, spaceSeconds: 75 * 60 } };
  },
  waits: () => records({}, { pending: 128, isOnline: false }),
  troubled: () => records({ issue: "The microphone is gone. The picture goes on." }, {}, "lost"),
  tried,

  taken: () => ({ shortcuts: keys("taken") }),
  "by-desktop": () => ({ shortcuts: keys("by-desktop"), asks: true }),
  asked: () => ({ shortcuts: keys("asked"), asks: true }),
  declined: () => ({ shortcuts: keys("declined"), asks: true }),
  lacking: () => ({
    abilities: lacking,
    shortcuts: keys("unavailable"),
    refused: {
      microphones: { code: "no-sound", params: {} },
      cameras: { code: "no-cameras", params: {} },
      test_connection: { code: "server-unreachable", params: { reason: "No route to host." } },
    },
  }),
  everything: () => {
    const { recording, ...rest } = settings();
    const webcam = { ...recording.webcam, shown: true, rightPermille: 640, downPermille: 1000 };
    const microphone = { kind: "named", name: "Headset" } as const;
    const more = { keepLast: true, keys: "all", saveFolder: "/videos/Snaplark" } as const;
    return {
      ...at({ kind: "own-server", server: "video.example" }),
      settings: { ...rest, recording: { ...recording, ...more, webcam, microphone } },
    };
  },
  crashed: () => ({ crash }),
  found: () => newer("found"),
  fetching: () => newer("fetching"),
  ready: () => newer("ready"),
  unsigned: () => newer("unsigned"),
  "not-updated": () => newer("off"),
  ...Object.fromEntries(
    Object.entries(toasts).map(([name, shown]) => [
      `toasts-${name}`,
      () => ({ snapshot: { ...empty(), toasts: shown } }),
    ]),
  ),
};

export function scene(name: string): Scene {
  const unusual = scenes[name];
  if (unusual === undefined) throw new Error(`no scene is called ${name}`);
  return { ...usual(), ...unusual() };
}

/** Returns the program's answer to a command, or `undefined` if there is none. */
export function answer(now: Scene, command: string, language: string): unknown {
  const refusal = now.refused[command];
  if (refusal !== undefined) throw refusal;
  switch (command) {
    case "snapshot":
      return now.snapshot;
    case "sign_in_state":
      return now.signIn;
    case "settings":
      return now.settings;
    case "webhook_view":
      return { waiting: 0, givenUp: 0, last: null };
    case "starts_at_login":
      return true;
    case "microphones":
      return now.microphones;
    case "cameras":
      return now.cameras;
    case "camera_picture":
      return seen();
    case "recents":
      return now.snapshot.recordings.filter(({ link }) => link !== null).slice(0, 3);
    case "about":
      return { version: "0.1.0", system: "linux x86_64", gstreamer: "GStreamer 1.22.0" };
    case "update_state":
      return now.updates;
    case "works_here":
      return now.abilities;
    case "chooser":
      return now.chooser;
    case "countdown":
      return now.countdown;
    case "media":
      return media;
    case "preview":
      return now.preview;
    case "cut_view":
      return now.cut;
    case "save_cut":
      return now.cut.revision + 1;
    case "export_cut":
    case "copy_cut":
    case "publish_cut":
      return true;
    case "cut_export_size":
      return 3_200_000;
    case "cut_waveform":
      return cuts.loudness(0);
    case "picture":
      return now.picture;
    case "publish_picture":
      return now.picture.link;
    case "save_picture":
      return "/pictures/Orders.png";
    case "recognize_picture":
      return now.recognized;
    case "pinned_picture":
      return screenshots.pinned();
    case "paste_files":
      return 0;
    case "import_pictures":
      return [now.picture.id];
    case "import_picture":
    case "paste_picture":
      return now.picture.id;
    case "last_crash":
      return now.crash;
    case "test_connection":
      return now.reached;
    case "desktop":
      return {
        shortcut: now.shortcuts[0],
        shortcuts: now.shortcuts,
        composited: true,
        asks: now.asks,
        language,
      };
    default:
      return null;
  }
}

/** Returns a picture as a camera gives it: a light shape before a dark background. */
function seen(): ArrayBuffer {
  const SIDE = 64;
  const pixels = new Uint8ClampedArray(SIDE * SIDE * 4);
  for (let at = 0; at < SIDE * SIDE; at += 1) {
    const [x, y] = [at % SIDE, Math.floor(at / SIDE)];
    const head = Math.hypot(x - 32, y - 26) < 13 || Math.hypot(x - 32, y - 66) < 26;
    pixels.set(head ? [226, 178, 140, 255] : [70, 92 + y, 120, 255], at * 4);
  }
  return pixels.buffer;
}
