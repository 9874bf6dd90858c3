//! Starting a capture, for a recording and for the ring buffer alike, and what the desktop permits and says
//! about its source.

use std::path::PathBuf;

use snaplark_core::RecordingId;
use snaplark_core::capture::{
    Abandoned, CaptureControl, CaptureError, CaptureEvent, CaptureRequest, Permission, Source,
};
use tracing::warn;

use super::{Context, RecordingSession};
use crate::StartRequest;
use crate::messages::Message;

impl RecordingSession {
    /// Starts a capture, once everything before it has been carried out, on a blocking thread: finding
    /// displays and loading encoders takes time. The event loop does not wait; it gets the outcome as the
    /// message that `ready` makes.
    pub(super) fn capture(
        &mut self,
        cx: &Context,
        request: StartRequest,
        (folder, spare_folder): (PathBuf, Option<PathBuf>),
        abandoned: Abandoned,
        event: impl Fn(CaptureEvent) -> Message + Send + 'static,
        ready: impl FnOnce(Result<Box<dyn CaptureControl>, CaptureError>) -> Message + Send + 'static,
    ) {
        let request = CaptureRequest {
            folder,
            spare_folder,
            permission: permission(cx, &request.source).filter(|_| !request.asks),
            source: request.source,
            fps: request.fps,
            bitrate_bits: request.bitrate_bits,
            hardware_encoding: request.hardware_encoding,
            lines_max: request.lines_max,
            picture_size: request.picture_size,
            pointer: request.pointer,
            pointer_positions: request.pointer_positions && cx.settings.recording.pointer_positions,
            sound: request.sound,
            webcam: request.webcam,
            marks: request.marks,
            abandoned,
        };
        let (capture, inbox) = (self.capture.clone(), cx.inbox.clone());
        let start = move || {
            let events = inbox.clone();
            // Fails only if the event loop has ended.
            let sink = Box::new(move |told| drop(events.blocking_send(event(told))));
            let _ = inbox.blocking_send(ready(capture.start(request, sink)));
        };
        self.then(move || drop(tokio::task::spawn_blocking(start)));
    }

    /// Asks what the source shows. Runs outside the event loop, because a window system may take its time.
    pub(super) fn find_subject(&self, cx: &Context, recording: RecordingId, source: Source) {
        if !cx.settings.recording.names_in_titles {
            return;
        }
        let (capture, inbox) = (self.capture.clone(), cx.inbox.clone());
        tokio::task::spawn_blocking(move || {
            if let Some(subject) = capture.subject(&source) {
                let _ = inbox.blocking_send(Message::SubjectFound { recording, subject });
            }
        });
    }
}

/// Stores the desktop's permission to record this source, so that it asks nothing next time.
pub(in crate::engine) fn keep_permission(cx: &Context, source: &Source, permission: &Permission) {
    let Some(setting) = permission_setting(source) else { return };
    // If this fails, the desktop asks once more next time.
    if let Err(error) = cx.store.set_setting(&setting, &permission.0) {
        warn!(%error, "The desktop's permission could not be kept");
    }
}

pub(in crate::engine) fn permission(cx: &Context, source: &Source) -> Option<Permission> {
    let setting = permission_setting(source)?;
    cx.store.setting(&setting).ok().flatten().map(Permission)
}

/// Returns the setting that stores the desktop's permission. Each display that is named by its number has
/// its own. `None`: the desktop asks each time, since that is how a window is chosen.
fn permission_setting(source: &Source) -> Option<String> {
    match source {
        Source::Display(None) | Source::Region { .. } => Some("permission".to_owned()),
        Source::Display(Some(number)) => Some(format!("permission-{number}")),
        Source::Window(_) => None,
    }
}
