/*! Words for what a command could not do: what happened, what is safe, what to do next. */
import type { CommandError, SignIn } from "$lib/ipc";
import * as m from "$lib/messages/messages";

export type SignInUnderWay = Exclude<SignIn, { phase: "idle" }>;

export function troubleWords({ code, params }: CommandError): string {
  const reason = typeof params.reason === "string" ? params.reason : "";
  switch (code) {
    case "already-recording":
      return m.error_already_recording();
    case "not-recording":
      return m.error_not_recording();
    case "nothing-kept":
      return m.error_nothing_kept();
    case "no-preview":
      return m.preview_gone();
    case "bad-range":
      return m.error_bad_range();
    case "folder-away":
      return m.error_folder_away({ reason });
    case "closing":
      return m.error_closing();
    case "no-display":
      return m.error_no_display();
    case "empty-title":
      return m.error_empty_title();
    case "encoder-missing":
      return m.error_encoder_missing({ reason });
    case "disk-full":
      return m.error_disk_full();
    case "capture":
      return m.error_capture({ reason });
    case "store":
      return m.error_store({ reason });
    case "network":
      return m.error_network({ reason });
    case "no-recording":
      return m.error_no_recording();
    case "no-link":
      return m.error_no_link();
    case "no-file":
      return m.error_no_file();
    case "no-media":
      return m.error_no_media();
    case "no-browser":
      return m.error_no_browser();
    case "no-drag":
      return m.error_no_drag();
    case "no-file-manager":
      return m.error_no_file_manager();
    case "no-clipboard":
      return m.error_no_clipboard();
    case "token-remains":
      return m.error_token_remains();
    case "shortcut-taken":
      return m.error_shortcut_taken({ keys: reason });
    case "keys-twice":
      return m.error_keys_twice({ keys: reason });
    case "no-microphone":
      return m.error_no_microphone();
    case "no-autostart":
      return m.error_no_autostart({ reason });
    case "no-folder":
      return m.error_no_folder();
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
    case "not-moved":
      return m.error_not_moved({ reason });
    case "server-unreachable":
      return m.error_test_unreachable({ reason });
    case "out-of-reach":
      return m.error_out_of_reach();
    default:
      return m.error_unknown();
  }
}

/** What a sign-in waits for, or what kept it from being one. */
export function signInWords(signIn: SignInUnderWay): string {
  const name = hostOf(signIn.server);
  if (signIn.phase === "waiting") return m.sign_in_waiting_at({ server: name });
  const { code, params } = signIn;
  const reason = typeof params.reason === "string" ? params.reason : "";
  switch (code) {
    case "no-keyring":
      return m.sign_in_no_keyring();
    case "no-browser-sign-in":
      return m.sign_in_no_browser_sign_in({ server: name });
    case "foreign-sign-in":
      return m.sign_in_foreign({ server: name, other: reason });
    case "plain-http":
      return m.sign_in_plain_http({ server: name });
    case "bad-server":
      return m.sign_in_bad_server();
    case "token-refused":
      return m.sign_in_token_refused({ server: name });
    case "server-unreachable":
      return m.sign_in_unreachable({ server: name });
    case "sign-in-timed-out":
      return m.sign_in_timed_out();
    case "sign-in-refused":
      return m.sign_in_refused({ server: name });
    case "no-loopback":
      return m.sign_in_no_loopback({ reason });
    case "no-browser":
      return m.sign_in_no_browser();
    default:
      return troubleWords({ code, params });
  }
}

function hostOf(server: string): string {
  return URL.canParse(server) ? new URL(server).host : server;
}
