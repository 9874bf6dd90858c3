//! The accounts that uploads go to. An account's address says what it is:
//! - `https://…` is a server: of the API by its profile, or of one of the older dialects.
//! - `s3+https://endpoint/bucket…` is a bucket. Its token is `KEY_ID:SECRET`.
//! - `folder:/path…` is a folder, which needs no token.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use snaplark_api::Profile;
use snaplark_core::upload::Target;
use snaplark_destinations::{
    BucketAddress, Destination, Folder, FolderAddress, HttpSetupError, Poster, S3, Snaplark,
    Storage, Throttle, Token,
};
use snaplark_store::Store;
use tracing::warn;

use crate::tokens::{self, KeyringProblem};
use crate::view::AccountKind;
use crate::{AppError, Home, LinkReach, Settings, UploadSettings};

/// The address of Snaplark's own cloud.
const SNAPLARK: &str = "https://snaplark.com/api/v1";

/// The prefix of the embedded cloud's address.
const LOOPBACK: &str = "http://127.0.0.1:";

/// The prefix of a bucket's address, before the address of its endpoint.
pub(crate) const BUCKET: &str = "s3+";

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
    let is_kept = |other: &&Account| other.token_is_kept || !other.needs_token();
    let kept = others.iter().filter(is_kept);
    let stored: Vec<StoredAccount> = kept.map(Account::stored).collect();
    serde_json::to_string(&stored).unwrap_or_default()
}

/// Keeps the profile that was learned of a server with its stored accounts. One that isn't stored, such as one of the
/// environment, learns it again.
pub(crate) fn keep_profile(store: &Store, server: &str, profile: Profile) -> Result<(), AppError> {
    for key in [SETTING, OTHERS_SETTING] {
        let Some(stored) = store.setting(key)? else { continue };
        let Ok(mut value) = serde_json::from_str::<serde_json::Value>(&stored) else { continue };
        let accounts: Vec<&mut serde_json::Value> = match &mut value {
            serde_json::Value::Array(all) => all.iter_mut().collect(),
            one => vec![one],
        };
        let mut is_changed = false;
        for account in accounts.into_iter().filter(|account| account["baseUrl"] == server) {
            account["profile"] = profile.name().into();
            is_changed = true;
        }
        if is_changed {
            store.set_settings(&[(key, &value.to_string())])?;
        }
    }
    Ok(())
}

/// Returns the accounts that are stored: the current one first.
fn stored_accounts(store: &Store) -> Result<Vec<StoredAccount>, AppError> {
    let current = store.setting(SETTING)?.unwrap_or_default();
    let current = serde_json::from_str::<Option<StoredAccount>>(&current).unwrap_or_default();
    let others = store.setting(OTHERS_SETTING)?.unwrap_or_default();
    let others = serde_json::from_str::<Vec<StoredAccount>>(&others).unwrap_or_default();
    Ok(current.into_iter().chain(others).collect())
}

/// Returns the stored accounts, and the servers for which uploads wait or to which the settings send new ones.
fn stored_others(home: &Home) -> Result<(Vec<StoredAccount>, BTreeSet<String>), AppError> {
    let Some(store) = Store::open_to_read(&home.root)? else { return Ok(Default::default()) };
    let UploadSettings { recordings_to, screenshots_to, files_to, .. } =
        Settings::stored(&store)?.upload;
    let mut servers = store.servers_of_unfinished()?;
    servers.extend([recordings_to, screenshots_to, files_to].into_iter().flatten());
    Ok((stored_accounts(&store)?, servers))
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

/// Returns host and port of an address, a bucket with its host, or a folder's path, for people to read.
pub(crate) fn server_name(base_url: &str) -> String {
    if let Ok(folder) = FolderAddress::parse(base_url) {
        return folder.path().to_string_lossy().into_owned();
    }
    if let Some(bucket) = base_url.strip_prefix(BUCKET) {
        let place = bucket.split_once("://").map_or(bucket, |(_, rest)| rest);
        return place.split('?').next().unwrap_or(place).trim_end_matches('/').to_owned();
    }
    let host = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    host.split('/').next().unwrap_or(host).to_owned()
}

/// Returns the number that names the account with this address in actions. Windows take it as a number, so it has the 53
/// bits of theirs.
pub(crate) fn key_of(address: &str) -> u64 {
    let digest = Sha256::digest(address);
    digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte)) >> 11
}

/// Returns what an address is the address of. `None`: it is no address.
pub(crate) fn kind_of(address: &str) -> Option<AccountKind> {
    if FolderAddress::is_meant(address) {
        return FolderAddress::parse(address).ok().map(|_| AccountKind::Folder);
    }
    let is_web = |url: &str| snaplark_api::base_url(url);
    match address.strip_prefix(BUCKET) {
        Some(endpoint) => {
            let place = endpoint.split('?').next().unwrap_or(endpoint);
            // An endpoint and a bucket.
            let has_bucket = place.splitn(4, '/').nth(3).is_some_and(|bucket| !bucket.is_empty());
            (is_web(place).is_some() && has_bucket).then_some(AccountKind::Bucket)
        }
        None if is_web(address)? == SNAPLARK => Some(AccountKind::Snaplark),
        None => Some(AccountKind::OwnServer),
    }
}

/// The address of a place that items go to, and who is signed in there.
#[derive(Clone, Debug)]
pub struct Account {
    /// The kind of place.
    pub kind: AccountKind,
    /// The API's address, `/api/v1` included; or that of a bucket or a folder.
    pub base_url: String,
    /// The document that the server was built from, if it doesn't say what it supports; or the kind of place.
    pub profile: Profile,
    /// The token. `None`: uploads wait for a sign-in, but for a folder.
    pub token: Option<Token>,
    /// The keyring holds the token.
    pub token_is_kept: bool,
    /// A sign-in of this program created the token, so signing out revokes it.
    pub token_is_ours: bool,
    /// The person allowed sending the token and recordings to this server unencrypted.
    pub plain_http_allowed: bool,
}

impl Account {
    /// Returns an account at an address, for a token that the person brings.
    pub fn at(server: &str, profile: Option<Profile>) -> Result<Self, AppError> {
        let server = server.trim();
        let bad = || AppError::BadServer { server: server.to_owned() };
        let kind = kind_of(server).ok_or_else(bad)?;
        let base_url = match kind {
            AccountKind::Folder => FolderAddress::parse(server).map_err(|_| bad())?.to_string(),
            AccountKind::Bucket => server.parse::<BucketAddress>().map_err(|_| bad())?.to_string(),
            AccountKind::ThisComputer | AccountKind::Snaplark | AccountKind::OwnServer => {
                snaplark_api::base_url(server).ok_or_else(bad)?
            }
        };
        let profile = match (kind, profile) {
            (AccountKind::Folder, None | Some(Profile::Folder)) => Profile::Folder,
            (AccountKind::Bucket, None | Some(Profile::S3)) => Profile::S3,
            (AccountKind::Folder | AccountKind::Bucket, Some(_))
            | (_, Some(Profile::Folder | Profile::S3)) => return Err(bad()),
            (AccountKind::Snaplark, None) => Profile::Snaplark,
            (AccountKind::OwnServer | AccountKind::ThisComputer, None) => Profile::Spec,
            (_, Some(profile)) => profile,
        };
        Ok(Account {
            kind,
            base_url,
            profile,
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
        let way = self.base_url.strip_prefix(BUCKET).unwrap_or(&self.base_url);
        match self.kind {
            AccountKind::ThisComputer | AccountKind::Folder => false,
            AccountKind::Snaplark | AccountKind::OwnServer | AccountKind::Bucket => {
                snaplark_api::is_plain_http(way)
            }
        }
    }

    /// Refuses an unencrypted connection unless the person allowed it for this server.
    pub fn check_way(&self) -> Result<(), AppError> {
        match self.is_plain_http() && !self.plain_http_allowed {
            true => Err(AppError::PlainHttp { server: self.server_name() }),
            false => Ok(()),
        }
    }

    /// Returns whether a person means this account by a text: its address, its name, or its folder.
    pub fn is_named(&self, text: &str) -> bool {
        let same_address = Account::at(text, None).is_ok_and(|other| {
            self.base_url == other.base_url
                || (self.kind == AccountKind::Folder && self.server_name() == other.server_name())
        });
        self.base_url == text || self.server_name() == text || same_address
    }

    /// Returns a number that names the account in actions, which hold no addresses.
    pub(crate) fn key(&self) -> u64 {
        key_of(&self.base_url)
    }

    /// Returns whether nothing can be sent without a token.
    pub fn needs_token(&self) -> bool {
        self.kind != AccountKind::Folder
    }

    /// Returns whether items can be sent there: there is a token, or none is needed.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.token.is_some() || !self.needs_token()
    }

    /// Returns who can open the links that items get there.
    pub(crate) fn links_reach(&self) -> LinkReach {
        match self.kind {
            AccountKind::Folder | AccountKind::Bucket => {
                let parameters = self.base_url.split_once('?').map_or("", |(_, query)| query);
                let public = parameters.split('&').find_map(|pair| pair.strip_prefix("public="));
                match public {
                    // Only `%` and what follows it is escaped; the host isn't.
                    Some(template) => {
                        LinkReach::of(&template.replace("%3A", ":").replace("%2F", "/"))
                    }
                    None => LinkReach::of(
                        self.base_url.strip_prefix("folder:").unwrap_or(&self.base_url),
                    ),
                }
            }
            AccountKind::ThisComputer | AccountKind::Snaplark | AccountKind::OwnServer => {
                LinkReach::of(&self.base_url)
            }
        }
    }

    /// Makes a folder one that items go to, which the person asks for. Other places need nothing.
    pub(crate) async fn prepared(self) -> Result<Self, AppError> {
        if self.kind != AccountKind::Folder {
            return Ok(self);
        }
        let prepared = Folder::prepare(&self.base_url).await;
        let base_url = prepared.map_err(|failure| AppError::ServerUnreachable {
            server: self.server_name(),
            reason: failure.to_string(),
        })?;
        Ok(Account { base_url, ..self })
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
            let Ok(account) = Account::of_stored(stored) else { continue };
            let waits = waiting.iter().any(|server| account.is_named(server));
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
        if !self.needs_token() {
            return None;
        }
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

    /// Returns the place's name, for people to read.
    pub fn server_name(&self) -> String {
        server_name(&self.base_url)
    }

    /// Returns the account's destination. Connects to nothing yet.
    pub(crate) fn connect(
        &self,
        throttle: Arc<Throttle>,
    ) -> Result<Arc<dyn Destination>, AppError> {
        let (address, token) = (self.base_url.clone(), self.token.clone());
        let network = |HttpSetupError(reason)| AppError::Network { reason };
        Ok(match self.profile {
            Profile::Spec | Profile::SpecStandalone | Profile::Snaplark => {
                Arc::new(self.connect_api(throttle)?)
            }
            Profile::Poster => Arc::new(Poster::new(address, token, throttle).map_err(network)?),
            Profile::Storage => Arc::new(Storage::new(address, token, throttle).map_err(network)?),
            Profile::S3 => Arc::new(S3::new(&address, token, throttle).map_err(network)?),
            Profile::Folder => {
                let folder = Folder::new(&address);
                Arc::new(folder.map_err(|_| AppError::BadServer { server: address })?)
            }
        })
    }

    /// Returns the account's server as one of the API, which a sign-in with the browser needs.
    pub(crate) fn connect_api(&self, throttle: Arc<Throttle>) -> Result<Snaplark, AppError> {
        match self.profile {
            Profile::Spec | Profile::SpecStandalone | Profile::Snaplark => {}
            Profile::Poster | Profile::Storage | Profile::S3 | Profile::Folder => {
                return Err(AppError::NoBrowserSignIn { server: self.server_name() });
            }
        }
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
    fn address_says_what_kind_of_place_it_is() {
        let of = |address: &str| {
            Account::at(address, None).map(|it| (it.kind, it.profile, it.server_name()))
        };
        use AccountKind::{Bucket, OwnServer, Snaplark};
        let place = |kind, profile, name: &str| (kind, profile, name.to_owned());
        for (address, place) in [
            ("https://snaplark.com", place(Snaplark, Profile::Snaplark, "snaplark.com")),
            ("https://v.example:8443/x", place(OwnServer, Profile::Spec, "v.example:8443")),
            (
                "s3+https://s3.example/videos/me?region=eu&style=path",
                place(Bucket, Profile::S3, "s3.example/videos/me"),
            ),
        ] {
            assert_eq!(of(address).unwrap(), place, "{address}");
        }
        for bad in ["s3+https://s3.example", "s3+ftp://x/y", "folder:x", "ftp://x", "x"] {
            assert!(matches!(of(bad), Err(AppError::BadServer { .. })), "{bad}");
        }
        let mixed = Account::at("https://v.example", Some(Profile::S3));
        assert!(matches!(mixed, Err(AppError::BadServer { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn folder_needs_no_token_and_its_links_open_here_unless_it_is_served() {
        let folder = Account::at("folder:/srv/My Videos/", None).unwrap();
        assert_eq!((folder.kind, folder.profile), (AccountKind::Folder, Profile::Folder));
        assert_eq!(folder.server_name(), "/srv/My Videos");
        assert!(folder.is_signed_in() && !folder.is_plain_http());
        assert_eq!(folder.links_reach(), LinkReach::ThisComputer);
        let served = "folder:/srv/v?public=https://files.example.com/{name}";
        let served = Account::at(served, None).unwrap();
        assert_eq!(served.links_reach(), LinkReach::Internet);
        let stored: Vec<StoredAccount> =
            serde_json::from_str(&others_to_setting(&[served])).unwrap();
        assert_eq!(stored.len(), 1, "it stays without a token");
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
    fn learned_profile_is_kept_with_the_stored_account_of_its_server_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let at = |server| Account {
            token_is_kept: true,
            ..Account::at(server, Some(Profile::Spec)).unwrap()
        };
        let (current, other) = (at("https://php.example"), at("https://other.example"));
        let settings = [
            (SETTING, to_setting(Some(&current))),
            (OTHERS_SETTING, others_to_setting(std::slice::from_ref(&other))),
        ];
        let settings = settings.each_ref().map(|(key, text)| (*key, text.as_str()));
        store.set_settings(&settings).unwrap();
        let profiles = || {
            let stored = stored_accounts(&store).unwrap();
            stored.into_iter().map(|account| account.profile).collect::<Vec<_>>()
        };
        keep_profile(&store, "https://elsewhere.example/api/v1", Profile::SpecStandalone).unwrap();
        assert_eq!(profiles(), [Profile::Spec, Profile::Spec]);
        keep_profile(&store, &current.base_url, Profile::SpecStandalone).unwrap();
        assert_eq!(profiles(), [Profile::SpecStandalone, Profile::Spec]);
        keep_profile(&store, &other.base_url, Profile::SpecStandalone).unwrap();
        assert_eq!(profiles(), [Profile::SpecStandalone, Profile::SpecStandalone]);
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
