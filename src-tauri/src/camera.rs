//! The camera preview of a window in which a person chooses a camera. The camera is open while that window
//! is visible and asks for frames, and never during a recording, which may need it: most cameras serve one
//! program at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snaplark_app::{App, Camera, ErrorCode};
use snaplark_command_macro::command;
use snaplark_core::devices::CameraPreview;
use tauri::ipc::Response;
use tauri::{AppHandle, Manager, State, WebviewWindow};

use crate::commands::{Answer, CommandError};
use crate::devices;

/// The camera that is open now.
#[derive(Default)]
pub struct SettingsCamera(Mutex<Option<OpenCamera>>);

type OpenCamera = (Camera, Arc<dyn CameraPreview>);

impl SettingsCamera {
    fn lock(&self) -> MutexGuard<'_, Option<OpenCamera>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the newest frame as RGBA, square; nothing until the first has arrived. Opens the camera if it
/// isn't open.
#[command]
pub async fn camera_picture(
    app: State<'_, App>,
    open: State<'_, SettingsCamera>,
    window: WebviewWindow,
    camera: Camera,
) -> Answer<Response> {
    if app.recorded().await?.is_some() {
        close(window.app_handle());
        return Err(CommandError::new(ErrorCode::CameraRecording, "a recording runs"));
    }
    if !window.is_visible().unwrap_or(false) {
        close(window.app_handle());
        return Err(CommandError::new(ErrorCode::CameraHidden, "the window is hidden"));
    }
    let picture = {
        let mut open = open.lock();
        let is_it = |(of, preview): &OpenCamera| *of == camera && !preview.has_lapsed();
        if !open.as_ref().is_some_and(is_it) {
            // Closed before the next is opened, since they may be the same device.
            *open = None;
            let preview = devices::of(window.app_handle()).preview_camera(camera.device());
            *open = Some((
                camera,
                preview.map_err(|error| CommandError::new(ErrorCode::NoCamera, error))?,
            ));
        }
        open.as_ref().map(|(_, preview)| preview.picture())
    };
    let picture =
        picture.transpose().map_err(|reason| CommandError::new(ErrorCode::NoCamera, reason))?;
    Ok(Response::new(picture.flatten().map(|picture| picture.rgba).unwrap_or_default()))
}

#[command]
pub fn close_camera(handle: AppHandle) {
    close(&handle);
}

/// Closes the camera, so that its light goes out.
pub fn close(handle: &AppHandle) {
    let preview = handle.state::<SettingsCamera>().lock().take();
    drop(preview);
}
