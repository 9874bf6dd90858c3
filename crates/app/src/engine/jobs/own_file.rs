//! The job that writes the person's own file of a recording, and then its still.

use std::path::{Path, PathBuf};

use snaplark_core::RecordingId;
use snaplark_core::render::{Recipe, RenderError};
use tracing::debug;

use super::{Context, JobOutcome, Jobs};
use crate::source::RecordingSource;
use crate::view::{FileProblem, JobKind};

/// The result of writing a recording's own file.
#[derive(Debug, Default)]
pub(crate) struct OwnFile {
    pub(crate) file: Option<PathBuf>,
    /// Why there is no file, or why it is in another folder than intended.
    pub problem: Option<FileProblem>,
    /// There is no file because these segments are damaged.
    pub(crate) damaged: Vec<u32>,
}

impl Jobs {
    /// Writes the person's own file of a recording. The error says why that can't even be tried.
    pub(crate) fn write_own_file(
        &mut self,
        cx: &Context,
        recording: RecordingId,
    ) -> Result<(), FileProblem> {
        let row = cx.store.recording(recording)?;
        let source = RecordingSource::new(&cx.store, recording)?;
        let chosen = cx.settings.recording.save_folder.as_ref();
        let save_folder = chosen.unwrap_or(&cx.home.save_folder).clone();
        let instead = cx.home.spare_save_folder();
        let name = format!("recording_{}", row.started_text);
        let media = self.media(cx, recording);
        let render = self.render.clone();
        let work = move |progress: &_| {
            let write = |folder: &Path| {
                let recipe = Recipe::OwnFile { segments: &source, folder, name: &name };
                render.render(&recipe, progress)
            };
            // The person's folder may be on a USB stick that was pulled or a network share that is away.
            // Damage to the recording's own files does not depend on the target folder.
            let own = match write(&save_folder) {
                Ok(file) => OwnFile { file: Some(file), ..OwnFile::default() },
                Err(RenderError::Damaged(damaged)) => OwnFile { damaged, ..OwnFile::default() },
                Err(RenderError::Unwritable { path, reason }) => {
                    let path = path.to_string_lossy().into_owned();
                    match write(&instead) {
                        Ok(file) => {
                            let folder = instead.to_string_lossy().into_owned();
                            let problem = FileProblem::Elsewhere { path, reason, folder };
                            let problem = Some(problem);
                            OwnFile { file: Some(file), problem, damaged: Vec::new() }
                        }
                        Err(_) => failed(FileProblem::Unwritable { path, reason }),
                    }
                }
                Err(error) => failed(error.into()),
            };
            JobOutcome::OwnFile(recording, own)
        };
        // The still is made now, since the segments may be gone by the time the card is first shown.
        self.begin_unlisted(cx, Some(JobKind::OwnFile), recording, work, move || {
            if let Err(error) = media.and_then(|media| media.still()) {
                debug!(%recording, %error, "There is no still of a recording");
            }
        });
        Ok(())
    }
}

fn failed(problem: FileProblem) -> OwnFile {
    OwnFile { problem: Some(problem), ..OwnFile::default() }
}
