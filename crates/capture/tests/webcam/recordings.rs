//! Tests of the webcam's picture in a recording, and of the issues that report it.

use std::time::{Duration, Instant};

use snaplark_capture::SystemCapture;
use snaplark_core::capture::*;
use snaplark_core::devices::Devices as _;
use snaplark_core::overlay::*;

use crate::cameras::*;
use crate::common::*;

pub const ALL: [(&str, fn()); 5] = [
    ("preview_closes_the_camera_when_nobody_asks", preview_shows_the_camera),
    ("preview_says_why_there_is_no_picture", preview_says_why_there_is_no_picture),
    ("webcam_is_drawn_at_its_place_while_it_is_shown", it_stands_where_it_is_wanted),
    ("recording_continues_when_the_webcam_is_lost_and_returns", it_may_go_and_come_back),
    ("webcam_costs_no_frames_when_nothing_moves", what_stands_still_costs_nothing),
];

const SCREEN: u32 = 0x3F_51_B5;
/// Of [`Camera::bars`], at the left and at the right of its middle square.
const YELLOW: [u8; 3] = [255, 255, 0];
const RED: [u8; 3] = [255, 0, 0];
/// Each state is recorded for so long.
const A_WHILE: Duration = Duration::from_millis(600);

fn shown(name: &str) -> Webcam {
    Webcam { shown: true, camera: Device::Named(name.to_owned()), ..Webcam::default() }
}

fn begin(display: &Xvfb, folder: &Folder, webcam: Webcam) -> Recording {
    let wanted = CaptureRequest { webcam, ..request(&folder.0, Source::Display(None)) };
    record_with(&SystemCapture::on_display(&display.name), wanted)
}

fn until(recording: &mut Recording, issue: impl Fn(&Issue) -> bool) {
    while !issue_of(recording.hear()).is_some_and(&issue) {}
}

fn is_lost(issue: &Issue) -> bool {
    matches!(issue, Issue::WebcamLost { .. })
}

/// A busy machine may lose pictures of the screen as well.
fn of_webcam(recording: &Recording) -> Vec<&Issue> {
    use Issue::{EncoderHurried, EncoderRelaxed, FramesDropped};
    let of_load = |t: &Issue| matches!(t, FramesDropped { .. } | EncoderHurried | EncoderRelaxed);
    recording.issues().into_iter().filter(|issue| !of_load(issue)).collect()
}

/// One decoded picture.
struct Seen {
    width: usize,
    pixels: Vec<u8>,
}

impl Seen {
    /// Returns the recorded picture of that moment.
    fn at(recording: &Recording, width: usize, seconds: f64) -> Self {
        let scratch = Folder::new();
        let path = scratch.0.join("seen");
        recording.join(&path);
        let stands = packets(&path).iter().map(|p| p.seconds).rfind(|begins| *begins <= seconds);
        Seen { width, pixels: picture(&path, &format!("{:.3}", stands.unwrap())) }
    }

    /// As good as encoding leaves it.
    fn is(&self, x: usize, y: usize, colour: [u8; 3]) -> bool {
        let at = (y * self.width + x) * 3;
        self.pixels[at..at + 3].iter().zip(colour).all(|(is, wanted)| is.abs_diff(wanted) < 60)
    }
}

fn rgb(colour: u32) -> [u8; 3] {
    let [_, red, green, blue] = colour.to_be_bytes();
    [red, green, blue]
}

/// Waits until the newest sealed picture shows that.
fn until_seen(recording: &mut Recording, width: usize, is_it: impl Fn(&Seen) -> bool) {
    let last = Instant::now() + PATIENCE;
    loop {
        let sealed = recording.segments().len();
        recording.wait_for_segments(sealed + 1);
        if is_it(&Seen::at(recording, width, f64::INFINITY)) {
            return;
        }
        assert!(Instant::now() < last, "it is not to be seen: {:?}", recording.issues());
    }
}

fn it_stands_where_it_is_wanted() {
    const WIDTH: usize = 801;
    let session = Session::begin();
    let _bars = Camera::bars(&session, "desk");
    let _green = Camera::green(&session, "door");
    let named: Vec<String> =
        SystemCapture::new().cameras().unwrap().into_iter().map(|camera| camera.name).collect();
    assert!(named.contains(&"desk".into()) && named.contains(&"door".into()), "{named:?}");

    let display = Xvfb::start("801x453x24");
    display.connect().fill_root(SCREEN);
    let folder = Folder::new();
    let begun = Instant::now();
    let mut recording = begin(&display, &folder, shown("desk"));
    // 99 pixels wide, 9 from the edges: 693 to 792, 345 to 444.
    let at_the_right = |seen: &Seen| seen.is(705, 394, YELLOW) && seen.is(780, 394, RED);
    until_seen(&mut recording, WIDTH, at_the_right);

    let mut times = Vec::new();
    let mut record = |recording: &mut Recording, webcam: Webcam| {
        recording.control.set_webcam(webcam);
        let from = begun.elapsed();
        recording.hear_nothing_for(Duration::ZERO);
        while begun.elapsed() < from + A_WHILE {
            recording.hear_nothing_for(Duration::from_millis(50));
        }
        times.push((from + begun.elapsed()).as_secs_f64() / 2.0);
    };
    record(&mut recording, Webcam { mirrored: true, ..shown("desk") });
    let place = Place { right_permille: 0, down_permille: 0 };
    let large = Webcam { shape: Shape::Square, height_permille: 400, place, ..shown("desk") };
    record(&mut recording, large);
    let place = Place { right_permille: 500, down_permille: 0 };
    record(&mut recording, Webcam { place, ..shown("desk") });
    record(&mut recording, Webcam { shown: false, ..shown("desk") });
    recording.control.set_webcam(shown("door"));
    until_seen(&mut recording, WIDTH, |seen| seen.is(742, 394, [0, 255, 0]));
    assert_eq!(recording.stop().0, CaptureEnd::Stopped);
    assert_eq!(of_webcam(&recording), Vec::<&Issue>::new());
    recording.check_files();

    let screen = rgb(SCREEN);
    let seen: Vec<Seen> = times.iter().map(|at| Seen::at(&recording, WIDTH, *at)).collect();
    let [mirrored, large, free, off] = &seen[..] else { panic!("{}", seen.len()) };
    assert!(mirrored.is(705, 394, RED) && mirrored.is(780, 394, YELLOW));
    // A circle leaves its corners, a square nearly nothing.
    for (x, y) in [(697, 349), (788, 349), (697, 440), (788, 440)] {
        assert!(mirrored.is(x, y, screen), "{x} {y}");
    }
    // 181 pixels from the upper left corner.
    assert!(large.is(30, 100, YELLOW) && large.is(165, 100, RED) && large.is(25, 25, YELLOW));
    assert!(large.is(742, 394, screen) && large.is(200, 100, screen) && large.is(100, 200, screen));
    assert!(free.is(363, 58, YELLOW) && free.is(438, 58, RED) && free.is(30, 100, screen));
    assert!(off.pixels.chunks_exact(3).all(|pixel| pixel[2] > pixel[0] + 60), "it is still there");
}

fn it_may_go_and_come_back() {
    const WIDTH: usize = 640;
    let session = Session::begin();
    let display = Xvfb::start("640x360x24");
    display.connect().fill_root(SCREEN);
    let folder = Folder::new();
    let mut recording = begin(&display, &folder, shown("desk"));
    until(&mut recording, is_lost);
    assert_eq!(
        recording.issues()[0].to_string(),
        "The webcam was lost: 'desk' is not there. Recording continues without it"
    );
    // Another one is none.
    let _green = Camera::green(&session, "door");
    let bars = Camera::bars(&session, "desk");
    until(&mut recording, |issue| *issue == Issue::WebcamBack);
    let at_the_right = |seen: &Seen| seen.is(567, 313, YELLOW) && seen.is(622, 313, RED);
    until_seen(&mut recording, WIDTH, at_the_right);
    drop(bars);
    until(&mut recording, is_lost);
    until_seen(&mut recording, WIDTH, |seen| seen.is(594, 313, rgb(SCREEN)));
    let _bars = Camera::bars(&session, "desk");
    until(&mut recording, |issue| *issue == Issue::WebcamBack);
    until_seen(&mut recording, WIDTH, at_the_right);
    let (end, _) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    assert_eq!(of_webcam(&recording).len(), 4, "{:?}", recording.issues());
    recording.check_files();
}

fn what_stands_still_costs_nothing() {
    let session = Session::begin();
    let _bars = Camera::bars(&session, "desk");
    let display = Xvfb::start("640x360x24");
    let folder = Folder::new();
    let mut recording = begin(&display, &folder, shown("desk"));
    recording.wait_for_segments(3);
    let (_, counts) = recording.stop();
    // Begun, come, settled; then heartbeats, and now and then one more on a busy machine.
    assert!(counts.encoded < 30 && counts.unchanged > 60, "{counts:?}");
    assert_eq!(of_webcam(&recording), Vec::<&Issue>::new());

    let _snow = Camera::snow(&session, "snow", 10);
    let folder = Folder::new();
    let mut recording = begin(&display, &folder, shown("snow"));
    recording.wait_for_segments(3);
    let (_, counts) = recording.stop();
    // As many as the camera gives, not as many as there are looks.
    assert!((50..=80).contains(&counts.encoded), "{counts:?}");
}

fn preview_shows_the_camera() {
    let session = Session::begin();
    let _camera = Camera::bars(&session, "previewed");
    let preview =
        SystemCapture::new().preview_camera(Device::Named("previewed".to_owned())).unwrap();
    let picture = wait::until("a picture", || preview.picture().ok().flatten());
    let side = picture.side as usize;
    assert_eq!(picture.rgba.len(), side * side * 4);
    // The bars stand in the upper two thirds.
    for (x, colour) in [(side / 20, YELLOW), (side - side / 20, RED)] {
        let at = (side / 2 * side + x) * 4;
        let seen = &picture.rgba[at..at + 4];
        let is_it = seen.iter().zip(colour).all(|(is, wanted)| is.abs_diff(wanted) < 60);
        assert!(is_it && seen[3] == 255, "{seen:?} at {x}, not {colour:?}");
    }
    assert!(!preview.has_lapsed());
    wait::until_true("the camera to close, since nobody asks", || preview.has_lapsed());
}

fn preview_says_why_there_is_no_picture() {
    let _session = Session::begin();
    let preview = SystemCapture::new().preview_camera(Device::Named("nowhere".to_owned())).unwrap();
    let why = wait::until("a reason", || preview.picture().err());
    assert!(why.contains("'nowhere' is not there"), "{why}");
}
