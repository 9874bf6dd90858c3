//! Reads an init, and parts of either framing, as other programs send them. `lib.rs` says what is
//! guaranteed for hostile bytes.

use crate::webm::ebml::{EbmlReader, Element, id, varint};
use crate::webm::write::{InitParts, TIMESTAMP_SCALE_NS, Track};
use crate::webm::{Audio, AudioCodec, Tracks, Video, VideoCodec, WebmError};

/// The limit on clusters in a part. A part holds 10 MB and a cluster of ours two seconds, so this is
/// far above both; it limits the index of a part that contains only tiny clusters.
const CLUSTERS_MAX: usize = 100_000;
/// The assumed duration of a picture if nothing states it.
pub(crate) const FRAME_MS_GUESS: u64 = 33;

/// The content of the bytes before the first cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Init {
    /// The tracks.
    pub tracks: Tracks,
    /// The track's number in blocks.
    pub video_track: u64,
    /// The length of everything before the first cluster.
    pub len_bytes: usize,
    /// The duration in the header; a recording that is not finished has none.
    pub duration_ms: Option<u64>,
}

/// A complete cluster. Its media bytes are not needed to serve it or to make Cues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The position of its first byte, in the bytes that were indexed.
    pub offset: u64,
    /// Its whole length, header included.
    pub size: u64,
    /// The time of the first block.
    pub start_ms: u64,
    /// When its last block ends: by that block's own duration if it has one, otherwise estimated from
    /// the gap before it.
    pub end_ms: u64,
    /// True if its first block is a video keyframe, so that playing can begin here.
    pub starts_with_keyframe: bool,
    /// The number of pictures.
    pub video_frames: u32,
}

impl Cluster {
    /// Returns the cluster that a segment is, as the segment's row describes it. Its pictures are not counted.
    pub fn of_segment(size_bytes: u64, start_ms: u64, duration_ms: u64) -> Self {
        Cluster {
            offset: 0,
            size: size_bytes,
            start_ms,
            end_ms: start_ms + duration_ms,
            starts_with_keyframe: true,
            video_frames: 0,
        }
    }
}

/// The content of one part: `init` first or not at all, then clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct PartContents {
    /// The init, if the part begins with one.
    pub init: Option<Init>,
    /// The clusters, in the order of the bytes.
    pub clusters: Vec<Cluster>,
}

/// Reads an init. More bytes may follow it.
pub fn read_init(bytes: &[u8]) -> Result<Init, WebmError> {
    Ok(read_head(bytes)?.0)
}

/// Indexes a part of either framing, or a whole file; its first bytes show which. Elements between
/// clusters (Cues, Voids, Tags) are skipped. In a part without an init the video is assumed to be track
/// 1, as in all files by Snaplark.
pub fn index(bytes: &[u8]) -> Result<PartContents, WebmError> {
    let init = match first_id(bytes) {
        Some(id::EBML) => Some(read_init(bytes)?),
        Some(id::CLUSTER) => None,
        _ => return Err(WebmError::NotWebm),
    };
    let video_track = init.as_ref().map_or(u64::from(Track::Video.number()), |i| i.video_track);
    let start = init.as_ref().map_or(0, |i| i.len_bytes);
    let mut clusters = Vec::new();
    let mut elements = EbmlReader::starting_at(bytes, start);
    while let Some(element) = elements.next()? {
        match element.id {
            id::CLUSTER if !element.sized => {
                return Err(WebmError::ClusterUnsized { offset: element.offset as u64 });
            }
            id::CLUSTER if clusters.len() == CLUSTERS_MAX => {
                return Err(WebmError::TooManyClusters(CLUSTERS_MAX));
            }
            id::CLUSTER => clusters.push(read_cluster(&element, video_track)?),
            id::EBML | id::SEGMENT => return Err(element.malformed("a second header")),
            _ if !element.sized => return Err(element.malformed("an element without a size")),
            _ => {}
        }
    }
    Ok(PartContents { init, clusters })
}

fn first_id(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// Returns the init, and what a finished head keeps of it.
pub(crate) fn read_head(bytes: &[u8]) -> Result<(Init, OwnedInitParts), WebmError> {
    if first_id(bytes) != Some(id::EBML) {
        return Err(WebmError::NotWebm);
    }
    let mut top = EbmlReader::new(bytes);
    let header = top.next()?.ok_or(WebmError::NotWebm)?;
    if !header.sized {
        return Err(header.malformed("a header without a size"));
    }
    check_doc_type(&header)?;
    // The Segment's own size is ignored: of a running recording, or of the first part of a finished
    // one, only the beginning is here.
    let mut children = segment_children(bytes, &top)?;

    let (mut info, mut tracks) = (None, None);
    let len_bytes = loop {
        let offset = children.offset();
        if first_id(&bytes[offset..]) == Some(id::CLUSTER) {
            break offset;
        }
        let Some(element) = children.next()? else { break offset };
        if !element.sized {
            return Err(element.malformed("an element without a size"));
        }
        match element.id {
            id::INFO => info = Some(read_info(&element)?),
            id::TRACKS => tracks = Some((read_tracks(&element)?, element)),
            id::EBML | id::SEGMENT => return Err(element.malformed("a second header")),
            _ => {}
        }
    };
    let (duration_ms, info) = info.ok_or(WebmError::Missing("Info"))?;
    let ((tracks, video_track), tracks_element) = tracks.ok_or(WebmError::Missing("Tracks"))?;
    let head = OwnedInitParts {
        header: bytes[header.offset..header.end()].to_vec(),
        info,
        tracks: bytes[tracks_element.offset..tracks_element.end()].to_vec(),
    };
    Ok((Init { tracks, video_track, len_bytes, duration_ms }, head))
}

pub(crate) struct OwnedInitParts {
    header: Vec<u8>,
    info: Vec<u8>,
    tracks: Vec<u8>,
}

impl OwnedInitParts {
    pub(crate) fn parts(&self) -> InitParts<'_> {
        InitParts { header: &self.header, info: &self.info, tracks: &self.tracks }
    }
}

fn check_doc_type(header: &Element<'_>) -> Result<(), WebmError> {
    let mut children = header.children();
    while let Some(child) = children.next()? {
        if child.id == id::DOC_TYPE {
            // Matroska has the same structure; Tracks state the codecs.
            return match child.text().as_str() {
                "webm" | "matroska" => Ok(()),
                _ => Err(WebmError::NotWebm),
            };
        }
    }
    Err(WebmError::Missing("DocType"))
}

/// Returns a reader at the Segment's first child. `top` must be after the EBML element.
fn segment_children<'a>(
    bytes: &'a [u8],
    top: &EbmlReader<'a>,
) -> Result<EbmlReader<'a>, WebmError> {
    let offset = top.offset();
    let at = &bytes[offset..];
    if at.is_empty() {
        return Err(WebmError::Missing("Segment"));
    }
    let truncated = WebmError::Truncated { offset: offset as u64 };
    match first_id(at) {
        Some(id::SEGMENT) => {}
        Some(_) => {
            let reason = "something else than a Segment";
            return Err(WebmError::Malformed { offset: offset as u64, reason });
        }
        None => return Err(truncated),
    }
    let (_, size_len) = varint(&at[4..]).map_err(|reason| match reason {
        None => truncated,
        Some(reason) => WebmError::Malformed { offset: offset as u64, reason },
    })?;
    Ok(EbmlReader::starting_at(bytes, offset + 4 + size_len))
}

/// Returns the duration, and the children that a finished head keeps.
fn read_info(info: &Element<'_>) -> Result<(Option<u64>, Vec<u8>), WebmError> {
    let (mut duration, mut kept) = (None, Vec::new());
    let mut children = info.children();
    while let Some(child) = children.next()? {
        match child.id {
            id::TIMESTAMP_SCALE => {
                let scale = child.uint()?;
                if scale != TIMESTAMP_SCALE_NS {
                    return Err(WebmError::OtherTimescale(scale));
                }
            }
            // The cast clamps values beyond u64 and below 0; NaN becomes 0.
            id::DURATION => duration = Some(child.float()? as u64),
            id::VOID => {}
            _ => {
                let start = child.offset - info.data_offset;
                kept.extend_from_slice(&info.data[start..child.end() - info.data_offset]);
            }
        }
    }
    Ok((duration, kept))
}

/// Returns the first video track and the first audio track, by their types.
fn read_tracks(tracks: &Element<'_>) -> Result<(Tracks, u64), WebmError> {
    let (mut video, mut audio) = (None, None);
    let mut entries = tracks.children();
    while let Some(entry) = entries.next()? {
        if entry.id != id::TRACK_ENTRY {
            continue;
        }
        let track = read_track(&entry)?;
        match track.kind {
            1 if video.is_none() => {
                let codec = match track.codec.as_str() {
                    "V_VP8" => VideoCodec::Vp8,
                    "V_VP9" => VideoCodec::Vp9,
                    "V_AV1" => VideoCodec::Av1,
                    _ => VideoCodec::Other(track.codec),
                };
                let size = Video { codec, width: track.width, height: track.height };
                video = Some((size, track.number));
            }
            2 if audio.is_none() => {
                let codec = match track.codec.as_str() {
                    "A_OPUS" => AudioCodec::Opus,
                    "A_VORBIS" => AudioCodec::Vorbis,
                    _ => AudioCodec::Other(track.codec),
                };
                audio = Some(Audio {
                    codec,
                    codec_private: track.codec_private,
                    sample_rate: track.sample_rate,
                    channels: track.channels,
                    codec_delay_ns: track.codec_delay_ns,
                });
            }
            _ => {}
        }
    }
    let (video, number) = video.ok_or(WebmError::Missing("video track"))?;
    Ok((Tracks { video, audio }, number))
}

struct TrackEntry {
    number: u64,
    kind: u64,
    codec: String,
    codec_private: Vec<u8>,
    codec_delay_ns: u64,
    width: u32,
    height: u32,
    sample_rate: f64,
    channels: u8,
}

fn read_track(entry: &Element<'_>) -> Result<TrackEntry, WebmError> {
    let mut track = TrackEntry {
        number: 0,
        kind: 0,
        codec: String::new(),
        codec_private: Vec::new(),
        codec_delay_ns: 0,
        width: 0,
        height: 0,
        // Matroska's defaults.
        sample_rate: 8_000.0,
        channels: 1,
    };
    let mut children = entry.children();
    while let Some(child) = children.next()? {
        match child.id {
            id::TRACK_NUMBER => track.number = child.uint()?,
            id::TRACK_TYPE => track.kind = child.uint()?,
            id::CODEC_ID => track.codec = child.text(),
            id::CODEC_PRIVATE => track.codec_private = child.data.to_vec(),
            id::CODEC_DELAY => track.codec_delay_ns = child.uint()?,
            id::VIDEO | id::AUDIO => read_track_format(&child, &mut track)?,
            _ => {}
        }
    }
    Ok(track)
}

fn read_track_format(format: &Element<'_>, track: &mut TrackEntry) -> Result<(), WebmError> {
    let mut children = format.children();
    while let Some(child) = children.next()? {
        match child.id {
            id::PIXEL_WIDTH => track.width = small(&child)?,
            id::PIXEL_HEIGHT => track.height = small(&child)?,
            id::SAMPLING_FREQUENCY => track.sample_rate = child.float()?,
            id::CHANNELS => track.channels = small(&child)?,
            _ => {}
        }
    }
    Ok(())
}

fn small<T: TryFrom<u64>>(element: &Element<'_>) -> Result<T, WebmError> {
    T::try_from(element.uint()?).map_err(|_| element.malformed("a number that is too large"))
}

fn read_cluster(cluster: &Element<'_>, video_track: u64) -> Result<Cluster, WebmError> {
    let mut start_ms = None;
    let mut first_is_keyframe = None;
    let mut end_ms = 0;
    let mut video_frames = 0_u32;
    // For blocks without a duration: the last picture's time, and the gap before it.
    let mut last_video_ms: Option<u64> = None;
    let mut video_gap_ms = None;

    let mut children = cluster.children();
    while let Some(child) = children.next()? {
        let block = match child.id {
            id::TIMESTAMP => {
                start_ms = Some(child.uint()?);
                continue;
            }
            id::SIMPLE_BLOCK => read_block(&child, child.data)?,
            id::BLOCK_GROUP => read_block_group(&child)?,
            _ => continue,
        };
        let base = start_ms.ok_or_else(|| child.malformed("a block before the cluster's time"))?;
        let time_ms = base
            .checked_add_signed(i64::from(block.relative_ms))
            .ok_or_else(|| child.malformed("a time before the beginning"))?;
        let is_video = block.track == video_track;
        first_is_keyframe.get_or_insert(is_video && block.keyframe);
        if is_video {
            video_frames += 1;
            if let Some(previous) = last_video_ms.filter(|previous| *previous < time_ms) {
                video_gap_ms = Some(time_ms - previous);
            }
            last_video_ms = Some(time_ms);
        }
        let told = block.duration_ms.unwrap_or(0);
        end_ms = end_ms.max(time_ms.saturating_add(told));
    }
    let start_ms = start_ms.ok_or_else(|| cluster.malformed("a cluster without a time"))?;
    let starts_with_keyframe =
        first_is_keyframe.ok_or_else(|| cluster.malformed("a cluster without blocks"))?;
    // The cluster ends with a picture that has no duration.
    if last_video_ms == Some(end_ms) {
        end_ms = end_ms.saturating_add(video_gap_ms.unwrap_or(FRAME_MS_GUESS));
    }
    Ok(Cluster {
        offset: cluster.offset as u64,
        size: (cluster.end() - cluster.offset) as u64,
        start_ms,
        end_ms,
        starts_with_keyframe,
        video_frames,
    })
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockHead {
    /// The length of this header; the frame follows it.
    pub bytes: usize,
    pub track: u64,
    pub relative_ms: i16,
    pub keyframe: bool,
    pub duration_ms: Option<u64>,
}

/// Reads the header of a Block or a SimpleBlock. A Block's keyframe flag is always clear.
pub(crate) fn read_block(element: &Element<'_>, data: &[u8]) -> Result<BlockHead, WebmError> {
    let short = || element.malformed("a block without its header");
    let (track, len) = varint(data).map_err(|_| short())?;
    let [high, low, flags] = *data.get(len..).and_then(|d| d.first_chunk()).ok_or_else(short)?;
    Ok(BlockHead {
        bytes: len + 3,
        track: track.ok_or_else(short)?,
        relative_ms: i16::from_be_bytes([high, low]),
        keyframe: flags & 0x80 != 0,
        duration_ms: None,
    })
}

pub(crate) fn read_block_group(group: &Element<'_>) -> Result<BlockHead, WebmError> {
    let (mut block, mut duration_ms, mut leans) = (None, None, false);
    let mut children = group.children();
    while let Some(child) = children.next()? {
        match child.id {
            id::BLOCK => block = Some(read_block(&child, child.data)?),
            id::BLOCK_DURATION => duration_ms = Some(child.uint()?),
            id::REFERENCE_BLOCK => leans = true,
            _ => {}
        }
    }
    let block = block.ok_or_else(|| group.malformed("a block group without a block"))?;
    Ok(BlockHead { keyframe: !leans, duration_ms, ..block })
}
