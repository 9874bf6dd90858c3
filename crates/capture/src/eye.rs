//! Looks at the source so many times a second and decides what goes to the encoder. It never waits
//! for the encoder: where there is no room, the frame is lost and counted.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use snaplark_core::capture::CaptureError;

use crate::gate::{Gate, Verdict};
use crate::pipeline::Feed;
use crate::signals::Signals;
use crate::source::{self, Opening, Source};

/// The thread's whole life: opens the source, says how large it is or why there is none, waits for
/// the pipeline, then looks until the stop.
pub fn run(
    opening: &Opening,
    fps: u32,
    signals: &Arc<Signals>,
    opened: &SyncSender<Result<(u32, u32), CaptureError>>,
    feed: &Receiver<Feed>,
) {
    let first = source::open(opening).and_then(|mut source| {
        // What can't be seen at the start is said at the start.
        let seen = source.look()?.is_some();
        let reason = "nothing can be seen of it now".to_owned();
        if seen { Ok(source) } else { Err(CaptureError::SourceMissing { reason }) }
    });
    let mut source = match first {
        Ok(source) => source,
        Err(error) => {
            // Fails only where nobody waits for it any more.
            let _ = opened.send(Err(error));
            return;
        }
    };
    if opened.send(Ok(source.size())).is_err() {
        return;
    }
    // No feed: the pipeline could not be built, and whoever wanted it knows.
    let Ok(mut feed) = feed.recv() else { return };
    if let Err(error) = watch(source.as_mut(), &mut feed, fps, signals) {
        signals.fail(error);
    }
    feed.end();
}

fn watch(
    source: &mut dyn Source,
    feed: &mut Feed,
    fps: u32,
    signals: &Signals,
) -> Result<(), CaptureError> {
    let period = Duration::from_secs(1) / fps;
    let start = Instant::now();
    let mut gate = Gate::default();
    // Ticks are counted from the start, so that lateness does not add up.
    let mut tick = 0_u32;
    loop {
        let late = (start.elapsed().as_nanos() / period.as_nanos()) as u32;
        let missed = late.saturating_sub(tick);
        tick = tick.max(late);
        // The first picture is recorded even if the stop came before it.
        if tick > 0 && signals.stop_comes_before(start + period * tick) {
            signals.set_stopped_ms(start.elapsed().as_millis() as u64);
            return Ok(());
        }
        let time_ms = start.elapsed().as_millis() as u64;
        let picture = source.look()?;
        let mut changed = false;
        let verdict = gate.judge(time_ms, || {
            changed = picture.is_some_and(|picture| !feed.is_last(picture));
            !changed
        });
        if changed {
            // The screen changed while nobody looked: so many pictures may be lost.
            signals.count_dropped(u64::from(missed));
        }
        match verdict {
            Verdict::Unchanged => signals.count_unchanged(),
            Verdict::Encode if feed.has_room() => {
                if feed.push(picture, time_ms).is_err() {
                    signals.set_stopped_ms(time_ms);
                    return Ok(());
                }
                gate.passed(time_ms);
            }
            Verdict::Encode => signals.count_dropped(1),
        }
        tick += 1;
    }
}
