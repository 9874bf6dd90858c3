//! Further uploads of an item, each to another place than that of its own upload. The machine knows them as uploads with
//! ids of their own; this maps them to their items.
//!
//! - A recording has them only as it was recorded: of an edited one a place would get what was cut out.
//! - A picture is sent as it is drawn on now, in a file of its own. A later drawing is sent when the person sends it again.
//! - A file is sent from where it is.

use snaplark_api::{Profile, recording_id_of};
use snaplark_core::edit::Edit;
use snaplark_core::upload::{Addressee, Phase, Stop, UploadEvent};
use snaplark_core::{ItemId, RecordingId};
use snaplark_store::{FurtherUpload, Secret, StoreError, VersionFile, WrittenVersion};
use tracing::warn;
use uuid::Uuid;

use super::{Context, Uploads};
use crate::{AppError, ErrorCode};

impl Uploads {
    /// Returns the further uploads of an item, in the order in which they were begun.
    pub(crate) fn further_of(&self, item: RecordingId) -> impl Iterator<Item = RecordingId> + '_ {
        self.further.iter().filter(move |(_, of)| **of == item).map(|(id, _)| *id)
    }

    /// Returns the item that an upload sends.
    pub(crate) fn item_of(&self, upload: RecordingId) -> RecordingId {
        self.further.get(&upload).copied().unwrap_or(upload)
    }

    pub(super) fn is_further(&self, upload: RecordingId) -> bool {
        self.further.contains_key(&upload)
    }

    /// Returns an event about an item's files as the further uploads of it get it.
    pub(super) fn for_further_uploads(&self, event: &UploadEvent) -> Vec<UploadEvent> {
        let Addressee::Upload(item) = event.addressee() else {
            return Vec::new();
        };
        self.further_of(item).filter_map(|upload| event.for_upload(upload)).collect()
    }

    /// Returns the upload of an item that goes to this place, or has gone there.
    pub(crate) fn upload_at(&self, item: RecordingId, server: &str) -> Option<RecordingId> {
        let goes_there = |upload: &RecordingId| {
            self.machine.of(*upload).is_some_and(|machine| machine.target().server == server)
        };
        std::iter::once(item).chain(self.further_of(item)).find(goes_there)
    }

    /// Sends a recording or a file to this place, too. The first place that an item is sent to has its own upload.
    /// Returns the id of the upload.
    pub(crate) fn send_to(
        &mut self,
        cx: &Context,
        item: RecordingId,
        server: &str,
    ) -> Result<RecordingId, AppError> {
        let row = cx.store.shown(item)?.ok_or(StoreError::NoSuchRecording(item))?;
        let profile = self.profile_at(server)?;
        let saved = cx.store.edit(item.into())?;
        let is_edited = saved.is_some_and(|saved| !keeps_all(saved.edit.as_ref(), row.duration_ms));
        if is_edited || self.machine.edited_version(item).is_some() {
            return Err(AppError::told(ErrorCode::SendEdited, item));
        }
        if let Some(upload) = self.upload_at(item, server) {
            let status = self.status(cx, upload);
            if status.is_some_and(|status| status.phase != Phase::Finished) {
                self.handle(cx, UploadEvent::RetryAsked { recording: upload });
            }
            return Ok(upload);
        }
        let upload = match self.status(cx, item) {
            None => item,
            Some(_) => {
                let (further, secret) = new_upload(item, server)?;
                cx.store.add_further_upload(&further, profile, &secret)?;
                self.further.insert(further.id, item);
                further.id
            }
        };
        self.machine.route(upload, Some(server));
        match row.imported {
            Some(file) => {
                let size_bytes = file.size_bytes;
                self.claim_known(cx, upload);
                self.handle(cx, UploadEvent::FileWanted { recording: upload, size_bytes });
            }
            None => {
                self.want(cx, upload);
                self.offer_whole(cx, upload);
            }
        }
        Ok(upload)
    }

    /// Sends a picture that has its own upload elsewhere to this place, as it was rendered. One that is there already is
    /// replaced if its bytes are others now. Returns the id of the upload.
    pub(crate) fn send_picture_to(
        &mut self,
        cx: &Context,
        item: ItemId,
        server: &str,
        written: WrittenVersion,
    ) -> Result<RecordingId, AppError> {
        let profile = self.profile_at(server)?;
        let recording = RecordingId::from(item);
        let Some(upload) = self.upload_at(recording, server) else {
            let (further, secret) = new_upload(recording, server)?;
            let file = cx.store.add_further_picture(&further, profile, &secret, written)?;
            self.further.insert(further.id, recording);
            let id = recording_id_of(&secret);
            self.machine.route(further.id, Some(server));
            self.handle(cx, UploadEvent::Claimed { recording: further.id, id });
            self.handle(cx, picture_wanted(further.id, &file));
            return Ok(further.id);
        };
        let number_min = match self.status(cx, upload).map(|status| status.phase) {
            Some(Phase::Stopped(Stop::NewerVersion { served, .. })) => {
                served.unwrap_or(0).saturating_add(1)
            }
            Some(_) | None => 0,
        };
        self.machine.route(upload, Some(server));
        match cx.store.renew_further_picture(upload, written, number_min)? {
            Some(file) => self.handle(cx, picture_wanted(upload, &file)),
            None => self.handle(cx, UploadEvent::RetryAsked { recording: upload }),
        }
        Ok(upload)
    }

    fn profile_at(&self, server: &str) -> Result<Profile, AppError> {
        let account = self.targets.account_at(server);
        let none = || AppError::BadServer { server: server.to_owned() };
        Ok(account.ok_or_else(none)?.profile)
    }

    /// Cancels a further upload and forgets it. What the place has of it stays there.
    pub(crate) fn remove_upload(
        &mut self,
        cx: &Context,
        upload: RecordingId,
    ) -> Result<(), AppError> {
        if !self.is_further(upload) {
            return Err(AppError::Store(StoreError::NoSuchRecording(upload)));
        }
        self.handle(cx, UploadEvent::Forgotten { recording: upload });
        self.further.remove(&upload);
        if let Err(error) = cx.store.remove_further_upload(upload) {
            warn!(%upload, %error, "A further upload can't be forgotten");
            return Err(error.into());
        }
        Ok(())
    }
}

/// Returns a further upload of an item, and the secret of its address.
fn new_upload(item: RecordingId, server: &str) -> Result<(FurtherUpload, Secret), AppError> {
    let mut secret = Secret::default();
    getrandom::fill(&mut secret)
        .map_err(|error| AppError::Network { reason: error.to_string() })?;
    let id = RecordingId(Uuid::now_v7());
    Ok((FurtherUpload { id, item, server: server.to_owned() }, secret))
}

fn picture_wanted(upload: RecordingId, file: &VersionFile) -> UploadEvent {
    let VersionFile { number, size_bytes, .. } = *file;
    UploadEvent::PictureWanted { recording: upload, version: number, size_bytes }
}

/// Returns whether an edit leaves out nothing of a recording. One of a form that this version doesn't know may.
fn keeps_all(edit: Option<&Edit>, duration_ms: u64) -> bool {
    match edit {
        Some(Edit::Cuts { keep, covers, chapters: _ }) => {
            covers.is_empty() && matches!(&keep[..], [all] if *all == (0..duration_ms))
        }
        Some(Edit::Annotations { .. }) | None => false,
    }
}
