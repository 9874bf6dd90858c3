//! Seconds that are struck from a recording that runs: the screen's numbers say which ones are gone.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use snaplark_tests::cloud::Cloud;
use snaplark_tests::media;
use snaplark_tests::numbers::{read_timed, read_video};
use snaplark_tests::process::{Process, finish};
use snaplark_tests::recorder::{Recorded, ask, ask_json, pieces, snaplark};
use snaplark_tests::wait;

use crate::screen::{NUMBERS, SIZE, Screen};

const LIMIT: Duration = Duration::from_secs(60);
const STRUCK: Duration = Duration::from_secs(3);
/// How long the screen is looked at before the strike.
const SHOWN: Duration = Duration::from_secs(5);
/// The tolerance: a strike begins up to 20 ms earlier, and a look takes its time.
const MARGIN: Duration = Duration::from_millis(100);
/// A picture of a still screen comes twice a second.
const PICTURE_S_MAX: f64 = 0.6;

/// Checks that numbers follow each other, with one in ten missing at most, on a busy machine.
fn hold_whole(numbers: &BTreeSet<u16>, of: std::ops::Range<u16>, what: &str) {
    let there = numbers.range(of.clone()).count();
    let most = usize::from(of.end - of.start);
    assert!(there * 10 >= most * 9, "{there} of {most} numbers {what}: {numbers:?}");
}

#[test]
fn struck_numbers_are_in_no_file_and_all_others_are_there() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    ask_json(&screen.home, None, &["settings", "hold-back", "5", "--json"]).unwrap();
    let record = snaplark(&screen.home, Some(&cloud), &["record", "--json"]).unwrap();
    let mut record = Process::start(&screen.home, "record", record).unwrap();
    let order = |args: &[&str]| ask_json(&screen.home, None, args);
    wait::until("a segment", LIMIT, || {
        let listed = order(&["list", "--json"])?;
        Ok((listed["recordings"][0]["segments"].as_u64() >= Some(1)).then_some(()))
    })
    .unwrap();
    // The screen's clock lags on a busy machine: only this tells which number was shown when.
    let mut shown: Vec<(Instant, u16)> = Vec::new();
    wait::until("what the screen shows for five seconds", LIMIT, || {
        shown.extend(screen.number().map(|number| (Instant::now(), number)));
        let since = shown.first().map(|(first, _)| first.elapsed());
        Ok(since.filter(|since| *since > SHOWN).map(drop))
    })
    .unwrap();
    let before = (Instant::now(), screen.number().unwrap());
    let answer = order(&["strike", "--seconds", "3", "--json"]).unwrap();
    let after = (Instant::now(), screen.number().unwrap());
    assert_eq!(answer["state"]["kind"], "recording", "{answer}");
    assert_eq!(answer["struck"]["wasOnline"], false, "{answer}");
    let length_ms = answer["struck"]["lengthMs"].as_u64().unwrap();
    assert!((3_000..3_200).contains(&length_ms), "{answer}");
    let number_at = |moment: Instant| {
        let later = shown.iter().find(|(at, _)| *at >= moment);
        later.expect("it was looked at long enough before").1
    };
    let ended = after.1 + 2 * NUMBERS as u16;
    wait::until("more of the recording", LIMIT, || Ok(screen.number().filter(|n| *n > ended)))
        .unwrap();
    order(&["stop", "--json"]).unwrap();
    assert!(record.wait(LIMIT).unwrap().success());
    let recorded = Recorded::read(&record.lines().join("\n")).unwrap();
    let file = recorded.file.clone().unwrap();

    // A number is looked at while it is shown, so its neighbours may be on either side.
    let struck = number_at(after.0 - STRUCK) + 1..before.1;
    assert!(struck.len() > 10, "{struck:?}");
    let timed = read_timed(&file, SIZE).unwrap();
    let numbers: BTreeSet<u16> = timed.iter().map(|(_, number)| *number).collect();
    let (first, last) = (*numbers.first().unwrap(), *numbers.last().unwrap());
    let kept = number_at(before.0 - STRUCK - MARGIN);
    hold_whole(&numbers, first..kept.saturating_sub(2), "before the strike");
    hold_whole(&numbers, after.1 + 2..last, "after the strike");
    // The last picture is up to two frames older than what was seen before the end.
    assert!(last + 2 >= ended, "{last}, and {ended} was seen");
    assert!(timed.windows(2).all(|pair| pair[1].0 - pair[0].0 < PICTURE_S_MAX), "{timed:?}");
    let whole = join(&screen, &recorded);
    let served = format!("{}/video.webm", recorded.link.as_ref().unwrap());
    for video in [file.to_str().unwrap(), whole.to_str().unwrap(), &served] {
        let shown = read_video(video, SIZE).unwrap().frames;
        let found: Vec<u16> =
            shown.iter().copied().flatten().filter(|n| struck.contains(n)).collect();
        assert_eq!(found, [0; 0], "{video} shows what was struck ({struck:?})");
        let length_s = media::probe(video).unwrap().duration_s;
        if let Some(length_s) = length_s {
            assert!((length_s - recorded.duration_ms as f64 / 1_000.0).abs() < 0.2, "{video}");
        }
    }
    assert_eq!(media::container_warnings(&file).unwrap(), [""; 0]);
}

fn join(screen: &Screen, recorded: &Recorded) -> std::path::PathBuf {
    let mut whole = Vec::new();
    for piece in pieces(&recorded.folder(&screen.home)).unwrap() {
        whole.extend(std::fs::read(piece).unwrap());
    }
    let path = screen.home.path().join("joined.webm");
    std::fs::write(Path::new(&path), whole).unwrap();
    path
}

#[test]
fn strike_without_a_recording_is_refused() {
    let screen = Screen::start();
    let answer = ask(&screen.home, None, &["strike"]).unwrap();
    assert!(!answer.status.success());
    let wrong =
        finish(&mut snaplark(&screen.home, None, &["strike", "--seconds", "61"]).unwrap(), LIMIT);
    assert_eq!(wrong.unwrap().status.code(), Some(2));
}
