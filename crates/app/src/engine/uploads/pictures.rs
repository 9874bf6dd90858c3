//! Uploads of pictures: which versions the machine is told of, and how one is sent.

use sha2::{Digest as _, Sha256};
use snaplark_core::upload::{Failure, RequestId, UploadEvent};
use snaplark_core::{ItemId, RecordingId, SessionId};
use snaplark_destinations::{Address, OutgoingPart, OutgoingPicture, Sent};
use snaplark_store::{StoreError, VersionFile};
use tracing::{error, warn};

use super::requests::unreadable;
use super::{Context, Uploads, UploadsEvent};
use crate::pictures::rows::{self, PictureRow};
use crate::source::PartBytes;

impl Uploads {
    /// Tells the machine of a version, which goes where the settings say.
    pub(crate) fn want_picture(
        &mut self,
        cx: &Context,
        item: ItemId,
        wanted: UploadEvent,
    ) -> Result<(), StoreError> {
        self.want_picture_at(cx, item, wanted, cx.settings.upload.screenshots_to.as_deref())
    }

    /// Tells the machine of a version, which goes to this account, or to the current one. A picture that goes to another
    /// server than before gets another address: the first server knows the secret of the old one.
    pub(crate) fn want_picture_at(
        &mut self,
        cx: &Context,
        item: ItemId,
        wanted: UploadEvent,
        account: Option<&str>,
    ) -> Result<(), StoreError> {
        let recording = RecordingId::from(item);
        let before = cx.store.upload_rows_of(recording)?;
        let to = self.targets.chosen(account);
        self.machine.route(recording, to);
        let server = to.or_else(|| self.targets.current_server());
        let is_elsewhere = before.is_some_and(|before| Some(before.server.as_str()) != server);
        match cx.store.secret(recording)? {
            Some(secret) if !is_elsewhere => {
                let id = snaplark_api::recording_id_of(&secret);
                self.handle(cx, UploadEvent::Claimed { recording, id });
            }
            Some(_) | None => self.claim(cx, recording),
        }
        self.handle(cx, wanted);
        Ok(())
    }

    /// Tells the machine of the versions that no link shows yet and that have no upload: those of before a
    /// crash, and those that were published without an account.
    pub(crate) fn want_pictures(&mut self, cx: &Context) {
        let to = self.targets.chosen(cx.settings.upload.screenshots_to.as_deref());
        if to.is_none() && self.targets.current().is_none() {
            return;
        }
        let waiting = match cx.store.version_files() {
            Ok(waiting) => waiting,
            Err(error) => {
                error!(%error, "The pictures that wait can't be read");
                return;
            }
        };
        for (item, file) in waiting {
            self.events.push_back(UploadsEvent::ShowPicture(item));
            // Its upload was restored from its own rows.
            if self.machine.picture_version(item.into()) == Some(file.number) {
                continue;
            }
            if let Err(error) = self.want_picture(cx, item, rows::wanted(item, &file)) {
                warn!(%item, %error, "A picture can't be uploaded");
            }
        }
    }

    /// Sends a version of a picture, whose bytes are checked as they are read.
    pub(super) fn send_picture(
        &mut self,
        cx: &Context,
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
    ) {
        let Some(destination) = self.destination_of(request) else { return };
        let outgoing = outgoing(cx, recording, self.item_of(recording)).map_err(unreadable);
        let sent = Sent::default();
        let counter = sent.clone();
        self.request(cx, request, sent, async move {
            let (file, picture) = outgoing?;
            let picture = Some(picture);
            let part = OutgoingPart { picture, ..read(file).await?.outgoing(0, counter) };
            let receipt = destination.send(&session, part).await?;
            Ok(UploadEvent::PartAcknowledged { request, receipt })
        });
    }
}

/// Returns the file that an upload of a picture sends, and what is sent with it.
fn outgoing(
    cx: &Context,
    upload: RecordingId,
    item: RecordingId,
) -> Result<(VersionFile, OutgoingPicture), StoreError> {
    let missing = || StoreError::NoSuchRecording(upload);
    let row = PictureRow::read(&cx.store, item.into())?.ok_or_else(missing)?;
    let file = match upload == item {
        true => row.pending,
        false => cx.store.further_picture(upload)?,
    };
    let file = file.ok_or_else(missing)?;
    let secret = cx.store.secret(upload)?;
    let id = secret.as_ref().map_or(upload.0, snaplark_api::recording_id_of);
    let ending = file.path.extension().and_then(|ending| ending.to_str()).unwrap_or("png");
    let mime = match ending {
        "gif" => "image/gif",
        "jpg" => "image/jpeg",
        "webp" => "image/webp",
        _ => "image/png",
    };
    let started = jiff::Timestamp::from_millisecond(row.item.started_unix_ms);
    let started = started.unwrap_or_default().strftime("%Y-%m-%dT%H-%M-%S");
    let picture = OutgoingPicture {
        filename: format!("screenshot_{started}.{ending}"),
        mime: mime.to_owned(),
        title: Some(row.item.title).filter(|title| !title.is_empty()),
        address: Some(Address { id, secret }),
        version: file.number,
    };
    Ok((file, picture))
}

/// Reads a version's file and checks that it has the bytes that were rendered.
async fn read(file: VersionFile) -> Result<PartBytes, Failure> {
    let missing = |detail: String| Failure::FilesMissing { detail };
    let bytes = tokio::fs::read(&file.path).await.map_err(|error| missing(error.to_string()))?;
    if Sha256::digest(&bytes).as_slice() != file.sha256 {
        return Err(missing("the rendered picture is damaged".to_owned()));
    }
    let size_bytes = bytes.len() as u64;
    Ok(PartBytes { pieces: vec![bytes.into()], size_bytes, sha256: file.sha256 })
}
