//! Sign-in through the browser, so that the person's password never reaches this program.
//!
//! It is OAuth 2.0's authorization code flow with PKCE (RFC 7636, S256) and a loopback address (RFC 8252):
//! the browser comes back to a listener that exists only for this sign-in. `state` ties the answer to the
//! request, and the verifier ties the code to this process.
//!
//! Every server knows this program by the same client id, so a malicious server may try to get a token
//! meant for another one (mix-up attack): it would name the other server's sign-in page and its own address
//! for exchanging the code. Two checks prevent that. All addresses of a sign-in must be of the server's own
//! origin, and the answer's `iss`, if present, must name that origin (RFC 9207).
//!
//! This is not done by the `oauth2` crate: it has neither of these checks and no listener, and what it would
//! take over (the challenge, seven parameters, one form) is thirty lines. It would bring second versions of
//! crates that are here already. The browser's request is parsed by `httparse`.

use std::net::Ipv4Addr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL;
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use snaplark_api::SignIn;
use snaplark_api::untrusted::{NAME_CHARS_MAX, SENTENCE_CHARS_MAX, is_web_link, plain_line};
use snaplark_core::upload::ProbeVerdict;
use snaplark_destinations::{Destination as _, Snaplark, Token};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpListener;

use crate::AppError;
use crate::account::Account;
use crate::callback_page::{self, CallbackPage};

const CLIENT: &str = "snaplark-app";
/// The scopes for all that the program does with its token.
const SCOPE: &str = "upload read account";
/// The limit is far longer than any server's token. The token goes into the headers of every request.
const TOKEN_BYTES_MAX: usize = 4_096;
const CALLBACK: &str = "/callback";
/// How long a person may take to sign in; they may have to find a password.
const PERSON_MAX: Duration = Duration::from_secs(10 * 60);
/// The limit on a browser's whole request for the callback.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Browsers send some twenty.
const REQUEST_HEADERS_MAX: usize = 100;
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// The sign-out is done already; the person waits only this long for the server to revoke the token.
const GIVE_BACK_MAX: Duration = Duration::from_secs(5);

/// A sign-in that waits for the browser.
pub struct BrowserSignIn {
    destination: Snaplark,
    account: Account,
    listener: TcpListener,
    redirect: String,
    token_url: String,
    state: String,
    verifier: String,
    /// The address to open in the browser.
    pub address: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

impl BrowserSignIn {
    /// Prepares a sign-in to the account's server.
    pub async fn begin(account: Account) -> Result<Self, AppError> {
        account.check_way()?;
        let destination = account.connect_api(std::sync::Arc::default())?;
        let server = account.server_name();
        let capabilities = match destination.probe().await {
            ProbeVerdict::Online { capabilities } => capabilities,
            ProbeVerdict::Offline { detail: reason } => {
                return Err(AppError::ServerUnreachable { server, reason });
            }
        };
        let Some(SignIn { authorize, token: token_url, .. }) = capabilities.and_then(|c| c.sign_in)
        else {
            return Err(AppError::NoBrowserSignIn { server });
        };
        for address in [&authorize, &token_url] {
            own_address(&account, address)?;
        }
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(AppError::local)?;
        let port = listener.local_addr().map_err(AppError::local)?.port();
        let redirect = format!("http://127.0.0.1:{port}{CALLBACK}");
        let (state, verifier) = (secret()?, secret()?);
        let challenge = BASE64_URL.encode(Sha256::digest(&verifier));
        let query = [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", &redirect),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("scope", SCOPE),
        ];
        let address = Url::parse_with_params(&authorize, query)
            .map_err(|_| AppError::NoBrowserSignIn { server })?
            .to_string();
        Ok(BrowserSignIn {
            destination,
            account,
            listener,
            redirect,
            token_url,
            state,
            verifier,
            address,
        })
    }

    /// Waits until the browser has come back. The returned account has its token, but nothing is stored
    /// yet. The caller stores it and reports the outcome to the returned page.
    pub async fn finish(self) -> Result<(Account, CallbackPage), AppError> {
        let (code, page) = tokio::time::timeout(PERSON_MAX, self.code())
            .await
            .map_err(|_| AppError::SignInTimedOut)??;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("code", &code),
            ("code_verifier", &self.verifier),
            ("redirect_uri", &self.redirect),
        ];
        let token: Result<TokenAnswer, _> = self.destination.exchange(&self.token_url, &form).await;
        let token = match token {
            Ok(TokenAnswer { access_token }) if is_token(&access_token) => {
                Some(Token::new(access_token))
            }
            refused => {
                let reason = match refused {
                    Ok(_) => "what it gave is no token".to_owned(),
                    Err(failure) => failure.to_string(),
                };
                let error = AppError::SignInRefused { server: self.account.server_name(), reason };
                page.tell(Err(&error)).await;
                return Err(error);
            }
        };
        Ok((Account { token, token_is_ours: true, ..self.account }, page))
    }

    /// Waits for the code. Other programs may connect to the port too, so only a callback with our `state`
    /// counts.
    async fn code(&self) -> Result<(String, CallbackPage), AppError> {
        loop {
            let (mut stream, _) = self.listener.accept().await.map_err(AppError::local)?;
            let read = tokio::time::timeout(REQUEST_MAX, read_target(&mut stream)).await;
            let Some(target) = read.ok().flatten() else { continue };
            match judge(&target, &self.state, &origin_of(&self.account.base_url)) {
                Callback::Code(code) => {
                    return Ok((code, CallbackPage::open(stream).await));
                }
                Callback::Denied(reason) => {
                    let server = self.account.server_name();
                    let error = AppError::SignInRefused { server, reason };
                    CallbackPage::open(stream).await.tell(Err(&error)).await;
                    return Err(error);
                }
                Callback::Elsewhere(other) => {
                    let server = self.account.server_name();
                    let error = AppError::ForeignSignIn { server, other };
                    CallbackPage::open(stream).await.tell(Err(&error)).await;
                    return Err(error);
                }
                Callback::Stranger => {
                    callback_page::nothing_here(&mut stream).await;
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Callback {
    Code(String),
    Denied(String),
    /// The answer of another server, with its issuer.
    Elsewhere(String),
    Stranger,
}

/// Interprets a request to the callback address. `origin` is that of the server that was asked.
fn judge(target: &str, state: &str, origin: &str) -> Callback {
    let Ok(url) = Url::parse(&format!("http://127.0.0.1{target}")) else {
        return Callback::Stranger;
    };
    let value = |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, v)| v.into_owned());
    if url.path() != CALLBACK || value("state").as_deref() != Some(state) {
        return Callback::Stranger;
    }
    if let Some(issuer) = value("iss").filter(|issuer| origin_of(issuer) != origin) {
        return Callback::Elsewhere(plain_line(&issuer, NAME_CHARS_MAX));
    }
    match (value("code"), value("error")) {
        (Some(code), None) => Callback::Code(code),
        (_, Some(error)) => Callback::Denied(plain_line(&error, SENTENCE_CHARS_MAX)),
        (None, None) => Callback::Stranger,
    }
}

/// Returns scheme, host and port, as `iss` names a server: `https://host`, `http://127.0.0.1:8080`.
fn origin_of(address: &str) -> String {
    Url::parse(address).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// Refuses a sign-in address that is not of the server's own origin.
fn own_address(account: &Account, address: &str) -> Result<(), AppError> {
    let (own, named) = (origin_of(&account.base_url), origin_of(address));
    if named == own && is_web_link(address) {
        return Ok(());
    }
    let other = if named.is_empty() { address } else { &named };
    let (server, other) = (account.server_name(), plain_line(other, NAME_CHARS_MAX));
    Err(AppError::ForeignSignIn { server, other })
}

/// Returns whether the text can be sent as a bearer token in a header (RFC 6750).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= TOKEN_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Reads the path and query of a GET request. Returns `None` for anything else.
async fn read_target(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await.ok()?;
        if count == 0 || bytes.len() + count > REQUEST_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&buffer[..count]);
        let mut headers = [httparse::EMPTY_HEADER; REQUEST_HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&bytes).ok()?.is_complete() {
            let target = request.path.filter(|_| request.method == Some("GET"));
            return target.map(str::to_owned);
        }
    }
}

/// Revokes the token at the server. Returns whether it did: only for a token that this program's sign-in
/// made, and only if the server supports it.
pub(crate) async fn give_back(account: &Account) -> bool {
    let Some(token) = account.token.as_ref().filter(|_| account.token_is_ours) else {
        return false;
    };
    let asked = async {
        let server = account.connect_api(std::sync::Arc::default()).ok()?;
        let ProbeVerdict::Online { capabilities } = server.probe().await else { return None };
        let revoke = capabilities?.sign_in?.revoke?;
        own_address(account, &revoke).ok()?;
        Some(server.revoke(&revoke, token).await)
    };
    let is_revoked = tokio::time::timeout(GIVE_BACK_MAX, asked).await.ok().flatten();
    is_revoked.unwrap_or(false)
}

/// Returns 256 random bits as text that needs no escaping.
fn secret() -> Result<String, AppError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| AppError::NoLoopback { reason: error.to_string() })?;
    Ok(BASE64_URL.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://good.example";

    #[test]
    fn only_the_callback_with_our_state_counts() {
        let judge = |target: &str| judge(target, "s", ORIGIN);
        let code = Callback::Code("c".into());
        assert_eq!(judge("/callback?code=c&state=s"), code);
        let denied = Callback::Denied("access_denied".into());
        assert_eq!(judge("/callback?error=access_denied&state=s"), denied);
        for target in [
            "/callback?code=c&state=x",
            "/callback?code=c",
            "/?code=c&state=s",
            "/callback?state=s",
            "*",
        ] {
            assert_eq!(judge(target), Callback::Stranger, "{target}");
        }
    }

    #[tokio::test]
    async fn only_a_whole_get_request_has_a_target() {
        let read = async |request: &str| read_target(&mut request.as_bytes()).await;
        let headers = "Host: 127.0.0.1\r\nAccept: */*\r\n\r\n";
        let whole = format!("GET /callback?code=c&state=s HTTP/1.1\r\n{headers}");
        assert_eq!(read(&whole).await.as_deref(), Some("/callback?code=c&state=s"));
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]).await, None, "{cut}");
        }
        for other in [
            format!("POST /callback HTTP/1.1\r\n{headers}"),
            format!("GET /callback\r\n{headers}"),
            format!(
                "GET /callback HTTP/1.1\r\n{}{headers}",
                "X: y\r\n".repeat(REQUEST_HEADERS_MAX)
            ),
            format!("GET /callback HTTP/1.1\r\nX: {}\r\n{headers}", "x".repeat(REQUEST_BYTES_MAX)),
            "\x16\x03\x01\x02\0\x01\0\x01\x7f".to_owned(),
        ] {
            assert_eq!(read(&other).await, None, "{other}");
        }
    }

    #[test]
    fn answer_of_another_server_is_none_when_it_names_its_issuer() {
        let judge = |target: &str| judge(target, "s", ORIGIN);
        let own = "/callback?code=c&state=s&iss=https%3A%2F%2Fgood.example";
        assert_eq!(judge(own), Callback::Code("c".into()));
        // The issuer as a server's public address may be written.
        let same = "/callback?code=c&state=s&iss=https://Good.example:443";
        assert_eq!(judge(same), Callback::Code("c".into()));
        for issuer in [
            "https://evil.example",
            "http://good.example",
            "https://good.example:8443",
            "https://good.example.evil.example",
            "",
        ] {
            let target = format!("/callback?code=c&state=s&iss={issuer}");
            assert_eq!(judge(&target), Callback::Elsewhere(issuer.into()), "{issuer}");
        }
        let twice = "/callback?code=c&state=s&iss=https://evil.example&iss=https://good.example";
        assert_eq!(judge(twice), Callback::Elsewhere("https://evil.example".into()));
    }

    #[test]
    fn reason_of_a_server_is_one_plain_line() {
        let target = "/callback?error=no%1B[2J%0ASaved&state=s";
        assert_eq!(judge(target, "s", ORIGIN), Callback::Denied("no[2J Saved".into()));
    }

    #[test]
    fn sign_in_takes_addresses_of_the_servers_own_origin_alone() {
        let account = Account::at("https://good.example/below", None).unwrap();
        for own in ["https://good.example/oauth/authorize", "https://good.example:443/x"] {
            own_address(&account, own).unwrap();
        }
        for other in [
            "https://evil.example/token",
            "http://good.example/token",
            "https://good.example:8443/token",
            "https://good.example@evil.example/token",
            "//evil.example/token",
            "/oauth/token",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "",
        ] {
            let refused = own_address(&account, other);
            assert!(matches!(refused, Err(AppError::ForeignSignIn { .. })), "{other}");
        }
    }

    #[test]
    fn token_is_taken_when_it_fits_into_a_header() {
        assert!(is_token("sk_live-1|abc.def~+/=="));
        for none in ["", "a b", "a\r\nX: y", "\u{1b}", "ü", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(!is_token(none), "{none:?}");
        }
    }

    /// Answers that servers gave, and those that once went wrong.
    const CORPUS: [&[u8]; 4] = [
        include_bytes!("../corpus/token-of-another-kind.json"),
        include_bytes!("../corpus/token-of-ours.json"),
        include_bytes!("../corpus/token-refused.json"),
        include_bytes!("../corpus/token-with-line-break.json"),
    ];

    proptest::proptest! {
        #[test]
        fn no_callback_brings_anything_down(target in "\\PC{0,200}|/callback\\?[ -~]{0,200}") {
            let judged = judge(&target, "s", ORIGIN);
            if let Callback::Denied(reason) | Callback::Elsewhere(reason) = judged {
                proptest::prop_assert!(!reason.contains(char::is_control));
            }
        }

        #[test]
        fn no_address_passes_for_the_servers_own(address in "\\PC{0,100}|https?://[!-~]{0,80}") {
            let account = Account::at(ORIGIN, None).unwrap();
            if own_address(&account, &address).is_ok() {
                let url = Url::parse(&address).unwrap();
                proptest::prop_assert_eq!(url.origin().ascii_serialization(), ORIGIN);
            }
        }

        #[test]
        fn no_token_answer_brings_anything_down(
            bytes: Vec<u8>,
            text in "\\PC*",
            known in proptest::sample::select(&CORPUS[..]),
            replaced in proptest::collection::vec((0_usize..200, 0_u8..=255), 0..6),
        ) {
            let mut spoiled = known.to_vec();
            for (at, byte) in replaced {
                let at = at % spoiled.len();
                spoiled[at] = byte;
            }
            let plain = serde_json::json!({ "access_token": text }).to_string();
            let answers = [&bytes[..], &spoiled[..], plain.as_bytes()];
            let answers = answers.map(serde_json::from_slice::<TokenAnswer>);
            proptest::prop_assert!(answers[2].is_ok());
            for answer in answers.into_iter().flatten().filter(|it| is_token(&it.access_token)) {
                let header = format!("Bearer {}", answer.access_token);
                proptest::prop_assert!(reqwest::header::HeaderValue::from_str(&header).is_ok());
            }
        }
    }
}
