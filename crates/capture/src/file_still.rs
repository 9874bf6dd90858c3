//! Makes a still of a video that a person brought in.
//!
//! Nobody knows what is in such a file, so a helper process (`helper_process`) decodes it: a decoder that crashes or
//! hangs costs the picture alone. The helper has a limit of time and, on Linux, one of memory, because a file of a few
//! kilobytes can ask for gigabytes.
//!
//! ```text
//! filesrc ─► decodebin ─► videoconvert ─► videoflip ─► videoscale ─► RGB ─► jpegenc ─► appsink
//!                                         as the file says
//! ```
//! Path and picture pass through the helper's input and output as hexadecimal text, since a path may contain the end of
//! a line.

use std::path::Path;
use std::process::ExitCode;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_core::{bytes_of_hex, hex};

use crate::graph::text;
use crate::helper_process::{HelperKind, HelperProcess, exit_with_output};
use crate::policy::{FILE_STILL_HEIGHT_PX_MAX, FILE_STILL_WAIT};

/// Twice a card's width, for screens with two pixels to a point.
const WIDTH: u32 = 480;
/// The picture is taken after this share of the video: the very beginning is often black.
const SHARE: u64 = 10;
/// The helper prints this before the reason for which there is no picture.
const FAILED: &str = "no picture: ";

/// Returns a picture of the file as JPEG.
pub(crate) fn of(file: &Path) -> Result<Vec<u8>, String> {
    let path = file.to_str().ok_or("its name is not text")?;
    let order = hex(path.as_bytes());
    let output = HelperProcess::run_to_end(HelperKind::FileStill, &order, FILE_STILL_WAIT)?;
    match output.strip_prefix(FAILED) {
        Some(reason) => Err(reason.to_owned()),
        None => bytes_of_hex(&output).ok_or_else(|| "its process died".to_owned()),
    }
}

/// The helper's entry point.
pub(crate) fn run(arguments: &str) -> ExitCode {
    let path = bytes_of_hex(arguments).and_then(|path| String::from_utf8(path).ok());
    let picture = path.ok_or_else(|| "it has no name".to_owned()).and_then(|path| decode(&path));
    let output = picture.map_or_else(|reason| format!("{FAILED}{reason}"), |jpeg| hex(&jpeg));
    exit_with_output(&output)
}

fn decode(path: &str) -> Result<Vec<u8>, String> {
    gst::init().map_err(text)?;
    let pipeline = format!(
        "filesrc name=in ! decodebin ! videoconvert ! videoflip video-direction=auto ! videoscale
         ! video/x-raw,format=RGB,width={WIDTH},height=[1,{FILE_STILL_HEIGHT_PX_MAX}],pixel-aspect-ratio=1/1
         ! jpegenc
         ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&pipeline).map_err(text)?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| "it is no pipeline")?;
    pipeline.by_name("in").ok_or("there is no source")?.set_property("location", path);
    let out = pipeline.by_name("out").and_then(|out| out.downcast::<gst_app::AppSink>().ok());
    let out = out.ok_or("there is no sink")?;
    pipeline.set_state(gst::State::Paused).map_err(text)?;
    let wait = gst::ClockTime::from_seconds(FILE_STILL_WAIT.as_secs());
    pipeline.state(wait).0.map_err(text)?;
    if let Some(length) = pipeline.query_duration::<gst::ClockTime>() {
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
        // A file that can't be sought shows its first picture.
        if pipeline.seek_simple(flags, length / SHARE).is_ok() {
            pipeline.state(wait).0.map_err(text)?;
        }
    }
    let sample = out.try_pull_preroll(wait).ok_or("no picture could be decoded")?;
    let jpeg = sample.buffer().ok_or("the picture is empty")?.map_readable().map_err(text)?;
    Ok(jpeg.to_vec())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn still_of_a_file_is_a_jpeg_whatever_its_container_is() {
        let folder = tempfile::tempdir().unwrap();
        for (name, options) in [
            ("a.mkv", "-c:v libvpx"),
            ("b.mov", "-c:v mjpeg"),
            ("c.webm", "-c:v libvpx-vp9 -deadline realtime"),
        ] {
            let path = folder.path().join(name);
            let source = "testsrc2=size=640x360:rate=10:duration=2";
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source]);
            assert!(ffmpeg.args(options.split(' ')).arg(&path).status().unwrap().success());
            let jpeg = decode(path.to_str().unwrap()).unwrap();
            assert!(jpeg.starts_with(&[0xFF, 0xD8, 0xFF]), "{name}");
            // The height and the width, in the header of a baseline frame.
            let at = jpeg.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
            assert_eq!(jpeg[at + 5..at + 9], [1, 14, 1, 224], "{name} is not of 480x270");
        }
        let text = folder.path().join("notes.mp4");
        std::fs::write(&text, "just some text").unwrap();
        assert!(decode(text.to_str().unwrap()).is_err());
    }
}
