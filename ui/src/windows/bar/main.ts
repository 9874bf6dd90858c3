import { mount } from "svelte";
import "$lib/tokens.css";
import { Live } from "$lib/live.svelte";
import RecorderBar from "./RecorderBar.svelte";

const live = new Live();
mount(RecorderBar, { target: document.body, props: { live } });
await live.start({ signIn: false });
