import * as format from "$lib/format";
import { expect, test } from "vitest";
import type { NeedReason } from "$lib/bindings/NeedReason";
import type { RecordingState } from "$lib/bindings/RecordingState";
import type { ToastBody } from "$lib/bindings/ToastBody";
import type { WaitReason } from "$lib/bindings/WaitReason";
import english from "../../../assets/strings/en.json";
import { account, empty, progress, recording, toast } from "../dev/fixtures";
import { accountFigures, accountLine, linkEndWords, recordingLine, toastWords } from "./words";

// Exhaustive by their types: a reason that the program learns has to be added here.
const waits = Object.keys({
  offline: 1,
  "folder-missing": 1,
  "storage-full": 1,
  "access-denied": 1,
  "server-trouble": 1,
  "rate-limited": 1,
  queue: 1,
  paused: 1,
  metered: 1,
  "not-running": 1,
} satisfies Record<WaitReason, 1>) as WaitReason[];
const needs = Object.keys({
  "sign-in": 1,
  refused: 1,
  "files-missing": 1,
  "file-missing": 1,
  "file-changed": 1,
  "too-large": 1,
  "damaged-on-server": 1,
  "other-server": 1,
  "new-link": 1,
} satisfies Record<NeedReason, 1>) as NeedReason[];

const now = Date.now();
const plain = (text: string) => text.replaceAll("\u00a0", " ").replaceAll("\u202f", " ");

test("each state of a recording has an icon, a tone and words of its own", () => {
  const states: RecordingState[] = [
    { kind: "recording" },
    { kind: "uploading" },
    { kind: "done" },
    { kind: "local" },
    ...waits.map((reason) => ({ kind: "waits" as const, reason })),
    ...needs.map((reason) => ({ kind: "needsYou" as const, reason, detail: "d" })),
  ];
  const lines = states.map((state) => recordingLine(recording("T", state), now));
  expect(new Set(lines.map((line) => line.text)).size).toBe(states.length);
  for (const [n, line] of lines.entries()) {
    const kind = states[n]?.kind;
    expect(line.tone === "recording").toBe(kind === "recording");
    expect(line.tone === "waits").toBe(kind === "waits" || kind === "needsYou");
  }
});

test("an upload says how far it is and how long it takes", () => {
  const line = (percentage: number, left: number | null) =>
    recordingLine(recording("T", { kind: "uploading" }, { upload: progress(percentage, left) }), now)
      .text;
  expect(line(63, 12)).toBe("63% · 12 s left");
  expect(line(63, null)).toBe("63%");
  expect(line(100, null)).toBe("100% · Finishing…");
});

test("toasts say what is safe before what is wrong", () => {
  const bodies: ToastBody[] = [
    ...waits.map((reason) => ({ kind: "waits" as const, reason, parts: 14 })),
    ...needs.map((reason) => ({ kind: "needsYou" as const, reason, detail: "" })),
  ];
  for (const body of bodies) {
    const words = toastWords(toast("T", body));
    const said = `${words.title} ${words.figures}`;
    expect(said, said).toMatch(/saved?|safe|kept/i);
    expect(words.tone).toBe("waits");
  }
  const offline = toastWords(toast("T", { kind: "waits", reason: "offline", parts: 14 }, 38));
  expect(offline).toMatchObject({
    title: "Offline, saved on this computer",
    figures: "14 parts waiting for a connection",
    bar: 38,
    action: "copy",
  });
  const one = toastWords(toast("T", { kind: "waits", reason: "offline", parts: 1 }));
  expect(one.figures).toBe("1 part waiting for a connection");
});

test("the toast of an upload has its figures, the done one its link", () => {
  const up = toastWords(
    toast("Checkout bug", { kind: "uploading", bytesPerSecond: 4_200_000, secondsLeft: 12 }, 63),
  );
  expect(up.title).toBe("Uploading “Checkout bug”");
  expect(plain(up.figures)).toBe("63% · 4.2 MB/s · 12 s left");
  const done = toastWords(toast("T", { kind: "done", linkCopied: true, durationMs: 102_000 }));
  expect(done).toMatchObject({
    title: "Link copied",
    figures: "snaplark.com/videos/8f3k…c1 · 1:42",
    bar: null,
    action: "open",
  });
});

test("no button is offered that could not work", () => {
  const without = { ...toast("T", { kind: "uploading", bytesPerSecond: 0, secondsLeft: null }), link: null };
  expect(toastWords(without).action).toBeNull();
  const done = toast("T", { kind: "done", linkCopied: false, durationMs: 1 });
  expect(toastWords({ ...done, link: null }).action).toBeNull();
});

test("the footer names the server, and speed only while something goes up", () => {
  const { diskFreeBytes } = empty();
  expect(accountLine(account).text).toBe("Snaplark · online");
  expect(accountLine({ ...account, kind: "this-computer", reach: "offline" })).toMatchObject({
    text: "This computer · offline",
    tone: "waits",
  });
  const busy = { ...account, uploads: 2, bytesPerSecond: 4_200_000 };
  expect(plain(accountFigures(busy, diskFreeBytes))).toBe("2 uploads · 4.2 MB/s · 212 GB free");
  expect(plain(accountFigures({ ...busy, uploads: 0 }, diskFreeBytes))).toBe("212 GB free");
});

test("all words keep the house's manners", () => {
  const texts = JSON.stringify(english).replace(/https?:[^"]*/g, "");
  for (const banned of ["!", "please", "successfully", "error occurred", "Oops"]) {
    expect(texts.toLowerCase()).not.toContain(banned.toLowerCase());
  }
});

test("a title that is a day and a time isn't repeated below itself", () => {
  const startedUnixMs = now - 60_000;
  const line = (title: string) =>
    recordingLine(recording(title, { kind: "done" }, { startedUnixMs }), now).text;
  const clock = format.time(startedUnixMs);
  expect(line(`Recording, Friday ${clock}`)).toMatch(/^Today · /);
  expect(line("Weekly demo")).toContain(clock);
});

test("a link that was signed for a bucket says when it ends", () => {
  const signed = "https://s3.example/bucket/a.webm?X-Amz-Date=20261130T190000Z&X-Amz-Expires=604800&X-Amz-Signature=0";
  const at = (text: string) => Date.parse(text);
  const later = linkEndWords(signed, at("2026-11-30T19:00:00Z"));
  expect(later).toMatch(/^Link expires: .*(7.*Dec|Dec.*7)/);
  expect(linkEndWords(signed, at("2026-12-07T18:59:00Z"))).toMatch(/^Link expires: Today/);
  expect(linkEndWords(signed, at("2026-12-07T19:00:01Z"))).toBe("Link has expired");
  for (const stays of [null, "https://videos.example/a", "/srv/Shared/a.webm", "https://a.example/?X-Amz-Expires=60"]) {
    expect(linkEndWords(stays, 0)).toBeNull();
  }
});
