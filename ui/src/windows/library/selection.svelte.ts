/*!
 * Which recordings are chosen, and on which one the keyboard is. Knows ids and their order, and
 * nothing else: what is no longer shown is no longer chosen.
 */

export class Selection {
  /** The selected ids, in the order in which they are shown. */
  readonly ids: string[] = $derived.by(() => this.#order().filter((id) => this.#chosen.has(id)));
  #chosen = $state.raw<ReadonlySet<string>>(new Set());
  /** The one that Tab reaches; none yet: the first. */
  readonly current: string | null = $derived.by(() => {
    const order = this.#order();
    return this.#at !== null && order.includes(this.#at) ? this.#at : (order[0] ?? null);
  });
  #at = $state<string | null>(null);
  #anchor: string | null = null;
  readonly #order: () => readonly string[];

  constructor(order: () => readonly string[]) {
    this.#order = order;
  }

  has(id: string) {
    return this.#chosen.has(id);
  }

  /** Takes it in, or lets it go. */
  toggle(id: string) {
    const next = new Set(this.#chosen);
    if (!next.delete(id)) next.add(id);
    this.#chosen = next;
    this.#at = this.#anchor = id;
  }

  /** Everything from the one that was chosen last. */
  extendTo(id: string) {
    const order = this.#order();
    const from = order.indexOf(this.#anchor ?? this.current ?? id);
    const to = order.indexOf(id);
    if (from < 0 || to < 0) return this.toggle(id);
    this.#anchor = order[from] ?? id;
    this.#chosen = new Set(order.slice(Math.min(from, to), Math.max(from, to) + 1));
    this.#at = id;
  }

  all() {
    this.#chosen = new Set(this.#order());
  }

  clear() {
    this.#chosen = new Set();
    this.#anchor = null;
  }

  /** The keyboard is there now. */
  goTo(id: string) {
    this.#at = id;
  }

  /** Moves the focus by a number of recordings, and returns where it is then. */
  step(by: number, extends_: boolean): string | null {
    const order = this.#order();
    if (this.current === null) return null;
    const place = order.indexOf(this.current) + by;
    const next = order[Math.min(Math.max(0, place), order.length - 1)];
    if (next === undefined) return null;
    if (extends_) this.extendTo(next);
    else {
      this.#at = next;
      this.#anchor = null;
    }
    return next;
  }
}
