//! The tray: an icon that shows the state, and the few things one wants without a window. What it
//! looks like is a function of the snapshot; it is touched only when that changes.

use snaplark_app::Shortcut;
use snaplark_app::control::Order;
use snaplark_app::view::{RecorderView, RecordingState, Snapshot};
use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuEvent, MenuItemBuilder};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, include_image};

use crate::shortcut::{Bound, Shortcuts, State};
use crate::words::word;
use crate::{pages, shell};

const TOGGLE: &str = "toggle";
const PAUSE: &str = "pause";
const COPY_LAST_LINK: &str = "copy-last-link";
const OPEN_LIBRARY: &str = "open-library";
const OPEN_SETTINGS: &str = "open-settings";
const QUIT: &str = "quit";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Idle,
    Recording,
    Paused,
    Uploading,
    Attention,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Toggle {
    Start,
    Starting,
    Stop,
    Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// Nothing runs.
    Neither,
    Offer,
    OfferToGoOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    face: Face,
    toggle: Toggle,
    pause: Pause,
    has_link: bool,
}

impl Look {
    /// Recording goes before what needs the person, and that before what goes on by itself.
    pub fn of(snapshot: &Snapshot) -> Self {
        let any = |wanted: fn(&RecordingState) -> bool| {
            snapshot.recordings.iter().any(|recording| wanted(&recording.state))
        };
        let toggle = match snapshot.recorder {
            RecorderView::Idle => Toggle::Start,
            RecorderView::Starting => Toggle::Starting,
            RecorderView::Counting { .. }
            | RecorderView::Recording { .. }
            | RecorderView::Paused { .. } => Toggle::Stop,
            RecorderView::Stopping { .. } => Toggle::Stopping,
        };
        let pause = match snapshot.recorder {
            RecorderView::Recording { .. } => Pause::Offer,
            RecorderView::Paused { .. } => Pause::OfferToGoOn,
            RecorderView::Idle
            | RecorderView::Counting { .. }
            | RecorderView::Starting
            | RecorderView::Stopping { .. } => Pause::Neither,
        };
        let face = if pause == Pause::OfferToGoOn {
            Face::Paused
        } else if matches!(toggle, Toggle::Stop | Toggle::Stopping) {
            Face::Recording
        } else if any(|state| matches!(state, RecordingState::NeedsYou { .. })) {
            Face::Attention
        } else if any(|state| matches!(state, RecordingState::Uploading)) {
            Face::Uploading
        } else {
            Face::Idle
        };
        Look { face, toggle, pause, has_link: last_link(snapshot).is_some() }
    }

    const START: Look =
        Look { face: Face::Idle, toggle: Toggle::Start, pause: Pause::Neither, has_link: false };
}

/// The newest recording's link: the id and the link.
pub fn last_link(snapshot: &Snapshot) -> Option<(&str, &str)> {
    snapshot
        .recordings
        .iter()
        .find_map(|recording| Some((recording.id.as_str(), recording.link.as_deref()?)))
}

pub struct Tray {
    icon: TrayIcon,
    shown: Look,
}

impl Tray {
    /// On the main thread.
    pub fn create(app: &AppHandle) -> tauri::Result<Self> {
        let shown = Look::START;
        let icon = TrayIconBuilder::with_id("snaplark")
            .icon(image(shown.face))
            .tooltip(tooltip(shown.face))
            .menu(&menu(app, shown)?)
            .on_menu_event(pressed)
            .build(app)?;
        Ok(Tray { icon, shown })
    }

    pub fn show(&mut self, app: &AppHandle, look: Look) -> tauri::Result<()> {
        if look == self.shown {
            return Ok(());
        }
        if look.face != self.shown.face {
            self.icon.set_icon(Some(image(look.face)))?;
            self.icon.set_tooltip(Some(tooltip(look.face)))?;
        }
        if look != (Look { face: look.face, ..self.shown }) {
            self.icon.set_menu(Some(menu(app, look)?))?;
        }
        self.shown = look;
        Ok(())
    }

    /// In another language.
    pub fn say_again(&mut self, app: &AppHandle) -> tauri::Result<()> {
        self.icon.set_tooltip(Some(tooltip(self.shown.face)))?;
        self.icon.set_menu(Some(menu(app, self.shown)?))
    }
}

fn menu(app: &AppHandle, look: Look) -> tauri::Result<Menu<tauri::Wry>> {
    let (words, enabled) = match look.toggle {
        Toggle::Start => (word("tray_start"), true),
        Toggle::Starting => (word("tray_starting"), false),
        Toggle::Stop => (word("tray_stop"), true),
        Toggle::Stopping => (word("tray_stopping"), false),
    };
    let toggle = MenuItemBuilder::with_id(TOGGLE, words).enabled(enabled);
    let shortcut = app.try_state::<Shortcuts>().map(|shortcuts| shortcuts.of(Shortcut::Record));
    let toggle = match shortcut {
        Some(Bound { keys, state: State::Works, .. }) => toggle.accelerator(keys),
        _ => toggle,
    };
    let toggle = toggle.build(app)?;
    let mut menu = MenuBuilder::new(app).item(&toggle);
    menu = match look.pause {
        Pause::Neither => menu,
        Pause::Offer => menu.text(PAUSE, word("tray_pause")),
        Pause::OfferToGoOn => menu.text(PAUSE, word("tray_resume")),
    };
    menu = menu.separator();
    if look.has_link {
        menu = menu.text(COPY_LAST_LINK, word("tray_copy_last_link"));
    }
    menu.text(OPEN_LIBRARY, word("tray_open_library"))
        .text(OPEN_SETTINGS, word("tray_open_settings"))
        .separator()
        .text(QUIT, word("tray_quit"))
        .build()
}

fn pressed(app: &AppHandle, event: MenuEvent) {
    match event.id().as_ref() {
        TOGGLE => shell::order(app, Order::Toggle),
        PAUSE => shell::order(app, Order::Pause),
        COPY_LAST_LINK => shell::copy_last_link(app),
        OPEN_LIBRARY => pages::show(app, &pages::LIBRARY),
        OPEN_SETTINGS => pages::show(app, &pages::SETTINGS),
        QUIT => shell::quit(app),
        other => tracing::warn!(item = other, "the tray's menu has an item that nothing answers"),
    }
}

fn image(face: Face) -> Image<'static> {
    match face {
        Face::Idle => include_image!("src-tauri/icons/tray-idle.png"),
        Face::Recording => include_image!("src-tauri/icons/tray-recording.png"),
        Face::Paused => include_image!("src-tauri/icons/tray-paused.png"),
        Face::Uploading => include_image!("src-tauri/icons/tray-uploading.png"),
        Face::Attention => include_image!("src-tauri/icons/tray-attention.png"),
    }
}

fn tooltip(face: Face) -> &'static str {
    match face {
        Face::Idle => word("tray_tooltip_idle"),
        Face::Recording => word("tray_tooltip_recording"),
        Face::Paused => word("tray_tooltip_paused"),
        Face::Uploading => word("tray_tooltip_uploading"),
        Face::Attention => word("tray_tooltip_attention"),
    }
}

#[cfg(test)]
mod tests {
    use snaplark_app::WebcamState;
    use snaplark_app::view::{MicrophoneView, NeedReason, RecordingView, WaitReason};

    use super::*;

    fn snapshot(recorder: RecorderView, states: &[RecordingState], link: Option<&str>) -> Snapshot {
        let recordings = states.iter().enumerate().map(|(n, state)| RecordingView {
            id: n.to_string(),
            title: String::new(),
            started_unix_ms: 0,
            duration_ms: 0,
            size_bytes: 0,
            segments: 0,
            state: state.clone(),
            link: link.map(str::to_owned),
            file: None,
            file_problem: None,
            here: true,
            frames: 0,
            dropped: 0,
            health: Vec::new(),
            end_detail: None,
            upload: None,
        });
        Snapshot {
            change: 1,
            since: 0,
            version: 1,
            gone: Vec::new(),
            deleted: None,
            recorder,
            webcam: WebcamState::Off,
            recordings: recordings.collect(),
            toasts: Vec::new(),
            account: None,
            disk_free_bytes: 0,
            space_seconds: 0,
        }
    }

    fn face(recorder: RecorderView, states: &[RecordingState]) -> Face {
        Look::of(&snapshot(recorder, states, None)).face
    }

    #[test]
    fn recording_goes_before_attention_before_uploading() {
        let runs = || RecorderView::Recording {
            id: String::new(),
            started_unix_ms: 0,
            paused_ms: 0,
            link: None,
            microphone: MicrophoneView::Absent,
            trouble: None,
        };
        let needs = RecordingState::NeedsYou { reason: NeedReason::SignIn, detail: String::new() };
        let waits = RecordingState::Waits { reason: WaitReason::Offline };
        let up = RecordingState::Uploading;
        let all = [needs.clone(), up.clone(), RecordingState::Done];
        assert_eq!(face(runs(), &all), Face::Recording);
        let stands = RecorderView::Paused {
            id: String::new(),
            duration_ms: 0,
            link: None,
            microphone: MicrophoneView::Absent,
            trouble: None,
        };
        assert_eq!(face(stands, &all), Face::Paused);
        assert_eq!(face(RecorderView::Stopping { id: String::new() }, &all), Face::Recording);
        assert_eq!(face(RecorderView::Idle, &all), Face::Attention);
        assert_eq!(face(RecorderView::Idle, &[up, waits.clone()]), Face::Uploading);
        assert_eq!(face(RecorderView::Idle, &[waits, RecordingState::Done]), Face::Idle);
        assert_eq!(face(RecorderView::Starting, &[]), Face::Idle);
    }

    #[test]
    fn the_last_link_is_offered_where_there_is_one() {
        let states = [RecordingState::Uploading, RecordingState::Done];
        let without = snapshot(RecorderView::Idle, &states, None);
        assert!(!Look::of(&without).has_link);
        let with = snapshot(RecorderView::Idle, &states, Some("http://host/videos/1"));
        assert!(Look::of(&with).has_link);
        assert_eq!(last_link(&with), Some(("0", "http://host/videos/1")));
    }
}
