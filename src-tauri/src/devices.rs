//! The port by which the shell asks for cameras, microphones and what else this computer has. `program` decides
//! what is behind it.

use std::sync::Arc;

use snaplark_core::devices::Devices;
use tauri::{AppHandle, Manager};

/// The implementation of `Devices` that Tauri manages.
pub struct SystemDevices(pub Arc<dyn Devices>);

/// Returns the port.
pub fn of(handle: &AppHandle) -> Arc<dyn Devices> {
    handle.state::<SystemDevices>().0.clone()
}
