//! Every limit of sending and of space, with its reason. Nothing elsewhere has a number of its own.

use snaplark_api::limits;

/// A recording that the shortcut ends before this was begun by a double press: nobody records less.
pub const RECORDING_MS_MIN: u64 = 500;

/// 001 and 004: 1, 2, 4, 8, 16 s between tries, then 16 s for as long as it takes.
pub const RETRY_MS: [u64; 5] = [1_000, 2_000, 4_000, 8_000, 16_000];
/// Added at random from the second 16 s on, so that many clients don't return together.
pub const RETRY_JITTER_MS_MAX: u64 = 4_000;
/// 001 gives up on a part here; we tell the person, and go on (004: "no max limit").
pub const FAILURES_BEFORE_TELLING: u32 = 5;
/// By chance two ids are never the same, and nobody knows one before its link is handed out: a server
/// that says so again and again refuses.
pub const ADDRESSES_TAKEN_MAX: u32 = 3;
/// A server that asks for more than this is asked again after this: a day in a header is more
/// often a mistake than a wish, and one request an hour harms nobody.
pub const RETRY_AFTER_MS_MAX: u64 = 60 * 60 * 1_000;
/// A 429 without Retry-After.
pub const RETRY_AFTER_MS_DEFAULT: u64 = 2_000;

/// Parts of up to this many uploads' worth are on their way together, whatever their number: more
/// would only share the same link, and 001 measured two to be enough.
pub const PARTS_IN_FLIGHT_MAX: usize = 2;
/// From this part on, segments are grouped even where parts are sent in real time: finalize can
/// list 10,000 parts, which single segments would use up after five and a half hours.
pub const SINGLE_SEGMENT_PARTS_MAX: usize = 8_000;

pub const MULTIPART_PART_BYTES_MIN: u64 = limits::MULTIPART_PART_BYTES_MIN;
pub const PART_BYTES_MAX: u64 = limits::PART_BYTES_MAX;

/// A connection that isn't there after so long won't come (restic#4876: hangs with no limit).
pub const CONNECT_MS_MAX: u64 = 10_000;
/// No byte for so long means that the path is dead, however slow it may be allowed to be.
pub const NO_PROGRESS_MS_MAX: u64 = 30_000;
/// A link of this speed is slow, and not dead.
pub const SLOWEST_BYTES_PER_SECOND: u64 = 1024;
/// What was handed to the system is not on its way yet: on a slow link its buffers hold about so
/// much, and nobody sees it move.
pub const BUFFERED_BYTES_MAX: u64 = 256 * 1024;
/// A part may take as long as it needs at this rate: no clock ends a slow link that moves, but no
/// link keeps a request busy for ever by moving a byte a minute (aws-sdk-js#1704).
pub const FLOOR_BYTES_PER_SECOND: u64 = 256;
/// The whole of a request without a body worth mentioning: init, finalize, a probe.
pub const SMALL_REQUEST_MS_MAX: u64 = 60_000;
/// The API's answers are some hundred bytes; a portal's page is not read further than this.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What of the disk's free space a recording minds. At the default bitrate the first is 26 minutes
/// before there is nothing, the second ten: enough for the person's own file of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceLimits {
    pub warn_bytes: u64,
    pub stop_bytes: u64,
}

impl Default for SpaceLimits {
    fn default() -> Self {
        SpaceLimits { warn_bytes: 500_000_000, stop_bytes: 200_000_000 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Enough,
    Low,
    /// The recording ends while it still can be finished.
    Out,
}

impl SpaceLimits {
    pub fn judge(&self, free_bytes: u64) -> Space {
        if free_bytes < self.stop_bytes {
            Space::Out
        } else if free_bytes < self.warn_bytes {
            Space::Low
        } else {
            Space::Enough
        }
    }

    /// For how long a recording of that many bits a second can go on.
    pub fn seconds_left(&self, free_bytes: u64, bits_per_second: u32) -> u64 {
        let bytes_per_second = u64::from(bits_per_second).div_ceil(8).max(1);
        free_bytes.saturating_sub(self.stop_bytes) / bytes_per_second
    }
}

/// The ring stops before anything else does: what was recorded on purpose needs the room.
pub const RING_FREE_BYTES_MIN: u64 = 1_000_000_000;
/// It comes back when there is so much more, lest it come and go.
pub const RING_FREE_BYTES_AGAIN: u64 = 1_500_000_000;
/// How often it is looked whether there is.
pub const RING_SPACE_LOOK_MS: u64 = 30_000;
/// The ring's encoder is asked for bits a second and may spend more for a while; so many times that
/// is what it may hold.
pub const RING_BYTES_SLACK: u64 = 2;
/// What is shared ends now, with a segment that is cut for it. A screen that gives no picture for
/// so long has nothing newer to show.
pub const RING_CUT_MS_MAX: u64 = 3_000;

/// How long nothing may be seen to move when so many bytes of a request were handed to the system.
pub fn no_progress_ms_max(handed_over_bytes: u64) -> u64 {
    let unseen_bytes = handed_over_bytes.min(BUFFERED_BYTES_MAX);
    NO_PROGRESS_MS_MAX + unseen_bytes * 1_000 / SLOWEST_BYTES_PER_SECOND
}

/// The most that a request with such a body may take.
pub fn deadline_ms(body_bytes: u64) -> u64 {
    SMALL_REQUEST_MS_MAX + body_bytes * 1_000 / FLOOR_BYTES_PER_SECOND
}

/// The wait before try `failures + 1`. `random` is any number; it only feeds the jitter.
pub fn retry_ms(failures: u32, random: u64) -> u64 {
    let last = RETRY_MS.len() - 1;
    let step = (failures.max(1) - 1) as usize;
    if step <= last { RETRY_MS[step] } else { RETRY_MS[last] + random % RETRY_JITTER_MS_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_link_has_time_to_empty_what_it_was_handed() {
        assert_eq!(no_progress_ms_max(0), 30_000);
        assert_eq!(no_progress_ms_max(60 * 1024), 90_000);
        assert_eq!(no_progress_ms_max(u64::MAX), 286_000);
    }

    #[test]
    fn space_is_told_before_it_is_out() {
        let limits = SpaceLimits::default();
        let judged = [500_000_000, 499_999_999, 200_000_000, 199_999_999, 0];
        let judged = judged.map(|free_bytes| limits.judge(free_bytes));
        assert_eq!(judged, [Space::Enough, Space::Low, Space::Low, Space::Out, Space::Out]);
        assert_eq!(limits.seconds_left(2_450_000_000, 2_500_000), 7_200);
        assert_eq!(limits.seconds_left(0, 0), 0);
    }

    #[test]
    fn waits_are_those_of_the_documents() {
        let waits: Vec<u64> = (1..=6).map(|failures| retry_ms(failures, 0) / 1_000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 16]);
        assert!((16_000..20_000).contains(&retry_ms(900, u64::MAX)));
    }
}
