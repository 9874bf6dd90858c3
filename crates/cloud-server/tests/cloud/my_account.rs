//! One's own account: its password, its export, its end.

use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD, Seen, signed_in};
use crate::support::{Server, User, init_000, synthetic};
use crate::wait;

const NEW: &str = "another long password";
const WHO: &str = "a@example.com";

async fn post(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Seen {
    let key = browser.key("/my/account").await;
    browser.post(path, &[&[("formKey", key.as_str())], fields].concat()).await
}

async fn change(browser: &Browser, current: &str, new: &str, more: &[(&str, &str)]) -> Seen {
    let fields = [&[("current", current), ("password", new)], more].concat();
    post(browser, "/my/account/password", &fields).await
}

async fn actions(server: &Server) -> Vec<String> {
    let entries = snaplark_cloud::audit_entries(server.backend.place(), None, 100).await.unwrap();
    entries.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn new_password_ends_other_browsers_and_all_tokens() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), WHO).await;
    let other = Browser::new(&server.url());
    other.try_sign_in(WHO, PASSWORD).await.to();
    let app = server.user(WHO).await;
    let before = browser.cookie("snaplark_session").unwrap();

    assert_eq!(change(&browser, PASSWORD, NEW, &[]).await.to(), "/my/account?said=password");
    assert_ne!(browser.cookie("snaplark_session").unwrap(), before, "the session is another");
    let page = browser.get("/my/account?said=password").await;
    assert!(page.status == 200 && page.html.contains("Password changed"), "{}", page.html);
    assert!(other.get("/my/videos").await.to().starts_with("/sign-in"));
    app.get("/videos").await.refused(401);
    let fresh = Browser::new(&server.url());
    assert_eq!(fresh.try_sign_in(WHO, PASSWORD).await.status, 401);
    assert_eq!(fresh.try_sign_in(WHO, NEW).await.status, 303);

    change(&browser, NEW, PASSWORD, &[]).await.to();
    let changes = actions(&server).await;
    assert_eq!(changes.iter().filter(|action| *action == "password changed").count(), 2);
    let stored = server.backend.dump();
    let holds = |text: &str| stored.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(!holds(NEW) && !holds(&browser.cookie("snaplark_session").unwrap()));
}

#[tokio::test]
async fn new_password_needs_the_current_one_and_a_page_of_ours() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), WHO).await;
    let seen = change(&browser, "wrong horse battery", NEW, &[]).await;
    assert_eq!(seen.status, 401);
    assert!(seen.html.contains("not your current password"));
    let seen = change(&browser, PASSWORD, "short", &[]).await;
    assert_eq!(seen.status, 400);
    assert!(seen.html.contains("at least 10 characters"));

    let fields = [("current", PASSWORD), ("password", NEW)];
    for path in ["/my/account/password", "/my/account/export", "/my/account/delete"] {
        assert_eq!(browser.post(path, &fields).await.status, 403, "{path}");
        let key = browser.key("/my/account").await;
        let forged = [&[("formKey", key.as_str())], &fields[..]].concat();
        assert_eq!(browser.post_from("https://evil.example", path, &forged).await.status, 403);
    }
    let stranger = Browser::new(&server.url());
    assert!(stranger.get("/my/account").await.to().starts_with("/sign-in"));

    // Whoever found an open browser doesn't find the password by trying.
    for _ in 0..7 {
        change(&browser, "wrong horse battery", NEW, &[]).await;
    }
    let seen = change(&browser, PASSWORD, NEW, &[]).await;
    assert_eq!(seen.status, 429);
    assert!(seen.headers.contains_key("retry-after"));
    assert!(actions(&server).await.contains(&"password refused".to_owned()));
    assert_eq!(Browser::new(&server.url()).try_sign_in(WHO, PASSWORD).await.status, 303);
}

/// A file's name and bytes.
fn unpacked(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    use std::io::Read;
    let mut archive = tar::Archive::new(archive);
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

async fn export(server: &Server, browser: &Browser) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let key = browser.key("/my/account").await;
    let session = browser.cookie("snaplark_session").unwrap();
    let request = crate::support::http()
        .post(format!("{}/my/account/export", server.url()))
        .header("Cookie", format!("snaplark_session={session}"))
        .header("Origin", server.url())
        .form(&[("formKey", &key)]);
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    (response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

async fn named(user: &User, name: &str, parts: &[Vec<u8>]) -> (String, Value) {
    let mut body = init_000();
    body["filename"] = json!(name);
    let session = user.post("/videos/init", &body).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap().to_owned();
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let answer = user.finalize(&session, parts.len()).await.ok();
    (session, answer)
}

#[tokio::test]
async fn export_holds_every_recording_as_it_came_with_an_index() {
    let server = Server::start().await;
    let user = server.user(WHO).await;
    let title = "Überweisung : .. \u{1F3AC} ".repeat(8);
    let parts = synthetic(3, 700).stream();
    let (session, _) = named(&user, &format!("{title}.webm"), &parts).await;
    let captions = "WEBVTT\n\n00:00.000 --> 00:01.000\nHallo\n";
    let put = user.http.put(format!("{}/api/v1/videos/{session}/captions", server.url()));
    let put = put.bearer_auth(&user.token).header("Content-Type", "text/vtt").body(captions);
    assert_eq!(put.send().await.unwrap().status().as_u16(), 200);
    // One that still comes in, one that was announced only, and one of somebody else.
    let live = user.init().await;
    user.chunk(&live, 0, &parts[0]).await.ok();
    user.init().await;
    named(&server.user("b@example.com").await, "theirs.webm", &parts).await;

    let browser = signed_in(&server.url(), server.backend.place(), WHO).await;
    let page = browser.get("/my/account").await.html;
    assert!(
        page.contains("Holds 2 recordings, 0 screenshots and captions of 1 recording"),
        "{page}"
    );
    assert!(page.contains("1 recording is damaged or never arrived"));
    assert!(browser.get("/my/account/export").await.html.contains("\"none\""));
    let (headers, archive) = export(&server, &browser).await;
    let progress = browser.get("/my/account/export").await.html;
    assert_eq!(progress, "{\"state\":\"done\"}", "the page can say so");
    assert_eq!(headers["content-length"], archive.len().to_string(), "progress can be shown");
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"snaplark-export-2027-01-15.tar\""
    );
    let files = unpacked(&archive);
    assert_eq!(files[0].0, "index.json", "what there is comes first");
    let index: Value = serde_json::from_slice(&files[0].1).unwrap();
    let bytes_of = |name: &Value| &files.iter().find(|(it, _)| it == name).unwrap().1;
    let listed = index["recordings"].as_array().unwrap();
    assert_eq!((index["account"].as_str(), listed.len()), (Some(WHO), 3));
    let whole = listed.iter().find(|it| it["state"] == "completed").unwrap();
    assert_eq!(*bytes_of(&whole["file"]), parts.concat());
    assert_eq!(bytes_of(&whole["captions"]), captions.as_bytes());
    assert!(whole["file"].as_str().unwrap().starts_with("videos/2027-01-15 08.00 Überweisung"));
    let live = listed.iter().find(|it| it["state"] == "uploading").unwrap();
    assert_eq!(*bytes_of(&live["file"]), parts[0]);
    let empty = listed.iter().find(|it| it["state"] == "initialized").unwrap();
    assert_eq!((&empty["file"], &empty["problem"]), (&Value::Null, &json!("nothing has arrived")));
    assert_eq!(files.len(), 4, "and nothing of anybody else");
    for (name, _) in &files {
        let is_inside = std::path::Path::new(name)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        assert!(is_inside, "{name}");
    }
    assert!(actions(&server).await.contains(&"account exported".to_owned()));
    // The program that people have reads it, too.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.tar");
    std::fs::write(&file, &archive).unwrap();
    let listed = std::process::Command::new("tar").arg("-tf").arg(&file).output().unwrap();
    assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), 4);
}

#[tokio::test]
async fn export_names_what_is_damaged_and_holds_the_rest() {
    let server = Server::start().await;
    let user = server.user(WHO).await;
    let parts = synthetic(2, 300).stream();
    let (session, _) = named(&user, "bad.webm", &parts).await;
    named(&user, "good.webm", &parts).await;
    server.backend.rot(&session);
    snaplark_cloud::scrub(server.backend.place()).await.unwrap();
    let browser = signed_in(&server.url(), server.backend.place(), WHO).await;
    let files = unpacked(&export(&server, &browser).await.1);
    let index: Value = serde_json::from_slice(&files[0].1).unwrap();
    let bad = index["recordings"].as_array().unwrap().iter().find(|it| it["title"] == "bad");
    let problem = bad.unwrap()["problem"].as_str().unwrap();
    assert!(problem.contains("damaged"), "{problem}");
    assert_eq!((files.len(), &files[1].1), (2, &parts.concat()));
}

#[tokio::test]
async fn deleted_account_leaves_no_bytes_no_links_and_no_names() {
    let server = Server::start().await;
    let user = server.user(WHO).await;
    let other = server.user("b@example.com").await;
    let parts = synthetic(2, 300).stream();
    let (_, answer) = named(&user, "Quarterly secret.webm", &parts).await;
    let link = format!("/videos/{}", answer["videoId"].as_str().unwrap());
    let live = user.init().await;
    user.chunk(&live, 0, &parts[0]).await.ok();
    let (_, theirs) = named(&other, "theirs.webm", &parts).await;
    let browser = signed_in(&server.url(), server.backend.place(), WHO).await;
    let reset =
        snaplark_cloud::reset_link(server.backend.place(), WHO, &server.url()).await.unwrap();

    let wrong = [("email", WHO), ("current", "wrong horse battery")];
    let other_email = [("email", "b@example.com"), ("current", PASSWORD)];
    for fields in [wrong, other_email] {
        let seen = post(&browser, "/my/account/delete", &fields).await;
        assert_eq!(seen.status, 401);
        assert!(seen.html.contains("Nothing was deleted"));
    }
    user.get("/videos").await.ok();
    let fields = [("email", " A@Example.com "), ("current", PASSWORD)];
    let seen = post(&browser, "/my/account/delete", &fields).await;
    assert_eq!(seen.status, 200);
    assert!(seen.html.contains("Your account is deleted"), "{}", seen.html);

    assert!(browser.get("/my/account").await.to().starts_with("/sign-in"));
    let stranger = Browser::new(&server.url());
    let page = stranger.get(&link).await;
    assert_eq!(page.status, 410);
    assert!(page.html.contains("was removed"), "{}", page.html);
    assert_eq!(stranger.get(&format!("{link}/video.webm")).await.status, 404);
    user.get("/videos").await.refused(401);
    user.chunk(&live, 1, &parts[1]).await.refused(401);
    assert_eq!(stranger.try_sign_in(WHO, PASSWORD).await.status, 401);
    let path = reset.strip_prefix(&server.url()).unwrap();
    assert_eq!(stranger.get(path).await.status, 410, "its reset link is dead");

    // The bytes are gone; the other's two parts are not.
    wait::until_true("two objects", async || server.objects() <= 2).await;
    assert_eq!(server.objects(), 2);
    let watched = stranger.get(&format!("/videos/{}", theirs["videoId"].as_str().unwrap())).await;
    assert_eq!(watched.status, 200);
    let entries = snaplark_cloud::audit_entries(server.backend.place(), None, 100).await.unwrap();
    let last = entries.iter().find(|entry| entry.action == "account deleted").unwrap();
    assert_eq!((last.subject.as_str(), &last.user), (WHO, &None));
    assert!(entries.iter().all(|entry| !format!("{entry:?}").contains("Quarterly")));

    // The address is free again, and what was there before is not its.
    let again = signed_in(&server.url(), server.backend.place(), WHO).await;
    assert!(again.get("/my/videos").await.html.contains("Nothing here yet"));
}
