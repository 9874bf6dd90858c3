//! The commands `snaplark toggle`, `start`, `share-last`, `stop`, `pause`, `resume`, `mute`, `webcam`,
//! `cancel` and `restart`, which send orders to the program that runs here.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use serde::Serialize;
use snaplark_app::control::{self, Obeyed, Order, State};
use snaplark_app::{Home, WebcamState};
use snaplark_terminal::output;

use crate::say;

/// The output with `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Became<'a> {
    state: StateJson,
    muted: bool,
    webcam: WebcamState,
    id: Option<&'a str>,
    link: Option<&'a str>,
}

/// The state as an object, like all states in the JSON output.
#[derive(Serialize)]
struct StateJson {
    kind: State,
}

impl<'a> From<&'a Obeyed> for Became<'a> {
    fn from(obeyed: &'a Obeyed) -> Self {
        Became {
            state: StateJson { kind: obeyed.state },
            muted: obeyed.muted,
            webcam: obeyed.webcam,
            id: obeyed.id.as_deref(),
            link: obeyed.link.as_deref(),
        }
    }
}

/// Sends an order. Prints the link on standard output, if there is one, and what happened on standard
/// error.
pub async fn order(home: &Home, order: Order) -> anyhow::Result<ExitCode> {
    let obeyed = control::order(home, order).await?;
    if say::is_json() {
        say::json(&Became::from(&obeyed))?;
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
        output::answer(&link);
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends an order that deletes the recording, after asking the person.
pub async fn order_deletion(home: &Home, deletion: Order, yes: bool) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(yes || is_meant()?, "Nothing was changed; the recording goes on");
    order(home, deletion).await
}

fn is_meant() -> anyhow::Result<bool> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "Nobody can be asked here whether the recording is to be deleted. --yes says so"
    );
    output::say_raw("What is being recorded will be deleted. Go on? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_has_its_state_as_an_object_and_names_in_camel_case() {
        let obeyed = Obeyed {
            state: State::Paused,
            muted: true,
            id: Some("one".into()),
            link: None,
            webcam: WebcamState::Off,
        };
        let json = serde_json::to_value(Became::from(&obeyed)).unwrap();
        let wanted = serde_json::json!({
            "state": { "kind": "paused" }, "muted": true, "webcam": "off", "id": "one", "link": null
        });
        assert_eq!(json, wanted);
    }
}
