//! Parts in any order, twice, with digests, in odd forms; recordings' ids; expiry; lists.

use std::time::Duration;

use reqwest::multipart::Form;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use snaplark_api::hex;
use uuid::Uuid;

use crate::support::{Answer, Server, User, chunk_form, file, init_000, synthetic};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn any_order_makes_the_same_video() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let recording = synthetic(6, 500);
    let parts = recording.stream();
    let session = user.init().await;
    for (count, index) in [5, 0, 3, 1, 4, 2].into_iter().enumerate() {
        let answer = user.chunk(&session, index, &parts[index]).await.ok();
        assert_eq!(answer["totalChunksReceived"], count + 1);
    }
    let video = user.finalize(&session, 6).await.ok()["videoId"].clone();
    let original = user.bytes(&format!("/videos/{}/original.webm", video.as_str().unwrap())).await;
    assert!(original == recording.whole());
}

#[tokio::test]
async fn many_at_once_are_all_counted() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let recording = synthetic(40, 500);
    let session = user.init().await;
    let mut sends = tokio::task::JoinSet::new();
    for (index, part) in recording.stream().into_iter().enumerate() {
        let (user, session) = (user.clone(), session.clone());
        sends.spawn(async move { user.chunk(&session, index, &part).await.ok() });
    }
    let counts = sends.join_all().await;
    let mut counts: Vec<_> =
        counts.iter().map(|c| c["totalChunksReceived"].as_u64().unwrap()).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());
    user.finalize(&session, 40).await.ok();
}

#[tokio::test]
async fn the_same_index_again_takes_the_place_of_the_first_and_counts_once() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let recording = synthetic(2, 500);
    let parts = recording.stream();
    let session = user.init().await;
    user.chunk(&session, 0, &parts[0]).await.ok();
    user.chunk(&session, 1, &synthetic(1, 900).segments[0]).await.ok();
    let again = user.chunk(&session, 1, &parts[1]).await.ok();
    assert_eq!(again["totalChunksReceived"], 2);
    assert_eq!(server.objects(), 2, "what was replaced is deleted");
    let video = user.finalize(&session, 2).await.ok()["videoId"].clone();
    let original = user.bytes(&format!("/videos/{}/original.webm", video.as_str().unwrap())).await;
    assert!(original == recording.whole());
}

#[tokio::test]
async fn finalize_can_be_repeated_and_parts_can_come_late_again() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let parts = synthetic(2, 500).stream();
    let session = user.init().await;
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let first = user.finalize(&session, 2).await.ok();
    assert_eq!(user.finalize(&session, 2).await.ok(), first);
    // The answer to a part was lost, and it comes again after all.
    assert_eq!(user.chunk(&session, 1, &parts[1]).await.ok()["totalChunksReceived"], 2);
    let refused = user.chunk(&session, 1, &parts[0]).await.refused(400);
    assert_eq!(refused["error"], "Session is not active");
    user.chunk(&session, 2, &parts[1]).await.refused(400);
    assert!(user.finalize(&session, 1).await.refused(400)["errors"]["totalChunks"].is_array());
    assert_eq!(server.objects(), 2);
}

#[tokio::test]
async fn parallel_finalizes_agree() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    user.chunk(&session, 0, &synthetic(1, 500).whole()).await.ok();
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (user, session) = (user.clone(), session.clone());
        asks.spawn(async move { user.finalize(&session, 1).await.ok() });
    }
    let answers = asks.join_all().await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn fields_may_come_behind_the_file_and_unknown_ones_in_between() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let recording = synthetic(1, 500);
    let session = user.init().await;
    let form = Form::new()
        .text("note", "x".repeat(10_000))
        .part("chunk", file(&recording.whole()))
        .text("chunkIndex", "0")
        .text("sessionId", session.clone());
    user.post_form(form).await.ok();
    let video = user.finalize(&session, 1).await.ok()["videoId"].clone();
    let original = user.bytes(&format!("/videos/{}/original.webm", video.as_str().unwrap())).await;
    assert!(original == recording.whole());

    let form = Form::new()
        .part("chunk", file(&recording.whole()))
        .text("chunkIndex", "0")
        .text("sessionId", Uuid::new_v4().to_string());
    user.post_form(form).await.refused(404);
    assert_eq!(server.objects(), 1, "a file for nobody is not kept");
}

#[tokio::test]
async fn a_content_digest_is_held_against_the_bytes() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let part = synthetic(1, 500).whole();
    let field = |digest: &str| {
        let headers = [("content-digest".parse().unwrap(), digest.parse().unwrap())];
        Form::new()
            .text("sessionId", session.clone())
            .text("chunkIndex", "0")
            .part("chunk", file(&part).headers(headers.into_iter().collect()))
    };
    user.post_form(field(&digest(&part))).await.ok();
    let refused = user.post_form(field(&digest(b"other"))).await.refused(400);
    assert!(refused["errors"]["chunk"].is_array());
    user.post_form(field("sha-256=broken")).await.refused(400);
    assert_eq!(server.objects(), 1, "the good one is still there, and only that");

    // On the request it speaks of the form as a whole.
    let body = [
        b"--b\r\ncontent-disposition: form-data; name=\"sessionId\"\r\n\r\n".as_slice(),
        session.as_bytes(),
        b"\r\n--b\r\ncontent-disposition: form-data; name=\"chunkIndex\"\r\n\r\n0",
        b"\r\n--b\r\ncontent-disposition: form-data; name=\"chunk\"; filename=\"c\"\r\n\r\n",
        &part,
        b"\r\n--b--\r\n",
    ]
    .concat();
    for (of, status) in [(body.as_slice(), 200), (b"other", 400)] {
        let request = user.http.post(format!("{}/api/v1/videos/chunk", user.url));
        let request = request.bearer_auth(&user.token).header("content-digest", digest(of));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        let answer = Answer::of(request.body(body.clone()).send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // What stands behind the last boundary belongs to it, too, and may come late.
    let pieces = [body.clone(), b"an epilogue\r\n".to_vec()];
    let request = user.http.post(format!("{}/api/v1/videos/chunk", user.url));
    let request =
        request.bearer_auth(&user.token).header("content-digest", digest(&pieces.concat()));
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    let stream = futures_util::stream::iter(pieces.map(Ok::<_, std::io::Error>));
    let body = reqwest::Body::wrap_stream(stream);
    Answer::of(request.body(body).send().await.unwrap()).await.ok();
}

fn digest(bytes: &[u8]) -> String {
    use base64::Engine;
    let hash = Sha256::digest(bytes);
    format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(hash))
}

#[tokio::test]
async fn one_recording_is_one_upload_however_often_it_is_begun() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let id = Uuid::now_v7();
    let mut body = init_000();
    body["recordingId"] = json!(id);
    let first = user.post("/videos/init", &body).await.ok();
    assert_eq!(first["videoId"], json!(id));
    assert_eq!(first["videoUrl"], format!("{}/videos/{id}", server.url()));
    let session = first["sessionId"].as_str().unwrap();
    user.chunk(session, 0, &synthetic(1, 500).whole()).await.ok();
    assert_eq!(user.post("/videos/init", &body).await.ok(), first);
    user.finalize(session, 1).await.ok();
    assert_eq!(user.post("/videos/init", &body).await.ok(), first, "finished, too");

    let other = server.user("b@example.com").await;
    other.post("/videos/init", &body).await.refused(409);
}

#[tokio::test]
async fn a_link_that_was_handed_out_early_is_claimed_by_its_secret_alone() {
    let server = Server::start().await;
    let (user, other) = (server.user("a@example.com").await, server.user("b@example.com").await);
    let secret = [9; 32];
    let id = snaplark_api::recording_id_of(&secret);
    let hex = hex(&secret);
    let mut body = init_000();
    body["recordingId"] = json!(id);
    // Who knows the link, and not the secret.
    let refused = other.post("/videos/init", &body).await.refused(422);
    assert_eq!(refused["code"], "recording_secret_needed");
    body["recordingSecret"] = json!("0".repeat(64));
    let refused = other.post("/videos/init", &body).await.refused(422);
    assert_eq!(refused["code"], "recording_secret_wrong");
    body["recordingSecret"] = json!("soon");
    other.post("/videos/init", &body).await.refused(400);
    // Its maker, again and again.
    body["recordingSecret"] = json!(hex);
    let first = user.post("/videos/init", &body).await.ok();
    assert_eq!(first["videoId"], json!(id));
    assert_eq!(user.post("/videos/init", &body).await.ok(), first);
    let kept = server.backend.dump();
    let needle = hex.as_bytes();
    assert!(!kept.windows(needle.len()).any(|part| part == needle), "the secret is not kept");
    // The secret of another id.
    body["recordingId"] = json!(Uuid::now_v7());
    let refused = user.post("/videos/init", &body).await.refused(422);
    assert_eq!(refused["code"], "recording_secret_wrong");
}

#[tokio::test]
async fn two_inits_at_once_of_one_recording_are_one_upload() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut body = init_000();
    body["recordingId"] = json!(Uuid::now_v7());
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (user, body) = (user.clone(), body.clone());
        asks.spawn(async move { user.post("/videos/init", &body).await.ok() });
    }
    let answers = asks.join_all().await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn an_upload_that_nothing_was_sent_to_for_a_day_is_gone() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let parts = synthetic(2, 500).stream();
    let mut body = init_000();
    body["recordingId"] = json!(Uuid::now_v7());
    let first = user.post("/videos/init", &body).await.ok();
    let session = first["sessionId"].as_str().unwrap();
    server.pass_ms(DAY_MS - 1000);
    user.chunk(session, 0, &parts[0]).await.ok();
    server.pass_ms(DAY_MS - 1000);
    user.get(&format!("/videos/{session}")).await.ok();
    server.pass_ms(2000);
    user.chunk(session, 1, &parts[1]).await.refused(404);
    user.finalize(session, 1).await.refused(404);
    user.get(&format!("/videos/{session}")).await.refused(404);
    assert_eq!(user.get("/videos").await.ok()["videos"], json!([]));

    // The same recording begins again, under the same link, with all its parts.
    let second = user.post("/videos/init", &body).await.ok();
    assert_ne!(second["sessionId"], first["sessionId"]);
    assert_eq!(second["videoUrl"], first["videoUrl"]);
    let session = second["sessionId"].as_str().unwrap();
    assert_eq!(user.finalize(session, 2).await.refused(409)["missingChunks"], json!([0, 1]));
    for (index, part) in parts.iter().enumerate() {
        user.chunk(session, index, part).await.ok();
    }
    user.finalize(session, 2).await.ok();
    server.pass_ms(30 * DAY_MS);
    assert_eq!(user.get(&format!("/videos/{session}")).await.ok()["state"], "completed");
}

#[tokio::test]
async fn parts_of_two_recordings_do_not_make_a_video() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let recording = synthetic(2, 500);
    let session = user.init().await;
    user.chunk(&session, 0, &recording.stream()[0]).await.ok();
    user.chunk(&session, 1, &crate::support::real().standalone()[1]).await.ok();
    let refused = user.finalize(&session, 2).await.refused(422);
    assert_eq!(refused["error"], "Assembly failed");
    // And it can still be mended.
    user.chunk(&session, 1, &recording.segments[1]).await.ok();
    user.finalize(&session, 2).await.ok();
}

#[tokio::test]
async fn times_that_run_backwards_are_refused_in_words() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let recording = synthetic(3, 500);
    let session = user.init().await;
    user.chunk(&session, 0, &recording.stream()[0]).await.ok();
    user.chunk(&session, 1, &recording.segments[2]).await.ok();
    user.chunk(&session, 2, &recording.segments[1]).await.ok();
    let refused = user.finalize(&session, 3).await.refused(422);
    assert!(refused["message"].as_str().unwrap().contains("order"), "{refused}");
}

#[tokio::test]
async fn lists_are_ones_own_newest_first_in_pages() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    server.user("b@example.com").await.init().await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.insert(0, user.init().await);
        server.pass_ms(1000);
    }
    let mut seen = Vec::new();
    let mut path = "/videos?limit=2".to_owned();
    loop {
        let page = user.get(&path).await.ok();
        let videos = page["videos"].as_array().unwrap();
        assert!(videos.len() <= 2 && !videos.is_empty());
        seen.extend(videos.iter().map(|v| v["sessionId"].as_str().unwrap().to_owned()));
        match &page["nextCursor"] {
            Value::String(cursor) => path = format!("/videos?limit=2&cursor={cursor}"),
            _ => break,
        }
    }
    assert_eq!(seen, sessions);
    user.get("/videos?cursor=nonsense").await.refused(400);
    user.get("/videos?limit=many").await.refused(400);
}

#[tokio::test]
async fn what_is_deleted_is_gone_with_its_bytes() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let answer = user.upload(&synthetic(3, 500).stream()).await;
    let session = answer["sessionId"].as_str().unwrap();
    assert_eq!(server.objects(), 3);
    user.delete(&format!("/videos/{session}")).await.ok();
    user.delete(&format!("/videos/{session}")).await.refused(404);
    user.finalize(session, 3).await.refused(404);
    let page = user.http.get(answer["videoUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(page.status(), 410);
    let video = user.http.get(answer["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(video.status(), 404);
    let emptied = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while server.objects() > 0 {
            tick.tick().await;
        }
    };
    // A sweep that failed on a busy database or store is tried again after five seconds.
    tokio::time::timeout(Duration::from_secs(180), emptied)
        .await
        .expect("the sweeper comes at once");
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let server = Server::start().await;
    let stranger = User::new(&server.url(), "wrong");
    let mut part = synthetic(1, 100).whole();
    part.resize(9 * 1024 * 1024, 0);
    for _ in 0..5 {
        stranger.post_form(chunk_form(&Uuid::new_v4().to_string(), "0", &part)).await.refused(401);
    }
}
