//! Still pictures of the screen: the product's implementation of `Stills`.
//!
//! X11 is read directly. On Wayland the way that asks less is taken:
//!
//! ```text
//! the person chooses in the desktop's dialog ──► Screenshot portal, interactive
//! a permission for recording is there ─────────► one frame of that ScreenCast; nothing is asked
//! one display ─────────────────────────────────► one frame of a ScreenCast; it asks once which display
//! else ────────────────────────────────────────► Screenshot portal; it asks once, ever
//! that portal is missing or can't do it ───────► one frame of a ScreenCast that the person agrees to now
//! ```
//!
//! Whoever closes the desktop's dialog is not asked again in another way.

use snaplark_core::capture::Source;
use snaplark_core::still::{
    DisplayArea, PixelRect, SourceList, StillError, StillPicture, StillRequest, StillSource, Stills,
};

use crate::source::{self, Backend, ScreenMapping, SourceRequest};
use crate::{SystemCapture, subject};

impl Stills for SystemCapture {
    fn desktop_asks(&self) -> bool {
        matches!(source::backend(self.display()), Ok(Backend::Portal))
    }

    fn list(&self) -> Result<SourceList, StillError> {
        match source::backend(self.display())? {
            #[cfg(target_os = "linux")]
            Backend::X11(display) => Ok(source::x11::list_sources(&display)?),
            #[cfg(not(target_os = "linux"))]
            Backend::X11(_) => Err(no_list()),
            Backend::Portal | Backend::Scap => Err(no_list()),
        }
    }

    fn take(&self, request: &StillRequest) -> Result<StillPicture, StillError> {
        let backend = source::backend(self.display())?;
        // The subject is looked up meanwhile, so that nobody waits for it.
        let source = recorded(request.source);
        let (picture, subject) = std::thread::scope(|scope| {
            let subject = scope.spawn(|| subject::of(backend.clone(), &source));
            let picture = take_by(&backend, request);
            (picture, subject.join().ok().flatten())
        });
        Ok(StillPicture { subject, ..picture? })
    }

    fn png(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError> {
        encode(picture).map_err(|error| StillError::Failed { reason: error.to_string() })
    }
}

fn take_by(backend: &Backend, request: &StillRequest) -> Result<StillPicture, StillError> {
    match backend {
        #[cfg(target_os = "linux")]
        Backend::X11(display) => Ok(source::x11::take(display, &request.source, request.pointer)?),
        #[cfg(target_os = "linux")]
        Backend::Portal => take_from_portal(request),
        #[cfg(not(target_os = "linux"))]
        Backend::X11(_) | Backend::Portal => {
            Err(StillError::Unsupported { reason: "this is not Linux".to_owned() })
        }
        Backend::Scap => take_frame(backend, request),
    }
}

fn no_list() -> StillError {
    StillError::Unsupported { reason: "this desktop asks by itself what to share".to_owned() }
}

/// Returns the source that a recording of the same would have.
fn recorded(source: StillSource) -> Source {
    match source {
        StillSource::Display(index) => Source::Display(index),
        StillSource::Window(id) => Source::Window(id),
        StillSource::Area(PixelRect { x, y, width, height }) => {
            Source::Region { x, y, width, height }
        }
        StillSource::All => Source::Display(None),
    }
}

#[cfg(target_os = "linux")]
fn take_from_portal(request: &StillRequest) -> Result<StillPicture, StillError> {
    use crate::source::portal::screenshot;

    let is_display = matches!(request.source, StillSource::Display(_) | StillSource::Area(_));
    if request.permission.is_some() && is_display && !request.interactive {
        return take_frame(&Backend::Portal, request);
    }
    // The Screenshot portal takes all displays. Only sharing gives one of them, which the person points out once.
    if matches!(request.source, StillSource::Display(_)) && !request.interactive {
        match take_frame(&Backend::Portal, request) {
            Err(StillError::Unsupported { .. }) => {}
            taken => return taken,
        }
    }
    let chosen_there = request.interactive || matches!(request.source, StillSource::Window(_));
    match screenshot::take(chosen_there, &request.abandoned) {
        Ok(picture) => match request.source {
            StillSource::Area(area) if !chosen_there => picture.crop(area).ok_or_else(|| {
                StillError::SourceMissing { reason: "the area is not on the screen".to_owned() }
            }),
            StillSource::Area(_)
            | StillSource::Display(_)
            | StillSource::Window(_)
            | StillSource::All => Ok(picture),
        },
        Err(screenshot::NoScreenshot::Missing) => take_frame(&Backend::Portal, request),
        Err(screenshot::NoScreenshot::Failed(error)) => Err(error),
    }
}

/// Takes one frame of a source for recordings.
fn take_frame(backend: &Backend, request: &StillRequest) -> Result<StillPicture, StillError> {
    // A shared screen comes through a pipeline.
    gstreamer::init().map_err(|error| StillError::Failed { reason: error.to_string() })?;
    let wanted = recorded(request.source);
    let corner = match wanted {
        Source::Region { x, y, .. } => (x, y),
        Source::Display(_) | Source::Window(_) => (0, 0),
    };
    let opening = SourceRequest {
        backend: backend.clone(),
        wanted,
        fps: 1,
        pointer: request.pointer,
        permission: request.permission.clone(),
        abandoned: request.abandoned.clone(),
    };
    let mut source = source::open(&opening)?;
    let (width, height) = source.size();
    let bgrx = source.grab()?.ok_or_else(|| source::missing("it shows nothing now"))?.to_vec();
    let corner = match source.mapping() {
        mapping if mapping == ScreenMapping::default() => corner,
        mapping => mapping.corner,
    };
    let (permission, scale) = (source.permission(), source.scale());
    let at = PixelRect { x: 0, y: 0, width, height };
    Ok(StillPicture {
        width,
        height,
        rgba: rgba_from_bgrx(bgrx),
        corner,
        scale,
        displays: vec![DisplayArea { name: String::new(), at, scale }],
        subject: None,
        permission,
    })
}

/// Encodes the picture without its alpha, which says nothing. Rows are stored as differences to the row above, which is
/// the fastest way and small for windows and text.
fn encode(picture: &StillPicture) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb_from_rgba(&picture.rgba))?;
    writer.finish()?;
    Ok(file)
}

/// Returns the same pixels without alpha.
fn rgb_from_rgba(rgba: &[u8]) -> Vec<u8> {
    let mut rgb = vec![0; rgba.len() / 4 * 3];
    for (to, from) in rgb.chunks_exact_mut(3).zip(rgba.chunks_exact(4)) {
        to.copy_from_slice(&from[..3]);
    }
    rgb
}

/// Returns the same pixels as red, green, blue and an alpha of 255, in the same memory.
pub(crate) fn rgba_from_bgrx(mut pixels: Vec<u8>) -> Vec<u8> {
    for pixel in pixels.chunks_exact_mut(4) {
        pixel.swap(0, 2);
        pixel[3] = u8::MAX;
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_has_the_pixels_and_nothing_else() {
        let (width, height) = (3, 2);
        let rgba: Vec<u8> = (0..6).flat_map(|n| [n, 10 * n, 200 - n, 255]).collect();
        let at = PixelRect { x: 0, y: 0, width, height };
        let picture = StillPicture {
            width,
            height,
            rgba: rgba.clone(),
            corner: (0, 0),
            scale: 1.0,
            displays: vec![DisplayArea { name: "DP-1".to_owned(), at, scale: 1.0 }],
            subject: None,
            permission: None,
        };
        let file = SystemCapture::new().png(&picture).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&file));
        decoder.set_transformations(png::Transformations::ALPHA);
        let mut reader = decoder.read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut read).unwrap();
        assert_eq!(read, rgba);
        let chunks = [b"tEXt", b"iTXt", b"tIME", b"eXIf", b"pHYs"];
        assert!(!chunks.iter().any(|chunk| file.windows(4).any(|four| four == *chunk)));
    }

    #[test]
    fn pixels_change_their_order_and_are_opaque() {
        assert_eq!(rgba_from_bgrx(vec![1, 2, 3, 0, 4, 5, 6, 9]), [3, 2, 1, 255, 6, 5, 4, 255]);
    }
}
