import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import { Live } from "$lib/live.svelte";
import { Choices } from "./choices.svelte";
import Settings from "./Settings.svelte";

const choices = new Choices();
const live = new Live();
await Promise.all([choices.start(), live.start()]);
await show(Settings, { choices, live });
