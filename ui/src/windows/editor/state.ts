/*! Where the picture is on its way to its link, in a few words. */
import * as m from "$lib/messages/messages";
import type { IconName, Tone } from "$lib/words";
import type { Editor } from "./editor.svelte";

export interface UploadLine {
  icon: IconName;
  tone: Tone;
  text: string;
}

export function uploadLine(editor: Editor): UploadLine | null {
  const { picture } = editor;
  if (picture === null) return null;
  if (editor.busy.has("upload")) return { icon: "upload", tone: "accent", text: m.editor_state_uploading() };
  switch (picture.state.kind) {
    case "recording":
    case "local":
      return null;
    case "uploading":
      return { icon: "upload", tone: "accent", text: m.editor_state_uploading() };
    case "waits":
      return picture.state.reason === "offline"
        ? { icon: "wifi-off", tone: "waits", text: m.editor_state_offline() }
        : { icon: "clock", tone: "waits", text: m.editor_state_waits() };
    case "needsYou":
      return picture.state.reason === "sign-in"
        ? { icon: "log-in", tone: "waits", text: m.editor_state_sign_in() }
        : { icon: "alert", tone: "waits", text: m.editor_state_refused() };
    case "done":
      return editor.linkCopied
        ? { icon: "check", tone: "done", text: m.editor_state_copied() }
        : { icon: "check", tone: "done", text: m.editor_state_online() };
  }
}
