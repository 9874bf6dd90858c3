//! Waiting for a condition, always with a limit. Ctrl-C ends every wait early, so that guards can
//! clean up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The interval at which a condition is checked.
const LOOK: Duration = Duration::from_millis(20);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Calls `look` until it returns a value. `what` completes "waited for …".
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = look()? {
            return Ok(answer);
        }
        if interrupted() {
            bail!("stopped by Ctrl-C while waiting for {what}");
        }
        if started.elapsed() >= limit {
            bail!("waited {} s for {what}, in vain", limit.as_secs_f32());
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits for a time that is itself wanted, such as a recording's length.
pub fn pass(what: &str, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    until(what, time + LOOK, || Ok((Instant::now() >= end).then_some(())))
}

fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Waits for Ctrl-C as the wanted event: later waits are not cut short by it.
pub fn until_interrupted() {
    while !INTERRUPTED.swap(false, Ordering::Relaxed) {
        std::thread::sleep(LOOK);
    }
}

/// Makes SIGINT and SIGTERM end waits instead of the process from now on.
pub fn catch_interrupts() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                INTERRUPTED.store(true, Ordering::Relaxed);
            }
        });
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_with_the_answer_or_at_its_limit() {
        let mut looks = 0;
        let answer = until("three looks", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(answer.unwrap(), 3);
        let error = until::<()>("nothing", Duration::from_millis(50), || Ok(None)).unwrap_err();
        assert!(error.to_string().contains("for nothing, in vain"), "{error}");
    }
}
