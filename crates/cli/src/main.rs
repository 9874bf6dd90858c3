//! `snaplark`: the command line over `app`. It parses arguments, calls `app`, and prints the result; it
//! decides nothing. Only the answer goes to standard output, everything else to standard error.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod args;
mod control;
mod doctor;
mod edit;
mod keep;
mod markdown;
mod print;
mod program;
mod publish;
mod ranges;
mod record;
mod say;
mod screenshot;
mod send;
mod settings;
mod status;
mod upload;
mod waiting;
mod webhook;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use snaplark_app::pictures::clipboard;
use snaplark_app::{Action, AppError, ErrorCode, Home, NewPlace, PlaceOptions, writable};
use snaplark_terminal::{manual, output, signals};

use args::{Args, Command};

/// The exit code when something failed.
const FAILED: u8 = 1;
/// The exit code when the recording is saved here, but not online yet.
const NOT_ONLINE: u8 = 3;
/// The exit code when the recording is saved, but ended early without anybody stopping it.
const ENDED_EARLY: u8 = 4;

const ENDED_AT_ONCE: &str = "snaplark: Ended immediately. The recording is saved on this computer \
                             up to its last two seconds. Snaplark continues with it at its next start.";

fn main() -> ExitCode {
    if let Some(ended) = snaplark_capture::run_if_helper() {
        return ended;
    }
    if let Some(ended) = clipboard::run_if_holder() {
        return ended;
    }
    output::begin();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return output::exit_code(say::usage(&error)),
    };
    say::begin(args.json, args.quiet);
    log(args.verbose);
    if let Err(error) = signals::begin(ENDED_AT_ONCE) {
        say::line(&format!("Ctrl-C will end Snaplark without saving: {error}."));
    }
    let code = match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let code =
                runtime.block_on(run(args.command)).unwrap_or_else(|e| say::failure(&advised(e)));
            // Dropping the runtime would wait for a task that is stuck. Nothing of ours is still running.
            std::mem::forget(runtime);
            code
        }
        Err(error) => say::failure(&anyhow::Error::new(error)),
    };
    if let Some(rebuilt) = snaplark_app::rebuilt_here() {
        say::line(&print::rebuilt_words(&rebuilt));
    }
    output::exit_code(code)
}

/// Adds the reason and a remedy if the folder can't be written: SQLite reports a full disk only as a
/// number.
fn advised(error: anyhow::Error) -> anyhow::Error {
    let is_store = error
        .chain()
        .any(|cause| matches!(cause.downcast_ref::<AppError>(), Some(AppError::Store(_))));
    let unwritable = Home::from_env().ok().and_then(|home| writable(&home.root).err());
    match unwritable.filter(|_| is_store) {
        Some(reason) => anyhow::Error::new(AppError::Told {
            code: ErrorCode::FolderUnwritable,
            text: format!("{reason}. Free some space, or set SNAPLARK_HOME to a writable folder"),
        }),
        None => error,
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Completions { shell } => {
            output::answer_bytes(&manual::completions(Args::command(), shell));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Man { folder } => {
            manual::pages(Args::command(), &folder)?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let home = Home::from_env()?;
    match command {
        Command::Screenshot(options) => screenshot::screenshot(home, *options).await,
        Command::Upload(options) => upload::upload(home, options).await,
        Command::Record(options) => record::record(home, *options).await,
        Command::Toggle => control::ask_for(&home, Action::Toggle).await,
        Command::Start { ago } => {
            control::ask_for(&home, ago.map_or(Action::Start, Action::StartAgo)).await
        }
        Command::ShareLast { seconds, markdown } => {
            control::share_last(&home, seconds, markdown).await
        }
        Command::Stop => control::ask_for(&home, Action::Stop).await,
        Command::Pause => control::ask_for(&home, Action::Pause).await,
        Command::Resume => control::ask_for(&home, Action::Resume).await,
        Command::Mute => control::ask_for(&home, Action::Mute).await,
        Command::Webcam => control::ask_for(&home, Action::Webcam).await,
        Command::Strike { seconds } => control::ask_for(&home, Action::Strike(Some(seconds))).await,
        Command::Cancel { yes } => control::ask_for_deletion(&home, Action::Cancel, yes).await,
        Command::Restart { yes } => control::ask_for_deletion(&home, Action::Restart, yes).await,
        Command::List => print::list(&home).await,
        Command::Show { id } => print::show(&home, &id).await,
        Command::Status { wait } => status::status(home, wait).await,
        Command::Retry { ids } => status::retry(home, &ids).await,
        Command::Rename { id, title } => status::rename(home, &id, title).await,
        Command::Edit(args) => edit::edit(home, &args).await,
        Command::Export(args) => edit::export(&home, args).await,
        Command::Send { id, to } => send::send(home, &id, &to).await,
        Command::Delete { ids } => status::delete(home, &ids).await,
        Command::Login { server, profile, public, region, style, class, browser, allow_http } => {
            let options = PlaceOptions { region, style, public, class };
            let account = NewPlace::of_text(&server, profile, &options)?;
            let account = account.allowing_plain_http(allow_http);
            account::login(home, account, browser).await
        }
        Command::Webhook { action } => webhook::webhook(&home, action).await,
        Command::Settings { name, value } => {
            settings::settings(&home, name.as_deref(), value.as_deref()).await
        }
        Command::Logout { server: None } => account::logout(home).await,
        Command::Logout { server: Some(server) } => account::logout_at(home, &server).await,
        Command::Keep { seconds } => keep::keep(home, seconds).await,
        Command::Serve => program::serve(&home).await,
        Command::Doctor => Ok(doctor::doctor(&home)),
        Command::Completions { .. } | Command::Man { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Sets up logging. Only errors by default, since the program itself says what a person should know.
fn log(verbose: bool) {
    // zbus warns about each answer of a portal that has no properties.
    let level = if verbose { "info,zbus=error" } else { "error" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SNAPLARK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| output::LogWriter)
        .with_ansi(output::has_colours())
        .init();
}
