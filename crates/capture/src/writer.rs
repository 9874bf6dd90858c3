//! The writer's thread: takes encoded frames and sound, writes durable segments and sends events. It
//! owns the pipeline and shuts it down. Only this thread calls the sink, so the order of events is the
//! order of this code.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use snaplark_core::capture::{
    CaptureEnd, CaptureError, CaptureEvent, CaptureSink, FrameCounts, Permission, SealedSegment,
    Trouble,
};
use snaplark_core::{INIT_FILE, segment_file};
use snaplark_webm::{Audio, Tracks, Video, VideoCodec, WebmError};

use crate::disk::{make_private, write_durably};
use crate::pipeline::{Encoded, Feed, Running};
use crate::policy::{
    ENCODER_STALL_MS, KEYFRAME_LATE_MS, SEGMENT_SOUND_WAIT, STALL_MS, STOP_MS_MAX, WRITER_POLL,
};
use crate::segmenter::{EncodedFrame, Segment, Segmenter};
use crate::signals::Signals;
use crate::sound::{Heard, Track};

pub struct Writer {
    pub folder: PathBuf,
    pub spare_folder: Option<PathBuf>,
    pub size: (u32, u32),
    pub permission: Option<Permission>,
    pub sink: CaptureSink,
    pub signals: Arc<Signals>,
    /// The fallback encoder; present if the current encoder may fail.
    pub spare: Option<Spare>,
}

/// What replaces an encoder that fails.
pub struct Spare {
    pub start: Box<dyn FnOnce() -> Result<(Running, Feed), CaptureError> + Send>,
    /// Sends the new feed to the frame grabber.
    pub feeds: SyncSender<Feed>,
    /// Records the failure, so that the encoder is not chosen again.
    pub note: Box<dyn FnOnce(&str) + Send>,
}

/// Runs until the end of the recording and reports how it ended. The sink receives `Ended` after the
/// pipelines are gone.
pub fn run(writer: Writer, frames: Receiver<Encoded>, pipeline: Running, track: Option<Track>) {
    let signals = writer.signals.clone();
    let (audio, heard, encoder) = match track {
        Some(Track { audio, heard, encoder }) => (Some(audio), Some(heard), Some(encoder)),
        None => (None, None, None),
    };
    let mut recording = Recording {
        folder: writer.folder,
        spare_folder: writer.spare_folder,
        init: Vec::new(),
        size: writer.size,
        permission: writer.permission,
        sink: Ending { sink: writer.sink, ended: false, encoded: 0, signals: signals.clone() },
        signals,
        segmenter: if audio.is_some() { Segmenter::with_sound() } else { Segmenter::default() },
        pipeline: Some(pipeline),
        spare: writer.spare,
        begun_ms: 0,
        audio,
        heard,
        waits_since: None,
        started: false,
        pause: None,
        dropped_told: 0,
    };
    let result = recording.follow(&frames).and_then(|()| recording.finish());
    if let Err(error) = result {
        recording.signals.fail(error);
    }
    recording.signals.ask_to_stop();
    // The order matters: this first releases an encoder that waits for room, then joins it.
    drop(frames);
    recording.pipeline = None;
    recording.heard = None;
    drop(encoder);
    recording.sink.end();
}

struct Recording {
    folder: PathBuf,
    /// `None` if there is no spare folder, or if it is already in use.
    spare_folder: Option<PathBuf>,
    init: Vec<u8>,
    size: (u32, u32),
    permission: Option<Permission>,
    sink: Ending,
    signals: Arc<Signals>,
    segmenter: Segmenter,
    pipeline: Option<Running>,
    spare: Option<Spare>,
    /// When the last segment began.
    begun_ms: u64,
    audio: Option<Audio>,
    /// `None` if there is no sound, or no more of it.
    heard: Option<Receiver<Heard>>,
    /// Since when a segment waits for its sound.
    waits_since: Option<Instant>,
    started: bool,
    pause: Option<Pause>,
    dropped_told: u64,
}

/// The recording is paused: no frames come, and none are missed.
struct Pause {
    at_ms: u64,
    told: bool,
}

impl Recording {
    /// Handles frames until the last one.
    fn follow(&mut self, frames: &Receiver<Encoded>) -> Result<(), CaptureError> {
        let mut last_came = Instant::now();
        let mut stall_told = false;
        loop {
            let next = frames.recv_timeout(WRITER_POLL);
            self.listen()?;
            match next {
                Ok(Encoded::Frame(frame)) => {
                    self.take(frame)?;
                    if std::mem::take(&mut stall_told) {
                        let ms = last_came.elapsed().as_millis() as u64;
                        self.signals.trouble(Trouble::SourceBack { ms });
                    }
                    last_came = Instant::now();
                }
                Ok(Encoded::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    let stop = self.signals.stop_asked();
                    let given_up = stop.is_some_and(|at| is_over(at, STOP_MS_MAX));
                    if given_up || self.signals.has_pipeline_failed() {
                        return Ok(());
                    }
                    if self.pause.is_some() {
                        last_came = Instant::now();
                    }
                    if !stall_told && is_over(last_came, STALL_MS) {
                        stall_told = true;
                        let ms = last_came.elapsed().as_millis() as u64;
                        self.signals.trouble(Trouble::SourceStalled { ms });
                    }
                }
            }
            self.watch_encoder(last_came)?;
            self.follow_pause()?;
            if let Some(at_ms) = self.signals.cut_before(self.segmenter.sealed_ms()) {
                self.sink.say(CaptureEvent::Cut { at_ms });
            }
            self.tell_troubles();
        }
    }

    /// Replaces a hardware encoder that failed. The frames that it has delivered are kept.
    fn watch_encoder(&mut self, last_came: Instant) -> Result<(), CaptureError> {
        let (Some(_), Some(pipeline)) = (&self.spare, &self.pipeline) else { return Ok(()) };
        let stands = self.pause.is_some() || self.signals.paused_at_ms().is_some();
        let hangs = !stands && pipeline.frames_inside() > 0 && is_over(last_came, ENCODER_STALL_MS);
        let here_ms = self.segmenter.last_ms().unwrap_or(0);
        let endless = here_ms >= self.begun_ms + KEYFRAME_LATE_MS;
        let reason = self.signals.take_encoder_failure();
        let reason = reason.or_else(|| hangs.then(|| "it hangs".to_owned()));
        let reason = reason.or_else(|| endless.then(|| "it makes no keyframes".to_owned()));
        let Some(reason) = reason else { return Ok(()) };
        let lost = pipeline.frames_inside();
        // Messages of the old pipeline are ignored from here on, before the new one starts.
        self.pipeline = None;
        let Some(spare) = self.spare.take() else { return Ok(()) };
        let (pipeline, feed) = (spare.start)()?;
        self.pipeline = Some(pipeline);
        // Fails only if the frame grabber has ended; then dropping the feed ends the pipeline.
        drop(spare.feeds.try_send(feed));
        self.signals.count_dropped(lost);
        (spare.note)(&format!("it failed while it recorded: {reason}"));
        self.signals.trouble(Trouble::EncoderSwitched { reason });
        Ok(())
    }

    /// Closes the segment when the last frame before a pause has arrived, and reports the pause when
    /// the segment is whole.
    fn follow_pause(&mut self) -> Result<(), CaptureError> {
        if let (None, Some((at_ms, last_ms))) = (&self.pause, self.signals.pause_taken())
            && self.segmenter.last_ms().is_some_and(|here_ms| here_ms >= last_ms)
        {
            self.pause = Some(Pause { at_ms, told: false });
            let sealed = self.segmenter.cut(at_ms);
            self.seal(sealed)?;
        }
        if let Some(pause) = &mut self.pause
            && !pause.told
            && !self.segmenter.waits_for_sound()
        {
            pause.told = true;
            self.sink.say(CaptureEvent::Paused { at_ms: pause.at_ms });
        }
        Ok(())
    }

    /// Handles the sound that has arrived by now.
    fn listen(&mut self) -> Result<(), CaptureError> {
        while let Some(heard) = self.heard.as_ref().and_then(|heard| heard.try_recv().ok()) {
            self.take_heard(heard)?;
        }
        if !self.segmenter.waits_for_sound() {
            self.waits_since = None;
        } else if self.waits_since.get_or_insert_with(Instant::now).elapsed() > SEGMENT_SOUND_WAIT {
            let sealed = self.segmenter.seal_waiting();
            self.seal(sealed)?;
        }
        Ok(())
    }

    /// Handles the rest of the sound after the pictures have ended.
    fn listen_to_the_end(&mut self) -> Result<(), CaptureError> {
        let until = Instant::now() + SEGMENT_SOUND_WAIT;
        while let Some(heard) = &self.heard {
            match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(heard) => self.take_heard(heard)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    fn take_heard(&mut self, heard: Heard) -> Result<(), CaptureError> {
        let sealed = match heard {
            Heard::Packet { time_ms, data } => self.segmenter.push_sound(time_ms, data),
            Heard::Level { microphone, system } => {
                if self.started {
                    self.sink.say(CaptureEvent::Level { microphone, system });
                }
                return Ok(());
            }
            Heard::End => {
                self.heard = None;
                self.segmenter.end_sound()
            }
        };
        self.seal(sealed)
    }

    fn take(&mut self, frame: EncodedFrame) -> Result<(), CaptureError> {
        if !self.started {
            let (width, height) = self.size;
            let video = Video { codec: VideoCodec::Vp9, width, height };
            self.init = snaplark_webm::init(&Tracks { video, audio: self.audio.take() });
            write_durably(&self.folder, INIT_FILE, &self.init)?;
            self.started = true;
            self.sink.say(CaptureEvent::Started { width, height });
            if let Some(permission) = self.permission.take() {
                self.sink.say(CaptureEvent::Permitted(permission));
            }
        }
        if let Some(Pause { at_ms, told }) = self.pause.take()
            && told
        {
            self.sink.say(CaptureEvent::Resumed { at_ms });
        }
        if frame.begins {
            self.begun_ms = frame.time_ms;
        }
        let sealed = self.segmenter.push(frame);
        self.seal(sealed)
    }

    fn finish(&mut self) -> Result<(), CaptureError> {
        self.listen_to_the_end()?;
        let stopped_ms = self.signals.stopped_ms();
        for segment in self.segmenter.finish(stopped_ms).map_err(|e| unwritable(&e))? {
            self.seal(Ok(segment))?;
        }
        self.tell_troubles();
        Ok(())
    }

    fn seal(&mut self, sealed: Result<Option<Segment>, WebmError>) -> Result<(), CaptureError> {
        let Some(segment) = sealed.map_err(|e| unwritable(&e))? else { return Ok(()) };
        self.write(&segment)?;
        self.sink.encoded += segment.frames;
        self.sink.say(CaptureEvent::SegmentSealed(SealedSegment {
            index: segment.index,
            size_bytes: segment.bytes.len() as u64,
            start_ms: segment.start_ms,
            duration_ms: segment.duration_ms,
            sha256: Sha256::digest(&segment.bytes).into(),
        }));
        let dropped = self.signals.dropped();
        if dropped > self.dropped_told {
            let count = dropped - self.dropped_told;
            self.dropped_told = dropped;
            self.signals.trouble(Trouble::FramesDropped { count });
        }
        Ok(())
    }

    /// Writes a segment. If the folder can't be written any more (a stick was pulled, a share is
    /// unreachable), this and all later segments go to the spare folder. A full disk ends the recording
    /// instead.
    fn write(&mut self, segment: &Segment) -> Result<(), CaptureError> {
        let name = segment_file(segment.index);
        let written = write_durably(&self.folder, &name, &segment.bytes);
        let Err(CaptureError::FolderUnwritable { reason }) = &written else { return written };
        let Some(spare) = self.spare_folder.take() else { return written };
        let moved = make_private(&spare)
            .and_then(|()| write_durably(&spare, INIT_FILE, &self.init))
            .and_then(|()| write_durably(&spare, &name, &segment.bytes));
        if let Err(error) = moved {
            tracing::warn!(%error, "The spare folder can't be written either");
            return written;
        }
        self.folder.clone_from(&spare);
        let trouble = Trouble::FolderLost { reason: reason.clone(), instead: spare };
        self.sink.say(CaptureEvent::Troubled { at_ms: segment.start_ms, trouble });
        Ok(())
    }

    /// Reports the issues of other threads, but not before `Started`.
    fn tell_troubles(&mut self) {
        if self.started {
            for (at_ms, trouble) in self.signals.take_troubles() {
                self.sink.say(CaptureEvent::Troubled { at_ms, trouble });
            }
        }
    }
}

fn is_over(since: Instant, ms: u64) -> bool {
    since.elapsed() >= Duration::from_millis(ms)
}

fn unwritable(error: &WebmError) -> CaptureError {
    CaptureError::PipelineFailed {
        reason: format!("what the encoder made can't be written: {error}"),
    }
}

/// Sends `Ended` exactly once and last, even on a panic.
struct Ending {
    sink: CaptureSink,
    ended: bool,
    encoded: u64,
    signals: Arc<Signals>,
}

impl Ending {
    fn say(&mut self, event: CaptureEvent) {
        (self.sink)(event);
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let end = self.signals.failure().map_or(CaptureEnd::Stopped, CaptureEnd::Failed);
        let counts = FrameCounts {
            encoded: self.encoded,
            unchanged: self.signals.unchanged(),
            dropped: self.signals.dropped(),
        };
        (self.sink)(CaptureEvent::Ended { end, counts });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.signals.fail_on_panic());
        self.end();
    }
}
