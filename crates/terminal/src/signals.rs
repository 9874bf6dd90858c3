//! Handles signals that ask the program to end: the first requests a clean shutdown, the second ends it
//! at once.
//!
//! A separate thread receives them, so that nothing the program waits for can block them. Commands that
//! need a clean shutdown hold a [`Polite`]; without one, the first signal ends the program, as it would
//! end any other. What is sealed or committed by then is on disk.
//!
//! A closed terminal sends SIGHUP more than once (the kernel to the group, the shell to its jobs), and
//! a service manager sends SIGTERM and SIGHUP together. So signals within [`SAME_WISH`] of the first
//! count as the same request (debounce).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Nobody presses Ctrl-C twice on purpose within this time.
const SAME_WISH: Duration = Duration::from_millis(300);

static POLITE: AtomicUsize = AtomicUsize::new(0);
static ASKED: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// While this exists, the first signal only requests a clean shutdown.
#[derive(Debug)]
pub struct Polite {
    asked: watch::Receiver<bool>,
}

impl Polite {
    /// Makes the next signal a request, until this is dropped.
    pub fn new() -> Self {
        POLITE.fetch_add(1, Ordering::SeqCst);
        Polite { asked: ASKED.subscribe() }
    }

    /// Waits until the program is asked to end. Returns at once if it already was.
    pub async fn asked(&mut self) {
        // The sender is a static, so it is never dropped.
        let _ = self.asked.wait_for(|asked| *asked).await;
    }

    /// Returns whether the program was asked to end.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }
}

impl Default for Polite {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Polite {
    fn drop(&mut self) {
        POLITE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Asks the program to end as a signal would, for instance when its terminal is gone.
pub fn ask() {
    ASKED.send_replace(true);
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ask,
    /// A repetition of the same request.
    Nothing,
    End,
}

#[derive(Default)]
struct Wishes {
    first: Option<Instant>,
}

impl Wishes {
    fn hear(&mut self, now: Instant, has_polite: bool) -> Verdict {
        match self.first {
            None if has_polite => {
                self.first = Some(now);
                Verdict::Ask
            }
            Some(first) if now.duration_since(first) < SAME_WISH => Verdict::Nothing,
            None | Some(_) => Verdict::End,
        }
    }
}

/// Starts to handle signals. `words` are printed if the second signal ends the program.
pub fn begin(words: &'static str) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sources = {
        // Signal handlers belong to the runtime in which they are created.
        let _within = runtime.enter();
        Sources::new()?
    };
    std::thread::Builder::new().name("snaplark-signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut wishes = Wishes::default();
            loop {
                let signal = sources.next().await;
                match wishes.hear(Instant::now(), POLITE.load(Ordering::SeqCst) > 0) {
                    Verdict::Ask => ask(),
                    Verdict::Nothing => {}
                    Verdict::End => {
                        if wishes.first.is_some() {
                            crate::output::say(words);
                        }
                        end(128 + signal);
                    }
                }
            }
        });
    })?;
    Ok(())
}

/// Ends the process at once, without the code of a normal exit (cleanup of libraries, joining of
/// threads), which may be what hangs.
pub fn end(code: i32) -> ! {
    #[cfg(unix)]
    #[allow(unsafe_code)]
    // SAFETY: `_exit` takes a number and does not return; it touches no memory of ours.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

#[cfg(unix)]
struct Sources {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` under nohup, so that a closed terminal changes nothing.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Sources {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = (!is_hang_up_ignored()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Sources {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
        })
    }

    /// Returns the number of the next signal.
    async fn next(&mut self) -> i32 {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => libc::SIGINT,
            _ = self.terminate.recv() => libc::SIGTERM,
            _ = hang_up => libc::SIGHUP,
        }
    }
}

/// Returns whether the program was started under nohup, so that a closed terminal must change nothing.
/// Linux shows that in a signal mask; on other systems SIGHUP is always handled.
#[cfg(unix)]
pub fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (libc::SIGHUP - 1) != 0)
}

/// Returns whether a closed terminal must change nothing. There is no nohup here.
#[cfg(not(unix))]
pub fn is_hang_up_ignored() -> bool {
    false
}

#[cfg(not(unix))]
struct Sources;

#[cfg(not(unix))]
impl Sources {
    fn new() -> std::io::Result<Self> {
        Ok(Sources)
    }

    async fn next(&mut self) -> i32 {
        match tokio::signal::ctrl_c().await {
            Ok(()) => 2,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_wish_ends_the_program_and_an_echo_of_the_first_does_not() {
        let began = Instant::now();
        let mut wishes = Wishes::default();
        assert_eq!(wishes.hear(began, true), Verdict::Ask);
        assert_eq!(wishes.hear(began + SAME_WISH / 2, true), Verdict::Nothing);
        assert_eq!(wishes.hear(began + SAME_WISH, true), Verdict::End);
    }

    #[test]
    fn first_wish_ends_a_program_that_has_nothing_to_bring_to_its_end() {
        assert_eq!(Wishes::default().hear(Instant::now(), false), Verdict::End);
    }
}
