//! The place of the quick menu: at the pointer, with the focus. It is shown when its page has reported its size.
//! The shell draws its window.

use super::place::{Display, Rect, Size};

/// The state of the quick menu. The shell keeps it and draws what [`QuickMenu::window`] says after each change.
#[derive(Debug, Default)]
pub struct QuickMenu {
    wanted: bool,
    size: Option<Size>,
    /// The pointer's position when the menu was requested, in physical pixels.
    pointer: Option<(i32, i32)>,
}

impl QuickMenu {
    /// Opens the menu at the pointer, or closes it if it is open. Returns whether it is open now.
    pub fn toggle(&mut self, pointer: Option<(i32, i32)>) -> bool {
        self.wanted = !self.wanted;
        self.pointer = pointer;
        self.wanted
    }

    /// Closes the menu.
    pub fn close(&mut self) {
        self.wanted = false;
    }

    /// Notes the size of its page. `None`: the page shows nothing.
    pub fn fit(&mut self, size: Option<Size>) {
        self.size = size;
    }

    /// Returns the pointer's position when the menu was requested.
    pub fn pointer(&self) -> Option<(i32, i32)> {
        self.pointer
    }

    /// Returns where the window belongs, or `None` if it is hidden. `displays` are those nearest to the pointer
    /// first, or the main display if there is no pointer.
    pub fn window(&self, displays: &[Display]) -> Option<Rect> {
        let (true, Some(size), Some(display)) = (self.wanted, self.size, displays.first()) else {
            return None;
        };
        let size = (display.px(size.width), display.px(size.height));
        Some(spot(display.area, self.pointer, size))
    }
}

/// Places the menu with its first line at the pointer, or in the middle of the display if there is no
/// pointer.
fn spot(area: Rect, at: Option<(i32, i32)>, (width, height): (u32, u32)) -> Rect {
    let (w, h) = (width.cast_signed(), height.cast_signed());
    let middle = (area.x + area.width.cast_signed() / 2, area.y + area.height.cast_signed() / 2);
    let (x, y) = at.map_or((middle.0 - w / 2, middle.1 - h / 2), |(x, y)| (x - w / 2, y - h / 8));
    area.hold(Rect { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect { x: 1280, y: 30, width: 1280, height: 690 };

    #[test]
    fn menu_is_at_the_pointer_and_on_the_display() {
        let at = |pointer| {
            let place = spot(AREA, pointer, (300, 400));
            (place.x, place.y)
        };
        assert_eq!(at(Some((1900, 200))), (1750, 150));
        assert_eq!(at(Some((2559, 719))), (2260, 320));
        assert_eq!(at(Some((1280, 0))), (1280, 30));
        assert_eq!(at(None), (1770, 175));
    }

    #[test]
    fn menu_appears_when_it_is_wanted_and_its_size_is_known() {
        let at = Rect { x: 1280, y: 0, width: 1280, height: 720 };
        let displays = [Display { name: String::new(), at, area: AREA, scale: 2.0 }];
        let mut menu = QuickMenu::default();
        assert!(menu.toggle(Some((1900, 200))));
        assert_eq!(menu.window(&displays), None, "its page has not reported its size");
        menu.fit(Some(Size { width: 150.0, height: 200.0 }));
        let shown = Some(Rect { x: 1750, y: 150, width: 300, height: 400 });
        assert_eq!(menu.window(&displays), shown);
        assert_eq!(menu.window(&[]), None, "there is no display");
        assert!(!menu.toggle(None));
        assert_eq!(menu.window(&displays), None);
        assert!(menu.toggle(Some((1900, 200))));
        assert_eq!(menu.window(&displays), shown, "the size is still known");
        menu.close();
        assert_eq!(menu.window(&displays), None);
    }
}
