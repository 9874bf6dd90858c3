import "$lib/tokens.css";
import { show } from "$lib/language.svelte";
import Chooser from "./Chooser.svelte";

await show(Chooser, {});
