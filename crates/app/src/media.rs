//! A recording's media as a window shows it: a still for its card, and its segments one by one for a
//! player. They are read from the segment files, or, if those have been deleted, from the person's own
//! file, which holds the same bytes in the same order.
//!
//! The still is made when it is first asked for and kept beside the segments. Making it never delays a
//! recording: it uses only sealed segments, and runs on the caller's thread. While a recording runs, nothing that is
//! made of its segments is kept: a strike could remove the segment while it is decoded.
//!
//! A video that was brought in is one file, and has no segments. Its still is decoded in a process of its own.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use snaplark_core::capture::Capture;
use snaplark_core::render::Render;
use snaplark_core::{INIT_FILE, STILL_FILE, segment_file};
use snaplark_files as files;
use snaplark_formats::webm::AudioCodec;
use snaplark_store::{ImportedFile, Recording, Segment};

use crate::AppError;
use crate::imports::FileSource;
use crate::view::{MediaView, PieceView};

/// The segments whose first frames are tried for the still, until one isn't blank. The very beginning often
/// shows the recorder itself, or nothing yet.
const STILL_SEGMENTS: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// How much of a file that was brought in is read at once.
const FILE_READ_BYTES: u64 = 1024 * 1024;

/// The media of one recording, made by the event loop from rows. Its reading methods block.
pub struct PlayableMedia {
    folder: PathBuf,
    file: Option<PathBuf>,
    init_bytes: u64,
    running: bool,
    cleared: bool,
    segments: Vec<Segment>,
    render: Arc<dyn Render>,
    /// Allows one still at a time, since a library that opens asks for dozens.
    making: Arc<Mutex<()>>,
    /// The segments are a preview's: their files still have the ring buffer's timestamps.
    at_other_times: bool,
    /// The video was brought in.
    imported: Option<(ImportedFile, Arc<dyn Capture>)>,
}

impl PlayableMedia {
    pub(crate) fn new(
        row: Recording,
        folder: PathBuf,
        segments: Vec<Segment>,
        render: Arc<dyn Render>,
        making: Arc<Mutex<()>>,
    ) -> Self {
        PlayableMedia {
            folder,
            file: row.file,
            init_bytes: row.init_bytes,
            running: row.running,
            cleared: row.cleared,
            segments,
            render,
            making,
            at_other_times: false,
            imported: None,
        }
    }

    /// Returns the same as the media of a file that was brought in.
    pub(crate) fn of_file(self, file: ImportedFile, capture: Arc<dyn Capture>) -> Self {
        PlayableMedia { imported: Some((file, capture)), ..self }
    }

    /// Returns the media of a preview, which is not a recording yet.
    pub(crate) fn of_preview(
        folder: PathBuf,
        segments: Vec<Segment>,
        render: Arc<dyn Render>,
        making: Arc<Mutex<()>>,
    ) -> Self {
        PlayableMedia {
            folder,
            file: None,
            init_bytes: 0,
            running: false,
            cleared: false,
            segments,
            render,
            making,
            at_other_times: true,
            imported: None,
        }
    }

    /// Returns what a player has to know before it reads.
    pub fn view(&self) -> Result<MediaView, AppError> {
        if let Some((file, _)) = &self.imported {
            check_file(file)?;
            return Ok(MediaView { mime: file.mime.clone(), pieces: Vec::new(), running: false });
        }
        let init = snaplark_formats::webm::read_init(&self.init()?);
        let tracks = init.map_err(|error| no_media(io::Error::other(error)))?.tracks;
        let codecs = match tracks.audio {
            Some(audio) if audio.codec == AudioCodec::Opus => "vp9,opus",
            Some(_) | None => "vp9",
        };
        let pieces = self.segments.iter().map(|segment| PieceView {
            start_ms: segment.start_ms,
            end_ms: segment.start_ms + segment.duration_ms,
        });
        Ok(MediaView {
            mime: format!("video/webm; codecs=\"{codecs}\""),
            pieces: pieces.collect(),
            running: self.running,
        })
    }

    /// Reads the init.
    pub fn init(&self) -> Result<Vec<u8>, AppError> {
        self.read(INIT_FILE, 0, self.init_bytes)
    }

    /// Returns a piece by its index in the view. Its frames carry their durations.
    pub fn piece(&self, index: usize) -> Result<Vec<u8>, AppError> {
        let Some(segment) = self.segments.get(index) else {
            return Err(no_media(io::ErrorKind::NotFound.into()));
        };
        let bytes = self.segment_bytes(index)?;
        let next_ms = self.segments.get(index + 1).map(|next| next.start_ms);
        let end_ms = next_ms.unwrap_or(segment.start_ms + segment.duration_ms);
        snaplark_formats::webm::with_durations(&bytes, Some(end_ms))
            .map_err(|error| no_media(io::Error::other(error)))
    }

    /// Returns the sealed segments as one seekable file, even while more segments are added.
    pub fn whole(self) -> Result<WholeMedia, AppError> {
        if let Some((file, _)) = &self.imported {
            check_file(file)?;
            return Ok(WholeMedia { media: self, head: Vec::new(), cues: Vec::new() });
        }
        let clusters: Vec<_> = self.segments.iter().map(crate::finish::as_cluster).collect();
        let finished = snaplark_formats::webm::finish(&self.init()?, &clusters)
            .map_err(|error| no_media(io::Error::other(error)))?;
        Ok(WholeMedia { media: self, head: finished.head, cues: finished.cues })
    }

    fn segment_bytes(&self, index: usize) -> Result<Vec<u8>, AppError> {
        let segment = &self.segments[index];
        let before: u64 = self.segments[..index].iter().map(|before| before.size_bytes).sum();
        let name = segment_file(segment.index);
        let mut bytes = self.read(&name, self.init_bytes + before, segment.size_bytes)?;
        if self.at_other_times {
            snaplark_formats::webm::retime(&mut bytes, segment.start_ms)
                .map_err(|error| no_media(io::Error::other(error)))?;
        }
        Ok(bytes)
    }

    /// Returns the first frame of a piece as JPEG. Of a recording it is kept in the folder, and removed with it.
    pub fn frame(&self, index: usize) -> Result<Vec<u8>, AppError> {
        let number = self.segments.get(index).map_or(0, |segment| segment.index);
        self.made_once(&format!("frame-{number:06}.jpg"), || {
            Ok(self.render.still(&self.init()?, &self.piece(index)?)?.jpeg)
        })
    }

    /// Returns the waveform of the pieces from `first` on, up to `length_ms_max`, in peaks of [`PEAK_MS`]. It is
    /// kept as the frames are, once the recording has ended.
    ///
    /// [`PEAK_MS`]: snaplark_core::render::PEAK_MS
    pub fn waveform(&self, first: usize, length_ms_max: u64) -> Result<Vec<u8>, AppError> {
        let Some(begin) = self.segments.get(first) else {
            return Err(no_media(io::ErrorKind::NotFound.into()));
        };
        let within = |segment: &&Segment| segment.start_ms < begin.start_ms + length_ms_max;
        let count = self.segments[first..].iter().take_while(within).count();
        let last = &self.segments[first + count - 1];
        let during = begin.start_ms..last.start_ms + last.duration_ms;
        self.made_once(&format!("waveform-{:06}-{count}.bin", begin.index), || {
            let mut clusters = Vec::new();
            for index in first..first + count {
                clusters.extend(self.segment_bytes(index)?);
            }
            Ok(self.render.waveform(&self.init()?, &clusters, during.clone())?)
        })
    }

    /// Returns what is kept under this name in the folder, or makes it and keeps it. A preview's is not kept, since
    /// its folder is the ring buffer's; nor is anything of a recording that runs.
    fn made_once(
        &self,
        name: &str,
        make: impl Fn() -> Result<Vec<u8>, AppError>,
    ) -> Result<Vec<u8>, AppError> {
        let keeps = !self.at_other_times && !self.running;
        let kept = self.folder.join(name);
        if keeps && let Ok(bytes) = std::fs::read(&kept) {
            return Ok(bytes);
        }
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if keeps && let Ok(bytes) = std::fs::read(&kept) {
            return Ok(bytes);
        }
        let bytes = make()?;
        if keeps && let Err(error) = self.keep(&kept, &bytes) {
            tracing::debug!(%error, name, "What was made for the editor could not be kept");
        }
        Ok(bytes)
    }

    /// Returns the recording's still as JPEG.
    pub fn still(&self) -> Result<Vec<u8>, AppError> {
        let kept = self.folder.join(STILL_FILE);
        if let Ok(jpeg) = std::fs::read(&kept) {
            return Ok(jpeg);
        }
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(jpeg) = std::fs::read(&kept) {
            return Ok(jpeg);
        }
        if let Some((file, capture)) = &self.imported {
            check_file(file)?;
            return self.still_of_file(file, &**capture, &kept);
        }
        let init = self.init()?;
        let mut chosen = None;
        for index in self.still_segments() {
            let still = self.render.still(&init, &self.piece(index)?)?;
            let blank = still.blank;
            if !blank || chosen.is_none() {
                chosen = Some(still);
            }
            if !blank {
                break;
            }
        }
        let still = chosen.ok_or_else(|| no_media(io::ErrorKind::NotFound.into()))?;
        if !self.running
            && let Err(error) = self.keep(&kept, &still.jpeg)
        {
            // The still is made again next time.
            tracing::warn!(%error, "a recording's still could not be kept");
        }
        Ok(still.jpeg)
    }

    /// Decodes a still of a file and keeps it. Of one that can't be decoded an empty one is kept, so that each is tried
    /// once.
    fn still_of_file(
        &self,
        file: &ImportedFile,
        capture: &dyn Capture,
        kept: &Path,
    ) -> Result<Vec<u8>, AppError> {
        let jpeg = capture.still_of_file(&file.path).unwrap_or_else(|error| {
            tracing::info!(%error, "A file that was brought in has no still");
            Vec::new()
        });
        if let Err(error) = self.keep(kept, &jpeg) {
            tracing::warn!(%error, "A file's still could not be kept");
        }
        Ok(jpeg)
    }

    fn still_segments(&self) -> impl Iterator<Item = usize> {
        let count = self.segments.len();
        let first = (count == 1).then_some(0);
        first.into_iter().chain(STILL_SEGMENTS).filter(move |index| *index < count)
    }

    fn keep(&self, path: &Path, jpeg: &[u8]) -> io::Result<()> {
        // The folder is not created otherwise, since that of a recording deleted in the meantime must not
        // come back.
        if self.cleared {
            files::make_folder(&self.folder)?;
        }
        // A torn picture that survives a power cut would be shown forever.
        files::write_durably(path, jpeg)
    }

    fn read(&self, name: &str, offset: u64, size_bytes: u64) -> Result<Vec<u8>, AppError> {
        match (std::fs::read(self.folder.join(name)), &self.file) {
            (Ok(bytes), _) => Ok(bytes),
            (Err(_), Some(file)) => read_range(file, offset, size_bytes).map_err(no_media),
            (Err(error), None) => Err(no_media(error)),
        }
    }
}

/// A finished head, the segments and their Cues, or a file that was brought in, for a player that reads byte ranges.
pub struct WholeMedia {
    media: PlayableMedia,
    head: Vec<u8>,
    cues: Vec<u8>,
}

impl WholeMedia {
    /// Returns the media type.
    pub fn mime(&self) -> &str {
        self.media.imported.as_ref().map_or("video/webm", |(file, _)| &file.mime)
    }

    /// Returns the size of the whole file.
    pub fn size_bytes(&self) -> u64 {
        if let Some((file, _)) = &self.media.imported {
            return file.size_bytes;
        }
        let segments: u64 = self.media.segments.iter().map(|segment| segment.size_bytes).sum();
        self.head.len() as u64 + segments + self.cues.len() as u64
    }

    /// Returns bytes from `offset` on, at most one segment's worth. Returns none at the end.
    pub fn read_at(&self, offset: u64) -> Result<Vec<u8>, AppError> {
        if let Some((file, _)) = &self.media.imported {
            let rest_bytes = file.size_bytes.saturating_sub(offset).min(FILE_READ_BYTES);
            return read_range(&file.path, offset, rest_bytes).map_err(no_media);
        }
        let rest = |bytes: &[u8], skip: u64| bytes[skip as usize..].to_vec();
        let head_bytes = self.head.len() as u64;
        if offset < head_bytes {
            return Ok(rest(&self.head, offset));
        }
        let mut start = head_bytes;
        for (index, segment) in self.media.segments.iter().enumerate() {
            if offset < start + segment.size_bytes {
                let bytes = self.media.segment_bytes(index)?;
                if bytes.len() as u64 != segment.size_bytes {
                    return Err(no_media(io::ErrorKind::UnexpectedEof.into()));
                }
                return Ok(rest(&bytes, offset - start));
            }
            start += segment.size_bytes;
        }
        let skip = (offset - start).min(self.cues.len() as u64);
        Ok(rest(&self.cues, skip))
    }
}

fn read_range(file: &Path, offset: u64, size_bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(size_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Checks that a file is there as it was brought in.
fn check_file(file: &ImportedFile) -> Result<(), AppError> {
    match FileSource::new(file).is_there() {
        true => Ok(()),
        false => Err(no_media(io::ErrorKind::NotFound.into())),
    }
}

fn no_media(error: io::Error) -> AppError {
    AppError::NoMedia { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use snaplark_core::RecordingId;
    use snaplark_core::capture::FrameCounts;
    use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};

    use super::*;
    use crate::fake_render::FakeRender;

    fn cluster(index: u64) -> Vec<u8> {
        let block = Block {
            track: Track::Video,
            time_ms: index * 2_000,
            keyframe: true,
            duration_ms: Some(2_000),
            data: vec![index as u8; 40 + index as usize],
        };
        snaplark_formats::webm::cluster(&[block]).unwrap()
    }

    struct Rig {
        home: tempfile::TempDir,
        render: Arc<FakeRender>,
    }

    impl Rig {
        fn new(blank_until_ms: u64) -> Self {
            let render = Arc::new(FakeRender::blank_until(blank_until_ms));
            Rig { home: tempfile::tempdir().unwrap(), render }
        }

        fn folder(&self) -> PathBuf {
            self.home.path().join("segments")
        }

        /// Writes `count` segments and the person's file.
        fn media(&self, count: u64, running: bool) -> PlayableMedia {
            let folder = self.folder();
            std::fs::create_dir_all(&folder).unwrap();
            let video = Video { codec: VideoCodec::Vp9, width: 640, height: 360 };
            let init = snaplark_formats::webm::init(&Tracks { video, audio: None });
            std::fs::write(folder.join(INIT_FILE), &init).unwrap();
            let segments: Vec<Segment> = (0..count)
                .map(|index| {
                    let bytes = cluster(index);
                    std::fs::write(folder.join(segment_file(index as u32)), &bytes).unwrap();
                    Segment {
                        index: index as u32,
                        size_bytes: bytes.len() as u64,
                        start_ms: index * 2_000,
                        duration_ms: 2_000,
                        sha256: sha2::Digest::finalize(
                            <sha2::Sha256 as sha2::Digest>::new_with_prefix(&bytes),
                        )
                        .into(),
                    }
                })
                .collect();
            let saved = self.home.path().join("saved");
            let clusters: Vec<_> = segments.iter().map(crate::finish::as_cluster).collect();
            let finished = snaplark_formats::webm::finish(&init, &clusters).unwrap();
            let media = (0..count).map(cluster).collect::<Vec<_>>().concat();
            let file = saved.join("mine.webm");
            std::fs::create_dir_all(&saved).unwrap();
            std::fs::write(&file, [finished.head, media, finished.cues].concat()).unwrap();
            let row = Recording {
                imported: None,
                id: RecordingId(uuid::Uuid::nil()),
                title: "Demo".into(),
                started_text: String::new(),
                started_unix_ms: 0,
                fps: 30,
                bitrate_bits: 0,
                width: 640,
                height: 360,
                init_bytes: init.len() as u64,
                running,
                end: None,
                counts: FrameCounts::default(),
                file: Some(file),
                missing_detail: None,
                cleared: false,
                segments: count as u32,
                size_bytes: 0,
                duration_ms: 0,
            };
            PlayableMedia::new(row, folder, segments, self.render.clone(), Arc::default())
        }

        fn made(&self) -> usize {
            self.render.stills.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn the_still_is_made_once_of_a_moment_after_the_first() {
        let rig = Rig::new(0);
        let media = rig.media(4, false);
        assert_eq!(media.still().unwrap(), cluster(1));
        assert_eq!(media.still().unwrap(), cluster(1));
        assert_eq!(rig.made(), 1);
    }

    #[test]
    fn what_is_blank_is_passed_over_while_there_is_more() {
        let rig = Rig::new(5_000);
        assert_eq!(rig.media(9, false).still().unwrap(), cluster(4));
        let rig = Rig::new(u64::MAX);
        assert_eq!(rig.media(3, false).still().unwrap(), cluster(1), "better than none");
        assert_eq!(Rig::new(0).media(1, false).still().unwrap(), cluster(0));
    }

    #[test]
    fn still_of_a_recording_that_runs_is_not_kept() {
        let rig = Rig::new(0);
        assert_eq!(rig.media(1, true).still().unwrap(), cluster(0));
        assert_eq!(rig.media(3, true).still().unwrap(), cluster(1));
        assert!(!rig.folder().join(STILL_FILE).exists());
        assert_eq!(rig.media(3, false).still().unwrap(), cluster(1));
        assert!(rig.folder().join(STILL_FILE).exists());
    }

    #[test]
    fn frames_and_waveforms_are_made_once_and_kept_in_the_folder() {
        let rig = Rig::new(0);
        for media in [rig.media(4, false), rig.media(4, false)] {
            assert_eq!(media.frame(2).unwrap(), cluster(2));
            assert_eq!(media.waveform(1, 4_000).unwrap(), [2, 6]);
        }
        assert_eq!(rig.made(), 2);
        let names = ["frame-000002.jpg", "waveform-000001-2.bin"];
        assert!(names.iter().all(|name| rig.folder().join(name).is_file()));
        assert_eq!(rig.media(4, true).waveform(2, 9_000).unwrap(), [4, 8]);
        assert!(matches!(rig.media(4, false).waveform(4, 1), Err(AppError::NoMedia { .. })));
    }

    #[test]
    fn frames_of_a_recording_that_runs_are_not_kept() {
        let rig = Rig::new(0);
        assert_eq!(rig.media(2, true).frame(0).unwrap(), cluster(0));
        assert!(!rig.folder().join("frame-000000.jpg").exists());
    }

    #[test]
    fn whole_media_reads_like_the_finished_file_when_read_from_any_offset() {
        let rig = Rig::new(0);
        let media = rig.media(3, true);
        let file = std::fs::read(media.file.clone().unwrap()).unwrap();
        let whole = media.whole().unwrap();
        assert_eq!(whole.size_bytes(), file.len() as u64);
        for from in 0..=file.len() {
            let mut read = Vec::new();
            while from + read.len() < file.len() {
                read.extend(whole.read_at((from + read.len()) as u64).unwrap());
            }
            assert_eq!(read, file[from..]);
        }
        assert!(whole.read_at(file.len() as u64).unwrap().is_empty());
    }

    #[test]
    fn without_segments_it_is_read_from_the_persons_own_file() {
        let rig = Rig::new(0);
        let media = rig.media(3, false);
        let view = media.view().unwrap();
        assert_eq!(view.mime, "video/webm; codecs=\"vp9\"");
        assert_eq!(
            view.pieces.last().map(|last| (last.start_ms, last.end_ms)),
            Some((4_000, 6_000))
        );
        std::fs::remove_dir_all(rig.folder()).unwrap();
        let media = PlayableMedia { cleared: true, ..media };
        for index in 0..3 {
            assert_eq!(media.piece(index).unwrap(), cluster(index as u64));
        }
        assert_eq!(media.view().unwrap().pieces, view.pieces);
        assert_eq!(media.still().unwrap(), cluster(1));
        assert!(rig.folder().join(STILL_FILE).is_file());
        assert!(matches!(media.piece(3), Err(AppError::NoMedia { .. })));
    }
}
