//! The tray's icon and menu in each state.

use snaplark_core::Way;
use uuid::Uuid;

use super::*;
use crate::view::{NeedReason, RecordingView, SoundView, WaitReason};

/// Returns the id of the recording with that number in [`snapshot`].
pub(crate) fn id(number: usize) -> RecordingId {
    RecordingId(Uuid::from_u128(number as u128))
}

pub(crate) fn snapshot(
    recorder: RecorderView,
    states: &[RecordingState],
    link: Option<&str>,
) -> Snapshot {
    let recordings = states.iter().enumerate().map(|(n, state)| RecordingView {
        is_imported: false,
        id: id(n).to_string(),
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
        issues: Vec::new(),
        end_detail: None,
        end: None,
        upload: None,
        uploads: Vec::new(),
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
        pictures: Vec::new(),
        toasts: Vec::new(),
        jobs: Vec::new(),
        warnings: Vec::new(),
        cloud_problem: None,
        local_network: crate::LocalNetworkView::Off,
        account: None,
        other_servers: Vec::new(),
        disk_free_bytes: 0,
        space_seconds: 0,
    }
}

fn face(recorder: RecorderView, states: &[RecordingState]) -> TrayIconState {
    TrayState::of(&snapshot(recorder, states, None), false).face
}

#[test]
fn recording_goes_before_attention_before_uploading() {
    let runs = || RecorderView::Recording {
        id: String::new(),
        started_unix_ms: 0,
        paused_ms: 0,
        link: None,
        microphone: MicrophoneView::Absent,
        issue: None,
        struck: None,
    };
    let needs = RecordingState::NeedsYou { reason: NeedReason::SignIn, detail: String::new() };
    let waits = RecordingState::Waits { reason: WaitReason::Offline };
    let up = RecordingState::Uploading;
    let all = [needs.clone(), up.clone(), RecordingState::Done];
    assert_eq!(face(runs(), &all), TrayIconState::Recording);
    let stands = RecorderView::Paused {
        id: String::new(),
        duration_ms: 0,
        link: None,
        microphone: MicrophoneView::Absent,
        issue: None,
        struck: None,
    };
    assert_eq!(face(stands, &all), TrayIconState::Paused);
    assert_eq!(face(RecorderView::Stopping { id: String::new() }, &all), TrayIconState::Recording);
    assert_eq!(face(RecorderView::Idle, &all), TrayIconState::Attention);
    assert_eq!(face(RecorderView::Idle, &[up, waits.clone()]), TrayIconState::Uploading);
    assert_eq!(face(RecorderView::Idle, &[waits, RecordingState::Done]), TrayIconState::Idle);
    assert_eq!(face(RecorderView::Starting, &[]), TrayIconState::Idle);
}

#[test]
fn warning_is_shown_while_it_records_and_not_after() {
    let recorder = RecorderView::Recording {
        id: String::new(),
        started_unix_ms: 0,
        paused_ms: 0,
        link: None,
        microphone: MicrophoneView::Heard,
        issue: None,
        struck: None,
    };
    let warnings = vec![Warning::MicrophoneLost];
    let seen = Snapshot { warnings: warnings.clone(), ..snapshot(recorder, &[], None) };
    let look = TrayState::of(&seen, true);
    assert_eq!((look.face, look.warnings), (TrayIconState::Troubled, warnings));
    let look = TrayState::of(&Snapshot { recorder: RecorderView::Idle, ..seen }, true);
    assert_eq!((look.face, look.warnings), (TrayIconState::Idle, Vec::new()));
}

#[test]
fn that_the_screen_is_kept_is_seen_unless_something_else_is_to_be() {
    let keeping = || RingView::Keeping { held_ms: 2_000, length_ms: 120_000 };
    let look = |states: &[RecordingState], ring| {
        TrayState::of(&Snapshot { ring, ..snapshot(RecorderView::Idle, states, None) }, false)
    };
    assert_eq!(look(&[], keeping()).face, TrayIconState::Keeping);
    let uploads = look(&[RecordingState::Uploading], keeping());
    assert_eq!((uploads.face, uploads.kept), (TrayIconState::Uploading, RingStatus::Yes));
    let full = look(&[], RingView::Waits { reason: RingWait::DiskLow });
    assert_eq!((full.face, full.kept), (TrayIconState::Idle, RingStatus::NoRoom));
    let locked = look(&[], RingView::Waits { reason: RingWait::Locked });
    assert_eq!((locked.face, locked.kept), (TrayIconState::Idle, RingStatus::No));
}

#[test]
fn the_last_link_is_offered_where_there_is_one() {
    let states = [RecordingState::Uploading, RecordingState::Done];
    let without = snapshot(RecorderView::Idle, &states, None);
    assert!(!TrayState::of(&without, false).has_link);
    let with = snapshot(RecorderView::Idle, &states, Some("http://host/videos/1"));
    assert!(TrayState::of(&with, false).has_link);
    assert_eq!(last_link(&with), Some((id(0).to_string().as_str(), "http://host/videos/1")));
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
    let recent = TrayState::of(&seen, false).recent;
    let ids: Vec<RecordingId> = recent.iter().map(|recent| recent.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5].map(id));
    assert_eq!(recent[0].title, format!("{}…", "ä".repeat(40)));
}

#[test]
fn title_is_isolated_when_it_is_read_from_the_right() {
    assert_eq!(short("عرض 1"), "\u{2068}عرض 1\u{2069}");
    assert_eq!(short("Demo 1"), "Demo 1");
}

fn items(state: &TrayState) -> Vec<TrayItem> {
    let items = |entry| match entry {
        TrayEntry::Item(item) => vec![item],
        TrayEntry::Group(_, items) => items,
        TrayEntry::Recent(menus) => menus.into_iter().flat_map(|menu| menu.items).collect(),
        TrayEntry::Note(_) | TrayEntry::Separator => Vec::new(),
    };
    state.menu(false).into_iter().flat_map(items).collect()
}

fn paused() -> RecorderView {
    RecorderView::Paused {
        id: String::new(),
        duration_ms: 0,
        link: None,
        microphone: MicrophoneView::Muted,
        issue: None,
        struck: None,
    }
}

#[test]
fn menu_offers_to_resume_and_unmute_while_paused() {
    let state = TrayState::of(&snapshot(paused(), &[], None), true);
    let labels: Vec<TrayLabel> = items(&state).iter().map(|item| item.label).collect();
    let wanted = [
        TrayLabel::Stop,
        TrayLabel::Resume,
        TrayLabel::Unmute,
        TrayLabel::Strike,
        TrayLabel::ShowBar,
        TrayLabel::ScreenshotArea,
        TrayLabel::ScreenshotWindow,
        TrayLabel::ScreenshotDisplay,
        TrayLabel::ScreenshotAll,
        TrayLabel::ScreenshotLastArea,
        TrayLabel::ScreenshotDelayed(5),
        TrayLabel::UploadFile,
        TrayLabel::OpenLibrary,
        TrayLabel::OpenSettings,
        TrayLabel::Quit,
    ];
    assert_eq!(labels, wanted);
}

#[test]
fn menu_cannot_toggle_while_the_recorder_starts_or_stops() {
    for recorder in [RecorderView::Starting, RecorderView::Stopping { id: String::new() }] {
        let state = TrayState::of(&snapshot(recorder, &[], None), false);
        let toggle = items(&state).into_iter().find(|item| item.action == Action::Toggle);
        assert_eq!(toggle.map(|item| item.enabled), Some(false));
    }
}

#[test]
fn menu_names_the_screen_when_the_desktop_asks_what_to_share() {
    let state = TrayState::of(&snapshot(RecorderView::Idle, &[], None), false);
    let label = |desktop_asks| {
        state.menu(desktop_asks).into_iter().find_map(|entry| match entry {
            TrayEntry::Item(item) if item.action == Action::ChooseArea => Some(item.label),
            _ => None,
        })
    };
    assert_eq!(label(false), Some(TrayLabel::ChooseArea));
    assert_eq!(label(true), Some(TrayLabel::ChooseScreen));
}

#[test]
fn menu_offers_no_last_area_when_the_desktop_asks() {
    let state = TrayState::of(&snapshot(RecorderView::Idle, &[], None), false);
    let offers = |desktop_asks| {
        state.menu(desktop_asks).into_iter().any(|entry| match entry {
            TrayEntry::Group(_, items) => {
                items.iter().any(|item| item.action == Action::ScreenshotLastArea)
            }
            _ => false,
        })
    };
    assert_eq!([offers(false), offers(true)], [true, false]);
}

#[test]
fn menu_offers_of_a_recent_recording_only_what_it_has() {
    let state = TrayState::of(
        &snapshot(RecorderView::Idle, &[RecordingState::Done], Some("http://host/1")),
        false,
    );
    let of_it: Vec<(Action, bool)> = items(&state)
        .iter()
        .filter(|item| item.action.to_string().contains(&id(0).to_string()))
        .map(|item| (item.action, item.enabled))
        .collect();
    let link = LinkAt { recording: id(0), at_ms: None };
    let wanted = [
        (Action::CopyLink(link), true),
        (Action::OpenLink(id(0)), true),
        (Action::ShowFile(id(0)), false),
    ];
    assert_eq!(of_it, wanted);
}

#[test]
fn every_item_asks_for_what_the_tray_may_ask_for() {
    let keeping = RingView::Keeping { held_ms: 2_000, length_ms: 120_000 };
    let idle = Snapshot {
        ring: keeping,
        webcam: WebcamState::On,
        ..snapshot(RecorderView::Idle, &[RecordingState::Done], Some("http://host/1"))
    };
    for seen in [idle, snapshot(paused(), &[], None)] {
        for item in items(&TrayState::of(&seen, true)) {
            assert!(item.action.may_come_by(Way::Tray), "{}", item.action);
            assert_eq!(item.action.to_string().parse(), Ok(item.action));
        }
    }
}
