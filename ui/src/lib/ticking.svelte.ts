/*!
 * A clock for times that run while somebody looks: one for the whole window, so that two places
 * never show different seconds. It stands still when nothing runs.
 */

/** Often enough that no second is shown for two or skipped. */
const TICK_MS = 250;

const now = $state({ ms: Date.now() });
let runners = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function ticking(runs: () => boolean) {
  $effect(() => {
    if (!runs()) return;
    runners += 1;
    now.ms = Date.now();
    timer ??= setInterval(() => (now.ms = Date.now()), TICK_MS);
    return () => {
      runners -= 1;
      if (runners > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  });
  return now;
}
