//! The products of a video: one file for each, and the one list that names them all.
//!
//! ```text
//! jobs (runs) ──> uploads (plans) ──> products ──> background_job   what a product is and needs
//!                                        │    └──> thumbnail, preview, stream, mp4, index, remux, captions
//!                                        └──> ffmpeg ──> sandbox
//! ```
//! To add a product, add its file, its `mod` and its line in `JOBS`. Rows, URLs, leases, retries and the
//! API's list of jobs work by its name.

mod background_job;
mod captions;
mod encoder;
mod error;
mod ffmpeg;
mod growing;
mod index;
mod kind;
mod mode;
mod mp4;
mod preview;
mod remux;
mod stream;
mod thumbnail;

use snaplark_cloud_data::db::{Lane, ProductName};
use snaplark_formats::sniff::MediaKind;

pub(crate) use background_job::{BackgroundJob, FinalizedVideo, JobInput, Made};
pub(crate) use error::JobError;
pub(crate) use ffmpeg::Ffmpeg;
pub(crate) use index::INDEX;
pub(crate) use remux::REMUX;

pub use captions::CAPTIONS;
pub use encoder::{HardwareEncoder, Mp4Encoder, ffmpeg_report};
pub use growing::QUIET_MAX;
pub use kind::ProductKind;
pub use mode::{Mp4Mode, StreamHeights};
pub use mp4::Mp4Height;
pub use preview::PREVIEW;
pub use stream::{PIECE_MS, StreamFacts};
pub use thumbnail::THUMBNAIL;

use background_job::Planned;

/// All jobs.
static JOBS: [&dyn BackgroundJob; 10] = [
    &thumbnail::ThumbnailJob,
    &preview::PreviewJob,
    &mp4::Mp4Job(Mp4Height::P1080),
    &mp4::Mp4Job(Mp4Height::P720),
    &mp4::Mp4Job(Mp4Height::P480),
    &stream::StreamJob(Mp4Height::P1080),
    &stream::StreamJob(Mp4Height::P720),
    &stream::StreamJob(Mp4Height::P480),
    &index::IndexJob,
    &remux::RemuxJob,
];

/// The products that no job makes.
static WITHOUT_JOB: [&ProductKind; 1] = [&CAPTIONS];

impl ProductKind {
    /// Returns the product with this name.
    pub fn of(name: &str) -> Option<&'static Self> {
        let mut kinds = WITHOUT_JOB.into_iter().chain(JOBS.iter().map(|job| job.product()));
        kinds.find(|kind| kind.name.as_str() == name)
    }

    /// Returns whether it can be made while parts are still arriving.
    pub fn follows_upload(&self) -> bool {
        job(&self.name).is_some_and(BackgroundJob::follows_upload)
    }

    /// Returns what messages call the product, if it is made when someone asks for it.
    pub fn noun_on_request(&self) -> Option<&'static str> {
        match job(&self.name)?.planned() {
            Planned::OnRequest { noun } => Some(noun),
            Planned::AtFinalize(_) => None,
        }
    }
}

/// Returns the job that makes this product.
pub(crate) fn job(name: &ProductName) -> Option<&'static dyn BackgroundJob> {
    JOBS.into_iter().find(|job| job.product().name == *name)
}

/// Returns the products that a worker of this lane can make.
pub(crate) fn of_lane(lane: Lane, has_ffmpeg: bool) -> Vec<&'static ProductName> {
    let lane = match lane {
        Lane::FinishedStreams => Lane::Streams,
        Lane::Pictures | Lane::Videos | Lane::Streams => lane,
    };
    let can = |job: &&dyn BackgroundJob| job.lane() == lane && (has_ffmpeg || !job.needs_ffmpeg());
    JOBS.into_iter().filter(can).map(|job| &job.product().name).collect()
}

/// Returns the streams that are made of a video without being asked for, with these settings.
pub(crate) fn planned_streams(
    mode: Mp4Mode,
    heights: &[Mp4Height],
    media: MediaKind,
    is_finished: bool,
) -> Vec<&'static ProductName> {
    let is_video = match media {
        MediaKind::Webm | MediaKind::Mkv => true,
        // Browsers' recorders write H.264 into MP4, which plays as it is.
        MediaKind::Mp4 | MediaKind::Mov | MediaKind::Unknown => false,
        MediaKind::Png | MediaKind::Jpeg | MediaKind::Webp | MediaKind::Gif => false,
    };
    let is_planned = match mode {
        Mp4Mode::Live => true,
        Mp4Mode::After => is_finished,
        Mp4Mode::OnDemand | Mp4Mode::Never => false,
    };
    let heights = heights.iter().filter(|_| is_video && is_planned);
    heights.map(|height| &height.stream().name).collect()
}

/// Returns the products that are made of a video without being asked for.
pub(crate) fn planned(video: &FinalizedVideo) -> Vec<&'static ProductName> {
    let is_planned = |job: &&dyn BackgroundJob| match job.planned() {
        Planned::AtFinalize(is_planned) => is_planned(video),
        Planned::OnRequest { .. } => false,
    };
    JOBS.into_iter().filter(is_planned).map(|job| &job.product().name).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use snaplark_cloud_data::db::Assembly;

    use super::*;

    #[test]
    fn names_are_unique_and_fit_the_statements() {
        let mut seen = HashSet::new();
        for kind in JOBS.iter().map(|job| job.product()).chain(WITHOUT_JOB) {
            assert!(kind.name.is_valid() && kind.name.is_known(), "{kind:?}");
            assert!(seen.insert(kind.name.as_str()), "{kind:?} is there twice");
            assert_eq!(ProductKind::of(kind.name.as_str()), Some(kind));
        }
        assert_eq!(ProductKind::of("scrub"), None);
    }

    /// Returns the names that finalize plans.
    fn plan(media: MediaKind, assembly: Assembly, states_duration: bool) -> Vec<&'static str> {
        let video = FinalizedVideo { media, assembly, states_duration };
        planned(&video).into_iter().map(ProductName::as_str).collect()
    }

    #[test]
    fn finalize_plans_what_the_media_needs() {
        use Assembly::{Joined, Mapped};
        let pictures = ["thumbnail.jpg", "preview.webp"];
        assert_eq!(plan(MediaKind::Webm, Mapped, true), pictures);
        assert_eq!(plan(MediaKind::Mkv, Joined, false), [pictures[0], pictures[1], "index.json"]);
        assert_eq!(plan(MediaKind::Mp4, Joined, true), pictures);
        assert_eq!(plan(MediaKind::Mov, Joined, false), [pictures[0], pictures[1], "remux.webm"]);
        assert_eq!(plan(MediaKind::Png, Joined, false), ["thumbnail.jpg"]);
    }

    #[test]
    fn stream_is_planned_as_the_setting_says() {
        use Mp4Mode::{After, Live, Never, OnDemand};
        let planned = |mode, media| {
            let heights = [Mp4Height::P720, Mp4Height::P480];
            [false, true].map(|is_finished| {
                let streams = planned_streams(mode, &heights, media, is_finished);
                assert!([0, 2].contains(&streams.len()));
                !streams.is_empty()
            })
        };
        assert_eq!(planned(Live, MediaKind::Webm), [true, true]);
        assert_eq!(planned(After, MediaKind::Mkv), [false, true]);
        assert_eq!(planned(OnDemand, MediaKind::Webm), [false, false]);
        assert_eq!(planned(Never, MediaKind::Webm), [false, false]);
        assert_eq!(planned(Live, MediaKind::Mp4), [false, false]);
        assert_eq!(planned(Live, MediaKind::Png), [false, false]);
    }

    #[test]
    fn without_ffmpeg_only_the_index_is_made() {
        let names: Vec<_> =
            of_lane(Lane::Pictures, false).into_iter().map(|it| it.as_str()).collect();
        assert_eq!(names, ["index.json"]);
        assert!(of_lane(Lane::Videos, false).is_empty());
        assert_eq!(of_lane(Lane::Videos, true).len(), 4);
        assert_eq!(of_lane(Lane::Streams, true).len(), 3);
        assert_eq!(of_lane(Lane::FinishedStreams, true).len(), 3);
    }
}
