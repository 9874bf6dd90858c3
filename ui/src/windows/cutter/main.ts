import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import CutterWindow from "./CutterWindow.svelte";

// The recording's id is in the window's address.
await show(CutterWindow, { id: decodeURIComponent(location.hash.slice(1)) });
