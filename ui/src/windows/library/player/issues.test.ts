/*! A recording's issues are stored as kind and parameters, and told in the language of the window. */
import "$lib/tokens.css";
import { clearMocks, mockConvertFileSrc, mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { cleanup, render, screen } from "@testing-library/svelte";
import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { speak } from "$lib/language.svelte";
import { Live } from "$lib/live.svelte";
import german from "../../../../../assets/strings/de.json";
import { answer, scene } from "../../../dev/scenes";
import { still } from "../../../dev/stills";
import Library from "../Library.svelte";

afterEach(() => {
  cleanup();
  clearMocks();
  speak("en");
});

test("a German window tells an issue in German, not in the stored English", async () => {
  const now = scene("playable");
  const [first] = now.snapshot.recordings;
  const detail = "The sound was lost: the device was unplugged.";
  const issue = { atMs: 12_000, kind: "audio-lost", params: {}, detail };
  now.snapshot = { ...now.snapshot, recordings: [{ ...first!, issues: [issue] }] };
  mockWindows("library");
  mockConvertFileSrc("linux");
  Object.assign((window as { __TAURI_INTERNALS__?: object }).__TAURI_INTERNALS__ ?? {}, {
    convertFileSrc: (path: string) => still(path),
  });
  mockIPC((command) => answer(now, command, "de"), { shouldMockEvents: true });
  speak("de");
  const live = new Live();
  render(Library, { live });
  await live.start();
  await userEvent.click(screen.getAllByTestId("recording-open")[0]!);
  const notes = (await screen.findByTestId("recording-notes")).textContent;
  expect(notes).toContain(german.issue_audio_lost);
  expect(notes).not.toContain(detail);
});
