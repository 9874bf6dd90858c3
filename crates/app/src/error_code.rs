//! The codes of all errors that a window can receive. Windows choose their words by the code
//! (`ui/src/lib/errors.ts`), which has to know each of them to compile. The command line prints it with
//! `--json`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! error_codes {
    ($($name:ident = $text:literal,)*) => {
        /// Why something that a person asked for was not done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
        #[serde(rename_all = "kebab-case")]
        #[ts(export)]
        #[expect(missing_docs, reason = "the windows' words say what each means")]
        pub enum ErrorCode { $($name,)* }

        impl ErrorCode {
            /// Every code, in the order of their declaration.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name,)*];

            /// Returns the code as it is written in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }
        }
    };
}

error_codes! {
    // Home and settings.
    NoHome = "no-home",
    BadHome = "bad-home",
    BadProfile = "bad-profile",
    UnknownSetting = "unknown-setting",
    BadSetting = "bad-setting",
    KeysTwice = "keys-twice",
    ShortcutTaken = "shortcut-taken",
    NoFolder = "no-folder",
    NoAutostart = "no-autostart",
    InUse = "in-use",
    Store = "store",
    FolderUnwritable = "folder-unwritable",
    // Sign-in and the server.
    PlainHttp = "plain-http",
    BadServer = "bad-server",
    TokenRefused = "token-refused",
    ServerUnreachable = "server-unreachable",
    NoBrowserSignIn = "no-browser-sign-in",
    ForeignSignIn = "foreign-sign-in",
    SignInTimedOut = "sign-in-timed-out",
    SignInRefused = "sign-in-refused",
    NoLoopback = "no-loopback",
    NoKeyring = "no-keyring",
    TokenRemains = "token-remains",
    Network = "network",
    NoWebhook = "no-webhook",
    WebhookRefused = "webhook-refused",
    // Recording.
    NoDisplay = "no-display",
    EncoderMissing = "encoder-missing",
    DiskFull = "disk-full",
    SharingDeclined = "sharing-declined",
    NoSharing = "no-sharing",
    Capture = "capture",
    NoScreenshot = "no-screenshot",
    AlreadyRecording = "already-recording",
    NotRecording = "not-recording",
    NothingRecorded = "nothing-recorded",
    NoMicrophone = "no-microphone",
    NoSound = "no-sound",
    NoCameras = "no-cameras",
    NoCamera = "no-camera",
    CameraRecording = "camera-recording",
    CameraHidden = "camera-hidden",
    NotListed = "not-listed",
    NotDeleted = "not-deleted",
    FolderAway = "folder-away",
    // The last minutes.
    NothingKept = "nothing-kept",
    NoPreview = "no-preview",
    BadRange = "bad-range",
    // Recordings in the library.
    NoRecording = "no-recording",
    NoSuchRecording = "no-such-recording",
    NoLink = "no-link",
    SendEdited = "send-edited",
    NoFile = "no-file",
    NoMedia = "no-media",
    NotMoved = "not-moved",
    EmptyTitle = "empty-title",
    // Pictures.
    NoPicture = "no-picture",
    BadDrawing = "bad-drawing",
    NewerDrawing = "newer-drawing",
    NoRecognition = "no-recognition",
    // Files that are brought in.
    FileRefused = "file-refused",
    // Cut recordings.
    BadEdit = "bad-edit",
    EditChanged = "edit-changed",
    NewerEdit = "newer-edit",
    NewLinkOnly = "new-link-only",
    PartTooLarge = "part-too-large",
    // Exports.
    NoEncoder = "no-encoder",
    NoSpace = "no-space",
    SilentRecording = "silent-recording",
    // The desktop.
    NoBrowser = "no-browser",
    NoFileManager = "no-file-manager",
    NoClipboard = "no-clipboard",
    NoDrag = "no-drag",
    NoWindow = "no-window",
    // Updates.
    RecordingRuns = "recording-runs",
    UpdateNotSigned = "update-not-signed",
    UpdateNotInstalled = "update-not-installed",
    UpdateFeedOdd = "update-feed-odd",
    UpdateFeedAway = "update-feed-away",
    // The program itself.
    Closing = "closing",
    NotRunning = "not-running",
    // The action is not offered on the way by which it came.
    NotOffered = "not-offered",
    // The window got no answer at all.
    OutOfReach = "out-of-reach",
    // A program of another version said a code that this one doesn't know.
    Unknown = "unknown",
}

impl ErrorCode {
    /// Returns the code that is written so, or `Unknown`.
    pub fn parse(text: &str) -> Self {
        let code = Self::ALL.iter().find(|code| code.as_str() == text);
        code.copied().unwrap_or(Self::Unknown)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_written_as_serde_writes_it_and_read_back() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(ErrorCode::parse(code.as_str()), *code);
        }
        assert_eq!(ErrorCode::parse("of-tomorrow"), ErrorCode::Unknown);
    }
}
