//! The queue of writes to the store, what follows each of them, and the person's own file.

use std::path::{Path, PathBuf};

use snaplark_core::RecordingId;
use snaplark_core::recorder::Recorder;
use snaplark_core::upload::Event;
use snaplark_store::StoreError;
use tracing::{debug, error, warn};

use super::{Engine, Write};
use crate::finish::FinishError;
use crate::messages::Message;
use crate::{AppError, Notice, finish};

/// How long after a failed commit the next attempt is made.
const COMMIT_AGAIN_MS: u64 = 1_000;
/// How long someone who waits for the end of a recording waits while its rows can't be written, before
/// getting an error. Longer than a backup program holds the database's lock. Retries continue.
const COMMIT_PATIENCE_MS: u64 = 10_000;
/// After this many writes the event loop handles other messages first, since minutes of the ring buffer may
/// become a recording at once.
const WRITES_AT_ONCE_MAX: usize = 16;

impl Engine {
    /// Performs the queued writes in order until the queue is empty or one fails.
    pub(super) fn write(&mut self) {
        self.write_again_ms = None;
        for _ in 0..WRITES_AT_ONCE_MAX {
            let Some(write) = self.unwritten.pop_front() else { return };
            if let Err(error) = self.write_one(&write) {
                if self.may_rebuild(&error) {
                    error!(%error, "The list of recordings is damaged");
                    self.rebuilds_left -= 1;
                    // A step is dropped, since the rebuilt machine produces a new one.
                    if !matches!(write, Write::Step(_)) {
                        self.unwritten.push_front(write);
                    }
                    self.write_again_ms = Some(self.now_ms());
                    if let Err(error) = self.rebuild_store() {
                        error!(%error, "The list of recordings could not be rebuilt; trying again");
                        self.write_again_ms = Some(self.now_ms() + COMMIT_AGAIN_MS);
                    }
                    return;
                }
                if !error.may_pass() {
                    error!(%error, "The list of recordings refuses an entry; it is left out");
                    continue;
                }
                if self.failing_since_ms.is_none() {
                    error!(%error, "The list of recordings could not be written; trying again");
                }
                let now_ms = self.now_ms();
                let since_ms = *self.failing_since_ms.get_or_insert(now_ms);
                self.unwritten.push_front(write);
                self.write_again_ms = Some(now_ms + COMMIT_AGAIN_MS);
                self.tell_away();
                if now_ms >= since_ms + COMMIT_PATIENCE_MS {
                    self.tell_unlisted(&error);
                }
                return;
            }
            self.failing_since_ms = None;
            match write {
                Write::Started { recording, .. } => self.offer_init(recording),
                Write::Segment(recording, segment, from) => {
                    let size_bytes = segment.size_bytes;
                    if self.recorder.recording() == Some(recording) {
                        self.committed = segment.index + 1;
                    }
                    self.tell_machine(Event::SegmentSealed { recording, size_bytes });
                    self.came_home(recording, &segment, from.as_deref());
                }
                Write::Trouble(..) => {}
                Write::Repair(recording, repair) => self.repair_written(recording, repair),
                Write::Close(recording, ..) => self.closed(recording),
                Write::Delete(_) => self.nothing_stays(),
                Write::Step(step) => step.actions.into_iter().for_each(|action| self.act(action)),
            }
        }
        if !self.unwritten.is_empty() {
            self.write_again_ms = Some(self.now_ms());
        }
    }

    /// Replies with an error to everyone who waits for the end of a recording while its folder is away and
    /// nothing can be written. They should not have to wait until it is back.
    fn tell_away(&mut self) {
        if self.recorder == Recorder::Idle && self.store.is_away() {
            let folder = self.home.root.clone();
            for reply in self.stop_replies.drain(..) {
                let _ = reply.send(Err(AppError::FolderAway { folder: folder.clone() }));
            }
        }
    }

    /// Replies with an error to everyone who waits for the end of a recording whose rows can't be written
    /// for a long time. What is sealed is on the disk, and the next start adopts it.
    fn tell_unlisted(&mut self, error: &StoreError) {
        if self.recorder != Recorder::Idle {
            return;
        }
        let reason = match error {
            StoreError::Sql(source) => source.to_string(),
            other => other.to_string(),
        };
        for (reply, _) in self.cancel_replies.drain(..) {
            let _ = reply.send(Err(AppError::NotDeleted { reason: reason.clone() }));
        }
        let Some(recording) = self.closing() else { return };
        let (title, segments) = self.saved(recording);
        let folder = self.store.folder(recording);
        let unlisted =
            || AppError::NotListed { folder: folder.clone(), segments, reason: reason.clone() };
        for reply in self.stop_replies.drain(..) {
            let _ = reply.send(Err(unlisted()));
        }
        self.answer_share(recording, Err(unlisted()));
        if self.unlisted.insert(recording) {
            warn!(%recording, segments, "A recording that has ended is not in the list");
            self.toasts.fail(recording, title, unlisted().to_string());
        }
    }

    /// Returns the recording that has ended and whose rows don't say so yet.
    pub(super) fn closing(&self) -> Option<RecordingId> {
        let is_idle = self.recorder == Recorder::Idle;
        self.unwritten.iter().filter(|_| is_idle).find_map(|write| match write {
            Write::Close(recording, ..) => Some(*recording),
            Write::Started { .. }
            | Write::Segment(..)
            | Write::Trouble(..)
            | Write::Repair(..)
            | Write::Delete(_)
            | Write::Step(_) => None,
        })
    }

    /// Returns how many segments of a recording are sealed, whether or not their rows are written, and its
    /// title if there are any.
    pub(super) fn saved(&self, recording: RecordingId) -> (String, u32) {
        let unwritten = self.unwritten.iter().filter(|write| match write {
            Write::Segment(of, ..) => *of == recording,
            Write::Started { .. }
            | Write::Trouble(..)
            | Write::Repair(..)
            | Write::Close(..)
            | Write::Delete(_)
            | Write::Step(_) => false,
        });
        let unwritten = unwritten.count() as u32;
        match self.store.recording(recording) {
            Ok(row) if row.segments + unwritten > 0 => (row.title, row.segments + unwritten),
            Ok(_) | Err(_) => (String::new(), unwritten),
        }
    }

    pub(super) fn write_one(&mut self, write: &Write) -> Result<(), StoreError> {
        match write {
            Write::Started { recording, width, height } => {
                self.store.note_started(*recording, *width, *height)
            }
            Write::Segment(recording, segment, None) => {
                self.store.commit_segment(*recording, segment)
            }
            Write::Segment(recording, segment, Some(from)) => {
                let home = self.store.bring_home(*recording, segment, from, &finish::retime)?;
                self.store.commit_segment(*recording, &home)
            }
            Write::Trouble(recording, at_ms, trouble) => {
                self.store.note_trouble(*recording, *at_ms, trouble)
            }
            Write::Repair(recording, repair) => self.write_repair(*recording, repair),
            Write::Close(recording, counts, detail) => {
                self.store.close(*recording, *counts, detail.as_deref())
            }
            Write::Delete(recording) => match self.store.delete(*recording) {
                Err(StoreError::NoSuchRecording(_)) => Ok(()),
                deleted => deleted,
            },
            Write::Step(step) => self.store.apply(&step.changes),
        }
    }

    /// Continues after a recording is closed in its rows: its end goes to the upload, its file is written,
    /// its link is copied to the clipboard.
    pub(super) fn closed(&mut self, recording: RecordingId) {
        if self.unlisted.remove(&recording) {
            // It is in the list after all.
            self.toasts.take_back_failure(recording);
        }
        let row = match self.store.recording(recording) {
            Ok(row) => row,
            Err(error) => {
                error!(%recording, %error, "A recording that has just ended can't be read");
                return;
            }
        };
        if row.segments == 0 {
            self.tell_machine(Event::Forgotten { recording });
            self.toasts.forget(recording);
            if let Err(error) = self.store.delete(recording) {
                warn!(%recording, %error, "An empty recording could not be taken back");
            }
            self.answer_share(recording, Err(AppError::NothingRecorded));
            for reply in self.stop_replies.drain(..) {
                let _ = reply.send(Err(AppError::NothingRecorded));
            }
            return;
        }
        self.ended_here.insert(recording, None);
        self.toasts.remember(recording);
        self.tell_machine(Event::RecordingEnded { recording, duration_ms: row.duration_ms });
        self.write_file(recording);
        let status = self.machine.status(self.now_ms(), recording);
        if let Some(link) = status.and_then(|status| status.link) {
            self.copy_link(recording, link);
        }
        if self.keeping.shares.contains_key(&recording) {
            self.answer_share(recording, Ok(recording));
            return;
        }
        for reply in self.stop_replies.drain(..) {
            let _ = reply.send(Ok(recording));
        }
    }

    /// Copies a link, once, and only of a recording that ended in this run: the clipboard must not be
    /// overwritten at any other time.
    pub(super) fn copy_link(&mut self, recording: RecordingId, link: String) {
        let Some(told) = self.ended_here.get_mut(&recording) else { return };
        let link = self.local_network.handed_out(&link);
        if told.as_ref() != Some(&link) {
            *told = Some(link.clone());
            (self.notices)(Notice::CopyLink { recording, link });
        }
    }

    pub(super) fn write_file(&mut self, recording: RecordingId) {
        let (row, source) = match (self.store.recording(recording), self.source(recording)) {
            (Ok(row), Ok(source)) => (row, source),
            (Err(error), _) | (_, Err(error)) => {
                self.note_file_problem(recording, error.to_string());
                return;
            }
        };
        let chosen = self.settings.recording.save_folder.as_ref();
        let save_folder = chosen.unwrap_or(&self.home.save_folder).clone();
        let inbox = self.inbox.clone();
        let media = self.media(recording);
        let instead = self.home.spare_save_folder();
        let name = format!("recording_{}", row.started_text);
        self.file_jobs += 1;
        tokio::task::spawn_blocking(move || {
            let write = |to: &Path| finish::write_file(&source, to, &name);
            // The person's folder may be on a USB stick that was pulled or a network share that is away.
            // Damage to the recording's own files does not depend on the target folder.
            let (file, problem, damaged) = match write(&save_folder) {
                Ok(file) => (Some(file), None, Vec::new()),
                Err(FinishError::Damaged(segments)) => (None, None, segments),
                Err(error @ (FinishError::Read(_) | FinishError::Media(_))) => {
                    (None, Some(error.to_string()), Vec::new())
                }
                Err(error @ FinishError::Write { .. }) => match write(&instead) {
                    Ok(file) => {
                        let problem = format!("{error}. It is in {} instead", instead.display());
                        (Some(file), Some(problem), Vec::new())
                    }
                    Err(_) => (None, Some(error.to_string()), Vec::new()),
                },
            };
            let written = Message::FileWritten { recording, file, problem, damaged };
            let _ = inbox.blocking_send(written);
            // Made now, since the segments may be gone by the time the card is first shown.
            if let Err(error) = media.and_then(|media| media.still()) {
                debug!(%recording, %error, "There is no still of a recording");
            }
        });
    }

    pub(super) fn file_written(
        &mut self,
        recording: RecordingId,
        file: Option<PathBuf>,
        problem: Option<String>,
        damaged: Vec<u32>,
    ) {
        self.file_jobs -= 1;
        if !damaged.is_empty() {
            self.repair(recording, damaged);
            return;
        }
        let noted = file.as_ref().map_or(Ok(()), |file| self.store.set_file(recording, file));
        let asks = self.settings.recording.asks_where && self.ended_here.contains_key(&recording);
        if let Some(file) = file.filter(|_| asks && self.shutdown.is_none()) {
            (self.notices)(Notice::AskWhere { recording, file });
        }
        match problem.or_else(|| noted.err().map(|error| error.to_string())) {
            None => drop(self.file_problems.remove(&recording)),
            Some(problem) => {
                warn!(%recording, %problem, "A recording's own file could not be written");
                self.note_file_problem(recording, problem);
            }
        }
    }

    /// Notes why a recording has no file. Not stored, since each start finds out anew.
    pub(super) fn note_file_problem(&mut self, recording: RecordingId, problem: String) {
        self.file_problems.insert(recording, problem);
        self.shelf.mark(recording);
    }
}
