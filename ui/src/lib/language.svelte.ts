/*!
 * The language that the windows speak: the program says which, at the start and when another is
 * chosen. A window is then made anew in it, without a restart.
 */
import { mount, type Component } from "svelte";
import { onLanguage, program } from "$lib/ipc";
import {
  baseLocale,
  getTextDirection,
  isLocale,
  overwriteGetLocale,
  type Locale,
} from "$lib/messages/runtime";
import Window from "$lib/components/Window.svelte";

export const language = $state<{ now: Locale }>({ now: baseLocale });
overwriteGetLocale(() => language.now);

export function speak(tag: string) {
  language.now = isLocale(tag) ? tag : baseLocale;
  document.documentElement.lang = language.now;
  document.documentElement.dir = getTextDirection(language.now);
}

/** Shows a window's page, in the language of now. */
export async function show<Props extends Record<string, unknown>>(
  Page: Component<Props>,
  props: Props,
) {
  try {
    await onLanguage(speak);
    speak((await program.desktop()).language);
  } catch {
    // English is better than nothing; the page says what is out of reach.
  }
  mount(Window, { target: document.body, props: { Page: Page as Component, props } });
}
