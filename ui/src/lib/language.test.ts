/*! Every language says everything, with the same figures in it, and the windows change with it. */
import { render, screen, cleanup } from "@testing-library/svelte";
import { tick, type Component } from "svelte";
import { afterEach, describe, expect, test } from "vitest";
import Empty from "../windows/library/Empty.svelte";
import Window from "./components/Window.svelte";
import * as format from "./format";
import { speak } from "./language.svelte";
import * as m from "./messages/messages";
import { locales } from "./messages/runtime";

type Plural = { match: Record<string, string> };
type Strings = Record<string, string | [Plural]>;

const files = import.meta.glob<Strings>("../../../assets/strings/*.json", {
  eager: true,
  import: "default",
});
const strings = (locale: string) => files[`../../../assets/strings/${locale}.json`]!;
const figures = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();

afterEach(() => {
  cleanup();
  speak("en");
});

describe.each(locales)("%s", (locale) => {
  const english = strings("en");
  const spoken = strings(locale);

  test("says all that English says, and nothing else", () => {
    expect(Object.keys(spoken).sort()).toEqual(Object.keys(english).sort());
  });

  test("has the same figures in its sentences, and calls nobody to attention", () => {
    for (const [key, words] of Object.entries(english)) {
      const theirs = spoken[key];
      if (typeof words === "string") {
        expect(typeof theirs, key).toBe("string");
        expect(figures(theirs as string), key).toEqual(figures(words));
      } else {
        // "One" and "two" may be words.
        const { match } = (theirs as [Plural])[0];
        expect(figures(match["plural=other"]!), key).toEqual(figures(words[0].match["plural=other"]!));
      }
      expect(JSON.stringify(theirs), key).not.toMatch(/!/);
    }
  });

  test("has the forms that its numbers have", () => {
    const forms = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
    for (const [key, words] of Object.entries(spoken)) {
      if (typeof words === "string") continue;
      expect(Object.keys(words[0].match).sort(), key).toEqual(forms.map((form) => `plural=${form}`).sort());
    }
  });
});

test("a window is made anew in another language, and stands as it is read", async () => {
  render(Window, { props: { Page: Empty as Component, props: { keys: ["Alt", "R"] } } });
  expect(screen.getByRole("heading").textContent).toBe(m.empty_title());
  speak("ar");
  await tick();
  expect(screen.getByRole("heading").textContent).toBe("ستظهر تسجيلاتك هنا");
  expect(document.documentElement).toMatchObject({ lang: "ar", dir: "rtl" });
  speak("xx");
  await tick();
  expect(document.documentElement).toMatchObject({ lang: "en", dir: "ltr" });
});

test("Arabic counts in six ways", () => {
  speak("ar");
  const said = [0, 1, 2, 3, 11, 100].map((count) => m.days({ count }));
  expect(new Set(said).size).toBe(6);
  expect(said[2]).toBe("يومان");
});

test("numbers are written as the language writes them, clocks and sizes as everybody does", () => {
  speak("de");
  expect(format.size(4_200_000)).toBe("4,2\u00a0MB");
  expect(format.percent(63)).toBe("63\u00a0%");
  speak("ar");
  expect(format.length(102_000)).toBe("1:42");
  expect(format.size(4_200_000)).toBe("\u20664.2\u00a0MB\u2069");
});

test("words of others are isolated where two directions meet", () => {
  expect(m.toast_uploading({ title: "Demo" })).toBe("Uploading “Demo”");
  expect(m.toast_uploading({ title: "عرض" })).toBe("Uploading “\u2068عرض\u2069”");
  speak("ar");
  expect(m.reach_online({ server: "video.example:8080" })).toContain("\u2068video.example:8080\u2069");
  expect(m.microphone_missing({ name: "USB Audio (2)" })).toContain("\u2068USB Audio (2)\u2069");
});
