//! The sweeper: expires idle uploads, and deletes bytes that will never be served: those of expired
//! and removed uploads, and blobs without a row (left by a crash in between).
//!
//! The bytes of a dead upload are deleted first, then their rows: after a crash in between, or while the
//! storage is away, the next round deletes them again. A blob whose row is alive is never deleted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::accounts::TOKEN_IDLE_MS;
use crate::clock::Clock;
use crate::uploads::{DEAD_OBJECTS_BATCH as BATCH, UploadError, Uploads};

const ROUND: Duration = Duration::from_secs(10 * 60);
/// The wait after a round that failed: a database that was busy or away is back within seconds.
const RETRY: Duration = Duration::from_secs(5);
/// A blob gets its row within seconds. One without a row for this long is an orphan.
const ORPHAN_MS: i64 = 60 * 60 * 1000;
/// The number of objects that one round checks. At this rate a million objects take a day and a half.
const LOOKED_AT: usize = 5_000;
/// The name of the checkpoint at which the next round continues.
const ORPHANS: &str = "orphans";

/// For how long the link of a removed or expired video says what happened to it. After that its row
/// is deleted.
const DEAD_MS: i64 = 90 * QUIET_MS;
/// The time for which a bucket is kept after its last use. The largest one is full again by then.
const QUIET_MS: i64 = 24 * 60 * 60 * 1000;
/// Audit log entries are kept for a year.
const AUDIT_MS: i64 = 365 * QUIET_MS;

/// The numbers of what one round expired and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads that were idle for too long.
    pub expired: u64,
    /// Objects whose rows said that they are no longer needed.
    pub objects: u64,
    /// Objects without a row.
    pub orphans: u64,
}

/// Sweeps at intervals, and when it is asked to, until `stop`.
pub async fn run(uploads: Arc<Uploads>, soon: Arc<Notify>, stop: CancellationToken) {
    loop {
        let wait = match sweep(&uploads).await {
            Ok(swept) if swept != Swept::default() => {
                tracing::info!(?swept, "Swept");
                ROUND
            }
            Ok(_) => ROUND,
            Err(error) => {
                tracing::warn!(%error, "Sweep failed; retrying soon");
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = soon.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Runs one round.
pub async fn sweep(uploads: &Uploads) -> Result<Swept, UploadError> {
    uploads.db.remove_uploads_of_deleted(uploads.clock.now_ms()).await?;
    let mut swept = Swept {
        expired: uploads.db.expire_idle(uploads.idle_since_ms()).await?,
        ..Swept::default()
    };
    loop {
        let keys = uploads.db.dead_objects(BATCH).await?;
        if keys.is_empty() {
            break;
        }
        swept.objects += uploads.delete_dead(keys).await?;
    }
    uploads.db.mark_all_kept().await?;
    let now_ms = uploads.clock.now_ms();
    while uploads.db.forget_dead_uploads(now_ms - DEAD_MS, BATCH).await? == u64::from(BATCH) {}
    let token_ms = now_ms - TOKEN_IDLE_MS;
    uploads.db.forget_over(now_ms, now_ms - QUIET_MS, now_ms - AUDIT_MS, token_ms).await?;
    swept.orphans = orphans(uploads).await?;
    Ok(swept)
}

/// Checks the next section of all objects, so that a large bucket is not listed completely in each
/// round.
async fn orphans(uploads: &Uploads) -> Result<u64, UploadError> {
    // The disk's clock, which also sets the objects' modification times.
    let now_ms = Clock::system().now_ms();
    let after = uploads.db.mark(ORPHANS).await?.unwrap_or_default();
    let page = uploads.storage.page(&after, LOOKED_AT).await?;
    let mut orphans = 0;
    for object in &page {
        let is_old = object.modified_ms < now_ms - ORPHAN_MS;
        if is_old && !uploads.db.has_object(&object.key).await? {
            uploads.discard(&object.key).await;
            orphans += 1;
        }
    }
    let last = page.last().filter(|_| page.len() == LOOKED_AT);
    uploads.db.set_mark(ORPHANS, last.map_or("", |object| &object.key)).await?;
    Ok(orphans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::PartRate;
    use crate::uploads::Rules;
    use bytes::Bytes;
    use snaplark_cloud_data::db::{Db, NewUpload};
    use snaplark_cloud_data::storage::Storage;
    use std::fs::File;
    use std::path::Path;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::SystemTime;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    fn objects(folder: &Path) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { found.extend(objects(&path)) } else { found.push(path) }
        }
        found
    }

    #[tokio::test]
    async fn orphans_go_when_they_are_old_and_parts_when_their_upload_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("objects");
        std::fs::create_dir(&kept).unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let user = db.user_named("a@example.com", 0).await.unwrap();
        let now_ms = Arc::new(AtomicI64::new(DAY_MS * 10));
        let told = Arc::clone(&now_ms);
        let clock = Clock::new(move || told.load(Ordering::SeqCst));
        let storage = Storage::local(&kept).unwrap();
        let rate = PartRate::new(10, &db);
        let rules = Rules { idle_ms_max: DAY_MS, ..Rules::default() };
        let uploads = Uploads::new(db, storage, clock, rate, rules);

        let new = NewUpload {
            user_id: user,
            recording_id: None,
            version: 1,
            media: snaplark_formats::sniff::MediaKind::Webm,
            filename: "a".to_owned(),
            width: 1,
            height: 1,
            fps: 1,
            metadata: "{}".to_owned(),
            may_replace: false,
        };
        let upload = uploads.init(&new).await.unwrap();
        let mut writer = uploads.storage.writer(Some((upload.session_id.0, 0)));
        writer.write(Bytes::from_static(b"\x1A\x45\xDF\xA3 and more")).await.unwrap();
        let written = writer.finish().await.unwrap();
        uploads.receive(&upload, 0, written, None).await.unwrap();
        // Crashes between blob and row, and in the middle of a blob: two old files and two fresh
        // ones.
        for name in ["old.webm", "old.webm#1", "fresh.webm", "fresh.webm#1"] {
            std::fs::write(kept.join(name), "x").unwrap();
        }
        let old = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
        for path in objects(&kept) {
            if !path.to_string_lossy().contains("fresh") {
                File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
            }
        }
        let swept = sweep(&uploads).await.unwrap();
        assert_eq!(swept, Swept { expired: 0, objects: 0, orphans: 2 });
        assert_eq!(objects(&kept).len(), 3, "the part and what is fresh");

        // The storage is away when the upload is dead: a folder that isn't empty can't be deleted as a file.
        now_ms.fetch_add(DAY_MS + 1, Ordering::SeqCst);
        let key = &uploads.db.parts_from(upload.session_id, 0).await.unwrap()[0].object_key;
        let (file, aside) = (kept.join(key), folder.path().join("aside"));
        std::fs::rename(&file, &aside).unwrap();
        std::fs::create_dir_all(file.join("in the way")).unwrap();
        assert!(sweep(&uploads).await.is_err());
        std::fs::remove_dir_all(&file).unwrap();
        std::fs::rename(&aside, &file).unwrap();

        let swept = sweep(&uploads).await.unwrap();
        assert_eq!(swept, Swept { expired: 0, objects: 1, orphans: 0 });
        assert_eq!(objects(&kept).len(), 2);
        assert_eq!(sweep(&uploads).await.unwrap(), Swept::default());

        let has_row = async || uploads.db.upload(upload.session_id).await.unwrap().is_some();
        assert!(has_row().await, "its link says that it has expired");
        now_ms.fetch_add(DEAD_MS, Ordering::SeqCst);
        sweep(&uploads).await.unwrap();
        assert!(!has_row().await);
    }
}
