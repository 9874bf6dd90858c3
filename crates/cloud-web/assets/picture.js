// A picture that can be zoomed and moved. Without this script it is shown whole, and is a link to its file.
//
// The frame scrolls by itself: the picture's width is set, and keys, fingers and scroll bars move it as
// they move any page. The scale counts the screen's own pixels: at 100% each pixel of the picture is one
// of the screen.

import { say, words } from "./page.js";

const SCALE_MAX = 16;
/** Where + and - stop. */
const STOPS = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, SCALE_MAX];
/** From here on single pixels are looked at, and must not be blurred. */
const SHARP = 3;
/** How far an arrow key moves it, in pixels of the page. */
const STEP = 64;
/** One notch of a wheel is about 100: a sixth larger. */
const WHEEL = 0.0016;
/** Browsers that count lines or pages instead of pixels. */
const WHEEL_UNITS = [1, 16, 400];

const viewer = document.querySelector(".viewer");
const frame = viewer.querySelector(".frame");
const image = frame.querySelector("img");
const bar = viewer.querySelector(".zoom");
const shown = bar.querySelector("output");

/** The scale, or null for the whole picture in the frame. */
let scale = null;

const density = () => window.devicePixelRatio || 1;
const own = () => ({ width: Number(image.getAttribute("width")), height: Number(image.getAttribute("height")) });

/** The scale at which the picture is shown whole: at most a pixel of the page for each of its own. */
function fitting() {
  const { width, height } = own();
  const box = frame.getBoundingClientRect();
  return Math.min(density(), (box.width / width) * density(), (box.height / height) * density());
}

/** The smallest scale. On dense screens the original size may be smaller than the whole picture is shown. */
const smallest = () => Math.min(1, fitting());

/** The scale now. */
const current = () => scale ?? (image.getBoundingClientRect().width / own().width) * density();

function draw() {
  image.style.width = scale === null ? "" : `${(own().width * scale) / density()}px`;
  viewer.classList.toggle("zoomed", scale !== null);
  viewer.classList.toggle("sharp", scale !== null && scale >= SHARP);
  const now = current();
  const text = `${Math.round(now * 100)}%`;
  if (shown.textContent !== text) shown.textContent = text;
  bar.querySelector("[data-do=in]").disabled = now >= SCALE_MAX;
  bar.querySelector("[data-do=out]").disabled = now <= smallest() * 1.001;
}

/** Changes the scale, and keeps the point of the picture that lies at `at` where it is. */
function zoom(wanted, at = middle()) {
  const least = fitting();
  const before = image.getBoundingClientRect();
  // The frame stays as large as it was, while the picture grows in it.
  if (scale === null) frame.style.height = `${frame.getBoundingClientRect().height}px`;
  const isWhole = wanted === 0 || (wanted <= least * 1.001 && least <= 1);
  scale = isWhole ? null : Math.min(SCALE_MAX, Math.max(smallest(), wanted));
  if (scale === null && !document.fullscreenElement) frame.style.height = "";
  draw();
  const after = image.getBoundingClientRect();
  frame.scrollLeft += after.left + ((at.x - before.left) / before.width) * after.width - at.x;
  frame.scrollTop += after.top + ((at.y - before.top) / before.height) * after.height - at.y;
}

function middle() {
  const box = frame.getBoundingClientRect();
  return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
}

const larger = () => zoom(STOPS.find((stop) => stop > current() * 1.001) ?? SCALE_MAX);
const smaller = () => zoom(STOPS.findLast((stop) => stop < current() * 0.999) ?? STOPS[0]);

const acts = {
  in: larger,
  out: smaller,
  fit: () => zoom(0),
  original: () => zoom(1),
  full() {
    if (document.fullscreenElement) return document.exitFullscreen();
    return viewer.requestFullscreen().catch(() => say(words.no_full_screen));
  },
};

const keys = {
  "+": acts.in, "=": acts.in, "-": acts.out, 0: acts.fit, 1: acts.original, f: acts.full,
  ArrowLeft: () => frame.scrollBy(-STEP, 0),
  ArrowRight: () => frame.scrollBy(STEP, 0),
  ArrowUp: () => frame.scrollBy(0, -STEP),
  ArrowDown: () => frame.scrollBy(0, STEP),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, [popover]")) return;
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  // Arrows move the page while there is nothing to move in the frame.
  if (!act || (event.key.startsWith("Arrow") && scale === null)) return;
  event.preventDefault();
  act();
});

frame.addEventListener("wheel", (event) => {
  // With Shift a wheel moves it sideways.
  if (event.shiftKey) return;
  event.preventDefault();
  const turned = event.deltaY * WHEEL_UNITS[event.deltaMode];
  // Fingers on a touchpad, which browsers report as a wheel with Ctrl, move in smaller steps.
  zoom(current() * Math.exp(-turned * (event.ctrlKey ? WHEEL * 6 : WHEEL)), { x: event.clientX, y: event.clientY });
}, { passive: false });

frame.addEventListener("dblclick", (event) => {
  const whole = fitting();
  const at = { x: event.clientX, y: event.clientY };
  if (scale !== null) zoom(0);
  else zoom(whole < 0.99 ? 1 : 2, at);
});

/** Where the mouse took hold of the picture. */
let held = null;
frame.addEventListener("pointerdown", (event) => {
  if (event.pointerType !== "mouse" || event.button !== 0 || scale === null) return;
  // Not the scroll bars, which lie beside what the frame shows.
  if (event.offsetX >= frame.clientWidth && event.target === frame) return;
  held = { x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop };
  frame.setPointerCapture(event.pointerId);
  viewer.classList.add("held");
});
frame.addEventListener("pointermove", (event) => {
  if (!held) return;
  frame.scrollLeft = held.left - (event.clientX - held.x);
  frame.scrollTop = held.top - (event.clientY - held.y);
});
for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  frame.addEventListener(end, () => {
    held = null;
    viewer.classList.remove("held");
  });
}

/** Two fingers: their distance and the scale when they were put down. */
let pinch = null;
const between = ([one, two]) => ({
  x: (one.clientX + two.clientX) / 2,
  y: (one.clientY + two.clientY) / 2,
  distance: Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY),
});
frame.addEventListener("touchstart", (event) => {
  if (event.touches.length !== 2) return;
  event.preventDefault();
  pinch = { distance: between(event.touches).distance, scale: current() };
}, { passive: false });
frame.addEventListener("touchmove", (event) => {
  if (!pinch || event.touches.length !== 2) return;
  event.preventDefault();
  const now = between(event.touches);
  zoom((pinch.scale * now.distance) / pinch.distance, now);
}, { passive: false });
for (const end of ["touchend", "touchcancel"]) {
  frame.addEventListener(end, () => {
    pinch = null;
  });
}

// The picture's link opens its file where there is no script. Here a click takes hold of it.
const link = frame.querySelector("a");
link.replaceWith(image);
image.draggable = false;
frame.tabIndex = 0;
for (const [name, value] of [["role", "region"], ["aria-label", words.picture], ["aria-keyshortcuts", "+ - 0 1"]]) {
  frame.setAttribute(name, value);
}
bar.hidden = false;
bar.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) acts[button.dataset.do]();
});
if (!document.fullscreenEnabled) bar.querySelector("[data-do=full]").hidden = true;
document.addEventListener("fullscreenchange", () => {
  viewer.classList.toggle("full", document.fullscreenElement === viewer);
  frame.style.height = "";
  zoom(0);
});
addEventListener("resize", () => {
  if (scale === null) draw();
});

const button = document.querySelector("[data-copy-image]");
if (window.isSecureContext && window.ClipboardItem && navigator.clipboard?.write) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      // A promise, because some browsers ask while the click still counts as the person's.
      await navigator.clipboard.write([new ClipboardItem({ "image/png": png() })]);
      say(words.image_copied);
    } catch {
      say(words.no_clipboard_image);
    }
  });
}

/** The picture as PNG, the one type that every clipboard takes. */
async function png() {
  if (image.dataset.type === "image/png") {
    const answer = await fetch(image.currentSrc);
    if (!answer.ok) throw new Error(`the picture: ${answer.status}`);
    return answer.blob();
  }
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return new Promise((done, failed) => {
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no PNG"))), "image/png");
  });
}

if (image.complete) draw();
else image.addEventListener("load", draw);
