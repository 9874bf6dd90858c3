/*! Background work in the library: what is said of it, cancelled and dismissed; nothing where there is none. */
import { screen } from "@testing-library/svelte";
import { afterEach, expect, test } from "vitest";
import { userEvent } from "vitest/browser";
import { shownJobs } from "$lib/jobs";
import { jobs } from "../../dev/fixtures";
import { closeLibrary, openLibrary, within } from "./opened";

afterEach(closeLibrary);

const lines = () => screen.queryAllByTestId("job");
const named = (file: string) => lines().find(({ textContent }) => textContent.includes(file))!;

test("each job says what it does and how far it is", async () => {
  await openLibrary("jobs");
  const said = lines().map((line) => within(line, "job-figures")?.textContent ?? "");
  expect(said[0]).toMatch(/disk/i);
  expect(said.slice(1)).toEqual(["", "", "42% · 2 min left", "Cancelling…", "Waiting"]);
  expect(named("Onboarding.mp4").textContent).toMatch(/Snaplark quit/);
});

test("progress bar has the job's name and its share, also for screen readers", async () => {
  await openLibrary("jobs");
  const bar = screen.getByRole("progressbar", { name: "Exporting Cart total.mp4" });
  expect(bar.getAttribute("aria-valuenow")).toBe("42");
  expect(screen.getByRole("region", { name: "Tasks" }).contains(bar)).toBe(true);
  expect(within(named("API review.mp4"), "job-show").textContent).toMatch(/Show in folder/);
});

test("what goes on is cancelled, and what has ended is dismissed or shown", async () => {
  const asked = await openLibrary("jobs");
  await userEvent.click(screen.getByRole("button", { name: "Cancel Cart total.mp4" }));
  await userEvent.click(within(named("Standup.mp4"), "job-cancel"));
  await userEvent.click(screen.getByRole("button", { name: "Dismiss Onboarding.mp4" }));
  await userEvent.click(within(named("API review.mp4"), "job-show"));
  expect(asked.slice(-4)).toEqual(["cancel-job:4", "cancel-job:6", "dismiss-job:2", "show-job-file:3"]);
  expect(within(named("Invoice.gif"), "job-cancel").hasAttribute("disabled")).toBe(true);
});

test("nothing is there without jobs", async () => {
  await openLibrary("pictures");
  expect(screen.queryByTestId("jobs")).toBeNull();
});

test("work that is over in a moment is not shown", () => {
  const [, , , running] = jobs();
  const file = { ...running!, kind: "own-file" as const, startedUnixMs: 5_000 };
  expect(shownJobs([file], 5_999)).toEqual([]);
  expect(shownJobs([file], 6_000)).toEqual([file]);
  const begun = { ...running!, startedUnixMs: 5_000 };
  expect(shownJobs([begun], 5_000)).toEqual([begun]);
});
