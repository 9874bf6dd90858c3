//! The port between the app and a renderer: the crate `render` in the product, fakes in tests. Types only.
//!
//! A renderer makes new files or pictures out of a recording's segments, and pictures out of a picture and its
//! drawing. It never changes what it reads.

use std::fmt::Debug;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use thiserror::Error;

use crate::capture::SealedSegment;
use crate::edit::{Area, BadDrawing, BadEdit, Drawing, Edit};

mod export;

pub use export::{CutFiles, ExportFormat, ExportOptions, PieceFile};

/// The most pixels of a picture that is opened: six displays of 3840x2160, or a photo of 64 megapixels. While it
/// is drawn, each takes about ten bytes.
pub const PICTURE_PIXELS_MAX: u64 = 64 * 1024 * 1024;
/// The most frames of an animation: eleven minutes at 30 pictures a second. Whoever shows it decodes them again with each
/// repetition.
pub const ANIMATION_FRAMES_MAX: u64 = 20_000;
/// The most pixels of all frames together: 4,000 frames of Full HD.
pub const ANIMATION_PIXELS_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// The longest side of a picture that is opened.
pub const PICTURE_SIDE_PX_MAX: u32 = 32_768;

/// The length of sound that one peak of a waveform stands for: more peaks than a timeline has pixels, until a second
/// is wider than a thumb.
pub const PEAK_MS: u64 = 50;

/// Renders what a recipe describes. All methods block: callers run them on a thread of their own.
pub trait Render: Send + Sync {
    /// Returns the first picture of a segment, scaled down. Takes some ten milliseconds.
    fn still(&self, init: &[u8], segment: &[u8]) -> Result<Still, RenderError>;

    /// Writes the file that the recipe describes and returns its path. The file is complete and durable
    /// then; after an error, or when `progress` was cancelled, nothing of it is left.
    fn render(
        &self,
        recipe: &Recipe<'_>,
        progress: &RenderProgress,
    ) -> Result<PathBuf, RenderError>;

    /// Encodes the pieces of a cut that can't stay as they are, and writes each into a file of `folder`, which is
    /// created if it is missing. Reads only the segments at a cut or under a cover, and their neighbors. After an
    /// error, or when `progress` was cancelled, no file is left.
    fn cut(
        &self,
        segments: &dyn SegmentReader,
        edit: &Edit,
        folder: &Path,
        progress: &RenderProgress,
    ) -> Result<CutFiles, RenderError> {
        let _ = (segments, edit, folder, progress);
        Err(RenderError::NotEncoded { reason: "this renderer cuts nothing".to_owned() })
    }

    /// Returns the first segment of a recording that is appended to another one, with its sound joined to the last
    /// segment of that one, `before`, so that nothing clicks. The pictures' bytes stay, and `before` isn't changed. Both
    /// are at their times of the longer recording. `None`: there is nothing to join, or this renderer joins no sound.
    fn joined(
        &self,
        init: &[u8],
        before: &[u8],
        segment: &[u8],
    ) -> Result<Option<Vec<u8>>, RenderError> {
        let _ = (init, before, segment);
        Ok(None)
    }

    /// Estimates the size of an export in bytes, for GIF and WebP from samples of the recording.
    fn export_size(
        &self,
        segments: &dyn SegmentReader,
        edit: Option<&Edit>,
        options: &ExportOptions,
    ) -> Result<u64, RenderError> {
        let _ = (segments, edit, options);
        Err(RenderError::NotEncoded { reason: "this renderer exports nothing".to_owned() })
    }

    /// Returns the picture that the recipe describes, as a file without metadata.
    fn picture(
        &self,
        recipe: &PictureRecipe<'_>,
        progress: &RenderProgress,
    ) -> Result<Vec<u8>, RenderError>;

    /// Returns a JPEG of the picture with its drawing, whose longest side has at most this many pixels.
    fn thumbnail(
        &self,
        source: &[u8],
        drawing: &Drawing,
        longest_side_px: u32,
    ) -> Result<Vec<u8>, RenderError>;

    /// Returns how loud a stretch of a recording is: one peak for each [`PEAK_MS`], 0 to 255. `clusters` are the
    /// segments of that stretch in a row, with times of the recording. Nothing for a recording without sound, and
    /// from renderers that decode none.
    fn waveform(
        &self,
        init: &[u8],
        clusters: &[u8],
        during_ms: Range<u64>,
    ) -> Result<Vec<u8>, RenderError> {
        let _ = (init, clusters, during_ms);
        Ok(Vec::new())
    }

    /// Returns width and height of a picture as it is shown. Decodes no pixels.
    fn picture_size(&self, source: &[u8]) -> Result<(u32, u32), RenderError>;

    /// Reads text and QR codes from a picture or from an area of it. Where the picture has a drawing, the
    /// rendered picture is given, so that nothing is read that is covered.
    fn recognize(
        &self,
        picture: &[u8],
        area: Option<Area>,
        languages: &[TextLanguage],
    ) -> Result<Recognized, RecognizeError>;
}

/// A picture to render.
#[derive(Clone, Copy, Debug)]
pub struct PictureRecipe<'a> {
    /// The original: PNG, JPEG, WebP or GIF. Of an animation, the first frame is rendered.
    pub source: &'a [u8],
    /// The drawing on it.
    pub drawing: &'a Drawing,
    /// The format of the result.
    pub format: PictureFormat,
}

/// The format of a rendered picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// PNG.
    Png,
    /// JPEG; what is transparent becomes white.
    Jpeg {
        /// 1 to 100.
        quality: u8,
    },
    /// WebP without loss.
    WebpLossless,
}

/// A language of text that is to be recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextLanguage {
    /// English.
    English,
    /// German.
    German,
    /// Arabic.
    Arabic,
}

/// The text and the codes of a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognized {
    /// The text, line by line, without spaces at its ends. Empty if there is none.
    pub text: String,
    /// The contents of the QR codes, from the top down.
    pub codes: Vec<String>,
    /// The packages to install so that more is read: the engine, or the data of a language that was asked for. Names of
    /// packages, separated by spaces.
    pub install: Option<String>,
}

/// Why nothing was recognized.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecognizeError {
    /// No engine, or no data of any of the languages, is installed; and there is no QR code.
    #[error("Text recognition is not installed. Install {install}")]
    NoEngine {
        /// Names of packages, separated by spaces.
        install: String,
    },
    /// The picture can't be read.
    #[error(transparent)]
    Picture(#[from] RenderError),
    /// The engine failed.
    #[error("Text recognition failed: {reason}")]
    Failed {
        /// The engine's reason.
        reason: String,
    },
}

/// A file to render.
#[derive(Clone, Copy, Debug)]
pub enum Recipe<'a> {
    /// The person's own file: all segments as they are, in one seekable file. If the name is taken by
    /// other bytes, the file is called `<name> (2)`, and so on.
    OwnFile {
        /// The recording's bytes.
        segments: &'a dyn SegmentReader,
        /// The folder of the file; it is created if it is missing.
        folder: &'a Path,
        /// The file's name, without an extension.
        name: &'a str,
    },
    /// A file of another format, or the edit as a file of its own. If the name is taken, the file is called
    /// `<name> (2)`, and so on.
    Export {
        /// The recording's bytes.
        segments: &'a dyn SegmentReader,
        /// The edit: what is kept and covered. `None` keeps all of it.
        edit: Option<&'a Edit>,
        /// The format, and how it is made.
        options: &'a ExportOptions,
        /// The file, or the folder of PNG pictures.
        file: &'a Path,
        /// A folder on the same file system that isn't there yet. What is not complete is in it, so whoever asks
        /// for the export can remove it after a crash.
        part: &'a Path,
    },
}

/// A recording's bytes, checked against their hashes as they are read.
pub trait SegmentReader: Debug + Sync {
    /// Returns the init.
    fn init(&self) -> &[u8];

    /// Returns the segments in their order.
    fn list(&self) -> Vec<SealedSegment>;

    /// Reads a segment. Fails if it does not have the bytes that were sealed.
    fn read(&self, index: u32) -> io::Result<Vec<u8>>;

    /// Returns the error for segments that could not be read: damaged, or out of reach as a whole.
    fn refusal(&self, unread: Vec<u32>) -> RenderError;
}

/// How far a rendering is, and whether it is still wanted. Shared by whoever renders and whoever shows it.
#[derive(Debug, Default)]
pub struct RenderProgress {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

impl RenderProgress {
    /// Notes that `done` of `total` is finished, in any unit.
    pub fn advance(&self, done: u64, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(done, Ordering::Relaxed);
    }

    /// Returns the finished share in thousandths; 0 before the first step.
    pub fn thousandths(&self) -> u64 {
        let total = self.total.load(Ordering::Relaxed);
        let done = u128::from(self.done.load(Ordering::Relaxed));
        (done * 1_000).checked_div(u128::from(total)).map_or(0, |share| share.min(1_000) as u64)
    }

    /// Asks the renderer to end. It does so at its next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Returns whether the rendering is no longer wanted.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// A recording's thumbnail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// The picture.
    pub jpeg: Vec<u8>,
    /// True if the picture is nearly all of one color, so that another one is more useful.
    pub blank: bool,
}

/// Why nothing was rendered. The recording's segments are as they were.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// The segment can't be decoded.
    #[error("No picture can be made of it: {reason}")]
    NoStill {
        /// The decoder's reason.
        reason: String,
    },
    /// The recording's folder is out of reach.
    #[error("The recording's files can't be read: {reason}")]
    Unreadable {
        /// The system's reason.
        reason: String,
    },
    /// The sound can't be decoded.
    #[error("No waveform can be made of it: {reason}")]
    NoWaveform {
        /// The decoder's reason.
        reason: String,
    },
    /// Some segments are damaged and have to be repaired first.
    #[error("segments {0:?} of the recording are damaged")]
    Damaged(Vec<u32>),
    /// The bytes are whole, but they are not a recording.
    #[error("the recording's files are damaged: {reason}")]
    Malformed {
        /// The problem.
        reason: String,
    },
    /// The target can't be written.
    #[error("{path} can't be written: {reason}")]
    Unwritable {
        /// The file or folder that was to be written.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The bytes are no PNG, JPEG, WebP or GIF, or they are damaged.
    #[error("This is not a picture that can be opened: {reason}")]
    NotAPicture {
        /// The decoder's reason.
        reason: String,
    },
    /// The picture, before or after drawing, is larger than [`PICTURE_PIXELS_MAX`] or [`PICTURE_SIDE_PX_MAX`].
    #[error("A picture of {width} x {height} pixels is too large")]
    PictureTooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// The crop lies outside of the picture.
    #[error("The crop lies outside of the picture")]
    EmptyCrop,
    /// The drawing is out of bounds.
    #[error("The drawing is refused: {0}")]
    Drawing(#[from] BadDrawing),
    /// The picture can't be encoded.
    #[error("The picture can't be written: {reason}")]
    NotEncoded {
        /// The encoder's reason.
        reason: String,
    },
    /// An encoder that the format needs is not installed.
    #[error("There is no encoder for {format} on this computer. Install {install}")]
    NoEncoder {
        /// The format that can't be encoded.
        format: String,
        /// Names of packages.
        install: String,
    },
    /// The result doesn't fit on the disk.
    #[error("About {needed_bytes} bytes are needed, and {free_bytes} are free")]
    NoSpace {
        /// About how large the result is.
        needed_bytes: u64,
        /// The free space of its folder.
        free_bytes: u64,
    },
    /// Sound was asked for, and the recording has none.
    #[error("The recording has no sound")]
    Silent,
    /// The edit doesn't fit the recording.
    #[error("The edit is refused: {0}")]
    Edit(#[from] BadEdit),
    /// It was cancelled.
    #[error("It was cancelled. Nothing was written")]
    Cancelled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_a_share_whatever_the_unit() {
        let progress = RenderProgress::default();
        assert_eq!(progress.thousandths(), 0);
        progress.advance(1, 4);
        assert_eq!(progress.thousandths(), 250);
        progress.advance(u64::MAX, u64::MAX);
        assert_eq!(progress.thousandths(), 1_000);
        progress.advance(5, 4);
        assert_eq!(progress.thousandths(), 1_000);
    }
}
