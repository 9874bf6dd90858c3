//! The VP9 encoders and their settings. The software encoder always works; hardware encoders are used
//! only where a trial has shown that they work (`encoder_choice`).

use gstreamer as gst;
use gstreamer::prelude::*;
use snaplark_core::capture::CaptureError;

use crate::remedy::Packages;

#[derive(Clone, Copy, Debug)]
pub(crate) struct EncoderSettings {
    pub width: u32,
    pub height: u32,
    pub bitrate_bits: u32,
    /// Black bars fill what a source of another shape leaves. Otherwise the source is stretched by a pixel or two.
    pub has_borders: bool,
}

pub(crate) struct Encoder {
    /// The name of the GStreamer element.
    pub element: &'static str,
    /// The raw format that it takes: eight bits, 4:2:0.
    pub format: &'static str,
    /// The element's properties by name and value, as text. Properties that the installed version lacks
    /// are skipped.
    settings: fn(&EncoderSettings) -> Vec<(&'static str, String)>,
    /// The property that trades quality for speed, with its maximum. It may change at any time.
    speed: Option<SpeedProperty>,
    /// The property that limits quantization, with its values for any picture and for one that stays.
    quantizer: Option<QuantizerLimit>,
}

struct QuantizerLimit {
    property: &'static str,
    any: u32,
    stays: u32,
}

struct SpeedProperty {
    property: &'static str,
    begin: fn(&EncoderSettings) -> u32,
    most: u32,
}

pub(crate) const SOFTWARE: &Encoder = &Encoder {
    element: "vp9enc",
    format: "I420",
    settings: libvpx,
    speed: Some(SpeedProperty { property: "cpu-used", begin: libvpx_cpu_used, most: 9 }),
    quantizer: Some(QuantizerLimit { property: "max-quantizer", any: 63, stays: 14 }),
};

/// The hardware encoders, best first. NVIDIA's cards and Apple's encode no VP9.
const HARDWARE: &[Encoder] = &[
    Encoder::of_card("vavp9lpenc", va),
    Encoder::of_card("vavp9enc", va),
    Encoder::of_card("qsvvp9enc", quick_sync),
    Encoder::of_card("msdkvp9enc", quick_sync),
    Encoder::of_card("vaapivp9enc", vaapi),
    Encoder::of_card("v4l2vp9enc", v4l2),
];

/// Before this version, appsrc did not report how much is queued in it.
const VERSION_MIN: (u32, u32, u32, u32) = (1, 20, 0, 0);

/// The elements around the encoder.
pub(crate) const CONVERTER: &str = "videoconvert";
pub(crate) const SCALER: &str = "videoscale";
const OTHERS: [&str; 5] = ["appsrc", CONVERTER, SCALER, "queue", "appsink"];

/// Checks that the software encoder is installed, with the elements that every encoder needs around it.
pub(crate) fn check() -> Result<(), CaptureError> {
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
    match gst::ElementFactory::find(SOFTWARE.element) {
        Some(_) => Ok(()),
        None => Err(missing(SOFTWARE.element, "good")),
    }
}

/// Returns the installed hardware encoders, in order of preference.
pub(crate) fn hardware() -> impl Iterator<Item = &'static Encoder> {
    HARDWARE.iter().filter(|encoder| gst::ElementFactory::find(encoder.element).is_some())
}

fn missing(element: &str, set: &str) -> CaptureError {
    CaptureError::EncoderMissing {
        element: element.to_owned(),
        remedy: format!(
            "{}, then try again.",
            Packages {
                debian: &format!("gstreamer1.0-plugins-{set}"),
                fedora: &format!("gstreamer1-plugins-{set}"),
                arch: &format!("gst-plugins-{set}"),
            }
            .remedy()
        ),
    }
}

impl Encoder {
    const fn of_card(
        element: &'static str,
        settings: fn(&EncoderSettings) -> Vec<(&'static str, String)>,
    ) -> Self {
        Encoder { element, format: "NV12", settings, speed: None, quantizer: None }
    }

    pub(crate) fn is_hardware(&self) -> bool {
        self.element != SOFTWARE.element
    }

    pub(crate) fn make(&self, settings: &EncoderSettings) -> Result<gst::Element, CaptureError> {
        let element = gst::ElementFactory::make(self.element)
            .build()
            .map_err(|_| missing(self.element, "good"))?;
        for (name, value) in (self.settings)(settings) {
            if element.has_property(name) {
                element.set_property_from_str(name, &value);
            }
        }
        self.set_speed(&element, settings, 0);
        Ok(element)
    }

    /// Returns how many steps faster than its initial setting this encoder can go.
    pub(crate) fn speed_steps_max(&self, settings: &EncoderSettings) -> u32 {
        self.speed.as_ref().map_or(0, |speed| speed.most.saturating_sub((speed.begin)(settings)))
    }

    /// Sets the quality of the next frames, until it is called again.
    pub(crate) fn set_quality(&self, element: &gst::Element, stays: bool) {
        if let Some(QuantizerLimit { property, any, stays: little }) = &self.quantizer
            && element.has_property(property)
        {
            let most = if stays { little } else { any };
            element.set_property_from_str(property, &most.to_string());
        }
    }

    pub(crate) fn set_speed(&self, element: &gst::Element, settings: &EncoderSettings, steps: u32) {
        if let Some(speed) = &self.speed
            && element.has_property(speed.property)
        {
            let value = (speed.begin)(settings) + steps;
            element.set_property_from_str(speed.property, &value.to_string());
        }
    }
}

/// More than eight threads find no work, since pictures are not that large.
pub(crate) fn threads() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8) as u32)
}

/// Chooses a cheaper search for larger pictures.
fn libvpx_cpu_used(settings: &EncoderSettings) -> u32 {
    let pixels = settings.width * settings.height;
    if pixels <= 1280 * 720 { 7 } else { 8 }
}

/// Settings of libvpx for real time. Keyframes are made on request only.
fn libvpx(settings: &EncoderSettings) -> Vec<(&'static str, String)> {
    // As log2; a tile is at least 256 pixels wide.
    let tile_columns = (settings.width / 256).max(1).ilog2().min(2);
    vec![
        ("deadline", "1".into()),
        ("threads", threads().to_string()),
        ("row-mt", "true".into()),
        ("tile-columns", tile_columns.to_string()),
        ("lag-in-frames", "0".into()),
        // A screen stands still most of the time, and a page that turns may use the bits saved
        // meanwhile. With a constant bitrate its first picture would be blurred.
        ("end-usage", "vbr".into()),
        ("target-bitrate", settings.bitrate_bits.to_string()),
        ("keyframe-mode", "disabled".into()),
        ("keyframe-max-dist", "9999".into()),
        // Times are whole milliseconds, as in the file.
        ("timebase", "1/1000".into()),
    ]
}

/// Each frame has one reference and none is hidden, so frames are shown in encoding order. Keyframes
/// are made on request, and otherwise only after this many frames, which is never reached.
const NEVER: &str = "1024";

fn va(settings: &EncoderSettings) -> Vec<(&'static str, String)> {
    vec![
        ("rate-control", "cbr".into()),
        ("bitrate", kilobits(settings)),
        ("key-int-max", NEVER.into()),
        ("gf-group-size", "1".into()),
        ("hierarchical-level", "1".into()),
    ]
}

fn quick_sync(settings: &EncoderSettings) -> Vec<(&'static str, String)> {
    vec![
        ("rate-control", "vbr".into()),
        ("bitrate", kilobits(settings)),
        ("gop-size", NEVER.into()),
        ("low-latency", "true".into()),
        ("async-depth", "1".into()),
        ("b-frames", "0".into()),
    ]
}

fn vaapi(settings: &EncoderSettings) -> Vec<(&'static str, String)> {
    vec![
        ("rate-control", "cbr".into()),
        ("bitrate", kilobits(settings)),
        ("keyframe-period", NEVER.into()),
        ("max-bframes", "0".into()),
    ]
}

fn v4l2(settings: &EncoderSettings) -> Vec<(&'static str, String)> {
    vec![("extra-controls", format!("controls,video_bitrate={}", settings.bitrate_bits))]
}

fn kilobits(settings: &EncoderSettings) -> String {
    (settings.bitrate_bits / 1_000).to_string()
}
