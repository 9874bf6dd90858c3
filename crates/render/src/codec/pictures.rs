//! Pictures of VP9, as I420 in memory.

use std::ops::Range;

use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use snaplark_core::render::RenderError;

use super::graph::{CodecPipeline, failed};

/// How many raw pictures wait for an encoder. One that is encoded and one that comes next are enough.
const RAW_PICTURES_MAX: u64 = 3;

/// A decoded picture: I420 in BT.709, video range, in GStreamer's usual layout.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub width: u32,
    pub height: u32,
    info: gst_video::VideoInfo,
    data: Vec<u8>,
}

impl Picture {
    /// Returns a black picture.
    pub(crate) fn black(width: u32, height: u32) -> Result<Self, RenderError> {
        gst::init().map_err(failed)?;
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height);
        let info = info.build().map_err(failed)?;
        let mut picture = Picture { width, height, data: vec![128; info.size()], info };
        picture.plane_mut(0).0.fill(16);
        Ok(picture)
    }

    fn of(sample: &gst::Sample) -> Result<Self, RenderError> {
        let caps = sample.caps().ok_or_else(|| failed("a picture without a kind"))?;
        let info = gst_video::VideoInfo::from_caps(caps).map_err(failed)?;
        let buffer = sample.buffer().ok_or_else(|| failed("an empty picture"))?;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info);
        let frame = frame.map_err(failed)?;
        let mut picture = Picture::black(info.width(), info.height())?;
        for plane in 0..3 {
            let from_stride = frame.plane_stride()[plane as usize].unsigned_abs() as usize;
            let from = frame.plane_data(plane).map_err(failed)?;
            let (width, _) = picture.plane_size(plane as usize);
            let (to, to_stride) = picture.plane_mut(plane as usize);
            for (from, to) in from.chunks(from_stride).zip(to.chunks_mut(to_stride)) {
                to[..width].copy_from_slice(&from[..width]);
            }
        }
        Ok(picture)
    }

    /// Returns the bytes of a plane (0: brightness, 1 and 2: color) and the length of its rows.
    pub(crate) fn plane(&self, plane: usize) -> (&[u8], usize) {
        let range = self.plane_range(plane);
        (&self.data[range], self.info.stride()[plane].unsigned_abs() as usize)
    }

    /// Returns such bytes to change them.
    pub(crate) fn plane_mut(&mut self, plane: usize) -> (&mut [u8], usize) {
        let range = self.plane_range(plane);
        (&mut self.data[range], self.info.stride()[plane].unsigned_abs() as usize)
    }

    /// Returns the width and height of a plane.
    pub(crate) fn plane_size(&self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        match plane {
            0 => (width, height),
            _ => (width.div_ceil(2), height.div_ceil(2)),
        }
    }

    fn plane_range(&self, plane: usize) -> Range<usize> {
        let (_, height) = self.plane_size(plane);
        let start = self.info.offset()[plane];
        start..start + self.info.stride()[plane].unsigned_abs() as usize * height
    }

    /// Returns all bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.data.clone()
    }
}

/// Returns the caps of raw pictures, as text.
pub(crate) fn picture_caps(width: u32, height: u32) -> String {
    // The decoder guesses the color space from the picture's size, but all of ours are BT.709.
    format!(
        "video/x-raw,format=I420,width={width},height={height},framerate=0/1,\
         colorimetry=bt709,pixel-aspect-ratio=1/1"
    )
}

/// Decodes VP9 packets, the first of which is a keyframe, and hands over each picture with its number. Ends early
/// if `each` fails.
pub(crate) fn decode_pictures<'a>(
    packets: impl Iterator<Item = &'a [u8]>,
    mut each: impl FnMut(usize, Picture) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    let description = format!(
        "appsrc name=in format=time caps=video/x-vp9 max-bytes=0 max-buffers=0 max-time=0
         ! vp9dec threads={} ! videoconvert ! video/x-raw,format=I420
         ! appsink name=out sync=false max-buffers={RAW_PICTURES_MAX}",
        threads()
    );
    let graph = CodecPipeline::start(&description)?;
    let input: gst_app::AppSrc = graph.element("in")?;
    let output: gst_app::AppSink = graph.element("out")?;
    let mut pushed = 0;
    for packet in packets {
        graph.push(&input, packet.to_vec(), gst::ClockTime::from_mseconds(pushed), None)?;
        pushed += 1;
    }
    input.end_of_stream().map_err(|_| graph.failure())?;
    let malformed = |reason: &str| RenderError::Malformed { reason: reason.to_owned() };
    for number in 0..pushed {
        let sample = graph.pull(&output).map_err(|error| malformed(&error.to_string()))?;
        let sample = sample.ok_or_else(|| malformed("a picture can't be decoded"))?;
        each(number as usize, Picture::of(&sample)?)?;
    }
    Ok(())
}

/// A picture of VP9.
pub(crate) struct EncodedPicture {
    pub keyframe: bool,
    pub data: Vec<u8>,
}

/// Encodes pictures as VP9. The first one is the only keyframe, none is hidden, and they come out in their order.
pub(crate) struct PictureEncoder {
    graph: CodecPipeline,
    input: gst_app::AppSrc,
    output: gst_app::AppSink,
    last_ms: Option<u64>,
}

impl PictureEncoder {
    /// Starts an encoder. Its settings are those of the recorder (`capture/src/encoder.rs`) but for speed and
    /// quality: nothing has to be done in real time here, so each picture gets a quantizer that loses nothing
    /// visible of the source, whatever that takes.
    pub(crate) fn start(width: u32, height: u32) -> Result<Self, RenderError> {
        let tile_columns = (width / 256).max(1).ilog2().min(2);
        let description = format!(
            "appsrc name=in format=time block=true max-bytes=0 max-buffers={RAW_PICTURES_MAX}
                max-time=0 caps=\"{caps}\"
             ! vp9enc deadline=1 cpu-used={CPU_USED} threads={threads} row-mt=true
                tile-columns={tile_columns} lag-in-frames=0 end-usage=vbr
                target-bitrate={BITRATE_BITS} min-quantizer=0 max-quantizer={QUANTIZER_MAX}
                keyframe-mode=disabled keyframe-max-dist=9999 timebase=1/1000
             ! appsink name=out sync=false max-buffers=0",
            caps = picture_caps(width, height),
            threads = threads(),
        );
        let graph = CodecPipeline::start(&description)?;
        let (input, output) = (graph.element("in")?, graph.element("out")?);
        Ok(PictureEncoder { graph, input, output, last_ms: None })
    }

    /// Encodes a picture. Times are in milliseconds and rise.
    pub(crate) fn push(&mut self, picture: &Picture, time_ms: u64) -> Result<(), RenderError> {
        self.last_ms = Some(time_ms);
        self.graph.push(&self.input, picture.bytes(), gst::ClockTime::from_mseconds(time_ms), None)
    }

    /// Returns all pictures.
    pub(crate) fn finish(self) -> Result<Vec<EncodedPicture>, RenderError> {
        self.input.end_of_stream().map_err(|_| self.graph.failure())?;
        let mut pictures = Vec::new();
        while let Some(sample) = self.graph.pull(&self.output)? {
            let buffer = sample.buffer().ok_or_else(|| failed("an empty packet"))?;
            let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            let data = buffer.map_readable().map_err(failed)?.to_vec();
            pictures.push(EncodedPicture { keyframe, data });
        }
        Ok(pictures)
    }
}

/// Slower than the recorder's 7 or 8, for a quarter fewer bytes.
const CPU_USED: u32 = 5;
/// The recorder lets pictures that change have any quantizer up to 63, and those that stay 14.
const QUANTIZER_MAX: u32 = 14;
/// More than any picture of a screen needs at that quantizer, so that the rate never limits the quality.
const BITRATE_BITS: u32 = 60_000_000;

/// More than eight threads find no work, since pictures are not that large.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8))
}
