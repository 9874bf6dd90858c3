//! Tests of what a person decides about an upload, over real sockets.

use std::time::{Duration, Instant};

use snaplark_app::SettingsChange;
use snaplark_app::view::{
    NeedReason, Reach, RecorderView, RecordingState, Snapshot, ToastBody, WaitReason,
};
use snaplark_core::RecordingId;
use snaplark_tests::fake_capture::Pace;
use snaplark_tests::fault_proxy::{Route, Turn};
use snaplark_tests::wait;

use crate::rig::{RECORDING, Rig, hold_served, reach};

const PACE: Pace =
    Pace { segments_max: 10, every: Duration::from_millis(50), segment_bytes: 200_000 };
const DONE: Duration = Duration::from_secs(60);

fn has_state(view: &Snapshot, id: RecordingId, is_it: impl Fn(&RecordingState) -> bool) -> bool {
    view.recordings.iter().any(|r| r.id == id.to_string() && is_it(&r.state))
}

fn waits(reason: WaitReason) -> impl Fn(&RecordingState) -> bool {
    move |state| *state == RecordingState::Waits { reason }
}

#[test]
fn an_upload_that_is_paused_sends_nothing_until_it_goes_on() {
    let rig = Rig::start(PACE);
    let id = rig.client.begin().unwrap();
    rig.client
        .until("some parts to be sent", RECORDING, |view| {
            view.recordings.iter().any(|r| r.upload.as_ref().is_some_and(|u| u.uploaded >= 2))
        })
        .unwrap();
    rig.client.run(rig.client.app.pause_upload(id)).unwrap();
    rig.client.end(id).unwrap();
    let view = rig
        .client
        .until("the upload to be paused", DONE, |view| {
            has_state(view, id, waits(WaitReason::Paused))
        })
        .unwrap();
    let upload = view.recordings[0].upload.clone().unwrap();
    assert!(upload.pending > 0, "{upload:?}");
    let sent = rig.proxy.count(&Route::Chunk);
    // Two may have been on their way when it was asked for.
    assert!(sent <= upload.uploaded as usize + 2, "{sent} sent, {upload:?}");
    rig.client.run(rig.client.app.resume_upload(id)).unwrap();
    rig.hold("paused and resumed", id, DONE);
}

#[test]
fn a_limit_on_bytes_a_second_is_kept() {
    const LIMIT: u64 = 400_000;
    let rig = Rig::start(PACE);
    let limit = SettingsChange::of(&["upload", "bytesPerSecondMax"], LIMIT);
    rig.client.run(rig.client.app.change_settings(limit)).unwrap();
    let began = Instant::now();
    let id = rig.record();
    let view = rig.client.done(id, DONE).unwrap();
    let took = began.elapsed();
    rig.hold("limited to 400 kB/s", id, DONE);
    let speed = view.size_bytes as f64 / took.as_secs_f64();
    println!("figures: {speed:.0} bytes/s of {LIMIT} allowed");
    assert!(speed < LIMIT as f64 * 1.1, "{speed} bytes/s");
}

#[test]
fn a_refusal_is_named_and_a_retry_finishes_it() {
    let rig = Rig::start(PACE);
    rig.proxy.script(|asked| match asked.route == Route::Chunk && asked.nth > 3 {
        true => Turn::answer(
            "403 Forbidden",
            &[("content-type", "application/json")],
            r#"{"success":false,"error":"quota","message":"Your space is used up"}"#,
        ),
        false => Turn::Pass,
    });
    let id = rig.record();
    rig.client
        .until("the refusal to be named", DONE, |view| {
            has_state(view, id, |state| match state {
                RecordingState::NeedsYou { reason: NeedReason::Refused, detail } => {
                    detail.contains("Your space is used up")
                }
                _ => false,
            })
        })
        .unwrap();
    let sent = rig.proxy.asked().len();
    rig.proxy.script(|_| Turn::Pass);
    rig.client.run(rig.client.app.retry(id)).unwrap();
    rig.hold("refused, then tried again", id, DONE);
    assert!(rig.proxy.asked().len() > sent);
}

/// Once the server has been seen, the link is there with the first frame, network or not; and it is
/// the one that works in the end.
#[test]
fn the_link_is_known_while_recording_without_a_network() {
    let rig = Rig::start(PACE);
    rig.client
        .until("the server to be seen", DONE, |view| reach(view) == Some(Reach::Online))
        .unwrap();
    rig.proxy.close();
    let id = rig.client.begin().unwrap();
    let view = rig.client.run(rig.client.app.snapshot()).unwrap();
    let link = view.recordings[0].link.clone().expect("the link is there at once");
    rig.client.end(id).unwrap();
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    let done = rig.client.done(id, DONE).unwrap();
    assert_eq!(done.link.as_deref(), Some(link.as_str()));
    rig.hold_whole("link before the network", id, DONE, 0);
}

/// Whoever stops a recording sees that it goes up before its last segment is written.
#[test]
fn a_toast_is_there_as_soon_as_it_is_stopped() {
    let rig = Rig::start(PACE);
    let app = &rig.client.app;
    let id = rig.client.begin().unwrap();
    let view = rig
        .client
        .until("a part to be sent", RECORDING, |view| {
            view.recordings.iter().any(|r| r.upload.as_ref().is_some_and(|u| u.uploaded > 0))
        })
        .unwrap();
    assert_eq!(view.toasts, [], "nobody is disturbed while it runs");
    let (stopped, view) =
        rig.client.run(async { tokio::join!(app.stop_recording(), app.snapshot()) });
    let view = view.unwrap();
    assert_eq!(view.recorder, RecorderView::Stopping { id: id.to_string() });
    let [toast] = &view.toasts[..] else { panic!("{:?}", view.toasts) };
    assert_eq!(toast.recording_id, id.to_string());
    assert!(matches!(toast.body, ToastBody::Uploading { .. }), "{toast:?}");
    assert_eq!(stopped.unwrap(), id);
    rig.client.done(id, DONE).unwrap();
}

#[test]
fn two_recordings_share_the_way() {
    let rig = Rig::start(PACE);
    rig.proxy.close();
    let mut recorded = Vec::new();
    for _ in 0..2 {
        let id = rig.record();
        recorded.push((id, rig.client.capture.record()));
    }
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    for (id, record) in recorded {
        let view = rig.client.done(id, DONE).unwrap();
        hold_served(view.link.as_deref().unwrap(), record.bytes, record.sha256());
    }
    let asked = rig.proxy.asked();
    let sessions: Vec<_> = asked.iter().filter_map(|asked| asked.session.clone()).collect();
    // From when both have their session until one is through, they take turns.
    let both = sessions.iter().position(|session| *session != sessions[0]).unwrap();
    let through = sessions.iter().rposition(|session| *session == sessions[0]).unwrap();
    let shared = &sessions[both..=through.max(both)];
    let of_first = shared.iter().filter(|session| **session == sessions[0]).count();
    assert!(of_first.abs_diff(shared.len() - of_first) <= 2, "{sessions:?}");
    assert_eq!(sessions.len(), 20, "each part once");
}

/// Segments stay until the server has confirmed the video and the person's own file is written, and
/// for as long as the person wants after that.
#[test]
fn segments_are_freed_when_they_need_not_stay() {
    let rig = Rig::start(PACE);
    let keep_none = SettingsChange::of(&["upload", "keepLocalDays"], 0);
    rig.client.run(rig.client.app.change_settings(keep_none.clone())).unwrap();
    rig.proxy.script(|asked| match asked.route == Route::Finalize {
        true => Turn::answer("503 Busy", &[], ""),
        false => Turn::Pass,
    });
    let id = rig.record();
    let folder = rig.home.path().join("client/recordings").join(id.to_string());
    wait::until("finalize to be refused", DONE, || {
        Ok((rig.proxy.count(&Route::Finalize) > 0).then_some(()))
    })
    .unwrap();
    // Asked now, it looks at once.
    rig.client.run(rig.client.app.change_settings(keep_none.clone())).unwrap();
    rig.client.run(rig.client.app.snapshot()).unwrap();
    assert!(folder.join("000009.webm").is_file(), "nothing is confirmed yet");
    rig.proxy.script(|_| Turn::Pass);
    let view = rig.client.done(id, DONE).unwrap();
    rig.client.run(rig.client.app.change_settings(keep_none)).unwrap();
    // The card's picture is all that may stay.
    let is_media =
        |file: &std::fs::DirEntry| file.path().extension().is_some_and(|it| it == "webm");
    wait::until("the segments to be freed", DONE, || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        Ok((files.filter(is_media).count() == 0).then_some(()))
    })
    .unwrap();
    rig.client.hold_recording(&view);
    let record = rig.client.capture.record();
    hold_served(view.link.as_deref().unwrap(), record.bytes, record.sha256());
}
