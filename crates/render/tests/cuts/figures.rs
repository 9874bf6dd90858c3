//! Figures that `docs/editing.md` states. `cargo xtask bench cut` prints them; with each change they run in small.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use snaplark_core::capture::SealedSegment;
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

/// Prints what ffmpeg takes for the start of a minute: encoded again, and copied from the keyframe before.
fn beside_ffmpeg(of: &Recorded) {
    let folder = tempfile::tempdir().unwrap();
    let minute = Repeated::new(of, 60_000);
    let file = folder.path().join("minute.webm");
    let webm = options(ExportFormat::Webm);
    let part = new_part(folder.path());
    let recipe =
        Recipe::Export { segments: &minute, edit: None, options: &webm, file: &file, part: &part };
    SystemRender.render(&recipe, &RenderProgress::default()).unwrap();
    let file = file.to_str().unwrap();
    let encoded = folder.path().join("encoded.webm");
    let copied = folder.path().join("copied.webm");
    let took = |args: &[&str]| {
        let began = Instant::now();
        run("ffmpeg", args);
        began.elapsed().as_millis()
    };
    let again = took(&[
        "-v",
        "error",
        "-ss",
        "3.333",
        "-to",
        "56.79",
        "-i",
        file,
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
        "-c:a",
        "libopus",
        encoded.to_str().unwrap(),
    ]);
    let copy = took(&[
        "-v",
        "error",
        "-ss",
        "3.333",
        "-to",
        "56.79",
        "-i",
        file,
        "-c",
        "copy",
        copied.to_str().unwrap(),
    ]);
    let first = pictures(&copied, of.size)[0].number;
    let want = of.times.iter().position(|time_ms| *time_ms >= 3_333).unwrap();
    println!(
        "ffmpeg, 1 min: encoded again {again} ms; copied {copy} ms, which begins with picture {first} \
         where {want} was wanted"
    );
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
