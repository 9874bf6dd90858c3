/*! What the library says of background work. */
import type { JobView } from "$lib/bindings/JobView";
import { errorWords } from "$lib/errors";
import * as format from "$lib/format";
import * as m from "$lib/messages/messages";

/** Work that is mostly over within a second is shown when it isn't. */
const QUICK_MS = 1_000;

/** Returns the jobs to show. */
export function shownJobs(jobs: readonly JobView[], nowMs: number): JobView[] {
  return jobs.filter(({ kind, state, startedUnixMs }) => {
    // What was published shows the progress of its upload next.
    if (kind === "publish" && state.kind === "done") return false;
    const isQuick = kind !== "export" && state.kind === "running";
    return !isQuick || nowMs - (startedUnixMs ?? nowMs) >= QUICK_MS;
  });
}

/** Returns whether it can still be cancelled. */
export const isOpen = ({ state }: JobView) => state.kind === "waiting" || state.kind === "running";

/** Returns the name of the file that is written, else the title of the item. */
export function jobName(job: JobView, title: string | undefined): string {
  return job.target?.split(/[/\\]/).at(-1) ?? title ?? "";
}

/** Returns what the job does, or did. */
export function jobWords(job: JobView, name: string): string {
  switch (job.state.kind) {
    case "done":
      return m.jobs_done({ name });
    case "failed":
      return job.kind === "publish" ? m.jobs_publish_failed({ name }) : m.jobs_failed({ name });
    case "interrupted":
      return m.jobs_interrupted({ name });
    case "waiting":
    case "running":
    case "cancelling":
      return working(job, name);
  }
}

function working(job: JobView, name: string): string {
  switch (job.kind) {
    case "own-file":
      return m.jobs_own_file({ name });
    case "move-file":
      return m.jobs_move_file({ name });
    case "export":
      return m.jobs_export({ name });
    case "publish":
      return m.jobs_publish({ name });
  }
}

/** Returns how far it is, or why it failed; "" if there is nothing to add. */
export function jobFigures({ state, thousandths, secondsLeft }: JobView): string {
  switch (state.kind) {
    case "waiting":
      return m.jobs_waiting();
    case "cancelling":
      return m.jobs_cancelling();
    case "running":
      return format.joined(
        format.percent(Math.floor(thousandths / 10)),
        secondsLeft !== null && format.timeLeft(secondsLeft),
      );
    case "failed":
      return errorWords({ code: state.code, params: { reason: state.reason } });
    case "done":
    case "interrupted":
      return "";
  }
}
