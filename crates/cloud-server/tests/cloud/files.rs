//! Files that exist already (`fileBytes` in init): cut anywhere, of any type, and refused at once if they are too large.

use serde_json::json;
use snaplark_cloud::Limits;

use crate::hls::Playlist;
use crate::support::{Server, User, init_000, probe, synthetic};

const PART_BYTES: usize = 20_000;

/// Sends a file in parts and returns the path of its page.
async fn uploaded(user: &User, file: &[u8]) -> String {
    let mut body = init_000();
    body["fileBytes"] = json!(file.len());
    body["title"] = json!("A demo");
    body["description"] = json!("What it shows");
    let session = user.post("/videos/init", &body).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap();
    let parts: Vec<&[u8]> = file.chunks(PART_BYTES).collect();
    // The type shows at the end: the first part may come last.
    for (index, part) in parts.iter().enumerate().rev() {
        user.chunk(session, index, part).await.ok();
    }
    let video = user.finalize(session, parts.len()).await.ok()["videoId"].clone();
    let shown = user.get(&format!("/videos/{session}")).await.ok();
    assert_eq!(shown["title"], "A demo", "{shown}");
    format!("/videos/{}", video.as_str().unwrap())
}

#[tokio::test]
async fn file_is_joined_byte_for_byte_although_a_part_begins_like_another_type() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut file = synthetic(3, 300).whole();
    file.resize(file.len().next_multiple_of(PART_BYTES) + PART_BYTES, 0);
    for begins in [b"MZ".as_slice(), b"\x89PNG\r\n\x1a\n", b"<!doctype html><title>x</title>"] {
        let at = PART_BYTES;
        let mut other = file.clone();
        other[at..at + begins.len()].copy_from_slice(begins);
        let page = uploaded(&user, &other).await;
        assert!(user.bytes(&format!("{page}/original.webm")).await == other, "{begins:?}");
    }
}

#[tokio::test]
async fn file_above_a_limit_is_refused_before_the_first_part() {
    let limits =
        Limits { video_bytes: Some(5_000), storage_bytes: Some(9_000), ..Limits::default() };
    let server = Server::with(|options| options.cloud.limits = limits).await;
    let user = server.user("a@example.com").await;
    let ask = |bytes: i64| {
        let mut body = init_000();
        body["fileBytes"] = json!(bytes);
        body
    };
    let refused = user.post("/videos/init", &ask(5_001)).await.refused(413);
    assert!(refused["message"].as_str().unwrap().contains("up to"), "{refused}");
    for wrong in [0, -1] {
        let refused = user.post("/videos/init", &ask(wrong)).await.refused(400);
        assert!(refused["errors"]["fileBytes"].is_array(), "{refused}");
    }
    user.post("/videos/init", &ask(4_000)).await.ok();
    // The first one's row takes 4 kB of the 9 kB.
    user.post("/videos/init", &ask(5_000)).await.refused(507);
}

#[tokio::test]
async fn picture_is_no_video_file() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut body = init_000();
    body["fileBytes"] = json!(600);
    let session = user.post("/videos/init", &body).await.ok()["sessionId"].clone();
    let png = [b"\x89PNG\r\n\x1A\n".as_slice(), &[0; 592]].concat();
    user.chunk(session.as_str().unwrap(), 0, &png).await.refused(415);
}

/// Has ffmpeg make a video of two seconds, 320 by 180.
fn video(input: &str, options: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("video");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error"]).args(input.split_whitespace());
    ffmpeg.args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=2"]);
    ffmpeg.args(options.split_whitespace()).arg(&file);
    let made = ffmpeg.output().unwrap();
    assert!(made.status.success(), "{options}: {}", String::from_utf8_lossy(&made.stderr));
    std::fs::read(file).unwrap()
}

/// Turns a video as a phone does: by a matrix in its header alone.
fn turned(file: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.mp4"), folder.path().join("to.mov"));
    std::fs::write(&from, file).unwrap();
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(from);
    ffmpeg.args(["-c", "copy", "-metadata:s:v:0", "rotate=90"]).arg(&to);
    assert!(ffmpeg.status().unwrap().success());
    std::fs::read(to).unwrap()
}

#[tokio::test]
async fn every_kind_of_file_becomes_what_browsers_play_and_stays_itself() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let hevc =
        "-pix_fmt yuv420p -c:v libx265 -x265-params log-level=none -preset ultrafast -tag:v hvc1";
    let hdr = "-pix_fmt yuv420p10le -c:v libx265 -x265-params log-level=none -preset ultrafast \
               -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -f matroska";
    let tone =
        "-f lavfi -i sine=frequency=440:duration=2 -f lavfi -i sine=frequency=880:duration=2";
    let files = [
        ("HEVC of a phone, turned", turned(&video("", &format!("{hevc} -f mp4"))), "180,320"),
        ("HDR with ten bits", video("", hdr), "320,180"),
        ("ProRes", video("", "-c:v prores_ks -profile:v 0 -f mov"), "320,180"),
        (
            "several tracks of sound",
            video(tone, "-map 2:v -map 0:a -map 1:a -pix_fmt yuv420p -c:v libx264 -c:a aac -f mp4"),
            "320,180",
        ),
        (
            "a varying frame rate",
            video(
                "",
                "-vf select='not(mod(n\\,7))+lt(n\\,9)' -fps_mode vfr -pix_fmt yuv420p -c:v libx264 -f matroska",
            ),
            "320,180",
        ),
        ("MPEG-4 of an old camera", video("", "-c:v mpeg4 -f mov"), "320,180"),
    ];
    for (what, file, size) in files {
        let page = uploaded(&user, &file).await;
        assert!(user.bytes(&format!("{page}/original.webm")).await == file, "{what}: other bytes");
        let stream = Playlist::whole(&user, &page).await.bytes(&user, &page).await;
        let shown = probe(&stream, "stream=codec_name,width,height");
        let shown = shown.lines().next().unwrap_or_default();
        assert_eq!(shown, format!("h264,{size}"), "{what}");
    }
}
