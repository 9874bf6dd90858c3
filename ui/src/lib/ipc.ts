/*!
 * The only door to the program: named commands, one event. Windows name recordings by id and never
 * hand over a link or a path; the program looks those up itself.
 */
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Settings } from "$lib/bindings/Settings";
import type { Snapshot } from "$lib/bindings/Snapshot";

/** What a command answers when it can't: the window picks the words. */
export interface CommandError {
  code: string;
  params: Record<string, unknown>;
}

/** What the shell knows of the desktop it runs on. */
export interface Desktop {
  shortcut: { keys: string; state: "works" | "taken" | "unavailable" };
  /** Windows can be seen through here. */
  composited: boolean;
}

/** A toast's place in its window, in CSS pixels. */
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

/** Where a sign-in stands, the same for all windows. `server` is what a command takes again. */
export type SignIn =
  | { phase: "idle" }
  | { phase: "waiting"; server: string }
  | ({ phase: "failed"; server: string } & CommandError);

export const program = {
  snapshot: () => invoke<Snapshot>("snapshot"),
  desktop: () => invoke<Desktop>("desktop"),
  startRecording: () => invoke<void>("start_recording"),
  stopRecording: () => invoke<void>("stop_recording"),
  retry: (id: string) => invoke<void>("retry", { id }),
  rename: (id: string, title: string) => invoke<void>("rename", { id, title }),
  deleteRecording: (id: string) => invoke<void>("delete_recording", { id }),
  copyLink: (id: string) => invoke<void>("copy_link", { id }),
  openLink: (id: string) => invoke<void>("open_link", { id }),
  revealFile: (id: string) => invoke<void>("reveal_file", { id }),
  openSettings: () => invoke<void>("open_settings"),
  settings: () => invoke<Settings>("settings"),
  setSettings: (settings: Settings) => invoke<void>("set_settings", { settings }),
  microphones: () => invoke<Named[]>("microphones"),
  /** With the system's own dialog; `null`: thought better of it. */
  chooseSaveFolder: () => invoke<string | null>("choose_save_folder"),
  startsAtLogin: () => invoke<boolean>("starts_at_login"),
  setStartsAtLogin: (starts: boolean) => invoke<void>("set_starts_at_login", { starts }),
  about: () => invoke<About>("about"),
  openLibrary: () => invoke<void>("open_library"),
  dismissToast: (id: string) => invoke<void>("dismiss_toast", { id }),
  fitToasts: (height: number, cards: Card[]) => invoke<void>("fit_toasts", { height, cards }),
  pauseUpload: (id: string) => invoke<void>("pause_upload", { id }),
  resumeUpload: (id: string) => invoke<void>("resume_upload", { id }),
  /** To the account's own server where none is named. Again while it waits: the page opens again. */
  signIn: (server: string | null = null, remember = true) =>
    invoke<void>("sign_in", { server, remember }),
  signInState: () => invoke<SignIn>("sign_in_state"),
  signInWithToken: (server: string, token: string) =>
    invoke<void>("sign_in_with_token", { server, token, remember: true }),
  leaveSignIn: () => invoke<void>("leave_sign_in"),
  signOut: () => invoke<void>("sign_out"),
};

export const onChanged = (tell: () => void) => listen("changed", tell);
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
