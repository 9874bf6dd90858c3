//! Hands the parts of an upload to ffmpeg while they arrive, until the upload is finished.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use snaplark_api::VideoState;
use snaplark_cloud_data::db::{Db, DbError, Lane, SessionId, StoredPart, Upload};
use snaplark_cloud_data::layout::Layout;
use snaplark_cloud_data::storage::Storage;
use snaplark_formats::sniff::MediaKind;
use snaplark_formats::webm::Scan;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::error::JobError;
use super::mp4::{GAP_MS_MAX, STANDS_STILL};
use crate::media_map::MediaMap;
use crate::pieces::stream_pieces;

/// The interval between two looks for new parts. Other nodes receive parts too, and don't notify this one.
/// It is part of how far behind a recording its stream is.
const LOOK: Duration = Duration::from_millis(500);
/// A recording of which nothing arrives for this long keeps no worker from another that waits: its recorder is
/// paused or offline.
pub const QUIET_MAX: Duration = Duration::from_secs(120);
/// The longest pause after which the stream goes on where it was. Afterwards it is made from its beginning on, which
/// takes long where the recording is long.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// A job that has followed a recording for hours isn't given up because the database is away for a moment.
const DATABASE_AWAY_MAX: Duration = Duration::from_secs(60);

const NOT_FOLLOWED: JobError = JobError::Refused("its times can't be read while it arrives");

/// An upload whose parts are still arriving.
#[derive(Debug)]
pub(crate) struct GrowingUpload<'a> {
    pub(crate) session: SessionId,
    pub(crate) media: MediaKind,
    pub(crate) db: &'a Db,
    pub(crate) storage: &'a Storage,
}

impl GrowingUpload<'_> {
    /// Writes the parts in order, as soon as each is here. Returns when the upload was finished, or when
    /// the reader wants no more.
    pub(crate) async fn feed(&self, into: &mut (impl AsyncWrite + Unpin)) -> Result<(), JobError> {
        let mut next = 0;
        let mut scan = Scan::new();
        let mut heard = Instant::now();
        let mut away_since = None;
        loop {
            let (upload, parts) = match self.look(next).await {
                Ok(found) => found,
                Err(error) => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > DATABASE_AWAY_MAX {
                        return Err(error.into());
                    }
                    let session = self.session;
                    tracing::warn!(%error, %session, "A recording can't be followed for now");
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            };
            away_since = None;
            let upload = upload.ok_or(JobError::Gone)?;
            if upload.removed || upload.state == VideoState::Expired {
                return Err(JobError::Gone);
            }
            let total = upload.finished.map(|finished| finished.parts_total);
            for part in parts {
                if part.index != next || Some(next) == total {
                    break;
                }
                if part.is_damaged {
                    return Err(JobError::Video("a part of it is damaged".to_owned()));
                }
                let mut map = MediaMap::default();
                if let (0, Layout::Clusters { init: Some(init), .. }) = (next, &part.layout) {
                    map.push_object(&part.object_key, 0..init.len_bytes);
                }
                map.push_media(&part);
                let map = Arc::new(map);
                let pieces = map.pieces(0..map.len_bytes());
                let mut bytes = std::pin::pin!(stream_pieces(self.storage, pieces));
                while let Some(bytes) = bytes.next().await {
                    let bytes = bytes?;
                    let before_ms = scan.latest_ms();
                    scan.push(&bytes).map_err(|_| NOT_FOLLOWED)?;
                    if scan.latest_ms().saturating_sub(before_ms) > GAP_MS_MAX {
                        return Err(STANDS_STILL);
                    }
                    scan.take_joints();
                    // ffmpeg's exit status says why it wants no more.
                    if into.write_all(&bytes).await.is_err() {
                        return Ok(());
                    }
                }
                next += 1;
                heard = Instant::now();
            }
            if total.is_some_and(|total| next >= total) {
                return Ok(());
            }
            let quiet = heard.elapsed();
            if is_given_up(quiet, quiet > QUIET_MAX && self.others_wait().await) {
                return Err(JobError::Quiet);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns whether another stream waits for a worker.
    async fn others_wait(&self) -> bool {
        let streams = super::of_lane(Lane::Streams, true);
        // A database that is away is reported by the next look at the upload.
        self.db.has_waiting(&streams).await.unwrap_or(false)
    }

    /// Returns the upload, and its parts from `next` on.
    async fn look(&self, next: u32) -> Result<(Option<Upload>, Vec<StoredPart>), DbError> {
        let upload = self.db.upload(self.session).await?;
        Ok((upload, self.db.parts_from(self.session, next).await?))
    }
}

/// Returns whether a stream is given up of whose recording nothing has arrived for so long.
fn is_given_up(quiet: Duration, others_wait: bool) -> bool {
    quiet > PAUSE_MAX || (quiet > QUIET_MAX && others_wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_ends_a_stream_only_where_others_wait_or_after_an_hour() {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        assert!(!is_given_up(minutes(1), true) && !is_given_up(minutes(59), false));
        assert!(is_given_up(minutes(3), true) && is_given_up(minutes(61), false));
    }
}
