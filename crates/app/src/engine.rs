//! The event loop. It owns the store, both machines and everything under way; whatever happens
//! elsewhere (capture's thread, requests, file jobs, shells) only sends it a [`Message`].
//!
//! Order within it: a step's changes are committed, then its actions are done. Where a commit fails
//! (disk full, a database held by another), later steps queue up behind it and are tried again:
//! capture goes on writing segments meanwhile, and recovery would find them.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use snaplark_api::{FinalizeRequest, InitRequest, Media};
use snaplark_core::capture::{
    Capture, CaptureControl, CaptureEnd, CaptureError, CaptureRequest, FrameCounts,
};
use snaplark_core::recorder::{self, Recorder, Refusal};
use snaplark_core::upload::{Action, Event, Failure, Part, RequestId, Step, Target, UploadMachine};
use snaplark_core::{INIT_FILE, RecordingId, SessionId, segment_file};
use snaplark_store::{NewRecording, Recording, Segment, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tracing::{error, info, warn};

use crate::account::Account;
use crate::home::Home;
use crate::messages::{Command, Message, Reply};
use crate::uplink::{Sent, Uplink};
use crate::views::{self, Sources, Toasts};
use crate::{AppError, AppOptions, Notice, StartRequest, finish};

/// How often the bytes of parts that are on their way are looked at.
const PROGRESS_MS: u64 = 250;
/// How long after a failed commit the next is tried.
const COMMIT_AGAIN_MS: u64 = 1_000;

pub struct Engine {
    home: Home,
    account: Option<Account>,
    store: Store,
    recorder: Recorder,
    machine: UploadMachine,
    uplink: Option<Uplink>,
    capture: Arc<dyn Capture>,
    notices: Box<dyn Fn(Notice) + Send + Sync>,
    inbox: mpsc::Sender<Message>,
    changed: watch::Sender<u64>,
    began: Instant,

    running: Option<Running>,
    start_reply: Option<Reply<RecordingId>>,
    stop_replies: Vec<Reply<RecordingId>>,
    unwritten: VecDeque<Write>,
    write_again_ms: Option<u64>,
    requests: HashMap<RequestId, Request>,
    file_jobs: usize,
    file_problems: HashMap<RecordingId, String>,
    toasts: Toasts,
    /// Ended in this run, and the link that was handed to the clipboard for it.
    ended_here: HashMap<RecordingId, Option<String>>,
    shutdown: Option<oneshot::Sender<()>>,
}

/// The recording of now.
struct Running {
    request: StartRequest,
    control: Option<Box<dyn CaptureControl>>,
}

struct Request {
    task: AbortHandle,
    sent: Sent,
}

/// What waits for the store, in order.
enum Write {
    Segment(RecordingId, Segment),
    Close(RecordingId, FrameCounts, Option<String>),
    Step(Step),
}

impl Engine {
    pub fn open(
        options: AppOptions,
        inbox: mpsc::Sender<Message>,
        changed: watch::Sender<u64>,
    ) -> Result<Self, AppError> {
        let AppOptions { home, account, capture, notices } = options;
        let store = Store::open(&home.root)?;
        let recovery = store.recover(&finish::judge)?;
        for recording in &recovery.recovered {
            info!(%recording, adopted = recovery.segments_adopted, "Recovered a recording");
        }
        for path in &recovery.files_set_aside {
            warn!(file = ?path.file_name(), "Set a torn segment aside");
        }
        let rows = store.upload_rows()?;
        let mut toasts = Toasts::default();
        for upload in rows.iter().filter(|upload| !upload.finished) {
            toasts.remember(upload.recording);
        }
        let target = account.as_ref().map_or_else(no_target, Account::target);
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let (machine, step) = UploadMachine::restore(target, rows, seed);
        let uplink = account.clone().map(Uplink::new).transpose()?;
        Ok(Engine {
            home,
            account,
            store,
            recorder: Recorder::default(),
            machine,
            uplink,
            capture,
            notices,
            inbox,
            changed,
            began: Instant::now(),
            running: None,
            start_reply: None,
            stop_replies: Vec::new(),
            unwritten: VecDeque::from([Write::Step(step)]),
            write_again_ms: None,
            requests: HashMap::new(),
            file_jobs: 0,
            file_problems: HashMap::new(),
            toasts,
            ended_here: HashMap::new(),
            shutdown: None,
        })
    }

    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        self.write();
        self.resume();
        self.tell_machine(Event::Woke);
        let mut progress = tokio::time::interval(Duration::from_millis(PROGRESS_MS));
        progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !self.is_over() {
            let wake = self.next_wake();
            tokio::select! {
                message = messages.recv() => match message {
                    // A question changes nothing, or those who ask on each change would ask for ever.
                    Some(Message::Command(Command::Snapshot { reply })) => {
                        self.answer(reply);
                        continue;
                    }
                    Some(message) => self.take(message),
                    None => return,
                },
                () = wake => {
                    self.write();
                    self.tell_machine(Event::Woke);
                }
                _ = progress.tick(), if !self.requests.is_empty() => self.note_progress(),
            }
            self.changed.send_modify(|change| *change += 1);
        }
        for request in self.requests.values() {
            request.task.abort();
        }
        if let Some(done) = self.shutdown.take() {
            drop(self);
            let _ = done.send(());
        }
    }

    /// Recordings that ended without their file, and those that were never offered for upload
    /// because the program died first.
    fn resume(&mut self) {
        let recordings = match self.store.recordings() {
            Ok(recordings) => recordings,
            Err(error) => {
                error!(%error, "The list of recordings can't be read");
                return;
            }
        };
        for recording in recordings {
            if recording.file.is_none() && recording.missing_detail.is_none() && !recording.running
            {
                self.write_file(recording.id);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.shutdown.is_some() && self.recorder == Recorder::Idle && self.file_jobs == 0
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn next_wake(&self) -> impl Future<Output = ()> + 'static {
        let now_ms = self.now_ms();
        let machine_ms = self.machine.next_wake_ms(now_ms).filter(|_| self.uplink.is_some());
        let wake_ms = machine_ms.into_iter().chain(self.write_again_ms).min();
        async move {
            match wake_ms {
                Some(wake_ms) => {
                    tokio::time::sleep(Duration::from_millis(wake_ms.saturating_sub(now_ms))).await;
                }
                None => std::future::pending().await,
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Command(command) => self.obey(command),
            Message::CaptureReady { recording, control } => self.capture_ready(recording, control),
            Message::Captured { recording, event } => {
                if self.recorder.recording() == Some(recording) {
                    self.tell_recorder(recorder::Event::Captured(event));
                }
            }
            Message::Upload(event) => {
                if let Some(request) = request_of(&event) {
                    self.requests.remove(&request);
                }
                self.tell_machine(event);
            }
            Message::FileWritten { recording, file } => self.file_written(recording, file),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Snapshot { reply } => self.answer(reply),
            Command::Start { request, reply } => {
                let recording = RecordingId(uuid::Uuid::now_v7());
                self.ask_recorder(recorder::Event::StartAsked { recording }, request, reply);
            }
            Command::Toggle { request, reply } => {
                let recording = RecordingId(uuid::Uuid::now_v7());
                self.ask_recorder(recorder::Event::ToggleAsked { recording }, request, reply);
            }
            Command::Stop { reply } => {
                let request = StartRequest::default();
                self.ask_recorder(recorder::Event::StopAsked, request, reply);
            }
            Command::Retry { recording, reply } => {
                let known = self.machine.status(self.now_ms(), recording).is_some();
                let event = if known {
                    Ok(Event::RetryAsked { recording })
                } else {
                    self.store.recording(recording).map(|_| Event::UploadWanted { recording })
                };
                let outcome = event.map(|event| {
                    let is_new = matches!(event, Event::UploadWanted { .. });
                    self.tell_machine(event);
                    if is_new {
                        self.offer_whole(recording);
                    }
                    self.toasts.remember(recording);
                });
                let _ = reply.send(outcome.map_err(AppError::from));
            }
            Command::Rename { recording, title, reply } => {
                let _ = reply.send(self.store.rename(recording, title.trim()).map_err(Into::into));
            }
            Command::Delete { recording, reply } => {
                let _ = reply.send(self.delete(recording));
            }
            Command::DismissToast { recording_id } => match self.snapshot() {
                Ok(snapshot) => self.toasts.dismiss(&recording_id, &snapshot.recordings),
                Err(error) => error!(%error, "The list of recordings can't be read"),
            },
            Command::NoteLinkCopied { recording } => self.toasts.note_link_copied(recording),
            Command::HintNetwork => self.tell_machine(Event::NetworkHinted),
            Command::Shutdown { reply } => {
                self.shutdown = Some(reply);
                if self.recorder != Recorder::Idle {
                    self.tell_recorder(recorder::Event::StopAsked);
                }
            }
        }
    }

    fn answer(&self, reply: oneshot::Sender<crate::view::Snapshot>) {
        match self.snapshot() {
            Ok(snapshot) => drop(reply.send(snapshot)),
            Err(error) => error!(%error, "The list of recordings can't be read"),
        }
    }

    fn snapshot(&self) -> Result<crate::view::Snapshot, StoreError> {
        let sources = Sources {
            home: &self.home,
            account: self.account.as_ref(),
            recorder: &self.recorder,
            machine: &self.machine,
            toasts: &self.toasts,
            file_problems: &self.file_problems,
            change: *self.changed.borrow(),
            now_ms: self.now_ms(),
        };
        views::of_program(&self.store, &sources)
    }

    fn delete(&mut self, recording: RecordingId) -> Result<(), AppError> {
        if self.recorder.recording() == Some(recording) {
            return Err(AppError::AlreadyRecording);
        }
        self.store.delete(recording)?;
        self.toasts.forget(recording);
        self.tell_machine(Event::Forgotten { recording });
        Ok(())
    }

    // Recording.

    fn ask_recorder(
        &mut self,
        event: recorder::Event,
        request: StartRequest,
        reply: Reply<RecordingId>,
    ) {
        match self.recorder.handle(event) {
            Some(recorder::Action::Refuse(Refusal::AlreadyRecording)) => {
                let _ = reply.send(Err(AppError::AlreadyRecording));
            }
            Some(recorder::Action::Refuse(Refusal::NotRecording)) => {
                let _ = reply.send(Err(AppError::NotRecording));
            }
            Some(action @ recorder::Action::Begin { .. }) => {
                self.start_reply = Some(reply);
                self.running = Some(Running { request, control: None });
                self.do_recording(action);
            }
            Some(action) => {
                self.stop_replies.push(reply);
                self.do_recording(action);
            }
            None => {}
        }
    }

    fn tell_recorder(&mut self, event: recorder::Event) {
        if let Some(action) = self.recorder.handle(event) {
            self.do_recording(action);
        }
    }

    fn do_recording(&mut self, action: recorder::Action) {
        match action {
            recorder::Action::Begin { recording } => self.begin(recording),
            recorder::Action::EndCapture => {
                let control = self.running.as_mut().and_then(|running| running.control.as_mut());
                if let Some(control) = control {
                    control.stop();
                }
            }
            recorder::Action::NoteStarted { recording, width, height } => {
                self.started(recording, width, height);
            }
            recorder::Action::CommitSegment { recording, segment } => {
                self.unwritten.push_back(Write::Segment(recording, segment.into()));
                self.write();
            }
            recorder::Action::Close { recording, end, counts } => {
                self.close(recording, end, counts)
            }
            recorder::Action::Discard { recording, error } => self.discard(recording, error),
            recorder::Action::Refuse(_) => {}
        }
    }

    fn begin(&mut self, recording: RecordingId) {
        let Some(running) = &self.running else { return };
        let now = jiff::Zoned::now();
        let started = self.store.begin(&NewRecording {
            id: recording,
            title: now.strftime("Recording %Y-%m-%d %H:%M").to_string(),
            started_text: now.strftime("%Y-%m-%dT%H-%M-%S").to_string(),
            started_unix_ms: now.timestamp().as_millisecond(),
            fps: running.request.fps,
            bitrate_bits: running.request.bitrate_bits,
        });
        let folder = match started {
            Ok(folder) => folder,
            Err(error) => {
                let error = CaptureError::FolderUnwritable { reason: error.to_string() };
                self.tell_recorder(recorder::Event::CaptureRefused { error });
                return;
            }
        };
        let request = CaptureRequest {
            folder,
            source: running.request.source.clone(),
            fps: running.request.fps,
            bitrate_bits: running.request.bitrate_bits,
            pointer: running.request.pointer,
        };
        let (capture, inbox) = (self.capture.clone(), self.inbox.clone());
        // Finding displays and loading encoders takes its time; the loop doesn't wait for it.
        tokio::task::spawn_blocking(move || {
            let events = inbox.clone();
            let control = capture.start(
                request,
                Box::new(move |event| {
                    let _ = events.blocking_send(Message::Captured { recording, event });
                }),
            );
            let _ = inbox.blocking_send(Message::CaptureReady { recording, control });
        });
    }

    fn capture_ready(
        &mut self,
        recording: RecordingId,
        control: Result<Box<dyn CaptureControl>, CaptureError>,
    ) {
        if self.recorder.recording() != Some(recording) {
            return;
        }
        match control {
            Err(error) => self.tell_recorder(recorder::Event::CaptureRefused { error }),
            Ok(mut control) => {
                if matches!(self.recorder, Recorder::Stopping { .. }) {
                    control.stop();
                }
                if let Some(running) = &mut self.running {
                    running.control = Some(control);
                }
            }
        }
    }

    fn started(&mut self, recording: RecordingId, width: u32, height: u32) {
        let init_bytes = match self.store.note_started(recording, width, height) {
            Ok(init_bytes) => init_bytes,
            Err(error) => {
                error!(%recording, %error, "The start of a recording could not be noted");
                0
            }
        };
        info!(%recording, width, height, "Recording");
        if self.uplink.is_some() && self.running.as_ref().is_some_and(|run| run.request.upload) {
            self.tell_machine(Event::UploadWanted { recording });
            self.tell_machine(Event::InitSealed { recording, size_bytes: init_bytes });
        }
        if let Some(reply) = self.start_reply.take() {
            let _ = reply.send(Ok(recording));
        }
    }

    fn close(&mut self, recording: RecordingId, end: CaptureEnd, counts: FrameCounts) {
        let detail = match end {
            CaptureEnd::Stopped => None,
            CaptureEnd::Failed(error) => {
                warn!(%recording, %error, "Recording ended by itself");
                self.toasts.fail(recording, error.to_string());
                if let Some(reply) = self.start_reply.take() {
                    let _ = reply.send(Err(error.clone().into()));
                }
                Some(error.to_string())
            }
        };
        self.running = None;
        self.unwritten.push_back(Write::Close(recording, counts, detail));
        self.write();
    }

    fn discard(&mut self, recording: RecordingId, error: CaptureError) {
        self.running = None;
        if let Err(error) = self.store.delete(recording)
            && !matches!(error, StoreError::NoSuchRecording(_))
        {
            warn!(%recording, %error, "An empty recording could not be taken back");
        }
        self.toasts.fail(recording, error.to_string());
        match self.start_reply.take() {
            Some(reply) => drop(reply.send(Err(error.into()))),
            None => warn!(%recording, %error, "Recording did not start"),
        }
        for reply in self.stop_replies.drain(..) {
            let _ = reply.send(Err(AppError::NotRecording));
        }
    }

    // The store.

    /// Writes what waits, in order, until it is done or fails.
    fn write(&mut self) {
        self.write_again_ms = None;
        while let Some(write) = self.unwritten.pop_front() {
            if let Err(error) = self.write_one(&write) {
                error!(%error, "The list of recordings could not be written; trying again");
                self.unwritten.push_front(write);
                self.write_again_ms = Some(self.now_ms() + COMMIT_AGAIN_MS);
                return;
            }
            match write {
                Write::Segment(recording, segment) => {
                    let size_bytes = segment.size_bytes;
                    self.tell_machine(Event::SegmentSealed { recording, size_bytes });
                }
                Write::Close(recording, ..) => self.closed(recording),
                Write::Step(step) => step.actions.into_iter().for_each(|action| self.act(action)),
            }
        }
    }

    fn write_one(&mut self, write: &Write) -> Result<(), StoreError> {
        match write {
            Write::Segment(recording, segment) => self.store.commit_segment(*recording, segment),
            Write::Close(recording, counts, detail) => {
                self.store.close(*recording, *counts, detail.as_deref())
            }
            Write::Step(step) => self.store.apply(&step.changes),
        }
    }

    /// The recording is closed in its rows: to the upload, to the person's file, to the clipboard.
    fn closed(&mut self, recording: RecordingId) {
        let row = match self.store.recording(recording) {
            Ok(row) => row,
            Err(error) => {
                error!(%recording, %error, "A recording that has just ended can't be read");
                return;
            }
        };
        if row.segments == 0 {
            self.tell_machine(Event::Forgotten { recording });
            self.toasts.forget(recording);
            if let Err(error) = self.store.delete(recording) {
                warn!(%recording, %error, "An empty recording could not be taken back");
            }
            for reply in self.stop_replies.drain(..) {
                let _ = reply.send(Err(AppError::NothingRecorded));
            }
            return;
        }
        self.ended_here.insert(recording, None);
        self.toasts.remember(recording);
        self.tell_machine(Event::RecordingEnded { recording, duration_ms: row.duration_ms });
        self.write_file(recording);
        let status = self.machine.status(self.now_ms(), recording);
        if let Some(link) = status.and_then(|status| status.link) {
            self.copy_link(recording, link);
        }
        for reply in self.stop_replies.drain(..) {
            let _ = reply.send(Ok(recording));
        }
    }

    /// Once, and only for what was recorded just now: a clipboard is not ours to take at any time.
    fn copy_link(&mut self, recording: RecordingId, link: String) {
        let Some(told) = self.ended_here.get_mut(&recording) else { return };
        if told.as_ref() != Some(&link) {
            *told = Some(link.clone());
            (self.notices)(Notice::CopyLink { recording, link });
        }
    }

    fn write_file(&mut self, recording: RecordingId) {
        let (row, segments) =
            match (self.store.recording(recording), self.store.segments(recording)) {
                (Ok(row), Ok(segments)) => (row, segments),
                (Err(error), _) | (_, Err(error)) => {
                    self.file_problems.insert(recording, error.to_string());
                    return;
                }
            };
        let folder = self.store.folder(recording);
        let (save_folder, inbox) = (self.home.save_folder.clone(), self.inbox.clone());
        let name = format!("recording_{}", row.started_text);
        self.file_jobs += 1;
        tokio::task::spawn_blocking(move || {
            let file = finish::write_file(&folder, &segments, &save_folder, &name)
                .map_err(|error| error.to_string());
            let _ = inbox.blocking_send(Message::FileWritten { recording, file });
        });
    }

    fn file_written(&mut self, recording: RecordingId, file: Result<PathBuf, String>) {
        self.file_jobs -= 1;
        let noted = match file {
            Ok(file) => self.store.set_file(recording, &file).map_err(|error| error.to_string()),
            Err(problem) => Err(problem),
        };
        match noted {
            Ok(()) => drop(self.file_problems.remove(&recording)),
            Err(problem) => {
                warn!(%recording, %problem, "A recording's own file could not be written");
                self.file_problems.insert(recording, problem);
            }
        }
    }

    // The upload.

    fn tell_machine(&mut self, event: Event) {
        if self.uplink.is_none() {
            return;
        }
        let step = self.machine.handle(self.now_ms(), event);
        self.unwritten.push_back(Write::Step(step));
        if self.unwritten.len() == 1 {
            self.write();
        }
    }

    /// A recording that has ended already is offered whole.
    fn offer_whole(&mut self, recording: RecordingId) {
        let (Ok(row), Ok(segments)) =
            (self.store.recording(recording), self.store.segments(recording))
        else {
            return;
        };
        self.tell_machine(Event::InitSealed { recording, size_bytes: row.init_bytes });
        for segment in segments {
            self.tell_machine(Event::SegmentSealed { recording, size_bytes: segment.size_bytes });
        }
        self.tell_machine(Event::RecordingEnded { recording, duration_ms: row.duration_ms });
    }

    fn act(&mut self, action: Action) {
        let Some(uplink) = self.uplink.clone() else { return };
        match action {
            Action::Probe => {
                let inbox = self.inbox.clone();
                tokio::spawn(async move {
                    let verdict = uplink.probe().await;
                    let _ = inbox.send(Message::Upload(Event::ProbeAnswered { verdict })).await;
                });
            }
            Action::OpenSession { request, recording, named } => {
                let body = self.init_request(recording, named);
                self.request(request, Sent::default(), async move {
                    match uplink.open_session(&body?).await {
                        Ok((session, link)) => Ok(Event::SessionOpened { request, session, link }),
                        Err(failure) => Err(failure),
                    }
                });
            }
            Action::SendPart { request, recording, session, index, part, with_init } => {
                let files = self.files(recording, part, with_init);
                let sent = Sent::default();
                let counter = sent.clone();
                self.request(request, sent, async move {
                    uplink.send_part(&session, index, files, counter).await?;
                    Ok(Event::PartAcknowledged { request })
                });
            }
            Action::Finalize { request, recording, session, part_count, duration_ms } => {
                let body = self.finalize_request(recording, session, part_count, duration_ms);
                self.request(request, Sent::default(), async move {
                    let link = uplink.finalize(&body?).await?;
                    Ok(Event::Finalized { request, link })
                });
            }
            Action::Abort { request } => {
                if let Some(request) = self.requests.remove(&request) {
                    request.task.abort();
                }
            }
            Action::TellLink { recording, link, .. } => self.copy_link(recording, link),
        }
    }

    fn request(
        &mut self,
        request: RequestId,
        sent: Sent,
        exchange: impl Future<Output = Result<Event, Failure>> + Send + 'static,
    ) {
        let inbox = self.inbox.clone();
        let task = tokio::spawn(async move {
            let event = exchange.await.unwrap_or_else(|failure| {
                info!(?failure, "A request failed");
                Event::RequestFailed { request, failure }
            });
            let _ = inbox.send(Message::Upload(event)).await;
        });
        self.requests.insert(request, Request { task: task.abort_handle(), sent });
    }

    fn note_progress(&mut self) {
        let sent: Vec<(RequestId, u64)> = self
            .requests
            .iter()
            .map(|(id, request)| (*id, request.sent.load(Ordering::Relaxed)))
            .collect();
        for (request, sent_bytes) in sent {
            self.tell_machine(Event::PartProgressed { request, sent_bytes });
        }
    }

    fn files(&self, recording: RecordingId, part: Part, with_init: bool) -> Vec<PathBuf> {
        let folder = self.store.folder(recording);
        let init = with_init.then(|| folder.join(INIT_FILE));
        let segments = (part.first_segment..part.end()).map(|i| folder.join(segment_file(i)));
        init.into_iter().chain(segments).collect()
    }

    fn init_request(&self, recording: RecordingId, named: bool) -> Result<InitRequest, Failure> {
        let row = self.store.recording(recording).map_err(unreadable)?;
        let account = self.account.as_ref();
        let profile = account.map(|account| account.profile).unwrap_or(snaplark_api::Profile::Spec);
        Ok(InitRequest::new(profile, &media(&row), named.then_some(recording.0)))
    }

    fn finalize_request(
        &self,
        recording: RecordingId,
        session: SessionId,
        part_count: u32,
        duration_ms: u64,
    ) -> Result<FinalizeRequest, Failure> {
        let init = self.init_request(recording, false)?;
        let account = self.account.as_ref();
        let profile = account.map(|account| account.profile).unwrap_or(snaplark_api::Profile::Spec);
        Ok(FinalizeRequest::new(profile, session.0, part_count, duration_ms, &init))
    }
}

fn media(row: &Recording) -> Media {
    Media {
        filename: format!("recording_{}.webm", row.started_text),
        started_text: row.started_text.clone(),
        started_unix_ms: row.started_unix_ms,
        fps: row.fps,
        bitrate: u64::from(row.bitrate_bits),
        width: row.width,
        height: row.height,
    }
}

fn unreadable(error: StoreError) -> Failure {
    Failure::FilesMissing { detail: error.to_string() }
}

/// Without an account nothing is ever sent: the address is never used.
fn no_target() -> Target {
    let profile = snaplark_api::Profile::Spec;
    Target { server: String::new(), profile, is_this_computer: false }
}

fn request_of(event: &Event) -> Option<RequestId> {
    match event {
        Event::SessionOpened { request, .. }
        | Event::PartAcknowledged { request }
        | Event::Finalized { request, .. }
        | Event::RequestFailed { request, .. } => Some(*request),
        Event::PartProgressed { .. }
        | Event::UploadWanted { .. }
        | Event::InitSealed { .. }
        | Event::SegmentSealed { .. }
        | Event::RecordingEnded { .. }
        | Event::ProbeAnswered { .. }
        | Event::NetworkHinted
        | Event::SignedIn
        | Event::RetryAsked { .. }
        | Event::PauseAsked { .. }
        | Event::ResumeAsked { .. }
        | Event::Forgotten { .. }
        | Event::Woke => None,
    }
}
