//! Writes MP4: H.264 and AAC by the encoders that the system has.
//!
//! ```text
//! pictures  appsrc -> videoscale -> H.264 ─┐
//! sound     appsrc -> audioconvert -> AAC ─┴-> mp4mux (fast start) -> filesink;  then the chapters
//! ```
//!
//! Snaplark brings neither encoder: both are patented in some countries, and distributions decide what they ship.

use std::sync::{Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_core::render::RenderError;

use super::pictures::{ShownPicture, each_picture, scaled_size};
use super::sound::each_sound;
use super::{Export, ExportTarget, chapters};
use crate::codec::{
    CodecPipeline, RATE_MS, SourceRecording, has_element, picture_caps, sound_caps,
};

/// An encoder: its element, what else it needs, and its part of a pipeline.
struct SystemEncoder {
    element: &'static str,
    needs: &'static [&'static str],
    pipeline: &'static str,
}

/// Best first. Each keeps a quality rather than a rate where it can. libx264 has one that eyes call equal to the
/// source at 20; the others get a rate that screens stay far below. None of them reorders pictures: mp4mux would end the
/// edit list by the times of decoding, and players would leave out up to two last pictures where their times are uneven.
const H264: &[SystemEncoder] = &[
    SystemEncoder {
        element: "x264enc",
        needs: &[],
        pipeline: "x264enc pass=qual quantizer=20 speed-preset=veryfast key-int-max=120 bframes=0
                   ! video/x-h264,stream-format=avc,alignment=au",
    },
    SystemEncoder {
        element: "vah264enc",
        needs: &["h264parse"],
        pipeline: "vah264enc rate-control=cqp ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
    },
    SystemEncoder {
        element: "vtenc_h264",
        needs: &["h264parse"],
        pipeline: "vtenc_h264 bitrate=8000 allow-frame-reordering=false
                   ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
    },
    SystemEncoder {
        element: "mfh264enc",
        needs: &["h264parse"],
        pipeline: "mfh264enc bitrate=8000 ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
    },
    SystemEncoder {
        element: "openh264enc",
        needs: &["h264parse"],
        pipeline: "openh264enc rate-control=quality bitrate=8000000 complexity=medium
                   ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
    },
];

const AAC: &[SystemEncoder] = &[
    SystemEncoder { element: "fdkaacenc", needs: &[], pipeline: "fdkaacenc bitrate=160000" },
    SystemEncoder { element: "avenc_aac", needs: &[], pipeline: "avenc_aac bitrate=160000" },
    SystemEncoder { element: "voaacenc", needs: &[], pipeline: "voaacenc bitrate=160000" },
    SystemEncoder { element: "mfaacenc", needs: &[], pipeline: "mfaacenc bitrate=160000" },
];

fn installed(encoders: &'static [SystemEncoder]) -> Option<&'static SystemEncoder> {
    encoders.iter().find(|encoder| {
        has_element(encoder.element) && encoder.needs.iter().all(|element| has_element(element))
    })
}

/// Checks that the encoders are installed.
pub(super) fn check(has_sound: bool) -> Result<(), RenderError> {
    encoders(has_sound).map(drop)
}

fn encoders(
    has_sound: bool,
) -> Result<(&'static SystemEncoder, Option<&'static SystemEncoder>), RenderError> {
    let missing = |format: &str, install: &str| RenderError::NoEncoder {
        format: format.to_owned(),
        install: install.to_owned(),
    };
    let h264 = installed(H264).ok_or_else(|| {
        missing(
            "H.264",
            "gstreamer1.0-plugins-ugly (Debian, Ubuntu), gstreamer1-plugin-openh264 (Fedora) or \
             gst-plugins-ugly (Arch)",
        )
    })?;
    if !has_element("mp4mux") {
        return Err(missing(
            "MP4",
            "gstreamer1.0-plugins-good (Debian, Ubuntu), gstreamer1-plugins-good (Fedora) or \
             gst-plugins-good (Arch)",
        ));
    }
    let aac = installed(AAC).ok_or_else(|| {
        missing(
            "AAC",
            "gstreamer1.0-libav (Debian, Ubuntu), gstreamer1-plugin-libav (Fedora) or gst-libav (Arch)",
        )
    });
    Ok((h264, if has_sound { Some(aac?) } else { None }))
}

pub(super) fn write(export: &Export<'_>, target: &ExportTarget) -> Result<(), RenderError> {
    let tracks = &export.recording.tracks;
    let channels = tracks.audio.as_ref().map(|audio| audio.channels);
    let (h264, aac) = encoders(channels.is_some())?;
    let (width, height) = (tracks.video.width, tracks.video.height);
    let scaled = scaled_size((width, height), export.options.width);
    let mut description = format!(
        "mp4mux name=mux faststart=true ! filesink name=file
         appsrc name=pictures format=time block=true max-bytes=0 max-buffers=3 max-time=0
            caps=\"{}\"
         ! videoscale method=catrom add-borders=false
         ! video/x-raw,width={},height={},pixel-aspect-ratio=1/1
         ! {} ! queue max-size-buffers=0 max-size-time=0 ! mux.",
        picture_caps(width, height),
        // Color has half the resolution, so the encoders take even sides only.
        (scaled.0 & !1).max(2),
        (scaled.1 & !1).max(2),
        h264.pipeline,
    );
    if let (Some(channels), Some(aac)) = (channels, aac) {
        description.push_str(&format!(
            " appsrc name=sound format=time block=true max-bytes=4000000 caps=\"{}\"
              ! audioconvert ! audioresample ! {} ! aacparse
              ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! mux.",
            sound_caps(channels),
            aac.pipeline
        ));
    }
    let graph = CodecPipeline::build(&description)?;
    graph.element::<gst::Element>("file")?.set_property("location", target.part());
    // Here the muxer keeps the media while they are without their index.
    let unindexed = target.beside("unindexed");
    graph.element::<gst::Element>("mux")?.set_property("faststart-file", &unindexed);
    graph.play()?;
    let pictures: gst_app::AppSrc = graph.element("pictures")?;
    let sound: Option<gst_app::AppSrc> = match channels {
        Some(_) => Some(graph.element("sound")?),
        None => None,
    };
    let failure = FirstFailure::default();
    // Each input waits where its encoder does, so each has a thread.
    std::thread::scope(|scope| {
        if let (Some(input), Some(channels)) = (&sound, channels) {
            let (graph, failure) = (&graph, &failure);
            let (reader, plan) = (export.recording.reader(), &export.plan);
            let (options, progress) = (export.options, export.progress);
            scope.spawn(move || {
                let fed = SourceRecording::open(reader).and_then(|recording| {
                    let (plan, chapters) = (plan.clone(), Vec::new());
                    let export = Export { recording, plan, chapters, options, progress };
                    feed_sound(&export, graph, input, channels)
                });
                failure.note(fed, graph);
            });
        }
        failure.note(feed_pictures(export, &graph, &pictures), &graph);
    });
    failure.first()?;
    graph.wait_for_end(|| !export.progress.is_cancelled())?;
    // Closes the file.
    drop(graph);
    chapters::add_to_mp4(export, target.part())
}

/// The first error of the inputs. The others fail because of it.
#[derive(Default)]
struct FirstFailure(Mutex<Option<RenderError>>);

impl FirstFailure {
    /// Notes an error, and stops the pipeline so that nobody waits in it any longer.
    fn note(&self, result: Result<(), RenderError>, graph: &CodecPipeline) {
        if let Err(error) = result {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            graph.stop();
        }
    }

    fn first(self) -> Result<(), RenderError> {
        match self.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

fn feed_pictures(
    export: &Export<'_>,
    graph: &CodecPipeline,
    to: &gst_app::AppSrc,
) -> Result<(), RenderError> {
    each_picture(export, export.options.fps, |ShownPicture { from_ms, to_ms, picture }| {
        let duration = gst::ClockTime::from_mseconds(to_ms - from_ms);
        let time = gst::ClockTime::from_mseconds(from_ms);
        graph.push(to, picture.bytes(), time, Some(duration))
    })?;
    to.end_of_stream().map(drop).map_err(|_| graph.failure())
}

fn feed_sound(
    export: &Export<'_>,
    graph: &CodecPipeline,
    to: &gst_app::AppSrc,
    channels: u8,
) -> Result<(), RenderError> {
    let frame = usize::from(channels);
    each_sound(export, channels, |at_ms, sound| {
        let bytes = sound.iter().flat_map(|value| value.to_le_bytes()).collect();
        let duration = gst::ClockTime::from_mseconds((sound.len() / frame / RATE_MS) as u64);
        graph.push(to, bytes, gst::ClockTime::from_mseconds(at_ms), Some(duration))
    })?;
    to.end_of_stream().map(drop).map_err(|_| graph.failure())
}
