/*! Screenshots beside recordings: filtered, searched, opened, copied and uploaded by what a card offers. */
import { screen } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { picture, recording } from "../../dev/fixtures";
import { actsOn } from "./acts";
import { itemsOf, type Item } from "./item";
import { closeLibrary, openLibrary, within } from "./opened";

let asked: string[];

beforeEach(async () => {
  asked = await openLibrary("pictures");
});

afterEach(closeLibrary);

const cards = () => screen.queryAllByTestId("recording");
const kinds = () => new Set(cards().map(({ dataset }) => dataset.kind));
const titled = (title: string) =>
  cards().find((card) => within(card, "recording-title").textContent?.includes(title))!;
const pick = (filter: string) => userEvent.click(screen.getByTestId(`filter-${filter}`));

test("filter shows one kind or both, and is remembered", async () => {
  await pick("pictures");
  expect(kinds()).toEqual(new Set(["picture"]));
  expect(screen.getByTestId("filter-pictures").getAttribute("aria-pressed")).toBe("true");
  await pick("recordings");
  expect(kinds()).toEqual(new Set(["recording"]));
  expect(JSON.parse(localStorage.getItem("library-listing")!)).toMatchObject({
    filter: "recordings",
  });
});

test("search finds screenshots by their titles", async () => {
  await userEvent.fill(screen.getByTestId("search"), "invoice 2041");
  await expect.poll(() => cards().length).toBe(1);
  expect(kinds()).toEqual(new Set(["picture"]));
});

test("screenshot opens in the editor and says that it was edited", async () => {
  await pick("pictures");
  const card = titled("Invoice");
  expect(within(card, "picture-edited").textContent).toBe("Edited");
  expect(within(titled("Onboarding"), "picture-edited").textContent).toBe("Changed");
  expect(within(card, "recording-length").textContent).toBe("1920 × 1080");
  await userEvent.click(within(card, "recording-open"));
  expect(asked).toContain("open_editor");
  expect(asked).not.toContain("media");
});

test("animation says what it is, and moves where somebody looks at it", async () => {
  await pick("pictures");
  const card = titled("Loading");
  expect(within(card, "picture-animation").textContent).toBe("Animation");
  const moving = () => card.querySelector<HTMLImageElement>("[data-testid=recording-moving]")?.src ?? null;
  expect(moving()).toBeNull();
  await userEvent.hover(card);
  await expect.poll(moving).not.toBeNull();
  await userEvent.hover(screen.getByTestId("search"));
  await expect.poll(moving).toBeNull();
  // What was drawn on doesn't move.
  const still = titled("Invoice");
  await userEvent.hover(still);
  expect(still.querySelector("[data-testid=recording-moving]")).toBeNull();
});

test("menu of a screenshot offers what can be done with it now", async () => {
  await pick("pictures");
  const offered = async (title: string) => {
    await userEvent.click(within(titled(title), "recording-more"));
    const names = screen.getAllByRole("menuitem").map(({ dataset }) => dataset.testid);
    await userEvent.keyboard("{Escape}");
    await expect.poll(() => screen.queryByTestId("menu")).toBeNull();
    return names;
  };
  const kept = await offered("Screenshot, Tuesday");
  expect(kept).toContain("menu-publish");
  expect(kept).not.toContain("menu-copy");
  const online = await offered("Invoice");
  expect(online).toContain("menu-copy-markdown");
  expect(online).not.toContain("menu-publish");
  expect(await offered("Onboarding")).toContain("menu-publish");
});

test("refused screenshot is published again", async () => {
  await pick("pictures");
  await userEvent.click(within(titled("Too large"), "recording-retry"));
  expect(asked).toContain("publish_picture");
});

const paste = (fill: (data: DataTransfer) => void) => {
  const clipboardData = new DataTransfer();
  fill(clipboardData);
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
};

test("picture that is pasted into the library is taken in and opened", async () => {
  paste((data) => data.items.add(new File([new Uint8Array([1, 2, 3])], "a.png", { type: "image/png" })));
  await expect.poll(() => asked).toContain("open_editor");
  expect(asked).toContain("import_picture");
});

test("picture that the page can't see is pasted by the program, and a text by nobody", async () => {
  paste((data) => data.setData("text/plain", "a text"));
  paste(() => {});
  await expect.poll(() => asked).toContain("open_editor");
  expect(asked.filter((name) => name === "paste_picture").length).toBe(1);
  expect(asked).not.toContain("import_picture");
});

test("items of both kinds stand in the order of their making", () => {
  const done = { kind: "done" } as const;
  const first = { ...recording("A", done), id: "01" };
  const second = { ...picture("B", done), id: "02" };
  const third = { ...recording("C", done), id: "03" };
  const titles = itemsOf([third, first], [second], "all").map(({ title }) => title);
  expect(titles).toEqual(["C", "B", "A"]);
});

test("files that were brought in are listed by themselves, and are neither edited nor continued", async () => {
  const done = { kind: "done" } as const;
  const video = recording("Demo", done, { isImported: true, segments: 0 });
  const image = picture("Invoice", done, { isImported: true });
  const all = [video, recording("A", done)];
  expect(itemsOf(all, [image], "imports").map(({ title }) => title).sort()).toEqual(["Demo", "Invoice"]);
  expect(itemsOf(all, [image], "recordings").map(({ title }) => title)).toEqual(["A"]);
  const place = { live: {} as never, play: () => {}, rename: () => {}, places: () => {}, clear: () => {} };
  const names = (one: Item) => actsOn([one], place).map(({ name }) => name);
  expect(names(video)).toEqual(["play", "rename", "copy", "open-link", "reveal", "delete"]);
  const away = names({ ...video, here: false });
  expect([away.includes("reveal"), away.includes("play")]).toEqual([false, false]);
});
