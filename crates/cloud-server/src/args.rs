//! The command line of the server, as `snaplark-cloud --help` shows it. A module of the program, not of the
//! library.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use snaplark_api::limits;
use snaplark_cloud::DataLocation;
use snaplark_cloud::products::{HardwareEncoder, Mp4Encoder, Mp4Mode, StreamHeights};
use snaplark_terminal::manual::Shell;

/// Run and manage a server that receives recordings and serves their links.
///
/// Every option of `serve` can also be set by an environment variable. The other commands need the same
/// data folder, or the same database and bucket, as the server; they work while it runs.
#[derive(Debug, Parser)]
#[command(name = "snaplark-cloud", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: ServerCommand,
}

const EXAMPLES: &str = "\
Examples:
  snaplark-cloud serve --data /var/lib/snaplark --public-url https://videos.example.com
  echo \"$PASSWORD\" | snaplark-cloud user add --data /var/lib/snaplark ann@example.com
  snaplark-cloud token --data /var/lib/snaplark --user ann@example.com";

#[derive(Debug, Subcommand)]
pub enum ServerCommand {
    /// Run the server until SIGTERM or Ctrl-C.
    ///
    /// Prints its address when it accepts requests. Without a database URL and a bucket, everything is
    /// stored in the data folder.
    Serve(Box<Serve>),
    /// Create, list and revoke API tokens.
    ///
    /// Without a subcommand, creates a token for a user and prints it. A user who doesn't exist yet is
    /// created.
    Token(TokenArguments),
    /// Print a link to reset a user's password. It works once, for one hour.
    ResetLink(ResetLink),
    /// Check all stored videos for damage.
    ///
    /// Reads every video, prints what is damaged, and exits with 1 if anything is. The running server
    /// does the same in the background (`--scrub-days`).
    Scrub(DataArguments),
    /// Back up the data folder while the server runs.
    ///
    /// The copy is a data folder that a server can use. Repeated backups to the same folder copy only what
    /// has changed.
    Backup(Backup),
    /// Print the audit log, oldest entry first.
    Audit(Audit),
    /// Manage the users who can sign in.
    #[command(subcommand)]
    User(UserCommand),
    /// Print completions for a shell: bash, zsh, fish, elvish or powershell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a folder.
    #[command(hide = true)]
    Man { folder: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user. The password is the first line of standard input.
    Add(Password),
    /// Change a user's password and sign them out everywhere. The password is the first line of standard
    /// input.
    Password(Password),
    /// Block a user from signing in and using their tokens. Their links keep working.
    Disable(UserArguments),
    /// Unblock a user.
    Enable(UserArguments),
    /// Delete a user and all their videos. This can't be undone.
    Delete(DeleteUser),
    /// Show a user's usage and limits. Options change the limits first.
    Limits(UserLimits),
}

#[derive(Debug, Args)]
pub struct UserArguments {
    #[command(flatten)]
    pub kept: DataArguments,
    /// The user's e-mail address.
    pub email: String,
}

#[derive(Debug, Args)]
pub struct DeleteUser {
    #[command(flatten)]
    pub user: UserArguments,
    /// Confirm the deletion. All links of the user stop working.
    #[arg(long, required = true)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct UserLimits {
    #[command(flatten)]
    pub kept: DataArguments,
    /// The user's e-mail address.
    pub email: String,
    /// Maximum storage, such as 50GB; none for no limit, or server for the server's limit.
    #[arg(long, value_name = "SIZE", value_parser = own_size)]
    pub storage: Option<OwnLimit>,
    /// Maximum number of uploads per day; none or server.
    #[arg(long, value_name = "NUMBER", value_parser = own_count)]
    pub day_uploads: Option<OwnLimit>,
    /// Maximum upload volume per day, such as 5GB; none or server.
    #[arg(long, value_name = "SIZE", value_parser = own_size)]
    pub day_bytes: Option<OwnLimit>,
}

#[derive(Debug, Args)]
pub struct Password {
    #[command(flatten)]
    pub kept: DataArguments,
    /// The user's e-mail address.
    pub email: String,
}

#[derive(Debug, Args)]
pub struct Backup {
    #[command(flatten)]
    pub kept: DataArguments,
    /// The folder for the backup.
    #[arg(long)]
    pub to: PathBuf,
}

#[derive(Debug, Args)]
pub struct Audit {
    #[command(flatten)]
    pub kept: DataArguments,
    /// Print only entries about this user, by e-mail address.
    #[arg(long)]
    pub user: Option<String>,
    /// Maximum number of entries; the latest are printed.
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Print one JSON object per line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct DataArguments {
    /// Folder for the database and the videos.
    #[arg(long, env = "SNAPLARK_DATA")]
    pub data: Option<PathBuf>,
    /// Use this PostgreSQL database instead of one in the data folder:
    /// postgres://user:password@host/name.
    #[arg(long, env = "SNAPLARK_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Store videos in this bucket instead of the data folder:
    /// s3://bucket?endpoint=https://…&region=…. The keys are read from AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY.
    #[arg(long, env = "SNAPLARK_STORAGE_URL")]
    pub storage_url: Option<String>,
}

impl From<DataArguments> for DataLocation {
    fn from(kept: DataArguments) -> Self {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        DataLocation {
            data: kept.data,
            database_url: filled(kept.database_url),
            storage_url: filled(kept.storage_url),
            storage_keys: None,
        }
    }
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port to listen on. Port 0 selects a free port.
    #[arg(long, env = "SNAPLARK_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub kept: DataArguments,
    /// Public address of the server, with which all links begin, such as https://videos.example.com. The
    /// default is the listening address.
    #[arg(long, env = "SNAPLARK_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Mail server for password reset links: smtps://user@host:465, or smtp://user@host:587 with
    /// STARTTLS. Without it, the administrator creates the links with `reset-link`.
    #[arg(long, env = "SNAPLARK_SMTP_URL", requires = "mail_from", value_name = "URL")]
    pub smtp_url: Option<String>,
    /// File with the mail server's password in its first line. The password can also be set as
    /// SNAPLARK_SMTP_PASSWORD.
    #[arg(long, env = "SNAPLARK_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,
    /// Sender of the mail, such as "Snaplark <snaplark@example.com>".
    #[arg(long, env = "SNAPLARK_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Trust the X-Forwarded-For header of a reverse proxy. The last address in it is the client's.
    #[arg(long, env = "SNAPLARK_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Redirect downloads to the bucket, by URLs that are signed for one hour. Applies to what is stored
    /// as one object: MP4 files, images, and files that were uploaded in one piece.
    #[arg(long, env = "SNAPLARK_REDIRECT_DOWNLOADS")]
    pub redirect_downloads: bool,
    /// The ffmpeg program, which creates thumbnails and MP4 files.
    #[arg(long, env = "SNAPLARK_FFMPEG", default_value = "ffmpeg")]
    pub ffmpeg: PathBuf,
    /// When H.264 is made of recordings, for browsers that don't play WebM: live (while they run), after (when
    /// they end), on-demand (when the first viewer needs it), or never.
    #[arg(long, env = "SNAPLARK_MP4", default_value = "on-demand", value_name = "WHEN", value_parser = mp4)]
    pub mp4: Mp4Mode,
    /// The encoder of H.264: auto (hardware that a trial shows to work, or else software), software, or one of
    /// ffmpeg's encoders: h264_nvenc, h264_qsv, h264_vaapi or h264_videotoolbox. Where that one doesn't work,
    /// software encodes.
    #[arg(long, env = "SNAPLARK_MP4_ENCODER", default_value = "auto", value_name = "ENCODER", value_parser = encoder)]
    pub mp4_encoder: Mp4Encoder,
    /// Heights of the H.264 stream that players may choose from, such as 1080,720,480. 720 is always one of
    /// them. Each is made by an encoder of its own.
    #[arg(long, env = "SNAPLARK_HLS_HEIGHTS", default_value = "720", value_name = "HEIGHTS", value_parser = heights)]
    pub hls_heights: StreamHeights,
    /// How many seconds caches and CDNs may show a video with an open link without asking whether it is still
    /// there. A video that was removed, cut or closed may be shown by them for as long.
    #[arg(long, env = "SNAPLARK_CACHE_SECONDS", default_value_t = 0)]
    pub cache_seconds: u32,
    /// Don't let owners count how far their videos are watched. Without this, each owner may switch it on for
    /// each video.
    #[arg(long, env = "SNAPLARK_NO_WATCH_COUNTS")]
    pub no_watch_counts: bool,
    /// TLS certificate with its chain, as a PEM file. It is reloaded when it changes. Not needed behind a
    /// reverse proxy.
    #[arg(long, env = "SNAPLARK_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the TLS certificate, as a PEM file.
    #[arg(long, env = "SNAPLARK_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Address and port for /metrics, such as 127.0.0.1:9100. Anyone who can reach it can see how much
    /// the server is used. Off by default.
    #[arg(long, env = "SNAPLARK_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// How many seconds running requests may take to finish when the server stops.
    #[arg(long, env = "SNAPLARK_STOP_SECONDS", default_value_t = snaplark_cloud_web::STOP_MAX.as_secs())]
    pub stop_seconds: u64,
    /// Maximum number of parts per second and upload.
    #[arg(long, env = "SNAPLARK_PARTS_PER_SECOND", default_value_t = limits::PARTS_PER_SECOND)]
    pub parts_per_second: u32,
    /// How often each video is checked for damage, in days. 0 turns the check off.
    #[arg(long, env = "SNAPLARK_SCRUB_DAYS", default_value_t = 30)]
    pub scrub_days: u32,
    /// Maximum storage per user, such as 50GB, or none.
    #[arg(long, env = "SNAPLARK_USER_STORAGE", default_value = "none", value_name = "SIZE", value_parser = size)]
    pub user_storage: Limit,
    /// Maximum number of uploads per user and day, or none.
    #[arg(long, env = "SNAPLARK_USER_DAY_UPLOADS", default_value = "1000", value_name = "NUMBER", value_parser = count)]
    pub user_day_uploads: Limit,
    /// Maximum upload volume per user and day, such as 5GB, or none.
    #[arg(long, env = "SNAPLARK_USER_DAY_BYTES", default_value = "none", value_name = "SIZE", value_parser = size)]
    pub user_day_bytes: Limit,
    /// Maximum size of a video, or none.
    #[arg(long, env = "SNAPLARK_VIDEO_SIZE", default_value = VIDEO_SIZE, value_name = "SIZE", value_parser = size)]
    pub video_size: Limit,
}

/// The recommended limit of seed 000 (`limits::VIDEO_BYTES_DEFAULT_MAX`), as it is written in
/// options.
const VIDEO_SIZE: &str = "2GiB";

/// A limit. `None` means no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit(pub Option<u64>);

/// A limit of a single user. `None` means the server's limit.
#[derive(Clone, Copy, Debug)]
pub struct OwnLimit(pub Option<Option<u64>>);

fn mp4(text: &str) -> Result<Mp4Mode, String> {
    Mp4Mode::named(text).ok_or_else(|| "expected live, after, on-demand or never".to_owned())
}

fn encoder(text: &str) -> Result<Mp4Encoder, String> {
    Mp4Encoder::named(text).ok_or_else(|| {
        let names = HardwareEncoder::ALL.map(HardwareEncoder::name).join(", ");
        format!("expected auto, software, or one of {names}")
    })
}

fn heights(text: &str) -> Result<StreamHeights, String> {
    StreamHeights::named(text).ok_or_else(|| "expected a list of 1080, 720 and 480".to_owned())
}

fn size(text: &str) -> Result<Limit, String> {
    limit(text, snaplark_cloud::parse_size, "a size such as 50GB, or none")
}

fn count(text: &str) -> Result<Limit, String> {
    limit(text, |text| text.parse().ok(), "a number, or none")
}

fn limit(text: &str, parse: fn(&str) -> Option<u64>, form: &str) -> Result<Limit, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    parse(text).map(|max| Limit(Some(max))).ok_or_else(|| format!("expected {form}"))
}

fn own_size(text: &str) -> Result<OwnLimit, String> {
    own(text, size)
}

fn own_count(text: &str) -> Result<OwnLimit, String> {
    own(text, count)
}

fn own(text: &str, parse: fn(&str) -> Result<Limit, String>) -> Result<OwnLimit, String> {
    if text == "server" {
        return Ok(OwnLimit(None));
    }
    parse(text).map(|limit| OwnLimit(Some(limit.0))).map_err(|why| format!("{why}, or server"))
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TokenArguments {
    #[command(subcommand)]
    pub command: Option<TokenCommand>,
    #[command(flatten)]
    pub kept: DataArguments,
    /// The user's e-mail address.
    #[arg(long, required = true)]
    pub user: Option<String>,
    /// Permissions of the token: one or more of upload, read and account, separated by spaces.
    #[arg(long, value_name = "SCOPES", default_value = "upload read account")]
    pub scope: String,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List a user's tokens, newest first: ID, name, scopes, created, last used.
    List(ListTokens),
    /// Revoke a token.
    Revoke(RevokeToken),
}

#[derive(Debug, Args)]
pub struct ListTokens {
    #[command(flatten)]
    pub kept: DataArguments,
    /// The user's e-mail address.
    #[arg(long)]
    pub user: String,
    /// Print one JSON object per line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RevokeToken {
    #[command(flatten)]
    pub kept: DataArguments,
    /// The token's ID, as `token list` shows it.
    pub id: String,
}

#[derive(Debug, Args)]
pub struct ResetLink {
    #[command(flatten)]
    pub kept: DataArguments,
    /// The user's e-mail address.
    #[arg(long)]
    pub user: String,
    /// Public address of the server, with which the link begins.
    #[arg(long, env = "SNAPLARK_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    pub public_url: String,
}
