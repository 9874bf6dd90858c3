//! Sound at joints: it keeps its distance from the picture, and nothing clicks.

use std::path::Path;

use snaplark_core::render::{ExportFormat, Render as _};
use snaplark_formats::webm;
use snaplark_render::SystemRender;

use crate::judge::{cuts, export, options, pictures, sound};
use crate::recorded::{BEEP_MS, FAST, Recorded, SCALED, STILL, Sound, TONE, USUAL, record, steady};

/// The distance that the issue allows.
const OFF_MS_MAX: u64 = 40;

/// Returns when beeps begin: the first loud sample after silence.
fn beeps(sound: &[i16]) -> Vec<u64> {
    let (mut beeps, mut quiet_since) = (Vec::new(), 0);
    for (at, sample) in sound.iter().enumerate() {
        if sample.unsigned_abs() > 3_000 {
            if at - quiet_since > 48 * 30 || (beeps.is_empty() && quiet_since == 0) {
                beeps.push(at as u64 / 48);
            }
            quiet_since = at;
        }
    }
    beeps
}

#[test]
fn beeps_stay_with_their_flashes_at_joints() {
    let folder = tempfile::tempdir().unwrap();
    let recordings: [&Recorded; 3] = [&USUAL, &STILL, &SCALED];
    for recorded in recordings {
        // Joints in a beep, just before one, in silence, and exactly at a segment's end.
        let keep = [150..1_350, 1_990..3_450, 3_955..5_500, 6_000..8_000, 8_500..recorded.end_ms];
        let edit = cuts(&keep, &[]);
        let file = export(recorded, &edit, &options(ExportFormat::Webm), folder.path());
        let seen = pictures(&file, recorded.size);
        let begins = seen.windows(2).filter(|pair| !pair[0].is_flash && pair[1].is_flash);
        let flashes: Vec<u64> = begins.map(|pair| pair[1].time_ms).collect();
        let heard = beeps(&sound(&file));
        assert!(flashes.len() >= 4, "{}: flashes at {flashes:?}", recorded.name);
        for flash in &flashes {
            let nearest = heard.iter().map(|beep| beep.abs_diff(*flash)).min();
            // Where the screen stood still, the flash itself is late.
            let is_on_time =
                recorded.name != "still" || recorded_flash_is_on_time(recorded, &keep, *flash);
            assert!(
                !is_on_time || nearest.is_some_and(|off| off <= OFF_MS_MAX),
                "{}: a flash at {flash} ms, beeps at {heard:?}",
                recorded.name
            );
        }
    }
}

/// Returns whether the picture that shows this flash came with its beep.
fn recorded_flash_is_on_time(
    recorded: &Recorded,
    keep: &[std::ops::Range<u64>],
    flash: u64,
) -> bool {
    let mut at_ms = 0;
    for range in keep {
        let length = range.end - range.start;
        if flash < at_ms + length + OFF_MS_MAX {
            let source = range.start + (flash - at_ms.min(flash));
            let second = (source + 500) / 1_000 * 1_000;
            return recorded.times.iter().any(|time_ms| time_ms.abs_diff(second) < OFF_MS_MAX);
        }
        at_ms += length;
    }
    false
}

#[test]
fn sound_that_was_cut_out_is_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    // Between the beeps: nothing of them may be left, not even the rest of a packet.
    let keep = [1_000 + BEEP_MS + 1..2_000, 3_000 + BEEP_MS + 1..4_000, 4_000 + BEEP_MS + 1..5_000];
    let edit = cuts(&keep, &[]);
    let file = export(&USUAL, &edit, &options(ExportFormat::Webm), folder.path());
    let loudest = sound(&file).iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    // What an encoder makes of the end of a beep is 40 dB below it.
    assert!(loudest < 300, "{loudest}");
}

#[test]
fn joints_of_a_tone_do_not_click() {
    let folder = tempfile::tempdir().unwrap();
    let edit = cuts(&[500..1_234, 2_345..3_333, 5_001..7_013], &[]);
    let file = export(&TONE, &edit, &options(ExportFormat::Webm), folder.path());
    let largest = largest_step(&file);
    assert!(largest < STEP_MAX, "{largest}");
}

/// A tone of 440 Hz and 9,000 steps by 518 at most. A joint without a fade would step by thousands.
const STEP_MAX: i32 = 900;

/// Returns the largest difference of two samples that follow each other, but for the first packet's: the sound may begin
/// in the middle of a wave.
fn largest_step(file: &Path) -> i32 {
    let heard = sound(file);
    let heard = &heard[48 * 20..heard.len() - 48 * 20];
    let steps = heard.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    steps.max().unwrap()
}

#[test]
fn sound_of_what_is_appended_begins_without_a_click() {
    // It ends in the middle of a wave, and of a packet.
    const END_MS: u64 = 3_990;
    let sound = Some(Sound::Burst);
    let recorded = record("burst", (176, 96), steady(30, END_MS), END_MS, sound);
    let folder = tempfile::tempdir().unwrap();
    let moved = |index: usize| {
        let at_ms = END_MS + recorded.list[index].start_ms;
        webm::moved(&recorded.clusters[index], at_ms).unwrap()
    };
    let appended = |name: &str, first: &[u8]| {
        let parts = [&recorded.init, &recorded.clusters[0], &recorded.clusters[1]];
        let whole = [parts[0].as_slice(), parts[1], parts[2], first, &moved(1)].concat();
        let file = folder.path().join(name);
        std::fs::write(&file, whole).unwrap();
        file
    };
    let plain = moved(0);
    let joined = SystemRender.joined(&recorded.init, &recorded.clusters[1], &plain).unwrap();
    let joined = joined.unwrap();
    let (clicks, file) = (appended("plain.webm", &plain), appended("joined.webm", &joined));
    let (before, after) = (largest_step(&clicks), largest_step(&file));
    println!(
        "figures: the largest step at the joint of an append: {after}, {before} if it is not joined"
    );
    assert!(after < STEP_MAX && before > STEP_MAX, "{after}, and {before} without");
    // Pictures and times are the same, and the sound is as long.
    let blocks = |bytes: &[u8]| webm::blocks(bytes).unwrap();
    let (plain, joined) = (blocks(&plain), blocks(&joined));
    let heads = |blocks: &[webm::Block]| -> Vec<_> {
        blocks.iter().map(|it| (it.track, it.time_ms, it.keyframe, it.duration_ms)).collect()
    };
    assert_eq!(heads(&joined), heads(&plain));
    let pictures = |blocks: Vec<webm::Block>| -> Vec<Vec<u8>> {
        let pictures = blocks.into_iter().filter(|it| it.track == webm::Track::Video);
        pictures.map(|it| it.data).collect()
    };
    assert_eq!(pictures(joined), pictures(plain));
}

#[test]
fn what_is_appended_without_sound_has_nothing_to_join() {
    let [first, second, ..] = &FAST.clusters[..] else { panic!("it has several segments") };
    assert_eq!(SystemRender.joined(&FAST.init, first, second), Ok(None));
}
