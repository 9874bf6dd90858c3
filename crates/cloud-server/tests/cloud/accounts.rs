//! Signing in and what comes with it, and those who would like to without being asked.

use serde_json::json;

use crate::browser::{Browser, PASSWORD, signed_in};
use crate::support::{Server, User, init_000, synthetic};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn in_and_out() {
    let server = Server::start().await;
    let browser = Browser::new(&server.url());
    assert!(browser.get("/sign-in").await.html.contains("snaplark-cloud user add"));
    assert_eq!(
        browser.get("/my/videos?q=a b").await.to(),
        "/sign-in?next=%2Fmy%2Fvideos%3Fq%3Da%2520b"
    );

    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let page = browser.get("/my/videos").await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("a@example.com") && page.html.contains("Nothing here yet"));
    assert_eq!(page.headers["cache-control"], "no-store");
    let cookie = browser.cookie("snaplark_session").unwrap();

    let out = browser.post("/sign-out", &[("formKey", &page.field("formKey"))]).await;
    assert_eq!(out.to(), "/sign-in");
    assert!(browser.get("/my/videos").await.to().starts_with("/sign-in"));
    // Signed out on the server, not only in this browser.
    let thief = Browser::new(&server.url());
    let request = crate::support::http().get(format!("{}/my/videos", server.url()));
    let seen = thief.see(request.header("Cookie", format!("snaplark_session={cookie}"))).await;
    assert!(!seen.html.contains("a@example.com"));
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    server.pass_ms(29 * DAY_MS);
    assert_eq!(browser.get("/my/videos").await.status, 200);
    server.pass_ms(DAY_MS);
    assert_eq!(browser.get("/my/videos").await.status, 303);
}

#[tokio::test]
async fn wrong_passwords_are_told_apart_from_nothing_and_counted() {
    let server = Server::start().await;
    signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let guesser = Browser::new(&server.url());
    let known = guesser.try_sign_in("A@example.com", "wrong horse battery").await;
    let unknown = guesser.try_sign_in("b@example.com", "wrong horse battery").await;
    assert_eq!((known.status, unknown.status), (401, 401));
    assert_eq!(known.html.replace("A@", "b@"), unknown.html, "no word of who has an account");

    // The right one was the first try, the wrong one the second.
    for _ in 0..6 {
        assert_eq!(guesser.try_sign_in("a@example.com", "wrong horse").await.status, 401);
    }
    let refused = guesser.try_sign_in("a@example.com", PASSWORD).await;
    assert_eq!(refused.status, 429, "not even the right one");
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    server.pass_ms(wait * 1000);
    assert_eq!(guesser.try_sign_in("a@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn cookies_are_for_this_host_and_no_script() {
    let server =
        Server::with(|o| o.cloud.public_url = Some("https://videos.example.com".to_owned())).await;
    let page = Browser::new(&server.url()).get("/sign-in").await;
    let cookie = page.set_cookies()[0];
    for sign in ["__Host-snaplark_form=", "; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(sign), "{cookie}");
    }
    let server = Server::start().await;
    let page = Browser::new(&server.url()).get("/sign-in").await;
    assert!(!page.set_cookies()[0].contains("Secure"), "http keeps no secure cookie");
}

#[tokio::test]
async fn another_sites_forms_change_nothing() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    user.chunk(&session, 0, &synthetic(1, 300).whole()).await.ok();
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let key = browser.key("/my/videos").await;
    let delete = format!("/my/videos/{session}/delete");

    let other = Browser::new(&server.url()).key("/sign-in").await;
    for wrong in ["", "x", other.as_str()] {
        assert_eq!(browser.post(&delete, &[("formKey", wrong)]).await.status, 403, "{wrong}");
        assert_eq!(
            browser.post("/my/tokens", &[("formKey", wrong), ("name", "x")]).await.status,
            403
        );
        browser.post("/sign-out", &[("formKey", wrong)]).await;
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(browser.post_from(origin, &delete, &[("formKey", &key)]).await.status, 403);
    }
    assert_eq!(browser.get("/my/videos").await.status, 200, "still signed in");
    user.get(&format!("/videos/{session}")).await.ok();
    // Another site's form can't sign this browser in as somebody else, either.
    let fields = [("email", "a@example.com"), ("password", PASSWORD), ("formKey", "x")];
    assert_eq!(Browser::new(&server.url()).post("/sign-in", &fields).await.status, 403);

    assert_eq!(browser.post(&delete, &[("formKey", &key)]).await.to(), "/my/videos?said=deleted");
    user.get(&format!("/videos/{session}")).await.refused(404);
}

#[tokio::test]
async fn the_list_renames_finds_and_deletes_ones_own_only() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let other = server.user("b@example.com").await;
    let mut body = init_000();
    body["filename"] = json!("100%_\"><script>alert(1).webm");
    let session =
        user.post("/videos/init", &body).await.ok()["sessionId"].as_str().unwrap().to_owned();
    user.chunk(&session, 0, &synthetic(1, 300).whole()).await.ok();
    let video = user.finalize(&session, 1).await.ok()["videoId"].as_str().unwrap().to_owned();
    let others = other.init().await;
    other.chunk(&others, 0, &synthetic(1, 300).whole()).await.ok();

    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let page = browser.get("/my/videos").await;
    assert!(page.html.contains(&session) && !page.html.contains(&others));
    assert!(!page.html.contains("<script>alert"), "names are text");
    assert!(browser.get("/my/videos?q=100%25_").await.html.contains(&session));
    assert!(
        !browser.get("/my/videos?q=100_%25").await.html.contains(&session),
        "signs are letters"
    );

    let key = page.field("formKey");
    let edit = format!("/my/videos/{session}/edit");
    let fields = [("formKey", key.as_str()), ("title", "Cart </title><img src=x>")];
    browser.post(&edit, &fields).await.to();
    for path in ["/my/videos?q=cart".to_owned(), format!("/videos/{video}")] {
        let html = browser.get(&path).await.html;
        assert!(html.contains("Cart &lt;/title&gt;") && !html.contains("<img src=x"), "{path}");
    }
    for deed in ["edit", "delete"] {
        let path = format!("/my/videos/{others}/{deed}");
        let seen = browser.post(&path, &[("formKey", &key), ("title", "mine")]).await;
        assert_eq!(seen.to(), "/my/videos?said=gone", "as if it were not there");
    }
    other.get(&format!("/videos/{others}")).await.ok();
    browser.post(&format!("/my/videos/{session}/delete"), &[("formKey", &key)]).await.to();
    assert!(browser.get("/my/videos").await.html.contains("Nothing here yet"));
}

#[tokio::test]
async fn tokens_are_made_shown_once_used_and_revoked() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let key = browser.key("/my/tokens").await;
    let made = browser.post("/my/tokens", &[("formKey", &key), ("name", "Build <server>")]).await;
    let at = made.html.find("snap_").expect("it is shown");
    let token = &made.html[at..at + 48];
    let user = User::new(&server.url(), token);
    user.get("/videos").await.ok();

    let list = browser.get("/my/tokens").await;
    assert!(list.html.contains("Build &lt;server&gt;") && list.html.contains("last used"));
    assert!(!list.html.contains(token), "only once");
    let rest = list.html.split_once("/my/tokens/").unwrap().1;
    let revoke = format!("/my/tokens/{}", rest.split('"').next().unwrap());

    let stranger = signed_in(&server.url(), server.backend.place(), "b@example.com").await;
    let strange = stranger.key("/my/tokens").await;
    stranger.post(&revoke, &[("formKey", &strange)]).await;
    user.get("/videos").await.ok();
    browser.post(&revoke, &[("formKey", &key)]).await.to();
    user.get("/videos").await.refused(401);
}

#[tokio::test]
async fn neither_tokens_nor_cookies_nor_passwords_are_stored() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let cookie = browser.cookie("snaplark_session").unwrap();
    let stored = server.backend.dump();
    let holds = |text: &str| stored.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(holds("a@example.com") && holds("$argon2id$"), "it is the right file");
    assert!(!holds(&user.token) && !holds(&cookie) && !holds(PASSWORD));
}

#[tokio::test]
async fn own_videos_are_sorted_paged_and_searched() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let named = async |name: &str, parts: usize, frame_bytes: usize| {
        let mut body = init_000();
        body["filename"] = json!(name);
        let session = user.post("/videos/init", &body).await.ok()["sessionId"].clone();
        let session = session.as_str().unwrap().to_owned();
        for (index, part) in synthetic(parts, frame_bytes).stream().iter().enumerate() {
            user.chunk(&session, index, part).await.ok();
        }
        let video = user.finalize(&session, parts).await.ok()["videoId"].clone();
        server.pass_ms(60_000);
        (session, format!("/videos/{}", video.as_str().unwrap()))
    };
    // Shortest first, largest first, neither in the order of their names.
    let (middle, watched) = named("Middle.webm", 1, 9_000).await;
    let (zebra, _) = named("zebra.webm", 2, 500).await;
    let (apple, _) = named("Apple.webm", 3, 50).await;
    let viewer = Browser::new(&server.url());
    assert_eq!(viewer.post(&format!("{watched}/viewed"), &[]).await.status, 204);
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let order = async |query: &str| {
        let html = browser.get(&format!("/my/videos{query}")).await.html;
        let mut found: Vec<_> = [("middle", &middle), ("zebra", &zebra), ("apple", &apple)]
            .into_iter()
            .filter_map(|(name, session)| {
                html.find(&format!("edit-{session}")).map(|at| (at, name))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("", ["apple", "zebra", "middle"]),
        ("?sort=nonsense", ["apple", "zebra", "middle"]),
        ("?sort=oldest", ["middle", "zebra", "apple"]),
        ("?sort=title", ["apple", "middle", "zebra"]),
        ("?sort=size", ["middle", "zebra", "apple"]),
        ("?sort=length", ["apple", "zebra", "middle"]),
    ] {
        assert_eq!(order(query).await, expected, "{query}");
    }
    assert_eq!(order("?sort=views").await[0], "middle");
    assert_eq!(order("?sort=title&q=E").await, ["apple", "middle", "zebra"]);
    assert_eq!(order("?q=ebr&sort=size").await, ["zebra"]);
    assert_eq!(order(&format!("?sort=title&after={middle}")).await, ["zebra"]);
    assert_eq!(order(&format!("?sort=size&after={zebra}")).await, ["apple"]);
    user.delete(&format!("/videos/{middle}")).await.ok();
    assert_eq!(order(&format!("?sort=title&after={middle}")).await, ["zebra"], "it was removed");
    let nothing = browser.get("/my/videos?q=%3Cb%3E").await.html;
    assert!(nothing.contains("No results for “&lt;b&gt;”"), "{nothing}");
}

#[tokio::test]
async fn pages_of_own_videos_lead_on_and_back() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut sessions = Vec::new();
    // All at the same moment: their ids tell them apart.
    for _ in 0..26 {
        sessions.push(user.init().await);
    }
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    for sort in ["newest", "oldest", "title", "size", "length", "views"] {
        let first = browser.get(&format!("/my/videos?sort={sort}")).await.html;
        let next = first.split("rel=\"next\" href=\"").nth(1).expect("a next page");
        let next = next.split('"').next().unwrap().replace("&amp;", "&");
        assert!(!first.contains("First page"));
        let second = browser.get(&next).await.html;
        assert!(second.contains("First page") && !second.contains("rel=\"next\""), "{sort}");
        for session in &sessions {
            let shown = [&first, &second].map(|page| page.contains(&format!("edit-{session}")));
            assert!(shown[0] != shown[1], "{sort}: each on one page");
        }
    }
}

#[tokio::test]
async fn recordings_without_titles_are_told_apart() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    user.chunk(&session, 0, &synthetic(1, 300).whole()).await.ok();
    user.finalize(&session, 1).await.ok();
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let page = browser.get("/my/videos").await.html;
    assert!(!page.contains("Screen recording"), "{page}");
    assert!(page.contains("Recording of 15 January 2027, 08:00") && page.contains(" · 0:02"));
    // Saving the form as it is gives it no title.
    let key = browser.key("/my/videos").await;
    let fields = [("formKey", key.as_str()), ("title", ""), ("visibility", "link")];
    browser.post(&format!("/my/videos/{session}/edit"), &fields).await.to();
    assert!(browser.get("/my/videos").await.html.contains("Recording of 15 January 2027"));
}

#[tokio::test]
async fn sign_in_page_shows_passwords_on_request_and_offers_help() {
    let server = Server::start().await;
    let page = Browser::new(&server.url()).get("/sign-in").await.html;
    for sign in
        ["data-reveal=\"password\"", "aria-pressed=\"false\"", "aria-label=\"Show password\""]
    {
        assert!(page.contains(sign), "{sign}: {page}");
    }
    assert!(page.contains("Forgot your password?") && !page.contains("Recorded with"));
    let front = Browser::new(&server.url()).get("/").await.html;
    assert!(front.contains("“Your own server”") && !front.contains("Recorded with"));
}
