//! Versions of edited recordings: what a version consists of, and its upload.
//!
//! ```text
//! plan of the cut ─┐
//! served version  ─┴─► pieces ──► list of pieces (durable) ──► session ──► SendPieces ──► the parts that the
//!                                                                          server lacks ──► finalize
//! ```
//!
//! - Each piece is one part: whole segments, or a rendered file. A piece that the server has is kept there by the
//!   range of its bytes in the version that the link shows, and is not sent.
//! - The server's answer to the list says which parts it lacks, and only those get rows: a version of hours keeps
//!   thousands. The list is sent again after each start and with each new session, so nothing else has to be remembered
//!   of that answer.
//! - Parts that are kept whole and follow each other are one entry of the list ([`KeptBytes::more_parts`]). A server
//!   that doesn't know runs gets them one by one ([`EditedVersion::request_without_runs`]).
//! - A version takes the place of an upload that is under way: what that one has not sent is not sent any more, and the
//!   server removes what it has when the version is shown.
//! - If the number is taken, the next one is tried, a few times ([`policy::VERSIONS_TRIED_MAX`]).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use snaplark_api::{
    KeptBytes, PieceRuns, PiecesRequest, ShownStretch, VersionChapter, VersionPiece, digest_of_hex,
};

use super::machine::{Target, UploadMachine};
use super::one::{Slot, UploadState};
use super::part::{Part, PartLimit};
use super::{Reachability, Receipt, RequestId, Step, Stop, UploadChange, UploadRows};
use crate::cut::{CutPlan, Piece};
use crate::edit::Chapter;
use crate::{RecordingId, policy};

/// A version of an edited recording. It is stored before it is uploaded ([`super::StoredEditedVersion`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditedVersion {
    /// The request for the version's pieces. The same version always asks for the same.
    pub request: PiecesRequest,
    /// The content of each part of the request.
    pub parts: Vec<VersionPart>,
    /// How long the version is.
    pub duration_ms: u64,
}

/// One part of a version: what is sent of it if the server lacks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionPart {
    /// Where its bytes are.
    pub content: PartContent,
    /// Its size, without an init before it.
    pub size_bytes: u64,
}

/// Where the bytes of a version's part are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartContent {
    /// Whole segments of the recording: the first one, and how many.
    Segments(u32, u32),
    /// A file in the recording's folder, and the digest of its bytes.
    File(String, String),
}

/// A part of the version that a link shows, as its server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedPart {
    /// The segments that it holds whole: the first one, and how many. `None`: it holds something else.
    pub segments: Option<(u32, u32)>,
    /// The size of the init that it begins with; 0 without one.
    pub init_bytes: u64,
    /// The size of all of it.
    pub size_bytes: u64,
    /// The digest of all of it, if it is known.
    pub sha256: Option<String>,
}

/// The version that a link shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedVersion {
    /// Its number.
    pub number: u32,
    /// Its parts, in their order.
    pub parts: Vec<ServedPart>,
}

/// A rendered piece of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedPiece {
    /// The name of its file.
    pub file: String,
    /// Its size.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: String,
}

/// A range of a served part that a version keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPart {
    /// The index of the served part.
    pub chunk_index: u32,
    /// The range of its bytes.
    pub bytes: Range<u64>,
    /// The digest of the range. `None`: its segments have to be read to know it.
    pub sha256: Option<String>,
    /// Whether the range is all of the part.
    pub is_whole: bool,
}

/// A part of a version before the digests of all kept ranges are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPart {
    /// The part's content.
    pub part: VersionPart,
    /// The shift that is added to the times in its bytes.
    pub shift_ms: i64,
    /// Where the server has it.
    pub kept: Option<KeptPart>,
}

impl EditedVersion {
    /// Returns the version of these parts. Kept ranges without a digest are sent.
    pub fn new(
        plan: &CutPlan,
        planned: Vec<PlannedPart>,
        from_version: u32,
        chapters: &[Chapter],
    ) -> Self {
        let times = plan.kept.iter().map(|kept| ShownStretch {
            from_ms: kept.source.start,
            to_ms: kept.source.end,
            at_ms: kept.at_ms,
        });
        let request = PiecesRequest {
            from_version,
            pieces: pieces(&planned),
            times: times.collect(),
            chapters: shown_chapters(plan, chapters),
        };
        let parts = planned.into_iter().map(|planned| planned.part).collect();
        EditedVersion { request, parts, duration_ms: plan.duration_ms() }
    }

    /// Returns the sizes of its parts.
    pub fn sizes(&self) -> Vec<u64> {
        self.parts.iter().map(|part| part.size_bytes).collect()
    }

    /// Returns the request for a server that doesn't know runs of kept parts. `before` is the version that the request
    /// keeps parts of; what is not known of it is sent.
    pub fn request_without_runs(&self, before: Option<&ServedVersion>) -> PiecesRequest {
        let before = before.filter(|before| before.number == self.request.from_version);
        let mut pieces = Vec::with_capacity(self.parts.len());
        for piece in &self.request.pieces {
            let Some(run) = piece.keep.as_ref().filter(|keep| keep.more_parts > 0) else {
                pieces.push(piece.clone());
                continue;
            };
            pieces.extend((0..=run.more_parts).map(|offset| {
                let chunk_index = run.chunk_index + offset;
                let part = before.and_then(|before| before.parts.get(chunk_index as usize));
                let keep = part.and_then(|part| {
                    let (start, end, sha256) = (0, part.size_bytes, part.sha256.clone()?);
                    Some(KeptBytes { chunk_index, start, end, sha256, more_parts: 0 })
                });
                VersionPiece { keep, shift_ms: piece.shift_ms }
            }));
        }
        PiecesRequest { pieces, ..self.request.clone() }
    }

    /// Returns its parts as the server has them once it is shown. `receipts` are those of the parts that were sent,
    /// and `before` is the version that it has kept parts of: what is not known of that is not kept by the next one.
    pub fn served(
        &self,
        before: Option<&ServedVersion>,
        receipts: &BTreeMap<u32, Receipt>,
        init_bytes: u64,
        has_init: impl Fn(u32) -> bool,
    ) -> Vec<ServedPart> {
        let before = before.filter(|before| before.number == self.request.from_version);
        let mut served = Vec::with_capacity(self.parts.len());
        for (first, piece) in self.request.indexed() {
            for index in first..first + piece.parts_count() {
                let Some(part) = self.parts.get(index as usize) else { break };
                let segments = match part.content {
                    PartContent::Segments(first, count) => Some((first, count)),
                    PartContent::File(..) => None,
                };
                let receipt = receipts.get(&index).map(|receipt| receipt.0.clone());
                served.push(match (&piece.keep, receipt) {
                    (Some(keep), None) if keep.more_parts > 0 => {
                        let at = (keep.chunk_index + (index - first)) as usize;
                        let same = before.and_then(|before| before.parts.get(at).cloned());
                        same.unwrap_or(ServedPart {
                            segments: None,
                            init_bytes: 0,
                            size_bytes: part.size_bytes,
                            sha256: None,
                        })
                    }
                    (Some(keep), None) => {
                        let size_bytes = keep.end - keep.start;
                        let init_bytes = size_bytes.saturating_sub(part.size_bytes);
                        let sha256 = Some(keep.sha256.clone());
                        ServedPart { segments, init_bytes, size_bytes, sha256 }
                    }
                    (_, receipt) => {
                        let init_bytes = if has_init(index) { init_bytes } else { 0 };
                        let size_bytes = init_bytes + part.size_bytes;
                        ServedPart { segments, init_bytes, size_bytes, sha256: receipt }
                    }
                });
            }
        }
        served
    }
}

/// Returns the list of these parts. Those that are kept whole and follow each other at the server are one piece.
fn pieces(planned: &[PlannedPart]) -> Vec<VersionPiece> {
    let mut pieces = PieceRuns::default();
    for planned in planned {
        let keep = planned.kept.as_ref().and_then(|kept| {
            Some(KeptBytes {
                chunk_index: kept.chunk_index,
                start: kept.bytes.start,
                end: kept.bytes.end,
                sha256: kept.sha256.clone()?,
                more_parts: 0,
            })
        });
        let is_whole = planned.kept.as_ref().is_some_and(|kept| kept.is_whole);
        let digest = keep.as_ref().filter(|_| is_whole).and_then(|it| digest_of_hex(&it.sha256));
        pieces.push(VersionPiece { keep, shift_ms: planned.shift_ms }, digest);
    }
    pieces.finish()
}

/// Returns the parts of a recording that was uploaded as it is, as its server has them.
pub fn served_recording(rows: &UploadRows) -> Vec<ServedPart> {
    let standalone = rows.profile.framing() == snaplark_api::Framing::Standalone;
    let parts = (0..).zip(&rows.parts);
    let served = parts.map(|(index, (part, _))| {
        let init_bytes = if index == 0 || standalone { rows.init_bytes } else { 0 };
        ServedPart {
            segments: (!part.is_piece()).then_some((part.first_segment, part.segment_count)),
            init_bytes,
            size_bytes: init_bytes + part.size_bytes,
            sha256: rows.receipts.get(&index).map(|receipt| receipt.0.clone()),
        }
    });
    served.collect()
}

/// Groups the pieces of a plan into parts. Segments that follow each other are one part where the server has them in
/// one part, or where it has none of them and they are not above `part_bytes_max` together. `segment_bytes` are the
/// sizes of all segments.
pub fn planned_parts(
    plan: &CutPlan,
    segment_bytes: &[u64],
    rendered: &BTreeMap<usize, RenderedPiece>,
    served: Option<&ServedVersion>,
    part_bytes_max: u64,
) -> Vec<PlannedPart> {
    let places = places(served);
    let size_of = |segment: u32| segment_bytes.get(segment as usize).copied().unwrap_or(0);
    let mut planned: Vec<PlannedPart> = Vec::new();
    // Where the last part's segments are at the server.
    let mut last_place = None;
    for (index, piece) in plan.pieces.iter().enumerate() {
        let segment = match piece {
            Piece::Render { .. } => {
                let Some(RenderedPiece { file, size_bytes, sha256 }) = rendered.get(&index) else {
                    continue;
                };
                let content = PartContent::File(file.clone(), sha256.clone());
                let part = VersionPart { content, size_bytes: *size_bytes };
                // It was rendered at its time of the output.
                planned.push(PlannedPart { part, shift_ms: 0, kept: None });
                last_place = None;
                continue;
            }
            Piece::Keep { segment, .. } => *segment,
        };
        let place = places.get(&segment).copied();
        let shift_ms = piece.shift_ms();
        let last = planned.last_mut().filter(|last| last.shift_ms == shift_ms);
        if let Some(PlannedPart { part: VersionPart { content, size_bytes }, .. }) = last
            && let PartContent::Segments(first, count) = content
            && *first + *count == segment
            && last_place == Some(place)
            && (place.is_some() || fits(*size_bytes, size_of(segment), part_bytes_max))
        {
            *count += 1;
            *size_bytes += size_of(segment);
            continue;
        }
        let content = PartContent::Segments(segment, 1);
        let part = VersionPart { content, size_bytes: size_of(segment) };
        planned.push(PlannedPart { part, shift_ms, kept: None });
        last_place = Some(place);
    }
    if let Some(served) = served {
        for planned in &mut planned {
            planned.kept = kept_part(planned, &places, served, &size_of);
        }
    }
    planned
}

/// Returns the chapters whose start is kept. The others are left out, as the server would do: a title may tell what
/// was cut.
fn shown_chapters(plan: &CutPlan, chapters: &[Chapter]) -> Vec<VersionChapter> {
    let shown = plan.chapters(chapters).into_iter().filter_map(|chapter| {
        let source_ms = plan.source_ms(chapter.start_ms)?;
        let title: String =
            chapter.title.trim().chars().take(snaplark_api::limits::CHAPTER_CHARS_MAX).collect();
        (!title.is_empty()).then_some(VersionChapter { source_ms, title })
    });
    shown.take(snaplark_api::limits::CHAPTERS_MAX).collect()
}

/// Returns whether a segment of that size goes into a new part that has so many bytes already.
fn fits(part_bytes: u64, segment_bytes: u64, part_bytes_max: u64) -> bool {
    part_bytes < policy::MULTIPART_PART_BYTES_MIN
        && part_bytes + segment_bytes <= part_bytes_max.min(policy::PART_BYTES_MAX)
}

/// Returns in which served part each segment is.
fn places(served: Option<&ServedVersion>) -> BTreeMap<u32, u32> {
    let parts = served.iter().flat_map(|served| (0..).zip(&served.parts));
    let segments = parts.filter_map(|(index, part): (u32, _)| Some((index, part.segments?)));
    let places = segments
        .flat_map(|(index, (first, count))| (first..first + count).map(move |at| (at, index)));
    places.collect()
}

fn kept_part(
    planned: &PlannedPart,
    places: &BTreeMap<u32, u32>,
    served: &ServedVersion,
    size_of: &impl Fn(u32) -> u64,
) -> Option<KeptPart> {
    let PartContent::Segments(first, count) = planned.part.content else { return None };
    let chunk_index = *places.get(&first)?;
    let part = served.parts.get(chunk_index as usize)?;
    let (part_first, part_count) = part.segments?;
    if (first, count) == (part_first, part_count) {
        let (bytes, sha256) = (0..part.size_bytes, part.sha256.clone());
        return Some(KeptPart { chunk_index, bytes, sha256, is_whole: true });
    }
    let before: u64 = (part_first..first).map(size_of).sum();
    let start = part.init_bytes + before;
    let bytes = start..start + planned.part.size_bytes;
    Some(KeptPart { chunk_index, bytes, sha256: None, is_whole: false })
}

/// A version of an edited recording that is to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedUpload {
    /// Its number.
    pub version: u32,
    /// The sizes of its parts.
    pub part_bytes: Vec<u64>,
    /// The size of the recording's init.
    pub init_bytes: u64,
    /// How long the version is.
    pub duration_ms: u64,
}

impl UploadMachine {
    /// Begins the upload of a version. The upload of before is abandoned, whatever it has done at the server.
    pub(super) fn want_edited(
        &mut self,
        recording: RecordingId,
        wanted: EditedUpload,
        step: &mut Step,
    ) {
        let EditedUpload { version, part_bytes, init_bytes, duration_ms } = wanted;
        let before = self.uploads.get(&recording);
        if before.is_some_and(|before| before.version == Some(version)) {
            return;
        }
        let Target { server, profile, .. } = self.target.clone();
        let (link, limit) = match before {
            Some(before) => (before.link.clone(), before.limit),
            None => {
                let server = server.clone();
                step.changes.push(UploadChange::UploadWanted { recording, server, profile });
                (None, PartLimit::default())
            }
        };
        self.abandon_requests(recording, step);
        step.changes.push(UploadChange::VersionSet { recording, version });
        let upload = UploadState {
            version: Some(version),
            is_edited: true,
            link,
            limit,
            init_bytes,
            segment_bytes: part_bytes,
            duration_ms: Some(duration_ms),
            ..UploadState::new(server, profile)
        };
        self.uploads.insert(recording, upload);
    }

    /// Returns whether the server can show an edited recording behind the same link; `None` if it is not known yet.
    pub(super) fn shows_versions(&self) -> Option<bool> {
        match (&self.offers, self.reach) {
            (Some(offers), _) => Some(offers.has_video_versions()),
            (None, Reachability::Online) => Some(false),
            (None, Reachability::Unknown | Reachability::Offline) => None,
        }
    }

    /// Returns whether one piece of a version may keep several parts at the server.
    pub(super) fn takes_piece_runs(&self) -> bool {
        self.offers.as_ref().is_some_and(snaplark_api::Capabilities::has_piece_runs)
    }

    /// Stops the versions that the server can't show behind the same link.
    pub(super) fn refuse_versions(&mut self, step: &mut Step) {
        if self.shows_versions() != Some(false) {
            return;
        }
        let unable = self
            .uploads
            .iter_mut()
            .filter(|(_, upload)| upload.is_edited && upload.is_live() && upload.session.is_none());
        for (recording, upload) in unable {
            super::failing::stop(*recording, upload, Stop::NoVersions, step);
        }
    }

    /// Takes back a version that the server can't show.
    pub(super) fn withdraw_edited(
        &mut self,
        recording: RecordingId,
        is_online: bool,
        step: &mut Step,
    ) {
        let is_refused = |upload: &&UploadState| upload.stop == Some(Stop::NoVersions);
        let Some(upload) = self.uploads.get(&recording).filter(is_refused) else { return };
        let (server, profile) = (upload.server.clone(), upload.profile);
        let shown = UploadState {
            link: upload.link.clone(),
            finished: true,
            ..UploadState::new(server, profile)
        };
        match is_online {
            true => drop(self.uploads.insert(recording, shown)),
            false => drop(self.uploads.remove(&recording)),
        }
        step.changes.push(UploadChange::Withdrawn { recording, is_online });
    }

    /// Receives the server's answer to the list of pieces: which parts it lacks. It has the others.
    pub(super) fn pieces_listed(&mut self, request: RequestId, missing: &[u32], step: &mut Step) {
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.gate.reset();
        upload.asking = None;
        upload.rebuilt = false;
        let missing: BTreeSet<u32> = missing.iter().copied().collect();
        let mut lacking = Vec::new();
        for (index, slot) in (0..).zip(&mut upload.slots) {
            slot.acknowledged = !missing.contains(&index);
            if !slot.acknowledged {
                lacking.push((index, slot.part));
            }
        }
        step.changes.push(UploadChange::PiecesKnown { recording, missing: lacking });
    }
}

/// Gives the version the next number above the one that is served, and begins its upload anew. The list of pieces
/// stays; the server says what it lacks of it.
pub(super) fn renumber(
    recording: RecordingId,
    upload: &mut UploadState,
    served: Option<u32>,
    step: &mut Step,
) {
    let Some(from) = upload.version else { return };
    let to = from.max(served.unwrap_or(0)).saturating_add(1);
    upload.version = Some(to);
    upload.tried += 1;
    upload.forget_session();
    step.changes.push(UploadChange::Renumbered { recording, from, to });
}

impl UploadState {
    /// Plans a part for each piece. That needs no rows: the version's list says the same.
    pub(super) fn plan_edited(&mut self) {
        let planned = self.slots.len();
        let parts = (0..).zip(&self.segment_bytes).skip(planned);
        let parts = parts.map(|(index, size_bytes)| Part::whole(index, 1, *size_bytes));
        self.slots.extend(parts.map(|part| Slot::new(part, false)));
    }
}
