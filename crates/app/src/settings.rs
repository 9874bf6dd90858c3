//! The person's choices, kept in the store: one row for each group, so that a group can be added without
//! touching the others. A choice that is missing or was written by a newer version takes its default.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use snaplark_core::capture::{Device, Sound, Source};
use snaplark_core::overlay::Marks;
use snaplark_core::policy::STRIKE_SECONDS_MAX;
use snaplark_core::render::PictureFormat;
use snaplark_store::{Store, StoreError};
use ts_rs::TS;

use crate::view::SoundView;
use crate::{KeysShown, ShortcutKeys, StartRequest, WebcamSettings};

/// Nobody needs longer to get ready; a larger value is a slip on the command line.
pub(crate) const COUNTDOWN_SECONDS_MAX: u32 = 60;
/// How long uploads can be held back.
pub(crate) const HOLD_BACK_SECONDS: RangeInclusive<u32> = 0..=STRIKE_SECONDS_MAX as u32;
/// The qualities that JPEG knows.
pub(crate) const JPEG_QUALITY: RangeInclusive<u32> = 1..=100;

/// The settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct Settings {
    /// How recordings are made.
    pub recording: RecordingSettings,
    /// How they are uploaded.
    pub upload: UploadSettings,
    /// How screenshots are taken and saved.
    pub screenshots: ScreenshotSettings,
    /// How the program behaves on the desktop.
    pub desktop: DesktopSettings,
}

/// How recordings are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct RecordingSettings {
    /// Frames per second.
    #[ts(type = "15 | 24 | 30 | 60")]
    pub fps: Fps,
    /// How sharp the picture is.
    pub quality: Quality,
    /// The size of the picture.
    pub size: PictureSize,
    /// Uses the graphics card's encoder where that works correctly. Off: always the processor.
    pub hardware_encoding: bool,
    /// The pointer is in the picture.
    pub pointer: bool,
    /// Which microphone is recorded.
    pub microphone: Microphone,
    /// The sound that this computer plays is recorded.
    pub system_sound: bool,
    /// Time to get ready; 0 begins at once.
    pub countdown_seconds: u32,
    /// The webcam in the picture.
    pub webcam: WebcamSettings,
    /// Marks mouse clicks where they happen.
    pub clicks: bool,
    /// Which keys are drawn into the picture.
    pub keys: KeysShown,
    /// The fate of a recording when the computer sleeps.
    pub after_sleep: AfterSleep,
    /// Keeps the last minutes of the screen, so that they can be shared afterwards.
    pub keep_last: bool,
    /// How much is kept, from 30 s to 10 min.
    pub keep_last_seconds: u32,
    /// Uploads the last minutes without showing a preview first.
    pub share_at_once: bool,
    /// The folder for the person's own files. `None`: the system's folder for videos.
    pub save_folder: Option<PathBuf>,
    /// Asks the person, after the file is written there, where else it should be.
    pub asks_where: bool,
    /// Keeps where the pointer is and what is clicked beside recordings. Never uploaded.
    pub pointer_positions: bool,
    /// Names the recorded app and window in titles. Off: titles have dates only.
    pub names_in_titles: bool,
}

/// Frames per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub enum Fps {
    /// 15 frames.
    Fps15,
    /// 24 frames.
    Fps24,
    /// 30 frames.
    Fps30,
    /// 60 frames.
    Fps60,
}

/// How sharp the picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Quality {
    /// It suits slow connections.
    Small,
    /// Text is sharp.
    Standard,
    /// It suits content that moves a lot.
    Sharp,
}

/// The size that a larger screen is scaled down to, by its shorter side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum PictureSize {
    /// The picture has at most 720 lines.
    P720,
    /// The picture has at most 1080 lines.
    P1080,
    /// The picture has at most 1440 lines.
    P1440,
    /// The screen's own size.
    Full,
}

/// The fate of a recording when the computer sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum AfterSleep {
    /// The recording is paused while the computer sleeps.
    GoOn,
    /// It ends.
    Stop,
}

/// Which microphone is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
#[ts(export)]
pub enum Microphone {
    /// None.
    Off,
    /// The system's default microphone.
    Default,
    /// The one with this name.
    Named(String),
}

/// How recordings are uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct UploadSettings {
    /// `None`: as fast as the connection allows.
    #[ts(type = "number | null")]
    pub bytes_per_second_max: Option<u64>,
    /// Nothing is sent on a metered connection.
    pub wait_on_metered: bool,
    /// How many seconds of the recording that runs are held back, so that they can be struck before they leave
    /// this computer.
    pub hold_back_seconds: u32,
    /// Lets others on the local network open links to this computer.
    pub share_on_local_network: bool,
    /// How many days segments stay here after the server has confirmed the finished video and the person's
    /// own file is written. `None`: forever.
    pub keep_local_days: Option<u32>,
    /// The address of the account that new recordings go to. `None`: the current one.
    pub recordings_to: Option<String>,
    /// The address of the account that new screenshots go to. `None`: the current one.
    pub screenshots_to: Option<String>,
    /// The address of the account that files go to which are brought in. `None`: the current one.
    pub files_to: Option<String>,
    /// The address that is told what happens to items. `None`: none is.
    pub webhook: Option<String>,
    /// Allows that address to be unencrypted.
    pub webhook_plain_http: bool,
}

/// Settings of screenshots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ScreenshotSettings {
    /// The step after taking one.
    pub after: AfterScreenshot,
    /// The format of files and uploads.
    pub format: ScreenshotFormat,
    /// The quality is from 1 to 100.
    pub jpeg_quality: u8,
    /// Shows the mouse pointer in screenshots.
    pub pointer: bool,
    /// Plays the sound of a shutter.
    pub sound: bool,
    /// The folder of saved files. `None`: the system's folder for pictures.
    pub save_folder: Option<PathBuf>,
    /// The name of saved files without its ending: text with `{date}`, `{time}` and `{title}`.
    pub file_name: String,
}

/// The step after a screenshot was taken. It is in the library in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum AfterScreenshot {
    /// It is opened in the editor.
    Editor,
    /// It is put on the clipboard.
    Copy,
    /// It is uploaded, and its link is put on the clipboard.
    Upload,
    /// It is saved as a file.
    Save,
    /// It stays in the library.
    Nothing,
}

/// The format of a screenshot's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ScreenshotFormat {
    /// It loses nothing.
    Png,
    /// Smaller, with loss.
    Jpeg,
    /// It loses nothing.
    Webp,
}

/// Settings of the windows and the tray. Nothing else reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct DesktopSettings {
    /// Light or dark.
    pub theme: Theme,
    /// The language of windows and titles.
    pub language: Language,
    /// The keys that work in every program.
    pub shortcuts: ShortcutKeys,
    /// Shows the recorder bar while something is recorded.
    pub show_bar: bool,
    /// Leaves the bar and toasts in place when the area under them is recorded.
    pub bar_in_recordings: bool,
    /// Which notifications appear in the corner of the screen.
    pub notifications: Notifications,
    /// Opens the link as soon as a recording that was stopped has one.
    pub open_link: bool,
    /// Looks for a newer version automatically, once a day.
    pub looks_for_updates: bool,
    /// The welcome window was shown and is never shown again.
    pub welcomed: bool,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Theme {
    /// The system's reason.
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// Which toasts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Notifications {
    /// All.
    All,
    /// Only those about something that needs the person's action.
    NeedsMe,
    /// None.
    None,
}

/// The languages that Snaplark supports, by their tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Language {
    /// The first of the person's languages that is supported, else English.
    System,
    /// English.
    En,
    /// German.
    De,
    /// Arabic.
    Ar,
}

impl Default for RecordingSettings {
    fn default() -> Self {
        RecordingSettings {
            fps: Fps::Fps30,
            quality: Quality::Standard,
            size: PictureSize::P1080,
            hardware_encoding: true,
            pointer: true,
            microphone: Microphone::Off,
            system_sound: false,
            countdown_seconds: 0,
            webcam: WebcamSettings::default(),
            clicks: false,
            keys: KeysShown::Off,
            after_sleep: AfterSleep::GoOn,
            keep_last: false,
            keep_last_seconds: 120,
            share_at_once: false,
            save_folder: None,
            asks_where: false,
            pointer_positions: true,
            names_in_titles: true,
        }
    }
}

impl Default for UploadSettings {
    fn default() -> Self {
        UploadSettings {
            bytes_per_second_max: None,
            wait_on_metered: false,
            hold_back_seconds: 0,
            share_on_local_network: false,
            keep_local_days: Some(7),
            recordings_to: None,
            screenshots_to: None,
            files_to: None,
            webhook: None,
            webhook_plain_http: false,
        }
    }
}

impl Default for ScreenshotSettings {
    fn default() -> Self {
        ScreenshotSettings {
            after: AfterScreenshot::Editor,
            format: ScreenshotFormat::Png,
            jpeg_quality: 90,
            pointer: false,
            sound: true,
            save_folder: None,
            file_name: "Screenshot {date} {time}".to_owned(),
        }
    }
}

impl ScreenshotSettings {
    /// Returns the format in which pictures leave unless another is asked for.
    pub fn picture_format(&self) -> PictureFormat {
        match self.format {
            ScreenshotFormat::Png => PictureFormat::Png,
            ScreenshotFormat::Jpeg => PictureFormat::Jpeg { quality: self.jpeg_quality },
            ScreenshotFormat::Webp => PictureFormat::WebpLossless,
        }
    }
}

impl Default for DesktopSettings {
    fn default() -> Self {
        DesktopSettings {
            theme: Theme::System,
            language: Language::System,
            shortcuts: ShortcutKeys::default(),
            show_bar: true,
            bar_in_recordings: false,
            notifications: Notifications::All,
            open_link: false,
            looks_for_updates: true,
            welcomed: false,
        }
    }
}

impl RecordingSettings {
    /// Returns how many seconds the ring buffer keeps, or `None` if nothing is kept.
    pub fn kept_seconds(&self) -> Option<u32> {
        self.keep_last
            .then(|| self.keep_last_seconds.clamp(*KEEP_SECONDS.start(), *KEEP_SECONDS.end()))
    }

    /// Returns the request of a recording with these settings.
    pub fn request(&self, source: Source) -> StartRequest {
        StartRequest {
            source,
            fps: self.fps.into(),
            bitrate_bits: self.quality.bitrate_bits(),
            hardware_encoding: self.hardware_encoding,
            lines_max: self.size.lines_max(),
            pointer: self.pointer,
            pointer_positions: self.pointer_positions,
            sound: Sound {
                microphone: self.microphone.device(),
                system: self.system_sound,
                ..Sound::default()
            },
            countdown: (self.countdown_seconds > 0)
                .then(|| self.countdown_seconds.min(COUNTDOWN_SECONDS_MAX))
                .map(|seconds| Duration::from_secs(seconds.into())),
            webcam: self.webcam.webcam(),
            marks: Marks { clicks: self.clicks, keys: self.keys.keys() },
            ..StartRequest::default()
        }
    }
}

impl RecordingSettings {
    pub(crate) fn sound_view(&self) -> SoundView {
        SoundView { microphone: self.microphone != Microphone::Off, system: self.system_sound }
    }

    /// Returns a request like [`RecordingSettings::request`], except that a person can switch the
    /// microphone on during the recording even if it began without one. Its device is not opened before
    /// then.
    pub fn request_with_microphone_at_hand(&self, source: Source) -> StartRequest {
        let mut request = self.request(source);
        if request.sound.microphone.is_none() {
            request.sound.microphone = Some(Device::Default);
            request.sound.microphone_waits = true;
            request.muted = true;
        }
        request
    }
}

impl Microphone {
    /// Returns the audio device, or `None` if the microphone is off.
    pub fn device(&self) -> Option<Device> {
        match self {
            Microphone::Off => None,
            Microphone::Default => Some(Device::Default),
            Microphone::Named(name) => Some(Device::Named(name.clone())),
        }
    }
}

impl Quality {
    const fn bitrate_bits(self) -> u32 {
        match self {
            Quality::Small => 1_200_000,
            Quality::Standard => 2_500_000,
            Quality::Sharp => 6_000_000,
        }
    }
}

impl PictureSize {
    /// Returns the maximum number of lines. `None`: the size of the source.
    pub const fn lines_max(self) -> Option<u32> {
        match self {
            PictureSize::P720 => Some(720),
            PictureSize::P1080 => Some(1_080),
            PictureSize::P1440 => Some(1_440),
            PictureSize::Full => None,
        }
    }
}

impl fmt::Display for PictureSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lines_max() {
            Some(lines) => lines.fmt(f),
            None => f.write_str("full"),
        }
    }
}

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sizes = [PictureSize::P720, PictureSize::P1080, PictureSize::P1440, PictureSize::Full];
        let found = sizes.into_iter().find(|size| size.to_string() == text);
        found.ok_or_else(|| format!("'{text}' is none of 720, 1080, 1440 and full"))
    }
}

impl From<Fps> for u32 {
    fn from(fps: Fps) -> u32 {
        match fps {
            Fps::Fps15 => 15,
            Fps::Fps24 => 24,
            Fps::Fps30 => 30,
            Fps::Fps60 => 60,
        }
    }
}

impl TryFrom<u32> for Fps {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            15 => Ok(Fps::Fps15),
            24 => Ok(Fps::Fps24),
            30 => Ok(Fps::Fps30),
            60 => Ok(Fps::Fps60),
            other => Err(format!("{other} is none of 15, 24, 30 and 60 frames a second")),
        }
    }
}

impl Settings {
    pub(crate) fn stored(store: &Store) -> Result<Self, StoreError> {
        Ok(Settings {
            recording: group(store, RECORDING)?,
            upload: group(store, UPLOAD)?,
            screenshots: group(store, SCREENSHOTS)?,
            desktop: desktop(store.setting(DESKTOP)?),
        })
    }

    pub(crate) fn store(&self, store: &Store) -> Result<(), StoreError> {
        // Settings are plain data, so converting them to JSON never fails.
        let text = |value: serde_json::Result<String>| value.unwrap_or_default();
        store.set_settings(&[
            (RECORDING, &text(serde_json::to_string(&self.recording))),
            (UPLOAD, &text(serde_json::to_string(&self.upload))),
            (SCREENSHOTS, &text(serde_json::to_string(&self.screenshots))),
            (DESKTOP, &text(serde_json::to_string(&self.desktop))),
        ])
    }
}

/// The range of seconds that the ring buffer may keep. Less is over before one thinks of sharing it. More
/// should be started as a recording: at the standard quality, ten minutes are 190 MB.
pub const KEEP_SECONDS: RangeInclusive<u32> = 30..=600;

const RECORDING: &str = "recording";
const UPLOAD: &str = "upload";
const SCREENSHOTS: &str = "screenshots";
const DESKTOP: &str = "desktop";

fn group<T: DeserializeOwned + Default>(store: &Store, key: &str) -> Result<T, StoreError> {
    let stored = store.setting(key)?;
    Ok(stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Reads the desktop settings. Earlier versions had a single shortcut, stored as `recordKeys`.
fn desktop(stored: Option<String>) -> DesktopSettings {
    let value = stored.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let record = value.as_ref().and_then(|value| value["recordKeys"].as_str()).map(str::to_owned);
    let mut settings: DesktopSettings =
        value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    if let Some(record) = record {
        settings.shortcuts.record = record;
    }
    settings.shortcuts.give_up_clashes();
    settings
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Writes the defaults beside the windows' types, from which the tests of the windows make their
    /// settings. A new setting therefore changes none of those tests.
    #[test]
    fn export_bindings_default_settings() {
        let folder = std::env::var("TS_RS_EXPORT_DIR").unwrap_or_else(|_| "bindings".into());
        let values = serde_json::to_string_pretty(&Settings::default()).unwrap();
        let text = format!(
            "// This file was generated from `Settings::default`. Do not edit this file manually.\n\
             import type {{ Settings }} from \"./Settings\";\n\n\
             export const defaultSettings: Settings = {values};\n"
        );
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join("defaultSettings.ts"), text).unwrap();
    }

    #[test]
    fn what_is_missing_is_the_usual() {
        let settings: RecordingSettings = serde_json::from_str(r#"{"fps": 60, "new": 1}"#).unwrap();
        let want = RecordingSettings { fps: Fps::Fps60, ..RecordingSettings::default() };
        assert_eq!(settings, want);
        assert!(serde_json::from_str::<RecordingSettings>(r#"{"fps": 31}"#).is_err());
    }

    #[test]
    fn the_usual_recording_is_what_the_command_line_starts() {
        let request = RecordingSettings::default().request(Source::Display(None));
        assert_eq!(request, StartRequest::default());
    }

    #[test]
    fn the_one_shortcut_of_before_is_still_there() {
        let stored = r#"{"theme":"dark","recordKeys":"F9","openLink":true}"#;
        let settings = desktop(Some(stored.into()));
        let shortcuts = ShortcutKeys { record: "F9".into(), ..ShortcutKeys::default() };
        let want = DesktopSettings {
            theme: Theme::Dark,
            shortcuts,
            open_link: true,
            ..DesktopSettings::default()
        };
        assert_eq!(settings, want);
        assert_eq!(desktop(Some(serde_json::to_string(&want).unwrap())), want);
        assert_eq!(desktop(None), DesktopSettings::default());
    }

    #[test]
    fn a_countdown_is_asked_for_where_there_is_one() {
        let request = |countdown_seconds| {
            let settings = RecordingSettings { countdown_seconds, ..RecordingSettings::default() };
            settings.request(Source::Display(None)).countdown
        };
        assert_eq!(request(0), None);
        assert_eq!(request(5), Some(Duration::from_secs(5)));
        assert_eq!(request(5000), Some(Duration::from_secs(60)));
    }

    #[test]
    fn microphone_that_is_off_is_at_hand_and_not_opened() {
        let settings = RecordingSettings::default();
        let request = settings.request_with_microphone_at_hand(Source::Display(None));
        assert!(request.muted && request.sound.microphone_waits);
        assert_eq!(request.sound.microphone, Some(Device::Default));
        let settings = RecordingSettings { microphone: Microphone::Default, ..settings };
        let request = settings.request_with_microphone_at_hand(Source::Display(None));
        assert!(!request.muted && !request.sound.microphone_waits);
    }

    #[test]
    fn a_named_microphone_is_asked_for_by_its_name() {
        let microphone = Microphone::Named("Desk".into());
        let text = serde_json::to_string(&microphone).unwrap();
        assert_eq!(text, r#"{"kind":"named","name":"Desk"}"#);
        let settings = RecordingSettings { microphone, ..RecordingSettings::default() };
        let sound = settings.request(Source::Display(None)).sound;
        assert_eq!(sound.microphone, Some(Device::Named("Desk".into())));
    }
}
