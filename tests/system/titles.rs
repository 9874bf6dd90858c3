//! Tests that a title is the same here and at the server, whatever fails between them.

use std::time::Duration;

use snaplark_tests::cloud::Cloud;
use snaplark_tests::fault_proxy::{FaultProxy, Route, Turn};
use snaplark_tests::process::Process;
use snaplark_tests::recorder::{Recorded, ask, ask_json, snaplark};
use snaplark_tests::wait;

use crate::screen::Screen;

const LIMIT: Duration = Duration::from_secs(60);
/// Two refused tries and the waits behind them, with room.
const FAILURES: usize = 2;

/// The titles that the server has, newest first.
fn titles(cloud: &Cloud) -> Vec<String> {
    let (status, list) = cloud.ask("/videos").unwrap();
    assert_eq!(status, 200, "{list}");
    let videos = list["videos"].as_array().unwrap_or_else(|| panic!("no videos: {list}"));
    videos.iter().map(|video| video["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn title_given_while_recording_reaches_the_server_after_its_failures() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let upstream = cloud.address.strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(upstream)).unwrap();
    proxy.script(|asked| match &asked.route {
        // Only titles go there.
        Route::Other(path) if path.contains("/videos/") && asked.nth <= FAILURES => {
            Turn::answer("503 Service Unavailable", &[], "")
        }
        _ => Turn::Pass,
    });

    let args = ["record", "--seconds", "600", "--json"];
    let mut record = snaplark(&screen.home, Some(&cloud), &args).unwrap();
    record.env("SNAPLARK_SERVER", proxy.url());
    let mut record = Process::start(&screen.home, "snaplark", record).unwrap();
    let id = wait::until("a recording that has begun to go online", LIMIT, || {
        let list = ask_json(&screen.home, None, &["list", "--json"])?;
        let first = &list["recordings"][0];
        let is_sent = first["link"].is_string() && first["segments"].as_u64() > Some(0);
        Ok(is_sent.then(|| first["id"].as_str().unwrap().to_owned()))
    })
    .unwrap();
    let renamed = ask(&screen.home, None, &["rename", &id, "  Checkout\u{202E}, second try "]);
    assert!(renamed.as_ref().unwrap().status.success(), "{renamed:?}");
    wait::until("the server's title", LIMIT, || {
        Ok((titles(&cloud) == ["Checkout, second try"]).then_some(()))
    })
    .unwrap();
    let refused = proxy
        .asked()
        .iter()
        .filter(|asked| matches!(&asked.route, Route::Other(path) if path.contains("/videos/")))
        .count();
    assert!(refused > FAILURES, "the server never failed: {:?}", proxy.asked());

    record.send_signal(rustix::process::Signal::INT);
    let recorded = Recorded::read(&record.line(LIMIT).unwrap()).unwrap();
    assert_eq!(recorded.state, "done", "{recorded:?}");
    let shown = ask_json(&screen.home, None, &["show", &recorded.id, "--json"]).unwrap();
    assert_eq!(shown["title"], "Checkout, second try", "{shown}");
    assert_eq!(titles(&cloud), ["Checkout, second try"]);
}

#[test]
fn title_given_after_the_upload_reaches_the_server_when_it_is_back() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let args = ["record", "--seconds", "3", "--json"];
    let answer = ask(&screen.home, Some(&cloud), &args).unwrap();
    let recorded = Recorded::read(&answer.stdout).unwrap();

    // Nobody listens on port 1.
    let mut rename =
        snaplark(&screen.home, Some(&cloud), &["rename", &recorded.id, "Later"]).unwrap();
    rename.env("SNAPLARK_SERVER", "http://127.0.0.1:1");
    assert!(snaplark_tests::process::finish(&mut rename, LIMIT).unwrap().status.success());
    assert_ne!(titles(&cloud), ["Later"]);

    let waited = ask(&screen.home, Some(&cloud), &["status", "--wait"]).unwrap();
    assert!(waited.status.success(), "{}", waited.stderr);
    assert_eq!(titles(&cloud), ["Later"]);
}

#[test]
fn empty_title_is_refused() {
    let screen = Screen::start();
    let answer = ask(&screen.home, None, &["record", "--seconds", "3", "--json"]).unwrap();
    let recorded = Recorded::read(&answer.stdout).unwrap();
    let title =
        |id: &str| ask_json(&screen.home, None, &["show", id, "--json"]).unwrap()["title"].clone();
    let before = title(&recorded.id);
    for nothing in ["", "  ", "\u{202E}\u{200B}"] {
        let answer = ask(&screen.home, None, &["rename", &recorded.id, nothing]).unwrap();
        assert_eq!(answer.status.code(), Some(1), "{answer:?}");
        assert!(answer.stderr.contains("title"), "{answer:?}");
    }
    assert_eq!(title(&recorded.id), before);
}
