//! Looks at a file before it is brought in: what it is by its content, and whether a destination can make a video of
//! it. Reads a bounded part of it, whatever its size is, and never waits for a pipe.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use snaplark_api::limits;
use snaplark_core::policy;
use snaplark_formats::mp4::{Mp4Error, Mp4Step, Walk};
use snaplark_formats::sniff::MediaKind;
use snaplark_formats::webm;

use crate::pictures::check_size;

/// The bytes of a WebM or Matroska that are read to find its tracks. Fonts that are attached before them may need
/// more; the file is taken then, and the server finds out.
const HEAD_BYTES: u64 = 1024 * 1024;

/// Why a file can't be brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileRefusal {
    /// There is no such file.
    Missing,
    /// It is a folder.
    Folder,
    /// It is a pipe, a socket or a device.
    NotAFile,
    /// It is a link that leads to itself.
    LinkLoop,
    /// The person may not read it.
    Forbidden,
    /// The disk can't read it.
    Unreadable,
    /// Its name is not text.
    BadName,
    /// It has no bytes.
    Empty,
    /// Its content is none of the known types.
    OtherType,
    /// It is an animation with more frames, or larger ones, than can be shown.
    AnimationTooLarge,
    /// It is a picture with more bytes or pixels than can be opened.
    PictureTooLarge,
    /// It ends before its index.
    CutOff,
    /// It has sound alone.
    NoPicture,
    /// It is above the size of every destination.
    TooLarge,
}

impl FileRefusal {
    /// Returns the sentence for people, without its full stop.
    pub fn words(self) -> &'static str {
        match self {
            FileRefusal::Missing => "There is no such file. Check its name and folder",
            FileRefusal::Folder => "It is a folder. Choose the files in it",
            FileRefusal::NotAFile => {
                "It is a pipe, a socket or a device. Save its content as a file first"
            }
            FileRefusal::LinkLoop => {
                "It is a link that leads back to itself. Choose the file that it should lead to"
            }
            FileRefusal::Forbidden => {
                "You don't have permission to open it. Change its permissions, or ask its owner for access"
            }
            FileRefusal::Unreadable => "The disk can't read it. Copy it to another disk",
            FileRefusal::BadName => {
                "Its name or folder contains characters that are not text. Rename it"
            }
            FileRefusal::Empty => "It is empty. Copy or download it again",
            FileRefusal::OtherType => {
                "It is neither a video (MP4, MOV, M4V, WebM, MKV) nor a picture (PNG, JPEG, WebP, GIF), whatever its name says. Convert it first"
            }
            FileRefusal::AnimationTooLarge => {
                "It has more frames, or larger ones, than can be shown. Export it shorter or smaller, or as a video"
            }
            FileRefusal::PictureTooLarge => {
                "It is a picture with more than 100 MB or 67 megapixels. Export it smaller"
            }
            FileRefusal::CutOff => "It is incomplete or damaged. Copy or download it again",
            FileRefusal::NoPicture => {
                "It contains only sound or data. Choose a file with a video or a picture"
            }
            FileRefusal::TooLarge => {
                "It is larger than any server takes. Cut it, or export it smaller"
            }
        }
    }

    /// Returns the name of the reason, as windows and JSON have it.
    pub fn name(self) -> &'static str {
        match self {
            FileRefusal::Missing => "missing",
            FileRefusal::Folder => "folder",
            FileRefusal::NotAFile => "not-a-file",
            FileRefusal::LinkLoop => "link-loop",
            FileRefusal::Forbidden => "forbidden",
            FileRefusal::Unreadable => "unreadable",
            FileRefusal::BadName => "bad-name",
            FileRefusal::Empty => "empty",
            FileRefusal::OtherType => "other-type",
            FileRefusal::AnimationTooLarge => "animation-too-large",
            FileRefusal::PictureTooLarge => "picture-too-large",
            FileRefusal::CutOff => "cut-off",
            FileRefusal::NoPicture => "no-picture",
            FileRefusal::TooLarge => "too-large",
        }
    }

    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => FileRefusal::Missing,
            ErrorKind::PermissionDenied => FileRefusal::Forbidden,
            ErrorKind::IsADirectory => FileRefusal::Folder,
            // ErrorKind::FilesystemLoop is not stable.
            #[cfg(unix)]
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                FileRefusal::LinkLoop
            }
            _ => FileRefusal::Unreadable,
        }
    }
}

/// The kind of a file, as its content shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inspected {
    pub media: MediaKind,
    pub stamp: FileStamp,
    pub facts: VideoFacts,
}

/// The facts that a video's header states. 0 is what it doesn't say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VideoFacts {
    pub duration_ms: u64,
    pub width: u32,
    pub height: u32,
}

/// Tells whether a file is still the one that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    pub size_bytes: u64,
    pub modified_ns: i64,
}

impl FileStamp {
    pub(crate) fn of(file: &Metadata) -> io::Result<Self> {
        let modified_ns = match file.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before)
            }
        };
        Ok(FileStamp { size_bytes: file.len(), modified_ns })
    }
}

/// Opens a regular file, following links. Never waits: a pipe of that name is refused.
pub(crate) fn open(path: &Path) -> Result<(File, FileStamp), FileRefusal> {
    let refused = |error: io::Error| FileRefusal::of(&error);
    // Before it is opened, since opening some devices does something.
    let found = std::fs::metadata(path).map_err(refused)?;
    check_regular(&found)?;
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let nonblocking = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(nonblocking.bits().cast_signed());
    }
    let file = options.open(path).map_err(refused)?;
    let found = file.metadata().map_err(refused)?;
    check_regular(&found)?;
    let stamp = FileStamp::of(&found).map_err(refused)?;
    Ok((file, stamp))
}

fn check_regular(found: &Metadata) -> Result<(), FileRefusal> {
    match (found.is_dir(), found.is_file()) {
        (true, _) => Err(FileRefusal::Folder),
        (false, true) => Ok(()),
        (false, false) => Err(FileRefusal::NotAFile),
    }
}

/// Looks at a file.
pub(crate) fn inspect(path: &Path) -> Result<Inspected, FileRefusal> {
    if path.to_str().is_none() {
        return Err(FileRefusal::BadName);
    }
    let (mut file, stamp) = open(path)?;
    if stamp.size_bytes == 0 {
        return Err(FileRefusal::Empty);
    }
    if stamp.size_bytes > policy::FILE_BYTES_MAX {
        return Err(FileRefusal::TooLarge);
    }
    let head = read_at(&mut file, 0, HEAD_BYTES)?;
    let media = MediaKind::of_bytes(&head).ok_or(FileRefusal::OtherType)?;
    let (media, facts) = match media {
        MediaKind::Webm | MediaKind::Mkv => of_matroska(&head, stamp.size_bytes)?,
        MediaKind::Mp4 | MediaKind::Mov => (media, of_mp4(&mut file, stamp.size_bytes)?),
        // Whether an animation is whole and of a fit size is found out when it is read (`crate::pictures`).
        MediaKind::Png | MediaKind::Jpeg | MediaKind::Webp | MediaKind::Gif => {
            check_size(stamp.size_bytes).map_err(|_| FileRefusal::PictureTooLarge)?;
            (media, VideoFacts::default())
        }
        MediaKind::Unknown => return Err(FileRefusal::OtherType),
    };
    Ok(Inspected { media, stamp, facts })
}

fn of_matroska(head: &[u8], size_bytes: u64) -> Result<(MediaKind, VideoFacts), FileRefusal> {
    let is_webm = head.windows(4).take(64).any(|four| four == b"webm");
    let media = if is_webm { MediaKind::Webm } else { MediaKind::Mkv };
    match webm::read_init(head) {
        // Nothing follows its header.
        Ok(init) if init.len_bytes as u64 >= size_bytes => Err(FileRefusal::CutOff),
        Ok(init) => {
            let video = init.tracks.video;
            let duration_ms = init.duration_ms.map_or(0, bounded);
            let facts = VideoFacts { duration_ms, width: video.width, height: video.height };
            Ok((media, facts))
        }
        Err(_) if !is_matroska(head) => Err(FileRefusal::OtherType),
        Err(webm::WebmError::Missing("video track")) => Err(FileRefusal::NoPicture),
        // Its header is larger, or has times that a recording of ours never has.
        Err(error) if size_bytes > head.len() as u64 || is_unusual(&error) => {
            Ok((media, VideoFacts::default()))
        }
        Err(_) => Err(FileRefusal::CutOff),
    }
}

fn is_unusual(error: &webm::WebmError) -> bool {
    matches!(error, webm::WebmError::OtherTimescale(_))
}

/// Returns whether an EBML header names the one or the other. Other formats begin with EBML as well.
fn is_matroska(head: &[u8]) -> bool {
    let names = |name: &[u8]| head.windows(name.len()).take(64).any(|bytes| bytes == name);
    names(b"webm") || names(b"matroska")
}

fn of_mp4(file: &mut File, size_bytes: u64) -> Result<VideoFacts, FileRefusal> {
    let mut walk = Walk::new(size_bytes);
    loop {
        let wants = walk.wants();
        let bytes = read_at(file, wants.start, wants.end - wants.start)?;
        match walk.step(&bytes) {
            Ok(Mp4Step::On) => {}
            Ok(Mp4Step::Done(told)) => {
                let duration_ms = bounded(told.duration_ms);
                return Ok(VideoFacts { duration_ms, width: told.width, height: told.height });
            }
            Err(Mp4Error::NoPicture) => return Err(FileRefusal::NoPicture),
            Err(Mp4Error::NoIndex | Mp4Error::Truncated | Mp4Error::NotFragments) => {
                return Err(FileRefusal::CutOff);
            }
        }
    }
}

/// Returns a length that a video can have; 0 for one that is made up.
fn bounded(duration_ms: u64) -> u64 {
    if duration_ms > limits::TIME_MS_MAX { 0 } else { duration_ms }
}

fn read_at(file: &mut File, at: u64, count: u64) -> Result<Vec<u8>, FileRefusal> {
    let refused = |error: io::Error| FileRefusal::of(&error);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(refused)?;
    file.take(count).read_to_end(&mut bytes).map_err(refused)?;
    Ok(bytes)
}
