//! A token is kept in the system's keyring and nowhere else.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use snaplark_tests::cloud::Cloud;
use snaplark_tests::process::finish;
use snaplark_tests::recorder::{Recorded, ask, snaplark};
use snaplark_tests::{media, session};

use crate::screen::Screen;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn signed_in_it_uploads_after_a_restart_and_signing_out_leaves_nothing() {
    let mut screen = Screen::start();
    let _bus = session::bus(&mut screen.home).unwrap();
    let _keyring = session::keyring(&screen.home).unwrap();
    let home = &screen.home;
    let cloud = Cloud::start(home).unwrap();
    let before = session::secrets(home).unwrap();

    let token = home.path().join("token");
    std::fs::write(&token, &cloud.token).unwrap();
    let mut login = snaplark(home, None, &["login", &cloud.address]).unwrap();
    login.stdin(File::open(&token).unwrap());
    let answer = finish(&mut login, LIMIT).unwrap();
    assert!(answer.status.success(), "{}", answer.stderr);
    assert_eq!(session::secrets(home).unwrap(), before + 1, "the keyring holds the token");

    // Another process: nothing of the first one's memory is left.
    let answer = ask(home, None, &["record", "--seconds", "3", "--json"]).unwrap();
    assert!(answer.status.success(), "{}", answer.stderr);
    let recorded = Recorded::read(&answer.stdout).unwrap();
    let link = recorded.link.expect("a link");
    assert!(link.starts_with(&cloud.address), "{link} is not on {}", cloud.address);
    media::decode(&format!("{link}/video.webm")).unwrap();
    assert_eq!(found(home.snaplark(), cloud.token.as_bytes()), [""; 0]);
    assert_eq!(found(&home.path().join("logs"), cloud.token.as_bytes()), [""; 0]);

    let answer = ask(home, None, &["logout"]).unwrap();
    assert!(answer.status.success(), "{}", answer.stderr);
    assert_eq!(session::secrets(home).unwrap(), before, "the keyring has forgotten the token");
}

#[test]
fn without_a_keyring_it_says_so_and_keeps_no_token() {
    let mut screen = Screen::start();
    // A bus on which nobody keeps secrets.
    let _bus = session::bus(&mut screen.home).unwrap();
    let home = &screen.home;
    let cloud = Cloud::start(home).unwrap();
    let token = home.path().join("token");
    std::fs::write(&token, &cloud.token).unwrap();
    let mut login = snaplark(home, None, &["login", &cloud.address]).unwrap();
    login.stdin(File::open(&token).unwrap());
    let answer = finish(&mut login, LIMIT).unwrap();
    snaplark_tests::failure::hold(&answer, &["keyring"]);
    assert_eq!(found(home.snaplark(), cloud.token.as_bytes()), [""; 0]);
}

/// The files below a folder that hold these bytes.
fn found(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                return found(&path, bytes);
            }
            let content = std::fs::read(&path).unwrap();
            let holds = content.windows(bytes.len()).any(|part| part == bytes);
            if holds { vec![path.display().to_string()] } else { Vec::new() }
        })
        .collect()
}
