import { mount } from "svelte";
import "$lib/tokens.css";
import Chooser from "./Chooser.svelte";

mount(Chooser, { target: document.body });
