//! Connects to a display and finds out what it can do and which monitors it has. Also translates the
//! server's errors for a recording.

use snaplark_core::capture::CaptureError;
use snaplark_core::still::Screen;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    self, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, ImageOrder,
};
use x11rb::rust_connection::RustConnection;

use super::pixels::SharedMemory;
use crate::source::missing;
use crate::source::picture::PixelRect;

/// The features of a display, for `probe`.
pub(crate) struct Abilities {
    pub size: (u32, u32),
    pub shared_memory: bool,
    pub composite: bool,
    pub pointer: bool,
}

pub(crate) fn probe(display: &str) -> Result<Abilities, CaptureError> {
    let (connection, screen) = connect(display)?;
    let screen = connection.setup().roots[screen].clone();
    check_format(&connection, &screen)?;
    Ok(Abilities {
        size: (u32::from(screen.width_in_pixels), u32::from(screen.height_in_pixels)),
        shared_memory: SharedMemory::new(&connection, 4096).is_some(),
        composite: has_composite(&connection),
        pointer: has_pointer_pictures(&connection),
    })
}

pub(super) fn connect(display: &str) -> Result<(RustConnection, usize), CaptureError> {
    if !has_a_port(display) {
        let reason = format!("'{display}' is not the name of a display");
        return Err(CaptureError::NoDisplay { reason });
    }
    RustConnection::connect(Some(display)).map_err(|error| CaptureError::NoDisplay {
        reason: match error {
            ConnectError::IoError(e) => format!("the display {display} does not answer ({e})"),
            ConnectError::SetupAuthenticate(_) | ConnectError::SetupFailed(_) => {
                format!("the display {display} does not let Snaplark in ({error})")
            }
            other => format!("the display {display} can't be opened ({other})"),
        },
    })
}

/// x11rb adds the display's number to X11's first port and panics if there is no such port.
fn has_a_port(display: &str) -> bool {
    const FIRST_PORT: u16 = 6_000;
    let after = display.rsplit_once(':').map_or("", |(_, after)| after);
    let number = after.split_once('.').map_or(after, |(number, _)| number);
    number.parse::<u16>().is_ok_and(|number| number <= u16::MAX - FIRST_PORT)
}

pub(super) fn gone(error: ConnectionError) -> CaptureError {
    CaptureError::NoDisplay { reason: format!("the display went away ({error})") }
}

/// Returns `None` if the server refused that one request, and an error if the server is gone.
pub(super) fn answered<T>(reply: Result<T, ReplyError>) -> Result<Option<T>, CaptureError> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(ReplyError::ConnectionError(error)) => Err(gone(error)),
    }
}

/// Checks for blue, green, red and an unused byte, in this order: the format of all real servers today.
pub(super) fn check_format(
    connection: &RustConnection,
    screen: &xproto::Screen,
) -> Result<(), CaptureError> {
    let setup = connection.setup();
    let packed = setup
        .pixmap_formats
        .iter()
        .any(|format| format.depth == screen.root_depth && format.bits_per_pixel == 32);
    let visual = screen
        .allowed_depths
        .iter()
        .flat_map(|depth| &depth.visuals)
        .find(|visual| visual.visual_id == screen.root_visual);
    let ordered = visual.is_some_and(|v| (v.red_mask, v.blue_mask) == (0xFF_0000, 0xFF));
    if packed && ordered && setup.image_byte_order == ImageOrder::LSB_FIRST {
        return Ok(());
    }
    Err(CaptureError::Unsupported {
        reason: format!("the display has {} bits a pixel in an unusual order", screen.root_depth),
    })
}

pub(super) fn monitor(
    connection: &RustConnection,
    screen: &xproto::Screen,
    index: Option<u32>,
    root: PixelRect,
) -> Result<PixelRect, CaptureError> {
    let monitors = monitors(connection, screen)?;
    let found = match index {
        None => monitors.iter().find(|screen| screen.is_first).or(monitors.first()),
        Some(index) => monitors.get(index as usize),
    };
    match (found, index) {
        (Some(screen), _) => {
            screen.at.common(root).ok_or_else(|| missing("that display is switched off"))
        }
        (None, None | Some(0)) => Ok(root),
        (None, Some(index)) => {
            let count = monitors.len().max(1);
            Err(missing(&format!(
                "there is no display {index}; displays are counted from 0, and there are {count}"
            )))
        }
    }
}

/// Lists the monitors. Empty if the server can't tell (RandR below 1.5).
pub(super) fn monitors(
    connection: &RustConnection,
    screen: &xproto::Screen,
) -> Result<Vec<Screen>, CaptureError> {
    if !has(connection, randr::X11_EXTENSION_NAME) {
        return Ok(Vec::new());
    }
    let reply = connection.randr_query_version(1, 5).map_err(gone)?.reply();
    if answered(reply)?.is_none_or(|v| (v.major_version, v.minor_version) < (1, 5)) {
        return Ok(Vec::new());
    }
    let reply = connection.randr_get_monitors(screen.root, true).map_err(gone)?.reply();
    let monitors = answered(reply)?.map(|reply| reply.monitors).unwrap_or_default();
    let mut screens = Vec::new();
    for monitor in monitors {
        let at = PixelRect {
            x: i32::from(monitor.x),
            y: i32::from(monitor.y),
            width: u32::from(monitor.width),
            height: u32::from(monitor.height),
        };
        // Mirrored displays, such as a projector, are listed once.
        if let Some(same) = screens.iter_mut().find(|screen: &&mut Screen| screen.at == at) {
            same.is_first |= monitor.primary;
            continue;
        }
        let reply = connection.get_atom_name(monitor.name).map_err(gone)?.reply();
        let name = answered(reply)?.map(|reply| String::from_utf8_lossy(&reply.name).into_owned());
        screens.push(Screen {
            name: name.unwrap_or_default(),
            at,
            is_first: monitor.primary,
            // X11 has no scale of its own; `still` finds out what the session has agreed on.
            scale: 1.0,
        });
    }
    Ok(screens)
}

pub(super) fn subscribe_to_changes(
    connection: &RustConnection,
    window: u32,
) -> Result<(), CaptureError> {
    let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
    let asked = connection.change_window_attributes(window, &events).map_err(gone)?;
    answered(asked.check()).map(drop)
}

pub(super) fn has(connection: &RustConnection, extension: &'static str) -> bool {
    matches!(connection.extension_information(extension), Ok(Some(_)))
}

pub(super) fn has_composite(connection: &RustConnection) -> bool {
    has(connection, composite::X11_EXTENSION_NAME)
        && connection.composite_query_version(0, 4).is_ok_and(|cookie| {
            cookie.reply().is_ok_and(|v| (v.major_version, v.minor_version) >= (0, 2))
        })
}

/// The server must be told a version before it returns pictures of the pointer.
pub(super) fn has_pointer_pictures(connection: &RustConnection) -> bool {
    has(connection, xfixes::X11_EXTENSION_NAME)
        && connection.xfixes_query_version(4, 0).is_ok_and(|cookie| cookie.reply().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_name_is_refused_when_it_has_no_valid_port() {
        for good in [":0", ":99.0", "host:10.0", "unix/path:1", ":59535"] {
            assert!(has_a_port(good), "{good}");
        }
        for bad in ["", ":", ":x", "host", ":59536", ":99999", ":-1"] {
            assert!(!has_a_port(bad), "{bad}");
        }
    }
}
