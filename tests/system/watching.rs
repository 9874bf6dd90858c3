//! How far a video is watched: what the page's script reports while a browser plays, and what the owner sees.

use serde_json::json;

use crate::pages::{SOON, Site, film};
use snaplark_tests::wait;

#[test]
fn what_a_browser_plays_is_what_the_owner_sees() {
    let site = Site::start();
    let vp9 = "-t 10 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -g 30";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=640x360:rate=15 {vp9}"));
    let (id, link) = site.video("Checkout.webm", &one, true);
    site.change(&id, &json!({"countsWatching": true}));
    let session = &site.browser.session;
    session.go(&link).unwrap();
    let ready = "return document.querySelector('[data-player]').hasAttribute('data-complete')
        && document.querySelector('video').readyState > 1;";
    session.until("the page", SOON, ready).unwrap();
    // The beginning, and from the eighth second to the end.
    let play = "const v = document.querySelector('video'); v.muted = true; v.play();";
    session.run(play, &[]).unwrap();
    let far = "return document.querySelector('video').currentTime > 2;";
    session.until("two seconds", SOON, far).unwrap();
    session.run("document.querySelector('video').currentTime = 8;", &[]).unwrap();
    session.until("the end", SOON, "return document.querySelector('video').ended;").unwrap();
    let watching = wait::until("the report", SOON, || {
        let (status, watching) = site.cloud.ask(&format!("/videos/{id}/watching"))?;
        assert_eq!(status, 200, "{watching}");
        Ok((watching["plays"][99] == 1).then_some(watching))
    })
    .unwrap();
    let played = |stretch: usize| watching["plays"][stretch].as_u64().unwrap();
    assert_eq!(watching["viewings"], 1, "{watching}");
    for (stretch, plays) in [(0, 1), (10, 1), (60, 0), (75, 0), (82, 1), (95, 1)] {
        assert_eq!(played(stretch), plays, "{stretch}: {watching}");
    }

    // Whoever asks not to be counted isn't, and the owner neither.
    let asks = json!({"source": "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});"});
    let added = session.devtools("Page.addScriptToEvaluateOnNewDocument", &asks).unwrap();
    plays_a_second(&site, &link);
    let remove = json!({"identifier": added["identifier"]});
    session.devtools("Page.removeScriptToEvaluateOnNewDocument", &remove).unwrap();
    site.sign_in();
    plays_a_second(&site, &link);
    let (_, after) = site.cloud.ask(&format!("/videos/{id}/watching")).unwrap();
    assert_eq!(after["plays"], watching["plays"], "nothing more was reported");

    let shown = "const all = document.querySelector('.watching');
        return [all.innerText, all.querySelectorAll('rect').length, all.querySelectorAll('td').length];";
    let shown = session.run(shown, &[]).unwrap();
    assert!(shown[0].as_str().unwrap().contains("Watched once, and to the end once."), "{shown}");
    assert!((30..60).contains(&shown[1].as_u64().unwrap()), "{shown}");
    assert_eq!(shown[2], 30, "ten rows");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(file).expect("the windows' packages are installed");
    let library = format!("{}/my/videos", site.cloud.address);
    let open = "document.querySelector('.watching details')?.toggleAttribute('open', true);
        document.querySelector('.tile .sheet')?.showPopover();";
    for (address, part) in [(&link, "html"), (&library, ".tile .sheet .choice")] {
        session.go(address).unwrap();
        session.until("the page", SOON, "return document.readyState === 'complete';").unwrap();
        session.run(open, &[]).unwrap();
        session.run(&axe, &[]).unwrap();
        let found = format!(
            "window.checked ??= axe.run('{part}', {{rules: {{region: {{enabled: false}}}}}})
            .then((result) => {{
                window.found = JSON.stringify(result.violations.map((it) =>
                    [it.id, it.nodes.map((node) => node.html)]));
            }}); return window.found;"
        );
        assert_eq!(session.until("axe", SOON, &found).unwrap(), "[]", "{address}");
    }
    let bottom = "document.querySelector('.watching details').open = true;
        document.querySelector('.watching').scrollIntoView({block: 'end'});";
    site.pictures("share-watching", &link, bottom);
    site.pictures("library-switches", &library, open);
}

/// Plays a second, and leaves the page, which reports what was played.
fn plays_a_second(site: &Site, link: &str) {
    let session = &site.browser.session;
    session.go(link).unwrap();
    let ready = "const v = document.querySelector('video'); if (v.readyState < 2) return false;
        v.muted = true; v.play(); return v.currentTime > 1;";
    session.until("a second", SOON, ready).unwrap();
    session.run("document.querySelector('video').pause();", &[]).unwrap();
    session.go(&format!("{}/healthz", site.cloud.address)).unwrap();
    session.go(link).unwrap();
}
