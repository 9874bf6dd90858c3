//! One long recording, for what only time shows. It comes first by its name, so that the others run
//! beside it.

use std::time::{Duration, Instant};

use snaplark_core::capture::*;

use crate::common::sound::*;
use crate::common::*;
use crate::sound::{capture, named, request_with};

const FRAME_SECONDS: f64 = 1.0 / 30.0;

/// For how long the long recording goes on. `SNAPLARK_TEST_SYNC_SECONDS` makes it longer.
fn sync_seconds() -> u64 {
    let given = std::env::var("SNAPLARK_TEST_SYNC_SECONDS").ok();
    given.map_or(30, |seconds| seconds.parse().unwrap())
}

/// The distance of each of `onsets` from the nearest of `marks`, in seconds: later is positive.
fn distances(onsets: &[f64], marks: &[f64]) -> Vec<f64> {
    let nearest = |onset: f64| {
        let distances = marks.iter().map(|mark| onset - mark);
        distances.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
    };
    onsets.iter().map(|onset| nearest(*onset)).collect()
}

/// A player's flashes and beeps, and a microphone whose clock is off by 2,000 ppm, more than any that
/// is sold: uncorrected it would be 60 ms off at the end.
#[test]
fn sound_stays_in_sync_when_the_device_drifts() {
    let (display, server) = (Xvfb::start("640x240x24"), SoundServer::start());
    let _player = Player::flash_and_beep(&display, &server, 800);
    let microphone = WrongMicrophone::plug_in(&display, &server, "mic", 48_096.0, 6_000.0);
    let folder = Folder::new();
    let sound = Sound { microphone: named("mic"), system: true, levels: true, ..Sound::default() };
    let mut recording = record_with(&capture(&display, &server), request_with(&folder, sound));
    let until = Instant::now() + Duration::from_secs(sync_seconds());
    while Instant::now() < until {
        recording.hear();
    }
    let (end, counts) = recording.stop();
    drop(microphone);
    assert_eq!(end, CaptureEnd::Stopped);
    // A busy machine may lose a picture; sound it must not.
    let is_sound = |issue: &&Issue| matches!(issue, Issue::AudioLost { .. });
    assert_eq!(recording.issues().into_iter().find(is_sound), None);
    let path = folder.0.join("joined");
    recording.join(&path);

    println!("{counts:?}");
    let seconds = sync_seconds() as usize;
    for (who, x, hz) in [("player", 0, 800), ("microphone", 320, 6_000)] {
        let (flashes, beeps) = (flashes(&path, x), beeps(&path, hz));
        assert!(flashes.len() >= seconds - 3 && beeps.len() >= seconds - 3, "{who}");
        // What was under way before the recording is no beginning.
        let mut apart = distances(&beeps[3..], &flashes);
        println!("{who}: sound behind picture {apart:.3?}");
        apart.sort_by(f64::total_cmp);
        // A busy machine shows a picture late now and then, and that is what is recorded.
        let part = |percent: usize| apart[apart.len() * percent / 100];
        let (least, median, most) = (part(5), part(50), part(95));
        println!("{who}: {least:.3} to {most:.3}, median {median:.3}");
        assert!(least > -0.040 && most < 0.040, "{who}: {least} {most}");
        // A flash is seen at the next look. A player's clock is not the computer's, so where between
        // two looks it flashes wanders once through a frame's length; anything more is drift.
        assert!(most - least < FRAME_SECONDS + 0.006, "{who}: {least} {most}");
    }
    std::fs::remove_file(&path).unwrap();
    recording.check_whole();
}
