//! Every bound of capture, with its reason. What happens at each is said in `lib.rs`.

use std::time::Duration;

/// A segment begins at the first frame at or after each multiple of this: it is what a crash can
/// cost, and how far the link lags behind the screen.
pub const SEGMENT_MS: u64 = 2_000;
/// After a late keyframe the next boundary may be near. A segment is at least this long, since
/// keyframes are what costs most of a still screen's bytes.
pub const SEGMENT_MS_MIN: u64 = 1_500;
/// A picture that stands still is encoded this often all the same: players and the live page see
/// that the recording goes on, and a muxer does not hold audio back.
pub const HEARTBEAT_MS: u64 = 500;

/// Pictures that wait for conversion. That is quick, and what waits here is large: this many only
/// bridge the moments in which its thread does not run. Beyond it frames are lost and counted.
pub const RAW_FRAMES_MAX: u64 = 4;
/// Converted frames that wait for the encoder: one second at 30 frames a second. A keyframe takes
/// it two or three frames' time, a busy machine many.
pub const CONVERTED_FRAMES_MAX: u32 = 30;
/// That second is 41 MB at 720p and 93 MB at 1080p. Of larger pictures, fewer wait.
pub const CONVERTED_BYTES_MAX: u32 = 96 * 1024 * 1024;
/// Encoded frames that wait for the disk: 20 s at 30 frames a second, 6 MB at 2.5 Mbit/s. Beyond
/// it the encoder waits, then raw frames are lost and counted: an encoded frame never is, since
/// those after it lean on it.
pub const ENCODED_FRAMES_MAX: usize = 600;

/// A display that does not let itself be opened in this time is taken for dead.
pub const OPEN_WAIT: Duration = Duration::from_secs(5);
/// The writer looks this often whether something went wrong while no frame comes.
pub const WRITER_POLL: Duration = Duration::from_millis(100);
/// Four heartbeats missed: the display does not answer, or the encoder is stuck.
pub const STALL_MS: u64 = 2_000;
/// After the request to stop, what is still in encoder and queues gets this long. Then the
/// recording ends with what there is.
pub const STOP_MS_MAX: u64 = 5_000;

pub const FPS_MAX: u32 = 120;
/// Below this a screen's text can't be read whatever the encoder does.
pub const BITRATE_BITS_MIN: u32 = 100_000;
/// VP9 could do more; encoding it in real time could not.
pub const SIDE_PX_MAX: u32 = 8_192;
/// Smaller than any picture of use; some encoders refuse less.
pub const SIDE_PX_MIN: u32 = 16;
