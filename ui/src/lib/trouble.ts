/*! Words for what a command could not do: what happened, what is safe, what to do next. */
import type { CommandError } from "$lib/ipc";
import * as m from "$lib/messages/messages";

export function troubleWords(trouble: CommandError): string {
  switch (trouble.code) {
    case "out-of-reach":
      return m.error_out_of_reach();
    default:
      return m.error_unknown();
  }
}
