//! The command line's manners towards terminals, pipes, full outputs and signals: whatever becomes
//! of those, nothing panics, nothing hangs, and what was recorded is kept.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::process::{Process, command, finish, program};
use snaplark_tests::recorder::{ask, ask_json, snaplark};
use snaplark_tests::wait;

use crate::screen::Screen;

const LIMIT: Duration = Duration::from_secs(60);
const RECORD: [&str; 4] = ["record", "--seconds", "600", "--no-upload"];

/// A terminal: what is written to it is read from `holder`, and it is closed with that.
struct Terminal {
    holder: OwnedFd,
    inside: File,
}

impl Terminal {
    fn open() -> Self {
        let holder = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let holder = holder.unwrap();
        grantpt(&holder).unwrap();
        unlockpt(&holder).unwrap();
        let name = ptsname(&holder, Vec::new()).unwrap();
        let mut options = File::options();
        options.read(true).write(true);
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            OpenptFlags::NOCTTY.bits().cast_signed(),
        );
        let inside = options.open(name.to_str().unwrap()).unwrap();
        Self { holder, inside }
    }

    /// Starts a program in it. `its_own`: the terminal is the program's, which hears when it closes.
    fn start(self, home: &Home, its_own: bool, args: &[&str]) -> (OwnedFd, Child) {
        self.start_with(home, its_own, args, &[("TERM", "xterm")])
    }

    fn start_with(
        self,
        home: &Home,
        its_own: bool,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> (OwnedFd, Child) {
        let snaplark = program("snaplark").unwrap();
        let mut program = match its_own {
            true => {
                let mut setsid = command(home, "setsid");
                setsid.arg("--ctty").arg(snaplark);
                setsid
            }
            false => command(home, snaplark),
        };
        program.args(args).env_remove("NO_COLOR").envs(variables.iter().copied());
        let stream = || Stdio::from(self.inside.try_clone().unwrap());
        program.stdin(stream()).stdout(stream()).stderr(stream());
        (self.holder, program.spawn().unwrap())
    }
}

/// Reads what a terminal shows until the words are in it.
fn until_shows(holder: &OwnedFd, words: &str) {
    let mut reader = File::from(holder.try_clone().unwrap());
    let (mut shown, mut bytes) = (String::new(), [0; 1024]);
    let began = Instant::now();
    while !shown.contains(words) {
        assert!(began.elapsed() < LIMIT, "it shows no '{words}': {shown}");
        let read = reader.read(&mut bytes).unwrap();
        shown += &String::from_utf8_lossy(&bytes[..read]);
    }
}

fn ended(child: &mut Child) -> ExitStatus {
    wait::until("the program to end", LIMIT, || Ok(child.try_wait()?)).unwrap()
}

/// Everything that a terminal with these variables shows of a program that ends.
fn shown(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> String {
    let (holder, mut child) = Terminal::open().start_with(home, false, args, variables);
    let mut shown = Vec::new();
    let mut bytes = [0; 1024];
    let mut reader = File::from(holder);
    // A terminal that nobody writes to any more ends with an error (EIO).
    while let Ok(read @ 1..) = reader.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..read]);
    }
    ended(&mut child);
    String::from_utf8(shown).unwrap()
}

#[test]
fn errors_are_coloured_only_on_a_colour_terminal_without_no_color() {
    let home = Home::new().unwrap();
    let wrong = ["recrod"];
    let coloured = shown(&home, &wrong, &[("TERM", "xterm")]);
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    for without in [&[("TERM", "dumb")][..], &[("TERM", "xterm"), ("NO_COLOR", "1")]] {
        let plain = shown(&home, &wrong, without);
        assert!(plain.contains("recrod") && !plain.contains('\u{1b}'), "{without:?}: {plain:?}");
    }
}

#[test]
fn progress_is_redrawn_in_place_only_on_a_capable_terminal() {
    let screen = Screen::start();
    let record = ["record", "--seconds", "2", "--no-upload"];
    let in_place = |text: &str| text.replace("\r\n", "").contains(['\r', '\u{1b}']);
    let live = shown(&screen.home, &record, &[("TERM", "xterm")]);
    assert!(in_place(&live), "{live:?}");
    let dumb = shown(&screen.home, &record, &[("TERM", "dumb")]);
    assert!(dumb.contains("Recording") && !in_place(&dumb), "{dumb:?}");
}

/// The only recording is whole: its file is written and can be decoded.
fn hold_saved(home: &Home) {
    let list = ask_json(home, None, &["list", "--json"]).unwrap();
    let [only] = list["recordings"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert!(only["segments"].as_u64().unwrap() >= 1, "{only}");
    media::decode(only["file"].as_str().unwrap_or_else(|| panic!("no file: {only}"))).unwrap();
}

fn hold_saved_when_closed(its_own: bool) {
    let screen = Screen::start();
    let (holder, mut record) = Terminal::open().start(&screen.home, its_own, &RECORD);
    until_shows(&holder, "Recording 0:03");
    drop(holder);
    let status = ended(&mut record);
    assert!(status.success(), "{status}");
    hold_saved(&screen.home);
}

#[test]
fn recording_is_saved_when_its_terminal_closes() {
    hold_saved_when_closed(true);
}

#[test]
fn recording_is_saved_when_its_terminal_closes_without_a_signal() {
    hold_saved_when_closed(false);
}

#[test]
fn recording_continues_when_its_progress_pipe_is_closed() {
    let screen = Screen::start();
    let args = ["record", "--seconds", "4", "--no-upload", "--json"];
    let mut record = snaplark(&screen.home, None, &args).unwrap();
    record.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut record = record.spawn().unwrap();
    let mut first = String::new();
    BufReader::new(record.stderr.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("Recording"), "{first}");
    let status = ended(&mut record);
    assert!(status.success(), "{status}");
    hold_saved(&screen.home);
}

/// Every answer that is longer than nothing.
const ANSWERS: [&[&str]; 6] = [
    &["settings"],
    &["settings", "--json"],
    &["list", "--json"],
    &["status"],
    &["doctor"],
    &["completions", "bash"],
];

#[test]
fn commands_end_quietly_when_their_output_pipe_is_closed() {
    let home = Home::new().unwrap();
    for args in ANSWERS {
        let usual = ask(&home, None, args).unwrap().status.code();
        let mut asked = snaplark(&home, None, args).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        asked.stdout(writer).stderr(Stdio::piped());
        let asked = asked.spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&asked.stderr);
        assert_eq!(asked.status.code(), usual, "{args:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("pipe"), "{args:?}: {said}");
    }
}

#[test]
fn commands_fail_with_a_message_when_their_output_device_is_full() {
    let home = Home::new().unwrap();
    for args in ANSWERS {
        let mut asked = snaplark(&home, None, args).unwrap();
        asked.stdout(File::options().write(true).open("/dev/full").unwrap());
        let asked = asked.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&asked.stderr);
        assert_eq!(asked.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("No space left"), "{args:?}: {said}");
    }
}

#[test]
fn server_ends_quietly_when_its_output_pipe_is_closed() {
    let home = Home::new().unwrap();
    let mut token = command(&home, program("snaplark-cloud").unwrap());
    token.args(["token", "--user", "me@example.org", "--data"]).arg(home.path().join("data"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let answer = token.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let answer = answer.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success() && !said.contains("panicked"), "{said}");

    token.stdout(File::options().write(true).open("/dev/full").unwrap());
    let answer = token.spawn().unwrap().wait_with_output().unwrap();
    assert!(!answer.status.success(), "a token that nobody has is of no use");
}

/// Takes whatever is sent and answers nothing.
fn black_hole() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut std::io::sink()));
        }
    });
    address
}

fn to_black_hole(home: &Home, args: &[&str]) -> Command {
    let mut snaplark = snaplark(home, None, args).unwrap();
    snaplark.env("SNAPLARK_SERVER", format!("http://{}", black_hole()));
    snaplark.env("SNAPLARK_TOKEN", "token");
    snaplark
}

fn signal(process: &Process, signal: Signal) {
    kill_process(Pid::from_raw(process.id().cast_signed()).unwrap(), signal).unwrap();
}

fn until_says(process: &Process, words: &str) {
    wait::until(words, LIMIT, || Ok(process.complaints().contains(words).then_some(()))).unwrap();
}

#[test]
fn record_waits_at_most_twenty_seconds_for_a_silent_server() {
    let screen = Screen::start();
    let record = to_black_hole(&screen.home, &["record", "--seconds", "600"]);
    let mut record = Process::start(&screen.home, "record", record).unwrap();
    until_says(&record, "Recording 0:04");
    let asked = Instant::now();
    signal(&record, Signal::INT);
    let status = record.wait(LIMIT).unwrap();
    let took = asked.elapsed();
    println!("figures: ended {took:.1?} after Ctrl-C");
    assert!(took < Duration::from_secs(26), "{took:?}");
    assert_eq!(status.code(), Some(3), "{}", record.complaints());
    assert!(record.complaints().contains("Not online yet"), "{}", record.complaints());
    hold_saved(&screen.home);
}

#[test]
fn second_signal_ends_record_at_once_and_keeps_sealed_segments() {
    let screen = Screen::start();
    let record = to_black_hole(&screen.home, &["record", "--seconds", "600"]);
    let mut record = Process::start(&screen.home, "record", record).unwrap();
    until_says(&record, "Recording 0:05");
    signal(&record, Signal::INT);
    until_says(&record, "Uploading");
    // Sooner it would be the same wish.
    wait::pass("the first signal", Duration::from_millis(400)).unwrap();
    signal(&record, Signal::TERM);
    let asked = Instant::now();
    let status = record.wait(LIMIT).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(128 + 15), "{}", record.complaints());
    // What was for a server of this computer is for its own cloud now.
    let status = ask_json(&screen.home, None, &["status", "--wait", "--json"]).unwrap();
    assert_eq!(status["counts"]["online"], 1, "{status}");
    hold_saved(&screen.home);
}

#[test]
fn first_signal_ends_the_wait_and_names_what_is_unsent() {
    let screen = Screen::start();
    let args = ["record", "--seconds", "2", "--json"];
    let mut record = to_black_hole(&screen.home, &args);
    let server: Vec<_> = record
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let began = Instant::now();
    let recorded = finish(&mut record, LIMIT).unwrap();
    assert_eq!(recorded.status.code(), Some(3), "{recorded:?}");
    assert!(began.elapsed() < Duration::from_secs(35), "{:?}", began.elapsed());

    let mut wait = snaplark(&screen.home, None, &["status", "--wait", "--json"]).unwrap();
    wait.envs(server);
    let mut wait = Process::start(&screen.home, "wait", wait).unwrap();
    until_says(&wait, "Uploading");
    signal(&wait, Signal::HUP);
    let answer: Value = serde_json::from_str(&wait.line(LIMIT).unwrap()).unwrap();
    assert_eq!(answer["counts"]["unsent"], 1, "{answer}");
    assert_eq!(wait.wait(LIMIT).unwrap().code(), Some(3));
}

#[test]
fn recording_works_without_the_embedded_cloud_and_reports_the_missing_link() {
    let screen = Screen::start();
    std::fs::create_dir_all(screen.home.snaplark()).unwrap();
    std::fs::write(screen.home.snaplark().join("cloud"), "no folder").unwrap();
    let args = ["record", "--seconds", "2", "--json", "--no-upload"];
    let answer = ask(&screen.home, None, &args).unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let recorded: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(recorded["linkProblem"], Value::Null, "nobody wanted one");
    media::decode(recorded["file"].as_str().unwrap()).unwrap();

    let answer = ask(&screen.home, None, &["record", "--seconds", "2", "--json"]).unwrap();
    assert_eq!(answer.status.code(), Some(3), "{answer:?}");
    assert!(answer.stderr.contains("There is no link yet"), "{}", answer.stderr);
    assert!(!answer.stderr.contains("--data"), "there is no such option: {}", answer.stderr);
    let recorded: Value = serde_json::from_str(&answer.stdout).unwrap();
    let problem = recorded["linkProblem"].as_str().unwrap();
    assert!(problem.contains("cloud"), "{problem}");
    media::decode(recorded["file"].as_str().unwrap()).unwrap();

    // With its folder the cloud is there again, and so is the link.
    std::fs::remove_file(screen.home.snaplark().join("cloud")).unwrap();
    let status = ask_json(&screen.home, None, &["status", "--wait", "--json"]).unwrap();
    assert_eq!(status["counts"]["online"], 1, "{status}");
}

#[test]
fn recording_that_needs_a_sign_in_is_listed_as_such_by_the_running_app() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let with_a_wrong_token = |args: &[&str]| {
        let mut snaplark = snaplark(&screen.home, None, args).unwrap();
        snaplark.env("SNAPLARK_SERVER", &cloud.address).env("SNAPLARK_TOKEN", "snap_wrong");
        snaplark
    };
    let mut record = with_a_wrong_token(&["record", "--seconds", "2", "--json"]);
    let recorded = finish(&mut record, LIMIT).unwrap();
    assert_eq!(recorded.status.code(), Some(3), "{recorded:?}");
    let serve = with_a_wrong_token(&["serve"]);
    let _serve = Process::start(&screen.home, "serve", serve).unwrap();
    wait::until("the sign-in to be missed", LIMIT, || {
        let list = ask(&screen.home, None, &["list"])?;
        Ok(list.stdout.contains("Sign-in required").then_some(()))
    })
    .unwrap();
    let list = ask_json(&screen.home, None, &["list", "--json"]).unwrap();
    let state = &list["recordings"][0]["state"];
    assert_eq!((&state["kind"], &state["reason"]), (&"needsYou".into(), &"sign-in".into()));
}

#[test]
fn unknown_recordings_are_named_without_a_panic() {
    let home = Home::new().unwrap();
    for (order, id) in [("delete", UNKNOWN), ("retry", UNKNOWN), ("show", UNKNOWN)] {
        for _ in 0..3 {
            let answer = ask(&home, None, &[order, id, "--json"]).unwrap();
            assert_eq!(answer.status.code(), Some(1), "{answer:?}");
            assert!(answer.stderr.contains("There is no recording"), "{answer:?}");
            assert!(!answer.stderr.contains("panicked"), "{answer:?}");
            let error: Value = serde_json::from_str(&answer.stdout).unwrap();
            assert!(error["error"]["message"].as_str().unwrap().contains(id), "{error}");
        }
    }
}

const UNKNOWN: &str = "0192f0c0-0000-7000-8000-000000000000";

#[test]
fn settings_and_logout_work_while_snaplark_runs() {
    let home = Home::new().unwrap();
    let serve = snaplark(&home, None, &["serve"]).unwrap();
    let mut serve = Process::start(&home, "serve", serve).unwrap();
    serve.line(LIMIT).unwrap();
    let set = ask_json(&home, None, &["settings", "fps", "60", "--json"]).unwrap();
    assert_eq!(set["settings"]["fps"], 60, "{set}");
    let refused = ask(&home, None, &["settings", "fps", "31"]).unwrap();
    assert!(refused.stderr.contains("Allowed: 15, 24, 30 or 60"), "{refused:?}");
    assert_eq!(ask(&home, None, &["settings", "fps"]).unwrap().stdout, "60\n");
    let left = ask_json(&home, None, &["logout", "--json"]).unwrap();
    assert_eq!(left["account"], Value::Null, "{left}");
    let answer = ask(&home, None, &["delete", UNKNOWN]).unwrap();
    assert!(answer.stderr.contains("There is no recording"), "{answer:?}");
    serve.terminate();
    assert!(serve.wait(LIMIT).unwrap().success());
}

#[test]
fn settings_survive_a_broken_database() {
    let home = Home::new().unwrap();
    assert!(ask(&home, None, &["settings", "fps", "60"]).unwrap().status.success());
    let list = home.snaplark().join("snaplark.db");
    std::fs::write(&list, vec![0; 8_192]).unwrap();
    let shown = ask(&home, None, &["settings", "fps"]).unwrap();
    assert_eq!(shown.stdout, "60\n", "{shown:?}");
}

#[test]
fn record_is_silent_with_quiet_and_brief_without_a_terminal() {
    let screen = Screen::start();
    let said = |more: &[&str]| {
        let args = ["record", "--seconds", "3", "--no-upload"];
        let mut record = snaplark(&screen.home, None, &args).unwrap();
        record.args(more).env_remove("SNAPLARK_PROGRESS_SECONDS");
        let answer = finish(&mut record, LIMIT).unwrap();
        assert!(answer.status.success(), "{answer:?}");
        answer.stderr
    };
    assert_eq!(said(&["--quiet"]), "");
    let told = said(&[]);
    assert!(told.lines().filter(|line| line.starts_with("Recording")).count() == 1, "{told}");
    assert!(told.lines().count() <= 4, "{told}");
}
