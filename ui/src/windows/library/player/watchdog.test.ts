import { expect, test } from "vitest";
import { STALL_MS, Watchdog } from "./watchdog";

test("a player that stands still while it should play is stuck, once for each stall", () => {
  const dog = new Watchdog();
  const at = (nowMs: number, time = 3) => dog.look({ nowMs, time, busy: true });
  expect(at(0)).toBe(false);
  expect(at(STALL_MS - 1)).toBe(false);
  expect(at(STALL_MS)).toBe(true);
  expect(at(STALL_MS + 1000)).toBe(false);
  expect(at(2 * STALL_MS)).toBe(true);
});

test("a player that moves, or is paused, is not stuck", () => {
  const dog = new Watchdog();
  for (let n = 0; n < 30; n += 1) {
    expect(dog.look({ nowMs: n * 1000, time: n, busy: true })).toBe(false);
  }
  for (let n = 30; n < 60; n += 1) {
    expect(dog.look({ nowMs: n * 1000, time: 29, busy: false })).toBe(false);
  }
  expect(dog.look({ nowMs: 60_000, time: 29, busy: true })).toBe(false);
});
