//! How soon a viewer sees the first picture on an ordinary line, beside a bare `<video>` of the same file,
//! which is as soon as a browser can show it. The figures are in docs/cloud.md.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use snaplark_tests::shaped_line::{Shape, ShapedLine};

use crate::pages::{SOON, Site, film};

const LINE: Shape = Shape { round_trip: Duration::from_millis(20), bits_per_second: 5_000_000 };
/// The best of so many counts: what else runs here takes its time now and then.
const TRIES: usize = 3;
/// The time that the page may take longer than the bare element: its own HTML has to be there first, which is a
/// handshake and a question (2 round trips), and scripts and styles share the line with the video.
const LATER_MS_MAX: f64 = 400.0;
const FIRST_MS_MAX: f64 = 1_000.0;
/// Page, style, scripts, font, poster, and what the browser reads of the video by then.
const BYTES_MAX: u64 = 400_000;

/// Notes when the first picture was drawn, in milliseconds since the address was opened.
const WATCH: &str = "addEventListener('loadstart', (event) => {
    event.target.requestVideoFrameCallback?.((now) => { window.first ??= now; });
}, true);";

#[derive(Clone, Copy, Debug)]
struct Seen {
    ms: f64,
    bytes: u64,
}

fn seen(site: &Site, upstream: SocketAddr, address: impl Fn(&str) -> String) -> Seen {
    let session = &site.browser.session;
    let tries = (0..TRIES).map(|_| {
        let line = ShapedLine::start(upstream, LINE).unwrap();
        session.devtools("Network.clearBrowserCache", &json!({})).unwrap();
        session.go("about:blank").unwrap();
        session.go(&address(&line.url())).unwrap();
        let first = "return window.first && {first: window.first};";
        let ms = session.until("the first picture", SOON, first).unwrap()["first"].as_f64();
        Seen { ms: ms.unwrap(), bytes: line.down_bytes() }
    });
    tries.min_by(|a, b| a.ms.total_cmp(&b.ms)).unwrap()
}

#[test]
fn first_picture_is_there_within_a_second_on_an_ordinary_line() {
    let site = Site::start();
    let vp9 = "-t 30 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1500k -g 60";
    let one = film(&site.home, "one.webm", &format!("testsrc2=size=1280x720:rate=30 {vp9}"));
    let (_, link) = site.video("one.webm", &one, true);
    let upstream: SocketAddr = site.cloud.address["http://".len()..].parse().unwrap();
    let path = link.strip_prefix(&site.cloud.address).unwrap();
    let watch = json!({ "source": WATCH });
    site.browser.session.devtools("Page.addScriptToEvaluateOnNewDocument", &watch).unwrap();

    // Chromium's own page for a file is a bare element.
    let bare = seen(&site, upstream, |line| format!("{line}{path}/video.webm"));
    let page = seen(&site, upstream, |line| format!("{line}{path}"));
    println!(
        "bare <video>: {:.0} ms, {} bytes; page: {:.0} ms, {} bytes",
        bare.ms, bare.bytes, page.ms, page.bytes
    );
    assert!(page.ms < bare.ms + LATER_MS_MAX, "bare {bare:?}, page {page:?}");
    assert!(page.ms < FIRST_MS_MAX, "{page:?}");
    assert!(page.bytes < BYTES_MAX, "{page:?}");

    // What of it is the page itself: each answer's size on the line, by kind.
    let sizes = "return Object.fromEntries(performance.getEntriesByType('resource')
        .filter((it) => it.startTime < window.first).map((it) => [new URL(it.name).pathname.split('/').at(-1), it.transferSize]));";
    let sizes: Value = site.browser.session.run(sizes, &[]).unwrap();
    println!("before the first picture: {sizes}");
    let scripts = sizes.as_object().unwrap();
    assert!(!scripts.contains_key("live.js") && !scripts.contains_key("beside.js"), "{sizes}");
}
