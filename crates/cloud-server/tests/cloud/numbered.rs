//! A recording whose every picture has a number, and whose tones are heard at known moments. It is small (160x96, ten
//! pictures a second), so that two hours of it are encoded, streamed and decoded in minutes.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Recording, probe};

const WIDTH: usize = 160;
const HEIGHT: usize = 96;
/// Each bit of a number is a block, black or white: 20 bits in four rows of five.
const BLOCK: (usize, usize) = (32, 24);
const BITS: usize = 20;
const COLUMNS: usize = WIDTH / BLOCK.0;
/// The source's pictures a second.
const RATE: usize = 10;
const SOUND_RATE: usize = 8_000;
/// A louder sound is a tone.
const LOUD: u16 = 4_000;
/// A picture of the stream, of which there are 30 a second, and rounding.
const PICTURE_S: f64 = 0.034;
const SOUND_S: f64 = 0.040;

/// One tone in each second. Its place in the second changes from one to the next, so that none is mistaken for its
/// neighbor.
const TONES: &str = "if(between(mod(t,1),0.1+0.05*mod(7*floor(t),16),0.15+0.05*mod(7*floor(t),16)),\
    0.7*sin(2*PI*1000*t),0)";

/// A recording of so many seconds, in clusters of about two.
pub struct Numbered {
    pub recording: Recording,
    seconds: usize,
}

impl Numbered {
    pub fn new(seconds: usize) -> Numbered {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("numbered.webm");
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "gray"]);
        ffmpeg.args(["-s", &format!("{WIDTH}x{HEIGHT}"), "-r", &RATE.to_string(), "-i", "pipe:0"]);
        ffmpeg.args(["-f", "lavfi", "-i", &format!("aevalsrc='{TONES}':s=16000:d={seconds}")]);
        let codecs = "-pix_fmt yuv420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 200k -g 20 \
            -keyint_min 20 -c:a libopus -b:a 32k -cluster_time_limit 2000";
        ffmpeg.args(codecs.split_whitespace()).arg(&file);
        let mut ffmpeg = ffmpeg.stdin(Stdio::piped()).spawn().expect("ffmpeg is installed");
        let mut pictures = ffmpeg.stdin.take().unwrap();
        for number in 0..seconds * RATE {
            pictures.write_all(&picture(number)).unwrap();
        }
        drop(pictures);
        assert!(ffmpeg.wait().unwrap().success());
        let bytes = std::fs::read(&file).unwrap();
        let part = snaplark_formats::webm::index(&bytes).unwrap();
        let init = snaplark_formats::webm::init(&part.init.unwrap().tracks);
        let clusters = part.clusters.iter();
        let segments =
            clusters.map(|it| bytes[it.offset as usize..(it.offset + it.size) as usize].to_vec());
        Numbered { recording: Recording { init, segments: segments.collect() }, seconds }
    }

    /// Returns the time until which pictures come before the last part.
    pub fn begin_of_last_part_s(&self) -> u64 {
        let last = self.recording.segments.last().expect("a segment");
        snaplark_formats::webm::index(last).unwrap().clusters[0].start_ms / 1_000
    }

    /// Checks every picture and every tone of a video that was made of it against it.
    #[track_caller]
    pub fn assert_shown_by(&self, made: &[u8], what: &str) {
        let folder = tempfile::tempdir().unwrap();
        let (source, file) = (folder.path().join("source"), folder.path().join("made"));
        let whole = self.recording.whole();
        std::fs::write(&source, &whole).unwrap();
        std::fs::write(&file, made).unwrap();

        let (begins, shown) = (picture_times(&whole), picture_times(made));
        assert_eq!(begins.len(), self.seconds * RATE, "{what}: every picture was recorded");
        let numbers = numbers(&file);
        assert_eq!(numbers.len(), shown.len(), "{what}: every picture has a time");
        let mut furthest: f64 = 0.0;
        for (number, at) in numbers.iter().zip(&shown) {
            assert!(*number < begins.len(), "{what}: at {at} s it shows {number}");
            // The first one is shown from the beginning.
            let begin = if *number == 0 { 0.0 } else { begins[*number] };
            let end = begins.get(number + 1).copied().unwrap_or(f64::INFINITY);
            furthest = furthest.max(begin - at).max(at - end);
        }
        let mut seen = numbers.clone();
        seen.dedup();
        assert!(seen.iter().copied().eq(0..begins.len()), "{what}: each number once, in order");
        println!("{what}: {} pictures, at most {:.1} ms off", numbers.len(), furthest * 1e3);
        assert!(furthest <= PICTURE_S, "{what}: a picture is {furthest} s off");

        let (said, heard) = (tones(&source), tones(&file));
        assert_eq!((said.len(), heard.len()), (self.seconds, self.seconds), "{what}: tones");
        let off = said.iter().zip(&heard).map(|(one, other)| (one - other).abs());
        let off = off.fold(0.0, f64::max);
        println!("{what}: {} tones, at most {:.1} ms off", heard.len(), off * 1e3);
        assert!(off <= SOUND_S, "{what}: a tone is {off} s off");
    }
}

fn picture(number: usize) -> Vec<u8> {
    let block = |x: usize, y: usize| (y / BLOCK.1) * COLUMNS + x / BLOCK.0;
    let pixels = (0..WIDTH * HEIGHT).map(|at| (at % WIDTH, at / WIDTH));
    pixels.map(|(x, y)| if number >> block(x, y) & 1 == 1 { 220 } else { 32 }).collect()
}

/// Returns the number that a picture shows, read in the middle of each block.
fn number_of(picture: &[u8]) -> usize {
    let middle = |bit: usize| {
        let (x, y) = (bit % COLUMNS * BLOCK.0 + BLOCK.0 / 2, bit / COLUMNS * BLOCK.1 + BLOCK.1 / 2);
        picture[y * WIDTH + x]
    };
    (0..BITS).filter(|bit| middle(*bit) > 126).map(|bit| 1 << bit).sum()
}

fn picture_times(bytes: &[u8]) -> Vec<f64> {
    let times = probe(bytes, "packet=codec_type,pts_time");
    let times = times.lines().filter_map(|line| line.strip_prefix("video,"));
    let times: Vec<f64> = times.map(|time| time.trim_end_matches(',').parse().unwrap()).collect();
    assert!(times.is_sorted());
    times
}

/// The numbers of all pictures. Two hours of them are three gigabytes, so none is kept.
fn numbers(file: &Path) -> Vec<usize> {
    let mut numbers = Vec::new();
    let out = "-an -fps_mode passthrough -f rawvideo -pix_fmt gray";
    decoded(file, out, WIDTH * HEIGHT, |picture| numbers.push(number_of(picture)));
    numbers
}

/// When each tone begins.
fn tones(file: &Path) -> Vec<f64> {
    let (mut tones, mut at, mut quiet) = (Vec::new(), 0_usize, SOUND_RATE);
    // Gaps in the times of sound, and where it begins, become silence.
    let out = "-vn -af aresample=8000:async=1:first_pts=0 -ac 1 -f s16le";
    decoded(file, out, 2, |sample| {
        if i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > LOUD {
            if quiet > SOUND_RATE / 50 {
                tones.push(at as f64 / SOUND_RATE as f64);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
        at += 1;
    });
    tones
}

/// Gives what ffmpeg writes piece by piece.
fn decoded(file: &Path, arguments: &str, piece_bytes: usize, mut take: impl FnMut(&[u8])) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file).args(arguments.split(' ')).arg("pipe:1");
    let mut ffmpeg = ffmpeg.stdout(Stdio::piped()).spawn().expect("ffmpeg is installed");
    let mut stdout = ffmpeg.stdout.take().unwrap();
    let mut buffer = vec![0; (64 * 1024_usize).next_multiple_of(piece_bytes)];
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match stdout.read(&mut buffer[filled..]).unwrap() {
                0 => break,
                count => filled += count,
            }
        }
        buffer[..filled].chunks_exact(piece_bytes).for_each(&mut take);
        if filled < buffer.len() {
            break;
        }
    }
    assert!(ffmpeg.wait().unwrap().success());
}
