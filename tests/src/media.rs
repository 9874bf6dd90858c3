//! Videos as other programs see them: ffprobe and ffmpeg.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::display::Rectangle;

/// Sound below this level is inaudible; -91 is the level of digital silence with 16 bits.
const SILENT_DB: f64 = -60.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub format: String,
    pub codec: String,
    pub width: u32,
    pub height: u32,
    /// Set if the container names it.
    pub duration_s: Option<f64>,
    /// The time of its first frame or sound.
    pub start_s: Option<f64>,
}

/// Probes the video with ffprobe. Any complaint is an error.
pub fn probe(video: &str) -> Result<Probe> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-of", "json", "-show_format", "-show_streams", video]);
    let said: Value = serde_json::from_slice(&quiet(&mut ffprobe, video)?)?;
    let streams = said["streams"].as_array().context("ffprobe names no streams")?;
    let stream = streams
        .iter()
        .find(|stream| stream["codec_type"] == "video")
        .with_context(|| format!("{video} has no picture"))?;
    let size = |name: &str| stream[name].as_u64().and_then(|n| u32::try_from(n).ok());
    let seconds = |name: &str| said["format"][name].as_str()?.parse().ok();
    Ok(Probe {
        format: said["format"]["format_name"].as_str().unwrap_or_default().into(),
        codec: stream["codec_name"].as_str().unwrap_or_default().into(),
        width: size("width").context("no width")?,
        height: size("height").context("no height")?,
        start_s: seconds("start_time"),
        duration_s: seconds("duration"),
    })
}

/// Returns whether the video has an audio track.
pub fn has_sound(video: &str) -> Result<bool> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name"]);
    ffprobe.args(["-of", "csv=p=0", video]);
    Ok(!quiet(&mut ffprobe, video)?.is_empty())
}

/// Returns whether the video is silent, with or without an audio track.
pub fn is_silent(video: &str) -> Result<bool> {
    if !has_sound(video)? {
        return Ok(true);
    }
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-hide_banner", "-i", video, "-vn", "-af", "volumedetect"]);
    let heard = ffmpeg.args(["-f", "null", "-"]).output()?;
    let said = String::from_utf8_lossy(&heard.stderr);
    let loudest = said.split("max_volume: ").nth(1).and_then(|rest| rest.split(' ').next());
    let loudest: f64 = loudest.with_context(|| said.to_string())?.parse()?;
    Ok(loudest < SILENT_DB)
}

/// Decodes every frame with ffmpeg. Any complaint is an error. Returns the number of frames.
pub fn decode(video: &str) -> Result<u32> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-xerror", "-i", video, "-fps_mode", "passthrough"]);
    // The container's own clock is used, since with a guessed frame rate two frames may fall on one tick.
    ffmpeg.args(["-enc_time_base", "-1"]);
    ffmpeg.args(["-map", "0:v", "-f", "framehash", "-hash", "crc32", "-"]);
    let lines = String::from_utf8(quiet(&mut ffmpeg, video)?)?;
    let frames = lines.lines().filter(|line| !line.starts_with('#')).count();
    if frames == 0 {
        bail!("{video} has no frame");
    }
    Ok(u32::try_from(frames)?)
}

/// Returns the frame at that time: red, green, blue; rows from the top.
pub fn picture(video: &str, seconds: f64) -> Result<Vec<u8>> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i", video, "-ss", &seconds.to_string(), "-frames:v", "1"]);
    ffmpeg.args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    quiet(&mut ffmpeg, video)
}

/// Returns the last frame, one byte for each pixel.
pub fn last_picture(video: &str, (width, height): (u32, u32)) -> Result<Vec<u8>> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i", video, "-map", "0:v", "-fps_mode", "passthrough"]);
    ffmpeg.args(["-enc_time_base", "-1", "-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let frames = quiet(&mut ffmpeg, video)?;
    let last = frames.chunks_exact((width * height) as usize).last();
    Ok(last.with_context(|| format!("{video} has no frame of {width} by {height}"))?.to_vec())
}

/// Counts the frames that are all grey, the placeholder for damaged segments.
pub fn grey_pictures(video: &str, (width, height): (u32, u32)) -> Result<usize> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i", video, "-map", "0:v", "-fps_mode", "passthrough"]);
    ffmpeg.args(["-enc_time_base", "-1", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]);
    let frames = quiet(&mut ffmpeg, video)?;
    let frames = frames.chunks_exact((width * height * 3 / 2) as usize);
    Ok(frames.filter(|frame| frame.iter().all(|value| *value == 128)).count())
}

/// Returns the brightest pixel of each frame in that part of it.
pub fn brightest(video: &str, part: Rectangle) -> Result<Vec<u8>> {
    let Rectangle { x, y, width, height } = part;
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i", video, "-map", "0:v", "-fps_mode", "passthrough"]);
    ffmpeg.args(["-enc_time_base", "-1", "-vf", &format!("crop={width}:{height}:{x}:{y}")]);
    ffmpeg.args(["-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let frames = quiet(&mut ffmpeg, video)?;
    let frames = frames.chunks_exact((width * height) as usize);
    Ok(frames.map(|frame| frame.iter().copied().max().unwrap_or_default()).collect())
}

/// Returns the warnings of mkvmerge, which is strict about containers.
pub fn container_warnings(video: &Path) -> Result<Vec<String>> {
    let mut mkvmerge = Command::new("mkvmerge");
    mkvmerge.args(["--identification-format", "json", "--identify"]).arg(video);
    let output = mkvmerge.stdin(Stdio::null()).output().context("mkvmerge can't be started")?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let of = |name: &str| -> Vec<String> {
        let rows = said[name].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row.as_str().map(str::to_owned)).collect()
    };
    Ok([of("errors"), of("warnings")].concat())
}

fn quiet(command: &mut Command, video: &str) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} can't be started"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !complaint.trim().is_empty() {
        bail!("{program} on {video} ({}): {}", output.status, complaint.trim());
    }
    Ok(output.stdout)
}
