//! Files that a person brought in.

use std::collections::VecDeque;
use std::ops::Range;

use snaplark_api::{Profile, limits};
use uuid::Uuid;

use super::testing::{Rig, SERVER, capabilities, restored, rows};
use super::*;
use crate::policy::{FILE_BYTES_MAX, FILE_PIECE_BYTES};

const MIB: u64 = 1024 * 1024;
const FILE: RecordingId = RecordingId(Uuid::from_u128(7));

/// Returns a machine that is online, with one file wanted.
fn wanted(profile: Profile, size_bytes: u64) -> Rig {
    let mut rig = Rig::online(FILE, restored(profile, Vec::new()), capabilities());
    rig.tell(UploadEvent::FileWanted { recording: FILE, size_bytes });
    rig
}

/// Returns the ranges of the file that are sent, in the order in which they are.
fn sent(rig: &mut Rig) -> Vec<Range<u64>> {
    let (mut ranges, mut under_way) = (Vec::new(), VecDeque::new());
    loop {
        for action in &rig.actions {
            if let UploadAction::SendPart { request, part, with_init, .. } = action {
                assert!(!with_init, "a file has no init");
                under_way.push_back((*request, file_range(part)));
            }
        }
        let Some((request, range)) = under_way.pop_front() else { return ranges };
        ranges.push(range);
        rig.tell(UploadEvent::PartAcknowledged { request, receipt: Receipt::default() });
    }
}

fn open(rig: &mut Rig) {
    let request = rig.request();
    let session = SessionId("s".into());
    rig.tell(UploadEvent::SessionOpened { request, session, link: None });
}

#[test]
fn parts_cover_the_file_once_and_in_the_profiles_size() {
    for (profile, part_bytes) in [
        (Profile::Snaplark, 5 * MIB),
        (Profile::Spec, 5 * MIB),
        (Profile::Poster, MIB),
        (Profile::Storage, 5 * MIB),
    ] {
        let size_bytes = 12 * MIB + 345;
        let mut rig = wanted(profile, size_bytes);
        open(&mut rig);
        let count = rig.machine.part_count(FILE).expect("the whole is known from the start");
        let mut ranges = sent(&mut rig);
        ranges.sort_by_key(|range| range.start);
        assert_eq!(count as usize, ranges.len(), "{profile:?}");
        assert_eq!(ranges[0], 0..part_bytes, "{profile:?}");
        assert!(ranges.windows(2).all(|two| two[0].end == two[1].start), "{profile:?}: {ranges:?}");
        assert_eq!(ranges.last().map(|range| range.end), Some(size_bytes), "{profile:?}");
        assert!(matches!(rig.actions[..], [UploadAction::Finalize { .. }]), "{profile:?}");
    }
}

#[test]
fn largest_file_has_as_many_parts_as_finalize_can_list() {
    for size_bytes in [1, FILE_PIECE_BYTES, 48 << 30, FILE_BYTES_MAX] {
        let rig = wanted(Profile::Snaplark, size_bytes);
        let planned = rig.changes.iter().filter_map(|change| match change {
            UploadChange::PartPlanned { part, .. } => Some(part.size_bytes),
            _ => None,
        });
        let sizes: Vec<u64> = planned.collect();
        assert!(sizes.len() <= limits::PARTS_MAX as usize, "{size_bytes}: {} parts", sizes.len());
        assert!(sizes.iter().all(|bytes| *bytes <= limits::PART_BYTES_MAX), "{size_bytes}");
        assert_eq!(sizes.iter().sum::<u64>(), size_bytes);
    }
}

#[test]
fn file_goes_on_after_a_restart_with_what_was_not_acknowledged() {
    let size_bytes = 21 * MIB;
    let part = |index: u32| Part::whole(index * 5, 5, 5 * MIB);
    let rows = UploadRows {
        session: Some(SessionId("s".into())),
        parts: vec![(part(0), true), (part(1), true), (part(2), false), (part(3), false)],
        init_bytes: 0,
        segment_bytes: file_pieces(size_bytes),
        duration_ms: Some(0),
        file_bytes: Some(size_bytes),
        ..rows(FILE, Profile::Snaplark)
    };
    let machine = restored(Profile::Snaplark, vec![rows]);
    let mut rig = Rig::online(FILE, machine, capabilities());
    assert_eq!(sent(&mut rig), [10 * MIB..15 * MIB, 15 * MIB..20 * MIB, 20 * MIB..21 * MIB]);
}

#[test]
fn file_above_the_documents_limit_is_refused_before_anything_is_sent() {
    for (profile, bytes_max) in [(Profile::Poster, 50 * MIB), (Profile::Storage, 500 * MIB)] {
        let rig = wanted(profile, bytes_max + 1);
        assert_eq!(rig.phase(), Phase::Stopped(Stop::TooLarge { bytes_max }));
        assert_eq!(rig.actions, [], "{profile:?}");
        let rig = wanted(profile, bytes_max);
        let opens = |action: &UploadAction| matches!(action, UploadAction::OpenSession { .. });
        assert!(rig.actions.iter().any(opens), "{profile:?}");
    }
}

#[test]
fn changed_file_stops_until_it_is_wanted_as_it_is_now() {
    let mut rig = wanted(Profile::Snaplark, 3 * MIB);
    open(&mut rig);
    let request = rig.request();
    rig.tell(UploadEvent::RequestFailed { request, failure: Failure::FileChanged });
    assert_eq!(rig.phase(), Phase::Stopped(Stop::FileChanged));
    rig.tell(UploadEvent::FileWanted { recording: FILE, size_bytes: 2 * MIB });
    open(&mut rig);
    assert!(sent(&mut rig).into_iter().eq(std::iter::once(0..2 * MIB)));
}

#[test]
fn proxy_that_takes_little_gets_smaller_parts_of_a_file() {
    for offers in [Some(capabilities()), None] {
        let mut rig = wanted(Profile::Snaplark, 2 * MIB);
        let request = rig.request();
        let verdict = ProbeVerdict::Online { capabilities: offers };
        rig.tell(UploadEvent::ProbeAnswered { server: SERVER.into(), verdict });
        let session = SessionId("s".into());
        rig.tell(UploadEvent::SessionOpened { request, session, link: None });
        while let [UploadAction::SendPart { request, part, .. }] = rig.actions[..] {
            let event = match part.size_bytes > 300 * 1024 {
                true => UploadEvent::RequestFailed { request, failure: Failure::PartTooLarge },
                false => UploadEvent::PartAcknowledged { request, receipt: Receipt::default() },
            };
            rig.tell(event);
        }
        assert!(matches!(rig.actions[..], [UploadAction::Finalize { .. }]), "{:?}", rig.actions);
    }
}

#[test]
fn recording_is_opened_at_its_end_where_the_whole_has_to_be_known() {
    for (profile, waits) in [(Profile::Poster, true), (Profile::Spec, false)] {
        let mut rig = Rig::online(FILE, restored(profile, Vec::new()), capabilities());
        rig.tell(UploadEvent::UploadWanted { recording: FILE });
        rig.tell(UploadEvent::InitSealed { recording: FILE, size_bytes: 100 });
        assert_eq!(rig.actions.is_empty(), waits, "{profile:?}");
        if waits {
            rig.tell(UploadEvent::SegmentSealed { recording: FILE, size_bytes: 100 });
            assert_eq!(rig.actions, [], "{profile:?}");
            rig.tell(UploadEvent::RecordingEnded { recording: FILE, duration_ms: 2_000 });
            assert!(matches!(rig.actions[..], [UploadAction::OpenSession { .. }]));
        }
    }
}
