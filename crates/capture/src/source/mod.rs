//! The sources of pictures. A source is opened and used on the frame grabber's thread only, so it need
//! not be `Send`. A source that receives pushed pictures keeps the newest and returns that.

mod fit;
pub mod picture;
#[cfg(target_os = "linux")]
pub mod portal;
pub mod scap;
#[cfg(target_os = "linux")]
pub mod x11;

use std::time::Duration;

use snaplark_core::capture::{Abandoned, CaptureError, Permission, Source as Wanted};

use crate::policy::{ASKED_WAIT, OPEN_WAIT};

/// The environment variable that selects another way to capture on Linux: `scap`. Tests use it.
const SOURCE_VARIABLE: &str = "SNAPLARK_SOURCE";

pub trait Source {
    /// Returns the width and height of every picture; they do not change.
    fn size(&self) -> (u32, u32);

    /// Returns the current picture: BGRx, four bytes a pixel, rows without padding. `None` if it can't
    /// be seen now. An error ends the recording.
    fn look(&mut self) -> Result<Option<&[u8]>, CaptureError>;

    /// Returns where on the screen the picture of the last look was.
    fn place(&self) -> Place {
        Place::default()
    }

    /// Returns the token with which the next recording opens the source without asking.
    fn permission(&self) -> Option<Permission> {
        None
    }
}

/// Maps screen positions, as clicks report them, to positions in the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The screen position of the picture's corner.
    pub corner: (i32, i32),
    /// The size of the captured area and where it is in the picture, if it was scaled.
    pub scaled: Option<((u32, u32), picture::Rect)>,
}

impl Place {
    pub fn in_picture(&self, (x, y): (i32, i32)) -> (i32, i32) {
        let (x, y) = (x - self.corner.0, y - self.corner.1);
        let Some((from, into)) = self.scaled else { return (x, y) };
        let scale = |at: i32, into: u32, from: u32| {
            (i64::from(at) * i64::from(into) / i64::from(from.max(1))) as i32
        };
        (into.x + scale(x, into.width, from.0), into.y + scale(y, into.height, from.1))
    }
}

/// What the frame grabber's thread needs to open its source.
#[derive(Clone, Debug)]
pub struct Opening {
    pub way: Way,
    pub wanted: Wanted,
    pub fps: u32,
    pub pointer: bool,
    pub permission: Option<Permission>,
    pub abandoned: Abandoned,
}

/// A way to capture pictures on this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The X11 display with that name.
    X11(String),
    /// The desktop's portal, which asks the person, and PipeWire.
    Portal,
    /// The crate scap, in a helper process, for the systems that it supports.
    Scap,
}

impl Way {
    /// Returns how long to wait for a source to open.
    pub fn open_wait(&self) -> Duration {
        match self {
            Way::X11(_) => OPEN_WAIT,
            // The portal has limits of its own, and reports which was reached.
            Way::Portal | Way::Scap => ASKED_WAIT + 4 * OPEN_WAIT,
        }
    }
}

pub fn open(opening: &Opening) -> Result<Box<dyn Source>, CaptureError> {
    Ok(match &opening.way {
        #[cfg(target_os = "linux")]
        Way::X11(display) => {
            Box::new(x11::X11Source::open(display, &opening.wanted, opening.pointer)?)
        }
        #[cfg(target_os = "linux")]
        Way::Portal => Box::new(portal::PortalSource::open(opening)?),
        #[cfg(not(target_os = "linux"))]
        Way::X11(_) | Way::Portal => {
            let reason = "this is not Linux".to_owned();
            return Err(CaptureError::Unsupported { reason });
        }
        Way::Scap => Box::new(scap::ScapSource::open(opening)?),
    })
}

/// Chooses how to capture: a named display, or what the environment says. Under Wayland there is an X11
/// display as well, but it shows only programs that still use X11; a recording of it would be black.
pub fn way(display: Option<&str>) -> Result<Way, CaptureError> {
    if let Some(name) = display {
        return Ok(Way::X11(name.to_owned()));
    }
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let chosen = set(SOURCE_VARIABLE);
    if cfg!(not(target_os = "linux")) || chosen.as_deref() == Some("scap") {
        return if scap::part::IS_BUILT { Ok(Way::Scap) } else { Err(without_scap()) };
    }
    if let Some(other) = chosen {
        let reason = format!("{SOURCE_VARIABLE} is '{other}', and can only be 'scap'");
        return Err(CaptureError::Unsupported { reason });
    }
    if set("WAYLAND_DISPLAY").is_some() {
        return Ok(Way::Portal);
    }
    set("DISPLAY").map(Way::X11).ok_or_else(|| CaptureError::NoDisplay {
        reason: "neither WAYLAND_DISPLAY nor DISPLAY is set. Start Snaplark from a desktop session"
            .to_owned(),
    })
}

fn without_scap() -> CaptureError {
    let reason = format!("{SOURCE_VARIABLE} is 'scap', which this build of Snaplark is without");
    CaptureError::Unsupported { reason }
}

pub fn missing(reason: &str) -> CaptureError {
    CaptureError::SourceMissing { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_is_where_it_was_in_a_scaled_picture() {
        let corner = (100, 50);
        let place = Place { corner, scaled: None };
        assert_eq!(place.in_picture((110, 70)), (10, 20));
        let into = picture::Rect { x: 0, y: 25, width: 200, height: 100 };
        let place = Place { corner, scaled: Some(((400, 200), into)) };
        assert_eq!(place.in_picture((100, 50)), (0, 25));
        assert_eq!(place.in_picture((500, 250)), (200, 125));
        assert_eq!(place.in_picture((300, 150)), (100, 75));
    }
}
