//! A newer version, from a true feed over HTTP with a true key: told, fetched, held against its
//! signature, and installed. The one thing that stands in is what gives a program the rights to
//! install: a `pkexec` that notes what it was asked to do.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use snaplark_tests::browser::Browser;
use snaplark_tests::desk::Desk;
use snaplark_tests::home::Home;
use snaplark_tests::process::{output, program};
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

use crate::{SHOW, SOON, pictures};

const SECTION: &str = "#updates";
const LOOK: &str = "[data-testid=update-look]";
const FETCH: &str = "[data-testid=update-fetch]";
const INSTALL: &str = "[data-testid=update-install]";

/// A web server with two files: the feed, and the package.
struct Feed {
    address: String,
    entry: Arc<Mutex<Value>>,
}

impl Feed {
    fn start(package: Vec<u8>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let entry = Arc::new(Mutex::new(json!({})));
        let told = entry.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(&stream).lines();
                let asked = lines.next().and_then(Result::ok).unwrap_or_default();
                while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
                let body = match asked.contains("/package.deb") {
                    true => package.clone(),
                    false => told.lock().unwrap().to_string().into_bytes(),
                };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let mut stream = &stream;
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).ok();
            }
        });
        Feed { address, entry }
    }

    fn say(&self, version: &str, signature: &str) {
        let target = format!("linux-{}", std::env::consts::ARCH);
        let package =
            json!({"url": format!("{}/package.deb", self.address), "signature": signature});
        *self.entry.lock().unwrap() = json!({"version": version, "notes": "Trim a recording.", "platforms": {target: package}});
    }
}

/// A distributor's key, and what it signs.
struct Key(PathBuf);

impl Key {
    fn generate(home: &Home, name: &str) -> Self {
        let at = home.path().join(name);
        let mut minisign = Command::new("minisign");
        minisign.args(["-G", "-W", "-f", "-p"]).arg(at.with_extension("pub")).arg("-s").arg(&at);
        output(minisign, SOON).unwrap();
        Key(at)
    }

    fn public(&self) -> String {
        STANDARD.encode(fs::read(self.0.with_extension("pub")).unwrap())
    }

    fn sign(&self, package: &Path, version: &str) -> String {
        let signature = package.with_extension("sig");
        let mut minisign = Command::new("minisign");
        minisign.arg("-S").arg("-s").arg(&self.0).arg("-m").arg(package).arg("-x").arg(&signature);
        output(
            {
                minisign.arg("-t").arg(format!("version:{version}"));
                minisign
            },
            SOON,
        )
        .unwrap();
        STANDARD.encode(fs::read(signature).unwrap())
    }
}

/// The app as a .deb holds it: `cargo xtask package` marks it in the same way.
fn packaged(home: &Home) -> PathBuf {
    let mut bytes = fs::read(program("snaplark-desktop").unwrap()).unwrap();
    let (unknown, deb) = (b"__TAURI_BUNDLE_TYPE_VAR_UNK", b"__TAURI_BUNDLE_TYPE_VAR_DEB");
    let at = bytes.windows(unknown.len()).position(|word| word == unknown).unwrap();
    bytes[at..at + deb.len()].copy_from_slice(deb);
    executable(home, "snaplark-desktop", &bytes)
}

fn executable(home: &Home, name: &str, bytes: &[u8]) -> PathBuf {
    let folder = home.path().join("bin");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    fs::write(&file, bytes).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

fn settings(windows: &Session) {
    windows.enter_window_at("library", SOON).unwrap();
    windows.press("[data-testid=open-settings]", SOON).unwrap();
    windows.enter_window_at("settings", SOON).unwrap();
}

#[test]
fn update_is_announced_verified_and_installed() {
    let mut home = Home::new().unwrap();
    let (ours, theirs) = (Key::generate(&home, "ours"), Key::generate(&home, "theirs"));
    // What makes a file a .deb, and nothing that dpkg would take.
    let package = home.path().join("package.deb");
    let bytes =
        b"!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\n".to_vec();
    fs::write(&package, &bytes).unwrap();
    let feed = Feed::start(bytes.clone());
    feed.say("0.0.1", &ours.sign(&package, "0.0.1"));
    home.set("SNAPLARK_UPDATE_FEED", &format!("{}/latest.json", feed.address));
    home.set("SNAPLARK_UPDATE_KEY", &ours.public());
    let asked = home.path().join("asked");
    let script = format!("#!/bin/sh\ncp \"$3\" {0}.deb\necho \"$1 $2\" > {0}\n", asked.display());
    executable(&home, "pkexec", script.as_bytes());
    let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap());
    home.set("PATH", &path);
    let program = packaged(&home);
    let desk = Desk::start(home, 1280, 720).unwrap();
    // The first start has shown its welcome.
    let app = Browser::app(&desk.home, &program, &[]).unwrap();
    app.session.enter_window_at("welcome", SOON).unwrap();
    app.session.press("[data-testid=welcome-skip]", SOON).unwrap();
    let windows = &app.session;
    settings(windows);

    // It looked by itself: an older version is none.
    windows.says(SECTION, "up to date", SOON).unwrap();

    // Of another's key, and of ours for another version.
    for signature in [theirs.sign(&package, "9.9.9"), ours.sign(&package, "0.0.1")] {
        feed.say("9.9.9", &signature);
        windows.press(LOOK, SOON).unwrap();
        windows.says(SECTION, "Version 9.9.9 is available", SOON).unwrap();
        windows.says(SECTION, "Trim a recording", SOON).unwrap();
        windows.press(FETCH, SOON).unwrap();
        windows.says(SECTION, "signed with Snaplark's key", SOON).unwrap();
    }
    *feed.entry.lock().unwrap() = json!("what is this");
    windows.press(LOOK, SOON).unwrap();
    windows.says(SECTION, "can't be read", SOON).unwrap();

    feed.say("9.9.9", &ours.sign(&package, "9.9.9"));
    windows.press(LOOK, SOON).unwrap();
    windows.press(FETCH, SOON).unwrap();
    windows.says(SECTION, "its signature is valid", SOON).unwrap();
    let picture = pictures("updates").join("ready.png");
    desk.display.picture(&desk.home, &picture, None).unwrap();

    // Not while something is recorded.
    desk.display.press(&desk.home, "alt+r").unwrap();
    windows
        .until("the recording", SOON, "return window.__TAURI_INTERNALS__.invoke('snapshot', {since: 0}).then((s) => s.recorder.kind === 'recording');")
        .unwrap();
    windows.press(INSTALL, SOON).unwrap();
    windows.says("[data-testid=trouble]", "then install the update", SOON).unwrap();
    assert!(!asked.exists());
    desk.display.press(&desk.home, "alt+r").unwrap();
    windows
        .until("its end", SHOW, "return window.__TAURI_INTERNALS__.invoke('snapshot', {since: 0}).then((s) => s.recorder.kind === 'idle');")
        .unwrap();
    windows.press(INSTALL, SOON).unwrap();
    let said = wait::until("the system to be asked", SHOW, || {
        Ok(fs::read_to_string(&asked).ok().filter(|said| said.ends_with('\n')))
    })
    .unwrap();
    assert_eq!(said, "dpkg -i\n");
    assert_eq!(fs::read(asked.with_extension("deb")).unwrap(), bytes);
}
