//! Homes of every earlier version: read as they are, and migrated.

use rusqlite::Connection;
use snaplark_core::{ItemId, ItemKind};

use super::*;
use crate::{SCHEMA, SCHEMA_VERSION, StoredEnd};

/// Makes the home of an earlier version with one recording of one segment, whose upload has one part.
fn home_of(version: usize) -> Folder {
    let folder = Folder::new();
    let files = folder.0.join("recordings").join(id(1).to_string());
    std::fs::create_dir_all(&files).unwrap();
    std::fs::write(files.join(INIT_FILE), b"init").unwrap();
    std::fs::write(files.join(segment_file(0)), b"whole").unwrap();
    let connection = Connection::open(folder.0.join("snaplark.db")).unwrap();
    connection.execute_batch(&SCHEMA[..version].concat()).unwrap();
    connection.pragma_update(None, "user_version", version as i64).unwrap();
    connection
        .execute_batch(&format!(
            "INSERT INTO recordings (id, title, started_text, started_unix_ms, fps, bitrate_bits,
                 width, height, init_bytes, state, end_detail)
             VALUES ('{0}', 'Demo', '2024-01-15T10-30-45', 1, 30, 2500000, 64, 36, 4, 'ended',
                 'The disk is full');
             INSERT INTO segments VALUES ('{0}', 0, 5, 0, 2000, zeroblob(32));
             INSERT INTO uploads (recording, {1} server, profile)
                 VALUES ('{0}', {2} 'http://a', 'spec');
             INSERT INTO parts (recording, idx, first_segment, segment_count, size_bytes,
                 acknowledged) VALUES ('{0}', 0, 0, 1, 5, 1);",
            id(1),
            if version >= 17 { "item," } else { "" },
            if version >= 17 { format!("'{}',", id(1)) } else { String::new() },
        ))
        .unwrap();
    if version >= 2 {
        let issue = "INSERT INTO health (recording, idx, at_ms, kind, detail)
                     VALUES (?1, 0, 7, 'audio-lost', 'No sound')";
        connection.execute(issue, [id(1).to_string()]).unwrap();
    }
    folder
}

fn hold(store: &Store, version: usize) {
    let what = format!("version {version}");
    let [row] = &store.recordings().unwrap()[..] else { panic!("{what}: not one recording") };
    assert_eq!((row.segments, row.running, row.title.as_str()), (1, false, "Demo"), "{what}");
    let words = StoredEnd::Worded("The disk is full".into());
    assert_eq!(row.end, Some(words), "{what}: an end keeps its English words");
    let issue = StoredIssue::Worded { kind: "audio-lost".into(), words: "No sound".into() };
    let issues = (version >= 2).then_some(IssueRow { at_ms: 7, issue });
    let found = store.issues().unwrap().remove(&id(1)).unwrap_or_default();
    assert_eq!(found, Vec::from_iter(issues), "{what}");
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!(rows.parts, [(Part::whole(0, 1, 5), true)], "{what}: a plan of whole segments");
    assert_eq!(rows.cuts, SegmentCuts::None, "{what}");
    assert!(!rows.mending && !rows.rebuilt, "{what}");
    assert_eq!(rows.version, None, "{what}: a recording");
    assert_eq!(store.version_files().unwrap(), [], "{what}");
    assert_eq!(store.secret(id(1)).unwrap(), None, "{what}");
    assert!(store.deleted().unwrap().is_empty(), "{what}");
    assert!(store.damaged(id(1)).unwrap().is_empty(), "{what}");
    assert_eq!(store.further_uploads().unwrap(), [], "{what}");
    let item = ItemId::from(id(1));
    assert!(store.items(ItemKind::Screenshot).unwrap().is_empty(), "{what}");
    assert_eq!(store.edit(item).unwrap(), None, "{what}");
    assert_eq!(store.versions(item).unwrap(), [], "{what}");
    assert_eq!(store.open_jobs().unwrap(), [], "{what}");
}

#[test]
fn home_of_every_earlier_version_is_read_and_then_migrated() {
    for version in 1..=SCHEMA.len() {
        let folder = home_of(version);
        let reader = Store::open_to_read(&folder.0).unwrap().unwrap();
        hold(&reader, version);
        let mut store = folder.open();
        hold(&store, version);
        assert_eq!(store.version().unwrap(), SCHEMA_VERSION);
        hold(&reader, version);
        let recordings = store.items(ItemKind::Recording).unwrap();
        assert_eq!(recordings.len(), 1, "version {version}: old rows are recordings");
        assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
        store.note_issue(id(1), 9, &Issue::SourceLost).unwrap();
        assert_eq!(store.issues_of(id(1)).unwrap().len(), usize::from(version >= 2) + 1);
        store.rename(id(1), "Renamed").unwrap();
        assert!(folder.0.join("recordings").join(id(1).to_string()).join(SIDECAR_FILE).is_file());
    }
}

#[test]
fn further_uploads_of_an_earlier_version_stay_beside_the_items_own() {
    let folder = home_of(16);
    let connection = Connection::open(folder.0.join("snaplark.db")).unwrap();
    connection
        .execute_batch(&format!(
            "INSERT INTO further_uploads (recording, item, server, profile, session, struck, secret)
                 VALUES ('{1}', '{0}', 'http://b', 'folder', 's', 1, zeroblob(32));
             INSERT INTO further_parts (recording, idx, first_segment, segment_count, size_bytes,
                 acknowledged, receipt) VALUES ('{1}', 0, 0, 1, 5, 1, 'r');",
            id(1),
            id(9)
        ))
        .unwrap();
    drop(connection);
    let reader = Store::open_to_read(&folder.0).unwrap().unwrap();
    assert_eq!(reader.upload_rows().unwrap().len(), 1, "a reader knows the own uploads");
    let store = folder.open();
    let [own, further] = &store.upload_rows().unwrap()[..] else { panic!("two uploads") };
    assert_eq!((own.recording, own.parts.len(), own.struck), (id(1), 1, false));
    assert_eq!((further.recording, further.server.as_str()), (id(9), "http://b"));
    assert_eq!(further.parts, [(Part::whole(0, 1, 5), true)]);
    assert_eq!(further.receipts[&0], Receipt("r".into()));
    assert!(further.struck && further.session.is_some() && further.claim.is_some());
    let [known] = &store.further_uploads().unwrap()[..] else { panic!("one further upload") };
    assert_eq!((known.id, known.item), (id(9), id(1)));
}

#[test]
fn home_of_a_newer_version_is_not_opened() {
    let folder = Folder::new();
    let store = folder.open();
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    assert!(matches!(Store::open(&folder.0), Err(StoreError::Newer { found: 99 })));
}
