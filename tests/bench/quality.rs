//! How near a recording's pictures are to what the screen showed. The numbered screen's scenes repeat, so a picture is
//! compared with one of a lossless capture that shows the same: one whose number is a multiple of the period away.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::numbers;
use snaplark_tests::peer_recorders;
use snaplark_tests::process::{command, output};

const LIMIT: Duration = Duration::from_secs(120);
/// The time for which the screen is kept without loss: longer than the longest period.
const SECONDS: u32 = 6;
/// Each picture is compared on its middle: half the width, half the height, three bytes a pixel.
const PARTS: u32 = 2;

/// What the screen shows, by the number within the period.
pub struct Reference {
    size: (u32, u32),
    period: u16,
    pictures: BTreeMap<u16, Vec<u8>>,
}

impl Reference {
    /// Captures the home's display. The scene repeats after so many numbers.
    pub fn capture(home: &Home, size: (u32, u32), period: u16) -> Result<Self> {
        let grab = peer_recorders::grab(home, size, SECONDS);
        let mut pictures = BTreeMap::new();
        for (number, picture) in frames(home, grab, size)? {
            pictures.entry(number % period).or_insert(picture);
        }
        ensure!(!pictures.is_empty(), "the screen shows no number");
        Ok(Reference { size, period, pictures })
    }

    /// Returns the peak signal-to-noise ratio of a recording, in dB.
    pub fn psnr_db(&self, home: &Home, video: &Path) -> Result<f64> {
        let mut ffmpeg = command(home, "ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-i"]).arg(video);
        let (mut squares, mut count) = (0, 0);
        for (number, picture) in frames(home, ffmpeg, self.size)? {
            let Some(shown) = self.pictures.get(&(number % self.period)) else { continue };
            let square = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b)).pow(2);
            squares += picture.iter().zip(shown).map(square).sum::<u64>();
            count += picture.len();
        }
        ensure!(count > 0, "{} has no picture that the screen showed", video.display());
        let error = (squares as f64 / count as f64).max(f64::MIN_POSITIVE);
        Ok(10.0 * (255.0 * 255.0 / error).log10())
    }
}

/// Returns the number and the middle of each of an input's pictures whose number can be read.
fn frames(home: &Home, mut input: Command, size: (u32, u32)) -> Result<Vec<(u16, Vec<u8>)>> {
    let Rectangle { x, y, width, height } = numbers::field(size.0, size.1);
    let middle = (size.0 / PARTS, size.1 / PARTS);
    let files = ["middle.rgb", "field.gray"].map(|name| home.path().join(name));
    input.args([
        "-filter_complex",
        &format!(
            "[0:v]split[a][b];[a]crop={}:{},format=rgb24[middle];[b]crop={width}:{height}:{x}:{y},format=gray[field]",
            middle.0, middle.1
        ),
    ]);
    for (name, file) in ["[middle]", "[field]"].iter().zip(&files) {
        input.args(["-map", name, "-fps_mode", "passthrough", "-f", "rawvideo"]).arg(file);
    }
    output(input, LIMIT)?;
    let [middles, fields] = files.map(std::fs::read);
    let (middles, fields) = (middles?, fields?);
    let middles = middles.chunks_exact((middle.0 * middle.1 * 3) as usize);
    let fields = fields.chunks_exact((width * height) as usize);
    ensure!(middles.len() == fields.len(), "{} and {} pictures", middles.len(), fields.len());
    let read =
        middles.zip(fields).map(|(middle, field)| Some((numbers::read(field)?, middle.to_vec())));
    Ok(read.flatten().collect())
}
