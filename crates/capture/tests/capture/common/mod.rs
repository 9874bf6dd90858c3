//! A display of its own for each test, someone who paints on it, and what a recording left behind.

pub mod sound;
pub mod wait;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use snaplark_capture::SystemCapture;
use snaplark_core::capture::*;
use snaplark_core::overlay::*;
use x11rb::connection::Connection;
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::xproto::*;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Xvfb {
    pub name: String,
    server: Child,
}

/// One that is chosen by the server may be that of one that ends, which then takes the new one's
/// socket away.
fn number_of_its_own() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(":{}", 1_000 + std::process::id() % 5_000 * 10 + count % 10)
}

impl Xvfb {
    pub fn start(screen: &str) -> Self {
        Xvfb::start_without(screen, &[])
    }

    pub fn start_without(screen: &str, extensions: &[&str]) -> Self {
        let mut server = Command::new("Xvfb")
            .args([&number_of_its_own(), "-displayfd", "1", "-screen", "0", screen])
            .args(["-nolisten", "tcp", "-noreset"])
            .args(extensions.iter().flat_map(|extension| ["-extension", extension]))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is needed for this test");
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.trim().is_empty(), "Xvfb did not start");
        Xvfb { name: format!(":{}", line.trim()), server }
    }

    pub fn connect(&self) -> Painter {
        let (connection, screen) = RustConnection::connect(Some(&self.name)).unwrap();
        let screen = connection.setup().roots[screen].clone();
        let gc = connection.generate_id().unwrap();
        connection.create_gc(gc, screen.root, &CreateGCAux::new()).unwrap();
        Painter { connection, screen, gc }
    }

    /// "STOP": it hangs. "CONT": it goes on.
    pub fn signal(&self, name: &str) {
        let arguments = [format!("-{name}"), self.server.id().to_string()];
        assert!(Command::new("kill").args(arguments).status().unwrap().success());
    }

    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

pub struct Painter {
    pub connection: RustConnection,
    pub screen: Screen,
    gc: u32,
}

impl Painter {
    /// Returns when it is on the screen.
    pub fn fill(&self, drawable: u32, rgb: u32, x: i16, y: i16, width: u16, height: u16) {
        let colour = ChangeGCAux::new().foreground(rgb);
        self.connection.change_gc(self.gc, &colour).unwrap();
        let rectangle = Rectangle { x, y, width, height };
        self.connection.poly_fill_rectangle(drawable, self.gc, &[rectangle]).unwrap();
        self.connection.sync().unwrap();
    }

    pub fn fill_root(&self, rgb: u32) {
        let (width, height) = (self.screen.width_in_pixels, self.screen.height_in_pixels);
        self.fill(self.screen.root, rgb, 0, 0, width, height);
    }

    /// A page of text, another for each number.
    pub fn page(&self, number: u32) {
        let font = self.connection.generate_id().unwrap();
        self.connection.open_font(font, b"fixed").unwrap();
        let ink = ChangeGCAux::new().foreground(0).background(0xFF_FF_FF).font(font);
        self.fill_root(0xFF_FF_FF);
        self.connection.change_gc(self.gc, &ink).unwrap();
        let columns = usize::from(self.screen.width_in_pixels / 6).min(255);
        let mut letter = number.wrapping_mul(0x9E37_79B9) | 1;
        for y in (14..self.screen.height_in_pixels).step_by(14) {
            let mut line = Vec::new();
            for _ in 0..columns {
                letter = letter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                line.push(b' ' + (letter >> 24) as u8 % 95);
            }
            self.connection.image_text8(self.screen.root, self.gc, 0, y as i16, &line).unwrap();
        }
        self.connection.sync().unwrap();
    }

    /// The screen's pixels, red, green and blue in the lower three bytes of each.
    pub fn pixels(&self) -> Vec<u32> {
        let (width, height) = (self.screen.width_in_pixels, self.screen.height_in_pixels);
        let (format, root) = (ImageFormat::Z_PIXMAP, self.screen.root);
        let asked = self.connection.get_image(format, root, 0, 0, width, height, !0).unwrap();
        let bytes = asked.reply().unwrap().data;
        let pixel = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        bytes.chunks_exact(4).map(pixel).collect()
    }

    /// How bright each pixel of the screen is, as a video of it says.
    pub fn brightness(&self) -> Vec<u8> {
        let (width, height) = (self.screen.width_in_pixels, self.screen.height_in_pixels);
        let format = ImageFormat::Z_PIXMAP;
        let root = self.screen.root;
        let asked = self.connection.get_image(format, root, 0, 0, width, height, !0).unwrap();
        let pixels = asked.reply().unwrap().data;
        let luma = |pixel: &[u8]| {
            let [blue, green, red] = [pixel[0], pixel[1], pixel[2]].map(f64::from);
            (16.0 + (0.2126 * red + 0.7152 * green + 0.0722 * blue) * 219.0 / 255.0).round() as u8
        };
        pixels.chunks_exact(4).map(luma).collect()
    }

    pub fn window(&self, x: i16, y: i16, width: u16, height: u16) -> u32 {
        let window = self.connection.generate_id().unwrap();
        let values = CreateWindowAux::new().override_redirect(1).background_pixel(0x20_60_a0);
        self.connection
            .create_window(
                0,
                window,
                self.screen.root,
                x,
                y,
                width,
                height,
                0,
                WindowClass::INPUT_OUTPUT,
                0,
                &values,
            )
            .unwrap();
        self.connection.map_window(window).unwrap();
        self.connection.sync().unwrap();
        window
    }

    pub fn divide_into_monitors(&self, monitors: &[(i16, i16, u16, u16)]) {
        for (n, (x, y, width, height)) in monitors.iter().enumerate() {
            let name = format!("part-{n}");
            let name =
                self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap();
            let info = randr::MonitorInfo {
                name: name.atom,
                primary: false,
                automatic: false,
                x: *x,
                y: *y,
                width: *width,
                height: *height,
                width_in_millimeters: 100,
                height_in_millimeters: 100,
                // The server's one output goes to the first.
                outputs: if n == 0 { self.outputs() } else { Vec::new() },
            };
            let set = self.connection.randr_set_monitor(self.screen.root, info).unwrap();
            set.check().unwrap();
        }
    }

    fn outputs(&self) -> Vec<u32> {
        let resources = self.connection.randr_get_screen_resources(self.screen.root).unwrap();
        resources.reply().unwrap().outputs
    }

    pub fn resize_screen(&self, width: u16, height: u16) {
        let resources =
            self.connection.randr_get_screen_resources(self.screen.root).unwrap().reply().unwrap();
        let crtc = resources.crtcs[0];
        // Off: a screen can't be smaller than what is shown on it.
        self.connection
            .randr_set_crtc_config(crtc, 0, 0, 0, 0, 0, randr::Rotation::ROTATE0, &[])
            .unwrap()
            .reply()
            .unwrap();
        let sized =
            self.connection.randr_set_screen_size(self.screen.root, width, height, 100, 100);
        sized.unwrap().check().unwrap();
    }

    /// Something new on the root window so many times a second, until it is dropped.
    pub fn keep_painting(self, per_second: u32) -> Moving {
        let stop = Arc::new(AtomicBool::new(false));
        let painted = Arc::new(AtomicU32::new(0));
        let (stopped, count) = (stop.clone(), painted.clone());
        let thread = std::thread::spawn(move || {
            let start = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                let n = count.fetch_add(1, Ordering::Relaxed);
                for band in 0..8_u32 {
                    let rgb = (n * 77 + band * 31).wrapping_mul(0x9E_37_79) & 0xFF_FF_FF;
                    let x = ((n * 16 + band * 90) % 600) as i16;
                    self.fill(self.screen.root, rgb, x, (band * 40) as i16, 80, 30);
                }
                let next = start + Duration::from_secs(1) * (n + 1) / per_second;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Moving { stop, thread: Some(thread), painted }
    }
}

pub struct Moving {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    pub painted: Arc<AtomicU32>,
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // It fails where a test took its display away.
        let _ = self.thread.take().unwrap().join();
    }
}

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("snaplark-capture-{}-{n}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Folder(path),
                // Left by an earlier process of this number: a bus outlives its test for a moment.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn request(folder: &Path, source: Source) -> CaptureRequest {
    CaptureRequest {
        folder: folder.to_owned(),
        spare_folder: None,
        source,
        fps: 30,
        bitrate_bits: 2_500_000,
        hardware_encoding: false,
        picture_size: None,
        lines_max: None,
        pointer: false,
        pointer_positions: false,
        sound: Sound::default(),
        webcam: Webcam::default(),
        marks: Marks::default(),
        permission: None,
        abandoned: Abandoned::default(),
    }
}

/// A recording under way, and what it has said so far.
pub struct Recording {
    pub folder: PathBuf,
    pub control: Box<dyn CaptureControl>,
    pub heard: Vec<CaptureEvent>,
    events: Receiver<CaptureEvent>,
}

pub fn record(display: &Xvfb, request: CaptureRequest) -> Recording {
    record_with(&SystemCapture::on_display(&display.name), request)
}

pub fn record_with(capture: &SystemCapture, request: CaptureRequest) -> Recording {
    let (sender, events) = channel();
    let folder = request.folder.clone();
    let sink: CaptureSink = Box::new(move |event| drop(sender.send(event)));
    let control = capture.start(request, sink).unwrap();
    Recording { folder, control, heard: Vec::new(), events }
}

impl Recording {
    pub fn hear(&mut self) -> &CaptureEvent {
        let event = self.events.recv_timeout(PATIENCE).expect("an event");
        self.heard.push(event);
        self.heard.last().unwrap()
    }

    /// Until the recording has said nothing for so long.
    pub fn hear_nothing_for(&mut self, time: Duration) {
        while let Ok(event) = self.events.recv_timeout(time) {
            self.heard.push(event);
        }
    }

    pub fn wait_for_segments(&mut self, count: usize) {
        while self.segments().len() < count {
            let event = self.hear();
            assert!(!matches!(event, CaptureEvent::Ended { .. }), "{event:?}");
        }
    }

    pub fn segments(&self) -> Vec<&SealedSegment> {
        self.heard
            .iter()
            .filter_map(|event| match event {
                CaptureEvent::SegmentSealed(segment) => Some(segment),
                _ => None,
            })
            .collect()
    }

    pub fn issues(&self) -> Vec<&Issue> {
        self.heard.iter().filter_map(issue_of).collect()
    }

    pub fn stop(&mut self) -> (CaptureEnd, FrameCounts) {
        self.control.stop();
        self.wait_for_end()
    }

    /// Also holds the events to the order that the port promises.
    pub fn wait_for_end(&mut self) -> (CaptureEnd, FrameCounts) {
        let (end, counts) = loop {
            if let CaptureEvent::Ended { end, counts } = self.hear() {
                break (end.clone(), *counts);
            }
        };
        assert!(self.events.recv_timeout(PATIENCE).is_err(), "something after the end");
        assert!(matches!(self.heard[0], CaptureEvent::Started { .. }), "{:?}", self.heard[0]);
        for (n, segment) in (0..).zip(self.segments()) {
            assert_eq!(segment.index, n);
        }
        (end, counts)
    }

    /// Everything that must be true of any recording that ended.
    pub fn check_files(&self) {
        let scratch = Folder::new();
        let init = self.read(snaplark_core::INIT_FILE);
        let mut frames = 0;
        for segment in self.segments() {
            let bytes = self.read(&snaplark_core::segment_file(segment.index));
            let alone = scratch.0.join("alone.webm");
            fs::write(&alone, [init.as_slice(), &bytes].concat()).unwrap();
            let packets = packets(&alone);
            assert!(packets[0].keyframe);
            assert_eq!(decode(&alone), packets.len());
            frames += packets.len();
        }
        assert_eq!(self.check_whole(), frames);
    }

    /// As `check_files`, but without a decoder for each segment. Answers with the number of frames.
    pub fn check_whole(&self) -> usize {
        let mut names: Vec<String> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let mut expected: Vec<String> =
            self.segments().iter().map(|s| snaplark_core::segment_file(s.index)).collect();
        expected.push(snaplark_core::INIT_FILE.to_owned());
        assert_eq!(names, expected);

        let mut next_ms = 0;
        for segment in self.segments() {
            let bytes = self.read(&snaplark_core::segment_file(segment.index));
            assert_eq!(bytes.len() as u64, segment.size_bytes);
            assert_eq!(segment.start_ms, next_ms, "segments leave no gap");
            next_ms += segment.duration_ms;
            let [cluster] = snaplark_formats::webm::index(&bytes).unwrap().clusters[..] else {
                panic!("not one cluster")
            };
            assert!(cluster.starts_with_keyframe);
            assert_eq!((cluster.start_ms, cluster.end_ms), (segment.start_ms, next_ms));
        }
        let scratch = Folder::new();
        let path = scratch.0.join("whole.webm");
        self.join(&path);
        let times: Vec<f64> = packets(&path).iter().map(|p| p.seconds).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "times run backwards: {times:?}");
        assert_eq!(decode(&path), times.len());
        times.len()
    }

    /// init and segments as one file.
    pub fn join(&self, path: &Path) {
        let mut whole = self.read(snaplark_core::INIT_FILE);
        for segment in self.segments() {
            whole.extend(self.read(&snaplark_core::segment_file(segment.index)));
        }
        fs::write(path, whole).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }
}

pub fn issue_of(event: &CaptureEvent) -> Option<&Issue> {
    match event {
        CaptureEvent::IssueNoticed { issue, .. } => Some(issue),
        _ => None,
    }
}

pub struct Packet {
    pub seconds: f64,
    pub keyframe: bool,
}

pub fn packets(path: &Path) -> Vec<Packet> {
    let video = ["-select_streams", "v", "-show_entries", "packet=pts_time,flags"];
    let shown = ffprobe(path, &video);
    shown
        .lines()
        .map(|line| {
            let (seconds, flags) = line.split_once(',').unwrap();
            Packet { seconds: seconds.parse().unwrap(), keyframe: flags.contains('K') }
        })
        .collect()
}

/// The number of frames that a decoder makes of it, without a word of complaint.
pub fn decode(path: &Path) -> usize {
    let counted = ["-count_frames", "-show_entries", "stream=nb_read_frames"];
    // Sound is decoded, too.
    let shown = ffprobe(path, &counted);
    shown.lines().next().unwrap().trim().trim_end_matches(',').parse().unwrap()
}

pub fn ffprobe(path: &Path, ask: &[&str]) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(ask)
        .arg(path)
        .output()
        .expect("ffprobe is needed for this test");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{path:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The frame that is shown at that moment, as rows of RGB.
pub fn picture(path: &Path, seconds: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-ss", seconds, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .expect("ffmpeg is needed for this test");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{path:?}");
    output.stdout
}

/// The brightness of each frame's pixels.
pub fn frames_brightness(path: &Path, pixels: usize) -> Vec<Vec<u8>> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-vf", "extractplanes=y", "-vsync", "0", "-enc_time_base", "-1"])
        .args(["-f", "rawvideo", "-pix_fmt", "gray", "-"])
        .output()
        .expect("ffmpeg is needed for this test");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{path:?}");
    output.stdout.chunks_exact(pixels).map(<[u8]>::to_vec).collect()
}

/// How near the one picture is to the other, in decibels: a blur of text has 30, from 38 on nobody
/// sees a difference.
pub fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let off: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) * a.len() as f64 / off.max(1.0)).log10()
}
