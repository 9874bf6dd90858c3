//! Where the pointer is and what is clicked, kept in a file beside each segment (`formats::pointer`) and never
//! drawn. Reads on the frame grabber's thread, which looks at each picture; the writer makes the files.
//!
//! On X11 the position is asked for with each picture, and buttons are XInput's raw events. On Wayland there is
//! nothing: portals give positions as metadata of a stream (cursor mode 4) only instead of the pointer in the
//! picture, and GStreamer's `pipewiresrc` drops that metadata; no portal gives clicks.

use std::collections::VecDeque;

use snaplark_formats::pointer::{PointerAction, PointerRecord, encode};

#[cfg(target_os = "linux")]
use crate::marks::PointerInput;
use crate::policy::POINTER_RECORDS_MAX;
use crate::source::picture::PixelRect;
use crate::source::{Backend, ScreenMapping};

/// Reads the pointer's position in the pixels of the video.
pub(crate) struct PointerReader {
    #[cfg(target_os = "linux")]
    input: PointerInput,
    /// The size of the source's picture, and where that is in the video.
    sizes: ((u32, u32), PixelRect),
    last: Option<PointerAction>,
}

impl PointerReader {
    /// Starts to read. Returns `None` where that is impossible.
    pub(crate) fn open(
        backend: &Backend,
        source: (u32, u32),
        into: PixelRect,
    ) -> Option<PointerReader> {
        #[cfg(target_os = "linux")]
        if let Backend::X11(display) = backend {
            let input = PointerInput::open(display);
            let input = input.inspect_err(|reason| tracing::debug!(reason, "No pointer positions"));
            return Some(PointerReader { input: input.ok()?, sizes: (source, into), last: None });
        }
        let _ = (backend, source, into);
        None
    }

    /// Returns what the pointer did since the last call. An error means that the display is gone.
    pub(crate) fn poll(&mut self, mapping: ScreenMapping) -> Result<Vec<PointerAction>, String> {
        #[cfg(target_os = "linux")]
        {
            let (at, clicks) = self.input.poll()?;
            let action = placed(mapping.in_picture(at), self.sizes);
            let moved = (self.last != Some(action)).then_some(action);
            self.last = Some(action);
            let is_inside = action != PointerAction::Left;
            // What is clicked elsewhere is no part of the recording.
            Ok(moved.into_iter().chain(clicks.into_iter().filter(|_| is_inside)).collect())
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (mapping, self.sizes, self.last);
            Ok(Vec::new())
        }
    }

    /// Discards what happened in a pause or in struck seconds. The next position counts as new.
    pub(crate) fn forget(&mut self) {
        self.last = None;
        #[cfg(target_os = "linux")]
        self.input.forget();
    }
}

/// Returns where a position in the source's picture is in the video.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn placed((x, y): (i32, i32), (source, into): ((u32, u32), PixelRect)) -> PointerAction {
    let is_inside = |at: i32, length: u32| at >= 0 && at.cast_unsigned() < length;
    if !is_inside(x, source.0) || !is_inside(y, source.1) {
        return PointerAction::Left;
    }
    let scaled = |at: i32, into: u32, from: u32| {
        (i64::from(at) * i64::from(into) / i64::from(from.max(1))) as i32
    };
    PointerAction::MovedTo(
        into.x + scaled(x, into.width, source.0),
        into.y + scaled(y, into.height, source.1),
    )
}

/// The pointer's actions that are in no file yet, with capture's times.
#[derive(Debug, Default)]
pub(crate) struct PointerLog {
    records: VecDeque<(u64, PointerAction)>,
    /// Where the pointer was at the end of the last segment.
    last: Option<PointerAction>,
}

impl PointerLog {
    pub(crate) fn push(&mut self, time_ms: u64, actions: Vec<PointerAction>) {
        self.records.extend(actions.into_iter().map(|action| (time_ms, action)));
        // The limit is reached when no segment is sealed for minutes.
        let over = self.records.len().saturating_sub(POINTER_RECORDS_MAX);
        self.records.drain(..over);
    }

    /// Takes what belongs to a segment. Returns its file, which begins with the position at its start; `None` if
    /// nothing is known.
    pub(crate) fn take(&mut self, start_ms: u64, end_ms: u64) -> Option<Vec<u8>> {
        let is_position = |action: PointerAction| match action {
            PointerAction::MovedTo(..) | PointerAction::Left => true,
            PointerAction::Pressed(_) | PointerAction::Released(_) => false,
        };
        let mut records = Vec::new();
        let mut at_start = self.last;
        while let Some((time_ms, action)) = self.records.pop_front_if(|(at_ms, _)| *at_ms < end_ms)
        {
            if is_position(action) {
                self.last = Some(action);
            }
            match time_ms.checked_sub(start_ms) {
                Some(at_ms) => records.push(PointerRecord { at_ms, action }),
                None => at_start = self.last,
            }
        }
        let begins = records.first().is_some_and(|it| it.at_ms == 0 && is_position(it.action));
        if let Some(action) = at_start.filter(|_| !begins) {
            records.insert(0, PointerRecord { at_ms: 0, action });
        }
        (!records.is_empty()).then(|| encode(&records))
    }

    /// Forgets what happened in struck seconds.
    pub(crate) fn strike(&mut self, from_ms: u64, until_ms: u64) {
        self.records.retain(|(at_ms, _)| *at_ms < from_ms || *at_ms >= until_ms);
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use snaplark_formats::pointer::{PointerButton, decode};

    use super::*;
    use PointerAction::{Left, MovedTo, Pressed};

    fn taken(log: &mut PointerLog, start_ms: u64, end_ms: u64) -> Vec<(u64, PointerAction)> {
        let file = log.take(start_ms, end_ms).unwrap_or_default();
        let records = decode(&file).unwrap_or_default();
        records.into_iter().map(|record| (record.at_ms, record.action)).collect()
    }

    #[test]
    fn each_segment_begins_with_the_position_at_its_start() {
        let mut log = PointerLog::default();
        assert_eq!(log.take(0, 2_000), None);
        log.push(0, vec![MovedTo(1, 2)]);
        log.push(900, vec![MovedTo(3, 4), Pressed(PointerButton::Left)]);
        log.push(2_100, vec![Left]);
        assert_eq!(
            taken(&mut log, 0, 2_000),
            [(0, MovedTo(1, 2)), (900, MovedTo(3, 4)), (900, Pressed(PointerButton::Left))]
        );
        assert_eq!(taken(&mut log, 2_000, 4_000), [(0, MovedTo(3, 4)), (100, Left)]);
        assert_eq!(taken(&mut log, 4_000, 6_000), [(0, Left)]);
    }

    #[test]
    fn struck_positions_are_in_no_file() {
        let mut log = PointerLog::default();
        log.push(0, vec![MovedTo(1, 2)]);
        log.push(2_500, vec![MovedTo(66, 66)]);
        log.push(3_000, vec![MovedTo(5, 6)]);
        assert_eq!(taken(&mut log, 0, 2_000).len(), 1);
        log.strike(1_500, 3_000);
        assert_eq!(taken(&mut log, 3_000, 5_000), [(0, MovedTo(5, 6))]);
    }

    #[test]
    fn positions_are_those_of_the_video() {
        let whole = PixelRect { x: 0, y: 0, width: 1_920, height: 1_080 };
        let sizes = ((3_840, 2_160), whole);
        assert_eq!(placed((3_839, 100), sizes), MovedTo(1_919, 50));
        let beside_bars = PixelRect { x: 240, width: 1_440, ..whole };
        assert_eq!(placed((0, 100), ((1_440, 1_080), beside_bars)), MovedTo(240, 100));
        for outside in [(-1, 5), (3_840, 5), (5, 2_160)] {
            assert_eq!(placed(outside, sizes), Left);
        }
    }
}
