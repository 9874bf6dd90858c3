//! Deleting, and thinking better of it: what is back is whole and goes on, what isn't is gone, and a
//! program that ended meanwhile leaves nothing half done.

use std::path::Path;
use std::time::Duration;

use snaplark_app::view::{RecordingState, WaitReason};
use snaplark_core::RecordingId;
use snaplark_tests::fake_capture::Pace;

use crate::rig::Rig;

const PACE: Pace =
    Pace { segments_max: 5, every: Duration::from_millis(20), segment_bytes: 100_000 };
const DONE: Duration = Duration::from_secs(60);

fn folder(root: &Path, id: RecordingId) -> std::path::PathBuf {
    root.join("recordings").join(id.to_string())
}

/// Recorded without a network, so that its upload is under way for as long as one likes.
fn unsent() -> (Rig, RecordingId) {
    let rig = Rig::start(PACE);
    rig.proxy.close();
    let id = rig.record();
    rig.client
        .until("the upload to wait", DONE, |view| {
            let waits = RecordingState::Waits { reason: WaitReason::Offline };
            view.recordings.iter().any(|recording| recording.state == waits)
        })
        .unwrap();
    (rig, id)
}

#[test]
fn what_is_had_back_goes_on_where_it_was() {
    let (rig, id) = unsent();
    let before = rig.client.run(rig.client.app.snapshot()).unwrap().version;
    rig.client.run(rig.client.app.delete_undoably(vec![id])).unwrap();
    let view = rig.client.run(rig.client.app.snapshot_since(before)).unwrap();
    assert_eq!((view.recordings.len(), view.gone, view.toasts), (0, vec![id.to_string()], vec![]));
    assert_eq!(view.deleted.map(|deleted| deleted.count), Some(1));

    // Nothing of it is sent meanwhile, network or not.
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    rig.client.run(rig.client.app.undo_delete()).unwrap();
    let back = rig.client.run(rig.client.app.snapshot_since(view.version)).unwrap();
    assert_eq!(back.recordings.len(), 1);
    assert_eq!(back.deleted, None);
    rig.hold_whole("deleted and had back", id, DONE, 0);
}

#[test]
fn what_nobody_wants_back_is_gone_after_a_while() {
    let (rig, id) = unsent();
    let folder = folder(&rig.client_root(), id);
    rig.client.run(rig.client.app.delete_undoably(vec![id])).unwrap();
    assert!(folder.exists(), "it can still be had back");
    rig.client.until("the time to be over", DONE, |view| view.deleted.is_none()).unwrap();
    assert!(!folder.exists());
    rig.client.run(rig.client.app.undo_delete()).unwrap();
    assert!(rig.client.run(rig.client.app.snapshot()).unwrap().recordings.is_empty());
}

/// Whoever deletes something and quits does not expect to meet it again.
#[test]
fn a_program_that_ended_meanwhile_deletes_at_its_next_start() {
    let (rig, id) = unsent();
    rig.client.run(rig.client.app.delete_undoably(vec![id])).unwrap();
    let rig = rig.restart_client(PACE, |_| {});
    let view = rig.client.run(rig.client.app.snapshot()).unwrap();
    assert!(view.recordings.is_empty(), "out of sight it stays");
    assert!(folder(&rig.client_root(), id).exists(), "its time is not over yet");

    let rig = rig.restart_client(PACE, |root| {
        let rows = rusqlite::Connection::open(root.join("snaplark.db")).unwrap();
        rows.execute("UPDATE deleted SET at_unix_ms = at_unix_ms - 60000", []).unwrap();
    });
    rig.client
        .until("it to be deleted", DONE, |_| !folder(&rig.client_root(), id).exists())
        .unwrap();
}
