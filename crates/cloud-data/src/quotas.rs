//! The limits on what one user may store and send. Pure; `db` does the counting, in the transaction
//! of the change that is counted.
//!
//! As long as an upload exists, these count:
//! - the bytes of its parts;
//! - `UPLOAD_BYTES` for the upload, which is more than its own row and those of its jobs take;
//! - for each part `ROW_BYTES` and its table of contents (`layout::Layout`);
//! - the stored map of a finished video;
//! - its products (thumbnail, preview, index, MP4, captions, each piece of a stream), and `ROW_BYTES` for
//!   each;
//! - the bytes of title and description, as long as the link's row exists.
//!
//! What the server creates by itself counts too, but is never refused for lack of space.

/// The size of an upload with its rows, beside its bytes.
pub const UPLOAD_BYTES: i64 = 4096;
/// The size of the row of a part or of a product.
pub const ROW_BYTES: i64 = 512;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The server's limits. `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The limit is for all uploads of one user together.
    pub storage_bytes: Option<u64>,
    /// Uploads begun by one user in a day of UTC.
    pub day_uploads: Option<u64>,
    /// Bytes sent by one user in a day of UTC.
    pub day_bytes: Option<u64>,
    /// The size of one video.
    pub video_bytes: Option<u64>,
}

/// The limits of one user. An outer `None` means the server's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// How much they may store; `Some(None)` is no limit.
    pub storage_bytes: Option<Option<u64>>,
    /// How many uploads they may begin in a day.
    pub day_uploads: Option<Option<u64>>,
    /// How much they may send in a day.
    pub day_bytes: Option<Option<u64>>,
}

/// The bytes that a user stores, and the uploads and bytes of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All that is stored for them.
    pub stored_bytes: u64,
    /// Days since the Unix epoch. The two fields below count this day.
    pub day: i64,
    /// The uploads that they began today.
    pub day_uploads: u64,
    /// The bytes that they sent today.
    pub day_bytes: u64,
}

/// The limit that is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// All that is stored for the user.
    Storage {
        /// The bytes that are stored now.
        stored_bytes: u64,
        /// The bytes that may be stored.
        bytes_max: u64,
    },
    /// The uploads begun today.
    DayUploads {
        /// How many a day allows.
        uploads_max: u64,
        /// The time until the next day.
        retry_after_s: u64,
    },
    /// The bytes sent today.
    DayBytes {
        /// How many a day allows.
        bytes_max: u64,
        /// The time until the next day.
        retry_after_s: u64,
    },
    /// The size of one video.
    Video {
        /// The size that is allowed.
        bytes_max: u64,
    },
}

impl Over {
    /// Returns the word for it in metrics and in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Over::Storage { .. } => "storage",
            Over::DayUploads { .. } => "uploads a day",
            Over::DayBytes { .. } => "bytes a day",
            Over::Video { .. } => "size of a video",
        }
    }
}

impl Limits {
    /// Returns these limits with a user's own in their place.
    pub fn of(self, own: OwnLimits) -> Limits {
        Limits {
            storage_bytes: own.storage_bytes.unwrap_or(self.storage_bytes),
            day_uploads: own.day_uploads.unwrap_or(self.day_uploads),
            day_bytes: own.day_bytes.unwrap_or(self.day_bytes),
            video_bytes: self.video_bytes,
        }
    }

    /// Returns the limit that `used` exceeds.
    pub fn exceeded(&self, used: Usage, now_ms: i64) -> Option<Over> {
        self.found(used, now_ms, |used, max| used > max)
    }

    /// Returns the limit that leaves no space for anything more. Checked before bytes are accepted.
    pub fn used_up(&self, used: Usage, now_ms: i64) -> Option<Over> {
        // The last upload that a day allows may still send its parts.
        let limits = Limits { day_uploads: None, ..*self };
        limits.found(used, now_ms, |used, max| used >= max)
    }

    /// Returns the limit that leaves no space for another upload. Checked before its bytes are accepted.
    pub fn used_up_for_another(&self, used: Usage, now_ms: i64) -> Option<Over> {
        self.found(used, now_ms, |used, max| used >= max)
    }

    fn found(&self, used: Usage, now_ms: i64, over: fn(u64, u64) -> bool) -> Option<Over> {
        let left_ms = DAY_MS - now_ms.rem_euclid(DAY_MS);
        let retry_after_s = left_ms.unsigned_abs().div_ceil(1000);
        let Usage { stored_bytes, day_uploads, day_bytes, .. } = used;
        let reached = |used, max: Option<u64>| max.filter(|max| over(used, *max));
        if let Some(bytes_max) = reached(stored_bytes, self.storage_bytes) {
            return Some(Over::Storage { stored_bytes, bytes_max });
        }
        if let Some(uploads_max) = reached(day_uploads, self.day_uploads) {
            return Some(Over::DayUploads { uploads_max, retry_after_s });
        }
        reached(day_bytes, self.day_bytes)
            .map(|bytes_max| Over::DayBytes { bytes_max, retry_after_s })
    }
}

impl Usage {
    /// Returns the usage as of a day. Counts of another day become zero.
    pub fn on(self, day: i64) -> Usage {
        if self.day == day { self } else { Usage { day, day_uploads: 0, day_bytes: 0, ..self } }
    }
}

/// Returns the number of the day, in UTC.
pub fn day(now_ms: i64) -> i64 {
    now_ms.div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        storage_bytes: Some(10),
        day_uploads: Some(2),
        day_bytes: Some(5),
        video_bytes: None,
    };

    fn used(stored_bytes: u64, day_uploads: u64, day_bytes: u64) -> Usage {
        Usage { stored_bytes, day: 3, day_uploads, day_bytes }
    }

    #[test]
    fn up_to_the_limit_and_no_further() {
        let now_ms = 4 * DAY_MS - 1500;
        assert_eq!(LIMITS.exceeded(used(10, 2, 5), now_ms), None);
        for (used, over) in [
            (used(11, 0, 0), Over::Storage { stored_bytes: 11, bytes_max: 10 }),
            (used(0, 3, 0), Over::DayUploads { uploads_max: 2, retry_after_s: 2 }),
            (used(0, 0, 6), Over::DayBytes { bytes_max: 5, retry_after_s: 2 }),
        ] {
            assert_eq!(LIMITS.exceeded(used, now_ms), Some(over));
            assert_eq!(Limits::default().exceeded(used, now_ms), None);
        }
        for used in [used(10, 0, 0), used(0, 0, 5)] {
            assert!(LIMITS.used_up(used, now_ms).is_some());
        }
        let last = used(9, 2, 4);
        assert_eq!(LIMITS.used_up(last, now_ms), None, "the day's last upload may go on");
        let over = LIMITS.used_up_for_another(last, now_ms);
        assert!(matches!(over, Some(Over::DayUploads { .. })), "and no other may begin");
    }

    #[test]
    fn ones_own_come_before_the_servers() {
        let own = OwnLimits {
            storage_bytes: Some(Some(20)),
            day_bytes: Some(None),
            ..OwnLimits::default()
        };
        let limits = LIMITS.of(own);
        assert_eq!(
            (limits.storage_bytes, limits.day_uploads, limits.day_bytes),
            (Some(20), Some(2), None)
        );
    }

    #[test]
    fn a_day_begins_at_nothing() {
        assert_eq!(used(7, 2, 5).on(3), used(7, 2, 5));
        assert_eq!(
            used(7, 2, 5).on(4),
            Usage { stored_bytes: 7, day: 4, day_uploads: 0, day_bytes: 0 }
        );
        assert_eq!((day(-1), day(0), day(DAY_MS)), (-1, 0, 1));
    }
}
