//! The sources of pictures. A source is opened and used on the frame grabber's thread only, so it need
//! not be `Send`. A source that receives pushed pictures keeps the newest and returns that.

mod fit;
pub(crate) mod picture;
#[cfg(target_os = "linux")]
pub(crate) mod portal;
pub(crate) mod scap;
#[cfg(windows)]
pub(crate) mod windows;
#[cfg(target_os = "linux")]
pub(crate) mod x11;

use std::time::Duration;

use snaplark_core::capture::{Abandoned, CaptureError, Permission, Source as Wanted};

use crate::policy::{CONSENT_WAIT, OPEN_WAIT};

pub(crate) use fit::fitted;

/// The environment variable that selects another way to capture: `scap`, and on Windows `d3d11` and `gdi`.
const SOURCE_VARIABLE: &str = "SNAPLARK_SOURCE";

pub(crate) trait FrameSource {
    /// Returns the width and height of every picture; they do not change.
    fn size(&self) -> (u32, u32);

    /// Returns the current picture: BGRx, four bytes a pixel, rows without padding. `None` if it can't
    /// be seen now. An error ends the recording.
    fn grab(&mut self) -> Result<Option<&[u8]>, CaptureError>;

    /// Returns whether nothing was drawn since this was asked last, so that a grab would return what one after that
    /// question returned. A source that can't tell says no.
    fn is_unchanged(&mut self) -> Result<bool, CaptureError> {
        Ok(false)
    }

    /// Is called when the source said that nothing was drawn and its picture was another one. Some drivers draw past the
    /// server's account.
    fn distrust(&mut self) {}

    /// Returns where on the screen the picture of the last look was.
    fn mapping(&self) -> ScreenMapping {
        ScreenMapping::default()
    }

    /// Returns how many pixels are one unit of length on the source's display; 1.0 if that is unknown.
    fn scale(&self) -> f64 {
        1.0
    }

    /// Returns the token with which the next recording opens the source without asking.
    fn permission(&self) -> Option<Permission> {
        None
    }
}

/// Maps screen positions, as clicks report them, to positions in the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScreenMapping {
    /// The screen position of the picture's corner.
    pub corner: (i32, i32),
    /// The size of the captured area and where it is in the picture, if it was scaled.
    pub scaled: Option<((u32, u32), picture::PixelRect)>,
}

impl ScreenMapping {
    pub(crate) fn in_picture(&self, (x, y): (i32, i32)) -> (i32, i32) {
        let (x, y) = (x - self.corner.0, y - self.corner.1);
        let Some((from, into)) = self.scaled else { return (x, y) };
        let scale = |at: i32, into: u32, from: u32| {
            (i64::from(at) * i64::from(into) / i64::from(from.max(1))) as i32
        };
        (into.x + scale(x, into.width, from.0), into.y + scale(y, into.height, from.1))
    }
}

/// The facts that the frame grabber's thread needs to open its source.
#[derive(Clone, Debug)]
pub(crate) struct SourceRequest {
    pub backend: Backend,
    pub wanted: Wanted,
    pub fps: u32,
    pub pointer: bool,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub permission: Option<Permission>,
    pub abandoned: Abandoned,
}

/// A way to capture pictures on this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The X11 display with that name.
    X11(String),
    /// The desktop's portal, which asks the person, and PipeWire.
    Portal,
    /// GStreamer's own elements for the screen of Windows.
    Windows(ScreenElement),
    /// The crate scap, in a helper process, for the systems that it supports.
    Scap,
}

/// An element of GStreamer that captures the screen of Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScreenElement {
    /// Windows.Graphics.Capture, or DXGI's duplication of a display.
    Direct3d,
    /// GDI, which is slower and works on every Windows.
    Gdi,
}

impl ScreenElement {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ScreenElement::Direct3d => "d3d11screencapturesrc",
            ScreenElement::Gdi => "gdiscreencapsrc",
        }
    }
}

impl Backend {
    /// Returns how long to wait for a source to open.
    pub(crate) fn open_wait(&self) -> Duration {
        match self {
            Backend::X11(_) => OPEN_WAIT,
            // One element after the other is tried.
            Backend::Windows(_) => 3 * OPEN_WAIT,
            // The portal has limits of its own, and reports which was reached.
            Backend::Portal | Backend::Scap => CONSENT_WAIT + 4 * OPEN_WAIT,
        }
    }
}

pub(crate) fn open(opening: &SourceRequest) -> Result<Box<dyn FrameSource>, CaptureError> {
    Ok(match &opening.backend {
        #[cfg(target_os = "linux")]
        Backend::X11(display) => {
            Box::new(x11::X11Source::open(display, &opening.wanted, opening.pointer)?)
        }
        #[cfg(target_os = "linux")]
        Backend::Portal => Box::new(portal::PortalSource::open(opening)?),
        #[cfg(not(target_os = "linux"))]
        Backend::X11(_) | Backend::Portal => {
            let reason = "this is not Linux".to_owned();
            return Err(CaptureError::Unsupported { reason });
        }
        #[cfg(windows)]
        Backend::Windows(element) => Box::new(windows::WindowsSource::open(opening, *element)?),
        #[cfg(not(windows))]
        Backend::Windows(_) => {
            let reason = "this is not Windows".to_owned();
            return Err(CaptureError::Unsupported { reason });
        }
        Backend::Scap => Box::new(scap::ScapSource::open(opening)?),
    })
}

/// Chooses how to capture: a named display, or what the environment says. Under Wayland there is an X11
/// display as well, but it shows only programs that still use X11; a recording of it would be black.
pub(crate) fn backend(display: Option<&str>) -> Result<Backend, CaptureError> {
    if let Some(name) = display {
        return Ok(Backend::X11(name.to_owned()));
    }
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let chosen = set(SOURCE_VARIABLE);
    if cfg!(windows) && chosen.as_deref() != Some("scap") {
        gstreamer::init()
            .map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })?;
        let is_registered =
            |element: ScreenElement| gstreamer::ElementFactory::find(element.name()).is_some();
        return windows_backend(chosen.as_deref(), is_registered);
    }
    if cfg!(not(target_os = "linux")) || chosen.as_deref() == Some("scap") {
        return if scap::helper::IS_BUILT { Ok(Backend::Scap) } else { Err(without_scap()) };
    }
    if let Some(other) = chosen {
        let reason = format!("{SOURCE_VARIABLE} is '{other}', and can only be 'scap'");
        return Err(CaptureError::Unsupported { reason });
    }
    if set("WAYLAND_DISPLAY").is_some() {
        return Ok(Backend::Portal);
    }
    set("DISPLAY").map(Backend::X11).ok_or_else(|| CaptureError::NoDisplay {
        reason: "neither WAYLAND_DISPLAY nor DISPLAY is set. Start Snaplark from a desktop session"
            .to_owned(),
    })
}

/// Chooses the element for Windows: the one of that name, or the first that GStreamer has.
fn windows_backend(
    chosen: Option<&str>,
    is_registered: impl Fn(ScreenElement) -> bool,
) -> Result<Backend, CaptureError> {
    let element = match chosen {
        Some("d3d11") => ScreenElement::Direct3d,
        Some("gdi") => ScreenElement::Gdi,
        Some(other) => {
            let reason =
                format!("{SOURCE_VARIABLE} is '{other}', and can only be 'd3d11', 'gdi' or 'scap'");
            return Err(CaptureError::Unsupported { reason });
        }
        None if is_registered(ScreenElement::Direct3d) => ScreenElement::Direct3d,
        None => ScreenElement::Gdi,
    };
    if is_registered(element) {
        return Ok(Backend::Windows(element));
    }
    Err(CaptureError::EncoderMissing {
        element: element.name().to_owned(),
        remedy: "Install Snaplark again: its folder lacks a part of GStreamer.".to_owned(),
    })
}

fn without_scap() -> CaptureError {
    let reason = format!("{SOURCE_VARIABLE} is 'scap', which this build of Snaplark is without");
    CaptureError::Unsupported { reason }
}

pub(crate) fn missing(reason: &str) -> CaptureError {
    CaptureError::SourceMissing { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_is_captured_by_direct3d_where_it_is_there() {
        use ScreenElement::{Direct3d, Gdi};
        let all = |_| true;
        let gdi_alone = |element| element == Gdi;
        assert_eq!(windows_backend(None, all), Ok(Backend::Windows(Direct3d)));
        assert_eq!(windows_backend(None, gdi_alone), Ok(Backend::Windows(Gdi)));
        assert_eq!(windows_backend(Some("gdi"), all), Ok(Backend::Windows(Gdi)));
        let kind = |chosen| windows_backend(chosen, gdi_alone).map_err(|error| error.kind());
        assert_eq!(kind(Some("d3d11")), Err("encoder-missing"));
        assert_eq!(kind(Some("x11")), Err("unsupported"));
    }

    #[test]
    fn screen_mapping_scales_positions_with_the_picture() {
        let corner = (100, 50);
        let mapping = ScreenMapping { corner, scaled: None };
        assert_eq!(mapping.in_picture((110, 70)), (10, 20));
        let into = picture::PixelRect { x: 0, y: 25, width: 200, height: 100 };
        let mapping = ScreenMapping { corner, scaled: Some(((400, 200), into)) };
        assert_eq!(mapping.in_picture((100, 50)), (0, 25));
        assert_eq!(mapping.in_picture((500, 250)), (200, 125));
        assert_eq!(mapping.in_picture((300, 150)), (100, 75));
    }
}
