//! Groups segments into parts, by the profile's size rule and the server's limit only.

use std::ops::Range;

use snaplark_api::PartSize;

use crate::policy;

/// The content of one request, not counting the init that may precede it: whole segments, or a piece of a
/// single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The index of the first segment of which it carries bytes.
    pub first_segment: u32,
    /// How many segments it carries bytes of.
    pub segment_count: u32,
    /// Where it begins in its first segment. Only a piece begins above 0.
    pub from_bytes: u64,
    /// Where it ends in its only segment; `None` at the end of its last one. A segment's last piece has
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

    /// Returns whether it is a piece of a segment.
    pub fn is_piece(&self) -> bool {
        self.from_bytes > 0 || self.to_bytes.is_some()
    }

    /// Returns where the next part begins: a segment, and the position in it.
    pub fn next(&self) -> (u32, u64) {
        match self.to_bytes {
            Some(to_bytes) => (self.first_segment, to_bytes),
            None => (self.segments().end, 0),
        }
    }

    /// Returns the same part with the size that it has now that segments have these sizes.
    pub fn measured(self, segment_bytes: &[u64]) -> Self {
        let segments = self.segments();
        let sizes = segment_bytes.get(segments.start as usize..segments.end as usize);
        let Some(sizes) = sizes else { return self };
        let all_bytes: u64 = sizes.iter().sum();
        let to_bytes = self.to_bytes.unwrap_or(all_bytes).min(all_bytes);
        Part { size_bytes: to_bytes.saturating_sub(self.from_bytes), ..self }
    }
}

/// How large parts may be, as far as 413s have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartLimit {
    pub bytes_max: u64,
    /// Whether a segment above the limit is sent in pieces. True only for servers that take them.
    pub cuts: bool,
}

impl Default for PartLimit {
    fn default() -> Self {
        PartLimit { bytes_max: policy::PART_BYTES_MAX, cuts: false }
    }
}

/// Returns the part that begins at `next`, if the available segments fill one. With `ended`, the
/// remaining segments are a part as well. The result depends on nothing else, so that a plan that was
/// lost is made again.
pub(super) fn next_part(
    size: PartSize,
    limit: PartLimit,
    parts: usize,
    next: (u32, u64),
    segment_bytes: &[u64],
    ended: bool,
) -> Option<Part> {
    let (first_segment, from_bytes) = next;
    let segments = segment_bytes.get(first_segment as usize..)?;
    if let Some(piece) = next_piece(limit, next, *segments.first()?) {
        return Some(piece);
    }
    debug_assert_eq!(from_bytes, 0, "the rest of a segment is a piece");
    let wanted_bytes = match size {
        PartSize::Realtime if parts < policy::SINGLE_SEGMENT_PARTS_MAX => 1,
        PartSize::Realtime | PartSize::Multipart => {
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

/// Returns the next piece of a segment of this size; `None` if the segment is sent whole. The pieces
/// that remain are of equal size.
fn next_piece(limit: PartLimit, next: (u32, u64), segment_bytes: u64) -> Option<Part> {
    let (segment, from_bytes) = next;
    let bytes_max = limit.bytes_max.max(policy::PIECE_BYTES_MIN);
    let rest_bytes = segment_bytes.saturating_sub(from_bytes);
    let is_cut = limit.cuts && rest_bytes > bytes_max;
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
        let (mut next, limit) = ((0, 0), PartLimit { bytes_max: max, cuts: false });
        while let Some(part) = next_part(size, limit, parts.len(), next, segments, ended) {
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
        let limit = PartLimit { bytes_max, cuts: true };
        while let Some(part) = next_part(size, limit, parts.len(), next, segments, true) {
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
}
