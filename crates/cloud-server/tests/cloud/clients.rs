//! Tests with requests of other people's programs, and of browsers that ask for files or for an API of another
//! origin.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::dialects::film;
use crate::screenshots::picture;
use crate::support::{Answer, Server, User, init_000, real};

async fn sent(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.send().await.unwrap()).await
}

/// Makes a file like those of Chromium's and Safari's recorders: a header, and fragments, cut anywhere.
fn fragmented(args: &str, ending: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("film.{ending}"));
    let done = std::process::Command::new("ffmpeg")
        .args("-v error -f lavfi -i testsrc2=size=320x180:rate=10 -t 4 -c:v libx264".split(' '))
        .args("-preset ultrafast -g 10 -pix_fmt yuv420p".split(' '))
        .args(args.split_whitespace())
        .arg(&file)
        .status()
        .expect("ffmpeg is installed");
    assert!(done.success(), "{args}");
    std::fs::read(&file).unwrap()
}

#[tokio::test]
async fn a_browsers_mp4_is_taken_in_parts_cut_anywhere_and_followed_live() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = fragmented("-movflags frag_keyframe+empty_moov+default_base_moof", "mp4");
    let opened = user.post("/videos/init", &init_000()).await.ok();
    let session = opened["sessionId"].as_str().unwrap();
    let page = format!("/videos/{}", opened["videoId"].as_str().unwrap());
    let parts: Vec<&[u8]> = film.chunks(film.len() / 7 + 1).collect();
    let mut ends = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        user.chunk(session, index, part).await.ok();
        let live: serde_json::Value =
            serde_json::from_slice(&user.bytes(&format!("{page}/live?after=0")).await).unwrap();
        assert_eq!(live["parts"].as_array().unwrap().len(), index + 1);
        ends.push(live["parts"][index][1].as_u64().unwrap());
    }
    assert!(ends.is_sorted() && *ends.last().unwrap() >= 4_000, "{ends:?}");
    let html = String::from_utf8(user.bytes(&page).await).unwrap();
    assert!(html.contains("data-mime=\"video/mp4; codecs=&quot;avc1."), "{html}");
    let head = user.bytes(&format!("{page}/live/init.webm")).await;
    assert!(film.starts_with(&head) && head.len() > 500);
    for (index, part) in parts.iter().enumerate() {
        assert_eq!(user.bytes(&format!("{page}/live/{index}")).await, *part);
    }
    let done = user.finalize(session, parts.len()).await.ok();
    assert!(done["url"].as_str().unwrap().ends_with("/video.mp4"), "{done}");
    assert_eq!(user.bytes(&format!("{page}/original.webm")).await, film);
    assert_eq!(user.bytes(&format!("{page}/video.mp4")).await, film);
}

#[tokio::test]
async fn h264_in_matroska_is_told_as_what_it_is_and_an_mp4_is_offered() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    for (args, parts) in [("-live 1 -f matroska", 5), ("-f matroska", 1)] {
        let film = fragmented(args, "mkv");
        let parts: Vec<Vec<u8>> = film.chunks(film.len() / parts + 1).map(<[u8]>::to_vec).collect();
        let done = user.upload(&parts).await;
        let url = done["url"].as_str().unwrap();
        assert!(url.ends_with("/video.mkv"), "{done}");
        let answer = user.http.get(url).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "video/x-matroska");
        let page = user.http.get(done["videoUrl"].as_str().unwrap()).send().await.unwrap();
        let html = page.text().await.unwrap();
        // The page's script asks the browser for this type, and plays H.264 in its place.
        assert!(
            html.contains("data-mime=\"video/x-matroska\"") && html.contains("data-hls"),
            "{html}"
        );
    }
}

#[tokio::test]
async fn a_file_opened_by_its_own_address_may_show_itself_and_nothing_else() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let video = user.upload(&real().stream()).await;
    let path = format!("{}/videos/{}", server.url(), video["videoId"].as_str().unwrap());
    let policy = async |address: String| {
        let response = user.http.get(address).send().await.unwrap();
        assert!(response.status().is_success());
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        response.headers()["content-security-policy"].to_str().unwrap().to_owned()
    };
    for name in ["video.webm", "original.webm"] {
        let policy = policy(format!("{path}/{name}")).await;
        assert!(policy.contains("media-src 'self'") && !policy.contains("sandbox"), "{policy}");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    }
    let session = video["sessionId"].as_str().unwrap();
    let captions = format!("{}/api/v1/videos/{session}/captions", server.url());
    let vtt = user.http.put(captions).bearer_auth(&user.token).header("content-type", "text/vtt");
    sent(vtt.body("WEBVTT\n")).await.ok();
    let policy = policy(format!("{path}/made/captions.vtt")).await;
    assert_eq!(policy, "default-src 'none'; sandbox", "a text is no document of its own");
}

#[tokio::test]
async fn pages_of_other_sites_may_use_the_api_and_nothing_that_cookies_open() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let url = |path: &str| format!("{}{path}", server.url());
    let asked = user
        .http
        .request(Method::OPTIONS, url("/api/v1/videos/init"))
        .header("origin", "null")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let told = asked.send().await.unwrap();
    assert_eq!(told.status().as_u16(), 204);
    let header = |name: &str| told.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(header("access-control-allow-methods").contains("POST"));
    for name in ["authorization", "content-type", "token"] {
        assert!(header("access-control-allow-headers").contains(name), "{name}");
    }
    for (path, is_open) in [
        ("/api/v1/videos", true),
        ("/api/v1/nothing", true),
        ("/api/storage/upload-status", true),
        ("/my/videos", false),
        ("/sign-in", false),
        ("/oauth/authorize", false),
        ("/healthz", false),
    ] {
        let response = user.http.get(url(path)).header("origin", "https://a.example").send().await;
        let headers = response.unwrap().headers().clone();
        let allowed = headers.get("access-control-allow-origin");
        assert_eq!(allowed.map(|it| it.to_str().unwrap()), is_open.then_some("*"), "{path}");
        assert!(headers.get("access-control-allow-credentials").is_none(), "{path}");
    }
    let page = user.http.request(Method::OPTIONS, url("/my/videos")).send().await.unwrap();
    assert!(page.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn a_file_that_is_not_the_one_that_was_meant_is_not_sent() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let video = user.upload(&real().stream()).await;
    let address = video["url"].as_str().unwrap();
    let etag = user.http.get(address).send().await.unwrap().headers()["etag"].clone();
    let etag = etag.to_str().unwrap();
    for (wanted, status) in [
        (etag.to_owned(), 200),
        ("*".to_owned(), 200),
        (format!("\"x\", {etag}"), 200),
        ("\"x\"".to_owned(), 412),
        (format!("W/{etag}"), 412),
    ] {
        let response = user.http.get(address).header("if-match", &wanted).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{wanted}");
    }
}

#[tokio::test]
async fn a_query_that_can_not_be_read_is_refused_in_json() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let id = user.get(&format!("/videos/{session}")).await.ok()["videoId"].clone();
    for path in [
        "/api/v1/videos?limit=many",
        "/api/v1/videos?limit=201",
        "/api/v1/videos?limit=0",
        "/api/v1/videos?damaged=perhaps",
        "/api/storage/get-direct-upload-url?fileName=a&fileName=b",
        "/api/storage/upload-status?uploadId=a&uploadId=b",
        "/api/storage/network-test?size=1&size=2",
        "/api/storage/network-test?size=",
        "/oembed?maxwidth=wide",
        &format!("/videos/{}/live?after=x", id.as_str().unwrap()),
    ] {
        let request = user.http.get(format!("{}{path}", server.url())).bearer_auth(&user.token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 400, "{path}");
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(kind, "application/json", "{path}");
        let body: Value = response.json().await.unwrap();
        assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {body}");
    }
    let put = user.http.put(format!("{}/api/storage/direct/x", server.url())).body("x");
    let refused = put.send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 403);
    assert!(refused.json::<Value>().await.unwrap()["error"].is_string());
}

#[tokio::test]
async fn the_list_says_which_parts_have_come_as_one_video_does() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let parts = real().stream();
    let done = user.upload(&parts).await;
    let one = user.get(&format!("/videos/{}", done["sessionId"].as_str().unwrap())).await.ok();
    let list = user.get("/videos").await.ok();
    assert_eq!(one["receivedChunks"].as_array().unwrap().len(), parts.len());
    assert_eq!(list["videos"][0]["receivedChunks"], one["receivedChunks"]);
}

/// Seed 002's own client: its token in a header of its own, chunks at two addresses, and no count at
/// the end.
#[tokio::test]
async fn the_client_of_document_002_uploads_as_it_stands() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = film("mp4");
    let chunks: Vec<_> = file.chunks(file.len() / 2 + 1).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        let path = ["/api/poster/video/chunk", "/api/videos/chunk"][index % 2];
        let form = Form::new()
            .part("chunk", Part::bytes(chunk.to_vec()).file_name("blob"))
            .text("chunkIndex", index.to_string())
            .text("totalChunks", chunks.len().to_string())
            .text("uploadId", "upload_1700000000000_x");
        let request = user.http.post(format!("{}{path}", server.url()));
        sent(request.header("token", &user.token).multipart(form)).await.ok();
    }
    let finalize = format!("{}/api/poster/video/finalize", server.url());
    let body = json!({"uploadId": "upload_1700000000000_x", "originalFilename": "my film.mp4"});
    let request = user.http.post(finalize).header("token", &user.token).json(&body);
    let done = sent(request).await.ok();
    assert_eq!(done["filename"], "my film.mp4");
    let page = user.http.get(done["url"].as_str().unwrap()).send().await.unwrap();
    assert!(page.status().is_success());
    let wrong = user.http.get(format!("{}/api/v1/videos", server.url())).header("token", "x");
    sent(wrong).await.refused(401);
}

/// Seed 003's own client: what it shows as a video is the file, and a file in one piece is taken.
#[tokio::test]
async fn the_client_of_document_003_falls_back_to_one_file() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let address = format!("{}/api/storage/upload-file", server.url());
    for (ending, mime) in [("mp4", "video/mp4"), ("mov", "video/quicktime")] {
        let file = film(ending);
        let part = Part::bytes(file.clone()).file_name(format!("clip.{ending}"));
        let request = user.http.post(&address).bearer_auth(&user.token);
        let done = sent(request.multipart(Form::new().part("file", part))).await.ok();
        assert_eq!((&done["contentType"], &done["size"]), (&json!(mime), &json!(file.len())));
        let served = user.http.get(done["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(served.headers()["content-type"], mime);
        assert!(served.bytes().await.unwrap() == file, "the file itself");
    }
    let part = Part::bytes(b"a text and no video".to_vec()).file_name("clip.mp4");
    let request = user.http.post(&address).bearer_auth(&user.token);
    let refused = sent(request.multipart(Form::new().part("file", part))).await;
    assert_eq!(refused.status, 415);
    let objects = server.objects();
    assert_eq!(objects, 2, "nothing is left of what was refused");
}

/// Seed 004's own client: who it is, and pictures in a field of another name.
#[tokio::test]
async fn the_client_of_document_004_learns_who_it_is_and_sends_pictures() {
    let server = Server::start().await;
    let user = server.user("ada@example.com").await;
    let me = user.get("/user").await.ok();
    assert_eq!((&me["email"], &me["name"]), (&json!("ada@example.com"), &json!("ada")));
    User::new(&server.url(), "wrong").get("/user").await.refused(401);
    let png = picture("png");
    let part = Part::bytes(png.clone()).file_name("capture.png");
    let request = user.http.post(format!("{}/api/v1/media/upload", server.url()));
    let form = Form::new().part("capture", part);
    let key = sent(request.bearer_auth(&user.token).multipart(form)).await.ok();
    let link = format!("{}/{}", server.url(), key.as_str().expect("the key alone"));
    let served = user.http.get(link).send().await.unwrap();
    assert_eq!(served.headers()["content-type"], "image/png");
    assert!(served.bytes().await.unwrap() == png, "the file's own address");
}

#[tokio::test]
async fn init_keeps_what_it_knows_and_nothing_else() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut body = init_000();
    body["more"] = json!("mine ".repeat(100_000));
    user.post("/videos/init", &body).await.ok();
    let kept = server.backend.dump();
    assert!(!kept.windows(10).any(|at| at == b"mine mine "), "half a megabyte of somebody's own");
    body["timestamp"] = json!("2024 ".repeat(1000));
    user.post("/videos/init", &body).await.refused(400);
}
