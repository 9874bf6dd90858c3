//! Still pictures of a virtual screen, pixel by pixel: every pixel of the pattern has a color that says where
//! it is.

use snaplark_capture::SystemCapture;
use snaplark_core::still::{
    PixelRect, StillError, StillPicture, StillRequest, StillSource, Stills as _,
};
use x11rb::connection::Connection as _;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::*;
use x11rb::wrapper::ConnectionExt as _;

use crate::common::*;

const SCREEN: &str = "1600x900x24";
/// Side by side, of different size; below the second one is nothing.
const DISPLAYS: [(i16, i16, u16, u16); 2] = [(0, 0, 960, 900), (960, 0, 640, 480)];

/// The color of a pixel of the pattern that is drawn at that place.
fn color(x: i32, y: i32) -> [u8; 3] {
    let mixed = (x as u32).wrapping_mul(0x9E37) ^ ((y as u32).wrapping_mul(0x85EB_CA6B) >> 3);
    [(mixed >> 8) as u8, x as u8, y as u8]
}

/// Draws the pattern, whose corner is the drawable's.
fn paint(painter: &Painter, drawable: u32, width: u16, height: u16) {
    const ROWS: usize = 40;
    let gc = painter.connection.generate_id().unwrap();
    painter.connection.create_gc(gc, drawable, &CreateGCAux::new()).unwrap();
    for top in (0..i32::from(height)).step_by(ROWS) {
        let rows = ROWS.min((i32::from(height) - top) as usize);
        let pixels = (top..top + rows as i32).flat_map(|y| {
            (0..i32::from(width)).flat_map(move |x| {
                let [red, green, blue] = color(x, y);
                [blue, green, red, 0]
            })
        });
        let pixels: Vec<u8> = pixels.collect();
        painter
            .connection
            .put_image(
                ImageFormat::Z_PIXMAP,
                drawable,
                gc,
                width,
                rows as u16,
                0,
                top as i16,
                0,
                painter.screen.root_depth,
                &pixels,
            )
            .unwrap();
    }
    painter.connection.sync().unwrap();
}

fn painted(without: &[&str]) -> (Xvfb, Painter) {
    let display = Xvfb::start_without(SCREEN, without);
    let painter = display.connect();
    let (width, height) = (painter.screen.width_in_pixels, painter.screen.height_in_pixels);
    paint(&painter, painter.screen.root, width, height);
    (display, painter)
}

fn take(display: &Xvfb, source: StillSource) -> Result<StillPicture, StillError> {
    let request = StillRequest { source, ..StillRequest::default() };
    SystemCapture::on_display(&display.name).take(&request)
}

fn area(x: i32, y: i32, width: u32, height: u32) -> PixelRect {
    PixelRect { x, y, width, height }
}

/// Each pixel has the color that `want` says for its place in the picture.
fn hold(picture: &StillPicture, size: (u32, u32), want: impl Fn(i32, i32) -> [u8; 3]) {
    assert_eq!((picture.width, picture.height), size);
    assert_eq!(picture.rgba.len(), size.0 as usize * size.1 as usize * 4);
    for (n, pixel) in (0..).zip(picture.rgba.chunks_exact(4)) {
        let (x, y) = (n % size.0.cast_signed(), n / size.0.cast_signed());
        let [red, green, blue] = want(x, y);
        assert_eq!(pixel, [red, green, blue, 255], "at {x}, {y}");
    }
}

#[test]
fn picture_of_all_displays_has_every_pixel_of_the_screen() {
    for without in [&[][..], &["MIT-SHM"], &["RANDR"]] {
        let (display, _painter) = painted(without);
        hold(&take(&display, StillSource::All).unwrap(), (1600, 900), color);
    }
}

#[test]
fn each_display_is_taken_by_its_number_and_the_gap_beside_it_is_black() {
    let (display, painter) = painted(&[]);
    painter.divide_into_monitors(&DISPLAYS);
    let second = take(&display, StillSource::Display(Some(1))).unwrap();
    hold(&second, (640, 480), |x, y| color(x + 960, y));
    assert_eq!(second.corner, (960, 0));
    let first = take(&display, StillSource::Display(None)).unwrap();
    hold(&first, (960, 900), color);
    let all = take(&display, StillSource::All).unwrap();
    hold(&all, (1600, 900), |x, y| if x >= 960 && y >= 480 { [0; 3] } else { color(x, y) });
    let places: Vec<PixelRect> = all.displays.iter().map(|display| display.at).collect();
    assert_eq!(places, [area(0, 0, 960, 900), area(960, 0, 640, 480)]);
    let missing = take(&display, StillSource::Display(Some(2)));
    assert!(matches!(missing, Err(StillError::SourceMissing { .. })), "{missing:?}");
}

#[test]
fn area_is_exact_across_displays_and_is_cut_at_the_edge_of_the_desktop() {
    let (display, painter) = painted(&[]);
    painter.divide_into_monitors(&DISPLAYS);
    let at = |x, y, width, height| take(&display, StillSource::Area(area(x, y, width, height)));
    hold(&at(37, 51, 1, 1).unwrap(), (1, 1), |_, _| color(37, 51));
    let across = at(900, 400, 161, 43).unwrap();
    hold(&across, (161, 43), |x, y| color(x + 900, y + 400));
    assert_eq!(across.displays.len(), 2);
    let beyond = at(-10, -20, 30, 50).unwrap();
    hold(&beyond, (20, 30), color);
    assert_eq!(beyond.corner, (0, 0));
    hold(&at(1590, 470, 100, 20).unwrap(), (10, 20), |x, y| {
        if y < 10 { color(x + 1590, y + 470) } else { [0; 3] }
    });
    for outside in [at(-50, 0, 50, 50), at(1600, 0, 5, 5), at(1000, 600, 50, 50)] {
        assert!(matches!(outside, Err(StillError::SourceMissing { .. })), "{outside:?}");
    }
}

/// Has the server keep the window's picture, as under a compositor.
fn held_by_a_compositor(painter: &Painter, window: u32) {
    painter.connection.composite_query_version(0, 4).unwrap().reply().unwrap();
    let kept = painter.connection.composite_redirect_window(window, Redirect::AUTOMATIC);
    kept.unwrap().check().unwrap();
}

/// A window with the pattern.
fn window_with_pattern(painter: &Painter, x: i16, y: i16) -> u32 {
    let window = painter.window(x, y, 300, 200);
    paint(painter, window, 300, 200);
    window
}

#[test]
fn window_is_whole_when_it_is_covered_or_hangs_over_the_edge() {
    let (display, painter) = painted(&[]);
    let window = window_with_pattern(&painter, 100, 100);
    let source = StillSource::Window(window.into());
    hold(&take(&display, source).unwrap(), (300, 200), color);
    let cover = painter.window(150, 150, 50, 50);
    painter.fill(cover, 0xFF_00_00, 0, 0, 50, 50);
    let screen = take(&display, StillSource::Area(area(150, 150, 50, 50))).unwrap();
    hold(&screen, (50, 50), |_, _| [255, 0, 0]);
    // Composite keeps what is covered only while somebody has asked for it; the program draws it again then.
    held_by_a_compositor(&painter, window);
    paint(&painter, window, 300, 200);
    hold(&take(&display, source).unwrap(), (300, 200), color);
    let position = ConfigureWindowAux::new().x(1450).y(-30);
    painter.connection.configure_window(window, &position).unwrap();
    paint(&painter, window, 300, 200);
    let taken = take(&display, source).unwrap();
    hold(&taken, (300, 200), color);
    assert_eq!(taken.corner, (1450, -30));
}

#[test]
fn window_without_composite_is_what_the_screen_shows_of_it() {
    let (display, painter) = painted(&["Composite"]);
    let window = window_with_pattern(&painter, 1500, 850);
    let taken = take(&display, StillSource::Window(window.into())).unwrap();
    hold(&taken, (100, 50), color);
    assert_eq!(taken.corner, (1500, 850));
    let left = window_with_pattern(&painter, -200, -150);
    let taken = take(&display, StillSource::Window(left.into())).unwrap();
    hold(&taken, (100, 50), |x, y| color(x + 200, y + 150));
}

#[test]
fn window_that_is_closed_or_hidden_is_missing() {
    let (display, painter) = painted(&[]);
    let window = painter.window(10, 10, 100, 100);
    painter.connection.unmap_window(window).unwrap();
    painter.connection.sync().unwrap();
    let hidden = take(&display, StillSource::Window(window.into()));
    assert!(matches!(hidden, Err(StillError::SourceMissing { .. })), "{hidden:?}");
    painter.connection.destroy_window(window).unwrap();
    painter.connection.sync().unwrap();
    for id in [window.into(), 1, u64::MAX] {
        let gone = take(&display, StillSource::Window(id));
        assert!(matches!(gone, Err(StillError::SourceMissing { .. })), "{gone:?}");
    }
}

#[test]
fn shadow_that_a_program_draws_itself_is_left_out_of_its_window() {
    let (display, painter) = painted(&[]);
    let window = painter.window(100, 100, 300, 200);
    paint(&painter, window, 300, 200);
    let name = painter.connection.intern_atom(false, b"_GTK_FRAME_EXTENTS").unwrap();
    let name = name.reply().unwrap().atom;
    let extents = |numbers: &[u32]| {
        painter
            .connection
            .change_property32(PropMode::REPLACE, window, name, AtomEnum::CARDINAL, numbers)
            .unwrap();
        painter.connection.sync().unwrap();
    };
    extents(&[10, 20, 5, 30]);
    let taken = take(&display, StillSource::Window(window.into())).unwrap();
    hold(&taken, (270, 165), |x, y| color(x + 10, y + 5));
    assert_eq!(taken.corner, (110, 105));
    // What makes no sense is not believed.
    extents(&[400, 0, 0, 0]);
    hold(&take(&display, StillSource::Window(window.into())).unwrap(), (300, 200), color);
}

#[test]
fn pointer_is_in_the_picture_when_it_is_wanted() {
    let (display, painter) = painted(&[]);
    painter
        .connection
        .warp_pointer(x11rb::NONE, painter.screen.root, 0, 0, 0, 0, 400, 300)
        .unwrap();
    // The pointer of a window is made sure to be one that can be seen.
    let font = painter.connection.generate_id().unwrap();
    painter.connection.open_font(font, b"cursor").unwrap();
    let cursor = painter.connection.generate_id().unwrap();
    painter
        .connection
        .create_glyph_cursor(cursor, font, font, 68, 69, 0, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF)
        .unwrap();
    let values = ChangeWindowAttributesAux::new().cursor(cursor);
    painter.connection.change_window_attributes(painter.screen.root, &values).unwrap();
    painter.connection.sync().unwrap();
    let taken = |pointer| {
        let source = StillSource::Area(area(380, 280, 40, 40));
        let request = StillRequest { source, pointer, ..StillRequest::default() };
        SystemCapture::on_display(&display.name).take(&request).unwrap()
    };
    hold(&taken(false), (40, 40), |x, y| color(x + 380, y + 280));
    let with = taken(true);
    let black = with.rgba.chunks_exact(4).filter(|pixel| *pixel == [0, 0, 0, 255]).count();
    assert!(black > 10, "{black} pixels of the pointer");
}

#[test]
fn every_display_has_the_scale_of_the_session() {
    let (display, painter) = painted(&[]);
    for (dpi, scale) in [("96", 1.0), ("120", 1.25), ("144", 1.5), ("192", 2.0)] {
        let text = format!("Xft.antialias:\t1\nXft.dpi:\t{dpi}\n");
        painter
            .connection
            .change_property8(
                PropMode::REPLACE,
                painter.screen.root,
                AtomEnum::RESOURCE_MANAGER,
                AtomEnum::STRING,
                text.as_bytes(),
            )
            .unwrap();
        painter.connection.sync().unwrap();
        let taken = take(&display, StillSource::Display(None)).unwrap();
        // A scale changes nothing about the pixels.
        assert_eq!((taken.width, taken.height), (1600, 900));
        assert!((taken.scale - scale).abs() < f64::EPSILON, "{dpi}: {}", taken.scale);
        let listed = SystemCapture::on_display(&display.name).list().unwrap();
        assert!((listed.screens[0].scale - scale).abs() < f64::EPSILON, "{listed:?}");
    }
}

#[test]
fn display_that_is_gone_is_named() {
    let gone = {
        let (display, _painter) = painted(&[]);
        SystemCapture::on_display(&display.name)
    };
    let error = gone.take(&StillRequest::default());
    assert!(matches!(error, Err(StillError::NoDisplay { .. })), "{error:?}");
}

#[test]
fn picture_of_a_4k_screen_is_there_soon() {
    let display = Xvfb::start("3840x2160x24");
    let painter = display.connect();
    painter.fill_root(0x12_34_56);
    let began = std::time::Instant::now();
    let taken = take(&display, StillSource::All).unwrap();
    println!("figures: a picture of 3840x2160 takes {} ms", began.elapsed().as_millis());
    hold(&taken, (3840, 2160), |_, _| [0x12, 0x34, 0x56]);
}
