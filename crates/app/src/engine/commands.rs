//! Takes what shells ask for: each command goes to the part that owns it. Replies are sent when what the command
//! changed is committed, as far as the disk allows.

use snaplark_core::RecordingId;
use snaplark_core::upload::{Phase, UploadEvent};
use snaplark_store::StoreError;
use tokio::sync::oneshot;
use tracing::error;

use super::Engine;
use super::session::{keep_permission, permission};
use crate::messages::{EngineCommand, Reply};
use crate::view::Snapshot;
use crate::{AppError, Notice, PlayableMedia};

impl Engine {
    pub(super) fn handle_command(&mut self, command: EngineCommand) {
        match command {
            EngineCommand::Snapshot { since, reply } => self.answer_snapshot(since, reply),
            EngineCommand::Picture(command) => self.handle_picture(command),
            EngineCommand::Cuts(command) => self.handle_cuts(command),
            EngineCommand::Import(command) => self.handle_import(command),
            EngineCommand::Media { recording, reply } => drop(reply.send(self.media(recording))),
            EngineCommand::Start { request, reply } => self.session.start(&self.cx, request, reply),
            EngineCommand::Toggle { request, reply } => {
                self.session.toggle(&self.cx, request, reply);
            }
            // The recording ended by itself and its rows are not written yet.
            EngineCommand::Stop { reply }
                if self.session.is_idle() && self.library.unclosed().is_some() =>
            {
                self.session.await_end(reply);
            }
            EngineCommand::Stop { reply } => self.session.stop(&self.cx, reply),
            EngineCommand::Share { length, reply } => {
                self.session.share_last(&self.cx, length, reply);
            }
            EngineCommand::AskPreview { reply } => self.session.ask_preview(&self.cx, reply),
            EngineCommand::Preview { reply } => drop(reply.send(self.session.preview_view())),
            EngineCommand::SharePreview { recording, range, reply } => {
                self.session.share_preview(&self.cx, recording, &range, reply);
            }
            EngineCommand::DiscardPreview { recording, reply } => {
                self.session.discard_preview(&self.cx, recording);
                let _ = reply.send(Ok(()));
            }
            EngineCommand::Cancel { reply } => self.session.cancel(&self.cx, reply),
            EngineCommand::Pause { paused, reply } => {
                let asked = self.session.pause(&self.cx, paused);
                self.reply(reply, asked);
            }
            EngineCommand::Mute { muted, reply } => drop(reply.send(self.session.mute(muted))),
            EngineCommand::Strike { length, reply } => {
                self.session.strike(&self.cx, length, reply);
            }
            EngineCommand::Recorded { reply } => {
                let _ = reply.send(self.session.request().cloned());
            }
            EngineCommand::WhyEnded { recording, reply } => {
                let _ = reply.send(self.session.why_ended(recording));
            }
            EngineCommand::Remember { what, value, reply } => {
                let kept = self.cx.store.set_setting(&remembered(&what), &value);
                let _ = reply.send(kept.map_err(AppError::from));
            }
            EngineCommand::Recall { what, reply } => {
                let kept = self.cx.store.setting(&remembered(&what));
                let _ = reply.send(kept.map_err(AppError::from));
            }
            EngineCommand::Permission { source, given, reply } => {
                if let Some(given) = given {
                    keep_permission(&self.cx, &source, &given);
                }
                let _ = reply.send(Ok(permission(&self.cx, &source)));
            }
            EngineCommand::ShowWebcam { shown, reply } => {
                let shown = self.show_webcam(shown);
                self.reply(reply, shown);
            }
            EngineCommand::Settings { reply } => drop(reply.send(self.cx.settings.clone())),
            EngineCommand::ChangeSettings { change, reply } => {
                let changed = self.change_settings(&change);
                self.reply(reply, changed);
            }
            EngineCommand::ChangeSetting { name, value, reply } => {
                let changed = self.change_setting(&name, &value);
                self.reply(reply, changed);
            }
            EngineCommand::Retry { recording, reply } => {
                let retried = self.uploads.retry(&self.cx, recording).map_err(AppError::from);
                self.reply(reply, retried);
            }
            EngineCommand::SendTo { item, server, reply } => {
                let sent = self.uploads.send_to(&self.cx, item, &server);
                self.reply(reply, sent);
            }
            EngineCommand::RemoveUpload { upload, reply } => {
                let removed = self.uploads.remove_upload(&self.cx, upload);
                self.reply(reply, removed);
            }
            EngineCommand::PauseUpload { recording, paused } => {
                let event = match paused {
                    true => UploadEvent::PauseAsked { recording },
                    false => UploadEvent::ResumeAsked { recording },
                };
                self.uploads.handle(&self.cx, event);
            }
            EngineCommand::IsUpToDate { reply } => {
                let is_told = self.webhook.is_up_to_date(&self.cx);
                let _ = reply.send(is_told && self.uploads.is_up_to_date(&self.cx));
            }
            EngineCommand::Account { reply } => {
                let _ = reply.send(self.uploads.account().cloned());
            }
            EngineCommand::Accounts { reply } => {
                let others = self.uploads.other_accounts().to_vec();
                let _ = reply.send((self.uploads.account().cloned(), others));
            }
            EngineCommand::SwitchAccount { account, left_stays, reply } => {
                let switched = self.uploads.switch_account(&self.cx, account, left_stays);
                self.reply(reply, switched);
            }
            EngineCommand::AddAccount { account, reply } => {
                let added = self.uploads.add_account(&self.cx, account);
                self.reply(reply, added);
            }
            EngineCommand::RemoveAccount { server, reply } => {
                let removed = self.uploads.remove_account(&self.cx, &server);
                self.reply(reply, removed);
            }
            EngineCommand::TellSignedOut => (self.cx.notices)(Notice::SignedOut),
            EngineCommand::HintNetwork => {
                self.uploads.handle(&self.cx, UploadEvent::NetworkHinted);
            }
            EngineCommand::SetCloudProblem { problem } => self.uploads.set_cloud_problem(problem),
            EngineCommand::SetLocalNetwork { network } => self.library.set_local_network(network),
            EngineCommand::Rename { recording, title, reply } => {
                let renamed = self.library.rename(&self.cx, recording, &title);
                if renamed.is_ok() {
                    self.uploads.send_titles_soon(&self.cx);
                }
                let _ = reply.send(renamed);
            }
            EngineCommand::Delete { recording, reply } => {
                let deleted = self.delete(recording);
                self.reply(reply, deleted);
            }
            EngineCommand::DeleteUndoably { recordings, reply } => {
                let deleted = self.delete_undoably(&recordings);
                self.reply(reply, deleted);
            }
            EngineCommand::UndoDelete { reply } => {
                let undone = self.undo_delete();
                self.reply(reply, undone);
            }
            EngineCommand::FileMoved { recording, to, reply } => {
                self.library.forget_file_problem(recording);
                let noted = self.cx.store.set_file(recording, &to);
                let _ = reply.send(noted.map_err(AppError::from));
            }
            EngineCommand::DismissToast { recording_id } => {
                self.library.dismiss_toast(&recording_id);
            }
            EngineCommand::DismissRebuilt => self.library.dismiss_rebuilt(&self.cx),
            EngineCommand::NoteLinkCopied { recording } => self.library.note_link_copied(recording),
            EngineCommand::NoteBarHidden { keys } => self.library.note_bar_hidden(keys),
            EngineCommand::RunJob { job, work, reply } => {
                let _ = reply.send(self.jobs.begin(&self.cx, job, work));
            }
            EngineCommand::CancelJob { job } => self.jobs.cancel(&self.cx, job),
            EngineCommand::DismissJob { job } => self.jobs.dismiss(&self.cx, job),
            EngineCommand::Shutdown { reply } => {
                self.shutdown = Some(reply);
                self.jobs.shut_down();
                self.session.shut_down(&self.cx);
            }
        }
    }

    /// Replies when what was done before has had its consequences.
    pub(super) fn reply<T>(&mut self, reply: Reply<T>, answer: Result<T, AppError>) {
        self.settle();
        let _ = reply.send(answer);
    }

    fn answer_snapshot(&mut self, since: u64, reply: oneshot::Sender<Snapshot>) {
        let snapshot = match self.snapshot(since) {
            Err(error) if self.library.may_rebuild(&self.cx, &error) => {
                error!(%error, "The list of recordings is damaged");
                let rebuilt = self.rebuild_store();
                self.settle();
                rebuilt.and_then(|()| self.snapshot(0))
            }
            first => first,
        };
        match snapshot {
            Ok(snapshot) => drop(reply.send(snapshot)),
            Err(error) => error!(%error, "The list of recordings can't be read"),
        }
    }

    pub(super) fn snapshot(&mut self, since: u64) -> Result<Snapshot, StoreError> {
        let (session, uploads) = (self.session.state(&self.cx), self.uploads.state());
        self.library.snapshot(&self.cx, session, uploads, self.jobs.views(self.cx.now_ms()), since)
    }

    fn media(&self, recording: RecordingId) -> Result<PlayableMedia, AppError> {
        match self.session.preview_media(&self.cx, recording) {
            Some((folder, segments)) => Ok(self.jobs.media_of_preview(folder, segments)),
            None => {
                let media = self.jobs.media(&self.cx, recording)?;
                Ok(match self.cx.store.imported(recording)? {
                    Some(file) => media.of_file(file, self.capture.clone()),
                    None => media,
                })
            }
        }
    }

    fn delete(&mut self, recording: RecordingId) -> Result<(), AppError> {
        self.refuse_running(&[recording])?;
        self.library.delete(&self.cx, recording)?;
        self.jobs.cancel_of(&self.cx, recording.into());
        self.uploads.handle(&self.cx, UploadEvent::Forgotten { recording });
        Ok(())
    }

    fn delete_undoably(&mut self, recordings: &[RecordingId]) -> Result<(), AppError> {
        self.refuse_running(recordings)?;
        self.library.delete_undoably(&mut self.cx, recordings)?;
        for recording in recordings.iter().copied() {
            self.jobs.cancel_of(&self.cx, recording.into());
            self.uploads.handle(&self.cx, UploadEvent::Forgotten { recording });
        }
        Ok(())
    }

    /// Restores what was deleted last and resumes its uploads.
    fn undo_delete(&mut self) -> Result<(), AppError> {
        let restored = self.library.undo_delete(&mut self.cx)?;
        self.uploads.restart(&self.cx)?;
        for recording in restored {
            let status = self.uploads.status(&self.cx, recording);
            if status.is_some_and(|status| status.phase != Phase::Finished) {
                self.library.show(recording);
            }
        }
        Ok(())
    }

    fn refuse_running(&self, recordings: &[RecordingId]) -> Result<(), AppError> {
        match self.session.recording().filter(|running| recordings.contains(running)) {
            Some(_) => Err(AppError::AlreadyRecording),
            None => Ok(()),
        }
    }
}

/// Returns the key under which a shell's value is stored, apart from the program's own settings.
fn remembered(what: &str) -> String {
    format!("shell-{what}")
}
