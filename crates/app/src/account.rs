//! The account that uploads go to.

use snaplark_api::Profile;
use snaplark_core::upload::Target;

use crate::AppError;
use crate::view::AccountKind;

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

#[derive(Clone, Debug)]
pub struct Account {
    pub kind: AccountKind,
    /// The API's address, `/api/v1` included.
    pub base_url: String,
    pub profile: Profile,
    pub token: Option<Token>,
}

impl Account {
    /// The embedded cloud, listening there.
    pub fn this_computer(address: std::net::SocketAddr, token: Token) -> Self {
        Account {
            kind: AccountKind::ThisComputer,
            base_url: format!("http://{address}{}", snaplark_api::routes::PREFIX),
            profile: Profile::Spec,
            token: Some(token),
        }
    }

    /// SNAPLARK_SERVER, SNAPLARK_TOKEN and SNAPLARK_PROFILE, which go before the stored account.
    pub fn from_env() -> Result<Option<Self>, AppError> {
        let var = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let Some(server) = var("SNAPLARK_SERVER") else { return Ok(None) };
        let base_url = snaplark_api::base_url(&server).ok_or(AppError::BadServer { server })?;
        let profile = match var("SNAPLARK_PROFILE") {
            Some(name) => name.parse().map_err(|reason| AppError::BadProfile { reason })?,
            None => Profile::Spec,
        };
        let token = var("SNAPLARK_TOKEN").map(Token::new);
        Ok(Some(Account { kind: AccountKind::OwnServer, base_url, profile, token }))
    }

    /// Host and port, for people.
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
