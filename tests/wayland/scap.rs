//! The same desktop through scap, which runs in a process of its own and asks each time.

use rustix::process::{Pid, Signal, kill_process};
use snaplark_tests::failure;
use snaplark_tests::hand::Hand;
use snaplark_tests::process::{Process, output};
use snaplark_tests::recorder::{ask, ask_json};
use snaplark_tests::wayland::Session;

use crate::question::{RECORD, decline_and_hold, share_and_hold};
use crate::{LIMIT, NUMBERS, ends_with, record};

fn through_scap(mut session: Session) -> Session {
    session.home.set("SNAPLARK_SOURCE", "scap");
    session
}

#[test]
fn scap_records_after_a_grant_and_not_after_a_denial() {
    let session = through_scap(Session::with_room_for_a_question(NUMBERS).unwrap());
    let doctor = ask(&session.home, None, &["doctor"]).unwrap();
    assert!(doctor.stdout.contains("ok    scap"), "{}", doctor.stdout);
    let hand = Hand::on(&session).unwrap();
    decline_and_hold(&session, &hand);
    share_and_hold(&session, &hand);
}

#[test]
fn scap_crash_at_the_start_is_reported() {
    for (answer, words) in [
        ("fail", "the desktop can't share the screen"),
        ("hang-asking", "screen sharing isn't responding"),
    ] {
        let session = through_scap(Session::with_stand_in(answer).unwrap());
        failure::hold(&ask(&session.home, None, &RECORD).unwrap(), &[words]);
        let list = ask_json(&session.home, None, &["list", "--json"]).unwrap();
        assert_eq!(list["recordings"].as_array().unwrap().len(), 0, "{list}");
    }
}

#[test]
fn scap_crash_ends_only_the_recording() {
    let session = through_scap(Session::with_stand_in("accept").unwrap());
    let record = record(&session);
    let mut find = std::process::Command::new("pgrep");
    find.args(["-P", &record.id().to_string()]);
    let part: i32 = output(find, LIMIT).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(part).unwrap(), Signal::KILL).unwrap();
    ends_with(&session, record, "sharing failed");
}

/// Ends the stream from the process behind the portal, because scap itself doesn't report it.
#[test]
fn scap_stream_error_ends_only_the_recording() {
    let mut session = through_scap(Session::with_stand_in("accept").unwrap());
    let record: Process = record(&session);
    session.last().kill().unwrap();
    ends_with(&session, record, "sharing failed");
}
