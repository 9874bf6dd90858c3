//! Asks ffmpeg and ffprobe about a file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use snaplark_core::edit::{Chapter, Cover, Edit};
use snaplark_core::render::{ExportFormat, ExportOptions, Recipe, Render as _, RenderProgress};
use snaplark_render::SystemRender;

use crate::recorded::{BITS, Recorded, SQUARE};

/// A picture of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub time_ms: u64,
    pub number: usize,
    pub is_flash: bool,
}

pub fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program} can't be run: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{program} {args:?}: {said}");
    output.stdout
}

pub fn cuts(keep: &[std::ops::Range<u64>], covers: &[Cover]) -> Edit {
    let (keep, covers) = (keep.to_vec(), covers.to_vec());
    Edit::Cuts { keep, covers, chapters: Vec::<Chapter>::new() }
}

pub const fn options(format: ExportFormat) -> ExportOptions {
    ExportOptions { format, fps: None, width: None }
}

/// Exports into a folder and returns the file.
pub fn export(recorded: &Recorded, edit: &Edit, options: &ExportOptions, folder: &Path) -> PathBuf {
    let file = folder.join(format!("{}.{}", recorded.name, options.format.name()));
    let (edit, part) = (Some(edit), new_part(folder));
    let recipe = Recipe::Export { segments: recorded, edit, options, file: &file, part: &part };
    SystemRender.render(&recipe, &RenderProgress::default()).unwrap()
}

/// Returns a name that nothing has, for what is not complete.
pub fn new_part(folder: &Path) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    folder.join(format!("{}.part", NUMBER.fetch_add(1, Ordering::Relaxed)))
}

/// Returns all pictures with their times.
pub fn pictures(file: &Path, (width, height): (usize, usize)) -> Vec<Seen> {
    let file = file.to_str().unwrap();
    let times = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "frame=best_effort_timestamp_time",
            "-of",
            "csv=p=0",
            file,
        ],
    );
    let times = String::from_utf8(times).unwrap();
    let times =
        times.lines().map(|line| line.trim_end_matches(',')).filter(|line| !line.is_empty());
    let times: Vec<u64> =
        times.map(|seconds| (seconds.parse::<f64>().unwrap() * 1_000.0).round() as u64).collect();
    let raw = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            file,
            "-map",
            "0:v",
            "-vf",
            "setpts=N/25/TB",
            "-r",
            "25",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "gray",
            "-",
        ],
    );
    let frames = raw.chunks_exact(width * height);
    assert_eq!(frames.len(), times.len(), "pictures and times of {file}");
    let seen = frames.zip(times).map(|(luma, time_ms)| {
        let is_white = |left: usize, top: usize| {
            let middle = (top + SQUARE / 2) * width + left + SQUARE / 2;
            luma[middle] > 128
        };
        let bit = |bit: usize| is_white(bit % 8 * SQUARE, bit / 8 * SQUARE);
        let number = (0..BITS).filter(|one| bit(*one)).map(|one| 1 << one).sum();
        Seen { time_ms, number, is_flash: is_white(0, 2 * SQUARE) }
    });
    seen.collect()
}

/// Returns the sound of one channel at 48 kHz, from the file's beginning.
pub fn sound(file: &Path) -> Vec<i16> {
    let raw = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            file.to_str().unwrap(),
            "-map",
            "0:a",
            "-af",
            "aresample=async=1:first_pts=0",
            "-ac",
            "1",
            "-ar",
            "48000",
            "-f",
            "s16le",
            "-",
        ],
    );
    raw.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Returns one value that ffprobe finds.
pub fn probe(file: &Path, stream: &str, entry: &str) -> String {
    let mut args = vec!["-v", "error"];
    if !stream.is_empty() {
        args.extend(["-select_streams", stream]);
    }
    args.extend(["-show_entries", entry, "-of", "csv=p=0", file.to_str().unwrap()]);
    let value = String::from_utf8(run("ffprobe", &args)).unwrap();
    value.trim().trim_end_matches(',').to_owned()
}
