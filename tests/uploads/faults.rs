//! Every fault that a network, a balancer or a server has for an upload: the video arrives whole,
//! the recording never stops, and what is sent again is two parts a fault at the most.
//!
//! The waits of the documents are true: 1, 2, 4 s.

use std::time::Duration;

use snaplark_app::Profile;
use snaplark_app::view::{NeedReason, Reach, RecordingState, Snapshot, WaitReason};
use snaplark_tests::fake_capture::Pace;
use snaplark_tests::fault_proxy::{Asked, Route, Turn};

use crate::rig::{RECORDING, Rig, Unusual, account, hold_served, reach};

/// Twenty seconds of media in half a second.
const QUICK: Pace =
    Pace { segments_max: 10, every: Duration::from_millis(50), segment_bytes: 200_000 };
/// A few waits of the documents.
/// Enough for a request that is cut as below, on a machine that does other work first.
const WAITS: Duration = Duration::from_secs(120);
/// A request that stands still is cut after 30 s, or later by what may be in the system's buffers.
const WATCHDOG: Duration = Duration::from_secs(400);

fn part_number(asked: &Asked, numbers: &[usize]) -> bool {
    asked.route == Route::Chunk && numbers.contains(&asked.nth)
}

fn is_waiting(view: &Snapshot, why: WaitReason) -> bool {
    let state = RecordingState::Waits { reason: why };
    view.recordings.iter().any(|recording| recording.state == state)
}

#[test]
fn parts_that_are_reset_half_way() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| match part_number(asked, &[2, 5, 6]) {
        true => Turn::Reset { after_bytes: asked.bytes / 2 },
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.hold("reset mid-body", id, WAITS);
    assert_eq!(rig.proxy.faults(), 3);
    assert_eq!(rig.proxy.again().parts, 3, "each was sent again, and nothing else");
}

#[test]
fn every_request_that_is_reset_once() {
    let rig = Rig::start(QUICK);
    // Whether the server has damaged anything is asked beside all this, at no set time.
    let is_aside = |route: &Route| matches!(route, Route::Other(path) if path.contains("damaged"));
    rig.proxy.script(move |asked| {
        match asked.route != Route::Chunk && !is_aside(&asked.route) && asked.nth == 1 {
            true => Turn::Reset { after_bytes: 0 },
            false => Turn::Pass,
        }
    });
    let id = rig.record();
    rig.hold("reset of probe, init and finalize", id, WAITS);
    // The probe's is not counted: on a busy machine it is asked before the script is there.
    let asked = rig.proxy.asked();
    let reset =
        asked.iter().filter(|asked| asked.faulted && !matches!(asked.route, Route::Other(_)));
    assert_eq!(reset.count(), 2);
}

/// The normal case of an uploader: done, but nobody heard of it.
#[test]
fn replies_that_are_lost_after_the_server_has_stored() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| {
        let other = matches!(asked.route, Route::Init | Route::Finalize) && asked.nth == 1;
        match part_number(asked, &[1, 4, 9]) || other {
            true => Turn::LoseReply,
            false => Turn::Pass,
        }
    });
    let id = rig.record();
    rig.hold("reply lost after the store", id, WAITS);
    assert_eq!(rig.proxy.faults(), 5);
    assert_eq!(rig.proxy.again().parts, 3, "what nobody acknowledged is sent again");
}

#[test]
fn replies_that_are_cut_short() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| {
        let other = matches!(asked.route, Route::Init | Route::Finalize) && asked.nth == 1;
        match part_number(asked, &[3, 7]) || other {
            true => Turn::CutReply,
            false => Turn::Pass,
        }
    });
    let id = rig.record();
    rig.hold("reply cut short", id, WAITS);
    assert_eq!(rig.proxy.faults(), 4);
    assert_eq!(rig.proxy.again().parts, 2);
}

#[test]
fn an_answer_for_another_part_acknowledges_nothing() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| match part_number(asked, &[2, 3]) {
        true => Turn::WrongEcho,
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.hold("wrong echo", id, WAITS);
    assert_eq!(rig.proxy.faults(), 2);
    assert_eq!(rig.proxy.again().parts, 2);
}

#[test]
fn a_server_that_takes_everything_and_says_nothing() {
    // Small parts: the watchdog gives the system's buffers their time at 1 KiB/s.
    let rig = Rig::start(Pace { segment_bytes: 0, ..QUICK });
    rig.proxy.script(|asked| match part_number(asked, &[2]) {
        true => Turn::BlackHole,
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.hold("black hole", id, WATCHDOG);
    assert_eq!(rig.proxy.faults(), 1);
    assert_eq!(rig.proxy.again().parts, 1);
}

/// A slow link is not a dead one. At 1 KiB/s the buffers on the way hold more than 30 s of sending,
/// and the watchdog sees only what it hands to them: it once cut such a part again and again, and
/// nothing ever arrived.
#[test]
fn a_trickle_is_not_cut() {
    let pace = Pace { segments_max: 2, segment_bytes: 45_000, ..QUICK };
    let rig = Rig::start(pace);
    rig.proxy.script(|asked| match part_number(asked, &[1]) {
        true => Turn::Trickle { bytes_per_second: 1024, lasting: Duration::from_secs(120) },
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.hold("trickle of 1 KiB/s", id, WATCHDOG);
    assert_eq!(rig.proxy.again().parts, 0, "{:?}", rig.proxy.asked());
}

#[test]
fn a_server_that_is_killed_and_started_again() {
    let pace = Pace { segments_max: 20, every: Duration::from_millis(100), ..QUICK };
    let mut rig = Rig::start(pace);
    let id = rig.client.begin().unwrap();
    for kills in 1..=2 {
        let enough = kills * 6;
        rig.client
            .until("some parts to be sent", RECORDING, |view| {
                let upload = view.recordings.first().and_then(|r| r.upload.as_ref());
                upload.is_some_and(|upload| upload.uploaded >= enough)
            })
            .unwrap();
        rig.server.kill().unwrap();
        rig.client
            .until("the loss to be seen", RECORDING, |view| reach(view) == Some(Reach::Offline))
            .unwrap();
        rig.server.restart(&rig.home).unwrap();
    }
    rig.client.end(id).unwrap();
    rig.hold_whole("server kill -9 and restart", id, WAITS, 2);
}

#[test]
fn a_network_that_is_away_while_the_recording_goes_on() {
    let rig = Rig::start(QUICK);
    let id = rig.client.begin().unwrap();
    rig.client
        .until("a part to be sent", RECORDING, |view| {
            view.recordings.iter().any(|r| r.upload.as_ref().is_some_and(|u| u.uploaded > 0))
        })
        .unwrap();
    rig.proxy.close();
    rig.client.end(id).unwrap();
    rig.client
        .until("the upload to wait", WAITS, |view| is_waiting(view, WaitReason::Offline))
        .unwrap();
    let sent = rig.proxy.asked().len();
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    rig.hold_whole("offline for a while", id, WAITS, 1);
    assert!(rig.proxy.asked().len() > sent, "the rest went up after it");
}

/// Begun, recorded and ended without a server; the link is there when the server is.
#[test]
fn a_recording_from_start_to_end_without_a_network() {
    let rig = Rig::start(QUICK);
    rig.proxy.close();
    let id = rig.record();
    rig.client
        .until("the upload to wait", WAITS, |view| is_waiting(view, WaitReason::Offline))
        .unwrap();
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    rig.hold_whole("offline from the start", id, WAITS, 0);
}

#[test]
fn a_storm_of_429_with_seconds_a_date_and_nothing() {
    let rig = Rig::start(QUICK);
    let mut left = 6;
    rig.proxy.script(move |asked| {
        if asked.route != Route::Chunk || asked.nth < 3 || left == 0 {
            return Turn::Pass;
        }
        left -= 1;
        let soon = std::time::SystemTime::now() + Duration::from_secs(2);
        let soon = httpdate::fmt_http_date(soon);
        let headers: &[(&str, &str)] = match left % 3 {
            0 => &[("retry-after", "1")],
            1 => &[("retry-after", &soon)],
            _ => &[],
        };
        Turn::answer("429 Too Many Requests", headers, r#"{"error":"slow down"}"#)
    });
    let id = rig.record();
    rig.hold("429 storm", id, WAITS);
    assert_eq!(rig.proxy.faults(), 6);
    assert_eq!(rig.proxy.again().parts, 6);
}

/// The cloud's own limit, at its tightest: it costs time, and no more than the parts it refused.
#[test]
fn a_server_that_takes_one_part_a_second() {
    let pace = Pace { segments_max: 6, ..QUICK };
    let rig = Rig::start_with(pace, &Unusual { parts_per_second: Some(1), ..Unusual::default() });
    let id = rig.record();
    let view = rig.client.done(id, WAITS).unwrap();
    let refused = rig.proxy.count(&Route::Chunk) - view.upload.unwrap().uploaded as usize;
    rig.hold_whole("one part a second", id, WAITS, refused);
}

#[test]
fn a_storm_of_server_errors() {
    let rig = Rig::start(QUICK);
    let mut left = vec!["500 Oops", "502 Bad Gateway", "503 Busy", "504 Gateway Timeout"];
    rig.proxy.script(move |asked| {
        match (asked.route == Route::Chunk && asked.nth > 2, left.pop()) {
            (true, Some(status)) => {
                Turn::answer(status, &[("content-type", "text/html")], "<h1>no")
            }
            (true, None) => Turn::Pass,
            (false, status) => {
                left.extend(status);
                Turn::Pass
            }
        }
    });
    let id = rig.record();
    rig.hold("500, 502, 503, 504", id, WAITS);
    assert_eq!(rig.proxy.faults(), 4);
    assert_eq!(rig.proxy.again().parts, 4);
}

/// First it answers everything with its page, then with a way to it; then somebody signs in there.
/// The token goes nowhere.
#[test]
fn a_captive_portal_is_being_offline() {
    for portal in [
        Turn::answer("200 OK", &[("content-type", "text/html")], "<html>Welcome to the hotel"),
        Turn::answer("302 Found", &[("location", "http://127.0.0.1:1/login")], ""),
    ] {
        let rig = Rig::start(QUICK);
        let there = portal.clone();
        rig.proxy.script(move |asked| match part_number(asked, &[1, 2]) {
            true => Turn::Pass,
            false if asked.route == Route::Init => Turn::Pass,
            false if matches!(asked.route, Route::Other(_)) && asked.nth == 1 => Turn::Pass,
            false => there.clone(),
        });
        let id = rig.record();
        let view = rig
            .client
            .until("the portal to be seen", WAITS, |view| is_waiting(view, WaitReason::Offline))
            .unwrap();
        assert_eq!(reach(&view), Some(Reach::Offline));
        rig.proxy.script(|_| Turn::Pass);
        rig.hold("captive portal", id, WAITS);
    }
}

#[test]
fn a_sign_in_that_is_refused_half_way() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| match asked.route == Route::Chunk && asked.nth > 3 {
        true => Turn::answer("401 Unauthorized", &[], r#"{"error":"unauthenticated"}"#),
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.client
        .until("the need of a sign-in", WAITS, |view| {
            view.recordings.iter().any(|recording| {
                matches!(
                    recording.state,
                    RecordingState::NeedsYou { reason: NeedReason::SignIn, .. }
                )
            })
        })
        .unwrap();
    rig.proxy.script(|_| Turn::Pass);
    let again = account(&rig.proxy.url(), &rig.server.token, Profile::Spec);
    rig.client.run(rig.client.app.sign_in(again, false)).unwrap();
    rig.hold("401 half way", id, WAITS);
}

/// A new session, and everything again: that is what the documents say of a session that is gone.
#[test]
fn a_session_that_is_gone_begins_anew() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| match part_number(asked, &[5]) {
        true => Turn::answer("404 Not Found", &[], r#"{"error":"session not found"}"#),
        false => Turn::Pass,
    });
    let id = rig.record();
    let view = rig.client.done(id, WAITS).unwrap();
    rig.client.hold_recording(&view);
    let record = rig.client.capture.record();
    hold_served(view.link.as_deref().unwrap(), record.bytes, record.sha256());
    assert_eq!(rig.proxy.count(&Route::Init), 2);
}

#[test]
fn a_session_that_is_gone_at_finalize_begins_anew() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| match asked.route == Route::Finalize && asked.nth == 1 {
        true => Turn::answer("404 Not Found", &[], r#"{"error":"session not found"}"#),
        false => Turn::Pass,
    });
    let id = rig.record();
    let view = rig.client.done(id, WAITS).unwrap();
    rig.client.hold_recording(&view);
    let record = rig.client.capture.record();
    hold_served(view.link.as_deref().unwrap(), record.bytes, record.sha256());
    assert_eq!((rig.proxy.count(&Route::Init), rig.proxy.again().parts), (2, 10));
}

#[test]
fn parts_that_the_server_misses_are_sent_again() {
    let rig = Rig::start(QUICK);
    rig.proxy.script(|asked| match asked.route == Route::Finalize && asked.nth == 1 {
        true => Turn::answer(
            "409 Conflict",
            &[("content-type", "application/json")],
            r#"{"success":false,"error":"Missing chunks","missingChunks":[2,7]}"#,
        ),
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.hold("409 with two parts missing", id, WAITS);
    assert_eq!((rig.proxy.faults(), rig.proxy.again().parts), (1, 2));
}

/// A proxy on the way takes less than the server: its 413 has no JSON, and parts get smaller.
#[test]
fn a_proxy_that_takes_small_parts_only() {
    const TAKEN_BYTES: u64 = 3_000_000;
    let pace = Pace { segments_max: 12, segment_bytes: 1_300_000, ..QUICK };
    let unusual = Unusual { profile: Profile::Snaplark, ..Unusual::default() };
    let rig = Rig::start_with(pace, &unusual);
    rig.proxy.script(|asked| match asked.route == Route::Chunk && asked.bytes > TAKEN_BYTES {
        true => Turn::answer("413 Too Large", &[("content-type", "text/html")], "<h1>nginx"),
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.hold("413 of a proxy", id, WAITS);
    let large = rig.proxy.faults();
    assert!((1..=3).contains(&large), "{large} parts were too large");
}

/// A proxy on the way takes less than a segment (nginx takes 1 MiB unless it is told otherwise), and
/// less than that from the fifth part on.
#[test]
fn segments_go_in_pieces_through_a_proxy_that_takes_no_whole_one() {
    let pace = Pace { segments_max: 4, segment_bytes: 1_370_000, ..QUICK };
    for profile in [Profile::Snaplark, Profile::Spec] {
        let rig = Rig::start_with(pace, &Unusual { profile, ..Unusual::default() });
        rig.proxy.script(|asked| {
            let taken_bytes = if asked.nth < 8 { 1024 * 1024 } else { 500_000 };
            match asked.route == Route::Chunk && asked.bytes > taken_bytes {
                true => {
                    Turn::answer("413 Too Large", &[("content-type", "text/html")], "<h1>nginx")
                }
                false => Turn::Pass,
            }
        });
        let id = rig.record();
        rig.hold("413 of a proxy, for each segment", id, WAITS);
        let large = rig.proxy.faults();
        assert!((2..=6).contains(&large), "{large} parts were too large");
    }
}
