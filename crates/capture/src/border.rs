//! Draws a border around an area that is recorded. Not available where the desktop asks what to share.

use snaplark_core::capture::CaptureError;
use snaplark_core::still::PixelRect;

pub(crate) use self::imp::Border;
use crate::source::{Backend, backend};

/// Shows a border around an area, on the X11 display with that name or else on the session's.
pub(crate) fn border_around(
    display: Option<&str>,
    area: PixelRect,
    thickness_px: u16,
    colour: u32,
) -> Result<Border, CaptureError> {
    imp::border_around(backend(display)?, area, thickness_px, colour)
}

fn desktop_asks_error() -> CaptureError {
    CaptureError::Unsupported { reason: "this desktop asks by itself what to share".to_owned() }
}

#[cfg(target_os = "linux")]
mod imp {
    use snaplark_core::capture::CaptureError;

    use super::{Backend, PixelRect, desktop_asks_error};
    pub(crate) use crate::source::x11::Border;

    pub(super) fn border_around(
        backend: Backend,
        area: PixelRect,
        thickness_px: u16,
        colour: u32,
    ) -> Result<Border, CaptureError> {
        let Backend::X11(display) = backend else { return Err(desktop_asks_error()) };
        Border::around(&display, area, thickness_px, colour)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use snaplark_core::capture::CaptureError;

    use super::{Backend, PixelRect, desktop_asks_error};

    /// A border can't exist where programs don't know the position of windows.
    pub(crate) struct Border(std::convert::Infallible);

    pub(crate) fn border_around(
        _: Backend,
        _: PixelRect,
        _: u16,
        _: u32,
    ) -> Result<Border, CaptureError> {
        Err(desktop_asks_error())
    }
}
