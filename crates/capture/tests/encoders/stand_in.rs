//! The card's encoder. How it behaves is said by its pictures' width, as that is all that a trial's
//! process hears of a test; and true ones work for some sizes alone.

use std::sync::atomic::{AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

/// Of those that a card's encoder may have.
const NAME: &str = "vavp9enc";

pub const RIGHT: u32 = 640;
/// The encoder's output is no VP9.
pub const SPOILS: u32 = 648;
/// It is VP9, of another picture.
pub const LIES: u32 = 656;
pub const HANGS: u32 = 664;
pub const KILLS: u32 = 672;
/// Right until after the trial.
pub const FAILS_LATER: u32 = 680;
pub const HANGS_LATER: u32 = 688;
pub const SPOILS_LATER: u32 = 696;
/// Frames; a trial takes 21.
pub const LATER: u64 = 40;

/// The number of frames that all stand-ins of this process have returned.
pub static GIVEN: AtomicU64 = AtomicU64::new(0);

pub fn register() {
    gst::init().unwrap();
    gst::Element::register(None, NAME, gst::Rank::NONE, StandIn::static_type()).unwrap();
}

glib::wrapper! {
    pub struct StandIn(ObjectSubclass<inside::StandIn>) @extends gst::Bin, gst::Element, gst::Object;
}

/// In front of libvpx.
fn take(buffer: &mut gst::Buffer, width: u32) {
    if width == LIES {
        let planes = buffer.make_mut();
        planes.map_writable().unwrap().as_mut_slice().reverse();
    }
}

/// Behind it, for its `n`th frame.
fn give(bin: &gst::Element, pad: &gst::Pad, buffer: &mut gst::Buffer, width: u32, n: u64) {
    let is_later = n >= LATER;
    match width {
        HANGS => wait_for_ever(),
        HANGS_LATER if is_later => wait_for_ever(),
        KILLS => std::process::abort(),
        SPOILS => spoil(buffer),
        SPOILS_LATER if is_later => spoil(buffer),
        FAILS_LATER if is_later => {
            gst::element_error!(bin, gst::LibraryError::Encode, ("the card is gone"));
            pad.push_event(gst::event::FlushStart::new());
        }
        _ => {}
    }
    GIVEN.fetch_add(1, Ordering::Relaxed);
}

fn spoil(buffer: &mut gst::Buffer) {
    for byte in buffer.make_mut().map_writable().unwrap().as_mut_slice() {
        *byte = !*byte;
    }
}

fn wait_for_ever() {
    loop {
        std::thread::park();
    }
}

mod inside {
    use gst::subclass::prelude::*;

    use super::*;

    #[derive(Default)]
    pub struct StandIn;

    #[glib::object_subclass]
    impl ObjectSubclass for StandIn {
        const NAME: &'static str = "SnaplarkStandInEncoder";
        type Type = super::StandIn;
        type ParentType = gst::Bin;
    }

    impl ObjectImpl for StandIn {
        fn constructed(&self) {
            self.parent_constructed();
            let bin = self.obj();
            let convert = gst::ElementFactory::make("videoconvert").build().unwrap();
            let encode = gst::ElementFactory::make("vp9enc")
                .property("deadline", 1_i64)
                .property("cpu-used", 8_i32)
                .property("lag-in-frames", 0_i32)
                .property("target-bitrate", 4_000_000_i32)
                .property("max-quantizer", 20_i32)
                .property("keyframe-max-dist", 9_999_i32)
                .property_from_str("keyframe-mode", "disabled")
                .property("timebase", gst::Fraction::new(1, 1_000))
                .build()
                .unwrap();
            bin.add_many([&convert, &encode]).unwrap();
            convert.link(&encode).unwrap();
            let (sink, src) = (convert.static_pad("sink"), encode.static_pad("src"));
            let (sink, src) = (sink.unwrap(), src.unwrap());
            let into = encode.static_pad("sink").unwrap();
            into.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
                let width = width_at(pad);
                take(info.buffer_mut().unwrap(), width);
                gst::PadProbeReturn::Ok
            });
            let (owner, count) = (bin.downgrade(), AtomicU64::new(0));
            let into = into.downgrade();
            src.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                if let (Some(bin), Some(into)) = (owner.upgrade(), into.upgrade()) {
                    let n = count.fetch_add(1, Ordering::Relaxed);
                    let width = width_at(&into);
                    give(bin.upcast_ref(), pad, info.buffer_mut().unwrap(), width, n);
                }
                gst::PadProbeReturn::Ok
            });
            for (name, pad) in [("sink", &sink), ("src", &src)] {
                bin.add_pad(&gst::GhostPad::builder_with_target(pad).unwrap().name(name).build())
                    .unwrap();
            }
        }
    }

    fn width_at(pad: &gst::Pad) -> u32 {
        let caps = pad.current_caps().unwrap();
        caps.structure(0).unwrap().get::<i32>("width").unwrap().cast_unsigned()
    }

    impl GstObjectImpl for StandIn {}

    impl ElementImpl for StandIn {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            use std::sync::LazyLock;
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                let name = "A graphics card's encoder";
                gst::subclass::ElementMetadata::new(name, "Encoder/Video", name, "Snaplark")
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            use std::sync::LazyLock;
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let raw = gst::Caps::builder("video/x-raw").field("format", "NV12").build();
                let vp9 = gst::Caps::builder("video/x-vp9").build();
                let always = gst::PadPresence::Always;
                [("sink", gst::PadDirection::Sink, raw), ("src", gst::PadDirection::Src, vp9)]
                    .map(|(name, way, caps)| {
                        gst::PadTemplate::new(name, way, always, &caps).unwrap()
                    })
                    .into()
            });
            &TEMPLATES
        }
    }

    impl BinImpl for StandIn {}
}
