/*! Numbers and times as people read them. Pure: the time of day comes in from outside. */
import * as m from "$lib/messages/messages";
import { getLocale } from "$lib/messages/runtime";

const KB = 1000;
const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;
const MINUTE_S = 60;
const HOUR_S = 3600;
const WEEK_DAYS = 7;

/**
 * The language of the windows, in the kind that the person reads: en-GB writes 14:02. With the digits
 * of keys, links and clocks, which are the same everywhere.
 */
function tag(): string {
  const locale = getLocale();
  const theirs = navigator.languages.find((one) => one.split("-")[0] === locale);
  return `${theirs ?? locale}-u-nu-latn`;
}

/** Reads from left to right also amidst words that don't. */
export const isolated = (text: string) =>
  document.documentElement.dir === "rtl" ? `\u2066${text}\u2069` : text;

const number = (value: number, digits: number) =>
  new Intl.NumberFormat(tag(), { maximumFractionDigits: digits }).format(value);

/** Returns a reason from outside as a sentence of its own: with a capital letter and a full stop. */
export function sentence(reason: string): string {
  const text = reason.trim().replace(/^[a-z]+(?= )/, (word) => word[0]!.toUpperCase() + word.slice(1));
  return text === "" || /[.!?…؟]$/.test(text) ? text : `${text}.`;
}

/** 1:42, 12:07, 1:02:03. */
export function length(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(total / HOUR_S);
  const minutes = Math.floor(total / MINUTE_S) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(total % 60)}`
    : `${minutes}:${two(total % 60)}`;
}

/** 24 minutes; 79 hours: whole minutes below two hours, whole hours from then on. */
export function span(seconds: number): string {
  const isShort = seconds < 2 * HOUR_S;
  const count = Math.floor(Math.max(0, seconds) / (isShort ? MINUTE_S : HOUR_S));
  const unit = isShort ? "minute" : "hour";
  return new Intl.NumberFormat(tag(), { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** 31 MB; 4.2 MB: one decimal below ten, from megabytes on. */
export function size(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.6 kB would read "1,000 kB": it is 1 MB.
  while (unit < UNITS.length - 1 && Math.round(value) >= KB) {
    value /= KB;
    unit += 1;
  }
  const decimals = unit >= 2 && value < 9.95 ? 1 : 0;
  return isolated(`${number(value, decimals)}\u00a0${UNITS[unit]}`);
}

export const speed = (bytesPerSecond: number) => m.per_second({ size: size(bytesPerSecond) });

/** Round like a person would: nobody waits 3:47 to the second. */
export function timeLeft(seconds: number): string {
  if (seconds < MINUTE_S) return m.seconds_left({ count: Math.max(1, Math.round(seconds)) });
  if (seconds < HOUR_S) return m.minutes_left({ count: Math.round(seconds / MINUTE_S) });
  return m.hours_left({ count: number(seconds / HOUR_S, 1) });
}

/** 1.25 */
export const decimal = (value: number) => number(value, 2);

export const percent = (value: number) =>
  new Intl.NumberFormat(tag(), { style: "percent" }).format(value / 100);

/** "English" alone would be America's: Nov 3, 2:02 PM, beside recordings that are named 3 Nov, 14:02. */
const dateLocale = () => (getLocale() === "en" ? "en-GB" : tag());

/** 14:02 */
export const time = (unixMs: number) =>
  new Intl.DateTimeFormat(dateLocale(), {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(unixMs);

/** Today, 14:02; Yesterday; Monday; 3 Nov; 3 Nov 2025. */
export function day(unixMs: number, nowMs: number): string {
  const then = new Date(unixMs);
  const now = new Date(nowMs);
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const days = Math.round((midnight(now).getTime() - midnight(then).getTime()) / 86_400_000);
  const as = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(dateLocale(), options).format(then);
  if (days === 0) {
    return m.day_today({ time: time(unixMs) });
  }
  if (days === 1) return m.day_yesterday();
  if (days > 1 && days < WEEK_DAYS) return as({ weekday: "long" });
  return then.getFullYear() === now.getFullYear()
    ? as({ day: "numeric", month: "short" })
    : as({ day: "numeric", month: "short", year: "numeric" });
}

/** snaplark.com/videos/8f3k…c1: the host whole, the last step of the path cut in its middle. */
export function shortLink(link: string): string {
  let url: URL;
  try {
    url = new URL(link);
  } catch {
    return link;
  }
  const steps = url.pathname.split("/").filter((step) => step !== "");
  const last = steps.at(-1);
  if (last === undefined) return url.host;
  const cut = last.length > 10 ? `${last.slice(0, 4)}…${last.slice(-2)}` : last;
  return [url.host, ...steps.slice(0, -1), cut].join("/");
}

/** Shortens a text to a number of letters, with an ellipsis if there are more. */
export const clipped = (text: string, letters: number) =>
  text.length <= letters ? text : `${text.slice(0, letters - 1).trimEnd()}…`;

/** Alt+R -> ["Alt", "R"]. */
export const keys = (shortcut: string) =>
  shortcut === "" ? [] : shortcut.split("+").map((key) => key.trim());

export const joined = (...pieces: Array<string | null | undefined | false>) =>
  pieces.filter((piece): piece is string => typeof piece === "string" && piece !== "").join(" · ");
