//! Checks what can be recorded on this computer, for `snaplark doctor`. Records nothing, and never asks
//! the person.

use gstreamer as gst;
use snaplark_core::capture::CaptureError;

use crate::encoder;
use crate::marks;
use crate::sound::{self, DeviceProbe};
use crate::webcam::{self, CameraProbe};

#[derive(Clone, Debug)]
pub struct Probe {
    /// All ways to capture the screen; the one that would be used comes first.
    pub ways: Vec<WayProbe>,
    /// The software encoder, or what to install.
    pub encoder: Result<String, CaptureError>,
    /// The installed hardware encoders. One is used if a trial shows that it works.
    pub hardware: Vec<String>,
    /// The sound devices.
    pub sound: Result<Vec<DeviceProbe>, CaptureError>,
    /// Whether clicks and keys can be shown, or why not.
    pub marks: Result<(), String>,
    /// The cameras, or why they can't be listed.
    pub cameras: Result<Vec<CameraProbe>, String>,
    /// GStreamer's version string.
    pub gstreamer: String,
}

#[derive(Clone, Debug)]
pub struct WayProbe {
    pub name: &'static str,
    /// Describes what can be captured in this way, or says why it is not used.
    pub found: Result<String, String>,
}

pub fn probe() -> Probe {
    if let Err(error) = gst::init() {
        let failed = CaptureError::PipelineFailed { reason: error.to_string() };
        return Probe {
            ways: ways(),
            encoder: Err(failed.clone()),
            hardware: Vec::new(),
            marks: marks(),
            cameras: Err(failed.to_string()),
            sound: Err(failed),
            gstreamer: gst::version_string().to_string(),
        };
    }
    Probe {
        ways: ways(),
        encoder: encoder::check().map(|()| encoder::SOFTWARE.element.to_owned()),
        hardware: encoder::hardware().map(|encoder| encoder.element.to_owned()).collect(),
        sound: sound::list(None),
        marks: marks(),
        cameras: webcam::list(),
        gstreamer: gst::version_string().to_string(),
    }
}

fn marks() -> Result<(), String> {
    let way = crate::source::way(None).map_err(|error| error.to_string())?;
    marks::check(&way)
}

#[cfg(target_os = "linux")]
fn ways() -> Vec<WayProbe> {
    use crate::source::{Way, portal, scap, way};

    let x11 = |found| WayProbe { name: "X11", found };
    let wayland = |found| WayProbe { name: "Wayland", found };
    let unused = |why: &str| Err(format!("not used: {why}"));
    let text = |error: CaptureError| error.to_string();
    let scap = |found| WayProbe { name: "scap", found };
    let other = if scap::part::IS_BUILT {
        "not used: SNAPLARK_SOURCE=scap chooses it, and asks before each recording"
    } else {
        "not in this build: it is the way in of Windows and macOS"
    };
    match way(None) {
        Ok(Way::Portal) => {
            let why = "in a Wayland session it shows only the programs that still speak X11";
            vec![wayland(shared().map_err(text)), x11(unused(why)), scap(Err(other.into()))]
        }
        Ok(Way::X11(name)) => {
            let why = "this is an X11 session, which is recorded without asking";
            vec![x11(shown(&name).map_err(text)), wayland(unused(why)), scap(Err(other.into()))]
        }
        Ok(Way::Scap) => {
            let found = portal::offered().map_err(text);
            let found = found.map(|offered| format!("{offered}, after asking each time"));
            let why = "SNAPLARK_SOURCE is 'scap'";
            vec![scap(found), x11(unused(why)), wayland(unused(why))]
        }
        Err(error) => vec![x11(Err(error.to_string())), wayland(Err(error.to_string()))],
    }
}

#[cfg(target_os = "linux")]
fn shared() -> Result<String, CaptureError> {
    use crate::source::portal;

    let offered = portal::offered()?;
    portal::check_element()?;
    Ok(format!("the desktop's portal shares {offered}, after asking once"))
}

#[cfg(target_os = "linux")]
fn shown(name: &str) -> Result<String, CaptureError> {
    let able = crate::source::x11::probe(name)?;
    let mut found = format!("{name}, {}x{}", able.size.0, able.size.1);
    for (has, lack) in [
        (able.shared_memory, "without shared memory, which costs more"),
        (able.composite, "windows with what lies upon them"),
        (able.pointer, "no pointer"),
    ] {
        if !has {
            found = format!("{found}, {lack}");
        }
    }
    Ok(found)
}

#[cfg(not(target_os = "linux"))]
fn ways() -> Vec<WayProbe> {
    let found = crate::source::way(None)
        .map(|_| "displays and windows".to_owned())
        .map_err(|error| error.to_string());
    vec![WayProbe { name: "scap", found }]
}
