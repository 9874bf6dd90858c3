/*! Windows on a desk, as they stand beside each other: dev/desk.html?scene=library&theme=dark */
import "$lib/tokens.css";
import "./desk.css";

interface Placed {
  page: string;
  state: string;
  press?: string;
  /** The position of the video, in seconds. */
  at?: number;
  x: number;
  y: number;
  width: number;
  height: number;
  /** It has the system's own frame. */
  framed?: true;
}

const library = { page: "library", width: 800, height: 560, framed: true } as const;
/** Frameless windows have room for their shadow around them. */
const ROOM = 16;

const scenes: Record<string, readonly Placed[]> = {
  library: [
    { ...library, state: "full", x: 40, y: 40 },
    { page: "toast", state: "toasts-done", x: 508, y: 536, width: 452, height: 112 },
  ],
  recording: [
    { page: "bar", state: "running", x: 40 - ROOM, y: 40 - ROOM, width: 700, height: 80 },
    { page: "quick", state: "running", x: 620 - ROOM, y: 40 - ROOM, width: 332, height: 420 },
    { page: "toast", state: "toasts-look", x: 40 - ROOM, y: 132 - ROOM, width: 452, height: 300 },
  ],
  player: [{ ...library, state: "playable", press: "[data-testid=recording-open]", at: 38, x: 40, y: 40 }],
  settings: [{ page: "settings", state: "full", width: 720, height: 560, framed: true, x: 40, y: 40 }],
  welcome: [{ page: "welcome", state: "this-computer", width: 640, height: 520, framed: true, x: 40, y: 40 }],
};

const wanted = new URLSearchParams(location.search);
const query = Object.fromEntries(["theme", "lang"].flatMap((name) => {
  const value = wanted.get(name);
  return value === null ? [] : [[name, value]];
}));
document.documentElement.dataset.theme = wanted.get("theme") ?? "light";

/** Seeks to a picture of that moment and stays there. */
async function stand(video: HTMLVideoElement, at: number) {
  const happens = (what: string) =>
    new Promise((then) => video.addEventListener(what, then, { once: true }));
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) await happens("loadeddata");
  video.pause();
  const there = happens("seeked");
  video.currentTime = at;
  await there;
}

async function place({ page, state, press, at, x, y, width, height, framed }: Placed) {
  const frame = document.createElement("iframe");
  const asked = new URLSearchParams({ ...query, state, ...(press ? { press } : {}) });
  frame.src = `${page}.html?${asked}`;
  frame.className = framed ? "framed" : "";
  frame.style.cssText = `left: ${x}px; top: ${y}px; width: ${width}px; height: ${height}px`;
  document.body.append(frame);
  await new Promise((then) => frame.addEventListener("load", then, { once: true }));
  await frame.contentWindow?.shown;
  if (at === undefined) return;
  const video = () => frame.contentDocument?.querySelector("video");
  while (!video()) await new Promise(requestAnimationFrame);
  await stand(video()!, at);
  (frame.contentDocument?.activeElement as HTMLElement).blur();
}

window.shown = Promise.all((scenes[wanted.get("scene") ?? "library"] ?? []).map(place)).then(() => {});
