//! Jobs: background work on files, with progress and cancel. Each runs on a thread of its own and reports its
//! end as [`Message::JobEnded`], also when it panics.
//!
//! ```text
//! begin ─► row ─► waiting ─► running ─► done, failed ─► dismissed ─► no row
//!                    │          └─► cancelled ─► no row
//!                    └──────────┴──program ends──► (next start) interrupted ─► dismissed ─► no row
//! ```
//!
//! Jobs that a person may wait for have a kind; snapshots show them, and they can be cancelled. Those that were
//! asked for have a row in the store, which is committed before the work begins. A job that was interrupted is
//! not begun again by itself: the windows say so, and what it had written is removed. The person's own file of a recording needs no row: that the recording lacks its file is in the recording's row,
//! so the next start writes it.

mod listed;
mod own_file;
mod repair;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use snaplark_core::render::{Render, RenderProgress};
use snaplark_core::{ItemId, RecordingId};
use snaplark_store::Segment;
use tokio::sync::mpsc;

use super::context::{Context, now_unix_ms};
use crate::messages::Message;
use crate::source::Repair;
use crate::view::{JobKind, JobStateView, JobView};
use crate::{AppError, PlayableMedia};

pub(crate) use listed::JobFailure;
pub(crate) use own_file::OwnFile;

/// How many jobs run at once of the kinds that take turns. An encoder keeps most cores busy by itself; the second
/// uses what the first leaves, and a recording still finds the time it needs.
const EXPORTS_AT_ONCE_MAX: usize = 2;
/// How many jobs that have ended are shown: more than fit into the window, and so few that snapshots stay small.
const ENDED_SHOWN_MAX: usize = 20;
/// The numbers of jobs without a row begin here, above those of the store and still exact in JavaScript.
const UNLISTED_FROM: u64 = 1 << 52;
/// A share says nothing about the time that is left before so much is done, or before it has run that long.
const ESTIMATE_THOUSANDTHS_MIN: u64 = 10;
const ESTIMATE_AFTER_MS: u64 = 2_000;

/// Work for a thread of its own. It reports its progress, and ends soon after it was cancelled.
pub(crate) type Work = Box<dyn FnOnce(&RenderProgress) -> JobOutcome + Send>;

/// A job that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobSpec {
    pub(crate) kind: JobKind,
    /// The item that it is about. The job is cancelled when the item is deleted.
    pub(crate) item: Option<ItemId>,
    /// The file that it writes.
    pub(crate) target: Option<PathBuf>,
    /// The folder of the job's own in which it is written. The next start removes it if the program is killed.
    pub(crate) part: Option<PathBuf>,
}

/// The background work.
pub(super) struct Jobs {
    render: Arc<dyn Render>,
    /// Allows one still at a time, since a library that opens asks for dozens.
    making_still: Arc<Mutex<()>>,
    jobs: BTreeMap<u64, Job>,
    next_unlisted: u64,
    /// The program closes: nothing begins any more, and rows stay as they are for the next start.
    closing: bool,
}

struct Job {
    /// `None`: a repair. Nobody asked for it, and half of one would be worse than none.
    kind: Option<JobKind>,
    item: Option<ItemId>,
    target: Option<PathBuf>,
    progress: Arc<RenderProgress>,
    /// The program waits for the job when it closes.
    must_end: bool,
    stage: JobStage,
}

enum JobStage {
    Waiting(Work),
    Running { since_ms: u64, started_unix_ms: i64 },
    Ended(JobEnd),
}

/// The end of a job that stays visible.
#[derive(Clone, Debug, PartialEq, Eq)]
enum JobEnd {
    Done,
    Failed(JobFailure),
    Interrupted,
}

/// The result of a job.
pub(crate) enum JobOutcome {
    OwnFile(RecordingId, OwnFile),
    Repaired(RecordingId, Repair),
    /// Nobody waits for the job: its end is shown. If it has written a file, this is it.
    Shown(Result<Option<PathBuf>, JobFailure>),
    /// Whoever asked for the job knows.
    Replied,
    /// It panicked.
    Died,
}

impl Jobs {
    /// Cancels a job. One that waits ends at once, another at its next step. Does nothing to one that has ended.
    pub(crate) fn cancel(&mut self, cx: &Context, id: u64) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.kind.is_some()) else { return };
        match job.stage {
            JobStage::Running { .. } => job.progress.cancel(),
            JobStage::Waiting(_) => self.forget(cx, id),
            JobStage::Ended(_) => {}
        }
    }

    /// Cancels the jobs that need the files of an item, because the item was deleted.
    pub(crate) fn cancel_of(&mut self, cx: &Context, item: ItemId) {
        let needs_it =
            |job: &Job| job.item == Some(item) && job.kind.is_some_and(JobKind::takes_turns);
        let ids: Vec<u64> =
            self.jobs.iter().filter(|(_, job)| needs_it(job)).map(|(id, _)| *id).collect();
        for id in ids {
            self.cancel(cx, id);
        }
    }

    /// Cancels what need not be finished, because the program closes.
    pub(crate) fn shut_down(&mut self) {
        self.closing = true;
        // Their rows stay, so the next start says that they were interrupted.
        self.jobs.retain(|_, job| matches!(job.stage, JobStage::Running { .. }));
        for job in self.jobs.values().filter(|job| !job.must_end) {
            job.progress.cancel();
        }
    }

    /// Notes that a job has ended, and begins those that waited for it.
    pub(crate) fn ended(&mut self, cx: &Context, id: u64, outcome: &JobOutcome) {
        match outcome {
            JobOutcome::Shown(result) => self.ended_visibly(cx, id, result.clone()),
            JobOutcome::Died if id < UNLISTED_FROM => {
                self.ended_visibly(cx, id, Err(JobFailure::died()));
            }
            JobOutcome::OwnFile(..)
            | JobOutcome::Repaired(..)
            | JobOutcome::Replied
            | JobOutcome::Died => self.forget(cx, id),
        }
        self.begin_waiting(cx);
    }

    /// Returns whether no job runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.running().next().is_none()
    }

    /// Returns whether a job runs whose progress people may look at.
    pub(crate) fn are_shown(&self) -> bool {
        self.running().any(|job| job.kind.is_some())
    }

    /// Returns what snapshots show, oldest first.
    pub(crate) fn views(&self, now_ms: u64) -> Vec<JobView> {
        let view = |(id, job): (&u64, &Job)| {
            let kind = job.kind?;
            let (started_unix_ms, seconds_left) = match job.stage {
                JobStage::Running { since_ms, started_unix_ms } => {
                    let ran_ms = now_ms.saturating_sub(since_ms);
                    (Some(started_unix_ms), seconds_left(ran_ms, job.progress.thousandths()))
                }
                JobStage::Waiting(_) | JobStage::Ended(_) => (None, None),
            };
            Some(JobView {
                id: *id,
                kind,
                item: job.item.map(|item| item.to_string()),
                target: job.target.as_ref().map(|path| path.to_string_lossy().into_owned()),
                thousandths: job.progress.thousandths() as u16,
                started_unix_ms,
                seconds_left,
                state: job.state(),
            })
        };
        self.jobs.iter().filter_map(view).collect()
    }

    /// Returns the media of a recording, for players and stills.
    pub(crate) fn media(
        &self,
        cx: &Context,
        recording: RecordingId,
    ) -> Result<PlayableMedia, AppError> {
        Ok(PlayableMedia::new(
            cx.store.recording(recording)?,
            cx.store.folder(recording),
            cx.store.segments(recording)?,
            self.render.clone(),
            self.making_still.clone(),
        ))
    }

    /// Returns the media of a preview, which is not a recording yet.
    pub(crate) fn media_of_preview(
        &self,
        folder: std::path::PathBuf,
        segments: Vec<Segment>,
    ) -> PlayableMedia {
        let (render, making_still) = (self.render.clone(), self.making_still.clone());
        PlayableMedia::of_preview(folder, segments, render, making_still)
    }

    fn running(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(|job| matches!(job.stage, JobStage::Running { .. }))
    }

    /// Runs work that has no row. The program waits for it when it closes.
    fn begin_unlisted(
        &mut self,
        cx: &Context,
        kind: Option<JobKind>,
        recording: RecordingId,
        work: impl FnOnce(&RenderProgress) -> JobOutcome + Send + 'static,
        afterwards: impl FnOnce() + Send + 'static,
    ) {
        let id = self.next_unlisted;
        self.next_unlisted += 1;
        let mut job = Job::new(kind, Some(recording.into()), None, JobStage::now(cx));
        job.must_end = true;
        spawn(cx, id, &job.progress, Box::new(work), afterwards);
        self.jobs.insert(id, job);
    }
}

impl Job {
    fn new(
        kind: Option<JobKind>,
        item: Option<ItemId>,
        target: Option<PathBuf>,
        stage: JobStage,
    ) -> Self {
        Job { kind, item, target, progress: Arc::default(), must_end: false, stage }
    }

    fn state(&self) -> JobStateView {
        match &self.stage {
            JobStage::Waiting(_) => JobStateView::Waiting,
            JobStage::Running { .. } if self.progress.is_cancelled() => JobStateView::Cancelling,
            JobStage::Running { .. } => JobStateView::Running,
            JobStage::Ended(JobEnd::Done) => JobStateView::Done,
            JobStage::Ended(JobEnd::Failed(JobFailure { code, reason })) => {
                JobStateView::Failed { code: *code, reason: reason.clone() }
            }
            JobStage::Ended(JobEnd::Interrupted) => JobStateView::Interrupted,
        }
    }
}

impl JobStage {
    fn now(cx: &Context) -> Self {
        JobStage::Running { since_ms: cx.now_ms(), started_unix_ms: now_unix_ms() }
    }
}

/// Estimates the rest of a job from the share that is done.
fn seconds_left(ran_ms: u64, thousandths: u64) -> Option<u64> {
    (ran_ms >= ESTIMATE_AFTER_MS && thousandths >= ESTIMATE_THOUSANDTHS_MIN)
        .then(|| (ran_ms * 1_000_u64.saturating_sub(thousandths) / thousandths).div_ceil(1_000))
}

/// Runs work and reports its end, and then something that nobody waits for.
fn spawn(
    cx: &Context,
    job: u64,
    progress: &Arc<RenderProgress>,
    work: Work,
    afterwards: impl FnOnce() + Send + 'static,
) {
    let (inbox, progress) = (cx.inbox.clone(), progress.clone());
    let mut report = EndReport { inbox, job, outcome: Some(JobOutcome::Died) };
    tokio::task::spawn_blocking(move || {
        report.outcome = Some(work(&progress));
        drop(report);
        afterwards();
    });
}

/// Reports the end of a job when it is dropped, so that a job that panics ends too.
struct EndReport {
    inbox: mpsc::Sender<Message>,
    job: u64,
    outcome: Option<JobOutcome>,
}

impl Drop for EndReport {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            // Fails only if the event loop has ended.
            let _ = self.inbox.blocking_send(Message::JobEnded { job: self.job, outcome });
        }
    }
}
