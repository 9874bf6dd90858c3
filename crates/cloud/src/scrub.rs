//! Finds bit rot: reads all stored bytes again and again, slowly, and compares them with the digests
//! from when they arrived.
//!
//! A part that differs is marked as damaged. From then on its video is served without it, or not at
//! all, until its owner sends the part again (`uploads`). Damaged products are simply created again.
//! Only different or missing bytes count as damage; if the storage does not answer, it is read again
//! later.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::jobs::{LEASE_MS, LOOK, keep};
use crate::uploads::{UploadError, Uploads};
use snaplark_cloud_data::db::{Lease, Upload};
use snaplark_cloud_data::storage::StorageError;

/// The reading speed, low enough not to disturb viewers and uploads. A terabyte takes a day and a
/// half.
const BYTES_PER_SECOND: u64 = 8 * 1024 * 1024;
/// The delay before another try if the storage does not answer.
const RETRY_MS: i64 = 60 * 60 * 1000;
/// The number of videos that are read from the database at once.
const PAGE: u32 = 100;

/// An object that differs from what was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The video in its link.
    pub video_id: String,
    /// The number of the part, or the name of the product.
    pub piece: String,
    /// The key of the object.
    pub object_key: String,
    /// The problem.
    pub kind: DamageKind,
}

/// The way in which an object differs from what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The object does not exist.
    Gone,
    /// The object has another digest.
    OtherBytes,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Damage { video_id, piece, object_key, kind } = self;
        let what = match kind {
            DamageKind::Gone => "is gone",
            DamageKind::OtherBytes => "has other bytes than came",
        };
        write!(f, "video {video_id}, {piece} {what}: {object_key}")
    }
}

/// The result of a check of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Videos that were read.
    pub videos: u64,
    /// Objects that were read.
    pub objects: u64,
    /// The bytes of these objects.
    pub bytes: u64,
    /// The damage that was found.
    pub damages: Vec<Damage>,
}

/// Checks each video when it is due.
pub async fn run(uploads: Arc<Uploads>, every_ms: i64, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match next(&uploads, every_ms, &stop).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "Looking for damage waits for the database"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Checks one video, if one is due. Returns whether there was one.
async fn next(
    uploads: &Uploads,
    every_ms: i64,
    stop: &CancellationToken,
) -> Result<bool, UploadError> {
    let now_ms = uploads.clock.now_ms();
    let Some(lease) = uploads.db.claim_scrub(now_ms, now_ms + LEASE_MS).await? else {
        return Ok(false);
    };
    let looked = tokio::select! {
        looked = look(uploads, &lease) => looked,
        // Another worker has taken over the job.
        () = keep(uploads, &lease) => return Ok(true),
        () = stop.cancelled() => {
            uploads.db.give_up(&lease, "the server was stopped", Some(now_ms)).await?;
            return Ok(false);
        }
    };
    match looked {
        Ok(()) => uploads.db.put_back(&lease, uploads.clock.now_ms() + every_ms).await?,
        Err(error) => {
            let session = lease.session_id.to_string();
            tracing::warn!(session, %error, "A video could not be read to look for damage");
            let retry_ms = uploads.clock.now_ms() + RETRY_MS;
            uploads.db.give_up(&lease, &error.to_string(), Some(retry_ms)).await?;
        }
    }
    Ok(true)
}

async fn look(uploads: &Uploads, lease: &Lease) -> Result<(), UploadError> {
    let upload = uploads.db.upload(lease.session_id).await?;
    match upload.filter(|upload| uploads.is_there(upload)) {
        Some(upload) => {
            let mut scrubbed = Scrubbed::default();
            let looked = video(uploads, &upload, Some(BYTES_PER_SECOND), &mut scrubbed).await;
            // Also logs what was found before the storage stopped answering.
            scrubbed.damages.iter().for_each(|damage| tracing::error!("Damaged: {damage}"));
            looked
        }
        // The sweeper deletes the job of a removed video.
        None => Ok(()),
    }
}

/// Checks everything at once, as fast as it can be read.
pub async fn all(uploads: &Uploads) -> Result<Scrubbed, UploadError> {
    let mut scrubbed = Scrubbed::default();
    let mut behind = None;
    loop {
        let page = uploads.db.finished_uploads(behind, PAGE).await?;
        let Some(last) = page.last() else { return Ok(scrubbed) };
        behind = Some(last.session_id);
        for upload in &page {
            video(uploads, upload, None, &mut scrubbed).await?;
        }
    }
}

async fn video(
    uploads: &Uploads,
    upload: &Upload,
    bytes_per_second: Option<u64>,
    scrubbed: &mut Scrubbed,
) -> Result<(), UploadError> {
    let (db, session) = (&uploads.db, upload.session_id);
    scrubbed.videos += 1;
    let named = |piece: String, object_key: &str, kind| {
        let video_id = upload.video_id.to_string();
        Damage { video_id, piece, object_key: object_key.to_owned(), kind }
    };
    let check = async |key: &str, came: &[u8; 32]| -> Result<Option<DamageKind>, StorageError> {
        Ok(match uploads.storage.sha256(key, bytes_per_second).await? {
            None => Some(DamageKind::Gone),
            Some(is) => (is != *came).then_some(DamageKind::OtherBytes),
        })
    };
    for part in db.parts_from(session, 0).await? {
        let damage = check(&part.object_key, &part.sha256).await?;
        let damaged_ms = damage.map(|_| uploads.clock.now_ms());
        let changed = db.set_damaged(session, &part, damaged_ms).await?;
        scrubbed.objects += 1;
        scrubbed.bytes += part.size_bytes;
        uploads.metrics.scrubbed(part.size_bytes);
        // A part that was replaced while it was read is new, and not damaged.
        if let Some(kind) = damage.filter(|_| changed || part.is_damaged) {
            let piece = format!("part {}", part.index);
            scrubbed.damages.push(named(piece, &part.object_key, kind));
        }
    }
    for product in db.products(session).await? {
        scrubbed.objects += 1;
        scrubbed.bytes += product.size_bytes;
        let Some(kind) = check(&product.object_key, &product.sha256).await? else { continue };
        // One that was replaced or removed while it was read isn't damaged: a stream's facts go with a
        // damaged piece.
        let current = db.product(session, &product.name).await?;
        if current.is_none_or(|current| current.object_key != product.object_key) {
            continue;
        }
        let piece = product.name.as_str().to_owned();
        scrubbed.damages.push(named(piece, &product.object_key, kind));
        for key in db.make_again(session, &product, uploads.clock.now_ms()).await? {
            uploads.discard(&key).await;
        }
    }
    Ok(())
}
