//! Other recorders of the screen, each told to make what Snaplark makes: VP9 in WebM in real time, the whole screen,
//! 30 frames a second, at the same bitrate.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::json;

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

/// Returns OBS, hidden in the tray, as it is after its first-run wizard was closed.
pub fn obs(home: &Home) -> Result<Command> {
    let settings = obs_settings(home)?;
    // It would ask what is new in this version, too: that is far above all versions.
    std::fs::write(
        settings.join("global.ini"),
        "[General]\nFirstRun=true\nLastVersion=999999999\n",
    )?;
    let mut obs = command(home, "obs");
    obs.env("XDG_CONFIG_HOME", settings.parent().unwrap_or(&settings));
    obs.args(["--minimize-to-tray", "--disable-updater", "--disable-missing-files-check"]);
    Ok(obs)
}

/// Returns OBS, which records the screen from its start until it is killed, into a new file in `folder`.
pub fn obs_recording(home: &Home, size: (u32, u32), folder: &Path) -> Result<Command> {
    let basic = obs_settings(home)?.join("basic");
    std::fs::create_dir_all(basic.join("profiles/bench"))?;
    std::fs::create_dir_all(basic.join("scenes"))?;
    std::fs::write(basic.join("profiles/bench/basic.ini"), obs_profile(size, folder))?;
    let screen = json!({"id": "xshm_input", "versioned_id": "xshm_input", "name": "Screen",
        "settings": {"screen": 0, "show_cursor": true}});
    let item = json!({"name": "Screen", "id": 1, "visible": true, "align": 5, "rot": 0.0,
        "pos": {"x": 0.0, "y": 0.0}, "scale": {"x": 1.0, "y": 1.0}, "bounds_type": 0});
    let scene = json!({"id": "scene", "versioned_id": "scene", "name": "Scene",
        "settings": {"id_counter": 1, "items": [item]}});
    let scenes = json!({"name": "bench", "current_scene": "Scene", "current_program_scene": "Scene",
        "scene_order": [{"name": "Scene"}], "sources": [screen, scene]});
    std::fs::write(basic.join("scenes/bench.json"), scenes.to_string())?;
    let mut obs = obs(home)?;
    obs.args(["--profile", "bench", "--collection", "bench", "--startrecording"]);
    Ok(obs)
}

/// Returns the folder of OBS's settings.
fn obs_settings(home: &Home) -> Result<PathBuf> {
    let folder = home.path().join("obs/obs-studio");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Returns OBS's settings for a recording through ffmpeg's libvpx, with the options that `ffmpeg` has here.
fn obs_profile((width, height): (u32, u32), folder: &Path) -> String {
    /// ffmpeg's numbers of the codecs.
    const VP9: u32 = 167;
    const OPUS: u32 = 86_076;
    format!(
        "[General]\nName=bench\n\
         [Output]\nMode=Advanced\n\
         [AdvOut]\nRecType=FFmpeg\nFFOutputToFile=true\nFFFilePath={}\nFFFormat=webm\nFFExtension=webm\n\
         FFVEncoderId={VP9}\nFFVEncoder=libvpx-vp9\nFFVBitrate={KILOBITS}\nFFVGOPSize=60\n\
         FFVCustom=deadline=realtime cpu-used=7 row-mt=1 lag-in-frames=0\n\
         FFAEncoderId={OPUS}\nFFAEncoder=libopus\nFFABitrate=64\n\
         [Video]\nBaseCX={width}\nBaseCY={height}\nOutputCX={width}\nOutputCY={height}\n\
         FPSType=0\nFPSCommon={FPS}\n",
        folder.display()
    )
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
