//! Tests what is particular to servers of seed 002.

use snaplark_core::upload::Failure;
use snaplark_destinations::fake::{FakeServer, Faults};
use snaplark_destinations::{
    Completion, Destination as _, FileFacts, Opening, OutgoingPart, Poster, WholeItem,
};

use crate::poster_server::{Memory, Watched, watched};
use crate::rig::{bytes_of, completion, opening_of, part, poster_at};

const CHUNK: &str = "/api/poster/video/chunk";
const FINALIZE: &str = "/api/poster/video/finalize";

fn film() -> FileFacts {
    FileFacts {
        filename: "Checkout.mp4".into(),
        mime: "video/mp4".into(),
        size_bytes: 1,
        description: Some("Two steps".into()),
    }
}

async fn send_all(poster: &Poster, opening: &Opening, part_count: u32) -> Completion {
    let session = poster.open(opening).await.unwrap().session;
    let mut receipts = Vec::new();
    for index in 0..part_count {
        let part = OutgoingPart { part_count: Some(part_count), ..part(index, &bytes_of(index)) };
        receipts.push(poster.send(&session, part).await.unwrap());
    }
    Completion { receipts, ..completion() }
}

#[tokio::test]
async fn file_above_the_limit_is_refused_before_its_first_byte() {
    let Watched { http, log, .. } = watched(FakeServer::default(), Memory::Keeps).await;
    let poster = poster_at(&http.base_url);
    let most = poster.offers().file_bytes_max.unwrap();
    let of = |size_bytes| Opening {
        whole: Some(WholeItem { size_bytes, part_count: 51 }),
        ..opening_of(1)
    };
    poster.open(&of(most)).await.unwrap();
    let refused = poster.open(&of(most + 1)).await.unwrap_err();
    assert!(
        matches!(&refused, Failure::Refused { detail } if detail.contains("51 MB") && detail.contains("50 MB")),
        "{refused:?}"
    );
    assert_eq!(log.count(CHUNK), 0);
}

#[tokio::test]
async fn what_the_document_has_no_place_for_is_refused_before_its_first_byte() {
    let Watched { http, .. } = watched(FakeServer::default(), Memory::Keeps).await;
    let poster = poster_at(&http.base_url);
    let file = |mime: &str| Some(FileFacts { mime: mime.into(), ..film() });
    for opening in [
        Opening { picture: Some(1), ..opening_of(1) },
        Opening { version: Some(2), ..opening_of(1) },
        Opening { file: file("image/png"), ..opening_of(1) },
        Opening { file: file("video/x-matroska"), ..opening_of(1) },
        Opening { whole: None, ..opening_of(1) },
    ] {
        let refused = poster.open(&opening).await;
        assert!(matches!(refused, Err(Failure::Refused { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn title_and_description_are_told_under_the_name_that_the_server_gave() {
    let Watched { http, titles, .. } = watched(FakeServer::default(), Memory::Keeps).await;
    let poster = poster_at(&http.base_url);
    let opening = Opening { file: Some(film()), ..opening_of(1) };
    let session = poster.open(&opening).await.unwrap().session;
    let end = send_all(&poster, &opening, 1).await;
    let end = Completion { file: Some(film()), title: Some("Monday".into()), ..end };
    poster.finish(&session, &end).await.unwrap();
    let told = titles.lock().unwrap().clone();
    let name = format!("video_{}.mp4", session.0);
    assert_eq!(told[&name], ("Monday".to_owned(), "Two steps".to_owned()));
    poster.finish(&session, &end).await.unwrap();
    assert_eq!(titles.lock().unwrap().len(), 1, "one record of one video");
}

#[tokio::test]
async fn video_without_a_title_has_the_name_of_its_file() {
    let Watched { http, titles, .. } = watched(FakeServer::default(), Memory::Keeps).await;
    let poster = poster_at(&http.base_url);
    let opening = opening_of(1);
    let session = poster.open(&opening).await.unwrap().session;
    let end = send_all(&poster, &opening, 1).await;
    poster.finish(&session, &end).await.unwrap();
    let titles: Vec<_> = titles.lock().unwrap().values().cloned().collect();
    assert_eq!(titles, [("recording_2026-11-29T10-30-45".to_owned(), String::new())]);
}

/// The server deletes the chunks when it has joined them, and the answer to that is lost.
#[tokio::test]
async fn upload_is_sent_again_when_the_server_has_joined_it_and_nobody_was_told() {
    let server = FakeServer::default();
    let Watched { http, log, .. } = watched(server.clone(), Memory::Forgets).await;
    let poster = poster_at(&http.base_url);
    let opening = opening_of(2);
    let session = poster.open(&opening).await.unwrap().session;
    let end = send_all(&poster, &opening, 2).await;
    server.set_faults(Faults { replies_cut: 1, ..Faults::default() });
    let lost = poster.finish(&session, &end).await;
    assert!(matches!(lost, Err(Failure::Unreachable { .. })), "{lost:?}");
    assert_eq!(poster.finish(&session, &end).await, Err(Failure::SessionUnknown));
    assert_eq!(log.count(FINALIZE), 2);
    // The machine opens the upload anew and sends all of it.
    send_all(&poster, &opening, 2).await;
    assert!(server.content(&session) == Some([bytes_of(0), bytes_of(1)].concat()));
}

/// Nothing was lost here: the error is the server's own, and passes.
#[tokio::test]
async fn error_of_the_server_at_the_end_is_retried() {
    let server = FakeServer::default();
    let Watched { http, .. } = watched(server.clone(), Memory::Forgets).await;
    let first = poster_at(&http.base_url);
    let opening = opening_of(1);
    let session = first.open(&opening).await.unwrap().session;
    let end = send_all(&first, &opening, 1).await;
    first.finish(&session, &end).await.unwrap();
    let second = poster_at(&http.base_url).finish(&session, &end).await;
    assert!(matches!(second, Err(Failure::TryAgain { .. })), "{second:?}");
}
