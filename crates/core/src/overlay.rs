//! What stands upon the picture of what is recorded: the webcam, and marks for what the person does.
//! Types only.

use crate::capture::Device;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webcam {
    pub shown: bool,
    pub camera: Device,
    pub shape: Shape,
    pub place: Place,
    /// As wide as high, in thousandths of the recorded picture's height.
    pub height_permille: u16,
    /// Left and right changed, as in a mirror.
    pub mirrored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Circle,
    /// With rounded corners.
    Square,
}

/// In thousandths of the way from the left edge to the right, and from the top to the bottom. So
/// each corner is a place, and stays one whatever the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub right_permille: u16,
    pub down_permille: u16,
}

impl Place {
    pub const BOTTOM_RIGHT: Place = Place { right_permille: 1_000, down_permille: 1_000 };
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

/// What the person does with mouse and keyboard, to be seen; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub clicks: bool,
    pub keys: Option<Keys>,
}

impl Marks {
    pub fn is_none(self) -> bool {
        self == Marks::default()
    }
}

/// Which keys are shown. No program can know whether they are typed into a field for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// With Ctrl, Alt or Super, and function keys: what commands, and not what is written.
    Shortcuts,
    All,
}
