//! Jobs over a real store, with work that the tests hold up and let go.

use std::sync::mpsc::{Receiver, Sender, channel};

use snaplark_core::render::RenderError;
use snaplark_store::{JobId, JobProgress, Store};
use tokio::sync::watch;

use super::*;
use crate::engine::Broadcasts;
use crate::fake_render::FakeRender;
use crate::{ErrorCode, Home, Settings};

struct Rig {
    jobs: Jobs,
    cx: Context,
    messages: mpsc::Receiver<Message>,
    folder: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        Rig::open(tempfile::tempdir().unwrap())
    }

    fn open(folder: tempfile::TempDir) -> Self {
        let root = folder.path().to_owned();
        let mut store = Store::open(&root).unwrap();
        store.recover(&crate::finish::Webm).unwrap();
        let home = Home { save_folder: root.join("saved"), root };
        let (inbox, messages) = mpsc::channel(32);
        let broadcasts = Broadcasts {
            changed: watch::Sender::default(),
            is_awake: watch::Sender::default(),
            levels: watch::Sender::default(),
            settings: watch::Sender::new(Settings::default()),
            appends: mpsc::unbounded_channel().0,
        };
        let notices = Box::new(|_| {});
        let jobs = Jobs::open(Arc::new(FakeRender::default()), &store).unwrap();
        let cx = Context::new(home, store, Settings::default(), inbox, notices, broadcasts);
        Rig { jobs, cx, messages, folder }
    }

    /// The program is killed, and is there again.
    fn killed(self) -> Rig {
        let Rig { cx, jobs, messages, folder } = self;
        drop((cx, jobs, messages));
        Rig::open(folder)
    }

    fn begin(
        &mut self,
        kind: JobKind,
        work: impl FnOnce(&RenderProgress) -> JobOutcome + Send + 'static,
    ) -> u64 {
        let target = Some(PathBuf::from("/videos/take.mp4"));
        let job = JobSpec { kind, item: None, target, part: None };
        self.jobs.begin(&self.cx, job, Box::new(work)).unwrap()
    }

    /// Begins an export that ends with this result when it is let go.
    fn export(&mut self, result: Result<Option<PathBuf>, JobFailure>) -> (u64, HeldWork) {
        let ((begun, has_begun), (go_on, may_go_on)) = (channel(), channel::<()>());
        let id = self.begin(JobKind::Export, move |progress| {
            begun.send(()).unwrap();
            let _ = may_go_on.recv();
            match progress.is_cancelled() {
                true => JobOutcome::Shown(Err(AppError::Render(RenderError::Cancelled).into())),
                false => JobOutcome::Shown(result),
            }
        });
        (id, HeldWork { has_begun, go_on })
    }

    async fn end(&mut self) {
        match self.messages.recv().await {
            Some(Message::JobEnded { job, outcome }) => self.jobs.ended(&self.cx, job, &outcome),
            _ => panic!("it is not the end of a job"),
        }
    }

    fn states(&self) -> Vec<(u64, JobStateView)> {
        self.jobs.views(0).into_iter().map(|job| (job.id, job.state)).collect()
    }

    fn row(&self, id: u64) -> Option<JobProgress> {
        self.cx.store.job(JobId(id as i64)).unwrap().map(|row| row.progress)
    }
}

/// Work that ends when it is dropped.
struct HeldWork {
    has_begun: Receiver<()>,
    go_on: Sender<()>,
}

impl HeldWork {
    fn let_go(self) {
        self.has_begun.recv().unwrap();
        drop(self.go_on);
    }
}

fn until_cancelled(progress: &RenderProgress) -> JobOutcome {
    while !progress.is_cancelled() {
        std::thread::yield_now();
    }
    JobOutcome::Replied
}

fn failure() -> JobFailure {
    JobFailure { code: ErrorCode::DiskFull, reason: "no space left".to_owned() }
}

#[tokio::test]
async fn job_is_shown_with_its_progress_until_whoever_waits_has_its_result() {
    let mut rig = Rig::new();
    let (half, is_half) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let id = rig.begin(JobKind::MoveFile, move |progress| {
        progress.advance(1, 2);
        half.send(()).unwrap();
        may_go_on.recv().unwrap();
        JobOutcome::Replied
    });
    is_half.recv().unwrap();
    let now_ms = rig.cx.now_ms();
    let [view] = &rig.jobs.views(now_ms)[..] else { panic!("not one job is shown") };
    assert_eq!((view.kind, view.thousandths), (JobKind::MoveFile, 500));
    assert_eq!((&view.state, view.seconds_left), (&JobStateView::Running, None));
    assert_eq!(view.target.as_deref(), Some("/videos/take.mp4"));
    // Half of it is done after one minute.
    let [view] = &rig.jobs.views(now_ms + 60_000)[..] else { panic!("not one job is shown") };
    assert!(view.seconds_left.is_some_and(|left| (60..=61).contains(&left)), "{view:?}");
    assert_eq!(rig.row(id), Some(JobProgress::Running { thousandths: 0 }));
    assert!(!rig.jobs.is_idle());
    go_on.send(()).unwrap();
    rig.end().await;
    assert_eq!(rig.states(), []);
    assert_eq!(rig.row(id), None);
    assert!(rig.jobs.is_idle());
}

#[tokio::test]
async fn ten_exports_run_two_at_a_time_in_the_order_of_their_beginnings() {
    let mut rig = Rig::new();
    let mut exports = Vec::new();
    for _ in 0..10 {
        exports.push(rig.export(Ok(None)));
    }
    let ids: Vec<u64> = exports.iter().map(|(id, _)| *id).collect();
    let running = |rig: &Rig| -> Vec<u64> {
        let states = rig.states().into_iter();
        states.filter(|(_, state)| *state == JobStateView::Running).map(|(id, _)| id).collect()
    };
    let mut begun: Vec<(u64, HeldWork)> = Vec::new();
    for (at, export) in exports.into_iter().enumerate() {
        begun.push(export);
        if at + 1 < EXPORTS_AT_ONCE_MAX {
            continue;
        }
        assert_eq!(running(&rig), [ids[at - 1], ids[at]]);
        begun.remove(0).1.let_go();
        rig.end().await;
    }
    begun.remove(0).1.let_go();
    rig.end().await;
    let done: Vec<_> = ids.iter().map(|id| (*id, JobStateView::Done)).collect();
    assert_eq!(rig.states(), done);
    assert!(rig.jobs.is_idle());
}

#[tokio::test]
async fn move_of_a_file_does_not_wait_for_exports() {
    let mut rig = Rig::new();
    let exports = [rig.export(Ok(None)), rig.export(Ok(None))];
    let moved = rig.begin(JobKind::MoveFile, |_| JobOutcome::Replied);
    rig.end().await;
    assert_eq!(rig.row(moved), None);
    for (_, export) in exports {
        export.let_go();
        rig.end().await;
    }
}

#[tokio::test]
async fn waiting_export_that_is_cancelled_never_runs_and_leaves_no_row() {
    let mut rig = Rig::new();
    let (first, second) = (rig.export(Ok(None)), rig.export(Ok(None)));
    let (waiting, never_begun) = rig.export(Ok(None));
    assert_eq!(rig.states()[2], (waiting, JobStateView::Waiting));
    rig.jobs.cancel(&rig.cx, waiting);
    assert_eq!((rig.states().len(), rig.row(waiting)), (2, None));
    for (_, export) in [first, second] {
        export.let_go();
        rig.end().await;
    }
    assert!(never_begun.has_begun.recv().is_err(), "its work was dropped");
}

#[tokio::test]
async fn running_export_that_is_cancelled_vanishes_and_others_go_on() {
    let mut rig = Rig::new();
    let ((cancelled, first), (stays, second)) = (rig.export(Ok(None)), rig.export(Ok(None)));
    rig.jobs.cancel(&rig.cx, cancelled);
    assert_eq!(rig.states()[0], (cancelled, JobStateView::Cancelling));
    first.let_go();
    rig.end().await;
    assert_eq!(rig.states(), [(stays, JobStateView::Running)]);
    assert_eq!(rig.row(cancelled), None);
    second.let_go();
    rig.end().await;
    assert!(rig.jobs.is_idle());
}

#[tokio::test]
async fn done_export_names_the_file_that_it_has_written_until_it_is_dismissed() {
    let mut rig = Rig::new();
    let written = PathBuf::from("/videos/take (2).mp4");
    let (id, export) = rig.export(Ok(Some(written.clone())));
    rig.jobs.dismiss(&rig.cx, id);
    assert_eq!(rig.states(), [(id, JobStateView::Running)], "only what has ended is dismissed");
    export.let_go();
    rig.end().await;
    let [view] = &rig.jobs.views(0)[..] else { panic!("not one job is shown") };
    assert_eq!(view.target.as_deref(), written.to_str());
    assert_eq!((view.thousandths, &view.state), (1_000, &JobStateView::Done));
    rig.jobs.dismiss(&rig.cx, id);
    assert_eq!((rig.states().len(), rig.row(id)), (0, None));
}

#[tokio::test]
async fn failed_export_says_why_also_after_a_restart() {
    let mut rig = Rig::new();
    let (failed, export) = rig.export(Err(failure()));
    export.let_go();
    rig.end().await;
    let (done, export) = rig.export(Ok(None));
    export.let_go();
    rig.end().await;
    let JobFailure { code, reason } = failure();
    let why = (failed, JobStateView::Failed { code, reason });
    assert_eq!(rig.states(), [why.clone(), (done, JobStateView::Done)]);
    let rig = rig.killed();
    assert_eq!(rig.states(), [why], "what was done needs no attention after a restart");
    assert_eq!(rig.row(done), None);
}

#[tokio::test]
async fn exports_that_a_kill_interrupted_are_shown_as_interrupted_until_they_are_dismissed() {
    let mut rig = Rig::new();
    let held: Vec<_> = (0..3).map(|_| rig.export(Ok(None))).collect();
    let ids: Vec<u64> = held.iter().map(|(id, _)| *id).collect();
    let mut rig = rig.killed();
    drop(held);
    let interrupted: Vec<_> = ids.iter().map(|id| (*id, JobStateView::Interrupted)).collect();
    assert_eq!(rig.states(), interrupted);
    assert!(rig.jobs.is_idle() && !rig.jobs.are_shown());
    rig.jobs.dismiss(&rig.cx, ids[1]);
    let rig = rig.killed();
    let left: Vec<u64> = rig.states().into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [ids[0], ids[2]]);
}

#[tokio::test]
async fn rest_of_an_interrupted_export_is_removed_at_the_next_start_and_nothing_else() {
    let mut rig = Rig::new();
    let videos = tempfile::tempdir().unwrap();
    let [mine, other] = ["snaplark-a.part", "snaplark-b.part"].map(|name| videos.path().join(name));
    for folder in [&mine, &other] {
        std::fs::create_dir_all(folder.join("export")).unwrap();
        std::fs::write(folder.join("export/frame-000001.png"), "a frame").unwrap();
    }
    let job = JobSpec {
        kind: JobKind::Export,
        item: None,
        target: Some(videos.path().join("frames")),
        part: Some(mine.clone()),
    };
    let (go_on, may_go_on) = channel::<()>();
    let work = move |_: &RenderProgress| {
        let _ = may_go_on.recv();
        JobOutcome::Replied
    };
    let id = rig.jobs.begin(&rig.cx, job, Box::new(work)).unwrap();
    let rig = rig.killed();
    drop(go_on);
    assert_eq!(rig.states(), [(id, JobStateView::Interrupted)]);
    let gone = async {
        while mine.exists() {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    assert!(tokio::time::timeout(limit, gone).await.is_ok(), "half an export is left");
    assert!(other.join("export/frame-000001.png").exists());
}

#[tokio::test]
async fn exports_end_when_the_program_closes_and_the_next_start_says_so() {
    let mut rig = Rig::new();
    let (first, held) = rig.export(Ok(None));
    let (second, also_held) = rig.export(Ok(None));
    let (waiting, _never_begun) = rig.export(Ok(None));
    rig.jobs.shut_down();
    for export in [held, also_held] {
        export.let_go();
        rig.end().await;
    }
    assert!(rig.jobs.is_idle());
    let refused = rig.jobs.begin(
        &rig.cx,
        JobSpec { kind: JobKind::Export, item: None, target: None, part: None },
        Box::new(|_| JobOutcome::Replied),
    );
    assert!(matches!(refused, Err(AppError::Closing)));
    let rig = rig.killed();
    let interrupted = [first, second, waiting].map(|id| (id, JobStateView::Interrupted));
    assert_eq!(rig.states(), interrupted);
}

#[tokio::test]
async fn job_that_panics_fails_visibly_if_nobody_waits_for_it() {
    let mut rig = Rig::new();
    let id = rig.begin(JobKind::Export, |_| panic!("on purpose"));
    rig.end().await;
    let failed = JobStateView::Failed { code: ErrorCode::Unknown, reason: String::new() };
    assert_eq!(rig.states(), [(id, failed)]);
    assert!(rig.jobs.is_idle());
}

#[tokio::test]
async fn deleting_an_item_cancels_its_exports_only() {
    let mut rig = Rig::new();
    let [one, other] = [1, 2].map(|n| ItemId::from(RecordingId(uuid::Uuid::from_u128(n))));
    let mut held = Vec::new();
    for item in [one, other] {
        let (id, work) = rig.export(Ok(None));
        rig.jobs.jobs.get_mut(&id).unwrap().item = Some(item);
        held.push((id, work));
    }
    rig.jobs.cancel_of(&rig.cx, one);
    let states: Vec<_> = rig.states().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [JobStateView::Cancelling, JobStateView::Running]);
    for (_, work) in held {
        work.let_go();
        rig.end().await;
    }
}

#[tokio::test]
async fn only_the_newest_ended_jobs_are_shown() {
    let mut rig = Rig::new();
    let mut ids = Vec::new();
    for _ in 0..ENDED_SHOWN_MAX + 2 {
        let (id, export) = rig.export(Ok(None));
        export.let_go();
        rig.end().await;
        ids.push(id);
    }
    let shown: Vec<u64> = rig.states().into_iter().map(|(id, _)| id).collect();
    assert_eq!(shown, ids[2..]);
    assert_eq!(rig.row(ids[0]), None);
}

#[tokio::test]
async fn closing_cancels_only_what_need_not_be_finished() {
    let mut rig = Rig::new();
    rig.begin(JobKind::MoveFile, until_cancelled);
    let (go_on, may_go_on) = channel::<()>();
    let recording = RecordingId(uuid::Uuid::nil());
    let work = move |progress: &RenderProgress| {
        may_go_on.recv().unwrap();
        assert!(!progress.is_cancelled(), "a repair is never cancelled");
        JobOutcome::Replied
    };
    rig.jobs.begin_unlisted(&rig.cx, None, recording, work, || {});
    rig.jobs.views(0).iter().for_each(|job| assert_eq!(job.kind, JobKind::MoveFile));
    rig.jobs.cancel(&rig.cx, UNLISTED_FROM);
    rig.jobs.shut_down();
    rig.end().await;
    assert!(!rig.jobs.is_idle(), "the repair goes on");
    go_on.send(()).unwrap();
    rig.end().await;
    assert!(rig.jobs.is_idle());
}

#[test]
fn rest_of_a_job_is_estimated_from_the_share_that_is_done() {
    assert_eq!(seconds_left(ESTIMATE_AFTER_MS - 1, 500), None);
    assert_eq!(seconds_left(60_000, ESTIMATE_THOUSANDTHS_MIN - 1), None);
    assert_eq!(seconds_left(60_000, 250), Some(180));
    assert_eq!(seconds_left(60_000, 1_000), Some(0));
}
