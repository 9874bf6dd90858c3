//! Sign-in through the browser: the person's password never comes near this program.
//!
//! OAuth 2.0's authorization code with PKCE (RFC 7636, S256) and a loopback address (RFC 8252): the
//! browser comes back to a listener that lives for this one sign-in. `state` ties the answer to the
//! question, the verifier ties the code to this process.

use std::net::Ipv4Addr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL;
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use snaplark_api::SignIn;
use snaplark_api::untrusted::{SENTENCE_CHARS_MAX, plain_line};
use snaplark_core::upload::ProbeVerdict;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::AppError;
use crate::account::{Account, Token};
use crate::callback_page::{self, CallbackPage};
use crate::uplink::Uplink;

const CLIENT: &str = "snaplark-app";
const CALLBACK: &str = "/callback";
/// A person who signs in has a password to find.
const PERSON_MAX: Duration = Duration::from_secs(10 * 60);
/// A browser's whole request for the callback; more is not read.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// Signing out is done already; a person waits for this as a courtesy to the server.
const GIVE_BACK_MAX: Duration = Duration::from_secs(5);

/// A sign-in that waits for the browser.
pub struct BrowserSignIn {
    uplink: Uplink,
    account: Account,
    listener: TcpListener,
    redirect: String,
    token_url: String,
    state: String,
    verifier: String,
    /// Where the browser is to go.
    pub address: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

impl BrowserSignIn {
    pub async fn begin(account: Account) -> Result<Self, AppError> {
        let uplink = Uplink::new(account.clone(), std::sync::Arc::default())?;
        let server = account.server_name();
        let capabilities = match uplink.probe().await {
            ProbeVerdict::Online { capabilities } => capabilities,
            ProbeVerdict::Offline { detail: reason } => {
                return Err(AppError::ServerUnreachable { server, reason });
            }
        };
        let Some(SignIn { authorize, token: token_url, .. }) = capabilities.and_then(|c| c.sign_in)
        else {
            return Err(AppError::NoBrowserSignIn { server });
        };
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
        ];
        let address = Url::parse_with_params(&authorize, query)
            .map_err(|_| AppError::NoBrowserSignIn { server })?
            .to_string();
        Ok(BrowserSignIn {
            uplink,
            account,
            listener,
            redirect,
            token_url,
            state,
            verifier,
            address,
        })
    }

    /// Waits until the browser has come back. The account then has its token, and nothing is stored
    /// yet: whoever stores it tells the page what became of that.
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
        let token: Result<TokenAnswer, _> = self.uplink.exchange(&self.token_url, &form).await;
        let token = match token {
            Ok(token) => Some(Token::new(token.access_token)),
            Err(failure) => {
                let server = self.account.server_name();
                let error = AppError::SignInRefused { server, reason: failure.to_string() };
                page.tell(Err(&error)).await;
                return Err(error);
            }
        };
        Ok((Account { token, token_is_ours: true, ..self.account }, page))
    }

    /// Others may knock at the port, too: only the callback with our state counts.
    async fn code(&self) -> Result<(String, CallbackPage), AppError> {
        loop {
            let (mut stream, _) = self.listener.accept().await.map_err(AppError::local)?;
            let read = tokio::time::timeout(REQUEST_MAX, read_target(&mut stream)).await;
            let Some(target) = read.ok().flatten() else { continue };
            match judge(&target, &self.state) {
                Callback::Code(code) => {
                    return Ok((code, CallbackPage::open(stream).await));
                }
                Callback::Denied(reason) => {
                    let server = self.account.server_name();
                    let error = AppError::SignInRefused { server, reason };
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
    Stranger,
}

fn judge(target: &str, state: &str) -> Callback {
    let Ok(url) = Url::parse(&format!("http://127.0.0.1{target}")) else {
        return Callback::Stranger;
    };
    let value = |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, v)| v.into_owned());
    if url.path() != CALLBACK || value("state").as_deref() != Some(state) {
        return Callback::Stranger;
    }
    match (value("code"), value("error")) {
        (Some(code), None) => Callback::Code(code),
        (_, Some(error)) => Callback::Denied(plain_line(&error, SENTENCE_CHARS_MAX)),
        (None, None) => Callback::Stranger,
    }
}

/// The path and query of a GET; `None` for anything else.
async fn read_target(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await.ok()?;
        if count == 0 || request.len() + count > REQUEST_BYTES_MAX {
            return None;
        }
        request.extend_from_slice(&buffer[..count]);
    }
    let text = String::from_utf8(request).ok()?;
    let target = text.strip_prefix("GET ")?.split(' ').next()?;
    Some(target.to_owned())
}

/// Makes the token void, where this program's own sign-in made it and the server takes it back.
pub(crate) async fn give_back(account: &Account) -> bool {
    let Some(token) = account.token.as_ref().filter(|_| account.token_is_ours) else {
        return false;
    };
    let asked = async {
        let uplink = Uplink::new(account.clone(), std::sync::Arc::default()).ok()?;
        let ProbeVerdict::Online { capabilities } = uplink.probe().await else { return None };
        let revoke = capabilities?.sign_in?.revoke?;
        uplink.post_form(&revoke, &[("token", token.reveal())]).await.ok()
    };
    let answer = tokio::time::timeout(GIVE_BACK_MAX, asked).await.ok().flatten();
    answer.is_some_and(|answer| answer.status().is_success())
}

/// 256 bits, as text that needs no escaping.
fn secret() -> Result<String, AppError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| AppError::NoLoopback { reason: error.to_string() })?;
    Ok(BASE64_URL.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_callback_with_our_state_counts() {
        let code = Callback::Code("c".into());
        assert_eq!(judge("/callback?code=c&state=s", "s"), code);
        let denied = Callback::Denied("access_denied".into());
        assert_eq!(judge("/callback?error=access_denied&state=s", "s"), denied);
        for target in [
            "/callback?code=c&state=x",
            "/callback?code=c",
            "/?code=c&state=s",
            "/callback?state=s",
            "*",
        ] {
            assert_eq!(judge(target, "s"), Callback::Stranger, "{target}");
        }
    }
}
