//! Who may see what stands behind a link: every address of a video, for each kind of visitor.

use serde_json::{Value, json};

use crate::browser::{Browser, signed_in};
use crate::support::{Server, User, synthetic};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

struct Video {
    owner: User,
    session: String,
    path: String,
}

async fn video(server: &Server) -> Video {
    let owner = server.user("a@example.com").await;
    let session = owner.init().await;
    for (index, part) in synthetic(2, 300).stream().iter().enumerate() {
        owner.chunk(&session, index, part).await.ok();
    }
    let answer = owner.finalize(&session, 2).await.ok();
    let path = format!("/videos/{}", answer["videoId"].as_str().unwrap());
    Video { owner, session, path }
}

impl Video {
    async fn change(&self, change: &Value) -> crate::support::Answer {
        let url = format!("{}/api/v1/videos/{}", self.owner.url, self.session);
        let request = self.owner.http.patch(url).bearer_auth(&self.owner.token).json(change);
        crate::support::Answer::of(request.send().await.unwrap()).await
    }

    fn bytes(&self) -> Vec<String> {
        ["video.webm", "original.webm", "live", "live/init.webm", "live/1"]
            .iter()
            .map(|of| format!("{}/{of}", self.path))
            .collect()
    }

    async fn is_seen(&self, browser: &Browser) -> bool {
        let page = browser.get(&self.path).await;
        let seen = page.status == 200;
        assert_eq!(seen, page.html.contains("data-player"), "{}", page.html);
        if !seen {
            assert!(!page.html.contains("recording_2024") && !page.html.contains("og:"));
        }
        for path in self.bytes() {
            assert_eq!(browser.get(&path).await.status == 200, seen, "{path}");
        }
        seen
    }
}

#[tokio::test]
async fn members_only() {
    let server = Server::start().await;
    let video = video(&server).await;
    let stranger = Browser::new(&server.url());
    let member = signed_in(&server.url(), server.backend.place(), "m@example.com").await;
    assert!(video.is_seen(&stranger).await);
    assert_eq!(video.change(&json!({"visibility": "members"})).await.ok()["visibility"], "members");
    assert!(!video.is_seen(&stranger).await && video.is_seen(&member).await);
    let page = stranger.get(&video.path).await;
    assert!(page.status == 403 && page.html.contains("Sign in to see it"));
    assert!(page.html.contains(&format!("/sign-in?next={}", video.path.replace('/', "%2F"))));
    let bytes = member.get(&format!("{}/video.webm", video.path)).await;
    assert!(bytes.headers["cache-control"].to_str().unwrap().contains("private"));
}

#[tokio::test]
async fn with_a_password() {
    let server = Server::start().await;
    let video = video(&server).await;
    video.change(&json!({"visibility": "password"})).await.refused(400);
    video.change(&json!({"visibility": "password", "password": "short"})).await.refused(400);
    let set = json!({"visibility": "password", "password": "open sesame"});
    assert!(!video.change(&set).await.ok().to_string().contains("sesame"));

    let guest = Browser::new(&server.url());
    assert!(!video.is_seen(&guest).await);
    let unlock = format!("{}/password", video.path);
    let key = guest.key(&video.path).await;
    let say =
        |password: &'static str| [("formKey", key.clone()), ("password", password.to_owned())];
    let post = async |fields: [(&str, String); 2]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        guest.post(&unlock, &fields).await
    };
    assert_eq!(post(say("wrong")).await.status, 401);
    assert_eq!(post(say("open sesame")).await.to(), video.path);
    assert!(video.is_seen(&guest).await);
    assert!(!video.is_seen(&Browser::new(&server.url())).await, "this browser only");

    // The pass is for this video only, and for as long as the password stays.
    video.change(&json!({"password": "open barley"})).await.ok();
    assert!(!video.is_seen(&guest).await);
    assert_eq!(post(say("open barley")).await.status, 303);
    server.pass_ms(13 * 60 * 60 * 1000);
    assert!(!video.is_seen(&guest).await, "passes end");

    let mut refused = 0;
    for _ in 0..8 {
        refused += u32::from(post(say("a guess")).await.status == 429);
    }
    assert_eq!(refused, 3, "five guesses, and then one a minute");
    let right = post(say("open barley")).await;
    assert!(right.status == 429 && right.headers.contains_key("retry-after"));
    server.pass_ms(61_000);
    assert_eq!(post(say("open barley")).await.status, 303);
}

#[tokio::test]
async fn until_a_day() {
    let server = Server::start().await;
    let video = video(&server).await;
    let now_ms = 1_800_000_000_000_i64;
    video.change(&json!({"expiresUnixMs": now_ms - 1})).await.refused(400);
    video.change(&json!({"expiresUnixMs": now_ms + DAY_MS})).await.ok();
    let guest = Browser::new(&server.url());
    assert!(video.is_seen(&guest).await);
    server.pass_ms(DAY_MS);
    assert!(!video.is_seen(&guest).await);
    let page = guest.get(&video.path).await;
    assert!(page.status == 410 && page.html.contains("This link has expired"));
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    assert!(video.is_seen(&owner).await, "its owner sees it all the same");
    video.change(&json!({"expiresUnixMs": null})).await.ok();
    assert!(video.is_seen(&guest).await);
}

#[tokio::test]
async fn a_recording_that_is_sent_again_stays_as_private_as_it_was() {
    let server = Server::start().await;
    let owner = server.user("a@example.com").await;
    let mut body = crate::support::init_000();
    body["recordingId"] = json!(uuid::Uuid::now_v7());
    let begin = async || {
        let session = owner.post("/videos/init", &body).await.ok()["sessionId"].clone();
        let session = session.as_str().unwrap().to_owned();
        owner.chunk(&session, 0, &synthetic(1, 300).whole()).await.ok();
        session
    };
    let session = begin().await;
    let path = format!("/videos/{}", body["recordingId"].as_str().unwrap());
    let video = Video { owner: owner.clone(), session, path };
    video.change(&json!({"visibility": "members", "title": "Private"})).await.ok();
    server.pass_ms(2 * DAY_MS);
    let again = Video { session: begin().await, ..video };
    let guest = Browser::new(&server.url());
    assert_eq!(guest.get(&again.path).await.status, 403);
    assert_eq!(owner.get(&format!("/videos/{}", again.session)).await.ok()["title"], "Private");
}

#[tokio::test]
async fn only_its_owner_decides() {
    let server = Server::start().await;
    let video = video(&server).await;
    let other = server.user("b@example.com").await;
    let others = Video { owner: other, session: video.session.clone(), path: video.path.clone() };
    others.change(&json!({"visibility": "link", "title": "mine"})).await.refused(404);
    video.change(&json!({"visibility": "everyone"})).await.refused(400);
    video.change(&json!({"title": 7})).await.refused(400);
    video.change(&json!([])).await.refused(400);
    assert_eq!(video.change(&json!({"title": "  Cart\u{0} "})).await.ok()["title"], "Cart");
    assert_eq!(video.change(&json!({"title": ""})).await.ok()["title"], "Screen recording");
}

#[tokio::test]
async fn the_list_sets_it_too() {
    let server = Server::start().await;
    let video = video(&server).await;
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let key = owner.key("/my/videos").await;
    let edit = format!("/my/videos/{}/edit", video.session);
    let fields = |visibility: &'static str, password: &'static str, until: &'static str| {
        [
            ("title", "Demo"),
            ("visibility", visibility),
            ("password", password),
            ("until", until),
            ("zone", "-120"),
        ]
    };
    for (fields, said) in [
        (fields("password", "", ""), "password"),
        (fields("link", "", "2020-01-01"), "past"),
        (fields("link", "", "soon"), "past"),
        (fields("password", "open sesame", "2030-05-04"), "saved"),
    ] {
        let mut fields = fields.to_vec();
        fields.push(("formKey", &key));
        assert_eq!(owner.post(&edit, &fields).await.to(), format!("/my/videos?said={said}"));
    }
    let status = video.owner.get(&format!("/videos/{}", video.session)).await.ok();
    assert_eq!(status["visibility"], "password");
    // 2030-05-05T00:00 two hours east of Greenwich.
    assert_eq!(status["expiresUnixMs"], 1_904_162_400_000_i64);
    assert!(owner.get("/my/videos").await.html.contains("value=\"2030-05-04\""));
}

#[tokio::test]
async fn views_are_of_others_and_once() {
    let server = Server::start().await;
    let video = video(&server).await;
    let views =
        async || video.owner.get(&format!("/videos/{}", video.session)).await.ok()["views"].clone();
    let viewed = format!("{}/viewed", video.path);
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    owner.post(&viewed, &[]).await;
    assert_eq!(views().await, 0);
    let guest = Browser::new(&server.url());
    for _ in 0..3 {
        assert_eq!(guest.post(&viewed, &[]).await.status, 204);
    }
    assert_eq!(views().await, 1);
    server.pass_ms(31 * 60 * 1000);
    guest.post(&viewed, &[]).await;
    assert_eq!(views().await, 2);
    assert!(guest.get(&video.path).await.html.contains("2 views"));
}

#[tokio::test]
async fn other_sites_embed_what_anyone_may_see() {
    let server = Server::start().await;
    let video = video(&server).await;
    let guest = Browser::new(&server.url());
    let embed = format!("{}/embed", video.path);
    let page = guest.get(&embed).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(page.status == 200 && policy.contains("frame-ancestors *"), "{policy}");
    assert!(!page.headers.contains_key("x-frame-options"));
    let share = guest.get(&video.path).await;
    let policy = share.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(share.html.contains("application/json+oembed"));

    let link = format!("{}{}", server.url(), video.path);
    let asked = |url: &str| {
        let query =
            reqwest::Url::parse_with_params("http://h/oembed", [("url", url), ("maxwidth", "640")]);
        let query = query.unwrap();
        format!("{}?{}", query.path(), query.query().unwrap())
    };
    let answer: Value = serde_json::from_str(&guest.get(&asked(&link)).await.html).unwrap();
    assert_eq!((&answer["type"], &answer["version"]), (&json!("video"), &json!("1.0")));
    assert_eq!((&answer["width"], &answer["height"]), (&json!(640), &json!(360)));
    assert!(answer["html"].as_str().unwrap().contains(&format!("src=\"{link}/embed\"")));
    assert_eq!(guest.get(&format!("{}&format=xml", asked(&link))).await.status, 501);
    assert_eq!(guest.get(&asked("https://elsewhere/videos/x")).await.status, 404);

    video.change(&json!({"visibility": "members"})).await.ok();
    assert_eq!(guest.get(&asked(&link)).await.status, 401);
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    assert_eq!(
        owner.get(&embed).await.status,
        404,
        "not even for its owner: frames get no cookies"
    );
}
