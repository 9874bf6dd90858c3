//! The displays as Tauri reports them.

pub use snaplark_app::desktop::place::{CapturedPart, Display, Rect};
use tauri::{AppHandle, Monitor};

/// Returns a display as the controller knows it.
pub fn display_of(monitor: &Monitor) -> Display {
    Display {
        name: monitor.name().cloned().unwrap_or_default(),
        at: rect_of(monitor),
        area: area_of(monitor),
        scale: monitor.scale_factor(),
    }
}

/// Returns all displays, the nearest to that point first.
pub fn displays_from(handle: &AppHandle, (x, y): (i32, i32)) -> Vec<Display> {
    let monitors = handle.available_monitors().unwrap_or_default();
    let mut displays: Vec<Display> = monitors.iter().map(display_of).collect();
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
