//! Recording on at the end of a recording, over true sockets and with the true cloud: the same link shows both, and
//! whatever happens meanwhile, nothing of what was recorded is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirEntry;
use std::path::Path;
use std::time::Duration;

use snaplark_app::view::{RecordingState, RecordingView};
use snaplark_app::{AppError, ErrorCode, RecordingId, StartRequest};
use snaplark_store::Store;
use snaplark_tests::fake_capture::{Pace, SEGMENT_MS};
use snaplark_tests::fault_proxy::{Route, Turn};
use snaplark_tests::media;

use crate::publishing::{Crashes, frames, hold_shown, keeping, publish, sent, until_shown};
use crate::rig::{Rig, is_soak};

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
fn stretch_that_is_recorded_again_plays_in_its_place_behind_the_same_link() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    let link = rig.client.done(id, DONE).unwrap().link.unwrap();
    let replace = |stretch| {
        let (append_to, replaces) = (Some(id), Some(stretch));
        let request = StartRequest { append_to, replaces, ..StartRequest::default() };
        rig.client.run(rig.client.app.start_recording(request))
    };
    for wrong in [(3_000, 3_000), (3_000, ONE_MS + 1)] {
        assert_eq!(replace(wrong).unwrap_err().code(), ErrorCode::BadEdit, "{wrong:?}");
    }
    let before = rig.proxy.asked().len();
    // The middle half of the second segment and of the third.
    let more = replace((3_000, 5_000)).unwrap();
    rig.client.end(more).unwrap();
    until_appended(&rig, id, more);
    let shown = until_shown(&rig.client, id);
    let length_ms = 2 * ONE_MS - 2_000;
    assert_eq!((shown.version, shown.duration_ms), (Some(2), Some(length_ms)));
    hold_shown(&link, length_ms);
    let view = rig.client.run(rig.client.app.cuts().open(id)).unwrap();
    let keep: Vec<_> =
        view.edit.unwrap().keep.iter().map(|span| (span.start_ms, span.end_ms)).collect();
    assert_eq!(keep, [(0, 3_000), (ONE_MS, 2 * ONE_MS), (5_000, ONE_MS)]);
    let parts = sent(&rig, before);
    assert!(parts.iter().all(|part| part.index < Some(SEGMENTS + 3)), "{parts:#?}");
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    // Each of the two pieces at the joints is larger than a segment.
    let new = u64::from(SEGMENTS + 4) * PACE.segment_bytes;
    assert!(bytes < new, "the first segment and the last are kept: {bytes}");
    // Its own file has both, and what was cut is not lost.
    let whole = rig.client.done(id, DONE).unwrap();
    assert_eq!((whole.link, whole.duration_ms), (Some(link.clone()), 2 * ONE_MS));
    // As an item of its own it is what the link shows.
    let copy = rig.client.run(rig.client.app.cuts().copy(id)).unwrap().unwrap();
    let copied = rig.client.done(copy, DONE).unwrap();
    assert_eq!(media::decode(copied.file.as_deref().unwrap()).unwrap(), frames(length_ms));
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

/// The number of points before which appending is killed, beside those that are named.
const SAMPLE: usize = 5;
/// The segments that are appended.
const MORE: u32 = 2;

/// Returns how many sealed segments each recording's folder has.
fn sealed(root: &Path) -> BTreeMap<String, u32> {
    let folders = std::fs::read_dir(root.join("recordings")).unwrap().flatten();
    let folders = folders.filter(|folder| folder.path().extension().is_none());
    let count = |folder: &Path| {
        let names = std::fs::read_dir(folder).unwrap().flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with('0') && name.ends_with(".webm")).count() as u32
    };
    let name = |folder: &DirEntry| folder.file_name().to_string_lossy().into_owned();
    folders.map(|folder| (name(&folder), count(&folder.path()))).collect()
}

#[test]
fn killed_at_any_step_of_an_append_nothing_that_was_sealed_is_lost_and_the_link_shows_it() {
    let world = Crashes::start();
    let online = |name: &str| {
        let root = world.home.path().join(name);
        let said = world.run(&root, SEGMENTS, &[]);
        let text = |key: &str| said["recordings"][0][key].as_str().unwrap().to_owned();
        (root, text("id"), text("link"))
    };
    let appending = (MORE, &["--append"][..]);
    let (root, _, link) = online("points");
    let list = root.with_extension("points");
    assert_eq!(world.kill(&root, 0, Some(&list), appending), None);
    hold_shown(&link, u64::from(SEGMENTS + MORE) * SEGMENT_MS);
    let points = std::fs::read_to_string(list).unwrap();
    let points: Vec<&str> = points.lines().collect();
    let named = |name: &str| {
        let found = points.iter().rposition(|point| point.contains(name));
        found.unwrap_or_else(|| panic!("no point names {name}")) + 1
    };
    let tried: BTreeSet<usize> = match is_soak() {
        true => (1..=points.len()).collect(),
        false => {
            let sample = (0..SAMPLE).map(|n| 1 + n * (points.len() - 1) / (SAMPLE - 1));
            // The mark is written, the append is decided, and it is complete.
            let steps = ["append-to", "append.json"].map(named);
            sample.chain(steps).chain(steps.map(|step| step - 1)).collect()
        }
    };
    let (mut alone, mut appended) = (0, 0);
    for point in &tried {
        let (root, id, link) = online(&format!("case-{point}"));
        let Some(at) = world.kill(&root, *point, None, appending) else { continue };
        println!("killed before point {point}: {at}");
        let before = sealed(&root);
        let more: u32 =
            before.iter().filter(|(name, _)| **name != id).map(|(_, count)| *count).sum();
        let is_decided = before.len() == 1 && before[&id] > SEGMENTS
            || root.join("recordings").join(&id).join("append.json").exists();
        match is_decided {
            true => appended += 1,
            false => alone += 1,
        }
        let said = world.run(&root, 0, &["--append"]);
        let found = &said["recordings"][0];
        let segments = found["segments"].as_u64().unwrap() as u32;
        let least = if is_decided { SEGMENTS + MORE } else { SEGMENTS + more };
        assert!(segments >= least, "{segments} of {least} after point {point}: {before:?}");
        let whole_ms = u64::from(segments) * SEGMENT_MS;
        assert_eq!(found["link"], link.as_str(), "the link stays");
        hold_shown(&link, whole_ms);
        let file = found["file"].as_str().unwrap();
        assert_eq!(media::decode(file).unwrap(), frames(whole_ms), "after point {point}");
        let folder = root.join("recordings").join(&id);
        let left: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("append"))
            .collect();
        assert!(left.is_empty(), "{left:?} after point {point}");
    }
    println!(
        "figures: crash points of an append: {} in one run, {alone} killed before it was decided, {appended} after",
        points.len()
    );
    assert!(
        (alone + appended) * 10 >= tried.len() * 7,
        "{alone} and {appended} of {}",
        tried.len()
    );
    assert!(alone > 0 && appended > 0, "{alone} and {appended}: both have to be seen");
}
