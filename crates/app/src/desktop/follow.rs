//! Follows the app's watch channels and notices, and asks the shell for what follows from them. The tasks run
//! until the app has closed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};

use super::tray::{TrayState, clock};
use super::{Controller, Shell};
use crate::view::{RecorderView, RingView};
use crate::{Notice, RecordingId};

/// Limits the event to 25 times a second. More is not visible, and each event costs the main thread a
/// script in every window. The last change is never the one that is dropped.
const CHANGES_APART_MIN: Duration = Duration::from_millis(40);
const SECOND: Duration = Duration::from_secs(1);

impl<S: Shell> Controller<S> {
    /// Follows changes, settings and notices until the app has closed.
    pub async fn run(self, notices: mpsc::UnboundedReceiver<Notice>) {
        let (recorder, recorded) = watch::channel(RecorderView::Idle);
        tokio::join!(
            self.follow_changes(recorder),
            self.follow_time(recorded),
            self.follow_settings(),
            self.follow_notices(notices),
        );
    }

    /// Notifies the windows and updates the tray after each change.
    async fn follow_changes(&self, recorder: watch::Sender<RecorderView>) {
        let mut changes = self.app.changes();
        let Ok(mut snapshot) = self.app.snapshot().await else { return };
        let mut active = (false, false);
        loop {
            self.shell.announce_change(*changes.borrow_and_update());
            let Ok(newer) = self.app.snapshot_since(snapshot.version).await else { return };
            snapshot.follow(newer);
            self.shell.recorder_changed(&snapshot.recorder, snapshot.change).await;
            self.follow_bar(&snapshot.recorder).await;
            self.explain_hidden_bar(&snapshot.recorder).await;
            let avoided = self.shell.part_to_avoid();
            let bar_is_hidden = self.shell.with_bar(|bar| bar.is_hidden(avoided));
            self.shell.show_tray(TrayState::of(&snapshot, bar_is_hidden));
            let now = (records(&snapshot.recorder), keeps(&snapshot.ring));
            if now != active {
                active = now;
                self.shell.activate_keys(now.0, now.1);
            }
            recorder.send_if_modified(|was| {
                let is_new = *was != snapshot.recorder;
                was.clone_from(&snapshot.recorder);
                is_new
            });
            tokio::time::sleep(CHANGES_APART_MIN).await;
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Shows the length of the recording once a second.
    async fn follow_time(&self, mut recorder: watch::Receiver<RecorderView>) {
        let mut shown = None;
        loop {
            let now = recorder.borrow_and_update().clone();
            let time = now.recorded_ms(now_unix_ms()).map(clock);
            if time != shown {
                shown.clone_from(&time);
                self.shell.show_time(time);
            }
            let runs = matches!(now, RecorderView::Recording { .. });
            tokio::select! {
                changed = recorder.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(SECOND), if runs => {}
            }
        }
    }

    /// Applies theme, language and shortcuts whenever they change, whether by a window or a command.
    async fn follow_settings(&self) {
        let mut settings = self.app.settings_changes();
        let mut shown = settings.borrow_and_update().desktop.clone();
        while settings.changed().await.is_ok() {
            let now = settings.borrow_and_update().desktop.clone();
            let before = std::mem::replace(&mut shown, now.clone());
            if now != before {
                self.shell.settings_changed(before, now);
            }
        }
    }

    async fn follow_notices(&self, mut notices: mpsc::UnboundedReceiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            match notice {
                Notice::AskWhere { recording, file } => {
                    // A question may stay open for hours; other notices don't wait for it.
                    let there = self.clone();
                    tokio::spawn(async move { there.ask_where(recording, file).await });
                }
                Notice::SignedOut => {
                    let there = self.clone();
                    tokio::spawn(async move { there.shell.signed_out().await });
                }
                Notice::CopyLink { recording, link } => self.hand_over(recording, link).await,
            }
        }
    }

    /// Puts the link of a recording that has ended on the clipboard, and opens it if the settings say so.
    async fn hand_over(&self, recording: RecordingId, link: String) {
        match self.shell.copy(link.clone()) {
            // Fails only if the app is closing.
            Ok(()) => drop(self.app.note_link_copied(recording).await),
            Err(error) => tracing::warn!(%error, "the link can't be put on the clipboard"),
        }
        // A person who takes pictures doesn't want a page for each.
        let opens = self.app.settings().await.is_ok_and(|settings| settings.desktop.open_link)
            && !self.app.pictures().has(recording.into()).await;
        if opens && let Err(error) = self.open_link(link).await {
            tracing::warn!(%error, "the link can't be opened");
        }
    }

    /// Asks where to move a recording's file. If the person cancels, it stays.
    async fn ask_where(&self, recording: RecordingId, file: std::path::PathBuf) {
        let Some(to) = self.shell.ask_where(file).await else { return };
        if let Err(error) = self.app.move_file(recording, to).await {
            tracing::warn!(code = %error.code(), "a recording's file stays where it was");
            self.shell.warn(error);
        }
    }
}

/// Returns whether a recording is active that can be muted, paused, or given a webcam.
fn records(recorder: &RecorderView) -> bool {
    match recorder {
        RecorderView::Idle | RecorderView::Stopping { .. } => false,
        RecorderView::Counting { .. }
        | RecorderView::Starting
        | RecorderView::Recording { .. }
        | RecorderView::Paused { .. } => true,
    }
}

fn keeps(ring: &RingView) -> bool {
    matches!(ring, RingView::Keeping { .. })
}

fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}
