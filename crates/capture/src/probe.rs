//! Checks what can be recorded on this computer, for `snaplark doctor`. Records nothing, and never asks
//! the person.

use gstreamer as gst;
use snaplark_core::capture::CaptureError;
use snaplark_core::devices::{BackendProbe, SystemProbe};

use crate::encoder;
use crate::marks;
use crate::sound;
use crate::webcam;

/// Checks what can be recorded on this computer.
pub(crate) fn probe() -> SystemProbe {
    if let Err(error) = gst::init() {
        let failed = CaptureError::PipelineFailed { reason: error.to_string() };
        return SystemProbe {
            backends: backends(),
            encoder: Err(failed.clone()),
            hardware: Vec::new(),
            marks: marks(),
            cameras: Err(failed.to_string()),
            sound: Err(failed),
            gstreamer: gst::version_string().to_string(),
        };
    }
    SystemProbe {
        backends: backends(),
        encoder: encoder::check().map(|()| encoder::SOFTWARE.element.to_owned()),
        hardware: encoder::hardware().map(|encoder| encoder.element.to_owned()).collect(),
        sound: sound::list(None),
        marks: marks(),
        cameras: webcam::list(),
        gstreamer: gst::version_string().to_string(),
    }
}

fn marks() -> Result<(), String> {
    let backend = crate::source::backend(None).map_err(|error| error.to_string())?;
    marks::check(&backend)
}

#[cfg(target_os = "linux")]
fn backends() -> Vec<BackendProbe> {
    use crate::source::{self, Backend, portal, scap};

    let x11 = |found| BackendProbe { name: "X11", found };
    let wayland = |found| BackendProbe { name: "Wayland", found };
    let unused = |why: &str| Err(format!("not used: {why}"));
    let text = |error: CaptureError| error.to_string();
    let scap = |found| BackendProbe { name: "scap", found };
    let other = if scap::helper::IS_BUILT {
        "not used: SNAPLARK_SOURCE=scap chooses it, and asks before each recording"
    } else {
        "not in this build: it is the way in of Windows and macOS"
    };
    match source::backend(None) {
        Ok(Backend::Portal) => {
            let why = "in a Wayland session it shows only the programs that still speak X11";
            vec![wayland(portal_summary().map_err(text)), x11(unused(why)), scap(Err(other.into()))]
        }
        Ok(Backend::X11(name)) => {
            let why = "this is an X11 session, which is recorded without asking";
            vec![
                x11(x11_summary(&name).map_err(text)),
                wayland(unused(why)),
                scap(Err(other.into())),
            ]
        }
        Ok(Backend::Scap) => {
            let found = portal::offered().map_err(text);
            let found = found.map(|offered| format!("{offered}, after asking each time"));
            let why = "SNAPLARK_SOURCE is 'scap'";
            vec![scap(found), x11(unused(why)), wayland(unused(why))]
        }
        Ok(Backend::Windows(_)) => {
            let why = "this is not Windows";
            vec![x11(unused(why)), wayland(unused(why))]
        }
        Err(error) => vec![x11(Err(error.to_string())), wayland(Err(error.to_string()))],
    }
}

#[cfg(target_os = "linux")]
fn portal_summary() -> Result<String, CaptureError> {
    use crate::source::portal;

    let offered = portal::offered()?;
    portal::check_element()?;
    Ok(format!("the desktop's portal shares {offered}, after asking once"))
}

#[cfg(target_os = "linux")]
fn x11_summary(name: &str) -> Result<String, CaptureError> {
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

#[cfg(windows)]
fn backends() -> Vec<BackendProbe> {
    use crate::source::windows;
    use crate::source::{self, Backend, ScreenElement};

    let chosen = source::backend(None);
    let text = |error: CaptureError| error.to_string();
    let found = || {
        let listed = windows::list_sources().map_err(text)?;
        let sizes: Vec<String> = listed
            .screens
            .iter()
            .map(|screen| format!("{} {}x{}", screen.name, screen.at.width, screen.at.height))
            .collect();
        Ok(format!("{}, {} windows", sizes.join(", "), listed.windows.len()))
    };
    let element = |name, element: ScreenElement| {
        let found = match &chosen {
            Ok(Backend::Windows(chosen)) if *chosen == element => found(),
            // GStreamer may not even have been initialized.
            Err(error) => Err(error.to_string()),
            Ok(_) if gst::ElementFactory::find(element.name()).is_none() => {
                Err(format!("not here: GStreamer has no '{}' on this computer", element.name()))
            }
            Ok(_) => Err("not used: another way is the first choice".to_owned()),
        };
        BackendProbe { name, found }
    };
    let scap = match &chosen {
        Ok(Backend::Scap) => Ok("displays and windows".to_owned()),
        _ => Err("not used: SNAPLARK_SOURCE=scap chooses it".to_owned()),
    };
    vec![
        element("Direct3D", ScreenElement::Direct3d),
        element("GDI", ScreenElement::Gdi),
        BackendProbe { name: "scap", found: scap },
    ]
}

#[cfg(not(any(target_os = "linux", windows)))]
fn backends() -> Vec<BackendProbe> {
    let found = crate::source::backend(None)
        .map(|_| "displays and windows".to_owned())
        .map_err(|error| error.to_string());
    vec![BackendProbe { name: "scap", found }]
}
