//! The pages as text: policy, escaping, states. How they look is for eyes.

use reqwest::{StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Server, User, init_000, synthetic};

async fn page(user: &User, path: &str) -> (StatusCode, header::HeaderMap, String) {
    let response = user.http.get(format!("{}{path}", user.url)).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

#[tokio::test]
async fn nothing_inline_and_nothing_from_elsewhere() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let answer = user.upload(&synthetic(2, 300).stream()).await;
    let video = format!("/videos/{}", answer["videoId"].as_str().unwrap());
    let picture = crate::screenshots::picture("png");
    let shot = crate::screenshots::send(&user, "a.png", &picture).await.ok();
    let shot = shot["pageUrl"].as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    let (awaited, embed) = (format!("/videos/{}", Uuid::now_v7()), format!("{video}/embed"));
    for path in [video.as_str(), &shot, &awaited, &embed, "/", "/nowhere", "/sign-in"] {
        let (_, headers, html) = page(&user, path).await;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let is_handler = |rest: &str| {
            let name = rest.split_once('=').map_or("", |(name, _)| name);
            !name.is_empty() && name.bytes().all(|letter| letter.is_ascii_lowercase())
        };
        assert!(!html.contains(" style=") && !html.contains("<style"), "{path}");
        assert!(!html.split(" on").skip(1).any(is_handler), "{path}");
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/static/"), "{script}");
        }
        for asset in html.split("\"/static/").skip(1) {
            let asset = format!("/static/{}", asset.split('"').next().unwrap());
            let (status, headers, _) = page(&user, &asset).await;
            assert_eq!(status, StatusCode::OK, "{asset}");
            assert!(headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        }
    }
}

/// Browsers read these headers, and proxies can send them as early hints.
#[tokio::test]
async fn page_names_what_can_be_loaded_before_it_is_read() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.post("/videos/init", &init_000()).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap();
    let parts = synthetic(2, 300).stream();
    user.chunk(session, 0, &parts[0]).await.ok();
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let path = status["videoUrl"].as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    let links = async || {
        let (_, headers, html) = page(&user, &path).await;
        let links = headers[header::LINK].to_str().unwrap().to_owned();
        for link in links.split(", ") {
            let asset = link.trim_start_matches('<').split('>').next().unwrap();
            assert_eq!(page(&user, asset).await.0, StatusCode::OK, "{asset}");
            assert!(html.contains(asset), "{asset} is for this page: {html}");
        }
        links
    };
    let live = links().await;
    assert!(live.contains("page.css>; rel=preload; as=style, <"), "{live}");
    assert!(live.contains("/live.js>; rel=modulepreload"), "{live}");
    user.chunk(session, 1, &parts[1]).await.ok();
    user.finalize(session, 2).await.ok();
    let finished = links().await;
    assert!(finished.contains("player.js>; rel=modulepreload"), "{finished}");
    assert!(!finished.contains("live.js"), "only where the recording runs: {finished}");

    // A style sheet of one line has the shape of the picture, which is no usual one here.
    let mut other = init_000();
    other["resolution"] = json!({"width": 1000, "height": 800});
    let session = user.post("/videos/init", &other).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap();
    user.chunk(session, 0, &parts[0]).await.ok();
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let path = status["videoUrl"].as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    let (_, _, html) = page(&user, &path).await;
    let shape = html.split('"').find(|it| it.ends_with("/shape-1000x800.css")).unwrap();
    assert_eq!(page(&user, shape).await.2, ":root{--shape:1.2500}");
}

/// Without scripts too: the server chooses, and no cache mixes the languages.
#[tokio::test]
async fn pages_are_in_the_language_that_the_browser_asks_for() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let answer = user.upload(&synthetic(2, 300).stream()).await;
    let video = format!("/videos/{}", answer["videoId"].as_str().unwrap());
    let locked = user.upload(&synthetic(1, 300).stream()).await;
    user.lock(locked["sessionId"].as_str().unwrap(), "open sesame").await;
    let locked = format!("/videos/{}", locked["videoId"].as_str().unwrap());
    let now = uuid::Timestamp::from_unix(uuid::NoContext, 1_800_000_000, 0);
    let awaited = format!("/videos/{}", Uuid::new_v7(now));
    let embed = format!("{video}/embed");
    for (asked, tag, direction, words) in [
        ("de-CH, en;q=0.5", "de", "ltr", ["Link kopieren", "Passwort", "hochgeladen", "Anmelden"]),
        ("ar", "ar", "rtl", ["نسخ الرابط", "كلمة المرور", "لم يُرفع بعد", "تسجيل الدخول"]),
        ("fr, en;q=0.5", "en", "ltr", ["Copy link", "password", "uploaded", "Sign in"]),
    ] {
        let pages = [(&video, words[0]), (&locked, words[1]), (&awaited, words[2])];
        let sign_in = "/sign-in".to_owned();
        let heads = [(&sign_in, words[3]), (&embed, "")];
        for (path, said) in pages.into_iter().chain(heads) {
            let request = user.http.get(format!("{}{path}", user.url));
            let response = request.header(header::ACCEPT_LANGUAGE, asked).send().await.unwrap();
            assert_eq!(response.headers()[header::VARY], "accept-language", "{path}");
            let html = response.text().await.unwrap();
            let begin = format!("<html lang=\"{tag}\" dir=\"{direction}\">");
            assert!(html.contains(&begin), "{asked} {path}: {html}");
            assert!(html.contains(said), "{asked} {path}: {said} in {html}");
        }
        // What the scripts say comes from beside them.
        let (_, _, html) = page(&user, &video).await;
        let version = html.split("/static/").nth(1).unwrap().split('/').next().unwrap();
        let (status, headers, script) =
            page(&user, &format!("/static/{version}/{tag}/words.js")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert!(script.starts_with(&format!("export const language = \"{tag}\";")), "{script}");
        let other = format!("/static/{version}/fr/words.js");
        assert_eq!(page(&user, &other).await.0, StatusCode::NOT_FOUND);
        let style = format!("/static/{version}/{tag}/page.css");
        assert_eq!(page(&user, &style).await.0, StatusCode::NOT_FOUND, "one address for each");
    }
}

#[tokio::test]
async fn a_title_is_text_and_never_markup() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut body = init_000();
    body["filename"] = json!("\"><img src=x onerror=alert(1)>'<script>.webm");
    let session = user.post("/videos/init", &body).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap();
    user.chunk(session, 0, &synthetic(1, 300).whole()).await.ok();
    let answer = user.finalize(session, 1).await.ok();
    let (_, _, html) =
        page(&user, &format!("/videos/{}", answer["videoId"].as_str().unwrap())).await;
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;"), "it is shown");
    assert!(!html.contains("<img") && !html.contains("<script>"));
}

#[tokio::test]
async fn each_state_has_its_page() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_800_000_000, 0));
    let path = format!("/videos/{id}");
    let mut body = init_000();
    body["recordingId"] = json!(id);
    body["filename"] = json!("Checkout bug.webm");

    let (status, _, html) = page(&user, &path).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(html.contains("Not uploaded yet"));
    let session = user.post("/videos/init", &body).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap();
    assert!(page(&user, &path).await.2.contains("Not uploaded yet"));

    let parts = synthetic(2, 300).stream();
    user.chunk(session, 0, &parts[0]).await.ok();
    let (status, _, html) = page(&user, &path).await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("Recording now") && html.contains("Checkout bug"));

    user.chunk(session, 1, &parts[1]).await.ok();
    user.finalize(session, 2).await.ok();
    let (status, _, html) = page(&user, &path).await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("0:04") && !html.contains("Recording now"));
    let video = format!("content=\"{}{path}/video.webm\"", server.url());
    assert!(html.contains("property=\"og:video\"") && html.contains(&video));

    user.delete(&format!("/videos/{session}")).await.ok();
    let (status, _, html) = page(&user, &path).await;
    assert_eq!(status, StatusCode::GONE);
    assert!(html.contains("was removed"));

    let session = user.post("/videos/init", &body).await.ok()["sessionId"].clone();
    user.chunk(session.as_str().unwrap(), 0, &parts[0]).await.ok();
    server.pass_ms(25 * 60 * 60 * 1000);
    let (status, _, html) = page(&user, &path).await;
    assert_eq!(status, StatusCode::GONE);
    assert!(html.contains("wasn't fully uploaded"));

    for path in [format!("/videos/{}", Uuid::new_v4()), "/videos/..%2f..%2fetc".to_owned()] {
        let (status, _, html) = page(&user, &path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(html.contains("Page not found"));
    }
}

#[tokio::test]
async fn health_is_told() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    for path in ["/healthz", "/readyz"] {
        let (status, headers, _) = page(&user, path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(!headers["x-request-id"].is_empty());
    }
}
