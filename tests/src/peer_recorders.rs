//! Other recorders of the screen, each told to make what Snaplark makes: VP9 in WebM in real time, the whole screen,
//! 30 frames a second, at the same bitrate.

use std::path::Path;
use std::process::Command;

use crate::home::Home;
use crate::process::command;

/// Frames a second.
pub const FPS: u32 = 30;
/// Snaplark's own default.
pub const KILOBITS: u32 = 2_500;

/// Returns the ffmpeg command, with the options that its documentation gives for encoding in real time.
pub fn ffmpeg(home: &Home, size: (u32, u32), seconds: u32, file: &Path) -> Command {
    let mut ffmpeg = grab(home, size, seconds);
    ffmpeg.args(["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p"]);
    ffmpeg.args(["-b:v", &format!("{KILOBITS}k"), "-g", "60"]);
    ffmpeg.args(["-deadline", "realtime", "-cpu-used", "7", "-row-mt", "1", "-lag-in-frames", "0"]);
    ffmpeg.arg(file);
    ffmpeg
}

/// Returns the ffmpeg command that keeps the screen's frames as they are, in the encoder's format.
pub fn raw(home: &Home, size: (u32, u32), seconds: u32, file: &Path) -> Command {
    let mut ffmpeg = grab(home, size, seconds);
    ffmpeg.args(["-c:v", "rawvideo", "-pix_fmt", "yuv420p", "-f", "rawvideo"]).arg(file);
    ffmpeg
}

/// Returns the beginning of an ffmpeg command: the screen as its input.
pub fn grab(home: &Home, (width, height): (u32, u32), seconds: u32) -> Command {
    let mut ffmpeg = command(home, "ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "x11grab", "-framerate", &FPS.to_string()]);
    ffmpeg.args(["-video_size", &format!("{width}x{height}")]);
    // Before the input, so that it holds for all outputs.
    ffmpeg.args(["-t", &seconds.to_string(), "-i", home.var("DISPLAY").unwrap_or_default()]);
    ffmpeg
}

/// Returns a GStreamer pipeline as its documentation shows it, with the encoder's options for real time.
pub fn gst_launch(home: &Home, size: (u32, u32), seconds: u32, file: &Path) -> Command {
    let mut gst = command(home, "gst-launch-1.0");
    gst.args(["-q", "ximagesrc", "use-damage=false", &format!("num-buffers={}", seconds * FPS)]);
    gst.args(["!", &format!("video/x-raw,framerate={FPS}/1"), "!", "videoconvert", "!"]);
    gst.args(["video/x-raw,format=I420", "!", "queue", "!"]).args(encoder(size)).arg("!");
    gst.args(["webmmux", "!", "filesink"]).arg(format!("location={}", file.display()));
    gst
}

/// Returns the encoder alone: raw frames from a file, which is in memory, and nothing written.
pub fn encoder_alone(home: &Home, size: (u32, u32), raw: &Path) -> Command {
    let (width, height) = size;
    let mut gst = command(home, "gst-launch-1.0");
    gst.args(["-q", "filesrc"]).arg(format!("location={}", raw.display()));
    gst.arg(format!("blocksize={}", width * height * 3 / 2)).args(["!", "rawvideoparse"]);
    gst.args(["format=i420", &format!("width={width}"), &format!("height={height}")]);
    gst.args([&format!("framerate={FPS}/1"), "!"]).args(encoder(size)).args(["!", "fakesink"]);
    gst
}

/// The encoder with the settings of Snaplark's own pipeline.
fn encoder((width, height): (u32, u32)) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    let tiles = (width / 256).max(1).ilog2().min(2);
    let effort = if width * height <= 1280 * 720 { 7 } else { 8 };
    let bits = KILOBITS * 1_000;
    format!(
        "vp9enc deadline=1 threads={threads} row-mt=true tile-columns={tiles} lag-in-frames=0 end-usage=vbr \
         target-bitrate={bits} keyframe-max-dist=60 cpu-used={effort}"
    )
    .split_whitespace()
    .map(str::to_owned)
    .collect()
}
