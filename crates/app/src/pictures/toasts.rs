//! Toasts of pictures: what was done with one, and how its upload goes.

use snaplark_core::{ItemId, RecordingId};

use super::shelf::PictureShelf;
use super::view::{PictureSaid, PictureSummary};
use crate::view::{NeedReason, RecordingState, ToastBody, ToastView, WaitReason};

/// The toasts of pictures that are shown at the moment.
#[derive(Default)]
pub(crate) struct PictureToasts {
    shown: Vec<PictureToast>,
}

struct PictureToast {
    item: ItemId,
    /// The last thing that was done. `None`: only the upload is shown.
    said: Option<PictureSaid>,
    /// The upload is of interest.
    follows_upload: bool,
    link_copied: bool,
    dismissed: Option<std::mem::Discriminant<ToastBody>>,
}

impl PictureToasts {
    /// Shows that something was done.
    pub(crate) fn say(&mut self, item: ItemId, said: PictureSaid) {
        let toast = self.of(item);
        (toast.said, toast.dismissed) = (Some(said), None);
    }

    /// Shows how the upload goes.
    pub(crate) fn follow(&mut self, item: ItemId) {
        let toast = self.of(item);
        toast.follows_upload = true;
        (toast.link_copied, toast.dismissed) = (false, None);
    }

    /// Shows the uploads that an earlier run left unfinished.
    pub(crate) fn remember(&mut self, item: ItemId) {
        self.of(item).follows_upload = true;
    }

    pub(crate) fn forget(&mut self, recording: RecordingId) {
        self.shown.retain(|toast| RecordingId::from(toast.item) != recording);
    }

    pub(crate) fn note_link_copied(&mut self, recording: RecordingId) {
        for toast in &mut self.shown {
            toast.link_copied = RecordingId::from(toast.item) == recording;
        }
    }

    /// Dismisses a toast. It comes back when it has something else to say, except of a finished upload.
    pub(crate) fn dismiss(&mut self, toast_id: &str, pictures: &PictureShelf) {
        self.shown.retain_mut(|toast| {
            if toast.item.to_string() != toast_id {
                return true;
            }
            let body = pictures.view(toast_id).and_then(|picture| toast.body(picture));
            toast.said = None;
            toast.dismissed = body.as_ref().map(std::mem::discriminant);
            let is_over = matches!(
                body,
                None | Some(ToastBody::PictureDone { .. } | ToastBody::Picture { .. })
            );
            toast.follows_upload && !is_over
        });
    }

    pub(crate) fn views(&self, pictures: &PictureShelf) -> Vec<ToastView> {
        let view = |toast: &PictureToast| {
            let picture = pictures.view(&toast.item.to_string())?;
            let body = toast.body(picture)?;
            if toast.dismissed == Some(std::mem::discriminant(&body)) {
                return None;
            }
            let has_link = matches!(body, ToastBody::PictureDone { .. });
            Some(ToastView {
                recording_id: picture.id.clone(),
                title: picture.title.clone(),
                link: picture.link.clone().filter(|_| has_link),
                link_reach: picture.link_reach.filter(|_| has_link),
                percentage: picture.upload.as_ref().map_or(0, |upload| upload.percentage),
                count: 1,
                body,
            })
        };
        self.shown.iter().filter_map(view).collect()
    }

    fn of(&mut self, item: ItemId) -> &mut PictureToast {
        let place = self.shown.iter().position(|toast| toast.item == item);
        // The newest is drawn last.
        let toast = match place {
            Some(place) => self.shown.remove(place),
            None => PictureToast {
                item,
                said: None,
                follows_upload: false,
                link_copied: false,
                dismissed: None,
            },
        };
        self.shown.push(toast);
        let last = self.shown.len() - 1;
        &mut self.shown[last]
    }
}

impl PictureToast {
    fn body(&self, picture: &PictureSummary) -> Option<ToastBody> {
        if let Some(said) = self.said {
            return Some(ToastBody::Picture { said });
        }
        if !self.follows_upload {
            return None;
        }
        let upload = picture.upload.as_ref();
        Some(match &picture.state {
            RecordingState::Recording | RecordingState::Local => return None,
            RecordingState::Uploading
            | RecordingState::Waits { reason: WaitReason::Queue | WaitReason::NotRunning } => {
                ToastBody::Uploading {
                    bytes_per_second: upload.map_or(0, |upload| upload.bytes_per_second),
                    seconds_left: upload.and_then(|upload| upload.seconds_left),
                }
            }
            RecordingState::Waits { reason } => ToastBody::Waits {
                reason: *reason,
                parts: upload.map_or(1, |it| it.pending.max(1)),
            },
            // The words for files that are missing are a recording's.
            RecordingState::NeedsYou { reason: NeedReason::FilesMissing, .. } => {
                ToastBody::Picture { said: PictureSaid::Unreadable }
            }
            RecordingState::NeedsYou { reason, detail } => {
                ToastBody::NeedsYou { reason: *reason, detail: detail.clone() }
            }
            RecordingState::Done => ToastBody::PictureDone { link_copied: self.link_copied },
        })
    }
}
