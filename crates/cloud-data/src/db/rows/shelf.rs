//! The user's own videos, as the pages list and name them.

use sqlx::{AssertSqlSafe, QueryBuilder};

use super::upload_row::{is_the_video, select_uploads, upload};
use super::uploads::pattern;
use super::{Dialect, Pools};
use crate::db::{DbError, ShelfKind, Sort, Upload, UserId, VideoId, VideoQuery};

impl Pools {
    /// Returns a page of a user's uploads, without removed or expired ones. A page starts after the
    /// upload `behind`, by that upload's current sort key, even if it was removed meanwhile.
    pub async fn shelf(
        &self,
        user: UserId,
        shelf: VideoQuery<'_>,
        idle_since_ms: i64,
    ) -> Result<Vec<Upload>, DbError> {
        let VideoQuery { matching, kind, sort, behind, limit } = shelf;
        let of_kind = match kind {
            ShelfKind::All => "",
            ShelfKind::Recordings => "AND media NOT IN ('png', 'jpg', 'webp', 'gif') ",
            ShelfKind::Screenshots => "AND media IN ('png', 'jpg', 'webp', 'gif') ",
        };
        let (key, order, than) = match sort {
            Sort::Newest => ("created_ms", "DESC", "<"),
            Sort::Oldest => ("created_ms", "ASC", ">"),
            Sort::Title => ("LOWER(COALESCE(title, filename))", "ASC", ">"),
            Sort::Size => ("COALESCE(size_bytes, stored_bytes)", "DESC", "<"),
            Sort::Length => ("COALESCE(duration_ms, 0)", "DESC", "<"),
            Sort::Views => ("COALESCE(views, 0)", "DESC", "<"),
        };
        const FROM: &str = "FROM uploads LEFT JOIN shares \
             ON shares.video_id = uploads.video_id AND shares.user_id = uploads.user_id";
        let on = match behind {
            None => String::new(),
            Some(_) => format!(
                "AND ({key}, uploads.session_id) {than} (SELECT {key}, uploads.session_id {FROM} \
                 WHERE uploads.session_id = $5 AND uploads.user_id = $1) "
            ),
        };
        let sql = format!(
            "{} WHERE uploads.user_id = $1 AND removed_ms IS NULL AND state <> 'expired' \
             AND (active_ms >= $2 OR state IN ('completed', 'failed')) {}\
             AND ($3 = '' OR LOWER(COALESCE(title, filename)) LIKE $3 ESCAPE '!') {of_kind}{on}\
             ORDER BY {key} {order}, uploads.session_id {order} LIMIT $4",
            select_uploads!(),
            is_the_video!()
        );
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(user.0)
            .bind(idle_since_ms)
            .bind(pattern(matching))
            .bind(i64::from(limit));
        if let Some(behind) = behind {
            query = query.bind(behind.0);
        }
        query.fetch_all(&self.reads).await?.iter().map(upload).collect()
    }

    /// Returns the uploads that a user has or had under these links, including removed ones.
    pub async fn uploads_of_videos(
        &self,
        user: UserId,
        videos: &[VideoId],
    ) -> Result<Vec<Upload>, DbError> {
        if videos.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Dialect>::new(select_uploads!());
        query.push("WHERE uploads.user_id = ").push_bind(user.0);
        query.push(" AND uploads.video_id IN (");
        let mut ids = query.separated(", ");
        for video in videos {
            ids.push_bind(video.0);
        }
        query.push(") ORDER BY created_ms");
        query.build().fetch_all(&self.reads).await?.iter().map(upload).collect()
    }
}
