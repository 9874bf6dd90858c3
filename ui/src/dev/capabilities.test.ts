/*!
 * Each window's capability allows the commands that its code calls, and no other: what a window can't need, a page that
 * got into it can't do either.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const SOURCE = resolve(import.meta.dirname, "..");
const CAPABILITIES = resolve(SOURCE, "../../src-tauri/capabilities");

/** Commands that a shared module calls for other windows than these. */
const FOR_OTHERS: Readonly<Record<string, readonly string[]>> = {
  // They start `Live` without the sign-in.
  bar: ["sign-in-state"],
  quick: ["sign-in-state"],
};

/** Returns the file that an import names, if it is one of ours. */
function imported(from: string, name: string): string | null {
  const base = name.startsWith("$lib/") ? join(SOURCE, "lib", name.slice(5)) : name.startsWith(".") ? resolve(dirname(from), name) : null;
  // What is generated calls nothing by itself.
  if (base === null || /\/lib\/(bindings|messages)\//.test(base)) return null;
  const files = ["", ".ts", ".svelte", ".svelte.ts"].map((ending) => base + ending);
  return files.find((file) => existsSync(file) && statSync(file).isFile()) ?? null;
}

/** Returns the files of a window: its own, and those that they import. */
function filesOf(entry: string, files = new Set<string>()): Set<string> {
  if (files.has(entry)) return files;
  files.add(entry);
  for (const [, name] of readFileSync(entry, "utf8").matchAll(/(?:import|export)[^"';]*?["']([^"']+)["']/g)) {
    const file = imported(entry, name!);
    if (file !== null) filesOf(file, files);
  }
  return files;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function calledBy(window: string): string[] {
  const called = new Set<string>();
  for (const file of filesOf(join(SOURCE, "windows", window, "main.ts"))) {
    for (const [, name] of readFileSync(file, "utf8").matchAll(/\bprogram\.(\w+)/g)) called.add(kebab(name!));
  }
  return [...called].filter((name) => !FOR_OTHERS[window]?.includes(name)).sort();
}

function allowedTo(window: string): string[] {
  const { permissions } = JSON.parse(readFileSync(join(CAPABILITIES, `${window}.json`), "utf8")) as { permissions: string[] };
  return permissions.filter((one) => one.startsWith("allow-")).map((one) => one.slice("allow-".length)).sort();
}

const windows = readdirSync(join(SOURCE, "windows")).filter((name) => existsSync(join(SOURCE, "windows", name, "main.ts")));

test("there is a capability for each window, and a window for each capability", () => {
  expect(readdirSync(CAPABILITIES).sort()).toEqual(windows.map((name) => `${name}.json`).sort());
});

test.each(windows)("%s may call what it calls and nothing else", (window) => {
  expect(allowedTo(window)).toEqual(calledBy(window));
});
