//! Figures that `docs/editing.md` states. `cargo xtask bench cut` prints them; with each change they run in small.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use snaplark_core::capture::SealedSegment;
use snaplark_core::edit::Edit;
use snaplark_core::render::{
    CutFiles, ExportFormat, ExportOptions, Recipe, Render as _, RenderError, RenderProgress,
    SegmentReader,
};
use snaplark_formats::webm;
use snaplark_render::SystemRender;

use crate::judge::{cuts, export, new_part, options, pictures, run};
use crate::recorded::{COLORED, FAST, Recorded, Sound, USUAL, record, steady};

/// A recording of hours: the segments of a short one, over and over, each at its time.
#[derive(Debug)]
struct Repeated<'a> {
    of: &'a Recorded,
    list: Vec<SealedSegment>,
    /// How many segments were read.
    reads: AtomicUsize,
}

impl<'a> Repeated<'a> {
    fn new(of: &'a Recorded, end_ms: u64) -> Self {
        let rounds = (end_ms / of.end_ms) as u32;
        let count = of.list.len() as u32;
        let list = (0..rounds).flat_map(|round| {
            of.list.iter().map(move |segment| SealedSegment {
                index: round * count + segment.index,
                start_ms: u64::from(round) * of.end_ms + segment.start_ms,
                ..segment.clone()
            })
        });
        Repeated { of, list: list.collect(), reads: AtomicUsize::new(0) }
    }
}

impl SegmentReader for Repeated<'_> {
    fn init(&self) -> &[u8] {
        &self.of.init
    }

    fn list(&self) -> Vec<SealedSegment> {
        self.list.clone()
    }

    fn read(&self, index: u32) -> std::io::Result<Vec<u8>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let source = &self.of.clusters[index as usize % self.of.clusters.len()];
        let blocks = webm::blocks(source).unwrap();
        let start_ms = self.list[index as usize].start_ms;
        let by_ms = start_ms - self.of.list[index as usize % self.of.list.len()].start_ms;
        let moved =
            blocks.into_iter().map(|block| webm::Block { time_ms: block.time_ms + by_ms, ..block });
        Ok(webm::cluster(&moved.collect::<Vec<_>>()).unwrap())
    }

    fn refusal(&self, unread: Vec<u32>) -> RenderError {
        RenderError::Damaged(unread)
    }
}

/// The cost of cutting: the time of the shortest of some runs, and the segments that each of them has read.
struct Trim {
    took: Duration,
    reads: usize,
    cut: CutFiles,
}

/// Trims both ends and cuts out a middle.
fn trim(of: &Recorded, end_ms: u64) -> Trim {
    let recording = Repeated::new(of, end_ms);
    let middle = end_ms / 2;
    let edit = cuts(&[3_333..middle + 777, middle + 9_111..end_ms - 3_210], &[]);
    let folder = tempfile::tempdir().unwrap();
    let runs = (0..5).map(|_| {
        let began = Instant::now();
        let cut = SystemRender.cut(&recording, &edit, folder.path(), &RenderProgress::default());
        let reads = recording.reads.swap(0, Ordering::Relaxed);
        Trim { took: began.elapsed(), reads, cut: cut.unwrap() }
    });
    runs.min_by_key(|trim| trim.took).unwrap()
}

#[test]
fn trim_of_two_hours_costs_what_one_of_a_minute_costs() {
    let is_bench = std::env::var_os("SNAPLARK_BENCH").is_some();
    let of: &Recorded = if is_bench { &LARGE } else { &USUAL };
    let Trim { took: minute, reads: short_reads, cut: short } = trim(of, 60_000);
    let Trim { took: hours, reads: long_reads, cut: long } = trim(of, 7_200_000);
    let bytes = |cut: &CutFiles| cut.files.iter().map(|file| file.size_bytes).sum::<u64>();
    println!(
        "trim: 1 min {} ms, {} bytes in {} of {} pieces; 2 h {} ms, {} bytes in {} of {} pieces",
        minute.as_millis(),
        bytes(&short),
        short.files.len(),
        short.plan.pieces.len(),
        hours.as_millis(),
        bytes(&long),
        long.files.len(),
        long.plan.pieces.len(),
    );
    if is_bench {
        beside_ffmpeg(of);
    }
    assert_eq!(short.files.len(), 4);
    assert_eq!(long.files.len(), 4);
    assert_eq!(long_reads, short_reads, "segments that were read");
    // The time says something only where nothing else runs.
    if is_bench {
        // Three milliseconds are what planning 3,600 segments takes in a build without optimization.
        let allowed = minute.mul_f64(1.2) + Duration::from_millis(30);
        assert!(hours <= allowed, "{hours:?} against {minute:?}");
    }
}

/// Returns the most memory that the process has while it exports, beyond what it has before.
#[cfg(target_os = "linux")]
fn peak_bytes(of: &Recorded, end_ms: u64, format: ExportFormat) -> u64 {
    let recording = Repeated::new(of, end_ms);
    let folder = tempfile::tempdir().unwrap();
    let (file, part) = (folder.path().join("long"), new_part(folder.path()));
    let options = options(format);
    let recipe = Recipe::Export {
        segments: &recording,
        edit: None,
        options: &options,
        file: &file,
        part: &part,
    };
    let status = |name: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    // The peak begins anew.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    SystemRender.render(&recipe, &RenderProgress::default()).unwrap();
    status("VmHWM").saturating_sub(before)
}

/// The growth allowed for the index of ten times as many pictures, and for what allocators keep.
#[cfg(target_os = "linux")]
const GROWTH_BYTES_MAX: u64 = 24 * 1024 * 1024;

#[cfg(target_os = "linux")]
#[test]
fn memory_of_an_export_does_not_grow_with_the_recording() {
    let is_bench = std::env::var_os("SNAPLARK_BENCH").is_some();
    let (of, ten_ms): (&Recorded, u64) =
        if is_bench { (&LARGE, 600_000) } else { (&USUAL, 120_000) };
    for format in [ExportFormat::Webm, ExportFormat::Mp4, ExportFormat::Gif, ExportFormat::Wav] {
        // Libraries are loaded, and their threads begun.
        peak_bytes(of, ten_ms / 10, format);
        let (one, ten) = (peak_bytes(of, ten_ms / 10, format), peak_bytes(of, ten_ms, format));
        let (one_s, ten_s) = (ten_ms / 10_000, ten_ms / 1_000);
        println!(
            "memory of {format:?}: {} MB for {one_s} s, {} MB for {ten_s} s",
            one / 1_000_000,
            ten / 1_000_000
        );
        assert!(ten <= one + GROWTH_BYTES_MAX, "{format:?}: {ten} against {one}");
    }
}

/// As large as many recordings, for figures.
static LARGE: LazyLock<Recorded> =
    LazyLock::new(|| record("large", (1_280, 720), steady(30, 12_000), 12_000, Some(Sound::Beeps)));

/// The time that is trimmed off the start, beside ffmpeg.
const TRIMMED_START_MS: u64 = 3_333;
/// The time that is trimmed off the end.
const TRIMMED_END_MS: u64 = 3_210;

/// Exports as WebM. Returns the file, and how long that took.
fn exported(of: &Recorded, end_ms: u64, edit: Option<&Edit>, folder: &Path) -> (PathBuf, Duration) {
    let recording = Repeated::new(of, end_ms);
    let (options, part) = (options(ExportFormat::Webm), new_part(folder));
    let file = part.with_extension("webm");
    let recipe =
        Recipe::Export { segments: &recording, edit, options: &options, file: &file, part: &part };
    let began = Instant::now();
    SystemRender.render(&recipe, &RenderProgress::default()).unwrap();
    (file, began.elapsed())
}

/// Runs ffmpeg, and returns how long it took. What it says about the joints of a smart cut is not judged.
fn ffmpeg(args: &[&str]) -> Duration {
    let began = Instant::now();
    let output = Command::new("ffmpeg").args(["-y", "-v", "error"]).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg {args:?}: {said}");
    began.elapsed()
}

/// How ffmpeg encodes what a trim needs encoded again: as quickly as the recorder.
const ENCODED: &[&str] = &[
    "-c:v",
    "libvpx-vp9",
    "-deadline",
    "realtime",
    "-cpu-used",
    "7",
    "-row-mt",
    "1",
    "-b:v",
    "2500k",
];

/// Trims by a smart cut with ffmpeg, as LosslessCut does at the start: both edges are encoded, up to the first keyframe
/// behind the start and from the last one before the end; all between is copied, and the three are joined. Returns the
/// file, and how long that took.
fn smart_cut(file: &Path, (start, end): (f64, f64), folder: &Path) -> (PathBuf, Duration) {
    let began = Instant::now();
    let source = file.to_str().unwrap();
    // Only around both cuts: of two hours, reading all would take seconds.
    let near = format!("{start}%+5,{}%{end}", end - 5.0);
    let packets = ["-v", "error", "-select_streams", "v", "-read_intervals", &near];
    let shown = ["-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", source];
    let packets = String::from_utf8(run("ffprobe", &[&packets[..], &shown].concat())).unwrap();
    let keyframes = packets.lines().filter_map(|line| line.split_once(",K"));
    let keyframes: Vec<f64> = keyframes.map(|(time, _)| time.parse().unwrap()).collect();
    let first = *keyframes.iter().find(|time| **time >= start).unwrap();
    let last = *keyframes.iter().rfind(|time| **time < end).unwrap();
    let mut list = String::new();
    for (name, from, to, codec) in [
        ("head.webm", start, first, ENCODED),
        ("middle.webm", first, last, &["-c:v", "copy"][..]),
        ("tail.webm", last, end, ENCODED),
    ] {
        let (piece, from, to) = (folder.join(name), format!("{from:.3}"), format!("{to:.3}"));
        let range = ["-ss", &from, "-to", &to, "-i", source];
        ffmpeg(&[&range[..], codec, &["-c:a", "copy", piece.to_str().unwrap()]].concat());
        list += &format!("file '{}'\n", piece.display());
    }
    let (pieces, joined) = (folder.join("pieces.txt"), folder.join("smart.webm"));
    std::fs::write(&pieces, list).unwrap();
    let input = ["-f", "concat", "-safe", "0", "-i", pieces.to_str().unwrap()];
    ffmpeg(&[&input[..], &["-c", "copy", joined.to_str().unwrap()]].concat());
    (joined, began.elapsed())
}

/// Prints what a trim of both ends takes as a file of its own, here and with ffmpeg: by a smart cut, encoded again as a
/// whole, and copied from the keyframe before.
fn beside_ffmpeg(of: &Recorded) {
    for (name, end_ms) in [("1 min", 60_000), ("2 h", 7_200_000)] {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = exported(of, end_ms, None, folder.path());
        let kept_ms = TRIMMED_START_MS..end_ms - TRIMMED_END_MS;
        let edit = cuts(std::slice::from_ref(&kept_ms), &[]);
        let (ours, ours_took) = exported(of, end_ms, Some(&edit), folder.path());
        let range = (kept_ms.start as f64 / 1_000.0, kept_ms.end as f64 / 1_000.0);
        let (smart, smart_took) = smart_cut(&file, range, folder.path());
        let bytes = file.metadata().unwrap().len();
        println!(
            "trim to a file of {name}, {bytes} bytes: ours {} ms; ffmpeg's smart cut {} ms",
            ours_took.as_millis(),
            smart_took.as_millis(),
        );
        // Of hours, encoding takes as long as a quarter of them, and each picture that is looked at is 900 kB.
        if end_ms > 60_000 {
            continue;
        }
        let (encoded, copied) =
            (folder.path().join("encoded.webm"), folder.path().join("copied.webm"));
        let (start, end) = (format!("{:.3}", range.0), format!("{:.3}", range.1));
        let range = ["-ss", &start, "-to", &end, "-i", file.to_str().unwrap()];
        let again = [&range[..], ENCODED, &["-c:a", "libopus", encoded.to_str().unwrap()]];
        let again_took = ffmpeg(&again.concat());
        let copy_took = ffmpeg(&[&range[..], &["-c", "copy", copied.to_str().unwrap()]].concat());
        println!(
            "ffmpeg, {name}: encoded again {} ms; copied {} ms",
            again_took.as_millis(),
            copy_took.as_millis()
        );
        let numbers = |file: &Path| -> Vec<usize> {
            pictures(file, of.size).into_iter().map(|seen| seen.number).collect()
        };
        let whole = pictures(&file, of.size);
        let want: Vec<usize> = whole
            .into_iter()
            .filter(|seen| kept_ms.contains(&seen.time_ms))
            .map(|seen| seen.number)
            .collect();
        for (name, file) in [("ours", &ours), ("smart cut", &smart), ("copied", &copied)] {
            let got = numbers(file);
            println!(
                "pictures of {name}: {} of {}, {}",
                got.len(),
                want.len(),
                if got == want { "all as wanted" } else { "not those that were wanted" }
            );
        }
        assert_eq!(numbers(&ours), want, "pictures of the export");
    }
}

/// Returns the PSNR of a file against the first seconds of another.
fn psnr(file: &std::path::Path, of: &std::path::Path, fps: u32) -> f64 {
    // Rounded up: the picture that is on the screen at each tick, as both GIFs take it.
    let filter = format!(
        "[0:v]fps={fps},format=rgb24[a];[1:v]fps={fps}:round=up,format=rgb24[b];[a][b]psnr"
    );
    let output = std::process::Command::new("ffmpeg")
        .args(["-i", file.to_str().unwrap(), "-i", of.to_str().unwrap(), "-lavfi", &filter])
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let at = said.rfind("average:").unwrap_or_else(|| panic!("no PSNR: {said}"));
    let value = said[at + 8..].split_whitespace().next().unwrap();
    if value == "inf" { 99.0 } else { value.parse().unwrap() }
}

#[test]
fn gif_is_better_than_that_of_ffmpeg_and_smaller() {
    // Many colors that move, and black and white that changes 60 times a second. Without sound, whose start of -6.5 ms
    // would move ffmpeg's ticks.
    for of in [&*COLORED, &*FAST] {
        let folder = tempfile::tempdir().unwrap();
        let edit = cuts(&[0..of.end_ms.min(6_000)], &[]);
        let source = export(of, &edit, &options(ExportFormat::Webm), folder.path());
        let gif = ExportOptions { fps: Some(10), ..options(ExportFormat::Gif) };
        let ours = export(of, &edit, &gif, folder.path());
        let theirs = folder.path().join("theirs.gif");
        let filter = "fps=10:round=up,split[a][b];[a]palettegen[p];[b][p]paletteuse";
        let args = ["-v", "error", "-i", source.to_str().unwrap(), "-lavfi", filter];
        run("ffmpeg", &[&args[..], &[theirs.to_str().unwrap()]].concat());
        let size = |file: &std::path::Path| file.metadata().unwrap().len();
        let (our_size, their_size) = (size(&ours), size(&theirs));
        let (our_psnr, their_psnr) = (psnr(&ours, &source, 10), psnr(&theirs, &source, 10));
        println!(
            "gif of {}: ours {our_size} bytes, {our_psnr:.2} dB; ffmpeg {their_size} bytes, {their_psnr:.2} dB",
            of.name,
        );
        assert!(our_size <= their_size, "{}: {our_size} against {their_size}", of.name);
        // Above 45 dB nobody sees a difference.
        let wanted = their_psnr.min(45.0);
        assert!(our_psnr >= wanted, "{}: {our_psnr} against {their_psnr}", of.name);
    }
}
