//! Jobs with a row: they were asked for, wait for their turn, and outlive the program as what was interrupted.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use snaplark_core::render::Render;
use snaplark_store::{JobId, JobProgress, JobRow, NewJob, Store, StoreError};
use tracing::{info, warn};

use super::{
    Context, ENDED_SHOWN_MAX, EXPORTS_AT_ONCE_MAX, Job, JobEnd, JobSpec, JobStage, Jobs,
    UNLISTED_FROM, Work, now_unix_ms, spawn,
};
use crate::view::JobKind;
use crate::{AppError, ErrorCode};

/// The part of a row that describes the work.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct JobParams {
    target: Option<String>,
    part: Option<String>,
}

/// Why a job failed, as its row holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobFailure {
    pub(crate) code: ErrorCode,
    /// The cause as others put it.
    pub(crate) reason: String,
}

#[derive(Serialize, Deserialize)]
struct StoredFailure {
    code: String,
    #[serde(default)]
    params: FailureParams,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct FailureParams {
    reason: String,
}

impl From<AppError> for JobFailure {
    fn from(error: AppError) -> Self {
        JobFailure { code: error.code(), reason: error.reason() }
    }
}

impl JobFailure {
    pub(super) fn died() -> Self {
        JobFailure { code: ErrorCode::Unknown, reason: String::new() }
    }

    fn stored(&self) -> String {
        let params = FailureParams { reason: self.reason.clone() };
        let stored = StoredFailure { code: self.code.to_string(), params };
        // It is plain data, so converting it to JSON never fails.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    fn read(error: &str) -> Self {
        match serde_json::from_str(error) {
            Ok(StoredFailure { code, params }) => {
                JobFailure { code: ErrorCode::parse(&code), reason: params.reason }
            }
            Err(_) => JobFailure::died(),
        }
    }
}

impl Jobs {
    /// Reads the jobs that failed or were interrupted and that nobody has dismissed, and forgets the others of
    /// earlier runs.
    pub(crate) fn open(render: Arc<dyn Render>, store: &Store) -> Result<Self, StoreError> {
        let mut jobs = Jobs {
            render,
            making_still: Arc::new(Mutex::new(())),
            jobs: Default::default(),
            next_unlisted: UNLISTED_FROM,
            closing: false,
        };
        for JobRow { id, work, progress, .. } in store.ended_jobs()? {
            let end = match progress {
                JobProgress::Failed { error } => JobEnd::Failed(JobFailure::read(&error)),
                JobProgress::Interrupted => JobEnd::Interrupted,
                JobProgress::Waiting
                | JobProgress::Running { .. }
                | JobProgress::Done
                | JobProgress::Cancelled => {
                    store.forget_job(id)?;
                    continue;
                }
            };
            // The row of a later version's job stays for that version.
            let Some(kind) = JobKind::of_name(&work.kind) else { continue };
            let params: JobParams = serde_json::from_str(&work.params).unwrap_or_default();
            let target = params.target.map(PathBuf::from);
            if let Some(part) = params.part.map(PathBuf::from) {
                remove_left(id, part);
            }
            let job = Job::new(Some(kind), work.item, target, JobStage::Ended(end));
            jobs.jobs.insert(id.0.unsigned_abs(), job);
        }
        Ok(jobs)
    }

    /// Commits a job, and begins it as soon as it is its turn. Returns its number.
    pub(crate) fn begin(
        &mut self,
        cx: &Context,
        spec: JobSpec,
        work: Work,
    ) -> Result<u64, AppError> {
        if self.closing {
            return Err(AppError::Closing);
        }
        let JobSpec { kind, item, target, part } = spec;
        let params = params(target.as_ref(), part.as_ref());
        let row = NewJob { item, kind: kind.name().to_owned(), params };
        let id = loop {
            let row = cx.store.add_job(&row, now_unix_ms())?;
            // A rebuilt database counts from the beginning.
            if !self.jobs.contains_key(&row.0.unsigned_abs()) {
                break row.0.unsigned_abs();
            }
            cx.store.forget_job(row)?;
        };
        self.jobs.insert(id, Job::new(Some(kind), item, target, JobStage::Waiting(work)));
        self.begin_waiting(cx);
        Ok(id)
    }

    /// Dismisses a job that has ended. Does nothing to another.
    pub(crate) fn dismiss(&mut self, cx: &Context, id: u64) {
        if self.jobs.get(&id).is_some_and(|job| matches!(job.stage, JobStage::Ended(_))) {
            self.forget(cx, id);
        }
    }

    /// Begins the jobs whose turn it is, in the order of their numbers.
    pub(super) fn begin_waiting(&mut self, cx: &Context) {
        if self.closing {
            return;
        }
        let mut taken =
            self.running().filter(|job| job.kind.is_some_and(JobKind::takes_turns)).count();
        for (id, job) in &mut self.jobs {
            let takes_turns = job.kind.is_some_and(JobKind::takes_turns);
            if !matches!(job.stage, JobStage::Waiting(_))
                || (takes_turns && taken >= EXPORTS_AT_ONCE_MAX)
            {
                continue;
            }
            let begun = std::mem::replace(&mut job.stage, JobStage::now(cx));
            if let JobStage::Waiting(work) = begun {
                taken += usize::from(takes_turns);
                note(cx, *id, &JobProgress::Running { thousandths: 0 });
                spawn(cx, *id, &job.progress, work, || {});
            }
        }
    }

    /// Notes the end of a job that nobody waits for.
    pub(super) fn ended_visibly(
        &mut self,
        cx: &Context,
        id: u64,
        result: Result<Option<PathBuf>, JobFailure>,
    ) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let end = match result {
            Ok(written) => {
                if written.is_some() {
                    job.target = written;
                }
                JobEnd::Done
            }
            // It counts as interrupted: its row stays as it is.
            Err(_) if self.closing => {
                self.jobs.remove(&id);
                return;
            }
            Err(_) if job.progress.is_cancelled() => return self.forget(cx, id),
            Err(failure) => {
                warn!(job = id, code = %failure.code, reason = failure.reason, "Job failed");
                JobEnd::Failed(failure)
            }
        };
        let progress = match &end {
            JobEnd::Done => {
                info!(job = id, "Job done");
                JobProgress::Done
            }
            JobEnd::Failed(failure) => JobProgress::Failed { error: failure.stored() },
            JobEnd::Interrupted => JobProgress::Interrupted,
        };
        job.progress.advance(u64::from(end == JobEnd::Done), 1);
        job.stage = JobStage::Ended(end);
        // Whoever ended has removed its part.
        let target = params(job.target.as_ref(), None);
        if let Err(error) = cx.store.set_job_params(row(id), &target) {
            warn!(job = id, %error, "A job's row can't be written");
        }
        note(cx, id, &progress);
        self.forget_oldest(cx);
    }

    /// Removes a job and its row.
    pub(super) fn forget(&mut self, cx: &Context, id: u64) {
        if self.jobs.remove(&id).is_some()
            && id < UNLISTED_FROM
            && let Err(error) = cx.store.forget_job(row(id))
        {
            warn!(job = id, %error, "A job's row can't be removed");
        }
    }

    fn forget_oldest(&mut self, cx: &Context) {
        let ended = self.jobs.iter().filter(|(_, job)| matches!(job.stage, JobStage::Ended(_)));
        let ended: Vec<u64> = ended.map(|(id, _)| *id).collect();
        for id in &ended[..ended.len().saturating_sub(ENDED_SHOWN_MAX)] {
            self.forget(cx, *id);
        }
    }
}

fn params(target: Option<&PathBuf>, part: Option<&PathBuf>) -> String {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let params = JobParams { target: target.map(text), part: part.map(text) };
    // It is plain data, so converting it to JSON never fails.
    serde_json::to_string(&params).unwrap_or_default()
}

/// Removes what a job had written when the program was killed. Its folder may be on a slow disk, so nobody waits. One
/// that is out of reach now is removed at a later start, unless the job was dismissed.
fn remove_left(id: JobId, part: PathBuf) {
    tokio::task::spawn_blocking(move || match std::fs::remove_dir_all(&part) {
        Ok(()) => info!(job = id.0, "Rest of an interrupted job removed"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => warn!(job = id.0, %error, "Rest of an interrupted job can't be removed"),
    });
}

/// Writes where a job stands. If that fails, the next start takes the job for one that was interrupted.
fn note(cx: &Context, id: u64, progress: &JobProgress) {
    if let Err(error) = cx.store.note_job(row(id), progress, now_unix_ms()) {
        warn!(job = id, %error, "A job's row can't be written");
    }
}

fn row(id: u64) -> JobId {
    JobId(id.cast_signed())
}
