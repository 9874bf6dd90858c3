//! Stills of true recordings: the picture is the screen's, small, and a blank one is told.

use crate::common::*;
use snaplark_core::capture::Source;
use snaplark_core::render::{Render, RenderError, Still};
use snaplark_core::{INIT_FILE, segment_file};
use snaplark_render::SystemRender;

fn still_of(folder: &Folder) -> Result<Still, RenderError> {
    let read = |name: &str| std::fs::read(folder.0.join(name)).unwrap();
    SystemRender.still(&read(INIT_FILE), &read(&segment_file(0)))
}

#[test]
fn still_is_the_screen_scaled_down() {
    let display = Xvfb::start("960x540x24");
    let painter = display.connect();
    painter.fill_root(0x3F_51_B5);
    let folder = Folder::new();
    record(&display, request(&folder.0, Source::Display(None))).stop();
    let blank = still_of(&folder).unwrap();
    assert!(blank.blank, "all of it is one colour");

    painter.fill(painter.screen.root, 0xE6_3C_1E, 0, 0, 480, 540);
    let folder = Folder::new();
    record(&display, request(&folder.0, Source::Display(None))).stop();
    let still = still_of(&folder).unwrap();
    assert!(!still.blank);
    assert!(still.jpeg.len() < 30_000, "{} bytes", still.jpeg.len());
    let path = folder.0.join("still.jpg");
    std::fs::write(&path, &still.jpeg).unwrap();
    let size = ffprobe(&path, &["-show_entries", "stream=width,height"]);
    assert_eq!(size.trim(), "480,270");
    let pixels = picture(&path, "0");
    let at = |x: usize, y: usize| &pixels[(y * 480 + x) * 3..][..3];
    for (pixel, expected) in
        [(at(100, 135), [0xE6, 0x3C, 0x1E]), (at(400, 135), [0x3F, 0x51, 0xB5])]
    {
        let far = pixel.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 14);
        assert!(!far, "{pixel:?} instead of {expected:?}");
    }
}

#[test]
fn still_fails_when_the_segment_cannot_be_decoded() {
    let error = SystemRender.still(b"init", b"segment").unwrap_err();
    assert!(matches!(error, RenderError::NoStill { .. }), "{error:?}");
}
