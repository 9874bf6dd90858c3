//! `snaplark-cloud`: the server of the documented API, with the share page. The same code runs on a
//! server and inside the desktop app and the CLI (where it is called "this computer").
//!
//! ```text
//! http ──> uploads ──> db       rows: users, tokens, uploads, parts
//!             │  └───> storage  objects: parts, as they came
//!             └─ parts, media_map: what a part holds, where a video's bytes stand (pure)
//! ```
//! Invariants: a part is acknowledged only when its blob and its row are durable. A row never names a
//! blob that does not exist. Memory holds nothing that another node or the next start would need,
//! except the levels of the rate limiter. Nothing here touches process-wide state: this crate
//! installs no logger and no panic hook.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accounts;
mod audit;
mod backup;
mod clock;
mod commands;
mod credentials;
mod db;
mod embedded;
mod fragments;
mod guesses;
mod http;
mod jobs;
mod local_network;
mod mail;
mod media;
mod media_map;
mod metrics;
mod mp4;
mod pages;
mod parts;
mod private;
mod quotas;
mod rate;
#[cfg(feature = "s3")]
mod s3;
mod sandbox;
mod scopes;
mod scrub;
mod secrets;
mod serve;
mod shares;
mod signing;
mod sizes;
mod storage;
mod stream_index;
mod sweep;
#[cfg(feature = "tls")]
mod tls;
mod uploads;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use snaplark_api::limits;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::accounts::Accounts;
use crate::commands::{add_token, in_database};
use crate::db::{Db, Lane, NewToken};
use crate::http::AppState;
use crate::jobs::Jobs;
use crate::mail::Mailer;
use crate::rate::PartRate;
use crate::scopes::Scopes;
use crate::secrets::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, SecretError};
use crate::shares::Shares;
use crate::signing::Signing;
use crate::storage::Storage;
use crate::uploads::{Rules, Uploads};

pub use backup::{BackedUp, backup};
pub use clock::Clock;
pub use commands::{
    SetPassword, TokenLine, delete_user, issue_token, limit_user, list_tokens, noted, reset_link,
    revoke_token, scrub, set_disabled, set_password,
};
pub use db::Noted;
pub use embedded::{Embedded, start_embedded};
pub use local_network::{Firewall, LocalNetwork, LocalNetworkState};
pub use mail::MailOptions;
pub use quotas::{Limits, OwnLimits, Usage};
pub use sandbox::report as ffmpeg_report;
pub use scrub::{Damage, DamageKind, Scrubbed};
pub use sizes::{parse as parse_size, words as size_words};
#[cfg(feature = "tls")]
pub use tls::TlsFiles;

/// The time that requests in progress have to finish after a stop was requested.
pub const STOP_MAX: Duration = Duration::from_secs(10);
/// The interval between checks of a video's stored bytes. Disks lose a sector once in years, and a
/// part whose damage is found in time can still be sent again.
pub const SCRUB_EVERY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const DATABASE_FILE: &str = "cloud.sqlite";
const OBJECTS_FOLDER: &str = "objects";

/// The place where the server keeps its data. A folder is enough. With a separate database and a
/// separate storage, several nodes can share the data.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The folder for the database and the files, unless the other fields name other places. It is
    /// created if it is missing.
    pub data: Option<PathBuf>,
    /// `postgres://user:password@host/database`
    pub database_url: Option<String>,
    /// `s3://bucket/prefix?endpoint=…&region=…`
    pub storage_url: Option<String>,
    /// Access key id and secret, used if the environment has none.
    pub storage_keys: Option<(String, String)>,
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Place {
    fn from(data: &P) -> Self {
        Place { data: Some(data.as_ref().to_owned()), ..Place::default() }
    }
}

/// The settings of [`start`].
#[derive(Clone, Debug)]
pub struct CloudOptions {
    pub place: Place,
    pub listen: SocketAddr,
    /// If `listen`'s port is in use, take any free port instead of failing.
    pub any_port: bool,
    /// The beginning of all links. The default is the address that the server listens on.
    pub public_url: Option<String>,
    /// A trusted proxy in front of the server gives the client's address in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Enables signing in: people on the server's pages, and apps through them.
    pub has_sign_in: bool,
    /// The settings for mailing password reset links. Without them, only the operator can create
    /// them.
    pub mail: Option<MailOptions>,
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
    pub clock: Clock,
    /// The program that creates thumbnails and MP4 files.
    pub ffmpeg: PathBuf,
    /// The address that serves `/metrics`. No other address serves it.
    pub metrics_listen: Option<SocketAddr>,
    /// The TLS certificate and key, for encryption without a proxy.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsFiles>,
    /// The time that requests in progress have to finish when the server is asked to stop.
    pub stop_max: Duration,
    /// The interval between two checks of a video's bytes against what was received. `None` disables
    /// the checks.
    pub scrub_every: Option<Duration>,
}

impl CloudOptions {
    pub fn new(place: impl Into<Place>, listen: SocketAddr) -> Self {
        CloudOptions {
            place: place.into(),
            listen,
            any_port: false,
            public_url: None,
            behind_proxy: false,
            has_sign_in: true,
            mail: None,
            redirects_downloads: false,
            is_this_computer: false,
            connections_max: serve::connections_max(),
            parts_per_second: limits::PARTS_PER_SECOND,
            limits: Limits::default(),
            idle_max: Duration::from_secs(limits::SESSION_IDLE_SECONDS_MAX),
            clock: Clock::system(),
            ffmpeg: "ffmpeg".into(),
            metrics_listen: None,
            #[cfg(feature = "tls")]
            tls: None,
            stop_max: STOP_MAX,
            scrub_every: Some(SCRUB_EVERY),
        }
    }
}

/// An error of the server or of a command.
#[derive(Debug, Error)]
pub enum CloudError {
    #[error("The data folder {} can't be used: {reason}. Choose another with --data.", path.display())]
    DataFolder { path: PathBuf, reason: String },
    /// Other users of the computer can read the folder.
    #[error(
        "Other users of this computer can look into {}, where recordings and keys are kept. Nothing was changed. Close it and start again: chmod -R go= {}",
        .0.display(), quoted(.0)
    )]
    LooseFolder(PathBuf),
    #[error("The database {at} can't be used: {source}.")]
    Database { at: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("The storage can't be used: {0}.")]
    Storage(String),
    #[error(
        "It is not said where to keep things. Give a folder with --data, or a database and a storage with --database-url and --storage-url."
    )]
    NoPlace,
    #[error(
        "Another program listens on {0} already. Stop it, or choose another address with --listen or --metrics-listen."
    )]
    AddressInUse(SocketAddr),
    #[error("The server can't listen on {address}: {reason}.")]
    Listen { address: SocketAddr, reason: String },
    #[error("The backup is not whole: {0}. What was backed up before is as it was; try again.")]
    Backup(String),
    #[error(
        "Only a data folder is backed up by this. A PostgreSQL database is by pg_dump, a bucket by its own means."
    )]
    BackupPlace,
    #[error("Connections can't be encrypted: {0}.")]
    Tls(String),
    #[error("Mail can't be sent: {0}.")]
    Mail(String),
    #[error("'{0}' is no public address: it has to begin with http:// or https:// and a host.")]
    PublicUrl(String),
    #[error("'{0}' is no e-mail address.")]
    Email(String),
    #[error(
        "A password has at least {PASSWORD_CHARS_MIN} characters, and at most {PASSWORD_BYTES_MAX} bytes. Nothing was changed."
    )]
    Password,
    #[error("{0} has a password already. To replace it: snaplark-cloud user password.")]
    UserExists(String),
    #[error("There is no user {0}. To make one: snaplark-cloud user add.")]
    UserUnknown(String),
    #[error("'{0}' are no scopes: they are some of upload, read and account.")]
    Scopes(String),
    #[error("There is no token {0}. To see them: snaplark-cloud token list --user EMAIL.")]
    TokenUnknown(String),
    #[error("The server stopped by itself: {0}.")]
    Stopped(String),
    #[error("Not everything could be read: {0}. Nothing was changed but what was found so far.")]
    Scrub(String),
    #[error("No secret could be made: {0}.")]
    Secret(#[from] SecretError),
}

impl CloudError {
    /// Returns the reason without a full stop, worded for a program that doesn't have the server's
    /// options.
    pub fn without_options(&self) -> String {
        match self {
            CloudError::DataFolder { path, reason } => {
                format!("its folder {} can't be used: {reason}", path.display())
            }
            other => other.to_string().trim_end_matches('.').to_owned(),
        }
    }
}

/// A running server. Dropping it stops it too, but does not wait for anything.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    url: String,
    metrics_address: Option<SocketAddr>,
    public_url: String,
    stop_max: Duration,
    uploads: Arc<Uploads>,
    app: http::App,
    stop: CancellationToken,
    server: Option<JoinHandle<std::io::Result<()>>>,
    sweeper: Option<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    scrubber: Option<JoinHandle<()>>,
    /// A lock file that is released when the server has stopped (`embedded`).
    held: Option<std::fs::File>,
}

/// Starts the server. Returns as soon as it answers requests.
pub async fn start(options: CloudOptions) -> Result<Cloud, CloudError> {
    let given = options.public_url.as_deref().map(checked_url).transpose()?;
    let store = open(&options.place).await?;
    let (listener, address) = bind(options.listen, options.any_port).await?;
    #[cfg(feature = "tls")]
    let is_tls = options.tls.is_some();
    #[cfg(not(feature = "tls"))]
    let is_tls = false;
    let url = format!("{}://{}", if is_tls { "https" } else { "http" }, reachable(address));
    let is_named = given.is_some() || options.is_this_computer;
    let public_url = given.unwrap_or_else(|| url.clone());

    let mailer = options.mail.as_ref().map(|mail| Mailer::new(mail, &public_url));
    let mailer = mailer.transpose().map_err(CloudError::Mail)?;
    let rate = PartRate::new(options.parts_per_second, &store.0);
    let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let scrub_ms_every = options.scrub_every.map(ms);
    let rules = Rules {
        idle_ms_max: ms(options.idle_max),
        limits: options.limits,
        scrub_ms_every: scrub_ms_every.unwrap_or(0),
    };
    let uploads = Arc::new(Uploads::new(store.0, store.1, options.clock.clone(), rate, rules));
    let signing = Signing::open(&uploads.db).await.map_err(|source| CloudError::Database {
        at: "of this server".to_owned(),
        source: source.into(),
    })?;
    let sweep_soon = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let jobs = Arc::new(Jobs::new(Arc::clone(&uploads), &options.ffmpeg).await);
    let mut accounts = Accounts::new(uploads.db.clone(), uploads.clock.clone());
    accounts.passwords.hashed = uploads.metrics.password_hashes.clone();
    let app = Arc::new(AppState {
        jobs: Arc::clone(&jobs),
        accounts,
        shares: Shares::new(uploads.db.clone(), uploads.clock.clone()),
        uploads: Arc::clone(&uploads),
        mailer,
        public_url: public_url.clone(),
        is_named,
        behind_proxy: options.behind_proxy,
        has_sign_in: options.has_sign_in,
        redirects_downloads: options.redirects_downloads,
        is_this_computer: options.is_this_computer,
        signing,
        sweep: Arc::clone(&sweep_soon),
    });
    let metrics_address = match options.metrics_listen {
        None => None,
        Some(address) => {
            let (listener, address) = bind(address, false).await?;
            let server = axum::serve(listener, http::metrics_router(Arc::clone(&app)));
            let server = server.with_graceful_shutdown(stop.clone().cancelled_owned());
            tokio::spawn(server.into_future());
            Some(address)
        }
    };
    let router = http::router(Arc::clone(&app));
    let room = serve::Room::new(options.connections_max, options.behind_proxy);
    #[cfg(feature = "tls")]
    let server = match options.tls {
        Some(files) => {
            let listener = tls::TlsListener::start(listener, files).map_err(CloudError::Tls)?;
            tokio::spawn(serve::serve(listener, router, room, stop.clone()))
        }
        None => tokio::spawn(serve::serve(serve::prompt(listener), router, room, stop.clone())),
    };
    #[cfg(not(feature = "tls"))]
    let server = tokio::spawn(serve::serve(serve::prompt(listener), router, room, stop.clone()));
    let lanes = [Lane::Pictures].into_iter().chain([Lane::Videos; jobs::VIDEO_WORKERS]);
    let workers =
        lanes.map(|lane| tokio::spawn(Arc::clone(&jobs).run(lane, stop.clone()))).collect();
    Ok(Cloud {
        address,
        url,
        metrics_address,
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

    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Creates a token for the user, and the user if there is none.
    pub async fn issue_token(&self, user_email: &str) -> Result<String, CloudError> {
        add_token(&self.uploads.db, user_email, Scopes::ALL, &self.uploads.clock).await
    }

    /// Creates a token for some scopes only, such as `upload read`.
    pub async fn issue_scoped_token(
        &self,
        user_email: &str,
        scopes: &str,
    ) -> Result<String, CloudError> {
        let scopes = Scopes::parse(scopes).ok_or_else(|| CloudError::Scopes(scopes.to_owned()))?;
        add_token(&self.uploads.db, user_email, scopes, &self.uploads.clock).await
    }

    /// Stores a token that was created elsewhere, so that it is accepted. Storing it again only marks
    /// it as used.
    async fn know_token(&self, email: &str, token: &str, name: &str) -> Result<(), CloudError> {
        let (db, now_ms) = (&self.uploads.db, self.uploads.clock.now_ms());
        let user_id = db.user_named(email, now_ms).await.map_err(in_database)?;
        let hash = secrets::stored(token);
        let new = NewToken { user_id, hash: &hash, name, scopes: Scopes::ALL };
        db.add_token(&new, now_ms).await.map_err(in_database)
    }

    #[cfg(test)]
    async fn tokens_of(&self, email: &str) -> usize {
        let user = self.uploads.db.user_by_email(email).await.unwrap().unwrap();
        self.uploads.db.tokens(user.id).await.unwrap().len()
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
        self.uploads.db.close().await;
        drop(self.held.take());
        ended.unwrap_or(Ok(()))
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn open(place: &Place) -> Result<(Db, Storage), CloudError> {
    let db = open_database(place).await?;
    let storage = match &place.storage_url {
        Some(url) => Storage::remote(url, place.storage_keys.as_ref()),
        None => {
            let data = place.data.as_deref().ok_or(CloudError::NoPlace)?;
            let objects = data.join(OBJECTS_FOLDER);
            private::make_folder(&objects)
                .and_then(|()| private::close(&objects))
                .map_err(|e| unusable(data, &plain(&e)))?;
            Storage::local(&objects)
        }
    };
    Ok((db, storage.map_err(|error| CloudError::Storage(error.to_string()))?))
}

async fn open_database(place: &Place) -> Result<Db, CloudError> {
    if let Some(url) = &place.database_url {
        // The URL holds a password, so the message names only the host.
        let host = url.rsplit('@').next().unwrap_or_default().split(['/', '?']).next();
        let at = format!("at {}", host.unwrap_or_default());
        return Db::connect(url)
            .await
            .map_err(|source| CloudError::Database { at, source: source.into() });
    }
    let data = place.data.as_deref().ok_or(CloudError::NoPlace)?;
    if !private::admit(data).map_err(|e| unusable(data, &plain(&e)))? {
        return Err(CloudError::LooseFolder(data.to_owned()));
    }
    let file = data.join(DATABASE_FILE);
    // SQLite's own message for this is no help, so try the file here. SQLite gives its other files
    // the mode of this one.
    let probe = private::options().create(true).append(true).open(&file);
    probe.and_then(|_| close_database(&file)).map_err(|e| unusable(data, &plain(&e)))?;
    let at = format!("in {}", file.display());
    Db::open(&file).await.map_err(|source| CloudError::Database { at, source: source.into() })
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn unusable(data: &Path, reason: &str) -> CloudError {
    CloudError::DataFolder { path: data.to_owned(), reason: reason.to_owned() }
}

/// Makes a database, and the files that SQLite keeps beside it, private to this account.
fn close_database(file: &Path) -> std::io::Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        match private::close(Path::new(&name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            closed => closed?,
        }
    }
    Ok(())
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "this account may not write there".to_owned(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "there is a file in its place".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "it is on a disk that can't be written to".to_owned(),
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}

/// Binds the listener, and also returns its actual address: the port may have been left to the
/// system.
async fn bind(
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
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn checked_url(url: &str) -> Result<String, CloudError> {
    let plain = url.trim().trim_end_matches('/');
    let host = plain.strip_prefix("http://").or_else(|| plain.strip_prefix("https://"));
    let fits = host.is_some_and(|host| {
        !host.is_empty()
            && !host.starts_with('/')
            && !host
                .contains(|c: char| c.is_whitespace() || c.is_control() || "\"'<>?#".contains(c))
    });
    if fits { Ok(plain.to_owned()) } else { Err(CloudError::PublicUrl(url.to_owned())) }
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

    #[test]
    fn public_addresses_are_checked() {
        assert_eq!(checked_url("https://snaplark.com/").unwrap(), "https://snaplark.com");
        for url in ["snaplark.com", "http://", "ftp://a", "https://a b", "https://a?x"] {
            assert!(checked_url(url).is_err(), "{url}");
        }
    }
}
