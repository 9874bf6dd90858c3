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

use memmap2::MmapMut;
use snaplark_core::capture::{CaptureError, Source as Wanted};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _, GetCursorImageReply};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, ImageFormat, ImageOrder, MapState,
    Screen,
};
use x11rb::rust_connection::RustConnection;

use crate::policy::{SIDE_PX_MAX, SIDE_PX_MIN};

const BYTES_PER_PIXEL: usize = 4;
const ALL_PLANES: u32 = !0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rect {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
}

impl Rect {
    /// `None` where nothing is common to both.
    fn common(self, other: Rect) -> Option<Rect> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let end = |start: i32, length: u32| i64::from(start) + i64::from(length);
        let right = end(self.x, self.width).min(end(other.x, other.width));
        let bottom = end(self.y, self.height).min(end(other.y, other.height));
        let width = u32::try_from(right - i64::from(x)).ok()?;
        let height = u32::try_from(bottom - i64::from(y)).ok()?;
        (width > 0 && height > 0).then_some(Rect { x, y, width, height })
    }

    fn bytes(self) -> usize {
        self.width as usize * self.height as usize * BYTES_PER_PIXEL
    }
}

pub struct X11Source {
    connection: RustConnection,
    root: u32,
    target: Target,
    size: (u32, u32),
    shared: Option<Shared>,
    /// The picture where it did not come through shared memory, or not in full.
    own: Vec<u8>,
    pointer: bool,
}

enum Target {
    /// What is recorded of the root window, and the root window's size as it is now.
    Root {
        rect: Rect,
        root: Rect,
    },
    Window(Window),
}

struct Window {
    id: u32,
    /// Composite's picture of it; `None` where there is no Composite.
    pixmap: Option<u32>,
    border: u32,
    /// As it is now.
    width: u32,
    height: u32,
}

struct Shared {
    segment: u32,
    memory: MmapMut,
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
        let (connection, screen) = connect(display)?;
        let screen = connection.setup().roots[screen].clone();
        let root = Rect {
            x: 0,
            y: 0,
            width: u32::from(screen.width_in_pixels),
            height: u32::from(screen.height_in_pixels),
        };
        check_format(&connection, &screen)?;
        if !matches!(wanted, Wanted::Window(_)) {
            hear_of_changes(&connection, screen.root)?;
        }
        let target = match wanted {
            Wanted::Display(index) => {
                Target::Root { rect: display_rect(&connection, &screen, *index, root)?, root }
            }
            Wanted::Region { x, y, width, height } => {
                let region = Rect { x: *x, y: *y, width: *width, height: *height };
                let rect = region
                    .common(root)
                    .ok_or_else(|| missing("the region is not on the screen"))?;
                Target::Root { rect, root }
            }
            Wanted::Window(id) => Target::Window(open_window(&connection, *id)?),
        };
        let size = match &target {
            Target::Root { rect, .. } => (rect.width, rect.height),
            Target::Window(window) => (window.width, window.height),
        };
        if size.0.min(size.1) < SIDE_PX_MIN || size.0.max(size.1) > SIDE_PX_MAX {
            let (width, height) = size;
            return Err(missing(&format!(
                "{width} x {height} pixels can't be recorded, only {SIDE_PX_MIN} to {SIDE_PX_MAX} on each side"
            )));
        }
        let bytes = Rect { x: 0, y: 0, width: size.0, height: size.1 }.bytes();
        let shared = share(&connection, bytes);
        let pointer = pointer && has_pointer_pictures(&connection);
        Ok(X11Source {
            connection,
            root: screen.root,
            target,
            size,
            shared,
            own: vec![0; bytes],
            pointer,
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
            set_on_black(&mut self.own, self.size, picture, rect, view.at);
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
                follow(&self.connection, window)?;
                let reply = self.connection.translate_coordinates(window.id, self.root, 0, 0);
                let Some(corner) = answered(reply.map_err(gone)?.reply())? else { return Ok(None) };
                let border = window.border as i32;
                let (drawable, inset) = match window.pixmap {
                    Some(pixmap) => (pixmap, border),
                    None => (window.id, 0),
                };
                Ok(Some(View {
                    drawable,
                    rect: Rect {
                        x: inset,
                        y: inset,
                        width: window.width.min(self.size.0),
                        height: window.height.min(self.size.1),
                    },
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
            Target::Window(window) => name_pixmap(&self.connection, window),
        }
    }
}

impl super::Source for X11Source {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn look(&mut self) -> Result<Option<&[u8]>, CaptureError> {
        let Some(view) = self.view()? else { return Ok(None) };
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

/// What works on a display, for `probe`.
pub struct Abilities {
    pub size: (u32, u32),
    pub shared_memory: bool,
    pub composite: bool,
    pub pointer: bool,
}

pub fn probe(display: &str) -> Result<Abilities, CaptureError> {
    let (connection, screen) = connect(display)?;
    let screen = connection.setup().roots[screen].clone();
    check_format(&connection, &screen)?;
    Ok(Abilities {
        size: (u32::from(screen.width_in_pixels), u32::from(screen.height_in_pixels)),
        shared_memory: share(&connection, BYTES_PER_PIXEL).is_some(),
        composite: has_composite(&connection),
        pointer: has_pointer_pictures(&connection),
    })
}

fn connect(display: &str) -> Result<(RustConnection, usize), CaptureError> {
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

/// x11rb adds the display's number to X11's first port and panics where there is no such port.
fn has_a_port(display: &str) -> bool {
    const FIRST_PORT: u16 = 6_000;
    let after = display.rsplit_once(':').map_or("", |(_, after)| after);
    let number = after.split_once('.').map_or(after, |(number, _)| number);
    number.parse::<u16>().is_ok_and(|number| number <= u16::MAX - FIRST_PORT)
}

fn gone(error: ConnectionError) -> CaptureError {
    CaptureError::NoDisplay { reason: format!("the display went away ({error})") }
}

fn missing(reason: &str) -> CaptureError {
    CaptureError::SourceMissing { reason: reason.to_owned() }
}

/// `None` where the server said no to that one request; an error where it is gone.
fn answered<T>(reply: Result<T, ReplyError>) -> Result<Option<T>, CaptureError> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(ReplyError::ConnectionError(error)) => Err(gone(error)),
    }
}

/// Blue, green, red and an unused byte, in this order: all that real servers of today have.
fn check_format(connection: &RustConnection, screen: &Screen) -> Result<(), CaptureError> {
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

fn display_rect(
    connection: &RustConnection,
    screen: &Screen,
    index: Option<u32>,
    root: Rect,
) -> Result<Rect, CaptureError> {
    let monitors = monitors(connection, screen)?;
    let found = match index {
        None => monitors.iter().find(|(_, primary)| *primary).or(monitors.first()),
        Some(index) => monitors.get(index as usize),
    };
    match (found, index) {
        (Some((rect, _)), _) => {
            rect.common(root).ok_or_else(|| missing("that display is switched off"))
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

/// Each with whether it is the primary one. None where the server can't tell (RandR below 1.5).
fn monitors(
    connection: &RustConnection,
    screen: &Screen,
) -> Result<Vec<(Rect, bool)>, CaptureError> {
    if !has(connection, randr::X11_EXTENSION_NAME) {
        return Ok(Vec::new());
    }
    let reply = connection.randr_query_version(1, 5).map_err(gone)?.reply();
    if answered(reply)?.is_none_or(|v| (v.major_version, v.minor_version) < (1, 5)) {
        return Ok(Vec::new());
    }
    let reply = connection.randr_get_monitors(screen.root, true).map_err(gone)?.reply();
    let monitors = answered(reply)?.map(|reply| reply.monitors).unwrap_or_default();
    Ok(monitors
        .iter()
        .map(|m| {
            let rect = Rect {
                x: i32::from(m.x),
                y: i32::from(m.y),
                width: u32::from(m.width),
                height: u32::from(m.height),
            };
            (rect, m.primary)
        })
        .collect())
}

fn open_window(connection: &RustConnection, id: u64) -> Result<Window, CaptureError> {
    let not_there = || missing(&format!("there is no window {id:#x}"));
    let id = u32::try_from(id).map_err(|_| not_there())?;
    let reply = connection.get_window_attributes(id).map_err(gone)?.reply();
    let attributes = answered(reply)?.ok_or_else(not_there)?;
    if attributes.map_state != MapState::VIEWABLE {
        return Err(missing("the window is minimised or hidden"));
    }
    let geometry =
        answered(connection.get_geometry(id).map_err(gone)?.reply())?.ok_or_else(not_there)?;
    hear_of_changes(connection, id)?;
    let mut window = Window {
        id,
        pixmap: None,
        border: u32::from(geometry.border_width),
        width: u32::from(geometry.width),
        height: u32::from(geometry.height),
    };
    if has_composite(connection) {
        let redirected = connection.composite_redirect_window(id, composite::Redirect::AUTOMATIC);
        if answered(redirected.map_err(gone)?.check())?.is_some() {
            name_pixmap(connection, &mut window)?;
        }
    }
    Ok(window)
}

fn hear_of_changes(connection: &RustConnection, window: u32) -> Result<(), CaptureError> {
    let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
    let asked = connection.change_window_attributes(window, &events).map_err(gone)?;
    answered(asked.check()).map(drop)
}

/// Hears what happened to the window since the last picture.
fn follow(connection: &RustConnection, window: &mut Window) -> Result<(), CaptureError> {
    let mut renamed = false;
    while let Some(event) = connection.poll_for_event().map_err(gone)? {
        match event {
            Event::DestroyNotify(event) if event.window == window.id => {
                return Err(missing("the window was closed"));
            }
            Event::ConfigureNotify(event) if event.window == window.id => {
                let size = (u32::from(event.width), u32::from(event.height));
                renamed |= size != (window.width, window.height);
                (window.width, window.height) = size;
                window.border = u32::from(event.border_width);
            }
            Event::MapNotify(event) => renamed |= event.window == window.id,
            _ => {}
        }
    }
    if renamed { name_pixmap(connection, window) } else { Ok(()) }
}

/// A window gets a new pixmap whenever it is mapped or changes its size.
fn name_pixmap(connection: &RustConnection, window: &mut Window) -> Result<(), CaptureError> {
    if let Some(old) = window.pixmap.take() {
        connection.free_pixmap(old).map_err(gone)?.ignore_error();
    }
    let Some(pixmap) = new_id(connection)? else { return Ok(()) };
    let named = connection.composite_name_window_pixmap(window.id, pixmap).map_err(gone)?.check();
    // Refused while the window is not to be seen.
    window.pixmap = answered(named)?.map(|()| pixmap);
    Ok(())
}

fn new_id(connection: &RustConnection) -> Result<Option<u32>, CaptureError> {
    match connection.generate_id() {
        Ok(id) => Ok(Some(id)),
        Err(ReplyOrIdError::ConnectionError(error)) => Err(gone(error)),
        Err(ReplyOrIdError::IdsExhausted | ReplyOrIdError::X11Error(_)) => Ok(None),
    }
}

fn has(connection: &RustConnection, extension: &'static str) -> bool {
    matches!(connection.extension_information(extension), Ok(Some(_)))
}

fn has_composite(connection: &RustConnection) -> bool {
    has(connection, composite::X11_EXTENSION_NAME)
        && connection.composite_query_version(0, 4).is_ok_and(|cookie| {
            cookie.reply().is_ok_and(|v| (v.major_version, v.minor_version) >= (0, 2))
        })
}

/// The server wants to hear the version before it gives pictures of the pointer.
fn has_pointer_pictures(connection: &RustConnection) -> bool {
    has(connection, xfixes::X11_EXTENSION_NAME)
        && connection.xfixes_query_version(4, 0).is_ok_and(|cookie| cookie.reply().is_ok())
}

/// `None` where server and program do not share memory: the display is another machine's, or lives
/// in another container.
#[allow(unsafe_code)]
fn share(connection: &RustConnection, bytes: usize) -> Option<Shared> {
    if !has(connection, shm::X11_EXTENSION_NAME) {
        return None;
    }
    let version = connection.shm_query_version().ok()?.reply().ok()?;
    if (version.major_version, version.minor_version) < (1, 2) {
        return None;
    }
    let segment = connection.generate_id().ok()?;
    let size = u32::try_from(bytes).ok()?;
    let reply = connection.shm_create_segment(segment, size, false).ok()?.reply().ok()?;
    let file = std::fs::File::from(reply.shm_fd);
    if file.metadata().ok()?.len() < u64::from(size) {
        return None;
    }
    // SAFETY: the mapping lives as long as `Shared` and is as long as the file. The other side is
    // the X server, which writes between our request and its reply only; while it does so nothing
    // here reads, since the one thread that could waits for that reply. It does not cut the file.
    let memory = unsafe { memmap2::MmapOptions::new().len(bytes).map_mut(&file) }.ok()?;
    Some(Shared { segment, memory })
}

fn set_on_black(own: &mut [u8], size: (u32, u32), picture: &[u8], rect: Rect, at: (u32, u32)) {
    if (rect.width, rect.height) != size {
        own.fill(0);
    }
    let row_bytes = rect.width as usize * BYTES_PER_PIXEL;
    let stride = size.0 as usize * BYTES_PER_PIXEL;
    let start = at.1 as usize * stride + at.0 as usize * BYTES_PER_PIXEL;
    for (to, from) in own[start..].chunks_mut(stride).zip(picture.chunks_exact(row_bytes)) {
        to[..row_bytes].copy_from_slice(from);
    }
}

/// The pointer's pixels are ARGB, with the colours already multiplied by alpha.
fn draw_pointer(
    picture: &mut [u8],
    size: (u32, u32),
    pointer: &GetCursorImageReply,
    corner: (i32, i32),
) {
    let left = i32::from(pointer.x) - i32::from(pointer.xhot) - corner.0;
    let top = i32::from(pointer.y) - i32::from(pointer.yhot) - corner.1;
    let width = usize::from(pointer.width).max(1);
    for (row, pixels) in (top..).zip(pointer.cursor_image.chunks_exact(width)) {
        for (column, pixel) in (left..).zip(pixels) {
            if row < 0 || column < 0 || row as u32 >= size.1 || column as u32 >= size.0 {
                continue;
            }
            let [blue, green, red, alpha] = pixel.to_le_bytes();
            let at = (row as usize * size.0 as usize + column as usize) * BYTES_PER_PIXEL;
            for (under, over) in picture[at..at + 3].iter_mut().zip([blue, green, red]) {
                let through = u16::from(*under) * u16::from(255 - alpha) / 255;
                *under = over.saturating_add(through as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rectangles_have_in_common() {
        let screen = Rect { x: 0, y: 0, width: 100, height: 50 };
        let at = |x, y| Rect { x, y, width: 30, height: 30 }.common(screen);
        assert_eq!(at(10, 10), Some(Rect { x: 10, y: 10, width: 30, height: 30 }));
        assert_eq!(at(-10, 40), Some(Rect { x: 0, y: 40, width: 20, height: 10 }));
        assert_eq!(at(100, 0), None);
        assert_eq!(at(-30, 0), None);
        let endless = Rect { x: i32::MIN, y: 0, width: u32::MAX, height: u32::MAX };
        assert_eq!(endless.common(screen), Some(Rect { width: 100, ..screen }));
    }

    #[test]
    fn names_of_displays_are_checked() {
        for good in [":0", ":99.0", "host:10.0", "unix/path:1", ":59535"] {
            assert!(has_a_port(good), "{good}");
        }
        for bad in ["", ":", ":x", "host", ":59536", ":99999", ":-1"] {
            assert!(!has_a_port(bad), "{bad}");
        }
    }

    #[test]
    fn a_smaller_picture_stands_on_black() {
        let mut own = vec![9; 3 * 2 * BYTES_PER_PIXEL];
        let rect = Rect { x: 0, y: 0, width: 1, height: 1 };
        set_on_black(&mut own, (3, 2), &[1, 2, 3, 4], rect, (2, 1));
        assert_eq!(own[..20], [0; 20]);
        assert_eq!(own[20..], [1, 2, 3, 4]);
    }

    #[test]
    fn the_pointer_is_cut_at_the_edges() {
        let pointer = GetCursorImageReply {
            x: 0,
            y: 0,
            xhot: 1,
            yhot: 1,
            width: 2,
            height: 2,
            // Half see-through white at the lower right, which is the picture's first pixel.
            cursor_image: vec![0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0x8080_8080],
            ..GetCursorImageReply::default()
        };
        let mut picture = vec![100; 2 * 2 * BYTES_PER_PIXEL];
        draw_pointer(&mut picture, (2, 2), &pointer, (0, 0));
        assert_eq!(picture[..4], [177, 177, 177, 100]);
        assert!(picture[4..].iter().all(|byte| *byte == 100));
        draw_pointer(&mut picture, (2, 2), &pointer, (i32::from(i16::MAX), -9));
    }
}
