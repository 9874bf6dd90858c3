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
