//! Lists the displays and windows of an X11 session, as the window manager reports them (EWMH).

use snaplark_core::capture::CaptureError;
use snaplark_core::still::{SourceList, WindowInfo};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, MapState, Window};
use x11rb::rust_connection::RustConnection;

use super::display::{answered, connect, gone};
use super::still::screens;
use crate::policy::SIDE_PX_MIN;
use crate::source::picture::PixelRect;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        UTF8_STRING,
        _GTK_FRAME_EXTENTS,
        _NET_ACTIVE_WINDOW,
        _NET_CLIENT_LIST_STACKING,
        _NET_CURRENT_DESKTOP,
        _NET_WM_DESKTOP,
        _NET_WM_NAME,
        _NET_WM_STATE,
        _NET_WM_STATE_HIDDEN,
        _NET_WM_WINDOW_TYPE,
        _NET_WM_WINDOW_TYPE_DESKTOP,
        _NET_WM_WINDOW_TYPE_DOCK,
        _NET_WM_WINDOW_TYPE_NOTIFICATION,
    }
}

/// The most units of four bytes that are requested of a property. No useful list or title is longer.
const PROPERTY_UNITS_MAX: u32 = 4_096;
/// The desktop number of a window that is on all virtual desktops.
const ALL_DESKTOPS: u32 = u32::MAX;

pub(crate) fn list_sources(display: &str) -> Result<SourceList, CaptureError> {
    let (connection, screen) = connect(display)?;
    let screen = connection.setup().roots[screen].clone();
    let screens = screens(&connection, &screen, display)?;
    let atoms = Atoms::new(&connection).map_err(gone)?.reply();
    let windows = match answered(atoms)? {
        Some(atoms) => {
            WindowQuery { connection: &connection, root: screen.root, atoms }.windows()?
        }
        None => Vec::new(),
    };
    Ok(SourceList { screens, windows })
}

/// Returns the focused window, if the window manager reports it.
pub(crate) fn active_window(display: &str) -> Result<Option<u64>, CaptureError> {
    let (connection, screen) = connect(display)?;
    let root = connection.setup().roots[screen].root;
    let atoms = Atoms::new(&connection).map_err(gone)?.reply();
    let Some(atoms) = answered(atoms)? else { return Ok(None) };
    let asked = WindowQuery { connection: &connection, root, atoms };
    let active = asked.numbers(root, atoms._NET_ACTIVE_WINDOW, AtomEnum::WINDOW)?;
    Ok(active.first().copied().filter(|id| *id != 0).map(u64::from))
}

/// The transparent margin around a window whose program draws its shadow itself.
pub(super) struct Shadow {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

impl Shadow {
    fn of(extents: &[u32]) -> Option<Self> {
        let [left, right, top, bottom] = *extents else { return None };
        Some(Shadow { left, right, top, bottom })
    }

    /// Returns the rectangle without its margin. `None` if nothing would be left.
    pub(super) fn cut_from(&self, whole: PixelRect) -> Option<PixelRect> {
        let width = whole.width.checked_sub(self.left)?.checked_sub(self.right)?;
        let height = whole.height.checked_sub(self.top)?.checked_sub(self.bottom)?;
        let (x, y) = (whole.x + self.left.cast_signed(), whole.y + self.top.cast_signed());
        (width > 0 && height > 0).then_some(PixelRect { x, y, width, height })
    }
}

/// Returns the margin of that window, if its program says so.
pub(super) fn shadow_of(
    connection: &RustConnection,
    window: Window,
) -> Result<Option<Shadow>, CaptureError> {
    let atoms = Atoms::new(connection).map_err(gone)?.reply();
    let Some(atoms) = answered(atoms)? else { return Ok(None) };
    let asked = WindowQuery { connection, root: window, atoms };
    let extents = asked.numbers(window, atoms._GTK_FRAME_EXTENTS, AtomEnum::CARDINAL)?;
    Ok(Shadow::of(&extents))
}

struct WindowQuery<'a> {
    connection: &'a RustConnection,
    root: Window,
    atoms: Atoms,
}

impl WindowQuery<'_> {
    fn windows(&self) -> Result<Vec<WindowInfo>, CaptureError> {
        let list = self.atoms._NET_CLIENT_LIST_STACKING;
        let mut stacked = self.numbers(self.root, list, AtomEnum::WINDOW)?;
        if stacked.is_empty() {
            // There is no window manager: take the root's children.
            let reply = self.connection.query_tree(self.root).map_err(gone)?.reply();
            stacked = answered(reply)?.map(|tree| tree.children).unwrap_or_default();
        }
        let current =
            self.numbers(self.root, self.atoms._NET_CURRENT_DESKTOP, AtomEnum::CARDINAL)?;
        let mut windows = Vec::new();
        for id in stacked.into_iter().rev() {
            windows.extend(self.window(id, current.first().copied())?);
        }
        Ok(windows)
    }

    /// Returns `None` if the window is invisible, or of a kind that nobody would record.
    fn window(&self, id: Window, desktop: Option<u32>) -> Result<Option<WindowInfo>, CaptureError> {
        let reply = self.connection.get_window_attributes(id).map_err(gone)?.reply();
        let is_shown = answered(reply)?
            .is_some_and(|it| it.map_state == MapState::VIEWABLE && !it.override_redirect);
        if !is_shown {
            return Ok(None);
        }
        let atoms = &self.atoms;
        let types = self.numbers(id, atoms._NET_WM_WINDOW_TYPE, AtomEnum::ATOM)?;
        let states = self.numbers(id, atoms._NET_WM_STATE, AtomEnum::ATOM)?;
        let on = self.numbers(id, atoms._NET_WM_DESKTOP, AtomEnum::CARDINAL)?;
        let is_furniture = [
            atoms._NET_WM_WINDOW_TYPE_DESKTOP,
            atoms._NET_WM_WINDOW_TYPE_DOCK,
            atoms._NET_WM_WINDOW_TYPE_NOTIFICATION,
        ]
        .iter()
        .any(|kind| types.contains(kind));
        let is_elsewhere = match (on.first(), desktop) {
            (Some(on), Some(current)) => *on != ALL_DESKTOPS && *on != current,
            (None, _) | (_, None) => false,
        };
        if is_furniture || is_elsewhere || states.contains(&atoms._NET_WM_STATE_HIDDEN) {
            return Ok(None);
        }
        let geometry = self.connection.get_geometry(id).map_err(gone)?;
        let corner = self.connection.translate_coordinates(id, self.root, 0, 0).map_err(gone)?;
        let (Some(geometry), Some(corner)) =
            (answered(geometry.reply())?, answered(corner.reply())?)
        else {
            return Ok(None);
        };
        let at = PixelRect {
            x: i32::from(corner.dst_x),
            y: i32::from(corner.dst_y),
            width: u32::from(geometry.width),
            height: u32::from(geometry.height),
        };
        if at.width.min(at.height) < SIDE_PX_MIN {
            return Ok(None);
        }
        let mut title = self.text(id, atoms._NET_WM_NAME, atoms.UTF8_STRING)?;
        if title.is_empty() {
            title = self.text(id, AtomEnum::WM_NAME.into(), AtomEnum::ANY.into())?;
        }
        // Instance and class, each terminated by a zero byte.
        let class = self.text(id, AtomEnum::WM_CLASS.into(), AtomEnum::STRING.into())?;
        let program = class.split('\0').nth(1).unwrap_or_default().to_owned();
        let shadow = Shadow::of(&self.numbers(id, atoms._GTK_FRAME_EXTENTS, AtomEnum::CARDINAL)?);
        let without_shadow = shadow.and_then(|shadow| shadow.cut_from(at)).unwrap_or(at);
        Ok(Some(WindowInfo { id: id.into(), title, program, at, without_shadow }))
    }

    fn numbers(
        &self,
        window: Window,
        property: Atom,
        kind: AtomEnum,
    ) -> Result<Vec<u32>, CaptureError> {
        let asked =
            self.connection.get_property(false, window, property, kind, 0, PROPERTY_UNITS_MAX);
        let reply = answered(asked.map_err(gone)?.reply())?;
        Ok(reply.and_then(|reply| Some(reply.value32()?.collect())).unwrap_or_default())
    }

    fn text(&self, window: Window, property: Atom, kind: Atom) -> Result<String, CaptureError> {
        let asked =
            self.connection.get_property(false, window, property, kind, 0, PROPERTY_UNITS_MAX);
        let reply = answered(asked.map_err(gone)?.reply())?;
        let bytes = reply.map(|reply| reply.value).unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
