//! Tests of the controller with a fake shell that records its calls.

use std::sync::atomic::Ordering;
use std::time::Duration;

use snaplark_core::capture::Source;
use snaplark_core::{Action, LinkAt, Way};

use super::bar::{Bar, BarWindow};
use super::chooser::{
    Choice, ChooserKind, ChooserPurpose, ChosenDisplay, ChosenSource, remembered,
};
use super::fake::{DesktopRig, ShellCall, display};
use super::place::{CapturedPart, Rect, Size};
use super::tray::tests::{id, snapshot};
use super::tray::{RecordEntry, TrayState};
use super::{DesktopWindow, Shell as _, Unfinished};
use crate::view::{JobKind, JobStateView, JobView, RecorderView, RecordingState, WaitReason};
use crate::{AppError, ErrorCode, JobSpec, Microphone, Notice, SettingsChange};

/// Far more than any of these takes.
const LIMIT: Duration = Duration::from_secs(20);

async fn tray_until(rig: &DesktopRig, wanted: impl Fn(&TrayState) -> bool) -> TrayState {
    let mut tray = rig.shell().tray.subscribe();
    let seen = tray.wait_for(|state| state.as_ref().is_some_and(&wanted));
    let seen = tokio::time::timeout(LIMIT, seen).await.expect("the tray never looked so").unwrap();
    seen.clone().unwrap()
}

fn code(done: Result<(), AppError>) -> Option<ErrorCode> {
    done.err().map(|error| error.code())
}

#[tokio::test]
async fn action_is_refused_when_it_comes_by_a_way_that_does_not_offer_it() {
    let rig = DesktopRig::open().await;
    for (action, way) in [
        (Action::Quit, Way::CommandLine),
        (Action::Cancel, Way::Toasts),
        (Action::Start, Way::Tray),
        (Action::OpenLink(id(1)), Way::CommandLine),
    ] {
        assert_eq!(
            code(rig.controller.ask(action, way).await),
            Some(ErrorCode::NotOffered),
            "{action}"
        );
    }
    assert_eq!(rig.shell().taken(), []);
    assert_eq!(rig.capture.sources(), []);
    rig.close().await;
}

#[tokio::test]
async fn windows_open_when_they_are_asked_for() {
    let rig = DesktopRig::open().await;
    for (action, way, asked) in [
        (Action::OpenLibrary, Way::Shortcut, ShellCall::OpenWindow(DesktopWindow::Library)),
        (Action::OpenSettings, Way::Tray, ShellCall::OpenWindow(DesktopWindow::Settings)),
        (Action::OpenAccount, Way::Toasts, ShellCall::OpenWindow(DesktopWindow::Account)),
        (Action::QuickMenu, Way::SecondStart, ShellCall::ToggleQuickMenu),
        (Action::ShowBar, Way::Tray, ShellCall::ShowBar(true)),
        (Action::HideBar, Way::Bar, ShellCall::ShowBar(false)),
        (Action::Quit, Way::Tray, ShellCall::Quit),
    ] {
        rig.controller.ask(action, way).await.unwrap();
        assert_eq!(rig.shell().taken(), [asked]);
    }
    rig.close().await;
}

#[tokio::test]
async fn files_are_asked_for_and_each_that_is_refused_is_named() {
    let rig = DesktopRig::open().await;
    rig.controller.ask(Action::UploadFile, Way::Tray).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::AskFiles], "cancelled");
    *rig.shell().files.lock().unwrap() = vec!["/missing/a.mp4".into(), "/missing/b.mp4".into()];
    let refused = ShellCall::Warn(ErrorCode::FileRefused);
    let asked = rig.controller.ask(Action::UploadFile, Way::Library).await;
    assert_eq!(code(asked), Some(ErrorCode::FileRefused), "the window shows the first");
    assert_eq!(rig.shell().taken(), [ShellCall::AskFiles, refused.clone()]);
    rig.controller.ask(Action::UploadFile, Way::Tray).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::AskFiles, refused.clone(), refused]);
    rig.close().await;
}

#[tokio::test]
async fn editor_of_what_is_not_in_the_library_stays_closed() {
    let rig = DesktopRig::open().await;
    let asked = rig.controller.ask(Action::Edit(id(1)), Way::Library).await;
    assert_eq!(code(asked), Some(ErrorCode::NoRecording));
    assert_eq!(
        code(rig.controller.ask(Action::Edit(id(1)), Way::Toasts).await),
        Some(ErrorCode::NotOffered)
    );
    assert_eq!(rig.shell().taken(), []);
    rig.close().await;
}

#[tokio::test]
async fn chooser_opens_and_closes_by_the_same_keys() {
    let rig = DesktopRig::open().await;
    rig.controller.ask(Action::ChooseArea, Way::Shortcut).await.unwrap();
    assert_eq!(
        rig.shell().taken(),
        [ShellCall::OpenChooser(ChooserKind::Area, ChooserPurpose::Record)]
    );
    rig.controller.ask(Action::ChooseArea, Way::Shortcut).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::CloseChooser]);
    rig.close().await;
}

#[tokio::test]
async fn chooser_stays_closed_while_a_recording_starts() {
    let rig = DesktopRig::open().await;
    rig.capture.stay_silent();
    let controller = rig.controller.clone();
    tokio::spawn(async move { controller.ask(Action::Toggle, Way::Tray).await });
    let tray = tray_until(&rig, |state| state.toggle != RecordEntry::Start).await;
    assert_eq!(tray.toggle, RecordEntry::Starting);
    let mut keys = rig.shell().active_keys.subscribe();
    let active =
        tokio::time::timeout(LIMIT, keys.wait_for(|active| *active == (true, false))).await;
    assert!(active.is_ok(), "the keys of a recording never became active");
    rig.controller.ask(Action::ChooseWindow, Way::Tray).await.unwrap();
    assert_eq!(rig.shell().taken_beside_the_bar(), []);
    rig.close().await;
}

#[tokio::test]
async fn bar_appears_with_a_recording_and_tray_offers_it_when_it_would_be_in_the_picture() {
    let rig = DesktopRig::open().await;
    rig.capture.stay_silent();
    *rig.shell().avoided.lock().unwrap() = Some(CapturedPart::Part(display().at));
    let controller = rig.controller.clone();
    tokio::spawn(async move { controller.ask(Action::Toggle, Way::Tray).await });
    tray_until(&rig, |state| state.toggle == RecordEntry::Starting).await;
    assert_eq!(rig.shell().taken(), [ShellCall::DrawBar]);
    let size = Size { width: 400.0, height: 80.0 };
    let window = |avoided| {
        rig.shell().with_bar(|bar| {
            bar.fit(Some(size));
            (bar.window(avoided), bar.is_hidden(avoided))
        })
    };
    let whole = Some(CapturedPart::Part(display().at));
    assert_eq!(window(whole), (BarWindow::Hidden, true));
    let at = Rect { x: 440, y: 616, width: 400, height: 80 };
    assert_eq!(window(None), (BarWindow::At(at), false));
    rig.close().await;
}

#[tokio::test]
async fn bar_stays_hidden_when_the_settings_say_so_and_appears_when_asked_for() {
    let rig = DesktopRig::open().await;
    rig.capture.stay_silent();
    let hides = SettingsChange::of(&["desktop", "showBar"], false);
    rig.app.change_settings(hides).await.unwrap();
    let controller = rig.controller.clone();
    tokio::spawn(async move { controller.ask(Action::Toggle, Way::Tray).await });
    tray_until(&rig, |state| state.toggle == RecordEntry::Starting).await;
    let drawn = rig.shell().taken().contains(&ShellCall::DrawBar);
    assert!(!drawn, "the bar was drawn");
    let is_hidden = || rig.shell().with_bar(|bar| bar.is_hidden(None));
    assert!(is_hidden());
    rig.shell().with_bar(Bar::request);
    assert!(!is_hidden());
    rig.close().await;
}

#[tokio::test]
async fn desktops_own_dialog_stands_in_for_the_chooser_when_the_desktop_asks() {
    let rig = DesktopRig::open().await;
    rig.shell().desktop_asks.store(true, Ordering::SeqCst);
    for action in [Action::ChooseArea, Action::ChooseWindow] {
        let done = rig.controller.ask(action, Way::Tray).await;
        assert_eq!(code(done), Some(ErrorCode::SharingDeclined));
    }
    assert_eq!(rig.capture.sources(), [Source::Display(None), Source::Window(0)]);
    assert_eq!(rig.shell().taken_beside_the_bar(), []);
    rig.close().await;
}

fn choice(source: ChosenSource) -> Choice {
    let microphone = Microphone::Off;
    Choice { source, microphone, system_sound: true, webcam: false, countdown_seconds: 0 }
}

fn second_display() -> ChosenDisplay {
    ChosenDisplay { name: "DP-2".to_owned(), number: 1, is_first: false }
}

#[tokio::test]
async fn choice_becomes_the_source_and_the_settings_of_the_next_recording() {
    let rig = DesktopRig::open().await;
    let at = Rect { x: 1300, y: 10, width: 640, height: 480 };
    let done = rig.controller.choose(choice(ChosenSource::Area { at }), second_display()).await;
    assert_eq!(code(done), Some(ErrorCode::SharingDeclined), "the fake capture starts nothing");
    assert_eq!(rig.shell().taken_beside_the_bar(), [ShellCall::CloseChooser]);
    let region = Source::Region { x: 1300, y: 10, width: 640, height: 480 };
    assert_eq!(rig.capture.sources(), [region]);
    let settings = rig.app.settings().await.unwrap().recording;
    assert_eq!((settings.microphone, settings.system_sound), (Microphone::Off, true));
    let kept = rig.app.recall(&remembered("DP-2")).await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Rect>(&kept).unwrap(), at);
    rig.close().await;
}

#[test]
fn chosen_display_is_named_by_its_number_unless_it_is_the_first() {
    let display = choice(ChosenSource::Display);
    assert_eq!(display.source_on(&second_display()), Source::Display(Some(1)));
    let first = ChosenDisplay { is_first: true, number: 0, ..second_display() };
    assert_eq!(display.source_on(&first), Source::Display(None));
}

#[tokio::test]
async fn record_here_records_the_display_with_the_pointer() {
    let rig = DesktopRig::open().await;
    *rig.shell().pointer_on.lock().unwrap() = Some(2);
    drop(rig.controller.ask(Action::RecordHere, Way::Quick).await);
    assert_eq!(rig.capture.sources(), [Source::Display(Some(2))]);
    rig.close().await;
}

#[tokio::test]
async fn microphone_switch_changes_the_next_recording_when_none_is_running() {
    let rig = DesktopRig::open().await;
    let microphone = async || rig.app.settings().await.unwrap().recording.microphone;
    let before = microphone().await;
    rig.controller.ask(Action::SwitchMicrophone, Way::Quick).await.unwrap();
    assert_ne!(microphone().await, before);
    rig.controller.ask(Action::SwitchMicrophone, Way::Quick).await.unwrap();
    assert_eq!(microphone().await, before);
    rig.close().await;
}

#[tokio::test]
async fn link_of_a_recording_that_is_gone_is_neither_copied_nor_opened() {
    let rig = DesktopRig::open().await;
    let link = LinkAt { recording: id(7), at_ms: None };
    for action in [Action::CopyLink(link), Action::OpenLink(id(7)), Action::ShowFile(id(7))] {
        let done = rig.controller.ask(action, Way::Tray).await;
        assert_eq!(code(done), Some(ErrorCode::NoRecording));
    }
    rig.controller.ask(Action::CopyLastLink, Way::Tray).await.unwrap();
    assert_eq!(rig.shell().taken(), []);
    rig.close().await;
}

#[tokio::test]
async fn file_of_a_job_is_shown_when_it_is_written_and_the_job_goes_when_it_is_dismissed() {
    let rig = DesktopRig::open().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("take (2).mp4");
    let (written, target) = (file.clone(), folder.path().join("take.mp4"));
    let (kind, target) = (JobKind::Export, Some(target));
    let job = JobSpec { kind, item: None, target, part: None };
    let work = move |_: &_| {
        std::fs::write(&written, "a video").unwrap();
        Ok(Some(written))
    };
    let id = rig.app.begin_job(job, work).await.unwrap();
    let mut changes = rig.app.changes();
    let jobs = async || rig.app.snapshot().await.unwrap().jobs;
    let done = async {
        while jobs().await[0].state != JobStateView::Done {
            changes.changed().await.unwrap();
        }
    };
    assert!(tokio::time::timeout(LIMIT, done).await.is_ok(), "the job was never done");
    rig.controller.ask(Action::ShowJobFile(id), Way::Library).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::ShowFile(file.clone())]);
    // Pictures are a folder.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    rig.controller.ask(Action::ShowJobFile(id), Way::Library).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::ShowFile(file.clone())]);
    std::fs::remove_dir(file).unwrap();
    let gone = rig.controller.ask(Action::ShowJobFile(id), Way::Library).await;
    assert_eq!(code(gone), Some(ErrorCode::NoFile));
    rig.controller.ask(Action::DismissJob(id), Way::Library).await.unwrap();
    assert_eq!(jobs().await, []);
    rig.close().await;
}

#[tokio::test]
async fn only_web_pages_are_opened() {
    let rig = DesktopRig::open().await;
    let done = rig.controller.open_page("file:///etc/passwd".to_owned()).await;
    assert_eq!(code(done), Some(ErrorCode::NoLink));
    rig.controller.open_page("https://host/videos/1".to_owned()).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::OpenAddress("https://host/videos/1".to_owned())]);
    rig.close().await;
}

#[tokio::test]
async fn link_is_copied_and_opened_when_the_settings_say_so() {
    let rig = DesktopRig::open().await;
    let opens = SettingsChange::of(&["desktop", "openLink"], true);
    rig.app.change_settings(opens).await.unwrap();
    let link = "https://host/videos/1".to_owned();
    rig.notices.send(Notice::CopyLink { recording: id(1), link: link.clone() }).unwrap();
    let wanted = [ShellCall::Copy(link.clone()), ShellCall::OpenAddress(link)];
    let both = async {
        let mut asked = Vec::new();
        while !wanted.iter().all(|one| asked.contains(one)) {
            asked.extend(rig.shell().taken());
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, both).await.is_ok(), "it was not both copied and opened");
    rig.close().await;
}

#[test]
fn question_says_what_is_unfinished_when_the_state_changes() {
    let waits = [RecordingState::Waits { reason: WaitReason::Offline }];
    let stops = RecorderView::Stopping { id: String::new() };
    assert_eq!(Unfinished::of(&snapshot(stops, &waits, None)), Unfinished::Recording);
    let idle =
        |states: &[RecordingState]| Unfinished::of(&snapshot(RecorderView::Idle, states, None));
    assert_eq!(idle(&waits), Unfinished::Uploads);
    let with_job = |kind, state| {
        let mut now = snapshot(RecorderView::Idle, &waits, None);
        now.jobs.push(JobView {
            id: 1,
            kind,
            item: None,
            target: None,
            thousandths: 0,
            started_unix_ms: None,
            seconds_left: None,
            state,
        });
        Unfinished::of(&now)
    };
    assert_eq!(with_job(JobKind::Export, JobStateView::Waiting), Unfinished::Exports);
    assert_eq!(with_job(JobKind::Export, JobStateView::Done), Unfinished::Uploads);
    assert_eq!(with_job(JobKind::OwnFile, JobStateView::Running), Unfinished::Uploads);
    assert_eq!(idle(&[RecordingState::Done]), Unfinished::Nothing);
}
