//! What is made of videos after their upload: with ffmpeg, without it, and with one that fails.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, User, decode, probe, real};

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
async fn until(user: &User, session: &str, product: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let status = user.get(&format!("/videos/{session}")).await.ok();
        let jobs = status["jobs"].as_array().unwrap();
        if let Some(job) = jobs.iter().find(|job| job["product"] == product && is(job)) {
            return job.clone();
        }
        assert!(begun.elapsed() < MADE_MAX, "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_picture_by_itself_and_an_mp4_when_it_is_asked_for() {
    let server = Server::with(|options| options.ffmpeg = "ffmpeg".into()).await;
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
    let begun = Instant::now();
    while server.objects() > 0 {
        assert!(begun.elapsed() < MADE_MAX);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
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

#[cfg(unix)]
#[tokio::test]
async fn what_fails_is_tried_again_and_then_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ffmpeg");
    let script = "#!/bin/sh\n[ \"$1\" = -version ] && exit 0\ncat > /dev/null\necho 'out of luck' >&2\nexit 1\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::with(|options| options.ffmpeg = program.clone()).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user).await;
    for attempt in 1..=3 {
        let is = |job: &Value| {
            job["attempts"] == attempt && job["error"].is_string() && job["state"] != "running"
        };
        let job = until(&user, &session, "thumbnail.jpg", is).await;
        assert!(job["error"].as_str().unwrap().contains("out of luck"), "{job}");
        assert_eq!(job["state"], if attempt < 3 { "waiting" } else { "failed" });
        server.pass_ms(101_000);
    }
    decode(&user.bytes(&format!("{path}/video.webm")).await);
}

#[tokio::test]
async fn a_preview_that_moves_and_every_mp4_that_fits() {
    let server = Server::with(|options| options.ffmpeg = "ffmpeg".into()).await;
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

/// What a browser's recorder sends: cut in the middle of a cluster, clusters without a size.
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
    let index = snaplark_webm::index(&video).unwrap();
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
    let server = Server::with(|options| options.ffmpeg = "ffmpeg".into()).await;
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
