//! Decodes and encodes pictures and sound with GStreamer, one packet for one picture, so that times are ours:
//! containers are read and written by `snaplark-formats`.
//!
//! ```text
//! pictures   VP9 packets -> appsrc -> vp9dec -> I420 -> appsink        appsrc -> vp9enc -> appsink
//! sound      Opus packets -> appsrc -> opusdec -> S16 -> appsink       appsrc -> opusenc -> appsink
//! ```

mod graph;
mod pictures;
mod recording;
mod sound;

pub(crate) use graph::{CodecPipeline, failed, has_element};
pub(crate) use pictures::{Picture, PictureEncoder, decode_pictures, picture_caps};
pub(crate) use recording::{SourceRecording, malformed};
pub(crate) use sound::{PACKET_MS, RATE_MS, decode_sound, encode_sound, sound_caps};
