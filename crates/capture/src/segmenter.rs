//! Groups encoded frames and sound packets into segments. Pure.
//!
//! The pictures determine where a segment ends; the segment is complete once its sound has arrived as
//! well. Sound may arrive earlier or later than the pictures. It is assigned by its time, to the
//! segment in which it begins. Sound from before the first picture, or that arrives after its segment
//! was sealed, is left out.

use std::collections::VecDeque;

use snaplark_webm::{Block, Track, WebmError, cluster};

use crate::policy::{SEGMENT_SOUND_MS_MAX, SOUND_PACKETS_MAX};
use crate::sound::BLOCK_MS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    pub time_ms: u64,
    pub keyframe: bool,
    /// A keyframe that begins a segment.
    pub begins: bool,
    pub data: Vec<u8>,
}

/// One complete cluster, which begins with a keyframe and states its own end.
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
    /// The segment whose pictures are complete and whose sound is not.
    closing: Option<Closing>,
    /// Up to when sound has arrived. `None` if there is no sound, or no more of it.
    sound_until_ms: Option<u64>,
    /// The sound of segments that are not sealed yet.
    sound: VecDeque<Block>,
    sealed_ms: u64,
    next_index: u32,
}

#[derive(Debug)]
struct Closing {
    frames: Vec<Block>,
    start_ms: u64,
    end_ms: u64,
}

impl Segmenter {
    pub fn with_sound() -> Self {
        Segmenter { sound_until_ms: Some(0), ..Segmenter::default() }
    }

    /// Adds a frame. Returns a segment if one is now complete. Frames before the first keyframe can't
    /// be decoded and are skipped.
    pub fn push(&mut self, frame: EncodedFrame) -> Result<Option<Segment>, WebmError> {
        if self.open.is_empty() {
            if frame.keyframe {
                self.open.push(picture(frame));
            }
            return Ok(None);
        }
        let whole = if frame.begins { self.cut(frame.time_ms)? } else { None };
        self.open.push(picture(frame));
        Ok(whole)
    }

    /// Ends the open segment at that time, without a frame that begins the next one. Returns a segment
    /// if one is now complete.
    pub fn cut(&mut self, end_ms: u64) -> Result<Option<Segment>, WebmError> {
        // At most one segment waits for its sound.
        match self.close(end_ms)? {
            Some(late) => Ok(Some(late)),
            None => self.take_whole(),
        }
    }

    /// Returns the time up to which all segments are sealed.
    pub fn sealed_ms(&self) -> u64 {
        self.sealed_ms
    }

    /// Returns the time of the last frame of the open segment.
    pub fn last_ms(&self) -> Option<u64> {
        self.open.last().map(|frame| frame.time_ms)
    }

    /// Adds a packet of sound. Returns a segment if one is now complete.
    pub fn push_sound(
        &mut self,
        time_ms: u64,
        data: Vec<u8>,
    ) -> Result<Option<Segment>, WebmError> {
        self.sound_until_ms = self.sound_until_ms.map(|_| time_ms + BLOCK_MS);
        if time_ms >= self.sealed_ms {
            let track = Track::Audio;
            self.sound.push_back(Block { track, time_ms, keyframe: true, duration_ms: None, data });
        }
        // The limit is reached when no pictures come for minutes.
        if self.sound.len() > SOUND_PACKETS_MAX {
            self.sound.pop_front();
        }
        self.take_whole()
    }

    /// Stops waiting for sound. Returns a segment if one is now complete.
    pub fn end_sound(&mut self) -> Result<Option<Segment>, WebmError> {
        self.sound_until_ms = None;
        self.take_whole()
    }

    /// Returns whether a segment's pictures are complete and its sound is not.
    pub fn waits_for_sound(&self) -> bool {
        self.closing.is_some()
    }

    /// Seals the waiting segment with the sound that has arrived.
    pub fn seal_waiting(&mut self) -> Result<Option<Segment>, WebmError> {
        self.closing.take().map(|closing| self.seal(closing)).transpose()
    }

    /// Seals what is left when the recording stops: the waiting segment, and the open one, which ends
    /// at `stop_ms`.
    pub fn finish(&mut self, stop_ms: u64) -> Result<[Option<Segment>; 2], WebmError> {
        Ok([self.close(stop_ms)?, self.seal_waiting()?])
    }

    /// Ends the open segment at that time. Returns the segment that was still waiting for sound.
    fn close(&mut self, end_ms: u64) -> Result<Option<Segment>, WebmError> {
        let waiting = self.seal_waiting()?;
        let (Some(first), Some(last)) = (self.open.first(), self.open.last()) else {
            return Ok(waiting);
        };
        let (start_ms, last_ms) = (first.time_ms, last.time_ms);
        // The last frame is shown for at least a millisecond, even if the stop came with it.
        let end_ms = end_ms.max(last_ms + 1);
        if let Some(last) = self.open.last_mut() {
            last.duration_ms = Some(end_ms - last_ms);
        }
        let frames = std::mem::take(&mut self.open);
        self.closing = Some(Closing { frames, start_ms, end_ms });
        Ok(waiting)
    }

    fn take_whole(&mut self) -> Result<Option<Segment>, WebmError> {
        let end_ms = self.closing.as_ref().map(|closing| closing.end_ms);
        match (end_ms, self.sound_until_ms) {
            (Some(end_ms), Some(until_ms)) if until_ms < end_ms => Ok(None),
            (Some(_), _) => self.seal_waiting(),
            (None, _) => Ok(None),
        }
    }

    fn seal(&mut self, closing: Closing) -> Result<Segment, WebmError> {
        let Closing { frames: mut blocks, start_ms, end_ms } = closing;
        let frames = blocks.len() as u64;
        let last_ms = end_ms.min(start_ms + SEGMENT_SOUND_MS_MAX);
        while let Some(packet) = self.sound.pop_front_if(|packet| packet.time_ms < end_ms) {
            if (start_ms..last_ms).contains(&packet.time_ms) {
                blocks.push(packet);
            }
        }
        let bytes = cluster(&blocks)?;
        let index = self.next_index;
        self.next_index += 1;
        self.sealed_ms = end_ms;
        Ok(Segment { index, start_ms, duration_ms: end_ms - start_ms, frames, bytes })
    }
}

fn picture(frame: EncodedFrame) -> Block {
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
        EncodedFrame { time_ms, keyframe, begins: keyframe, data: vec![1, 2, 3] }
    }

    fn segments(frames: &[(u64, bool)], stop_ms: u64) -> Vec<Segment> {
        let mut segmenter = Segmenter::default();
        let mut segments: Vec<Segment> = frames
            .iter()
            .filter_map(|(time_ms, keyframe)| segmenter.push(frame(*time_ms, *keyframe)).unwrap())
            .collect();
        segments.extend(segmenter.finish(stop_ms).unwrap().into_iter().flatten());
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
        assert_eq!(Segmenter::default().finish(50).unwrap(), [None, None]);
    }

    #[test]
    fn frames_before_the_first_keyframe_are_passed_over() {
        let segments = segments(&[(0, false), (33, false), (66, true)], 100);
        assert_eq!((segments[0].start_ms, segments[0].frames), (66, 1));
    }

    #[test]
    fn an_unasked_keyframe_begins_nothing() {
        let mut segmenter = Segmenter::default();
        assert_eq!(segmenter.push(frame(0, true)).unwrap(), None);
        let unasked = EncodedFrame { begins: false, ..frame(700, true) };
        assert_eq!(segmenter.push(unasked).unwrap(), None);
        assert_eq!(segmenter.push(frame(2_000, true)).unwrap().unwrap().frames, 2);
    }

    #[test]
    fn a_pause_ends_a_segment_and_the_next_begins_where_it_ended() {
        let mut segmenter = Segmenter::with_sound();
        segmenter.push(frame(0, true)).unwrap();
        for time_ms in (0..300).step_by(20) {
            packet(&mut segmenter, time_ms);
        }
        assert_eq!(segmenter.cut(320).unwrap(), None);
        let first = packet(&mut segmenter, 300).unwrap();
        assert_eq!((first.duration_ms, packets(&first)), (320, 16));
        // No segment is open, so another cut changes nothing.
        assert_eq!(segmenter.cut(320).unwrap(), None);
        segmenter.push(frame(320, true)).unwrap();
        let second = segmenter.finish(400).unwrap()[1].clone().unwrap();
        assert_eq!((second.index, second.start_ms, second.duration_ms), (1, 320, 80));
    }

    #[test]
    fn an_encoder_without_keyframes_is_an_error_not_a_broken_file() {
        let mut segmenter = Segmenter::default();
        segmenter.push(frame(0, true)).unwrap();
        segmenter.push(frame(40_000, false)).unwrap();
        assert_eq!(segmenter.finish(40_000), Err(WebmError::ClusterTooLong(40_000)));
    }

    /// Returns how many sound packets the segment's cluster holds.
    fn packets(segment: &Segment) -> usize {
        // A SimpleBlock of 3 bytes on the audio track with the keyframe flag.
        let blocks = segment.bytes.windows(3).filter(|bytes| *bytes == [0xA3, 0x87, 0x82]);
        blocks.count()
    }

    fn packet(segmenter: &mut Segmenter, time_ms: u64) -> Option<Segment> {
        segmenter.push_sound(time_ms, vec![9; 3]).unwrap()
    }

    #[test]
    fn a_segment_is_whole_when_its_sound_is_there() {
        let mut segmenter = Segmenter::with_sound();
        segmenter.push(frame(10, true)).unwrap();
        for time_ms in (0..1_900).step_by(20) {
            assert_eq!(packet(&mut segmenter, time_ms), None);
        }
        assert_eq!(segmenter.push(frame(2_003, true)).unwrap(), None);
        assert!(segmenter.waits_for_sound());
        let sealed = (1_900..).step_by(20).find_map(|ms| packet(&mut segmenter, ms)).unwrap();
        // The packet of 0 ms was before the first picture; that of 2,000 ms begins in this one.
        assert_eq!((sealed.start_ms, sealed.duration_ms, packets(&sealed)), (10, 1_993, 100));
        // The sound ended without another packet.
        let [None, Some(last)] = segmenter.finish(2_500).unwrap() else { panic!() };
        assert_eq!((last.start_ms, last.duration_ms, packets(&last)), (2_003, 497, 0));
    }

    #[test]
    fn sound_that_comes_first_waits_for_its_pictures() {
        let mut segmenter = Segmenter::with_sound();
        for time_ms in (0..4_400).step_by(20) {
            assert_eq!(packet(&mut segmenter, time_ms), None);
        }
        segmenter.push(frame(0, true)).unwrap();
        let first = segmenter.push(frame(2_000, true)).unwrap().unwrap();
        let second = segmenter.push(frame(4_000, true)).unwrap().unwrap();
        assert_eq!([packets(&first), packets(&second)], [100, 100]);
        assert_eq!(packets(segmenter.finish(4_400).unwrap()[1].as_ref().unwrap()), 20);
    }

    #[test]
    fn sound_holds_no_segment_back_for_ever() {
        let mut segmenter = Segmenter::with_sound();
        for time_ms in [0, 2_000, 4_000] {
            let before = segmenter.push(frame(time_ms, true)).unwrap();
            // The previous segment is sealed without its sound when the next one closes.
            assert_eq!(before.is_some(), time_ms == 4_000);
        }
        let second = segmenter.seal_waiting().unwrap().unwrap();
        assert_eq!((second.start_ms, packets(&second)), (2_000, 0));
        // This packet is too late.
        assert_eq!(packet(&mut segmenter, 3_000), None);
        assert_eq!(segmenter.end_sound().unwrap(), None);
        let third = segmenter.push(frame(6_000, true)).unwrap().unwrap();
        assert_eq!(packets(&third), 0);
    }

    #[test]
    fn a_display_that_hangs_for_a_minute_does_not_make_its_sound_unwritable() {
        let mut segmenter = Segmenter::with_sound();
        segmenter.push(frame(0, true)).unwrap();
        for time_ms in (0..60_000).step_by(20) {
            assert_eq!(packet(&mut segmenter, time_ms), None);
        }
        let long = segmenter.push(frame(60_000, true)).unwrap().unwrap();
        assert_eq!((long.duration_ms, packets(&long)), (60_000, 1_500));
    }
}
