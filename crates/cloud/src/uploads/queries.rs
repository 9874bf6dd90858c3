//! The questions about uploads that need no decision: they read rows.

use std::collections::HashMap;
use std::sync::Arc;

use snaplark_cloud_data::db::{
    JobStatus, Product, ProductName, SessionId, StoredPart, Totals, Upload, UserId, VideoId,
};

use super::{UploadError, Uploads};
use crate::accounts::{AccountError, Accounts};
use crate::products::{Mp4Height, ProductKind, StreamFacts};
use crate::shares::Shares;
use crate::signing::Signing;
use crate::watching::WatchCounter;

/// The reason why the server can't answer requests now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// The part that does not answer.
    pub what: &'static str,
    /// Its error.
    pub error: String,
}

impl Uploads {
    /// Returns the upload, whoever owns it and whether it still exists or not.
    pub async fn by_session(&self, session: SessionId) -> Result<Option<Upload>, UploadError> {
        Ok(self.db.upload(session).await?)
    }

    /// Returns the user's latest upload with this file name.
    pub async fn by_name(
        &self,
        user: UserId,
        filename: &str,
    ) -> Result<Option<Upload>, UploadError> {
        Ok(self.db.upload_by_name(user, filename).await?)
    }

    /// Returns the user's uploads behind these links.
    pub async fn of_videos(
        &self,
        user: UserId,
        videos: &[VideoId],
    ) -> Result<Vec<Upload>, UploadError> {
        Ok(self.db.uploads_of_videos(user, videos).await?)
    }

    /// Returns the number of the user's uploads.
    pub async fn count_of(&self, user: UserId) -> Result<i64, UploadError> {
        Ok(self.db.uploads_count(user).await?)
    }

    /// Returns one part.
    pub async fn part(
        &self,
        upload: &Upload,
        index: u32,
    ) -> Result<Option<StoredPart>, UploadError> {
        Ok(self.db.part(upload.session_id, index).await?)
    }

    /// Returns the parts in the order of their indices.
    pub async fn parts(&self, upload: &Upload) -> Result<Vec<StoredPart>, UploadError> {
        self.parts_after(upload, 0).await
    }

    /// Returns the parts from the index `first` on.
    pub async fn parts_after(
        &self,
        upload: &Upload,
        first: u32,
    ) -> Result<Vec<StoredPart>, UploadError> {
        Ok(self.db.parts_from(upload.session_id, first).await?)
    }

    /// Returns the indices of the parts that are here, in order.
    pub async fn part_indices(&self, upload: &Upload) -> Result<Vec<u32>, UploadError> {
        Ok(self.db.part_indices(upload.session_id).await?)
    }

    /// Returns the indices of the parts of several uploads.
    pub async fn part_indices_of(
        &self,
        sessions: &[SessionId],
    ) -> Result<HashMap<SessionId, Vec<u32>>, UploadError> {
        Ok(self.db.part_indices_of(sessions).await?)
    }

    /// Returns how many parts are here.
    pub async fn parts_received(&self, upload: &Upload) -> Result<u32, UploadError> {
        Ok(self.db.parts_received(upload.session_id).await?)
    }

    /// Returns a product of a video, if it was made or added.
    pub async fn product(
        &self,
        session: SessionId,
        kind: &ProductKind,
    ) -> Result<Option<Product>, UploadError> {
        Ok(self.db.product(session, &kind.name).await?)
    }

    /// Returns a part of a stream: its header or one of its pieces.
    pub async fn stream_piece(
        &self,
        upload: &Upload,
        name: &ProductName,
    ) -> Result<Option<Product>, UploadError> {
        Ok(self.db.product(upload.session_id, name).await?)
    }

    /// Returns how far the stream of this height is: the facts if it is complete, otherwise how many of its
    /// pieces are there from the first on.
    pub async fn stream(
        &self,
        upload: &Upload,
        height: Mp4Height,
    ) -> Result<(Option<StreamFacts>, usize), UploadError> {
        let kind = height.stream();
        if let Some(complete) = self.db.product(upload.session_id, &kind.name).await? {
            let bytes = self.storage.read(&complete.object_key).await?;
            if let Ok(facts) = serde_json::from_slice::<StreamFacts>(&bytes) {
                let pieces = facts.pieces;
                return Ok((Some(facts), pieces));
            }
        }
        let (session, except) = (upload.session_id, height.stream_header());
        let (count, last) = self.db.pieces_count(session, &kind.name, &except).await?;
        // None is missing among them. One may be if it was damaged.
        if last == count.checked_sub(1).map(|last| height.stream_piece(last)) {
            return Ok((None, count));
        }
        let pieces = self.db.pieces(session, &kind.name).await?;
        let in_a_row =
            |(piece, index): &(&Product, usize)| piece.name == height.stream_piece(*index);
        Ok((None, pieces.iter().zip(0..).take_while(in_a_row).count()))
    }

    /// Returns the state of the jobs that make a video's products.
    pub async fn jobs(&self, upload: &Upload) -> Result<Vec<JobStatus>, UploadError> {
        Ok(self.db.jobs(upload.session_id).await?)
    }

    /// Returns totals of the whole server.
    pub async fn totals(&self) -> Result<Totals, UploadError> {
        Ok(self.db.totals().await?)
    }

    /// Checks that database and storage answer.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let not = |what, error: &dyn std::fmt::Display| NotReady { what, error: error.to_string() };
        self.db.ping().await.map_err(|error| not("database", &error))?;
        self.storage.probe().await.map_err(|error| not("storage", &error))
    }

    /// Returns the accounts of the same server.
    pub fn accounts(&self) -> Accounts {
        let mut accounts = Accounts::new(self.db.clone(), self.clock.clone());
        accounts.passwords.metrics = Arc::clone(&self.metrics);
        accounts
    }

    /// Returns the links of the same server.
    pub fn shares(&self) -> Shares {
        Shares::new(self.db.clone(), self.clock.clone(), self.rules.counts_watching)
    }

    /// Returns what counts how far videos of the same server are watched.
    pub fn watch_counter(&self) -> WatchCounter {
        WatchCounter::new(self.db.clone(), self.clock.clone(), self.rules.counts_watching)
    }

    /// Returns the key with which the same server signs URLs.
    pub async fn signing(&self) -> Result<Signing, AccountError> {
        Signing::open(&self.db).await
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
