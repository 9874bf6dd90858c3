//! A recording and its edit as the command line uses them: opened for reading, so that it works beside the app.

use std::ops::Range;
use std::path::{Path, PathBuf};

use snaplark_core::edit::Edit;
use snaplark_core::render::{ExportOptions, Recipe, Render, RenderError, RenderProgress};
use snaplark_core::{ItemId, ItemKind, RecordingId};
use snaplark_files::PART_SUFFIX;
use snaplark_store::StoreError;
use tracing::warn;

use crate::cuts::view::CutEdit;
use crate::export_notes::{self, ExportNote};
use crate::source::RecordingSource;
use crate::stored::{open_store, open_to_read};
use crate::{AppError, ErrorCode, Home, cuts};

/// A recording that is edited or exported.
#[derive(Debug)]
pub struct EditedRecording {
    /// The folder of the home.
    root: PathBuf,
    id: RecordingId,
    source: RecordingSource,
    duration_ms: u64,
    edit: Option<Edit>,
}

impl EditedRecording {
    /// Opens a recording that has ended.
    pub fn open(home: &Home, id: RecordingId) -> Result<Self, AppError> {
        let missing = || AppError::Store(StoreError::NoSuchRecording(id));
        let store = open_to_read(home)?.ok_or_else(missing)?;
        let row = store.recording(id)?;
        let source = RecordingSource::new(&store, id)?;
        if row.segments == 0 {
            return Err(AppError::NothingRecorded);
        }
        let saved = store.edit(ItemId(id.0))?;
        // An edit of a newer version is not guessed at.
        let edit = saved.and_then(|saved| saved.edit);
        let (root, duration_ms) = (home.root.clone(), row.duration_ms);
        Ok(EditedRecording { root, id, source, duration_ms, edit })
    }

    /// Returns how long the recording is.
    pub fn duration_ms(&self) -> u64 {
        self.duration_ms
    }

    /// Returns the recording's bytes.
    pub(crate) fn source(&self) -> &RecordingSource {
        &self.source
    }

    /// Returns the stored edit.
    pub fn edit(&self) -> Option<&Edit> {
        self.edit.as_ref()
    }

    /// Returns an edit that keeps these ranges, with the covers and chapters of the stored one.
    pub fn with_kept(&self, keep: Vec<Range<u64>>) -> Result<Edit, AppError> {
        let (covers, chapters) = match &self.edit {
            Some(Edit::Cuts { covers, chapters, .. }) => (covers.clone(), chapters.clone()),
            Some(Edit::Annotations { .. }) | None => (Vec::new(), Vec::new()),
        };
        let edit = Edit::Cuts { keep, covers, chapters };
        let checked = edit.check(ItemKind::Recording, self.duration_ms);
        checked.map_err(RenderError::Edit)?;
        Ok(edit)
    }

    /// Returns an edit that keeps everything, without covers and chapters.
    pub fn whole(&self) -> Edit {
        Edit::whole(self.duration_ms)
    }

    /// Returns an edit as a running program takes it.
    pub fn view(edit: &Edit) -> Result<CutEdit, AppError> {
        CutEdit::of(edit).ok_or_else(|| AppError::told(ErrorCode::BadEdit, "it is of a picture"))
    }

    /// Stores an edit in place of the one before. Fails with `in-use` while a program is running.
    pub fn save(&self, home: &Home, edit: &Edit) -> Result<(), AppError> {
        let store = open_store(home)?;
        cuts::rows::save(&store, self.id, edit, None, now_unix_ms()).map(drop)
    }

    /// Writes the recording, or an edit of it, in another format. Returns the path. What an earlier export has left
    /// that was killed is removed first. Blocks.
    pub fn export(
        &self,
        render: &dyn Render,
        edit: Option<&Edit>,
        options: &ExportOptions,
        file: &Path,
        progress: &RenderProgress,
    ) -> Result<PathBuf, AppError> {
        export_notes::sweep(&self.root);
        let part = part_beside(file);
        let _note = match ExportNote::write(&self.root, &part) {
            Ok(note) => Some(note),
            // The home may be read only. If this export is killed, its folder stays.
            Err(error) => {
                warn!(%error, "An export can't be noted");
                None
            }
        };
        self.export_by(render, edit, options, file, &part, progress)
    }

    /// Exports as [`EditedRecording::export`] does, by way of that folder.
    pub(crate) fn export_by(
        &self,
        render: &dyn Render,
        edit: Option<&Edit>,
        options: &ExportOptions,
        file: &Path,
        part: &Path,
        progress: &RenderProgress,
    ) -> Result<PathBuf, AppError> {
        let recipe = Recipe::Export { segments: &self.source, edit, options, file, part };
        Ok(render.render(&recipe, progress)?)
    }

    /// Estimates the size of an export, from a sample of it. Blocks.
    pub fn export_bytes(
        &self,
        render: &dyn Render,
        edit: Option<&Edit>,
        options: &ExportOptions,
    ) -> Result<u64, AppError> {
        Ok(render.export_size(&self.source, edit, options)?)
    }
}

/// Returns the name of a folder beside a file, for an export that is not complete. Nothing else ever has that name, so
/// what is there after a crash may be removed.
pub(crate) fn part_beside(file: &Path) -> PathBuf {
    file.with_file_name(format!("snaplark-{}{PART_SUFFIX}", uuid::Uuid::now_v7().simple()))
}

fn now_unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
