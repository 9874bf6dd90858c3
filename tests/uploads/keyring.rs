//! The token through a whole life with everything written down: signed in, recorded without a
//! network, sent by another process that has the token from the keyring alone, signed out. Logs are
//! as chatty as they get, and the token is in none of them, nor in any file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use snaplark_tests::fault_proxy::{FaultProxy, Route};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Answer, finish};
use snaplark_tests::recorder::snaplark;
use snaplark_tests::session;

use crate::rig::{Server, fake_recorder, runtime};

const LIMIT: Duration = Duration::from_secs(60);

/// Runs it with every log there is, which are kept.
fn run(home: &Home, name: &str, mut command: Command) -> Answer {
    command.arg("--verbose").env("SNAPLARK_LOG", "trace");
    let answer = finish(&mut command, LIMIT).unwrap();
    let said = [&answer.stdout[..], &answer.stderr[..]].concat();
    std::fs::write(home.log(name), said).unwrap();
    answer
}

/// Every file below a folder that holds these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if path.is_file() {
            let mut content = Vec::new();
            File::open(&path).unwrap().read_to_end(&mut content).unwrap();
            if content.windows(bytes.len()).any(|part| part == bytes) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_token_is_in_the_keyring_and_in_nothing_else_that_is_written() {
    let mut home = Home::new().unwrap();
    let _bus = session::bus(&mut home).unwrap();
    let _keyring = session::keyring(&home).unwrap();
    let server = Server::start(&home).unwrap();
    let runtime = runtime().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
    let token = home.path().join("token");
    std::fs::write(&token, &server.token).unwrap();

    let mut login = snaplark(&home, None, &["login", &proxy.url()]).unwrap();
    login.stdin(File::open(&token).unwrap());
    let answer = run(&home, "login", login);
    std::fs::remove_file(&token).unwrap();
    assert!(answer.status.success(), "{}", answer.stderr);
    assert_eq!(session::secrets(&home).unwrap(), 1, "the keyring holds the token");

    // Recorded while the network is away, by a program that dies.
    proxy.close();
    let mut recorder = fake_recorder(&home, &proxy.url(), "another", &["--segments", "5"]).unwrap();
    assert_eq!(recorder.line(LIMIT).unwrap(), "recorded");
    recorder.kill().unwrap();
    runtime.block_on(proxy.reopen()).unwrap();

    let status = snaplark(&home, None, &["status", "--wait", "--json"]).unwrap();
    let answer = run(&home, "status", status);
    assert!(answer.status.success(), "{}", answer.stderr);
    assert!(answer.stderr.contains("TRACE"), "the logs are chatty");
    assert_eq!(proxy.count(&Route::Chunk), 5, "the parts went up");

    let answer = run(&home, "logout", snaplark(&home, None, &["logout"]).unwrap());
    assert!(answer.status.success(), "{}", answer.stderr);
    assert_eq!(session::secrets(&home).unwrap(), 0, "the keyring has forgotten it");
    let found = holding(home.path(), server.token.as_bytes());
    assert!(found.is_empty(), "the token is in {found:?}");
}

#[test]
fn without_a_keyring_nothing_is_stored_and_it_is_said() {
    let mut home = Home::new().unwrap();
    // A bus on which nobody keeps secrets.
    let _bus = session::bus(&mut home).unwrap();
    let server = Server::start(&home).unwrap();
    let token = home.path().join("token");
    std::fs::write(&token, &server.token).unwrap();
    let url = format!("http://{}", server.address);
    let mut login = snaplark(&home, None, &["login", &url]).unwrap();
    login.stdin(File::open(&token).unwrap());
    let answer = run(&home, "login", login);
    std::fs::remove_file(&token).unwrap();
    assert!(!answer.status.success());
    assert!(answer.stderr.contains("keyring can't be used"), "{}", answer.stderr);
    let found = holding(home.path(), server.token.as_bytes());
    assert!(found.is_empty(), "the token is in {found:?}");
}
