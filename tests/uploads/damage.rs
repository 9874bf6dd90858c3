//! Damage on this computer's disk: of segments before they go up, of the list of recordings, of
//! folders that no list knows; and on the server's, which the client learns of.

use std::path::{Path, PathBuf};
use std::time::Duration;

use snaplark_app::view::RecordingState;
use snaplark_core::RecordingId;
use snaplark_tests::fake_capture::{Pace, SIZE};
use snaplark_tests::fault_proxy::Route;
use snaplark_tests::media;
use snaplark_tests::process::{command, program};
use snaplark_tests::wait;
use snaplark_tests::webdriver::client;

use crate::rig::{RECORDING, Rig};

const PACE: Pace =
    Pace { segments_max: 6, every: Duration::from_millis(50), segment_bytes: 60_000 };
const DONE: Duration = Duration::from_secs(60);

fn folder(rig: &Rig, id: RecordingId) -> PathBuf {
    rig.home.path().join("client/recordings").join(id.to_string())
}

fn segment(rig: &Rig, id: RecordingId, index: u32) -> PathBuf {
    folder(rig, id).join(format!("{index:06}.webm"))
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    bytes[middle + 1] ^= 0x55;
    std::fs::write(path, bytes).unwrap();
}

/// Records with the server out of reach, so that everything waits on the disk.
fn recorded_offline() -> (Rig, RecordingId) {
    let rig = Rig::start(PACE);
    rig.proxy.close();
    let id = rig.record();
    rig.client
        .until("the person's own file", RECORDING, |view| {
            view.recordings.iter().any(|r| r.file.is_some())
        })
        .unwrap();
    (rig, id)
}

/// Deletes the person's own file, so that nothing can be restored from it.
fn without_file(rig: &Rig, id: RecordingId) {
    let view = rig.client.run(rig.client.app.snapshot()).unwrap();
    let view = view.recordings.into_iter().find(|r| r.id == id.to_string()).unwrap();
    std::fs::remove_file(view.file.unwrap()).unwrap();
}

#[test]
fn damaged_segments_are_replaced_and_the_rest_goes_online() {
    let (rig, id) = recorded_offline();
    without_file(&rig, id);
    flip(&segment(&rig, id, 2));
    std::fs::write(segment(&rig, id, 3), b"cut short").unwrap();
    std::fs::remove_file(segment(&rig, id, 5)).unwrap();
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    let damaged: Vec<(u64, &str)> =
        view.issues.iter().map(|issues| (issues.at_ms, issues.kind.as_str())).collect();
    let expected = [4_000, 6_000, 10_000].map(|at_ms| (at_ms, "segment-damaged"));
    assert_eq!(damaged, expected, "{:?}", view.issues);
    assert!(view.issues[0].detail.contains("000002.webm.damaged"), "{:?}", view.issues);
    assert_eq!(std::fs::read(folder(&rig, id).join("000003.webm.damaged")).unwrap(), b"cut short");
    let link = view.link.unwrap();
    media::decode(&format!("{link}/video.webm")).unwrap();
    assert_eq!(media::grey_pictures(&format!("{link}/video.webm"), SIZE).unwrap(), 3);
    let page = client().unwrap().get(&link).send().unwrap().text().unwrap();
    assert!(page.contains("6 seconds are missing in 2 places, the first at 0:04"), "{page}");
}

#[test]
fn damaged_segment_is_restored_from_the_persons_own_file() {
    let (rig, id) = recorded_offline();
    flip(&segment(&rig, id, 0));
    std::fs::remove_file(segment(&rig, id, 4)).unwrap();
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    assert_eq!(view.issues, [], "nothing is lost, so nothing is said");
    let record = rig.client.capture.record();
    crate::rig::hold_served(view.link.as_deref().unwrap(), record.bytes, record.sha256());
}

#[test]
fn damage_before_the_own_file_is_written_is_marked_in_it() {
    let rig = Rig::start(PACE);
    rig.proxy.close();
    let id = rig.client.begin().unwrap();
    rig.client
        .until("all segments", RECORDING, |view| view.recordings.iter().any(|r| r.segments == 6))
        .unwrap();
    flip(&segment(&rig, id, 1));
    rig.client.run(rig.client.app.stop_recording()).unwrap();
    let view = rig
        .client
        .until("the person's own file", RECORDING, |view| {
            view.recordings.iter().any(|r| r.file.is_some())
        })
        .unwrap();
    let view = &view.recordings[0];
    assert_eq!(view.issues.len(), 1, "{:?}", view.issues);
    assert_eq!(view.file_problem, None);
    let file = view.file.as_deref().unwrap();
    media::decode(file).unwrap();
    assert_eq!(media::grey_pictures(file, SIZE).unwrap(), 1);
}

#[test]
fn broken_lists_are_rebuilt_and_their_uploads_go_on() {
    type Break = fn(&Path);
    let breaks: [(&str, Break); 6] = [
        ("zeroed", |db| std::fs::write(db, vec![0; 40_960]).unwrap()),
        ("no header", |db| {
            let mut bytes = std::fs::read(db).unwrap();
            bytes[..100].fill(0xAA);
            std::fs::write(db, bytes).unwrap();
        }),
        ("cut", |db| {
            let bytes = std::fs::read(db).unwrap();
            std::fs::write(db, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("empty", |db| std::fs::write(db, b"").unwrap()),
        ("gone", |db| std::fs::remove_file(db).unwrap()),
        ("flipped", |db| {
            let mut bytes = std::fs::read(db).unwrap();
            let count = bytes.len();
            for at in (4_096..count).step_by(97) {
                bytes[at] ^= 0xFF;
            }
            std::fs::write(db, bytes).unwrap();
        }),
    ];
    for (name, damage) in breaks {
        let rig = Rig::start(PACE);
        let finished = rig.record();
        let before = rig.client.done(finished, DONE).unwrap();
        let id = rig.client.begin().unwrap();
        rig.client
            .until("half of the parts", RECORDING, |view| {
                view.recordings.iter().any(|r| {
                    r.id == id.to_string() && r.upload.as_ref().is_some_and(|u| u.uploaded >= 3)
                })
            })
            .unwrap();
        rig.proxy.close();
        rig.client.end(id).unwrap();
        let chunks = rig.proxy.count(&Route::Chunk);
        let rig = rig.restart_client(PACE, |home| damage(&home.join("snaplark.db")));
        let view = rig.client.run(rig.client.app.snapshot()).unwrap();
        let rebuilt = view.rebuilt.unwrap_or_else(|| panic!("{name}: nothing is said"));
        assert_eq!(rebuilt.recordings, 2, "{name}");
        rig.runtime.block_on(rig.proxy.reopen()).unwrap();
        let done = rig.client.done(id, DONE).unwrap();
        assert_eq!(done.segments, 6, "{name}");
        // Parts that the server had are not sent again: three were there, or one more on its way.
        let sent = rig.proxy.count(&Route::Chunk) - chunks;
        assert!(sent <= 4, "{name}: {sent} parts were sent after the rebuilding");
        let link = done.link.unwrap();
        media::decode(&format!("{link}/video.webm")).unwrap();
        let after = rig.client.done(finished, DONE).unwrap();
        assert_eq!((after.link, after.title), (before.link, before.title), "{name}");
        let kept = rebuilt.set_aside.map(|file| rig.home.path().join("client").join(file));
        assert_eq!(kept.is_some_and(|kept| kept.is_file()), !["gone", "empty"].contains(&name));
    }
}

#[test]
fn folder_without_a_row_or_a_copy_is_adopted() {
    let (rig, id) = recorded_offline();
    let rig = rig.restart_client(PACE, |home| {
        for name in ["snaplark.db", "snaplark.db-wal", "snaplark.db-shm"] {
            let _ = std::fs::remove_file(home.join(name));
        }
        let folder = home.join("recordings").join(id.to_string());
        std::fs::remove_file(folder.join("recording.json")).unwrap();
        std::fs::remove_file(folder.join("000002.webm")).unwrap();
    });
    let view = rig
        .client
        .until("a file of it", RECORDING, |view| view.recordings.iter().any(|r| r.file.is_some()))
        .unwrap();
    let found = &view.recordings[0];
    assert_eq!((found.id.as_str(), found.segments), (id.to_string().as_str(), 6));
    assert_eq!(found.state, RecordingState::Local);
    assert_eq!(found.issues.len(), 1, "the gap is said: {:?}", found.issues);
    media::decode(found.file.as_deref().unwrap()).unwrap();
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    rig.client.run(rig.client.app.retry(id)).unwrap();
    rig.client.done(id, DONE).unwrap();
}

#[test]
fn list_that_breaks_while_it_is_used_is_rebuilt_and_the_recording_goes_on() {
    let pace = Pace { segments_max: 12, ..PACE };
    let rig = Rig::start(pace);
    let id = rig.client.begin().unwrap();
    rig.client
        .until("some segments", RECORDING, |view| view.recordings.iter().any(|r| r.segments >= 3))
        .unwrap();
    let root = rig.home.path().join("client");
    for name in ["snaplark.db", "snaplark.db-wal"] {
        let path = root.join(name);
        let size = std::fs::metadata(&path).map_or(0, |file| file.len());
        std::fs::write(&path, vec![0x5A; size as usize]).unwrap();
    }
    rig.client.end(id).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    assert_eq!(view.segments, 12);
    let record = rig.client.capture.record();
    crate::rig::hold_served(view.link.as_deref().unwrap(), record.bytes, record.sha256());
}

#[test]
fn part_that_the_server_damaged_is_sent_again() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    let view = rig.client.done(id, DONE).unwrap();
    let data = rig.home.path().join("cloud");
    let chunk = find(&data, "_chunk_3.").expect("a chunk on the server's disk");
    flip(&chunk);
    assert!(!is_whole(&rig), "the damage is found");
    let chunks = rig.proxy.count(&Route::Chunk);
    let rig = rig.restart_client(PACE, |_| {});
    wait::until("the part to be sent again", DONE, || {
        Ok((rig.proxy.count(&Route::Chunk) > chunks).then_some(()))
    })
    .unwrap();
    let again = rig.client.done(id, DONE).unwrap();
    assert_eq!((again.link.clone(), again.issues), (view.link, Vec::new()));
    assert_eq!(rig.proxy.count(&Route::Chunk), chunks + 1, "one part was sent");
    assert!(is_whole(&rig), "the server is whole again");
    media::decode(&format!("{}/video.webm", again.link.unwrap())).unwrap();
}

/// A program that is killed after the own file is written and before its row says so.
#[test]
fn own_file_that_is_there_already_is_not_written_twice() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    let view = rig.client.done(id, DONE).unwrap();
    let rig = rig.restart_client(PACE, |home| {
        let database = rusqlite::Connection::open(home.join("snaplark.db")).unwrap();
        database.execute("UPDATE recordings SET file = NULL", []).unwrap();
    });
    let again = rig.client.done(id, DONE).unwrap();
    assert_eq!(again.file, view.file);
    let saved = std::path::Path::new(view.file.as_ref().unwrap()).parent().unwrap();
    assert_eq!(std::fs::read_dir(saved).unwrap().count(), 1);
}

#[test]
fn checked_copies_are_not_said_to_be_online_where_the_server_damaged_one() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    rig.client.done(id, DONE).unwrap();
    flip(&find(&rig.home.path().join("cloud"), "_chunk_3.").expect("a chunk on the disk"));
    assert!(!is_whole(&rig), "the damage is found");
    let chunks = rig.proxy.count(&Route::Chunk);
    let rig = rig.restart_client(PACE, |_| {});
    let app = &rig.client.app;
    wait::until("the copies to be checked", DONE, || {
        Ok(rig.client.run(app.is_up_to_date())?.then_some(()))
    })
    .unwrap();
    let view = rig.client.run(app.snapshot()).unwrap();
    let found = view.recordings.iter().find(|found| found.id == id.to_string()).unwrap();
    let is_sent = rig.proxy.count(&Route::Chunk) > chunks;
    assert!(is_sent || found.state != RecordingState::Done, "{:?}", found.state);
}

#[test]
fn part_that_neither_side_has_is_said() {
    let rig = Rig::start(PACE);
    let id = rig.record();
    rig.client.done(id, DONE).unwrap();
    let data = rig.home.path().join("cloud");
    flip(&find(&data, "_chunk_3.").expect("a chunk on the server's disk"));
    assert!(!is_whole(&rig));
    without_file(&rig, id);
    let rig = rig.restart_client(PACE, |home| {
        let folder = home.join("recordings").join(id.to_string());
        flip(&folder.join("000003.webm"));
    });
    rig.client
        .until("the state to say it", DONE, |view| {
            let found = view.recordings.iter().find(|r| r.id == id.to_string());
            found.is_some_and(|r| {
                matches!(
                    &r.state,
                    RecordingState::NeedsYou {
                        reason: snaplark_app::view::NeedReason::DamagedOnServer,
                        ..
                    }
                )
            })
        })
        .unwrap();
}

/// Returns whether `snaplark-cloud scrub` finds the server's data undamaged.
fn is_whole(rig: &Rig) -> bool {
    let mut scrub = command(&rig.home, program("snaplark-cloud").unwrap());
    scrub.args(["scrub", "--data"]).arg(rig.home.path().join("cloud"));
    scrub.output().unwrap().status.success()
}

fn find(folder: &Path, piece: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return find(&path, piece);
        }
        path.file_name()?.to_str()?.contains(piece).then_some(path)
    })
}
