//! The commands `snaplark toggle`, `start`, `share-last`, `stop`, `pause`, `resume`, `mute`, `webcam`,
//! `strike`, `cancel` and `restart`, which send actions to the program that runs here.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;
use snaplark_app::control::{self, Performed, RecorderStatus};
use snaplark_app::view::StruckView;
use snaplark_app::{Action, Home, WebcamState};
use snaplark_terminal::output;

use crate::{markdown, say};

/// The output with `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Became<'a> {
    state: StateJson,
    muted: bool,
    webcam: WebcamState,
    id: Option<&'a str>,
    link: Option<&'a str>,
    /// The removed span; only with `snaplark strike`.
    #[serde(skip_serializing_if = "Option::is_none")]
    struck: Option<StruckView>,
    /// The link with its title; only with `snaplark share-last --markdown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

/// The state as an object, like all states in the JSON output.
#[derive(Serialize)]
struct StateJson {
    kind: RecorderStatus,
}

impl<'a> From<&'a Performed> for Became<'a> {
    fn from(performed: &'a Performed) -> Self {
        Became {
            state: StateJson { kind: performed.state },
            muted: performed.muted,
            webcam: performed.webcam,
            id: performed.id.as_deref(),
            link: performed.link.as_deref(),
            struck: performed.struck,
            markdown: None,
        }
    }
}

/// Sends an action. Prints the link on standard output, if there is one, and what happened on standard
/// error.
pub async fn ask_for(home: &Home, action: Action) -> anyhow::Result<ExitCode> {
    let performed = control::ask_for(home, action).await?;
    if say::is_json() {
        say::json(&Became::from(&performed))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(struck) = performed.struck {
        say::line(&struck_words(struck));
        return Ok(ExitCode::SUCCESS);
    }
    say::line(match (action, performed.webcam, performed.state) {
        (Action::Webcam, WebcamState::On, _) => "The webcam is on.",
        (Action::Webcam, WebcamState::Off, _) => "The webcam is off.",
        (Action::Webcam, WebcamState::Lost, _) => "The webcam is on, but it is not connected.",
        (Action::ShareLast(_), ..) => "The last minutes are saved as a recording.",
        (_, _, RecorderStatus::Recording) if performed.muted => {
            "Recording. The microphone is muted."
        }
        (_, _, RecorderStatus::Recording) => "Recording.",
        (_, _, RecorderStatus::Paused) => "Paused.",
        (_, _, RecorderStatus::Idle) => "Stopped.",
    });
    if let Some(link) = performed.link {
        output::answer(&link);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a recording of the last minutes and prints its link. With `markdown`, a destination that returns the link
/// only at the end is an error, since there is nothing to print yet.
pub async fn share_last(
    home: &Home,
    seconds: Option<u64>,
    markdown: bool,
) -> anyhow::Result<ExitCode> {
    if !markdown {
        return ask_for(home, Action::ShareLast(seconds)).await;
    }
    let performed = control::ask_for(home, Action::ShareLast(seconds)).await?;
    let link = performed.link.as_ref().map(|link| markdown::link(&performed.title, link));
    if say::is_json() {
        say::json(&Became { markdown: link, ..Became::from(&performed) })?;
        return Ok(ExitCode::SUCCESS);
    }
    let id = performed.id.as_deref().unwrap_or_default();
    let link = link.with_context(|| {
        format!(
            "The last minutes are saved as a recording, but there is no link yet: this destination gives links only \
             when an upload is complete, or was never reached. `snaplark show {id}` prints the link then"
        )
    })?;
    say::line("The last minutes are saved as a recording.");
    output::answer(&link);
    Ok(ExitCode::SUCCESS)
}

fn struck_words(struck: StruckView) -> String {
    let seconds = (struck.length_ms + 500) / 1_000;
    let removed = match seconds {
        0 | 1 => "The last second is".to_owned(),
        seconds => format!("The last {seconds} seconds are"),
    };
    match struck.was_online {
        false => format!("{removed} removed, and never left this computer."),
        true => format!(
            "{removed} removed here. Some of it was online already, and is replaced there by what you record \
             next."
        ),
    }
}

/// Sends an action that deletes the recording, after asking the person.
pub async fn ask_for_deletion(
    home: &Home,
    deletion: Action,
    yes: bool,
) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(yes || is_meant()?, "Nothing was deleted. The recording continues");
    ask_for(home, deletion).await
}

fn is_meant() -> anyhow::Result<bool> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "This deletes the recording, and standard input is not a terminal, so you can't be asked. \
         Confirm with --yes"
    );
    output::say_raw("This deletes the current recording. Continue? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_strike_say_whether_it_was_online() {
        let struck = |length_ms, was_online| StruckView { length_ms, at_unix_ms: 0, was_online };
        assert_eq!(
            struck_words(struck(10_040, false)),
            "The last 10 seconds are removed, and never left this computer."
        );
        assert!(struck_words(struck(900, true)).starts_with("The last second is removed here."));
    }

    #[test]
    fn answer_has_its_state_as_an_object_and_names_in_camel_case() {
        let performed = Performed {
            state: RecorderStatus::Paused,
            muted: true,
            id: Some("one".into()),
            link: None,
            title: String::new(),
            webcam: WebcamState::Off,
            struck: None,
        };
        let json = serde_json::to_value(Became::from(&performed)).unwrap();
        let wanted = serde_json::json!({
            "state": { "kind": "paused" }, "muted": true, "webcam": "off", "id": "one", "link": null
        });
        assert_eq!(json, wanted);
    }
}
