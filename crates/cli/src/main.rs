//! `snaplark`: the terminal shell over `app`. It reads arguments, asks `app`, and prints; it
//! decides nothing. Standard output carries the answer and nothing else, standard error the rest.

mod account;
mod args;
mod control;
mod doctor;
mod keep;
mod print;
mod program;
mod record;
mod say;
mod settings;
mod status;
mod webcam;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use snaplark_app::Home;
use snaplark_app::control::Order;

use args::{Args, Command};

/// Something failed.
const FAILED: u8 = 1;
/// The recording is safe here, but not yet online.
const NOT_ONLINE: u8 = 3;

fn main() -> ExitCode {
    if let Some(ended) = snaplark_capture::part() {
        return ended;
    }
    let args = Args::parse();
    log(args.verbose);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return say::failure(&anyhow::Error::new(error)),
    };
    let ended = runtime.block_on(run(args.command));
    if let Some(rebuilt) = snaplark_app::rebuilt_here() {
        say::line(&print::rebuilt_words(&rebuilt));
    }
    match ended {
        Ok(code) => code,
        Err(error) => say::failure(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let home = Home::from_env()?;
    match command {
        Command::Record(options) => record::record(home, options).await,
        Command::Toggle(told) => control::order(&home, Order::Toggle, told.json).await,
        Command::Start { ago, told } => {
            let order = ago.map_or(Order::Start, |seconds| Order::StartAgo { seconds });
            control::order(&home, order, told.json).await
        }
        Command::ShareLast { seconds, told } => {
            control::order(&home, Order::ShareLast { seconds }, told.json).await
        }
        Command::Stop(told) => control::order(&home, Order::Stop, told.json).await,
        Command::Pause(told) => control::order(&home, Order::Pause, told.json).await,
        Command::Resume(told) => control::order(&home, Order::Resume, told.json).await,
        Command::Mute(told) => control::order(&home, Order::Mute, told.json).await,
        Command::Webcam(told) => control::order(&home, Order::Webcam, told.json).await,
        Command::Cancel { yes } => control::order_deletion(&home, Order::Cancel, yes).await,
        Command::Restart { yes } => control::order_deletion(&home, Order::Restart, yes).await,
        Command::List { json } => print::list(&home, json),
        Command::Show { id, json } => print::show(&home, &id, json),
        Command::Status { wait, json } => status::status(home, wait, json).await,
        Command::Retry { ids } => status::retry(home, &ids).await,
        Command::Delete { ids } => status::delete(home, &ids).await,
        Command::Login { server, profile, browser } => {
            account::login(home, &server, profile, browser).await
        }
        Command::Settings { name, value } => settings::settings(home, name.zip(value)).await,
        Command::Logout => account::logout(home).await,
        Command::Keep { seconds } => keep::keep(home, seconds).await,
        Command::Serve => program::serve(&home).await,
        Command::Doctor => Ok(doctor::doctor(&home)),
    }
}

/// Warnings by default: the program itself says what a person should know.
fn log(verbose: bool) {
    // zbus warns of each answer of a portal that has no properties.
    let level = if verbose { "info,zbus=error" } else { "error" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SNAPLARK_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
