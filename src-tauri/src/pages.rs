//! The windows that a person opens: library, settings and the preview of the last minutes. Each is
//! made when it is first wanted (who never opens it doesn't pay for it) and opens ready. Closed, it
//! hides: the tray goes on. The preview goes for good: each is another one.

use std::sync::atomic::{AtomicBool, Ordering};

use snaplark_app::App;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::window::Color;
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent, async_runtime};

use crate::words::word;
use crate::{camera, left, meter, platform, web_process};

pub struct Page {
    pub label: &'static str,
    /// A key of the words.
    title: &'static str,
    size: (f64, f64),
    size_min: (f64, f64),
}

/// Three cards a row; at least one, and the header with its button.
pub const LIBRARY: Page =
    Page { label: "library", title: "app_name", size: (800.0, 560.0), size_min: (420.0, 360.0) };

/// On the first start.
pub const WELCOME: Page =
    Page { label: "welcome", title: "welcome", size: (640.0, 560.0), size_min: (420.0, 360.0) };

pub const SETTINGS: Page =
    Page { label: "settings", title: "settings", size: (720.0, 560.0), size_min: (420.0, 360.0) };

/// Of the last minutes, before they are shared.
pub const PREVIEW: Page =
    Page { label: "preview", title: "preview", size: (720.0, 560.0), size_min: (420.0, 400.0) };

/// Those whose places are kept.
pub const KEPT: [&Page; 2] = [&LIBRARY, &SETTINGS];

/// `--bg` of the windows' tokens: no flash of another colour before the page is drawn.
const BACKGROUND_LIGHT: Color = Color(0xff, 0xff, 0xff, 0xff);
const BACKGROUND_DARK: Color = Color(0x1a, 0x1d, 0x24, 0xff);

/// On the main thread: shows it, in front and focused.
pub fn open(app: &AppHandle, page: &Page) -> tauri::Result<()> {
    open_at(app, page, None)
}

/// `at`: a place in it, which the page finds behind the `#` of its address.
fn open_at(app: &AppHandle, page: &Page, at: Option<&str>) -> tauri::Result<()> {
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
            // It opens ready: not before there is something to see. A page that is loaded again
            // after its web process died stays hidden where it was.
            if payload.event() == PageLoadEvent::Finished
                && !opened.swap(true, Ordering::Relaxed)
                && let Err(error) = window.show().and_then(|()| platform::take_focus(&window))
            {
                tracing::warn!(%error, label = window.label(), "a window can't be shown");
            }
        })
        .build()?;
    left::put_back(&window)?;
    meter::stop_with(&window);
    web_process::watch(&window);
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
                left::remember(&hidden);
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

/// The page's own background. Given before the window is made: set later, its first frames are white.
fn background(app: &AppHandle) -> Color {
    match platform::is_dark(app) {
        true => BACKGROUND_DARK,
        false => BACKGROUND_LIGHT,
    }
}

/// Closed by its own button or by the window manager's: the library takes its place, and the page
/// is never wanted again.
pub fn leave_welcome(app: &AppHandle) -> tauri::Result<()> {
    open(app, &LIBRARY)?;
    app.get_webview_window(WELCOME.label).map_or(Ok(()), |window| window.destroy())
}

/// On the main thread: it is shared or discarded.
pub fn close_preview(app: &AppHandle) -> tauri::Result<()> {
    app.get_webview_window(PREVIEW.label).map_or(Ok(()), |window| window.destroy())
}

/// Closed by the window manager's button: as by its own.
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

/// On the main thread: their titles in the language of now.
pub fn name_again(app: &AppHandle) {
    for page in [&LIBRARY, &WELCOME, &SETTINGS, &PREVIEW] {
        let Some(window) = app.get_webview_window(page.label) else { continue };
        if let Err(error) = window.set_title(word(page.title)) {
            tracing::warn!(%error, label = page.label, "a window can't be named");
        }
    }
}

/// From wherever: what goes wrong is only for the log.
pub fn show(app: &AppHandle, page: &'static Page) {
    show_at(app, page, None);
}

/// At a place in it.
pub fn show_at(app: &AppHandle, page: &'static Page, at: Option<String>) {
    let shown = app.clone();
    let asked = app.run_on_main_thread(move || {
        if let Err(error) = open_at(&shown, page, at.as_deref()) {
            tracing::error!(%error, label = page.label, "a window can't be opened");
        }
    });
    if let Err(error) = asked {
        tracing::error!(%error, label = page.label, "a window can't be opened");
    }
}
