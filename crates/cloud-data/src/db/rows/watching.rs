//! How far videos are watched: for each version, how often each stretch of it was played. No row says by
//! whom or when. The rows are deleted with their version, and when the owner switches the counting off.

use sqlx::{QueryBuilder, Transaction};

use super::{Dialect, Pools, signed, whole};
use crate::db::{DbError, SessionId, UserId, VideoId, WATCH_STRETCHES, Watching};

impl Pools {
    /// Counts stretches as played once more, and one more viewing if `begins`. Counts nothing if the video was
    /// removed meanwhile, or its owner doesn't want it any more.
    pub async fn count_watching(
        &self,
        session: SessionId,
        stretches: &[u32],
        begins: bool,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        let is_counted = sqlx::query(
            "UPDATE uploads SET viewings = viewings + $2 WHERE session_id = $1 AND removed_ms IS NULL \
             AND EXISTS (SELECT 1 FROM shares WHERE shares.video_id = uploads.video_id \
             AND shares.user_id = uploads.user_id AND counts_watching)",
        )
        .bind(session.0)
        .bind(i64::from(begins))
        .execute(&mut *tx)
        .await?;
        if is_counted.rows_affected() == 1 && !stretches.is_empty() {
            let mut query =
                QueryBuilder::<Dialect>::new("INSERT INTO watching (session_id, stretch, plays) ");
            query.push_values(stretches, |mut row, stretch| {
                row.push_bind(session.0).push_bind(i64::from(*stretch)).push_bind(1_i64);
            });
            query.push(
                " ON CONFLICT (session_id, stretch) DO UPDATE SET plays = watching.plays + 1",
            );
            query.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Returns how far a version was watched.
    pub async fn watching(&self, session: SessionId) -> Result<Watching, DbError> {
        let viewings: Option<i64> =
            sqlx::query_scalar("SELECT viewings FROM uploads WHERE session_id = $1")
                .bind(session.0)
                .fetch_optional(&self.reads)
                .await?;
        let counted: Vec<(i64, i64)> =
            sqlx::query_as("SELECT stretch, plays FROM watching WHERE session_id = $1")
                .bind(session.0)
                .fetch_all(&self.reads)
                .await?;
        let mut watching =
            Watching { viewings: whole(viewings.unwrap_or(0))?, plays: [0; WATCH_STRETCHES] };
        for (stretch, plays) in counted {
            if let Some(known) = watching.plays.get_mut(whole::<usize>(stretch)?) {
                *known = whole(plays)?;
            }
        }
        Ok(watching)
    }
}

/// Deletes what was counted of a video's versions up to this one.
pub(super) async fn forget_watching(
    tx: &mut Transaction<'_, Dialect>,
    (user, video): (UserId, VideoId),
    version_max: u32,
) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM watching WHERE session_id IN (SELECT session_id FROM uploads \
         WHERE video_id = $1 AND user_id = $2 AND version <= $3)",
        "UPDATE uploads SET viewings = 0 \
         WHERE video_id = $1 AND user_id = $2 AND version <= $3 AND viewings > 0",
    ] {
        sqlx::query(sql)
            .bind(video.0)
            .bind(user.0)
            .bind(signed(version_max.into()))
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
