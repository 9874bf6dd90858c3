use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use snaplark_capture::SystemCapture;
use snaplark_core::capture::*;

use crate::common::*;
use crate::stand_in::*;

pub const ALL: [(&str, fn()); 4] = [
    ("hardware_encoder_is_used_from_the_second_recording_when_it_works", one_that_works_is_used),
    ("hardware_encoder_is_never_used_when_its_trial_fails", one_that_does_not_work_is_never_used),
    ("hardware_encoder_is_replaced_when_it_fails_while_recording", one_that_fails_is_replaced),
    ("hardware_encoder_is_not_tried_when_switched_off", one_that_is_switched_off_is_not_tried),
];

struct Place {
    // Ends before its display.
    _moving: Moving,
    display: Xvfb,
    memory: Folder,
}

impl Place {
    fn new(width: u32) -> Self {
        let display = Xvfb::start(&format!("{width}x360x24"));
        let moving = display.connect().keep_painting(30);
        Place { display, _moving: moving, memory: Folder::new() }
    }

    fn record(&self, folder: &Folder, hardware_encoding: bool) -> Recording {
        let capture =
            SystemCapture::on_display(&self.display.name).with_trial_cache_in(&self.memory.0);
        let wanted =
            CaptureRequest { hardware_encoding, ..request(&folder.0, Source::Display(None)) };
        record_with(&capture, wanted)
    }

    /// Returns the remembered results of the encoders' trials.
    fn known(&self) -> Option<String> {
        fs::read_to_string(self.memory.0.join("encoders")).ok()
    }

    /// A recording without it, beside which it is tried.
    fn try_it(&self) -> String {
        let folder = Folder::new();
        let mut recording = self.record(&folder, true);
        recording.hear();
        let until = Instant::now() + PATIENCE;
        let known = loop {
            if let Some(known) = self.known() {
                break known;
            }
            assert!(Instant::now() < until, "it is not tried");
            recording.hear_nothing_for(Duration::from_millis(20));
        };
        let (end, _) = recording.stop();
        assert_eq!(end, CaptureEnd::Stopped);
        known
    }
}

fn one_that_works_is_used() {
    let place = Place::new(RIGHT);
    let before = GIVEN.load(Ordering::Relaxed);
    let known = place.try_it();
    assert!(known.contains(" works"), "{known}");
    assert_eq!(GIVEN.load(Ordering::Relaxed), before, "a trial has a process of its own");
    let folder = Folder::new();
    let before = GIVEN.load(Ordering::Relaxed);
    let mut recording = place.record(&folder, true);
    recording.wait_for_segments(2);
    let (end, counts) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    assert!(switches(&recording).is_empty());
    recording.check_whole();
    let given = GIVEN.load(Ordering::Relaxed) - before;
    assert!(given >= counts.encoded, "{given} of {}", counts.encoded);
}

fn one_that_does_not_work_is_never_used() {
    let before = GIVEN.load(Ordering::Relaxed);
    beside_each_other(
        [(SPOILS, "no VP9"), (LIES, "dB"), (HANGS, "hangs"), (KILLS, "died")],
        |width, why| {
            let place = Place::new(width);
            let known = place.try_it();
            assert!(known.contains(why), "{width}: {known}");
            // Nor the next time.
            let folder = Folder::new();
            let mut recording = place.record(&folder, true);
            recording.hear();
            assert_eq!(recording.stop().0, CaptureEnd::Stopped);
            assert_eq!(place.known().unwrap(), known);
        },
    );
    assert_eq!(GIVEN.load(Ordering::Relaxed), before);
}

fn one_that_fails_is_replaced() {
    beside_each_other(
        [(FAILS_LATER, "the card is gone"), (HANGS_LATER, "hangs"), (SPOILS_LATER, "be played")],
        |width, why| {
            let place = Place::new(width);
            let known = place.try_it();
            assert!(known.contains(" works"), "{width}: {known}");
            let folder = Folder::new();
            let mut recording = place.record(&folder, true);
            recording.wait_for_segments(4);
            let (end, counts) = recording.stop();
            assert_eq!(end, CaptureEnd::Stopped, "{width}");
            let switched = switches(&recording);
            let [Issue::EncoderSwitched { reason }] = switched[..] else {
                panic!("{width}: {switched:?}")
            };
            assert!(reason.contains(why), "{width}: {reason}");
            // One init for both: each segment plays behind it, and all do as one.
            recording.check_files();
            println!("{width}: {counts:?}");
            let known = place.known().unwrap();
            assert!(known.contains("failed while it recorded"), "{known}");
        },
    );
}

/// Each with a display of its own: most of the time they wait.
fn beside_each_other<const N: usize>(
    cases: [(u32, &str); N],
    hold: impl Fn(u32, &str) + Send + Sync,
) {
    std::thread::scope(|scope| {
        for (width, why) in cases {
            let hold = &hold;
            scope.spawn(move || hold(width, why));
        }
    });
}

fn switches(recording: &Recording) -> Vec<&Issue> {
    let is_one = |issue: &&Issue| matches!(issue, Issue::EncoderSwitched { .. });
    recording.issues().into_iter().filter(is_one).collect()
}

fn one_that_is_switched_off_is_not_tried() {
    let place = Place::new(RIGHT);
    let folder = Folder::new();
    let mut recording = place.record(&folder, false);
    recording.wait_for_segments(2);
    assert_eq!(recording.stop().0, CaptureEnd::Stopped);
    assert_eq!(place.known(), None);
}
