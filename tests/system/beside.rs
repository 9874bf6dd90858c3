//! The part beside the video on the share page: transcript, chapters, ways to share, keys; and the page
//! without scripts.

use serde_json::json;
use snaplark_tests::webdriver::client;

use crate::pages::{SCHEMES, SOON, Site, WIDTHS, film};

pub(crate) const CAPTIONS: &str = "WEBVTT\n\n00:00.000 --> 00:04.000\n<v Ann>Welcome to the café\n\n\
    00:04.000 --> 00:08.000\nHere the total jumps\n\n\
    00:08.000 --> 00:12.000\n\u{645}\u{631}\u{62d}\u{628}\u{64b}\u{627} \u{628}\u{643}\u{645}\n\n\
    00:12.000 --> 00:14.000\nThe TOTAL is right again\n";

/// A link with chapters and captions.
pub(crate) fn told(site: &Site) -> String {
    let vp9 = "-t 14 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 600k -g 60";
    let one = film(&site.home, "told.webm", &format!("testsrc2=size=1280x720:rate=15 {vp9}"));
    let (session, link) = site.edited(&one);
    captions(site, &session, CAPTIONS);
    link
}

pub(crate) fn captions(site: &Site, session: &str, vtt: &str) {
    let url = format!("{}/api/v1/videos/{session}/captions", site.cloud.address);
    let put = client().unwrap().put(url).bearer_auth(&site.cloud.token);
    let put = put.header("content-type", "text/vtt").body(vtt.to_owned()).send().unwrap();
    assert!(put.status().is_success());
}

/// Presses a key as a person does, in whatever has the focus.
fn key(site: &Site, key: &str) {
    let press = "document.activeElement.dispatchEvent(
        new KeyboardEvent('keydown', {key: arguments[0], bubbles: true, cancelable: true}));";
    site.browser.session.run(press, &[json!(key)]).unwrap();
}

pub(crate) const READY: &str = "return document.querySelector('[data-player]')?.hasAttribute('data-complete')
    && document.querySelector('video').readyState > 1
    && (!document.querySelector('.transcript') || document.querySelectorAll('.lines button').length > 0);";

#[test]
fn transcript_is_searched_followed_and_jumps() {
    let site = Site::start();
    let link = told(&site);
    let session = &site.browser.session;
    session.go(&link).unwrap();
    session.until("the transcript", SOON, READY).unwrap();
    let lines = "return [...document.querySelectorAll('.lines li')].filter((it) => !it.hidden).map((it) => it.innerText.replace(/\\s+/g, ' '));";
    let all = session.run(lines, &[]).unwrap();
    assert_eq!(all[0], "0:00 Ann: Welcome to the café");
    assert_eq!(all.as_array().unwrap().len(), 4);

    // Without case and marks; the hits are on the timeline, and Enter goes to them in turn.
    let search = "const s = document.querySelector('.transcript input'); s.value = arguments[0];
        s.dispatchEvent(new Event('input'));";
    session.run(search, &[json!("CAFE")]).unwrap();
    assert_eq!(session.run(lines, &[]).unwrap(), json!(["0:00 Ann: Welcome to the café"]));
    assert_eq!(session.text(".lines mark", SOON).unwrap(), "café");
    session.run(search, &[json!("total")]).unwrap();
    let hits = "return [document.querySelectorAll('.marks .hit').length, document.querySelector('.found').innerText];";
    assert_eq!(session.run(hits, &[]).unwrap(), json!([2, "2 lines"]));
    key_to(&site, ".transcript input", "Enter");
    at(&site, 4.0);
    key_to(&site, ".transcript input", "Enter");
    at(&site, 12.0);
    session.run(search, &[json!("nothing like it")]).unwrap();
    assert_eq!(session.run(hits, &[]).unwrap(), json!([0, "No lines"]));
    key_to(&site, ".transcript input", "Escape");
    // What was hidden has no text until it is drawn.
    let drawn = "return [...document.querySelectorAll('.lines li')].every((it) => it.innerText);";
    session.until("all lines to be drawn", SOON, drawn).unwrap();
    assert_eq!(session.run(lines, &[]).unwrap(), all);

    // A click jumps and plays; the line that is said is marked.
    session.press(".lines li:nth-child(2) button", SOON).unwrap();
    let marked =
        "return document.querySelector('.lines [aria-current]')?.innerText.includes('jumps')
        && !document.querySelector('video').paused;";
    session.until("the line to be marked", SOON, marked).unwrap();
    session.run("document.querySelector('video').pause(); document.querySelector('video').currentTime = 9;", &[]).unwrap();
    let next = "const line = document.querySelector('.lines [aria-current] bdi');
        return line?.dir === 'auto' && getComputedStyle(line).direction === 'rtl' && {text: line.innerText};";
    session.until("the Arabic line, from right to left", SOON, next).unwrap();
}

fn key_to(site: &Site, selector: &str, key: &str) {
    let press = "document.querySelector(arguments[0]).dispatchEvent(
        new KeyboardEvent('keydown', {key: arguments[1], bubbles: true, cancelable: true}));";
    site.browser.session.run(press, &[json!(selector), json!(key)]).unwrap();
}

fn at(site: &Site, seconds: f64) {
    let is_there =
        format!("return Math.abs(document.querySelector('video').currentTime - {seconds}) < 0.1;");
    site.browser.session.until(&format!("second {seconds}"), SOON, &is_there).unwrap();
}

#[test]
fn chapters_keys_and_ways_to_share_work() {
    let site = Site::start();
    let link = told(&site);
    let session = &site.browser.session;
    session.go(&link).unwrap();
    session.until("the page", SOON, READY).unwrap();
    let marks = "return [...document.querySelectorAll('.marks .chapter')].map((it) => Math.round(parseFloat(it.style.left)));";
    assert_eq!(session.run(marks, &[]).unwrap(), json!([32, 71]));
    session.run("document.querySelector('video').pause(); document.body.focus();", &[]).unwrap();
    key(&site, "]");
    at(&site, 4.5);
    let current = "return document.querySelector('.chapters [aria-current] bdi')?.innerText.startsWith('A chapter');";
    session.until("the chapter to be marked", SOON, current).unwrap();
    let said = "return document.querySelector('.seek input').getAttribute('aria-valuetext');";
    let said = session.run(said, &[]).unwrap();
    assert!(said.as_str().unwrap().contains("A chapter with a very long title"), "{said}");
    key(&site, "[");
    at(&site, 0.0);
    key(&site, ">");
    assert_eq!(
        session.run("return document.querySelector('video').playbackRate;", &[]).unwrap(),
        1.25
    );
    let choose = "const s = document.querySelector('[data-do=speed]'); s.value = '2';
        s.dispatchEvent(new Event('change')); return document.querySelector('video').playbackRate;";
    assert_eq!(session.run(choose, &[]).unwrap(), 2);

    // The timeline says what is there.
    let hover = "const s = document.querySelector('.seek'); const box = s.getBoundingClientRect();
        s.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width * 0.4}));
        return document.querySelector('.hint').innerText;";
    let hint = session.run(hover, &[]).unwrap();
    let hint = hint.as_str().unwrap();
    assert!(
        hint.starts_with("0:05 · A chapter") && hint.ends_with("Here the total jumps"),
        "{hint}"
    );

    key(&site, "t");
    let wide = "return document.querySelector('.stage').getBoundingClientRect().width === document.documentElement.clientWidth;";
    session.until("the theater", SOON, wide).unwrap();
    key(&site, "t");
    key(&site, "?");
    let list = session.text(".keys", SOON).unwrap();
    assert!(
        list.contains("Picture in picture") && list.contains("Previous or next chapter"),
        "{list}"
    );
    key(&site, "?");
    session
        .until(
            "the list to close",
            SOON,
            "return !document.querySelector('.keys').matches(':popover-open');",
        )
        .unwrap();

    // The texts, as they are copied. A time is one of the recording: this version begins at second 4 of it.
    session.run("document.querySelector('video').currentTime = 5.5;
        window.copied = []; navigator.clipboard.writeText = async (text) => window.copied.push(text);", &[]).unwrap();
    let share = "document.querySelector('#sharing').showPopover();
        const from = document.querySelector('[data-from-here]'); if (from.checked !== arguments[0]) from.click();
        window.copied.length = 0;
        for (const way of document.querySelectorAll('[data-share]')) way.click();";
    let copied = "return window.copied.length === 4 && window.copied;";
    session.run(share, &[json!(false)]).unwrap();
    let texts = session.until("the texts", SOON, copied).unwrap();
    assert_eq!(texts[0], link.as_str());
    assert_eq!(texts[1], format!("[Release walk-through]({link})"));
    assert_eq!(texts[2], format!("<a href=\"{link}\">Release walk-through</a>"));
    let embed = format!(
        "<iframe src=\"{link}/embed\" width=\"960\" height=\"540\" title=\"Release walk-through\""
    );
    assert!(texts[3].as_str().unwrap().starts_with(&embed), "{texts}");
    session.run(share, &[json!(true)]).unwrap();
    let texts = session.until("the texts with a time", SOON, copied).unwrap();
    assert_eq!(texts[1], format!("[Release walk-through]({link}?t=9)"));
    assert!(texts[3].as_str().unwrap().contains("/embed?t=9\""), "{texts}");
}

#[test]
fn picture_in_picture_opens_where_the_browser_has_it() {
    let site = Site::start();
    let link = told(&site);
    let session = &site.browser.session;
    session.go(&link).unwrap();
    session.until("the page", SOON, READY).unwrap();
    let button = session.find("[data-do=pip]", SOON).unwrap();
    let offered = "return document.pictureInPictureEnabled === !document.querySelector('[data-do=pip]').hidden;";
    assert_eq!(session.run(offered, &[]).unwrap(), json!(true));
    if session.run("return document.pictureInPictureEnabled;", &[]).unwrap() == json!(true) {
        session.click(&button).unwrap();
        let open = "return document.pictureInPictureElement === document.querySelector('video');";
        session.until("the picture in a window of its own", SOON, open).unwrap();
    }
}

/// Every state, by the rules of axe, in both schemes and widths, and at twice its size.
#[test]
fn share_pages_have_no_barriers_and_move_nothing() {
    let site = Site::start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(file).expect("the windows' packages are installed");
    let vp9 = "-t 3 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=640x400:rate=15 {vp9}"));
    let (_, plain) = site.video("\u{1f3ac} \u{645}\u{631}\u{62d}\u{628}\u{627}.webm", &one, true);
    let (_, live) = site.video("Live.webm", &one, false);
    let told = told(&site);
    let session = &site.browser.session;
    let shifts = json!({"source": "window.moved = 0; window.movers = []; new PerformanceObserver((list) => {
        for (const it of list.getEntries()) {
            if (it.hadRecentInput) continue;
            window.moved += it.value;
            for (const {node, previousRect: from, currentRect: to} of it.sources)
                movers.push([(node?.outerHTML ?? node?.nodeName)?.slice(0, 80), from, to]);
        }
    }).observe({type: 'layout-shift', buffered: true});"});
    session.devtools("Page.addScriptToEvaluateOnNewDocument", &shifts).unwrap();
    let sizes = WIDTHS.map(|(form, width, height, is_mobile)| (form, width, height, 1, is_mobile));
    let twice = ("twice", 640, 430, 2, false);
    for (form, width, height, scale, is_mobile) in sizes.into_iter().chain([twice]) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_mobile
        });
        session.devtools("Emulation.setDeviceMetricsOverride", &metrics).unwrap();
        for scheme in SCHEMES {
            let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            session.devtools("Emulation.setEmulatedMedia", &media).unwrap();
            for (name, address, act) in [
                ("plain", &plain, ""),
                ("told", &told, ""),
                ("share", &told, "document.querySelector('#sharing').showPopover();"),
                (
                    "keys",
                    &plain,
                    "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '?', bubbles: true}));",
                ),
                ("live", &live, ""),
                ("embed", &format!("{plain}/embed"), ""),
            ] {
                let state = format!("{name} {form} {scheme}");
                session.go(address).unwrap();
                session.until(&format!("{state} to be there"), SOON, READY).unwrap();
                let moved = session.run("return window.moved;", &[]).unwrap();
                let moved = moved.as_f64().unwrap_or(1.0);
                let movers = session.run("return JSON.stringify(window.movers);", &[]).unwrap();
                // The date in the reader's own words may need a line less: much of so small a page.
                let limit = if form == "twice" { 0.05 } else { 0.02 };
                assert!(moved < limit, "{state} moves by {moved}: {movers}");
                let wide = "return document.documentElement.scrollWidth <= innerWidth;";
                assert_eq!(session.run(wide, &[]).unwrap(), json!(true), "{state} is too wide");
                session.run(act, &[]).unwrap();
                let check = format!(
                    "{axe}; return axe.run(document, {{rules: {{region: {{enabled: false}}}}}}).then((it) => it.violations.map((v) =>
                        v.id + ': ' + v.nodes.map((n) => n.html + ' ' + n.failureSummary).join(' | ')));"
                );
                let barriers = session.run(&check, &[]).unwrap();
                assert_eq!(barriers, json!([]), "{state}");
            }
        }
    }
}

#[test]
fn page_without_scripts_plays_with_the_browsers_own_controls() {
    let site = Site::start();
    let vp9 = "-t 3 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=640x360:rate=15 {vp9}"));
    let (_, link) = site.video("one.webm", &one, true);
    let session = &site.browser.session;
    session.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true})).unwrap();
    session.go(&link).unwrap();
    let plays = "const v = document.querySelector('video'); return v.readyState > 1 && v.controls;";
    session.until("a picture without scripts", SOON, plays).unwrap();
    let sources = "return [...document.querySelectorAll('source')].map((it) => it.type).join();";
    let types = "video/webm; codecs=\"vp9\",application/vnd.apple.mpegurl";
    assert_eq!(session.run(sources, &[]).unwrap(), types);
    let shown = "return [...document.querySelectorAll('[data-scripted], noscript p')]
        .filter((it) => it.checkVisibility()).map((it) => it.textContent.trim()).join();";
    let shown = session.run(shown, &[]).unwrap();
    assert!(shown.as_str().unwrap().starts_with("Without JavaScript"), "{shown}");
    session.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": false})).unwrap();
}
