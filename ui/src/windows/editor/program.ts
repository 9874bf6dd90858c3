/*! The commands that the editor calls, with the views that it gets. */
import type { PictureView } from "$lib/bindings/PictureView";
import type { RecognizedView } from "$lib/bindings/RecognizedView";
import { program } from "$lib/ipc";

export type { PictureView, RecognizedView };

export const pictures = {
  picture: program.picture,
  saveDrawing: program.saveDrawing,
  copy: program.copyPicture,
  copyMarkdown: program.copyPictureMarkdown,
  save: program.savePicture,
  publish: program.publishPicture,
  recognize: program.recognizePicture,
  pin: program.pinPicture,
  importFiles: program.importPictures,
  open: program.openEditor,
  drag: program.dragPicture,
  delete: program.deletePicture,
  copyText: program.copyText,
  close: program.closeEditor,
};
