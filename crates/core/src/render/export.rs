//! Cuts and exports: what a renderer is asked for, and what it answers. Types only.

use std::path::PathBuf;
use std::str::FromStr;

use crate::cut::CutPlan;

/// The pieces of a cut that were encoded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutFiles {
    /// The output, piece by piece.
    pub plan: CutPlan,
    /// A file for each rendered piece, in the order of the output.
    pub files: Vec<PieceFile>,
}

/// The file of a rendered piece: one WebM cluster at its time of the output, without an init. It begins with a
/// keyframe and states its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceFile {
    /// The place of the piece in `CutPlan::pieces`.
    pub piece: usize,
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
}

/// How a recording is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    /// The format of the result.
    pub format: ExportFormat,
    /// The most pictures a second. `None` takes the format's own: all pictures, or 12 for animations.
    pub fps: Option<u32>,
    /// The width in pixels, to which larger pictures are scaled down.
    pub width: Option<u32>,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// A WebM file of the edit. Only what is at a cut or under a cover is encoded again.
    Webm,
    /// MP4 with H.264 and AAC, whose index is at its beginning.
    Mp4,
    /// An animated GIF, without sound.
    Gif,
    /// An animated WebP, without sound.
    Webp,
    /// A folder of PNG pictures.
    Png,
    /// The sound alone, as Opus in Ogg. Only what is at a cut is encoded again.
    Opus,
    /// The sound alone, as WAV.
    Wav,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [ExportFormat; 7] = [
        ExportFormat::Webm,
        ExportFormat::Mp4,
        ExportFormat::Gif,
        ExportFormat::Webp,
        ExportFormat::Png,
        ExportFormat::Opus,
        ExportFormat::Wav,
    ];

    /// Returns its name, which is also the ending of its files. The result of `png` is a folder.
    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Webm => "webm",
            ExportFormat::Mp4 => "mp4",
            ExportFormat::Gif => "gif",
            ExportFormat::Webp => "webp",
            ExportFormat::Png => "png",
            ExportFormat::Opus => "opus",
            ExportFormat::Wav => "wav",
        }
    }

    /// Returns whether it has pictures.
    pub fn has_pictures(self) -> bool {
        !matches!(self, ExportFormat::Opus | ExportFormat::Wav)
    }
}

impl FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = ExportFormat::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| {
            let names = ExportFormat::ALL.map(ExportFormat::name).join(", ");
            format!("expected one of {names}")
        })
    }
}
