//! How a row of `uploads` or `parts` becomes a value, and the texts in its columns.

use snaplark_api::VideoState;
use snaplark_formats::sniff::MediaKind;
use sqlx::Row as _;

use super::{Row, whole};
use crate::db::{
    Assembly, DbError, Finished, ProductName, SessionId, Share, StoredPart, Upload, UserId,
    VideoId, Visibility,
};
use crate::quotas::ROW_BYTES;

/// The beginning of each statement whose rows [`upload`] reads.
macro_rules! select_uploads {
    () => {
        concat!(
            "SELECT uploads.session_id, uploads.user_id, uploads.video_id, state, filename, width, \
             height, created_ms, active_ms, version, revision, stored_bytes, parts_total, assembly, size_bytes, \
             duration_ms, etag, holes, removed_ms, media, title, description, visibility, password, expires_ms, \
             views, downloads_off, counts_watching, (SELECT string_agg(product, ' ') FROM products \
             WHERE products.session_id = uploads.session_id AND product IN (", crate::db::known_products!(),
            ")) AS made, edit IS NOT NULL AS edited, (SELECT COUNT(*) FROM parts \
             WHERE parts.session_id = uploads.session_id AND damaged_ms IS NOT NULL) \
             + (SELECT COUNT(*) FROM kept_runs JOIN parts ON ", crate::db::is_kept_damaged!(),
            " WHERE kept_runs.session_id = uploads.session_id) AS damaged FROM uploads \
             LEFT JOIN shares ON shares.video_id = uploads.video_id AND shares.user_id = uploads.user_id "
        )
    };
}
pub(super) use select_uploads;

/// A condition of lists: a version that is being sent is not an entry beside the one that is served.
macro_rules! is_the_video {
    () => {
        "AND (version = 1 OR state = 'completed' OR NOT EXISTS (SELECT 1 FROM uploads AS served \
         WHERE served.video_id = uploads.video_id AND served.state = 'completed' \
         AND served.removed_ms IS NULL)) "
    };
}
pub(super) use is_the_video;

pub(super) fn upload(row: &Row) -> Result<Upload, DbError> {
    let assembly: Option<String> = row.try_get("assembly")?;
    let finished = match assembly {
        None => None,
        Some(word) => Some(Finished {
            parts_total: whole(row.try_get("parts_total")?)?,
            assembly: assembly_of(&word)?,
            size_bytes: whole(row.try_get("size_bytes")?)?,
            duration_ms: whole(row.try_get("duration_ms")?)?,
            etag: row.try_get("etag")?,
            holes: holes_of(row.try_get("holes")?),
        }),
    };
    Ok(Upload {
        session_id: SessionId(row.try_get("session_id")?),
        user_id: UserId(row.try_get("user_id")?),
        video_id: VideoId(row.try_get("video_id")?),
        state: state_of(row.try_get("state")?)?,
        filename: row.try_get("filename")?,
        width: whole(row.try_get("width")?)?,
        height: whole(row.try_get("height")?)?,
        created_ms: row.try_get("created_ms")?,
        active_ms: row.try_get("active_ms")?,
        version: whole(row.try_get("version")?)?,
        revision: row.try_get("revision")?,
        stored_bytes: whole(row.try_get("stored_bytes")?)?,
        finished,
        removed: row.try_get::<Option<i64>, _>("removed_ms")?.is_some(),
        media: media_of(row.try_get("media")?)?,
        share: share(row)?,
        parts_damaged: whole(row.try_get("damaged")?)?,
        made: row.try_get::<Option<&str>, _>("made")?.map_or_else(Vec::new, products_of),
        is_edited: row.try_get("edited")?,
    })
}

pub(super) fn holes_text(holes: &[(u64, u64)]) -> String {
    let words: Vec<String> = holes.iter().map(|(start, end)| format!("{start}-{end}")).collect();
    words.join(" ")
}

fn holes_of(words: &str) -> Vec<(u64, u64)> {
    let hole = |word: &str| {
        let (start, end) = word.split_once('-')?;
        Some((start.parse().ok()?, end.parse().ok()?))
    };
    words.split(' ').filter_map(hole).collect()
}

fn media_of(word: &str) -> Result<MediaKind, DbError> {
    let known = MediaKind::ALL.into_iter().find(|media| media.name() == word);
    known.ok_or_else(|| DbError::Unknown(format!("media {word}")))
}

fn products_of(words: &str) -> Vec<ProductName> {
    words.split_whitespace().map(|word| ProductName::from(word.to_owned())).collect()
}

fn share(row: &Row) -> Result<Share, DbError> {
    let Some(word) = row.try_get::<Option<String>, _>("visibility")? else {
        return Ok(Share::default());
    };
    Ok(Share {
        title: row.try_get("title")?,
        description: row.try_get("description")?,
        visibility: Visibility::ALL
            .into_iter()
            .find(|visibility| visibility.name() == word)
            .ok_or_else(|| DbError::Unknown(format!("visibility {word}")))?,
        password: row.try_get("password")?,
        expires_ms: row.try_get("expires_ms")?,
        views: whole(row.try_get("views")?)?,
        downloads_off: row.try_get("downloads_off")?,
        counts_watching: row.try_get("counts_watching")?,
    })
}

pub(super) fn part(row: &Row) -> Result<StoredPart, DbError> {
    let sha256: Vec<u8> = row.try_get("sha256")?;
    let layout: &str = row.try_get("layout")?;
    Ok(StoredPart {
        index: whole(row.try_get("part_index")?)?,
        object_key: row.try_get("object_key")?,
        size_bytes: whole(row.try_get("size_bytes")?)?,
        sha256: sha256.try_into().map_err(|_| DbError::Unknown("sha256".to_owned()))?,
        layout: serde_json::from_str(layout)
            .map_err(|e| DbError::Unknown(format!("layout: {e}")))?,
        row_bytes: ROW_BYTES as u64 + layout.len() as u64,
        is_damaged: row.try_get::<Option<i64>, _>("damaged_ms")?.is_some(),
        shift_ms: row.try_get("shift_ms")?,
    })
}

pub(super) fn state_of(word: &str) -> Result<VideoState, DbError> {
    VideoState::ALL
        .into_iter()
        .find(|state| state.name() == word)
        .ok_or_else(|| DbError::Unknown(format!("state {word}")))
}

pub(super) fn assembly_word(assembly: Assembly) -> &'static str {
    match assembly {
        Assembly::Mapped => "mapped",
        Assembly::Joined => "joined",
    }
}

fn assembly_of(word: &str) -> Result<Assembly, DbError> {
    [Assembly::Mapped, Assembly::Joined]
        .into_iter()
        .find(|assembly| assembly_word(*assembly) == word)
        .ok_or_else(|| DbError::Unknown(format!("assembly {word}")))
}
