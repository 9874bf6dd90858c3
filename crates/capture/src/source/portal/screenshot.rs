//! Takes a picture through the desktop's Screenshot portal. The desktop leaves it as a PNG file, which is read
//! and removed: the person would find it among the own pictures otherwise.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ashpd::desktop::ResponseError;
use ashpd::desktop::screenshot::{ScreenshotOptions, ScreenshotProxy};
use snaplark_core::capture::{Abandoned, CaptureError};
use snaplark_core::still::{DisplayArea, PixelRect, StillError, StillPicture};

use super::sharing::{first, given_up, refused, soon, within};
use crate::policy::{CONSENT_WAIT, PICTURE_BYTES_MAX, PICTURE_PIXELS_MAX};

/// Why this portal gave no picture.
#[derive(Debug)]
pub(crate) enum NoScreenshot {
    /// This desktop has no such portal, or the portal can't do it. Another way may work.
    Missing,
    /// The person declined, or it failed for good.
    Failed(StillError),
}

impl From<StillError> for NoScreenshot {
    fn from(error: StillError) -> Self {
        NoScreenshot::Failed(error)
    }
}

/// Takes a picture of all displays, or of what the person chooses in the desktop's dialog.
pub(crate) fn take(interactive: bool, abandoned: &Abandoned) -> Result<StillPicture, NoScreenshot> {
    let began = Instant::now();
    let uri = async_io::block_on(ask(interactive, abandoned))?;
    tracing::debug!(ms = began.elapsed().as_millis() as u64, interactive, "Portal took a picture");
    let path = path_of(&uri)
        .ok_or_else(|| failed("the portal's answer is not a file of this computer"))?;
    // What can't be read stays where the desktop has put it.
    let picture = read(&path)?;
    if let Err(error) = std::fs::remove_file(&path) {
        // Some portals own the file, and remove it.
        tracing::debug!(%error, "Portal's picture not removed");
    }
    Ok(picture)
}

async fn ask(interactive: bool, abandoned: &Abandoned) -> Result<String, NoScreenshot> {
    let bus = soon(zbus::Connection::session()).await.map_err(StillError::from)?;
    let portal = match soon(ScreenshotProxy::with_connection(bus)).await {
        Ok(portal) => portal,
        Err(CaptureError::SharingSilent) => return Err(StillError::Silent.into()),
        Err(_) => return Err(NoScreenshot::Missing),
    };
    let options = ScreenshotOptions::default().set_interactive(interactive).set_modal(false);
    let answer = async {
        let asked = portal.screenshot(None, options).await.and_then(|request| request.response());
        Ok(match asked {
            Ok(taken) => Ok(taken.uri().as_str().to_owned()),
            Err(ashpd::Error::Response(ResponseError::Cancelled)) => {
                Err(StillError::Declined.into())
            }
            Err(ashpd::Error::Response(ResponseError::Other) | ashpd::Error::PortalNotFound(_)) => {
                Err(NoScreenshot::Missing)
            }
            // The portal's program is there and doesn't know the interface or its method.
            Err(error @ (ashpd::Error::Zbus(_) | ashpd::Error::Portal(_))) => {
                tracing::debug!(%error, "Screenshot portal failed");
                Err(NoScreenshot::Missing)
            }
            Err(other) => Err(StillError::from(refused(other)).into()),
        })
    };
    match first(within(CONSENT_WAIT, answer), given_up(abandoned)).await {
        Ok(answer) => answer,
        Err(error) => Err(StillError::from(error).into()),
    }
}

/// Returns the path of a `file:` address. `None` if it is another computer's, or no such address.
fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((byte, rest)) = left.split_first() {
        left = rest;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (code, rest) = left.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()?);
        left = rest;
    }
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

/// Waits for the whole file, since some desktops answer before they have written it, and reads it.
fn read(path: &std::path::Path) -> Result<StillPicture, StillError> {
    let until = Instant::now() + FILE_WAIT;
    loop {
        match decode(path) {
            Err(_) if Instant::now() < until => std::thread::sleep(FILE_POLL),
            decoded => return decoded,
        }
    }
}

/// How long a desktop may take to write the file after it has answered.
const FILE_WAIT: Duration = Duration::from_secs(2);
const FILE_POLL: Duration = Duration::from_millis(20);

fn decode(path: &std::path::Path) -> Result<StillPicture, StillError> {
    let file = File::open(path).map_err(failed)?;
    let mut decoder = png::Decoder::new(BufReader::new(file.take(PICTURE_BYTES_MAX)));
    decoder.set_transformations(
        png::Transformations::normalize_to_color8() | png::Transformations::ALPHA,
    );
    let mut reader = decoder.read_info().map_err(failed)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if u64::from(width) * u64::from(height) > PICTURE_PIXELS_MAX {
        return Err(failed("the picture is too large"));
    }
    let bytes = reader.output_buffer_size().ok_or_else(|| failed("the picture is too large"))?;
    let mut pixels = vec![0; bytes];
    let info = reader.next_frame(&mut pixels).map_err(failed)?;
    pixels.truncate(info.buffer_size());
    let mut rgba = match info.color_type {
        png::ColorType::Rgba => pixels,
        png::ColorType::GrayscaleAlpha => {
            pixels.chunks_exact(2).flat_map(|px| [px[0], px[0], px[0], px[1]]).collect()
        }
        png::ColorType::Rgb | png::ColorType::Grayscale | png::ColorType::Indexed => {
            return Err(failed("the picture has an unusual form"));
        }
    };
    for pixel in rgba.chunks_exact_mut(4) {
        pixel[3] = u8::MAX;
    }
    let at = PixelRect { x: 0, y: 0, width, height };
    Ok(StillPicture {
        width,
        height,
        rgba,
        corner: (0, 0),
        scale: 1.0,
        displays: vec![DisplayArea { name: String::new(), at, scale: 1.0 }],
        subject: None,
        permission: None,
    })
}

fn failed(error: impl std::fmt::Display) -> StillError {
    StillError::Failed { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_file_becomes_its_path() {
        let path = |uri: &str| path_of(uri).map(|path| path.to_str().unwrap().to_owned());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(path("file:///srv/a%20b/%C3%BC.png"), some("/srv/a b/ü.png"));
        assert_eq!(path("file://localhost/tmp/a.png"), some("/tmp/a.png"));
        for other in ["https://host/a.png", "file://host/a.png", "file:///a%2", "file:///a%zz", ""]
        {
            assert_eq!(path(other), None, "{other}");
        }
    }

    #[test]
    fn picture_of_a_portal_is_read_whatever_its_colors() {
        let folder = tempfile::tempdir().unwrap();
        for (color, pixel, want) in [
            (png::ColorType::Rgb, &[1, 2, 3][..], [1, 2, 3, 255]),
            (png::ColorType::Rgba, &[1, 2, 3, 9], [1, 2, 3, 255]),
            (png::ColorType::Grayscale, &[7], [7, 7, 7, 255]),
        ] {
            let path = folder.path().join("picture.png");
            let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 2, 1);
            encoder.set_color(color);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&[pixel, pixel].concat()).unwrap();
            writer.finish().unwrap();
            let picture = decode(&path).unwrap();
            assert_eq!((picture.width, picture.height), (2, 1));
            assert_eq!(picture.rgba, [want, want].concat(), "{color:?}");
        }
        std::fs::write(folder.path().join("torn.png"), b"\x89PNG\r\n").unwrap();
        assert!(matches!(decode(&folder.path().join("torn.png")), Err(StillError::Failed { .. })));
    }
}
