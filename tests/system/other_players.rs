//! Other people's players with the stream of H.264: ten seeks, each to the picture of its second, and a
//! recording that still runs. What plays from the beginning to the end is in `hls`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use gstreamer::prelude::*;
use serde_json::{Value, json};
use snaplark_tests::process::{Process, command, output, tool};
use snaplark_tests::wait;
use snaplark_tests::webdriver::client;

use crate::hls::{complete, grays, vlc};
use crate::pages::{SOON, Site};

/// Forward and back, in an order in which no place is the next one.
const PLACES: [u32; 10] = [7, 2, 9, 0, 5, 8, 1, 6, 3, 4];

/// mpv, controlled by its socket: one JSON object in each line.
struct Mpv {
    socket: BufReader<UnixStream>,
    _player: Process,
}

impl Mpv {
    fn start(site: &Site, address: &str, arguments: &[&str]) -> Mpv {
        let at = site.home.path().join("mpv.socket");
        let mut mpv = command(&site.home, "mpv");
        mpv.args(["--no-config", "--vo=null", "--ao=null"]).args(arguments);
        mpv.arg(format!("--input-ipc-server={}", at.display())).arg(address);
        let player = Process::start(&site.home, "mpv", mpv).unwrap();
        let socket = wait::until("mpv's socket", SOON, || Ok(UnixStream::connect(&at).ok()));
        let socket = socket.unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Mpv { socket: BufReader::new(socket), _player: player }
    }

    fn send(&mut self, command: &Value) {
        let line = format!("{}\n", json!({"command": command, "request_id": 7}));
        self.socket.get_mut().write_all(line.as_bytes()).unwrap();
    }

    /// Reads what mpv says until something matches.
    fn until(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut line = String::new();
            let count = self.socket.read_line(&mut line).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(count > 0, "mpv ended before {what}");
            let said: Value = serde_json::from_str(&line).unwrap();
            if is(&said) {
                return said;
            }
        }
    }

    fn ask(&mut self, command: &Value) -> Value {
        self.send(command);
        let answer = self.until(&command.to_string(), |said| said["request_id"] == 7);
        assert_eq!(answer["error"], "success", "{command}: {answer}");
        answer["data"].clone()
    }
}

/// The gray of a picture in a file, as a screen shows it.
fn gray_of(site: &Site, picture: &Path) -> f64 {
    let pixel = site.home.path().join("pixel");
    let mut ffmpeg = command(&site.home, "ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-i"]).arg(picture);
    ffmpeg.args(["-vf", "scale=1:1", "-pix_fmt", "rgb24", "-f", "rawvideo"]).arg(&pixel);
    output(ffmpeg, SOON).unwrap();
    f64::from(std::fs::read(&pixel).unwrap()[0])
}

#[test]
fn mpv_shows_the_picture_of_each_of_ten_places() {
    let site = Site::start();
    let (_, link) = site.video("grays.webm", &grays(&site, 11), true);
    complete(&link);
    let mp4 = format!("{link}/made/720.mp4");
    wait::until("the MP4", SOON, || {
        Ok((client()?.get(&mp4).send()?.status().as_u16() == 200).then_some(()))
    })
    .unwrap();
    let picture = site.home.path().join("seen.png");
    // In a stream of fragmented MP4, the ffmpeg 5.1 that mpv is built on finds no earlier place, like ffplay.
    for address in [format!("{link}/video.webm"), mp4] {
        let mut mpv = Mpv::start(&site, &address, &["--pause", "--keep-open=yes", "--hr-seek=yes"]);
        mpv.ask(&json!(["observe_property", 1, "seekable"]));
        mpv.until("the video", |said| said["name"] == "seekable" && said["data"] == true);
        for second in PLACES {
            let at = f64::from(second) + 0.5;
            mpv.send(&json!(["seek", at, "absolute+exact"]));
            // The beginning of the video is such an event, too.
            let mut now = -1.0_f64;
            while (now - at).abs() > 0.05 {
                mpv.until(&format!("{at} after {now}"), |it| it["event"] == "playback-restart");
                // While mpv seeks it has no place.
                now = mpv.ask(&json!(["get_property", "time-pos"])).as_f64().unwrap_or(-1.0);
            }
            mpv.ask(&json!(["screenshot-to-file", picture, "video"]));
            let (gray, expected) = (gray_of(&site, &picture), gray_shown(second));
            assert!((gray - expected).abs() < 9.0, "{address}, {second}: {gray}, not {expected}");
        }
    }
}

/// Black is 16 in the video and 0 in a picture of it.
fn gray_shown(second: u32) -> f64 {
    (f64::from(30 + 15 * second) - 16.0) * 255.0 / 219.0
}

/// Waits until GStreamer's player shows a picture of where it is.
fn settled(player: &gstreamer::Element) {
    let limit = gstreamer::ClockTime::from_seconds(SOON.as_secs());
    let kinds = [gstreamer::MessageType::AsyncDone, gstreamer::MessageType::Error];
    let said = player.bus().unwrap().timed_pop_filtered(limit, &kinds).expect("a message in time");
    assert_eq!(said.type_(), gstreamer::MessageType::AsyncDone, "{said:?}");
}

#[test]
fn gstreamer_shows_the_picture_of_each_of_ten_places() {
    let site = Site::start();
    let (_, link) = site.video("grays.webm", &grays(&site, 11), true);
    let playlist = complete(&link);
    gstreamer::init().unwrap();
    let pictures = "videoconvert ! videoscale ! video/x-raw,format=RGB,width=8,height=8 \
        ! fakesink name=pictures enable-last-sample=true";
    let pictures = gstreamer::parse::bin_from_description(pictures, true).unwrap();
    let sink = pictures.by_name("pictures").unwrap();
    let silence = gstreamer::ElementFactory::make("fakesink").build().unwrap();
    let player = gstreamer::ElementFactory::make("playbin3")
        .property("uri", &playlist)
        .property("video-sink", &pictures)
        .property("audio-sink", &silence)
        .build()
        .unwrap();
    player.set_state(gstreamer::State::Paused).unwrap();
    settled(&player);
    for second in PLACES {
        let at = gstreamer::ClockTime::from_mseconds(u64::from(second) * 1_000 + 500);
        let how = gstreamer::SeekFlags::FLUSH | gstreamer::SeekFlags::ACCURATE;
        player.seek_simple(how, at).unwrap();
        settled(&player);
        let sample = sink.property::<gstreamer::Sample>("last-sample");
        let bytes = sample.buffer().unwrap().map_readable().unwrap();
        let (gray, expected) = (f64::from(bytes[0]), gray_shown(second));
        assert!((gray - expected).abs() < 9.0, "second {second}: {gray} and not {expected}");
    }
    player.set_state(gstreamer::State::Null).unwrap();
}

/// VLC, controlled by lines of text.
struct Vlc {
    stdin: ChildStdin,
    stdout: BufReader<std::process::ChildStdout>,
    player: Child,
}

impl Vlc {
    fn start(mut vlc: Command, address: &str) -> Vlc {
        vlc.args(["--intf=rc", "--rc-fake-tty", "--vout=dummy", "--aout=dummy"]);
        vlc.args(["--no-video-title-show", "--start-paused"]).arg(address);
        vlc.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut player = vlc.spawn().unwrap();
        let stdin = player.stdin.take().unwrap();
        let stdout = BufReader::new(player.stdout.take().unwrap());
        Vlc { stdin, stdout, player }
    }

    /// The number that it answers with, on a line of its own.
    fn number(&mut self, question: &str) -> Option<i64> {
        writeln!(self.stdin, "{question}").unwrap();
        writeln!(self.stdin, "is_playing").unwrap();
        // Each question has an answer of one line; whatever else it says is none.
        let mut numbers = Vec::new();
        while numbers.len() < 2 {
            let mut line = String::new();
            assert!(self.stdout.read_line(&mut line).unwrap() > 0, "VLC ended");
            let text = line.trim_start_matches(['>', ' ']).trim();
            numbers.extend(text.parse::<i64>().ok());
        }
        numbers.first().copied()
    }
}

impl Drop for Vlc {
    fn drop(&mut self) {
        self.player.kill().ok();
        self.player.wait().ok();
    }
}

#[test]
fn vlc_goes_to_each_of_ten_places() {
    let site = Site::start();
    let (_, link) = site.video("grays.webm", &grays(&site, 11), true);
    let playlist = complete(&link);
    let mut vlc = Vlc::start(vlc(&site), &playlist);
    wait::until("VLC to know the length", SOON, || {
        Ok((vlc.number("get_length") == Some(11)).then_some(()))
    })
    .unwrap();
    for second in PLACES {
        writeln!(vlc.stdin, "seek {second}").unwrap();
        wait::until(&format!("VLC to be at {second}"), SOON, || {
            let at = vlc.number("get_time").unwrap_or(-1);
            Ok((at - i64::from(second)).abs().le(&1).then_some(()))
        })
        .unwrap();
    }
}

#[test]
fn players_begin_while_the_recording_runs_and_end_with_it() {
    let site = Site::start();
    // All but the last part of the stream is made before the end of the recording is known.
    let (session, link) = site.video("grays.webm", &grays(&site, 9), false);
    let playlist = format!("{link}/hls/720.m3u8");
    wait::until("the pieces so far", SOON, || {
        let text = snaplark_tests::cloud::fetch(&playlist).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains("ENDLIST"), "{text}");
        Ok((text.matches("#EXTINF").count() >= 3).then_some(()))
    })
    .unwrap();
    let mut started = Vec::new();
    let mut ffplay = command(&site.home, "ffplay");
    ffplay.env("SDL_VIDEODRIVER", "dummy").env("SDL_AUDIODRIVER", "dummy");
    ffplay.args(["-hide_banner", "-nostats", "-loglevel", "error", "-autoexit"]).arg(&playlist);
    started.push(("ffplay", ffplay));
    let mut gstreamer = command(&site.home, "gst-launch-1.0");
    gstreamer.args(["playbin3", &format!("uri={playlist}")]);
    gstreamer.args(["video-sink=fakesink sync=true", "audio-sink=fakesink sync=true"]);
    started.push(("gstreamer", gstreamer));
    let mut player = vlc(&site);
    player.args(["--intf=dummy", "--vout=dummy", "--aout=dummy", "--play-and-exit"]).arg(&playlist);
    started.push(("vlc", player));
    let stored = site.home.path().join("live.mkv");
    let mut yt_dlp = command(&site.home, tool("yt-dlp").unwrap());
    yt_dlp.args([
        "--no-config",
        "--no-cache-dir",
        "--no-warnings",
        "--quiet",
        "--remux-video",
        "mkv",
    ]);
    yt_dlp.arg("--output").arg(&stored).arg(&playlist);
    started.push(("yt-dlp", yt_dlp));
    let mut started: Vec<_> = started
        .into_iter()
        .map(|(name, command)| (name, Process::start(&site.home, name, command).unwrap()))
        .collect();
    let mut mpv = Mpv::start(&site, &playlist, &[]);
    mpv.ask(&json!(["observe_property", 1, "time-pos"]));
    let is_playing = |said: &Value| said["data"].as_f64().is_some_and(|at| at > 1.0);
    mpv.until("a second of a recording that still runs", is_playing);
    for (name, player) in &mut started {
        assert!(player.is_running(), "{name} has ended: {}", player.complaints());
    }

    let ask = json!({"sessionId": session, "totalChunks": 1, "uploadedChunks": [0], "duration": 1});
    site.api("/videos/finalize", &ask);
    let ended = mpv.until("the end", |said| said["event"] == "end-file");
    assert_eq!(ended["reason"], "eof", "{ended}");
    for (name, player) in &mut started {
        let status = player.wait(SOON).unwrap();
        assert!(status.success(), "{name}: {status}: {}", player.complaints());
    }
    let mut ffprobe = command(&site.home, "ffprobe");
    ffprobe
        .args(["-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration"])
        .arg(&stored);
    let seconds: f64 = output(ffprobe, SOON).unwrap().trim().parse().unwrap();
    // It begins three pieces before the end of what is there.
    assert!((5.0..9.2).contains(&seconds), "yt-dlp has stored {seconds} s");
}
