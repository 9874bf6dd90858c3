//! A link that is opened while the recording still runs, in a real browser.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snaplark_tests::browser::{Browser, play};
use snaplark_tests::cloud::Cloud;
use snaplark_tests::numbers;
use snaplark_tests::process::Process;
use snaplark_tests::recorder::{Recorded, snaplark};
use snaplark_tests::wait;

use crate::screen::{NUMBERS, SIZE, Screen};

const SOON: Duration = Duration::from_secs(30);
/// The time that a viewer may be behind the recorded screen.
const BEHIND_MAX_S: f64 = 6.0;
const SECONDS: u64 = 24;

/// The number in the picture that the page shows now.
const SHOWN: &str = "const v = document.querySelector('video');
    if (!v || v.readyState < 2) return null;
    const [x, y, w, h] = arguments;
    const c = document.createElement('canvas');
    [c.width, c.height] = [w, h];
    const g = c.getContext('2d');
    g.drawImage(v, x, y, w, h, 0, 0, w, h);
    const {data} = g.getImageData(0, 0, w, h);
    return [...Array(w * h).keys()].map((i) => data[4 * i]);";

fn shown(browser: &Browser) -> Option<u16> {
    let field = numbers::field(SIZE.0, SIZE.1);
    let at = [json!(field.x), json!(field.y), json!(field.width), json!(field.height)];
    let grey = browser.session.run(SHOWN, &at).unwrap();
    let grey: Vec<u8> = grey.as_array()?.iter().map(|v| v.as_u64().unwrap() as u8).collect();
    numbers::read(&grey)
}

#[test]
fn live_page_follows_the_recording_to_its_end() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let browser = Browser::chromium(&screen.home).unwrap();
    let seconds = SECONDS.to_string();
    let record =
        snaplark(&screen.home, Some(&cloud), &["record", "--seconds", &seconds, "--json"]).unwrap();
    let mut record = Process::start(&screen.home, "snaplark", record).unwrap();
    let link = wait::until("the first part", SOON, || {
        let (_, list) = cloud.ask("/videos")?;
        let video = &list["videos"][0];
        Ok((video["sizeBytes"].as_u64() > Some(0)).then(|| video["videoUrl"].clone()))
    });
    let link = link.unwrap().as_str().unwrap().to_owned();
    browser.session.go(&link).unwrap();
    browser
        .session
        .until("the page to play", SOON, "return document.querySelector('video')?.currentTime > 1;")
        .unwrap();

    let (mut behind, mut positions) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if let (Some(now), Some(then)) = (screen.number(), shown(&browser)) {
            behind.push(f64::from(now.wrapping_sub(then)) / f64::from(NUMBERS));
        }
        let position = "return document.querySelector('video').currentTime;";
        positions.push(browser.session.run(position, &[]).unwrap().as_f64().unwrap());
        wait::pass("a look now and then", Duration::from_millis(400)).unwrap();
    }
    assert!(behind.len() > 10, "the numbers can be read: {behind:?}");
    let worst = behind.iter().copied().fold(0.0, f64::max);
    println!("behind the screen: {behind:.1?} s");
    assert!(worst <= BEHIND_MAX_S, "{behind:.1?}");
    assert!(positions.windows(2).all(|pair| pair[1] >= pair[0]), "it goes on: {positions:.1?}");
    let badge = browser.session.text(".live", SOON).unwrap();
    assert!(badge.starts_with("Live") && badge.ends_with("behind"), "{badge}");

    // The same page, without a reload, to the recording's end.
    let ended = "const v = document.querySelector('video');
        return v.ended && {at: v.currentTime, end: v.duration, error: v.error && v.error.message};";
    let limit = Duration::from_secs(SECONDS) + SOON;
    let ended: Value = browser.session.until("the end", limit, ended).unwrap();
    assert!(record.wait(SOON).unwrap().success(), "{}", record.complaints());
    let recorded = Recorded::read(&record.lines().join("\n")).unwrap();
    let long_s = recorded.duration_ms as f64 / 1000.0;
    assert!((ended["at"].as_f64().unwrap() - long_s).abs() < 0.5, "{ended} of {long_s}");
    assert_eq!(ended["error"], Value::Null);
    let text = browser.session.text("[data-live-text]", SOON).unwrap();
    assert_eq!(text, "Recorded just now");

    // And what a reload shows is the finished video.
    let played = play(&browser.session, &link).unwrap();
    assert!((played.duration_s - long_s).abs() < 0.2, "{played:?} of {long_s}");
}
