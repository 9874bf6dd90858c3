//! Answers shells about pictures in the event loop. Everything else about them is in `crate::pictures`.

use snaplark_core::{ItemId, RecordingId};
use snaplark_store::StoreError;

use super::Engine;
use super::context::now_unix_ms;
use crate::AppError;
use crate::pictures::rows::{self, PictureRow, ReadyVersion, ToPublish};
use crate::pictures::{PictureCommand, PublishedVersion};

impl Engine {
    pub(super) fn handle_picture(&mut self, command: PictureCommand) {
        match command {
            PictureCommand::Add { written, reply } => {
                let added = self.cx.store.add_written(*written);
                let _ = reply.send(added.map(|item| item.id).map_err(AppError::from));
            }
            PictureCommand::Read { item, reply } => {
                let _ = reply.send(self.picture(item));
            }
            PictureCommand::SaveDrawing { item, drawing, reply } => {
                let saved = rows::save_drawing(&self.cx.store, item, drawing, now_unix_ms());
                let _ = reply.send(saved);
            }
            PictureCommand::Publish { item, version, reply } => {
                let published = self.publish(item, version);
                self.reply(reply, published);
            }
            PictureCommand::SendTo { item, server, ready, reply } => {
                let sent = self.send_picture_to(item, &server, *ready);
                self.reply(reply, sent);
            }
            PictureCommand::Say { item, said } => self.library.say(item, said),
        }
    }

    /// Returns a picture's row, with what the machine knows of its upload.
    fn picture(&self, item: ItemId) -> Result<PictureRow, AppError> {
        let row = PictureRow::read(&self.cx.store, item)?;
        let row = row.ok_or(StoreError::NoSuchRecording(item.into()))?;
        let status = self.uploads.status(&self.cx, item.into());
        let link = status.as_ref().and_then(|status| status.link.as_deref());
        let link = link.map(|link| self.library.handed_out(link));
        Ok(PictureRow { status, link, ..row })
    }

    /// Sends a picture to one more place. Where its own upload goes, or if it has none, it is published there.
    fn send_picture_to(
        &mut self,
        item: ItemId,
        server: &str,
        ready: ReadyVersion,
    ) -> Result<RecordingId, AppError> {
        let recording = RecordingId::from(item);
        let row = self.picture(item)?;
        let there = self.uploads.upload_at(recording, server);
        if row.status.is_some() && there != Some(recording) {
            return self.uploads.send_picture_to(&self.cx, item, server, ready.written);
        }
        match row.to_publish() {
            ToPublish::Nothing => {
                ready.written.discard();
                // It was published before there was an account.
                if let (None, Some(file)) = (&row.status, &row.pending) {
                    let wanted = rows::wanted(item, file);
                    self.uploads.want_picture_at(&self.cx, item, wanted, Some(server))?;
                }
            }
            ToPublish::SameVersion => {
                ready.written.discard();
                self.uploads.retry(&self.cx, recording)?;
            }
            ToPublish::NextVersion { number_min } => {
                let wanted = rows::add_version(&self.cx.store, item, ready, number_min)?;
                self.library.picture_published(item);
                self.uploads.want_picture_at(&self.cx, item, wanted, Some(server))?;
            }
        }
        Ok(recording)
    }

    /// Uploads a version, the same one again, or nothing if the link shows the picture already. The link is put on
    /// the clipboard in any case, as soon as it is known: something else may have been copied since.
    fn publish(
        &mut self,
        item: ItemId,
        version: PublishedVersion,
    ) -> Result<Option<String>, AppError> {
        let recording = RecordingId::from(item);
        match version {
            PublishedVersion::AsItIs => self.library.picture_published(item),
            PublishedVersion::Again => {
                self.library.picture_published(item);
                self.uploads.retry(&self.cx, recording)?;
            }
            PublishedVersion::Next { ready, number_min } => {
                let wanted = rows::add_version(&self.cx.store, item, ready, number_min)?;
                self.library.picture_published(item);
                self.uploads.want_picture(&self.cx, item, wanted)?;
            }
        }
        let link = self.picture(item)?.link;
        let status = self.uploads.status(&self.cx, recording);
        if let Some(link) = status.and_then(|status| status.link) {
            self.library.copy_link(&self.cx, recording, &link);
        }
        Ok(link)
    }
}
