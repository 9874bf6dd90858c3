//! The library's window. Closing it hides it: the tray goes on.

use tauri::webview::PageLoadEvent;
use tauri::window::Color;
use tauri::{AppHandle, Manager, Theme, WebviewUrl, WebviewWindowBuilder, WindowEvent};

use crate::words::word;

pub const LABEL: &str = "library";

/// Three cards a row.
const SIZE: (f64, f64) = (800.0, 560.0);
/// One card a row, and the header with its button.
const SIZE_MIN: (f64, f64) = (420.0, 360.0);

/// `--bg` of the windows' tokens: no flash of another colour before the page is drawn.
const BACKGROUND_LIGHT: Color = Color(0xff, 0xff, 0xff, 0xff);
const BACKGROUND_DARK: Color = Color(0x1a, 0x1d, 0x24, 0xff);

/// Shows the library, in front and focused. Made when it is first wanted: who never opens it
/// doesn't pay for it.
pub fn open(app: &AppHandle) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(LABEL) {
        window.show()?;
        window.unminimize()?;
        return window.set_focus();
    }
    let window =
        WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("windows/library/index.html".into()))
            .title(word("app_name"))
            .inner_size(SIZE.0, SIZE.1)
            .min_inner_size(SIZE_MIN.0, SIZE_MIN.1)
            .center()
            .visible(false)
            .on_page_load(|window, payload| {
                // It opens ready: not before there is something to see.
                if payload.event() == PageLoadEvent::Finished
                    && let Err(error) = window.show().and_then(|()| window.set_focus())
                {
                    tracing::warn!(%error, "the library can't be shown");
                }
            })
            .build()?;
    window.set_background_color(Some(match window.theme() {
        Ok(Theme::Dark) => BACKGROUND_DARK,
        _ => BACKGROUND_LIGHT,
    }))?;
    let hidden = window.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            if let Err(error) = hidden.hide() {
                tracing::warn!(%error, "the library can't be hidden");
            }
        }
    });
    Ok(())
}
