//! Numbers that a screen shows and that are read back from a video. Painter and reader share this file, so
//! that they can't disagree.
//!
//! A number is 16 bits and 4 check bits, painted as two rows of ten squares, white for 1, in a black field.
//! The squares are large compared to the encoder's blocks: no bitrate that anyone would watch blurs one
//! into its neighbour.

use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::display::Rectangle;

/// The side of one square. Blocks of VP9 are at most 64 wide; what counts is that a square's middle is far
/// from its edge.
pub const SQUARE: u32 = 20;
const COLUMNS: u32 = 10;
const ROWS: u32 = 2;
/// The black margin around the squares.
pub const MARGIN: u32 = 10;
/// The side of the area that is averaged around a square's middle.
const PROBE: u32 = 8;

/// The field with all squares.
pub const WIDTH: u32 = COLUMNS * SQUARE + 2 * MARGIN;
pub const HEIGHT: u32 = ROWS * SQUARE + 2 * MARGIN;

/// Returns the field's position on a picture of that size: at the bottom left, away from the panel at the
/// top and toasts at the right.
pub fn field(_width: u32, height: u32) -> Rectangle {
    const GAP: u32 = 8;
    Rectangle {
        x: GAP.cast_signed(),
        y: height.saturating_sub(HEIGHT + GAP).cast_signed(),
        width: WIDTH,
        height: HEIGHT,
    }
}

/// Returns the white squares for a number, relative to the field.
pub fn squares(number: u16) -> impl Iterator<Item = Rectangle> {
    let bits = u32::from(number) | u32::from(check(number)) << 16;
    (0..COLUMNS * ROWS).filter(move |bit| bits >> bit & 1 == 1).map(square)
}

fn square(bit: u32) -> Rectangle {
    Rectangle {
        x: (MARGIN + bit % COLUMNS * SQUARE).cast_signed(),
        y: (MARGIN + bit / COLUMNS * SQUARE).cast_signed(),
        width: SQUARE,
        height: SQUARE,
    }
}

/// Returns the check bits. A single wrong square never passes, nor a field that is all black or all white.
fn check(number: u16) -> u8 {
    let folded = number ^ number >> 4 ^ number >> 8 ^ number >> 12;
    (folded as u8 ^ 0b0101) & 0xf
}

/// Reads the number in a grey picture of the field, or returns `None` if it can't be read.
pub fn read(grey: &[u8]) -> Option<u16> {
    let mut bits = 0u32;
    for bit in 0..COLUMNS * ROWS {
        let at = square(bit);
        let from = (SQUARE - PROBE) / 2;
        let mut sum = 0;
        for y in 0..PROBE {
            for x in 0..PROBE {
                let x = at.x.cast_unsigned() + from + x;
                let y = at.y.cast_unsigned() + from + y;
                sum += u32::from(*grey.get((y * WIDTH + x) as usize)?);
            }
        }
        if sum / (PROBE * PROBE) >= 128 {
            bits |= 1 << bit;
        }
    }
    let number = (bits & 0xffff) as u16;
    (u32::from(check(number)) == bits >> 16).then_some(number)
}

/// Returns the grey pixels of a picture of that size with a number in its field.
pub fn painted(number: u16, size: (u32, u32), around: u8) -> Vec<u8> {
    let mut grey = vec![around; (size.0 * size.1) as usize];
    let field = field(size.0, size.1);
    let mut fill = |area: Rectangle, value: u8| {
        for y in area.y.cast_unsigned()..area.y.cast_unsigned() + area.height {
            let start = (y * size.0 + area.x.cast_unsigned()) as usize;
            grey[start..start + area.width as usize].fill(value);
        }
    };
    fill(field, 0);
    for square in squares(number) {
        fill(Rectangle { x: field.x + square.x, y: field.y + square.y, ..square }, 255);
    }
    grey
}

/// The numbers that the frames of a video show, in playing order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub frames: Vec<Option<u16>>,
}

/// Decodes a whole video with ffmpeg. `size` is that of its picture.
pub fn read_video(video: &str, size: (u32, u32)) -> Result<Reading> {
    let Rectangle { x, y, width, height } = field(size.0, size.1);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i", video, "-an"]);
    ffmpeg.args(["-vf", &format!("crop={width}:{height}:{x}:{y},format=gray")]);
    // The container's own clock is used, since with a guessed frame rate two frames may fall on one tick.
    ffmpeg.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "rawvideo", "-"]);
    ffmpeg.stdin(Stdio::null());
    let output = ffmpeg.output().context("ffmpeg can't be started")?;
    if !output.status.success() || !output.stderr.is_empty() {
        bail!("ffmpeg on {video}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let frames = output.stdout.chunks_exact((WIDTH * HEIGHT) as usize).map(read).collect();
    Ok(Reading { frames })
}

/// Reads each frame's time in seconds, and its number.
pub fn read_timed(video: &Path, size: (u32, u32)) -> Result<Vec<(f64, u16)>> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time"]);
    let output = ffprobe.args(["-of", "csv=p=0"]).arg(video).stdin(Stdio::null()).output()?;
    let times = String::from_utf8(output.stdout)?;
    // Frames with side data, such as those of x264, have an empty line of their own.
    let lines =
        times.lines().map(|line| line.trim_end_matches(',')).filter(|line| !line.is_empty());
    let times = lines.map(|line| Ok(line.parse()?));
    let times: Vec<f64> = times.collect::<Result<_>>()?;
    let frames = read_file(video, size)?.frames;
    if times.len() != frames.len() {
        bail!("ffprobe names {} frames, ffmpeg decodes {}", times.len(), frames.len());
    }
    let numbers = times.into_iter().zip(frames);
    Ok(numbers.filter_map(|(time, number)| Some((time, number?))).collect())
}

/// Reads the number in a picture of the screen, four bytes for each pixel, that shows a video of `size`
/// scaled to `shown`.
pub fn read_scaled(pixels: &[u8], shown: (u32, u32), size: (u32, u32)) -> Option<u16> {
    let field = field(size.0, size.1);
    let mut grey = Vec::with_capacity((WIDTH * HEIGHT) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let x = (field.x.cast_unsigned() + x) * shown.0 / size.0;
            let y = (field.y.cast_unsigned() + y) * shown.1 / size.1;
            // Green: all colours of the field are grey.
            grey.push(*pixels.get((y * shown.0 + x) as usize * 4 + 1)?);
        }
    }
    read(&grey)
}

/// Reads a file like [`read_video`].
pub fn read_file(video: &Path, size: (u32, u32)) -> Result<Reading> {
    read_video(video.to_str().context("the path is not UTF-8")?, size)
}

impl Reading {
    /// The numbers from the first to the last that were shown; how many of them no frame has.
    pub fn missing(&self) -> Result<(u32, u32)> {
        let numbers: Vec<u16> = self.frames.iter().copied().flatten().collect();
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            bail!("no frame of {} shows a number", self.frames.len());
        };
        let mut seen = numbers.clone();
        seen.dedup();
        let span = u32::from(last.checked_sub(*first).context("the numbers run backwards")?) + 1;
        Ok((span, span - u32::try_from(seen.len())?))
    }

    /// Checks a recording: every frame is readable, no number runs backwards, at most `missing_share` of
    /// them is missing, and they span as many `seconds` of a screen with `fps` numbers a second. Returns
    /// the span and how many of it are missing.
    pub fn hold(
        &self,
        seconds: RangeInclusive<f64>,
        fps: u32,
        missing_share: f64,
    ) -> Result<(u32, u32)> {
        let unreadable = self.frames.iter().filter(|frame| frame.is_none()).count();
        if unreadable > 0 {
            bail!("{unreadable} of {} frames show no readable number", self.frames.len());
        }
        let backwards = self.frames.windows(2).position(|pair| pair[1] < pair[0]);
        if let Some(at) = backwards {
            bail!("frame {} shows {:?} after {:?}", at + 1, self.frames[at + 1], self.frames[at]);
        }
        let (span, missing) = self.missing()?;
        let share = f64::from(missing) / f64::from(span);
        if share > missing_share {
            bail!("{missing} of {span} numbers are missing: {:?}", self.gaps());
        }
        let spanned_s = f64::from(span) / f64::from(fps);
        if !seconds.contains(&spanned_s) {
            bail!("the frames span {spanned_s:.1} s of numbers, not {seconds:.1?} s");
        }
        Ok((span, missing))
    }

    /// Returns each jump by more than one: from, to.
    fn gaps(&self) -> Vec<(u16, u16)> {
        let numbers: Vec<u16> = self.frames.iter().copied().flatten().collect();
        let jumps = numbers.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) > 1);
        jumps.map(|pair| (pair[0], pair[1])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(number: u16) -> Vec<u8> {
        let mut grey = vec![16; (WIDTH * HEIGHT) as usize];
        for at in squares(number) {
            for y in 0..at.height {
                for x in 0..at.width {
                    let (x, y) = (at.x.cast_unsigned() + x, at.y.cast_unsigned() + y);
                    grey[(y * WIDTH + x) as usize] = 235;
                }
            }
        }
        grey
    }

    #[test]
    fn every_number_is_read_as_painted() {
        for number in 0..=u16::MAX {
            assert_eq!(read(&painted(number)), Some(number));
        }
    }

    #[test]
    fn number_is_read_from_a_smaller_picture_of_the_video() {
        let (size, shown) = ((1280, 720), (700, 394));
        let field = field(size.0, size.1);
        for number in [0, 0x1234, u16::MAX] {
            let grey = painted(number);
            let at = |x: u32, y: u32| {
                let (x, y) = (x * size.0 / shown.0, y * size.1 / shown.1);
                let (x, y) = (x.checked_sub(field.x as u32)?, y.checked_sub(field.y as u32)?);
                (x < WIDTH && y < HEIGHT).then(|| grey[(y * WIDTH + x) as usize])
            };
            let pixels = (0..shown.1).flat_map(|y| (0..shown.0).map(move |x| (x, y)));
            let pixels: Vec<u8> =
                pixels.flat_map(|(x, y)| [at(x, y).unwrap_or_default(); 4]).collect();
            assert_eq!(read_scaled(&pixels, shown, size), Some(number));
        }
    }

    #[test]
    fn one_wrong_square_and_an_empty_field_are_not_read() {
        for number in [0, 1, 0x1234, u16::MAX] {
            for bit in 0..COLUMNS * ROWS {
                let mut grey = painted(number);
                let at = square(bit);
                for y in 0..SQUARE {
                    let row = (at.y.cast_unsigned() + y) * WIDTH + at.x.cast_unsigned();
                    for pixel in &mut grey[row as usize..(row + SQUARE) as usize] {
                        *pixel = 251 - *pixel;
                    }
                }
                assert_eq!(read(&grey), None, "{number} with square {bit} turned");
            }
        }
        assert_eq!(read(&vec![0; (WIDTH * HEIGHT) as usize]), None);
        assert_eq!(read(&vec![255; (WIDTH * HEIGHT) as usize]), None);
    }

    #[test]
    fn promises_are_held() {
        let reading =
            |numbers: &[u16]| Reading { frames: numbers.iter().copied().map(Some).collect() };
        let all: Vec<u16> = (100..250).flat_map(|n| [n, n]).collect();
        assert_eq!(reading(&all).hold(9.5..=10.5, 15, 0.01).unwrap(), (150, 0));
        let mut one_missing = all.clone();
        one_missing.retain(|n| *n != 140);
        assert_eq!(reading(&one_missing).hold(9.5..=10.5, 15, 0.01).unwrap(), (150, 1));
        one_missing.retain(|n| *n != 141);
        assert!(reading(&one_missing).hold(9.5..=10.5, 15, 0.01).is_err());
        let mut backwards = all.clone();
        backwards.swap(20, 40);
        assert!(reading(&backwards).hold(9.5..=10.5, 15, 1.0).is_err());
        assert!(reading(&all[..200]).hold(9.5..=10.5, 15, 0.01).is_err());
        assert!(Reading { frames: vec![None; 150] }.hold(9.5..=10.5, 15, 1.0).is_err());
    }
}
