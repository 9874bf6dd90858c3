//! The sound server and its devices: PulseAudio, PipeWire's PulseAudio interface, or WASAPI (`wasapi`) on Windows.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
#[cfg(not(windows))]
use std::sync::{Mutex, PoisonError};

use gstreamer as gst;
#[cfg(not(windows))]
use gstreamer::prelude::*;
use snaplark_core::capture::CaptureError;
#[cfg(not(windows))]
use snaplark_core::capture::Listening;
use snaplark_core::devices::DeviceProbe;

use crate::policy::{OPEN_WAIT, SERVER_ANSWER};
use crate::remedy::Packages;

#[cfg(not(windows))]
const ELEMENT: &str = "pulsesrc";
#[cfg(not(windows))]
const PROVIDER: &str = "pulsedeviceprovider";
#[cfg(not(windows))]
const CLIENT: &str = "Snaplark";
/// The server's name for the monitor of the default output, whichever that is.
pub(super) const DEFAULT_MONITOR: &str = "@DEFAULT_MONITOR@";

/// Lists the sound devices: microphones first, then the monitors of outputs.
pub(crate) fn list(server: Option<&str>) -> Result<Vec<DeviceProbe>, CaptureError> {
    let server = SoundServer::named(server);
    // Asked on another thread, since a sound server that hangs blocks its caller.
    let (answer, asked) = sync_channel(1);
    crate::spawn("sound-list", move || drop(answer.send(server.list())))?;
    let listed = asked.recv_timeout(OPEN_WAIT).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => UNANSWERED.to_owned(),
            RecvTimeoutError::Disconnected => "a fault in Snaplark itself".to_owned(),
        })
    });
    listed.map_err(|reason| CaptureError::NoSound { reason })
}

/// Checks that a sound server responds at all, without opening a microphone.
pub(super) fn answers(server: &SoundServer) -> Result<(), String> {
    let server = server.clone();
    let (answer, asked) = sync_channel(1);
    let ask = move || drop(answer.send(server.check()));
    crate::spawn("sound-ask", ask).map_err(|error| error.to_string())?;
    asked.recv_timeout(SERVER_ANSWER).unwrap_or_else(|_| Err(UNANSWERED.to_owned()))
}

const UNANSWERED: &str = "the sound server does not answer";

#[derive(Clone, Debug)]
pub(super) struct SoundServer(#[cfg_attr(windows, allow(dead_code))] Option<String>);

impl SoundServer {
    /// Returns the named server. `None` means the session's own.
    pub(super) fn named(name: Option<&str>) -> Self {
        SoundServer(name.map(str::to_owned))
    }

    /// Returns the system's name of a microphone. `wanted` is that name or the one that a person sees.
    pub(super) fn resolve(&self, wanted: &str) -> Result<String, String> {
        let devices = self.list()?;
        let lower = wanted.to_lowercase();
        let by_name = devices.iter().find(|device| device.name == wanted);
        let by_sight = || devices.iter().find(|d| d.description.to_lowercase() == lower);
        let device = by_name.or_else(by_sight).ok_or_else(|| format!("'{wanted}' is not there"))?;
        Ok(device.name.clone())
    }
}

#[cfg(windows)]
impl SoundServer {
    /// Returns an element that records from that device, once it plays. WASAPI has no servers.
    pub(super) fn source(&self, target: Option<&str>) -> Result<gst::Element, String> {
        super::wasapi::source(target)
    }

    fn list(&self) -> Result<Vec<DeviceProbe>, String> {
        super::wasapi::list()
    }

    /// Checks that Windows names its devices. That there are none is no error: they may be plugged in later.
    fn check(&self) -> Result<(), String> {
        super::wasapi::list().map(drop)
    }
}

#[cfg(not(windows))]
impl SoundServer {
    /// Returns an element that records from that device, once it plays.
    pub(super) fn source(&self, target: Option<&str>) -> Result<gst::Element, String> {
        let element = gst::ElementFactory::make(ELEMENT).build().map_err(|_| missing(ELEMENT))?;
        element.set_property("client-name", CLIENT);
        element.set_property("server", &self.0);
        element.set_property("device", target);
        Ok(element)
    }

    /// Checks that the server responds, without opening a microphone.
    fn check(&self) -> Result<(), String> {
        self.describe(Some(DEFAULT_MONITOR)).map(drop)
    }

    fn list(&self) -> Result<Vec<DeviceProbe>, String> {
        let microphone = self.describe(None)?;
        let monitor = self.describe(Some(DEFAULT_MONITOR))?;
        let mut probes: Vec<DeviceProbe> = (self.devices()?.iter())
            .filter(|device| device.has_classes("Audio/Source"))
            .map(|device| {
                let name: String = device.property("internal-name");
                let description = device.display_name().to_string();
                let (listening, default) = match name.ends_with(".monitor") {
                    true => (Listening::System, &monitor),
                    false => (Listening::Microphone, &microphone),
                };
                let is_default = default.as_ref() == Some(&description);
                DeviceProbe { name, description, listening, is_default }
            })
            .collect();
        probes.sort_by_key(|probe| (probe.listening == Listening::System, !probe.is_default));
        Ok(probes)
    }

    fn devices(&self) -> Result<Vec<gst::Device>, String> {
        // The process has one provider, so the server must be set and queried under a lock.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let factory = gst::DeviceProviderFactory::find(PROVIDER);
        let provider = factory.and_then(|f| f.get()).ok_or_else(|| missing(PROVIDER))?;
        provider.set_property("server", &self.0);
        Ok(provider.devices().into_iter().collect())
    }

    /// Returns the description of the device that this name stands for now. `None` if there is none.
    fn describe(&self, target: Option<&str>) -> Result<Option<String>, String> {
        let source = self.source(target)?;
        let bus = gst::Bus::new();
        source.set_bus(Some(&bus));
        let opened = source.set_state(gst::State::Ready);
        let name = opened.map(|_| source.property::<Option<String>>("device-name"));
        // It was opened only for this query.
        let _ = source.set_state(gst::State::Null);
        name.map_err(|_| bus_error(&bus).unwrap_or_else(|| UNANSWERED.to_owned()))
    }
}

/// Returns the first error on the bus.
pub(super) fn bus_error(bus: &gst::Bus) -> Option<String> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(error.error().to_string()),
        _ => None,
    }
}

pub(super) fn missing(element: &str) -> String {
    let packages = Packages {
        debian: "gstreamer1.0-pulseaudio",
        fedora: "gstreamer1-plugins-good",
        arch: "gst-plugins-good",
    };
    format!("'{element}' is not installed. {}", packages.remedy())
}
