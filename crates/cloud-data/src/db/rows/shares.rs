//! The owners' settings of their links, and the passes of people who entered a link's password.

use sqlx::Transaction;

use super::usage::release;
use super::watching::forget_watching;
use super::{Dialect, Pools, signed};
use crate::db::{DbError, ShareChange, UserId, VideoId};

impl Pools {
    /// Changes a link's settings. A new password invalidates the passes of people who entered the old
    /// one.
    pub async fn change_share(
        &self,
        user: UserId,
        video: VideoId,
        change: &ShareChange,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO shares (video_id, user_id) VALUES ($1, $2) \
             ON CONFLICT (video_id, user_id) DO UPDATE SET user_id = excluded.user_id",
        )
        .bind(video.0)
        .bind(user.0)
        .execute(&mut *tx)
        .await?;
        if let Some(title) = &change.title {
            sqlx::query("UPDATE shares SET title = $3 WHERE video_id = $1 AND user_id = $2")
                .bind(video.0)
                .bind(user.0)
                .bind(title.as_deref())
                .execute(&mut *tx)
                .await?;
        }
        if let Some(description) = &change.description {
            sqlx::query("UPDATE shares SET description = $3 WHERE video_id = $1 AND user_id = $2")
                .bind(video.0)
                .bind(user.0)
                .bind(description.as_deref())
                .execute(&mut *tx)
                .await?;
        }
        if let Some(visibility) = change.visibility {
            sqlx::query("UPDATE shares SET visibility = $3 WHERE video_id = $1 AND user_id = $2")
                .bind(video.0)
                .bind(user.0)
                .bind(visibility.name())
                .execute(&mut *tx)
                .await?;
        }
        if let Some(password) = &change.password {
            sqlx::query("UPDATE shares SET password = $3 WHERE video_id = $1 AND user_id = $2")
                .bind(video.0)
                .bind(user.0)
                .bind(password)
                .execute(&mut *tx)
                .await?;
            // Also delete passes from before passes had an owner (`user_id` is NULL). No check
            // accepts them any more, so other owners lose nothing.
            let passes = "DELETE FROM share_passes WHERE video_id = $1 \
                          AND (user_id = $2 OR user_id IS NULL)";
            sqlx::query(passes).bind(video.0).bind(user.0).execute(&mut *tx).await?;
        }
        if let Some(expires_ms) = change.expires_ms {
            sqlx::query("UPDATE shares SET expires_ms = $3 WHERE video_id = $1 AND user_id = $2")
                .bind(video.0)
                .bind(user.0)
                .bind(expires_ms)
                .execute(&mut *tx)
                .await?;
        }
        if let Some(downloads_off) = change.downloads_off {
            sqlx::query(
                "UPDATE shares SET downloads_off = $3 WHERE video_id = $1 AND user_id = $2",
            )
            .bind(video.0)
            .bind(user.0)
            .bind(downloads_off)
            .execute(&mut *tx)
            .await?;
        }
        if let Some(counts) = change.counts_watching {
            sqlx::query(
                "UPDATE shares SET counts_watching = $3 WHERE video_id = $1 AND user_id = $2",
            )
            .bind(video.0)
            .bind(user.0)
            .bind(counts)
            .execute(&mut *tx)
            .await?;
            if !counts {
                forget_watching(&mut tx, (user, video), u32::MAX).await?;
            }
        }
        count_text(&mut tx, user, video).await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn count_view(&self, user: UserId, video: VideoId) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO shares (video_id, user_id, views) VALUES ($1, $2, 1) \
             ON CONFLICT (video_id, user_id) DO UPDATE SET views = shares.views + 1",
        )
        .bind(video.0)
        .bind(user.0)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    pub async fn add_share_pass(
        &self,
        owner: UserId,
        video: VideoId,
        hash: &[u8],
        expires_ms: i64,
    ) -> Result<(), DbError> {
        sqlx::query("INSERT INTO share_passes (hash, video_id, expires_ms, user_id) VALUES ($1, $2, $3, $4)")
            .bind(hash)
            .bind(video.0)
            .bind(expires_ms)
            .bind(owner.0)
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    pub async fn has_share_pass(
        &self,
        owner: UserId,
        video: VideoId,
        hash: &[u8],
        now_ms: i64,
    ) -> Result<bool, DbError> {
        let found: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM share_passes WHERE hash = $1 AND video_id = $2 AND expires_ms > $3 \
             AND user_id = $4",
        )
        .bind(hash)
        .bind(video.0)
        .bind(now_ms)
        .bind(owner.0)
        .fetch_one(&self.reads)
        .await?;
        Ok(found > 0)
    }
}

/// Updates the quota by what the title and description take now.
async fn count_text(
    tx: &mut Transaction<'_, Dialect>,
    user: UserId,
    video: VideoId,
) -> Result<(), DbError> {
    let (title, description, before): (Option<String>, Option<String>, i64) = sqlx::query_as(
        "SELECT title, description, kept_bytes FROM shares WHERE video_id = $1 AND user_id = $2",
    )
    .bind(video.0)
    .bind(user.0)
    .fetch_one(&mut **tx)
    .await?;
    let bytes: usize = [title, description].iter().flatten().map(String::len).sum();
    let now = signed(bytes as u64);
    if now == before {
        return Ok(());
    }
    sqlx::query("UPDATE shares SET kept_bytes = $3 WHERE video_id = $1 AND user_id = $2")
        .bind(video.0)
        .bind(user.0)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    release(tx, user, before - now).await
}
