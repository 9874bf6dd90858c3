/*! A made-up recording in its editor, for pictures and tests. */
import type { CutEdit } from "$lib/bindings/CutEdit";
import type { CutView } from "$lib/bindings/CutView";
import type { JobView } from "$lib/bindings/JobView";
import type { PublishView } from "$lib/bindings/PublishView";
import { media } from "./fixtures";

export const DURATION_MS = 102_000;

const issue = (atMs: number, kind: string, detail: string) => ({ atMs, kind, params: {}, detail });

/** Nothing is edited, and nothing was published. */
export const original: PublishView = {
  way: "same-link",
  version: null,
  isShown: true,
  isCurrent: true,
  isOriginal: true,
  durationMs: null,
  sentBytes: 0,
};

export const cut = (more: Partial<CutView> = {}): CutView => ({
  id: "0198c0de-0000-7000-8000-000000000001",
  title: "Onboarding – first steps",
  durationMs: DURATION_MS,
  width: 1280,
  height: 800,
  fps: 30,
  hasSound: true,
  media,
  file: null,
  issues: [],
  edit: null,
  revision: 0,
  isOfNewerForm: false,
  link: null,
  state: { kind: "local" },
  upload: null,
  publish: original,
  jobs: [],
  ...more,
});

const job = (id: number, target: string | null, state: JobView["state"], more: Partial<JobView> = {}): JobView => ({
  id,
  kind: "export",
  item: "0198c0de-0000-7000-8000-000000000001",
  target,
  thousandths: 0,
  startedUnixMs: Date.now() - 60_000,
  secondsLeft: null,
  state,
  ...more,
});

/** Exports in every state but those that last for a moment. */
export const exports: JobView[] = [
  job(3, "/videos/Onboarding.gif", { kind: "failed", code: "disk-full", reason: "" }),
  job(4, "/videos/Onboarding.mp4", { kind: "done" }, { thousandths: 1_000 }),
  job(5, "/videos/Onboarding (2).mp4", { kind: "running" }, { thousandths: 425, secondsLeft: 94 }),
  job(6, null, { kind: "waiting" }),
];

/** One of everything, as a person would leave it. */
export const edited: CutEdit = {
  keep: [
    { startMs: 3_200, endMs: 24_000 },
    { startMs: 31_500, endMs: 60_000 },
    { startMs: 60_000, endMs: 96_400 },
  ],
  covers: [
    { area: { x: 60, y: 90, width: 360, height: 120 }, startMs: 4_000, endMs: 12_000, look: "solid" },
    { area: { x: 700, y: 380, width: 420, height: 240 }, startMs: 34_000, endMs: 52_000, look: "blurred" },
  ],
  chapters: [
    { startMs: 3_200, title: "Welcome" },
    { startMs: 40_000, title: "Set up the project" },
  ],
};

export const issues = [
  issue(18_000, "source-stalled", "The screen delivered no picture for 4 seconds."),
  issue(70_000, "audio-lost", "The sound was lost: the device was unplugged."),
];

/** Speech: words with pauses between them. */
export const loudness = (piece: number): number[] =>
  Array.from({ length: 2_040 }, (_, n) => {
    const at = n + piece * 40;
    const speaks = Math.sin(at / 37) + Math.sin(at / 11) > -0.4;
    return speaks ? Math.round(40 + 90 * Math.abs(Math.sin(at * 0.9) * Math.sin(at / 7))) : 2;
  });
