//! Covers: what lies below one is gone, from the first picture that it touches to the last.

use snaplark_core::edit::{Area, Cover, CoverStyle};
use snaplark_core::render::ExportFormat;

use crate::judge::{cuts, export, options, pictures, run};
use crate::recorded::{SQUARE, USUAL};

/// Over the first eight squares of the numbers.
const AREA: Area = Area { x: 0, y: 0, width: 8 * SQUARE as u32, height: SQUARE as u32 };

#[test]
fn covered_numbers_are_gone_while_they_are_covered() {
    let folder = tempfile::tempdir().unwrap();
    for style in [CoverStyle::Solid, CoverStyle::Blurred] {
        let cover = Cover { area: AREA, during_ms: 2_500..6_100, style };
        let whole = 0..USUAL.end_ms;
        let edit = cuts(&[whole], &[cover]);
        let file = export(&USUAL, &edit, &options(ExportFormat::Webm), folder.path());
        let seen = pictures(&file, USUAL.size);
        assert_eq!(seen.len(), USUAL.times.len());
        for (number, seen) in seen.iter().enumerate() {
            let time_ms = USUAL.times[number];
            let next_ms = USUAL.times.get(number + 1).copied().unwrap_or(USUAL.end_ms);
            let is_covered = time_ms < 6_100 && next_ms > 2_500;
            assert_eq!(seen.time_ms, time_ms);
            assert_eq!(seen.number >> 8, number >> 8, "the uncovered squares of {number}");
            if is_covered {
                // All squares look alike, whatever the number.
                assert!([0, 255].contains(&(seen.number & 255)), "{style:?}: {number} {seen:?}");
            } else {
                assert_eq!(seen.number, number, "{style:?}");
            }
        }
        if style == CoverStyle::Solid {
            is_black(&file);
        }
    }
}

/// Checks that the area is plain black in a covered picture.
fn is_black(file: &std::path::Path) {
    let crop = format!("crop={}:{}:0:0", AREA.width - 4, AREA.height - 4);
    let raw = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-ss",
            "4",
            "-i",
            file.to_str().unwrap(),
            "-frames:v",
            "1",
            "-vf",
            &crop,
            "-f",
            "rawvideo",
            "-pix_fmt",
            "gray",
            "-",
        ],
    );
    assert!(raw.iter().all(|luma| *luma <= 4), "{:?}", raw.iter().max());
}
