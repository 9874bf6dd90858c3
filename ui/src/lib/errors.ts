/*! The words of an error: what happened, what is safe, what to do next. A new code that has none here
doesn't compile. */
import type { CommandError, SignIn } from "$lib/ipc";
import { sentence } from "$lib/format";
import * as m from "$lib/messages/messages";

export type SignInUnderWay = Exclude<SignIn, { phase: "idle" }>;

export function errorWords({ code, params }: CommandError): string {
  const named = params.reason ?? "";
  const reason = sentence(named);
  const server = hostOf(params.server ?? "");
  switch (code) {
    case "no-home":
      return m.error_no_home();
    case "bad-home":
      return m.error_bad_home({ reason });
    case "bad-profile":
    case "unknown-setting":
    case "bad-setting":
      return m.error_bad_setting({ reason });
    case "keys-twice":
      return m.error_keys_twice({ keys: named });
    case "shortcut-taken":
      return m.error_shortcut_taken({ keys: named });
    case "no-folder":
      return m.error_no_folder();
    case "no-autostart":
      return m.error_no_autostart({ reason });
    case "in-use":
      return m.error_in_use();
    case "store":
    case "folder-unwritable":
      return m.error_store({ reason });

    case "plain-http":
      return m.sign_in_plain_http({ server });
    case "bad-server":
      return m.sign_in_bad_server();
    case "token-refused":
      return m.sign_in_token_refused({ server });
    case "server-unreachable":
      return m.error_test_unreachable({ reason });
    case "no-browser-sign-in":
      return m.sign_in_no_browser_sign_in({ server });
    case "foreign-sign-in":
      return m.sign_in_foreign({ server, other: named });
    case "sign-in-timed-out":
      return m.sign_in_timed_out();
    case "sign-in-refused":
      return m.sign_in_refused({ server });
    case "no-loopback":
      return m.sign_in_no_loopback({ reason });
    case "no-keyring":
      return m.sign_in_no_keyring();
    case "token-remains":
      return m.error_token_remains();
    case "network":
      return m.error_network({ reason });
    case "no-webhook":
      return m.error_no_webhook();
    case "webhook-refused":
      return m.error_webhook_refused({ reason });

    case "no-picture":
      return m.picture_error_none({ reason });
    case "file-refused":
      return fileWords(named, params.file ?? "");
    case "bad-drawing":
      return m.picture_error_drawing({ reason });
    case "newer-drawing":
      return m.picture_error_newer();
    case "no-recognition":
      return m.picture_error_recognition({ reason });
    case "bad-edit":
      return m.cutter_error_edit({ reason });
    case "edit-changed":
      return m.cutter_error_changed();
    case "newer-edit":
      return m.cutter_error_newer();
    case "new-link-only":
      return m.cutter_error_new_link();
    case "part-too-large":
      return m.cutter_error_part();
    case "no-encoder":
      return m.error_no_encoder({ reason });
    case "no-space":
      return m.error_no_space({ reason });
    case "silent-recording":
      return m.error_silent_recording();
    case "no-display":
      return m.error_no_display();
    case "encoder-missing":
      return m.error_encoder_missing({ reason });
    case "disk-full":
      return m.error_disk_full();
    case "sharing-declined":
      return m.error_sharing_declined();
    case "no-sharing":
      return m.error_no_sharing({ reason });
    case "capture":
      return m.error_capture({ reason });
    case "no-screenshot":
      return m.error_no_screenshot({ reason });
    case "already-recording":
      return m.error_already_recording();
    case "not-recording":
      return m.error_not_recording();
    case "nothing-recorded":
      return m.error_nothing_recorded();
    case "no-microphone":
      return m.error_no_microphone();
    case "no-sound":
      return m.error_no_sound({ reason });
    case "no-cameras":
      return m.cameras_unknown();
    case "no-camera":
      return m.camera_preview_failed({ reason });
    case "camera-recording":
      return m.camera_preview_recording();
    case "camera-hidden":
      return m.camera_preview_waits();
    case "not-listed":
      return m.error_not_listed({ reason });
    case "not-deleted":
      return m.error_not_deleted();
    case "folder-away":
      return m.error_folder_away();

    case "nothing-kept":
      return m.error_nothing_kept();
    case "no-preview":
      return m.preview_gone();
    case "bad-range":
      return m.error_bad_range();

    case "no-recording":
    case "no-such-recording":
      return m.error_no_recording();
    case "no-link":
      return m.error_no_link();
    case "send-edited":
      return m.error_send_edited();
    case "no-file":
      return m.error_no_file();
    case "no-media":
      return m.error_no_media();
    case "not-moved":
      return m.error_not_moved({ reason });
    case "empty-title":
      return m.error_empty_title();

    case "no-browser":
      return m.error_no_browser();
    case "no-file-manager":
      return m.error_no_file_manager();
    case "no-clipboard":
      return m.error_no_clipboard();
    case "no-drag":
      return m.error_no_drag();
    case "no-window":
      return m.error_no_window({ reason });

    case "recording-runs":
      return m.update_waits();
    case "update-not-signed":
      return m.update_not_signed();
    case "update-not-installed":
      return m.update_not_installed({ reason });
    case "update-feed-odd":
      return m.update_feed_odd();
    case "update-feed-away":
      return m.update_feed_away({ reason });

    case "closing":
      return m.error_closing();
    case "not-offered":
      return m.error_not_offered();
    case "not-running":
    case "out-of-reach":
      return m.error_out_of_reach();
    case "unknown":
      return m.error_unknown();
  }
}

/** Returns why a file can't be brought in, and what to do about it. */
function fileWords(reason: string, file: string): string {
  const words: Record<string, (params: { file: string }) => string> = {
    missing: m.error_file_missing,
    folder: m.error_file_folder,
    "not-a-file": m.error_file_not_a_file,
    "link-loop": m.error_file_link_loop,
    forbidden: m.error_file_forbidden,
    unreadable: m.error_file_unreadable,
    "bad-name": m.error_file_bad_name,
    empty: m.error_file_empty,
    "other-type": m.error_file_other_type,
    "animation-too-large": m.error_file_animation_too_large,
    "picture-too-large": m.error_file_picture_too_large,
    "cut-off": m.error_file_cut_off,
    "no-picture": m.error_file_no_picture,
    "too-large": m.error_file_too_large,
  };
  return (words[reason] ?? m.error_file_refused)({ file });
}

/** Returns what a sign-in waits for, or why it failed. */
export function signInWords(signIn: SignInUnderWay): string {
  const server = hostOf(signIn.server);
  if (signIn.phase === "waiting") return m.sign_in_waiting_at({ server });
  switch (signIn.code) {
    case "server-unreachable":
      return /^https?:/.test(signIn.server)
        ? m.sign_in_unreachable({ server })
        : m.place_unreachable({ server, reason: sentence(signIn.params.reason ?? "") });
    case "no-browser":
      return m.sign_in_no_browser();
    default:
      return errorWords({ ...signIn, params: { ...signIn.params, server: signIn.server } });
  }
}

/** Returns the host of a server or a bucket, or a folder's path. */
function hostOf(server: string): string {
  if (!URL.canParse(server)) return server;
  const { host, pathname } = new URL(server);
  return host === "" ? decodeURIComponent(pathname) : host;
}
