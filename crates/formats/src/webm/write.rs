//! Writes a recording: its init once, then one cluster for each segment.

use crate::webm::ebml::{EbmlWriter, id};
use crate::webm::{Audio, AudioCodec, Tracks, Video, VideoCodec, WebmError};

/// The space for a SeekHead of four entries, which takes 89 bytes; without chapters it has three.
pub(crate) const SEEK_HEAD_ROOM: usize = 100;
/// The size of a Duration: two bytes of id, one of size, eight of float.
pub(crate) const DURATION_ROOM: usize = 11;
/// WebM's default, and the only scale here: one millisecond.
pub(crate) const TIMESTAMP_SCALE_NS: u64 = 1_000_000;
/// How much an Opus decoder must decode before a position to be correct at that position.
const OPUS_PRE_ROLL_NS: u64 = 80_000_000;
/// Blocks store their time relative to their cluster's, in a signed 16-bit number.
const CLUSTER_MS_MAX: u64 = i16::MAX as u64;
const APP: &str = concat!("Snaplark ", env!("CARGO_PKG_VERSION"));

/// A track of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// The pictures.
    Video,
    /// The sound.
    Audio,
}

impl Track {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Track::Video => 1,
            Track::Audio => 2,
        }
    }
}

/// One encoded frame or packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The track that the block belongs to.
    pub track: Track,
    /// The time at which it is shown or heard.
    pub time_ms: u64,
    /// True if it can be decoded without the blocks before it.
    pub keyframe: bool,
    /// How long it is shown, if that is known. Must be set for the last picture of a cluster, so that
    /// the cluster states its own end.
    pub duration_ms: Option<u64>,
    /// The encoded bytes.
    pub data: Vec<u8>,
}

/// Returns the bytes before the first cluster.
pub fn init(tracks: &Tracks) -> Vec<u8> {
    init_of(tracks, None)
}

/// Returns such bytes that also state the usual duration of a picture, one `fps`th of a second
/// (DefaultDuration). Programs that convert the file take it for the frame rate; without it they guess
/// one from the first pictures, and lose pictures if those are few. A picture that lasts longer must
/// state its own duration, or players see a hole behind it.
pub fn init_with_frame_rate(tracks: &Tracks, fps: u32) -> Vec<u8> {
    init_of(tracks, Some(1_000_000_000 / u64::from(fps.max(1))))
}

fn init_of(tracks: &Tracks, picture_ns: Option<u64>) -> Vec<u8> {
    let mut header = EbmlWriter::default();
    header.master(id::EBML, |w| {
        w.uint(id::EBML_VERSION, 1);
        w.uint(id::EBML_READ_VERSION, 1);
        w.uint(id::EBML_MAX_ID_LENGTH, 4);
        w.uint(id::EBML_MAX_SIZE_LENGTH, 8);
        w.text(id::DOC_TYPE, "webm");
        w.uint(id::DOC_TYPE_VERSION, 4);
        w.uint(id::DOC_TYPE_READ_VERSION, 2);
    });
    let mut apps = EbmlWriter::default();
    apps.text(id::MUXING_APP, APP);
    apps.text(id::WRITING_APP, APP);
    let mut entries = EbmlWriter::default();
    entries.master(id::TRACKS, |w| {
        write_video(w, &tracks.video, picture_ns);
        if let Some(audio) = &tracks.audio {
            write_audio(w, audio);
        }
    });
    head(&InitParts { header: &header.0, info: &apps.0, tracks: &entries.0 }, None)
}

/// The parts of an init that are kept in a finished file's head.
pub(crate) struct InitParts<'a> {
    /// The whole EBML element.
    pub header: &'a [u8],
    /// The children of Info, except TimestampScale, Duration and Voids.
    pub info: &'a [u8],
    /// The whole Tracks element.
    pub tracks: &'a [u8],
}

pub(crate) struct Finish {
    pub duration_ms: u64,
    /// The whole Chapters element; empty if there is none.
    pub chapters: Vec<u8>,
    /// The size of clusters and Cues together.
    pub body_bytes: u64,
    pub clusters_bytes: u64,
}

/// Returns a head. Its length is the same with and without `finish`, since Voids reserve the space; only chapters
/// make it longer.
pub(crate) fn head(parts: &InitParts<'_>, finish: Option<&Finish>) -> Vec<u8> {
    let mut info = EbmlWriter::default();
    info.master(id::INFO, |w| {
        w.uint(id::TIMESTAMP_SCALE, TIMESTAMP_SCALE_NS);
        match finish {
            Some(finish) => w.float(id::DURATION, finish.duration_ms as f64),
            None => w.void(DURATION_ROOM),
        }
        w.0.extend_from_slice(parts.info);
    });
    let info_position = SEEK_HEAD_ROOM as u64;
    let tracks_position = info_position + info.0.len() as u64;
    let chapters_position = tracks_position + parts.tracks.len() as u64;
    let chapters = finish.map_or(&[][..], |finish| &finish.chapters);
    let clusters_position = chapters_position + chapters.len() as u64;

    let mut head = EbmlWriter(parts.header.to_vec());
    head.id(id::SEGMENT);
    head.size_wide(finish.map(|finish| clusters_position + finish.body_bytes));
    match finish {
        Some(finish) => {
            let start = head.0.len();
            let mut targets = vec![
                (id::INFO, info_position),
                (id::TRACKS, tracks_position),
                (id::CUES, clusters_position + finish.clusters_bytes),
            ];
            if !chapters.is_empty() {
                targets.push((id::CHAPTERS, chapters_position));
            }
            head.master(id::SEEK_HEAD, |w| {
                for (target, position) in targets {
                    w.master(id::SEEK, |w| {
                        w.bytes(id::SEEK_ID, &target.to_be_bytes());
                        w.uint_wide(id::SEEK_POSITION, position);
                    });
                }
            });
            let used = head.0.len() - start;
            head.void(SEEK_HEAD_ROOM - used);
        }
        None => head.void(SEEK_HEAD_ROOM),
    }
    head.0.extend_from_slice(&info.0);
    head.0.extend_from_slice(parts.tracks);
    head.0.extend_from_slice(chapters);
    head.0
}

fn write_video(w: &mut EbmlWriter, video: &Video, picture_ns: Option<u64>) {
    let codec = match &video.codec {
        VideoCodec::Vp8 => "V_VP8",
        VideoCodec::Vp9 => "V_VP9",
        VideoCodec::Av1 => "V_AV1",
        VideoCodec::Other(name) => name,
    };
    w.master(id::TRACK_ENTRY, |w| {
        write_track(w, Track::Video, 1, codec);
        if let Some(picture_ns) = picture_ns {
            w.uint(id::DEFAULT_DURATION, picture_ns);
        }
        w.master(id::VIDEO, |w| {
            w.uint(id::PIXEL_WIDTH, u64::from(video.width));
            w.uint(id::PIXEL_HEIGHT, u64::from(video.height));
        });
    });
}

fn write_audio(w: &mut EbmlWriter, audio: &Audio) {
    let codec = match &audio.codec {
        AudioCodec::Opus => "A_OPUS",
        AudioCodec::Vorbis => "A_VORBIS",
        AudioCodec::Other(name) => name,
    };
    w.master(id::TRACK_ENTRY, |w| {
        write_track(w, Track::Audio, 2, codec);
        w.bytes(id::CODEC_PRIVATE, &audio.codec_private);
        w.uint(id::CODEC_DELAY, audio.codec_delay_ns);
        if audio.codec == AudioCodec::Opus {
            w.uint(id::SEEK_PRE_ROLL, OPUS_PRE_ROLL_NS);
        }
        w.master(id::AUDIO, |w| {
            w.float(id::SAMPLING_FREQUENCY, audio.sample_rate);
            w.uint(id::CHANNELS, u64::from(audio.channels));
        });
    });
}

fn write_track(w: &mut EbmlWriter, track: Track, kind: u64, codec: &str) {
    w.uint(id::TRACK_NUMBER, u64::from(track.number()));
    w.uint(id::TRACK_UID, u64::from(track.number()));
    w.uint(id::TRACK_TYPE, kind);
    w.uint(id::FLAG_LACING, 0);
    w.text(id::LANGUAGE, "und");
    w.text(id::CODEC_ID, codec);
}

/// Returns the header of a cluster whose content is stored elsewhere. Its length does not depend on the
/// size.
pub fn cluster_header(data_bytes: u64) -> Vec<u8> {
    let mut header = EbmlWriter::default();
    header.id(id::CLUSTER);
    header.size_wide(Some(data_bytes));
    header.0
}

pub(crate) const CLUSTER_HEADER_BYTES: u64 = 12;

/// Returns a complete cluster of these blocks. They may be in any order: they are written by time, and
/// at the same time a video keyframe comes first.
pub fn cluster(blocks: &[Block]) -> Result<Vec<u8>, WebmError> {
    let body = cluster_body(blocks)?;
    let mut cluster = EbmlWriter(Vec::with_capacity(body.len() + 12));
    cluster.bytes(id::CLUSTER, &body);
    Ok(cluster.0)
}

/// Returns the content of such a cluster: its time, then its blocks.
pub(crate) fn cluster_body(blocks: &[Block]) -> Result<Vec<u8>, WebmError> {
    let mut order: Vec<&Block> = blocks.iter().collect();
    order.sort_by_key(|b| (b.time_ms, !(b.track == Track::Video && b.keyframe)));
    let (Some(first), Some(last)) = (order.first(), order.last()) else {
        return Err(WebmError::ClusterEmpty);
    };
    let start_ms = first.time_ms;
    if last.time_ms - start_ms > CLUSTER_MS_MAX {
        return Err(WebmError::ClusterTooLong(last.time_ms - start_ms));
    }

    let mut body = EbmlWriter(Vec::with_capacity(
        blocks.iter().map(|block| block.data.len() + 32).sum::<usize>() + 16,
    ));
    body.uint(id::TIMESTAMP, start_ms);
    let mut previous_ms = [None; 2];
    for block in order {
        let relative_ms = (block.time_ms - start_ms) as i16;
        let seen = &mut previous_ms[usize::from(block.track.number()) - 1];
        write_block(&mut body, block, relative_ms, seen.unwrap_or(start_ms));
        *seen = Some(block.time_ms);
    }
    Ok(body.0)
}

/// Writes a block. `previous_ms` is the time of the track's previous block, on which this one depends
/// if it is not a keyframe.
fn write_block(w: &mut EbmlWriter, block: &Block, relative_ms: i16, previous_ms: u64) {
    let [high, low] = relative_ms.to_be_bytes();
    let number = 0x80 | block.track.number();
    let len = block.data.len() as u64 + 4;
    match block.duration_ms {
        None => {
            let flags = if block.keyframe { 0x80 } else { 0 };
            w.id(id::SIMPLE_BLOCK);
            w.size(len);
            w.0.extend_from_slice(&[number, high, low, flags]);
            w.0.extend_from_slice(&block.data);
        }
        Some(duration_ms) => w.master(id::BLOCK_GROUP, |w| {
            w.id(id::BLOCK);
            w.size(len);
            w.0.extend_from_slice(&[number, high, low, 0]);
            w.0.extend_from_slice(&block.data);
            w.uint(id::BLOCK_DURATION, duration_ms);
            if !block.keyframe {
                let back = previous_ms as i64 - block.time_ms as i64;
                // A value of 0 would mean that the block references itself.
                w.bytes(id::REFERENCE_BLOCK, &back.min(-1).to_be_bytes());
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(track: Track, time_ms: u64, keyframe: bool) -> Block {
        Block { track, time_ms, keyframe, duration_ms: None, data: vec![7; 3] }
    }

    #[test]
    fn cluster_sorts_blocks_with_the_keyframe_first() {
        let bytes = cluster(&[
            block(Track::Audio, 2_000, true),
            block(Track::Video, 2_033, false),
            block(Track::Video, 2_000, true),
        ])
        .unwrap();
        let flags: Vec<u8> = bytes.windows(2).filter(|w| w == &[0xA3, 0x87]).map(|_| 0).collect();
        assert_eq!(flags.len(), 3);
        let first = bytes.windows(2).position(|w| w == [0xA3, 0x87]).unwrap();
        assert_eq!(&bytes[first + 2..first + 6], &[0x81, 0, 0, 0x80]);
    }

    #[test]
    fn cluster_refuses_no_blocks_and_too_long_a_span() {
        assert_eq!(cluster(&[]), Err(WebmError::ClusterEmpty));
        let long = [block(Track::Video, 0, true), block(Track::Video, 32_768, false)];
        assert_eq!(cluster(&long), Err(WebmError::ClusterTooLong(32_768)));
        assert!(
            cluster(&[block(Track::Video, 0, true), block(Track::Video, 32_767, false)]).is_ok()
        );
    }
}
