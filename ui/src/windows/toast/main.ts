import { mount } from "svelte";
import "$lib/tokens.css";
import { Live } from "$lib/live.svelte";
import Toasts from "./Toasts.svelte";

const live = new Live({ recordings: false });
mount(Toasts, { target: document.body, props: { live } });
await live.start();
