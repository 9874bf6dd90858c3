//! The methods of [`App`] that begin, cancel and dismiss jobs: background work on files.

use std::path::PathBuf;

use snaplark_core::render::{RenderError, RenderProgress};
use tokio::sync::oneshot;

use crate::engine::{JobFailure, JobOutcome, JobSpec, Work};
use crate::messages::EngineCommand;
use crate::{App, AppError};

impl App {
    /// Begins a job and returns its number as soon as its row is committed. Snapshots show it, waiting for its
    /// turn, running, and after its end until it is dismissed. The work returns the file that it has written.
    pub(crate) async fn begin_job(
        &self,
        job: JobSpec,
        work: impl FnOnce(&RenderProgress) -> Result<Option<PathBuf>, AppError> + Send + 'static,
    ) -> Result<u64, AppError> {
        let work: Work =
            Box::new(move |progress| JobOutcome::Shown(work(progress).map_err(JobFailure::from)));
        self.ask(|reply| EngineCommand::RunJob { job, work, reply }).await?
    }

    /// Runs a job and returns its result. Snapshots show it until then, and [`App::cancel_job`] ends it. It is
    /// cancelled when the program closes.
    pub(crate) async fn run_job<T: Send + 'static>(
        &self,
        job: JobSpec,
        work: impl FnOnce(&RenderProgress) -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let (made, result) = oneshot::channel();
        let work: Work = Box::new(move |progress| {
            drop(made.send(work(progress)));
            JobOutcome::Replied
        });
        self.ask(|reply| EngineCommand::RunJob { job, work, reply }).await??;
        // The work was dropped before it was its turn.
        result.await.map_err(|_| RenderError::Cancelled.into())
    }

    /// Cancels a job of the snapshot. What it was writing is not left behind. Does nothing if it has ended.
    pub async fn cancel_job(&self, job: u64) -> Result<(), AppError> {
        self.send(EngineCommand::CancelJob { job }).await
    }

    /// Removes a job that has ended from snapshots. Does nothing if it has not ended.
    pub async fn dismiss_job(&self, job: u64) -> Result<(), AppError> {
        self.send(EngineCommand::DismissJob { job }).await
    }
}
