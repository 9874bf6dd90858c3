// The player's controls over the browser's own video element. Knows nothing of where the bytes
// come from, but that a live recording has an edge that moves (live.js).

import { clock } from "./page.js";
import { Live } from "./live.js";

const stage = document.querySelector("[data-player]");
const video = stage.querySelector("video");
const controls = stage.querySelector(".controls");
const bigPlay = stage.querySelector(".big-play");
const seek = stage.querySelector(".seek input");
const hint = stage.querySelector(".hint");
const unplayable = stage.querySelector(".unplayable");
const volume = stage.querySelector(".volume input");
const live = stage.dataset.state === "live" ? new Live(stage, video) : null;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const IDLE_MS = 2600;
/** Taller pictures get bars beside them. */
const SHAPE_MIN = 0.75;

const all = (selector) => document.querySelectorAll(selector);
const text = (selector, value) => all(selector).forEach((e) => e.textContent !== value && (e.textContent = value));
const total = () => live?.edge || (Number.isFinite(video.duration) ? video.duration : 0);

video.controls = false;
controls.hidden = false;
stage.tabIndex = 0;
if (video.getAttribute("width") > 0) {
  const shape = video.getAttribute("width") / video.getAttribute("height");
  document.documentElement.style.setProperty("--shape", String(Math.max(SHAPE_MIN, shape)));
  stage.toggleAttribute("data-fits", shape >= SHAPE_MIN);
}

// --- what is shown ---

function draw() {
  const end = total();
  const now = Math.min(video.currentTime, end || video.currentTime);
  const ahead = [...Array(video.buffered.length).keys()]
    .filter((i) => video.buffered.start(i) <= now + 0.5)
    .reduce((far, i) => Math.max(far, video.buffered.end(i)), now);
  const share = (t) => (end > 0 ? Math.min(1, t / end) : 0);
  stage.querySelector(".played").style.transform = `scaleX(${share(now)})`;
  stage.querySelector(".loaded").style.transform = `scaleX(${share(ahead)})`;
  if (document.activeElement !== seek || !seek.matches(":active")) seek.value = String(share(now) * 1000);
  seek.setAttribute("aria-valuetext", `${clock(now)} of ${clock(end)}`);
  text("[data-now]", clock(now));
  text("[data-total]", clock(end));
  text("[data-at]", clock(now));
  stage.classList.toggle("playing", !video.paused && !video.ended);
  stage.classList.toggle("muted", video.muted || video.volume === 0);
  bigPlay.hidden = !unplayable.hidden || !video.paused || video.currentTime > 0 || Boolean(live?.following);
  stage.querySelector('[data-do="play"]').setAttribute("aria-label", video.paused ? "Play" : "Pause");
  stage.querySelector('[data-do="mute"]').setAttribute("aria-label", video.muted ? "Unmute" : "Mute");
  live?.draw(now);
}

for (const event of ["timeupdate", "durationchange", "progress", "play", "pause", "ended", "volumechange", "seeked", "loadeddata"]) {
  video.addEventListener(event, draw);
}
live?.addEventListener("change", draw);

let idle;
function wake() {
  stage.classList.remove("idle");
  clearTimeout(idle);
  idle = setTimeout(() => {
    const used = controls.matches(":hover") || controls.contains(document.activeElement?.closest(":focus-visible"));
    if (!video.paused && !used) stage.classList.add("idle");
  }, IDLE_MS);
}
for (const event of ["pointermove", "pointerdown", "keydown", "focusin"]) stage.addEventListener(event, wake);
video.addEventListener("play", wake);
video.addEventListener("pause", wake);

// --- what can be done ---

const play = () => video.play().catch(() => {});
const toggle = () => (video.paused ? play() : video.pause());
const jump = (t) => {
  video.currentTime = Math.max(0, Math.min(t, total()));
  live?.left();
};
function speed(step) {
  const at = SPEEDS.indexOf(video.playbackRate);
  const next = step === 0 ? (at + 1) % SPEEDS.length : Math.min(SPEEDS.length - 1, Math.max(0, at + step));
  video.playbackRate = SPEEDS[next];
  text('[data-do="speed"]', `${SPEEDS[next]}×`);
}
const full = () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen?.().catch(() => {}));

const captions = stage.querySelector('[data-do="captions"]');
/** Chosen once, shown on the next video too. */
const WANTED = "snaplark-captions";
function showCaptions(on) {
  if (!captions || !video.textTracks[0]) return;
  video.textTracks[0].mode = on ? "showing" : "hidden";
  captions.setAttribute("aria-pressed", String(on));
  try {
    localStorage.setItem(WANTED, on ? "yes" : "no");
  } catch {
    // A browser that keeps nothing shows them all the same.
  }
}

const actions = {
  play: toggle,
  mute: () => (video.muted = !video.muted),
  speed: () => speed(0),
  full,
  edge: () => live?.join(),
  captions: () => showCaptions(captions?.getAttribute("aria-pressed") !== "true"),
};
for (const [name, action] of Object.entries(actions)) {
  stage.querySelector(`[data-do="${name}"]`)?.addEventListener("click", (event) => {
    action();
    // After the pointer, Space means the picture again, not the button.
    if (event.detail > 0) stage.focus({ preventScroll: true });
  });
}
bigPlay.addEventListener("click", play);
video.addEventListener("click", toggle);
video.addEventListener("dblclick", full);
seek.addEventListener("input", () => jump((seek.value / 1000) * total()));
volume.addEventListener("input", () => {
  video.volume = Number(volume.value);
  video.muted = false;
});

stage.querySelector(".seek").addEventListener("pointermove", (event) => {
  const box = event.currentTarget.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  hint.hidden = false;
  hint.textContent = clock(share * total());
  const half = hint.offsetWidth / 2;
  hint.style.left = `${Math.min(box.width - half * 2, Math.max(0, share * box.width - half))}px`;
});
stage.querySelector(".seek").addEventListener("pointerleave", () => (hint.hidden = true));

const keys = {
  " ": toggle,
  k: toggle,
  m: actions.mute,
  f: full,
  c: actions.captions,
  ArrowLeft: () => jump(video.currentTime - 5),
  ArrowRight: () => jump(video.currentTime + 5),
  j: () => jump(video.currentTime - 10),
  l: () => jump(video.currentTime + 10),
  ",": () => video.paused && jump(video.currentTime - 1 / 30),
  ".": () => video.paused && jump(video.currentTime + 1 / 30),
  "<": () => speed(-1),
  ">": () => speed(1),
  Home: () => jump(0),
  End: () => jump(total()),
};
document.addEventListener("keydown", (event) => {
  const target = event.target;
  const typed = event.ctrlKey || event.metaKey || event.altKey || target === volume;
  // A focused button takes Space itself; the seek bar's arrows are ours.
  if (typed || (event.key === " " && target instanceof HTMLButtonElement)) return;
  const tenth = /^[0-9]$/.test(event.key) ? () => jump((total() * Number(event.key)) / 10) : null;
  const action = keys[event.key] ?? tenth;
  if (!action) return;
  event.preventDefault();
  action();
  wake();
});

// --- beginning ---

const asked = Number(new URLSearchParams(location.search).get("t"));
if (live) {
  live.start(asked > 0 ? asked : null);
} else if (asked > 0) {
  video.addEventListener("loadedmetadata", () => (video.currentTime = asked), { once: true });
  if (video.readyState > 0) video.currentTime = asked;
}
draw();
try {
  if (localStorage.getItem(WANTED) === "yes") showCaptions(true);
} catch {
  // As above.
}

// --- where the browser can't play it ---

/** The file is there, and the browser doesn't play it: nothing is said of a network that failed. */
async function refuse() {
  if (!unplayable.hidden || video.src.startsWith("blob:")) return;
  const answer = await fetch(unplayable.dataset.file, { method: "HEAD" }).catch(() => null);
  if (!answer?.ok) return;
  unplayable.hidden = false;
  bigPlay.hidden = true;
}
function look() {
  // Sound alone where there is a picture.
  if (video.readyState > 0 && video.videoWidth === 0) refuse();
}
video.addEventListener("error", refuse);
video.addEventListener("loadeddata", look);
if (video.error) refuse();
else look();
unplayable.addEventListener("made", (event) => {
  unplayable.hidden = true;
  video.src = event.target.href;
  play();
});

// --- once it is watched ---

video.addEventListener("play", () => fetch(`${stage.dataset.base}/viewed`, { method: "POST", keepalive: true }).catch(() => {}), { once: true });
