//! Screenshots and imports, edits, versions and jobs.

use std::io::{self, Write as _};

use snaplark_core::capture::CaptureError;
use snaplark_core::edit::{Area, Canvas, Drawing, Edit, Rgb, Shape, ShapeKind};
use snaplark_core::{EndReason, ItemId, ItemKind};

use super::*;
use crate::{
    Item, JobProgress, NewItem, NewJob, NewVersion, SavedEdit, StoredEnd, VersionFile,
    WrittenVersion,
};

pub(super) const FLATTENED: &[u8] = b"flattened";
const PICTURE: &[u8] = b"pixels";

pub(super) fn item(n: u128) -> ItemId {
    ItemId::from(id(n))
}

fn screenshot(n: u128) -> NewItem {
    NewItem {
        id: item(n),
        kind: ItemKind::Screenshot,
        title: "A screenshot".into(),
        started_text: "2024-01-15T10-30-45".into(),
        started_unix_ms: 1,
        width: 3,
        height: 2,
        extension: "PNG".into(),
        size_bytes: PICTURE.len() as u64,
        sha256: [7; 32],
    }
}

pub(super) fn add(store: &Store, n: u128) -> Item {
    store.add_item(&screenshot(n), |file| file.write_all(PICTURE)).unwrap()
}

pub(super) fn version(store: &Store, n: u128, edit: Option<&Edit>) -> VersionFile {
    let new = NewVersion { edit, extension: "png", bytes: FLATTENED, sha256: [8; 32] };
    store.add_version(item(n), &new).unwrap()
}

pub(super) fn covered() -> Edit {
    let area = Area { x: 1, y: 1, width: 2, height: 1 };
    let cover = Shape { id: 1, kind: ShapeKind::Cover { area, color: Rgb([0; 3]) } };
    Edit::Annotations { drawing: Drawing { canvas: Canvas::default(), shapes: vec![cover] } }
}

#[test]
fn screenshot_is_in_the_library_with_its_file_and_apart_from_recordings() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin(&store, 1);
    seal(&store, 1, 0);
    let added = add(&store, 2);
    let source = added.source.clone().unwrap();
    assert_eq!(source.path, store.folder(id(2)).join("source.png"));
    assert_eq!(std::fs::read(&source.path).unwrap(), PICTURE);
    assert_eq!(store.items(ItemKind::Screenshot).unwrap(), [added]);
    assert_eq!(store.recordings().unwrap().len(), 1, "the recording only");

    drop(store);
    store = folder.open();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.empty, [], "a screenshot has no segments and is no empty recording");
    assert_eq!(recovery.damaged_items, []);
    assert!(store.item(item(2)).unwrap().is_whole());
    std::fs::write(&source.path, "pix").unwrap();
    assert_eq!(store.recover(&Texts).unwrap().damaged_items, [item(2)]);
    store.delete_item(item(2)).unwrap();
    assert!(!store.folder(id(2)).exists() && store.item(item(2)).is_err());
}

#[test]
fn item_is_not_added_when_its_bytes_cannot_be_written() {
    let folder = Folder::new();
    let store = folder.open();
    let full = store.add_item(&screenshot(1), |_| Err(io::Error::other("the disk is full")));
    assert!(matches!(full, Err(StoreError::Io(_))));
    let short = store.add_item(&screenshot(1), |file| file.write_all(b"pix"));
    assert!(matches!(short, Err(StoreError::Io(_))));
    assert!(!store.folder(id(1)).exists());
    assert_eq!(store.items(ItemKind::Screenshot).unwrap(), []);
    add(&store, 1);
    let twice = store.add_item(&screenshot(1), |file| file.write_all(b"others"));
    assert!(matches!(twice, Err(StoreError::Folder { .. })));
    let path = store.item(item(1)).unwrap().source.unwrap().path;
    assert_eq!(std::fs::read(path).unwrap(), PICTURE, "what is there is never replaced");
}

#[test]
fn item_is_whole_or_set_apart_after_a_crash_at_any_step() {
    for (step, is_item) in [("file", false), ("sidecar", false), ("row", true)] {
        let folder = Folder::new();
        let store = folder.open();
        let added = add(&store, 1);
        let (files, source) = (store.folder(id(1)), added.source.clone().unwrap().path);
        let row = "DELETE FROM recordings";
        store.connection.execute(row, []).unwrap();
        match step {
            "file" => {
                std::fs::remove_file(files.join(SIDECAR_FILE)).unwrap();
                std::fs::rename(&source, files.join("source.png.part")).unwrap();
            }
            "sidecar" => std::fs::remove_file(files.join(SIDECAR_FILE)).unwrap(),
            _ => {}
        }
        drop(store);
        let mut store = folder.open();
        let adopted = store.recover(&Texts).unwrap().adopted;
        assert_eq!(adopted.len(), usize::from(is_item), "before the {step}");
        assert_eq!(store.items(ItemKind::Screenshot).unwrap().len(), adopted.len(), "{step}");
        assert!(files.read_dir().unwrap().count() > 0, "nothing is deleted before the {step}");
    }
}

#[test]
fn items_edits_and_versions_outlive_their_database() {
    let folder = Folder::new();
    let store = folder.open();
    let added = add(&store, 1);
    begin(&store, 2);
    seal(&store, 2, 0);
    store.close(id(2), FrameCounts::default(), Some(&EndReason::Slept)).unwrap();
    store.save_edit(item(1), &covered(), 5).unwrap();
    store.save_edit(item(2), &Edit::whole(2_000), 6).unwrap();
    version(&store, 1, Some(&covered()));
    let versions = store.versions(item(1)).unwrap();
    let json = std::fs::read_to_string(store.folder(id(1)).join(SIDECAR_FILE)).unwrap();
    assert!(json.contains("\"version\":2"), "programs that know recordings only skip it: {json}");
    drop(store);

    std::fs::write(folder.0.join("snaplark.db"), b"This is a text.\n").unwrap();
    let (store, rebuilt) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert!(rebuilt.is_some());
    assert_eq!(store.item(item(1)).unwrap(), added);
    assert_eq!(
        store.edit(item(1)).unwrap(),
        Some(SavedEdit { revision: 1, edit: Some(covered()) })
    );
    assert_eq!(store.edit(item(2)).unwrap().unwrap().edit, Some(Edit::whole(2_000)));
    assert_eq!(store.versions(item(1)).unwrap(), versions);
    let end = store.recording(id(2)).unwrap().end;
    assert_eq!(end, Some(StoredEnd::Known(EndReason::Slept)));
}

#[test]
fn edit_is_replaced_when_it_is_saved_and_gone_when_it_is_discarded() {
    let folder = Folder::new();
    let store = folder.open();
    add(&store, 1);
    assert_eq!(store.edit(item(1)).unwrap(), None);
    assert_eq!(store.save_edit(item(1), &covered(), 1).unwrap(), 1);
    let other = Edit::Annotations { drawing: Drawing::default() };
    assert_eq!(store.save_edit(item(1), &other, 2).unwrap(), 2);
    let saved = SavedEdit { revision: 2, edit: Some(other) };
    assert_eq!(store.edit(item(1)).unwrap(), Some(saved));
    store.discard_edit(item(1)).unwrap();
    assert_eq!(store.edit(item(1)).unwrap(), None);
    assert!(matches!(store.save_edit(item(9), &covered(), 1), Err(StoreError::NoSuchRecording(_))));
}

#[test]
fn edit_of_a_newer_format_is_kept_and_not_opened() {
    let folder = Folder::new();
    let store = folder.open();
    add(&store, 1);
    store.save_edit(item(1), &covered(), 1).unwrap();
    let newer = r#"{"format":2,"kind":"hologram"}"#;
    store.connection.execute("UPDATE edits SET edit = ?1", [newer]).unwrap();
    assert_eq!(store.edit(item(1)).unwrap(), Some(SavedEdit { revision: 1, edit: None }));
    store.rename(id(1), "Renamed").unwrap();
    let json = std::fs::read_to_string(store.folder(id(1)).join(SIDECAR_FILE)).unwrap();
    assert!(json.contains("hologram"), "{json}");
}

#[test]
fn jobs_that_waited_or_ran_are_interrupted_after_a_crash() {
    let folder = Folder::new();
    let store = folder.open();
    add(&store, 1);
    let job = |item| NewJob { item, kind: "export".into(), params: "{}".into() };
    let running = store.add_job(&job(Some(item(1))), 1).unwrap();
    let done = store.add_job(&job(None), 1).unwrap();
    let waiting = store.add_job(&job(None), 1).unwrap();
    store.note_job(running, &JobProgress::Running { thousandths: 400 }, 2).unwrap();
    assert!(store.note_job(done, &JobProgress::Done, 2).unwrap());
    let error = "{\"code\":\"cancelled\"}".to_owned();
    let late = store.note_job(done, &JobProgress::Failed { error }, 3).unwrap();
    assert!(!late, "a job ends once");
    store.set_job_params(done, "{\"target\":\"a (2).mp4\"}").unwrap();
    assert_eq!(store.open_jobs().unwrap()[0].progress, JobProgress::Running { thousandths: 400 });
    drop(store);

    let mut store = folder.open();
    store.recover(&Texts).unwrap();
    assert_eq!(store.open_jobs().unwrap(), []);
    let ended: Vec<_> = store.ended_jobs().unwrap();
    let states: Vec<_> = ended.iter().map(|job| (job.id, job.progress.clone())).collect();
    assert_eq!(
        states,
        [
            (running, JobProgress::Interrupted),
            (done, JobProgress::Done),
            (waiting, JobProgress::Interrupted),
        ]
    );
    assert_eq!(ended[0].changed_unix_ms, 2);
    assert_eq!(ended[1].work.params, "{\"target\":\"a (2).mp4\"}");
    store.forget_job(done).unwrap();
    assert_eq!(store.job(done).unwrap(), None);
    store.delete_item(item(1)).unwrap();
    assert_eq!(store.job(running).unwrap(), None, "a job goes with its item");
}

#[test]
fn reason_of_an_end_is_stored_by_its_kind_and_read_back() {
    let folder = Folder::new();
    let store = folder.open();
    begin(&store, 1);
    let reason = || "why".to_owned();
    let reasons = [
        EndReason::Slept,
        EndReason::DiskNearlyFull,
        EndReason::Interrupted,
        EndReason::Capture(CaptureError::DiskFull),
        EndReason::Capture(CaptureError::SharingRevoked),
        EndReason::Capture(CaptureError::SharingLost { reason: reason() }),
        EndReason::Capture(CaptureError::SourceMissing { reason: reason() }),
        EndReason::Capture(CaptureError::FolderUnwritable { reason: reason() }),
        EndReason::Capture(CaptureError::PipelineFailed { reason: reason() }),
    ];
    for reason in reasons {
        store.close(id(1), FrameCounts::default(), Some(&reason)).unwrap();
        let query = "SELECT end_reason, end_detail FROM recordings";
        let (json, words): (String, Option<String>) =
            store.connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert!(json.contains(&format!("\"kind\":\"{}\"", reason.kind())), "{json}");
        assert_eq!(words, None, "no English sentence in a row");
        assert_eq!(store.recording(id(1)).unwrap().end, Some(StoredEnd::Known(reason)));
    }
    let newer = r#"UPDATE recordings SET end_reason = '{"kind":"abducted"}'"#;
    store.connection.execute(newer, []).unwrap();
    let end = store.recording(id(1)).unwrap().end;
    assert_eq!(end, Some(StoredEnd::Worded("abducted".into())));
}

#[test]
fn rendered_file_that_became_no_version_is_removed_at_the_next_start() {
    let folder = Folder::new();
    let mut store = folder.open();
    add(&store, 1);
    let new = NewVersion { edit: None, extension: "png", bytes: FLATTENED, sha256: [8; 32] };
    let root = store.folder(id(1)).parent().unwrap().parent().unwrap().to_owned();
    let left = WrittenVersion::write(&root, item(1), &new).unwrap();
    let kept = WrittenVersion::write(&root, item(1), &new).unwrap();
    let kept = store.add_written_version(kept, None, 7).unwrap();
    assert_eq!(kept.number, 7, "a number may be asked for");
    let names = |store: &Store| {
        let entries = store.folder(id(1)).read_dir().unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    assert!(names(&store).iter().any(|name| name.starts_with("rendered-")));
    drop(left);
    store.recover(&Texts).unwrap();
    assert!(!names(&store).iter().any(|name| name.starts_with("rendered-")));
    assert_eq!(std::fs::read(&kept.path).unwrap(), FLATTENED);
    assert_eq!(version(&store, 1, None).number, 8);
}
