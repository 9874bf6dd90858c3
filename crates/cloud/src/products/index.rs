//! The index of parts that were cut at arbitrary positions. With it they are served as a seekable video
//! without copying them (`stream_index`).

use futures_util::future::BoxFuture;
use snaplark_cloud_data::db::{Assembly, Lane, Measured, ProductName};
use snaplark_formats::sniff::MediaKind;
use snaplark_formats::webm::{Scan, WebmError};

use super::background_job::{BackgroundJob, JobInput, Made, Planned};
use super::error::JobError;
use super::kind::ProductKind;
use super::remux::REMUX;
use crate::stream_index::StreamIndex;

/// Each cluster of an index costs each reader a request to the storage. Streams with many tiny
/// clusters are remuxed into larger ones instead.
const TINY_CLUSTERS_MAX: usize = 1_000;
const CLUSTER_BYTES_MIN: u64 = 2_048;

/// A [`StreamIndex`] in JSON.
pub(crate) static INDEX: ProductKind = ProductKind {
    name: ProductName::new("index.json"),
    mime: "application/json",
    is_served: false,
};

pub(super) struct IndexJob;

impl BackgroundJob for IndexJob {
    fn product(&self) -> &'static ProductKind {
        &INDEX
    }

    fn planned(&self) -> Planned {
        Planned::AtFinalize(|video| {
            video.assembly == Assembly::Joined
                && matches!(video.media, MediaKind::Webm | MediaKind::Mkv)
        })
    }

    fn lane(&self) -> Lane {
        Lane::Pictures
    }

    fn needs_ffmpeg(&self) -> bool {
        false
    }

    fn changes_video(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, work: &'a JobInput<'a>) -> BoxFuture<'a, Result<Made, JobError>> {
        Box::pin(async move {
            let mut scan = Scan::new();
            work.read(|bytes| scan.push(bytes).map_err(no_index)).await?;
            let (init, clusters) = scan.finish().map_err(no_index)?;
            let bytes_each = work.map.len_bytes() / (clusters.len() as u64).max(1);
            if clusters.len() > TINY_CLUSTERS_MAX && bytes_each < CLUSTER_BYTES_MIN {
                return Err(no_index(WebmError::TooManyClusters(TINY_CLUSTERS_MAX)));
            }
            let index = StreamIndex::new(&init, &clusters).map_err(no_index)?;
            let written = work.store(index.to_bytes().into()).await?;
            let StreamIndex { duration_ms, size_bytes, .. } = index;
            Ok(Made { written, measured: Some(Measured { duration_ms, size_bytes }) })
        })
    }
}

fn no_index(error: WebmError) -> JobError {
    let reason =
        format!("it has no index ({error}): its streams are copied into a new file instead");
    JobError::Instead { reason, instead: &REMUX }
}
