// The player's controls over the browser's own video element. Knows nothing of where the bytes
// come from, but that a live recording has an edge that moves (live.js).
//
// Nothing is loaded before the first picture that it doesn't need: live.js comes where the recording runs or
// the browser doesn't play it as it is, and what stands beside the video (beside.js) after the first picture.

import { clock, fill, say, shownAt, sourceOf, words } from "./page.js";

const stage = document.querySelector("[data-player]");
const video = stage.querySelector("video");
const controls = stage.querySelector(".controls");
const bigPlay = stage.querySelector(".big-play");
const seek = stage.querySelector(".seek input");
const hint = stage.querySelector(".hint");
const unplayable = stage.querySelector(".unplayable");
const volume = stage.querySelector(".volume input");
const streams = () => import("./live.js");
const live = stage.dataset.state === "live" ? new (await streams()).Live(stage, video, { words, fill }) : null;
const speeds = stage.querySelector('[data-do="speed"]');
const SPEEDS = [...speeds.options].map((option) => Number(option.value));
const IDLE_MS = 2600;
const BESIDES_MS = 4000;
/** The file itself. Where it fails, the browser would go on to the next source; the script does that better. */
const file = video.querySelector("source");

const all = (selector) => document.querySelectorAll(selector);
const text = (selector, value) => all(selector).forEach((e) => e.textContent !== value && (e.textContent = value));
export const total = () => live?.edge || (Number.isFinite(video.duration) ? video.duration : 0);

video.controls = false;
controls.hidden = false;
stage.tabIndex = 0;

/** What beside.js knows of the video, once it is there. */
export const beside = {
  chapterAt: () => "",
  captionAt: () => "",
  jumpChapter: () => {},
  toggleKeys: () => {},
  search: () => {},
};

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
  const chapter = beside.chapterAt(now);
  seek.setAttribute("aria-valuetext", `${fill(words.position, { now: clock(now), end: clock(end) })}${chapter && `, ${chapter}`}`);
  text("[data-now]", clock(now));
  text("[data-total]", clock(end));
  text("[data-at]", clock(now));
  stage.classList.toggle("playing", !video.paused && !video.ended);
  stage.classList.toggle("muted", video.muted || video.volume === 0);
  bigPlay.hidden = !unplayable.hidden || !video.paused || video.currentTime > 0 || Boolean(live?.following);
  stage.querySelector('[data-do="play"]').setAttribute("aria-label", video.paused ? words.play : words.pause);
  stage.querySelector('[data-do="mute"]').setAttribute("aria-label", video.muted ? words.unmute : words.mute);
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

export const play = () => video.play().catch(() => {});
const toggle = () => (video.paused ? play() : video.pause());
export const jump = (t) => {
  video.currentTime = Math.max(0, Math.min(t, total()));
  live?.left();
};
function speed(step) {
  const at = SPEEDS.indexOf(Number(speeds.value));
  speeds.selectedIndex = Math.min(SPEEDS.length - 1, Math.max(0, at + step));
  video.playbackRate = Number(speeds.value);
}
let pointed = false;
speeds.addEventListener("pointerdown", () => (pointed = true));
speeds.addEventListener("keydown", () => (pointed = false));
speeds.addEventListener("change", () => {
  speed(0);
  if (pointed) stage.focus({ preventScroll: true });
});
// Another source begins at the browser's own speed.
video.addEventListener("loadedmetadata", () => speed(0));

const pip = stage.querySelector('[data-do="pip"]');
pip.hidden = !document.pictureInPictureEnabled;
const pictureInPicture = () => {
  if (pip.hidden || video.readyState === 0) return;
  (document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture()).catch(() => {});
};

const theater = stage.querySelector('[data-do="theater"]');
function widen() {
  if (!theater || document.fullscreenElement) return;
  theater.ariaPressed = String(document.documentElement.classList.toggle("theater"));
  stage.scrollIntoView({ block: "nearest" });
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
  pip: pictureInPicture,
  theater: widen,
  keys: () => beside.toggleKeys(),
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
  const at = share * total();
  hint.hidden = false;
  const [time, line] = hint.children;
  time.textContent = [clock(at), beside.chapterAt(at)].filter(Boolean).join(" · ");
  line.textContent = beside.captionAt(at);
  const half = hint.offsetWidth / 2;
  hint.style.left = `${Math.min(box.width - half * 2, Math.max(0, share * box.width - half))}px`;
});
stage.querySelector(".seek").addEventListener("pointerleave", () => (hint.hidden = true));

/** The keys, as the list of shortcuts shows them. */
export const shortcuts = [
  [words.key_play, [words.key_name_space, "K"], { " ": toggle, k: toggle }],
  [words.key_5, ["←", "→"], { ArrowLeft: () => jump(video.currentTime - 5), ArrowRight: () => jump(video.currentTime + 5) }],
  [words.key_10, ["J", "L"], { j: () => jump(video.currentTime - 10), l: () => jump(video.currentTime + 10) }],
  [words.key_picture, [",", "."], { ",": () => video.paused && jump(video.currentTime - 1 / 30), ".": () => video.paused && jump(video.currentTime + 1 / 30) }],
  [words.key_chapter, ["[", "]"], { "[": () => beside.jumpChapter(-1), "]": () => beside.jumpChapter(1) }],
  [words.key_share, ["0 … 9"], Object.fromEntries([..."0123456789"].map((key) => [key, () => jump((total() * Number(key)) / 10)]))],
  [words.key_ends, [words.key_name_home, words.key_name_end], { Home: () => jump(0), End: () => jump(total()) }],
  [words.key_speed, ["<", ">"], { "<": () => speed(-1), ">": () => speed(1) }],
  [words.key_mute, ["M"], { m: actions.mute }],
  [words.key_captions, ["C"], { c: actions.captions }],
  [words.key_search, ["/"], { "/": () => beside.search() }],
  [words.key_pip, ["I"], { i: pictureInPicture }],
  [words.key_theater, ["T"], { t: widen }],
  [words.key_full, ["F"], { f: full }],
  [words.key_list, ["?"], { "?": () => beside.toggleKeys() }],
];
const keys = Object.assign({}, ...shortcuts.map(([, , does]) => does));
document.addEventListener("keydown", (event) => {
  const target = event.target;
  // Fields, lists and dialogs take their own keys; the seek bar's arrows are ours.
  const own = target !== seek && target.closest('input, select, textarea, [contenteditable], [popover], .lines, .chapters ol');
  if (event.ctrlKey || event.metaKey || event.altKey || (own && event.key !== "?") || target.matches("[type=search]")) return;
  // A focused button or link takes Space and Enter itself.
  if (event.key === " " && target.closest("button, a")) return;
  const action = keys[event.key];
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
  const at = shownAt(asked);
  video.addEventListener("loadedmetadata", () => (video.currentTime = at), { once: true });
  if (video.readyState > 0) video.currentTime = at;
}
for (const link of all("[data-seek]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    jump(Number(link.dataset.seek));
    play();
    if (event.detail > 0) stage.focus({ preventScroll: true });
  });
}
draw();
// The browser says so when the first picture is there, or when it loads none before somebody plays.
const besides = () => import("./beside.js").catch(() => {});
if (document.readyState === "complete") besides();
else addEventListener("load", besides, { once: true });
// A video that waits for its bytes keeps that event back.
setTimeout(besides, BESIDES_MS);
try {
  if (localStorage.getItem(WANTED) === "yes") showCaptions(true);
} catch {
  // As above.
}

// --- where it was edited meanwhile ---

/** More often than this nobody asks whether there is another version. */
const LOOK_MS = 30_000;
/** Long enough to read why the page loads anew. */
const WORD_MS = 1500;
const EDITED = "snaplark-edited";
let looked = Date.now();
let leaves = false;

/** Says it and loads the page anew, at the same moment of the recording, if there is a greater version. */
async function edited() {
  if (!stage.dataset.version) return false;
  if (leaves) return true;
  looked = Date.now();
  const answer = await fetch(`${stage.dataset.base}/live?after=4294967295`).then((r) => r.json()).catch(() => null);
  if (!(answer?.version > Number(stage.dataset.version))) return false;
  leaves = true;
  video.pause();
  say(words.edited_loading);
  const url = new URL(location.href);
  const at = Math.floor(sourceOf(video.currentTime));
  if (at > 0) url.searchParams.set("t", String(at));
  try {
    sessionStorage.setItem(EDITED, "yes");
  } catch {
    // It was said before the page was left.
  }
  setTimeout(() => location.replace(url), WORD_MS);
  return true;
}
const lookAgain = () => Date.now() - looked > LOOK_MS && edited();
video.addEventListener("play", lookAgain);
document.addEventListener("visibilitychange", () => !document.hidden && lookAgain());
try {
  if (sessionStorage.getItem(EDITED)) say(words.edited_shown);
  sessionStorage.removeItem(EDITED);
} catch {
  // As above.
}

// --- where the browser doesn't play it as it is ---

/** A browser that knows nothing of the file after so long doesn't play it. */
const WAIT_MS = 15_000;
/** A browser that knows no picture so long after the first bytes shows none. */
const PICTURE_MS = 1000;
const preparing = stage.querySelector(".preparing");
/** What plays: the file, the stream of H.264, or nothing. */
let way = live ? "live" : "file";

function refuse() {
  way = "nothing";
  video.pause();
  unplayable.hidden = false;
  bigPlay.hidden = true;
}

/** From here on the script says what plays. */
function leaveSources() {
  for (const source of video.querySelectorAll("source")) source.remove();
  video.removeAttribute("src");
  video.load();
}

/** The stream in place of the file, at the same moment; a sentence and a download where that fails too. */
async function stream() {
  if (way !== "file") return;
  way = "stream";
  if (stage.dataset.hls === undefined) return refuse();
  const begins = asked > 0 ? shownAt(asked) : 0;
  const at = video.currentTime || begins;
  let wanted = !video.paused;
  const want = () => (wanted = true);
  video.addEventListener("play", want, { once: true });
  preparing.hidden = false;
  leaveSources();
  const { Hls } = await streams();
  const { base, version, hls: playlist, length } = stage.dataset;
  const plays = await new Hls(video, { base, version, playlist, lengthMs: Number(length) || null }, failed).start();
  preparing.hidden = true;
  video.removeEventListener("play", want);
  if (!plays) return (await edited()) || refuse();
  // While it is made, it is only as long as what is there.
  const begin = () => {
    if (video.duration < at) return;
    video.removeEventListener("durationchange", begin);
    video.currentTime = at;
  };
  if (at > 0) {
    video.addEventListener("durationchange", begin);
    begin();
  }
  draw();
  if (wanted) play();
}
const failed = async () => (await edited()) || refuse();

/** The file is there, and the browser doesn't play it: nothing is said of a network that failed. */
async function otherwise() {
  if (way !== "file" || (await edited())) return;
  const answer = await fetch(unplayable.dataset.file, { method: "HEAD" }).catch(() => null);
  if (answer?.ok) await stream();
}
function look() {
  const isPictureless = () => way === "file" && video.readyState > 0 && video.videoWidth === 0;
  // Sound alone where there is a picture. WebKitGTK knows the picture's size a moment after it has one.
  if (isPictureless()) setTimeout(() => isPictureless() && otherwise(), PICTURE_MS);
}
/** The file's codec by its full name, for browsers that take no other. */
async function decodes(mime) {
  const codec = /codecs="?(vp9|vp8)/.exec(mime)?.[1];
  if (!codec || !navigator.mediaCapabilities) return true;
  const contentType = `video/webm; codecs="${codec === "vp9" ? "vp09.00.41.08" : codec}"`;
  const [width, height] = [Number(video.getAttribute("width")) || 1280, Number(video.getAttribute("height")) || 720];
  const config = { type: "file", video: { contentType, width, height, bitrate: 2_500_000, framerate: 30 } };
  return navigator.mediaCapabilities.decodingInfo(config).then((info) => info.supported, () => true);
}
if (way === "file") {
  const mime = stage.dataset.mime;
  video.addEventListener("error", otherwise);
  file.addEventListener("error", otherwise);
  video.addEventListener("loadeddata", look);
  // It may have failed, or gone on to the next source, before this script ran.
  const went = video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE || (video.currentSrc && video.currentSrc !== file.src);
  if (mime && video.canPlayType(mime) === "") stream();
  else if (video.error || went) otherwise();
  else look();
  decodes(mime).then((is) => is || stream());
  setTimeout(() => video.readyState === 0 && video.networkState !== HTMLMediaElement.NETWORK_IDLE && otherwise(), WAIT_MS);
}

// --- where a seek before the first play doesn't end ---

/** WebKitGTK stops at the metadata, forgets a seek and plays from the start. It seeks where it may load all. */
const SEEK_MS = 300;
let seeksSince;
function seekAgain() {
  const waits = video.seeking && video.networkState === HTMLMediaElement.NETWORK_IDLE;
  // Who plays loads already, and a load would interrupt the play.
  if (way !== "file" || !waits || !video.paused || video.played.length > 0 || video.preload === "auto") return;
  const at = video.currentTime;
  video.preload = "auto";
  video.addEventListener("loadedmetadata", () => (video.currentTime = at), { once: true });
  video.load();
}
video.addEventListener("seeking", () => {
  clearTimeout(seeksSince);
  seeksSince = setTimeout(seekAgain, SEEK_MS);
});
video.addEventListener("seeked", () => clearTimeout(seeksSince));

// --- once it is watched ---

video.addEventListener("play", () => fetch(`${stage.dataset.base}/viewed`, { method: "POST", keepalive: true }).catch(() => {}), { once: true });
