//! A message of the system's own, for when there can be no window.

use windows_sys::Win32::UI::WindowsAndMessaging::{
    MB_ICONERROR, MB_OK, MB_SETFOREGROUND, MessageBoxW,
};

/// Shows an error and waits until the person has closed it.
#[allow(unsafe_code)] // Win32: the texts end in a zero and live until the call returns.
pub fn show(text: &str) {
    let wide = |text: &str| -> Vec<u16> {
        text.chars()
            .filter(|letter| *letter != '\0')
            .chain(['\0'])
            .collect::<String>()
            .encode_utf16()
            .collect()
    };
    let (text, title) = (wide(text), wide("Snaplark"));
    let style = MB_OK | MB_ICONERROR | MB_SETFOREGROUND;
    unsafe { MessageBoxW(std::ptr::null_mut(), text.as_ptr(), title.as_ptr(), style) };
}
