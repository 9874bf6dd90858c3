//! Uploads: the upload machines, their destinations, and the requests that are under way.
//!
//! What others have to do it queues as [`UploadsEvent`]s. A step's changes go to the library's journal, and
//! come back to [`Uploads::act`] when they are committed: what a request depends on is committed before the
//! request is sent.

mod damage;
mod edited;
mod further;
mod hold_back;
mod imports;
mod links;
mod pictures;
mod requests;
mod targets;
mod titles;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use snaplark_api::recording_id_of;
use snaplark_core::capture::Issue;
use snaplark_core::upload::{
    Addressee, OpenSession, RequestId, Step, UploadEvent, UploadMachines, UploadRows, UploadStatus,
};
use snaplark_core::{ItemId, RecordingId};
use snaplark_destinations::{Destination, Sent};
use snaplark_store::{FurtherUpload, Secret, StoreError};
use tokio::task::AbortHandle;
use tracing::{error, info, warn};

use super::context::Context;
use crate::account::{self, Account};
use crate::{AppError, Connect};

use edited::EditedInMemory;
use hold_back::HoldBack;
use targets::UploadTargets;

/// The upload machines, their destinations, and the requests that are under way.
pub(super) struct Uploads {
    targets: UploadTargets,
    machine: UploadMachines,
    requests: HashMap<RequestId, RequestTask>,
    /// Grows with each change of accounts, so that replies to requests of before are ignored.
    generation: u64,
    /// Why the embedded cloud, which uploads would go to, is not running.
    cloud_problem: Option<String>,
    /// Recordings made while the embedded cloud was not running, to be uploaded when it is.
    without_cloud: Vec<RecordingId>,
    /// The segments that are held back of recordings whose end is not in the rows.
    held: BTreeMap<RecordingId, HoldBack>,
    /// The items of the further uploads.
    further: BTreeMap<RecordingId, RecordingId>,
    /// The version of an edited recording that was sent last.
    edited: Option<EditedInMemory>,
    events: VecDeque<UploadsEvent>,
}

/// A task of uploads for other parts of the engine.
pub(super) enum UploadsEvent {
    /// Commit the step's changes behind all earlier writes, then pass its actions to [`Uploads::act`].
    Commit(Step),
    /// Put a link on the clipboard, if its recording has just ended.
    LinkKnown(RecordingId, String),
    /// Repair damaged segments.
    Repair(RecordingId, Vec<u32>),
    /// Publish a recording's edit again, in smaller parts.
    ListAnew(RecordingId),
    /// Show the progress of a recording's upload in a toast.
    Show(RecordingId),
    /// Show the progress of a picture's upload in a toast.
    ShowPicture(ItemId),
}

/// The uploads' part of a snapshot.
pub(crate) struct UploadsState<'a> {
    pub(crate) account: Option<&'a Account>,
    /// Accounts at other servers.
    pub(crate) others: &'a [Account],
    pub(crate) machine: &'a UploadMachines,
    /// The items of the further uploads.
    pub(crate) further: &'a BTreeMap<RecordingId, RecordingId>,
    pub(crate) cloud_problem: Option<&'a str>,
}

struct RequestTask {
    task: AbortHandle,
    sent: Sent,
}

impl Uploads {
    /// Continues the uploads of these rows.
    pub(crate) fn open(
        account: Option<Account>,
        others: Vec<Account>,
        connect: Connect,
        rows: Vec<UploadRows>,
        further: Vec<FurtherUpload>,
    ) -> Result<Self, AppError> {
        let targets = UploadTargets::new(connect, account, others)?;
        let (machine, step) = UploadMachines::restore(&targets.for_machines(), rows, seed());
        Ok(Uploads {
            targets,
            machine,
            requests: HashMap::new(),
            generation: 0,
            cloud_problem: None,
            without_cloud: Vec::new(),
            held: BTreeMap::new(),
            further: further.into_iter().map(|upload| (upload.id, upload.item)).collect(),
            edited: None,
            events: VecDeque::from([UploadsEvent::Commit(step)]),
        })
    }

    /// Returns the next thing that others have to do.
    pub(crate) fn next_event(&mut self) -> Option<UploadsEvent> {
        self.events.pop_front()
    }

    /// Tells the machine what happened. What happened to an item's files is told to each upload of it.
    pub(crate) fn handle(&mut self, cx: &Context, event: UploadEvent) {
        if let UploadEvent::Forgotten { recording } = &event {
            self.held.remove(recording);
        }
        let further = self.for_further_uploads(&event);
        for event in std::iter::once(event).chain(further) {
            self.handle_one(cx, event);
        }
    }

    fn handle_one(&mut self, cx: &Context, event: UploadEvent) {
        let recording = match event.addressee() {
            Addressee::Upload(recording) => Some(recording),
            Addressee::Request(_) | Addressee::Server(_) | Addressee::Everyone => None,
        };
        let before = recording.and_then(|recording| self.machine.open_session(recording));
        let step = self.machine.handle(cx.now_ms(), event);
        self.events.push_back(UploadsEvent::Commit(step));
        if let (Some(recording), Some(before)) = (recording, before)
            && self.machine.open_session(recording).as_ref() != Some(&before)
        {
            self.abandon(before);
        }
    }

    /// Has a destination remove what it has of an upload that was deleted, or began anew. Whatever it can't remove now,
    /// its own rules remove: nothing of the session is known here any more.
    fn abandon(&self, open: OpenSession) {
        let OpenSession { server, session } = open;
        let Some(target) = self.targets.at(&server) else { return };
        let destination = target.destination.clone();
        tokio::spawn(async move {
            if let Err(failure) = destination.abandon(&session).await {
                info!(?failure, "An abandoned upload could not be removed");
            }
        });
    }

    /// Continues what can be continued now.
    pub(crate) fn woke(&mut self, cx: &Context) {
        self.ask_damage(cx);
        self.send_titles(cx);
        self.handle(cx, UploadEvent::Woke);
    }

    /// Returns when uploads have to act next, by the engine's clock.
    pub(crate) fn next_wake_ms(&self) -> Option<u64> {
        let machine_ms = self.machine.next_wake_ms();
        machine_ms.into_iter().chain(self.next_damage_ms()).chain(self.next_title_ms()).min()
    }

    pub(crate) fn state(&self) -> UploadsState<'_> {
        UploadsState {
            account: self.targets.current(),
            others: self.targets.others(),
            machine: &self.machine,
            further: &self.further,
            cloud_problem: self.cloud_problem.as_deref(),
        }
    }

    /// Returns the account that new uploads go to.
    pub(crate) fn account(&self) -> Option<&Account> {
        self.targets.current()
    }

    /// Returns the accounts at other servers.
    pub(crate) fn other_accounts(&self) -> &[Account] {
        self.targets.others()
    }

    pub(crate) fn status(&self, cx: &Context, recording: RecordingId) -> Option<UploadStatus> {
        self.machine.status(cx.now_ms(), recording)
    }

    /// Returns whether there is nothing more to send or to learn for now, apart from the recordings.
    pub(crate) fn is_up_to_date(&self, cx: &Context) -> bool {
        self.are_copies_checked() && !self.does_title_wait(cx)
    }

    /// Applies the settings.
    pub(crate) fn follow_settings(&mut self, cx: &Context) {
        let settings = &cx.settings.upload;
        self.targets.throttle().set(settings.bytes_per_second_max);
        self.handle(cx, UploadEvent::MeteredChosen { wait: settings.wait_on_metered });
    }

    pub(crate) fn set_cloud_problem(&mut self, problem: Option<String>) {
        self.cloud_problem = problem;
    }

    /// Wants a recording uploaded that begins, if there is a destination. If the embedded cloud is not
    /// running, the recording is uploaded when it is.
    pub(crate) fn recording_begins(&mut self, cx: &Context, recording: RecordingId) {
        self.held.insert(recording, HoldBack::default());
        if self.cloud_problem.is_some() {
            self.without_cloud.push(recording);
        }
        let to = self.targets.chosen(cx.settings.upload.recordings_to.as_deref());
        self.machine.route(recording, to);
        if to.is_some() || self.targets.current().is_some() {
            self.want(cx, recording);
        }
    }

    /// Offers the init of a recording.
    pub(crate) fn recording_began(&mut self, cx: &Context, recording: RecordingId) {
        match cx.store.recording(recording) {
            Ok(row) => {
                let size_bytes = row.init_bytes;
                self.handle(cx, UploadEvent::InitSealed { recording, size_bytes });
            }
            Err(error) => error!(%recording, %error, "A recording that has begun can't be read"),
        }
    }

    /// Retries a stopped or waiting upload now. A recording without an upload gets one.
    pub(crate) fn retry(&mut self, cx: &Context, recording: RecordingId) -> Result<(), StoreError> {
        if self.status(cx, recording).is_some() {
            // The first server may know the secret of the old address, so a new one is needed.
            if self.machine.moves_on_retry(recording) {
                self.claim(cx, recording);
            }
            self.handle(cx, UploadEvent::RetryAsked { recording });
        } else {
            // A picture is published instead, which renders it.
            let row = cx.store.shown(recording)?;
            match row.ok_or(StoreError::NoSuchRecording(recording))?.imported {
                Some(file) => self.want_file(cx, recording, file.size_bytes),
                None => {
                    let to = self.targets.chosen(cx.settings.upload.recordings_to.as_deref());
                    self.machine.route(recording, to);
                    self.want(cx, recording);
                    self.offer_whole(cx, recording);
                }
            }
        }
        if !self.is_further(recording) {
            self.events.push_back(UploadsEvent::Show(recording));
        }
        Ok(())
    }

    /// Switches the account that new uploads go to. `left_stays`: uploads that were begun for the one before
    /// go on there.
    pub(crate) fn switch_account(
        &mut self,
        cx: &Context,
        account: Option<Account>,
        left_stays: bool,
    ) -> Result<(), AppError> {
        let mut others = self.targets.others().to_vec();
        let left = self.targets.current().filter(|left| left_stays && left.is_signed_in());
        others.extend(left.cloned());
        self.set_accounts(cx, account, others)?;
        if self.targets.current().is_some() {
            for recording in std::mem::take(&mut self.without_cloud) {
                // The recording may have been deleted since.
                let _ = self.retry(cx, recording);
            }
        }
        Ok(())
    }

    /// Continues the uploads that were begun for this account's server. New ones go where they went before.
    pub(crate) fn add_account(&mut self, cx: &Context, account: Account) -> Result<(), AppError> {
        if self.targets.current_server() == Some(&account.base_url) {
            return Ok(());
        }
        let mut others = self.targets.others().to_vec();
        others.retain(|other| other.base_url != account.base_url);
        others.push(account);
        self.set_accounts(cx, self.targets.current().cloned(), others)
    }

    /// Stops the uploads to another server than the current one, and returns its account.
    pub(crate) fn remove_account(
        &mut self,
        cx: &Context,
        server: &str,
    ) -> Result<Option<Account>, AppError> {
        let (removed, others) =
            self.targets.others().iter().cloned().partition(|other| other.base_url == server);
        let removed: Vec<Account> = removed;
        self.set_accounts(cx, self.targets.current().cloned(), others)?;
        Ok(removed.into_iter().next())
    }

    /// Requests in progress are aborted, those to servers that stay are sent again.
    fn set_accounts(
        &mut self,
        cx: &Context,
        current: Option<Account>,
        others: Vec<Account>,
    ) -> Result<(), AppError> {
        self.targets.set(current, others)?;
        let current = account::to_setting(self.targets.current());
        let others = account::others_to_setting(self.targets.others());
        let settings =
            [(account::SETTING, current.as_str()), (account::OTHERS_SETTING, others.as_str())];
        cx.store.set_settings(&settings)?;
        self.restart(cx)?;
        self.send_titles_soon(cx);
        Ok(())
    }

    /// Rebuilds the upload machines from their rows, as at a start. Parts that were being sent are sent again.
    pub(crate) fn restart(&mut self, cx: &Context) -> Result<(), StoreError> {
        let further = cx.store.further_uploads()?;
        self.further = further.into_iter().map(|upload| (upload.id, upload.item)).collect();
        let mut rows = cx.store.upload_rows()?;
        self.hide_held(&mut rows);
        self.abort_all();
        let step = self.machine.rebuild(&self.targets.for_machines(), rows, seed());
        self.generation += 1;
        for target in self.targets.all_mut() {
            (target.ask_damage_again_ms, target.are_copies_checked) = (0, false);
        }
        // Steps of the old machines that are not in the journal yet are void.
        self.events.retain(|event| !matches!(event, UploadsEvent::Commit(_)));
        self.events.push_back(UploadsEvent::Commit(step));
        self.follow_settings(cx);
        self.recall_link_templates(cx);
        self.want_pictures(cx);
        self.want_edited_versions(cx);
        self.want_files(cx);
        self.handle(cx, UploadEvent::Woke);
        Ok(())
    }

    pub(crate) fn abort_all(&mut self) {
        for (_, request) in self.requests.drain() {
            request.task.abort();
        }
    }

    /// Wants a recording uploaded. Its address is known before anything is sent and may be handed out,
    /// because only someone who knows the secret behind it can claim it.
    fn want(&mut self, cx: &Context, recording: RecordingId) {
        self.claim_known(cx, recording);
        self.handle(cx, UploadEvent::UploadWanted { recording });
    }

    /// Tells the machine a recording's address, and makes one if it has none.
    fn claim_known(&mut self, cx: &Context, recording: RecordingId) {
        match cx.store.secret(recording) {
            Ok(Some(secret)) => {
                let id = recording_id_of(&secret);
                self.handle(cx, UploadEvent::Claimed { recording, id });
            }
            Ok(None) => self.claim(cx, recording),
            Err(error) => warn!(%recording, %error, "A recording's secret can't be read"),
        }
    }

    /// Gives a recording a new address, whether or not it has one.
    fn claim(&mut self, cx: &Context, recording: RecordingId) {
        let mut secret = Secret::default();
        let made = getrandom::fill(&mut secret)
            .map_err(|error| error.to_string())
            .and_then(|()| cx.store.set_secret(recording, &secret).map_err(|e| e.to_string()));
        match made {
            Ok(()) => {
                let id = recording_id_of(&secret);
                self.handle(cx, UploadEvent::Claimed { recording, id });
            }
            // The recording's own id serves as its address, as in earlier versions.
            Err(error) => warn!(%recording, error, "A recording gets no secret of its own"),
        }
    }

    fn claim_anew(&mut self, cx: &Context, recording: RecordingId) {
        info!(%recording, "Address of a recording was taken; it gets another");
        if !self.is_further(recording)
            && let Err(error) = cx.store.note_issue(recording, 0, &Issue::LinkChanged)
        {
            warn!(%recording, %error, "A changed link can't be noted");
        }
        self.claim(cx, recording);
    }

    /// Returns the destination of the server that a request is for; `None` for a request of before the last
    /// change of accounts.
    fn destination_of(&self, request: RequestId) -> Option<Arc<dyn Destination>> {
        let server = self.machine.server_of(request)?;
        Some(self.targets.at(server)?.destination.clone())
    }

    /// Offers one upload all of a recording that has ended already, or what is not held back of one that runs.
    fn offer_whole(&mut self, cx: &Context, recording: RecordingId) {
        let item = self.item_of(recording);
        let (Ok(row), Ok(segments)) = (cx.store.recording(item), cx.store.segments(item)) else {
            return;
        };
        let size_bytes = row.init_bytes;
        self.handle(cx, UploadEvent::InitSealed { recording, size_bytes });
        let offered = self.released_of(item).unwrap_or(u32::MAX);
        for segment in segments.into_iter().take_while(|segment| segment.index < offered) {
            let size_bytes = segment.size_bytes;
            self.handle(cx, UploadEvent::SegmentSealed { recording, size_bytes });
        }
        if row.running {
            return;
        }
        let duration_ms = row.duration_ms;
        self.handle(cx, UploadEvent::RecordingEnded { recording, duration_ms });
    }
}

/// Returns a seed for the jitter of waits.
fn seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}
