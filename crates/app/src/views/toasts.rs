//! Toasts: which recordings have one, what it says, and what was dismissed.

use snaplark_core::RecordingId;
use snaplark_core::recorder::Recorder;

use super::SnapshotInputs;
use super::recordings::state_of_ended;
use crate::Notifications;
use crate::pictures::view::PictureSaid;
use crate::shelf::Shelf;
use crate::view::{
    NeedReason, RecordingState, RecordingView, ToastBody, ToastView, WaitReason, Warning,
};

/// Decides which recordings have a toast, and remembers what was dismissed.
#[derive(Default)]
pub(crate) struct Toasts {
    remembered: Vec<Remembered>,
    failures: Vec<FailureToast>,
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

struct FailureToast {
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
    pub(crate) fn remember(&mut self, recording: RecordingId) {
        if !self.remembered.iter().any(|toast| toast.recording == recording) {
            self.remembered.push(Remembered { recording, link_copied: false, dismissed: None });
        }
    }

    pub(crate) fn forget(&mut self, recording: RecordingId) {
        self.warned.retain(|it| it.recording != recording);
        self.remembered.retain(|toast| toast.recording != recording);
    }

    /// Adds a toast that a recording ended by itself. `title` is empty if nothing of it was recorded.
    /// Replaces an earlier failure of the same recording.
    pub(crate) fn fail(&mut self, recording: RecordingId, title: String, detail: String) {
        let toast_id = format!("failed-{recording}");
        self.failures.retain(|failed| failed.toast_id != toast_id);
        self.failures.push(FailureToast { toast_id, title, detail });
    }

    /// Removes the failure toast of a recording, because the problem has passed.
    pub(crate) fn take_back_failure(&mut self, recording: RecordingId) {
        let toast_id = format!("failed-{recording}");
        self.failures.retain(|failed| failed.toast_id != toast_id);
    }

    /// Adds a toast that something is wrong with the running recording.
    pub(crate) fn warn(&mut self, recording: RecordingId, title: String, warning: Warning) {
        self.take_back_warning(recording, warning);
        self.warned.push(Warned { recording, title, warning, over: false });
    }

    /// Removes a warning toast, because the problem has passed.
    pub(crate) fn take_back_warning(&mut self, recording: RecordingId, warning: Warning) {
        self.warned.retain(|it| (it.recording, it.warning) != (recording, warning));
    }

    /// Updates the warnings of a recording that is over. What the recording lacks is still shown; problems
    /// of the disk and folder are not.
    pub(crate) fn end_warnings(&mut self, recording: RecordingId, title: &str) {
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
    pub(crate) fn note_bar_hidden(&mut self, keys: String) {
        self.bar_hidden = Some(keys);
    }

    pub(crate) fn note_link_copied(&mut self, recording: RecordingId) {
        // The clipboard holds one link, so earlier links are no longer copied.
        for toast in &mut self.remembered {
            toast.link_copied = toast.recording == recording;
        }
    }

    /// Dismisses a toast. It comes back when it has something else to say, except the toast of a finished
    /// upload.
    pub(crate) fn dismiss(&mut self, toast_id: &str, shelf: &Shelf) {
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

    pub(super) fn views(&self, shelf: &Shelf, from: &SnapshotInputs<'_>) -> Vec<ToastView> {
        let uploads = self.remembered.iter().filter_map(|toast| {
            let recording = shelf.view(&toast.recording.to_string())?;
            // A recording that is being closed already shows its next state, because the person who stopped
            // it should not wait for its last segment.
            let closes =
                matches!(from.session.recorder, Recorder::Idle | Recorder::Stopping { .. });
            let body = match &recording.state {
                RecordingState::Recording if closes => {
                    let status = from.uploads.machine.status(from.now_ms, toast.recording);
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
        let pictures = from.picture_toasts.views(&shelf.pictures);
        let all = uploads.chain(failures).chain(warnings).chain(bar_hidden).chain(pictures);
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
                | WaitReason::FolderMissing
                | WaitReason::StorageFull
                | WaitReason::AccessDenied
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
            | ToastBody::Picture { .. }
            | ToastBody::PictureDone { .. }
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
                    | ToastBody::Picture { said: PictureSaid::Unreadable }
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
