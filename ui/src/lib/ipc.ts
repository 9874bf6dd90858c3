/*!
 * The only door to the program: named commands, one event. Windows name recordings by id and never
 * hand over a link or a path; the program looks those up itself.
 */
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
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
  openLibrary: () => invoke<void>("open_library"),
  dismissToast: (id: string) => invoke<void>("dismiss_toast", { id }),
  fitToasts: (height: number, cards: Card[]) => invoke<void>("fit_toasts", { height, cards }),
};

export const onChanged = (tell: () => void) => listen("changed", tell);

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
