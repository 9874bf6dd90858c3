//! All limits of uploads and of disk space, with their reasons. No other module defines such numbers.

use snaplark_api::limits;

/// The shortest recording. If the shortcut ends one sooner, it was a double press: nobody records less.
pub const RECORDING_MS_MIN: u64 = 500;

/// How much is struck from a recording unless a person names another length: a slip of the tongue and the
/// moment until one notices.
pub const STRIKE_SECONDS: u64 = 10;
/// The most that is struck at once, and the longest that uploads are held back: sound that may be struck is
/// kept in memory, 11.5 MB for a minute.
pub const STRIKE_SECONDS_MAX: u64 = 60;
/// Segments are held back for longer than is asked for by this much: a strike begins up to 20 ms earlier,
/// with a packet of sound, and its end is the moment at which the key arrived here.
pub const HOLD_BACK_MARGIN_MS: u64 = 200;

/// The waits between retries. 001 and 004: 1, 2, 4, 8, 16 s, then 16 s for as long as it takes. 002 has the first three
/// of them (1, 2, 4 s), and then gives up, which we don't.
pub const RETRY_MS: [u64; 5] = [1_000, 2_000, 4_000, 8_000, 16_000];
/// Random jitter, which is added from the second 16 s wait on, so that many clients don't retry
/// together.
pub(crate) const RETRY_JITTER_MS_MAX: u64 = 4_000;
/// 001 gives up on a part here; we inform the person and go on (004: "no max limit").
pub(crate) const FAILURES_BEFORE_TELLING: u32 = 5;
/// How often an address may be reported as taken. Two ids never collide by chance, and nobody knows an
/// id before its link is handed out, so a server that reports it repeatedly is refusing.
pub(crate) const ADDRESSES_TAKEN_MAX: u32 = 3;
/// How often another number is tried for a version of an edited recording: somebody else publishes at the same
/// moment at most, and a server that reports it repeatedly is refusing.
pub(crate) const VERSIONS_TRIED_MAX: u32 = 5;
/// The upper limit on Retry-After. A day in that header is more often a mistake than intended, and one
/// request an hour harms nobody.
pub const RETRY_AFTER_MS_MAX: u64 = 60 * 60 * 1_000;
/// The wait after a 429 without Retry-After.
pub const RETRY_AFTER_MS_DEFAULT: u64 = 2_000;

/// The limit on parts in flight, over all uploads together: more would only share the same link, and
/// 001 measured two to be enough.
pub const PARTS_IN_FLIGHT_MAX: usize = 2;
/// From this part on, segments are grouped even when parts are sent in real time: finalize can list
/// 10,000 parts, which single segments would use up after five and a half hours.
pub(crate) const SINGLE_SEGMENT_PARTS_MAX: usize = 8_000;

/// The pieces of a file that a person brought in. Every size of a part is a multiple of it: 1 MiB (seed 002) and
/// 5 MiB. Rows name pieces by their numbers, so it may never change.
pub const FILE_PIECE_BYTES: u64 = 1024 * 1024;
/// The largest file that a destination can be given: as many parts as finalize can list, of the largest size.
pub const FILE_BYTES_MAX: u64 = limits::PARTS_MAX as u64 * limits::PART_BYTES_MAX;

/// S3's smallest part, as in the API's limits.
pub const MULTIPART_PART_BYTES_MIN: u64 = limits::MULTIPART_PART_BYTES_MIN;
/// The API's largest part.
pub const PART_BYTES_MAX: u64 = limits::PART_BYTES_MAX;
/// No segment is cut into pieces below this to pass a proxy: pieces of this size keep a video of 2 GiB
/// below the 10,000 parts that finalize can list.
pub(crate) const PIECE_BYTES_MIN: u64 = 256 * 1024;

/// 002: "Timeout: 30 seconds per chunk". If a chunk was still moving then, the line is slow rather than dead, and the
/// chunks of that server get the time that a slow line needs.
pub const POSTER_CHUNK_MS_MAX: u64 = 30_000;
/// The first size of 003's network test, which is also its default.
pub const LINE_TEST_BYTES: u64 = 100 * 1024;
/// The second size, and the most that 003's server sends.
pub const LINE_TEST_BYTES_MAX: u64 = 1024 * 1024;
/// If the first test takes less, it has measured mostly the round trip.
pub const LINE_TEST_MS_MIN: u64 = 500;
/// The longest test. What has come by then is enough to know that the line is slow.
pub const LINE_TEST_MS_MAX: u64 = 10_000;
/// How long a part takes on the measured line: little is sent again after a fault, and few requests are made.
pub const MEASURED_PART_SECONDS: u64 = 4;
/// The smallest part that a measurement leads to, and the step between sizes.
pub const MEASURED_PART_BYTES_MIN: u64 = 1024 * 1024;
/// The largest such part. Two are in memory at once.
pub const MEASURED_PART_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Below this speed a second part in flight would only slow down the first.
pub const ONE_PART_BYTES_PER_SECOND: u64 = 256 * 1024;

/// The connect timeout. A connection that takes longer won't come (restic#4876: hangs with no limit).
pub const CONNECT_MS_MAX: u64 = 10_000;
/// If no byte moves for this long, the connection is dead, however slow it may be.
pub const NO_PROGRESS_MS_MAX: u64 = 30_000;
/// A link at this speed is slow, but not dead.
pub(crate) const SLOWEST_BYTES_PER_SECOND: u64 = 1024;
/// How many bytes the system's buffers hold on a slow link. Bytes that were handed to the system are
/// not sent yet, and their progress can't be observed.
pub(crate) const BUFFERED_BYTES_MAX: u64 = 256 * 1024;
/// The minimum rate, from which a part's timeout is computed: a slow link that moves is never timed
/// out, but no link can keep a request busy for ever by moving a byte a minute (aws-sdk-js#1704).
pub(crate) const FLOOR_BYTES_PER_SECOND: u64 = 256;
/// The timeout of a request with a small body: init, finalize, a probe.
pub const SMALL_REQUEST_MS_MAX: u64 = 60_000;
/// The timeout of the request that makes an object of its parts. S3 answers when it has joined them, which takes
/// minutes for thousands.
pub const ASSEMBLY_MS_MAX: u64 = 10 * 60_000;
/// The limit on a response's body. The API's responses are some hundred bytes; a captive portal's page
/// is not read further than this.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The limits on the disk's free space. At the default bitrate the first is reached 26 minutes before
/// the disk is full, the second ten: enough for writing the person's own file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceLimits {
    /// Below this free space the person is warned.
    pub warn_bytes: u64,
    /// Below this free space the recording ends.
    pub stop_bytes: u64,
}

impl Default for SpaceLimits {
    fn default() -> Self {
        SpaceLimits { warn_bytes: 500_000_000, stop_bytes: 200_000_000 }
    }
}

/// The meaning of the disk's free space for a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Recording goes on.
    Enough,
    /// Recording goes on, and the person is warned.
    Low,
    /// The recording must end while it still can be finished.
    Out,
}

impl SpaceLimits {
    /// Returns what that much free space means.
    pub fn judge(&self, free_bytes: u64) -> Space {
        if free_bytes < self.stop_bytes {
            Space::Out
        } else if free_bytes < self.warn_bytes {
            Space::Low
        } else {
            Space::Enough
        }
    }

    /// Returns how long a recording of that bitrate can go on.
    pub fn seconds_left(&self, free_bytes: u64, bits_per_second: u32) -> u64 {
        let bytes_per_second = u64::from(bits_per_second).div_ceil(8).max(1);
        free_bytes.saturating_sub(self.stop_bytes) / bytes_per_second
    }
}

/// The ring buffer stops below this free space, before anything else does: deliberate recordings need
/// it.
pub const RING_FREE_BYTES_MIN: u64 = 1_000_000_000;
/// The ring buffer restarts above this free space. The gap prevents it from toggling.
pub const RING_FREE_BYTES_AGAIN: u64 = 1_500_000_000;
/// How often the free space is checked for the ring buffer.
pub const RING_SPACE_LOOK_MS: u64 = 30_000;
/// The ring buffer's size limit, as a multiple of the requested bitrate, which the encoder may exceed
/// for a while.
pub const RING_BYTES_SLACK: u64 = 2;
/// How long sharing waits for the cut that makes the last segment end now. A screen that gives no
/// picture for this long has nothing newer to show.
pub const RING_CUT_MS_MAX: u64 = 3_000;

/// Returns the timeout without observed progress, after so many bytes of a request were handed to the
/// system.
pub fn no_progress_ms_max(handed_over_bytes: u64) -> u64 {
    let unseen_bytes = handed_over_bytes.min(BUFFERED_BYTES_MAX);
    NO_PROGRESS_MS_MAX + unseen_bytes * 1_000 / SLOWEST_BYTES_PER_SECOND
}

/// Returns the total timeout of a request with a body of that size.
pub fn deadline_ms(body_bytes: u64) -> u64 {
    SMALL_REQUEST_MS_MAX + body_bytes * 1_000 / FLOOR_BYTES_PER_SECOND
}

/// Returns the wait before try `failures + 1`. `random` is any number; it is used only for the jitter.
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
