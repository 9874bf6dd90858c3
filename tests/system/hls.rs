//! Browsers that don't play WebM, and other people's players: the stream of H.264.
//!
//! Every browser here has a decoder for VP9. A script that runs before the page's own takes it away: it
//! refuses WebM in `canPlayType`, in `MediaSource.isTypeSupported` and in `MediaCapabilities`, and where it
//! is told to, HLS and H.264 as well.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use snaplark_tests::browser::{Browser, play};
use snaplark_tests::firefox::Firefox;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Answer, command, finish, output, tool};
use snaplark_tests::wait;

use crate::pages::{SOON, Site, film};
use crate::recorders::followed_by;

/// Refuses what matches.
fn refusing(kinds: &str) -> String {
    format!(
        "{{ const refused = /{kinds}/;
        const can = HTMLMediaElement.prototype.canPlayType;
        HTMLMediaElement.prototype.canPlayType = function (type) {{
            return refused.test(type) ? '' : can.call(this, type); }};
        const supports = MediaSource.isTypeSupported;
        MediaSource.isTypeSupported = (type) => !refused.test(type) && supports.call(MediaSource, type);
        const info = MediaCapabilities.prototype.decodingInfo;
        MediaCapabilities.prototype.decodingInfo = function (config) {{
            return refused.test(config.video?.contentType ?? '')
                ? Promise.resolve({{supported: false, smooth: false, powerEfficient: false}})
                : info.call(this, config); }}; }}"
    )
}

const WEBM: &str = "webm";
const WEBM_AND_HLS: &str = "webm|mpegurl";
const ALL: &str = "webm|mpegurl|mp4|avc1";

fn refuse(browser: &Browser, kinds: &str) {
    let source = json!({ "source": refusing(kinds) });
    browser.session.devtools("Page.addScriptToEvaluateOnNewDocument", &source).unwrap();
}

/// Each second has a gray of its own, with a tone.
pub(crate) fn grays(site: &Site, seconds: u32) -> PathBuf {
    grays_of(site, seconds, "320:180")
}

fn grays_of(site: &Site, seconds: u32, size: &str) -> PathBuf {
    let source = format!(
        "nullsrc=size=16x16:rate=30,geq=lum='30+15*floor(T)':cb=128:cr=128,scale={size},setsar=1 \
         -f lavfi -i sine=frequency=440:sample_rate=48000 -t {seconds} -c:v libvpx-vp9 \
         -deadline realtime -cpu-used 8 -b:v 300k -g 60 -c:a libopus -cluster_time_limit 2000"
    );
    film(&site.home, "grays.webm", &source)
}

const GRAY: &str = "const v = document.querySelector('video');
    if (v.readyState < 2 || v.seeking) return null;
    const c = document.createElement('canvas'); [c.width, c.height] = [8, 8];
    const g = c.getContext('2d'); g.drawImage(v, 0, 0, 8, 8);
    return g.getImageData(4, 4, 1, 1).data[0];";

/// Plays by whatever is left, seeks ten times, and plays to its end.
fn plays_and_seeks(site: &Site, link: &str, seconds: u32, way: &str) {
    let session = &site.browser.session;
    let asked = Instant::now();
    session.go(link).unwrap();
    let shown = "const v = document.querySelector('video');
        return v.readyState > 1 && v.videoWidth && v.currentSrc;";
    let source = session.until("a first picture", SOON, shown).unwrap();
    println!("{way}: a picture after {:.1} s, {source}", asked.elapsed().as_secs_f64());
    let is_blob = source.as_str().unwrap().starts_with("blob:");
    assert_eq!(is_blob, way != "by itself", "{source}");
    for second in PLACES {
        let seek = "document.querySelector('video').currentTime = arguments[0];";
        session.run(seek, &[json!(f64::from(second) + 0.5)]).unwrap();
        let expected = gray_on_screen(second);
        let is_there = format!(
            "{{ const gray = (() => {{ {GRAY} }})();
            return gray !== null && Math.abs(gray - {expected}) < 9 && {{gray}}; }}"
        );
        session.until(&format!("{way}: second {second} to be shown"), SOON, &is_there).unwrap();
    }
    let played = play(session, link).unwrap();
    assert!((played.duration_s - f64::from(seconds)).abs() < 0.2, "{way}: {played:?}");
    let unplayable = "return document.querySelector('.unplayable').hidden;";
    assert_eq!(session.run(unplayable, &[]).unwrap(), json!(true), "{way}");
}

/// Waits until the stream is complete, and returns the address of its playlist.
pub(crate) fn complete(link: &str) -> String {
    let playlist = format!("{link}/hls/720.m3u8");
    wait::until("a complete stream", SOON, || {
        let text = snaplark_tests::cloud::fetch(&playlist)?;
        Ok(String::from_utf8_lossy(&text).contains("ENDLIST").then_some(()))
    })
    .unwrap();
    playlist
}

#[test]
fn chromium_without_webm_plays_by_itself_or_by_pieces_or_says_why_not() {
    const SECONDS: u32 = 11;
    let site = Site::start();
    // So large that the stream isn't complete before the viewer asks for its second piece.
    let film = grays_of(&site, SECONDS, "1280:720");
    let (_, link) = site.video("grays.webm", &film, true);
    let session = &site.browser.session;
    session.go(&link).unwrap();
    let native =
        "return document.createElement('video').canPlayType('application/vnd.apple.mpegurl');";
    let native = session.run(native, &[]).unwrap();
    println!("Chromium says of HLS: {native:?}");
    assert!(native != json!(""), "Chromium plays HLS by itself");
    let direct = "return document.querySelector('video').currentSrc.endsWith('/video.webm?v=1');";
    assert_eq!(session.run(direct, &[]).unwrap(), json!(true), "WebM where it plays");

    // Made for this viewer, who watches it meanwhile. A browser's own player can't seek in what isn't
    // there yet.
    refuse(&site.browser, WEBM);
    plays_and_seeks(&site, &link, SECONDS, "by pieces, while they are made");
    complete(&link);
    plays_and_seeks(&site, &link, SECONDS, "by itself");
    refuse(&site.browser, WEBM_AND_HLS);
    plays_and_seeks(&site, &link, SECONDS, "by pieces");

    // A link with a time, the embedded player, and a file of which nothing plays.
    session.go(&format!("{link}?t=7")).unwrap();
    let at = "const v = document.querySelector('video');
        return v.readyState > 1 && v.currentTime >= 7 && v.currentTime < 8;";
    session.until("the time in the link", SOON, at).unwrap();
    session.go(&format!("{link}/embed")).unwrap();
    let shown =
        "const v = document.querySelector('video'); return v.readyState > 1 && v.videoWidth;";
    session.until("the embedded player", SOON, shown).unwrap();
    refuse(&site.browser, ALL);
    session.go(&link).unwrap();
    let said = session.says(".unplayable:not([hidden])", "can't play", SOON).unwrap();
    assert!(said.contains("Download the video"), "{said}");
}

/// Without scripts the browser chooses among the sources itself. One that plays WebM takes it, so the file
/// doesn't load here.
#[test]
fn page_without_scripts_plays_h264_where_the_file_does_not() {
    const SECONDS: u32 = 5;
    let site = Site::start();
    let (_, link) = site.video("grays.webm", &grays(&site, SECONDS), true);
    complete(&link);
    let session = &site.browser.session;
    let scripts = |is_off: bool| {
        let value = json!({ "value": is_off });
        session.devtools("Emulation.setScriptExecutionDisabled", &value).unwrap();
    };
    scripts(true);
    session.devtools("Network.enable", &json!({})).unwrap();
    let blocked = json!({"urls": ["*/video.webm*"]});
    session.devtools("Network.setBlockedURLs", &blocked).unwrap();
    session.go(&link).unwrap();
    let source = "const v = document.querySelector('video');
        return v.controls && v.readyState > 0 && v.currentSrc;";
    let source = session.until("H.264 in the browser's own player", SOON, source).unwrap();
    assert!(source.as_str().unwrap().ends_with("/hls/720.m3u8?v=1"), "{source}");
    session.run("document.querySelector('video').currentTime = 3.5;", &[]).unwrap();
    let expected = f64::from(30 + 15 * 3 - 16) * 255.0 / 219.0;
    let is_there = format!(
        "{{ const gray = (() => {{ {GRAY} }})();
        return gray !== null && Math.abs(gray - {expected}) < 9 && {{gray}}; }}"
    );
    session.until("the fourth second", SOON, &is_there).unwrap();
    session.run("document.querySelector('video').play();", &[]).unwrap();
    let ended = "const v = document.querySelector('video'); return v.ended && v.duration;";
    let length = session.until("the end", SOON, ended).unwrap().as_f64().unwrap();
    assert!((length - f64::from(SECONDS)).abs() < 0.2, "{length}");
    scripts(false);
}

#[test]
fn live_page_follows_by_h264_where_webm_is_refused() {
    followed_by("video/webm;codecs=vp8", Some(&refusing(WEBM_AND_HLS)), 12.0);
}

#[test]
fn other_players_play_the_stream_and_its_end() {
    const SECONDS: u32 = 7;
    let site = Site::start();
    let (_, link) = site.video("grays.webm", &grays(&site, SECONDS), true);
    let playlist = complete(&link);

    let mut mpv = command(&site.home, "mpv");
    mpv.args(["--no-config", "--vo=null", "--ao=null", "--untimed"]);
    mpv.args(["--term-playing-msg=length ${=duration} size ${width}x${height}"]);
    mpv.arg(&playlist);
    let said = output(mpv, SOON).unwrap();
    let (_, told) = said.split_once("length ").unwrap();
    let (length, size) = told.split_once(" size ").unwrap();
    assert!((length.parse::<f64>().unwrap() - f64::from(SECONDS)).abs() < 0.1, "{said}");
    assert!(size.starts_with("320x180"), "{said}");

    let mut ffprobe = command(&site.home, "ffprobe");
    ffprobe.args(["-v", "error", "-count_frames", "-select_streams", "v", "-of", "csv=p=0"]);
    ffprobe.args(["-show_entries", "stream=codec_name,nb_read_frames"]).arg(&playlist);
    let frames = output(ffprobe, SOON).unwrap();
    // Of the stream, and again of the program that it belongs to.
    let frames = frames.lines().find_map(|line| line.strip_prefix("h264,")).unwrap();
    let frames = frames.trim_end_matches(',');
    assert_eq!(frames.parse::<u32>().unwrap(), SECONDS * 30);

    // GStreamer's player, to its end. Without a display it shows to nobody.
    let mut gstreamer = command(&site.home, "gst-launch-1.0");
    gstreamer.args(["playbin3", &format!("uri={playlist}")]);
    gstreamer.args(["video-sink=fakesink sync=false", "audio-sink=fakesink sync=false"]);
    let said = output(gstreamer, SOON).unwrap();
    assert!(said.contains("Got EOS"), "{said}");
}

#[test]
fn ffplay_vlc_and_yt_dlp_play_the_page_the_file_and_the_stream() {
    const SECONDS: u32 = 7;
    let site = Site::start();
    let (_, link) = site.video("grays.webm", &grays(&site, SECONDS), true);
    let playlist = complete(&link);

    // To its end from the beginning, and from a place to which it seeks: who plays takes as long as what is
    // played. ffplay 5.1 finds no place in fragmented MP4, not even in a stream that its own ffmpeg wrote.
    let file = format!("{link}/video.webm");
    let ffplay = [(&file, None), (&file, Some("5")), (&playlist, None)];
    for (address, from) in ffplay {
        let mut ffplay = command(&site.home, "ffplay");
        ffplay.env("SDL_VIDEODRIVER", "dummy").env("SDL_AUDIODRIVER", "dummy");
        ffplay.args(["-hide_banner", "-nostats", "-loglevel", "error", "-autoexit"]);
        ffplay.args(from.iter().flat_map(|from| ["-ss", from])).arg(address);
        let said = plays_to_the_end(ffplay, SECONDS, from);
        assert!(said.stderr.is_empty(), "{address}: {said:?}");
    }
    for (address, from) in [(&file, "0"), (&file, "5"), (&playlist, "0"), (&playlist, "5")] {
        let mut vlc = vlc(&site);
        vlc.args(["--intf=dummy", "--vout=dummy", "--aout=dummy", "--no-video-title-show"]);
        vlc.args(["--play-and-exit", "--start-time", from]).arg(address);
        plays_to_the_end(vlc, SECONDS, Some(from));
    }

    // What it finds behind the link, and what it stores of that.
    let yt_dlp = || {
        let mut yt_dlp = command(&site.home, tool("yt-dlp").unwrap());
        yt_dlp.args(["--no-config", "--no-cache-dir", "--no-warnings", "--quiet"]);
        yt_dlp
    };
    for address in [link.clone(), playlist, format!("{link}/video.webm")] {
        let file = site.home.path().join("stored.mkv");
        let mut store = yt_dlp();
        store.args(["--force-overwrites", "--merge-output-format", "mkv", "--remux-video", "mkv"]);
        store.arg("--output").arg(&file).arg(&address);
        output(store, SOON).unwrap();
        let mut ffprobe = command(&site.home, "ffprobe");
        ffprobe.args(["-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration"]);
        ffprobe.arg(&file);
        let seconds: f64 = output(ffprobe, SOON).unwrap().trim().parse().unwrap();
        assert!((seconds - f64::from(SECONDS)).abs() < 0.1, "{address}: {seconds} s");
    }
    let mut title = yt_dlp();
    title.args(["--print", "title", &link]);
    // It counts what it finds on a page that it doesn't know.
    assert!(output(title, SOON).unwrap().starts_with("grays"));
}

fn plays_to_the_end(mut player: Command, seconds: u32, from: Option<&str>) -> Answer {
    let from: f64 = from.map_or(0.0, |from| from.parse().unwrap());
    let left = f64::from(seconds) - from;
    let began = Instant::now();
    let answer = finish(&mut player, SOON).unwrap();
    let took = began.elapsed().as_secs_f64();
    assert!(answer.status.success(), "{player:?}: {answer:?}");
    assert!(took > left - 1.0 && took < left + 20.0, "{player:?}: {took} s, {answer:?}");
    answer
}

/// VLC refuses to run as root, as tests do in containers.
pub(crate) fn vlc(site: &Site) -> Command {
    if !rustix::process::getuid().is_root() {
        return command(&site.home, "cvlc");
    }
    let mut nobody = command(&site.home, "setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cvlc"]);
    nobody
}

/// Places to which players seek, in seconds.
const PLACES: [u32; 10] = [7, 2, 9, 0, 5, 8, 1, 6, 3, 4];

/// Black is 16 in the file and 0 on the screen.
fn gray_on_screen(second: u32) -> f64 {
    f64::from(30 + 15 * second - 16) * 255.0 / 219.0
}

/// Firefox switches WebM off by its own preferences.
const WITHOUT_WEBM: &str = "user_pref(\"media.webm.enabled\", false);
user_pref(\"media.mediasource.webm.enabled\", false);\n";

#[test]
fn firefox_plays_the_file_and_without_webm_the_stream_and_seeks_in_each() {
    const SECONDS: u32 = 11;
    let site = Site::start();
    let (_, link) = site.video("grays.webm", &grays(&site, SECONDS), true);
    complete(&link);
    for (way, preferences) in [("the file", ""), ("the stream", WITHOUT_WEBM)] {
        let home = Home::new().unwrap();
        let mut firefox = Firefox::start_with(&home, preferences).unwrap();
        firefox.go(&link).unwrap();
        let shown = "const v = document.querySelector('video');
            const said = document.querySelector('.unplayable');
            if (!said.hidden) return {said: said.innerText};
            return v.readyState > 1 && v.videoWidth > 0 && {source: v.currentSrc};";
        let source = firefox.until("a first picture", SOON, shown).unwrap();
        println!("Firefox, {way}: {source}");
        let is_file = source["source"].as_str().is_some_and(|it| it.contains("/video.webm"));
        assert_eq!(is_file, way == "the file", "{source}");
        for second in PLACES {
            let seek = format!("document.querySelector('video').currentTime = {second} + 0.5;");
            firefox.run(&seek).unwrap();
            let expected = gray_on_screen(second);
            let is_there = format!(
                "const gray = (() => {{ {GRAY} }})();
                return gray !== null && Math.abs(gray - {expected}) < 9 && {{gray}};"
            );
            firefox.until(&format!("{way}: second {second} to be shown"), SOON, &is_there).unwrap();
        }
        firefox.run("document.querySelector('video').play();").unwrap();
        let ended = "const v = document.querySelector('video'); return v.ended && v.duration;";
        let length = firefox.until("the end", SOON, ended).unwrap().as_f64().unwrap();
        assert!((length - f64::from(SECONDS)).abs() < 0.2, "{way}: {length}");
    }
}

#[test]
fn webkit_plays_whatever_it_takes() {
    let screen = crate::screen::Screen::start();
    let cloud = snaplark_tests::cloud::Cloud::start(&screen.home).unwrap();
    let site = Site {
        browser: Browser::webkit(&screen.home).unwrap(),
        cloud,
        home: snaplark_tests::home::Home::new().unwrap(),
    };
    let (_, link) = site.video("grays.webm", &grays(&site, 11), true);
    let session = &site.browser.session;
    session.go(&link).unwrap();
    let shown = "const v = document.querySelector('video');
        const said = document.querySelector('.unplayable');
        if (!said.hidden) return {said: said.innerText};
        return v.readyState > 1 && v.videoWidth > 0
            && {source: v.currentSrc, width: v.videoWidth};";
    let seen: Value = session.until("a picture or a sentence", SOON, shown).unwrap();
    let hls =
        "return document.createElement('video').canPlayType('application/vnd.apple.mpegurl');";
    println!("WebKit: {seen}, of HLS it says {:?}", session.run(hls, &[]).unwrap());
    assert_eq!(seen["width"], 320, "{seen}");
    let reach = |what: &str, condition: &str| -> Value {
        session.until(what, SOON, condition).unwrap_or_else(|error| {
            let player = "const v = document.querySelector('video');
                const held = [...Array(v.buffered.length).keys()].map((i) => [v.buffered.start(i), v.buffered.end(i)]);
                return JSON.stringify([v.currentSrc, v.currentTime, v.paused, v.seeking, v.readyState, v.networkState,
                    v.duration, held, v.error?.message]);";
            panic!("{error}; the player: {:?}", session.run(player, &[]))
        })
    };
    let is_file = seen["source"].as_str().is_some_and(|it| it.contains("/video.webm"));
    assert!(is_file, "WebKit plays WebM by itself: {seen}");
    for second in PLACES {
        let seek = "document.querySelector('video').currentTime = arguments[0];";
        session.run(seek, &[json!(f64::from(second) + 0.5)]).unwrap();
        let expected = gray_on_screen(second);
        let is_there = format!(
            "{{ const gray = (() => {{ {GRAY} }})();
            return gray !== null && Math.abs(gray - {expected}) < 9 && {{gray}}; }}"
        );
        reach(&format!("second {second} to be shown"), &is_there);
    }
    // A person presses it; WebKit lets no page begin by itself with sound.
    session.press(".controls [data-do=play]", SOON).unwrap();
    let ended = "const v = document.querySelector('video'); return v.ended && v.duration;";
    let length = reach("the end", ended).as_f64().unwrap();
    assert!((length - 11.0).abs() < 0.2, "{length}");
}
