/*! What of the recordings is shown, in which order and how. Order and look are remembered. */
import type { RecordingView } from "$lib/bindings/RecordingView";

export const ORDERS = ["newest", "oldest", "longest", "largest", "name"] as const;
export type Order = (typeof ORDERS)[number];
export type Look = "grid" | "list";

/** Of this window alone, so it stays with the window. */
const REMEMBERED = "library-listing";

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Where two are equal, the newer one goes first. */
const before: Record<Order, (a: RecordingView, b: RecordingView) => number> = {
  newest: () => 0,
  oldest: (a, b) => a.startedUnixMs - b.startedUnixMs,
  longest: (a, b) => b.durationMs - a.durationMs,
  largest: (a, b) => b.sizeBytes - a.sizeBytes,
  name: (a, b) => names.compare(a.title, b.title),
};

export class Listing {
  query = $state("");
  order = $state<Order>("newest");
  look = $state<Look>("grid");
  readonly wanted = $derived(this.query.trim().toLocaleLowerCase());
  readonly #all: () => readonly RecordingView[];
  readonly shown: RecordingView[] = $derived.by(() => {
    const found = this.#all().filter(({ title }) => title.toLocaleLowerCase().includes(this.wanted));
    // They come newest first, and sorting keeps the order of equals.
    return this.order === "newest" ? found : found.sort(before[this.order]);
  });

  constructor(all: () => readonly RecordingView[]) {
    this.#all = all;
    const { order, look } = remembered();
    this.order = ORDERS.find((one) => one === order) ?? "newest";
    this.look = look === "list" ? "list" : "grid";
  }

  remember() {
    localStorage.setItem(REMEMBERED, JSON.stringify({ order: this.order, look: this.look }));
  }
}

function remembered(): { order?: unknown; look?: unknown } {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}") as object;
  } catch {
    return {};
  }
}
