//! Windows, theme and session on Linux, with GTK.

mod drag;
mod session;
mod theme;
mod window;

pub use drag::{drag, drag_files};
pub use session::{is_composited, is_wayland, prepare};
pub use theme::{is_dark, show_theme};
pub use window::{build, cover, cut_to, make_notice, make_panel, place, set_visible, take_focus};
