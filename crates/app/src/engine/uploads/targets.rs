//! The servers that uploads go to: the current one, and others at which the person is signed in still.
//!
//! A server's destination is made with that server's account, and requests find it by the server that the
//! upload machine made them for. So no token and no part reaches another server.

use std::collections::BTreeMap;
use std::sync::Arc;

use snaplark_api::Profile;
use snaplark_core::upload::Targets;
use snaplark_destinations::{Destination, Throttle};

use super::titles::TitleSending;
use crate::account::Account;
use crate::{AppError, Connect};

/// A server with somebody signed in, and what is under way there apart from uploads.
pub(super) struct UploadTarget {
    pub destination: Arc<dyn Destination>,
    pub titles: TitleSending,
    pub ask_damage_again_ms: u64,
    /// The server answered the question for damaged copies, or failed to.
    pub are_copies_checked: bool,
}

/// The servers that uploads go to.
pub(super) struct UploadTargets {
    connect: Connect,
    throttle: Arc<Throttle>,
    /// Where new uploads go.
    current: Option<Account>,
    /// Accounts at other servers. Those without a token have none in memory: nothing goes there.
    others: Vec<Account>,
    connected: BTreeMap<String, UploadTarget>,
}

impl UploadTargets {
    pub(super) fn new(
        connect: Connect,
        current: Option<Account>,
        others: Vec<Account>,
    ) -> Result<Self, AppError> {
        let mut targets = UploadTargets {
            connect,
            throttle: Arc::new(Throttle::default()),
            current: None,
            others: Vec::new(),
            connected: BTreeMap::new(),
        };
        targets.set(current, others)?;
        Ok(targets)
    }

    /// Sets the accounts. On an error nothing has changed.
    pub(super) fn set(
        &mut self,
        current: Option<Account>,
        mut others: Vec<Account>,
    ) -> Result<(), AppError> {
        others.retain(|other| current.as_ref().is_none_or(|it| it.base_url != other.base_url));
        let signed_in = others.iter().filter(|other| other.is_signed_in());
        let mut destinations = BTreeMap::new();
        for account in current.iter().chain(signed_in) {
            let destination = (self.connect)(account, self.throttle.clone())?;
            destinations.insert(account.base_url.clone(), destination);
        }
        let mut before = std::mem::take(&mut self.connected);
        let connected = destinations.into_iter().map(|(server, destination)| {
            // A title that is under way there is answered still.
            let titles = before.remove(&server).map(|it| it.titles).unwrap_or_default();
            let (ask_damage_again_ms, are_copies_checked) = (0, false);
            let target =
                UploadTarget { destination, titles, ask_damage_again_ms, are_copies_checked };
            (server, target)
        });
        self.connected = connected.collect();
        (self.current, self.others) = (current, others);
        Ok(())
    }

    /// Sets the profile of a server's accounts, from which the machines are rebuilt.
    pub(super) fn learn_profile(&mut self, server: &str, profile: Profile) {
        let all = self.current.iter_mut().chain(&mut self.others);
        all.filter(|it| it.base_url == server).for_each(|it| it.profile = profile);
    }

    pub(super) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    pub(super) fn current(&self) -> Option<&Account> {
        self.current.as_ref()
    }

    pub(super) fn others(&self) -> &[Account] {
        &self.others
    }

    /// Returns the address of the current server.
    pub(super) fn current_server(&self) -> Option<&str> {
        self.current().map(|account| account.base_url.as_str())
    }

    /// Returns the address of the account that a setting names, if items can be sent there.
    pub(super) fn chosen(&self, account: Option<&str>) -> Option<&str> {
        let chosen = account?;
        let accounts = self.current.iter().chain(&self.others);
        let there = accounts.filter(|account| self.connected.contains_key(&account.base_url));
        there.filter(|account| account.is_named(chosen)).map(|it| it.base_url.as_str()).next()
    }

    /// Returns the account at a server to which items can be sent.
    pub(super) fn account_at(&self, server: &str) -> Option<&Account> {
        let accounts = self.current.iter().chain(&self.others);
        accounts.filter(|_| self.connected.contains_key(server)).find(|it| it.base_url == server)
    }

    pub(super) fn at(&self, server: &str) -> Option<&UploadTarget> {
        self.connected.get(server)
    }

    pub(super) fn at_mut(&mut self, server: &str) -> Option<&mut UploadTarget> {
        self.connected.get_mut(server)
    }

    /// Returns the servers at which somebody is signed in, each with its state.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &UploadTarget)> {
        self.connected.iter().map(|(server, target)| (server.as_str(), target))
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut UploadTarget> {
        self.connected.values_mut()
    }

    /// Returns these servers as the upload machines know them.
    pub(super) fn for_machines(&self) -> Targets {
        let signed_in = self.others.iter().filter(|other| other.is_signed_in());
        Targets {
            current: self.current.as_ref().map(Account::target),
            others: signed_in.map(Account::target).collect(),
        }
    }
}
