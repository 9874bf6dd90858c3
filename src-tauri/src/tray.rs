//! The tray: draws the icon and the menu that the controller derives from the snapshot
//! (`snaplark_app::desktop::tray`), and only when these change. The id of a menu's item is its action.

#[cfg(target_os = "linux")]
mod icon_name;

use std::borrow::Cow;

use snaplark_app::desktop::tray::{
    RecentMenu, TrayEntry, TrayIconState, TrayItem, TrayLabel, TrayState,
};
use snaplark_app::view::Warning;
use snaplark_app::{Action, Way};
use snaplark_core::policy::STRIKE_SECONDS;
use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuEvent, MenuItem, MenuItemBuilder, SubmenuBuilder};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry, include_image};

use crate::shortcut::{BindingState, Bound, Shortcuts};
use crate::words::{CountedWord, Word, counted, word};
use crate::{desktop_shell, stills};

pub struct Tray {
    icon: TrayIcon,
    shown: TrayState,
    /// The folder of icons, for panels that find them by name.
    #[cfg(target_os = "linux")]
    pictures: Option<std::path::PathBuf>,
}

impl Tray {
    /// Creates the tray. Must be called on the main thread.
    pub fn create(app: &AppHandle) -> tauri::Result<Self> {
        let shown = TrayState::START;
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
                    desktop_shell::ask(tray.app_handle(), Action::OpenLibrary, Way::Tray);
                }
            })
            .build(app)?;
        let tray = Tray {
            icon,
            shown,
            #[cfg(target_os = "linux")]
            pictures: icon_name::folder(app),
        };
        tray.draw(TrayState::START.face)?;
        Ok(tray)
    }

    pub fn show(&mut self, app: &AppHandle, look: TrayState) -> tauri::Result<()> {
        if look == self.shown {
            return Ok(());
        }
        if look.face != self.shown.face {
            self.draw(look.face)?;
            self.icon.set_tooltip(Some(tooltip(look.face)))?;
        }
        if look != (TrayState { face: look.face, ..self.shown.clone() }) {
            self.icon.set_menu(Some(menu(app, &look)?))?;
        }
        self.shown = look;
        Ok(())
    }

    fn draw(&self, face: TrayIconState) -> tauri::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(folder) = &self.pictures {
            return icon_name::show(&self.icon, folder, face, tooltip(face));
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
    pub fn show_time(&self, time: Option<&str>) -> tauri::Result<()> {
        let tooltip = tooltip(self.shown.face);
        let words = time.map_or_else(|| tooltip.to_owned(), |time| format!("{tooltip} · {time}"));
        self.icon.set_tooltip(Some(words))?;
        match cfg!(windows) {
            true => Ok(()),
            false => self.icon.set_title(Some(time.unwrap_or_default())),
        }
    }
}

fn menu(app: &AppHandle, look: &TrayState) -> tauri::Result<Menu<Wry>> {
    let mut menu = MenuBuilder::new(app);
    for entry in look.menu(stills::desktop_asks(app)) {
        menu = match entry {
            TrayEntry::Item(one) => menu.item(&item(app, &one)?),
            TrayEntry::Note(label) => {
                menu.item(&MenuItemBuilder::new(words_for(label)).enabled(false).build(app)?)
            }
            TrayEntry::Separator => menu.separator(),
            TrayEntry::Group(label, items) => {
                let mut group = SubmenuBuilder::new(app, words_for(label));
                for one in &items {
                    group = group.item(&item(app, one)?);
                }
                menu.item(&group.build()?)
            }
            TrayEntry::Recent(recordings) => {
                let mut recent = SubmenuBuilder::new(app, word(Word::TRAY_RECENT));
                for RecentMenu { title, items } in &recordings {
                    // An ampersand in the title would underline the next letter.
                    let mut own = SubmenuBuilder::new(app, title.replace('&', "&&"));
                    for one in items {
                        own = own.item(&item(app, one)?);
                    }
                    recent = recent.item(&own.build()?);
                }
                menu.item(&recent.build()?)
            }
        };
    }
    menu.build()
}

/// Makes a menu item whose id is its action, and which shows the keys of its shortcut.
fn item(app: &AppHandle, item: &TrayItem) -> tauri::Result<MenuItem<Wry>> {
    let made = MenuItemBuilder::with_id(item.action.to_string(), words_for(item.label));
    let made = made.enabled(item.enabled);
    let shortcuts = app.try_state::<Shortcuts>();
    match item.keys.and_then(|shortcut| Some(shortcuts?.of(shortcut))) {
        Some(Bound { keys, state: BindingState::Works, .. }) => made.accelerator(keys).build(app),
        Some(_) | None => made.build(app),
    }
}

fn words_for(label: TrayLabel) -> Cow<'static, str> {
    Cow::Borrowed(match label {
        TrayLabel::Warning(Warning::DiskLow) => word(Word::WARNING_DISK_LOW),
        TrayLabel::Warning(Warning::FolderLost) => word(Word::WARNING_FOLDER_LOST),
        TrayLabel::Warning(Warning::MicrophoneLost) => word(Word::WARNING_MICROPHONE_LOST),
        TrayLabel::Warning(Warning::SystemSoundLost) => word(Word::WARNING_SYSTEM_SOUND_LOST),
        TrayLabel::Warning(Warning::WebcamLost) => word(Word::WARNING_WEBCAM_LOST),
        TrayLabel::Start => word(Word::TRAY_START),
        TrayLabel::Starting => word(Word::TRAY_STARTING),
        TrayLabel::Stop => word(Word::TRAY_STOP),
        TrayLabel::Stopping => word(Word::TRAY_STOPPING),
        TrayLabel::Pause => word(Word::TRAY_PAUSE),
        TrayLabel::Resume => word(Word::TRAY_RESUME),
        TrayLabel::Mute => word(Word::BAR_MUTE),
        TrayLabel::Unmute => word(Word::BAR_UNMUTE),
        TrayLabel::Strike => return counted(CountedWord::STRIKE_LAST, STRIKE_SECONDS).into(),
        TrayLabel::WebcamOff => word(Word::TRAY_WEBCAM_OFF),
        TrayLabel::ShowBar => word(Word::TRAY_SHOW_BAR),
        TrayLabel::ChooseArea => word(Word::CHOOSE_AREA),
        TrayLabel::ChooseScreen => word(Word::CHOOSE_SCREEN),
        TrayLabel::ChooseWindow => word(Word::CHOOSE_WINDOW),
        TrayLabel::ShareLast => word(Word::TRAY_SHARE_LAST),
        TrayLabel::NotKept => word(Word::TRAY_NOT_KEPT_DISK_LOW),
        TrayLabel::ScreenshotArea => word(Word::SCREENSHOT_AREA),
        TrayLabel::ScreenshotDisplay => word(Word::SCREENSHOT_DISPLAY),
        TrayLabel::ScreenshotWindow => word(Word::SCREENSHOT_WINDOW),
        TrayLabel::ScreenshotAll => word(Word::SCREENSHOT_ALL),
        TrayLabel::ScreenshotLastArea => word(Word::SCREENSHOT_LAST_AREA),
        TrayLabel::ScreenshotDelayed(seconds) => {
            return counted(CountedWord::SCREENSHOT_DELAYED, seconds).into();
        }
        TrayLabel::Screenshots => word(Word::SCREENSHOT_MORE),
        TrayLabel::CopyLastLink => word(Word::TRAY_COPY_LAST_LINK),
        TrayLabel::CopyLink => word(Word::COPY_LINK),
        TrayLabel::OpenLink => word(Word::OPEN_LINK),
        TrayLabel::ShowFile => word(Word::REVEAL_FILE),
        TrayLabel::UploadFile => word(Word::UPLOAD_FILE),
        TrayLabel::OpenLibrary => word(Word::TRAY_OPEN_LIBRARY),
        TrayLabel::OpenSettings => word(Word::TRAY_OPEN_SETTINGS),
        TrayLabel::Quit => word(Word::TRAY_QUIT),
    })
}

fn pressed(app: &AppHandle, event: MenuEvent) {
    match event.id().as_ref().parse() {
        Ok(action) => desktop_shell::ask(app, action, Way::Tray),
        Err(error) => tracing::warn!(%error, "the tray's menu has an item that nothing answers"),
    }
}

fn image(face: TrayIconState) -> Image<'static> {
    match face {
        TrayIconState::Idle => include_image!("src-tauri/icons/tray-idle.png"),
        TrayIconState::Keeping => include_image!("src-tauri/icons/tray-keeping.png"),
        TrayIconState::Recording => include_image!("src-tauri/icons/tray-recording.png"),
        TrayIconState::Troubled => include_image!("src-tauri/icons/tray-troubled.png"),
        TrayIconState::Paused => include_image!("src-tauri/icons/tray-paused.png"),
        TrayIconState::Uploading => include_image!("src-tauri/icons/tray-uploading.png"),
        TrayIconState::Attention => include_image!("src-tauri/icons/tray-attention.png"),
    }
}

fn tooltip(face: TrayIconState) -> &'static str {
    match face {
        TrayIconState::Idle => word(Word::TRAY_TOOLTIP_IDLE),
        TrayIconState::Keeping => word(Word::TRAY_TOOLTIP_KEEPING),
        TrayIconState::Recording => word(Word::TRAY_TOOLTIP_RECORDING),
        TrayIconState::Troubled => word(Word::TRAY_TOOLTIP_TROUBLED),
        TrayIconState::Paused => word(Word::TRAY_TOOLTIP_PAUSED),
        TrayIconState::Uploading => word(Word::TRAY_TOOLTIP_UPLOADING),
        TrayIconState::Attention => word(Word::TRAY_TOOLTIP_ATTENTION),
    }
}
