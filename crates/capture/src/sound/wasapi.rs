//! Sound devices of Windows, by WASAPI. What an output plays is recorded by opening it for reading ("loopback").
//!
//! No device is named for the default microphone and the default output: Windows moves such a stream itself when
//! another device becomes the default.

use gstreamer as gst;
use gstreamer::prelude::*;
use snaplark_core::capture::Listening;
use snaplark_core::devices::DeviceProbe;

use super::devices::{DEFAULT_MONITOR, missing};

const ELEMENT: &str = "wasapi2src";
const PROVIDER: &str = "wasapi2deviceprovider";

/// Returns an element that records from that device, once it plays.
pub(super) fn source(target: Option<&str>) -> Result<gst::Element, String> {
    let element = gst::ElementFactory::make(ELEMENT).build().map_err(|_| missing(ELEMENT))?;
    match target {
        Some(DEFAULT_MONITOR) => element.set_property("loopback", true),
        Some(name) => element.set_property("device", name),
        None => {}
    }
    Ok(element)
}

/// Lists microphones and outputs, the defaults first.
pub(super) fn list() -> Result<Vec<DeviceProbe>, String> {
    let factory = gst::DeviceProviderFactory::find(PROVIDER);
    let provider = factory.and_then(|found| found.get()).ok_or_else(|| missing(PROVIDER))?;
    let entries = provider.devices().into_iter();
    let sources = entries.filter(|device| device.has_classes("Audio/Source"));
    Ok(probes(sources.filter_map(|device| ListedDevice::of(&device)).collect()))
}

/// A device as GStreamer lists it. The defaults are listed twice: as devices, and as entries that follow the default.
struct ListedDevice {
    id: String,
    name: String,
    listening: Listening,
    /// For an entry that follows the default: the device that is the default now.
    stands_for: Option<String>,
    follows_default: bool,
}

impl ListedDevice {
    fn of(device: &gst::Device) -> Option<ListedDevice> {
        let properties = device.properties()?;
        let is = |field| properties.get::<bool>(field).unwrap_or(false);
        Some(ListedDevice {
            id: properties.get("device.id").ok()?,
            name: device.display_name().to_string(),
            listening: match is("wasapi2.device.loopback") {
                true => Listening::System,
                false => Listening::Microphone,
            },
            stands_for: properties.get("device.actual-id").ok(),
            follows_default: is("device.default"),
        })
    }
}

fn probes(entries: Vec<ListedDevice>) -> Vec<DeviceProbe> {
    let (following, devices): (Vec<ListedDevice>, Vec<ListedDevice>) =
        entries.into_iter().partition(|entry| entry.follows_default);
    let is_default = |device: &ListedDevice| {
        let same_kind = |it: &&ListedDevice| it.listening == device.listening;
        following.iter().filter(same_kind).any(|it| it.stands_for.as_ref() == Some(&device.id))
    };
    let probe = |device: ListedDevice| DeviceProbe {
        is_default: is_default(&device),
        name: device.id,
        description: device.name,
        listening: device.listening,
    };
    let mut probes: Vec<DeviceProbe> = devices.into_iter().map(probe).collect();
    probes.sort_by_key(|probe| (probe.listening == Listening::System, !probe.is_default));
    probes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_come_first_and_are_listed_once() {
        let entry = |id: &str, listening, stands_for: Option<&str>| ListedDevice {
            id: id.to_owned(),
            name: id.to_uppercase(),
            listening,
            stands_for: stands_for.map(str::to_owned),
            follows_default: stands_for.is_some(),
        };
        let (heard, played) = (Listening::Microphone, Listening::System);
        let probes = probes(vec![
            entry("d1", heard, Some("b")),
            entry("d2", played, Some("s")),
            entry("s", played, None),
            entry("a", heard, None),
            entry("b", heard, None),
        ]);
        let listed: Vec<_> =
            probes.iter().map(|it| (it.name.as_str(), it.listening, it.is_default)).collect();
        assert_eq!(listed, [("b", heard, true), ("a", heard, false), ("s", played, true)]);
        assert_eq!(probes[0].description, "B");
    }
}
