//! Other people's players, with what Chromium recorded.

use std::time::Duration;

use serde_json::{Value, json};
use snaplark_tests::browser::Browser;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::firefox::Firefox;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output};
use snaplark_tests::wait;

const SOON: Duration = Duration::from_secs(30);
const SECONDS: f64 = 4.0;
const KINDS: [(&str, &str); 3] = [
    ("video/webm;codecs=vp9", "video.webm"),
    ("video/mp4", "video.mp4"),
    ("video/x-matroska;codecs=avc1", "video.mkv"),
];

/// Records with each of Chromium's containers at once, and gives the links.
fn recorded(home: &Home, cloud: &Cloud) -> Vec<String> {
    let browser = Browser::chromium(home).unwrap();
    let session = &browser.session;
    let mut windows = session.windows().unwrap();
    windows.extend((1..KINDS.len()).map(|_| session.open_window().unwrap()));
    for (window, (mime, _)) in windows.iter().zip(KINDS) {
        session.enter(window).unwrap();
        session.go(&format!("{}/healthz", cloud.address)).unwrap();
        let args = [json!(cloud.address), json!(cloud.token), json!(mime), json!(SECONDS)];
        session.run(include_str!("recorder.js"), &args).unwrap();
    }
    let link = |window: &String| {
        session.enter(window).unwrap();
        let done = "return (window.sent.error || window.sent.done) && window.sent;";
        let sent = session.until("the recording's end", SOON, done).unwrap();
        assert_eq!(sent["error"], Value::Null, "{sent}");
        wait::until("what is made of it", SOON, || {
            let id = sent["session"].as_str().unwrap_or_default();
            let (_, status) = cloud.ask(&format!("/videos/{id}"))?;
            let jobs = status["jobs"].as_array().cloned().unwrap_or_default();
            Ok(jobs.iter().all(|job| job["state"] == "done").then_some(()))
        })
        .unwrap();
        sent["link"].as_str().unwrap().to_owned()
    };
    windows.iter().map(link).collect()
}

#[test]
fn firefox_and_mpv_play_chromiums_recordings() {
    let home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let links = recorded(&home, &cloud);

    for (link, (_, name)) in links.iter().zip(KINDS) {
        let mut mpv = command(&home, "mpv");
        mpv.args(["--no-config", "--vo=null", "--ao=null", "--untimed"]);
        mpv.args(["--term-playing-msg=length ${=duration} size ${width}x${height}"]);
        mpv.arg(format!("{link}/{name}"));
        let said = output(mpv, SOON).unwrap();
        let told = said.split_once("length ").and_then(|(_, rest)| rest.split_once(" size "));
        let (length, size) = told.unwrap_or_else(|| panic!("{name}: {said}"));
        let length: f64 = length.parse().unwrap();
        assert!((length - SECONDS).abs() < 1.0, "{name}: {said}");
        assert!(size.starts_with("320x180"), "{name}: {said}");
    }

    let mut firefox = Firefox::start(&home).unwrap();
    let plays = "const v = document.querySelector('video'); v.muted = true;
        if (v.paused) v.play().catch(() => {});
        const told = document.querySelector('.unplayable');
        if (!told.hidden) return {told: told.innerText};
        return v.currentTime > 1 && v.videoWidth && v.duration > 3
            && {width: v.videoWidth, long: v.duration, source: v.currentSrc};";
    for (link, (_, name)) in links.iter().zip(KINDS) {
        firefox.go(link).unwrap();
        let seen = firefox.until("it to play or to say why not", SOON, plays).unwrap();
        println!("Firefox, {name}: {seen}");
        assert_eq!(seen["width"], 320, "{name}: {seen}");
        assert!((seen["long"].as_f64().unwrap() - SECONDS).abs() < 1.0, "{name}: {seen}");
    }
}
