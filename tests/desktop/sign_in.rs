//! Signing in from the app's own window: the browser shows the server's page, the
//! keyring takes the token, uploads go there; and out again, with nothing left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use snaplark_tests::browser::Browser;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::{session, wait};

use crate::{SOON, pictures};

const EMAIL: &str = "ann@example.org";
const PASSWORD: &str = "a long enough password";
/// Password hashing in a debug build, on a loaded machine.
const SLOW: Duration = Duration::from_secs(60);

const ACCOUNT: &str = "[data-testid=account]";
const FIELD: &str = "[data-testid=server-address]";
const NOTICE: &str = "[data-testid=sign-in-notice]";

/// A stand-in for the browser, which writes down the addresses that it is asked to open.
struct Opener {
    sent: PathBuf,
}

impl Opener {
    fn choose(home: &mut Home) -> Self {
        let (sent, folder) = (home.path().join("sent"), home.path().join("bin"));
        fs::create_dir(&folder).unwrap();
        let program = folder.join("xdg-open");
        let at = sent.display();
        fs::write(
            &program,
            format!("#!/bin/sh\nprintf '%s' \"$1\" > {at}.part && mv {at}.part {at}\n"),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        home.set("PATH", &format!("{}:{path}", folder.display()));
        Opener { sent }
    }

    /// Takes the last address that was opened.
    fn address(&self) -> String {
        wait::until("the browser to be sent somewhere", SOON, || {
            let Ok(address) = fs::read_to_string(&self.sent) else { return Ok(None) };
            fs::remove_file(&self.sent)?;
            Ok(Some(address))
        })
        .unwrap()
    }
}

fn picture(shown: &Demonstration, name: &str) {
    let file = pictures("sign-in").join(format!("{name}.png"));
    shown.desk.display.picture(&shown.desk.home, &file, None).unwrap();
}

#[test]
fn sign_in_uses_the_browser_and_sign_out_removes_the_token() {
    let mut home = Home::new().unwrap();
    let opener = Opener::choose(&mut home);
    let mut shown = Demonstration::begin_driven(home, &pictures("sign-in")).unwrap();
    let keyring = shown.keyring.take();
    let home = &shown.desk.home;
    let cloud = Cloud::start(home).unwrap();
    cloud.add_user(home, EMAIL, PASSWORD).unwrap();
    let server = cloud.address.strip_prefix("http://").unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    windows.says(ACCOUNT, "This computer", SOON).unwrap();

    let begin = || {
        windows.press(ACCOUNT, SOON).unwrap();
        windows.type_into(FIELD, &cloud.address, SOON).unwrap();
        windows.press("[data-testid=server-sign-in]", SOON).unwrap();
    };
    let viewer = Browser::chromium(home).unwrap();
    let page = &viewer.session;
    let connect = || {
        page.go(&opener.address()).unwrap();
        if page.title().unwrap().contains("Sign in") {
            page.type_into("[name=email]", EMAIL, SOON).unwrap();
            page.type_into("[name=password]", PASSWORD, SOON).unwrap();
            page.press("[type=submit]", SOON).unwrap();
        }
        page.press("[name=answer][value=yes]", SLOW).unwrap();
        page.says("body", "Signed in", SLOW).unwrap();
    };

    // Begun and called off: nothing has changed.
    begin();
    windows.says(NOTICE, server, SOON).unwrap();
    picture(&shown, "waiting");
    opener.address();
    windows.press("[data-testid=sign-in-leave]", SOON).unwrap();
    windows.gone(NOTICE, SOON).unwrap();
    windows.says(ACCOUNT, "This computer", SOON).unwrap();

    begin();
    connect();
    windows.says(ACCOUNT, server, SLOW).unwrap();
    windows.gone(NOTICE, SOON).unwrap();
    assert_eq!(session::secrets(home).unwrap(), 1, "the keyring holds the token");
    picture(&shown, "in");
    assert!(record(&shown).starts_with(&cloud.address));

    windows.press(ACCOUNT, SOON).unwrap();
    windows.press("[data-testid=sign-out]", SOON).unwrap();
    windows.says(ACCOUNT, "This computer", SLOW).unwrap();
    assert_eq!(session::secrets(home).unwrap(), 0, "the keyring has forgotten it");
    wait::until("the server to have its token back", SOON, || {
        page.go(&format!("{}/my/tokens", cloud.address))?;
        Ok(page.text("main", SOON)?.contains("No devices yet").then_some(()))
    })
    .unwrap();
    let link = record(&shown);
    assert!(!link.starts_with(&cloud.address), "{link} is of this computer");

    // A keyring that the person doesn't unlock: for this session, where they want that, and out again
    // as quietly.
    drop(keyring);
    begin();
    // The page that the browser comes back to loads until the keyring has its answer, and the driver
    // waits for a click's page: the click comes when the driver has its answer.
    page.go(&opener.address()).unwrap();
    page.find("[name=answer][value=yes]", SLOW).unwrap();
    let answer =
        "setTimeout(() => document.querySelector('[name=answer][value=yes]').click(), 500);";
    page.run(answer, &[]).unwrap();
    let display = &shown.desk.display;
    wait::until("the keyring's own dialog", SLOW, || {
        Ok((!display.windows(home, "gcr-prompter")?.is_empty()).then_some(()))
    })
    .unwrap();
    display.press(home, "Escape").unwrap();
    windows.says(NOTICE, "keyring can't be used", SLOW).unwrap();
    page.says("body", "Not signed in", SLOW).unwrap();
    picture(&shown, "no-keyring");
    windows.press("[data-testid=sign-in-session]", SOON).unwrap();
    windows.says(ACCOUNT, server, SLOW).unwrap();
    windows.press(ACCOUNT, SOON).unwrap();
    windows.press("[data-testid=sign-out]", SOON).unwrap();
    windows.says(ACCOUNT, "This computer", SLOW).unwrap();
    windows.gone("[data-testid=trouble]", SOON).unwrap();
}

/// One by the shortcut; gives its link.
fn record(shown: &Demonstration) -> String {
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(3)).unwrap();
    shown.stop_recording().unwrap().link
}
