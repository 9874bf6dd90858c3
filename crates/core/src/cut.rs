//! Plans a cut: which segments of a recording stay as they are, and which pieces are rendered again. Pure.
//!
//! ```text
//! source   |  0  |  1  |  2  |  3  |  4  |  5  |      segments
//! kept     |=====|==|           |==|=====|=====|      ranges of the edit
//! output   |  0  |1r|3r|  4  |  5  |                  r: rendered; 4 and 5: the same bytes, shown earlier
//! ```
//!
//! **Rounding.** A picture is kept if its time lies in a kept range, which includes its start and not its end.
//! A range begins at its first picture if that comes within [`HOLD_MS`] of the wanted start. Otherwise the screen
//! stood still there: the range begins exactly where it was wanted, with the picture that was on the screen. Ends
//! are not rounded: the last picture is shown until the end of the range.
//!
//! A segment stays if all of it is kept and no cover touches it. With sound, a segment beside a cut is rendered even
//! if the cut is exactly at its end: its last packet reaches a little into what was cut out, and sound has to fade at
//! either side of a cut.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::capture::SealedSegment;
use crate::edit::{BadEdit, Chapter, Cover, check_kept};

/// The longest that a kept range may begin later than wanted, so that it begins with its first picture: less
/// than the 40 ms by which sound and picture may differ, and more than a picture takes at 30 a second.
pub const HOLD_MS: u64 = 40;

/// Where a segment is in its recording. Segments have no gaps: each ends where the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSegment {
    /// Its number.
    pub index: u32,
    /// The time of its first picture.
    pub start_ms: u64,
    /// The time until the next segment begins.
    pub duration_ms: u64,
}

impl From<&SealedSegment> for SourceSegment {
    fn from(segment: &SealedSegment) -> Self {
        let SealedSegment { index, start_ms, duration_ms, .. } = *segment;
        SourceSegment { index, start_ms, duration_ms }
    }
}

impl SourceSegment {
    /// Returns when it ends.
    pub fn end_ms(&self) -> u64 {
        self.start_ms.saturating_add(self.duration_ms)
    }
}

/// One step of the output: a whole segment, or a rendered part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A segment's bytes as they are, shown at another time.
    Keep {
        /// The segment's number.
        segment: u32,
        /// When it begins in the source.
        start_ms: u64,
        /// How long it is.
        duration_ms: u64,
        /// When it begins in the output.
        at_ms: u64,
    },
    /// A part of a segment that is encoded again.
    Render {
        /// The segment's number.
        segment: u32,
        /// When the part begins in the source.
        from_ms: u64,
        /// When it ends in the source.
        to_ms: u64,
        /// When it begins in the output.
        at_ms: u64,
        /// The covers that touch it.
        covers: Vec<Cover>,
        /// Whether the source continues across its ends.
        joined: Joined,
    },
}

/// Whether the output continues across the ends of a piece as the source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Nothing is cut out before it.
    pub start: bool,
    /// Nothing is cut out after it.
    pub end: bool,
}

impl Piece {
    /// Returns the number of its segment.
    pub fn segment(&self) -> u32 {
        match self {
            Piece::Keep { segment, .. } | Piece::Render { segment, .. } => *segment,
        }
    }

    /// Returns when it begins in the output.
    pub fn at_ms(&self) -> u64 {
        match self {
            Piece::Keep { at_ms, .. } | Piece::Render { at_ms, .. } => *at_ms,
        }
    }

    /// Returns its part of the source.
    pub fn source_ms(&self) -> Range<u64> {
        match *self {
            Piece::Keep { start_ms, duration_ms, .. } => start_ms..start_ms + duration_ms,
            Piece::Render { from_ms, to_ms, .. } => from_ms..to_ms,
        }
    }

    /// Returns how long it is.
    pub fn duration_ms(&self) -> u64 {
        let Range { start, end } = self.source_ms();
        end - start
    }

    /// Returns what is added to a time of the source to get the time of the output.
    pub fn shift_ms(&self) -> i64 {
        // Times of recordings are far below the limits of an i64.
        self.at_ms() as i64 - self.source_ms().start as i64
    }

    /// Returns whether it is encoded again.
    pub fn is_rendered(&self) -> bool {
        matches!(self, Piece::Render { .. })
    }
}

/// A range of the source that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRange {
    /// The start that the edit asks for. The range itself may begin up to [`HOLD_MS`] later.
    pub wanted_ms: u64,
    /// The range.
    pub source: Range<u64>,
    /// When it begins in the output.
    pub at_ms: u64,
}

/// The plan of a cut: the output of an edit, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutPlan {
    /// The output, from its start to its end.
    pub pieces: Vec<Piece>,
    /// The ranges of the source that stay, in playing order.
    pub kept: Vec<KeptRange>,
}

impl CutPlan {
    /// Returns how long the output is.
    pub fn duration_ms(&self) -> u64 {
        self.kept.last().map_or(0, |last| last.at_ms + (last.source.end - last.source.start))
    }

    /// Returns when a moment of the source is in the output; `None` if it was cut out.
    pub fn output_ms(&self, source_ms: u64) -> Option<u64> {
        let is_in = |kept: &&KeptRange| (kept.wanted_ms..kept.source.end).contains(&source_ms);
        let range = self.kept.iter().find(is_in)?;
        Some(range.at_ms + source_ms.saturating_sub(range.source.start))
    }

    /// Returns the moment of the output for a moment of the source, or for the next one of the source that was kept. At
    /// or after the last one it is the end.
    pub fn nearest_output_ms(&self, source_ms: u64) -> u64 {
        let later = self.kept.iter().filter(|kept| source_ms < kept.source.end);
        let range = later.min_by_key(|kept| kept.source.start);
        range.map_or(self.duration_ms(), |kept| {
            kept.at_ms + source_ms.saturating_sub(kept.source.start)
        })
    }

    /// Returns which moment of the source is shown at a moment of the output; `None` after the end.
    pub fn source_ms(&self, output_ms: u64) -> Option<u64> {
        let range = self.kept.iter().rev().find(|kept| kept.at_ms <= output_ms)?;
        let source_ms = range.source.start + (output_ms - range.at_ms);
        (source_ms < range.source.end).then_some(source_ms)
    }

    /// Returns what is left of a span of the source, such as a caption, in the output. Spans that touch each
    /// other there are one.
    pub fn output_spans(&self, source: &Range<u64>) -> Vec<Range<u64>> {
        let mut spans: Vec<Range<u64>> = Vec::new();
        for kept in &self.kept {
            let start = source.start.max(kept.source.start);
            let end = source.end.min(kept.source.end);
            if start >= end {
                continue;
            }
            let at = |source_ms: u64| kept.at_ms + (source_ms - kept.source.start);
            match spans.last_mut() {
                Some(last) if last.end == at(start) => last.end = at(end),
                _ => spans.push(at(start)..at(end)),
            }
        }
        spans
    }

    /// Returns the chapters of the output. One whose start was cut out is left out, also if its end stays: its title
    /// may tell what was cut. The cloud has the same rule for what is published (`VersionEdit`).
    pub fn chapters(&self, chapters: &[Chapter]) -> Vec<Chapter> {
        let mut shown: Vec<Chapter> = chapters
            .iter()
            .filter_map(|chapter| {
                let start_ms = self.output_ms(chapter.start_ms)?;
                Some(Chapter { start_ms, title: chapter.title.clone() })
            })
            .collect();
        shown.sort_by_key(|chapter| chapter.start_ms);
        shown
    }

    /// Returns the pieces that are encoded again, with their places in `pieces`.
    pub fn rendered(&self) -> impl Iterator<Item = (usize, &Piece)> {
        self.pieces.iter().enumerate().filter(|(_, piece)| piece.is_rendered())
    }
}

/// Returns the segments whose pictures' times [`plan`] has to know: those in which a kept range begins, unless it
/// begins with the segment.
pub fn segments_to_read(segments: &[SourceSegment], keep: &[Range<u64>]) -> Vec<u32> {
    let starts = joined_ranges(keep).into_iter().map(|range| range.start);
    let mut inside: Vec<u32> = starts
        .filter_map(|start| {
            let segment = segments.get(segment_at(segments, start)?)?;
            (segment.start_ms != start).then_some(segment.index)
        })
        .collect();
    inside.sort_unstable();
    inside.dedup();
    inside
}

/// Plans a cut. `segments` are all of the recording, in their order. `frames` has the times of all pictures of
/// the segments that [`segments_to_read`] names; a segment that is missing there counts as a still screen. What a
/// range keeps after the end of the source is left out.
pub fn plan(
    segments: &[SourceSegment],
    keep: &[Range<u64>],
    covers: &[Cover],
    has_sound: bool,
    frames: &BTreeMap<u32, Vec<u64>>,
) -> Result<CutPlan, BadEdit> {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return Err(BadEdit::Empty);
    };
    let source = first.start_ms..last.end_ms();
    check_kept(keep, u64::MAX)?;
    let is_bad = |cover: &Cover| cover.during_ms.start >= cover.during_ms.end;
    if covers.iter().any(is_bad) {
        return Err(BadEdit::Disordered);
    }

    let (mut kept, mut at_ms): (Vec<KeptRange>, u64) = (Vec::new(), 0);
    for range in joined_ranges(keep) {
        let wanted_ms = range.start.max(source.start);
        let end_ms = range.end.min(source.end);
        let range = rounded_start(segments, wanted_ms, frames)..end_ms;
        // Nothing of it is left if the first picture comes after its end.
        if range.start >= range.end {
            continue;
        }
        let duration_ms = range.end - range.start;
        kept.push(KeptRange { wanted_ms, source: range, at_ms });
        at_ms += duration_ms;
    }
    let mut pieces = Vec::new();
    for (number, KeptRange { source: range, at_ms, .. }) in kept.iter().enumerate() {
        // Nothing is cut out at the ends of the source if they are the ends of the output.
        let ends = Joined {
            start: number == 0 && range.start == source.start,
            end: number + 1 == kept.len() && range.end == source.end,
        };
        let begin = segment_at(segments, range.start).unwrap_or(0);
        let touched = segments[begin..].iter().take_while(|segment| segment.start_ms < range.end);
        for segment in touched {
            pieces.push(piece(segment, range, *at_ms, covers, has_sound, ends));
        }
    }
    match pieces.is_empty() {
        true => Err(BadEdit::Empty),
        false => Ok(CutPlan { pieces, kept }),
    }
}

fn piece(
    segment: &SourceSegment,
    range: &Range<u64>,
    range_at_ms: u64,
    covers: &[Cover],
    has_sound: bool,
    ends: Joined,
) -> Piece {
    let from_ms = range.start.max(segment.start_ms);
    let to_ms = range.end.min(segment.end_ms());
    let at_ms = range_at_ms + (from_ms - range.start);
    let touches = |cover: &&Cover| cover.during_ms.start < to_ms && cover.during_ms.end > from_ms;
    let covers: Vec<Cover> = covers.iter().filter(touches).cloned().collect();
    let joined =
        Joined { start: from_ms > range.start || ends.start, end: to_ms < range.end || ends.end };
    let is_whole = from_ms == segment.start_ms && to_ms == segment.end_ms();
    let sound_is_whole = !has_sound || (joined.start && joined.end);
    if is_whole && sound_is_whole && covers.is_empty() {
        let SourceSegment { index, start_ms, duration_ms } = *segment;
        return Piece::Keep { segment: index, start_ms, duration_ms, at_ms };
    }
    Piece::Render { segment: segment.index, from_ms, to_ms, at_ms, covers, joined }
}

/// Returns the ranges, with those joined that nothing was cut out between.
fn joined_ranges(keep: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in keep {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range.clone()),
        }
    }
    joined
}

/// Returns the position of the segment that is shown at that time.
fn segment_at(segments: &[SourceSegment], time_ms: u64) -> Option<usize> {
    let after = segments.partition_point(|segment| segment.start_ms <= time_ms);
    after.checked_sub(1)
}

fn rounded_start(
    segments: &[SourceSegment],
    wanted_ms: u64,
    frames: &BTreeMap<u32, Vec<u64>>,
) -> u64 {
    let Some(at) = segment_at(segments, wanted_ms) else { return wanted_ms };
    let segment = &segments[at];
    if segment.start_ms == wanted_ms {
        return wanted_ms;
    }
    let times = frames.get(&segment.index).map_or(&[][..], Vec::as_slice);
    let first = times.iter().copied().find(|time_ms| *time_ms >= wanted_ms);
    // After the last picture of a segment comes the first one of the next.
    let first = first.unwrap_or_else(|| segment.end_ms());
    match first - wanted_ms <= HOLD_MS {
        true => first,
        false => wanted_ms,
    }
}

#[cfg(test)]
mod tests;
