//! Tests what is particular to servers of seed 003.

use axum::Router;
use axum::response::Html;
use snaplark_api::PartSize;
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_destinations::fake::{FakeServer, Faults};
use snaplark_destinations::{
    Completion, Destination as _, FileFacts, Opening, OutgoingPart, Storage, WholeItem,
};

use crate::documents_server::DocumentsServer;
use crate::rig::{bytes_of, completion, opening_of, part, storage_at};
use crate::storage_server::{Direct, Watched, watched};
use crate::strict::Log;

const ASK: &str = "/api/storage/get-direct-upload-url";
const INIT: &str = "/api/storage/init-chunked-upload";
const CHUNK: &str = "/api/storage/upload-chunk";
const TEST: &str = "/api/storage/network-test";

async fn send(
    storage: &Storage,
    session: &SessionId,
    index: u32,
    part_count: u32,
) -> Result<Receipt, Failure> {
    let part = OutgoingPart { part_count: Some(part_count), ..part(index, &bytes_of(index)) };
    storage.send(session, part).await
}

#[tokio::test]
async fn file_of_one_part_is_put_at_an_address_of_its_own() {
    let server = FakeServer::default();
    let Watched { http, log, .. } = watched(server.clone(), Direct::Offered).await;
    let storage = storage_at(&http.base_url);
    let file = FileFacts {
        filename: "Größe & Ton.mp4".into(),
        mime: "video/mp4".into(),
        size_bytes: bytes_of(0).len() as u64,
        description: None,
    };
    let opening = Opening { file: Some(file), ..opening_of(1) };
    let session = storage.open(&opening).await.unwrap().session;
    let receipt = send(&storage, &session, 0, 1).await.unwrap();
    let end = Completion { receipts: vec![receipt], ..completion() };
    let link = storage.finish(&session, &end).await.unwrap();
    assert_eq!(link.as_deref(), Some("https://fake.example/file-1"));
    assert!(server.content(&SessionId("file-1".into())) == Some(bytes_of(0)));
    assert_eq!((log.count(ASK), log.count(INIT)), (1, 0));
}

#[tokio::test]
async fn larger_file_goes_in_chunks_since_a_put_can_not_be_resumed() {
    let Watched { http, log, .. } = watched(FakeServer::default(), Direct::Offered).await;
    storage_at(&http.base_url).open(&opening_of(2)).await.unwrap();
    assert_eq!((log.count(ASK), log.count(INIT)), (0, 1));
}

#[tokio::test]
async fn another_address_is_asked_for_when_one_is_over_or_was_lost_at_a_restart() {
    let server = FakeServer::default();
    let Watched { http, log, .. } = watched(server.clone(), Direct::Over).await;
    let storage = storage_at(&http.base_url);
    let session = storage.open(&opening_of(1)).await.unwrap().session;
    let over = send(&storage, &session, 0, 1).await;
    assert!(matches!(over, Err(Failure::TryAgain { .. })), "not a sign-out: {over:?}");
    send(&storage, &session, 0, 1).await.unwrap();
    assert!(server.content(&SessionId("file-2".into())) == Some(bytes_of(0)));
    send(&storage_at(&http.base_url), &session, 0, 1).await.unwrap();
    assert_eq!(log.count(ASK), 3);
}

#[tokio::test]
async fn no_chunk_is_sent_twice_when_the_client_was_restarted() {
    let server = FakeServer::default();
    let Watched { http, log, .. } = watched(server.clone(), Direct::NotOffered).await;
    let first = storage_at(&http.base_url);
    let session = first.open(&opening_of(3)).await.unwrap().session;
    send(&first, &session, 0, 3).await.unwrap();
    server.set_faults(Faults { replies_cut: 1, ..Faults::default() });
    send(&first, &session, 1, 3).await.unwrap_err();
    // The machine has no row of the second chunk, and sends it again.
    let second = storage_at(&http.base_url);
    send(&second, &session, 1, 3).await.unwrap();
    let receipt = send(&second, &session, 2, 3).await.unwrap();
    assert_eq!(log.count(CHUNK), 3);
    let end = Completion { receipts: vec![receipt; 3], ..completion() };
    second.finish(&session, &end).await.unwrap();
    assert!(server.content(&session) == Some([bytes_of(0), bytes_of(1), bytes_of(2)].concat()));
}

#[tokio::test]
async fn upload_begins_anew_when_the_server_has_counted_a_chunk_twice() {
    let server = FakeServer::default();
    let Watched { http, sessions, .. } = watched(server.clone(), Direct::NotOffered).await;
    let storage = storage_at(&http.base_url);
    let session = storage.open(&opening_of(2)).await.unwrap().session;
    let receipts = vec![
        send(&storage, &session, 0, 2).await.unwrap(),
        send(&storage, &session, 1, 2).await.unwrap(),
    ];
    sessions.lock().unwrap().get_mut(&session.0).unwrap().received.push(1);
    let end = Completion { receipts, ..completion() };
    assert_eq!(storage.finish(&session, &end).await, Err(Failure::SessionUnknown));
}

/// After a 413 the parts are planned anew, and the server was told of another number.
#[tokio::test]
async fn upload_begins_anew_when_it_has_another_number_of_parts() {
    let Watched { http, .. } = watched(FakeServer::default(), Direct::NotOffered).await;
    let first = storage_at(&http.base_url);
    let session = first.open(&opening_of(2)).await.unwrap().session;
    assert_eq!(send(&first, &session, 0, 3).await, Err(Failure::SessionUnknown));
    let second = storage_at(&http.base_url);
    assert_eq!(send(&second, &session, 0, 3).await, Err(Failure::SessionUnknown));
    send(&second, &session, 0, 2).await.unwrap();
}

#[tokio::test]
async fn file_above_the_limit_is_refused_before_its_first_byte() {
    let Watched { http, log, .. } = watched(FakeServer::default(), Direct::Offered).await;
    let storage = storage_at(&http.base_url);
    let most = storage.offers().file_bytes_max.unwrap();
    let whole = Some(WholeItem { size_bytes: most + 1, part_count: 101 });
    let refused = storage.open(&Opening { whole, ..opening_of(1) }).await.unwrap_err();
    assert!(
        matches!(&refused, Failure::Refused { detail } if detail.contains("501 MB") && detail.contains("500 MB")),
        "{refused:?}"
    );
    assert_eq!((log.count(INIT), log.count(ASK)), (0, 0));
}

#[tokio::test]
async fn line_is_measured_once() {
    let Watched { http, log, .. } = watched(FakeServer::default(), Direct::NotOffered).await;
    let storage = storage_at(&http.base_url);
    let online = ProbeVerdict::Online { capabilities: None };
    assert_eq!(storage.probe().await, online);
    let measured = log.count(TEST);
    assert!((1..=2).contains(&measured), "{measured} tests");
    assert_eq!(storage.offers().part_size, PartSize::Fixed(8 * 1024 * 1024), "loopback is quick");
    assert_eq!(storage.probe().await, online);
    assert_eq!(log.count(TEST), measured + 1, "the later probe is one request for one byte");
}

#[tokio::test]
async fn server_without_a_test_is_online_with_the_usual_parts() {
    let http = DocumentsServer::of(Router::new(), Log::default()).await;
    let storage = storage_at(&http.base_url);
    assert_eq!(storage.probe().await, ProbeVerdict::Online { capabilities: None });
    assert_eq!(storage.offers().part_size, PartSize::Fixed(5 * 1024 * 1024));
}

#[tokio::test]
async fn captive_portal_is_not_the_server() {
    let portal = Router::new().fallback(|| async { Html("<h1>Sign in to the network</h1>") });
    let http = DocumentsServer::of(portal, Log::default()).await;
    let storage = storage_at(&http.base_url);
    for _ in 0..2 {
        let verdict = storage.probe().await;
        assert!(matches!(verdict, ProbeVerdict::Offline { .. }), "{verdict:?}");
    }
    let sent = storage.open(&opening_of(2)).await;
    assert!(matches!(sent, Err(Failure::NotTheApi { .. })), "{sent:?}");
}
