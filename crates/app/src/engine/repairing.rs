//! Repairs of damage: segments whose bytes differ from what was sealed, damaged copies on a server, and a
//! database that breaks while it is in use. The upload machine and the store decide what to do; this module
//! carries it out.

use std::sync::{Mutex, PoisonError};

use snaplark_core::RecordingId;
use snaplark_core::upload::{Event, Reach};
use snaplark_store::StoreError;
use tracing::{error, info, warn};

use super::{Engine, Write};
use crate::finish::Webm;
use crate::messages::Message;
use crate::source::{self, Repair};

/// How often the server is asked for damaged copies. It checks each video once a month, and the answer
/// costs it one query.
const ASK_DAMAGE_MS: u64 = 24 * 60 * 60 * 1_000;

/// Allows one repair at a time, since two repairs of one segment would write the same file.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Engine {
    pub(super) fn repair(&mut self, recording: RecordingId, damaged: Vec<u32>) {
        let source = match self.source(recording) {
            Ok(source) => source,
            Err(error) => {
                let detail = error.to_string();
                self.tell_machine(Event::SegmentsLost { recording, detail });
                return;
            }
        };
        warn!(%recording, ?damaged, "Segments of a recording are damaged");
        let kept = self.store.kept_sha256(recording);
        let inbox = self.inbox.clone();
        // Closing the program waits for the repair, as it does for a file being written.
        self.file_jobs += 1;
        tokio::task::spawn_blocking(move || {
            let one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            let repair = source::repair(&source, &damaged, &kept);
            drop(one);
            let _ = inbox.blocking_send(Message::Repaired { recording, repair });
        });
    }

    /// Receives a repair whose files are durable, and queues its rows.
    pub(super) fn repaired(&mut self, recording: RecordingId, repair: Repair) {
        self.file_jobs -= 1;
        self.unwritten.push_back(Write::Repair(recording, repair));
        self.write();
    }

    pub(super) fn write_repair(
        &mut self,
        recording: RecordingId,
        repair: &Repair,
    ) -> Result<(), StoreError> {
        self.store.correct_segments(recording, &repair.corrected)?;
        self.store.note_replaced(recording, &repair.replaced)?;
        for segment in &repair.replaced {
            let words = source::damage_words(segment);
            self.store.note_health(recording, segment.start_ms, "segment-damaged", &words)?;
        }
        match &repair.lost {
            Some(lost) => self.store.note_missing(recording, lost),
            None => Ok(()),
        }
    }

    /// Continues after the rows of a repair are committed.
    pub(super) fn repair_written(&mut self, recording: RecordingId, repair: Repair) {
        if !repair.restored.is_empty() {
            info!(%recording, segments = ?repair.restored, "Damaged segments were restored");
        }
        if let Some(detail) = repair.lost {
            error!(%recording, %detail, "Segments can neither be restored nor replaced");
            let problem = format!(
                "Its files are gone or can't be read ({detail}), so no file of it can be written"
            );
            self.note_file_problem(recording, problem);
            self.tell_machine(Event::SegmentsLost { recording, detail });
            return;
        }
        let rows = match self.store.segments(recording) {
            Ok(rows) => rows,
            Err(error) => {
                error!(%recording, %error, "A repaired recording can't be read");
                return;
            }
        };
        let done = repair.corrected.iter().chain(&repair.replaced).map(|segment| segment.index);
        let done = done.chain(repair.restored);
        let sizes = done.filter_map(|index| Some((index, rows.get(index as usize)?.size_bytes)));
        let sizes = sizes.collect();
        self.tell_machine(Event::SegmentsRepaired { recording, sizes });
        let row = self.store.recording(recording);
        if row.is_ok_and(|row| row.file.is_none() && !row.running && !row.cleared) {
            self.write_file(recording);
        }
    }

    /// Returns when to ask the server next, or `None` while it can't be asked.
    pub(super) fn ask_damage_ms(&self) -> Option<u64> {
        let may_ask = self.uplink.is_some()
            && self.machine.reach() == Reach::Online
            && self.machine.is_signed_in()
            && self.machine.knows_server();
        may_ask.then_some(self.ask_damage_again_ms)
    }

    pub(super) fn ask_damage(&mut self) {
        let now_ms = self.now_ms();
        let (Some(ask_ms), Some(uplink)) = (self.ask_damage_ms(), self.uplink.clone()) else {
            return;
        };
        if now_ms < ask_ms {
            return;
        }
        self.ask_damage_again_ms = now_ms + ASK_DAMAGE_MS;
        let (inbox, generation) = (self.inbox.clone(), self.generation);
        tokio::spawn(async move {
            let videos = uplink.damaged().await.unwrap_or_else(|failure| {
                // Nothing depends on the answer today; it is asked again tomorrow.
                info!(?failure, "The server could not be asked for damage");
                Vec::new()
            });
            let _ = inbox.send(Message::ServerDamage { generation, videos }).await;
        });
    }

    /// Returns whether there is nothing more to learn about the server's copies for now.
    pub(super) fn are_copies_checked(&self) -> bool {
        let can_ask = match self.machine.reach() {
            Reach::Unknown => true,
            Reach::Online => self.ask_damage_ms().is_some(),
            Reach::Offline => false,
        };
        self.are_copies_checked || self.uplink.is_none() || !can_ask
    }

    pub(super) fn server_damage(&mut self, videos: Vec<(snaplark_core::SessionId, Vec<u32>)>) {
        self.are_copies_checked = true;
        let Some(server) = self.account.as_ref().map(|account| account.base_url.clone()) else {
            return;
        };
        for (session, indices) in videos {
            let found = self.store.finished_by_session(&server, &session);
            let rows = found.and_then(|recording| match recording {
                Some(recording) => self.store.upload_rows_of(recording),
                None => Ok(None),
            });
            match rows {
                Ok(Some(rows)) => {
                    let recording = rows.recording;
                    warn!(%recording, parts = ?indices, "The server's copy is damaged");
                    self.toasts.remember(recording);
                    self.tell_machine(Event::ServerDamaged { rows: Box::new(rows), indices });
                }
                Ok(None) => {}
                Err(error) => warn!(%error, "It can't be told whose copy is damaged"),
            }
        }
    }

    /// Returns whether a broken database may be rebuilt. Not while its disk is away, since there would be
    /// nothing to rebuild it from.
    pub(super) fn may_rebuild(&self, error: &StoreError) -> bool {
        error.is_broken() && self.rebuilds_left > 0 && !self.store.is_away()
    }

    /// Sets the broken database aside and rebuilds it from the folders. Pending writes go into the new
    /// database, except steps of the upload machine, which is rebuilt too.
    pub(super) fn rebuild_store(&mut self) -> Result<(), StoreError> {
        let running = self.recorder.recording().map(|running| (running, self.committed as usize));
        let rebuilt = self.store.rebuild(&Webm, running)?;
        error!(
            recordings = rebuilt.recordings,
            "The list of recordings was damaged and is rebuilt"
        );
        self.unwritten.retain(|write| !matches!(write, Write::Step(_)));
        self.shelf = crate::shelf::Shelf::after(self.shelf.version());
        if let Err(error) = self.rebuild_machine() {
            error!(%error, "Uploads could not be read again");
        }
        Ok(())
    }
}
