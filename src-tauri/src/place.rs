//! Places on displays, in physical pixels.

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

    /// The other one moved inside; at the upper left where it is too large.
    pub fn hold(self, other: Rect) -> Rect {
        let x = other.x.min(self.right() - other.width.cast_signed()).max(self.x);
        let y = other.y.min(self.bottom() - other.height.cast_signed()).max(self.y);
        Rect { x, y, ..other }
    }
}

/// Without panels and docks.
pub fn area_of(monitor: &Monitor) -> Rect {
    let area = monitor.work_area();
    Rect {
        x: area.position.x,
        y: area.position.y,
        width: area.size.width,
        height: area.size.height,
    }
}

pub fn monitor_at(handle: &AppHandle, x: i32, y: i32) -> Option<Monitor> {
    handle.monitor_from_point(x.into(), y.into()).ok().flatten()
}
