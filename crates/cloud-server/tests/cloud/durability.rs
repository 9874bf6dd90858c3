//! kill -9 and start again: nothing that was acknowledged is lost, in either order of events.

use crate::backend::Backend;
use crate::program::{Running, token};
use crate::support::{User, real};

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_at_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let recording = real();
    let parts = recording.stream();
    let token = token(&backend);
    let mut running = Running::start(&backend);
    let session = User::new(&running.url, &token).init().await;
    for (index, part) in parts.iter().enumerate() {
        User::new(&running.url, &token).chunk(&session, index, part).await.ok();
        running.kill();
        running = Running::start(&backend);
        let user = User::new(&running.url, &token);
        let status = user.get(&format!("/videos/{session}")).await.ok();
        assert_eq!(status["receivedChunks"].as_array().unwrap().len(), index + 1);
    }
    let answer = User::new(&running.url, &token).finalize(&session, parts.len()).await.ok();
    running.kill();
    let running = Running::start(&backend);
    let user = User::new(&running.url, &token);
    // Links hold the address of before; the video is the same.
    let video = answer["videoId"].as_str().unwrap();
    assert!(user.bytes(&format!("/videos/{video}/original.webm")).await == recording.whole());
    crate::support::decode(&user.bytes(&format!("/videos/{video}/video.webm")).await);
    assert_eq!(user.finalize(&session, parts.len()).await.ok()["videoId"], video);
    assert_eq!(backend.objects(), parts.len());
    running.kill();
}

#[tokio::test]
async fn a_kill_in_the_middle_of_parts_loses_only_what_was_not_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let parts = real().stream();
    let token = token(&backend);
    let running = Running::start(&backend);
    let session = User::new(&running.url, &token).init().await;
    let mut sends = tokio::task::JoinSet::new();
    for (index, part) in parts.iter().cloned().enumerate() {
        let (url, token, session) = (running.url.clone(), token.clone(), session.clone());
        sends.spawn(async move {
            let user = User::new(&url, &token);
            let form = crate::support::chunk_form(&session, &index.to_string(), &part);
            let request = user.http.post(format!("{url}/api/v1/videos/chunk"));
            let sent = request.bearer_auth(&token).multipart(form).send().await;
            sent.is_ok_and(|response| response.status().is_success()).then_some(index)
        });
    }
    // Whichever was first: the others are under way.
    let mut acknowledged = vec![sends.join_next().await.unwrap().unwrap().unwrap()];
    running.kill();
    acknowledged.extend(sends.join_all().await.into_iter().flatten());

    let running = Running::start(&backend);
    let user = User::new(&running.url, &token);
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let here: Vec<_> =
        status["receivedChunks"].as_array().unwrap().iter().map(|i| i.as_u64().unwrap()).collect();
    assert!(
        acknowledged.iter().all(|index| here.contains(&(*index as u64))),
        "{acknowledged:?} {here:?}"
    );
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let answer = user.finalize(&session, parts.len()).await.ok();
    crate::support::decode(&user.bytes(&format!("/{}", answer["key"].as_str().unwrap())).await);
    running.kill();
}
