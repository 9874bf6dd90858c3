//! Lists the cameras. PipeWire shares a camera between programs, Video4Linux does not. A camera that
//! both know is opened through PipeWire.
//!
//! The search runs in a helper process (`part`): PipeWire's device provider (0.3.65) sometimes crashes
//! its process, or hangs, when cameras are plugged in or out.

use std::process::ExitCode;

use gstreamer as gst;
use gstreamer::prelude::*;
use snaplark_core::capture::Device;

use crate::graph::text;
use crate::part::{Name, Part, end_with};
use crate::policy::OPEN_WAIT;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraProbe {
    /// The system's own name, which stays the same when it is plugged in again.
    pub name: String,
    /// The name that a person sees.
    pub description: String,
}

/// A camera and how to open it.
pub struct Camera {
    probe: CameraProbe,
    element: String,
    /// The properties that make the element open this camera, all as text.
    set: gst::Structure,
    /// The formats that it offers.
    pub caps: gst::Caps,
}

/// Lists the cameras; the one that is used if none is named comes first.
pub fn list() -> Result<Vec<CameraProbe>, String> {
    Ok(there()?.into_iter().map(|camera| camera.probe).collect())
}

/// Finds a camera by the system's name or by the one that a person sees.
pub fn find(wanted: &Device) -> Result<Camera, String> {
    let mut there = there()?;
    let place = match wanted {
        Device::Default if there.is_empty() => return Err("there is none".to_owned()),
        Device::Default => 0,
        Device::Named(wanted) => {
            let lower = wanted.to_lowercase();
            let by_name = there.iter().position(|camera| camera.probe.name == *wanted);
            let by_sight =
                || there.iter().position(|camera| camera.probe.description.to_lowercase() == lower);
            by_name.or_else(by_sight).ok_or_else(|| format!("'{wanted}' is not there"))?
        }
    };
    Ok(there.swap_remove(place))
}

/// Returns an element that opens the camera. The `Line` must live as long as the element.
pub fn source(camera: &Camera) -> Result<(gst::Element, Option<Line>), String> {
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
    let line = Line::open().map_err(|error| format!("PipeWire can't be reached ({error})"))?;
    line.give_to(&source);
    Ok((source, Some(line)))
}

/// A connection to PipeWire, found as PipeWire's own clients find it.
#[cfg(unix)]
pub struct Line(std::os::unix::net::UnixStream);

#[cfg(unix)]
impl Line {
    fn open() -> std::io::Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let name = set("PIPEWIRE_REMOTE").unwrap_or_else(|| "pipewire-0".into());
        let folder = set("PIPEWIRE_RUNTIME_DIR").or_else(|| set("XDG_RUNTIME_DIR"));
        // An absolute path is used unchanged.
        let path = std::path::Path::new(&folder.unwrap_or_default()).join(name);
        std::os::unix::net::UnixStream::connect(path).map(Line)
    }

    fn give_to(&self, source: &gst::Element) {
        source.set_property("fd", std::os::fd::AsRawFd::as_raw_fd(&self.0));
    }
}

/// There is no PipeWire on this system.
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

/// What the helper prints last, to mark its output as complete.
const WHOLE: &str = "whole";

fn there() -> Result<Vec<Camera>, String> {
    gst::init().map_err(text)?;
    let ask = || Part::ask(Name::Cameras, "", OPEN_WAIT);
    // The helper may crash once and work the next time.
    let said = ask().or_else(|_| ask()).map_err(|why| format!("the look for cameras: {why}"))?;
    match said.strip_suffix(WHOLE) {
        Some(lines) => lines.lines().map(Camera::read).collect(),
        None => Err(said),
    }
}

/// The helper's entry point.
pub fn run() -> ExitCode {
    let lines: Result<String, String> =
        found().and_then(|devices| devices.iter().map(line_of).collect());
    end_with(&lines.map_or_else(|problem| problem, |lines| lines + WHOLE))
}

impl Camera {
    fn read(line: &str) -> Result<Camera, String> {
        let told: gst::Structure = line.parse().map_err(text)?;
        let word = |field| told.get::<String>(field).map_err(text);
        Ok(Camera {
            probe: CameraProbe { name: word("name")?, description: word("description")? },
            element: word("element")?,
            set: word("set")?.parse().map_err(text)?,
            caps: word("caps")?.parse().map_err(text)?,
        })
    }
}

/// Returns a line that describes the device, as [`Camera::read`] reads it.
fn line_of(device: &gst::Device) -> Result<String, String> {
    let element = device.create_element(None).map_err(text)?;
    let kind = element.factory().ok_or("it is made by nobody")?.name();
    let told = gst::Structure::builder("camera")
        .field("name", name(device))
        .field("description", device.display_name())
        .field("element", &kind)
        .field("set", set_in(&element, &kind)?.to_string())
        .field("caps", device.caps().unwrap_or_else(gst::Caps::new_any).to_string())
        .build();
    Ok(format!("{told}\n"))
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
/// the same.
fn name(device: &gst::Device) -> String {
    let description = device.display_name().to_string();
    let plug = property(device, "v4l2.device.bus_info").map(|plug| format!("{plug} {description}"));
    property(device, "node.name").or(plug).unwrap_or(description)
}

fn property(device: &gst::Device, name: &str) -> Option<String> {
    device.properties()?.get::<String>(name).ok()
}
