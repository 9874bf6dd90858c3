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

/// A picture that changed and then stood still for so long is encoded once more with care: what is
/// read must not stay a blur. Shorter, and each picture of a film of 7 a second would be.
pub const SETTLE_MS: u64 = 200;

/// Pictures that wait for conversion. That is quick, and what waits here is large: this many only
/// bridge the moments in which its thread does not run. Beyond it frames are lost and counted.
pub const RAW_FRAMES_MAX: u64 = 4;
/// Converted frames that wait for the encoder: one second at 30 frames a second. A keyframe takes
/// it two or three frames' time, a busy machine many.
pub const CONVERTED_FRAMES_MAX: u32 = 30;
/// That second is 41 MB at 720p and 93 MB at 1080p. Of larger pictures, fewer wait.
pub const CONVERTED_BYTES_MAX: u32 = 96 * 1024 * 1024;
/// So many converted frames wait because the encoder is slow: from here on it takes less care, one
/// step a second at the most. Two thirds of the queue are left.
pub const HURRY_FRAMES: u32 = CONVERTED_FRAMES_MAX / 3;
pub const HURRY_STEP_MS: u64 = 1_000;
/// It has kept up for so long: one step back.
pub const RELAX_MS: u64 = 10_000;
/// The trial of an encoder takes a tenth of this where nothing else runs. It hurries nobody.
pub const TRIAL_WAIT: Duration = Duration::from_secs(10);
/// A card's encoder that has frames and gives none back for so long has hung. Less than what fills
/// the queue before it with 30 frames a second, and less than `STALL_MS`, which says the same of all.
pub const ENCODER_STALL_MS: u64 = 900;
/// One that does not end in this time is left to itself.
pub const ENCODER_END_WAIT: Duration = Duration::from_millis(500);
/// One that made no keyframe for so long, though they are asked for each two seconds, won't.
pub const KEYFRAME_LATE_MS: u64 = 3 * SEGMENT_MS;

/// Encoded frames that wait for the disk: 20 s at 30 frames a second, 6 MB at 2.5 Mbit/s. Beyond
/// it the encoder waits, then raw frames are lost and counted: an encoded frame never is, since
/// those after it lean on it.
pub const ENCODED_FRAMES_MAX: usize = 600;

/// A display that does not let itself be opened in this time is taken for dead.
pub const OPEN_WAIT: Duration = Duration::from_secs(5);
/// A person who is asked by the desktop what to share gets so long: who went for a coffee is back.
pub const ASKED_WAIT: Duration = Duration::from_secs(300);
/// Nobody reads a question and closes it in less: a no that comes sooner is the desktop's own.
pub const NO_MIN: Duration = Duration::from_millis(700);
/// What can't be seen for so long is told as lost: windows are hidden for moments all the time.
pub const UNSEEN_MS: u64 = 2_000;
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
/// What a source of that size is encoded as. Scaled sides are even: colours are kept for pairs.
pub fn fitted((width, height): (u32, u32), lines_max: Option<u32>) -> (u32, u32) {
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

/// Smaller than any picture of use; some encoders refuse less.
pub const SIDE_PX_MIN: u32 = 16;

/// Speech and music both; beyond it nobody hears a difference, and 2.5 Mbit/s of picture hide it.
pub const SOUND_BITRATE_BITS: i32 = 96_000;
/// A device that gives its sound this late is waited for no longer: what is missing is silence.
/// Longer than what wireless ones need, short enough that the end of a recording does not hang.
pub const SOUND_WAIT: Duration = Duration::from_millis(300);
/// How often the ear looks whether the sound of its next 20 ms is there.
pub const EAR_LOOK: Duration = Duration::from_millis(10);
/// A device that gives nothing for so long is told as lost.
pub const SOUND_LOST: Duration = Duration::from_secs(3);
/// Packets that wait for the writer: five minutes, 3.6 MB at most. Sound costs so little that it
/// waits longer than pictures do.
pub const SOUND_PACKETS_MAX: usize = 15_000;
/// A segment whose sound is not there when its pictures are waits for it no longer than this.
pub const SEGMENT_SOUND_WAIT: Duration = Duration::from_millis(1_000);
/// In a segment that a hung display makes endless, sound beyond this is left out: a cluster's
/// blocks can't be told times of more than 32 s.
pub const SEGMENT_SOUND_MS_MAX: u64 = 30_000;
/// A meter tells of the sound of so long ago: what is late is there by then, and nobody sees the delay.
pub const METER_LAG: Duration = Duration::from_millis(200);
/// A try of the Opus encoder with 20 ms of silence takes a hundredth of this.
pub const OPUS_TRIAL_WAIT: Duration = Duration::from_secs(2);

/// A lost device is tried again this often.
pub const DEVICE_RETRY: Duration = Duration::from_secs(1);
/// How long a recording that begins in silence waits to hear whether there could be sound at all.
pub const SERVER_ANSWER: Duration = Duration::from_millis(500);
/// How soon a microphone that waits is opened after it was unmuted: nobody speaks sooner.
pub const UNMUTE_LOOK: Duration = Duration::from_millis(50);
/// How often a device is looked at: whether it is still the one that was chosen.
pub const DEVICE_LOOK: Duration = Duration::from_millis(500);
/// Clocks of sound cards are off by 0.02%, bad ones by 0.1%.
pub const DEVICE_RATE_ERROR_MAX: f64 = 0.005;
/// A device whose frames come so late, for so many half seconds in a row, has stood still; one whose
/// frames come so early has jumped.
pub const DEVICE_JUMP_MS: u64 = 60;
pub const DEVICE_JUMP_WHILES: u32 = 4;
/// What lies between a device and its frames here, at most. A server that says more is not believed.
pub const DEVICE_LEAD_MS_MAX: u64 = 300;
/// What is kept of a device's sound that nobody reads, as in a pause: two seconds.
pub const LINE_FRAMES_MAX: usize = 96_000;
/// Off by less than 20 ms, reading runs up to the right place; beyond that it jumps there.
pub const READ_JUMP_FRAMES: f64 = 960.0;

/// A camera that gives no picture for so long is told as lost: some take two seconds to begin.
pub const CAMERA_LOST: Duration = Duration::from_secs(4);
/// How often a camera is looked at: whether it is still wanted, and how large.
pub const CAMERA_LOOK: Duration = Duration::from_millis(100);
/// As wide and as high as the picture of a camera that is looked at in the settings.
pub const PREVIEW_SIDE_PX: u32 = 320;
/// Nobody has asked for that picture for so long: the camera is closed.
pub const PREVIEW_LAPSE: Duration = Duration::from_secs(2);
/// Rows of the picture that a camera is asked for: what stands in a corner is no larger.
pub const CAMERA_ROWS: i32 = 480;
/// A click's line grows and goes in this time.
pub const CLICK_SHOWN: Duration = Duration::from_millis(400);
/// What was typed stays for so long: read at ease, and gone before the next thing is talked of.
pub const KEYS_SHOWN: Duration = Duration::from_millis(1_800);
pub const KEYS_FADE: Duration = Duration::from_millis(200);
/// Of running text, its end is shown.
pub const TYPED_CHARS_MAX: usize = 32;
/// Between the webcam and the picture's edge, of the shorter side.
pub const WEBCAM_MARGIN_PERMILLE: u16 = 22;
/// A smaller webcam shows nobody.
pub const WEBCAM_SIDE_PX_MIN: u32 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_is_what_is_bounded() {
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
