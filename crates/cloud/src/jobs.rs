//! The workers that make the products of videos after their uploads were answered (`products`).
//!
//! Thumbnails, previews and indexes have one worker, MP4s and remuxes have `VIDEO_WORKERS`, streams have
//! `STREAM_WORKERS` and `FINISHED_STREAM_WORKERS`. A worker claims a job under a lease and renews it while the
//! job runs. A worker that died loses the lease. A worker that was only slow finds that its fencing token is
//! outdated, and commits nothing. So a job may run twice, but takes effect once. Users take turns, and no user
//! has two MP4s made at once.
//!
//! A job that took too long, or whose input ffmpeg refused, isn't tried again, because it would end the
//! same way. Without ffmpeg videos still work; the jobs that need it wait until it is installed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::products::{
    self, BackgroundJob, Ffmpeg, JobError, JobInput, Made, Mp4Encoder, Mp4Mode, ProductKind,
};
use crate::uploads::{UploadError, Uploads};
use snaplark_cloud_data::db::{Lane, Lease, NewProduct, Upload};
use snaplark_cloud_data::storage::Written;

/// A worker that did not renew its lease for this long has died.
pub(crate) const LEASE_MS: i64 = 60_000;
/// The interval at which a lease is renewed: three times within its duration, so that one failed
/// renewal doesn't lose the job.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// The interval at which the database is asked for jobs, once for all workers. Other nodes enqueue jobs too, and don't
/// notify this one.
pub(crate) const LOOK: Duration = Duration::from_secs(5);
/// A worker that dies during a job reports no error, so the limits of `JobError` don't apply. After
/// this many claims it is assumed that the job kills its workers.
const CLAIMS_MAX: u32 = 10;
/// The delay before the second attempt. The one before the third is ten times as long.
const RETRY_MS: i64 = 10_000;
/// The number of MP4s that a process makes at once, each for a different user.
pub const VIDEO_WORKERS: usize = 2;
/// The number of streams that a process makes at once of any video, at most two of them for one user. A
/// stream that follows a recording occupies a worker for as long as the recording runs, and uses little of a
/// processor.
pub const STREAM_WORKERS: usize = 2;
/// The number of further workers, which make streams of finished videos alone: those are not kept waiting by
/// recordings that run for hours.
pub const FINISHED_STREAM_WORKERS: usize = 2;

/// All lanes.
const LANES: [Lane; 4] = [Lane::Pictures, Lane::Videos, Lane::Streams, Lane::FinishedStreams];

/// Runs background jobs.
#[derive(Debug)]
pub struct Jobs {
    uploads: Arc<Uploads>,
    /// `None` if there is no working ffmpeg.
    ffmpeg: Option<Ffmpeg>,
    pictures_soon: Notify,
    videos_soon: Notify,
    streams_soon: Notify,
    finished_streams_soon: Notify,
}

impl Jobs {
    /// Logs once whether there is an ffmpeg, and what it is confined by.
    /// `data` is the server's data folder, which ffmpeg may not read.
    pub async fn new(
        uploads: Arc<Uploads>,
        ffmpeg: &Path,
        data: Option<&Path>,
        encoder: Mp4Encoder,
    ) -> Self {
        let ffmpeg = Ffmpeg::detect(ffmpeg, data, encoder).await;
        Jobs {
            uploads,
            ffmpeg,
            pictures_soon: Notify::new(),
            videos_soon: Notify::new(),
            streams_soon: Notify::new(),
            finished_streams_soon: Notify::new(),
        }
    }

    /// Returns whether ffmpeg works.
    pub fn works(&self) -> bool {
        self.ffmpeg.is_some()
    }

    /// Returns whether H.264 is made here at all.
    pub fn makes_mp4(&self) -> bool {
        self.works() && self.uploads.mp4_mode() != Mp4Mode::Never
    }

    /// Enqueues a product, unless its job is there already.
    pub async fn ask_for(&self, upload: &Upload, product: &ProductKind) -> Result<(), UploadError> {
        let now_ms = self.uploads.clock.now_ms();
        self.uploads.db.enqueue(upload.session_id, &product.name, now_ms).await?;
        self.look_soon();
        Ok(())
    }

    /// Wakes the workers of this process, because a job was enqueued.
    pub fn look_soon(&self) {
        LANES.iter().for_each(|lane| self.soon(*lane).notify_one());
    }

    fn soon(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Pictures => &self.pictures_soon,
            Lane::Videos => &self.videos_soon,
            Lane::Streams => &self.streams_soon,
            Lane::FinishedStreams => &self.finished_streams_soon,
        }
    }

    /// Wakes the workers of this process until `stop` when there are jobs which nobody told it of: those of other nodes,
    /// those that are tried again, and those whose worker died.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut products: Vec<_> =
            LANES.iter().flat_map(|lane| products::of_lane(*lane, self.works())).collect();
        products.dedup();
        while !stop.is_cancelled() {
            match self.uploads.db.has_due(&products, self.uploads.clock.now_ms()).await {
                Ok(true) => LANES.iter().for_each(|lane| self.soon(*lane).notify_waiters()),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "Work on videos waits for the database"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Runs one worker of a lane until `stop`.
    pub async fn run(self: Arc<Self>, lane: Lane, stop: CancellationToken) {
        // The trials of hardware delay nobody: whoever needs an encoder before they are over waits for them.
        if let Some(ffmpeg) = &self.ffmpeg
            && lane == Lane::Streams
            && self.makes_mp4()
        {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ffmpeg.hardware() => {}
            }
        }
        while !stop.is_cancelled() {
            match self.next(lane, &stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "Work on videos waits for the database"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.soon(lane).notified() => {}
            }
        }
    }

    /// Does one job. Returns whether there was one.
    async fn next(&self, lane: Lane, stop: &CancellationToken) -> Result<bool, UploadError> {
        let now_ms = self.uploads.clock.now_ms();
        let lease_until_ms = now_ms + LEASE_MS;
        let db = &self.uploads.db;
        let names = products::of_lane(lane, self.works());
        let Some(lease) = db.claim(lane, &names, now_ms, lease_until_ms).await? else {
            return Ok(false);
        };
        let job = products::job(&lease.work).expect("only these names were claimed");
        let (session, product) = (lease.session_id.to_string(), job.product().name.as_str());
        if lease.attempts > CLAIMS_MAX {
            tracing::error!(session, product, "Not made: whoever tried it stopped in the middle");
            let error = "each worker that tried it stopped in the middle";
            db.give_up(&lease, error, None).await?;
            return Ok(true);
        }
        let begun = Instant::now();
        let made = tokio::select! {
            made = self.make(job, &lease) => made,
            () = keep(&self.uploads, &lease) => Err(JobError::Lost),
            // The job is free again at once, so that nobody has to wait for its lease to end.
            () = stop.cancelled() => {
                db.give_up(&lease, "the server was stopped", Some(now_ms)).await?;
                return Ok(false);
            }
        };
        match made {
            Ok(Made { written, measured }) => {
                let key = written.key.clone();
                let Written { key: object_key, size_bytes, sha256 } = written;
                let changes_video = job.changes_video();
                let made =
                    NewProduct { object_key, size_bytes, sha256, media: measured, changes_video };
                if db.finish(&lease, &made).await? {
                    self.uploads.metrics.made(product, true, begun.elapsed());
                    tracing::info!(session, product, size_bytes, "Made");
                } else {
                    tracing::info!(
                        session,
                        product,
                        "Made too late: the video is gone, or another worker has done it"
                    );
                    self.uploads.discard(&key).await;
                }
            }
            Err(JobError::Lost) => tracing::info!(session, product, "Another worker has it"),
            Err(JobError::Quiet) => {
                tracing::info!(session, product, "Not made while the recording stands still");
                db.drop_job(&lease).await?;
            }
            Err(error) => {
                let factor = 10_i64.saturating_pow(lease.attempts.saturating_sub(1));
                let retry_ms = (lease.attempts < error.attempts_max())
                    .then(|| self.uploads.clock.now_ms() + RETRY_MS * factor);
                if let JobError::Instead { instead, .. } = &error {
                    let now_ms = self.uploads.clock.now_ms();
                    db.enqueue(lease.session_id, &instead.name, now_ms).await?;
                }
                self.uploads.metrics.made(product, false, begun.elapsed());
                tracing::warn!(session, product, %error, attempt = lease.attempts, "Not made");
                db.give_up(&lease, &error.to_string(), retry_ms).await?;
            }
        }
        Ok(true)
    }

    async fn make(&self, job: &dyn BackgroundJob, lease: &Lease) -> Result<Made, JobError> {
        let Uploads { db, storage, .. } = &*self.uploads;
        let upload = db.upload(lease.session_id).await?;
        let upload = upload.filter(|upload| self.uploads.is_there(upload)).ok_or(JobError::Gone)?;
        let finished = upload.finished.as_ref();
        let (map, media) = match finished {
            Some(_) => {
                let video = self.uploads.video(&upload).await.map_err(unreadable)?;
                (video.map, video.media)
            }
            None if job.follows_upload() => (Arc::default(), upload.media),
            None => return Err(JobError::Gone),
        };
        let work = JobInput {
            product: job.product(),
            session: upload.session_id,
            lease,
            finished,
            media,
            map: &map,
            db,
            storage,
            ffmpeg: self.ffmpeg.as_ref(),
        };
        job.run(&work).await
    }
}

fn unreadable(error: UploadError) -> JobError {
    match error {
        UploadError::Db(error) => error.into(),
        UploadError::Storage(error) => error.into(),
        error => JobError::Video(error.to_string()),
    }
}

/// Renews the lease. Returns only when the job belongs to another worker.
pub(crate) async fn keep(uploads: &Uploads, lease: &Lease) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let until_ms = uploads.clock.now_ms() + LEASE_MS;
        match uploads.db.keep(lease, until_ms).await {
            Ok(true) => {}
            Ok(false) => return,
            // The lease lasts for two more attempts.
            Err(error) => tracing::warn!(%error, "A lease could not be renewed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::{Mp4Height, PREVIEW, THUMBNAIL};
    use snaplark_cloud_data::db::{
        Assembly, Db, Finalization, Finished, KeptParts, NewUpload, Opened, ProductName,
    };
    use snaplark_cloud_data::quotas::Limits;
    use snaplark_formats::sniff::MediaKind;

    async fn opened(db: &Db) -> Upload {
        let user_id = db.user_named("a@example.com", 0).await.unwrap();
        let new = NewUpload {
            user_id,
            recording_id: None,
            version: 1,
            media: MediaKind::Webm,
            filename: "a".to_owned(),
            width: 1,
            height: 1,
            fps: 1,
            metadata: "{}".to_owned(),
            may_replace: false,
        };
        let Opened::New(upload) = db.open_upload(&new, &Limits::default(), 0, 0).await.unwrap()
        else {
            panic!("a new upload");
        };
        *upload
    }

    async fn complete(db: &Db, upload: &Upload, work: &[&ProductName]) {
        let finished = Finished {
            parts_total: 0,
            assembly: Assembly::Joined,
            size_bytes: 0,
            duration_ms: 0,
            etag: String::new(),
            holes: Vec::new(),
        };
        let (kept, finished) = (KeptParts::default(), &finished);
        let completion = Finalization { finished, map: None, work, kept: &kept, scrub_ms: 0 };
        assert!(db.complete(upload, &completion, 0).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn workers_of_finished_streams_leave_recordings_to_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let stream = &Mp4Height::P720.stream().name;
        let mut uploads = Vec::new();
        for due_ms in 0..4 {
            let upload = opened(&db).await;
            db.enqueue(upload.session_id, stream, due_ms).await.unwrap();
            uploads.push(upload);
        }
        let claim = async |lane| {
            let names = products::of_lane(lane, true);
            let lease = db.claim(lane, &names, 9, LEASE_MS).await.unwrap();
            lease.map(|lease| lease.session_id)
        };
        assert_eq!(claim(Lane::FinishedStreams).await, None, "all of them are recordings");
        let streams = products::of_lane(Lane::Streams, true);
        for _ in 0..2 {
            assert!(claim(Lane::Streams).await.is_some());
        }
        assert!(db.has_waiting(&streams).await.unwrap(), "two wait");
        assert!(!db.has_waiting(&products::of_lane(Lane::Videos, true)).await.unwrap());
        assert_eq!(claim(Lane::Streams).await, None, "two for one user");
        complete(&db, &uploads[3], &[]).await;
        let claimed = claim(Lane::FinishedStreams).await;
        assert_eq!(claimed, Some(uploads[3].session_id), "it doesn't wait for the recordings");
    }

    #[tokio::test]
    async fn stream_that_failed_while_parts_arrived_is_tried_again_with_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let upload = opened(&db).await;
        db.enqueue(upload.session_id, &Mp4Height::P720.stream().name, 0).await.unwrap();
        let streams = products::of_lane(Lane::Streams, true);
        let lease = db.claim(Lane::Streams, &streams, 0, LEASE_MS).await.unwrap().expect("a job");
        db.give_up(&lease, "no times", None).await.unwrap();
        let claim = async || db.claim(Lane::Streams, &streams, 0, LEASE_MS).await.unwrap();
        assert!(claim().await.is_none(), "it has failed");
        complete(&db, &upload, &[]).await;
        assert_eq!(claim().await.expect("it is tried again").attempts, 1);
    }

    #[tokio::test]
    async fn who_lost_the_lease_commits_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let upload = opened(&db).await;
        let pictures = products::of_lane(Lane::Pictures, true);
        complete(&db, &upload, &[&THUMBNAIL.name]).await;
        db.enqueue(upload.session_id, &THUMBNAIL.name, 0).await.unwrap();

        let slow = db
            .claim(Lane::Pictures, &pictures, 0, LEASE_MS)
            .await
            .unwrap()
            .expect("finalize enqueued it, once");
        assert!(
            db.claim(Lane::Pictures, &pictures, 0, LEASE_MS).await.unwrap().is_none(),
            "it is taken"
        );
        assert!(db.keep(&slow, 2 * LEASE_MS).await.unwrap());
        assert!(
            db.claim(Lane::Pictures, &pictures, 2 * LEASE_MS - 1, 0).await.unwrap().is_none(),
            "and kept"
        );
        let quick = db
            .claim(Lane::Pictures, &pictures, 2 * LEASE_MS, 3 * LEASE_MS)
            .await
            .unwrap()
            .expect("it was let go");
        assert_eq!(quick.attempts, 2);
        let made = |key: &str| NewProduct {
            object_key: key.to_owned(),
            size_bytes: 1,
            sha256: [0; 32],
            media: None,
            changes_video: false,
        };
        assert!(!db.keep(&slow, 9 * LEASE_MS).await.unwrap());
        assert!(!db.finish(&slow, &made("slow")).await.unwrap());
        db.give_up(&slow, "late", None).await.unwrap();
        assert!(db.finish(&quick, &made("quick")).await.unwrap());
        assert!(!db.finish(&quick, &made("again")).await.unwrap());
        let product = db.product(upload.session_id, &THUMBNAIL.name).await.unwrap();
        assert_eq!(product.unwrap().object_key, "quick");
        assert!(
            db.claim(Lane::Pictures, &pictures, 99 * LEASE_MS, 0).await.unwrap().is_none(),
            "nothing is left to do"
        );

        db.enqueue(upload.session_id, &PREVIEW.name, 0).await.unwrap();
        let late =
            db.claim(Lane::Pictures, &pictures, 0, LEASE_MS).await.unwrap().expect("a preview");
        db.remove(upload.session_id, 0).await.unwrap();
        assert!(!db.finish(&late, &made("late")).await.unwrap(), "its video was removed meanwhile");
        assert!(db.product(upload.session_id, &PREVIEW.name).await.unwrap().is_none());
    }
}
