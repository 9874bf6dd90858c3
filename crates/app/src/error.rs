//! The errors of this crate.

use snaplark_core::capture::CaptureError;
use snaplark_store::StoreError;
use thiserror::Error;

/// An error of the program. Shells pick their words by its code; its text is for the command line and logs.
#[derive(Debug, Error)]
pub enum AppError {
    #[error("This system names no folder for a program's data. Set SNAPLARK_HOME to one")]
    NoHome,
    #[error("SNAPLARK_HOME can't be used: {reason}")]
    BadHome { reason: String },
    #[error(
        "The connection to {server} is not encrypted (http): others on the network can read your token and your recordings. Nothing was sent. Use its https address, or allow it for this server with `snaplark login --allow-http` (SNAPLARK_ALLOW_HTTP=1 with SNAPLARK_SERVER)"
    )]
    PlainHttp { server: String },
    #[error(
        "'{server}' isn't a server address. It should look like https://host or http://host:port"
    )]
    BadServer { server: String },
    #[error("SNAPLARK_PROFILE: {reason}")]
    BadProfile { reason: String },
    #[error("{server} does not know this token. Nothing was changed")]
    TokenRefused { server: String },
    #[error("{server} can't be reached now ({reason}). Nothing was changed")]
    ServerUnreachable { server: String, reason: String },
    #[error(
        "The system's keyring can't be used ({reason}). Nothing was stored: unlock it and sign in again, or sign in for this session only"
    )]
    NoKeyring { reason: String },
    #[error(
        "You are signed out, but the keyring can't be used ({reason}) and still holds the token. Unlock it, then sign in and out again; or revoke the token on the server's page"
    )]
    TokenRemains { reason: String },
    #[error("{server} offers no sign-in with a browser. Use a token of it instead")]
    NoBrowserSignIn { server: String },
    #[error(
        "{server} sends the sign-in to another server ({other}), which could get or give away a token that is not meant for it. Nothing was sent, and nothing was changed. Sign in to {other} itself, if that is yours"
    )]
    ForeignSignIn { server: String, other: String },
    #[error(
        "Nobody signed in for ten minutes. Nothing was changed; begin again when you are ready"
    )]
    SignInTimedOut,
    #[error("{server} did not sign you in ({reason}). Nothing was changed")]
    SignInRefused { server: String, reason: String },
    #[error("The browser can't come back to this program: {reason}")]
    NoLoopback { reason: String },
    #[error("{to} can't be written ({reason}). The recording is where it was")]
    NotMoved { to: String, reason: String },
    #[error("The network can't be used: {reason}")]
    Network { reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("A recording is running already")]
    AlreadyRecording,
    #[error("No recording is running")]
    NotRecording,
    #[error("There is no setting '{name}'. Nothing was changed")]
    UnknownSetting { name: String },
    #[error("The setting '{name}' can't be so: {reason}. Nothing was changed")]
    BadChange { name: String, reason: String },
    #[error("{keys} can do one thing only. Nothing was changed; choose other keys")]
    KeysTwice { keys: String },
    #[error("This recording has no microphone. Choose one before the next")]
    NoMicrophone,
    #[error(
        "Nothing of the last minutes is kept now. Switch it on in the settings, or see there why not"
    )]
    NothingKept,
    #[error("These minutes are shared or discarded already. Ask for the last minutes again")]
    NoPreview,
    #[error("The preview has {}, and the range is none of them. Nothing was shared", counted(*segments as u32, "segment"))]
    BadRange { segments: usize },
    #[error(
        "The folder {} is away. What was recorded since then is safe elsewhere on this computer, and joins the rest when the folder is back and Snaplark runs", folder.display()
    )]
    FolderAway { folder: std::path::PathBuf },
    /// The recording's segments are on the disk, but their rows aren't. The next start adopts them.
    #[error(
        "The list of recordings can't be written ({reason}). {} of the recording {} safe in {}, and {} the list when it can be written and Snaplark runs. Free some space if the disk is full",
        counted(*segments, "segment"),
        if *segments == 1 { "is" } else { "are" },
        folder.display(),
        if *segments == 1 { "joins" } else { "join" }
    )]
    NotListed { folder: std::path::PathBuf, segments: u32, reason: String },
    #[error(
        "The recording has ended, but it could not be deleted now ({reason}). It will be in the list when Snaplark starts again"
    )]
    NotDeleted { reason: String },
    #[error("{reason}")]
    BadSetting { reason: String },
    #[error("A title can't be empty. Nothing was changed")]
    EmptyTitle,
    #[error("It ended before anything was recorded")]
    NothingRecorded,
    #[error("Its media can't be read here: {reason}")]
    NoMedia { reason: String },
    #[error("Snaplark is closing")]
    Closing,
    #[error("Snaplark isn't running here. Start it, or record with `snaplark record`")]
    NotRunning,
    /// An error reported by the running program, which was asked to carry out a request.
    #[error("{text}")]
    Told { code: String, text: String },
}

/// Formats a count with its noun: "1 segment", "2 segments".
pub(crate) fn counted(count: u32, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl AppError {
    pub(crate) fn home(error: std::io::Error) -> Self {
        AppError::BadHome { reason: error.to_string() }
    }

    pub(crate) fn local(error: std::io::Error) -> Self {
        AppError::NoLoopback { reason: error.to_string() }
    }

    pub fn code(&self) -> &str {
        match self {
            AppError::NoHome => "no-home",
            AppError::BadHome { .. } => "bad-home",
            AppError::PlainHttp { .. } => "plain-http",
            AppError::BadServer { .. } => "bad-server",
            AppError::BadProfile { .. } => "bad-profile",
            AppError::TokenRefused { .. } => "token-refused",
            AppError::ServerUnreachable { .. } => "server-unreachable",
            AppError::NoBrowserSignIn { .. } => "no-browser-sign-in",
            AppError::ForeignSignIn { .. } => "foreign-sign-in",
            AppError::SignInTimedOut => "sign-in-timed-out",
            AppError::SignInRefused { .. } => "sign-in-refused",
            AppError::NoLoopback { .. } => "no-loopback",
            AppError::NoKeyring { .. } => "no-keyring",
            AppError::TokenRemains { .. } => "token-remains",
            AppError::NotMoved { .. } => "not-moved",
            AppError::Network { .. } => "network",
            AppError::Store(StoreError::InUse(_)) => "in-use",
            AppError::Store(StoreError::NoSuchRecording(_)) => "no-such-recording",
            AppError::Store(_) => "store",
            AppError::Capture(CaptureError::NoDisplay { .. }) => "no-display",
            AppError::Capture(CaptureError::EncoderMissing { .. }) => "encoder-missing",
            AppError::Capture(CaptureError::DiskFull) => "disk-full",
            AppError::Capture(CaptureError::Declined) => "sharing-declined",
            AppError::Capture(
                CaptureError::SharingRefused { .. }
                | CaptureError::SharingSilent
                | CaptureError::SharingRevoked
                | CaptureError::SharingLost { .. },
            ) => "no-sharing",
            AppError::Capture(_) => "capture",
            AppError::AlreadyRecording => "already-recording",
            AppError::NotRecording => "not-recording",
            AppError::UnknownSetting { .. } => "unknown-setting",
            AppError::BadChange { .. } => "bad-setting",
            AppError::KeysTwice { .. } => "keys-twice",
            AppError::NoMicrophone => "no-microphone",
            AppError::NotListed { .. } => "not-listed",
            AppError::NotDeleted { .. } => "not-deleted",
            AppError::BadSetting { .. } => "bad-setting",
            AppError::EmptyTitle => "empty-title",
            AppError::NothingRecorded => "nothing-recorded",
            AppError::NoMedia { .. } => "no-media",
            AppError::NothingKept => "nothing-kept",
            AppError::NoPreview => "no-preview",
            AppError::BadRange { .. } => "bad-range",
            AppError::FolderAway { .. } => "folder-away",
            AppError::Closing => "closing",
            AppError::NotRunning => "not-running",
            AppError::Told { code, .. } => code,
        }
    }
}
