//! Tests that the attacks of an audit still fail, where they failed (docs/hardening.md).

use std::net::TcpListener;

use reqwest::Method;
use serde_json::json;

use crate::browser::signed_in;
use crate::jobs;
use crate::support::{Answer, Server, User, chunk_form, finalize_000, real, synthetic};
use crate::{screenshots, wait};

/// Returns the answer of an address to a stranger.
async fn shown(
    stranger: &User,
    method: &Method,
    path: &str,
    range: Option<&str>,
) -> (u16, Vec<u8>) {
    let url = format!("{}{path}", stranger.url);
    let request = stranger.http.request(method.clone(), url).bearer_auth(&stranger.token);
    let request = range.into_iter().fold(request, |it, range| it.header("range", range));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

/// Everything at these addresses is there while anybody may see it, and nothing of it afterwards.
async fn hold(stranger: &User, addresses: &[String], secrets: &[&str], lock: impl Future) {
    for address in addresses {
        let (status, bytes) = shown(stranger, &Method::GET, address, None).await;
        assert!(status == 200 && !bytes.is_empty(), "{address} while it is open: {status}");
    }
    lock.await;
    for address in addresses {
        for (method, range) in
            [(Method::GET, None), (Method::GET, Some("bytes=0-9")), (Method::HEAD, None)]
        {
            let (status, bytes) = shown(stranger, &method, address, range).await;
            assert!((300..500).contains(&status), "{method} {address}: {status}");
            let text = String::from_utf8_lossy(&bytes);
            let told = secrets.iter().find(|secret| text.contains(**secret));
            assert_eq!(told, None, "{address}: {text}");
        }
    }
}

#[tokio::test]
async fn private_video_is_shown_at_none_of_its_addresses() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let owner = server.user("a@example.com").await;
    let video = owner.upload(&real().stream()).await;
    let session = video["sessionId"].as_str().unwrap();
    let path = format!("/videos/{}", video["videoId"].as_str().unwrap());
    let captions = format!("{}/api/v1/videos/{session}/captions", server.url());
    let put = owner.http.put(captions).bearer_auth(&owner.token).header("content-type", "text/vtt");
    let put = put.body("WEBVTT\n\n00:00.000 --> 00:01.000\nSecret words\n").send().await.unwrap();
    assert!(put.status().is_success());
    let name = "Quarterly figures";
    let one = format!("{}/api/v1/videos/{session}", server.url());
    let change = owner.http.patch(one).bearer_auth(&owner.token).json(&json!({"title": name}));
    assert!(change.send().await.unwrap().status().is_success());
    let stranger = server.user("b@example.com").await;
    let (_, page) = shown(&stranger, &Method::GET, &path, None).await;
    assert!(String::from_utf8_lossy(&page).contains(name), "it is told while the video is open");
    // Everything that can be made of it is there.
    for made in ["thumbnail.jpg", "preview.webp", "480.mp4"] {
        let address = format!("{path}/made/{made}");
        wait::until_true(made, async || {
            shown(&stranger, &Method::GET, &address, None).await.0 == 200
        })
        .await;
    }

    let served = [
        "",
        "/embed",
        "/live",
        "/live/init.webm",
        "/live/0",
        "/live/1",
        "/video.webm",
        "/original.webm",
        "/made/thumbnail.jpg",
        "/made/preview.webp",
        "/made/480.mp4",
        "/made/captions.vtt",
    ];
    let oembed = format!("/oembed?url={}{path}", server.url());
    let addresses: Vec<_> =
        served.iter().map(|end| format!("{path}{end}")).chain([oembed]).collect();
    let secrets = [name, "Secret words"];
    hold(&stranger, &addresses, &secrets, owner.lock(session, "open sesame")).await;
    let others = ["video.mkv", "video.mp4", "video.mov"].map(|end| format!("{path}/{end}"));
    for address in others.into_iter().chain([path.replace("/videos/", "/screenshots/")]) {
        let (status, bytes) = shown(&stranger, &Method::GET, &address, None).await;
        assert!((300..500).contains(&status), "{address}: {status}");
        assert!(!String::from_utf8_lossy(&bytes).contains(name), "{address}");
    }
}

#[tokio::test]
async fn private_picture_is_shown_at_none_of_its_addresses() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let owner = server.user("a@example.com").await;
    let stranger = server.user("b@example.com").await;
    let sent =
        screenshots::send(&owner, "Quarterly figures.png", &screenshots::picture("png")).await;
    let sent = sent.ok();
    let path = format!("/screenshots/{}", sent["id"].as_str().unwrap());
    let small = format!("{path}/made/thumbnail.jpg");
    wait::until_true("a thumbnail", async || {
        shown(&stranger, &Method::GET, &small, None).await.0 == 200
    })
    .await;
    let library = browser.get("/my/videos").await.html;
    let session = library.split("/my/videos/").nth(1).unwrap().split('/').next().unwrap();
    let oembed = format!("/oembed?url={}{path}", server.url());
    let addresses = [
        path.clone(),
        format!("{path}/image.png"),
        format!("{path}/image.1.png"),
        small,
        path.replace("/screenshots/", "/videos/") + "/made/thumbnail.jpg",
        oembed,
    ];
    let lock = owner.lock(session, "open sesame");
    hold(&stranger, &addresses, &["Quarterly figures"], lock).await;
}

#[tokio::test]
async fn upload_of_somebody_else_is_not_found_by_any_call() {
    let server = Server::start().await;
    let owner = server.user("a@example.com").await;
    let other = server.user("b@example.com").await;
    let parts = synthetic(2, 300).stream();
    let (open, done) = (owner.init().await, owner.upload(&parts).await);
    let done = done["sessionId"].as_str().unwrap();
    let call = async |user: &User, method: Method, path: String, body: Option<String>| {
        let request = user.http.request(method, format!("{}/api/v1{path}", user.url));
        let request = request.bearer_auth(&user.token);
        let kind = if path.ends_with("captions") { "text/vtt" } else { "application/json" };
        let request =
            body.into_iter().fold(request, |it, body| it.header("content-type", kind).body(body));
        Answer::of(request.send().await.unwrap()).await
    };
    for session in [open.as_str(), done] {
        let one = format!("/videos/{session}");
        let change = Some(json!({"title": "mine"}).to_string());
        for (method, path, body) in [
            (Method::GET, one.clone(), None),
            (Method::PATCH, one.clone(), change),
            (Method::DELETE, one.clone(), None),
            (Method::GET, format!("{one}/download"), None),
            (Method::PUT, format!("{one}/captions"), Some("WEBVTT\n".to_owned())),
            (Method::DELETE, format!("{one}/captions"), None),
        ] {
            call(&other, method, path, body).await.refused(404);
        }
        other.post_form(chunk_form(session, "0", &parts[0])).await.refused(404);
        other.post("/videos/finalize", &finalize_000(session, 1)).await.refused(404);
    }
    let list = other.get("/videos").await.ok();
    assert_eq!(list["videos"], json!([]));
    // Nothing of it came to anything.
    assert_eq!(owner.get(&format!("/videos/{open}")).await.ok()["receivedChunks"], json!([]));
    let whole = owner.get(&format!("/videos/{done}")).await.ok();
    assert_ne!(whole["title"], "mine", "{whole}");
}

/// The uploads claim to be WebM. ffmpeg would detect a playlist, and read the files that it names.
#[tokio::test]
async fn playlist_that_calls_itself_a_video_is_not_followed() {
    let asked = TcpListener::bind("127.0.0.1:0").unwrap();
    asked.set_nonblocking(true).unwrap();
    let address = asked.local_addr().unwrap();
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    for playlist in [
        format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://{address}/x.ts\n#EXT-X-ENDLIST\n"
        ),
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n".to_owned(),
        "ffconcat version 1.0\nfile /etc/passwd\n".to_owned(),
    ] {
        let session = user.init().await;
        let sent = user.chunk(&session, 0, playlist.as_bytes()).await;
        let finished = user.finalize(&session, 1).await;
        if sent.status == 200 && finished.status == 200 {
            let is_over = |job: &serde_json::Value| job["state"] == "failed";
            jobs::until(&user, &session, "thumbnail.jpg", is_over).await;
        } else {
            assert!(
                [sent.status, finished.status].iter().any(|status| (400..500).contains(status))
            );
        }
    }
    assert!(asked.accept().is_err(), "nobody came for what it names");
}

/// Text that would be SQL if it were pasted into a statement is only text.
#[tokio::test]
async fn sql_in_a_search_or_a_title_is_text() {
    let server = Server::start().await;
    let owner = server.user("a@example.com").await;
    let video = owner.upload(&synthetic(2, 300).stream()).await;
    let session = video["sessionId"].as_str().unwrap();
    let title = "'); DELETE FROM uploads; --";
    let one = format!("{}/api/v1/videos/{session}", server.url());
    let change = owner.http.patch(&one).bearer_auth(&owner.token).json(&json!({"title": title}));
    assert!(change.send().await.unwrap().status().is_success());
    assert_eq!(owner.get(&format!("/videos/{session}")).await.ok()["title"], title);

    server.user("b@example.com").await;
    let stranger = signed_in(&server.url(), server.backend.place(), "b@example.com").await;
    for search in ["' OR 1=1 --", "%' OR '1'='1", "%", "_", title] {
        let search: String = url::form_urlencoded::byte_serialize(search.as_bytes()).collect();
        let page = stranger.get(&format!("/my/videos?q={search}")).await;
        assert!(page.status == 200 && !page.html.contains(session), "{search}");
    }
    assert_eq!(owner.get(&format!("/videos/{session}")).await.ok()["title"], title, "it is there");
}
