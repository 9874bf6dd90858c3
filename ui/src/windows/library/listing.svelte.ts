/*! The search, order and look of the list of recordings. Order and look are remembered. */
import { FILTERS, type Filter, type Item } from "./item";

export const ORDERS = ["newest", "oldest", "longest", "largest", "name"] as const;
export type Order = (typeof ORDERS)[number];
export type Look = "grid" | "list";

/** The storage key of this window's order, look and filter. */
const REMEMBERED = "library-listing";

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Compares two recordings. Of two equal ones the newer goes first. */
const before: Record<Order, (a: Item, b: Item) => number> = {
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
  filter = $state<Filter>("all");
  readonly wanted = $derived(this.query.trim().toLocaleLowerCase());
  readonly #all: (filter: Filter) => readonly Item[];
  readonly shown: Item[] = $derived.by(() => {
    const found = this.#all(this.filter).filter(({ title }) => title.toLocaleLowerCase().includes(this.wanted));
    // They come newest first, and sorting keeps the order of equals.
    return this.order === "newest" ? found : found.sort(before[this.order]);
  });

  constructor(all: (filter: Filter) => readonly Item[]) {
    this.#all = all;
    const { order, look, filter } = remembered();
    this.order = ORDERS.find((one) => one === order) ?? "newest";
    this.look = look === "list" ? "list" : "grid";
    this.filter = FILTERS.find((one) => one === filter) ?? "all";
  }

  remember() {
    const { order, look, filter } = this;
    localStorage.setItem(REMEMBERED, JSON.stringify({ order, look, filter }));
  }
}

function remembered(): { order?: unknown; look?: unknown; filter?: unknown } {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}") as object;
  } catch {
    return {};
  }
}
