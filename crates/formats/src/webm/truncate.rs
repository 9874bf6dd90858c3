//! Cuts off the end of a cluster.

use crate::webm::{Block, Track, WebmError, blocks, cluster};

/// The length of a packet of sound in recordings by Snaplark.
const PACKET_MS: u64 = 20;

/// Returns the cluster without what comes after that time. Any picture but the first may be left out, since each
/// depends on those before it alone. The last picture that stays is shown until `end_ms`; packets of sound stay
/// that end by then. Void elements, which have no time, are left out.
pub fn truncate(bytes: &[u8], end_ms: u64) -> Result<Vec<u8>, WebmError> {
    let stays = |block: &Block| match block.track {
        Track::Video => block.time_ms < end_ms,
        Track::Audio => block.time_ms + PACKET_MS <= end_ms,
    };
    let mut kept = blocks(bytes)?;
    kept.retain(stays);
    let is_picture = |block: &&mut Block| block.track == Track::Video;
    let last = kept.iter_mut().rev().find(is_picture).ok_or(WebmError::ClusterEmpty)?;
    last.duration_ms = Some(end_ms - last.time_ms);
    cluster(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webm::index;

    fn block(track: Track, time_ms: u64, keyframe: bool) -> Block {
        let duration_ms = (time_ms == 4_160).then_some(40);
        Block { track, time_ms, keyframe, duration_ms, data: vec![time_ms as u8; 5] }
    }

    fn whole() -> Vec<u8> {
        let pictures = [4_000, 4_040, 4_120, 4_160].map(|ms| block(Track::Video, ms, ms == 4_000));
        let sound = (4_000..4_200).step_by(20).map(|ms| block(Track::Audio, ms, true));
        cluster(&pictures.into_iter().chain(sound).collect::<Vec<_>>()).unwrap()
    }

    fn times(bytes: &[u8], track: Track) -> Vec<u64> {
        let blocks = blocks(bytes).unwrap();
        blocks.iter().filter(|block| block.track == track).map(|block| block.time_ms).collect()
    }

    #[test]
    fn truncate_keeps_whole_pictures_and_packets_before_the_end() {
        for (end_ms, pictures, packets) in [
            (4_001, &[4_000][..], 0),
            (4_040, &[4_000], 2),
            (4_100, &[4_000, 4_040], 5),
            (4_121, &[4_000, 4_040, 4_120], 6),
            (4_200, &[4_000, 4_040, 4_120, 4_160], 10),
        ] {
            let kept = truncate(&whole(), end_ms).unwrap();
            assert_eq!(times(&kept, Track::Video), pictures, "{end_ms}");
            assert_eq!(times(&kept, Track::Audio).len(), packets, "{end_ms}");
            let [part] = index(&kept).unwrap().clusters[..] else { panic!() };
            assert_eq!((part.start_ms, part.end_ms), (4_000, end_ms));
            assert!(part.starts_with_keyframe);
        }
    }

    #[test]
    fn truncate_of_all_is_refused() {
        assert_eq!(truncate(&whole(), 4_000), Err(WebmError::ClusterEmpty));
        assert!(truncate(&whole()[..30], 4_100).is_err());
    }
}
