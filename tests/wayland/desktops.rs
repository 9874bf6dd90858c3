//! Desktops as people have them, each recorded through its own portal: GNOME's shell, and sway.

use snaplark_tests::failure::hold;
use snaplark_tests::media;
use snaplark_tests::numbers::read_file;
use snaplark_tests::recorder::{Recorded, ask, ask_json};
use snaplark_tests::wayland::Session;

use crate::question::RECORD;
use crate::{MISSING_SHARE, NUMBERS};

/// Four seconds: their size, that they play, and the screen's numbers in them, which go on.
fn record_and_hold(session: &Session) {
    let answer = ask(&session.home, None, &RECORD).unwrap();
    assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
    let recorded = Recorded::read(&answer.stdout).unwrap();
    println!("{recorded:?}");
    let file = recorded.file.unwrap();
    let probe = media::probe(file.to_str().unwrap()).unwrap();
    assert_eq!((probe.width, probe.height), (1280, 720));
    let reading = read_file(&file, (1280, 720)).unwrap();
    let (span, missing) = reading.hold(3.0..=5.0, NUMBERS, MISSING_SHARE).unwrap();
    println!("{missing} of {span} numbers are missing");
}

#[test]
fn gnome_shell_is_recorded_through_its_portal() {
    record_and_hold(&Session::gnome_shell(NUMBERS).unwrap());
}

#[test]
fn sway_is_recorded_when_its_portal_shares_by_memory() {
    let (session, _sway) = Session::sway(&["--fps", &NUMBERS.to_string()], true).unwrap();
    record_and_hold(&session);
}

/// Debian's portal for sway shares nothing where there is no graphics card.
#[test]
fn sway_without_a_graphics_card_is_refused_with_a_reason() {
    let (session, _sway) = Session::sway(&["--fps", &NUMBERS.to_string()], false).unwrap();
    let answer = ask(&session.home, None, &RECORD).unwrap();
    hold(&answer, &["the desktop can't share the screen"]);
    let list = ask_json(&session.home, None, &["list", "--json"]).unwrap();
    assert_eq!(list["recordings"].as_array().unwrap().len(), 0, "{list}");
}
