//! Trims the ends of a finished video on the server: the next version keeps what is between them, and
//! nothing is sent.
//!
//! Cuts are at borders of clusters that begin with a keyframe, further inside than asked: nothing that a
//! person wanted cut stays. The app cuts to the frame.

use sha2::{Digest, Sha256};
use snaplark_api::{KeptBytes, PieceRuns, PiecesRequest, VersionPiece};

use super::{FinalizeAsk, UploadError, Uploads};
use crate::policy::VERSIONS_TRIED_MAX;
use snaplark_api::hex;
use snaplark_cloud_data::db::{Assembly, NewUpload, SessionId, StoredPart, Upload, UserId};
use snaplark_cloud_data::layout::ClusterAt;

/// The clusters of a part that stay, by their places in it.
struct KeptClusters<'a> {
    part: &'a StoredPart,
    /// The first cluster as it is stored.
    first: ClusterAt,
    last: ClusterAt,
    is_whole: bool,
}

impl Uploads {
    /// Publishes the next version of a video, which shows what is between two times of this one.
    pub async fn trim(
        &self,
        user: UserId,
        session: SessionId,
        from_ms: u64,
        to_ms: u64,
    ) -> Result<Upload, UploadError> {
        let upload = self.own_version(user, session).await?;
        let is_mapped = |upload: &Upload| {
            upload.finished.as_ref().is_some_and(|it| it.assembly == Assembly::Mapped)
        };
        if !is_mapped(&upload) || upload.parts_damaged > 0 {
            return Err(UploadError::NotTrimmable);
        }
        let parts_total = upload.finished.as_ref().map_or(0, |finished| finished.parts_total);
        let mut parts = self.db.parts_from(session, 0).await?;
        parts.retain(|part| part.index < parts_total);
        let Some((kept, from_ms, to_ms)) = kept(&parts, from_ms, to_ms) else {
            return Err(UploadError::NotTrimmable);
        };
        let edit = self.edit_of(&upload).await?.unwrap_or_default();
        let mut pieces = PieceRuns::default();
        for kept in &kept {
            let (part, range) = (kept.part, kept.first.range().start..kept.last.range().end);
            let (range, sha256) = if kept.is_whole {
                (0..part.size_bytes, part.sha256)
            } else {
                let bytes = self.storage.read_range(&part.object_key, range.clone()).await?;
                (range, Sha256::digest(&bytes).into())
            };
            let keep = KeptBytes {
                chunk_index: part.index,
                start: range.start,
                end: range.end,
                sha256: hex(&sha256),
                more_parts: 0,
            };
            let shift_ms = part.shift_ms.saturating_sub_unsigned(from_ms);
            pieces
                .push(VersionPiece { keep: Some(keep), shift_ms }, kept.is_whole.then_some(sha256));
        }
        let asked = PiecesRequest {
            from_version: upload.version,
            times: edit.times().within(from_ms, to_ms),
            chapters: edit.asked.chapters,
            pieces: pieces.finish(),
        };
        self.publish(&upload, asked).await
    }

    /// Publishes a version that only keeps pieces. A number that another publisher has taken is skipped.
    async fn publish(&self, upload: &Upload, asked: PiecesRequest) -> Result<Upload, UploadError> {
        let metadata = self.db.metadata(upload.session_id).await?;
        let parts_total = asked.parts_count();
        for next in 1..=VERSIONS_TRIED_MAX {
            let new = NewUpload {
                user_id: upload.user_id,
                recording_id: Some(upload.video_id.0),
                version: upload.version.saturating_add(next),
                media: upload.media,
                filename: upload.filename.clone(),
                width: upload.width,
                height: upload.height,
                fps: 0,
                metadata: metadata.clone(),
                may_replace: true,
            };
            let version = self.init(&new).await?;
            let session = version.session_id;
            match self.set_pieces(upload.user_id, session, asked.clone()).await {
                Ok(set) if set.missing.is_empty() => {}
                Ok(_) => return Err(UploadError::NotTrimmable),
                Err(UploadError::PiecesTaken) => continue,
                Err(error) => return Err(error),
            }
            let ask = FinalizeAsk { parts_total, ..FinalizeAsk::default() };
            return self.finalize(upload.user_id, session, &ask).await;
        }
        Err(UploadError::Busy)
    }
}

/// Returns what stays of the parts, from the first cluster with a keyframe at or after `from_ms` to the last
/// that ends by `to_ms`, with the times of both. Returns `None` if nothing stays, or all of it.
fn kept(
    parts: &[StoredPart],
    from_ms: u64,
    to_ms: u64,
) -> Option<(Vec<KeptClusters<'_>>, u64, u64)> {
    let begins = parts
        .iter()
        .flat_map(StoredPart::clusters)
        .find(|cluster| cluster.start_ms() >= from_ms && cluster.cluster().starts_with_keyframe)?;
    let (from_ms, mut end_ms) = (begins.start_ms(), 0);
    let mut kept = Vec::new();
    let mut is_all = true;
    for part in parts {
        let inside: Vec<ClusterAt> =
            part.clusters().filter(|it| it.start_ms() >= from_ms && it.end_ms() <= to_ms).collect();
        let is_whole = inside.len() == part.clusters().count();
        is_all &= is_whole;
        let (Some(first), Some(last)) = (inside.first(), inside.last()) else { continue };
        end_ms = end_ms.max(last.end_ms());
        kept.push(KeptClusters { part, first: *first, last: *last, is_whole });
    }
    (!kept.is_empty() && !is_all).then_some((kept, from_ms, end_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use snaplark_cloud_data::layout::Layout;

    /// Two parts of three clusters of two seconds; the second cluster of each has no keyframe.
    fn parts() -> Vec<StoredPart> {
        let part = |index: u32| {
            let cluster = |number: u64| {
                let ms = u64::from(index) * 6_000 + number * 2_000;
                ClusterAt(number * 20, 20, ms, ms + 2_000, u8::from(number != 1))
            };
            StoredPart {
                index,
                object_key: String::new(),
                size_bytes: 60,
                sha256: [0; 32],
                layout: Layout::Clusters { init: None, clusters: (0..3).map(cluster).collect() },
                row_bytes: 0,
                is_damaged: false,
                shift_ms: 0,
            }
        };
        vec![part(0), part(1)]
    }

    #[test]
    fn trim_keeps_whole_clusters_inside_of_the_times() {
        let parts = parts();
        for (asked, times, ranges) in [
            ((1, 12_000), (4_000, 12_000), &[(0, 40..60), (1, 0..60)][..]),
            ((4_000, 11_999), (4_000, 10_000), &[(0, 40..60), (1, 0..40)]),
            ((0, 6_000), (0, 6_000), &[(0, 0..60)]),
            ((5_000, 99_000), (6_000, 12_000), &[(1, 0..60)]),
        ] {
            let (kept, from_ms, to_ms) = kept(&parts, asked.0, asked.1).unwrap();
            assert_eq!((from_ms, to_ms), times, "{asked:?}");
            let range = |it: &KeptClusters<'_>| it.first.range().start..it.last.range().end;
            let found: Vec<_> = kept.iter().map(|it| (it.part.index, range(it))).collect();
            assert_eq!(found, ranges, "{asked:?}");
            assert!(kept.iter().all(|it| it.is_whole == (range(it) == (0..60))));
        }
        for nothing in [(0, 12_000), (0, 1_000), (11_000, 12_000), (8_000, 4_000)] {
            assert!(kept(&parts, nothing.0, nothing.1).is_none(), "{nothing:?}");
        }
    }
}
