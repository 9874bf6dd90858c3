//! Tests of the store through successive programs, by subject in `tests/`. Here are the helpers that they
//! share, and the rows of uploads.

mod elsewhere;
mod further;
mod home;
mod imports;
mod items;
mod library;
mod migrations;
mod pictures;
mod recovery;
mod webhook;

use std::collections::BTreeSet;
use std::path::PathBuf;

use snaplark_api::Profile;
use snaplark_core::capture::{FrameCounts, Issue};
use snaplark_core::upload::{Part, Receipt, SegmentCuts, Stop, UploadChange};
use snaplark_core::{INIT_FILE, RecordingId, STILL_FILE, SessionId, pointer_file, segment_file};

use crate::{
    Elsewhere, IssueRow, Judged, NewRecording, SEGMENTS_FILE, SIDECAR_FILE, Segment, Store,
    StoreError, StoredIssue,
};

pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("snaplark-store-{}", uuid::Uuid::new_v4()));
        Folder(path)
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.0).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn id(n: u128) -> RecordingId {
    RecordingId(uuid::Uuid::from_u128(n))
}

pub(crate) fn new_recording(n: u128) -> NewRecording {
    NewRecording {
        id: id(n),
        title: "A recording".into(),
        started_text: "2024-01-15T10-30-45".into(),
        started_unix_ms: 1,
        fps: 30,
        bitrate_bits: 2_500_000,
    }
}

pub(crate) fn begin(store: &Store, n: u128) -> PathBuf {
    let folder = store.begin(&new_recording(n)).unwrap();
    std::fs::write(folder.join(INIT_FILE), b"init").unwrap();
    store.note_started(id(n), 64, 36).unwrap();
    folder
}

pub(crate) fn seal(store: &Store, n: u128, index: u32) {
    std::fs::write(store.folder(id(n)).join(segment_file(index)), b"whole").unwrap();
    store.commit_segment(id(n), &segment(index)).unwrap();
}

pub(crate) fn segment(index: u32) -> Segment {
    Segment {
        index,
        size_bytes: 5,
        start_ms: u64::from(index) * 2_000,
        duration_ms: 2_000,
        sha256: [index as u8; 32],
    }
}

/// In these tests a file is a complete segment if its text begins with "whole".
fn judge(bytes: &[u8]) -> Option<Judged> {
    let judged = Judged { start_ms: 0, duration_ms: 2_000, sha256: [0; 32] };
    bytes.starts_with(b"whole").then_some(judged)
}

/// In these tests a file contains its own time.
fn retime(bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
    let (_, time) = bytes.split_last_chunk_mut::<6>()?;
    time.copy_from_slice(format!("{start_ms:06}").as_bytes());
    judge(bytes)
}

fn size(init: &[u8]) -> Option<(u32, u32)> {
    init.starts_with(b"init").then_some((64, 36))
}

/// A format of short texts, in which a placeholder describes what it replaces.
pub(crate) struct Texts;

impl crate::Format for Texts {
    fn judge(&self, bytes: &[u8]) -> Option<Judged> {
        judge(bytes)
    }

    fn size(&self, init: &[u8]) -> Option<(u32, u32)> {
        size(init)
    }

    fn retime(&self, bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
        retime(bytes, start_ms)
    }

    fn placeholder(&self, _: &[u8], start_ms: u64, ms: u64, _: u64) -> Option<Vec<u8>> {
        Some(format!("whole placeholder, {ms} ms at {start_ms}").into_bytes())
    }

    fn names(&self, started_unix_ms: i64) -> (String, String) {
        (format!("At {started_unix_ms}"), "2024-01-15T10-30-45".to_owned())
    }
}

#[test]
fn the_machines_changes_come_back_as_its_rows() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin(&store, 1);
    seal(&store, 1, 0);
    seal(&store, 1, 1);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    let recording = id(1);
    let part = |first| Part::whole(first, 1, 5);
    let session = SessionId("s".into());
    let link = "http://host/videos/1".to_owned();
    store
        .apply(&[
            UploadChange::UploadWanted {
                recording,
                server: "http://a".into(),
                profile: Profile::SpecStandalone,
            },
            UploadChange::SessionSet { recording, session: Some(session.clone()) },
            UploadChange::PartPlanned { recording, index: 0, part: part(0) },
            UploadChange::PartPlanned { recording, index: 1, part: part(1) },
            UploadChange::PartAcknowledged { recording, index: 1, receipt: Receipt::default() },
            UploadChange::PartBytesLearned {
                recording,
                part_bytes_max: 77,
                cuts: SegmentCuts::None,
            },
            UploadChange::LinkKnown { recording, link: link.clone() },
            UploadChange::Stopped { recording, stop: Some(Stop::Refused { detail: "no".into() }) },
        ])
        .unwrap();
    drop(store);

    let mut store = folder.open();
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!(rows.profile, Profile::SpecStandalone);
    assert_eq!(rows.session, Some(session));
    assert_eq!(rows.parts, [(part(0), false), (part(1), true)]);
    assert_eq!(rows.part_bytes_max, Some(77));
    assert_eq!(rows.stop, Some(Stop::Refused { detail: "no".into() }));
    assert_eq!((rows.init_bytes, rows.segment_bytes), (4, vec![5, 5]));
    assert_eq!(rows.duration_ms, Some(4_000));

    store.apply(&[UploadChange::SessionSet { recording, session: None }]).unwrap();
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!(rows.parts, [(part(0), false), (part(1), false)]);

    store.apply(&[UploadChange::Finished { recording, link: Some(link.clone()) }]).unwrap();
    assert_eq!(store.links().unwrap()[&recording], (link, true));
}

/// Two pieces of segment 0, and segment 1.
pub(crate) fn pieces() -> [Part; 3] {
    let first = Part { to_bytes: Some(3), ..Part::whole(0, 1, 3) };
    [first, Part { from_bytes: 3, ..Part::whole(0, 1, 2) }, Part::whole(1, 1, 5)]
}

/// Creates a recording of two segments, whose upload sends the first in pieces and has sent two parts.
pub(crate) fn begin_in_pieces(store: &mut Store, n: u128) {
    begin(store, n);
    seal(store, n, 0);
    seal(store, n, 1);
    store.close(id(n), FrameCounts::default(), None).unwrap();
    let (recording, server) = (id(n), "http://a".to_owned());
    let profile = Profile::Snaplark;
    let mut changes = vec![
        UploadChange::UploadWanted { recording, server, profile },
        UploadChange::SessionSet { recording, session: Some(SessionId("s".into())) },
    ];
    let planned = |(index, part)| UploadChange::PartPlanned { recording, index, part };
    changes.extend((0..).zip(pieces()).map(planned));
    changes.push(UploadChange::PartAcknowledged {
        recording,
        index: 0,
        receipt: Receipt::default(),
    });
    changes.push(UploadChange::PartAcknowledged {
        recording,
        index: 2,
        receipt: Receipt::default(),
    });
    let cuts = SegmentCuts::Frames;
    changes.push(UploadChange::PartBytesLearned { recording, part_bytes_max: 3, cuts });
    store.apply(&changes).unwrap();
}

#[test]
fn pieces_come_back_as_they_were_planned() {
    let folder = Folder::new();
    begin_in_pieces(&mut folder.open(), 1);
    let rows = folder.open().upload_rows().unwrap().remove(0);
    let [first, last, whole] = pieces();
    assert_eq!(rows.parts, [(first, true), (last, false), (whole, true)]);
    assert_eq!((rows.part_bytes_max, rows.cuts), (Some(3), SegmentCuts::Frames));
}

#[test]
fn pieces_of_a_replaced_segment_lose_their_acknowledgement_unless_the_video_is_finished() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin_in_pieces(&mut store, 1);
    begin_in_pieces(&mut store, 2);
    store.apply(&[UploadChange::Finished { recording: id(2), link: None }]).unwrap();
    let longer = Segment { size_bytes: 9, ..segment(0) };
    for n in [1, 2] {
        store.note_replaced(id(n), &[longer.clone(), segment(1)]).unwrap();
    }
    let [first, last, whole] = pieces();
    let last = Part { size_bytes: 6, ..last };
    let rows = store.upload_rows_of(id(1)).unwrap().unwrap();
    assert_eq!(rows.parts, [(first, false), (last, false), (whole, true)]);
    let rows = store.upload_rows_of(id(2)).unwrap().unwrap();
    assert!(rows.parts[0].1, "a finished video stays as it is");
}

#[test]
fn a_step_is_committed_whole_or_not_at_all() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin(&store, 1);
    let recording = id(1);
    let wanted =
        UploadChange::UploadWanted { recording, server: "http://a".into(), profile: Profile::Spec };
    let orphan =
        UploadChange::PartPlanned { recording: id(2), index: 0, part: Part::whole(0, 1, 1) };
    assert!(store.apply(&[wanted, orphan]).is_err());
    assert!(store.upload_rows().unwrap().is_empty());
}
