/*!
 * The only door to the program: named commands, one event. Windows name recordings by id and never
 * hand over a link or a path; the program looks those up itself.
 */
import { convertFileSrc, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { AccountView } from "$lib/bindings/AccountView";
import type { Camera } from "$lib/bindings/Camera";
import type { Levels } from "$lib/bindings/Levels";
import type { MediaView } from "$lib/bindings/MediaView";
import type { Microphone } from "$lib/bindings/Microphone";
import type { PreviewView } from "$lib/bindings/PreviewView";
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { Settings } from "$lib/bindings/Settings";
import type { Shortcut } from "$lib/bindings/Shortcut";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { SettingsChange } from "$lib/settings.svelte";

/** What a command answers when it can't: the window picks the words. */
export interface CommandError {
  code: string;
  params: Record<string, unknown>;
}

/** What became of a shortcut. */
export interface BoundShortcut {
  shortcut: Shortcut;
  keys: string;
  usual: string;
  /** Does the same: for a key of the desktop's own. */
  command: string;
  /**
   * `by-desktop`: the desktop lets the person choose the keys, and says which; `asked`: it has not
   * said yet; `declined`: the person said no when it asked.
   */
  state:
    | "works"
    /** It has keys, and does nothing now: other programs have them until it does. */
    | "resting"
    | "taken"
    | "unavailable"
    | "unset"
    | "by-desktop"
    | "asked"
    | "declined";
}

/** What the shell knows of the desktop it runs on. */
export interface Desktop {
  /** What starts and stops a recording. */
  shortcut: BoundShortcut;
  shortcuts: BoundShortcut[];
  /** Windows can be seen through here. */
  composited: boolean;
  /** The desktop asks what to share: nobody else can. */
  asks: boolean;
  /** That all windows speak, as a tag. */
  language: string;
}

/** A window's, in CSS pixels. */
export interface Size {
  width: number;
  height: number;
}

/** On the screen, in its own pixels. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type ChooserKind = "area" | "window" | "display";

export interface ChooserWindow {
  id: string;
  title: string;
  program: string;
  at: Rect;
}

/** One display, and what there is to choose on it. */
export interface ChooserView {
  kind: ChooserKind;
  display: { name: string; at: Rect };
  displays: number;
  /** What lies on top comes first; on all displays. */
  windows: ChooserWindow[];
  /** The region of before, on this display. */
  last: Rect | null;
  microphone: Microphone;
  systemSound: boolean;
  /** Whether it is shown. */
  webcam: boolean;
  countdownSeconds: number;
  /** Where the picture of the display is. */
  picture: string;
  hasPointer: boolean;
}

export type Chosen = { kind: "display" } | { kind: "window"; id: string } | { kind: "area"; at: Rect };

/** What was chosen, and how it is to be recorded. */
export interface Choice {
  source: Chosen;
  microphone: Microphone;
  systemSound: boolean;
  webcam: boolean;
  countdownSeconds: number;
}

/** A card's place in its window, in CSS pixels. */
export interface Card {
  x: number;
  y: number;
  width: number;
  height: number;
  radius: number;
}

/** A choice that the system offers. */
export interface Named {
  name: string;
  words: string;
}

export interface About {
  version: string;
  system: string;
  gstreamer: string;
}

/** One thing that recording wants of this computer. */
export interface Ability {
  what: "picture" | "encoder" | "folder" | "sound" | "shortcut";
  /** `lacks`: recording goes on without it. */
  state: "works" | "lacks" | "fails";
  detail: string;
}

/** What the account's server answered when it was asked whether it is there. */
export interface Reached {
  server: string;
  tookMs: number;
  knowsToken: boolean;
  version: string | null;
}

/** Where a newer version stands, the same for all windows. */
export type Updates =
  | { phase: "off" | "idle" | "looking" | "newest" }
  | { phase: "found"; version: string; notes: string }
  | { phase: "fetching"; version: string; percentage: number }
  | { phase: "ready" | "installing"; version: string }
  | ({ phase: "failed" } & CommandError);

/** Where a sign-in stands, the same for all windows. `server` is what a command takes again. */
export type SignIn =
  | { phase: "idle" }
  | { phase: "waiting"; server: string }
  | ({ phase: "failed"; server: string } & CommandError);

/** A recording's media, and where it is served as one file; `null`: only as pieces. */
export type Playable = MediaView & { file?: string | null };

export const program = {
  /** Of recordings only what changed since a snapshot of that version; 0: all. */
  snapshot: (since: number) => invoke<Snapshot>("snapshot", { since }),
  desktop: () => invoke<Desktop>("desktop"),
  media: (id: string) => invoke<Playable>("media", { id }),
  startRecording: () => invoke<void>("start_recording"),
  /** Shows them first, unless they are to be shared at once. */
  shareLast: () => invoke<void>("share_last"),
  /** `null`: it is shared or discarded. */
  preview: () => invoke<PreviewView | null>("preview"),
  /** Its pieces from `start` up to `end`. The window goes when they are a recording. */
  sharePreview: (id: string, start: number, end: number) =>
    invoke<void>("share_preview", { id, start, end }),
  discardPreview: (id: string | null) => invoke<void>("discard_preview", { id }),
  stopRecording: () => invoke<void>("stop_recording"),
  /** Once more goes on. */
  pauseRecording: () => invoke<void>("pause_recording"),
  /** Once more it is heard. */
  muteMicrophone: () => invoke<void>("mute_microphone"),
  /** Off and on. */
  switchWebcam: () => invoke<void>("switch_webcam"),
  /** As the webcam: in the recording of now, else in the next one. */
  switchMicrophone: () => invoke<void>("switch_microphone"),
  /** This window is told its level from now on; of one that is off, none. */
  hearMicrophone: (microphone: Microphone) => invoke<void>("hear_microphone", { microphone }),
  /** Both delete what is recorded: the window has asked. */
  cancelRecording: () => invoke<void>("cancel_recording"),
  restartRecording: () => invoke<void>("restart_recording"),
  fitBar: (size: Size | null, cards: Card[]) => invoke<void>("fit_bar", { size, cards }),
  dragBar: () => invoke<void>("drag_bar"),
  hideBar: () => invoke<void>("hide_bar"),
  showBar: () => invoke<void>("show_bar"),
  /** The display on which the pointer is. */
  recordHere: () => invoke<void>("record_here"),
  fitQuick: (size: Size | null, cards: Card[]) => invoke<void>("fit_quick", { size, cards }),
  closeQuick: () => invoke<void>("close_quick"),
  openChooser: (kind: ChooserKind) => invoke<void>("open_chooser", { kind }),
  /** `null`: there is nothing to choose any more. */
  chooser: () => invoke<ChooserView | null>("chooser"),
  showChooser: () => invoke<void>("show_chooser"),
  closeChooser: () => invoke<void>("close_chooser"),
  /** On to the display that is so many further. */
  passChooser: (steps: number) => invoke<void>("pass_chooser", { steps }),
  choose: (choice: Choice) => invoke<void>("choose", { choice }),
  /** Its levels are told from now on, while the chooser is open. */
  meterMicrophone: (microphone: Microphone) => invoke<void>("meter_microphone", { microphone }),
  retry: (id: string) => invoke<void>("retry", { id }),
  rename: (id: string, title: string) => invoke<void>("rename", { id, title }),
  /** Gone from sight; `undoDelete` has them back for a while. */
  deleteRecordings: (ids: string[]) => invoke<void>("delete_recordings", { ids }),
  undoDelete: () => invoke<void>("undo_delete"),
  /** It was read that the list of recordings was rebuilt. */
  dismissRebuilt: () => invoke<void>("dismiss_rebuilt"),
  /** At a time: the page plays from there. */
  copyLink: (id: string, atMs: number | null = null) => invoke<void>("copy_link", { id, atMs }),
  copyLinks: (ids: string[]) => invoke<void>("copy_links", { ids }),
  openLink: (id: string) => invoke<void>("open_link", { id }),
  revealFile: (id: string) => invoke<void>("reveal_file", { id }),
  /** While the button is down: their files are copied by whatever they are dropped on. */
  dragFiles: (ids: string[]) => invoke<void>("drag_files", { ids }),
  openSettings: () => invoke<void>("open_settings"),
  settings: () => invoke<Settings>("settings"),
  /** The answer is all of them, as they are then. */
  changeSettings: (change: SettingsChange) => invoke<Settings>("change_settings", { change }),
  /** While keys are chosen: the program's own do nothing. */
  holdShortcuts: (held: boolean) => invoke<void>("hold_shortcuts", { held }),
  /** The desktop asks the person again, who said no before. */
  askForShortcuts: () => invoke<void>("ask_for_shortcuts"),
  microphones: () => invoke<Named[]>("microphones"),
  cameras: () => invoke<Named[]>("cameras"),
  /** Opens it where it isn't open, and closes it when nobody asks for two seconds. RGBA, square; empty
   * until the first picture has come. */
  cameraPicture: (camera: Camera) => invoke<ArrayBuffer>("camera_picture", { camera }),
  closeCamera: () => invoke<void>("close_camera"),
  /** The newest recordings that have links. */
  recents: () => invoke<RecordingView[]>("recents"),
  /** With the system's own dialog; `null`: thought better of it. */
  chooseSaveFolder: () => invoke<string | null>("choose_save_folder"),
  startsAtLogin: () => invoke<boolean>("starts_at_login"),
  setStartsAtLogin: (starts: boolean) => invoke<void>("set_starts_at_login", { starts }),
  about: () => invoke<About>("about"),
  updates: () => invoke<Updates>("update_state"),
  lookForUpdate: () => invoke<void>("look_for_update"),
  fetchUpdate: () => invoke<void>("fetch_update"),
  installUpdate: () => invoke<void>("install_update"),
  worksHere: () => invoke<Ability[]>("works_here"),
  testConnection: () => invoke<Reached>("test_connection"),
  setProfile: (profile: AccountView["profile"]) => invoke<void>("set_profile", { profile }),
  copyDiagnostics: () => invoke<void>("copy_diagnostics"),
  openLogs: () => invoke<void>("open_logs"),
  lastCrash: () => invoke<string | null>("last_crash"),
  forgetCrash: () => invoke<void>("forget_crash"),
  /** Closes the welcome; the library takes its place. */
  leaveWelcome: () => invoke<void>("leave_welcome"),
  openLibrary: () => invoke<void>("open_library"),
  dismissToast: (id: string) => invoke<void>("dismiss_toast", { id }),
  fitToasts: (height: number, cards: Card[]) => invoke<void>("fit_toasts", { height, cards }),
  pauseUpload: (id: string) => invoke<void>("pause_upload", { id }),
  resumeUpload: (id: string) => invoke<void>("resume_upload", { id }),
  /** To the account's own server where none is named. Again while it waits: the page opens again. */
  signIn: (server: string | null = null, remember = true, allowHttp = false) =>
    invoke<void>("sign_in", { server, remember, ...(allowHttp ? { allowHttp } : {}) }),
  signInState: () => invoke<SignIn>("sign_in_state"),
  signInWithToken: (server: string, token: string) =>
    invoke<void>("sign_in_with_token", { server, token, remember: true }),
  leaveSignIn: () => invoke<void>("leave_sign_in"),
  signOut: () => invoke<void>("sign_out"),
  /** The cloud in this computer did not start: once more. */
  startCloud: () => invoke<void>("start_cloud"),
  /** The settings, where it is said who can open links. */
  openAccount: () => invoke<void>("open_account"),
  shareOnLocalNetwork: (shared: boolean) => invoke<void>("share_on_local_network", { shared }),
};

/** Recordings themselves, at addresses that only the library and the preview may read. */
export const media = {
  /** Another version of it is asked for anew. */
  still: (id: string, version: number) => `${at(id, "still")}?${version}`,
  /** The first picture of a piece. */
  frame: (id: string, index: number) => at(id, `frame-${index}`),
  init: (id: string) => at(id, "init"),
  piece: (id: string, index: number) => at(id, String(index)),
};
const at = (id: string, part: string) => convertFileSrc(`${id}/${part}`, "recording");

export const onChanged = (tell: () => void) => listen("changed", tell);
export const onLevels = (tell: (now: Levels) => void) =>
  listen<Levels>("levels", (event) => tell(event.payload));
export const onLanguage = (tell: (tag: string) => void) =>
  listen<string>("language", (event) => tell(event.payload));
/** The desktop gave keys, or others. */
export const onShortcuts = (tell: () => void) => listen("shortcuts", tell);
export const onUpdates = (tell: (now: Updates) => void) =>
  listen<Updates>("updates", (event) => tell(event.payload));
export const onChooserOpened = (tell: () => void) => listen("chooser-opened", tell);
export const onSignIn = (tell: (now: SignIn) => void) =>
  listen<SignIn>("sign-in", (event) => tell(event.payload));

export function asCommandError(thrown: unknown): CommandError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown) {
    const { code, params } = thrown as { code: unknown; params?: unknown };
    return {
      code: String(code),
      params: typeof params === "object" && params !== null ? { ...params } : {},
    };
  }
  return { code: "out-of-reach", params: {} };
}
