/*!
 * One recording in its editor: what is cut, what is chosen, where it plays. What changes is one step of undo and is
 * saved a moment later; the times of everything are milliseconds of the source.
 */
import type { JobView } from "$lib/bindings/JobView";
import { errorWords } from "$lib/errors";
import { length } from "$lib/format";
import { asCommandError } from "$lib/ipc";
import * as m from "$lib/messages/messages";
import { Saver } from "../editor/saver";
import * as cuts from "./cuts";
import type { Bounds, Edge, Size, Stretch } from "./cuts";
import { History } from "./history";
import { clock } from "./names";
import type { Target } from "./exports";
import { needsNewLink } from "./publishing";
import { recordings, type CoverView, type CutEdit, type CutView } from "./program";

export type Chosen = { kind: "piece" | "cover" | "chapter"; n: number };

/** What plays the recording, once it is there. */
export interface Player {
  seek(ms: number): void;
  toggle(): void;
  /** Faster in that direction, or at the usual speed if it was another. */
  shuttle(by: 1 | -1): void;
  stop(): void;
}

const SECOND_MS = 1000;
const EMPTY: CutEdit = { keep: [], covers: [], chapters: [] };
/** A cover that is placed by keyboard takes this share of the picture. */
const PLACED_SHARE = 0.3;

export class Cutter {
  view = $state.raw<CutView | null>(null);
  chosen = $state.raw<Chosen | null>(null);
  /** What is about to be cut out. */
  selection = $state.raw<Stretch | null>(null);
  /** The next drag on the video is a cover. */
  placing = $state(false);
  atMs = $state(0);
  paused = $state(true);
  trouble = $state<string | null>(null);
  said = $state("");
  keysShown = $state(false);
  exportShown = $state(false);
  /** The question whether the edit may get a new link is asked. */
  newLinkShown = $state(false);
  /** Until what was saved is rendered and on its way. */
  publishing = $state(false);
  player: Player | null = null;

  #history = $state.raw(History.of(EMPTY));
  /** The revision that the next save replaces. */
  #revision = 0;

  readonly saver = new Saver<CutEdit>(
    (edit) => this.#save(edit),
    (error) => this.#saved(error),
  );

  get edit(): CutEdit {
    return this.#history.now;
  }

  get bounds(): Bounds {
    const { durationMs = 0, fps = 30 } = this.view ?? {};
    return { durationMs, frameMs: SECOND_MS / Math.max(1, fps) };
  }

  get size(): Size {
    const { width = 1, height = 1 } = this.view ?? {};
    return { width: Math.max(1, width), height: Math.max(1, height) };
  }

  get isLocked(): boolean {
    return this.view === null || this.view.isOfNewerForm;
  }

  get canUndo(): boolean {
    return !this.isLocked && this.#history.canUndo;
  }

  get canRedo(): boolean {
    return !this.isLocked && this.#history.canRedo;
  }

  get isWhole(): boolean {
    return this.view === null || cuts.isWhole(this.edit, this.view.durationMs);
  }

  /** The exports of this recording, oldest first. */
  get exports(): readonly JobView[] {
    return this.view?.jobs.filter(({ kind }) => kind === "export") ?? [];
  }

  /** The piece whose ends can be moved: the chosen one, or the one at the current position. */
  get piece(): number {
    if (this.chosen?.kind === "piece") return Math.min(this.chosen.n, this.edit.keep.length - 1);
    return cuts.nearestPiece(this.edit.keep, this.atMs);
  }

  async open(id: string) {
    try {
      const view = await recordings.view(id);
      this.view = view;
      this.#revision = view.revision;
      this.#history = History.of(view.edit ?? cuts.whole(view.durationMs));
      if (view.isOfNewerForm) this.trouble = m.cutter_newer();
    } catch (thrown) {
      this.trouble = errorWords(asCommandError(thrown));
    }
  }

  /** Asks again how the recording is. An edit that was made elsewhere becomes a step: undo brings this one back. */
  async ask() {
    if (this.view === null) return;
    try {
      const found = await recordings.view(this.view.id);
      if (found.durationMs !== this.view.durationMs) return this.#longer(found);
      const { title, link, state, upload, jobs, publish } = found;
      this.view = { ...this.view, title, link, state, upload, jobs, publish };
      if (!this.saver.isDirty && found.revision > this.#revision) this.#adopt(found);
    } catch {
      // The recording is gone, or the program closes: nothing to show.
    }
  }

  /** Something was recorded at its end, or again. What was being changed meanwhile is one undo away. */
  #longer(found: CutView) {
    const wasWhole = this.isWhole;
    this.view = found;
    if (found.revision > this.#revision) this.#adopt(found);
    else if (wasWhole) this.#history = History.of(cuts.whole(found.durationMs));
  }

  #adopt(found: CutView) {
    this.#revision = found.revision;
    if (found.isOfNewerForm || found.edit === null) return;
    this.#history = this.#history.settle().do(found.edit).settle();
    this.#forget();
    this.trouble = m.cutter_changed();
  }

  async #save(edit: CutEdit) {
    if (this.view === null) return;
    try {
      this.#revision = await recordings.save(this.view.id, edit, this.#revision);
    } catch (thrown) {
      if (asCommandError(thrown).code !== "edit-changed") throw thrown;
      this.#adopt(await recordings.view(this.view.id));
    }
  }

  #saved(error: unknown) {
    if (error !== null) this.trouble = errorWords(asCommandError(error));
  }

  // --- Changes

  /** Does a change and saves it. Returns whether there was any. */
  do(next: CutEdit | null, merge: string | null = null): boolean {
    if (next === null || next === this.edit || this.isLocked) return false;
    this.#history = this.#history.do(next, merge);
    this.#changed();
    return true;
  }

  settle() {
    this.#history = this.#history.settle();
  }

  undo() {
    if (!this.canUndo) return;
    this.#history = this.#history.undo();
    this.#changed();
    this.say(m.editor_undone());
  }

  redo() {
    if (!this.canRedo) return;
    this.#history = this.#history.redo();
    this.#changed();
    this.say(m.editor_redone());
  }

  #changed() {
    this.#forget();
    this.saver.later(this.edit);
  }

  /** What is chosen and is not there any more is not chosen. */
  #forget() {
    if (this.chosen === null) return;
    const { keep, covers, chapters } = this.edit;
    const count = { piece: keep, cover: covers, chapter: chapters }[this.chosen.kind].length;
    if (this.chosen.n >= count) this.chosen = null;
  }

  say(words: string) {
    this.said = words;
  }

  split() {
    if (!this.do(cuts.split(this.edit, this.atMs, this.bounds))) return this.say(m.cutter_too_short());
    this.chosen = null;
    this.say(m.cutter_said_split({ time: clock(this.atMs) }));
  }

  join(n: number) {
    if (this.do(cuts.join(this.edit, n))) this.say(m.cutter_said_joined());
  }

  /** Cuts the selection out, or deletes what is chosen, or the piece at the current position. */
  delete() {
    if (this.selection !== null) return this.cutSelection();
    switch (this.chosen?.kind) {
      case "cover":
        return this.deleteCover(this.chosen.n);
      case "chapter":
        return this.deleteChapter(this.chosen.n);
      case "piece":
      case undefined:
        return this.deletePiece(this.chosen?.n ?? cuts.pieceAt(this.edit.keep, this.atMs));
    }
  }

  cutSelection() {
    const cut = this.selection;
    if (cut === null) return;
    if (!this.do(cuts.cutOut(this.edit, cut, this.bounds))) return this.say(m.cutter_last_piece());
    this.selection = null;
    this.chosen = null;
    this.say(m.cutter_said_cut({ start: clock(cut.startMs), end: clock(cut.endMs) }));
  }

  /** Begins to record the selection again. The edit changes when that recording ends. */
  async recordAgain() {
    const again = this.selection;
    if (again === null || this.view === null || this.isLocked) return;
    try {
      await this.saver.flush();
      await recordings.recordAgain(this.view.id, again);
      this.selection = null;
      this.say(m.cutter_said_record_again({ start: clock(again.startMs), end: clock(again.endMs) }));
    } catch (thrown) {
      this.trouble = errorWords(asCommandError(thrown));
    }
  }

  deletePiece(n: number) {
    const piece = this.edit.keep[n];
    if (piece === undefined) return;
    if (!this.do(cuts.deletePiece(this.edit, n))) return this.say(m.cutter_last_piece());
    this.chosen = null;
    this.say(m.cutter_said_cut({ start: clock(piece.startMs), end: clock(piece.endMs) }));
  }

  restore(gap: Stretch) {
    if (!this.do(cuts.restore(this.edit, gap))) return;
    this.chosen = null;
    this.say(m.cutter_said_restored({ start: clock(gap.startMs), end: clock(gap.endMs) }));
  }

  /** All of the source again, as one step. */
  original() {
    if (this.view === null || !this.do(cuts.whole(this.view.durationMs))) return;
    this.selection = null;
    this.chosen = null;
    this.say(m.cutter_said_original());
  }

  moveEdge(n: number, edge: Edge, toMs: number, merge: string | null = null) {
    this.chosen = { kind: "piece", n };
    this.do(cuts.moveEdge(this.edit, n, edge, toMs, this.bounds), merge);
    const piece = this.edit.keep[n];
    if (piece !== undefined) this.seek(edge === "start" ? piece.startMs : this.#lastFrame(piece.endMs));
  }

  /** The last frame before an end, not the first after it. */
  #lastFrame = (endMs: number) => Math.max(0, endMs - Math.round(this.bounds.frameMs));

  // --- Selection

  /** The selection begins here. Without an end it goes to the end: what follows is to go. */
  markIn() {
    const { durationMs } = this.bounds;
    const end = this.selection?.endMs ?? durationMs;
    this.select({ startMs: this.atMs, endMs: end > this.atMs ? end : durationMs });
    this.say(m.cutter_said_in({ time: clock(this.atMs) }));
  }

  /** The selection ends here. Without a start it begins at the beginning. */
  markOut() {
    const start = this.selection?.startMs ?? 0;
    const startMs = start < this.atMs ? start : 0;
    this.select({ startMs, endMs: this.atMs });
    this.say(m.cutter_said_out({ start: clock(startMs), end: clock(this.atMs) }));
  }

  select(stretch: Stretch | null) {
    const { durationMs, frameMs } = this.bounds;
    if (stretch === null) {
      this.selection = null;
      return;
    }
    const startMs = Math.max(0, Math.min(stretch.startMs, stretch.endMs));
    const endMs = Math.min(durationMs, Math.max(stretch.startMs, stretch.endMs));
    this.selection = endMs - startMs < frameMs ? null : { startMs: Math.round(startMs), endMs: Math.round(endMs) };
  }

  // --- Covers

  /** Adds a cover that begins at the current position. Without an area it is in the center. */
  addCover(area: CoverView["area"] | null = null) {
    const { width, height } = this.size;
    const side = (px: number) => Math.round(px * PLACED_SHARE);
    const center = {
      x: Math.round((width - side(width)) / 2),
      y: Math.round((height - side(height)) / 2),
      width: side(width),
      height: side(height),
    };
    this.placing = false;
    if (!this.do(cuts.addCover(this.edit, area ?? center, this.atMs, this.bounds, this.size))) return;
    this.chosen = { kind: "cover", n: this.edit.covers.length - 1 };
    this.say(m.cutter_said_cover({ number: this.edit.covers.length }));
  }

  changeCover(n: number, change: Partial<CoverView>, merge: string | null = null) {
    this.do(cuts.changeCover(this.edit, n, change, this.size), merge);
  }

  moveCoverEdge(n: number, edge: Edge, toMs: number, merge: string | null = null) {
    this.do(cuts.moveCoverEdge(this.edit, n, edge, toMs, this.bounds), merge);
    const cover = this.edit.covers[n];
    if (cover !== undefined) this.seek(edge === "start" ? cover.startMs : this.#lastFrame(cover.endMs));
  }

  deleteCover(n: number) {
    if (!this.do(cuts.deleteCover(this.edit, n))) return;
    this.chosen = null;
    this.say(m.cutter_said_cover_gone());
  }

  // --- Chapters

  addChapter() {
    const title = m.cutter_chapter({ number: this.edit.chapters.length + 1 });
    const startMs = Math.min(this.atMs, Math.max(0, this.bounds.durationMs - 1));
    if (!this.do(cuts.addChapter(this.edit, startMs, title))) return;
    const n = this.edit.chapters.findIndex((chapter) => chapter.startMs === startMs);
    this.chosen = { kind: "chapter", n };
    this.say(m.cutter_said_chapter({ time: clock(startMs) }));
  }

  renameChapter(n: number, title: string) {
    this.do(cuts.renameChapter(this.edit, n, title), `chapter ${n}`);
  }

  moveChapter(n: number, toMs: number, merge: string | null = null) {
    this.do(cuts.moveChapter(this.edit, n, toMs, this.bounds), merge);
    const chapter = this.edit.chapters[n];
    if (chapter !== undefined) this.seek(chapter.startMs);
  }

  deleteChapter(n: number) {
    if (!this.do(cuts.deleteChapter(this.edit, n))) return;
    this.chosen = null;
    this.say(m.cutter_said_chapter_gone());
  }

  // --- Playing

  seek(ms: number) {
    this.atMs = Math.min(Math.max(0, Math.round(ms)), this.bounds.durationMs);
    this.player?.seek(this.atMs);
  }

  step(frames: number) {
    this.player?.stop();
    this.seek(cuts.stepped(this.atMs, frames, this.bounds));
  }

  second(by: 1 | -1) {
    this.player?.stop();
    this.seek(this.atMs + by * SECOND_MS);
  }

  home() {
    this.seek(this.edit.keep[0]?.startMs ?? 0);
  }

  end() {
    this.seek(this.#lastFrame(this.edit.keep.at(-1)?.endMs ?? 0));
  }

  choose(chosen: Chosen | null) {
    this.chosen = chosen;
    this.settle();
  }

  /** Takes back what was begun last. Returns whether there was anything. */
  back(): boolean {
    if (this.placing) this.placing = false;
    else if (this.selection !== null) this.selection = null;
    else if (this.chosen !== null) this.chosen = null;
    else if (this.trouble !== null && !this.isLocked) this.trouble = null;
    else return false;
    return true;
  }

  async rename(title: string) {
    if (this.view === null || title.trim() === "" || title === this.view.title) return;
    try {
      await recordings.rename(this.view.id, title);
      this.view = { ...this.view, title: title.trim() };
    } catch (thrown) {
      this.trouble = errorWords(asCommandError(thrown));
    }
  }

  // --- Publishing

  /** Publishes what is seen now behind the same link, or asks whether it may get a new one. */
  async publish() {
    if (this.view === null || this.publishing) return;
    if (needsNewLink(this.view)) {
      this.newLinkShown = true;
      return;
    }
    await this.#publish(async (id) => {
      if (await recordings.publish(id)) this.say(m.cutter_said_publish());
    });
  }

  /** Publishes what is seen now as a recording of its own, with a new link. */
  async publishAnew() {
    this.newLinkShown = false;
    await this.#publish(async (id) => {
      if (await recordings.copy(id)) this.say(m.cutter_said_publish_anew());
    });
  }

  async #publish(act: (id: string) => Promise<void>) {
    if (this.view === null || this.publishing) return;
    this.publishing = true;
    try {
      await this.saver.flush();
      await act(this.view.id);
    } catch (thrown) {
      const error = asCommandError(thrown);
      if (error.code === "new-link-only") this.newLinkShown = true;
      else this.trouble = errorWords(error);
    } finally {
      this.publishing = false;
      await this.ask();
    }
  }

  // --- Exports

  /** Begins to export what is seen now. */
  async export(target: Target, fps: number | null, width: number | null, ask: boolean) {
    if (this.view === null) return;
    const { id } = this.view;
    try {
      await this.saver.flush();
      if (target === "recording") {
        this.say(m.cutter_said_export());
        await recordings.copy(id);
        return;
      }
      // False: the person chose no place.
      if (await recordings.export(id, { format: target, fps, width }, ask)) this.say(m.cutter_said_export());
    } catch (thrown) {
      this.trouble = errorWords(asCommandError(thrown));
    }
  }

  cancelExport = (job: number) => this.#onExport(recordings.cancelExport, job);
  showExport = (job: number) => this.#onExport(recordings.showExport, job);
  dismissExport = (job: number) => this.#onExport(recordings.dismissExport, job);

  async #onExport(act: (id: string, job: number) => Promise<void>, job: number) {
    if (this.view === null) return;
    try {
      await act(this.view.id, job);
    } catch (thrown) {
      this.trouble = errorWords(asCommandError(thrown));
    }
  }

  /** The length of the result beside that of the source. */
  get figures(): string {
    const { durationMs } = this.bounds;
    return m.cutter_length({ time: length(cuts.keptMs(this.edit.keep)), length: length(durationMs) });
  }
}
