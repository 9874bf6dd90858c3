//! Settings of the webcam's picture and of the marks for clicks and keys.

use serde::{Deserialize, Serialize};
use snaplark_core::capture::Device;
use snaplark_core::overlay::{Keys, Place, Shape, Webcam};
use ts_rs::TS;

/// The webcam in the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct WebcamSettings {
    /// Applies to the current recording and the next ones.
    pub shown: bool,
    /// Which camera is used.
    pub camera: Camera,
    /// The shape of its picture.
    pub shape: WebcamShape,
    /// Thousandths of the way from the left edge to the right.
    pub right_permille: u16,
    /// Thousandths of the way from the top to the bottom.
    pub down_permille: u16,
    /// The size in thousandths of the recorded picture's height; the webcam's picture is as wide as it is high.
    pub height_permille: u16,
    /// Its picture is mirrored.
    pub mirrored: bool,
}

/// Which camera is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
#[ts(export)]
pub enum Camera {
    /// The first camera that is available.
    Default,
    /// The one with this name.
    Named(String),
}

/// The shape of the webcam's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum WebcamShape {
    /// A circle.
    Circle,
    /// A square with rounded corners.
    Square,
}

/// Which keys are shown while recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum KeysShown {
    /// None.
    Off,
    /// Keys with Ctrl, Alt or Super, and function keys.
    Shortcuts,
    /// Everything that is typed, including passwords, which no program can tell from other words.
    All,
}

/// The state of the webcam in the current recording, else of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum WebcamState {
    /// It is hidden.
    Off,
    /// It is shown.
    On,
    /// The webcam should be shown but isn't available; it appears when it is.
    Lost,
}

impl Default for WebcamSettings {
    fn default() -> Self {
        let Webcam { shown, camera: _, shape: _, place, height_permille, mirrored } =
            Webcam::default();
        WebcamSettings {
            shown,
            camera: Camera::Default,
            shape: WebcamShape::Circle,
            right_permille: place.right_permille,
            down_permille: place.down_permille,
            height_permille,
            mirrored,
        }
    }
}

impl WebcamSettings {
    /// Returns the state without a recording, in which the camera can't be missing.
    pub(crate) fn state(&self) -> WebcamState {
        if self.shown { WebcamState::On } else { WebcamState::Off }
    }

    /// Returns what a capture has to know.
    pub fn webcam(&self) -> Webcam {
        Webcam {
            shown: self.shown,
            camera: self.camera.device(),
            shape: match self.shape {
                WebcamShape::Circle => Shape::Circle,
                WebcamShape::Square => Shape::Square,
            },
            place: Place { right_permille: self.right_permille, down_permille: self.down_permille },
            height_permille: self.height_permille,
            mirrored: self.mirrored,
        }
    }
}

impl Camera {
    /// Returns the camera as a capture names it.
    pub fn device(&self) -> Device {
        match self {
            Camera::Default => Device::Default,
            Camera::Named(name) => Device::Named(name.clone()),
        }
    }
}

impl KeysShown {
    /// Returns what a capture has to know. `None`: no keys.
    pub fn keys(self) -> Option<Keys> {
        match self {
            KeysShown::Off => None,
            KeysShown::Shortcuts => Some(Keys::Shortcuts),
            KeysShown::All => Some(Keys::All),
        }
    }
}
