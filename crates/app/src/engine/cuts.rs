//! Answers the recording editor in the event loop. Everything else about it is in `crate::cuts`.

use snaplark_core::RecordingId;
use snaplark_core::capture::FrameCounts;
use snaplark_core::edit::Edit;
use snaplark_core::upload::UploadEvent;
use snaplark_store::{Elsewhere, NewAppend, StoreError};

use super::Engine;
use super::context::now_unix_ms;
use super::library::Write;
use super::session::ToastChange;
use crate::AppError;
use crate::cuts::CutsCommand;
use crate::cuts::copy::CopiedCut;
use crate::cuts::publish::{self, PublishBasis, PublishRow, ReadyCut};
use crate::cuts::rows::{self, CutRow};

/// No recording has changed since: the snapshot refreshes the views and copies none of them.
const NONE_SINCE: u64 = u64::MAX;

impl Engine {
    pub(super) fn handle_cuts(&mut self, command: CutsCommand) {
        match command {
            CutsCommand::Read { recording, reply } => {
                let _ = reply.send(self.cut_row(recording));
            }
            CutsCommand::Append { to, new, reply } => {
                let appended = self.append(to, &new);
                self.reply(reply, appended.map_err(AppError::from));
            }
            CutsCommand::IsAppendToPublish { to, reply } => {
                let _ = reply.send(Ok(self.cx.store.is_append_to_publish(to)));
            }
            CutsCommand::AppendPublished { to, reply } => {
                let noted = self.cx.store.note_append_published(to);
                let _ = reply.send(noted.map_err(AppError::from));
            }
            CutsCommand::NotAppended { more, reply } => {
                let forgotten = self.cx.store.forget_append(more);
                if forgotten.is_ok() {
                    self.write_file(more);
                }
                self.reply(reply, forgotten.map_err(AppError::from));
            }
            CutsCommand::Adopt { cut, reply } => {
                let adopted = self.adopt_cut(*cut);
                self.reply(reply, adopted);
            }
            CutsCommand::Versions { recording, reply } => {
                let _ = reply.send(self.publish_row(recording));
            }
            CutsCommand::Basis { recording, reply } => {
                let basis = PublishBasis::read(&self.cx.store, recording);
                let _ = reply.send(basis.map_err(AppError::from));
            }
            CutsCommand::Publish { recording, ready, reply } => {
                let published = self.publish_cut(recording, *ready);
                self.reply(reply, published.map_err(AppError::from));
            }
            CutsCommand::PublishAgain { recording, reply } => {
                let retried = self.uploads.retry(&self.cx, recording);
                self.reply(reply, retried.map_err(AppError::from));
            }
            CutsCommand::Save { recording, edit, replaces, reply } => {
                let now_unix_ms = now_unix_ms();
                let saved = rows::save(&self.cx.store, recording, &edit, replaces, now_unix_ms);
                let _ = reply.send(saved);
            }
        }
    }

    /// Uploads what was rendered as the recording's next version. Returns false if what that was planned from has
    /// changed since.
    fn publish_cut(&mut self, recording: RecordingId, ready: ReadyCut) -> Result<bool, StoreError> {
        match publish::add_version(&self.cx.store, recording, ready)? {
            Some(wanted) => {
                self.uploads.want_edited(&self.cx, recording, wanted)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Appends a recording to another one, of which a new file is written for the person. Returns false if what the
    /// copies were made from has changed since.
    fn append(&mut self, to: RecordingId, new: &NewAppend) -> Result<bool, StoreError> {
        if !self.cx.store.append(to, new)? {
            return Ok(false);
        }
        self.jobs.cancel_of(&self.cx, new.more.into());
        self.uploads.handle(&self.cx, UploadEvent::Forgotten { recording: new.more });
        self.library.change_toast(&self.cx, new.more, ToastChange::Forget);
        self.write_file(to);
        Ok(true)
    }

    /// Makes a recording of what was rendered: a row, and the writes that move its segments into its folder. It is
    /// uploaded as any other.
    fn adopt_cut(&mut self, cut: CopiedCut) -> Result<(), AppError> {
        let CopiedCut { of, new, size: (width, height), folder, made } = cut;
        let (recording, there) = (new.id, Elsewhere { folder, first_index: 0 });
        let store = &self.cx.store;
        let begun = store
            .begin(&new)
            .and_then(|_| store.expect_elsewhere(recording, &there))
            .and_then(|()| store.bring_init(recording, &there.segment(0)));
        if let Err(error) = begun {
            self.library.take_back(&self.cx, recording);
            return Err(error.into());
        }
        if !made.chapters.is_empty() {
            let last = made.segments.last();
            let end_ms = last.map_or(0, |segment| segment.start_ms + segment.duration_ms);
            let keep = Vec::from([std::ops::Range { start: 0, end: end_ms }]);
            let edit = Edit::Cuts { keep, covers: Vec::new(), chapters: made.chapters };
            store.save_edit(recording.into(), &edit, now_unix_ms())?;
        }
        self.uploads.withdraw_edited(&self.cx, of)?;
        self.uploads.recording_begins(&self.cx, recording);
        let segments = made.segments.into_iter().map(|segment| {
            let from = there.segment(segment.index);
            Write::Segment(recording, segment, Some(from))
        });
        let started = Write::Started { recording, width, height };
        let close = Write::Close(recording, FrameCounts::default(), None);
        self.library.queue([started].into_iter().chain(segments).chain([close]).collect());
        Ok(())
    }

    fn cut_row(&mut self, recording: RecordingId) -> Result<CutRow, AppError> {
        self.snapshot(NONE_SINCE)?;
        let view = self.library.recording_view(recording);
        let view = view.ok_or(StoreError::NoSuchRecording(recording))?;
        let publish = self.publish_row(recording)?;
        CutRow::read(&self.cx.store, view, self.jobs.views(self.cx.now_ms()), publish)
    }

    /// Returns what is known of a recording's versions and its upload.
    fn publish_row(&self, recording: RecordingId) -> Result<PublishRow, AppError> {
        let row = PublishRow::read(&self.cx.store, recording)?;
        Ok(PublishRow {
            part_bytes_max: row.part_bytes_max.min(self.uploads.part_bytes_max(recording)),
            status: self.uploads.status(&self.cx, recording),
            shows_versions: self.uploads.shows_versions(recording),
            is_offline: self.uploads.is_offline(recording),
            has_server: self.uploads.account().is_some(),
            ..row
        })
    }
}
