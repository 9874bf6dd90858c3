//! `snaplark.exe record` of the numbered screen.

use std::path::Path;
use std::time::Duration;

use snaplark_tests::cloud::Cloud;
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::numbers::read_video;
use snaplark_tests::process::Process;
use snaplark_tests::recorder::{Recorded, ask, ask_json, snaplark};
use snaplark_tests::wait;

use crate::session::{NUMBERS, SIZE, WineSession, unix_path};

/// Wine's GDI copies each picture twice, and the whole machine is shared: this many numbers may be missing.
const MISSING_SHARE: f64 = 0.05;
const START: Duration = Duration::from_secs(60);

#[test]
fn recording_under_wine_becomes_a_link_with_every_number_in_order() {
    let session = WineSession::start();
    let cloud = Cloud::start(&session.home).unwrap();
    let args = ["record", "--seconds", "6", "--json"];
    let answer = ask(&session.home, Some(&cloud), &args).unwrap();
    assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
    let recorded = Recorded::read(&answer.stdout).unwrap();
    assert_eq!(recorded.state, "done", "{recorded:?}");
    assert!((5_000..=7_500).contains(&recorded.duration_ms), "{recorded:?}");
    assert!((3..=5).contains(&recorded.segments), "{recorded:?}");

    let link = recorded.link.clone().expect("a finished recording has a link");
    let file = unix_path(&answer_file(&answer.stdout));
    for video in [file.display().to_string(), format!("{link}/video.webm")] {
        let probe = media::probe(&video).unwrap();
        assert_eq!((probe.codec.as_str(), probe.width, probe.height), ("vp9", SIZE.0, SIZE.1));
        assert_eq!(u64::from(media::decode(&video).unwrap()), recorded.frames, "{video}");
        let (span, missing) = read_video(&video, SIZE)
            .unwrap()
            .hold(4.5..=7.5, NUMBERS, MISSING_SHARE)
            .unwrap_or_else(|error| panic!("{video}: {error}"));
        println!("{video}: {missing} of {span} numbers are missing");
    }
    assert_eq!(media::container_warnings(&file).unwrap(), [""; 0]);
}

#[test]
fn recorder_killed_at_three_moments_loses_only_the_unfinished_segment() {
    let session = WineSession::start();
    let home = &session.home;
    let recordings = home.snaplark().join("recordings");
    let mut known = Vec::new();
    for lived in [1_300, 3_900, 6_100].map(Duration::from_millis) {
        let args = ["record", "--seconds", "600", "--json", "--no-upload"];
        let record = snaplark(home, None, &args).unwrap();
        let mut record = Process::start(home, "snaplark", record).unwrap();
        let folder = wait::until("the recording to begin", START, || {
            let all = std::fs::read_dir(&recordings).into_iter().flatten();
            let mut all = all.filter_map(|entry| Some(entry.ok()?.path()));
            Ok(all.find(|folder| !known.contains(folder) && folder.join("init.webm").is_file()))
        })
        .unwrap();
        known.push(folder.clone());
        wait::pass("some of a recording", lived).unwrap();
        record.kill().unwrap();

        let status = ask_json(home, None, &["status", "--wait", "--json"]).unwrap();
        let id = folder.file_name().unwrap().to_str().unwrap();
        let recovered = status["recordings"].as_array().unwrap().iter().find(|r| r["id"] == id);
        // A segment is two seconds, and its keyframe may be half a second late.
        let whole = (lived.as_millis() as u64).saturating_sub(500) / 2_000;
        let Some(recovered) = recovered else {
            assert_eq!(whole, 0, "nothing is left of {lived:?}");
            continue;
        };
        assert!(recovered["segments"].as_u64().unwrap() >= whole, "{lived:?}: {recovered}");
        let file = unix_path(recovered["file"].as_str().unwrap());
        media::decode(file.to_str().unwrap()).unwrap();
    }
}

#[test]
fn home_with_spaces_umlauts_and_a_long_path_is_recorded_into() {
    let mut home = Home::new().unwrap();
    let folder = home.path().join("Ärger mit Größe").join("x".repeat(120)).join("y".repeat(120));
    assert!(folder.as_os_str().len() > 300 - "recordings".len(), "{}", folder.display());
    home.keep_snaplark_in(folder);
    let session = WineSession::start_in(home);
    let args = ["record", "--seconds", "3", "--json", "--no-upload"];
    let answer = ask(&session.home, None, &args).unwrap();
    assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
    let file = unix_path(&answer_file(&answer.stdout));
    assert!(file.starts_with(session.home.snaplark()), "{}", file.display());
    assert!(media::decode(file.to_str().unwrap()).unwrap() > 0);
    assert!(Path::new(&file).as_os_str().len() > 300, "{}", file.display());
}

/// Returns the file that `record --json` names.
fn answer_file(stdout: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(stdout).unwrap();
    value["file"].as_str().expect("a finished recording has a file").to_owned()
}
