//! Signing in where the server lies: it is known to every server by one client id, so that a hostile
//! one may try to get a token that is for another.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use snaplark_app::{Account, AppError, BrowserSignIn};
use tokio::net::TcpListener;

use crate::rig::runtime;

const TOKEN: &str = "the-token";

/// Says what it is told to, and notes what it is asked.
#[derive(Clone, Default)]
struct Told {
    sign_in: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Lying {
    url: String,
    told: Told,
}

impl Lying {
    async fn start() -> Self {
        let told = Told::default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(told.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Lying { url, told }
    }

    fn says(&self, authorize: &str, token: &str) {
        *self.told.sign_in.lock().unwrap() = json!({ "authorize": authorize, "token": token });
    }

    /// Returns the requests beside those for its capabilities.
    fn asked(&self) -> Vec<String> {
        let asked = self.told.asked.lock().unwrap().clone();
        asked.into_iter().filter(|path| !path.ends_with("/capabilities")).collect()
    }

    fn account(&self) -> Account {
        Account::at(&self.url, None).unwrap()
    }
}

async fn answer(State(told): State<Told>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    told.asked.lock().unwrap().push(path.clone());
    let answer = match path.as_str() {
        "/api/v1/capabilities" => json!({
            "server": "snaplark", "version": "1", "framings": ["stream"], "partBytesMax": 1,
            "partsInFlightMax": 1, "signIn": *told.sign_in.lock().unwrap(),
        }),
        _ => json!({ "access_token": TOKEN, "token_type": "Bearer" }),
    };
    axum::Json(answer).into_response()
}

#[test]
fn token_of_another_server_is_not_to_be_had_by_naming_its_sign_in_page() {
    runtime().unwrap().block_on(async {
        let (good, evil) = (Lying::start().await, Lying::start().await);
        for (authorize, token) in [
            (format!("{}/oauth/authorize", good.url), format!("{}/oauth/token", evil.url)),
            (format!("{}/oauth/authorize", evil.url), format!("{}/oauth/token", good.url)),
            (format!("{}/oauth/authorize", good.url), format!("{}/oauth/token", good.url)),
            ("file:///etc/passwd".into(), format!("{}/oauth/token", evil.url)),
        ] {
            evil.says(&authorize, &token);
            match BrowserSignIn::begin(evil.account()).await {
                Err(AppError::ForeignSignIn { server, .. }) => {
                    assert_eq!(format!("http://{server}"), evil.url);
                }
                Err(other) => panic!("{authorize}: {other}"),
                Ok(begun) => panic!("the browser is sent to {}", begun.address),
            }
        }
        assert!(good.asked().is_empty(), "{:?}", good.asked());
        assert!(evil.asked().is_empty(), "{:?}", evil.asked());
    });
}

/// Begins at an honest server, and comes back with this behind the state.
async fn come_back(honest: &Lying, more: &str) -> Result<Account, AppError> {
    let own = |path: &str| format!("{}{path}", honest.url);
    honest.says(&own("/oauth/authorize"), &own("/oauth/token"));
    let begun = BrowserSignIn::begin(honest.account()).await?;
    let address = reqwest::Url::parse(&begun.address).unwrap();
    let value = |name: &str| {
        let found = address.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(value("scope"), "upload read account");
    let back = format!("{}?code=c&state={}{more}", value("redirect_uri"), value("state"));
    let browser = tokio::spawn(async move { reqwest::get(back).await.unwrap().text().await });
    let signed_in = begun.finish().await;
    let signed_in = match signed_in {
        Ok((account, page)) => {
            page.tell(Ok(())).await;
            Ok(account)
        }
        Err(error) => Err(error),
    };
    let shown = browser.await.unwrap().unwrap();
    assert_eq!(shown.contains("Not signed in"), signed_in.is_err(), "{shown}");
    signed_in
}

#[test]
fn answer_counts_when_its_issuer_is_the_server_that_was_asked() {
    runtime().unwrap().block_on(async {
        let honest = Lying::start().await;
        let own = format!("&iss={}", honest.url);
        let account = come_back(&honest, &own).await.unwrap();
        assert!(account.token.is_some());
        // A server that says none is one of before.
        assert!(come_back(&honest, "").await.unwrap().token.is_some());
        let asked = honest.asked().len();
        let other = come_back(&honest, "&iss=https://evil.example").await;
        assert!(matches!(other, Err(AppError::ForeignSignIn { .. })), "{other:?}");
        assert_eq!(honest.asked().len(), asked, "the code goes nowhere");
    });
}
