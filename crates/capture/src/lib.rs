//! Records the screen and its sound as WebM segments: the product's implementation of `Capture`.
//!
//! ```text
//! eye       the frame grabber: opens the source (`source`), grabs it fps times a second, drops frames
//!           equal to the last one (`gate`), and pushes the rest into the pipeline's bounded queue
//! overlay   draws the webcam (`webcam`), clicks and keys (`marks`) onto each frame
//! pipeline  GStreamer's threads: convert to I420, encode to VP9, a keyframe every two seconds (`pipeline`)
//! sound     mixes the microphone and the computer's own sound into one Opus track (`sound`)
//! writer    groups blocks into clusters (`segmenter`), writes clusters to durable files (`disk`) and
//!           sends the events; owns the pipeline
//! ```
//! Besides these threads, `still` makes the thumbnail of a recording on request.
//!
//! Backpressure: the frame grabber never blocks. The encoder blocks on the writer only when 20 s of
//! encoded frames are queued between them. The writer blocks on the disk and the event sink. So a slow
//! disk costs nothing for the first 20 s. After that raw frames are dropped, which is counted and
//! reported; an encoded frame is never dropped. Sound has its own queue and never blocks either. A
//! segment waits for its sound, up to a bound. All bounds are in `policy`.
//!
//! Times are milliseconds of one monotonic clock that starts when the source is first grabbed.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod choice;
mod disk;
mod encoder;
mod eye;
mod gate;
mod graph;
mod load;
mod marks;
mod overlay;
mod part;
mod pipeline;
mod policy;
mod probe;
mod segmenter;
mod signals;
mod sound;
mod source;
mod still;
mod subject;
mod surroundings;
mod timeline;
mod trial;
mod vp9;
mod warm;
mod webcam;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use gstreamer as gst;
use snaplark_core::INIT_FILE;
use snaplark_core::capture::{
    Capture, CaptureControl, CaptureError, CaptureRequest, CaptureSink, Source, Still, Subject,
    Trouble,
};
use snaplark_core::overlay::Webcam as WantedWebcam;

pub use part::part;
pub use probe::{Probe, WayProbe, probe};
pub use sound::{DeviceProbe, Meter, listen};
pub use surroundings::{
    Border, Picture, Rect, Screen, ShownWindow, Surroundings, border_around, border_on,
    desktop_asks, picture_of, surroundings,
};
pub use warm::warm;
pub use webcam::{
    CameraPicture, CameraPreview, CameraProbe, list as cameras, preview as preview_camera,
};

use crate::choice::Memory;
use crate::encoder::{SOFTWARE, Settings};
use crate::eye::{Opened, Work};
use crate::marks::Marks;
use crate::overlay::Overlay;
use crate::policy::{BITRATE_BITS_MIN, ENCODED_FRAMES_MAX, FPS_MAX};
use crate::signals::{Signals, fault};
use crate::source::Opening;
use crate::webcam::Webcam;
use crate::writer::{Spare, Writer};

/// Records what this computer shows and plays.
#[derive(Clone, Debug, Default)]
pub struct SystemCapture {
    display: Option<String>,
    sound_server: Option<String>,
    memory: Option<Memory>,
}

impl SystemCapture {
    /// Captures the session that the program runs in.
    pub fn new() -> Self {
        SystemCapture::default()
    }

    /// Captures the X11 display with that name and ignores the environment.
    pub fn on_display(name: impl Into<String>) -> Self {
        SystemCapture { display: Some(name.into()), ..SystemCapture::default() }
    }

    /// Records sound from that server, given as a PulseAudio address (`unix:/path`), and ignores the
    /// environment.
    pub fn with_sound_server(self, name: impl Into<String>) -> Self {
        SystemCapture { sound_server: Some(name.into()), ..self }
    }

    /// Caches the results of encoder trials in that folder. Without this only libvpx is used.
    pub fn remembering_in(self, folder: &Path) -> Self {
        SystemCapture { memory: Some(Memory::below(folder)), ..self }
    }
}

impl Capture for SystemCapture {
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError> {
        ready()?;
        tracing::debug!("GStreamer is ready");
        let signals = Arc::new(Signals::default());
        let started = self.begin(request, events, &signals);
        if started.is_err() {
            // Ends the threads that were already started.
            signals.ask_to_stop();
        }
        started.map(|webcam| Box::new(Control { signals, webcam }) as Box<dyn CaptureControl>)
    }

    fn still(&self, init: &[u8], segment: &[u8]) -> Result<Still, CaptureError> {
        still::of(init, segment).map_err(|reason| CaptureError::NoStill { reason })
    }

    fn subject(&self, source: &Source) -> Option<Subject> {
        subject::of(source::way(self.display.as_deref()).ok()?, source)
    }
}

impl SystemCapture {
    fn begin(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
        signals: &Arc<Signals>,
    ) -> Result<Arc<Webcam>, CaptureError> {
        let fps = request.fps.clamp(1, FPS_MAX);
        let (opened, found) = sync_channel(1);
        let (feeds, work) = sync_channel(1);
        let way = source::way(self.display.as_deref())?;
        let open_wait = way.open_wait();
        let marks = Marks::open(request.marks, &way, &request.source);
        let opening = Opening {
            way,
            wanted: request.source.clone(),
            fps,
            pointer: request.pointer,
            permission: request.permission.clone(),
            abandoned: request.abandoned.clone(),
        };
        let eye_signals = signals.clone();
        spawn("eye", move || eye::run(&opening, fps, &eye_signals, &opened, &work))?;
        let Opened { size, permission } =
            found.recv_timeout(open_wait).map_err(|error| match error {
                RecvTimeoutError::Timeout => {
                    CaptureError::NoDisplay { reason: "the display does not answer".to_owned() }
                }
                RecvTimeoutError::Disconnected => fault(),
            })??;
        tracing::debug!("the source is open");

        disk::check(&request.folder, INIT_FILE)?;
        let sound = sound::start(&request.sound, self.sound_server.as_deref(), fps, signals)?;
        let webcam = Webcam::new(size, request.webcam, signals.clone());
        let bitrate_bits = request.bitrate_bits.max(BITRATE_BITS_MIN);
        let picture = policy::fitted(size, request.lines_max);
        let settings = Settings { width: picture.0, height: picture.1, bitrate_bits };
        let (out, frames) = sync_channel(ENCODED_FRAMES_MAX);
        let memory = self.memory.as_ref().filter(|_| request.hardware_encoding);
        let wanted = memory.map_or(SOFTWARE, |memory| memory.choose(&settings));
        let told = signals.clone();
        let start = move |encoder| {
            pipeline::start(encoder, &settings, size, fps, out.clone(), told.clone())
        };
        let (encoder, (pipeline, feed)) = match start(wanted) {
            Err(_) if wanted.is_hardware() => (SOFTWARE, start(SOFTWARE)?),
            started => (wanted, started?),
        };
        tracing::debug!("the pipeline runs");
        let (replaced, others) = sync_channel(1);
        let spare = memory.filter(|_| encoder.is_hardware()).cloned().map(|memory| Spare {
            start: Box::new(move || start(SOFTWARE)),
            feeds: replaced,
            note: Box::new(move |why| memory.note(encoder, &settings, why)),
        });
        let writer = Writer {
            folder: request.folder,
            spare_folder: request.spare_folder,
            size: picture,
            permission,
            sink: events,
            signals: signals.clone(),
            spare,
        };
        spawn("writer", move || writer::run(writer, frames, pipeline, sound))?;
        let marks = marks.unwrap_or_else(|reason| {
            signals.trouble(Trouble::MarksMissing { reason });
            None
        });
        let overlay = Overlay::new(size, webcam.clone(), marks);
        // The frame grabber waits for this message. The send fails only if that thread has died; then
        // the writer receives no frames, and the control's stop ends it.
        feeds.send(Work { feed, overlay, others }).map_err(|_| fault())?;
        if let Some(memory) = memory {
            memory.learn(settings);
        }
        Ok(webcam)
    }
}

struct Control {
    signals: Arc<Signals>,
    webcam: Arc<Webcam>,
}

impl CaptureControl for Control {
    fn stop(&mut self) {
        self.signals.ask_to_stop();
    }

    fn pause(&mut self) {
        self.signals.pause();
    }

    fn resume(&mut self) {
        self.signals.resume();
    }

    fn cut(&mut self) {
        self.signals.cut();
    }

    fn set_muted(&mut self, muted: bool) {
        self.signals.set_muted(muted);
    }

    fn set_webcam(&mut self, webcam: WantedWebcam) {
        self.webcam.set(webcam);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Initializes GStreamer and checks that the elements that every recording needs are installed.
fn ready() -> Result<(), CaptureError> {
    gst::init().map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })?;
    encoder::check()
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), CaptureError> {
    thread::Builder::new()
        .name(format!("snaplark-{name}"))
        .spawn(run)
        .map(drop)
        .map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })
}
