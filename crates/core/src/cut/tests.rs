//! Plans of chosen edits, and invariants over random ones.

#![allow(clippy::single_range_in_vec_init, reason = "an edit may keep one range")]

use super::*;
use crate::edit::{Area, CoverStyle};

/// A small random source (SplitMix64): a seed is a case.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// A recording: its segments, and the times of the pictures of each.
struct Recorded {
    segments: Vec<SourceSegment>,
    frames: BTreeMap<u32, Vec<u64>>,
}

impl Recorded {
    /// Returns a recording of segments of two seconds with a picture each 40 ms.
    fn even(segments: u32) -> Self {
        let ranges = (0..segments).map(|index| u64::from(index) * 2_000);
        let frames = ranges.map(|start| (start..start + 2_000).step_by(40).collect());
        Recorded::of(frames.collect(), u64::from(segments) * 2_000)
    }

    fn of(frames: Vec<Vec<u64>>, end_ms: u64) -> Self {
        let starts: Vec<u64> = frames.iter().map(|times| times[0]).collect();
        let ends = starts.iter().copied().skip(1).chain([end_ms]);
        let segments = (0..).zip(starts.iter().zip(ends)).map(|(index, (start_ms, end))| {
            SourceSegment { index, start_ms: *start_ms, duration_ms: end - start_ms }
        });
        Recorded { segments: segments.collect(), frames: (0..).zip(frames).collect() }
    }

    fn random(random: &mut Random) -> Self {
        let (mut frames, mut time_ms) = (Vec::new(), random.below(2) * random.below(500));
        for _ in 0..1 + random.below(8) {
            let end_ms = time_ms + 200 + random.below(2_500);
            let mut times = Vec::new();
            while time_ms < end_ms {
                times.push(time_ms);
                let still = random.below(10) == 0;
                time_ms += if still { 1 + random.below(900) } else { 16 + random.below(20) };
            }
            frames.push(times);
        }
        Recorded::of(frames, time_ms)
    }

    fn end_ms(&self) -> u64 {
        self.segments.last().unwrap().end_ms()
    }

    fn plan(&self, keep: &[Range<u64>], covers: &[Cover], sound: bool) -> Result<CutPlan, BadEdit> {
        let read = segments_to_read(&self.segments, keep);
        let known = read.iter().map(|index| (*index, self.frames[index].clone()));
        plan(&self.segments, keep, covers, sound, &known.collect())
    }
}

fn cover(during_ms: Range<u64>) -> Cover {
    let area = Area { x: 0, y: 0, width: 10, height: 10 };
    Cover { area, during_ms, style: CoverStyle::Solid }
}

fn keep(segment: u32, start_ms: u64, at_ms: u64) -> Piece {
    Piece::Keep { segment, start_ms, duration_ms: 2_000, at_ms }
}

#[test]
fn plan_renders_only_the_segments_at_a_cut() {
    let recorded = Recorded::even(6);
    let plan = recorded.plan(&[0..2_800, 7_000..12_000], &[], true).unwrap();
    let render = |segment, range: Range<u64>, at_ms, start, end| Piece::Render {
        segment,
        from_ms: range.start,
        to_ms: range.end,
        at_ms,
        covers: Vec::new(),
        joined: Joined { start, end },
    };
    let want = [
        keep(0, 0, 0),
        render(1, 2_000..2_800, 2_000, true, false),
        render(3, 7_000..8_000, 2_800, false, true),
        keep(4, 8_000, 3_800),
        keep(5, 10_000, 5_800),
    ];
    assert_eq!(plan.pieces, want);
    assert_eq!(plan.duration_ms(), 7_800);
    assert_eq!(plan.pieces[3].shift_ms(), -4_200);
}

#[test]
fn plan_renders_nothing_when_nothing_is_cut() {
    let recorded = Recorded::even(3);
    // A split is not a cut.
    for keep in [&[0..6_000][..], &[0..1_234, 1_234..6_000]] {
        let plan = recorded.plan(keep, &[], true).unwrap();
        assert_eq!(plan.rendered().count(), 0, "{plan:?}");
    }
}

#[test]
fn plan_renders_the_segments_below_a_cover() {
    let recorded = Recorded::even(4);
    let whole = 0..8_000;
    let plan = recorded.plan(&[whole], &[cover(3_999..4_001)], true).unwrap();
    let rendered: Vec<usize> = plan.rendered().map(|(place, _)| place).collect();
    assert_eq!(rendered, [1, 2]);
}

#[test]
fn cut_between_segments_renders_both_when_there_is_sound() {
    let recorded = Recorded::even(4);
    let keep = [0..2_000, 4_000..8_000];
    let count = |sound| recorded.plan(&keep, &[], sound).unwrap().rendered().count();
    assert_eq!((count(true), count(false)), (2, 0));
}

#[test]
fn range_begins_with_its_first_picture() {
    let recorded = Recorded::even(2);
    let start = |wanted_ms| {
        let plan = recorded.plan(&[wanted_ms..4_000], &[], false).unwrap();
        plan.kept[0].source.start
    };
    assert_eq!((start(1_000), start(1_001), start(1_040)), (1_000, 1_040, 1_040));
    // The next picture is the first one of the next segment, so nothing is rendered.
    let plan = recorded.plan(&[1_961..4_000], &[], false).unwrap();
    assert_eq!(plan.pieces, [keep(1, 2_000, 0)]);
}

#[test]
fn range_begins_where_it_is_wanted_when_the_screen_stands_still() {
    let recorded = Recorded::of(vec![vec![0, 40, 1_500], vec![2_000]], 4_000);
    let start = |wanted_ms| {
        let plan = recorded.plan(&[wanted_ms..4_000], &[], false).unwrap();
        plan.kept[0].source.start
    };
    assert_eq!((start(100), start(1_459), start(1_460), start(3_000)), (100, 1_459, 1_500, 3_000));
}

#[test]
fn range_without_a_picture_is_left_out() {
    let recorded = Recorded::even(2);
    let plan = recorded.plan(&[41..60, 100..200], &[], false).unwrap();
    assert_eq!(plan.kept.len(), 1);
    assert_eq!(recorded.plan(&[Range { start: 41, end: 60 }], &[], false), Err(BadEdit::Empty));
}

#[test]
fn moments_chapters_and_captions_move_with_the_cut() {
    let recorded = Recorded::even(6);
    let plan = recorded.plan(&[1_000..2_000, 7_000..12_000], &[], true).unwrap();
    assert_eq!(plan.output_ms(999), None);
    assert_eq!(plan.output_ms(1_500), Some(500));
    assert_eq!(plan.output_ms(2_000), None);
    assert_eq!(plan.nearest_output_ms(2_000), 1_000);
    assert_eq!(plan.output_ms(7_500), Some(1_500));
    assert_eq!(plan.nearest_output_ms(12_000), 6_000);
    assert_eq!(plan.source_ms(1_500), Some(7_500));
    assert_eq!(plan.source_ms(6_000), None);
    assert_eq!(plan.output_spans(&(1_500..7_400)), [500..1_400]);
    assert_eq!(plan.output_spans(&(3_000..5_000)), []);
    let chapter = |start_ms, title: &str| Chapter { start_ms, title: title.to_owned() };
    // What was cut from 2,000 to 7,000 has the start of "end stays", of which the end is kept.
    let chapters = [
        chapter(8_000, "second"),
        chapter(0, "start is cut"),
        chapter(1_000, "first"),
        chapter(3_000, "gone"),
        chapter(5_000, "end stays"),
    ];
    assert_eq!(plan.chapters(&chapters), [chapter(0, "first"), chapter(2_000, "second")]);
}

/// Returns a random edit: ranges in order, some of which touch.
fn random_keep(random: &mut Random, end_ms: u64) -> Vec<Range<u64>> {
    let mut at: Vec<u64> =
        (0..2 * (1 + random.below(4))).map(|_| random.below(end_ms + 1)).collect();
    at.sort_unstable();
    if random.below(4) == 0 && at.len() >= 4 {
        at[2] = at[1];
    }
    let ranges = at.chunks(2).map(|pair| pair[0]..pair[1]);
    ranges.filter(|range| range.start < range.end).collect()
}

#[test]
fn plans_of_random_edits_lose_no_picture_and_double_none() {
    let mut planned = 0;
    for seed in 0..10_000 {
        let random = &mut Random(seed);
        let recorded = Recorded::random(random);
        let end_ms = recorded.end_ms();
        let keep = random_keep(random, end_ms);
        let covers: Vec<Cover> = (0..random.below(3))
            .map(|_| {
                let start = random.below(end_ms);
                cover(start..start + 1 + random.below(1_500))
            })
            .collect();
        let has_sound = random.below(2) == 0;
        let plan = match recorded.plan(&keep, &covers, has_sound) {
            Ok(plan) => plan,
            Err(error) => {
                assert_eq!(error, BadEdit::Empty, "seed {seed}");
                continue;
            }
        };
        planned += 1;
        check(seed, &recorded, &keep, &covers, has_sound, &plan);
    }
    assert!(planned > 8_000, "only {planned} edits keep anything");
}

fn check(
    seed: u64,
    recorded: &Recorded,
    keep: &[Range<u64>],
    covers: &[Cover],
    has_sound: bool,
    plan: &CutPlan,
) {
    // The output has no gap and no overlap, and each piece is where its shift says.
    let mut at_ms = 0;
    for piece in &plan.pieces {
        assert_eq!(piece.at_ms(), at_ms, "seed {seed}");
        assert!(piece.duration_ms() > 0 && piece.shift_ms() <= 0, "seed {seed}: {piece:?}");
        let source = piece.source_ms();
        let moved = source.start.checked_add_signed(piece.shift_ms());
        assert_eq!(moved, Some(at_ms), "seed {seed}");
        assert_eq!(plan.output_ms(source.start), Some(at_ms), "seed {seed}");
        assert_eq!(plan.source_ms(at_ms), Some(source.start), "seed {seed}");
        at_ms += piece.duration_ms();
    }
    assert_eq!(plan.duration_ms(), at_ms, "seed {seed}");

    // The pieces are what is kept, in its order.
    let mut union: Vec<Range<u64>> = Vec::new();
    for source in plan.pieces.iter().map(Piece::source_ms) {
        match union.last_mut() {
            Some(last) if last.end == source.start => last.end = source.end,
            _ => union.push(source),
        }
    }
    let kept: Vec<Range<u64>> = plan.kept.iter().map(|kept| kept.source.clone()).collect();
    assert_eq!(joined_ranges(&kept), union, "seed {seed}");

    // A picture is in the output once if the edit keeps it, and not at all otherwise.
    for time_ms in recorded.frames.values().flatten() {
        let wanted = keep.iter().any(|range| range.contains(time_ms));
        let shown = plan.pieces.iter().filter(|piece| piece.source_ms().contains(time_ms)).count();
        assert_eq!(shown, usize::from(wanted), "seed {seed}: the picture of {time_ms} ms");
    }
    for range in &plan.kept {
        assert!(range.source.start - range.wanted_ms <= HOLD_MS, "seed {seed}: {range:?}");
    }

    // What stays is whole, untouched by covers, and its sound does not touch what was cut out.
    for piece in plan.pieces.iter().filter(|piece| !piece.is_rendered()) {
        let source = piece.source_ms();
        let segment = &recorded.segments[piece.segment() as usize];
        assert_eq!(source, segment.start_ms..segment.end_ms(), "seed {seed}");
        let is_covered = covers
            .iter()
            .any(|cover| cover.during_ms.start < source.end && source.start < cover.during_ms.end);
        assert!(!is_covered, "seed {seed}: {piece:?}");
        let is_kept = |time_ms: u64| plan.kept.iter().any(|kept| kept.source.contains(&time_ms));
        let is_cut_after = source.end < recorded.end_ms() && !is_kept(source.end);
        let is_cut_before =
            source.start > recorded.segments[0].start_ms && !is_kept(source.start - 1);
        assert!(!(has_sound && (is_cut_after || is_cut_before)), "seed {seed}: {piece:?}");
    }
    // What is rendered has a reason.
    for (_, piece) in plan.rendered() {
        let Piece::Render { segment, covers, joined, .. } = piece else { continue };
        let source = &recorded.segments[*segment as usize];
        let is_whole = piece.source_ms() == (source.start_ms..source.end_ms());
        let is_joined = joined.start && joined.end;
        assert!(!is_whole || !covers.is_empty() || !is_joined, "seed {seed}: {piece:?}");
    }
}

#[test]
fn ranges_in_another_order_move_to_later_times_and_are_joints() {
    let recorded = Recorded::even(6);
    // The last two segments play in the place of the second one.
    let plan = recorded.plan(&[0..2_000, 8_000..12_000, 4_000..8_000], &[], true).unwrap();
    let kept: Vec<_> = plan.kept.iter().map(|kept| (kept.source.clone(), kept.at_ms)).collect();
    assert_eq!(kept, [(0..2_000, 0), (8_000..12_000, 2_000), (4_000..8_000, 6_000)]);
    let pieces: Vec<_> = plan.pieces.iter().map(|it| (it.segment(), it.is_rendered())).collect();
    // With sound, each segment beside a joint is rendered; at the ends of the output nothing is cut out.
    assert_eq!(pieces, [(0, true), (4, true), (5, true), (2, true), (3, true)]);
    let ends = |piece: &Piece| match piece {
        Piece::Render { joined, .. } => (joined.start, joined.end),
        Piece::Keep { .. } => (true, true),
    };
    let joined: Vec<_> = plan.pieces.iter().map(ends).collect();
    let expected = [(true, false), (false, true), (true, false), (false, true), (true, false)];
    assert_eq!(joined, expected, "what follows the last range in the source is cut out there");
    let silent = recorded.plan(&[0..2_000, 8_000..12_000, 4_000..8_000], &[], false).unwrap();
    let shifts: Vec<_> = silent.pieces.iter().map(Piece::shift_ms).collect();
    assert_eq!(shifts, [0, -6_000, -6_000, 2_000, 2_000]);
    assert!(silent.pieces.iter().all(|piece| !piece.is_rendered()), "the same bytes");
    for (source_ms, output_ms) in
        [(500, Some(500)), (9_000, Some(3_000)), (4_500, Some(6_500)), (2_500, None)]
    {
        assert_eq!(plan.output_ms(source_ms), output_ms, "{source_ms}");
    }
    // The next that was kept in the source, wherever it plays.
    assert_eq!((plan.nearest_output_ms(2_500), plan.nearest_output_ms(13_000)), (6_000, 10_000));
    assert_eq!((plan.source_ms(6_500), plan.source_ms(10_000)), (Some(4_500), None));
}
