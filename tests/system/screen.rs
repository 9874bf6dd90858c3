//! The setup of most tests: a home, and a display that shows numbers.

use snaplark_tests::desk;
use snaplark_tests::display::Display;
use snaplark_tests::home::Home;
use snaplark_tests::numbers;
use snaplark_tests::process::Process;

pub const SIZE: (u32, u32) = (1280, 720);
/// Numbers a second: half of what is recorded, since two clocks of one rate would beat.
pub const NUMBERS: u32 = 15;

/// Ends in the reverse order of its start.
pub struct Screen {
    _painter: Process,
    display: Display,
    pub home: Home,
}

impl Screen {
    pub fn start() -> Self {
        let mut home = Home::new().unwrap();
        let display = Display::start(&mut home, SIZE.0, SIZE.1).unwrap();
        let painter = desk::paint(&home, NUMBERS).unwrap();
        Self { _painter: painter, display, home }
    }

    /// The number that it shows now.
    pub fn number(&self) -> Option<u16> {
        let pixels = self.display.pixels(numbers::field(SIZE.0, SIZE.1)).unwrap();
        // One of three equal colours.
        let grey: Vec<u8> = pixels.chunks_exact(4).map(|pixel| pixel[0]).collect();
        numbers::read(&grey)
    }
}
