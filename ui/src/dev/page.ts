/*!
 * The real windows on made-up snapshots, for looking at them in a browser:
 * dev/library.html?state=full&theme=dark, dev/toast.html?state=look
 * &press=account presses what has that test id, once it is there.
 */
import { mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import type { AccountKind } from "$lib/bindings/AccountKind";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { SignIn } from "$lib/ipc";
import {
  abilities,
  account,
  bound,
  choosable,
  counting,
  crash,
  empty,
  full,
  many,
  paused,
  recording,
  running,
  settings,
  toasts,
  updates,
} from "./fixtures";
import { still } from "./stills";

const wanted = new URLSearchParams(location.search);
const state = wanted.get("state") ?? "";
const theme = wanted.get("theme");
if (theme !== null) document.documentElement.dataset.theme = theme;
const text = wanted.get("text");
if (text !== null) document.documentElement.style.fontSize = `${text}%`;
if (wanted.get("dir") === "rtl") document.documentElement.dir = "rtl";

function snapshot() {
  if (state in toasts) return { ...empty(), toasts: toasts[state as keyof typeof toasts] };
  switch (state) {
    case "empty":
      return empty();
    case "this-computer":
      return at("this-computer", "127.0.0.1:40000", false);
    case "no-cloud":
      return { ...full(), account: null };
    case "signed-in":
      return at("own-server", "video.example", false);
    case "needs-sign-in":
    case "waiting":
    case "no-keyring":
    case "no-browser-sign-in":
    case "server-unreachable":
      return at("own-server", "video.example", true);
    case "many":
      return many(5000);
    case "running":
      return running();
    case "paused":
      return paused();
    case "counting":
      return counting();
    case "kept":
      return { ...empty(), ring: { kind: "keeping", heldMs: 61_000, lengthMs: 120_000 } };
    default:
      return full();
  }
}

function at(kind: AccountKind, server: string, needsSignIn: boolean): Snapshot {
  return { ...full(), account: { ...account, kind, server, needsSignIn } };
}

function signIn(): SignIn {
  const server = "https://video.example/api/v1";
  switch (state) {
    case "waiting":
      return { phase: "waiting", server };
    case "no-keyring":
    case "no-browser-sign-in":
    case "server-unreachable":
      return { phase: "failed", server, code: state, params: {} };
    default:
      return { phase: "idle" };
  }
}

mockWindows(document.documentElement.dataset.window ?? "library");
mockConvertFileSrc("linux");
Object.assign((window as { __TAURI_INTERNALS__?: object }).__TAURI_INTERNALS__ ?? {}, {
  convertFileSrc: still,
});
mockIPC(
  (command) => {
    switch (command) {
      case "snapshot":
        return snapshot();
      case "sign_in_state":
        return signIn();
      case "settings":
        return settings();
      case "starts_at_login":
        return true;
      case "microphones":
        return [{ name: "alsa_input.desk", words: "Desk microphone" }];
      case "cameras":
        return [{ name: "desk", words: "Desk camera" }];
      case "about":
        return { version: "0.1.0", system: "linux x86_64", gstreamer: "GStreamer 1.22.0" };
      case "update_state":
        return updates[state as keyof typeof updates] ?? updates.newest;
      case "works_here":
        return abilities;
      case "chooser":
        return choosable(still(recording("Display", { kind: "done" }).id));
      case "last_crash":
        return state === "crashed" ? crash : null;
      case "test_connection":
        return { server: "video.example", tookMs: 38, knowsToken: true, version: "0.1.0" };
      case "desktop":
        return {
          shortcut: { ...bound()[0], state: state === "taken" ? "taken" : "works" },
          shortcuts: bound().map((one) => (state === "taken" ? { ...one, state } : one)),
          composited: true,
          language: wanted.get("lang") ?? "en",
        };
      default:
        return null;
    }
  },
  { shouldMockEvents: true },
);

const pressed = wanted.get("press");
if (pressed !== null) {
  const watch = new MutationObserver(() => {
    const found = document.querySelector<HTMLElement>(`[data-testid="${pressed}"]`);
    if (found === null) return;
    watch.disconnect();
    found.click();
  });
  watch.observe(document, { childList: true, subtree: true });
}
