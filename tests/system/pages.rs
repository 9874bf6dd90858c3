//! The cloud's pages in a real browser: pictures of each, dark and light, on a desk and in a hand, in
//! `target/pictures/pages`; and that nothing that comes from outside runs in them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};
use snaplark_api::{RECORDING_SECRET_BYTES, ScreenshotFields, hex, recording_id_of};
use snaplark_tests::browser::Browser;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::fake_capture::sha256_of;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::webdriver::client;
use snaplark_tests::{media, wait};

pub(crate) const SOON: Duration = Duration::from_secs(60);
const EMAIL: &str = "test@example.org";
const PASSWORD: &str = "correct horse battery";
pub(crate) const SCHEMES: [&str; 2] = ["light", "dark"];
pub(crate) const WIDTHS: [(&str, u32, u32, bool); 2] =
    [("desk", 1280, 860, false), ("hand", 390, 844, true)];

/// Shows the page as a browser without a decoder for the video does.
const UNPLAYABLE: &str = "document.querySelector('.unplayable').hidden = false;";

pub(crate) struct Site {
    pub(crate) browser: Browser,
    pub(crate) cloud: Cloud,
    pub(crate) home: Home,
}

impl Site {
    pub(crate) fn start() -> Site {
        let home = Home::new().unwrap();
        let cloud = Cloud::start(&home).unwrap();
        let browser = Browser::chromium(&home).unwrap();
        let script = format!("printf '%s\\n' '{PASSWORD}' | \"$0\" user add --data \"$1\" {EMAIL}");
        let mut add = command(&home, "sh");
        add.args(["-c", &script]).arg(program("snaplark-cloud").unwrap()).arg(cloud.data());
        output(add, SOON).unwrap();
        Site { browser, cloud, home }
    }

    pub(crate) fn api(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v1{path}", self.cloud.address);
        let request = client().unwrap().post(url).bearer_auth(&self.cloud.token).json(body);
        request.send().unwrap().error_for_status().unwrap().json().unwrap()
    }

    pub(crate) fn change(&self, session: &str, body: &Value) {
        let url = format!("{}/api/v1/videos/{session}", self.cloud.address);
        let request = client().unwrap().patch(url).bearer_auth(&self.cloud.token).json(body);
        request.send().unwrap().error_for_status().unwrap();
    }

    /// Session and address of a video of this name, whole or still coming in.
    pub(crate) fn video(&self, name: &str, film: &Path, is_whole: bool) -> (String, String) {
        let probe = media::probe(film.to_str().unwrap()).unwrap();
        let init = json!({
            "filename": name, "timestamp": "2024-01-15T10-30-45", "fps": 30,
            "codec": "video/webm;codecs=vp9", "bitrate": 2_500_000,
            "resolution": {"width": probe.width, "height": probe.height}
        });
        let opened = self.api("/videos/init", &init);
        let session = opened["sessionId"].as_str().unwrap().to_owned();
        let form = Form::new()
            .text("sessionId", session.clone())
            .text("chunkIndex", "0")
            .part("chunk", Part::bytes(std::fs::read(film).unwrap()).file_name("chunk"));
        let url = format!("{}/api/v1/videos/chunk", self.cloud.address);
        let request = client().unwrap().post(url).bearer_auth(&self.cloud.token).multipart(form);
        request.send().unwrap().error_for_status().unwrap();
        if is_whole {
            let ask = json!({
                "sessionId": session, "totalChunks": 1, "uploadedChunks": [0], "duration": 1
            });
            self.api("/videos/finalize", &ask);
            wait::until("a picture of it", SOON, || {
                let (_, status) = self.cloud.ask(&format!("/videos/{session}"))?;
                let jobs = status["jobs"].as_array().cloned().unwrap_or_default();
                let made = |name: &str| {
                    jobs.iter().any(|job| job["product"] == name && job["state"] == "done")
                };
                Ok((made("thumbnail.jpg") && made("preview.webp")).then_some(()))
            })
            .unwrap();
        }
        (session, opened["videoUrl"].as_str().unwrap().to_owned())
    }

    /// Session and address of a video that was edited: its second version, with chapters.
    pub(crate) fn edited(&self, film: &Path) -> (String, String) {
        let secret = [9; RECORDING_SECRET_BYTES];
        let bytes = std::fs::read(film).unwrap();
        let digits = hex(&secret);
        let mut init = json!({
            "filename": "Release walk-through.webm", "timestamp": "2024-01-15T10-30-45", "fps": 30,
            "codec": "video/webm;codecs=vp9", "bitrate": 2_500_000,
            "resolution": {"width": 1280, "height": 720},
            "recordingId": recording_id_of(&secret), "recordingSecret": digits, "version": 1,
        });
        let session_of =
            |init: &Value| self.api("/videos/init", init)["sessionId"].as_str().unwrap().to_owned();
        let session = session_of(&init);
        let part = Part::bytes(bytes.clone()).file_name("chunk");
        let form = Form::new()
            .text("sessionId", session.clone())
            .text("chunkIndex", "0")
            .part("chunk", part);
        let url = format!("{}/api/v1/videos/chunk", self.cloud.address);
        let request = client().unwrap().post(url).bearer_auth(&self.cloud.token).multipart(form);
        request.send().unwrap().error_for_status().unwrap();
        let finish = |session: &str| {
            let ask = json!({
                "sessionId": session, "totalChunks": 1, "uploadedChunks": [0], "duration": 1
            });
            self.api("/videos/finalize", &ask)
        };
        finish(&session);
        init["version"] = json!(2);
        let session = session_of(&init);
        let (_, sha256) = sha256_of(bytes.as_slice()).unwrap();
        let sha256 = hex(&sha256);
        let keep = json!({"chunkIndex": 0, "start": 0, "end": bytes.len(), "sha256": sha256});
        let pieces = json!({
            "fromVersion": 1, "pieces": [{"keep": keep}],
            "times": [{"fromMs": 4_000, "toMs": 18_000, "atMs": 0}],
            "chapters": [
                {"sourceMs": 4_000, "title": "What is new"},
                {"sourceMs": 8_500, "title": "A chapter with a very long title, which has to be cut off or wrapped so that nothing else moves"},
                {"sourceMs": 14_000, "title": "\u{627}\u{644}\u{623}\u{633}\u{626}\u{644}\u{629}"},
            ],
        });
        let url = format!("{}/api/v1/videos/{session}/pieces", self.cloud.address);
        let put = client().unwrap().put(url).bearer_auth(&self.cloud.token).json(&pieces);
        put.send().unwrap().error_for_status().unwrap();
        let link = finish(&session)["videoUrl"].as_str().unwrap().to_owned();
        (session, link)
    }

    /// The addresses of its page and of its file.
    pub(crate) fn screenshot(&self, file: &Path) -> [String; 2] {
        self.screenshot_with(file, &ScreenshotFields::default())
    }

    pub(crate) fn screenshot_with(&self, file: &Path, fields: &ScreenshotFields) -> [String; 2] {
        let texts = fields.texts().into_iter();
        let form = texts
            .fold(Form::new(), |form, (name, text)| form.text(name, text))
            .part("file", Part::bytes(std::fs::read(file).unwrap()).file_name("Order form.png"));
        let url = format!("{}/api/v1/screenshots/upload", self.cloud.address);
        let request = client().unwrap().post(url).bearer_auth(&self.cloud.token).multipart(form);
        let sent: Value = request.send().unwrap().error_for_status().unwrap().json().unwrap();
        ["pageUrl", "url"].map(|name| sent[name].as_str().unwrap().to_owned())
    }

    pub(crate) fn sign_in(&self) {
        self.browser.session.go(&format!("{}/sign-in", self.cloud.address)).unwrap();
        let fill = "document.querySelector('[name=email]').value = arguments[0];
            document.querySelector('[name=password]').value = arguments[1];
            document.querySelector('form').requestSubmit();";
        self.browser.session.run(fill, &[json!(EMAIL), json!(PASSWORD)]).unwrap();
        self.browser.session.find(".bar-top", SOON).unwrap();
    }

    /// A link of the operator's, as the program prints it.
    fn reset_link(&self) -> String {
        let mut make = command(&self.home, program("snaplark-cloud").unwrap());
        make.args(["reset-link", "--user", EMAIL, "--public-url", &self.cloud.address, "--data"]);
        make.arg(self.cloud.data());
        output(make, SOON).unwrap().trim().to_owned()
    }

    fn sign_out(&self) {
        self.browser.session.devtools("Network.clearBrowserCookies", &json!({})).unwrap();
    }

    /// Pictures the page, on a desktop in the light and on a phone in the dark, or in all its forms for `cargo xtask
    /// pictures`. `act`: what is done to it first.
    pub(crate) fn pictures(&self, name: &str, url: &str, act: &str) {
        let session = &self.browser.session;
        for (form, width, height, is_mobile) in WIDTHS {
            let metrics = json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile
            });
            session.devtools("Emulation.setDeviceMetricsOverride", &metrics).unwrap();
            let all = std::env::var_os("SNAPLARK_ALL_FORMS").is_some();
            for scheme in SCHEMES {
                if !all && is_mobile != (scheme == "dark") {
                    continue;
                }
                let media = json!({
                    "features": [{"name": "prefers-color-scheme", "value": scheme}]
                });
                session.devtools("Emulation.setEmulatedMedia", &media).unwrap();
                session.go(url).unwrap();
                let ready = "const player = document.querySelector('[data-player]');
                    return document.fonts.status === 'loaded'
                    && (!player || player.hasAttribute('data-complete'))
                    && (!document.querySelector('.transcript') || document.querySelector('.lines button'))
                    && [...document.images].every((i) => i.complete || i.loading === 'lazy')
                    && [...document.querySelectorAll('video')].every((v) => v.readyState > 1);";
                session.until(&format!("{name} to be drawn"), SOON, ready).unwrap();
                let closed = "return [...document.querySelectorAll('[popover]')]
                    .every((it) => it.matches(':popover-open') || !it.checkVisibility());";
                assert_eq!(
                    session.run(closed, &[]).unwrap(),
                    json!(true),
                    "{name}: an open dialog"
                );
                if !act.is_empty() {
                    session.run(act, &[]).unwrap();
                }
                let settled = "return document.getAnimations().every((a) =>
                    a.playState !== 'running' || a.effect.getTiming().iterations === Infinity);";
                session.until("it to stand still", SOON, settled).unwrap();
                let wide = "return document.documentElement.scrollWidth <= innerWidth;";
                assert_eq!(
                    session.run(wide, &[]).unwrap(),
                    json!(true),
                    "{name} {form} is too wide"
                );
                let file = folder().join(format!("{name}-{form}-{scheme}.png"));
                std::fs::write(file, session.picture().unwrap()).unwrap();
            }
        }
    }
}

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join("target/pictures/pages");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Something to look at, as `kind` tells ffmpeg.
pub(crate) fn film(home: &Home, name: &str, args: &str) -> PathBuf {
    let file = home.path().join(name);
    let mut ffmpeg = command(home, "ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i"]).args(args.split(' ')).arg(&file);
    output(ffmpeg, SOON).unwrap();
    file
}

#[test]
fn cloud_pages_are_pictured_in_all_their_states() {
    let site = Site::start();
    let at = |path: &str| format!("{}{path}", site.cloud.address);
    let vp9 = "-t 14 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 600k -g 60";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=1280x720:rate=15 {vp9}"));
    let two =
        film(&site.home, "two.webm", &format!("gradients=size=1280x720:rate=15:n=3:seed=7 {vp9}"));
    let shot = film(&site.home, "shot.png", "mandelbrot=size=1600x900:start_scale=0.4 -frames:v 1");
    let (session, link) = site.video("Checkout bug \u{2013} cart total.webm", &one, true);
    site.change(&session, &json!({"description": "The total is wrong when a voucher is added twice.\nFirst seen on Monday."}));
    let captions = format!("{}/api/v1/videos/{session}/captions", site.cloud.address);
    let vtt = "WEBVTT\n\n00:00.000 --> 00:14.000\nHere the total jumps by the voucher's amount\n";
    let put = client().unwrap().put(captions).bearer_auth(&site.cloud.token);
    let put = put.header("content-type", "text/vtt").body(vtt).send().unwrap();
    assert!(put.status().is_success());
    let (locked, locked_link) = site.video("Onboarding walk-through.webm", &two, true);
    site.change(&locked, &json!({"visibility": "password", "password": "open sesame"}));
    let (members, members_link) = site.video("Q3 funnel in 40 seconds.webm", &one, true);
    site.change(&members, &json!({"visibility": "members"}));
    let (ended, ended_link) = site.video("Weekly demo.webm", &two, true);
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    site.change(&ended, &json!({"expiresUnixMs": soon.as_millis() as u64 + 500}));
    let (_, live_link) = site.video("API review with Jo.webm", &two, false);
    let [image, _] = site.screenshot(&shot);
    let (gone, gone_link) = site.video("gone.webm", &one, true);
    let delete = format!("{}/api/v1/videos/{gone}", site.cloud.address);
    client().unwrap().delete(delete).bearer_auth(&site.cloud.token).send().unwrap();

    let awake = "document.querySelector('.stage').classList.remove('idle');";
    let playing = "const v = document.querySelector('video'); v.currentTime = 6.4;
        v.textTracks[0] && (v.textTracks[0].mode = 'showing');
        document.querySelector('.stage').classList.remove('idle');";
    site.pictures("share", &link, playing);
    site.pictures("share-download", &link, "document.querySelector('#downloads').showPopover();");
    site.pictures("share-unplayable", &link, UNPLAYABLE);
    let preparing = "document.querySelector('.preparing').hidden = false;";
    site.pictures("share-preparing", &link, preparing);
    let (edited_session, edited) = site.edited(&one);
    site.pictures("share-chapters", &edited, playing);
    site.pictures("share-sharing", &edited, "document.querySelector('#sharing').showPopover();");
    let keys = "document.body.dispatchEvent(
        new KeyboardEvent('keydown', {key: '?', bubbles: true}));";
    site.pictures("share-keys", &edited, keys);
    let told = told_in_arabic(&site);
    let follows = "const v = document.querySelector('video'); v.currentTime = 9;
        document.querySelector('.stage').classList.remove('idle');";
    site.pictures("share-arabic", &told, follows);
    crate::beside::captions(&site, &edited_session, crate::beside::CAPTIONS);
    site.pictures("share-transcript", &edited, playing);
    let search = "const s = document.querySelector('.transcript input'); s.value = 'total';
        s.dispatchEvent(new Event('input'));
        document.querySelector('.stage').classList.remove('idle');
        document.querySelector('.seek').dispatchEvent(new PointerEvent('pointermove',
            {clientX: 420}));";
    site.pictures("share-search", &edited, search);
    site.pictures(
        "share-theater",
        &edited,
        "document.querySelector('[data-do=theater]').click();
        document.querySelector('.stage').classList.remove('idle');",
    );
    let said = "const said = document.querySelector('.said');
        said.textContent = 'This video was edited. You see the new version.';
        said.classList.add('shown');";
    site.pictures("share-edited", &edited, said);
    site.pictures("live", &live_link, awake);
    site.pictures("embed", &format!("{link}/embed"), awake);
    site.pictures("embed-private", &format!("{locked_link}/embed"), "");
    site.pictures("screenshot", &image, "");
    let zoom = "document.querySelector('[data-do=original]').click();
        document.querySelector('.frame').scrollTo(300, 200);";
    site.pictures("screenshot-zoomed", &image, zoom);
    let arabic = ScreenshotFields {
        title: Some(
            "\u{646}\u{645}\u{648}\u{630}\u{62c} \u{627}\u{644}\u{637}\u{644}\u{628}".to_owned(),
        ),
        ..ScreenshotFields::default()
    };
    let tall = film(&site.home, "tall.png", "testsrc2=size=300x1400 -frames:v 1");
    let [arabic, _] = site.screenshot_with(&tall, &arabic);
    site.pictures("screenshot-arabic", &arabic, "");
    let small = film(&site.home, "small.png", "testsrc2=size=64x40 -frames:v 1");
    let [small, _] = site.screenshot(&small);
    site.pictures("screenshot-small", &small, "");
    let awaited = format!("/screenshots/{}", recording_id_of(&[7; 32]));
    site.pictures("screenshot-not-here-yet", &at(&awaited), "");
    site.pictures("password", &locked_link, "");
    site.pictures("members", &members_link, "");
    site.pictures("ended", &ended_link, "");
    site.pictures("removed", &gone_link, "");
    site.pictures("nothing", &at("/videos/nothing"), "");
    let awaited = format!("/videos/{}", uuid::Uuid::now_v7());
    site.pictures("not-here-yet", &at(&awaited), "");
    site.pictures("front", &at("/"), "");
    let shown = "document.querySelector('[data-reveal]').click();";
    site.pictures("sign-in", &at("/sign-in"), shown);
    site.pictures("forgotten", &at("/forgot-password"), "");
    let link = site.reset_link();
    site.pictures("new-password", &link, "");
    site.pictures("dead-link", &at("/reset-password?key=old"), "");
    site.sign_in();
    site.pictures("library", &at("/my/videos"), "");
    let edit = "document.querySelectorAll('.tile .sheet')[0].showPopover();";
    site.pictures("library-edit", &at("/my/videos"), edit);
    let trim = "document.querySelector('form[data-trim]').parentElement.showPopover();";
    site.pictures("library-trim", &at("/my/videos"), trim);
    site.pictures("library-screenshots", &at("/my/videos?kind=screenshots"), "");
    site.pictures("library-search", &at("/my/videos?q=nothing+like+this"), "");
    let account = at("/my/account");
    site.pictures("account", &account, "");
    let delete = "document.querySelector('#delete-account').showPopover();";
    site.pictures("account-delete", &account, delete);
    site.pictures("tokens", &at("/my/tokens"), "");
    site.pictures("activity", &at("/my/activity"), "");
    site.sign_out();
}

/// A link of which everything that people write is Arabic.
fn told_in_arabic(site: &Site) -> String {
    let vp9 = "-t 14 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 600k -g 60";
    let film = film(&site.home, "ar.webm", &format!("testsrc2=size=1280x800:rate=15 {vp9}"));
    let (session, link) = site.video("ar.webm", &film, true);
    let title = "\u{639}\u{631}\u{636} \u{627}\u{644}\u{625}\u{635}\u{62f}\u{627}\u{631} \u{627}\u{644}\u{62c}\u{62f}\u{64a}\u{62f} \u{1f3ac}";
    let text = "\u{647}\u{630}\u{627} \u{648}\u{635}\u{641} \u{627}\u{644}\u{62a}\u{633}\u{62c}\u{64a}\u{644} (v2).";
    site.change(&session, &json!({"title": title, "description": text}));
    let line = "\u{645}\u{631}\u{62d}\u{628}\u{64b}\u{627} \u{628}\u{643}\u{645} \u{641}\u{64a} \u{647}\u{630}\u{627} \u{627}\u{644}\u{639}\u{631}\u{636} Snaplark 1.2";
    let cues: String = (0..7)
        .map(|n| format!("\n00:{:02}.000 --> 00:{:02}.000\n{line} {n}\n", 2 * n, 2 * n + 2))
        .collect();
    crate::beside::captions(site, &session, &format!("WEBVTT\n{cues}"));
    link
}

/// Under the policy that is sent with it, which keeps everything else from running.
#[test]
fn file_opened_by_its_own_address_plays_or_shows() {
    let site = Site::start();
    let vp9 = "-t 2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=320x180:rate=15 {vp9}"));
    let shot = film(&site.home, "shot.png", "testsrc2=size=320x180 -frames:v 1");
    let (_, link) = site.video("one.webm", &one, true);
    let [_, image] = site.screenshot(&shot);
    let mp4 = format!("{link}/made/480.mp4");
    wait::until("the MP4", SOON, || {
        Ok((client()?.get(&mp4).send()?.status().as_u16() == 200).then_some(()))
    })
    .unwrap();
    let session = &site.browser.session;
    let plays = "const v = document.querySelector('video'); if (!v) return null;
        v.muted = true; v.play().catch(() => {});
        return v.currentTime > 0.1 && v.videoWidth;";
    for address in [format!("{link}/video.webm"), format!("{link}/original.webm"), mp4] {
        session.go(&address).unwrap();
        assert_eq!(session.until(&address, SOON, plays).unwrap(), 320, "{address}");
    }
    let shows = "const i = document.querySelector('img'); return i?.complete && i.naturalWidth;";
    let picture = format!("{link}/made/thumbnail.jpg");
    for address in [image, picture, format!("{link}/made/preview.webp")] {
        session.go(&address).unwrap();
        assert_eq!(session.until(&address, SOON, shows).unwrap(), 320, "{address}");
    }

    // Why a browser can't play it is read without scrolling: in a hand, and at twice the size.
    for (form, width, height, scale) in [("hand", 320, 640, 1), ("twice", 320, 430, 2)] {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false
        });
        session.devtools("Emulation.setDeviceMetricsOverride", &metrics).unwrap();
        for scheme in SCHEMES {
            let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            session.devtools("Emulation.setEmulatedMedia", &media).unwrap();
            session.go(&link).unwrap();
            let ready = "return document.readyState === 'complete'
                && document.querySelector('video').readyState > 1;";
            session.until("the page", SOON, ready).unwrap();
            session.run(UNPLAYABLE, &[]).unwrap();
            let file = folder().join(format!("share-unplayable-{form}-{scheme}-narrow.png"));
            std::fs::write(file, session.picture().unwrap()).unwrap();
            let fits = "const it = document.querySelector('.unplayable');
                const [all, link] = [it, it.querySelector('a')].map((e) => e.getBoundingClientRect());
                return [it.scrollHeight <= it.clientHeight, link.bottom <= all.bottom,
                    document.documentElement.scrollWidth <= innerWidth].join();";
            assert_eq!(session.run(fits, &[]).unwrap(), json!("true,true,true"), "{form} {scheme}");
        }
    }
}

/// Uses the pages without a mouse and at twice their size.
#[test]
fn password_is_shown_and_videos_are_sorted_by_keyboard() {
    let site = Site::start();
    let session = &site.browser.session;
    let at = |path: &str| format!("{}{path}", site.cloud.address);
    session.go(&at("/sign-in")).unwrap();
    let pressed = "const b = document.querySelector('[data-reveal]'); b.focus();
        return document.activeElement === b && !b.hidden && b.ariaPressed === 'false';";
    session.until("the button", SOON, pressed).unwrap();
    let shown = "document.querySelector('[data-reveal]').click();
        const icons = [...document.querySelectorAll('[data-reveal] span')];
        return [document.querySelector('[name=password]').type,
            document.querySelector('[data-reveal]').ariaPressed,
            icons.filter((icon) => icon.checkVisibility()).map((icon) => icon.className)].join();";
    assert_eq!(session.run(shown, &[]).unwrap(), json!("text,true,when-shown"));
    assert_eq!(session.run(shown, &[]).unwrap(), json!("password,false,when-hidden"));
    site.sign_in();
    session.go(&at("/my/videos")).unwrap();
    let searched =
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}));
        return document.activeElement.type === 'search';";
    session.until("the search to have the focus", SOON, searched).unwrap();
    let sort = "const s = document.querySelector('[name=sort]'); s.value = 'title';
        s.dispatchEvent(new Event('change', {bubbles: true}));";
    session.run(sort, &[]).unwrap();
    let sorted = "return new URL(location.href).searchParams.get('sort') === 'title'
        && document.readyState === 'complete';";
    session.until("the list to be sorted", SOON, sorted).unwrap();
    // 1280 pixels at 200%.
    let metrics = json!({"width": 640, "height": 430, "deviceScaleFactor": 2, "mobile": false});
    session.devtools("Emulation.setDeviceMetricsOverride", &metrics).unwrap();
    for path in ["/my/account", "/my/videos", "/my/tokens", "/my/activity"] {
        session.go(&at(path)).unwrap();
        let fits = "return document.readyState === 'complete'
            && document.documentElement.scrollWidth <= innerWidth;";
        session.until("the page to fit at twice its size", SOON, fits).unwrap();
    }
}

/// Checks that every page shows strangers' words as text, and that its policy would forbid scripts in them.
#[test]
fn cloud_pages_run_nothing_from_user_content() {
    let site = Site::start();
    let vp9 = "-t 2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=320x180:rate=15 {vp9}"));
    let evil = "\"><img src=x onerror=window.hurt=1><script>window.hurt=2</script>'`{{7*7}}";
    let (session, link) = site.video(&format!("{evil}.webm"), &one, true);
    site.change(&session, &json!({"title": evil, "description": evil}));
    let vtt = "WEBVTT\n\n00:00.000 --> 00:02.000\n<img src=x onerror=window.hurt=3><script>window.hurt=4</script>\n";
    let captions = format!("{}/api/v1/videos/{session}/captions", site.cloud.address);
    let put = client().unwrap().put(captions).bearer_auth(&site.cloud.token);
    assert!(put.header("content-type", "text/vtt").body(vtt).send().unwrap().status().is_success());
    let session = &site.browser.session;
    site.sign_in();
    let search = form_urlencoded(evil);
    for path in [
        link.clone(),
        format!("{link}/embed"),
        format!("{}/my/videos", site.cloud.address),
        format!("{}/my/videos?q={search}", site.cloud.address),
        format!("{}/sign-in?next={search}", site.cloud.address),
        format!("{}/my/tokens", site.cloud.address),
        format!("{}/my/account?said={search}", site.cloud.address),
        format!("{}/my/activity", site.cloud.address),
        format!("{}/reset-password?key={search}", site.cloud.address),
        format!("{}/videos/{search}", site.cloud.address),
        format!("{link}?t={search}"),
        format!("{}/", site.cloud.address),
    ] {
        session.go(&path).unwrap();
        session.until("the page", SOON, "return document.readyState === 'complete';").unwrap();
        session.run("document.querySelector('video')?.play().catch(() => {});", &[]).unwrap();
        // An element that somebody smuggled in is kept from running by the policy.
        session
            .run(
                "const s = document.createElement('script'); s.textContent = 'window.hurt = 5';
                 document.body.append(s);
                 document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hurt=6\">');",
                &[],
            )
            .unwrap();
        let broken = "return document.querySelector('img[src=x]').complete;";
        session.until("the smuggled picture to fail", SOON, broken).unwrap();
        let hurt = session.run("return window.hurt ?? null;", &[]).unwrap();
        assert_eq!(hurt, Value::Null, "{path}");
    }
    session.go(&link).unwrap();
    assert_eq!(session.text("h1", SOON).unwrap(), evil, "it is shown as it is");
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
