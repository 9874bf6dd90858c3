import { expect, test } from "vitest";
import * as format from "./format";

test.each([
  ["the disk is full", "The disk is full."],
  ["Permission denied (os error 13)", "Permission denied (os error 13)."],
  ["video.example can't be reached.", "video.example can't be reached."],
  ["", ""],
])("the reason %j reads %j", (reason, words) => expect(format.sentence(reason)).toBe(words));

const plain = (text: string) => text.replaceAll("\u00a0", " ").replaceAll("\u202f", " ");

test.each([
  [0, "0:00"],
  [999, "0:00"],
  [102_400, "1:42"],
  [727_000, "12:07"],
  [3_723_000, "1:02:03"],
  [-5, "0:00"],
])("a length of %i ms reads %s", (ms, words) => expect(format.length(ms)).toBe(words));

test.each([
  [59, "0 minutes"],
  [60, "1 minute"],
  [75 * 60, "75 minutes"],
  [2 * 3600, "2 hours"],
  [80 * 3600 - 1, "79 hours"],
])("a span of %i s reads %s", (seconds, words) => expect(plain(format.span(seconds))).toBe(words));

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [999_600, "1 MB"],
  [4_200_000, "4.2 MB"],
  [9_960_000, "10 MB"],
  [31_400_000, "31 MB"],
  [212_000_000_000, "212 GB"],
])("%i bytes read %s", (bytes, words) => expect(plain(format.size(bytes))).toBe(words));

test.each([
  [0, "1 s left"],
  [12, "12 s left"],
  [59.4, "59 s left"],
  [90, "2 min left"],
  [5400, "1.5 h left"],
])("%d seconds left read %s", (seconds, words) =>
  expect(format.timeLeft(seconds)).toBe(words),
);

test("days are named as people name them", () => {
  const now = new Date(2026, 10, 21, 14, 30).getTime();
  const at = (...date: [number, number, number, number, number]) =>
    plain(format.day(new Date(...date).getTime(), now));
  expect(at(2026, 10, 21, 14, 2)).toBe("Today, 14:02");
  expect(at(2026, 10, 20, 23, 59)).toBe("Yesterday");
  expect(at(2026, 10, 16, 9, 0)).toBe("Monday");
  expect(at(2026, 10, 14, 9, 0)).toBe("14 Nov");
  expect(at(2025, 11, 24, 9, 0)).toBe("24 Dec 2025");
});

test("a link keeps its host and loses the middle of its id", () => {
  const link = "https://snaplark.com/videos/0198c0de-0000-7000-8000-0000000000c1";
  expect(format.shortLink(link)).toBe("snaplark.com/videos/0198…c1");
  expect(format.shortLink("http://127.0.0.1:47475/v/short")).toBe("127.0.0.1:47475/v/short");
  expect(format.shortLink("not a link")).toBe("not a link");
});
