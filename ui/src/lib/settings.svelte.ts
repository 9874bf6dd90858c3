/*!
 * The settings as a window shows them. A window changes single fields and sends nothing else, so it
 * never undoes what another window, the tray or a key changed meanwhile; it asks for the settings
 * again whenever the program says that something changed.
 */
import type { DesktopSettings } from "$lib/bindings/DesktopSettings";
import type { RecordingSettings } from "$lib/bindings/RecordingSettings";
import type { ScreenshotSettings } from "$lib/bindings/ScreenshotSettings";
import type { Settings } from "$lib/bindings/Settings";
import type { ShortcutKeys } from "$lib/bindings/ShortcutKeys";
import type { UploadSettings } from "$lib/bindings/UploadSettings";
import type { WebcamSettings } from "$lib/bindings/WebcamSettings";
import { onChanged, program } from "$lib/ipc";

/** Fields to change, as the program's `SettingsChange`: what is not named stays as it is. */
export interface SettingsChange {
  recording?: Partial<Omit<RecordingSettings, "webcam">> & { webcam?: Partial<WebcamSettings> };
  upload?: Partial<UploadSettings>;
  screenshots?: Partial<ScreenshotSettings>;
  desktop?: Partial<Omit<DesktopSettings, "shortcuts">> & { shortcuts?: Partial<ShortcutKeys> };
}

export class LiveSettings {
  /** The settings as the program has them. */
  #kept = $state.raw<Settings | null>(null);
  /** Changes that the program has not answered yet, oldest first. */
  #asked = $state.raw<readonly SettingsChange[]>([]);
  #last: Promise<unknown> = Promise.resolve();
  #asking = false;
  #askAgain = false;

  /** The settings with this window's pending changes, so that a change is visible at once. */
  now = $derived(this.#kept && this.#asked.reduce(changed, this.#kept));

  async start() {
    // Listening before the first question: a change in between is not missed.
    await onChanged(() => void this.#ask().catch(() => {}));
    await this.#ask();
  }

  /** One after the other. What the program refuses goes back to what it was, and rejects. */
  change(change: SettingsChange): Promise<void> {
    this.#asked = [...this.#asked, change];
    const done = this.#last.then(async () => {
      try {
        this.#kept = await program.changeSettings(change);
        // What is being asked may have been answered before it.
        this.#askAgain = true;
      } finally {
        this.#asked = this.#asked.filter((asked) => asked !== change);
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }

  /** One question at a time; a change that comes meanwhile asks once more. */
  async #ask() {
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    this.#asking = true;
    try {
      do {
        this.#askAgain = false;
        const kept = await program.settings();
        if (!this.#askAgain) this.#kept = kept;
      } while (this.#askAgain);
    } finally {
      this.#asking = false;
    }
  }
}

/** The settings with a change, as the program makes it. */
export function changed(
  settings: Settings,
  { recording, upload, screenshots, desktop }: SettingsChange,
): Settings {
  return {
    recording: {
      ...settings.recording,
      ...recording,
      webcam: { ...settings.recording.webcam, ...recording?.webcam },
    },
    upload: { ...settings.upload, ...upload },
    screenshots: { ...settings.screenshots, ...screenshots },
    desktop: {
      ...settings.desktop,
      ...desktop,
      shortcuts: { ...settings.desktop.shortcuts, ...desktop?.shortcuts },
    },
  };
}
