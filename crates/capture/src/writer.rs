//! The writer's thread: encoded frames in, durable segments and events out. It owns the pipeline
//! and shuts it down, and it is the only one that calls the sink, so the order of events is the
//! order of its code.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use snaplark_core::capture::{
    CaptureEnd, CaptureError, CaptureEvent, CaptureSink, FrameCounts, SealedSegment, Trouble,
};
use snaplark_core::{INIT_FILE, segment_file};
use snaplark_webm::{Tracks, Video, VideoCodec, WebmError};

use crate::disk::write_durably;
use crate::pipeline::{Encoded, Pipeline};
use crate::policy::{STALL_MS, STOP_MS_MAX, WRITER_POLL};
use crate::segmenter::{EncodedFrame, Segment, Segmenter};
use crate::signals::Signals;

pub struct Writer {
    pub folder: PathBuf,
    pub size: (u32, u32),
    pub sink: CaptureSink,
    pub signals: Arc<Signals>,
}

/// Runs to the end of the recording and says how it ended. The sink hears `Ended` after the
/// pipeline is gone.
pub fn run(writer: Writer, frames: Receiver<Encoded>, pipeline: Pipeline) {
    let signals = writer.signals.clone();
    let mut recording = Recording {
        folder: writer.folder,
        size: writer.size,
        sink: Ending { sink: writer.sink, ended: false, encoded: 0, signals: signals.clone() },
        signals,
        segmenter: Segmenter::default(),
        started: false,
        dropped_told: 0,
    };
    let result = recording.follow(&frames).and_then(|()| recording.finish());
    if let Err(error) = result {
        recording.signals.fail(error);
    }
    recording.signals.ask_to_stop();
    // In this order: an encoder that waits for room is let go, then joined.
    drop(frames);
    drop(pipeline);
    recording.sink.end();
}

struct Recording {
    folder: PathBuf,
    size: (u32, u32),
    sink: Ending,
    signals: Arc<Signals>,
    segmenter: Segmenter,
    started: bool,
    dropped_told: u64,
}

impl Recording {
    /// Until the last frame.
    fn follow(&mut self, frames: &Receiver<Encoded>) -> Result<(), CaptureError> {
        let mut last_came = Instant::now();
        let mut stall_told = false;
        loop {
            match frames.recv_timeout(WRITER_POLL) {
                Ok(Encoded::Frame(frame)) => {
                    self.take(frame)?;
                    last_came = Instant::now();
                    stall_told = false;
                }
                Ok(Encoded::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    let stop = self.signals.stop_asked();
                    let given_up = stop.is_some_and(|at| is_over(at, STOP_MS_MAX));
                    if given_up || self.signals.has_pipeline_failed() {
                        return Ok(());
                    }
                    if !stall_told && is_over(last_came, STALL_MS) {
                        stall_told = true;
                        let ms = last_came.elapsed().as_millis() as u64;
                        self.sink.say(CaptureEvent::Troubled(Trouble::SourceStalled { ms }));
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: EncodedFrame) -> Result<(), CaptureError> {
        if !self.started {
            let (width, height) = self.size;
            let video = Video { codec: VideoCodec::Vp9, width, height };
            let init = snaplark_webm::init(&Tracks { video, audio: None });
            write_durably(&self.folder, INIT_FILE, &init)?;
            self.started = true;
            self.sink.say(CaptureEvent::Started { width, height });
        }
        match self.segmenter.push(frame).map_err(|e| unwritable(&e))? {
            Some(segment) => self.seal(&segment),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), CaptureError> {
        let stopped_ms = self.signals.stopped_ms();
        match self.segmenter.finish(stopped_ms).map_err(|e| unwritable(&e))? {
            Some(segment) => self.seal(&segment),
            None => Ok(()),
        }
    }

    fn seal(&mut self, segment: &Segment) -> Result<(), CaptureError> {
        write_durably(&self.folder, &segment_file(segment.index), &segment.bytes)?;
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
            self.sink.say(CaptureEvent::Troubled(Trouble::FramesDropped { count }));
        }
        Ok(())
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

/// Says `Ended` once and last, whatever happens: on a panic too.
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
