//! Answers shells about files that were brought in. Everything else about them is in `crate::imports`.

use snaplark_core::upload::Phase;
use snaplark_core::{ItemId, RecordingId, STILL_FILE};
use snaplark_store::{ImportedFile, NewImport, StoreError};

use super::Engine;
use crate::AppError;
use crate::imports::ImportCommand;

impl Engine {
    pub(super) fn handle_import(&mut self, command: ImportCommand) {
        match command {
            ImportCommand::Add { new, reply } => {
                let added = self.add_import(*new);
                self.reply(reply, added);
            }
            ImportCommand::Read { item, reply } => drop(reply.send(self.imported(item))),
            ImportCommand::Renew { item, file, reply } => {
                let renewed = self.renew_import(item, &file);
                self.reply(reply, renewed);
            }
        }
    }

    /// Returns the file that an upload of a video sends.
    fn imported(&self, upload: ItemId) -> Result<ImportedFile, AppError> {
        let recording = self.uploads.item_of(upload.into());
        let file = self.cx.store.imported(recording)?;
        Ok(file.ok_or(StoreError::NoSuchRecording(recording))?)
    }

    /// Adds a video. Its link is put on the clipboard as soon as it is known.
    fn add_import(&mut self, new: NewImport) -> Result<(), AppError> {
        let (recording, size_bytes) = (RecordingId::from(new.id), new.file.size_bytes);
        self.cx.store.add_import(new)?;
        self.library.recording_ended(recording);
        self.uploads.want_file(&self.cx, recording, size_bytes);
        Ok(())
    }

    /// Uploads a file that has changed as it is now, where its upload isn't done. What a link shows already stays.
    fn renew_import(&mut self, upload: ItemId, file: &ImportedFile) -> Result<(), AppError> {
        let upload = RecordingId::from(upload);
        let status = self.uploads.status(&self.cx, upload);
        if status.is_some_and(|status| status.phase == Phase::Finished) {
            return Ok(());
        }
        let recording = self.uploads.item_of(upload);
        self.cx.store.set_imported(recording, file)?;
        // It is of the file before. Without it another one is made.
        let _ = std::fs::remove_file(self.cx.store.folder(recording).join(STILL_FILE));
        self.uploads.renew_file(&self.cx, recording, file.size_bytes);
        self.library.show(recording);
        Ok(())
    }

    /// Notes where a file is that was renamed in its folder.
    pub(super) fn import_moved(&mut self, recording: RecordingId, path: std::path::PathBuf) {
        let noted = self.cx.store.imported(recording).and_then(|file| match file {
            Some(file) => self.cx.store.set_imported(recording, &ImportedFile { path, ..file }),
            None => Ok(()),
        });
        if let Err(error) = noted {
            tracing::warn!(%recording, %error, "A file that was renamed can't be noted");
        }
    }
}
