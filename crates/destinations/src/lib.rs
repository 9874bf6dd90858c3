//! Where items go. Each destination is one file that implements [`Destination`] and passes the suite of
//! `tests/destinations`.
//!
//! - What a person gives for an account is in its address; what is secret is in a [`Token`].
//! - A method makes one attempt and retries nothing: the upload machine of `core` decides what comes next.
//! - A destination says what went wrong in terms of [`Failure`]. Its statuses and error codes stay inside.
//! - A part counts as sent only if the destination's answer names it.
//! - A picture ([`Opening::picture`]) is one part, and its versions have one link: opening it makes no
//!   request, the part is the upload, and its receipt is the link, which finishing returns.
//! - Every method ends: each waits for a bounded time (`core::policy`).

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![warn(missing_docs, unreachable_pub)]

pub mod fake;
mod folder;
mod http;
mod poster;
mod s3;
mod snaplark;
mod storage;
mod throttle;
mod token;
mod whole_file;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use bytes::Bytes;
use snaplark_api::{Framing, Media, PartSize, PiecesRequest, RECORDING_SECRET_BYTES};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use uuid::Uuid;

pub use folder::{Folder, FolderAddress, FolderAddressError};
pub use http::{HttpSetupError, client as http_client};
pub use poster::Poster;
pub use s3::{BucketAddress, BucketAddressError, BucketKeys, S3};
pub use snaplark::Snaplark;
pub use storage::Storage;
pub use throttle::{BYTES_PER_SECOND_MIN, Throttle};
pub use token::Token;

/// A place that items are uploaded to.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Returns what is known of the destination now. A probe may add to it.
    fn offers(&self) -> Offers;

    /// Checks whether the destination can be reached.
    async fn probe(&self) -> ProbeVerdict;

    /// Checks before an account is kept whether items will be taken: whether the token is known, or a small object
    /// can be written, read and deleted.
    async fn check(&self) -> Result<(), Failure> {
        match self.probe().await {
            ProbeVerdict::Online { .. } => Ok(()),
            ProbeVerdict::Offline { detail } => Err(Failure::Unreachable { detail }),
        }
    }

    /// Opens a session for one item. With the same address, the session is the same.
    async fn open(&self, opening: &Opening) -> Result<OpenedUpload, Failure>;

    /// Sends a part. A part that is sent again replaces the earlier one.
    async fn send(&self, session: &SessionId, part: OutgoingPart) -> Result<Receipt, Failure>;

    /// Returns the parts of a session that the destination has undamaged. Called only if
    /// [`Offers::lists_parts`].
    async fn received(&self, session: &SessionId) -> Result<ReceivedParts, Failure>;

    /// Tells the destination which pieces a version of a video consists of, before any is sent. Returns the parts that
    /// have to be sent; it has the others. Called only for openings with a [`Opening::version`].
    async fn list_pieces(
        &self,
        _session: &SessionId,
        _pieces: &PiecesRequest,
    ) -> Result<Vec<u32>, Failure> {
        Err(Failure::Refused { detail: "this destination has no versions of videos".into() })
    }

    /// Completes the session from all of its parts and returns the link, if the destination makes one.
    /// Completing a session again returns the same.
    async fn finish(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure>;

    /// Removes what the destination has of a session that will not be completed, since its item was deleted or its
    /// upload begins anew elsewhere. Returns `Ok` also if there is nothing.
    async fn abandon(&self, _session: &SessionId) -> Result<(), Failure> {
        Ok(())
    }

    /// Returns the finished items of which the destination has damaged parts, with these parts. Called
    /// only if [`Offers::reports_damage`].
    async fn damaged(&self) -> Result<Vec<(SessionId, Vec<u32>)>, Failure>;

    /// Changes the title of a finished item. Returns `Ok` also if the item is gone there, since a retry
    /// would change nothing. Called only if [`Offers::takes_titles`].
    async fn rename(&self, session: &SessionId, title: &str) -> Result<(), Failure>;

    /// Does the same with a picture, which has no session. `id` is that of its address.
    async fn rename_picture(&self, _id: Uuid, _title: &str) -> Result<(), Failure> {
        Ok(())
    }
}

/// The features of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The bytes with which each part begins.
    pub framing: Framing,
    /// When a part is full.
    pub part_size: PartSize,
    /// How many parts of one upload may be in flight. With more than one, parts arrive in any order.
    pub parts_in_flight_max: usize,
    /// The largest item that the destination takes, if it has a limit of its own.
    pub file_bytes_max: Option<u64>,
    /// Whether the link is known before the first byte is sent.
    pub link_known_beforehand: bool,
    /// Whether [`Destination::received`] works.
    pub lists_parts: bool,
    /// Whether [`Destination::damaged`] works.
    pub reports_damage: bool,
    /// Whether [`Destination::rename`] works.
    pub takes_titles: bool,
}

/// The item that a session is opened for.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The id of the item, for destinations that name what they store by it.
    pub item: Uuid,
    /// The file, if the item is one that a person brought in.
    pub file: Option<FileFacts>,
    /// The size of the item, once it is whole.
    pub whole: Option<WholeItem>,
    /// The facts about the recording.
    pub media: Media,
    /// The item's address; `None` for destinations that don't take one.
    pub address: Option<Address>,
    /// The title; `None` for destinations that don't take one.
    pub title: Option<String>,
    /// The version, if the item is a picture.
    pub picture: Option<u32>,
    /// The version, if the item is an edited recording. It replaces the version before it behind the same link.
    pub version: Option<u32>,
}

/// The size of an item that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeItem {
    /// The size of all parts together.
    pub size_bytes: u64,
    /// How many parts there are.
    pub part_count: u32,
}

/// The facts about a file that a person brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The name of the file, without its folder.
    pub filename: String,
    /// The media type of the content, such as `video/mp4`.
    pub mime: String,
    /// The size of the whole file.
    pub size_bytes: u64,
    /// The person's description of it.
    pub description: Option<String>,
}

/// The id that an item's link is made from, and the secret that proves who may use it.
#[derive(Clone, Debug)]
pub struct Address {
    /// The id in the link.
    pub id: Uuid,
    /// The secret that the id is made from. Items of earlier versions have none.
    pub secret: Option<[u8; RECORDING_SECRET_BYTES]>,
}

/// A session that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedUpload {
    /// The session's id.
    pub session: SessionId,
    /// The link, if it is known already.
    pub link: Option<String>,
}

/// A part's bytes, which were checked against what was sealed.
#[derive(Clone, Debug)]
pub struct OutgoingPart {
    /// The part's number, from 0.
    pub index: u32,
    /// The bytes in order.
    pub pieces: Vec<Bytes>,
    /// The total size of the pieces.
    pub size_bytes: u64,
    /// How many parts there are, once the item is whole.
    pub part_count: Option<u32>,
    /// The hash of the pieces.
    pub sha256: [u8; 32],
    /// Counts the bytes that have been handed to the connection.
    pub sent: Sent,
    /// The facts with which a picture is sent, if the part is one.
    pub picture: Option<OutgoingPicture>,
}

/// The facts with which a picture's bytes are sent.
#[derive(Clone, Debug)]
pub struct OutgoingPicture {
    /// The name of the file.
    pub filename: String,
    /// The media type of the bytes, such as `image/png`.
    pub mime: String,
    /// The title that people see. Sent only to servers that take one.
    pub title: Option<String>,
    /// The address behind which each version replaces the one before. Sent only to servers that take one.
    pub address: Option<Address>,
    /// Counts the versions from 1.
    pub version: u32,
}

/// Counts the bytes of a part that are sent, for the progress display and the watchdog.
pub type Sent = Arc<AtomicU64>;

/// The parts of a session that a destination has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedParts {
    /// The numbers of the undamaged parts, each with its receipt.
    pub parts: Vec<(u32, Receipt)>,
    /// Whether the session is completed.
    pub finished: bool,
}

/// The facts with which a session is completed.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The file, if the item is one that a person brought in.
    pub file: Option<FileFacts>,
    /// The facts about the recording.
    pub media: Media,
    /// The length of the recording.
    pub duration_ms: u64,
    /// The title, for destinations that take one only now.
    pub title: Option<String>,
    /// The receipt that the destination returned for each part, in order.
    pub receipts: Vec<Receipt>,
    /// The version, if the item is a picture.
    pub picture: Option<u32>,
    /// The item is a version that keeps parts of the one before. Those have no receipt.
    pub keeps_parts: bool,
}
