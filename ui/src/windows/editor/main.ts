import "$lib/tokens.css";
import "./font.css";
import { show } from "$lib/language.svelte";
import EditorWindow from "./EditorWindow.svelte";

// The picture's id is in the window's address; there is none in an editor that waits for a picture.
await show(EditorWindow, { id: decodeURIComponent(location.hash.slice(1)) || null });
