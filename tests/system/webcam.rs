//! A webcam upon the screen, by the command line alone: named by `doctor`, seen in the file.

use serde_json::Value;
use snaplark_tests::camera::{self, Camera};
use snaplark_tests::recorder::{Recorded, ask, ask_json};
use snaplark_tests::session;

use crate::screen::Screen;

#[test]
fn webcam_is_visible_in_the_recording() {
    let mut screen = Screen::start();
    let _bus = session::bus(&mut screen.home).unwrap();
    let _media = session::media(&screen.home).unwrap();
    let _camera = Camera::start(&screen.home, "desk").unwrap();
    let doctor = ask(&screen.home, None, &["doctor"]).unwrap();
    assert!(doctor.stdout.contains("desk"), "{}", doctor.stdout);
    let record = ["record", "--webcam=desk", "--seconds", "5", "--json", "--no-upload"];
    let answer = ask(&screen.home, None, &record).unwrap();
    assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
    let recorded = Recorded::read(&answer.stdout).unwrap();
    camera::hold(&recorded.file.unwrap(), 3.5).unwrap();
    let shown = ask_json(&screen.home, None, &["show", &recorded.id, "--json"]).unwrap();
    let lost = |it: &Value| it["kind"].as_str().is_some_and(|kind| kind.starts_with("webcam"));
    assert!(!shown["issues"].as_array().unwrap().iter().any(lost), "{shown}");
}
