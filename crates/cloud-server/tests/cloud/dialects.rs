//! The older documents (seeds 002 and 003), example by example, over files that ffmpeg makes.

use reqwest::multipart::{Form, Part};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{Answer, Server, User, decode, probe, real};

/// Two seconds of H.264 and AAC; its index stands at its end, as programs write it that don't care.
pub fn film(ending: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("film.{ending}"));
    let done = std::process::Command::new("ffmpeg")
        .args("-v error -f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi".split(' '))
        .args("-i sine=frequency=440:sample_rate=48000 -t 2 -c:v libx264".split(' '))
        .args("-preset ultrafast -b:v 3M -pix_fmt yuv420p -c:a aac".split(' '))
        .arg(&file)
        .status()
        .expect("ffmpeg is installed");
    assert!(done.success(), "{ending}");
    std::fs::read(file).unwrap()
}

async fn ask(user: &User, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let mut request = user.http.request(method, format!("{}{path}", user.url));
    if !user.token.is_empty() {
        request = request.bearer_auth(&user.token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    Answer::of(request.send().await.unwrap()).await
}

pub async fn post(user: &User, path: &str, body: &Value) -> Answer {
    ask(user, Method::POST, path, Some(body)).await
}

pub async fn get(user: &User, path: &str) -> Answer {
    ask(user, Method::GET, path, None).await
}

async fn form(user: &User, path: &str, form: Form) -> Answer {
    let request = user.http.post(format!("{}{path}", user.url)).bearer_auth(&user.token);
    Answer::of(request.multipart(form).send().await.unwrap()).await
}

fn blob(bytes: &[u8]) -> Part {
    Part::bytes(bytes.to_vec()).file_name("blob")
}

// --- seed 002 ---

const MB: usize = 1024 * 1024;

/// In the order of the document's list: the file comes first.
fn poster_chunk(upload: &str, index: usize, total: usize, bytes: &[u8]) -> Form {
    Form::new()
        .part("chunk", blob(bytes))
        .text("chunkIndex", index.to_string())
        .text("uploadId", upload.to_owned())
        .text("totalChunks", total.to_string())
}

async fn poster(user: &User, upload: &str, filename: &str, file: &[u8], size: usize) -> Answer {
    let chunks: Vec<_> = file.chunks(size).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        let sent = poster_chunk(upload, index, chunks.len(), chunk);
        let answer = form(user, "/api/poster/video/chunk", sent).await.ok();
        assert_eq!((&answer["success"], &answer["chunkIndex"]), (&json!(true), &json!(index)));
    }
    let body = json!({"uploadId": upload, "filename": filename, "totalChunks": chunks.len()});
    post(user, "/api/poster/video/finalize", &body).await
}

#[tokio::test]
async fn document_002_from_the_first_chunk_to_the_description() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    for (ending, mime) in [("mp4", "video/mp4"), ("mov", "video/quicktime")] {
        let file = film(ending);
        let filename = format!("video_1234567890.{ending}");
        let upload = format!("1700000000000-{ending}");
        let size = (file.len() / 3).min(MB);
        let answer = poster(&user, &upload, &filename, &file, size).await.ok();
        assert_eq!(answer["filename"], filename.as_str());
        let told = json!({
            "filename": filename, "title": "Video Title", "description": "Video Description"
        });
        let video = post(&user, "/api/videos/metadata", &told).await.ok()["video"].clone();
        assert_eq!(video["title"], "Video Title");
        assert_eq!(video["url"], answer["url"]);

        let page = user.http.get(answer["url"].as_str().unwrap()).send().await.unwrap();
        let html = page.text().await.unwrap();
        assert!(html.contains("Video Title") && html.contains("Video Description"), "{html}");
        assert!(html.contains("0:02") && html.contains("width=\"640\" height=\"360\""), "{html}");
        let path = format!("/videos/{}/video.{ending}", video["id"].as_str().unwrap());
        assert!(user.bytes(&path).await == file, "byte for byte");
        let request = user.http.get(format!("{}{path}", server.url()));
        let response = request.header(header::RANGE, "bytes=4-7").send().await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], mime);
        assert_eq!(response.bytes().await.unwrap().as_ref(), b"ftyp");
        // Finalize can be repeated.
        assert_eq!(poster(&user, &upload, &filename, &file, size).await.ok(), answer);
    }
}

#[tokio::test]
async fn document_002_takes_chunks_in_any_order_and_again() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = film("mp4");
    let chunks: Vec<_> = file.chunks(file.len() / 4 + 1).collect();
    for index in [2, 0, 3, 0] {
        let sent = poster_chunk("up", index, 4, chunks[index]);
        form(&user, "/api/poster/video/chunk", sent).await.ok();
    }
    let body = json!({"uploadId": "up", "filename": "a.mp4", "totalChunks": 4});
    let missing = post(&user, "/api/poster/video/finalize", &body).await.refused(409);
    assert_eq!(missing["missingChunks"], json!([1]));
    form(&user, "/api/poster/video/chunk", poster_chunk("up", 1, 4, chunks[1])).await.ok();
    let url = post(&user, "/api/poster/video/finalize", &body).await.ok()["url"].clone();
    let path = url.as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    assert!(user.bytes(&format!("{path}/video.mp4")).await == file);

    // Another user's upload of the same name is another upload.
    let other = server.user("b@example.com").await;
    post(&other, "/api/poster/video/finalize", &body).await.refused(409);
}

#[tokio::test]
async fn document_002_keeps_its_limits() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = film("mp4");
    let chunk = "/api/poster/video/chunk";
    let too_large = vec![0; MB + 1];
    form(&user, chunk, poster_chunk("a", 1, 2, &too_large)).await.refused(413);
    form(&user, chunk, poster_chunk("a", 0, 51, &file[..99])).await.refused(400);
    form(&user, chunk, poster_chunk("a", 2, 2, &file[..99])).await.refused(400);
    let nothing = form(&user, chunk, Form::new().text("x", "y")).await.refused(400);
    for field in ["chunk", "chunkIndex", "uploadId", "totalChunks"] {
        assert!(nothing["errors"][field].is_array(), "{field}: {nothing}");
    }
    for bytes in [b"MZ\x90\0\x03\0\0\0".as_slice(), b"<!doctype html><p>no video</p>"] {
        form(&user, chunk, poster_chunk("b", 0, 1, bytes)).await.refused(415);
    }
    let finalize = "/api/poster/video/finalize";
    let bad = json!({"uploadId": "c", "filename": "a.exe", "totalChunks": 1});
    let refused = post(&user, finalize, &bad).await.refused(400);
    assert!(refused["errors"]["filename"].is_array(), "{refused}");
    let other = poster(&user, "d", "really.webm", &file, MB).await;
    other.refused(415);
    let unknown = json!({"filename": "nothing.mp4", "title": "x"});
    post(&user, "/api/videos/metadata", &unknown).await.refused(404);
    let stranger = User::new(&server.url(), "wrong");
    form(&stranger, chunk, poster_chunk("a", 0, 1, &file[..99])).await.refused(401);
    post(&stranger, finalize, &json!({})).await.refused(401);
    post(&stranger, "/api/videos/metadata", &json!({})).await.refused(401);
}

// --- seed 003 ---

fn storage_chunk(upload: &str, index: i64, bytes: &[u8]) -> Form {
    Form::new()
        .text("uploadId", upload.to_owned())
        .text("chunkIndex", index.to_string())
        .part("chunk", blob(bytes))
}

async fn begin(user: &User, name: &str, kind: &str, size: usize, chunks: usize) -> String {
    let body = json!({
        "fileName": name, "fileSize": size, "contentType": kind, "totalChunks": chunks
    });
    let answer = post(user, "/api/storage/init-chunked-upload", &body).await.ok();
    assert!(answer["expiresAt"].as_str().unwrap().ends_with('Z'), "{answer}");
    answer["uploadId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn document_003_from_init_to_url() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = film("mp4");
    let chunks: Vec<_> = file.chunks(file.len() / 3 + 1).collect();
    let upload = begin(&user, "film.mp4", "video/mp4", file.len(), 3).await;
    let status = format!("/api/storage/upload-status?uploadId={upload}");
    let before = get(&user, &status).await.ok();
    assert_eq!(before["status"], "initialized");
    for index in [2, 0, 1, 1] {
        let sent = storage_chunk(&upload, index as i64, chunks[index]);
        let answer = form(&user, "/api/storage/upload-chunk", sent).await.ok();
        assert_eq!(answer, json!({"success": true, "chunkIndex": index, "received": true}));
    }
    let during = get(&user, &status).await.ok();
    assert_eq!(during["status"], "in-progress");
    assert_eq!(during["receivedChunks"], json!([0, 1, 2]));
    assert_eq!((&during["fileName"], &during["totalChunks"]), (&json!("film.mp4"), &json!(3)));
    assert_eq!(
        (&during["fileSize"], &during["contentType"]),
        (&json!(file.len()), &json!("video/mp4"))
    );
    assert!(during.get("url").is_none() && during.get("completedAt").is_none());

    let body = json!({"uploadId": upload, "fileName": "film.mp4", "contentType": "video/mp4"});
    let done = post(&user, "/api/storage/complete-chunked-upload", &body).await.ok();
    assert_eq!(
        (&done["success"], &done["contentType"], &done["size"]),
        (&json!(true), &json!("video/mp4"), &json!(file.len()))
    );
    let after = get(&user, &status).await.ok();
    assert_eq!((&after["status"], &after["url"]), (&json!("completed"), &done["url"]));
    assert!(after["completedAt"].is_string());
    let path = done["url"].as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    assert!(path.ends_with("/video.mp4"), "the file itself: {path}");
    let served = user.bytes(&path).await;
    assert!(served == file);
    decode(&served);
}

#[tokio::test]
async fn document_003_refuses_in_its_own_words() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = film("mp4");
    let init = "/api/storage/init-chunked-upload";
    let good = json!({
        "fileName": "a.mp4", "fileSize": file.len(), "contentType": "video/mp4", "totalChunks": 2
    });
    let but = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for field in ["fileName", "fileSize", "contentType", "totalChunks"] {
        let refused = post(&user, init, &but(field, Value::Null)).await;
        assert_eq!(
            (refused.status, &refused.body),
            (400, &json!({"error": "Missing required parameters"}))
        );
    }
    for (field, value, error) in [
        ("fileSize", json!(500 * MB + 1), "File size exceeds maximum allowed size"),
        ("contentType", json!("video/x-msvideo"), "Unsupported content type"),
        ("contentType", json!("image/png"), "Unsupported content type"),
        ("totalChunks", json!(1001), "Too many chunks"),
        ("fileName", json!("a".repeat(256)), "Invalid file name"),
        ("fileName", json!("../.."), "Invalid file name"),
    ] {
        let refused = post(&user, init, &but(field, value)).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &json!(error)), "{field}");
    }

    let upload = begin(&user, "a.mp4", "video/mp4", file.len(), 2).await;
    let chunk = "/api/storage/upload-chunk";
    let said = |answer: Answer| (answer.status, answer.body["error"].as_str().unwrap().to_owned());
    let words = |status: u16, error: &str| (status, error.to_owned());
    for index in [2, -1] {
        let refused = form(&user, chunk, storage_chunk(&upload, index, &file)).await;
        assert_eq!(said(refused), words(400, "Invalid chunk index"));
    }
    let no_index = Form::new().text("uploadId", upload.clone()).part("chunk", blob(&file));
    assert_eq!(said(form(&user, chunk, no_index).await), words(400, "Missing required parameters"));
    let no_file = Form::new().text("uploadId", upload.clone()).text("chunkIndex", "0");
    assert_eq!(said(form(&user, chunk, no_file).await), words(400, "No chunk file provided"));
    let unknown = uuid::Uuid::new_v4().to_string();
    let refused = form(&user, chunk, storage_chunk(&unknown, 0, &file)).await;
    assert_eq!(said(refused), words(404, "Upload session not found"));

    let complete = "/api/storage/complete-chunked-upload";
    let body = json!({"uploadId": upload, "fileName": "a.mp4", "contentType": "video/mp4"});
    form(&user, chunk, storage_chunk(&upload, 0, &file[..1000])).await.ok();
    let refused = post(&user, complete, &body).await;
    assert_eq!(
        (refused.status, refused.body),
        (
            400,
            json!({
                "error": "Not all chunks have been received", "receivedChunks": 1, "totalChunks": 2
            })
        )
    );
    assert_eq!(
        said(post(&user, complete, &json!({})).await),
        words(400, "Missing required parameters")
    );
    form(&user, chunk, storage_chunk(&upload, 1, &file[1000..2000])).await.ok();
    assert_eq!(post(&user, complete, &body).await.status, 400, "the file was announced larger");

    let other = server.user("b@example.com").await;
    let status = format!("/api/storage/upload-status?uploadId={upload}");
    assert_eq!(said(get(&other, &status).await), words(403, "Forbidden"));
    assert_eq!(said(post(&other, complete, &body).await), words(403, "Forbidden"));
    let theirs = form(&other, chunk, storage_chunk(&upload, 0, &file)).await;
    assert_eq!(said(theirs), words(403, "Forbidden"));
    assert_eq!(
        said(get(&user, "/api/storage/upload-status").await),
        words(400, "Missing upload ID")
    );
    assert_eq!(said(get(&user, init).await), words(405, "Method not allowed"));
    let stranger = User::new(&server.url(), "wrong");
    assert_eq!(said(post(&stranger, init, &good).await), words(401, "Unauthorized"));
    assert_eq!(said(get(&stranger, &status).await), words(401, "Unauthorized"));
    // Another file than was announced.
    let upload = begin(&user, "a.mp4", "video/mp4", 60, 1).await;
    let text = b"this is a text, and a text is no video, whatever it is called";
    assert_eq!(form(&user, chunk, storage_chunk(&upload, 0, text)).await.status, 415);
}

#[tokio::test]
async fn document_003_takes_a_webm_cut_anywhere() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = real().whole();
    let chunks: Vec<_> = file.chunks(file.len() / 3 + 1).collect();
    let upload = begin(&user, "r.webm", "video/webm", file.len(), 3).await;
    for (index, bytes) in chunks.iter().enumerate() {
        let sent = storage_chunk(&upload, index as i64, bytes);
        form(&user, "/api/storage/upload-chunk", sent).await.ok();
    }
    let body = json!({"uploadId": upload, "fileName": "r.webm", "contentType": "video/webm"});
    let done = post(&user, "/api/storage/complete-chunked-upload", &body).await.ok();
    let path = done["url"].as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    decode(&user.bytes(&path).await);
}

#[tokio::test]
async fn document_003_sends_bytes_to_measure_the_line() {
    let server = Server::start().await;
    let nobody = User::new(&server.url(), "");
    for (size, bytes) in [
        ("", 100 * 1024),
        ("?size=10kb", 10 * 1024),
        ("?size=1mb", MB),
        ("?size=9mb", MB),
        ("?size=17", 17),
    ] {
        let url = format!("{}/api/storage/network-test{size}", server.url());
        let response = nobody.http.get(url).send().await.unwrap();
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], "application/octet-stream");
        assert_eq!(headers["content-length"], bytes.to_string());
        assert!(headers["cache-control"].to_str().unwrap().starts_with("no-store, no-cache"));
        assert_eq!(
            (&headers["pragma"], &headers["expires"]),
            (&"no-cache".parse().unwrap(), &"0".parse().unwrap())
        );
        assert_eq!(response.bytes().await.unwrap().len(), bytes, "{size}");
    }
    assert_eq!(get(&nobody, "/api/storage/network-test?size=x").await.status, 400);
    assert_eq!(post(&nobody, "/api/storage/network-test", &json!({})).await.status, 405);
}

#[tokio::test]
async fn a_file_goes_up_by_an_address_of_its_own() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let file = film("mp4");
    let path = "/api/storage/get-direct-upload-url?fileName=film.mp4&contentType=video/mp4";
    let given = get(&user, path).await.ok();
    let url = given["url"].as_str().unwrap();
    let upload_url = given["uploadUrl"].as_str().unwrap();
    // Nothing is there yet, and that is said.
    assert_eq!(user.http.get(url).send().await.unwrap().status().as_u16(), 404);
    let complete = json!({"uploadId": given["uploadId"]});
    let early = post(&user, "/api/storage/complete-direct-upload", &complete).await;
    assert_eq!((early.status, &early.body["error"]), (400, &json!("No file has been uploaded")));

    let sent = user.http.put(upload_url).body(file.clone()).send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    // Whoever looks there first finds it, without anybody having said that it is complete.
    let page = user.http.get(url).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    let path = url.strip_prefix(&server.url()).unwrap();
    assert!(user.bytes(path).await == file);
    let done = post(&user, "/api/storage/complete-direct-upload", &complete).await.ok();
    assert_eq!((&done["size"], &done["url"]), (&json!(file.len()), &given["url"]));
    let other = server.user("b@example.com").await;
    assert_eq!(post(&other, "/api/storage/complete-direct-upload", &complete).await.status, 403);

    // The address takes nothing any more that could change what is there.
    user.http.put(upload_url).body(vec![0; 99]).send().await.unwrap();
    assert!(user.bytes(path).await == file);
    for path in [
        "/api/storage/get-direct-upload-url?fileName=a.mp4",
        "/api/storage/get-direct-upload-url?fileName=a.exe&contentType=application/x-msdownload",
    ] {
        assert_eq!(get(&user, path).await.status, 400, "{path}");
    }
    let path = "/api/storage/get-direct-upload-url?fileName=a.mp4&contentType=video/mp4";
    assert_eq!(get(&User::new(&server.url(), "wrong"), path).await.status, 401);
}

#[tokio::test]
async fn what_came_by_an_address_is_looked_at_before_it_is_shown() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    for (kind, bytes) in [
        ("video/mp4", real().whole()),
        ("video/webm", film("mp4")),
        ("video/mp4", b"<html>".to_vec()),
    ] {
        let path = format!("/api/storage/get-direct-upload-url?fileName=f&contentType={kind}");
        let given = get(&user, &path).await.ok();
        user.http.put(given["uploadUrl"].as_str().unwrap()).body(bytes).send().await.unwrap();
        let body = json!({"uploadId": given["uploadId"]});
        let refused = post(&user, "/api/storage/complete-direct-upload", &body).await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        let page = user.http.get(given["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(page.status().as_u16(), 404);
    }
    assert_eq!(server.objects(), 0, "and nothing of it is kept");
}

/// To fetch without a token, for an hour.
#[tokio::test]
async fn an_owner_gets_an_address_to_pass_on() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let answer = user.upload(&real().stream()).await;
    let session = answer["sessionId"].as_str().unwrap();
    let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
    let patch = patch.bearer_auth(&user.token).json(&json!({"visibility": "members"}));
    assert!(patch.send().await.unwrap().status().is_success());
    let video = answer["url"].as_str().unwrap();
    assert_eq!(user.http.get(video).send().await.unwrap().status().as_u16(), 403);
    let given = user.get(&format!("/videos/{session}/download")).await.ok();
    let address = given["url"].as_str().unwrap();
    let bytes = user.http.get(address).send().await.unwrap().bytes().await.unwrap();
    assert!(probe(&bytes, "stream=codec_name").contains("vp9"));
    for changed in [
        address.replace("signature=", "signature=A"),
        address.replace("until=", "until=9"),
        address.replace("video.webm", "original.webm"),
    ] {
        assert_eq!(user.http.get(changed).send().await.unwrap().status().as_u16(), 403);
    }
    server.pass_ms(60 * 60 * 1000 + 1);
    assert_eq!(user.http.get(address).send().await.unwrap().status().as_u16(), 403, "it is over");
    server
        .user("b@example.com")
        .await
        .get(&format!("/videos/{session}/download"))
        .await
        .refused(404);
}
