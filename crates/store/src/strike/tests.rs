//! Tests of strikes: what is left, and what a program finds whose predecessor died at any step.

use std::collections::BTreeSet;

use snaplark_api::Profile;
use snaplark_core::SessionId;
use snaplark_core::capture::Issue;
use snaplark_core::upload::{Part, Receipt, UploadChange};

use super::*;
use crate::tests::{Folder, Texts, begin, id, seal};
use crate::{Elsewhere, Format, SEGMENTS_FILE, SIDECAR_FILE};

const FROM_MS: u64 = 5_300;
const STRIKE: Strike = Strike { from_ms: FROM_MS, first_index: 2 };

impl Truncate for Texts {
    fn segment(&self, bytes: &[u8], end_ms: u64) -> Option<(Vec<u8>, Judged)> {
        let judged = self.judge(bytes)?;
        let kept = format!("whole, cut at {end_ms}").into_bytes();
        Some((kept, Judged { duration_ms: end_ms % 2_000, sha256: [9; 32], ..judged }))
    }

    fn pointer(&self, bytes: &[u8], end_ms: u64) -> Option<Vec<u8>> {
        bytes.starts_with(b"at").then(|| format!("at, cut at {end_ms}").into_bytes())
    }
}

/// Makes a recording of five segments with all that may lie beside them, and what capture has sealed after the
/// strike, which is its segment 5 and becomes 3.
fn struck_recording(store: &Store) -> std::path::PathBuf {
    let folder = begin(store, 1);
    for index in 0..5 {
        seal(store, 1, index);
        std::fs::write(folder.join(pointer_file(index)), b"at").unwrap();
        std::fs::write(folder.join(format!("frame-{index:06}.jpg")), b"secret").unwrap();
    }
    for made in ["waveform-000000-20.bin", "000004.webm.damaged", "000004.webm.part"] {
        std::fs::write(folder.join(made), b"secret").unwrap();
    }
    std::fs::write(folder.join(STILL_FILE), b"still").unwrap();
    store.note_issue(id(1), 1_000, &Issue::SourceLost).unwrap();
    store.note_issue(id(1), 7_000, &Issue::WebcamBack).unwrap();
    let folder_of_strike = store.ring_folder("strike-1-0");
    std::fs::create_dir_all(&folder_of_strike).unwrap();
    std::fs::write(folder_of_strike.join(INIT_FILE), b"init").unwrap();
    std::fs::write(folder_of_strike.join(segment_file(5)), "whole 5 at 010000").unwrap();
    let there = Elsewhere { folder: folder_of_strike, first_index: 0 };
    store.expect_elsewhere(id(1), &there).unwrap();
    folder
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn spans(store: &Store) -> Vec<(u32, u64, u64)> {
    let rows = store.segments(id(1)).unwrap();
    rows.iter().map(|row| (row.index, row.start_ms, row.duration_ms)).collect()
}

/// Holds that everything of the recording is as a strike leaves it.
fn hold_struck(store: &Store, folder: &Path) {
    assert_eq!(spans(store)[..3], [(0, 0, 2_000), (1, 2_000, 2_000), (2, 4_000, 1_300)]);
    assert_eq!(text(folder, "000002.webm"), format!("whole, cut at {FROM_MS}"));
    assert_eq!(text(folder, "000002.pointer"), "at, cut at 1300");
    let names = names(folder);
    let made = ["frame-000002.jpg", "waveform-000000-20.bin", STILL_FILE];
    for gone in ["000004.webm", "000003.pointer"].into_iter().chain(made) {
        assert!(!names.contains(gone), "{gone} is still there");
    }
    let is_left = |name: &&String| name.contains("strike") || name.contains("000004");
    assert_eq!(names.iter().find(is_left), None);
    for kept in ["000001.webm", "000001.pointer", "frame-000001.jpg"] {
        assert!(names.contains(kept), "{kept} is missing");
    }
    for copy in [SIDECAR_FILE, SEGMENTS_FILE] {
        assert!(!text(folder, copy).contains("8000"), "{copy} has a struck segment");
    }
    let times: Vec<u64> = store.issues_of(id(1)).unwrap().iter().map(|row| row.at_ms).collect();
    assert_eq!(times, [1_000, FROM_MS]);
}

#[test]
fn strike_leaves_nothing_of_what_was_struck() {
    let home = Folder::new();
    let mut store = home.open();
    let folder = struck_recording(&store);
    let struck = store.strike(id(1), STRIKE, &Texts).unwrap();
    assert_eq!((struck.untouched, struck.segments()), (2, 3));
    assert_eq!(spans(&store).len(), 3);
    hold_struck(&store, &folder);
    assert_eq!(store.elsewhere(id(1)).unwrap()[0].first_index, 2);
}

#[test]
fn strike_at_a_border_and_of_all_cuts_no_segment() {
    for (from_ms, left) in [(4_000, 2), (0, 0), (10_000, 5)] {
        let home = Folder::new();
        let mut store = home.open();
        let folder = struck_recording(&store);
        let strike = Strike { from_ms, first_index: 5 - left };
        let struck = store.strike(id(1), strike, &Texts).unwrap();
        assert_eq!(struck, Struck { untouched: left, cut: None });
        assert_eq!(spans(&store).len() as u32, left);
        let segments = names(&folder).iter().filter(|name| segment_index(name).is_some()).count();
        assert_eq!(segments as u32, left);
        assert!(!folder.join(STILL_FILE).exists());
        assert!(folder.join(INIT_FILE).exists());
    }
}

/// Sends so many parts of a segment each.
fn send(store: &mut Store, parts: u32) {
    let recording = id(1);
    let server = "https://host/api/v1".to_owned();
    let mut changes = vec![
        UploadChange::UploadWanted { recording, server, profile: Profile::Spec },
        UploadChange::SessionSet { recording, session: Some(SessionId("s".into())) },
    ];
    for index in 0..parts {
        changes.push(UploadChange::PartPlanned {
            recording,
            index,
            part: Part::whole(index, 1, 5),
        });
        let receipt = Receipt::default();
        changes.push(UploadChange::PartAcknowledged { recording, index, receipt });
    }
    store.apply(&changes).unwrap();
}

#[test]
fn strike_drops_the_parts_of_what_was_struck() {
    let home = Folder::new();
    let mut store = home.open();
    struck_recording(&store);
    send(&mut store, 4);
    store.strike(id(1), STRIKE, &Texts).unwrap();
    let rows = store.upload_rows_of(id(1)).unwrap().unwrap();
    assert_eq!(rows.parts.len(), 2);
    assert!(rows.parts.iter().all(|(_, acknowledged)| *acknowledged));
}

#[test]
fn strike_marks_the_session_that_has_struck_parts_until_there_is_another() {
    let recording = id(1);
    let is_struck =
        |store: &Store| store.upload_rows_of(recording).unwrap().is_some_and(|rows| rows.struck);
    // Parts of what is left are no reason.
    for (parts, is_marked) in [(2, false), (3, true)] {
        let home = Folder::new();
        let mut store = home.open();
        struck_recording(&store);
        send(&mut store, parts);
        store.strike(recording, STRIKE, &Texts).unwrap();
        assert_eq!(is_struck(&store), is_marked);
        // It outlives the database.
        drop(store);
        std::fs::remove_file(home.0.join("snaplark.db")).unwrap();
        let mut store = home.open();
        store.recover(&Texts).unwrap();
        assert_eq!(is_struck(&store), is_marked);
        let none = UploadChange::SessionSet { recording, session: None };
        store.apply(&[none]).unwrap();
        assert!(!is_struck(&store));
    }
}

#[test]
fn strike_that_is_completed_with_a_lost_upload_restores_and_marks_it() {
    let home = Folder::new();
    let mut store = home.open();
    let folder = struck_recording(&store);
    send(&mut store, 4);
    store.write_sidecar(id(1));
    let entry = store.begin_strike(id(1), &folder, STRIKE, &Texts).unwrap();
    let json = serde_json::to_vec(&entry).unwrap();
    files::write_durably(&folder.join(STRIKE_FILE), &json).unwrap();
    // A damaged write-ahead log loses the last commits.
    store.connection.execute("DELETE FROM uploads", []).unwrap();
    store.recover(&Texts).unwrap();
    let rows = store.upload_rows_of(id(1)).unwrap().unwrap();
    assert_eq!((rows.parts.len(), rows.rebuilt, rows.struck), (2, true, true));
}

/// A step of a strike after which the program dies.
type Step = fn(&mut Store, &Path, &StrikeEntry);

#[test]
fn strike_is_done_or_not_after_a_crash_at_any_step() {
    let write_entry: Step = |_, folder, entry| {
        let json = serde_json::to_vec(entry).unwrap();
        files::write_durably(&folder.join(STRIKE_FILE), &json).unwrap();
    };
    let steps: [(&str, Step); 5] = [
        ("what stays is written", |_, folder, _| {
            std::fs::write(folder.join("strike.json.part"), "{").unwrap();
        }),
        ("it is decided", write_entry),
        ("the first file is replaced", |_, folder, _| {
            let (from, to) = (folder.join("strike-000002.webm"), folder.join("000002.webm"));
            std::fs::rename(from, to).unwrap();
        }),
        ("the files are replaced", |_, folder, entry| replace_files(folder, entry).unwrap()),
        ("the rows are written", |store, folder, entry| {
            store.complete_strike(id(1), folder, entry).unwrap();
            files::write_durably(&folder.join(STRIKE_FILE), &serde_json::to_vec(entry).unwrap())
                .unwrap();
        }),
    ];
    for died_after in 0..steps.len() {
        for is_rebuilt in [false, true] {
            let home = Folder::new();
            let mut store = home.open();
            let folder = struck_recording(&store);
            store.write_sidecar(id(1));
            let entry = store.begin_strike(id(1), &folder, STRIKE, &Texts).unwrap();
            for (_, step) in &steps[..=died_after] {
                step(&mut store, &folder, &entry);
            }
            drop(store);
            if is_rebuilt {
                std::fs::remove_file(home.0.join("snaplark.db")).unwrap();
            }
            let (name, _) = steps[died_after];
            let mut store = home.open();
            let recovery = store.recover(&Texts).unwrap();
            assert_eq!(recovery.struck.is_empty(), died_after == 0, "{name}");
            let spans = spans(&store);
            if died_after == 0 {
                // As it was, and what follows behind it.
                assert_eq!(spans.len(), 6, "{name}");
                assert_eq!(spans[5].1, 10_000, "{name}");
                let left = names(&folder).into_iter().find(|name| name.contains("strike"));
                assert_eq!(left, None, "{name}");
            } else {
                hold_struck(&store, &folder);
                assert_eq!(spans[3..], [(3, FROM_MS, 2_000)], "{name}, rebuilt: {is_rebuilt}");
                assert_eq!(text(&folder, "000003.webm"), format!("whole 5 at {FROM_MS:06}"));
            }
            assert!(!store.ring_folder("strike-1-0").exists(), "{name}");
        }
    }
}

#[test]
fn strike_of_a_segment_that_is_damaged_or_cannot_be_read_leaves_a_placeholder() {
    let damages: [fn(&Path); 2] = [
        |segment| std::fs::write(segment, "torn").unwrap(),
        |segment| std::fs::remove_file(segment).unwrap(),
    ];
    for damage in damages {
        let home = Folder::new();
        let mut store = home.open();
        let folder = struck_recording(&store);
        damage(&folder.join("000002.webm"));
        store.strike(id(1), STRIKE, &Texts).unwrap();
        assert!(text(&folder, "000002.webm").starts_with("whole placeholder, 1300 ms"));
    }
}

#[test]
fn strike_waits_while_the_folder_is_away() {
    let home = Folder::new();
    let mut store = home.open();
    let folder = struck_recording(&store);
    let away = home.0.join("away");
    std::fs::rename(&folder, &away).unwrap();
    let error = store.strike(id(1), STRIKE, &Texts).unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert_eq!(spans(&store).len(), 5);
    std::fs::rename(&away, &folder).unwrap();
    store.strike(id(1), STRIKE, &Texts).unwrap();
    hold_struck(&store, &folder);
}
