//! Makes a recording's thumbnail: the first keyframe of a segment, scaled down.
//!
//! ```text
//! init + segment -> appsrc -> matroskademux -> vp9dec -> appsink -> one frame
//!                                                  judged by its contrast, then to JPEG
//! ```

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use snaplark_core::render::Still;

/// Twice a card's width, for screens with two pixels to a point.
const WIDTH: u32 = 480;
/// The timeout for a frame. A busy machine decodes a large frame in a second.
const FRAME_WAIT: Duration = Duration::from_secs(5);
const PIPELINE: &str = "appsrc name=in ! matroskademux ! vp9dec ! video/x-raw,format=I420
    ! appsink name=out sync=false max-buffers=1";
/// The least difference between the darkest and the brightest pixel, of 255. A desktop's gradient has
/// more.
const CONTRAST_MIN: u8 = 24;
/// Every fourth pixel of every fourth row is examined.
const LOOK_STEP: usize = 4;

pub(crate) fn of(init: &[u8], segment: &[u8]) -> Result<Still, String> {
    gst::init().map_err(text)?;
    let frame = decode([init, segment].concat())?;
    let info = frame.caps().and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
    let info = info.ok_or("the frame has no size")?;
    let width = WIDTH.min(info.width());
    let height = (info.height() * width / info.width().max(1)).max(1);
    // Converts to RGB first: the JPEG encoder treats any other format as if it had JPEG's own colors.
    let rgb = gst_video::VideoCapsBuilder::new()
        .format(gst_video::VideoFormat::Rgb)
        .width(width as i32)
        .height(height as i32)
        .build();
    let small = convert(&frame, &rgb)?;
    let small = convert(&small, &gst::Caps::new_empty_simple("image/jpeg"))?;
    let jpeg = small.buffer().ok_or("the picture is empty")?.map_readable().map_err(text)?;
    Ok(Still { jpeg: jpeg.to_vec(), blank: is_blank(&frame, &info)? })
}

fn decode(webm: Vec<u8>) -> Result<gst::Sample, String> {
    let pipeline = gst::parse::launch(PIPELINE).map_err(text)?;
    let bin = pipeline.downcast::<gst::Pipeline>().map_err(|_| "not a pipeline")?;
    let input = element::<gst_app::AppSrc>(&bin, "in")?;
    let output = element::<gst_app::AppSink>(&bin, "out")?;
    bin.set_state(gst::State::Playing).map_err(text)?;
    let fed = input.push_buffer(gst::Buffer::from_mut_slice(webm));
    let ended = fed.and_then(|_| input.end_of_stream()).map_err(text);
    let wait = gst::ClockTime::from_seconds(FRAME_WAIT.as_secs());
    let frame = output.try_pull_sample(wait).ok_or("no frame could be decoded");
    bin.set_state(gst::State::Null).map_err(text)?;
    ended?;
    in_its_colours(&frame?)
}

/// Sets the color space: the decoder guesses it from the picture's size, but all of ours are BT.709
/// (`pipeline`).
fn in_its_colours(frame: &gst::Sample) -> Result<gst::Sample, String> {
    let mut caps = frame.caps_owned().ok_or("the frame is of no kind")?;
    caps.make_mut().set("colorimetry", "bt709");
    let buffer = frame.buffer_owned().ok_or("the frame is empty")?;
    Ok(gst::Sample::builder().buffer(&buffer).caps(&caps).build())
}

fn convert(frame: &gst::Sample, to: &gst::Caps) -> Result<gst::Sample, String> {
    let wait = gst::ClockTime::from_seconds(FRAME_WAIT.as_secs());
    gst_video::convert_sample(frame, to, Some(wait)).map_err(text)
}

fn element<T: IsA<gst::Element>>(bin: &gst::Pipeline, name: &str) -> Result<T, String> {
    let found = bin.by_name(name).and_then(|found| found.downcast().ok());
    found.ok_or_else(|| format!("there is no '{name}'"))
}

fn is_blank(frame: &gst::Sample, info: &gst_video::VideoInfo) -> Result<bool, String> {
    let buffer = frame.buffer().ok_or("the frame is empty")?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(text)?;
    let brightness = frame.plane_data(0).map_err(text)?;
    let rows = brightness.chunks(frame.plane_stride()[0] as usize).step_by(LOOK_STEP);
    let seen = rows.flat_map(|row| row[..info.width() as usize].iter().step_by(LOOK_STEP));
    let (darkest, brightest) =
        seen.fold((u8::MAX, u8::MIN), |(low, high), &one| (low.min(one), high.max(one)));
    Ok(brightest.saturating_sub(darkest) < CONTRAST_MIN)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
