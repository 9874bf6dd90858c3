//! Videos that a person brought in: their rows, their uploads, and what a lost database leaves of them.

use snaplark_core::upload::file_pieces;
use snaplark_core::{ItemId, ItemKind};

use super::*;
use crate::{ImportedFile, NewImport};

const SIZE: u64 = 3 * 1024 * 1024 + 7;

fn import(n: u128) -> NewImport {
    NewImport {
        id: ItemId::from(id(n)),
        title: "Demo".into(),
        started_text: "2024-01-15T10-30-45".into(),
        started_unix_ms: 1,
        width: 640,
        height: 360,
        file: ImportedFile {
            path: "/videos/demo.mp4".into(),
            size_bytes: SIZE,
            modified_ns: -5,
            duration_ms: 2_000,
            mime: "video/mp4".into(),
            description: "What it shows".into(),
            is_wanted: true,
        },
    }
}

fn wanted(n: u128) -> UploadChange {
    let server = "http://a".to_owned();
    UploadChange::UploadWanted { recording: id(n), server, profile: Profile::Snaplark }
}

#[test]
fn import_is_shown_with_its_file_and_is_no_recording() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.add_import(import(1)).unwrap();
    let [row] = &store.imports().unwrap()[..] else { panic!("one import") };
    assert_eq!((row.size_bytes, row.duration_ms, row.segments), (SIZE, 2_000, 0));
    assert_eq!(row.imported.as_ref(), Some(&import(1).file));
    assert_eq!(store.shown(id(1)).unwrap().as_ref(), Some(row));
    assert_eq!(store.recordings().unwrap(), []);
    assert_eq!(store.visible(id(1)).unwrap(), None, "what is done with recordings isn't offered");
    assert_eq!(store.items(ItemKind::Import).unwrap().len(), 1);
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!((recovery.empty, recovery.damaged_items), (vec![], vec![]));
    store.set_deleted(&[id(1)], 1).unwrap();
    assert_eq!((store.imports().unwrap(), store.shown(id(1)).unwrap()), (vec![], None));
    assert_eq!(store.waiting_imports().unwrap(), []);
    store.delete(id(1)).unwrap();
    assert_eq!(store.imported(id(1)).unwrap(), None);
}

#[test]
fn import_waits_until_its_upload_has_a_row() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.add_import(import(1)).unwrap();
    assert_eq!(store.waiting_imports().unwrap(), [(id(1), SIZE)]);
    store.apply(&[wanted(1)]).unwrap();
    assert_eq!(store.waiting_imports().unwrap(), []);
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!((rows.file_bytes, rows.duration_ms), (Some(SIZE), Some(2_000)));
    assert_eq!(rows.segment_bytes, file_pieces(SIZE));
}

#[test]
fn import_and_its_upload_survive_a_lost_database() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.add_import(import(1)).unwrap();
    let part = Part::whole(0, 4, SIZE);
    let session = Some(SessionId("s".into()));
    let planned = UploadChange::PartPlanned { recording: id(1), index: 0, part };
    let opened = UploadChange::SessionSet { recording: id(1), session };
    store.apply(&[wanted(1), planned, opened]).unwrap();
    let moved = ImportedFile { path: "/videos/other.mp4".into(), ..import(1).file };
    store.set_imported(id(1), &moved).unwrap();
    let before = store.upload_rows().unwrap().remove(0);
    drop(store);
    for name in ["snaplark.db", "snaplark.db-wal", "snaplark.db-shm"] {
        drop(std::fs::remove_file(folder.0.join(name)));
    }
    let (mut store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    store.recover(&Texts).unwrap();
    assert_eq!(store.imported(id(1)).unwrap(), Some(moved));
    let after = store.upload_rows().unwrap().remove(0);
    assert_eq!((after.parts, after.session, after.rebuilt), (before.parts, before.session, true));
}
