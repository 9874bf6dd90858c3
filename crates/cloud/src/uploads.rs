//! The lifecycle of an upload: what may happen to it, and in which order. This is the core of the
//! server, without HTTP.
//!
//! A part is handled in this order: blob durable -> row -> answer. The row names the blob, so a crash
//! at any point leaves either the old part or the new one, and at most a blob without a row, which
//! the sweeper deletes. Finalize reads rows and one header and writes one row, however long the video
//! is.
//!
//! Length: the states of an upload, one method for each step.

mod dead_objects;
mod direct;
mod error;
mod follow;
mod maps;
mod pictures;
mod queries;
mod trim;
mod versions;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use snaplark_api::{VideoState, limits};
use snaplark_formats::mp4::{self, Mp4Error};
use snaplark_formats::sniff::MediaKind;
use tokio::sync::Semaphore;

use crate::audit::{self, AuditAction};
use crate::clock::Clock;
use crate::media_map::{self, MediaMap, PieceSource};
use crate::metrics::{self, Metrics, NoMetrics};
use crate::parts;
use crate::products::{self, CAPTIONS, FinalizedVideo, Mp4Height, Mp4Mode, StreamHeights};
use crate::rate::{Allowance, PartRate};
use crate::staging::{Staged, Staging};
use crate::turns::Turns;
use snaplark_cloud_data::db::{
    Admission, Assembly, Bucket, Db, Finalization, Finished, Listing, NewProduct, NewUpload,
    Opened, PartOrigin, PartStored, ProductName, SessionId, StoredPart, Upload, UserId, VideoId,
    VideoQuery,
};
use snaplark_cloud_data::layout::Layout;
use snaplark_cloud_data::quotas::{self, Limits, Over, Usage};
use snaplark_cloud_data::storage::{Storage, Written};

pub(crate) use dead_objects::DEAD_OBJECTS_BATCH;
pub use direct::{Announced, DIRECT_BYTES_MAX};
pub use error::UploadError;
pub use maps::Watchable;
pub use queries::NotReady;
pub use versions::PiecesSet;

use follow::Follows;
use maps::{BuiltMap, Mapped, Maps, blocking};
use versions::{Gathered, KnownParts};

/// The number of parts that are read back for indexing at once. Each has up to 10 MB.
const INDEXING_MAX: usize = 4;
/// The number of times that finalize starts over because a part arrived while it was working. A
/// client that keeps sending parts during finalize is refused.
const FINALIZE_TRIES_MAX: usize = 5;
/// Limits how often the audit log records that a user was refused because of the same limit.
const NOTED: Bucket = Bucket { size: 1, refill_ms: 60 * 60 * 1000 };

/// Large enough for the header of any recorder's WebM.
const HEADER_BYTES: u64 = 64 * 1024;
/// The number of bytes of an image that are read to find its size. In a JPEG the size may come after
/// the camera's metadata and an embedded thumbnail.
const IMAGE_HEAD_BYTES: u64 = 256 * 1024;

/// The core of the server: all operations on uploads.
#[derive(Debug)]
pub struct Uploads {
    pub(crate) db: Db,
    /// The objects.
    pub storage: Storage,
    /// The time, which tests move.
    pub clock: Clock,
    /// The counters of the server.
    pub metrics: Arc<dyn Metrics>,
    rate: PartRate,
    rules: Rules,
    indexing: Semaphore,
    cleaning: Turns,
    staging: Staging,
    maps: Maps,
    known_parts: KnownParts,
    follows: Follows,
}

/// The operator's settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// An open upload that is idle for longer expires.
    pub idle_ms_max: i64,
    /// The limits on what a user stores and sends.
    pub limits: Limits,
    /// The interval between two checks of a video's parts.
    pub scrub_ms_every: i64,
    /// When H.264 is made of recordings.
    pub mp4: Mp4Mode,
    /// The heights among which players of a stream may choose.
    pub heights: StreamHeights,
    /// Whether owners may have it counted how far their videos are watched.
    pub counts_watching: bool,
}

/// The result of storing a part.
#[derive(Clone, Copy, Debug)]
pub struct PartReceived {
    /// How many parts the server has now.
    pub parts_received: u32,
}

/// A finalize request.
#[derive(Clone, Debug, Default)]
pub struct FinalizeAsk {
    /// How many parts the client says that there are.
    pub parts_total: u32,
    /// The indices that the client has sent, where it lists them.
    pub uploaded: Vec<u32>,
    /// Replaces the name that init gave.
    pub filename: Option<String>,
    /// Used only if the media itself doesn't give a duration.
    pub duration_hint_ms: u64,
}

impl Uploads {
    /// Puts the core together, without metrics.
    pub fn new(db: Db, storage: Storage, clock: Clock, rate: PartRate, rules: Rules) -> Self {
        let metrics: Arc<dyn Metrics> = Arc::new(NoMetrics);
        let indexing = Semaphore::new(INDEXING_MAX);
        let (cleaning, staging) = (Turns::new(pictures::CLEANING_MAX), Staging::default());
        let (maps, follows) = (Maps::new(), Follows::default());
        Uploads {
            db,
            storage,
            clock,
            metrics,
            rate,
            rules,
            indexing,
            cleaning,
            staging,
            maps,
            known_parts: KnownParts::default(),
            follows,
        }
    }

    /// Returns when H.264 is made of recordings.
    pub fn mp4_mode(&self) -> Mp4Mode {
        self.rules.mp4
    }

    /// Returns the heights of the streams of this video.
    pub fn stream_heights(&self, upload: &Upload) -> Vec<Mp4Height> {
        self.rules.heights.of_video(upload.height)
    }

    fn planned_streams(&self, upload: &Upload, is_finished: bool) -> Vec<&'static ProductName> {
        let heights = self.stream_heights(upload);
        products::planned_streams(self.rules.mp4, &heights, upload.media, is_finished)
    }

    /// Creates an upload, or returns the one that this recording already has.
    pub async fn init(&self, new: &NewUpload) -> Result<Upload, UploadError> {
        let now_ms = self.clock.now_ms();
        let limits = &self.rules.limits;
        if let Some(id) = new.recording_id.filter(|_| new.version > 1) {
            // A video is no version of a picture.
            let served = self.behind_link(VideoId(id)).await?;
            if served.is_some_and(|served| served.media.is_image()) {
                return Err(UploadError::RecordingTaken);
            }
        }
        match self.db.open_upload(new, limits, now_ms, self.idle_since_ms()).await? {
            Opened::New(upload) => {
                self.metrics.upload_created();
                Ok(*upload)
            }
            Opened::Known(upload) => Ok(*upload),
            Opened::Taken => Err(UploadError::RecordingTaken),
            Opened::Newer(version) => Err(UploadError::NewerVersion(version)),
            Opened::Unproven => Err(UploadError::Unproven),
            Opened::TooFar(version_max) => Err(UploadError::VersionTooFar(version_max)),
            Opened::Over(over) => Err(self.over(new.user_id, over).await),
        }
    }

    /// Returns an upload that belongs to `user` and still exists.
    pub async fn own(&self, user: UserId, session: SessionId) -> Result<Upload, UploadError> {
        match self.db.upload(session).await? {
            Some(upload) if upload.user_id == user && self.is_there(&upload) => Ok(upload),
            Some(_) | None => Err(UploadError::NotFound),
        }
    }

    /// Returns the upload behind a link, whoever asks.
    pub async fn behind_link(&self, video: VideoId) -> Result<Option<Upload>, UploadError> {
        Ok(self.db.upload_of_video(video).await?)
    }

    /// Returns whether the upload still exists for visitors and owner: it was neither removed nor
    /// has it expired.
    pub fn is_there(&self, upload: &Upload) -> bool {
        let idle = upload.active_ms < self.idle_since_ms();
        !upload.removed && upload.state != VideoState::Expired && !(upload.is_open() && idle)
    }

    /// Checks, before a part's bytes are accepted, that the upload exists, that the rate limit allows
    /// the part, and that the user has space left.
    pub async fn admit(
        &self,
        user: UserId,
        session: SessionId,
        index: u32,
    ) -> Result<(Upload, Allowance), UploadError> {
        let upload = self.own(user, session).await?;
        let allowance = self.rate.take(session, self.clock.now_ms()).await?;
        if allowance.retry_after_s.is_some() {
            self.metrics.too_fast();
            return Err(UploadError::TooFast(allowance));
        }
        let (used, limits) = self.usage(user).await?;
        if let Some(over) = limits.used_up(used, self.clock.now_ms())
            // The part is already here and only its answer was lost, so it takes no more space.
            && self.db.part(session, index).await?.is_none()
        {
            return Err(self.over(user, over).await);
        }
        Ok((upload, allowance))
    }

    /// Checks, before its bytes are accepted, that another upload of this user may begin.
    pub async fn admit_another(&self, user: UserId) -> Result<(), UploadError> {
        let (used, limits) = self.usage(user).await?;
        match limits.used_up_for_another(used, self.clock.now_ms()) {
            Some(over) => Err(self.over(user, over).await),
            None => Ok(()),
        }
    }

    /// Checks, before an upload begins, that a file of this size can be stored for the user.
    pub async fn admit_file(&self, new: &NewUpload, file_bytes: u64) -> Result<(), UploadError> {
        let user = new.user_id;
        let known = match new.recording_id {
            Some(id) => self.behind_link(VideoId(id)).await?,
            None => None,
        };
        let (used, limits) = self.usage(user).await?;
        if let Some(bytes_max) = limits.video_bytes.filter(|max| file_bytes > *max) {
            return Err(self.over(user, Over::Video { bytes_max }).await);
        }
        // What is here of it already takes no more space.
        let here_bytes = known.map_or(0, |upload| upload.stored_bytes);
        let stored_bytes = used.stored_bytes.saturating_sub(here_bytes);
        match limits.storage_bytes.filter(|max| stored_bytes.saturating_add(file_bytes) > *max) {
            Some(bytes_max) => {
                Err(self.over(user, Over::Storage { stored_bytes, bytes_max }).await)
            }
            None => Ok(()),
        }
    }

    /// Begins to count bytes of a user that are on their way.
    pub async fn stage(&self, user: UserId) -> Result<Staged, UploadError> {
        let (used, limits) = self.usage(user).await?;
        let left_bytes = limits.storage_bytes.map(|max| max.saturating_sub(used.stored_bytes));
        Ok(self.staging.begin(user, left_bytes))
    }

    /// Counts every refusal, but writes the audit log only once an hour, because a waiting client
    /// asks again and again.
    async fn over(&self, user: UserId, over: Over) -> UploadError {
        self.metrics.refused(over);
        let name = format!("refused {} {}", over.name(), user.0);
        match self.db.take(&name, NOTED, self.clock.now_ms()).await {
            Ok(Admission::One { .. }) => {
                self.note(user, AuditAction::UploadRefused, ("", over.name())).await;
            }
            Ok(Admission::None { .. }) => {}
            Err(error) => return error.into(),
        }
        UploadError::Over(over)
    }

    async fn note(&self, user: UserId, action: AuditAction, what: (&str, &str)) {
        audit::note(&self.db, &self.clock, Some(user), action, what).await;
    }

    /// Returns the user's usage as of today, and the limits.
    pub async fn usage(&self, user: UserId) -> Result<(Usage, Limits), UploadError> {
        let (used, own) = self.db.usage(user).await?;
        Ok((used.on(quotas::day(self.clock.now_ms())), self.rules.limits.of(own)))
    }

    /// Changes an upload announced as WebM to MP4 if its first part begins like an MP4.
    pub async fn tell_media(
        &self,
        upload: &mut Upload,
        index: u32,
        written: &Written,
    ) -> Result<(), UploadError> {
        if index > 0
            || upload.media != MediaKind::Webm
            || !upload.is_open()
            || written.size_bytes == 0
        {
            return Ok(());
        }
        let head = 0..written.size_bytes.min(parts::SNIFF_BYTES as u64);
        let head = self.storage.read_range(&written.key, head).await?;
        if parts::is_mp4(&head) {
            upload.media = MediaKind::Mp4;
            self.db.set_media(upload.session_id, upload.media).await?;
        }
        Ok(())
    }

    /// Records a durable object as a part. In the end either a part names the object, or it is
    /// deleted.
    pub async fn receive(
        &self,
        upload: &Upload,
        index: u32,
        written: Written,
        sha256_claimed: Option<[u8; 32]>,
    ) -> Result<PartReceived, UploadError> {
        let key = written.key.clone();
        let received = self.receive_object(upload, index, written, sha256_claimed).await;
        if received.is_err() {
            self.discard(&key).await;
        }
        received
    }

    async fn receive_object(
        &self,
        upload: &Upload,
        index: u32,
        written: Written,
        sha256_claimed: Option<[u8; 32]>,
    ) -> Result<PartReceived, UploadError> {
        if sha256_claimed.is_some_and(|claimed| claimed != written.sha256) {
            return Err(UploadError::DigestMismatch);
        }
        if written.size_bytes == 0 {
            return Err(UploadError::Empty);
        }
        if !upload.is_open() {
            return self.receive_again(upload, index, &written).await;
        }
        let layout =
            if upload.media != MediaKind::Webm || written.size_bytes > limits::PART_BYTES_MAX {
                let head = 0..written.size_bytes.min(parts::SNIFF_BYTES as u64);
                let head = self.storage.read_range(&written.key, head).await?;
                if !parts::may_be_part(upload.media, index, &head) {
                    return Err(UploadError::OtherKind(upload.media));
                }
                Layout::Opaque
            } else {
                let _turn = self.indexing.acquire().await.expect("the semaphore is never closed");
                let bytes = self.storage.read(&written.key).await?;
                let head = &bytes[..bytes.len().min(parts::SNIFF_BYTES)];
                if !parts::may_be_part(upload.media, index, head) {
                    return Err(UploadError::NotWebm);
                }
                parts::layout(&bytes)
            };
        let Written { key: object_key, size_bytes, sha256 } = written;
        let part = StoredPart {
            index,
            object_key,
            size_bytes,
            sha256,
            layout,
            row_bytes: 0,
            is_damaged: false,
            shift_ms: 0,
        };
        let (limits, now_ms, sent) = (&self.rules.limits, self.clock.now_ms(), PartOrigin::Sent);
        match self.db.put_part(upload.session_id, &part, sent, limits, now_ms).await? {
            PartStored::Stored { parts_received, replaced } => {
                // Nobody watches a later version before it is finished.
                if (index, upload.version) == (0, 1) {
                    for stream in self.planned_streams(upload, false) {
                        self.db.enqueue(upload.session_id, stream, now_ms).await?;
                    }
                }
                for key in &replaced {
                    self.discard(key).await;
                }
                self.metrics.part_stored(size_bytes);
                Ok(PartReceived { parts_received })
            }
            PartStored::Closed => {
                let upload = self.own(upload.user_id, upload.session_id).await?;
                Err(UploadError::NotActive(upload.state))
            }
            PartStored::Over(over) => Err(self.over(upload.user_id, over).await),
        }
    }

    /// Handles a part that comes again after the video was finalized: the answer to the first was
    /// lost, or the owner repairs a part that was damaged here. The same bytes are acknowledged
    /// again, other bytes are refused.
    async fn receive_again(
        &self,
        upload: &Upload,
        index: u32,
        written: &Written,
    ) -> Result<PartReceived, UploadError> {
        match self.db.part(upload.session_id, index).await? {
            Some(part) if part.sha256 == written.sha256 => {
                let session = upload.session_id;
                let mended =
                    part.is_damaged && self.db.mend_part(session, &part, &written.key).await?;
                self.discard(if mended { &part.object_key } else { &written.key }).await;
                if mended {
                    let (video, index) = (upload.video_id.to_string(), index.to_string());
                    self.note(upload.user_id, AuditAction::PartMended, (&video, &index)).await;
                    tracing::info!(%session, index, "A damaged part was repaired by a new upload of it");
                }
                let parts_received = self.db.parts_received(upload.session_id).await?;
                Ok(PartReceived { parts_received })
            }
            Some(_) | None => Err(UploadError::NotActive(upload.state)),
        }
    }

    /// Deletes an object that no row names. If that fails, the sweeper deletes it later.
    pub async fn discard(&self, key: &str) {
        if let Err(error) = self.storage.delete(key).await {
            tracing::warn!(%error, key, "An object that is not needed could not be deleted yet");
        }
    }

    /// Finalizes the upload into a video. The same request again gets the same answer.
    pub async fn finalize(
        &self,
        user: UserId,
        session: SessionId,
        ask: &FinalizeAsk,
    ) -> Result<Upload, UploadError> {
        for _ in 0..FINALIZE_TRIES_MAX {
            let upload = self.own_version(user, session).await?;
            if let Some(finished) = &upload.finished {
                if finished.parts_total != ask.parts_total {
                    let (asked, finished) = (ask.parts_total, finished.parts_total);
                    return Err(UploadError::OtherTotal { asked, finished });
                }
                return Ok(upload);
            }
            let completed = self.complete(&upload, ask).await;
            self.metrics.assembled(match &completed {
                // The next iteration sees either result.
                Ok(true) => metrics::AssemblyOutcome::Completed,
                Ok(false) => continue,
                Err(UploadError::Missing(_)) => metrics::AssemblyOutcome::Missing,
                Err(
                    UploadError::Unplayable(_)
                    | UploadError::Unreadable(_)
                    | UploadError::OtherKind(_),
                ) => metrics::AssemblyOutcome::Unplayable,
                Err(_) => metrics::AssemblyOutcome::Failed,
            });
            completed?;
        }
        Err(UploadError::Busy)
    }

    /// Returns `false` if parts arrived meanwhile, so that the upload is no longer the one that was
    /// passed in.
    async fn complete(&self, upload: &Upload, ask: &FinalizeAsk) -> Result<bool, UploadError> {
        let begun = Instant::now();
        let Gathered { mut parts, mut kept, init, pieces } = self.gathered(upload).await?;
        if let Some(pieces) = pieces.filter(|pieces| *pieces != ask.parts_total) {
            return Err(UploadError::OtherPieces { asked: ask.parts_total, pieces });
        }
        let missing = missing(&parts, ask);
        if !missing.is_empty() {
            return Err(UploadError::Missing(missing));
        }
        parts.retain(|part| part.index < ask.parts_total);
        // Its pieces have times of their own, which only clusters can be given.
        if pieces.is_some() && parts.iter().any(|part| part.layout == Layout::Opaque) {
            let reason = "a part doesn't consist of whole clusters";
            return Err(UploadError::Unplayable(reason.to_owned()));
        }
        // The next version keeps parts of this one.
        let known = pieces.map(|_| parts.iter().map(|part| (part.index, part.clone())).collect());
        let mut named = upload.clone();
        if let Some(filename) = &ask.filename {
            named.filename.clone_from(filename);
        }
        let Assembled { finished, mut work, map } =
            self.assemble(&mut named, parts, init, ask.duration_hint_ms).await?;
        work.extend(self.planned_streams(&named, true));
        kept.product = self.captions_for(upload).await?;
        let now_ms = self.clock.now_ms();
        let scrub_ms = now_ms.saturating_add(self.rules.scrub_ms_every);
        // A version that keeps parts writes no more for hours than for a minute: its first reader stores the map.
        let (stored, held) = match map {
            Some(map) if kept.runs.is_empty() => (Some(map.stored().await), None),
            map => (None, map),
        };
        let (finished, map, work, kept) = (&finished, stored.as_ref(), work.as_slice(), &kept);
        let completion = Finalization { finished, map, work, kept, scrub_ms };
        let done = self.db.complete(&named, &completion, now_ms).await;
        if let Some((_, captions)) = kept.product.as_ref().filter(|_| !matches!(done, Ok(Some(_))))
        {
            self.discard_unnamed(&captions.object_key).await;
        }
        let done = done?;
        if let Some(unnamed) = &done {
            if let Some(known) = known {
                self.known_parts.put(upload.session_id, upload.revision, Arc::new(known));
            }
            if let Some(map) = held {
                self.hold_map(&named, map);
            }
            for key in unnamed {
                self.discard(key).await;
            }
            self.metrics.assembly_took(begun.elapsed(), finished.parts_total);
            let video = upload.video_id.to_string();
            self.note(upload.user_id, AuditAction::VideoFinished, (&video, &upload.filename)).await;
        }
        Ok(done.is_some())
    }

    /// Decides how the finished video is assembled from these parts, and which products are made from
    /// it. Sets the fields of `upload` that only the bytes can tell.
    async fn assemble(
        &self,
        upload: &mut Upload,
        parts: Vec<StoredPart>,
        init: Option<Vec<u8>>,
        hint_ms: u64,
    ) -> Result<Assembled, UploadError> {
        let (fingerprint, holes) = (media_map::fingerprint(&parts), media_map::holes(&parts));
        let parts_total = parts.len() as u32;
        let finished = |assembly, size_bytes, duration_ms| Finished {
            parts_total,
            assembly,
            size_bytes,
            duration_ms,
            etag: fingerprint,
            holes,
        };
        let is_damaged = parts.iter().any(|part| part.is_damaged);
        // Whatever its header says, it counts as Matroska, because browsers support no other codecs
        // in WebM.
        if upload.media == MediaKind::Webm
            && maps::header(&parts, init.as_deref()).is_some_and(|it| it.codecs.is_empty())
        {
            upload.media = MediaKind::Mkv;
        }
        let is_cut = parts.iter().any(|part| part.layout == Layout::Opaque);
        if matches!(upload.media, MediaKind::Webm | MediaKind::Mkv) && !is_cut {
            let Mapped { map, duration_ms, parts } = self.mapped(parts, init).await?;
            let finished = finished(Assembly::Mapped, map.len_bytes(), duration_ms);
            // The map without the damaged parts is built by the first request that reads the video.
            let map = if is_damaged { None } else { Some(BuiltMap::new(parts, map).await) };
            let (media, assembly) = (upload.media, Assembly::Mapped);
            let work =
                products::planned(&FinalizedVideo { media, assembly, states_duration: true });
            return Ok(Assembled { finished, work, map });
        }
        let whole = Arc::new(media_map::original(&parts));
        let head = self.read(&whole, 0..parts::SNIFF_BYTES as u64).await?;
        let found = MediaKind::of_bytes(&head).filter(|found| upload.media.may_be(*found));
        upload.media = found.ok_or(UploadError::OtherKind(upload.media))?;
        if upload.media == MediaKind::Webm {
            let head = self.read(&whole, 0..HEADER_BYTES).await?;
            let init = snaplark_formats::webm::read_init(&head);
            if init.is_ok_and(|init| parts::codecs(&init.tracks).is_none()) {
                upload.media = MediaKind::Mkv;
            }
        }
        let stated_ms = match upload.media {
            MediaKind::Webm | MediaKind::Mkv => None,
            MediaKind::Mp4 | MediaKind::Mov => {
                let told = self.told_by_mp4(&whole).await?;
                (upload.width, upload.height) = (told.width, told.height);
                // A recorder's header holds no duration.
                Some(told.duration_ms).filter(|duration_ms| *duration_ms != 0)
            }
            MediaKind::Png
            | MediaKind::Jpeg
            | MediaKind::Webp
            | MediaKind::Gif
            | MediaKind::Unknown => {
                let head = self.read(&whole, 0..IMAGE_HEAD_BYTES).await?;
                (upload.width, upload.height) = pictures::shown_size(&head)?;
                Some(0)
            }
        };
        let (media, assembly) = (upload.media, Assembly::Joined);
        let states_duration = stated_ms.is_some();
        let work = products::planned(&FinalizedVideo { media, assembly, states_duration });
        let duration_ms = stated_ms.unwrap_or(hint_ms);
        let finished = finished(Assembly::Joined, whole.len_bytes(), duration_ms);
        Ok(Assembled { finished, work, map: None })
    }

    async fn told_by_mp4(&self, file: &Arc<MediaMap>) -> Result<mp4::Mp4Properties, UploadError> {
        let unplayable = |error: Mp4Error| UploadError::Unplayable(error.to_string());
        let mut walk = mp4::Walk::new(file.len_bytes());
        loop {
            let header = self.read(file, walk.wants()).await?;
            match walk.step(&header).map_err(unplayable)? {
                mp4::Mp4Step::On => {}
                mp4::Mp4Step::Done(told) => return Ok(told),
            }
        }
    }

    /// Reads a range of a map, or less if the map ends earlier.
    async fn read(&self, map: &Arc<MediaMap>, range: Range<u64>) -> Result<Vec<u8>, UploadError> {
        let mut read = Vec::new();
        for piece in map.pieces(range) {
            match piece.source {
                PieceSource::Bytes(bytes) => read.extend_from_slice(&bytes),
                PieceSource::Object { key, offset } => {
                    let range = offset..offset + piece.len_bytes;
                    read.extend_from_slice(&self.storage.read_range(&key, range).await?);
                }
            }
        }
        Ok(read)
    }

    /// Stores the captions that the player shows with the video. They replace earlier ones.
    pub async fn give_captions(&self, upload: &Upload, text: Bytes) -> Result<(), UploadError> {
        let kind = &CAPTIONS.name;
        let (used, limits) = self.usage(upload.user_id).await?;
        if let Some(over) = limits.used_up(used, self.clock.now_ms())
            && matches!(over, Over::Storage { .. })
            && !upload.has(kind)
        {
            return Err(self.over(upload.user_id, over).await);
        }
        let mut writer = self.storage.product_writer(upload.session_id.0, kind.as_str());
        writer.write(text).await?;
        let Written { key: object_key, size_bytes, sha256 } = writer.finish().await?;
        let made = NewProduct { object_key, size_bytes, sha256, media: None, changes_video: false };
        if let Some(replaced) = self.db.put_product(upload.session_id, kind, &made).await? {
            self.discard(&replaced).await;
        }
        Ok(())
    }

    /// Removes the captions, if there are any.
    pub async fn take_captions(&self, upload: &Upload) -> Result<(), UploadError> {
        if let Some(key) = self.db.remove_product(upload.session_id, &CAPTIONS.name).await? {
            self.discard(&key).await;
        }
        Ok(())
    }

    /// Returns a page of the user's uploads, newest first.
    pub async fn list(
        &self,
        user: UserId,
        listing: Listing<'_>,
    ) -> Result<Vec<Upload>, UploadError> {
        Ok(self.db.uploads_of_user(user, listing, self.idle_since_ms()).await?)
    }

    /// Returns a user's finished videos that have damaged parts here.
    pub async fn damaged(&self, user: UserId, limit: u32) -> Result<Vec<Upload>, UploadError> {
        Ok(self.db.damaged_uploads(user, limit).await?)
    }

    /// Returns one page of the user's own list, sorted as requested.
    pub async fn shelf(
        &self,
        user: UserId,
        shelf: VideoQuery<'_>,
    ) -> Result<Vec<Upload>, UploadError> {
        Ok(self.db.shelf(user, shelf, self.idle_since_ms()).await?)
    }

    /// Takes a video off its link. The sweeper deletes its bytes.
    pub async fn remove(&self, user: UserId, session: SessionId) -> Result<(), UploadError> {
        let upload = self.own(user, session).await?;
        let now_ms = self.clock.now_ms();
        match upload.finished {
            // A version that is on its way must not bring the video back.
            Some(_) => self.db.remove_versions(user, upload.video_id, now_ms).await?,
            None => self.db.remove(upload.session_id, now_ms).await?,
        }
        let video = upload.video_id.to_string();
        self.note(user, AuditAction::VideoDeleted, (&video, &upload.filename)).await;
        Ok(())
    }

    /// Returns the expiry threshold: an open upload that was last active before it has expired.
    pub fn idle_since_ms(&self) -> i64 {
        self.clock.now_ms() - self.rules.idle_ms_max
    }
}

/// The result of finalize, derived from the parts.
struct Assembled {
    finished: Finished,
    work: Vec<&'static ProductName>,
    map: Option<BuiltMap>,
}

/// Returns the part indexes that finalize requires and that are not stored: every index below the
/// total, and every one that the request lists.
fn missing(parts: &[StoredPart], ask: &FinalizeAsk) -> Vec<u32> {
    let here: BTreeSet<u32> = parts.iter().map(|part| part.index).collect();
    let awaited = (0..ask.parts_total).chain(ask.uploaded.iter().copied());
    let missing: BTreeSet<u32> = awaited.filter(|index| !here.contains(index)).collect();
    missing.into_iter().take(limits::PARTS_MAX as usize).collect()
}
