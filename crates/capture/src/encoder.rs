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
    /// The property that says how little care it takes, and its most. It may change at any time.
    haste: Haste,
    /// The property that bounds how coarse a picture may become, for any and for one that stays.
    coarseness: Coarseness,
}

struct Coarseness {
    property: &'static str,
    any: u32,
    stays: u32,
}

struct Haste {
    property: &'static str,
    begin: fn(&Settings) -> u32,
    most: u32,
}

const ENCODERS: &[Encoder] = &[Encoder {
    element: "vp9enc",
    settings: libvpx,
    haste: Haste { property: "cpu-used", begin: libvpx_cpu_used, most: 9 },
    coarseness: Coarseness { property: "max-quantizer", any: 63, stays: 14 },
}];

/// Before it, appsrc did not tell how much waits in it.
const VERSION_MIN: (u32, u32, u32, u32) = (1, 20, 0, 0);

/// The elements around the encoder.
pub const CONVERTER: &str = "videoconvert";
pub const SCALER: &str = "videoscale";
const OTHERS: [&str; 5] = ["appsrc", CONVERTER, SCALER, "queue", "appsink"];

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
        self.hurry(&element, settings, 0);
        Ok(element)
    }

    /// How many steps of haste it has above what it begins with.
    pub fn haste_max(&self, settings: &Settings) -> u32 {
        self.haste.most.saturating_sub((self.haste.begin)(settings))
    }

    /// For the next frames, until it is called again.
    pub fn take_care(&self, element: &gst::Element, stays: bool) {
        let Coarseness { property, any, stays: little } = self.coarseness;
        if element.has_property(property) {
            let most = if stays { little } else { any };
            element.set_property_from_str(property, &most.to_string());
        }
    }

    pub fn hurry(&self, element: &gst::Element, settings: &Settings, steps: u32) {
        if element.has_property(self.haste.property) {
            let value = (self.haste.begin)(settings) + steps;
            element.set_property_from_str(self.haste.property, &value.to_string());
        }
    }
}

/// More than eight have nothing to do: pictures are not that large.
pub fn threads() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8) as u32)
}

/// Cheaper search where there is more to do.
fn libvpx_cpu_used(settings: &Settings) -> u32 {
    let pixels = settings.width * settings.height;
    if pixels <= 1280 * 720 { 7 } else { 8 }
}

/// libvpx in real time. Keyframes come when they are asked for and at no other time.
fn libvpx(settings: &Settings) -> Vec<(&'static str, String)> {
    // As log2; a tile is at least 256 pixels wide.
    let tile_columns = (settings.width / 256).max(1).ilog2().min(2);
    vec![
        ("deadline", "1".into()),
        ("threads", threads().to_string()),
        ("row-mt", "true".into()),
        ("tile-columns", tile_columns.to_string()),
        ("lag-in-frames", "0".into()),
        // A screen stands still most of the time. What it saves then, a page that turns may spend:
        // with a constant rate its first picture is a blur.
        ("end-usage", "vbr".into()),
        ("target-bitrate", settings.bitrate_bits.to_string()),
        ("keyframe-mode", "disabled".into()),
        ("keyframe-max-dist", "9999".into()),
        // Times are whole milliseconds, as in the file.
        ("timebase", "1/1000".into()),
    ]
}
