//! Settings by the names and values of the command line. Each is shown in the form in which it is written
//! to change it.
//!
//! A change is always one name and one value, so that concurrent changes of other settings are kept.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::{
    AfterSleep, Camera, Fps, KEEP_SECONDS, KeysShown, Microphone, Quality, Settings,
    WebcamSettings, WebcamShape,
};

/// Why a value was refused: a sentence without its full stop.
type Refused = String;

pub const SETTING_NAMES: [&str; 26] = [
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
    "share-at-once",
    "after-sleep",
];

const CORNERS: [(&str, u16, u16); 4] = [
    ("top-left", 0, 0),
    ("top-right", 1_000, 0),
    ("bottom-left", 0, 1_000),
    ("bottom-right", 1_000, 1_000),
];
const SIZES: [(&str, u16); 3] = [("small", 150), ("medium", 220), ("large", 320)];
/// The webcam's height in per cent of the picture's: a smaller face can't be recognized, a larger picture
/// is no longer in a corner.
const SIZE_PERCENT: RangeInclusive<u16> = 5..=90;

/// Returns a setting in the form in which it is written to change it.
pub fn setting(settings: &Settings, name: &str) -> Result<String, Refused> {
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
        "webcam-place" => webcam_place(&recording.webcam),
        "webcam-size" => webcam_size(&recording.webcam),
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
        "share-at-once" => yes_or_no(recording.share_at_once),
        "after-sleep" => match recording.after_sleep {
            AfterSleep::GoOn => "go-on",
            AfterSleep::Stop => "stop",
        }
        .into(),
        other => return Err(unknown(other)),
    })
}

/// Changes one setting.
pub fn change_setting(settings: &mut Settings, name: &str, text: &str) -> Result<(), Refused> {
    let Settings { recording, upload, .. } = settings;
    match name {
        "fps" => {
            let number: u32 = text.parse().map_err(|_| "fps is 15, 24, 30 or 60")?;
            recording.fps = Fps::try_from(number)?;
        }
        "quality" => {
            recording.quality = match text {
                "small" => Quality::Small,
                "standard" => Quality::Standard,
                "sharp" => Quality::Sharp,
                _ => return Err("quality is small, standard or sharp".into()),
            }
        }
        "size" => recording.size = text.parse()?,
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
            recording.countdown_seconds = text.parse().map_err(|_| "countdown is seconds, or 0")?;
        }
        "asks-where" => recording.asks_where = is_yes(name, text)?,
        "clicks" => recording.clicks = is_yes(name, text)?,
        "keys" => {
            recording.keys = match text {
                "off" => KeysShown::Off,
                "shortcuts" => KeysShown::Shortcuts,
                "all" => KeysShown::All,
                _ => return Err("keys is off, shortcuts or all".into()),
            }
        }
        "save-folder" => {
            let folder = PathBuf::from(text);
            if text != "default" && !folder.is_absolute() {
                return Err("save-folder is a whole path, or default".into());
            }
            recording.save_folder = (text != "default").then_some(folder);
        }
        "upload-limit" => {
            upload.bytes_per_second_max = match text {
                "none" => None,
                number => {
                    Some(number.parse().map_err(|_| "upload-limit is bytes a second, or none")?)
                }
            }
        }
        "wait-on-metered" => upload.wait_on_metered = is_yes(name, text)?,
        "keep-local-days" => {
            upload.keep_local_days = match text {
                "forever" => None,
                days => Some(days.parse().map_err(|_| "keep-local-days is a number, or forever")?),
            }
        }
        "share-at-once" => recording.share_at_once = is_yes(name, text)?,
        "keep-last" => {
            recording.keep_last = text != "off";
            if recording.keep_last {
                let seconds = text.parse().ok().filter(|seconds| KEEP_SECONDS.contains(seconds));
                recording.keep_last_seconds =
                    seconds.ok_or("keep-last is off, or 30 to 600 seconds")?;
            }
        }
        "after-sleep" => {
            recording.after_sleep = match text {
                "go-on" => AfterSleep::GoOn,
                "stop" => AfterSleep::Stop,
                _ => return Err("after-sleep is go-on or stop".into()),
            }
        }
        other => change_webcam(&mut recording.webcam, other, text)?,
    }
    Ok(())
}

fn change_webcam(settings: &mut WebcamSettings, name: &str, text: &str) -> Result<(), Refused> {
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
                _ => return Err("webcam-shape is circle or square".into()),
            }
        }
        "webcam-place" => set_place(settings, text)?,
        "webcam-size" => set_size(settings, text)?,
        "webcam-mirrored" => settings.mirrored = is_yes(name, text)?,
        other => return Err(unknown(other)),
    }
    Ok(())
}

fn unknown(name: &str) -> Refused {
    format!("There is no setting '{name}'. There are {}", SETTING_NAMES.join(", "))
}

fn is_yes(name: &str, text: &str) -> Result<bool, Refused> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{name} is yes or no")),
    }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}

fn or(none: &str, value: Option<impl Display>) -> String {
    value.map_or_else(|| none.into(), |value| value.to_string())
}

fn webcam_place(webcam: &WebcamSettings) -> String {
    let (right, down) = (webcam.right_permille, webcam.down_permille);
    let corner = CORNERS.iter().find(|corner| (corner.1, corner.2) == (right, down));
    corner.map_or_else(|| format!("{},{}", right / 10, down / 10), |corner| corner.0.into())
}

fn set_place(webcam: &mut WebcamSettings, text: &str) -> Result<(), Refused> {
    const WORDS: &str = "webcam-place is top-left, top-right, bottom-left, bottom-right, or how far \
                         to the right and down in per cent, like 50,100";
    let corner = CORNERS.iter().find(|corner| corner.0 == text);
    let free = || {
        let (right, down) = text.split_once(',')?;
        let permille = |text: &str| text.parse::<u16>().ok().filter(|percent| *percent <= 100);
        Some((permille(right)? * 10, permille(down)? * 10))
    };
    let place = corner.map(|corner| (corner.1, corner.2)).or_else(free);
    (webcam.right_permille, webcam.down_permille) = place.ok_or(WORDS)?;
    Ok(())
}

fn webcam_size(webcam: &WebcamSettings) -> String {
    let named = SIZES.iter().find(|size| size.1 == webcam.height_permille);
    named.map_or_else(|| (webcam.height_permille / 10).to_string(), |size| size.0.into())
}

fn set_size(webcam: &mut WebcamSettings, text: &str) -> Result<(), Refused> {
    if let Some((_, permille)) = SIZES.iter().find(|size| size.0 == text) {
        webcam.height_permille = *permille;
        return Ok(());
    }
    let Ok(percent) = text.parse() else {
        return Err(
            "webcam-size is small, medium, large, or per cent of the picture's height".into()
        );
    };
    if !SIZE_PERCENT.contains(&percent) {
        return Err("webcam-size is 5 to 90 per cent of the height".into());
    }
    webcam.height_permille = percent * 10;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_is_shown_as_it_is_written() {
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
            ("share-at-once", "yes"),
            ("after-sleep", "stop"),
        ] {
            assert_ne!(setting(&settings, name).unwrap(), text, "{name} is another before");
            change_setting(&mut settings, name, text).unwrap();
            assert_eq!(setting(&settings, name).unwrap(), text, "{name}");
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
            assert!(change_setting(&mut settings, name, text).is_err(), "{name} {text}");
        }
    }
}
