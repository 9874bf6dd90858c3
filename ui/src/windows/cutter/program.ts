/*! The commands that the recording editor calls, with the views that it gets. */
import type { ChapterView } from "$lib/bindings/ChapterView";
import type { CoverLook } from "$lib/bindings/CoverLook";
import type { CoverView } from "$lib/bindings/CoverView";
import type { CutEdit } from "$lib/bindings/CutEdit";
import type { CutFormat } from "$lib/bindings/CutFormat";
import type { CutView } from "$lib/bindings/CutView";
import type { KeptSpan } from "$lib/bindings/KeptSpan";
import { program } from "$lib/ipc";

export type { ChapterView, CoverLook, CoverView, CutEdit, CutFormat, CutView, KeptSpan };

export const recordings = {
  view: program.cutView,
  /** Returns the revision of what was saved. */
  save: program.saveCut,
  waveform: program.cutWaveform,
  rename: program.renameCut,
  /** False if the person chose no place. The export is a job of the view. */
  export: program.exportCut,
  /** As a recording of its own. Answers when it is in the library; false if it was cancelled. */
  copy: program.copyCut,
  /** Behind the same link. Answers when it is rendered; false if it was cancelled. */
  publish: program.publishCut,
  /** Begins to record: what is recorded plays in the place of that stretch. */
  recordAgain: program.recordAgain,
  exportSize: program.cutExportSize,
  cancelExport: program.cancelCutExport,
  showExport: program.showCutExport,
  dismissExport: program.dismissCutExport,
  close: program.closeCutter,
};
