//! The webcam's picture and the marks for clicks and keys, as a person sets them.

use serde::{Deserialize, Serialize};
use snaplark_core::capture::Device;
use snaplark_core::overlay::{Keys, Place, Shape, Webcam};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct WebcamSettings {
    /// In the next recording, and in the one of now.
    pub shown: bool,
    pub camera: Camera,
    pub shape: WebcamShape,
    /// Thousandths of the way from the left edge to the right.
    pub right_permille: u16,
    /// Thousandths of the way from the top to the bottom.
    pub down_permille: u16,
    /// As wide as high, in thousandths of the recorded picture's height.
    pub height_permille: u16,
    pub mirrored: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
#[ts(export)]
pub enum Camera {
    /// The first that is there.
    Default,
    Named(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum WebcamShape {
    Circle,
    /// With rounded corners.
    Square,
}

/// Which keys are shown while recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum KeysShown {
    Off,
    /// With Ctrl, Alt or Super, and function keys.
    Shortcuts,
    /// Whatever is typed: passwords as well, which no program can tell from other words.
    All,
}

/// Of the webcam in the recording of now, else of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum WebcamState {
    Off,
    On,
    /// It is to be shown and isn't there; it comes when it is.
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
    /// Where nothing is recorded, nothing is missed.
    pub(crate) fn state(&self) -> WebcamState {
        if self.shown { WebcamState::On } else { WebcamState::Off }
    }

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
    pub fn device(&self) -> Device {
        match self {
            Camera::Default => Device::Default,
            Camera::Named(name) => Device::Named(name.clone()),
        }
    }
}

impl KeysShown {
    pub fn keys(self) -> Option<Keys> {
        match self {
            KeysShown::Off => None,
            KeysShown::Shortcuts => Some(Keys::Shortcuts),
            KeysShown::All => Some(Keys::All),
        }
    }
}
