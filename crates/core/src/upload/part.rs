//! Groups segments into parts, by the profile's size rule and the server's limit only.

use snaplark_api::PartSize;

use crate::policy;

/// A run of segments that one request carries, not counting the init that may precede them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub first_segment: u32,
    pub segment_count: u32,
    pub size_bytes: u64,
}

impl Part {
    pub fn end(&self) -> u32 {
        self.first_segment + self.segment_count
    }
}

/// Returns the next part after `parts`, if the available segments fill one. With `ended`, the remaining
/// segments are a part as well.
pub(super) fn next_part(
    size: PartSize,
    part_bytes_max: u64,
    parts: usize,
    first_segment: u32,
    segment_bytes: &[u64],
    ended: bool,
) -> Option<Part> {
    let wanted_bytes = match size {
        PartSize::Realtime if parts < policy::SINGLE_SEGMENT_PARTS_MAX => 1,
        PartSize::Realtime | PartSize::Multipart => {
            policy::MULTIPART_PART_BYTES_MIN.min(part_bytes_max)
        }
    };
    let mut part = Part { first_segment, segment_count: 0, size_bytes: 0 };
    for bytes in &segment_bytes[first_segment as usize..] {
        let full = part.segment_count > 0 && part.size_bytes + bytes > part_bytes_max;
        if full || part.size_bytes >= wanted_bytes {
            return Some(part);
        }
        part.segment_count += 1;
        part.size_bytes += bytes;
    }
    let complete = part.size_bytes >= wanted_bytes || ended;
    (part.segment_count > 0 && complete).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn plan(size: PartSize, max: u64, segments: &[u64], ended: bool) -> Vec<(u32, u32)> {
        let mut parts = Vec::new();
        let mut next = 0;
        while let Some(part) = next_part(size, max, parts.len(), next, segments, ended) {
            next = part.end();
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
}
