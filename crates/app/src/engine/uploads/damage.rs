//! Damage: the servers' damaged copies, and the uploads of recordings whose segments were repaired. The
//! upload machine decides what to do; the jobs repair segments.

use snaplark_core::upload::{Reachability, UploadEvent, UploadMachine};
use snaplark_core::{RecordingId, SessionId};
use tracing::{error, info, warn};

use super::{Context, Uploads, UploadsEvent};
use crate::messages::Message;
use crate::source::Repair;

/// How often the server is asked for damaged copies. It checks each video once a month, and the answer
/// costs it one query.
const ASK_DAMAGE_MS: u64 = 24 * 60 * 60 * 1_000;

impl Uploads {
    /// Continues the upload of a recording whose segments are repaired in the rows. Returns whether the rows
    /// can be read.
    pub(crate) fn repaired(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        repair: Repair,
    ) -> bool {
        let rows = match cx.store.segments(recording) {
            Ok(rows) => rows,
            Err(error) => {
                error!(%recording, %error, "A repaired recording can't be read");
                return false;
            }
        };
        let changed = repair.corrected.iter().chain(&repair.replaced);
        let replaced: Vec<u32> = changed.map(|segment| segment.index).collect();
        let done = replaced.iter().copied().chain(repair.restored);
        let sizes = done.filter_map(|index| Some((index, rows.get(index as usize)?.size_bytes)));
        let sizes = sizes.collect();
        self.handle(cx, UploadEvent::SegmentsRepaired { recording, sizes, replaced });
        true
    }

    /// Returns when to ask the next server, or `None` while none can be asked.
    pub(super) fn next_damage_ms(&self) -> Option<u64> {
        self.targets.all().filter_map(|(server, _)| self.ask_damage_ms(server)).min()
    }

    fn ask_damage_ms(&self, server: &str) -> Option<u64> {
        let (target, machine) = (self.targets.at(server)?, self.machine.at(server)?);
        let can_ask = target.destination.offers().reports_damage;
        let may_ask = can_ask && machine.reach() == Reachability::Online && machine.is_signed_in();
        may_ask.then_some(target.ask_damage_again_ms)
    }

    pub(super) fn ask_damage(&mut self, cx: &Context) {
        let now_ms = cx.now_ms();
        let is_due =
            |server: &str| self.ask_damage_ms(server).is_some_and(|ask_ms| now_ms >= ask_ms);
        let servers = self.targets.all().map(|(server, _)| server);
        let due: Vec<String> = servers.filter(|server| is_due(server)).map(str::to_owned).collect();
        for server in due {
            let Some(target) = self.targets.at_mut(&server) else { continue };
            target.ask_damage_again_ms = now_ms + ASK_DAMAGE_MS;
            let destination = target.destination.clone();
            let (inbox, generation) = (cx.inbox.clone(), self.generation);
            tokio::spawn(async move {
                let videos = destination.damaged().await.unwrap_or_else(|failure| {
                    // Nothing depends on the answer today; it is asked again tomorrow.
                    info!(?failure, "The server could not be asked for damage");
                    Vec::new()
                });
                let _ = inbox.send(Message::ServerDamage { server, generation, videos }).await;
            });
        }
    }

    /// Returns whether there is nothing more to learn about the servers' copies for now. Other servers than
    /// the current one are asked when an upload goes there, and nobody waits for that.
    pub(super) fn are_copies_checked(&self) -> bool {
        let Some(server) = self.targets.current_server() else { return true };
        let can_ask = match self.machine.at(server).map(UploadMachine::reach) {
            Some(Reachability::Unknown) => true,
            Some(Reachability::Online) => self.ask_damage_ms(server).is_some(),
            Some(Reachability::Offline) | None => false,
        };
        self.targets.at(server).is_none_or(|target| target.are_copies_checked) || !can_ask
    }

    /// Receives a server's list of damaged copies. That of before a change of accounts is ignored.
    pub(crate) fn server_damage(
        &mut self,
        cx: &Context,
        server: &str,
        generation: u64,
        videos: Vec<(SessionId, Vec<u32>)>,
    ) {
        if generation != self.generation {
            return;
        }
        let Some(target) = self.targets.at_mut(server) else { return };
        target.are_copies_checked = true;
        for (session, indices) in videos {
            let found = cx.store.finished_by_session(server, &session);
            let rows = found.and_then(|recording| match recording {
                Some(recording) => cx.store.upload_rows_of(recording),
                None => Ok(None),
            });
            match rows {
                Ok(Some(rows)) => {
                    let recording = rows.recording;
                    warn!(%recording, parts = ?indices, "The server's copy is damaged");
                    self.events.push_back(UploadsEvent::Show(recording));
                    self.handle(cx, UploadEvent::ServerDamaged { rows: Box::new(rows), indices });
                }
                Ok(None) => {}
                Err(error) => warn!(%error, "It can't be told whose copy is damaged"),
            }
        }
    }
}
