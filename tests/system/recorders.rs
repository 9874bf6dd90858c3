//! Browsers' own recorders against the cloud: parts cut anywhere, in whatever container they write.

use std::time::Duration;

use serde_json::{Value, json};
use snaplark_api::hex;
use snaplark_tests::browser::{Browser, play};
use snaplark_tests::cloud::{Cloud, fetch};
use snaplark_tests::fake_capture::sha256_of;
use snaplark_tests::firefox::Firefox;
use snaplark_tests::home::Home;
use snaplark_tests::wait;

const SOON: Duration = Duration::from_secs(30);
/// Records a canvas and sends what comes as `window.sent`, in parts cut anywhere.
const RECORDER: &str = include_str!("recorder.js");

/// A recorder in a window of its own, whose upload runs.
struct Recording<'a> {
    browser: &'a Browser,
    window: String,
    link: String,
}

impl<'a> Recording<'a> {
    fn start(browser: &'a Browser, cloud: &Cloud, mime: &str, seconds: f64) -> Recording<'a> {
        browser.session.go(&format!("{}/healthz", cloud.address)).unwrap();
        let window = browser.session.windows().unwrap().remove(0);
        let args = [json!(cloud.address), json!(cloud.token), json!(mime), json!(seconds)];
        browser.session.run(RECORDER, &args).unwrap();
        let sent = "return window.sent.error ?? (window.sent.parts > 1 && window.sent.link);";
        let link = browser.session.until("the first parts to be sent", SOON, sent).unwrap();
        let link = link.as_str().unwrap().to_owned();
        assert!(link.starts_with("http"), "{link}");
        Recording { browser, window, link }
    }

    /// Waits until the upload is finished, and returns its description.
    fn end(&self) -> Value {
        self.browser.session.enter(&self.window).unwrap();
        let done = "return (window.sent.error || window.sent.done) && window.sent;";
        let sent = self.browser.session.until("the recording's end", SOON, done).unwrap();
        assert_eq!(sent["error"], Value::Null, "{sent}");
        sent
    }
}

fn followed(mime: &str) {
    followed_by(mime, None, 6.0);
}

/// Opens the link while it records, follows to the end, and plays what a reload shows. `before`: a script
/// that runs before those of the page; how far behind the recorder the page may be.
pub(crate) fn followed_by(mime: &str, before: Option<&str>, behind_max_s: f64) {
    let home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let browser = Browser::chromium(&home).unwrap();
    let recording = Recording::start(&browser, &cloud, mime, 8.0);
    let session = &browser.session;
    let watching = session.open_window().unwrap();
    session.enter(&watching).unwrap();
    if let Some(source) = before {
        let source = json!({ "source": source });
        session.devtools("Page.addScriptToEvaluateOnNewDocument", &source).unwrap();
    }
    session.go(&recording.link).unwrap();
    let state = "const v = document.querySelector('video');
        return v && v.currentTime > 1 && !v.paused;";
    session.until("the page to play", SOON, state).unwrap();

    // What is shown stays near to what is recorded.
    let mut behind = Vec::new();
    for _ in 0..8 {
        session.enter(&recording.window).unwrap();
        let recorded = session.run("return window.sent.seconds();", &[]).unwrap();
        session.enter(&watching).unwrap();
        let shown = "return document.querySelector('video').currentTime;";
        let shown = session.run(shown, &[]).unwrap();
        behind.push(recorded.as_f64().unwrap() - shown.as_f64().unwrap());
        wait::pass("a look now and then", Duration::from_millis(250)).unwrap();
    }
    println!("{mime}: behind the recorder {behind:.1?} s");
    assert!(behind.iter().all(|behind| *behind < behind_max_s), "{behind:.1?}");

    let sent = recording.end();
    session.enter(&watching).unwrap();
    let ended = "const v = document.querySelector('video');
        return v.error ? v.error.message : v.ended && {at: v.currentTime, end: v.duration};";
    let ended = session.until("the end on the page", SOON, ended).unwrap();
    let long_s = sent["long"].as_f64().unwrap();
    assert!((ended["at"].as_f64().unwrap_or(0.0) - long_s).abs() < 1.0, "{ended} of {long_s}");

    // Back into what was loaded or not, without a reload.
    session.run("document.querySelector('video').currentTime = 0.5;", &[]).unwrap();
    let again = "const v = document.querySelector('video');
        return !v.seeking && v.readyState > 1 && v.currentTime < 3;";
    session.until("the beginning to be shown again", SOON, again).unwrap();

    let original = fetch(&format!("{}/original.webm", recording.link)).unwrap();
    let (_, sha256) = sha256_of(original.as_slice()).unwrap();
    let sha256 = hex(&sha256);
    assert_eq!(json!(sha256), sent["sha256"]);
    wait::until("a seekable video", SOON, || {
        let id = sent["session"].as_str().unwrap_or_default();
        let (_, status) = cloud.ask(&format!("/videos/{id}"))?;
        let jobs = status["jobs"].as_array().cloned().unwrap_or_default();
        let is_open = |job: &Value| job["state"] == "waiting" || job["state"] == "running";
        Ok((!jobs.iter().any(is_open)).then_some(()))
    })
    .unwrap();
    let played = play(session, &recording.link).unwrap();
    assert!((played.duration_s - long_s).abs() < 1.0, "{played:?} of {long_s}");
}

#[test]
fn live_page_follows_a_browsers_webm_cut_anywhere() {
    followed("video/webm;codecs=vp8");
}

#[test]
fn live_page_follows_a_browsers_mp4_cut_anywhere() {
    followed("video/mp4");
}

#[test]
fn live_page_in_firefox_follows_to_the_end() {
    let home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let browser = Browser::chromium(&home).unwrap();
    let mut firefox = Firefox::start(&home).unwrap();
    let recording = Recording::start(&browser, &cloud, "video/webm;codecs=vp8", 8.0);
    firefox.go(&recording.link).unwrap();
    let plays = "const v = document.querySelector('video');
        return v && v.currentTime > 1 && !v.paused && v.videoWidth;";
    assert_eq!(firefox.until("Firefox to play", SOON, plays).unwrap(), 320);
    let sent = recording.end();
    let ended = "const v = document.querySelector('video');
        return v.error ? v.error.message : v.ended && {at: v.currentTime};";
    let ended = firefox.until("the end in Firefox", SOON, ended).unwrap();
    let long_s = sent["long"].as_f64().unwrap();
    assert!((ended["at"].as_f64().unwrap_or(0.0) - long_s).abs() < 1.0, "{ended} of {long_s}");
}
