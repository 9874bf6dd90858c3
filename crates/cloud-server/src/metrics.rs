//! The metrics of this server for Prometheus, as OpenMetrics text. They are only served on an address of
//! their own: they reveal how much a business records, and behind a proxy every visitor would seem to
//! come from this computer.
//!
//! No label names a user, a video or
//! an address, and each label has only a few values.
//!
//! Counters and histograms belong to this process; add them up over all nodes. Gauges are read from
//! the database on each scrape and describe the whole cloud, so one node's values are enough.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use snaplark_cloud::metrics::{AssemblyOutcome, Metrics};
use snaplark_cloud::uploads::Uploads;
use snaplark_cloud_data::db::Totals;
use snaplark_cloud_data::quotas::Over;
use snaplark_cloud_web::RequestMetrics;

type One = [(&'static str, &'static str); 1];
type Request = [(&'static str, String); 3];
type Route = [(&'static str, String); 1];

/// The buckets reach from a cached answer to a part on a slow connection.
const REQUEST_SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];
/// Finalize reads rows and a header, however long the video is.
const ASSEMBLY_SECONDS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];
/// The buckets reach from a thumbnail to an MP4 of two hours.
const MAKING_SECONDS: [f64; 8] = [0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 21_600.0];
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Ten seconds, a minute, …, five hours of two-second parts.
const CHUNKS: [f64; 8] = [1.0, 5.0, 30.0, 150.0, 300.0, 900.0, 1800.0, 9000.0];

/// All metrics of this process.
pub(crate) struct Prometheus {
    registry: Registry,
    sessions: Counter,
    chunks: Counter,
    chunk_bytes: Counter,
    chunks_of_session: Histogram,
    assemblies: Family<One, Counter>,
    assembly: Histogram,
    refusals: Family<One, Counter>,
    made: Family<[(&'static str, &'static str); 2], Counter>,
    making: Family<One, Histogram>,
    scrubbed_bytes: Counter,
    password_hashes: Counter,
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

impl Prometheus {
    pub(crate) fn new() -> Self {
        let of_seconds = |buckets: &[f64]| Histogram::new(buckets.iter().copied());
        let mut metrics = Prometheus {
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
        let Prometheus { registry: r, .. } = self;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let build = Family::<Route, Gauge>::default();
        build.get_or_create(&[("version", version)]).set(1);
        r.register("build", "Version of the server", build);
        r.register("sessions_created", "Uploads started", self.sessions.clone());
        r.register("chunks_received", "Chunks acknowledged", self.chunks.clone());
        let bytes = self.chunk_bytes.clone();
        r.register_with_unit("chunks_received", "Bytes of acknowledged chunks", Unit::Bytes, bytes);
        let chunks = self.chunks_of_session.clone();
        r.register("session_chunks", "Number of chunks in finalized uploads", chunks);
        let all = self.assemblies.clone();
        r.register("assemblies", "Finalize requests by result", all);
        let time = self.assembly.clone();
        r.register_with_unit(
            "assembly",
            "Duration of successful finalize requests",
            Unit::Seconds,
            time,
        );
        let refused = self.refusals.clone();
        r.register("refusals", "Requests refused, by the limit that was reached", refused);
        r.register("made", "Finished background jobs by result", self.made.clone());
        let time = self.making.clone();
        r.register_with_unit("making", "Duration of background jobs", Unit::Seconds, time);
        let bytes = self.scrubbed_bytes.clone();
        r.register_with_unit("scrubbed", "Bytes checked for damage", Unit::Bytes, bytes);
        let hashes = self.password_hashes.clone();
        r.register("password_hashes", "Passwords checked or set", hashes);
        r.register("http_requests", "Requests answered", self.requests.clone());
        let time = self.request.clone();
        r.register_with_unit("http_request", "Time until the response begins", Unit::Seconds, time);
        let begun = self.under_way.clone();
        r.register("http_requests_under_way", "Requests whose response has not begun", begun);
        let Gauges { storage, users, sessions, jobs, parts_damaged } = &self.gauges;
        let kept = storage.clone();
        r.register_with_unit("storage", "Stored bytes by kind", Unit::Bytes, kept);
        r.register("users", "Accounts", users.clone());
        r.register("sessions", "Uploads by state", sessions.clone());
        r.register("jobs", "Background jobs by kind and state", jobs.clone());
        let damaged = parts_damaged.clone();
        r.register("parts_damaged", "Stored chunks that are damaged", damaged);
    }

    fn refused_for(&self, limit: &'static str) {
        self.refusals.get_or_create(&[("limit", limit)]).inc();
    }

    fn text(&self, totals: &Totals) -> String {
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

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prometheus")
    }
}

impl Metrics for Prometheus {
    fn upload_created(&self) {
        self.sessions.inc();
    }

    fn part_stored(&self, size_bytes: u64) {
        self.chunks.inc();
        self.chunk_bytes.inc_by(size_bytes);
    }

    fn assembled(&self, how: AssemblyOutcome) {
        let outcome = match how {
            AssemblyOutcome::Completed => "completed",
            AssemblyOutcome::Missing => "missing",
            AssemblyOutcome::Unplayable => "unplayable",
            AssemblyOutcome::Failed => "failed",
        };
        self.assemblies.get_or_create(&[("outcome", outcome)]).inc();
    }

    fn assembly_took(&self, took: Duration, parts: u32) {
        self.assembly.observe(took.as_secs_f64());
        self.chunks_of_session.observe(f64::from(parts));
    }

    fn refused(&self, over: Over) {
        let limit = match over {
            Over::Storage { .. } => "storage",
            Over::DayUploads { .. } => "day_uploads",
            Over::DayBytes { .. } => "day_bytes",
            Over::Video { .. } => "video",
        };
        self.refused_for(limit);
    }

    fn too_fast(&self) {
        self.refused_for("rate");
    }

    fn made(&self, product: &'static str, is_made: bool, took: Duration) {
        let outcome = if is_made { "made" } else { "failed" };
        self.made.get_or_create(&[("product", product), ("outcome", outcome)]).inc();
        self.making.get_or_create(&[("product", product)]).observe(took.as_secs_f64());
    }

    fn scrubbed(&self, size_bytes: u64) {
        self.scrubbed_bytes.inc_by(size_bytes);
    }

    fn password_hashed(&self) {
        self.password_hashes.inc();
    }
}

impl RequestMetrics for Prometheus {
    fn began(&self) {
        self.under_way.inc();
    }

    fn ended(&self) {
        self.under_way.dec();
    }

    fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let route = ("route", route.to_owned());
        let labels = [("method", method.to_owned()), route.clone(), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.request.get_or_create(&[route]).observe(took.as_secs_f64());
    }
}

/// Returns the router that serves `/metrics`.
pub(crate) fn router(metrics: Arc<Prometheus>, uploads: Arc<Uploads>) -> Router {
    Router::new().route("/metrics", get(serve)).with_state((metrics, uploads))
}

async fn serve(State((metrics, uploads)): State<(Arc<Prometheus>, Arc<Uploads>)>) -> Response {
    match uploads.totals().await {
        Ok(totals) => {
            ([(header::CONTENT_TYPE, METRICS_TYPE)], metrics.text(&totals)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "The metrics could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
