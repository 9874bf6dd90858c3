/*!
 * The one place where states become an icon's name, a tone and words. The same in every window;
 * the switches are exhaustive, so that a new state doesn't compile until it has its words.
 *
 * Length: a line for each state.
 */
import type { AccountView } from "$lib/bindings/AccountView";
import type { FileProblem } from "$lib/bindings/FileProblem";
import type { LinkReach } from "$lib/bindings/LinkReach";
import type { LocalNetworkView } from "$lib/bindings/LocalNetworkView";
import type { IssueView } from "$lib/bindings/IssueView";
import type { NeedReason } from "$lib/bindings/NeedReason";
import type { OtherServerView } from "$lib/bindings/OtherServerView";
import type { PictureSaid } from "$lib/bindings/PictureSaid";
import type { PlacedUpload } from "$lib/bindings/PlacedUpload";
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { Shortcut } from "$lib/bindings/Shortcut";
import type { ToastView } from "$lib/bindings/ToastView";
import type { UploadProgress } from "$lib/bindings/UploadProgress";
import type { Warning } from "$lib/bindings/Warning";
import type { WaitReason } from "$lib/bindings/WaitReason";
import { STRIKE_SECONDS } from "$lib/bindings/limits";
import * as format from "$lib/format";
import * as m from "$lib/messages/messages";

export type IconName =
  | "alert"
  | "check"
  | "clock"
  | "cloud"
  | "cloud-off"
  | "folder"
  | "hard-drive"
  | "link"
  | "log-in"
  | "pause"
  | "recording"
  | "upload"
  | "wifi-off";

/** The meaning of a colour: red is recording and nothing else, amber waits and is safe, green is done. */
export type Tone = "recording" | "accent" | "waits" | "done" | "soft";

export interface Line {
  icon: IconName;
  tone: Tone;
  text: string;
  /** The server's or the system's own words, for who wants to know. */
  detail?: string;
}

export interface ToastWords {
  icon: IconName;
  tone: Tone;
  title: string;
  figures: string;
  /** 0 to 100, where there is something to fill. */
  bar: number | null;
  action: "copy" | "open" | "resume" | "retry" | "sign-in" | null;
}

/** The number of letters of a title in a toast that has more text after it. */
const TITLE_SHOWN_MAX = 40;
/** The segment that was just sealed, and two on their way. */
const PARTS_IN_STEP = 3;

const waitIcon = (reason: WaitReason): IconName => {
  switch (reason) {
    case "offline":
    case "metered":
      return "wifi-off";
    case "folder-missing":
    case "storage-full":
    case "access-denied":
      return "folder";
    case "paused":
      return "pause";
    case "server-trouble":
    case "rate-limited":
    case "queue":
    case "not-running":
      return "clock";
  }
};

const needIcon = (reason: NeedReason): IconName => {
  switch (reason) {
    case "sign-in":
      return "log-in";
    case "files-missing":
    case "file-missing":
      return "hard-drive";
    case "file-changed":
    case "too-large":
    case "damaged-on-server":
    case "refused":
    case "other-server":
    case "new-link":
      return "alert";
  }
};

/** A title that is a day and a time isn't repeated below itself. */
function whenBeside({ title, startedUnixMs }: RecordingView, nowMs: number): string {
  const when = format.day(startedUnixMs, nowMs);
  const clock = format.time(startedUnixMs);
  return title.includes(clock) && when.includes(clock) ? m.day_today_alone() : when;
}

/** The line below a recording's title. */
export function recordingLine(recording: RecordingView, nowMs: number): Line {
  const { state, upload } = recording;
  const when = whenBeside(recording, nowMs);
  const size = format.size(recording.sizeBytes);
  switch (state.kind) {
    case "recording":
      return { icon: "recording", tone: "recording", text: m.state_recording() };
    case "uploading": {
      const percentage = format.percent(upload?.percentage ?? 0);
      if (upload !== null && upload.percentage >= 100) {
        return { icon: "upload", tone: "accent", text: m.state_finishing({ percentage }) };
      }
      const left = upload?.secondsLeft;
      return {
        icon: "upload",
        tone: "accent",
        text: format.joined(
          percentage,
          typeof left === "number" && format.timeLeft(left),
          upload !== null && toServer(upload),
        ),
      };
    }
    case "waits":
      return {
        icon: waitIcon(state.reason),
        tone: "waits",
        text: format.joined(waitWord(state.reason), upload !== null && toServer(upload)),
      };
    case "needsYou":
      return {
        icon: needIcon(state.reason),
        tone: "waits",
        text: needWord(state.reason),
        detail: state.detail,
      };
    case "done":
      return recording.here
        ? withFile(recording, { icon: "link", tone: "soft", text: m.state_done({ when, size }) })
        : { icon: "cloud", tone: "soft", text: m.state_online({ when, size }) };
    case "local":
      return withFile(recording, {
        icon: "folder",
        tone: "soft",
        text: m.state_local({ when, size }),
      });
  }
}

/** Names the server of an upload that doesn't go to the account's. */
const toServer = ({ otherServer }: UploadProgress): string | false =>
  otherServer !== null && m.state_to_server({ server: format.isolated(otherServer) });

/** Returns what still goes to another server, or what it waits for. */
export function otherServerLine({ uploads, signedIn, reach }: OtherServerView): string {
  const count = uploads;
  if (count === 0) return m.other_server_idle();
  if (!signedIn) return m.other_server_needs_sign_in({ count });
  return reach === "offline" ? m.other_server_offline({ count }) : m.other_server_uploads({ count });
}

/** A file that could not be written is said; the recording itself is safe. */
const withFile = ({ fileProblem }: RecordingView, line: Line): Line =>
  fileProblem === null
    ? line
    : {
        ...line,
        text: format.joined(line.text, fileProblem.code === "elsewhere" ? m.file_elsewhere() : m.file_not_written()),
        detail: fileProblemWords(fileProblem),
      };

function fileProblemWords(problem: FileProblem): string {
  switch (problem.code) {
    case "elsewhere":
      return m.file_problem_elsewhere(problem.params);
    case "unwritable":
      return m.file_problem_unwritable(problem.params);
    case "files-missing":
      return m.file_problem_files_missing(problem.params);
    case "store":
      return m.error_store({ reason: format.sentence(problem.params.reason) });
  }
}

function waitWord(reason: WaitReason): string {
  switch (reason) {
    case "offline":
      return m.state_waits_offline();
    case "folder-missing":
      return m.state_waits_folder_missing();
    case "storage-full":
      return m.state_waits_storage_full();
    case "access-denied":
      return m.state_waits_access_denied();
    case "server-trouble":
      return m.state_waits_server_trouble();
    case "rate-limited":
      return m.state_waits_rate_limited();
    case "queue":
      return m.state_waits_queue();
    case "paused":
      return m.state_waits_paused();
    case "metered":
      return m.state_waits_metered();
    case "not-running":
      return m.state_waits_not_running();
  }
}

function needWord(reason: NeedReason): string {
  switch (reason) {
    case "sign-in":
      return m.state_needs_sign_in();
    case "refused":
      return m.state_needs_refused();
    case "files-missing":
      return m.state_needs_files_missing();
    case "file-missing":
      return m.state_needs_file_missing();
    case "file-changed":
      return m.state_needs_file_changed();
    case "too-large":
      return m.state_needs_too_large();
    case "damaged-on-server":
      return m.state_needs_damaged_on_server();
    case "other-server":
      return m.state_needs_other_server();
    case "new-link":
      return m.state_needs_new_link();
  }
}

/** Returns who can open a link, unless everyone can. */
export function reachWords(reach: LinkReach | null): string | null {
  switch (reach) {
    case "this-computer":
      return m.reach_this_computer();
    case "local-network":
      return m.reach_local_network();
    case "internet":
    case null:
      return null;
  }
}

/** Returns when a link ends that was signed for a bucket which nobody else can read; null for links that stay. */
function endOfLink(link: string | null): number | null {
  if (link === null || !URL.canParse(link)) return null;
  const query = new URL(link).searchParams;
  const signed = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "");
  const seconds = Number(query.get("X-Amz-Expires"));
  if (signed === null || !(seconds > 0)) return null;
  const [year, month, day, hour, minute, second] = signed.slice(1).map(Number) as [number, number, number, number, number, number];
  return Date.UTC(year, month - 1, day, hour, minute, second) + seconds * 1000;
}

/** Returns until when a link can be opened, if it ends. */
export function linkEndWords(link: string | null, nowMs: number): string | null {
  const end = endOfLink(link);
  if (end === null) return null;
  return end <= nowMs ? m.link_expired() : m.link_expires({ date: format.day(end, nowMs) });
}

export function localNetworkWords(network: LocalNetworkView): string {
  switch (network.kind) {
    case "off":
      return m.local_network_off();
    case "on": {
      const on = m.local_network_on({ address: network.baseUrl });
      if (network.firewall === null) return on;
      const told = { firewall: network.firewall, port: String(network.port) };
      return `${on} ${m.local_network_firewall(told)}`;
    }
    case "noNetwork":
      return m.local_network_none();
    case "failed":
      return m.local_network_failed({ reason: format.sentence(network.detail) });
  }
}

/** Returns how far the upload of the running recording is behind. */
export function stepLine({ upload }: RecordingView, account: AccountView | null): Line {
  if (upload === null) return { icon: "hard-drive", tone: "soft", text: m.step_local() };
  const count = upload.pending;
  if (account?.needsSignIn === true) {
    return { icon: "log-in", tone: "waits", text: m.step_waits({ count }), detail: m.state_needs_sign_in() };
  }
  if (!upload.isOnline && count > 0) {
    return { icon: "wifi-off", tone: "waits", text: m.step_waits({ count }), detail: m.state_waits_offline() };
  }
  return count <= PARTS_IN_STEP
    ? { icon: "upload", tone: "accent", text: m.step_in_step() }
    : { icon: "upload", tone: "accent", text: m.step_behind({ count }) };
}

export function toastWords(toast: ToastView): ToastWords {
  const { body, title, link, percentage, count } = toast;
  const copy = link === null ? null : ("copy" as const);
  switch (body.kind) {
    case "uploading":
      return {
        icon: "upload",
        tone: "accent",
        title: m.toast_uploading({ title }),
        figures: format.joined(
          format.percent(percentage),
          body.bytesPerSecond > 0 && format.speed(body.bytesPerSecond),
          body.secondsLeft !== null && format.timeLeft(body.secondsLeft),
        ),
        bar: percentage,
        action: copy,
      };
    case "waits":
      return {
        icon: waitIcon(body.reason),
        tone: "waits",
        ...waitToast(body.reason, body.parts),
        ...(count > 1 && { figures: m.toast_waits_many({ count }) }),
        bar: count > 1 ? null : percentage,
        action: body.reason === "paused" ? "resume" : count > 1 ? null : copy,
      };
    case "needsYou":
      return {
        icon: needIcon(body.reason),
        tone: "waits",
        ...needToast(body.reason, body.detail, title),
        ...(count > 1 && { figures: m.toast_needs_sign_in_many({ count }) }),
        bar: null,
        action: body.reason === "sign-in" ? "sign-in" : "retry",
      };
    case "done":
      return {
        icon: "check",
        tone: "done",
        title: body.linkCopied
          ? m.toast_link_copied()
          : m.toast_done({ title: format.clipped(title, TITLE_SHOWN_MAX) }),
        figures: format.joined(
          link !== null && format.isolated(format.shortLink(link)),
          body.durationMs > 0 && format.length(body.durationMs),
        ),
        bar: null,
        action: link === null ? null : "open",
      };
    case "picture":
      return pictureToast(body.said, title);
    case "pictureDone":
      return {
        icon: "check",
        tone: "done",
        title: body.linkCopied
          ? m.toast_link_copied()
          : m.picture_done({ title: format.clipped(title, TITLE_SHOWN_MAX) }),
        figures: link === null ? "" : format.isolated(format.shortLink(link)),
        bar: null,
        action: link === null ? null : "open",
      };
    case "recordingFailed":
      return {
        icon: "alert",
        tone: "waits",
        title: title === "" ? m.toast_failed_nothing() : m.toast_failed_stopped(),
        figures: body.detail,
        bar: null,
        action: null,
      };
    case "warning":
      return {
        icon: "alert",
        tone: "waits",
        title: warningTitle(body.warning),
        figures: body.over ? m.warning_over({ title: format.clipped(title, TITLE_SHOWN_MAX) }) : warningHint(body.warning),
        bar: null,
        action: null,
      };
    case "barHidden":
      return {
        icon: "recording",
        tone: "recording",
        title: m.toast_bar_hidden(),
        figures:
          body.keys === ""
            ? m.toast_bar_hidden_tray()
            : m.toast_bar_hidden_keys({ keys: format.isolated(body.keys) }),
        bar: null,
        action: null,
      };
  }
}

function pictureToast(said: PictureSaid, title: string): ToastWords {
  const shown = format.clipped(title, TITLE_SHOWN_MAX);
  const done = { icon: "check", tone: "done", bar: null, action: null } as const;
  switch (said) {
    case "taken":
      return { ...done, title: m.picture_taken(), figures: m.picture_taken_hint({ title: shown }) };
    case "copied":
      return { ...done, title: m.picture_copied(), figures: m.picture_copied_hint() };
    case "saved":
      return { ...done, title: m.picture_saved(), figures: shown };
    case "text-copied":
      return { ...done, title: m.picture_text_copied(), figures: m.picture_copied_hint() };
    case "unreadable":
      return {
        icon: "alert",
        tone: "waits",
        title: m.picture_unreadable(),
        figures: m.picture_unreadable_hint({ title: shown }),
        bar: null,
        action: null,
      };
  }
}

function warningTitle(warning: Warning): string {
  switch (warning) {
    case "disk-low":
      return m.warning_disk_low();
    case "folder-lost":
      return m.warning_folder_lost();
    case "microphone-lost":
      return m.warning_microphone_lost();
    case "system-sound-lost":
      return m.warning_system_sound_lost();
    case "webcam-lost":
      return m.warning_webcam_lost();
  }
}

function warningHint(warning: Warning): string {
  switch (warning) {
    case "disk-low":
      return m.warning_until_full();
    case "folder-lost":
      return m.warning_elsewhere();
    case "microphone-lost":
    case "system-sound-lost":
    case "webcam-lost":
      return m.warning_without();
  }
}

function waitToast(reason: WaitReason, count: number): { title: string; figures: string } {
  switch (reason) {
    case "offline":
      return { title: m.toast_waits_offline(), figures: m.toast_parts_network({ count }) };
    case "folder-missing":
      return { title: m.toast_waits_folder_missing(), figures: m.toast_parts_you({ count }) };
    case "storage-full":
      return { title: m.toast_waits_storage_full(), figures: m.toast_parts_you({ count }) };
    case "access-denied":
      return { title: m.toast_waits_access_denied(), figures: m.toast_parts_you({ count }) };
    case "server-trouble":
      return { title: m.toast_waits_server_trouble(), figures: m.toast_parts_server({ count }) };
    case "rate-limited":
      return { title: m.toast_waits_rate_limited(), figures: m.toast_parts_server({ count }) };
    case "queue":
      return { title: m.toast_waits_queue(), figures: m.toast_parts_turn({ count }) };
    case "paused":
      return { title: m.toast_waits_paused(), figures: m.toast_parts_you({ count }) };
    case "metered":
      return { title: m.toast_waits_metered(), figures: m.toast_parts_turn({ count }) };
    case "not-running":
      return { title: m.toast_waits_not_running(), figures: m.toast_parts_turn({ count }) };
  }
}

function needToast(
  reason: NeedReason,
  detail: string,
  title: string,
): { title: string; figures: string } {
  switch (reason) {
    case "sign-in":
      return { title: m.toast_needs_sign_in(), figures: m.toast_needs_sign_in_hint({ title }) };
    case "refused":
      return {
        title: m.toast_needs_refused(),
        figures: detail === "" ? m.toast_needs_refused_hint({ title }) : detail,
      };
    case "files-missing":
      return {
        title: m.toast_needs_files_missing(),
        figures: m.toast_needs_files_missing_hint({ title }),
      };
    case "file-missing":
      return {
        title: m.toast_needs_file_missing(),
        figures: m.toast_needs_file_missing_hint({ title }),
      };
    case "file-changed":
      return {
        title: m.toast_needs_file_changed(),
        figures: m.toast_needs_file_changed_hint({ title }),
      };
    case "too-large":
      return {
        title: m.toast_needs_too_large(),
        figures: m.toast_needs_too_large_hint({ title, size: format.size(Number(detail)) }),
      };
    case "damaged-on-server":
      return {
        title: m.toast_needs_damaged_on_server(),
        figures: m.toast_needs_damaged_on_server_hint({ title }),
      };
    case "other-server":
      return {
        title: m.toast_needs_other_server({ server: detail }),
        figures: m.toast_needs_other_server_hint({ title, server: detail }),
      };
    case "new-link":
      return {
        title: m.toast_needs_new_link(),
        figures: m.toast_needs_new_link_hint({ title }),
      };
  }
}

/** Returns what happened, in a few words. An issue of an unknown kind has English words of its own. */
export function issueWords({ kind, detail }: IssueView): string {
  const words: Record<string, () => string> = {
    "frames-dropped": m.issue_frames_dropped,
    "source-stalled": m.issue_source_stalled,
    "source-lost": m.issue_source_lost,
    "source-back": m.issue_source_back,
    "encoder-hurried": m.issue_encoder_hurried,
    "encoder-relaxed": m.issue_encoder_relaxed,
    "encoder-switched": m.issue_encoder_switched,
    "audio-lost": m.issue_audio_lost,
    "audio-back": m.issue_audio_back,
    "webcam-lost": m.issue_webcam_lost,
    "webcam-back": m.issue_webcam_back,
    "marks-missing": m.issue_marks_missing,
    "disk-low": m.issue_disk_low,
    "folder-lost": m.issue_folder_lost,
    "folder-back": m.issue_folder_back,
    "segment-damaged": m.issue_segment_damaged,
    "link-changed": m.issue_link_changed,
    slept: m.end_slept,
    "disk-nearly-full": m.end_disk_nearly_full,
    "disk-full": m.end_disk_full,
    interrupted: m.end_interrupted,
    "source-missing": m.end_source_missing,
    "sharing-refused": m.end_sharing,
    "sharing-silent": m.end_sharing,
    "sharing-revoked": m.end_sharing,
    "sharing-lost": m.end_sharing,
    "folder-unwritable": m.end_folder_unwritable,
    "no-display": m.end_failed,
    "encoder-missing": m.end_failed,
    "no-sound": m.end_failed,
    unsupported: m.end_failed,
    "pipeline-failed": m.end_failed,
  };
  return words[kind]?.() ?? detail;
}

/** More about an issue: how much, how long, or the system's own reason. Empty if there is no more. */
export function issueDetail({ kind, params }: IssueView): string {
  const number = (name: string) => (typeof params[name] === "number" ? params[name] : 0);
  switch (kind) {
    case "frames-dropped":
      return m.issue_frames_count({ count: number("count") });
    case "source-stalled":
    case "source-back":
      return m.seconds({ count: Math.round(number("ms") / 1000) });
    case "segment-damaged":
      return m.issue_segment_damaged_detail();
    case "disk-low":
      return m.disk_free({ size: format.size(number("freeBytes")) });
    default:
      return typeof params.reason === "string" ? params.reason : "";
  }
}

/** Returns where recordings go, and whether that server answers. */
export function accountLine(account: AccountView | null): Line {
  if (account === null) {
    return { icon: "hard-drive", tone: "soft", text: m.reach_none() };
  }
  const server = serverName(account);
  if (account.needsSignIn) {
    return { icon: "log-in", tone: "waits", text: m.reach_sign_in({ server }) };
  }
  switch (account.reach) {
    case "online":
      return { icon: "cloud", tone: "soft", text: m.reach_online({ server }) };
    case "offline":
      return { icon: "cloud-off", tone: "waits", text: m.reach_offline({ server }) };
    case "unknown":
      return { icon: "cloud", tone: "soft", text: m.reach_unknown({ server }) };
  }
}

/** Returns the name of a place that an item was sent to. */
export function placeName({ kind, place }: Pick<PlacedUpload, "kind" | "place">): string {
  switch (kind) {
    case "this-computer":
      return m.account_this_computer();
    case "snaplark":
      return m.account_snaplark();
    case "own-server":
    case "bucket":
    case "folder":
      return place;
  }
}

/** Returns where an upload to one place stands. */
export function placedLine({ state, kind, percentage }: PlacedUpload): Line {
  switch (state.kind) {
    case "done":
      return kind === "folder"
        ? { icon: "folder", tone: "done", text: m.sent_to_here() }
        : { icon: "link", tone: "done", text: m.sent_to_online() };
    case "waits":
      return { icon: waitIcon(state.reason), tone: "waits", text: waitWord(state.reason) };
    case "needsYou":
      return { icon: needIcon(state.reason), tone: "waits", text: needWord(state.reason), detail: state.detail };
    case "recording":
    case "uploading":
    case "local":
      return { icon: "upload", tone: "accent", text: format.percent(percentage) };
  }
}

export function serverName(account: AccountView): string {
  switch (account.kind) {
    case "this-computer":
      return m.account_this_computer();
    case "snaplark":
      return m.account_snaplark();
    case "own-server":
    case "bucket":
    case "folder":
      return account.server;
  }
}

export function accountFigures(account: AccountView | null, diskFreeBytes: number) {
  const { uploads, bytesPerSecond } = account ?? { uploads: 0, bytesPerSecond: 0 };
  return format.joined(
    uploads > 0 && m.uploads({ count: uploads }),
    uploads > 0 && bytesPerSecond > 0 && format.speed(bytesPerSecond),
    m.disk_free({ size: format.size(diskFreeBytes) }),
  );
}

/** `asks`: the desktop does, and knows no areas. */
export function shortcutName(shortcut: Shortcut, asks = false): string {
  switch (shortcut) {
    case "record":
      return m.shortcut_record();
    case "chooseArea":
      return asks ? m.shortcut_choose_screen() : m.shortcut_choose_area();
    case "microphone":
      return m.shortcut_microphone();
    case "webcam":
      return m.shortcut_webcam();
    case "quickMenu":
      return m.shortcut_quick_menu();
    case "pause":
      return m.shortcut_pause();
    case "strike":
      return m.strike_last({ count: STRIKE_SECONDS });
    case "shareLast":
      return m.shortcut_share_last();
    case "library":
      return m.shortcut_library();
    case "screenshot":
      return m.shortcut_screenshot();
  }
}
