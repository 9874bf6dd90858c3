//! Which encoder makes the VP9, and how it is set up. One entry an encoder, the best first; the
//! last is the one in software that is always right.

use gstreamer as gst;
use gstreamer::prelude::*;
use snaplark_core::capture::CaptureError;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub width: u32,
    pub height: u32,
    pub bitrate_bits: u32,
}

pub struct Encoder {
    /// GStreamer's name for it.
    pub element: &'static str,
    /// By name and value, as text. What an older or newer version doesn't know is left out.
    settings: fn(&Settings) -> Vec<(&'static str, String)>,
}

const ENCODERS: &[Encoder] = &[Encoder { element: "vp9enc", settings: libvpx }];

/// Before it, appsrc did not tell how much waits in it.
const VERSION_MIN: (u32, u32, u32, u32) = (1, 20, 0, 0);

/// The elements around the encoder.
pub const CONVERTER: &str = "videoconvert";
const OTHERS: [&str; 4] = ["appsrc", CONVERTER, "queue", "appsink"];

/// The first that is installed, if all that it needs around it is installed as well.
pub fn choose() -> Result<&'static Encoder, CaptureError> {
    if gst::version() < VERSION_MIN {
        let reason =
            format!("GStreamer 1.20 or newer is needed, this is {}", gst::version_string());
        return Err(CaptureError::Unsupported { reason });
    }
    for element in OTHERS {
        if gst::ElementFactory::find(element).is_none() {
            return Err(missing(element, "base"));
        }
    }
    ENCODERS
        .iter()
        .find(|encoder| gst::ElementFactory::find(encoder.element).is_some())
        .ok_or_else(|| missing("vp9enc", "good"))
}

/// All that are installed, the one that would be used first.
pub fn installed() -> Vec<&'static str> {
    ENCODERS
        .iter()
        .map(|encoder| encoder.element)
        .filter(|element| gst::ElementFactory::find(element).is_some())
        .collect()
}

fn missing(element: &str, set: &str) -> CaptureError {
    CaptureError::EncoderMissing {
        element: element.to_owned(),
        remedy: format!(
            "Install the package gstreamer1.0-plugins-{set} (Debian, Ubuntu), \
             gstreamer1-plugins-{set} (Fedora) or gst-plugins-{set} (Arch), then try again."
        ),
    }
}

impl Encoder {
    pub fn make(&self, settings: &Settings) -> Result<gst::Element, CaptureError> {
        let element = gst::ElementFactory::make(self.element)
            .build()
            .map_err(|_| missing(self.element, "good"))?;
        for (name, value) in (self.settings)(settings) {
            if element.has_property(name) {
                element.set_property_from_str(name, &value);
            }
        }
        Ok(element)
    }
}

/// libvpx in real time. Keyframes come when they are asked for and at no other time.
fn libvpx(settings: &Settings) -> Vec<(&'static str, String)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let pixels = settings.width * settings.height;
    // Cheaper search where there is more to do.
    let cpu_used = if pixels <= 1280 * 720 { 7 } else { 8 };
    // As log2; a tile is at least 256 pixels wide.
    let tile_columns = (settings.width / 256).max(1).ilog2().min(2);
    vec![
        ("deadline", "1".into()),
        ("cpu-used", cpu_used.to_string()),
        ("threads", threads.to_string()),
        ("row-mt", "true".into()),
        ("tile-columns", tile_columns.to_string()),
        ("lag-in-frames", "0".into()),
        ("end-usage", "cbr".into()),
        ("target-bitrate", settings.bitrate_bits.to_string()),
        ("keyframe-mode", "disabled".into()),
        ("keyframe-max-dist", "9999".into()),
        // Times are whole milliseconds, as in the file.
        ("timebase", "1/1000".into()),
    ]
}
