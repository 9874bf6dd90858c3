//! A running recorder is controlled through the named pipe, and doctor says what works.

use std::time::Duration;

use snaplark_tests::process::Process;
use snaplark_tests::recorder::{Recorded, ask, ask_json, snaplark};
use snaplark_tests::wait;

use crate::session::WineSession;

const START: Duration = Duration::from_secs(60);

#[test]
fn recording_is_paused_and_ended_through_the_named_pipe() {
    let session = WineSession::start();
    let home = &session.home;
    let nobody = ask(home, None, &["pause", "--json"]).unwrap();
    assert!(!nobody.status.success(), "nothing runs yet: {nobody:?}");

    let args = ["record", "--seconds", "600", "--json", "--no-upload"];
    let record = snaplark(home, None, &args).unwrap();
    let mut record = Process::start(home, "snaplark", record).unwrap();
    let state =
        |answer: &serde_json::Value| answer["state"].as_str().unwrap_or_default().to_owned();
    let paused = wait::until("the recording to be paused", START, || {
        Ok(ask_json(home, None, &["pause", "--json"]).ok().filter(|it| state(it) == "paused"))
    });
    assert_eq!(state(&paused.unwrap()), "paused");
    let resumed = ask_json(home, None, &["resume", "--json"]).unwrap();
    assert_eq!(state(&resumed), "recording", "{resumed}");
    let ended = ask_json(home, None, &["toggle", "--json"]).unwrap();
    assert_eq!(state(&ended), "idle", "{ended}");
    let recorded = Recorded::read(&record.line(START).unwrap()).unwrap();
    assert!(recorded.frames > 0, "{recorded:?}");
    assert!(record.wait(START).unwrap().success());
}

#[test]
fn doctor_speaks_of_windows() {
    let session = WineSession::start();
    let answer = ask(&session.home, None, &["doctor", "--json"]).unwrap();
    let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(report["ok"], true, "{report:#}");
    let checks = report["checks"].as_array().unwrap();
    let check = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert_eq!(check("GDI")["result"], "ok", "{report:#}");
    assert!(check("GDI")["detail"].as_str().unwrap().contains("1280x720"), "{report:#}");
    for foreign in ["Debian", "Wayland", "X11", "apt", "PulseAudio"] {
        assert!(!answer.stdout.contains(foreign), "it speaks of {foreign}: {report:#}");
    }
}
