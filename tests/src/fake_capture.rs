//! A capture without a screen: real VP9 frames, encoded once, written as real segments in the order
//! and with the care of the product's own (`.part`, fsync, rename, fsync of the folder), but at any
//! pace and of any size. So a recording of minutes takes seconds, and one of gigabytes no encoder.
//!
//! ```text
//! ffmpeg -> clip (one GOP of 2 s, IVF) -> each segment: the clip's frames at its own times, then
//!           a Void of noise up to the size that is asked for
//! ```
//! Tests can query what was sealed, how it ended and how long the app held the writer up.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use snaplark_core::capture::{
    Capture, CaptureControl, CaptureEnd, CaptureError, CaptureEvent, CaptureRequest, CaptureSink,
    FrameCounts, SealedSegment,
};
use snaplark_core::edit::{Area, Drawing, Edit};
use snaplark_core::overlay::Webcam;
use snaplark_core::render::{
    CutFiles, PictureRecipe, Recipe, RecognizeError, Recognized, Render, RenderError,
    RenderProgress, SegmentReader, Still, TextLanguage,
};
use snaplark_core::{INIT_FILE, segment_file};
use snaplark_files::{PART_SUFFIX, rename_durably};
use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};
use snaplark_render::SystemRender;

pub const SIZE: (u32, u32) = (320, 180);
pub const SEGMENT_MS: u64 = 2_000;
/// Frames a second of the clip.
pub const FPS: u32 = 15;
/// The microphone level reported with each segment, if levels are requested.
pub const LEVEL: u16 = 700;

const IVF_HEADER_BYTES: usize = 32;
const IVF_FRAME_HEADER_BYTES: usize = 12;
/// The sizes of the id and size of a Cluster, and of a Void, when sizes are written with eight bytes.
const CLUSTER_HEAD_BYTES: usize = 12;
const VOID_HEAD_BYTES: u64 = 9;
const BLOCK_BYTES: usize = 64 * 1024;
/// How often a recording that has all its segments looks for a strike.
const STRIKE_LOOK: Duration = Duration::from_millis(10);

/// One group of pictures of [`SEGMENT_MS`], as an encoder produced it.
pub struct Clip {
    frames: Vec<Vec<u8>>,
}

impl Clip {
    /// Encodes the clip, or reads it if `file` exists already.
    pub fn at(file: &Path) -> Result<Self> {
        let source = format!("testsrc2=size={}x{}:rate={FPS}:duration=2", SIZE.0, SIZE.1);
        Self::encoded_at(file, &source, "100k")
    }

    /// Does the same with pictures of noise, whose frames are some 45 kB each.
    pub fn of_noise_at(file: &Path) -> Result<Self> {
        let source = format!(
            "testsrc2=size={}x{}:rate={FPS}:duration=2,noise=alls=60:allf=t",
            SIZE.0, SIZE.1
        );
        Self::encoded_at(file, &source, "10M")
    }

    fn encoded_at(file: &Path, source: &str, bits_per_second: &str) -> Result<Self> {
        if !file.is_file() {
            encode(file, source, bits_per_second)?;
        }
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let frames = frames_of_ivf(&bytes)?;
        let wanted = FPS as usize * SEGMENT_MS as usize / 1_000;
        if frames.len() != wanted {
            bail!("the clip has {} frames, not {wanted}", frames.len());
        }
        Ok(Self { frames })
    }

    /// Returns the bytes before the first cluster.
    pub fn init() -> Vec<u8> {
        let video = Video { codec: VideoCodec::Vp9, width: SIZE.0, height: SIZE.1 };
        snaplark_formats::webm::init(&Tracks { video, audio: None })
    }

    /// Returns the segment with that index.
    pub fn cluster(&self, index: u32) -> Vec<u8> {
        let start_ms = u64::from(index) * SEGMENT_MS;
        let time_ms = |frame: usize| start_ms + frame as u64 * 1_000 / u64::from(FPS);
        let last = self.frames.len() - 1;
        let block = |(frame, data): (usize, &Vec<u8>)| Block {
            track: Track::Video,
            time_ms: time_ms(frame),
            keyframe: frame == 0,
            duration_ms: (frame == last).then(|| start_ms + SEGMENT_MS - time_ms(frame)),
            data: data.clone(),
        };
        let blocks: Vec<Block> = self.frames.iter().enumerate().map(block).collect();
        snaplark_formats::webm::cluster(&blocks).expect("two seconds of frames fit into a cluster")
    }
}

fn encode(file: &Path, source: &str, bits_per_second: &str) -> Result<()> {
    let part = file.with_extension(format!("{}.part", std::process::id()));
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", source])
        .args(["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"])
        .args(["-lag-in-frames", "0", "-auto-alt-ref", "0", "-g", "9999", "-b:v", bits_per_second])
        .args(["-f", "ivf"])
        .arg(&part)
        .stdin(Stdio::null())
        .status()
        .context("ffmpeg can't be started")?;
    if !status.success() {
        bail!("ffmpeg could not encode the clip ({status})");
    }
    Ok(std::fs::rename(part, file)?)
}

fn frames_of_ivf(bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    if bytes.len() < IVF_HEADER_BYTES || &bytes[..4] != b"DKIF" || &bytes[8..12] != b"VP90" {
        bail!("the clip is no VP9 in IVF");
    }
    let mut rest = &bytes[IVF_HEADER_BYTES..];
    let mut frames = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(IVF_FRAME_HEADER_BYTES) {
        let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (frame, after) = after.split_at_checked(size).context("the clip is cut short")?;
        frames.push(frame.to_vec());
        rest = after;
    }
    Ok(frames)
}

/// The pace of the recording.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After this many segments it waits to be stopped.
    pub segments_max: u32,
    /// The time from one segment to the next; each contains two seconds of media regardless.
    pub every: Duration,
    /// Each segment is filled up to this size; 0 leaves it as encoded.
    pub segment_bytes: u64,
}

pub struct FakeCapture {
    clip: Arc<Clip>,
    pace: Pace,
    record: Arc<Mutex<Record>>,
    during_cut: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// A record of what the fake did.
#[derive(Clone, Default)]
pub struct Record {
    /// The digest of init and every segment, in playing order.
    pub whole: Sha256,
    pub bytes: u64,
    pub segments: u32,
    pub end: Option<CaptureEnd>,
    /// The last value that was set.
    pub muted: bool,
    /// The segments that are not struck. One of which the begin stays counts as struck.
    pub kept: Vec<u32>,
    /// The longest time that the app took to accept one event, during which nothing was written.
    pub held_up_max: Duration,
}

impl Record {
    pub fn sha256(&self) -> [u8; 32] {
        self.whole.clone().finalize().into()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl FakeCapture {
    pub fn new(clip: Arc<Clip>, pace: Pace) -> Self {
        Self { clip, pace, record: Arc::default(), during_cut: Mutex::default() }
    }

    /// Returns the record of the last recording that was started.
    pub fn record(&self) -> Record {
        lock(&self.record).clone()
    }

    /// Does something while the next edit is being rendered, on the thread that renders it.
    pub fn during_next_cut(&self, act: impl FnOnce() + Send + 'static) {
        *lock(&self.during_cut) = Some(Box::new(act));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Capture for FakeCapture {
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError> {
        *lock(&self.record) = Record::default();
        let (stop, stopped) = channel();
        let paused = Arc::new(AtomicBool::new(false));
        let cut = Arc::new(AtomicBool::new(false));
        let strike = Arc::<Mutex<Option<(u64, PathBuf)>>>::default();
        let recording = Recording {
            clip: Arc::clone(&self.clip),
            pace: self.pace,
            record: Arc::clone(&self.record),
            folder: request.folder,
            events,
            stopped,
            paused: Arc::clone(&paused),
            levels: request.sound.levels,
            cut: Arc::clone(&cut),
            strike: Arc::clone(&strike),
            struck_ms: 0,
        };
        std::thread::Builder::new()
            .name("fake-capture".into())
            .spawn(move || recording.run())
            .map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })?;
        let record = Arc::clone(&self.record);
        Ok(Box::new(Control { stop, asked: AtomicBool::new(false), paused, cut, strike, record }))
    }
}

impl Render for FakeCapture {
    /// Returns the segment's first frame unchanged, since decoding it is not the fake's task.
    fn still(&self, _: &[u8], segment: &[u8]) -> Result<Still, RenderError> {
        let no_still = |reason: String| RenderError::NoStill { reason };
        let part =
            snaplark_formats::webm::index(segment).map_err(|error| no_still(error.to_string()))?;
        match part.clusters.first() {
            Some(first) if first.starts_with_keyframe => {
                Ok(Still { jpeg: self.clip.frames[0].clone(), blank: false })
            }
            Some(_) | None => Err(no_still("no keyframe at its beginning".to_owned())),
        }
    }

    /// Renders files as the product does: nothing is decoded for them.
    fn render(
        &self,
        recipe: &Recipe<'_>,
        progress: &RenderProgress,
    ) -> Result<PathBuf, RenderError> {
        SystemRender.render(recipe, progress)
    }

    fn cut(
        &self,
        segments: &dyn SegmentReader,
        edit: &Edit,
        folder: &Path,
        progress: &RenderProgress,
    ) -> Result<CutFiles, RenderError> {
        let cut = SystemRender.cut(segments, edit, folder, progress);
        let act = lock(&self.during_cut).take();
        if let Some(act) = act {
            act();
        }
        cut
    }

    fn joined(
        &self,
        init: &[u8],
        before: &[u8],
        segment: &[u8],
    ) -> Result<Option<Vec<u8>>, RenderError> {
        SystemRender.joined(init, before, segment)
    }

    fn picture(
        &self,
        recipe: &PictureRecipe<'_>,
        progress: &RenderProgress,
    ) -> Result<Vec<u8>, RenderError> {
        SystemRender.picture(recipe, progress)
    }

    fn thumbnail(
        &self,
        source: &[u8],
        drawing: &Drawing,
        longest_side_px: u32,
    ) -> Result<Vec<u8>, RenderError> {
        SystemRender.thumbnail(source, drawing, longest_side_px)
    }

    fn picture_size(&self, source: &[u8]) -> Result<(u32, u32), RenderError> {
        SystemRender.picture_size(source)
    }

    fn recognize(
        &self,
        picture: &[u8],
        area: Option<Area>,
        languages: &[TextLanguage],
    ) -> Result<Recognized, RecognizeError> {
        SystemRender.recognize(picture, area, languages)
    }
}

struct Control {
    /// A message or the closing of the channel stops the thread.
    stop: Sender<()>,
    asked: AtomicBool,
    paused: Arc<AtomicBool>,
    record: Arc<Mutex<Record>>,
    cut: Arc<AtomicBool>,
    strike: Arc<Mutex<Option<(u64, PathBuf)>>>,
}

impl CaptureControl for Control {
    fn stop(&mut self) {
        if !self.asked.swap(true, Ordering::Relaxed) {
            // The thread may have ended by itself, because the disk is full.
            self.stop.send(()).ok();
        }
    }

    fn pause(&mut self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    fn resume(&mut self) {
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Its segments all have one length, so the next one ends at the cut.
    fn cut(&mut self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// It is carried out before the next segment, so all that is struck is sealed.
    fn strike(&mut self, length_ms: u64, folder: PathBuf) {
        *self.strike.lock().unwrap_or_else(PoisonError::into_inner) = Some((length_ms, folder));
    }

    /// The clip has no sound; the value is only recorded.
    fn set_muted(&mut self, muted: bool) {
        lock(&self.record).muted = muted;
    }

    /// Does nothing: the clip has no webcam picture.
    fn set_webcam(&mut self, _: Webcam) {}
}

struct Recording {
    clip: Arc<Clip>,
    pace: Pace,
    record: Arc<Mutex<Record>>,
    folder: PathBuf,
    events: CaptureSink,
    stopped: Receiver<()>,
    paused: Arc<AtomicBool>,
    levels: bool,
    cut: Arc<AtomicBool>,
    strike: Arc<Mutex<Option<(u64, PathBuf)>>>,
    struck_ms: u64,
}

impl Recording {
    fn run(mut self) {
        let end = match self.record() {
            Ok(()) => CaptureEnd::Stopped,
            Err(error) => {
                let reason = format!("{error:#}");
                CaptureEnd::Failed(CaptureError::FolderUnwritable { reason })
            }
        };
        let frames = u64::from(lock(&self.record).segments) * self.clip.frames.len() as u64;
        lock(&self.record).end = Some(end.clone());
        let counts = FrameCounts { encoded: frames, ..FrameCounts::default() };
        self.tell(CaptureEvent::Ended { end, counts });
    }

    fn record(&mut self) -> Result<()> {
        let init = Clip::init();
        write_durably(&self.folder, INIT_FILE, |file| file.write_all(&init))?;
        lock(&self.record).take(&init);
        self.tell(CaptureEvent::Started { width: SIZE.0, height: SIZE.1 });
        let mut next = Instant::now();
        let mut paused = false;
        for index in 0..self.pace.segments_max {
            let at_ms = u64::from(index) * SEGMENT_MS;
            loop {
                next += self.pace.every;
                match self.stopped.recv_timeout(next.saturating_duration_since(Instant::now())) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
                // A pause begins and ends with a segment.
                let is_paused = self.paused.load(Ordering::Relaxed);
                match (paused, is_paused) {
                    (false, true) => self.tell(CaptureEvent::Paused { at_ms }),
                    (true, false) => self.tell(CaptureEvent::Resumed { at_ms }),
                    (true, true) | (false, false) => {}
                }
                paused = is_paused;
                if !paused {
                    break;
                }
                self.carry_out_strike(index, &init)?;
            }
            self.carry_out_strike(index, &init)?;
            self.seal(index)?;
            if self.cut.swap(false, Ordering::Relaxed) {
                self.tell(CaptureEvent::Cut { at_ms: at_ms + SEGMENT_MS });
            }
        }
        // What is struck now was sealed before.
        while let Err(RecvTimeoutError::Timeout) = self.stopped.recv_timeout(STRIKE_LOOK) {
            self.carry_out_strike(self.pace.segments_max, &init)?;
        }
        Ok(())
    }

    /// Carries out a strike before that segment, if one was asked for.
    fn carry_out_strike(&mut self, index: u32, init: &[u8]) -> Result<()> {
        let asked = self.strike.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((length_ms, folder)) = asked else { return Ok(()) };
        write_durably(&folder, INIT_FILE, |file| file.write_all(init))?;
        self.folder = folder;
        let until_ms = u64::from(index) * SEGMENT_MS;
        let removed_ms = length_ms.min(until_ms - self.struck_ms);
        self.struck_ms += removed_ms;
        let mut record = lock(&self.record);
        let kept = record.kept.len().saturating_sub(removed_ms.div_ceil(SEGMENT_MS) as usize);
        record.kept.truncate(kept);
        drop(record);
        self.tell(CaptureEvent::Struck { until_ms, removed_ms, next_index: index });
        Ok(())
    }

    fn seal(&mut self, index: u32) -> Result<()> {
        let cluster = self.clip.cluster(index);
        let mut hash = Sha256::new();
        if self.levels {
            self.tell(CaptureEvent::Level { microphone: LEVEL, system: 0 });
        }
        let mut whole = lock(&self.record).clone();
        let size_bytes = write_durably(&self.folder, &segment_file(index), |file| {
            write_segment(&cluster, self.pace.segment_bytes, index, &mut |bytes| {
                hash.update(bytes);
                whole.take(bytes);
                file.write_all(bytes)
            })
        })?;
        whole.segments = index + 1;
        whole.muted = lock(&self.record).muted;
        whole.kept.push(index);
        *lock(&self.record) = whole;
        self.tell(CaptureEvent::SegmentSealed(SealedSegment {
            index,
            size_bytes,
            start_ms: u64::from(index) * SEGMENT_MS,
            duration_ms: SEGMENT_MS,
            sha256: hash.finalize().into(),
        }));
        Ok(())
    }

    fn tell(&mut self, event: CaptureEvent) {
        let told = Instant::now();
        (self.events)(event);
        let mut record = lock(&self.record);
        record.held_up_max = record.held_up_max.max(told.elapsed());
    }
}

/// Writes the cluster, filled up with a Void of noise inside it if `size_bytes` asks for more.
fn write_segment(
    cluster: &[u8],
    size_bytes: u64,
    index: u32,
    write: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<u64> {
    let body = body_of(cluster);
    let filled = (CLUSTER_HEAD_BYTES + body.len()) as u64 + VOID_HEAD_BYTES;
    let Some(mut noise_bytes) = size_bytes.checked_sub(filled) else {
        write(cluster)?;
        return Ok(cluster.len() as u64);
    };
    write(&cluster[..4])?;
    write(&wide(body.len() as u64 + VOID_HEAD_BYTES + noise_bytes))?;
    write(body)?;
    write(&[0xEC])?;
    write(&wide(noise_bytes))?;
    let mut noise = seed_of(index);
    let mut block = vec![0; BLOCK_BYTES];
    while noise_bytes > 0 {
        fill(&mut noise, &mut block);
        let now = noise_bytes.min(BLOCK_BYTES as u64);
        write(&block[..now as usize])?;
        noise_bytes -= now;
    }
    Ok(size_bytes)
}

/// Returns the first bytes of the noise in a segment that is filled up, by which it can be found anywhere.
pub fn noise_of(index: u32) -> [u8; 64] {
    let mut bytes = [0; 64];
    fill(&mut seed_of(index), &mut bytes);
    bytes
}

fn seed_of(index: u32) -> u64 {
    0x9E37_79B9_7F4A_7C15 ^ u64::from(index + 1)
}

/// xorshift64: all parts differ, and none can be compressed.
fn fill(noise: &mut u64, block: &mut [u8]) {
    for eight in block.chunks_exact_mut(8) {
        *noise ^= *noise << 13;
        *noise ^= *noise >> 7;
        *noise ^= *noise << 17;
        eight.copy_from_slice(&noise.to_le_bytes());
    }
}

/// Returns the body behind id and size. The first byte of the size gives its length.
fn body_of(cluster: &[u8]) -> &[u8] {
    let size_len = cluster[4].leading_zeros() as usize + 1;
    &cluster[4 + size_len..]
}

/// Returns an EBML size of eight bytes.
fn wide(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

fn write_durably<T>(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut File) -> std::io::Result<T>,
) -> Result<T> {
    let part = folder.join(format!("{name}{PART_SUFFIX}"));
    let mut file = File::create(&part).with_context(|| part.display().to_string())?;
    let written = write(&mut file)?;
    file.sync_all()?;
    rename_durably(&part, &folder.join(name))?;
    Ok(written)
}

/// Hashes a file that may be too large for memory. Returns its size and digest.
pub fn sha256_of(mut bytes: impl Read) -> Result<(u64, [u8; 32])> {
    let mut hash = Sha256::new();
    let mut size_bytes = 0;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match bytes.read(&mut block)? {
            0 => return Ok((size_bytes, hash.finalize().into())),
            count => {
                hash.update(&block[..count]);
                size_bytes += count as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_of_the_size_that_is_asked_for_and_whole() {
        let clip = Clip { frames: vec![vec![1; 50], vec![2; 20]] };
        for (asked, want) in [(0, None), (50, None), (100_000, Some(100_000))] {
            let cluster = clip.cluster(3);
            let mut bytes = Vec::new();
            let size = write_segment(&cluster, asked, 3, &mut |more| {
                bytes.extend_from_slice(more);
                Ok(())
            })
            .unwrap();
            assert_eq!(size, want.unwrap_or(cluster.len() as u64));
            assert_eq!(size, bytes.len() as u64);
            let found = snaplark_formats::webm::index(&bytes).unwrap();
            let [cluster] = found.clusters.as_slice() else { panic!("{found:?}") };
            assert_eq!((cluster.offset, cluster.size), (0, size));
            assert_eq!((cluster.start_ms, cluster.end_ms), (6_000, 8_000));
            assert!(cluster.starts_with_keyframe);
        }
    }
}
