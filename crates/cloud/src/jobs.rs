//! What is made of a video after its upload was answered: a picture, a preview that moves, an index
//! where parts were cut anywhere, and MP4 where it is asked for.
//!
//! One job at a time in a process. A job is claimed under a lease that is renewed while it runs: a
//! worker that died loses it, one that was only slow finds its fence passed and commits nothing. So
//! a job may run twice, but takes effect once. ffmpeg gets the video through a pipe, or a file of its
//! own where it has to seek, and never an address: what may not be seen is not fetched by it, either.
//! Without ffmpeg videos work all the same; its jobs wait until it is there.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use snaplark_webm::{Scan, WebmError, read_init};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::db::{Finished, Job, Lease, Measured, NewProduct, ProductKind, Upload};
use crate::http::bytes_of;
use crate::media::Media;
use crate::media_map::MediaMap;
use crate::storage::Written;
use crate::stream_index::StreamIndex;
use crate::uploads::{UploadError, Uploads};

/// A worker that isn't heard of for so long has died.
pub const LEASE_MS: i64 = 60_000;
/// Three times within a lease: one lost message is no lost job.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// Other nodes enqueue, too, and nobody tells this one.
pub const LOOK: Duration = Duration::from_secs(5);
const ATTEMPTS_MAX: u32 = 3;
/// Of the second attempt, and ten times that of the third.
const RETRY_MS: i64 = 10_000;
const THUMBNAIL_MAX: Duration = Duration::from_secs(60);
/// Two hours of video on a slow machine.
const MP4_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// Where the picture is taken: past the first moment, in which recorders tend to show themselves.
const PICTURE_AT_MS_MAX: u64 = 2_000;
const PREVIEW_MAX: Duration = Duration::from_secs(120);
const PREVIEW_SECONDS: &str = "3";
/// Past the beginning, where mostly nothing happens; no further, as all before it is decoded.
const PREVIEW_AT_MS_MAX: u64 = 10_000;
/// A picture that unpacks to gigabytes is not unpacked.
const PIXELS_MAX: &str = "67108864";
/// Each cluster of an index is a request to the storage for each reader: many that hold next to nothing
/// are copied into larger ones instead.
const TINY_CLUSTERS_MAX: usize = 1_000;
const CLUSTER_BYTES_MIN: u64 = 2_048;
const COPY_BYTES: usize = 256 * 1024;
/// The header of a file of ffmpeg's.
const HEAD_BYTES: u64 = 64 * 1024;
/// What is kept of ffmpeg's complaints.
const ERROR_BYTES_MAX: u64 = 4 * 1024;

#[derive(Debug, Error)]
enum JobError {
    #[error("ffmpeg could not be run: {0}")]
    Run(std::io::Error),
    #[error("ffmpeg: {0}")]
    Ffmpeg(String),
    #[error("it took longer than {} minutes", .0.as_secs() / 60)]
    TooLong(Duration),
    #[error("the job is another worker's by now")]
    Lost,
    #[error("the video is gone")]
    Gone,
    #[error("it has no index ({0}): its streams are copied into a new file instead")]
    NoIndex(WebmError),
    #[error(transparent)]
    Upload(#[from] UploadError),
}

#[derive(Debug)]
pub struct Jobs {
    uploads: Arc<Uploads>,
    ffmpeg: PathBuf,
    soon: Notify,
    works: bool,
}

impl Jobs {
    /// Says once whether there is an ffmpeg.
    pub async fn new(uploads: Arc<Uploads>, ffmpeg: PathBuf) -> Self {
        let asked = Command::new(&ffmpeg)
            .arg("-version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        let works = asked.is_ok_and(|status| status.success());
        if !works {
            tracing::warn!(
                "ffmpeg is not installed: videos work, but there are no thumbnails and no MP4"
            );
        }
        Jobs { uploads, ffmpeg, soon: Notify::new(), works }
    }

    /// Whether anything will be made at all.
    pub fn works(&self) -> bool {
        self.works
    }

    pub async fn ask_for(&self, upload: &Upload, product: ProductKind) -> Result<(), UploadError> {
        let now_ms = self.uploads.clock.now_ms();
        self.uploads.db.enqueue(upload.session_id, product, now_ms).await?;
        self.look_soon();
        Ok(())
    }

    pub fn look_soon(&self) {
        self.soon.notify_one();
    }

    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.next(&stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "Work on videos waits for the database"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.soon.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Does one job, if there is one.
    async fn next(&self, stop: &CancellationToken) -> Result<bool, UploadError> {
        let now_ms = self.uploads.clock.now_ms();
        let Some(job) = self.uploads.db.claim(self.works, now_ms, now_ms + LEASE_MS).await? else {
            return Ok(false);
        };
        let begun = Instant::now();
        let made = tokio::select! {
            made = self.make(&job) => made,
            () = keep(&self.uploads, &job.lease) => Err(JobError::Lost),
            // Nobody waits for its lease to end: it is free again at once.
            () = stop.cancelled() => {
                self.uploads.db.give_up(&job.lease, "the server was stopped", Some(now_ms)).await?;
                return Ok(false);
            }
        };
        let product = job.product.name();
        let session = job.lease.session_id.to_string();
        match made {
            Ok(written) => {
                let (written, media) = written;
                let key = written.key.clone();
                let Written { key: object_key, size_bytes, sha256 } = written;
                let made = NewProduct { object_key, size_bytes, sha256, media };
                if self.uploads.db.finish(&job, &made).await? {
                    self.uploads.metrics.made(product, true, begun.elapsed());
                    tracing::info!(session, product, size_bytes, "Made");
                } else {
                    tracing::info!(session, product, "Made too late: another worker has done it");
                    self.uploads.discard(&key).await;
                }
            }
            Err(JobError::Lost) => tracing::info!(session, product, "Another worker has it"),
            Err(error) => {
                let factor = 10_i64.saturating_pow(job.lease.attempts.saturating_sub(1));
                let is_final = matches!(error, JobError::Gone | JobError::NoIndex(_));
                let retry_ms = (job.lease.attempts < ATTEMPTS_MAX && !is_final)
                    .then(|| self.uploads.clock.now_ms() + RETRY_MS * factor);
                if matches!(error, JobError::NoIndex(_)) {
                    let now_ms = self.uploads.clock.now_ms();
                    self.uploads
                        .db
                        .enqueue(job.lease.session_id, ProductKind::Remux, now_ms)
                        .await?;
                }
                self.uploads.metrics.made(product, false, begun.elapsed());
                tracing::warn!(session, product, %error, attempt = job.lease.attempts, "Not made");
                self.uploads.db.give_up(&job.lease, &error.to_string(), retry_ms).await?;
            }
        }
        Ok(true)
    }

    async fn make(&self, job: &Job) -> Result<(Written, Option<Measured>), JobError> {
        let db = &self.uploads.db;
        let upload = db.upload(job.lease.session_id).await.map_err(UploadError::from)?;
        let upload = upload.filter(|upload| self.uploads.is_there(upload)).ok_or(JobError::Gone)?;
        let finished = upload.finished.as_ref().ok_or(JobError::Gone)?;
        let video = self.uploads.video(&upload).await?;
        if job.product == ProductKind::Index {
            return self.index(job, &video.map).await;
        }
        let folder = tempfile::tempdir().map_err(JobError::Run)?;
        let out = folder.path().join(job.product.name());
        let mut command = Command::new(&self.ffmpeg);
        command.args(["-v", "error", "-nostdin", "-y", "-max_pixels", PIXELS_MAX]);
        let seeks = matches!(video.media, Media::Mp4 | Media::Mov);
        command.args(["-f", format_of(video.media), "-i"]);
        let input = if seeks {
            let input = folder.path().join("input");
            let mut file = tokio::fs::File::create(&input).await.map_err(JobError::Run)?;
            self.feed(&mut file, &video.map).await?;
            file.flush().await.map_err(JobError::Run)?;
            command.arg(&input);
            None
        } else {
            command.arg("pipe:0");
            Some(&video.map)
        };
        let limit = arguments(&mut command, job.product, finished).ok_or(JobError::Gone)?;
        command.arg(&out);
        let run = self.ffmpeg(command, input);
        tokio::time::timeout(limit, run).await.map_err(|_| JobError::TooLong(limit))??;
        let measured = match job.product {
            ProductKind::Remux => measured(&out).await?,
            _ => None,
        };
        Ok((self.store(job, &out).await?, measured))
    }

    /// Reads the parts once, and keeps where their clusters stand.
    async fn index(
        &self,
        job: &Job,
        map: &Arc<MediaMap>,
    ) -> Result<(Written, Option<Measured>), JobError> {
        let mut scan = Scan::new();
        let pieces = map.pieces(0..map.len_bytes());
        let mut bytes = std::pin::pin!(bytes_of(self.uploads.storage.clone(), pieces));
        while let Some(bytes) = bytes.next().await {
            scan.push(&bytes.map_err(UploadError::from)?).map_err(JobError::NoIndex)?;
        }
        let (init, clusters) = scan.finish().map_err(JobError::NoIndex)?;
        let bytes_each = map.len_bytes() / (clusters.len() as u64).max(1);
        if clusters.len() > TINY_CLUSTERS_MAX && bytes_each < CLUSTER_BYTES_MIN {
            return Err(JobError::NoIndex(WebmError::TooManyClusters(TINY_CLUSTERS_MAX)));
        }
        let index = StreamIndex::new(&init, &clusters).map_err(JobError::NoIndex)?;
        let mut writer =
            self.uploads.storage.product_writer(job.lease.session_id.0, job.product.name());
        writer.write(index.to_bytes().into()).await.map_err(UploadError::from)?;
        let written = writer.finish().await.map_err(UploadError::from)?;
        let StreamIndex { duration_ms, size_bytes, .. } = index;
        Ok((written, Some(Measured { duration_ms, size_bytes })))
    }

    /// Feeds the video in until ffmpeg has enough.
    async fn ffmpeg(
        &self,
        mut command: Command,
        map: Option<&Arc<MediaMap>>,
    ) -> Result<(), JobError> {
        let stdin = if map.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(JobError::Run)?;
        let stdin = child.stdin.take();
        let feed = async {
            match (stdin, map) {
                (Some(mut stdin), Some(map)) => self.feed(&mut stdin, map).await,
                _ => Ok(()),
            }
        };
        let (fed, said) = tokio::join!(feed, said(&mut child));
        let status = child.wait().await.map_err(JobError::Run)?;
        fed?;
        if !status.success() {
            let last = said.lines().last().unwrap_or("it failed without a word").to_owned();
            return Err(JobError::Ffmpeg(last));
        }
        Ok(())
    }

    async fn feed(
        &self,
        into: &mut (impl AsyncWrite + Unpin),
        map: &Arc<MediaMap>,
    ) -> Result<(), JobError> {
        let pieces = map.pieces(0..map.len_bytes());
        let mut bytes = std::pin::pin!(bytes_of(self.uploads.storage.clone(), pieces));
        while let Some(bytes) = bytes.next().await {
            let bytes = bytes.map_err(UploadError::from)?;
            // It closes the pipe when it has what it wants; its status says whether it was content.
            if into.write_all(&bytes).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn store(&self, job: &Job, file: &Path) -> Result<Written, JobError> {
        let missing = |_| JobError::Ffmpeg("it made nothing".to_owned());
        let mut file = tokio::fs::File::open(file).await.map_err(missing)?;
        let mut writer =
            self.uploads.storage.product_writer(job.lease.session_id.0, job.product.name());
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let count = file.read(&mut buffer).await.map_err(JobError::Run)?;
            if count == 0 {
                break;
            }
            let bytes = Bytes::copy_from_slice(&buffer[..count]);
            writer.write(bytes).await.map_err(UploadError::from)?;
        }
        Ok(writer.finish().await.map_err(UploadError::from)?)
    }
}

/// Returns when the work is another's.
pub async fn keep(uploads: &Uploads, lease: &Lease) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let until_ms = uploads.clock.now_ms() + LEASE_MS;
        match uploads.db.keep(lease, until_ms).await {
            Ok(true) => {}
            Ok(false) => return,
            // The lease lasts for two more of these.
            Err(error) => tracing::warn!(%error, "A lease could not be renewed"),
        }
    }
}

/// Said outright: ffmpeg would look for itself, and find playlists that name other files.
fn format_of(media: Media) -> &'static str {
    match media {
        Media::Webm | Media::Unknown => "matroska",
        Media::Mp4 | Media::Mov => "mov",
        Media::Png => "png_pipe",
        Media::Jpeg => "jpeg_pipe",
        Media::Webp => "webp_pipe",
        Media::Gif => "gif",
    }
}

/// How it is made, and how long that may take. `None` of what ffmpeg doesn't make.
fn arguments(command: &mut Command, product: ProductKind, of: &Finished) -> Option<Duration> {
    Some(match product {
        ProductKind::Thumbnail => {
            let at_ms = (of.duration_ms / 4).min(PICTURE_AT_MS_MAX);
            command.args(["-ss", &format!("{at_ms}ms"), "-frames:v", "1", "-an"]);
            command.args(["-vf", "scale='min(1280,iw)':-2", "-q:v", "4"]);
            THUMBNAIL_MAX
        }
        ProductKind::Preview => {
            let at_ms = (of.duration_ms / 10).min(PREVIEW_AT_MS_MAX);
            command.args(["-ss", &format!("{at_ms}ms"), "-t", PREVIEW_SECONDS, "-an"]);
            command.args(["-vf", "fps=8,scale='min(400,iw)':-2", "-c:v", "libwebp_anim"]);
            command.args(["-quality", "55", "-loop", "0"]);
            PREVIEW_MAX
        }
        ProductKind::Mp4(height) => {
            let scale = format!("scale=-2:'min({},trunc(ih/2)*2)'", height.lines());
            command.args(["-vf", &scale, "-c:v", "libx264", "-preset", "veryfast"]);
            command.args(["-crf", "23", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k"]);
            // A screen that stands still has few frames; players want them evenly.
            command.args(["-fps_mode", "cfr", "-r", "30", "-movflags", "+faststart"]);
            MP4_MAX
        }
        ProductKind::Remux => {
            command.args(["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-f", "webm"]);
            MP4_MAX
        }
        ProductKind::Index | ProductKind::Captions => return None,
    })
}

/// ffmpeg knows by then, and wrote it down.
async fn measured(file: &Path) -> Result<Option<Measured>, JobError> {
    let mut head = Vec::new();
    let file = tokio::fs::File::open(file).await.map_err(JobError::Run)?;
    let size_bytes = file.metadata().await.map_err(JobError::Run)?.len();
    file.take(HEAD_BYTES).read_to_end(&mut head).await.map_err(JobError::Run)?;
    let duration_ms = read_init(&head).ok().and_then(|init| init.duration_ms);
    Ok(duration_ms.map(|duration_ms| Measured { duration_ms, size_bytes }))
}

async fn said(child: &mut Child) -> String {
    let Some(stderr) = child.stderr.take() else { return String::new() };
    let mut said = Vec::new();
    let mut head = stderr.take(ERROR_BYTES_MAX);
    head.read_to_end(&mut said).await.ok();
    // The rest is read, too, or it would wait for somebody to.
    tokio::io::copy(&mut head.into_inner(), &mut tokio::io::sink()).await.ok();
    String::from_utf8_lossy(&said).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Assembly, Db, Finished, NewUpload, Opened};
    use crate::quotas::Limits;

    #[tokio::test]
    async fn who_lost_the_lease_commits_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let user_id = db.user_named("a@example.com", 0).await.unwrap();
        let new = NewUpload {
            user_id,
            recording_id: None,
            media: Media::Webm,
            filename: "a".to_owned(),
            width: 1,
            height: 1,
            fps: 1,
            metadata: "{}".to_owned(),
        };
        let Opened::New(upload) = db.open_upload(&new, &Limits::default(), 0, 0).await.unwrap()
        else {
            panic!("a new upload");
        };
        let finished = Finished {
            parts_total: 0,
            assembly: Assembly::Joined,
            size_bytes: 0,
            duration_ms: 0,
            etag: String::new(),
            holes: Vec::new(),
        };
        let work = [ProductKind::Thumbnail];
        assert!(db.complete(&upload, &finished, None, &work, 0, 0).await.unwrap());
        db.enqueue(upload.session_id, ProductKind::Thumbnail, 0).await.unwrap();

        let slow = db.claim(true, 0, LEASE_MS).await.unwrap().expect("finalize enqueued it, once");
        assert!(db.claim(true, 0, LEASE_MS).await.unwrap().is_none(), "it is taken");
        assert!(db.keep(&slow.lease, 2 * LEASE_MS).await.unwrap());
        assert!(db.claim(true, 2 * LEASE_MS - 1, 0).await.unwrap().is_none(), "and kept");
        let quick =
            db.claim(true, 2 * LEASE_MS, 3 * LEASE_MS).await.unwrap().expect("it was let go");
        assert_eq!(quick.lease.attempts, 2);
        let made = |key: &str| NewProduct {
            object_key: key.to_owned(),
            size_bytes: 1,
            sha256: [0; 32],
            media: None,
        };
        assert!(!db.keep(&slow.lease, 9 * LEASE_MS).await.unwrap());
        assert!(!db.finish(&slow, &made("slow")).await.unwrap());
        db.give_up(&slow.lease, "late", None).await.unwrap();
        assert!(db.finish(&quick, &made("quick")).await.unwrap());
        assert!(!db.finish(&quick, &made("again")).await.unwrap());
        let product = db.product(upload.session_id, ProductKind::Thumbnail).await.unwrap();
        assert_eq!(product.unwrap().object_key, "quick");
        assert!(db.claim(true, 99 * LEASE_MS, 0).await.unwrap().is_none(), "nothing is left to do");
    }
}
