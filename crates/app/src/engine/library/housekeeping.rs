//! The disk space that recordings use on this computer.

use std::time::{SystemTime, UNIX_EPOCH};

use tracing::{info, warn};

use super::{Context, Library};

/// How often segments that are no longer needed are looked for.
const LOOK_AGAIN_MS: u64 = 10 * 60 * 1_000;
/// Below this free space, confirmed segments are deleted regardless of age, since the next recording needs
/// the room.
const FREE_BYTES_MIN: u64 = 2_000_000_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

impl Library {
    /// Looks for segments that need not stay, now that the settings may say something else about them.
    pub(crate) fn follow_settings(&mut self, cx: &Context) {
        self.clear_again_ms = cx.now_ms();
    }

    /// Deletes segments, oldest first, if the server has confirmed the finished video, the person's own
    /// file is written, and either their retention time is over or the disk is nearly full.
    pub(super) fn clear_confirmed(&mut self, cx: &Context) {
        let now_ms = cx.now_ms();
        if now_ms < self.clear_again_ms {
            return;
        }
        self.clear_again_ms = now_ms + LOOK_AGAIN_MS;
        let confirmed = match cx.store.confirmed() {
            Ok(confirmed) => confirmed,
            Err(error) => {
                warn!(%error, "It can't be told which segments need not stay");
                return;
            }
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_unix_ms = since.as_millis() as i64;
        for (recording, confirmed_unix_ms) in confirmed {
            let age_ms = now_unix_ms - confirmed_unix_ms;
            let is_over = cx
                .settings
                .upload
                .keep_local_days
                .is_some_and(|days| age_ms >= i64::from(days) * DAY_MS);
            let is_full = fs4::available_space(&cx.home.root).is_ok_and(|b| b < FREE_BYTES_MIN);
            if !is_over && !is_full {
                continue;
            }
            match cx.store.clear_segments(recording) {
                Ok(()) => info!(%recording, "Its segments need not stay: it is online and saved"),
                Err(error) => warn!(%recording, %error, "Its segments could not be cleared"),
            }
        }
    }
}
