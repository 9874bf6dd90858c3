//! Files that go to the bucket and come from it without the server in between.

use serde_json::json;

use crate::dialects::{film, get, post};
use crate::screenshots::{picture, send};
use crate::support::{Answer, Server, User};

async fn given(user: &User, kind: &str) -> serde_json::Value {
    let path = format!("/api/storage/get-direct-upload-url?fileName=f&contentType={kind}");
    get(user, &path).await.ok()
}

#[tokio::test]
async fn the_address_is_the_buckets_and_takes_what_it_was_signed_for() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = film("mp4");
    let given = given(&user, "video/mp4").await;
    let upload_url = given["uploadUrl"].as_str().unwrap();
    assert!(!upload_url.starts_with(&server.url()) && upload_url.contains("X-Amz-Signature="));
    let wrong = upload_url.replace("X-Amz-Signature=", "X-Amz-Signature=0");
    let refused = user.http.put(wrong).body(file.clone()).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 403);
    let sent = user.http.put(upload_url).body(file.clone()).send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    let body = json!({"uploadId": given["uploadId"]});
    let done = post(&user, "/api/storage/complete-direct-upload", &body).await.ok();
    assert_eq!(done["size"], file.len());

    // It still takes bytes, but they are nobody's.
    user.http.put(upload_url).body(vec![0; 999]).send().await.unwrap();
    let path = given["url"].as_str().unwrap().strip_prefix(&server.url()).unwrap();
    assert!(user.bytes(path).await == file, "the file itself");
    let again = post(&user, "/api/storage/complete-direct-upload", &body).await.ok();
    assert_eq!(again, done);
}

#[tokio::test]
async fn what_is_not_what_it_was_announced_as_is_never_shown() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let given = given(&user, "video/webm").await;
    let html = "<!doctype html><script>alert(1)</script>";
    let sent = user.http.put(given["uploadUrl"].as_str().unwrap()).body(html).send().await.unwrap();
    assert!(sent.status().is_success());
    let page = user.http.get(given["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 404);
    assert_eq!(server.objects(), 0);
}

#[tokio::test]
async fn downloads_of_one_object_come_from_the_bucket_where_that_is_wished() {
    let server = Server::with(|options| options.cloud.redirects_downloads = true).await;
    let user = server.user("a@example.com").await;
    let bytes = picture("png");
    let answer = send(&user, "Order ä.png", &bytes).await.ok();
    let image = answer["imageUrl"].as_str().unwrap();
    let shown = user.http.get(image).send().await.unwrap();
    assert!(shown.url().as_str() == image, "what a page shows comes from the server");
    let kept = user.http.get(format!("{image}?download")).send().await.unwrap();
    assert!(kept.url().as_str().contains("X-Amz-Signature="), "{}", kept.url());
    assert_eq!(kept.headers()["content-type"], "image/png");
    let name = kept.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(name, "attachment; filename*=UTF-8''Order%20%C3%A4.png");
    assert!(kept.bytes().await.unwrap() == bytes);

    // A recording is a map over many objects.
    let answer = user.upload(&crate::support::real().stream()).await;
    let url = format!("{}?download", answer["url"].as_str().unwrap());
    let kept = user.http.get(&url).send().await.unwrap();
    assert_eq!((kept.url().as_str(), kept.status().as_u16()), (url.as_str(), 200));
    assert!(kept.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));

    // Private stays private: the gate comes before the address.
    let session = answer["sessionId"].as_str().unwrap();
    let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
    let patch = patch.bearer_auth(&user.token).json(&json!({"visibility": "members"}));
    Answer::of(patch.send().await.unwrap()).await.ok();
    assert_eq!(user.http.get(&url).send().await.unwrap().status().as_u16(), 403);
}
