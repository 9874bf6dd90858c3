//! Starting a capture, for a recording and for the ring buffer alike.

use std::path::PathBuf;

use snaplark_core::capture::{
    Abandoned, CaptureControl, CaptureError, CaptureEvent, CaptureRequest,
};

use super::Engine;
use crate::StartRequest;
use crate::messages::Message;

impl Engine {
    /// Starts a capture on a blocking thread, since finding displays and loading encoders takes time. The
    /// event loop does not wait; it gets the outcome as the message that `ready` makes.
    pub(super) fn capture(
        &self,
        request: StartRequest,
        (folder, spare_folder): (PathBuf, Option<PathBuf>),
        abandoned: Abandoned,
        event: impl Fn(CaptureEvent) -> Message + Send + 'static,
        ready: impl FnOnce(Result<Box<dyn CaptureControl>, CaptureError>) -> Message + Send + 'static,
    ) {
        let request = CaptureRequest {
            folder,
            spare_folder,
            permission: self.permission(&request.source).filter(|_| !request.asks),
            source: request.source,
            fps: request.fps,
            bitrate_bits: request.bitrate_bits,
            hardware_encoding: request.hardware_encoding,
            lines_max: request.lines_max,
            pointer: request.pointer,
            sound: request.sound,
            webcam: request.webcam,
            marks: request.marks,
            abandoned,
        };
        let (capture, inbox) = (self.capture.clone(), self.inbox.clone());
        tokio::task::spawn_blocking(move || {
            let events = inbox.clone();
            // Fails only if the event loop has ended.
            let sink = Box::new(move |told| drop(events.blocking_send(event(told))));
            let _ = inbox.blocking_send(ready(capture.start(request, sink)));
        });
    }
}
