//! Generated recordings: pictures with their number as a row of black and white squares, a square that is white
//! while a beep sounds, and a beep at each second. Encoded with ffmpeg's libvpx and GStreamer's opusenc.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_core::capture::SealedSegment;
use snaplark_core::render::{RenderError, SegmentReader};
use snaplark_formats::webm::{self, Audio, AudioCodec, Block, Track, Tracks, Video, VideoCodec};

/// The side of a square of a number.
pub const SQUARE: usize = 20;
/// Squares of a number, the lowest bit first, in rows of eight.
pub const BITS: usize = 16;
/// How long a beep and its flash are.
pub const BEEP_MS: u64 = 100;
/// One beep each.
pub const BEEP_EVERY_MS: u64 = 1_000;

/// A recording in memory.
#[derive(Debug)]
pub struct Recorded {
    pub name: &'static str,
    pub init: Vec<u8>,
    pub clusters: Vec<Vec<u8>>,
    pub list: Vec<SealedSegment>,
    /// When each picture is shown. Its number is its place.
    pub times: Vec<u64>,
    pub end_ms: u64,
    pub size: (usize, usize),
}

impl SegmentReader for Recorded {
    fn init(&self) -> &[u8] {
        &self.init
    }

    fn list(&self) -> Vec<SealedSegment> {
        self.list.clone()
    }

    fn read(&self, index: u32) -> io::Result<Vec<u8>> {
        Ok(self.clusters[index as usize].clone())
    }

    fn refusal(&self, unread: Vec<u32>) -> RenderError {
        RenderError::Damaged(unread)
    }
}

/// 30 pictures a second, with sound.
pub static USUAL: LazyLock<Recorded> =
    LazyLock::new(|| record("usual", (176, 96), steady(30, 12_000), 12_000, Some(Sound::Beeps)));
/// 60 pictures a second, without sound.
pub static FAST: LazyLock<Recorded> =
    LazyLock::new(|| record("fast", (176, 96), steady(60, 7_000), 7_000, None));
/// A screen that often stands still, with sound.
pub static STILL: LazyLock<Recorded> =
    LazyLock::new(|| record("still", (176, 96), with_stills(14_000), 14_000, Some(Sound::Beeps)));
/// Scaled to an odd size, at 25 pictures a second, with sound.
pub static SCALED: LazyLock<Recorded> =
    LazyLock::new(|| record("scaled", (333, 187), steady(25, 9_000), 9_000, Some(Sound::Beeps)));
/// Without sound, with more colors than a GIF has.
pub static COLORED: LazyLock<Recorded> =
    LazyLock::new(|| record("colored", (176, 96), steady(30, 6_000), 6_000, None));
/// A plain tone, to find clicks.
pub static TONE: LazyLock<Recorded> =
    LazyLock::new(|| record("tone", (176, 96), steady(30, 8_000), 8_000, Some(Sound::Tone)));

#[derive(Clone, Copy, PartialEq)]
pub enum Sound {
    Beeps,
    Tone,
    /// A tone that begins at its loudest.
    Burst,
}

pub fn steady(fps: u64, end_ms: u64) -> Vec<u64> {
    (0..).map(|number| number * 1_000 / fps).take_while(|time_ms| *time_ms < end_ms).collect()
}

/// 30 pictures a second, with stills of 100 to 900 ms, and none in most of two seconds.
fn with_stills(end_ms: u64) -> Vec<u64> {
    let is_still = |time_ms: u64| {
        let still =
            [300..400, 1_200..1_950, 3_000..3_900, 4_100..5_950, 8_010..8_100, 9_300..9_900];
        still.iter().any(|still| still.contains(&time_ms))
    };
    steady(30, end_ms).into_iter().filter(|time_ms| !is_still(*time_ms)).collect()
}

/// Makes a recording. A segment ends after two seconds, as in the recorder.
pub fn record(
    name: &'static str,
    size: (usize, usize),
    times: Vec<u64>,
    end_ms: u64,
    sound: Option<Sound>,
) -> Recorded {
    let mut starts: Vec<usize> = vec![0];
    for (number, time_ms) in times.iter().enumerate() {
        if time_ms / 2_000 > times[*starts.last().unwrap()] / 2_000 {
            starts.push(number);
        }
    }
    let packets = sound.map(|sound| opus(&samples(sound, end_ms)));
    let ends = starts.iter().copied().skip(1).chain([times.len()]);
    let (mut clusters, mut list) = (Vec::new(), Vec::new());
    for (index, (start, end)) in (0..).zip(starts.iter().copied().zip(ends)) {
        let numbers = start..end;
        let start_ms = times[start];
        let stop_ms = times.get(end).copied().unwrap_or(end_ms);
        let is_colored = name == "colored";
        let pictures =
            numbers.clone().map(|number| picture(size, number, times[number], is_colored));
        let encoded = vp9(size, pictures);
        let mut blocks: Vec<Block> = numbers
            .zip(encoded)
            .map(|(number, data)| {
                let next_ms = if number + 1 == end { stop_ms } else { times[number + 1] };
                let time_ms = times[number];
                Block {
                    track: Track::Video,
                    time_ms,
                    keyframe: number == start,
                    duration_ms: Some(next_ms - time_ms),
                    data,
                }
            })
            .collect();
        let packets = packets.iter().flat_map(|(_, packets)| (0..).zip(packets));
        let inside = packets.filter(|(number, _)| (start_ms..stop_ms).contains(&(number * 20)));
        blocks.extend(inside.map(|(number, data)| Block {
            track: Track::Audio,
            time_ms: number * 20,
            keyframe: true,
            duration_ms: None,
            data: data.clone(),
        }));
        let bytes = webm::cluster(&blocks).unwrap();
        list.push(SealedSegment {
            index,
            size_bytes: bytes.len() as u64,
            start_ms,
            duration_ms: stop_ms - start_ms,
            sha256: [0; 32],
        });
        clusters.push(bytes);
    }
    let (width, height) = (size.0 as u32, size.1 as u32);
    let video = Video { codec: VideoCodec::Vp9, width, height };
    let audio = packets.map(|(head, _)| Audio {
        codec: AudioCodec::Opus,
        codec_private: head,
        sample_rate: 48_000.0,
        channels: 2,
        codec_delay_ns: 6_500_000,
    });
    let init = webm::init_with_frame_rate(&Tracks { video, audio }, 30);
    Recorded { name, init, clusters, list, times, end_ms, size }
}

pub fn is_beeping(time_ms: u64) -> bool {
    time_ms % BEEP_EVERY_MS < BEEP_MS
}

/// Returns a picture in I420: its number, the flash, and a gray that moves.
fn picture(
    (width, height): (usize, usize),
    number: usize,
    time_ms: u64,
    is_colored: bool,
) -> Vec<u8> {
    let mut luma: Vec<u8> =
        (0..width * height).map(|at| 90 + ((at % width + number) % 64) as u8).collect();
    let mut square = |left: usize, top: usize, is_white: bool| {
        for y in top..top + SQUARE {
            luma[y * width + left..][..SQUARE].fill(if is_white { 235 } else { 16 });
        }
    };
    for bit in 0..BITS {
        square(bit % 8 * SQUARE, bit / 8 * SQUARE, number >> bit & 1 == 1);
    }
    square(0, 2 * SQUARE, is_beeping(time_ms));
    let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
    for plane in 0..2 {
        let color = |at: usize| match is_colored {
            true if plane == 0 => 70 + (at % columns * 110 / columns) as u8,
            true => 70 + ((at / columns * 110 / rows + number) % 110) as u8,
            false => 128,
        };
        luma.extend((0..columns * rows).map(color));
    }
    luma
}

/// Encodes pictures, the first of them as the only keyframe.
fn vp9((width, height): (usize, usize), pictures: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let size = format!("{width}x{height}");
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size, "-i", "-"])
        .args(["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"])
        .args(["-lag-in-frames", "0", "-g", "9999", "-b:v", "2M", "-colorspace", "bt709"])
        .args(["-f", "ivf", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let pictures: Vec<Vec<u8>> = pictures.collect();
    let feed = std::thread::spawn(move || pictures.iter().try_for_each(|one| stdin.write_all(one)));
    let ivf = child.wait_with_output().unwrap().stdout;
    feed.join().unwrap().unwrap();
    let (mut rest, mut frames) = (&ivf[32..], Vec::new());
    while let Some(length) = rest.first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        frames.push(rest[12..12 + length].to_vec());
        rest = &rest[12 + length..];
    }
    frames
}

fn samples(sound: Sound, end_ms: u64) -> Vec<i16> {
    (0..end_ms * 48)
        .map(|sample| {
            let (time_ms, seconds) = (sample / 48, sample as f64 / 48_000.0);
            let tone = |hertz: f64| (seconds * hertz * std::f64::consts::TAU).sin();
            match sound {
                Sound::Tone => (tone(440.0) * 9_000.0) as i16,
                Sound::Burst => ((seconds * 440.0 * std::f64::consts::TAU).cos() * 9_000.0) as i16,
                Sound::Beeps if is_beeping(time_ms) => (tone(1_000.0) * 12_000.0) as i16,
                Sound::Beeps => 0,
            }
        })
        .collect()
}

/// Encodes sound on both channels. Returns the header and the packets, as the recorder does.
fn opus(samples: &[i16]) -> (Vec<u8>, Vec<Vec<u8>>) {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(
        "appsrc name=in format=time max-bytes=0 caps=\"audio/x-raw,format=S16LE,layout=interleaved,\
            rate=48000,channels=2,channel-mask=(bitmask)0x3\"
         ! opusenc bitrate=96000 bitrate-type=vbr frame-size=20 ! appsink name=out sync=false",
    );
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let input = pipeline.by_name("in").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    let output = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let count = samples.len() / 960;
    for (number, block) in samples.chunks_exact(960).enumerate() {
        let bytes: Vec<u8> =
            block.iter().flat_map(|one| [*one, *one]).flat_map(|one| one.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(number as u64 * 20));
        input.push_buffer(buffer).unwrap();
    }
    input.end_of_stream().unwrap();
    let (mut head, mut packets) = (Vec::new(), Vec::new());
    while let Ok(sample) = output.pull_sample() {
        if head.is_empty() {
            let caps = sample.caps().unwrap().structure(0).unwrap().to_owned();
            let headers = caps.get::<gst::Array>("streamheader").unwrap();
            let buffer = headers.first().unwrap().get::<gst::Buffer>().unwrap();
            head = buffer.map_readable().unwrap().to_vec();
        }
        packets.push(sample.buffer().unwrap().map_readable().unwrap().to_vec());
    }
    pipeline.set_state(gst::State::Null).unwrap();
    packets.truncate(count);
    (head, packets)
}
