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
//! - The server's answer to the list says which parts it lacks. The list is sent again after each start and with each
//!   new session, so nothing has to be remembered of that answer.
//! - A version takes the place of an upload that is under way: what that one has not sent is not sent any more, and the
//!   server removes what it has when the version is shown.
//! - If the number is taken, the next one is tried, a few times ([`policy::VERSIONS_TRIED_MAX`]).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};
use snaplark_api::{KeptBytes, PiecesRequest, ShownStretch, VersionChapter, VersionPiece};

use super::machine::{Target, UploadMachine};
use super::one::{Slot, UploadState};
use super::part::{Part, PartLimit};
use super::{Reachability, Receipt, RequestId, Step, Stop, UploadChange, UploadRows};
use crate::cut::{CutPlan, Piece};
use crate::edit::Chapter;
use crate::{RecordingId, policy};

/// A version of an edited recording, as it is stored before it is uploaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditedVersion {
    /// The request for the version's pieces. The same version always asks for the same.
    pub request: PiecesRequest,
    /// The content of each piece of the request.
    pub parts: Vec<VersionPart>,
    /// How long the version is.
    pub duration_ms: u64,
}

/// One part of a version: what is sent of it if the server lacks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionPart {
    /// Where its bytes are.
    #[serde(flatten)]
    pub content: PartContent,
    /// Its size, without an init before it.
    pub size_bytes: u64,
}

/// Where the bytes of a version's part are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartContent {
    /// Whole segments of the recording: the first one, and how many.
    Segments(u32, u32),
    /// A file in the recording's folder, and the digest of its bytes.
    File(String, String),
}

/// A part of the version that a link shows, as its server has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
        let piece = |planned: &PlannedPart| {
            let keep = planned.kept.as_ref().and_then(|kept| {
                Some(KeptBytes {
                    chunk_index: kept.chunk_index,
                    start: kept.bytes.start,
                    end: kept.bytes.end,
                    sha256: kept.sha256.clone()?,
                })
            });
            VersionPiece { keep, shift_ms: planned.shift_ms }
        };
        let times = plan.kept.iter().map(|kept| ShownStretch {
            from_ms: kept.source.start,
            to_ms: kept.source.end,
            at_ms: kept.at_ms,
        });
        let request = PiecesRequest {
            from_version,
            pieces: planned.iter().map(piece).collect(),
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

    /// Returns the rendered files that it names.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match &part.content {
            PartContent::File(name, _) => Some(name.as_str()),
            PartContent::Segments(..) => None,
        })
    }

    /// Returns its parts as the server has them once it is shown. `receipts` are those of the parts that were sent.
    pub fn served(
        &self,
        receipts: &BTreeMap<u32, Receipt>,
        init_bytes: u64,
        has_init: impl Fn(u32) -> bool,
    ) -> Vec<ServedPart> {
        let parts = (0..).zip(&self.parts).zip(&self.request.pieces);
        let served = parts.map(|((index, part), piece)| {
            let segments = match part.content {
                PartContent::Segments(first, count) => Some((first, count)),
                PartContent::File(..) => None,
            };
            let receipt = receipts.get(&index).map(|receipt| receipt.0.clone());
            if let (Some(keep), None) = (&piece.keep, &receipt) {
                let size_bytes = keep.end - keep.start;
                let init_bytes = size_bytes.saturating_sub(part.size_bytes);
                let sha256 = Some(keep.sha256.clone());
                return ServedPart { segments, init_bytes, size_bytes, sha256 };
            }
            let init_bytes = if has_init(index) { init_bytes } else { 0 };
            let size_bytes = init_bytes + part.size_bytes;
            ServedPart { segments, init_bytes, size_bytes, sha256: receipt }
        });
        served.collect()
    }
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
        let sha256 = part.sha256.clone();
        return Some(KeptPart { chunk_index, bytes: 0..part.size_bytes, sha256 });
    }
    let before: u64 = (part_first..first).map(size_of).sum();
    let start = part.init_bytes + before;
    Some(KeptPart { chunk_index, bytes: start..start + planned.part.size_bytes, sha256: None })
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
        let mut lost = Vec::new();
        for (index, slot) in (0..).zip(&mut upload.slots) {
            let is_there = !missing.contains(&index);
            if is_there && !slot.acknowledged {
                let receipt = slot.receipt.clone();
                step.changes.push(UploadChange::PartAcknowledged { recording, index, receipt });
            } else if !is_there && slot.acknowledged {
                lost.push(index);
            }
            slot.acknowledged = is_there;
        }
        if !lost.is_empty() {
            step.changes.push(UploadChange::PartsLost { recording, indices: lost });
        }
        step.changes.push(UploadChange::PartsKnown { recording });
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
    /// Plans the part of the next piece.
    pub(super) fn plan_edited(&mut self) -> Option<(u32, Part)> {
        let index = self.slots.len() as u32;
        let part = Part::whole(index, 1, *self.segment_bytes.get(self.slots.len())?);
        self.slots.push(Slot::new(part, false));
        Some((index, part))
    }
}
