//! Writes the durations of pictures into a cluster. Some players don't wait for the next picture to
//! know how long one is shown: they assume a moment, and show gaps where the screen stood still.

use crate::webm::ebml::{EbmlReader, Element, id};
use crate::webm::read::{read_block, read_block_group};
use crate::webm::{Block, Track, WebmError, cluster};

/// Gives each picture of a cluster the time until the next one as its duration, and the last one the
/// time until `end_ms`, which is when the next segment's first picture is shown, if there is one.
/// Nothing else changes.
pub fn with_durations(bytes: &[u8], end_ms: Option<u64>) -> Result<Vec<u8>, WebmError> {
    let mut blocks = blocks(bytes)?;
    let mut next_ms = end_ms;
    for block in blocks.iter_mut().rev().filter(|block| block.track == Track::Video) {
        let shown_ms = next_ms.and_then(|next: u64| next.checked_sub(block.time_ms));
        block.duration_ms = shown_ms.or(block.duration_ms);
        next_ms = Some(block.time_ms);
    }
    cluster(&blocks)
}

/// Returns the blocks of a cluster whose video is track 1 and whose sound is track 2, as in all files by Snaplark.
pub fn blocks(bytes: &[u8]) -> Result<Vec<Block>, WebmError> {
    let element = EbmlReader::new(bytes).next()?.filter(|element| element.id == id::CLUSTER);
    let mut children = element.ok_or(WebmError::NotWebm)?.children();
    let mut start_ms = None;
    let mut blocks = Vec::new();
    while let Some(child) = children.next()? {
        let (head, data) = match child.id {
            id::TIMESTAMP => {
                start_ms = Some(child.uint()?);
                continue;
            }
            id::SIMPLE_BLOCK => (read_block(&child, child.data)?, child.data),
            id::BLOCK_GROUP => (read_block_group(&child)?, data_of_group(&child)?),
            _ => continue,
        };
        let is_its = |track: &Track| u64::from(track.number()) == head.track;
        let track = [Track::Video, Track::Audio].into_iter().find(is_its);
        let time_ms =
            start_ms.and_then(|start: u64| start.checked_add_signed(i64::from(head.relative_ms)));
        blocks.push(Block {
            track: track.ok_or_else(|| child.malformed("a block of no track"))?,
            time_ms: time_ms.ok_or_else(|| child.malformed("a block without a time"))?,
            keyframe: head.keyframe,
            duration_ms: head.duration_ms,
            data: data[head.bytes..].to_vec(),
        });
    }
    Ok(blocks)
}

fn data_of_group<'a>(group: &Element<'a>) -> Result<&'a [u8], WebmError> {
    let mut children = group.children();
    while let Some(child) = children.next()? {
        if child.id == id::BLOCK {
            return Ok(child.data);
        }
    }
    Err(group.malformed("a block group without a block"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webm::index;

    fn block(track: Track, time_ms: u64, duration_ms: Option<u64>) -> Block {
        let keyframe = track == Track::Audio || time_ms == 4_000;
        Block { track, time_ms, keyframe, duration_ms, data: vec![time_ms as u8; 40] }
    }

    #[test]
    fn with_durations_extends_each_picture_to_the_next() {
        let video = |time_ms, duration_ms| block(Track::Video, time_ms, duration_ms);
        let sound = || [4_000, 4_020, 4_700].map(|time_ms| block(Track::Audio, time_ms, None));
        let told = |durations: [Option<u64>; 3]| {
            let [first, second, third] = durations;
            let pictures = [video(4_000, first), video(4_500, second), video(4_517, third)];
            cluster(&[&pictures[..], &sound()].concat()).unwrap()
        };
        let before = told([None, None, Some(1_483)]);
        let after = with_durations(&before, None).unwrap();
        assert_eq!(after, told([Some(500), Some(17), Some(1_483)]));
        assert_eq!(with_durations(&after, None).unwrap(), after);
        let span = |bytes: &[u8]| {
            let [cluster] = index(bytes).unwrap().clusters[..] else { panic!() };
            (cluster.start_ms, cluster.end_ms, cluster.starts_with_keyframe, cluster.video_frames)
        };
        assert_eq!(span(&after), span(&before));
    }

    #[test]
    fn with_durations_extends_the_last_picture_to_the_next_segment() {
        let still = cluster(&[block(Track::Video, 4_000, Some(33))]).unwrap();
        let filled = with_durations(&still, Some(6_000)).unwrap();
        let whole = cluster(&[block(Track::Video, 4_000, Some(2_000))]).unwrap();
        assert_eq!(filled, whole);
        // A next segment that begins earlier, as a damaged one may claim, changes nothing.
        assert_eq!(with_durations(&still, Some(3_000)).unwrap(), still);
    }

    #[test]
    fn with_durations_refuses_bytes_that_are_no_cluster() {
        let whole = cluster(&[block(Track::Video, 4_000, None)]).unwrap();
        for bytes in [&b""[..], &[0xEC, 0x80], &whole[..whole.len() - 1]] {
            assert!(with_durations(bytes, None).is_err());
        }
    }
}
