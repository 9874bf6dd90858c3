/*!
 * What pointer and keys make together on the stage: drawing, moving, resizing, choosing with a rubber band, panning,
 * cropping. A gesture begins with a press, shows a draft with every move, and is one step of the history at its end.
 */
import * as change from "./drawing";
import type { Editor } from "./editor.svelte";
import {
  around,
  boundsOf,
  contains,
  dragged,
  frameHandles,
  handlesOf,
  minus,
  overlap,
  pulled,
  refitted,
  reshaped,
  simplified,
  topmost,
  union,
  type Handle,
  type HandleName,
  type Held,
} from "./geometry";
import { isFreehand, isPlaced } from "./tools";
import type { Area, Drawing, Point, Shape, ShapeTool } from "./types";

/** In screen pixels: how near is on it, and how far is a drag. */
const SLACK_PX = 6;
const HANDLE_PX = 10;
const DRAG_PX = 3;
/** Points of a stroke nearer than this, on the screen, are one. */
const POINT_PX = 1.5;

type Gesture =
  | { kind: "draw"; tool: ShapeTool; from: Point; path: Point[] }
  | { kind: "move"; from: Point; start: Drawing; ids: ReadonlySet<number>; copy: boolean }
  | { kind: "handle"; id: number; name: HandleName; start: Drawing }
  | { kind: "frame"; name: HandleName; start: Drawing; area: Area }
  | { kind: "band"; from: Point; before: ReadonlySet<number> }
  | { kind: "crop"; name: HandleName; area: Area }
  | { kind: "crop-move"; from: Point; area: Area }
  | { kind: "crop-draw" | "words"; from: Point };

export interface Press extends Held {
  /** In the picture's pixels. */
  at: Point;
  /** In the stage's. */
  screen: Point;
  /** The press is the second of two. */
  again: boolean;
}

export class Gestures {
  #gesture: Gesture | null = null;
  #pressed: Point = { x: 0, y: 0 };
  #isDrag = false;
  /** What the rubber band, or the area of the words, covers. */
  band: Area | null = null;

  constructor(
    private readonly editor: Editor,
    private readonly onband: (area: Area | null) => void,
  ) {}

  get isRunning(): boolean {
    return this.#gesture !== null;
  }

  press(press: Press) {
    const { editor } = this;
    this.#pressed = press.screen;
    this.#isDrag = false;
    editor.finishText();
    this.#gesture = this.#begin(press);
  }

  #begin(press: Press): Gesture | null {
    const { editor } = this;
    const { at } = press;
    const slack = SLACK_PX / editor.view.zoom;
    if (editor.choosingWords) return { kind: "words", from: at };
    if (editor.cropping !== null) return this.#beginCrop(at, editor.cropping);
    const handle = this.handleAt(at);
    if (handle !== null) return this.#beginHandle(handle);
    if (editor.tool !== "select" && editor.tool !== "crop") {
      // What was just drawn is moved by itself; anything else is drawn over.
      const grabbed = editor.chosen.find((shape) => topmost([shape], at, slack, editor.measure) !== null);
      const isText = editor.tool === "text" ? topmost(editor.drawing.shapes, at, slack, editor.measure) : null;
      if (isText?.tool === "text") {
        editor.select([isText.id]);
        editor.editing = isText.id;
        return null;
      }
      if (grabbed === undefined || isFreehand(editor.tool)) {
        if (editor.selected.size > 0) editor.select([]);
        return { kind: "draw", tool: editor.tool, from: at, path: [at] };
      }
      return this.#beginMove(press);
    }
    const shape = topmost(editor.drawing.shapes, at, slack, editor.measure);
    if (shape === null) {
      const before = press.shift ? editor.selected : new Set<number>();
      editor.select(before);
      return { kind: "band", from: at, before };
    }
    if (press.again && shape.tool === "text") {
      editor.select([shape.id]);
      editor.editing = shape.id;
      return null;
    }
    if (press.shift) {
      const next = new Set(editor.selected);
      if (!next.delete(shape.id)) next.add(shape.id);
      editor.select(next);
    } else if (!editor.selected.has(shape.id)) editor.select([shape.id]);
    return this.#beginMove(press);
  }

  #beginMove({ at, alt }: Press): Gesture {
    const { drawing, selected } = this.editor;
    return { kind: "move", from: at, start: drawing, ids: selected, copy: alt };
  }

  #beginHandle({ name }: Handle): Gesture {
    const { editor } = this;
    const [only] = editor.chosen;
    const start = editor.drawing;
    if (editor.chosen.length === 1 && only !== undefined) return { kind: "handle", id: only.id, name, start };
    return { kind: "frame", name, start, area: this.frame() };
  }

  #beginCrop(at: Point, area: Area): Gesture {
    const reach = HANDLE_PX / this.editor.view.zoom;
    const handle = frameHandles(area).find((one) => near(one.at, at, reach));
    if (handle !== undefined) return { kind: "crop", name: handle.name, area };
    const isWhole = area.width === this.editor.size.width && area.height === this.editor.size.height;
    if (contains(area, at) && !isWhole) return { kind: "crop-move", from: at, area };
    return { kind: "crop-draw", from: at };
  }

  /** The frame around several chosen objects. */
  frame(): Area {
    return union(this.editor.chosen.map((shape) => boundsOf(shape, this.editor.measure)));
  }

  handles(): Handle[] {
    const { chosen, measure, editing } = this.editor;
    if (editing !== null || chosen.length === 0) return [];
    const [only] = chosen;
    return chosen.length === 1 && only !== undefined ? handlesOf(only, measure) : frameHandles(this.frame(), false);
  }

  handleAt(at: Point): Handle | null {
    const reach = HANDLE_PX / this.editor.view.zoom;
    return this.handles().findLast((one) => near(one.at, at, reach)) ?? null;
  }

  move(press: Press) {
    const gesture = this.#gesture;
    if (gesture === null) return;
    const far = Math.hypot(press.screen.x - this.#pressed.x, press.screen.y - this.#pressed.y);
    this.#isDrag ||= far >= DRAG_PX;
    if (!this.#isDrag) return;
    const { editor } = this;
    const { at } = press;
    switch (gesture.kind) {
      case "draw": {
        const last = gesture.path.at(-1)!;
        if (Math.hypot(at.x - last.x, at.y - last.y) * editor.view.zoom >= POINT_PX) gesture.path.push(whole(at));
        if (gesture.tool === "text") return;
        editor.draft = change.add(baseOf(editor), this.#form(gesture, press)).drawing;
        return;
      }
      case "move": {
        const by = whole(minus(at, gesture.from));
        const held = press.shift ? (Math.abs(by.x) > Math.abs(by.y) ? { x: by.x, y: 0 } : { x: 0, y: by.y }) : by;
        editor.draft = gesture.copy
          ? change.duplicate(gesture.start, gesture.ids, held).drawing
          : change.move(gesture.start, gesture.ids, held);
        return;
      }
      case "handle":
        editor.draft = change.change(gesture.start, new Set([gesture.id]), (shape) =>
          reshaped(shape, gesture.name, at, press, editor.measure),
        );
        return;
      case "frame": {
        const to = pulled(gesture.area, gesture.name, at, press);
        editor.draft = change.change(gesture.start, editor.selected, (shape) => refitted(shape, gesture.area, to));
        return;
      }
      case "band": {
        const area = around([gesture.from, at]);
        this.#show(area);
        const inside = editor.drawing.shapes.filter((shape) => overlap(area, boundsOf(shape, editor.measure)));
        editor.selected = new Set([...gesture.before, ...inside.map(({ id }) => id)]);
        return;
      }
      case "words":
        this.#show(dragged(gesture.from, at, press));
        return;
      case "crop":
        editor.cropping = pulled(gesture.area, gesture.name, at, press);
        return;
      case "crop-move": {
        const by = whole(minus(at, gesture.from));
        const { width, height } = editor.size;
        const within = (value: number, length: number, room: number) => Math.max(0, Math.min(room - length, value));
        editor.cropping = {
          ...gesture.area,
          x: within(gesture.area.x + by.x, gesture.area.width, width),
          y: within(gesture.area.y + by.y, gesture.area.height, height),
        };
        return;
      }
      case "crop-draw":
        editor.cropping = dragged(gesture.from, at, press);
        return;
    }
  }

  release(press: Press) {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (gesture === null) return;
    const { editor } = this;
    const area = this.band;
    this.#show(null);
    if (gesture.kind === "draw") {
      this.#finishDrawing(gesture, press);
      return;
    }
    if (gesture.kind === "words") {
      void editor.recognize(this.#isDrag && area !== null ? area : null);
      return;
    }
    if (gesture.kind === "move" && !this.#isDrag && !press.shift && editor.selected.size > 1) {
      // A press without a drag on one of several chooses that one.
      const under = topmost(editor.chosen, press.at, SLACK_PX / editor.view.zoom, editor.measure);
      if (under !== null) editor.select([under.id]);
    }
    const { draft } = editor;
    if (draft === null) return;
    editor.do(draft);
    if (gesture.kind === "move" && gesture.copy) editor.select(draft.shapes.slice(-gesture.ids.size).map(({ id }) => id));
    editor.settle();
  }

  #finishDrawing(gesture: Gesture & { kind: "draw" }, press: Press) {
    const { editor } = this;
    editor.draft = null;
    const { tool } = gesture;
    if (tool === "text") {
      editor.addText(this.#form(gesture, press));
      return;
    }
    if (!this.#isDrag && !isPlaced(tool) && !isFreehand(tool)) {
      // A press on nothing: choose what lies there, as with the arrow of the pointer.
      const under = topmost(editor.drawing.shapes, press.at, SLACK_PX / editor.view.zoom, editor.measure);
      if (under !== null) editor.select([under.id]);
      return;
    }
    if (isFreehand(tool)) gesture.path = simplified(gesture.path);
    const form = this.#form(gesture, press);
    const id = editor.add(form);
    // One stroke follows the other; other objects stay chosen, to be moved and restyled.
    if (isFreehand(tool)) editor.select([]);
    else editor.select([id]);
  }

  #form({ tool, from, path }: Gesture & { kind: "draw" }, press: Press): Shape {
    const start = whole(from);
    const to = whole(press.at);
    return { ...this.editor.formOf(tool, { from: start, to, path }, press), id: 0 };
  }

  cancel() {
    this.#gesture = null;
    this.editor.draft = null;
    this.#show(null);
  }

  #show(area: Area | null) {
    this.band = area;
    this.onband(area);
  }
}

const near = (a: Point, b: Point, reach: number) => Math.abs(a.x - b.x) <= reach && Math.abs(a.y - b.y) <= reach;
const whole = ({ x, y }: Point): Point => ({ x: Math.round(x), y: Math.round(y) });
/** The drawing below the draft. */
const baseOf = (editor: Editor): Drawing => editor.stored;
