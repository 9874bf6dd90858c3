//! Passes on what follows from what a part did: the engine hands it to the others. Nothing is decided here.

use snaplark_core::RecordingId;
use snaplark_core::upload::{UploadChange, UploadEvent};
use snaplark_store::StoreError;
use tracing::{error, info, warn};

use super::Engine;
use super::jobs::{JobOutcome, OwnFile};
use super::library::{StrikeWrite, Write, Wrote};
use super::session::SessionEvent;
use super::uploads::UploadsEvent;
use crate::cuts::append::DueAppend;
use crate::source::Repair;
use crate::view::FileProblem;
use crate::{AppError, Notice};

/// After this many writes the event loop handles other messages first, since minutes of the ring buffer may
/// become a recording at once.
const WRITES_AT_ONCE_MAX: usize = 16;

impl Engine {
    /// Passes on what the parts have others do, until nobody asks for anything.
    ///
    /// Writes come first, then what uploads ask for. The session's come last, one at a time: each is
    /// carried out, with all that follows from it, before the next.
    pub(super) fn settle(&mut self) {
        loop {
            if self.library.take_due() {
                self.write();
            } else if let Some(event) = self.uploads.next_event() {
                self.follow_uploads(event);
            } else if let Some(event) = self.session.next_event() {
                self.follow_session(event);
            } else {
                return;
            }
        }
    }

    fn follow_session(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Write(writes) => self.library.queue(writes),
            SessionEvent::Upload(event) => self.uploads.handle(&self.cx, event),
            SessionEvent::UploadAsked(recording) => {
                self.uploads.recording_begins(&self.cx, recording);
            }
            SessionEvent::Toast(recording, change) => {
                self.library.change_toast(&self.cx, recording, change);
            }
            SessionEvent::Name(recording, title) => self.name(recording, &title),
            SessionEvent::TakeBack(recording) => self.library.take_back(&self.cx, recording),
            SessionEvent::Then(act) => act(),
        }
    }

    fn follow_uploads(&mut self, event: UploadsEvent) {
        match event {
            UploadsEvent::Commit(step) => self.library.queue_step(step),
            UploadsEvent::LinkKnown(recording, link) => {
                self.library.copy_link(&self.cx, recording, &link);
            }
            UploadsEvent::Repair(recording, segments) => self.repair(recording, segments),
            UploadsEvent::ListAnew(recording) => {
                self.append_later(DueAppend::ListAnew { recording });
            }
            UploadsEvent::Show(recording) => self.library.show(recording),
            UploadsEvent::ShowPicture(item) => self.library.show_picture(item),
        }
    }

    pub(super) fn job_ended(&mut self, outcome: JobOutcome) {
        match outcome {
            JobOutcome::OwnFile(recording, own) => self.own_file_written(recording, own),
            JobOutcome::Repaired(recording, repair) => {
                self.library.queue(vec![Write::Repair(recording, repair)]);
            }
            JobOutcome::Shown(_) | JobOutcome::Replied | JobOutcome::Died => {}
        }
    }

    /// Names a recording, unless a person has named it.
    pub(super) fn name(&mut self, recording: RecordingId, title: &str) {
        if self.library.name(&self.cx, recording, title) {
            self.uploads.send_titles_soon(&self.cx);
        }
    }

    /// Performs some of the queued writes in order, until one fails.
    fn write(&mut self) {
        for _ in 0..WRITES_AT_ONCE_MAX {
            match self.library.write_next(&mut self.cx) {
                Wrote::Nothing => return,
                Wrote::Done(write) => self.written(write),
                Wrote::Refused => {}
                Wrote::Broken => {
                    match self.rebuild_store() {
                        Ok(()) => self.library.write_soon(&self.cx),
                        Err(error) => {
                            error!(%error, "The list of recordings could not be rebuilt; trying again");
                            self.library.write_later(&self.cx);
                        }
                    }
                    return;
                }
                Wrote::Stuck(error) => {
                    if self.cx.store.is_away() {
                        self.session.folder_away(&self.cx);
                    }
                    if let Some(error) = error {
                        self.report_unlisted(&error);
                    }
                    return;
                }
            }
        }
        self.library.write_soon(&self.cx);
    }

    fn written(&mut self, write: Write) {
        match write {
            Write::Started { recording, .. } => self.uploads.recording_began(&self.cx, recording),
            Write::Segment(recording, segment, from) => {
                self.session.segment_committed(recording, segment.index);
                self.uploads.segment_sealed(&self.cx, recording, &segment);
                self.session.segment_relocated(&self.cx, recording, &segment, from.as_deref());
            }
            Write::Issue(..) => {}
            Write::Strike(StrikeWrite { recording, struck, removed_ms, reply, .. }) => {
                let Some(struck) = struck else { return };
                let was_online = self.uploads.struck(&self.cx, recording, &struck);
                self.session.struck(&self.cx, recording, &struck, removed_ms, was_online, reply);
            }
            Write::Repair(recording, repair) => self.repair_written(recording, repair),
            Write::Close(recording, ..) => self.closed(recording),
            Write::Delete(_) => self.session.nothing_stays(),
            Write::Step(step) => {
                if step.changes.iter().any(is_told) {
                    self.webhook.look(&self.cx);
                }
                for action in step.actions {
                    self.uploads.act(&self.cx, action);
                }
            }
        }
    }

    /// Continues after a recording is closed in its rows: its end goes to the upload, its file is written,
    /// its link is copied to the clipboard.
    fn closed(&mut self, recording: RecordingId) {
        self.library.note_listed(recording);
        let row = match self.cx.store.recording(recording) {
            Ok(row) => row,
            Err(error) => {
                error!(%recording, %error, "A recording that has just ended can't be read");
                return;
            }
        };
        if row.segments == 0 {
            self.session.closed_empty(recording);
            return;
        }
        self.library.recording_ended(recording);
        self.uploads.release_held(&self.cx, recording);
        let duration_ms = row.duration_ms;
        self.uploads.handle(&self.cx, UploadEvent::RecordingEnded { recording, duration_ms });
        self.append_or_write_file(recording);
        let status = self.uploads.status(&self.cx, recording);
        if let Some(link) = status.and_then(|status| status.link) {
            self.library.copy_link(&self.cx, recording, &link);
        }
        self.session.closed(recording);
    }

    /// Replies with an error to everyone who waits for the end of a recording whose rows can't be written
    /// for a long time. What is sealed is on the disk, and the next start adopts it.
    fn report_unlisted(&mut self, error: &StoreError) {
        if !self.session.is_idle() {
            return;
        }
        let reason = match error {
            StoreError::Sql(source) => source.to_string(),
            other => other.to_string(),
        };
        self.session.not_deleted(&reason);
        let Some(recording) = self.library.unclosed() else { return };
        let (_, segments) = self.library.saved(&self.cx, recording);
        let folder = self.cx.store.folder(recording);
        let unlisted =
            || AppError::NotListed { folder: folder.clone(), segments, reason: reason.clone() };
        self.session.not_listed(recording, unlisted);
        self.library.note_unlisted(&self.cx, recording, unlisted().to_string());
    }

    /// Has a recording that has ended appended to another one, if that was asked for. Else its file is written.
    pub(super) fn append_or_write_file(&mut self, recording: RecordingId) {
        match self.cx.store.append_of(recording) {
            Some(append) => {
                self.append_later(DueAppend::Append { more: recording, append });
            }
            None => self.write_file(recording),
        }
    }

    pub(super) fn append_later(&self, due: DueAppend) {
        // Fails if the program is closing; the next start does it.
        let _ = self.cx.broadcasts.appends.send(due);
    }

    pub(super) fn write_file(&mut self, recording: RecordingId) {
        if let Err(problem) = self.jobs.write_own_file(&self.cx, recording) {
            self.library.note_file_problem(recording, problem);
        }
    }

    fn own_file_written(&mut self, recording: RecordingId, own: OwnFile) {
        let OwnFile { file, problem, damaged } = own;
        if !damaged.is_empty() {
            self.repair(recording, damaged);
            return;
        }
        let noted = file.as_ref().map_or(Ok(()), |file| self.cx.store.set_file(recording, file));
        let asks = self.cx.settings.recording.asks_where && self.library.ended_here(recording);
        if let Some(file) = file.filter(|_| asks && self.shutdown.is_none()) {
            (self.cx.notices)(Notice::AskWhere { recording, file });
        }
        match problem.or_else(|| noted.err().map(FileProblem::from)) {
            None => self.library.forget_file_problem(recording),
            Some(problem) => {
                warn!(%recording, %problem, "A recording's own file could not be written");
                self.library.note_file_problem(recording, problem);
            }
        }
    }

    pub(super) fn repair(&mut self, recording: RecordingId, damaged: Vec<u32>) {
        if let Err(error) = self.jobs.repair(&self.cx, recording, damaged) {
            let detail = error.to_string();
            self.uploads.handle(&self.cx, UploadEvent::SegmentsLost { recording, detail });
        }
    }

    /// Continues after the rows of a repair are committed.
    fn repair_written(&mut self, recording: RecordingId, repair: Repair) {
        if !repair.restored.is_empty() {
            info!(%recording, segments = ?repair.restored, "Damaged segments were restored");
        }
        if let Some(detail) = repair.lost {
            error!(%recording, %detail, "Segments can neither be restored nor replaced");
            let problem = FileProblem::FilesMissing { reason: detail.clone() };
            self.library.note_file_problem(recording, problem);
            self.uploads.handle(&self.cx, UploadEvent::SegmentsLost { recording, detail });
            return;
        }
        if !self.uploads.repaired(&self.cx, recording, repair) {
            return;
        }
        let row = self.cx.store.recording(recording);
        if row.is_ok_and(|row| row.file.is_none() && !row.running && !row.cleared) {
            self.write_file(recording);
        }
    }

    /// Rebuilds the broken database, and the uploads from its rows.
    pub(super) fn rebuild_store(&mut self) -> Result<(), StoreError> {
        self.library.rebuild(&mut self.cx, self.session.rows())?;
        if let Err(error) = self.uploads.restart(&self.cx) {
            error!(%error, "Uploads could not be read again");
        }
        self.webhook.follow_settings(&self.cx);
        Ok(())
    }
}

/// Returns whether the webhook may be told of a change.
fn is_told(change: &UploadChange) -> bool {
    matches!(change, UploadChange::Finished { .. } | UploadChange::Stopped { stop: Some(_), .. })
}
