// The tests also run at the lowest priority beside recordings: what is waited for may come late. What never comes is
// still found.
import { configure } from "@testing-library/svelte";

configure({ asyncUtilTimeout: 8_000 });
