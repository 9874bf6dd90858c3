//! The tray: an icon that shows the state, and a menu with the few things one wants without a window. Its
//! look is a function of the snapshot, and it is updated only when that changes.

mod look;
#[cfg(target_os = "linux")]
mod named;

#[cfg(test)]
pub use look::tests;

use snaplark_app::Shortcut;
use snaplark_app::control::Order;
use snaplark_app::view::{MicrophoneView, Warning};
use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuEvent, MenuItem, MenuItemBuilder, SubmenuBuilder};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry, include_image};

pub use look::{Look, clock, last_link};

use self::look::{Face, Kept, Pause, Recent, Toggle};
use crate::chooser::Kind;
use crate::shortcut::{Bound, Shortcuts, State};
use crate::words::word;
use crate::{bar, chooser, pages, quit, shell};

const TOGGLE: &str = "toggle";
const PAUSE: &str = "pause";
const MUTE: &str = "mute";
const WEBCAM: &str = "webcam";
const SHOW_BAR: &str = "show-bar";
const CHOOSE_AREA: &str = "choose-area";
const CHOOSE_WINDOW: &str = "choose-window";
const SHARE_LAST: &str = "share-last";
const COPY_LAST_LINK: &str = "copy-last-link";
const OPEN_LIBRARY: &str = "open-library";
const OPEN_SETTINGS: &str = "open-settings";
const QUIT: &str = "quit";
/// Prefixes of item ids; the recording's id follows.
const COPY_LINK: &str = "copy-link-";
const OPEN_LINK: &str = "open-link-";
const SHOW_FILE: &str = "show-file-";

pub struct Tray {
    icon: TrayIcon,
    shown: Look,
    /// The folder of icons, for panels that find them by name.
    #[cfg(target_os = "linux")]
    pictures: Option<std::path::PathBuf>,
}

impl Tray {
    /// Creates the tray. Must be called on the main thread.
    pub fn create(app: &AppHandle) -> tauri::Result<Self> {
        let shown = Look::START;
        let icon = TrayIconBuilder::with_id("snaplark")
            .icon(image(shown.face))
            .tooltip(tooltip(shown.face))
            .menu(&menu(app, &shown)?)
            // Where the platform reports clicks, the menu opens with the right button on Windows.
            .show_menu_on_left_click(!cfg!(windows))
            .on_menu_event(pressed)
            .on_tray_icon_event(|tray, event| {
                let left = MouseButton::Left;
                let up = MouseButtonState::Up;
                if let TrayIconEvent::Click { button, button_state, .. } = event
                    && cfg!(windows)
                    && (button, button_state) == (left, up)
                {
                    pages::show(tray.app_handle(), &pages::LIBRARY);
                }
            })
            .build(app)?;
        let tray = Tray {
            icon,
            shown,
            #[cfg(target_os = "linux")]
            pictures: named::folder(app),
        };
        tray.draw(Look::START.face)?;
        Ok(tray)
    }

    pub fn show(&mut self, app: &AppHandle, look: Look) -> tauri::Result<()> {
        if look == self.shown {
            return Ok(());
        }
        if look.face != self.shown.face {
            self.draw(look.face)?;
            self.icon.set_tooltip(Some(tooltip(look.face)))?;
        }
        if look != (Look { face: look.face, ..self.shown.clone() }) {
            self.icon.set_menu(Some(menu(app, &look)?))?;
        }
        self.shown = look;
        Ok(())
    }

    fn draw(&self, face: Face) -> tauri::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(folder) = &self.pictures {
            return named::show(&self.icon, folder, face, tooltip(face));
        }
        self.icon.set_icon(Some(image(face)))
    }

    /// Sets tooltip and menu again in another language.
    pub fn say_again(&mut self, app: &AppHandle) -> tauri::Result<()> {
        self.icon.set_tooltip(Some(tooltip(self.shown.face)))?;
        self.icon.set_menu(Some(menu(app, &self.shown)?))
    }

    /// Shows the length of the recording in the tooltip, and beside the icon if the platform has room
    /// there.
    pub fn tell_time(&self, time: Option<&str>) -> tauri::Result<()> {
        let tooltip = tooltip(self.shown.face);
        let words = time.map_or_else(|| tooltip.to_owned(), |time| format!("{tooltip} · {time}"));
        self.icon.set_tooltip(Some(words))?;
        match cfg!(windows) {
            true => Ok(()),
            false => self.icon.set_title(Some(time.unwrap_or_default())),
        }
    }
}

fn menu(app: &AppHandle, look: &Look) -> tauri::Result<Menu<Wry>> {
    let (words, enabled) = match look.toggle {
        Toggle::Start => (word("tray_start"), true),
        Toggle::Starting => (word("tray_starting"), false),
        Toggle::Stop => (word("tray_stop"), true),
        Toggle::Stopping => (word("tray_stopping"), false),
    };
    let toggle = item(app, TOGGLE, words, enabled, Some(Shortcut::Record))?;
    let mut menu = MenuBuilder::new(app);
    for warning in &look.warnings {
        let words = word(match warning {
            Warning::DiskLow => "warning_disk_low",
            Warning::FolderLost => "warning_folder_lost",
            Warning::MicrophoneLost => "warning_microphone_lost",
            Warning::SystemSoundLost => "warning_system_sound_lost",
            Warning::WebcamLost => "warning_webcam_lost",
        });
        menu = menu.item(&MenuItemBuilder::new(words).enabled(false).build(app)?);
    }
    menu = menu.item(&toggle);
    menu = match look.pause {
        Pause::Neither => menu,
        Pause::Offer => menu.text(PAUSE, word("tray_pause")),
        Pause::OfferToGoOn => menu.text(PAUSE, word("tray_resume")),
    };
    if look.microphone != MicrophoneView::Absent {
        let words = match look.microphone {
            MicrophoneView::Muted => word("bar_unmute"),
            MicrophoneView::Heard | MicrophoneView::Absent => word("bar_mute"),
        };
        menu = menu.item(&item(app, MUTE, words, true, Some(Shortcut::Microphone))?);
    }
    if look.webcam_is_next {
        menu = menu.text(WEBCAM, word("tray_webcam_off"));
    }
    if look.bar_is_away {
        menu = menu.text(SHOW_BAR, word("tray_show_bar"));
    }
    if look.toggle == Toggle::Start {
        let asks = snaplark_capture::desktop_asks();
        let area = word(if asks { "choose_screen" } else { "choose_area" });
        menu = menu
            .item(&item(app, CHOOSE_AREA, area, true, Some(Shortcut::ChooseArea))?)
            .text(CHOOSE_WINDOW, word("choose_window"));
    }
    menu = match look.kept {
        Kept::No => menu,
        Kept::Yes => menu.text(SHARE_LAST, word("tray_share_last")),
        Kept::NoRoom => {
            let words = word("tray_not_kept_disk_low");
            menu.item(&MenuItemBuilder::new(words).enabled(false).build(app)?)
        }
    };
    menu = menu.separator();
    if look.has_link {
        menu = menu.text(COPY_LAST_LINK, word("tray_copy_last_link"));
    }
    if !look.recent.is_empty() {
        let mut recent = SubmenuBuilder::new(app, word("tray_recent"));
        for recording in &look.recent {
            let Recent { id, title, has_link, has_file } = recording;
            let copy = format!("{COPY_LINK}{id}");
            let open = format!("{OPEN_LINK}{id}");
            let file = format!("{SHOW_FILE}{id}");
            // An ampersand in the title would underline the next letter.
            let own = SubmenuBuilder::new(app, title.replace('&', "&&"))
                .item(&item(app, &copy, word("copy_link"), *has_link, None)?)
                .item(&item(app, &open, word("open_link"), *has_link, None)?)
                .item(&item(app, &file, word("reveal_file"), *has_file, None)?);
            recent = recent.item(&own.build()?);
        }
        menu = menu.item(&recent.build()?);
    }
    menu.text(OPEN_LIBRARY, word("tray_open_library"))
        .text(OPEN_SETTINGS, word("tray_open_settings"))
        .separator()
        .text(QUIT, word("tray_quit"))
        .build()
}

/// Makes a menu item that shows the keys of its shortcut.
fn item(
    app: &AppHandle,
    id: &str,
    words: &str,
    enabled: bool,
    shortcut: Option<Shortcut>,
) -> tauri::Result<MenuItem<Wry>> {
    let item = MenuItemBuilder::with_id(id, words).enabled(enabled);
    let shortcuts = app.try_state::<Shortcuts>();
    let bound = shortcut.and_then(|shortcut| Some(shortcuts?.of(shortcut)));
    match bound {
        Some(Bound { keys, state: State::Works, .. }) => item.accelerator(keys).build(app),
        Some(_) | None => item.build(app),
    }
}

fn pressed(app: &AppHandle, event: MenuEvent) {
    match event.id().as_ref() {
        TOGGLE => shell::order(app, Order::Toggle),
        PAUSE => shell::order(app, Order::Pause),
        MUTE => shell::order(app, Order::Mute),
        WEBCAM => shell::order(app, Order::Webcam),
        SHOW_BAR => {
            if let Err(error) = bar::show(app) {
                tracing::warn!(%error, "the recorder bar can't be shown");
            }
        }
        CHOOSE_AREA => chooser::open(app, Kind::Area, true),
        CHOOSE_WINDOW => chooser::open(app, Kind::Window, true),
        SHARE_LAST => shell::share_last(app),
        COPY_LAST_LINK => shell::copy_last_link(app),
        OPEN_LIBRARY => pages::show(app, &pages::LIBRARY),
        OPEN_SETTINGS => pages::show(app, &pages::SETTINGS),
        QUIT => quit::ask(app),
        other => {
            if let Some(id) = other.strip_prefix(COPY_LINK) {
                shell::copy_link(app, id);
            } else if let Some(id) = other.strip_prefix(OPEN_LINK) {
                shell::open_link(app, id);
            } else if let Some(id) = other.strip_prefix(SHOW_FILE) {
                shell::show_file(app, id);
            } else {
                tracing::warn!(item = other, "the tray's menu has an item that nothing answers");
            }
        }
    }
}

fn image(face: Face) -> Image<'static> {
    match face {
        Face::Idle => include_image!("src-tauri/icons/tray-idle.png"),
        Face::Keeping => include_image!("src-tauri/icons/tray-keeping.png"),
        Face::Recording => include_image!("src-tauri/icons/tray-recording.png"),
        Face::Troubled => include_image!("src-tauri/icons/tray-troubled.png"),
        Face::Paused => include_image!("src-tauri/icons/tray-paused.png"),
        Face::Uploading => include_image!("src-tauri/icons/tray-uploading.png"),
        Face::Attention => include_image!("src-tauri/icons/tray-attention.png"),
    }
}

fn tooltip(face: Face) -> &'static str {
    match face {
        Face::Idle => word("tray_tooltip_idle"),
        Face::Keeping => word("tray_tooltip_keeping"),
        Face::Recording => word("tray_tooltip_recording"),
        Face::Troubled => word("tray_tooltip_troubled"),
        Face::Paused => word("tray_tooltip_paused"),
        Face::Uploading => word("tray_tooltip_uploading"),
        Face::Attention => word("tray_tooltip_attention"),
    }
}
