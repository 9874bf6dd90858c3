//! The displays and windows of Windows, asked of Win32.

#![allow(unsafe_code)] // Win32: each call gets pointers to locals that outlive it.

use std::ffi::c_void;
use std::sync::Once;

use snaplark_core::capture::CaptureError;
use snaplark_core::still::{Screen, SourceList, WindowInfo};
use windows_sys::Win32::Foundation::{CloseHandle, HWND, LPARAM, RECT};
use windows_sys::Win32::Graphics::Dwm::{
    DWMWA_CLOAKED, DWMWA_EXTENDED_FRAME_BOUNDS, DwmGetWindowAttribute,
};
use windows_sys::Win32::Graphics::Gdi::{
    EnumDisplayMonitors, GetMonitorInfoW, HDC, HMONITOR, MONITORINFO, MONITORINFOEXW,
};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
};
use windows_sys::Win32::UI::HiDpi::{
    DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2, GetDpiForMonitor, MDT_EFFECTIVE_DPI,
    SetProcessDpiAwarenessContext,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    EnumWindows, GWL_EXSTYLE, GetForegroundWindow, GetWindowLongW, GetWindowRect, GetWindowTextW,
    GetWindowThreadProcessId, IsIconic, IsWindow, IsWindowVisible, MONITORINFOF_PRIMARY,
    WS_EX_TOOLWINDOW,
};
use windows_sys::core::BOOL;

use crate::policy::SIDE_PX_MIN;
use crate::source::missing;
use crate::source::picture::PixelRect;

/// The dots per inch of a display that is drawn with one pixel for a unit of length.
const DPI: f64 = 96.0;
/// Longer titles and paths are cut.
const TEXT_MAX: usize = 1_024;

/// Lists the displays, in the order in which Windows and GStreamer's GDI element count them, and the windows.
pub(crate) fn list_sources() -> Result<SourceList, CaptureError> {
    let windows = windows().into_iter().filter_map(info).collect();
    Ok(SourceList { screens: screens()?, windows })
}

/// Lists the displays alone.
pub(super) fn screens() -> Result<Vec<Screen>, CaptureError> {
    let screens: Vec<Screen> = monitors().into_iter().map(|monitor| monitor.screen).collect();
    if screens.is_empty() {
        let reason = "Windows names no display".to_owned();
        return Err(CaptureError::NoDisplay { reason });
    }
    Ok(screens)
}

/// Returns the focused window.
pub(crate) fn active_window() -> Option<u64> {
    let window = unsafe { GetForegroundWindow() };
    (!window.is_null()).then_some(window as u64)
}

/// Returns where the visible part of a window's frame is. `None` if it can't be seen now.
pub(super) fn window_area(id: u64) -> Result<Option<PixelRect>, CaptureError> {
    be_aware_of_scales();
    let window = id as HWND;
    if unsafe { IsWindow(window) } == 0 {
        return Err(missing("the window was closed"));
    }
    Ok(visible_area(window))
}

/// Returns the handle of the display at that position, as GStreamer's Direct3D element takes it.
pub(super) fn monitor_at(at: PixelRect) -> Option<u64> {
    let found = monitors().into_iter().find(|monitor| monitor.screen.at == at);
    found.map(|monitor| monitor.handle as u64)
}

/// Returns the number of the display at that position, as GStreamer's GDI element counts.
pub(super) fn monitor_index(at: PixelRect) -> Option<i32> {
    let place = monitors().iter().position(|monitor| monitor.screen.at == at)?;
    i32::try_from(place).ok()
}

/// Makes positions those of the physical pixels. It fails harmlessly where the program's windows did so before.
fn be_aware_of_scales() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        unsafe { SetProcessDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2) };
    });
}

struct Monitor {
    handle: HMONITOR,
    screen: Screen,
}

fn monitors() -> Vec<Monitor> {
    unsafe extern "system" fn found(monitor: HMONITOR, _: HDC, _: *mut RECT, list: LPARAM) -> BOOL {
        // `list` is the vector below, which nothing else uses meanwhile.
        unsafe { (*(list as *mut Vec<HMONITOR>)).push(monitor) };
        1
    }
    be_aware_of_scales();
    let mut handles: Vec<HMONITOR> = Vec::new();
    let list = (&raw mut handles) as LPARAM;
    unsafe { EnumDisplayMonitors(std::ptr::null_mut(), std::ptr::null(), Some(found), list) };
    handles.into_iter().filter_map(monitor).collect()
}

fn monitor(handle: HMONITOR) -> Option<Monitor> {
    let mut info = MONITORINFOEXW::default();
    info.monitorInfo.cbSize = size_of::<MONITORINFOEXW>() as u32;
    let asked = (&raw mut info).cast::<MONITORINFO>();
    if unsafe { GetMonitorInfoW(handle, asked) } == 0 {
        return None;
    }
    let (mut across, mut down) = (0, 0);
    let status =
        unsafe { GetDpiForMonitor(handle, MDT_EFFECTIVE_DPI, &raw mut across, &raw mut down) };
    let scale = if status == 0 && across > 0 { f64::from(across) / DPI } else { 1.0 };
    let screen = Screen {
        name: text(&info.szDevice).trim_start_matches(r"\\.\").to_owned(),
        at: rect(info.monitorInfo.rcMonitor)?,
        is_first: info.monitorInfo.dwFlags & MONITORINFOF_PRIMARY != 0,
        scale,
    };
    Some(Monitor { handle, screen })
}

/// Returns all windows at the top, the uppermost first.
fn windows() -> Vec<HWND> {
    unsafe extern "system" fn found(window: HWND, list: LPARAM) -> BOOL {
        // `list` is the vector below, which nothing else uses meanwhile.
        unsafe { (*(list as *mut Vec<HWND>)).push(window) };
        1
    }
    let mut list: Vec<HWND> = Vec::new();
    unsafe { EnumWindows(Some(found), (&raw mut list) as LPARAM) };
    list
}

/// Describes a window that a person would choose. `None` for tools, for windows without a title, and for those that
/// are there and not shown, such as suspended apps.
fn info(window: HWND) -> Option<WindowInfo> {
    let style = unsafe { GetWindowLongW(window, GWL_EXSTYLE) }.cast_unsigned();
    let at = visible_area(window).filter(|_| style & WS_EX_TOOLWINDOW == 0)?;
    if at.width.min(at.height) < SIDE_PX_MIN {
        return None;
    }
    let mut title = [0_u16; TEXT_MAX];
    let length = unsafe { GetWindowTextW(window, title.as_mut_ptr(), TEXT_MAX as i32) };
    let title = text(&title[..usize::try_from(length).ok().filter(|length| *length > 0)?]);
    let program = program_of(window).unwrap_or_default();
    Some(WindowInfo { id: window as u64, title, program, at, without_shadow: at })
}

fn visible_area(window: HWND) -> Option<PixelRect> {
    if unsafe { IsWindowVisible(window) == 0 || IsIconic(window) != 0 } {
        return None;
    }
    let mut cloaked = 0_u32;
    if attribute(window, DWMWA_CLOAKED as u32, &mut cloaked) && cloaked != 0 {
        return None;
    }
    let mut frame = RECT::default();
    // GetWindowRect counts an invisible border to the window.
    if !attribute(window, DWMWA_EXTENDED_FRAME_BOUNDS as u32, &mut frame)
        && unsafe { GetWindowRect(window, &raw mut frame) } == 0
    {
        return None;
    }
    rect(frame)
}

fn attribute<T>(window: HWND, which: u32, value: &mut T) -> bool {
    let pointer = (&raw mut *value).cast::<c_void>();
    unsafe { DwmGetWindowAttribute(window, which, pointer, size_of::<T>() as u32) == 0 }
}

/// Returns the name of the program that a window belongs to, without folder and extension.
fn program_of(window: HWND) -> Option<String> {
    let mut process_id = 0;
    unsafe { GetWindowThreadProcessId(window, &raw mut process_id) };
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process_id) };
    if process.is_null() {
        return None;
    }
    let mut path = [0_u16; TEXT_MAX];
    let mut length = TEXT_MAX as u32;
    let done =
        unsafe { QueryFullProcessImageNameW(process, 0, path.as_mut_ptr(), &raw mut length) };
    unsafe { CloseHandle(process) };
    let path = text(&path[..(length as usize).min(TEXT_MAX)]);
    (done != 0).then(|| stem(&path))
}

fn stem(path: &str) -> String {
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

fn rect(rect: RECT) -> Option<PixelRect> {
    let side = |from: i32, to: i32| u32::try_from(to - from).ok().filter(|length| *length > 0);
    let (width, height) = (side(rect.left, rect.right)?, side(rect.top, rect.bottom)?);
    Some(PixelRect { x: rect.left, y: rect.top, width, height })
}

/// Returns the text up to the first zero.
fn text(letters: &[u16]) -> String {
    let end = letters.iter().position(|letter| *letter == 0).unwrap_or(letters.len());
    String::from_utf16_lossy(&letters[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_is_named_without_folder_and_extension() {
        assert_eq!(stem(r"C:\Program Files\App\notepad.exe"), "notepad");
        assert_eq!(stem("x"), "x");
        assert_eq!(text(&[0x41, 0xE4, 0, 0x42]), "Aä");
    }

    #[test]
    fn one_display_is_the_first_and_can_be_found_again() {
        let screens = list_sources().unwrap().screens;
        assert_eq!(screens.iter().filter(|screen| screen.is_first).count(), 1, "{screens:?}");
        for (index, screen) in (0..).zip(&screens) {
            assert!(monitor_index(screen.at).is_some_and(|found| found <= index));
            assert!(monitor_at(screen.at).is_some() && screen.scale >= 1.0, "{screen:?}");
        }
    }
}
