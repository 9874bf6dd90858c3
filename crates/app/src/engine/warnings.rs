//! Warnings about the running recording, for as long as their cause lasts. The tray and a toast show them,
//! since the recorder bar may be hidden.

use snaplark_core::RecordingId;
use snaplark_core::capture::{Listening, Trouble};

use super::Engine;
use crate::view::Warning;

/// The effect of a trouble on the warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Begins(Warning),
    Ends(Warning),
}

impl Engine {
    pub(super) fn note_warning(&mut self, recording: RecordingId, trouble: &Trouble) {
        let (Some(running), Some(change)) = (&mut self.running, change_by(trouble)) else { return };
        match change {
            // The report may be of a webcam that was switched off in the meantime.
            Change::Begins(Warning::WebcamLost) if !running.request.webcam.shown => {}
            Change::Begins(warning) => {
                if running.warnings.insert(warning) {
                    let (title, _) = self.saved(recording);
                    self.toasts.warn(recording, title, warning);
                }
            }
            Change::Ends(warning) => {
                running.warnings.remove(&warning);
                self.toasts.take_back_warning(recording, warning);
            }
        }
    }
}

fn change_by(trouble: &Trouble) -> Option<Change> {
    let of = |listening: &Listening| match listening {
        Listening::Microphone => Warning::MicrophoneLost,
        Listening::System => Warning::SystemSoundLost,
    };
    match trouble {
        Trouble::DiskLow { .. } => Some(Change::Begins(Warning::DiskLow)),
        Trouble::FolderLost { .. } => Some(Change::Begins(Warning::FolderLost)),
        Trouble::FolderBack => Some(Change::Ends(Warning::FolderLost)),
        Trouble::AudioLost { listening, .. } => Some(Change::Begins(of(listening))),
        Trouble::AudioBack { listening } => Some(Change::Ends(of(listening))),
        Trouble::WebcamLost { .. } => Some(Change::Begins(Warning::WebcamLost)),
        Trouble::WebcamBack => Some(Change::Ends(Warning::WebcamLost)),
        Trouble::FramesDropped { .. }
        | Trouble::SourceStalled { .. }
        | Trouble::SourceLost
        | Trouble::SourceBack { .. }
        | Trouble::EncoderHurried
        | Trouble::EncoderRelaxed
        | Trouble::EncoderSwitched { .. }
        | Trouble::MarksMissing { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_sound_is_warned_of_until_it_is_back() {
        let listening = Listening::Microphone;
        let lost = Trouble::AudioLost { listening, reason: "unplugged".into() };
        assert_eq!(change_by(&lost), Some(Change::Begins(Warning::MicrophoneLost)));
        let back = Trouble::AudioBack { listening };
        assert_eq!(change_by(&back), Some(Change::Ends(Warning::MicrophoneLost)));
        assert_eq!(change_by(&Trouble::EncoderHurried), None);
    }
}
