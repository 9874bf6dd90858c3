//! The server program. Standard output carries one line (or the token); logs go to standard error.

mod args;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use snaplark_cloud::{BackedUp, Limits, OwnLimits, Scrubbed, SetPassword, TokenLine};
use snaplark_cloud_server::{MailOptions, ServerError, ServerOptions, TlsFiles};
use snaplark_terminal::manual;
use snaplark_terminal::output::{self, answer as say};
use snaplark_terminal::signals::{self, Polite};

use args::{
    Audit, Backup, Cli, DataArguments, DeleteUser, ListTokens, OwnLimit, Password, ResetLink,
    RevokeToken, Serve, ServerCommand, TokenArguments, TokenCommand, UserArguments, UserCommand,
    UserLimits,
};

/// The message that is shown after a second signal.
const ENDED_AT_ONCE: &str =
    "Ended immediately. Confirmed uploads are stored; clients will repeat the others.";

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
        tracing::warn!(%error, "Signals will end the server without a clean shutdown");
    }
    // The TLS implementation of the bucket's client. The library itself changes no process-wide
    // state.
    rustls::crypto::ring::default_provider().install_default().ok();
    let done = match cli.command {
        ServerCommand::Serve(serve) => run(*serve).await,
        ServerCommand::Token(token) => match token.command {
            Some(TokenCommand::List(list)) => list_tokens(list).await,
            Some(TokenCommand::Revoke(RevokeToken { kept, id })) => {
                snaplark_cloud::revoke_token(kept, &id).await.map_err(ServerError::from)
            }
            None => print_token(token).await,
        },
        ServerCommand::ResetLink(link) => print_reset_link(link).await,
        ServerCommand::Scrub(kept) => match scrub(kept).await {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        ServerCommand::Backup(backup) => back_up(backup).await,
        ServerCommand::Audit(audit) => print_audit(audit).await,
        ServerCommand::User(UserCommand::Add(user)) => set_password(user, SetPassword::Add).await,
        ServerCommand::User(UserCommand::Password(user)) => {
            set_password(user, SetPassword::Replace).await
        }
        ServerCommand::User(UserCommand::Disable(UserArguments { kept, email })) => {
            snaplark_cloud::set_disabled(kept, &email, true).await.map_err(ServerError::from)
        }
        ServerCommand::User(UserCommand::Enable(UserArguments { kept, email })) => {
            snaplark_cloud::set_disabled(kept, &email, false).await.map_err(ServerError::from)
        }
        ServerCommand::User(UserCommand::Delete(DeleteUser {
            user: UserArguments { kept, email },
            yes: _,
        })) => snaplark_cloud::delete_user(kept, &email).await.map_err(ServerError::from),
        ServerCommand::User(UserCommand::Limits(user)) => user_limits(user).await,
        ServerCommand::Completions { shell } => {
            output::answer_bytes(&manual::completions(Cli::command(), shell));
            Ok(())
        }
        ServerCommand::Man { folder } => match manual::pages(Cli::command(), &folder) {
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

async fn run(serve: Serve) -> Result<(), ServerError> {
    raise_files();
    let mut options = ServerOptions::new(serve.kept, serve.listen);
    options.cloud.public_url = serve.public_url.filter(|url| !url.is_empty());
    options.cloud.ffmpeg = serve.ffmpeg;
    options.cloud.mp4 = serve.mp4;
    options.cloud.mp4_encoder = serve.mp4_encoder;
    options.cloud.heights = serve.hls_heights;
    options.cloud.cache_max = Duration::from_secs(u64::from(serve.cache_seconds));
    options.cloud.behind_proxy = serve.behind_proxy;
    options.cloud.redirects_downloads = serve.redirect_downloads;
    options.cloud.parts_per_second = serve.parts_per_second;
    let days = Duration::from_secs(u64::from(serve.scrub_days) * 24 * 60 * 60);
    options.cloud.scrub_every = (serve.scrub_days > 0).then_some(days);
    options.cloud.limits = Limits {
        storage_bytes: serve.user_storage.0,
        day_uploads: serve.user_day_uploads.0,
        day_bytes: serve.user_day_bytes.0,
        video_bytes: serve.video_size.0,
    };
    if let (Some(url), Some(from)) = (serve.smtp_url, serve.mail_from) {
        let password = smtp_password(serve.smtp_password_file.as_deref())?;
        options.mail = Some(MailOptions { url, password, from });
    }
    options.cloud.counts_watching = !serve.no_watch_counts;
    options.metrics_listen = serve.metrics_listen;
    if let (Some(certificate), Some(key)) = (serve.tls_cert, serve.tls_key) {
        options.tls = Some(TlsFiles { certificate, key });
    }
    options.cloud.stop_max = Duration::from_secs(serve.stop_seconds);
    let mut polite = Polite::new();
    let mut server = snaplark_cloud_server::start(options).await?;
    if let Some(address) = server.metrics_address {
        tracing::info!("Metrics are on http://{address}/metrics");
    }
    say(&format!("listening on {}", server.cloud.url()));
    tokio::select! {
        ended = server.cloud.wait() => ended?,
        () = polite.asked() => tracing::info!("Stopping: requests under way end first"),
    }
    Ok(server.cloud.shutdown().await?)
}

/// Reads the password of the mail server. It is never an argument, because other users of the
/// computer can see those.
fn smtp_password(file: Option<&std::path::Path>) -> Result<Option<String>, ServerError> {
    let Some(file) = file else {
        return Ok(std::env::var("SNAPLARK_SMTP_PASSWORD").ok().filter(|it| !it.is_empty()));
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        ServerError::Mail(format!("the password file {} can't be read: {error}", file.display()))
    })?;
    Ok(text.lines().next().map(str::to_owned))
}

async fn print_token(token: TokenArguments) -> Result<(), ServerError> {
    let user = token.user.unwrap_or_default();
    say(&snaplark_cloud::issue_token(token.kept, &user, &token.scope).await?);
    Ok(())
}

async fn list_tokens(list: ListTokens) -> Result<(), ServerError> {
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

async fn print_reset_link(link: ResetLink) -> Result<(), ServerError> {
    say(&snaplark_cloud::reset_link(link.kept, &link.user, &link.public_url).await?);
    Ok(())
}

async fn set_password(user: Password, set: SetPassword) -> Result<(), ServerError> {
    use std::io::{IsTerminal, stdin};
    if stdin().is_terminal() {
        output::say_raw(&format!("Password for {} (visible as you type): ", user.email));
    }
    let mut line = String::new();
    // If reading fails, the password is empty and is refused as too short.
    stdin().read_line(&mut line).ok();
    let password = line.trim_end_matches(['\r', '\n']);
    Ok(snaplark_cloud::set_password(user.kept, &user.email, password, set).await?)
}

async fn back_up(backup: Backup) -> Result<(), ServerError> {
    let done = snaplark_cloud::backup(backup.kept, &backup.to).await?;
    let BackedUp { objects, copied, copied_bytes, deleted } = done;
    let size = snaplark_cloud::size_words(copied_bytes);
    say(&format!("{objects} objects: {copied} copied ({size}), {deleted} deleted"));
    Ok(())
}

async fn print_audit(audit: Audit) -> Result<(), ServerError> {
    let entries =
        snaplark_cloud::audit_entries(audit.kept, audit.user.as_deref(), audit.limit).await?;
    for entry in entries {
        if audit.json {
            say(&serde_json::to_string(&entry).expect("texts and a number are JSON"));
            continue;
        }
        let at = jiff::Timestamp::from_millisecond(entry.at_ms).unwrap_or_default();
        let user = entry.user.as_deref().unwrap_or("-");
        let words = [user, &entry.action, &entry.subject, &entry.detail, &entry.address];
        // Text that somebody typed must stay in one column of one line.
        let plain = words.map(|word| word.replace(|c: char| c.is_control(), " "));
        say(&format!("{at}\t{}", plain.join("\t")));
    }
    Ok(())
}

/// Returns whether nothing is damaged.
async fn scrub(kept: DataArguments) -> Result<bool, ServerError> {
    let scrubbed = snaplark_cloud::scrub(kept).await?;
    for damage in &scrubbed.damages {
        say(&damage.to_string());
    }
    let Scrubbed { videos, objects, bytes, damages } = scrubbed;
    let size = snaplark_cloud::size_words(bytes);
    say(&format!("{videos} videos, {objects} objects, {size}: {} damaged", damages.len()));
    Ok(damages.is_empty())
}

async fn user_limits(user: UserLimits) -> Result<(), ServerError> {
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
