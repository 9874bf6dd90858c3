import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import { Live } from "$lib/live.svelte";
import Toasts from "./Toasts.svelte";

const live = new Live({ recordings: "none" });
await Promise.all([show(Toasts, { live }), live.start()]);
