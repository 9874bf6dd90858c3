//! Measures how loud a stretch of a recording is.
//!
//! ```text
//! init + segments -> appsrc -> matroskademux -> opusdec -> mono, 8 kHz -> appsink
//!                                                                one peak for each PEAK_MS
//! ```
//!
//! Pictures are not decoded. A gap between packets is silence.

use std::ops::Range;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_core::render::PEAK_MS;
use snaplark_formats::webm::{AudioCodec, index, read_init};

/// The timeout for the next piece of sound. A busy machine decodes a second of it in some ten milliseconds.
const SOUND_WAIT: Duration = Duration::from_secs(10);
/// The most peaks of one call: an hour. Whoever wants more asks for it stretch by stretch.
const PEAKS_MAX: u64 = 72_000;
const RATE: u64 = 8_000;
const PIPELINE: &str = "appsrc name=in ! matroskademux ! audio/x-opus ! opusdec ! audioconvert
    ! audioresample quality=0 ! audio/x-raw,format=S16LE,layout=interleaved,channels=1,rate=8000
    ! appsink name=out sync=false max-buffers=16";

pub(crate) fn of(init: &[u8], clusters: &[u8], during_ms: Range<u64>) -> Result<Vec<u8>, String> {
    let audio = read_init(init).map_err(text)?.tracks.audio;
    if !audio.is_some_and(|audio| audio.codec == AudioCodec::Opus) || clusters.is_empty() {
        return Ok(Vec::new());
    }
    // The demuxer looks for the next cluster behind bytes that are none, and would find silence.
    index(clusters).map_err(text)?;
    let length_ms = during_ms.end.saturating_sub(during_ms.start);
    let mut peaks = vec![0; length_ms.div_ceil(PEAK_MS).min(PEAKS_MAX) as usize];
    gst::init().map_err(text)?;
    let pipeline = gst::parse::launch(PIPELINE).map_err(text)?;
    let bin = pipeline.downcast::<gst::Pipeline>().map_err(|_| "not a pipeline")?;
    let measured = measure(&bin, [init, clusters].concat(), during_ms.start, &mut peaks);
    bin.set_state(gst::State::Null).map_err(text)?;
    measured.map(|()| peaks)
}

fn measure(
    bin: &gst::Pipeline,
    webm: Vec<u8>,
    start_ms: u64,
    peaks: &mut [u8],
) -> Result<(), String> {
    let input = element::<gst_app::AppSrc>(bin, "in")?;
    let output = element::<gst_app::AppSink>(bin, "out")?;
    bin.set_state(gst::State::Playing).map_err(text)?;
    input.push_buffer(gst::Buffer::from_mut_slice(webm)).map_err(text)?;
    input.end_of_stream().map_err(text)?;
    let wait = gst::ClockTime::from_seconds(SOUND_WAIT.as_secs());
    while let Some(sample) = output.try_pull_sample(wait) {
        let buffer = sample.buffer().ok_or("a piece of sound is empty")?;
        let at_ms = buffer.pts().map_or(start_ms, gst::ClockTime::mseconds);
        let bytes = buffer.map_readable().map_err(text)?;
        note(&bytes, at_ms.saturating_sub(start_ms), peaks);
    }
    match output.is_eos() {
        true => Ok(()),
        false => Err(failure(bin).unwrap_or_else(|| "the decoder stands still".to_owned())),
    }
}

/// Raises the peaks to those of the samples, which begin at `at_ms` of the stretch.
fn note(samples: &[u8], at_ms: u64, peaks: &mut [u8]) {
    for (n, sample) in samples.chunks_exact(2).enumerate() {
        let ms = at_ms + n as u64 * 1_000 / RATE;
        let Some(peak) = peaks.get_mut((ms / PEAK_MS) as usize) else { return };
        let loud = i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() >> 7;
        *peak = (*peak).max(loud.min(255) as u8);
    }
}

fn failure(bin: &gst::Pipeline) -> Option<String> {
    let message = bin.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(error.error().to_string()),
        _ => None,
    }
}

fn element<T: IsA<gst::Element>>(bin: &gst::Pipeline, name: &str) -> Result<T, String> {
    let found = bin.by_name(name).and_then(|found| found.downcast().ok());
    found.ok_or_else(|| format!("there is no '{name}'"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use snaplark_formats::webm::{Audio, Block, Track, Tracks, Video, VideoCodec, cluster, init};

    use super::*;

    /// Encodes a second of silence and a second of a tone, in packets of 20 ms.
    fn packets() -> (Vec<u8>, Vec<Vec<u8>>) {
        gst::init().unwrap();
        let pipeline = gst::parse::launch(
            "appsrc name=in format=time caps=audio/x-raw,format=S16LE,layout=interleaved,channels=1,rate=48000
             ! opusenc frame-size=20 bitrate=64000 ! appsink name=out sync=false",
        )
        .unwrap();
        let bin = pipeline.downcast::<gst::Pipeline>().unwrap();
        let input = element::<gst_app::AppSrc>(&bin, "in").unwrap();
        let output = element::<gst_app::AppSink>(&bin, "out").unwrap();
        bin.set_state(gst::State::Playing).unwrap();
        let samples = (0..96_000_u32).flat_map(|n| {
            let tone = (f64::from(n) * 440.0 * std::f64::consts::TAU / 48_000.0).sin() * 20_000.0;
            (if n < 48_000 { 0 } else { tone as i16 }).to_le_bytes()
        });
        input.push_buffer(gst::Buffer::from_mut_slice(samples.collect::<Vec<u8>>())).unwrap();
        input.end_of_stream().unwrap();
        let (mut head, mut all) = (Vec::new(), Vec::new());
        while let Ok(sample) = output.pull_sample() {
            if head.is_empty() {
                let caps = sample.caps_owned().unwrap();
                let heads = caps.structure(0).unwrap().get::<gst::ArrayRef<'_>>("streamheader");
                let first = heads.unwrap()[0].get::<gst::Buffer>().unwrap();
                head = first.map_readable().unwrap().to_vec();
            }
            all.push(sample.buffer().unwrap().map_readable().unwrap().to_vec());
        }
        bin.set_state(gst::State::Null).unwrap();
        (head, all)
    }

    fn recording(with_sound: bool) -> (Vec<u8>, Vec<u8>) {
        let (codec_private, packets) = packets();
        let audio = Audio {
            codec: AudioCodec::Opus,
            codec_private,
            sample_rate: 48_000.0,
            channels: 1,
            codec_delay_ns: 6_500_000,
        };
        let video = Video { codec: VideoCodec::Vp9, width: 64, height: 64 };
        let picture = Block {
            track: Track::Video,
            time_ms: 4_000,
            keyframe: true,
            duration_ms: Some(2_000),
            data: vec![0; 40],
        };
        let sound = packets.into_iter().enumerate().map(|(n, data)| Block {
            track: Track::Audio,
            time_ms: 4_000 + n as u64 * 20,
            keyframe: true,
            duration_ms: None,
            data,
        });
        let blocks: Vec<Block> = std::iter::once(picture).chain(sound).collect();
        let head = init(&Tracks { video, audio: with_sound.then_some(audio) });
        (head, cluster(&blocks).unwrap())
    }

    #[test]
    fn waveform_is_flat_where_it_is_silent_and_high_where_it_is_loud() {
        let (init, clusters) = recording(true);
        let peaks = of(&init, &clusters, 4_000..6_000).unwrap();
        assert_eq!(peaks.len(), 40);
        assert!(peaks[..18].iter().all(|peak| *peak < 8), "{peaks:?}");
        assert!(peaks[22..38].iter().all(|peak| *peak > 100), "{peaks:?}");
    }

    #[test]
    fn recording_without_sound_has_no_waveform() {
        let (init, clusters) = recording(false);
        assert_eq!(of(&init, &clusters, 4_000..6_000).unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn damaged_sound_is_an_error_and_no_silence() {
        let (init, clusters) = recording(true);
        assert!(of(&init, &vec![7; clusters.len()], 4_000..6_000).is_err());
    }
}
