//! Converts rows and machine states into what shells show.

use std::collections::HashMap;

use snaplark_core::RecordingId;
use snaplark_core::capture::Trouble;
use snaplark_core::recorder::Recorder;
use snaplark_core::ring::{Hindrance, State};
use snaplark_core::upload::{
    Phase, Reach as MachineReach, Stop, Target, UploadMachine, UploadStatus, Wait,
};
use snaplark_store::{Health, Rebuilt, Recording, Store, StoreError};

use crate::account::Account;
use crate::engine::Running;
use crate::home::Home;
use crate::shelf::Shelf;
use crate::view::{
    AccountView, DeletedView, HealthView, MicrophoneView, NeedReason, Reach, RebuiltView,
    RecorderView, RecordingState, RecordingView, RingView, RingWait, Snapshot, SoundView,
    ToastBody, ToastView, UploadProgress, WaitReason, Warning,
};
use crate::{
    LinkReach, LocalNetwork, LocalNetworkView, Notifications, Settings, StartRequest, WebcamState,
};

/// Everything that a snapshot is made from, apart from the rows.
pub struct Sources<'a> {
    pub home: &'a Home,
    pub account: Option<&'a Account>,
    pub recorder: &'a Recorder,
    pub running: Option<&'a Running>,
    pub webcam: WebcamState,
    pub sound: SoundView,
    pub machine: &'a UploadMachine,
    pub toasts: &'a Toasts,
    pub ring: RingView,
    pub file_problems: &'a HashMap<RecordingId, String>,
    pub deleted: Option<DeletedView>,
    pub rebuilt: Option<Rebuilt>,
    pub local_network: &'a LocalNetwork,
    pub cloud_problem: Option<&'a str>,
    pub notifications: Notifications,
    pub change: u64,
    pub now_ms: u64,
}

/// Makes the snapshot of the running program. Of recordings it contains those whose views changed since the
/// shelf was at version `since`; 0 means all.
pub fn of_program(
    store: &Store,
    shelf: &mut Shelf,
    from: &Sources<'_>,
    since: u64,
) -> Result<Snapshot, StoreError> {
    shelf.refresh(store, |row, health| of_now(row, health, from))?;
    let disk_free_bytes = fs4::available_space(&from.home.root).unwrap_or(0);
    Ok(Snapshot {
        change: from.change,
        since,
        version: shelf.version(),
        recorder: of_recorder(from, shelf),
        webcam: from.webcam,
        sound: from.sound,
        ring: from.ring.clone(),
        recordings: shelf.changed_since(since),
        gone: shelf.gone_since(since),
        deleted: from.deleted.clone(),
        rebuilt: from.rebuilt.clone().map(of_rebuilt),
        toasts: from.toasts.views(shelf, from),
        warnings: from.running.map_or_else(Vec::new, |it| it.warnings.iter().copied().collect()),
        account: from.account.map(|account| of_account(account, from)),
        cloud_problem: from.cloud_problem.map(str::to_owned),
        local_network: from.local_network.view.clone(),
        disk_free_bytes,
        space_seconds: space_seconds(from.running.map(|running| &running.request), disk_free_bytes),
    })
}

fn of_now(row: &Recording, health: &[Health], from: &Sources<'_>) -> RecordingView {
    let is_online = from.machine.reach() == MachineReach::Online;
    let status = from.machine.status(from.now_ms, row.id);
    let problem = from.file_problems.get(&row.id).cloned();
    let speed = from.machine.speed();
    let mut view = of_recording(row.clone(), health.to_vec(), status, is_online, problem);
    if let Some(link) = &view.link {
        let link = from.local_network.handed_out(link);
        (view.link_reach, view.link) = (Some(LinkReach::of(&link)), Some(link));
    }
    if let (Some(upload), RecordingState::Uploading) = (&mut view.upload, &view.state) {
        let left_bytes = upload.total_bytes.saturating_sub(upload.sent_bytes);
        upload.bytes_per_second = speed.bytes_per_second(from.now_ms);
        upload.seconds_left = speed.seconds_left(from.now_ms, left_bytes);
    }
    view
}

/// Makes the snapshot without a running program, from the rows alone.
pub fn of_rows(store: &Store, home: &Home) -> Result<Snapshot, StoreError> {
    let mut statuses = HashMap::new();
    for rows in store.upload_rows()? {
        let (server, profile) = (rows.server.clone(), rows.profile);
        let recording = rows.recording;
        let target = Target { server, profile, is_this_computer: false };
        let (machine, _) = UploadMachine::restore(target, vec![rows], 0);
        if let Some(status) = machine.status(0, recording) {
            statuses.insert(recording, status);
        }
    }
    let is_running = Store::is_in_use(&home.root);
    let mut health = store.health()?;
    let recordings = store.recordings()?.into_iter().map(|recording| {
        let status = statuses.remove(&recording.id);
        let health = health.remove(&recording.id).unwrap_or_default();
        let mut view = of_recording(recording, health, status, false, None);
        if view.state == RecordingState::Uploading && !is_running {
            view.state = RecordingState::Waits { reason: WaitReason::NotRunning };
        }
        view
    });
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
        recordings: recordings.collect(),
        gone: Vec::new(),
        deleted: None,
        rebuilt: store.rebuilt()?.filter(|rebuilt| !rebuilt.is_dismissed).map(of_rebuilt),
        toasts: Vec::new(),
        warnings: Vec::new(),
        account: None,
        cloud_problem: None,
        local_network: LocalNetworkView::Off,
        disk_free_bytes,
        space_seconds: space_seconds(None, disk_free_bytes),
    })
}

fn space_seconds(request: Option<&StartRequest>, free_bytes: u64) -> u64 {
    let next = StartRequest::default();
    let request = request.unwrap_or(&next);
    request.space.seconds_left(free_bytes, Running::bits_per_second(request))
}

pub fn of_recording(
    recording: Recording,
    health: Vec<Health>,
    status: Option<UploadStatus>,
    is_online: bool,
    file_problem: Option<String>,
) -> RecordingView {
    let state = state_of(&recording, status.as_ref());
    let here = !recording.cleared || recording.file.as_ref().is_some_and(|file| file.is_file());
    RecordingView {
        id: recording.id.to_string(),
        title: recording.title,
        started_unix_ms: recording.started_unix_ms,
        duration_ms: recording.duration_ms,
        size_bytes: recording.init_bytes + recording.size_bytes,
        segments: recording.segments,
        link_reach: status.as_ref().and_then(|status| status.link.as_deref().map(LinkReach::of)),
        link: status.as_ref().and_then(|status| status.link.clone()),
        file: recording.file.map(|file| file.to_string_lossy().into_owned()),
        file_problem,
        here,
        frames: recording.counts.encoded,
        dropped: recording.counts.dropped,
        health: health
            .into_iter()
            .map(|Health { at_ms, kind, detail }| HealthView { at_ms, kind, detail })
            .collect(),
        end_detail: recording.end_detail,
        upload: status.map(|status| of_progress(&status, is_online)),
        state,
    }
}

fn state_of(recording: &Recording, status: Option<&UploadStatus>) -> RecordingState {
    match recording.running {
        true => RecordingState::Recording,
        false => state_of_ended(status, recording.missing_detail.as_ref()),
    }
}

fn state_of_ended(
    status: Option<&UploadStatus>,
    missing_detail: Option<&String>,
) -> RecordingState {
    let Some(status) = status else { return RecordingState::Local };
    let waits = |reason| RecordingState::Waits { reason };
    let needs = |reason, detail: &str| RecordingState::NeedsYou { reason, detail: detail.into() };
    match (&status.phase, missing_detail) {
        (Phase::Finished, _) => RecordingState::Done,
        (_, Some(detail)) => needs(NeedReason::FilesMissing, detail),
        (Phase::Sending, None) => RecordingState::Uploading,
        (Phase::Waits { wait, .. }, None) => waits(match wait {
            Wait::Offline => WaitReason::Offline,
            Wait::ServerTrouble => WaitReason::ServerTrouble,
            Wait::RateLimited => WaitReason::RateLimited,
            Wait::Queue => WaitReason::Queue,
            Wait::Paused => WaitReason::Paused,
            Wait::Metered => WaitReason::Metered,
        }),
        (Phase::NeedsSignIn, None) => needs(NeedReason::SignIn, ""),
        (Phase::Stopped(stop), None) => match stop {
            Stop::Refused { detail } => needs(NeedReason::Refused, detail),
            Stop::FilesMissing { detail } => needs(NeedReason::FilesMissing, detail),
            Stop::DamagedOnServer { detail } => needs(NeedReason::DamagedOnServer, detail),
            Stop::OtherServer { server } => needs(NeedReason::OtherServer, server),
        },
    }
}

fn of_progress(status: &UploadStatus, is_online: bool) -> UploadProgress {
    let percentage = match (&status.phase, status.total_bytes) {
        (Phase::Finished, _) => 100,
        (_, 0) => 0,
        // The last per cent is the server's confirmation.
        (_, total) => (status.sent_bytes * 100 / total).min(99) as u8,
    };
    UploadProgress {
        uploaded: status.uploaded,
        pending: status.pending,
        failed: status.failed,
        total: status.uploaded + status.pending,
        percentage,
        is_online,
        has_session: status.has_session,
        sent_bytes: status.sent_bytes,
        total_bytes: status.total_bytes,
        bytes_per_second: 0,
        seconds_left: None,
    }
}

fn of_recorder(from: &Sources<'_>, shelf: &Shelf) -> RecorderView {
    let running = from.running;
    let trouble = running.and_then(|running| running.trouble.as_ref()).map(Trouble::to_string);
    match from.recorder {
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
                trouble,
                id,
            }
        }
        Recorder::Paused { recording, at_ms } => {
            let id = recording.to_string();
            let link = shelf.view(&id).and_then(|view| view.link.clone());
            let microphone = of_microphone(running);
            RecorderView::Paused { duration_ms: *at_ms, link, microphone, trouble, id }
        }
    }
}

fn of_microphone(running: Option<&Running>) -> MicrophoneView {
    match running.map(|running| &running.request) {
        Some(request) if request.sound.microphone.is_none() => MicrophoneView::Absent,
        Some(request) if request.muted => MicrophoneView::Muted,
        Some(_) => MicrophoneView::Heard,
        None => MicrophoneView::Absent,
    }
}

pub fn of_ring(state: State, length_ms: u64) -> RingView {
    match state {
        State::Off => RingView::Off,
        State::Keeping { held_ms } => RingView::Keeping { held_ms, length_ms },
        State::Waits { hindrance } => RingView::Waits {
            reason: match hindrance {
                Hindrance::Recording => RingWait::Recording,
                Hindrance::Locked => RingWait::Locked,
                Hindrance::Asleep => RingWait::Asleep,
                Hindrance::DiskLow => RingWait::DiskLow,
                Hindrance::Closing => RingWait::Closing,
            },
        },
        State::Failed { error } => RingView::Failed { detail: error.to_string() },
    }
}

fn of_rebuilt(Rebuilt { recordings, set_aside, .. }: Rebuilt) -> RebuiltView {
    RebuiltView { recordings, set_aside }
}

fn of_account(account: &Account, from: &Sources<'_>) -> AccountView {
    AccountView {
        kind: account.kind,
        server: account.server_name(),
        links_reach: match LinkReach::of(&account.base_url) {
            LinkReach::ThisComputer if from.local_network.is_on() => LinkReach::LocalNetwork,
            reach => reach,
        },
        reach: match from.machine.reach() {
            MachineReach::Unknown => Reach::Unknown,
            MachineReach::Online => Reach::Online,
            MachineReach::Offline => Reach::Offline,
        },
        needs_sign_in: !from.machine.is_signed_in(),
        bytes_per_second: from.machine.speed().bytes_per_second(from.now_ms),
        uploads: from.machine.live_count() as u32,
        profile: account.profile,
        plain_http: account.is_plain_http(),
    }
}

/// Decides which recordings have a toast, and remembers what was dismissed.
#[derive(Default)]
pub struct Toasts {
    remembered: Vec<Remembered>,
    failures: Vec<Failed>,
    warned: Vec<Warned>,
    /// The shortcut that stops a recording, while the toast that names it is shown.
    bar_hidden: Option<String>,
}

struct Warned {
    recording: RecordingId,
    title: String,
    warning: Warning,
    over: bool,
}

impl Warned {
    fn toast_id(&self) -> String {
        format!("warning-{:?}-{}", self.warning, self.recording)
    }
}

const BAR_HIDDEN: &str = "bar-hidden";

struct Failed {
    toast_id: String,
    /// Empty if nothing of the recording was kept.
    title: String,
    detail: String,
}

struct Remembered {
    recording: RecordingId,
    link_copied: bool,
    dismissed: Option<std::mem::Discriminant<ToastBody>>,
}

impl Toasts {
    pub fn remember(&mut self, recording: RecordingId) {
        if !self.remembered.iter().any(|toast| toast.recording == recording) {
            self.remembered.push(Remembered { recording, link_copied: false, dismissed: None });
        }
    }

    pub fn forget(&mut self, recording: RecordingId) {
        self.warned.retain(|it| it.recording != recording);
        self.remembered.retain(|toast| toast.recording != recording);
    }

    /// Adds a toast that a recording ended by itself. `title` is empty if nothing of it was recorded.
    /// Replaces an earlier failure of the same recording.
    pub fn fail(&mut self, recording: RecordingId, title: String, detail: String) {
        let toast_id = format!("failed-{recording}");
        self.failures.retain(|failed| failed.toast_id != toast_id);
        self.failures.push(Failed { toast_id, title, detail });
    }

    /// Removes the failure toast of a recording, because the problem has passed.
    pub fn take_back_failure(&mut self, recording: RecordingId) {
        let toast_id = format!("failed-{recording}");
        self.failures.retain(|failed| failed.toast_id != toast_id);
    }

    /// Adds a toast that something is wrong with the running recording.
    pub fn warn(&mut self, recording: RecordingId, title: String, warning: Warning) {
        self.take_back_warning(recording, warning);
        self.warned.push(Warned { recording, title, warning, over: false });
    }

    /// Removes a warning toast, because the problem has passed.
    pub fn take_back_warning(&mut self, recording: RecordingId, warning: Warning) {
        self.warned.retain(|it| (it.recording, it.warning) != (recording, warning));
    }

    /// Updates the warnings of a recording that is over. What the recording lacks is still shown; problems
    /// of the disk and folder are not.
    pub fn end_warnings(&mut self, recording: RecordingId, title: &str) {
        self.warned.retain_mut(|it| {
            if it.recording == recording {
                it.over = true;
                it.title = title.to_owned();
            }
            match it.warning {
                Warning::DiskLow | Warning::FolderLost => !it.over,
                Warning::MicrophoneLost | Warning::SystemSoundLost | Warning::WebcamLost => true,
            }
        });
    }

    /// Adds a toast that the recorder bar is hidden from recordings, and which keys stop one.
    pub fn note_bar_hidden(&mut self, keys: String) {
        self.bar_hidden = Some(keys);
    }

    pub fn note_link_copied(&mut self, recording: RecordingId) {
        // The clipboard holds one link, so earlier links are no longer copied.
        for toast in &mut self.remembered {
            toast.link_copied = toast.recording == recording;
        }
    }

    /// Dismisses a toast. It comes back when it has something else to say, except the toast of a finished
    /// upload.
    pub fn dismiss(&mut self, toast_id: &str, shelf: &Shelf) {
        self.failures.retain(|failed| failed.toast_id != toast_id);
        self.warned.retain(|warned| warned.toast_id() != toast_id);
        self.bar_hidden.take_if(|_| toast_id == BAR_HIDDEN);
        let body_of = |toast: &Remembered| {
            let recording = shelf.view(&toast.recording.to_string())?;
            toast.body(recording, &recording.state)
        };
        let dismissed = self.remembered.iter().find(|it| it.recording.to_string() == toast_id);
        let cause = dismissed.and_then(body_of).as_ref().and_then(Cause::of);
        self.remembered.retain_mut(|toast| {
            let body = body_of(toast);
            let is_same = cause.is_some() && body.as_ref().and_then(Cause::of) == cause;
            if !is_same && toast.recording.to_string() != toast_id {
                return true;
            }
            toast.dismissed = body.as_ref().map(std::mem::discriminant);
            !matches!(body, None | Some(ToastBody::Done { .. }))
        });
    }

    fn views(&self, shelf: &Shelf, from: &Sources<'_>) -> Vec<ToastView> {
        let uploads = self.remembered.iter().filter_map(|toast| {
            let recording = shelf.view(&toast.recording.to_string())?;
            // A recording that is being closed already shows its next state, because the person who stopped
            // it should not wait for its last segment.
            let closes = matches!(from.recorder, Recorder::Idle | Recorder::Stopping { .. });
            let body = match &recording.state {
                RecordingState::Recording if closes => {
                    let status = from.machine.status(from.now_ms, toast.recording);
                    toast.body(recording, &state_of_ended(status.as_ref(), None))?
                }
                state => toast.body(recording, state)?,
            };
            if toast.dismissed == Some(std::mem::discriminant(&body)) {
                return None;
            }
            Some(ToastView {
                recording_id: recording.id.clone(),
                title: recording.title.clone(),
                link: recording.link.clone(),
                link_reach: recording.link_reach,
                percentage: recording.upload.as_ref().map_or(0, |upload| upload.percentage),
                count: 1,
                body,
            })
        });
        let plain = |recording_id, title, body| ToastView {
            recording_id,
            title,
            body,
            link: None,
            link_reach: None,
            percentage: 0,
            count: 1,
        };
        let failures = self.failures.iter().map(|failed| {
            let body = ToastBody::RecordingFailed { detail: failed.detail.clone() };
            plain(failed.toast_id.clone(), failed.title.clone(), body)
        });
        let warnings = self.warned.iter().map(|it| {
            let body = ToastBody::Warning { warning: it.warning, over: it.over };
            plain(it.toast_id(), it.title.clone(), body)
        });
        let bar_hidden = self.bar_hidden.iter().map(|keys| {
            let body = ToastBody::BarHidden { keys: keys.clone() };
            plain(BAR_HIDDEN.to_owned(), String::new(), body)
        });
        let all = uploads.chain(failures).chain(warnings).chain(bar_hidden);
        let wanted = all.filter(|toast| speaks_up(&toast.body, from.notifications));
        one_for_each_cause(wanted)
    }
}

/// A cause that several recordings can wait for together: one sign-in or one network helps all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    SignIn,
    Waits(WaitReason),
}

impl Cause {
    /// Returns `None` if the toast is about its own recording only.
    fn of(body: &ToastBody) -> Option<Self> {
        match body {
            ToastBody::NeedsYou { reason: NeedReason::SignIn, .. } => Some(Cause::SignIn),
            ToastBody::Waits { reason, .. } => match reason {
                WaitReason::Offline
                | WaitReason::ServerTrouble
                | WaitReason::RateLimited
                | WaitReason::Metered => Some(Cause::Waits(*reason)),
                // Each of these is resumed individually.
                WaitReason::Paused | WaitReason::Queue | WaitReason::NotRunning => None,
            },
            ToastBody::NeedsYou { .. }
            | ToastBody::Uploading { .. }
            | ToastBody::Done { .. }
            | ToastBody::RecordingFailed { .. }
            | ToastBody::Warning { .. }
            | ToastBody::BarHidden { .. } => None,
        }
    }
}

/// Merges the toasts of one cause into the newest of them, at its place.
fn one_for_each_cause(toasts: impl Iterator<Item = ToastView>) -> Vec<ToastView> {
    let mut joined: Vec<ToastView> = Vec::new();
    for mut toast in toasts {
        let cause = Cause::of(&toast.body);
        let is_same = |earlier: &ToastView| cause.is_some() && Cause::of(&earlier.body) == cause;
        if let Some(place) = joined.iter().position(is_same) {
            let earlier = joined.remove(place);
            toast.count += earlier.count;
            if let (ToastBody::Waits { parts, .. }, ToastBody::Waits { parts: more, .. }) =
                (&mut toast.body, earlier.body)
            {
                *parts += more;
            }
        }
        joined.push(toast);
    }
    joined
}

fn speaks_up(body: &ToastBody, wanted: Notifications) -> bool {
    match (wanted, body) {
        (Notifications::All, _) => true,
        (Notifications::NeedsMe, body) => {
            matches!(
                body,
                ToastBody::NeedsYou { .. }
                    | ToastBody::RecordingFailed { .. }
                    | ToastBody::Warning { .. }
            )
        }
        (Notifications::None, _) => false,
    }
}

impl Remembered {
    fn body(&self, recording: &RecordingView, state: &RecordingState) -> Option<ToastBody> {
        let upload = recording.upload.as_ref();
        Some(match state {
            RecordingState::Recording | RecordingState::Local => return None,
            RecordingState::Uploading
            | RecordingState::Waits { reason: WaitReason::Queue | WaitReason::NotRunning } => {
                ToastBody::Uploading {
                    bytes_per_second: upload.map_or(0, |upload| upload.bytes_per_second),
                    seconds_left: upload.and_then(|upload| upload.seconds_left),
                }
            }
            RecordingState::Waits { reason } => ToastBody::Waits {
                reason: *reason,
                parts: upload.map_or(0, |upload| upload.pending),
            },
            RecordingState::NeedsYou { reason, detail } => {
                ToastBody::NeedsYou { reason: *reason, detail: detail.clone() }
            }
            RecordingState::Done => ToastBody::Done {
                link_copied: self.link_copied,
                duration_ms: recording.duration_ms,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_of_a_recording_is_said_once_and_with_the_title_of_what_is_kept() {
        let mut toasts = Toasts::default();
        let recording = RecordingId(uuid::Uuid::from_u128(1));
        toasts.fail(recording, "28 Nov".into(), "The disk is full".into());
        toasts.fail(recording, "28 Nov".into(), "4 segments are safe".into());
        let [failed] = &toasts.failures[..] else { panic!("it is said twice") };
        assert_eq!(
            (failed.title.as_str(), failed.detail.as_str()),
            ("28 Nov", "4 segments are safe")
        );
    }

    #[test]
    fn toasts_are_joined_when_their_recordings_wait_for_the_same() {
        let toast = |id: &str, body| ToastView {
            recording_id: id.into(),
            title: id.into(),
            body,
            link: None,
            link_reach: None,
            percentage: 0,
            count: 1,
        };
        let sign_in = || ToastBody::NeedsYou { reason: NeedReason::SignIn, detail: String::new() };
        let refused = || ToastBody::NeedsYou { reason: NeedReason::Refused, detail: String::new() };
        let waits = |reason, parts| ToastBody::Waits { reason, parts };
        let joined = one_for_each_cause(
            [
                toast("a", sign_in()),
                toast("b", waits(WaitReason::Offline, 2)),
                toast("c", refused()),
                toast("d", sign_in()),
                toast("e", waits(WaitReason::Offline, 3)),
                toast("f", sign_in()),
                toast("g", waits(WaitReason::Paused, 1)),
                toast("h", waits(WaitReason::Paused, 1)),
                toast("i", refused()),
            ]
            .into_iter(),
        );
        let seen: Vec<_> = joined.iter().map(|it| (it.recording_id.as_str(), it.count)).collect();
        assert_eq!(seen, [("c", 1), ("e", 2), ("f", 3), ("g", 1), ("h", 1), ("i", 1)]);
        assert_eq!(joined[1].body, waits(WaitReason::Offline, 5));
    }

    #[test]
    fn notices_are_those_that_the_person_wants() {
        let done = ToastBody::Done { link_copied: true, duration_ms: 1 };
        let waits = ToastBody::Waits { reason: WaitReason::Offline, parts: 1 };
        let needs = ToastBody::NeedsYou { reason: NeedReason::SignIn, detail: String::new() };
        let failed = ToastBody::RecordingFailed { detail: String::new() };
        let shown = |wanted| [&done, &waits, &needs, &failed].map(|body| speaks_up(body, wanted));
        assert_eq!(shown(Notifications::All), [true; 4]);
        assert_eq!(shown(Notifications::NeedsMe), [false, false, true, true]);
        assert_eq!(shown(Notifications::None), [false; 4]);
    }
}
