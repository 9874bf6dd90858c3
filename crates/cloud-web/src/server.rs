//! Starts and stops a server: its listener, its router, and its background work.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use snaplark_api::limits;
use snaplark_cloud::jobs::{self, Jobs};
use snaplark_cloud::metrics::{Metrics, NoMetrics};
use snaplark_cloud::products::{Mp4Encoder, Mp4Mode, StreamHeights};
use snaplark_cloud::rate::PartRate;
use snaplark_cloud::uploads::{Rules, Uploads};
use snaplark_cloud::{Clock, OperatorError, checked_url, scrub, sweep};
use snaplark_cloud_data::db::Lane;
use snaplark_cloud_data::place::{DataError, DataLocation, open, plain};
use snaplark_cloud_data::quotas::Limits;
use snaplark_cloud_data::scopes::Scopes;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::CloudError;
use crate::http::{self, AppState};
use crate::outlets::{Mailer, RequestMetrics};
use crate::serve::{self, Connection};

/// The time that requests in progress have to finish after a stop was requested.
pub const STOP_MAX: Duration = Duration::from_secs(10);
/// The interval between checks of a video's stored bytes. Disks lose a sector once in years, and a
/// part whose damage is found in time can still be sent again.
pub const SCRUB_EVERY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The settings of [`start`].
#[derive(Clone, Debug)]
pub struct CloudOptions {
    /// Where its data is.
    pub place: DataLocation,
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// If `listen`'s port is in use, take any free port instead of failing.
    pub any_port: bool,
    /// The beginning of all links. The default is the address that the server listens on.
    pub public_url: Option<String>,
    /// A trusted proxy in front of the server gives the client's address in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Enables signing in: people on the server's pages, and apps through them.
    pub has_sign_in: bool,
    /// Sends password reset links. Without it, only the operator can create them.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Counts what happens to uploads and videos.
    pub metrics: Arc<dyn Metrics>,
    /// Counts requests.
    pub request_metrics: Arc<dyn RequestMetrics>,
    /// Redirects downloads that consist of one object to the bucket.
    pub redirects_downloads: bool,
    /// The server runs for the user of this computer; its links open nowhere else.
    pub is_this_computer: bool,
    /// The limit on concurrent connections. One address may have a quarter of them, unless a proxy is
    /// in front.
    pub connections_max: usize,
    /// The rate limit for each upload.
    pub parts_per_second: u32,
    /// The limits of each user who has no limits of their own.
    pub limits: Limits,
    /// An upload to which nothing was sent for this long has expired.
    pub idle_max: Duration,
    /// The time, which tests move.
    pub clock: Clock,
    /// The program that creates thumbnails and MP4 files.
    pub ffmpeg: PathBuf,
    /// When H.264 is made of recordings.
    pub mp4: Mp4Mode,
    /// The encoder of H.264.
    pub mp4_encoder: Mp4Encoder,
    /// The heights among which players of a stream may choose.
    pub heights: StreamHeights,
    /// How long caches may show a version of an open link without asking whether it is still there.
    pub cache_max: Duration,
    /// Whether owners may have it counted how far their videos are watched.
    pub counts_watching: bool,
    /// The time that requests in progress have to finish when the server is asked to stop.
    pub stop_max: Duration,
    /// The interval between two checks of a video's bytes against what was received. `None` disables
    /// the checks.
    pub scrub_every: Option<Duration>,
}

impl CloudOptions {
    /// Returns the default settings for a place and an address.
    pub fn new(place: impl Into<DataLocation>, listen: SocketAddr) -> Self {
        CloudOptions {
            place: place.into(),
            listen,
            any_port: false,
            public_url: None,
            behind_proxy: false,
            has_sign_in: true,
            mailer: None,
            metrics: Arc::new(NoMetrics),
            request_metrics: Arc::new(NoMetrics),
            redirects_downloads: false,
            is_this_computer: false,
            connections_max: serve::connections_max(),
            parts_per_second: limits::PARTS_PER_SECOND,
            limits: Limits::default(),
            idle_max: Duration::from_secs(limits::SESSION_IDLE_SECONDS_MAX),
            clock: Clock::system(),
            ffmpeg: "ffmpeg".into(),
            mp4: Mp4Mode::default(),
            mp4_encoder: Mp4Encoder::default(),
            heights: StreamHeights::default(),
            cache_max: Duration::ZERO,
            counts_watching: true,
            stop_max: STOP_MAX,
            scrub_every: Some(SCRUB_EVERY),
        }
    }
}

/// A running server. Dropping it stops it too, but does not wait for anything.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    url: String,
    public_url: String,
    stop_max: Duration,
    uploads: Arc<Uploads>,
    pub(crate) app: http::App,
    pub(crate) stop: CancellationToken,
    server: Option<JoinHandle<std::io::Result<()>>>,
    sweeper: Option<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    scrubber: Option<JoinHandle<()>>,
    /// A lock file that is released when the server has stopped (`embedded`).
    pub(crate) held: Option<std::fs::File>,
}

/// Starts the server. Returns as soon as it answers requests.
pub async fn start(options: CloudOptions) -> Result<Cloud, CloudError> {
    start_on(options, "http", |listener| Ok(serve::prompt(listener))).await
}

/// Starts the server on a listener that the caller makes of the bound one. `scheme` is the one that
/// the listener's URLs begin with.
pub async fn start_on<L, E>(
    options: CloudOptions,
    scheme: &str,
    listener_on: impl FnOnce(TcpListener) -> Result<L, E>,
) -> Result<Cloud, E>
where
    L: Listener<Addr = SocketAddr, Io: Connection>,
    E: From<CloudError>,
{
    let given = options.public_url.as_deref().map(checked_url).transpose();
    let given = given.map_err(CloudError::from)?;
    let store = open(&options.place).await.map_err(CloudError::from)?;
    let (listener, address) = bind(options.listen, options.any_port).await?;
    let listener = listener_on(listener)?;
    let url = format!("{scheme}://{}", reachable(address));
    let is_named = given.is_some() || options.is_this_computer;
    let public_url = given.unwrap_or_else(|| url.clone());
    let rate = PartRate::new(options.parts_per_second, &store.0);
    let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let scrub_ms_every = options.scrub_every.map(ms);
    let rules = Rules {
        idle_ms_max: ms(options.idle_max),
        limits: options.limits,
        scrub_ms_every: scrub_ms_every.unwrap_or(0),
        mp4: options.mp4,
        heights: options.heights,
        counts_watching: options.counts_watching,
    };
    let mut uploads = Uploads::new(store.0, store.1, options.clock.clone(), rate, rules);
    uploads.metrics = options.metrics;
    let uploads = Arc::new(uploads);
    let signing = uploads.signing().await.map_err(|source| {
        let (at, source) = ("of this server".to_owned(), source.into());
        CloudError::from(DataError::Database { at, source })
    })?;
    let sweep_soon = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let data = options.place.data.as_deref();
    let jobs =
        Arc::new(Jobs::new(Arc::clone(&uploads), &options.ffmpeg, data, options.mp4_encoder).await);
    let app = Arc::new(AppState {
        jobs: Arc::clone(&jobs),
        accounts: uploads.accounts(),
        shares: uploads.shares(),
        watch_counter: Arc::new(uploads.watch_counter()),
        uploads: Arc::clone(&uploads),
        mailer: options.mailer,
        request_metrics: options.request_metrics,
        public_url: public_url.clone(),
        is_named,
        behind_proxy: options.behind_proxy,
        has_sign_in: options.has_sign_in,
        redirects_downloads: options.redirects_downloads,
        cache_max: options.cache_max,
        is_this_computer: options.is_this_computer,
        signing,
        sweep: Arc::clone(&sweep_soon),
        held_playlists: Arc::new(Semaphore::new(http::HELD_MAX)),
        exports: Arc::default(),
    });
    let router = http::router(Arc::clone(&app));
    let room = serve::Room::new(options.connections_max, options.behind_proxy);
    let server = tokio::spawn(serve::serve(listener, router, room, stop.clone()));
    let lanes = [Lane::Pictures].into_iter().chain([Lane::Videos; jobs::VIDEO_WORKERS]);
    let lanes = lanes.chain([Lane::Streams; jobs::STREAM_WORKERS]);
    let lanes = lanes.chain([Lane::FinishedStreams; jobs::FINISHED_STREAM_WORKERS]);
    let workers = lanes
        .map(|lane| tokio::spawn(Arc::clone(&jobs).run(lane, stop.clone())))
        .chain([tokio::spawn(Arc::clone(&jobs).watch(stop.clone()))])
        .collect();
    Ok(Cloud {
        address,
        url,
        public_url,
        stop_max: options.stop_max,
        server: Some(server),
        sweeper: Some(tokio::spawn(sweep::run(Arc::clone(&uploads), sweep_soon, stop.clone()))),
        workers,
        scrubber: scrub_ms_every
            .map(|every| tokio::spawn(scrub::run(Arc::clone(&uploads), every, stop.clone()))),
        uploads,
        app,
        stop,
        held: None,
    })
}

impl Cloud {
    /// Returns the address that the server listens on, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL that reaches the server from this computer.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the beginning of all links.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Creates a token for the user, and the user if there is none.
    pub async fn issue_token(&self, user_email: &str) -> Result<String, CloudError> {
        Ok(self.app.accounts.issue_token(user_email, Scopes::ALL).await?)
    }

    /// Creates a token for some scopes only, such as `upload read`.
    pub async fn issue_scoped_token(
        &self,
        user_email: &str,
        scopes: &str,
    ) -> Result<String, CloudError> {
        let known = Scopes::parse(scopes);
        let scopes = known.ok_or_else(|| OperatorError::Scopes(scopes.to_owned()))?;
        Ok(self.app.accounts.issue_token(user_email, scopes).await?)
    }

    #[cfg(test)]
    pub(crate) async fn tokens_of(&self, email: &str) -> usize {
        let user = self.app.accounts.user_of_email(email).await.unwrap().unwrap();
        self.app.accounts.tokens(user.id).await.unwrap().len()
    }

    /// Returns the uploads that the server serves.
    pub fn uploads(&self) -> &Arc<Uploads> {
        &self.uploads
    }

    /// Returns a token that is cancelled when the server is asked to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// Accepts no new requests, lets those in progress finish, and closes the database.
    pub async fn shutdown(mut self) -> Result<(), CloudError> {
        self.stop.cancel();
        self.end().await
    }

    /// Waits until the server stops by itself, which only happens when something failed.
    pub async fn wait(&mut self) -> Result<(), CloudError> {
        let Some(server) = self.server.as_mut() else { return Ok(()) };
        let ended = server.await;
        self.server = None;
        match ended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(CloudError::Stopped(error.to_string())),
            Err(error) => Err(CloudError::Stopped(error.to_string())),
        }
    }

    async fn end(&mut self) -> Result<(), CloudError> {
        let ended = tokio::time::timeout(self.stop_max, self.wait()).await;
        if let Some(server) = self.server.take() {
            server.abort();
        }
        if let Some(sweeper) = self.sweeper.take() {
            sweeper.abort();
        }
        for worker in self.workers.drain(..).chain(self.scrubber.take()) {
            // The worker first returns its job to the queue.
            tokio::time::timeout(STOP_MAX, worker).await.ok();
        }
        self.uploads.close().await;
        drop(self.held.take());
        ended.unwrap_or(Ok(()))
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Binds the listener, and also returns its actual address: the port may have been left to the
/// system.
pub async fn bind(
    address: SocketAddr,
    any_port: bool,
) -> Result<(TcpListener, SocketAddr), CloudError> {
    let wrong = |error: std::io::Error| match error.kind() {
        ErrorKind::AddrInUse => CloudError::AddressInUse(address),
        _ => CloudError::Listen { address, reason: plain(&error) },
    };
    let listener = match TcpListener::bind(address).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse && any_port => {
            TcpListener::bind(SocketAddr::new(address.ip(), 0)).await
        }
        bound => bound,
    };
    let listener = listener.map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    Ok((listener, bound))
}

/// Replaces the unspecified address ("listen everywhere"), which can't be used in a link, by the
/// loopback address.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_an_address_that_can_be_reached() {
        let of = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(of("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(of("[::]:80"), "[::1]:80");
        assert_eq!(of("10.0.0.1:80"), "10.0.0.1:80");
    }
}
