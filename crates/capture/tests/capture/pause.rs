//! Pauses: nothing of them is in the file, and nothing else is missing.

use std::time::Duration;

use snaplark_core::capture::*;

use crate::common::sound::*;
use crate::common::*;
use crate::sound::{hear_for, record_tone, until};

const WORK: u32 = 0xE6_3C_1E;
const SECRET: u32 = 0xFF_FF_FF;

fn is_paused(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Paused { .. })
}

fn is_resumed(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Resumed { .. })
}

#[test]
fn pauses_leave_no_gap_in_picture_or_sound() {
    let (display, server) = (Xvfb::start("320x240x24"), SoundServer::start());
    let painter = display.connect();
    painter.fill_root(WORK);
    let player = Player::tone(&server, "speakers", 800);
    let folder = Folder::new();
    let mut recording = record_tone(&display, &server, &folder);
    hear_for(&mut recording, Duration::from_millis(500));
    for n in 0..5 {
        let sealed = recording.segments().len();
        recording.control.pause();
        until(&mut recording, is_paused);
        assert!(recording.segments().len() > sealed, "it is not sealed in the pause");
        painter.fill_root(SECRET);
        player.wait_until_played(Duration::from_millis(300 + 211 * n));
        painter.fill_root(WORK);
        recording.control.resume();
        until(&mut recording, is_resumed);
        hear_for(&mut recording, Duration::from_millis(400 + 500 * n));
    }
    let (end, counts) = recording.stop();
    assert_eq!((end, counts.dropped), (CaptureEnd::Stopped, 0));
    assert!(recording.issues().is_empty(), "{:?}", recording.issues());
    recording.check_files();

    let pauses: Vec<u64> = (recording.heard.iter())
        .filter_map(|event| match event {
            CaptureEvent::Paused { at_ms } => Some(*at_ms),
            _ => None,
        })
        .collect();
    assert_eq!(pauses.len(), 5);
    for at_ms in &pauses {
        let begins = recording.segments().iter().any(|segment| segment.start_ms == *at_ms);
        assert!(begins, "no segment begins at {at_ms}: {:?}", recording.segments());
    }
    let path = folder.0.join("joined");
    recording.join(&path);
    assert!(colours(&path).iter().all(|[_, green, _]| *green < 128), "the pause is to be seen");

    // In each 5 ms of the sound, from its beginning on, the tone is to be heard.
    let samples = heard(&path, 800);
    let loud: Vec<bool> =
        samples.chunks(240).map(|chunk| chunk.iter().any(|value| value.abs() > 0.1)).collect();
    let first = loud.iter().position(|loud| *loud).unwrap();
    let last = loud.iter().rposition(|loud| *loud).unwrap();
    let gaps: Vec<usize> = (first..last).filter(|n| !loud[*n]).collect();
    let longest = gaps.chunk_by(|a, b| a + 1 == *b).map(<[usize]>::len).max().unwrap_or(0);
    assert!(longest < 4, "{longest} times 5 ms are silent: {gaps:?}");
    let length_ms = recording.segments().iter().map(|s| s.duration_ms).sum::<u64>();
    assert!((last as u64 * 5).abs_diff(length_ms) < 100, "{last} {length_ms}");
}

#[test]
fn stop_during_a_pause_ends_the_recording() {
    let display = Xvfb::start("320x240x24");
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    // Before the start, and twice, it does nothing.
    recording.control.pause();
    until(&mut recording, |event| matches!(event, CaptureEvent::Started { .. }));
    recording.control.resume();
    for _ in 0..5 {
        recording.control.pause();
        recording.control.resume();
    }
    recording.wait_for_segments(1);
    recording.control.pause();
    recording.control.pause();
    // A short one may have become one on a busy machine, and was told before this.
    until(&mut recording, is_paused);
    // Longer than what is taken for a stall.
    recording.hear_nothing_for(Duration::from_millis(2_500));
    let paused = recording.heard.iter().filter_map(|event| match event {
        CaptureEvent::Paused { at_ms } => Some(*at_ms),
        _ => None,
    });
    let paused: Vec<u64> = paused.collect();
    let at_ms = *paused.iter().max().unwrap();
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    let length_ms = recording.segments().iter().map(|s| s.duration_ms).sum::<u64>();
    // Where short ones became some, a picture may have come between each two at that very moment: it
    // has the least length there is, a millisecond.
    let over_ms = length_ms.checked_sub(at_ms);
    assert!(over_ms.is_some_and(|over| over < paused.len() as u64), "{length_ms} {paused:?}");
    assert!(recording.issues().is_empty(), "{:?}", recording.issues());
    recording.check_files();
}
