//! Describes what is painted onto the recorded picture: the webcam, and marks for clicks and keys. Types only.

use crate::device::Device;

/// How the webcam is shown in the recorded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webcam {
    /// Whether it is in the picture.
    pub shown: bool,
    /// The camera whose picture it is.
    pub camera: Device,
    /// Its outline.
    pub shape: Shape,
    /// Its position.
    pub place: Place,
    /// Its width and height, in thousandths of the recorded picture's height.
    pub height_permille: u16,
    /// Flips the picture horizontally, as in a mirror.
    pub mirrored: bool,
}

/// The outline of the webcam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A circle.
    Circle,
    /// A square with rounded corners.
    Square,
}

/// A position in thousandths of the way from the left edge to the right, and from the top to the
/// bottom. So each corner has a position, whatever the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How far it is from the left, of the way that it could move.
    pub right_permille: u16,
    /// How far it is from the top, of the way that it could move.
    pub down_permille: u16,
}

impl Place {
    /// The corner at the bottom right.
    const BOTTOM_RIGHT: Place = Place { right_permille: 1_000, down_permille: 1_000 };
}

impl Default for Webcam {
    fn default() -> Self {
        Webcam {
            shown: false,
            camera: Device::Default,
            shape: Shape::Circle,
            place: Place::BOTTOM_RIGHT,
            height_permille: 220,
            mirrored: false,
        }
    }
}

/// Which mouse and keyboard input is shown. None by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whether mouse clicks are shown.
    pub clicks: bool,
    /// The keys that are shown, if any.
    pub keys: Option<Keys>,
}

impl Marks {
    /// Returns whether nothing is shown.
    pub fn is_none(self) -> bool {
        self == Marks::default()
    }
}

/// Which keys are shown. No program can know whether they are typed into a password field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Keys with Ctrl, Alt or Super, and function keys: commands, but no typed text.
    Shortcuts,
    /// All keys, with the text that is typed.
    All,
}
