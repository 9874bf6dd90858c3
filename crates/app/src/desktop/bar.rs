//! The recorder bar: whether it is shown, and where. It is shown while something is recorded and stays where the
//! person dragged it. It is kept out of the recorded picture: beside a recorded area or on another display. If
//! no display has room for it, it is hidden until the person asks for it, and the tray and shortcuts serve
//! meanwhile. The shell draws its window.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use snaplark_core::capture::Source;

use super::place::{CapturedPart, Display, Rect, Size};
use super::{Controller, Shell};
use crate::view::RecorderView;

/// The key under which is stored that the hidden bar was explained to the person.
const TOLD_HIDDEN: &str = "bar-hidden-told";
/// The distance between the bar and the edge of the work area, in CSS pixels.
const GAP: f64 = 24.0;
/// The size assumed before the page has reported one; close to the real one.
const USUAL_SIZE: Size = Size { width: 460.0, height: 80.0 };

/// A position at which a person left the bar: the middle of its upper edge, relative to its display's corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BarPosition {
    x: i32,
    y: i32,
}

/// The inputs of the bar's position during one recording.
#[derive(Clone, Debug)]
struct Placement {
    /// The display to prefer comes first.
    displays: Vec<Display>,
    /// The recorded area, if a part of a display is recorded.
    region: Option<Rect>,
    /// Positions by the displays' names.
    kept: HashMap<String, BarPosition>,
}

/// The state of the bar. The shell keeps it and draws what [`Bar::window`] says after each change.
#[derive(Debug, Default)]
pub struct Bar {
    /// `None`: nothing is recorded.
    placement: Option<Placement>,
    /// `None`: no countdown to a screenshot is shown.
    countdown: Option<Placement>,
    /// Hidden for this recording.
    hidden: bool,
    /// The person asked for the bar, even if it is in the picture.
    requested: bool,
    size: Option<Size>,
    dragged: bool,
    /// That the bar is hidden was explained, or need not be.
    explained: bool,
}

/// A change of the bar's window, for the shell to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarWindow {
    /// The window stays as it is: the person drags it, or its page has not reported its size.
    AsIs,
    /// The window is hidden.
    Hidden,
    /// The window is here.
    At(Rect),
}

impl Bar {
    /// Returns what to do with the window. `avoided` is the part of the screen that it must stay out of.
    pub fn window(&self, avoided: Option<CapturedPart>) -> BarWindow {
        match (self.dragged || self.size.is_none(), self.spot(avoided)) {
            (true, _) => BarWindow::AsIs,
            (false, Some(at)) => BarWindow::At(at),
            (false, None) => BarWindow::Hidden,
        }
    }

    /// Returns whether something is recorded while the bar is hidden, because it is not wanted or would be in
    /// the picture.
    pub fn is_hidden(&self, avoided: Option<CapturedPart>) -> bool {
        self.placement.is_some() && self.spot(avoided).is_none()
    }

    /// Shows the bar for this recording although it was hidden.
    pub fn request(&mut self) {
        (self.hidden, self.requested) = (false, true);
    }

    /// Hides the bar for this recording.
    pub fn hide(&mut self) {
        self.hidden = true;
    }

    /// Shows the countdown to a screenshot on the first of these displays that has room.
    pub(super) fn count_down(&mut self, displays: Vec<Display>) {
        self.countdown = Some(Placement { displays, region: None, kept: HashMap::new() });
    }

    pub(super) fn end_countdown(&mut self) {
        self.countdown = None;
    }

    /// Notes the size of its page. `None`: the page shows nothing.
    pub fn fit(&mut self, size: Option<Size>) {
        self.size = size;
    }

    /// Notes that the person drags the bar.
    pub fn drag_begins(&mut self) {
        self.dragged = true;
    }

    /// Notes where the bar was dropped; `to` is `None` if it was not moved. `displays` are those nearest to the
    /// bar first. Returns what to store for the next recording: a key and a value.
    pub fn drag_ends(
        &mut self,
        to: Option<Rect>,
        displays: Vec<Display>,
    ) -> Option<(String, String)> {
        self.dragged = false;
        let (Some(at), Some(placement)) = (to, &mut self.placement) else { return None };
        let middle = at.x + at.width.cast_signed() / 2;
        let stored = displays.first().map(|display| {
            let kept = BarPosition { x: middle - display.at.x, y: at.y - display.at.y };
            placement.kept.insert(display.name.clone(), kept);
            (remembered(&display.name), serde_json::to_string(&kept).unwrap_or_default())
        });
        placement.displays = displays;
        stored
    }

    /// Returns where the bar should be, or `None` if it should be hidden.
    fn spot(&self, avoided: Option<CapturedPart>) -> Option<Rect> {
        let recorded = self.placement.as_ref().filter(|_| !self.hidden);
        let placement = recorded.or(self.countdown.as_ref())?;
        spot(placement, self.size.unwrap_or(USUAL_SIZE), avoided, self.requested)
    }

    /// Returns true once, when the bar is hidden because it would be in the picture of a running recording.
    fn needs_explaining(&mut self, recorder: &RecorderView, avoided: Option<CapturedPart>) -> bool {
        matches!(recorder, RecorderView::Recording { .. })
            && !self.hidden
            && self.is_hidden(avoided)
            && !std::mem::replace(&mut self.explained, true)
    }
}

impl<S: Shell> Controller<S> {
    /// Is called with each change of the recorder. A recording that begins gets its bar.
    pub(super) async fn follow_bar(&self, recorder: &RecorderView) {
        let is_on = !matches!(recorder, RecorderView::Idle);
        if is_on == self.shell.with_bar(|bar| bar.placement.is_some()) {
            return;
        }
        if !is_on {
            // The page also learns of the end and hides the window.
            return self.shell.with_bar(|bar| {
                (bar.placement, bar.hidden, bar.requested) = (None, false, false);
            });
        }
        let (app, shell) = (&self.app, &self.shell);
        let (Ok(Some(request)), Ok(settings)) = (app.recorded().await, app.settings().await) else {
            return;
        };
        let region = match request.source {
            Source::Region { x, y, width, height } => Some(Rect { x, y, width, height }),
            Source::Display(_) | Source::Window(_) => None,
        };
        let displays = shell.displays_for(&request.source).await;
        let mut placement = Placement { displays, region, kept: HashMap::new() };
        for display in &placement.displays {
            let kept = app.recall(&remembered(&display.name)).await.ok().flatten();
            let kept = kept.and_then(|text| serde_json::from_str(&text).ok());
            placement.kept.extend(kept.map(|kept| (display.name.clone(), kept)));
        }
        let shown = settings.desktop.show_bar;
        shell.with_bar(|bar| (bar.placement, bar.hidden) = (Some(placement), !shown));
        if shown {
            shell.draw_bar();
        }
    }

    /// Tells the person, once ever, that the bar is hidden because it would be in the picture, and how to stop
    /// the recording instead. If toasts have no room either, this appears after the recording.
    pub(super) async fn explain_hidden_bar(&self, recorder: &RecorderView) {
        let (app, shell) = (&self.app, &self.shell);
        let avoided = shell.part_to_avoid();
        if !shell.with_bar(|bar| bar.needs_explaining(recorder, avoided))
            || !matches!(app.recall(TOLD_HIDDEN).await, Ok(None))
        {
            return;
        }
        let explained = async {
            app.note_bar_hidden(shell.keys_to_stop().unwrap_or_default()).await?;
            app.remember(TOLD_HIDDEN, "yes".to_owned()).await
        };
        if let Err(error) = explained.await {
            tracing::warn!(%error, "that the bar is hidden can't be said");
        }
    }
}

/// Returns the key under which the bar's position on a display is stored.
fn remembered(display: &str) -> String {
    format!("bar-{display}")
}

/// Picks the bar's position: where a person left it, else beside the recorded area, else at the bottom; on
/// the first display where one of these is outside of `avoided`. If there is none and the person insists,
/// inside it.
fn spot(
    placement: &Placement,
    size: Size,
    avoided: Option<CapturedPart>,
    requested: bool,
) -> Option<Rect> {
    let free = |rect: &Rect| avoided.is_none_or(|avoided| !avoided.has(*rect));
    let all = || placement.displays.iter().flat_map(|display| spots(placement, display, size));
    // The bar is out of the way beside an area, even if it may be in the picture.
    let beside = |rect: &Rect| placement.region.is_none_or(|region| !rect.meets(region));
    let upon = || if requested { all().next() } else { None };
    all().filter(beside).find(free).or_else(|| all().find(free)).or_else(upon)
}

fn spots(placement: &Placement, display: &Display, size: Size) -> impl Iterator<Item = Rect> {
    let (width, height) = (display.px(size.width), display.px(size.height));
    let (w, h) = (width.cast_signed(), height.cast_signed());
    let gap = display.px(GAP).cast_signed();
    let area = display.area;
    let at = move |x: i32, y: i32| area.hold(Rect { x, y, width, height });
    let kept = placement.kept.get(&display.name);
    let kept = kept.map(|kept| at(display.at.x + kept.x - w / 2, display.at.y + kept.y));
    let beside = placement.region.filter(|region| region.meets(display.at)).map(|region| {
        // The window has a margin for the shadow around the pill; the margin may overlap the region.
        let x = region.x + (region.width.cast_signed() - w) / 2;
        [
            at(x, region.bottom()),
            at(x, region.y - h),
            at(region.right(), region.bottom() - h),
            at(region.x - w, region.bottom() - h),
        ]
    });
    let usual = at(area.x + (area.width.cast_signed() - w) / 2, area.bottom() - h - gap);
    kept.into_iter().chain(beside.into_iter().flatten()).chain([usual])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 400.0, height: 80.0 };

    /// Returns a display with a panel of 30 px at the top.
    fn display(x: i32) -> Display {
        Display {
            name: x.to_string(),
            at: Rect { x, y: 0, width: 1280, height: 720 },
            area: Rect { x, y: 30, width: 1280, height: 690 },
            scale: 1.0,
        }
    }

    fn placement(region: Option<Rect>, kept: Option<BarPosition>) -> Placement {
        let kept = kept.into_iter().map(|kept| ("0".to_owned(), kept)).collect();
        Placement { displays: vec![display(0)], region, kept }
    }

    fn at(placement: &Placement, avoided: Option<CapturedPart>) -> Option<(i32, i32)> {
        spot(placement, SIZE, avoided, false).map(|rect| (rect.x, rect.y))
    }

    #[test]
    fn bar_is_at_the_bottom_or_where_it_was_left_but_never_off_the_display() {
        let window = Some(CapturedPart::NoneOfOurs);
        assert_eq!(at(&placement(None, None), window), Some((440, 720 - 80 - 24)));
        let left = Some(BarPosition { x: 640, y: 100 });
        assert_eq!(at(&placement(None, left), window), Some((440, 100)));
        let beyond = Some(BarPosition { x: 5_000, y: -50 });
        assert_eq!(at(&placement(None, beyond), window), Some((880, 30)));
    }

    #[test]
    fn bar_is_beside_a_region_where_there_is_room() {
        let at = |x, y, width, height| {
            let region = Rect { x, y, width, height };
            at(&placement(Some(region), None), Some(CapturedPart::Part(region)))
        };
        assert_eq!(at(400, 100, 480, 300), Some((440, 400)), "below");
        assert_eq!(at(0, 100, 300, 300), Some((0, 400)), "below, at the edge");
        assert_eq!(at(400, 300, 480, 400), Some((440, 220)), "above");
        assert_eq!(at(0, 30, 800, 690), Some((800, 640)), "at the right");
        assert_eq!(at(480, 30, 800, 690), Some((80, 640)), "at the left");
        assert_eq!(at(0, 0, 1280, 720), None, "nowhere");
    }

    #[test]
    fn bar_stays_where_it_was_left_unless_that_is_recorded() {
        let region = Rect { x: 400, y: 100, width: 480, height: 300 };
        let at = |kept| at(&placement(Some(region), Some(kept)), Some(CapturedPart::Part(region)));
        assert_eq!(at(BarPosition { x: 640, y: 600 }), Some((440, 600)));
        assert_eq!(at(BarPosition { x: 640, y: 200 }), Some((440, 400)));
    }

    #[test]
    fn bar_goes_to_another_display_or_away_when_its_display_is_recorded() {
        let first = Some(CapturedPart::Part(display(0).at));
        let alone = placement(None, Some(BarPosition { x: 640, y: 100 }));
        assert_eq!(at(&alone, first), None);
        let beside = Placement { displays: vec![display(0), display(1280)], ..alone.clone() };
        assert_eq!(at(&beside, first), Some((1280 + 440, 616)));
        assert_eq!(at(&beside, Some(CapturedPart::SomeDisplay)), None);
        // The bar is wanted in the picture, or the person asked for it.
        assert_eq!(at(&alone, None), Some((440, 100)));
        let requested = spot(&alone, SIZE, first, true);
        assert_eq!(requested.map(|rect| (rect.x, rect.y)), Some((440, 100)));
    }
}
