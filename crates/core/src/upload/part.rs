//! Groups segments into parts, by the profile's size rule and the server's limit only.
//!
//! Parts of a fixed size are cut anywhere. They are one stream of bytes, of which the init is the beginning:
//!
//! ```text
//! |init|  segment 0  |    segment 1    |  segment 2  |
//! |     part 0     |     part 1     |    part 2      |    all but the last of one size
//! ```

use std::ops::Range;

use snaplark_api::PartSize;

use crate::policy;

/// The content of one request, not counting the init that may precede it: whole segments, a piece of a single
/// one, or several of which the first and the last may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The index of the first segment of which it carries bytes.
    pub first_segment: u32,
    /// How many segments it carries bytes of.
    pub segment_count: u32,
    /// Where it begins in its first segment. Above 0 if that is cut.
    pub from_bytes: u64,
    /// Where it ends in its last segment; `None` at that segment's end. A segment's last piece has
    /// `None`, so it stays the last when a placeholder of another length replaces the segment.
    pub to_bytes: Option<u64>,
    /// Its own size, without the init.
    pub size_bytes: u64,
}

impl Part {
    /// Makes a part of whole segments.
    pub fn whole(first_segment: u32, segment_count: u32, size_bytes: u64) -> Self {
        Part { first_segment, segment_count, from_bytes: 0, to_bytes: None, size_bytes }
    }

    /// Returns the segments of which it carries bytes.
    pub fn segments(&self) -> Range<u32> {
        self.first_segment..self.first_segment + self.segment_count
    }

    /// Returns whether it carries only some of the bytes of a segment.
    pub fn is_piece(&self) -> bool {
        self.from_bytes > 0 || self.to_bytes.is_some()
    }

    /// Returns which bytes of one of its segments it carries: from where, and up to where; `None` at the segment's
    /// end.
    pub fn range_in(&self, segment: u32) -> (u64, Option<u64>) {
        let is_last = segment + 1 == self.segments().end;
        let from_bytes = if segment == self.first_segment { self.from_bytes } else { 0 };
        (from_bytes, self.to_bytes.filter(|_| is_last))
    }

    /// Returns whether it carries some bytes of this segment, and not all.
    pub fn cuts(&self, segment: u32) -> bool {
        self.segments().contains(&segment) && self.range_in(segment) != (0, None)
    }

    /// Returns where the next part begins: a segment, and the position in it.
    pub fn next(&self) -> (u32, u64) {
        let end = self.segments().end;
        self.to_bytes.map_or((end, 0), |to_bytes| (end.saturating_sub(1), to_bytes))
    }

    /// Returns the same part with the size that it has now that segments have these sizes.
    pub fn measured(self, segment_bytes: &[u64]) -> Self {
        let segments = self.segments();
        let sizes = segment_bytes.get(segments.start as usize..segments.end as usize);
        let Some((last, before)) = sizes.and_then(<[u64]>::split_last) else { return self };
        let to_bytes = self.to_bytes.unwrap_or(*last).min(*last);
        let end = before.iter().sum::<u64>() + to_bytes;
        Part { size_bytes: end.saturating_sub(self.from_bytes), ..self }
    }
}

/// Where a segment above the limit is cut into pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SegmentCuts {
    /// It is sent whole.
    #[default]
    None,
    /// Anywhere. Only servers that report it take such pieces.
    AnyByte,
    /// Between its frames, so that each piece is a cluster of its own. Whoever takes segments takes these.
    Frames,
}

/// How large parts may be, as far as 413s have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartLimit {
    pub bytes_max: u64,
    pub cuts: SegmentCuts,
}

impl Default for PartLimit {
    fn default() -> Self {
        PartLimit { bytes_max: policy::PART_BYTES_MAX, cuts: SegmentCuts::None }
    }
}

impl PartLimit {
    /// Returns the size of parts whose fixed size is this one, unless a 413 has shown a lower limit.
    pub(super) fn fixed(self, bytes: u64) -> u64 {
        match self.bytes_max < policy::PART_BYTES_MAX {
            true => bytes.min(self.bytes_max),
            false => bytes,
        }
    }
}

/// Returns the part that begins at `next`, if the available segments fill one. With `ended`, the
/// remaining segments are a part as well. `init_bytes` precede it. The result depends on nothing else, so that
/// a plan that was lost is made again.
pub(super) fn next_part(
    size: PartSize,
    limit: PartLimit,
    parts: usize,
    init_bytes: u64,
    next: (u32, u64),
    segment_bytes: &[u64],
    ended: bool,
) -> Option<Part> {
    let (first_segment, from_bytes) = next;
    let segments = segment_bytes.get(first_segment as usize..)?;
    if let PartSize::Fixed(bytes) = size {
        // A part has some bytes of a segment, however large the init is.
        let wanted_bytes = limit.fixed(bytes).saturating_sub(init_bytes).max(1);
        return next_fixed_part(wanted_bytes, next, segments, ended);
    }
    if let Some(piece) = next_piece(limit, next, *segments.first()?) {
        return Some(piece);
    }
    debug_assert_eq!(from_bytes, 0, "the rest of a segment is a piece");
    let wanted_bytes = match size {
        PartSize::Realtime if parts < policy::SINGLE_SEGMENT_PARTS_MAX => 1,
        PartSize::Realtime | PartSize::Multipart | PartSize::Fixed(_) => {
            policy::MULTIPART_PART_BYTES_MIN.min(limit.bytes_max)
        }
    };
    let mut part = Part::whole(first_segment, 0, 0);
    for bytes in segments {
        let full = part.segment_count > 0 && part.size_bytes + bytes > limit.bytes_max;
        if full || part.size_bytes >= wanted_bytes {
            return Some(part);
        }
        part.segment_count += 1;
        part.size_bytes += bytes;
    }
    let complete = part.size_bytes >= wanted_bytes || ended;
    (part.segment_count > 0 && complete).then_some(part)
}

/// Returns the part of exactly this size that begins at `next`, the first of these segments. With `ended`, what
/// remains is a part as well.
fn next_fixed_part(
    wanted_bytes: u64,
    next: (u32, u64),
    segments: &[u64],
    ended: bool,
) -> Option<Part> {
    let (first_segment, from_bytes) = next;
    let (mut part, mut end_bytes) = (Part::whole(first_segment, 0, 0), 0);
    for bytes in segments {
        part.segment_count += 1;
        end_bytes += bytes;
        let size_bytes = end_bytes.saturating_sub(from_bytes);
        if size_bytes >= wanted_bytes {
            let to_bytes = bytes - (size_bytes - wanted_bytes);
            let to_bytes = (to_bytes < *bytes).then_some(to_bytes);
            return Some(Part { from_bytes, to_bytes, size_bytes: wanted_bytes, ..part });
        }
    }
    let size_bytes = end_bytes.saturating_sub(from_bytes);
    (ended && size_bytes > 0).then_some(Part { from_bytes, size_bytes, ..part })
}

/// Returns the next piece of a segment of this size; `None` if the segment is sent whole. The pieces
/// that remain are of equal size.
fn next_piece(limit: PartLimit, next: (u32, u64), segment_bytes: u64) -> Option<Part> {
    let (segment, from_bytes) = next;
    let bytes_max = limit.bytes_max.max(policy::PIECE_BYTES_MIN);
    let rest_bytes = segment_bytes.saturating_sub(from_bytes);
    let is_cut = limit.cuts == SegmentCuts::AnyByte && rest_bytes > bytes_max;
    if from_bytes == 0 && !is_cut {
        return None;
    }
    let pieces = if is_cut { rest_bytes.div_ceil(bytes_max) } else { 1 };
    let size_bytes = rest_bytes.div_ceil(pieces);
    let to_bytes = (pieces > 1).then_some(from_bytes + size_bytes);
    Some(Part { from_bytes, to_bytes, ..Part::whole(segment, 1, size_bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn plan(size: PartSize, max: u64, segments: &[u64], ended: bool) -> Vec<(u32, u32)> {
        let mut parts = Vec::new();
        let (mut next, limit) = ((0, 0), PartLimit { bytes_max: max, cuts: SegmentCuts::None });
        while let Some(part) = next_part(size, limit, parts.len(), 0, next, segments, ended) {
            next = part.next();
            parts.push((part.first_segment, part.segment_count));
        }
        parts
    }

    #[test]
    fn realtime_sends_each_segment_by_itself() {
        assert_eq!(plan(PartSize::Realtime, 10 * MIB, &[5, 6], false), [(0, 1), (1, 1)]);
    }

    #[test]
    fn multipart_waits_for_five_mebibytes() {
        let segments = [2 * MIB, 2 * MIB, 2 * MIB, MIB];
        assert_eq!(plan(PartSize::Multipart, 10 * MIB, &segments, false), [(0, 3)]);
        assert_eq!(plan(PartSize::Multipart, 10 * MIB, &segments, true), [(0, 3), (3, 1)]);
    }

    #[test]
    fn no_part_is_above_the_limit_but_a_single_segment() {
        let segments = [4 * MIB, 8 * MIB, 12 * MIB, MIB];
        assert_eq!(
            plan(PartSize::Multipart, 10 * MIB, &segments, true),
            [(0, 1), (1, 1), (2, 1), (3, 1)]
        );
    }

    /// Returns the segment and the bytes of each part.
    fn cut(size: PartSize, bytes_max: u64, segments: &[u64]) -> Vec<(u32, u64, u64)> {
        let (mut parts, mut next) = (Vec::new(), (0, 0));
        let limit = PartLimit { bytes_max, cuts: SegmentCuts::AnyByte };
        while let Some(part) = next_part(size, limit, parts.len(), 0, next, segments, true) {
            assert!(part.size_bytes <= bytes_max.max(policy::PIECE_BYTES_MIN), "{part:?}");
            assert_eq!(part.measured(segments), part);
            next = part.next();
            parts.push((part.first_segment, part.from_bytes, part.size_bytes));
        }
        assert_eq!(next, (segments.len() as u32, 0), "nothing is left out");
        parts
    }

    #[test]
    fn segment_above_the_limit_is_cut_into_equal_pieces() {
        let segments = [1_370_001, 40_000, MIB];
        for size in [PartSize::Realtime, PartSize::Multipart] {
            assert_eq!(
                cut(size, MIB, &segments)[..3],
                [(0, 0, 685_001), (0, 685_001, 685_000), (1, 0, 40_000)],
                "{size:?}"
            );
        }
        assert_eq!(cut(PartSize::Realtime, 1, &[MIB]).len(), 4, "no piece is below the least");
    }

    #[test]
    fn placeholder_of_another_length_changes_the_last_piece_only() {
        let pieces = |segment_bytes| {
            let first = Part { to_bytes: Some(600), ..Part::whole(0, 1, 600) };
            let last = Part { from_bytes: 600, ..Part::whole(0, 1, 400) };
            [first, last].map(|part| part.measured(&[segment_bytes]).size_bytes)
        };
        assert_eq!(pieces(1_000), [600, 400]);
        assert_eq!(pieces(1_777), [600, 1_177]);
    }

    /// Plans parts of a fixed size, and checks what has to hold of every such plan.
    fn fixed(bytes: u64, init_bytes: u64, segments: &[u64], ended: bool) -> Vec<Part> {
        let (mut parts, mut next) = (Vec::<Part>::new(), (0, 0));
        loop {
            let init_bytes = if parts.is_empty() { init_bytes } else { 0 };
            let (size, limit) = (PartSize::Fixed(bytes), PartLimit::default());
            let planned = next_part(size, limit, parts.len(), init_bytes, next, segments, ended);
            let Some(part) = planned else { break };
            assert_eq!(part.measured(segments), part);
            assert_eq!(
                (part.first_segment, part.from_bytes),
                next,
                "it begins where the last ended"
            );
            next = part.next();
            parts.push(part);
        }
        let sizes: Vec<u64> = (0..)
            .zip(&parts)
            .map(|(index, part)| part.size_bytes + if index == 0 { init_bytes } else { 0 })
            .collect();
        if let Some((last, others)) = sizes.split_last() {
            assert!(others.iter().all(|size| *size == bytes), "{sizes:?}");
            assert!(*last == bytes || (ended && *last < bytes), "{sizes:?}");
        }
        let planned: u64 = parts.iter().map(|part| part.size_bytes).sum();
        let rest = segments.iter().sum::<u64>() - planned;
        assert!(rest < bytes && (rest == 0 || !ended), "{rest} bytes are not planned");
        parts
    }

    #[test]
    fn parts_of_a_fixed_size_are_cut_within_segments_and_begin_with_the_init() {
        let parts = fixed(100, 30, &[50, 50, 120], false);
        let cut =
            |part: &Part| (part.first_segment, part.segment_count, part.from_bytes, part.to_bytes);
        let cuts: Vec<_> = parts.iter().map(cut).collect();
        assert_eq!(cuts, [(0, 2, 0, Some(20)), (1, 2, 20, Some(70))]);
        assert_eq!(fixed(100, 30, &[50, 50, 120], true).len(), 3, "the end is a part as well");
        let [first, second] = &fixed(100, 30, &[70, 100], false)[..] else { panic!() };
        assert_eq!((first.to_bytes, second.next()), (None, (2, 0)), "a border of both");
    }

    #[test]
    fn parts_of_a_fixed_size_are_one_stream_whatever_the_segments_are() {
        // A linear congruential generator: core has no random source.
        let mut state = 7_u64;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % limit
        };
        for _ in 0..2_000 {
            let (bytes, init_bytes) = (2 + below(400), below(2));
            let segments: Vec<u64> = (0..below(12)).map(|_| 1 + below(300)).collect();
            let whole = fixed(bytes, init_bytes, &segments, true);
            // What was planned while it ran is the beginning of the same plan.
            for count in 0..segments.len() {
                let running = fixed(bytes, init_bytes, &segments[..count], false);
                let as_if_whole =
                    |part: &Part| (part.first_segment, part.from_bytes, part.size_bytes);
                let before: Vec<_> = running.iter().map(as_if_whole).collect();
                let after: Vec<_> = whole.iter().map(as_if_whole).collect();
                assert!(after.starts_with(&before), "{before:?} is no beginning of {after:?}");
            }
            for (index, bytes) in (0_u32..).zip(&segments) {
                let carried = whole.iter().filter(|part| part.segments().contains(&index));
                let carried: u64 = carried
                    .map(|part| {
                        let (from, to) = part.range_in(index);
                        to.unwrap_or(*bytes) - from
                    })
                    .sum();
                assert_eq!(carried, *bytes, "segment {index} is sent once");
            }
        }
    }

    #[test]
    fn learned_limit_makes_all_parts_of_a_fixed_size_smaller() {
        let limit = PartLimit { bytes_max: 40, cuts: SegmentCuts::None };
        let part = next_part(PartSize::Fixed(100), limit, 0, 10, (0, 0), &[200], false).unwrap();
        assert_eq!(part, Part { to_bytes: Some(30), ..Part::whole(0, 1, 30) });
        assert_eq!(
            PartLimit::default().fixed(50 * MIB),
            50 * MIB,
            "a large file needs larger parts"
        );
    }
}
