//! Tests what only a bucket has: open uploads that cost money, links of private objects, keys, and files in one request.

use std::sync::Arc;

use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, Receipt};
use snaplark_destinations::fake::Faults;
use snaplark_destinations::{
    BucketAddress, Completion, Destination as _, FileFacts, Opening, S3, Token,
};

use crate::bucket_server::{BUCKET, KEYS, Store};
use crate::rig::{self, Rig, completion, opening, part};

async fn rig() -> Rig {
    rig::s3(Store::SeaweedFs).await
}

/// Returns the bucket at its own address, with these keys.
fn direct(rig: &Rig, bucket: &str, keys: Option<(&str, &str)>) -> S3 {
    let address = format!("s3+http://{}/{bucket}", rig.bucket.as_ref().unwrap().direct);
    let token = keys.map(|(id, secret)| Token::new(format!("{id}:{secret}")));
    S3::new(&address, token, Arc::default()).unwrap()
}

fn end(receipts: Vec<Receipt>) -> Completion {
    Completion { receipts, ..completion() }
}

#[tokio::test]
async fn upload_is_found_again_whatever_its_title_is_and_is_the_only_one() {
    let mut rig = rig().await;
    rig.server.set_faults(Faults { replies_cut: 1, ..Faults::default() });
    rig.open().await.unwrap_err();
    let session = rig.open().await.unwrap();
    rig.restart();
    let renamed = Opening { title: Some("Another title".into()), ..opening() };
    assert_eq!(rig.destination.open(&renamed).await.unwrap().session, session);
    let bucket = rig.bucket.as_ref().unwrap();
    assert_eq!(bucket.open_uploads().await.len(), 1);
    let receipt = rig.send(&session, 0).await.unwrap();
    rig.finish(&session, &[receipt]).await.unwrap();
    assert_eq!(bucket.open_uploads().await, Vec::<String>::new(), "nothing is paid for any more");
}

#[tokio::test]
async fn abandoned_upload_leaves_nothing() {
    let rig = rig().await;
    let session = rig.open().await.unwrap();
    rig.send(&session, 0).await.unwrap();
    rig.destination.abandon(&session).await.unwrap();
    let bucket = rig.bucket.as_ref().unwrap();
    assert_eq!(bucket.open_uploads().await, Vec::<String>::new());
    assert_eq!(rig.send(&session, 1).await, Err(Failure::SessionUnknown));
    rig.destination.abandon(&session).await.expect("there is nothing to remove");
    rig.destination.abandon(&SessionId("of another kind".into())).await.unwrap();
}

#[tokio::test]
async fn part_with_another_tag_than_was_confirmed_is_sent_again() {
    let rig = rig().await;
    let session = rig.open().await.unwrap();
    let first = rig.send(&session, 0).await.unwrap();
    let receipts = [first, Receipt("0123456789abcdef0123456789abcdef".into())];
    let failure = rig.finish(&session, &receipts).await;
    assert_eq!(failure, Err(Failure::PartsMissing { indices: vec![1] }));
}

#[tokio::test]
async fn private_object_has_a_link_that_works_without_keys_for_seven_days() {
    let rig = rig().await;
    let destination = direct(&rig, BUCKET, Some(KEYS));
    let titled = Opening { title: Some("Büro \"A\"".into()), ..opening() };
    let session = destination.open(&titled).await.unwrap().session;
    let bytes = rig.bytes_of(0);
    let receipt = destination.send(&session, part(0, &bytes)).await.unwrap();
    let link = destination.finish(&session, &end(vec![receipt])).await.unwrap().unwrap();
    assert!(link.contains("X-Amz-Expires=604800") && !link.contains(KEYS.1), "{link}");
    let shown = reqwest::get(&link).await.unwrap();
    assert_eq!(shown.status(), 200);
    assert_eq!(shown.headers()["content-type"], "video/webm");
    let disposition = shown.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.ends_with("filename*=UTF-8''B%C3%BCro%20%22A%22.webm"), "{disposition}");
    assert!(shown.bytes().await.unwrap() == bytes);
}

#[tokio::test]
async fn wrong_keys_and_a_missing_bucket_are_told_apart() {
    let rig = rig().await;
    for keys in [("test", "wrong"), ("nobody", "test-secret")] {
        let destination = direct(&rig, BUCKET, Some(keys));
        assert_eq!(destination.open(&opening()).await, Err(Failure::SignedOut), "{keys:?}");
        assert_eq!(destination.check_access().await, Err(Failure::SignedOut), "{keys:?}");
    }
    let nobody = direct(&rig, BUCKET, None);
    assert_eq!(nobody.open(&opening()).await, Err(Failure::SignedOut));
    let nowhere = direct(&rig, "missing", Some(KEYS));
    // SeaweedFS makes a bucket for whoever writes into it, so only the beginning of an upload is refused.
    let failure = nowhere.open(&opening()).await.unwrap_err();
    let detail = failure.to_string();
    assert!(matches!(failure, Failure::Refused { .. }), "{failure:?}");
    assert!(detail.contains("no such bucket") && !detail.contains(KEYS.1), "{detail}");
    direct(&rig, BUCKET, Some(KEYS)).check_access().await.unwrap();
    assert_eq!(rig.completed().await, 0, "the check leaves nothing");
}

#[tokio::test]
async fn file_below_one_part_is_one_request() {
    let rig = rig().await;
    let file = FileFacts {
        filename: "Demo.mp4".into(),
        mime: "video/mp4".into(),
        size_bytes: rig::bytes_of(0).len() as u64,
        description: None,
    };
    let imported = Opening { file: Some(file.clone()), ..opening() };
    let session = rig.destination.open(&imported).await.unwrap().session;
    assert_eq!(rig.destination.received(&session).await.unwrap().parts, []);
    let bytes = rig::bytes_of(0);
    let receipt = rig.destination.send(&session, part(0, &bytes)).await.unwrap();
    let received = rig.destination.received(&session).await.unwrap();
    assert_eq!((received.parts, received.finished), (vec![(0, receipt.clone())], true));
    let end = Completion { file: Some(file), ..end(vec![receipt]) };
    let link = rig.destination.finish(&session, &end).await.unwrap().unwrap();
    let bucket = rig.bucket.as_ref().unwrap();
    let key = &bucket.keys().await[0];
    assert!(key.starts_with("demo-") && key.ends_with(".mp4"), "{key}");
    assert_eq!(link, format!("https://videos.example/{key}"));
    assert!(bucket.open_uploads().await.is_empty(), "no upload in parts was begun");
}

#[tokio::test]
async fn items_have_the_prefix_the_storage_class_and_the_public_address_that_the_account_names() {
    let rig = rig::s3(Store::Moto).await;
    let bucket = rig.bucket.as_ref().unwrap();
    let named = format!(
        "{BUCKET}/team/demos?class=STANDARD_IA&public=https://videos.example/x/{{key}}?raw=1"
    );
    let destination = direct(&rig, &named, Some(KEYS));
    let bytes = rig::bytes_of(0);
    let file = FileFacts {
        filename: "Demo.mp4".into(),
        mime: "video/mp4".into(),
        size_bytes: bytes.len() as u64,
        description: None,
    };
    // A recording in parts, and a file in one request.
    for file in [None, Some(file)] {
        let before = bucket.keys().await;
        let item = Opening { file: file.clone(), ..opening() };
        let session = destination.open(&item).await.unwrap().session;
        let receipt = destination.send(&session, part(0, &bytes)).await.unwrap();
        let end = Completion { file: file.clone(), ..end(vec![receipt]) };
        let link = destination.finish(&session, &end).await.unwrap().unwrap();
        let keys = bucket.keys().await;
        let [key] = keys.iter().filter(|key| !before.contains(key)).collect::<Vec<_>>()[..] else {
            panic!("one more object than {before:?}, and there are {keys:?}");
        };
        assert!(key.starts_with("team/demos/"), "{key}");
        assert_eq!(link, format!("https://videos.example/x/{key}?raw=1"), "{file:?}");
        assert_eq!(bucket.storage_class(key).await.as_deref(), Some("STANDARD_IA"), "{file:?}");
    }
}

#[test]
fn address_of_a_bucket_is_told_from_a_servers() {
    assert!(BucketAddress::is_one("s3+https://s3.example.com/videos"));
    assert!(!BucketAddress::is_one("https://s3.example.com/videos"));
}
