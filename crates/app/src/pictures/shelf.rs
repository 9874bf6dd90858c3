//! A cache of the views of all pictures, beside that of the recordings (`shelf`), and with its versions.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_core::{ItemId, RecordingId};
use snaplark_store::{Store, StoreError};

use super::rows::{self, PictureRow};
use super::view::PictureSummary;
use crate::view::RecordingState;

#[derive(Default)]
pub(crate) struct PictureShelf {
    kept: BTreeMap<RecordingId, CachedPicture>,
    gone: Vec<(RecordingId, u64)>,
}

struct CachedPicture {
    row: PictureRow,
    view: PictureSummary,
    /// The version in which the view last changed.
    version: u64,
}

impl PictureShelf {
    /// Reads all pictures.
    pub(crate) fn fill(
        &mut self,
        store: &Store,
        next: u64,
        view_of: &impl Fn(&PictureRow) -> PictureSummary,
    ) -> Result<(), StoreError> {
        for item in rows::all(store)? {
            self.read_again(store, item, next, view_of)?;
        }
        Ok(())
    }

    /// Reads the pictures again whose rows were written, and makes the views again that may have changed
    /// without one. Returns whether a view is different.
    pub(crate) fn refresh(
        &mut self,
        store: &Store,
        touched: &BTreeSet<RecordingId>,
        marked: &BTreeSet<RecordingId>,
        next: u64,
        view_of: &impl Fn(&PictureRow) -> PictureSummary,
    ) -> Result<bool, StoreError> {
        let mut changed = false;
        for recording in touched {
            changed |= self.read_again(store, ItemId::from(*recording), next, view_of)?;
        }
        let moving = self.kept.iter_mut().filter(|(id, kept)| kept.moves() || marked.contains(id));
        for (_, kept) in moving {
            let view = view_of(&kept.row);
            if view != kept.view {
                (kept.view, kept.version, changed) = (view, next, true);
            }
        }
        Ok(changed)
    }

    fn read_again(
        &mut self,
        store: &Store,
        item: ItemId,
        next: u64,
        view_of: &impl Fn(&PictureRow) -> PictureSummary,
    ) -> Result<bool, StoreError> {
        let recording = RecordingId::from(item);
        let Some(row) = PictureRow::read(store, item)? else {
            let was_there = self.kept.remove(&recording).is_some();
            if was_there {
                self.gone.push((recording, next));
            }
            return Ok(was_there);
        };
        let view = view_of(&row);
        let same = self.kept.get(&recording).filter(|kept| kept.view == view);
        let version = same.map_or(next, |kept| kept.version);
        self.gone.retain(|(gone, _)| *gone != recording);
        self.kept.insert(recording, CachedPicture { row, view, version });
        Ok(version == next)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = RecordingId> + '_ {
        self.kept.keys().copied()
    }

    pub(crate) fn view(&self, id: &str) -> Option<&PictureSummary> {
        self.kept.get(&id.parse().ok()?).map(|kept| &kept.view)
    }

    /// Returns the views that changed since `version`, newest first.
    pub(crate) fn changed_since(&self, version: u64) -> Vec<PictureSummary> {
        let changed = self.kept.values().rev().filter(|kept| kept.version > version);
        changed.map(|kept| kept.view.clone()).collect()
    }

    pub(crate) fn gone_since(&self, version: u64) -> impl Iterator<Item = String> + '_ {
        let gone = self.gone.iter().filter(move |(_, at)| version > 0 && *at > version);
        gone.map(|(recording, _)| recording.to_string())
    }
}

impl CachedPicture {
    /// Returns whether the view may change without its row.
    fn moves(&self) -> bool {
        let rests =
            |state: &RecordingState| matches!(state, RecordingState::Done | RecordingState::Local);
        !rests(&self.view.state) || self.view.uploads.iter().any(|upload| !rests(&upload.state))
    }
}
