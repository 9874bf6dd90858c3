//! `snaplark record` against a running cloud: what it prints, and what a viewer sees.

use snaplark_tests::browser::{Browser, play};
use snaplark_tests::cloud::Cloud;
use snaplark_tests::media;
use snaplark_tests::numbers::{MISSING_SHARE, read_video};
use snaplark_tests::recorder::{Recorded, ask};

use crate::screen::{NUMBERS, SIZE, Screen};

#[test]
fn ten_second_recording_becomes_a_link_that_a_browser_plays() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let answer = ask(&screen.home, Some(&cloud), &["record", "--seconds", "10", "--json"]).unwrap();
    assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
    assert!(!answer.stderr.trim().is_empty(), "progress goes to standard error");

    let recorded = Recorded::read(&answer.stdout).unwrap();
    assert_eq!(recorded.state, "done");
    assert!(recorded.dropped as f64 <= MISSING_SHARE * recorded.frames as f64, "{recorded:?}");
    assert!((9_000..=11_500).contains(&recorded.duration_ms), "{recorded:?}");
    assert!((5..=7).contains(&recorded.segments), "{recorded:?}");

    let link = recorded.link.clone().expect("a finished recording has a link");
    let file = recorded.file.clone().expect("a finished recording has a file");
    let served = format!("{link}/video.webm");
    let file_text = file.to_str().unwrap();
    for video in [file_text, &served] {
        let probe = media::probe(video).unwrap();
        assert_eq!((probe.codec.as_str(), probe.width, probe.height), ("vp9", SIZE.0, SIZE.1));
        let duration_s = probe.duration_s.expect("the container names the length");
        assert!((duration_s - recorded.duration_ms as f64 / 1000.0).abs() < 0.2, "{duration_s}");
        assert_eq!(u64::from(media::decode(video).unwrap()), recorded.frames, "{video}");
        let (span, missing) = read_video(video, SIZE)
            .unwrap()
            .hold(9.0..=11.0, NUMBERS, MISSING_SHARE)
            .unwrap_or_else(|error| panic!("{video}: {error}"));
        println!("{video}: {missing} of {span} numbers are missing");
    }
    assert_eq!(media::container_warnings(&file).unwrap(), [""; 0]);

    let browser = Browser::chromium(&screen.home).unwrap();
    for address in [link, format!("file://{file_text}")] {
        let played = play(&browser.session, &address).unwrap();
        let length = recorded.duration_ms as f64 / 1000.0;
        assert!((played.duration_s - length).abs() < 0.2, "{address}: {played:?}");
        assert!(played.frames > 0, "{address}: {played:?}");
    }
}
