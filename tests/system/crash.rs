//! A recorder that is killed loses at most the segment that it was writing.

use std::time::Duration;

use snaplark_tests::cloud::Cloud;
use snaplark_tests::media;
use snaplark_tests::numbers::{MISSING_SHARE, read_video};
use snaplark_tests::process::Process;
use snaplark_tests::recorder::{ask_json, pieces, snaplark};
use snaplark_tests::wait;

use crate::screen::{NUMBERS, SIZE, Screen};

const START: Duration = Duration::from_secs(30);

#[test]
fn recording_killed_after_seven_seconds_is_recovered_and_uploaded() {
    let screen = Screen::start();
    let home = &screen.home;
    let cloud = Cloud::start(home).unwrap();
    let record = snaplark(home, Some(&cloud), &["record", "--seconds", "600", "--json"]).unwrap();
    let mut record = Process::start(home, "snaplark", record).unwrap();
    let recordings = home.snaplark().join("recordings");
    wait::until("the recording to begin", START, || {
        let begun = std::fs::read_dir(&recordings).ok().and_then(|mut all| all.next());
        let init = begun.and_then(|entry| Some(entry.ok()?.path().join("init.webm")));
        Ok(init.filter(|init| init.is_file()).map(|_| ()))
    })
    .unwrap();
    wait::pass("seven seconds of recording", Duration::from_secs(7)).unwrap();
    record.kill().unwrap();

    let status = ask_json(home, Some(&cloud), &["status", "--wait", "--json"]).unwrap();
    assert_eq!(status["counts"]["unsent"], 0, "{status}");
    let list = ask_json(home, Some(&cloud), &["list", "--json"]).unwrap();
    let list = list["recordings"].as_array().unwrap();
    let [recording] = list.as_slice() else { panic!("one recording, not {list:?}") };
    let segments = recording["segments"].as_u64().unwrap();
    assert!(segments >= 3, "{recording}");
    assert_eq!(recording["state"]["kind"], "done", "{recording}");

    let id = recording["id"].as_str().unwrap();
    let pieces = pieces(&recordings.join(id)).unwrap();
    assert_eq!(pieces.len() as u64, segments + 1);
    let served = format!("{}/video.webm", recording["link"].as_str().unwrap());
    media::decode(&served).unwrap();
    // Whole segments of two seconds, and no more: six or eight seconds of the seven or so.
    let length_s = segments as f64 * 2.0;
    read_video(&served, SIZE)
        .unwrap()
        .hold(length_s - 0.5..=length_s + 0.5, NUMBERS, MISSING_SHARE)
        .unwrap();
}

/// Returns how many recorders are killed. `SNAPLARK_KILLS` sets the number in a soak.
fn kills() -> u32 {
    std::env::var("SNAPLARK_KILLS").map_or(3, |kills| kills.parse().unwrap())
}

#[test]
fn kill_at_any_moment_loses_only_the_unfinished_segment() {
    let screen = Screen::start();
    let home = &screen.home;
    let recordings = home.snaplark().join("recordings");
    let mut known = Vec::new();
    for kill in 0..kills() {
        let args = ["record", "--seconds", "600", "--json", "--no-upload"];
        let record = snaplark(home, None, &args).unwrap();
        let mut record = Process::start(home, "snaplark", record).unwrap();
        let init = |folder: &std::path::Path| folder.join("init.webm").is_file();
        let folder = wait::until("the recording to begin", START, || {
            let all = std::fs::read_dir(&recordings).into_iter().flatten();
            let mut all = all.filter_map(|entry| Some(entry.ok()?.path()));
            Ok(all.find(|folder| !known.contains(folder) && init(folder)))
        })
        .unwrap();
        known.push(folder.clone());
        // Up to 6.5 s, scattered.
        let lived = Duration::from_millis(500 + u64::from((kill * 2_377 + 1_900) % 6_000));
        wait::pass("some of a recording", lived).unwrap();
        record.kill().unwrap();

        // Whoever comes next makes it whole.
        let status = ask_json(home, None, &["status", "--wait", "--json"]).unwrap();
        let id = folder.file_name().unwrap().to_str().unwrap();
        let recovered = status["recordings"].as_array().unwrap().iter().find(|r| r["id"] == id);
        // A segment is two seconds, and its keyframe may be half a second late.
        let whole = (lived.as_millis() as u64).saturating_sub(500) / 2_000;
        println!("killed after {lived:?}: {:?}", recovered.map(|r| &r["segments"]));
        let Some(recovered) = recovered else {
            assert_eq!(whole, 0, "nothing is left of {lived:?}");
            continue;
        };
        assert!(recovered["segments"].as_u64().unwrap() >= whole, "{lived:?}: {recovered}");
        media::decode(recovered["file"].as_str().unwrap()).unwrap();
    }
}
