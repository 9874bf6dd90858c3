//! Recordings in the editor: shown, cut, saved as one goes.
//!
//! - The source is never changed. An edit is saved beside it, as a whole, each time that something changes.
//! - An edit is saved only in place of the one that it was made from, and never in place of one of a newer form. So
//!   neither the command line nor a second window loses anything.
//! - Publishing is in `publish`, recording on at the end in `append`.
//! - Decoding (thumbnails, waveform) runs outside of the event loop, rows are written inside of it.

pub(crate) mod append;
pub(crate) mod copy;
mod policy;
pub(crate) mod publish;
pub(crate) mod rows;
#[cfg(test)]
mod tests;
pub mod view;

use std::convert::identity;
use std::path::PathBuf;

use serde::Deserialize;
use snaplark_core::RecordingId;
use snaplark_core::capture::Source;
use snaplark_core::edit::Edit;
use snaplark_core::render::{ExportOptions, RenderError, RenderProgress};
use snaplark_store::{NewAppend, NewRecording, RING};
use tokio::sync::oneshot;
use ts_rs::TS;

use crate::exports::{EditedRecording, part_beside};
use crate::messages::{EngineCommand, Reply};
use crate::pictures::name;
use crate::view::{JobKind, JobView};
use crate::{App, AppError, ErrorCode, JobSpec, StartRequest, titles};

use copy::CopiedCut;
use publish::{PublishBasis, PublishRow, ReadyCut};
use rows::CutRow;
use view::{CutEdit, CutFormat, CutView};

/// A request of the recording editor to the event loop.
pub(crate) enum CutsCommand {
    Read {
        recording: RecordingId,
        reply: Reply<CutRow>,
    },
    /// Reads what is known of the recording's versions.
    Versions {
        recording: RecordingId,
        reply: Reply<PublishRow>,
    },
    /// Reads what the next version is planned from.
    Basis {
        recording: RecordingId,
        reply: Reply<PublishBasis>,
    },
    /// Uploads what was rendered as the recording's next version. Replies false if what that was planned from has
    /// changed since.
    Publish {
        recording: RecordingId,
        ready: Box<ReadyCut>,
        reply: Reply<bool>,
    },
    /// Continues the upload of the recording's last version, or of the recording as it is.
    PublishAgain {
        recording: RecordingId,
        reply: Reply<()>,
    },
    /// Appends a recording, of which there are copies, to another one. Replies false if what they were made from has
    /// changed.
    Append {
        to: RecordingId,
        new: Box<NewAppend>,
        reply: Reply<bool>,
    },
    /// Asks whether something was appended to a recording that is not on its way to its link yet.
    IsAppendToPublish {
        to: RecordingId,
        reply: Reply<bool>,
    },
    /// Notes that what was appended to a recording is on its way to its link, or can't get there.
    AppendPublished {
        to: RecordingId,
        reply: Reply<()>,
    },
    /// Leaves a recording that could not be appended as one of its own.
    NotAppended {
        more: RecordingId,
        reply: Reply<()>,
    },
    /// Makes a recording of what was rendered.
    Adopt {
        cut: Box<CopiedCut>,
        reply: Reply<()>,
    },
    /// Saves an edit in place of the one with the revision `replaces`; `None`: in place of any.
    Save {
        recording: RecordingId,
        edit: Edit,
        replaces: Option<u32>,
        reply: Reply<u32>,
    },
}

impl CutsCommand {
    /// Returns whether the command only reads.
    pub(crate) fn is_question(&self) -> bool {
        match self {
            CutsCommand::Read { .. }
            | CutsCommand::Versions { .. }
            | CutsCommand::Basis { .. }
            | CutsCommand::IsAppendToPublish { .. } => true,
            CutsCommand::Save { .. }
            | CutsCommand::Append { .. }
            | CutsCommand::AppendPublished { .. }
            | CutsCommand::NotAppended { .. }
            | CutsCommand::Adopt { .. }
            | CutsCommand::Publish { .. }
            | CutsCommand::PublishAgain { .. } => false,
        }
    }
}

/// How a recording is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[ts(export)]
pub struct ExportChoice {
    /// The format.
    pub format: CutFormat,
    /// The frames of a second; `None`: as recorded.
    pub fps: Option<u32>,
    /// The width in pixels; `None`: as recorded.
    pub width: Option<u32>,
}

impl ExportChoice {
    fn options(self) -> ExportOptions {
        ExportOptions { format: self.format.format(), fps: self.fps, width: self.width }
    }
}

/// The recordings that are edited. Clones are handles to the same program.
#[derive(Clone)]
pub struct Cuts {
    app: App,
}

impl Cuts {
    pub(crate) fn new(app: App) -> Self {
        Cuts { app }
    }

    /// Returns what the editor shows. The address of its file is for the shell to fill in.
    pub async fn open(&self, recording: RecordingId) -> Result<CutView, AppError> {
        let row = self.row(recording).await?;
        let media = self.app.media(recording).await?;
        let media = blocking(move || media.view()).await?;
        Ok(CutView {
            edit: row.edit.as_ref().and_then(CutEdit::of),
            revision: row.revision,
            is_of_newer_form: row.is_of_newer_form,
            width: row.recording.width,
            height: row.recording.height,
            fps: row.recording.fps,
            has_sound: media.mime.contains("opus"),
            media,
            file: None,
            id: row.view.id,
            title: row.view.title,
            duration_ms: row.view.duration_ms,
            issues: row.view.issues,
            link: row.view.link,
            state: row.view.state,
            upload: row.view.upload,
            publish: row.publish.view(),
            jobs: row.jobs,
        })
    }

    /// Saves an edit in place of the one with the revision `replaces` and returns its own revision. If another was
    /// saved meanwhile, nothing is saved. `None` replaces whichever there is.
    pub async fn save(
        &self,
        recording: RecordingId,
        edit: CutEdit,
        replaces: Option<u32>,
    ) -> Result<u32, AppError> {
        let edit = edit.into_edit();
        self.ask(|reply| CutsCommand::Save { recording, edit, replaces, reply }).await
    }

    /// Returns the waveform of the pieces of the media from one on, up to some two minutes, in peaks of 50 ms. It is
    /// kept beside the recording.
    pub async fn waveform(
        &self,
        recording: RecordingId,
        first_piece: usize,
    ) -> Result<Vec<u8>, AppError> {
        let media = self.app.media(recording).await?;
        blocking(move || media.waveform(first_piece, policy::WAVEFORM_MS_MAX)).await
    }

    /// Returns where an export is written unless the person chooses another place.
    pub async fn proposed_file(
        &self,
        recording: RecordingId,
        format: CutFormat,
    ) -> Result<PathBuf, AppError> {
        let chosen = self.app.settings().await?.recording.save_folder;
        let folder = chosen.unwrap_or_else(|| self.app.home.save_folder.clone());
        let row = self.row(recording).await?.recording;
        let stem = name::of_recording(&row.title, &row.started_text);
        Ok(folder.join(match format.ending() {
            Some(ending) => format!("{stem}.{ending}"),
            None => stem,
        }))
    }

    /// Begins to export the recording as it is edited now, to a file or a folder that is not there yet; an existing one
    /// is never replaced. Returns the number of the job, which snapshots show until it is dismissed.
    pub async fn export(
        &self,
        recording: RecordingId,
        options: ExportChoice,
        file: PathBuf,
    ) -> Result<u64, AppError> {
        let (edited, options) = (self.edited(recording).await?, options.options());
        let (render, part) = (self.app.render.clone(), part_beside(&file));
        let job = JobSpec {
            kind: JobKind::Export,
            item: Some(recording.into()),
            target: Some(file.clone()),
            part: Some(part.clone()),
        };
        let work = move |progress: &RenderProgress| {
            let edit = edited.edit();
            edited.export_by(&*render, edit, &options, &file, &part, progress).map(Some)
        };
        self.app.begin_job(job, work).await
    }

    /// Starts a recording of the display, with the settings' sound, that plays in the place of a stretch of this one when
    /// it ends.
    pub async fn record_again(
        &self,
        recording: RecordingId,
        stretch: (u64, u64),
    ) -> Result<RecordingId, AppError> {
        let settings = self.app.settings().await?.recording;
        let wanted = settings.request_with_microphone_at_hand(Source::Display(None));
        let (append_to, replaces) = (Some(recording), Some(stretch));
        self.app.start_recording(StartRequest { append_to, replaces, ..wanted }).await
    }

    /// Makes a recording of its own out of the edit, with a link of its own. Returns its id; `None` if it
    /// was cancelled.
    pub async fn copy(&self, recording: RecordingId) -> Result<Option<RecordingId>, AppError> {
        let edited = self.edited(recording).await?;
        let row = self.row(recording).await?.recording;
        let id = RecordingId(uuid::Uuid::now_v7());
        let now = jiff::Zoned::now();
        let new = NewRecording {
            id,
            title: titles::given(&format!("{} (2)", row.title)).unwrap_or(row.title),
            started_text: now.strftime("%Y-%m-%dT%H-%M-%S").to_string(),
            started_unix_ms: now.timestamp().as_millisecond(),
            fps: row.fps,
            bitrate_bits: row.bitrate_bits,
        };
        let folder = self.app.home.root.join(RING).join(format!("cut-{id}"));
        let render = self.app.render.clone();
        let size = (row.width, row.height);
        let to = folder.clone();
        let work = move |progress: &RenderProgress| {
            let edit = edited.edit().cloned().unwrap_or(Edit::whole(edited.duration_ms()));
            copy::write(edited.source(), &edit, &*render, &to, progress)
        };
        let (kind, item) = (JobKind::Export, Some(recording.into()));
        let made = self.app.run_job(JobSpec { kind, item, target: None, part: None }, work).await;
        let Some(made) = unless_cancelled(made.and_then(identity))? else { return Ok(None) };
        let cut = Box::new(CopiedCut { of: recording, new, size, folder, made });
        self.ask(|reply| CutsCommand::Adopt { cut, reply }).await?;
        Ok(Some(id))
    }

    /// Estimates the size of an export, from a sample of it.
    pub async fn export_bytes(
        &self,
        recording: RecordingId,
        options: ExportChoice,
    ) -> Result<u64, AppError> {
        let edited = self.edited(recording).await?;
        let render = self.app.render.clone();
        blocking(move || edited.export_bytes(&*render, edited.edit(), &options.options())).await
    }

    /// Returns an export of this recording.
    pub async fn job(&self, recording: RecordingId, job: u64) -> Result<JobView, AppError> {
        let found = self.row(recording).await?.jobs.into_iter().find(|found| found.id == job);
        found.ok_or_else(|| AppError::told(ErrorCode::NoFile, job))
    }

    /// Opens the recording for reading, in a row of its own: what is edited meanwhile is not exported.
    async fn edited(&self, recording: RecordingId) -> Result<EditedRecording, AppError> {
        // An edit that this version can't open is not left out silently.
        if self.row(recording).await?.is_of_newer_form {
            let text = "it was edited with a newer version of Snaplark";
            return Err(AppError::told(ErrorCode::NewerEdit, text));
        }
        let home = self.app.home.clone();
        blocking(move || EditedRecording::open(&home, recording)).await
    }

    async fn row(&self, recording: RecordingId) -> Result<CutRow, AppError> {
        self.ask(|reply| CutsCommand::Read { recording, reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, AppError>>) -> CutsCommand,
    ) -> Result<T, AppError> {
        self.app.ask(|reply| EngineCommand::Cuts(command(reply))).await?
    }
}

impl App {
    /// Returns the recording editor's part of the program.
    pub fn cuts(&self) -> Cuts {
        Cuts::new(self.clone())
    }
}

fn unless_cancelled<T>(done: Result<T, AppError>) -> Result<Option<T>, AppError> {
    match done {
        Err(AppError::Render(RenderError::Cancelled)) => Ok(None),
        done => done.map(Some),
    }
}

/// Runs something that reads files or decodes on a thread that may block.
async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(act).await.map_err(|_| AppError::Closing)?
}
