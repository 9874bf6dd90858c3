//! The picture of a video in lists, in the player before it plays, and in messengers.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use snaplark_api::limits::SCREENSHOT_BYTES_MAX;
use snaplark_cloud_data::db::{Lane, ProductName};
use snaplark_formats::animation::first_webp_frame;
use snaplark_formats::sniff::MediaKind;

use super::background_job::{BackgroundJob, JobInput, Made, Planned};
use super::error::JobError;
use super::ffmpeg::{FfmpegPlan, words};
use super::kind::ProductKind;

const TIME_MAX: Duration = Duration::from_secs(60);
/// The latest position of the thumbnail. It is past the first moment, in which recorders often show
/// themselves.
const AT_MS_MAX: u64 = 2_000;

/// A JPEG of at most 1,280 pixels in width.
pub static THUMBNAIL: ProductKind =
    ProductKind { name: ProductName::new("thumbnail.jpg"), mime: "image/jpeg", is_served: true };

pub(super) struct ThumbnailJob;

impl BackgroundJob for ThumbnailJob {
    fn product(&self) -> &'static ProductKind {
        &THUMBNAIL
    }

    fn planned(&self) -> Planned {
        Planned::AtFinalize(|_| true)
    }

    fn lane(&self) -> Lane {
        Lane::Pictures
    }

    fn run<'a>(&'a self, work: &'a JobInput<'a>) -> BoxFuture<'a, Result<Made, JobError>> {
        let duration_ms = work.finished.map_or(0, |finished| finished.duration_ms);
        let at_ms = (duration_ms / 4).min(AT_MS_MAX);
        let mut before_output = words("-frames:v 1 -an -q:v 4 -vf scale='min(1280,iw)':-2");
        if !work.media.is_image() {
            before_output.extend(["-ss".to_owned(), format!("{at_ms}ms")]);
        }
        let plan = FfmpegPlan::picture(before_output, TIME_MAX);
        Box::pin(async move {
            match first_frame(work).await? {
                Some(frame) => work.make_by_ffmpeg_of(&plan, frame).await,
                None => work.make_by_ffmpeg(&plan).await,
            }
        })
    }
}

/// Returns the first frame of an animated WebP, which ffmpeg reads only from version 8 on. `None` for everything else.
async fn first_frame(work: &JobInput<'_>) -> Result<Option<Bytes>, JobError> {
    if work.media != MediaKind::Webp || work.map.len_bytes() > SCREENSHOT_BYTES_MAX {
        return Ok(None);
    }
    let mut file = Vec::new();
    work.read(|bytes| {
        file.extend_from_slice(bytes);
        Ok(())
    })
    .await?;
    Ok(first_webp_frame(&file).map(Bytes::from))
}
