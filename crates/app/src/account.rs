//! The account that uploads go to.

use serde::{Deserialize, Serialize};
use snaplark_api::Profile;
use snaplark_core::upload::Target;
use tracing::warn;

use crate::tokens::{self, KeyringProblem};
use crate::view::AccountKind;
use crate::{AppError, Home};

/// The address of Snaplark's own cloud.
const SNAPLARK: &str = "https://snaplark.com/api/v1";

/// A bearer token. Never shown, logged or written to the store.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    pub fn new(token: impl Into<String>) -> Self {
        Token(token.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The stored form of an account: everything except its token.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredAccount {
    base_url: String,
    profile: Profile,
    #[serde(default)]
    token_is_kept: bool,
    #[serde(default)]
    token_is_ours: bool,
    #[serde(default)]
    plain_http_allowed: bool,
}

/// The stored account's key among the settings.
pub(crate) const SETTING: &str = "account";

/// Formats an account for the store. The embedded cloud is not stored, since it is the default.
pub(crate) fn to_setting(account: Option<&Account>) -> String {
    let stored = account.filter(|account| account.kind != AccountKind::ThisComputer);
    // Plain data: it always has a JSON form.
    serde_json::to_string(&stored.map(Account::stored)).unwrap_or_default()
}

#[derive(Clone, Debug)]
pub struct Account {
    pub kind: AccountKind,
    /// The API's address, `/api/v1` included.
    pub base_url: String,
    pub profile: Profile,
    pub token: Option<Token>,
    /// The keyring holds the token.
    pub token_is_kept: bool,
    /// A sign-in of this program created the token, so signing out revokes it.
    pub token_is_ours: bool,
    /// The person allowed sending the token and recordings to this server unencrypted.
    pub plain_http_allowed: bool,
}

impl Account {
    /// Returns an account at a server, for a token that the person brings.
    pub fn at(server: &str, profile: Option<Profile>) -> Result<Self, AppError> {
        let bad = || AppError::BadServer { server: server.to_owned() };
        let base_url = snaplark_api::base_url(server).ok_or_else(bad)?;
        let (kind, preset) = match base_url == SNAPLARK {
            true => (AccountKind::Snaplark, Profile::Snaplark),
            false => (AccountKind::OwnServer, Profile::Spec),
        };
        Ok(Account {
            kind,
            base_url,
            profile: profile.unwrap_or(preset),
            token: None,
            token_is_kept: false,
            token_is_ours: false,
            plain_http_allowed: false,
        })
    }

    /// Sets whether the person consents to a server without encryption.
    pub fn allowing_plain_http(self, allowed: bool) -> Self {
        Account { plain_http_allowed: allowed, ..self }
    }

    /// Returns whether others on the network can read what is sent to this server.
    pub fn is_plain_http(&self) -> bool {
        self.kind != AccountKind::ThisComputer && snaplark_api::is_plain_http(&self.base_url)
    }

    /// Refuses an unencrypted connection unless the person allowed it for this server.
    pub fn check_way(&self) -> Result<(), AppError> {
        match self.is_plain_http() && !self.plain_http_allowed {
            true => Err(AppError::PlainHttp { server: self.server_name() }),
            false => Ok(()),
        }
    }

    pub fn with_token(self, token: Token) -> Self {
        Account { token: Some(token), ..self }
    }

    /// Returns the account of the embedded cloud that listens on `address`.
    pub fn this_computer(address: std::net::SocketAddr, token: Token) -> Self {
        Account {
            kind: AccountKind::ThisComputer,
            base_url: format!("http://{address}{}", snaplark_api::routes::PREFIX),
            profile: Profile::Spec,
            token: Some(token),
            token_is_kept: false,
            token_is_ours: false,
            plain_http_allowed: false,
        }
    }

    /// Reads the account from SNAPLARK_SERVER, SNAPLARK_TOKEN and SNAPLARK_PROFILE, which take precedence
    /// over the stored account. SNAPLARK_ALLOW_HTTP allows a server without encryption.
    pub fn from_env() -> Result<Option<Self>, AppError> {
        let var = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let Some(server) = var("SNAPLARK_SERVER") else { return Ok(None) };
        let profile = var("SNAPLARK_PROFILE").map(|name| name.parse()).transpose();
        let profile = profile.map_err(|reason| AppError::BadProfile { reason })?;
        let token = var("SNAPLARK_TOKEN").map(Token::new);
        let account = Account { token, ..Account::at(&server, profile)? };
        let account = account.allowing_plain_http(var("SNAPLARK_ALLOW_HTTP").is_some());
        account.check_way()?;
        Ok(Some(account))
    }

    /// Returns the environment's account, else the one that the person signed in to. `None` means the
    /// embedded cloud.
    pub async fn configured(home: &Home) -> Result<Option<Self>, AppError> {
        if let Some(account) = Account::from_env()? {
            return Ok(Some(account));
        }
        let Some(store) = crate::open_to_read(home)? else { return Ok(None) };
        let Some(stored) = store.setting(SETTING)? else { return Ok(None) };
        let stored = serde_json::from_str::<Option<StoredAccount>>(&stored).unwrap_or_default();
        let Some(stored) = stored else { return Ok(None) };
        let base_url = stored.base_url.clone();
        let found = tokio::task::spawn_blocking(move || tokens::load(&base_url)).await;
        // An account whose token can't be read is still used: its parts wait for a sign-in.
        let token = match found {
            Ok(Ok(token)) => token,
            Ok(Err(KeyringProblem(reason))) => {
                warn!(reason, "The keyring can't be read: uploads wait for a sign-in");
                None
            }
            Err(_) => None,
        };
        let StoredAccount { base_url, profile, token_is_kept, token_is_ours, .. } = stored;
        let account = Account::at(&base_url, Some(profile))?;
        let account = account.allowing_plain_http(stored.plain_http_allowed);
        // Earlier versions stored http accounts without asking for consent; the next sign-in asks.
        let token = match account.check_way() {
            Ok(()) => token,
            Err(error) => {
                warn!(%error, "Uploads wait for a sign-in");
                None
            }
        };
        Ok(Some(Account { token, token_is_kept, token_is_ours, ..account }))
    }

    fn stored(&self) -> StoredAccount {
        let Account { base_url, profile, token_is_kept, token_is_ours, .. } = self.clone();
        let plain_http_allowed = self.plain_http_allowed;
        StoredAccount { base_url, profile, token_is_kept, token_is_ours, plain_http_allowed }
    }

    /// Returns host and port, for people to read.
    pub fn server_name(&self) -> String {
        let host = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        host.split('/').next().unwrap_or(host).to_owned()
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            server: self.base_url.clone(),
            profile: self.profile,
            is_this_computer: self.kind == AccountKind::ThisComputer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_without_encryption_is_refused_until_the_person_allows_it() {
        let plain = || Account::at("http://videos.example", None).unwrap();
        assert!(matches!(plain().check_way(), Err(AppError::PlainHttp { server })
            if server == "videos.example"));
        plain().allowing_plain_http(true).check_way().unwrap();
        for fine in ["https://videos.example", "http://127.0.0.1:8080", "http://localhost:8080"] {
            Account::at(fine, None).unwrap().check_way().unwrap();
        }
    }

    #[test]
    fn consent_is_kept_with_its_server() {
        let account = Account::at("http://videos.example", None).unwrap().allowing_plain_http(true);
        let stored: Option<StoredAccount> =
            serde_json::from_str(&to_setting(Some(&account))).unwrap();
        assert!(stored.unwrap().plain_http_allowed);
        // Older versions wrote accounts without this field.
        let json = r#"{"baseUrl":"http://videos.example/api/v1","profile":"spec"}"#;
        assert!(!serde_json::from_str::<StoredAccount>(json).unwrap().plain_http_allowed);
    }
}
