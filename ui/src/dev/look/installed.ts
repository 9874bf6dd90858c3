/*! The browser that is installed: nothing is downloaded for the tests. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { LaunchOptions } from "playwright";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

const found = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path));

export const launch: LaunchOptions =
  found === undefined ? { channel: "chrome" } : { executablePath: found };
