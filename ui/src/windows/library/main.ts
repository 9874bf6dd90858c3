import { mount } from "svelte";
import "$lib/tokens.css";
import { Live } from "$lib/live.svelte";
import Library from "./Library.svelte";

const live = new Live();
mount(Library, { target: document.body, props: { live } });
await live.start();
