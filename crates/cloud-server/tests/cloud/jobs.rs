//! Tests of the products of uploaded videos: with ffmpeg, without it, and with one that fails.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, User, decode, probe, real};
use crate::wait;

const MADE_MAX: Duration = Duration::from_secs(60);

async fn upload(user: &User) -> (String, String) {
    let session = user.init().await;
    for (index, part) in real().stream().iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let answer = user.finalize(&session, real().segments.len()).await.ok();
    (session, format!("/videos/{}", answer["videoId"].as_str().unwrap()))
}

/// The job's row, when it says what is waited for.
pub async fn until(
    user: &User,
    session: &str,
    product: &str,
    is: impl Fn(&Value) -> bool,
) -> Value {
    wait::until(product, async || {
        let status = user.get(&format!("/videos/{session}")).await.ok();
        let jobs = status["jobs"].as_array().unwrap();
        jobs.iter().find(|job| job["product"] == product && is(job)).cloned()
    })
    .await
}

#[tokio::test]
async fn a_picture_by_itself_and_an_mp4_when_it_is_asked_for() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user).await;
    until(&user, &session, "thumbnail.jpg", |job| job["state"] == "done").await;
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let picture = format!("{path}/made/thumbnail.jpg");
    assert_eq!(status["thumbnailUrl"], format!("{}{picture}", server.url()));
    let bytes = user.bytes(&picture).await;
    assert!(bytes.starts_with(b"\xFF\xD8\xFF"), "a JPEG");
    assert_eq!(probe(&bytes, "stream=width,height"), "320,180");
    let page = user.http.get(format!("{}{path}", server.url())).send().await.unwrap();
    let html = page.text().await.unwrap();
    assert!(html.contains("og:image") && html.contains("poster="));

    let url = format!("{}{path}/made/480.mp4", server.url());
    let first = user.http.get(&url).send().await.unwrap();
    assert_eq!(first.status().as_u16(), 202);
    assert!(first.headers().contains_key("retry-after"));
    until(&user, &session, "480.mp4", |job| job["state"] == "done").await;
    let response = user.http.get(&url).header("Range", "bytes=4-7").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 206);
    assert_eq!(response.headers()["content-type"], "video/mp4");
    assert_eq!(response.bytes().await.unwrap().as_ref(), b"ftyp");
    let mp4 = user.bytes(&format!("{path}/made/480.mp4")).await;
    decode(&mp4);
    let found = probe(&mp4, "stream=codec_name,height");
    assert!(found.contains("h264,180") && found.contains("aac"), "{found}");

    // What was made is as private as the video, and goes with it.
    let change = json!({"visibility": "members"});
    let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
    patch.bearer_auth(&user.token).json(&change).send().await.unwrap();
    assert_eq!(user.http.get(&url).send().await.unwrap().status().as_u16(), 403);
    user.delete(&format!("/videos/{session}")).await.ok();
    wait::until_true("no object to be left", async || server.objects() == 0).await;
}

#[tokio::test]
async fn without_ffmpeg_videos_work_and_it_is_said() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user).await;
    decode(&user.bytes(&format!("{path}/video.webm")).await);
    let job = until(&user, &session, "thumbnail.jpg", |_| true).await;
    assert_eq!((&job["state"], &job["attempts"]), (&json!("waiting"), &json!(0)));
    for (name, status) in
        [("thumbnail.jpg", 404), ("720.mp4", 503), ("8k.mp4", 404), ("..%2fx", 404)]
    {
        let url = format!("{}{path}/made/{name}", server.url());
        assert_eq!(user.http.get(url).send().await.unwrap().status().as_u16(), status, "{name}");
    }
}

/// A program that stands for ffmpeg: it says its version, and otherwise does what `line` says. In its sandbox
/// it starts no other program: it becomes one by `exec`.
#[cfg(unix)]
pub fn in_ffmpegs_place(folder: &std::path::Path, line: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("ffmpeg");
    let script = format!("#!/bin/sh\n[ \"$1\" = -version ] && exit 0\n{line}\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// A line for it that becomes ffmpeg as soon as there is a file `go` in the folder, or no folder any more.
#[cfg(unix)]
pub fn ffmpeg_after_go(folder: &std::path::Path) -> String {
    let at = folder.display();
    format!(
        "exec perl -e 'select undef, undef, undef, 0.05 while -d \"{at}\" && !-e \"{at}/go\"; \
         exec \"ffmpeg\", @ARGV' -- \"$@\""
    )
}

#[cfg(unix)]
#[tokio::test]
async fn video_that_ffmpeg_refuses_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let program = in_ffmpegs_place(folder.path(), "echo 'out of luck' >&2; exit 1");
    let server = Server::with(|options| options.cloud.ffmpeg = program.clone()).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user).await;
    let job = until(&user, &session, "thumbnail.jpg", |job| job["state"] == "failed").await;
    assert_eq!(job["attempts"], 1);
    assert!(job["error"].as_str().unwrap().contains("out of luck"), "{job}");
    decode(&user.bytes(&format!("{path}/video.webm")).await);
}

#[cfg(unix)]
#[tokio::test]
async fn ffmpeg_that_was_killed_is_tried_once_more() {
    let folder = tempfile::tempdir().unwrap();
    // In its sandbox it can't send itself a signal: the kernel does, by a limit that it sets itself.
    let program = in_ffmpegs_place(folder.path(), "ulimit -t 0; ulimit -Ht 0; while :; do :; done");
    let server = Server::with(|options| options.cloud.ffmpeg = program.clone()).await;
    let user = server.user("a@example.com").await;
    let (session, _) = upload(&user).await;
    let is_waiting = |job: &Value| job["attempts"] == 1 && job["error"].is_string();
    until(&user, &session, "thumbnail.jpg", is_waiting).await;
    server.pass_ms(101_000);
    let job = until(&user, &session, "thumbnail.jpg", |job| job["state"] == "failed").await;
    assert_eq!(job["attempts"], 2, "{job}");
    assert!(job["error"].as_str().unwrap().contains("killed"), "{job}");
}

#[cfg(unix)]
#[tokio::test]
async fn picture_is_made_while_anothers_mp4_is_and_users_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    // MP4s take until a word is said; pictures are made as ever.
    let line = format!(
        "case \"$*\" in *.mp4) {};; esac\nexec ffmpeg \"$@\"",
        ffmpeg_after_go(folder.path())
    );
    let program = in_ffmpegs_place(folder.path(), &line);
    let server = Server::with(|options| options.cloud.ffmpeg = program.clone()).await;
    let greedy = server.user("greedy@example.com").await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let (session, path) = upload(&greedy).await;
        let url = format!("{}{path}/made/480.mp4", server.url());
        let request = greedy.http.get(&url).bearer_auth(&greedy.token);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 202);
        sessions.push(session);
    }
    let is_running = |job: &Value| job["state"] == "running";
    let mut running = 0;
    let begun = Instant::now();
    while running == 0 {
        assert!(begun.elapsed() < MADE_MAX);
        for session in &sessions {
            let status = greedy.get(&format!("/videos/{session}")).await.ok();
            let jobs = status["jobs"].as_array().unwrap();
            running +=
                jobs.iter().filter(|job| job["product"] == "480.mp4" && is_running(job)).count();
        }
    }
    let modest = server.user("modest@example.com").await;
    let (session, path) = upload(&modest).await;
    until(&modest, &session, "thumbnail.jpg", |job| job["state"] == "done").await;
    let url = format!("{}{path}/made/480.mp4", server.url());
    modest.http.get(&url).send().await.unwrap();
    until(&modest, &session, "480.mp4", is_running).await;
    let mut running = 0;
    for session in &sessions {
        let status = greedy.get(&format!("/videos/{session}")).await.ok();
        let jobs = status["jobs"].as_array().unwrap();
        running += jobs.iter().filter(|job| job["product"] == "480.mp4" && is_running(job)).count();
    }
    assert_eq!(running, 1, "one MP4 of a user at a time");
    std::fs::write(folder.path().join("go"), "").unwrap();
    until(&modest, &session, "480.mp4", |job| job["state"] == "done").await;
}

#[tokio::test]
async fn visitor_starts_a_few_mp4s_and_the_owner_as_many_as_they_like() {
    // Nothing is made: what is asked for only waits.
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let mut answers = Vec::new();
    let mut last = String::new();
    for _ in 0..12 {
        let (_, path) = upload(&user).await;
        last = format!("{}{path}/made/480.mp4", server.url());
        answers.push(user.http.get(&last).send().await.unwrap());
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert!(statuses[..10].iter().all(|status| *status == 202), "{statuses:?}");
    assert_eq!(statuses[11], 429, "{statuses:?}");
    assert!(answers[11].headers().contains_key("retry-after"));
    let own = user.http.get(&last).bearer_auth(&user.token).send().await.unwrap();
    assert_eq!(own.status().as_u16(), 202);
}

/// Returns an attacker's file, made by ffmpeg itself.
fn made(folder: &std::path::Path, name: &str, arguments: &str) -> Vec<u8> {
    let out = folder.join(name);
    let done = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi"])
        .args(arguments.split(' '))
        .arg(&out)
        .status();
    assert!(done.unwrap().success(), "{name}");
    std::fs::read(out).unwrap()
}

/// Sends a file, and says how each of these ended and how long all of it took.
async fn ends(user: &User, whole: &[u8], products: &[&str]) -> (Vec<Value>, Duration) {
    ends_of_parts(user, &[whole.to_vec()], products).await
}

async fn ends_of_parts(
    user: &User,
    parts: &[Vec<u8>],
    products: &[&str],
) -> (Vec<Value>, Duration) {
    let answer = user.upload(parts).await;
    let session = answer["sessionId"].as_str().unwrap();
    let (path, _) = answer["key"].as_str().unwrap().rsplit_once('/').unwrap();
    let begun = Instant::now();
    let mut ended = Vec::new();
    for product in products {
        if product.ends_with(".mp4") {
            let url = format!("{}/{path}/made/{product}", user.url);
            user.http.get(url).bearer_auth(&user.token).send().await.unwrap();
        }
        let is_over = |job: &Value| job["state"] == "done" || job["state"] == "failed";
        ended.push(until(user, session, product, is_over).await);
    }
    (ended, begun.elapsed())
}

/// Thirteen keyframes of VP8, one each 25 hours: the preview took its whole two minutes and its MP4
/// more than half an hour.
#[tokio::test]
async fn keyframes_a_day_apart_cost_next_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = made(
        folder.path(),
        "gaps.webm",
        "-i testsrc2=size=1920x1080:rate=1 -frames:v 13 -vf setpts=N*90000/TB \
         -vsync passthrough -c:v libvpx -g 1 -b:v 200k -cpu-used 8 -deadline realtime",
    );
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let (ended, took) = ends(&user, &whole, &["thumbnail.jpg", "preview.webp", "1080.mp4"]).await;
    eprintln!("13 keyframes 25 h apart, {} bytes: {took:?} {ended:?}", whole.len());
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(ended[0]["state"], "done", "{ended:?}");
    assert_eq!(ended[2]["error"], "it is longer than twelve hours");
    assert!(ended.iter().all(|job| job["attempts"] == 1), "{ended:?}");

    // Within twelve hours, but two hours apart.
    let whole = made(
        folder.path(),
        "still.webm",
        "-i testsrc2=size=320x240:rate=1 -frames:v 4 -vf setpts=N*7200/TB \
         -vsync passthrough -c:v libvpx -g 1 -cpu-used 8 -deadline realtime",
    );
    let as_mp4 = made(
        folder.path(),
        "still.mp4",
        "-i testsrc2=size=320x240:rate=1 -frames:v 4 -vf setpts=N*7200/TB \
         -vsync passthrough -c:v libx264 -g 1 -preset ultrafast",
    );
    // In one part its clusters are known when it arrives. Cut in two, or as MP4, they are not.
    let (left, right) = whole.split_at(whole.len() / 2);
    let cut = vec![left.to_vec(), right.to_vec()];
    for (name, parts) in [("whole", vec![whole.clone()]), ("cut", cut), ("MP4", vec![as_mp4])] {
        let (ended, took) = ends_of_parts(&user, &parts, &["preview.webp", "720.mp4"]).await;
        eprintln!("4 keyframes 2 h apart, {name}: {took:?} {ended:?}");
        assert!(took < Duration::from_secs(30), "{name}: {took:?}");
        assert_eq!(ended[1]["error"], "it stands still for longer than an hour", "{name}");
    }
}

#[tokio::test]
async fn picture_of_67_million_pixels_and_codecs_of_yore_are_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let vast = made(
        folder.path(),
        "vast.webm",
        "-i color=size=8192x8192:rate=1 -frames:v 2 -c:v libvpx -g 1 -cpu-used 16 -deadline realtime",
    );
    let mut files = vec![("8192x8192".to_owned(), vast)];
    for codec in ["snow", "cinepak", "flv1", "ffv1", "msmpeg4"] {
        let encoder = if codec == "flv1" { "flv" } else { codec };
        let strict = if codec == "snow" { " -strict -2" } else { "" };
        let arguments =
            format!("-i testsrc2=size=320x240:rate=5 -t 2 -c:v {encoder}{strict} -f matroska");
        files.push((codec.to_owned(), made(folder.path(), &format!("{codec}.webm"), &arguments)));
    }
    for (name, whole) in files {
        let (ended, took) = ends(&user, &whole, &["thumbnail.jpg"]).await;
        eprintln!("{name}, {} bytes: {took:?} {}", whole.len(), ended[0]["error"]);
        assert_eq!(ended[0]["state"], "failed", "{name}: {ended:?}");
        assert_eq!(ended[0]["attempts"], 1, "{name}");
        assert!(took < Duration::from_secs(20), "{name}: {took:?}");
    }
}

#[tokio::test]
async fn a_preview_that_moves_and_every_mp4_that_fits() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user).await;
    until(&user, &session, "preview.webp", |job| job["state"] == "done").await;
    let preview = user.bytes(&format!("{path}/made/preview.webp")).await;
    assert!(preview.starts_with(b"RIFF") && preview[8..12] == *b"WEBP");
    let frames = preview.windows(4).filter(|four| four == b"ANMF").count();
    assert!((20..=26).contains(&frames), "three seconds of eight pictures: {frames}");
    for height in [1080, 720, 480] {
        let name = format!("{height}.mp4");
        user.http.get(format!("{}{path}/made/{name}", server.url())).send().await.unwrap();
        until(&user, &session, &name, |job| job["state"] == "done").await;
        let mp4 = user.bytes(&format!("{path}/made/{name}")).await;
        decode(&mp4);
        let told = probe(&mp4, "stream=codec_name,width,height,r_frame_rate");
        assert!(told.contains("h264,320,180,30/1") && told.contains("aac"), "never larger: {told}");
        let duration: f64 = probe(&mp4, "format=duration").parse().unwrap();
        assert!((5.9..6.2).contains(&duration), "{duration}");
        let index = mp4.windows(4).position(|four| four == b"moov").unwrap();
        let media = mp4.windows(4).position(|four| four == b"mdat").unwrap();
        assert!(index < media, "it plays while it loads");
    }
}

/// Covers the parts that a browser's recorder sends: cut in the middle of a cluster, clusters without a size.
#[tokio::test]
async fn parts_cut_anywhere_become_a_seekable_video_without_ffmpeg() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let whole = without_sizes();
    let parts: Vec<_> = whole.chunks(whole.len() / 7 + 1).map(<[u8]>::to_vec).collect();
    let answer = user.upload(&parts).await;
    let session = answer["sessionId"].as_str().unwrap();
    let path = format!("/{}", answer["key"].as_str().unwrap());
    let early = user.http.get(format!("{}{path}", server.url())).send().await.unwrap();
    let early_etag = early.headers()["etag"].clone();
    let early = early.bytes().await.unwrap();
    until(&user, session, "index.json", |job| job["state"] == "done").await;

    let response = user.http.get(format!("{}{path}", server.url())).send().await.unwrap();
    let etag = response.headers()["etag"].clone();
    let video = response.bytes().await.unwrap();
    // The job may have been quicker than the first look.
    assert!(early == whole || early == video, "as it came until then, never anything between");
    assert_eq!(early == video, early_etag == etag, "other bytes have another name");
    decode(&video);
    let index = snaplark_formats::webm::index(&video).unwrap();
    assert_eq!(index.clusters.len(), real().segments.len(), "every cluster says how long it is");
    let duration_ms = index.init.unwrap().duration_ms.unwrap();
    assert!((5_900..6_200).contains(&duration_ms), "{duration_ms}");
    let packets = |bytes: &[u8]| probe(bytes, "packet=pts_time,size").lines().count();
    assert_eq!(packets(&video), packets(&real().whole()), "not a packet less");
    assert!(probe(&video, "format=duration").parse::<f64>().unwrap() > 5.9);
    let status = user.get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["durationMs"], duration_ms, "from the media, not from what the client says");
    assert_eq!(status["sizeBytes"], video.len());
    // Any range over parts, clusters and what was written anew.
    for (first, last) in
        [(0, 99), (video.len() / 3, video.len() / 2), (video.len() - 9, video.len() - 1)]
    {
        let request = user.http.get(format!("{}{path}", server.url()));
        let part = request.header("Range", format!("bytes={first}-{last}")).send().await.unwrap();
        assert!(part.bytes().await.unwrap() == video[first..=last]);
    }
    assert!(user.bytes(&path.replace("video.webm", "original.webm")).await == whole);
    let hidden = format!("{}/made/index.json", path.trim_end_matches("/video.webm"));
    let hidden = user.http.get(format!("{}{hidden}", server.url())).send().await.unwrap();
    assert_eq!(hidden.status().as_u16(), 404);
}

/// `real`, as a live muxer writes it.
pub fn without_sizes() -> Vec<u8> {
    let mut stream = real().init.clone();
    for cluster in &real().segments {
        // Its header: four bytes of id, and a size of as many bytes as its first one's zeros say.
        let size_len = cluster[4].leading_zeros() as usize + 1;
        stream.extend_from_slice(&cluster[..4]);
        stream.extend_from_slice(&[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        stream.extend_from_slice(&cluster[4 + size_len..]);
    }
    stream
}

#[tokio::test]
async fn what_has_no_index_is_copied_into_a_new_file() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    // Times in units that are not ours: nobody maps that.
    let mut whole = real().whole();
    let scale = [0x2A, 0xD7, 0xB1, 0x83, 0x0F, 0x42, 0x40];
    let at = whole.windows(scale.len()).position(|bytes| bytes == scale).unwrap();
    whole[at + scale.len() - 1] += 1;
    let parts: Vec<_> = whole.chunks(whole.len() / 5 + 1).map(<[u8]>::to_vec).collect();
    let answer = user.upload(&parts).await;
    let session = answer["sessionId"].as_str().unwrap();
    let failed = until(&user, session, "index.json", |job| job["state"] == "failed").await;
    assert!(failed["error"].as_str().unwrap().contains("no index"), "{failed}");
    until(&user, session, "remux.webm", |job| job["state"] == "done").await;
    let video = user.bytes(&format!("/{}", answer["key"].as_str().unwrap())).await;
    decode(&video);
    assert!(probe(&video, "format=duration").parse::<f64>().unwrap() > 5.9);
    let status = user.get(&format!("/videos/{session}")).await.ok();
    assert!(status["durationMs"].as_u64().unwrap() < 7_000, "{status}");
}

#[tokio::test]
async fn captions_are_given_shown_and_taken_back() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user).await;
    let put = |text: &'static [u8], kind: &'static str| {
        let url = format!("{}/api/v1/videos/{session}/captions", server.url());
        let request = user.http.put(url).bearer_auth(&user.token).header("Content-Type", kind);
        async move { request.body(text).send().await.unwrap().status().as_u16() }
    };
    let vtt = b"WEBVTT\n\n00:00.000 --> 00:02.000\n<b>Hello</b> there\n";
    assert_eq!(put(b"1\n00:00:00,000 --> 00:00:01,000\nSubRip\n", "text/vtt").await, 415);
    assert_eq!(put(b"WEBVTT \xFF", "text/vtt").await, 415);
    assert_eq!(put(vtt, "text/plain").await, 415);
    let before = server.objects();
    assert_eq!(put(vtt, "text/vtt").await, 200);
    assert_eq!(
        put(b"WEBVTT\n\n00:00.000 --> 00:02.000\nAgain\n", "text/vtt; charset=utf-8").await,
        200
    );
    assert_eq!(server.objects(), before + 1, "what was replaced is deleted");
    let page = user.http.get(format!("{}{path}", server.url())).send().await.unwrap();
    let html = page.text().await.unwrap();
    assert!(
        html.contains(&format!(
            "<track kind=\"captions\" label=\"Captions\" src=\"{path}/made/captions.vtt\""
        )),
        "{html}"
    );
    let response =
        user.http.get(format!("{}{path}/made/captions.vtt", server.url())).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/vtt; charset=utf-8");
    assert!(response.text().await.unwrap().contains("Again"));
    let other = server.user("b@example.com").await;
    other.delete(&format!("/videos/{session}/captions")).await.refused(404);
    user.delete(&format!("/videos/{session}/captions")).await.ok();
    assert_eq!(server.objects(), before);
    let page = user.http.get(format!("{}{path}", server.url())).send().await.unwrap();
    assert!(!page.text().await.unwrap().contains("<track"));
}
