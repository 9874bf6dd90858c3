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

/** Returns the usual options of a format; `null` is as the recording is. */
export function optionsOf(target: Target, { width, fps }: Pick<CutView, "width" | "fps">) {
  if (!isEstimated(target)) return { width: null, fps: null };
  return {
    width: ANIMATION.width < width ? ANIMATION.width : null,
    fps: ANIMATION.fps < fps ? ANIMATION.fps : null,
  };
}
