//! Tests of quotas: too much is refused, the rest is counted, and stored videos stay reachable.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use snaplark_cloud::uploads::{FinalizeAsk, UploadError};
use snaplark_cloud::{Limits, OwnLimits};
use snaplark_cloud_data::db::{NewUpload, UserId};
use snaplark_formats::sniff::MediaKind;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::browser::signed_in;
use crate::support::{Server, User, init_000, synthetic};
use crate::wait;

/// The size that is counted for an upload beside its parts' bytes (docs/cloud.md), and for each of its rows.
const UPLOAD: u64 = 4096;
const ROW: u64 = 512;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

async fn server(limits: Limits) -> Server {
    Server::with(|options| options.cloud.limits = limits).await
}

async fn stored(user: &User) -> u64 {
    user.get("/usage").await.ok()["storedBytes"].as_u64().unwrap()
}

/// Returns the sizes that are counted after init and after each of these parts.
async fn measured(parts: &[Vec<u8>]) -> Vec<u64> {
    let server = server(Limits::default()).await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let mut measured = vec![stored(&user).await];
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
        measured.push(stored(&user).await);
    }
    measured
}

/// Every kind of thing that is kept counts when it comes and no more when it goes.
#[tokio::test]
async fn all_that_a_user_causes_to_be_kept_is_counted() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let parts = crate::support::real().stream();
    let session = user.init().await;
    assert_eq!(stored(&user).await, UPLOAD);
    let mut before = UPLOAD;
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
        let now = stored(&user).await;
        assert!(now > before + part.len() as u64 + ROW, "a part, its row and its contents: {now}");
        before = now;
    }
    user.chunk(&session, 0, &parts[0]).await.ok();
    assert_eq!(stored(&user).await, before, "the same again is the same");
    // One too many for the video, whose row goes with it.
    user.chunk(&session, parts.len(), &parts[1]).await.ok();
    user.finalize(&session, parts.len()).await.ok();
    let finished = stored(&user).await;
    assert!((before + 1..before + 2_000).contains(&finished), "its map: {before}, {finished}");

    let video = user.get(&format!("/videos/{session}")).await.ok()["videoId"].clone();
    let video = video.as_str().unwrap();
    // Made by themselves: a picture and a preview.
    let mut made = 0;
    for name in ["thumbnail.jpg", "preview.webp"] {
        let url = format!("{}/videos/{video}/made/{name}", server.url());
        let response = wait::until(name, async || {
            let response = user.http.get(&url).send().await.unwrap();
            (response.status().as_u16() == 200).then_some(response)
        });
        made += response.await.bytes().await.unwrap().len() as u64 + ROW;
    }
    assert_eq!(stored(&user).await, finished + made);

    let address = format!("{}/api/v1/videos/{session}", server.url());
    let text = "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n";
    let put = user.http.put(format!("{address}/captions")).bearer_auth(&user.token);
    let put = put.header("Content-Type", "text/vtt").body(text).send().await.unwrap();
    assert!(put.status().is_success(), "{}", put.status());
    let captions = stored(&user).await - finished - made;
    assert!((ROW + 1..ROW + 200).contains(&captions), "{captions}");
    let gone = user.delete(&format!("/videos/{session}/captions")).await;
    assert!(gone.status < 300, "{gone:?}");
    assert_eq!(stored(&user).await, finished + made);

    let title = async |title: &str| {
        let change = user.http.patch(&address).bearer_auth(&user.token);
        let change = change.json(&json!({"title": title})).send().await.unwrap();
        assert!(change.status().is_success());
    };
    title("\u{e9}t\u{e9}").await;
    assert_eq!(stored(&user).await, finished + made + 5, "as many bytes as it has");
    title("").await;
    assert_eq!(stored(&user).await, finished + made);

    user.delete(&format!("/videos/{session}")).await.ok();
    assert_eq!(stored(&user).await, 0, "nothing is left of it");
}

#[tokio::test]
async fn full_is_said_and_what_is_stored_stays_acknowledged() {
    let parts = synthetic(4, 1000).stream();
    let counted = measured(&parts[..3]).await;
    let room = counted[3];
    let server = server(Limits { storage_bytes: Some(room), ..Limits::default() }).await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    for (index, part) in parts[..2].iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let larger = synthetic(1, 5000).segments[0].clone();
    let refused = user.chunk(&session, 2, &larger).await;
    assert_eq!(refused.headers["retry-after"], "60");
    let answer = refused.refused(507);
    assert!(answer["message"].as_str().unwrap().contains("Confirmed uploads are safe"));
    assert_eq!(server.objects(), 2, "what was refused is not left behind");
    assert_eq!(stored(&user).await, counted[2]);

    user.chunk(&session, 2, &parts[2]).await.ok();
    assert_eq!(stored(&user).await, room);
    // The answer to it was lost, and it comes again: there is room for what is there.
    user.chunk(&session, 2, &parts[2]).await.ok();
    user.chunk(&session, 3, &parts[3]).await.refused(507);
    user.post("/videos/init", &init_000()).await.refused(507);
    // Another user is another's quota, and finalize needs no room.
    let other = server.user("b@example.com").await;
    let theirs = other.init().await;
    other.chunk(&theirs, 0, &parts[0]).await.ok();
    user.finalize(&session, 3).await.ok();
    user.chunk(&session, 0, &parts[0]).await.ok();

    user.delete(&format!("/videos/{session}")).await.ok();
    assert_eq!(stored(&user).await, 0, "room at once");
    user.init().await;
}

#[tokio::test]
async fn what_is_counted_is_what_is_there() {
    let server = server(Limits::default()).await;
    let user = server.user("a@example.com").await;
    let parts = synthetic(3, 1000).stream();
    let counted = measured(&parts).await;
    let [size_of_2, size_of_3] = [counted[2], counted[3]];
    let size_of_1 = counted[1];

    // A part in place of another, one too many at finalize, and an upload that is left.
    let session = user.init().await;
    user.chunk(&session, 0, &synthetic(1, 4000).whole()).await.ok();
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    assert_eq!(stored(&user).await, size_of_3);
    user.finalize(&session, 2).await.ok();
    let finished = stored(&user).await;
    assert!((size_of_2 + 1..size_of_2 + 1_000).contains(&finished), "and its map: {finished}");
    let left = user.init().await;
    user.chunk(&left, 0, &parts[0]).await.ok();
    assert_eq!(stored(&user).await, finished + size_of_1);
    server.pass_ms(DAY_MS + 1);
    // Expired by the recording that is begun again, and by the sweeper that a deletion wakes.
    let again = json!(uuid::Uuid::now_v7());
    let mut body = init_000();
    body["recordingId"] = again.clone();
    let first = user.post("/videos/init", &body).await.ok();
    user.chunk(first["sessionId"].as_str().unwrap(), 0, &parts[0]).await.ok();
    server.pass_ms(DAY_MS + 1);
    let second = user.post("/videos/init", &body).await.ok();
    assert_ne!(first["sessionId"], second["sessionId"]);
    user.delete(&format!("/videos/{session}")).await.ok();
    user.delete(&format!("/videos/{}", second["sessionId"].as_str().unwrap())).await.ok();
    wait::until_true("nothing to be kept or counted", async || {
        stored(&user).await == 0 && server.objects() == 0
    })
    .await;
}

#[tokio::test]
async fn a_day_has_so_many_uploads_and_bytes() {
    let part = synthetic(1, 1000).whole();
    let limits = Limits {
        day_uploads: Some(3),
        day_bytes: Some(part.len() as u64 * 2),
        ..Limits::default()
    };
    let server = server(limits).await;
    let user = server.user("a@example.com").await;
    let mut body = init_000();
    body["recordingId"] = json!(uuid::Uuid::now_v7());
    let mut sessions = vec![user.post("/videos/init", &body).await.ok()["sessionId"].clone()];
    for _ in 0..2 {
        sessions.push(json!(user.init().await));
    }
    let refused = user.post("/videos/init", &init_000()).await;
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=24 * 60 * 60).contains(&wait), "until the day ends: {wait} s");
    assert!(refused.refused(429)["message"].as_str().unwrap().contains("daily limit of 3 uploads"));
    assert_eq!(
        user.post("/videos/init", &body).await.ok()["sessionId"],
        sessions[0],
        "asked again"
    );

    for session in &sessions[..2] {
        user.chunk(session.as_str().unwrap(), 0, &part).await.ok();
    }
    let refused = user.chunk(sessions[2].as_str().unwrap(), 0, &part).await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(429);
    let usage = user.get("/usage").await.ok();
    assert_eq!(
        usage["today"],
        json!({"uploads": 3, "uploadsMax": 3, "bytes": part.len() * 2, "bytesMax": part.len() * 2})
    );
    server.pass_ms(wait * 1000);
    assert_eq!(user.get("/usage").await.ok()["today"]["uploads"], 0);
    user.chunk(sessions[2].as_str().unwrap(), 0, &part).await.ok();
    user.init().await;
}

#[tokio::test]
async fn a_video_has_a_largest_size() {
    let parts = synthetic(3, 1000).stream();
    let max = (parts[0].len() + parts[1].len()) as u64;
    let server = server(Limits { video_bytes: Some(max), ..Limits::default() }).await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    for (index, part) in parts[..2].iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let answer = user.chunk(&session, 2, &parts[2]).await.refused(413);
    assert!(answer["errors"]["video"][0].is_string(), "not a part's limit: {answer}");
    user.finalize(&session, 2).await.ok();
}

#[tokio::test]
async fn many_at_once_never_pass_the_limit() {
    let part = synthetic(1, 1000).whole();
    let counted = measured(std::slice::from_ref(&part)).await;
    let room = 2 * UPLOAD + 5 * (counted[1] - counted[0]);
    let server = server(Limits { storage_bytes: Some(room), ..Limits::default() }).await;
    let user = server.user("a@example.com").await;
    let (one, other) = (user.init().await, user.init().await);
    let sends = (0..16).map(|at| {
        let session = if at % 2 == 0 { &one } else { &other };
        user.chunk(session, at / 2, &part)
    });
    let answers = futures_util::future::join_all(sends).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(taken, 5, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!((stored(&user).await, server.objects()), (room, 5));
}

#[tokio::test]
async fn one_user_may_have_more_and_sees_it() {
    let server = server(Limits { storage_bytes: Some(2 * UPLOAD), ..Limits::default() }).await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    let part = synthetic(1, 100_000).whole();
    let session = user.init().await;
    user.chunk(&session, 0, &part).await.refused(507);
    let more = |own: &mut OwnLimits| own.storage_bytes = Some(Some(1_000_000));
    let place = server.backend.place();
    let (used, own) = snaplark_cloud::limit_user(place, "A@example.com", more).await.unwrap();
    assert_eq!((used.stored_bytes, used.day_uploads), (UPLOAD, 0), "this test's day is another");
    assert_eq!(own.storage_bytes, Some(Some(1_000_000)));
    user.chunk(&session, 0, &part).await.ok();
    assert_eq!(user.get("/usage").await.ok()["storedBytesMax"], 1_000_000);
    let html = browser.get("/my/videos").await.html;
    let said = format!("{} of 1.0 MB used", snaplark_cloud::size_words(stored(&user).await));
    assert!(html.contains("<meter") && html.contains(&said), "{said}: {html}");
    let none = |own: &mut OwnLimits| own.storage_bytes = Some(None);
    snaplark_cloud::limit_user(server.backend.place(), "a@example.com", none).await.unwrap();
    assert!(!browser.get("/my/videos").await.html.contains("<meter"));
    let unknown = snaplark_cloud::limit_user(server.backend.place(), "b@example.com", none).await;
    assert!(unknown.unwrap_err().to_string().contains("There is no user b@example.com"));
}

/// A picture of noise, so that cleaning and storing it takes a while.
fn noise() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noise.png");
    let done = std::process::Command::new("ffmpeg")
        .args("-v error -f lavfi -i color=size=360x360,noise=alls=100:allf=t".split(' '))
        .args(["-frames:v", "1"])
        .arg(&file)
        .status()
        .expect("ffmpeg is installed");
    assert!(done.success());
    std::fs::read(file).unwrap()
}

/// Sends a whole form, and closes the connection so many milliseconds later.
async fn hang_up(user: &User, path: &str, fields: &[(&str, &str)], file: (&str, &[u8]), ms: u64) {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
    }
    let head = format!(
        "--b\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"a\"\r\n\r\n",
        file.0
    );
    body.extend([head.as_bytes(), file.1, b"\r\n--b--\r\n"].concat());
    let at: SocketAddr = user.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "POST /api/v1{path} HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {}\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n",
        user.token,
        body.len()
    );
    // The server may have answered and closed already.
    stream.write_all(&[head.as_bytes(), &body].concat()).await.ok();
    tokio::time::sleep(Duration::from_millis(ms)).await;
    drop(stream);
}

#[tokio::test]
async fn client_that_hangs_up_leaves_nothing_that_is_not_counted() {
    const TRIES: u64 = 60;
    let picture = noise();
    let size = picture.len() as u64;
    let limits = Limits { storage_bytes: Some(size * 3 / 2), ..Limits::default() };
    let server = server(limits).await;
    let user = server.user("a@example.com").await;
    let file = ("file", picture.as_slice());
    let sends = (0..TRIES).map(|at| hang_up(&user, "/screenshots/upload", &[], file, at * 2));
    futures_util::future::join_all(sends).await;
    // The first that was whole fits, and no other.
    wait::until_true("one picture that counts", async || {
        stored(&user).await > size && server.objects() == 1
    })
    .await;

    let other = server.user("b@example.com").await;
    let part = synthetic(1, 100_000).whole();
    let session = other.init().await;
    let sends = (0..TRIES).map(async |at| {
        let index = at.to_string();
        let fields = [("sessionId", session.as_str()), ("chunkIndex", index.as_str())];
        hang_up(&other, "/videos/chunk", &fields, ("chunk", &part), at % 30).await;
    });
    futures_util::future::join_all(sends).await;
    wait::until_true("each part to be counted or gone", async || {
        let parts = other.get(&format!("/videos/{session}")).await.ok()["receivedChunks"].clone();
        server.objects() == 1 + parts.as_array().unwrap().len()
    })
    .await;
}

#[tokio::test]
async fn versions_on_their_way_count_beside_each_other() {
    let part = synthetic(1, 20_000).whole();
    let counted = measured(std::slice::from_ref(&part)).await[1];
    // The version that is served, and a little more.
    let limits = Limits { storage_bytes: Some(counted * 3 / 2), ..Limits::default() };
    let server = server(limits).await;
    let user = server.user("a@example.com").await;
    let id = user.get("/user").await.ok()["id"].as_str().unwrap().parse().unwrap();
    let uploads = server.cloud.uploads();
    let video = uuid::Uuid::now_v7();
    let send = async |version| {
        let new = NewUpload {
            user_id: UserId(id),
            recording_id: Some(video),
            version,
            media: MediaKind::Webm,
            filename: "a".to_owned(),
            width: 1,
            height: 1,
            fps: 1,
            metadata: "{}".to_owned(),
            may_replace: true,
        };
        let upload = uploads.init(&new).await?;
        let mut writer = uploads.storage.writer(Some((upload.session_id.0, 0)));
        writer.write(part.clone().into()).await?;
        uploads.receive(&upload, 0, writer.finish().await?, None).await?;
        Ok::<_, UploadError>(upload)
    };
    let ask = FinalizeAsk { parts_total: 1, ..FinalizeAsk::default() };
    let first = send(1).await.unwrap();
    uploads.finalize(UserId(id), first.session_id, &ask).await.unwrap();
    let second = send(2).await.unwrap();
    for version in 3..6 {
        let refused = send(version).await.unwrap_err();
        assert!(matches!(refused, UploadError::Over(_)), "{version}: {refused}");
    }
    uploads.finalize(UserId(id), second.session_id, &ask).await.unwrap();
    assert!(stored(&user).await < counted * 3 / 2);
}

#[tokio::test]
async fn picture_is_refused_before_its_bytes_where_there_is_no_room() {
    let limits = Limits { day_uploads: Some(1), ..Limits::default() };
    let server = server(limits).await;
    let user = server.user("a@example.com").await;
    // What is no picture is refused as such only once it was read.
    crate::screenshots::send(&user, "a.png", b"no picture").await.refused(415);
    crate::screenshots::send(&user, "a.png", &noise()).await.ok();
    crate::screenshots::send(&user, "a.png", b"no picture").await.refused(429);
    let none = Limits { storage_bytes: Some(0), ..Limits::default() };
    let server = self::server(none).await;
    let user = server.user("a@example.com").await;
    crate::screenshots::send(&user, "a.png", b"no picture").await.refused(507);
    assert_eq!(server.objects(), 0);
}

#[tokio::test]
async fn one_user_sends_only_so_many_pictures_a_second() {
    let server = Server::with(|options| options.cloud.parts_per_second = 2).await;
    let user = server.user("a@example.com").await;
    for _ in 0..12 {
        crate::screenshots::send(&user, "a.png", b"no picture").await.refused(415);
    }
    let refused = crate::screenshots::send(&user, "a.png", b"no picture").await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(429);
    let other = server.user("b@example.com").await;
    crate::screenshots::send(&other, "a.png", b"no picture").await.refused(415);
    server.pass_ms(1_000);
    crate::screenshots::send(&user, "a.png", b"no picture").await.refused(415);
}
