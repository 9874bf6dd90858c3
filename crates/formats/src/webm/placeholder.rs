//! Makes placeholders for damaged segments: a cluster of the same time and, if there is room, of the
//! same length, with a plain gray picture and silence.
//!
//! The length is the same so that nothing changes that was planned with the segment: parts keep their
//! sizes (storage refuses small ones), and later segments their positions. A Void element marks the
//! placeholder, so that anyone who reads the bytes (the share page's server, the person's own file) can
//! recognize the gap.
//!
//! None of the damaged bytes are kept in it: their hash shows that they are not what was sealed, but
//! not which of them are wrong, and a decoder may make any picture of them. They stay in a file of
//! their own.

use crate::webm::ebml::{EbmlReader, EbmlWriter, id};
use crate::webm::vp9::grey_key_frame;
use crate::webm::write::{cluster_body, cluster_header};
use crate::webm::{AudioCodec, Block, Track, Tracks, VideoCodec, WebmError};

const MARK: &[u8] = b"Snaplark: a damaged segment was here";
/// One Opus packet of 20 ms of silence (full band, one channel, which plays on both).
const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];
const SILENCE_MS: u64 = 20;
/// The gap between silence and both neighbors. Sound packets are not aligned with segments, and some
/// begin before their segment's picture; without the gap, packets could be in the wrong order.
const SILENCE_MARGIN_MS: u64 = 60;
/// Blocks store their time in a signed 16-bit number.
const SILENCE_MS_MAX: u64 = 30_000;
/// An id, and a size of eight bytes.
const VOID_HEAD_BYTES: u64 = 9;

/// Returns a placeholder. It is longer than `size_bytes` only if a picture does not fit.
pub fn placeholder(
    tracks: &Tracks,
    start_ms: u64,
    duration_ms: u64,
    size_bytes: u64,
) -> Result<Vec<u8>, WebmError> {
    let video = &tracks.video;
    let has_size = (1..=1 << 16).contains(&video.width) && (1..=1 << 16).contains(&video.height);
    if video.codec != VideoCodec::Vp9 || !has_size {
        return Err(WebmError::Missing("VP9 track"));
    }
    let mut blocks = vec![Block {
        track: Track::Video,
        time_ms: start_ms,
        keyframe: true,
        duration_ms: Some(duration_ms),
        data: grey_key_frame(video.width, video.height),
    }];
    if tracks.audio.as_ref().is_some_and(|audio| audio.codec == AudioCodec::Opus) {
        let end_ms = duration_ms.min(SILENCE_MS_MAX).saturating_sub(SILENCE_MARGIN_MS);
        let times = (SILENCE_MARGIN_MS..end_ms).step_by(SILENCE_MS as usize);
        blocks.extend(times.map(|at_ms| Block {
            track: Track::Audio,
            time_ms: start_ms + at_ms,
            keyframe: true,
            duration_ms: None,
            data: SILENCE.to_vec(),
        }));
    }
    let body = cluster_body(&blocks)?;
    let header_bytes = cluster_header(0).len() as u64;
    let least_bytes = header_bytes + body.len() as u64 + VOID_HEAD_BYTES + MARK.len() as u64;
    let spare_bytes = size_bytes.saturating_sub(least_bytes);

    let void_bytes = MARK.len() as u64 + spare_bytes;
    let mut cluster = EbmlWriter(cluster_header(body.len() as u64 + VOID_HEAD_BYTES + void_bytes));
    cluster.0.extend_from_slice(&body);
    cluster.id(id::VOID);
    cluster.size_wide(Some(void_bytes));
    cluster.0.extend_from_slice(MARK);
    cluster.0.resize(cluster.0.len() + spare_bytes as usize, 0);
    Ok(cluster.0)
}

/// Returns whether [`placeholder`] made this cluster.
pub fn is_placeholder(cluster: &[u8]) -> bool {
    let Ok(Some(element)) = EbmlReader::new(cluster).next() else { return false };
    if element.id != id::CLUSTER {
        return false;
    }
    let mut children = element.children();
    while let Ok(Some(child)) = children.next() {
        if child.id == id::VOID && child.data.starts_with(MARK) {
            return true;
        }
    }
    false
}
