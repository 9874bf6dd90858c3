/*! Where the recording is on its way to its link, in a few words. */
import * as m from "$lib/messages/messages";
import type { IconName, Tone } from "$lib/words";
import type { CutView } from "./program";

export interface UploadLine {
  icon: IconName;
  tone: Tone;
  text: string;
}

export function uploadLine({ state }: Pick<CutView, "state">): UploadLine | null {
  switch (state.kind) {
    case "recording":
    case "local":
      return null;
    case "uploading":
      return { icon: "upload", tone: "accent", text: m.editor_state_uploading() };
    case "waits":
      return state.reason === "offline"
        ? { icon: "wifi-off", tone: "waits", text: m.editor_state_offline() }
        : { icon: "clock", tone: "waits", text: m.editor_state_waits() };
    case "needsYou":
      return state.reason === "sign-in"
        ? { icon: "log-in", tone: "waits", text: m.editor_state_sign_in() }
        : { icon: "alert", tone: "waits", text: m.editor_state_refused() };
    case "done":
      return { icon: "check", tone: "done", text: m.editor_state_online() };
  }
}
