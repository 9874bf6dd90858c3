// What every page has: copy buttons, dates in the reader's own zone, and the wait for a recording
// that isn't here yet.

import { language, words } from "./words.js";

export { words };
/** As browsers name it. Clocks and dates have the same figures in every language. */
const locale = { en: "en-GB", ar: "ar-u-nu-latn" }[language] ?? language;
const forms = new Intl.PluralRules(language);

/** The words with their values, which stand in braces. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
/** The words in the form that the number has in the page's language. */
export const counted = (texts, count) => fill(texts[forms.select(count)] ?? texts.other, { count });

const said = document.querySelector(".said");
let hide;

/** Says it to the eye and to screen readers. */
export function say(text) {
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(hide);
  hide = setTimeout(() => said.classList.remove("shown"), 2200);
}

/** 1:42, 1:02:03 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// A link's ?t= is a time of the recording. Where the video was edited, [from, to, at] in milliseconds say
// which stretches of the recording are shown from when on.
const stretches = JSON.parse(document.querySelector("[data-player]")?.dataset.times ?? "[]");

/** The time of the recording of a moment of the video. */
export function sourceOf(seconds) {
  const ms = seconds * 1000;
  const last = stretches.findLast(([, , at]) => at <= ms) ?? stretches[0];
  if (!last) return seconds;
  const [from, to, at] = last;
  return Math.min(to - 1, from + Math.max(0, ms - at)) / 1000;
}

/** When a moment of the recording is shown; where it was cut, the next one that is shown. */
export function shownAt(seconds) {
  const ms = seconds * 1000;
  if (stretches.length === 0) return seconds;
  const next = stretches.filter(([, to]) => to > ms).sort((a, b) => a[0] - b[0])[0];
  if (!next) return Math.max(...stretches.map(([from, to, at]) => at + to - from)) / 1000;
  return (next[2] + Math.max(0, ms - next[0])) / 1000;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https (a server in the house) browsers have no clipboard but this one.
    const box = document.createElement("textarea");
    box.value = text;
    box.className = "sr";
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    if (!done) throw new Error("no clipboard");
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const url = new URL(location.pathname, location.origin);
    const at = Math.floor(document.querySelector("video")?.currentTime ?? 0);
    if (button.dataset.copy === "time" && at > 0) url.searchParams.set("t", String(Math.floor(sourceOf(at))));
    try {
      await copy(url.href);
      say(url.search ? fill(words.link_at_copied, { time: clock(at) }) : words.link_copied);
    } catch {
      say(words.no_clipboard_link);
    }
  });
}

for (const button of document.querySelectorAll("[data-copy-text]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copy(button.dataset.copyText);
      say(button.dataset.said ?? words.copied);
    } catch {
      say(words.no_clipboard_text);
    }
  });
}

// An MP4 is made when it is first asked for: the button waits for it, and then the browser loads it.
for (const link of document.querySelectorAll("[data-made]")) {
  const name = link.textContent;
  link.addEventListener("click", async (event) => {
    if (link.dataset.ready) return;
    event.preventDefault();
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    link.textContent = words.making_mp4;
    for (;;) {
      const answer = await fetch(link.href, { method: "HEAD" }).catch(() => null);
      if (answer?.status === 200) break;
      if (!answer || answer.status !== 202) {
        link.textContent = name;
        link.ariaBusy = null;
        return say(answer?.status === 503 ? words.no_mp4 : words.mp4_failed);
      }
      await new Promise((done) => setTimeout(done, 1500));
    }
    link.dataset.ready = "yes";
    link.ariaBusy = null;
    link.textContent = name;
    link.click();
  });
}

for (const time of document.querySelectorAll("time")) {
  const at = new Date(time.dateTime);
  const day = new Date(at).setHours(0, 0, 0, 0);
  const today = new Date().setHours(0, 0, 0, 0);
  const hours = at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  const days = Math.round((today - day) / 86_400_000);
  const far = at.toLocaleDateString(locale, { day: "numeric", month: "long", year: "numeric" });
  const date = time.dataset.minutes === undefined ? far : fill(words.date_and_time, { date: far, time: hours });
  // "created today" in the middle of a line, "Today" at its beginning.
  const isWithin = /\p{L} $/u.test(time.previousSibling?.data ?? "");
  const [todays, yesterdays] = isWithin ? [words.today_within, words.yesterday_within] : [words.today, words.yesterday];
  time.textContent = days === 0 ? fill(todays, { time: hours }) : days === 1 ? fill(yesterdays, { time: hours }) : date;
  time.title = at.toLocaleString(locale);
}

// A picture is seen when it is there. Its card has its shape, but for very tall ones.
const seen = document.querySelector("[data-viewed]");
const image = seen?.querySelector("img");
if (image) document.documentElement.style.setProperty("--shape", String(Math.max(0.75, image.getAttribute("width") / image.getAttribute("height"))));
if (seen) fetch(`${seen.dataset.viewed}/viewed`, { method: "POST", keepalive: true }).catch(() => {});

const awaits = document.body.dataset.awaits;
if (awaits) {
  const started = Date.now();
  const ask = async () => {
    const answer = await fetch(awaits).then((r) => r.json(), () => null).catch(() => null);
    if (answer && answer.state !== "awaited") return location.reload();
    // Often at first, as it is most likely then; every ten seconds for the patient.
    setTimeout(ask, Date.now() - started < 120_000 ? 1500 : 10_000);
  };
  setTimeout(ask, 1000);
}

// A password is shown while its button is pressed in, and never when the form is sent: browsers
// would offer to complete it as if it were a name.
for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.ariaPressed = String(shown);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    show(field.type === "password");
    field.focus();
  });
  field.form.addEventListener("submit", () => show(false));
}
