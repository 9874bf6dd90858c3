//! Tests what recovery makes of what a crashed program left behind.

use super::*;

#[test]
fn an_interrupted_recording_keeps_every_whole_segment() {
    let folder = Folder::new();
    let store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    seal(&store, 1, 1);
    std::fs::write(files.join("000002.webm"), b"whole, without a row").unwrap();
    std::fs::write(files.join("000003.webm.part"), b"whole, not renamed").unwrap();
    std::fs::write(files.join("000004.webm.part"), b"torn").unwrap();
    drop(store);

    let mut store = folder.open();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.recovered, [id(1)]);
    assert_eq!(recovery.segments_adopted, 2);
    assert_eq!(recovery.files_set_aside, [files.join("000004.webm.torn")]);
    let recording = store.recording(id(1)).unwrap();
    assert_eq!((recording.segments, recording.running), (4, false));
    assert!(files.join("000003.webm").is_file());
    assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
}

#[test]
fn folder_whose_only_sealed_segment_is_damaged_is_set_aside() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    std::fs::write(files.join("000000.webm"), b"torn").unwrap();
    // An unfinished segment is no loss.
    let unfinished = begin(&store, 2);
    std::fs::write(unfinished.join("000000.webm.part"), b"torn").unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.empty, [id(2), id(1)]);
    let aside = files.with_file_name(format!("{}.torn", id(1))).join("000000.webm.torn");
    assert!(recovery.files_set_aside.contains(&aside), "{recovery:?}");
    assert_eq!(std::fs::read(aside).unwrap(), b"torn");
    assert!(!files.exists() && !unfinished.exists());
    assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
}

#[test]
fn a_segment_behind_a_gap_is_set_aside() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    std::fs::write(files.join("000002.webm"), b"whole").unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.files_set_aside, [files.join("000002.webm.torn")]);
    assert_eq!(store.recording(id(1)).unwrap().segments, 1);
}

/// A program died after its first segment, and before the row of its first frame. The next program then
/// announced a video of 0x0 to the server, and was refused permanently.
#[test]
fn a_start_without_its_row_is_read_from_the_init() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = store.begin(&new_recording(1)).unwrap();
    std::fs::write(files.join(INIT_FILE), b"init").unwrap();
    std::fs::write(files.join(segment_file(0)), b"whole").unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.recovered, [id(1)]);
    let recording = store.recording(id(1)).unwrap();
    assert_eq!((recording.width, recording.height, recording.init_bytes), (64, 36, 4));
}

#[test]
fn recording_without_a_segment_is_deleted_at_start() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.empty, [id(1)]);
    assert!(!files.exists());
}

#[test]
fn recording_that_ended_without_a_segment_is_taken_back() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.empty, [id(1)]);
    assert!(!files.exists());
    assert_eq!(store.recordings().unwrap(), []);
}

#[test]
fn missing_segment_file_is_reported() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    seal(&store, 1, 1);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    std::fs::remove_file(files.join("000001.webm")).unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.damaged, [(id(1), vec![1])].into());
}
