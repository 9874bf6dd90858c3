import { mount } from "svelte";
import "$lib/tokens.css";
import { Live } from "$lib/live.svelte";
import { Choices } from "./choices.svelte";
import Settings from "./Settings.svelte";

const choices = new Choices();
const live = new Live();
await Promise.all([choices.start(), live.start()]);
mount(Settings, { target: document.body, props: { choices, live } });
