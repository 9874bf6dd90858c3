//! The window state: where library and settings reopen.

use serde::{Deserialize, Serialize};

use super::place::Rect;

/// Where a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowState {
    /// The position includes the frame and the size does not, as window managers expect.
    pub at: Rect,
    /// The window fills its display.
    pub maximized: bool,
}

impl WindowState {
    /// Returns the state to store of a window that is seen so. A maximized one keeps the place from before, to which it
    /// will return.
    pub fn stored(seen: WindowState, before: Option<WindowState>) -> Self {
        match before {
            Some(before) if seen.maximized => WindowState { maximized: true, ..before },
            _ => seen,
        }
    }

    /// Returns where the window reopens: on the display that contains most of it. `None` if none contains any of it.
    /// `areas` are the displays without panels and docks.
    pub fn reopened(self, areas: &[Rect]) -> Option<Rect> {
        let at = self.at;
        let common = |area: &&Rect| {
            let width = (at.right().min(area.right()) - at.x.max(area.x)).max(0);
            let height = (at.bottom().min(area.bottom()) - at.y.max(area.y)).max(0);
            i64::from(width) * i64::from(height)
        };
        let area = areas.iter().max_by_key(common).filter(|area| common(area) > 0)?;
        let (width, height) = (at.width.min(area.width), at.height.min(area.height));
        Some(area.hold(Rect { width, height, ..at }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rect(x: i32, y: i32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn window_comes_back_whole_and_on_a_display() {
        let displays = [rect(0, 30, 1280, 690), rect(1280, 0, 1920, 1080)];
        for (at, back) in [
            (rect(100, 100, 800, 560), Some(rect(100, 100, 800, 560))),
            (rect(900, 100, 800, 560), Some(rect(1280, 100, 800, 560))),
            (rect(700, 500, 800, 560), Some(rect(480, 160, 800, 560))),
            (rect(1400, 10, 4000, 3000), Some(rect(1280, 0, 1920, 1080))),
            (rect(5000, 100, 800, 560), None),
        ] {
            let state = WindowState { at, maximized: false };
            assert_eq!(state.reopened(&displays), back, "{at:?}");
        }
    }

    #[test]
    fn maximized_window_keeps_the_place_to_which_it_returns() {
        let before = WindowState { at: rect(100, 100, 800, 560), maximized: false };
        let filling = WindowState { at: rect(0, 0, 1280, 720), maximized: true };
        let stored = WindowState::stored(filling, Some(before));
        assert_eq!(stored, WindowState { maximized: true, ..before });
        assert_eq!(WindowState::stored(filling, None), filling);
        let moved = WindowState { at: rect(5, 5, 800, 560), maximized: false };
        assert_eq!(WindowState::stored(moved, Some(stored)), moved);
    }
}
