//! How far the exports of this node are, so that the account page can say it. It is kept in memory alone: after a
//! restart, or on another node, the page says nothing, and the browser's own list of downloads still does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::words::PageWords;
use snaplark_cloud_data::db::UserId;

/// The last exports that are remembered. The oldest that ended make room for others.
const KEPT_MAX: usize = 1_000;

/// The last export of each user.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    last: Mutex<HashMap<UserId, Arc<ExportProgress>>>,
}

/// How far one export is.
#[derive(Debug)]
pub(crate) struct ExportProgress {
    files: u64,
    size_bytes: u64,
    /// The file that is sent now, counted from one.
    file: AtomicU64,
    sent_bytes: AtomicU64,
    has_ended: AtomicBool,
}

/// An export that is being sent. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct RunningExport(Arc<ExportProgress>);

impl Exports {
    /// Begins an export, in place of the last one of this user.
    pub(super) fn begin(&self, user: UserId, files: u64, size_bytes: u64) -> RunningExport {
        let progress = Arc::new(ExportProgress {
            files,
            size_bytes,
            file: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
        });
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= KEPT_MAX {
            last.retain(|_, progress| !progress.has_ended.load(Ordering::Relaxed));
        }
        last.insert(user, Arc::clone(&progress));
        RunningExport(progress)
    }

    /// Forgets the user's last export.
    pub(super) fn forget(&self, user: UserId) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    }

    /// Returns how far the user's last export is, if there was one.
    pub(super) fn of(&self, user: UserId) -> Option<Arc<ExportProgress>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(&user).map(Arc::clone)
    }
}

impl RunningExport {
    pub(super) fn begin_file(&self) {
        self.0.file.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn send(&self, bytes: u64) {
        self.0.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for RunningExport {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Relaxed);
    }
}

/// The progress that the page's script reads.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub(super) enum ExportAnswer {
    None,
    #[serde(rename_all = "camelCase")]
    Running {
        file: u64,
        files: u64,
        /// As it is written in the page's language.
        done: String,
        size: String,
        share: f64,
    },
    Done,
    Failed,
}

impl ExportAnswer {
    pub(super) fn new(words: PageWords, progress: Option<Arc<ExportProgress>>) -> Self {
        let Some(progress) = progress else { return ExportAnswer::None };
        let ExportProgress { files, size_bytes, .. } = *progress;
        let sent_bytes = progress.sent_bytes.load(Ordering::Relaxed);
        match progress.has_ended.load(Ordering::Relaxed) {
            _ if sent_bytes >= size_bytes => ExportAnswer::Done,
            true => ExportAnswer::Failed,
            false => ExportAnswer::Running {
                file: progress.file.load(Ordering::Relaxed).min(files),
                files,
                done: words.size(sent_bytes),
                size: words.size(size_bytes),
                share: sent_bytes as f64 / size_bytes.max(1) as f64,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn export_says_how_far_it_is_and_how_it_ended() {
        let (exports, user) = (Exports::default(), UserId(uuid::Uuid::from_u128(7)));
        let said = || {
            let answer = ExportAnswer::new(PageWords::default(), exports.of(user));
            serde_json::to_value(answer).unwrap()
        };
        assert_eq!(said()["state"], "none");
        let running = exports.begin(user, 3, 2_000_000);
        running.begin_file();
        running.send(500_000);
        let now = said();
        assert_eq!(
            (&now["state"], &now["file"], &now["files"]),
            (&"running".into(), &1.into(), &3.into())
        );
        assert_eq!((&now["done"], &now["size"]), (&"500 kB".into(), &"2.0 MB".into()));
        assert_eq!(now["share"], 0.25);
        drop(running);
        assert_eq!(said()["state"], "failed", "it broke off");
        let running = exports.begin(user, 1, 10);
        running.send(10);
        assert_eq!(said()["state"], "done");
    }
}
