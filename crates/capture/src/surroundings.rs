//! What there is to choose from: displays, the windows on them, and a picture of each as it is now.
//! For a shell that lets the person choose by itself; where the desktop asks, there is none of it.

use snaplark_core::capture::CaptureError;

pub use self::imp::Border;
pub use crate::source::picture::Rect;
use crate::source::{Way, way};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// In the order in which `Source::Display` counts them.
    pub screens: Vec<Screen>,
    /// What lies on top comes first.
    pub windows: Vec<ShownWindow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The system's, as `HDMI-1`.
    pub name: String,
    pub at: Rect,
    /// `Source::Display(None)` is this one.
    pub is_first: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownWindow {
    /// As `Source::Window` takes it.
    pub id: u64,
    pub title: String,
    /// The program's own name for itself.
    pub program: String,
    /// Without the frame that the desktop puts around it, as it is recorded.
    pub at: Rect,
}

/// Blue, green, red and an unused byte; rows from the top, without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub bgrx: Vec<u8>,
}

/// Whether the desktop asks what to share, so that nobody else can.
pub fn desktop_asks() -> bool {
    matches!(way(None), Ok(Way::Portal))
}

pub fn surroundings() -> Result<Surroundings, CaptureError> {
    imp::surroundings(way(None)?)
}

/// What is to be seen there now, without the pointer.
pub fn picture_of(at: Rect) -> Result<Picture, CaptureError> {
    imp::picture_of(way(None)?, at)
}

/// Shows a border around an area that is recorded: outside of it, so that no picture has it. `colour`:
/// red, green and blue in the lower three bytes.
pub fn border_around(area: Rect, thickness_px: u16, colour: u32) -> Result<Border, CaptureError> {
    imp::border_around(way(None)?, area, thickness_px, colour)
}

/// As `border_around`, on the X11 display of that name.
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

    /// Where windows have no place that a program knows, there is none.
    pub struct Border(std::convert::Infallible);

    pub fn border_around(_: Way, _: Rect, _: u16, _: u32) -> Result<Border, CaptureError> {
        Err(asked())
    }
}
