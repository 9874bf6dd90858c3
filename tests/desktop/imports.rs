//! Videos and animations that a person brings in, in the app's own WebView: each container plays and seeks with the numbers
//! and the tone that are in it, and an animation moves until it is drawn on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::desk::Desk;
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::numbers::{painted, read_timed};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::sound::{Server, TONE_HZ};
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

use crate::player::{PLAYS, Player, hold, numbers};
use crate::{SOON, pictures};

/// The pictures of the files, which show a number each.
const VIDEO: (u32, u32) = (640, 360);
const FPS: u32 = 10;
const SECONDS: u32 = 16;
/// Where the test seeks, in tenths of the video.
const SEEKS: [u32; 3] = [7, 2, 5];
const WATCHED_S: f64 = 3.0;

/// Containers with the codecs that people have in them.
const CONTAINERS: [(&str, &str); 5] = [
    ("camera.mp4", "-c:v libx264 -pix_fmt yuv420p -g 25 -c:a aac"),
    ("telephone.mov", "-c:v libx264 -pix_fmt yuv420p -g 25 -c:a aac"),
    ("browser.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -c:a libopus"),
    ("recorder.mkv", "-c:v libx264 -pix_fmt yuv420p -g 25 -c:a libopus"),
    ("shop.m4v", "-c:v libx264 -pix_fmt yuv420p -g 25 -c:a aac -movflags +faststart -f mp4"),
];

/// Has ffmpeg make a file of numbered pictures, with a tone unless it is an animation.
fn numbered(folder: &Path, name: &str, seconds: u32, has_tone: bool, options: &str) -> PathBuf {
    let path = folder.join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray"]);
    ffmpeg.args(["-s", &format!("{}x{}", VIDEO.0, VIDEO.1), "-r", &FPS.to_string(), "-i", "-"]);
    if has_tone {
        // A sine at an eighth of full scale, which is ffmpeg's, would be as quiet as the tests call silent.
        let tone =
            format!("sine=frequency={TONE_HZ}:duration={seconds}:sample_rate=48000,volume=4");
        ffmpeg.args(["-f", "lavfi", "-i", &tone, "-ac", "2"]);
    }
    ffmpeg.args(options.split(' ')).arg(&path).stdin(Stdio::piped());
    let mut ffmpeg = ffmpeg.spawn().unwrap();
    let mut pictures = ffmpeg.stdin.take().unwrap();
    for frame in 0..seconds * FPS {
        let around = if frame % FPS == 0 { 90 } else { 60 };
        pictures.write_all(&painted(frame as u16, VIDEO, around)).unwrap();
    }
    drop(pictures);
    assert!(ffmpeg.wait().unwrap().success(), "{name}");
    path
}

/// Hands a file to the running app by the command line, and returns the item's id.
fn bring_in(home: &Home, file: &Path) -> String {
    let said = ask_json(home, None, &["upload", file.to_str().unwrap(), "--json"]).unwrap();
    said["id"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
}

fn card(id: &str) -> String {
    format!("[data-recording='{id}']")
}

#[test]
fn imported_videos_play_and_seek_with_their_numbers_and_tones() {
    let desk = Desk::start_with(Home::new().unwrap(), SIZE.0, SIZE.1, Server::PulseAudio).unwrap();
    let shown = Demonstration::begin_driven_on(desk, &pictures("imports")).unwrap();
    let folder = shown.desk.home.path().join("Videos of mine");
    std::fs::create_dir(&folder).unwrap();
    shown.open_library().unwrap();
    let windows = &shown.windows().unwrap().session;
    for (name, options) in CONTAINERS {
        let file = numbered(&folder, name, SECONDS, true, options);
        let id = bring_in(&shown.desk.home, &file);
        windows.enter_window_at("library", SOON).unwrap();
        let has_still = format!(
            "const still = document.querySelector(\"{} [data-testid=recording-still]\");
             return still !== null && still.naturalWidth > 100;",
            card(&id)
        );
        windows.until(&format!("the card's picture of {name}"), PLAYS, &has_still).unwrap();
        windows.press(&format!("{} [data-testid=recording-open]", card(&id)), SOON).unwrap();
        println!("{name}");
        let player = Player { shown: &shown, windows };
        plays(&player, &file, name);
        player.key("Escape");
        windows.gone("video", SOON).unwrap();
    }
}

/// Plays a video, and seeks in it: what is seen and heard is what the file has at that time.
fn plays(player: &Player<'_>, file: &Path, name: &str) {
    let timed = read_timed(file, VIDEO).unwrap();
    assert_eq!(timed.len(), (SECONDS * FPS) as usize, "{name}");
    let length = f64::from(SECONDS);
    player.until(&format!("the whole of {name}"), PLAYS, |state| {
        state["of"].as_f64().is_some_and(|of| (of - length).abs() < 0.5)
            && state["ready"].as_u64() >= Some(2)
    });
    player.play();
    player.hears_tone();
    let seen = player.watch(WATCHED_S);
    assert!(seen.len() > 2, "{name}: {} looks", seen.len());
    hold(&timed, &seen);
    for tenth in SEEKS {
        player.pause();
        player.key(&tenth.to_string());
        let to = player.state()["of"].as_f64().unwrap() * f64::from(tenth) / 10.0;
        player.until(&format!("{to:.2} s of {name}"), PLAYS, |state| {
            let at = state["at"].as_f64().unwrap_or(f64::NAN);
            state["seeking"] == json!(false) && (at - to).abs() < 0.1
        });
        let fits = numbers(&timed, to - 0.15, to + 0.15);
        let mut last = None;
        wait::until("the number at the place", PLAYS, || {
            last = player.look().map(|seen| seen.number);
            Ok(last.is_some_and(|number| fits.contains(&number)).then_some(()))
        })
        .unwrap_or_else(|error| {
            panic!("{name}: {error:#}: {last:?} at {to:.2} s, not one of {fits:?}")
        });
        player.play();
        player.until(&format!("{name} to play on from there"), PLAYS, |state| {
            state["at"].as_f64() > Some(to + 0.3)
        });
        player.hears_tone();
        hold(&timed, &player.look().into_iter().collect::<Vec<_>>());
    }
    player.pause();
    player.hears_nothing();
}

/// Where an element is on the screen.
fn place(shown: &Demonstration, windows: &Session, selector: &str, width_min: u32) -> Rectangle {
    let script = "const box = document.querySelector(arguments[0]).getBoundingClientRect();
        return [box.x, box.y, box.width, box.height].map(Math.round);";
    let place = windows.run(script, &[json!(selector)]).unwrap();
    let px = |n: usize| i32::try_from(place[n].as_i64().unwrap()).unwrap();
    let window = shown.window("the window", |window| window.at.width > width_min).unwrap();
    Rectangle {
        x: window.at.x + px(0),
        y: window.at.y + px(1),
        width: px(2).cast_unsigned(),
        height: px(3).cast_unsigned(),
    }
}

/// Waits until the pixels there are others than before, several times in a row.
fn moves(shown: &Demonstration, at: Rectangle, what: &str) {
    for _ in 0..3 {
        let before = shown.desk.display.pixels(at).unwrap();
        wait::until(what, SOON, || Ok((shown.desk.display.pixels(at)? != before).then_some(())))
            .unwrap();
    }
}

#[test]
fn animation_moves_in_the_library_and_the_editor_until_it_is_drawn_on() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("animations")).unwrap();
    let home = &shown.desk.home;
    shown.open_library().unwrap();
    let windows = &shown.windows().unwrap().session;
    for (name, options) in [
        ("party.gif", "-loop 0"),
        ("party.webp", "-c:v libwebp_anim -loop 0"),
        ("party.png", "-c:v apng -plays 0 -f apng"),
    ] {
        let file = numbered(home.path(), name, 2, false, options);
        let id = bring_in(home, &file);
        windows.enter_window_at("library", SOON).unwrap();
        let face = format!("{} [data-testid=recording-open]", card(&id));
        windows
            .says(&format!("{} [data-testid=picture-animation]", card(&id)), "Animation", SOON)
            .unwrap();
        let focus = "document.querySelector(arguments[0]).focus();";
        windows.run(focus, &[json!(face)]).unwrap();
        let is_loaded = format!(
            "const moving = document.querySelector(\"{} [data-testid=recording-moving]\");
             return moving !== null && moving.complete && moving.naturalWidth === {};",
            card(&id),
            VIDEO.0
        );
        windows.until(&format!("{name} on its card"), SOON, &is_loaded).unwrap();
        moves(&shown, place(&shown, windows, &face, 600), &format!("{name} to move on its card"));

        windows.press(&face, SOON).unwrap();
        windows.enter_window_at("windows/editor", SOON).unwrap();
        windows.find("[data-testid=stage][data-loaded=true]", PLAYS).unwrap();
        windows.says("[data-testid=editor-animation]", "moves until you draw on it", SOON).unwrap();
        shown
            .desk
            .display
            .picture(home, &pictures("animations").join(format!("{name}.editor.png")), None)
            .unwrap();
        let image =
            "return document.querySelector('[data-testid=stage] image').getAttribute('href');";
        let address = |windows: &Session| windows.read(image).unwrap().as_str().unwrap().to_owned();
        assert!(address(windows).contains("source"), "{}", address(windows));
        draw_box(windows);
        windows.says("[data-testid=editor-animation]", "a still of the animation", SOON).unwrap();
        assert!(address(windows).contains("first-frame"), "{}", address(windows));

        // In the library it stands still now.
        windows.enter_window_at("library", SOON).unwrap();
        windows.gone(&format!("{} [data-testid=picture-animation]", card(&id)), SOON).unwrap();
        windows.gone(&format!("{} [data-testid=recording-moving]", card(&id)), SOON).unwrap();
        close_editor(windows);
    }
}

/// Draws a box by the keyboard.
fn draw_box(windows: &Session) {
    let script = "const stage = document.querySelector('[data-testid=stage]');
        stage.focus();
        for (const key of ['r', 'Enter']) {
            stage.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
        }";
    windows.run(script, &[]).unwrap();
}

fn close_editor(windows: &Session) {
    windows.enter_window_at("windows/editor", SOON).unwrap();
    let close = "window.__TAURI_INTERNALS__.invoke('close_editor');";
    let _: Value = windows.run(close, &[]).unwrap();
    windows.enter_window_at("library", SOON).unwrap();
}
