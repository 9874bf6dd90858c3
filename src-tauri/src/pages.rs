//! The windows that a person opens: library, settings, welcome and the preview of the last minutes. Each is
//! created when it is first wanted, so that those who never open it don't pay for it, and it is shown when
//! its page has loaded. A closed library or settings window is hidden and the program stays in the tray.
//! The preview's window is destroyed, since each preview is another one.

use std::sync::atomic::{AtomicBool, Ordering};

use snaplark_app::App;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::window::Color;
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent, async_runtime};

use crate::words::{Word, word};
use crate::{camera, cutter, dropping, editor, meter, platform, web_process, window_state};

pub struct Page {
    pub label: &'static str,
    title: Word,
    size: (f64, f64),
    size_min: (f64, f64),
}

/// The default size fits three cards in a row, the minimum one card and the header with its button.
pub const LIBRARY: Page = Page {
    label: "library",
    title: Word::APP_NAME,
    size: (800.0, 560.0),
    size_min: (420.0, 360.0),
};

/// Shown on the first start.
pub const WELCOME: Page =
    Page { label: "welcome", title: Word::WELCOME, size: (640.0, 560.0), size_min: (420.0, 360.0) };

pub const SETTINGS: Page = Page {
    label: "settings",
    title: Word::SETTINGS,
    size: (720.0, 560.0),
    size_min: (420.0, 360.0),
};

/// The preview of the last minutes, before they are shared.
pub const PREVIEW: Page =
    Page { label: "preview", title: Word::PREVIEW, size: (720.0, 560.0), size_min: (420.0, 400.0) };

/// The windows whose state is stored.
pub const KEPT: [&Page; 2] = [&LIBRARY, &SETTINGS];

/// `--bg` of the windows' design tokens, so that no other colour flashes before the page is drawn.
const BACKGROUND_LIGHT: Color = Color(0xff, 0xff, 0xff, 0xff);
const BACKGROUND_DARK: Color = Color(0x1a, 0x1d, 0x24, 0xff);

/// Shows a page in front and focused. Must be called on the main thread.
pub fn open(app: &AppHandle, page: &Page) -> tauri::Result<()> {
    open_at(app, page, None)
}

/// Shows a page at `at`, a place in it that is passed as the fragment of its address.
pub fn open_at(app: &AppHandle, page: &Page, at: Option<&str>) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(page.label) {
        if at.is_some() {
            let mut address = window.url()?;
            address.set_fragment(at);
            window.navigate(address)?;
        }
        window.show()?;
        window.unminimize()?;
        return platform::take_focus(&window);
    }
    let place = at.map(|at| format!("#{at}")).unwrap_or_default();
    let address = format!("windows/{}/index.html{place}", page.label);
    let opened = AtomicBool::new(false);
    let window = WebviewWindowBuilder::new(app, page.label, WebviewUrl::App(address.into()))
        .title(word(page.title))
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .inner_size(page.size.0, page.size.1)
        .min_inner_size(page.size_min.0, page.size_min.1)
        .center()
        .visible(false)
        .background_color(background(app))
        .on_page_load(move |window, payload| {
            // The window is shown when there is something to see. A page that reloads after its web process
            // died stays hidden if it was.
            if payload.event() == PageLoadEvent::Finished
                && !opened.swap(true, Ordering::Relaxed)
                && let Err(error) = window.show().and_then(|()| platform::take_focus(&window))
            {
                tracing::warn!(%error, label = window.label(), "a window can't be shown");
            }
        })
        .build()?;
    window_state::restore(&window)?;
    meter::stop_with(&window);
    web_process::watch(&window);
    if page.label == LIBRARY.label {
        dropping::take_drops(&window);
    }
    let (app, hidden) = (app.clone(), window.clone());
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            let done = if hidden.label() == WELCOME.label {
                leave_welcome(&app)
            } else if hidden.label() == PREVIEW.label {
                discard_preview(&app);
                hidden.destroy()
            } else {
                window_state::store(&hidden);
                meter::stop(&app, hidden.label());
                if hidden.label() == SETTINGS.label {
                    camera::close(&app);
                }
                hidden.hide()
            };
            if let Err(error) = done {
                tracing::warn!(%error, label = hidden.label(), "a window can't be hidden");
            }
        }
    });
    Ok(())
}

/// Returns the page's background. It is set before the window is created; set later, the first frames are
/// white.
pub fn background(app: &AppHandle) -> Color {
    match platform::is_dark(app) {
        true => BACKGROUND_DARK,
        false => BACKGROUND_LIGHT,
    }
}

/// Closes the welcome window, by its own button or the window manager's. The library replaces it, and it is
/// never shown again.
pub fn leave_welcome(app: &AppHandle) -> tauri::Result<()> {
    open(app, &LIBRARY)?;
    app.get_webview_window(WELCOME.label).map_or(Ok(()), |window| window.destroy())
}

/// Closes the window of a preview that was shared or discarded. Must be called on the main thread.
pub fn close_preview(app: &AppHandle) -> tauri::Result<()> {
    app.get_webview_window(PREVIEW.label).map_or(Ok(()), |window| window.destroy())
}

/// Discards the preview when the window manager's button closes it, as its own button does.
fn discard_preview(handle: &AppHandle) {
    let app = handle.state::<App>().inner().clone();
    async_runtime::spawn(async move {
        let Ok(Some(preview)) = app.preview().await else { return };
        let Ok(id) = preview.id.parse() else { return };
        if let Err(error) = app.discard_preview(id).await {
            tracing::warn!(%error, "a preview is not discarded");
        }
    });
}

/// Sets the windows' titles in the current language. Must be called on the main thread.
pub fn name_again(app: &AppHandle) {
    for page in [&LIBRARY, &WELCOME, &SETTINGS, &PREVIEW] {
        let Some(window) = app.get_webview_window(page.label) else { continue };
        if let Err(error) = window.set_title(word(page.title)) {
            tracing::warn!(%error, label = page.label, "a window can't be named");
        }
    }
    editor::WINDOW.name_again(app);
    cutter::WINDOW.name_again(app);
}
