//! The names of recordings, and sending titles to the server. Titles are sent one at a time with the
//! current account. One that can't be sent now is retried until it succeeds.

use snaplark_core::RecordingId;
use snaplark_core::capture::{Source, Subject};
use snaplark_core::upload::{Failure, Reach};
use tracing::{debug, warn};

use super::Engine;
use crate::messages::Message;
use crate::{AppError, titles};

/// The wait after the first failure; each further wait is twice as long.
const AGAIN_MS: u64 = 2_000;
/// A title is seen by few people who would mind a minute's delay.
const AGAIN_MS_MAX: u64 = 60_000;

/// The state of sending titles to the server.
#[derive(Default)]
pub struct TitleSending {
    under_way: bool,
    failures: u32,
    /// When to send next, by the engine's clock. `None`: no title is known to wait.
    pub again_ms: Option<u64>,
}

impl Engine {
    /// Asks what the source shows. Runs outside the event loop, because a window system may take its time.
    pub(super) fn find_subject(&self, recording: RecordingId, source: Source) {
        if !self.settings.recording.names_in_titles {
            return;
        }
        let (capture, inbox) = (self.capture.clone(), self.inbox.clone());
        tokio::task::spawn_blocking(move || {
            if let Some(subject) = capture.subject(&source) {
                let _ = inbox.blocking_send(Message::SubjectFound { recording, subject });
            }
        });
    }

    pub(super) fn name_after(&mut self, recording: RecordingId, subject: &Subject) {
        let Some(title) = titles::of_subject(subject) else { return };
        if !self.name_preview(recording, &title) {
            self.name_as(recording, &title);
        }
    }

    /// Names a recording unless the person has named it already.
    pub(super) fn name_as(&mut self, recording: RecordingId, title: &str) {
        let dated = match self.store.recording(recording) {
            Ok(row) => self.dated_title(row.started_unix_ms),
            // The recording is over and nothing is left of it.
            Err(_) => return,
        };
        match self.store.rename_from(recording, &dated, title) {
            Ok(_) => self.send_titles_soon(),
            Err(error) => warn!(%recording, %error, "A recording could not be named"),
        }
    }

    /// Sets a title that a person chose.
    pub(super) fn rename(&mut self, recording: RecordingId, title: &str) -> Result<(), AppError> {
        let title = titles::given(title).ok_or(AppError::EmptyTitle)?;
        self.store.rename(recording, &title)?;
        self.send_titles_soon();
        Ok(())
    }

    pub(super) fn dated_title(&self, started_unix_ms: i64) -> String {
        let started = jiff::Timestamp::from_millisecond(started_unix_ms).unwrap_or_default();
        let started = started.to_zoned(jiff::tz::TimeZone::system());
        titles::dated(&started, self.settings.desktop.language)
    }

    pub(super) fn send_titles_soon(&mut self) {
        self.title_sending.failures = 0;
        self.title_sending.again_ms = Some(self.now_ms());
    }

    pub(super) fn is_in_step_with_server(&self) -> bool {
        self.are_copies_checked() && !self.does_title_wait()
    }

    /// Returns whether a title waits for the server and can be sent.
    fn does_title_wait(&self) -> bool {
        let Some(account) = self.account.as_ref().filter(|_| self.titles_ms().is_some()) else {
            return self.title_sending.under_way;
        };
        // Errors of reading are logged where titles are sent.
        self.store.pending_title(&account.base_url).is_ok_and(|title| title.is_some())
    }

    /// Returns when to send the next title, or `None` if none waits or the server can't take one now.
    pub(super) fn titles_ms(&self) -> Option<u64> {
        // A server that only implements the documented API has no titles, and it gets nothing that the
        // documents don't name.
        let can_be_told = self.uplink.is_some()
            && !self.title_sending.under_way
            && self.machine.reach() == Reach::Online
            && self.machine.knows_server();
        self.title_sending.again_ms.filter(|_| can_be_told)
    }

    pub(super) fn send_titles(&mut self) {
        if self.titles_ms().is_none_or(|again_ms| self.now_ms() < again_ms) {
            return;
        }
        self.title_sending.again_ms = None;
        let (Some(uplink), Some(account)) = (self.uplink.clone(), self.account.as_ref()) else {
            return;
        };
        let pending = match self.store.pending_title(&account.base_url) {
            Ok(Some(pending)) => pending,
            Ok(None) => return,
            Err(error) => {
                warn!(%error, "The titles that wait can't be read");
                return;
            }
        };
        self.title_sending.under_way = true;
        let (inbox, generation) = (self.inbox.clone(), self.generation);
        tokio::spawn(async move {
            let outcome = uplink.rename(&pending.session, &pending.title).await;
            let (recording, title) = (pending.recording, pending.title);
            let _ = inbox.send(Message::TitleSent { generation, recording, title, outcome }).await;
        });
    }

    pub(super) fn title_sent(
        &mut self,
        generation: u64,
        recording: RecordingId,
        title: &str,
        outcome: Result<(), Failure>,
    ) {
        self.title_sending.under_way = false;
        if generation != self.generation {
            return self.send_titles_soon();
        }
        match outcome {
            Ok(()) => {
                self.title_known(recording, title);
                self.send_titles_soon();
            }
            Err(failure) => {
                debug!(%recording, ?failure, "A title could not be sent");
                let wait_ms = AGAIN_MS << self.title_sending.failures.min(8);
                self.title_sending.failures += 1;
                self.title_sending.again_ms = Some(self.now_ms() + wait_ms.min(AGAIN_MS_MAX));
            }
        }
    }

    /// Notes that the server has a title.
    pub(super) fn title_known(&mut self, recording: RecordingId, title: &str) {
        if let Err(error) = self.store.note_cloud_title(recording, title) {
            warn!(%recording, %error, "It could not be noted that the server has a title");
        }
        // The recording may have been renamed in the meantime.
        self.title_sending.again_ms.get_or_insert(self.began.elapsed().as_millis() as u64);
    }
}
