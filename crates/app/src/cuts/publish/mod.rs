//! Publishing an edited recording behind its link.
//!
//! ```text
//! rows ─► render what is at cuts and below covers (a job) ─► list of pieces ─► row of the version ─► upload
//! ```
//!
//! - A version is of the edit as it was saved when publishing began. What is saved meanwhile is published next time.
//! - A recording is published once at a time, in the order in which that was asked for. If its upload or its versions
//!   have changed while it was rendered, it is planned anew; if it was deleted, nothing is published.
//! - `state` decides what there is to do, `version` what the version consists of, and `commit` whether that still
//!   holds. Here is the order in which they are asked.
//! - A server that can't show another video behind the same link gets the edit as a recording of its own, with a link
//!   of its own. That is another function, which the person asks for by itself ([`Cuts::copy`]).

mod commit;
mod state;
mod version;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use snaplark_core::RecordingId;
use snaplark_core::render::RenderProgress;
use snaplark_store::{NewEditedVersion, rendering_folder};
use tokio::sync::OwnedMutexGuard;

use super::policy::{PLANS_MAX, SERVER_KNOWN_MAX};
use super::view::PublishView;
use super::{Cuts, CutsCommand, blocking};
use crate::view::JobKind;
use crate::{AppError, ErrorCode, JobSpec};

pub(crate) use commit::{PublishBasis, ReadyCut, add_version, wanted};
use state::EditToPublish;
pub(crate) use state::PublishRow;
use version::rendered_version;

/// How an attempt to publish ended.
enum PublishAttempt {
    Published,
    Cancelled,
    /// The upload or the versions have changed since the plan was made.
    Outdated,
}

/// Lets each recording be published once at a time, first come, first served: in the end the link shows what was
/// published last.
#[derive(Default)]
pub(crate) struct PublishTurns(Mutex<HashMap<RecordingId, Weak<tokio::sync::Mutex<()>>>>);

impl PublishTurns {
    pub(super) async fn wait(&self, recording: RecordingId) -> OwnedMutexGuard<()> {
        self.turn(recording).lock_owned().await
    }

    fn turn(&self, recording: RecordingId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let known = turns.get(&recording).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turn = Arc::default();
            turns.insert(recording, Arc::downgrade(&turn));
            turn
        })
    }
}

impl Cuts {
    /// Publishes the recording as it is edited now, behind the same link. Returns when the version is durable; it is
    /// uploaded then, and without a connection later. Fails with [`ErrorCode::NewLinkOnly`] if the server is known to
    /// be unable to; [`Cuts::copy`] gives the edit a link of its own. Returns false if it was cancelled.
    pub async fn publish(&self, recording: RecordingId) -> Result<bool, AppError> {
        let _turn = self.app.publishing.wait(recording).await;
        for _ in 0..PLANS_MAX {
            match self.try_publish(recording).await? {
                PublishAttempt::Published => return Ok(true),
                PublishAttempt::Cancelled => return Ok(false),
                PublishAttempt::Outdated => {}
            }
        }
        let text = "what the link shows changed meanwhile, again and again";
        Err(AppError::told(ErrorCode::EditChanged, text))
    }

    async fn try_publish(&self, recording: RecordingId) -> Result<PublishAttempt, AppError> {
        // An edit that this version can't open is not left out silently.
        let edited = self.edited(recording).await?;
        let row = self.row_with_server(recording).await?;
        let (number_min, keeps) = match row.to_publish() {
            EditToPublish::Nothing => return Ok(PublishAttempt::Published),
            // A recording as it is goes to any server.
            EditToPublish::Again if row.version.is_none() || row.shows_versions != Some(false) => {
                self.ask(|reply| CutsCommand::PublishAgain { recording, reply }).await?;
                return Ok(PublishAttempt::Published);
            }
            EditToPublish::Again | EditToPublish::NextVersion { .. }
                if row.shows_versions == Some(false) =>
            {
                let text = "this server gives an edited recording a new link";
                return Err(AppError::told(ErrorCode::NewLinkOnly, text));
            }
            EditToPublish::Again => return Ok(PublishAttempt::Published),
            EditToPublish::NextVersion { number_min, keeps } => (number_min, keeps),
        };
        let basis = self.ask(|reply| CutsCommand::Basis { recording, reply }).await?;
        let (render, home) = (self.app.render.clone(), self.app.home.root.clone());
        let work = move |progress: &RenderProgress| {
            let edit = row.edit_or_whole();
            let served = basis.served.as_ref().filter(|_| keeps);
            let folder = rendering_folder(&home, recording);
            let made = rendered_version(
                edited.source(),
                &edit,
                served,
                row.part_bytes_max,
                &*render,
                &folder,
                progress,
            );
            let made = made.and_then(|version| {
                row.check(&version)?;
                let served = basis.served.clone().filter(|_| basis.is_last_upload);
                Ok(NewEditedVersion { edit, version, served, number_min })
            });
            if made.is_err() {
                remove(&folder);
            }
            made.map(|new| Box::new(ReadyCut { new, folder, basis }))
        };
        let (kind, item) = (JobKind::Publish, Some(recording.into()));
        let job = JobSpec { kind, item, target: None, part: None };
        let made = self.app.run_job(job, work).await.and_then(std::convert::identity);
        let Some(ready) = super::unless_cancelled(made)? else {
            return Ok(PublishAttempt::Cancelled);
        };
        let folder = ready.folder.clone();
        let is_added = self.ask(|reply| CutsCommand::Publish { recording, ready, reply }).await;
        match is_added {
            Ok(true) => Ok(PublishAttempt::Published),
            refused => {
                blocking(move || {
                    remove(&folder);
                    Ok(())
                })
                .await?;
                refused.map(|_| PublishAttempt::Outdated)
            }
        }
    }

    /// Publishes a version again that has stopped because a proxy refuses its parts, if they can be smaller. What was
    /// edited since stays unpublished.
    pub(crate) async fn publish_smaller(&self, recording: RecordingId) -> Result<(), AppError> {
        let row = self.ask(|reply| CutsCommand::Versions { recording, reply }).await?;
        if row.can_be_smaller() && row.view().is_current {
            self.publish(recording).await?;
        }
        Ok(())
    }

    /// Returns what is known of the versions, as soon as it is known what the server supports or that it can't be
    /// reached.
    async fn row_with_server(&self, recording: RecordingId) -> Result<PublishRow, AppError> {
        let mut changes = self.app.changes();
        let until = tokio::time::Instant::now() + SERVER_KNOWN_MAX;
        loop {
            let row = self.ask(|reply| CutsCommand::Versions { recording, reply }).await?;
            if row.shows_versions.is_some() || row.is_offline {
                return Ok(row);
            }
            if tokio::time::timeout_at(until, changes.changed()).await.is_err() {
                return Ok(row);
            }
        }
    }

    /// Returns where the edit is on its way to the link.
    pub async fn published(&self, recording: RecordingId) -> Result<PublishView, AppError> {
        Ok(self.ask(|reply| CutsCommand::Versions { recording, reply }).await?.view())
    }
}

/// Removes a folder of rendered pieces. What can't be removed now is removed at the next start.
pub(crate) fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::debug!(%error, "What was rendered of an edit could not be removed");
    }
}
