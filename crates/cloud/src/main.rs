//! The server program. Standard output carries one line (or the token); logs go to standard error.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use snaplark_api::limits;
use snaplark_cloud::{
    BackedUp, CloudError, CloudOptions, Limits, OwnLimits, Place, Scrubbed, SetPassword, TokenLine,
};
use snaplark_terminal::manual::{self, Shell};
use snaplark_terminal::output::{self, answer as say};
use snaplark_terminal::signals::{self, Polite};

/// The server of the Snaplark API, and the page behind each link.
#[derive(Debug, Parser)]
#[command(name = "snaplark-cloud", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server until it is asked to stop.
    Serve(Box<Serve>),
    /// Prints a new token for a user, who is made where there is none; lists and revokes tokens. Works
    /// while the server runs.
    Token(Token),
    /// Prints a link with which a user chooses a new password, once and within an hour. Works while
    /// the server runs.
    ResetLink(ResetLink),
    /// Reads all videos and says what is damaged; ends with 1 where anything is. Works while the
    /// server runs, which does the same slowly by itself.
    Scrub(Kept),
    /// Copies a data folder to another disk, while the server runs. The copy is a data folder, too.
    Backup(Backup),
    /// Who did what, oldest first.
    Audit(Audit),
    /// Who may sign in on the pages.
    #[command(subcommand)]
    User(User),
    /// Prints a shell's completions: bash, zsh, fish, elvish or powershell.
    Completions { shell: Shell },
    /// Writes the manual pages into a folder.
    #[command(hide = true)]
    Man { folder: PathBuf },
}

#[derive(Debug, Subcommand)]
enum User {
    /// Adds a user; the password is the first line of standard input.
    Add(Password),
    /// Replaces a user's password by the first line of standard input, and signs them out.
    Password(Password),
    /// Shuts a user out: they can't sign in, and their tokens are refused. Links stay as they are.
    Disable(Named),
    /// Lets a user in again.
    Enable(Named),
    /// Deletes a user with everything in their account. It can't be undone.
    Delete(DeleteUser),
    /// Shows what a user has and may have; with options, sets limits of their own first.
    Limits(UserLimits),
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    kept: Kept,
    /// The user's e-mail address.
    email: String,
}

#[derive(Debug, Args)]
struct DeleteUser {
    #[command(flatten)]
    user: Named,
    /// Really: every link ends, and the recordings on this server are gone.
    #[arg(long, required = true)]
    yes: bool,
}

#[derive(Debug, Args)]
struct UserLimits {
    #[command(flatten)]
    kept: Kept,
    /// The user's e-mail address.
    email: String,
    /// Most that may be stored, for example 50GB; `none`, or `server` for what the server says.
    #[arg(long, value_name = "SIZE", value_parser = own_size)]
    storage: Option<OwnLimit>,
    /// Most uploads a day; `none` or `server`.
    #[arg(long, value_name = "NUMBER", value_parser = own_count)]
    day_uploads: Option<OwnLimit>,
    /// Most that may be sent a day, for example 5GB; `none` or `server`.
    #[arg(long, value_name = "SIZE", value_parser = own_size)]
    day_bytes: Option<OwnLimit>,
}

#[derive(Debug, Args)]
struct Password {
    #[command(flatten)]
    kept: Kept,
    /// The user's e-mail address.
    email: String,
}

#[derive(Debug, Args)]
struct Backup {
    #[command(flatten)]
    kept: Kept,
    /// The copy's folder. What is there of it already is not copied again.
    #[arg(long)]
    to: PathBuf,
}

#[derive(Debug, Args)]
struct Audit {
    #[command(flatten)]
    kept: Kept,
    /// Only what is about this user's account.
    #[arg(long)]
    user: Option<String>,
    /// So many of the last deeds.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, Args)]
struct Kept {
    /// Folder for the database and the videos.
    #[arg(long, env = "SNAPLARK_DATA")]
    data: Option<PathBuf>,
    /// A PostgreSQL database instead: postgres://user:password@host/name.
    #[arg(long, env = "SNAPLARK_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A bucket instead: s3://bucket?endpoint=https://…&region=…; keys as AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY.
    #[arg(long, env = "SNAPLARK_STORAGE_URL")]
    storage_url: Option<String>,
}

impl From<Kept> for Place {
    fn from(kept: Kept) -> Self {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Place {
            data: kept.data,
            database_url: filled(kept.database_url),
            storage_url: filled(kept.storage_url),
            storage_keys: None,
        }
    }
}

#[derive(Debug, Args)]
struct Serve {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "SNAPLARK_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    kept: Kept,
    /// What links begin with, for example https://videos.example.com.
    #[arg(long, env = "SNAPLARK_PUBLIC_URL")]
    public_url: Option<String>,
    /// Send links that reset a password by mail: smtps://user@host:465, or smtp://user@host:587 with
    /// STARTTLS. Without it, whoever runs the server makes them (`reset-link`).
    #[cfg(feature = "mail")]
    #[arg(long, env = "SNAPLARK_SMTP_URL", requires = "mail_from", value_name = "URL")]
    smtp_url: Option<String>,
    /// The file whose first line is the password of the mail server's user; or its value as
    /// SNAPLARK_SMTP_PASSWORD.
    #[cfg(feature = "mail")]
    #[arg(long, env = "SNAPLARK_SMTP_PASSWORD_FILE", value_name = "FILE")]
    smtp_password_file: Option<PathBuf>,
    /// Who the mail is from: "Snaplark <snaplark@example.com>".
    #[cfg(feature = "mail")]
    #[arg(long, env = "SNAPLARK_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// Believe the X-Forwarded-For of the proxy in front: who asks is its last address.
    #[arg(long, env = "SNAPLARK_BEHIND_PROXY")]
    behind_proxy: bool,
    /// With a bucket: send downloads of what is one object (an MP4, an image, a file that came in one
    /// piece) to the bucket's own address, signed for an hour.
    #[arg(long, env = "SNAPLARK_REDIRECT_DOWNLOADS")]
    redirect_downloads: bool,
    /// The ffmpeg that makes thumbnails and MP4.
    #[arg(long, env = "SNAPLARK_FFMPEG", default_value = "ffmpeg")]
    ffmpeg: PathBuf,
    /// Encrypt connections without a proxy: the certificate with its chain, as PEM. Read again when it
    /// changes.
    #[cfg(feature = "tls")]
    #[arg(long, env = "SNAPLARK_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, as PEM.
    #[cfg(feature = "tls")]
    #[arg(long, env = "SNAPLARK_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Where /metrics is answered, for example 127.0.0.1:9100. Whoever reaches it learns how much is
    /// recorded here; nowhere by default.
    #[arg(long, env = "SNAPLARK_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
    /// Seconds that requests under way have to end when the server is asked to stop.
    #[arg(long, env = "SNAPLARK_STOP_SECONDS", default_value_t = snaplark_cloud::STOP_MAX.as_secs())]
    stop_seconds: u64,
    /// How many parts one upload may send in a second.
    #[arg(long, env = "SNAPLARK_PARTS_PER_SECOND", default_value_t = limits::PARTS_PER_SECOND)]
    parts_per_second: u32,
    /// Days from one look for damage at each video's bytes to the next; 0: never.
    #[arg(long, env = "SNAPLARK_SCRUB_DAYS", default_value_t = 30)]
    scrub_days: u32,
    /// Most that one user may store, for example 50GB.
    #[arg(long, env = "SNAPLARK_USER_STORAGE", default_value = "none", value_name = "SIZE", value_parser = size)]
    user_storage: Limit,
    /// Most uploads that one user may begin in a day.
    #[arg(long, env = "SNAPLARK_USER_DAY_UPLOADS", default_value = "1000", value_name = "NUMBER", value_parser = count)]
    user_day_uploads: Limit,
    /// Most that one user may send in a day, for example 5GB.
    #[arg(long, env = "SNAPLARK_USER_DAY_BYTES", default_value = "none", value_name = "SIZE", value_parser = size)]
    user_day_bytes: Limit,
    /// The largest video.
    #[arg(long, env = "SNAPLARK_VIDEO_SIZE", default_value = VIDEO_SIZE, value_name = "SIZE", value_parser = size)]
    video_size: Limit,
}

/// The message that is shown after a second signal.
const ENDED_AT_ONCE: &str = "Ended at once. What was confirmed is stored; uploads under way are sent again by their clients.";

/// The recommended limit of seed 000 (`limits::VIDEO_BYTES_DEFAULT_MAX`), as it is written in
/// options.
const VIDEO_SIZE: &str = "2GiB";

/// A limit. `None` means no limit.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<u64>);

/// A limit of a single user. `None` means the server's limit.
#[derive(Clone, Copy, Debug)]
struct OwnLimit(Option<Option<u64>>);

fn size(text: &str) -> Result<Limit, String> {
    limit(text, snaplark_cloud::parse_size, "a size like 50GB, or none")
}

fn count(text: &str) -> Result<Limit, String> {
    limit(text, |text| text.parse().ok(), "a number, or none")
}

fn limit(text: &str, parse: fn(&str) -> Option<u64>, form: &str) -> Result<Limit, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    parse(text).map(|max| Limit(Some(max))).ok_or_else(|| format!("it is {form}"))
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
struct Token {
    #[command(subcommand)]
    command: Option<TokenCommand>,
    #[command(flatten)]
    kept: Kept,
    /// The user's e-mail address.
    #[arg(long, required = true)]
    user: Option<String>,
    /// What the token may be used for, of upload, read and account, for example "upload read".
    #[arg(long, value_name = "SCOPES", default_value = "upload read account")]
    scope: String,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Lists a user's tokens, newest first: id, name, scopes, made, last used.
    List(ListTokens),
    /// Takes a token away, by its id.
    Revoke(RevokeToken),
}

#[derive(Debug, Args)]
struct ListTokens {
    #[command(flatten)]
    kept: Kept,
    /// The user's e-mail address.
    #[arg(long)]
    user: String,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RevokeToken {
    #[command(flatten)]
    kept: Kept,
    /// As `token list` shows it.
    id: String,
}

#[derive(Debug, Args)]
struct ResetLink {
    #[command(flatten)]
    kept: Kept,
    /// The user's e-mail address.
    #[arg(long)]
    user: String,
    /// What the server's links begin with.
    #[arg(long, env = "SNAPLARK_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    public_url: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    output::begin();
    // Files that the server or ffmpeg writes are only accessible to their owner.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let code = run_command().await;
    output::exit_code(code)
}

async fn run_command() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.render().to_string();
            match error.use_stderr() {
                true => output::say_raw(&text),
                false => output::answer_bytes(text.as_bytes()),
            }
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    log_to_stderr();
    if let Err(error) = signals::begin(ENDED_AT_ONCE) {
        tracing::warn!(%error, "Signals end the server at once");
    }
    // The TLS implementation of the bucket's client. The library itself changes no process-wide
    // state.
    #[cfg(feature = "s3")]
    rustls::crypto::ring::default_provider().install_default().ok();
    let done = match cli.command {
        Command::Serve(serve) => run(*serve).await,
        Command::Token(token) => match token.command {
            Some(TokenCommand::List(list)) => list_tokens(list).await,
            Some(TokenCommand::Revoke(RevokeToken { kept, id })) => {
                snaplark_cloud::revoke_token(kept, &id).await
            }
            None => print_token(token).await,
        },
        Command::ResetLink(link) => print_reset_link(link).await,
        Command::Scrub(kept) => match scrub(kept).await {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Backup(backup) => back_up(backup).await,
        Command::Audit(audit) => print_audit(audit).await,
        Command::User(User::Add(user)) => set_password(user, SetPassword::Add).await,
        Command::User(User::Password(user)) => set_password(user, SetPassword::Replace).await,
        Command::User(User::Disable(Named { kept, email })) => {
            snaplark_cloud::set_disabled(kept, &email, true).await
        }
        Command::User(User::Enable(Named { kept, email })) => {
            snaplark_cloud::set_disabled(kept, &email, false).await
        }
        Command::User(User::Delete(DeleteUser { user: Named { kept, email }, yes: _ })) => {
            snaplark_cloud::delete_user(kept, &email).await
        }
        Command::User(User::Limits(user)) => user_limits(user).await,
        Command::Completions { shell } => {
            output::answer_bytes(&manual::completions(Cli::command(), shell));
            Ok(())
        }
        Command::Man { folder } => match manual::pages(Cli::command(), &folder) {
            Ok(()) => Ok(()),
            Err(error) => {
                output::say(&format!("{} can't be written: {error}.", folder.display()));
                return ExitCode::FAILURE;
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Raises the limit on open files to the maximum that the system allows. A service usually begins
/// with 1,024, each connection is one file, and nothing here uses `select`.
fn raise_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // If this fails, the server works with the current limit.
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok();
    }
}

async fn run(serve: Serve) -> Result<(), CloudError> {
    raise_files();
    let mut options = CloudOptions::new(serve.kept, serve.listen);
    options.public_url = serve.public_url.filter(|url| !url.is_empty());
    options.ffmpeg = serve.ffmpeg;
    options.behind_proxy = serve.behind_proxy;
    options.redirects_downloads = serve.redirect_downloads;
    options.parts_per_second = serve.parts_per_second;
    let days = Duration::from_secs(u64::from(serve.scrub_days) * 24 * 60 * 60);
    options.scrub_every = (serve.scrub_days > 0).then_some(days);
    options.limits = Limits {
        storage_bytes: serve.user_storage.0,
        day_uploads: serve.user_day_uploads.0,
        day_bytes: serve.user_day_bytes.0,
        video_bytes: serve.video_size.0,
    };
    #[cfg(feature = "mail")]
    if let (Some(url), Some(from)) = (serve.smtp_url, serve.mail_from) {
        let password = smtp_password(serve.smtp_password_file.as_deref())?;
        options.mail = Some(snaplark_cloud::MailOptions { url, password, from });
    }
    options.metrics_listen = serve.metrics_listen;
    #[cfg(feature = "tls")]
    if let (Some(certificate), Some(key)) = (serve.tls_cert, serve.tls_key) {
        options.tls = Some(snaplark_cloud::TlsFiles { certificate, key });
    }
    options.stop_max = Duration::from_secs(serve.stop_seconds);
    let mut polite = Polite::new();
    let mut cloud = snaplark_cloud::start(options).await?;
    if let Some(address) = cloud.metrics_address() {
        tracing::info!("Metrics are on http://{address}/metrics");
    }
    say(&format!("listening on {}", cloud.url()));
    tokio::select! {
        ended = cloud.wait() => ended?,
        () = polite.asked() => tracing::info!("Stopping: requests under way end first"),
    }
    cloud.shutdown().await
}

/// Reads the password of the mail server. It is never an argument, because other users of the
/// computer can see those.
#[cfg(feature = "mail")]
fn smtp_password(file: Option<&std::path::Path>) -> Result<Option<String>, CloudError> {
    let Some(file) = file else {
        return Ok(std::env::var("SNAPLARK_SMTP_PASSWORD").ok().filter(|it| !it.is_empty()));
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        CloudError::Mail(format!("the password file {} can't be read: {error}", file.display()))
    })?;
    Ok(text.lines().next().map(str::to_owned))
}

async fn print_token(token: Token) -> Result<(), CloudError> {
    let user = token.user.unwrap_or_default();
    say(&snaplark_cloud::issue_token(token.kept, &user, &token.scope).await?);
    Ok(())
}

async fn list_tokens(list: ListTokens) -> Result<(), CloudError> {
    for token in snaplark_cloud::list_tokens(list.kept, &list.user).await? {
        if list.json {
            say(&serde_json::to_string(&token).expect("texts and numbers are JSON"));
            continue;
        }
        let at = |ms| jiff::Timestamp::from_millisecond(ms).unwrap_or_default().to_string();
        let used = token.used_ms.map_or("never used".to_owned(), at);
        let name = token.name.replace(|c: char| c.is_control(), " ");
        let TokenLine { id, scopes, created_ms, .. } = token;
        say(&format!("{id}\t{name}\t{scopes}\t{}\t{used}", at(created_ms)));
    }
    Ok(())
}

async fn print_reset_link(link: ResetLink) -> Result<(), CloudError> {
    say(&snaplark_cloud::reset_link(link.kept, &link.user, &link.public_url).await?);
    Ok(())
}

async fn set_password(user: Password, set: SetPassword) -> Result<(), CloudError> {
    use std::io::{IsTerminal, stdin};
    if stdin().is_terminal() {
        output::say_raw(&format!("Password for {} (it is shown as you type): ", user.email));
    }
    let mut line = String::new();
    // If reading fails, the password is empty and is refused as too short.
    stdin().read_line(&mut line).ok();
    let password = line.trim_end_matches(['\r', '\n']);
    snaplark_cloud::set_password(user.kept, &user.email, password, set).await
}

async fn back_up(backup: Backup) -> Result<(), CloudError> {
    let done = snaplark_cloud::backup(backup.kept, &backup.to).await?;
    let BackedUp { objects, copied, copied_bytes, deleted } = done;
    let size = snaplark_cloud::size_words(copied_bytes);
    say(&format!("{objects} objects: {copied} copied ({size}), {deleted} deleted"));
    Ok(())
}

async fn print_audit(audit: Audit) -> Result<(), CloudError> {
    let noted = snaplark_cloud::noted(audit.kept, audit.user.as_deref(), audit.limit).await?;
    for deed in noted {
        if audit.json {
            say(&serde_json::to_string(&deed).expect("texts and a number are JSON"));
            continue;
        }
        let at = jiff::Timestamp::from_millisecond(deed.at_ms).unwrap_or_default();
        let user = deed.user.as_deref().unwrap_or("-");
        let words = [user, &deed.action, &deed.subject, &deed.detail, &deed.address];
        // Text that somebody typed must stay in one column of one line.
        let plain = words.map(|word| word.replace(|c: char| c.is_control(), " "));
        say(&format!("{at}\t{}", plain.join("\t")));
    }
    Ok(())
}

/// Returns whether nothing is damaged.
async fn scrub(kept: Kept) -> Result<bool, CloudError> {
    let scrubbed = snaplark_cloud::scrub(kept).await?;
    for damage in &scrubbed.damages {
        say(&damage.to_string());
    }
    let Scrubbed { videos, objects, bytes, damages } = scrubbed;
    let size = snaplark_cloud::size_words(bytes);
    say(&format!("{videos} videos, {objects} objects, {size}: {} damaged", damages.len()));
    Ok(damages.is_empty())
}

async fn user_limits(user: UserLimits) -> Result<(), CloudError> {
    let change = |own: &mut OwnLimits| {
        let UserLimits { storage, day_uploads, day_bytes, .. } = &user;
        for (own, wanted) in [
            (&mut own.storage_bytes, storage),
            (&mut own.day_uploads, day_uploads),
            (&mut own.day_bytes, day_bytes),
        ] {
            if let Some(OwnLimit(limit)) = wanted {
                *own = *limit;
            }
        }
    };
    let (used, own) = snaplark_cloud::limit_user(user.kept.clone(), &user.email, change).await?;
    let words = |limit: Option<Option<u64>>, words: fn(u64) -> String| match limit {
        None => "the server's limit".to_owned(),
        Some(None) => "no limit".to_owned(),
        Some(Some(max)) => words(max),
    };
    let size = snaplark_cloud::size_words;
    say(&format!("stored: {} ({})", size(used.stored_bytes), words(own.storage_bytes, size)));
    let count = |max: u64| max.to_string();
    say(&format!("uploads today: {} ({})", used.day_uploads, words(own.day_uploads, count)));
    say(&format!("sent today: {} ({})", size(used.day_bytes), words(own.day_bytes, size)));
    Ok(())
}

/// Sets up logging. `SNAPLARK_LOG` selects what is logged (`info` by default), and
/// `SNAPLARK_LOG_FORMAT=json` selects the format.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SNAPLARK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| output::LogWriter);
    if std::env::var("SNAPLARK_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.with_ansi(false).init();
    }
}
