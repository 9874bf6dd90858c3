//! Recordings with sound, against the clock and against the picture.

use std::time::{Duration, Instant};

use snaplark_capture::SystemCapture;
use snaplark_core::capture::*;

use crate::common::sound::*;
use crate::common::*;

pub fn capture(display: &Xvfb, server: &SoundServer) -> SystemCapture {
    SystemCapture::on_display(&display.name).with_sound_server(server.name())
}

pub fn request_with(folder: &Folder, sound: Sound) -> CaptureRequest {
    CaptureRequest { sound, ..request(&folder.0, Source::Display(None)) }
}

pub fn named(name: &str) -> Option<Device> {
    Some(Device::Named(name.to_owned()))
}

/// Records what the speakers play, and returns once a tone is heard.
pub fn record_tone(display: &Xvfb, server: &SoundServer, folder: &Folder) -> Recording {
    let sound = Sound { microphone: None, system: true, levels: true, ..Sound::default() };
    let mut recording = record_with(&capture(display, server), request_with(folder, sound));
    until(
        &mut recording,
        |event| matches!(event, CaptureEvent::Level { system, .. } if *system > 200),
    );
    recording
}

/// Hears for that long.
pub fn hear_for(recording: &mut Recording, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        recording.hear();
    }
}

/// Hears until that happens.
pub fn until(recording: &mut Recording, happened: impl Fn(&CaptureEvent) -> bool) {
    let last = Instant::now() + PATIENCE;
    while !happened(recording.hear()) {
        assert!(Instant::now() < last, "it did not happen: {:?}", recording.issues());
    }
}

fn lost(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::IssueNoticed { issue: Issue::AudioLost { .. }, .. })
}

fn is_loud(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Level { microphone, .. } if *microphone > 200)
}

#[test]
fn microphone_is_reopened_after_loss_and_can_be_muted() {
    let (display, server) = (Xvfb::start("640x240x24"), SoundServer::start());
    let microphone = WrongMicrophone::plug_in(&display, &server, "mic", 48_000.0, 6_000.0);
    let folder = Folder::new();
    let sound = Sound { microphone: named("mic"), system: false, levels: true, ..Sound::default() };
    let mut recording = record_with(&capture(&display, &server), request_with(&folder, sound));
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64();
    until(&mut recording, is_loud);
    until(&mut recording, is_loud);

    server.unload(&microphone.module);
    drop(microphone);
    let unplugged = now();
    until(&mut recording, lost);
    let microphone = WrongMicrophone::plug_in(&display, &server, "mic", 48_000.0, 6_000.0);
    let plugged_in = now();
    let back = Issue::AudioBack { listening: Listening::Microphone };
    until(&mut recording, |event| issue_of(event) == Some(&back));
    until(&mut recording, is_loud);

    recording.control.set_muted(true);
    let muted = now();
    // The meter goes on, so that one sees that one speaks to nobody.
    while now() < muted + 0.3 {
        recording.hear();
    }
    until(&mut recording, is_loud);
    let still_muted = now();
    recording.control.set_muted(false);
    until(&mut recording, is_loud);
    until(&mut recording, is_loud);
    let end = now();
    recording.stop();
    drop(microphone);

    let [Issue::AudioLost { listening: Listening::Microphone, reason }, told] =
        recording.issues()[..]
    else {
        panic!("{:?}", recording.issues())
    };
    assert!(!reason.is_empty() && *told == back, "{reason}");
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    let loudness = |from, to| loudness(&path, 6_000, from, to);
    assert!(loudness(0.0, unplugged) > 0.2);
    assert!(loudness(unplugged + 0.1, plugged_in) < 0.01);
    assert!(loudness(plugged_in, muted) > 0.2);
    assert!(loudness(muted + 0.1, still_muted - 0.1) < 0.01);
    assert!(loudness(still_muted, end) > 0.2);
}

#[test]
fn system_sound_follows_the_default_output() {
    let (display, server) = (Xvfb::start("320x240x24"), SoundServer::start());
    let _first = Player::tone(&server, "speakers", 800);
    let folder = Folder::new();
    let sound = Sound { microphone: None, system: true, levels: true, ..Sound::default() };
    let mut recording = record_with(&capture(&display, &server), request_with(&folder, sound));
    let is_loud =
        |event: &CaptureEvent| matches!(event, CaptureEvent::Level { system, .. } if *system > 200);
    let start = Instant::now();
    until(&mut recording, is_loud);
    let heard = start.elapsed().as_secs_f64();
    server.load(&["module-null-sink", "sink_name=headset"]);
    let _second = Player::tone(&server, "headset", 6_000);
    assert!(server.pactl(&["set-default-sink", "headset"]).status.success());
    // Both players are loud, but only after a silence which the new output begins with.
    until(&mut recording, |event| matches!(event, CaptureEvent::Level { system: 0, .. }));
    until(&mut recording, is_loud);
    until(&mut recording, is_loud);
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    assert!(recording.issues().is_empty(), "{:?}", recording.issues());
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    let last = recording.segments().iter().map(|s| s.duration_ms).sum::<u64>() as f64 / 1_000.0;
    assert!(loudness(&path, 800, 0.0, heard) > 0.2);
    assert!(loudness(&path, 6_000, last - 0.5, last) > 0.2);
}

#[test]
fn recording_continues_when_the_sound_fails() {
    let (display, mut server) = (Xvfb::start("320x240x24"), SoundServer::start());
    let both = || Sound { microphone: named("Nonsense"), system: true, ..Sound::default() };
    let folder = Folder::new();
    let mut recording = record_with(&capture(&display, &server), request_with(&folder, both()));
    until(&mut recording, lost);
    let said = recording.issues()[0].to_string();
    assert_eq!(
        said,
        "The sound of the microphone was lost: 'Nonsense' is not there. \
         Recording continues without it"
    );
    server.kill();
    until(&mut recording, |event| {
        let lost = Issue::AudioLost {
            listening: Listening::System,
            reason: "Disconnected: Connection terminated".into(),
        };
        issue_of(event) == Some(&lost)
    });
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    recording.check_files();

    // Now there is no server at all.
    let folder = Folder::new();
    let mut recording = record_with(&capture(&display, &server), request_with(&folder, both()));
    until(&mut recording, lost);
    until(&mut recording, lost);
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    for issue in recording.issues() {
        assert!(issue.to_string().contains("Connection refused"), "{issue}");
    }
    recording.check_files();
}
