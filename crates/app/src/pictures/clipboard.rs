//! Puts a picture on the clipboard, and reads it back before anything is said of it.
//!
//! On Linux a clipboard has no memory of its own: whoever copied something must answer each program that pastes
//! it. So a helper process holds the picture, which is this program started once more ([`run_if_holder`]). It
//! ends when something else is copied or the session does, and not with the window or the app. Clipboard
//! managers (SAVE_TARGETS) would be the other way: many desktops have none, and many of these refuse
//! pictures or large ones. On Windows and macOS the system keeps the picture.
//!
//! Desktop program and command line share this; a program that copies must call [`run_if_holder`] in its `main`.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arboard::{Clipboard, ImageData};

use super::pixels::{self, Pixels};
use crate::{AppError, ErrorCode};

/// The environment variable that makes this program a holder.
const VARIABLE: &str = "SNAPLARK_HOLDS_CLIPBOARD";
/// How long to wait until the picture can be read back. The holder encodes it first, which takes a second for
/// a picture of several displays.
const HELD_MAX: Duration = Duration::from_secs(10);
/// How often that is tried.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The bytes before the pixels: width and height.
const HEAD_BYTES: usize = 8;
/// This program's own file, also after an upgrade has put another one in its place.
#[cfg(target_os = "linux")]
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Puts a PNG on the clipboard. Returns when another program could paste it.
pub async fn copy(png: Vec<u8>) -> Result<(), AppError> {
    let refused = |reason: String| AppError::told(ErrorCode::NoClipboard, reason);
    let copied = tokio::task::spawn_blocking(move || copy_now(&png)).await;
    copied.map_err(|error| refused(error.to_string()))?.map_err(refused)
}

fn copy_now(png: &[u8]) -> Result<(), String> {
    let picture = pixels::png(png).map_err(|error| error.to_string())?;
    hold(&picture)?;
    let until = Instant::now() + HELD_MAX;
    loop {
        match read_back() {
            Ok(found) if is(&picture, &found) => return Ok(()),
            _ if Instant::now() < until => std::thread::sleep(LOOK_AGAIN),
            Ok(_) => return Err("the clipboard has something else".to_owned()),
            Err(error) => return Err(error),
        }
    }
}

/// Returns the picture on the clipboard as PNG; `None` if there is none. For windows whose engine shows pages no
/// pictures of the clipboard, as WebKitGTK does.
pub async fn read() -> Result<Option<Vec<u8>>, AppError> {
    let refused = |reason: String| AppError::told(ErrorCode::NoClipboard, reason);
    let read = tokio::task::spawn_blocking(|| {
        let mut clipboard = Clipboard::new().map_err(|error| error.to_string())?;
        let found = match clipboard.get_image() {
            Err(arboard::Error::ContentNotAvailable) => return Ok(None),
            found => found.map_err(|error| error.to_string())?,
        };
        let side = |length: usize| u32::try_from(length).map_err(|error| error.to_string());
        let (width, height) = (side(found.width)?, side(found.height)?);
        let picture = Pixels { width, height, rgba: found.bytes.into_owned() };
        pixels::encode(&picture).map(Some).map_err(|error| error.to_string())
    });
    read.await.map_err(|error| refused(error.to_string()))?.map_err(refused)
}

/// Returns the files that were copied in a file manager. None if there are none, or if nobody says so: what else is on
/// the clipboard is asked for then.
pub async fn read_files() -> Vec<std::path::PathBuf> {
    let read = tokio::task::spawn_blocking(|| Clipboard::new()?.get().file_list());
    match read.await {
        Ok(Ok(files)) => files,
        Ok(Err(arboard::Error::ContentNotAvailable)) | Err(_) => Vec::new(),
        Ok(Err(error)) => {
            tracing::debug!(%error, "The clipboard's files can't be read");
            Vec::new()
        }
    }
}

fn read_back() -> Result<ImageData<'static>, String> {
    let mut clipboard = Clipboard::new().map_err(|error| error.to_string())?;
    clipboard.get_image().map_err(|error| error.to_string())
}

fn is(picture: &Pixels, found: &ImageData<'_>) -> bool {
    (found.width, found.height) == (picture.width as usize, picture.height as usize)
        && found.bytes.as_ref() == picture.rgba
}

fn image(picture: &Pixels) -> ImageData<'_> {
    ImageData {
        width: picture.width as usize,
        height: picture.height as usize,
        bytes: picture.rgba.as_slice().into(),
    }
}

/// Reads what [`hold`] writes. `None` if the pixels are not those of the size.
fn received(bytes: &[u8]) -> Option<Pixels> {
    let (head, rgba) = bytes.split_at_checked(HEAD_BYTES)?;
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let (width, height) = (number(0)?, number(4)?);
    let count = u64::from(width) * u64::from(height);
    let is_whole = count.checked_mul(4) == Some(rgba.len() as u64);
    is_whole.then(|| Pixels { width, height, rgba: rgba.to_vec() })
}

#[cfg(target_os = "linux")]
fn hold(picture: &Pixels) -> Result<(), String> {
    use std::io::Write as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    let mut holder = Command::new(THIS_PROGRAM)
        .env(VARIABLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A signal to this program's group, such as Ctrl+C, is not meant for it.
        .process_group(0)
        .spawn()
        .map_err(|error| error.to_string())?;
    let written = holder.stdin.take().map_or(Ok(()), |mut input| {
        input.write_all(&picture.width.to_le_bytes())?;
        input.write_all(&picture.height.to_le_bytes())?;
        input.write_all(&picture.rgba)
    });
    // Collects its exit, so that it leaves no zombie while this program runs.
    std::thread::spawn(move || holder.wait());
    written.map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn hold(picture: &Pixels) -> Result<(), String> {
    let mut clipboard = Clipboard::new().map_err(|error| error.to_string())?;
    clipboard.set_image(image(picture)).map_err(|error| error.to_string())
}

/// Must be called first in `main`. If it returns `Some`, this process was a holder and must exit with that code.
pub fn run_if_holder() -> Option<ExitCode> {
    std::env::var_os(VARIABLE)?;
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    let held = read.ok().and_then(|_| received(&bytes)).and_then(|picture| wait(&picture));
    Some(if held.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Holds the picture until something else is copied.
#[cfg(target_os = "linux")]
fn wait(picture: &Pixels) -> Option<()> {
    use arboard::SetExtLinux as _;
    Clipboard::new().ok()?.set().wait().image(image(picture)).ok()
}

#[cfg(not(target_os = "linux"))]
fn wait(picture: &Pixels) -> Option<()> {
    Clipboard::new().ok()?.set_image(image(picture)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holder_takes_only_as_many_pixels_as_the_size_has() {
        let bytes = |width: u32, height: u32, count: usize| {
            let mut bytes = [width.to_le_bytes(), height.to_le_bytes()].concat();
            bytes.resize(HEAD_BYTES + count * 4, 7);
            bytes
        };
        assert!(received(&bytes(3, 2, 6)).is_some_and(|read| read.width == 3));
        assert!(received(&bytes(3, 2, 5)).is_none());
        assert!(received(&bytes(u32::MAX, u32::MAX, 4)).is_none());
        assert!(received(&[1, 2, 3]).is_none());
    }
}
