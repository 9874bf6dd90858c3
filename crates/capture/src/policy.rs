//! All limits of capture, with their reasons. `lib.rs` says what happens when each is reached.

use std::time::Duration;

use snaplark_core::policy::STRIKE_SECONDS_MAX;

/// A segment begins at the first frame at or after each multiple of this. It is how much a crash can
/// cost, and how far the link lags behind the screen.
pub(crate) const SEGMENT_MS: u64 = 2_000;
/// The minimum length of a segment: after a late keyframe the next boundary may be near, and keyframes
/// are most of the bytes of a still screen.
pub(crate) const SEGMENT_MS_MIN: u64 = 1_500;
/// A still picture is encoded this often anyway, so that players and the live page see that the
/// recording continues, and a muxer does not hold audio back.
pub(crate) const HEARTBEAT_MS: u64 = 500;

/// A picture that changed and then stood still for this long is encoded once more at high quality, so
/// that text does not stay blurred. If this were shorter, each picture of a film at 7 frames a second
/// would be encoded twice.
pub(crate) const SETTLE_MS: u64 = 200;

/// The limit on pictures that wait for conversion. Conversion is quick and raw pictures are large, so
/// the queue only bridges moments in which the conversion thread does not run. Frames beyond it are
/// dropped and counted.
pub(crate) const RAW_FRAMES_MAX: u64 = 4;
/// The limit on converted frames that wait for the encoder: one second at 30 frames a second. A
/// keyframe takes the encoder the time of two or three frames; on a busy machine, of many.
pub(crate) const CONVERTED_FRAMES_MAX: u32 = 30;
/// That second is 41 MB at 720p and 93 MB at 1080p. With larger pictures, fewer frames wait.
pub(crate) const CONVERTED_BYTES_MAX: u32 = 96 * 1024 * 1024;
/// When this many converted frames wait, the encoder is too slow: from here on it becomes faster at
/// lower quality, at most one step a second. Two thirds of the queue are left.
pub(crate) const SPEED_UP_FRAMES: u32 = CONVERTED_FRAMES_MAX / 3;
pub(crate) const SPEED_STEP_MS: u64 = 1_000;
/// After the encoder has kept up for this long, it continuese step back towards quality.
pub(crate) const SLOW_DOWN_MS: u64 = 10_000;
/// The timeout of an encoder trial. A trial takes a tenth of this on an idle machine, and nobody waits
/// for it.
pub(crate) const TRIAL_WAIT: Duration = Duration::from_secs(10);
/// The timeout of a still of a file. One takes a fiftieth of this on an idle machine; a decoder that takes longer has
/// hung, or the file is made to keep it busy.
pub(crate) const FILE_STILL_WAIT: Duration = Duration::from_secs(10);
/// The tallest still of a file. A video of 16 by 65,535 pixels would otherwise become a picture of gigabytes.
pub(crate) const FILE_STILL_HEIGHT_PX_MAX: i32 = 4_096;
/// The memory of the process that makes a still of a file. A picture of 8K takes 50 MB, and decoders keep a dozen of
/// them; of what needs more there is no still.
pub(crate) const FILE_STILL_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The longest output of a helper that is read: a still of a file has a tenth of it.
pub(crate) const HELPER_OUTPUT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A hardware encoder that holds frames and returns none for this long has hung. This is shorter than
/// the time in which 30 frames a second fill the queue before it, and shorter than `STALL_MS`, which is
/// the same limit for the whole pipeline.
pub(crate) const ENCODER_STALL_MS: u64 = 900;
/// An encoder that has not shut down after this time is abandoned.
pub(crate) const ENCODER_END_WAIT: Duration = Duration::from_millis(500);
/// Keyframes are requested every two seconds; an encoder that made none for this long has failed.
pub(crate) const KEYFRAME_LATE_MS: u64 = 3 * SEGMENT_MS;

/// The limit on encoded frames that wait for the disk: 20 s at 30 frames a second, 6 MB at 2.5 Mbit/s.
/// Beyond it the encoder waits, then raw frames are dropped and counted. An encoded frame is never
/// dropped, since later frames depend on it.
pub(crate) const ENCODED_FRAMES_MAX: usize = 600;

/// A display that can't be opened within this time is considered dead.
pub(crate) const OPEN_WAIT: Duration = Duration::from_secs(5);
/// How long a person has to answer the desktop's question what to share: long enough to fetch a coffee.
pub(crate) const CONSENT_WAIT: Duration = Duration::from_secs(300);
/// Nobody reads a question and dismisses it faster than this, so a quicker refusal comes from the
/// desktop itself.
#[cfg(target_os = "linux")]
pub(crate) const DECLINE_TIME_MIN: Duration = Duration::from_millis(700);
/// A source that says that nothing was drawn is grabbed all the same after so many ticks, in case it is wrong.
pub(crate) const UNCHANGED_TICKS_MAX: u32 = 15;
/// A source that is invisible for this long is reported as lost. Windows are often hidden for moments.
pub(crate) const SOURCE_LOST_MS: u64 = 2_000;
/// How often the writer checks for failures while no frame comes.
pub(crate) const WRITER_POLL: Duration = Duration::from_millis(100);
/// Four missed heartbeats: the display does not respond, or the encoder is stuck.
pub(crate) const STALL_MS: u64 = 2_000;
/// After the request to stop, the frames still in the encoder and the queues get this long. Then the
/// recording ends with what there is.
pub(crate) const STOP_MS_MAX: u64 = 5_000;

pub(crate) const FPS_MAX: u32 = 120;
/// Below this a screen's text is unreadable whatever the encoder does.
pub(crate) const BITRATE_BITS_MIN: u32 = 100_000;
/// VP9 allows more, but it could not be encoded in real time.
pub(crate) const SIDE_PX_MAX: u32 = 8_192;
/// Returns the size at which a source of that size is encoded. Scaled sides are even, since chroma is
/// stored for pairs of pixels.
pub(crate) fn fitted((width, height): (u32, u32), lines_max: Option<u32>) -> (u32, u32) {
    let shorter = width.min(height);
    let lines = lines_max.map_or(shorter, |most| most.max(SIDE_PX_MIN));
    if shorter <= lines {
        return (width, height);
    }
    let scaled = |side: u32| {
        let exact = u64::from(side) * u64::from(lines) / u64::from(shorter);
        (exact as u32).next_multiple_of(2)
    };
    (scaled(width), scaled(height))
}

/// The largest file that is read from the desktop's portal: far more than any screen, and less than memory.
#[cfg(target_os = "linux")]
pub(crate) const PICTURE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Four displays of 8K. A picture takes four bytes a pixel in memory.
#[cfg(target_os = "linux")]
pub(crate) const PICTURE_PIXELS_MAX: u64 = 4 * 7_680 * 4_320;

/// The most pixels of a glance at a screenshot: those of a display of 1920x1080, more than an editor's usual window shows.
/// It is encoded and decoded in a quarter of a 4K picture's time.
pub(crate) const GLANCE_PIXELS_MAX: u64 = 2 << 20;

/// Nothing useful is smaller; some encoders refuse smaller pictures.
pub(crate) const SIDE_PX_MIN: u32 = 16;

/// Good for speech and music. Nobody hears a difference beyond it, and it is small next to the 2.5
/// Mbit/s of the picture.
pub(crate) const SOUND_BITRATE_BITS: i32 = 96_000;
/// The longest wait for a device's late sound; what is still missing is replaced by silence. Longer
/// than wireless devices need, and short enough that the end of a recording is not held up.
pub(crate) const SOUND_WAIT: Duration = Duration::from_millis(300);
/// How often the sound thread checks whether the sound of its next 20 ms has arrived.
pub(crate) const SOUND_POLL: Duration = Duration::from_millis(10);
/// A device that delivers nothing for this long is reported as lost.
pub(crate) const SOUND_LOST: Duration = Duration::from_secs(3);
/// How long before the end of a strike it is asked for, at least: what is heard in a packet may come from half a
/// picture's time before, 33 ms at 15 pictures a second.
pub(crate) const STRIKE_LEAD_MS: u64 = 40;
/// How much of the sound before a strike the encoder gets once more, so that it and decoders remember the same:
/// a packet's loudness is coded as the difference from the packet before, weighted by a half.
pub(crate) const STRIKE_PRIMING_BLOCKS: u64 = 3;
/// The sound fades out and in over this many frames (5 ms) at a strike, since an abrupt change would click.
pub(crate) const STRIKE_FADE_FRAMES: usize = 240;
/// How much sound is kept in memory for that: as much as can be struck, and what is handled late.
pub(crate) const STRIKE_SOUND_BLOCKS: usize = 50 * (STRIKE_SECONDS_MAX as usize + 1);

/// The limit on sound packets that wait for the writer: five minutes, 3.6 MB at most. Sound is so small
/// that it may wait longer than pictures.
pub(crate) const SOUND_PACKETS_MAX: usize = 15_000;
/// The longest that a finished segment waits for sound that is still missing.
pub(crate) const SEGMENT_SOUND_WAIT: Duration = Duration::from_millis(1_000);
/// If a hung display makes a segment endless, sound beyond this is left out: the relative times of
/// blocks in a cluster can't exceed 32 s.
pub(crate) const SEGMENT_SOUND_MS_MAX: u64 = 30_000;
/// A meter shows sound with this delay: late sound has arrived by then, and nobody notices the delay.
pub(crate) const METER_LAG: Duration = Duration::from_millis(200);
/// The timeout of an Opus encoder trial; encoding 20 ms of silence takes a hundredth of this.
pub(crate) const OPUS_TRIAL_WAIT: Duration = Duration::from_secs(2);

/// How often a lost device is tried again.
pub(crate) const DEVICE_RETRY: Duration = Duration::from_secs(1);
/// How long a recording that begins in silence waits to learn whether there could be sound at all.
pub(crate) const SERVER_ANSWER: Duration = Duration::from_millis(500);
/// How often a microphone that is not open yet checks whether it was unmuted: nobody speaks sooner.
pub(crate) const UNMUTE_POLL: Duration = Duration::from_millis(50);
/// How often a device is checked for still being the chosen one.
pub(crate) const DEVICE_POLL: Duration = Duration::from_millis(500);
/// Clocks of sound cards are off by 0.02%, bad ones by 0.1%.
pub(crate) const DEVICE_RATE_ERROR_MAX: f64 = 0.005;
/// A device whose frames are late by this much, for that many half seconds in a row, has stalled; one
/// whose frames are early by this much has jumped.
pub(crate) const DEVICE_JUMP_MS: u64 = 60;
pub(crate) const DEVICE_JUMP_WHILES: u32 = 4;
/// The most latency between a device and its frames here. A server that reports more is not believed.
pub(crate) const DEVICE_LEAD_MS_MAX: u64 = 300;
/// How much of a device's sound is buffered while nobody reads it, as in a pause: two seconds.
pub(crate) const RESAMPLER_FRAMES_MAX: usize = 96_000;
/// An offset below 20 ms is corrected by reading slightly faster or slower; a larger one by a jump.
pub(crate) const READ_JUMP_FRAMES: f64 = 960.0;

/// A camera that gives no picture for this long is reported as lost; some take two seconds to begin.
pub(crate) const CAMERA_LOST: Duration = Duration::from_secs(4);
/// How often the camera thread checks whether the camera is still wanted, and at what size.
pub(crate) const CAMERA_POLL: Duration = Duration::from_millis(100);
/// The maximum width and height of the camera preview in the settings.
pub(crate) const PREVIEW_SIDE_PX: u32 = 320;
/// The camera preview is closed when nobody has asked for a picture for this long.
pub(crate) const PREVIEW_LAPSE: Duration = Duration::from_secs(2);
/// The number of rows that are requested from a camera: its picture in a corner is no larger.
pub(crate) const CAMERA_ROWS: i32 = 480;
/// The most positions and clicks that wait for their segment: an hour of a pointer that never stands still.
pub(crate) const POINTER_RECORDS_MAX: usize = 30 * 60 * 60;
/// How long the circle of a click takes to grow and fade.
pub(crate) const CLICK_SHOWN: Duration = Duration::from_millis(400);
/// How long typed keys stay visible: long enough to read, and gone before the next topic.
pub(crate) const KEYS_SHOWN: Duration = Duration::from_millis(1_800);
pub(crate) const KEYS_FADE: Duration = Duration::from_millis(200);
/// The most characters of typed text that are shown; of longer text, the end is shown.
pub(crate) const TYPED_CHARS_MAX: usize = 32;
/// The margin between the webcam and the picture's edge, relative to the shorter side.
pub(crate) const WEBCAM_MARGIN_PERMILLE: u16 = 22;
/// A smaller webcam picture is of no use.
pub(crate) const WEBCAM_SIDE_PX_MIN: u32 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitted_limits_the_shorter_side() {
        for (source, lines_max, want) in [
            ((3_840, 2_160), Some(1_080), (1_920, 1_080)),
            ((1_080, 2_400), Some(720), (720, 1_600)),
            ((3_440, 1_440), Some(1_080), (2_580, 1_080)),
            ((1_367, 1_025), Some(720), (960, 720)),
            ((1_920, 1_080), Some(1_080), (1_920, 1_080)),
            ((641, 359), Some(1_080), (641, 359)),
            ((3_841, 2_161), None, (3_841, 2_161)),
            ((640, 360), Some(0), (28, 16)),
        ] {
            assert_eq!(fitted(source, lines_max), want, "{source:?} {lines_max:?}");
        }
    }
}
