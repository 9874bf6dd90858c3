/*!
 * Saves each change a moment after it was made. One save at a time; what changed meanwhile is saved after it, so
 * the last drawing is always the one that is stored.
 */

/** A drag makes a hundred drawings: those within so long are saved once. Short, so that a crash costs nothing. */
export const SAVE_AFTER_MS = 250;
/** How soon a save that failed is tried again. */
const RETRY_AFTER_MS = 3000;

export class Saver<T> {
  #wanted: { value: T } | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> | null = null;

  constructor(
    private readonly save: (value: T) => Promise<void>,
    private readonly onresult: (error: unknown) => void,
  ) {}

  /** Something is not stored yet. */
  get isDirty(): boolean {
    return this.#wanted !== null || this.#running !== null;
  }

  later(value: T) {
    this.#wanted = { value };
    this.#after(SAVE_AFTER_MS);
  }

  /**
   * Saves now what waits, and ends when everything is stored. Fails if a save fails, so that nobody copies or
   * publishes a picture without what was drawn on it last.
   */
  async flush(): Promise<void> {
    this.#stop();
    while (this.#running !== null || this.#wanted !== null) {
      if (this.#running === null && this.#wanted !== null) {
        const { value } = this.#wanted;
        this.#wanted = null;
        this.#running = this.#store(value);
      }
      await this.#running;
    }
  }

  async #store(value: T) {
    try {
      await this.save(value);
      this.onresult(null);
    } catch (thrown) {
      // A newer drawing is wanted more than this one.
      this.#wanted ??= { value };
      this.onresult(thrown);
      this.#after(RETRY_AFTER_MS);
      throw thrown;
    } finally {
      this.#running = null;
    }
  }

  /** Saves then. A failure has been reported, and is tried again. */
  #after(ms: number) {
    this.#stop();
    this.#timer = setTimeout(() => void this.flush().catch(() => {}), ms);
  }

  #stop() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
