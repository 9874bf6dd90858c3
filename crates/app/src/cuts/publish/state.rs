//! Decides what publishing has to do, from the facts about a recording's versions and its upload.

use snaplark_core::edit::Edit;
use snaplark_core::upload::{EditedVersion, PartContent, Phase, Stop, UploadStatus, VersionPart};
use snaplark_core::{ItemId, RecordingId, policy};
use snaplark_store::{Store, StoreError, VersionRow};

use crate::cuts::view::{PublishView, PublishWay};
use crate::{AppError, ErrorCode};

/// The facts about a recording's versions and its upload, as the rows have them.
#[derive(Clone, Debug)]
pub(crate) struct PublishRow {
    /// The edit as it is saved.
    pub edit: Option<Edit>,
    /// How long the recording is.
    pub duration_ms: u64,
    /// The last version that was published, or is going to be. `None`: the recording as it is.
    pub version: Option<VersionRow>,
    /// The number of the version that the link shows, if the server has the recording.
    pub served: Option<u32>,
    /// Something was appended to the recording since it was uploaded as it was.
    pub is_longer: bool,
    /// The recording's upload, if it has one.
    pub status: Option<UploadStatus>,
    /// Whether its server can show an edit behind the same link; `None` if it is not known yet.
    pub shows_versions: Option<bool>,
    /// Its server can't be reached now.
    pub is_offline: bool,
    /// There is a server for uploads.
    pub has_server: bool,
    /// How long the version is whose upload is the last one.
    pub version_ms: Option<u64>,
    /// How many bytes were sent for that version.
    pub sent_bytes: u64,
    /// The recording as it is is being uploaded, and was never online.
    pub is_original_on_its_way: bool,
    /// The size that parts to its server may have, as far as 413s have shown.
    pub part_bytes_max: u64,
    /// The unsent parts of the version above that size, if its upload has stopped.
    pub above_limit: Vec<VersionPart>,
}

/// The next step of publishing an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EditToPublish {
    /// The link shows the edit, or is going to.
    Nothing,
    /// The upload that has stopped goes on.
    Again,
    /// The edit is rendered as the next version, whose number is at least this. Without `keeps`, all of it is sent.
    NextVersion { number_min: u32, keeps: bool },
}

impl PublishRow {
    /// Reads what the rows know, without looking at each part: windows ask often, and a recording of hours has
    /// thousands.
    pub(crate) fn read(store: &Store, recording: RecordingId) -> Result<Self, StoreError> {
        let item = ItemId::from(recording);
        let row = store.recording(recording)?;
        let upload = store.upload_summary(recording)?;
        let part_bytes_max = upload.as_ref().and_then(|upload| upload.part_bytes_max);
        let part_bytes_max = part_bytes_max.unwrap_or(policy::PART_BYTES_MAX);
        let (mut served, mut above_limit, mut is_longer) = (None, Vec::new(), false);
        if let Some(upload) = &upload {
            served = match upload.is_shown {
                true => Some(upload.version.unwrap_or(1)),
                false => store.served_number(item)?,
            };
            if upload.is_edited && upload.is_stopped {
                above_limit = unsent_above(store, recording, part_bytes_max)?;
            }
            // Parts of an upload that is not complete may not be planned yet.
            let lacks_some = (1..row.segments).contains(&upload.planned_segments);
            is_longer = !upload.is_edited
                && (upload.is_shown && lacks_some || store.is_append_to_publish(recording));
        }
        Ok(PublishRow {
            is_original_on_its_way: upload.as_ref().is_some_and(|it| !it.is_edited && !it.is_shown),
            part_bytes_max,
            above_limit,
            edit: store.edit(item)?.and_then(|saved| saved.edit),
            duration_ms: row.duration_ms,
            version: store.versions(item)?.into_iter().next_back().filter(|it| it.edit.is_some()),
            served,
            is_longer,
            status: None,
            shows_versions: None,
            is_offline: false,
            has_server: false,
            version_ms: upload.as_ref().and_then(|upload| upload.version_ms),
            sent_bytes: upload.map_or(0, |upload| upload.sent_bytes),
        })
    }

    /// Returns the edit, or one that keeps everything.
    pub(super) fn edit_or_whole(&self) -> Edit {
        self.edit.clone().unwrap_or(Edit::whole(self.duration_ms))
    }

    /// Returns whether the last version, or without one the recording as it was uploaded, is the edit as it is now.
    fn is_current(&self) -> bool {
        match self.version.as_ref().and_then(|version| version.edit.as_ref()) {
            Some(published) => *published == self.edit_or_whole(),
            None => !self.is_longer && self.edit_or_whole() == Edit::whole(self.duration_ms),
        }
    }

    fn is_shown(&self) -> bool {
        match &self.version {
            Some(version) => version.published_unix_ms.is_some(),
            None => self.served.is_some(),
        }
    }

    pub(crate) fn view(&self) -> PublishView {
        let published = self.version.as_ref().and_then(|version| version.edit.as_ref());
        PublishView {
            way: match (self.has_server || self.status.is_some(), self.shows_versions) {
                (false, _) => PublishWay::None,
                (true, Some(true)) => PublishWay::SameLink,
                (true, Some(false)) => PublishWay::NewLink,
                (true, None) => PublishWay::Unknown,
            },
            version: self.version.as_ref().map(|version| version.number),
            is_shown: self.is_shown(),
            is_current: self.is_current(),
            is_original: published.is_none_or(|edit| *edit == Edit::whole(self.duration_ms)),
            duration_ms: self.version_ms,
            sent_bytes: self.version.as_ref().map_or(0, |_| self.sent_bytes),
        }
    }

    /// Returns whether a part of the version that has stopped is above the limit and holds several segments.
    pub(super) fn can_be_smaller(&self) -> bool {
        let has_several =
            |part: &VersionPart| matches!(part.content, PartContent::Segments(_, 2..));
        self.above_limit.iter().any(has_several)
    }

    /// Returns what publishing has to do.
    pub(crate) fn to_publish(&self) -> EditToPublish {
        let least = self.served.unwrap_or(1).saturating_add(1);
        let next = |number_min: u32, keeps| {
            let number_min = number_min.max(least);
            EditToPublish::NextVersion { number_min, keeps }
        };
        match self.status.as_ref().map(|status| &status.phase) {
            _ if !self.is_current() => next(least, true),
            Some(Phase::Stopped(Stop::NewerVersion { served, .. })) => {
                next(served.unwrap_or(0).saturating_add(1), true)
            }
            // The files have other bytes than when it was rendered.
            Some(Phase::Stopped(Stop::FilesMissing { .. })) if self.version.is_some() => {
                next(least, true)
            }
            // A 413: parts of fewer segments may be taken, a single segment only by another proxy.
            Some(Phase::Stopped(Stop::Refused { .. })) if self.can_be_smaller() => {
                next(least, true)
            }
            Some(Phase::Stopped(Stop::Refused { .. })) if !self.above_limit.is_empty() => {
                EditToPublish::Again
            }
            // Perhaps the server has other parts than was noted here.
            Some(Phase::Stopped(Stop::Refused { .. })) if self.version.is_some() => {
                next(least, false)
            }
            Some(Phase::Stopped(
                Stop::Refused { .. }
                | Stop::NoVersions
                | Stop::FilesMissing { .. }
                | Stop::FileChanged
                | Stop::TooLarge { .. }
                | Stop::DamagedOnServer { .. }
                | Stop::OtherServer { .. },
            ))
            | None => EditToPublish::Again,
            Some(Phase::Sending | Phase::Waits { .. } | Phase::NeedsSignIn | Phase::Finished) => {
                EditToPublish::Nothing
            }
        }
    }

    /// Refuses a version with a part that the server is known not to take, as long as the recording is on its way
    /// there as it is: the version would take that upload along.
    pub(crate) fn check(&self, version: &EditedVersion) -> Result<(), AppError> {
        let sent = version.request.indexed().filter(|(_, piece)| piece.keep.is_none());
        let sent = sent.filter_map(|(index, _)| version.parts.get(index as usize));
        let largest_bytes = sent.map(|part| part.size_bytes).max().unwrap_or(0);
        let is_limit_known = self.part_bytes_max < policy::PART_BYTES_MAX;
        if !self.is_original_on_its_way || !is_limit_known || largest_bytes <= self.part_bytes_max {
            return Ok(());
        }
        let text = "a proxy before the server refuses parts as large as this edit has. Raise its limit, or publish \
                    when the recording is online";
        Err(AppError::told(ErrorCode::PartTooLarge, text))
    }
}

/// Returns the unsent parts of the version that is being uploaded above that size.
fn unsent_above(
    store: &Store,
    recording: RecordingId,
    part_bytes_max: u64,
) -> Result<Vec<VersionPart>, StoreError> {
    let Some(rows) = store.upload_rows_of(recording)? else { return Ok(Vec::new()) };
    let version = store.edited_version(recording.into(), rows.version.unwrap_or(1))?;
    let parts = version.unwrap_or_default().parts.into_iter().zip(&rows.parts);
    let unsent = parts.filter(|(_, (_, is_acknowledged))| !is_acknowledged);
    let unsent = unsent.map(|(part, _)| part);
    Ok(unsent.filter(|part| part.size_bytes > part_bytes_max).collect())
}
