//! Who did what: everything that is done is there, once, with its account and its address.

use serde_json::json;
use snaplark_cloud::{AuditRecord, Limits, OwnLimits};

use crate::browser::{Browser, PASSWORD, signed_in};
use crate::support::{Server, synthetic};

async fn read_entries(server: &Server, user: Option<&str>) -> Vec<AuditRecord> {
    snaplark_cloud::audit_entries(server.backend.place(), user, 1000).await.unwrap()
}

#[tokio::test]
async fn everything_that_is_done_is_noted_once() {
    let part = synthetic(1, 1000).whole();
    // An upload of one part, and not another.
    let room = part.len() as u64 + 4096 + 2000;
    let limits = Limits { storage_bytes: Some(room), ..Limits::default() };
    let server = Server::with(|options| options.cloud.limits = limits).await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    Browser::new(&server.url()).try_sign_in("a@example.com", "wrong horse battery").await;

    let key = browser.key("/my/tokens").await;
    let form = [("formKey", key.as_str()), ("name", "build server")];
    let made = browser.post("/my/tokens", &form).await;
    let token = made.html.split("/my/tokens/").nth(1).unwrap().split('/').next().unwrap();
    let key = [("formKey", key.as_str())];
    browser.post(&format!("/my/tokens/{token}/revoke"), &key).await;
    // Gone already: nothing is done.
    browser.post(&format!("/my/tokens/{token}/revoke"), &key).await;

    let session = user.init().await;
    user.chunk(&session, 0, &part).await.ok();
    let video = user.finalize(&session, 1).await.ok()["videoId"].as_str().unwrap().to_owned();
    user.finalize(&session, 1).await.ok();
    for _ in 0..3 {
        user.post("/videos/init", &crate::support::init_000()).await.refused(507);
    }
    let change = json!({"title": "Mine", "visibility": "password", "password": "secret1",
        "expiresUnixMs": 1_900_000_000_000_i64});
    for change in [&change, &json!({"title": "Mine"})] {
        let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
        let answer = patch.bearer_auth(&user.token).json(change).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
    let stranger = Browser::new(&server.url());
    let locked = stranger.get(&format!("/videos/{video}")).await;
    let guess = [("formKey", locked.field("formKey")), ("password", "secret2".to_owned())];
    let guess = guess.each_ref().map(|(name, value)| (*name, value.as_str()));
    stranger.post(&format!("/videos/{video}/password"), &guess).await;
    let more = |own: &mut OwnLimits| own.storage_bytes = Some(None);
    snaplark_cloud::limit_user(server.backend.place(), "a@example.com", more).await.unwrap();
    user.delete(&format!("/videos/{session}")).await.ok();
    browser.post("/sign-out", &key).await;

    let entries = read_entries(&server, Some("a@example.com")).await;
    assert_eq!(entries, read_entries(&server, None).await, "there is nobody else");
    assert!(entries.iter().all(|entry| entry.user.as_deref() == Some("a@example.com")));
    let (here, there) = ("this server", "127.0.0.1");
    let mut seen: Vec<_> = entries
        .iter()
        .map(|entry| {
            let AuditRecord { action, subject, detail, address, .. } = entry;
            (action.as_str(), subject.as_str(), detail.as_str(), address.as_str())
        })
        .collect();
    let file = "recording_2024-01-15T10-30-45.webm";
    let mut expected = vec![
        ("password set", "", "", here),
        ("sign-in", "a@example.com", "", there),
        ("token created", "Made on the server", "", here),
        ("sign-in refused", "a@example.com", "", there),
        ("token created", "build server", "", there),
        ("token revoked", "build server", "", there),
        ("video finished", &video, file, there),
        ("upload refused", "", "storage", there),
        ("video renamed", &video, "Mine", there),
        ("visibility changed", &video, "password", there),
        ("link password set", &video, "", there),
        ("link end set", &video, "2030-03-17T17:46:40Z", there),
        ("link password refused", &video, "", there),
        ("limits set", "", "", here),
        ("video deleted", &video, file, there),
        ("sign-out", "", "", there),
    ];
    // The command line has another clock than the test's server.
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    for entry in &entries {
        let text = format!("{entry:?}");
        assert!(!text.contains("secret") && !text.contains(PASSWORD) && !text.contains("horse"));
    }
}

#[tokio::test]
async fn repeated_changes_do_not_fill_the_log() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    let session = user.upload(&synthetic(1, 100).stream()).await["sessionId"].clone();
    let session = session.as_str().unwrap();
    let rename = async |name: usize| {
        let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
        let patch = patch.bearer_auth(&user.token).json(&json!({"title": name.to_string()}));
        patch.send().await.unwrap()
    };
    let mut changed = 0;
    let refused = loop {
        let answer = rename(changed).await;
        if !answer.status().is_success() {
            break answer;
        }
        changed += 1;
        assert!(changed <= 200, "200 at once");
    };
    assert_eq!((refused.status().as_u16(), changed), (429, 200));
    assert!(refused.headers().contains_key("retry-after"));
    // The same count is for a form of the page, and for tokens.
    let key = browser.key("/my/tokens").await;
    let fields = [("formKey", key.as_str()), ("title", "Mine")];
    let edited = browser.post(&format!("/my/videos/{session}/edit"), &fields).await;
    assert_eq!(edited.to(), "/my/videos?said=often");
    let fields = [("formKey", key.as_str()), ("name", "a")];
    assert_eq!(browser.post("/my/tokens", &fields).await.status, 429);
    let renamed = read_entries(&server, None).await;
    let renamed = renamed.iter().filter(|entry| entry.action == "video renamed").count();
    assert_eq!(renamed, 200);
    server.pass_ms(61_000);
    assert!(rename(1_000).await.status().is_success());
}

#[tokio::test]
async fn one_sees_ones_own_and_nobody_elses() {
    let server = Server::start().await;
    let one = signed_in(&server.url(), server.backend.place(), "one@example.com").await;
    let other = signed_in(&server.url(), server.backend.place(), "other@example.com").await;
    let key = other.key("/my/tokens").await;
    let form = [("formKey", key.as_str()), ("name", "<b>theirs</b>")];
    other.post("/my/tokens", &form).await;
    let page = other.get("/my/activity").await;
    assert_eq!((page.status, &page.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
    assert!(page.html.contains("Token created") && page.html.contains("&lt;b&gt;theirs"));
    let page = one.get("/my/activity").await;
    assert!(page.html.contains("Signed in") && !page.html.contains("theirs"), "{}", page.html);
    assert!(Browser::new(&server.url()).get("/my/activity").await.to().starts_with("/sign-in"));
    let unknown =
        snaplark_cloud::audit_entries(server.backend.place(), Some("who@example.com"), 1).await;
    assert!(unknown.unwrap_err().to_string().contains("There is no user"));
}

#[tokio::test]
async fn activity_names_recordings_by_their_titles() {
    let server = Server::start().await;
    let user = server.user("one@example.com").await;
    let answer = user.upload(&synthetic(1, 300).stream()).await;
    let (session, video) = (answer["sessionId"].clone(), answer["videoId"].clone());
    let (session, video) = (session.as_str().unwrap(), video.as_str().unwrap());
    let browser = signed_in(&server.url(), server.backend.place(), "one@example.com").await;
    let text = |html: &str| html.replace(&format!("href=\"/videos/{video}\""), "");
    let page = text(&browser.get("/my/activity").await.html);
    assert!(page.contains("Recording of 15 January 2027") && !page.contains(video), "{page}");
    let change = json!({"title": "Checkout <b>bug"});
    let patch = user.http.patch(format!("{}/api/v1/videos/{session}", server.url()));
    patch.bearer_auth(&user.token).json(&change).send().await.unwrap();
    let page = browser.get("/my/activity").await.html;
    assert!(
        page.contains(&format!("<a href=\"/videos/{video}\"><bdi>Checkout &lt;b&gt;bug</bdi>"))
    );
    user.delete(&format!("/videos/{session}")).await.ok();
    let page = browser.get("/my/activity").await.html;
    assert!(page.contains("Checkout &lt;b&gt;bug") && !page.contains(video), "no dead links");
}
