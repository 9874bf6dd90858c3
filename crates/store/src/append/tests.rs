//! Tests of appending: what the longer recording has, and what a program finds whose predecessor died at any step.

use snaplark_core::capture::{FrameCounts, Issue};
use snaplark_core::{INIT_FILE, pointer_file, segment_file};

use super::*;
use crate::SEGMENTS_FILE;
use crate::tests::{Folder, Texts, begin, id, seal, segment};

const TO: AppendTo =
    AppendTo { to: RecordingId(uuid::Uuid::from_u128(1)), publishes: true, replaces: None };

/// Makes a recording of two segments with an edit, and one of two segments that is to be appended. Returns its copies.
fn prepared(store: &Store) -> NewAppend {
    for n in [1, 2] {
        begin(store, n);
        seal(store, n, 0);
        seal(store, n, 1);
    }
    store.expect_append(id(2), TO).unwrap();
    let counts = FrameCounts { encoded: 10, unchanged: 2, dropped: 1 };
    store.note_issue(id(1), 500, &Issue::SourceLost).unwrap();
    store.note_issue(id(2), 700, &Issue::WebcamBack).unwrap();
    for n in [1, 2] {
        store.close(id(n), counts, None).unwrap();
    }
    let keep = std::iter::once(500..4_000).collect();
    let edit = Edit::Cuts { keep, covers: Vec::new(), chapters: Vec::new() };
    store.save_edit(id(1).into(), &edit, 1).unwrap();
    let copies = append_folder(&store.root, id(1), id(2));
    std::fs::create_dir_all(&copies).unwrap();
    for index in [2, 3] {
        std::fs::write(copies.join(segment_file(index)), "whole, copied").unwrap();
        std::fs::write(copies.join(pointer_file(index)), "at").unwrap();
    }
    let row = |index| Segment { size_bytes: 13, ..segment(index) };
    let segments = vec![row(2), row(3)];
    NewAppend { more: id(2), publishes: true, replaces: None, first_index: 2, segments }
}

fn entry(new: &NewAppend) -> AppendEntry {
    let segments = new.segments.iter().map(|it| (it.index, SegmentEntry::from(it)));
    let (replaces, segments) = (new.replaces, segments.collect());
    AppendEntry { more: new.more, from_ms: 4_000, replaces, segments }
}

fn decide(store: &Store, new: &NewAppend) {
    let json = serde_json::to_vec(&entry(new)).unwrap();
    files::write_durably(&store.folder(id(1)).join(APPEND_FILE), &json).unwrap();
}

fn hold_appended(store: &Store, counts: FrameCounts) {
    let folder = store.folder(id(1));
    let row = store.recording(id(1)).unwrap();
    assert_eq!((row.segments, row.duration_ms, row.counts), (4, 8_000, counts));
    for index in 2..4 {
        let text = std::fs::read_to_string(folder.join(segment_file(index))).unwrap();
        assert_eq!(text, "whole, copied");
        assert!(folder.join(pointer_file(index)).exists());
    }
    let saved = store.edit(id(1).into()).unwrap().unwrap();
    let Some(Edit::Cuts { keep, .. }) = saved.edit else { panic!("the edit is gone") };
    assert_eq!((keep.len(), &keep[0], saved.revision), (1, &(500..8_000), 2));
    assert!(matches!(store.recording(id(2)), Err(StoreError::NoSuchRecording(_))));
    assert_eq!(list(&store.root.join(RECORDINGS)).unwrap(), [id(1).to_string()]);
    let left = list(&folder).unwrap().into_iter().filter(|name| name.starts_with("append"));
    assert!(left.into_iter().all(|name| name == PUBLISH_FILE));
    let listed = std::fs::read_to_string(folder.join(SEGMENTS_FILE)).unwrap();
    assert!(listed.contains("6000"), "segments.json lacks a segment: {listed}");
}

#[test]
fn appended_recording_is_the_end_of_the_other_one_and_has_no_row_of_its_own() {
    let home = Folder::new();
    let mut store = home.open();
    let new = prepared(&store);
    assert_eq!(store.append_of(id(2)), Some(TO));
    assert_eq!(store.append(id(1), &new).ok(), Some(true));
    hold_appended(&store, FrameCounts { encoded: 20, unchanged: 4, dropped: 2 });
    assert!(store.is_append_to_publish(id(1)));
    store.note_append_published(id(1)).unwrap();
    assert!(!store.is_append_to_publish(id(1)));
    let issues = store.issues_of(id(1)).unwrap();
    let times: Vec<u64> = issues.iter().map(|row| row.at_ms).collect();
    assert_eq!(times, [500, 4_700]);
}

#[test]
fn what_was_cut_off_stays_cut_when_something_is_appended() {
    let home = Folder::new();
    let mut store = home.open();
    let new = prepared(&store);
    let keep = std::iter::once(500..3_000).collect();
    let edit = Edit::Cuts { keep, covers: Vec::new(), chapters: Vec::new() };
    store.save_edit(id(1).into(), &edit, 1).unwrap();
    store.append(id(1), &new).unwrap();
    let saved = store.edit(id(1).into()).unwrap().unwrap().edit;
    let Some(Edit::Cuts { keep, .. }) = saved else { panic!("the edit is gone") };
    assert_eq!(keep, [500..3_000, 4_000..8_000]);
}

#[test]
fn stretch_that_is_recorded_again_is_replaced_in_the_edit_or_in_a_new_one() {
    for is_edited in [true, false] {
        let home = Folder::new();
        let mut store = home.open();
        let new = NewAppend { replaces: Some((1_000, 1_500)), ..prepared(&store) };
        if !is_edited {
            store.discard_edit(id(1).into()).unwrap();
        }
        assert_eq!(store.append(id(1), &new).ok(), Some(true));
        let saved = store.edit(id(1).into()).unwrap().unwrap().edit;
        let Some(Edit::Cuts { keep, .. }) = saved else { panic!("there is no edit") };
        let first = if is_edited { 500..1_000 } else { 0..1_000 };
        assert_eq!(keep, [first, 4_000..8_000, 1_500..4_000], "edited before: {is_edited}");
        // A program that dies before it removes its note does nothing twice.
        decide(&store, &new);
        store.recover(&Texts).unwrap();
        let again = store.edit(id(1).into()).unwrap().unwrap();
        let Some(Edit::Cuts { keep: twice, .. }) = again.edit else { panic!("it is gone") };
        assert_eq!(twice, keep);
    }
}

#[test]
fn append_is_refused_when_the_other_recording_has_changed() {
    let changes: [fn(&Store); 3] = [
        |store| seal(store, 1, 2),
        |store| store.clear_segments(id(1)).unwrap(),
        |store| {
            std::fs::write(store.folder(id(2)).join(INIT_FILE), "init of another size").unwrap();
            store.note_started(id(2), 32, 18).unwrap();
        },
    ];
    for change in changes {
        let home = Folder::new();
        let mut store = home.open();
        let new = prepared(&store);
        change(&store);
        assert_eq!(store.append(id(1), &new).ok(), Some(false));
        assert_eq!(store.recording(id(2)).unwrap().segments, 2, "it is one of its own still");
    }
    let home = Folder::new();
    let mut store = home.open();
    let new = prepared(&store);
    store.delete(id(1)).unwrap();
    let refused = store.append(id(1), &new);
    assert!(matches!(refused, Err(StoreError::NoSuchRecording(missing)) if missing == id(1)));
}

/// A step of an append after which the program dies.
type Step = fn(&mut Store, &NewAppend);

#[test]
fn append_is_done_or_not_after_a_crash_at_any_step() {
    let steps: [(&str, Step); 5] = [
        ("the copies are made", |store, _| {
            std::fs::write(store.folder(id(1)).join("append.json.part"), "{").unwrap();
        }),
        ("it is decided", |store, new| decide(store, new)),
        ("the appended folder is renamed", |store, _| store.move_to_bin(id(2)).unwrap()),
        ("the first copy is renamed", |store, _| {
            let copies = append_folder(&store.root, id(1), id(2));
            let name = segment_file(2);
            std::fs::rename(copies.join(&name), store.folder(id(1)).join(&name)).unwrap();
        }),
        ("the rows are written", |store, new| {
            store.complete_append(id(1), &entry(new)).unwrap();
            decide(store, new);
        }),
    ];
    for died_after in 0..steps.len() {
        for is_rebuilt in [false, true] {
            let home = Folder::new();
            let mut store = home.open();
            let new = prepared(&store);
            store.write_sidecar(id(1));
            for (_, step) in &steps[..=died_after] {
                step(&mut store, &new);
            }
            drop(store);
            if is_rebuilt {
                std::fs::remove_file(home.0.join("snaplark.db")).unwrap();
            }
            let mut store = home.open();
            store.recover(&Texts).unwrap();
            let name = format!("{}, rebuilt: {is_rebuilt}", steps[died_after].0);
            if died_after == 0 {
                assert_eq!(store.recording(id(1)).unwrap().segments, 2, "{name}");
                assert_eq!(store.append_of(id(2)), Some(TO), "{name}");
                let copies = append_folder(&store.root, id(1), id(2));
                assert!(!copies.exists(), "{name}");
            } else {
                // The row of the appended one is gone with its folder, and its counts with the row.
                let counts = store.recording(id(1)).unwrap().counts;
                assert!([10, 20].contains(&counts.encoded), "{name}: {counts:?}");
                hold_appended(&store, counts);
            }
        }
    }
}
