//! The same streams in a new file, for a video that can't be seeked as it came.

use std::io::SeekFrom;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use snaplark_cloud_data::db::{Lane, Measured, ProductName};
use snaplark_formats::mp4;
use snaplark_formats::sniff::MediaKind;
use snaplark_formats::webm::read_init;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::background_job::{BackgroundJob, JobInput, Made, Planned};
use super::error::JobError;
use super::ffmpeg::{FfmpegPlan, words};
use super::kind::ProductKind;

/// Nothing is encoded, so this is the time to read and write the file.
const TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// The room for heads and indexes, beside twice the size of the streams.
const BYTES_BASE: u64 = 64 * 1024 * 1024;
/// The number of bytes of ffmpeg's output that are read to parse its header.
const HEAD_BYTES: u64 = 64 * 1024;

/// The whole video as one seekable file. It is served in place of the parts, in their own format
/// whatever its name says.
pub(crate) static REMUX: ProductKind =
    ProductKind { name: ProductName::new("remux.webm"), mime: "video/webm", is_served: false };

pub(super) struct RemuxJob;

impl BackgroundJob for RemuxJob {
    fn product(&self) -> &'static ProductKind {
        &REMUX
    }

    /// A recorder's MP4 states no duration and has no index of its fragments. The copy has both. For
    /// WebM, `index` asks for a remux if it finds that it can't make an index.
    fn planned(&self) -> Planned {
        Planned::AtFinalize(|video| {
            matches!(video.media, MediaKind::Mp4 | MediaKind::Mov) && !video.states_duration
        })
    }

    fn lane(&self) -> Lane {
        Lane::Videos
    }

    fn changes_video(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, work: &'a JobInput<'a>) -> BoxFuture<'a, Result<Made, JobError>> {
        let container = match work.media {
            MediaKind::Mp4 | MediaKind::Mov => "-movflags +faststart -f mp4",
            MediaKind::Mkv => "-f matroska",
            MediaKind::Webm
            | MediaKind::Png
            | MediaKind::Jpeg
            | MediaKind::Webp
            | MediaKind::Gif
            | MediaKind::Unknown => "-f webm",
        };
        let before_output = words(&format!("-map 0:v:0 -map 0:a:0? -c copy {container}"));
        let size_bytes = work.finished.map_or(0, |finished| finished.size_bytes);
        let file_bytes = BYTES_BASE.saturating_add(size_bytes.saturating_mul(2));
        let plan = FfmpegPlan { file_bytes, ..FfmpegPlan::picture(before_output, TIME_MAX) };
        Box::pin(async move {
            work.make_and_measure(&plan, async |file| measured(file, work.media).await).await
        })
    }
}

/// Reads the duration and size from ffmpeg's output file, which has them in its header.
async fn measured(file: &Path, media: MediaKind) -> Result<Option<Measured>, JobError> {
    let mut head = Vec::new();
    let mut file = tokio::fs::File::open(file).await.map_err(JobError::Run)?;
    let size_bytes = file.metadata().await.map_err(JobError::Run)?.len();
    if matches!(media, MediaKind::Mp4 | MediaKind::Mov) {
        let mut walk = mp4::Walk::new(size_bytes);
        loop {
            let wants = walk.wants();
            let mut bytes = vec![0; (wants.end - wants.start) as usize];
            file.seek(SeekFrom::Start(wants.start)).await.map_err(JobError::Run)?;
            file.read_exact(&mut bytes).await.map_err(JobError::Run)?;
            match walk.step(&bytes) {
                Ok(mp4::Mp4Step::On) => {}
                Ok(mp4::Mp4Step::Done(told)) => {
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
