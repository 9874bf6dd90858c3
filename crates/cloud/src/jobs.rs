//! Background jobs for a video after its upload was answered: a thumbnail, an animated preview, an
//! index if the parts were cut at arbitrary positions, and MP4s on request.
//!
//! Thumbnails, previews and indexes have one worker, MP4s and remuxes have `VIDEO_WORKERS`. A worker
//! claims a job under a lease and renews it while the job runs. A worker that died loses the lease. A
//! worker that was only slow finds that its fencing token is outdated, and commits nothing. So a job
//! may run twice, but takes effect once. Users take turns, and no user has two MP4s made at once.
//!
//! ffmpeg runs in a sandbox (`sandbox`). It gets the video through a pipe, or as a file in its own
//! folder if it has to seek, and never a URL. The formats and codecs that it may open are listed
//! here. A job that took too long, or whose input ffmpeg refused, isn't tried again, because it would
//! end the same way. Without ffmpeg videos still work; the jobs that need it wait until it is
//! installed.
//!
//! Length: a job's plan, its run and what follows share one state. Splitting off the plans is
//! planned.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use snaplark_webm::{Scan, WebmError, read_init};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::db::{
    Assembly, Finished, Job, Lane, Lease, Measured, NewProduct, Part, ProductKind, Upload,
};
use crate::http::bytes_of;
use crate::media::Media;
use crate::media_map::MediaMap;
use crate::mp4;
use crate::parts::Layout;
use crate::private;
use crate::sandbox::{self, Group, Limits, Sandbox};
use crate::storage::Written;
use crate::stream_index::StreamIndex;
use crate::uploads::{UploadError, Uploads};

/// A worker that did not renew its lease for this long has died.
pub const LEASE_MS: i64 = 60_000;
/// The interval at which a lease is renewed: three times within its duration, so that one failed
/// renewal doesn't lose the job.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// The interval at which a worker polls for jobs. Other nodes enqueue jobs too, and don't notify this
/// one.
pub const LOOK: Duration = Duration::from_secs(5);
/// Attempts if our own database, storage or disk failed.
const ATTEMPTS_MAX: u32 = 3;
/// Attempts if something else killed ffmpeg, which may have been the kernel when it ran out of
/// memory.
const KILLED_ATTEMPTS_MAX: u32 = 2;
/// A worker that dies during a job reports no error, so the limits above don't apply. After this many
/// claims it is assumed that the job kills its workers.
const CLAIMS_MAX: u32 = 10;
/// The delay before the second attempt. The one before the third is ten times as long.
const RETRY_MS: i64 = 10_000;
const THUMBNAIL_MAX: Duration = Duration::from_secs(60);
/// The time allowed for an MP4, in addition to one and a half times the video's duration. A slow
/// machine encodes nearly as fast as the video plays.
const MP4_BASE: Duration = Duration::from_secs(10 * 60);
const MP4_MAX: Duration = Duration::from_secs(4 * 60 * 60);
/// No MP4 is made of longer videos.
const MP4_DURATION_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// No MP4 is made of videos with longer gaps between frames: each second of a gap becomes 30 frames.
const MP4_GAP_MS_MAX: u64 = 60 * 60 * 1000;
/// 16 Mbit/s, twice what a height of 1080 takes.
const MP4_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
const MP4_BYTES_BASE: u64 = 64 * 1024 * 1024;
const PICTURE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Limits on address space. 8K VP9 takes about 1 GB; libraries and threads take a few hundred MB.
const PICTURE_MEMORY_BYTES: u64 = 1536 * 1024 * 1024;
const VIDEO_MEMORY_BYTES: u64 = 2560 * 1024 * 1024;
/// The number of threads of each decoder, filter and encoder.
const THREADS: &str = "2";
const STREAMS_MAX: &str = "32";
/// The number of MP4s that a process makes at once, each for a different user.
pub const VIDEO_WORKERS: usize = 2;
/// The latest position of the thumbnail. It is past the first moment, in which recorders often show
/// themselves.
const PICTURE_AT_MS_MAX: u64 = 2_000;
const PREVIEW_MAX: Duration = Duration::from_secs(90);
const PREVIEW_MS: u64 = 3_000;
/// The latest position of the preview. It is past the beginning, where usually nothing happens, and
/// no later, because everything before it has to be decoded.
const PREVIEW_AT_MS_MAX: u64 = 10_000;
/// 8K and some more. Three 4K displays side by side have fewer pixels.
const VIDEO_PIXELS_MAX: &str = "36000000";
/// Images that unpack to gigabytes are refused.
const IMAGE_PIXELS_MAX: &str = "67108864";
/// The decoders for what browsers, phones and screen recorders write. All others stay disabled.
const DECODERS: &str = "vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,libaom-av1,h264,hevc,mpeg4,\
    opus,libopus,vorbis,libvorbis,aac,mp3,mp3float,alac,flac,pcm_s16le,pcm_s16be,pcm_s24le,pcm_f32le";
/// Each cluster of an index costs each reader a request to the storage. Streams with many tiny
/// clusters are remuxed into larger ones instead.
const TINY_CLUSTERS_MAX: usize = 1_000;
const CLUSTER_BYTES_MIN: u64 = 2_048;
/// The timeout for ffmpeg to print its version. Starting takes a while on a busy computer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
const COPY_BYTES: usize = 256 * 1024;
/// The number of bytes of ffmpeg's output that are read to parse its header.
const HEAD_BYTES: u64 = 64 * 1024;
/// The number of bytes of ffmpeg's error output that are kept.
const ERROR_BYTES_MAX: u64 = 4 * 1024;

#[derive(Debug, Error)]
enum JobError {
    #[error("ffmpeg could not be run: {0}")]
    Run(std::io::Error),
    #[error("ffmpeg: {0}")]
    Ffmpeg(String),
    #[error("ffmpeg was killed; the computer may have been short of memory")]
    Killed,
    #[error("it took longer than {} seconds", .0.as_secs())]
    TooLong(Duration),
    #[error("{0}")]
    Refused(&'static str),
    #[error("the job is another worker's by now")]
    Lost,
    #[error("the video is gone")]
    Gone,
    #[error("it has no index ({0}): its streams are copied into a new file instead")]
    NoIndex(WebmError),
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl JobError {
    /// Returns how often the job is tried in all. What depends on the bytes alone would fail again.
    fn attempts_max(&self) -> u32 {
        match self {
            JobError::Run(_) | JobError::Upload(_) => ATTEMPTS_MAX,
            JobError::Killed => KILLED_ATTEMPTS_MAX,
            JobError::Ffmpeg(said) if said.contains("No space left") => ATTEMPTS_MAX,
            JobError::Ffmpeg(_)
            | JobError::TooLong(_)
            | JobError::Refused(_)
            | JobError::Lost
            | JobError::Gone
            | JobError::NoIndex(_) => 1,
        }
    }
}

/// Runs background jobs.
#[derive(Debug)]
pub struct Jobs {
    uploads: Arc<Uploads>,
    /// `None` if there is no working ffmpeg.
    ffmpeg: Option<PathBuf>,
    sandbox: Sandbox,
    pictures_soon: Notify,
    videos_soon: Notify,
}

impl Jobs {
    /// Logs once whether there is an ffmpeg, and what it is confined by.
    pub async fn new(uploads: Arc<Uploads>, ffmpeg: &Path) -> Self {
        let sandbox = Sandbox::detect();
        let found = sandbox::find(ffmpeg);
        let ffmpeg = match found {
            Some(program) if answers(sandbox, &program).await => {
                tracing::info!(by = sandbox.describe(), "ffmpeg is confined");
                Some(program)
            }
            Some(program) => {
                let program = program.display().to_string();
                tracing::warn!(
                    program,
                    by = sandbox.describe(),
                    "ffmpeg does not run in its sandbox: videos work, but there are no thumbnails \
                     and no MP4. It has to be below /usr, /opt or /nix with all its libraries"
                );
                None
            }
            None => {
                tracing::warn!(
                    "ffmpeg is not installed: videos work, but there are no thumbnails and no MP4"
                );
                None
            }
        };
        let (pictures_soon, videos_soon) = (Notify::new(), Notify::new());
        Jobs { uploads, ffmpeg, sandbox, pictures_soon, videos_soon }
    }

    /// Returns whether ffmpeg works.
    pub fn works(&self) -> bool {
        self.ffmpeg.is_some()
    }

    pub async fn ask_for(&self, upload: &Upload, product: ProductKind) -> Result<(), UploadError> {
        let now_ms = self.uploads.clock.now_ms();
        self.uploads.db.enqueue(upload.session_id, product, now_ms).await?;
        self.look_soon();
        Ok(())
    }

    pub fn look_soon(&self) {
        self.pictures_soon.notify_one();
        self.videos_soon.notify_one();
    }

    /// Runs one worker of a lane until `stop`.
    pub async fn run(self: Arc<Self>, lane: Lane, stop: CancellationToken) {
        let soon = match lane {
            Lane::Pictures => &self.pictures_soon,
            Lane::Videos => &self.videos_soon,
        };
        while !stop.is_cancelled() {
            match self.next(lane, &stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "Work on videos waits for the database"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = soon.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Does one job. Returns whether there was one.
    async fn next(&self, lane: Lane, stop: &CancellationToken) -> Result<bool, UploadError> {
        let now_ms = self.uploads.clock.now_ms();
        let lease_until_ms = now_ms + LEASE_MS;
        let Some(job) = self.uploads.db.claim(lane, self.works(), now_ms, lease_until_ms).await?
        else {
            return Ok(false);
        };
        if job.lease.attempts > CLAIMS_MAX {
            let (session, product) = (job.lease.session_id.to_string(), job.product.name());
            tracing::error!(session, product, "Not made: whoever tried it stopped in the middle");
            let error = "each worker that tried it stopped in the middle";
            self.uploads.db.give_up(&job.lease, error, None).await?;
            return Ok(true);
        }
        let begun = Instant::now();
        let made = tokio::select! {
            made = self.make(&job) => made,
            () = keep(&self.uploads, &job.lease) => Err(JobError::Lost),
            // The job is free again at once, so that nobody has to wait for its lease to end.
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
                let retry_ms = (job.lease.attempts < error.attempts_max())
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
        let program = self.ffmpeg.as_deref().ok_or(JobError::Gone)?;
        let plan = plan(job.product, finished, video.media)?;
        if matches!(job.product, ProductKind::Mp4(_)) && finished.assembly == Assembly::Mapped {
            let parts = db.parts_from(job.lease.session_id, 0).await.map_err(UploadError::from)?;
            if longest_gap_ms(&parts) > MP4_GAP_MS_MAX {
                return Err(JobError::Refused("it stands still for longer than an hour"));
            }
        }
        let folder = private::temporary().map_err(JobError::Run)?;
        let out = folder.path().join(job.product.name());
        let limits = plan.limits();
        let mut command =
            self.sandbox.command(program, folder.path(), &limits).map_err(JobError::Run)?;
        command.args(["-v", "error", "-nostdin", "-y"]);
        command.args(["-filter_threads", THREADS, "-threads", THREADS]);
        let (demuxer, demuxers) = demuxer_of(video.media);
        let pixels = if video.media.is_image() { IMAGE_PIXELS_MAX } else { VIDEO_PIXELS_MAX };
        command.args(["-max_pixels", pixels, "-max_streams", STREAMS_MAX]);
        command.args(["-format_whitelist", demuxers]);
        command.args(["-codec_whitelist", decoders_of(video.media)]);
        command.args(&plan.before_input);
        let seeks = matches!(video.media, Media::Mp4 | Media::Mov);
        command.args(["-protocol_whitelist", if seeks { "file" } else { "pipe" }]);
        command.args(["-f", demuxer, "-i"]);
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
        command.args(&plan.before_output).args(["-threads", THREADS]).arg(&out);
        self.ffmpeg(command, input, plan.time).await?;
        let measured = match job.product {
            ProductKind::Remux => measured(&out, video.media).await?,
            _ => None,
        };
        Ok((self.store(job, &out).await?, measured))
    }

    /// Reads the parts once, and stores the positions of their clusters.
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

    /// Runs ffmpeg and writes the video to its standard input, until ffmpeg has enough.
    async fn ffmpeg(
        &self,
        mut command: Command,
        map: Option<&Arc<MediaMap>>,
        time: Duration,
    ) -> Result<(), JobError> {
        let stdin = if map.is_some() { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut group = Group::spawn(&mut command).map_err(JobError::Run)?;
        let (stdin, stderr) = (group.child.stdin.take(), group.child.stderr.take());
        let feed = async {
            match (stdin, map) {
                (Some(mut stdin), Some(map)) => self.feed(&mut stdin, map).await,
                _ => Ok(()),
            }
        };
        let run = async {
            let (fed, said) = tokio::join!(feed, said(stderr));
            (fed, said, group.child.wait().await)
        };
        let Ok((fed, said, status)) = tokio::time::timeout(time, run).await else {
            group.end().await;
            return Err(JobError::TooLong(time));
        };
        let status = status.map_err(JobError::Run)?;
        fed?;
        if status.success() {
            return Ok(());
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::ExitStatusExt;
            match status.signal() {
                Some(libc::SIGXCPU) => return Err(JobError::TooLong(time)),
                Some(libc::SIGXFSZ) => {
                    return Err(JobError::Refused("what came out of it became too large"));
                }
                Some(libc::SIGKILL) => return Err(JobError::Killed),
                Some(_) | None => {}
            }
        }
        let last = said.lines().last().unwrap_or("it failed without a word").to_owned();
        Err(JobError::Ffmpeg(last))
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
            // ffmpeg closes the pipe when it has what it needs. Its exit status says whether it
            // succeeded.
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

/// Renews the lease. Returns only when the job belongs to another worker.
pub async fn keep(uploads: &Uploads, lease: &Lease) {
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

/// Returns whether the program prints its version inside the sandbox.
async fn answers(sandbox: Sandbox, program: &Path) -> bool {
    let Ok(folder) = private::temporary() else { return false };
    let limits = Limits {
        cpu: ANSWER_MAX,
        memory_bytes: PICTURE_MEMORY_BYTES,
        file_bytes: PICTURE_BYTES_MAX,
    };
    let Ok(mut command) = sandbox.command(program, folder.path(), &limits) else { return false };
    command.arg("-version").stderr(Stdio::null());
    let Ok(mut group) = Group::spawn(&mut command) else { return false };
    let ended = tokio::time::timeout(ANSWER_MAX, group.child.wait()).await;
    ended.is_ok_and(|status| status.is_ok_and(|status| status.success()))
}

/// Returns the demuxer and its full name, which the whitelist needs. The demuxer is set explicitly,
/// because ffmpeg would otherwise probe the file and could pick a playlist format that names other
/// files.
fn demuxer_of(media: Media) -> (&'static str, &'static str) {
    match media {
        Media::Webm | Media::Mkv | Media::Unknown => ("matroska", "matroska,webm"),
        Media::Mp4 | Media::Mov => ("mov", "mov,mp4,m4a,3gp,3g2,mj2"),
        Media::Png => ("png_pipe", "png_pipe"),
        Media::Jpeg => ("jpeg_pipe", "jpeg_pipe"),
        Media::Webp => ("webp_pipe", "webp_pipe"),
        Media::Gif => ("gif", "gif"),
    }
}

fn decoders_of(media: Media) -> &'static str {
    match media {
        Media::Webm | Media::Mkv | Media::Unknown | Media::Mp4 | Media::Mov => DECODERS,
        Media::Png => "png",
        Media::Jpeg => "mjpeg",
        // Lossy WebP images are VP8.
        Media::Webp => "webp,vp8",
        Media::Gif => "gif",
    }
}

/// The arguments for ffmpeg, and its limits.
#[derive(Debug)]
struct Plan {
    before_input: Vec<String>,
    before_output: Vec<String>,
    time: Duration,
    memory_bytes: u64,
    file_bytes: u64,
}

impl Plan {
    fn limits(&self) -> Limits {
        let Plan { time, memory_bytes, file_bytes, .. } = *self;
        // CPU time is summed over all threads of decoder, filter and encoder. The time limit should
        // take effect before this one.
        Limits { cpu: time * 4, memory_bytes, file_bytes }
    }
}

fn plan(product: ProductKind, of: &Finished, media: Media) -> Result<Plan, JobError> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let video = Duration::from_millis(of.duration_ms);
    let mp4_time = (MP4_BASE + video.mul_f32(1.5)).min(MP4_MAX);
    let picture = Plan {
        before_input: Vec::new(),
        before_output: Vec::new(),
        time: THUMBNAIL_MAX,
        memory_bytes: PICTURE_MEMORY_BYTES,
        file_bytes: PICTURE_BYTES_MAX,
    };
    Ok(match product {
        ProductKind::Thumbnail => {
            let at_ms = (of.duration_ms / 4).min(PICTURE_AT_MS_MAX);
            let mut before_output = words("-frames:v 1 -an -q:v 4 -vf scale='min(1280,iw)':-2");
            if !media.is_image() {
                before_output.extend(["-ss".to_owned(), format!("{at_ms}ms")]);
            }
            Plan { before_output, ..picture }
        }
        ProductKind::Preview => {
            let at_ms = (of.duration_ms / 10).min(PREVIEW_AT_MS_MAX);
            let end_ms = at_ms + PREVIEW_MS;
            // Nothing after the preview's end is read. What comes before its start is cut off before
            // the frame rate is made constant: a gap of a day would become 700,000 frames.
            let before_input = vec!["-t".to_owned(), format!("{end_ms}ms")];
            let cut = format!("trim=start={}:end={}", seconds(at_ms), seconds(end_ms));
            let even = "setpts=PTS-STARTPTS,fps=8,scale='min(400,iw)':-2";
            let mut before_output = words("-an -c:v libwebp_anim -quality 55 -loop 0");
            before_output.extend(["-vf".to_owned(), format!("{cut},{even}")]);
            before_output.extend(["-t".to_owned(), format!("{PREVIEW_MS}ms")]);
            Plan { before_input, before_output, time: PREVIEW_MAX, ..picture }
        }
        ProductKind::Mp4(height) => {
            if of.duration_ms > MP4_DURATION_MS_MAX {
                return Err(JobError::Refused("it is longer than twelve hours"));
            }
            let scale = format!("scale=-2:'min({},trunc(ih/2)*2)'", height.lines());
            let mut before_output = words("-c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p");
            before_output.extend(["-vf".to_owned(), scale]);
            // A recording of a still screen has few frames, but players want a constant frame rate.
            before_output.extend(words("-c:a aac -b:a 128k -fps_mode cfr -r 30"));
            before_output.extend(words("-movflags +faststart"));
            // This also limits a file whose stated duration is wrong.
            before_output.extend(["-t".to_owned(), format!("{MP4_DURATION_MS_MAX}ms")]);
            let bytes_max = video.as_secs().saturating_mul(MP4_BYTES_PER_SECOND);
            let file_bytes = MP4_BYTES_BASE.saturating_add(bytes_max.max(of.size_bytes));
            Plan {
                before_output,
                time: mp4_time,
                memory_bytes: VIDEO_MEMORY_BYTES,
                file_bytes,
                ..picture
            }
        }
        ProductKind::Remux => {
            let container = match media {
                Media::Mp4 | Media::Mov => "-movflags +faststart -f mp4",
                Media::Mkv => "-f matroska",
                Media::Webm
                | Media::Png
                | Media::Jpeg
                | Media::Webp
                | Media::Gif
                | Media::Unknown => "-f webm",
            };
            let before_output = words(&format!("-map 0:v:0 -map 0:a:0? -c copy {container}"));
            let file_bytes = MP4_BYTES_BASE.saturating_add(of.size_bytes.saturating_mul(2));
            Plan { before_output, time: MP4_BASE, file_bytes, ..picture }
        }
        ProductKind::Index | ProductKind::Captions => return Err(JobError::Gone),
    })
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Returns the longest gap between neighboring clusters, or the longest cluster if that is longer.
fn longest_gap_ms(parts: &[Part]) -> u64 {
    let mut longest = 0;
    let mut last_end = None;
    for part in parts {
        let Layout::Clusters { clusters, .. } = &part.layout else { continue };
        for cluster in clusters {
            let begins = last_end.unwrap_or(cluster.start_ms());
            longest = longest.max(cluster.start_ms().saturating_sub(begins));
            longest = longest.max(cluster.end_ms().saturating_sub(cluster.start_ms()));
            last_end = Some(cluster.end_ms());
        }
    }
    longest
}

/// Reads the duration and size from ffmpeg's output file, which has them in its header.
async fn measured(file: &Path, media: Media) -> Result<Option<Measured>, JobError> {
    let mut head = Vec::new();
    let mut file = tokio::fs::File::open(file).await.map_err(JobError::Run)?;
    let size_bytes = file.metadata().await.map_err(JobError::Run)?.len();
    if matches!(media, Media::Mp4 | Media::Mov) {
        let mut walk = mp4::Walk::new(size_bytes);
        loop {
            let wants = walk.wants();
            let mut bytes = vec![0; (wants.end - wants.start) as usize];
            file.seek(SeekFrom::Start(wants.start)).await.map_err(JobError::Run)?;
            file.read_exact(&mut bytes).await.map_err(JobError::Run)?;
            match walk.step(&bytes) {
                Ok(mp4::Step::On) => {}
                Ok(mp4::Step::Done(told)) => {
                    let duration_ms = told.duration_ms;
                    return Ok(Some(Measured { duration_ms, size_bytes }));
                }
                Err(_) => return Ok(None),
            }
        }
    }
    file.take(HEAD_BYTES).read_to_end(&mut head).await.map_err(JobError::Run)?;
    let duration_ms = read_init(&head).ok().and_then(|init| init.duration_ms);
    Ok(duration_ms.map(|duration_ms| Measured { duration_ms, size_bytes }))
}

async fn said(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let Some(stderr) = stderr else { return String::new() };
    let mut said = Vec::new();
    let mut head = stderr.take(ERROR_BYTES_MAX);
    head.read_to_end(&mut said).await.ok();
    // The rest is read too, because ffmpeg would otherwise block on a full pipe.
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

        let slow = db
            .claim(Lane::Pictures, true, 0, LEASE_MS)
            .await
            .unwrap()
            .expect("finalize enqueued it, once");
        assert!(
            db.claim(Lane::Pictures, true, 0, LEASE_MS).await.unwrap().is_none(),
            "it is taken"
        );
        assert!(db.keep(&slow.lease, 2 * LEASE_MS).await.unwrap());
        assert!(
            db.claim(Lane::Pictures, true, 2 * LEASE_MS - 1, 0).await.unwrap().is_none(),
            "and kept"
        );
        let quick = db
            .claim(Lane::Pictures, true, 2 * LEASE_MS, 3 * LEASE_MS)
            .await
            .unwrap()
            .expect("it was let go");
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
        assert!(
            db.claim(Lane::Pictures, true, 99 * LEASE_MS, 0).await.unwrap().is_none(),
            "nothing is left to do"
        );
    }
}
