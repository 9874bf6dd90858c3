/*! The formats of exports, what they are good for, and what can be chosen for each. */
import * as m from "$lib/messages/messages";
import type { CutFormat, CutView } from "./program";

/** What an edit can become: a file of a format, or a recording of its own. */
export type Target = CutFormat | "recording";

export const TARGETS: readonly { target: Target; sound: boolean }[] = [
  { target: "recording", sound: false },
  { target: "mp4", sound: false },
  { target: "webm", sound: false },
  { target: "gif", sound: false },
  { target: "webp", sound: false },
  { target: "png", sound: false },
  { target: "opus", sound: true },
  { target: "wav", sound: true },
];

/** A GIF is shown inside of a page, and grows with its pixels. */
const ANIMATION = { width: 800, fps: 12 } as const;
const WIDTHS = [1920, 1280, 960, 800, 640, 480, 320] as const;
const RATES = [30, 24, 15, 12, 10, 5] as const;

export function targetName(target: Target): string {
  switch (target) {
    case "recording":
      return m.cutter_export_recording();
    case "mp4":
      return "MP4";
    case "webm":
      return "WebM";
    case "gif":
      return "GIF";
    case "webp":
      return "WebP";
    case "png":
      return "PNG";
    case "opus":
      return "Opus";
    case "wav":
      return "WAV";
  }
}

export function targetHint(target: Target): string {
  switch (target) {
    case "recording":
      return m.cutter_export_recording_hint();
    case "mp4":
      return m.cutter_export_mp4();
    case "webm":
      return m.cutter_export_webm();
    case "gif":
      return m.cutter_export_gif();
    case "webp":
      return m.cutter_export_webp();
    case "png":
      return m.cutter_export_png();
    case "opus":
      return m.cutter_export_opus();
    case "wav":
      return m.cutter_export_wav();
  }
}

/** Returns whether width and rate can be chosen: where the picture is encoded anew. */
export const isScaled = (target: Target) => !["recording", "webm", "opus", "wav"].includes(target);

/** Returns whether the size can be estimated before. */
export const isEstimated = (target: Target): target is "gif" | "webp" => target === "gif" || target === "webp";

/** Returns the widths below that of the recording. */
export const widthChoices = (width: number): number[] => WIDTHS.filter((one) => one < width);

/** Returns the rates below that of the recording. */
export const fpsChoices = (fps: number): number[] => RATES.filter((one) => one < fps);

type Size = Pick<CutView, "width" | "fps">;

/** Returns options that enlarge nothing; `null` is as the recording is. */
function withinOf(wanted: Size, view: Size) {
  return {
    width: wanted.width < view.width ? wanted.width : null,
    fps: wanted.fps < view.fps ? wanted.fps : null,
  };
}

/** Returns the usual options of a format. */
export function optionsOf(target: Target, view: Size) {
  return isEstimated(target) ? withinOf(ANIMATION, view) : { width: null, fps: null };
}

/** Ready-made choices of format, width and rate. */
export const PRESETS = ["full", "small", "animation", "sound"] as const;
export type Preset = (typeof PRESETS)[number];

/** To be attached to a mail or a message. */
const SMALL = { width: 960, fps: 24 } as const;
const SMALL_ANIMATION = { width: 480, fps: 10 } as const;

export function presetName(preset: Preset): string {
  switch (preset) {
    case "full":
      return m.cutter_export_full();
    case "small":
      return m.cutter_export_small();
    case "animation":
      return m.cutter_export_animation();
    case "sound":
      return m.cutter_export_opus();
  }
}

/** Returns what a preset chooses. */
export function presetOf(preset: Preset, view: Size): { target: Target; width: number | null; fps: number | null } {
  switch (preset) {
    case "full":
      return { target: "mp4", width: null, fps: null };
    case "small":
      return { target: "mp4", ...withinOf(SMALL, view) };
    case "animation":
      return { target: "gif", ...withinOf(SMALL_ANIMATION, view) };
    case "sound":
      return { target: "opus", width: null, fps: null };
  }
}
