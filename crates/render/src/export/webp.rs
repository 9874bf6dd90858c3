//! Writes animated WebP: the rectangle that changed, encoded by libwebp, in a container of ours. The library is
//! loaded when it is first used; WebKitGTK needs it, so it is on most Linux desktops.
#![allow(unsafe_code)] // a C library: see the header

use std::ffi::{c_int, c_void};
use std::io::SeekFrom;
use std::sync::OnceLock;

use libloading::Library;
use snaplark_core::render::RenderError;
use snaplark_formats::webp_animation as container;

use super::animation::{AnimationWriter, Changed, Output, changed};
use super::pictures::Rgba;
use crate::codec::failed;

/// The quality, of 100: text is sharp, and files are small.
const QUALITY: f32 = 82.0;
/// How far a channel of a pixel may be from the one that is shown and stay: the noise of the video's encoder.
const STAYS: u8 = 6;
#[cfg(target_os = "macos")]
const LIBRARIES: [&str; 2] = ["libwebp.7.dylib", "/opt/homebrew/lib/libwebp.7.dylib"];
#[cfg(windows)]
const LIBRARIES: [&str; 2] = ["libwebp.dll", "libwebp-7.dll"];
#[cfg(not(any(target_os = "macos", windows)))]
const LIBRARIES: [&str; 2] = ["libwebp.so.7", "libwebp.so"];

type EncodeRgba = unsafe extern "C" fn(*const u8, c_int, c_int, c_int, f32, *mut *mut u8) -> usize;

struct WebpLibrary {
    encode: EncodeRgba,
    free: unsafe extern "C" fn(*mut c_void),
    _library: Library,
}

static LIBRARY: OnceLock<Option<WebpLibrary>> = OnceLock::new();

fn library() -> Option<&'static WebpLibrary> {
    LIBRARY.get_or_init(|| LIBRARIES.into_iter().find_map(load)).as_ref()
}

fn load(name: &str) -> Option<WebpLibrary> {
    // SAFETY: libwebp runs no code when it is loaded, and these functions have had these types since its first
    // version (`webp/encode.h`).
    unsafe {
        let library = Library::new(name).ok()?;
        let encode = *library.get::<EncodeRgba>(b"WebPEncodeRGBA\0").ok()?;
        let free = *library.get::<unsafe extern "C" fn(*mut c_void)>(b"WebPFree\0").ok()?;
        Some(WebpLibrary { encode, free, _library: library })
    }
}

/// Returns a WebP file of these pixels.
fn encode(library: &WebpLibrary, rgba: &[u8], width: usize) -> Result<Vec<u8>, RenderError> {
    let height = rgba.len() / 4 / width.max(1);
    let side = |side: usize| c_int::try_from(side).map_err(failed);
    let (columns, rows, stride) = (side(width)?, side(height)?, side(width * 4)?);
    let mut out: *mut u8 = std::ptr::null_mut();
    // SAFETY: there are `rows` rows of `stride` bytes, and `out` is a place for the result.
    let length =
        unsafe { (library.encode)(rgba.as_ptr(), columns, rows, stride, QUALITY, &mut out) };
    if length == 0 || out.is_null() {
        return Err(failed("libwebp encoded nothing"));
    }
    // SAFETY: the library returned so many bytes there; they are the caller's to free.
    let bytes = unsafe { std::slice::from_raw_parts(out, length) }.to_vec();
    unsafe { (library.free)(out.cast()) };
    Ok(bytes)
}

#[derive(Default)]
pub(super) struct WebpWriter {
    size: (u32, u32),
    shown: Vec<u8>,
    waiting: Option<(container::Frame, u64)>,
    written_ms: u64,
    body_bytes: u64,
}

impl WebpWriter {
    /// Returns a writer if the library is installed.
    pub(super) fn open() -> Result<Self, RenderError> {
        match library() {
            Some(_) => Ok(WebpWriter::default()),
            None => Err(RenderError::NoEncoder {
                format: "WebP".to_owned(),
                install: "libwebp7 (Debian, Ubuntu), libwebp (Fedora, Arch)".to_owned(),
            }),
        }
    }

    fn flush(&mut self, to: &mut dyn Output, until_ms: u64) -> Result<(), RenderError> {
        let Some((mut frame, _)) = self.waiting.take() else { return Ok(()) };
        frame.duration_ms = until_ms.saturating_sub(self.written_ms).max(1);
        self.written_ms += frame.duration_ms;
        let bytes = container::frame(&frame).ok_or_else(|| failed("libwebp wrote no picture"))?;
        self.body_bytes += bytes.len() as u64;
        to.write_all(&bytes).map_err(failed)
    }
}

impl AnimationWriter for WebpWriter {
    fn wants_samples(&self) -> bool {
        false
    }

    fn prepare(&mut self, _samples: &[Rgba]) {}

    fn begin(&mut self, to: &mut dyn Output, size: (u32, u32)) -> Result<(), RenderError> {
        self.size = size;
        // Its size is written at the end.
        to.write_all(&container::head(size.0, size.1, 0)).map_err(failed)
    }

    fn picture(
        &mut self,
        to: &mut dyn Output,
        picture: &Rgba,
        from_ms: u64,
        to_ms: u64,
    ) -> Result<(), RenderError> {
        let library = library().ok_or_else(|| failed("libwebp is gone"))?;
        let (width, height) = (picture.width as usize, picture.height as usize);
        let is_first = self.shown.is_empty();
        let (next, shown) = (&picture.pixels, &self.shown);
        let differs = |x: usize, y: usize| {
            let at = (y * width + x) * 4;
            let pairs = next[at..at + 3].iter().zip(&shown[at..at + 3]);
            pairs.into_iter().any(|(next, shown)| next.abs_diff(*shown) > STAYS)
        };
        let rect = changed(width, height, |x, y| is_first || differs(x, y));
        let Some(rect) = rect.map(even) else {
            if let Some((_, until_ms)) = &mut self.waiting {
                *until_ms = to_ms;
            }
            return Ok(());
        };
        let rows = rect.top..rect.top + rect.height;
        let row = |y: usize| (y * width + rect.left) * 4..(y * width + rect.left + rect.width) * 4;
        let pixels: Vec<u8> = rows.clone().flat_map(|y| next[row(y)].to_vec()).collect();
        let file = encode(library, &pixels, rect.width)?;
        if is_first {
            self.shown.clone_from(&picture.pixels);
        } else {
            rows.for_each(|y| self.shown[row(y)].copy_from_slice(&next[row(y)]));
        }
        self.flush(to, from_ms)?;
        let Changed { left, top, width, height } = rect;
        let small = |value: usize| value as u32;
        self.waiting = Some((
            container::Frame {
                left: small(left),
                top: small(top),
                width: small(width),
                height: small(height),
                duration_ms: 0,
                file,
            },
            to_ms,
        ));
        Ok(())
    }

    fn end(&mut self, to: &mut dyn Output) -> Result<(), RenderError> {
        let until_ms = self.waiting.as_ref().map_or(0, |(_, until_ms)| *until_ms);
        self.flush(to, until_ms)?;
        to.seek(SeekFrom::Start(0)).map_err(failed)?;
        to.write_all(&container::head(self.size.0, self.size.1, self.body_bytes))
            .map_err(failed)?;
        to.seek(SeekFrom::End(0)).map(drop).map_err(failed)
    }
}

/// Returns the rectangle with an even left and top, as the container wants them.
fn even(rect: Changed) -> Changed {
    let (left, top) = (rect.left & !1, rect.top & !1);
    let (width, height) = (rect.width + rect.left - left, rect.height + rect.top - top);
    Changed { left, top, width, height }
}
