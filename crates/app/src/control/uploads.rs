//! Files that another program has the running one upload, and how far they are.

use serde::{Deserialize, Serialize};
use snaplark_core::ItemId;

use crate::pictures::view::PictureSummary;
use crate::view::{RecordingState, RecordingView, UploadProgress};
use crate::{App, AppError, LinkReach};

/// An item that was uploaded from a file, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadedItem {
    /// The item's id.
    pub id: String,
    /// `import`.
    pub kind: String,
    /// The title.
    pub title: String,
    /// Where it is on its way to the link.
    pub state: RecordingState,
    /// The link, if it is known.
    pub link: Option<String>,
    /// Who can open the link.
    pub reach: Option<LinkReach>,
    /// The size of the file.
    pub size_bytes: u64,
    /// How much of it was sent.
    pub sent_bytes: u64,
    /// The percentage, which is 100 when the link works.
    pub percentage: u8,
    /// The speed of all uploads together.
    pub bytes_per_second: u64,
    /// How long it takes at that speed, if that can be told.
    pub seconds_left: Option<u64>,
}

const KIND: &str = "import";

impl UploadedItem {
    fn of_video(view: RecordingView) -> Self {
        let RecordingView { id, title, state, link, link_reach: reach, size_bytes, upload, .. } =
            view;
        UploadedItem {
            kind: KIND.to_owned(),
            id,
            title,
            link,
            reach,
            size_bytes,
            ..UploadedItem::sent(state, upload, size_bytes)
        }
    }

    fn of_picture(view: PictureSummary) -> Self {
        let PictureSummary {
            id, title, state, link, link_reach: reach, size_bytes, upload, ..
        } = view;
        UploadedItem {
            kind: KIND.to_owned(),
            id,
            title,
            link,
            reach,
            size_bytes,
            ..UploadedItem::sent(state, upload, size_bytes)
        }
    }

    fn sent(state: RecordingState, upload: Option<UploadProgress>, size_bytes: u64) -> Self {
        let is_done = state == RecordingState::Done;
        // What is known of the parts of an upload that is done isn't read again by later programs.
        let sent_bytes = match &upload {
            Some(upload) if !is_done || upload.total_bytes > 0 => upload.sent_bytes,
            Some(_) | None if is_done => size_bytes,
            Some(_) | None => 0,
        };
        let upload = upload.as_ref();
        UploadedItem {
            id: String::new(),
            kind: String::new(),
            title: String::new(),
            link: None,
            reach: None,
            size_bytes,
            sent_bytes,
            percentage: if is_done { 100 } else { upload.map_or(0, |upload| upload.percentage) },
            bytes_per_second: upload.map_or(0, |upload| upload.bytes_per_second),
            seconds_left: upload.and_then(|upload| upload.seconds_left),
            state,
        }
    }
}

/// Returns how far these items are. Those that were deleted meanwhile are left out.
pub async fn uploaded(app: &App, ids: &[ItemId]) -> Result<Vec<UploadedItem>, AppError> {
    let wanted: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let snapshot = app.snapshot().await?;
    let is_wanted = |id: &String| wanted.contains(id);
    let videos = snapshot.recordings.into_iter().filter(|view| is_wanted(&view.id));
    let pictures = snapshot.pictures.into_iter().filter(|view| is_wanted(&view.id));
    let videos = videos.map(UploadedItem::of_video);
    Ok(videos.chain(pictures.map(UploadedItem::of_picture)).collect())
}
