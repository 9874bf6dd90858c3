import "$lib/tokens.css";
import "./font.css";
import { show } from "$lib/language.svelte";
import EditorWindow from "./EditorWindow.svelte";

// The picture's id is in the window's address. There is none in an editor that is empty, and "waits" follows it in one
// that was made before its picture.
const [id, waits] = decodeURIComponent(location.hash.slice(1)).split("/");
await show(EditorWindow, { id: id || null, waits: waits === "waits" });
