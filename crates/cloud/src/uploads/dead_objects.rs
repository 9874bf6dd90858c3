//! Deletes objects whose rows say that they are no longer needed. The sweeper does it in its rounds, and who replaces
//! a version does it at once.

use snaplark_cloud_data::db::VideoId;

use super::{UploadError, Uploads};

/// The number of rows that one transaction deletes. Other writers wait for it.
pub(crate) const DEAD_OBJECTS_BATCH: u32 = 500;

impl Uploads {
    /// Deletes what was removed under one link, without a round over everything. Returns whether nothing of it
    /// is left; the next round deletes the rest.
    pub async fn sweep_link(&self, video: VideoId) -> bool {
        let swept = async {
            loop {
                let keys = self.db.dead_objects_of(video, DEAD_OBJECTS_BATCH).await?;
                if keys.is_empty() {
                    return Ok::<_, UploadError>(());
                }
                self.delete_dead(keys).await?;
            }
        };
        let swept = swept.await;
        if let Err(error) = &swept {
            tracing::warn!(%error, "What was replaced is deleted later");
        }
        swept.is_ok()
    }

    /// Deletes objects, then their rows. Returns how many there were.
    pub(crate) async fn delete_dead(&self, keys: Vec<String>) -> Result<u64, UploadError> {
        let (mut deleted, mut failed) = (Vec::new(), None);
        for key in keys {
            match self.storage.delete(&key).await {
                Ok(()) => deleted.push(key),
                Err(error) => failed = Some(error),
            }
        }
        self.db.forget_objects(&deleted).await?;
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(deleted.len() as u64),
        }
    }
}
