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

use crate::policy::GLANCE_PIXELS_MAX;
use crate::source::picture::BYTES_PER_PIXEL;
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
            #[cfg(windows)]
            Backend::Windows(_) => Ok(source::windows::list_sources()?),
            #[cfg(not(windows))]
            Backend::Windows(_) => Err(no_list()),
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
        let rgb = rgb_from_rgba(&picture.rgba);
        encode((picture.width, picture.height), &rgb).map_err(failed)
    }

    fn glance(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError> {
        match glance_share(picture) {
            1 => self.png(picture),
            share => {
                let (size, rgb) = rgb_smaller(picture, share);
                encode(size, &rgb).map_err(failed)
            }
        }
    }
}

fn failed(error: png::EncodingError) -> StillError {
    StillError::Failed { reason: error.to_string() }
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
        #[cfg(windows)]
        Backend::Windows(_) => take_on_windows(backend, request),
        #[cfg(not(windows))]
        Backend::Windows(_) => {
            Err(StillError::Unsupported { reason: "this is not Windows".to_owned() })
        }
        Backend::Scap => take_frame(backend, request),
    }
}

/// Takes one frame and says which displays it shows.
#[cfg(windows)]
fn take_on_windows(backend: &Backend, request: &StillRequest) -> Result<StillPicture, StillError> {
    use crate::source::windows;

    let request = match request.source {
        StillSource::All => {
            let area = windows::whole_desktop()?;
            StillRequest { source: StillSource::Area(area), ..request.clone() }
        }
        StillSource::Display(_) | StillSource::Window(_) | StillSource::Area(_) => request.clone(),
    };
    let picture = take_frame(backend, &request)?;
    let (x, y) = picture.corner;
    let at = PixelRect { x, y, width: picture.width, height: picture.height };
    let (displays, scale) = windows::displays_in(at)?;
    Ok(StillPicture { displays, scale, ..picture })
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

/// Encodes red, green and blue. Rows are stored as differences to the row above, which is the fastest way and small for
/// windows and text.
fn encode((width, height): (u32, u32), rgb: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(file)
}

/// Returns how many pixels of the picture are one pixel of its glance, in each direction: a power of two.
fn glance_share(picture: &StillPicture) -> u32 {
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    let mut shares = (0..4).map(|power| 1_u32 << power);
    let is_small = |share: &u32| pixels / u64::from(share * share) <= GLANCE_PIXELS_MAX;
    let share = shares.clone().find(is_small).or(shares.next_back()).unwrap_or(1);
    // A picture of one row has a row.
    share.min(1 << picture.width.min(picture.height).max(1).ilog2())
}

/// Returns the pixels of a smaller picture without alpha, each the mean of `share` times `share` pixels, and its size. What
/// is left over at the right and at the bottom is dropped.
fn rgb_smaller(picture: &StillPicture, share: u32) -> ((u32, u32), Vec<u8>) {
    let (width, height) = (picture.width / share, picture.height / share);
    let stride_bytes = picture.width as usize * BYTES_PER_PIXEL;
    let (side, count_bits) = (share as usize, 2 * share.ilog2());
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    let mut sums = vec![[0_u32; 3]; width as usize];
    for rows in picture.rgba.chunks_exact(stride_bytes * side) {
        sums.fill([1 << count_bits >> 1; 3]);
        for row in rows.chunks_exact(stride_bytes) {
            for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(side * BYTES_PER_PIXEL)) {
                for pixel in pixels.chunks_exact(BYTES_PER_PIXEL) {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
        }
        rgb.extend(sums.iter().flatten().map(|sum| (sum >> count_bits) as u8));
    }
    ((width, height), rgb)
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

    fn picture(width: u32, height: u32) -> StillPicture {
        let pixel = |n: u32| [(n % width) as u8, (n / width) as u8, 0, 255];
        StillPicture {
            width,
            height,
            rgba: (0..width * height).flat_map(pixel).collect(),
            corner: (0, 0),
            scale: 1.0,
            displays: Vec::new(),
            subject: None,
            permission: None,
        }
    }

    #[test]
    fn glance_of_a_large_picture_has_means_of_its_pixels() {
        let (size, rgb) = rgb_smaller(&picture(5, 4), 2);
        assert_eq!(size, (2, 2), "a column is left over");
        // Of 0 and 1, and of 2 and 3, rounded.
        assert_eq!(rgb, [1, 1, 0, 3, 1, 0, 1, 3, 0, 3, 3, 0]);
    }

    #[test]
    fn glance_is_as_small_as_a_window_needs_it() {
        let share = |width, height| {
            glance_share(&StillPicture { width, height, rgba: Vec::new(), ..picture(1, 1) })
        };
        assert_eq!(share(1920, 1080), 1);
        assert_eq!(share(3840, 2160), 2);
        assert_eq!(share(11_520, 2160), 4);
        assert_eq!(share(65_535, 32_768), 8, "and no smaller");
        assert_eq!(share(9_000_000, 1), 1, "it has no half of a row");
        let small = SystemCapture::new();
        assert_eq!(small.glance(&picture(7, 5)), small.png(&picture(7, 5)));
    }

    #[test]
    fn pixels_change_their_order_and_are_opaque() {
        assert_eq!(rgba_from_bgrx(vec![1, 2, 3, 0, 4, 5, 6, 9]), [3, 2, 1, 255, 6, 5, 4, 255]);
    }
}
