//! Sound of Opus, as samples at their exact times.
//!
//! An Opus decoder gives a packet's sound later than the encoder got it, by the delay that the header states (6.5
//! ms for libopus). Here a sample's time is that of the original sound: the decoder's delay is taken away, and an
//! encoder that gets the sound of a time makes the packet of that time.

use std::ops::Range;

use gstreamer as gst;
use gstreamer_app as gst_app;
use snaplark_core::render::RenderError;
use snaplark_formats::webm::{Audio, AudioCodec};

use super::SourceRecording;
use super::graph::{CodecPipeline, failed};

/// How long a packet is that is encoded here.
pub(crate) const PACKET_MS: u64 = 20;
/// Samples of one channel in a millisecond. Opus always decodes to 48 kHz.
pub(crate) const RATE_MS: usize = 48;
/// The sound that a decoder has to decode before a position until that position is right (RFC 7845 wants 80 ms).
const PRE_ROLL_MS: u64 = 100;
/// The recorder's (`SOUND_BITRATE_BITS`).
const BITRATE_BITS: u32 = 96_000;

/// Returns the caps of raw sound, as text.
pub(crate) fn sound_caps(channels: u8) -> String {
    format!(
        "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels={channels}{}",
        // A stereo stream without positions is refused by some encoders.
        if channels == 2 { ",channel-mask=(bitmask)0x3" } else { "" }
    )
}

/// Returns the sound of a span of the recording, interleaved: silence where there is none.
pub(crate) fn decode_sound(
    recording: &SourceRecording<'_>,
    span: Range<u64>,
) -> Result<Vec<i16>, RenderError> {
    let audio = opus_of(recording)?;
    let channels = usize::from(audio.channels);
    let delay = (audio.codec_delay_ns * RATE_MS as u64 / 1_000_000) as i64;
    let mut sound = vec![0; (span.end - span.start) as usize * RATE_MS * channels];
    // The last packet's end lies in the packet after it, because of the delay.
    let read = span.start.saturating_sub(PRE_ROLL_MS)..span.end + 2 * PACKET_MS;
    let packets = recording.packets(read)?;
    let decoded = decode_packets(&packets, audio.channels)?;
    for ((time_ms, _), samples) in packets.iter().zip(decoded) {
        let first = (*time_ms as i64 - span.start as i64) * RATE_MS as i64 - delay;
        for (number, frame) in (first..).zip(samples.chunks_exact(channels)) {
            let Ok(number) = usize::try_from(number) else { continue };
            let Some(to) = sound.get_mut(number * channels..(number + 1) * channels) else { break };
            to.copy_from_slice(frame);
        }
    }
    Ok(sound)
}

/// Returns the recording's sound track.
fn opus_of<'a>(recording: &'a SourceRecording<'_>) -> Result<&'a Audio, RenderError> {
    let audio = recording.tracks.audio.as_ref().ok_or(RenderError::Silent)?;
    match (&audio.codec, audio.channels) {
        (AudioCodec::Opus, 1..=2) => Ok(audio),
        (AudioCodec::Opus | AudioCodec::Vorbis | AudioCodec::Other(_), _) => {
            Err(RenderError::Malformed { reason: "its sound is not Opus".to_owned() })
        }
    }
}

/// Decodes packets that follow each other. Returns the samples of each.
fn decode_packets(packets: &[(u64, Vec<u8>)], channels: u8) -> Result<Vec<Vec<i16>>, RenderError> {
    if packets.is_empty() {
        return Ok(Vec::new());
    }
    let graph = CodecPipeline::start(&format!(
        "appsrc name=in format=time max-bytes=0
            caps=\"audio/x-opus,rate=48000,channels={channels},channel-mapping-family=0\"
         ! opusdec plc=false ! audioconvert ! {}
         ! appsink name=out sync=false max-buffers=0",
        sound_caps(channels)
    ))?;
    let input: gst_app::AppSrc = graph.element("in")?;
    let output: gst_app::AppSink = graph.element("out")?;
    for (number, (_, packet)) in packets.iter().enumerate() {
        // Even times, so that the decoder sees no gap to fill. Where there is one is known here.
        let time = gst::ClockTime::from_mseconds(number as u64 * PACKET_MS);
        graph.push(&input, packet.clone(), time, None)?;
    }
    input.end_of_stream().map_err(|_| graph.failure())?;
    let mut decoded = Vec::new();
    while let Some(sample) = graph.pull(&output)? {
        decoded.push(samples_of(&sample)?);
    }
    match decoded.len() == packets.len() {
        true => Ok(decoded),
        false => Err(RenderError::Malformed { reason: "a sound packet can't be decoded".into() }),
    }
}

fn samples_of(sample: &gst::Sample) -> Result<Vec<i16>, RenderError> {
    let buffer = sample.buffer().ok_or_else(|| failed("empty sound"))?;
    let bytes = buffer.map_readable().map_err(failed)?;
    Ok(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// Encodes interleaved sound, whose length is a multiple of a packet's. Returns a packet for each [`PACKET_MS`].
pub(crate) fn encode_sound(sound: &[i16], channels: u8) -> Result<Vec<Vec<u8>>, RenderError> {
    let graph = CodecPipeline::start(&format!(
        "appsrc name=in format=time max-bytes=0 caps=\"{}\"
         ! opusenc bitrate={BITRATE_BITS} bitrate-type=vbr frame-size={PACKET_MS}
         ! appsink name=out sync=false max-buffers=0",
        sound_caps(channels)
    ))?;
    let input: gst_app::AppSrc = graph.element("in")?;
    let output: gst_app::AppSink = graph.element("out")?;
    let block = PACKET_MS as usize * RATE_MS * usize::from(channels);
    let blocks = sound.chunks_exact(block);
    let count = blocks.len();
    let length = gst::ClockTime::from_mseconds(PACKET_MS);
    for (number, block) in blocks.enumerate() {
        let bytes = block.iter().flat_map(|value| value.to_le_bytes()).collect();
        let time = gst::ClockTime::from_mseconds(number as u64 * PACKET_MS);
        graph.push(&input, bytes, time, Some(length))?;
    }
    input.end_of_stream().map_err(|_| graph.failure())?;
    let mut packets = Vec::new();
    while let Some(sample) = graph.pull(&output)? {
        let buffer = sample.buffer().ok_or_else(|| failed("an empty packet"))?;
        packets.push(buffer.map_readable().map_err(failed)?.to_vec());
    }
    // The encoder may give one more, with what it still had inside.
    packets.truncate(count);
    match packets.len() == count {
        true => Ok(packets),
        false => Err(failed("the Opus encoder lost a packet")),
    }
}
