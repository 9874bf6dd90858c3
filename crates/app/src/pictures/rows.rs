//! Holds what the rows and the upload machine know of a picture, and the writes of the event loop.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use snaplark_core::edit::{Drawing, Edit};
use snaplark_core::upload::{Phase, Stop, UploadEvent, UploadStatus};
use snaplark_core::{ItemId, ItemKind, RecordingId};
use snaplark_store::{
    Item, NewItem, SavedEdit, Store, StoreError, VersionFile, VersionRow, WrittenItem,
    WrittenVersion,
};

use super::flatten::forget_thumbnails;
use crate::{AppError, ErrorCode};

/// A picture as the store has it, with what is known of its upload.
#[derive(Clone, Debug)]
pub(crate) struct PictureRow {
    pub item: Item,
    /// Counts the times that the drawing was saved; 0 if none ever was.
    pub revision: u32,
    /// The drawing. `None`: there is none, or this version can't open it.
    pub edit: Option<Edit>,
    /// The drawing has a form that this version doesn't know.
    pub is_of_newer_form: bool,
    /// The last version that was published or is going to be.
    pub version: Option<VersionRow>,
    /// The file of that version, while the link doesn't show it.
    pub pending: Option<VersionFile>,
    /// The upload, if the machine has one.
    pub status: Option<UploadStatus>,
    /// The link, as it is handed out.
    pub link: Option<String>,
}

/// The next version of a picture, rendered and durable.
#[derive(Clone, Debug)]
pub(crate) struct ReadyVersion {
    pub edit: Option<Edit>,
    pub written: WrittenVersion,
}

/// The steps of publishing a picture.
#[derive(Clone, Debug)]
pub(crate) enum ToPublish {
    /// The link shows the picture as it is, or is going to.
    Nothing,
    /// The version that failed is sent once more.
    SameVersion,
    /// The picture is rendered as its next version, whose number is at least this.
    NextVersion { number_min: u32 },
}

impl PictureRow {
    /// Reads a picture's rows. `None`: it is deleted, or is no picture.
    pub(crate) fn read(store: &Store, item: ItemId) -> Result<Option<Self>, StoreError> {
        let found = match store.item(item) {
            Ok(found) if is_picture(&found) => found,
            Ok(_) | Err(StoreError::NoSuchRecording(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if store.deleted()?.contains_key(&RecordingId::from(item)) {
            return Ok(None);
        }
        let saved = store.edit(item)?;
        Ok(Some(PictureRow {
            item: found,
            revision: saved.as_ref().map_or(0, |saved| saved.revision),
            is_of_newer_form: matches!(&saved, Some(SavedEdit { edit: None, .. })),
            edit: saved.and_then(|saved| saved.edit).filter(|edit| *edit != empty()),
            version: store.versions(item)?.pop(),
            pending: store.version_file(item)?,
            status: None,
            link: None,
        }))
    }

    /// Returns the item's folder.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.item.source.as_ref()?.path.parent().map(Path::to_owned)
    }

    /// Returns the drawing; an error if there is one that this version can't open.
    pub(crate) fn drawing(&self) -> Result<Option<&Drawing>, ()> {
        match (&self.edit, self.is_of_newer_form) {
            (Some(Edit::Annotations { drawing }), _) => Ok(Some(drawing)),
            (Some(Edit::Cuts { .. }), _) | (None, true) => Err(()),
            (None, false) => Ok(None),
        }
    }

    /// Returns whether the picture was changed after its last version.
    pub(crate) fn has_changes(&self) -> bool {
        let published = self.version.as_ref();
        self.is_of_newer_form || published.is_some_and(|version| version.edit != self.edit)
    }

    /// Returns what publishing it has to do. A version that failed is sent again as it is: rendered anew it would
    /// be another one, with the same picture.
    pub(crate) fn to_publish(&self) -> ToPublish {
        let next = |above: u32| ToPublish::NextVersion { number_min: above.saturating_add(1) };
        let is_same = self.version.is_some() && !self.has_changes() && self.is_here_or_online();
        match self.status.as_ref().map(|status| &status.phase) {
            Some(Phase::Stopped(Stop::NewerVersion { served, .. })) => next(served.unwrap_or(0)),
            // The file has the right size and other bytes.
            Some(Phase::Stopped(Stop::FilesMissing { .. })) => next(0),
            _ if !is_same => next(0),
            Some(Phase::Stopped(
                Stop::Refused { .. }
                | Stop::NoVersions
                | Stop::FileChanged
                | Stop::TooLarge { .. }
                | Stop::DamagedOnServer { .. }
                | Stop::OtherServer { .. },
            )) => ToPublish::SameVersion,
            Some(Phase::Sending | Phase::Waits { .. } | Phase::NeedsSignIn | Phase::Finished)
            | None => ToPublish::Nothing,
        }
    }

    /// Returns whether the last version is online, or its file is there to be sent.
    fn is_here_or_online(&self) -> bool {
        match (&self.pending, &self.version) {
            (Some(file), _) => {
                std::fs::metadata(&file.path).is_ok_and(|found| found.len() == file.size_bytes)
            }
            (None, Some(version)) => version.published_unix_ms.is_some() && self.link.is_some(),
            (None, None) => false,
        }
    }
}

/// Returns the edit of a picture on which nothing is drawn any more.
fn empty() -> Edit {
    Edit::Annotations { drawing: Drawing::default() }
}

fn is_picture(item: &Item) -> bool {
    let is_image = item.source.as_ref().is_some_and(|source| {
        let ending = source.path.extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("png" | "jpg" | "jpeg" | "webp" | "gif"))
    });
    match item.kind {
        ItemKind::Screenshot => true,
        ItemKind::Import => is_image,
        ItemKind::Recording => false,
    }
}

/// Returns the ids of all pictures.
pub(crate) fn all(store: &Store) -> Result<Vec<ItemId>, StoreError> {
    let mut items = store.items(ItemKind::Screenshot)?;
    items.extend(store.items(ItemKind::Import)?.into_iter().filter(is_picture));
    Ok(items.into_iter().map(|item| item.id).collect())
}

/// Writes the file of a picture that is added, on any thread.
pub(crate) fn write(
    home: &Path,
    new: NewItem,
    bytes: &[u8],
) -> Result<Box<WrittenItem>, StoreError> {
    WrittenItem::write(home, new, |file| file.write_all(bytes)).map(Box::new)
}

/// Saves a drawing, or an empty one for `None`. Its row stays, so that no two drawings have the same revision.
pub(crate) fn save_drawing(
    store: &Store,
    item: ItemId,
    drawing: Option<Drawing>,
    now_unix_ms: i64,
) -> Result<(), AppError> {
    match (store.edit(item)?, &drawing) {
        (Some(SavedEdit { edit: None, .. }), _) => {
            let text = "it was made with a newer version of Snaplark";
            return Err(AppError::told(ErrorCode::NewerDrawing, text));
        }
        (None, None) => return Ok(()),
        (Some(_) | None, _) => {}
    }
    let drawing = drawing.unwrap_or_default();
    store.save_edit(item, &Edit::Annotations { drawing }, now_unix_ms)?;
    forget_thumbnails(&store.folder(item.into()));
    Ok(())
}

/// Commits the next version and returns what the machine has to be told.
pub(crate) fn add_version(
    store: &Store,
    item: ItemId,
    version: ReadyVersion,
    number_min: u32,
) -> Result<UploadEvent, AppError> {
    let ReadyVersion { edit, written } = version;
    Ok(wanted(item, &store.add_written_version(written, edit.as_ref(), number_min)?))
}

/// Returns the event by which the machine uploads a version.
pub(crate) fn wanted(item: ItemId, file: &VersionFile) -> UploadEvent {
    UploadEvent::PictureWanted {
        recording: item.into(),
        version: file.number,
        size_bytes: file.size_bytes,
    }
}
