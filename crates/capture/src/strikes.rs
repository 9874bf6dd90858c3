//! The spans of a capture's time that were struck. Pure.
//!
//! Capture's own clock never goes back, so a strike is a span of its times of which nothing is kept. Spans begin
//! and end at multiples of a packet of sound, so that none is split.

use crate::sound::BLOCK_MS;

/// A struck span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StruckSpan {
    pub from_ms: u64,
    pub until_ms: u64,
}

/// All struck spans, in order and without overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StruckSpans(Vec<StruckSpan>);

impl StruckSpans {
    /// Strikes the last `length_ms` that were kept before `now_ms`, and what comes until `until_ms`. Returns the
    /// span, and how much of it was kept before.
    pub(crate) fn strike(
        &mut self,
        now_ms: u64,
        until_ms: u64,
        length_ms: u64,
    ) -> (StruckSpan, u64) {
        let (mut at_ms, mut left_ms) = (now_ms, length_ms);
        for span in self.0.iter().rev() {
            let kept_ms = at_ms.saturating_sub(span.until_ms);
            if kept_ms >= left_ms {
                break;
            }
            left_ms -= kept_ms;
            at_ms = span.from_ms;
        }
        let from_ms = at_ms.saturating_sub(left_ms) / BLOCK_MS * BLOCK_MS;
        let inside = |span: &&StruckSpan| span.from_ms >= from_ms;
        let struck_ms: u64 =
            self.0.iter().filter(inside).map(|span| span.until_ms - span.from_ms).sum();
        self.0.retain(|span| span.from_ms < from_ms);
        let span = StruckSpan { from_ms, until_ms };
        self.0.push(span);
        (span, until_ms.saturating_sub(from_ms + struck_ms))
    }

    /// Ends the last span earlier.
    pub(crate) fn end_last_at(&mut self, until_ms: u64) {
        if let Some(span) = self.0.last_mut() {
            span.until_ms = until_ms.max(span.from_ms);
        }
    }

    /// Returns the span that ends at that time.
    pub(crate) fn ending_at(&self, until_ms: u64) -> Option<StruckSpan> {
        self.0.iter().find(|span| span.until_ms == until_ms).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strike_goes_back_over_what_is_kept_only() {
        let mut spans = StruckSpans::default();
        // Ten seconds before 100 s.
        let (span, removed_ms) = spans.strike(100_010, 100_060, 10_000);
        assert_eq!((span.from_ms, span.until_ms, removed_ms), (90_000, 100_060, 10_060));
        // Four seconds later: four seconds of those, and six from before the strike.
        let (span, removed_ms) = spans.strike(104_060, 104_100, 10_000);
        assert_eq!((span.from_ms, span.until_ms), (84_000, 104_100));
        assert_eq!(removed_ms, 4_040 + 6_000);
        assert_eq!(spans.ending_at(104_100), Some(span));
        assert_eq!(spans.ending_at(100_060), None);
        // Two seconds that lie behind the strike.
        let (span, removed_ms) = spans.strike(110_000, 110_040, 2_000);
        assert_eq!((span.from_ms, removed_ms), (108_000, 2_040));
        assert_eq!(spans.0.len(), 2);
    }

    #[test]
    fn strike_of_more_than_there_is_strikes_all() {
        let mut spans = StruckSpans::default();
        let (span, removed_ms) = spans.strike(3_000, 3_040, 10_000);
        assert_eq!((span.from_ms, removed_ms), (0, 3_040));
        let (span, removed_ms) = spans.strike(3_500, 3_540, 10_000);
        assert_eq!((span.from_ms, span.until_ms, removed_ms), (0, 3_540, 500));
        assert_eq!(spans.0.len(), 1);
    }

    #[test]
    fn two_strikes_in_one_pause_strike_twice_as_much() {
        let mut spans = StruckSpans::default();
        let (span, removed_ms) = spans.strike(20_000, 20_000, 3_000);
        assert_eq!((span.from_ms, removed_ms), (17_000, 3_000));
        let (span, removed_ms) = spans.strike(20_000, 20_000, 3_000);
        assert_eq!((span.from_ms, removed_ms), (14_000, 3_000));
        spans.end_last_at(19_980);
        assert!(spans.ending_at(19_980).is_some());
    }
}
