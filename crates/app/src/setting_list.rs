//! The one list of settings that can be changed by name: `snaplark settings`, its help and completions, and
//! the table in docs/command-line.md are all made of [`SETTINGS`].
//!
//! A change by name becomes a [`SettingsChange`](crate::SettingsChange) like every other, so that concurrent
//! changes of other settings are kept. A test holds that each stored field can be changed by a name, except
//! for those that only the windows change.
//!
//! Length: one entry for each setting.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::settings::{COUNTDOWN_SECONDS_MAX, HOLD_BACK_SECONDS, JPEG_QUALITY};
use crate::webhook::is_webhook_address;
use crate::{
    AfterSleep, AppError, Camera, Fps, KEEP_SECONDS, Microphone, Settings, WebcamSettings,
};

/// A setting that can be read and changed by its name.
pub struct Setting {
    /// Its name for the command line.
    pub name: &'static str,
    /// The values that it can have.
    pub allowed: AllowedValues,
    /// One sentence on what the setting does.
    pub about: &'static str,
    get: fn(&Settings) -> String,
    /// Returns `None` if the value is not allowed.
    set: fn(&mut Settings, &str) -> Option<()>,
}

/// The values that a setting can have. Its `Display` names them for a person: "15, 24, 30 or 60".
#[derive(Clone, Copy, Debug)]
pub enum AllowedValues {
    /// `yes` or `no`.
    YesNo,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number in a range, or a word that stands for no number.
    Number {
        /// A word that is allowed beside numbers.
        word: Option<&'static str>,
        /// The smallest number.
        min: u64,
        /// `u64::MAX`: there is no limit.
        max: u64,
        /// The unit, for people.
        unit: &'static str,
    },
    /// One of some words, or free text, such as the name of a device.
    Text {
        /// Words that are allowed beside free text.
        words: &'static [&'static str],
        /// The form of the text, for people.
        form: &'static str,
    },
}

use AllowedValues::{Number, Text, Words, YesNo};

/// Declares a setting that is switched on and off.
macro_rules! switch {
    ($name:literal, $($field:ident).+, $about:literal) => {
        Setting {
            name: $name,
            allowed: YesNo,
            about: $about,
            get: |settings| yes_or_no(settings.$($field).+),
            set: |settings, text| put(&mut settings.$($field).+, is_yes(text)),
        }
    };
}

/// Declares a setting whose values are the stored words of an enum.
macro_rules! choice {
    ($name:literal, $($field:ident).+, $words:expr, $about:literal) => {
        Setting {
            name: $name,
            allowed: Words(&$words),
            about: $about,
            get: |settings| stored_word(&settings.$($field).+),
            set: |settings, text| put(&mut settings.$($field).+, from_word(text)),
        }
    };
}

/// Every setting, in the order in which they are listed.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "fps",
        allowed: Words(&["15", "24", "30", "60"]),
        about: "Frames per second of new recordings.",
        get: |settings| u32::from(settings.recording.fps).to_string(),
        set: |settings, text| {
            let number: u32 = text.parse().ok()?;
            put(&mut settings.recording.fps, Fps::try_from(number).ok())
        },
    },
    choice!(
        "quality",
        recording.quality,
        ["small", "standard", "sharp"],
        "Quality of the picture: small files, standard, or sharp for content that moves a lot."
    ),
    Setting {
        name: "size",
        allowed: Words(&["720", "1080", "1440", "full"]),
        about: "Larger screens are scaled down to this many pixels on their shorter side.",
        get: |settings| settings.recording.size.to_string(),
        set: |settings, text| put(&mut settings.recording.size, text.parse().ok()),
    },
    switch!(
        "hardware-encoding",
        recording.hardware_encoding,
        "Uses the graphics card to encode, if it does so correctly."
    ),
    switch!("pointer", recording.pointer, "Shows the mouse pointer in recordings."),
    Setting {
        name: "microphone",
        allowed: Text { words: &["off", "default"], form: "the name of a microphone" },
        about: "The microphone that is recorded.",
        get: |settings| match &settings.recording.microphone {
            Microphone::Off => "off".into(),
            Microphone::Default => "default".into(),
            Microphone::Named(name) => name.clone(),
        },
        set: |settings, text| {
            settings.recording.microphone = match text {
                "off" => Microphone::Off,
                "default" => Microphone::Default,
                name => Microphone::Named(name.into()),
            };
            Some(())
        },
    },
    switch!("system-sound", recording.system_sound, "Records what the computer plays."),
    Setting {
        name: "countdown",
        allowed: Number { word: None, min: 0, max: COUNTDOWN_SECONDS_MAX as u64, unit: "seconds" },
        about: "Countdown before a recording starts.",
        get: |settings| settings.recording.countdown_seconds.to_string(),
        set: |settings, text| put(&mut settings.recording.countdown_seconds, text.parse().ok()),
    },
    switch!("webcam", recording.webcam.shown, "Shows the webcam in recordings."),
    Setting {
        name: "camera",
        allowed: Text { words: &["default"], form: "the name of a webcam" },
        about: "The webcam that is used.",
        get: |settings| match &settings.recording.webcam.camera {
            Camera::Default => "default".into(),
            Camera::Named(name) => name.clone(),
        },
        set: |settings, text| {
            settings.recording.webcam.camera = match text {
                "default" => Camera::Default,
                name => Camera::Named(name.into()),
            };
            Some(())
        },
    },
    choice!(
        "webcam-shape",
        recording.webcam.shape,
        ["circle", "square"],
        "Shape of the webcam's picture."
    ),
    Setting {
        name: "webcam-place",
        allowed: Text {
            words: &["top-left", "top-right", "bottom-left", "bottom-right"],
            form: "RIGHT,DOWN in percent, such as 50,100",
        },
        about: "Position of the webcam's picture.",
        get: |settings| webcam_place(&settings.recording.webcam),
        set: |settings, text| set_webcam_place(&mut settings.recording.webcam, text),
    },
    Setting {
        name: "webcam-size",
        allowed: Text {
            words: &["small", "medium", "large"],
            form: "5 to 90 percent of the recording's height",
        },
        about: "Size of the webcam's picture.",
        get: |settings| webcam_size(&settings.recording.webcam),
        set: |settings, text| set_webcam_size(&mut settings.recording.webcam, text),
    },
    switch!("webcam-mirrored", recording.webcam.mirrored, "Mirrors the webcam's picture."),
    switch!("clicks", recording.clicks, "Highlights mouse clicks."),
    choice!(
        "keys",
        recording.keys,
        ["off", "shortcuts", "all"],
        "Shows the keys that are pressed; all includes passwords."
    ),
    Setting {
        name: "save-folder",
        allowed: Text { words: &["default"], form: "an absolute path" },
        about: "Folder for finished videos; by default the system's folder for videos.",
        get: |settings| {
            let folder = settings.recording.save_folder.as_ref();
            folder.map_or_else(|| "default".into(), |folder| folder.display().to_string())
        },
        set: |settings, text| {
            let folder = (text != "default").then(|| PathBuf::from(text));
            if folder.as_ref().is_some_and(|folder| !folder.is_absolute()) {
                return None;
            }
            settings.recording.save_folder = folder;
            Some(())
        },
    },
    switch!(
        "asks-where",
        recording.asks_where,
        "Asks where to save the video after each recording."
    ),
    choice!(
        "screenshots.after",
        screenshots.after,
        ["editor", "copy", "upload", "save", "nothing"],
        "What happens after a screenshot is taken; it is in the library in any case."
    ),
    choice!(
        "screenshots.format",
        screenshots.format,
        ["png", "jpeg", "webp"],
        "Format of screenshots that are saved and uploaded; webp is lossless."
    ),
    Setting {
        name: "screenshots.jpeg-quality",
        allowed: Number {
            word: None,
            min: *JPEG_QUALITY.start() as u64,
            max: *JPEG_QUALITY.end() as u64,
            unit: "percent",
        },
        about: "Quality of screenshots in the format jpeg.",
        get: |settings| settings.screenshots.jpeg_quality.to_string(),
        set: |settings, text| put(&mut settings.screenshots.jpeg_quality, text.parse().ok()),
    },
    switch!("screenshots.pointer", screenshots.pointer, "Shows the mouse pointer in screenshots."),
    switch!("screenshots.sound", screenshots.sound, "Plays a sound when a screenshot is taken."),
    Setting {
        name: "screenshots.save-folder",
        allowed: Text { words: &["default"], form: "an absolute path" },
        about: "Folder for saved screenshots; by default the system's folder for pictures.",
        get: |settings| {
            let folder = settings.screenshots.save_folder.as_ref();
            folder.map_or_else(|| "default".into(), |folder| folder.display().to_string())
        },
        set: |settings, text| {
            let folder = (text != "default").then(|| PathBuf::from(text));
            if folder.as_ref().is_some_and(|folder| !folder.is_absolute()) {
                return None;
            }
            settings.screenshots.save_folder = folder;
            Some(())
        },
    },
    Setting {
        name: "screenshots.file-name",
        allowed: Text { words: &[], form: "text with {date}, {time} and {title}" },
        about: "Name of saved screenshots, without its ending.",
        get: |settings| settings.screenshots.file_name.clone(),
        set: |settings, text| {
            settings.screenshots.file_name = text.into();
            Some(())
        },
    },
    Setting {
        name: "upload-limit",
        allowed: Number { word: Some("none"), min: 1, max: u64::MAX, unit: "bytes per second" },
        about: "Highest speed of uploads.",
        get: |settings| number_or("none", settings.upload.bytes_per_second_max),
        set: |settings, text| {
            put(&mut settings.upload.bytes_per_second_max, word_or_number("none", text))
        },
    },
    switch!(
        "wait-on-metered",
        upload.wait_on_metered,
        "Pauses uploads while the network connection is metered."
    ),
    Setting {
        name: "keep-local-days",
        allowed: Number { word: Some("forever"), min: 0, max: u32::MAX as u64, unit: "days" },
        about: "How long the upload cache is kept after a video is online and saved.",
        get: |settings| number_or("forever", settings.upload.keep_local_days),
        set: |settings, text| {
            put(&mut settings.upload.keep_local_days, word_or_number("forever", text))
        },
    },
    Setting {
        name: "hold-back",
        allowed: Number {
            word: None,
            min: *HOLD_BACK_SECONDS.start() as u64,
            max: *HOLD_BACK_SECONDS.end() as u64,
            unit: "seconds",
        },
        about: "Uploads the last seconds of a running recording later, so that `snaplark strike` can remove them \
                before they leave this computer.",
        get: |settings| settings.upload.hold_back_seconds.to_string(),
        set: |settings, text| put(&mut settings.upload.hold_back_seconds, text.parse().ok()),
    },
    Setting {
        name: "recordings-to",
        allowed: Text { words: &["current"], form: "the address of an account" },
        about: "Account that new recordings go to; by default the current one.",
        get: |settings| named_or_current(settings.upload.recordings_to.as_ref()),
        set: |settings, text| {
            settings.upload.recordings_to = (text != "current").then(|| text.into());
            Some(())
        },
    },
    Setting {
        name: "screenshots-to",
        allowed: Text { words: &["current"], form: "the address of an account" },
        about: "Account that new screenshots go to; by default the current one.",
        get: |settings| named_or_current(settings.upload.screenshots_to.as_ref()),
        set: |settings, text| {
            settings.upload.screenshots_to = (text != "current").then(|| text.into());
            Some(())
        },
    },
    Setting {
        name: "files-to",
        allowed: Text { words: &["current"], form: "the address of an account" },
        about: "Account that new files go to; by default the current one.",
        get: |settings| named_or_current(settings.upload.files_to.as_ref()),
        set: |settings, text| {
            settings.upload.files_to = (text != "current").then(|| text.into());
            Some(())
        },
    },
    Setting {
        name: "webhook",
        allowed: Text { words: &["off"], form: "an address that begins with https://" },
        about: "Tells this address when an item is online, is edited, or could not be uploaded.",
        get: |settings| settings.upload.webhook.clone().unwrap_or_else(|| "off".into()),
        set: |settings, text| {
            let address = (text != "off").then(|| text.to_owned());
            let is_plain_http_allowed = settings.upload.webhook_plain_http;
            let is_good = |address: &String| is_webhook_address(address, is_plain_http_allowed);
            settings.upload.webhook = address;
            settings.upload.webhook.as_ref().is_none_or(is_good).then_some(())
        },
    },
    switch!(
        "webhook-plain-http",
        upload.webhook_plain_http,
        "Allows the webhook's address to be unencrypted (http), so that others can read what is told."
    ),
    switch!(
        "share-on-local-network",
        upload.share_on_local_network,
        "Lets others on the local network open links to this computer."
    ),
    switch!(
        "pointer-positions",
        recording.pointer_positions,
        "Keeps pointer positions and clicks in a file beside each recording. They are never uploaded."
    ),
    switch!(
        "names-in-titles",
        recording.names_in_titles,
        "Uses the names of the recorded app and window as the title."
    ),
    Setting {
        name: "keep-last",
        allowed: Number {
            word: Some("off"),
            min: *KEEP_SECONDS.start() as u64,
            max: *KEEP_SECONDS.end() as u64,
            unit: "seconds",
        },
        about: "Keeps the last minutes of the screen for `snaplark share-last`.",
        get: |settings| number_or("off", settings.recording.kept_seconds()),
        set: |settings, text| {
            let kept: Option<u32> = word_or_number("off", text)?;
            settings.recording.keep_last = kept.is_some();
            if let Some(seconds) = kept {
                settings.recording.keep_last_seconds = seconds;
            }
            Some(())
        },
    },
    switch!(
        "share-at-once",
        recording.share_at_once,
        "Uploads the last minutes without a preview."
    ),
    Setting {
        name: "after-sleep",
        allowed: Words(&["resume", "stop"]),
        about: "What happens to a recording when the computer wakes up from sleep.",
        get: |settings| match settings.recording.after_sleep {
            AfterSleep::GoOn => "resume".into(),
            AfterSleep::Stop => "stop".into(),
        },
        set: |settings, text| {
            settings.recording.after_sleep = match text {
                "resume" => AfterSleep::GoOn,
                "stop" => AfterSleep::Stop,
                _ => return None,
            };
            Some(())
        },
    },
    choice!(
        "theme",
        desktop.theme,
        ["system", "light", "dark"],
        "Appearance of the app's windows."
    ),
    choice!("language", desktop.language, ["system", "en", "de", "ar"], "Language of the app."),
    choice!(
        "notifications",
        desktop.notifications,
        ["all", "needs-me", "none"],
        "Notifications of the app; needs-me shows only those that require an action."
    ),
    switch!("show-bar", desktop.show_bar, "Shows the recorder bar during recordings."),
    switch!(
        "bar-in-recordings",
        desktop.bar_in_recordings,
        "Lets the recorder bar appear in recordings."
    ),
    switch!("open-link", desktop.open_link, "Opens the link in the browser after each recording."),
    switch!(
        "looks-for-updates",
        desktop.looks_for_updates,
        "Looks for updates of the app once a day."
    ),
];

impl Setting {
    /// Returns the setting with that name.
    pub fn named(name: &str) -> Result<&'static Setting, AppError> {
        let found = SETTINGS.iter().find(|setting| setting.name == name);
        found.ok_or_else(|| AppError::BadSetting {
            reason: format!("There is no setting '{name}'. `snaplark settings` lists all of them"),
        })
    }

    /// Returns the value in the form in which it is written to change it.
    pub fn value(&self, settings: &Settings) -> String {
        (self.get)(settings)
    }

    /// Returns the value that it has at first.
    pub fn default_value(&self) -> String {
        self.value(&Settings::default())
    }

    /// Returns the value as JSON: yes and no as booleans, numbers as numbers, the rest as strings.
    pub fn json(&self, settings: &Settings) -> Value {
        let text = self.value(settings);
        match (self.allowed, text.parse::<u64>()) {
            (YesNo, _) => (text == "yes").into(),
            (Words(_) | Number { .. }, Ok(number)) => number.into(),
            (Words(_) | Number { .. }, Err(_)) | (Text { .. }, _) => text.into(),
        }
    }

    /// Returns the settings with this one changed, or an error that names the allowed values.
    pub(crate) fn changed(&self, settings: &Settings, text: &str) -> Result<Settings, AppError> {
        let mut after = settings.clone();
        let done = self.allowed.permits(text).then(|| (self.set)(&mut after, text)).flatten();
        done.map(|()| after).ok_or_else(|| AppError::BadSetting {
            reason: format!("'{text}' is not a value of {}. Allowed: {}", self.name, self.allowed),
        })
    }
}

impl AllowedValues {
    /// Returns whether a value may be allowed. Only `Setting::set` knows for free text.
    fn permits(&self, text: &str) -> bool {
        match self {
            YesNo => is_yes(text).is_some(),
            Words(words) => words.contains(&text),
            Number { word, min, max, .. } => {
                *word == Some(text)
                    || text.parse().is_ok_and(|number: u64| (*min..=*max).contains(&number))
            }
            Text { .. } => !text.is_empty(),
        }
    }
}

impl fmt::Display for AllowedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            YesNo => f.write_str("yes or no"),
            Words(words) => match words {
                [first @ .., last] => write!(f, "{} or {last}", first.join(", ")),
                [] => Ok(()),
            },
            Number { word, min, max, unit } => {
                if let Some(word) = word {
                    write!(f, "{word}, or ")?;
                }
                match (*min, *max) {
                    (0, max) if max >= u32::MAX.into() => write!(f, "a number of {unit}"),
                    (min, max) if max >= u32::MAX.into() => {
                        write!(f, "a number of {unit}, {min} or more")
                    }
                    (min, max) => write!(f, "{min} to {max} {unit}"),
                }
            }
            Text { words: [], form } => f.write_str(form),
            Text { words, form } => write!(f, "{}, or {form}", words.join(", ")),
        }
    }
}

fn put<T>(field: &mut T, value: Option<T>) -> Option<()> {
    *field = value?;
    Some(())
}

fn is_yes(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}

fn named_or_current(account: Option<&String>) -> String {
    account.cloned().unwrap_or_else(|| "current".into())
}

fn number_or(word: &str, number: Option<impl fmt::Display>) -> String {
    number.map_or_else(|| word.into(), |number| number.to_string())
}

/// Reads the word as no number, and everything else as a number.
fn word_or_number<T: std::str::FromStr>(word: &str, text: &str) -> Option<Option<T>> {
    if text == word {
        return Some(None);
    }
    text.parse().ok().map(Some)
}

/// Returns the word under which an enum without fields is stored.
fn stored_word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        // Only enums without fields are declared by `choice!`.
        Ok(_) | Err(_) => String::new(),
    }
}

fn from_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

const CORNERS: [(&str, u16, u16); 4] = [
    ("top-left", 0, 0),
    ("top-right", 1_000, 0),
    ("bottom-left", 0, 1_000),
    ("bottom-right", 1_000, 1_000),
];

fn webcam_place(webcam: &WebcamSettings) -> String {
    let (right, down) = (webcam.right_permille, webcam.down_permille);
    let corner = CORNERS.iter().find(|corner| (corner.1, corner.2) == (right, down));
    corner.map_or_else(|| format!("{},{}", right / 10, down / 10), |corner| corner.0.into())
}

fn set_webcam_place(webcam: &mut WebcamSettings, text: &str) -> Option<()> {
    let corner = CORNERS.iter().find(|corner| corner.0 == text);
    let free = || {
        let (right, down) = text.split_once(',')?;
        let permille = |text: &str| text.parse::<u16>().ok().filter(|percent| *percent <= 100);
        Some((permille(right)? * 10, permille(down)? * 10))
    };
    let place = corner.map(|corner| (corner.1, corner.2)).or_else(free);
    (webcam.right_permille, webcam.down_permille) = place?;
    Some(())
}

const WEBCAM_SIZES: [(&str, u16); 3] = [("small", 150), ("medium", 220), ("large", 320)];

fn webcam_size(webcam: &WebcamSettings) -> String {
    let named = WEBCAM_SIZES.iter().find(|size| size.1 == webcam.height_permille);
    named.map_or_else(|| (webcam.height_permille / 10).to_string(), |size| size.0.into())
}

/// Sets the height of the webcam's picture in percent of the recording's. A smaller face can't be recognized,
/// and a larger picture is no longer in a corner.
fn set_webcam_size(webcam: &mut WebcamSettings, text: &str) -> Option<()> {
    let named = WEBCAM_SIZES.iter().find(|size| size.0 == text).map(|size| size.1);
    let free = || text.parse::<u16>().ok().filter(|percent| (5..=90).contains(percent));
    put(&mut webcam.height_permille, named.or_else(|| free().map(|percent| percent * 10)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Map;

    use super::*;
    use crate::{ErrorCode, SettingsChange};

    /// Fields that only the windows change: shortcuts are tried with the desktop before they are stored, and
    /// `welcomed` is no choice of a person.
    const WINDOWS_ONLY: [&str; 2] = ["desktop.shortcuts", "desktop.welcomed"];

    fn changed(settings: &Settings, name: &str, value: &str) -> Result<Settings, AppError> {
        Setting::named(name)?.changed(settings, value)
    }

    /// Returns the paths of all fields of a tree, such as `recording.webcam.shown`.
    fn paths(fields: &Map<String, Value>, above: &str) -> Vec<String> {
        let below = |(name, value): (&String, &Value)| match value {
            Value::Object(group) if !group.contains_key("kind") && name != "shortcuts" => {
                paths(group, &format!("{above}{name}."))
            }
            _ => vec![format!("{above}{name}")],
        };
        fields.iter().flat_map(below).collect()
    }

    fn paths_of(tree: &impl Serialize) -> BTreeSet<String> {
        let Value::Object(fields) = serde_json::to_value(tree).unwrap() else {
            panic!("settings are a JSON object");
        };
        paths(&fields, "").into_iter().collect()
    }

    /// Returns values of a setting that differ from each other.
    fn examples(setting: &Setting) -> Vec<String> {
        match setting.allowed {
            YesNo => vec!["yes".into(), "no".into()],
            Words(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Number { word, min, max, .. } => {
                let numbers = [min, min + 1, max].map(|number| number.to_string());
                word.into_iter().map(str::to_owned).chain(numbers).collect()
            }
            Text { words, .. } => {
                let free = match setting.name {
                    "webhook" => "https://hooks.example/snaplark",
                    "webcam-place" => "25,100",
                    "webcam-size" => "40",
                    "save-folder" | "screenshots.save-folder" if cfg!(windows) => r"C:\videos",
                    "save-folder" | "screenshots.save-folder" => "/videos",
                    _ => "Desk",
                };
                words.iter().copied().chain([free]).map(str::to_owned).collect()
            }
        }
    }

    #[test]
    fn setting_is_shown_as_it_is_written() {
        for setting in SETTINGS {
            for text in examples(setting) {
                let settings = setting.changed(&Settings::default(), &text).unwrap();
                assert_eq!(setting.value(&settings), text, "{}", setting.name);
            }
        }
    }

    #[test]
    fn stored_field_can_be_changed_by_a_name() {
        let before = Settings::default();
        let mut named: BTreeSet<String> = WINDOWS_ONLY.map(str::to_owned).into();
        for setting in SETTINGS {
            for text in examples(setting) {
                let after = setting.changed(&before, &text).unwrap();
                named.extend(paths_of(&SettingsChange::between(&before, &after)));
            }
        }
        let stored = paths_of(&before);
        let missing: Vec<_> = stored.difference(&named).collect();
        assert!(missing.is_empty(), "declare them in SETTINGS: {missing:?}");
    }

    #[test]
    fn wrong_value_is_answered_with_the_allowed_ones() {
        for (name, value, allowed) in [
            ("fps", "31", "15, 24, 30 or 60"),
            ("quality", "best", "small, standard or sharp"),
            ("size", "1081", "720, 1080, 1440 or full"),
            ("pointer", "maybe", "yes or no"),
            ("microphone", "", "off, default, or the name of a microphone"),
            ("countdown", "61", "0 to 60 seconds"),
            ("webcam-place", "101,0", "bottom-right, or RIGHT,DOWN in percent, such as 50,100"),
            ("webcam-size", "95", "5 to 90 percent"),
            ("save-folder", "videos", "default, or an absolute path"),
            ("upload-limit", "fast", "none, or a number of bytes per second, 1 or more"),
            ("keep-local-days", "-1", "forever, or a number of days"),
            ("keep-last", "5", "off, or 30 to 600 seconds"),
            ("hold-back", "61", "0 to 60 seconds"),
        ] {
            let refused = changed(&Settings::default(), name, value).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::BadSetting);
            let sentence = refused.to_string();
            assert!(
                sentence.contains(&format!("'{value}' is not a value of {name}")),
                "{sentence}"
            );
            assert!(
                sentence.contains(&format!("Allowed: {allowed}")) || sentence.contains(allowed)
            );
        }
        let unknown = changed(&Settings::default(), "x", "1").unwrap_err().to_string();
        assert!(unknown.contains("There is no setting 'x'"), "{unknown}");
    }

    #[test]
    fn setting_has_its_type_in_json() {
        let settings = Settings::default();
        let json = |name| Setting::named(name).unwrap().json(&settings);
        assert_eq!(json("fps"), 30);
        assert_eq!(json("hardware-encoding"), true);
        assert_eq!(json("keep-local-days"), 7);
        assert_eq!(json("upload-limit"), "none");
        let named = changed(&settings, "microphone", "2").unwrap();
        assert_eq!(Setting::named("microphone").unwrap().json(&named), "2");
    }

    #[test]
    fn table_of_settings_in_the_docs_is_the_declared_one() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/command-line.md");
        let text = std::fs::read_to_string(&page).unwrap();
        let begin = "| Setting | Values | Default | Meaning |\n|---|---|---|---|\n";
        let (before, rest) = text.split_once(begin).expect("the page has a table of settings");
        let end = rest.find("\n\n").expect("the table ends with an empty line");
        let (kept, after) = (&rest[..=end], &rest[end + 1..]);
        let row = |setting: &Setting| {
            let Setting { name, allowed, about, .. } = setting;
            format!("| `{name}` | {allowed} | {} | {about} |\n", setting.default_value())
        };
        let declared: String = SETTINGS.iter().map(row).collect();
        if std::env::var_os("SNAPLARK_WRITE_DOCS").is_some() {
            std::fs::write(&page, format!("{before}{begin}{declared}{after}")).unwrap();
        } else {
            assert_eq!(kept, declared, "`cargo xtask tidy --fix` writes the table");
        }
    }
}
