/*!
 * The program's state as a window sees it: asked for once, and again whenever the program says
 * "changed". Nothing is kept that the program doesn't know, but for bars that must not run back. Of
 * thousands of recordings only those come that changed since the answer before.
 */
import type { Levels } from "$lib/bindings/Levels";
import type { RecordingView } from "$lib/bindings/RecordingView";
import type { Snapshot } from "$lib/bindings/Snapshot";
import {
  asCommandError,
  onChanged,
  onLevels,
  onSignIn,
  program,
  type CommandError,
  type SignIn,
} from "$lib/ipc";

/** No recording is ever newer. */
const NONE = Number.MAX_SAFE_INTEGER;
/** The recordings that a window shows. `new` are those that change while it is open. */
type Shown = "all" | "new" | "none";

export class Live {
  snapshot = $state.raw<Snapshot | null>(null);
  /** The last thing that a command could not do. */
  trouble = $state.raw<CommandError | null>(null);
  signIn = $state.raw<SignIn>({ phase: "idle" });
  /** The sound levels, in a window that receives them. */
  levels = $state.raw<Levels>({ microphone: 0, system: 0 });
  #asking = false;
  #askAgain = false;
  #version = 0;
  readonly #shown: Shown;
  readonly #ofRecordings = new Highest();
  readonly #ofToasts = new Highest();

  constructor({ recordings = "all" }: { recordings?: Shown } = {}) {
    this.#shown = recordings;
    if (recordings !== "all") this.#version = NONE;
  }

  /** `signIn`: whether this window has to do with it. */
  async start({ signIn = true } = {}) {
    // Listening before the first question: a change in between is not missed.
    await onChanged(() => void this.ask());
    await onLevels((now) => (this.levels = now));
    await this.ask();
    if (!signIn) return;
    await onSignIn((now) => (this.signIn = now));
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
        const answer = await program.snapshot(this.#version);
        if (this.#shown !== "none") this.#version = answer.version;
        this.snapshot = this.#forward(this.#joined(answer));
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

  /** Joins an answer that has only what changed with what was there before. */
  #joined(answer: Snapshot): Snapshot {
    const before = this.snapshot;
    if (before === null || answer.since === 0) return answer;
    const gone = new Set(answer.gone);
    const recordings = joined(before.recordings, answer.recordings, gone);
    const pictures = joined(before.pictures, answer.pictures, gone);
    return { ...answer, recordings, pictures };
  }

  /** A new session sends everything again: the bar waits where it was instead of running back. */
  #forward(next: Snapshot): Snapshot {
    const before = this.snapshot?.recordings;
    const recordings =
      next.recordings === before
        ? before
        : next.recordings.map((recording) => {
            if (recording.upload === null || !runsOn(recording)) {
              this.#ofRecordings.forget(recording.id);
              return recording;
            }
            const percentage = this.#ofRecordings.of(recording.id, recording.upload.percentage);
            return percentage === recording.upload.percentage
              ? recording
              : { ...recording, upload: { ...recording.upload, percentage } };
          });
    const toasts = next.toasts.map((toast) => ({
      ...toast,
      percentage: this.#ofToasts.of(toast.recordingId, toast.percentage),
    }));
    this.#ofToasts.keepOnly(toasts.map(({ recordingId }) => recordingId));
    return { ...next, recordings, toasts };
  }
}

/** Joins those that changed with those of before, newest first. */
function joined<Item extends { id: string }>(
  before: Item[],
  answer: Item[],
  gone: ReadonlySet<string>,
): Item[] {
  if (answer.length + gone.size === 0) return before;
  const changed = new Map(answer.map((item) => [item.id, item]));
  const kept = before
    .filter(({ id }) => !gone.has(id))
    .map((item) => {
      const next = changed.get(item.id);
      changed.delete(item.id);
      return next ?? item;
    });
  // New ones are newest, but for one that was deleted and is back.
  const items = [...changed.values(), ...kept];
  return changed.size > 0 ? items.sort((a, b) => (a.id < b.id ? 1 : -1)) : items;
}

const runsOn = ({ state }: RecordingView) =>
  state.kind === "uploading" || state.kind === "waits" || state.kind === "needsYou";

/** The highest that was shown of each. */
class Highest {
  #seen = new Map<string, number>();

  of(id: string, percentage: number): number {
    const highest = Math.max(percentage, this.#seen.get(id) ?? 0);
    this.#seen.set(id, highest);
    return highest;
  }

  forget(id: string) {
    this.#seen.delete(id);
  }

  keepOnly(ids: string[]) {
    const kept = new Set(ids);
    for (const id of this.#seen.keys()) if (!kept.has(id)) this.#seen.delete(id);
  }
}
