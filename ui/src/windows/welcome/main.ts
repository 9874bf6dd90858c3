import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import { Live } from "$lib/live.svelte";
import Welcome from "./Welcome.svelte";

const live = new Live();
await live.start();
await show(Welcome, { live });
