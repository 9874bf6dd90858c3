/*! The entries of the quick menu, computed from the snapshot alone. */
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { Shortcut } from "$lib/bindings/Shortcut";
import type { Snapshot } from "$lib/bindings/Snapshot";
import { STRIKE_SECONDS } from "$lib/bindings/limits";
import type { Name } from "$lib/components/Icon.svelte";
import { program } from "$lib/ipc";
import * as m from "$lib/messages/messages";

export interface MenuEntry {
  name: string;
  icon: Name;
  words: string;
  /** Whose keys do the same. */
  shortcut?: Shortcut;
  /** The question that is asked first if something is lost. */
  question?: string;
  /** Whether a switch is on; undefined for other entries. */
  on?: boolean;
  /** Copies its link: the other thing to do with it. */
  copy?: () => Promise<void>;
  act: () => Promise<void>;
}

/** The newest recordings: their links open, and are copied. */
const newest = (recents: readonly RecordingView[]): MenuEntry[] =>
  recents.map(({ id, title }) => ({
    name: `recent-${id}`,
    icon: "link",
    words: title,
    copy: () => program.act(`copy-link:${id}`),
    act: () => program.act(`open-link:${id}`),
  }));

/** Takes a screenshot, whether or not something is recorded. */
const screenshot = (): MenuEntry => ({
  name: "screenshot",
  icon: "camera",
  words: m.screenshot_area(),
  shortcut: "screenshot",
  act: () => program.act("screenshot-area"),
});

const anywhere = (): MenuEntry[] => [
  { name: "library", icon: "library", words: m.library(), shortcut: "library", act: () => program.act("open-library") },
  { name: "settings", icon: "settings", words: m.settings(), act: () => program.act("open-settings") },
];

/** Returns the entries in groups. `asks` means that the desktop asks what to share, and knows no areas. */
export function entries(
  { recorder, ring, webcam, sound }: Snapshot,
  { asks = false, recents = [] }: { asks?: boolean | undefined; recents?: readonly RecordingView[] } = {},
): MenuEntry[][] {
  switch (recorder.kind) {
    case "idle": {
      const share: MenuEntry = {
        name: "share-last",
        icon: "history",
        words: m.tray_share_last(),
        shortcut: "shareLast",
        act: () => program.act("preview-last"),
      };
      return [
        [
          { name: "record", icon: "record", words: m.quick_record(), shortcut: "record", act: () => program.act("record-here") },
          { name: "area", icon: "area", words: asks ? m.choose_screen() : m.choose_area(), shortcut: "chooseArea", act: () => program.act("choose-area") },
          { name: "window", icon: "window", words: m.choose_window(), act: () => program.act("choose-window") },
          screenshot(),
          ...(ring.kind === "keeping" ? [share] : []),
        ],
        [
          {
            name: "microphone",
            icon: sound.microphone ? "microphone" : "microphone-off",
            words: m.microphone(),
            on: sound.microphone,
            act: () => program.act("switch-microphone"),
          },
          {
            name: "webcam",
            icon: webcam === "off" ? "webcam-off" : "webcam",
            words: m.settings_webcam(),
            on: webcam !== "off",
            act: () => program.act("webcam"),
          },
        ],
        ...(recents.length > 0 ? [newest(recents)] : []),
        anywhere(),
      ];
    }
    case "counting":
    case "starting":
      return [
        [{ name: "stop", icon: "close", words: m.cancel(), shortcut: "record", act: () => program.act("stop") }],
        anywhere(),
      ];
    case "recording":
    case "paused": {
      const paused = recorder.kind === "paused";
      const muted = recorder.microphone === "muted";
      const mute: MenuEntry = {
        name: "mute",
        icon: muted ? "microphone" : "microphone-off",
        words: muted ? m.bar_unmute() : m.bar_mute(),
        shortcut: "microphone",
        act: () => program.act("mute"),
      };
      return [
        [
          { name: "stop", icon: "stop", words: m.tray_stop(), shortcut: "record", act: () => program.act("stop") },
          {
            name: "pause",
            icon: paused ? "resume" : "pause",
            words: paused ? m.bar_resume() : m.bar_pause(),
            shortcut: "pause",
            act: () => program.act("pause"),
          },
          ...(recorder.microphone === "absent" ? [] : [mute]),
          {
            name: "webcam",
            icon: webcam === "off" ? "webcam" : "webcam-off",
            words: webcam === "off" ? m.webcam_on() : m.tray_webcam_off(),
            shortcut: "webcam",
            act: () => program.act("webcam"),
          },
          {
            name: "strike",
            icon: "scissors",
            words: m.strike_last({ count: STRIKE_SECONDS }),
            shortcut: "strike",
            act: () => program.act("strike"),
          },
          { name: "bar", icon: "bar", words: m.tray_show_bar(), act: () => program.act("show-bar") },
          screenshot(),
        ],
        [
          {
            name: "restart",
            icon: "restart",
            words: m.bar_restart(),
            question: m.quick_ask_restart(),
            act: () => program.act("restart"),
          },
          {
            name: "cancel",
            icon: "trash",
            words: m.bar_cancel(),
            question: m.quick_ask_cancel(),
            act: () => program.act("cancel"),
          },
        ],
        anywhere(),
      ];
    }
    case "stopping":
      return [anywhere()];
  }
}
