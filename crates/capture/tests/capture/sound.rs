//! Recordings with sound, against the clock and against the picture.

use std::time::Instant;

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

/// Hears until that happens.
pub fn until(recording: &mut Recording, happened: impl Fn(&CaptureEvent) -> bool) {
    let last = Instant::now() + PATIENCE;
    while !happened(recording.hear()) {
        assert!(Instant::now() < last, "it did not happen: {:?}", recording.troubles());
    }
}

fn lost(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Troubled { trouble: Trouble::AudioLost { .. }, .. })
}

fn is_loud(event: &CaptureEvent) -> bool {
    matches!(event, CaptureEvent::Level { microphone, .. } if *microphone > 200)
}

#[test]
fn a_microphone_may_go_come_back_and_be_muted() {
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
    let back = Trouble::AudioBack { listening: Listening::Microphone };
    until(&mut recording, |event| trouble_of(event) == Some(&back));
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

    let [Trouble::AudioLost { listening: Listening::Microphone, reason }, told] =
        recording.troubles()[..]
    else {
        panic!("{:?}", recording.troubles())
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
fn what_the_computer_plays_is_heard_wherever_it_plays() {
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
    assert!(recording.troubles().is_empty(), "{:?}", recording.troubles());
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    let last = recording.segments().iter().map(|s| s.duration_ms).sum::<u64>() as f64 / 1_000.0;
    assert!(loudness(&path, 800, 0.0, heard) > 0.2);
    assert!(loudness(&path, 6_000, last - 0.5, last) > 0.2);
}

#[test]
fn the_picture_is_recorded_whatever_the_sound_does() {
    let (display, mut server) = (Xvfb::start("320x240x24"), SoundServer::start());
    let both = || Sound { microphone: named("Nonsense"), system: true, ..Sound::default() };
    let folder = Folder::new();
    let mut recording = record_with(&capture(&display, &server), request_with(&folder, both()));
    until(&mut recording, lost);
    let said = recording.troubles()[0].to_string();
    assert_eq!(
        said,
        "There is no sound of the microphone: 'Nonsense' is not there. \
         The recording goes on without it"
    );
    server.kill();
    until(&mut recording, |event| {
        let lost = Trouble::AudioLost {
            listening: Listening::System,
            reason: "Disconnected: Connection terminated".into(),
        };
        trouble_of(event) == Some(&lost)
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
    for trouble in recording.troubles() {
        assert!(trouble.to_string().contains("Connection refused"), "{trouble}");
    }
    recording.check_files();
}
