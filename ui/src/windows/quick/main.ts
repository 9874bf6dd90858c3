import { mount } from "svelte";
import "$lib/tokens.css";
import { Live } from "$lib/live.svelte";
import QuickMenu from "./QuickMenu.svelte";

const live = new Live({ recordings: false });
await live.start({ signIn: false });
mount(QuickMenu, { target: document.body, props: { live } });
