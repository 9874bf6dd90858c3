//! The audit log: who did what, kept for a year. Users see the entries about their own account, and
//! the operator sees all.
//!
//! The code that does something writes the entry right after it. The client's address is stored in
//! the task that answers the request (`with_client_address`), so that it needn't be passed along. Without a
//! request the server itself or its command line acted. If an entry can't be written, the action is
//! not undone; the failure is logged.

use std::net::IpAddr;

use crate::clock::Clock;
use snaplark_cloud_data::db::{AuditEntry, Db, UserId};

tokio::task_local! { static FROM: IpAddr; }

/// Stands in the address column for actions without a request.
const HERE: &str = "this server";

/// An action that the audit log records. [`AuditAction::name`] has the words for each.
#[allow(missing_docs, reason = "each variant would repeat its name")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    SignedIn,
    SignInRefused,
    SignedOut,
    PasswordSet,
    PasswordChanged,
    PasswordRefused,
    PasswordReset,
    ResetLinkMade,
    ResetLinkSent,
    AccountExported,
    AccountDeleted,
    LimitsSet,
    UserDisabled,
    UserEnabled,
    TokenCreated,
    TokenRevoked,
    AppConnected,
    VideoFinished,
    VideoRenamed,
    VisibilityChanged,
    LinkPasswordSet,
    LinkEndSet,
    LinkPasswordRefused,
    DownloadsChanged,
    WatchCountingChanged,
    VideoDeleted,
    PartMended,
    UploadRefused,
}

impl AuditAction {
    /// Lists all actions.
    pub const ALL: [AuditAction; 28] = [
        AuditAction::SignedIn,
        AuditAction::SignInRefused,
        AuditAction::SignedOut,
        AuditAction::PasswordSet,
        AuditAction::PasswordChanged,
        AuditAction::PasswordRefused,
        AuditAction::PasswordReset,
        AuditAction::ResetLinkMade,
        AuditAction::ResetLinkSent,
        AuditAction::AccountExported,
        AuditAction::AccountDeleted,
        AuditAction::LimitsSet,
        AuditAction::UserDisabled,
        AuditAction::UserEnabled,
        AuditAction::TokenCreated,
        AuditAction::TokenRevoked,
        AuditAction::AppConnected,
        AuditAction::VideoFinished,
        AuditAction::VideoRenamed,
        AuditAction::VisibilityChanged,
        AuditAction::LinkPasswordSet,
        AuditAction::LinkEndSet,
        AuditAction::LinkPasswordRefused,
        AuditAction::DownloadsChanged,
        AuditAction::WatchCountingChanged,
        AuditAction::VideoDeleted,
        AuditAction::PartMended,
        AuditAction::UploadRefused,
    ];

    /// Returns the name that is stored and printed.
    pub const fn name(self) -> &'static str {
        match self {
            AuditAction::SignedIn => "sign-in",
            AuditAction::SignInRefused => "sign-in refused",
            AuditAction::SignedOut => "sign-out",
            AuditAction::PasswordSet => "password set",
            AuditAction::PasswordChanged => "password changed",
            AuditAction::PasswordRefused => "password refused",
            AuditAction::PasswordReset => "password reset",
            AuditAction::ResetLinkMade => "password link made",
            AuditAction::ResetLinkSent => "password link sent",
            AuditAction::AccountExported => "account exported",
            AuditAction::AccountDeleted => "account deleted",
            AuditAction::LimitsSet => "limits set",
            AuditAction::UserDisabled => "user disabled",
            AuditAction::UserEnabled => "user enabled",
            AuditAction::TokenCreated => "token created",
            AuditAction::TokenRevoked => "token revoked",
            AuditAction::AppConnected => "app connected",
            AuditAction::VideoFinished => "video finished",
            AuditAction::VideoRenamed => "video renamed",
            AuditAction::VisibilityChanged => "visibility changed",
            AuditAction::LinkPasswordSet => "link password set",
            AuditAction::LinkEndSet => "link end set",
            AuditAction::LinkPasswordRefused => "link password refused",
            AuditAction::DownloadsChanged => "downloads changed",
            AuditAction::WatchCountingChanged => "watch counting changed",
            AuditAction::VideoDeleted => "video deleted",
            AuditAction::PartMended => "part mended",
            AuditAction::UploadRefused => "upload refused",
        }
    }
}

/// Runs the future that answers a request, with the client's address set for audit entries.
pub async fn with_client_address<T>(from: IpAddr, answer: impl Future<Output = T>) -> T {
    FROM.scope(from, answer).await
}

/// Returns the client's address that is set, for work that continues in a task of its own.
pub fn client_address() -> Option<IpAddr> {
    FROM.try_with(|from| *from).ok()
}

/// Writes an entry. `user` is the account that it is about, if known. `subject` is the id of the
/// video, the name of the token and so on; `detail` tells more about the action.
pub async fn note(
    db: &Db,
    clock: &Clock,
    user: Option<UserId>,
    action: AuditAction,
    (subject, detail): (&str, &str),
) {
    let address = FROM.try_with(IpAddr::to_string).unwrap_or_else(|_| HERE.to_owned());
    let entry =
        AuditEntry { user_id: user, action: action.name(), subject, detail, address: &address };
    if let Err(error) = db.note(&entry, clock.now_ms()).await {
        tracing::error!(%error, action = action.name(), subject, "The audit log could not be written");
    }
}
