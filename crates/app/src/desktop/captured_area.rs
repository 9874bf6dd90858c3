//! Which part of the screen is recorded, and what that means for our own windows: the recorder bar and the toasts.
//!
//! Windows and macOS can exclude our windows from recordings. X11 can't: a recording of a window uses that window's own
//! pixmap, but a display or an area is read from the root window, with everything on it. A Wayland desktop doesn't report
//! which display it shares. So bar and toasts are placed outside of what is recorded, or hidden. The shell keeps a
//! [`CapturedArea`] and hides what has to be hidden.

use snaplark_core::capture::Source;
use snaplark_core::still::Stills;

use super::place::{CapturedPart, Rect};
use crate::view::RecorderView;

/// Returns what a recording of the source would show. Blocks until the display has answered.
pub fn captured_part(stills: &dyn Stills, source: &Source) -> CapturedPart {
    if !cfg!(target_os = "linux") || matches!(source, Source::Window(_)) {
        return CapturedPart::NoneOfOurs;
    }
    let asks = stills.desktop_asks();
    let screens = || stills.list().ok().map(|seen| seen.screens);
    let display = |index: Option<u32>| {
        let screens = screens()?;
        let screen = match index {
            Some(index) => screens.get(index as usize),
            None => screens.iter().find(|screen| screen.is_first),
        }?;
        let at = screen.at;
        Some(Rect { x: at.x, y: at.y, width: at.width, height: at.height })
    };
    match *source {
        Source::Window(_) => CapturedPart::NoneOfOurs,
        Source::Display(_) | Source::Region { .. } if asks => CapturedPart::SomeDisplay,
        Source::Display(index) => {
            display(index).map_or(CapturedPart::SomeDisplay, CapturedPart::Part)
        }
        Source::Region { x, y, width, height } => CapturedPart::Part(Rect { x, y, width, height }),
    }
}

/// The part of the screen that is recorded now, for placing bar and toasts.
#[derive(Debug, Default)]
pub struct CapturedArea {
    seen: Option<CapturedPart>,
    /// The change number at which `seen` was noted.
    seen_at: u64,
    /// The person wants bar and toasts in recordings.
    ours_wanted: bool,
    /// A screenshot is being taken, which may show any part of the screen.
    takes_still: bool,
    /// No display has room for a toast outside of what is recorded.
    holds_toasts: bool,
}

/// The state of the captured part after a change of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaChange {
    /// Nothing is recorded any more: the border goes, and toasts that had to be away come back if `was_captured`.
    Over {
        /// Something was recorded until then.
        was_captured: bool,
    },
    /// Something is recorded, or is about to be. Where isn't known yet if `is_unknown`: a recording that begins in the
    /// past was never announced.
    Captured {
        /// The part has to be noted.
        is_unknown: bool,
    },
}

impl CapturedArea {
    /// Notes what is recorded from now on. `has_room`: a display has room for a toast outside of it. `change` is the
    /// number of the newest change.
    pub fn note(&mut self, seen: CapturedPart, ours_wanted: bool, has_room: bool, change: u64) {
        self.seen = Some(seen);
        self.seen_at = change;
        self.ours_wanted = ours_wanted;
        self.holds_toasts = !ours_wanted && !has_room;
    }

    /// Takes a change of the recorder with its number.
    pub fn recorder_changed(&mut self, recorder: &RecorderView, change: u64) -> AreaChange {
        match recorder {
            RecorderView::Idle | RecorderView::Stopping { .. } => {
                AreaChange::Over { was_captured: self.forget(change) }
            }
            RecorderView::Counting { .. } => AreaChange::Captured { is_unknown: false },
            RecorderView::Starting
            | RecorderView::Recording { .. }
            | RecorderView::Paused { .. } => {
                AreaChange::Captured { is_unknown: self.seen.is_none() }
            }
        }
    }

    /// Forgets the part that was recorded, after a change that shows that nothing is recorded any more. Returns
    /// whether there was one. A change from before it was noted doesn't know of the recording that has just begun.
    fn forget(&mut self, change: u64) -> bool {
        if change <= self.seen_at || (self.holds_toasts, self.seen) == (false, None) {
            return false;
        }
        (self.holds_toasts, self.seen) = (false, None);
        true
    }

    /// Notes that a screenshot is being taken, or is taken.
    pub fn takes_still(&mut self, takes: bool) {
        self.takes_still = takes;
    }

    /// Returns what bar and toasts must stay out of. `None`: nothing is recorded, or they may be in the
    /// picture.
    pub fn to_avoid(&self) -> Option<CapturedPart> {
        self.seen.filter(|_| !self.ours_wanted)
    }

    /// Returns the same of this moment: while a screenshot is taken, bar and toasts are nowhere.
    pub fn to_avoid_now(&self) -> Option<CapturedPart> {
        match self.takes_still {
            true => Some(CapturedPart::SomeDisplay),
            false => self.to_avoid(),
        }
    }

    /// Returns whether toasts wait until the recording is over.
    pub fn holds_toasts(&self, recorder: &RecorderView) -> bool {
        is_capturing(recorder) && self.holds_toasts
    }
}

/// Returns whether our windows could be in the picture. After a stop they can't.
fn is_capturing(recorder: &RecorderView) -> bool {
    match recorder {
        RecorderView::Starting | RecorderView::Recording { .. } | RecorderView::Paused { .. } => {
            true
        }
        RecorderView::Idle | RecorderView::Counting { .. } | RecorderView::Stopping { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use super::super::fake::FakeStills;
    use super::*;

    const STOPPING: RecorderView = RecorderView::Stopping { id: String::new() };

    fn noted(part: CapturedPart, ours_wanted: bool, has_room: bool) -> CapturedArea {
        let mut area = CapturedArea::default();
        area.note(part, ours_wanted, has_room, 7);
        area
    }

    /// The recorder was idle when the second recording began, and that is seen only afterwards.
    #[test]
    fn recorded_part_outlives_a_change_from_before_it_was_noted() {
        let mut area = noted(CapturedPart::SomeDisplay, false, true);
        for change in [6, 7] {
            let over = area.recorder_changed(&RecorderView::Idle, change);
            assert_eq!(over, AreaChange::Over { was_captured: false });
            assert_eq!(area.to_avoid(), Some(CapturedPart::SomeDisplay));
        }
        let over = area.recorder_changed(&STOPPING, 8);
        assert_eq!(over, AreaChange::Over { was_captured: true });
        assert_eq!(area.to_avoid(), None);
        let over = area.recorder_changed(&RecorderView::Idle, 9);
        assert_eq!(over, AreaChange::Over { was_captured: false }, "there is nothing to forget");
    }

    #[test]
    fn recording_that_was_never_announced_is_looked_for() {
        let mut area = CapturedArea::default();
        let change = area.recorder_changed(&RecorderView::Starting, 3);
        assert_eq!(change, AreaChange::Captured { is_unknown: true });
        area.note(CapturedPart::SomeDisplay, false, true, 3);
        let change = area.recorder_changed(&RecorderView::Starting, 4);
        assert_eq!(change, AreaChange::Captured { is_unknown: false });
    }

    #[test]
    fn bar_and_toasts_are_nowhere_while_a_screenshot_is_taken() {
        let mut area = CapturedArea::default();
        assert_eq!(area.to_avoid_now(), None);
        area.takes_still(true);
        assert_eq!(area.to_avoid_now(), Some(CapturedPart::SomeDisplay));
        assert_eq!(area.to_avoid(), None, "the controller places the bar as before");
        area.takes_still(false);
        assert_eq!(area.to_avoid_now(), None);
    }

    #[test]
    fn bar_and_toasts_may_be_in_the_picture_if_the_person_wants_them_there() {
        let part = CapturedPart::SomeDisplay;
        assert_eq!(noted(part, true, false).to_avoid(), None);
        assert!(!noted(part, true, false).holds_toasts(&RecorderView::Starting));
        // Toasts wait where no display has room for them, and only while something is recorded.
        assert!(noted(part, false, false).holds_toasts(&RecorderView::Starting));
        assert!(!noted(part, false, true).holds_toasts(&RecorderView::Starting));
        assert!(!noted(part, false, false).holds_toasts(&STOPPING));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn part_is_the_area_the_display_or_none_of_ours() {
        let stills = FakeStills::default();
        let part = |source| captured_part(&stills, &source);
        let area = Rect { x: 5, y: 6, width: 70, height: 80 };
        let Rect { x, y, width, height } = area;
        assert_eq!(part(Source::Region { x, y, width, height }), CapturedPart::Part(area));
        assert_eq!(part(Source::Window(7)), CapturedPart::NoneOfOurs);
        let first = Rect { x: 0, y: 0, width: 160, height: 90 };
        assert_eq!(part(Source::Display(None)), CapturedPart::Part(first));
        let second = Rect { x: 160, y: 0, width: 80, height: 60 };
        assert_eq!(part(Source::Display(Some(1))), CapturedPart::Part(second));
        assert_eq!(part(Source::Display(Some(9))), CapturedPart::SomeDisplay, "it is unplugged");
    }
}
