//! Who did what, kept for a year: shown to each user for their own account, and to whoever runs the
//! server.
//!
//! Noted by whoever does the deed, right after it. Where the request came from is known to the task
//! that answers it (`asked_from`), so that no deed has to be told; without a request it was the
//! server itself, or its command line. A note that can't be written undoes no deed: it is logged.

use std::net::IpAddr;

use crate::clock::Clock;
use crate::db::{Db, Deed, UserId};

tokio::task_local! { static FROM: IpAddr; }

/// Instead of an address.
const HERE: &str = "this server";

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
    /// As it is stored and printed.
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

/// The answer's task, as long as it works on that.
pub async fn asked_from<T>(from: IpAddr, answer: impl Future<Output = T>) -> T {
    FROM.scope(from, answer).await
}

/// `user`: whose account it is about, where that is known. `subject`: the video's id, the token's
/// name, and so on; `detail`: what became of it.
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
