//! The port by which shells ask what this computer has for recording, and use it outside of a recording:
//! cameras, microphones, the border around an area. The crate `capture` implements it in the product. Methods may
//! block for seconds: callers run them on a blocking thread.

use std::sync::Arc;

use crate::capture::{CaptureError, Device, Listening};
use crate::still::PixelRect;

/// Something that works until it is dropped.
pub type UntilDropped = Box<dyn Send>;

/// Receives levels in thousandths of full scale.
pub type LevelSink = Box<dyn FnMut(u16) + Send>;

/// The devices of this computer, and the checks of what works on it.
pub trait Devices: Send + Sync {
    /// Checks what can be recorded here. Records nothing, and never asks the person.
    fn probe(&self) -> SystemProbe;

    /// Lists the cameras; the one that is used if none is named comes first.
    fn cameras(&self) -> Result<Vec<CameraProbe>, String>;

    /// Begins to open a camera, and returns without waiting for it. It closes when the preview is dropped.
    fn preview_camera(&self, camera: Device) -> Result<Arc<dyn CameraPreview>, CaptureError>;

    /// Sends the level of a microphone ten times a second until the returned value is dropped. The level is 0
    /// if the microphone can't be heard.
    fn measure_microphone(
        &self,
        device: Device,
        on_level: LevelSink,
    ) -> Result<UntilDropped, CaptureError>;

    /// Shows a border around an area that is recorded until the returned value is dropped. It lies outside of
    /// the area. `colour` has red, green and blue in the lower three bytes.
    fn border_around(
        &self,
        area: PixelRect,
        thickness_px: u16,
        colour: u32,
    ) -> Result<UntilDropped, CaptureError>;

    /// Plays the sound of a shutter, and returns when it was played.
    fn play_shutter(&self) -> Result<(), String>;

    /// Loads what the first recording would have to wait for.
    fn warm_up(&self) -> Result<(), CaptureError>;
}

/// A camera that is open outside of a recording. It closes when nobody has asked for a picture for a while.
pub trait CameraPreview: Send + Sync {
    /// Returns the newest picture; `None` until the first has come. The error says why there is none.
    fn picture(&self) -> Result<Option<CameraPicture>, String>;

    /// Returns whether the camera was closed because nobody asked for too long. It stays closed.
    fn has_lapsed(&self) -> bool;
}

/// A square picture as windows paint it: RGBA, rows without padding.
pub struct CameraPicture {
    /// The width and the height in pixels.
    pub side: u32,
    /// The pixels.
    pub rgba: Vec<u8>,
}

/// Describes what can be recorded on this computer.
#[derive(Clone, Debug)]
pub struct SystemProbe {
    /// All ways to capture the screen; the one that would be used comes first.
    pub backends: Vec<BackendProbe>,
    /// The software encoder, or what to install.
    pub encoder: Result<String, CaptureError>,
    /// The installed hardware encoders. One is used if a trial shows that it works.
    pub hardware: Vec<String>,
    /// The sound devices.
    pub sound: Result<Vec<DeviceProbe>, CaptureError>,
    /// Whether clicks and keys can be shown, or why not.
    pub marks: Result<(), String>,
    /// The cameras, or why they can't be listed.
    pub cameras: Result<Vec<CameraProbe>, String>,
    /// GStreamer's version string.
    pub gstreamer: String,
}

/// A way to capture the screen, and whether it works here.
#[derive(Clone, Debug)]
pub struct BackendProbe {
    /// The name of the way, such as `X11`.
    pub name: &'static str,
    /// Describes what can be captured in this way, or says why it is not used.
    pub found: Result<String, String>,
}

/// A sound device that can be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceProbe {
    /// The system's own name.
    pub name: String,
    /// The name that a person sees.
    pub description: String,
    /// Whether it is a microphone or what the computer plays.
    pub listening: Listening,
    /// True for the device that is used if none is named.
    pub is_default: bool,
}

/// A camera that can be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraProbe {
    /// The system's own name, which stays the same when it is plugged in again.
    pub name: String,
    /// The name that a person sees.
    pub description: String,
}
