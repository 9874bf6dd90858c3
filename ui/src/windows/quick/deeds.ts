/*! What the quick menu offers now, from the snapshot alone. */
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { Shortcut } from "$lib/bindings/Shortcut";
import type { Snapshot } from "$lib/bindings/Snapshot";
import type { Name } from "$lib/components/Icon.svelte";
import { program } from "$lib/ipc";
import * as m from "$lib/messages/messages";

export interface Deed {
  name: string;
  icon: Name;
  words: string;
  /** Whose keys do the same. */
  shortcut?: Shortcut;
  /** What is lost with it is asked about first, in its place. */
  question?: string;
  /** Whether it is on; of what is no switch, nothing. */
  on?: boolean;
  /** Copies its link: the other thing to do with it. */
  copy?: () => Promise<void>;
  act: () => Promise<void>;
}

/** The newest recordings: their links open, and are copied. */
const newest = (recents: readonly RecordingView[]): Deed[] =>
  recents.map(({ id, title }) => ({
    name: `recent-${id}`,
    icon: "link",
    words: title,
    copy: () => program.copyLink(id),
    act: () => program.openLink(id),
  }));

const anywhere = (): Deed[] => [
  { name: "library", icon: "library", words: m.library(), shortcut: "library", act: program.openLibrary },
  { name: "settings", icon: "settings", words: m.settings(), act: program.openSettings },
];

/** In groups, with a line between them. `asks`: the desktop does, and knows no areas. */
export function deeds(
  { recorder, ring, webcam, sound }: Snapshot,
  { asks = false, recents = [] }: { asks?: boolean | undefined; recents?: readonly RecordingView[] } = {},
): Deed[][] {
  switch (recorder.kind) {
    case "idle": {
      const share: Deed = {
        name: "share-last",
        icon: "history",
        words: m.tray_share_last(),
        shortcut: "shareLast",
        act: program.shareLast,
      };
      return [
        [
          { name: "record", icon: "record", words: m.quick_record(), shortcut: "record", act: program.recordHere },
          { name: "area", icon: "area", words: asks ? m.choose_screen() : m.choose_area(), shortcut: "chooseArea", act: () => program.openChooser("area") },
          { name: "window", icon: "window", words: m.choose_window(), act: () => program.openChooser("window") },
          ...(ring.kind === "keeping" ? [share] : []),
        ],
        [
          {
            name: "microphone",
            icon: sound.microphone ? "microphone" : "microphone-off",
            words: m.microphone(),
            on: sound.microphone,
            act: program.switchMicrophone,
          },
          {
            name: "webcam",
            icon: webcam === "off" ? "webcam-off" : "webcam",
            words: m.settings_webcam(),
            on: webcam !== "off",
            act: program.switchWebcam,
          },
        ],
        ...(recents.length > 0 ? [newest(recents)] : []),
        anywhere(),
      ];
    }
    case "counting":
    case "starting":
      return [
        [{ name: "stop", icon: "close", words: m.cancel(), shortcut: "record", act: program.stopRecording }],
        anywhere(),
      ];
    case "recording":
    case "paused": {
      const paused = recorder.kind === "paused";
      const muted = recorder.microphone === "muted";
      const mute: Deed = {
        name: "mute",
        icon: muted ? "microphone" : "microphone-off",
        words: muted ? m.bar_unmute() : m.bar_mute(),
        shortcut: "microphone",
        act: program.muteMicrophone,
      };
      return [
        [
          { name: "stop", icon: "stop", words: m.tray_stop(), shortcut: "record", act: program.stopRecording },
          {
            name: "pause",
            icon: paused ? "resume" : "pause",
            words: paused ? m.bar_resume() : m.bar_pause(),
            shortcut: "pause",
            act: program.pauseRecording,
          },
          ...(recorder.microphone === "absent" ? [] : [mute]),
          {
            name: "webcam",
            icon: webcam === "off" ? "webcam" : "webcam-off",
            words: m.shortcut_webcam(),
            shortcut: "webcam",
            act: program.switchWebcam,
          },
          { name: "bar", icon: "bar", words: m.tray_show_bar(), act: program.showBar },
        ],
        [
          {
            name: "restart",
            icon: "restart",
            words: m.bar_restart(),
            question: m.quick_ask_restart(),
            act: program.restartRecording,
          },
          {
            name: "cancel",
            icon: "trash",
            words: m.bar_cancel(),
            question: m.quick_ask_cancel(),
            act: program.cancelRecording,
          },
        ],
        anywhere(),
      ];
    }
    case "stopping":
      return [anywhere()];
  }
}
