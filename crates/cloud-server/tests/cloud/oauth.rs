//! The sign-in of the app, step by step, and each way in which it must not work.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::browser::{Browser, PASSWORD, Seen, signed_in};
use crate::support::{Answer, Server, User, http};

const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-letters-0123";

fn asked() -> Vec<(&'static str, String)> {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    [
        ("response_type", "code"),
        ("client_id", "snaplark-app"),
        ("redirect_uri", REDIRECT),
        ("state", "a state & more"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn address(asked: &[(&str, String)]) -> String {
    let url = reqwest::Url::parse_with_params("http://h/oauth/authorize", asked).unwrap();
    format!("{}?{}", url.path(), url.query().unwrap())
}

async fn answer(browser: &Browser, page: &Seen, say: &str) -> Seen {
    let names = ["response_type", "client_id", "redirect_uri", "state", "code_challenge"];
    let mut fields: Vec<(&str, String)> = names.map(|name| (name, page.field(name))).to_vec();
    fields.push(("code_challenge_method", "S256".to_owned()));
    fields.push(("device", page.field("device")));
    fields.push(("scope", page.field("scope")));
    fields.push(("formKey", page.field("formKey")));
    fields.push(("answer", say.to_owned()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post("/oauth/authorize", &fields).await
}

fn query(to: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(to).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn code(browser: &Browser) -> String {
    let page = browser.get(&address(&asked())).await;
    let seen = answer(browser, &page, "yes").await;
    query(seen.to(), "code").unwrap()
}

async fn exchange(server: &Server, change: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("client_id", "snaplark-app"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in change {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    let request = http().post(format!("{}/oauth/token", server.url())).form(&fields);
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn from_the_app_to_its_token() {
    let server = Server::start().await;
    let capabilities: Value =
        User::new(&server.url(), "").get("/capabilities").await.ok()["signIn"].clone();
    assert_eq!(capabilities["authorize"], format!("{}/oauth/authorize", server.url()));
    assert_eq!(capabilities["token"], format!("{}/oauth/token", server.url()));

    signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let browser = Browser::new(&server.url());
    let sign_in = browser.get(&address(&asked())).await.to().to_owned();
    let form = browser.get(&sign_in).await;
    let (key, next) = (form.field("formKey"), form.field("next"));
    let fields = [
        ("formKey", key.as_str()),
        ("next", &next),
        ("email", "a@example.com"),
        ("password", PASSWORD),
    ];
    assert!(form.html.contains("Snaplark on <bdi>"), "which program asks: {}", form.html);
    assert!(form.html.contains("Upload recordings and screenshots"), "and for what");
    let next = browser.post("/sign-in", &fields).await.to().to_owned();
    assert_eq!(next, address(&asked()), "back to where it was asked");

    let page = browser.get(&next).await;
    assert!(page.html.contains("a@example.com") && page.html.contains("Connect Snaplark on"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:49152;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"));
    let seen = answer(&browser, &page, "yes").await;
    assert!(seen.to().starts_with("http://127.0.0.1:49152/callback?"));
    assert_eq!(query(seen.to(), "state").as_deref(), Some("a state & more"));
    assert_eq!(query(seen.to(), "iss").as_deref(), Some(server.url().as_str()));
    let code = query(seen.to(), "code").unwrap();

    let got = exchange(&server, &[("code", &code)]).await;
    assert_eq!(got.headers["cache-control"], "no-store");
    let got = got.ok();
    assert_eq!(got["token_type"], "Bearer");
    assert_eq!(got["scope"], "upload read account");
    let token = got["access_token"].as_str().unwrap();
    let user = User::new(&server.url(), token);
    user.get("/videos").await.ok();
    assert!(browser.get("/my/tokens").await.html.contains("Snaplark on this computer"));

    let again = exchange(&server, &[("code", &code)]).await;
    assert_eq!((again.status, &again.body["error"]), (400, &Value::from("invalid_grant")));
    let revoke = http().post(format!("{}/oauth/revoke", server.url())).form(&[("token", token)]);
    assert!(revoke.send().await.unwrap().status().is_success());
    user.get("/videos").await.refused(401);
}

#[tokio::test]
async fn a_code_is_good_once_for_a_minute_and_for_who_asked() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    for wrong in [
        ("code_verifier", "another-verifier-of-at-least-forty-three-letters"),
        ("redirect_uri", "http://127.0.0.1:49153/callback"),
    ] {
        let code = code(&browser).await;
        let refused = exchange(&server, &[("code", &code), wrong]).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &Value::from("invalid_grant")));
        let refused = exchange(&server, &[("code", &code)]).await;
        assert_eq!(refused.status, 400, "a wrong try spends it");
    }
    for (name, value, error) in [
        ("grant_type", "password", "unsupported_grant_type"),
        ("client_id", "another", "invalid_client"),
        ("code_verifier", "short", "invalid_request"),
        ("code", "", "invalid_request"),
    ] {
        let refused = exchange(&server, &[("code", "x"), (name, value)]).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &Value::from(error)));
    }
    let late = code(&browser).await;
    server.pass_ms(60_000);
    assert_eq!(exchange(&server, &[("code", &late)]).await.status, 400);
    let timely = code(&browser).await;
    server.pass_ms(59_000);
    exchange(&server, &[("code", &timely)]).await.ok();
}

#[tokio::test]
async fn who_says_no_says_so_and_nobody_is_led_elsewhere() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let page = browser.get(&address(&asked())).await;
    let no = answer(&browser, &page, "no").await;
    assert_eq!(query(no.to(), "error").as_deref(), Some("access_denied"));
    assert_eq!(query(no.to(), "code"), None);

    let with = |name: &str, value: &str| {
        let mut asked = asked();
        asked
            .iter_mut()
            .filter(|(known, _)| *known == name)
            .for_each(|(_, old)| *old = value.to_owned());
        address(&asked)
    };
    for (name, value) in [
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:1@evil.example/callback"),
        ("client_id", "another"),
    ] {
        let seen = browser.get(&with(name, value)).await;
        assert_eq!(seen.status, 400, "{name}={value}");
        assert!(!seen.html.contains("evil"));
    }
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
    ] {
        let seen = browser.get(&with(name, value)).await;
        assert_eq!(query(seen.to(), "error").as_deref(), Some(error));
        assert_eq!(query(seen.to(), "state").as_deref(), Some("a state & more"));
    }
    // The page that asks can't be answered for somebody by another site.
    let asked = asked();
    let mut fields: Vec<_> = asked.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("answer", "yes"));
    assert_eq!(
        browser.post_from("https://evil.example", "/oauth/authorize", &fields).await.status,
        403
    );
    assert_eq!(browser.post("/oauth/authorize", &fields).await.status, 403);
}

#[tokio::test]
async fn the_server_names_itself_when_it_leads_back() {
    let server = Server::with(|options| {
        options.cloud.public_url = Some("https://videos.example.com/below".to_owned());
    })
    .await;
    let mut wrong = asked();
    wrong.retain(|(name, _)| *name != "code_challenge");
    let seen = Browser::new(&server.url()).get(&address(&wrong)).await;
    assert_eq!(query(seen.to(), "error").as_deref(), Some("invalid_request"));
    assert_eq!(query(seen.to(), "iss").as_deref(), Some("https://videos.example.com"));
}

#[tokio::test]
async fn a_token_is_good_for_what_was_agreed_to_alone() {
    let server = Server::start().await;
    let browser = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let mut asked = asked();
    asked.push(("scope", "upload".to_owned()));
    let page = browser.get(&address(&asked)).await;
    assert!(page.html.contains("Upload recordings") && !page.html.contains("Rename, share"));
    let code = query(answer(&browser, &page, "yes").await.to(), "code").unwrap();
    let got = exchange(&server, &[("code", &code)]).await.ok();
    assert_eq!(got["scope"], "upload");
    let user = User::new(&server.url(), got["access_token"].as_str().unwrap());
    let session = user.init().await;
    user.get(&format!("/videos/{session}")).await.ok();
    let refused = user.get("/videos").await;
    let challenge = refused.headers["www-authenticate"].to_str().unwrap().to_owned();
    assert_eq!(challenge, "Bearer error=\"insufficient_scope\", scope=\"read\"");
    assert_eq!(refused.refused(403)["code"], "insufficient_scope");
    user.delete(&format!("/videos/{session}")).await.refused(403);

    asked.pop();
    asked.push(("scope", "upload everything".to_owned()));
    let seen = browser.get(&address(&asked)).await;
    assert_eq!(query(seen.to(), "error").as_deref(), Some("invalid_scope"));
}

#[tokio::test]
async fn a_token_that_nothing_uses_for_half_a_year_is_good_for_nothing() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let server = Server::start().await;
    let (used, idle) = (server.user("a@example.com").await, server.user("a@example.com").await);
    for _ in 0..3 {
        server.pass_ms(70 * DAY_MS);
        used.get("/videos").await.ok();
    }
    idle.get("/videos").await.refused(401);
}
