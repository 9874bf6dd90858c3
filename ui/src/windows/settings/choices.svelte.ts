/*!
 * The settings as their window shows them. A change is seen at once and kept at once; what the
 * program doesn't take goes back to what it was, with a word on why.
 */
import { LiveDesktop } from "$lib/desktop.svelte";
import {
  asCommandError,
  program,
  type Ability,
  type About,
  type BoundShortcut,
  type CommandError,
  type DeviceView,
} from "$lib/ipc";
import { Newer } from "$lib/newer.svelte";
import { LiveSettings, type SettingsChange } from "$lib/settings.svelte";

export class Choices {
  startsAtLogin = $state(false);
  /** `null`: they can't be listed here. */
  microphones = $state.raw<DeviceView[] | null>([]);
  /** `null`: they can't be listed here; `undefined`: not looked for yet. */
  cameras = $state.raw<DeviceView[] | null | undefined>(undefined);
  about = $state.raw<About | null>(null);
  readonly #settings = new LiveSettings();
  readonly #desktop = new LiveDesktop();
  readonly newer = new Newer();
  abilities = $state.raw<Ability[]>([]);
  /** The report of the last crash. */
  crash = $state.raw<string | null>(null);
  /** The last thing that could not be done. */
  trouble = $state.raw<CommandError | null>(null);

  get settings() {
    return this.#settings.now;
  }

  /** The state of each shortcut that is set. */
  get shortcuts(): BoundShortcut[] {
    return this.#desktop.now?.shortcuts ?? [];
  }

  /** The desktop asks what to share. */
  get asks(): boolean {
    return this.#desktop.now?.asks ?? false;
  }

  async start() {
    await this.run(async () => {
      await this.#settings.start();
      await this.#desktop.start();
      this.startsAtLogin = await program.startsAtLogin();
    });
    // They take their time, and nothing waits for them.
    void program.microphones().then(
      (found) => (this.microphones = found),
      () => (this.microphones = null),
    );
    void this.run(() => this.newer.start());
    void this.lookForCameras();
    void this.run(async () => void (this.about = await program.about()));
    void this.run(async () => void (this.abilities = await program.worksHere()));
    void this.run(async () => void (this.crash = await program.lastCrash()));
  }

  lookForCameras = () =>
    program.cameras().then(
      (found) => void (this.cameras = found),
      () => void (this.cameras = null),
    );

  recording = (recording: NonNullable<SettingsChange["recording"]>) => this.#change({ recording });

  upload = (upload: NonNullable<SettingsChange["upload"]>) => this.#change({ upload });

  screenshots = (screenshots: NonNullable<SettingsChange["screenshots"]>) =>
    this.#change({ screenshots });

  desktop = (desktop: NonNullable<SettingsChange["desktop"]>) => this.#change({ desktop });

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

  async choosePictureFolder() {
    await this.run(async () => {
      const saveFolder = await program.chooseSaveFolder();
      if (saveFolder !== null) await this.screenshots({ saveFolder });
    });
  }

  async #change(change: SettingsChange) {
    await this.run(() => this.#settings.change(change));
    if (change.desktop?.shortcuts) await this.run(() => this.#desktop.ask(), false);
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
