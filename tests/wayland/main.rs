//! Recording a Wayland desktop: with a real compositor and its portal, and with a portal that
//! answers what a real one rarely does. Each ending is a sentence, and what was recorded until then
//! plays.

#![cfg(test)]

mod choose;
mod desktops;
mod question;
mod scap;
mod screenshot;
mod shortcuts;
mod sway;

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use snaplark_store::Store;
use snaplark_tests::camera::{self, Camera};
use snaplark_tests::failure::hold;
use snaplark_tests::media;
use snaplark_tests::numbers::read_file;
use snaplark_tests::process::{Process, finish};
use snaplark_tests::recorder::{Recorded, ask, ask_json, snaplark};
use snaplark_tests::wait;
use snaplark_tests::wayland::Session;

const LIMIT: Duration = Duration::from_secs(90);
/// Few: a compositor without a graphics card takes the machine's time for each picture, and on a busy
/// one it gives only some of them.
const NUMBERS: u32 = 5;
const MISSING_SHARE: f64 = 0.1;

/// A recording under way; told from a start that waits by its first segment.
pub fn record(session: &Session) -> Process {
    let args = ["record", "--seconds", "600", "--json", "--no-upload"];
    let record = snaplark(&session.home, None, &args).unwrap();
    let record = Process::start(&session.home, "snaplark", record).unwrap();
    let recordings = session.home.snaplark().join("recordings");
    wait::until("a segment", LIMIT, || {
        let folder = std::fs::read_dir(&recordings).ok().and_then(|mut all| all.next());
        let segment = folder.and_then(|entry| Some(entry.ok()?.path().join("000000.webm")));
        Ok(segment.filter(|segment| segment.is_file()).map(drop))
    })
    .unwrap();
    record
}

/// The exit code of a recording that ended before its time (docs/command-line.md).
const ENDED_EARLY: i32 = 4;

/// It ends by itself with that sentence, and plays.
pub fn ends_with(session: &Session, mut record: Process, words: &str) {
    let status = record.wait(LIMIT).unwrap();
    let said = record.complaints();
    assert_eq!(status.code(), Some(ENDED_EARLY), "{said}");
    assert!(said.contains(words), "not '{words}': {said}");
    let list = ask_json(&session.home, None, &["list", "--json"]).unwrap();
    let [recording] = list["recordings"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert!(recording["endDetail"].as_str().unwrap().contains(words), "{recording}");
    assert!(recording["segments"].as_u64().unwrap() >= 1, "{recording}");
    media::decode(recording["file"].as_str().unwrap()).unwrap();
}

/// The second time with a webcam upon it, and a word that clicks can't be.
#[test]
fn desktop_is_recorded_twice_with_one_permission() {
    let session = Session::start(&["1280x720"], NUMBERS).unwrap();
    let doctor = ask(&session.home, None, &["doctor"]).unwrap();
    assert!(doctor.stdout.contains("ok    Wayland"), "{}", doctor.stdout);
    for more in [&[][..], &["--webcam=desk", "--clicks"]] {
        let camera = || Camera::start(&session.home, "desk").unwrap();
        let _camera = (!more.is_empty()).then(camera);
        let args = ["record", "--seconds", "4", "--json", "--no-upload"];
        let answer = ask(&session.home, None, &[&args, more].concat()).unwrap();
        assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
        let recorded = Recorded::read(&answer.stdout).unwrap();
        let file = recorded.file.clone().unwrap();
        let reading = read_file(&file, (1280, 720)).unwrap();
        println!("{recorded:?}");
        // A camera without a graphics card takes its part of the machine.
        let (span, missing) = match more.is_empty() {
            true => reading.hold(3.0..=5.0, NUMBERS, MISSING_SHARE).unwrap(),
            false => reading.missing().unwrap(),
        };
        println!("{missing} of {span} numbers are missing");
        let shown = ask_json(&session.home, None, &["show", &recorded.id, "--json"]).unwrap();
        let issues = shown["issues"].as_array().unwrap();
        let has = |kind: &str| issues.iter().any(|it| it["kind"] == kind);
        assert_eq!(has("marks-missing"), !more.is_empty(), "{shown}");
        if !more.is_empty() {
            camera::hold(&file, 3.0).unwrap();
            assert!(answer.stderr.contains("Clicks and keys can't be shown"), "{}", answer.stderr);
            assert!(!has("webcam-lost"), "{shown}");
        }
    }
    let store = Store::open_to_read(session.home.snaplark()).unwrap().unwrap();
    assert!(store.setting("permission").unwrap().is_some());
}

#[test]
fn permitted_monitor_is_the_one_that_is_recorded() {
    let session = Session::start(&["1280x720", "800x600"], NUMBERS).unwrap();
    let args = ["record", "--seconds", "2", "--json", "--no-upload"];
    let answer = ask(&session.home, None, &args).unwrap();
    let recorded = Recorded::read(&answer.stdout).unwrap();
    let probe = media::probe(recorded.file.unwrap().to_str().unwrap()).unwrap();
    assert_eq!((probe.width, probe.height), (800, 600));
}

#[test]
fn compositor_crash_ends_only_the_recording() {
    let mut session = Session::start(&["1280x720"], NUMBERS).unwrap();
    let record = record(&session);
    session.last().kill().unwrap();
    ends_with(&session, record, "The desktop");
}

#[test]
fn portal_crash_ends_only_the_recording() {
    let session = Session::start(&["1280x720"], NUMBERS).unwrap();
    let record = record(&session);
    let behind = session.owner("org.freedesktop.impl.portal.desktop.gnome").unwrap();
    kill_process(Pid::from_raw(behind.cast_signed()).unwrap(), Signal::KILL).unwrap();
    ends_with(&session, record, "sharing failed");
}

#[test]
fn stored_permission_is_used() {
    let mut session = Session::with_stand_in("accept").unwrap();
    for asks in ["asked for screens", "restored"] {
        let args = ["record", "--seconds", "2", "--json", "--no-upload"];
        let answer = ask(&session.home, None, &args).unwrap();
        assert!(answer.status.success(), "{}", answer.stderr);
        assert_eq!(session.last().line(LIMIT).unwrap(), asks);
        let recorded = Recorded::read(&answer.stdout).unwrap();
        // The ball moves.
        println!("{recorded:?}");
        assert!(recorded.frames > 30, "{recorded:?}");
    }
}

/// Windows have no names here: whichever is asked for, the desktop's question chooses one.
#[test]
fn portal_chooses_the_window_each_time() {
    let mut session = Session::with_stand_in("accept").unwrap();
    for _ in 0..2 {
        window(&mut session);
    }
}

fn window(session: &mut Session) {
    let args = ["record", "--window", "1", "--seconds", "2", "--json", "--no-upload"];
    let answer = ask(&session.home, None, &args).unwrap();
    assert!(answer.status.success(), "{}", answer.stderr);
    assert_eq!(session.last().line(LIMIT).unwrap(), "asked for windows");
}

#[test]
fn denial_and_portal_failure_are_reported_differently() {
    for (answer, words) in [
        ("cancel", "because the screen wasn't shared"),
        ("cancel-at-once", "question closed before anybody could answer"),
        ("fail", "the desktop can't share the screen"),
        ("hang-at-once", "screen sharing isn't responding"),
    ] {
        let session = Session::with_stand_in(answer).unwrap();
        let args = ["record", "--seconds", "2", "--json", "--no-upload"];
        hold(&ask(&session.home, None, &args).unwrap(), &[words]);
        let list = ask_json(&session.home, None, &["list", "--json"]).unwrap();
        assert_eq!(list["recordings"].as_array().unwrap().len(), 0, "{list}");
    }
}

#[test]
fn unanswered_permission_dialog_can_be_cancelled() {
    let mut session = Session::with_stand_in("hang-asking").unwrap();
    let args = ["record", "--seconds", "2", "--json", "--no-upload"];
    let record = snaplark(&session.home, None, &args).unwrap();
    let mut record = Process::start(&session.home, "snaplark", record).unwrap();
    assert_eq!(session.last().line(LIMIT).unwrap(), "asked for screens");
    record.terminate();
    assert!(!record.wait(LIMIT).unwrap().success());
    let said = record.complaints();
    assert!(said.contains("ended before anything was recorded"), "{said}");
}

#[test]
fn sharing_can_be_stopped_from_the_desktop() {
    let session = Session::with_stand_in("accept").unwrap();
    let record = record(&session);
    session.revoke().unwrap();
    ends_with(&session, record, "stopped sharing");
}

#[test]
fn doctor_names_the_missing_portal_package() {
    let session = Session::with_stand_in("accept").unwrap();
    let mut doctor = snaplark(&session.home, None, &["doctor"]).unwrap();
    doctor.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let answer = finish(&mut doctor, LIMIT).unwrap();
    assert!(!answer.status.success());
    assert!(answer.stdout.contains("fails Wayland"), "{}", answer.stdout);
}
