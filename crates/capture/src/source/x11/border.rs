//! A border around an area of the screen, all of it outside of that area.
//!
//! It is one window, cut by the Shape extension to the four strips around the area. The server fills it
//! with its background, so nothing has to be drawn, and it disappears with its connection, however the
//! program ends. No window manager places it (override-redirect), clicks go through it, and parts
//! beyond the display's edges are cut off.

use snaplark_core::capture::CaptureError;
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::shape::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ClipOrdering, ConnectionExt as _, CreateWindowAux, PropMode, Rectangle, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::display::{connect, gone, has};
use crate::source::picture::PixelRect;

/// Compositors that draw window shadows read this property; a shadow would cover the area.
const NO_SHADOW: &[u8] = b"_COMPTON_SHADOW";
const NAME: &[u8] = b"Recorded area";

/// Shown until it is dropped.
pub(crate) struct Border {
    _connection: RustConnection,
}

impl Border {
    /// Shows the border. `colour` has red, green and blue in the lower three bytes.
    pub(crate) fn around(
        display: &str,
        area: PixelRect,
        thickness_px: u16,
        colour: u32,
    ) -> Result<Self, CaptureError> {
        let (connection, screen) = connect(display)?;
        let root = connection.setup().roots[screen].root;
        if !has(&connection, shape::X11_EXTENSION_NAME) {
            let reason = "the display can't shape windows".to_owned();
            return Err(CaptureError::Unsupported { reason });
        }
        show(&connection, root, area, thickness_px, colour).map_err(refused)?;
        Ok(Border { _connection: connection })
    }
}

fn show(
    connection: &RustConnection,
    root: u32,
    area: PixelRect,
    thickness_px: u16,
    colour: u32,
) -> Result<(), ReplyOrIdError> {
    let thick = i32::from(thickness_px);
    let side = |px: u32| u16::try_from(px + 2 * u32::from(thickness_px)).unwrap_or(u16::MAX);
    let place = |at: i32| (at - thick).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    let (width, height) = (side(area.width), side(area.height));
    let window = connection.generate_id()?;
    let look = CreateWindowAux::new().override_redirect(1).background_pixel(colour);
    connection
        .create_window(
            COPY_DEPTH_FROM_PARENT,
            window,
            root,
            place(area.x),
            place(area.y),
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            0,
            &look,
        )?
        .check()?;
    let thick = thick as i16;
    let strip = |x, y, width, height| Rectangle { x, y, width, height };
    let (right, bottom) = (width - thickness_px, height - thickness_px);
    let inner = height - 2 * thickness_px;
    let strips = [
        strip(0, 0, width, thickness_px),
        strip(0, bottom as i16, width, thickness_px),
        strip(0, thick, thickness_px, inner),
        strip(right as i16, thick, thickness_px, inner),
    ];
    for (kind, seen) in [(shape::SK::BOUNDING, &strips[..]), (shape::SK::INPUT, &[])] {
        let (set, any) = (shape::SO::SET, ClipOrdering::UNSORTED);
        connection.shape_rectangles(set, kind, any, window, 0, 0, seen)?.check()?;
    }
    let no_shadow = connection.intern_atom(false, NO_SHADOW)?.reply()?.atom;
    let number = AtomEnum::CARDINAL;
    connection.change_property32(PropMode::REPLACE, window, no_shadow, number, &[0])?;
    let (name, text) = (AtomEnum::WM_NAME, AtomEnum::STRING);
    connection.change_property8(PropMode::REPLACE, window, name, text, NAME)?;
    connection.map_window(window)?.check()?;
    Ok(())
}

fn refused(error: ReplyOrIdError) -> CaptureError {
    match error {
        ReplyOrIdError::ConnectionError(error) => gone(error),
        other => CaptureError::Unsupported { reason: other.to_string() },
    }
}
