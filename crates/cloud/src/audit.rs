//! The audit log: who did what, kept for a year. Users see the entries about their own account, and
//! the operator sees all.
//!
//! The code that does something writes the entry right after it. The client's address is stored in
//! the task that answers the request (`asked_from`), so that it needn't be passed along. Without a
//! request the server itself or its command line acted. If an entry can't be written, the action is
//! not undone; the failure is logged.

use std::net::IpAddr;

use crate::clock::Clock;
use crate::db::{Db, Deed, UserId};

tokio::task_local! { static FROM: IpAddr; }

/// Stands in the address column for actions without a request.
const HERE: &str = "this server";

/// An action that the audit log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
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
    VideoDeleted,
    PartMended,
    UploadRefused,
}

impl Action {
    /// Returns the name that is stored and printed.
    pub const fn name(self) -> &'static str {
        match self {
            Action::SignedIn => "sign-in",
            Action::SignInRefused => "sign-in refused",
            Action::SignedOut => "sign-out",
            Action::PasswordSet => "password set",
            Action::PasswordChanged => "password changed",
            Action::PasswordRefused => "password refused",
            Action::PasswordReset => "password reset",
            Action::ResetLinkMade => "password link made",
            Action::ResetLinkSent => "password link sent",
            Action::AccountExported => "account exported",
            Action::AccountDeleted => "account deleted",
            Action::LimitsSet => "limits set",
            Action::UserDisabled => "user disabled",
            Action::UserEnabled => "user enabled",
            Action::TokenCreated => "token created",
            Action::TokenRevoked => "token revoked",
            Action::AppConnected => "app connected",
            Action::VideoFinished => "video finished",
            Action::VideoRenamed => "video renamed",
            Action::VisibilityChanged => "visibility changed",
            Action::LinkPasswordSet => "link password set",
            Action::LinkEndSet => "link end set",
            Action::LinkPasswordRefused => "link password refused",
            Action::VideoDeleted => "video deleted",
            Action::PartMended => "part mended",
            Action::UploadRefused => "upload refused",
        }
    }
}

/// Runs the future that answers a request, with the client's address set for audit entries.
pub async fn asked_from<T>(from: IpAddr, answer: impl Future<Output = T>) -> T {
    FROM.scope(from, answer).await
}

/// Writes an entry. `user` is the account that it is about, if known. `subject` is the id of the
/// video, the name of the token and so on; `detail` tells more about the action.
pub async fn note(
    db: &Db,
    clock: &Clock,
    user: Option<UserId>,
    action: Action,
    (subject, detail): (&str, &str),
) {
    let address = FROM.try_with(IpAddr::to_string).unwrap_or_else(|_| HERE.to_owned());
    let deed = Deed { user_id: user, action: action.name(), subject, detail, address: &address };
    if let Err(error) = db.note(&deed, clock.now_ms()).await {
        tracing::error!(%error, action = action.name(), subject, "A deed could not be noted");
    }
}
