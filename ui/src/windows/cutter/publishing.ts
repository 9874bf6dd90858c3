/*! Where the edit is on its way to the link, in a few words, and what the button for it does. */
import { percent } from "$lib/format";
import * as m from "$lib/messages/messages";
import type { CutView } from "./program";
import { uploadLine, type UploadLine } from "./state";

type Shown = Pick<CutView, "state" | "upload" | "publish" | "jobs">;

/** The job that renders what is at the cuts before it is uploaded. */
const rendering = ({ jobs }: Shown) =>
  jobs.find(({ kind, state }) => kind === "publish" && ["waiting", "running", "cancelling"].includes(state.kind));

/** Returns whether the edit can only be published with another link. A recording as it is never needs one. */
export const needsNewLink = ({ publish, state }: Pick<CutView, "publish" | "state">) =>
  (publish.way === "new-link" && (publish.version !== null || !publish.isCurrent)) ||
  (state.kind === "needsYou" && state.reason === "new-link");

/** Returns whether there is anything to publish now. */
export function canPublish(view: Shown): boolean {
  const { publish, state } = view;
  if (publish.way === "none" || rendering(view) !== undefined || state.kind === "recording") return false;
  return !publish.isCurrent || state.kind === "needsYou";
}

export function publishLine(view: Shown): UploadLine | null {
  const { publish, state, upload } = view;
  const job = rendering(view);
  if (job !== undefined) {
    return { icon: "upload", tone: "accent", text: m.cutter_publishing({ percent: percent(Math.floor(job.thousandths / 10)) }) };
  }
  // No edit was ever published: the recording's own upload counts.
  if (publish.version === null) return uploadLine(view);
  if (publish.isShown) {
    if (!publish.isCurrent) return { icon: "alert", tone: "waits", text: m.cutter_published_changed() };
    return { icon: "check", tone: "done", text: publish.isOriginal ? m.cutter_published_original() : m.cutter_published() };
  }
  switch (state.kind) {
    case "uploading":
      return { icon: "upload", tone: "accent", text: m.cutter_publishing({ percent: percent(upload?.percentage ?? 0) }) };
    case "waits":
      return state.reason === "offline"
        ? { icon: "wifi-off", tone: "waits", text: m.cutter_publish_offline() }
        : { icon: "clock", tone: "waits", text: m.cutter_publish_waits() };
    case "needsYou":
      return needed(state);
    case "recording":
    case "local":
    case "done":
      return uploadLine(view);
  }
}

function needed({ reason, detail }: Extract<CutView["state"], { kind: "needsYou" }>): UploadLine {
  if (reason === "sign-in") return { icon: "log-in", tone: "waits", text: m.editor_state_sign_in() };
  if (reason === "new-link") return { icon: "alert", tone: "waits", text: m.state_needs_new_link() };
  return { icon: "alert", tone: "waits", text: m.cutter_publish_failed({ reason: detail }) };
}
