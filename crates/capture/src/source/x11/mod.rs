//! X11 pictures: of the root window, a part of it, or one window.
//!
//! Why not ximagesrc: it speaks through Xlib, whose error handlers belong to the whole process and
//! end it. A recorded window that is closed is a BadDrawable, a server that goes away an I/O error;
//! Xlib exits on either and GDK aborts. Here both are values. x11rb speaks the protocol, the server
//! writes the picture into memory that is shared with it (MIT-SHM), and where that is not to be had
//! (a display of another machine) the picture comes through the socket.
//!
//! A window is asked for through Composite where that is there: its picture is whole then even if
//! others lie upon it. A window that grows or shrinks is cut or set on black: the size of a
//! recording does not change.

mod desktop;
mod display;
mod pixels;
mod window;

use snaplark_core::capture::{CaptureError, Source as Wanted};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xfixes::{ConnectionExt as _, GetCursorImageReply};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

pub use desktop::{active_window, surroundings};
pub use display::probe;

use self::display::{answered, gone};
use self::pixels::{Shared, draw_pointer};
use self::window::Window;
use super::missing;
use super::picture::{BYTES_PER_PIXEL, Rect, check_size, set_on_black};

const ALL_PLANES: u32 = !0;

pub struct X11Source {
    connection: RustConnection,
    root: u32,
    target: Target,
    size: (u32, u32),
    shared: Option<Shared>,
    /// The picture where it did not come through shared memory, or not in full.
    own: Vec<u8>,
    pointer: bool,
    /// The picture's, on the root window.
    corner: (i32, i32),
}

enum Target {
    /// What is recorded of the root window, and the root window's size as it is now.
    Root {
        rect: Rect,
        root: Rect,
    },
    Window(Window),
}

/// What of the drawable is asked for, and where it lies in the picture.
struct View {
    drawable: u32,
    rect: Rect,
    at: (u32, u32),
    /// The picture's corner on the root window, for the pointer.
    corner: (i32, i32),
}

struct Fetched {
    /// Else it is in `own`.
    in_shared: bool,
    pointer: Option<GetCursorImageReply>,
}

impl X11Source {
    pub fn open(display: &str, wanted: &Wanted, pointer: bool) -> Result<Self, CaptureError> {
        let (connection, screen) = display::connect(display)?;
        let screen = connection.setup().roots[screen].clone();
        let root = Rect {
            x: 0,
            y: 0,
            width: u32::from(screen.width_in_pixels),
            height: u32::from(screen.height_in_pixels),
        };
        display::check_format(&connection, &screen)?;
        if !matches!(wanted, Wanted::Window(_)) {
            display::hear_of_changes(&connection, screen.root)?;
        }
        let target = match wanted {
            Wanted::Display(index) => {
                let rect = display::monitor(&connection, &screen, *index, root)?;
                Target::Root { rect, root }
            }
            Wanted::Region { x, y, width, height } => {
                let region = Rect { x: *x, y: *y, width: *width, height: *height };
                let rect = region
                    .common(root)
                    .ok_or_else(|| missing("the region is not on the screen"))?;
                Target::Root { rect, root }
            }
            Wanted::Window(id) => Target::Window(Window::open(&connection, *id)?),
        };
        let size = match &target {
            Target::Root { rect, .. } => (rect.width, rect.height),
            Target::Window(window) => (window.width, window.height),
        };
        check_size(size)?;
        let bytes = Rect { x: 0, y: 0, width: size.0, height: size.1 }.bytes();
        let shared = Shared::new(&connection, bytes);
        let pointer = pointer && display::has_pointer_pictures(&connection);
        Ok(X11Source {
            connection,
            root: screen.root,
            target,
            size,
            shared,
            own: vec![0; bytes],
            pointer,
            corner: (0, 0),
        })
    }

    /// Picture and pointer are asked for together: they are of one moment, and the server's answer
    /// is waited for once. `None`: the drawable has no picture now.
    fn fetch(&mut self, view: &View) -> Result<Option<Fetched>, CaptureError> {
        let connection = &self.connection;
        let rect = view.rect;
        let whole = view.at == (0, 0) && (rect.width, rect.height) == self.size;
        let (x, y) = (rect.x as i16, rect.y as i16);
        let (width, height) = (rect.width as u16, rect.height as u16);
        let (drawable, format) = (view.drawable, ImageFormat::Z_PIXMAP);

        let pointer = match self.pointer {
            true => Some(connection.xfixes_get_cursor_image().map_err(gone)?),
            false => None,
        };
        let through_socket;
        let picture = if let Some(Shared { segment, memory }) = &self.shared {
            let format = format.into();
            let reply = connection
                .shm_get_image(drawable, x, y, width, height, ALL_PLANES, format, *segment, 0)
                .map_err(gone)?
                .reply();
            answered(reply)?.map(|_| &memory[..rect.bytes()])
        } else {
            let reply = connection
                .get_image(format, drawable, x, y, width, height, ALL_PLANES)
                .map_err(gone)?
                .reply();
            through_socket = answered(reply)?;
            through_socket.as_ref().and_then(|reply| reply.data.get(..rect.bytes()))
        };
        let pointer = match pointer {
            Some(pointer) => answered(pointer.reply())?,
            None => None,
        };
        let Some(picture) = picture else { return Ok(None) };
        let in_shared = whole && self.shared.is_some();
        if !in_shared {
            let stride_bytes = rect.width as usize * BYTES_PER_PIXEL;
            set_on_black(&mut self.own, self.size, picture, stride_bytes, rect, view.at);
        }
        Ok(Some(Fetched { in_shared, pointer }))
    }

    /// What to ask for now. `None`: nothing is to be seen.
    fn view(&mut self) -> Result<Option<View>, CaptureError> {
        match &mut self.target {
            Target::Root { rect, root } => {
                while let Some(event) = self.connection.poll_for_event().map_err(gone)? {
                    if let Event::ConfigureNotify(event) = event {
                        root.width = u32::from(event.width);
                        root.height = u32::from(event.height);
                    }
                }
                Ok(rect.common(*root).map(|seen| View {
                    drawable: self.root,
                    rect: seen,
                    at: ((seen.x - rect.x) as u32, (seen.y - rect.y) as u32),
                    corner: (rect.x, rect.y),
                }))
            }
            Target::Window(window) => {
                window.follow(&self.connection)?;
                let reply = self.connection.translate_coordinates(window.id, self.root, 0, 0);
                let Some(corner) = answered(reply.map_err(gone)?.reply())? else { return Ok(None) };
                let (drawable, inset) = window.drawable();
                let width = window.width.min(self.size.0);
                let height = window.height.min(self.size.1);
                Ok(Some(View {
                    drawable,
                    rect: Rect { x: inset, y: inset, width, height },
                    at: (0, 0),
                    corner: (i32::from(corner.dst_x), i32::from(corner.dst_y)),
                }))
            }
        }
    }

    /// The drawable refused, before the news of its change was here.
    fn look_again(&mut self) -> Result<(), CaptureError> {
        match &mut self.target {
            Target::Root { root, .. } => {
                let reply = self.connection.get_geometry(self.root).map_err(gone)?.reply();
                if let Some(geometry) = answered(reply)? {
                    root.width = u32::from(geometry.width);
                    root.height = u32::from(geometry.height);
                }
                Ok(())
            }
            Target::Window(window) => window.name_pixmap(&self.connection),
        }
    }
}

impl super::Source for X11Source {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn corner(&self) -> (i32, i32) {
        self.corner
    }

    fn look(&mut self) -> Result<Option<&[u8]>, CaptureError> {
        let Some(view) = self.view()? else { return Ok(None) };
        self.corner = view.corner;
        let Some(Fetched { in_shared, pointer }) = self.fetch(&view)? else {
            self.look_again()?;
            return Ok(None);
        };
        let picture = match &mut self.shared {
            Some(shared) if in_shared => &mut shared.memory[..self.own.len()],
            _ => &mut self.own[..],
        };
        if let Some(pointer) = pointer {
            draw_pointer(picture, self.size, &pointer, view.corner);
        }
        Ok(Some(picture))
    }
}
