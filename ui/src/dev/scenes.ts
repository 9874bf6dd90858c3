/*!
 * What a made-up program answers, by the name of a scene. A scene says what is unlike the usual
 * afternoon of `full`; pictures and tests ask for it by its name.
 */
import type { LinkReach } from "$lib/bindings/LinkReach";
import type { AccountView } from "$lib/bindings/AccountView";
import type { MicrophoneView } from "$lib/bindings/MicrophoneView";
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
  Named,
  Reached,
  SignIn,
  Updates,
} from "$lib/ipc";
import {
  abilities,
  account,
  bound,
  choosable,
  counting,
  crash,
  empty,
  full,
  lacking,
  many,
  media,
  paused,
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
  microphones: Named[];
  cameras: Named[];
  updates: Updates;
  abilities: Ability[];
  crash: string | null;
  reached: Reached;
  chooser: ChooserView;
  preview: PreviewView | null;
  /** Of the microphone, in thousandths, one after the other. */
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
  preview: { id: "0198c0de-0000-7000-8000-000000000702", beganUnixMs: 0 },
  levels: [],
  refused: { media: { code: "no-media", params: {} } },
});

const TALK = [160, 420, 240, 520, 330];
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
const failed = (code: string) => ownServer({ phase: "failed", server: SERVER, code, params: {} });
const newer = (now: keyof typeof updates): Partial<Scene> => ({ updates: updates[now] });
const keys = (state: BoundShortcut["state"]) =>
  bound().map((one) => ({ ...one, state }));

/** While it records, and how the recording of now is. */
function records(
  recorder: { microphone?: MicrophoneView; trouble?: string },
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
  empty: () => ({ snapshot: empty() }),
  one: () => unlike({ recordings: full().recordings.slice(1, 2) }),
  many: () => ({ snapshot: many(5000) }),
  "this-computer": () => onlyHere(),
  "local-network": () => onNetwork({ firewall: null }),
  "local-network-firewall": () => onNetwork({ firewall: "ufw" }),
  "links-missing": () => unlike({ account: null, cloudProblem: "The data folder ~/.local/share/snaplark/cloud can't be used: the disk is full." }),
  "no-cloud": () => unlike({ account: null }),
  "signed-in": () => at({ kind: "own-server", server: "video.example" }),
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
  refusing: () => ({ refused: { start_recording: { code: "disk-full", params: {} } } }),
  playable: () => ({ refused: {} }),
  "preview-gone": () => ({ preview: null }),
  "preview-refused": () => ({ refused: { share_preview: { code: "disk-full", params: {} } } }),

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
  troubled: () => records({ trouble: "The microphone is gone. The picture goes on." }, {}, "lost"),
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

/** What the program answers to a command; `undefined`: nothing. */
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
    case "media":
      return media;
    case "preview":
      return now.preview;
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

/** As a camera sees somebody: something lighter before something darker. */
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
