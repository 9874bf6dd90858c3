//! Moves a cluster to another time: a recording may begin at a later moment than its capture did.

use crate::WebmError;
use crate::ebml::{Reader, id};

/// Sets the cluster's start. All blocks move with it, since their times are relative to the cluster's.
/// No length changes: the number keeps its width, so a later time may not fit, but an earlier one
/// always does.
pub fn retime(cluster: &mut [u8], start_ms: u64) -> Result<(), WebmError> {
    let place = {
        let element = Reader::new(cluster).next()?.ok_or(WebmError::NotWebm)?;
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
    use crate::{Block, Track, cluster, index};

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
    fn a_cluster_is_moved_with_all_its_blocks_and_keeps_its_length() {
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
    fn what_has_no_room_or_is_no_cluster_is_refused_untouched() {
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
