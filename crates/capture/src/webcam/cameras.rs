//! Lists the cameras. PipeWire shares a camera between programs, Video4Linux does not. A camera that
//! both know is opened through PipeWire.
//!
//! The search runs in a helper process (`helper_process`): PipeWire's device provider (0.3.65) sometimes crashes
//! its process, or hangs, when cameras are plugged in or out.

use std::process::ExitCode;

use gstreamer as gst;
use gstreamer::prelude::*;
use snaplark_core::capture::Device;
use snaplark_core::devices::CameraProbe;

use crate::graph::text;
use crate::helper_process::{HelperKind, HelperProcess, exit_with_output};
use crate::policy::OPEN_WAIT;

/// A camera and how to open it.
pub(crate) struct FoundCamera {
    probe: CameraProbe,
    element: String,
    /// The properties that make the element open this camera, all as text.
    set: gst::Structure,
    /// The formats that it offers.
    pub caps: gst::Caps,
}

/// Lists the cameras; the one that is used if none is named comes first.
pub(crate) fn list() -> Result<Vec<CameraProbe>, String> {
    Ok(found_cameras()?.into_iter().map(|camera| camera.probe).collect())
}

/// Finds a camera by the system's name or by the one that a person sees.
pub(crate) fn find(wanted: &Device) -> Result<FoundCamera, String> {
    let mut found_cameras = found_cameras()?;
    let place = match wanted {
        Device::Default if found_cameras.is_empty() => return Err("there is none".to_owned()),
        Device::Default => 0,
        Device::Named(wanted) => {
            let lower = wanted.to_lowercase();
            let by_name = found_cameras.iter().position(|camera| camera.probe.name == *wanted);
            let by_sight = || {
                found_cameras
                    .iter()
                    .position(|camera| camera.probe.description.to_lowercase() == lower)
            };
            by_name.or_else(by_sight).ok_or_else(|| format!("'{wanted}' is not there"))?
        }
    };
    Ok(found_cameras.swap_remove(place))
}

/// Returns an element that opens the camera. The `PipewireConnection` must live as long as the element.
pub(crate) fn source(
    camera: &FoundCamera,
) -> Result<(gst::Element, Option<PipewireConnection>), String> {
    let source = gst::ElementFactory::make(&camera.element).build().map_err(text)?;
    for (name, value) in camera.set.iter() {
        source.set_property_from_str(name, value.get().map_err(text)?);
    }
    if !source.has_property("fd") {
        return Ok((source, None));
    }
    // If the camera disappears, PipeWire must not switch to another one.
    let stay = gst::Structure::builder("p").field("node.dont-reconnect", "true").build();
    source.set_property("stream-properties", stay);
    // Otherwise the element shares a connection with all others of this process, and hangs with them
    // (PipeWire 0.3.65).
    let line = PipewireConnection::open()
        .map_err(|error| format!("PipeWire can't be reached ({error})"))?;
    line.give_to(&source);
    Ok((source, Some(line)))
}

/// A connection to PipeWire, found as PipeWire's own clients find it.
#[cfg(unix)]
pub(crate) struct PipewireConnection(std::os::unix::net::UnixStream);

#[cfg(unix)]
impl PipewireConnection {
    fn open() -> std::io::Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let name = set("PIPEWIRE_REMOTE").unwrap_or_else(|| "pipewire-0".into());
        let folder = set("PIPEWIRE_RUNTIME_DIR").or_else(|| set("XDG_RUNTIME_DIR"));
        // An absolute path is used unchanged.
        let path = std::path::Path::new(&folder.unwrap_or_default()).join(name);
        std::os::unix::net::UnixStream::connect(path).map(PipewireConnection)
    }

    fn give_to(&self, source: &gst::Element) {
        source.set_property("fd", std::os::fd::AsRawFd::as_raw_fd(&self.0));
    }
}

/// There is no PipeWire on this system.
#[cfg(not(unix))]
pub(crate) enum PipewireConnection {}

#[cfg(not(unix))]
impl PipewireConnection {
    fn open() -> std::io::Result<Self> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn give_to(&self, _: &gst::Element) {
        match *self {}
    }
}

/// The line that the helper prints last, to mark its output as complete.
const COMPLETE: &str = "whole";

fn found_cameras() -> Result<Vec<FoundCamera>, String> {
    gst::init().map_err(text)?;
    let ask = || HelperProcess::run_to_end(HelperKind::Cameras, "", OPEN_WAIT);
    // The helper may crash once and work the next time.
    let said = ask().or_else(|_| ask()).map_err(|why| format!("the look for cameras: {why}"))?;
    match said.strip_suffix(COMPLETE) {
        Some(lines) => lines.lines().map(FoundCamera::read).collect(),
        None => Err(said),
    }
}

/// The helper's entry point.
pub(crate) fn run() -> ExitCode {
    let lines: Result<String, String> =
        found().and_then(|devices| devices.iter().map(line_of).collect());
    exit_with_output(&lines.map_or_else(|problem| problem, |lines| lines + COMPLETE))
}

impl FoundCamera {
    fn read(line: &str) -> Result<FoundCamera, String> {
        let fields: gst::Structure = line.parse().map_err(text)?;
        let word = |field| fields.get::<String>(field).map_err(text);
        Ok(FoundCamera {
            probe: CameraProbe { name: word("name")?, description: word("description")? },
            element: word("element")?,
            set: word("set")?.parse().map_err(text)?,
            caps: word("caps")?.parse().map_err(text)?,
        })
    }
}

/// Returns a line that describes the device, as [`FoundCamera::read`] reads it.
fn line_of(device: &gst::Device) -> Result<String, String> {
    let element = device.create_element(None).map_err(text)?;
    let kind = element.factory().ok_or("it is made by nobody")?.name();
    let fields = gst::Structure::builder("camera")
        .field("name", name(device))
        .field("description", device.display_name())
        .field("element", &kind)
        .field("set", set_in(&element, &kind)?.to_string())
        .field("caps", device.caps().unwrap_or_else(gst::Caps::new_any).to_string())
        .build();
    Ok(format!("{fields}\n"))
}

/// Returns the properties that differ from those of a new element of the same kind.
fn set_in(element: &gst::Element, kind: &str) -> Result<gst::Structure, String> {
    let plain = gst::ElementFactory::make(kind).build().map_err(text)?;
    let mut set = gst::Structure::new_empty("set");
    for property in element.list_properties().iter().filter(|of| of.name() != "name") {
        let both = gst::glib::ParamFlags::READABLE | gst::glib::ParamFlags::WRITABLE;
        let in_one = |one: &gst::Element| one.property_value(property.name()).serialize().ok();
        if property.flags().contains(both)
            && let Some(value) = in_one(element)
            && in_one(&plain).as_ref() != Some(&value)
        {
            set.set(property.name(), value);
        }
    }
    Ok(set)
}

fn found() -> Result<Vec<gst::Device>, String> {
    gst::init().map_err(text)?;
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

/// Returns a stable name. Video4Linux numbers devices in the order of connection, but the port stays
/// the same. On Windows the path names device and port.
fn name(device: &gst::Device) -> String {
    let description = device.display_name().to_string();
    if cfg!(windows) {
        return property(device, "device.path").unwrap_or(description);
    }
    let plug = property(device, "v4l2.device.bus_info").map(|plug| format!("{plug} {description}"));
    property(device, "node.name").or(plug).unwrap_or(description)
}

fn property(device: &gst::Device, name: &str) -> Option<String> {
    device.properties()?.get::<String>(name).ok()
}
