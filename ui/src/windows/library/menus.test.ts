/*! Menus and popovers by a true pointer and true keys: where the focus goes, and comes back to. */
import { screen } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { closeLibrary, openLibrary, within } from "./opened";

let asked: string[];

beforeEach(async () => {
  asked = await openLibrary("this-computer");
});

afterEach(closeLibrary);

const card = (n: number) => screen.getAllByTestId("recording")[n]!;
const keys = (keys: string) => userEvent.keyboard(keys);
const focused = () => (document.activeElement as HTMLElement).dataset.testid;
const gone = () => expect.poll(() => screen.queryByTestId("menu")).toBeNull();

test("arrows, Home, End and first letters go along a menu, round at its ends", async () => {
  await userEvent.click(within(card(1), "recording-more"));
  expect(focused()).toBe("menu-play");
  await keys("{ArrowDown}");
  expect(focused()).toBe("menu-edit");
  await keys("{End}");
  expect(focused()).toBe("menu-delete");
  await keys("{ArrowDown}");
  expect(focused()).toBe("menu-play");
  await keys("{ArrowUp}{Home}");
  expect(focused()).toBe("menu-play");
  await keys("sho");
  expect(focused()).toBe("menu-reveal");
});

test("Escape and Tab close a menu, and the focus is back where it was", async () => {
  const more = within(card(1), "recording-more");
  for (const key of ["{Escape}", "{Tab}"]) {
    await userEvent.click(more);
    expect(screen.getByTestId("menu").contains(document.activeElement)).toBe(true);
    await keys(key);
    await gone();
    expect(document.activeElement).toBe(more);
  }
});

test("what is pressed beside a menu closes it, and keeps the focus that it takes", async () => {
  await userEvent.click(within(card(1), "recording-more"));
  await userEvent.click(screen.getByTestId("search"));
  await gone();
  expect(focused()).toBe("search");
});

test("a menu stays open when the right button is released", async () => {
  await userEvent.click(card(0), { button: "right", position: { x: 60, y: 60 } });
  await new Promise((then) => setTimeout(then, 100));
  expect(screen.getByTestId("menu").matches(":popover-open")).toBe(true);
  await userEvent.click(screen.getByTestId("menu-copy"));
  expect(asked.at(-1)).toMatch(/^copy-link:/);
});

test("more is recorded at the end of the recording whose menu it is", async () => {
  await userEvent.click(within(card(1), "recording-more"));
  await userEvent.click(screen.getByTestId("menu-record-on"));
  expect(asked.at(-1)).toMatch(/^record-on:/);
});

test("a menu lies in the window, wherever it was asked for", async () => {
  await userEvent.click(card(2), { button: "right", position: { x: 200, y: 120 } });
  const menu = screen.getByTestId("menu").getBoundingClientRect();
  expect(menu.right).toBeLessThanOrEqual(innerWidth);
  expect(menu.bottom).toBeLessThanOrEqual(innerHeight);
});

test("by keys alone: to a card, its menu, and an action", async () => {
  await userEvent.click(screen.getByTestId("search"));
  await keys("{Escape}{ArrowRight}{ArrowRight}{Shift>}{F10}{/Shift}");
  await expect.poll(() => screen.queryByTestId("menu")).not.toBeNull();
  await keys("{ArrowDown}{ArrowDown}{ArrowDown}{Enter}");
  await gone();
  expect(asked.at(-1)).toMatch(/^copy-link:/);
  expect(focused()).toBe("recording-open");
});

test("what is chosen in the order is marked, and the list follows", async () => {
  await userEvent.click(screen.getByTestId("order"));
  expect(focused()).toBe("menu-newest");
  await userEvent.click(screen.getByTestId("menu-name"));
  await gone();
  expect(card(0).textContent).toMatch(/API review/);
  expect(focused()).toBe("order");
});

test("the account's panel takes the focus, gives it back, and lets go of it", async () => {
  const account = screen.getByTestId("account");
  await userEvent.click(account);
  expect(focused()).toBe("server-address");
  await keys("{Escape}");
  expect(document.activeElement).toBe(account);
  await userEvent.click(account);
  await userEvent.click(screen.getByTestId("search"));
  expect(screen.queryByTestId("account-panel")).toBeNull();
  expect(focused()).toBe("search");
});

test("a recording is opened in its editor from its menu", async () => {
  await userEvent.click(within(card(1), "recording-more"));
  await userEvent.click(screen.getByTestId("menu-edit"));
  expect(asked.at(-1)).toMatch(/^edit:0198c0de-/);
});
