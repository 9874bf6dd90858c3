//! The event loop. It owns the store, both state machines and everything in progress. Everything else
//! (capture's thread, requests, file jobs, shells) only sends it a [`Message`].
//!
//! A step's changes are committed before its actions are carried out. If a commit fails (disk full,
//! database locked by another process), later steps queue up behind it and are retried. Meanwhile capture
//! keeps writing segments, which recovery would find.
//!
//! Length: the loop's state is built and torn down here; the house issue splits it into structs.

mod capturing;
mod deleting;
mod housekeeping;
mod overlay;
mod preview;
mod recording;
mod repairing;
mod ring;
mod running;
mod sending;
mod titles;
mod warnings;
mod writing;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use snaplark_core::RecordingId;
use snaplark_core::capture::{Capture, CaptureEvent, FrameCounts, Trouble};
use snaplark_core::recorder::{self, Recorder};
use snaplark_core::ring::Hindrance;
use snaplark_core::upload::{Event, Phase, RequestId, Step, Stop, UploadMachine};
use snaplark_store::{Recovery, Segment, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tracing::{error, info, warn};

use crate::account::{self, Account};
use crate::home::Home;
use crate::messages::{Command, Message, Reply};
use crate::shelf::Shelf;
use crate::source::{self, Repair};
use crate::throttle::Throttle;
use crate::uplink::{Sent, Uplink};
use crate::view::Levels;
use crate::view::{DeletedView, Snapshot, SoundView};
use crate::views::{self, Sources, Toasts};
use crate::{
    AppError, AppOptions, Keeps, LocalNetwork, Media, Notice, Settings, StartRequest, finish,
};

use preview::Preview;
use ring::Keeping;
pub use running::Running;
use titles::TitleSending;

/// How often the upload progress of parts that are being sent is read.
const PROGRESS_MS: u64 = 250;

/// How often a broken database is rebuilt in one run.
const REBUILDS_MAX: u32 = 3;

pub struct Engine {
    home: Home,
    account: Option<Account>,
    store: Store,
    recorder: Recorder,
    machine: UploadMachine,
    uplink: Option<Uplink>,
    throttle: Arc<Throttle>,
    settings: Settings,
    clear_again_ms: u64,
    delete_again_ms: u64,
    /// The deletion that can be undone now, as the snapshot shows it.
    deleted: Option<DeletedView>,
    shelf: Shelf,
    capture: Arc<dyn Capture>,
    making_still: Arc<Mutex<()>>,
    notices: Box<dyn Fn(Notice) + Send + Sync>,
    inbox: mpsc::Sender<Message>,
    told: Told,
    began: Instant,

    running: Option<Running>,
    start_reply: Option<Reply<RecordingId>>,
    stop_replies: Vec<Reply<RecordingId>>,
    /// Each with the request that was cancelled.
    cancel_replies: Vec<(Reply<StartRequest>, StartRequest)>,
    unwritten: VecDeque<Write>,
    write_again_ms: Option<u64>,
    /// When the first failure since the last successful commit happened.
    failing_since_ms: Option<u64>,
    /// Why recordings of this run ended without anybody stopping them.
    why_ended: HashMap<RecordingId, String>,
    /// Ended recordings whose rows can't be written and for which that was already reported.
    unlisted: HashSet<RecordingId>,
    requests: HashMap<RequestId, Request>,
    /// Grows with each account, so that replies to requests of an earlier one are ignored.
    generation: u64,
    file_jobs: usize,
    file_problems: HashMap<RecordingId, String>,
    toasts: Toasts,
    /// Recordings that ended in this run, with the link that was put on the clipboard for each.
    ended_here: HashMap<RecordingId, Option<String>>,
    keeps: Keeps,
    keeping: Keeping,
    /// The frozen last minutes that a person looks at before sharing them.
    preview: Option<Preview>,
    title_sending: TitleSending,
    local_network: LocalNetwork,
    /// Why the embedded cloud, which uploads would go to, is not running.
    cloud_problem: Option<String>,
    /// Recordings made while the embedded cloud was not running, to be uploaded when it is.
    without_cloud: Vec<RecordingId>,
    /// Recordings whose folder is back and for which that was already noted.
    came_back: HashSet<RecordingId>,
    shutdown: Option<oneshot::Sender<()>>,
    /// Segments that recovery found with a missing file or one of another size.
    damaged_at_start: BTreeMap<RecordingId, Vec<u32>>,
    /// The number of segments of the current recording that have their rows.
    committed: u32,
    ask_damage_again_ms: u64,
    /// The server answered the question for damaged copies, or failed to.
    are_copies_checked: bool,
    /// Limits rebuilds, so that a disk that breaks each new database doesn't cause an endless loop.
    rebuilds_left: u32,
}

/// Watch channels that shells and the sleep watcher subscribe to.
pub struct Told {
    pub changed: watch::Sender<u64>,
    /// True while something is being recorded that is not sealed yet.
    pub is_awake: watch::Sender<bool>,
    pub levels: watch::Sender<Levels>,
    pub settings: watch::Sender<Settings>,
}

struct Request {
    task: AbortHandle,
    sent: Sent,
}

/// Writes that wait for the store, in order.
enum Write {
    Started {
        recording: RecordingId,
        width: u32,
        height: u32,
    },
    /// A sealed segment. The path is set if its file lies elsewhere and has to be moved into the
    /// recording's folder first.
    Segment(RecordingId, Segment, Option<PathBuf>),
    Trouble(RecordingId, u64, Trouble),
    Repair(RecordingId, Repair),
    Close(RecordingId, FrameCounts, Option<String>),
    /// Deletes a cancelled recording.
    Delete(RecordingId),
    Step(Step),
}

impl Engine {
    pub fn open(
        options: AppOptions,
        inbox: mpsc::Sender<Message>,
        told: Told,
    ) -> Result<Self, AppError> {
        let AppOptions { home, account, capture, keeps, notices } = options;
        let mut store = crate::open_store(&home)?;
        let recovery = store.recover(&finish::Webm)?;
        // The ring buffer of a program that died holds what nobody asked for, so it is deleted and not
        // offered. Previews stay, because a person asked for them.
        store.sweep_rings(preview::is_preview)?;
        for recording in &recovery.recovered {
            info!(%recording, adopted = recovery.segments_adopted, "Recovered a recording");
        }
        for recording in &recovery.empty {
            info!(%recording, "Took back a recording that has no segment");
        }
        for recording in &recovery.adopted {
            warn!(%recording, "A folder had no entry in the list, and has one now");
        }
        note_replaced(&store, &recovery)?;
        for path in &recovery.files_set_aside {
            warn!(file = ?path.file_name(), "Set a torn segment aside");
        }
        let rows = store.upload_rows()?;
        let mut toasts = Toasts::default();
        for upload in rows.iter().filter(|upload| !upload.finished) {
            toasts.remember(upload.recording);
        }
        let target = account.as_ref().map_or_else(sending::no_target, Account::target);
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let (machine, step) = UploadMachine::restore(target, rows, seed);
        let settings = Settings::stored(&store)?;
        let throttle = Arc::new(Throttle::default());
        throttle.set(settings.upload.bytes_per_second_max);
        told.settings.send_replace(settings.clone());
        let connect = |account| Uplink::new(account, throttle.clone());
        let uplink = account.clone().map(connect).transpose()?;
        let mut engine = Engine {
            home,
            account,
            store,
            recorder: Recorder::default(),
            machine,
            uplink,
            throttle,
            settings,
            clear_again_ms: 0,
            delete_again_ms: 0,
            deleted: None,
            shelf: Shelf::default(),
            capture,
            making_still: Arc::default(),
            notices,
            inbox,
            told,
            began: Instant::now(),
            running: None,
            start_reply: None,
            stop_replies: Vec::new(),
            cancel_replies: Vec::new(),
            unwritten: VecDeque::from([Write::Step(step)]),
            write_again_ms: None,
            failing_since_ms: None,
            why_ended: HashMap::new(),
            unlisted: HashSet::new(),
            requests: HashMap::new(),
            generation: 0,
            file_jobs: 0,
            file_problems: HashMap::new(),
            toasts,
            ended_here: HashMap::new(),
            keeps,
            keeping: Keeping::default(),
            preview: None,
            title_sending: TitleSending::default(),
            local_network: LocalNetwork::default(),
            cloud_problem: None,
            without_cloud: Vec::new(),
            came_back: HashSet::new(),
            shutdown: None,
            damaged_at_start: recovery.damaged,
            committed: 0,
            ask_damage_again_ms: 0,
            are_copies_checked: false,
            rebuilds_left: REBUILDS_MAX,
        };
        engine.restore_preview();
        Ok(engine)
    }

    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        self.write();
        self.resume();
        self.tell_settings();
        self.tell_machine(Event::Woke);
        self.choose_ring();
        self.send_titles_soon();
        let mut progress = tokio::time::interval(Duration::from_millis(PROGRESS_MS));
        progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !self.is_over() {
            let wake = self.next_wake();
            tokio::select! {
                message = messages.recv() => match message {
                    Some(Message::Command(question)) if question.is_question() => {
                        self.obey(question);
                        continue;
                    }
                    Some(Message::Captured {
                        event: CaptureEvent::Level { microphone, system }, ..
                    }) => {
                        self.told.levels.send_replace(Levels { microphone, system });
                        continue;
                    }
                    Some(message) => self.take(message),
                    None => return,
                },
                () = wake => {
                    self.write();
                    self.follow_clock();
                    self.follow_ring_clock();
                    self.clear_confirmed();
                    self.delete_overdue();
                    self.ask_damage();
                    self.send_titles();
                    self.tell_machine(Event::Woke);
                }
                _ = progress.tick(), if !self.requests.is_empty() => self.note_progress(),
            }
            self.hinder_ring(Hindrance::Recording, self.recorder != Recorder::Idle);
            self.told.changed.send_modify(|change| *change += 1);
            let is_awake = self.recorder.is_awake();
            self.told.is_awake.send_if_modified(|was| std::mem::replace(was, is_awake) != is_awake);
        }
        for request in self.requests.values() {
            request.task.abort();
        }
        if let Some(done) = self.shutdown.take() {
            drop(self);
            let _ = done.send(());
        }
    }

    /// Writes the files of recordings that ended without one, and repairs those that recovery found
    /// damaged.
    fn resume(&mut self) {
        let recordings = match self.store.recordings() {
            Ok(recordings) => recordings,
            Err(error) => {
                error!(%error, "The list of recordings can't be read");
                return;
            }
        };
        let mut damaged = std::mem::take(&mut self.damaged_at_start);
        for recording in recordings {
            match damaged.remove(&recording.id) {
                // The file is written after the repair.
                Some(segments) => self.repair(recording.id, segments),
                None if recording.file.is_none() && !recording.running => {
                    match recording.missing_detail {
                        None => self.write_file(recording.id),
                        // Whoever waits for the file has to learn that there will be none.
                        Some(missing) => self.note_file_problem(recording.id, missing),
                    }
                }
                None => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        let is_still = self.recorder == Recorder::Idle && self.keeping.is_over();
        self.shutdown.is_some() && is_still && self.file_jobs == 0
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn next_wake(&self) -> impl Future<Output = ()> + 'static {
        let now_ms = self.now_ms();
        let machine_ms = self.machine.next_wake_ms(now_ms).filter(|_| self.uplink.is_some());
        let wake_ms = machine_ms
            .into_iter()
            .chain(self.write_again_ms)
            .chain(self.ask_damage_ms())
            .chain([self.clear_again_ms, self.delete_again_ms]);
        let running = self.running.as_ref();
        let recorder_ms = running.and_then(|running| running.wake_ms(&self.recorder));
        let wake_ms =
            wake_ms.chain(recorder_ms).chain(self.keeping.wake_ms()).chain(self.titles_ms()).min();
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
            Message::Upload { generation, .. } if generation != self.generation => {}
            Message::Upload { event, .. } => {
                if let Some(request) = sending::request_of(&event) {
                    self.requests.remove(&request);
                }
                self.tell_machine(event);
            }
            Message::SubjectFound { recording, subject } => self.name_after(recording, &subject),
            Message::TitleKnown { recording, title } => self.title_known(recording, &title),
            Message::TitleSent { generation, recording, title, outcome } => {
                self.title_sent(generation, recording, &title, outcome);
            }
            Message::RingReady { ring, control } => self.ring_ready(ring, control),
            Message::Kept { ring, event } => self.kept(ring, event),
            Message::Hint(event) => self.tell_machine(event),
            Message::Sleep { begins } => {
                self.hinder_ring(Hindrance::Asleep, begins);
                self.sleep(begins);
            }
            Message::Locked { is_locked } => self.hinder_ring(Hindrance::Locked, is_locked),
            Message::FileWritten { recording, file, problem, damaged } => {
                self.file_written(recording, file, problem, damaged);
            }
            Message::Repaired { recording, repair } => self.repaired(recording, repair),
            Message::ServerDamage { generation, .. } if generation != self.generation => {}
            Message::ServerDamage { videos, .. } => self.server_damage(videos),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Snapshot { since, reply } => self.answer(since, reply),
            Command::Media { recording, reply } => drop(reply.send(self.media(recording))),
            Command::Start { request: request @ StartRequest { past: Some(past), .. }, reply } => {
                self.take_over(request, past, reply);
            }
            Command::Start { request, reply } => {
                let recording = RecordingId(uuid::Uuid::now_v7());
                let countdown = request.countdown.is_some();
                let event = recorder::Event::StartAsked { recording, countdown };
                self.ask_recorder(event, request, reply);
            }
            Command::Toggle { request, reply } => {
                let recording = RecordingId(uuid::Uuid::now_v7());
                let countdown = request.countdown.is_some();
                let too_short = self.is_too_short();
                let event = recorder::Event::ToggleAsked { recording, countdown, too_short };
                self.ask_recorder(event, request, reply);
            }
            // The recording ended by itself and its rows are not written yet.
            Command::Stop { reply } if self.closing().is_some() => self.stop_replies.push(reply),
            Command::Stop { reply } => {
                let request = StartRequest::default();
                self.ask_recorder(recorder::Event::StopAsked, request, reply);
            }
            Command::Share { length, reply } => drop(self.ask_share(length, false, reply)),
            Command::AskPreview { reply } => self.ask_preview(reply),
            Command::Preview { reply } => drop(reply.send(self.preview_view())),
            Command::SharePreview { recording, range, reply } => {
                self.share_preview(recording, &range, reply);
            }
            Command::DiscardPreview { recording, reply } => {
                self.discard_preview(recording);
                let _ = reply.send(Ok(()));
            }
            Command::Cancel { reply } => self.cancel(reply),
            Command::Pause { paused, reply } => drop(reply.send(self.ask_pause(paused))),
            Command::Mute { muted, reply } => drop(reply.send(self.mute(muted))),
            Command::Recorded { reply } => {
                let request = self.running.as_ref().map(|running| running.request.clone());
                let _ = reply.send(request);
            }
            Command::Remember { what, value, reply } => {
                let kept = self.store.set_setting(&remembered(&what), &value);
                let _ = reply.send(kept.map_err(AppError::from));
            }
            Command::Recall { what, reply } => {
                let kept = self.store.setting(&remembered(&what));
                let _ = reply.send(kept.map_err(AppError::from));
            }
            Command::ShowWebcam { shown, reply } => drop(reply.send(self.show_webcam(shown))),
            Command::Retry { recording, reply } => {
                let _ = reply.send(self.retry(recording).map_err(AppError::from));
            }
            Command::Rename { recording, title, reply } => {
                let _ = reply.send(self.rename(recording, &title));
            }
            Command::Delete { recording, reply } => {
                let _ = reply.send(self.delete(recording));
            }
            Command::DeleteUndoably { recordings, reply } => {
                let _ = reply.send(self.delete_undoably(&recordings));
            }
            Command::UndoDelete { reply } => drop(reply.send(self.undo_delete())),
            Command::FileMoved { recording, to, reply } => {
                self.file_problems.remove(&recording);
                let _ = reply.send(self.store.set_file(recording, &to).map_err(Into::into));
            }
            Command::DismissToast { recording_id } => {
                self.toasts.dismiss(&recording_id, &self.shelf);
            }
            Command::DismissRebuilt => {
                if let Err(error) = self.store.dismiss_rebuilt() {
                    warn!(%error, "It could not be noted that a notice was read");
                }
            }
            Command::NoteLinkCopied { recording } => self.toasts.note_link_copied(recording),
            Command::NoteBarHidden { keys } => self.toasts.note_bar_hidden(keys),
            Command::Settings { reply } => drop(reply.send(self.settings.clone())),
            Command::ChangeSettings { change, reply } => {
                let _ = reply.send(self.change_settings(&change));
            }
            Command::ChangeSetting { name, value, reply } => {
                let _ = reply.send(self.change_setting(&name, &value));
            }
            Command::WhyEnded { recording, reply } => {
                let _ = reply.send(self.why_ended.get(&recording).cloned());
            }
            Command::PauseUpload { recording, paused: true } => {
                self.tell_machine(Event::PauseAsked { recording });
            }
            Command::PauseUpload { recording, paused: false } => {
                self.tell_machine(Event::ResumeAsked { recording });
            }
            Command::InStepWithServer { reply } => drop(reply.send(self.is_in_step_with_server())),
            Command::Account { reply } => drop(reply.send(self.account.clone())),
            Command::SwitchAccount { account, reply } => {
                let _ = reply.send(self.switch_account(account));
            }
            Command::TellSignedOut => (self.notices)(Notice::SignedOut),
            Command::HintNetwork => self.tell_machine(Event::NetworkHinted),
            Command::SetLocalNetwork { network } => {
                self.local_network = network;
                self.shelf.mark_all();
            }
            Command::SetCloudProblem { problem } => self.cloud_problem = problem,
            Command::Shutdown { reply } => {
                self.shutdown = Some(reply);
                self.hinder_ring(Hindrance::Closing, true);
                if self.recorder != Recorder::Idle {
                    self.tell_recorder(recorder::Event::StopAsked);
                }
            }
        }
    }

    fn answer(&mut self, since: u64, reply: oneshot::Sender<Snapshot>) {
        let first = self.look(since);
        let snapshot = match first {
            Err(error) if self.may_rebuild(&error) => {
                error!(%error, "The list of recordings is damaged");
                self.rebuilds_left -= 1;
                self.rebuild_store().and_then(|()| self.look(0))
            }
            first => first,
        };
        match snapshot {
            Ok(snapshot) => drop(reply.send(snapshot)),
            Err(error) => error!(%error, "The list of recordings can't be read"),
        }
    }

    fn look(&mut self, since: u64) -> Result<Snapshot, StoreError> {
        let rebuilt = self.store.rebuilt()?.filter(|rebuilt| !rebuilt.is_dismissed);
        let sources = Sources {
            home: &self.home,
            account: self.account.as_ref(),
            recorder: &self.recorder,
            running: self.running.as_ref(),
            webcam: self.webcam(),
            sound: self.sound(),
            machine: &self.machine,
            toasts: &self.toasts,
            ring: self.ring_view(),
            file_problems: &self.file_problems,
            deleted: self.deleted.clone(),
            rebuilt,
            local_network: &self.local_network,
            cloud_problem: self.cloud_problem.as_deref(),
            notifications: self.settings.desktop.notifications,
            change: *self.told.changed.borrow(),
            now_ms: self.now_ms(),
        };
        views::of_program(&self.store, &mut self.shelf, &sources, since)
    }

    /// Returns the sound switches of the running recording, else those of the next one.
    fn sound(&self) -> SoundView {
        let next = self.settings.recording.sound_view();
        self.running.as_ref().map_or(next, |running| SoundView {
            microphone: running.request.sound.microphone.is_some() && !running.request.muted,
            system: running.request.sound.system,
        })
    }

    fn media(&self, recording: RecordingId) -> Result<Media, AppError> {
        if let Some(media) = self.preview_media(recording) {
            return Ok(media);
        }
        Ok(Media::new(
            self.store.recording(recording)?,
            self.store.folder(recording),
            self.store.segments(recording)?,
            self.capture.clone(),
            self.making_still.clone(),
        ))
    }

    /// Retries a stopped or waiting upload now. A recording without an upload gets one.
    fn retry(&mut self, recording: RecordingId) -> Result<(), StoreError> {
        if let Some(status) = self.machine.status(self.now_ms(), recording) {
            // The first server may know the secret of the old address, so a new one is needed.
            if matches!(status.phase, Phase::Stopped(Stop::OtherServer { .. })) {
                self.claim(recording);
            }
            self.tell_machine(Event::RetryAsked { recording });
        } else {
            self.store.recording(recording)?;
            self.want_upload(recording);
            self.offer_whole(recording);
        }
        self.toasts.remember(recording);
        Ok(())
    }

    /// Switches the account. Requests in progress belong to the old account and are aborted.
    fn switch_account(&mut self, account: Option<Account>) -> Result<(), AppError> {
        let connect = |account| Uplink::new(account, self.throttle.clone());
        let uplink = account.clone().map(connect).transpose()?;
        self.store.set_setting(account::SETTING, &account::to_setting(account.as_ref()))?;
        (self.account, self.uplink) = (account, uplink);
        self.rebuild_machine()?;
        if self.uplink.is_some() {
            for recording in std::mem::take(&mut self.without_cloud) {
                // The recording may have been deleted since.
                let _ = self.retry(recording);
            }
        }
        self.send_titles_soon();
        Ok(())
    }

    /// Rebuilds the upload machine from its rows, as at a start. Parts that were being sent are sent again.
    fn rebuild_machine(&mut self) -> Result<(), AppError> {
        let rows = self.store.upload_rows()?;
        for (_, request) in self.requests.drain() {
            request.task.abort();
        }
        let target = self.account.as_ref().map_or_else(sending::no_target, Account::target);
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        let (machine, step) = UploadMachine::restore(target, rows, seed);
        self.machine = machine;
        self.generation += 1;
        self.ask_damage_again_ms = 0;
        self.are_copies_checked = false;
        self.unwritten.push_back(Write::Step(step));
        self.write();
        self.tell_settings();
        self.tell_machine(Event::Woke);
        Ok(())
    }
}

fn note_replaced(store: &Store, recovery: &Recovery) -> Result<(), StoreError> {
    for (recording, indices) in &recovery.replaced {
        for segment in store.segments(*recording)? {
            if indices.contains(&segment.index) {
                let words = source::damage_words(&segment);
                store.note_health(*recording, segment.start_ms, "segment-damaged", &words)?;
            }
        }
    }
    Ok(())
}

/// Returns the key under which a shell's value is stored, apart from the program's own settings.
fn remembered(what: &str) -> String {
    format!("shell-{what}")
}
