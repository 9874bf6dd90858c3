//! Windows, theme and session on Linux, with GTK.

mod drag;
mod running;
mod session;
mod theme;
mod window;

pub use drag::{drag, drag_files};
pub use running::pass_to_running;
pub use session::{is_composited, is_wayland, prepare, show_failure};
pub use theme::{is_dark, show_theme};
pub use window::{build, cover, cut_to, make_notice, make_panel, place, set_visible, take_focus};
