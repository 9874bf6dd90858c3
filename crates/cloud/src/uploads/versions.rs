//! Versions of videos that keep pieces of the version before them (`rows/versions`).
//!
//! ```text
//! init         an upload of version N
//! set_pieces   its list is stored once; of parts that are kept in part, the kept range is copied
//! receive      the other pieces are sent as parts
//! finalize     runs of parts that are kept whole are noted for version N, and the smaller versions are removed,
//!              in one transaction
//! sweeper      deletes the objects of what was removed and is not kept
//! ```
//!
//! A crash before finalize leaves the old version as it was, and an open upload that expires. A crash after
//! it leaves the new version, and objects that the sweeper deletes. Nothing in between can be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, TryStreamExt};
use sha2::{Digest, Sha256};
use snaplark_api::{PiecesRequest, digest_of_hex, run_digest};

use super::{UploadError, Uploads, blocking};
use crate::edit::{ShownTimes, VersionEdit, moved_captions};
use crate::parts;
use crate::policy::{COPIES_AT_ONCE, COPIES_MAX};
use crate::products::CAPTIONS;
use snaplark_cloud_data::db::{
    Assembly, KeptParts, NewProduct, PartOrigin, PartStored, ProductName, SessionId, StoredPart,
    Upload, UserId,
};
use snaplark_cloud_data::layout::Layout;

/// The pieces of a version that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PiecesSet {
    /// The version.
    pub version: u32,
    /// The indices of the parts that have to be sent.
    pub missing: Vec<u32>,
}

/// The parts that an upload is finished from.
pub(super) struct Gathered {
    /// The parts in the order of their indices, with those of an earlier version that are kept whole.
    pub(super) parts: Vec<StoredPart>,
    pub(super) kept: KeptParts,
    /// The header that is kept of the earlier version.
    pub(super) init: Option<Vec<u8>>,
    /// The length of the list of pieces.
    pub(super) pieces: Option<u32>,
}

/// The version of which pieces are kept.
struct KeptSource {
    session: SessionId,
    parts: IndexedParts,
}

/// One part of a version, as its list asks for it.
#[derive(Clone, Debug)]
struct AskedPart {
    index: u32,
    /// The place of its piece in the list.
    piece: u32,
    shift_ms: i64,
    keep: Option<AskedBytes>,
}

/// Bytes of the earlier version that a part keeps.
#[derive(Clone, Debug)]
struct AskedBytes {
    chunk_index: u32,
    range: Range<u64>,
    sha256: [u8; 32],
}

/// The parts of finished versions that were read last: publishing asks for them at each of its requests, and a video
/// of hours has thousands. Parts belong to one revision of their upload, so nothing here is ever outdated.
#[derive(Debug, Default)]
pub(super) struct KnownParts(Mutex<Vec<(SessionId, i64, IndexedParts)>>);

/// The parts of a version by their indices.
type IndexedParts = Arc<BTreeMap<u32, StoredPart>>;

/// How many versions' parts are kept in memory. Those of two hours take about a megabyte.
const KNOWN_PARTS_MAX: usize = 4;

impl KnownParts {
    fn get(&self, session: SessionId, revision: i64) -> Option<IndexedParts> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|(id, at, _)| (*id, *at) == (session, revision))?;
        let found = known.remove(at);
        known.push(found.clone());
        Some(found.2)
    }

    pub(super) fn put(&self, session: SessionId, revision: i64, parts: IndexedParts) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(id, ..)| *id != session);
        if known.len() >= KNOWN_PARTS_MAX {
            known.remove(0);
        }
        known.push((session, revision, parts));
    }

    fn forget(&self, session: SessionId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(id, ..)| *id != session);
    }
}

impl Uploads {
    /// Returns a user's upload, or the reason why it is no longer there: a greater version is behind the link.
    pub(super) async fn own_version(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Upload, UploadError> {
        let gone = match self.own(user, session).await {
            Err(UploadError::NotFound) => self.db.upload(session).await?,
            own => return own,
        };
        let Some(gone) = gone.filter(|gone| gone.user_id == user) else {
            return Err(UploadError::NotFound);
        };
        match self.served(&gone).await? {
            Some(served) if served.version > gone.version => {
                Err(UploadError::NewerVersion(served.version))
            }
            Some(_) | None => Err(UploadError::NotFound),
        }
    }

    /// Returns the version of the same video that visitors see.
    async fn served(&self, upload: &Upload) -> Result<Option<Upload>, UploadError> {
        let served = self.behind_link(upload.video_id).await?;
        Ok(served.filter(|served| {
            served.user_id == upload.user_id && served.finished.is_some() && !served.removed
        }))
    }

    /// Returns the list of pieces of an upload, if it has one.
    pub async fn edit_of(&self, upload: &Upload) -> Result<Option<VersionEdit>, UploadError> {
        if !upload.is_edited {
            return Ok(None);
        }
        let edit = self.db.edit(upload.session_id).await?;
        Ok(edit.as_deref().and_then(VersionEdit::read))
    }

    /// Returns the header that a version has kept of the one before it.
    pub(super) async fn kept_init(&self, upload: &Upload) -> Result<Option<Vec<u8>>, UploadError> {
        Ok(self.edit_of(upload).await?.and_then(|edit| edit.init()))
    }

    /// Stores what a version consists of, and keeps what is here of it. The same request again gets the same
    /// answer; a version never gets another list.
    pub async fn set_pieces(
        &self,
        user: UserId,
        session: SessionId,
        asked: PiecesRequest,
    ) -> Result<PiecesSet, UploadError> {
        let mut upload = self.own_version(user, session).await?;
        let mut edit = VersionEdit::new(asked);
        if !upload.is_edited {
            if upload.finished.is_some() {
                return Err(UploadError::PiecesTaken);
            }
            if !upload.is_open() {
                return Err(UploadError::NotActive(upload.state));
            }
            if let Some(source) = self.source(&upload, edit.asked.from_version).await? {
                check(&asked_parts(&edit.asked, Some(&source)), &source)?;
                if let Some(init) = self.init_of(&source).await? {
                    edit = edit.keeping(source.session, &init);
                }
            }
            // Fails if the same request, or another publisher's, was faster.
            self.db.set_edit(session, &edit.to_json()).await?;
            upload = self.own_version(user, session).await?;
        }
        let stored = self.edit_of(&upload).await?.ok_or(UploadError::NotActive(upload.state))?;
        if stored.asked != edit.asked {
            return Err(UploadError::PiecesTaken);
        }
        let version = upload.version;
        if upload.finished.is_some() {
            return Ok(PiecesSet { version, missing: Vec::new() });
        }
        self.copy_ranges(&upload, &stored).await?;
        let Gathered { parts, .. } = self.gathered(&upload).await?;
        let here: BTreeSet<u32> = parts.iter().map(|part| part.index).collect();
        let count = stored.asked.parts_count();
        Ok(PiecesSet {
            version,
            missing: (0..count).filter(|index| !here.contains(index)).collect(),
        })
    }

    /// Returns the version that visitors see, if it is this one and its parts consist of whole clusters.
    async fn source(
        &self,
        upload: &Upload,
        version: u32,
    ) -> Result<Option<KeptSource>, UploadError> {
        let served = self.served(upload).await?;
        match served {
            Some(served) if served.version == version && served.version < upload.version => {
                self.source_of(&served).await
            }
            Some(_) | None => Ok(None),
        }
    }

    async fn source_of(&self, served: &Upload) -> Result<Option<KeptSource>, UploadError> {
        let Some(finished) = &served.finished else { return Ok(None) };
        if finished.assembly != Assembly::Mapped {
            return Ok(None);
        }
        let (session, revision) = (served.session_id, served.revision);
        if let Some(parts) = self.known_parts.get(session, revision) {
            return Ok(Some(KeptSource { session, parts }));
        }
        let parts = self.db.parts_from(session, 0).await?.into_iter();
        let parts = parts.filter(|part| part.index < finished.parts_total);
        let parts: BTreeMap<_, _> = parts.map(|part| (part.index, part)).collect();
        let parts = Arc::new(parts);
        // A greater version is shown since `served` was read, and the sweeper was here.
        if parts.len() == finished.parts_total as usize {
            self.known_parts.put(session, revision, Arc::clone(&parts));
        }
        Ok(Some(KeptSource { session, parts }))
    }

    /// Returns the header of a version.
    async fn init_of(&self, source: &KeptSource) -> Result<Option<Vec<u8>>, UploadError> {
        let edit = self.db.edit(source.session).await?;
        if let Some(init) = edit.as_deref().and_then(VersionEdit::read).and_then(|edit| edit.init())
        {
            return Ok(Some(init));
        }
        let Some(first) = source.parts.get(&0).filter(|first| !first.is_damaged) else {
            return Ok(None);
        };
        let Layout::Clusters { init: Some(init), .. } = &first.layout else { return Ok(None) };
        let init = self.storage.read_range(&first.object_key, 0..init.len_bytes).await?;
        Ok(Some(init.to_vec()))
    }

    /// Copies the ranges of parts that are kept in part. A range whose bytes are other ones, and those
    /// behind the limit of one request, are sent by the client.
    async fn copy_ranges(&self, upload: &Upload, edit: &VersionEdit) -> Result<(), UploadError> {
        let Some(source) = self.source_named(edit).await? else { return Ok(()) };
        let here = self.db.part_indices(upload.session_id).await?;
        let asked = asked_parts(&edit.asked, Some(&source));
        let wanted = asked.into_iter().filter_map(|AskedPart { index, shift_ms, keep, .. }| {
            let keep = keep?;
            let part = source.parts.get(&keep.chunk_index)?;
            let is_wanted = !is_whole(&keep, part)
                && !part.is_damaged
                && part.layout != Layout::Opaque
                && here.binary_search(&index).is_err();
            is_wanted.then(|| (index, part.clone(), keep, shift_ms))
        });
        let wanted: Vec<_> = wanted.take(COPIES_MAX).collect();
        stream::iter(wanted.into_iter().map(Ok))
            .try_for_each_concurrent(COPIES_AT_ONCE, |(index, part, keep, shift_ms)| async move {
                self.copy_range(upload, index, &part, &keep, shift_ms).await
            })
            .await
    }

    async fn copy_range(
        &self,
        upload: &Upload,
        index: u32,
        part: &StoredPart,
        keep: &AskedBytes,
        shift_ms: i64,
    ) -> Result<(), UploadError> {
        let bytes = match self.storage.read_range(&part.object_key, keep.range.clone()).await {
            // A greater version was finished meanwhile, and the sweeper was here.
            Err(error) if error.is_missing() => return Ok(()),
            bytes => bytes?,
        };
        let copy = bytes.clone();
        let (sha256, layout) =
            blocking(move || (<[u8; 32]>::from(Sha256::digest(&copy)), parts::layout(&copy))).await;
        if keep.sha256 != sha256 || !can_move(&layout, shift_ms) {
            return Ok(());
        }
        let mut writer = self.storage.writer(Some((upload.session_id.0, index)));
        writer.write(bytes).await?;
        let written = writer.finish().await?;
        let key = written.key.clone();
        let copied = StoredPart {
            index,
            object_key: written.key,
            size_bytes: written.size_bytes,
            sha256: written.sha256,
            layout,
            row_bytes: 0,
            is_damaged: false,
            shift_ms: 0,
        };
        let (limits, now_ms) = (&self.rules.limits, self.clock.now_ms());
        let origin = PartOrigin::Copied;
        let stored = self.db.put_part(upload.session_id, &copied, origin, limits, now_ms).await;
        match stored {
            Ok(PartStored::Stored { replaced, .. }) => {
                for replaced in &replaced {
                    self.discard(replaced).await;
                }
                Ok(())
            }
            Ok(PartStored::Closed) => {
                self.discard(&key).await;
                // Finalized by the same request of before, or superseded: the caller looks again.
                Ok(())
            }
            Ok(PartStored::Over(over)) => {
                self.discard(&key).await;
                Err(self.over(upload.user_id, over).await)
            }
            Err(error) => {
                self.discard_unnamed(&key).await;
                Err(error.into())
            }
        }
    }

    /// Returns the version that a stored list keeps pieces of, if it is still the one that visitors see.
    async fn source_named(&self, edit: &VersionEdit) -> Result<Option<KeptSource>, UploadError> {
        let Some(from) = edit.from() else { return Ok(None) };
        let served = self.db.upload(from).await?;
        match served.filter(|served| !served.removed && served.finished.is_some()) {
            Some(served) => self.source_of(&served).await,
            None => Ok(None),
        }
    }

    /// Returns the parts of an upload, with those that it keeps of an earlier version. A part of its own
    /// counts before the one that is kept.
    pub(super) async fn gathered(&self, upload: &Upload) -> Result<Gathered, UploadError> {
        let mut parts = self.db.parts_from(upload.session_id, 0).await?;
        let Some(edit) = self.edit_of(upload).await? else {
            let kept = KeptParts::default();
            return Ok(Gathered { parts, kept, init: None, pieces: None });
        };
        let source = self.source_named(&edit).await?;
        let mut used = BTreeSet::new();
        let mut own: BTreeMap<u32, StoredPart> =
            parts.drain(..).map(|part| (part.index, part)).collect();
        let mut kept = KeptParts { from: edit.from(), ..KeptParts::default() };
        for AskedPart { index, shift_ms, keep, .. } in asked_parts(&edit.asked, source.as_ref()) {
            if let Some(mut part) = own.remove(&index) {
                part.shift_ms = shift_ms;
                kept.shifts.push((index, shift_ms));
                parts.push(part);
                continue;
            }
            let (Some(keep), Some(source)) = (&keep, &source) else { continue };
            let Some(part) = source.parts.get(&keep.chunk_index) else { continue };
            if !is_whole(keep, part)
                || part.is_damaged
                || keep.sha256 != part.sha256
                || used.contains(&keep.chunk_index)
            {
                continue;
            }
            let Some(mut part) = self.movable(source.session, part.clone(), shift_ms).await? else {
                continue;
            };
            used.insert(keep.chunk_index);
            kept.keep(&part, index, shift_ms);
            (part.index, part.shift_ms) = (index, shift_ms);
            parts.push(part);
        }
        let pieces = edit.asked.parts_count();
        Ok(Gathered { parts, kept, init: edit.init(), pieces: Some(pieces) })
    }

    /// Returns the part if its clusters can be shown at another time. A part that was stored before it was
    /// noted where their times stand is looked at again, once.
    async fn movable(
        &self,
        session: SessionId,
        mut part: StoredPart,
        shift_ms: i64,
    ) -> Result<Option<StoredPart>, UploadError> {
        if can_move(&part.layout, shift_ms) {
            return Ok(Some(part));
        }
        let Layout::Clusters { clusters, .. } = &part.layout else { return Ok(None) };
        if clusters.iter().all(|cluster| cluster.head_bytes().is_some()) {
            return Ok(None);
        }
        let bytes = match self.storage.read(&part.object_key).await {
            Err(error) if error.is_missing() => return Ok(None),
            bytes => bytes?,
        };
        part.layout = blocking(move || parts::layout(&bytes)).await;
        if !can_move(&part.layout, shift_ms) {
            return Ok(None);
        }
        self.db.set_layout(session, &part).await?;
        self.known_parts.forget(session);
        Ok(Some(part))
    }

    /// Makes the captions of a version from those of the version that it replaces. An upload without a list
    /// of pieces may show anything, so it gets none.
    pub(super) async fn captions_for(
        &self,
        upload: &Upload,
    ) -> Result<Option<(ProductName, NewProduct)>, UploadError> {
        let Some(edit) = self.edit_of(upload).await? else { return Ok(None) };
        let name = &CAPTIONS.name;
        let Some(served) = self.served(upload).await?.filter(|served| served.has(name)) else {
            return Ok(None);
        };
        if upload.has(name) || served.version >= upload.version {
            return Ok(None);
        }
        let Some(captions) = self.product(served.session_id, &CAPTIONS).await? else {
            return Ok(None);
        };
        let from =
            self.edit_of(&served).await?.map_or_else(ShownTimes::default, |edit| edit.times());
        let end_ms = served.finished.as_ref().map_or(0, |finished| finished.duration_ms);
        let text = match self.storage.read(&captions.object_key).await {
            Err(error) if error.is_missing() => return Ok(None),
            text => text?,
        };
        let moved = blocking(move || {
            moved_captions(&String::from_utf8_lossy(&text), &from, end_ms, &edit.times())
        })
        .await;
        let mut writer = self.storage.product_writer(upload.session_id.0, name.as_str());
        writer.write(moved.into()).await?;
        let written = writer.finish().await?;
        let product = NewProduct {
            object_key: written.key,
            size_bytes: written.size_bytes,
            sha256: written.sha256,
            media: None,
            changes_video: false,
        };
        Ok(Some((name.clone(), product)))
    }
}

/// Checks the kept ranges: each is a whole part, or whole clusters of one, no byte is kept twice, the first
/// frame of each needs none that was cut, and no time is before the beginning.
fn check(asked: &[AskedPart], source: &KeptSource) -> Result<(), UploadError> {
    let mut ranges: Vec<(u32, u64, u64, u32)> = Vec::new();
    let mut before: Option<(&AskedBytes, i64)> = None;
    for AskedPart { piece: index, shift_ms, keep, .. } in asked {
        let (index, shift_ms) = (*index, *shift_ms);
        let wrong = |reason| Err(UploadError::Piece { index, reason });
        let last = std::mem::take(&mut before);
        let Some(keep) = keep else { continue };
        let Some(part) = source.parts.get(&keep.chunk_index) else { continue };
        let Layout::Clusters { clusters, .. } = &part.layout else { continue };
        let kept = &keep.range;
        if kept.end > part.size_bytes {
            return wrong("the range is larger than the part");
        }
        let inside = clusters.iter().filter(|at| {
            let range = at.range();
            range.start < kept.end && range.end > kept.start
        });
        let (mut first, mut end) = (None, None);
        for cluster in inside {
            first = first.or(Some(*cluster));
            end = Some(cluster.range().end);
        }
        let Some(first) = first else { return wrong("the range holds no cluster") };
        let begins = kept.start == 0 || kept.start == first.range().start;
        let begins = begins && first.range().start >= kept.start;
        let ends = end.is_some_and(|end| end == kept.end || kept.end == part.size_bytes);
        if !begins || !ends || end.is_some_and(|end| end > kept.end) {
            return wrong("the range doesn't begin and end at borders of clusters");
        }
        let continues = last.is_some_and(|(last, last_shift_ms)| {
            let last_bytes = source.parts.get(&last.chunk_index).map(|part| part.size_bytes);
            let is_next_part = last.chunk_index + 1 == keep.chunk_index
                && Some(last.range.end) == last_bytes
                && kept.start <= first.range().start
                && clusters.first() == Some(&first);
            let is_next_range =
                last.chunk_index == keep.chunk_index && last.range.end == kept.start;
            last_shift_ms == shift_ms && (is_next_part || is_next_range)
        });
        if !continues && !first.cluster().starts_with_keyframe {
            return wrong("the range doesn't begin with a keyframe");
        }
        if first.start_ms().checked_add_signed(shift_ms).is_none() {
            return wrong("shiftMs leads to a time before the beginning");
        }
        ranges.push((keep.chunk_index, kept.start, kept.end, index));
        before = Some((keep, shift_ms));
    }
    ranges.sort_unstable();
    let overlap = ranges.windows(2).find(|two| two[0].0 == two[1].0 && two[0].2 > two[1].1);
    match overlap {
        Some(two) => {
            Err(UploadError::Piece { index: two[1].3, reason: "the range is kept by two pieces" })
        }
        None => Ok(()),
    }
}

fn is_whole(keep: &AskedBytes, part: &StoredPart) -> bool {
    keep.range == (0..part.size_bytes)
}

/// Returns the parts that a list asks for, those of a run one by one. A run whose bytes the source doesn't have is
/// sent, as is everything without a source.
fn asked_parts(asked: &PiecesRequest, source: Option<&KeptSource>) -> Vec<AskedPart> {
    let mut parts = Vec::with_capacity(asked.parts_count() as usize);
    for (piece, (first, it)) in (0..).zip(asked.indexed()) {
        let shift_ms = it.shift_ms;
        let mut push = |offset: u32, keep: Option<AskedBytes>| {
            parts.push(AskedPart { index: first + offset, piece, shift_ms, keep });
        };
        let keep = it.keep.as_ref().and_then(|keep| Some((keep, digest_of_hex(&keep.sha256)?)));
        match keep {
            Some((keep, sha256)) if keep.more_parts == 0 => {
                let (chunk_index, range) = (keep.chunk_index, keep.start..keep.end);
                push(0, Some(AskedBytes { chunk_index, range, sha256 }));
            }
            Some((keep, sha256)) => {
                let run = keep.chunk_index..keep.chunk_index.saturating_add(it.parts_count());
                let found: Vec<&StoredPart> = source
                    .map(|source| source.parts.range(run).map(|(_, part)| part).collect())
                    .unwrap_or_default();
                let size_bytes: u64 = found.iter().map(|part| part.size_bytes).sum();
                let is_same = found.len() == it.parts_count() as usize
                    && size_bytes == keep.end
                    && run_digest(found.iter().map(|part| &part.sha256)) == sha256;
                for offset in 0..it.parts_count() {
                    let part = found.get(offset as usize).filter(|_| is_same);
                    let keep = part.map(|part| AskedBytes {
                        chunk_index: part.index,
                        range: 0..part.size_bytes,
                        sha256: part.sha256,
                    });
                    push(offset, keep);
                }
            }
            None => (0..it.parts_count()).for_each(|offset| push(offset, None)),
        }
    }
    parts
}

/// Returns whether all clusters of a part can be shown at another time.
fn can_move(layout: &Layout, shift_ms: i64) -> bool {
    let Layout::Clusters { clusters, .. } = layout else { return false };
    shift_ms == 0
        || clusters.iter().all(|cluster| {
            cluster.head_bytes().is_some()
                && cluster.start_ms().checked_add_signed(shift_ms).is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use snaplark_api::hex;
    use snaplark_api::{KeptBytes, VersionPiece};
    use snaplark_cloud_data::layout::{ClusterAt, InitAt};

    /// A part of 10 bytes of init and three clusters of 20, of which the second has no keyframe.
    fn source() -> KeptSource {
        let part = |index: u32, init: Option<InitAt>| {
            let from = init.as_ref().map_or(0, |init| init.len_bytes);
            let start_ms = u64::from(index) * 6_000;
            let cluster = |number: u64| {
                let (at, ms) = (from + number * 20, start_ms + number * 2_000);
                ClusterAt(at, 20, ms, ms + 2_000, u8::from(number != 1))
            };
            let layout = Layout::Clusters { init, clusters: (0..3).map(cluster).collect() };
            let part = StoredPart {
                index,
                object_key: String::new(),
                size_bytes: from + 60,
                sha256: [0; 32],
                layout,
                row_bytes: 0,
                is_damaged: false,
                shift_ms: 0,
            };
            (index, part)
        };
        let init = InitAt { len_bytes: 10, tracks: String::new(), codecs: String::new() };
        let parts = [part(0, Some(init)), part(1, None)];
        let parts = Arc::new(parts.into_iter().collect());
        KeptSource { session: SessionId(uuid::Uuid::nil()), parts }
    }

    fn checked(pieces: &[(u32, u64, u64, i64)]) -> Option<(u32, &'static str)> {
        let piece = |&(chunk_index, start, end, shift_ms): &(u32, u64, u64, i64)| VersionPiece {
            keep: Some(KeptBytes {
                chunk_index,
                start,
                end,
                sha256: "00".repeat(32),
                more_parts: 0,
            }),
            shift_ms,
        };
        let pieces = pieces.iter().map(piece).collect();
        let asked = PiecesRequest { from_version: 1, pieces, ..PiecesRequest::default() };
        let source = source();
        match check(&asked_parts(&asked, Some(&source)), &source) {
            Ok(()) => None,
            Err(UploadError::Piece { index, reason }) => Some((index, reason)),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn kept_ranges_are_whole_clusters_that_need_none_that_was_cut() {
        for fine in [
            &[(0, 0, 70, 0), (1, 0, 60, 0)][..],
            &[(0, 10, 70, 0)],
            &[(0, 0, 30, 0), (0, 50, 70, -2_000)],
            // The second cluster has no keyframe, and follows the first.
            &[(0, 10, 30, 0), (0, 30, 70, 0)],
            &[(1, 0, 20, -6_000), (0, 0, 70, 2_000)],
            // A part that isn't there is sent.
            &[(7, 3, 4, 0)],
        ] {
            assert_eq!(checked(fine), None, "{fine:?}");
        }
        for (wrong, index, word) in [
            (&[(0, 0, 71, 0)][..], 0, "larger"),
            (&[(0, 11, 70, 0)], 0, "borders"),
            (&[(0, 5, 70, 0)], 0, "borders"),
            (&[(0, 0, 69, 0)], 0, "borders"),
            (&[(0, 0, 10, 0)], 0, "no cluster"),
            (&[(0, 10, 10, 0)], 0, "no cluster"),
            (&[(0, 50, 30, 0)], 0, "no cluster"),
            (&[(0, 30, 70, 0)], 0, "keyframe"),
            (&[(0, 10, 30, 0), (0, 30, 70, 1)], 1, "keyframe"),
            (&[(1, 0, 60, -6_001)], 0, "before"),
            (&[(0, 0, 50, 0), (1, 0, 60, 0), (0, 10, 30, 9_000)], 2, "two pieces"),
        ] {
            let (at, reason) = checked(wrong).expect("refused");
            assert!(at == index && reason.contains(word), "{wrong:?}: {at} {reason}");
        }
    }

    #[test]
    fn run_is_kept_only_if_all_of_its_parts_are_the_ones_that_it_names() {
        let source = source();
        let run = |end, sha256: [u8; 32], more_parts| {
            let sha256 = hex(&sha256);
            let keep = Some(KeptBytes { end, sha256, more_parts, ..KeptBytes::default() });
            let pieces = vec![VersionPiece { keep, shift_ms: 0 }];
            PiecesRequest { pieces, ..PiecesRequest::default() }
        };
        let digest = run_digest([&[0; 32], &[0; 32]]);
        let kept =
            |asked: &PiecesRequest, source: Option<&KeptSource>| -> Vec<Option<Range<u64>>> {
                let parts = asked_parts(asked, source).into_iter();
                parts.map(|it| it.keep.map(|keep| keep.range)).collect()
            };
        assert_eq!(kept(&run(130, digest, 1), Some(&source)), [Some(0..70), Some(0..60)]);
        assert_eq!(kept(&run(130, digest, 1), None), [None, None], "without a source");
        assert_eq!(kept(&run(131, digest, 1), Some(&source)), [None, None], "another size");
        assert_eq!(kept(&run(130, [0; 32], 1), Some(&source)), [None, None], "other bytes");
        assert_eq!(kept(&run(130, digest, 2), Some(&source)), [None, None, None], "too many");
    }
}
