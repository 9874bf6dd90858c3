//! Finds out what a part contains, from its bytes alone. Pure.
//!
//! Names and declared types are never trusted. Three things are accepted: a WebM header (the first
//! part of a stream, every standalone part), a cluster (the other parts of a stream), and, after the
//! first part, bytes that begin in the middle of either, as in browsers' recordings and split files.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use snaplark_webm::{AudioCodec, Cluster, Tracks, VideoCodec};

use crate::media::Media;

const EBML_ID: [u8; 4] = [0x1A, 0x45, 0xDF, 0xA3];
const CLUSTER_ID: [u8; 4] = [0x1F, 0x43, 0xB6, 0x75];

/// The number of a part's first bytes that are enough to recognize its type.
pub const SNIFF_BYTES: usize = 512;
/// A part of 10 MB holds a few minutes at the lowest bitrate, and a cluster lasts at least half a
/// second. A part with only tiny clusters would make a row of megabytes, so it stays opaque.
const CLUSTERS_MAX: usize = 1_000;
/// Recorders write clusters without gaps. Each gap costs every reader a request to the storage, so a
/// part with more gaps is served as received.
const GAPS_MAX: usize = 8;
/// Building a video's map holds all of this in memory for a moment. The limit is enough for ten hours
/// of clusters of two thirds of a second, or 14 hours of the app's own. Later parts become opaque
/// too.
pub const VIDEO_CLUSTERS_MAX: i64 = 50_000;
/// Media never contains so much text in a row: the probability is below 2^-100.
const TEXT_BYTES_MIN: usize = 16;

/// The structure of a part, determined on arrival and stored in its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Layout {
    /// Whole clusters, which may follow an init.
    Clusters { init: Option<InitAt>, clusters: Vec<ClusterAt> },
    /// A part whose clusters are not known: it was cut at arbitrary positions, has too many clusters
    /// or gaps, or is not WebM.
    Opaque,
}

impl Layout {
    pub fn clusters_count(&self) -> u32 {
        match self {
            Layout::Clusters { clusters, .. } => u32::try_from(clusters.len()).unwrap_or(u32::MAX),
            Layout::Opaque => 0,
        }
    }
}

/// The init at the beginning of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitAt {
    pub len_bytes: u64,
    /// Equal for parts whose clusters may be combined in one file.
    pub tracks: String,
    /// The codecs as Media Source Extensions expect them: `vp9,opus`. Empty if one of them has no
    /// known name.
    pub codecs: String,
}

/// Offset, size, start, end, and flags: 1 if it begins with a keyframe, 2 for a placeholder. It is a
/// tuple because there are thousands of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterAt(pub u64, pub u64, pub u64, pub u64, pub u8);

const KEYFRAME: u8 = 1;
const PLACEHOLDER: u8 = 2;

impl From<&Cluster> for ClusterAt {
    fn from(c: &Cluster) -> Self {
        let flags = if c.starts_with_keyframe { KEYFRAME } else { 0 };
        ClusterAt(c.offset, c.size, c.start_ms, c.end_ms, flags)
    }
}

impl ClusterAt {
    pub fn cluster(self) -> Cluster {
        let ClusterAt(offset, size, start_ms, end_ms, flags) = self;
        let starts_with_keyframe = flags & KEYFRAME > 0;
        Cluster { offset, size, start_ms, end_ms, starts_with_keyframe, video_frames: 0 }
    }

    /// Returns whether this is a placeholder for a segment that was damaged on the recording
    /// computer.
    pub fn is_placeholder(self) -> bool {
        self.4 & PLACEHOLDER > 0
    }

    pub fn start_ms(self) -> u64 {
        self.2
    }

    pub fn end_ms(self) -> u64 {
        self.3
    }
}

/// Returns whether data that begins with `head` may be part `index` of such a file. For types other
/// than WebM only the first part is checked, since the others may hold any bytes.
pub fn may_be_part(media: Media, index: u32, head: &[u8]) -> bool {
    match media {
        Media::Webm | Media::Mkv => may_be_webm(index, head),
        _ if index > 0 => true,
        _ => Media::of_bytes(head).is_some_and(|found| media.may_be(found)),
    }
}

/// Returns whether the first part of a recording is MP4. The recorders of some browsers write only
/// MP4, and clients of seed 000 announce WebM all the same.
pub fn is_mp4(head: &[u8]) -> bool {
    matches!(Media::of_bytes(head), Some(Media::Mp4 | Media::Mov))
}

fn may_be_webm(index: u32, head: &[u8]) -> bool {
    if head.starts_with(&EBML_ID) {
        return true;
    }
    index > 0 && (head.starts_with(&CLUSTER_ID) || !is_foreign(head))
}

/// Indexes a whole part. A part that can't be indexed is opaque, not refused, because it may be cut
/// at an arbitrary position.
pub fn layout(bytes: &[u8]) -> Layout {
    let Ok(part) = snaplark_webm::index(bytes) else { return Layout::Opaque };
    let gaps = part.clusters.windows(2).filter(|two| two[0].offset + two[0].size != two[1].offset);
    if part.clusters.len() > CLUSTERS_MAX || gaps.count() > GAPS_MAX {
        return Layout::Opaque;
    }
    let init = part.init.map(|init| InitAt {
        len_bytes: init.len_bytes as u64,
        tracks: fingerprint(&format!("{:?} {}", init.tracks, init.video_track)),
        codecs: codecs(&init.tracks).unwrap_or_default(),
    });
    let clusters = part.clusters.iter().map(|cluster| {
        let mut at = ClusterAt::from(cluster);
        let range = cluster.offset as usize..(cluster.offset + cluster.size) as usize;
        if bytes.get(range).is_some_and(snaplark_webm::is_placeholder) {
            at.4 |= PLACEHOLDER;
        }
        at
    });
    Layout::Clusters { init, clusters: clusters.collect() }
}

/// Returns the codecs as Media Source Extensions expect them, or `None` if one of them has no known
/// name.
pub fn codecs(tracks: &Tracks) -> Option<String> {
    let video = match &tracks.video.codec {
        VideoCodec::Vp8 => "vp8",
        VideoCodec::Vp9 => "vp9",
        // Main profile, level 4.0, 8 bits. Browsers that decode AV1 accept this name.
        VideoCodec::Av1 => "av01.0.08M.08",
        VideoCodec::Other(_) => return None,
    };
    let audio = match tracks.audio.as_ref().map(|audio| &audio.codec) {
        None => return Some(video.to_owned()),
        Some(AudioCodec::Opus) => "opus",
        Some(AudioCodec::Vorbis) => "vorbis",
        Some(AudioCodec::Other(_)) => return None,
    };
    Some(format!("{video},{audio}"))
}

fn fingerprint(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Recognizes files of other types, and plain text.
fn is_foreign(head: &[u8]) -> bool {
    const SIGNATURES: [&[u8]; 14] = [
        b"\x89PNG",
        b"\xFF\xD8\xFF",
        b"GIF8",
        b"RIFF",
        b"%PDF",
        b"PK\x03\x04",
        b"\x7FELF",
        b"\x1F\x8B",
        b"MZ",
        b"OggS",
        b"ID3",
        b"fLaC",
        b"BZh",
        b"7z\xBC\xAF",
    ];
    let is_mp4 = head.get(4..8) == Some(b"ftyp");
    is_mp4 || SIGNATURES.iter().any(|s| head.starts_with(s)) || is_text(head)
}

fn is_text(head: &[u8]) -> bool {
    head.len() >= TEXT_BYTES_MIN
        && head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_has_to_begin_with_a_header() {
        assert!(may_be_webm(0, b"\x1A\x45\xDF\xA3...."));
        assert!(!may_be_webm(0, b"\x1F\x43\xB6\x75...."));
        assert!(!may_be_webm(0, b""));
    }

    #[test]
    fn later_parts_may_begin_anywhere_but_in_another_kind_of_file() {
        assert!(may_be_webm(1, b"\x1F\x43\xB6\x75...."));
        assert!(may_be_webm(1, &[0xA3, 0x41, 0x22, 0x81, 0, 0, 0x80]));
        assert!(!may_be_webm(1, b"\x89PNG\r\n\x1a\n"));
        assert!(!may_be_webm(1, b"\0\0\0\x18ftypmp42"));
        assert!(!may_be_webm(1, b"<!doctype html><title>no</title>"));
    }

    #[test]
    fn what_is_cut_anywhere_is_opaque() {
        assert_eq!(layout(b"\x1F\x43\xB6\x75\xff"), Layout::Opaque);
        assert_eq!(layout(&[0xA3, 0x41]), Layout::Opaque);
    }
}
