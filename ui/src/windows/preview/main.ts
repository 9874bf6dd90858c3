import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import Preview from "./Preview.svelte";

await show(Preview, {});
