//! The writer's thread: takes encoded frames and sound, writes durable segments and sends events. It
//! owns the pipeline and shuts it down. Only this thread calls the sink, so the order of events is the
//! order of this code.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use snaplark_core::capture::{
    CaptureEnd, CaptureError, CaptureEvent, CaptureSink, FrameCounts, Issue, Permission,
    SealedSegment,
};
use snaplark_core::{INIT_FILE, pointer_file, segment_file};
use snaplark_files as files;
use snaplark_formats::webm::{Audio, Tracks, Video, VideoCodec, WebmError};

use crate::disk::{make_private, write_durably};
use crate::pipeline::{EncoderOutput, FrameInput, RunningPipeline};
use crate::policy::{
    ENCODER_STALL_MS, KEYFRAME_LATE_MS, SEGMENT_SOUND_WAIT, STALL_MS, STOP_MS_MAX, WRITER_POLL,
};
use crate::segmenter::{EncodedFrame, EncodedSegment, Segmenter};
use crate::signals::{PendingStrike, Signals};
use crate::sound::{SoundEvent, SoundTrack};

pub(crate) struct SegmentWriter {
    pub folder: PathBuf,
    pub spare_folder: Option<PathBuf>,
    pub size: (u32, u32),
    pub fps: u32,
    pub permission: Option<Permission>,
    pub sink: CaptureSink,
    pub signals: Arc<Signals>,
    /// The fallback encoder; present if the current encoder may fail.
    pub spare: Option<FallbackEncoder>,
}

/// The replacement of an encoder that fails.
pub(crate) struct FallbackEncoder {
    pub start: Box<dyn FnOnce() -> Result<(RunningPipeline, FrameInput), CaptureError> + Send>,
    /// Sends the new feed to the frame grabber.
    pub inputs: SyncSender<FrameInput>,
    /// Records the failure, so that the encoder is not chosen again.
    pub on_failure: Box<dyn FnOnce(&str) + Send>,
}

/// Runs until the end of the recording and reports how it ended. The sink receives `Ended` after the
/// pipelines are gone.
pub(crate) fn run(
    writer: SegmentWriter,
    frames: Receiver<EncoderOutput>,
    pipeline: RunningPipeline,
    track: Option<SoundTrack>,
) {
    let signals = writer.signals.clone();
    let (audio, sound, encoder) = match track {
        Some(SoundTrack { audio, events, encoder }) => (Some(audio), Some(events), Some(encoder)),
        None => (None, None, None),
    };
    let mut recording = WriterState {
        folder: writer.folder,
        spare_folder: writer.spare_folder,
        init: Vec::new(),
        size: writer.size,
        fps: writer.fps,
        permission: writer.permission,
        sink: EndGuard { sink: writer.sink, ended: false, encoded: 0, signals: signals.clone() },
        signals,
        segmenter: Segmenter::new(writer.fps, audio.is_some()),
        pipeline: Some(pipeline),
        spare: writer.spare,
        segment_begun_ms: 0,
        audio,
        sound,
        waiting_since: None,
        started: false,
        pause: None,
        dropped_reported: 0,
    };
    let result = recording.handle_frames(&frames).and_then(|()| recording.finish());
    if let Err(error) = result {
        recording.signals.fail(error);
    }
    recording.signals.ask_to_stop();
    // The order matters: this first releases an encoder that waits for room, then joins it.
    drop(frames);
    recording.pipeline = None;
    recording.sound = None;
    drop(encoder);
    recording.sink.end();
}

struct WriterState {
    folder: PathBuf,
    /// `None` if there is no spare folder, or if it is already in use.
    spare_folder: Option<PathBuf>,
    init: Vec<u8>,
    size: (u32, u32),
    fps: u32,
    permission: Option<Permission>,
    sink: EndGuard,
    signals: Arc<Signals>,
    segmenter: Segmenter,
    pipeline: Option<RunningPipeline>,
    spare: Option<FallbackEncoder>,
    /// When the last segment began.
    segment_begun_ms: u64,
    audio: Option<Audio>,
    /// `None` if there is no sound, or no more of it.
    sound: Option<Receiver<SoundEvent>>,
    /// Since when a segment waits for its sound.
    waiting_since: Option<Instant>,
    started: bool,
    pause: Option<WriterPause>,
    dropped_reported: u64,
}

/// The recording is paused: no frames come, and none are missed.
struct WriterPause {
    at_ms: u64,
    reported: bool,
}

impl WriterState {
    /// Handles frames until the last one.
    fn handle_frames(&mut self, frames: &Receiver<EncoderOutput>) -> Result<(), CaptureError> {
        let mut last_came = Instant::now();
        let mut stall_reported = false;
        loop {
            let next = frames.recv_timeout(WRITER_POLL);
            self.handle_arrived_sound()?;
            match next {
                Ok(EncoderOutput::Frame(frame)) => {
                    self.handle_frame(frame)?;
                    if std::mem::take(&mut stall_reported) {
                        let ms = last_came.elapsed().as_millis() as u64;
                        self.signals.report_issue(Issue::SourceBack { ms });
                    }
                    last_came = Instant::now();
                }
                Ok(EncoderOutput::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    let stop = self.signals.stop_asked();
                    let given_up = stop.is_some_and(|at| has_passed(at, STOP_MS_MAX));
                    if given_up || self.signals.has_pipeline_failed() {
                        return Ok(());
                    }
                    if self.pause.is_some() {
                        last_came = Instant::now();
                    }
                    if !stall_reported && has_passed(last_came, STALL_MS) {
                        stall_reported = true;
                        let ms = last_came.elapsed().as_millis() as u64;
                        self.signals.report_issue(Issue::SourceStalled { ms });
                    }
                }
            }
            self.replace_failed_encoder(last_came)?;
            self.follow_pause()?;
            if let Some(at_ms) = self.signals.cut_before(self.segmenter.sealed_ms()) {
                self.sink.send(CaptureEvent::Cut { at_ms });
            }
            self.report_issues();
        }
    }

    /// Replaces a hardware encoder that failed. The frames that it has delivered are kept.
    fn replace_failed_encoder(&mut self, last_came: Instant) -> Result<(), CaptureError> {
        let (Some(_), Some(pipeline)) = (&self.spare, &self.pipeline) else { return Ok(()) };
        let stands = self.pause.is_some() || self.signals.paused_at_ms().is_some();
        let hangs =
            !stands && pipeline.frames_inside() > 0 && has_passed(last_came, ENCODER_STALL_MS);
        let here_ms = self.segmenter.last_ms().unwrap_or(0);
        let endless = here_ms >= self.segment_begun_ms + KEYFRAME_LATE_MS;
        let reason = self.signals.take_encoder_failure();
        let reason = reason.or_else(|| hangs.then(|| "it hangs".to_owned()));
        let reason = reason.or_else(|| endless.then(|| "it makes no keyframes".to_owned()));
        let Some(reason) = reason else { return Ok(()) };
        let lost = pipeline.frames_inside();
        // Messages of the old pipeline are ignored from here on, before the new one starts.
        self.pipeline = None;
        let Some(spare) = self.spare.take() else { return Ok(()) };
        let (pipeline, input) = (spare.start)()?;
        self.pipeline = Some(pipeline);
        // Fails only if the frame grabber has ended; then dropping the feed ends the pipeline.
        drop(spare.inputs.try_send(input));
        self.signals.count_dropped(lost);
        (spare.on_failure)(&format!("it failed while it recorded: {reason}"));
        self.signals.report_issue(Issue::EncoderSwitched { reason });
        Ok(())
    }

    /// Closes the segment when the last frame before a pause has arrived, and reports the pause when
    /// the segment is whole.
    fn follow_pause(&mut self) -> Result<(), CaptureError> {
        if let (None, Some((at_ms, last_ms))) = (&self.pause, self.signals.pause_taken())
            && self.segmenter.last_ms().is_some_and(|here_ms| here_ms >= last_ms)
        {
            self.pause = Some(WriterPause { at_ms, reported: false });
            let sealed = self.segmenter.cut(at_ms);
            self.seal(sealed)?;
        }
        if let Some(pause) = &mut self.pause
            && !pause.reported
            && !self.segmenter.waits_for_sound()
        {
            pause.reported = true;
            self.sink.send(CaptureEvent::Paused { at_ms: pause.at_ms });
        }
        if let Some(WriterPause { at_ms, reported: true }) = self.pause
            && let Some(strike) = self.signals.pending_strike()
            && strike.span.until_ms <= at_ms
        {
            self.strike(strike)?;
        }
        Ok(())
    }

    /// Handles the sound that has arrived by now.
    fn handle_arrived_sound(&mut self) -> Result<(), CaptureError> {
        while let Some(sound) = self.sound.as_ref().and_then(|sound| sound.try_recv().ok()) {
            self.handle_sound_event(sound)?;
        }
        if !self.segmenter.waits_for_sound() {
            self.waiting_since = None;
        } else if self.waiting_since.get_or_insert_with(Instant::now).elapsed() > SEGMENT_SOUND_WAIT
        {
            let sealed = self.segmenter.seal_waiting();
            self.seal(sealed)?;
        }
        Ok(())
    }

    /// Handles the rest of the sound after the pictures have ended.
    fn handle_remaining_sound(&mut self) -> Result<(), CaptureError> {
        let until = Instant::now() + SEGMENT_SOUND_WAIT;
        while let Some(sound) = &self.sound {
            match sound.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(sound) => self.handle_sound_event(sound)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    fn handle_sound_event(&mut self, sound: SoundEvent) -> Result<(), CaptureError> {
        let sealed = match sound {
            SoundEvent::Packet { time_ms, data } => self.segmenter.push_sound(time_ms, data),
            SoundEvent::Level { microphone, system } => {
                if self.started {
                    self.sink.send(CaptureEvent::Level { microphone, system });
                }
                return Ok(());
            }
            SoundEvent::End => {
                self.sound = None;
                self.segmenter.end_sound()
            }
        };
        self.seal(sealed)
    }

    /// Carries out a strike whose time has come: `frame` is the first one after it. Returns whether the frame
    /// depends on struck ones, and can't be kept.
    fn follow_strike(&mut self, frame: &EncodedFrame) -> Result<bool, CaptureError> {
        let Some(strike) = self.signals.pending_strike() else { return Ok(false) };
        if frame.time_ms < strike.span.until_ms {
            return Ok(false);
        }
        if frame.begins_segment {
            self.strike(strike)?;
        }
        Ok(!frame.begins_segment)
    }

    /// Drops what was struck and is not sealed. What follows goes to another folder, since here there are struck
    /// segments with the numbers that it will get.
    fn strike(&mut self, strike: PendingStrike) -> Result<(), CaptureError> {
        let PendingStrike { span, removed_ms, folder, .. } = strike;
        if let Err(error) = write_durably(&folder, INIT_FILE, &self.init) {
            self.signals.end_strike(false);
            let reason = error.to_string();
            self.sink.send(CaptureEvent::StrikeFailed { reason });
            return Ok(());
        }
        let kept = self.segmenter.strike(span.from_ms, span.until_ms);
        for segment in kept.map_err(|error| unwritable(&error))? {
            self.seal(Ok(segment))?;
        }
        self.folder = folder;
        self.signals.end_strike(true);
        let next_index = self.segmenter.next_index();
        self.sink.send(CaptureEvent::Struck { until_ms: span.until_ms, removed_ms, next_index });
        Ok(())
    }

    fn handle_frame(&mut self, frame: EncodedFrame) -> Result<(), CaptureError> {
        if !self.started {
            let (width, height) = self.size;
            let video = Video { codec: VideoCodec::Vp9, width, height };
            self.init = snaplark_formats::webm::init_with_frame_rate(
                &Tracks { video, audio: self.audio.take() },
                self.fps,
            );
            write_durably(&self.folder, INIT_FILE, &self.init)?;
            self.started = true;
            self.sink.send(CaptureEvent::Started { width, height });
            if let Some(permission) = self.permission.take() {
                self.sink.send(CaptureEvent::Permitted(permission));
            }
        }
        if self.follow_strike(&frame)? {
            return Ok(());
        }
        if let Some(WriterPause { at_ms, reported }) = self.pause.take()
            && reported
        {
            self.sink.send(CaptureEvent::Resumed { at_ms });
        }
        if frame.begins_segment {
            self.segment_begun_ms = frame.time_ms;
        }
        let sealed = self.segmenter.push(frame);
        self.seal(sealed)
    }

    fn finish(&mut self) -> Result<(), CaptureError> {
        self.handle_remaining_sound()?;
        // It was asked for right before the end.
        if let Some(strike) = self.signals.pending_strike().filter(|_| self.started) {
            self.strike(strike)?;
        }
        let stopped_ms = self.signals.stopped_ms();
        for segment in self.segmenter.finish(stopped_ms).map_err(|e| unwritable(&e))? {
            self.seal(Ok(segment))?;
        }
        self.report_issues();
        Ok(())
    }

    fn seal(
        &mut self,
        sealed: Result<Option<EncodedSegment>, WebmError>,
    ) -> Result<(), CaptureError> {
        let Some(segment) = sealed.map_err(|e| unwritable(&e))? else { return Ok(()) };
        self.write(&segment)?;
        self.write_pointer(&segment);
        self.sink.encoded += segment.frames;
        self.sink.send(CaptureEvent::SegmentSealed(SealedSegment {
            index: segment.index,
            size_bytes: segment.bytes.len() as u64,
            start_ms: segment.start_ms,
            duration_ms: segment.duration_ms,
            sha256: Sha256::digest(&segment.bytes).into(),
        }));
        let dropped = self.signals.dropped();
        if dropped > self.dropped_reported {
            let count = dropped - self.dropped_reported;
            self.dropped_reported = dropped;
            self.signals.report_issue(Issue::FramesDropped { count });
        }
        Ok(())
    }

    /// Writes a segment. If the folder can't be written any more (a stick was pulled, a share is
    /// unreachable), this and all later segments go to the spare folder. A full disk ends the recording
    /// instead.
    fn write(&mut self, segment: &EncodedSegment) -> Result<(), CaptureError> {
        let name = segment_file(segment.index);
        let written = write_durably(&self.folder, &name, &segment.bytes);
        let Err(CaptureError::FolderUnwritable { reason }) = &written else { return written };
        let Some(spare) = self.spare_folder.take() else { return written };
        let moved = make_private(&spare)
            .and_then(|()| write_durably(&spare, INIT_FILE, &self.init))
            .and_then(|()| write_durably(&spare, &name, &segment.bytes));
        if let Err(error) = moved {
            tracing::warn!(%error, "Spare folder unwritable");
            return written;
        }
        self.folder.clone_from(&spare);
        let issue = Issue::FolderLost { reason: reason.clone(), instead: spare };
        self.sink.send(CaptureEvent::IssueNoticed { at_ms: segment.start_ms, issue });
        Ok(())
    }

    /// Writes the pointer's positions beside a segment. Nothing depends on them, so they are not synced, and a
    /// failure is no issue.
    fn write_pointer(&self, segment: &EncodedSegment) {
        let end_ms = segment.start_ms + segment.duration_ms;
        let Some(positions) = self.signals.take_pointer(segment.start_ms, end_ms) else { return };
        let path = self.folder.join(pointer_file(segment.index));
        let written = files::create(&path).and_then(|mut file| file.write_all(&positions));
        if let Err(error) = written {
            tracing::debug!(%error, "Pointer positions not written");
        }
    }

    /// Reports the issues of other threads, but not before `Started`.
    fn report_issues(&mut self) {
        if self.started {
            for (at_ms, issue) in self.signals.take_issues() {
                self.sink.send(CaptureEvent::IssueNoticed { at_ms, issue });
            }
        }
    }
}

fn has_passed(since: Instant, ms: u64) -> bool {
    since.elapsed() >= Duration::from_millis(ms)
}

fn unwritable(error: &WebmError) -> CaptureError {
    CaptureError::PipelineFailed {
        reason: format!("what the encoder made can't be written: {error}"),
    }
}

/// Sends `Ended` exactly once and last, even on a panic.
struct EndGuard {
    sink: CaptureSink,
    ended: bool,
    encoded: u64,
    signals: Arc<Signals>,
}

impl EndGuard {
    fn send(&mut self, event: CaptureEvent) {
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

impl Drop for EndGuard {
    fn drop(&mut self) {
        drop(self.signals.fail_on_panic());
        self.end();
    }
}
