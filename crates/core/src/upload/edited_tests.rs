//! Versions of edited recordings: what is kept, what is sent, and every failure of its own.

use std::collections::BTreeMap;

use snaplark_api::{Capabilities, Profile, VideoCapabilities};
use uuid::Uuid;

use super::testing::{CLAIM, Rig, capabilities, restored};
use super::*;
use crate::cut::{CutPlan, SourceSegment, plan};
use crate::edit::Chapter;

const RECORDING: RecordingId = RecordingId(Uuid::from_u128(9));
const LINK: &str = "https://host/videos/00000000-0000-0000-0000-000000000007";
const SEGMENT_MS: u64 = 2_000;
const SIZES: [u64; 6] = [100, 101, 102, 103, 104, 105];
const INIT_BYTES: u64 = 30;

fn cut(keep: &[std::ops::Range<u64>]) -> CutPlan {
    let segment = |index: u32| {
        let start_ms = u64::from(index) * SEGMENT_MS;
        SourceSegment { index, start_ms, duration_ms: SEGMENT_MS }
    };
    let segments: Vec<SourceSegment> = (0..SIZES.len() as u32).map(segment).collect();
    plan(&segments, keep, &[], false, &BTreeMap::new()).unwrap()
}

fn rendered(plan: &CutPlan) -> BTreeMap<usize, RenderedPiece> {
    let piece = |place: usize| RenderedPiece {
        file: format!("piece-{place}"),
        size_bytes: 9,
        sha256: "ab".into(),
    };
    plan.rendered().map(|(place, _)| (place, piece(place))).collect()
}

/// Returns version 1 of parts of so many segments each.
fn served(counts: &[u32]) -> ServedVersion {
    let mut first = 0;
    let part = |count: &u32| {
        let own: u64 = SIZES[first as usize..(first + count) as usize].iter().sum();
        let init_bytes = if first == 0 { INIT_BYTES } else { 0 };
        let segments = Some((first, *count));
        first += count;
        ServedPart { segments, init_bytes, size_bytes: init_bytes + own, sha256: Some("cd".into()) }
    };
    ServedVersion { number: 1, parts: counts.iter().map(part).collect() }
}

fn kept(part: &PlannedPart) -> Option<(u32, u64, u64, bool)> {
    let kept = part.kept.as_ref()?;
    Some((kept.chunk_index, kept.bytes.start, kept.bytes.end, kept.sha256.is_some()))
}

#[test]
fn whole_parts_are_kept_with_their_digest_and_others_by_their_range() {
    // The second segment is cut out, and half of the fifth.
    let plan = cut(&[0..2_000, 4_000..9_000, 10_000..12_000]);
    let served = served(&[2, 1, 2, 1]);
    let parts = planned_parts(&plan, &SIZES, &rendered(&plan), Some(&served), u64::MAX);
    let content: Vec<_> = parts.iter().map(|part| part.part.content.clone()).collect();
    assert_eq!(
        content,
        [
            PartContent::Segments(0, 1),
            PartContent::Segments(2, 1),
            PartContent::Segments(3, 1),
            PartContent::File("piece-3".into(), "ab".into()),
            PartContent::Segments(5, 1),
        ]
    );
    let places: Vec<_> = parts.iter().map(kept).collect();
    assert_eq!(
        places,
        [
            // Of the first part, behind the init, and of the third, its first segment: to be read for their digests.
            Some((0, 30, 130, false)),
            Some((1, 0, 102, true)),
            Some((2, 0, 103, false)),
            None,
            Some((3, 0, 105, true)),
        ]
    );
    let shifts: Vec<i64> = parts.iter().map(|part| part.shift_ms).collect();
    assert_eq!(shifts, [0, -2_000, -2_000, 0, -3_000], "a rendered piece is at its time");
}

#[test]
fn segments_that_the_server_has_together_stay_together_and_new_ones_are_grouped() {
    let (plan, none) = (cut(std::slice::from_ref(&(0..12_000))), BTreeMap::new());
    let whole = planned_parts(&plan, &SIZES, &none, Some(&served(&[2, 3, 1])), u64::MAX);
    let places: Vec<_> = whole.iter().map(kept).collect();
    assert_eq!(
        places,
        [Some((0, 0, 231, true)), Some((1, 0, 309, true)), Some((2, 0, 105, true))],
        "the first one with the init"
    );
    let new = planned_parts(&plan, &SIZES, &none, None, u64::MAX);
    let [only] = &new[..] else { panic!("{new:?}") };
    assert_eq!((&only.part.content, &only.kept), (&PartContent::Segments(0, 6), &None));
    // Two of these segments are below the limit that was met, and three above.
    let small = planned_parts(&plan, &SIZES, &none, None, 250);
    let content: Vec<_> = small.iter().map(|part| part.part.content.clone()).collect();
    assert_eq!(content, [0, 2, 4].map(|first| PartContent::Segments(first, 2)));
}

#[test]
fn version_that_is_served_is_what_the_next_one_keeps_of() {
    let plan = cut(&[0..2_000, 4_000..9_000]);
    let served = served(&[2, 1, 2, 1]);
    let planned = planned_parts(&plan, &SIZES, &rendered(&plan), Some(&served), u64::MAX);
    let hashed: Vec<PlannedPart> = planned
        .into_iter()
        .map(|mut part| {
            part.kept.iter_mut().for_each(|kept| kept.sha256 = Some("ef".into()));
            part
        })
        .collect();
    let chapters = [("cut", 2_500), ("shown", 4_000)];
    let chapters = chapters.map(|(title, start_ms)| Chapter { start_ms, title: title.into() });
    let version = EditedVersion::new(&plan, hashed, 1, &chapters);
    assert_eq!(version.duration_ms, 7_000);
    let [chapter] = &version.request.chapters[..] else { panic!("{:?}", version.request) };
    assert_eq!((chapter.source_ms, chapter.title.as_str()), (4_000, "shown"));
    let times: Vec<_> =
        version.request.times.iter().map(|it| (it.from_ms, it.to_ms, it.at_ms)).collect();
    assert_eq!(times, [(0, 2_000, 0), (4_000, 9_000, 2_000)]);
    // The server lacked the first part, which was sent with the init, and the rendered one.
    let receipts = [(0, "aa"), (3, "bb")].map(|(at, text)| (at, Receipt(text.into()))).into();
    let parts = version.served(None, &receipts, INIT_BYTES, |index| index == 0);
    let sizes: Vec<_> =
        parts.iter().map(|part| (part.segments, part.init_bytes, part.size_bytes)).collect();
    assert_eq!(
        sizes,
        [(Some((0, 1)), 30, 130), (Some((2, 1)), 0, 102), (Some((3, 1)), 0, 103), (None, 0, 9)]
    );
    assert_eq!(parts[0].sha256.as_deref(), Some("aa"));
    assert_eq!(parts[1].sha256.as_deref(), Some("ef"));
    // It is read again as it was written.
    let text = serde_json::to_string(&StoredEditedVersion::new(&version, &[])).unwrap();
    let stored: StoredEditedVersion = serde_json::from_str(&text).unwrap();
    assert_eq!(stored.version(&[]), Some(version));
}

/// Returns the same served version with a digest of each part of its own.
fn digested(mut served: ServedVersion) -> ServedVersion {
    for (index, part) in served.parts.iter_mut().enumerate() {
        part.sha256 = Some(format!("{index:064x}"));
    }
    served
}

#[test]
fn whole_parts_in_a_row_are_one_piece_and_the_next_version_keeps_of_each() {
    // The first segment and the last are cut in half.
    let plan = cut(std::slice::from_ref(&(1_000..11_000)));
    let before = digested(served(&[1; 6]));
    let planned = planned_parts(&plan, &SIZES, &rendered(&plan), Some(&before), u64::MAX);
    let version = EditedVersion::new(&plan, planned, 1, &[]);
    let [_, run, _] = &version.request.pieces[..] else { panic!("{:?}", version.request.pieces) };
    let keep = run.keep.as_ref().unwrap();
    let of_run = (keep.chunk_index, keep.start, keep.end, keep.more_parts, run.shift_ms);
    assert_eq!(of_run, (1, 0, 101 + 102 + 103 + 104, 3, -1_000));
    assert_eq!((version.request.parts_count(), version.parts.len()), (6, 6));
    // A server that doesn't know runs gets each part.
    let single = version.request_without_runs(Some(&before));
    let keeps: Vec<_> = single
        .pieces
        .iter()
        .map(|piece| piece.keep.as_ref().map(|it| (it.chunk_index, it.end, it.sha256.clone())))
        .collect();
    let kept = |index: u32, bytes| Some((index, bytes, format!("{index:064x}")));
    assert_eq!(keeps, [None, kept(1, 101), kept(2, 102), kept(3, 103), kept(4, 104), None]);
    let unknown = version.request_without_runs(None);
    assert!(unknown.pieces.len() == 6 && unknown.pieces.iter().all(|piece| piece.keep.is_none()));
    // The next version keeps of each of them.
    let receipts = [(0, "aa"), (5, "bb")].map(|(at, text)| (at, Receipt(text.into()))).into();
    let parts = version.served(Some(&before), &receipts, INIT_BYTES, |index| index == 0);
    let found: Vec<_> = parts.iter().map(|part| (part.segments, part.size_bytes)).collect();
    let middle = (1..5).map(|index| (Some((index, 1)), SIZES[index as usize]));
    let expected: Vec<_> =
        std::iter::once((None, 39)).chain(middle).chain(std::iter::once((None, 9))).collect();
    assert_eq!(found, expected);
    assert_eq!(parts[1..5], before.parts[1..5]);
    // Both are read again as they were written, and in few words.
    let digest = |index: u8| std::array::from_fn(|at| if at == 31 { index } else { 0 });
    let mut segments: Vec<SegmentBytes> =
        (0..).zip(SIZES).map(|(n, size)| (size, digest(n))).collect();
    let text = serde_json::to_string(&StoredEditedVersion::new(&version, &segments)).unwrap();
    assert!(text.contains(r#"{"segments":[1,4],"asRecorded":true,"sizeBytes":0}"#), "{text}");
    let stored = || serde_json::from_str::<StoredEditedVersion>(&text).unwrap();
    assert_eq!(stored().version(&segments).as_ref(), Some(&version));
    assert_eq!(stored().version(&segments[..4]), None, "a segment is gone");
    // A part has another size than its segment has now.
    let mut others = segments.clone();
    others[2].0 += 1;
    let stored = StoredEditedVersion::new(&version, &others);
    assert_eq!(stored.version(&others), Some(version));
    // The digests of all segments but the third are those of the parts.
    segments[2].1 = [9; 32];
    let stored = serde_json::to_string(&ServedParts::new(&parts, &segments)).unwrap();
    assert!(stored.contains(r#""segments":[3,2],"asRecorded":true"#), "{stored}");
    let read = || serde_json::from_str::<ServedParts>(&stored).unwrap();
    assert_eq!(read().parts(&segments), Some(parts));
    assert_eq!(read().parts(&segments[..2]), None, "a segment is gone");
}

#[test]
fn parts_that_earlier_programs_stored_are_read() {
    let text = r#"{"request":{"fromVersion":1,"pieces":[]},"parts":[{"segments":[0,2],"sizeBytes":7},
        {"file":["piece","ab"],"sizeBytes":5},{"segments":[4,1],"sizeBytes":3},
        {"segments":[5,2],"sizeBytes":0,"sizes":[3,4]}],"durationMs":9}"#;
    let stored: StoredEditedVersion = serde_json::from_str(text).unwrap();
    assert_eq!(stored.files().collect::<Vec<_>>(), ["piece"]);
    let version = stored.version(&[]).unwrap();
    let content: Vec<_> = version.parts.into_iter().map(|it| (it.content, it.size_bytes)).collect();
    let file = PartContent::File("piece".into(), "ab".into());
    let segments = PartContent::Segments;
    let single = |segment, size_bytes| (segments(segment, 1), size_bytes);
    assert_eq!(content, [(segments(0, 2), 7), (file, 5), single(4, 3), single(5, 3), single(6, 4)]);
    let digests = ["0", "1"].map(|digit| digit.repeat(64)).concat();
    let text = format!(
        r#"[{{"segments":[0,1],"initBytes":3,"sizeBytes":8,"sha256":"cd"}},
        {{"segments":[1,2],"initBytes":0,"sizeBytes":0,"sizes":[5,6],"digests":"{digests}"}},
        {{"segments":null,"initBytes":0,"sizeBytes":4,"sha256":null}}]"#
    );
    let parts = serde_json::from_str::<ServedParts>(&text).unwrap().parts(&[]).unwrap();
    let found: Vec<_> =
        parts.iter().map(|it| (it.segments, it.init_bytes, it.size_bytes)).collect();
    assert_eq!(
        found,
        [(Some((0, 1)), 3, 8), (Some((1, 1)), 0, 5), (Some((2, 1)), 0, 6), (None, 0, 4)]
    );
    assert_eq!(parts[2].sha256, Some("1".repeat(64)));
}

fn online(rows: Vec<UploadRows>, versions: bool) -> Rig {
    let able =
        VideoCapabilities { versions: true, pieces_max: 10, chapters_max: 10, piece_runs: true };
    let capabilities = Capabilities { videos: versions.then_some(able), ..capabilities() };
    Rig::online(RECORDING, restored(Profile::Spec, rows), capabilities)
}

impl Rig {
    fn want_edited(&mut self, version: u32) {
        let part_bytes = vec![50, 60, 70];
        let wanted =
            EditedUpload { version, part_bytes, init_bytes: INIT_BYTES, duration_ms: 5_000 };
        self.tell(UploadEvent::EditedWanted { recording: RECORDING, wanted });
    }

    fn edited_opened(&mut self) {
        let session = SessionId("s".into());
        self.tell(UploadEvent::SessionOpened { request: self.request(), session, link: None });
        let is_list = matches!(self.actions[..], [UploadAction::SendPieces { .. }]);
        assert!(is_list, "before any part: {:?}", self.actions);
    }

    fn listed(&mut self, missing: &[u32]) {
        let missing = missing.to_vec();
        self.tell(UploadEvent::PiecesListed { request: self.request(), missing });
    }
}

fn rows(version: Option<u32>, parts: Vec<(Part, bool)>) -> UploadRows {
    UploadRows {
        version,
        is_edited: version.is_some(),
        session: Some(SessionId("s".into())),
        link: Some(LINK.into()),
        finished: version.is_none(),
        claim: Some(CLAIM),
        segment_bytes: parts.iter().map(|(part, _)| part.size_bytes).collect(),
        parts,
        init_bytes: INIT_BYTES,
        duration_ms: Some(5_000),
        ..testing::rows(RECORDING, Profile::Spec)
    }
}

#[test]
fn only_what_the_server_lacks_is_sent_and_the_link_stays() {
    let mut rig = online(vec![rows(None, Vec::new())], true);
    rig.want_edited(2);
    rig.edited_opened();
    rig.listed(&[1]);
    let [UploadAction::SendPart { index: 1, part, with_init: false, request, .. }] =
        rig.actions[..]
    else {
        panic!("{:?}", rig.actions)
    };
    assert_eq!(part, Part::whole(1, 1, 60));
    rig.tell(UploadEvent::PartAcknowledged { request, receipt: Receipt("r".into()) });
    let [UploadAction::Finalize { request, ref receipts, duration_ms: 5_000, .. }] =
        rig.actions[..]
    else {
        panic!("{:?}", rig.actions)
    };
    assert_eq!(receipts.len(), 3, "one for each piece");
    rig.tell(UploadEvent::Finalized { request, link: None });
    let status = rig.machine.status(rig.now_ms, RECORDING).unwrap();
    assert_eq!((status.phase, status.link.as_deref()), (Phase::Finished, Some(LINK)));
}

#[test]
fn version_takes_the_place_of_an_upload_that_is_under_way() {
    let part = Part::whole(0, 1, 100);
    let under_way = UploadRows { finished: false, ..rows(None, vec![(part, false)]) };
    let mut rig = online(vec![under_way], true);
    let asked = rig.actions.iter().find_map(|action| match action {
        UploadAction::AskReceived { request, .. } => Some(*request),
        _ => None,
    });
    let request = asked.expect("the server may have more of it than the rows say");
    rig.tell(UploadEvent::PartsReceived { request, parts: Vec::new(), finished: false });
    let sends = |actions: &[UploadAction]| {
        actions.iter().any(|action| matches!(action, UploadAction::SendPart { .. }))
    };
    assert!(sends(&rig.actions), "the recording as it is");
    rig.want_edited(2);
    let aborts = rig.actions.iter().any(|action| matches!(action, UploadAction::Abort { .. }));
    assert!(aborts && !sends(&rig.actions), "nothing of it is sent any more: {:?}", rig.actions);
    rig.edited_opened();
    rig.listed(&[0, 1, 2]);
    let first = rig.actions.iter().find_map(|action| match action {
        UploadAction::SendPart { index: 0, with_init, .. } => Some(*with_init),
        _ => None,
    });
    assert_eq!(first, Some(true), "the server has no init yet");
}

#[test]
fn number_that_is_taken_is_followed_by_the_next_and_at_last_by_a_stop() {
    let mut rig = online(vec![rows(None, Vec::new())], true);
    rig.want_edited(2);
    let newer = |served| Failure::NewerVersion { served, detail: "taken".into() };
    rig.tell(UploadEvent::RequestFailed { request: rig.request(), failure: newer(Some(4)) });
    assert_eq!(rig.machine.edited_version(RECORDING), Some(5));
    assert!(rig.changes.contains(&UploadChange::Renumbered {
        recording: RECORDING,
        from: 2,
        to: 5
    }));
    for number in 6..10 {
        rig.wait();
        rig.edited_opened();
        rig.tell(UploadEvent::RequestFailed { request: rig.request(), failure: newer(None) });
        assert_eq!(rig.machine.edited_version(RECORDING), Some(number));
    }
    rig.wait();
    rig.edited_opened();
    rig.tell(UploadEvent::RequestFailed { request: rig.request(), failure: newer(Some(9)) });
    let stop = Stop::NewerVersion { served: Some(9), detail: "taken".into() };
    assert_eq!(rig.phase(), Phase::Stopped(stop));
}

#[test]
fn server_without_versions_is_sent_nothing() {
    let mut rig = online(vec![rows(None, Vec::new())], false);
    assert_eq!(rig.machine.shows_versions(RECORDING), Some(false));
    rig.want_edited(2);
    assert_eq!((rig.phase(), &rig.actions[..]), (Phase::Stopped(Stop::NoVersions), &[][..]));
    // The person gives the edit a link of its own.
    rig.tell(UploadEvent::EditedWithdrawn { recording: RECORDING, is_online: true });
    let status = rig.machine.status(rig.now_ms, RECORDING).unwrap();
    assert_eq!((status.phase, status.link.as_deref()), (Phase::Finished, Some(LINK)));
}

#[test]
fn list_is_sent_again_after_a_restart_and_counts_more_than_what_was_noted() {
    let part = |index, size| Part::whole(index, 1, size);
    let parts = vec![(part(0, 50), true), (part(1, 60), true), (part(2, 70), false)];
    let mut rig = online(vec![rows(Some(2), parts)], true);
    let [UploadAction::SendPieces { .. }] = rig.actions[..] else { panic!("{:?}", rig.actions) };
    // What was sent last arrived without an answer, and another part went away.
    rig.listed(&[1]);
    let missing = vec![(1, part(1, 60))];
    let known = UploadChange::PiecesKnown { recording: RECORDING, missing };
    assert!(rig.changes.contains(&known), "{:?}", rig.changes);
    let [UploadAction::SendPart { index: 1, .. }] = rig.actions[..] else {
        panic!("{:?}", rig.actions)
    };
}

#[test]
fn address_that_is_taken_stops_it_since_another_one_were_another_link() {
    let mut rig = online(vec![rows(None, Vec::new())], true);
    rig.want_edited(2);
    let failure = Failure::AddressTaken { detail: "taken".into() };
    rig.tell(UploadEvent::RequestFailed { request: rig.request(), failure });
    let stop = Stop::Refused { detail: "taken".into() };
    assert_eq!(rig.phase(), Phase::Stopped(stop));
}

#[test]
fn part_that_is_too_large_stops_a_version_which_remembers_the_limit() {
    let mut rig = online(vec![UploadRows { part_bytes_max: Some(65), ..rows(None, vec![]) }], true);
    rig.want_edited(2);
    rig.edited_opened();
    rig.listed(&[2]);
    rig.tell(UploadEvent::RequestFailed { request: rig.request(), failure: Failure::PartTooLarge });
    let Phase::Stopped(Stop::Refused { detail }) = rig.phase() else { panic!("{:?}", rig.phase()) };
    assert!(detail.contains("no part of 70 bytes"), "{detail}");
    assert!(rig.actions.contains(&UploadAction::ListAnew { recording: RECORDING }));
    let learned = rig.changes.iter().find_map(|change| match change {
        UploadChange::PartBytesLearned { part_bytes_max, .. } => Some(*part_bytes_max),
        _ => None,
    });
    assert_eq!(learned, Some(65), "what the recording itself had met");
}

#[test]
fn limit_of_a_version_is_not_that_of_other_uploads() {
    let too_large = UploadRows { part_bytes_max: Some(65), ..rows(Some(2), vec![]) };
    let original = UploadRows { finished: false, ..rows(None, vec![]) };
    let of = |rows: UploadRows| online(vec![rows], true).machine.part_bytes_max(RECORDING);
    assert_eq!(of(too_large), crate::policy::PART_BYTES_MAX);
    assert_eq!(of(UploadRows { part_bytes_max: Some(65), ..original }), 65);
}
