//! Tests whether a hardware encoder really works. It encodes half a second of a scrolling page, then a
//! page that turns and stays; libvpx decodes the result, and each picture is compared with its
//! original. The trial runs in a helper process (`helper_process`), since drivers may crash their process or
//! hang.

use std::process::ExitCode;
use std::sync::mpsc::channel;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video::{VideoFrameExt, VideoFrameRef, VideoInfo};

use crate::encoder::{self, Encoder, EncoderSettings};
use crate::graph::{self, Graph, make, text};
use crate::helper_process::{HelperKind, HelperProcess, exit_with_output};
use crate::pipeline::keyframe_event;
use crate::policy::TRIAL_WAIT;
use crate::vp9;

/// The line that the helper prints on success.
const PASSED: &str = "well";
/// A wrong picture has a PSNR of 10 dB, the right one washed out 20.
const RIGHT_DB: f64 = 22.0;
/// A page that stood for two seconds must be readable: libvpx achieves 38 dB and more.
const SHARP_DB: f64 = 34.0;
/// The number of pictures of the scrolling page, and the times at which the turned page is encoded
/// again, as `gate` does.
const SCROLLS: u64 = 15;
const STAYS_MS: [u64; 6] = [500, 700, 1_200, 1_700, 2_200, 2_700];
/// The first frames of segments.
const KEYFRAMES_MS: [u64; 2] = [0, 2_200];

/// Runs the trial in a helper process. The error says what is wrong with the encoder.
pub(crate) fn run_in_helper(encoder: &Encoder, settings: &EncoderSettings) -> Result<(), String> {
    let EncoderSettings { width, height, bitrate_bits, .. } = settings;
    let arguments = format!("{} {width} {height} {bitrate_bits}", encoder.element);
    match HelperProcess::run_to_end(HelperKind::Trial, &arguments, TRIAL_WAIT)?.as_str() {
        PASSED => Ok(()),
        why => Err(why.to_owned()),
    }
}

/// The helper's entry point.
pub(crate) fn run(arguments: &str) -> ExitCode {
    let words: Vec<&str> = arguments.split(' ').collect();
    let [element, numbers @ ..] = words.as_slice() else { return ExitCode::FAILURE };
    let numbers: Result<Vec<u32>, _> = numbers.iter().map(|number| number.parse()).collect();
    let Ok([width, height, bitrate_bits]) = numbers.as_deref() else { return ExitCode::FAILURE };
    let settings = EncoderSettings {
        width: *width,
        height: *height,
        bitrate_bits: *bitrate_bits,
        has_borders: false,
    };
    let verdict = gst::init().map_err(text).and_then(|()| {
        let encoder = encoder::hardware().find(|encoder| encoder.element == *element);
        judge(encoder.ok_or("it is not installed")?, &settings)
    });
    exit_with_output(&verdict.map_or_else(|why| why, |()| PASSED.to_owned()))
}

fn judge(encoder: &Encoder, settings: &EncoderSettings) -> Result<(), String> {
    let size = (settings.width, settings.height);
    let times: Vec<u64> = (0..SCROLLS).map(|n| n * 33).chain(STAYS_MS).collect();
    let page = |n: usize| luma(size, if (n as u64) < SCROLLS { n as u32 * 4 } else { 10_007 });
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", encoder.format)
        .field("colorimetry", "bt709")
        .field("width", size.0 as i32)
        .field("height", size.1 as i32)
        .field("framerate", gst::Fraction::new(30, 1))
        .build();
    let encode = encoder.make(settings).map_err(text)?;
    let pad = encode.static_pad("sink").ok_or("it takes no pictures")?;
    pad.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
        let time = info.buffer().and_then(|buffer| buffer.pts());
        if time.is_some_and(|time| KEYFRAMES_MS.contains(&time.mseconds())) {
            pad.send_event(keyframe_event());
        }
        gst::PadProbeReturn::Ok
    });
    let info = VideoInfo::from_caps(&raw).map_err(text)?;
    let pictures = times.iter().enumerate().map(|(n, time_ms)| (*time_ms, grey(&info, &page(n))));
    let whole = |buffer: &gst::BufferRef, _: &gst::CapsRef| {
        Ok(buffer.map_readable().map_err(text)?.as_slice().to_vec())
    };
    let encoded = through(&raw, &encode, pictures, whole)?;
    for (time_ms, frame) in &encoded {
        let head = vp9::read_header(frame).ok_or("what it makes is no VP9 of profile 0")?;
        match head.keyframe {
            Some(own) if own != size => return Err(format!("its pictures are {own:?}")),
            None if KEYFRAMES_MS.contains(time_ms) => {
                return Err("it makes no keyframe where one is asked for".to_owned());
            }
            _ => {}
        }
    }
    let vp9 = gst::Caps::builder("video/x-vp9").build();
    let decode = make("vp9dec")?;
    let decoded = through(&vp9, &decode, encoded.into_iter(), brightness)?;
    if decoded.iter().map(|(time_ms, _)| *time_ms).ne(times.iter().copied()) {
        return Err(format!("of {} pictures {} came back", times.len(), decoded.len()));
    }
    for (n, (time_ms, picture)) in decoded.iter().enumerate() {
        let stood = *time_ms == STAYS_MS[STAYS_MS.len() - 1];
        let (near, enough) = (psnr(&page(n), picture), if stood { SHARP_DB } else { RIGHT_DB });
        if near < enough {
            return Err(format!("its picture at {time_ms} ms has {near:.0} dB, not {enough:.0}"));
        }
    }
    Ok(())
}

/// Runs the content through an element and returns its output, each item with its time.
fn through(
    caps: &gst::Caps,
    element: &gst::Element,
    content: impl Iterator<Item = (u64, Vec<u8>)>,
    take: impl Fn(&gst::BufferRef, &gst::CapsRef) -> Result<Vec<u8>, String>,
) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let appsrc = graph::appsrc_for(caps);
    let appsink = gst_app::AppSink::builder().sync(false).build();
    let graph = Graph::of([appsrc.upcast_ref(), element, appsink.upcast_ref()])?;
    let (sender, errors) = channel();
    graph.on_message(move |message| {
        if let gst::MessageView::Error(error) = message.view() {
            // Fails only if the trial is over.
            drop(sender.send(error.error().to_string()));
        }
    });
    graph.play()?;
    for (time_ms, bytes) in content {
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(fresh) = buffer.get_mut() {
            fresh.set_pts(gst::ClockTime::from_mseconds(time_ms));
        }
        appsrc.push_buffer(buffer).map_err(text)?;
    }
    appsrc.end_of_stream().map_err(text)?;
    let mut out = Vec::new();
    while let Ok(sample) = appsink.pull_sample() {
        let buffer = sample.buffer().ok_or("an empty sample")?;
        let time = buffer.pts().ok_or("a picture without a time")?;
        out.push((
            time.mseconds(),
            take(buffer, sample.caps().ok_or("a picture without a form")?)?,
        ));
    }
    errors.try_recv().map_or(Ok(out), Err)
}

/// Returns a gray picture with that brightness.
fn grey(info: &VideoInfo, luma: &[u8]) -> Vec<u8> {
    let mut planes = vec![128; info.size()];
    let width = info.width() as usize;
    for (to, from) in planes.chunks_mut(info.stride()[0] as usize).zip(luma.chunks_exact(width)) {
        to[..width].copy_from_slice(from);
    }
    planes
}

fn brightness(buffer: &gst::BufferRef, caps: &gst::CapsRef) -> Result<Vec<u8>, String> {
    let info = VideoInfo::from_caps(caps).map_err(text)?;
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).map_err(text)?;
    let rows = frame.plane_data(0).map_err(text)?.chunks(frame.plane_stride()[0] as usize);
    let rows = rows.take(info.height() as usize);
    Ok(rows.flat_map(|row| &row[..info.width() as usize]).copied().collect())
}

/// Returns the brightness of a page of text that is scrolled down by that many rows.
fn luma((width, height): (u32, u32), down: u32) -> Vec<u8> {
    let ink = |x: u32, y: u32| {
        let (line, row) = (y / 16, y % 16);
        // Letters of 5 x 7 dots of 1 x 1 to 2 x 2, in lines with space between.
        let dot =
            (x / 2).wrapping_mul(0x9E37_79B1) ^ (line * 31 + row / 2).wrapping_mul(0x85EB_CA6B);
        row < 11 && x % 12 < 10 && (dot ^ dot >> 15) & 3 == 0
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y + down)));
    pixels.map(|(x, y)| if ink(x, y) { 40 } else { 225 }).collect()
}

fn psnr(wanted: &[u8], is: &[u8]) -> f64 {
    let off: f64 = wanted.iter().zip(is).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) * wanted.len() as f64 / off.max(1.0)).log10()
}
