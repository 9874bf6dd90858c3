//! Moves a cluster to another time: a recording may begin at a later moment than its capture did.

use crate::webm::WebmError;
use crate::webm::ebml::{EbmlReader, EbmlWriter, id};

/// The length of a cluster's id, and of the header of its time: an id and a size of one byte each.
const IDS_BYTES: u64 = 4 + 2;

/// Returns the length of a cluster's head, which is its header and its time, if the time comes first, as
/// all muxers write it. What follows the head is the same at every time.
pub fn cluster_head_bytes(cluster: &[u8]) -> Option<u64> {
    let element = EbmlReader::new(cluster).next().ok()??;
    let time = element.children().next().ok()??;
    let is_head = element.id == id::CLUSTER && element.sized && time.id == id::TIMESTAMP;
    is_head.then_some(time.end() as u64)
}

/// Returns the head of a cluster of another time, which `rest_bytes` follow. It has `head_bytes`, as the
/// head that it replaces, if the time has room in it; an earlier time always has.
pub fn moved_cluster_head(head_bytes: u64, rest_bytes: u64, start_ms: u64) -> Vec<u8> {
    let of_widths = |size_bytes: u64, time_bytes: u64| {
        let is_wide = |bytes: u64, value: u64| bytes == 8 || value < 1 << (8 * bytes);
        let data_bytes = 2 + time_bytes + rest_bytes;
        let fits = is_wide(time_bytes, start_ms) && data_bytes < (1 << (7 * size_bytes)) - 1;
        fits.then(|| {
            let mut head = EbmlWriter::default();
            head.id(id::CLUSTER);
            let size = (data_bytes | 1 << (7 * size_bytes)).to_be_bytes();
            head.0.extend_from_slice(&size[8 - size_bytes as usize..]);
            head.bytes(id::TIMESTAMP, &start_ms.to_be_bytes()[8 - time_bytes as usize..]);
            head.0
        })
    };
    let same_length = (1..=8_u64).rev().find_map(|size_bytes| {
        let time_bytes = head_bytes.checked_sub(IDS_BYTES + size_bytes)?;
        if (1..=8).contains(&time_bytes) { of_widths(size_bytes, time_bytes) } else { None }
    });
    same_length.or_else(|| of_widths(8, 8)).unwrap_or_default()
}

/// Returns a cluster at another time. It is as long as before if the time has room in it, as an earlier one always has.
/// Returns `None` if the cluster doesn't begin with its time.
pub fn moved(cluster: &[u8], start_ms: u64) -> Option<Vec<u8>> {
    let head_bytes = cluster_head_bytes(cluster)?;
    let rest = cluster.get(usize::try_from(head_bytes).ok()?..)?;
    let head = moved_cluster_head(head_bytes, rest.len() as u64, start_ms);
    Some([head.as_slice(), rest].concat())
}

/// Sets the cluster's start. All blocks move with it, since their times are relative to the cluster's.
/// No length changes: the number keeps its width, so a later time may not fit, but an earlier one
/// always does.
pub fn retime(cluster: &mut [u8], start_ms: u64) -> Result<(), WebmError> {
    let place = {
        let element = EbmlReader::new(cluster).next()?.ok_or(WebmError::NotWebm)?;
        if element.id != id::CLUSTER {
            return Err(WebmError::NotWebm);
        }
        let mut children = element.children();
        let time = loop {
            match children.next()? {
                Some(child) if child.id == id::TIMESTAMP => break child,
                Some(_) => {}
                None => return Err(element.malformed("a cluster without a time")),
            }
        };
        let width = time.data.len().min(8);
        if width < 8 && start_ms >> (8 * width) > 0 {
            return Err(time.malformed("no room for a later time"));
        }
        time.end() - width..time.end()
    };
    let bytes = start_ms.to_be_bytes();
    let width = place.len();
    cluster[place].copy_from_slice(&bytes[bytes.len() - width..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webm::{Block, Track, cluster, index};

    fn at(start_ms: u64) -> Vec<u8> {
        let block = |time_ms, keyframe| Block {
            track: Track::Video,
            time_ms,
            keyframe,
            duration_ms: (!keyframe).then_some(40),
            data: vec![7; 30],
        };
        cluster(&[block(start_ms, true), block(start_ms + 1_960, false)]).unwrap()
    }

    #[test]
    fn retime_moves_all_blocks_and_keeps_the_length() {
        for (from_ms, to_ms) in [(70_000, 0), (70_000, 69_999), (1, 0), (3_600_000, 2_000), (5, 5)]
        {
            let before = at(from_ms);
            let mut after = before.clone();
            retime(&mut after, to_ms).unwrap();
            assert_eq!(after.len(), before.len());
            let [moved] = index(&after).unwrap().clusters[..] else { panic!() };
            assert_eq!((moved.start_ms, moved.end_ms), (to_ms, to_ms + 2_000));
        }
    }

    #[test]
    fn head_of_another_time_makes_the_same_cluster_at_that_time() {
        let times = [(70_000, 0), (70_000, 69_999), (3_600_000, 2_000), (5, 5), (200, 255)];
        for (from_ms, to_ms) in times.into_iter().chain([(200, 256), (0, u64::from(u32::MAX))]) {
            let before = at(from_ms);
            let head = cluster_head_bytes(&before).unwrap();
            let rest = &before[head as usize..];
            let moved_head = moved_cluster_head(head, rest.len() as u64, to_ms);
            let has_room = to_ms <= from_ms || to_ms < 256;
            assert_eq!(moved_head.len() as u64 == head, has_room, "{from_ms} to {to_ms}");
            let after = [&moved_head, rest].concat();
            let [moved] = index(&after).unwrap().clusters[..] else { panic!() };
            assert_eq!((moved.start_ms, moved.end_ms), (to_ms, to_ms + 2_000));
            assert_eq!(moved.size as usize, after.len());
        }
        // A head of each width of its size.
        for size_bytes in 1..=8_u64 {
            let head = moved_cluster_head(4 + size_bytes + 2 + 3, 60, 1_000);
            assert_eq!(head.len() as u64, 4 + size_bytes + 2 + 3);
        }
        // A checksum before the time.
        assert_eq!(cluster_head_bytes(&[0x1F, 0x43, 0xB6, 0x75, 0x82, 0xEC, 0x80]), None);
        assert_eq!(cluster_head_bytes(b""), None);
    }

    #[test]
    fn retime_refuses_bytes_without_room_and_leaves_them() {
        let mut early = at(200);
        let before = early.clone();
        assert!(matches!(retime(&mut early, 256), Err(WebmError::Malformed { .. })));
        assert_eq!(early, before);
        assert_eq!(retime(&mut [], 0), Err(WebmError::NotWebm));
        assert_eq!(retime(&mut [0xEC, 0x80], 0), Err(WebmError::NotWebm));
        let torn = &mut at(200)[..40].to_vec();
        assert!(matches!(retime(torn, 0), Err(WebmError::Truncated { .. })));
    }
}
