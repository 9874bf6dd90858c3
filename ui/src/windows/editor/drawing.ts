/*!
 * Changes of a drawing, and their history. Drawings are values: a change returns another one that shares what
 * stayed, so undo without end costs little more than what changed.
 */
import { boundsOf, moved, type Measure, estimate } from "./geometry";
import type { Canvas, Drawing, Form, Point, Shape } from "./types";

export const EMPTY: Drawing = {
  canvas: { crop: null, quarterTurns: 0, width: null, background: null },
  shapes: [],
};

/** Returns whether a drawing changes nothing of the picture. */
export const isEmpty = ({ canvas, shapes }: Drawing): boolean =>
  shapes.length === 0 &&
  canvas.crop === null &&
  canvas.quarterTurns === 0 &&
  canvas.width === null &&
  canvas.background === null;

/** A copy lies beside its original, so that it is seen. */
const COPY_OFFSET: Point = { x: 16, y: 16 };

export type Edge = "left" | "center" | "right" | "top" | "middle" | "bottom";
export type Order = "front" | "forward" | "backward" | "back";

type Ids = ReadonlySet<number>;

export const nextId = ({ shapes }: Drawing): number => shapes.reduce((max, { id }) => Math.max(max, id), 0) + 1;

/** The number of the next step: one more than the highest. */
export const nextStep = ({ shapes }: Drawing): number =>
  shapes.reduce((max, shape) => (shape.tool === "step" ? Math.max(max, shape.number) : max), 0) + 1;

export function add(drawing: Drawing, form: Form): { drawing: Drawing; id: number } {
  const id = nextId(drawing);
  // The new id wins over one that a form brings along.
  return { drawing: { ...drawing, shapes: [...drawing.shapes, { ...form, id }] }, id };
}

/** Changes the chosen shapes. Returns the same drawing if none of them changed. */
export function change(drawing: Drawing, ids: Ids, to: (shape: Shape) => Shape): Drawing {
  let changed = false;
  const shapes = drawing.shapes.map((shape) => {
    if (!ids.has(shape.id)) return shape;
    const next = to(shape);
    changed ||= next !== shape;
    return next;
  });
  return changed ? { ...drawing, shapes } : drawing;
}

export const move = (drawing: Drawing, ids: Ids, by: Point): Drawing =>
  by.x === 0 && by.y === 0 ? drawing : change(drawing, ids, (shape) => moved(shape, by));

export function remove(drawing: Drawing, ids: Ids): Drawing {
  const shapes = drawing.shapes.filter(({ id }) => !ids.has(id));
  return shapes.length === drawing.shapes.length ? drawing : { ...drawing, shapes };
}

/** Adds copies of the chosen shapes, in their order. A copied step gets the next number. */
export function duplicate(drawing: Drawing, ids: Ids, by: Point = COPY_OFFSET): { drawing: Drawing; ids: number[] } {
  return paste(drawing, drawing.shapes.filter(({ id }) => ids.has(id)), by);
}

export function paste(drawing: Drawing, copied: readonly Shape[], by: Point = COPY_OFFSET) {
  const ids: number[] = [];
  let next = drawing;
  for (const shape of copied) {
    const there = moved(shape, by);
    const numbered = there.tool === "step" ? { ...there, number: nextStep(next) } : there;
    const added = add(next, numbered);
    next = added.drawing;
    ids.push(added.id);
  }
  return { drawing: next, ids };
}

/** Moves the chosen shapes in the order. One step passes one shape that isn't chosen. */
export function reorder(drawing: Drawing, ids: Ids, order: Order): Drawing {
  const { shapes } = drawing;
  const chosen = shapes.filter(({ id }) => ids.has(id));
  const others = shapes.filter(({ id }) => !ids.has(id));
  const place = (): number => {
    const lowest = shapes.findIndex(({ id }) => ids.has(id));
    const highest = shapes.findLastIndex(({ id }) => ids.has(id));
    const below = (index: number) => shapes.slice(0, index).filter(({ id }) => !ids.has(id)).length;
    switch (order) {
      case "front":
        return others.length;
      case "back":
        return 0;
      case "forward":
        return Math.min(others.length, below(highest) + 1);
      case "backward":
        return Math.max(0, below(lowest) - 1);
    }
  };
  if (chosen.length === 0) return drawing;
  const at = place();
  const next = [...others.slice(0, at), ...chosen, ...others.slice(at)];
  return next.every((shape, index) => shape === shapes[index]) ? drawing : { ...drawing, shapes: next };
}

/** Aligns the chosen shapes with each other; a single one with `whole`, the visible picture. */
export function align(
  drawing: Drawing,
  ids: Ids,
  edge: Edge,
  whole: { x: number; y: number; width: number; height: number },
  measure: Measure = estimate,
): Drawing {
  const all = drawing.shapes.filter(({ id }) => ids.has(id)).map((shape) => boundsOf(shape, measure));
  if (all.length === 0) return drawing;
  const left = Math.min(...all.map(({ x }) => x));
  const top = Math.min(...all.map(({ y }) => y));
  const right = Math.max(...all.map(({ x, width }) => x + width));
  const bottom = Math.max(...all.map(({ y, height }) => y + height));
  const to = all.length === 1 ? whole : { x: left, y: top, width: right - left, height: bottom - top };
  return change(drawing, ids, (shape) => {
    const own = boundsOf(shape, measure);
    const by = { x: 0, y: 0 };
    switch (edge) {
      case "left":
        by.x = to.x - own.x;
        break;
      case "center":
        by.x = to.x + to.width / 2 - own.x - own.width / 2;
        break;
      case "right":
        by.x = to.x + to.width - own.x - own.width;
        break;
      case "top":
        by.y = to.y - own.y;
        break;
      case "middle":
        by.y = to.y + to.height / 2 - own.y - own.height / 2;
        break;
      case "bottom":
        by.y = to.y + to.height - own.y - own.height;
        break;
    }
    const whole = { x: Math.round(by.x), y: Math.round(by.y) };
    return whole.x === 0 && whole.y === 0 ? shape : moved(shape, whole);
  });
}

export const setCanvas = (drawing: Drawing, canvas: Partial<Canvas>): Drawing => ({
  ...drawing,
  canvas: { ...drawing.canvas, ...canvas },
});

/** Everything that was done, and everything that was undone. */
export class History {
  private constructor(
    readonly now: Drawing,
    private readonly past: Link | null,
    private readonly future: Link | null,
    private readonly merge: string | null,
  ) {}

  static of(drawing: Drawing): History {
    return new History(drawing, null, null, null);
  }

  /**
   * Does a change. Changes in a row with the same `merge` are one step of undo: a drag, a slider, a key that
   * is held.
   */
  do(next: Drawing, merge: string | null = null): History {
    if (next === this.now) return this;
    const joins = merge !== null && merge === this.merge && this.past !== null;
    const past = joins ? this.past : { drawing: this.now, before: this.past };
    return new History(next, past, null, merge);
  }

  /** Ends a row of changes: the next one is a step of its own. */
  settle(): History {
    return this.merge === null ? this : new History(this.now, this.past, this.future, null);
  }

  /** Takes the last step back as if it had never been done. */
  drop(): History {
    return this.past === null ? this : new History(this.past.drawing, this.past.before, null, null);
  }

  /** The drawing before the last step. */
  get before(): Drawing | null {
    return this.past?.drawing ?? null;
  }

  get canUndo(): boolean {
    return this.past !== null;
  }

  get canRedo(): boolean {
    return this.future !== null;
  }

  undo(): History {
    if (this.past === null) return this;
    return new History(this.past.drawing, this.past.before, { drawing: this.now, before: this.future }, null);
  }

  redo(): History {
    if (this.future === null) return this;
    return new History(this.future.drawing, { drawing: this.now, before: this.past }, this.future.before, null);
  }
}

interface Link {
  drawing: Drawing;
  before: Link | null;
}
