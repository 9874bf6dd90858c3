//! Warnings about the running recording, for as long as their cause lasts. The tray and a toast show them,
//! since the recorder bar may be hidden.

use snaplark_core::RecordingId;
use snaplark_core::capture::{Issue, Listening};

use super::{RecordingSession, ToastChange};
use crate::view::Warning;

/// Says what an issue changes about the warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WarningChange {
    Begins(Warning),
    Ends(Warning),
}

impl RecordingSession {
    pub(super) fn note_warning(&mut self, recording: RecordingId, issue: &Issue) {
        let (Some(running), Some(change)) = (&mut self.running, change_by(issue)) else { return };
        match change {
            // The report may be of a webcam that was switched off in the meantime.
            WarningChange::Begins(Warning::WebcamLost) if !running.request.webcam.shown => {}
            WarningChange::Begins(warning) => {
                if running.warnings.insert(warning) {
                    self.toast(recording, ToastChange::WarningBegan(warning));
                }
            }
            WarningChange::Ends(warning) => {
                running.warnings.remove(&warning);
                self.toast(recording, ToastChange::WarningEnded(warning));
            }
        }
    }
}

fn change_by(issue: &Issue) -> Option<WarningChange> {
    let of = |listening: &Listening| match listening {
        Listening::Microphone => Warning::MicrophoneLost,
        Listening::System => Warning::SystemSoundLost,
    };
    match issue {
        Issue::DiskLow { .. } => Some(WarningChange::Begins(Warning::DiskLow)),
        Issue::FolderLost { .. } => Some(WarningChange::Begins(Warning::FolderLost)),
        Issue::FolderBack => Some(WarningChange::Ends(Warning::FolderLost)),
        Issue::AudioLost { listening, .. } => Some(WarningChange::Begins(of(listening))),
        Issue::AudioBack { listening } => Some(WarningChange::Ends(of(listening))),
        Issue::WebcamLost { .. } => Some(WarningChange::Begins(Warning::WebcamLost)),
        Issue::WebcamBack => Some(WarningChange::Ends(Warning::WebcamLost)),
        Issue::FramesDropped { .. }
        | Issue::SourceStalled { .. }
        | Issue::SourceLost
        | Issue::SourceBack { .. }
        | Issue::EncoderHurried
        | Issue::EncoderRelaxed
        | Issue::EncoderSwitched { .. }
        | Issue::MarksMissing { .. }
        | Issue::SegmentDamaged { .. }
        | Issue::LinkChanged => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_sound_is_warned_of_until_it_is_back() {
        let listening = Listening::Microphone;
        let lost = Issue::AudioLost { listening, reason: "unplugged".into() };
        assert_eq!(change_by(&lost), Some(WarningChange::Begins(Warning::MicrophoneLost)));
        let back = Issue::AudioBack { listening };
        assert_eq!(change_by(&back), Some(WarningChange::Ends(Warning::MicrophoneLost)));
        assert_eq!(change_by(&Issue::EncoderHurried), None);
    }
}
