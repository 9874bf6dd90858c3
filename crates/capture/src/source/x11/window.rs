//! One window as a source of pictures.

use snaplark_core::capture::CaptureError;
use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, MapState};
use x11rb::rust_connection::RustConnection;

use super::display::{answered, gone, has_composite, hear_of_changes};
use crate::source::missing;

pub struct Window {
    pub id: u32,
    /// As it is now.
    pub width: u32,
    pub height: u32,
    border: u32,
    /// Whether Composite keeps a picture of it.
    kept: bool,
    /// That picture. None while the window is not to be seen.
    pixmap: Option<u32>,
}

impl Window {
    pub fn open(connection: &RustConnection, id: u64) -> Result<Self, CaptureError> {
        let not_there = || missing(&format!("there is no window {id:#x}"));
        let id = u32::try_from(id).map_err(|_| not_there())?;
        let reply = connection.get_window_attributes(id).map_err(gone)?.reply();
        let attributes = answered(reply)?.ok_or_else(not_there)?;
        if attributes.map_state != MapState::VIEWABLE {
            return Err(missing("the window is minimised or hidden"));
        }
        let reply = connection.get_geometry(id).map_err(gone)?.reply();
        let geometry = answered(reply)?.ok_or_else(not_there)?;
        hear_of_changes(connection, id)?;
        let mut window = Window {
            id,
            width: u32::from(geometry.width),
            height: u32::from(geometry.height),
            border: u32::from(geometry.border_width),
            kept: false,
            pixmap: None,
        };
        if has_composite(connection) {
            let asked = connection.composite_redirect_window(id, composite::Redirect::AUTOMATIC);
            window.kept = answered(asked.map_err(gone)?.check())?.is_some();
            window.name_pixmap(connection)?;
        }
        Ok(window)
    }

    /// Where its picture is to be had, and how far from the corner of that it begins.
    pub fn drawable(&self) -> (u32, i32) {
        match self.pixmap {
            Some(pixmap) => (pixmap, self.border as i32),
            None => (self.id, 0),
        }
    }

    /// Hears what happened to it since the last picture.
    pub fn follow(&mut self, connection: &RustConnection) -> Result<(), CaptureError> {
        let mut another_pixmap = false;
        while let Some(event) = connection.poll_for_event().map_err(gone)? {
            match event {
                Event::DestroyNotify(event) if event.window == self.id => {
                    return Err(missing("the window was closed"));
                }
                Event::ConfigureNotify(event) if event.window == self.id => {
                    let size = (u32::from(event.width), u32::from(event.height));
                    another_pixmap |= size != (self.width, self.height);
                    (self.width, self.height) = size;
                    self.border = u32::from(event.border_width);
                }
                Event::MapNotify(event) => another_pixmap |= event.window == self.id,
                _ => {}
            }
        }
        if another_pixmap { self.name_pixmap(connection) } else { Ok(()) }
    }

    /// A window gets a new pixmap whenever it is mapped or changes its size.
    pub fn name_pixmap(&mut self, connection: &RustConnection) -> Result<(), CaptureError> {
        if !self.kept {
            return Ok(());
        }
        if let Some(old) = self.pixmap.take() {
            connection.free_pixmap(old).map_err(gone)?.ignore_error();
        }
        let Some(pixmap) = new_id(connection)? else { return Ok(()) };
        let named = connection.composite_name_window_pixmap(self.id, pixmap).map_err(gone)?;
        self.pixmap = answered(named.check())?.map(|()| pixmap);
        Ok(())
    }
}

fn new_id(connection: &RustConnection) -> Result<Option<u32>, CaptureError> {
    match connection.generate_id() {
        Ok(id) => Ok(Some(id)),
        Err(ReplyOrIdError::ConnectionError(error)) => Err(gone(error)),
        Err(ReplyOrIdError::IdsExhausted | ReplyOrIdError::X11Error(_)) => Ok(None),
    }
}
