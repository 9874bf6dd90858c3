//! Tests of the ring in the app: the last minutes become a recording like any other, and the screen
//! is kept only while that is allowed.

use std::time::Duration;

use snaplark_api::is_claimed_by_secret;
use snaplark_app::view::{RecorderView, RingView, RingWait};
use snaplark_app::{AppError, Settings, SettingsChange, StartRequest};
use snaplark_core::RecordingId;
use snaplark_tests::fake_capture::{Pace, sha256_of};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Answer, Process, command, finish, output, program};
use snaplark_tests::recorder::pieces;
use snaplark_tests::{media, session, wait};

use crate::rig::{RECORDING, Rig, Server, fake_recorder, hold_served};

/// Two seconds of media in a tenth of one.
const PACE: Pace =
    Pace { segments_max: 10_000, every: Duration::from_millis(100), segment_bytes: 50_000 };
const DONE: Duration = Duration::from_secs(60);
const SECONDS: u32 = 30;

pub fn set(rig: &Rig, keep_last: bool) {
    let before = Settings::default();
    let mut after = before.clone();
    after.recording.keep_last_seconds = SECONDS;
    let length = SettingsChange::between(&before, &after);
    rig.client.run(rig.client.app.change_settings(length)).unwrap();
    let kept = SettingsChange::of(&["recording", "keepLast"], keep_last);
    rig.client.run(rig.client.app.change_settings(kept)).unwrap();
}

pub fn keep(rig: &Rig) {
    set(rig, true);
    until_full(rig);
}

fn until_full(rig: &Rig) {
    rig.client
        .until("the ring to be full", RECORDING, |view| {
            matches!(view.ring, RingView::Keeping { held_ms, length_ms } if held_ms >= length_ms)
        })
        .unwrap();
}

/// Checks that the server has the bytes of this computer, and returns their length.
pub fn hold(rig: &Rig, id: RecordingId) -> u64 {
    let view = rig.client.done(id, DONE).unwrap();
    let folder = rig.home.path().join("client/recordings").join(id.to_string());
    let whole: Vec<u8> =
        pieces(&folder).unwrap().iter().flat_map(|piece| std::fs::read(piece).unwrap()).collect();
    let (bytes, sha256) = sha256_of(whole.as_slice()).unwrap();
    let link = view.link.as_deref().unwrap();
    hold_served(link, bytes, sha256);
    let id = link.rsplit('/').next().and_then(|id| id.parse().ok());
    assert!(id.is_some_and(is_claimed_by_secret), "{link} is an address that anyone can take");
    let probe = media::probe(view.file.as_deref().unwrap()).unwrap();
    assert_eq!(probe.duration_s, Some(view.duration_ms as f64 / 1_000.0));
    view.duration_ms
}

fn kept_files(rig: &Rig) -> usize {
    let ring = rig.home.path().join("client/ring");
    let rings = std::fs::read_dir(ring).into_iter().flatten().flatten();
    rings.flat_map(|ring| std::fs::read_dir(ring.path()).into_iter().flatten()).count()
}

#[test]
fn what_is_shared_goes_up_as_any_other_and_may_be_shared_again() {
    let rig = Rig::start(PACE);
    let app = &rig.client.app;
    let refused = rig.client.run(app.share_last(None));
    assert!(matches!(refused, Err(AppError::NothingKept)), "{refused:?}");
    keep(&rig);
    let some = rig.client.run(app.share_last(Some(Duration::from_secs(9)))).unwrap();
    let all = rig.client.run(app.share_last(None)).unwrap();
    assert_eq!(hold(&rig, some), 10_000);
    assert!((30_000..=34_000).contains(&hold(&rig, all)));
    // An init, and so many seconds in segments of two; one is on its way.
    assert!(kept_files(&rig) <= 1 + 17, "{}", kept_files(&rig));
    let view = rig.client.run(app.snapshot()).unwrap();
    assert_eq!((view.recorder, view.recordings.len()), (RecorderView::Idle, 2));
    set(&rig, false);
    rig.client.until("the ring to be off", RECORDING, |view| view.ring == RingView::Off).unwrap();
    rig.client.until("it to be swept", RECORDING, |_| kept_files(&rig) == 0).unwrap();
}

#[test]
fn one_captures_at_a_time_and_a_recording_may_begin_in_the_past() {
    let rig = Rig::start(PACE);
    let app = &rig.client.app;
    keep(&rig);
    let waits = |view: &RingView| *view == RingView::Waits { reason: RingWait::Recording };
    let now = rig.client.begin().unwrap();
    rig.client
        .until("a segment", RECORDING, |view| {
            waits(&view.ring) && view.recordings.iter().any(|r| r.segments >= 1)
        })
        .unwrap();
    rig.client.run(app.stop_recording()).unwrap();
    until_full(&rig);

    let past = Some(Duration::from_secs(20));
    let request = StartRequest { past, ..StartRequest::default() };
    let id = rig.client.run(app.start_recording(request.clone())).unwrap();
    let again = rig.client.run(app.start_recording(request));
    assert!(matches!(again, Err(AppError::AlreadyRecording)), "{again:?}");
    let view = rig
        .client
        .until("it to go on", RECORDING, |view| {
            view.recordings.iter().any(|r| r.id == id.to_string() && r.segments >= 16)
        })
        .unwrap();
    assert!(waits(&view.ring), "{:?}", view.ring);
    rig.client.run(app.stop_recording()).unwrap();
    assert!(hold(&rig, id) >= 32_000);
    rig.client.done(now, DONE).unwrap();

    until_full(&rig);
    let past = Some(Duration::from_secs(20));
    let request = StartRequest { past, ..StartRequest::default() };
    rig.client.run(app.start_recording(request)).unwrap();
    rig.client.run(app.cancel_recording()).unwrap();
    assert_eq!(rig.client.run(app.snapshot()).unwrap().recordings.len(), 2);
}

/// The true app around the fake capture, which says what becomes of the ring; with a logind that a
/// test tells what to say.
struct Keeper {
    process: Process,
    login: Process,
    _bus: Process,
    home: Home,
}

impl Keeper {
    fn start() -> Self {
        let mut home = Home::new().unwrap();
        let bus = session::system_bus(&mut home).unwrap();
        let address = home.var("DBUS_SYSTEM_BUS_ADDRESS").unwrap().to_owned();
        let mut login = command(&home, program("stand-in-login").unwrap());
        login.env("DBUS_SESSION_BUS_ADDRESS", &address);
        let mut login = Process::start(&home, "stand-in-login", login).unwrap();
        assert_eq!(login.line(DONE).unwrap(), "ready");
        let process = keeper(&home);
        Keeper { process, login, _bus: bus, home }
    }

    fn says(&mut self, wanted: &str) {
        assert_eq!(self.process.line(DONE).unwrap(), wanted);
    }

    fn tell(&self, method: &str, argument: bool) {
        let mut call = command(&self.home, "gdbus");
        call.args(["call", "--system", "-d", "org.freedesktop.login1"]);
        call.args(["-o", "/org/freedesktop/login1", "-m"]);
        call.arg(format!("org.freedesktop.login1.Manager.{method}"));
        call.arg(argument.to_string());
        output(call, DONE).unwrap();
    }
}

fn keeper(home: &Home) -> Process {
    // Nobody listens on port 1, and nothing is to be sent.
    let more = ["--every-ms", "50", "--segments", "100000", "--keep", "30"];
    fake_recorder(home, "http://127.0.0.1:1", "token", &more).unwrap()
}

#[test]
fn nothing_is_kept_while_the_session_is_locked_or_the_computer_asleep() {
    let mut keeper = Keeper::start();
    keeper.says("keeps");
    keeper.says("full");
    let kept = keeper.home.snaplark().join("ring/1");
    assert!(kept.is_dir());
    for (method, reason) in [("Lock", "locked"), ("Sleep", "asleep")] {
        keeper.tell(method, true);
        let waits = format!(r#"{{"kind":"waits","reason":"{reason}"}}"#);
        keeper.says(&waits);
        keeper.tell(method, false);
        keeper.says("keeps");
        keeper.says("full");
    }
    assert!(!kept.exists(), "what was kept before is gone");
    assert!(keeper.login.lines().is_empty(), "a ring holds no computer awake");
}

#[test]
fn what_a_killed_program_kept_is_swept_by_the_next() {
    let home = Home::new().unwrap();
    let mut first = keeper(&home);
    let full = |keeper: &mut Process| {
        assert_eq!(keeper.line(DONE).unwrap(), "keeps");
        assert_eq!(keeper.line(DONE).unwrap(), "full");
    };
    full(&mut first);
    first.kill().unwrap();
    let kept = home.snaplark().join("ring/1");
    std::fs::write(kept.join("of the first"), "").unwrap();
    let mut second = keeper(&home);
    full(&mut second);
    assert!(!kept.join("of the first").exists());
}

/// Returns what `snaplark` says to this home's program.
fn ask(home: &Home, args: &[&str]) -> Answer {
    let mut snaplark = command(home, program("snaplark").unwrap());
    finish(snaplark.args(args), DONE).unwrap()
}

#[test]
fn markdown_link_is_printed_without_a_network_also_after_a_restart() {
    let home = Home::new().unwrap();
    let mut server = Server::start(&home).unwrap();
    let url = format!("http://{}", server.address);
    let mut seen = fake_recorder(&home, &url, &server.token, &["--segments", "1"]).unwrap();
    assert!(seen.wait(DONE).unwrap().success());
    server.kill().unwrap();
    let more = ["--every-ms", "50", "--segments", "100000", "--keep", "30"];
    let mut keeper = fake_recorder(&home, &url, &server.token, &more).unwrap();
    assert_eq!(keeper.line(DONE).unwrap(), "keeps");
    assert_eq!(keeper.line(DONE).unwrap(), "full");
    let shared = ask(&home, &["share-last", "--seconds", "6", "--markdown"]);
    let line = shared.stdout.trim();
    let (title, link) = line.split_once("](").unwrap_or_else(|| panic!("{shared:?}"));
    let link = link.strip_suffix(')').unwrap();
    assert!(title.len() > 1 && title.starts_with('['), "{line}");
    assert!(link.starts_with(&format!("{url}/videos/")), "{line}");

    server.restart(&home).unwrap();
    wait::until("the upload to be done", DONE, || {
        let said = ask(&home, &["list", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&said.stdout)?;
        let recordings = list["recordings"].as_array().cloned().unwrap_or_default();
        let shared = recordings.into_iter().find(|recording| recording["link"] == link);
        Ok(shared.filter(|recording| recording["state"]["kind"] == "done"))
    })
    .unwrap();
}

#[test]
fn markdown_link_is_not_made_up_for_a_server_that_was_never_reached() {
    let home = Home::new().unwrap();
    let mut keeper = keeper(&home);
    assert_eq!(keeper.line(DONE).unwrap(), "keeps");
    assert_eq!(keeper.line(DONE).unwrap(), "full");
    let shared = ask(&home, &["share-last", "--seconds", "6", "--markdown"]);
    assert!(!shared.status.success() && shared.stdout.is_empty(), "{shared:?}");
    assert!(shared.stderr.contains("there is no link yet"), "{shared:?}");
}
