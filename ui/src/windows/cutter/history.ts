/*! Everything that was done, and everything that was undone, without end. Pure. */

interface Link<T> {
  value: T;
  before: Link<T> | null;
}

export class History<T> {
  private constructor(
    readonly now: T,
    private readonly past: Link<T> | null,
    private readonly future: Link<T> | null,
    private readonly merge: string | null,
  ) {}

  static of<T>(value: T): History<T> {
    return new History(value, null, null, null);
  }

  /** Does a change. Changes in a row with the same `merge` are one step: a drag, a title that is typed. */
  do(next: T, merge: string | null = null): History<T> {
    if (next === this.now) return this;
    const joins = merge !== null && merge === this.merge && this.past !== null;
    return new History(next, joins ? this.past : { value: this.now, before: this.past }, null, merge);
  }

  /** Ends a row of changes: the next one is a step of its own. */
  settle(): History<T> {
    return this.merge === null ? this : new History(this.now, this.past, this.future, null);
  }

  get canUndo(): boolean {
    return this.past !== null;
  }

  get canRedo(): boolean {
    return this.future !== null;
  }

  undo(): History<T> {
    if (this.past === null) return this;
    return new History(this.past.value, this.past.before, { value: this.now, before: this.future }, null);
  }

  redo(): History<T> {
    if (this.future === null) return this;
    return new History(this.future.value, { value: this.now, before: this.past }, this.future.before, null);
  }
}
