//! What goes wrong is said in a sentence that a person understands, with a non-zero exit, and never
//! by a panic.

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
fn without_the_server_the_recording_is_kept_and_the_reason_said() {
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
fn system_without_root_certificates_records_and_has_a_link_here() {
    let screen = Screen::start();
    let mut record = snaplark(&screen.home, None, &RECORD).unwrap();
    record.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/nonexistent");
    let answer = finish(&mut record, LIMIT).unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let list = ask_json(&screen.home, None, &["list", "--json"]).unwrap();
    assert_eq!(list["recordings"][0]["state"]["kind"], "done", "{list}");
}

#[test]
fn without_the_encoder_it_says_which_one_is_missing_and_how_to_get_it() {
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
fn without_a_display_it_says_so() {
    let home = Home::new().unwrap();
    let answer = ask(&home, None, &["record", "--seconds", "3", "--json", "--no-upload"]).unwrap();
    hold(&answer, &["display"]);
}

#[test]
fn in_a_folder_that_cannot_be_written_it_says_which() {
    let screen = Screen::start();
    // A file in the folder's place: not even root writes below it.
    let taken = screen.home.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let mut record = snaplark(&screen.home, None, &RECORD).unwrap();
    record.arg("--no-upload").env("SNAPLARK_HOME", taken.join("snaplark"));
    hold(&finish(&mut record, LIMIT).unwrap(), &["taken"]);
}

#[test]
fn a_server_without_its_folder_says_which() {
    let home = Home::new().unwrap();
    let taken = home.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let mut serve = command(&home, program("snaplark-cloud").unwrap());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(taken.join("data"));
    hold(&finish(&mut serve, LIMIT).unwrap(), &["taken"]);
}
