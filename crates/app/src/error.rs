//! The errors of this crate.

use snaplark_core::Action;
use snaplark_core::capture::CaptureError;
use snaplark_core::render::RenderError;
use snaplark_core::still::StillError;
use snaplark_store::StoreError;
use thiserror::Error;

use crate::error_code::ErrorCode;
use crate::imports::FileRefusal;

/// An error of the program. Shells choose their words by its code; its text is for the command line and logs.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the text of each variant says what it is")]
pub enum AppError {
    #[error("No folder for Snaplark's data was found. Set SNAPLARK_HOME to one")]
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
    #[error("{server} did not accept this token. Nothing was changed")]
    TokenRefused { server: String },
    #[error("{server} can't be reached ({reason}). Nothing was changed")]
    ServerUnreachable { server: String, reason: String },
    #[error(
        "This computer's keyring can't be used ({reason}). Nothing was stored. Unlock it and sign in again, or sign in for this session only"
    )]
    NoKeyring { reason: String },
    #[error(
        "You are signed out, but the keyring can't be used ({reason}) and still holds the token. Unlock it, then sign in and out again; or revoke the token on the server's page"
    )]
    TokenRemains { reason: String },
    #[error("{server} doesn't support signing in with a browser. Use a token instead")]
    NoBrowserSignIn { server: String },
    #[error(
        "{server} sends the sign-in to another server ({other}), which could get a token that is not meant for it. Nothing was sent, and nothing was changed. If {other} is yours, sign in to that address"
    )]
    ForeignSignIn { server: String, other: String },
    #[error("The sign-in timed out. Nothing was changed. Try again when you're ready")]
    SignInTimedOut,
    #[error("{server} refused the sign-in ({reason}). Nothing was changed")]
    SignInRefused { server: String, reason: String },
    #[error("The browser can't return to Snaplark: {reason}")]
    NoLoopback { reason: String },
    #[error("{to} can't be written ({reason}). The recording is still where it was")]
    NotMoved { to: String, reason: String },
    #[error("There is no webhook. Set its address first: `snaplark settings webhook https://…`")]
    NoWebhook,
    #[error("The webhook's server did not take it: {reason}")]
    WebhookRefused { reason: String },
    #[error("The network can't be used: {reason}")]
    Network { reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Still(#[from] StillError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("A recording is already running")]
    AlreadyRecording,
    #[error("No recording is running")]
    NotRecording,
    #[error("There is no setting '{name}'. Nothing was changed")]
    UnknownSetting { name: String },
    #[error("The setting '{name}' can't have this value: {reason}. Nothing was changed")]
    BadChange { name: String, reason: String },
    #[error("{keys} can't be used for two shortcuts. Nothing was changed. Choose other keys")]
    KeysTwice { keys: String },
    #[error("This recording has no microphone. Choose one before the next")]
    NoMicrophone,
    #[error("The last minutes aren't being kept. Turn this on in the settings, under Recording")]
    NothingKept,
    #[error("These minutes were already shared or discarded. Ask for the last minutes again")]
    NoPreview,
    #[error("The preview has {}, and the range is outside of it. Nothing was shared", counted(*segments as u32, "segment"))]
    BadRange { segments: usize },
    #[error(
        "The folder {} is unavailable. What was recorded since then is saved elsewhere on this computer, and joins the rest when the folder is back and Snaplark runs", folder.display()
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
        "The recording has ended, but could not be deleted ({reason}). It is listed when Snaplark starts again"
    )]
    NotDeleted { reason: String },
    #[error("{reason}")]
    BadSetting { reason: String },
    #[error("A title can't be empty. Nothing was changed")]
    EmptyTitle,
    #[error("The recording ended before anything was recorded")]
    NothingRecorded,
    #[error("The recording can't be played here: {reason}")]
    NoMedia { reason: String },
    #[error("{name} can't be uploaded. {}", refusal.words())]
    FileRefused { name: String, refusal: FileRefusal },
    #[error("Snaplark is closing")]
    Closing,
    #[error("Snaplark isn't running here. Start it, or record with `snaplark record`")]
    NotRunning,
    #[error("'{action}' can't be asked for here. Nothing was changed")]
    NotOffered { action: Action },
    /// An error reported by the shell, or by the running program, which was asked to carry out a request.
    #[error("{text}")]
    Told { code: ErrorCode, text: String },
}

/// Formats a count with its noun: "1 segment", "2 segments".
pub(crate) fn counted(count: u32, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl AppError {
    pub(crate) fn home(error: std::io::Error) -> Self {
        AppError::BadHome { reason: error.to_string() }
    }

    /// Returns the server that the error is about.
    pub fn server(&self) -> Option<&str> {
        match self {
            AppError::PlainHttp { server }
            | AppError::BadServer { server }
            | AppError::TokenRefused { server }
            | AppError::ServerUnreachable { server, .. }
            | AppError::NoBrowserSignIn { server }
            | AppError::ForeignSignIn { server, .. }
            | AppError::SignInRefused { server, .. } => Some(server),
            _ => None,
        }
    }

    /// Returns the file that the error is about.
    pub fn file(&self) -> Option<&str> {
        match self {
            AppError::FileRefused { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Returns the cause as others put it (the system, the server, GStreamer), for the end of a window's own
    /// words. Returns the whole text of an error that has no cause.
    pub fn reason(&self) -> String {
        match self {
            AppError::BadHome { reason }
            | AppError::BadProfile { reason }
            | AppError::ServerUnreachable { reason, .. }
            | AppError::NoKeyring { reason }
            | AppError::TokenRemains { reason }
            | AppError::SignInRefused { reason, .. }
            | AppError::NoLoopback { reason }
            | AppError::NotMoved { reason, .. }
            | AppError::Network { reason }
            | AppError::WebhookRefused { reason }
            | AppError::BadChange { reason, .. }
            | AppError::NotListed { reason, .. }
            | AppError::NotDeleted { reason }
            | AppError::NoMedia { reason } => reason.clone(),
            AppError::KeysTwice { keys } => keys.clone(),
            AppError::FileRefused { refusal, .. } => refusal.name().to_owned(),
            AppError::ForeignSignIn { other, .. } => other.clone(),
            AppError::Capture(
                CaptureError::NoDisplay { reason }
                | CaptureError::SourceMissing { reason }
                | CaptureError::SharingRefused { reason }
                | CaptureError::SharingLost { reason }
                | CaptureError::NoSound { reason }
                | CaptureError::PipelineFailed { reason },
            ) => reason.clone(),
            _ => self.to_string(),
        }
    }

    /// Returns an error of a shell or of another program.
    pub fn told(code: ErrorCode, text: impl std::fmt::Display) -> Self {
        AppError::Told { code, text: text.to_string() }
    }

    pub(crate) fn local(error: std::io::Error) -> Self {
        AppError::NoLoopback { reason: error.to_string() }
    }

    /// Returns the code that windows and `--json` get.
    pub fn code(&self) -> ErrorCode {
        match self {
            AppError::NoHome => ErrorCode::NoHome,
            AppError::BadHome { .. } => ErrorCode::BadHome,
            AppError::PlainHttp { .. } => ErrorCode::PlainHttp,
            AppError::BadServer { .. } => ErrorCode::BadServer,
            AppError::BadProfile { .. } => ErrorCode::BadProfile,
            AppError::TokenRefused { .. } => ErrorCode::TokenRefused,
            AppError::ServerUnreachable { .. } => ErrorCode::ServerUnreachable,
            AppError::NoBrowserSignIn { .. } => ErrorCode::NoBrowserSignIn,
            AppError::ForeignSignIn { .. } => ErrorCode::ForeignSignIn,
            AppError::SignInTimedOut => ErrorCode::SignInTimedOut,
            AppError::SignInRefused { .. } => ErrorCode::SignInRefused,
            AppError::NoLoopback { .. } => ErrorCode::NoLoopback,
            AppError::NoKeyring { .. } => ErrorCode::NoKeyring,
            AppError::TokenRemains { .. } => ErrorCode::TokenRemains,
            AppError::NotMoved { .. } => ErrorCode::NotMoved,
            AppError::Network { .. } => ErrorCode::Network,
            AppError::NoWebhook => ErrorCode::NoWebhook,
            AppError::WebhookRefused { .. } => ErrorCode::WebhookRefused,
            AppError::Store(StoreError::InUse(_)) => ErrorCode::InUse,
            AppError::Store(StoreError::NoSuchRecording(_)) => ErrorCode::NoSuchRecording,
            AppError::Store(_) => ErrorCode::Store,
            AppError::Capture(CaptureError::NoDisplay { .. }) => ErrorCode::NoDisplay,
            AppError::Capture(CaptureError::EncoderMissing { .. }) => ErrorCode::EncoderMissing,
            AppError::Capture(CaptureError::DiskFull) => ErrorCode::DiskFull,
            AppError::Capture(CaptureError::Declined) => ErrorCode::SharingDeclined,
            AppError::Capture(
                CaptureError::SharingRefused { .. }
                | CaptureError::SharingSilent
                | CaptureError::SharingRevoked
                | CaptureError::SharingLost { .. },
            ) => ErrorCode::NoSharing,
            AppError::Still(StillError::NoDisplay { .. }) => ErrorCode::NoDisplay,
            AppError::Still(StillError::Declined) => ErrorCode::SharingDeclined,
            AppError::Still(StillError::Refused { .. } | StillError::Silent) => {
                ErrorCode::NoSharing
            }
            AppError::Still(
                StillError::SourceMissing { .. }
                | StillError::Unsupported { .. }
                | StillError::Failed { .. },
            ) => ErrorCode::NoScreenshot,
            AppError::Render(
                RenderError::NotAPicture { .. } | RenderError::PictureTooLarge { .. },
            ) => ErrorCode::NoPicture,
            AppError::Render(RenderError::Drawing(_) | RenderError::EmptyCrop) => {
                ErrorCode::BadDrawing
            }
            AppError::Render(RenderError::NoEncoder { .. }) => ErrorCode::NoEncoder,
            AppError::Render(RenderError::NoSpace { .. }) => ErrorCode::NoSpace,
            AppError::Render(RenderError::Silent) => ErrorCode::SilentRecording,
            AppError::Render(RenderError::Edit(_)) => ErrorCode::BadEdit,
            AppError::Capture(_) | AppError::Render(_) => ErrorCode::Capture,
            AppError::AlreadyRecording => ErrorCode::AlreadyRecording,
            AppError::NotRecording => ErrorCode::NotRecording,
            AppError::UnknownSetting { .. } => ErrorCode::UnknownSetting,
            AppError::BadChange { .. } => ErrorCode::BadSetting,
            AppError::KeysTwice { .. } => ErrorCode::KeysTwice,
            AppError::NoMicrophone => ErrorCode::NoMicrophone,
            AppError::NotListed { .. } => ErrorCode::NotListed,
            AppError::NotDeleted { .. } => ErrorCode::NotDeleted,
            AppError::BadSetting { .. } => ErrorCode::BadSetting,
            AppError::EmptyTitle => ErrorCode::EmptyTitle,
            AppError::NothingRecorded => ErrorCode::NothingRecorded,
            AppError::NoMedia { .. } => ErrorCode::NoMedia,
            AppError::NothingKept => ErrorCode::NothingKept,
            AppError::NoPreview => ErrorCode::NoPreview,
            AppError::BadRange { .. } => ErrorCode::BadRange,
            AppError::FolderAway { .. } => ErrorCode::FolderAway,
            AppError::FileRefused { .. } => ErrorCode::FileRefused,
            AppError::Closing => ErrorCode::Closing,
            AppError::NotRunning => ErrorCode::NotRunning,
            AppError::NotOffered { .. } => ErrorCode::NotOffered,
            AppError::Told { code, .. } => *code,
        }
    }
}
