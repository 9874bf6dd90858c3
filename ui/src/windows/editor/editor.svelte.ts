/*!
 * The state of one editor: the drawing with its history, what is chosen, the tool, and how the picture lies in
 * the window. What is drawn is `drawing`; a drag shows a `draft`, which becomes one step of the history when it ends.
 *
 * Length: one state, whose parts change together; what needs no state is in the modules that it imports.
 */
import { errorWords } from "$lib/errors";
import { asCommandError } from "$lib/ipc";
import * as m from "$lib/messages/messages";
import * as change from "./drawing";
import { EMPTY, History } from "./drawing";
import { boundsOf, clamped, refitted, union, type Measure } from "./geometry";
import { measure as measured } from "./measure";
import { nameOf } from "./names";
import { remember, remembered } from "./preferences";
import { pictures, type PictureView, type RecognizedView } from "./program";
import { Saver } from "./saver";
import { formed, isPlaced, measuredOf, RANGES, restyled, styleOf, type Style, type Tool } from "./tools";
import type { Area, Canvas, Drawing, Form, Point, Shape, ShapeTool, Size } from "./types";
import * as views from "./view";

export type Panel = "objects" | "background" | "resize" | "words";
/** What is under way and may last. */
export type Busy = "copy" | "save" | "upload" | "words" | "pin" | "import";

/** What a new object is as large as, of the shorter side of what is seen. */
const PLACED_SHARE = 0.3;
/** One turn of the wheel or one press of a key zooms by this. */
const ZOOM_STEP = 1.25;
/** A message about something that went well goes by itself. */
const SAID_MS = 4000;

export class Editor {
  picture = $state.raw<PictureView | null>(null);
  /** The picture's pixels, which effects are computed from. */
  source = $state.raw<HTMLImageElement | null>(null);
  /** The picture is on the stage, if only as a glance. */
  shown = $state(false);
  /** It is there with all its pixels. */
  whole = $state(false);
  #history = $state.raw(History.of(EMPTY));
  #uploading: Promise<void> | null = null;
  draft = $state.raw<Drawing | null>(null);
  selected = $state.raw<ReadonlySet<number>>(new Set());
  tool = $state<Tool>("arrow");
  style = $state.raw<Style>(remembered().style);
  view = $state.raw<views.View>({ zoom: 1, pan: { x: 0, y: 0 } });
  stage = $state.raw<Size>({ width: 0, height: 0 });
  panel = $state<Panel | null>(null);
  /** The text that is written now. */
  editing = $state<number | null>(null);
  /** The crop that is chosen now, in the picture's pixels. */
  cropping = $state.raw<Area | null>(null);
  /** An area is chosen for recognition of its text. */
  choosingWords = $state(false);
  words = $state.raw<RecognizedView | null>(null);
  keysShown = $state(false);
  busy = $state.raw<ReadonlySet<Busy>>(new Set());
  /** The last thing that could not be done. */
  trouble = $state<string | null>(null);
  /** The last thing that was done, for eyes and for screen readers. */
  said = $state("");
  /** The link was copied by this editor's last upload. */
  linkCopied = $state(false);
  /** The picture was deleted here, and can be brought back. */
  deleted = $state(false);
  /** The drawing's last save failed, and is tried again. */
  unsaved = $state(false);

  readonly drawing = $derived(this.draft ?? this.#history.now);
  /** The drawing without the draft. */
  get stored(): Drawing {
    return this.#history.now;
  }
  /** Whether an animation moves, or is a still of its first frame since something is drawn on it. `null`: it is none. */
  readonly animation = $derived.by<"moves" | "still" | null>(() => {
    if (this.picture === null || this.picture.stillUrl === null) return null;
    return change.isEmpty(this.drawing) && !this.picture.isOfNewerForm ? "moves" : "still";
  });
  /** What is shown below the objects: what leaves. */
  readonly imageUrl = $derived(this.animation === "still" ? this.picture?.stillUrl : this.picture?.sourceUrl);
  /** The notice about the animation that the person has closed. */
  closedNotice = $state<"moves" | "still" | null>(null);
  readonly size = $derived<Size>({ width: this.picture?.width ?? 1, height: this.picture?.height ?? 1 });
  /** While a crop is chosen, all of the picture is seen. */
  readonly canvas = $derived<Canvas>(
    this.cropping === null ? this.drawing.canvas : { ...this.drawing.canvas, crop: null, background: null },
  );
  readonly frame = $derived(views.frameSize(this.canvas, this.size));
  readonly matrix = $derived(views.matrix(this.canvas, this.size));
  readonly chosen = $derived(this.drawing.shapes.filter(({ id }) => this.selected.has(id)));
  readonly canUndo = $derived(this.#history.canUndo);
  readonly canRedo = $derived(this.#history.canRedo);
  /** The tool whose style the bar shows: that of the only chosen kind, or the one in hand. */
  readonly styled = $derived.by<Tool>(() => {
    const kinds = new Set(this.chosen.map(({ tool }) => tool));
    return kinds.size === 1 ? [...kinds][0]! : this.tool;
  });

  readonly measure: Measure = measured;
  #copied: Shape[] = [];
  #isFitted = true;
  #saidTimer: ReturnType<typeof setTimeout> | undefined;
  readonly saver = new Saver<Drawing>(
    (drawing) => (this.picture === null ? Promise.resolve() : pictures.saveDrawing(this.picture.id, drawing)),
    (error) => {
      this.unsaved = error !== null;
      if (error !== null) this.fail(error);
    },
  );

  constructor() {
    const { tool, objects } = remembered();
    this.tool = tool;
    if (objects) this.panel = "objects";
  }

  /** Opens a picture. One for which the editor waits may not be there yet. */
  async open(id: string, waits = false) {
    try {
      const picture = await pictures.picture(id);
      if (waits && this.picture !== null) return;
      this.picture = picture;
      [this.source, this.shown, this.whole] = [null, false, false];
      this.selected = new Set();
      this.#history = History.of(picture.drawing ?? EMPTY);
      this.fit();
      if (picture.isOfNewerForm) this.trouble = m.editor_newer();
    } catch (thrown) {
      if (!waits) this.fail(thrown);
    }
  }

  /** Is called when a glance of the picture is on the stage, or can't be. The original follows. */
  glanced() {
    this.shown = true;
  }

  /**
   * Is called when the original is on the stage. Only then are its pixels read for effects: that decodes it once more, and
   * the person would wait for both.
   */
  async appeared() {
    const picture = this.picture;
    if (picture === null || this.whole) return;
    [this.shown, this.whole] = [true, true];
    const image = new Image();
    image.crossOrigin = "anonymous";
    image.src = picture.stillUrl ?? picture.sourceUrl;
    try {
      await image.decode();
      if (this.picture?.id === picture.id) this.source = image;
    } catch {
      this.trouble = m.editor_unreadable();
    }
  }

  /** Asks again how the upload is. The drawing is this window's own. */
  async ask() {
    if (this.picture === null) return;
    try {
      const { state, link, title, version } = await pictures.picture(this.picture.id);
      this.picture = { ...this.picture, state, link, title, version };
    } catch {
      // The picture is gone, or the program closes: nothing to show.
    }
  }

  // --- Changes

  /** Does a change and saves it. */
  do(next: Drawing, merge: string | null = null) {
    this.draft = null;
    if (next === this.#history.now || this.picture?.isOfNewerForm) return;
    this.#history = this.#history.do(next, merge);
    this.#changed();
  }

  settle() {
    this.#history = this.#history.settle();
  }

  undo() {
    if (this.picture?.isOfNewerForm) return;
    if (this.editing !== null) this.finishText();
    this.#history = this.#history.undo();
    this.#changed();
    this.say(m.editor_undone());
  }

  redo() {
    if (this.picture?.isOfNewerForm) return;
    this.#history = this.#history.redo();
    this.#changed();
    this.say(m.editor_redone());
  }

  #changed() {
    const ids = new Set(this.#history.now.shapes.map(({ id }) => id));
    if ([...this.selected].some((id) => !ids.has(id))) {
      this.selected = new Set([...this.selected].filter((id) => ids.has(id)));
    }
    this.linkCopied = false;
    this.saver.later($state.snapshot(this.#history.now) as Drawing);
    if (this.#isFitted) this.fit();
  }

  add(form: Form): number {
    const { drawing, id } = change.add(this.#history.now, form);
    this.do(drawing);
    this.select([id]);
    return id;
  }

  /** Adds a text and begins to write it. What is written is one step with it. */
  addText(form: Form) {
    this.finishText();
    const { drawing, id } = change.add(this.#history.now, form);
    this.settle();
    this.do(drawing, `text ${id}`);
    this.selected = new Set([id]);
    this.editing = id;
  }

  /** Adds an object of the tool in hand in the middle of what is seen: drawing by keyboard. */
  place() {
    const tool = this.tool;
    if (tool === "select" || tool === "crop") return;
    const middle = this.#middle();
    const seen = views.seen(this.canvas, this.size);
    const half = Math.max(8, Math.round((Math.min(seen.width, seen.height, this.#seenSize()) * PLACED_SHARE) / 2));
    const at = (x: number, y: number): Point => ({ x: Math.round(middle.x + x), y: Math.round(middle.y + y) });
    const [from, to] = isPlaced(tool) ? [at(0, 0), at(0, 0)] : [at(-half, half / 2), at(half, -half / 2)];
    const form = this.formOf(tool, { from, to, path: [from, to] }, { shift: false, alt: false });
    if (tool === "text") this.addText(form);
    else this.say(m.editor_placed({ name: this.nameOf(this.add(form)) }));
  }

  formOf(tool: ShapeTool, drag: { from: Point; to: Point; path: Point[] }, held: { shift: boolean; alt: boolean }) {
    return formed(tool, drag, this.style, held, change.nextStep(this.#history.now));
  }

  #middle(): Point {
    const at = { x: this.stage.width / 2, y: this.stage.height / 2 };
    const there = views.toPicture(this.canvas, this.size, this.view, at);
    const seen = views.seen(this.canvas, this.size);
    const within = (value: number, from: number, length: number) => Math.min(from + length, Math.max(from, value));
    return { x: within(there.x, seen.x, seen.width), y: within(there.y, seen.y, seen.height) };
  }

  #seenSize = () => Math.min(this.stage.width, this.stage.height) / this.view.zoom;

  nudge(x: number, y: number) {
    if (this.cropping !== null) {
      const by = this.#unturned({ x, y });
      const within = (value: number, length: number, room: number) => Math.max(0, Math.min(room - length, value));
      const { width, height } = this.cropping;
      this.cropping = {
        ...this.cropping,
        x: within(this.cropping.x + by.x, width, this.size.width),
        y: within(this.cropping.y + by.y, height, this.size.height),
      };
      this.#sayCrop();
      return;
    }
    if (this.selected.size === 0) {
      this.view = views.held(
        { ...this.view, pan: { x: this.view.pan.x - x * 24, y: this.view.pan.y - y * 24 } },
        { width: this.frame.width, height: this.frame.height },
        this.stage,
      );
      return;
    }
    const by = this.#unturned({ x, y });
    this.do(change.move(this.#history.now, this.selected, by), "nudge");
    this.#sayPlace();
  }

  /** Makes the chosen objects wider and higher; what has one size becomes larger. */
  grow(x: number, y: number) {
    if (this.cropping !== null) {
      const by = this.#unturned({ x, y });
      const { x: left, y: top, width, height } = this.cropping;
      this.cropping = {
        x: left,
        y: top,
        width: Math.max(1, Math.min(this.size.width - left, width + by.x)),
        height: Math.max(1, Math.min(this.size.height - top, height + by.y)),
      };
      this.#sayCrop();
      return;
    }
    if (this.selected.size === 0) return;
    const by = this.#unturned({ x, y });
    const from = union(this.chosen.map((shape) => boundsOf(shape, this.measure)));
    const to = { ...from, width: Math.max(1, from.width + by.x), height: Math.max(1, from.height + by.y) };
    const next = change.change(this.#history.now, this.selected, (shape) => {
      if (!("sizePx" in shape)) return refitted(shape, from, to);
      return restyled(shape, { sizePx: Math.max(8, shape.sizePx + by.x + by.y) });
    });
    this.do(next, "grow");
    this.#sayPlace();
  }

  /** A direction on the screen, as the turned picture has it. */
  #unturned({ x, y }: Point): Point {
    const [a, b, c, d] = this.matrix;
    return { x: a * x + b * y, y: c * x + d * y };
  }

  delete() {
    if (this.selected.size === 0) return;
    const count = this.selected.size;
    const next = change.remove(this.#history.now, this.selected);
    this.selected = new Set();
    this.do(next);
    this.say(m.editor_removed({ count }));
  }

  duplicate() {
    const { drawing, ids } = change.duplicate(this.#history.now, this.selected);
    if (ids.length === 0) return;
    this.do(drawing);
    this.select(ids);
  }

  order(order: change.Order) {
    this.do(change.reorder(this.#history.now, this.selected, order));
  }

  align(edge: change.Edge) {
    const whole = views.seen(this.canvas, this.size);
    this.do(change.align(this.#history.now, this.selected, edge, whole, this.measure));
  }

  /** Sets the style of what is chosen, and of what is drawn next. */
  restyle(style: Partial<Style>) {
    this.style = { ...this.style, ...style };
    this.#remember();
    if (this.selected.size === 0) return;
    const merge = `style ${Object.keys(style).join(" ")}`;
    this.do(change.change(this.#history.now, this.selected, (shape) => restyled(shape, style)), merge);
  }

  /** Makes the line, the text or the effect in hand larger or smaller. */
  measureBy(steps: number) {
    const measured = measuredOf(this.styled);
    if (measured === null) return;
    const { min, max, step } = RANGES[measured];
    const now = this.shownStyle[measured];
    const next = Math.min(max, Math.max(min, now + steps * step));
    if (next !== now) this.restyle({ [measured]: next });
  }

  /** The style of the chosen objects, where they have one. */
  get shownStyle(): Style {
    const first = this.chosen[0];
    return first === undefined ? this.style : { ...this.style, ...styleOf(first) };
  }

  setCanvas(canvas: Partial<Canvas>, merge: string | null = null) {
    this.do(change.setCanvas(this.#history.now, canvas), merge);
  }

  turn(by: 1 | -1) {
    this.setCanvas({ quarterTurns: (this.drawing.canvas.quarterTurns + by + 4) % 4 });
    this.fit();
  }

  // --- Choosing

  select(ids: Iterable<number>) {
    this.selected = new Set(ids);
    this.settle();
  }

  /** Chooses the next object, or the one before. Returns whether there is one. */
  walk(by: 1 | -1): boolean {
    const { shapes } = this.drawing;
    const last = shapes.findLastIndex(({ id }) => this.selected.has(id));
    const first = by === 1 ? 0 : shapes.length - 1;
    const next = shapes[last < 0 ? first : last + by];
    if (next === undefined) {
      this.select([]);
      return false;
    }
    this.select([next.id]);
    this.#sayPlace();
    return true;
  }

  take(tool: Tool) {
    this.finishText();
    if (tool !== "crop") this.cropping = null;
    if (tool !== "select") this.select([]);
    this.choosingWords = false;
    const wasCropping = this.cropping !== null;
    this.tool = tool;
    if (tool === "crop" && !wasCropping) {
      this.cropping = this.drawing.canvas.crop ?? { x: 0, y: 0, ...this.size };
      this.fit();
    } else if (tool !== "crop") this.#remember();
  }

  applyCrop() {
    if (this.cropping === null) return;
    const crop = clamped(this.cropping, this.size);
    this.cropping = null;
    this.tool = "select";
    const isWhole =
      crop === null || (crop.x === 0 && crop.y === 0 && crop.width === this.size.width && crop.height === this.size.height);
    const next = isWhole ? null : crop;
    if (JSON.stringify(next) !== JSON.stringify(this.drawing.canvas.crop)) this.setCanvas({ crop: next, width: null });
    this.fit();
  }

  leaveCrop() {
    this.cropping = null;
    this.tool = "select";
    this.fit();
  }

  /** Escape: one step back, from the innermost thing that is open. Returns whether there was one. */
  back(): boolean {
    if (this.keysShown) this.keysShown = false;
    else if (this.editing !== null) this.finishText();
    else if (this.draft !== null) this.draft = null;
    else if (this.choosingWords) this.choosingWords = false;
    else if (this.cropping !== null) this.leaveCrop();
    else if (this.selected.size > 0) this.select([]);
    else if (this.trouble !== null) this.trouble = null;
    else if (this.tool !== "select") this.take("select");
    else if (this.panel !== null && this.panel !== "objects") this.panel = null;
    else return false;
    return true;
  }

  /** Ends the writing of a text. An empty one is gone. */
  finishText() {
    const id = this.editing;
    if (id === null) return;
    this.editing = null;
    const shape = this.drawing.shapes.find((one) => one.id === id);
    if (shape?.tool === "text" && shape.text.trim() === "") {
      this.selected = new Set();
      const isNew = this.#history.before?.shapes.every((one) => one.id !== id) ?? false;
      if (isNew) {
        this.#history = this.#history.drop();
        this.#changed();
      } else this.do(change.remove(this.#history.now, new Set([id])), `text ${id}`);
    }
    this.settle();
  }

  write(text: string) {
    const id = this.editing;
    if (id === null) return;
    const next = change.change(this.#history.now, new Set([id]), (shape) =>
      shape.tool === "text" && shape.text !== text ? { ...shape, text } : shape,
    );
    this.do(next, `text ${id}`);
  }

  copyObjects(): boolean {
    if (this.selected.size === 0) return false;
    this.#copied = this.chosen;
    this.say(m.editor_objects_copied({ count: this.#copied.length }));
    return true;
  }

  pasteObjects(): boolean {
    if (this.#copied.length === 0) return false;
    const { drawing, ids } = change.paste(this.#history.now, this.#copied);
    this.do(drawing);
    this.select(ids);
    return true;
  }

  // --- Names

  nameOf(id: number): string {
    return nameOf(this.drawing.shapes, id);
  }

  #sayCrop() {
    const { x, y, width, height } = this.cropping ?? { x: 0, y: 0, width: 0, height: 0 };
    this.say(m.editor_placed_at({ name: m.editor_tool_crop(), detail: `${x}, ${y}, ${width} × ${height}` }));
  }

  #sayPlace() {
    const [only] = this.chosen;
    if (this.chosen.length !== 1 || only === undefined) return;
    const { x, y, width, height } = boundsOf(only, this.measure);
    const [across, down, wide, high] = [x, y, width, height].map(Math.round);
    const detail = `${across}, ${down}, ${wide} × ${high}`;
    this.say(m.editor_placed_at({ name: this.nameOf(only.id), detail }));
  }

  // --- View

  resized(stage: Size) {
    const isFirst = this.stage.width === 0;
    this.stage = stage;
    if (isFirst || this.#isFitted) this.fit();
  }

  fit() {
    if (this.stage.width === 0 || this.picture === null) return;
    this.view = views.fitted(this.frame, this.stage);
    this.#isFitted = true;
  }

  zoom(to: "in" | "out" | "fit" | "one" | number, at?: Point) {
    if (to === "fit") {
      this.fit();
      return;
    }
    const middle = at ?? { x: this.stage.width / 2, y: this.stage.height / 2 };
    const next =
      to === "one" ? 1 : to === "in" ? this.view.zoom * ZOOM_STEP : to === "out" ? this.view.zoom / ZOOM_STEP : to;
    this.#isFitted = false;
    this.view = views.held(views.zoomed(this.view, next, middle), this.frame, this.stage);
  }

  panBy({ x, y }: Point) {
    this.#isFitted = false;
    const pan = { x: this.view.pan.x + x, y: this.view.pan.y + y };
    this.view = views.held({ ...this.view, pan }, this.frame, this.stage);
  }

  // --- Out

  /** Runs what may last, after what changed is stored, and says what it could not do. */
  async run<T>(what: Busy, act: (id: string) => Promise<T>): Promise<T | undefined> {
    const id = this.picture?.id;
    if (id === undefined || this.busy.has(what)) return undefined;
    this.finishText();
    this.busy = new Set([...this.busy, what]);
    this.trouble = null;
    try {
      await this.saver.flush();
      return await act(id);
    } catch (thrown) {
      this.fail(thrown);
      return undefined;
    } finally {
      this.busy = new Set([...this.busy].filter((one) => one !== what));
    }
  }

  copy = () =>
    this.run("copy", async (id) => {
      await pictures.copy(id);
      this.say(m.editor_copied());
    });

  save = (ask: boolean) =>
    this.run("save", async (id) => {
      const path = await pictures.save(id, null, ask);
      if (path !== null) this.say(m.editor_saved({ name: path.split(/[\\/]/).at(-1) ?? path }));
    });

  upload = () =>
    (this.#uploading ??= this.run("upload", async (id) => {
      const link = await pictures.publish(id);
      await this.ask();
      this.linkCopied = link !== null;
      this.say(link === null ? m.editor_upload_later() : m.editor_link_copied());
    }).finally(() => (this.#uploading = null)));

  copyMarkdown = async () => {
    await this.#uploading;
    await this.run("upload", async (id) => {
      const link = this.picture?.link ?? (await pictures.publish(id));
      await this.ask();
      if (link === null) {
        this.say(m.editor_upload_later());
        return;
      }
      await pictures.copyMarkdown(id);
      this.say(m.editor_markdown_copied());
    });
  };

  pin = () => this.run("pin", (id) => pictures.pin(id));
  drag = () => this.run("save", (id) => pictures.drag(id));

  /** An area is chosen next; Enter takes all of the picture. */
  startWords() {
    this.finishText();
    this.cropping = null;
    this.select([]);
    this.choosingWords = true;
    this.panel = "words";
  }

  recognize = (area: Area | null) =>
    this.run("words", async (id) => {
      this.choosingWords = false;
      this.panel = "words";
      this.words = null;
      this.words = await pictures.recognize(id, area);
    });

  copyWords = (text: string) =>
    this.run("copy", async () => {
      await pictures.copyText(text);
      this.say(m.editor_words_copied());
    });

  deletePicture = () =>
    this.run("save", async (id) => {
      await pictures.delete(id);
      await pictures.close();
    });

  fail(thrown: unknown) {
    this.trouble = errorWords(asCommandError(thrown));
  }

  say(words: string) {
    clearTimeout(this.#saidTimer);
    this.said = words;
    this.#saidTimer = setTimeout(() => (this.said = ""), SAID_MS);
  }

  togglePanel(panel: Panel) {
    this.panel = this.panel === panel ? null : panel;
    this.#remember();
  }

  #remember() {
    remember({ tool: this.tool, style: this.style, objects: this.panel === "objects" });
  }
}

