//! MP4s of a video, for programs that play no WebM. They are made when someone asks for one.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use futures_util::future::BoxFuture;
use snaplark_cloud_data::db::{Assembly, Finished, Lane, ProductName, StoredPart};
use snaplark_formats::sniff::MediaKind;

use super::background_job::{BackgroundJob, JobInput, Made, Planned};
use super::encoder::{EncoderArguments, HardwareEncoder};
use super::error::JobError;
use super::ffmpeg::{FfmpegInput, FfmpegPlan, words};
use super::kind::ProductKind;
use super::stream::StreamPieces;

/// The time allowed for an MP4, in addition to one and a half times the video's duration. A slow
/// machine encodes nearly as fast as the video plays.
const TIME_BASE: Duration = Duration::from_secs(10 * 60);
const TIME_MAX: Duration = Duration::from_secs(4 * 60 * 60);
/// The time to copy the pieces of a stream into one file.
const COPY_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// No MP4 is made of longer videos.
pub(super) const DURATION_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// No MP4 is made of videos with longer gaps between frames: each second of a gap becomes 30 frames.
pub(super) const GAP_MS_MAX: u64 = 60 * 60 * 1000;
pub(super) const STANDS_STILL: JobError =
    JobError::Refused("it stands still for longer than an hour");
/// The time to list a video's pictures, for which it is read and nothing is decoded.
const LIST_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// Twelve hours of 120 pictures a second have a list of 360 MB.
const LIST_BYTES_MAX: u64 = 512 * 1024 * 1024;
const LIST_NAME: &str = "pictures.txt";
/// The words of ffmpeg about a video that has sound alone.
const NO_PICTURES: &str = "does not contain any stream";
/// 16 Mbit/s, twice what a height of 1080 takes.
pub(super) const BYTES_PER_SECOND: u64 = 2 * 1024 * 1024;
pub(super) const BYTES_BASE: u64 = 64 * 1024 * 1024;
/// The limit on address space. 8K VP9 takes about 1 GB, the encoder about as much.
pub(super) const MEMORY_BYTES: u64 = 2560 * 1024 * 1024;

/// The maximum height of an MP4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mp4Height {
    /// The picture has at most 1,080 lines.
    P1080,
    /// The picture has at most 720 lines.
    P720,
    /// The picture has at most 480 lines.
    P480,
}

static MP4_1080: ProductKind = kind("1080.mp4");
static MP4_720: ProductKind = kind("720.mp4");
static MP4_480: ProductKind = kind("480.mp4");

const fn kind(name: &'static str) -> ProductKind {
    ProductKind { name: ProductName::new(name), mime: "video/mp4", is_served: true }
}

impl Mp4Height {
    /// Lists all heights, the greatest first.
    pub const ALL: [Mp4Height; 3] = [Mp4Height::P1080, Mp4Height::P720, Mp4Height::P480];

    /// Returns the height in lines.
    pub const fn lines(self) -> u32 {
        match self {
            Mp4Height::P1080 => 1080,
            Mp4Height::P720 => 720,
            Mp4Height::P480 => 480,
        }
    }

    /// Returns the height with this number of lines.
    pub fn of_lines(lines: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|height| height.lines() == lines)
    }

    /// Returns ffmpeg's filter that scales a picture down to this height.
    pub(super) fn scale(self) -> String {
        format!("scale=-2:'min({},trunc(ih/2)*2)'", self.lines())
    }

    /// Returns the product: an MP4 of at most this height.
    pub fn product(self) -> &'static ProductKind {
        match self {
            Mp4Height::P1080 => &MP4_1080,
            Mp4Height::P720 => &MP4_720,
            Mp4Height::P480 => &MP4_480,
        }
    }
}

pub(super) struct Mp4Job(pub(super) Mp4Height);

impl BackgroundJob for Mp4Job {
    fn product(&self) -> &'static ProductKind {
        self.0.product()
    }

    fn planned(&self) -> Planned {
        Planned::OnRequest { noun: "MP4" }
    }

    fn lane(&self) -> Lane {
        Lane::Videos
    }

    fn run<'a>(&'a self, work: &'a JobInput<'a>) -> BoxFuture<'a, Result<Made, JobError>> {
        Box::pin(async move {
            let of = work.finished()?;
            if let Some(stream) = StreamPieces::of(work, self.0).await? {
                return from_stream(work, &stream).await;
            }
            refuse_what_takes_days(work, of).await?;
            let encoder = work.hardware().await?;
            match work.make_by_ffmpeg(&self.plan(of, encoder)).await {
                Err(error) if work.needs_software(encoder, &error) => {
                    work.make_by_ffmpeg(&self.plan(of, None)).await
                }
                made => made,
            }
        })
    }
}

impl Mp4Job {
    fn plan(&self, of: &Finished, encoder: Option<HardwareEncoder>) -> FfmpegPlan {
        let video = Duration::from_millis(of.duration_ms);
        let scale = self.0.scale();
        let EncoderArguments { before_input, filter, codec, memory_bytes } =
            EncoderArguments::of(encoder, self.0);
        let mut before_output = codec;
        before_output.extend(["-vf".to_owned(), format!("{scale}{filter}")]);
        // A recording of a still screen has few frames, but players want a constant frame rate.
        before_output.extend(words("-c:a aac -b:a 128k -fps_mode cfr -r 30"));
        before_output.extend(words("-movflags +faststart"));
        // This also limits a file whose stated duration is wrong.
        before_output.extend(["-t".to_owned(), format!("{DURATION_MS_MAX}ms")]);
        let bytes_max = video.as_secs().saturating_mul(BYTES_PER_SECOND).max(of.size_bytes);
        FfmpegPlan {
            before_input,
            before_output,
            time: encoding_time(of),
            memory_bytes,
            file_bytes: BYTES_BASE.saturating_add(bytes_max),
            hardware: encoder,
        }
    }
}

/// Copies the pieces of a stream of the same height into one file with its index at the beginning. Nothing
/// is encoded again.
async fn from_stream(work: &JobInput<'_>, stream: &StreamPieces) -> Result<Made, JobError> {
    let file_bytes = BYTES_BASE.saturating_add(stream.map.len_bytes().saturating_mul(2));
    let before_output = words("-map 0 -c copy -movflags +faststart");
    let plan = FfmpegPlan { file_bytes, ..FfmpegPlan::picture(before_output, COPY_TIME_MAX) };
    let ffmpeg = work.ffmpeg.ok_or(JobError::Gone)?;
    let (storage, map) = (work.storage, &stream.map);
    let input = FfmpegInput { storage, map, media: MediaKind::Mp4, instead: None };
    let out = ffmpeg.run(&plan, &input, work.product.name.as_str()).await?;
    Ok(Made { written: work.store_file(&out.file).await?, measured: None })
}

/// Returns the time that encoding a video may take.
pub(super) fn encoding_time(of: &Finished) -> Duration {
    (TIME_BASE + Duration::from_millis(of.duration_ms).mul_f32(1.5)).min(TIME_MAX)
}

/// Refuses videos whose encoding would take much longer than they are large.
pub(super) async fn refuse_what_takes_days(
    work: &JobInput<'_>,
    of: &Finished,
) -> Result<(), JobError> {
    if of.duration_ms > DURATION_MS_MAX {
        return Err(JobError::Refused("it is longer than twelve hours"));
    }
    let gap_ms = match of.assembly {
        Assembly::Mapped => longest_gap_ms(&work.db.parts_from(work.session, 0).await?),
        Assembly::Joined => longest_gap_of_pictures_ms(work).await?,
    };
    if gap_ms > GAP_MS_MAX {
        return Err(STANDS_STILL);
    }
    Ok(())
}

/// Returns the longest gap between neighboring clusters, or the longest cluster if that is longer.
fn longest_gap_ms(parts: &[StoredPart]) -> u64 {
    let mut longest = 0;
    let mut last_end = None;
    for part in parts {
        for cluster in part.clusters() {
            let begins = last_end.unwrap_or(cluster.start_ms());
            longest = longest.max(cluster.start_ms().saturating_sub(begins));
            longest = longest.max(cluster.end_ms().saturating_sub(cluster.start_ms()));
            last_end = Some(cluster.end_ms());
        }
    }
    longest
}

/// Returns the longest time for which the video shows one picture. ffmpeg itself lists the pictures of the
/// track that it would encode: whatever reads the file in another way could be deceived.
async fn longest_gap_of_pictures_ms(work: &JobInput<'_>) -> Result<u64, JobError> {
    let before_output = words("-an -sn -dn -c copy -f framecrc");
    let plan = FfmpegPlan {
        file_bytes: LIST_BYTES_MAX,
        ..FfmpegPlan::picture(before_output, LIST_TIME_MAX)
    };
    let list = match work.run_ffmpeg(&plan, LIST_NAME).await {
        Ok(list) => list,
        Err(JobError::Ffmpeg(said)) if said.contains(NO_PICTURES) => return Ok(0),
        Err(error) => return Err(error),
    };
    let read = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(&list.file)?;
        longest_gap_of_list_ms(BufReader::new(file))
    });
    read.await.map_err(std::io::Error::other).flatten().map_err(JobError::Run)
}

/// Reads ffmpeg's `framecrc`: `#tb 0: 1/1000`, and for each picture its stream, decoding time, time,
/// duration, size and checksum.
fn longest_gap_of_list_ms(list: impl BufRead) -> std::io::Result<u64> {
    let (mut numerator, mut denominator) = (1_i128, 1_000_i128);
    // A video that begins late shows its first picture from the start.
    let (mut longest, mut latest) = (0, 0);
    for line in list.lines() {
        let line = line?;
        if let Some(base) = line.strip_prefix("#tb 0: ") {
            let parsed = base.split_once('/').map(|(above, below)| (above.parse(), below.parse()));
            if let Some((Ok(above), Ok(below))) = parsed
                && below > 0
            {
                (numerator, denominator) = (above, below);
            }
            continue;
        }
        let mut fields = line.split(',').map(|field| field.trim().parse::<i64>());
        // A picture without a time follows the one before it.
        let (Some(Ok(time)), Some(Ok(duration))) = (fields.nth(2), fields.next()) else { continue };
        longest = longest.max(time.saturating_sub(latest)).max(duration);
        latest = latest.max(time);
    }
    let ms = i128::from(longest) * numerator * 1_000 / denominator;
    Ok(u64::try_from(ms).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_gap_is_that_of_pictures_in_any_order_and_counts_beginning_and_end() {
        let gap_of =
            |lines: &str| longest_gap_of_list_ms(format!("#tb 0: 1/90000\n{lines}").as_bytes());
        let second = 90_000;
        let line = |time: i64, duration: i64| {
            format!("0, {time}, {}, {}, 5, 0xa\n", time * second, duration * second)
        };
        assert_eq!(gap_of("").unwrap(), 0);
        assert_eq!(
            gap_of(&[line(0, 1), line(3, 1), line(1, 1), line(4, 1)].concat()).unwrap(),
            3_000
        );
        assert_eq!(gap_of(&[line(7, 1), line(8, 1)].concat()).unwrap(), 7_000);
        assert_eq!(gap_of(&[line(0, 1), line(1, 9)].concat()).unwrap(), 9_000);
        assert_eq!(gap_of("no list\n0, 1, NOPTS, 3\n").unwrap(), 0);
        assert!(gap_of(&format!("0, 0, {0}, 1\n0, 0, -{0}, 1", i64::MAX)).unwrap() > 0);
    }
}
