//! Pictures that are pinned on the screen: each in a window without a frame, above the others. A pin shows the
//! picture with its drawing as it was when it was pinned, and never the original below what is covered.

use snaplark_app::desktop::pin;
use snaplark_app::desktop::place::Size;
use snaplark_app::{App, ErrorCode, ItemId};
use snaplark_command_macro::command;
use tauri::ipc::Response;
use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, LogicalSize, Manager, State, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
};

use crate::commands::pictures::picture_of;
use crate::commands::{Answer, CommandError, on_main};
use crate::place::display_of;
use crate::words::{Word, word};
use crate::{platform, web_process};

/// The prefix of the labels of all pins. A picture's id follows.
pub const LABELS: &str = "pin-";

/// Pins a picture on the screen. One that is pinned already is pinned anew.
#[command]
pub async fn pin_picture(
    app: State<'_, App>,
    handle: AppHandle,
    window: WebviewWindow,
    id: String,
) -> Answer {
    let item = picture_of(&window, &id)?;
    let bytes = app.pictures().copy(item).await?;
    let size = size_of(&bytes)
        .ok_or_else(|| CommandError::new(ErrorCode::NoWindow, "the picture has no size"))?;
    on_main(&handle, move |handle| open(handle, item, size))
        .await?
        .map_err(|error| CommandError::new(ErrorCode::NoWindow, error))
}

/// Returns the calling pin's picture, as PNG.
#[command]
pub async fn pinned_picture(app: State<'_, App>, window: WebviewWindow) -> Answer<Response> {
    let id = window.label().strip_prefix(LABELS).unwrap_or_default();
    let item: ItemId =
        id.parse().map_err(|error| CommandError::new(ErrorCode::NoRecording, error))?;
    Ok(Response::new(app.pictures().copy(item).await?))
}

/// Moves the calling pin with the pointer until the button is released.
#[command]
pub fn drag_pin(window: WebviewWindow) -> Answer {
    platform::drag(&window, |_| {}).map_err(|error| CommandError::new(ErrorCode::NoWindow, error))
}

/// Takes the calling pin off the screen.
#[command]
pub fn close_pin(window: WebviewWindow) -> Answer {
    window.destroy().map_err(|error| CommandError::new(ErrorCode::NoWindow, error))
}

/// Returns the width and height in a PNG's header, which always comes first.
fn size_of(png: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    Some((side(16)?, side(20)?))
}

fn open(app: &AppHandle, item: ItemId, size: (u32, u32)) -> tauri::Result<()> {
    let label = format!("{LABELS}{item}");
    let display = app.primary_monitor()?.map(|monitor| display_of(&monitor));
    let Size { width, height } = pin::size(size, display.as_ref());
    let size = LogicalSize::new(width, height);
    // Its page asks for the picture when it loads.
    if let Some(before) = app.get_webview_window(&label) {
        before.set_size(size)?;
        return before.reload();
    }
    let window =
        WebviewWindowBuilder::new(app, &label, WebviewUrl::App("windows/pin/index.html".into()))
            .title(word(Word::EDITOR_PIN))
            .on_new_window(|_, _| NewWindowResponse::Deny)
            .inner_size(size.width, size.height)
            .min_inner_size(pin::SIDE_MIN, pin::SIDE_MIN)
            .decorations(false)
            .always_on_top(true)
            .skip_taskbar(true)
            .center()
            .build()?;
    web_process::watch(&window);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_read_from_the_header_of_a_png() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        assert_eq!(size_of(&png), None);
        png.extend([0, 0, 15, 0, 0, 0, 8, 112]);
        assert_eq!(size_of(&png), Some((3840, 2160)));
    }
}
