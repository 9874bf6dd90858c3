/*! Recordings and screenshots that go to several places: from the menu, and where each has its state. */
import { screen } from "@testing-library/svelte";
import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { closeLibrary, openLibrary, within } from "./opened";

afterEach(closeLibrary);

test("a recording is sent to places that don't have it yet", async () => {
  const asked = await openLibrary("several-places");
  const card = screen.getAllByTestId("recording")[0]!;
  await userEvent.click(within(card, "recording-more"));
  const sends = screen.getAllByRole("menuitem").map((item) => item.textContent?.trim()).filter((words) => words?.startsWith("Send to"));
  expect(sends).toEqual(["Send to old.example", "Send to idle.example"]);
  await userEvent.click(screen.getByRole("menuitem", { name: "Send to idle.example" }));
  expect(asked.at(-1)).toMatch(/^send-to:.+@112$/);
});

test("nothing is offered where there is one place", async () => {
  await openLibrary("this-computer");
  await userEvent.click(within(screen.getAllByTestId("recording")[1]!, "recording-more"));
  expect(screen.queryByRole("menuitem", { name: /Send to/ })).toBeNull();
});

test("each place has its state, its link and its way out", async () => {
  const asked = await openLibrary("several-places");
  await userEvent.click(screen.getAllByTestId("recording-open")[0]!);
  const uploads = await screen.findByTestId("uploads");
  expect(uploads.textContent).toMatch(/2 places/);
  await userEvent.click(uploads.querySelector("summary")!);
  const [own, further] = [...uploads.querySelectorAll("li")];
  expect(own?.textContent).toMatch(/Snaplark\s+Online/);
  expect(further?.textContent).toMatch(/Shared\s+Waiting for the folder/);
  expect(own?.querySelector("[data-testid=upload-remove]")).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "Copy link at Snaplark" }));
  expect(asked.at(-1)).toMatch(/^copy-link:/);
  await userEvent.click(screen.getByRole("button", { name: "Try again: /srv/Shared" }));
  expect(asked.at(-1)).toBe("retry:0198c0de-0000-7000-9000-000000000001");
  await userEvent.click(screen.getByRole("button", { name: "Cancel the upload to /srv/Shared" }));
  expect(asked.at(-1)).toBe("remove-upload:0198c0de-0000-7000-9000-000000000001");
});

const shot = (title: string) =>
  screen
    .getAllByTestId("recording")
    .find((card) => within(card, "recording-title").textContent?.includes(title))!;

const sends = () =>
  screen
    .getAllByRole("menuitem")
    .map((item) => item.textContent?.trim())
    .filter((words) => words?.startsWith("Send to"));

test("a screenshot is sent to places, too, and again where it was drawn on", async () => {
  const asked = await openLibrary("pictures-at-places");
  await userEvent.click(within(shot("Onboarding – step 3"), "recording-more"));
  expect(sends()).toEqual(["Send to Snaplark", "Send to old.example", "Send to idle.example", "Send to /srv/Shared"]);
  await userEvent.keyboard("{Escape}");
  await userEvent.click(within(shot("Invoice 2041"), "recording-more"));
  expect(sends()).toEqual(["Send to old.example", "Send to idle.example", "Send to /srv/Shared"]);
  await userEvent.click(screen.getByRole("menuitem", { name: "Send to /srv/Shared" }));
  expect(asked.at(-1)).toMatch(/^send-to:.+@7$/);
});

test("the places of a screenshot are listed, each with its state", async () => {
  const asked = await openLibrary("pictures-at-places");
  await userEvent.click(within(shot("Invoice 2041"), "recording-more"));
  await userEvent.click(screen.getByRole("menuitem", { name: "Show where it was sent…" }));
  const sheet = await screen.findByTestId("places");
  const [own, further] = [...sheet.querySelectorAll("li")];
  expect(own?.textContent).toMatch(/Snaplark\s+Online/);
  expect(further?.textContent).toMatch(/Shared\s+Waiting for the folder/);
  await userEvent.click(screen.getByRole("button", { name: "Cancel the upload to /srv/Shared" }));
  expect(asked.at(-1)).toBe("remove-upload:0198c0de-0000-7000-9000-000000000001");
  await userEvent.click(screen.getByTestId("places-close"));
  await expect.poll(() => screen.queryByTestId("places")).toBeNull();
  await userEvent.click(within(shot("Onboarding – step 3"), "recording-more"));
  expect(screen.queryByRole("menuitem", { name: "Show where it was sent…" })).toBeNull();
});
