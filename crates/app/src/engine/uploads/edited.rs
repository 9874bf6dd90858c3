//! Uploads of versions of edited recordings: which ones the machine is told of, and what is sent of them.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use snaplark_core::upload::{
    EditedVersion, Failure, Part, PartContent, Phase, Reachability, Receipt, RequestId,
    SegmentCuts, Stop, UploadEvent, VersionPart,
};
use snaplark_core::{ItemId, RecordingId, SessionId};
use snaplark_destinations::Sent;
use snaplark_store::StoreError;
use tracing::{error, warn};

use super::requests::{read_part, unreadable};
use super::{Context, Uploads};
use crate::cuts::publish;
use crate::source::{PartBytes, RecordingSource, SourceError};
use snaplark_api::hex;

/// The version that was sent last, since reading it for each of thousands of parts takes time.
pub(super) struct EditedInMemory {
    recording: RecordingId,
    number: u32,
    version: Arc<EditedVersion>,
}

/// The files that a part of a version is read from.
enum PartSource {
    Segments(RecordingSource, Part),
    File { path: PathBuf, init: Vec<u8>, sha256: String },
}

impl Uploads {
    /// Tells the machine of a version of an edited recording. It stays at the server of the recording's link.
    pub(crate) fn want_edited(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        wanted: UploadEvent,
    ) -> Result<(), StoreError> {
        // Its number may be that of a version that was withdrawn.
        self.edited = None;
        match cx.store.secret(recording)? {
            Some(secret) => {
                let id = snaplark_api::recording_id_of(&secret);
                self.handle(cx, UploadEvent::Claimed { recording, id });
            }
            // The links of uploads of earlier versions have no secret.
            None if cx.store.upload_rows_of(recording)?.is_some() => {}
            None => self.claim(cx, recording),
        }
        self.handle(cx, wanted);
        Ok(())
    }

    /// Tells the machine of the versions that no link shows yet and that have no upload: those of before a crash, and
    /// those that were published without an account.
    pub(crate) fn want_edited_versions(&mut self, cx: &Context) {
        let waiting = match cx.store.waiting_edited_versions() {
            Ok(waiting) => waiting,
            Err(error) => {
                error!(%error, "The edited recordings that wait can't be read");
                return;
            }
        };
        for (recording, number) in waiting {
            // Its upload was restored from its own rows.
            if self.machine.edited_version(recording) == Some(number) {
                continue;
            }
            if self.machine.of(recording).is_none() && self.targets.current().is_none() {
                continue;
            }
            let wanted = publish::wanted(&cx.store, recording, number)
                .and_then(|wanted| self.want_edited(cx, recording, wanted));
            if let Err(error) = wanted {
                warn!(%recording, %error, "An edited recording can't be uploaded");
            }
        }
    }

    /// Takes back a version that its server can't show, since the edit gets a link of its own. The recording is
    /// uploaded as it is if it wasn't yet.
    pub(crate) fn withdraw_edited(
        &mut self,
        cx: &Context,
        recording: RecordingId,
    ) -> Result<(), StoreError> {
        let status = self.status(cx, recording).map(|status| status.phase);
        if status != Some(Phase::Stopped(Stop::NoVersions)) {
            return Ok(());
        }
        let is_online = cx.store.served_version(recording.into())?.is_some();
        self.handle(cx, UploadEvent::EditedWithdrawn { recording, is_online });
        match is_online {
            true => Ok(()),
            false => self.retry(cx, recording),
        }
    }

    /// Returns whether the server of a recording's link, or of the next upload, can show an edit behind the same link.
    pub(crate) fn shows_versions(&self, recording: RecordingId) -> Option<bool> {
        self.machine.shows_versions(recording)
    }

    /// Returns the size that parts to that server may have, as far as 413s have shown.
    pub(crate) fn part_bytes_max(&self, recording: RecordingId) -> u64 {
        self.machine.part_bytes_max(recording)
    }

    /// Returns whether that server can't be reached now.
    pub(crate) fn is_offline(&self, recording: RecordingId) -> bool {
        let machine = self.machine.of(recording).or_else(|| self.machine.current());
        machine.is_some_and(|machine| machine.reach() == Reachability::Offline)
    }

    /// Sends the list of pieces of a version.
    pub(super) fn send_pieces(
        &mut self,
        cx: &Context,
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
    ) {
        let Some(destination) = self.destination_of(request) else { return };
        let version = self.edited(cx, recording);
        let single = match &version {
            Ok(version) if !self.machine.takes_piece_runs(recording) => {
                let from = version.request.from_version;
                let before = cx.store.noted_version(recording.into(), from);
                let before = before.unwrap_or_else(|error| {
                    warn!(%recording, %error, "What the link shows can't be read; all is sent");
                    None
                });
                Some(version.request_without_runs(before.as_ref()))
            }
            Ok(_) | Err(_) => None,
        };
        self.request(cx, request, Sent::default(), async move {
            let version = version?;
            let list = single.as_ref().unwrap_or(&version.request);
            let missing = destination.list_pieces(&session, list).await?;
            Ok(UploadEvent::PiecesListed { request, missing })
        });
    }

    /// Sends a part of a version, whose bytes are checked as they are read.
    pub(super) fn send_edited(
        &mut self,
        cx: &Context,
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
        (index, with_init): (u32, bool),
    ) {
        let Some(destination) = self.destination_of(request) else { return };
        let source = self.edited(cx, recording).and_then(|version| {
            let part = version.parts.get(index as usize).ok_or_else(gone)?;
            part_source(cx, recording, part, with_init).map_err(unreadable)
        });
        let sent = Sent::default();
        let counter = sent.clone();
        self.request(cx, request, sent, async move {
            let source = source?;
            let bytes = read_part(move || source.read(with_init)).await?;
            let digest = Receipt(hex(&bytes.sha256));
            let receipt = destination.send(&session, bytes.outgoing(index, counter)).await?;
            let receipt = if receipt == Receipt::default() { digest } else { receipt };
            Ok(UploadEvent::PartAcknowledged { request, receipt })
        });
    }

    fn edited(
        &mut self,
        cx: &Context,
        recording: RecordingId,
    ) -> Result<Arc<EditedVersion>, Failure> {
        let number = self.machine.edited_version(recording).ok_or_else(gone)?;
        let is_it = |it: &&EditedInMemory| it.recording == recording && it.number == number;
        if let Some(known) = self.edited.as_ref().filter(is_it) {
            return Ok(known.version.clone());
        }
        let found = cx.store.edited_version(ItemId::from(recording), number).map_err(unreadable)?;
        let version = Arc::new(found.ok_or_else(gone)?);
        self.edited = Some(EditedInMemory { recording, number, version: version.clone() });
        Ok(version)
    }
}

fn gone() -> Failure {
    Failure::FilesMissing { detail: "the version isn't there any more".to_owned() }
}

fn part_source(
    cx: &Context,
    recording: RecordingId,
    part: &VersionPart,
    with_init: bool,
) -> Result<PartSource, StoreError> {
    Ok(match &part.content {
        PartContent::Segments(first, count) => {
            let part = Part::whole(*first, *count, part.size_bytes);
            let source = RecordingSource::of_part(&cx.store, recording, part.segments())?;
            PartSource::Segments(source, part)
        }
        PartContent::File(name, sha256) => PartSource::File {
            path: cx.store.folder(recording).join(name),
            init: if with_init { cx.store.init(recording)? } else { Vec::new() },
            sha256: sha256.clone(),
        },
    })
}

impl PartSource {
    fn read(self, with_init: bool) -> Result<PartBytes, SourceError> {
        match self {
            PartSource::Segments(source, part) => source.part(part, with_init, SegmentCuts::None),
            PartSource::File { path, init, sha256 } => {
                let bytes = std::fs::read(path).map_err(SourceError::Unreadable)?;
                if hex(&Sha256::digest(&bytes)) != sha256 {
                    let reason = "a rendered piece is damaged";
                    let error = std::io::Error::new(std::io::ErrorKind::InvalidData, reason);
                    return Err(SourceError::Unreadable(error));
                }
                let mut whole = Sha256::new();
                whole.update(&init);
                whole.update(&bytes);
                let size_bytes = (init.len() + bytes.len()) as u64;
                let pieces = [init, bytes].into_iter().filter(|piece| !piece.is_empty());
                let pieces = pieces.map(Bytes::from).collect();
                Ok(PartBytes { pieces, size_bytes, sha256: whole.finalize().into() })
            }
        }
    }
}
