//! Converts rows and machine states into what shells show.

mod recordings;
mod toasts;

use std::collections::{BTreeMap, HashMap};

use snaplark_core::RecordingId;
use snaplark_core::capture::Issue;
use snaplark_core::recorder::Recorder;
use snaplark_core::ring::{RingBlock, RingState};
use snaplark_core::upload::{Reachability, TargetRole, Targets, UploadMachine, UploadMachines};
use snaplark_store::{IssueRow, Rebuilt, Recording, Store, StoreError};

use crate::account::{self, Account, server_name};
use crate::engine::{RunningRecording, SessionState, UploadsState};
use crate::home::Home;
use crate::pictures;
use crate::pictures::rows::PictureRow;
use crate::pictures::toasts::PictureToasts;
use crate::pictures::view::PictureSummary;
use crate::shelf::Shelf;
use crate::view::{
    AccountKind, AccountView, DeletedView, FileProblem, JobView, MicrophoneView, OtherServerView,
    PlacedUpload, Reach, RebuiltView, RecorderView, RecordingState, RecordingView, RingView,
    RingWait, Snapshot, UploadProgress, WaitReason,
};
use crate::{LinkReach, LocalNetwork, LocalNetworkView, Notifications, Settings, StartRequest};

use recordings::of_progress;
pub(crate) use recordings::of_recording;
pub(crate) use recordings::state_of_ended;
pub(crate) use toasts::Toasts;

/// Everything that a snapshot is made from, apart from the rows.
pub(crate) struct SnapshotInputs<'a> {
    pub home: &'a Home,
    pub session: SessionState<'a>,
    pub uploads: UploadsState<'a>,
    pub jobs: Vec<JobView>,
    pub toasts: &'a Toasts,
    pub picture_toasts: &'a PictureToasts,
    pub file_problems: &'a HashMap<RecordingId, FileProblem>,
    pub deleted: Option<DeletedView>,
    pub rebuilt: Option<Rebuilt>,
    pub local_network: &'a LocalNetwork,
    pub notifications: Notifications,
    pub change: u64,
    pub now_ms: u64,
}

/// Makes the snapshot of the running program. Of recordings it contains those whose views changed since the
/// shelf was at version `since`; 0 means all.
pub(crate) fn of_program(
    store: &Store,
    shelf: &mut Shelf,
    from: &SnapshotInputs<'_>,
    since: u64,
) -> Result<Snapshot, StoreError> {
    let picture_of = |row: &PictureRow| picture_of_now(row, from);
    shelf.refresh(store, |row, issues| of_now(row, issues, from), picture_of)?;
    let disk_free_bytes = fs4::available_space(&from.home.root).unwrap_or(0);
    Ok(Snapshot {
        change: from.change,
        since,
        version: shelf.version(),
        recorder: of_recorder(from, shelf),
        webcam: from.session.webcam,
        sound: from.session.sound,
        ring: from.session.ring.clone(),
        recordings: shelf.changed_since(since),
        pictures: shelf.pictures.changed_since(since),
        gone: shelf.gone_since(since),
        deleted: from.deleted.clone(),
        rebuilt: from.rebuilt.clone().map(of_rebuilt),
        toasts: from.toasts.views(shelf, from),
        jobs: from.jobs.clone(),
        warnings: from
            .session
            .running
            .map_or_else(Vec::new, |it| it.warnings.iter().copied().collect()),
        account: from.uploads.account.map(|account| of_account(account, from)),
        other_servers: of_other_servers(&from.uploads),
        cloud_problem: from.uploads.cloud_problem.map(str::to_owned),
        local_network: from.local_network.view.clone(),
        disk_free_bytes,
        space_seconds: space_seconds(
            from.session.running.map(|running| &running.request),
            disk_free_bytes,
        ),
    })
}

fn of_now(row: &Recording, issues: &[IssueRow], from: &SnapshotInputs<'_>) -> RecordingView {
    let machine = from.uploads.machine.of(row.id);
    let is_online = machine.is_some_and(is_online);
    let status = machine.and_then(|machine| machine.status(from.now_ms, row.id));
    let problem = from.file_problems.get(&row.id).cloned();
    let mut view = of_recording(row.clone(), issues.to_vec(), status, is_online, problem);
    if let Some(link) = &view.link {
        let link = from.local_network.handed_out(link);
        (view.link_reach, view.link) = (Some(LinkReach::of(&link)), Some(link));
    }
    if let (Some(upload), Some(machine)) = (&mut view.upload, machine) {
        note_server(upload, machine, &view.state);
        if view.state == RecordingState::Uploading {
            note_speed(upload, machine, from.now_ms);
        }
    }
    view.uploads = placed_uploads(row.id, from);
    view
}

/// Returns the views of all uploads of an item: its own first.
fn placed_uploads(item: RecordingId, from: &SnapshotInputs<'_>) -> Vec<PlacedUpload> {
    let further = from.uploads.further.iter().filter(|(_, of)| **of == item);
    let uploads = std::iter::once(item).chain(further.map(|(id, _)| *id));
    let placed = |id| {
        let mut upload = placed_upload(from.uploads.machine, from.now_ms, id)?;
        let link = upload.link.as_deref().map(|link| from.local_network.handed_out(link));
        (upload.link_reach, upload.link) = (link.as_deref().map(LinkReach::of), link);
        Some(upload)
    };
    uploads.filter_map(placed).collect()
}

/// Returns the view of one of an item's uploads.
fn placed_upload(
    machines: &UploadMachines,
    now_ms: u64,
    upload: RecordingId,
) -> Option<PlacedUpload> {
    let machine = machines.of(upload)?;
    let status = machine.status(now_ms, upload)?;
    let target = machine.target();
    let kind = match target.is_this_computer {
        true => AccountKind::ThisComputer,
        false => account::kind_of(&target.server).unwrap_or(AccountKind::OwnServer),
    };
    Some(PlacedUpload {
        id: upload.to_string(),
        place: server_name(&target.server),
        kind,
        state: state_of_ended(Some(&status), None),
        link_reach: status.link.as_deref().map(LinkReach::of),
        percentage: of_progress(&status, is_online(machine)).percentage,
        link: status.link,
    })
}

fn is_online(machine: &UploadMachine) -> bool {
    machine.reach() == Reachability::Online
}

/// Names the server of an unfinished upload that doesn't go to the account's.
fn note_server(upload: &mut UploadProgress, machine: &UploadMachine, state: &RecordingState) {
    let is_elsewhere = machine.role() != TargetRole::Current && !machine.target().is_this_computer;
    if is_elsewhere && *state != RecordingState::Done {
        upload.other_server = Some(server_name(&machine.target().server));
    }
}

fn note_speed(upload: &mut UploadProgress, machine: &UploadMachine, now_ms: u64) {
    let left_bytes = upload.total_bytes.saturating_sub(upload.sent_bytes);
    upload.bytes_per_second = machine.speed().bytes_per_second(now_ms);
    upload.seconds_left = machine.speed().seconds_left(now_ms, left_bytes);
}

fn picture_of_now(row: &PictureRow, from: &SnapshotInputs<'_>) -> PictureSummary {
    let recording = row.item.id.into();
    let machine = from.uploads.machine.of(recording);
    let is_online = machine.is_some_and(is_online);
    let status = machine.and_then(|machine| machine.status(from.now_ms, recording));
    let link = status.as_ref().and_then(|status| status.link.as_deref());
    let link = link.map(|link| from.local_network.handed_out(link));
    let mut upload = status.as_ref().map(|status| of_progress(status, is_online));
    if let (Some(upload), Some(machine)) = (&mut upload, machine) {
        note_server(upload, machine, &state_of_ended(status.as_ref(), None));
        note_speed(upload, machine, from.now_ms);
    }
    let view = PictureSummary::of(PictureRow { status, link, ..row.clone() }, upload);
    let view = PictureSummary { uploads: placed_uploads(recording, from), ..view };
    match view.state {
        RecordingState::Uploading => view,
        // What changes with time is of no interest otherwise.
        _ => PictureSummary { upload: view.upload.map(UploadProgress::without_speed), ..view },
    }
}

/// Makes the snapshot without a running program, from the rows alone.
/// `is_known` tells whether somebody is signed in at a server.
pub(crate) fn of_rows(
    store: &Store,
    home: &Home,
    is_known: impl Fn(&str) -> bool,
) -> Result<Snapshot, StoreError> {
    let mut statuses = HashMap::new();
    let rows = store.upload_rows()?;
    let uploads: Vec<RecordingId> = rows.iter().map(|row| row.recording).collect();
    let targets = Targets::of_rows(&rows, is_known);
    let (machines, _) = UploadMachines::restore(&targets, rows, 0);
    for recording in uploads {
        statuses.extend(machines.status(0, recording).map(|status| (recording, status)));
    }
    let further = store.further_uploads()?;
    let is_running = Store::is_in_use(&home.root);
    let not_running = |state: &mut RecordingState| {
        if *state == RecordingState::Uploading && !is_running {
            *state = RecordingState::Waits { reason: WaitReason::NotRunning };
        }
    };
    let uploads_of = |item: RecordingId| -> Vec<PlacedUpload> {
        let further = further.iter().filter(|further| further.item == item).map(|it| it.id);
        let uploads = std::iter::once(item).chain(further);
        let mut placed: Vec<_> = uploads.filter_map(|id| placed_upload(&machines, 0, id)).collect();
        placed.iter_mut().for_each(|upload| not_running(&mut upload.state));
        placed
    };
    let mut issues = store.issues()?;
    let rows = store.recordings()?.into_iter().chain(store.imports()?);
    let mut recordings: Vec<RecordingView> = rows
        .map(|recording| {
            let status = statuses.remove(&recording.id);
            let issues = issues.remove(&recording.id).unwrap_or_default();
            let id = recording.id;
            let mut view = of_recording(recording, issues, status, false, None);
            not_running(&mut view.state);
            view.uploads = uploads_of(id);
            view
        })
        .collect();
    recordings.sort_by(|a, b| b.id.cmp(&a.id));
    let mut pictures = Vec::new();
    for item in pictures::rows::all(store)? {
        let Some(row) = PictureRow::read(store, item)? else { continue };
        let status = statuses.remove(&item.into());
        let link = status.as_ref().and_then(|status| status.link.clone());
        let mut view = PictureSummary::of(PictureRow { status, link, ..row }, None);
        not_running(&mut view.state);
        view.uploads = uploads_of(item.into());
        pictures.push(view);
    }
    pictures.sort_by(|a, b| b.id.cmp(&a.id));
    let disk_free_bytes = fs4::available_space(&home.root).unwrap_or(0);
    let settings = Settings::stored(store)?.recording;
    Ok(Snapshot {
        change: 0,
        since: 0,
        version: 0,
        recorder: RecorderView::Idle,
        webcam: settings.webcam.state(),
        sound: settings.sound_view(),
        ring: RingView::Off,
        recordings,
        pictures,
        gone: Vec::new(),
        deleted: None,
        rebuilt: store.rebuilt()?.filter(|rebuilt| !rebuilt.is_dismissed).map(of_rebuilt),
        toasts: Vec::new(),
        jobs: Vec::new(),
        warnings: Vec::new(),
        account: None,
        other_servers: Vec::new(),
        cloud_problem: None,
        local_network: LocalNetworkView::Off,
        disk_free_bytes,
        space_seconds: space_seconds(None, disk_free_bytes),
    })
}

fn space_seconds(request: Option<&StartRequest>, free_bytes: u64) -> u64 {
    let next = StartRequest::default();
    let request = request.unwrap_or(&next);
    request.space.seconds_left(free_bytes, RunningRecording::bits_per_second(request))
}

fn of_recorder(from: &SnapshotInputs<'_>, shelf: &Shelf) -> RecorderView {
    let running = from.session.running;
    let issue = running.and_then(|running| running.issue.as_ref()).map(Issue::to_string);
    let struck = running.and_then(|running| running.strikes.last());
    match from.session.recorder {
        Recorder::Idle => RecorderView::Idle,
        Recorder::Counting { .. } => RecorderView::Counting {
            starts_unix_ms: running.map_or(0, |running| running.started_unix_ms),
        },
        Recorder::Starting { .. } => RecorderView::Starting,
        Recorder::Stopping { recording } | Recorder::Cancelling { recording } => {
            RecorderView::Stopping { id: recording.to_string() }
        }
        Recorder::Recording { recording } => {
            let id = recording.to_string();
            let view = shelf.view(&id);
            RecorderView::Recording {
                started_unix_ms: view.map_or(0, |view| view.started_unix_ms),
                paused_ms: running.map_or(0, |running| running.paused_ms),
                link: view.and_then(|view| view.link.clone()),
                microphone: of_microphone(running),
                issue,
                struck,
                id,
            }
        }
        Recorder::Paused { recording, at_ms } => {
            let id = recording.to_string();
            let link = shelf.view(&id).and_then(|view| view.link.clone());
            let microphone = of_microphone(running);
            RecorderView::Paused { duration_ms: *at_ms, link, microphone, issue, struck, id }
        }
    }
}

fn of_microphone(running: Option<&RunningRecording>) -> MicrophoneView {
    match running.map(|running| &running.request) {
        Some(request) if request.sound.microphone.is_none() => MicrophoneView::Absent,
        Some(request) if request.muted => MicrophoneView::Muted,
        Some(_) => MicrophoneView::Heard,
        None => MicrophoneView::Absent,
    }
}

pub(crate) fn of_ring(state: RingState, length_ms: u64) -> RingView {
    match state {
        RingState::Off => RingView::Off,
        RingState::Keeping { held_ms } => RingView::Keeping { held_ms, length_ms },
        RingState::Waits { block } => RingView::Waits {
            reason: match block {
                RingBlock::Recording => RingWait::Recording,
                RingBlock::Locked => RingWait::Locked,
                RingBlock::Asleep => RingWait::Asleep,
                RingBlock::DiskLow => RingWait::DiskLow,
                RingBlock::Closing => RingWait::Closing,
            },
        },
        RingState::Failed { error } => RingView::Failed { detail: error.to_string() },
    }
}

fn of_rebuilt(Rebuilt { recordings, set_aside, .. }: Rebuilt) -> RebuiltView {
    RebuiltView { recordings, set_aside }
}

fn reach_of(machine: Option<&UploadMachine>) -> Reach {
    match machine.map(UploadMachine::reach) {
        Some(Reachability::Unknown) | None => Reach::Unknown,
        Some(Reachability::Online) => Reach::Online,
        Some(Reachability::Offline) => Reach::Offline,
    }
}

/// Returns the servers other than the account's that uploads go to, and those at which the person is signed
/// in. This computer's own is shown only while uploads go there.
fn of_other_servers(uploads: &UploadsState<'_>) -> Vec<OtherServerView> {
    let known = uploads.others.iter().map(|account| (account.base_url.as_str(), account.kind));
    let mut kinds: BTreeMap<&str, AccountKind> = known.collect();
    for machine in uploads.machine.others().filter(|machine| machine.live_count() > 0) {
        let server = &machine.target().server;
        let kind = account::kind_of(server).unwrap_or(AccountKind::OwnServer);
        kinds.entry(server).or_insert(kind);
    }
    let view = |(address, kind): (&str, AccountKind)| {
        let machine = uploads.machine.at(address);
        // Without an upload its token stays in the keyring unread.
        let signed_in = match machine.filter(|machine| machine.live_count() > 0) {
            Some(machine) => machine.is_signed_in(),
            None => true,
        };
        OtherServerView {
            address: address.to_owned(),
            key: account::key_of(address),
            server: server_name(address),
            kind,
            signed_in,
            reach: reach_of(machine),
            uploads: machine.map_or(0, |machine| machine.live_count() as u32),
        }
    };
    let is_shown = |it: &OtherServerView| it.kind != AccountKind::ThisComputer || it.uploads > 0;
    kinds.into_iter().map(view).filter(is_shown).collect()
}

fn of_account(account: &Account, from: &SnapshotInputs<'_>) -> AccountView {
    let machine = from.uploads.machine.current();
    AccountView {
        kind: account.kind,
        address: account.base_url.clone(),
        key: account.key(),
        server: account.server_name(),
        links_reach: match (account.kind, account.links_reach()) {
            (AccountKind::ThisComputer, LinkReach::ThisComputer) if from.local_network.is_on() => {
                LinkReach::LocalNetwork
            }
            (_, reach) => reach,
        },
        reach: reach_of(machine),
        needs_sign_in: machine.is_some_and(|machine| !machine.is_signed_in()),
        bytes_per_second: machine
            .map_or(0, |machine| machine.speed().bytes_per_second(from.now_ms)),
        uploads: machine.map_or(0, |machine| machine.live_count() as u32),
        profile: account.profile,
        plain_http: account.is_plain_http(),
    }
}
