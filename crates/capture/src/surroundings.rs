//! Lists what can be chosen as a source: displays and the windows on them, and takes a picture of each
//! as it is now. For a shell that shows its own chooser; not available where the desktop asks.

use snaplark_core::capture::CaptureError;

pub use self::imp::Border;
pub use crate::source::picture::Rect;
use crate::source::{Way, way};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// In the order in which `Source::Display` counts them.
    pub screens: Vec<Screen>,
    /// The topmost window comes first.
    pub windows: Vec<ShownWindow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The system's name, such as `HDMI-1`.
    pub name: String,
    pub at: Rect,
    /// True for the screen that `Source::Display(None)` means.
    pub is_first: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownWindow {
    /// The id that `Source::Window` takes.
    pub id: u64,
    pub title: String,
    /// The program's own name for itself.
    pub program: String,
    /// The window without the frame that the desktop puts around it, as it is recorded.
    pub at: Rect,
}

/// A picture as blue, green, red and an unused byte; rows from the top, without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub bgrx: Vec<u8>,
}

/// Returns whether the desktop asks what to share, so that a shell can't.
pub fn desktop_asks() -> bool {
    matches!(way(None), Ok(Way::Portal))
}

pub fn surroundings() -> Result<Surroundings, CaptureError> {
    imp::surroundings(way(None)?)
}

/// Takes a picture of that area as it is now, without the pointer.
pub fn picture_of(at: Rect) -> Result<Picture, CaptureError> {
    imp::picture_of(way(None)?, at)
}

/// Shows a border around an area that is recorded. It lies outside of the area, so that it is not
/// recorded. `colour` has red, green and blue in the lower three bytes.
pub fn border_around(area: Rect, thickness_px: u16, colour: u32) -> Result<Border, CaptureError> {
    imp::border_around(way(None)?, area, thickness_px, colour)
}

/// Does the same as `border_around`, on the X11 display with that name.
pub fn border_on(
    display: &str,
    area: Rect,
    thickness_px: u16,
    colour: u32,
) -> Result<Border, CaptureError> {
    imp::border_around(way(Some(display))?, area, thickness_px, colour)
}

fn asked() -> CaptureError {
    CaptureError::Unsupported { reason: "this desktop asks by itself what to share".to_owned() }
}

#[cfg(target_os = "linux")]
mod imp {
    use snaplark_core::capture::{CaptureError, Source as Wanted};

    use super::{Picture, Rect, Surroundings, Way, asked};
    use crate::source::missing;
    pub use crate::source::x11::Border;
    use crate::source::x11::{self, X11Source};

    pub fn surroundings(way: Way) -> Result<Surroundings, CaptureError> {
        match way {
            Way::X11(display) => x11::surroundings(&display),
            Way::Portal | Way::Scap => Err(asked()),
        }
    }

    pub fn border_around(
        way: Way,
        area: Rect,
        thickness_px: u16,
        colour: u32,
    ) -> Result<Border, CaptureError> {
        let Way::X11(display) = way else { return Err(asked()) };
        Border::around(&display, area, thickness_px, colour)
    }

    pub fn picture_of(way: Way, at: Rect) -> Result<Picture, CaptureError> {
        use crate::source::Source as _;

        let Way::X11(display) = way else { return Err(asked()) };
        let wanted = Wanted::Region { x: at.x, y: at.y, width: at.width, height: at.height };
        let mut source = X11Source::open(&display, &wanted, false)?;
        let (width, height) = source.size();
        let bgrx = source.look()?.ok_or_else(|| missing("that display shows nothing"))?.to_vec();
        Ok(Picture { width, height, bgrx })
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use snaplark_core::capture::CaptureError;

    use super::{Picture, Rect, Surroundings, Way, asked};

    pub fn surroundings(_: Way) -> Result<Surroundings, CaptureError> {
        Err(asked())
    }

    pub fn picture_of(_: Way, _: Rect) -> Result<Picture, CaptureError> {
        Err(asked())
    }

    /// A border can't exist where programs don't know the position of windows.
    pub struct Border(std::convert::Infallible);

    pub fn border_around(_: Way, _: Rect, _: u16, _: u32) -> Result<Border, CaptureError> {
        Err(asked())
    }
}
