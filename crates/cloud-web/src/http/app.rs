//! The state that all handlers share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::site::Exports;
use crate::outlets::{Mailer, RequestMetrics};
use crate::pages::page_path;
use snaplark_cloud::accounts::Accounts;
use snaplark_cloud::jobs::Jobs;
use snaplark_cloud::shares::Shares;
use snaplark_cloud::signing::Signing;
use snaplark_cloud::uploads::{UploadError, Uploads};
use snaplark_cloud::watching::WatchCounter;
use snaplark_cloud_data::db::{Upload, VideoId};

pub(crate) type App = Arc<AppState>;

/// The state that all handlers share.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) accounts: Accounts,
    pub(crate) shares: Shares,
    pub(crate) watch_counter: Arc<WatchCounter>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) signing: Signing,
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
    pub(crate) request_metrics: Arc<dyn RequestMetrics>,
    /// The address has no slash at its end.
    pub(crate) public_url: String,
    /// The operator has set the server's name, or the server is only for this computer. It then
    /// answers to no other name.
    pub(crate) is_named: bool,
    pub(crate) behind_proxy: bool,
    /// False in the embedded server of this computer, which has one user and no passwords.
    pub(crate) has_sign_in: bool,
    /// Redirects downloads of single objects to the bucket.
    pub(crate) redirects_downloads: bool,
    /// How long caches may show a version of an open link without asking whether it is still there.
    pub(crate) cache_max: Duration,
    /// The pages are only reachable on this computer, and say so.
    pub(crate) is_this_computer: bool,
    pub(crate) sweep: Arc<Notify>,
    /// A permit for each request that waits for a stream's first piece.
    pub(crate) held_playlists: Arc<Semaphore>,
    /// How far the exports of accounts are.
    pub(crate) exports: Arc<Exports>,
}

impl AppState {
    /// Takes over a file that may have been uploaded to the bucket without a completion request.
    pub(crate) async fn arrived(&self, upload: &Upload) -> Result<Option<Upload>, UploadError> {
        let arrived = self.uploads.adopt_announced(upload).await?;
        self.jobs.look_soon();
        Ok(arrived)
    }

    /// Returns the link of an upload.
    pub(crate) fn page_url(&self, upload: &Upload) -> String {
        format!("{}{}", self.public_url, page_path(upload))
    }

    /// Deletes what a new version of a video has replaced, while its answer is sent.
    pub(crate) fn sweep_link(self: &Arc<Self>, video: VideoId) {
        let app = Arc::clone(self);
        tokio::spawn(async move {
            if !app.uploads.sweep_link(video).await {
                // It tries again until it has succeeded.
                app.sweep_soon();
            }
        });
    }

    /// Makes the sweeper run now, because something was removed.
    pub(crate) fn sweep_soon(&self) {
        self.sweep.notify_one();
    }
}
