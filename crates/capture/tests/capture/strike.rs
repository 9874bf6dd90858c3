//! Strikes: what is kept has neither the pictures nor the sound of the struck seconds, and no gap.

use std::path::Path;
use std::time::{Duration, Instant};

use snaplark_core::capture::*;
use snaplark_core::{INIT_FILE, segment_file};
use snaplark_formats::webm;

use crate::common::sound::*;
use crate::common::*;
use crate::sound::{hear_for, record_tone, until};

const WORK: u32 = 0xE6_3C_1E;
const SECRET: u32 = 0xFF_FF_FF;
/// The tone that is heard throughout, and the one of the struck seconds.
const WORK_HZ: u32 = 800;
const SECRET_HZ: u32 = 5_000;

/// The rest of a recording, as the owner of the segments keeps it.
struct Kept {
    segments: Vec<Vec<u8>>,
    end_ms: u64,
    struck_ms: u64,
}

/// Follows the events as the port says: `folders` are those of the strikes, in order.
fn kept(recording: &Recording, folders: &[&Folder]) -> Kept {
    let mut folder = recording.folder.as_path();
    let mut later = folders.iter();
    let mut kept = Kept { segments: Vec::new(), end_ms: 0, struck_ms: 0 };
    for event in &recording.heard {
        match event {
            CaptureEvent::SegmentSealed(segment) => {
                let mut bytes = std::fs::read(folder.join(segment_file(segment.index))).unwrap();
                assert_eq!(segment.start_ms - kept.struck_ms, kept.end_ms, "segments leave no gap");
                webm::retime(&mut bytes, kept.end_ms).unwrap();
                kept.segments.push(bytes);
                kept.end_ms += segment.duration_ms;
            }
            CaptureEvent::Struck { until_ms, removed_ms, .. } => {
                let from_ms = until_ms - kept.struck_ms - removed_ms;
                while let Some(last) = kept.segments.pop() {
                    let [cluster] = webm::index(&last).unwrap().clusters[..] else { panic!() };
                    if cluster.start_ms < from_ms {
                        kept.segments.push(webm::truncate(&last, from_ms).unwrap());
                        break;
                    }
                }
                kept.end_ms = from_ms;
                kept.struck_ms += removed_ms;
                folder = &later.next().unwrap().0;
            }
            _ => {}
        }
    }
    kept
}

fn join(recording: &Recording, kept: &Kept, to: &Path) {
    let mut whole = std::fs::read(recording.folder.join(INIT_FILE)).unwrap();
    whole.extend(kept.segments.iter().flatten());
    std::fs::write(to, whole).unwrap();
}

fn struck(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Struck { .. })
}

fn ms(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

#[test]
fn struck_seconds_are_neither_seen_nor_heard_and_leave_no_gap() {
    let (display, server) = (Xvfb::start("320x240x24"), SoundServer::start());
    let painter = display.connect();
    painter.fill_root(WORK);
    let player = Player::tone(&server, "speakers", WORK_HZ);
    let folder = Folder::new();
    let folders = [Folder::new(), Folder::new(), Folder::new()];
    let mut recording = record_tone(&display, &server, &folder);
    let begun = Instant::now();
    hear_for(&mut recording, Duration::from_millis(1_700));
    // The strike begins before what is painted, since the person notices too late what was on the screen.
    for (folder, secret_ms) in folders[..2].iter().zip([2_300, 300]) {
        let begins = Instant::now();
        hear_for(&mut recording, Duration::from_millis(300));
        painter.fill_root(SECRET);
        let secret = Player::tone(&server, "speakers", SECRET_HZ);
        player.wait_until_played(Duration::from_millis(secret_ms));
        drop(secret);
        painter.fill_root(WORK);
        hear_for(&mut recording, Duration::from_millis(500));
        recording.control.strike(ms(begins), folder.0.clone());
        until(&mut recording, struck);
        hear_for(&mut recording, Duration::from_millis(900));
    }
    // In a pause, all that was recorded since the last strike and some more.
    painter.fill_root(SECRET);
    hear_for(&mut recording, Duration::from_millis(200));
    painter.fill_root(WORK);
    hear_for(&mut recording, Duration::from_millis(200));
    recording.control.pause();
    until(&mut recording, |event| matches!(event, CaptureEvent::Paused { .. }));
    recording.control.strike(1_600, folders[2].0.clone());
    until(&mut recording, struck);
    recording.control.resume();
    until(&mut recording, |event| matches!(event, CaptureEvent::Resumed { .. }));
    hear_for(&mut recording, Duration::from_millis(700));
    let recorded_ms = ms(begun);
    let (end, counts) = recording.stop();
    assert_eq!((end, counts.dropped), (CaptureEnd::Stopped, 0));
    assert!(recording.issues().is_empty(), "{:?}", recording.issues());

    let kept = kept(&recording, &folders.each_ref());
    assert!(kept.struck_ms > 5_000 && kept.end_ms < recorded_ms, "{} kept", kept.end_ms);
    let path = folder.0.join("joined");
    join(&recording, &kept, &path);
    let pictures = colours(&path);
    assert_eq!(decode(&path), pictures.len());
    assert!(pictures.iter().all(|[_, green, _]| *green < 128), "a struck picture is to be seen");
    let times: Vec<f64> = packets(&path).iter().map(|packet| packet.seconds).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "times run backwards: {times:?}");

    // The other tone is to be heard nowhere, and the first in each 5 ms. It fades out and in at a strike.
    let samples = heard(&path, WORK_HZ);
    let loud: Vec<bool> =
        samples.chunks(240).map(|chunk| chunk.iter().any(|value| value.abs() > 0.1)).collect();
    let first = loud.iter().position(|loud| *loud).unwrap();
    let last = loud.iter().rposition(|loud| *loud).unwrap();
    let gaps: Vec<usize> = (first..last).filter(|n| !loud[*n]).collect();
    let longest = gaps.chunk_by(|a, b| a + 1 == *b).map(<[usize]>::len).max().unwrap_or(0);
    assert!(longest < 5, "{longest} times 5 ms are silent: {gaps:?}");
    assert!((last as u64 * 5).abs_diff(kept.end_ms) < 100, "{last} {}", kept.end_ms);
    let other = heard(&path, SECRET_HZ).iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(other < 0.05, "the struck tone is heard ({other})");
}

#[test]
fn strike_right_before_the_end_is_carried_out() {
    let display = Xvfb::start("320x240x24");
    let painter = display.connect();
    painter.fill_root(WORK);
    let (folder, other) = (Folder::new(), Folder::new());
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    until(&mut recording, |event| matches!(event, CaptureEvent::Started { .. }));
    recording.wait_for_segments(1);
    painter.fill_root(SECRET);
    recording.hear_nothing_for(Duration::from_millis(300));
    recording.control.strike(1_000, other.0.clone());
    recording.stop();
    assert!(recording.heard.iter().any(struck));
    let kept = kept(&recording, &[&other]);
    let path = folder.0.join("joined");
    join(&recording, &kept, &path);
    assert!(colours(&path).iter().all(|[_, green, _]| *green < 128));
}

#[test]
fn strike_of_more_than_was_recorded_leaves_what_follows() {
    let display = Xvfb::start("320x240x24");
    let painter = display.connect();
    painter.fill_root(SECRET);
    let (folder, other) = (Folder::new(), Folder::new());
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    recording.wait_for_segments(1);
    painter.fill_root(WORK);
    recording.control.strike(60_000, other.0.clone());
    until(&mut recording, struck);
    let before = recording.segments().len();
    recording.wait_for_segments(before + 1);
    recording.stop();
    let kept = kept(&recording, &[&other]);
    assert_eq!(kept.segments.len(), recording.segments().len() - before);
    let path = folder.0.join("joined");
    join(&recording, &kept, &path);
    assert!(colours(&path).iter().all(|[_, green, _]| *green < 128));
    assert!((packets(&path)[0].seconds) < 0.001);
}

#[test]
fn strike_that_cannot_be_written_is_reported_and_strikes_nothing() {
    let display = Xvfb::start("320x240x24");
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    recording.wait_for_segments(1);
    recording.control.strike(1_000, folder.0.join("missing"));
    until(&mut recording, |event| matches!(event, CaptureEvent::StrikeFailed { .. }));
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    recording.check_files();
}
