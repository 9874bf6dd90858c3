//! Tests that failures end with a sentence that a person understands and a non-zero exit, and never
//! with a panic.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use snaplark_tests::failure::hold;
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::process::{command, finish, output, program};
use snaplark_tests::recorder::{ask, ask_json, snaplark};

use crate::screen::Screen;

const LIMIT: Duration = Duration::from_secs(90);
const RECORD: [&str; 4] = ["record", "--seconds", "3", "--json"];

#[test]
fn unreachable_server_keeps_the_recording_and_names_the_reason() {
    let screen = Screen::start();
    let mut record = snaplark(&screen.home, None, &RECORD).unwrap();
    // Nobody listens on port 1.
    record.env("SNAPLARK_SERVER", "http://127.0.0.1:1").env("SNAPLARK_TOKEN", "token");
    let answer = finish(&mut record, LIMIT).unwrap();
    hold(&answer, &["server", "offline", "reach"]);

    let list = ask_json(&screen.home, None, &["list", "--json"]).unwrap();
    let list = list["recordings"].as_array().unwrap();
    let [recording] = list.as_slice() else { panic!("one recording, not {list:?}") };
    assert!(recording["segments"].as_u64().unwrap() >= 1, "{recording}");
    assert_eq!(recording["state"]["kind"], "waits", "{recording}");
    let file = recording["file"].as_str().expect("the person's own file is written");
    media::decode(file).unwrap();
}

#[test]
fn recording_works_and_has_a_local_link_without_root_certificates() {
    let screen = Screen::start();
    let mut record = snaplark(&screen.home, None, &RECORD).unwrap();
    record.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/nonexistent");
    let answer = finish(&mut record, LIMIT).unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let list = ask_json(&screen.home, None, &["list", "--json"]).unwrap();
    assert_eq!(list["recordings"][0]["state"]["kind"], "done", "{list}");
}

#[test]
fn missing_encoder_is_named_with_the_command_that_installs_it() {
    let screen = Screen::start();
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.args(["--variable=pluginsdir", "gstreamer-1.0"]);
    let plugins = output(pkg_config, LIMIT).unwrap();
    let without = screen.home.path().join("plugins");
    std::fs::create_dir(&without).unwrap();
    for entry in std::fs::read_dir(plugins.trim()).unwrap().flatten() {
        if !entry.file_name().to_string_lossy().contains("vpx") {
            symlink(entry.path(), without.join(entry.file_name())).unwrap();
        }
    }
    let mut record = snaplark(&screen.home, None, &RECORD).unwrap();
    record
        .arg("--no-upload")
        .env("GST_PLUGIN_SYSTEM_PATH_1_0", &without)
        .env("GST_REGISTRY_1_0", screen.home.path().join("registry"));
    hold(&finish(&mut record, LIMIT).unwrap(), &["vp9enc"]);
}

#[test]
fn missing_display_is_reported() {
    let home = Home::new().unwrap();
    let answer = ask(&home, None, &["record", "--seconds", "3", "--json", "--no-upload"]).unwrap();
    hold(&answer, &["display"]);
}

#[test]
fn unwritable_folder_is_named() {
    let screen = Screen::start();
    // A file in the folder's place: not even root writes below it.
    let taken = screen.home.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let mut record = snaplark(&screen.home, None, &RECORD).unwrap();
    record.arg("--no-upload").env("SNAPLARK_HOME", taken.join("snaplark"));
    hold(&finish(&mut record, LIMIT).unwrap(), &["taken"]);
}

#[test]
fn server_names_the_folder_that_it_cannot_use() {
    let home = Home::new().unwrap();
    let taken = home.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let mut serve = command(&home, program("snaplark-cloud").unwrap());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(taken.join("data"));
    hold(&finish(&mut serve, LIMIT).unwrap(), &["taken"]);
}
