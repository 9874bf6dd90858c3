//! The GStreamer pipeline for sound: takes frames of 20 ms and returns one Opus packet for each. A
//! packet's time follows from its block's number, so nothing in the pipeline can shift it.
//!
//! ```text
//!  sound thread       appsrc's thread
//! ┌────────────┐     ┌──────────────────────────────┐    writer's thread
//! │ Feed::push ├────►│ appsrc ► opusenc ► appsink    ├───► Receiver<Heard>
//! └────────────┘     └──────────────────────────────┘
//! ```

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_formats::webm::{Audio, AudioCodec};

use super::{BLOCK_FRAMES, BLOCK_MS, RATE, SoundEvent};
use crate::graph::{self, Graph, text};
use crate::policy::{OPUS_TRIAL_WAIT, SOUND_BITRATE_BITS};
use crate::remedy::Packages;
use crate::signals::Signals;

/// The input end, for frames.
pub(super) struct SoundInput {
    appsrc: gst_app::AppSrc,
    pushed: u64,
    numbers: BlockNumbers,
}

/// The numbers of the blocks that are inside the encoder. A block without a number only makes the encoder remember
/// it: its packet is dropped.
type BlockNumbers = Arc<Mutex<VecDeque<Option<u64>>>>;

impl SoundInput {
    /// Pushes a block of `BLOCK_FRAMES` frames, with its number if its packet is to be kept.
    pub(super) fn push(&mut self, block: &[[i16; 2]], number: Option<u64>) {
        let bytes: Vec<u8> = block.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_mseconds(self.pushed * BLOCK_MS));
            buffer.set_duration(gst::ClockTime::from_mseconds(BLOCK_MS));
        }
        self.pushed += 1;
        lock(&self.numbers).push_back(number);
        // A failed encoder refuses this; it has already reported the failure.
        let _ = self.appsrc.push_buffer(buffer);
    }
}

fn lock(numbers: &BlockNumbers) -> MutexGuard<'_, VecDeque<Option<u64>>> {
    numbers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the stream: the blocks in flight come out, then `SoundEvent::End`.
impl Drop for SoundInput {
    fn drop(&mut self) {
        let _ = self.appsrc.end_of_stream();
    }
}

/// Builds the pipeline and starts it. Later failures are reported to `signals`.
pub(super) fn start(
    out: SyncSender<SoundEvent>,
    signals: Arc<Signals>,
) -> Result<(Graph, SoundInput), String> {
    let (graph, appsrc, appsink) = build()?;
    let numbers = BlockNumbers::default();
    let inside = numbers.clone();
    let mut next_number = 0;
    let at_end = out.clone();
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |appsink| {
            let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
            let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
            let number = match lock(&inside).pop_front() {
                Some(Some(number)) => number,
                Some(None) => return Ok(gst::FlowSuccess::Ok),
                // What the encoder still held at the end.
                None => next_number,
            };
            next_number = number + 1;
            let packet = SoundEvent::Packet { time_ms: number * BLOCK_MS, data: map.to_vec() };
            match out.try_send(packet) {
                // The writer has been blocked for minutes. The packet is dropped, which leaves silence.
                Ok(()) | Err(TrySendError::Full(_)) => Ok(gst::FlowSuccess::Ok),
                Err(TrySendError::Disconnected(_)) => Err(gst::FlowError::Eos),
            }
        })
        // If the queue is full, the writer times out instead.
        .eos(move |_| drop(at_end.try_send(SoundEvent::End)))
        .build();
    appsink.set_callbacks(callbacks);
    graph.on_message(move |message| {
        if let gst::MessageView::Error(error) = message.view() {
            signals.sound_failed(error.error().to_string());
        }
    });
    graph.play()?;
    Ok((graph, SoundInput { appsrc, pushed: 0, numbers }))
}

/// Returns the track's description. It comes from a trial run of the same encoder, since only the
/// encoder knows how much of its beginning players must skip.
pub(super) fn describe() -> Result<Audio, String> {
    let (graph, appsrc, appsink) = build()?;
    graph.play()?;
    let mut buffer = gst::Buffer::from_slice([0; BLOCK_FRAMES * 4]);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::ZERO);
    }
    appsrc.push_buffer(buffer).map_err(text)?;
    appsrc.end_of_stream().map_err(text)?;
    let wait = gst::ClockTime::try_from(OPUS_TRIAL_WAIT).map_err(text)?;
    let sample = appsink.try_pull_sample(wait).ok_or("the Opus encoder gives nothing")?;
    let head = sample.caps().and_then(stream_head).ok_or("the Opus encoder gives no header")?;
    let skip = head.get(10..12).ok_or("the Opus encoder gives half a header")?;
    let skip = u64::from(u16::from_le_bytes([skip[0], skip[1]]));
    Ok(Audio {
        codec: AudioCodec::Opus,
        codec_private: head,
        sample_rate: f64::from(RATE),
        channels: 2,
        codec_delay_ns: skip * 1_000_000_000 / u64::from(RATE),
    })
}

fn stream_head(caps: &gst::CapsRef) -> Option<Vec<u8>> {
    let headers = caps.structure(0)?.get::<gst::Array>("streamheader").ok()?;
    let head = headers.first()?.get::<gst::Buffer>().ok()?;
    Some(head.map_readable().ok()?.to_vec())
}

fn build() -> Result<(Graph, gst_app::AppSrc, gst_app::AppSink), String> {
    let raw = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", RATE as i32)
        .field("channels", 2_i32)
        .field("channel-mask", gst::Bitmask::new(3))
        .build();
    let appsrc = graph::appsrc_for(&raw);
    let encode = gst::ElementFactory::make("opusenc").build().map_err(|_| {
        let packages = Packages {
            debian: "gstreamer1.0-plugins-base",
            fedora: "gstreamer1-plugins-base",
            arch: "gst-plugins-base",
        };
        format!("'opusenc' is not installed. {}", packages.remedy())
    })?;
    encode.set_property("bitrate", SOUND_BITRATE_BITS);
    encode.set_property_from_str("bitrate-type", "vbr");
    encode.set_property_from_str("frame-size", &BLOCK_MS.to_string());
    let appsink = gst_app::AppSink::builder().sync(false).build();
    let graph = Graph::of([appsrc.upcast_ref(), &encode, appsink.upcast_ref()])?;
    Ok((graph, appsrc, appsink))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn opus_encoder_gives_one_packet_per_block_at_its_time() {
        gst::init().unwrap();
        let (out, heard) = sync_channel(100);
        let (encoder, mut feed) = start(out, Arc::default()).unwrap();
        for number in 0..10 {
            // The encoder remembers these, and nothing comes out for them.
            if number == 4 {
                feed.push(&[[2_000; 2]; BLOCK_FRAMES], None);
                feed.push(&[[2_000; 2]; BLOCK_FRAMES], None);
            }
            feed.push(&[[1_000; 2]; BLOCK_FRAMES], Some(number));
        }
        drop(feed);
        let mut times = Vec::new();
        while let SoundEvent::Packet { time_ms, data } =
            heard.recv_timeout(Duration::from_secs(20)).unwrap()
        {
            assert!(!data.is_empty());
            times.push(time_ms);
        }
        // One more may come, which holds what the encoder still had inside.
        assert_eq!(times[..10], (0..10).map(|n| n * 20).collect::<Vec<_>>());
        assert!(times.len() <= 11, "{times:?}");
        drop(encoder);
    }

    #[test]
    fn describe_takes_the_header_from_the_encoder() {
        gst::init().unwrap();
        let audio = describe().unwrap();
        assert_eq!(&audio.codec_private[..10], b"OpusHead\x01\x02");
        // libopus looks 6.5 ms ahead.
        assert_eq!(audio.codec_delay_ns, 6_500_000);
    }
}
