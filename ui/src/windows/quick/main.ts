import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import { Live } from "$lib/live.svelte";
import QuickMenu from "./QuickMenu.svelte";

const live = new Live({ recordings: "none" });
await live.start({ signIn: false });
await show(QuickMenu, { live });
