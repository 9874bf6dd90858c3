//! Derives the tray's look from a snapshot. It knows nothing of icons, menus or windows.

use snaplark_app::WebcamState;
use snaplark_app::view::{
    MicrophoneView, RecorderView, RecordingState, RingView, RingWait, Snapshot, Warning,
};

/// How many recent recordings the menu lists: those one is likely to come back to.
const RECENT_MAX: usize = 5;
/// A menu is as wide as its longest line.
const TITLE_CHARS_MAX: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    Idle,
    /// Nothing is being recorded, but the last minutes of the screen are kept.
    Keeping,
    Recording,
    /// A recording is running and has a problem.
    Troubled,
    Paused,
    Uploading,
    Attention,
}

impl Face {
    #[cfg(target_os = "linux")]
    pub(super) const ALL: [Face; 7] = [
        Face::Idle,
        Face::Keeping,
        Face::Recording,
        Face::Troubled,
        Face::Paused,
        Face::Uploading,
        Face::Attention,
    ];
}

/// The state of the ring buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    No,
    Yes,
    /// Nothing is kept, because the disk lacks room.
    NoRoom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    Start,
    Starting,
    Stop,
    Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nothing is being recorded.
    Neither,
    Offer,
    OfferToGoOn,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) has_link: bool,
    pub(super) has_file: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub(super) face: Face,
    pub(super) toggle: Toggle,
    pub(super) pause: Pause,
    pub(super) microphone: MicrophoneView,
    /// Nothing is being recorded, and the next recording will show the webcam.
    pub(super) webcam_is_next: bool,
    pub(super) kept: Kept,
    pub(super) has_link: bool,
    pub(super) recent: Vec<Recent>,
    /// The bar of the running recording is hidden.
    pub(super) bar_is_away: bool,
    /// The problems of the running recording.
    pub(super) warnings: Vec<Warning>,
}

impl Look {
    /// Derives the look. A recording has priority over what needs the person, and that over what continues
    /// by itself.
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
        let runs = pause != Pause::Neither;
        let face = if runs && !snapshot.warnings.is_empty() {
            Face::Troubled
        } else if pause == Pause::OfferToGoOn {
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
            webcam_is_next: toggle == Toggle::Start && snapshot.webcam != WebcamState::Off,
            kept,
            has_link: last_link(snapshot).is_some(),
            recent: recent.collect(),
            bar_is_away: bar_is_away && runs,
            warnings: if runs { snapshot.warnings.clone() } else { Vec::new() },
        }
    }

    pub(super) const START: Look = Look {
        face: Face::Idle,
        toggle: Toggle::Start,
        pause: Pause::Neither,
        microphone: MicrophoneView::Absent,
        webcam_is_next: false,
        kept: Kept::No,
        has_link: false,
        recent: Vec::new(),
        bar_is_away: false,
        warnings: Vec::new(),
    };
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

#[cfg(test)]
pub mod tests {
    use snaplark_app::WebcamState;
    use snaplark_app::view::{MicrophoneView, NeedReason, RecordingView, SoundView, WaitReason};

    use super::*;

    pub fn snapshot(
        recorder: RecorderView,
        states: &[RecordingState],
        link: Option<&str>,
    ) -> Snapshot {
        let recordings = states.iter().enumerate().map(|(n, state)| RecordingView {
            id: n.to_string(),
            title: String::new(),
            started_unix_ms: 0,
            duration_ms: 0,
            size_bytes: 0,
            segments: 0,
            state: state.clone(),
            link_reach: None,
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
            rebuilt: None,
            recorder,
            ring: RingView::Off,
            webcam: WebcamState::Off,
            sound: SoundView::default(),
            recordings: recordings.collect(),
            toasts: Vec::new(),
            warnings: Vec::new(),
            cloud_problem: None,
            local_network: snaplark_app::LocalNetworkView::Off,
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
    fn warning_is_shown_while_it_records_and_not_after() {
        let recorder = RecorderView::Recording {
            id: String::new(),
            started_unix_ms: 0,
            paused_ms: 0,
            link: None,
            microphone: MicrophoneView::Heard,
            trouble: None,
        };
        let warnings = vec![Warning::MicrophoneLost];
        let seen = Snapshot { warnings: warnings.clone(), ..snapshot(recorder, &[], None) };
        let look = Look::of(&seen, true);
        assert_eq!((look.face, look.warnings), (Face::Troubled, warnings));
        let look = Look::of(&Snapshot { recorder: RecorderView::Idle, ..seen }, true);
        assert_eq!((look.face, look.warnings), (Face::Idle, Vec::new()));
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

    #[test]
    fn title_is_isolated_when_it_is_read_from_the_right() {
        assert_eq!(short("عرض 1"), "\u{2068}عرض 1\u{2069}");
        assert_eq!(short("Demo 1"), "Demo 1");
    }
}
