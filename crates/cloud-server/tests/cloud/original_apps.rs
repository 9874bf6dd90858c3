//! The documents' own apps, unmodified: their requests byte for byte, as browsers and Electron write them, and what
//! they do with the answers.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::browser::{Browser, PASSWORD, Seen, signed_in};
use crate::dialects::film;
use crate::screenshots::picture;
use crate::support::{Server, decode, http, real};

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW1";
const SIGN_IN: &str =
    "/auth/client?callback_protocol=snaplark&action=login&device_name=Ada's%20MacBook-Pro.local";

/// An answer, split into its parts and nothing else.
struct Raw {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Raw {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}\n{}", self.head, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends a request with these headers, and those that a browser adds to each.
async fn send(server: &Server, request: &str, headers: &[(&str, &str)], body: &[u8]) -> Raw {
    let address = server.cloud.address();
    let mut head = format!("{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US\r\n\r\n";
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Raw { status, head, body: answer[end + 4..].to_vec() }
}

enum Field<'a> {
    Text(&'a str, &'a str),
    File { name: &'a str, filename: &'a str, mime: &'a str, bytes: &'a [u8] },
}

/// Writes a form as Chromium does.
fn form(fields: &[Field<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for field in fields {
        body.extend(format!("--{BOUNDARY}\r\n").bytes());
        match field {
            Field::Text(name, text) => {
                body.extend(
                    format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}")
                        .bytes(),
                );
            }
            Field::File { name, filename, mime, bytes } => {
                let head = format!(
                    "Content-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\
                     Content-Type: {mime}\r\n\r\n"
                );
                body.extend(head.bytes());
                body.extend_from_slice(bytes);
            }
        }
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

// --- seed 004: SnaplarkDesktop ---

/// Axios in Electron's page, which runs from a file.
struct Desktop<'a> {
    server: &'a Server,
    authorization: String,
}

impl Desktop<'_> {
    async fn send(&self, request: &str, kind: Option<&str>, body: &[u8]) -> Raw {
        let mut headers = vec![
            ("Accept", "application/json"),
            ("Authorization", self.authorization.as_str()),
            ("Origin", "file://"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "cors"),
            ("Sec-Fetch-Dest", "empty"),
        ];
        headers.extend(kind.map(|kind| ("Content-Type", kind)));
        send(self.server, request, &headers, body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let body = serde_json::to_vec(body).unwrap();
        self.send(&format!("POST {path}"), Some("application/json"), &body).await.json()
    }

    async fn post_form(&self, path: &str, fields: &[Field<'_>]) -> Value {
        let kind = form_type();
        self.send(&format!("POST {path}"), Some(&kind), &form(fields)).await.json()
    }

    /// Opens the link that the client shares: `BASE_URL + '/' + key`.
    async fn shared(&self, key: &Value) -> (String, Vec<u8>) {
        let link = format!("{}/{}", self.server.url(), key.as_str().expect("a key is a text"));
        let served = http().get(link).send().await.unwrap();
        assert!(served.status().is_success());
        let kind = served.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, served.bytes().await.unwrap().to_vec())
    }
}

async fn agree(browser: &Browser, page: &Seen, answer: &str) -> Seen {
    let names = ["formKey", "callback_protocol", "device_name"];
    let mut fields = names.map(|name| (name, page.field(name).replace("&#39;", "'"))).to_vec();
    fields.push(("answer", answer.to_owned()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post("/auth/client", &fields).await
}

/// The client's `handleProtocolUrl`: `url.startsWith('snaplark://auth')`, then its `access_token`.
fn access_token(url: &str) -> Option<String> {
    assert!(url.starts_with("snaplark://auth"), "{url}");
    let url = reqwest::Url::parse(url).unwrap();
    url.query_pairs().find(|(name, _)| name == "access_token").map(|(_, token)| token.into_owned())
}

async fn desktop_token(browser: &Browser) -> String {
    let page = browser.get(SIGN_IN).await;
    access_token(agree(browser, &page, "yes").await.to()).unwrap()
}

#[tokio::test]
async fn desktop_client_signs_in_and_shares_a_picture_and_a_recording() {
    let server = Server::start().await;
    signed_in(&server.url(), server.backend.place(), "ada@example.com").await;
    let browser = Browser::new(&server.url());
    let sign_in = browser.get(SIGN_IN).await.to().to_owned();
    let form = browser.get(&sign_in).await;
    assert!(form.html.contains("MacBook-Pro.local"), "which program asks: {}", form.html);
    let (key, next) = (form.field("formKey"), form.field("next").replace("&#39;", "'"));
    let fields = [
        ("formKey", key.as_str()),
        ("next", &next),
        ("email", "ada@example.com"),
        ("password", PASSWORD),
    ];
    let next = browser.post("/sign-in", &fields).await.to().to_owned();
    let page = browser.get(&next).await;
    assert!(page.html.contains("ada@example.com") && page.html.contains("MacBook-Pro.local"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' snaplark:;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let led = agree(&browser, &page, "yes").await;
    assert_eq!(led.headers["cache-control"], "no-store");
    let token = access_token(led.to()).unwrap();
    let devices = browser.get("/my/tokens").await;
    assert!(devices.html.contains("MacBook-Pro.local"), "it can be revoked");

    let asked = [
        ("Origin", "file://"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "authorization"),
    ];
    let preflight = send(&server, "OPTIONS /api/v1/user", &asked, b"").await;
    assert_eq!(preflight.status, 204);
    let desktop = Desktop { server: &server, authorization: format!("Bearer {token}") };
    let me = desktop.send("GET /api/v1/user", None, b"").await;
    assert!(me.head.to_lowercase().contains("access-control-allow-origin: *"), "{}", me.head);
    assert_eq!(me.json()["name"], "ada");

    let png = picture("png");
    let capture = Field::File {
        name: "capture",
        filename: "Snaplark_2026-11-30_10-30-45.png",
        mime: "image/png",
        bytes: &png,
    };
    let key = desktop.post_form("/api/v1/media/upload", &[capture]).await;
    assert_eq!(desktop.shared(&key).await, ("image/png".to_owned(), png));

    let metadata = json!({
        "filename": "Snaplark_2026-11-30_10-30-45.webm", "timestamp": 1_796_034_645_000_u64,
        "fps": 30, "codec": "video/webm;codecs=vp9", "bitrate": 8_000_000,
        "resolution": {"width": 1512, "height": 982},
    });
    let opened = desktop.post("/api/v1/videos/init", &metadata).await;
    let session = opened["sessionId"].as_str().unwrap();
    let film = real().whole();
    let chunks: Vec<&[u8]> = film.chunks(film.len() / 2 + 1).collect();
    for (index, bytes) in chunks.iter().enumerate() {
        let (index, filename) = (index.to_string(), format!("chunk_{index}.webm"));
        let fields = [
            Field::Text("sessionId", session),
            Field::Text("chunkIndex", &index),
            Field::File { name: "chunk", filename: &filename, mime: "video/webm", bytes },
        ];
        desktop.post_form("/api/v1/videos/chunk", &fields).await;
    }
    let mut all = metadata.clone();
    all["duration"] = json!(6.02);
    let end = json!({
        "sessionId": session, "totalChunks": 2, "uploadedChunks": [0, 1], "duration": 6.02,
        "metadata": all,
    });
    let done = desktop.post("/api/v1/videos/finalize", &end).await;
    let (kind, served) = desktop.shared(&done["key"]).await;
    assert_eq!(kind, "video/webm");
    decode(&served);
    let original = done["key"].as_str().unwrap().replace("/video.webm", "/original.webm");
    assert!(desktop.shared(&json!(original)).await.1 == film);
}

#[tokio::test]
async fn token_of_the_desktop_client_may_upload_and_nothing_else() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "ada@example.com").await;
    let authorization = format!("Bearer {}", desktop_token(&browser).await);
    let desktop = Desktop { server: &server, authorization };
    assert_eq!(desktop.send("GET /api/v1/user", None, b"").await.status, 200);
    assert_eq!(desktop.send("GET /api/v1/videos", None, b"").await.status, 403);
    let id = uuid::Uuid::new_v4();
    let delete = format!("DELETE /api/v1/videos/{id}");
    assert_eq!(desktop.send(&delete, None, b"").await.status, 403);
}

#[tokio::test]
async fn nobody_gets_a_token_of_somebody_who_has_not_agreed() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "ada@example.com").await;
    for query in [
        "",
        "?callback_protocol=evil",
        "?callback_protocol=https://evil.example/x",
        "?callback_protocol=snaplark://evil",
        "?callback_protocol=Snaplark",
    ] {
        let seen = browser.get(&format!("/auth/client{query}")).await;
        assert_eq!(seen.status, 400, "{query}");
        assert!(!seen.html.contains("evil"), "{query}");
    }
    let page = browser.get(SIGN_IN).await;
    let no = agree(&browser, &page, "no").await;
    assert_eq!(no.to(), "/my/videos");
    let fields = [("callback_protocol", "snaplark"), ("device_name", "x"), ("answer", "yes")];
    assert_eq!(browser.post("/auth/client", &fields).await.status, 403, "no key of the form");
    let key = page.field("formKey");
    let keyed: Vec<_> = fields.into_iter().chain([("formKey", key.as_str())]).collect();
    let elsewhere = browser.post_from("https://evil.example", "/auth/client", &keyed).await;
    assert_eq!(elsewhere.status, 403, "another site's form");
    assert!(!browser.get("/my/tokens").await.html.contains("Snaplark on"), "there is no token");
    let stranger = Browser::new(&server.url());
    assert!(stranger.post("/auth/client", &fields).await.to().starts_with("/sign-in"));
}

#[tokio::test]
async fn desktop_client_opens_pages_that_are_here_under_other_addresses() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "ada@example.com").await;
    for (asked, led) in [
        ("/captures", "/my/videos"),
        ("/captures?showUploadModal=true", "/my/videos"),
        ("/account/settings", "/my/account"),
    ] {
        assert_eq!(browser.get(asked).await.to(), led);
    }
}

// --- seed 002: the poster client ---

#[tokio::test]
async fn poster_client_uploads_with_its_own_header_and_field_names() {
    let server = Server::start().await;
    let user = server.user("ada@example.com").await;
    let film = film("mp4");
    let chunks: Vec<&[u8]> = film.chunks(film.len() / 2 + 1).collect();
    let origin = server.url();
    let upload = "upload_1796034645123_k3j9x2m1q";
    let token = ("token", user.token.as_str());
    let (accept, from) = (("Accept", "*/*"), ("Origin", origin.as_str()));
    let site = ("Sec-Fetch-Site", "same-origin");
    for (index, bytes) in chunks.iter().enumerate() {
        let index = index.to_string();
        // A slice of a file has neither name nor type.
        let mime = "application/octet-stream";
        let body = form(&[
            Field::File { name: "chunk", filename: "blob", mime, bytes },
            Field::Text("chunkIndex", &index),
            Field::Text("totalChunks", "2"),
            Field::Text("uploadId", upload),
        ]);
        let kind = form_type();
        let headers = [token, ("Content-Type", &kind), accept, from, site];
        send(&server, "POST /api/poster/video/chunk", &headers, &body).await.json();
    }
    let body = json!({"uploadId": upload, "originalFilename": "خانه.mp4"}).to_string();
    let headers = [("Content-Type", "application/json"), token, accept, from, site];
    let finalize = "POST /api/poster/video/finalize";
    let done = send(&server, finalize, &headers, body.as_bytes()).await.json();
    assert_eq!(done["filename"], "خانه.mp4", "what the client puts into its form");
    let wrong = [("Content-Type", "application/json"), ("token", ""), accept, from, site];
    let refused = send(&server, finalize, &wrong, body.as_bytes()).await;
    assert_eq!(refused.status, 401);
    let words: Value = serde_json::from_slice(&refused.body).unwrap();
    assert!(words["message"].is_string(), "what the client shows: {words}");
}

// --- seed 003: the storage client ---

/// The client has no token of its own, so that what passes its requests on adds one.
#[tokio::test]
async fn storage_client_uploads_in_chunks_and_falls_back_to_one_file() {
    let server = Server::start().await;
    let user = server.user("ada@example.com").await;
    let film = film("mp4");
    let chunks: Vec<&[u8]> = film.chunks(film.len() / 2 + 1).collect();
    let bearer = format!("Bearer {}", user.token);
    let token = ("Authorization", bearer.as_str());
    let (json_type, kind) = (("Content-Type", "application/json"), form_type());
    let name = "post-video-t1-p1-1796034645123.mp4";
    let metadata = json!({
        "pathType": "post", "mediaType": "video", "topicId": "t1", "postId": "p1",
        "uploadedAt": "2026-11-30T10:30:45.123Z",
    });
    let init = json!({
        "fileName": name, "contentType": "video/mp4", "fileSize": film.len(), "totalChunks": 2,
        "metadata": metadata,
    });
    let init = init.to_string();
    let path = "POST /api/storage/init-chunked-upload";
    let opened = send(&server, path, &[token, json_type], init.as_bytes()).await.json();
    let upload = opened["uploadId"].as_str().unwrap();
    for (index, bytes) in chunks.iter().enumerate() {
        let index = index.to_string();
        let mime = "application/octet-stream";
        let body = form(&[
            Field::File { name: "chunk", filename: "blob", mime, bytes },
            Field::Text("uploadId", upload),
            Field::Text("chunkIndex", &index),
            Field::Text("totalChunks", "2"),
        ]);
        let headers = [token, ("Content-Type", kind.as_str())];
        send(&server, "POST /api/storage/upload-chunk", &headers, &body).await.json();
    }
    let end = json!({
        "uploadId": upload, "fileName": name, "contentType": "video/mp4", "totalChunks": 2,
        "metadata": metadata,
    });
    let end = end.to_string();
    let path = "POST /api/storage/complete-chunked-upload";
    let done = send(&server, path, &[token, json_type], end.as_bytes()).await.json();

    let metadata = metadata.to_string();
    let body = form(&[
        Field::File { name: "file", filename: "clip.mp4", mime: "video/mp4", bytes: &film },
        Field::Text("fileName", name),
        Field::Text("contentType", "video/mp4"),
        Field::Text("metadata", &metadata),
    ]);
    let headers = [token, ("Content-Type", kind.as_str())];
    let fallen = send(&server, "POST /api/storage/upload-file", &headers, &body).await.json();
    for answer in [done, fallen] {
        let served = http().get(answer["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(served.headers()["content-type"], "video/mp4", "the source of a player");
        assert!(served.bytes().await.unwrap() == film);
    }
    let refused = send(&server, "POST /api/storage/upload-file", &[headers[1]], &body).await;
    assert_eq!(refused.status, 401);
}
