//! Tests of what operators see: metrics, readiness, logs; and of shutting down.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use snaplark_cloud::Limits;

use crate::backend::Backend;
use crate::program::{Running, token};
use crate::support::{Server, User, http, synthetic};
use crate::wait;

async fn get(url: &str) -> (u16, HeaderMap, String) {
    let response = http().get(url).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

/// A metric's number, by its name with labels.
#[track_caller]
fn number(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn every_number_of_the_document_is_there_and_nobody_is_named() {
    let part = synthetic(1, 1000).whole();
    // Three parts, two uploads, and less for rows and a map than another part takes.
    let room = part.len() as u64 * 3 + 2 * 4096 + 4000;
    let server = Server::with(|options| {
        options.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
        options.cloud.limits = Limits { storage_bytes: Some(room), ..Limits::default() };
    })
    .await;
    let user = server.user("named@example.com").await;
    let parts = synthetic(3, 1000).stream();
    let answer = user.upload(&parts).await;
    let session = user.init().await;
    user.finalize(&session, 1).await.refused(409);
    let _refused = user.chunk(&session, 0, &part).await.refused(507);
    get(&format!("{}/videos/{}", server.url(), answer["videoId"].as_str().unwrap())).await;
    get(&format!("{}/no/such/page", server.url())).await;

    let url = format!("http://{}/metrics", server.metrics_address.unwrap());
    let (status, headers, text) = get(&url).await;
    assert_eq!(status, 200);
    assert!(headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let bytes = parts.iter().map(Vec::len).sum::<usize>() as f64;
    for (name, is) in [
        // 000's list, in its order.
        ("snaplark_sessions_created_total", 2.0),
        ("snaplark_chunks_received_total", 3.0),
        ("snaplark_session_chunks_sum", 3.0),
        ("snaplark_session_chunks_count", 1.0),
        ("snaplark_assemblies_total{outcome=\"completed\"}", 1.0),
        ("snaplark_assemblies_total{outcome=\"missing\"}", 1.0),
        ("snaplark_assembly_seconds_count", 1.0),
        ("snaplark_storage_bytes{what=\"uploads\"}", bytes),
        // And ours.
        ("snaplark_chunks_received_bytes_total", bytes),
        ("snaplark_refusals_total{limit=\"storage\"}", 1.0),
        ("snaplark_sessions{state=\"completed\"}", 1.0),
        ("snaplark_users", 1.0),
        ("snaplark_parts_damaged", 0.0),
        ("snaplark_jobs{work=\"thumbnail.jpg\",state=\"waiting\"}", 1.0),
        (
            "snaplark_http_requests_total{method=\"GET\",route=\"/videos/{video}\",status=\"200\"}",
            1.0,
        ),
        ("snaplark_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"}", 1.0),
        ("snaplark_http_request_seconds_count{route=\"/api/v1/videos/chunk\"}", 4.0),
    ] {
        assert_eq!(number(&text, name), is, "{name}");
    }
    for secret in ["named", "example.com", session.as_str(), answer["videoId"].as_str().unwrap()] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    let (status, ..) = get(&format!("{}/metrics", server.url())).await;
    assert_eq!(status, 404, "not where visitors come");
    let elsewhere = url.replace("/metrics", "/my/videos");
    assert_eq!(get(&elsewhere).await.0, 404, "and nothing else where it is");
}

#[tokio::test]
async fn a_request_can_be_followed_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let log = folder.path().join("log");
    let env = [
        ("SNAPLARK_LOG", "snaplark_cloud=debug,snaplark_cloud_web=debug"),
        ("SNAPLARK_LOG_FORMAT", "json"),
    ];
    let running = Running::start_logging(&backend, &env, &log);
    let ask = async |id: &str| {
        let request = http().get(format!("{}/api/v1/videos?secret=1", running.url));
        let answer = request.bearer_auth(&token).header("X-Request-Id", id).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(ask("from-the_proxy.1").await, "from-the_proxy.1");
    for odd in ["a b", "{\"x\":1}", &"a".repeat(65)] {
        let made = ask(odd).await;
        assert!(made != odd && made.len() == 36, "{made}");
    }
    running.kill();
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["span"]["id"] == "from-the_proxy.1").expect(&text);
    assert_eq!(line["span"]["method"], "GET");
    assert_eq!(line["span"]["path"], "/api/v1/videos");
    assert_eq!(line["fields"]["status"], 200);
    assert!(!text.contains("secret") && !text.contains(&token), "{text}");
}

#[cfg(unix)]
const METRICS: (&str, &str) = ("SNAPLARK_METRICS_LISTEN", "127.0.0.1:0");

/// A chunk whose second half is sent when `rest` says so.
fn send_slowly(
    user: &User,
    session: &str,
    part: &[u8],
    rest: tokio::sync::oneshot::Receiver<()>,
) -> tokio::task::JoinHandle<reqwest::Result<reqwest::Response>> {
    use futures_util::stream::{self, StreamExt};
    let (first, second) = part.split_at(part.len() / 2);
    let (first, second) = (first.to_vec(), second.to_vec());
    let body = stream::once(async { Ok::<_, std::io::Error>(first) }).chain(stream::once(async {
        // Without a word it never comes.
        if rest.await.is_err() {
            std::future::pending::<()>().await;
        }
        Ok(second)
    }));
    let body = reqwest::Body::wrap_stream(body);
    let chunk = reqwest::multipart::Part::stream_with_length(body, part.len() as u64)
        .file_name("chunk.webm")
        .mime_str("video/webm")
        .unwrap();
    let form = reqwest::multipart::Form::new()
        .text("sessionId", session.to_owned())
        .text("chunkIndex", "0")
        .part("chunk", chunk);
    let request = user.http.post(format!("{}/api/v1/videos/chunk", user.url));
    tokio::spawn(request.bearer_auth(&user.token).multipart(form).send())
}

#[cfg(unix)]
#[tokio::test]
async fn who_is_being_served_is_served_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let log = folder.path().join("log");
    let mut running = Running::start_logging(&backend, &[METRICS], &log);
    let user = User::new(&running.url, &token);
    let part = synthetic(1, 500_000).whole();
    let session = user.init().await;
    let (go_on, rest) = tokio::sync::oneshot::channel();
    let sent = send_slowly(&user, &session, &part, rest);
    until_under_way(&log).await;
    terminate(&running);
    let is_stopping = || std::fs::read_to_string(&log).unwrap().contains("Stopping");
    wait::until_true("it to stop", async || is_stopping()).await;
    assert!(running.child.try_wait().unwrap().is_none(), "it waits");
    go_on.send(()).unwrap();
    let answer = sent.await.unwrap().unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(running.child.wait().unwrap().success());
    let again = Running::start(&backend);
    let status = User::new(&again.url, &token).get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["receivedChunks"], json!([0]));
    again.kill();
}

#[cfg(unix)]
#[tokio::test]
async fn who_never_ends_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let log = folder.path().join("log");
    let mut running =
        Running::start_logging(&backend, &[METRICS, ("SNAPLARK_STOP_SECONDS", "1")], &log);
    let user = User::new(&running.url, &token);
    let session = user.init().await;
    let (held, rest) = tokio::sync::oneshot::channel();
    let part = synthetic(1, 500_000).whole();
    let sent = send_slowly(&user, &session, &part, rest);
    until_under_way(&log).await;
    terminate(&running);
    let begun = Instant::now();
    assert!(running.child.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    sent.abort();
    drop(held);
    let again = Running::start(&backend);
    let status = User::new(&again.url, &token).get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["receivedChunks"], json!([]), "half a part is none");
    again.kill();
}

/// The server reads it, and has not answered.
async fn until_under_way(log: &Path) {
    wait::until_true("the part to come", async || {
        let said = std::fs::read_to_string(log).unwrap();
        let Some((_, rest)) = said.split_once("Metrics are on ") else { return false };
        let (_, _, text) = get(rest.lines().next().unwrap()).await;
        number(&text, "snaplark_http_requests_under_way") >= 1.0
    })
    .await;
}

#[cfg(unix)]
fn terminate(running: &Running) {
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
}
