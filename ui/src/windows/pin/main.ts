import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import Pin from "./Pin.svelte";

await show(Pin, {});
