//! Encoded frames in, segments out. Pure.

use snaplark_webm::{Block, Track, WebmError, cluster};

use crate::policy::SEGMENT_MS_MIN;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    pub time_ms: u64,
    pub keyframe: bool,
    pub data: Vec<u8>,
}

/// One whole cluster, which begins with a keyframe and tells its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub index: u32,
    pub start_ms: u64,
    pub duration_ms: u64,
    pub frames: u64,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub struct Segmenter {
    open: Vec<Block>,
    next_index: u32,
}

impl Segmenter {
    /// The segment before, if this frame begins a new one. Frames before the first keyframe can't
    /// be decoded and are passed over.
    pub fn push(&mut self, frame: EncodedFrame) -> Result<Option<Segment>, WebmError> {
        let Some(first) = self.open.first() else {
            if frame.keyframe {
                self.open.push(block(frame));
            }
            return Ok(None);
        };
        // An encoder may make keyframes that nobody asked for.
        let begins = frame.keyframe && frame.time_ms >= first.time_ms + SEGMENT_MS_MIN;
        let sealed = if begins { self.seal(frame.time_ms)? } else { None };
        self.open.push(block(frame));
        Ok(sealed)
    }

    /// What is open, up to the moment when the recording stopped.
    pub fn finish(&mut self, stop_ms: u64) -> Result<Option<Segment>, WebmError> {
        self.seal(stop_ms)
    }

    fn seal(&mut self, end_ms: u64) -> Result<Option<Segment>, WebmError> {
        let (Some(first), Some(last)) = (self.open.first(), self.open.last()) else {
            return Ok(None);
        };
        let start_ms = first.time_ms;
        // The last frame is shown for a moment even when the stop came with it.
        let end_ms = end_ms.max(last.time_ms + 1);
        let last_ms = last.time_ms;
        if let Some(last) = self.open.last_mut() {
            last.duration_ms = Some(end_ms - last_ms);
        }
        let blocks = std::mem::take(&mut self.open);
        let bytes = cluster(&blocks)?;
        let index = self.next_index;
        self.next_index += 1;
        let duration_ms = end_ms - start_ms;
        Ok(Some(Segment { index, start_ms, duration_ms, frames: blocks.len() as u64, bytes }))
    }
}

fn block(frame: EncodedFrame) -> Block {
    Block {
        track: Track::Video,
        time_ms: frame.time_ms,
        keyframe: frame.keyframe,
        duration_ms: None,
        data: frame.data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(time_ms: u64, keyframe: bool) -> EncodedFrame {
        EncodedFrame { time_ms, keyframe, data: vec![1, 2, 3] }
    }

    fn segments(frames: &[(u64, bool)], stop_ms: u64) -> Vec<Segment> {
        let mut segmenter = Segmenter::default();
        let mut segments: Vec<Segment> = frames
            .iter()
            .filter_map(|(time_ms, keyframe)| segmenter.push(frame(*time_ms, *keyframe)).unwrap())
            .collect();
        segments.extend(segmenter.finish(stop_ms).unwrap());
        segments
    }

    #[test]
    fn segments_join_without_a_gap_and_reach_to_the_stop() {
        let frames =
            [(0, true), (40, false), (1_990, false), (2_010, true), (2_500, false), (4_000, true)];
        let segments = segments(&frames, 4_321);
        let spans: Vec<_> = segments.iter().map(|s| (s.index, s.start_ms, s.duration_ms)).collect();
        assert_eq!(spans, [(0, 0, 2_010), (1, 2_010, 1_990), (2, 4_000, 321)]);
        assert_eq!(segments.iter().map(|s| s.frames).sum::<u64>(), 6);
        for segment in &segments {
            let part = snaplark_webm::index(&segment.bytes).unwrap();
            let [cluster] = part.clusters[..] else { panic!("not one cluster: {part:?}") };
            assert!(cluster.starts_with_keyframe);
            assert_eq!(cluster.start_ms, segment.start_ms);
            assert_eq!(cluster.end_ms, segment.start_ms + segment.duration_ms);
            assert_eq!(u64::from(cluster.video_frames), segment.frames);
            assert_eq!(cluster.size, segment.bytes.len() as u64);
        }
    }

    #[test]
    fn a_stop_at_the_first_frame_still_gives_a_segment() {
        let segments = segments(&[(0, true)], 0);
        assert_eq!(segments.len(), 1);
        assert_eq!(segments[0].duration_ms, 1);
        assert!(Segmenter::default().finish(50).unwrap().is_none());
    }

    #[test]
    fn frames_before_the_first_keyframe_are_passed_over() {
        let segments = segments(&[(0, false), (33, false), (66, true)], 100);
        assert_eq!((segments[0].start_ms, segments[0].frames), (66, 1));
    }

    #[test]
    fn an_unasked_keyframe_begins_nothing() {
        let segments = segments(&[(0, true), (700, true), (2_000, true)], 2_100);
        assert_eq!(segments.iter().map(|s| s.frames).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn an_encoder_without_keyframes_is_an_error_not_a_broken_file() {
        let mut segmenter = Segmenter::default();
        segmenter.push(frame(0, true)).unwrap();
        segmenter.push(frame(40_000, false)).unwrap();
        assert_eq!(segmenter.finish(40_000), Err(WebmError::ClusterTooLong(40_000)));
    }
}
