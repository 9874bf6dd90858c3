//! The library's player on recordings with and without sound, and on machines with and without a
//! sound server: the numbers that it shows on the screen and the tone that comes out of the speakers
//! are those of the recording at that time. `cargo xtask soak player` repeats it, with more machines.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::desk::Desk;
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::numbers::{read_scaled, read_timed};
use snaplark_tests::process::output;
use snaplark_tests::recorder::snaplark;
use snaplark_tests::sound::{self, Server};
use snaplark_tests::webdriver::{Session, client};
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

const PLAYED_S: f64 = 10.0;
/// Before the library opens, and in it.
const RECORDED: Duration = Duration::from_secs(9);
/// The time limit on a busy machine, from the press to the first picture, and beyond the played time.
pub(crate) const PLAYS: Duration = Duration::from_secs(20);
/// Keys that seek to so many tenths.
const SEEKS: [u32; 5] = [8, 1, 6, 0, 4];
/// The tolerance for a picture that is shown later than its time, or earlier than reported.
const LATE_S: f64 = 0.7;
const EARLY_S: f64 = 0.3;
const LISTENED: Duration = Duration::from_millis(500);
/// The tone's share of what is heard, from the tone alone with a gap where playing began.
const TONE_SHARE_MIN: f64 = 0.8;
const SILENT_MAX: f64 = 0.01;

/// The size of the video's pictures.
const PICTURE_SIZE: &str = "const v = document.querySelector('video');
    return [v.videoWidth, v.videoHeight];";

/// The picture on the screen between two times of the video.
pub(crate) struct Seen {
    from_s: f64,
    to_s: f64,
    pub(crate) number: u16,
}

pub(crate) struct Player<'a> {
    pub(crate) shown: &'a Demonstration,
    pub(crate) windows: &'a Session,
}

impl Player<'_> {
    pub(crate) fn state(&self) -> Value {
        let state = "const v = document.querySelector('video');
            return v && {at: v.currentTime, of: v.duration, ready: v.readyState, paused: v.paused,
                seeking: v.seeking, error: v.error?.message, address: v.src,
                said: document.querySelector('[data-testid=player-failure]')?.innerText};";
        self.windows.read(state).unwrap()
    }

    fn time(&self) -> f64 {
        self.state()["at"].as_f64().unwrap()
    }

    pub(crate) fn until(&self, what: &str, limit: Duration, holds: impl Fn(&Value) -> bool) {
        let seen = wait::until(what, limit, || {
            let state = self.state();
            let fine = state["error"].is_null() && state["said"].is_null();
            Ok((fine && holds(&state)).then_some(()))
        });
        seen.unwrap_or_else(|error| panic!("{error:#}; the video: {}", self.state()));
    }

    pub(crate) fn key(&self, key: &str) {
        let script = "const at = document.activeElement ?? document.body;
            at.dispatchEvent(new KeyboardEvent('keydown',
                {key: arguments[0], bubbles: true, cancelable: true}));";
        self.windows.run(script, &[json!(key)]).unwrap();
    }

    pub(crate) fn play(&self) {
        if self.state()["paused"] == json!(true) {
            self.key("k");
        }
        self.until("it to play", PLAYS, |state| state["paused"] == json!(false));
    }

    pub(crate) fn pause(&self) {
        if self.state()["paused"] == json!(false) {
            self.key("k");
        }
        self.until("the pause", SOON, |state| state["paused"] == json!(true));
    }

    /// The number that the video shows on the screen, with the times before and after the look.
    pub(crate) fn look(&self) -> Option<Seen> {
        let size = self.windows.read(PICTURE_SIZE).unwrap();
        let side = |n: usize| size[n].as_u64().and_then(|px| u32::try_from(px).ok());
        let size = (side(0)?, side(1)?);
        let place = "const v = document.querySelector('video');
            const box = v.getBoundingClientRect();
            const scale = Math.min(box.width / v.videoWidth, box.height / v.videoHeight);
            const [width, height] = [v.videoWidth * scale, v.videoHeight * scale];
            return [box.x + (box.width - width) / 2, box.y + (box.height - height) / 2,
                width, height].map(Math.round);";
        let place = self.windows.read(place).unwrap();
        let px = |n: usize| place[n].as_i64().and_then(|px| i32::try_from(px).ok());
        let (x, y, width, height) = (px(0)?, px(1)?, px(2)?, px(3)?);
        let library = self.shown.window("the library", |window| window.at.width > 600).unwrap();
        let at = Rectangle {
            x: library.at.x + x,
            y: library.at.y + y,
            width: width.cast_unsigned(),
            height: height.cast_unsigned(),
        };
        let from_s = self.time();
        let pixels = self.shown.desk.display.pixels(at).unwrap();
        let number = read_scaled(&pixels, (at.width, at.height), size)?;
        Some(Seen { from_s, to_s: self.time(), number })
    }

    /// Plays on for that time of the video, in about that time, and gives what was seen.
    pub(crate) fn watch(&self, seconds: f64) -> Vec<Seen> {
        let (from, began) = (self.time(), Instant::now());
        let limit = PLAYS + Duration::from_secs_f64(seconds);
        let mut seen = Vec::new();
        while self.time() < from + seconds {
            assert!(began.elapsed() < limit, "it crawls: {}", self.state());
            self.until("it to play on", PLAYS, |state| state["paused"] == json!(false));
            seen.extend(self.look());
        }
        println!(
            "played {seconds} s in {:.1} s, {} looks",
            began.elapsed().as_secs_f64(),
            seen.len()
        );
        assert!(began.elapsed().as_secs_f64() < 1.5 * seconds + 2.0, "it crawls");
        seen
    }

    pub(crate) fn hears_tone(&self) {
        let mut heard = (0.0, 0.0);
        wait::until("the tone", PLAYS, || {
            heard = sound::heard(&self.shown.desk.home, LISTENED)?;
            Ok((heard.0 > TONE_SHARE_MIN && heard.1 > 10.0 * SILENT_MAX).then_some(()))
        })
        .unwrap_or_else(|error| {
            let streams = sound::streams(&self.shown.desk.home);
            panic!("{error:#}; heard {heard:?}; {}\n{streams}", self.state())
        });
    }

    pub(crate) fn hears_nothing(&self) {
        wait::until("silence", SOON, || {
            let (_, loudness) = sound::heard(&self.shown.desk.home, LISTENED)?;
            Ok((loudness < SILENT_MAX).then_some(()))
        })
        .unwrap();
    }
}

/// The numbers that may be seen from one time to another.
pub(crate) fn numbers(timed: &[(f64, u16)], from_s: f64, to_s: f64) -> Vec<u16> {
    let first = timed.iter().rposition(|(time, _)| *time <= from_s).unwrap_or(0);
    let shown = timed[first..].iter().enumerate();
    shown.take_while(|(n, (time, _))| *n == 0 || *time <= to_s).map(|(_, it)| it.1).collect()
}

pub(crate) fn hold(timed: &[(f64, u16)], seen: &[Seen]) {
    for Seen { from_s, to_s, number } in seen {
        let fits = numbers(timed, from_s - LATE_S, to_s + EARLY_S);
        assert!(fits.contains(number), "{number} at {from_s:.2}..{to_s:.2} s, not one of {fits:?}");
    }
}

/// Nobody without the address's key gets anything, and no page of another origin may read it.
fn hold_address(address: &str) {
    let client = client().unwrap();
    let ask = |address: &str| client.get(address).header("Range", "bytes=0-99").send().unwrap();
    let answer = ask(address);
    assert_eq!(answer.status(), 206, "{address}");
    assert_eq!(answer.headers()["content-length"], "100");
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    let (base, id) = address.rsplit_once('/').unwrap();
    let (server, key) = base.rsplit_once('/').unwrap();
    assert_eq!(key.len(), 32, "{address}");
    let other = key.replace(|it: char| it == key.chars().next().unwrap(), "-");
    for refused in [format!("{server}/{other}/{id}"), format!("{server}/{id}"), format!("{base}/x")]
    {
        assert_eq!(ask(&refused).status(), 404, "{refused}");
    }
    // A page of another name that was made to mean this computer.
    let rebound = client.get(address).header("Host", "example.com").send().unwrap();
    assert_eq!(rebound.status(), 404);
}

/// The sound setup of a recording and of its playback.
#[derive(Clone, Copy, PartialEq)]
enum Sound {
    Tone,
    /// Recorded with the microphone off.
    Off,
    /// Recorded with a tone, and then the sound server ends.
    ServerEnds,
}

fn plays(server: Server, sound: Sound, folder: &str) {
    let folder = pictures(folder);
    let desk = Desk::start_with(Home::new().unwrap(), SIZE.0, SIZE.1, server).unwrap();
    let mut shown = Demonstration::begin_driven_on(desk, &folder).unwrap();
    if sound == Sound::Off {
        let off = snaplark(&shown.desk.home, None, &["settings", "microphone", "off"]).unwrap();
        output(off, SHOW).unwrap();
    }
    let has_tone = sound != Sound::Off && server != Server::Missing;
    let is_heard = sound == Sound::Tone && server != Server::Missing;

    shown.start_recording().unwrap();
    wait::pass("the recording", RECORDED).unwrap();
    // It ends before the library's web process begins.
    if sound == Sound::ServerEnds {
        shown.desk.sound.clear();
    }
    shown.open_library().unwrap();
    let windows = &shown.windows().unwrap().session;
    windows.enter_window_at("library", SOON).unwrap();
    let player = Player { shown: &shown, windows };
    windows.press("[data-testid=recording-open]", SOON).unwrap();
    player.until("the running recording", PLAYS, |state| state["at"].as_f64() > Some(0.5));
    let while_it_ran = player.watch(3.0);
    if is_heard {
        player.hears_tone();
    }
    let shared = shown.stop_recording().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    let timed = read_timed(&shared.file, SIZE).unwrap();
    let length = timed.last().unwrap().0;
    assert!(while_it_ran.len() > 2, "{} looks", while_it_ran.len());
    hold(&timed, &while_it_ran);
    // The sound track is there in any case: the microphone can be switched on while it records.
    assert_eq!(media::is_silent(shared.file.to_str().unwrap()).unwrap(), !has_tone);

    // The whole of it, from its start.
    player.until("the whole recording", PLAYS, |state| {
        state["of"].as_f64() > Some(length - 0.5) && state["ready"].as_u64() >= Some(2)
    });
    player.pause();
    player.key("0");
    player.until("the start", PLAYS, |state| {
        state["at"].as_f64() < Some(0.1) && state["seeking"] == json!(false)
    });
    player.play();
    if is_heard {
        player.hears_tone();
    }
    let seen = player.watch(PLAYED_S.min(length - player.time() - 0.5));
    assert!(seen.len() > 5, "{} looks", seen.len());
    hold(&timed, &seen);
    shown.desk.display.picture(&shown.desk.home, &folder.join("playing.png"), None).unwrap();

    for tenth in SEEKS {
        player.pause();
        if is_heard {
            player.hears_nothing();
        }
        player.key(&tenth.to_string());
        let to = player.state()["of"].as_f64().unwrap() * f64::from(tenth) / 10.0;
        player.until(&format!("the place at {to:.2} s"), PLAYS, |state| {
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
            panic!("{error:#}: {last:?} at {to:.2} s, not one of {fits:?}; {}", player.state())
        });
        player.play();
        player.until("it to play on from there", PLAYS, |state| {
            state["at"].as_f64() > Some(to + 0.3)
        });
        if is_heard {
            player.hears_tone();
        }
        hold(&timed, &player.look().into_iter().collect::<Vec<_>>());
    }
    let address = player.state()["address"].as_str().unwrap().to_owned();
    hold_address(address.split('?').next().unwrap());
    hold_log(&shown.desk.home, &address);
}

/// The address's key is in no log.
fn hold_log(home: &Home, address: &str) {
    let key = address.split('/').nth(3).unwrap();
    for folder in [home.snaplark().to_owned(), home.path().join("logs")] {
        let mut search = std::process::Command::new("grep");
        let found = search.args(["-rlaF", key]).arg(&folder).output().unwrap();
        assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
    }
}

#[test]
fn recording_with_sound_plays_and_seeks_with_pulseaudio() {
    plays(Server::PulseAudio, Sound::Tone, "player");
}

/// Run by `cargo xtask soak player` alone: each takes most of a minute.
mod variants {
    use super::{Server, Sound, plays};

    #[test]
    fn recording_plays_and_seeks_without_a_sound_server() {
        plays(Server::Missing, Sound::Tone, "player-no-server");
    }

    #[test]
    fn recording_with_sound_plays_and_seeks_when_the_sound_server_is_gone() {
        plays(Server::PulseAudio, Sound::ServerEnds, "player-gone");
    }

    #[test]
    fn recording_with_sound_plays_and_seeks_with_pipewire() {
        plays(Server::PipeWire, Sound::Tone, "player-pipewire");
    }

    #[test]
    fn recording_without_sound_plays_and_seeks() {
        plays(Server::PulseAudio, Sound::Off, "player-silent");
    }
}
