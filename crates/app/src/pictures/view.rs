//! View types of pictures, as windows show them.

use serde::{Deserialize, Serialize};
use snaplark_core::ItemId;
use snaplark_core::edit::Drawing;
use ts_rs::TS;

use super::animation;
use super::rows::PictureRow;
use crate::LinkReach;
use crate::view::{PlacedUpload, RecordingState, UploadProgress, WaitReason};

/// A picture in the library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PictureSummary {
    /// The item's id.
    pub id: String,
    /// True for a file that was brought in, false for a screenshot.
    pub is_imported: bool,
    /// The title.
    pub title: String,
    /// When it was taken or brought in.
    #[ts(type = "number")]
    pub started_unix_ms: i64,
    /// The width of the original.
    pub width: u32,
    /// The height of the original.
    pub height: u32,
    /// The size of the original's file.
    #[ts(type = "number")]
    pub size_bytes: u64,
    /// Where it is on its way to the link.
    pub state: RecordingState,
    /// The link, if it is known.
    pub link: Option<String>,
    /// Who can open the link; `None` without a link.
    pub link_reach: Option<LinkReach>,
    /// Something is drawn on it.
    pub is_edited: bool,
    /// It moves, as long as nothing is drawn on it.
    #[serde(default)]
    pub is_animated: bool,
    /// It was changed after it was published.
    pub has_changes: bool,
    /// The original's file is here and whole.
    pub here: bool,
    /// Changes with the drawing, so that a thumbnail is asked for again.
    pub revision: u32,
    /// The progress of its upload, if it has one.
    pub upload: Option<UploadProgress>,
    /// All of its uploads: its own first, and then those to further places.
    #[serde(default)]
    pub uploads: Vec<PlacedUpload>,
}

/// A picture in the editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PictureView {
    /// The item's id.
    pub id: String,
    /// The title.
    pub title: String,
    /// The width of the original, in whose pixels the drawing's positions are.
    pub width: u32,
    /// The height of the original.
    pub height: u32,
    /// `None`: nothing is drawn on it, or `isOfNewerForm`.
    pub drawing: Option<Drawing>,
    /// The drawing was made with a newer version of Snaplark. It is kept, and must not be saved over.
    pub is_of_newer_form: bool,
    /// Where the window finds the original, behind the media scheme's own address.
    pub source_url: String,
    /// Where it finds the first frame of an animation, which is what is drawn on. `None`: it doesn't move.
    pub still_url: Option<String>,
    /// Where it finds a smaller picture of the same, which it shows until it has the original. `None`: there is none.
    pub glance_url: Option<String>,
    /// The link, if it is known.
    pub link: Option<String>,
    /// Where it is on its way to the link.
    pub state: RecordingState,
    /// The number of the last version that was published or is going to be; 0 without one.
    pub version: u32,
    /// When it was taken or brought in.
    #[ts(type = "number")]
    pub taken_at_ms: i64,
}

/// Something that was done with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum PictureSaid {
    /// It was taken, and is in the library.
    Taken,
    /// It is on the clipboard, which was checked.
    Copied,
    /// It is in a file.
    Saved,
    /// Its text is on the clipboard.
    TextCopied,
    /// Its file can't be read, so that it can't be uploaded.
    Unreadable,
}

impl PictureView {
    pub(crate) fn of(row: PictureRow) -> Self {
        let state = state_of(&row);
        let drawing = row.drawing().ok().flatten().cloned();
        let id = row.item.id.to_string();
        PictureView {
            source_url: source_url(&id),
            still_url: animation::is_one(&row.item).then(|| format!("{id}/first-frame")),
            glance_url: None,
            title: row.item.title,
            width: row.item.width,
            height: row.item.height,
            drawing,
            is_of_newer_form: row.is_of_newer_form,
            link: row.link,
            state,
            version: row.version.map_or(0, |version| version.number),
            taken_at_ms: row.item.started_unix_ms,
            id,
        }
    }

    /// Returns the view of a picture that is added soon.
    pub(super) fn arriving(
        item: ItemId,
        title: String,
        (width, height): (u32, u32),
        taken_at_ms: i64,
    ) -> Self {
        let id = item.to_string();
        PictureView {
            source_url: source_url(&id),
            still_url: None,
            glance_url: Some(glance_url(&id)),
            id,
            title,
            width,
            height,
            drawing: None,
            is_of_newer_form: false,
            link: None,
            state: crate::views::state_of_ended(None, None),
            version: 0,
            taken_at_ms,
        }
    }
}

fn source_url(id: &str) -> String {
    format!("{id}/source")
}

/// Returns the path of a glance, behind the media scheme's address.
pub(super) fn glance_url(id: &str) -> String {
    format!("{id}/glance")
}

impl PictureSummary {
    pub(crate) fn of(row: PictureRow, upload: Option<UploadProgress>) -> Self {
        PictureSummary {
            state: state_of(&row),
            id: row.item.id.to_string(),
            is_imported: row.item.kind == snaplark_core::ItemKind::Import,
            is_animated: animation::is_one(&row.item),
            has_changes: row.has_changes(),
            here: row.item.is_whole(),
            title: row.item.title,
            started_unix_ms: row.item.started_unix_ms,
            width: row.item.width,
            height: row.item.height,
            size_bytes: row.item.source.as_ref().map_or(0, |source| source.size_bytes),
            link_reach: row.link.as_deref().map(LinkReach::of),
            link: row.link,
            is_edited: row.edit.is_some() || row.is_of_newer_form,
            revision: row.revision,
            upload,
            uploads: Vec::new(),
        }
    }
}

/// Returns the state. A version that waits for an account is offline like any other.
fn state_of(row: &PictureRow) -> RecordingState {
    match (&row.status, &row.pending) {
        (None, Some(_)) => RecordingState::Waits { reason: WaitReason::Offline },
        (status, _) => crate::views::state_of_ended(status.as_ref(), None),
    }
}
