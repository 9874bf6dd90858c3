//! What of recording works on this computer, for `snaplark doctor`. Records nothing.

use gstreamer as gst;
use snaplark_core::capture::CaptureError;

use crate::encoder;
use crate::sound::{self, DeviceProbe};

#[derive(Clone, Debug)]
pub struct Probe {
    pub display: Result<DisplayProbe, CaptureError>,
    /// The encoder that would be used, or what to install.
    pub encoder: Result<String, CaptureError>,
    /// All VP9 encoders that are installed, the one that would be used first.
    pub encoders: Vec<String>,
    /// What can be listened to.
    pub sound: Result<Vec<DeviceProbe>, CaptureError>,
    /// As GStreamer names itself.
    pub gstreamer: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayProbe {
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// If not, pictures come through a socket and cost more.
    pub shared_memory: bool,
    /// If not, a window is recorded with what lies upon it.
    pub whole_windows: bool,
    pub pointer: bool,
}

pub fn probe() -> Probe {
    let display = display();
    if let Err(error) = gst::init() {
        let failed = CaptureError::PipelineFailed { reason: error.to_string() };
        return Probe {
            display,
            encoder: Err(failed.clone()),
            encoders: Vec::new(),
            sound: Err(failed),
            gstreamer: gst::version_string().to_string(),
        };
    }
    Probe {
        display,
        encoder: encoder::choose().map(|encoder| encoder.element.to_owned()),
        encoders: encoder::installed().into_iter().map(str::to_owned).collect(),
        sound: sound::list(None),
        gstreamer: gst::version_string().to_string(),
    }
}

#[cfg(target_os = "linux")]
fn display() -> Result<DisplayProbe, CaptureError> {
    use crate::source::x11;

    let name = crate::source::x11_display(None)?;
    let able = x11::probe(&name)?;
    Ok(DisplayProbe {
        name,
        width: able.size.0,
        height: able.size.1,
        shared_memory: able.shared_memory,
        whole_windows: able.composite,
        pointer: able.pointer,
    })
}

#[cfg(not(target_os = "linux"))]
fn display() -> Result<DisplayProbe, CaptureError> {
    Err(CaptureError::Unsupported {
        reason: "only X11 desktops are recorded by this version".to_owned(),
    })
}
