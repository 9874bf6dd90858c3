//! Tells whether anything was drawn since the last grab, by the server's own account (DAMAGE), so that a still screen is
//! neither copied nor compared.

use snaplark_core::capture::CaptureError;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask};
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use super::display::{answered, gone, has};

/// Nothing: no region is repaired, and none is asked for.
const NONE: u32 = 0;

/// Watches everything that is drawn on the screen.
pub(super) struct ScreenDamage {
    id: u32,
    root: u32,
    /// True if the pointer is part of the picture. Drawing it is no damage.
    pointer: bool,
    pointer_at: (i16, i16),
    is_damaged: bool,
}

impl ScreenDamage {
    /// Begins watching. `None` if the server can't tell.
    pub(super) fn watch(connection: &RustConnection, root: u32, pointer: bool) -> Option<Self> {
        if !has(connection, damage::X11_EXTENSION_NAME) {
            return None;
        }
        // The server must be told which versions are spoken.
        connection.xfixes_query_version(4, 0).ok()?.reply().ok()?;
        connection.damage_query_version(1, 1).ok()?.reply().ok()?;
        let id = connection.generate_id().ok()?;
        connection.damage_create(id, root, ReportLevel::NON_EMPTY).ok()?.check().ok()?;
        if pointer {
            let shapes = CursorNotifyMask::DISPLAY_CURSOR;
            connection.xfixes_select_cursor_input(root, shapes).ok()?.check().ok()?;
        }
        Some(ScreenDamage { id, root, pointer, pointer_at: (0, 0), is_damaged: true })
    }

    /// Notes an event that changes the picture.
    pub(super) fn note(&mut self, event: &Event) {
        self.is_damaged |= matches!(
            event,
            Event::DamageNotify(_) | Event::XfixesCursorNotify(_) | Event::ConfigureNotify(_)
        );
    }

    /// Makes sure that all events of what was drawn until now can be read, and notes where the pointer is.
    pub(super) fn sync(&mut self, connection: &RustConnection) -> Result<(), CaptureError> {
        let reply = connection.query_pointer(self.root).map_err(gone)?.reply();
        if let Some(reply) = answered(reply)? {
            let pointer_at = (reply.root_x, reply.root_y);
            let moved = std::mem::replace(&mut self.pointer_at, pointer_at) != pointer_at;
            self.is_damaged |= moved && self.pointer;
        }
        Ok(())
    }

    /// Returns whether something was drawn, and waits for what is drawn from now on.
    pub(super) fn take(&mut self, connection: &RustConnection) -> Result<bool, CaptureError> {
        let is_damaged = std::mem::replace(&mut self.is_damaged, false);
        if is_damaged {
            let repaired = connection.damage_subtract(self.id, NONE, NONE).map_err(gone)?;
            repaired.ignore_error();
        }
        Ok(is_damaged)
    }
}
