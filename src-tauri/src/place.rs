//! Positions on displays, in physical pixels.

use tauri::{AppHandle, Monitor};

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub fn right(self) -> i32 {
        self.x + self.width.cast_signed()
    }

    pub fn bottom(self) -> i32 {
        self.y + self.height.cast_signed()
    }

    pub fn meets(self, other: Rect) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }

    /// Returns the squared distance of a point from the rectangle; 0 inside.
    fn distance(self, x: i32, y: i32) -> i64 {
        let beyond = |at: i32, from: i32, to: i32| i64::from((from - at).max(at - (to - 1)).max(0));
        beyond(x, self.x, self.right()).pow(2) + beyond(y, self.y, self.bottom()).pow(2)
    }

    /// Returns the other rectangle moved inside; at the upper left if it is too large.
    pub fn hold(self, other: Rect) -> Rect {
        let x = other.x.min(self.right() - other.width.cast_signed()).max(self.x);
        let y = other.y.min(self.bottom() - other.height.cast_signed()).max(self.y);
        Rect { x, y, ..other }
    }
}

/// A display, as far as placing windows needs it.
#[derive(Clone, Debug)]
pub struct Display {
    pub name: String,
    pub at: Rect,
    /// The work area: without panels and docks.
    pub area: Rect,
    pub scale: f64,
}

impl Display {
    pub fn of(monitor: &Monitor) -> Self {
        Display {
            name: monitor.name().cloned().unwrap_or_default(),
            at: rect_of(monitor),
            area: area_of(monitor),
            scale: monitor.scale_factor(),
        }
    }

    pub fn px(&self, length: f64) -> u32 {
        (length * self.scale).round() as u32
    }
}

/// Returns all displays, the nearest to that point first.
pub fn displays_from(handle: &AppHandle, (x, y): (i32, i32)) -> Vec<Display> {
    let monitors = handle.available_monitors().unwrap_or_default();
    let mut displays: Vec<Display> = monitors.iter().map(Display::of).collect();
    displays.sort_by_key(|display| display.at.distance(x, y));
    displays
}

/// Returns where people look first: the pointer's position, else the main display.
pub fn point_of_attention(handle: &AppHandle) -> (i32, i32) {
    if let Ok(at) = handle.cursor_position() {
        return (at.x as i32, at.y as i32);
    }
    let first = handle.primary_monitor().ok().flatten();
    first.map_or((0, 0), |monitor| (monitor.position().x, monitor.position().y))
}

fn rect_of(monitor: &Monitor) -> Rect {
    let (at, size) = (monitor.position(), monitor.size());
    Rect { x: at.x, y: at.y, width: size.width, height: size.height }
}

/// Returns the work area, without panels and docks.
pub fn area_of(monitor: &Monitor) -> Rect {
    let area = monitor.work_area();
    Rect {
        x: area.position.x,
        y: area.position.y,
        width: area.size.width,
        height: area.size.height,
    }
}

/// Returns the monitor that contains the point, or the nearest one. Tauri's own function expects logical
/// coordinates where these differ from pixels.
pub fn monitor_at(handle: &AppHandle, x: i32, y: i32) -> Option<Monitor> {
    let monitors = handle.available_monitors().ok()?;
    monitors.into_iter().min_by_key(|monitor| rect_of(monitor).distance(x, y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_as_far_away_as_the_nearest_pixel() {
        let display = Rect { x: 1600, y: 100, width: 1280, height: 720 };
        assert_eq!(display.distance(1600, 100), 0);
        assert_eq!(display.distance(2879, 819), 0);
        assert_eq!(display.distance(1599, 500), 1);
        assert_eq!(display.distance(2882, 823), 3 * 3 + 4 * 4);
    }
}
