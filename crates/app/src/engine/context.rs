//! Holds what all parts of the engine share: the store, the settings, the clock, and the doors to the outside.
//!
//! Each part writes its own rows; writes that must happen in order go through the library's journal. Only
//! the engine changes the settings, and only the library rebuilds the store.

use std::time::Instant;

use snaplark_store::Store;
use tokio::sync::{mpsc, watch};

use crate::cuts::append::DueAppend;
use crate::home::Home;
use crate::messages::Message;
use crate::view::Levels;
use crate::{Notice, Settings, titles};

/// The state that all parts of the engine share.
pub(crate) struct Context {
    pub(crate) home: Home,
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    /// Where threads and tasks report to.
    pub(crate) inbox: mpsc::Sender<Message>,
    pub(crate) notices: Box<dyn Fn(Notice) + Send + Sync>,
    pub(crate) broadcasts: Broadcasts,
    began: Instant,
}

/// Watch channels that shells and the sleep watcher subscribe to, and the queue of what is to be appended.
pub(crate) struct Broadcasts {
    pub(crate) changed: watch::Sender<u64>,
    /// True while something is being recorded that is not sealed yet.
    pub(crate) is_awake: watch::Sender<bool>,
    pub(crate) levels: watch::Sender<Levels>,
    pub(crate) settings: watch::Sender<Settings>,
    pub(crate) appends: mpsc::UnboundedSender<DueAppend>,
}

impl Context {
    pub(crate) fn new(
        home: Home,
        store: Store,
        settings: Settings,
        inbox: mpsc::Sender<Message>,
        notices: Box<dyn Fn(Notice) + Send + Sync>,
        broadcasts: Broadcasts,
    ) -> Self {
        Context { home, store, settings, inbox, notices, broadcasts, began: Instant::now() }
    }

    /// Returns the time by the engine's clock.
    pub(crate) fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Returns the title of a recording that began at that time, until it gets another.
    pub(crate) fn dated_title(&self, started_unix_ms: i64) -> String {
        let started = jiff::Timestamp::from_millisecond(started_unix_ms).unwrap_or_default();
        let started = started.to_zoned(jiff::tz::TimeZone::system());
        titles::dated(&started, self.settings.desktop.language)
    }
}

/// Returns the present time of the computer's clock.
pub(crate) fn now_unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
