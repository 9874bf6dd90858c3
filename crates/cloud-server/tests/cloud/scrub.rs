//! A byte on the disk changes: it is found, named, kept out of what is served, and mended when the
//! same part comes again.

use serde_json::json;
use snaplark_cloud::{DamageKind, DataLocation};

use crate::browser::signed_in;
use crate::support::{Server, User, decode, probe, real};
use crate::wait;

async fn scrub(place: DataLocation) -> Vec<(String, DamageKind)> {
    let scrubbed = snaplark_cloud::scrub(place).await.unwrap();
    scrubbed.damages.into_iter().map(|damage| (damage.piece, damage.kind)).collect()
}

async fn upload(user: &User, parts: &[Vec<u8>]) -> (String, String) {
    let session = user.init().await;
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let answer = user.finalize(&session, parts.len()).await.ok();
    (session, format!("/videos/{}", answer["videoId"].as_str().unwrap()))
}

async fn status_of(user: &User, path: &str) -> u16 {
    user.http.get(format!("{}{path}", user.url)).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_damaged_part_is_named_left_out_and_mended() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    let parts = real().stream();
    let (session, path) = upload(&user, &parts).await;
    let (video, original) = (format!("{path}/video.webm"), format!("{path}/original.webm"));
    let whole = user.bytes(&video).await;
    assert_eq!(scrub(server.backend.place()).await, []);

    server.backend.rot("_chunk_2.");
    server.backend.lose("_chunk_4.");
    let found = scrub(server.backend.place()).await;
    let expected = [("part 2", DamageKind::OtherBytes), ("part 4", DamageKind::Gone)];
    assert_eq!(found, expected.map(|(piece, kind)| (piece.to_owned(), kind)));
    let status = user.get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["damagedChunks"], json!([2, 4]));
    let listed = user.get("/videos?damaged=true").await.ok();
    assert_eq!(listed["videos"][0]["sessionId"], json!(session));
    assert_eq!(listed["videos"][0]["damagedChunks"], json!([2, 4]));
    // Playable without the two seconds, and never under the whole one's name.
    let left = user.bytes(&video).await;
    decode(&left);
    assert!(left.len() < whole.len() - parts[2].len() / 2);
    let frames = |bytes: &[u8]| probe(bytes, "packet=stream_index").lines().count();
    assert!(frames(&left) < frames(&whole));
    let etag = |response: &reqwest::Response| response.headers()["etag"].clone();
    let response = user.http.get(format!("{}{video}", server.url())).send().await.unwrap();
    let asked =
        user.http.get(format!("{}{video}", server.url())).header("If-None-Match", etag(&response));
    assert_eq!(asked.send().await.unwrap().status().as_u16(), 304);
    assert_eq!(status_of(&user, &original).await, 500, "what came can't be given any more");
    assert_eq!(status_of(&user, &format!("{path}/live/2")).await, 404);
    let page = browser.get(&path).await;
    assert!(page.html.contains("some seconds were damaged"));
    assert!(browser.get("/my/videos").await.html.contains(">Damaged<"));

    user.chunk(&session, 2, &parts[3]).await.refused(400);
    user.chunk(&session, 2, &parts[2]).await.ok();
    user.chunk(&session, 4, &parts[4]).await.ok();
    assert_eq!(user.get(&format!("/videos/{session}")).await.ok().get("damagedChunks"), None);
    assert_eq!(user.get("/videos?damaged=true").await.ok()["videos"], json!([]));
    assert!(user.bytes(&video).await == whole);
    assert!(user.bytes(&original).await == real().whole());
    assert_eq!(scrub(server.backend.place()).await, []);
    assert_eq!(server.objects(), parts.len(), "the damaged objects are gone");
}

/// A segment that was damaged before it came has a placeholder: the server sees it in the bytes.
#[tokio::test]
async fn placeholder_is_a_hole_on_the_page_and_in_the_api() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut parts = real().stream();
    let tracks = snaplark_formats::webm::read_init(&parts[0]).unwrap().tracks;
    let lost = snaplark_formats::webm::index(&parts[1]).unwrap().clusters;
    let (start_ms, end_ms) = (lost[0].start_ms, lost[lost.len() - 1].end_ms);
    let size_bytes = parts[1].len() as u64;
    parts[1] =
        snaplark_formats::webm::placeholder(&tracks, start_ms, end_ms - start_ms, size_bytes)
            .unwrap();
    let (session, path) = upload(&user, &parts).await;
    let status = user.get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["holes"], json!([{"startMs": start_ms, "endMs": end_ms}]));
    decode(&user.bytes(&format!("{path}/video.webm")).await);
    let page = user.http.get(format!("{}{path}", server.url())).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("damaged during recording, and shown in gray"), "{page}");
}

#[tokio::test]
async fn without_a_header_nothing_is_served_unless_another_part_has_it() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let (_, stream) = upload(&user, &real().stream()).await;
    server.backend.rot("_chunk_0.");
    scrub(server.backend.place()).await;
    assert_eq!(status_of(&user, &format!("{stream}/video.webm")).await, 500);
    assert_eq!(status_of(&user, &format!("{stream}/live/init.webm")).await, 404);
    let page = user.http.get(format!("{}{stream}", server.url())).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("This recording is damaged"));

    let (session, standalone) = upload(&user, &real().standalone()).await;
    server.backend.rot(&format!("{session}_chunk_0."));
    // Bytes that were cut anywhere: what is left would be a guess.
    let whole = real().whole();
    let cut: Vec<_> = whole.chunks(whole.len() / 3 + 1).map(<[u8]>::to_vec).collect();
    let (session, joined) = upload(&user, &cut).await;
    server.backend.rot(&format!("{session}_chunk_1."));
    assert_eq!(scrub(server.backend.place()).await.len(), 3);
    decode(&user.bytes(&format!("{standalone}/video.webm")).await);
    assert_eq!(status_of(&user, &format!("{joined}/video.webm")).await, 500);
}

/// The server's own slow round, when a video's time has come; and what a restored disk brings back.
#[tokio::test]
async fn the_server_looks_by_itself() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user, &real().stream()).await;
    let until = async |what: &str, is: &dyn Fn(&serde_json::Value) -> bool| {
        wait::until_true(what, async || {
            // A month each time: the server may not be back from its last round yet.
            server.pass_ms(30 * 24 * 60 * 60 * 1000 + 1);
            is(&user.get(&format!("/videos/{session}")).await.ok())
        })
        .await;
    };
    let picture = async || {
        let url = format!("{}{path}/made/thumbnail.jpg", server.url());
        let response = user.http.get(url).send().await.unwrap();
        (response.headers().get("etag").cloned(), response.bytes().await.unwrap())
    };
    until("a picture", &|status| status["thumbnailUrl"].is_string()).await;
    let (first, _) = picture().await;
    server.backend.rot("_chunk_1.");
    server.backend.rot("thumbnail.jpg");
    until("the damage", &|status| status["damagedChunks"] == json!([1])).await;
    let second = wait::until("another picture", async || {
        let (etag, bytes) = picture().await;
        (etag.is_some() && etag != first).then_some(bytes)
    })
    .await;
    assert_eq!(probe(&second, "stream=width"), "320");
    // Rotten twice in the same place is whole, as is what came back from a backup.
    server.backend.rot("_chunk_1.");
    until("whole", &|status| status.get("damagedChunks").is_none()).await;
}
