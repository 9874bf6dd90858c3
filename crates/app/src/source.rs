//! A recording's bytes, checked against what was sealed. Both the upload and the person's own file read
//! them here. Each segment is read once into memory and hashed there, so the bytes that were checked are
//! the bytes that are used.
//!
//! A segment whose file is missing or has other bytes may be restored from the person's own file, which
//! holds the same bytes in the same order. If that fails, a placeholder of the same length takes its place
//! (see `webm`), so that parts and sessions continue as planned. The damaged file is set aside under
//! another name. A recording of which nothing is left gets no placeholders: a grey video is no recording.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use snaplark_core::capture::{Issue, SealedSegment};
use snaplark_core::render::{RenderError, SegmentReader};
use snaplark_core::upload::{Part, SegmentCuts, SegmentPiece};
use snaplark_core::{DAMAGED_SUFFIX, RecordingId, segment_file};
use snaplark_destinations::{OutgoingPart, Sent};
use snaplark_files as files;
use snaplark_formats::webm;
use snaplark_store::{Segment, Store, StoreError};
use tracing::warn;

/// The location of a recording's bytes, and the rows they must match.
#[derive(Debug)]
pub(crate) struct RecordingSource {
    folder: PathBuf,
    /// The init segment as it was sealed.
    init: Vec<u8>,
    /// All segments, or those of one part.
    segments: Vec<Segment>,
    /// The total size of the segments before the first of these.
    before_bytes: u64,
    /// The person's own file.
    file: Option<PathBuf>,
}

/// Why a recording's bytes can't be read.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// These segments don't have the bytes that were sealed.
    Damaged(Vec<u32>),
    /// The folder itself can't be read; its disk may be away.
    Unreadable(io::Error),
}

impl SegmentReader for RecordingSource {
    fn init(&self) -> &[u8] {
        &self.init
    }

    fn list(&self) -> Vec<SealedSegment> {
        let sealed = |segment: &Segment| SealedSegment {
            index: segment.index,
            size_bytes: segment.size_bytes,
            start_ms: segment.start_ms,
            duration_ms: segment.duration_ms,
            sha256: segment.sha256,
        };
        self.segments.iter().map(sealed).collect()
    }

    fn read(&self, index: u32) -> io::Result<Vec<u8>> {
        self.segment(index)
    }

    fn refusal(&self, unread: Vec<u32>) -> RenderError {
        match RecordingSource::refusal(self, unread) {
            SourceError::Damaged(segments) => RenderError::Damaged(segments),
            SourceError::Unreadable(error) => RenderError::Unreadable { reason: error.to_string() },
        }
    }
}

/// A part's bytes.
pub(crate) struct PartBytes {
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: [u8; 32],
}

impl PartBytes {
    /// Returns the part as it is sent, with a counter of the bytes that went out.
    pub(crate) fn outgoing(self, index: u32, sent: Sent) -> OutgoingPart {
        let PartBytes { pieces, size_bytes, sha256 } = self;
        OutgoingPart { index, pieces, size_bytes, part_count: None, sha256, sent, picture: None }
    }
}

impl RecordingSource {
    /// Returns the source of the whole recording.
    pub(crate) fn new(store: &Store, recording: RecordingId) -> Result<Self, StoreError> {
        RecordingSource::of_part(store, recording, 0..u32::MAX)
    }

    /// Returns the source of some segments only, since a recording of hours has thousands.
    pub(crate) fn of_part(
        store: &Store,
        recording: RecordingId,
        range: Range<u32>,
    ) -> Result<Self, StoreError> {
        Ok(RecordingSource {
            folder: store.folder(recording),
            init: store.init(recording)?,
            before_bytes: store.bytes_before(recording, range.start)?,
            segments: store.segments_in(recording, range)?,
            file: store.file(recording)?,
        })
    }

    #[cfg(test)]
    pub(crate) fn of(folder: &Path, init: &[u8], segments: &[Segment]) -> Self {
        let (folder, init) = (folder.to_owned(), init.to_owned());
        RecordingSource { folder, init, segments: segments.to_owned(), before_bytes: 0, file: None }
    }

    /// Reads a part as it is sent. The error names every damaged segment of it. A segment is checked as a
    /// whole, also for a piece of it.
    pub(crate) fn part(
        &self,
        part: Part,
        with_init: bool,
        cuts: SegmentCuts,
    ) -> Result<PartBytes, SourceError> {
        let init = with_init.then(|| Bytes::copy_from_slice(&self.init));
        let mut pieces: Vec<Bytes> = init.into_iter().collect();
        let mut damaged = Vec::new();
        for index in part.segments() {
            match self.segment(index) {
                Ok(bytes) if cuts == SegmentCuts::Frames => {
                    pieces.push(frames(bytes, part.range_in(index))?);
                }
                Ok(bytes) => pieces.push(carried(bytes.into(), part.range_in(index))),
                Err(_) => damaged.push(index),
            }
        }
        if !damaged.is_empty() {
            return Err(self.refusal(damaged));
        }
        let mut whole = Sha256::new();
        pieces.iter().for_each(|piece| whole.update(piece));
        let size_bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        Ok(PartBytes { pieces, size_bytes, sha256: whole.finalize().into() })
    }

    /// Finds the pieces of at most `bytes_max` that a segment has from `from_bytes` on if it is cut at its frames. One
    /// that can't be cut is one piece.
    pub(crate) fn cut(
        &self,
        index: u32,
        from_bytes: u64,
        bytes_max: u64,
    ) -> Result<Vec<SegmentPiece>, SourceError> {
        let bytes = self.segment(index).map_err(|_| self.refusal(vec![index]))?;
        let piece = |piece: webm::FramePiece| {
            let webm::FramePiece { to_bytes, size_bytes } = piece;
            SegmentPiece { to_bytes, size_bytes }
        };
        Ok(match webm::cut_at_frames(&bytes, from_bytes, bytes_max) {
            Ok(pieces) => pieces.into_iter().map(piece).collect(),
            Err(error) => {
                warn!(index, %error, "Segment can't be cut at its frames");
                let size_bytes = (bytes.len() as u64).saturating_sub(from_bytes);
                vec![SegmentPiece { to_bytes: None, size_bytes }]
            }
        })
    }

    /// Reads a segment and checks that it has the bytes that were sealed.
    pub(crate) fn segment(&self, index: u32) -> io::Result<Vec<u8>> {
        let segment = self.row(index)?;
        let own = std::fs::read(self.folder.join(segment_file(index)));
        match own {
            Ok(bytes) if is(&bytes, segment) => Ok(bytes),
            other => self.read_from_file(segment).or_else(|_| {
                other?;
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it has other bytes than were sealed",
                ))
            }),
        }
    }

    /// Returns the error for damaged segments, or the folder's error if the whole folder is away.
    pub(crate) fn refusal(&self, damaged: Vec<u32>) -> SourceError {
        match std::fs::read_dir(&self.folder) {
            Err(error) if self.file.is_none() => SourceError::Unreadable(error),
            Ok(_) | Err(_) => SourceError::Damaged(damaged),
        }
    }

    /// Returns the rows of its segments, in playing order.
    pub(crate) fn rows(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the row of one of its segments.
    pub(crate) fn row(&self, index: u32) -> io::Result<&Segment> {
        // The indices have no gaps.
        let first = self.segments.first().map_or(0, |segment| segment.index);
        let place = index.checked_sub(first).map(|place| place as usize);
        let found = place.and_then(|place| self.segments.get(place));
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Reads a segment from the person's own file, where the segments lie unchanged behind a head that is
    /// as long as the init.
    fn read_from_file(&self, segment: &Segment) -> io::Result<Vec<u8>> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let before = self.segments.iter().take_while(|before| before.index < segment.index);
        let before_bytes = self.before_bytes + before.map(|before| before.size_bytes).sum::<u64>();
        let offset = self.init.len() as u64 + before_bytes;
        let mut file = File::open(file)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(segment.size_bytes).read_to_end(&mut bytes)?;
        match is(&bytes, segment) {
            true => Ok(bytes),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Returns the bytes of a segment that a part carries: all, or a piece.
fn carried(segment: Bytes, (from_bytes, to_bytes): (u64, Option<u64>)) -> Bytes {
    let end = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(segment.len());
    let to = to_bytes.map_or(segment.len(), end);
    segment.slice(end(from_bytes).min(to)..to)
}

/// Returns what a part carries of a segment if segments are cut at their frames. A placeholder is sent without the Void
/// that makes it as long as the segment before.
fn frames(segment: Vec<u8>, range: (u64, Option<u64>)) -> Result<Bytes, SourceError> {
    let (from_bytes, to_bytes) = range;
    if range == (0, None) && !webm::is_placeholder(&segment) {
        return Ok(segment.into());
    }
    match webm::frames_between(&segment, from_bytes, to_bytes) {
        Ok(bytes) => Ok(bytes.into()),
        // The same as when its pieces were asked for.
        Err(_) if to_bytes.is_none() => Ok(carried(segment.into(), range)),
        Err(error) => Err(SourceError::Unreadable(io::Error::other(error))),
    }
}

fn is(bytes: &[u8], segment: &Segment) -> bool {
    bytes.len() as u64 == segment.size_bytes
        && <[u8; 32]>::from(Sha256::digest(bytes)) == segment.sha256
}

/// The outcome of repairing a recording's damaged segments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Repair {
    /// Segments that have the sealed bytes again.
    pub(crate) restored: Vec<u32>,
    /// Segments whose files were right and whose rows were wrong, as the files are now.
    pub(crate) corrected: Vec<Segment>,
    /// Segments that were replaced by placeholders.
    pub(crate) replaced: Vec<Segment>,
    /// Why some can neither be restored nor replaced.
    pub(crate) lost: Option<String>,
}

/// Repairs a recording's files; the caller updates the rows. Can be repeated at any point. `kept` holds the
/// digests of a copy of the rows: a file that matches it is right, even if its row says otherwise.
pub(crate) fn repair(source: &RecordingSource, damaged: &[u32], kept: &[[u8; 32]]) -> Repair {
    let mut repair = Repair::default();
    let is_any_left = source.segments.iter().any(|segment| {
        let file = std::fs::metadata(source.folder.join(segment_file(segment.index)));
        !damaged.contains(&segment.index) && file.is_ok_and(|file| file.len() == segment.size_bytes)
    });
    for index in damaged {
        let Ok(segment) = source.row(*index) else { continue };
        if let Err(error) = repair_one(source, segment, kept, is_any_left, &mut repair) {
            repair.lost.get_or_insert_with(|| format!("{}: {error}", segment_file(*index)));
        }
    }
    repair
}

fn repair_one(
    source: &RecordingSource,
    segment: &Segment,
    kept: &[[u8; 32]],
    is_any_left: bool,
    repair: &mut Repair,
) -> io::Result<()> {
    let path = source.folder.join(segment_file(segment.index));
    let found = std::fs::read(&path);
    if found.as_ref().is_ok_and(|bytes| is(bytes, segment)) {
        repair.restored.push(segment.index);
        return Ok(());
    }
    if let Ok(bytes) = source.read_from_file(segment) {
        put(&path, &bytes)?;
        repair.restored.push(segment.index);
        return Ok(());
    }
    let as_found = found.as_ref().ok().map(|bytes| Segment {
        size_bytes: bytes.len() as u64,
        sha256: Sha256::digest(bytes).into(),
        ..segment.clone()
    });
    let agrees = |found: &Segment| kept.get(found.index as usize) == Some(&found.sha256);
    if let Some(found) = as_found.filter(agrees) {
        repair.corrected.push(found);
        return Ok(());
    }
    if !is_any_left {
        return Err(found.err().unwrap_or_else(|| io::ErrorKind::InvalidData.into()));
    }
    let tracks = webm::read_init(&source.init).map_err(io::Error::other)?.tracks;
    let Segment { start_ms, duration_ms, size_bytes, .. } = *segment;
    let made = webm::placeholder(&tracks, start_ms, duration_ms, size_bytes);
    let made = made.map_err(io::Error::other)?;
    // A program that died before the row was written may have left the placeholder there.
    if !found.is_ok_and(|found| found == made) {
        put(&path, &made)?;
    }
    repair.replaced.push(Segment {
        size_bytes: made.len() as u64,
        sha256: Sha256::digest(&made).into(),
        ..segment.clone()
    });
    Ok(())
}

/// Writes a file. An existing one is set aside, because nothing is deleted on doubt.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    files::set_aside(path, DAMAGED_SUFFIX)?;
    files::write_durably(path, bytes)
}

/// Returns the issue of a segment that was replaced.
pub(crate) fn damage(segment: &Segment) -> Issue {
    let Segment { index, start_ms, duration_ms, .. } = *segment;
    Issue::SegmentDamaged { index, start_ms, duration_ms }
}

#[cfg(test)]
mod tests {
    use snaplark_core::INIT_FILE;
    use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};

    use super::*;

    struct Recorded {
        folder: tempfile::TempDir,
        source: RecordingSource,
        bytes: Vec<Vec<u8>>,
    }

    fn recorded() -> Recorded {
        let folder = tempfile::tempdir().unwrap();
        let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
        let init = snaplark_formats::webm::init(&Tracks { video, audio: None });
        std::fs::write(folder.path().join(INIT_FILE), &init).unwrap();
        let (mut segments, mut bytes) = (Vec::new(), Vec::new());
        for index in 0..3_u32 {
            let start_ms = u64::from(index) * 2_000;
            let block = |time_ms, keyframe| Block {
                track: Track::Video,
                time_ms,
                keyframe,
                duration_ms: (!keyframe).then_some(1_000),
                data: vec![index as u8; 900],
            };
            let blocks = [block(start_ms, true), block(start_ms + 1_000, false)];
            let cluster = snaplark_formats::webm::cluster(&blocks).unwrap();
            std::fs::write(folder.path().join(segment_file(index)), &cluster).unwrap();
            let judged = crate::finish::judge(&cluster).unwrap();
            segments.push(Segment::judged(index, cluster.len() as u64, &judged));
            bytes.push(cluster);
        }
        let place = folder.path().to_owned();
        let source = RecordingSource { folder: place, init, segments, before_bytes: 0, file: None };
        Recorded { folder, source, bytes }
    }

    impl Recorded {
        fn path(&self, index: u32) -> PathBuf {
            self.folder.path().join(segment_file(index))
        }

        fn flip(&self, index: u32) {
            let mut bytes = std::fs::read(self.path(index)).unwrap();
            bytes[500] ^= 1;
            std::fs::write(self.path(index), bytes).unwrap();
        }
    }

    #[test]
    fn part_is_read_with_its_digest() {
        let recorded = recorded();
        let part = recorded.source.part(Part::whole(0, 2, 0), true, SegmentCuts::None).unwrap();
        let bytes = part.pieces.concat();
        let expected = [recorded.source.init(), &recorded.bytes[0], &recorded.bytes[1]].concat();
        assert_eq!(bytes, expected);
        assert_eq!(part.size_bytes, expected.len() as u64);
        assert_eq!(part.sha256, <[u8; 32]>::from(Sha256::digest(&expected)));
    }

    #[test]
    fn pieces_of_a_segment_are_its_bytes() {
        let recorded = recorded();
        let first = Part { to_bytes: Some(700), ..Part::whole(1, 1, 700) };
        let last = Part { from_bytes: 700, ..Part::whole(1, 1, 0) };
        let [first, last] = [first, last]
            .map(|part| recorded.source.part(part, false, SegmentCuts::AnyByte).unwrap());
        assert_eq!(
            (first.size_bytes, last.sha256),
            (700, { <[u8; 32]>::from(Sha256::digest(&recorded.bytes[1][700..])) })
        );
        assert_eq!([first.pieces, last.pieces].concat().concat(), recorded.bytes[1]);
        let cut = Part { from_bytes: 700, to_bytes: Some(5), ..Part::whole(0, 3, 0) };
        let [before, whole, after] = &recorded.bytes[..] else { panic!("three segments") };
        let expected = [&before[700..], whole, &after[..5]].concat();
        let read = recorded.source.part(cut, false, SegmentCuts::AnyByte).unwrap();
        assert!(read.pieces.concat() == expected, "two are cut, and one is whole");
        recorded.flip(1);
        let part = Part { from_bytes: 700, ..Part::whole(1, 1, 0) };
        let refused = recorded.source.part(part, false, SegmentCuts::AnyByte).err();
        assert!(matches!(refused, Some(SourceError::Damaged(damaged)) if damaged == [1]));
    }

    #[test]
    fn pieces_at_frames_play_one_behind_the_other() {
        let recorded = recorded();
        let pieces = recorded.source.cut(1, 0, 1_000).unwrap();
        assert_eq!(pieces.len(), 2, "{pieces:?}");
        let mut from_bytes = 0;
        let mut joined = recorded.source.init().to_vec();
        for SegmentPiece { to_bytes, size_bytes } in pieces {
            let part = Part { from_bytes, to_bytes, ..Part::whole(1, 1, size_bytes) };
            let bytes = recorded.source.part(part, false, SegmentCuts::Frames).unwrap();
            assert_eq!(bytes.size_bytes, size_bytes);
            joined.extend(bytes.pieces.concat());
            from_bytes = part.next().1;
        }
        let clusters = webm::index(&joined).unwrap().clusters;
        let times: Vec<(u64, bool)> =
            clusters.iter().map(|it| (it.start_ms, it.starts_with_keyframe)).collect();
        assert_eq!(times, [(2_000, true), (3_000, false)]);
        let whole = recorded.source.part(Part::whole(1, 1, 0), false, SegmentCuts::Frames);
        assert_eq!(whole.unwrap().pieces.concat(), recorded.bytes[1], "it stays as it was sealed");
        recorded.flip(1);
        let refused = recorded.source.cut(1, 0, 1_000).err();
        assert!(matches!(refused, Some(SourceError::Damaged(damaged)) if damaged == [1]));
    }

    #[test]
    fn placeholder_takes_the_place_of_pieces_that_were_planned() {
        let recorded = recorded();
        let planned = recorded.source.cut(1, 0, 1_000).unwrap();
        recorded.flip(1);
        let Repair { replaced, .. } = repair(&recorded.source, &[1], &[]);
        let mut segments = recorded.source.rows().to_vec();
        segments[1] = replaced[0].clone();
        let source = RecordingSource::of(recorded.folder.path(), recorded.source.init(), &segments);
        let to_bytes = planned[0].to_bytes;
        let first = Part { to_bytes, ..Part::whole(1, 1, 0) };
        let last = Part { from_bytes: to_bytes.unwrap(), ..Part::whole(1, 1, 0) };
        for part in [first, last] {
            let bytes = source.part(part, false, SegmentCuts::Frames).unwrap().pieces.concat();
            let [cluster] = webm::index(&bytes).unwrap().clusters[..] else { panic!() };
            assert!(cluster.starts_with_keyframe && bytes.len() < 800, "{cluster:?}");
        }
    }

    /// Measures the cost of the check: `cargo test -p snaplark-app check_of_a_part -- --nocapture`.
    #[test]
    fn check_of_a_part_costs_little() {
        let folder = tempfile::tempdir().unwrap();
        let segments: Vec<Segment> = (0..5)
            .map(|index| {
                let bytes = vec![index as u8; 2 * 1024 * 1024];
                std::fs::write(folder.path().join(segment_file(index)), &bytes).unwrap();
                let (start_ms, duration_ms) = (u64::from(index) * 2_000, 2_000);
                let sha256 = Sha256::digest(&bytes).into();
                let size_bytes = bytes.len() as u64;
                Segment { index, size_bytes, start_ms, duration_ms, sha256 }
            })
            .collect();
        let source = RecordingSource::of(folder.path(), b"", &segments);
        let begun = std::time::Instant::now();
        let read: usize = segments
            .iter()
            .map(|segment| {
                std::fs::read(folder.path().join(segment_file(segment.index))).unwrap().len()
            })
            .sum();
        let reading = begun.elapsed();
        let begun = std::time::Instant::now();
        let part = source.part(Part::whole(0, 5, 0), false, SegmentCuts::None).unwrap();
        let checked = begun.elapsed();
        assert_eq!(part.size_bytes, read as u64);
        println!("figures: a part of 10 MiB: {reading:?} to read, {checked:?} to read and check");
        assert!(checked.as_secs() < 10, "{checked:?}");
    }

    #[test]
    fn part_names_each_damaged_segment() {
        let recorded = recorded();
        recorded.flip(0);
        std::fs::remove_file(recorded.path(2)).unwrap();
        let refused = recorded.source.part(Part::whole(0, 3, 0), false, SegmentCuts::None).err();
        assert!(matches!(refused, Some(SourceError::Damaged(damaged)) if damaged == [0, 2]));
        assert!(recorded.source.part(Part::whole(1, 1, 0), false, SegmentCuts::None).is_ok());
    }

    #[test]
    fn repair_puts_placeholders_and_sets_the_damaged_bytes_aside() {
        let recorded = recorded();
        recorded.flip(1);
        let flipped = std::fs::read(recorded.path(1)).unwrap();
        let repair = repair(&recorded.source, &[1], &[]);
        let [replaced] = &repair.replaced[..] else { panic!("{repair:?}") };
        assert_eq!(replaced.size_bytes, recorded.bytes[1].len() as u64, "of the same length");
        let now = std::fs::read(recorded.path(1)).unwrap();
        assert!(snaplark_formats::webm::is_placeholder(&now));
        assert!(is(&now, replaced));
        let aside = recorded.folder.path().join("000001.webm.damaged");
        assert_eq!(std::fs::read(&aside).unwrap(), flipped);
        // If the row could not be written, repeating the repair gives the same result.
        let again = super::repair(&recorded.source, &[1], &[]);
        assert_eq!(again.replaced, repair.replaced);
        assert_eq!(std::fs::read(aside).unwrap(), flipped);
        assert!(!recorded.folder.path().join("000001.webm.damaged-2").exists());
    }

    #[test]
    fn repair_restores_what_the_persons_own_file_has() {
        let mut recorded = recorded();
        let file = recorded.folder.path().join("mine.webm");
        let whole = [recorded.source.init.clone(), recorded.bytes.concat()].concat();
        std::fs::write(&file, whole).unwrap();
        recorded.source.file = Some(file);
        recorded.flip(2);
        std::fs::write(recorded.path(0), b"cut").unwrap();
        // The part can be sent before the repair.
        assert_eq!(
            recorded
                .source
                .part(Part::whole(2, 1, 0), false, SegmentCuts::None)
                .unwrap()
                .pieces
                .concat(),
            recorded.bytes[2]
        );
        let repair = repair(&recorded.source, &[0, 2], &[]);
        assert_eq!((repair.restored, repair.lost), (vec![0, 2], None));
        for index in [0, 2] {
            let now = std::fs::read(recorded.path(index)).unwrap();
            assert_eq!(now, recorded.bytes[index as usize]);
        }
    }

    #[test]
    fn repair_believes_the_copy_where_the_row_is_wrong() {
        let mut recorded = recorded();
        let right = recorded.source.segments[1].sha256;
        recorded.source.segments[1].sha256 = [7; 32];
        let repair = repair(&recorded.source, &[1], &[[0; 32], right]);
        assert_eq!(repair.corrected.len(), 1);
        assert_eq!(repair.corrected[0].sha256, right);
        assert_eq!(std::fs::read(recorded.path(1)).unwrap(), recorded.bytes[1]);
    }

    #[test]
    fn repair_makes_no_grey_video_of_a_recording_that_is_gone() {
        let recorded = recorded();
        for index in 0..3 {
            std::fs::remove_file(recorded.path(index)).unwrap();
        }
        let repair = repair(&recorded.source, &[0, 1, 2], &[]);
        assert!(repair.replaced.is_empty() && repair.lost.is_some(), "{repair:?}");
    }
}
