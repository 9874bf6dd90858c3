//! `snaplark toggle`, `start`, `share-last`, `stop`, `pause`, `resume`, `mute`, `webcam`, `cancel`,
//! `restart`: orders to the program that runs here.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use snaplark_app::control::{self, Order, State};
use snaplark_app::{Home, WebcamState};

use crate::{FAILED, say};

/// The link on standard output, where there is one; what happens on the other.
pub async fn order(home: &Home, order: Order, json: bool) -> anyhow::Result<ExitCode> {
    let obeyed = control::order(home, order).await?;
    if json {
        println!("{}", serde_json::to_string(&obeyed)?);
        return Ok(ExitCode::SUCCESS);
    }
    say::line(match (order, obeyed.webcam, obeyed.state) {
        (Order::Webcam, WebcamState::On, _) => "The webcam is on.",
        (Order::Webcam, WebcamState::Off, _) => "The webcam is off.",
        (Order::Webcam, WebcamState::Lost, _) => "The webcam is on, but it is not there now.",
        (Order::ShareLast { .. }, ..) => "It is a recording now.",
        (_, _, State::Recording) if obeyed.muted => "Recording, the microphone is muted.",
        (_, _, State::Recording) => "Recording.",
        (_, _, State::Paused) => "Paused.",
        (_, _, State::Idle) => "Stopped.",
    });
    if let Some(link) = obeyed.link {
        println!("{link}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is recorded goes with it: a person is asked.
pub async fn order_deletion(home: &Home, deletion: Order, yes: bool) -> anyhow::Result<ExitCode> {
    if !yes && !is_meant()? {
        say::line("Nothing was changed; the recording goes on.");
        return Ok(ExitCode::from(FAILED));
    }
    order(home, deletion, false).await
}

fn is_meant() -> anyhow::Result<bool> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "Nobody can be asked here whether the recording is to be deleted. --yes says so"
    );
    eprint!("What is being recorded will be deleted. Go on? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
