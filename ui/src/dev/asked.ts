/*! For tests: what a window asked for. */
import type { InvokeArgs } from "@tauri-apps/api/core";

/** The name of a command; of `act` the action's text instead. */
export const nameOf = (command: string, args?: InvokeArgs): string =>
  command === "act" && args !== undefined && "action" in args ? String(args.action) : command;
