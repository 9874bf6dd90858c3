//! The port between the app and whatever takes still pictures of the screen: the crate `capture` in the
//! product, a fake in tests. Types, and the arithmetic of their rectangles.
//!
//! All positions and sizes are physical pixels. Positions on the desktop count from the upper left corner of
//! the desktop that all displays form together; a display to the left of the first one has negative
//! positions on some systems.

use std::fmt;

use thiserror::Error;

use crate::capture::{Abandoned, CaptureError, Permission, Subject};

/// A picture has four bytes a pixel.
const BYTES_PER_PIXEL: usize = 4;

/// Lists what is on the screen and takes still pictures of it. The methods block until the display has
/// answered, or the person, where the desktop asks.
pub trait Stills: Send + Sync {
    /// Returns whether the desktop asks the person what to share. Then there are no lists, and a window or an
    /// area can only be chosen in the desktop's own dialog.
    fn desktop_asks(&self) -> bool;

    /// Lists the displays and the windows on them.
    fn list(&self) -> Result<SourceList, StillError>;

    /// Takes a picture of what the screen shows now.
    fn take(&self, request: &StillRequest) -> Result<StillPicture, StillError>;

    /// Encodes a picture as a PNG file without metadata, quickly.
    fn png(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError>;

    /// Encodes a picture as [`Stills::png`] does, scaled down if it is large: for a window that shows it until its own
    /// file is there.
    fn glance(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError>;
}

/// The source of a picture, and how it is taken.
#[derive(Clone, Debug, Default)]
pub struct StillRequest {
    /// The source.
    pub source: StillSource,
    /// Whether the mouse pointer is in the picture.
    pub pointer: bool,
    /// Where the desktop asks: opens its own dialog, in which the person chooses an area, a window or a
    /// display. Without it the desktop asks at most whether Snaplark may take pictures at all.
    pub interactive: bool,
    /// The permission that the person gave for recording this display. One picture of that sharing is taken
    /// then, and nothing is asked.
    pub permission: Option<Permission>,
    /// Set when the picture is no longer wanted, while the desktop still asks.
    pub abandoned: Abandoned,
}

/// The source of a still picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StillSource {
    /// One display; `None` is the one that the platform calls first.
    Display(Option<u32>),
    /// A window by the platform's id. It is whole even if others cover it, where the platform can do that.
    Window(u64),
    /// An area of the desktop. What lies outside of the desktop is left out, and what lies between displays is
    /// black.
    Area(PixelRect),
    /// All displays in one picture.
    #[default]
    All,
}

/// A picture of the screen.
#[derive(Clone, PartialEq)]
pub struct StillPicture {
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
    /// Red, green, blue and alpha (always 255), one byte each; rows from the top, without padding.
    pub rgba: Vec<u8>,
    /// The position of the picture's upper left pixel on the desktop.
    pub corner: (i32, i32),
    /// How many pixels are one unit of length on the display that has most of the picture: 2.0 on a display
    /// that draws everything twice as large. 1.0 where that is unknown.
    pub scale: f64,
    /// The displays that are in the picture.
    pub displays: Vec<DisplayArea>,
    /// The window and the program that it shows, if these are known.
    pub subject: Option<Subject>,
    /// A new permission that the desktop gave with it, in place of the one of the request.
    pub permission: Option<Permission>,
}

/// A display in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct DisplayArea {
    /// The system's name for the display.
    pub name: String,
    /// The part of the picture that shows it.
    pub at: PixelRect,
    /// The display's scale.
    pub scale: f64,
}

/// The displays and windows that can be taken or recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceList {
    /// The displays, in the order in which `Source::Display` counts them.
    pub screens: Vec<Screen>,
    /// The topmost window comes first.
    pub windows: Vec<WindowInfo>,
}

/// A display.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// The system's name, such as `HDMI-1`.
    pub name: String,
    /// The area that the display shows.
    pub at: PixelRect,
    /// True for the screen that `Source::Display(None)` means.
    pub is_first: bool,
    /// How many pixels are one unit of length; 1.0 where that is unknown.
    pub scale: f64,
}

/// A window that is visible now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowInfo {
    /// The id that `Source::Window` takes.
    pub id: u64,
    /// The window's title.
    pub title: String,
    /// The program's own name for itself.
    pub program: String,
    /// The window without the frame that the desktop puts around it, as it is recorded.
    pub at: PixelRect,
    /// The same without the transparent margin for the shadow that some programs draw themselves.
    pub without_shadow: PixelRect,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelRect {
    /// The distance of the left edge from the origin.
    pub x: i32,
    /// The distance of the upper edge from the origin.
    pub y: i32,
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StillError {
    /// There is no display, or it does not answer.
    #[error("There is no display to take a picture of: {reason}")]
    NoDisplay {
        /// The problem.
        reason: String,
    },
    /// The display, window or area is not on the screen.
    #[error("The chosen display, window or area isn't available: {reason}")]
    SourceMissing {
        /// The problem.
        reason: String,
    },
    /// The person closed the desktop's dialog, or it was withdrawn.
    #[error("No picture was taken, because the desktop's dialog was closed")]
    Declined,
    /// The desktop does not let programs take pictures.
    #[error("The desktop doesn't let Snaplark take pictures: {reason}")]
    Refused {
        /// The desktop's reason, and what the person can do about it.
        reason: String,
    },
    /// The desktop's portal doesn't answer.
    #[error(
        "The desktop's portal isn't responding. Take the picture again. If that doesn't help, log out and in \
         again"
    )]
    Silent,
    /// This platform can't do it.
    #[error("Taking this picture isn't supported here: {reason}")]
    Unsupported {
        /// The missing feature.
        reason: String,
    },
    /// Something else failed.
    #[error("Taking the picture failed: {reason}")]
    Failed {
        /// The step that failed.
        reason: String,
    },
}

impl From<CaptureError> for StillError {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::NoDisplay { reason } => StillError::NoDisplay { reason },
            CaptureError::SourceMissing { reason } => StillError::SourceMissing { reason },
            CaptureError::Declined | CaptureError::Abandoned => StillError::Declined,
            CaptureError::SharingRefused { reason } => StillError::Refused { reason },
            CaptureError::SharingSilent => StillError::Silent,
            CaptureError::Unsupported { reason } => StillError::Unsupported { reason },
            other @ (CaptureError::EncoderMissing { .. }
            | CaptureError::SharingRevoked
            | CaptureError::SharingLost { .. }
            | CaptureError::FolderUnwritable { .. }
            | CaptureError::NoSound { .. }
            | CaptureError::DiskFull
            | CaptureError::PipelineFailed { .. }) => {
                StillError::Failed { reason: other.to_string() }
            }
        }
    }
}

impl PixelRect {
    /// Returns the intersection. `None` if the rectangles do not overlap.
    pub fn common(self, other: PixelRect) -> Option<PixelRect> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let end = |start: i32, length: u32| i64::from(start) + i64::from(length);
        let right = end(self.x, self.width).min(end(other.x, other.width));
        let bottom = end(self.y, self.height).min(end(other.y, other.height));
        let width = u32::try_from(right - i64::from(x)).ok()?;
        let height = u32::try_from(bottom - i64::from(y)).ok()?;
        (width > 0 && height > 0).then_some(PixelRect { x, y, width, height })
    }

    /// Returns the smallest rectangle that holds both.
    pub fn around(self, other: PixelRect) -> PixelRect {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let end = |start: i32, length: u32| i64::from(start) + i64::from(length);
        let right = end(self.x, self.width).max(end(other.x, other.width));
        let bottom = end(self.y, self.height).max(end(other.y, other.height));
        let length =
            |end: i64, start: i32| u32::try_from(end - i64::from(start)).unwrap_or(u32::MAX);
        PixelRect { x, y, width: length(right, x), height: length(bottom, y) }
    }

    /// Returns the rectangle as it is seen from that point.
    #[must_use]
    pub fn from_corner(self, (x, y): (i32, i32)) -> PixelRect {
        PixelRect { x: self.x.saturating_sub(x), y: self.y.saturating_sub(y), ..self }
    }

    /// Returns how many bytes a picture of that size has.
    pub fn bytes(self) -> usize {
        self.width as usize * self.height as usize * BYTES_PER_PIXEL
    }
}

impl StillPicture {
    /// Returns the part of the desktop that is in the picture.
    pub fn area(&self) -> PixelRect {
        let (x, y) = self.corner;
        PixelRect { x, y, width: self.width, height: self.height }
    }

    /// Returns the part of the picture that shows this area of the desktop. `None` if it shows nothing of it.
    pub fn crop(&self, area: PixelRect) -> Option<StillPicture> {
        let kept = self.area().common(area)?;
        let inside = kept.from_corner(self.corner);
        let row_bytes = inside.width as usize * BYTES_PER_PIXEL;
        let stride_bytes = self.width as usize * BYTES_PER_PIXEL;
        let from = inside.x as usize * BYTES_PER_PIXEL;
        let mut rgba = Vec::with_capacity(inside.bytes());
        for row in self.rgba.chunks_exact(stride_bytes).skip(inside.y as usize) {
            if rgba.len() == inside.bytes() {
                break;
            }
            rgba.extend_from_slice(&row[from..from + row_bytes]);
        }
        let displays: Vec<DisplayArea> = self
            .displays
            .iter()
            .filter_map(|display| {
                let at = display.at.common(inside)?.from_corner((inside.x, inside.y));
                Some(DisplayArea { at, ..display.clone() })
            })
            .collect();
        Some(StillPicture {
            width: inside.width,
            height: inside.height,
            rgba,
            corner: (kept.x, kept.y),
            scale: main_scale(&displays).unwrap_or(self.scale),
            displays,
            subject: self.subject.clone(),
            permission: self.permission.clone(),
        })
    }
}

/// Returns the scale of the display that has most of the picture.
pub fn main_scale(displays: &[DisplayArea]) -> Option<f64> {
    displays.iter().max_by_key(|display| display.at.bytes()).map(|display| display.scale)
}

impl fmt::Debug for StillPicture {
    /// Writes no pixel: they are private, and many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StillPicture")
            .field("area", &self.area())
            .field("scale", &self.scale)
            .field("displays", &self.displays)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: i32, y: i32, width: u32, height: u32) -> PixelRect {
        PixelRect { x, y, width, height }
    }

    /// Returns a picture of two displays side by side. Each pixel's red and green are its position.
    fn picture() -> StillPicture {
        let pixel = |n: u32| [(n % 60) as u8, (n / 60) as u8, 0, 255];
        StillPicture {
            width: 60,
            height: 30,
            rgba: (0..60 * 30).flat_map(pixel).collect(),
            corner: (-20, 0),
            scale: 2.0,
            displays: vec![
                DisplayArea { name: "left".to_owned(), at: at(0, 0, 20, 30), scale: 1.0 },
                DisplayArea { name: "right".to_owned(), at: at(20, 0, 40, 30), scale: 2.0 },
            ],
            subject: None,
            permission: None,
        }
    }

    #[test]
    fn rect_common_is_the_intersection() {
        let screen = at(0, 0, 100, 50);
        assert_eq!(at(10, 10, 30, 30).common(screen), Some(at(10, 10, 30, 30)));
        assert_eq!(at(-10, 40, 30, 30).common(screen), Some(at(0, 40, 20, 10)));
        assert_eq!(at(100, 0, 30, 30).common(screen), None);
        assert_eq!(at(-30, 0, 30, 30).common(screen), None);
        let endless = at(i32::MIN, 0, u32::MAX, u32::MAX);
        assert_eq!(endless.common(screen), Some(PixelRect { width: 100, ..screen }));
    }

    #[test]
    fn rect_around_holds_both() {
        assert_eq!(at(0, 0, 10, 10).around(at(-5, 20, 3, 3)), at(-5, 0, 15, 23));
    }

    #[test]
    fn crop_has_the_pixels_of_that_area_of_the_desktop() {
        let crop = picture().crop(at(-5, 10, 10, 4)).unwrap();
        assert_eq!((crop.width, crop.height, crop.corner), (10, 4, (-5, 10)));
        assert_eq!(crop.rgba.len(), 10 * 4 * 4);
        assert_eq!(crop.rgba[..4], [15, 10, 0, 255]);
        assert_eq!(crop.rgba[10 * 4 * 4 - 4..], [24, 13, 0, 255]);
        let displays: Vec<PixelRect> = crop.displays.iter().map(|display| display.at).collect();
        assert_eq!(displays, [at(0, 0, 5, 4), at(5, 0, 5, 4)]);
    }

    #[test]
    fn crop_ends_at_the_edge_of_the_desktop_and_is_none_beyond_it() {
        let crop = picture().crop(at(30, 25, 100, 100)).unwrap();
        assert_eq!((crop.width, crop.height, crop.scale), (10, 5, 2.0));
        assert_eq!(crop.rgba[..2], [50, 25]);
        assert_eq!(picture().crop(at(-100, 0, 80, 30)), None);
        assert_eq!(picture().crop(at(0, 30, 10, 10)), None);
        assert_eq!(picture().crop(picture().area()), Some(picture()));
    }

    #[test]
    fn debug_text_of_a_picture_has_no_pixels() {
        assert!(format!("{:?}", picture()).len() < 500);
    }
}
