//! Commits a version whose pieces are durable, if what it was planned from still holds.

use std::path::PathBuf;

use snaplark_core::upload::{EditedUpload, ServedVersion, UploadEvent, served_recording};
use snaplark_core::{ItemId, RecordingId};
use snaplark_store::{NewEditedVersion, Store, StoreError};

use super::remove;

/// The next version of a recording, whose rendered pieces are durable.
#[derive(Clone, Debug)]
pub(crate) struct ReadyCut {
    pub new: NewEditedVersion,
    /// The folder of the rendered pieces, which is empty once the version has its row.
    pub folder: PathBuf,
    /// The facts that the version was planned from.
    pub basis: PublishBasis,
}

/// The facts that a version is planned from. It is only published while they hold.
#[derive(Clone, Debug)]
pub(crate) struct PublishBasis {
    state: BasisState,
    /// The version that the link shows, if the server has the recording.
    pub(super) served: Option<ServedVersion>,
    /// That version's upload is the last one, so that its parts have to be noted before the next.
    pub(super) is_last_upload: bool,
}

/// Which version is the last one, and which one the link shows. While these stay, so do the parts of the latter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BasisState {
    /// The last version that was published, or is going to be.
    version: Option<u32>,
    /// The version of the upload; `None` without one.
    upload: Option<Option<u32>>,
    /// The server shows the upload.
    is_shown: bool,
    /// The version whose parts were noted before the upload took its place.
    noted: Option<u32>,
}

impl BasisState {
    fn read(store: &Store, recording: RecordingId) -> Result<Self, StoreError> {
        let item = ItemId::from(recording);
        let last = store.versions(item)?.into_iter().next_back();
        let upload = store.upload_summary(recording)?;
        Ok(BasisState {
            version: last.filter(|it| it.edit.is_some()).map(|version| version.number),
            upload: upload.as_ref().map(|upload| upload.version),
            is_shown: upload.is_some_and(|upload| upload.is_shown),
            noted: store.served_number(item)?,
        })
    }
}

impl PublishBasis {
    /// Reads the facts, with each part of the version that the link shows.
    pub(crate) fn read(store: &Store, recording: RecordingId) -> Result<Self, StoreError> {
        let item = ItemId::from(recording);
        let state = BasisState::read(store, recording)?;
        let Some(rows) = store.upload_rows_of(recording)? else {
            return Ok(PublishBasis { state, served: None, is_last_upload: false });
        };
        // The server shows this version also while its damage is mended.
        let is_last_upload = rows.finished || rows.mending;
        let number = rows.version.unwrap_or(1);
        let standalone = rows.profile.framing() == snaplark_api::Framing::Standalone;
        let has_init = |index| index == 0 || standalone;
        let served = match (is_last_upload, rows.is_edited) {
            (false, _) => store.served_version(item)?,
            (true, false) => Some(ServedVersion { number, parts: served_recording(&rows) }),
            (true, true) => match store.edited_version(item, number)? {
                None => None,
                Some(version) => {
                    let before = store.noted_version(item, version.request.from_version)?;
                    let (receipts, init_bytes) = (&rows.receipts, rows.init_bytes);
                    let parts = version.served(before.as_ref(), receipts, init_bytes, has_init);
                    Some(ServedVersion { number, parts })
                }
            },
        };
        Ok(PublishBasis { state, served, is_last_upload })
    }
}

/// Commits the next version and returns what the machine has to be told. `None`: what it was planned from has changed.
pub(crate) fn add_version(
    store: &Store,
    recording: RecordingId,
    ready: ReadyCut,
) -> Result<Option<UploadEvent>, StoreError> {
    let ReadyCut { new, folder, basis } = ready;
    // It may have been deleted while it was rendered, and that can be undone.
    store.visible(recording)?.ok_or(StoreError::NoSuchRecording(recording))?;
    if BasisState::read(store, recording)? != basis.state {
        return Ok(None);
    }
    let (part_bytes, duration_ms) = (new.version.sizes(), new.version.duration_ms);
    let version = store.add_edited_version(recording.into(), new)?;
    remove(&folder);
    let init_bytes = store.recording(recording)?.init_bytes;
    let wanted = EditedUpload { version, part_bytes, init_bytes, duration_ms };
    Ok(Some(UploadEvent::EditedWanted { recording, wanted }))
}

/// Returns the event by which the machine uploads a version.
pub(crate) fn wanted(
    store: &Store,
    recording: RecordingId,
    number: u32,
) -> Result<UploadEvent, StoreError> {
    let version = store.edited_version(recording.into(), number)?;
    let version = version.ok_or(StoreError::NoSuchRecording(recording))?;
    let wanted = EditedUpload {
        version: number,
        part_bytes: version.sizes(),
        init_bytes: store.recording(recording)?.init_bytes,
        duration_ms: version.duration_ms,
    };
    Ok(UploadEvent::EditedWanted { recording, wanted })
}
