//! The sweeper: expires what nobody sends to any more, and deletes the bytes that nothing will
//! serve: of expired and removed uploads, and blobs whose row never came (a crash in between).
//!
//! Rows go first, blobs after: a crash in between leaves a blob without a row, which the next
//! round finds. Never touches a blob that has a row.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::uploads::{UploadError, Uploads};

const ROUND: Duration = Duration::from_secs(10 * 60);
/// A blob gets its row within seconds; after this long without one it is an orphan.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);
/// Rows deleted in one transaction: others wait for it.
const BATCH: u32 = 500;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub expired: u64,
    pub objects: u64,
    pub orphans: u64,
}

pub async fn run(uploads: Arc<Uploads>, soon: Arc<Notify>, stop: CancellationToken) {
    loop {
        match sweep(&uploads).await {
            Ok(swept) if swept != Swept::default() => tracing::info!(?swept, "Swept"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "Sweeping stopped half way; it goes on next time"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = soon.notified() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

pub async fn sweep(uploads: &Uploads) -> Result<Swept, UploadError> {
    let mut swept = Swept {
        expired: uploads.db.expire_idle(uploads.idle_since_ms()).await?,
        ..Swept::default()
    };
    loop {
        let keys = uploads.db.forget_dead_parts(BATCH).await?;
        if keys.is_empty() {
            break;
        }
        swept.objects += keys.len() as u64;
        for key in keys {
            uploads.discard(&key).await;
        }
    }
    swept.orphans = orphans(uploads).await?;
    Ok(swept)
}

async fn orphans(uploads: &Uploads) -> Result<u64, UploadError> {
    // By the disk's clock, as the objects' own times are.
    let before = SystemTime::now().checked_sub(ORPHAN_AGE).unwrap_or(SystemTime::UNIX_EPOCH);
    let before_ms = before
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let mut orphans = uploads.storage.delete_staged(before).await?;
    let mut objects = uploads.storage.list();
    while let Some(object) = objects.next().await {
        let object = object?;
        if object.modified_ms < before_ms && !uploads.db.has_object(&object.key).await? {
            uploads.discard(&object.key).await;
            orphans += 1;
        }
    }
    Ok(orphans)
}
