/*!
 * The state of choosing on one display, by pointer or by keys. All is counted from the display's corner, in its pixels.
 * An area may reach to other displays.
 */
import type { ChooserView, Chosen, ChooserWindow, Rect } from "$lib/ipc";
import {
  around,
  between,
  holds,
  isLarge,
  moved,
  nudge,
  resized,
  seen,
  sized,
  SIDE_MIN,
  type Handle,
  type Point,
} from "./region";

/** A press that moves less than this is a click. */
const CLICK_PX = 4;

type Drag =
  | { kind: "new"; from: Point; drawn: boolean }
  | { kind: "move"; from: Point; was: Rect }
  | { kind: "resize"; from: Point; was: Rect; handle: Handle };

export type Choice =
  | { kind: "display" }
  | { kind: "window"; window: ChooserWindow }
  | { kind: "area"; at: Rect };

export class Choosing {
  readonly view: ChooserView;
  /** The display's own pixels: its corner is 0, 0. */
  readonly bounds: Rect;
  /** The displays on which an area may lie, and what holds them all. */
  readonly displays: readonly Rect[];
  readonly room: Rect;
  readonly windows: readonly ChooserWindow[];
  readonly last: Rect | null;
  /** Whether a screenshot is taken of what is chosen, not a recording. */
  readonly isScreenshot: boolean;
  /** The least width and height of an area. */
  readonly sideMin: number;
  kind = $state<ChooserView["kind"]>("area");
  choice = $state.raw<Choice | null>(null);
  hovered = $state.raw<ChooserWindow | null>(null);
  /** The pixel under the pointer, or at the corner that keys move. */
  focus = $state.raw<Point | null>(null);
  #drag = $state.raw<Drag | null>(null);

  constructor(view: ChooserView) {
    const { at } = view.display;
    this.view = view;
    const own = (rect: Rect) => this.onDisplay(rect);
    this.isScreenshot = view.purpose === "screenshot";
    this.sideMin = this.isScreenshot ? 1 : SIDE_MIN;
    this.bounds = { x: 0, y: 0, width: at.width, height: at.height };
    this.displays = view.room.map(own);
    this.room = around(this.displays);
    this.windows = view.windows
      .map((window) => ({ ...window, at: own(window.at) }))
      .filter((window) => seen(window.at, this.bounds) !== null);
    this.last = view.last === null ? null : own(view.last);
    this.kind = view.kind;
  }

  get drags() {
    return this.#drag !== null && (this.#drag.kind !== "new" || this.#drag.drawn);
  }

  get area(): Rect | null {
    return this.choice?.kind === "area" ? this.choice.at : null;
  }

  /** The part of the display that is not dimmed. */
  get bright(): Rect | null {
    if (this.choice?.kind === "area") return seen(this.choice.at, this.bounds);
    if (this.choice?.kind === "window") return seen(this.choice.window.at, this.bounds);
    if (this.choice?.kind === "display") return this.bounds;
    return this.hovered === null ? null : seen(this.hovered.at, this.bounds);
  }

  become(kind: ChooserView["kind"]) {
    this.kind = kind;
    this.hovered = null;
    if (kind === "display") this.choice = { kind: "display" };
    else if (kind === "window") {
      const [first] = this.windows;
      this.choice = this.choice?.kind === "window" || first === undefined ? this.choice : { kind: "window", window: first };
    } else if (this.area === null) {
      this.choice = null;
    }
  }

  choose(rect: Rect | null) {
    if (rect === null) return;
    this.kind = "area";
    this.choice = { kind: "area", at: rect };
  }

  preset(width: number, height: number): Rect | null {
    return sized(width, height, this.area ?? this.bounds, this.bounds);
  }

  press(at: Point, handle: Handle | "move" | null) {
    const area = this.area;
    if (area !== null && handle === "move") this.#drag = { kind: "move", from: at, was: area };
    else if (area !== null && handle !== null && handle !== "move") {
      this.#drag = { kind: "resize", from: at, was: area, handle };
    } else this.#drag = { kind: "new", from: at, drawn: false };
    this.#focusOn(at);
  }

  point(at: Point) {
    const drag = this.#drag;
    this.#focusOn(at);
    if (drag === null) {
      const free = this.choice === null || this.choice.kind !== "area";
      this.hovered = free ? this.#under(at) : null;
      return;
    }
    const [dx, dy] = [at.x - drag.from.x, at.y - drag.from.y];
    if (drag.kind === "move") this.choose(moved(drag.was, dx, dy, this.room));
    else if (drag.kind === "resize") {
      this.choose(resized(drag.was, drag.handle, dx, dy, this.room, this.sideMin));
    } else if (drag.drawn || Math.hypot(dx, dy) >= CLICK_PX) {
      this.#drag = { ...drag, drawn: true };
      this.hovered = null;
      this.choose(between(drag.from, at, this.room));
    }
  }

  release() {
    const drag = this.#drag;
    this.#drag = null;
    if (drag?.kind !== "new") return;
    if (!drag.drawn) this.#click(drag.from);
    else if (this.area !== null && !isLarge(this.area, this.sideMin)) this.choice = null;
  }

  /** A window, or what lies bare. */
  #click(at: Point) {
    const window = this.#under(at);
    if (window === null) {
      this.kind = "display";
      this.choice = { kind: "display" };
    } else this.#pick(window);
  }

  /** Regions end at the display's edge; the last pixel is one before it. */
  #pixel = ({ x, y }: Point): Point => ({
    x: Math.min(x, this.bounds.width - 1),
    y: Math.min(y, this.bounds.height - 1),
  });

  /** Another display's pixels are not in this one's picture. */
  #focusOn({ x, y }: Point) {
    const isHere = x >= 0 && y >= 0 && x <= this.bounds.width && y <= this.bounds.height;
    this.focus = isHere ? this.#pixel({ x, y }) : null;
  }

  #under(at: Point): ChooserWindow | null {
    const pixel = this.#pixel(at);
    return this.windows.find((window) => holds(window.at, pixel)) ?? null;
  }

  #pick(window: ChooserWindow) {
    this.kind = "window";
    this.hovered = null;
    this.choice = { kind: "window", window };
  }

  /** One window after the other, then the display. */
  next(by: 1 | -1) {
    const count = this.windows.length + 1;
    const choice = this.choice;
    const now =
      choice?.kind === "window"
        ? this.windows.findIndex(({ id }) => id === choice.window.id)
        : choice?.kind === "display"
          ? count - 1
          : by > 0
            ? -1
            : 0;
    const window = this.windows[(now + by + count) % count];
    if (window === undefined) this.become("display");
    else this.#pick(window);
  }

  /** Handles a key for the area, and returns whether it was one. */
  key(event: KeyboardEvent): boolean {
    const by = nudge(event);
    const area = this.area;
    if (by === null || area === null) return false;
    const resizes = event.altKey || event.ctrlKey;
    const next = resizes
      ? resized(area, "se", by.x, by.y, this.room, this.sideMin)
      : moved(area, by.x, by.y, this.room);
    this.choose(next);
    this.#focusOn(
      resizes ? { x: next.x + next.width - 1, y: next.y + next.height - 1 } : { x: next.x, y: next.y },
    );
    return true;
  }

  /** A rectangle of this display on the desktop, and one of the desktop on this display. */
  onDesktop = (rect: Rect): Rect => ({ ...rect, x: rect.x + this.view.display.at.x, y: rect.y + this.view.display.at.y });
  onDisplay = (rect: Rect): Rect => ({ ...rect, x: rect.x - this.view.display.at.x, y: rect.y - this.view.display.at.y });

  /** The choice in the program's form, or `null` if nothing is chosen. */
  get chosen(): Chosen | null {
    const choice = this.choice ?? (this.hovered === null ? null : { kind: "window" as const, window: this.hovered });
    if (choice === null) return null;
    if (choice.kind === "window") return { kind: "window", id: choice.window.id };
    if (choice.kind === "display") return { kind: "display" };
    return { kind: "area", at: this.onDesktop(choice.at) };
  }
}
