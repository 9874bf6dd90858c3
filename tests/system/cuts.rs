//! Tests of `snaplark edit` and `snaplark export`, with what the recorder really writes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use snaplark_tests::browser::{Browser, play};
use snaplark_tests::cloud::{Cloud, fetch};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::recorder::{Recorded, ask, ask_json, snaplark};
use snaplark_tests::sound::{self, Server};
use snaplark_tests::{media, numbers, wait};

use crate::screen::{SIZE, Screen};

/// The time limit for an export of some seconds, or for a picture to be shown, on a busy machine.
const EXPORTED: Duration = Duration::from_secs(90);
/// The time that a program takes to begin or to end, on a busy machine.
const RUNS: Duration = Duration::from_secs(60);
/// A range may begin with its first picture, up to so much later.
const HOLD_MS: f64 = 40.0;

/// Returns the numbers that are kept of a file, in its order.
fn kept(pictures: &[(f64, u16)], ranges: &[(f64, f64)]) -> Vec<u16> {
    let mut kept = Vec::new();
    for (start, end) in ranges {
        let first = pictures.iter().position(|(seconds, _)| seconds >= start).unwrap();
        // The screen stood still there: the range begins with what was on it.
        let later_ms = (pictures[first].0 - start) * 1_000.0;
        if later_ms.round() > HOLD_MS {
            kept.push(pictures[first - 1].1);
        }
        let inside = pictures.iter().filter(|(seconds, _)| (*start..*end).contains(seconds));
        kept.extend(inside.map(|(_, number)| *number));
    }
    kept
}

#[test]
fn recording_is_cut_to_the_picture_and_exported() {
    let mut screen = Screen::start();
    let _sound = sound::start(&mut screen.home, Server::PulseAudio).unwrap();
    let args = ["record", "--seconds", "9", "--microphone", "--no-upload", "--json"];
    let answer = ask(&screen.home, None, &args).unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let recorded = Recorded::read(&answer.stdout).unwrap();
    let file = recorded.file.clone().unwrap();
    let source = numbers::read_timed(&file, SIZE).unwrap();

    let edit = ["edit", &recorded.id, "--keep", "1.517-3.25,4.9-7.003", "--json"];
    let edited = ask_json(&screen.home, None, &edit).unwrap();
    assert_eq!(edited["durationMs"], 1_733 + 2_103, "{edited}");

    let out = screen.home.snaplark().join("cut.webm");
    let out = out.to_str().unwrap();
    let export = ["export", &recorded.id, "--format", "webm", "--out", out, "--json"];
    let exported = ask_json(&screen.home, None, &export).unwrap();
    assert_eq!(exported["file"], out, "{exported}");
    let cut = numbers::read_timed(Path::new(out), SIZE).unwrap();
    let got: Vec<u16> = cut.iter().map(|(_, number)| *number).collect();
    assert_eq!(got, kept(&source, &[(1.517, 3.25), (4.9, 7.003)]), "of {source:?}");
    assert_eq!(media::container_warnings(Path::new(out)).unwrap(), [""; 0]);

    // The edit changed nothing of the recording, and --original exports all of it.
    let whole = screen.home.snaplark().join("whole.webm");
    let whole = whole.to_str().unwrap();
    let export =
        ["export", &recorded.id, "--format", "webm", "--original", "--out", whole, "--json"];
    ask_json(&screen.home, None, &export).unwrap();
    assert_eq!(std::fs::read(whole).unwrap(), std::fs::read(&file).unwrap());

    for (format, file) in [("mp4", "clip.mp4"), ("gif", "clip.gif")] {
        let out = screen.home.snaplark().join(file);
        let out = out.to_str().unwrap();
        let export = ["export", &recorded.id, "--format", format, "--out", out, "--json"];
        let exported = ask_json(&screen.home, None, &export).unwrap();
        assert!(exported["sizeBytes"].as_u64() > Some(1_000), "{exported}");
        assert!(media::decode(out).unwrap() > 20);
    }
    hold_chromium_plays(&screen, screen.home.snaplark(), &recorded.id);
}

/// Records until the end of `--seconds`, and returns what the program says.
fn record(screen: &Screen, more: &[&str]) -> Recorded {
    let args = [&["record", "--microphone", "--no-upload", "--json"], more].concat();
    let answer = ask(&screen.home, None, &args).unwrap();
    assert!(answer.status.success(), "{answer:?}");
    Recorded::read(&answer.stdout).unwrap()
}

#[test]
fn recording_that_is_recorded_on_has_the_pictures_and_the_sound_of_both() {
    let mut screen = Screen::start();
    let _sound = sound::start(&mut screen.home, Server::PulseAudio).unwrap();
    let first = record(&screen, &["--seconds", "5"]);
    let before = numbers::read_timed(first.file.as_deref().unwrap(), SIZE).unwrap();
    let longer = record(&screen, &["--seconds", "4", "--append", &first.id]);
    assert_eq!(longer.id, first.id);
    let file = longer.file.as_deref().unwrap();
    let both = numbers::read_timed(file, SIZE).unwrap();
    // Up to the joint, each picture and its time are those of before.
    assert_eq!(both[..before.len()], before[..]);
    let after = &both[before.len()..];
    assert!(after.len() > 60, "{after:?}");
    let numbers: Vec<u16> = both.iter().map(|(_, number)| *number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let joint_s = first.duration_ms as f64 / 1_000.0;
    assert!((after[0].0 - joint_s).abs() < 0.050, "{} instead of {joint_s}", after[0].0);
    assert!(after.windows(2).all(|pair| pair[0].0 < pair[1].0), "{after:?}");
    assert_eq!(media::container_warnings(file).unwrap(), [""; 0]);
    assert!(media::decode(file.to_str().unwrap()).unwrap() as usize >= both.len());
    // It is one recording, which can be cut across the joint.
    let list = ask_json(&screen.home, None, &["list", "--json"]).unwrap();
    assert_eq!(list["recordings"].as_array().map(Vec::len), Some(1), "{list}");
    let out = screen.home.snaplark().join("cut.webm");
    let out = out.to_str().unwrap();
    let keep = format!("{:.3}-{:.3}", joint_s - 1.517, joint_s + 1.203);
    ask_json(&screen.home, None, &["edit", &first.id, "--keep", &keep, "--json"]).unwrap();
    let export = ["export", &first.id, "--format", "webm", "--out", out, "--json"];
    ask_json(&screen.home, None, &export).unwrap();
    let cut = numbers::read_timed(Path::new(out), SIZE).unwrap();
    let got: Vec<u16> = cut.iter().map(|(_, number)| *number).collect();
    let range: (f64, f64) =
        keep.split_once('-').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).unwrap();
    assert_eq!(got, kept(&both, &[range]), "of {both:?}");
    let browser = Browser::chromium(&screen.home).unwrap();
    let played = play(&browser.session, &format!("file://{}", file.display())).unwrap();
    assert!(played.frames > 100, "{played:?}");
}

/// Plays the exports in Chromium: sound and picture from start to end, and the animations as pictures.
fn hold_chromium_plays(screen: &Screen, folder: &Path, id: &str) {
    for (format, name) in [("webp", "clip.webp"), ("opus", "clip.opus"), ("wav", "clip.wav")] {
        let out = folder.join(name);
        let out = out.to_str().unwrap();
        ask_json(&screen.home, None, &["export", id, "--format", format, "--out", out, "--json"])
            .unwrap();
    }
    let browser = Browser::chromium(&screen.home).unwrap();
    let session = &browser.session;
    for (name, pictures) in [("cut.webm", 20), ("clip.mp4", 20), ("clip.opus", 0), ("clip.wav", 0)]
    {
        let played = play(session, &format!("file://{}", folder.join(name).display())).unwrap();
        assert!((played.duration_s - 3.836).abs() < 0.1, "{name}: {played:?}");
        assert!(played.frames >= pictures, "{name}: {played:?}");
    }
    for name in ["clip.gif", "clip.webp"] {
        session.go(&format!("file://{}", folder.join(name).display())).unwrap();
        let seen = "const one = document.images[0];
            return one?.complete && one.naturalWidth > 0 && [one.naturalWidth, one.naturalHeight];";
        let seen = session.until(name, EXPORTED, seen).unwrap();
        assert_eq!(seen, json!([SIZE.0, SIZE.1]), "{name}");
    }
}

#[test]
fn export_that_was_killed_is_shown_as_interrupted_and_leaves_nothing() {
    let home = Home::new().unwrap();
    let clip = home.path().join("clip.ivf");
    for format in ["mp4", "png"] {
        let root = home.path().join(format);
        let recorder = |segments: &str| {
            let mut recorder = command(&home, env!("CARGO_BIN_EXE_fake-recorder"));
            recorder.arg("--home").arg(&root).arg("--clip").arg(&clip);
            // Nobody answers there.
            recorder.args(["--server", "http://127.0.0.1:9", "--token", "none"]);
            recorder.args(["--segments", segments, "--every-ms", "0", "--export", format]);
            recorder
        };
        // Ten minutes, of which no export is done before it is killed.
        let mut run = Process::start(&home, "fake-recorder", recorder("300")).unwrap();
        wait::until("the export", EXPORTED, || {
            Ok((run.line(EXPORTED)? == "exporting").then_some(()))
        })
        .unwrap();
        let saved = root.join("saved");
        let parts = || names(&saved).into_iter().filter(|name| name.ends_with(".part"));
        let holds_something = |path: &Path| match path.is_dir() {
            true => !names(path).is_empty(),
            false => path.metadata().is_ok_and(|found| found.len() > 0),
        };
        let until_half_done = || {
            wait::until("a part of the export", EXPORTED, || {
                Ok(parts().find(|part| {
                    let part = saved.join(part);
                    names(&part).iter().any(|name| holds_something(&part.join(name)))
                }))
            })
            .unwrap()
        };
        until_half_done();
        run.kill().unwrap();
        let said = output(recorder("0"), EXPORTED).unwrap();
        let jobs: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!(jobs[0]["state"], json!({"kind": "interrupted"}), "{said}");
        assert_eq!(jobs[0]["kind"], "export", "{said}");
        assert_eq!(parts().next(), None, "half an export is left");
        // The recording's own file is there, and no export.
        assert!(names(&saved).iter().all(|name| name.ends_with(".webm")), "{:?}", names(&saved));

        // The command line has no job: its next export removes what a killed one has left.
        let id = names(&root.join("recordings")).remove(0);
        let export = |format: &str, out: &str| {
            let mut export = command(&home, program("snaplark").unwrap());
            export.env("SNAPLARK_HOME", &root).args(["export", &id, "--format", format, "--out"]);
            export.arg(saved.join(out));
            export
        };
        let mut run = Process::start(&home, "snaplark", export(format, "killed")).unwrap();
        until_half_done();
        run.kill().unwrap();
        assert!(parts().next().is_some(), "it was not killed in the middle");
        output(export("webm", "whole.webm"), EXPORTED).unwrap();
        assert_eq!(parts().next(), None, "half an export is left");
        assert_eq!(names(&root.join("exports")), [""; 0], "a note is left");
        assert!(saved.join("whole.webm").exists());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn wrong_ranges_are_refused_with_what_is_wrong() {
    let screen = Screen::start();
    let args = ["record", "--seconds", "3", "--no-upload", "--json"];
    let answer = ask(&screen.home, None, &args).unwrap();
    let recorded = Recorded::read(&answer.stdout).unwrap();
    for (keep, words, code) in [
        ("2:00-", "is not in the recording", 1),
        ("0-1:00", "after the end of the recording", 1),
        ("0:5-0:07", "'0:5' is no time", 2),
        ("2-1", "ends before it begins", 2),
    ] {
        let answer = ask(&screen.home, None, &["edit", &recorded.id, "--keep", keep]).unwrap();
        assert_eq!(answer.status.code(), Some(code), "{answer:?}");
        assert!(answer.stderr.contains(words), "{answer:?}");
    }
    let wav = screen.home.snaplark().join("none.wav");
    let wav = wav.to_str().unwrap();
    let export = ["export", &recorded.id, "--format", "wav", "--out", wav, "--json"];
    let answer = ask(&screen.home, None, &export).unwrap();
    assert_eq!(answer.status.code(), Some(1), "{answer:?}");
    assert!(answer.stdout.contains("silent-recording"), "{answer:?}");
    assert!(!Path::new(wav).exists());
}

#[test]
fn edit_is_published_behind_the_link_to_the_picture_also_while_another_program_holds_the_library() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let own = Some(&cloud);
    let answer = ask(&screen.home, own, &["record", "--seconds", "9", "--json"]).unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let recorded = Recorded::read(&answer.stdout).unwrap();
    let source = numbers::read_timed(&recorded.file.clone().unwrap(), SIZE).unwrap();
    let link = recorded.link.clone().unwrap();

    // Nothing else runs: this program publishes by itself.
    let edit = ["edit", &recorded.id, "--keep", "1.517-3.25,4.9-7.003", "--publish", "--json"];
    let published = ask_json(&screen.home, own, &edit).unwrap();
    assert_eq!(published["link"], link.as_str(), "{published}");
    assert_eq!(
        (&published["id"], &published["version"]),
        (&recorded.id.as_str().into(), &2.into())
    );
    assert!(published["sentBytes"].as_u64() > Some(0), "{published}");
    let file = screen.home.snaplark().join("published.webm");
    let shown = |file: &Path| -> Vec<u16> {
        std::fs::write(file, fetch(&format!("{link}/video.webm")).unwrap()).unwrap();
        let numbers = numbers::read_timed(file, SIZE).unwrap();
        numbers.into_iter().map(|(_, number)| number).collect()
    };
    assert_eq!(shown(&file), kept(&source, &[(1.517, 3.25), (4.9, 7.003)]), "of {source:?}");
    let seconds = media::probe(file.to_str().unwrap()).unwrap().duration_s.unwrap();
    assert!((seconds * 1_000.0 - published["durationMs"].as_f64().unwrap()).abs() < 50.0);

    // By the program that runs and holds the library: another edit, and at last the original.
    let serve = snaplark(&screen.home, own, &["serve", "--json"]).unwrap();
    let mut serve = Process::start(&screen.home, "serve", serve).unwrap();
    serve.line(RUNS).unwrap();
    let edit = ["edit", &recorded.id, "--keep", "2-6", "--publish", "--json"];
    let published = ask_json(&screen.home, own, &edit).unwrap();
    assert_eq!(published["version"], 3, "{published}");
    assert_eq!(shown(&file), kept(&source, &[(2.0, 6.0)]), "of {source:?}");
    let edit = ["edit", &recorded.id, "--original", "--publish", "--json"];
    let published = ask_json(&screen.home, own, &edit).unwrap();
    assert_eq!(published["version"], 4, "{published}");
    let all: Vec<u16> = source.iter().map(|(_, number)| *number).collect();
    assert_eq!(shown(&file), all, "the original");
    serve.terminate();
    let status = serve.wait(RUNS).unwrap();
    assert!(status.success(), "{status}: {}", serve.complaints());
}
