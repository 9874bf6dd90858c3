//! What a user may keep and send: refused where it is too much, counted where it is not, and never
//! in the way of what is stored already.

use serde_json::json;
use snaplark_cloud::{Limits, OwnLimits};

use crate::browser::signed_in;
use crate::support::{Server, User, init_000, synthetic};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

async fn server(limits: Limits) -> Server {
    Server::with(|options| options.limits = limits).await
}

async fn stored(user: &User) -> u64 {
    user.get("/usage").await.ok()["storedBytes"].as_u64().unwrap()
}

#[tokio::test]
async fn full_is_said_and_what_is_stored_stays_acknowledged() {
    let parts = synthetic(4, 1000).stream();
    let room = parts[..3].iter().map(Vec::len).sum::<usize>() as u64;
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
    assert!(answer["message"].as_str().unwrap().contains("What was acknowledged is safe"));
    assert_eq!(server.objects(), 2, "what was refused is not left behind");
    assert_eq!(stored(&user).await, parts[..2].iter().map(Vec::len).sum::<usize>() as u64);

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
    let size = |parts: &[Vec<u8>]| parts.iter().map(Vec::len).sum::<usize>() as u64;

    // A part in place of another, one too many at finalize, and an upload that is left.
    let session = user.init().await;
    user.chunk(&session, 0, &synthetic(1, 4000).whole()).await.ok();
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    assert_eq!(stored(&user).await, size(&parts));
    user.finalize(&session, 2).await.ok();
    assert_eq!(stored(&user).await, size(&parts[..2]));
    let left = user.init().await;
    user.chunk(&left, 0, &parts[0]).await.ok();
    assert_eq!(stored(&user).await, size(&parts[..2]) + size(&parts[..1]));
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
    let begun = std::time::Instant::now();
    while stored(&user).await > 0 || server.objects() > 0 {
        assert!(begun.elapsed().as_secs() < 60, "{} bytes", stored(&user).await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
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
    assert!(refused.refused(429)["message"].as_str().unwrap().contains("3 uploads a day"));
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
    let room = part.len() as u64 * 5;
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
    let server = server(Limits { storage_bytes: Some(10), ..Limits::default() }).await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    let part = synthetic(1, 100_000).whole();
    let session = user.init().await;
    user.chunk(&session, 0, &part).await.refused(507);
    let more = |own: &mut OwnLimits| own.storage_bytes = Some(Some(1_000_000));
    let place = server.backend.place();
    let (used, own) = snaplark_cloud::limit_user(place, "A@example.com", more).await.unwrap();
    assert_eq!((used.stored_bytes, used.day_uploads), (0, 0), "this test's day is another");
    assert_eq!(own.storage_bytes, Some(Some(1_000_000)));
    user.chunk(&session, 0, &part).await.ok();
    assert_eq!(user.get("/usage").await.ok()["storedBytesMax"], 1_000_000);
    let html = browser.get("/my/videos").await.html;
    let said = format!("{} of 1.0 MB used", snaplark_cloud::size_words(part.len() as u64));
    assert!(html.contains("<meter") && html.contains(&said), "{said}: {html}");
    let none = |own: &mut OwnLimits| own.storage_bytes = Some(None);
    snaplark_cloud::limit_user(server.backend.place(), "a@example.com", none).await.unwrap();
    assert!(!browser.get("/my/videos").await.html.contains("<meter"));
    let unknown = snaplark_cloud::limit_user(server.backend.place(), "b@example.com", none).await;
    assert!(unknown.unwrap_err().to_string().contains("There is no user b@example.com"));
}
