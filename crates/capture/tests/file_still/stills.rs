//! Files that are what they say, and files that ask for more memory or time than a picture on a card is worth.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use snaplark_capture::SystemCapture;
use snaplark_core::capture::Capture as _;

pub const ALL: [(&str, fn()); 4] = [
    ("still_of_a_file_is_made_in_the_helper", still_of_a_file_is_made_in_the_helper),
    (
        "still_of_a_video_in_4k_is_made_within_the_limit",
        still_of_a_video_in_4k_is_made_within_the_limit,
    ),
    ("file_that_asks_for_gigabytes_has_no_still", file_that_asks_for_gigabytes_has_no_still),
    ("file_whose_header_never_ends_has_no_still", file_whose_header_never_ends_has_no_still),
];

/// The limit of the helper's memory, with what a process has beside it: its program and libraries.
const MEMORY_BYTES_MAX: u64 = (1024 + 128) * 1024 * 1024;
/// The limit of the helper's time, and as much again for a busy machine.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Has ffmpeg make a video.
fn video(folder: &Path, name: &str, source: &str, options: &str) -> PathBuf {
    let path = folder.join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i", source]).args(options.split(' '));
    assert!(ffmpeg.arg(&path).status().unwrap().success(), "{name}");
    path
}

/// What came of asking for a still.
struct Made {
    jpeg: Result<Vec<u8>, String>,
    took: Duration,
    /// The most memory that was seen in the helper.
    memory_bytes: u64,
}

/// Asks for a still, and watches the helper's memory meanwhile.
fn still(file: &Path) -> Made {
    let (ended, watched) = channel::<()>();
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while watched.recv_timeout(Duration::from_millis(10)) == Err(RecvTimeoutError::Timeout) {
            most = most.max(children().map(memory_of).max().unwrap_or(0));
        }
        most
    });
    let began = Instant::now();
    let jpeg = SystemCapture::new().still_of_file(file).map_err(|error| error.to_string());
    let took = began.elapsed();
    drop(ended);
    let made = Made { jpeg, took, memory_bytes: watch.join().unwrap() };
    let (took, megabytes) = (made.took, made.memory_bytes / 1_000_000);
    println!(
        "{}: {took:.1?}, {megabytes} MB, {:?}",
        file.display(),
        made.jpeg.as_ref().map(Vec::len)
    );
    made
}

/// Returns the processes that this one has started and that run.
fn children() -> impl Iterator<Item = u32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    children
        .flat_map(|all| all.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
}

/// Returns the most memory that a process has taken; 0 if it is gone.
fn memory_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn still_of_a_file_is_made_in_the_helper() {
    let folder = tempfile::tempdir().unwrap();
    // A name with the end of a line in it.
    let source = "testsrc2=size=640x360:rate=10:duration=2";
    let file = video(folder.path(), "Büro\nzwei.mp4", source, "-c:v libx264 -pix_fmt yuv420p");
    let made = still(&file);
    assert!(made.jpeg.unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));
    assert!(made.memory_bytes > 0, "the helper was not seen");
}

/// Large videos that people have stay within the limit.
fn still_of_a_video_in_4k_is_made_within_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let source = "testsrc2=size=3840x2160:rate=10:duration=1";
    let options = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let made = still(&video(folder.path(), "4k.mp4", source, options));
    assert!(made.jpeg.unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));
    assert!(made.memory_bytes < MEMORY_BYTES_MAX / 2, "{} bytes", made.memory_bytes);
}

/// A picture of one color compresses to a thousandth: less than a megabyte asks for more than the limit.
fn file_that_asks_for_gigabytes_has_no_still() {
    let folder = tempfile::tempdir().unwrap();
    let options = "-frames:v 1 -c:v png -pix_fmt rgb24";
    let file = video(folder.path(), "bomb.mkv", "color=size=16000x16000:rate=1", options);
    assert!(fs::metadata(&file).unwrap().len() < 1_000_000);
    let made = still(&file);
    made.jpeg.unwrap_err();
    assert!(made.memory_bytes < MEMORY_BYTES_MAX, "{} bytes", made.memory_bytes);
    assert!(made.took < TIME_MAX, "{:?}", made.took);

    // The header of each frame says 16383x16383; the rest of it is a frame of 64x64.
    let source = "testsrc2=size=64x64:rate=5:duration=1";
    let file = video(folder.path(), "small.webm", source, "-c:v libvpx");
    let mut bytes = fs::read(&file).unwrap();
    let mut frames = 0;
    for at in 0..bytes.len() - 7 {
        if bytes[at..at + 3] == [0x9D, 0x01, 0x2A] {
            bytes[at + 3..at + 7].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
            frames += 1;
        }
    }
    assert!(frames > 0, "it has no keyframe");
    let file = folder.path().join("large.webm");
    fs::write(&file, bytes).unwrap();
    let made = still(&file);
    made.jpeg.unwrap_err();
    assert!(made.memory_bytes < MEMORY_BYTES_MAX, "{} bytes", made.memory_bytes);
    assert!(made.took < TIME_MAX, "{:?}", made.took);
}

/// 100 GB of nothing, which a demuxer searches for the first picture, and boxes of eight bytes without end.
fn file_whose_header_never_ends_has_no_still() {
    let folder = tempfile::tempdir().unwrap();
    let source = "testsrc2=size=64x64:rate=5:duration=1";
    let whole = fs::read(video(folder.path(), "small.webm", source, "-c:v libvpx")).unwrap();
    let cluster = whole.windows(4).position(|four| four == [0x1F, 0x43, 0xB6, 0x75]).unwrap();
    let sparse = folder.path().join("sparse.webm");
    fs::write(&sparse, &whole[..cluster]).unwrap();
    fs::OpenOptions::new().write(true).open(&sparse).unwrap().set_len(100 << 30).unwrap();

    let boxes = folder.path().join("boxes.mp4");
    let start = b"\0\0\0\x14ftypisom\0\0\0\0isom".as_slice();
    fs::write(&boxes, [start, &b"\0\0\0\x08free".repeat(8 << 20)].concat()).unwrap();
    for file in [sparse, boxes] {
        let made = still(&file);
        made.jpeg.unwrap_err();
        assert!(made.took < TIME_MAX, "{:?}", made.took);
        assert!(made.memory_bytes < MEMORY_BYTES_MAX / 4, "{} bytes", made.memory_bytes);
    }
}
