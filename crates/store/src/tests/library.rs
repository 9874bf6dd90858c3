//! Tests what the library keeps of recordings: issues, deletion, settings, secrets.

use snaplark_core::edit::Edit;
use snaplark_core::upload::{EditedVersion, PartContent, VersionPart};

use super::*;
use crate::NewEditedVersion;

#[test]
fn confirmed_segments_can_go_and_the_recording_stays() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    let recording = id(1);
    let server = "http://a".to_owned();
    let link = Some("http://a/1".to_owned());
    store
        .apply(&[
            UploadChange::UploadWanted { recording, server, profile: Profile::Spec },
            UploadChange::Finished { recording, link },
        ])
        .unwrap();
    assert!(store.confirmed().unwrap().is_empty(), "the person has no file yet");
    store.set_file(recording, std::path::Path::new("/saved/1.webm")).unwrap();
    assert_eq!(store.confirmed().unwrap()[0].0, recording);

    std::fs::write(files.join(STILL_FILE), "still").unwrap();
    std::fs::write(files.join(pointer_file(0)), "positions").unwrap();
    store.clear_segments(recording).unwrap();
    let left: BTreeSet<_> =
        std::fs::read_dir(&files).unwrap().map(|e| e.unwrap().file_name()).collect();
    let expected = [STILL_FILE, SIDECAR_FILE, SEGMENTS_FILE, "000000.pointer"].map(Into::into);
    assert_eq!(left, expected.into(), "what is in no other file stays");
    assert!(store.confirmed().unwrap().is_empty());
    assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
    let row = store.recording(recording).unwrap();
    assert_eq!((row.cleared, row.duration_ms, row.missing_detail), (true, 2_000, None));
}

#[test]
fn cleared_recording_keeps_what_is_published_of_it_and_a_folder_does_not_stop_the_start() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    store.clear_segments(id(1)).unwrap();
    // One version waits for its upload, and the program died while the next one was rendered.
    std::fs::write(files.join("rendered-a"), "piece").unwrap();
    let part =
        VersionPart { content: PartContent::File("rendered-a".into(), "ab".into()), size_bytes: 5 };
    let version = EditedVersion { parts: vec![part], duration_ms: 1_000, ..Default::default() };
    let edit = Edit::Cuts {
        keep: std::iter::once(0..1_000).collect(),
        covers: Vec::new(),
        chapters: Vec::new(),
    };
    let new = NewEditedVersion { edit, version, served: None, number_min: 2 };
    assert_eq!(store.add_edited_version(id(1).into(), new).unwrap(), 2);
    std::fs::create_dir(files.join("rendered-b")).unwrap();
    std::fs::write(files.join("rendered-b/piece-0.webm"), "half").unwrap();
    std::fs::create_dir(files.join("made by hand")).unwrap();
    assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
    let left: BTreeSet<_> =
        std::fs::read_dir(&files).unwrap().map(|e| e.unwrap().file_name()).collect();
    let expected = [SIDECAR_FILE, SEGMENTS_FILE, "made by hand", "version-2-000000.webm"];
    let expected = expected.map(Into::into);
    assert_eq!(left, expected.into(), "what is rendered for no version goes");
}

#[test]
fn limit_on_parts_stays_when_a_version_takes_the_place_of_an_upload() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin(&store, 1);
    let (recording, server) = (id(1), "http://a".to_owned());
    store
        .apply(&[
            UploadChange::UploadWanted { recording, server, profile: Profile::Spec },
            UploadChange::PartBytesLearned {
                recording,
                part_bytes_max: 77,
                cuts: SegmentCuts::AnyByte,
            },
            UploadChange::VersionSet { recording, version: 2 },
        ])
        .unwrap();
    let rows = store.upload_rows_of(recording).unwrap().unwrap();
    assert_eq!((rows.version, rows.part_bytes_max), (Some(2), Some(77)));
}

fn issues_of(store: &Store, n: u128) -> Vec<IssueRow> {
    store.issues().unwrap().remove(&id(n)).unwrap_or_default()
}

#[test]
fn issues_are_deleted_with_their_recording() {
    let folder = Folder::new();
    let store = folder.open();
    begin(&store, 1);
    begin(&store, 2);
    let lost = Issue::SourceLost;
    let dropped = Issue::FramesDropped { count: 3 };
    store.note_issue(id(1), 2_500, &lost).unwrap();
    store.note_issue(id(1), 4_000, &dropped).unwrap();
    let kept = issues_of(&store, 1);
    let issue = |at_ms, issue: &Issue| {
        let issue = StoredIssue::Known(issue.clone());
        IssueRow { at_ms, issue }
    };
    assert_eq!(kept, [issue(2_500, &lost), issue(4_000, &dropped)]);
    assert_eq!(issues_of(&store, 2), []);
    store.delete(id(1)).unwrap();
    assert_eq!(issues_of(&store, 1), []);
    for at_ms in 0..1_100 {
        store.note_issue(id(2), at_ms, &lost).unwrap();
    }
    assert_eq!(issues_of(&store, 2).len(), 1_000);
}

#[test]
fn issue_of_an_earlier_version_keeps_its_english_words() {
    let folder = Folder::new();
    let store = folder.open();
    begin(&store, 1);
    let old =
        "INSERT INTO health (recording, idx, at_ms, kind, detail) VALUES (?1, 0, 7, 'a', 'b')";
    store.connection.execute(old, [id(1).to_string()]).unwrap();
    let issue = StoredIssue::Worded { kind: "a".into(), words: "b".into() };
    assert_eq!(issues_of(&store, 1), [IssueRow { at_ms: 7, issue }]);
}

#[test]
fn deleted_recordings_are_hidden_until_they_are_restored() {
    let folder = Folder::new();
    let mut store = folder.open();
    for n in 1..=4 {
        begin(&store, n);
    }
    let ids = |store: &Store| -> Vec<RecordingId> {
        store.recordings().unwrap().into_iter().map(|recording| recording.id).collect()
    };
    store.set_deleted(&[id(1), id(2)], 1_000).unwrap();
    store.set_deleted(&[id(3)], 2_000).unwrap();
    assert_eq!(ids(&store), [id(4)]);
    assert!(store.visible(id(1)).unwrap().is_none());
    assert!(store.folder(id(1)).exists(), "it is all there");

    drop(store);
    let mut store = folder.open();
    assert_eq!(store.restore_deleted().unwrap(), [id(3)], "what was deleted last");
    assert_eq!(ids(&store), [id(4), id(3)]);
    assert_eq!(store.restore_deleted().unwrap(), [id(1), id(2)]);
    assert!(store.restore_deleted().unwrap().is_empty());

    store.set_deleted(&[id(1)], 3_000).unwrap();
    store.delete(id(1)).unwrap();
    assert!(store.deleted().unwrap().is_empty(), "nothing is left of it");
    assert!(matches!(
        store.set_deleted(&[id(2), id(9)], 4_000),
        Err(StoreError::NoSuchRecording(missing)) if missing == id(9)
    ));
    assert!(store.deleted().unwrap().is_empty(), "all of them or none");
}

#[test]
fn settings_change_together_or_not_at_all() {
    let folder = Folder::new();
    let store = folder.open();
    store.set_settings(&[("a", "1"), ("b", "1")]).unwrap();
    store
        .connection
        .execute_batch(
            "CREATE TEMP TRIGGER refuse BEFORE INSERT ON settings WHEN new.key = 'b'
             BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    assert!(store.set_settings(&[("a", "2"), ("b", "2")]).is_err());
    assert_eq!(store.setting("a").unwrap().as_deref(), Some("1"));
}

#[test]
fn secret_of_a_recording_outlives_its_database() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    begin(&store, 2);
    assert_eq!(store.secret(id(1)).unwrap(), None);
    store.set_secret(id(1), &[7; 32]).unwrap();
    let profile = Profile::Spec;
    let wanted = |n| UploadChange::UploadWanted { recording: id(n), server: "s".into(), profile };
    store.apply(&[wanted(1), wanted(2)]).unwrap();
    let claims = |store: &Store| {
        let mut rows = store.upload_rows().unwrap();
        rows.sort_by_key(|row| row.recording);
        rows.iter().map(|row| row.claim).collect::<Vec<_>>()
    };
    let claim = snaplark_api::recording_id_of(&[7; 32]);
    assert_eq!(claims(&store), [Some(claim), None]);
    let kept = std::fs::read_to_string(files.join(SIDECAR_FILE)).unwrap();
    assert!(kept.contains(&"07".repeat(32)), "{kept}");
    drop(store);

    std::fs::write(folder.0.join("snaplark.db"), b"This is a text.\n").unwrap();
    let (store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert_eq!(store.secret(id(1)).unwrap(), Some([7; 32]));
    assert_eq!(store.secret(id(2)).unwrap(), None);
}
