//! Takes one picture of an X11 display, a window or an area. The size has no limits but the server's, and
//! every take has a connection of its own, so that the size of the desktop is that of the moment.

use snaplark_core::capture::CaptureError;
use snaplark_core::still::{PixelRect, Screen, StillPicture, StillSource, main_scale};
use x11rb::connection::Connection;
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{self, AtomEnum, ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

use super::desktop::shadow_of;
use super::display::{self, answered, connect, gone, has_pointer_pictures};
use super::gaps::{Gaps, displays_in};
use super::pixels::{SharedMemory, draw_pointer};
use super::window::WindowSource;
use super::{ALL_PLANES, DrawableArea};
use crate::source::missing;
use crate::still::rgba_from_bgrx;

/// The dots per inch at which desktops draw everything in its normal size.
const NORMAL_DPI: f64 = 96.0;
/// Desktops offer scales from 1 to 4. What is set beyond that is a slip, or was never meant for the screen.
const SCALES: std::ops::RangeInclusive<f64> = 0.5..=8.0;
/// The most units of four bytes that are read of the server's resources.
const RESOURCES_UNITS_MAX: u32 = 16_384;

pub(crate) fn take(
    display: &str,
    source: &StillSource,
    pointer: bool,
) -> Result<StillPicture, CaptureError> {
    let (connection, number) = connect(display)?;
    let screen = connection.setup().roots[number].clone();
    display::check_format(&connection, &screen)?;
    let pointer = pointer && has_pointer_pictures(&connection);
    let root = PixelRect {
        x: 0,
        y: 0,
        width: u32::from(screen.width_in_pixels),
        height: u32::from(screen.height_in_pixels),
    };
    let area = match source {
        StillSource::Window(id) => window(&connection, screen.root, *id)?,
        StillSource::Display(_) | StillSource::Area(_) | StillSource::All => {
            let rect = match source {
                StillSource::Display(index) => {
                    display::monitor(&connection, &screen, *index, root)?
                }
                StillSource::Area(area) => {
                    area.common(root).ok_or_else(|| missing("the area is not on the screen"))?
                }
                StillSource::All | StillSource::Window(_) => root,
            };
            DrawableArea { drawable: screen.root, rect, corner: (rect.x, rect.y) }
        }
    };
    let mut bgrx = fetch(&connection, &area, pointer)?
        .ok_or_else(|| missing("it disappeared at that moment"))?;
    let screens = screens(&connection, &screen, display)?;
    let shown = PixelRect { x: area.corner.0, y: area.corner.1, ..area.rect };
    if !matches!(source, StillSource::Window(_)) {
        Gaps::of(shown, &screens).blacken(&mut bgrx);
    }
    let displays = displays_in(shown, &screens);
    let picture = StillPicture {
        width: shown.width,
        height: shown.height,
        rgba: rgba_from_bgrx(bgrx),
        corner: (shown.x, shown.y),
        scale: main_scale(&displays).unwrap_or(1.0),
        displays,
        subject: None,
        permission: None,
    };
    match source {
        // The rest of the root window is what no display shows.
        StillSource::All => {
            let seen = screens.iter().map(|screen| screen.at).reduce(PixelRect::around);
            let seen = seen.filter(|seen| *seen != picture.area());
            Ok(seen.and_then(|seen| picture.crop(seen)).unwrap_or(picture))
        }
        StillSource::Area(_) if picture.displays.is_empty() => {
            Err(missing("the area is not on any display"))
        }
        StillSource::Display(_) | StillSource::Area(_) | StillSource::Window(_) => Ok(picture),
    }
}

/// Lists the displays, each with its scale. There is at least one.
pub(super) fn screens(
    connection: &RustConnection,
    screen: &xproto::Screen,
    display: &str,
) -> Result<Vec<Screen>, CaptureError> {
    let scale = scale(connection, screen.root)?;
    let mut screens = display::monitors(connection, screen)?;
    if screens.is_empty() {
        let at = PixelRect {
            x: 0,
            y: 0,
            width: u32::from(screen.width_in_pixels),
            height: u32::from(screen.height_in_pixels),
        };
        screens.push(Screen { name: display.to_owned(), at, is_first: true, scale });
    }
    if !screens.iter().any(|screen| screen.is_first) {
        screens[0].is_first = true;
    }
    for screen in &mut screens {
        screen.scale = scale;
    }
    Ok(screens)
}

/// Returns how large desktop and programs draw. X11 has one scale for all displays.
fn scale(connection: &RustConnection, root: u32) -> Result<f64, CaptureError> {
    let gdk = std::env::var("GDK_SCALE").ok();
    let (name, kind) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
    let asked = connection.get_property(false, root, name, kind, 0, RESOURCES_UNITS_MAX);
    let resources = answered(asked.map_err(gone)?.reply())?.map(|reply| reply.value);
    let resources = resources.unwrap_or_default();
    Ok(scale_of(gdk.as_deref(), &String::from_utf8_lossy(&resources)))
}

fn scale_of(gdk: Option<&str>, resources: &str) -> f64 {
    let gdk = gdk.and_then(|text| text.trim().parse().ok());
    let dpi = resources.lines().find_map(|line| line.strip_prefix("Xft.dpi:"));
    let dpi = dpi.and_then(|dpi| dpi.trim().parse::<f64>().ok()).map(|dpi| dpi / NORMAL_DPI);
    gdk.or(dpi).filter(|scale| SCALES.contains(scale)).unwrap_or(1.0)
}

/// Finds a window's picture, without the margin for a shadow that the program draws itself.
fn window(connection: &RustConnection, root: u32, id: u64) -> Result<DrawableArea, CaptureError> {
    let mut source = WindowSource::open(connection, id)?;
    let seen =
        source.find(connection, root)?.ok_or_else(|| missing("nothing can be seen of it now"))?;
    let whole = seen.rect;
    let shadow = u32::try_from(id).map_or(Ok(None), |id| shadow_of(connection, id))?;
    let inner = shadow.and_then(|shadow| shadow.cut_from(whole)).unwrap_or(whole);
    let by = (inner.x - whole.x, inner.y - whole.y);
    let mut corner = (seen.corner.0 + by.0, seen.corner.1 + by.1);
    let mut rect = inner;
    if !source.is_kept() {
        // Without Composite, only what is on the screen can be read, and the rest is an error.
        let geometry = connection.get_geometry(root).map_err(gone)?.reply();
        let geometry = answered(geometry)?.ok_or_else(|| missing("the display is gone"))?;
        let screen = PixelRect {
            x: 0,
            y: 0,
            width: u32::from(geometry.width),
            height: u32::from(geometry.height),
        };
        let on_screen = PixelRect { x: corner.0, y: corner.1, ..rect };
        let seen = on_screen.common(screen).ok_or_else(|| missing("it is off the screen"))?;
        rect = PixelRect {
            x: rect.x + seen.x - corner.0,
            y: rect.y + seen.y - corner.1,
            width: seen.width,
            height: seen.height,
        };
        corner = (seen.x, seen.y);
    }
    Ok(DrawableArea { drawable: seen.drawable, rect, corner })
}

/// Requests picture and pointer together. `None` if the drawable is gone.
fn fetch(
    connection: &RustConnection,
    area: &DrawableArea,
    pointer: bool,
) -> Result<Option<Vec<u8>>, CaptureError> {
    let DrawableArea { drawable, rect, corner } = *area;
    let (x, y) = (rect.x as i16, rect.y as i16);
    let (width, height) = (rect.width as u16, rect.height as u16);
    let shared = SharedMemory::new(connection, rect.bytes());
    let pointer = match pointer {
        true => Some(connection.xfixes_get_cursor_image().map_err(gone)?),
        false => None,
    };
    let mut bgrx = None;
    if let Some(SharedMemory { segment, memory }) = &shared {
        let format = ImageFormat::Z_PIXMAP.into();
        let asked = connection
            .shm_get_image(drawable, x, y, width, height, ALL_PLANES, format, *segment, 0)
            .map_err(gone)?;
        bgrx = answered(asked.reply())?.map(|_| memory[..rect.bytes()].to_vec());
    }
    if bgrx.is_none() && shared.is_none() {
        let format = ImageFormat::Z_PIXMAP;
        let asked = connection
            .get_image(format, drawable, x, y, width, height, ALL_PLANES)
            .map_err(gone)?;
        bgrx = answered(asked.reply())?
            .map(|reply| reply.data)
            .filter(|data| data.len() >= rect.bytes());
    }
    let pointer = match pointer {
        Some(pointer) => answered(pointer.reply())?,
        None => None,
    };
    if let (Some(bgrx), Some(pointer)) = (&mut bgrx, &pointer) {
        draw_pointer(bgrx, (rect.width, rect.height), pointer, corner);
    }
    Ok(bgrx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_is_what_the_session_says_and_normal_otherwise() {
        for (gdk, resources, want) in [
            (None, "", 1.0),
            (None, "Xft.dpi:\t144\n", 1.5),
            (None, "*customization: -color\nXft.dpi: 120\nXft.rgba: rgb", 1.25),
            (Some("2"), "Xft.dpi:\t96", 2.0),
            (Some("x"), "Xft.dpi:\t192", 2.0),
            (None, "Xft.dpi:\t0", 1.0),
            (None, "Xft.dpi:\tmany", 1.0),
        ] {
            assert!((scale_of(gdk, resources) - want).abs() < f64::EPSILON, "{gdk:?} {resources}");
        }
    }
}
