//! `snaplark-cloud` as a program: its one line, its token, its signals, its refusals.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::backend::Backend;
use crate::support::{User, http, init_000};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_snaplark-cloud");

pub struct Running {
    pub child: Child,
    pub url: String,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub fn start(backend: &Backend) -> Running {
        let env = [("SNAPLARK_PARTS_PER_SECOND", "1000000"), ("SNAPLARK_FFMPEG", "no-ffmpeg-here")];
        Running::start_with(backend, &env)
    }

    pub fn start_with(backend: &Backend, env: &[(&str, &str)]) -> Running {
        Running::started(Command::new(PROGRAM), backend, env, Stdio::null())
    }

    /// Starts the program with its output in a file.
    pub fn start_logging(backend: &Backend, env: &[(&str, &str)], log: &Path) -> Running {
        let log = std::fs::File::create(log).unwrap();
        Running::started(Command::new(PROGRAM), backend, env, log.into())
    }

    /// `program`: begins this program, with these arguments and what else it wants.
    pub fn started(
        program: Command,
        backend: &Backend,
        env: &[(&str, &str)],
        log: Stdio,
    ) -> Running {
        let started = Running::try_started(program, backend, env, log);
        started.unwrap_or_else(|line| panic!("it doesn't listen: {line}"))
    }

    /// Fails with its first line if that doesn't say where it listens. It has ended then.
    pub fn try_started(
        mut program: Command,
        backend: &Backend,
        env: &[(&str, &str)],
        log: Stdio,
    ) -> Result<Running, String> {
        let mut child = program
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(backend.env())
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let Some(url) = line.strip_prefix("listening on ").map(|url| url.trim().to_owned()) else {
            child.kill().ok();
            child.wait().unwrap();
            return Err(line);
        };
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Ok(Running { child, url, out })
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end. Returns its exit code, and what it has written since it listened.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub fn token(backend: &Backend) -> String {
    token_of(backend, "a@example.com")
}

pub fn token_of(backend: &Backend, email: &str) -> String {
    let out = Command::new(PROGRAM).args(["token", "--user", email]).envs(backend.env()).output();
    let out = out.unwrap();
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "only the token: {text:?}");
    text.trim().to_owned()
}

fn refused(args: &[&str]) -> String {
    let out: Output = Command::new(PROGRAM).args(args).output().unwrap();
    assert!(!out.status.success() && out.stdout.is_empty(), "{out:?}");
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    text
}

#[cfg(unix)]
#[tokio::test]
async fn one_line_then_it_serves_then_it_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let mut running = Running::start(&backend);
    let user = User::new(&running.url, &token(&backend));
    user.post("/videos/init", &init_000()).await.ok();
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(running.child.wait().unwrap().success());
    let mut rest = String::new();
    running.out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nothing but the one line");
}

#[tokio::test]
async fn fresh_data_folder_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    // Its address is this computer's alone, which `started` checks.
    let running = Running::start(&Backend::new(folder.path()));
    let page = http().get(format!("{}/sign-in", running.url)).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Nobody can sign in here yet"));
    for token in ["", "admin", "snaplark", "snap_0000000000000000000000000000000000000000000"] {
        User::new(&running.url, token).post("/videos/init", &init_000()).await.refused(401);
    }
    running.kill();
}

#[tokio::test]
async fn log_has_no_line_and_no_escape_sequence_that_a_client_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.txt");
    let backend = Backend::new(&folder.path().join("data"));
    let running = Running::start_logging(&backend, &[("SNAPLARK_LOG", "debug")], &log);
    let user = User::new(&running.url, &token(&backend));
    let forged = "\u{1b}[31mred\nforged line\r\nforged again";
    let mut init = init_000();
    init["filename"] = forged.into();
    init["title"] = forged.into();
    user.post("/videos/init", &init).await;
    let path = format!("{}/videos/%1b%5b31m%0aforged%20line", running.url);
    let request =
        user.http.get(path).header("x-request-id", "\u{9b}31m forged").bearer_auth("a\u{9b}b");
    request.send().await.unwrap();
    running.kill();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.is_empty());
    assert!(!log.contains(['\u{1b}', '\u{9b}', '\r']), "{log:?}");
    assert!(!log.lines().any(|line| line.trim_start().starts_with("forged")), "{log}");
}

#[test]
fn a_user_is_added_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let user = |deed: &str, password: &str| {
        let mut child = Command::new(PROGRAM)
            .args(["user", deed, "a@example.com", "--data"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let said = |out: &Output| String::from_utf8(out.stderr.clone()).unwrap();
    let unknown = user("password", "a good long one\n");
    assert!(!unknown.status.success() && said(&unknown).contains("There is no user"));
    let short = user("add", "short\n");
    assert!(!short.status.success() && said(&short).contains("at least 10 characters"));
    let added = user("add", "a good long one\n");
    assert!(added.status.success() && added.stdout.is_empty(), "{added:?}");
    let again = user("add", "another good one\n");
    assert!(!again.status.success() && said(&again).contains("already has a password"));
    assert!(user("password", "another good one\n").status.success());
    for out in [unknown, short, added, again] {
        assert!(!said(&out).contains("good"), "the password is never printed");
    }
}

#[test]
fn an_operators_commands_say_what_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    token(&backend);
    let run = |args: &[&str]| {
        let out = Command::new(PROGRAM).args(args).envs(backend.env()).output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
    };
    let limits = |args: &[&str]| run(&[&["user", "limits", "a@example.com"], args].concat());
    let nothing = "stored: 0 kB (the server's limit)\nuploads today: 0 (the server's limit)\n\
                   sent today: 0 kB (the server's limit)\n";
    assert_eq!(limits(&[]), (0, nothing.to_owned()));
    let (code, said) = limits(&["--storage", "1.5GB", "--day-uploads", "none"]);
    assert_eq!(code, 0);
    assert!(said.contains("stored: 0 kB (1.5 GB)\nuploads today: 0 (no limit)\n"), "{said}");
    assert_eq!(
        limits(&["--storage", "server", "--day-uploads", "server"]),
        (0, nothing.to_owned())
    );
    assert_eq!(limits(&["--storage", "a lot"]).0, 2, "clap's own, with what it should be");

    let (code, said) = run(&["audit", "--json"]);
    let deeds: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actions: Vec<_> = deeds.iter().map(|deed| deed["action"].as_str().unwrap()).collect();
    assert_eq!((code, actions.as_slice()), (0, &["token created", "limits set", "limits set"][..]));
    let (_, said) = run(&["audit", "--limit", "1", "--user", "a@example.com"]);
    let cells: Vec<_> = said.trim_end().split('\t').collect();
    assert_eq!(cells[1..], ["a@example.com", "limits set", "", "", "this server"]);
    assert_eq!(run(&["scrub"]), (0, "0 videos, 0 objects, 0 kB: 0 damaged\n".to_owned()));
}

#[tokio::test]
async fn a_user_may_begin_a_thousand_uploads_a_day_unless_it_is_said_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    for (env, max) in [
        (&[][..], serde_json::json!(1000)),
        (&[("SNAPLARK_USER_DAY_UPLOADS", "none")][..], serde_json::Value::Null),
    ] {
        let running = Running::start_with(&backend, env);
        let usage = User::new(&running.url, &token).get("/usage").await.ok();
        assert_eq!(usage["today"]["uploadsMax"], max);
        running.kill();
    }
}

#[tokio::test]
async fn a_token_made_before_the_server_is_good_too() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let running = Running::start(&backend);
    User::new(&running.url, &token).get("/videos").await.ok();
    assert!(
        http().get(format!("{}/healthz", running.url)).send().await.unwrap().status().is_success()
    );
    running.kill();
}

#[test]
fn what_can_not_be_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let file = file.to_string_lossy();

    let text = refused(&["serve", "--listen", "127.0.0.1:0", "--data", &file]);
    assert!(text.contains("there is a file in its place"), "{text}");
    // As the program makes it: another would be refused for that.
    assert!(Command::new("mkdir").args(["-m", "700", &data]).status().unwrap().success());
    std::fs::write(folder.path().join("data/cloud.sqlite"), "this is no database".repeat(100))
        .unwrap();
    let text = refused(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert!(text.contains("The database in"), "{text}");

    let good = folder.path().join("good").to_string_lossy().into_owned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = refused(&["serve", "--listen", &address, "--data", &good]);
    assert!(text.contains("Another program already listens on"), "{text}");
    let text = refused(&["serve", "--listen", "127.0.0.1:0", "--public-url", "x", "--data", &good]);
    assert!(text.contains("is not a public address"), "{text}");
    let text = refused(&["token", "--user", "nobody", "--data", &good]);
    assert!(text.contains("is not an e-mail address"), "{text}");
}

/// Returns the output of a command on a folder; it has to succeed.
fn said(backend: &Backend, args: &[&str]) -> String {
    let out = Command::new(PROGRAM).args(args).envs(backend.env()).output().unwrap();
    assert!(out.status.success(), "{args:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

#[tokio::test]
async fn the_operator_lists_and_revokes_tokens_and_shuts_users_out() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let (one, two) = (token(&backend), token(&backend));
    let running = Running::start(&backend);
    let (one, two) = (User::new(&running.url, &one), User::new(&running.url, &two));
    one.get("/videos").await.ok();

    let list = said(&backend, &["token", "list", "--user", "a@example.com"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    let row = list.lines().find(|line| !line.ends_with("never used")).expect(&list);
    let cells: Vec<_> = row.split('\t').collect();
    assert_eq!(cells[1..3], ["Made on the server", "upload read account"], "{row}");
    said(&backend, &["token", "revoke", cells[0]]);
    one.get("/videos").await.refused(401);
    two.get("/videos").await.ok();
    let again =
        Command::new(PROGRAM).args(["token", "revoke", cells[0]]).envs(backend.env()).output();
    assert!(!again.unwrap().status.success(), "it is gone");

    said(&backend, &["user", "disable", "a@example.com"]);
    two.get("/videos").await.refused(401);
    said(&backend, &["user", "enable", "a@example.com"]);
    let session = two.init().await;
    let status = two.get(&format!("/videos/{session}")).await.ok();
    let page = format!("{}/videos/{}", running.url, status["videoId"].as_str().unwrap());
    assert!(!refused(&["user", "delete", "a@example.com"]).is_empty(), "it takes --yes");
    said(&backend, &["user", "delete", "a@example.com", "--yes"]);
    two.get("/videos").await.refused(401);
    let page = http().get(page).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("removed"), "{page}");
    let unsure = Command::new(PROGRAM)
        .args(["user", "disable", "a@example.com"])
        .envs(backend.env())
        .output();
    assert!(!unsure.unwrap().status.success(), "nobody has this address any more");
    running.kill();
}

#[tokio::test]
async fn a_token_is_made_for_some_things_only() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let made = said(&backend, &["token", "--user", "a@example.com", "--scope", "upload"]);
    let running = Running::start(&backend);
    let user = User::new(&running.url, made.trim());
    user.init().await;
    user.get("/videos").await.refused(403);
    running.kill();
    refused(&["token", "--user", "a@example.com", "--scope", "all", "--data", "x"]);
}
