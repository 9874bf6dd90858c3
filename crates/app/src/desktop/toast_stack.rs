//! The place of the toasts: at the bottom right of the display where the person is, as high as they are. They stay
//! on the display where the first of them appeared. If they would be recorded there, they go to another display or
//! are hidden. While the desktop is in do-not-disturb mode they wait. The shell draws their window.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::place::{CapturedPart, Display, Rect};
use super::{Controller, Shell};

/// 420 px of toast and 16 px on each side for its shadow: the window touches the corner of the work area,
/// and the toast stays 16 px away from it.
pub const TOAST_WIDTH: f64 = 452.0;
/// Room for three toasts and "2 more" beside a recorded area, in CSS pixels.
const STACK: f64 = 380.0;
/// How often a desktop in do-not-disturb mode is asked again while there is something to show.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Counts the requests to show toasts, so that only the latest is carried out.
#[derive(Debug, Default)]
pub(super) struct ToastRequests(AtomicU64);

/// The state of the toasts' window. The shell keeps it and draws what [`ToastStack::window`] says.
#[derive(Debug, Default)]
pub struct ToastStack {
    corner: Option<Corner>,
    /// The height that the page asked for last, in CSS pixels. 0: there are no toasts.
    height: f64,
}

/// The bottom right corner of a work area, in physical pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Corner {
    x: i32,
    y: i32,
    /// The maximum height of a window there.
    room: u32,
    scale: f64,
}

impl ToastStack {
    /// Notes the height of the page, in CSS pixels.
    pub fn fit(&mut self, height: f64) {
        self.height = height;
    }

    /// Returns whether there are toasts, shown or not.
    pub fn has_toasts(&self) -> bool {
        self.height > 0.0
    }

    /// Returns where the window belongs, or `None` if it is hidden. `displays` are those nearest to the person
    /// first; `avoided` is the part of the screen that toasts must stay out of.
    pub fn window(
        &mut self,
        is_shown: bool,
        displays: &[Display],
        avoided: Option<CapturedPart>,
    ) -> Option<Rect> {
        if !self.has_toasts() {
            return None;
        }
        let stays = self.corner.filter(|corner| is_shown && corner.is_outside(avoided));
        self.corner = stays.or_else(|| corner(displays, avoided));
        self.corner.map(|corner| corner.stack(self.height))
    }

    /// Returns whether toasts at their place would be in the picture.
    pub fn is_in(&self, avoided: Option<CapturedPart>) -> bool {
        self.corner.is_some_and(|corner| !corner.is_outside(avoided))
    }

    /// Forgets the display, since a recording is over.
    pub fn leave_display(&mut self) {
        self.corner = None;
    }
}

/// Returns whether some display can show toasts outside of what is recorded.
pub fn has_room(displays: &[Display], recorded: CapturedPart) -> bool {
    corner(displays, Some(recorded)).is_some()
}

impl Corner {
    fn is_outside(&self, recorded: Option<CapturedPart>) -> bool {
        recorded.is_none_or(|recorded| !recorded.has(self.stack(STACK)))
    }

    /// Returns the rectangle of toasts of that height.
    fn stack(&self, height: f64) -> Rect {
        let width = (TOAST_WIDTH * self.scale).round() as u32;
        let height = ((height * self.scale).ceil() as u32).min(self.room);
        let (x, y) = (self.x - width.cast_signed(), self.y - height.cast_signed());
        Rect { x, y, width, height }
    }
}

/// Returns the corner of the first display that is outside of what is recorded.
fn corner(displays: &[Display], recorded: Option<CapturedPart>) -> Option<Corner> {
    displays.iter().find_map(|display| {
        let Display { area, scale, .. } = *display;
        let (x, y) = (area.right(), area.bottom());
        let mut corner = Corner { x, y, room: area.height, scale };
        if recorded.is_some_and(|recorded| recorded != CapturedPart::NoneOfOurs) {
            corner.room = corner.room.min(display.px(STACK));
        }
        corner.is_outside(recorded).then_some(corner)
    })
}

impl<S: Shell> Controller<S> {
    /// Shows the toasts, or waits with that while the desktop is in do-not-disturb mode. Only the latest request
    /// counts. `draw` fits the window to its page.
    pub async fn show_toasts(&self, has_toasts: bool, draw: impl FnOnce(&S)) {
        let requests = &self.toast_requests.0;
        let request = requests.fetch_add(1, Ordering::SeqCst) + 1;
        // A window that is shown already may change its content.
        while has_toasts && !self.shell.are_toasts_shown() {
            let is_quiet = self.shell.is_quiet().await;
            if requests.load(Ordering::SeqCst) != request {
                return;
            }
            if !is_quiet {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        draw(&self.shell);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::DesktopRig;
    use super::*;

    fn display(x: i32) -> Display {
        Display {
            name: x.to_string(),
            at: Rect { x, y: 0, width: 1280, height: 720 },
            area: Rect { x, y: 30, width: 1280, height: 690 },
            scale: 1.0,
        }
    }

    fn part(x: i32, y: i32, width: u32, height: u32) -> Option<CapturedPart> {
        Some(CapturedPart::Part(Rect { x, y, width, height }))
    }

    #[test]
    fn toasts_are_outside_of_what_is_recorded_or_nowhere() {
        let both = [display(0), display(1280)];
        let x = |displays: &[Display], seen| corner(displays, seen).map(|corner| corner.x);
        assert_eq!(x(&both, None), Some(1280));
        assert_eq!(x(&both, Some(CapturedPart::NoneOfOurs)), Some(1280));
        assert_eq!(x(&both, Some(CapturedPart::SomeDisplay)), None);
        // The whole of the first display is recorded: toasts go to the other one, or nowhere.
        assert_eq!(x(&both, part(0, 0, 1280, 720)), Some(2560));
        assert_eq!(x(&both[..1], part(0, 0, 1280, 720)), None);
        // An area leaves the corner free, or doesn't.
        assert_eq!(x(&both[..1], part(0, 0, 600, 720)), Some(1280));
        assert_eq!(x(&both[..1], part(600, 300, 600, 400)), None);
    }

    #[test]
    fn toasts_beside_a_recorded_area_never_grow_into_it() {
        let seen = CapturedPart::Part(Rect { x: 700, y: 0, width: 580, height: 300 });
        let corner = corner(&[display(0)], Some(seen)).unwrap();
        assert!(!seen.has(corner.stack(10_000.0)));
    }

    #[test]
    fn toasts_stay_on_their_display_while_they_are_shown() {
        let (left_first, right_first) = ([display(0), display(1280)], [display(1280), display(0)]);
        let mut stack = ToastStack::default();
        assert_eq!(stack.window(false, &left_first, None), None, "there are no toasts");
        stack.fit(100.0);
        let x = |at: Option<Rect>| at.map(|at| at.x);
        assert_eq!(x(stack.window(false, &left_first, None)), Some(1280 - 452));
        assert_eq!(x(stack.window(true, &right_first, None)), Some(1280 - 452));
        // The recording of their display moves them, and its end lets them follow the person.
        let recorded = part(0, 0, 1280, 720);
        assert!(stack.is_in(recorded));
        assert_eq!(x(stack.window(true, &left_first, recorded)), Some(2560 - 452));
        assert!(!stack.is_in(recorded));
        stack.leave_display();
        assert_eq!(x(stack.window(true, &left_first, None)), Some(1280 - 452));
        stack.fit(0.0);
        assert_eq!(stack.window(true, &left_first, None), None);
    }

    #[tokio::test]
    async fn toasts_wait_until_the_desktop_may_be_disturbed_and_only_the_latest_are_drawn() {
        let rig = DesktopRig::open().await;
        let drawn = std::sync::Mutex::new(Vec::new());
        let draw = |what: &'static str| {
            let drawn = &drawn;
            move |_: &_| drawn.lock().unwrap().push(what)
        };
        tokio::time::pause();
        rig.shell().quiet_times.store(2, Ordering::SeqCst);
        let began = tokio::time::Instant::now();
        tokio::join!(
            rig.controller.show_toasts(true, draw("replaced")),
            rig.controller.show_toasts(true, draw("latest")),
        );
        assert_eq!(*drawn.lock().unwrap(), ["latest"]);
        assert!(began.elapsed() >= LOOK_AGAIN, "it asked the desktop again");
        // What is shown changes at once, and so does what goes away.
        rig.shell().quiet_times.store(u32::MAX, Ordering::SeqCst);
        rig.controller.show_toasts(false, draw("none")).await;
        rig.shell().toasts_shown.store(true, Ordering::SeqCst);
        rig.controller.show_toasts(true, draw("more")).await;
        assert_eq!(*drawn.lock().unwrap(), ["latest", "none", "more"]);
        tokio::time::resume();
        rig.close().await;
    }
}
