//! The port for counting what happens to uploads and videos. The server program counts for Prometheus;
//! the cloud inside the app counts nothing.

use std::fmt::Debug;
use std::time::Duration;

use snaplark_cloud_data::quotas::Over;

/// The result of an assembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssemblyOutcome {
    /// The video is there.
    Completed,
    /// Parts were missing; the client sends them and asks again.
    Missing,
    /// The parts make no video.
    Unplayable,
    /// Database or storage did not answer.
    Failed,
}

/// A counter of events. Each method does nothing unless it is implemented.
pub trait Metrics: Debug + Send + Sync {
    /// Counts an upload that was begun.
    fn upload_created(&self) {}

    /// Counts a part that was acknowledged.
    fn part_stored(&self, _size_bytes: u64) {}

    /// Counts a finalize request by its result.
    fn assembled(&self, _how: AssemblyOutcome) {}

    /// Records the duration of an assembly that completed.
    fn assembly_took(&self, _took: Duration, _parts: u32) {}

    /// Counts a request that was refused because a quota is exceeded.
    fn refused(&self, _over: Over) {}

    /// Counts a part that was refused by the rate limit.
    fn too_fast(&self) {}

    /// Counts a job, and records its duration.
    fn made(&self, _product: &'static str, _is_made: bool, _took: Duration) {}

    /// Counts bytes that were read to find damage.
    fn scrubbed(&self, _size_bytes: u64) {}

    /// Counts a password that was hashed, right or wrong.
    fn password_hashed(&self) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {}
