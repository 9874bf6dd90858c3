//! Which cameras there are. PipeWire gives one to several programs at once, Video4Linux to one; where
//! both know a camera, PipeWire's is taken.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use snaplark_core::capture::Device;

use crate::policy::OPEN_WAIT;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraProbe {
    /// The system's own name, which stays the same when it is plugged in again.
    pub name: String,
    /// What a person sees.
    pub description: String,
}

/// All that are there now, the one that is taken where none is named first. Or why nobody can know.
pub fn list() -> Result<Vec<CameraProbe>, String> {
    // A media server that hangs hangs whoever asks it.
    let (answer, asked) = sync_channel(1);
    let ask =
        move || drop(answer.send(found().map(|found| found.into_iter().map(probe).collect())));
    crate::spawn("camera-list", ask).map_err(|error| error.to_string())?;
    asked.recv_timeout(OPEN_WAIT).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => "the media server does not answer".to_owned(),
            RecvTimeoutError::Disconnected => "a fault in Snaplark itself".to_owned(),
        })
    })
}

/// By the system's name or by what a person sees.
pub fn find(wanted: &Device) -> Result<gst::Device, String> {
    let mut found = found()?.into_iter();
    match wanted {
        Device::Default => found.next().ok_or_else(|| "there is none".to_owned()),
        Device::Named(wanted) => {
            let found: Vec<gst::Device> = found.collect();
            let lower = wanted.to_lowercase();
            let by_name = found.iter().find(|device| name(device) == *wanted);
            let by_sight = || found.iter().find(|d| d.display_name().to_lowercase() == lower);
            let device =
                by_name.or_else(by_sight).ok_or_else(|| format!("'{wanted}' is not there"));
            device.cloned()
        }
    }
}

/// To be opened. `Line` has to stay for as long as the element is there.
pub fn source(device: &gst::Device) -> Result<(gst::Element, Option<Line>), String> {
    let source = device.create_element(None).map_err(|error| error.to_string())?;
    if property(device, "node.name").is_none() {
        return Ok((source, None));
    }
    // A camera that goes is not to be followed by another.
    let stay = gst::Structure::builder("p").field("node.dont-reconnect", "true").build();
    source.set_property("stream-properties", stay);
    // Else it shares one with whoever lists the cameras, and hangs with them (PipeWire 0.3.65).
    let line = Line::open().map_err(|error| format!("PipeWire can't be reached ({error})"))?;
    line.give_to(&source);
    Ok((source, Some(line)))
}

/// To PipeWire, as its own clients find it.
#[cfg(unix)]
pub struct Line(std::os::unix::net::UnixStream);

#[cfg(unix)]
impl Line {
    fn open() -> std::io::Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let name = set("PIPEWIRE_REMOTE").unwrap_or_else(|| "pipewire-0".into());
        let folder = set("PIPEWIRE_RUNTIME_DIR").or_else(|| set("XDG_RUNTIME_DIR"));
        // A name that is a whole path stays one.
        let path = std::path::Path::new(&folder.unwrap_or_default()).join(name);
        std::os::unix::net::UnixStream::connect(path).map(Line)
    }

    fn give_to(&self, source: &gst::Element) {
        source.set_property("fd", std::os::fd::AsRawFd::as_raw_fd(&self.0));
    }
}

/// There is no PipeWire.
#[cfg(not(unix))]
pub enum Line {}

#[cfg(not(unix))]
impl Line {
    fn open() -> std::io::Result<Self> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn give_to(&self, _: &gst::Element) {
        match *self {}
    }
}

fn found() -> Result<Vec<gst::Device>, String> {
    // One at a time: GStreamer has one provider for all who ask.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    gst::init().map_err(|error| error.to_string())?;
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Video/Source"), None);
    let found: Vec<gst::Device> = monitor.devices().into_iter().collect();
    let (shared, own): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|device| property(device, "node.name").is_some());
    let is_shared = |device: &gst::Device| {
        let path = property(device, "device.path");
        path.is_some() && shared.iter().any(|shared| property(shared, "api.v4l2.path") == path)
    };
    let own = own.into_iter().filter(|device| !is_shared(device));
    Ok(shared.iter().cloned().chain(own).collect())
}

fn probe(device: gst::Device) -> CameraProbe {
    CameraProbe { name: name(&device), description: device.display_name().to_string() }
}

/// Video4Linux numbers its devices as they come; the place where it is plugged in stays.
fn name(device: &gst::Device) -> String {
    let description = device.display_name().to_string();
    let plug = property(device, "v4l2.device.bus_info").map(|plug| format!("{plug} {description}"));
    property(device, "node.name").or(plug).unwrap_or(description)
}

fn property(device: &gst::Device, name: &str) -> Option<String> {
    device.properties()?.get::<String>(name).ok()
}
