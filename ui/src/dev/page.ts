/*!
 * The real windows on a made-up program, for looking at them in a browser:
 * dev/library.html?state=full&theme=dark, dev/toast.html?state=toasts-look
 * &press=account presses what has that test id (or is found so, if it is no name), once it is there.
 * `window.shown` is kept when all of it is done.
 */
import { emit } from "@tauri-apps/api/event";
import { mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { recording } from "./fixtures";
import { answer, scene } from "./scenes";
import { pieces, still } from "./stills";

declare global {
  interface Window {
    shown: Promise<void>;
    /** The commands that the window has called so far. */
    asked: Array<[command: string, args: unknown]>;
    /** The program is in another scene from now on, and says that something changed. */
    become: (scene: string) => Promise<void>;
  }
}

const wanted = new URLSearchParams(location.search);
const page = document.documentElement.dataset.window ?? "library";
const theme = wanted.get("theme");
const text = wanted.get("text");
if (theme !== null) document.documentElement.dataset.theme = theme;
if (text !== null) document.documentElement.style.fontSize = `${text}%`;

// What a person chose in one picture is not chosen in the next.
localStorage.clear();
// Nor what was shown there: the next load would open that player again, as after a crash.
sessionStorage.clear();
window.asked = [];

let now = scene(wanted.get("state") ?? "full");
const language = wanted.get("lang") ?? "en";
const media = now.refused.media === undefined ? await pieces() : null;
const screen = still(recording("Display", { kind: "done" }).id);

// An editor without a picture has no id in its address.
if (page === "editor" && wanted.get("state") !== "no-picture") location.hash = now.picture.id;

if (page === "cutter") location.hash = now.cut.id;

mockWindows(page);
mockConvertFileSrc("linux");
Object.assign((window as { __TAURI_INTERNALS__?: object }).__TAURI_INTERNALS__ ?? {}, {
  convertFileSrc: (path: string) => media?.(path) ?? still(path),
});
mockIPC(
  (command, args) => {
    window.asked.push([command, args]);
    const said = answer(now, command, language);
    return command === "chooser" ? { ...now.chooser, strips: [{ src: screen, y: 0, height: now.chooser.display.at.height }] } : said;
  },
  { shouldMockEvents: true },
);

/** Once it is there. */
function found(what: string): Promise<HTMLElement> {
  const selector = /^[\w-]+$/.test(what) ? `[data-testid="${what}"]` : what;
  const look = () => document.querySelector<HTMLElement>(selector);
  return new Promise((then) => {
    const watch = new MutationObserver(() => tell(look()));
    const tell = (element: HTMLElement | null) => {
      if (element === null) return;
      watch.disconnect();
      then(element);
    };
    watch.observe(document, { childList: true, subtree: true });
    tell(look());
  });
}

window.become = async (name) => {
  now = scene(name);
  await emit("changed", 2);
};

async function show() {
  await found("body > *");
  // What is pressed stands where it stays.
  await document.fonts.ready;
  await new Promise(requestAnimationFrame);
  for (const microphone of now.levels) await emit("levels", { microphone, system: 0 });
  for (const press of wanted.getAll("press")) (await found(press)).click();
}
window.shown = show();
