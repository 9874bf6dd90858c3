//! The theme of GTK's windows, which WebKit's pages follow.

use std::cell::Cell;

use gtk::gio;
use gtk::glib::{Variant, VariantTy};
use gtk::prelude::*;
use tauri::{AppHandle, Theme, async_runtime};

/// The value of the portal's interface.
const PREFERS_DARK: u32 = 1;
/// The time that tao waits.
const PORTAL_ANSWER_MS: i32 = 5_000;

thread_local! {
    /// The person's choice; `None` follows the desktop.
    static CHOSEN: Cell<Option<Theme>> = const { Cell::new(None) };
    static IS_HELD: Cell<bool> = const { Cell::new(false) };
}

/// tao sets GTK's preference to the desktop's for each new window and each change of the desktop,
/// whatever was set before. This handler sets it back to the person's choice.
pub fn show_theme(handle: &AppHandle, theme: Option<Theme>) {
    let Some(settings) = gtk::Settings::default() else { return };
    CHOSEN.set(theme);
    if !IS_HELD.replace(true) {
        settings.connect_gtk_application_prefer_dark_theme_notify(hold_theme);
    }
    hold_theme(&settings);
    if theme.is_none() {
        let handle = handle.clone();
        // The portal may have to be started to answer.
        async_runtime::spawn_blocking(move || {
            let is_dark = desktop_is_dark();
            let shown = handle.run_on_main_thread(move || {
                if let (None, Some(settings)) = (CHOSEN.get(), gtk::Settings::default()) {
                    settings.set_gtk_application_prefer_dark_theme(is_dark);
                }
            });
            if let Err(error) = shown {
                tracing::warn!(%error, "the desktop's theme can't be shown");
            }
        });
    }
}

fn hold_theme(settings: &gtk::Settings) {
    let Some(theme) = CHOSEN.get() else { return };
    let is_dark = theme == Theme::Dark;
    if settings.is_gtk_application_prefer_dark_theme() != is_dark {
        settings.set_gtk_application_prefer_dark_theme(is_dark);
    }
}

/// Asks the settings portal. A desktop without one has its theme by name, which GTK knows.
fn desktop_is_dark() -> bool {
    let Ok(bus) = gio::bus_get_sync(gio::BusType::Session, gio::Cancellable::NONE) else {
        return false;
    };
    let answer = bus.call_sync(
        Some("org.freedesktop.portal.Desktop"),
        "/org/freedesktop/portal/desktop",
        "org.freedesktop.portal.Settings",
        "Read",
        Some(&("org.freedesktop.appearance", "color-scheme").to_variant()),
        VariantTy::new("(v)").ok(),
        gio::DBusCallFlags::NONE,
        PORTAL_ANSWER_MS,
        gio::Cancellable::NONE,
    );
    let value = answer.ok().and_then(|answer| answer.get::<(Variant,)>());
    // The first version of the interface returns a variant in a variant.
    let value = value.map(|(value,)| value.as_variant().unwrap_or(value));
    value.and_then(|value| value.get::<u32>()) == Some(PREFERS_DARK)
}

pub fn is_dark(_: &AppHandle) -> bool {
    gtk::Settings::default().is_some_and(|settings| {
        let name = settings.gtk_theme_name();
        settings.is_gtk_application_prefer_dark_theme()
            || name.is_some_and(|name| name.ends_with("-dark"))
    })
}
