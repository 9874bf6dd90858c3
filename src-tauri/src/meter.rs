//! The level meter of a window in which a person chooses a microphone outside of a recording. The
//! microphone is open only while that window shows its level.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use snaplark_app::Microphone;
use snaplark_app::view::Levels;
use snaplark_core::devices::UntilDropped;
use tauri::{AppHandle, Manager, WebviewWindow, WindowEvent};

use crate::devices;
use crate::events::UiEvent;

/// The meters by the labels of the windows that show them.
#[derive(Default)]
pub struct Meters(Mutex<BTreeMap<String, UntilDropped>>);

/// Starts sending this microphone's levels to the window; none if it is off.
pub fn listen(window: &WebviewWindow, microphone: &Microphone) {
    let (handle, label) = (window.app_handle().clone(), window.label().to_owned());
    let there = label.clone();
    let tell = move |microphone| {
        let levels = Levels { microphone, system: 0 };
        if let Err(error) = UiEvent::Levels(levels).send_to(&handle, there.as_str()) {
            tracing::debug!(%error, "a level can't be told");
        }
    };
    let meter = microphone.device().and_then(|device| {
        let listens = devices::of(window.app_handle()).measure_microphone(device, Box::new(tell));
        listens.inspect_err(|error| tracing::warn!(%error, "the microphone can't be heard")).ok()
    });
    match meter {
        Some(meter) => drop(meters(window.app_handle(), |meters| meters.insert(label, meter))),
        None => stop(window.app_handle(), &label),
    }
}

/// Stops a window's meter when the window is destroyed. Must be called once for each window, on the main
/// thread.
pub fn stop_with(window: &WebviewWindow) {
    let (handle, label) = (window.app_handle().clone(), window.label().to_owned());
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Destroyed) {
            stop(&handle, &label);
        }
    });
}

/// Stops the meter of a window that was hidden or destroyed.
pub fn stop(handle: &AppHandle, label: &str) {
    drop(meters(handle, |meters| meters.remove(label)));
}

fn meters<T>(handle: &AppHandle, act: impl FnOnce(&mut BTreeMap<String, UntilDropped>) -> T) -> T {
    let meters = handle.state::<Meters>();
    let mut now = meters.0.lock().unwrap_or_else(PoisonError::into_inner);
    act(&mut now)
}
