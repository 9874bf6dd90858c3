//! Uploads of files that a person brought in: which ones the machine is told of, and what is sent of them.

use snaplark_core::upload::{Part, Phase, Receipt, RequestId, UploadEvent, file_range};
use snaplark_core::{RecordingId, SessionId};
use snaplark_destinations::Sent;
use tracing::error;

use super::requests::unreadable;
use super::{Context, Uploads};
use crate::imports::{FilePart, FileSource};
use crate::messages::Message;
use snaplark_api::hex;

impl Uploads {
    /// Wants a file uploaded, if there is a destination. Else it is as soon as there is one.
    pub(crate) fn want_file(&mut self, cx: &Context, recording: RecordingId, size_bytes: u64) {
        let to = self.targets.chosen(cx.settings.upload.files_to.as_deref());
        if to.is_none() && self.targets.current().is_none() && self.machine.of(recording).is_none()
        {
            return;
        }
        self.machine.route(recording, to);
        self.claim_known(cx, recording);
        self.handle(cx, UploadEvent::FileWanted { recording, size_bytes });
    }

    /// Has all uploads of a file that are not done send it from the beginning: it is another one now.
    pub(crate) fn renew_file(&mut self, cx: &Context, item: RecordingId, size_bytes: u64) {
        let is_done = |upload| {
            let status = self.status(cx, upload);
            status.is_some_and(|status| status.phase == Phase::Finished)
        };
        let further: Vec<RecordingId> =
            self.further_of(item).filter(|upload| !is_done(*upload)).collect();
        if !is_done(item) {
            self.want_file(cx, item, size_bytes);
        }
        for recording in further {
            self.handle(cx, UploadEvent::FileWanted { recording, size_bytes });
        }
    }

    /// Tells the machine of the files that are to be uploaded and have no upload: those of before a crash, and those
    /// that were brought in without an account.
    pub(crate) fn want_files(&mut self, cx: &Context) {
        match cx.store.waiting_imports() {
            Ok(waiting) => {
                for (recording, size_bytes) in waiting {
                    if self.machine.of(recording).is_none() {
                        self.want_file(cx, recording, size_bytes);
                    }
                }
            }
            Err(error) => error!(%error, "The files that wait can't be read"),
        }
    }

    /// Sends a part of a file, which is read from where it is.
    pub(super) fn send_file(
        &mut self,
        cx: &Context,
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
        (index, part): (u32, Part),
    ) {
        let Some(destination) = self.destination_of(request) else { return };
        let part_count = self.machine.part_count(recording);
        let item = self.item_of(recording);
        let file = cx.store.imported(item).map_err(unreadable);
        let (sent, inbox) = (Sent::default(), cx.inbox.clone());
        let counter = sent.clone();
        self.request(cx, request, sent, async move {
            let gone = || snaplark_core::upload::Failure::FilesMissing { detail: String::new() };
            let source = FileSource::new(&file?.ok_or_else(gone)?);
            let read = tokio::task::spawn_blocking(move || source.part(file_range(&part))).await;
            let FilePart { bytes, moved_to } = read.map_err(|_| gone())??;
            if let Some(path) = moved_to {
                let _ = inbox.send(Message::ImportMoved { recording: item, path }).await;
            }
            let digest = Receipt(hex(&bytes.sha256));
            let mut outgoing = bytes.outgoing(index, counter);
            outgoing.part_count = part_count;
            let receipt = destination.send(&session, outgoing).await?;
            let receipt = if receipt == Receipt::default() { digest } else { receipt };
            Ok(UploadEvent::PartAcknowledged { request, receipt })
        });
    }
}
