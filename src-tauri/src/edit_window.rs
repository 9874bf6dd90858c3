//! The windows in which something is edited, one for each item: the picture editor and the recording editor. A page
//! saves each change by itself; a closed window is hidden first and destroyed a moment later, so that the last change is
//! saved, too.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{
    AppHandle, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent, async_runtime,
};

use crate::words::{Word, word};
use crate::{pages, platform, web_process};

/// A kind of these windows.
pub struct EditWindow {
    /// The prefix of its windows' labels. The item's id follows.
    pub labels: &'static str,
    /// Its page.
    pub page: &'static str,
    pub title: Word,
    /// The usual size, and the smallest one, in CSS pixels.
    pub size: (f64, f64),
    pub size_min: (f64, f64),
}

/// When a new window is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// When its page has loaded.
    Loaded,
    /// When it is opened.
    Opened,
}

/// The end of the address, behind the item's id, of a page whose item is not there yet.
const WAITS: &str = "waits";

/// How long a closed window lives on, hidden. The page saves 250 ms after a change at the latest, and as soon as
/// it is hidden.
const SAVES_WITHIN: Duration = Duration::from_secs(2);

impl EditWindow {
    /// Returns the label of an item's window.
    pub fn label(&self, item: impl Display) -> String {
        format!("{}{item}", self.labels)
    }

    /// Returns whether a window is the one of that item.
    pub fn is_of(&self, label: &str, item: &str) -> bool {
        !item.is_empty() && label.strip_prefix(self.labels) == Some(item)
    }

    /// Shows the window of an item in front and focused. Returns it if it is new. Must be called on the main thread.
    pub fn open(
        &self,
        app: &AppHandle,
        item: impl Display,
    ) -> tauri::Result<Option<WebviewWindow>> {
        let label = self.label(&item);
        if let Some(window) = app.get_webview_window(&label) {
            window.show()?;
            window.unminimize()?;
            return platform::take_focus(&window).map(|()| None);
        }
        self.create(app, item, When::Loaded).map(Some)
    }

    /// Creates the window of an item that will be there soon. It is hidden until it is opened, and its page waits. Must be
    /// called on the main thread.
    pub fn prepare(&self, app: &AppHandle, item: impl Display) -> tauri::Result<WebviewWindow> {
        self.create(app, item, When::Opened)
    }

    fn create(
        &self,
        app: &AppHandle,
        item: impl Display,
        shown: When,
    ) -> tauri::Result<WebviewWindow> {
        let label = self.label(&item);
        let address = match shown {
            When::Loaded => format!("{}#{item}", self.page),
            When::Opened => format!("{}#{item}/{WAITS}", self.page),
        };
        let opened = AtomicBool::new(shown == When::Opened);
        let window = WebviewWindowBuilder::new(app, &label, WebviewUrl::App(address.into()))
            .title(word(self.title))
            .on_new_window(|_, _| NewWindowResponse::Deny)
            .inner_size(self.size.0, self.size.1)
            .min_inner_size(self.size_min.0, self.size_min.1)
            .center()
            .visible(false)
            .background_color(pages::background(app))
            .on_page_load(move |window, payload| {
                if payload.event() == PageLoadEvent::Finished
                    && !opened.swap(true, Ordering::Relaxed)
                    && let Err(error) = window.show().and_then(|()| platform::take_focus(&window))
                {
                    tracing::warn!(%error, label = window.label(), "a window can't be shown");
                }
            })
            .build()?;
        web_process::watch(&window);
        let closed = window.clone();
        window.on_window_event(move |event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                api.prevent_close();
                close(&closed);
            }
        });
        Ok(window)
    }

    /// Sets the windows' titles in the current language. Must be called on the main thread.
    pub fn name_again(&self, app: &AppHandle) {
        for (label, window) in app.webview_windows() {
            if label.starts_with(self.labels)
                && let Err(error) = window.set_title(word(self.title))
            {
                tracing::warn!(%error, label, "a window can't be named");
            }
        }
    }
}

/// Hides a window, and destroys it when its page has saved. A window that is opened again meanwhile stays.
pub fn close(window: &WebviewWindow) {
    if let Err(error) = window.hide() {
        tracing::warn!(%error, label = window.label(), "a window can't be hidden");
    }
    let window = window.clone();
    async_runtime::spawn(async move {
        tokio::time::sleep(SAVES_WITHIN).await;
        if matches!(window.is_visible(), Ok(true)) {
            return;
        }
        if let Err(error) = window.destroy() {
            tracing::warn!(%error, label = window.label(), "a window can't be closed");
        }
    });
}
