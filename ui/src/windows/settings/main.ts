import { mount } from "svelte";
import "$lib/tokens.css";
import { Choices } from "./choices.svelte";
import Settings from "./Settings.svelte";

const choices = new Choices();
await choices.start();
mount(Settings, { target: document.body, props: { choices } });
