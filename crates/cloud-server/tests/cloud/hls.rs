//! The stream of H.264: its pictures and sound are those of the video at the same times, it follows a
//! recording, it is counted, and it goes with its video and with its version.
//!
//! Length: one suite, whose tests share the numbered pictures and tones.

use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snaplark_cloud::products::{Mp4Mode, StreamHeights};

use crate::film::{Film, keep, put_pieces, seen, stored};
use crate::jobs::until;
use crate::support::{Recording, Server, User, encoded, init_000};
use crate::wait;

const SIZE: (usize, usize) = (320, 180);
/// Nine seconds, so that the last piece is a rest. `SNAPLARK_STREAM_SECONDS=61` takes a longer video.
pub const SECONDS: usize = 9;
const RATE: usize = 30;
const SOUND_RATE: usize = 48_000;
/// A picture's time, and rounding.
const PICTURE_S: f64 = 0.034;
const SOUND_S: f64 = 0.040;

fn seconds() -> usize {
    let asked = std::env::var("SNAPLARK_STREAM_SECONDS").ok();
    asked.and_then(|seconds| seconds.parse().ok()).unwrap_or(SECONDS)
}

/// Pictures that all differ, and a short tone each half second.
pub fn moving() -> &'static Recording {
    static MOVING: OnceLock<Recording> = OnceLock::new();
    let tone = "if(lt(mod(t,0.5),0.05),0.7*sin(2*PI*1000*t),0)";
    MOVING.get_or_init(|| recorded("", &format!("-f lavfi -i aevalsrc='{tone}':s=48000")))
}

/// The same without sound, whose segments of one second begin with keyframes, so that it can be edited.
pub fn silent() -> &'static Recording {
    static SILENT: OnceLock<Recording> = OnceLock::new();
    SILENT.get_or_init(|| recorded("", ""))
}

/// As long as `silent`, with the same header and other pictures.
fn negative() -> &'static Recording {
    static NEGATIVE: OnceLock<Recording> = OnceLock::new();
    NEGATIVE.get_or_init(|| recorded(",negate", ""))
}

fn recorded(change: &str, sound: &str) -> Recording {
    let ((width, height), seconds) = (SIZE, seconds());
    encoded(&format!(
        "-f lavfi -i testsrc2=size={width}x{height}:rate={RATE}{change} {sound} -t {seconds} -c:v libvpx-vp9 \
         -deadline realtime -cpu-used 8 -b:v 900k -g 30 -keyint_min 30 -c:a libopus -b:a 96k"
    ))
}

/// Returns the bytes that ffmpeg writes to its output with these arguments.
fn ffmpeg(bytes: &[u8], arguments: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("video");
    std::fs::write(&file, bytes).unwrap();
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&file)
        .args(arguments.split(' '))
        .arg("pipe:1")
        .output()
        .expect("ffmpeg is installed");
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// The pixels of a small picture.
const SMALL: usize = 80 * 45;

/// The pictures of a video, in the order in which they are shown.
struct Pictures {
    times: Vec<f64>,
    gray: Vec<u8>,
}

impl Pictures {
    fn picture(&self, index: usize) -> &[u8] {
        &self.gray[index * SMALL..][..SMALL]
    }

    fn end(&self) -> f64 {
        *self.times.last().expect("a picture")
    }
}

/// The time and the gray picture of each frame, small.
fn pictures(bytes: &[u8]) -> Pictures {
    let gray = ffmpeg(bytes, "-an -vf scale=80:45 -fps_mode passthrough -f rawvideo -pix_fmt gray");
    let times = crate::support::probe(bytes, "frame=media_type,pts_time");
    let times = times.lines().filter_map(|line| line.strip_prefix("video,"));
    let times: Vec<f64> = times.map(|time| time.trim_end_matches(',').parse().unwrap()).collect();
    assert_eq!(times.len(), gray.len() / SMALL);
    assert!(times.is_sorted());
    Pictures { times, gray }
}

/// When each tone begins. Whatever else is loud is a tone, too.
fn tones(bytes: &[u8]) -> Vec<f64> {
    if !crate::support::probe(bytes, "stream=codec_type").contains("audio") {
        return Vec::new();
    }
    // Gaps in the times of sound, and where it begins, become silence.
    let samples = ffmpeg(bytes, "-vn -af aresample=48000:async=1:first_pts=0 -ac 1 -f s16le");
    let samples: Vec<i16> =
        samples.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let mut tones: Vec<usize> = Vec::new();
    let mut quiet = SOUND_RATE;
    for (at, sample) in samples.iter().enumerate() {
        if sample.unsigned_abs() > 4_000 {
            if quiet > SOUND_RATE / 50 {
                tones.push(at);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
    }
    tones.iter().map(|at| *at as f64 / SOUND_RATE as f64).collect()
}

/// Compares each picture with those of the source around its time, and each tone with the source's.
#[track_caller]
pub fn assert_same_times(source: &[u8], made: &[u8], what: &str) {
    let (shown, made_shown) = (pictures(source), pictures(made));
    let unlike = |one: &[u8], other: &[u8]| -> u64 {
        one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other))).sum()
    };
    let mut furthest: f64 = 0.0;
    for (index, time) in made_shown.times.iter().enumerate() {
        let picture = made_shown.picture(index);
        let first = shown.times.partition_point(|at| *at <= time - 0.2);
        let behind = shown.times.partition_point(|at| *at < time + 0.2);
        let nearest = (first..behind).min_by_key(|near| unlike(shown.picture(*near), picture));
        let at = shown.times[nearest.expect("a picture near")];
        furthest = furthest.max((at - time).abs());
    }
    println!("{what}: {} pictures, at most {:.1} ms off", made_shown.times.len(), furthest * 1e3);
    assert!(furthest <= PICTURE_S, "{what}: a picture is {furthest} s off");
    assert!((shown.end() - made_shown.end()).abs() <= PICTURE_S, "{what}: all of it");

    let (heard, made_heard) = (tones(source), tones(made));
    assert_eq!(heard.len(), made_heard.len(), "{what}: {heard:?} {made_heard:?}");
    let off = heard.iter().zip(&made_heard).map(|(one, other)| (one - other).abs());
    let off = off.fold(0.0, f64::max);
    println!("{what}: {} tones, at most {:.1} ms off", heard.len(), off * 1e3);
    assert!(off <= SOUND_S, "{what}: {heard:?} {made_heard:?}");
}

pub async fn upload(user: &User, parts: &[Vec<u8>]) -> (String, String) {
    let answer = user.upload(parts).await;
    let session = answer["sessionId"].as_str().unwrap().to_owned();
    (session, format!("/videos/{}", answer["videoId"].as_str().unwrap()))
}

/// The lengths and addresses of a playlist's pieces, and whether it is complete.
pub struct Playlist {
    pub header: String,
    pub pieces: Vec<(f64, String)>,
    is_whole: bool,
    text: String,
}

impl Playlist {
    fn read(text: &str) -> Playlist {
        let lines: Vec<&str> = text.lines().collect();
        let pieces = lines.windows(2).filter_map(|two| {
            let seconds = two[0].strip_prefix("#EXTINF:")?.strip_suffix(',')?;
            Some((seconds.parse().unwrap(), two[1].to_owned()))
        });
        let header = text.split_once("URI=\"").unwrap().1.split_once('"').unwrap().0;
        Playlist {
            header: header.to_owned(),
            pieces: pieces.collect(),
            is_whole: text.contains("#EXT-X-ENDLIST"),
            text: text.to_owned(),
        }
    }

    /// Asks for it until it has a piece.
    pub async fn of(user: &User, path: &str) -> Playlist {
        wait::until("a playlist", async || {
            let (status, headers, text) = seen(user, &format!("{path}/hls/720.m3u8"), &[]).await;
            assert!([200, 202].contains(&status), "{status}: {}", String::from_utf8_lossy(&text));
            (status == 200).then(|| {
                assert_eq!(headers["content-type"], "application/vnd.apple.mpegurl");
                Playlist::read(std::str::from_utf8(&text).unwrap())
            })
        })
        .await
    }

    pub async fn whole(user: &User, path: &str) -> Playlist {
        wait::until("a complete playlist", async || {
            Some(Playlist::of(user, path).await).filter(|it| it.is_whole)
        })
        .await
    }

    /// Everything that a player loads, one after the other.
    pub async fn bytes(&self, user: &User, path: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in [&self.header].into_iter().chain(self.pieces.iter().map(|(_, name)| name)) {
            let (status, headers, piece) = seen(user, &format!("{path}/hls/{name}"), &[]).await;
            assert_eq!((status, &headers["content-type"]), (200, &"video/mp4".parse().unwrap()));
            assert!(headers.contains_key("etag"), "{name}");
            bytes.extend(piece);
        }
        bytes
    }
}

#[tokio::test]
async fn stream_shows_and_sounds_as_the_video_does_at_every_time_and_becomes_an_mp4() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user, &moving().stream()).await;
    let source = user.bytes(&format!("{path}/video.webm")).await;
    assert!(
        user.get(&format!("/videos/{session}")).await.ok()["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|job| job["product"] != "720.hls"),
        "nobody has needed it yet"
    );
    let playlist = Playlist::whole(&user, &path).await;
    assert_eq!(playlist.pieces.len(), seconds().div_ceil(2), "{}", playlist.text);
    let (last, pieces) = playlist.pieces.split_last().unwrap();
    assert!(pieces.iter().all(|(seconds, _)| *seconds == 2.0), "{}", playlist.text);
    assert!((last.0 - 1.0).abs() < 0.1, "{}", playlist.text);
    let stream = playlist.bytes(&user, &path).await;
    assert_same_times(&source, &stream, "HLS");
    // From any piece on, as after a seek.
    let header = user.bytes(&format!("{path}/hls/{}", playlist.header)).await;
    let second = user.bytes(&format!("{path}/hls/{}", playlist.pieces[2].1)).await;
    let times = crate::support::probe(&[header, second].concat(), "packet=codec_type,pts_time");
    let first = times.lines().find_map(|line| line.strip_prefix("video,")).unwrap();
    let first: f64 = first.trim_end_matches(',').parse().unwrap();
    assert!((first - 4.0).abs() < 0.001, "a piece begins at its time: {times}");

    // The download: the same packets, and its index first.
    let url = format!("{path}/made/720.mp4");
    assert_eq!(seen(&user, &url, &[]).await.0, 202);
    until(&user, &session, "720.mp4", |job| job["state"] == "done").await;
    let mp4 = user.bytes(&url).await;
    let packets = |bytes: &[u8]| ffmpeg(bytes, "-map 0:v -c copy -f h264 -bsf:v h264_mp4toannexb");
    assert!(packets(&stream) == packets(&mp4), "nothing is encoded again");
    let at = |name: &[u8]| mp4.windows(4).position(|it| it == name).unwrap();
    assert!(at(b"moov") < at(b"mdat"), "fast start");
    assert_same_times(&source, &mp4, "MP4");

    // What programs are told of it.
    let page = String::from_utf8(user.bytes(&path).await).unwrap();
    let og = format!("<meta property=\"og:video\" content=\"{}{url}\">", server.url());
    assert!(page.contains(&og) && page.contains("og:video:type\" content=\"video/mp4"), "{page}");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.no_proxy().build().unwrap();
    for (accept, leads_to) in [
        ("video/mp4", format!("{path}/made/720.mp4")),
        ("video/webm,*/*;q=0.1", format!("{path}/video.webm")),
    ] {
        let asked = client.get(format!("{}{path}", server.url())).header("accept", accept);
        let answer = asked.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (303, &leads_to.parse().unwrap())
        );
    }
    let asked = client.get(format!("{}{path}", server.url()));
    let asked = asked.header("accept", "text/html,video/mp4").send().await.unwrap();
    assert_eq!(asked.status().as_u16(), 200);

    // Without downloads nobody but its owner gets the file, and the stream still plays.
    let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
    let patch = patch.bearer_auth(&user.token).json(&json!({"downloads": false}));
    assert_eq!(patch.send().await.unwrap().status().as_u16(), 200);
    assert_eq!(seen(&user, &url, &[]).await.0, 403);
    let page = String::from_utf8(user.bytes(&path).await).unwrap();
    assert!(!page.contains(".mp4") && page.contains("hls/720.m3u8"), "{page}");
    let asked = client.get(format!("{}{path}", server.url())).header("accept", "video/mp4");
    let leads_to = asked.send().await.unwrap().headers()["location"].clone();
    assert_eq!(leads_to, format!("{path}/video.webm"));
    Playlist::of(&user, &path).await;
}

#[tokio::test]
async fn stream_follows_a_recording_and_is_complete_when_it_ends() {
    let server = Server::with(live).await;
    let user = server.user("a@example.com").await;
    // Whole clusters, and the same cut anywhere.
    let cut: Vec<Vec<u8>> = moving().whole().chunks(70_001).map(<[u8]>::to_vec).collect();
    for (what, parts) in [("clusters", moving().stream()), ("cut anywhere", cut)] {
        let session = user.init().await;
        let half = parts.len() / 2 + 1;
        for (index, part) in parts.iter().enumerate().take(half) {
            user.chunk(&session, index, part).await.ok();
        }
        let status = user.get(&format!("/videos/{session}")).await.ok();
        let link = status["videoUrl"].as_str().unwrap();
        let path = link.strip_prefix(&server.url()).unwrap();
        let growing = Playlist::of(&user, path).await;
        assert!(!growing.is_whole, "{what}: {}", growing.text);
        assert!(!growing.text.contains("EXT-X-START"), "{what}: a viewer joins near its end");
        let early = growing.bytes(&user, path).await;
        for (index, part) in parts.iter().enumerate().skip(half) {
            user.chunk(&session, index, part).await.ok();
        }
        user.finalize(&session, parts.len()).await.ok();
        let stopped = Instant::now();
        let playlist = Playlist::whole(&user, path).await;
        println!("{what}: complete {:.1} s after the end", stopped.elapsed().as_secs_f64());
        let stream = playlist.bytes(&user, path).await;
        assert!(stream.starts_with(&early), "{what}: what a viewer has loaded stays");
        assert_same_times(&moving().whole(), &stream, what);
    }
}

#[tokio::test]
async fn stream_lists_the_sound_after_the_last_picture() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let sound = recorded(":duration=5", "-f lavfi -i sine=f=1000:sample_rate=48000");
    let (_, path) = upload(&user, &sound.stream()).await;
    let playlist = Playlist::whole(&user, &path).await;
    let length: f64 = playlist.pieces.iter().map(|(seconds, _)| seconds).sum();
    assert!((length - seconds() as f64).abs() < 0.1, "{}", playlist.text);
    let target = playlist.text.split_once("TARGETDURATION:").unwrap().1;
    let target: f64 = target.lines().next().unwrap().parse().unwrap();
    let rounded = playlist.pieces.iter().map(|(seconds, _)| seconds.round());
    assert!(rounded.into_iter().all(|seconds| seconds <= target), "{}", playlist.text);
}

fn live(options: &mut snaplark_cloud_server::ServerOptions) {
    options.cloud.ffmpeg = "ffmpeg".into();
    options.cloud.mp4 = Mp4Mode::Live;
}

/// Sends the first parts of a recording, and returns its session, its path, and the bytes of the first
/// piece of its stream once that has `pieces`.
async fn followed(
    server: &Server,
    user: &User,
    parts: &[Vec<u8>],
    pieces: usize,
) -> (String, String, Vec<u8>) {
    let session = user.init().await;
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let link = status["videoUrl"].as_str().unwrap();
    let path = link.strip_prefix(&server.url()).unwrap().to_owned();
    let growing = wait::until("the pieces so far", async || {
        Some(Playlist::of(user, &path).await).filter(|it| it.pieces.len() >= pieces)
    })
    .await;
    let piece = user.bytes(&format!("{path}/hls/{}", growing.pieces[pieces - 1].1)).await;
    (session, path, piece)
}

async fn until_nothing_holds(server: &Server, piece: &[u8]) {
    let end = &piece[piece.len() - 4_000..];
    wait::until_true("the old pictures to be gone", async || {
        let kept = server.backend.contents();
        !kept.windows(end.len()).any(|it| it == end)
    })
    .await;
}

#[tokio::test]
async fn stream_of_a_part_that_is_replaced_meanwhile_begins_anew_with_the_new_pictures() {
    let server = Server::with(live).await;
    let user = server.user("a@example.com").await;
    let (parts, other) = (silent().stream(), negative().stream());
    let (session, path, old) = followed(&server, &user, &parts[..7], 1).await;
    // The same bytes again change nothing.
    let before = stored(&user).await;
    user.chunk(&session, 1, &parts[1]).await.ok();
    assert!(stored(&user).await >= before, "no piece is given up");

    user.chunk(&session, 1, &other[1]).await.ok();
    let again = Playlist::of(&user, &path).await;
    let first = user.bytes(&format!("{path}/hls/{}", again.pieces[0].1)).await;
    assert!(first != old, "the first piece shows the new pictures");
    until_nothing_holds(&server, &old).await;
    for (index, part) in parts.iter().enumerate().skip(7) {
        user.chunk(&session, index, part).await.ok();
    }
    user.finalize(&session, parts.len()).await.ok();
    let whole = Playlist::whole(&user, &path).await.bytes(&user, &path).await;
    let source = user.bytes(&format!("{path}/video.webm")).await;
    assert_same_times(&source, &whole, "HLS with a part that was replaced");
    until_nothing_holds(&server, &old).await;

    user.delete(&format!("/videos/{session}")).await.ok();
    wait::until_true("nothing to be kept", async || server.objects() == 0).await;
    assert_eq!(stored(&user).await, 0);
}

#[tokio::test]
async fn stream_that_showed_parts_behind_the_end_is_made_without_them() {
    let server = Server::with(live).await;
    let user = server.user("a@example.com").await;
    let parts = silent().stream();
    let (session, path, old) = followed(&server, &user, &parts[..8], 3).await;
    user.finalize(&session, 5).await.ok();
    let playlist = Playlist::whole(&user, &path).await;
    assert_eq!(playlist.pieces.len(), 3, "{}", playlist.text);
    let whole = playlist.bytes(&user, &path).await;
    let source = user.bytes(&format!("{path}/video.webm")).await;
    assert_same_times(&source, &whole, "HLS without the parts behind the end");
    until_nothing_holds(&server, &old).await;
}

#[tokio::test]
async fn stream_is_counted_and_goes_with_its_video() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user, &moving().stream()).await;
    for product in ["thumbnail.jpg", "preview.webp"] {
        until(&user, &session, product, |job| job["state"] == "done").await;
    }
    let (before, objects) = (stored(&user).await, server.objects());
    let playlist = Playlist::whole(&user, &path).await;
    let bytes = playlist.bytes(&user, &path).await.len() as u64;
    let rows = playlist.pieces.len() as u64 + 2;
    let more = stored(&user).await - before - bytes - rows * 512;
    assert!(more < 100, "the facts of the stream: {more}");
    assert_eq!(server.objects() as u64, objects as u64 + rows);

    // One piece rots: it is noticed, and made again.
    server.backend.rot("720.hls.000001");
    let damages = snaplark_cloud::scrub(server.backend.place()).await.unwrap().damages;
    assert_eq!(damages.len(), 1, "{damages:?}");
    let again = Playlist::whole(&user, &path).await;
    assert_eq!(again.text, playlist.text);
    assert_eq!(again.bytes(&user, &path).await.len() as u64, bytes);
    assert!(snaplark_cloud::scrub(server.backend.place()).await.unwrap().damages.is_empty());
    assert_eq!(stored(&user).await, before + bytes + rows * 512 + more);

    // A program that takes no page gets what is there.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.no_proxy().build().unwrap();
    let page = async || {
        let asked = client.get(format!("{}{path}", server.url())).header("accept", "video/mp4");
        asked.send().await.unwrap()
    };
    let no_mp4 = page().await;
    assert_eq!(no_mp4.headers()["location"], format!("{path}/video.webm"));

    // It is as private as the video.
    user.lock(&session, "open sesame").await;
    assert_eq!(page().await.status().as_u16(), 403);
    for name in ["720.m3u8", "720.init.mp4", "720.0.m4s"] {
        assert_eq!(seen(&user, &format!("{path}/hls/{name}"), &[]).await.0, 403, "{name}");
    }
    user.delete(&format!("/videos/{session}")).await.ok();
    wait::until_true("nothing to be kept", async || server.objects() == 0).await;
    assert_eq!(stored(&user).await, 0);
}

#[tokio::test]
async fn stream_and_mp4_of_an_edited_video_show_the_new_version_alone() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let film = Film { parts: silent().stream(), ..Film::new(41) };
    film.publish_whole(&user).await;
    let path = film.path();
    let old = Playlist::whole(&user, &path).await;
    assert!(old.pieces.iter().all(|(_, name)| name.contains("?v=1&g=")), "{}", old.text);
    let old_bytes = old.bytes(&user, &path).await;

    // The first four seconds are cut.
    let session = film.session(&user, 2).await;
    let parts = film.parts.iter().enumerate().skip(4);
    let pieces: Vec<Value> =
        parts.map(|(index, part)| keep(part, index, 0..part.len(), -4_000)).collect();
    let count = pieces.len();
    let body = json!({"fromVersion": 1, "pieces": pieces});
    put_pieces(&user, &session, &body).await.ok();
    user.finalize(&session, count).await.ok();
    for name in ["720.m3u8?v=1", old.pieces[0].1.as_str(), old.header.as_str()] {
        assert_eq!(seen(&user, &format!("{path}/hls/{name}"), &[]).await.0, 410, "{name}");
    }
    let new = Playlist::whole(&user, &path).await;
    assert_eq!(new.pieces.len(), (seconds() - 4).div_ceil(2), "{}", new.text);
    assert!(new.pieces.iter().all(|(_, name)| name.contains("?v=2&g=")), "{}", new.text);
    let source = user.bytes(&film.video()).await;
    assert_same_times(&source, &new.bytes(&user, &path).await, "HLS of the second version");
    seen(&user, &format!("{path}/made/480.mp4"), &[]).await;
    until(&user, &session, "480.mp4", |job| job["state"] == "done").await;
    let mp4 = user.bytes(&format!("{path}/made/480.mp4")).await;
    assert_same_times(&source, &mp4, "MP4 of the second version");
    wait::until_true("the first version's stream to be gone", async || {
        let kept = server.backend.contents();
        let begins = &old_bytes[old_bytes.len() - 4_000..];
        !kept.windows(begins.len()).any(|it| it == begins)
    })
    .await;

    // An expired link shows neither.
    let change = json!({"expiresUnixMs": 1_800_000_060_000_u64});
    let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
    let patch = patch.bearer_auth(&user.token).json(&change).send().await.unwrap();
    assert_eq!(patch.status().as_u16(), 200);
    server.pass_ms(61_000);
    for name in ["hls/720.m3u8", "hls/720.0.m4s", "made/480.mp4", "video.webm"] {
        let status = seen(&user, &format!("{path}/{name}"), &[]).await.0;
        assert!([403, 410].contains(&status), "{name}: {status}");
    }
}

#[tokio::test]
async fn playlist_of_a_recording_that_cannot_be_followed_is_refused_at_once() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let encoding = "-t 2 -c:v libx264 -preset ultrafast -movflags frag_keyframe+empty_moov -f mp4";
    let mp4 = ffmpeg(&silent().whole(), encoding);
    let session = user.init().await;
    user.chunk(&session, 0, &mp4).await.ok();
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let link = status["videoUrl"].as_str().unwrap();
    let path = format!("{}/hls/720.m3u8", link.strip_prefix(&server.url()).unwrap());
    // More often than a visitor may ask for a stream.
    for _ in 0..12 {
        assert_eq!(seen(&user, &path, &[]).await.0, 404);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn visitors_start_a_few_streams_and_none_where_the_operator_wants_none() {
    // Nothing is made: what is asked for only waits.
    let folder = tempfile::tempdir().unwrap();
    let line = "case \"$*\" in *frag_keyframe*) exec sleep 600;; esac\nexec ffmpeg \"$@\"";
    let program = crate::jobs::in_ffmpegs_place(folder.path(), line);
    let server = Server::with(|options| options.cloud.ffmpeg = program).await;
    let user = server.user("a@example.com").await;
    let mut asked = Vec::new();
    for _ in 0..12 {
        let (_, path) = upload(&user, &moving().stream()[..1]).await;
        let user = user.clone();
        asked.push(async move { seen(&user, &format!("{path}/hls/720.m3u8"), &[]).await.0 });
    }
    let begun = Instant::now();
    let mut statuses = futures_util::future::join_all(asked).await;
    assert!(begun.elapsed() < Duration::from_secs(40), "nobody waits for ever");
    statuses.sort_unstable();
    assert_eq!(statuses, [[202; 10].as_slice(), &[429; 2]].concat());

    let server = Server::with(|options| {
        options.cloud.ffmpeg = "ffmpeg".into();
        options.cloud.mp4 = Mp4Mode::Never;
    })
    .await;
    let user = server.user("a@example.com").await;
    let (_, path) = upload(&user, &moving().stream()).await;
    for name in ["hls/720.m3u8", "made/720.mp4"] {
        assert_eq!(seen(&user, &format!("{path}/{name}"), &[]).await.0, 503, "{name}");
    }
    let page = String::from_utf8(user.bytes(&path).await).unwrap();
    assert!(!page.contains("data-hls") && !page.contains(".mp4"), "{page}");
}

#[tokio::test]
async fn players_choose_among_the_heights_that_the_operator_offers() {
    let server = Server::with(|options| {
        options.cloud.ffmpeg = "ffmpeg".into();
        options.cloud.heights = StreamHeights::named("1080,480").unwrap();
    })
    .await;
    let user = server.user("a@example.com").await;
    let film = encoded(
        "-f lavfi -i testsrc2=size=1000x600:rate=10 -t 3 -c:v libvpx-vp9 -deadline realtime \
         -cpu-used 8 -b:v 300k -g 20",
    );
    let mut init = init_000();
    init["resolution"] = json!({"width": 1_000, "height": 600});
    let opened = user.post("/videos/init", &init).await.ok();
    let session = opened["sessionId"].as_str().unwrap();
    let parts = film.stream();
    for (index, part) in parts.iter().enumerate() {
        user.chunk(session, index, part).await.ok();
    }
    let answer = user.finalize(session, parts.len()).await.ok();
    let path = format!("/videos/{}", answer["videoId"].as_str().unwrap());
    let list = String::from_utf8(user.bytes(&format!("{path}/hls/all.m3u8")).await).unwrap();
    // 600 lines aren't 1080, so that 720 has all of them.
    let named: Vec<_> = list.lines().filter(|line| !line.starts_with("#EXTM3U")).collect();
    assert_eq!(named.iter().filter(|line| line.contains("RESOLUTION=")).count(), 2, "{list}");
    assert!(list.contains("RESOLUTION=1000x600,") && list.contains("\n720.m3u8?v=1\n"), "{list}");
    assert!(list.contains("RESOLUTION=800x480,") && list.contains("\n480.m3u8?v=1\n"), "{list}");
    let page = String::from_utf8(user.bytes(&path).await).unwrap();
    assert!(page.contains("data-hls=\"all\"") && page.contains("/hls/all.m3u8?v=1"), "{page}");
    for (lines, size) in [(480, "800,480"), (720, "1000,600")] {
        let playlist = wait::until("the stream", async || {
            let text = user.bytes(&format!("{path}/hls/{lines}.m3u8?v=1")).await;
            let text = String::from_utf8(text).unwrap();
            text.contains("ENDLIST").then_some(text)
        })
        .await;
        let mut bytes = Vec::new();
        let header = playlist.split_once("URI=\"").unwrap().1.split_once('"').unwrap().0;
        let pieces = playlist.lines().filter(|line| !line.starts_with('#'));
        for name in [header].into_iter().chain(pieces) {
            bytes.extend(user.bytes(&format!("{path}/hls/{name}")).await);
        }
        let seen = crate::support::probe(&bytes, "stream=width,height");
        assert!(seen.contains(size), "{seen}");
    }
}

#[tokio::test]
async fn pieces_of_another_making_are_not_served_under_this_ones_address() {
    let server = Server::with(|options| {
        options.cloud.ffmpeg = "ffmpeg".into();
        options.cloud.cache_max = Duration::from_secs(3_600);
    })
    .await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user, &silent().stream()).await;
    let playlist = Playlist::whole(&user, &path).await;
    let piece = format!("{path}/hls/{}", playlist.pieces[0].1);
    let keeps = async |address: &str| {
        let answer = reqwest::get(format!("{}{address}", server.url())).await.unwrap();
        let keep = answer.headers().get("cache-control").cloned();
        (answer.status().as_u16(), keep.map(|it| it.to_str().unwrap().to_owned()))
    };
    let immutable = Some("public, max-age=3600, immutable".to_owned());
    let asked_again = Some("public, no-cache".to_owned());
    assert!(piece.contains("&g="), "{piece}");
    assert_eq!(keeps(&piece).await, (200, immutable.clone()));
    let (plain, _) = piece.split_once("&g=").unwrap();
    assert_eq!(keeps(plain).await, (200, asked_again.clone()));
    assert_eq!(keeps(&format!("{plain}&g=00000000")).await.0, 404);

    // Addresses that name the version are kept, the others are asked for again; what is private, never.
    until(&user, &session, "thumbnail.jpg", |job| job["state"] == "done").await;
    let versioned = ["/video.webm?v=1", "/made/thumbnail.jpg?v=1"];
    for name in versioned {
        assert_eq!(keeps(&format!("{path}{name}")).await, (200, immutable.clone()), "{name}");
    }
    for name in ["/video.webm", "/original.webm", "/made/thumbnail.jpg", "/hls/720.m3u8?v=1"] {
        assert_eq!(keeps(&format!("{path}{name}")).await, (200, asked_again.clone()), "{name}");
    }
    assert_eq!(keeps(&format!("{path}/made/thumbnail.jpg?v=2")).await.0, 404);
    // Whoever caches may keep it while it is open. It ends, so it is not open.
    let ends = json!({"expiresUnixMs": 1_900_000_000_000_u64});
    let url = format!("{}/api/v1/videos/{session}", server.url());
    let change = user.http.patch(url).bearer_auth(&user.token).json(&ends);
    assert!(change.send().await.unwrap().status().is_success());
    for name in versioned {
        let (status, keep) = keeps(&format!("{path}{name}")).await;
        assert_eq!((status, keep.as_deref()), (200, Some("private, no-cache")), "{name}");
    }
}
