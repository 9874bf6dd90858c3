//! The session that the program starts in: WebKit's renderer, GTK, compositor, Wayland.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

const NO_DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

pub fn prepare() -> anyhow::Result<()> {
    if std::env::var_os(NO_DMABUF).is_none() && dmabuf_is_bad() {
        // The environment of a running program can't be changed safely, so it starts again with the
        // variable.
        let program = std::env::current_exe().context("Snaplark can't find its own program")?;
        let error =
            Command::new(program).args(std::env::args_os().skip(1)).env(NO_DMABUF, "1").exec();
        return Err(error).context("Snaplark can't start itself again");
    }
    // Toasts, bar and menu need positions, which Wayland gives no window, but X11 (XWayland) does.
    gtk::gdk::set_allowed_backends("x11,*");
    if gtk::init().is_err() {
        bail!(
            "There is no display to show a window on. Start Snaplark in a desktop session, or \
             record without one: snaplark record"
        );
    }
    Ok(())
}

/// Returns whether WebKitGTK's DMA-BUF renderer should be off. With NVIDIA's own driver it draws black
/// windows. Without a GPU it works, but costs 80 MB and twice the time of painting without it.
fn dmabuf_is_bad() -> bool {
    let no_gpu = std::fs::read_dir("/dev/dri").map_or(true, |entries| {
        !entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
    });
    no_gpu || Path::new("/proc/driver/nvidia/version").exists()
}

/// Does nothing: the desktop's own log has standard error.
pub fn show_failure(_reason: &str) {}

pub fn is_composited() -> bool {
    // Without DMA-BUF, WebKitGTK paints over earlier frames, so shadows get darker with each frame.
    // Transparency is therefore off.
    let paints_over = std::env::var_os(NO_DMABUF).is_some_and(|value| value != "0");
    !paints_over && gtk::gdk::Screen::default().is_some_and(|screen| screen.is_composited())
}

pub fn is_wayland() -> bool {
    std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty())
}
