import { mount } from "svelte";
import "$lib/tokens.css";
import { Live } from "$lib/live.svelte";
import Welcome from "./Welcome.svelte";

const live = new Live();
await live.start();
mount(Welcome, { target: document.body, props: { live } });
