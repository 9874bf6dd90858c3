//! The sound of a recording that is appended to another one.
//!
//! Each of the two was encoded by itself: the first one ends in the middle of a wave, the second one begins in another,
//! and its packets know nothing of the sound that a decoder remembers there. So the first packets of the second one are
//! encoded again, behind the sound of the first one:
//!
//! ```text
//! first, as it is ... packet | packet ╲╱ packet | packet ... second, as it is
//!                        fades out, 5 ms, then in: encoded again
//! ```
//!
//! The first one is not changed. Its last sound is in the second one's first packet anyway, because a packet holds 6.5 ms
//! of the sound before its time: there the last value fades to silence, while the second one fades in.

use std::io;

use snaplark_core::capture::SealedSegment;
use snaplark_core::render::{RenderError, SegmentReader};
use snaplark_formats::webm::{self, Block, Track};

use super::joint::{FADE_MS, fade_in, samples, scaled};
use crate::codec::{
    PACKET_MS, RATE_MS, SourceRecording, decode_sound, encode_sound, failed, malformed,
};

/// The sound of the first recording that the encoder gets. A multiple of a packet.
const LEAD_MS: u64 = 80;
/// How many packets of the second recording are encoded again: until a decoder has forgotten what was before (RFC 7845
/// says 80 ms).
const PACKETS_MAX: usize = 5;

/// See [`snaplark_core::render::Render::joined`].
pub(crate) fn joined(
    init: &[u8],
    before: &[u8],
    segment: &[u8],
) -> Result<Option<Vec<u8>>, RenderError> {
    let (before, after) = (OneSegment::new(init, before)?, OneSegment::new(init, segment)?);
    let (first, second) = (SourceRecording::open(&before)?, SourceRecording::open(&after)?);
    let Some(channels) = second.tracks.audio.as_ref().map(|audio| audio.channels) else {
        return Ok(None);
    };
    // Ours have one cluster each.
    if webm::index(segment).map_err(malformed)?.clusters.len() != 1 {
        return Ok(None);
    }
    let mut blocks = webm::blocks(segment).map_err(malformed)?;
    let packets = blocks.iter_mut().filter(|block| block.track == Track::Audio);
    let mut packets: Vec<&mut Block> = packets.take(PACKETS_MAX).collect();
    let Some(from_ms) = packets.first().map(|packet| packet.time_ms) else { return Ok(None) };
    // Sound may be missing after some packets.
    let even = (0_u64..).zip(&packets).take_while(|(number, packet)| {
        packet.time_ms.abs_diff(from_ms + number * PACKET_MS) < PACKET_MS / 2
    });
    let count = even.count();
    packets.truncate(count);

    let mut sound = lead(&first, from_ms, channels)?;
    let mut more = decode_sound(&second, from_ms..from_ms + count as u64 * PACKET_MS)?;
    fade_in(&mut more, channels);
    let dropped = sound.len() / samples(PACKET_MS, channels);
    // It may reach into the second one by a part of a packet.
    let end = end_of_sound(&first, from_ms, channels)?.map(|end| end.min(sound.len()));
    sound.extend(more);
    fade_last_value(&mut sound, end, channels);
    let encoded = encode_sound(&sound, channels)?;
    for (packet, data) in packets.into_iter().zip(encoded.into_iter().skip(dropped)) {
        packet.data = data;
    }
    webm::cluster(&blocks).map(Some).map_err(malformed)
}

/// Returns the sound of the first recording before a time: silence where it has none.
fn lead(first: &SourceRecording<'_>, to_ms: u64, channels: u8) -> Result<Vec<i16>, RenderError> {
    let from_ms = to_ms.saturating_sub(LEAD_MS);
    let sound = decode_sound(first, from_ms..to_ms)?;
    let mut lead = vec![0; samples(LEAD_MS, channels) - sound.len()];
    lead.extend(sound);
    Ok(lead)
}

/// Returns where in the lead the sound of the first recording ends, as a number of values. A decoder gives it later than
/// the packets' times say, so the last packet lacks that much. `None`: it ended before the lead.
fn end_of_sound(
    first: &SourceRecording<'_>,
    to_ms: u64,
    channels: u8,
) -> Result<Option<usize>, RenderError> {
    let delay_ns = first.tracks.audio.as_ref().map_or(0, |audio| audio.codec_delay_ns);
    let delay = (delay_ns * RATE_MS as u64 / 1_000_000) as usize;
    let packets = first.packets(0..to_ms)?;
    let Some((last_ms, _)) = packets.last() else { return Ok(None) };
    let since = (last_ms + PACKET_MS + LEAD_MS).checked_sub(to_ms);
    let frames = since.and_then(|since| (since as usize * RATE_MS).checked_sub(delay));
    Ok(frames.map(|frames| frames * usize::from(channels)))
}

/// Adds the last value before a place behind it, fading to silence: so there is no jump.
fn fade_last_value(sound: &mut [i16], end: Option<usize>, channels: u8) {
    let channels = usize::from(channels);
    let Some(end) = end.filter(|end| *end >= channels && *end < sound.len()) else { return };
    let last = sound[end - channels..end].to_vec();
    let frames = FADE_MS as usize * RATE_MS;
    for (number, frame) in sound[end..].chunks_exact_mut(channels).take(frames).enumerate() {
        for (value, last) in frame.iter_mut().zip(&last) {
            *value = value.saturating_add(scaled(*last, frames - number, frames));
        }
    }
}

/// A recording of one segment.
#[derive(Debug)]
struct OneSegment<'a> {
    init: &'a [u8],
    bytes: &'a [u8],
    list: [SealedSegment; 1],
}

impl<'a> OneSegment<'a> {
    fn new(init: &'a [u8], bytes: &'a [u8]) -> Result<Self, RenderError> {
        let blocks = webm::blocks(bytes).map_err(malformed)?;
        let start_ms = blocks.iter().map(|block| block.time_ms).min();
        let start_ms = start_ms.ok_or_else(|| failed("a segment without a picture"))?;
        let end_ms = blocks.iter().map(|it| it.time_ms + it.duration_ms.unwrap_or(PACKET_MS)).max();
        let duration_ms = end_ms.unwrap_or(start_ms) - start_ms;
        let size_bytes = bytes.len() as u64;
        let list = [SealedSegment { index: 0, size_bytes, start_ms, duration_ms, sha256: [0; 32] }];
        Ok(OneSegment { init, bytes, list })
    }
}

impl SegmentReader for OneSegment<'_> {
    fn init(&self) -> &[u8] {
        self.init
    }

    fn list(&self) -> Vec<SealedSegment> {
        self.list.to_vec()
    }

    fn read(&self, _: u32) -> io::Result<Vec<u8>> {
        Ok(self.bytes.to_vec())
    }

    fn refusal(&self, unread: Vec<u32>) -> RenderError {
        RenderError::Damaged(unread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_value_fades_to_silence_without_a_jump_and_is_added_to_what_begins() {
        let mut sound = vec![0_i16; samples(20, 2)];
        let end = samples(10, 2);
        sound[..end].fill(9_000);
        sound[end..].fill(100);
        fade_last_value(&mut sound, Some(end), 2);
        assert_eq!(sound[end], 9_100);
        assert_eq!(sound[end + samples(FADE_MS, 2)], 100);
        let faded = sound[end..end + samples(FADE_MS, 2)].chunks_exact(2);
        let steps: Vec<i16> = faded.map(|frame| frame[0]).collect();
        assert!(steps.windows(2).all(|pair| (0..=40).contains(&(pair[0] - pair[1]))), "a jump");
        let before = sound.clone();
        for nowhere in [None, Some(0), Some(sound.len())] {
            fade_last_value(&mut sound, nowhere, 2);
        }
        assert_eq!(sound, before);
    }
}
