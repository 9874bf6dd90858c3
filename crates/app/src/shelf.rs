//! A cache of the views of all recordings and of the videos that were brought in, so that a snapshot costs what has changed since the last one and
//! not the number of recordings. While a recording runs, the views of thousands are asked for many times a
//! second.
//!
//! Rows are read again when the store reports that it wrote them. Views are made again when their rows were
//! read, and when an upload or the recorder may have changed them without writing a row.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_core::RecordingId;
use snaplark_store::{IssueRow, Recording, Store, StoreError};

use crate::pictures::PictureShelf;
use crate::pictures::rows::PictureRow;
use crate::pictures::view::PictureSummary;
use crate::view::{RecordingState, RecordingView};

#[derive(Default)]
pub(crate) struct Shelf {
    kept: BTreeMap<RecordingId, CachedView>,
    gone: Vec<(RecordingId, u64)>,
    /// Grows with each refresh that found a difference.
    version: u64,
    is_filled: bool,
    /// Views to make again although no row has changed.
    marked: BTreeSet<RecordingId>,
    /// The pictures, with the same versions.
    pub(crate) pictures: PictureShelf,
}

struct CachedView {
    row: Recording,
    issues: Vec<IssueRow>,
    view: RecordingView,
    /// The version in which the view last changed.
    version: u64,
}

impl Shelf {
    /// Returns an empty cache in place of one at `version`. All rows are read again.
    pub(crate) fn after(version: u64) -> Self {
        Shelf { version, ..Shelf::default() }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Marks a view as changed without a changed row.
    pub(crate) fn mark(&mut self, recording: RecordingId) {
        self.marked.insert(recording);
    }

    /// Marks all views as changed, because links are made anew for another network.
    pub(crate) fn mark_all(&mut self) {
        self.marked.extend(self.kept.keys().copied());
        self.marked.extend(self.pictures.ids());
    }

    pub(crate) fn refresh(
        &mut self,
        store: &Store,
        view_of: impl Fn(&Recording, &[IssueRow]) -> RecordingView,
        picture_of: impl Fn(&PictureRow) -> PictureSummary,
    ) -> Result<(), StoreError> {
        let next = self.version + 1;
        let mut changed = false;
        let touched = store.take_touched();
        if self.is_filled {
            for recording in &touched {
                changed |= self.read_again(store, *recording, next, &view_of)?;
            }
        } else {
            let mut issues = store.issues()?;
            for row in store.recordings()?.into_iter().chain(store.imports()?) {
                let issues = issues.remove(&row.id).unwrap_or_default();
                let view = view_of(&row, &issues);
                self.kept.insert(row.id, CachedView { row, issues, view, version: next });
            }
            self.pictures.fill(store, next, &picture_of)?;
            self.is_filled = true;
            changed = true;
        }
        let marked = std::mem::take(&mut self.marked);
        changed |= self.pictures.refresh(store, &touched, &marked, next, &picture_of)?;
        let moving = self.kept.iter_mut().filter(|(id, kept)| kept.moves() || marked.contains(id));
        for (_, kept) in moving {
            let view = view_of(&kept.row, &kept.issues);
            if view != kept.view {
                (kept.view, kept.version, changed) = (view, next, true);
            }
        }
        self.version += u64::from(changed);
        Ok(())
    }

    /// Reads a recording's rows again. Returns whether its view is different.
    fn read_again(
        &mut self,
        store: &Store,
        recording: RecordingId,
        next: u64,
        view_of: &impl Fn(&Recording, &[IssueRow]) -> RecordingView,
    ) -> Result<bool, StoreError> {
        let Some(row) = store.shown(recording)? else {
            let was_there = self.kept.remove(&recording).is_some();
            if was_there {
                self.gone.push((recording, next));
            }
            return Ok(was_there);
        };
        let issues = store.issues_of(recording)?;
        let view = view_of(&row, &issues);
        let same = self.kept.get(&recording).filter(|kept| kept.view == view);
        let version = same.map_or(next, |kept| kept.version);
        self.gone.retain(|(gone, _)| *gone != recording);
        self.kept.insert(recording, CachedView { row, issues, view, version });
        Ok(version == next)
    }

    pub(crate) fn view(&self, id: &str) -> Option<&RecordingView> {
        self.kept.get(&id.parse().ok()?).map(|kept| &kept.view)
    }

    /// Returns the views that changed since `version`, newest first.
    pub(crate) fn changed_since(&self, version: u64) -> Vec<RecordingView> {
        let changed = self.kept.values().rev().filter(|kept| kept.version > version);
        changed.map(|kept| kept.view.clone()).collect()
    }

    pub(crate) fn gone_since(&self, version: u64) -> Vec<String> {
        let gone = self.gone.iter().filter(|(_, at)| version > 0 && *at > version);
        let gone = gone.map(|(recording, _)| recording.to_string());
        gone.chain(self.pictures.gone_since(version)).collect()
    }
}

impl CachedView {
    /// Returns whether the view may change without its row. Views of finished and local recordings don't.
    fn moves(&self) -> bool {
        let rests =
            |state: &RecordingState| matches!(state, RecordingState::Done | RecordingState::Local);
        !rests(&self.view.state) || self.view.uploads.iter().any(|upload| !rests(&upload.state))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use snaplark_core::capture::FrameCounts;
    use snaplark_store::NewRecording;

    use super::*;

    const COUNT: u64 = 100;

    fn id(n: u64) -> RecordingId {
        RecordingId(uuid::Uuid::from_u64_pair(n + 1, 0))
    }

    struct Rig {
        store: Store,
        shelf: Shelf,
        made: Cell<usize>,
        _home: tempfile::TempDir,
    }

    impl Rig {
        /// Makes a store with `count` recordings that have ended.
        fn new(count: u64) -> Self {
            let home = tempfile::tempdir().unwrap();
            let store = Store::open(home.path()).unwrap();
            let rig = Rig { store, shelf: Shelf::default(), made: Cell::new(0), _home: home };
            (0..count).for_each(|n| rig.record(n));
            rig
        }

        fn record(&self, n: u64) {
            let new = NewRecording {
                id: id(n),
                title: format!("Recording {n}"),
                started_text: String::new(),
                started_unix_ms: n as i64,
                fps: 30,
                bitrate_bits: 0,
            };
            self.store.begin(&new).unwrap();
            self.store.close(id(n), FrameCounts::default(), None).unwrap();
        }

        /// Returns the titles of what has changed since `version`, and the ids that are gone.
        fn since(&mut self, version: u64) -> (Vec<String>, Vec<String>) {
            self.made.set(0);
            let made = &self.made;
            let view_of = |row: &Recording, _: &[IssueRow]| {
                made.set(made.get() + 1);
                crate::views::of_recording(row.clone(), Vec::new(), None, false, None)
            };
            let picture_of = |row: &PictureRow| PictureSummary::of(row.clone(), None);
            self.shelf.refresh(&self.store, view_of, picture_of).unwrap();
            let titles = self.shelf.changed_since(version).into_iter().map(|view| view.title);
            (titles.collect(), self.shelf.gone_since(version))
        }
    }

    #[test]
    fn a_question_costs_what_has_changed() {
        let mut rig = Rig::new(COUNT);
        assert_eq!(rig.since(0).0.len() as u64, COUNT);
        let before = rig.shelf.version();
        assert_eq!(rig.since(before), (vec![], vec![]));
        assert_eq!((rig.made.get(), rig.shelf.version()), (0, before));

        rig.store.rename(id(7), "Other").unwrap();
        rig.store.delete(id(9)).unwrap();
        rig.record(COUNT);
        let (titles, gone) = rig.since(before);
        assert_eq!(titles, [format!("Recording {COUNT}"), "Other".to_owned()], "newest first");
        assert_eq!(gone, [id(9).to_string()]);
        assert_eq!(rig.made.get(), 2, "nothing else was looked at");
        assert_eq!(rig.since(0).0.len() as u64, COUNT);
    }

    #[test]
    fn what_is_back_is_told_as_new() {
        let mut rig = Rig::new(3);
        rig.since(0);
        let first = rig.shelf.version();
        rig.store.set_deleted(&[id(1)], 1).unwrap();
        assert_eq!(rig.since(first), (vec![], vec![id(1).to_string()]));
        let second = rig.shelf.version();
        rig.store.restore_deleted().unwrap();
        assert_eq!(rig.since(second), (vec!["Recording 1".to_owned()], vec![]));
        assert_eq!(rig.since(first).1, Vec::<String>::new());
        assert_eq!(rig.since(0).0, ["Recording 2", "Recording 1", "Recording 0"]);
    }
}
