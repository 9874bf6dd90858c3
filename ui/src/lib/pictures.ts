/*!
 * Pictures that a person pastes into a window or drops onto it. What is dropped, the program takes itself
 * (`src-tauri/src/dropping.rs`): a page is only told that files are above it.
 */
import { listen } from "@tauri-apps/api/event";
import { program } from "$lib/ipc";

const KINDS = ["image/png", "image/jpeg", "image/webp", "image/gif"];
/** The program takes no larger ones: there is no need to read them first. */
const BYTES_MAX = 100 * 1024 * 1024;

/** Takes a picture into the library and returns its id. */
async function importPicture(file: File): Promise<string> {
  if (file.size > BYTES_MAX) throw { code: "no-picture", params: { reason: "the file is too large" } };
  return program.importPicture(new Uint8Array(await file.arrayBuffer()), file.name);
}

/** Takes the picture that is pasted into the library and returns its id; `null` if there is none. */
export async function pastePicture(data: DataTransfer | null): Promise<string | null> {
  const file = [...(data?.files ?? [])].find(({ type }) => KINDS.includes(type));
  if (file !== undefined) return importPicture(file);
  // WebKitGTK shows no pictures of the clipboard to a page. What is text is none.
  return data?.types.includes("text/plain") ? null : program.pastePicture();
}

/** Hears whether files are above the window, by Tauri's own events. Returns what ends it. */
export function onFilesAbove(tell: (above: boolean) => void): () => void {
  const heard = [
    listen("tauri://drag-enter", () => tell(true)),
    listen("tauri://drag-leave", () => tell(false)),
    listen("tauri://drag-drop", () => tell(false)),
  ];
  return () => heard.forEach((one) => void one.then((stop) => stop()).catch(() => {}));
}
