//! Seeded edits: every picture of the result is the expected one, first to last, at its time, and what isn't at a
//! cut has the same bytes.

use std::ops::Range;
use std::time::Instant;

use snaplark_core::cut::{HOLD_MS, Piece};
use snaplark_core::edit::Edit;
use snaplark_core::render::{ExportFormat, Render as _, RenderProgress};
use snaplark_formats::webm;
use snaplark_render::SystemRender;

use crate::judge::{Seen, cuts, export, options, pictures};
use crate::recorded::{FAST, Recorded, SCALED, STILL, USUAL, is_beeping};

/// Edits with each change. `SNAPLARK_CUT_EDITS` names the seeds, as `200` or `100..200`; `cargo xtask soak cuts` takes 200.
const EDITS: u64 = 8;

/// A small random source (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// Returns ranges in order, with a gap between them.
fn random_keep(random: &mut Random, end_ms: u64) -> Vec<Range<u64>> {
    let count = 1 + random.below(3);
    let mut at: Vec<u64> = (0..2 * count).map(|_| random.below(end_ms + 1)).collect();
    at.sort_unstable();
    at.dedup();
    let ranges = at.chunks_exact(2).map(|pair| pair[0]..pair[1]);
    ranges.filter(|range| range.end - range.start >= 100).collect()
}

/// Returns what an edit should show, by the rule alone: pictures whose times are kept, and the one that stands where
/// a range begins if none comes within [`HOLD_MS`].
fn expected(recorded: &Recorded, keep: &[Range<u64>]) -> Vec<Seen> {
    let (mut seen, mut at_ms) = (Vec::new(), 0);
    for range in keep {
        let next = recorded.times.iter().copied().find(|time_ms| *time_ms >= range.start);
        let next = next.unwrap_or(recorded.end_ms);
        let is_held = next - range.start > HOLD_MS;
        let start = if is_held { range.start } else { next };
        let mut show = |number: usize, time_ms: u64| {
            let is_flash = is_beeping(recorded.times[number]);
            seen.push(Seen { time_ms: at_ms + time_ms - start, number, is_flash });
        };
        if is_held {
            show(recorded.times.partition_point(|time_ms| *time_ms <= range.start) - 1, start);
        }
        for (number, time_ms) in recorded.times.iter().copied().enumerate() {
            if range.contains(&time_ms) {
                show(number, time_ms);
            }
        }
        at_ms += range.end.saturating_sub(start);
    }
    seen
}

#[test]
fn seeded_edits_show_exactly_the_expected_pictures() {
    let seeds = seeds();
    let (mut edits, mut shown, mut kept, began) = (0, 0, 0, Instant::now());
    let folder = tempfile::tempdir().unwrap();
    for seed in seeds.clone() {
        let random = &mut Random(seed);
        let recorded: &Recorded = [&USUAL, &FAST, &STILL, &SCALED][random.below(4) as usize];
        let mut keep = random_keep(random, recorded.end_ms);
        if keep.is_empty() {
            continue;
        }
        // As after a stretch was recorded again: what plays first comes later in the source.
        if random.below(3) == 0 {
            keep.rotate_left(1);
        }
        let edit = cuts(&keep, &[]);
        let file = export(recorded, &edit, &options(ExportFormat::Webm), folder.path());
        let (want, got) = (expected(recorded, &keep), pictures(&file, recorded.size));
        let name = recorded.name;
        for (place, (want, got)) in want.iter().zip(&got).enumerate() {
            assert_eq!(got, want, "seed {seed}: picture {place} of {name} {keep:?}");
        }
        assert_eq!(got.len(), want.len(), "seed {seed}: pictures of {name} {keep:?}");
        kept += same_bytes(seed, recorded, &edit, folder.path());
        (edits, shown) = (edits + 1, shown + got.len());
        std::fs::remove_file(file).unwrap();
    }
    println!(
        "figures: seeds {seeds:?}: {edits} edits, {shown} pictures and {kept} kept segments in {} s",
        began.elapsed().as_secs()
    );
}

/// Returns the seeds that are tried.
fn seeds() -> Range<u64> {
    let Ok(wanted) = std::env::var("SNAPLARK_CUT_EDITS") else { return 0..EDITS };
    let (first, end) = wanted.split_once("..").unwrap_or(("0", &wanted));
    first.parse().unwrap()..end.parse().unwrap()
}

/// Checks that what is not rendered differs from the source in its clusters' times only. Returns how many segments that
/// are.
fn same_bytes(seed: u64, recorded: &Recorded, edit: &Edit, folder: &std::path::Path) -> usize {
    let pieces = folder.join(format!("pieces-{seed}"));
    let cut = SystemRender.cut(recorded, edit, &pieces, &RenderProgress::default()).unwrap();
    assert_eq!(cut.files.len(), cut.plan.rendered().count());
    for file in &cut.files {
        let bytes = std::fs::read(&file.path).unwrap();
        let [cluster] = webm::index(&bytes).unwrap().clusters[..] else { panic!("not a cluster") };
        let piece = &cut.plan.pieces[file.piece];
        assert!(cluster.starts_with_keyframe);
        assert_eq!(cluster.start_ms, piece.at_ms(), "seed {seed}");
        assert_eq!(bytes.len() as u64, file.size_bytes);
    }
    let whole = export(recorded, edit, &options(ExportFormat::Webm), folder);
    let bytes = std::fs::read(&whole).unwrap();
    let clusters = webm::index(&bytes).unwrap().clusters;
    assert_eq!(clusters.len(), cut.plan.pieces.len());
    for (cluster, piece) in clusters.iter().zip(&cut.plan.pieces) {
        let Piece::Keep { segment, at_ms, .. } = piece else { continue };
        let start = cluster.offset as usize;
        let kept = &bytes[start..start + cluster.size as usize];
        assert_eq!(cluster.start_ms, *at_ms, "seed {seed}");
        let source = &recorded.clusters[*segment as usize];
        // The number of a later time may be longer.
        let rest =
            |bytes: &[u8]| bytes[webm::cluster_head_bytes(bytes).unwrap() as usize..].to_vec();
        assert_eq!(rest(kept), rest(source), "seed {seed}: segment {segment}");
        assert!(kept.len() == source.len() || piece.shift_ms() > 0, "seed {seed}: {segment}");
    }
    std::fs::remove_file(whole).unwrap();
    cut.plan.pieces.len() - cut.files.len()
}

#[test]
fn cut_file_seeks_and_states_its_duration() {
    let folder = tempfile::tempdir().unwrap();
    let edit = cuts(&[1_500..5_200, 7_777..12_000], &[]);
    let file = export(&USUAL, &edit, &options(ExportFormat::Webm), folder.path());
    let seconds: f64 = crate::judge::probe(&file, "", "format=duration").parse().unwrap();
    // The second range begins with its first picture, at 7,800 ms.
    assert!((seconds - 7.9).abs() < 0.002, "{seconds}");
    let at = pictures_from(&file, "5.0");
    assert_eq!(at, USUAL.times.iter().position(|time_ms| *time_ms >= 9_100).unwrap());
}

/// Returns the number of the first picture after seeking.
fn pictures_from(file: &std::path::Path, second: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("from.mkv");
    let args =
        ["-v", "error", "-ss", second, "-i", file.to_str().unwrap(), "-frames:v", "1", "-an"];
    let args = [&args[..], &["-c:v", "ffv1", to.to_str().unwrap()]].concat();
    crate::judge::run("ffmpeg", &args);
    pictures(&to, USUAL.size)[0].number
}
