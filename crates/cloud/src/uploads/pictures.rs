//! Screenshots: uploads with one part, which is cleaned of its metadata before anybody can see it.
//!
//! A picture whose id the client chose may be sent again: the same version with the same bytes changes
//! nothing, and a greater version replaces the picture behind the link (`rows/versions`). What is
//! compared are the cleaned bytes, since cleaning gives the same result each time.

use bytes::Bytes;
use snaplark_formats::images;
use snaplark_formats::metadata::{self, PictureError};
use snaplark_formats::sniff::MediaKind;

use super::maps::blocking;
use super::{FINALIZE_TRIES_MAX, FinalizeAsk, IMAGE_HEAD_BYTES, UploadError, Uploads};
use crate::guesses::{GuessError, Guesses};
use crate::rate::Allowance;
use snaplark_cloud_data::db::{Bucket, NewUpload, Opened, SessionId, Upload, UserId, VideoId};
use snaplark_cloud_data::storage::Written;

/// The number of pictures that are cleaned at once, each of another user. Each takes twice its size, so
/// up to 50 MB.
pub(super) const CLEANING_MAX: usize = 2;
/// A user may send this many times as many pictures at once as one upload may send parts a second, and then
/// as many a second.
const PICTURES_OF_USER: u32 = 6;
/// Ten times the pixels of a current screen. An image that unpacks to gigabytes is a decompression
/// bomb.
const PIXELS_MAX: u64 = 64 * 1024 * 1024;
/// The pieces in which a cleaned picture is written.
const WRITE_BYTES: usize = 256 * 1024;

impl Uploads {
    /// Puts a picture behind its link. `written` is the object as it was received; in the end either a
    /// part names it or its cleaned copy, or it is deleted.
    pub async fn put_picture(
        &self,
        new: &NewUpload,
        written: Written,
        sha256_claimed: Option<[u8; 32]>,
    ) -> Result<Upload, UploadError> {
        if sha256_claimed.is_some_and(|claimed| claimed != written.sha256) {
            self.discard(&written.key).await;
            return Err(UploadError::DigestMismatch);
        }
        let written = match self.admit_version(new).await {
            Ok(()) => self.cleaned(new.user_id, written).await?,
            Err(error) => {
                self.discard(&written.key).await;
                return Err(error);
            }
        };
        let key = written.key.clone();
        let stored = self.put_cleaned(new, written).await;
        self.discard_unnamed(&key).await;
        stored
    }

    /// Checks, before its bytes are accepted, that a user may send a picture: a limit for all of a user's
    /// pictures together, and the space that is left. `known` is the id and version that the client
    /// named.
    pub async fn admit_picture(
        &self,
        guesses: &Guesses,
        user: UserId,
        known: Option<(VideoId, u32)>,
    ) -> Result<(), UploadError> {
        let limit = self.rate.per_second();
        let refill_ms = 1000 / i64::from(limit);
        // Below the clock's resolution there is effectively no limit.
        if refill_ms > 0 {
            let bucket = Bucket { size: limit.saturating_mul(PICTURES_OF_USER), refill_ms };
            match guesses.take(&[(format!("pictures {}", user.0), bucket)]).await {
                Ok(()) => {}
                Err(GuessError::TooMany { retry_after_s }) => {
                    self.metrics.too_fast();
                    let retry_after_s = Some(retry_after_s);
                    let allowance = Allowance { limit, remaining: 0, retry_after_s };
                    return Err(UploadError::TooFast(allowance));
                }
                Err(GuessError::Db(error)) => return Err(error.into()),
            }
        }
        let served = match known {
            Some((video, _)) => self.behind_link(video).await?,
            None => None,
        };
        let served = served.filter(|served| {
            served.user_id == user && served.finished.is_some() && !served.removed
        });
        let (mut used, limits) = self.usage(user).await?;
        if let (Some(served), Some((_, version))) = (&served, known) {
            if served.version == version {
                // It is here already, and only its answer was lost.
                return Ok(());
            }
            // A new version fits where the old one was.
            used.stored_bytes = used.stored_bytes.saturating_sub(served.stored_bytes);
        }
        match limits.used_up_for_another(used, self.clock.now_ms()) {
            Some(over) => Err(self.over(user, over).await),
            None => Ok(()),
        }
    }

    /// Limits how often one picture may be replaced, as the parts of a video are limited.
    async fn admit_version(&self, new: &NewUpload) -> Result<(), UploadError> {
        let Some(id) = new.recording_id else { return Ok(()) };
        let allowance = self.rate.take(SessionId(id), self.clock.now_ms()).await?;
        if allowance.retry_after_s.is_some() {
            self.metrics.too_fast();
            return Err(UploadError::TooFast(allowance));
        }
        Ok(())
    }

    async fn put_cleaned(&self, new: &NewUpload, written: Written) -> Result<Upload, UploadError> {
        let (now_ms, sha256) = (self.clock.now_ms(), written.sha256);
        let opened =
            self.db.open_upload(new, &self.rules.limits, now_ms, self.idle_since_ms()).await?;
        let (upload, is_opened) = match opened {
            Opened::New(upload) => {
                self.metrics.upload_created();
                (*upload, true)
            }
            Opened::Known(upload) => (*upload, false),
            Opened::Taken => return Err(UploadError::RecordingTaken),
            Opened::Newer(version) => return Err(UploadError::NewerVersion(version)),
            Opened::Unproven => return Err(UploadError::Unproven),
            Opened::TooFar(version_max) => return Err(UploadError::VersionTooFar(version_max)),
            Opened::Over(over) => return Err(self.over(new.user_id, over).await),
        };
        if !upload.media.is_image() {
            return Err(UploadError::RecordingTaken);
        }
        let stored = async {
            // The same bytes again are acknowledged, and repair what was damaged here.
            self.receive(&upload, 0, written, None).await?;
            let finished = self.finalize_picture(&upload).await?;
            match self.db.part(upload.session_id, 0).await? {
                Some(part) if part.sha256 == sha256 => Ok(finished),
                Some(_) | None => Err(UploadError::VersionTaken),
            }
        };
        let stored = match stored.await {
            Ok(finished) => Ok(finished),
            Err(error) => Err(self.picture_failed(new, &upload, is_opened, error).await?),
        };
        // A greater version and a failure leave bytes behind.
        if new.version > 1 || stored.is_err() {
            self.sweep_link(upload.video_id).await;
        }
        stored
    }

    async fn finalize_picture(&self, upload: &Upload) -> Result<Upload, UploadError> {
        let ask = FinalizeAsk { parts_total: 1, uploaded: vec![0], ..FinalizeAsk::default() };
        for _ in 1..FINALIZE_TRIES_MAX {
            match self.finalize(upload.user_id, upload.session_id, &ask).await {
                // The same request came twice at once, and the other's object is the part by now.
                Err(UploadError::Storage(error)) if error.is_missing() => {}
                finished => return finished,
            }
        }
        self.finalize(upload.user_id, upload.session_id, &ask).await
    }

    /// Cleans up after a failure, and returns its reason: a greater version or other bytes may have won
    /// while this one was on its way.
    async fn picture_failed(
        &self,
        new: &NewUpload,
        upload: &Upload,
        is_opened: bool,
        error: UploadError,
    ) -> Result<UploadError, UploadError> {
        let own = self.db.upload(upload.session_id).await?;
        if is_opened && own.is_some_and(|own| own.is_open()) {
            self.db.remove(upload.session_id, self.clock.now_ms()).await?;
        }
        let Some(served) = self.behind_link(upload.video_id).await? else { return Ok(error) };
        let is_newer = served.finished.is_some() && !served.removed && served.version > new.version;
        Ok(match error {
            UploadError::Busy
            | UploadError::NotFound
            | UploadError::NotActive(_)
            | UploadError::VersionTaken
                if is_newer =>
            {
                UploadError::NewerVersion(served.version)
            }
            UploadError::NotActive(_) => UploadError::VersionTaken,
            error => error,
        })
    }

    /// Returns the object without its metadata: the same one, if there is none to remove.
    async fn cleaned(&self, user: UserId, written: Written) -> Result<Written, UploadError> {
        let key = written.key.clone();
        let cleaned = self.try_cleaned(user, written).await;
        if !cleaned.as_ref().is_ok_and(|cleaned| cleaned.key == key) {
            self.discard(&key).await;
        }
        cleaned
    }

    async fn try_cleaned(&self, user: UserId, written: Written) -> Result<Written, UploadError> {
        if written.size_bytes == 0 {
            return Err(UploadError::Empty);
        }
        let _turn = self.cleaning.take(user).await;
        let bytes = self.storage.read(&written.key).await?;
        shown_size(&bytes[..bytes.len().min(IMAGE_HEAD_BYTES as usize)])?;
        let received = bytes.clone();
        let clean = blocking(move || metadata::without_metadata(&received)).await;
        let clean = clean.map_err(|error| match error {
            PictureError::Unknown => UploadError::OtherKind(MediaKind::Png),
            PictureError::Cut => UploadError::Unreadable("it ends early"),
            PictureError::Malformed => UploadError::Unreadable("it is not well formed"),
        })?;
        if clean == bytes {
            return Ok(written);
        }
        drop(bytes);
        let mut writer = self.storage.image_writer();
        let clean = Bytes::from(clean);
        for at in (0..clean.len()).step_by(WRITE_BYTES) {
            writer.write(clean.slice(at..clean.len().min(at + WRITE_BYTES))).await?;
        }
        Ok(writer.finish().await?)
    }

    /// Deletes an object, unless a part names it.
    pub(super) async fn discard_unnamed(&self, key: &str) {
        match self.db.has_object(key).await {
            Ok(true) => {}
            Ok(false) => self.discard(key).await,
            // The sweeper finds it.
            Err(error) => tracing::warn!(%error, key, "An object could not be looked up"),
        }
    }
}

/// Returns the width and height at which the picture is shown, by its first bytes. Returns an error if it
/// gives no size, or too large a one.
pub(super) fn shown_size(head: &[u8]) -> Result<(u32, u32), UploadError> {
    let size = images::image_size(head).filter(|(width, height)| {
        (1..=PIXELS_MAX).contains(&(u64::from(*width) * u64::from(*height)))
    });
    let (width, height) =
        size.ok_or(UploadError::Unreadable("it gives no size, or too large a one"))?;
    Ok(if metadata::is_turned(head) { (height, width) } else { (width, height) })
}
