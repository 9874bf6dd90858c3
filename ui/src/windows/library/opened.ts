/*! The library in a test: drawn from a scene, by a true pointer and true keys. */
import "$lib/tokens.css";
import { clearMocks, mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, render } from "@testing-library/svelte";
import { page } from "vitest/browser";
import { Live } from "$lib/live.svelte";
import { nameOf } from "../../dev/asked";
import { answer, scene } from "../../dev/scenes";
import { still } from "../../dev/stills";
import Library from "./Library.svelte";

/** Opens the library and returns the list of what it asks for, which grows. */
export async function openLibrary(name: string): Promise<string[]> {
  await page.viewport(800, 560);
  const asked: string[] = [];
  mockWindows("library");
  mockConvertFileSrc("linux");
  Object.assign((window as { __TAURI_INTERNALS__?: object }).__TAURI_INTERNALS__ ?? {}, {
    convertFileSrc: still,
  });
  const now = scene(name);
  mockIPC(
    (command, args) => {
      asked.push(nameOf(command, args));
      return answer(now, command, "en");
    },
    { shouldMockEvents: true },
  );
  const live = new Live();
  render(Library, { live });
  await live.start();
  return asked;
}

/** Takes everything back, for the next test. */
export function closeLibrary() {
  cleanup();
  clearMocks();
  localStorage.clear();
}

/** Returns an element of a card. */
export const within = (at: Element, testid: string) =>
  at.querySelector<HTMLElement>(`[data-testid="${testid}"]`)!;
