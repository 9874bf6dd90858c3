//! Both documents, example by example: what they show is what happens, and every refusal they name.

use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::support::{
    Answer, Server, User, chunk_form, file, finalize_000, init_000, init_004, synthetic,
};

#[tokio::test]
async fn document_000_from_init_to_link() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let parts = synthetic(3, 100).stream();

    let init = user.post("/videos/init", &init_000()).await.ok();
    assert_eq!(init["success"], true);
    assert_eq!(init["message"], "Upload session initialized");
    let session = init["sessionId"].as_str().unwrap();

    for (index, part) in parts.iter().enumerate() {
        let answer = user.chunk(session, index, part).await.ok();
        assert_eq!(
            answer,
            json!({
                "success": true, "receivedChunkIndex": index, "sessionId": session,
                "totalChunksReceived": index + 1, "message": "Chunk received",
                "received": true, "chunkIndex": index
            })
        );
    }
    let answer = user.post("/videos/finalize", &finalize_000(session, 3)).await.ok();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["sessionId"], session);
    let video = answer["videoId"].as_str().unwrap();
    assert_eq!(answer["videoId"], init["videoId"]);
    assert_eq!(answer["videoUrl"], format!("{}/videos/{video}", server.url()));
    assert_eq!(answer["videoUrl"], init["videoUrl"], "the link was known from the start");
    assert_eq!(answer["key"], format!("videos/{video}/video.webm"));
    assert_eq!(answer["url"], format!("{}/videos/{video}/video.webm", server.url()));

    let status = user.get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["state"], "completed");
    assert_eq!(status["totalChunks"], 3);
    assert_eq!(status["receivedChunks"], json!([0, 1, 2]));
    assert_eq!(status["durationMs"], 6000, "from the media, not from what the client says");
}

#[tokio::test]
async fn document_004_from_init_to_link() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    // Parts of at least 5 MiB but the last: several segments each.
    let recording = synthetic(7, 700_000);
    let first = [recording.init.as_slice(), &recording.segments[..2].concat()].concat();
    let parts = [first, recording.segments[2..4].concat(), recording.segments[4..].concat()];
    assert!(parts[..2].iter().all(|part| part.len() >= 5 * 1024 * 1024));

    let session = user.post("/videos/init", &init_004()).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap();
    for (index, part) in parts.iter().enumerate() {
        let answer = user.chunk(session, index, part).await.ok();
        assert_eq!((&answer["received"], &answer["chunkIndex"]), (&json!(true), &json!(index)));
    }
    let body = json!({
        "sessionId": session, "totalChunks": 3, "uploadedChunks": [0, 1, 2],
        "duration": 14.0, "metadata": {"duration": 14.0}
    });
    let answer = user.post("/videos/finalize", &body).await.ok();
    let key = answer["key"].as_str().unwrap();
    assert!(answer["url"].as_str().unwrap().ends_with(key));
    assert_eq!(user.bytes(&format!("/{key}")).await.len() as u64, size(&user, session).await);
}

async fn size(user: &User, session: &str) -> u64 {
    user.get(&format!("/videos/{session}")).await.ok()["sizeBytes"].as_u64().unwrap()
}

#[tokio::test]
async fn init_names_every_wrong_field() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let refused = user.post("/videos/init", &json!({})).await.refused(400);
    for field in ["filename", "timestamp", "fps", "codec", "bitrate", "resolution"] {
        assert_eq!(refused["errors"][field], json!([format!("The {field} field is required.")]));
    }
    for (field, value, named) in [
        ("filename", json!("a".repeat(256)), "filename"),
        ("filename", json!(7), "filename"),
        ("fps", json!(0), "fps"),
        ("fps", json!(121), "fps"),
        ("fps", json!(29.97), "fps"),
        ("bitrate", json!(99_999), "bitrate"),
        ("bitrate", json!(10_000_001), "bitrate"),
        ("resolution", json!({"width": 7681, "height": 1}), "resolution.width"),
        ("resolution", json!({"width": 1, "height": 4321}), "resolution.height"),
        ("resolution", json!("wide"), "resolution.width"),
        ("recordingId", json!("7"), "recordingId"),
    ] {
        let mut body = init_000();
        body[field] = value;
        let refused = user.post("/videos/init", &body).await.refused(400);
        assert!(refused["errors"][named].is_array(), "{field}: {refused}");
    }
    for (body, status) in [("not json", 400), ("[]", 400)] {
        let request = user.http.post(format!("{}/api/v1/videos/init", user.url));
        let request = request.bearer_auth(&user.token).header("content-type", "application/json");
        Answer::of(request.body(body).send().await.unwrap()).await.refused(status);
    }
    let request = user.http.post(format!("{}/api/v1/videos/init", user.url)).body("{}");
    Answer::of(request.bearer_auth(&user.token).send().await.unwrap()).await.refused(415);
}

#[tokio::test]
async fn chunk_names_every_wrong_field() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let part = synthetic(1, 100).whole();

    let refused = user.post_form(Form::new().text("other", "x")).await.refused(400);
    for field in ["sessionId", "chunkIndex", "chunk"] {
        assert_eq!(refused["errors"][field], json!([format!("The {field} field is required.")]));
    }
    for index in ["", "-1", "1.5", "one", "10000"] {
        let refused = user.post_form(chunk_form(&session, index, &part)).await.refused(400);
        assert!(refused["errors"]["chunkIndex"].is_array(), "{index}");
    }
    let refused = user.chunk(&session, 0, b"").await.refused(400);
    assert!(refused["errors"]["chunk"].is_array());
    let form = Form::new().part("chunk", file(&part)).text("chunkIndex", "0");
    assert!(user.post_form(form).await.refused(400)["errors"]["sessionId"].is_array());

    user.chunk("no-such-session", 0, &part).await.refused(404);
    user.chunk("00000000-0000-4000-8000-000000000000", 0, &part).await.refused(404);
    user.chunk("../../../etc/passwd", 0, &part).await.refused(404);

    let url = format!("{}/api/v1/videos/chunk", user.url);
    let request = user.http.post(&url).bearer_auth(&user.token).json(&json!({"chunkIndex": 0}));
    Answer::of(request.send().await.unwrap()).await.refused(415);
    let request = user.http.post(&url).bearer_auth(&user.token);
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    Answer::of(request.body("--x\r\nbroken").send().await.unwrap()).await.refused(400);
    assert_eq!(server.objects(), 0, "nothing is left of what was refused");
}

#[tokio::test]
async fn what_is_not_webm_is_refused_whatever_its_name() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 5000]].concat();
    let text = b"this is a text and no video at all, however it is called".repeat(30);
    for (index, bytes) in [(0, &png), (1, &png), (0, &text), (1, &text), (0, &vec![0; 4000])] {
        let refused = user.chunk(&session, index, bytes).await.refused(415);
        assert!(refused["errors"]["chunk"].is_array());
    }
    assert_eq!(server.objects(), 0);
}

#[tokio::test]
async fn a_part_of_ten_megabytes_passes_and_one_byte_more_does_not() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let mut part = synthetic(1, 100).whole();
    part.resize(10 * 1024 * 1024, 0);
    user.chunk(&session, 0, &part).await.ok();
    part.push(0);
    user.chunk(&session, 1, &part).await.refused(413);
    // Beyond what a form may be at all, and announced as such.
    part.resize(20 * 1024 * 1024, 0);
    user.chunk(&session, 1, &part).await.refused(413);
    assert_eq!(server.objects(), 1);
}

#[tokio::test]
async fn finalize_names_every_wrong_field() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let refused = user.post("/videos/finalize", &json!({})).await.refused(400);
    for field in ["sessionId", "totalChunks", "uploadedChunks", "duration"] {
        assert_eq!(refused["errors"][field], json!([format!("The {field} field is required.")]));
    }
    for (field, value, named) in [
        ("totalChunks", json!(0), "totalChunks"),
        ("totalChunks", json!(10_001), "totalChunks"),
        ("uploadedChunks", json!("all"), "uploadedChunks"),
        ("uploadedChunks", json!([0, -1]), "uploadedChunks.1"),
        ("uploadedChunks", json!(["x"]), "uploadedChunks.0"),
        ("duration", json!(-1), "duration"),
        ("metadata", json!("text"), "metadata"),
    ] {
        let mut body = finalize_000(&session, 1);
        body[field] = value;
        let refused = user.post("/videos/finalize", &body).await.refused(400);
        assert!(refused["errors"][named].is_array(), "{field}: {refused}");
    }
    user.finalize("00000000-0000-4000-8000-000000000000", 1).await.refused(404);
}

#[tokio::test]
async fn finalize_lists_what_is_missing() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let parts = synthetic(5, 100).stream();
    for index in [0, 3] {
        user.chunk(&session, index, &parts[index]).await.ok();
    }
    let refused = user.finalize(&session, 5).await.refused(409);
    assert_eq!(refused["missingChunks"], json!([1, 2, 4]));
    assert_eq!(refused["error"], "Missing chunks");
    // A client that skipped one and counts what it sent: still missing.
    let body =
        json!({"sessionId": session, "totalChunks": 2, "uploadedChunks": [0, 3], "duration": 1});
    assert_eq!(
        user.post("/videos/finalize", &body).await.refused(409)["missingChunks"],
        json!([1])
    );
    for index in [1, 2, 4] {
        user.chunk(&session, index, &parts[index]).await.ok();
    }
    user.finalize(&session, 5).await.ok();
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    for token in ["", "wrong", &format!("{}x", user.token)] {
        let stranger = User::new(&server.url(), token);
        for answer in [
            stranger.post("/videos/init", &init_000()).await,
            stranger.chunk(&session, 0, &synthetic(1, 300_000).whole()).await,
            stranger.finalize(&session, 1).await,
            stranger.get(&format!("/videos/{session}")).await,
            stranger.get("/videos").await,
            stranger.delete(&format!("/videos/{session}")).await,
        ] {
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            answer.refused(401);
        }
    }
    let bare = user.http.post(format!("{}/api/v1/videos/init", user.url)).json(&init_000());
    Answer::of(bare.send().await.unwrap()).await.refused(401);
}

#[tokio::test]
async fn another_ones_upload_is_as_if_it_were_not_there() {
    let server = Server::start().await;
    let owner = server.user("a@example.com").await;
    let other = server.user("b@example.com").await;
    let part = synthetic(1, 100).whole();
    let session = owner.init().await;
    owner.chunk(&session, 0, &part).await.ok();
    other.chunk(&session, 0, &part).await.refused(404);
    other.finalize(&session, 1).await.refused(404);
    other.get(&format!("/videos/{session}")).await.refused(404);
    other.delete(&format!("/videos/{session}")).await.refused(404);
    assert_eq!(other.get("/videos").await.ok()["videos"], json!([]));
    owner.finalize(&session, 1).await.ok();
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_answered_as_json() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    user.get("/nothing/here").await.refused(404);
    user.get("/videos/init").await.refused(405);
    user.delete("/videos/finalize").await.refused(405);
    user.post("/capabilities", &Value::Null).await.refused(405);
}

#[tokio::test]
async fn capabilities_are_told_to_anyone() {
    let server =
        Server::with(|o| o.cloud.public_url = Some("https://videos.example.com/".to_owned())).await;
    let answer = User::new(&server.url(), "none").get("/capabilities").await.ok();
    assert_eq!(answer["server"], "snaplark");
    assert_eq!(answer["framings"], json!(["stream", "standalone"]));
    assert_eq!(answer["partBytesMax"], 10 * 1024 * 1024);
    assert_eq!(answer["partsCutAnywhere"], true);
    assert_eq!(answer["linkTemplate"], "https://videos.example.com/videos/{recordingId}");
}

#[tokio::test]
async fn ten_parts_a_second_and_the_eleventh_has_to_wait() {
    let server = Server::with(|o| o.cloud.parts_per_second = 10).await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let parts = synthetic(12, 100).stream();
    for (index, part) in parts[..10].iter().enumerate() {
        let answer = user.chunk(&session, index, part).await;
        assert_eq!(answer.headers["x-ratelimit-limit"], "10");
        assert_eq!(answer.headers["x-ratelimit-remaining"], (9 - index).to_string());
        answer.ok();
    }
    let answer = user.chunk(&session, 10, &parts[10]).await;
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
    answer.refused(429);
    let other = user.init().await;
    user.chunk(&other, 0, &parts[0]).await.ok();
    server.pass_ms(1000);
    user.chunk(&session, 10, &parts[10]).await.ok();
}
