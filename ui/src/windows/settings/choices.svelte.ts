/*!
 * The settings as their window shows them. A change is seen at once and kept at once; what the
 * program doesn't take goes back to what it was, with a word on why.
 */
import type { DesktopSettings } from "$lib/bindings/DesktopSettings";
import type { RecordingSettings } from "$lib/bindings/RecordingSettings";
import type { Settings } from "$lib/bindings/Settings";
import type { UploadSettings } from "$lib/bindings/UploadSettings";
import { LiveDesktop } from "$lib/desktop.svelte";
import {
  asCommandError,
  program,
  type Ability,
  type About,
  type BoundShortcut,
  type CommandError,
  type Named,
} from "$lib/ipc";
import { Newer } from "$lib/newer.svelte";

export class Choices {
  settings = $state.raw<Settings | null>(null);
  startsAtLogin = $state(false);
  /** `null`: they can't be listed here. */
  microphones = $state.raw<Named[] | null>([]);
  /** As the microphones. */
  cameras = $state.raw<Named[] | null>([]);
  about = $state.raw<About | null>(null);
  readonly #desktop = new LiveDesktop();
  readonly newer = new Newer();
  abilities = $state.raw<Ability[]>([]);
  /** Where the program stopped last. */
  crash = $state.raw<string | null>(null);
  /** The last thing that could not be done. */
  trouble = $state.raw<CommandError | null>(null);
  #last: Promise<unknown> = Promise.resolve();

  /** What became of the shortcuts that are set. */
  get shortcuts(): BoundShortcut[] {
    return this.#desktop.now?.shortcuts ?? [];
  }

  /** The desktop asks what to share. */
  get asks(): boolean {
    return this.#desktop.now?.asks ?? false;
  }

  async start() {
    await this.run(async () => {
      this.settings = await program.settings();
      await this.#desktop.start();
      this.startsAtLogin = await program.startsAtLogin();
    });
    // They take their time, and nothing waits for them.
    void program.microphones().then(
      (found) => (this.microphones = found),
      () => (this.microphones = null),
    );
    void this.run(() => this.newer.start());
    void program.cameras().then(
      (found) => (this.cameras = found),
      () => (this.cameras = null),
    );
    void this.run(async () => void (this.about = await program.about()));
    void this.run(async () => void (this.abilities = await program.worksHere()));
    void this.run(async () => void (this.crash = await program.lastCrash()));
  }

  recording = (change: Partial<RecordingSettings>) =>
    this.#change((now) => ({ ...now, recording: { ...now.recording, ...change } }));

  upload = (change: Partial<UploadSettings>) =>
    this.#change((now) => ({ ...now, upload: { ...now.upload, ...change } }));

  desktop = (change: Partial<DesktopSettings>) =>
    this.#change((now) => ({ ...now, desktop: { ...now.desktop, ...change } }));

  async startAtLogin(starts: boolean) {
    this.startsAtLogin = starts;
    const done = await this.run(() => program.setStartsAtLogin(starts));
    if (!done) this.startsAtLogin = !starts;
  }

  async chooseFolder() {
    await this.run(async () => {
      const saveFolder = await program.chooseSaveFolder();
      if (saveFolder !== null) await this.recording({ saveFolder });
    });
  }

  /** One after the other: a later change is made to what the earlier one left. */
  #change(change: (now: Settings) => Settings): Promise<unknown> {
    const before = this.settings;
    if (before === null) return this.#last;
    const after = change(before);
    this.settings = after;
    this.#last = this.#last.then(async () => {
      const done = await this.run(() => program.setSettings(after));
      if (!done) this.settings = await program.settings();
      if (after.desktop.shortcuts !== before.desktop.shortcuts) {
        await this.run(() => this.#desktop.ask(), false);
      }
    });
    return this.#last;
  }

  /** Does it, and shows what could not be done. `clears`: what went wrong before is said no more. */
  async run(act: () => Promise<void>, clears = true): Promise<boolean> {
    try {
      await act();
      if (clears) this.trouble = null;
      return true;
    } catch (thrown) {
      this.trouble = asCommandError(thrown);
      return false;
    }
  }
}
