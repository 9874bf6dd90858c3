import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import { Live } from "$lib/live.svelte";
import Library from "./Library.svelte";

const live = new Live();
await Promise.all([show(Library, { live }), live.start()]);
