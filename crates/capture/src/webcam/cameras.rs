//! Which cameras there are. PipeWire gives one to several programs at once, Video4Linux to one; where
//! both know a camera, PipeWire's is taken.
//!
//! They are looked for in a process of their own (`part`): PipeWire's provider of devices (0.3.65)
//! now and then ends the process that it is in, or hangs, where cameras come and go.

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
    /// What a person sees.
    pub description: String,
}

/// How it can be opened.
pub struct Camera {
    probe: CameraProbe,
    element: String,
    /// The element's properties that make it this camera's: all of them text.
    set: gst::Structure,
    /// What it gives.
    pub caps: gst::Caps,
}

/// All that are there now, the one that is taken where none is named first. Or why nobody can know.
pub fn list() -> Result<Vec<CameraProbe>, String> {
    Ok(there()?.into_iter().map(|camera| camera.probe).collect())
}

/// By the system's name or by what a person sees.
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

/// To be opened. `Line` has to stay for as long as the element is there.
pub fn source(camera: &Camera) -> Result<(gst::Element, Option<Line>), String> {
    let source = gst::ElementFactory::make(&camera.element).build().map_err(text)?;
    for (name, value) in camera.set.iter() {
        source.set_property_from_str(name, value.get().map_err(text)?);
    }
    if !source.has_property("fd") {
        return Ok((source, None));
    }
    // A camera that goes is not to be followed by another.
    let stay = gst::Structure::builder("p").field("node.dont-reconnect", "true").build();
    source.set_property("stream-properties", stay);
    // Else it shares one with all others of this process, and hangs with them (PipeWire 0.3.65).
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

/// What the part prints last, when all was said.
const WHOLE: &str = "whole";

fn there() -> Result<Vec<Camera>, String> {
    gst::init().map_err(text)?;
    let ask = || Part::ask(Name::Cameras, "", OPEN_WAIT);
    // That it died says nothing of the next time.
    let said = ask().or_else(|_| ask()).map_err(|why| format!("the look for cameras: {why}"))?;
    match said.strip_suffix(WHOLE) {
        Some(lines) => lines.lines().map(Camera::read).collect(),
        None => Err(said),
    }
}

/// The part.
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

/// All that has to be known of it, as [`Camera::read`] reads it.
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

/// What was set in it that others of its kind have otherwise.
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

/// Video4Linux numbers its devices as they come; the place where it is plugged in stays.
fn name(device: &gst::Device) -> String {
    let description = device.display_name().to_string();
    let plug = property(device, "v4l2.device.bus_info").map(|plug| format!("{plug} {description}"));
    property(device, "node.name").or(plug).unwrap_or(description)
}

fn property(device: &gst::Device, name: &str) -> Option<String> {
    device.properties()?.get::<String>(name).ok()
}
