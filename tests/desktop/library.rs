//! The library in the app's own WebView, on recordings that were just made: what is seen, played,
//! renamed, deleted and had back there is what the program then has.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

use crate::{SHOW, SOON, pictures};

/// The time limit on a busy machine.
const PLAYED: Duration = Duration::from_secs(20);
const STILL: &str =
    "return document.querySelector('[data-testid=recording-still]')?.naturalWidth === 480;";
const CARDS: &str = "return document.querySelectorAll('[data-testid=recording]').length";

/// Presses a key as a person does, wherever the focus is.
fn key(windows: &Session, key: &str, held: &Value) {
    let script = "const [key, held] = arguments;
        const at = document.activeElement ?? document.body;
        at.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true, ...held}));";
    windows.run(script, &[json!(key), held.clone()]).unwrap();
}

fn count(windows: &Session, cards: usize) {
    windows.until(&format!("{cards} cards"), SOON, &format!("{CARDS} === {cards};")).unwrap();
}

/// Waits until that holds for the video `v`, which has a picture.
fn video(windows: &Session, what: &str, holds: &str) {
    let script = format!(
        "const v = document.querySelector('video');
         return v !== null && v.error === null && v.readyState >= 2 && v.videoWidth > 0 && {holds};"
    );
    windows.until(what, PLAYED, &script).unwrap_or_else(|error| {
        let state = "const v = document.querySelector('video');
            const spans = [...Array(v?.buffered.length ?? 0).keys()]
                .map((n) => [v.buffered.start(n), v.buffered.end(n)]);
            return v && {at: v.currentTime, of: v.duration, ready: v.readyState, paused: v.paused,
                rate: v.playbackRate, seeking: v.seeking, error: v.error?.message, spans,
                said: document.querySelector('[data-testid=player-failure]')?.innerText};";
        panic!("{error:#}; the video: {}", windows.run(state, &[]).unwrap_or_default())
    });
}

fn seek(windows: &Session, to_s: f64) {
    windows
        .run("document.querySelector('video').currentTime = arguments[0];", &[json!(to_s)])
        .unwrap();
    let there = format!("!v.seeking && Math.abs(v.currentTime - {to_s}) < 0.1");
    video(windows, &format!("the picture at {to_s} s"), &there);
}

/// Its folder's window stands over the library, to the right of the card.
fn first_card_is_dragged_into_a_file_manager(shown: &Demonstration, windows: &Session) {
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let folder = home.path().join("dropped");
    std::fs::create_dir(&folder).unwrap();
    let at = Rectangle { x: 880, y: 320, width: 380, height: 360 };
    let _manager = shown.desk.file_manager(&folder, at).unwrap();

    let place = "const box = document.querySelector('[data-testid=recording-open]')
        .getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2].map(Math.round);";
    let place = windows.run(place, &[]).unwrap();
    let library = shown.window("the library", |window| window.at.width > 600).unwrap();
    let px = |n: usize| i32::try_from(place[n].as_i64().unwrap()).unwrap();
    let from = (library.at.x + px(0), library.at.y + px(1));
    let to = (at.x + 250, at.y + 250);
    display.carry(home, from, to).unwrap();
    let dropped = wait::until("the file where it was dropped", SOON, || {
        Ok(std::fs::read_dir(&folder)?.flatten().next().map(|entry| entry.path()))
    })
    .unwrap_or_else(|error| {
        let file = pictures("library").join("not-dropped.png");
        display.picture(home, &file, None).unwrap();
        panic!("{error:#}")
    });
    let name = dropped.file_name().unwrap();
    let saved = ask_json(home, None, &["list", "--json"]).unwrap();
    let saved = saved["recordings"].as_array().unwrap().iter().filter_map(|it| it["file"].as_str());
    let source = saved.map(Path::new).find(|file| file.file_name() == Some(name)).unwrap();
    wait::until("all of it to be copied", SOON, || {
        Ok((std::fs::read(&dropped)? == std::fs::read(source)?).then_some(()))
    })
    .unwrap();
}

#[test]
fn library_shows_plays_renames_deletes_and_restores_recordings() {
    let pictures = pictures("library");
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures).unwrap();
    let windows = &shown.windows().unwrap().session;
    let picture = |name: &str| {
        let file = pictures.join(format!("{name}.png"));
        shown.desk.display.picture(&shown.desk.home, &file, None).unwrap();
    };

    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(5)).unwrap();
    shown.open_library().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    // While it runs: its second segment is sealed, and it plays as far as it goes.
    windows.until("the running recording's still", SOON, STILL).unwrap();
    windows.press("[data-testid=recording-open]", SOON).unwrap();
    video(windows, "the running recording to play", "v.currentTime > 0.4");
    shown.stop_recording().unwrap();
    windows.enter_window_at("library", SOON).unwrap();

    // Whole, it has a length, and one can go anywhere in it.
    video(windows, "the whole recording", "v.duration > 5");
    // Pictures that were lost, or that never came since nothing changed, are no holes.
    video(
        windows,
        "all of it in one",
        "v.buffered.length === 1 && v.buffered.end(0) > v.duration - 0.1",
    );
    windows.run("document.querySelector('video').pause();", &[]).unwrap();
    seek(windows, 1.0);
    seek(windows, 4.2);
    key(windows, "k", &json!({}));
    video(windows, "it to play on from there", "v.currentTime > 4.4");
    picture("playing");
    key(windows, "k", &json!({}));
    video(windows, "the pause", "v.paused");
    key(windows, "Home", &json!({}));
    key(windows, ">", &json!({}));
    video(windows, "the start, faster", "v.currentTime < 0.1 && v.playbackRate === 1.25");
    key(windows, "k", &json!({}));
    video(windows, "it to play once more", "v.currentTime > 0.3 && v.currentTime < 4");
    key(windows, "Escape", &json!({}));
    windows.gone("[data-testid=player]", SOON).unwrap();

    windows.press("[data-testid=recording-title]", SOON).unwrap();
    windows.find("[data-testid=recording-title-field]", SOON).unwrap();
    // The driver's own typing begins with a change of focus, which ends the renaming.
    let types = "const field = document.activeElement; field.value = 'Checkout bug';
        field.dispatchEvent(new Event('input', {bubbles: true}));";
    windows.run(types, &[]).unwrap();
    key(windows, "Enter", &json!({}));
    windows.says("[data-testid=recording-title]", "Checkout bug", SOON).unwrap();

    // Another, to choose both.
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(3)).unwrap();
    shown.stop_recording().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    count(windows, 2);
    windows.run("document.activeElement?.blur();", &[]).unwrap();
    key(windows, "a", &json!({"ctrlKey": true}));
    windows.says("[data-testid=selection]", "2", SOON).unwrap();
    picture("chosen");
    key(windows, "Delete", &json!({}));
    windows.gone("[data-testid=recording]", SOON).unwrap();
    windows.says("[data-testid=deleted]", "2 recordings deleted", SOON).unwrap();
    picture("deleted");
    windows.press("[data-testid=undo]", SOON).unwrap();
    count(windows, 2);
    windows.gone("[data-testid=deleted]", SOON).unwrap();
    first_card_is_dragged_into_a_file_manager(&shown, windows);
    picture("dragged");

    windows.press("[data-testid=recording-open]", SOON).unwrap();
    windows.find("[data-testid=player]", SOON).unwrap();
    key(windows, "Escape", &json!({}));
    key(windows, "Delete", &json!({}));
    count(windows, 1);
    windows.says("[data-testid=recordings]", "Checkout bug", SOON).unwrap();
    let folders = || {
        let folder = shown.desk.home.snaplark().join("recordings");
        Ok((std::fs::read_dir(&folder)?.count() == 1).then_some(()))
    };
    wait::until("what was deleted to be gone", Duration::from_secs(20), folders).unwrap();
    windows.gone("[data-testid=deleted]", SOON).unwrap();
}

#[test]
fn recordings_without_the_embedded_cloud_are_kept_and_uploaded_when_it_starts() {
    let home = Home::new().unwrap();
    let in_its_way = home.snaplark().join("cloud");
    std::fs::create_dir_all(home.snaplark()).unwrap();
    std::fs::write(&in_its_way, "no folder").unwrap();
    let shown = Demonstration::begin_driven(home, &pictures("no-cloud")).unwrap();
    let windows = &shown.windows().unwrap().session;
    let home = &shown.desk.home;
    let newest = || {
        let list = ask_json(home, None, &["list", "--json"])?;
        anyhow::Ok(list["recordings"][0].clone())
    };

    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(2)).unwrap();
    shown.desk.display.press(home, &shown.record_keys).unwrap();
    wait::until("the recording's own file", SHOW, || {
        Ok(newest()?["file"].as_str().filter(|file| Path::new(file).is_file()).map(drop))
    })
    .unwrap();
    assert_eq!(newest().unwrap()["link"], Value::Null);
    shown.open_library().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    let said = windows.says("[data-testid=links-missing]", "can't be used", SOON).unwrap();
    assert!(!said.contains("--data"), "a window has no such option: {said}");
    let picture = pictures("no-cloud").join("library.png");
    shown.desk.display.picture(home, &picture, None).unwrap();

    std::fs::remove_file(&in_its_way).unwrap();
    windows.press("[data-testid=start-cloud]", SOON).unwrap();
    windows.gone("[data-testid=links-missing]", SOON).unwrap();
    wait::until("it to be online", SHOW, || {
        let newest = newest()?;
        Ok((newest["state"]["kind"] == "done" && newest["link"].is_string()).then_some(()))
    })
    .unwrap();
}

/// The link is on the clipboard all the same.
#[test]
fn toasts_are_not_shown_in_do_not_disturb_mode() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("quiet")).unwrap();
    let windows = &shown.windows().unwrap().session;
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let mut quiet = command(home, "dunstctl");
    quiet.args(["set-paused", "true"]);
    output(quiet, SOON).unwrap();

    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(2)).unwrap();
    display.press(home, &shown.record_keys).unwrap();
    windows.enter_window_at("toast", SOON).unwrap();
    windows.says("[data-testid=toast]", "Link copied", SOON).unwrap();
    // As long as it would be seen.
    wait::until("the toast to go by itself", SOON, || {
        let seen = display.windows(home, "snaplark")?;
        assert!(seen.iter().all(|window| window.at.height < 40), "{seen:?}");
        let there = "return document.querySelector('[data-testid=toast]') !== null;";
        Ok((windows.run(there, &[])? == json!(false)).then_some(()))
    })
    .unwrap();
}
