//! The sound of a rendered piece.
//!
//! Where nothing is cut out at either end (a cover), the source's packets stay as they are. At a cut the piece's
//! sound is decoded and encoded again rather than trimmed to whole packets: a packet that begins before a cut would
//! carry up to 20 ms of what was cut out, and without a fade the jump between two waves is heard as a click.
//!
//! ```text
//! output     ... packet | packet ╲ | 2.5 5 | 5 | ╱ packet | packet ...
//!                          fade out  silence   fade in, 5 ms each
//!                                          ▲ the cut
//! ```
//!
//! Packets keep the times that the source's packets have, so the next segment, which stays as it is, continues
//! without a gap, and sound keeps its distance from the picture. What is between the last whole packet and the cut,
//! and between the cut and the first packet, is less than 20 ms each; it is filled with silent packets of 2.5, 5 and
//! 10 ms, because players put packets behind each other and would get ahead by it at each joint. Ends are rounded to
//! 2.5 ms of the output, so rounding doesn't add up either.
//!
//! An Opus decoder remembers the sound before a packet; so the encoder first gets the last sound that precedes the
//! piece in the output, and those packets are dropped.

use snaplark_core::cut::{CutPlan, KeptRange, Piece};
use snaplark_core::render::RenderError;

use crate::codec::{PACKET_MS, RATE_MS, SourceRecording, decode_sound, encode_sound};

/// How long sound fades in and out: too short to hear as a fade, too long for a click.
pub(crate) const FADE_MS: u64 = 5;
/// The stretch that the encoder gets of the sound before the piece, and of the silence after that. Multiples of a packet.
const LEAD_MS: u64 = 80;
const LEAD_SILENCE_MS: u64 = 20;
/// Silent packets (full band, one channel, which plays on both) by their length in units of 2.5 ms.
const SILENCE: [(u64, [u8; 3]); 3] =
    [(4, [0xF0, 0xFF, 0xFE]), (2, [0xE8, 0xFF, 0xFE]), (1, [0xE0, 0xFF, 0xFE])];
/// The units of a packet.
const PACKET_UNITS: u64 = 8;

/// Returns a time of the output in units of 2.5 ms, the shortest packet of Opus.
fn units(output_ms: u64) -> u64 {
    (output_ms * 4 + 5) / 10
}

/// Returns the packets of a piece, with their times in the source.
pub(crate) fn joined_sound(
    recording: &SourceRecording<'_>,
    plan: &CutPlan,
    place: usize,
) -> Result<Vec<(u64, Vec<u8>)>, RenderError> {
    let piece = &plan.pieces[place];
    let source = piece.source_ms();
    let packets = recording.packets(source.clone())?;
    let joined = match piece {
        Piece::Keep { .. } => return Ok(packets),
        Piece::Render { joined, .. } => *joined,
    };
    let Some(first_ms) = packets.first().map(|(time_ms, _)| *time_ms) else {
        return Ok(Vec::new());
    };
    let range = plan.kept.iter().find(|kept| kept.source.contains(&source.start));
    let Some(range) = range.filter(|_| !(joined.start && joined.end)) else { return Ok(packets) };

    let begin = packets_begin(range, first_ms);
    let (count, rest) = match joined.end {
        true => ((source.end - first_ms).div_ceil(PACKET_MS), 0),
        false => {
            let end = units(range.at_ms + (range.source.end - range.source.start));
            let left = end.saturating_sub(begin);
            (left / PACKET_UNITS, left % PACKET_UNITS)
        }
    };
    let channels = recording.tracks.audio.as_ref().map_or(1, |audio| audio.channels);
    let mut joint = Vec::new();
    // Where packets are missing, nothing is filled.
    if !joined.start && first_ms - source.start < PACKET_MS {
        joint.extend(silence(source.start, begin.saturating_sub(units(range.at_ms))));
    }
    if count > 0 {
        let mut sound = decode_sound(recording, first_ms..first_ms + count * PACKET_MS)?;
        if !joined.start {
            fade_in(&mut sound, channels);
        }
        if !joined.end {
            fade_out(&mut sound, (count * PACKET_MS).min(source.end - first_ms), channels);
        }
        let mut whole = lead(recording, plan, piece, first_ms, joined.start, channels)?;
        let dropped = whole.len() / samples(PACKET_MS, channels);
        whole.extend(sound);
        let packets = encode_sound(&whole, channels)?;
        let times = (0..).map(|number| first_ms + number * PACKET_MS);
        joint.extend(times.zip(packets.into_iter().skip(dropped)));
    }
    joint.extend(silence(first_ms + count * PACKET_MS, rest));
    // A last packet that is rounded to begin with the cut begins just before it.
    let last_ms = source.end - 1;
    joint.iter_mut().for_each(|(time_ms, _)| *time_ms = (*time_ms).min(last_ms));
    Ok(joint)
}

/// Returns when a packet of a range begins for a player that puts packets behind each other, in units. The range's
/// first packet is at the same distance from the packets' grid as this one.
fn packets_begin(range: &KeptRange, packet_ms: u64) -> u64 {
    let since_ms = packet_ms - range.source.start;
    let first_ms = since_ms % PACKET_MS;
    units(range.at_ms + first_ms) + since_ms / PACKET_MS * PACKET_UNITS
}

/// Returns silent packets of that length from a time on.
fn silence(from_ms: u64, mut length: u64) -> Vec<(u64, Vec<u8>)> {
    let (mut packets, mut done) = (Vec::new(), 0);
    for (packet_units, packet) in SILENCE {
        while length >= packet_units {
            packets.push((from_ms + done * 5 / 2, packet.to_vec()));
            length -= packet_units;
            done += packet_units;
        }
    }
    packets
}

/// Returns the sound that the output has before the piece.
fn lead(
    recording: &SourceRecording<'_>,
    plan: &CutPlan,
    piece: &Piece,
    first_ms: u64,
    continues: bool,
    channels: u8,
) -> Result<Vec<i16>, RenderError> {
    let (start_ms, end_ms) = if continues {
        (first_ms.saturating_sub(LEAD_MS), first_ms)
    } else {
        let before = plan.kept.iter().take_while(|kept| kept.at_ms < piece.at_ms()).last();
        let Some(before) = before else { return Ok(Vec::new()) };
        let end_ms = before.source.end;
        (end_ms.saturating_sub(LEAD_MS).max(before.source.start), end_ms)
    };
    let mut sound = decode_sound(recording, start_ms..end_ms)?;
    if !continues {
        fade_out(&mut sound, end_ms - start_ms, channels);
        sound.extend(vec![0; samples(LEAD_SILENCE_MS, channels)]);
    }
    // Whole packets, which are silent where the output has no sound before.
    let packet = samples(PACKET_MS, channels);
    let mut lead = vec![0; sound.len().next_multiple_of(packet) - sound.len()];
    lead.extend(sound);
    Ok(lead)
}

pub(crate) fn samples(time_ms: u64, channels: u8) -> usize {
    time_ms as usize * RATE_MS * usize::from(channels)
}

/// Fades the first milliseconds in.
pub(crate) fn fade_in(sound: &mut [i16], channels: u8) {
    let channels = usize::from(channels);
    let frames = (FADE_MS as usize * RATE_MS).min(sound.len() / channels);
    for (number, frame) in sound.chunks_exact_mut(channels).take(frames).enumerate() {
        frame.iter_mut().for_each(|value| *value = scaled(*value, number, frames));
    }
}

/// Fades out before `kept_ms`, and silences what comes after.
pub(crate) fn fade_out(sound: &mut [i16], kept_ms: u64, channels: u8) {
    let kept = samples(kept_ms, channels).min(sound.len());
    sound[kept..].fill(0);
    let channels = usize::from(channels);
    let frames = (FADE_MS as usize * RATE_MS).min(kept / channels);
    let fading = sound[..kept].rchunks_exact_mut(channels).take(frames);
    for (number, frame) in fading.enumerate() {
        frame.iter_mut().for_each(|value| *value = scaled(*value, number, frames));
    }
}

pub(crate) fn scaled(value: i16, number: usize, frames: usize) -> i16 {
    (i64::from(value) * number as i64 / frames.max(1) as i64) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_silence_fill_the_output_without_getting_ahead() {
        // Many short ranges at odd places: a player that puts packets behind each other stays within 2.5 ms.
        let (mut at_ms, mut chain) = (0, 0);
        for number in 0..400 {
            let start = number * 1_000 + number * 7 % 23;
            let source = start..start + 300 + number * 13 % 211;
            let length = source.end - source.start;
            let range = KeptRange { wanted_ms: start, source: source.clone(), at_ms };
            let first_ms = start.next_multiple_of(PACKET_MS);
            let begin = packets_begin(&range, first_ms);
            let filled = begin - units(at_ms);
            assert!(filled < PACKET_UNITS + 1, "{filled}");
            chain += filled;
            let off = (chain as i64 * 5 - (at_ms + first_ms - start) as i64 * 2).abs();
            assert!(off <= 5, "{off} half milliseconds at range {number}");
            let left = units(at_ms + length) - begin;
            chain += left;
            at_ms += length;
            assert_eq!(chain, units(at_ms));
            let silent = silence(0, left % PACKET_UNITS);
            let silent: u64 = silent
                .iter()
                .map(|(_, packet)| snaplark_formats::ogg::packet_samples(packet))
                .sum();
            assert_eq!(silent, left % PACKET_UNITS * 120);
        }
    }

    #[test]
    fn fades_begin_and_end_in_silence_and_leave_the_rest() {
        let mut sound = vec![1_000_i16; samples(20, 2)];
        fade_in(&mut sound, 2);
        assert_eq!(sound[..2], [0, 0]);
        assert_eq!(sound[samples(5, 2)], 1_000);
        fade_out(&mut sound, 15, 2);
        assert_eq!(sound[samples(10, 2) - 2], 1_000);
        assert_eq!(sound[samples(15, 2) - 1], 0);
        assert!(sound[samples(15, 2)..].iter().all(|value| *value == 0));
        let steps = sound.chunks_exact(2).map(|frame| i32::from(frame[0])).collect::<Vec<_>>();
        assert!(steps.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 5), "a jump");
    }
}
