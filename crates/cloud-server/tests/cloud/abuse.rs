//! Guesses that must not keep an owner out, and requests that must not cost what they don't earn.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::browser::{Browser, PASSWORD, signed_in};
use crate::support::{Server, User, http, synthetic};

const WHO: &str = "a@example.com";
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_guesser_can_not_keep_an_owner_out_of_a_browser_that_was_signed_in_before() {
    let server = Server::with(|options| options.cloud.behind_proxy = true).await;
    let owner = signed_in(&server.url(), server.backend.place(), WHO).await;
    // From as many addresses as it takes, until a browser that is new is refused with the password.
    let mut shut_out = false;
    for round in 0..30 {
        let stranger = Browser::new(&server.url());
        stranger.come_from(&format!("198.51.100.{round}"));
        for _ in 0..8 {
            shut_out |= stranger.try_sign_in(WHO, "a wrong password").await.status == 429;
        }
    }
    assert!(shut_out, "guesses are counted on the account, too");
    let fresh = Browser::new(&server.url());
    fresh.come_from("203.0.113.9");
    assert_eq!(fresh.try_sign_in(WHO, PASSWORD).await.status, 429, "a browser that is new waits");
    owner.forget_cookie("snaplark_session");
    assert_eq!(owner.try_sign_in(WHO, PASSWORD).await.status, 303, "the owner's own does not");
    // It is no way around the limits for another account, and has limits of its own.
    owner.forget_cookie("snaplark_session");
    let tries = async |email: &str| {
        let mut refused = 0;
        for _ in 0..12 {
            let seen = owner.try_sign_in(email, "a wrong password").await;
            refused += usize::from(seen.status == 429);
        }
        refused
    };
    assert!(tries(WHO).await > 0, "eight tries");
    assert!(tries("b@example.com").await > 0);
}

#[tokio::test]
async fn a_refused_token_writes_nothing() {
    let server = Server::start().await;
    let stranger = User::new(&server.url(), "wrong");
    for _ in 0..120 {
        stranger.get("/videos").await.refused(401);
    }
    stranger.get("/videos").await.refused(429);
    let kept = server.backend.dump();
    assert!(!kept.windows(10).any(|at| at == b"token from"), "no bucket in the database");
}

async fn hashes(server: &Server) -> String {
    let url = format!("http://{}/metrics", server.metrics_address.unwrap());
    let text = http().get(url).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("snaplark_password_hashes_total"));
    line.expect(&text).to_owned()
}

#[tokio::test]
async fn a_refused_try_writes_nothing_and_hashes_nothing() {
    let server = Server::with(|options| {
        options.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let owner = server.user(WHO).await;
    let session = owner.init().await;
    owner.chunk(&session, 0, &synthetic(1, 100).whole()).await.ok();
    let video = owner.finalize(&session, 1).await.ok();
    owner.lock(&session, "open sesame").await;
    let path = format!("/videos/{}", video["videoId"].as_str().unwrap());
    let stranger = Browser::new(&server.url());
    let key = stranger.key(&path).await;
    let unlock = async || {
        let fields = [("formKey", key.as_str()), ("password", "a guess")];
        stranger.post(&format!("{path}/password"), &fields).await.status
    };
    let sign_in = async || stranger.try_sign_in(WHO, "a wrong password").await.status;
    for _ in 0..8 {
        assert_eq!(sign_in().await, 401);
    }
    for _ in 0..5 {
        assert_eq!(unlock().await, 401);
    }
    let kept = async || (server.backend.dump(), hashes(&server).await);
    // The sweeper writes when a server starts, and may be late.
    let mut is_same = false;
    for _ in 0..5 {
        let before = kept().await;
        for _ in 0..10 {
            assert_eq!((sign_in().await, unlock().await), (429, 429));
        }
        let after = kept().await;
        assert_eq!(before.1, after.1, "nothing is hashed");
        is_same |= before.0 == after.0;
        if is_same {
            break;
        }
    }
    assert!(is_same, "the database is as it was");
    server.pass_ms(61_000);
    assert_eq!((sign_in().await, unlock().await), (401, 401));
}

#[tokio::test]
async fn a_server_answers_to_its_own_name_alone() {
    let server = Server::with(|options| {
        options.cloud.public_url = Some("https://videos.example.com".to_owned());
    })
    .await;
    let ask = async |host: &str| {
        let request = http().get(format!("{}/healthz", server.url())).header("host", host);
        let response = request.send().await.unwrap();
        let hsts = response.headers().get("strict-transport-security").cloned();
        (response.status().as_u16(), hsts.is_some())
    };
    assert_eq!(ask("videos.example.com").await, (200, true));
    assert_eq!(ask("127.0.0.1:8080").await, (200, true));
    assert_eq!(ask("rebound.example").await, (421, true));
    let plain = Server::start().await;
    let response = http().get(format!("{}/healthz", plain.url())).send().await.unwrap();
    assert!(response.headers().get("strict-transport-security").is_none(), "no https, no HSTS");
}

/// A page of the web whose name points at this computer must not get at the app's own cloud.
#[tokio::test]
async fn the_cloud_inside_the_app_answers_to_its_own_name_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    let embedded = snaplark_cloud_web::start_embedded(&data).await.unwrap();
    let port = embedded.cloud.address().port();
    for path in ["/healthz", "/", "/api/v1/capabilities", "/api/v1/videos"] {
        let ask = async |host: String| {
            let url = format!("http://127.0.0.1:{port}{path}");
            let request = http().get(url).bearer_auth(&embedded.token).header("host", host);
            request.send().await.unwrap().status().as_u16()
        };
        for own in ["127.0.0.1", "localhost"] {
            assert!(ask(format!("{own}:{port}")).await < 400, "{own}{path}");
        }
        for foreign in ["rebound.example".to_owned(), format!("rebound.example:{port}")] {
            assert_eq!(ask(foreign).await, 421, "{path}");
        }
    }
    embedded.cloud.shutdown().await.unwrap();
}

#[tokio::test]
async fn one_address_that_floods_is_refused_and_keeps_nobody_out() {
    let server = Server::start().await;
    let user = server.user(WHO).await;
    let at = |last: u8| {
        let from = std::net::IpAddr::from([127, 0, 0, last]);
        reqwest::Client::builder().no_proxy().local_address(from).build().unwrap()
    };
    let (flood, another) = (at(2), at(3));
    let ask = async |client: &reqwest::Client, path: &str, token: Option<&str>| {
        let request = client.get(format!("{}{path}", server.url()));
        let request = token.into_iter().fold(request, |it, token| it.bearer_auth(token));
        request.send().await.unwrap()
    };
    let refused = async |what: &str, token: Option<&str>| {
        let begun = std::time::Instant::now();
        loop {
            assert!(begun.elapsed() < 6 * SOON, "{what} is refused at some time");
            let asked = (0..100).map(|_| ask(&flood, "/healthz", token));
            let answers = futures_util::future::join_all(asked).await;
            if let Some(refused) = answers.into_iter().find(|it| it.status() == 429) {
                break refused;
            }
        }
    };
    assert_eq!(refused("a flood", None).await.headers()["retry-after"], "1");
    // The bucket has a request again each 5 ms, so the flood goes on beside what is asked now.
    let goes_on = async {
        for _ in 0..10_000 {
            let asked = (0..50).map(|_| ask(&flood, "/healthz", None));
            futures_util::future::join_all(asked).await;
        }
    };
    let others = async {
        for _ in 0..20 {
            let of_member = ask(&flood, "/api/v1/usage", Some(&user.token)).await;
            assert_eq!(of_member.status(), 200, "a good token is never refused");
            assert_eq!(ask(&another, "/healthz", None).await.status(), 200);
        }
    };
    tokio::select! {
        () = others => {}
        () = goes_on => {}
    }
    // A wrong token is no way around it.
    refused("a flood with a wrong token", Some("wrong")).await;
}

#[tokio::test]
async fn unknown_tokens_to_revoke_are_counted_as_guesses() {
    let server = Server::start().await;
    let user = server.user(WHO).await;
    let revoke = async |token: &str| {
        let request = http().post(format!("{}/oauth/revoke", server.url()));
        let response = request.form(&[("token", token)]).send().await.unwrap();
        response.status().as_u16()
    };
    for _ in 0..120 {
        assert_eq!(revoke("snap_wrong").await, 200);
    }
    assert_eq!(revoke("snap_wrong").await, 429);
    // Who has the token may always revoke it.
    user.get("/usage").await.ok();
    assert_eq!(revoke(&user.token).await, 200);
    let gone = user.get("/usage").await.status;
    assert!(gone == 401 || gone == 429, "{gone}");
}

#[tokio::test]
async fn headers_above_what_is_documented_are_refused() {
    let server = Server::start().await;
    for (bytes, status) in [(60 * 1024, 200), (70 * 1024, 431)] {
        let request = http().get(format!("{}/healthz", server.url()));
        let response = request.header("x-long", "x".repeat(bytes)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{bytes}");
    }
}

#[tokio::test]
async fn one_address_that_holds_connections_keeps_nobody_else_out() {
    let server = Server::with(|options| options.cloud.connections_max = 40).await;
    let at: std::net::SocketAddr = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    let connect = async |from: [u8; 4]| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(std::net::SocketAddr::from((from, 0))).unwrap();
        socket.connect(at).await.unwrap()
    };
    // Nothing is ever sent on them.
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(connect([127, 0, 0, 2]).await);
    }
    let mut another = connect([127, 0, 0, 3]).await;
    another.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(SOON, another.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // A quarter is theirs; the others were closed.
    let mut closed = 0;
    for stream in &mut held[10..] {
        let ended = tokio::time::timeout(SOON, stream.read(&mut answer)).await;
        closed += usize::from(matches!(ended, Ok(Ok(0) | Err(_))));
    }
    assert_eq!(closed, 50);
    // A place that is given up is another's.
    held.clear();
    let again = async {
        loop {
            let mut stream = connect([127, 0, 0, 2]).await;
            let asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
            if stream.write_all(asked).await.is_ok() && stream.read_exact(&mut answer).await.is_ok()
            {
                break;
            }
        }
    };
    tokio::time::timeout(SOON, again).await.unwrap();
}
