//! The encoder of H.264: software, or hardware that a trial has shown to work in the sandbox.
//!
//! A trial encodes a few seconds as a stream does, and looks at what comes out: each piece has to begin at its
//! time. A list of what ffmpeg was built with says little, because it names encoders of hardware that isn't
//! there. Where hardware fails later, in the middle of a video, software makes that video from the beginning.

use std::path::Path;

use snaplark_formats::mp4::{FragmentSplitter, Fragments, SplitPiece};

use super::ffmpeg::words;
use super::mp4::{MEMORY_BYTES, Mp4Height};
use crate::sandbox;

/// The operator's choice of the encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mp4Encoder {
    /// The first hardware encoder whose devices are there and whose trial succeeds, or else software.
    #[default]
    Auto,
    /// The encoder libx264, without any trial.
    Software,
    /// This one if its trial succeeds, or else software.
    Hardware(HardwareEncoder),
}

/// An encoder of H.264 in hardware, as ffmpeg offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardwareEncoder {
    /// NVIDIA's.
    Nvenc,
    /// Intel's, by oneVPL or the Media SDK.
    Qsv,
    /// Intel's and AMD's, by VA-API.
    Vaapi,
    /// Apple's.
    VideoToolbox,
}

/// The name of the software encoder.
pub(crate) const SOFTWARE: &str = "libx264";

impl Mp4Encoder {
    /// Returns the choice with this name: `auto`, `software`, or the name of an encoder of ffmpeg's.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Mp4Encoder::Auto),
            "software" | SOFTWARE => Some(Mp4Encoder::Software),
            name => {
                let known = HardwareEncoder::ALL.into_iter().find(|it| it.name() == name);
                known.map(Mp4Encoder::Hardware)
            }
        }
    }

    /// Returns the encoders to try, the best first. `exists` says whether a device is there.
    pub(crate) fn candidates(self, exists: impl Fn(&Path) -> bool) -> Vec<HardwareEncoder> {
        match self {
            Mp4Encoder::Software => Vec::new(),
            // A device that can't be seen may be there all the same.
            Mp4Encoder::Hardware(encoder) => vec![encoder],
            Mp4Encoder::Auto => {
                let is_there = |encoder: &HardwareEncoder| match encoder.devices().first() {
                    Some(device) => exists(Path::new(device)),
                    None => cfg!(target_os = "macos"),
                };
                HardwareEncoder::ALL.into_iter().filter(is_there).collect()
            }
        }
    }
}

impl HardwareEncoder {
    /// Lists all encoders, in the order in which they are tried.
    pub const ALL: [HardwareEncoder; 4] = [
        HardwareEncoder::Nvenc,
        HardwareEncoder::Qsv,
        HardwareEncoder::Vaapi,
        HardwareEncoder::VideoToolbox,
    ];

    /// Returns ffmpeg's name of the encoder.
    pub const fn name(self) -> &'static str {
        match self {
            HardwareEncoder::Nvenc => "h264_nvenc",
            HardwareEncoder::Qsv => "h264_qsv",
            HardwareEncoder::Vaapi => "h264_vaapi",
            HardwareEncoder::VideoToolbox => "h264_videotoolbox",
        }
    }

    /// Returns the devices that the sandbox opens for it. The first one has to be there.
    pub(crate) const fn devices(self) -> &'static [&'static str] {
        match self {
            HardwareEncoder::Nvenc => &[
                "/dev/nvidia0",
                "/dev/nvidiactl",
                "/dev/nvidia-uvm",
                "/dev/nvidia-uvm-tools",
                "/dev/nvidia-caps",
            ],
            HardwareEncoder::Qsv | HardwareEncoder::Vaapi => &[RENDERER],
            HardwareEncoder::VideoToolbox => &[],
        }
    }

    /// Returns the limit on address space. CUDA reserves as much as the machine's and the card's memory
    /// together, and uses little of it.
    pub(crate) const fn memory_bytes(self) -> u64 {
        match self {
            HardwareEncoder::Nvenc => 1 << 40,
            HardwareEncoder::Qsv | HardwareEncoder::Vaapi => 2 * MEMORY_BYTES,
            HardwareEncoder::VideoToolbox => MEMORY_BYTES,
        }
    }
}

/// Returns which ffmpeg is used, what confines it, and what encodes H.264, for `doctor`. The error says what is
/// missing.
pub fn ffmpeg_report(ffmpeg: &Path) -> Result<String, String> {
    let confined = sandbox::report(ffmpeg)?;
    let hardware = Mp4Encoder::Auto.candidates(Path::exists);
    let names: Vec<&str> = hardware.iter().map(|encoder| encoder.name()).collect();
    Ok(match names.is_empty() {
        true => format!("{confined}; H.264 by software"),
        false => format!("{confined}; H.264 by {} if a trial succeeds", names.join(" or ")),
    })
}

/// The device of the first graphics card that computes and shows nothing.
const RENDERER: &str = "/dev/dri/renderD128";

/// How pictures become H.264: the arguments of ffmpeg that depend on the encoder.
pub(crate) struct EncoderArguments {
    pub(crate) before_input: Vec<String>,
    /// Follows the other filters.
    pub(crate) filter: &'static str,
    pub(crate) codec: Vec<String>,
    pub(crate) memory_bytes: u64,
}

impl EncoderArguments {
    /// Returns the arguments for an encoder, or for software.
    pub(crate) fn of(encoder: Option<HardwareEncoder>, height: Mp4Height) -> Self {
        let Some(encoder) = encoder else {
            return EncoderArguments {
                before_input: Vec::new(),
                filter: "",
                codec: words("-c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p"),
                memory_bytes: MEMORY_BYTES,
            };
        };
        // Hardware has no measure of quality that means the same everywhere, but all of them keep to a rate.
        let rate = match height {
            Mp4Height::P1080 => "5M",
            Mp4Height::P720 => "2500k",
            Mp4Height::P480 => "1200k",
        };
        let own = match encoder {
            HardwareEncoder::Nvenc => "-preset p4 -forced-idr 1 -no-scenecut 1 -pix_fmt nv12",
            HardwareEncoder::Qsv => "-preset veryfast -forced_idr 1 -pix_fmt nv12",
            HardwareEncoder::Vaapi => "-idr_interval 0",
            HardwareEncoder::VideoToolbox => "-allow_sw 0 -pix_fmt nv12",
        };
        let is_vaapi = encoder == HardwareEncoder::Vaapi;
        EncoderArguments {
            before_input: match is_vaapi {
                true => words(&format!("-vaapi_device {RENDERER}")),
                false => Vec::new(),
            },
            filter: if is_vaapi { ",format=nv12,hwupload" } else { "" },
            codec: words(&format!("-c:v {} -b:v {rate} {own}", encoder.name())),
            memory_bytes: encoder.memory_bytes(),
        }
    }
}

/// Returns why what a trial has written is no stream: pieces of `piece_ms`, each of which begins at its time.
pub(crate) fn trial_fault(written: &[u8], pieces: u64, piece_ms: u64) -> Option<String> {
    let mut splitter = FragmentSplitter::new(written.len().max(1));
    let (mut times, mut count) = (Fragments::default(), 0);
    splitter.push(written);
    loop {
        let piece = match splitter.next_piece() {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => return Some(error.to_string()),
        };
        match piece {
            SplitPiece::Header(header) => times.push(&header),
            SplitPiece::Fragment(fragment) => {
                times.push(&fragment);
                let begins_ms = times.take_joints().first().map(|joint| joint.start_ms);
                let expected_ms = count * piece_ms;
                if begins_ms.is_none_or(|it| it.abs_diff(expected_ms) > super::stream::BEGIN_MS_MAX)
                {
                    return Some(format!(
                        "a piece begins at {begins_ms:?} and not {expected_ms} ms"
                    ));
                }
                count += 1;
            }
        }
    }
    (count != pieces).then(|| format!("it made {count} pieces and not {pieces}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_the_names_of_ffmpegs_encoders() {
        for (name, choice) in [
            ("auto", Mp4Encoder::Auto),
            ("software", Mp4Encoder::Software),
            ("libx264", Mp4Encoder::Software),
            ("h264_vaapi", Mp4Encoder::Hardware(HardwareEncoder::Vaapi)),
            ("h264_videotoolbox", Mp4Encoder::Hardware(HardwareEncoder::VideoToolbox)),
        ] {
            assert_eq!(Mp4Encoder::named(name), Some(choice));
        }
        for unknown in ["", "h264_v4l2m2m", "libx265", "AUTO"] {
            assert_eq!(Mp4Encoder::named(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn only_encoders_whose_device_is_there_are_tried_unless_one_is_named() {
        let tried = |choice: Mp4Encoder, there: &[&str]| {
            choice.candidates(|device| there.iter().any(|it| Path::new(it) == device))
        };
        let mac = cfg!(target_os = "macos").then_some(HardwareEncoder::VideoToolbox);
        let with_mac = |encoders: &[HardwareEncoder]| -> Vec<_> {
            encoders.iter().copied().chain(mac).collect()
        };
        let (nvenc, vaapi) = (HardwareEncoder::Nvenc, HardwareEncoder::Vaapi);
        assert_eq!(tried(Mp4Encoder::Auto, &[]), with_mac(&[]));
        let intel = [HardwareEncoder::Qsv, vaapi];
        assert_eq!(tried(Mp4Encoder::Auto, &["/dev/dri/renderD128"]), with_mac(&intel));
        assert_eq!(tried(Mp4Encoder::Auto, &["/dev/nvidia0"]), with_mac(&[nvenc]));
        assert!(tried(Mp4Encoder::Software, &["/dev/nvidia0"]).is_empty());
        assert_eq!(tried(Mp4Encoder::Hardware(vaapi), &[]), [vaapi]);
    }

    #[test]
    fn trial_that_wrote_no_pieces_has_failed() {
        assert!(trial_fault(b"", 2, 2_000).unwrap().contains("0 pieces"));
        assert!(trial_fault(b"no MP4 at all, and long enough", 2, 2_000).is_some());
    }
}
