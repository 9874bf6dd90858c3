//! Finds out what a part contains, from its bytes alone. Pure.
//!
//! Names and declared types are never trusted. Three things are accepted: a WebM header (the first
//! part of a stream, every standalone part), a cluster (the other parts of a stream), and, after the
//! first part, bytes that begin in the middle of either, as in browsers' recordings and split files.

use sha2::{Digest, Sha256};
use snaplark_cloud_data::layout::{ClusterAt, InitAt, Layout};
use snaplark_formats::sniff::{MediaKind, is_foreign};
use snaplark_formats::webm::{AudioCodec, Init, Tracks, VideoCodec};

use snaplark_api::hex;

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

/// Returns whether data that begins with `head` may be part `index` of such a file. For types other
/// than WebM only the first part is checked, since the others may hold any bytes.
pub fn may_be_part(media: MediaKind, index: u32, head: &[u8]) -> bool {
    match media {
        MediaKind::Webm | MediaKind::Mkv => may_be_webm(index, head),
        _ if index > 0 => true,
        _ => MediaKind::of_bytes(head).is_some_and(|found| media.may_be(found)),
    }
}

/// Returns whether the first part of a recording is MP4. The recorders of some browsers write only
/// MP4, and clients of seed 000 announce WebM all the same.
pub fn is_mp4(head: &[u8]) -> bool {
    matches!(MediaKind::of_bytes(head), Some(MediaKind::Mp4 | MediaKind::Mov))
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
    let Ok(part) = snaplark_formats::webm::index(bytes) else { return Layout::Opaque };
    let gaps = part.clusters.windows(2).filter(|two| two[0].offset + two[0].size != two[1].offset);
    if part.clusters.len() > CLUSTERS_MAX || gaps.count() > GAPS_MAX {
        return Layout::Opaque;
    }
    let init = part.init.as_ref().map(init_at);
    let clusters = part.clusters.iter().map(|cluster| {
        let mut at = ClusterAt::from(cluster);
        let range = cluster.offset as usize..(cluster.offset + cluster.size) as usize;
        let cluster = bytes.get(range).unwrap_or_default();
        if snaplark_formats::webm::is_placeholder(cluster) {
            at.mark_placeholder();
        }
        at.set_head_bytes(snaplark_formats::webm::cluster_head_bytes(cluster).unwrap_or(0));
        at
    });
    Layout::Clusters { init, clusters: clusters.collect() }
}

/// Returns what is stored of a header.
pub fn init_at(init: &Init) -> InitAt {
    InitAt {
        len_bytes: init.len_bytes as u64,
        tracks: fingerprint(&format!("{:?} {}", init.tracks, init.video_track)),
        codecs: codecs(&init.tracks).unwrap_or_default(),
    }
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
    hex(&Sha256::digest(text)[..8])
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
