//! The account that uploads go to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use snaplark_api::Profile;
use snaplark_core::upload::Target;
use snaplark_destinations::{HttpSetupError, Snaplark, Throttle, Token};
use snaplark_store::Store;
use tracing::warn;

use crate::tokens::{self, KeyringProblem};
use crate::view::AccountKind;
use crate::{AppError, Home};

/// The address of Snaplark's own cloud.
const SNAPLARK: &str = "https://snaplark.com/api/v1";

/// The prefix of the embedded cloud's address.
const LOOPBACK: &str = "http://127.0.0.1:";

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
/// The key of the accounts at other servers at which the person is signed in still.
pub(crate) const OTHERS_SETTING: &str = "other-accounts";

/// Formats an account for the store. The embedded cloud is not stored, since it is the default.
pub(crate) fn to_setting(account: Option<&Account>) -> String {
    let stored = account.filter(|account| account.kind != AccountKind::ThisComputer);
    // Plain data: it always has a JSON form.
    serde_json::to_string(&stored.map(Account::stored)).unwrap_or_default()
}

/// Formats the accounts at other servers for the store. One that isn't in the keyring ends with the program.
pub(crate) fn others_to_setting(others: &[Account]) -> String {
    let kept = others.iter().filter(|other| other.token_is_kept);
    let stored: Vec<StoredAccount> = kept.map(Account::stored).collect();
    serde_json::to_string(&stored).unwrap_or_default()
}

/// Returns the accounts that are stored: the current one first.
fn stored_accounts(store: &Store) -> Result<Vec<StoredAccount>, AppError> {
    let current = store.setting(SETTING)?.unwrap_or_default();
    let current = serde_json::from_str::<Option<StoredAccount>>(&current).unwrap_or_default();
    let others = store.setting(OTHERS_SETTING)?.unwrap_or_default();
    let others = serde_json::from_str::<Vec<StoredAccount>>(&others).unwrap_or_default();
    Ok(current.into_iter().chain(others).collect())
}

/// Returns the stored accounts, and the servers for which uploads wait.
fn stored_others(home: &Home) -> Result<(Vec<StoredAccount>, BTreeSet<String>), AppError> {
    let Some(store) = Store::open_to_read(&home.root)? else { return Ok(Default::default()) };
    Ok((stored_accounts(&store)?, store.servers_of_unfinished()?))
}

/// Returns whether somebody is signed in at a server, as far as rows can tell: there is an account, or it is
/// this computer's own server, or the environment names it.
pub(crate) fn is_known(store: &Store) -> Result<impl Fn(&str) -> bool + use<>, AppError> {
    let stored = stored_accounts(store)?.into_iter().map(|account| account.base_url);
    let of_run = Account::from_env().ok().flatten().map(|account| account.base_url);
    let known: Vec<String> = stored.chain(of_run).collect();
    Ok(move |server: &str| {
        server.starts_with(LOOPBACK) || known.iter().any(|known| known == server)
    })
}

/// Returns host and port of an address, for people to read.
pub(crate) fn server_name(base_url: &str) -> String {
    let host = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    host.split('/').next().unwrap_or(host).to_owned()
}

/// A server's address and who is signed in there.
#[derive(Clone, Debug)]
pub struct Account {
    /// The kind of server.
    pub kind: AccountKind,
    /// The API's address, `/api/v1` included.
    pub base_url: String,
    /// The document that the server was built from, if it doesn't say what it supports.
    pub profile: Profile,
    /// The token. `None`: uploads wait for a sign-in.
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

    /// Returns the account with a token.
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
        match stored {
            Some(stored) => Ok(Some(Account::load(stored).await?)),
            None => Ok(None),
        }
    }

    /// Returns whether uploads that were begun for the embedded cloud wait while new ones go to this account.
    pub fn has_uploads_here(&self, home: &Home) -> Result<bool, AppError> {
        let Some(store) = crate::open_to_read(home)?.filter(|_| home.has_own_links()) else {
            return Ok(false);
        };
        let accounts = stored_accounts(&store)?;
        let is_account = |server: &String| {
            *server == self.base_url || accounts.iter().any(|it| it.base_url == *server)
        };
        let servers = store.servers_of_unfinished()?;
        Ok(servers.iter().any(|server| server.starts_with(LOOPBACK) && !is_account(server)))
    }

    /// Returns the stored accounts at other servers than `current`. Only where an upload waits for its server
    /// is the token read from the keyring, which may have to ask the person.
    pub(crate) async fn others(home: &Home, current: Option<&Account>) -> Vec<Self> {
        // A broken database is for the engine to rebuild; the accounts are back at the next start.
        let (stored, waiting) = match stored_others(home) {
            Ok(found) => found,
            Err(error) => {
                warn!(%error, "Accounts at other servers can't be read: their uploads wait");
                return Vec::new();
            }
        };
        let mut others: Vec<Account> = Vec::new();
        for stored in stored {
            let is_there = |account: &Account| account.base_url == stored.base_url;
            if current.is_some_and(is_there) || others.iter().any(is_there) {
                continue;
            }
            let waits = waiting.contains(&stored.base_url);
            let Ok(account) = Account::of_stored(stored) else { continue };
            let token = if waits { account.kept_token().await } else { None };
            others.push(Account { token, ..account });
        }
        others
    }

    /// Returns a stored account with its token.
    async fn load(stored: StoredAccount) -> Result<Self, AppError> {
        let account = Account::of_stored(stored)?;
        let token = account.kept_token().await;
        Ok(Account { token, ..account })
    }

    fn of_stored(stored: StoredAccount) -> Result<Self, AppError> {
        let StoredAccount { base_url, profile, token_is_kept, token_is_ours, .. } = stored;
        let account = Account::at(&base_url, Some(profile))?;
        let account = account.allowing_plain_http(stored.plain_http_allowed);
        Ok(Account { token_is_kept, token_is_ours, ..account })
    }

    /// Returns the token that the keyring has for this server.
    pub(crate) async fn kept_token(&self) -> Option<Token> {
        let base_url = self.base_url.clone();
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
        // Earlier versions stored http accounts without asking for consent; the next sign-in asks.
        match self.check_way() {
            Ok(()) => token,
            Err(error) => {
                warn!(%error, "Uploads wait for a sign-in");
                None
            }
        }
    }

    fn stored(&self) -> StoredAccount {
        let Account { base_url, profile, token_is_kept, token_is_ours, .. } = self.clone();
        let plain_http_allowed = self.plain_http_allowed;
        StoredAccount { base_url, profile, token_is_kept, token_is_ours, plain_http_allowed }
    }

    /// Returns host and port, for people to read.
    pub fn server_name(&self) -> String {
        server_name(&self.base_url)
    }

    /// Returns the account's server as a destination. Connects to nothing yet.
    pub(crate) fn connect(&self, throttle: Arc<Throttle>) -> Result<Snaplark, AppError> {
        let (base_url, token) = (self.base_url.clone(), self.token.clone());
        let server = Snaplark::new(base_url, self.profile, token, throttle);
        server.map_err(|HttpSetupError(reason)| AppError::Network { reason })
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

    #[test]
    fn accounts_at_other_servers_are_stored_only_if_the_keyring_has_their_token() {
        let kept = Account::at("https://kept.example", None).unwrap();
        let kept = Account { token_is_kept: true, ..kept.allowing_plain_http(false) };
        let session = Account::at("https://session.example", None).unwrap();
        let stored = others_to_setting(&[kept.clone(), session.with_token(Token::new("t"))]);
        let stored: Vec<StoredAccount> = serde_json::from_str(&stored).unwrap();
        let [only] = &stored[..] else { panic!("{} accounts", stored.len()) };
        assert_eq!(only.base_url, kept.base_url);
    }

    #[test]
    fn somebody_is_signed_in_where_an_account_is_stored_and_at_this_computer() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let account =
            |url: &str| Account { token_is_kept: true, ..Account::at(url, None).unwrap() };
        let current = to_setting(Some(&account("https://now.example")));
        let others = others_to_setting(&[account("https://before.example")]);
        store.set_settings(&[(SETTING, &current), (OTHERS_SETTING, &others)]).unwrap();
        let is_known = is_known(&store).unwrap();
        for known in ["https://now.example/api/v1", "https://before.example/api/v1"] {
            assert!(is_known(known), "{known}");
        }
        assert!(is_known("http://127.0.0.1:47475/api/v1"), "the cloud in this computer");
        assert!(!is_known("https://left.example/api/v1"));
    }
}
