//! Tests of a recorder's manners beside its pictures: a countdown, a limit, and that sleep and a
//! locked list of recordings cost nothing.

use std::time::{Duration, Instant};

use snaplark_core::RecordingId;
use snaplark_store::{NewRecording, Store};
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::numbers::{MISSING_SHARE, read_file};
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::recorder::{Recorded, ask, ask_json, snaplark};
use snaplark_tests::webdriver::client;
use snaplark_tests::{session, wait};

use crate::screen::{NUMBERS, SIZE, Screen};

const LIMIT: Duration = Duration::from_secs(60);

/// The one line of JSON that a recording ends with.
fn recorded(record: &mut Process) -> Recorded {
    Recorded::read(&record.line(LIMIT).unwrap()).unwrap()
}

#[test]
fn countdown_runs_first_and_is_not_recorded() {
    let screen = Screen::start();
    let args = ["record", "--countdown", "2", "--seconds", "2", "--json", "--no-upload"];
    let began = Instant::now();
    let answer = ask(&screen.home, None, &args).unwrap();
    assert!(answer.status.success(), "{}", answer.stderr);
    assert!(began.elapsed() >= Duration::from_secs(4));
    for said in ["Recording begins in 2", "Recording begins in 1", "Recording 0:01"] {
        assert!(answer.stderr.contains(said), "not '{said}': {}", answer.stderr);
    }
    let recorded = Recorded::read(&answer.stdout).unwrap();
    assert!((2_000..3_500).contains(&recorded.duration_ms), "{recorded:?}");
}

/// The system's bus with a logind that a test can send to sleep.
struct Login {
    process: Process,
    _bus: Process,
    home: Home,
}

impl Login {
    fn start() -> Self {
        let mut home = Home::new().unwrap();
        let bus = session::bus(&mut home).unwrap();
        let login = command(&home, program("stand-in-login").unwrap());
        let mut process = Process::start(&home, "stand-in-login", login).unwrap();
        assert_eq!(process.line(LIMIT).unwrap(), "ready");
        Login { process, _bus: bus, home }
    }

    fn sleep(&self, begins: bool) {
        let mut call = command(&self.home, "gdbus");
        call.args(["call", "--session", "-d", "org.freedesktop.login1"]);
        call.args(["-o", "/org/freedesktop/login1"]);
        call.args(["-m", "org.freedesktop.login1.Manager.Sleep", &begins.to_string()]);
        output(call, LIMIT).unwrap();
    }

    /// The next two things that it says, in any order.
    fn says(&mut self, mut wanted: [&str; 2]) {
        let mut said = [self.process.line(LIMIT).unwrap(), self.process.line(LIMIT).unwrap()];
        said.sort();
        wanted.sort_unstable();
        for (said, wanted) in said.iter().zip(wanted) {
            assert!(said.starts_with(wanted), "{said:?}, not {wanted}");
        }
    }
}

const HELD: [&str; 2] = ["holds idle block", "holds sleep delay"];
const LET_GO: [&str; 2] = ["lets go idle", "lets go sleep"];

/// Three seconds of a recording that knows of it.
fn awake(screen: &Screen, login: &mut Login) -> Process {
    let args = ["record", "--seconds", "600", "--json", "--no-upload"];
    let mut record = snaplark(&screen.home, None, &args).unwrap();
    record.env("DBUS_SYSTEM_BUS_ADDRESS", login.home.var("DBUS_SESSION_BUS_ADDRESS").unwrap());
    let record = Process::start(&screen.home, "snaplark", record).unwrap();
    login.says(HELD);
    wait::until("some seconds of it", LIMIT, || {
        Ok(record.complaints().contains("Recording 0:03").then_some(()))
    })
    .unwrap();
    record
}

#[test]
fn recording_is_sealed_before_sleep_when_it_is_set_to_stop_then() {
    let screen = Screen::start();
    let mut login = Login::start();
    let set = ask(&screen.home, None, &["settings", "after-sleep", "stop"]).unwrap();
    assert!(set.status.success(), "{}", set.stderr);
    let mut record = awake(&screen, &mut login);
    login.sleep(true);
    login.says(LET_GO);
    let recorded = recorded(&mut record);
    assert!((2_500..6_000).contains(&recorded.duration_ms), "{recorded:?}");
    assert!(record.wait(LIMIT).unwrap().success());
    let said = record.complaints();
    assert!(said.contains("The computer went to sleep, so the recording was ended"), "{said}");
    media::decode(recorded.file.unwrap().to_str().unwrap()).unwrap();
}

#[test]
fn recording_is_sealed_before_sleep_and_continues_after_it() {
    let screen = Screen::start();
    let mut login = Login::start();
    let mut record = awake(&screen, &mut login);
    login.sleep(true);
    login.says(LET_GO);
    wait::pass("a night", Duration::from_secs(3)).unwrap();
    login.sleep(false);
    login.says(HELD);
    // Its screen went on counting in the night: what comes after it is another part of it.
    let folder = screen.home.snaplark().join("recordings");
    wait::until("another segment", LIMIT, || {
        let Some(folder) = std::fs::read_dir(&folder)?.next() else { return Ok(None) };
        let files = std::fs::read_dir(folder?.path())?.flatten();
        let count = files.filter(|file| !is_pointer(&file.file_name())).count();
        Ok((count >= 6).then_some(()))
    })
    .unwrap();
    record.terminate();
    let recorded = recorded(&mut record);
    login.says(LET_GO);
    assert!((5_000..9_500).contains(&recorded.duration_ms), "{recorded:?}");
    let file = recorded.file.unwrap();
    media::decode(file.to_str().unwrap()).unwrap();
    let reading = read_file(&file, SIZE).unwrap();
    let (_, missing) = reading.missing().unwrap();
    assert!(missing >= 2 * NUMBERS, "the night is in it: {missing}");
}

fn is_pointer(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().ends_with(snaplark_core::POINTER_SUFFIX)
}

#[test]
fn locked_database_does_not_delay_recording() {
    let screen = Screen::start();
    let args = ["record", "--seconds", "12", "--json", "--no-upload"];
    let record = snaplark(&screen.home, None, &args).unwrap();
    let mut record = Process::start(&screen.home, "snaplark", record).unwrap();
    wait::until("some seconds of it", LIMIT, || {
        Ok(record.complaints().contains("Recording 0:02").then_some(()))
    })
    .unwrap();
    let other = rusqlite::Connection::open(screen.home.snaplark().join("snaplark.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    wait::pass("five seconds of a lock", Duration::from_secs(5)).unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    let recorded = recorded(&mut record);
    let file = recorded.file.unwrap();
    let reading = read_file(&file, SIZE).unwrap();
    let (span, missing) = reading.hold(11.0..=13.5, NUMBERS, MISSING_SHARE).unwrap();
    println!("{missing} of {span} numbers are missing");
}

/// A recording that orders reach.
fn running(screen: &Screen) -> Process {
    let args = ["record", "--seconds", "600", "--json", "--no-upload"];
    let record = snaplark(&screen.home, None, &args).unwrap();
    let record = Process::start(&screen.home, "snaplark", record).unwrap();
    wait::until("a second of it", LIMIT, || {
        Ok(record.complaints().contains("Recording 0:01").then_some(()))
    })
    .unwrap();
    record
}

#[test]
fn running_program_obeys_commands_of_another() {
    let screen = Screen::start();
    let order = |args: &[&str]| ask(&screen.home, None, args).unwrap();
    let refused = order(&["stop"]);
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("isn't running here"), "{}", refused.stderr);

    let mut record = running(&screen);
    assert!(order(&["pause"]).status.success());
    assert!(order(&["resume"]).status.success());
    let refused = order(&["start"]);
    assert!(refused.stderr.contains("already running"), "{}", refused.stderr);
    assert!(order(&["stop"]).status.success());
    let first = recorded(&mut record);
    media::decode(first.file.unwrap().to_str().unwrap()).unwrap();
    assert!(record.wait(LIMIT).unwrap().success());

    let mut record = running(&screen);
    assert!(order(&["cancel", "--yes"]).status.success());
    assert!(!record.wait(LIMIT).unwrap().success());
    let said = record.complaints();
    assert!(said.contains("ended before anything was recorded"), "{said}");
    let list = ask(&screen.home, None, &["list", "--json"]).unwrap();
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let [only] = list["recordings"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!(only["id"].as_str().unwrap(), first.id);
}

/// Whoever signs in elsewhere keeps the links that lead to this computer.
#[test]
fn local_links_keep_working_after_a_sign_in_to_a_server() {
    let home = Home::new().unwrap();
    let serve = |elsewhere: bool| {
        let mut serve = snaplark(&home, None, &["serve"]).unwrap();
        if elsewhere {
            serve.env("SNAPLARK_SERVER", "http://127.0.0.1:9").env("SNAPLARK_TOKEN", "of-theirs");
        }
        let mut serve = Process::start(&home, "snaplark", serve).unwrap();
        let line = serve.line(LIMIT).unwrap();
        (line.strip_prefix("serving ").map(str::to_owned), serve)
    };
    let (before, mut served) = serve(false);
    let before = before.expect("it serves this computer's links");
    served.terminate();
    served.wait(LIMIT).unwrap();

    let (address, _served) = serve(true);
    assert_eq!(address.as_ref(), Some(&before), "the same address as before");
    assert!(client().unwrap().get(before).send().is_ok(), "somebody answers there");
}

/// A dialog that looks into Snaplark's folder opens and closes each file there, and with that this
/// process's locks are gone. Who reads the list then must not clear up behind the program that writes.
#[test]
fn database_readers_never_take_the_lock_from_its_writer() {
    let home = Home::new().unwrap();
    let store = Store::open(home.snaplark()).unwrap();
    let begin = |n: u128| {
        let recording = NewRecording {
            id: RecordingId(uuid::Uuid::from_u128(n)),
            title: format!("Number {n}"),
            started_text: "2026-11-21T10-30-45".into(),
            started_unix_ms: n as i64,
            fps: 30,
            bitrate_bits: 2_500_000,
        };
        store.begin(&recording).unwrap();
    };
    let listed = || {
        let listed = ask_json(&home, None, &["list", "--json"]).unwrap();
        listed["recordings"].as_array().unwrap().len()
    };
    begin(1);
    for file in std::fs::read_dir(home.snaplark()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            drop(std::fs::File::open(path).unwrap());
        }
    }
    assert_eq!(listed(), 1);
    begin(2);
    assert_eq!(listed(), 2);
}
