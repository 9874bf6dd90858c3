//! The silent animation of a few seconds that the list of videos shows below the pointer.

use std::time::Duration;

use futures_util::future::BoxFuture;
use snaplark_cloud_data::db::{Lane, ProductName};

use super::background_job::{BackgroundJob, JobInput, Made, Planned};
use super::error::JobError;
use super::ffmpeg::{FfmpegPlan, words};
use super::kind::ProductKind;

const TIME_MAX: Duration = Duration::from_secs(90);
const LENGTH_MS: u64 = 3_000;
/// The latest position of the preview. It is past the beginning, where usually nothing happens, and
/// no later, because everything before it has to be decoded.
const AT_MS_MAX: u64 = 10_000;

/// An animated WebP of at most 400 pixels in width.
pub static PREVIEW: ProductKind =
    ProductKind { name: ProductName::new("preview.webp"), mime: "image/webp", is_served: true };

pub(super) struct PreviewJob;

impl BackgroundJob for PreviewJob {
    fn product(&self) -> &'static ProductKind {
        &PREVIEW
    }

    fn planned(&self) -> Planned {
        Planned::AtFinalize(|video| !video.media.is_image())
    }

    fn lane(&self) -> Lane {
        Lane::Pictures
    }

    fn run<'a>(&'a self, work: &'a JobInput<'a>) -> BoxFuture<'a, Result<Made, JobError>> {
        let duration_ms = work.finished.map_or(0, |finished| finished.duration_ms);
        let at_ms = (duration_ms / 10).min(AT_MS_MAX);
        let end_ms = at_ms + LENGTH_MS;
        // Nothing after the preview's end is read. What comes before its start is cut off before
        // the frame rate is made constant: a gap of a day would become 700,000 frames.
        let before_input = vec!["-t".to_owned(), format!("{end_ms}ms")];
        let cut = format!("trim=start={}:end={}", seconds(at_ms), seconds(end_ms));
        let even = "setpts=PTS-STARTPTS,fps=8,scale='min(400,iw)':-2";
        let mut before_output = words("-an -c:v libwebp_anim -quality 55 -loop 0");
        before_output.extend(["-vf".to_owned(), format!("{cut},{even}")]);
        before_output.extend(["-t".to_owned(), format!("{LENGTH_MS}ms")]);
        let plan = FfmpegPlan { before_input, ..FfmpegPlan::picture(before_output, TIME_MAX) };
        Box::pin(async move { work.make_by_ffmpeg(&plan).await })
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}
