/*!
 * The program's state as a window sees it: asked for once, and again whenever the program says
 * "changed". Nothing is kept that the program doesn't know, but for bars that must not run back.
 */
import type { Snapshot } from "$lib/bindings/Snapshot";
import {
  asCommandError,
  onChanged,
  onSignIn,
  program,
  type CommandError,
  type SignIn,
} from "$lib/ipc";

export class Live {
  snapshot = $state.raw<Snapshot | null>(null);
  /** The last thing that a command could not do. */
  trouble = $state.raw<CommandError | null>(null);
  signIn = $state.raw<SignIn>({ phase: "idle" });
  #asking = false;
  #askAgain = false;
  #highest = new Map<string, number>();

  async start() {
    // Listening before the first question: a change in between is not missed.
    await onChanged(() => void this.ask());
    await onSignIn((now) => (this.signIn = now));
    await this.ask();
    try {
      this.signIn = await program.signInState();
    } catch (thrown) {
      this.trouble = asCommandError(thrown);
    }
  }

  /** One question at a time; a change that comes meanwhile asks once more. */
  async ask() {
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    this.#asking = true;
    try {
      do {
        this.#askAgain = false;
        this.snapshot = this.#forward(await program.snapshot());
      } while (this.#askAgain);
    } catch (thrown) {
      this.trouble = asCommandError(thrown);
    } finally {
      this.#asking = false;
    }
  }

  /** Runs a command and shows what it could not do. */
  async run(command: Promise<void>): Promise<boolean> {
    try {
      await command;
      return true;
    } catch (thrown) {
      this.trouble = asCommandError(thrown);
      return false;
    }
  }

  /** A new session sends everything again: the bar waits where it was instead of running back. */
  #forward(next: Snapshot): Snapshot {
    const seen = new Map<string, number>();
    const forward = (id: string, percentage: number) => {
      const highest = Math.max(percentage, this.#highest.get(id) ?? 0, seen.get(id) ?? 0);
      seen.set(id, highest);
      return highest;
    };
    const recordings = next.recordings.map((recording) =>
      recording.upload === null || recording.state.kind === "recording"
        ? recording
        : {
            ...recording,
            upload: {
              ...recording.upload,
              percentage: forward(recording.id, recording.upload.percentage),
            },
          },
    );
    const toasts = next.toasts.map((toast) => ({
      ...toast,
      percentage: forward(toast.recordingId, toast.percentage),
    }));
    this.#highest = seen;
    return { ...next, recordings, toasts };
  }
}
