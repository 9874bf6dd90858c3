//! The page of a screenshot in a real browser: zoom, pan and copy with pointer, fingers and keys; without
//! script; after a new version; and that axe has nothing to say about it.

use serde_json::{Value, json};
use snaplark_api::{ScreenshotFields, recording_id_of};

use crate::pages::{SCHEMES, SOON, Site, WIDTHS, film};

const READY: &str = "return document.readyState === 'complete'
    && document.querySelector('.zoom output')?.textContent !== '';";
/// The words of the scale, the picture's width on the page, and where the frame stands.
const STATE: &str = "const f = document.querySelector('.frame'), i = f.querySelector('img');
    return {scale: document.querySelector('.zoom output').textContent,
        width: Math.round(i.getBoundingClientRect().width), left: Math.round(f.scrollLeft),
        top: Math.round(f.scrollTop), zoomed: document.querySelector('.viewer').matches('.zoomed'),
        page: scrollY};";

/// A page with a picture of 1600 by 900 in a window of 1280 by 860.
struct Opened {
    site: Site,
    page: String,
}

impl Opened {
    fn new() -> Opened {
        let site = Site::start();
        let shot = film(&site.home, "shot.png", "testsrc2=size=1600x900 -frames:v 1");
        let [page, _] = site.screenshot(&shot);
        let opened = Opened { site, page };
        opened.window(1);
        opened
    }

    fn window(&self, density: u32) {
        let metrics =
            json!({"width": 1280, "height": 860, "deviceScaleFactor": density, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        self.site.browser.session.go(&self.page).unwrap();
        self.site.browser.session.until("the page", SOON, READY).unwrap();
    }

    fn devtools(&self, command: &str, params: &Value) -> Value {
        self.site.browser.session.devtools(command, params).unwrap()
    }

    fn state(&self) -> Value {
        self.site.browser.session.run(STATE, &[]).unwrap()
    }

    fn width(&self) -> i64 {
        self.state()["width"].as_i64().unwrap()
    }

    fn key(&self, key: &str) {
        let code = match key {
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let mut pressed = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if code == 0 {
            pressed["text"] = json!(key);
        }
        self.devtools("Input.dispatchKeyEvent", &pressed);
        self.devtools("Input.dispatchKeyEvent", &json!({"type": "keyUp", "key": key}));
    }

    fn mouse(&self, kind: &str, (x, y): (i64, i64), more: Value) {
        let mut event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        self.devtools("Input.dispatchMouseEvent", &event);
    }

    fn until(&self, what: &str, condition: &str) {
        let script = format!("const s = (() => {{ {STATE} }})(); return {condition};");
        self.site.browser.session.until(what, SOON, &script).unwrap();
    }
}

#[test]
fn picture_is_zoomed_and_moved_by_keys_and_buttons() {
    let opened = Opened::new();
    let whole = opened.state();
    assert_eq!(whole["zoomed"], false);
    assert!(opened.width() < 1600, "it is shown whole: {whole}");
    opened.key("1");
    opened.until("its original size", "s.width === 1600 && s.scale === '100%'");
    let before = opened.state();
    opened.key("ArrowRight");
    opened.until("it to move right", &format!("s.left > {}", before["left"]));
    opened.key("ArrowDown");
    opened.until("it to move down", &format!("s.top > {}", before["top"]));
    opened.key("+");
    opened.until("the next size", "s.width === 2400 && s.scale === '150%'");
    opened.key("-");
    opened.until("the size before", "s.width === 1600");
    opened.key("0");
    opened.until("all of it", &format!("!s.zoomed && s.width === {}", whole["width"]));
    let session = &opened.site.browser.session;
    for (button, condition) in [
        ("in", "s.zoomed"),
        ("original", "s.width === 1600"),
        ("out", "s.width === 1200"),
        ("fit", "!s.zoomed"),
    ] {
        session.press(&format!("[data-do={button}]"), SOON).unwrap();
        opened.until(button, condition);
    }
    for _ in 0..30 {
        opened.key("+");
    }
    opened.until("the largest size", "s.scale === '1600%'");
    let ends = "return document.querySelector('[data-do=in]').disabled;";
    assert_eq!(session.run(ends, &[]).unwrap(), true);
    assert_eq!(opened.state()["page"], 0, "the page itself stands still");
    // At two pixels of the screen for one of the page, the original size is half as wide.
    opened.window(2);
    opened.key("1");
    opened.until("its original size", "s.width === 800 && s.scale === '100%'");
}

#[test]
fn picture_is_zoomed_and_moved_by_wheel_mouse_and_fingers() {
    let opened = Opened::new();
    let session = &opened.site.browser.session;
    let point = "const b = document.querySelector('.frame').getBoundingClientRect();
        return [Math.round(b.left + b.width / 4), Math.round(b.top + b.height / 4)];";
    let point = session.run(point, &[]).unwrap();
    let at = (point[0].as_i64().unwrap(), point[1].as_i64().unwrap());
    // Which pixel of the picture lies there.
    let below = format!(
        "const b = document.querySelector('.frame img').getBoundingClientRect();
        return [Math.round(({} - b.left) / b.width * 1600), Math.round(({} - b.top) / b.height * 900)];",
        at.0, at.1
    );
    let under = session.run(&below, &[]).unwrap();
    let whole = opened.width();
    opened.mouse("mouseWheel", at, json!({"deltaX": 0, "deltaY": -500}));
    opened.until("it to grow", &format!("s.width > {whole} * 1.5"));
    let still = session.run(&below, &[]).unwrap();
    for axis in 0..2 {
        let moved = still[axis].as_i64().unwrap() - under[axis].as_i64().unwrap();
        assert!(moved.abs() <= 2, "the point below the wheel stays: {under} {still}");
    }
    let before = opened.state();
    opened.mouse("mousePressed", at, json!({"buttons": 1}));
    opened.mouse("mouseMoved", (at.0 - 60, at.1 - 40), json!({"buttons": 1}));
    opened.mouse("mouseReleased", (at.0 - 60, at.1 - 40), json!({}));
    let dragged = format!("s.left === {} + 60 && s.top === {} + 40", before["left"], before["top"]);
    opened.until("it to follow the mouse", &dragged);
    opened.mouse("mouseMoved", at, json!({"button": "none"}));
    assert_eq!(
        opened.state()["left"],
        json!(before["left"].as_i64().unwrap() + 60),
        "it is let go"
    );
    let twice = |at| {
        for count in [1, 2] {
            opened.mouse("mousePressed", at, json!({"clickCount": count, "buttons": 1}));
            opened.mouse("mouseReleased", at, json!({"clickCount": count}));
        }
    };
    twice(at);
    opened.until("all of it", "!s.zoomed");
    twice(at);
    opened.until("its original size", "s.width === 1600");
    opened.key("0");
    opened.until("all of it", "!s.zoomed");

    opened.devtools(
        "Emulation.setTouchEmulationEnabled",
        &json!({"enabled": true, "maxTouchPoints": 2}),
    );
    let fingers = |kind: &str, apart: i64| {
        let points: Vec<Value> = match apart {
            0 => Vec::new(),
            _ => [-1, 1]
                .map(|side| json!({"x": at.0 + 100 + side * apart, "y": at.1 + 50, "id": side + 1}))
                .into(),
        };
        opened.devtools("Input.dispatchTouchEvent", &json!({"type": kind, "touchPoints": points}));
    };
    fingers("touchStart", 40);
    fingers("touchMove", 80);
    opened.until(
        "fingers to spread it",
        &format!("s.width > {whole} * 1.8 && s.width < {whole} * 2.2"),
    );
    fingers("touchMove", 30);
    opened.until("fingers to close it", "!s.zoomed");
    fingers("touchEnd", 0);
}

#[test]
fn picture_is_copied_to_the_clipboard_as_it_is() {
    let opened = Opened::new();
    let session = &opened.site.browser.session;
    let permissions = json!({
        "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"],
        "origin": opened.site.cloud.address,
    });
    opened.devtools("Browser.grantPermissions", &permissions);
    session.press("[data-copy-image]", SOON).unwrap();
    session.says(".said", "Image copied", SOON).unwrap();
    let same = "window.compared ??= (async () => {
            const pixels = async (blob) => {
                const bitmap = await createImageBitmap(blob);
                const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
                const context = canvas.getContext('2d');
                context.drawImage(bitmap, 0, 0);
                return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
            };
            const [item] = await navigator.clipboard.read();
            const copied = await pixels(await item.getType('image/png'));
            const shown = await pixels(await (await fetch(document.querySelector('.frame img').src)).blob());
            return copied.length === 1600 * 900 * 4 && copied.every((byte, at) => byte === shown[at]);
        })().then((same) => { window.same = String(same); }, (error) => { window.same = String(error); });
        return window.same;";
    assert_eq!(session.until("the clipboard", SOON, same).unwrap(), "true");
}

#[test]
fn picture_is_seen_without_script() {
    let opened = Opened::new();
    let session = &opened.site.browser.session;
    opened.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    session.go(&opened.page).unwrap();
    let seen = "const i = document.querySelector('.frame a img'), b = i?.getBoundingClientRect();
        return i?.complete && i.naturalWidth === 1600 && b.width > 600
            && document.documentElement.scrollWidth <= innerWidth
            && !document.querySelector('.zoom').checkVisibility()
            && document.querySelector('.frame a').href.endsWith('/image.1.png');";
    session.until("the picture", SOON, seen).unwrap();
    opened.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": false}));
}

#[test]
fn open_page_shows_the_new_version_at_reload() {
    let site = Site::start();
    let session = &site.browser.session;
    let secret = [9; 32];
    let fields = |version| ScreenshotFields {
        recording_id: Some(recording_id_of(&secret)),
        recording_secret: Some("09".repeat(32)),
        title: Some("Order form".to_owned()),
        version: Some(version),
    };
    let link = format!("{}/screenshots/{}", site.cloud.address, recording_id_of(&secret));
    session.go(&link).unwrap();
    session.says("h1", "Not uploaded yet", SOON).unwrap();
    let first = film(&site.home, "first.png", "color=c=red:size=640x360 -frames:v 1");
    assert_eq!(site.screenshot_with(&first, &fields(1))[0], link, "the link that was known before");
    // The page that waited shows it by itself.
    let shown = |version: u32, width: u32| {
        format!(
            "const i = document.querySelector('.frame img');
            return i?.complete && i.naturalWidth === {width} && i.src.endsWith('/image.{version}.png');"
        )
    };
    session.until("the picture", SOON, &shown(1, 640)).unwrap();
    let second = film(&site.home, "second.png", "color=c=blue:size=800x200 -frames:v 1");
    site.screenshot_with(&second, &fields(2));
    session.until("the page as it was", SOON, &shown(1, 640)).unwrap();
    session.run("location.reload();", &[]).unwrap();
    session.until("the new version", SOON, &shown(2, 800)).unwrap();
    let old = format!("{link}/image.1.png");
    let answer = "window.asked ??= fetch(arguments[0]).then((it) => { window.old = it.status; });
        return window.old;";
    session.run(answer, &[json!(old)]).unwrap();
    session.until("the old address", SOON, "return window.old === 410;").unwrap();
}

#[test]
fn axe_finds_nothing_on_the_page_of_a_picture() {
    let opened = Opened::new();
    let session = &opened.site.browser.session;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(file).expect("the windows' packages are installed");
    for (form, width, height, is_mobile) in WIDTHS {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile
        });
        opened.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        for scheme in SCHEMES {
            let media = json!({"features": [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]});
            opened.devtools("Emulation.setEmulatedMedia", &media);
            for zoomed in [false, true] {
                session.go(&opened.page).unwrap();
                session.until("the page", SOON, READY).unwrap();
                if zoomed {
                    opened.key("1");
                    opened.until("its original size", "s.zoomed");
                }
                session.run(&axe, &[]).unwrap();
                let found = "window.checked ??= axe.run().then((result) => {
                        window.found = JSON.stringify(result.violations.map((it) =>
                            [it.id, it.nodes.map((node) => node.html)]));
                    }); return window.found;";
                let found = session.until("axe", SOON, found).unwrap();
                assert_eq!(found, "[]", "{form} {scheme}, zoomed: {zoomed}");
            }
        }
    }
}
