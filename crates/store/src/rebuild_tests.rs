//! Breaks a database in each possible way, with the same recordings.

use std::path::Path;

use snaplark_api::Profile;
use snaplark_core::capture::FrameCounts;
use snaplark_core::upload::{Part, Receipt, SegmentCuts, UploadChange};
use snaplark_core::{SessionId, segment_file};

use crate::tests::{Folder, Texts, begin, begin_in_pieces, id, pieces, seal};
use crate::{SEGMENTS_FILE, SIDECAR_FILE, Segment, Store, StoreError};

const LINK: &str = "http://host/videos/1";

/// Creates a recording that is online, one whose upload is half way, one that was just deleted, and one
/// that is running when its program dies.
fn fill(folder: &Folder) {
    let mut store = folder.open();
    store.set_settings(&[("account", "of the person"), ("theme", "dark")]).unwrap();
    let part = |first| Part::whole(first, 1, 5);
    for n in [1, 2, 3] {
        begin(&store, n);
        seal(&store, n, 0);
        seal(&store, n, 1);
        store.close(id(n), FrameCounts::default(), None).unwrap();
        let recording = id(n);
        store
            .apply(&[
                UploadChange::UploadWanted {
                    recording,
                    server: "http://a".into(),
                    profile: Profile::Spec,
                },
                UploadChange::PartPlanned { recording, index: 0, part: part(0) },
                UploadChange::PartPlanned { recording, index: 1, part: part(1) },
                UploadChange::SessionSet { recording, session: Some(SessionId(format!("s{n}"))) },
                UploadChange::LinkKnown { recording, link: LINK.into() },
                UploadChange::PartAcknowledged { recording, index: 0, receipt: Receipt::default() },
            ])
            .unwrap();
    }
    let finished = UploadChange::Finished { recording: id(1), link: Some(LINK.into()) };
    store.apply(&[finished]).unwrap();
    store.rename(id(1), "Renamed").unwrap();
    store.set_deleted(&[id(3)], 77).unwrap();
    begin(&store, 4);
    seal(&store, 4, 0);
    std::fs::write(store.folder(id(4)).join(segment_file(1)), b"whole, without a row").unwrap();
}

fn hold(folder: &Folder, name: &str) {
    let (mut store, rebuilt) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    let rebuilt = rebuilt.unwrap_or_else(|| panic!("{name}: nothing is said"));
    assert_eq!(rebuilt.recordings, 4, "{name}");
    assert_eq!(store.rebuilt().unwrap(), Some(rebuilt.clone()));
    store.recover(&Texts).unwrap();
    assert_eq!(store.setting("account").unwrap().as_deref(), Some("of the person"), "{name}");
    assert_eq!(store.recording(id(1)).unwrap().title, "Renamed", "{name}");
    assert_eq!(store.links().unwrap()[&id(1)], (LINK.to_owned(), true), "{name}");
    let uploads = store.upload_rows().unwrap();
    let half = uploads.iter().find(|upload| upload.recording == id(2)).unwrap();
    assert_eq!(half.session, Some(SessionId("s2".into())), "{name}");
    assert!(half.rebuilt && !half.finished, "{name}: the server is asked what it has");
    assert_eq!(half.parts.len(), 2, "{name}");
    assert!(half.parts.iter().all(|(_, acknowledged)| !acknowledged), "{name}: nobody knows");
    assert!(store.deleted().unwrap().contains_key(&id(3)), "{name}: it is not back");
    let died = store.recording(id(4)).unwrap();
    assert_eq!((died.segments, died.running), (2, false), "{name}");
    store.dismiss_rebuilt().unwrap();
    drop(store);
    let (store, again) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert_eq!(again, None, "{name}: it is said once");
    assert!(store.rebuilt().unwrap().unwrap().is_dismissed);
    if let Some(aside) = rebuilt.set_aside {
        assert!(folder.0.join(&aside).is_file(), "{name}: {aside} is kept");
    }
}

#[test]
fn broken_database_is_set_aside_and_rebuilt_whatever_broke_it() {
    type Break = fn(&Path);
    let breaks: [(&str, Break); 9] = [
        ("zeroed", |db| {
            let size = std::fs::metadata(db).unwrap().len();
            std::fs::write(db, vec![0; size as usize]).unwrap();
        }),
        ("a bad header", |db| {
            let mut bytes = std::fs::read(db).unwrap();
            bytes[..100].fill(0xA5);
            std::fs::write(db, bytes).unwrap();
        }),
        ("flipped bytes", |db| {
            let mut bytes = std::fs::read(db).unwrap();
            let all = 4_096..bytes.len();
            all.step_by(64).for_each(|at| bytes[at] ^= 0xFF);
            std::fs::write(db, bytes).unwrap();
        }),
        ("a page of noise", |db| {
            let mut bytes = std::fs::read(db).unwrap();
            let end = bytes.len().min(12_288);
            bytes[4_096..end].fill(0xA5);
            std::fs::write(db, bytes).unwrap();
        }),
        ("cut off", |db| {
            let bytes = std::fs::read(db).unwrap();
            std::fs::write(db, &bytes[..bytes.len() / 3]).unwrap();
        }),
        ("another file", |db| std::fs::write(db, b"This is a text.\n").unwrap()),
        ("a table is gone", |db| {
            let connection = rusqlite::Connection::open(db).unwrap();
            connection.execute_batch("DROP TABLE segments").unwrap();
        }),
        ("no version", |db| {
            let connection = rusqlite::Connection::open(db).unwrap();
            connection.execute_batch("PRAGMA user_version = 0").unwrap();
        }),
        ("a wild version", |db| {
            let connection = rusqlite::Connection::open(db).unwrap();
            connection.execute_batch("PRAGMA user_version = 1515870810").unwrap();
        }),
    ];
    for (name, damage) in breaks {
        let folder = Folder::new();
        fill(&folder);
        damage(&folder.0.join("snaplark.db"));
        hold(&folder, name);
    }
}

#[test]
fn database_that_is_gone_is_rebuilt() {
    for name in ["gone", "empty"] {
        let folder = Folder::new();
        fill(&folder);
        let database = folder.0.join("snaplark.db");
        match name {
            "gone" => std::fs::remove_file(&database).unwrap(),
            _ => std::fs::write(&database, b"").unwrap(),
        }
        hold(&folder, name);
    }
}

#[test]
fn pieces_are_rebuilt() {
    let folder = Folder::new();
    begin_in_pieces(&mut folder.open(), 1);
    std::fs::remove_file(folder.0.join("snaplark.db")).unwrap();
    let (store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!(rows.parts, pieces().map(|part| (part, false)));
    assert_eq!((rows.part_bytes_max, rows.cuts), (Some(3), SegmentCuts::Frames));
}

#[test]
fn broken_write_ahead_log_costs_no_recording() {
    let folder = Folder::new();
    fill(&folder);
    std::fs::write(folder.0.join("snaplark.db-wal"), vec![0xA5; 100_000]).unwrap();
    std::fs::write(folder.0.join("snaplark.db-shm"), vec![0xA5; 32_768]).unwrap();
    let (mut store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    store.recover(&Texts).unwrap();
    assert_eq!(store.recordings().unwrap().len(), 3, "and the deleted one");
}

#[test]
fn database_of_a_newer_program_is_left_alone() {
    let folder = Folder::new();
    fill(&folder);
    let database = folder.0.join("snaplark.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(connection);
    let refused = Store::open_or_rebuild(&folder.0, &Texts);
    assert!(matches!(refused, Err(StoreError::Newer { found: 99 })));
}

#[test]
fn folder_without_a_copy_is_adopted_and_its_gap_bridged() {
    let folder = Folder::new();
    fill(&folder);
    let mut store = folder.open();
    let files = store.folder(id(9));
    std::fs::create_dir_all(&files).unwrap();
    std::fs::write(files.join("init.webm"), b"init").unwrap();
    std::fs::write(files.join(segment_file(0)), b"whole").unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.adopted, [id(9)]);
    let adopted = store.recording(id(9)).unwrap();
    assert_eq!((adopted.segments, adopted.running, adopted.width), (1, false, 64));
    assert_eq!(adopted.end, None);
    assert_eq!(store.recover(&Texts).unwrap().adopted, []);
}

#[test]
fn deleted_recording_never_comes_back_from_its_folder() {
    let folder = Folder::new();
    fill(&folder);
    let mut store = folder.open();
    // The program dies between the renaming of the folder and the deletion of the row.
    let bin = store.folder(id(1)).with_extension("deleted");
    std::fs::rename(store.folder(id(1)), &bin).unwrap();
    store.recover(&Texts).unwrap();
    assert!(matches!(store.recording(id(1)), Err(StoreError::NoSuchRecording(_))));
    assert!(!bin.exists());
    store.delete(id(2)).unwrap();
    assert_eq!(store.recover(&Texts).unwrap().adopted, []);
}

#[test]
fn replaced_segment_is_remembered_as_it_was_sealed() {
    let folder = Folder::new();
    fill(&folder);
    let mut store = folder.open();
    let placeholder =
        Segment { size_bytes: 9, sha256: [9; 32], ..store.segments(id(2)).unwrap()[1].clone() };
    store.note_replaced(id(2), std::slice::from_ref(&placeholder)).unwrap();
    store.note_replaced(id(2), std::slice::from_ref(&placeholder)).unwrap();
    let damaged = store.damaged(id(2)).unwrap();
    assert_eq!(damaged.len(), 1);
    assert_eq!((damaged[0].index, damaged[0].size_bytes, damaged[0].sha256), (1, 5, [1; 32]));
    assert_eq!(store.segments(id(2)).unwrap()[1], placeholder);
    let rows = store.upload_rows_of(id(2)).unwrap().unwrap();
    assert_eq!(rows.parts[1].0.size_bytes, 9, "its part is as large as what is in it");
}

#[test]
fn lost_init_is_written_again() {
    let folder = Folder::new();
    fill(&folder);
    let mut store = folder.open();
    let init = store.folder(id(2)).join("init.webm");
    std::fs::write(&init, b"damaged").unwrap();
    store.recover(&Texts).unwrap();
    assert_eq!(std::fs::read(&init).unwrap(), b"init");
    let aside = store.folder(id(2)).join("init.webm.damaged");
    assert_eq!(std::fs::read(aside).unwrap(), b"damaged");
}

#[cfg(unix)]
#[test]
fn new_files_are_the_persons_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    fill(&folder);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let recording = folder.0.join("recordings").join(id(1).to_string());
    assert_eq!(mode(&recording), 0o700);
    assert_eq!(mode(&recording.join("recording.json")), 0o600);
    assert_eq!(mode(&folder.0.join("settings.json")), 0o600);
    assert_eq!(mode(&folder.0.join("snaplark.db")), 0o600);
}

/// Each start checks the database; this measures the cost for a year of recordings.
#[test]
fn check_of_a_large_list_is_cheap() {
    let folder = Folder::new();
    let store = folder.open();
    store.connection.execute_batch("BEGIN").unwrap();
    for n in 1..=200_u128 {
        store
            .connection
            .execute(
                "INSERT INTO recordings (id, title, started_text, started_unix_ms, fps, bitrate_bits)
                 VALUES (?1, '', '', 0, 30, 1)",
                [id(n).to_string()],
            )
            .unwrap();
        for index in 0..300 {
            store
                .commit_segment(
                    id(n),
                    &Segment {
                        index,
                        size_bytes: 5,
                        start_ms: u64::from(index) * 2_000,
                        duration_ms: 2_000,
                        sha256: [3; 32],
                    },
                )
                .unwrap();
        }
    }
    store.connection.execute_batch("COMMIT").unwrap();
    drop(store);
    let bytes = std::fs::metadata(folder.0.join("snaplark.db")).unwrap().len();
    let begun = std::time::Instant::now();
    let (store, rebuilt) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    println!("figures: opening a list of {bytes} bytes took {:?}", begun.elapsed());
    assert_eq!(rebuilt, None);
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    drop(store);
}

#[test]
fn upload_whose_row_is_lost_is_restored_from_the_copy() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin(&store, 1);
    let wanted = UploadChange::UploadWanted {
        recording: id(1),
        server: "http://a".into(),
        profile: Profile::Spec,
    };
    store.apply(&[wanted]).unwrap();
    seal(&store, 1, 0);
    // As if the commit had been in the damaged end of the write-ahead log.
    store.connection.execute("DELETE FROM uploads", []).unwrap();
    drop(store);

    let mut store = folder.open();
    store.recover(&Texts).unwrap();
    let uploads = store.upload_rows().unwrap();
    let [upload] = uploads.as_slice() else { panic!("{uploads:?}") };
    assert_eq!((upload.recording, upload.server.as_str()), (id(1), "http://a"));
    assert!(!upload.finished && upload.rebuilt);
}

/// A change of a recording of hours must not write the digests of its thousands of segments.
#[test]
fn list_of_segments_is_written_when_they_change_and_not_with_other_rows() {
    let folder = Folder::new();
    fill(&folder);
    let mut store = folder.open();
    let list = store.folder(id(2)).join(SEGMENTS_FILE);
    let marked = std::fs::read_to_string(&list).unwrap() + "\n";
    std::fs::write(&list, &marked).unwrap();
    store.rename(id(2), "Renamed").unwrap();
    let none = UploadChange::SessionSet { recording: id(2), session: None };
    store.apply(&[none]).unwrap();
    assert_eq!(std::fs::read_to_string(&list).unwrap(), marked);
    let replaced = Segment { sha256: [9; 32], ..store.segments(id(2)).unwrap()[1].clone() };
    store.note_replaced(id(2), std::slice::from_ref(&replaced)).unwrap();
    assert_ne!(std::fs::read_to_string(&list).unwrap(), marked);
    let rows = store.segments(id(2)).unwrap();
    drop(store);

    let database = folder.0.join("snaplark.db");
    std::fs::remove_file(&database).unwrap();
    let (store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert_eq!(store.segments(id(2)).unwrap(), rows);
    // Earlier programs had the list in the sidecar.
    let sidecar = store.folder(id(2)).join(SIDECAR_FILE);
    drop(store);
    let mut json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&sidecar).unwrap()).unwrap();
    json["segments"] = serde_json::from_slice(&std::fs::read(&list).unwrap()).unwrap();
    std::fs::write(&sidecar, json.to_string()).unwrap();
    std::fs::remove_file(&list).unwrap();
    std::fs::remove_file(&database).unwrap();
    let (store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert_eq!(store.segments(id(2)).unwrap(), rows);
    store.rename(id(2), "Again").unwrap();
    assert!(list.is_file(), "the list has a file of its own now");
}
