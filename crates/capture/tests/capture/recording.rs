//! Real recordings of real (virtual) displays, looked at with other programs' eyes. Needs Xvfb and
//! ffmpeg.

use std::sync::mpsc::channel;

use crate::common::*;
use snaplark_capture::SystemCapture;
use snaplark_core::capture::*;
use snaplark_core::devices::Devices as _;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::*;
use x11rb::wrapper::ConnectionExt as _;

#[test]
fn recording_has_segments_of_two_seconds_when_the_screen_moves() {
    let display = Xvfb::start("1280x720x24");
    let moving = display.connect().keep_painting(15);
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    recording.wait_for_segments(2);
    let (end, counts) = recording.stop();
    drop(moving);

    assert_eq!(end, CaptureEnd::Stopped);
    assert_eq!(recording.heard[0], CaptureEvent::Started { width: 1280, height: 720 });
    let segments = recording.segments();
    assert_eq!(segments.len(), 3);
    for segment in &segments[..2] {
        assert!((1_700..=2_400).contains(&segment.duration_ms), "{segment:?}");
    }
    // 15 pictures a second for more than four seconds, less what a busy machine may lose.
    assert!(counts.encoded >= 40, "{counts:?}");
    assert!(counts.unchanged >= 20, "{counts:?}");
    recording.check_files();
}

#[test]
fn recording_has_heartbeats_only_when_the_screen_is_still() {
    let display = Xvfb::start("640x360x24");
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(Some(0))));
    recording.wait_for_segments(2);
    let (end, counts) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    assert!((8..=11).contains(&counts.encoded), "{counts:?}");
    assert!(counts.unchanged >= 80, "{counts:?}");
    assert_eq!(counts.dropped, 0);
    recording.check_files();
}

#[test]
fn region_is_recorded_at_odd_sizes_and_over_the_edge() {
    let display = Xvfb::start("641x359x24");
    let painter = display.connect();
    painter.fill_root(0x00_80_00);
    for (source, size) in [
        (Source::Display(None), (641, 359)),
        (Source::Region { x: 7, y: 5, width: 333, height: 247 }, (333, 247)),
        (Source::Region { x: 600, y: 300, width: 333, height: 247 }, (41, 59)),
    ] {
        let folder = Folder::new();
        let mut recording = record(&display, request(&folder.0, source));
        while !matches!(recording.hear(), CaptureEvent::Started { .. }) {}
        recording.stop();
        let (width, height) = size;
        assert_eq!(recording.heard[0], CaptureEvent::Started { width, height });
        recording.check_files();
        let path = folder.0.join("joined");
        recording.join(&path);
        let shown = ffprobe(&path, &["-show_entries", "stream=width,height"]);
        assert_eq!(shown.trim(), format!("{width},{height}"));
    }
}

#[test]
fn monitor_is_recorded_alone_and_through_a_mode_change() {
    let display = Xvfb::start("640x360x24");
    let painter = display.connect();
    painter.fill_root(0x3F_51_B5);
    painter.divide_into_monitors(&[(0, 0, 400, 360), (400, 20, 240, 340)]);
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(Some(1))));
    recording.wait_for_segments(1);
    assert_eq!(recording.heard[0], CaptureEvent::Started { width: 240, height: 340 });
    painter.resize_screen(500, 300);
    painter.fill_root(0x3F_51_B5);
    recording.wait_for_segments(2);
    painter.resize_screen(640, 360);
    painter.fill_root(0x3F_51_B5);
    recording.wait_for_segments(4);
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    // What the smaller screen doesn't have is black for so long.
    let black = |seconds| {
        let picture = picture(&path, seconds);
        picture.chunks_exact(3).filter(|p| p.iter().all(|v| *v < 16)).count()
    };
    assert_eq!(black("1"), 0);
    assert!(black("3.5").abs_diff(240 * 340 - 100 * 280) < 500, "{}", black("3.5"));
    assert_eq!(black("7"), 0);
}

#[test]
fn recording_has_one_segment_when_stopped_immediately() {
    let display = Xvfb::start("320x240x24");
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    let (end, counts) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    assert_eq!((recording.segments().len(), counts.encoded), (1, 1));
    recording.check_files();
}

#[test]
fn recording_keeps_colours() {
    let display = Xvfb::start("320x240x24");
    let painter = display.connect();
    painter.fill_root(0x3F_51_B5);
    painter.fill(painter.screen.root, 0xE6_3C_1E, 0, 0, 160, 240);
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    recording.stop();
    let path = folder.0.join("joined");
    recording.join(&path);
    let shown = ffprobe(&path, &["-show_entries", "stream=color_space,color_range"]);
    assert_eq!(shown.trim(), "tv,bt709");
    let picture = picture(&path, "0");
    let at = |x: usize, y: usize| &picture[(y * 320 + x) * 3..][..3];
    for (pixel, expected) in [(at(80, 120), [0xE6, 0x3C, 0x1E]), (at(240, 120), [0x3F, 0x51, 0xB5])]
    {
        let far = pixel.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 6);
        assert!(!far, "{pixel:?} instead of {expected:?}");
    }
}

#[test]
fn recording_is_scaled_down_when_the_screen_is_large() {
    let display = Xvfb::start("1366x770x24");
    let painter = display.connect();
    painter.fill_root(0x3F_51_B5);
    painter.fill(painter.screen.root, 0xE6_3C_1E, 0, 0, 683, 385);
    let folder = Folder::new();
    let wanted =
        CaptureRequest { lines_max: Some(360), ..request(&folder.0, Source::Display(None)) };
    let mut recording = record(&display, wanted);
    recording.stop();
    assert_eq!(recording.heard[0], CaptureEvent::Started { width: 638, height: 360 });
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    let shape = "stream=width,height,sample_aspect_ratio,color_space";
    assert_eq!(ffprobe(&path, &["-show_entries", shape]).trim(), "638,360,1:1,bt709");
    let picture = picture(&path, "0");
    let at = |x: usize, y: usize| &picture[(y * 638 + x) * 3..][..3];
    // Up to the corners: nothing is cut off, and no border is added. A first picture is coarse.
    for (pixel, expected) in [
        (at(1, 1), [0xE6, 0x3C, 0x1E]),
        (at(290, 150), [0xE6, 0x3C, 0x1E]),
        (at(350, 210), [0x3F, 0x51, 0xB5]),
        (at(636, 358), [0x3F, 0x51, 0xB5]),
    ] {
        let far = pixel.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 16);
        assert!(!far, "{pixel:?} instead of {expected:?}");
    }
}

#[test]
fn recording_has_the_size_that_is_asked_for_and_bars_beside_a_source_of_another_shape() {
    let display = Xvfb::start("320x240x24");
    let painter = display.connect();
    painter.fill_root(0xE6_3C_1E);
    let folder = Folder::new();
    let picture_size = Some((640, 360));
    let wanted = CaptureRequest { picture_size, ..request(&folder.0, Source::Display(None)) };
    let mut recording = record(&display, wanted);
    recording.stop();
    assert_eq!(recording.heard[0], CaptureEvent::Started { width: 640, height: 360 });
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    let picture = picture(&path, "0");
    let at = |x: usize, y: usize| &picture[(y * 640 + x) * 3..][..3];
    // 480 pixels of 640, in the middle.
    for (pixel, expected) in [
        (at(60, 180), [0, 0, 0]),
        (at(90, 2), [0xE6, 0x3C, 0x1E]),
        (at(550, 357), [0xE6, 0x3C, 0x1E]),
        (at(580, 180), [0, 0, 0]),
    ] {
        let far = pixel.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 16);
        assert!(!far, "{pixel:?} instead of {expected:?}");
    }
}

#[test]
fn pointer_is_recorded_only_when_requested() {
    let display = Xvfb::start("320x240x24");
    let painter = display.connect();
    painter.fill_root(0xFF_FF_FF);
    // A glyph cursor in black, on a window since Xvfb's root has none.
    let window = painter.window(0, 0, 320, 240);
    painter.fill(window, 0xFF_FF_FF, 0, 0, 320, 240);
    let (font, cursor) =
        (painter.connection.generate_id().unwrap(), painter.connection.generate_id().unwrap());
    painter.connection.open_font(font, b"cursor").unwrap();
    painter.connection.create_glyph_cursor(cursor, font, font, 68, 69, 0, 0, 0, 0, 0, 0).unwrap();
    let look = ChangeWindowAttributesAux::new().cursor(cursor);
    painter.connection.change_window_attributes(window, &look).unwrap();
    painter.connection.warp_pointer(x11rb::NONE, window, 0, 0, 0, 0, 160, 120).unwrap();
    painter.connection.sync().unwrap();

    let dark_pixels = |pointer| {
        let folder = Folder::new();
        let wanted = CaptureRequest { pointer, ..request(&folder.0, Source::Display(None)) };
        let mut recording = record(&display, wanted);
        recording.stop();
        let path = folder.0.join("joined");
        recording.join(&path);
        let picture = picture(&path, "0");
        let dark = (0..320 * 240).filter(|n| picture[n * 3] < 100);
        dark.map(|n| (n % 320, n / 320)).collect::<Vec<_>>()
    };
    assert_eq!(dark_pixels(false), []);
    let pointer = dark_pixels(true);
    assert!(pointer.len() > 20, "{pointer:?}");
    assert!(
        pointer.iter().all(|(x, y)| x.abs_diff(160) < 30 && y.abs_diff(120) < 30),
        "{pointer:?}"
    );
}

#[test]
fn window_is_recorded_when_covered_and_its_close_is_reported() {
    let display = Xvfb::start("640x480x24");
    let painter = display.connect();
    let window = painter.window(500, 100, 200, 150);
    // Upon it lies another, and a part of it is off the screen.
    let above = painter.window(520, 120, 50, 50);
    painter.fill(above, 0x00_00_00, 0, 0, 50, 50);
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Window(u64::from(window))));
    // As a program does that hears of the parts which are kept from now on.
    painter.fill(window, 0xE6_3C_1E, 0, 0, 200, 150);
    recording.wait_for_segments(1);
    // Smaller, hidden, shown, larger, whenever it is looked at: the recording goes on at its size.
    for step in (0..4).cycle().take(400) {
        match step {
            0 => {
                let small = ConfigureWindowAux::new().width(100).height(50);
                painter.connection.configure_window(window, &small).unwrap();
            }
            1 => drop(painter.connection.unmap_window(window).unwrap()),
            2 => drop(painter.connection.map_window(window).unwrap()),
            _ => {
                let large = ConfigureWindowAux::new().width(400).height(300);
                painter.connection.configure_window(window, &large).unwrap();
            }
        }
        painter.connection.sync().unwrap();
    }
    recording.wait_for_segments(2);
    painter.connection.destroy_window(window).unwrap();
    painter.connection.sync().unwrap();
    let (end, _) = recording.wait_for_end();
    assert_eq!(
        end,
        CaptureEnd::Failed(CaptureError::SourceMissing { reason: "the window was closed".into() })
    );
    assert_eq!(recording.heard[0], CaptureEvent::Started { width: 200, height: 150 });
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    let picture = picture(&path, "1");
    let red = picture.chunks_exact(3).filter(|p| p[0] > 180 && p[1] < 110).count();
    assert_eq!(red, 200 * 150, "something lies upon the window");
}

/// A window with a colour of its own in each quarter, drawn by a program that fills whatever size it
/// is given.
struct Quarters<'a> {
    painter: &'a Painter,
    window: u32,
}

const QUARTERS: [u32; 4] = [0xE6_3C_1E, 0x1E_96_3C, 0x3F_51_B5, 0xE8_C4_28];

impl Quarters<'_> {
    fn draw(&self, (width, height): (u16, u16)) {
        let (left, top) = (width / 2, height / 2);
        let (right, bottom) = (width - left, height - top);
        let at = [
            (0, 0, left, top),
            (left, 0, right, top),
            (0, top, left, bottom),
            (left, top, right, bottom),
        ];
        for (rgb, (x, y, width, height)) in QUARTERS.into_iter().zip(at) {
            self.painter.fill(self.window, rgb, x as i16, y as i16, width, height);
        }
    }

    fn resize(&self, (width, height): (u16, u16)) {
        let size = ConfigureWindowAux::new().width(u32::from(width)).height(u32::from(height));
        self.painter.connection.configure_window(self.window, &size).unwrap();
        self.draw((width, height));
    }
}

/// Holds a picture to having the quarters in that place of it, and nothing but black beside it.
fn hold_quarters(picture: &[u8], size: (usize, usize), into: (usize, usize, usize, usize)) {
    let (x, y, width, height) = into;
    let at = |x: usize, y: usize| &picture[(y * size.0 + x) * 3..][..3];
    let near = |pixel: &[u8], rgb: u32| {
        let [_, red, green, blue] = rgb.to_be_bytes();
        pixel.iter().zip([red, green, blue]).all(|(a, b)| a.abs_diff(b) <= 24)
    };
    // Near the corners and near the middle of each quarter's two inner sides: nothing is cut off.
    let edge = 4;
    let middle = (x + width / 2, y + height / 2);
    let columns =
        [(x + edge, 0), (middle.0 - edge, 0), (middle.0 + edge, 1), (x + width - 1 - edge, 1)];
    let rows =
        [(y + edge, 0), (middle.1 - edge, 0), (middle.1 + edge, 1), (y + height - 1 - edge, 1)];
    for (x, right) in columns {
        for (y, below) in rows {
            let rgb = QUARTERS[2 * below + right];
            assert!(near(at(x, y), rgb), "{:?} instead of {rgb:06x} at {x}, {y}", at(x, y));
        }
    }
    for row in 0..size.1 {
        for column in 0..size.0 {
            // Colours are kept for pairs of pixels, and the encoder blurs an edge.
            let far =
                |at: usize, from: usize, length: usize| at + 8 < from || at >= from + length + 8;
            if far(column, x, width) || far(row, y, height) {
                assert!(near(at(column, row), 0), "{:?} at {column}, {row}", at(column, row));
            }
        }
    }
}

/// Larger, smaller, taller, wider, of odd sides, minimised and back: each is in the video whole, with
/// its aspect, and of nothing there is less or more.
#[test]
fn window_is_scaled_when_it_is_resized() {
    let display = Xvfb::start("1280x720x24");
    let painter = display.connect();
    let window = painter.window(20, 20, 400, 300);
    let quarters = Quarters { painter: &painter, window };
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Window(u64::from(window))));
    quarters.draw((400, 300));
    recording.wait_for_segments(1);
    let sizes = [(800, 600), (200, 150), (640, 100), (151, 333), (1001, 77), (400, 300)];
    for size in sizes {
        quarters.resize(size);
        let sealed = recording.segments().len();
        recording.wait_for_segments(sealed + 1);
    }
    // Minimised for a while, and back with another size.
    painter.connection.unmap_window(window).unwrap();
    painter.connection.sync().unwrap();
    let sealed = recording.segments().len();
    recording.wait_for_segments(sealed + 2);
    painter.connection.map_window(window).unwrap();
    quarters.resize((300, 600));
    let sealed = recording.segments().len();
    recording.wait_for_segments(sealed + 1);
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    assert_eq!(recording.heard[0], CaptureEvent::Started { width: 400, height: 300 });
    let lost = |issue: &&&Issue| matches!(issue, Issue::SourceLost);
    assert_eq!(recording.issues().iter().filter(lost).count(), 1, "{:?}", recording.heard);
    recording.check_files();
    let path = folder.0.join("joined");
    recording.join(&path);
    let ends: Vec<f64> = recording
        .segments()
        .iter()
        .map(|it| (it.start_ms + it.duration_ms) as f64 / 1_000.0)
        .collect();
    let shown = |segment: usize| picture(&path, &format!("{:.2}", ends[segment] - 0.25));
    for (segment, into) in [
        (0, (0, 0, 400, 300)),
        (1, (0, 0, 400, 300)),
        (2, (0, 0, 400, 300)),
        (3, (0, 118, 400, 63)),
        (4, (132, 0, 136, 300)),
        (5, (0, 134, 400, 31)),
        (6, (0, 0, 400, 300)),
        // Minimised: its last picture.
        (7, (0, 0, 400, 300)),
        (recording.segments().len() - 2, (125, 0, 150, 300)),
    ] {
        println!("segment {segment}: {into:?}");
        hold_quarters(&shown(segment), (400, 300), into);
    }
}

/// A window manager's workspace: the frame is hidden, and the window itself hears nothing of it.
#[test]
fn window_shows_its_current_picture_after_its_frame_was_hidden() {
    let display = Xvfb::start("640x480x24");
    let painter = display.connect();
    let frame = painter.window(20, 20, 400, 300);
    let window = painter.window(0, 0, 400, 300);
    painter.connection.reparent_window(window, frame, 0, 0).unwrap();
    painter.connection.map_window(window).unwrap();
    let quarters = Quarters { painter: &painter, window };
    quarters.draw((400, 300));
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Window(u64::from(window))));
    painter.fill(window, 0xFF_FF_FF, 0, 0, 400, 300);
    recording.wait_for_segments(1);
    painter.connection.unmap_window(frame).unwrap();
    painter.connection.map_window(frame).unwrap();
    quarters.draw((400, 300));
    recording.wait_for_segments(3);
    recording.stop();
    let path = folder.0.join("joined");
    recording.join(&path);
    hold_quarters(&picture(&path, "4.5"), (400, 300), (0, 0, 400, 300));
}

/// On the screen it is there, all around; in the picture of the area there is nothing of it. Its parts
/// beyond the display's edges are cut off.
#[test]
fn border_is_outside_of_the_recorded_area() {
    const RED: u32 = 0xE5_38_3B;
    let display = Xvfb::start("640x360x24");
    let painter = display.connect();
    painter.fill_root(0x3F_51_B5);
    for (x, y, width, height) in [(100_i32, 50_i32, 301_u32, 201_u32), (0, 100, 640, 260)] {
        let around = snaplark_core::still::PixelRect { x, y, width, height };
        let border =
            SystemCapture::on_display(&display.name).border_around(around, 2, RED).unwrap();
        let pixels = painter.pixels();
        let (right, bottom) = (x + width as i32, y + height as i32);
        for row in 0..360_i32 {
            for column in 0..640_i32 {
                let inside = (x..right).contains(&column) && (y..bottom).contains(&row);
                let near =
                    (x - 2..right + 2).contains(&column) && (y - 2..bottom + 2).contains(&row);
                let expected = if near && !inside { RED } else { 0x3F_51_B5 };
                let pixel = pixels[(row * 640 + column) as usize] & 0xFF_FF_FF;
                assert_eq!(pixel, expected, "at {column}, {row} of {around:?}");
            }
        }
        let folder = Folder::new();
        let source = Source::Region { x, y, width, height };
        let mut recording = record(&display, request(&folder.0, source));
        recording.stop();
        let path = folder.0.join("joined");
        recording.join(&path);
        let red = |pixel: &&[u8]| pixel[0] > 140 && pixel[2] < 120;
        assert_eq!(picture(&path, "0").chunks_exact(3).filter(red).count(), 0, "{around:?}");
        drop(border);
        painter.fill_root(0x3F_51_B5);
        let left = painter.pixels().iter().filter(|pixel| **pixel & 0xFF_FF_FF == RED).count();
        assert_eq!(left, 0, "the border is still there");
    }
}

/// As of a display on another machine: no shared memory, and few of the extensions that help.
/// (Xvfb without XFIXES aborts when a client leaves.)
#[test]
fn recording_works_on_a_server_without_extensions() {
    let bare = ["MIT-SHM", "Composite", "RANDR", "DAMAGE"];
    let display = Xvfb::start_without("641x359x24", &bare);
    let painter = display.connect();
    painter.fill_root(0x3F_51_B5);
    let window = painter.window(100, 100, 200, 150);
    for (source, size) in
        [(Source::Display(None), (641, 359)), (Source::Window(u64::from(window)), (200, 150))]
    {
        let folder = Folder::new();
        let wanted = CaptureRequest { pointer: true, ..request(&folder.0, source) };
        let mut recording = record(&display, wanted);
        while !matches!(recording.hear(), CaptureEvent::Started { .. }) {}
        // It goes on while the window is not to be seen.
        painter.connection.unmap_window(window).unwrap();
        painter.connection.sync().unwrap();
        recording.wait_for_segments(1);
        painter.connection.map_window(window).unwrap();
        painter.connection.sync().unwrap();
        let (end, _) = recording.stop();
        assert_eq!(end, CaptureEnd::Stopped);
        let (width, height) = size;
        assert_eq!(recording.heard[0], CaptureEvent::Started { width, height });
        recording.check_files();
    }
}

#[test]
fn recording_ends_when_the_display_goes_away() {
    let mut display = Xvfb::start("320x240x24");
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    recording.wait_for_segments(1);
    display.kill();
    let (end, _) = recording.wait_for_end();
    assert!(matches!(end, CaptureEnd::Failed(CaptureError::NoDisplay { .. })), "{end:?}");
    assert!(!recording.segments().is_empty());
    recording.check_files();
}

#[test]
fn recording_reports_a_hanging_display_and_stops() {
    let display = Xvfb::start("320x240x24");
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    while !matches!(recording.hear(), CaptureEvent::Started { .. }) {}
    display.signal("STOP");
    let stalled = |issue: &Issue| matches!(issue, Issue::SourceStalled { .. });
    while !issue_of(recording.hear()).is_some_and(stalled) {}
    display.signal("CONT");
    let back = |issue: &Issue| matches!(issue, Issue::SourceBack { .. });
    while !issue_of(recording.hear()).is_some_and(back) {}
    recording.wait_for_segments(1);
    display.signal("STOP");
    let (end, _) = recording.stop();
    display.signal("CONT");
    assert_eq!(end, CaptureEnd::Stopped);
    recording.check_files();
}

/// The sink blocks for longer than a segment lasts, as a slow disk would: frames wait, none is lost.
#[test]
fn recording_loses_no_frame_when_the_receiver_is_slow() {
    let display = Xvfb::start("320x240x24");
    let moving = display.connect().keep_painting(15);
    let folder = Folder::new();
    let (sender, events) = channel();
    let (go_on, wait) = channel::<()>();
    let sink: CaptureSink = Box::new(move |event| {
        if matches!(event, CaptureEvent::Started { .. }) {
            wait.recv().unwrap();
        }
        sender.send(event).unwrap();
    });
    let wanted = request(&folder.0, Source::Display(None));
    let mut control = SystemCapture::on_display(&display.name).start(wanted, sink).unwrap();
    let before = moving.painted.load(std::sync::atomic::Ordering::Relaxed);
    while moving.painted.load(std::sync::atomic::Ordering::Relaxed) < before + 45 {
        std::thread::yield_now();
    }
    control.stop();
    go_on.send(()).unwrap();
    let heard: Vec<CaptureEvent> = events.iter().collect();
    let Some(CaptureEvent::Ended { end: CaptureEnd::Stopped, counts }) = heard.last() else {
        panic!("{heard:?}")
    };
    assert!(counts.encoded >= 35, "{counts:?}");
    let segments = heard.iter().filter(|e| matches!(e, CaptureEvent::SegmentSealed(_))).count();
    assert!(segments >= 2, "{segments}");
}

/// Text is what screens show, and what is read stands still: it must not stay a blur.
#[test]
fn picture_becomes_sharp_after_a_change() {
    let display = Xvfb::start("1280x720x24");
    let painter = display.connect();
    painter.page(1);
    let folder = Folder::new();
    let mut recording = record(&display, request(&folder.0, Source::Display(None)));
    recording.wait_for_segments(1);
    let mut turned = Vec::new();
    for page in 2..5 {
        painter.page(page);
        turned.push(painter.brightness());
        let sealed = recording.segments().len();
        recording.wait_for_segments(sealed + 1);
    }
    recording.stop();
    let path = folder.0.join("joined");
    recording.join(&path);
    let frames = frames_brightness(&path, 1280 * 720);
    let times: Vec<f64> = packets(&path).iter().map(|packet| packet.seconds).collect();
    for (n, page) in turned.iter().enumerate() {
        let near = times.iter().zip(&frames).map(|(seconds, frame)| (seconds, psnr(frame, page)));
        // Another page has less than 15.
        let shown: Vec<(&f64, f64)> = near.filter(|(_, near)| *near > 20.0).collect();
        println!("page {n}: {shown:.1?}");
        let settled = shown[0].0 + 0.5;
        let stays = shown.iter().filter(|(seconds, _)| **seconds >= settled);
        let worst = stays.map(|(_, near)| *near).fold(f64::INFINITY, f64::min);
        assert!(worst > 38.0, "page {n}: {shown:.1?}");
    }
}
