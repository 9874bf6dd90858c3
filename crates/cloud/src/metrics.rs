//! The metrics of this server for Prometheus, as OpenMetrics text. No label names a user, a video or
//! an address, and each label has only a few values.
//!
//! Counters and histograms belong to this process; add them up over all nodes. Gauges are read from
//! the database on each scrape and describe the whole cloud, so one node's values are enough.

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::db::Totals;
use crate::quotas::Over;

type One = [(&'static str, &'static str); 1];
type Request = [(&'static str, String); 3];
type Route = [(&'static str, String); 1];

/// From a cached answer to a part on a slow connection.
const REQUEST_SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];
/// Finalize reads rows and a header, however long the video is.
const ASSEMBLY_SECONDS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];
/// From a thumbnail to an MP4 of two hours.
const MAKING_SECONDS: [f64; 8] = [0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 21_600.0];
/// Ten seconds, a minute, …, five hours of two-second parts.
const CHUNKS: [f64; 8] = [1.0, 5.0, 30.0, 150.0, 300.0, 900.0, 1800.0, 9000.0];

/// All metrics of this process.
pub struct Metrics {
    registry: Registry,
    pub sessions: Counter,
    pub chunks: Counter,
    pub chunk_bytes: Counter,
    chunks_of_session: Histogram,
    assemblies: Family<One, Counter>,
    assembly: Histogram,
    refusals: Family<One, Counter>,
    made: Family<[(&'static str, &'static str); 2], Counter>,
    making: Family<One, Histogram>,
    pub scrubbed_bytes: Counter,
    pub password_hashes: Counter,
    requests: Family<Request, Counter>,
    request: Family<Route, Histogram>,
    under_way: Gauge,
    gauges: Gauges,
}

#[derive(Default)]
struct Gauges {
    storage: Family<One, Gauge>,
    users: Gauge,
    sessions: Family<Route, Gauge>,
    jobs: Family<[(&'static str, String); 2], Gauge>,
    parts_damaged: Gauge,
}

/// Counts a request in progress until it is dropped, also if the client disconnects.
pub struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The result of an assembly.
#[derive(Clone, Copy, Debug)]
pub enum Assembled {
    Completed,
    Missing,
    Unplayable,
    Failed,
}

impl Metrics {
    pub fn new() -> Self {
        let of_seconds = |buckets: &[f64]| Histogram::new(buckets.iter().copied());
        let mut metrics = Metrics {
            registry: Registry::with_prefix("snaplark"),
            sessions: Counter::default(),
            chunks: Counter::default(),
            chunk_bytes: Counter::default(),
            chunks_of_session: Histogram::new(CHUNKS),
            assemblies: Family::default(),
            assembly: of_seconds(&ASSEMBLY_SECONDS),
            refusals: Family::default(),
            made: Family::default(),
            making: Family::new_with_constructor(|| Histogram::new(MAKING_SECONDS)),
            scrubbed_bytes: Counter::default(),
            password_hashes: Counter::default(),
            requests: Family::default(),
            request: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            under_way: Gauge::default(),
            gauges: Gauges::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let Metrics { registry: r, .. } = self;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let build = Family::<Route, Gauge>::default();
        build.get_or_create(&[("version", version)]).set(1);
        r.register("build", "The program that answers", build);
        r.register("sessions_created", "Uploads begun", self.sessions.clone());
        r.register("chunks_received", "Chunks acknowledged", self.chunks.clone());
        let bytes = self.chunk_bytes.clone();
        r.register_with_unit("chunks_received", "Of acknowledged chunks", Unit::Bytes, bytes);
        let chunks = self.chunks_of_session.clone();
        r.register("session_chunks", "Chunks of a session that was finalized", chunks);
        let all = self.assemblies.clone();
        r.register("assemblies", "Finalize requests by how they ended", all);
        let time = self.assembly.clone();
        r.register_with_unit("assembly", "Time of an assembly that completed", Unit::Seconds, time);
        let refused = self.refusals.clone();
        r.register("refusals", "Requests refused for a limit of theirs", refused);
        r.register("made", "What was made of videos, by how it ended", self.made.clone());
        let time = self.making.clone();
        r.register_with_unit("making", "Time of what was made of a video", Unit::Seconds, time);
        let bytes = self.scrubbed_bytes.clone();
        r.register_with_unit("scrubbed", "Read to look for damage", Unit::Bytes, bytes);
        let hashes = self.password_hashes.clone();
        r.register("password_hashes", "Passwords that were checked or set", hashes);
        r.register("http_requests", "Requests answered", self.requests.clone());
        let time = self.request.clone();
        r.register_with_unit("http_request", "Until an answer begins", Unit::Seconds, time);
        let begun = self.under_way.clone();
        r.register("http_requests_under_way", "Requests whose answer has not begun", begun);
        let Gauges { storage, users, sessions, jobs, parts_damaged } = &self.gauges;
        let kept = storage.clone();
        r.register_with_unit("storage", "Kept, by what it is", Unit::Bytes, kept);
        r.register("users", "Accounts", users.clone());
        r.register("sessions", "Uploads by state", sessions.clone());
        r.register("jobs", "Work on videos by what it is and its state", jobs.clone());
        let damaged = parts_damaged.clone();
        r.register("parts_damaged", "Chunks whose bytes are not what came", damaged);
    }

    pub fn assembled(&self, how: Assembled) {
        let outcome = match how {
            Assembled::Completed => "completed",
            Assembled::Missing => "missing",
            Assembled::Unplayable => "unplayable",
            Assembled::Failed => "failed",
        };
        self.assemblies.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub fn assembly_took(&self, took: Duration, chunks: u32) {
        self.assembly.observe(took.as_secs_f64());
        self.chunks_of_session.observe(f64::from(chunks));
    }

    pub fn refused(&self, over: Over) {
        let limit = match over {
            Over::Storage { .. } => "storage",
            Over::DayUploads { .. } => "day_uploads",
            Over::DayBytes { .. } => "day_bytes",
            Over::Video { .. } => "video",
        };
        self.refused_for(limit);
    }

    pub fn too_fast(&self) {
        self.refused_for("rate");
    }

    fn refused_for(&self, limit: &'static str) {
        self.refusals.get_or_create(&[("limit", limit)]).inc();
    }

    pub fn made(&self, product: &'static str, is_made: bool, took: Duration) {
        let outcome = if is_made { "made" } else { "failed" };
        self.made.get_or_create(&[("product", product), ("outcome", outcome)]).inc();
        self.making.get_or_create(&[("product", product)]).observe(took.as_secs_f64());
    }

    /// Counts a request as in progress until the result is dropped.
    pub fn under_way(&self) -> UnderWay {
        self.under_way.inc();
        UnderWay(self.under_way.clone())
    }

    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let route = ("route", route.to_owned());
        let labels = [("method", method.to_owned()), route.clone(), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.request.get_or_create(&[route]).observe(took.as_secs_f64());
    }

    pub fn text(&self, totals: &Totals) -> String {
        let Gauges { storage, users, sessions, jobs, parts_damaged } = &self.gauges;
        storage.get_or_create(&[("what", "uploads")]).set(totals.stored_bytes);
        storage.get_or_create(&[("what", "made")]).set(totals.made_bytes);
        users.set(totals.users);
        parts_damaged.set(totals.parts_damaged);
        // A label that no longer occurs would keep its last value, so start from nothing.
        sessions.clear();
        for (state, count) in &totals.sessions {
            sessions.get_or_create(&[("state", state.clone())]).set(*count);
        }
        jobs.clear();
        for (work, state, count) in &totals.jobs {
            jobs.get_or_create(&[("work", work.clone()), ("state", state.clone())]).set(*count);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all text");
        text
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}
