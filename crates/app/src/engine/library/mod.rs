//! The library: the list of recordings as people see it, and the journal of writes to the store.
//!
//! It keeps what is not in rows about recordings that ended: their toasts, the problems of their files, and
//! the links that were put on the clipboard. It deletes what is to be deleted, and rebuilds the store when
//! its database breaks.

mod deleting;
mod housekeeping;
mod journal;
mod names;

use std::collections::{HashMap, HashSet};

use snaplark_core::{ItemId, RecordingId};
use snaplark_store::StoreError;
use tracing::{error, warn};

use super::context::Context;
use super::session::{SessionState, ToastChange};
use super::uploads::UploadsState;
use crate::finish::Webm;
use crate::pictures::toasts::PictureToasts;
use crate::pictures::view::PictureSaid;
use crate::shelf::Shelf;
use crate::view::{DeletedView, FileProblem, JobView, RecordingView, Snapshot};
use crate::views::{self, SnapshotInputs, Toasts};
use crate::{LocalNetwork, Notice};

use journal::Journal;
pub(super) use journal::{StrikeWrite, Write, Wrote};

/// How often a broken database is rebuilt in one run.
const REBUILDS_MAX: u32 = 3;

/// The list of recordings as people see it, and the journal of writes to the store.
pub(super) struct Library {
    journal: Journal,
    shelf: Shelf,
    toasts: Toasts,
    picture_toasts: PictureToasts,
    file_problems: HashMap<RecordingId, FileProblem>,
    /// Recordings that ended in this run, with the link that was put on the clipboard for each.
    ended_here: HashMap<RecordingId, Option<String>>,
    /// Ended recordings whose rows can't be written and for which that was already reported.
    unlisted: HashSet<RecordingId>,
    local_network: LocalNetwork,
    /// The deletion that can be undone now, as the snapshot shows it.
    deleted: Option<DeletedView>,
    delete_again_ms: u64,
    clear_again_ms: u64,
    /// Limits rebuilds, so that a disk that breaks each new database doesn't cause an endless loop.
    rebuilds_left: u32,
}

impl Library {
    pub(crate) fn new() -> Self {
        Library {
            journal: Journal::default(),
            shelf: Shelf::default(),
            toasts: Toasts::default(),
            picture_toasts: PictureToasts::default(),
            file_problems: HashMap::new(),
            ended_here: HashMap::new(),
            unlisted: HashSet::new(),
            local_network: LocalNetwork::default(),
            deleted: None,
            delete_again_ms: 0,
            clear_again_ms: 0,
            rebuilds_left: REBUILDS_MAX,
        }
    }

    /// Returns when the library has to act next, by the engine's clock.
    pub(crate) fn next_wake_ms(&self) -> Option<u64> {
        let journal_ms = self.journal.again_ms();
        [self.clear_again_ms, self.delete_again_ms].into_iter().chain(journal_ms).min()
    }

    /// Frees disk space and deletes what is overdue.
    pub(crate) fn woke(&mut self, cx: &Context) {
        self.clear_confirmed(cx);
        self.delete_overdue(cx);
    }

    /// Shows the progress of a recording's upload in a toast.
    pub(crate) fn show(&mut self, recording: RecordingId) {
        self.toasts.remember(recording);
    }

    /// Shows the progress of a picture's upload in a toast.
    pub(crate) fn show_picture(&mut self, item: ItemId) {
        self.picture_toasts.remember(item);
    }

    /// Shows what was done with a picture.
    pub(crate) fn say(&mut self, item: ItemId, said: PictureSaid) {
        self.picture_toasts.say(item, said);
    }

    /// Notes that a picture is published: its upload is shown, and its link is copied once it is known.
    pub(crate) fn picture_published(&mut self, item: ItemId) {
        self.ended_here.insert(item.into(), None);
        self.picture_toasts.follow(item);
    }

    /// Returns the view of a recording that the last snapshot had.
    pub(crate) fn recording_view(&self, recording: RecordingId) -> Option<RecordingView> {
        self.shelf.view(&recording.to_string()).cloned()
    }

    /// Returns a link as it is handed out.
    pub(crate) fn handed_out(&self, link: &str) -> String {
        self.local_network.handed_out(link)
    }

    pub(crate) fn change_toast(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        change: ToastChange,
    ) {
        match change {
            ToastChange::Remember => self.toasts.remember(recording),
            ToastChange::Forget => self.toasts.forget(recording),
            ToastChange::Failed(detail) => {
                let (title, _) = self.saved(cx, recording);
                self.toasts.fail(recording, title, detail);
            }
            ToastChange::Lost(detail) => self.toasts.fail(recording, String::new(), detail),
            ToastChange::WarningBegan(warning) => {
                let (title, _) = self.saved(cx, recording);
                self.toasts.warn(recording, title, warning);
            }
            ToastChange::WarningEnded(warning) => self.toasts.take_back_warning(recording, warning),
            ToastChange::WarningsOver => {
                let (title, _) = self.saved(cx, recording);
                self.toasts.end_warnings(recording, &title);
            }
        }
    }

    pub(crate) fn dismiss_toast(&mut self, toast_id: &str) {
        self.toasts.dismiss(toast_id, &self.shelf);
        self.picture_toasts.dismiss(toast_id, &self.shelf.pictures);
    }

    pub(crate) fn dismiss_rebuilt(&self, cx: &Context) {
        if let Err(error) = cx.store.dismiss_rebuilt() {
            warn!(%error, "It could not be noted that a notice was read");
        }
    }

    pub(crate) fn note_link_copied(&mut self, recording: RecordingId) {
        self.toasts.note_link_copied(recording);
        self.picture_toasts.note_link_copied(recording);
    }

    pub(crate) fn note_bar_hidden(&mut self, keys: String) {
        self.toasts.note_bar_hidden(keys);
    }

    /// Notes that a recording of this run is closed in its rows.
    pub(crate) fn recording_ended(&mut self, recording: RecordingId) {
        self.ended_here.insert(recording, None);
        self.toasts.remember(recording);
    }

    pub(crate) fn ended_here(&self, recording: RecordingId) -> bool {
        self.ended_here.contains_key(&recording)
    }

    /// Copies a link, once, and only of a recording that ended in this run: the clipboard must not be
    /// overwritten at any other time.
    pub(crate) fn copy_link(&mut self, cx: &Context, recording: RecordingId, link: &str) {
        let Some(told) = self.ended_here.get_mut(&recording) else { return };
        let link = self.local_network.handed_out(link);
        if told.as_ref() != Some(&link) {
            *told = Some(link.clone());
            (cx.notices)(Notice::CopyLink { recording, link });
        }
    }

    /// Sets the network from which links are made.
    pub(crate) fn set_local_network(&mut self, network: LocalNetwork) {
        self.local_network = network;
        self.shelf.mark_all();
    }

    /// Notes why a recording has no file. Not stored, since each start finds out anew.
    pub(crate) fn note_file_problem(&mut self, recording: RecordingId, problem: FileProblem) {
        self.file_problems.insert(recording, problem);
        self.shelf.mark(recording);
    }

    pub(crate) fn forget_file_problem(&mut self, recording: RecordingId) {
        self.file_problems.remove(&recording);
    }

    /// Reports, once, that an ended recording is on the disk but not in the list.
    pub(crate) fn note_unlisted(&mut self, cx: &Context, recording: RecordingId, detail: String) {
        if self.unlisted.insert(recording) {
            let (title, segments) = self.saved(cx, recording);
            warn!(%recording, segments, "A recording that has ended is not in the list");
            self.toasts.fail(recording, title, detail);
        }
    }

    /// Takes the report back, because the recording is in the list after all.
    pub(crate) fn note_listed(&mut self, recording: RecordingId) {
        if self.unlisted.remove(&recording) {
            self.toasts.take_back_failure(recording);
        }
    }

    /// Makes the snapshot that windows show, with the recordings that changed since version `since`.
    pub(crate) fn snapshot(
        &mut self,
        cx: &Context,
        session: SessionState<'_>,
        uploads: UploadsState<'_>,
        jobs: Vec<JobView>,
        since: u64,
    ) -> Result<Snapshot, StoreError> {
        let inputs = SnapshotInputs {
            home: &cx.home,
            session,
            uploads,
            jobs,
            toasts: &self.toasts,
            picture_toasts: &self.picture_toasts,
            file_problems: &self.file_problems,
            deleted: self.deleted.clone(),
            rebuilt: cx.store.rebuilt()?.filter(|rebuilt| !rebuilt.is_dismissed),
            local_network: &self.local_network,
            notifications: cx.settings.desktop.notifications,
            change: *cx.broadcasts.changed.borrow(),
            now_ms: cx.now_ms(),
        };
        views::of_program(&cx.store, &mut self.shelf, &inputs, since)
    }

    /// Returns whether a broken database may be rebuilt. Not while its disk is away, since there would be
    /// nothing to rebuild it from.
    pub(crate) fn may_rebuild(&self, cx: &Context, error: &StoreError) -> bool {
        error.is_broken() && self.rebuilds_left > 0 && !cx.store.is_away()
    }

    /// Sets the broken database aside and rebuilds it from the folders. Pending writes go into the new
    /// database, except steps of the upload machine, which is rebuilt too. `running` is the recording that
    /// runs, with the number of its segments that had rows.
    pub(crate) fn rebuild(
        &mut self,
        cx: &mut Context,
        running: Option<(RecordingId, usize)>,
    ) -> Result<(), StoreError> {
        self.rebuilds_left -= 1;
        let rebuilt = cx.store.rebuild(&Webm, running)?;
        error!(
            recordings = rebuilt.recordings,
            "The list of recordings was damaged and is rebuilt"
        );
        self.journal.forget_steps();
        self.shelf = Shelf::after(self.shelf.version());
        Ok(())
    }
}
