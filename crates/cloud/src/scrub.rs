//! Bit rot: reads what is stored, slowly and again and again, and holds it against the digests of
//! when it came.
//!
//! A part that is not what came is marked: from then on its video is served without it, or not at
//! all, until its owner sends it again (`uploads`). What was made of a video is simply made again.
//! Only bytes that differ or are not there count as damage; a storage that does not answer is
//! asked again later.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::db::{Lease, Upload};
use crate::jobs::{LEASE_MS, LOOK, keep};
use crate::storage::StorageError;
use crate::uploads::{UploadError, Uploads};

/// Beside people who watch and record. A terabyte takes a day and a half.
const BYTES_PER_SECOND: u64 = 8 * 1024 * 1024;
/// Of a storage that does not answer.
const RETRY_MS: i64 = 60 * 60 * 1000;
/// Videos read from the database at once.
const PAGE: u32 = 100;

/// What is not what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub video_id: String,
    /// Its part's number, or the name of what was made of it.
    pub piece: String,
    pub object_key: String,
    pub kind: DamageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    Gone,
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

/// How much was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    pub videos: u64,
    pub objects: u64,
    pub bytes: u64,
    pub damages: Vec<Damage>,
}

/// Looks at each video when its time has come.
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

/// Looks at one video, if one is due.
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
        // Another worker has it.
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
            // Also what was found before the storage stopped to answer.
            scrubbed.damages.iter().for_each(|damage| tracing::error!("Damaged: {damage}"));
            looked
        }
        // The sweeper takes the job along.
        None => Ok(()),
    }
}

/// Everything at once, as fast as it can be read.
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
        uploads.metrics.scrubbed_bytes.inc_by(part.size_bytes);
        // What changed while it was read is another part, and a fresh one.
        if let Some(kind) = damage.filter(|_| changed || part.is_damaged) {
            let piece = format!("part {}", part.index);
            scrubbed.damages.push(named(piece, &part.object_key, kind));
        }
    }
    for product in db.products(session).await? {
        scrubbed.objects += 1;
        scrubbed.bytes += product.size_bytes;
        let Some(kind) = check(&product.object_key, &product.sha256).await? else { continue };
        let piece = product.kind.name().to_owned();
        scrubbed.damages.push(named(piece, &product.object_key, kind));
        if db.make_again(session, &product, uploads.clock.now_ms()).await? {
            uploads.discard(&product.object_key).await;
        }
    }
    Ok(())
}
