//! The account of the running program: signing in and out, and whether its server can be reached.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use snaplark_core::upload::{Failure, ProbeVerdict};

use crate::account::Account;
use crate::messages::EngineCommand;
use crate::{App, AppError, Profile, sign_in, tokens};

/// A server's answer to a connection test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Reached {
    /// Host and port, for people to read.
    pub server: String,
    /// How long it took to answer.
    #[ts(type = "number")]
    pub took_ms: u64,
    /// The server accepts the account's token.
    pub knows_token: bool,
    /// The server's version, if it reports one.
    pub version: Option<String>,
}

impl App {
    /// Asks the account's server whether it can be reached and accepts the token.
    pub async fn test_connection(&self) -> Result<Reached, AppError> {
        let Some(account) = self.account().await? else {
            return Err(AppError::Network { reason: "no cloud runs here".into() });
        };
        let server = account.server_name();
        let destination = account.connect(Arc::default())?;
        let asked = Instant::now();
        let unreachable = |reason| AppError::ServerUnreachable { server: server.clone(), reason };
        let version = match destination.probe().await {
            ProbeVerdict::Online { capabilities } => {
                capabilities.map(|able| able.version).filter(|version| !version.is_empty())
            }
            ProbeVerdict::Offline { detail } => return Err(unreachable(detail)),
        };
        let took_ms = asked.elapsed().as_millis() as u64;
        let knows_token = match destination.check().await {
            Ok(()) => true,
            Err(Failure::SignedOut) => false,
            Err(failure) => return Err(unreachable(failure.to_string())),
        };
        Ok(Reached { server, took_ms, knows_token, version })
    }

    /// Sets the API profile used with the account's server if that doesn't report what it supports.
    pub async fn set_profile(&self, profile: Profile) -> Result<(), AppError> {
        match self.account().await? {
            Some(account) => self.use_account(Some(Account { profile, ..account })).await,
            None => Ok(()),
        }
    }

    /// Returns the account that uploads go to.
    pub async fn account(&self) -> Result<Option<Account>, AppError> {
        self.ask(|reply| EngineCommand::Account { reply }).await
    }

    /// Signs in: new uploads go to `account` from now on. Tries the token at the server first. With `remember`
    /// the token is stored in the keyring, otherwise it lasts for this session only. On any error nothing
    /// has changed. The person stays signed in at the server before, where the uploads that were begun for it
    /// go on.
    pub async fn sign_in(&self, account: Account, remember: bool) -> Result<(), AppError> {
        account.check_way()?;
        let account = account.prepared().await?;
        let server = account.server_name();
        let destination = account.connect(Arc::default())?;
        match destination.check().await {
            Ok(()) => {}
            Err(Failure::SignedOut) => return Err(AppError::TokenRefused { server }),
            Err(failure) => {
                let reason = failure.to_string();
                return Err(AppError::ServerUnreachable { server, reason });
            }
        }
        let (before, others) = self.accounts().await?;
        let mut known = before.iter().chain(&others);
        let same = known.find(|known| known.base_url == account.base_url);
        let mut account = account;
        // A token that an earlier sign-in stored in the keyring stays there until the person signs out.
        account.token_is_kept = same.is_some_and(|before| before.token_is_kept);
        if let (true, Some(token)) = (remember, account.token.clone()) {
            let base_url = account.base_url.clone();
            on_keyring(move || tokens::save(&base_url, &token)).await?;
            account.token_is_kept = true;
        }
        self.use_account(Some(account)).await
    }

    /// Sends new uploads to another server at which the person is signed in still.
    pub async fn use_server(&self, server: &str) -> Result<(), AppError> {
        let (_, others) = self.accounts().await?;
        let found = others.into_iter().find(|other| other.is_named(server));
        let found = found.ok_or_else(|| AppError::BadServer { server: server.to_owned() })?;
        let token = match found.token.clone() {
            Some(token) => Some(token),
            None => found.kept_token().await,
        };
        self.use_account(Some(Account { token, ..found })).await
    }

    /// Signs out: removes the token from the keyring and uploads to `next` from now on. The person is
    /// signed out even if the keyring fails. Uploads that were begun for the server wait for a sign-in there.
    pub async fn sign_out(&self, next: Option<Account>) -> Result<(), AppError> {
        let left = self.account().await?;
        let left_stays = false;
        self.ask(|reply| EngineCommand::SwitchAccount { account: next, left_stays, reply })
            .await??;
        match left {
            Some(left) => forget(&left).await,
            None => Ok(()),
        }
    }

    /// Signs out at the server with this address, like [`App::sign_out`].
    pub async fn sign_out_at(&self, server: &str) -> Result<(), AppError> {
        let (current, others) = self.accounts().await?;
        if current.is_some_and(|account| account.is_named(server)) {
            return self.sign_out_elsewhere().await;
        }
        let other = others.into_iter().find(|other| other.is_named(server));
        let name = other.map_or_else(|| server.to_owned(), |other| other.base_url);
        let removed = self.ask(|reply| EngineCommand::RemoveAccount { server: name, reply });
        let left = removed.await??;
        let left = left.ok_or_else(|| AppError::BadServer { server: server.to_owned() })?;
        let token = match left.token.clone() {
            None if left.token_is_ours => left.kept_token().await,
            token => token,
        };
        forget(&Account { token, ..left }).await
    }

    /// Signs out on behalf of another program and notifies the shell, which may have an embedded cloud for
    /// later recordings.
    pub(crate) async fn sign_out_elsewhere(&self) -> Result<(), AppError> {
        let signed_out = self.sign_out(None).await;
        self.send(EngineCommand::TellSignedOut).await?;
        signed_out
    }

    /// Uploads to `account` from now on, unless there is an account already.
    pub async fn upload_to(&self, account: Account) -> Result<(), AppError> {
        match self.account().await? {
            Some(_) => Ok(()),
            None => self.use_account(Some(account)).await,
        }
    }

    /// Sends new uploads to `account` from now on. Nothing is signed in or out and the keyring is not touched.
    pub async fn use_account(&self, account: Option<Account>) -> Result<(), AppError> {
        let left_stays = true;
        self.ask(|reply| EngineCommand::SwitchAccount { account, left_stays, reply }).await?
    }

    /// Continues the uploads that were begun for this account's server, such as the cloud in this computer.
    /// New ones go where they went before.
    pub async fn continue_uploads_to(&self, account: Account) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::AddAccount { account, reply }).await?
    }

    /// Returns the address of a place that items can be sent to from now on: its token is there.
    pub(crate) async fn place_to_send_to(&self, place: &str) -> Result<String, AppError> {
        let (current, others) = self.accounts().await?;
        let key = place.parse::<u64>().ok();
        let is_meant = |account: &Account| account.is_named(place) || key == Some(account.key());
        if let Some(account) = current.filter(is_meant) {
            return Ok(account.base_url);
        }
        let found = others.into_iter().find(is_meant);
        let found = found.ok_or_else(|| AppError::BadServer { server: place.to_owned() })?;
        let server = found.base_url.clone();
        if !found.is_signed_in() {
            let token = found.kept_token().await;
            let missing = || AppError::TokenRefused { server: found.server_name() };
            let token = token.ok_or_else(missing)?;
            self.continue_uploads_to(found.clone().with_token(token)).await?;
        }
        Ok(server)
    }

    async fn accounts(&self) -> Result<(Option<Account>, Vec<Account>), AppError> {
        self.ask(|reply| EngineCommand::Accounts { reply }).await
    }
}

/// Removes the token of an account that is no longer used. A token that the server has revoked may stay in
/// a keyring that can't be opened.
async fn forget(account: &Account) -> Result<(), AppError> {
    let base_url = account.base_url.clone();
    let forgotten = match account.token_is_kept {
        true => on_keyring(move || tokens::forget(&base_url)).await,
        false => Ok(()),
    };
    let is_void = sign_in::give_back(account).await;
    match forgotten {
        Err(AppError::NoKeyring { reason }) if !is_void => Err(AppError::TokenRemains { reason }),
        Err(AppError::NoKeyring { .. }) | Ok(()) => Ok(()),
        Err(other) => Err(other),
    }
}

async fn on_keyring(
    act: impl FnOnce() -> Result<(), tokens::KeyringProblem> + Send + 'static,
) -> Result<(), AppError> {
    let done = tokio::task::spawn_blocking(act).await.map_err(|_| AppError::Closing)?;
    done.map_err(|tokens::KeyringProblem(reason)| AppError::NoKeyring { reason })
}
