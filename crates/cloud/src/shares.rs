//! Access to the video behind a link, and changes of it by the owner. Without HTTP.

use std::net::IpAddr;

use thiserror::Error;

use crate::accounts::Accounts;
use crate::audit::{self, AuditAction};
use crate::clock::Clock;
use crate::guesses::{Guess, GuessError, place};
use crate::secrets::{self, Claim, SecretError};
use snaplark_cloud_data::db::{
    Bucket, Db, DbError, Share, ShareChange, Upload, UserId, Visibility,
};

/// The shortest password of a link. It can be short because it is passed on to others, and guessing
/// is rate limited (`guesses`).
pub const PASSWORD_CHARS_MIN: usize = 6;
/// The longest title.
pub const TITLE_CHARS_MAX: usize = 200;
/// The longest description.
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// The time for which someone who entered the password may come back without it.
pub const PASS_MS: i64 = 12 * 60 * 60 * 1000;

/// Views by the same person within this time count as one.
const VIEWS: Bucket = Bucket { size: 1, refill_ms: 30 * 60 * 1000 };

/// An error of changing or unlocking a link.
#[derive(Debug, Error)]
pub enum ShareError {
    /// Only who enters the password was to be let in, and there is none.
    #[error("a video with a password needs one")]
    PasswordMissing,
    /// The password is shorter than `PASSWORD_CHARS_MIN`, or too long to hash.
    #[error("the password is too short or too long")]
    PasswordLength,
    /// The link would have ended already.
    #[error("the end is in the past")]
    EndInThePast,
    /// The operator doesn't want it counted how far videos are watched.
    #[error("watching is not counted on this server")]
    WatchingNotCounted,
    /// The password is not the one of the link.
    #[error("the password is wrong")]
    Wrong,
    /// The rate limiter refused the try.
    #[error("too many tries")]
    TooMany {
        /// The time until a try is looked at again.
        retry_after_s: u64,
    },
    /// A pass could not be made, or a password not be hashed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A change that an owner asks for. `None` leaves a setting as it is.
#[derive(Clone, Debug, Default)]
pub struct ShareAsk {
    /// An empty title selects the one that is derived from the file name.
    pub title: Option<String>,
    /// An empty text removes the description.
    pub description: Option<String>,
    /// Who may see the video from now on.
    pub visibility: Option<Visibility>,
    /// The new password of the link.
    pub password: Option<String>,
    /// When the link ends from now on, or never.
    pub expires_ms: Option<Option<i64>>,
    /// Whether visitors are offered the video as a download.
    pub downloads: Option<bool>,
    /// Whether it is counted how far the video is watched. `false` also deletes what was counted.
    pub counts_watching: Option<bool>,
}

/// The result of an access check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The video belongs to whoever asks.
    Owner,
    /// The link lets them in.
    Granted,
    /// They have to sign in to this server first.
    NeedsSignIn,
    /// They have to enter the password of the link first.
    NeedsPassword,
    /// The link has expired, as its owner chose.
    Over,
}

/// The known facts about the person who asks.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// The account that they are signed in to.
    pub user: Option<UserId>,
    /// The secret that the browser received for the password.
    pub pass: Option<&'a str>,
}

/// Access to videos by their links.
#[derive(Debug)]
pub struct Shares {
    db: Db,
    clock: Clock,
    may_count_watching: bool,
}

impl Shares {
    /// Returns the links of this database. `may_count_watching` is the operator's decision.
    pub fn new(db: Db, clock: Clock, may_count_watching: bool) -> Self {
        Shares { db, clock, may_count_watching }
    }

    /// Decides whether somebody may see a video.
    pub async fn access(&self, upload: &Upload, asking: Viewer<'_>) -> Result<Access, ShareError> {
        let share = &upload.share;
        if asking.user == Some(upload.user_id) {
            return Ok(Access::Owner);
        }
        let now_ms = self.clock.now_ms();
        if share.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Ok(Access::Over);
        }
        Ok(match share.visibility {
            Visibility::Link => Access::Granted,
            Visibility::Members if asking.user.is_some() => Access::Granted,
            Visibility::Members => Access::NeedsSignIn,
            Visibility::Password => {
                let passes = match asking.pass {
                    None => false,
                    Some(pass) => {
                        let stored = secrets::stored(pass);
                        self.db
                            .has_share_pass(upload.user_id, upload.video_id, &stored, now_ms)
                            .await?
                    }
                };
                if passes { Access::Granted } else { Access::NeedsPassword }
            }
        })
    }

    /// Changes the settings of a link. The password is hashed first.
    pub async fn change(
        &self,
        accounts: &Accounts,
        upload: &Upload,
        ask: &ShareAsk,
    ) -> Result<(), ShareError> {
        if ask.counts_watching == Some(true) && !self.may_count_watching {
            return Err(ShareError::WatchingNotCounted);
        }
        let mut change = decide(&upload.share, ask, self.clock.now_ms())?;
        if let Some(password) = &ask.password {
            change.password = Some(accounts.passwords.hash(password).await?);
        }
        self.db.change_share(upload.user_id, upload.video_id, &change).await?;
        self.note_changes(upload, &change).await;
        Ok(())
    }

    /// Writes the changes to the audit log. A form always sends every field, so only values that
    /// differ are logged.
    async fn note_changes(&self, upload: &Upload, change: &ShareChange) {
        let (now, video) = (&upload.share, upload.video_id.to_string());
        let note = async |action, detail: &str| {
            let user = Some(upload.user_id);
            audit::note(&self.db, &self.clock, user, action, (&video, detail)).await;
        };
        if let Some(title) = change.title.as_ref().filter(|title| **title != now.title) {
            note(AuditAction::VideoRenamed, title.as_deref().unwrap_or_default()).await;
        }
        if let Some(visibility) = change.visibility.filter(|it| *it != now.visibility) {
            note(AuditAction::VisibilityChanged, visibility.name()).await;
        }
        if change.password.is_some() {
            note(AuditAction::LinkPasswordSet, "").await;
        }
        if let Some(end) = change.expires_ms.filter(|end| *end != now.expires_ms) {
            let end = end.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
            note(AuditAction::LinkEndSet, &end.map_or("never".to_owned(), |end| end.to_string()))
                .await;
        }
        let word = |is_on: bool| if is_on { "on" } else { "off" };
        if let Some(off) = change.downloads_off.filter(|it| *it != now.downloads_off) {
            note(AuditAction::DownloadsChanged, word(!off)).await;
        }
        if let Some(counts) = change.counts_watching.filter(|it| *it != now.counts_watching) {
            note(AuditAction::WatchCountingChanged, word(counts)).await;
        }
    }

    /// Checks the link's password. Returns the pass that the browser keeps.
    pub async fn unlock(
        &self,
        accounts: &Accounts,
        upload: &Upload,
        password: &str,
        from: IpAddr,
    ) -> Result<String, ShareError> {
        let (video, now_ms) = (upload.video_id, self.clock.now_ms());
        accounts.guesses.count(Guess::LinkPassword { video, from }).await?;
        let hash = upload.share.password.as_deref();
        let target = video.to_string();
        let claim = Claim { target: &target, at: place(from), is_known: false };
        if !accounts.passwords.verify(password, hash, claim).await? {
            let (owner, refused) = (Some(upload.user_id), AuditAction::LinkPasswordRefused);
            audit::note(&self.db, &self.clock, owner, refused, (&target, "")).await;
            return Err(ShareError::Wrong);
        }
        let (pass, stored) = secrets::new_secret()?;
        self.db.add_share_pass(upload.user_id, video, &stored, now_ms + PASS_MS).await?;
        Ok(pass)
    }

    /// Counts a view by someone other than the owner.
    pub async fn viewed(
        &self,
        accounts: &Accounts,
        upload: &Upload,
        from: IpAddr,
    ) -> Result<(), ShareError> {
        let name = format!("view {} {}", upload.video_id, place(from));
        match accounts.guesses.take(&[(name, VIEWS)]).await {
            Ok(()) => Ok(self.db.count_view(upload.user_id, upload.video_id).await?),
            Err(GuessError::TooMany { .. }) => Ok(()),
            Err(GuessError::Db(error)) => Err(error.into()),
        }
    }
}

/// Checks a requested change and returns it, except for the password's hash, which takes a while to
/// compute.
fn decide(now: &Share, ask: &ShareAsk, now_ms: i64) -> Result<ShareChange, ShareError> {
    if let Some(password) = &ask.password {
        let chars = password.chars().count();
        if chars < PASSWORD_CHARS_MIN || password.len() > secrets::PASSWORD_BYTES_MAX {
            return Err(ShareError::PasswordLength);
        }
    }
    let visibility = ask.visibility.unwrap_or(now.visibility);
    if visibility == Visibility::Password && ask.password.is_none() && now.password.is_none() {
        return Err(ShareError::PasswordMissing);
    }
    // An expiry time in the past may stay, but can't be newly set.
    let is_new = |end: &i64| Some(*end) != now.expires_ms;
    if ask.expires_ms.flatten().filter(is_new).is_some_and(|end| end <= now_ms) {
        return Err(ShareError::EndInThePast);
    }
    Ok(ShareChange {
        title: ask.title.as_deref().map(plain_title),
        description: ask.description.as_deref().map(plain_description),
        visibility: ask.visibility,
        password: None,
        expires_ms: ask.expires_ms,
        downloads_off: ask.downloads.map(|downloads| !downloads),
        counts_watching: ask.counts_watching,
    })
}

fn plain_title(title: &str) -> Option<String> {
    let plain: String = title.chars().filter(|c| !c.is_control()).collect();
    let plain: String = plain.trim().chars().take(TITLE_CHARS_MAX).collect();
    (!plain.is_empty()).then_some(plain)
}

/// Cleans a description. Line breaks may stay.
fn plain_description(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let plain: String = plain.trim().chars().take(DESCRIPTION_CHARS_MAX).collect();
    (!plain.is_empty()).then_some(plain)
}

impl From<GuessError> for ShareError {
    fn from(error: GuessError) -> Self {
        match error {
            GuessError::TooMany { retry_after_s } => ShareError::TooMany { retry_after_s },
            GuessError::Db(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snaplark_cloud_data::db::VideoId;

    #[tokio::test]
    async fn pass_is_good_for_one_owners_video_alone() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let one = db.user_named("a@example.com", 0).await.unwrap();
        let other = db.user_named("b@example.com", 0).await.unwrap();
        let video = VideoId(uuid::Uuid::from_u128(1));
        let (_, pass) = secrets::new_secret().unwrap();
        db.add_share_pass(one, video, &pass, 10).await.unwrap();
        let has = async |owner, video| db.has_share_pass(owner, video, &pass, 5).await.unwrap();
        assert!(has(one, video).await);
        assert!(!has(other, video).await, "the same id of another owner");
        assert!(!has(one, VideoId(uuid::Uuid::from_u128(2))).await);
        assert!(!db.has_share_pass(one, video, &pass, 10).await.unwrap(), "it is over");
        // Another owner's new password ends none of these passes.
        let change = ShareChange { password: Some("hash".to_owned()), ..ShareChange::default() };
        db.change_share(other, video, &change).await.unwrap();
        assert!(has(one, video).await);
        db.change_share(one, video, &change).await.unwrap();
        assert!(!has(one, video).await);
    }

    #[test]
    fn what_can_be_asked_for() {
        let now = Share::default();
        let ask = |visibility, password: Option<&str>, expires_ms| ShareAsk {
            visibility,
            password: password.map(str::to_owned),
            expires_ms,
            ..ShareAsk::default()
        };
        let with = Some(Visibility::Password);
        assert!(matches!(
            decide(&now, &ask(with, None, None), 0),
            Err(ShareError::PasswordMissing)
        ));
        assert!(matches!(
            decide(&now, &ask(with, Some("short"), None), 0),
            Err(ShareError::PasswordLength)
        ));
        assert!(decide(&now, &ask(with, Some("longer"), None), 0).is_ok());
        let has =
            Share { password: Some("hash".to_owned()), expires_ms: Some(3), ..Share::default() };
        assert!(decide(&has, &ask(with, None, None), 0).is_ok(), "the old one stays");
        assert!(matches!(
            decide(&has, &ask(None, None, Some(Some(4))), 5),
            Err(ShareError::EndInThePast)
        ));
        assert!(decide(&has, &ask(None, None, Some(Some(3))), 5).is_ok(), "it passed already");
        assert!(decide(&has, &ask(None, None, Some(None)), 5).is_ok());
    }
}
