//! The cloud's pages in a real browser: pictures of each, dark and light, on a desk and in a hand, in
//! `target/pictures/pages`; and that nothing that comes from outside runs in them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};
use snaplark_tests::browser::Browser;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::wait;
use snaplark_tests::webdriver::client;

const SOON: Duration = Duration::from_secs(60);
const EMAIL: &str = "test@example.org";
const PASSWORD: &str = "correct horse battery";
const SCHEMES: [&str; 2] = ["light", "dark"];
const WIDTHS: [(&str, u32, u32, bool); 2] = [("desk", 1280, 860, false), ("hand", 390, 844, true)];

struct Site {
    browser: Browser,
    cloud: Cloud,
    home: Home,
}

impl Site {
    fn start() -> Site {
        let home = Home::new().unwrap();
        let cloud = Cloud::start(&home).unwrap();
        let browser = Browser::chromium(&home).unwrap();
        let script = format!("printf '%s\\n' '{PASSWORD}' | \"$0\" user add --data \"$1\" {EMAIL}");
        let mut add = command(&home, "sh");
        add.args(["-c", &script]).arg(program("snaplark-cloud").unwrap()).arg(cloud.data());
        output(add, SOON).unwrap();
        Site { browser, cloud, home }
    }

    fn api(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v1{path}", self.cloud.address);
        let request = client().unwrap().post(url).bearer_auth(&self.cloud.token).json(body);
        request.send().unwrap().error_for_status().unwrap().json().unwrap()
    }

    fn change(&self, session: &str, body: &Value) {
        let url = format!("{}/api/v1/videos/{session}", self.cloud.address);
        let request = client().unwrap().patch(url).bearer_auth(&self.cloud.token).json(body);
        request.send().unwrap().error_for_status().unwrap();
    }

    /// Session and address of a video of this name, whole or still coming in.
    fn video(&self, name: &str, film: &Path, is_whole: bool) -> (String, String) {
        let init = json!({
            "filename": name, "timestamp": "2024-01-15T10-30-45", "fps": 30,
            "codec": "video/webm;codecs=vp9", "bitrate": 2_500_000,
            "resolution": {"width": 1280, "height": 720}
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

    fn screenshot(&self, file: &Path) -> String {
        let form = Form::new()
            .part("file", Part::bytes(std::fs::read(file).unwrap()).file_name("Order form.png"));
        let url = format!("{}/api/v1/screenshots/upload", self.cloud.address);
        let request = client().unwrap().post(url).bearer_auth(&self.cloud.token).multipart(form);
        let sent: Value = request.send().unwrap().error_for_status().unwrap().json().unwrap();
        sent["pageUrl"].as_str().unwrap().to_owned()
    }

    fn sign_in(&self) {
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

    /// The page in all its forms. `act`: what is done to it first.
    fn pictures(&self, name: &str, url: &str, act: &str) {
        let session = &self.browser.session;
        for (form, width, height, is_mobile) in WIDTHS {
            let metrics = json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile
            });
            session.devtools("Emulation.setDeviceMetricsOverride", &metrics).unwrap();
            for scheme in SCHEMES {
                let media = json!({
                    "features": [{"name": "prefers-color-scheme", "value": scheme}]
                });
                session.devtools("Emulation.setEmulatedMedia", &media).unwrap();
                session.go(url).unwrap();
                let ready = "return document.fonts.status === 'loaded'
                    && [...document.images].every((i) => i.complete || i.loading === 'lazy')
                    && [...document.querySelectorAll('video')].every((v) => v.readyState > 1);";
                session.until(&format!("{name} to be drawn"), SOON, ready).unwrap();
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
fn film(home: &Home, name: &str, args: &str) -> PathBuf {
    let file = home.path().join(name);
    let mut ffmpeg = command(home, "ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i"]).args(args.split(' ')).arg(&file);
    output(ffmpeg, SOON).unwrap();
    file
}

#[test]
fn each_page_is_drawn_in_all_its_forms() {
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
    let image = site.screenshot(&shot);
    let (gone, gone_link) = site.video("gone.webm", &one, true);
    let delete = format!("{}/api/v1/videos/{gone}", site.cloud.address);
    client().unwrap().delete(delete).bearer_auth(&site.cloud.token).send().unwrap();

    let awake = "document.querySelector('.stage').classList.remove('idle');";
    let playing = "const v = document.querySelector('video'); v.currentTime = 6.4;
        v.textTracks[0] && (v.textTracks[0].mode = 'showing');
        document.querySelector('.stage').classList.remove('idle');";
    site.pictures("share", &link, playing);
    site.pictures("share-download", &link, "document.querySelector('#downloads').showPopover();");
    site.pictures("live", &live_link, awake);
    site.pictures("embed", &format!("{link}/embed"), awake);
    site.pictures("embed-private", &format!("{locked_link}/embed"), "");
    site.pictures("screenshot", &image, "");
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
    site.pictures("library-search", &at("/my/videos?q=nothing+like+this"), "");
    let account = at("/my/account");
    site.pictures("account", &account, "");
    let delete = "document.querySelector('#delete-account').showPopover();";
    site.pictures("account-delete", &account, delete);
    site.pictures("tokens", &at("/my/tokens"), "");
    site.pictures("activity", &at("/my/activity"), "");
    site.sign_out();
}

/// As somebody uses it who has no mouse, on a page at twice its size.
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
        return [document.querySelector('[name=password]').type,
            document.querySelector('[data-reveal]').ariaPressed].join();";
    assert_eq!(session.run(shown, &[]).unwrap(), json!("text,true"));
    assert_eq!(session.run(shown, &[]).unwrap(), json!("password,false"));
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

/// What a stranger may choose is text, in every page that shows it, and the policy stands behind it.
#[test]
fn nothing_that_comes_from_outside_runs_in_a_page() {
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
