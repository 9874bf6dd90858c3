/*! A clock for times that run while somebody looks. It stands still when nothing runs. */

/** Often enough that no second is shown for two or skipped. */
const TICK_MS = 250;

export function ticking(runs: () => boolean) {
  const now = $state({ ms: Date.now() });
  $effect(() => {
    if (!runs()) return;
    now.ms = Date.now();
    const timer = setInterval(() => (now.ms = Date.now()), TICK_MS);
    return () => clearInterval(timer);
  });
  return now;
}
