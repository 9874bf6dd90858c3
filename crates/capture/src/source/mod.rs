//! Where pictures come from. A source is opened and asked on the eye's thread alone, so it need not
//! be `Send`; one that gets its pictures pushed keeps the newest and gives that.

#[cfg(target_os = "linux")]
pub mod x11;

use snaplark_core::capture::{CaptureError, Source as Wanted};

pub trait Source {
    /// Width and height of every picture; they do not change.
    fn size(&self) -> (u32, u32);

    /// The picture as it is now: BGRx, four bytes a pixel, rows without padding. `None`: nothing
    /// newer than what was given last. An error ends the recording.
    fn look(&mut self) -> Result<Option<&[u8]>, CaptureError>;
}

/// What the eye needs to open its source, for the thread that it is opened on.
#[derive(Clone, Debug)]
pub struct Opening {
    /// An X11 display's name; `None` takes what the environment says.
    pub display: Option<String>,
    pub wanted: Wanted,
    pub pointer: bool,
}

#[cfg(target_os = "linux")]
pub fn open(opening: &Opening) -> Result<Box<dyn Source>, CaptureError> {
    let display = x11_display(opening.display.as_deref())?;
    Ok(Box::new(x11::X11Source::open(&display, &opening.wanted, opening.pointer)?))
}

#[cfg(not(target_os = "linux"))]
pub fn open(_: &Opening) -> Result<Box<dyn Source>, CaptureError> {
    Err(CaptureError::Unsupported {
        reason: "only X11 desktops are recorded by this version".to_owned(),
    })
}

/// The X11 display to record. Under Wayland there is one as well, but it shows only the programs
/// that still speak X11: recording it would give a black picture.
#[cfg(target_os = "linux")]
pub fn x11_display(given: Option<&str>) -> Result<String, CaptureError> {
    if let Some(name) = given {
        return Ok(name.to_owned());
    }
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if set("WAYLAND_DISPLAY").is_some() {
        return Err(CaptureError::Unsupported {
            reason: "Wayland sessions are not recorded by this version. Log in to an X11 session \
                     (often called “on Xorg”) to record"
                .to_owned(),
        });
    }
    set("DISPLAY").ok_or_else(|| CaptureError::NoDisplay {
        reason: "DISPLAY is not set. Start Snaplark from a desktop session".to_owned(),
    })
}
