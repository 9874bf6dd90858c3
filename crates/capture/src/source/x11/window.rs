//! One window as a source of pictures.
//!
//! Between two looks nothing is cached of the window except that Composite keeps its picture: its
//! pixmap is named again for each look. The server makes another pixmap whenever the window changes its
//! size or becomes visible again, and does not always report that: a window manager that hides a window
//! with its frame (i3's and sway's workspaces) sends the window itself no event, and the old pixmap
//! would show its last picture for ever.

use snaplark_core::capture::CaptureError;
use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, MapState};
use x11rb::rust_connection::RustConnection;

use super::display::{answered, gone, has_composite, subscribe_to_changes};
use crate::policy::SIDE_PX_MAX;
use crate::source::missing;
use crate::source::picture::PixelRect;

pub(super) struct WindowSource {
    id: u32,
    /// The id of the pixmap that Composite keeps of it. `None` if Composite is not available.
    pixmap: Option<u32>,
    is_named: bool,
}

/// Where the window's picture is now.
pub(super) struct WindowPicture {
    pub drawable: u32,
    /// The window without its border, in the drawable.
    pub rect: PixelRect,
    /// The window's corner on the root window.
    pub corner: (i32, i32),
}

impl WindowSource {
    pub(super) fn open(connection: &RustConnection, id: u64) -> Result<Self, CaptureError> {
        let not_there = || missing(&format!("there is no window {id:#x}"));
        let id = u32::try_from(id).map_err(|_| not_there())?;
        let reply = connection.get_window_attributes(id).map_err(gone)?.reply();
        let attributes = answered(reply)?.ok_or_else(not_there)?;
        if attributes.map_state != MapState::VIEWABLE {
            return Err(missing("the window is minimised or hidden"));
        }
        subscribe_to_changes(connection, id)?;
        let mut pixmap = None;
        if has_composite(connection) {
            let asked = connection.composite_redirect_window(id, composite::Redirect::AUTOMATIC);
            if answered(asked.map_err(gone)?.check())?.is_some() {
                pixmap = new_id(connection)?;
            }
        }
        Ok(WindowSource { id, pixmap, is_named: false })
    }

    /// Returns whether the picture of the last look is Composite's own, which is whole wherever the window is.
    pub(super) fn is_kept(&self) -> bool {
        self.pixmap.is_some()
    }

    /// Finds the window's current picture. `None` if the window can't be seen.
    pub(super) fn find(
        &mut self,
        connection: &RustConnection,
        root: u32,
    ) -> Result<Option<WindowPicture>, CaptureError> {
        while let Some(event) = connection.poll_for_event().map_err(gone)? {
            if matches!(event, Event::DestroyNotify(event) if event.window == self.id) {
                return Err(missing("the window was closed"));
            }
        }
        if let Some(pixmap) = self.pixmap {
            if self.is_named {
                connection.free_pixmap(pixmap).map_err(gone)?.ignore_error();
            }
            let named = connection.composite_name_window_pixmap(self.id, pixmap).map_err(gone)?;
            named.ignore_error();
        }
        // Sent together, so that there is one round trip.
        let pixmap = self.pixmap.map(|id| connection.get_geometry(id)).transpose().map_err(gone)?;
        let window = connection.get_geometry(self.id).map_err(gone)?;
        let corner = connection.translate_coordinates(self.id, root, 0, 0).map_err(gone)?;
        let pixmap = pixmap.map(|pixmap| answered(pixmap.reply())).transpose()?;
        self.is_named = matches!(pixmap, Some(Some(_)));
        let (Some(window), Some(corner)) = (answered(window.reply())?, answered(corner.reply())?)
        else {
            return Ok(None);
        };
        let inset = match pixmap {
            // Composite keeps no picture of an invisible window.
            Some(None) => return Ok(None),
            Some(Some(_)) => window.border_width,
            None => 0,
        };
        // The window may have changed its size between the replies: its pixmap has a size of its own.
        let size = pixmap.flatten().map_or((window.width, window.height), |pixmap| {
            let inner = |outer: u16| outer.saturating_sub(2 * inset);
            (inner(pixmap.width), inner(pixmap.height))
        });
        let side = |px: u16| u32::from(px).min(SIDE_PX_MAX);
        let (width, height) = (side(size.0), side(size.1));
        if width == 0 || height == 0 {
            return Ok(None);
        }
        Ok(Some(WindowPicture {
            drawable: self.pixmap.unwrap_or(self.id),
            rect: PixelRect { x: inset.into(), y: inset.into(), width, height },
            corner: (i32::from(corner.dst_x), i32::from(corner.dst_y)),
        }))
    }
}

fn new_id(connection: &RustConnection) -> Result<Option<u32>, CaptureError> {
    match connection.generate_id() {
        Ok(id) => Ok(Some(id)),
        Err(ReplyOrIdError::ConnectionError(error)) => Err(gone(error)),
        Err(ReplyOrIdError::IdsExhausted | ReplyOrIdError::X11Error(_)) => Ok(None),
    }
}
