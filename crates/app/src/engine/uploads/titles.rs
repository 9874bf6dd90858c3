//! Sending titles to the servers of their recordings, one at a time to each. One that can't be sent now is
//! retried until it succeeds.

use snaplark_api::recording_id_of;
use snaplark_core::RecordingId;
use snaplark_core::upload::{Failure, Reachability};
use snaplark_store::{PendingTitle, StoreError};
use tracing::{debug, warn};

use super::{Context, Uploads};
use crate::messages::Message;

/// The wait after the first failure; each further wait is twice as long.
const AGAIN_MS: u64 = 2_000;
/// A title is seen by few people who would mind a minute's delay.
const AGAIN_MS_MAX: u64 = 60_000;

/// The state of sending titles to one server.
#[derive(Default)]
pub(super) struct TitleSending {
    under_way: bool,
    failures: u32,
    /// When to send next, by the engine's clock. `None`: no title is known to wait.
    again_ms: Option<u64>,
}

impl TitleSending {
    fn send_soon(&mut self, now_ms: u64) {
        self.failures = 0;
        self.again_ms = Some(now_ms);
    }
}

impl Uploads {
    /// Sends the titles that wait, without waiting any longer.
    pub(crate) fn send_titles_soon(&mut self, cx: &Context) {
        for target in self.targets.all_mut() {
            target.titles.send_soon(cx.now_ms());
        }
    }

    /// Returns whether a title waits for a server and can be sent.
    pub(super) fn does_title_wait(&self, cx: &Context) -> bool {
        self.targets.all().any(|(server, target)| match self.title_ms(server) {
            // Errors of reading are logged where titles are sent.
            Some(_) => cx.store.pending_title(server).is_ok_and(|title| title.is_some()),
            None => target.titles.under_way,
        })
    }

    /// Returns when to send the next title, or `None` if none waits or no server can take one now.
    pub(super) fn next_title_ms(&self) -> Option<u64> {
        self.targets.all().filter_map(|(server, _)| self.title_ms(server)).min()
    }

    fn title_ms(&self, server: &str) -> Option<u64> {
        let target = self.targets.at(server)?;
        // A server that only implements the documented API has no titles, and it gets nothing that the
        // documents don't name.
        let takes_titles = target.destination.offers().takes_titles;
        let is_online = self.machine.at(server)?.reach() == Reachability::Online;
        let can_be_told = takes_titles && !target.titles.under_way && is_online;
        target.titles.again_ms.filter(|_| can_be_told)
    }

    pub(super) fn send_titles(&mut self, cx: &Context) {
        let is_due =
            |server: &str| self.title_ms(server).is_some_and(|again_ms| cx.now_ms() >= again_ms);
        let servers = self.targets.all().map(|(server, _)| server);
        let due: Vec<String> = servers.filter(|server| is_due(server)).map(str::to_owned).collect();
        for server in due {
            self.send_title(cx, server);
        }
    }

    fn send_title(&mut self, cx: &Context, server: String) {
        let Some(target) = self.targets.at_mut(&server) else { return };
        target.titles.again_ms = None;
        let pending = match cx.store.pending_title(&server) {
            Ok(Some(pending)) => pending,
            Ok(None) => return,
            Err(error) => {
                warn!(%error, "The titles that wait can't be read");
                return;
            }
        };
        let picture = match picture_to_rename(cx, &pending) {
            Ok(picture) => picture,
            Err(error) => {
                warn!(recording = %pending.recording, %error, "The address of a picture can't be read");
                return;
            }
        };
        target.titles.under_way = true;
        let destination = target.destination.clone();
        let (inbox, generation) = (cx.inbox.clone(), self.generation);
        tokio::spawn(async move {
            let outcome = match picture {
                Some(id) => destination.rename_picture(id, &pending.title).await,
                None => destination.rename(&pending.session, &pending.title).await,
            };
            let (recording, title) = (pending.recording, pending.title);
            let sent = Message::TitleSent { server, generation, recording, title, outcome };
            let _ = inbox.send(sent).await;
        });
    }

    /// Receives a server's answer to a title.
    pub(crate) fn title_sent(
        &mut self,
        cx: &Context,
        server: &str,
        generation: u64,
        recording: RecordingId,
        title: &str,
        outcome: Result<(), Failure>,
    ) {
        let is_current = generation == self.generation;
        let Some(target) = self.targets.at_mut(server) else { return };
        target.titles.under_way = false;
        match outcome {
            _ if !is_current => target.titles.send_soon(cx.now_ms()),
            Ok(()) => {
                target.titles.send_soon(cx.now_ms());
                self.title_known(cx, recording, title);
            }
            Err(failure) => {
                debug!(%recording, ?failure, "A title could not be sent");
                let wait_ms = AGAIN_MS << target.titles.failures.min(8);
                target.titles.failures += 1;
                target.titles.again_ms = Some(cx.now_ms() + wait_ms.min(AGAIN_MS_MAX));
            }
        }
    }

    /// Notes that the server has a title.
    pub(crate) fn title_known(&mut self, cx: &Context, recording: RecordingId, title: &str) {
        if let Err(error) = cx.store.note_cloud_title(recording, title) {
            warn!(%recording, %error, "It could not be noted that the server has a title");
        }
        // The recording may have been renamed in the meantime.
        let server = self.machine.of(recording).map(|machine| machine.target().server.clone());
        if let Some(target) = server.and_then(|server| self.targets.at_mut(&server)) {
            target.titles.again_ms.get_or_insert(cx.now_ms());
        }
    }
}

/// Returns the id in the link of a picture that was renamed; `None` for a recording.
fn picture_to_rename(
    cx: &Context,
    pending: &PendingTitle,
) -> Result<Option<uuid::Uuid>, StoreError> {
    if !pending.is_picture {
        return Ok(None);
    }
    let secret = cx.store.secret(pending.recording)?;
    Ok(Some(secret.as_ref().map_or(pending.recording.0, recording_id_of)))
}
