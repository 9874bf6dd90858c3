//! Titles of recordings and pictures that the server does not have yet. A pending title is durable: it is one that
//! differs from the title that the server confirmed last.

use rusqlite::{OptionalExtension as _, params};
use snaplark_core::{RecordingId, SessionId};

use crate::rows::recording_id;
use crate::{Result, Store};

/// A title that the server does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingTitle {
    /// The recording whose title it is.
    pub recording: RecordingId,
    /// The session of its upload. That of a picture exists on this computer alone.
    pub session: SessionId,
    /// The link shows a picture, which has no session at the server.
    pub is_picture: bool,
    /// The title that the person gave it.
    pub title: String,
}

impl Store {
    /// Renames a recording. The title is then sent to the server if that has another one.
    pub fn rename(&self, recording: RecordingId, title: &str) -> Result<()> {
        self.change(recording, "title", title)?;
        self.connection.execute(
            "UPDATE recordings SET cloud_title = '' WHERE id = ?1 AND cloud_title IS NULL",
            [recording.to_string()],
        )?;
        Ok(())
    }

    /// Renames a recording unless it was renamed meanwhile; returns whether it did.
    pub fn rename_from(&self, recording: RecordingId, was: &str, title: &str) -> Result<bool> {
        let query = "SELECT title FROM recordings WHERE id = ?1";
        let now: Option<String> = self
            .connection
            .query_row(query, [recording.to_string()], |row| row.get(0))
            .optional()?;
        if now.as_deref() != Some(was) {
            return Ok(false);
        }
        self.rename(recording, title)?;
        Ok(true)
    }

    /// Records that the server has this title now, or will never accept one.
    pub fn note_cloud_title(&self, recording: RecordingId, title: &str) -> Result<()> {
        self.connection.execute(
            "UPDATE recordings SET cloud_title = ?2 WHERE id = ?1",
            params![recording.to_string(), title],
        )?;
        Ok(())
    }

    /// Returns the first title that must still be sent to this server. A picture's is sent when it is online.
    pub fn pending_title(&self, server: &str) -> Result<Option<PendingTitle>> {
        let query = "SELECT r.id, u.session, r.title, u.version IS NOT NULL
             FROM recordings r JOIN uploads u ON u.recording = r.id
             WHERE r.cloud_title IS NOT NULL AND r.cloud_title != r.title AND r.title != ''
               AND u.session IS NOT NULL AND u.server = ?1
               AND (u.version IS NULL OR u.finished_unix_ms > 0)
             ORDER BY r.id LIMIT 1";
        let row = self.connection.query_row(query, [server], |row| {
            let session = SessionId(row.get(1)?);
            Ok(PendingTitle {
                recording: recording_id(row, 0)?,
                session,
                title: row.get(2)?,
                is_picture: row.get(3)?,
            })
        });
        Ok(row.optional()?)
    }
}

#[cfg(test)]
mod tests {
    use snaplark_api::Profile;
    use snaplark_core::upload::UploadChange;

    use super::*;
    use crate::NewRecording;

    fn store(folder: &std::path::Path) -> (Store, RecordingId) {
        let store = Store::open(folder).unwrap();
        let id = RecordingId(uuid::Uuid::from_u128(7));
        store
            .begin(&NewRecording {
                id,
                title: "Screen recording, Tuesday 14:05".into(),
                started_text: "2026-01-06T14-05-00".into(),
                started_unix_ms: 1,
                fps: 30,
                bitrate_bits: 1,
            })
            .unwrap();
        (store, id)
    }

    fn has_session(store: &mut Store, recording: RecordingId, server: &str) {
        let server = server.to_owned();
        let session = Some(SessionId("s".into()));
        store
            .apply(&[
                UploadChange::UploadWanted { recording, server, profile: Profile::Spec },
                UploadChange::SessionSet { recording, session },
            ])
            .unwrap();
    }

    #[test]
    fn rename_waits_for_the_server_across_a_restart_until_it_is_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, id) = store(folder.path());
        has_session(&mut store, id, "https://a/api/v1");
        assert_eq!(store.pending_title("https://a/api/v1").unwrap(), None, "nobody renamed it");
        store.rename(id, "Checkout").unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        let pending = store.pending_title("https://a/api/v1").unwrap().unwrap();
        assert_eq!((pending.recording, pending.title.as_str()), (id, "Checkout"));
        assert_eq!(store.pending_title("https://b/api/v1").unwrap(), None, "another server");
        store.note_cloud_title(id, "Check").unwrap();
        assert!(store.pending_title("https://a/api/v1").unwrap().is_some(), "it has an older one");
        store.note_cloud_title(id, "Checkout").unwrap();
        assert_eq!(store.pending_title("https://a/api/v1").unwrap(), None);
    }

    #[test]
    fn name_of_the_app_never_replaces_one_that_a_person_gave() {
        let folder = tempfile::tempdir().unwrap();
        let (store, id) = store(folder.path());
        let dated = "Screen recording, Tuesday 14:05";
        assert!(store.rename_from(id, dated, "Checkout – Firefox").unwrap());
        store.rename(id, "Mine").unwrap();
        assert!(!store.rename_from(id, dated, "Other – Firefox").unwrap());
        assert_eq!(store.recording(id).unwrap().title, "Mine");
    }
}
