//! A camera that another process feeds into a session's PipeWire: bars of known colours.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::home::Home;
use crate::process::{Process, command, output};
use crate::{media, wait};

const START: Duration = Duration::from_secs(20);
/// The colours of the bars in the middle square, at the left and at the right.
const YELLOW: [u8; 3] = [255, 255, 0];
const RED: [u8; 3] = [255, 0, 0];
/// Encoding changes a colour only slightly.
const TOLERANCE: u8 = 60;

/// A camera that is connected until it is dropped.
pub struct Camera(#[allow(dead_code)] Process);

impl Camera {
    /// Connects a camera to the PipeWire that `session::media` started.
    pub fn start(home: &Home, name: &str) -> Result<Self> {
        let mut play = command(home, "gst-launch-1.0");
        play.args(["-q", "videotestsrc", "is-live=true", "pattern=smpte100", "!"]);
        play.args(["video/x-raw,format=YUY2,width=640,height=480,framerate=10/1", "!"]);
        play.args(["pipewiresink", "mode=provide"]);
        play.arg(format!(
            "stream-properties=p,media.class=Video/Source,node.name={name},node.description={name}"
        ));
        let camera = Process::start(home, name, play)?;
        wait::until("the camera", START, || {
            let nodes = output(command(home, "pw-dump"), START)?;
            Ok(nodes.contains(&format!("\"{name}\"")).then_some(()))
        })?;
        Ok(Camera(camera))
    }
}

/// Checks that a video of 1280x720 shows the bars at that time where the webcam is by default: round, at
/// the lower right, 158 pixels in size, 14 from the edges.
pub fn hold(video: &Path, seconds: f64) -> Result<()> {
    const WIDTH: usize = 1280;
    const MIDDLE: usize = 627;
    let video = video.to_str().context("the path is not UTF-8")?;
    let picture = media::picture(video, seconds)?;
    for (x, colour) in [(1132, YELLOW), (1242, RED)] {
        let at = (MIDDLE * WIDTH + x) * 3;
        let seen = picture.get(at..at + 3).context("the picture is too small")?;
        let is_it = seen.iter().zip(colour).all(|(is, wanted)| is.abs_diff(wanted) < TOLERANCE);
        ensure!(is_it, "{seen:?} at {x}, {MIDDLE}, not {colour:?}");
    }
    Ok(())
}
