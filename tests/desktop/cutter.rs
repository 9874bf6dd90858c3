//! The recording editor in the app's own WebView: a middle is cut out by keys, passed over when it is played, and is
//! still cut out when the editor opens again. Exports hold what is kept and nothing of what was cut out.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use snaplark_tests::cloud::fetch;
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::numbers::read_timed;
use snaplark_tests::webdriver::Session;
use snaplark_tests::{media, wait};

use crate::{SOON, pictures};

/// The time limit on a busy machine.
const LOADED: Duration = Duration::from_secs(30);
const RECORDED: Duration = Duration::from_secs(9);
/// The span that is cut out, in whole seconds.
const CUT_S: (u64, u64) = (2, 5);
/// The time limit for an export of some seconds on a busy machine.
const EXPORTED: Duration = Duration::from_secs(90);
/// Two frames and a bit: what is closer to a cut is not judged here, but in `render`.
const CUT_SLACK_S: f64 = 0.08;
/// How late the editor may notice that a piece is over, on a busy machine.
const LATE_MS: u64 = 250;
/// The current position in milliseconds.
const AT: &str =
    "return Number(document.querySelector('[data-testid=cutter-playhead]').ariaValueNow);";

fn key(window: &Session, key: &str, held: &Value) {
    let script = "const [key, held] = arguments;
        const at = document.activeElement ?? document.body;
        at.dispatchEvent(new KeyboardEvent('keydown', {key, code: '', bubbles: true, cancelable: true, ...held}));";
    window.run(script, &[json!(key), held.clone()]).unwrap();
}

fn seconds(window: &Session, count: u64) {
    for _ in 0..count {
        key(window, "ArrowRight", &json!({"shiftKey": true}));
    }
}

/// Opens the first card's recording in its editor, from the card's menu, and enters the window.
fn open(shown: &Demonstration, window: &Session) {
    shown.open_library().unwrap();
    window.enter_window_at("windows/library", SOON).unwrap();
    window.press("[data-testid=recording-more]", SOON).unwrap();
    window.press("[data-testid=menu-edit]", SOON).unwrap();
    window.enter_window_at("windows/cutter", LOADED).unwrap();
    let ready = "const v = document.querySelector('[data-testid=cutter-video]');
        return v !== null && v.error === null && v.readyState >= 2 && !v.seeking && v.videoWidth > 0;";
    window.until("the video of the editor", LOADED, ready).unwrap();
}

fn pieces(window: &Session, count: usize) {
    let script = format!(
        "return document.querySelectorAll('[data-testid=cutter-piece]').length === {count};"
    );
    window.until(&format!("{count} pieces"), SOON, &script).unwrap();
}

/// Asks the app for something as the window may, and returns the answer or the error's code.
fn ask(window: &Session, command: &str, args: &Value) -> Value {
    let script = "window.answered = null;
        window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1]).then(
            (answer) => (window.answered = JSON.stringify({answer})),
            (error) => (window.answered = JSON.stringify({code: error.code ?? `${error}`})));";
    window.run(script, &[json!(command), args.clone()]).unwrap();
    let answered = window.until(command, LOADED, "return window.answered;").unwrap();
    serde_json::from_str(answered.as_str().unwrap()).unwrap()
}

/// Exports the edit into the person's folder, by keys and the dialog, and returns the file's name.
fn export(window: &Session, format: &str) -> String {
    key(window, "e", &json!({}));
    window.press(&format!("[data-testid=export-{format}]"), SOON).unwrap();
    window.press("[data-testid=export-start]", SOON).unwrap();
    let ended = window.text("[data-testid=job] [role=status]", EXPORTED).unwrap();
    // Isolates around words of others.
    let ended = ended.replace(['\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'], "");
    let name = ended.trim().strip_prefix("Exported ");
    let name = name.unwrap_or_else(|| panic!("{format}: the window says '{ended}'")).to_owned();
    window.press("[data-testid=job-dismiss]", SOON).unwrap();
    let gone = "return document.querySelector('[data-testid=job]') === null;";
    window.until("the export to be dismissed", SOON, gone).unwrap();
    name
}

/// Every number of the source that is kept is in the exported file, and none of those that were cut out. Pictures
/// within a frame or two of a cut may be either.
fn holds_what_is_kept(source: &Path, exported: &Path, end: f64) {
    let of = |file: &Path| read_timed(file, SIZE).unwrap();
    let numbers: BTreeSet<u16> = of(exported).into_iter().map(|(_, number)| number).collect();
    let (out, back) = (CUT_S.0 as f64, CUT_S.1 as f64);
    let all = of(source);
    let shown = |from: f64, to: f64| -> BTreeSet<u16> {
        let within = all.iter().filter(|(at, _)| (from..to).contains(at));
        within.map(|(_, number)| *number).collect()
    };
    let kept = &shown(0.0, out - CUT_SLACK_S) | &shown(back + CUT_SLACK_S, end - CUT_SLACK_S);
    let missing: Vec<u16> = kept.difference(&numbers).copied().collect();
    assert_eq!(missing, Vec::<u16>::new(), "{}: kept, and missing", exported.display());
    let cut = &shown(out + CUT_SLACK_S, back - CUT_SLACK_S) | &shown(end + CUT_SLACK_S, f64::MAX);
    let cut = &cut - &kept;
    assert!(cut.len() > 10, "the screen hardly changed: {cut:?}");
    let left: Vec<u16> = cut.intersection(&numbers).copied().collect();
    assert_eq!(left, Vec::<u16>::new(), "{}: cut out, and there", exported.display());
}

#[test]
fn middle_that_is_cut_out_by_keys_is_passed_over_and_is_still_cut_out_when_opened_again() {
    let folder = pictures("cutter");
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &folder).unwrap();
    let window = &shown.windows().unwrap().session;
    shown.start_recording().unwrap();
    wait::pass("the recording", RECORDED).unwrap();
    let shared = shown.stop_recording().unwrap();
    open(&shown, window);
    let id = window.run("return location.hash.slice(1);", &[]).unwrap();

    // The timeline has pictures of the recording, and where it has sound, a waveform.
    let thumbnails = "const all = [...document.querySelectorAll('[data-testid=cutter-strip] img')];
        return all.length > 3 && all.every((one) => one.naturalWidth > 0);";
    window.until("the timeline's pictures", LOADED, thumbnails).unwrap();

    seconds(window, CUT_S.0);
    key(window, "i", &json!({}));
    seconds(window, CUT_S.1 - CUT_S.0);
    key(window, "o", &json!({}));
    key(window, "Delete", &json!({}));
    pieces(window, 2);
    let kept = wait::until("the edit to be stored", LOADED, || {
        let keep = ask(window, "cut_view", &json!({"id": id}))["answer"]["edit"]["keep"].clone();
        Ok((keep.as_array().map(Vec::len) == Some(2)).then_some(keep))
    })
    .unwrap();
    assert_eq!(kept[0], json!({"startMs": 0, "endMs": CUT_S.0 * 1_000}));
    assert_eq!(kept[1]["startMs"], json!(CUT_S.1 * 1_000));
    shown.desk.display.picture(&shown.desk.home, &folder.join("cut.png"), None).unwrap();

    // Each moment that the editor says it shows while it plays.
    let playing = "window.passed = [];
        const head = document.querySelector('[data-testid=cutter-playhead]');
        new MutationObserver(() => window.passed.push(Number(head.ariaValueNow)))
            .observe(head, {attributes: true, attributeFilter: ['aria-valuenow']});";
    key(window, "Home", &json!({}));
    window.run(playing, &[]).unwrap();
    key(window, "l", &json!({}));
    let beyond = format!("return window.passed.some((ms) => ms > {});", CUT_S.1 * 1_000 + 500);
    window.until("the second piece to play", LOADED, &beyond).unwrap();
    key(window, "k", &json!({}));
    let passed = window.run("return window.passed;", &[]).unwrap();
    let (out, back) = (CUT_S.0 * 1_000 + LATE_MS, CUT_S.1 * 1_000 - 1);
    let wrong: Vec<u64> = passed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .filter(|ms| (out..back).contains(ms))
        .collect();
    assert_eq!(wrong, Vec::<u64>::new(), "shown though it is cut out");

    for format in ["webm", "mp4"] {
        let written = export(window, format);
        let exported = shared.file.with_file_name(&written);
        holds_what_is_kept(&shared.file, &exported, f64::MAX);
    }

    // Undone and done again, by keys.
    key(window, "z", &json!({"ctrlKey": true}));
    pieces(window, 1);
    key(window, "Z", &json!({"ctrlKey": true, "shiftKey": true}));
    pieces(window, 2);

    // The window may ask for its own recording only.
    let other = json!("0198c0de-0000-7000-8000-0000000000c1");
    for (command, more) in [("cut_view", json!({})), ("cut_waveform", json!({"piece": 0}))] {
        let mut args = more;
        args["id"] = other.clone();
        assert_eq!(ask(window, command, &args), json!({"code": "not-offered"}), "{command}");
    }

    // And what its capability doesn't allow is refused before any code of ours runs.
    for command in ["snapshot", "act", "delete_recordings", "settings", "picture"] {
        let refused = ask(window, command, &json!({"id": id, "action": "quit", "since": 0}));
        let words = refused["code"].as_str().unwrap_or_default();
        assert!(words.contains("not allowed"), "{command}: {refused}");
    }

    let before = window.windows().unwrap().len();
    ask(window, "close_cutter", &json!({}));
    wait::until("the editor to close", LOADED, || {
        Ok((window.windows()?.len() < before).then_some(()))
    })
    .unwrap();
    open(&shown, window);
    pieces(window, 2);
    let again = ask(window, "cut_view", &json!({"id": id}));
    assert_eq!(again["answer"]["edit"]["keep"], kept);
    assert_eq!(window.run(AT, &[]).unwrap(), json!(0));
}

/// The time limit until the link shows an edit of some seconds, on a busy machine.
const PUBLISHED: Duration = Duration::from_secs(90);
/// Black, as an encoder leaves it.
const BLACK_MAX: u8 = 40;

/// Publishes what is seen, and waits until the window says that the link shows it.
fn publish(window: &Session, words: &str) {
    let enabled = "return document.querySelector('[data-testid=publish]:enabled') !== null;";
    window.until("the edit to be stored, which can be published", SOON, enabled).unwrap();
    window.press("[data-testid=publish]", SOON).unwrap();
    let shown = format!(
        "const state = document.querySelector('[data-testid=upload-state]');
        return state !== null && state.textContent.trim() === '{words}';"
    );
    window.until(&format!("the words '{words}'"), PUBLISHED, &shown).unwrap_or_else(|error| {
        let said = "return document.querySelector('header').innerText + ' | ' +
            [...document.querySelectorAll('[role=status], [role=alert], dialog')].map((one) => one.innerText).join(' | ');";
        panic!("{error:#}: {:?}", window.run(said, &[]));
    });
}

/// Returns the video behind a link, as a file.
fn downloaded(link: &str, file: &Path) -> String {
    std::fs::write(file, fetch(&format!("{link}/video.webm")).unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn recording_that_is_trimmed_cut_and_covered_is_published_behind_its_link_and_the_original_again() {
    let folder = pictures("publish");
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &folder).unwrap();
    let window = &shown.windows().unwrap().session;
    shown.start_recording().unwrap();
    wait::pass("the recording", RECORDED).unwrap();
    let shared = shown.stop_recording().unwrap();
    open(&shown, window);
    let id = window.run("return location.hash.slice(1);", &[]).unwrap();

    // Cut out a middle, trim the last second, and cover the center of what is after the cut.
    seconds(window, CUT_S.0);
    key(window, "i", &json!({}));
    seconds(window, CUT_S.1 - CUT_S.0);
    key(window, "o", &json!({}));
    key(window, "Delete", &json!({}));
    pieces(window, 2);
    seconds(window, 1);
    key(window, "r", &json!({}));
    key(window, "Enter", &json!({}));
    window.find("[data-testid=cutter-cover]", SOON).unwrap();
    key(window, "End", &json!({}));
    key(window, "ArrowLeft", &json!({"shiftKey": true}));
    key(window, "i", &json!({}));
    key(window, "Delete", &json!({}));
    pieces(window, 2);
    publish(window, "Published");
    shown.desk.display.picture(&shown.desk.home, &folder.join("published.png"), None).unwrap();
    let view = ask(window, "cut_view", &json!({"id": id}))["answer"].clone();
    assert_eq!(view["link"], json!(shared.link), "the link stays");
    assert_eq!(view["publish"]["version"], json!(2), "{view}");
    let source_bytes = std::fs::metadata(&shared.file).unwrap().len();
    let sent_bytes = view["publish"]["sentBytes"].as_u64().unwrap();
    println!("figures: publishing sent {sent_bytes} of {source_bytes} bytes");
    // Most of a recording of some seconds is rendered anew, with more bits than before.
    assert!(sent_bytes > 0);

    let video = shared.file.with_file_name("published.webm");
    let published = downloaded(&shared.link, &video);
    let end_ms = view["edit"]["keep"][1]["endMs"].as_u64().unwrap();
    holds_what_is_kept(&shared.file, &video, end_ms as f64 / 1_000.0);
    let area = &view["edit"]["covers"][0]["area"];
    let side = |name: &str| area[name].as_u64().unwrap();
    let center = Rectangle {
        x: (side("x") + side("width") / 4) as i32,
        y: (side("y") + side("height") / 4) as i32,
        width: (side("width") / 2) as u32,
        height: (side("height") / 2) as u32,
    };
    let frames = read_timed(&video, SIZE).unwrap();
    let bright = media::brightest(&published, center).unwrap();
    // One second after the cut the cover begins, and it is there for some seconds.
    let from = CUT_S.0 as f64 + 1.0;
    let covered = frames.iter().zip(&bright).filter(|((at, _), _)| (from..from + 1.0).contains(at));
    let covered: Vec<u8> = covered.map(|(_, bright)| *bright).collect();
    assert!(covered.len() > 5, "{} pictures are covered", covered.len());
    assert!(covered.iter().all(|bright| *bright <= BLACK_MAX), "not covered: {covered:?}");
    let open_before = frames.iter().zip(&bright).filter(|((at, _), _)| *at < from - 0.1);
    assert!(open_before.into_iter().any(|(_, bright)| *bright > BLACK_MAX), "covered everywhere");

    // Back to the original: all numbers are there again.
    window.press("[data-testid=original]", SOON).unwrap();
    publish(window, "The link shows the original");
    let video = shared.file.with_file_name("original.webm");
    downloaded(&shared.link, &video);
    let numbers = |file: &Path| -> Vec<u16> {
        read_timed(file, SIZE).unwrap().into_iter().map(|(_, number)| number).collect()
    };
    assert_eq!(numbers(&video), numbers(&shared.file));
}
