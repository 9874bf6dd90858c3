//! Beginning and ending a recording otherwise than by start and stop, and what of that goes up.

use std::time::{Duration, Instant};

use snaplark_app::view::{
    FileProblem, Levels, MicrophoneView, RecorderView, RecordingState, Snapshot, ToastBody, Warning,
};
use snaplark_app::{AppError, Settings, SettingsChange, SpaceLimits, StartRequest};
use snaplark_core::capture::{Device, Sound};
use snaplark_tests::fake_capture::{LEVEL, Pace};
use snaplark_tests::fault_proxy::Route;
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::process::finish;
use snaplark_tests::recorder::snaplark;

use crate::rig::{RECORDING, Rig, Server, fake_recorder};

const PACE: Pace =
    Pace { segments_max: 1_000, every: Duration::from_millis(50), segment_bytes: 50_000 };
const DONE: Duration = Duration::from_secs(60);

fn folders(rig: &Rig) -> usize {
    std::fs::read_dir(rig.home.path().join("client/recordings")).unwrap().count()
}

#[test]
fn what_is_cancelled_is_gone_from_here_and_never_finished_there() {
    let rig = Rig::start(PACE);
    let client = &rig.client;
    client.begin().unwrap();
    client
        .until("some parts to be sent", RECORDING, |view| {
            view.recordings.iter().any(|r| r.upload.as_ref().is_some_and(|u| u.uploaded >= 2))
        })
        .unwrap();
    client.run(client.app.cancel_recording()).unwrap();
    let view = client.run(client.app.snapshot()).unwrap();
    assert_eq!((view.recorder, view.recordings.len()), (RecorderView::Idle, 0));
    assert!(view.toasts.is_empty(), "{:?}", view.toasts);
    assert_eq!(folders(&rig), 0);
    assert_eq!(rig.proxy.count(&Route::Finalize), 0);
    let again = client.run(client.app.cancel_recording());
    assert!(matches!(again, Err(AppError::NotRecording)), "{again:?}");
}

#[test]
fn a_restart_keeps_nothing_of_the_first_and_all_of_the_second() {
    let pace = Pace { segments_max: 10, ..PACE };
    let rig = Rig::start(pace);
    let first = rig.client.begin().unwrap();
    rig.client
        .until("a segment", RECORDING, |view| view.recordings.iter().any(|r| r.segments >= 1))
        .unwrap();
    let second = rig.client.run(rig.client.app.restart_recording()).unwrap();
    assert_ne!(first, second);
    rig.client.end(second).unwrap();
    let view = rig.client.done(second, DONE).unwrap();
    rig.client.hold_recording(&view);
    assert_eq!(folders(&rig), 1);
}

#[test]
fn a_limit_ends_a_recording_by_itself_and_it_goes_up() {
    let rig = Rig::start(PACE);
    let limit = Some(Duration::from_millis(500));
    let request = StartRequest { limit, ..StartRequest::default() };
    let id = rig.client.run(rig.client.app.start_recording(request)).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    assert_eq!(view.end_detail, None);
    assert!((1..=20).contains(&view.segments), "{view:?}");
}

#[test]
fn a_countdown_that_is_called_off_leaves_nothing() {
    let rig = Rig::start(PACE);
    let countdown = Some(Duration::from_secs(600));
    let request = StartRequest { countdown, ..StartRequest::default() };
    let app = rig.client.app.clone();
    let start = rig.runtime.spawn(async move { app.start_recording(request).await });
    let is_counting = |recorder: &RecorderView| matches!(recorder, RecorderView::Counting { .. });
    rig.client.until("the countdown", RECORDING, |view| is_counting(&view.recorder)).unwrap();
    let stopped = rig.client.run(rig.client.app.stop_recording());
    assert!(matches!(stopped, Err(AppError::NothingRecorded)), "{stopped:?}");
    let started = rig.client.run(start).unwrap();
    assert!(matches!(started, Err(AppError::NothingRecorded)), "{started:?}");
    assert_eq!(folders(&rig), 0);
}

#[test]
fn a_muted_microphone_stays_muted_when_it_is_begun_again() {
    let rig = Rig::start(PACE);
    let app = &rig.client.app;
    let heard = |recorder: &RecorderView| match recorder {
        RecorderView::Recording { microphone, .. } => Some(*microphone),
        _ => None,
    };
    let mute = || rig.client.run(app.set_muted(true));
    assert!(matches!(mute(), Err(AppError::NotRecording)));
    rig.client.begin().unwrap();
    assert!(matches!(mute(), Err(AppError::NoMicrophone)));
    rig.client.run(app.cancel_recording()).unwrap();

    let sound = Sound { microphone: Some(Device::Default), ..Sound::default() };
    let request = StartRequest { sound, ..StartRequest::default() };
    rig.client.run(app.start_recording(request)).unwrap();
    let view = rig.client.run(app.snapshot()).unwrap();
    assert_eq!(heard(&view.recorder), Some(MicrophoneView::Heard));
    mute().unwrap();
    rig.client
        .until("it to be muted", RECORDING, |view| {
            heard(&view.recorder) == Some(MicrophoneView::Muted)
        })
        .unwrap();
    assert!(rig.client.capture.record().muted, "capture was told");
    rig.client.run(app.restart_recording()).unwrap();
    let view = rig.client.run(app.snapshot()).unwrap();
    assert_eq!(heard(&view.recorder), Some(MicrophoneView::Muted));
    rig.client
        .until("a segment of the second", RECORDING, |view| view.recordings[0].segments > 0)
        .unwrap();
    assert!(rig.client.capture.record().muted, "capture was told again");
    rig.client.run(app.set_muted(false)).unwrap();
    assert!(!rig.client.capture.record().muted);
    rig.client.run(app.stop_recording()).unwrap();
}

#[test]
fn levels_come_where_somebody_looks_and_change_nothing_else() {
    let rig = Rig::start(Pace { segments_max: 3, ..PACE });
    let mut levels = rig.client.app.levels();
    let id = rig.client.begin().unwrap();
    let heard = rig.client.run(async {
        let told = levels.wait_for(|levels| *levels != Levels::default());
        *tokio::time::timeout(RECORDING, told).await.unwrap().unwrap()
    });
    assert_eq!(heard, Levels { microphone: LEVEL, system: 0 });
    rig.client.end(id).unwrap();
    drop(levels);
    let mut later = {
        let id = rig.client.begin().unwrap();
        let later = rig.client.app.levels();
        rig.client.end(id).unwrap();
        later
    };
    assert!(!later.has_changed().unwrap(), "nobody looked when it began");
    later.mark_unchanged();
}

#[test]
fn what_a_shell_remembers_is_found_and_asking_changes_nothing() {
    let rig = Rig::start(PACE);
    let app = &rig.client.app;
    assert_eq!(rig.client.run(app.recall("place-library")).unwrap(), None);
    rig.client.run(app.remember("place-library", "10,20".into())).unwrap();
    rig.client.run(app.settings()).unwrap();
    let before = rig.client.run(app.snapshot()).unwrap().change;
    for _ in 0..3 {
        let found = rig.client.run(app.recall("place-library")).unwrap();
        assert_eq!(found.as_deref(), Some("10,20"));
        rig.client.run(app.settings()).unwrap();
        rig.client.run(app.recorded()).unwrap();
    }
    // Whatever the server was asked meanwhile changes something, too; questions never do.
    let after = rig.client.run(app.snapshot()).unwrap().change;
    assert!(after - before < 8, "{before} to {after}");
}

#[test]
fn keys_that_would_do_two_things_are_refused_and_the_old_ones_stay() {
    let rig = Rig::start(PACE);
    let app = &rig.client.app;
    let twice = SettingsChange::of(&["desktop", "shortcuts", "webcam"], "Alt+R");
    let refused = rig.client.run(app.change_settings(twice));
    assert!(matches!(refused, Err(AppError::KeysTwice { .. })), "{refused:?}");
    assert_eq!(rig.client.run(app.settings()).unwrap(), Settings::default());
}

#[test]
fn little_space_is_told_and_none_ends_the_recording_in_time() {
    let rig = Rig::start(PACE);
    let space = SpaceLimits { warn_bytes: u64::MAX, stop_bytes: 0 };
    let request = StartRequest { space, ..StartRequest::default() };
    rig.client.run(rig.client.app.start_recording(request)).unwrap();
    let view = rig
        .client
        .until("it to be told", RECORDING, |view| {
            view.recordings.iter().any(|r| r.segments >= 3 && !r.issues.is_empty())
        })
        .unwrap();
    let [issues] = view.recordings[0].issues.as_slice() else { panic!("{view:?}") };
    assert_eq!((issues.kind.as_str(), issues.at_ms), ("disk-low", 2_000));
    assert!(view.space_seconds > 0);
    // Where no window of ours may be seen, tray and toast go by this.
    assert_eq!(view.warnings, [Warning::DiskLow]);
    let is_said = |view: &Snapshot| {
        let body = ToastBody::Warning { warning: Warning::DiskLow, over: false };
        view.toasts.iter().any(|toast| toast.body == body)
    };
    assert!(is_said(&view), "{:?}", view.toasts);
    rig.client.run(rig.client.app.stop_recording()).unwrap();
    let view = rig.client.until("its end", DONE, |view| view.warnings.is_empty()).unwrap();
    assert!(!is_said(&view), "{:?}", view.toasts);

    let space = SpaceLimits { warn_bytes: u64::MAX, stop_bytes: u64::MAX };
    let request = StartRequest { space, ..StartRequest::default() };
    let id = rig.client.run(rig.client.app.start_recording(request)).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    assert!(view.end_detail.as_ref().unwrap().contains("nearly full"), "{view:?}");
    assert_eq!(view.state, RecordingState::Done);
    media::decode(view.file.as_deref().unwrap()).unwrap();
}

#[test]
fn a_folder_for_files_that_vanished_is_replaced_and_that_is_said() {
    let rig = Rig::start(Pace { segments_max: 5, ..PACE });
    let id = rig.client.begin().unwrap();
    // As where a stick was pulled: nothing can be made there.
    std::fs::write(rig.home.path().join("client/saved"), "").unwrap();
    rig.client.end(id).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    let problem = view.file_problem.clone().unwrap();
    let FileProblem::Elsewhere { path, folder, .. } = &problem else { panic!("{problem}") };
    let file = view.file.as_deref().unwrap();
    assert!(path.contains("saved") && file.starts_with(folder), "{problem}: {file}");
    rig.client.hold_recording(&view);
}

#[test]
fn recording_whose_rows_cannot_be_written_ends_in_time_and_is_listed_when_they_can() {
    let rig = Rig::start(Pace { segments_max: 10, ..PACE });
    let client = &rig.client;
    let id = client.begin().unwrap();
    client
        .until("some segments", RECORDING, |view| view.recordings.iter().any(|r| r.segments >= 2))
        .unwrap();
    let other = rusqlite::Connection::open(rig.client_root().join("snaplark.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    let stopped = client.run(client.app.stop_recording());
    let took = asked.elapsed();
    println!("figures: said {took:.1?} after the list was locked");
    // Two waits of ten seconds for the lock, on a machine that does other work.
    assert!(took < Duration::from_secs(45), "{took:?}");
    let Err(error @ AppError::NotListed { .. }) = stopped else { panic!("{stopped:?}") };
    assert!(error.to_string().contains("of the recording are safe in"), "{error}");
    let view = client.run(client.app.snapshot()).unwrap();
    let said = view.toasts.iter().find(|toast| {
        matches!(&toast.body, ToastBody::RecordingFailed { detail } if *detail == error.to_string())
    });
    assert!(!said.unwrap_or_else(|| panic!("{:?}", view.toasts)).title.is_empty());

    other.execute_batch("ROLLBACK").unwrap();
    let view = client.done(id, DONE).unwrap();
    assert!(view.segments >= 2, "{view:?}");
    media::decode(view.file.as_deref().unwrap()).unwrap();
    let view = client.run(client.app.snapshot()).unwrap();
    let failed = |body: &ToastBody| matches!(body, ToastBody::RecordingFailed { .. });
    assert!(!view.toasts.iter().any(|toast| failed(&toast.body)), "{:?}", view.toasts);
}

#[test]
fn waiting_for_what_is_unsent_ends_when_an_online_recording_lacks_a_segment() {
    const LIMIT: Duration = Duration::from_secs(30);
    let home = Home::new().unwrap();
    let server = Server::start(&home).unwrap();
    let url = format!("http://{}", server.address);
    let mut recorder = fake_recorder(&home, &url, &server.token, &["--segments", "4"]).unwrap();
    assert!(recorder.wait(DONE).unwrap().success());
    // As after a crash before its own file was written, on a disk that has lost a segment.
    let list = rusqlite::Connection::open(home.snaplark().join("snaplark.db")).unwrap();
    let id: String = list
        .query_row("SELECT file FROM recordings", [], |row| row.get::<_, String>(0))
        .map(|file| std::fs::remove_file(file).unwrap())
        .and_then(|()| list.execute("UPDATE recordings SET file = NULL", []))
        .map(|_| {
            let folder = std::fs::read_dir(home.snaplark().join("recordings")).unwrap().next();
            folder.unwrap().unwrap().file_name().into_string().unwrap()
        })
        .unwrap();
    drop(list);
    let folder = home.snaplark().join("recordings").join(&id);
    std::fs::remove_file(folder.join("000001.webm")).unwrap();

    let mut status = snaplark(&home, None, &["status", "--wait", "--json"]).unwrap();
    status.env("SNAPLARK_SERVER", url).env("SNAPLARK_TOKEN", &server.token);
    let answer = finish(&mut status, LIMIT).unwrap();
    let told: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(told["counts"]["online"], 1, "{told}");
    // Its own file is written around the hole, and the hole is named.
    let recording = &told["recordings"][0];
    assert!(recording["file"].is_string(), "{told}");
    let issue = &recording["issues"][0];
    assert_eq!(issue["kind"], "segment-damaged", "{told}");
    assert!(issue["detail"].as_str().is_some_and(|it| it.contains("(segment 1)")), "{told}");
}
