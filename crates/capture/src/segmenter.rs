//! Groups encoded frames and sound packets into segments. Pure.
//!
//! The pictures determine where a segment ends; the segment is complete once its sound has arrived as
//! well. Sound may arrive earlier or later than the pictures. It is assigned by its time, to the
//! segment in which it begins. Sound from before the first picture, or that arrives after its segment
//! was sealed, is left out.

use std::collections::VecDeque;

use snaplark_formats::webm::{Block, Track, WebmError, cluster};

use crate::policy::{SEGMENT_SOUND_MS_MAX, SOUND_PACKETS_MAX};
use crate::sound::BLOCK_MS;

/// Times are whole milliseconds, so a picture of 33.3 ms may last 33 or 34, and one grabbed a little late
/// 32.
const ROUNDING_MS: u64 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncodedFrame {
    pub time_ms: u64,
    pub keyframe: bool,
    /// A keyframe that begins a segment.
    pub begins_segment: bool,
    pub data: Vec<u8>,
}

/// One complete cluster, which begins with a keyframe and states its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncodedSegment {
    pub index: u32,
    pub start_ms: u64,
    pub duration_ms: u64,
    pub frames: u64,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Segmenter {
    /// How long a picture usually lasts, as the init states it.
    usual_ms: u64,
    open: Vec<Block>,
    /// The segment whose pictures are complete and whose sound is not.
    closing: Option<ClosingSegment>,
    /// Up to when sound has arrived. `None` if there is no sound, or no more of it.
    sound_until_ms: Option<u64>,
    /// The sound of segments that are not sealed yet.
    sound: VecDeque<Block>,
    sealed_ms: u64,
    next_index: u32,
}

#[derive(Debug)]
struct ClosingSegment {
    frames: Vec<Block>,
    start_ms: u64,
    end_ms: u64,
}

impl Segmenter {
    /// Creates a segmenter for pictures of that frame rate.
    pub(crate) fn new(fps: u32, has_sound: bool) -> Self {
        let fps = u64::from(fps.max(1));
        let usual_ms = (1_000 + fps / 2) / fps;
        Segmenter { usual_ms, sound_until_ms: has_sound.then_some(0), ..Segmenter::default() }
    }

    /// Adds a frame. Returns a segment if one is now complete. Frames before the first keyframe can't
    /// be decoded and are skipped.
    pub(crate) fn push(
        &mut self,
        frame: EncodedFrame,
    ) -> Result<Option<EncodedSegment>, WebmError> {
        if self.open.is_empty() {
            if frame.keyframe {
                self.open.push(picture(frame));
            }
            return Ok(None);
        }
        let whole = if frame.begins_segment { self.cut(frame.time_ms)? } else { None };
        self.open.push(picture(frame));
        Ok(whole)
    }

    /// Ends the open segment at that time, without a frame that begins the next one. Returns a segment
    /// if one is now complete.
    pub(crate) fn cut(&mut self, end_ms: u64) -> Result<Option<EncodedSegment>, WebmError> {
        // At most one segment waits for its sound.
        match self.close(end_ms)? {
            Some(late) => Ok(Some(late)),
            None => self.take_whole(),
        }
    }

    /// Drops everything from `from_ms` until `until_ms`, when the next frame comes. Seals the segments whose begin
    /// is before that and that are not sealed yet, cut off at `from_ms`.
    pub(crate) fn strike(
        &mut self,
        from_ms: u64,
        until_ms: u64,
    ) -> Result<[Option<EncodedSegment>; 2], WebmError> {
        self.open.retain(|frame| frame.time_ms < from_ms);
        self.sound.retain(|packet| packet.time_ms < from_ms || packet.time_ms >= until_ms);
        let closing = self.closing.take().filter(|closing| closing.start_ms < from_ms);
        let closing = closing.map(|mut closing| {
            closing.frames.retain(|frame| frame.time_ms < from_ms);
            closing.end_ms = closing.end_ms.min(from_ms);
            self.set_durations(&mut closing.frames, closing.end_ms);
            closing
        });
        self.closing = closing;
        let sealed = self.finish(from_ms)?;
        // Sound of the struck time that arrives later is left out.
        self.sealed_ms = until_ms;
        self.sound.retain(|packet| packet.time_ms >= until_ms);
        Ok(sealed)
    }

    /// Returns the index of the next segment.
    pub(crate) fn next_index(&self) -> u32 {
        self.next_index
    }

    /// Returns the time up to which all segments are sealed.
    pub(crate) fn sealed_ms(&self) -> u64 {
        self.sealed_ms
    }

    /// Returns the time of the last frame of the open segment.
    pub(crate) fn last_ms(&self) -> Option<u64> {
        self.open.last().map(|frame| frame.time_ms)
    }

    /// Adds a packet of sound. Returns a segment if one is now complete.
    pub(crate) fn push_sound(
        &mut self,
        time_ms: u64,
        data: Vec<u8>,
    ) -> Result<Option<EncodedSegment>, WebmError> {
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
    pub(crate) fn end_sound(&mut self) -> Result<Option<EncodedSegment>, WebmError> {
        self.sound_until_ms = None;
        self.take_whole()
    }

    /// Returns whether a segment's pictures are complete and its sound is not.
    pub(crate) fn waits_for_sound(&self) -> bool {
        self.closing.is_some()
    }

    /// Seals the waiting segment with the sound that has arrived.
    pub(crate) fn seal_waiting(&mut self) -> Result<Option<EncodedSegment>, WebmError> {
        self.closing.take().map(|closing| self.seal(closing)).transpose()
    }

    /// Seals what is left when the recording stops: the waiting segment, and the open one, which ends
    /// at `stop_ms`.
    pub(crate) fn finish(
        &mut self,
        stop_ms: u64,
    ) -> Result<[Option<EncodedSegment>; 2], WebmError> {
        Ok([self.close(stop_ms)?, self.seal_waiting()?])
    }

    /// Ends the open segment at that time. Returns the segment that was still waiting for sound.
    fn close(&mut self, end_ms: u64) -> Result<Option<EncodedSegment>, WebmError> {
        let waiting = self.seal_waiting()?;
        let (Some(first), Some(last)) = (self.open.first(), self.open.last()) else {
            return Ok(waiting);
        };
        let (start_ms, last_ms) = (first.time_ms, last.time_ms);
        // The last frame is shown for at least a millisecond, even if the stop came with it.
        let end_ms = end_ms.max(last_ms + 1);
        let mut frames = std::mem::take(&mut self.open);
        self.set_durations(&mut frames, end_ms);
        self.closing = Some(ClosingSegment { frames, start_ms, end_ms });
        Ok(waiting)
    }

    /// States how long each picture lasts that does not last about as long as usual, and the last one,
    /// with which the cluster states its own end.
    fn set_durations(&self, frames: &mut [Block], end_ms: u64) {
        let mut next_ms = end_ms;
        for (n, frame) in frames.iter_mut().rev().enumerate() {
            let duration_ms = next_ms.saturating_sub(frame.time_ms);
            let is_usual = duration_ms.abs_diff(self.usual_ms) <= ROUNDING_MS;
            frame.duration_ms = (n == 0 || !is_usual).then_some(duration_ms);
            next_ms = frame.time_ms;
        }
    }

    fn take_whole(&mut self) -> Result<Option<EncodedSegment>, WebmError> {
        let end_ms = self.closing.as_ref().map(|closing| closing.end_ms);
        match (end_ms, self.sound_until_ms) {
            (Some(end_ms), Some(until_ms)) if until_ms < end_ms => Ok(None),
            (Some(_), _) => self.seal_waiting(),
            (None, _) => Ok(None),
        }
    }

    fn seal(&mut self, closing: ClosingSegment) -> Result<EncodedSegment, WebmError> {
        let ClosingSegment { frames: mut blocks, start_ms, end_ms } = closing;
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
        Ok(EncodedSegment { index, start_ms, duration_ms: end_ms - start_ms, frames, bytes })
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
        EncodedFrame { time_ms, keyframe, begins_segment: keyframe, data: vec![1, 2, 3] }
    }

    fn segments(frames: &[(u64, bool)], stop_ms: u64) -> Vec<EncodedSegment> {
        let mut segmenter = Segmenter::default();
        let mut segments: Vec<EncodedSegment> = frames
            .iter()
            .filter_map(|(time_ms, keyframe)| segmenter.push(frame(*time_ms, *keyframe)).unwrap())
            .collect();
        segments.extend(segmenter.finish(stop_ms).unwrap().into_iter().flatten());
        segments
    }

    #[test]
    fn segments_have_no_gap_and_reach_the_stop() {
        let frames =
            [(0, true), (40, false), (1_990, false), (2_010, true), (2_500, false), (4_000, true)];
        let segments = segments(&frames, 4_321);
        let spans: Vec<_> = segments.iter().map(|s| (s.index, s.start_ms, s.duration_ms)).collect();
        assert_eq!(spans, [(0, 0, 2_010), (1, 2_010, 1_990), (2, 4_000, 321)]);
        assert_eq!(segments.iter().map(|s| s.frames).sum::<u64>(), 6);
        for segment in &segments {
            let part = snaplark_formats::webm::index(&segment.bytes).unwrap();
            let [cluster] = part.clusters[..] else { panic!("not one cluster: {part:?}") };
            assert!(cluster.starts_with_keyframe);
            assert_eq!(cluster.start_ms, segment.start_ms);
            assert_eq!(cluster.end_ms, segment.start_ms + segment.duration_ms);
            assert_eq!(u64::from(cluster.video_frames), segment.frames);
            assert_eq!(cluster.size, segment.bytes.len() as u64);
        }
    }

    #[test]
    fn segmenter_states_durations_only_of_unusual_pictures_and_the_last() {
        let mut segmenter = Segmenter::new(30, false);
        let times = [0, 33, 67, 567, 600];
        for time_ms in times {
            assert_eq!(segmenter.push(frame(time_ms, time_ms == 0)).unwrap(), None);
        }
        let [None, Some(segment)] = segmenter.finish(633).unwrap() else { panic!() };
        let durations = [None, None, Some(500), None, Some(33)];
        let blocks = times.iter().zip(durations).map(|(time_ms, duration_ms)| Block {
            duration_ms,
            ..picture(frame(*time_ms, *time_ms == 0))
        });
        assert_eq!(segment.bytes, cluster(&blocks.collect::<Vec<_>>()).unwrap());
    }

    #[test]
    fn segmenter_gives_a_segment_when_stopped_at_the_first_frame() {
        let segments = segments(&[(0, true)], 0);
        assert_eq!(segments.len(), 1);
        assert_eq!(segments[0].duration_ms, 1);
        assert_eq!(Segmenter::default().finish(50).unwrap(), [None, None]);
    }

    #[test]
    fn segmenter_skips_frames_before_the_first_keyframe() {
        let segments = segments(&[(0, false), (33, false), (66, true)], 100);
        assert_eq!((segments[0].start_ms, segments[0].frames), (66, 1));
    }

    #[test]
    fn segmenter_continues_the_segment_at_an_unrequested_keyframe() {
        let mut segmenter = Segmenter::default();
        assert_eq!(segmenter.push(frame(0, true)).unwrap(), None);
        let unasked = EncodedFrame { begins_segment: false, ..frame(700, true) };
        assert_eq!(segmenter.push(unasked).unwrap(), None);
        assert_eq!(segmenter.push(frame(2_000, true)).unwrap().unwrap().frames, 2);
    }

    #[test]
    fn segmenter_ends_a_segment_at_a_pause() {
        let mut segmenter = Segmenter::new(30, true);
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
    fn segmenter_fails_when_the_encoder_makes_no_keyframes() {
        let mut segmenter = Segmenter::default();
        segmenter.push(frame(0, true)).unwrap();
        segmenter.push(frame(40_000, false)).unwrap();
        assert_eq!(segmenter.finish(40_000), Err(WebmError::ClusterTooLong(40_000)));
    }

    /// Returns how many sound packets the segment's cluster holds.
    fn packets(segment: &EncodedSegment) -> usize {
        // A SimpleBlock of 3 bytes on the audio track with the keyframe flag.
        let blocks = segment.bytes.windows(3).filter(|bytes| *bytes == [0xA3, 0x87, 0x82]);
        blocks.count()
    }

    fn packet(segmenter: &mut Segmenter, time_ms: u64) -> Option<EncodedSegment> {
        segmenter.push_sound(time_ms, vec![9; 3]).unwrap()
    }

    #[test]
    fn segmenter_seals_a_segment_when_its_sound_has_arrived() {
        let mut segmenter = Segmenter::new(30, true);
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
    fn segmenter_holds_sound_until_its_pictures_arrive() {
        let mut segmenter = Segmenter::new(30, true);
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
    fn segmenter_seals_without_sound_when_the_next_segment_closes() {
        let mut segmenter = Segmenter::new(30, true);
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

    /// Returns the times of a segment's pictures and of its sound.
    fn times(segment: &EncodedSegment) -> (Vec<u64>, Vec<u64>) {
        let blocks = snaplark_formats::webm::blocks(&segment.bytes).unwrap();
        let of = |track| {
            let own = blocks.iter().filter(move |block| block.track == track);
            own.map(|block| block.time_ms).collect()
        };
        (of(Track::Video), of(Track::Audio))
    }

    #[test]
    fn segmenter_strikes_what_is_not_sealed_and_goes_on_after_it() {
        let mut segmenter = Segmenter::new(30, true);
        for time_ms in (0..2_400).step_by(20) {
            packet(&mut segmenter, time_ms);
        }
        for time_ms in [0, 1_000] {
            segmenter.push(frame(time_ms, time_ms == 0)).unwrap();
        }
        assert_eq!(segmenter.push(frame(2_000, true)).unwrap().unwrap().duration_ms, 2_000);
        for time_ms in [2_040, 2_080, 2_120] {
            segmenter.push(frame(time_ms, false)).unwrap();
        }
        let [None, Some(kept)] = segmenter.strike(2_060, 2_400).unwrap() else { panic!() };
        assert_eq!((kept.index, kept.start_ms, kept.duration_ms), (1, 2_000, 60));
        assert_eq!(times(&kept), (vec![2_000, 2_040], vec![2_000, 2_020, 2_040]));
        // Sound of the struck time that arrives late.
        packet(&mut segmenter, 2_380);
        packet(&mut segmenter, 2_400);
        segmenter.push(frame(2_400, true)).unwrap();
        let next = segmenter.finish(2_500).unwrap()[1].clone().unwrap();
        assert_eq!((next.index, next.start_ms), (2, 2_400));
        assert_eq!(times(&next), (vec![2_400], vec![2_400]));
    }

    #[test]
    fn segmenter_strikes_a_segment_that_waits_for_its_sound() {
        let strike = |from_ms| {
            let mut segmenter = Segmenter::new(30, true);
            segmenter.push(frame(0, true)).unwrap();
            segmenter.push(frame(1_000, false)).unwrap();
            segmenter.push(frame(2_000, true)).unwrap();
            segmenter.push(frame(2_100, false)).unwrap();
            assert!(segmenter.waits_for_sound());
            let sealed = segmenter.strike(from_ms, 2_200).unwrap();
            let spans = sealed.iter().flatten().map(|s| (s.index, s.start_ms, s.duration_ms));
            let spans: Vec<_> = spans.collect();
            (spans, segmenter.next_index())
        };
        assert_eq!(strike(2_040), (vec![(0, 0, 2_000), (1, 2_000, 40)], 2));
        assert_eq!(strike(2_000), (vec![(0, 0, 2_000)], 1));
        assert_eq!(strike(600), (vec![(0, 0, 600)], 1));
        assert_eq!(strike(0), (vec![], 0));
    }

    #[test]
    fn segmenter_drops_sound_that_a_cluster_cannot_hold() {
        let mut segmenter = Segmenter::new(30, true);
        segmenter.push(frame(0, true)).unwrap();
        for time_ms in (0..60_000).step_by(20) {
            assert_eq!(packet(&mut segmenter, time_ms), None);
        }
        let long = segmenter.push(frame(60_000, true)).unwrap().unwrap();
        assert_eq!((long.duration_ms, packets(&long)), (60_000, 1_500));
    }
}
