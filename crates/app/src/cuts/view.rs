//! View types of the recording editor: what it shows and saves.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use snaplark_core::edit::{Area, Chapter, Cover, CoverStyle, Edit};
use snaplark_core::render::ExportFormat;
use ts_rs::TS;

use crate::view::{IssueView, JobView, MediaView, RecordingState, UploadProgress};

/// A recording in the editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CutView {
    /// The item's id.
    pub id: String,
    /// The title.
    pub title: String,
    /// The length of the source. Pauses are not in it.
    #[ts(type = "number")]
    pub duration_ms: u64,
    /// The width of the source, in whose pixels the areas of covers are.
    pub width: u32,
    /// The height of the source.
    pub height: u32,
    /// The frame rate that was asked for. Pictures that equal the one before them are left out of the source.
    pub fps: u32,
    /// The source has a sound track.
    pub has_sound: bool,
    /// The facts that a player has to know before it reads.
    pub media: MediaView,
    /// The address at which the source is served as one file. `None`: it is played piece by piece.
    pub file: Option<String>,
    /// The problems that did not end the recording, and their ends, in order.
    pub issues: Vec<IssueView>,
    /// The edit. `None`: nothing was cut yet, or `isOfNewerForm`.
    pub edit: Option<CutEdit>,
    /// Counts the times that the edit was saved; 0 if it never was. Saving names the one that it replaces.
    pub revision: u32,
    /// The edit was made with a newer version of Snaplark. It is kept, and must not be saved over.
    pub is_of_newer_form: bool,
    /// The link, if it is known.
    pub link: Option<String>,
    /// The state of the recording on its way to the link.
    pub state: RecordingState,
    /// The progress of its upload, if it has one.
    pub upload: Option<UploadProgress>,
    /// The state of the edit on its way to the link.
    pub publish: PublishView,
    /// Its exports, and its publishing while that renders; oldest first.
    pub jobs: Vec<JobView>,
}

/// Says how far an edit is on its way to the recording's link. The progress of the upload is that of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PublishView {
    /// The effect of publishing.
    pub way: PublishWay,
    /// The version that was published last, or is on its way. `None`: no edit ever was.
    pub version: Option<u32>,
    /// The link shows that version; without one, the recording as it is.
    pub is_shown: bool,
    /// That version, or without one the recording as it is, shows the edit as it is now.
    pub is_current: bool,
    /// That version shows all of the recording, without covers and chapters.
    pub is_original: bool,
    /// How long that version is.
    #[ts(type = "number | null")]
    pub duration_ms: Option<u64>,
    /// How many bytes were sent for that version.
    #[ts(type = "number")]
    pub sent_bytes: u64,
}

/// Says what publishing an edit does, by what the recording's server supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum PublishWay {
    /// There is no server: nothing is uploaded.
    None,
    /// The same link shows the edit.
    SameLink,
    /// The edit becomes a recording of its own, with a new link.
    NewLink,
    /// The server was not reached since the start.
    Unknown,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum CutFormat {
    /// VP9 and Opus, as recorded.
    Webm,
    /// H.264 and AAC.
    Mp4,
    /// An animation of 255 colors.
    Gif,
    /// An animation.
    Webp,
    /// A folder with each frame.
    Png,
    /// The sound, as recorded.
    Opus,
    /// The sound, uncompressed.
    Wav,
}

impl CutFormat {
    pub(crate) fn format(self) -> ExportFormat {
        match self {
            CutFormat::Webm => ExportFormat::Webm,
            CutFormat::Mp4 => ExportFormat::Mp4,
            CutFormat::Gif => ExportFormat::Gif,
            CutFormat::Webp => ExportFormat::Webp,
            CutFormat::Png => ExportFormat::Png,
            CutFormat::Opus => ExportFormat::Opus,
            CutFormat::Wav => ExportFormat::Wav,
        }
    }

    /// Returns the ending of its files' names; `None` for a folder.
    pub fn ending(self) -> Option<&'static str> {
        match self {
            CutFormat::Webm => Some("webm"),
            CutFormat::Mp4 => Some("mp4"),
            CutFormat::Gif => Some("gif"),
            CutFormat::Webp => Some("webp"),
            CutFormat::Png => None,
            CutFormat::Opus => Some("opus"),
            CutFormat::Wav => Some("wav"),
        }
    }
}

/// An edit of a recording: what is cut out and covered, and its chapters. All times are of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CutEdit {
    /// The stretches that stay, in playing order, without overlap. Two that touch are one that was split.
    pub keep: Vec<KeptSpan>,
    /// The areas that are hidden.
    pub covers: Vec<CoverView>,
    /// The chapters, by their starts.
    pub chapters: Vec<ChapterView>,
}

/// A stretch of the source that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeptSpan {
    /// Its first millisecond.
    #[ts(type = "number")]
    pub start_ms: u64,
    /// The millisecond after its last.
    #[ts(type = "number")]
    pub end_ms: u64,
}

/// An area of the picture that is hidden for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CoverView {
    /// The area, in pixels of the source.
    pub area: Area,
    /// Its first millisecond.
    #[ts(type = "number")]
    pub start_ms: u64,
    /// The millisecond after its last.
    #[ts(type = "number")]
    pub end_ms: u64,
    /// The look of its place.
    pub look: CoverLook,
}

/// The look of something that is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum CoverLook {
    /// Black.
    Solid,
    /// The colors of the area's rim, blurred.
    Blurred,
}

/// A chapter of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChapterView {
    /// Its start.
    #[ts(type = "number")]
    pub start_ms: u64,
    /// Its title.
    pub title: String,
}

impl CutEdit {
    /// Returns the view of a stored edit; `None` for one of a picture.
    pub(crate) fn of(edit: &Edit) -> Option<Self> {
        let Edit::Cuts { keep, covers, chapters } = edit else { return None };
        let span = |range: &Range<u64>| KeptSpan { start_ms: range.start, end_ms: range.end };
        let chapter = |chapter: &Chapter| ChapterView {
            start_ms: chapter.start_ms,
            title: chapter.title.clone(),
        };
        Some(CutEdit {
            keep: keep.iter().map(span).collect(),
            covers: covers.iter().map(CoverView::of).collect(),
            chapters: chapters.iter().map(chapter).collect(),
        })
    }

    /// Returns the edit as it is stored.
    pub(crate) fn into_edit(self) -> Edit {
        let chapter = |ChapterView { start_ms, title }: ChapterView| Chapter { start_ms, title };
        Edit::Cuts {
            keep: self.keep.into_iter().map(|span| span.start_ms..span.end_ms).collect(),
            covers: self.covers.into_iter().map(CoverView::into_cover).collect(),
            chapters: self.chapters.into_iter().map(chapter).collect(),
        }
    }
}

impl CoverView {
    fn of(cover: &Cover) -> Self {
        CoverView {
            area: cover.area,
            start_ms: cover.during_ms.start,
            end_ms: cover.during_ms.end,
            look: match cover.style {
                CoverStyle::Solid => CoverLook::Solid,
                CoverStyle::Blurred => CoverLook::Blurred,
            },
        }
    }

    fn into_cover(self) -> Cover {
        Cover {
            area: self.area,
            during_ms: self.start_ms..self.end_ms,
            style: match self.look {
                CoverLook::Solid => CoverStyle::Solid,
                CoverLook::Blurred => CoverStyle::Blurred,
            },
        }
    }
}
