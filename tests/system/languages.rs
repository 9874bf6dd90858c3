//! The cloud's pages in each of their languages, and their barriers, in Chromium. Pictures of them are in
//! `target/pictures/pages`.

use serde_json::{Value, json};

use crate::beside;
use crate::pages::{SCHEMES, SOON, Site, WIDTHS, film};

/// A language, and words of the page and of its scripts in it: the button that copies the link, the name of the
/// button that mutes, and the heading of the list of keys.
const LANGUAGES: [(&str, &str, [&str; 3]); 3] = [
    ("en", "ltr", ["Copy link", "Mute", "Keyboard shortcuts"]),
    ("de", "ltr", ["Link kopieren", "Stummschalten", "Tastenkürzel"]),
    ("ar", "rtl", ["نسخ الرابط", "كتم الصوت", "اختصارات لوحة المفاتيح"]),
];

/// The rules of axe, as the script that runs them.
fn axe() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(file).expect("the windows' packages are installed")
}

fn speak(site: &Site, language: &str) {
    let session = &site.browser.session;
    session.devtools("Network.enable", &json!({})).unwrap();
    let headers = json!({"headers": {"Accept-Language": language}});
    session.devtools("Network.setExtraHTTPHeaders", &headers).unwrap();
}

/// Checks the page that is shown: nothing is wider than it, and axe finds no barrier.
fn assert_no_barriers(site: &Site, axe: &str, state: &str) {
    let session = &site.browser.session;
    let wide = "return document.documentElement.scrollWidth <= innerWidth;";
    assert_eq!(session.run(wide, &[]).unwrap(), json!(true), "{state} is too wide");
    let check = format!(
        "{axe}; return axe.run(document, {{rules: {{region: {{enabled: false}}}}}}).then((it) =>
            it.violations.map((v) => v.id + ': ' + v.nodes.map((n) =>
                n.html + ' ' + n.failureSummary).join(' | ')));"
    );
    assert_eq!(session.run(&check, &[]).unwrap(), json!([]), "{state}");
}

fn show(site: &Site, form: (&str, u32, u32, bool), scheme: &str) {
    let (_, width, height, is_mobile) = form;
    let session = &site.browser.session;
    let metrics =
        json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile});
    session.devtools("Emulation.setDeviceMetricsOverride", &metrics).unwrap();
    let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    session.devtools("Emulation.setEmulatedMedia", &media).unwrap();
}

#[test]
fn share_page_and_its_player_speak_the_visitors_language() {
    let site = Site::start();
    let axe = axe();
    let link = beside::told(&site);
    let session = &site.browser.session;
    for (language, direction, [copy, mute, keys]) in LANGUAGES {
        speak(&site, language);
        for form in WIDTHS {
            show(&site, form, "light");
            session.go(&link).unwrap();
            session.until("the page", SOON, beside::READY).unwrap();
            let said =
                "return {lang: document.documentElement.lang, dir: document.documentElement.dir,
                copy: document.querySelector('[data-copy=link]').innerText.trim(),
                mute: document.querySelector('[data-do=mute]').getAttribute('aria-label')};";
            let expected = json!({"lang": language, "dir": direction, "copy": copy, "mute": mute});
            let state = format!("{language} {}", form.0);
            assert_eq!(session.run(said, &[]).unwrap(), expected, "{state}");
            assert_no_barriers(&site, &axe, &state);
        }
        let list =
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '?', bubbles: true}));
            return document.querySelector('.keys h2').innerText;";
        assert_eq!(session.run(list, &[]).unwrap(), keys, "{language}");
        // Time runs from left to right in every language.
        let played = "const v = document.querySelector('video'); v.currentTime = v.duration / 4;
            document.querySelector('.keys').hidePopover();";
        session.run(played, &[]).unwrap();
        let bar = "const [bar, played] = ['.bar', '.played'].map((it) =>
                document.querySelector(it).getBoundingClientRect());
            return Math.abs(bar.left - played.left) < 1 && played.width < bar.width / 2;";
        session.until("the bar to begin at the left", SOON, bar).unwrap();
        site.pictures(&format!("share-{language}"), &link, "");
    }
}

/// Every page of a person who is signed in, and its dialogs, by the rules of axe.
#[test]
fn pages_of_signed_in_people_have_no_barriers_in_any_language() {
    let site = Site::start();
    let axe = axe();
    let vp9 = "-t 3 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=320x180:rate=15 {vp9}"));
    site.video("Checkout bug.webm", &one, true);
    let shot = film(&site.home, "shot.png", "testsrc2=size=320x180 -frames:v 1");
    site.screenshot(&shot);
    site.sign_in();
    let session = &site.browser.session;
    let open = |selector: &str| format!("document.querySelector('{selector}').showPopover();");
    let states = [
        ("library", "/my/videos", String::new()),
        ("edit", "/my/videos", open(".tile .sheet")),
        ("trim", "/my/videos", open("[popover]:has(> form[data-trim])")),
        ("delete", "/my/videos", open("[role=alertdialog]")),
        ("account", "/my/account", String::new()),
        ("account-delete", "/my/account", open("#delete-account")),
        ("tokens", "/my/tokens", String::new()),
        ("activity", "/my/activity", String::new()),
    ];
    for (language, direction, _) in LANGUAGES {
        speak(&site, language);
        for form in WIDTHS {
            for scheme in SCHEMES {
                show(&site, form, scheme);
                for (name, path, act) in &states {
                    let state = format!("{name} {language} {} {scheme}", form.0);
                    session.go(&format!("{}{path}", site.cloud.address)).unwrap();
                    let ready = "return document.readyState === 'complete'
                        && document.fonts.status === 'loaded' && document.documentElement.dir;";
                    let seen: Value = session.until(&state, SOON, ready).unwrap();
                    assert_eq!(seen, direction, "{state}");
                    session.run(act, &[]).unwrap();
                    assert_no_barriers(&site, &axe, &state);
                }
            }
        }
        let at = |path: &str| format!("{}{path}", site.cloud.address);
        site.pictures(&format!("library-{language}"), &at("/my/videos"), "");
        site.pictures(&format!("account-{language}"), &at("/my/account"), "");
    }
}
