//! Writes the sound alone. Opus keeps the source's packets but at cuts; WAV is decoded, with the same fades.

use std::io::{BufWriter, Write as _};

use snaplark_core::render::RenderError;
use snaplark_formats::ogg::{OpusWriter, packet_samples};

use super::{Export, ExportTarget};
use crate::codec::{RATE_MS, decode_sound};
use crate::cut::{fade_in, fade_out, joined_sound};

/// An Opus packet of 20 ms of silence, where the recording has none.
const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];
const SILENCE_MS: u64 = 20;
/// How much sound is decoded at once.
const CHUNK_MS: u64 = 10_000;

pub(super) fn write_opus(export: &Export<'_>, target: &ExportTarget) -> Result<(), RenderError> {
    let (recording, plan) = (&export.recording, &export.plan);
    let audio = recording.tracks.audio.as_ref().ok_or(RenderError::Silent)?;
    let unwritable = |error| target.unwritable(error);
    let mut file = BufWriter::new(target.handle()?);
    let (mut ogg, head) = OpusWriter::begin(&audio.codec_private);
    file.write_all(&head).map_err(unwritable)?;
    for (place, piece) in plan.pieces.iter().enumerate() {
        export.check()?;
        export.advance(piece.at_ms());
        let source = piece.source_ms();
        for (time_ms, packet) in joined_sound(recording, plan, place)? {
            let at_ms = piece.at_ms() + (time_ms - source.start);
            // Ogg has no times: silence fills gaps, and what overlaps by most of a packet is left out.
            while ogg.duration_ms() + SILENCE_MS <= at_ms {
                file.write_all(&ogg.packet(SILENCE.to_vec())).map_err(unwritable)?;
            }
            let packet_ms = packet_samples(&packet) / RATE_MS as u64;
            if ogg.duration_ms().saturating_sub(at_ms) * 2 <= packet_ms {
                file.write_all(&ogg.packet(packet)).map_err(unwritable)?;
            }
        }
    }
    let pre_skip = audio.codec_delay_ns * RATE_MS as u64 / 1_000_000;
    file.write_all(&ogg.end(plan.duration_ms(), pre_skip)).map_err(unwritable)?;
    file.flush().map_err(unwritable)
}

pub(super) fn write_wav(export: &Export<'_>, target: &ExportTarget) -> Result<(), RenderError> {
    let audio = export.recording.tracks.audio.as_ref().ok_or(RenderError::Silent)?;
    let unwritable = |error| target.unwritable(error);
    let mut file = BufWriter::new(target.handle()?);
    let frame_bytes = u16::from(audio.channels) * 2;
    let data_bytes = export.plan.duration_ms() * RATE_MS as u64 * u64::from(frame_bytes);
    file.write_all(&wav_head(audio.channels, data_bytes)).map_err(unwritable)?;
    each_sound(export, audio.channels, |at_ms, sound| {
        export.advance(at_ms);
        let bytes: Vec<u8> = sound.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write_all(&bytes).map_err(unwritable)
    })?;
    file.flush().map_err(unwritable)
}

/// Hands over the sound of the edit without a gap, with its time in the output.
pub(super) fn each_sound(
    export: &Export<'_>,
    channels: u8,
    mut each: impl FnMut(u64, Vec<i16>) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    let last = export.plan.kept.len().saturating_sub(1);
    for (number, kept) in export.plan.kept.iter().enumerate() {
        let mut start_ms = kept.source.start;
        while start_ms < kept.source.end {
            export.check()?;
            let end_ms = (start_ms + CHUNK_MS).min(kept.source.end);
            let mut sound = decode_sound(&export.recording, start_ms..end_ms)?;
            if start_ms == kept.source.start && number > 0 {
                fade_in(&mut sound, channels);
            }
            if end_ms == kept.source.end && number < last {
                fade_out(&mut sound, end_ms - start_ms, channels);
            }
            each(kept.at_ms + (start_ms - kept.source.start), sound)?;
            start_ms = end_ms;
        }
    }
    Ok(())
}

/// Returns the header of a WAV file. Its sizes have 32 bits: longer sound is read up to the end of the file.
fn wav_head(channels: u8, data_bytes: u64) -> Vec<u8> {
    let frame_bytes = u16::from(channels) * 2;
    let rate = RATE_MS as u32 * 1_000;
    let field = |size: u64| u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
    let mut head = Vec::from(*b"RIFF");
    head.extend(field(data_bytes + 36));
    head.extend(b"WAVEfmt ");
    head.extend(16_u32.to_le_bytes());
    head.extend(1_u16.to_le_bytes());
    head.extend(u16::from(channels).to_le_bytes());
    head.extend(rate.to_le_bytes());
    head.extend((rate * u32::from(frame_bytes)).to_le_bytes());
    head.extend(frame_bytes.to_le_bytes());
    head.extend(16_u16.to_le_bytes());
    head.extend(b"data");
    head.extend(field(data_bytes));
    head
}
