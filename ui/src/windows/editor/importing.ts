/*! Pictures that a person brings: by a file, or from the clipboard. */
import { pastePicture } from "$lib/pictures";
import type { Editor } from "./editor.svelte";
import { pictures } from "./program";

/** Pastes the objects that were copied here, or else the picture on the clipboard. */
export function paste(editor: Editor, data: DataTransfer | null) {
  if (editor.pasteObjects()) return;
  void bring(editor, async () => {
    const id = await pastePicture(data);
    return id === null ? [] : [id];
  });
}

/** Takes files that the person chooses into the library. */
export const choose = (editor: Editor) => bring(editor, pictures.importFiles);

/** Opens what is brought in windows of its own, in place of one that shows nothing. */
async function bring(editor: Editor, from: () => Promise<string[]>) {
  if (editor.busy.has("import")) return;
  editor.busy = new Set([...editor.busy, "import"]);
  editor.trouble = null;
  try {
    const ids = await from();
    for (const id of ids) await pictures.open(id);
    if (editor.picture === null && ids.length > 0) await pictures.close();
  } catch (thrown) {
    editor.fail(thrown);
  } finally {
    editor.busy = new Set([...editor.busy].filter((one) => one !== "import"));
  }
}
