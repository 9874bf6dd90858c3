//! The desktop's own question, answered with a pointer as a person does it.

use std::time::Duration;

use snaplark_store::Store;
use snaplark_tests::hand::Hand;
use snaplark_tests::numbers::read_file;
use snaplark_tests::process::Process;
use snaplark_tests::recorder::{Recorded, ask, ask_json, snaplark};
use snaplark_tests::wait;
use snaplark_tests::wayland::Session;

use crate::{LIMIT, MISSING_SHARE, NUMBERS};

const READING: Duration = Duration::from_secs(2);

pub const RECORD: [&str; 5] = ["record", "--seconds", "4", "--json", "--no-upload"];

/// A recording of four seconds that begins when `hand` has answered, held to the screen's numbers.
pub fn share_and_hold(session: &Session, hand: &Hand) {
    let record = snaplark(&session.home, None, &RECORD).unwrap();
    let mut record = Process::start(&session.home, "snaplark", record).unwrap();
    let recordings = session.home.snaplark().join("recordings");
    wait::until("a recording", LIMIT, || {
        hand.share()?;
        let begun = |folder: std::fs::DirEntry| folder.path().join("init.webm").exists();
        let mut folders = std::fs::read_dir(&recordings).into_iter().flatten().flatten();
        Ok(folders.any(begun).then_some(()))
    })
    .unwrap();
    assert!(record.wait(LIMIT).unwrap().success(), "{}", record.complaints());
    hold(&record.line(LIMIT).unwrap());
}

/// The recording of which that was said.
fn hold(said: &str) {
    let recorded = Recorded::read(said).unwrap();
    println!("{recorded:?}");
    let reading = read_file(&recorded.file.unwrap(), (1280, 720)).unwrap();
    let (span, missing) = reading.hold(3.0..=5.0, NUMBERS, MISSING_SHARE).unwrap();
    println!("{missing} of {span} numbers are missing");
}

/// A no: what is said, and that nothing is left.
pub fn decline_and_hold(session: &Session, hand: &Hand) {
    let record = snaplark(&session.home, None, &RECORD).unwrap();
    let mut record = Process::start(&session.home, "snaplark", record).unwrap();
    hand.question(LIMIT).unwrap();
    // An answer within 0.7 s is taken for the desktop's own: nobody reads so fast.
    wait::pass("a person to read the question", READING).unwrap();
    wait::until("the end", LIMIT, || {
        hand.decline()?;
        Ok((!record.is_running()).then_some(()))
    })
    .unwrap();
    let status = record.wait(LIMIT).unwrap();
    let said = record.complaints();
    assert!(!status.success(), "{said}");
    assert!(said.contains("because the screen wasn't shared"), "{said}");
    let list = ask_json(&session.home, None, &["list", "--json"]).unwrap();
    assert_eq!(list["recordings"].as_array().unwrap().len(), 0, "{list}");
}

#[test]
fn granted_permission_is_kept_and_not_asked_for_again() {
    let session = Session::with_room_for_a_question(NUMBERS).unwrap();
    let hand = Hand::on(&session).unwrap();
    share_and_hold(&session, &hand);
    let store = Store::open_to_read(session.home.snaplark()).unwrap().unwrap();
    assert!(store.setting("permission").unwrap().is_some());
    // Nobody answers this time.
    let answer = ask(&session.home, None, &RECORD).unwrap();
    assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
    hold(&answer.stdout);
}

#[test]
fn denied_permission_leaves_nothing_behind() {
    let session = Session::with_room_for_a_question(NUMBERS).unwrap();
    decline_and_hold(&session, &Hand::on(&session).unwrap());
}
