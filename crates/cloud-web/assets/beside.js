// What stands beside the video: chapters and search hits on the timeline, the transcript, ways to share, and
// the list of keys. Loaded after the first picture.

import { clock, copy, counted, say, sourceOf, words } from "./page.js";
import { beside, jump, play, shortcuts, total } from "./player.js";

const stage = document.querySelector("[data-player]");
const video = stage.querySelector("video");
const marks = stage.querySelector(".marks");

function make(name, text = "", classes = "") {
  const it = document.createElement(name);
  if (text) it.textContent = text;
  if (classes) it.className = classes;
  return it;
}

/** Only the list scrolls, never the page. */
function reveal(list, line) {
  const [all, one] = [list.getBoundingClientRect(), line.getBoundingClientRect()];
  if (one.top < all.top || one.bottom > all.bottom) list.scrollTop += one.top - all.top - (all.height - one.height) / 3;
}

// --- chapters ---

const chapters = [...document.querySelectorAll(".chapters a")].map((link) => ({
  link,
  at: Number(link.dataset.seek),
  title: link.querySelector("bdi").textContent,
}));
const chapterList = document.querySelector(".chapters ol");
let current;

function drawChapter() {
  const now = chapters.findLast(({ at }) => at <= video.currentTime + 0.05);
  if (now === current) return;
  current?.link.removeAttribute("aria-current");
  current = now;
  now?.link.setAttribute("aria-current", "true");
  if (now) reveal(chapterList, now.link);
}

beside.chapterAt = (t) => chapters.findLast(({ at }) => at <= t)?.title ?? "";
beside.jumpChapter = (step) => {
  const now = video.currentTime;
  // Back from the middle of a chapter is its beginning.
  const to = step > 0 ? chapters.find(({ at }) => at > now + 0.1) : chapters.findLast(({ at }) => at < now - 2);
  if (to) jump(to.at);
};

// --- transcript ---

const transcript = document.querySelector(".transcript");
const track = video.querySelector("track");
const list = transcript?.querySelector(".lines");
const search = transcript?.querySelector("input");
const found = transcript?.querySelector(".found");
const follow = transcript?.querySelector("[data-follow]");
let lines = [];
let hits = [];
let follows = true;

/** A cue's words, with who says them. The browser knows its markup, and makes no elements of ours of it. */
function wordsOf(cue) {
  const speaker = /<v(?:\.[^\s>]+)?\s+([^>]+)>/.exec(cue.text)?.[1];
  const said = cue.getCueAsHTML().textContent.replace(/\s+/g, " ").trim();
  return speaker ? `${speaker}: ${said}` : said;
}

/** Letters without case and marks, each with its place in the text. */
function fold(text) {
  const [plain, places] = [[], []];
  let at = 0;
  for (const letter of text) {
    for (const bare of letter.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()) {
      plain.push(bare);
      places.push(at);
    }
    at += letter.length;
  }
  return { plain, places, end: at };
}

function fill() {
  lines = [...track.track.cues].map((cue) => ({ cue, words: wordsOf(cue) })).filter(({ words }) => words);
  list.replaceChildren(
    ...lines.map((line) => {
      const [item, button] = [make("li"), make("button")];
      button.type = "button";
      line.text = make("bdi", line.words);
      line.text.dir = "auto";
      button.append(make("span", clock(line.cue.startTime), "at"), " ", line.text);
      button.addEventListener("click", (event) => {
        jump(line.cue.startTime);
        play();
        followAgain();
        if (event.detail > 0) stage.focus({ preventScroll: true });
      });
      item.append(button);
      return Object.assign(line, { item, button }).item;
    }),
  );
  if (lines.length === 0) list.append(make("li", words.captions_empty, "empty"));
  drawLine();
}

function drawLine() {
  let first = null;
  const active = new Set(track.track.activeCues ?? []);
  for (const { cue, button, item } of lines) {
    const is = active.has(cue);
    if (is !== button.hasAttribute("aria-current")) is ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
    if (is && !item.hidden) first ??= button;
  }
  if (first && follows) reveal(list, first);
}

function followAgain() {
  follows = true;
  follow.hidden = true;
  drawLine();
}

/** Whoever reads elsewhere is left there. */
function leave() {
  if (!follows || lines.length === 0) return;
  follows = false;
  follow.hidden = false;
}

/** Shows the lines that have the words, and where they are on the timeline. */
function find() {
  const wanted = fold(search.value.trim()).plain.join("");
  hits = [];
  for (const line of lines) {
    line.text.textContent = line.words;
    const { plain, places, end } = wanted ? fold(line.words) : { plain: [] };
    const from = wanted ? plain.join("").indexOf(wanted) : -1;
    line.item.hidden = wanted !== "" && from < 0;
    if (from < 0) continue;
    hits.push(line);
    const [begin, after] = [places[from], places[from + wanted.length] ?? end];
    line.text.replaceChildren(line.words.slice(0, begin), make("mark", line.words.slice(begin, after)), line.words.slice(after));
  }
  found.textContent = wanted === "" ? "" : hits.length === 0 ? words.lines_none : counted(words.lines, hits.length);
  drawMarks();
  if (wanted === "") followAgain();
  else list.scrollTop = 0;
}

if (transcript) {
  beside.captionAt = (t) => lines.find(({ cue }) => cue.startTime <= t && t < cue.endTime)?.words ?? "";
  beside.search = () => search.focus();
  // Read, and not shown on the picture.
  if (track.track.mode === "disabled") track.track.mode = "hidden";
  track.addEventListener("load", fill);
  if (track.readyState === HTMLTrackElement.LOADED) fill();
  track.track.addEventListener("cuechange", drawLine);
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const next = hits.find(({ cue }) => cue.startTime > video.currentTime + 0.1) ?? hits[0];
      if (next) jump(next.cue.startTime);
    } else if (event.key === "Escape") {
      search.value = "";
      find();
      stage.focus({ preventScroll: true });
    }
  });
  for (const event of ["wheel", "touchmove"]) list.addEventListener(event, leave, { passive: true });
  list.addEventListener("keydown", (event) => /^(Arrow|Page|Home|End)/.test(event.key) && leave());
  follow.addEventListener("click", followAgain);
}

// --- the timeline ---

function drawMarks() {
  const end = total();
  if (!(end > 0)) return;
  const at = (seconds, classes) => {
    const mark = make("i", "", classes);
    mark.style.left = `${Math.min(100, (100 * seconds) / end)}%`;
    return mark;
  };
  const begun = chapters.filter((chapter) => chapter.at > 0);
  marks.replaceChildren(...begun.map((it) => at(it.at, "chapter")), ...hits.map(({ cue }) => at(cue.startTime, "hit")));
}
video.addEventListener("durationchange", drawMarks);
video.addEventListener("timeupdate", drawChapter);
video.addEventListener("seeked", drawChapter);
drawMarks();
drawChapter();

// --- ways to share ---

const fromHere = document.querySelector("[data-from-here]");
const escaped = (text) => text.replace(/[&<>"]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter]);
const title = () => document.querySelector("h1").textContent;

function link(path = "") {
  const url = new URL(location.pathname + path, location.origin);
  const at = Math.floor(video.currentTime);
  if (fromHere.checked && at > 0) url.searchParams.set("t", String(Math.floor(sourceOf(at))));
  return url.href;
}
const ways = {
  link: () => link(),
  markdown: () => `[${title().replace(/[\\[\]`*_<>]/g, "\\$&")}](${link()})`,
  html: () => `<a href="${escaped(link())}">${escaped(title())}</a>`,
  embed: () => {
    const [width, height] = [video.getAttribute("width"), video.getAttribute("height")].map(Number);
    const shown = Math.min(960, width || 960);
    const tall = Math.round((shown * (height || 540)) / (width || 960));
    return `<iframe src="${escaped(link("/embed"))}" width="${shown}" height="${tall}" title="${escaped(title())}" allow="fullscreen; picture-in-picture" allowfullscreen frameborder="0" loading="lazy"></iframe>`;
  },
};
for (const button of document.querySelectorAll("[data-share]")) {
  button.addEventListener("click", async () => {
    try {
      await copy(ways[button.dataset.share]());
      say(words.copied);
    } catch {
      say(words.no_clipboard_link);
    }
  });
}

// --- the list of keys ---

let keyList;
beside.toggleKeys = () => {
  if (!keyList) {
    keyList = make("div", "", "sheet keys");
    keyList.popover = "auto";
    keyList.setAttribute("role", "dialog");
    keyList.ariaLabel = words.shortcuts;
    const [head, close, rows] = [make("div", "", "sheet-head"), make("button", words.close, "plain"), make("dl")];
    close.type = "button";
    close.addEventListener("click", () => keyList.hidePopover());
    head.append(make("h2", words.shortcuts), make("span", "", "space"), close);
    for (const [label, names] of shortcuts) {
      const row = make("div");
      const value = make("dd");
      value.append(...names.map((name) => make("kbd", name)));
      row.append(make("dt", label), value);
      rows.append(row);
    }
    keyList.append(head, rows);
    document.body.append(keyList);
  }
  keyList.togglePopover();
};

// What was played is counted only where the owner wants it.
if (stage.dataset.stretches) import("./watched.js").catch(() => {});

stage.toggleAttribute("data-complete", true);
