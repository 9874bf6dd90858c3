//! Captures pictures on X11: of the root window, a part of it, or one window.
//!
//! This does not use ximagesrc, which works through Xlib. Xlib's error handlers belong to the whole
//! process and end it: a recorded window that is closed is a BadDrawable, a server that goes away an
//! I/O error; Xlib exits on either and GDK aborts. Here both are values. x11rb implements the protocol,
//! and the server writes the picture into shared memory (MIT-SHM). Where that is not available (a
//! display of another machine), the picture comes through the socket.
//!
//! A window is captured through Composite where available: its picture is then whole even if other
//! windows cover it. A window that grows or shrinks is scaled into the recording's size, which does not
//! change (`fit`); a display that becomes smaller is placed on black. An area may lie on several displays, and what lies
//! between them is black.

mod border;
mod damage;
mod desktop;
mod display;
mod gaps;
mod pixels;
mod still;
mod window;

use snaplark_core::capture::{CaptureError, Source as Wanted};
use snaplark_core::still::Screen;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xfixes::{ConnectionExt as _, GetCursorImageReply};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

pub(crate) use border::Border;
pub(crate) use desktop::{active_window, list_sources};
pub(crate) use display::probe;
pub(crate) use still::take;

use self::damage::ScreenDamage;
use self::display::{answered, gone};
use self::gaps::Gaps;
use self::pixels::{SharedMemory, draw_pointer};
use self::window::{WindowPicture, WindowSource};
use super::fit::Fit;
use super::picture::{BYTES_PER_PIXEL, PixelRect, check_size, set_on_black};
use super::{ScreenMapping, missing};

const ALL_PLANES: u32 = !0;

pub(crate) struct X11Source {
    connection: RustConnection,
    root: u32,
    target: X11Target,
    size: (u32, u32),
    shared: Option<SharedMemory>,
    /// The picture, if it did not come through shared memory, or does not have the recording's size.
    own: Vec<u8>,
    fit: Fit,
    pointer: bool,
    mapping: ScreenMapping,
    /// Only of the root window: what is drawn in a window alone isn't worth its own account.
    damage: Option<ScreenDamage>,
}

enum X11Target {
    /// The recorded part of the root window, the root window's current size, and what no display showed of that part when
    /// the recording began.
    Root {
        rect: PixelRect,
        root: PixelRect,
        gaps: Gaps,
    },
    Window(WindowSource),
}

/// The part of a drawable to request.
struct DrawableArea {
    drawable: u32,
    rect: PixelRect,
    /// The position of `rect` on the root window.
    corner: (i32, i32),
}

struct FetchedPicture {
    /// The pixels, if they came through the socket. Otherwise they are in shared memory.
    through_socket: Option<Vec<u8>>,
    pointer: Option<GetCursorImageReply>,
}

impl X11Source {
    pub(crate) fn open(
        display: &str,
        wanted: &Wanted,
        pointer: bool,
    ) -> Result<Self, CaptureError> {
        let (connection, screen) = display::connect(display)?;
        let screen = connection.setup().roots[screen].clone();
        let root = PixelRect {
            x: 0,
            y: 0,
            width: u32::from(screen.width_in_pixels),
            height: u32::from(screen.height_in_pixels),
        };
        display::check_format(&connection, &screen)?;
        if !matches!(wanted, Wanted::Window(_)) {
            display::subscribe_to_changes(&connection, screen.root)?;
        }
        let target = match wanted {
            Wanted::Display(index) => {
                let rect = display::monitor(&connection, &screen, *index, root)?;
                X11Target::Root { rect, root, gaps: Gaps::default() }
            }
            Wanted::Region { x, y, width, height } => {
                let region = PixelRect { x: *x, y: *y, width: *width, height: *height };
                let rect = region
                    .common(root)
                    .ok_or_else(|| missing("the region is not on the screen"))?;
                let screens = display::monitors(&connection, &screen)?;
                let is_shown = |screen: &Screen| screen.at.common(rect).is_some();
                if !screens.is_empty() && !screens.iter().any(is_shown) {
                    return Err(missing("the region is not on any display"));
                }
                X11Target::Root { rect, root, gaps: Gaps::of(rect, &screens) }
            }
            Wanted::Window(id) => X11Target::Window(WindowSource::open(&connection, *id)?),
        };
        let pointer = pointer && display::has_pointer_pictures(&connection);
        let damage = match &target {
            X11Target::Root { .. } => ScreenDamage::watch(&connection, screen.root, pointer),
            X11Target::Window(_) => None,
        };
        let mut source = X11Source {
            pointer,
            damage,
            connection,
            root: screen.root,
            target,
            size: (0, 0),
            shared: None,
            own: Vec::new(),
            fit: Fit::new((0, 0)),
            mapping: ScreenMapping::default(),
        };
        source.size = match &source.target {
            X11Target::Root { rect, .. } => (rect.width, rect.height),
            X11Target::Window(_) => {
                let seen = source
                    .visible_area()?
                    .ok_or_else(|| missing("nothing can be seen of it now"))?;
                (seen.rect.width, seen.rect.height)
            }
        };
        check_size(source.size)?;
        let (width, height) = source.size;
        source.own = vec![0; PixelRect { x: 0, y: 0, width, height }.bytes()];
        source.shared = SharedMemory::new(&source.connection, source.own.len());
        source.fit = Fit::new(source.size);
        Ok(source)
    }

    /// Requests picture and pointer together, so that they are of the same moment and cost one round
    /// trip. `None` if the drawable has no picture now.
    fn fetch(&mut self, area: &DrawableArea) -> Result<Option<FetchedPicture>, CaptureError> {
        let connection = &self.connection;
        let rect = area.rect;
        if self.shared.as_ref().is_some_and(|shared| shared.memory.len() < rect.bytes()) {
            // The window grew.
            if let Some(small) = self.shared.take() {
                small.leave(connection).map_err(gone)?;
            }
            self.shared = SharedMemory::new(connection, rect.bytes());
        }
        let (x, y) = (rect.x as i16, rect.y as i16);
        let (width, height) = (rect.width as u16, rect.height as u16);
        let (drawable, format) = (area.drawable, ImageFormat::Z_PIXMAP);

        let pointer = match self.pointer {
            true => Some(connection.xfixes_get_cursor_image().map_err(gone)?),
            false => None,
        };
        let mut through_socket = None;
        let is_there = if let Some(SharedMemory { segment, .. }) = &self.shared {
            let format = format.into();
            let reply = connection
                .shm_get_image(drawable, x, y, width, height, ALL_PLANES, format, *segment, 0)
                .map_err(gone)?
                .reply();
            answered(reply)?.is_some()
        } else {
            let reply = connection
                .get_image(format, drawable, x, y, width, height, ALL_PLANES)
                .map_err(gone)?
                .reply();
            let data = answered(reply)?.map(|reply| reply.data);
            through_socket = data.filter(|data| data.len() >= rect.bytes());
            through_socket.is_some()
        };
        let pointer = match pointer {
            Some(pointer) => answered(pointer.reply())?,
            None => None,
        };
        Ok(is_there.then_some(FetchedPicture { through_socket, pointer }))
    }

    /// Returns what to request now. `None` if nothing is visible.
    fn visible_area(&mut self) -> Result<Option<DrawableArea>, CaptureError> {
        if matches!(self.target, X11Target::Root { .. }) {
            self.read_events()?;
        }
        match &mut self.target {
            X11Target::Root { rect, root, .. } => {
                let drawable = self.root;
                let seen = rect.common(*root);
                Ok(seen.map(|rect| DrawableArea { drawable, rect, corner: (rect.x, rect.y) }))
            }
            X11Target::Window(window) => {
                let seen = window.find(&self.connection, self.root)?;
                let area = |WindowPicture { drawable, rect, corner }| DrawableArea {
                    drawable,
                    rect,
                    corner,
                };
                Ok(seen.map(area))
            }
        }
    }

    /// Reads the events of the root window that have arrived.
    fn read_events(&mut self) -> Result<(), CaptureError> {
        while let Some(event) = self.connection.poll_for_event().map_err(gone)? {
            if let Some(damage) = &mut self.damage {
                damage.note(&event);
            }
            if let (Event::ConfigureNotify(event), X11Target::Root { root, .. }) =
                (event, &mut self.target)
            {
                root.width = u32::from(event.width);
                root.height = u32::from(event.height);
            }
        }
        Ok(())
    }

    /// Asks for the root window's size after a request was refused: it changed, and the event has not
    /// arrived yet.
    fn update_root_size(&mut self) -> Result<(), CaptureError> {
        if let X11Target::Root { root, .. } = &mut self.target {
            let reply = self.connection.get_geometry(self.root).map_err(gone)?.reply();
            if let Some(geometry) = answered(reply)? {
                root.width = u32::from(geometry.width);
                root.height = u32::from(geometry.height);
            }
        }
        Ok(())
    }
}

impl super::FrameSource for X11Source {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn mapping(&self) -> ScreenMapping {
        self.mapping
    }

    fn is_unchanged(&mut self) -> Result<bool, CaptureError> {
        let Some(damage) = &mut self.damage else { return Ok(false) };
        damage.sync(&self.connection)?;
        self.read_events()?;
        let Some(damage) = &mut self.damage else { return Ok(false) };
        Ok(!damage.take(&self.connection)?)
    }

    fn distrust(&mut self) {
        self.damage = None;
    }

    fn grab(&mut self) -> Result<Option<&[u8]>, CaptureError> {
        let Some(area) = self.visible_area()? else { return Ok(None) };
        let Some(mut fetched) = self.fetch(&area)? else {
            self.update_root_size()?;
            return Ok(None);
        };
        let DrawableArea { rect, corner, .. } = area;
        let from = (rect.width, rect.height);
        let is_shared = fetched.through_socket.is_none();
        let picture = match (&mut fetched.through_socket, &mut self.shared) {
            (Some(data), _) => &mut data[..rect.bytes()],
            (None, Some(shared)) => &mut shared.memory[..rect.bytes()],
            (None, None) => return Ok(None),
        };
        if let X11Target::Root { gaps, .. } = &self.target
            && from == self.size
        {
            gaps.blacken(picture);
        }
        if let Some(pointer) = &fetched.pointer {
            draw_pointer(picture, from, pointer, corner);
        }
        let stride_bytes = rect.width as usize * BYTES_PER_PIXEL;
        self.mapping = ScreenMapping { corner, scaled: None };
        match &self.target {
            _ if from == self.size && is_shared => {
                let bytes = rect.bytes();
                return Ok(self.shared.as_ref().map(|shared| &shared.memory[..bytes]));
            }
            _ if from == self.size => self.own.copy_from_slice(picture),
            X11Target::Root { rect: wanted, .. } => {
                let at = ((rect.x - wanted.x) as u32, (rect.y - wanted.y) as u32);
                set_on_black(&mut self.own, self.size, picture, stride_bytes, rect, at);
                self.mapping.corner = (wanted.x, wanted.y);
            }
            X11Target::Window(_) => {
                let into = self.fit.scale(&mut self.own, picture, stride_bytes, from)?;
                self.mapping.scaled = Some((from, into));
            }
        }
        Ok(Some(&self.own))
    }
}
