//! Recording on at the end of a recording, over true sockets and with the true cloud: the same link shows both, and
//! whatever happens meanwhile, nothing of what was recorded is lost.

use std::time::Duration;

use snaplark_app::view::{RecordingState, RecordingView};
use snaplark_app::{AppError, ErrorCode, RecordingId, StartRequest};
use snaplark_store::Store;
use snaplark_tests::fake_capture::{Pace, SEGMENT_MS};
use snaplark_tests::fault_proxy::{Route, Turn};
use snaplark_tests::media;

use crate::publishing::{frames, hold_shown, keeping, publish, sent, until_shown};
use crate::rig::Rig;

const SEGMENTS: u32 = 4;
const PACE: Pace =
    Pace { segments_max: SEGMENTS, every: Duration::from_millis(50), segment_bytes: 60_000 };
const DONE: Duration = Duration::from_secs(60);
/// How long each of the two is.
const ONE_MS: u64 = SEGMENTS as u64 * SEGMENT_MS;

fn begin(rig: &Rig, to: RecordingId) -> Result<RecordingId, AppError> {
    let request = StartRequest { append_to: Some(to), ..StartRequest::default() };
    rig.client.run(rig.client.app.start_recording(request))
}

fn find(views: &[RecordingView], id: RecordingId) -> Option<&RecordingView> {
    views.iter().find(|view| view.id == id.to_string())
}

/// Waits until what was recorded is the end of the other recording, and returns that.
fn until_appended(rig: &Rig, to: RecordingId, more: RecordingId) -> RecordingView {
    let is_so = |views: &[RecordingView]| find(views, more).is_none();
    let seen = rig.client.until("the append", DONE, |view| is_so(&view.recordings)).unwrap();
    let longer = find(&seen.recordings, to).unwrap().clone();
    assert_eq!((longer.segments, longer.duration_ms), (2 * SEGMENTS, 2 * ONE_MS));
    longer
}

fn record_on(rig: &Rig, to: RecordingId) -> RecordingView {
    let more = begin(rig, to).unwrap();
    rig.client.end(more).unwrap();
    until_appended(rig, to, more)
}

#[test]
fn what_is_recorded_on_is_behind_the_same_link_and_nothing_else_is_sent() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    let first = rig.client.done(id, DONE).unwrap();
    let link = first.link.unwrap();
    hold_shown(&link, ONE_MS);
    let before = rig.proxy.asked().len();
    record_on(&rig, id);
    let shown = until_shown(&rig.client, id);
    assert_eq!((shown.version, shown.duration_ms), (Some(2), Some(2 * ONE_MS)));
    hold_shown(&link, 2 * ONE_MS);
    let parts = sent(&rig, before);
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    let new = u64::from(SEGMENTS) * PACE.segment_bytes;
    assert!((new..new + PACE.segment_bytes).contains(&bytes), "{bytes}: {parts:#?}");
    assert!(parts.iter().all(|part| part.index >= Some(SEGMENTS)), "{parts:#?}");
    let view = rig.client.done(id, DONE).unwrap();
    assert_eq!(view.link, Some(link));
    let file = view.file.unwrap();
    assert_eq!(media::decode(&file).unwrap(), frames(2 * ONE_MS), "the person's own file");
    // The file of before is the person's.
    assert_eq!(media::decode(&first.file.unwrap()).unwrap(), frames(ONE_MS));
}

#[test]
fn edit_stays_when_something_is_appended_and_keeps_that() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    let link = rig.client.done(id, DONE).unwrap().link.unwrap();
    publish(&rig, id, keeping((1_000, 5_000)));
    hold_shown(&link, 4_000);
    record_on(&rig, id);
    assert_eq!(until_shown(&rig.client, id).version, Some(3));
    hold_shown(&link, 4_000 + ONE_MS);
}

#[test]
fn recording_that_is_not_online_yet_is_online_with_what_is_appended() {
    let rig = Rig::start(PACE);
    rig.proxy.script(|asked| match asked.route {
        Route::Chunk => Turn::answer("503 Service Unavailable", &[], ""),
        _ => Turn::Pass,
    });
    let id = rig.record();
    record_on(&rig, id);
    rig.proxy.script(|_| Turn::Pass);
    rig.client.run(rig.client.app.retry(id)).unwrap();
    until_shown(&rig.client, id);
    hold_shown(&rig.client.done(id, DONE).unwrap().link.unwrap(), 2 * ONE_MS);
    assert_eq!(rig.proxy.count(&Route::Finalize), 1, "the shorter one was never shown");
}

#[test]
fn what_was_recorded_on_when_the_program_ended_is_appended_by_its_next_start() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    let link = rig.client.done(id, DONE).unwrap().link;
    rig.proxy.close();
    let more = begin(&rig, id).unwrap();
    rig.client
        .until("all segments", DONE, |view| {
            find(&view.recordings, more).is_some_and(|view| view.segments == SEGMENTS)
        })
        .unwrap();
    let rig = rig.restart_client(PACE, |_| {});
    until_appended(&rig, id, more);
    rig.client.run(rig.proxy.reopen()).unwrap();
    rig.client.run(rig.client.app.hint_network()).unwrap();
    until_shown(&rig.client, id);
    hold_shown(link.as_deref().unwrap(), 2 * ONE_MS);
    assert_eq!(rig.client.done(id, DONE).unwrap().link, link);
}

#[test]
fn cleared_recording_is_restored_from_its_file_when_something_is_appended() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    let link = rig.client.done(id, DONE).unwrap().link.unwrap();
    let rig = rig.restart_client(PACE, |root| {
        Store::open(root).unwrap().clear_segments(id).unwrap();
    });
    record_on(&rig, id);
    until_shown(&rig.client, id);
    hold_shown(&link, 2 * ONE_MS);
    let file = rig.client.done(id, DONE).unwrap().file.unwrap();
    assert_eq!(media::decode(&file).unwrap(), frames(2 * ONE_MS));
}

#[test]
fn what_was_recorded_on_stays_a_recording_of_its_own_if_the_other_one_is_deleted() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    rig.client.done(id, DONE).unwrap();
    let more = begin(&rig, id).unwrap();
    rig.client.run(rig.client.app.delete(id)).unwrap();
    rig.client.end(more).unwrap();
    let seen = rig
        .client
        .until("a file of its own", DONE, |view| {
            find(&view.recordings, more).is_some_and(|view| view.file.is_some())
        })
        .unwrap();
    let own = find(&seen.recordings, more).unwrap();
    assert_eq!(own.state, RecordingState::Local);
    assert_eq!(media::decode(own.file.as_deref().unwrap()).unwrap(), frames(ONE_MS));
    assert_eq!(begin(&rig, id).unwrap_err().code(), ErrorCode::NoSuchRecording);
}
