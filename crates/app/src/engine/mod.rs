//! The event loop. Everything that happens (capture's thread, requests, jobs, shells) reaches it as a
//! [`Message`], and it calls the part that the message is for.
//!
//! ```text
//!                      ┌─ RecordingSession  recorder, captures, ring buffer, preview
//! Message ──► Engine ──┼─ Uploads           upload machines, destinations, requests, titles
//!                      ├─ Library           journal of writes, toasts, deletions, snapshots
//!                      └─ Jobs              files that are written in the background
//! ```
//!
//! No part knows another. What one has others do it says in a small enum, and [`Engine::settle`] passes that
//! on. All of them see the [`Context`].
//!
//! A step's changes are committed before its actions are carried out. If a commit fails (disk full,
//! database locked by another process), later steps queue up behind it and are retried. Meanwhile capture
//! keeps writing segments, which recovery would find.

mod commands;
mod context;
mod cuts;
mod follow_up;
mod imports;
mod jobs;
mod library;
mod pictures;
mod session;
mod settings;
mod uploads;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use snaplark_core::RecordingId;
use snaplark_core::capture::{Capture, CaptureEvent};
use snaplark_core::upload::{UploadEvent, UploadRows};
use snaplark_store::{Recovery, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::cuts::append::DueAppend;
use crate::messages::Message;
use crate::view::{FileProblem, Levels};
use crate::webhook::Webhook;
use crate::{Account, AppError, AppOptions, Connect, Settings, finish, source, titles};

pub(crate) use context::{Broadcasts, Context, now_unix_ms};
use jobs::Jobs;
pub(crate) use jobs::{JobFailure, JobOutcome, JobSpec, Work};
use library::Library;
use session::RecordingSession;
pub(crate) use session::{RunningRecording, SessionState};
use uploads::Uploads;
pub(crate) use uploads::UploadsState;

/// How often the upload progress of parts that are being sent, and the progress of jobs, is read.
const PROGRESS_MS: u64 = 250;

/// The event loop and its four parts.
pub(crate) struct Engine {
    cx: Context,
    session: RecordingSession,
    uploads: Uploads,
    library: Library,
    jobs: Jobs,
    webhook: Webhook,
    /// Decodes stills of files that were brought in.
    capture: Arc<dyn Capture>,
    /// Segments that recovery found with a missing file or one of another size.
    damaged_at_start: BTreeMap<RecordingId, Vec<u32>>,
    shutdown: Option<oneshot::Sender<()>>,
}

impl Engine {
    pub(crate) fn open(
        options: AppOptions,
        others: Vec<Account>,
        connect: Connect,
        inbox: mpsc::Sender<Message>,
        broadcasts: Broadcasts,
    ) -> Result<Self, AppError> {
        let AppOptions { home, account, capture, render, keeps, notices } = options;
        let mut store = crate::open_store(&home)?;
        let recovery = recover(&mut store)?;
        let mut library = Library::new();
        let rows = store.upload_rows()?;
        let further = store.further_uploads()?;
        let is_own =
            |upload: &&UploadRows| further.iter().all(|further| further.id != upload.recording);
        for upload in rows.iter().filter(|upload| !upload.finished).filter(is_own) {
            library.show(upload.recording);
        }
        let settings = Settings::stored(&store)?;
        broadcasts.settings.send_replace(settings.clone());
        let uploads = Uploads::open(account, others, connect, rows, further)?;
        let cx = Context::new(home, store, settings, inbox, notices, broadcasts);
        let jobs = Jobs::open(render, &cx.store)?;
        let mut session = RecordingSession::new(capture.clone(), keeps);
        session.restore_preview(&cx);
        Ok(Engine {
            cx,
            session,
            uploads,
            library,
            jobs,
            webhook: Webhook::default(),
            capture,
            damaged_at_start: recovery.damaged,
            shutdown: None,
        })
    }

    pub(crate) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        self.webhook.follow_settings(&self.cx);
        self.settle();
        self.resume();
        self.uploads.follow_settings(&self.cx);
        self.uploads.recall_link_templates(&self.cx);
        self.uploads.want_pictures(&self.cx);
        self.uploads.want_edited_versions(&self.cx);
        self.uploads.want_files(&self.cx);
        self.uploads.handle(&self.cx, UploadEvent::Woke);
        self.session.choose_ring(&self.cx);
        self.uploads.send_titles_soon(&self.cx);
        self.settle();
        let mut progress = tokio::time::interval(Duration::from_millis(PROGRESS_MS));
        progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !self.is_over() {
            let wake = self.next_wake();
            let is_watched = self.uploads.are_requests_under_way() || self.jobs.are_shown();
            tokio::select! {
                message = messages.recv() => match message {
                    Some(Message::Command(question)) if question.is_question() => {
                        self.handle_command(question);
                        continue;
                    }
                    Some(Message::Captured {
                        event: CaptureEvent::Level { microphone, system }, ..
                    }) => {
                        self.cx.broadcasts.levels.send_replace(Levels { microphone, system });
                        continue;
                    }
                    Some(message) => self.handle_message(message),
                    None => return,
                },
                () = wake => self.wake(),
                _ = progress.tick(), if is_watched => self.uploads.note_progress(&self.cx),
            }
            self.settle();
            self.session.block_ring_while_recording(&self.cx);
            self.settle();
            self.broadcast();
        }
        self.uploads.abort_all();
        if let Some(done) = self.shutdown.take() {
            drop(self);
            let _ = done.send(());
        }
    }

    /// Writes the files of recordings that ended without one, and repairs those that recovery found
    /// damaged.
    fn resume(&mut self) {
        let recordings = match self.cx.store.recordings() {
            Ok(recordings) => recordings,
            Err(error) => {
                error!(%error, "The list of recordings can't be read");
                return;
            }
        };
        let mut damaged = std::mem::take(&mut self.damaged_at_start);
        for recording in recordings {
            if self.cx.store.is_append_to_publish(recording.id) {
                self.append_later(DueAppend::Publish { to: recording.id });
            }
            match damaged.remove(&recording.id) {
                // The file is written after the repair.
                Some(segments) => self.repair(recording.id, segments),
                None if recording.file.is_none() && !recording.running => {
                    match recording.missing_detail {
                        None => self.append_or_write_file(recording.id),
                        // Whoever waits for the file has to learn that there will be none.
                        Some(reason) => {
                            let problem = FileProblem::FilesMissing { reason };
                            self.library.note_file_problem(recording.id, problem);
                        }
                    }
                }
                None => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        self.shutdown.is_some() && self.session.is_over() && self.jobs.is_idle()
    }

    fn next_wake(&self) -> impl Future<Output = ()> + 'static {
        let now_ms = self.cx.now_ms();
        let parts = [
            self.session.next_wake_ms(),
            self.uploads.next_wake_ms(),
            self.library.next_wake_ms(),
            self.webhook.next_wake_ms(),
        ];
        let wake_ms = parts.into_iter().flatten().min();
        async move {
            match wake_ms {
                Some(wake_ms) => {
                    tokio::time::sleep(Duration::from_millis(wake_ms.saturating_sub(now_ms))).await;
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Lets each part follow the clock. The journal goes first, since the others may wait for it.
    fn wake(&mut self) {
        self.library.retry_writes();
        self.settle();
        self.session.woke(&self.cx);
        self.settle();
        self.library.woke(&self.cx);
        self.uploads.woke(&self.cx);
        self.webhook.woke(&self.cx);
    }

    fn broadcast(&self) {
        self.cx.broadcasts.changed.send_modify(|change| *change += 1);
        let is_awake = self.session.is_awake();
        let swap = |was: &mut bool| std::mem::replace(was, is_awake) != is_awake;
        self.cx.broadcasts.is_awake.send_if_modified(swap);
    }

    fn handle_message(&mut self, message: Message) {
        match message {
            Message::Command(command) => self.handle_command(command),
            Message::CaptureReady { recording, control } => {
                self.session.capture_ready(&self.cx, recording, control);
            }
            Message::Captured { recording, event } => {
                self.session.captured(&self.cx, recording, event);
            }
            Message::SubjectFound { recording, subject } => {
                let Some(title) = titles::of_subject(&subject) else { return };
                if !self.session.name_preview(recording, &title) {
                    self.name(recording, &title);
                }
            }
            Message::RingReady { ring, control } => {
                self.session.ring_ready(&self.cx, ring, control);
            }
            Message::Kept { ring, event } => self.session.kept(&self.cx, ring, event),
            Message::Sleep { begins } => self.session.sleep(&self.cx, begins),
            Message::Locked { is_locked } => self.session.locked(&self.cx, is_locked),
            Message::Upload { generation, event } => {
                self.uploads.answered(&self.cx, generation, event);
            }
            Message::Hint(event) => self.uploads.handle(&self.cx, event),
            Message::TitleKnown { recording, title } => {
                self.uploads.title_known(&self.cx, recording, &title);
            }
            Message::TitleSent { server, generation, recording, title, outcome } => {
                self.uploads.title_sent(&self.cx, &server, generation, recording, &title, outcome);
            }
            Message::ServerDamage { server, generation, videos } => {
                self.uploads.server_damage(&self.cx, &server, generation, videos);
            }
            Message::ImportMoved { recording, path } => self.import_moved(recording, path),
            Message::WebhookTried { number, tries, outcome } => {
                if self.webhook.tried(&self.cx, number, tries, outcome) {
                    self.switch_webhook_off();
                }
            }
            Message::JobEnded { job, outcome } => {
                self.jobs.ended(&self.cx, job, &outcome);
                self.job_ended(outcome);
            }
        }
    }
}

/// Repairs what an earlier run left unfinished in the store.
fn recover(store: &mut Store) -> Result<Recovery, StoreError> {
    let recovery = store.recover(&finish::Webm)?;
    // The ring buffer of a program that died holds what nobody asked for, so it is deleted and not
    // offered. Previews stay, because a person asked for them.
    store.sweep_rings(session::is_preview)?;
    for recording in &recovery.recovered {
        info!(%recording, adopted = recovery.segments_adopted, "Recovered a recording");
    }
    for recording in &recovery.empty {
        info!(%recording, "Took back a recording that has no segment");
    }
    for recording in &recovery.adopted {
        warn!(%recording, "A folder had no entry in the list, and has one now");
    }
    for (recording, indices) in &recovery.replaced {
        for segment in store.segments(*recording)? {
            if indices.contains(&segment.index) {
                let issue = source::damage(&segment);
                store.note_issue(*recording, segment.start_ms, &issue)?;
            }
        }
    }
    for path in &recovery.files_set_aside {
        warn!(file = ?path.file_name(), "Set a torn segment aside");
    }
    Ok(recovery)
}
