//! The rows of a recording that is edited, and the writes of the event loop.

use snaplark_core::edit::Edit;
use snaplark_core::{ItemKind, RecordingId};
use snaplark_store::{Recording, SavedEdit, Store};

use super::policy::{CHAPTER_BYTES_MAX, CHAPTERS_MAX, COVERS_MAX, PIECES_MAX};
use super::publish::PublishRow;
use crate::view::{JobView, RecordingView};
use crate::{AppError, ErrorCode};

/// A recording with its edit.
#[derive(Clone, Debug)]
pub(crate) struct CutRow {
    pub recording: Recording,
    /// The recording as windows show it.
    pub view: RecordingView,
    /// Counts the times that the edit was saved; 0 if it never was.
    pub revision: u32,
    /// `None`: there is none, or this version can't open it.
    pub edit: Option<Edit>,
    /// The edit has a form that this version doesn't know.
    pub is_of_newer_form: bool,
    /// Its exports, and its publishing while that renders.
    pub jobs: Vec<JobView>,
    /// The facts about its versions and its upload.
    pub publish: PublishRow,
}

impl CutRow {
    pub(crate) fn read(
        store: &Store,
        view: RecordingView,
        jobs: Vec<JobView>,
        publish: PublishRow,
    ) -> Result<Self, AppError> {
        let id: RecordingId = view.id.parse().map_err(|_| AppError::NothingRecorded)?;
        let saved = store.edit(id.into())?;
        Ok(CutRow {
            recording: store.recording(id)?,
            jobs: jobs.into_iter().filter(|job| job.item.as_ref() == Some(&view.id)).collect(),
            view,
            publish,
            revision: saved.as_ref().map_or(0, |saved| saved.revision),
            is_of_newer_form: matches!(&saved, Some(SavedEdit { edit: None, .. })),
            edit: saved.and_then(|saved| saved.edit),
        })
    }
}

/// Saves an edit in place of the one with the revision `replaces`, and returns its own revision. `None` replaces
/// whichever there is, but never one of a newer form.
pub(crate) fn save(
    store: &Store,
    recording: RecordingId,
    edit: &Edit,
    replaces: Option<u32>,
    now_unix_ms: i64,
) -> Result<u32, AppError> {
    let row = store.recording(recording)?;
    if row.running {
        return Err(AppError::AlreadyRecording);
    }
    check(edit, row.duration_ms)?;
    let there = store.edit(recording.into())?;
    let revision = there.as_ref().map_or(0, |saved| saved.revision);
    if let Some(SavedEdit { edit: None, .. }) = there {
        let text = "it was edited with a newer version of Snaplark";
        return Err(AppError::told(ErrorCode::NewerEdit, text));
    }
    if replaces.is_some_and(|replaced| replaced != revision) {
        return Err(AppError::told(ErrorCode::EditChanged, "it was edited elsewhere meanwhile"));
    }
    if let Some(SavedEdit { edit: Some(same), .. }) = &there
        && same == edit
    {
        return Ok(revision);
    }
    Ok(store.save_edit(recording.into(), edit, now_unix_ms)?)
}

/// Checks an edit against the recording and against the limits.
fn check(edit: &Edit, duration_ms: u64) -> Result<(), AppError> {
    let refused = |reason: String| Err(AppError::told(ErrorCode::BadEdit, reason));
    if let Err(error) = edit.check(ItemKind::Recording, duration_ms) {
        return refused(error.to_string());
    }
    let Edit::Cuts { keep, covers, chapters } = edit else {
        return refused("it is an edit of a picture".to_owned());
    };
    if keep.len() > PIECES_MAX || covers.len() > COVERS_MAX || chapters.len() > CHAPTERS_MAX {
        return refused("it has too many pieces, covers or chapters".to_owned());
    }
    if chapters.iter().any(|chapter| chapter.title.len() > CHAPTER_BYTES_MAX) {
        return refused("the title of a chapter is too long".to_owned());
    }
    match covers.iter().all(|cover| cover.area.width > 0 && cover.area.height > 0) {
        true => Ok(()),
        false => refused("a cover has no area".to_owned()),
    }
}
