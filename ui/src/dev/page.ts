/*!
 * The real windows on made-up snapshots, for looking at them in a browser:
 * dev/library.html?state=full&theme=dark, dev/toast.html?state=look
 */
import { mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { empty, full, running, toasts } from "./fixtures";

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
    case "running":
      return running();
    default:
      return full();
  }
}

mockWindows(document.documentElement.dataset.window ?? "library");
mockIPC(
  (command) => {
    switch (command) {
      case "snapshot":
        return snapshot();
      case "desktop":
        return {
          shortcut: { keys: "Alt+R", state: state === "taken" ? "taken" : "works" },
          composited: true,
        };
      default:
        return null;
    }
  },
  { shouldMockEvents: true },
);
