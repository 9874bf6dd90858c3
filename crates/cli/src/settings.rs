//! `snaplark settings`.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use snaplark_app::{
    AfterSleep, Camera, Fps, Home, KEEP_SECONDS, KeysShown, Microphone, Quality, Settings,
    SettingsChange, WebcamSettings, WebcamShape,
};

use crate::program::Program;
use crate::webcam;

const NAMES: [&str; 25] = [
    "fps",
    "quality",
    "size",
    "hardware-encoding",
    "pointer",
    "microphone",
    "system-sound",
    "countdown",
    "webcam",
    "camera",
    "webcam-shape",
    "webcam-place",
    "webcam-size",
    "webcam-mirrored",
    "clicks",
    "keys",
    "save-folder",
    "asks-where",
    "upload-limit",
    "wait-on-metered",
    "keep-local-days",
    "share-on-local-network",
    "names-in-titles",
    "keep-last",
    "after-sleep",
];

pub async fn settings(home: Home, set: Option<(String, String)>) -> anyhow::Result<ExitCode> {
    let program = Program::open(home).await?;
    let before = program.app.settings().await?;
    let changed = match set {
        Some((name, value)) => changed(&before, &name, &value),
        None => Ok(SettingsChange::default()),
    };
    let outcome = match changed {
        Ok(change) => program.app.change_settings(change).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    program.close().await?;
    let settings = outcome?;
    for name in NAMES {
        println!("{name:<22} {}", value(&settings, name)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns what has to change for the setting to have this value.
fn changed(before: &Settings, name: &str, text: &str) -> anyhow::Result<SettingsChange> {
    let mut after = before.clone();
    change(&mut after, name, text)?;
    Ok(SettingsChange::between(before, &after))
}

/// As it is written to change it.
fn value(settings: &Settings, name: &str) -> anyhow::Result<String> {
    let Settings { recording, upload, .. } = settings;
    Ok(match name {
        "fps" => u32::from(recording.fps).to_string(),
        "quality" => match recording.quality {
            Quality::Small => "small",
            Quality::Standard => "standard",
            Quality::Sharp => "sharp",
        }
        .into(),
        "size" => recording.size.to_string(),
        "hardware-encoding" => yes_or_no(recording.hardware_encoding),
        "pointer" => yes_or_no(recording.pointer),
        "microphone" => match &recording.microphone {
            Microphone::Off => "off".into(),
            Microphone::Default => "default".into(),
            Microphone::Named(name) => name.clone(),
        },
        "system-sound" => yes_or_no(recording.system_sound),
        "countdown" => recording.countdown_seconds.to_string(),
        "asks-where" => yes_or_no(recording.asks_where),
        "webcam" => yes_or_no(recording.webcam.shown),
        "camera" => match &recording.webcam.camera {
            Camera::Default => "default".into(),
            Camera::Named(name) => name.clone(),
        },
        "webcam-shape" => match recording.webcam.shape {
            WebcamShape::Circle => "circle",
            WebcamShape::Square => "square",
        }
        .into(),
        "webcam-place" => webcam::place(&recording.webcam),
        "webcam-size" => webcam::size(&recording.webcam),
        "webcam-mirrored" => yes_or_no(recording.webcam.mirrored),
        "clicks" => yes_or_no(recording.clicks),
        "keys" => match recording.keys {
            KeysShown::Off => "off",
            KeysShown::Shortcuts => "shortcuts",
            KeysShown::All => "all",
        }
        .into(),
        "save-folder" => or("default", recording.save_folder.as_ref().map(|path| path.display())),
        "upload-limit" => or("none", upload.bytes_per_second_max),
        "wait-on-metered" => yes_or_no(upload.wait_on_metered),
        "keep-local-days" => or("forever", upload.keep_local_days),
        "share-on-local-network" => yes_or_no(upload.share_on_local_network),
        "names-in-titles" => yes_or_no(recording.names_in_titles),
        "keep-last" => or("off", recording.kept_seconds()),
        "after-sleep" => match recording.after_sleep {
            AfterSleep::GoOn => "go-on",
            AfterSleep::Stop => "stop",
        }
        .into(),
        other => return Err(unknown(other)),
    })
}

fn change(settings: &mut Settings, name: &str, text: &str) -> anyhow::Result<()> {
    let Settings { recording, upload, .. } = settings;
    match name {
        "fps" => {
            let number: u32 = text.parse().context("fps is 15, 24, 30 or 60")?;
            recording.fps = Fps::try_from(number).map_err(anyhow::Error::msg)?;
        }
        "quality" => {
            recording.quality = match text {
                "small" => Quality::Small,
                "standard" => Quality::Standard,
                "sharp" => Quality::Sharp,
                _ => bail!("quality is small, standard or sharp"),
            }
        }
        "size" => recording.size = text.parse().map_err(anyhow::Error::msg)?,
        "hardware-encoding" => recording.hardware_encoding = is_yes(name, text)?,
        "pointer" => recording.pointer = is_yes(name, text)?,
        "share-on-local-network" => upload.share_on_local_network = is_yes(name, text)?,
        "names-in-titles" => recording.names_in_titles = is_yes(name, text)?,
        "microphone" => {
            recording.microphone = match text {
                "off" => Microphone::Off,
                "default" => Microphone::Default,
                name => Microphone::Named(name.into()),
            }
        }
        "system-sound" => recording.system_sound = is_yes(name, text)?,
        "countdown" => {
            recording.countdown_seconds = text.parse().context("countdown is seconds, or 0")?;
        }
        "asks-where" => recording.asks_where = is_yes(name, text)?,
        "clicks" => recording.clicks = is_yes(name, text)?,
        "keys" => {
            recording.keys = match text {
                "off" => KeysShown::Off,
                "shortcuts" => KeysShown::Shortcuts,
                "all" => KeysShown::All,
                _ => bail!("keys is off, shortcuts or all"),
            }
        }
        "save-folder" => {
            let folder = PathBuf::from(text);
            if text != "default" && !folder.is_absolute() {
                bail!("save-folder is a whole path, or default");
            }
            recording.save_folder = (text != "default").then_some(folder);
        }
        "upload-limit" => {
            upload.bytes_per_second_max = match text {
                "none" => None,
                number => Some(number.parse().context("upload-limit is bytes a second, or none")?),
            }
        }
        "wait-on-metered" => upload.wait_on_metered = is_yes(name, text)?,
        "keep-local-days" => {
            upload.keep_local_days = match text {
                "forever" => None,
                days => Some(days.parse().context("keep-local-days is a number, or forever")?),
            }
        }
        "keep-last" => {
            recording.keep_last = text != "off";
            if recording.keep_last {
                let seconds = text.parse().ok().filter(|seconds| KEEP_SECONDS.contains(seconds));
                recording.keep_last_seconds =
                    seconds.context("keep-last is off, or 30 to 600 seconds")?;
            }
        }
        "after-sleep" => {
            recording.after_sleep = match text {
                "go-on" => AfterSleep::GoOn,
                "stop" => AfterSleep::Stop,
                _ => bail!("after-sleep is go-on or stop"),
            }
        }
        other => change_webcam(&mut recording.webcam, other, text)?,
    }
    Ok(())
}

fn change_webcam(settings: &mut WebcamSettings, name: &str, text: &str) -> anyhow::Result<()> {
    match name {
        "webcam" => settings.shown = is_yes(name, text)?,
        "camera" => {
            settings.camera = match text {
                "default" => Camera::Default,
                name => Camera::Named(name.into()),
            }
        }
        "webcam-shape" => {
            settings.shape = match text {
                "circle" => WebcamShape::Circle,
                "square" => WebcamShape::Square,
                _ => bail!("webcam-shape is circle or square"),
            }
        }
        "webcam-place" => webcam::set_place(settings, text)?,
        "webcam-size" => webcam::set_size(settings, text)?,
        "webcam-mirrored" => settings.mirrored = is_yes(name, text)?,
        other => return Err(unknown(other)),
    }
    Ok(())
}

fn unknown(name: &str) -> anyhow::Error {
    anyhow::anyhow!("There is no setting '{name}'. There are {}", NAMES.join(", "))
}

fn is_yes(name: &str, text: &str) -> anyhow::Result<bool> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => bail!("{name} is yes or no"),
    }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}

fn or(none: &str, value: Option<impl Display>) -> String {
    value.map_or_else(|| none.into(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_shown_as_it_is_written() {
        let mut settings = Settings::default();
        for (name, text) in [
            ("fps", "60"),
            ("quality", "sharp"),
            ("size", "full"),
            ("hardware-encoding", "no"),
            ("pointer", "no"),
            ("microphone", "Desk"),
            ("system-sound", "yes"),
            ("countdown", "5"),
            ("webcam", "yes"),
            ("camera", "Desk"),
            ("webcam-shape", "square"),
            ("webcam-place", "top-left"),
            ("webcam-place", "25,100"),
            ("webcam-size", "small"),
            ("webcam-size", "40"),
            ("webcam-mirrored", "yes"),
            ("clicks", "yes"),
            ("keys", "all"),
            ("save-folder", "/videos"),
            ("asks-where", "yes"),
            ("upload-limit", "250000"),
            ("wait-on-metered", "yes"),
            ("keep-local-days", "forever"),
            ("keep-last", "45"),
            ("after-sleep", "stop"),
        ] {
            assert_ne!(value(&settings, name).unwrap(), text, "{name} is another before");
            change(&mut settings, name, text).unwrap();
            assert_eq!(value(&settings, name).unwrap(), text, "{name}");
        }
        for (name, text) in [
            ("fps", "31"),
            ("size", "1081"),
            ("upload-limit", "fast"),
            ("pointer", "maybe"),
            ("webcam-place", "101,0"),
            ("webcam-size", "95"),
            ("keys", "yes"),
            ("x", "1"),
        ] {
            assert!(change(&mut settings, name, text).is_err(), "{name} {text}");
        }
    }
}
