//! Derives the tray's icon and menu from a snapshot. The shell draws both and chooses the words.

#[cfg(test)]
pub(crate) mod tests;

use snaplark_core::{Action, LinkAt, RecordingId};

use crate::view::{
    MicrophoneView, RecorderView, RecordingState, RingView, RingWait, Snapshot, Warning,
};
use crate::{Shortcut, WebcamState};

/// How many recent recordings the menu lists: those one is likely to come back to.
const RECENT_MAX: usize = 5;
/// The delay is long enough to open a menu that is to be in the picture.
const SCREENSHOT_DELAY_SECONDS: u64 = 5;
/// A menu is as wide as its longest line.
const TITLE_CHARS_MAX: usize = 40;

/// The states of the tray's icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrayIconState {
    /// Nothing is recorded.
    Idle,
    /// Nothing is being recorded, but the last minutes of the screen are kept.
    Keeping,
    /// A recording runs.
    Recording,
    /// A recording is running and has a problem.
    Troubled,
    /// A recording is paused.
    Paused,
    /// Something is being uploaded.
    Uploading,
    /// Something needs the person.
    Attention,
}

impl TrayIconState {
    /// Every state, for shells that draw the icons ahead of time.
    pub const ALL: [TrayIconState; 7] = [
        TrayIconState::Idle,
        TrayIconState::Keeping,
        TrayIconState::Recording,
        TrayIconState::Troubled,
        TrayIconState::Paused,
        TrayIconState::Uploading,
        TrayIconState::Attention,
    ];
}

/// The state of the ring buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingStatus {
    /// Nothing is kept.
    No,
    /// The last minutes are kept.
    Yes,
    /// Nothing is kept, because the disk lacks room.
    NoRoom,
}

/// The menu's entry that starts or stops a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordEntry {
    /// It starts a recording.
    Start,
    /// A recording is starting; nothing can be done.
    Starting,
    /// It stops the recording.
    Stop,
    /// The recording is stopping; nothing can be done.
    Stopping,
}

/// The menu's entry that pauses or resumes a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseEntry {
    /// Nothing is being recorded.
    Neither,
    /// It pauses the recording.
    Offer,
    /// It resumes the recording.
    OfferToGoOn,
}

/// A recording in the menu's list of recent ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// The recording's id.
    pub id: RecordingId,
    /// Its title, cut to the menu's width.
    pub title: String,
    /// It has a link to copy and open.
    pub has_link: bool,
    /// It has a file to show.
    pub has_file: bool,
}

/// Everything that the tray shows. Equal states look the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayState {
    /// The icon.
    pub face: TrayIconState,
    /// The entry that starts or stops a recording.
    pub toggle: RecordEntry,
    /// The entry that pauses or resumes it.
    pub pause: PauseEntry,
    /// The microphone of the running recording.
    pub microphone: MicrophoneView,
    /// Nothing is being recorded, and the next recording will show the webcam.
    pub webcam_is_next: bool,
    /// The state of the ring buffer.
    pub kept: RingStatus,
    /// A recording has a link to copy.
    pub has_link: bool,
    /// The newest recordings that are over.
    pub recent: Vec<Recent>,
    /// The bar of the running recording is hidden.
    pub bar_is_hidden: bool,
    /// The problems of the running recording.
    pub warnings: Vec<Warning>,
}

impl TrayState {
    /// Derives the look. A recording has priority over what needs the person, and that over what continues
    /// by itself.
    pub fn of(snapshot: &Snapshot, bar_is_hidden: bool) -> Self {
        let any = |wanted: fn(&RecordingState) -> bool| {
            snapshot.recordings.iter().any(|recording| wanted(&recording.state))
        };
        let toggle = match snapshot.recorder {
            RecorderView::Idle => RecordEntry::Start,
            RecorderView::Starting => RecordEntry::Starting,
            RecorderView::Counting { .. }
            | RecorderView::Recording { .. }
            | RecorderView::Paused { .. } => RecordEntry::Stop,
            RecorderView::Stopping { .. } => RecordEntry::Stopping,
        };
        let (pause, microphone) = match snapshot.recorder {
            RecorderView::Recording { microphone, .. } => (PauseEntry::Offer, microphone),
            RecorderView::Paused { microphone, .. } => (PauseEntry::OfferToGoOn, microphone),
            RecorderView::Idle
            | RecorderView::Counting { .. }
            | RecorderView::Starting
            | RecorderView::Stopping { .. } => (PauseEntry::Neither, MicrophoneView::Absent),
        };
        let kept = match snapshot.ring {
            RingView::Keeping { .. } => RingStatus::Yes,
            RingView::Waits { reason: RingWait::DiskLow } => RingStatus::NoRoom,
            RingView::Off | RingView::Waits { .. } | RingView::Failed { .. } => RingStatus::No,
        };
        let runs = pause != PauseEntry::Neither;
        let face = if runs && !snapshot.warnings.is_empty() {
            TrayIconState::Troubled
        } else if pause == PauseEntry::OfferToGoOn {
            TrayIconState::Paused
        } else if matches!(toggle, RecordEntry::Stop | RecordEntry::Stopping) {
            TrayIconState::Recording
        } else if any(|state| matches!(state, RecordingState::NeedsYou { .. })) {
            TrayIconState::Attention
        } else if any(|state| matches!(state, RecordingState::Uploading)) {
            TrayIconState::Uploading
        } else if kept == RingStatus::Yes {
            TrayIconState::Keeping
        } else {
            TrayIconState::Idle
        };
        let ended = snapshot.recordings.iter().filter(|it| it.state != RecordingState::Recording);
        let recent = ended.take(RECENT_MAX).filter_map(|recording| {
            Some(Recent {
                id: recording.id.parse().ok()?,
                title: short(&recording.title),
                has_link: recording.link.is_some(),
                has_file: recording.file.is_some(),
            })
        });
        TrayState {
            face,
            toggle,
            pause,
            microphone,
            webcam_is_next: toggle == RecordEntry::Start && snapshot.webcam != WebcamState::Off,
            kept,
            has_link: last_link(snapshot).is_some(),
            recent: recent.collect(),
            bar_is_hidden: bar_is_hidden && runs,
            warnings: if runs { snapshot.warnings.clone() } else { Vec::new() },
        }
    }

    /// Returns the menu, from top to bottom. `desktop_asks`: only the desktop can ask what to share, and it
    /// knows no areas.
    pub fn menu(&self, desktop_asks: bool) -> Vec<TrayEntry> {
        let record = match self.toggle {
            RecordEntry::Start => TrayLabel::Start,
            RecordEntry::Starting => TrayLabel::Starting,
            RecordEntry::Stop => TrayLabel::Stop,
            RecordEntry::Stopping => TrayLabel::Stopping,
        };
        let can_toggle = matches!(self.toggle, RecordEntry::Start | RecordEntry::Stop);
        let mut menu: Vec<TrayEntry> =
            self.warnings.iter().map(|it| TrayEntry::Note(TrayLabel::Warning(*it))).collect();
        menu.push(
            TrayItem::new(Action::Toggle, record)
                .enabled(can_toggle)
                .with_keys(Shortcut::Record)
                .entry(),
        );
        match self.pause {
            PauseEntry::Neither => {}
            PauseEntry::Offer => menu.push(TrayItem::new(Action::Pause, TrayLabel::Pause).entry()),
            PauseEntry::OfferToGoOn => {
                menu.push(TrayItem::new(Action::Pause, TrayLabel::Resume).entry());
            }
        }
        let mute = match self.microphone {
            MicrophoneView::Absent => None,
            MicrophoneView::Muted => Some(TrayLabel::Unmute),
            MicrophoneView::Heard => Some(TrayLabel::Mute),
        };
        menu.extend(mute.map(|label| {
            TrayItem::new(Action::Mute, label).with_keys(Shortcut::Microphone).entry()
        }));
        if self.pause != PauseEntry::Neither {
            let strike = TrayItem::new(Action::Strike(None), TrayLabel::Strike);
            menu.push(strike.with_keys(Shortcut::Strike).entry());
        }
        if self.webcam_is_next {
            menu.push(TrayItem::new(Action::Webcam, TrayLabel::WebcamOff).entry());
        }
        if self.bar_is_hidden {
            menu.push(TrayItem::new(Action::ShowBar, TrayLabel::ShowBar).entry());
        }
        if self.toggle == RecordEntry::Start {
            let area = if desktop_asks { TrayLabel::ChooseScreen } else { TrayLabel::ChooseArea };
            menu.push(
                TrayItem::new(Action::ChooseArea, area).with_keys(Shortcut::ChooseArea).entry(),
            );
            menu.push(TrayItem::new(Action::ChooseWindow, TrayLabel::ChooseWindow).entry());
        }
        menu.push(
            TrayItem::new(Action::ScreenshotArea, TrayLabel::ScreenshotArea)
                .with_keys(Shortcut::Screenshot)
                .entry(),
        );
        menu.push(TrayEntry::Group(TrayLabel::Screenshots, screenshots(desktop_asks)));
        match self.kept {
            RingStatus::No => {}
            RingStatus::Yes => {
                menu.push(TrayItem::new(Action::PreviewLast, TrayLabel::ShareLast).entry());
            }
            RingStatus::NoRoom => menu.push(TrayEntry::Note(TrayLabel::NotKept)),
        }
        menu.push(TrayEntry::Separator);
        if self.has_link {
            menu.push(TrayItem::new(Action::CopyLastLink, TrayLabel::CopyLastLink).entry());
        }
        if !self.recent.is_empty() {
            menu.push(TrayEntry::Recent(self.recent.iter().map(Recent::menu).collect()));
        }
        menu.extend([
            TrayItem::new(Action::UploadFile, TrayLabel::UploadFile).entry(),
            TrayItem::new(Action::OpenLibrary, TrayLabel::OpenLibrary).entry(),
            TrayItem::new(Action::OpenSettings, TrayLabel::OpenSettings).entry(),
            TrayEntry::Separator,
            TrayItem::new(Action::Quit, TrayLabel::Quit).entry(),
        ]);
        menu
    }

    /// The tray before the first snapshot.
    pub const START: TrayState = TrayState {
        face: TrayIconState::Idle,
        toggle: RecordEntry::Start,
        pause: PauseEntry::Neither,
        microphone: MicrophoneView::Absent,
        webcam_is_next: false,
        kept: RingStatus::No,
        has_link: false,
        recent: Vec::new(),
        bar_is_hidden: false,
        warnings: Vec::new(),
    };
}

/// Returns the screenshots that are asked for less often. `desktop_asks`: windows can't be named, and no area
/// is known.
fn screenshots(desktop_asks: bool) -> Vec<TrayItem> {
    let all = [
        (Action::ScreenshotWindow, TrayLabel::ScreenshotWindow),
        (Action::ScreenshotDisplay, TrayLabel::ScreenshotDisplay),
        (Action::ScreenshotAll, TrayLabel::ScreenshotAll),
        (Action::ScreenshotLastArea, TrayLabel::ScreenshotLastArea),
        (
            Action::ScreenshotDelayed(SCREENSHOT_DELAY_SECONDS),
            TrayLabel::ScreenshotDelayed(SCREENSHOT_DELAY_SECONDS),
        ),
    ];
    let is_offered = |action: Action| !desktop_asks || action != Action::ScreenshotLastArea;
    let offered = all.into_iter().filter(|(action, _)| is_offered(*action));
    offered.map(|(action, label)| TrayItem::new(action, label)).collect()
}

impl Recent {
    fn menu(&self) -> RecentMenu {
        let link = LinkAt { recording: self.id, at_ms: None };
        let items = [
            TrayItem::new(Action::CopyLink(link), TrayLabel::CopyLink).enabled(self.has_link),
            TrayItem::new(Action::OpenLink(self.id), TrayLabel::OpenLink).enabled(self.has_link),
            TrayItem::new(Action::ShowFile(self.id), TrayLabel::ShowFile).enabled(self.has_file),
        ];
        RecentMenu { title: self.title.clone(), items }
    }
}

/// One line of the tray's menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrayEntry {
    /// A line that asks for an action.
    Item(TrayItem),
    /// A line that only says something.
    Note(TrayLabel),
    /// A line between two groups.
    Separator,
    /// Items in a menu of their own.
    Group(TrayLabel, Vec<TrayItem>),
    /// The recent recordings, each with a menu of its own.
    Recent(Vec<RecentMenu>),
}

/// The menu of one recent recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentMenu {
    /// The recording's title.
    pub title: String,
    /// The actions that are offered for it.
    pub items: [TrayItem; 3],
}

/// A line of the menu that asks for an action. The action's text is the item's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrayItem {
    /// The action that it asks for.
    pub action: Action,
    /// Its text.
    pub label: TrayLabel,
    /// It can be asked for now.
    pub enabled: bool,
    /// The shortcut whose keys the item shows.
    pub keys: Option<Shortcut>,
}

impl TrayItem {
    fn new(action: Action, label: TrayLabel) -> Self {
        TrayItem { action, label, enabled: true, keys: None }
    }

    fn enabled(self, enabled: bool) -> Self {
        TrayItem { enabled, ..self }
    }

    fn with_keys(self, shortcut: Shortcut) -> Self {
        TrayItem { keys: Some(shortcut), ..self }
    }

    fn entry(self) -> TrayEntry {
        TrayEntry::Item(self)
    }
}

/// The text of a line of the menu. The shell has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named like the line that it is")]
pub enum TrayLabel {
    Warning(Warning),
    Start,
    Starting,
    Stop,
    Stopping,
    Pause,
    Resume,
    Mute,
    Unmute,
    Strike,
    WebcamOff,
    ShowBar,
    ChooseArea,
    ChooseScreen,
    ChooseWindow,
    ScreenshotArea,
    ScreenshotWindow,
    ScreenshotDisplay,
    ScreenshotAll,
    ScreenshotLastArea,
    ScreenshotDelayed(u64),
    /// The menu of the other screenshots.
    Screenshots,
    ShareLast,
    /// The last minutes aren't kept, because the disk lacks room.
    NotKept,
    CopyLastLink,
    CopyLink,
    OpenLink,
    ShowFile,
    UploadFile,
    OpenLibrary,
    OpenSettings,
    Quit,
}

/// Formats a length: 1:42, 1:02:03.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Cuts a title to a menu's width and isolates it, since the menu may be read in the other direction.
fn short(title: &str) -> String {
    match title.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => isolated(&format!("{}…", title[..end].trim_end())),
        None => isolated(title),
    }
}

/// Puts Unicode's isolates around right-to-left text, which most titles are not.
fn isolated(text: &str) -> String {
    let is_from_the_right = |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    match text.contains(is_from_the_right) {
        true => format!("\u{2068}{text}\u{2069}"),
        false => text.to_owned(),
    }
}

/// Returns the id and link of the newest recording with a link.
pub fn last_link(snapshot: &Snapshot) -> Option<(&str, &str)> {
    snapshot
        .recordings
        .iter()
        .find_map(|recording| Some((recording.id.as_str(), recording.link.as_deref()?)))
}
