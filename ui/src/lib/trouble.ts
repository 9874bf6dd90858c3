/*! Words for what a command could not do: what happened, what is safe, what to do next. */
import type { CommandError } from "$lib/ipc";
import * as m from "$lib/messages/messages";

export function troubleWords({ code, params }: CommandError): string {
  const reason = typeof params.reason === "string" ? params.reason : "";
  switch (code) {
    case "already-recording":
      return m.error_already_recording();
    case "not-recording":
      return m.error_not_recording();
    case "closing":
      return m.error_closing();
    case "no-display":
      return m.error_no_display();
    case "encoder-missing":
      return m.error_encoder_missing({ reason });
    case "disk-full":
      return m.error_disk_full();
    case "capture":
      return m.error_capture({ reason });
    case "store":
      return m.error_store({ reason });
    case "network":
      return m.error_network({ reason });
    case "no-recording":
      return m.error_no_recording();
    case "no-link":
      return m.error_no_link();
    case "no-file":
      return m.error_no_file();
    case "no-browser":
      return m.error_no_browser();
    case "no-file-manager":
      return m.error_no_file_manager();
    case "no-clipboard":
      return m.error_no_clipboard();
    case "out-of-reach":
      return m.error_out_of_reach();
    default:
      return m.error_unknown();
  }
}
