import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import { Live } from "$lib/live.svelte";
import RecorderBar from "./RecorderBar.svelte";

const live = new Live({ recordings: "new" });
await Promise.all([show(RecorderBar, { live }), live.start({ signIn: false })]);
