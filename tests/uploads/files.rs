//! Files that a person brings in, by the command line and over real sockets, with the true cloud: every type,
//! byte for byte, killed, resumed, and never in memory as a whole.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use snaplark_formats::animation::frame_count;
use snaplark_formats::webm::{self, Block, Track, Tracks, Video, VideoCodec};
use snaplark_tests::fake_capture::sha256_of;
use snaplark_tests::fault_proxy::{Asked, FaultProxy, Route, Turn};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Answer, Process, command, finish, program};
use snaplark_tests::wait;
use snaplark_tests::webdriver::client;
use tokio::runtime::Runtime;

use crate::rig::{Server, is_soak, runtime};

/// Gigabytes on a disk that others use as well.
const LIMIT: Duration = Duration::from_secs(1_200);
/// The promise: above what the program takes for a small file.
pub const ABOVE_IDLE_MAX: u64 = 40_000_000;
const MIB: u64 = 1024 * 1024;

/// A server behind a proxy, and a home with its account.
pub struct Uploader {
    pub home: Home,
    pub proxy: FaultProxy,
    pub server: Server,
    _runtime: Runtime,
}

impl Uploader {
    pub fn start(args: &[&str]) -> Self {
        let home = Home::new().unwrap();
        let runtime = runtime().unwrap();
        let args = [["--parts-per-second", "1000"].as_slice(), args].concat();
        let server = Server::start_with(&home, &args).unwrap();
        let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
        Self { home, proxy, server, _runtime: runtime }
    }

    fn snaplark(&self, args: &[&str]) -> Command {
        let mut snaplark = command(&self.home, program("snaplark").unwrap());
        snaplark.args(args);
        snaplark.env("SNAPLARK_SERVER", self.proxy.url());
        snaplark.env("SNAPLARK_TOKEN", &self.server.token);
        snaplark.env("SNAPLARK_PROFILE", "snaplark");
        snaplark
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut upload = self.snaplark(&["upload", "--json"]);
        upload.args(args);
        upload
    }

    fn upload(&self, args: &[&str]) -> Answer {
        finish(&mut self.command(args), LIMIT).unwrap()
    }

    /// Uploads files and returns what is said of each.
    pub fn uploaded(&self, args: &[&str]) -> Value {
        let answer = self.upload(args);
        assert!(answer.status.success(), "{}\n{}", answer.stdout, answer.stderr);
        serde_json::from_str(&answer.stdout).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Has ffmpeg make a video.
    pub fn video(&self, name: &str, options: &str) -> PathBuf {
        let path = self.path(name);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i"]);
        ffmpeg.arg("testsrc2=size=160x120:rate=10:duration=2");
        ffmpeg.args(options.split_whitespace()).arg(&path);
        let done = ffmpeg.output().unwrap();
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        path
    }

    pub fn is_served_as(&self, link: &str, file: &str, path: &Path) -> bool {
        let served = client().unwrap().get(format!("{link}/{file}")).timeout(LIMIT).send().unwrap();
        assert!(served.status().is_success(), "{link}/{file}: {}", served.status());
        sha256_of(served).unwrap() == sha256_of(File::open(path).unwrap()).unwrap()
    }

    /// Returns the bytes that the library keeps of a picture that was brought in.
    fn kept(&self, item: &Value, ending: &str) -> Vec<u8> {
        let folder = self.home.snaplark().join("recordings").join(item["id"].as_str().unwrap());
        std::fs::read(folder.join(format!("source.{ending}"))).unwrap()
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_type_of_video_arrives_byte_for_byte_and_says_what_it_is_by_its_content() {
    let uploader = Uploader::start(&[]);
    let h264 = "-pix_fmt yuv420p -c:v libx264 -preset ultrafast";
    let videos = [
        uploader.video("a.mp4", h264),
        uploader.video("b.mov", h264),
        uploader.video("c.m4v", &format!("{h264} -movflags +faststart -f mp4")),
        uploader.video("d.webm", "-c:v libvpx -b:v 100k"),
        uploader.video("e.mkv", h264),
        // Fragments, as browsers and cameras write them; and a name that says something else.
        uploader.video("f.txt", &format!("{h264} -movflags frag_keyframe+empty_moov -f mp4")),
    ];
    let args: Vec<&str> = videos.iter().map(|path| text(path)).collect();
    let said = uploader.uploaded(&args);
    let said = said.as_array().expect("an array for several");
    assert_eq!(said.len(), videos.len());
    for (path, item) in videos.iter().zip(said) {
        let size = path.metadata().unwrap().len();
        assert_eq!(item["kind"], "import", "{item}");
        assert_eq!(item["state"]["kind"], "done", "{item}");
        assert_eq!(
            (item["sentBytes"].as_u64(), item["percentage"].as_u64()),
            (Some(size), Some(100))
        );
        let link = item["link"].as_str().unwrap();
        assert!(uploader.is_served_as(link, "original.webm", path), "{} differs", path.display());
    }
    assert!(videos.iter().all(|path| path.is_file()), "the originals stay where they are");
}

#[test]
fn one_file_is_one_object_with_its_title_and_a_picture_keeps_its_bytes() {
    let uploader = Uploader::start(&[]);
    let path = uploader.path("Invoice.png");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1"]);
    assert!(ffmpeg.arg(&path).status().unwrap().success());
    let said =
        uploader.uploaded(&[text(&path), "--title", "The invoice", "--description", "Of May"]);
    assert_eq!(
        (said["title"].as_str(), said["kind"].as_str()),
        (Some("The invoice"), Some("import"))
    );
    assert!(
        uploader.is_served_as(said["link"].as_str().unwrap(), "image.png", &path),
        "re-encoded"
    );
}

/// Pictures, still and moving, as ffmpeg makes them without metadata: the ending of the link's file, that of the
/// library's, and ffmpeg's options.
const PICTURES: [(&str, &str, &str); 7] = [
    ("png", "png", "-frames:v 1"),
    ("jpg", "jpg", "-frames:v 1 -flags:v bitexact"),
    ("webp", "webp", "-frames:v 1 -c:v libwebp"),
    ("gif", "gif", "-frames:v 1"),
    ("gif", "animated.gif", "-loop 0"),
    ("webp", "animated.webp", "-c:v libwebp_anim -loop 0"),
    ("png", "animated.png", "-c:v apng -plays 0 -f apng"),
];

#[test]
fn every_type_of_picture_arrives_byte_for_byte_and_animations_keep_their_frames() {
    let uploader = Uploader::start(&[]);
    let pictures = PICTURES.map(|(ending, kept, options)| {
        let name = kept.replace('.', " ");
        (ending, kept, uploader.video(&format!("{name} of mine.{ending}"), options))
    });
    let args: Vec<&str> = pictures.iter().map(|(.., path)| text(path)).collect();
    let said = uploader.uploaded(&args);
    let said = said.as_array().expect("an array for several");
    assert_eq!(said.len(), pictures.len());
    for ((ending, kept, path), item) in pictures.iter().zip(said) {
        assert_eq!((&item["kind"], &item["state"]["kind"]), (&json!("import"), &json!("done")));
        let link = item["link"].as_str().unwrap();
        let file = format!("image.{ending}");
        assert!(uploader.is_served_as(link, &file, path), "{kept}: other bytes are at the server");
        assert!(uploader.kept(item, kept) == std::fs::read(path).unwrap(), "{kept}");
        let frames = frame_count(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(frames > 1, kept.starts_with("animated"), "{kept} has {frames} frames");
    }
}

#[test]
fn metadata_of_an_animation_stay_here_and_every_other_byte_is_sent() {
    let uploader = Uploader::start(&[]);
    let plain = uploader.video("plain.gif", "-loop 0");
    let bytes = std::fs::read(&plain).unwrap();
    let (end, frames) = bytes.split_last().unwrap();
    // A comment in front of the end, and bytes behind it.
    let comment = b"\x21\xFE\x06Secret\0".as_slice();
    let marked = [frames, comment, &[*end], b"Secret tail"].concat();
    let path = uploader.path("party.gif");
    std::fs::write(&path, &marked).unwrap();
    let said = uploader.uploaded(&[text(&path)]);
    assert!(uploader.is_served_as(said["link"].as_str().unwrap(), "image.gif", &plain));
    assert!(uploader.kept(&said, "animated.gif") == marked, "the original was changed");
}

#[test]
fn title_and_description_are_on_the_page() {
    let uploader = Uploader::start(&[]);
    let path = uploader.video("a.webm", "-c:v libvpx -b:v 100k");
    let said =
        uploader.uploaded(&[text(&path), "--title", "My demo", "--description", "What it shows"]);
    let page =
        client().unwrap().get(said["link"].as_str().unwrap()).send().unwrap().text().unwrap();
    assert!(page.contains("My demo") && page.contains("What it shows"), "{page}");
}

#[test]
fn file_above_the_accounts_limit_is_refused_before_the_first_byte() {
    let uploader = Uploader::start(&["--video-size", "1MB"]);
    let path = uploader.video("a.webm", "-c:v libvpx -b:v 100k");
    File::options().append(true).open(&path).unwrap().write_all(&vec![0; 3_000_000]).unwrap();
    let answer = uploader.upload(&[text(&path)]);
    assert_eq!(answer.status.code(), Some(3), "{}", answer.stderr);
    let said: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(said["state"]["reason"], "refused", "{said}");
    assert_eq!(uploader.proxy.count(&Route::Chunk), 0, "something was sent");
}

#[test]
fn refused_file_is_named_and_the_others_are_uploaded() {
    let uploader = Uploader::start(&[]);
    let good = uploader.video("a.webm", "-c:v libvpx -b:v 100k");
    let bad = uploader.path("notes.mp4");
    std::fs::write(&bad, "just some text, which is no video").unwrap();
    let answer = uploader.upload(&[text(&bad), text(&good)]);
    assert_eq!(answer.status.code(), Some(1), "{}", answer.stderr);
    assert!(answer.stderr.contains("notes.mp4 can't be uploaded. It is neither a video"));
    let said: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(said[0]["error"]["code"], "file-refused", "{said}");
    assert_eq!(said[1]["state"]["kind"], "done", "{said}");
    let alone = uploader.upload(&[text(&uploader.path("missing.mp4"))]);
    let said: Value = serde_json::from_str(&alone.stdout).unwrap();
    assert!(said["error"]["message"].as_str().unwrap().contains("There is no such file"), "{said}");
}

/// Writes a WebM of that size: one frame, and bytes that differ in each place behind it.
pub fn large_file(path: &Path, bytes: u64) {
    let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
    let data = vec![7; 1_000];
    let (track, duration_ms) = (Track::Video, Some(1_000));
    let frame = Block { track, time_ms: 0, keyframe: true, duration_ms, data };
    let mut head = webm::init(&Tracks { video, audio: None });
    head.extend(webm::cluster(&[frame]).unwrap());
    // A Void element takes all that follows, with a size of eight bytes.
    let void_bytes = bytes - head.len() as u64 - 9;
    head.extend([0xEC, 0x01]);
    head.extend(&void_bytes.to_be_bytes()[1..]);
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(&head).unwrap();
    let (mut left, mut block) = (void_bytes, vec![0_u8; MIB as usize]);
    for number in 0_u64.. {
        if left == 0 {
            break;
        }
        for (at, eight) in block.chunks_mut(8).enumerate() {
            let value = ((number << 20) | at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            eight.copy_from_slice(&value.to_le_bytes());
        }
        let count = left.min(MIB);
        file.write_all(&block[..count as usize]).unwrap();
        left -= count;
    }
    file.flush().unwrap();
}

/// Returns the most memory that a process has had, or 0 when it has ended.
fn peak_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

impl Uploader {
    /// Starts a command that uploads, and watches its memory until it ends or so many parts were sent. Returns the
    /// most memory that it had.
    pub fn watch(&self, command: Command, enough: usize) -> (Process, u64) {
        let mut process = Process::start(&self.home, "snaplark", command).unwrap();
        let mut peak = 0;
        wait::until("the upload to be far enough", LIMIT, || {
            peak = peak.max(peak_bytes(process.id()));
            let is_over = !process.is_running() || self.proxy.count(&Route::Chunk) >= enough;
            Ok(is_over.then_some(()))
        })
        .unwrap();
        (process, peak)
    }

    /// Returns the command that continues what an earlier one left.
    fn go_on(&self) -> Command {
        let mut status = self.snaplark(&["status", "--wait"]);
        status.arg("--json");
        status
    }
}

/// Two gigabytes with `SNAPLARK_SOAK`, else a tenth.
#[test]
fn large_file_is_resumed_after_each_kill_and_is_never_in_memory() {
    let bytes = if is_soak() { 2_000_000_000 } else { 200_000_000 };
    let uploader = Uploader::start(&["--video-size", "none", "--ffmpeg", "no-ffmpeg-here"]);
    let small = uploader.path("small.webm");
    large_file(&small, 100_000);
    let (mut process, idle) = uploader.watch(uploader.command(&[text(&small)]), usize::MAX);
    assert!(process.wait(LIMIT).unwrap().success(), "{}", process.complaints());
    let before = uploader.proxy.count(&Route::Chunk);

    let large = uploader.path("large.webm");
    large_file(&large, bytes);
    let all = bytes.div_ceil(5 * MIB) as usize;
    let mut peaks = Vec::new();
    for kill in 1..=3 {
        let next = match kill {
            1 => uploader.command(&[text(&large)]),
            _ => uploader.go_on(),
        };
        let (mut process, peak) = uploader.watch(next, before + all * kill / 4);
        assert!(process.is_running(), "it ended before it was killed: {}", process.complaints());
        process.kill().unwrap();
        peaks.push(peak);
    }
    let (mut process, peak) = uploader.watch(uploader.go_on(), usize::MAX);
    peaks.push(peak);
    let said: Value = serde_json::from_str(&process.line(LIMIT).unwrap()).unwrap();
    let found = said["recordings"].as_array().unwrap().iter().find(|it| it["title"] == "large");
    let found = found.expect("it is in the library");
    assert_eq!(found["state"]["kind"], "done", "{found}");
    let sent = uploader.proxy.count(&Route::Chunk) - before;
    let above = peaks.iter().max().unwrap().saturating_sub(idle);
    println!(
        "figures: a file of {} MB, killed three times: {} of {all} parts sent again, peak {:.1} MB above the {:.1} MB \
         of a small one",
        bytes / 1_000_000,
        sent - all,
        above as f64 / 1e6,
        idle as f64 / 1e6
    );
    assert!(sent <= all + 3, "{sent} parts were sent of {all}");
    assert!(above < ABOVE_IDLE_MAX, "{above} bytes above idle");
    let link = found["link"].as_str().unwrap();
    assert!(uploader.is_served_as(link, "original.webm", &large), "other bytes are at the server");
}

/// Returns whether a request carries a chunk, in either of the older documents.
fn is_older_chunk(asked: &Asked) -> bool {
    matches!(&asked.route, Route::Other(path) if path.ends_with("chunk"))
}

/// Uploads a file to a server of an older document by a program that is killed after three chunks. `at_once`: how many
/// chunks are on their way then.
fn killed_after_three_chunks(profile: &str, bytes: u64, at_once: usize) {
    let uploader = Uploader::start(&["--ffmpeg", "no-ffmpeg-here"]);
    let path = uploader.path("demo.webm");
    large_file(&path, bytes);
    let mut chunks = 0;
    uploader.proxy.script(move |asked| {
        chunks += usize::from(is_older_chunk(asked));
        if is_older_chunk(asked) && chunks > 3 { Turn::BlackHole } else { Turn::Pass }
    });
    let mut upload = uploader.command(&[text(&path)]);
    upload.env("SNAPLARK_PROFILE", profile);
    let mut process = Process::start(&uploader.home, "snaplark", upload).unwrap();
    wait::until("chunks without an answer", LIMIT, || {
        assert!(process.is_running(), "{profile}: {}", process.complaints());
        let asked = uploader.proxy.asked();
        Ok((asked.iter().filter(|asked| asked.faulted).count() == at_once).then_some(()))
    })
    .unwrap();
    process.kill().unwrap();
    uploader.proxy.script(|_| Turn::Pass);
    let before = uploader.proxy.asked().len();
    let mut go_on = uploader.go_on();
    go_on.env("SNAPLARK_PROFILE", profile);
    let said = finish(&mut go_on, LIMIT).unwrap();
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    let item = &said["recordings"][0];
    assert_eq!(item["state"]["kind"], "done", "{profile}: {item}");

    let asked = uploader.proxy.asked();
    let chunks = |asked: &[Asked]| -> Vec<u64> {
        asked.iter().filter(|it| is_older_chunk(it) && !it.faulted).map(|it| it.bytes).collect()
    };
    let [first, ..] = chunks(&asked)[..] else { panic!("{profile}: no chunk was sent") };
    // A chunk's request has its fields beside its bytes, and all but the last are equal.
    let all = bytes.div_ceil(first / MIB * MIB) as usize;
    assert_eq!(chunks(&asked[before..]).len(), all - 3, "{profile}: of {all}, three were there");
    let link = item["link"].as_str().unwrap();
    let (page, file) = match link.ends_with(".webm") {
        true => link.rsplit_once('/').unwrap(),
        false => (link, "original.webm"),
    };
    assert!(uploader.is_served_as(page, file, &path), "{profile}: other bytes at {link}");
}

#[test]
fn file_for_a_poster_server_goes_on_after_a_kill() {
    killed_after_three_chunks("poster", 20_000_000, 1);
}

#[test]
fn file_and_picture_are_sent_to_a_further_folder_by_the_command_line() {
    let home = Home::new().unwrap();
    let [first, second] = ["first", "second"].map(|name| home.path().join(name));
    let run = |args: &[&str]| {
        let mut snaplark = command(&home, program("snaplark").unwrap());
        let answer = finish(snaplark.args(args), LIMIT).unwrap();
        assert!(answer.status.success(), "{args:?}: {}\n{}", answer.stdout, answer.stderr);
        answer.stdout
    };
    let json = |args: &[&str]| -> Value { serde_json::from_str(&run(args)).unwrap() };
    for folder in [&first, &second] {
        std::fs::create_dir(folder).unwrap();
        run(&["login", text(folder)]);
    }
    let (video, image) = (home.path().join("a.webm"), home.path().join("b.png"));
    large_file(&video, 1_000_000);
    std::fs::write(&image, crate::pictures::png([20, 90, 20])).unwrap();
    for path in [&video, &image] {
        let said = json(&["upload", "--json", text(path)]);
        let (id, own) = (said["id"].as_str().unwrap(), said["link"].as_str().unwrap());
        assert!(Path::new(own).starts_with(&second), "the last login counts: {own}");
        let sent = json(&["send", id, "--to", text(&first), "--json"]);
        let link = sent["link"].as_str().unwrap();
        assert!(Path::new(link).starts_with(&first), "{sent}");
        assert_eq!(sent["state"]["kind"], "done", "{sent}");
        assert!(std::fs::read(link).unwrap() == std::fs::read(own).unwrap());
        assert!(run(&["show", id]).contains(&format!("sent  {}", sent["id"].as_str().unwrap())));
    }
}
