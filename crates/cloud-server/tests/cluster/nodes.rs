//! Two nodes on one database and one bucket: any of them can answer anything, and one that dies in
//! the middle takes nothing along.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::backend::Backend;
use crate::program::{Running, token};
use crate::support::{User, chunk_form, decode, real};
use crate::wait;

/// Round and round, as a balancer does it that has not noticed yet which node is gone.
struct Round {
    nodes: Vec<User>,
    next: AtomicUsize,
}

impl Round {
    fn turn(&self) -> &User {
        &self.nodes[self.next.fetch_add(1, Ordering::SeqCst) % self.nodes.len()]
    }
}

#[tokio::test]
async fn one_of_two_nodes_dies_and_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let (first, second) = (Running::start(&backend), Running::start(&backend));
    let nodes = [&first.url, &second.url].map(|url| User::new(url, &token)).to_vec();
    let round = Round { nodes, next: AtomicUsize::new(0) };
    let parts = real().stream();
    let session = round.turn().init().await;
    let half = parts.len() / 2;
    for (index, part) in parts[..half].iter().enumerate() {
        round.turn().chunk(&session, index, part).await.ok();
    }
    // The rest at once, and one node dies under it: what fails is sent again to the next.
    let mut first = Some(first);
    let mut sends = tokio::task::JoinSet::new();
    for (index, part) in parts.iter().cloned().enumerate().skip(half) {
        let (user, session) = (round.turn().clone(), session.clone());
        sends.spawn(async move {
            let form = chunk_form(&session, &index.to_string(), &part);
            let request = user.http.post(format!("{}/api/v1/videos/chunk", user.url));
            let sent = request.bearer_auth(&user.token).multipart(form).send().await;
            (index, sent.is_ok_and(|answer| answer.status().is_success()))
        });
    }
    let mut acknowledged: Vec<usize> = (0..half).collect();
    while let Some(sent) = sends.join_next().await {
        let (index, ok) = sent.unwrap();
        acknowledged.extend(ok.then_some(index));
        if let Some(node) = first.take() {
            node.kill();
        }
    }
    let alive = &round.nodes[1];
    let status = alive.get(&format!("/videos/{session}")).await.ok();
    let here: Vec<u64> =
        status["receivedChunks"].as_array().unwrap().iter().map(|i| i.as_u64().unwrap()).collect();
    assert!(
        acknowledged.iter().all(|index| here.contains(&(*index as u64))),
        "{acknowledged:?} {here:?}"
    );
    for (index, part) in parts.iter().enumerate() {
        if !here.contains(&(index as u64)) {
            alive.chunk(&session, index, part).await.ok();
        }
    }
    let answer = alive.finalize(&session, parts.len()).await.ok();
    let third = Running::start(&backend);
    let user = User::new(&third.url, &token);
    let video = answer["videoId"].as_str().unwrap();
    assert!(user.bytes(&format!("/videos/{video}/original.webm")).await == real().whole());
    decode(&user.bytes(&format!("/videos/{video}/video.webm")).await);
    second.kill();
    third.kill();
}

#[tokio::test]
async fn two_nodes_that_finalize_at_once_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let (first, second) = (Running::start(&backend), Running::start(&backend));
    let (one, other) = (User::new(&first.url, &token), User::new(&second.url, &token));
    let id = uuid::Uuid::now_v7();
    let mut body = crate::support::init_000();
    body["recordingId"] = serde_json::json!(id);
    let (a, b) = tokio::join!(one.post("/videos/init", &body), other.post("/videos/init", &body));
    let (a, b) = (a.ok(), b.ok());
    assert_eq!(a["sessionId"], b["sessionId"], "one recording is one session");
    let session = a["sessionId"].as_str().unwrap();
    let part = real().whole();
    tokio::join!(one.chunk(session, 0, &part), other.chunk(session, 0, &part));
    let (a, b) = tokio::join!(one.finalize(session, 1), other.finalize(session, 1));
    assert_eq!(a.ok()["videoId"], b.ok()["videoId"]);
    assert_eq!(backend.objects(), 1, "the same part twice is kept once");
    first.kill();
    second.kill();
}

#[tokio::test]
async fn a_node_whose_bucket_refuses_it_is_not_ready() {
    let server = crate::support::Server::with(|options| {
        options.cloud.place.storage_keys = Some(("test".to_owned(), "not-the-secret".to_owned()));
    })
    .await;
    let ready = crate::support::http().get(format!("{}/readyz", server.url()));
    let answer = ready.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.text().await.unwrap(), "not ready: the storage can't be reached\n");
}

#[tokio::test]
async fn a_database_that_is_lost_is_restored_beside_a_newer_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let running = Running::start(&backend);
    let user = User::new(&running.url, &token);
    let answer = user.upload(&real().stream()).await;
    let path = format!("/videos/{}", answer["videoId"].as_str().unwrap());
    let session = user.init().await;
    let parts = real().standalone();
    user.chunk(&session, 0, &parts[0]).await.ok();
    let saved = folder.path().join("saved");
    backend.back_up_database(&saved);
    user.chunk(&session, 1, &parts[1]).await.ok();
    running.kill();
    backend.restore_database(&saved);

    let running = Running::start(&backend);
    let user = User::new(&running.url, &token);
    decode(&user.bytes(&format!("{path}/video.webm")).await);
    let status = user.get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["receivedChunks"], serde_json::json!([0]), "as it was then");
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    user.finalize(&session, parts.len()).await.ok();
    let scrubbed = snaplark_cloud::scrub(backend.place()).await.unwrap();
    assert_eq!((scrubbed.videos, scrubbed.damages.len()), (2, 0));
    running.kill();
}

#[tokio::test]
async fn the_limit_is_of_both_nodes_together() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let limit = [("SNAPLARK_PARTS_PER_SECOND", "4")];
    let (first, second) =
        (Running::start_with(&backend, &limit), Running::start_with(&backend, &limit));
    let (one, other) = (User::new(&first.url, &token), User::new(&second.url, &token));
    let session = one.init().await;
    let part = crate::support::synthetic(1, 10).whole();
    let sends = (0..12).map(|at| {
        if at % 2 == 0 { one.chunk(&session, 0, &part) } else { other.chunk(&session, 0, &part) }
    });
    let begun = std::time::Instant::now();
    let statuses: Vec<u16> = futures_util::future::join_all(sends)
        .await
        .into_iter()
        .map(|answer| answer.status)
        .collect();
    let fine = statuses.iter().filter(|status| **status == 200).count();
    let allowed = 4 + 4 * (begun.elapsed().as_millis() as usize + 999) / 1000;
    assert!(fine >= 4 && fine <= allowed, "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    first.kill();
    second.kill();
}

#[tokio::test]
async fn two_nodes_work_and_each_picture_is_made_once() {
    const VIDEOS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let env = [("SNAPLARK_PARTS_PER_SECOND", "1000000"), ("SNAPLARK_FFMPEG", "ffmpeg")];
    let (first, second) =
        (Running::start_with(&backend, &env), Running::start_with(&backend, &env));
    let (one, other) = (User::new(&first.url, &token), User::new(&second.url, &token));
    let mut sessions = Vec::new();
    for at in 0..VIDEOS {
        let user = if at % 2 == 0 { &one } else { &other };
        let session = user.init().await;
        user.chunk(&session, 0, &real().whole()).await.ok();
        user.finalize(&session, 1).await.ok();
        sessions.push(session);
    }
    let mut made = 0;
    for session in &sessions {
        made += wait::until("its products", async || {
            let status = one.get(&format!("/videos/{session}")).await.ok();
            let jobs = status["jobs"].as_array().unwrap();
            assert!(jobs.iter().all(|job| job["state"] != "failed"), "{status}");
            let is_done = jobs.iter().all(|job| job["state"] == "done");
            assert!(!is_done || jobs.iter().all(|job| job["attempts"] == 1), "{status}");
            is_done.then_some(jobs.len())
        })
        .await;
    }
    assert_eq!(backend.objects(), VIDEOS + made, "a part of each, and what was made of it");
    first.kill();
    second.kill();
}
