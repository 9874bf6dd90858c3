//! The tray: an icon that shows the state, and the few things one wants without a window. What it
//! looks like is a function of the snapshot; it is touched only when that changes.

use snaplark_app::Shortcut;
use snaplark_app::control::Order;
use snaplark_app::view::{
    MicrophoneView, RecorderView, RecordingState, RingView, RingWait, Snapshot,
};
use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuEvent, MenuItem, MenuItemBuilder, SubmenuBuilder};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry, include_image};

use crate::chooser::Kind;
use crate::shortcut::{Bound, Shortcuts, State};
use crate::words::word;
use crate::{bar, chooser, pages, quit, shell};

const TOGGLE: &str = "toggle";
const PAUSE: &str = "pause";
const MUTE: &str = "mute";
const SHOW_BAR: &str = "show-bar";
const CHOOSE_AREA: &str = "choose-area";
const CHOOSE_WINDOW: &str = "choose-window";
const SCREENSHOT: &str = "screenshot";
const SHARE_LAST: &str = "share-last";
const COPY_LAST_LINK: &str = "copy-last-link";
const OPEN_LIBRARY: &str = "open-library";
const OPEN_SETTINGS: &str = "open-settings";
const QUIT: &str = "quit";
/// With the recording's id behind it.
const COPY_LINK: &str = "copy-link-";
const OPEN_LINK: &str = "open-link-";
const SHOW_FILE: &str = "show-file-";

/// Those that one is likely to come back to.
const RECENT_MAX: usize = 5;
/// Menus are as wide as their longest line.
const TITLE_CHARS_MAX: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Idle,
    /// Nothing runs, but the last minutes of the screen are kept.
    Keeping,
    Recording,
    Paused,
    Uploading,
    Attention,
}

/// The last minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    No,
    Yes,
    /// They would be, on a disk with more room.
    NoRoom,
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

#[derive(Clone, Debug, PartialEq, Eq)]
struct Recent {
    id: String,
    title: String,
    has_link: bool,
    has_file: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    face: Face,
    toggle: Toggle,
    pause: Pause,
    microphone: MicrophoneView,
    kept: Kept,
    has_link: bool,
    recent: Vec<Recent>,
    /// What is recorded has its bar hidden.
    bar_is_away: bool,
}

impl Look {
    /// Recording goes before what needs the person, and that before what goes on by itself.
    pub fn of(snapshot: &Snapshot, bar_is_away: bool) -> Self {
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
        let (pause, microphone) = match snapshot.recorder {
            RecorderView::Recording { microphone, .. } => (Pause::Offer, microphone),
            RecorderView::Paused { microphone, .. } => (Pause::OfferToGoOn, microphone),
            RecorderView::Idle
            | RecorderView::Counting { .. }
            | RecorderView::Starting
            | RecorderView::Stopping { .. } => (Pause::Neither, MicrophoneView::Absent),
        };
        let kept = match snapshot.ring {
            RingView::Keeping { .. } => Kept::Yes,
            RingView::Waits { reason: RingWait::DiskLow } => Kept::NoRoom,
            RingView::Off | RingView::Waits { .. } | RingView::Failed { .. } => Kept::No,
        };
        let face = if pause == Pause::OfferToGoOn {
            Face::Paused
        } else if matches!(toggle, Toggle::Stop | Toggle::Stopping) {
            Face::Recording
        } else if any(|state| matches!(state, RecordingState::NeedsYou { .. })) {
            Face::Attention
        } else if any(|state| matches!(state, RecordingState::Uploading)) {
            Face::Uploading
        } else if kept == Kept::Yes {
            Face::Keeping
        } else {
            Face::Idle
        };
        let ended = snapshot.recordings.iter().filter(|it| it.state != RecordingState::Recording);
        let recent = ended.take(RECENT_MAX).map(|recording| Recent {
            id: recording.id.clone(),
            title: short(&recording.title),
            has_link: recording.link.is_some(),
            has_file: recording.file.is_some(),
        });
        Look {
            face,
            toggle,
            pause,
            microphone,
            kept,
            has_link: last_link(snapshot).is_some(),
            recent: recent.collect(),
            bar_is_away: bar_is_away && pause != Pause::Neither,
        }
    }

    const START: Look = Look {
        face: Face::Idle,
        toggle: Toggle::Start,
        pause: Pause::Neither,
        microphone: MicrophoneView::Absent,
        kept: Kept::No,
        has_link: false,
        recent: Vec::new(),
        bar_is_away: false,
    };
}

/// 1:42, 1:02:03.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn short(title: &str) -> String {
    match title.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", title[..end].trim_end()),
        None => title.to_owned(),
    }
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
            .menu(&menu(app, &shown)?)
            // Where the platform tells of clicks at all, the menu is for the right button on Windows.
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
        if look != (Look { face: look.face, ..self.shown.clone() }) {
            self.icon.set_menu(Some(menu(app, &look)?))?;
        }
        self.shown = look;
        Ok(())
    }

    /// In another language.
    pub fn say_again(&mut self, app: &AppHandle) -> tauri::Result<()> {
        self.icon.set_tooltip(Some(tooltip(self.shown.face)))?;
        self.icon.set_menu(Some(menu(app, &self.shown)?))
    }

    /// How long it records, beside the icon where the platform has room there, or over it.
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
    let mut menu = MenuBuilder::new(app).item(&toggle);
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
    menu = menu
        .separator()
        .item(&item(app, SCREENSHOT, word("tray_screenshot"), false, None)?)
        .separator();
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
            // Its ampersand would underline the next letter.
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

/// With the keys that do the same.
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
        SHOW_BAR => {
            if let Err(error) = bar::show(app) {
                tracing::warn!(%error, "the recorder bar can't be shown");
            }
        }
        CHOOSE_AREA => chooser::open(app, Kind::Area, true),
        CHOOSE_WINDOW => chooser::open(app, Kind::Window, true),
        SHARE_LAST => shell::order(app, Order::ShareLast { seconds: None }),
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
            ring: RingView::Off,
            webcam: WebcamState::Off,
            recordings: recordings.collect(),
            toasts: Vec::new(),
            account: None,
            disk_free_bytes: 0,
            space_seconds: 0,
        }
    }

    fn face(recorder: RecorderView, states: &[RecordingState]) -> Face {
        Look::of(&snapshot(recorder, states, None), false).face
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
    fn that_the_screen_is_kept_is_seen_unless_something_else_is_to_be() {
        let keeping = || RingView::Keeping { held_ms: 2_000, length_ms: 120_000 };
        let look = |states: &[RecordingState], ring| {
            Look::of(&Snapshot { ring, ..snapshot(RecorderView::Idle, states, None) }, false)
        };
        assert_eq!(look(&[], keeping()).face, Face::Keeping);
        let uploads = look(&[RecordingState::Uploading], keeping());
        assert_eq!((uploads.face, uploads.kept), (Face::Uploading, Kept::Yes));
        let full = look(&[], RingView::Waits { reason: RingWait::DiskLow });
        assert_eq!((full.face, full.kept), (Face::Idle, Kept::NoRoom));
        let locked = look(&[], RingView::Waits { reason: RingWait::Locked });
        assert_eq!((locked.face, locked.kept), (Face::Idle, Kept::No));
    }

    #[test]
    fn the_last_link_is_offered_where_there_is_one() {
        let states = [RecordingState::Uploading, RecordingState::Done];
        let without = snapshot(RecorderView::Idle, &states, None);
        assert!(!Look::of(&without, false).has_link);
        let with = snapshot(RecorderView::Idle, &states, Some("http://host/videos/1"));
        assert!(Look::of(&with, false).has_link);
        assert_eq!(last_link(&with), Some(("0", "http://host/videos/1")));
    }

    #[test]
    fn a_clock_is_as_short_as_it_can_be() {
        assert_eq!([0, 102_900, 3_723_000].map(clock), ["0:00", "1:42", "1:02:03"]);
    }

    #[test]
    fn recent_ones_are_few_short_and_over() {
        let mut states = vec![RecordingState::Recording];
        states.extend(vec![RecordingState::Done; 7]);
        let mut seen = snapshot(RecorderView::Idle, &states, None);
        seen.recordings[1].title = "ä".repeat(50);
        let recent = Look::of(&seen, false).recent;
        let ids: Vec<&str> = recent.iter().map(|recent| recent.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5"]);
        assert_eq!(recent[0].title, format!("{}…", "ä".repeat(40)));
    }
}
