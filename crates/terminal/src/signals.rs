//! Signals that ask the program to end: the first is polite, the second ends it at once.
//!
//! A thread of its own hears them, so that nothing the program waits for can be in the way. Commands
//! that have something to bring to its end hold a [`Polite`]; without one the first signal ends the
//! program, as it would any other. What is sealed or committed by then is on disk.
//!
//! A terminal that closes sends SIGHUP more than once (the kernel to the group, the shell to its
//! jobs), and a service manager sends SIGTERM and SIGHUP together: what comes within [`SAME_WISH`]
//! of the first is the same wish.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Nobody presses Ctrl-C twice on purpose within this time.
const SAME_WISH: Duration = Duration::from_millis(300);

static POLITE: AtomicUsize = AtomicUsize::new(0);
static ASKED: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// Lets the first signal be polite for as long as it lives.
#[derive(Debug)]
pub struct Polite {
    asked: watch::Receiver<bool>,
}

impl Polite {
    pub fn new() -> Self {
        POLITE.fetch_add(1, Ordering::SeqCst);
        Polite { asked: ASKED.subscribe() }
    }

    /// Returns as soon as the program was asked to end, also where that was earlier.
    pub async fn asked(&mut self) {
        // The sender is a static: it is never dropped.
        let _ = self.asked.wait_for(|asked| *asked).await;
    }

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

/// Asks the program to end as a signal would: its terminal is gone, say.
pub fn ask() {
    ASKED.send_replace(true);
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ask,
    /// The same wish once more.
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

/// Hears signals from now on. `words` are said where the second one ends the program.
pub fn begin(words: &'static str) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sources = {
        // Handlers belong to the runtime that they are made in.
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

/// Ends the process without running anything more of it: what runs at a usual exit (libraries'
/// clean-up, threads that are joined) may be what hangs.
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
    /// `None` under nohup, which means that a closed terminal is to change nothing.
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

    /// The number of the next signal.
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

/// Returns whether the program was started under nohup: a closed terminal is to change nothing. Linux
/// tells by a mask; elsewhere SIGHUP is always heard.
#[cfg(unix)]
pub fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (libc::SIGHUP - 1) != 0)
}

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
