//! A sound server of its own for each test, what plays there, and what a recording heard of it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{Folder, Xvfb, wait};

/// Its devices: the output `speakers`, and what tests add.
pub struct SoundServer {
    daemon: Child,
    pub folder: Folder,
}

impl SoundServer {
    pub fn start() -> Self {
        let folder = Folder::new();
        let socket = folder.0.join("native");
        let protocol =
            format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
        let speakers =
            "module-null-sink sink_name=speakers sink_properties=device.description=Speakers";
        let daemon = Command::new("pulseaudio")
            .args(["--daemonize=no", "-n", "--use-pid-file=no", "--exit-idle-time=-1", "-L"])
            .args([&protocol, "-L", speakers])
            .env("XDG_RUNTIME_DIR", &folder.0)
            .env("HOME", &folder.0)
            .env_remove("DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is needed for this test");
        let server = SoundServer { daemon, folder };
        wait::until_true("pulseaudio", || server.pactl(&["info"]).status.success());
        server
    }

    pub fn name(&self) -> String {
        format!("unix:{}", self.folder.0.join("native").display())
    }

    /// Answers with the module's number.
    pub fn load(&self, module: &[&str]) -> String {
        let output = self.pactl(&[&["load-module"], module].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn unload(&self, module: &str) {
        assert!(self.pactl(&["unload-module", module]).status.success());
    }

    pub fn pactl(&self, arguments: &[&str]) -> std::process::Output {
        Command::new("pactl").arg("-s").arg(self.name()).args(arguments).output().unwrap()
    }

    pub fn kill(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Something that plays until it is dropped.
pub struct Player(gst::Pipeline);

impl Player {
    pub fn start(description: &str) -> Self {
        gst::init().unwrap();
        let pipeline = gst::parse::launch(description).unwrap().downcast().unwrap();
        let player = Player(pipeline);
        player.0.set_state(gst::State::Playing).unwrap();
        let (changed, _, _) = player.0.state(gst::ClockTime::from_seconds(20));
        changed.unwrap();
        player
    }

    /// As any player of videos would: at each whole second a beep, and the screen turns from black
    /// to white or back.
    pub fn flash_and_beep(display: &Xvfb, server: &SoundServer, hz: u32) -> Self {
        let beep = beep(hz);
        Player::start(&format!(
            "{beep} ! pulsesink device=speakers server={} \
             videotestsrc pattern=blink ! video/x-raw,framerate=1/1,width=320,height=240 \
             ! ximagesink display={}",
            server.name(),
            display.name,
        ))
    }

    pub fn tone(server: &SoundServer, sink: &str, hz: u32) -> Self {
        Player::start(&format!(
            "audiotestsrc freq={hz} volume=0.3 ! pulsesink device={sink} server={}",
            server.name()
        ))
    }
}

impl Player {
    /// That much more of it.
    pub fn wait_until_played(&self, time: Duration) {
        let position = || self.0.query_position::<gst::ClockTime>().unwrap_or_default();
        let wanted = position() + gst::ClockTime::try_from(time).unwrap();
        wait::until_true("the player's position", || position() >= wanted);
    }
}

fn beep(hz: u32) -> String {
    let periods = hz / 20;
    format!(
        "audiotestsrc wave=ticks freq={hz} volume=0.4 tick-interval=1000000000 \
         sine-periods-per-tick={periods} ! audio/x-raw,rate=48000"
    )
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// A microphone whose clock is wrong: it delivers `rate` frames a second that it calls 48,000. At
/// each whole second of the computer's clock it hears a beep, and the screen's right half turns from
/// black to white or back.
pub struct WrongMicrophone {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    pub module: String,
}

impl WrongMicrophone {
    pub fn plug_in(display: &Xvfb, server: &SoundServer, name: &str, rate: f64, hz: f64) -> Self {
        let fifo = server.folder.0.join(format!("{name}.fifo"));
        let module = server.load(&[
            "module-pipe-source",
            &format!("source_name={name}"),
            &format!("file={}", fifo.display()),
            "format=s16le",
            "rate=48000",
            "channels=1",
        ]);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut pipe = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        let painter = display.connect();
        let thread = std::thread::spawn(move || {
            use std::io::Write;
            let mut painted = 0;
            let start = Instant::now();
            let mut sent = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                let due = (start.elapsed().as_secs_f64() * rate) as u64;
                let bytes: Vec<u8> = (sent..due)
                    .flat_map(|n| {
                        let second = n as f64 / rate;
                        let loud = second.fract() < 0.05;
                        let turn = second * hz * std::f64::consts::TAU;
                        let value = if loud { turn.sin() * 0.4 } else { 0.0 };
                        ((value * 32_767.0) as i16).to_le_bytes()
                    })
                    .collect();
                sent = due;
                let second = start.elapsed().as_secs();
                if second > painted {
                    painted = second;
                    let grey = if second.is_multiple_of(2) { 0 } else { 0xFF_FF_FF };
                    painter.fill(painter.screen.root, grey, 320, 0, 320, 240);
                }
                if pipe.write_all(&bytes).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        WrongMicrophone { stop, thread: Some(thread), module }
    }
}

impl Drop for WrongMicrophone {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

fn ffmpeg(path: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(arguments)
        .arg("-")
        .output()
        .expect("ffmpeg is needed for this test");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{path:?}");
    output.stdout
}

/// The sound of that band, sample by sample at 48 kHz from the recording's beginning on.
pub fn heard(path: &Path, hz: u32) -> Vec<f32> {
    let band = format!("bandpass=f={hz}:width_type=h:w={}", hz / 2);
    // Once would let much of the others through.
    let filter = format!("aresample=async=1:first_pts=0,{band},{band},{band}");
    let bytes = ffmpeg(path, &["-af", &filter, "-ac", "1", "-ar", "48000", "-f", "f32le"]);
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// How loud that band is from the one second to the other, at the loudest.
pub fn loudness(path: &Path, hz: u32, from: f64, to: f64) -> f32 {
    let samples = heard(path, hz);
    let place = |seconds: f64| ((seconds * 48_000.0) as usize).min(samples.len());
    samples[place(from)..place(to)].iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// When that band set in, in seconds, each time after at least 0.3 s of silence.
pub fn beeps(path: &Path, hz: u32) -> Vec<f64> {
    let mut quiet = 0_u32;
    let mut onsets = Vec::new();
    for (n, value) in heard(path, hz).iter().enumerate() {
        if value.abs() < 0.06 {
            quiet += 1;
            continue;
        }
        if quiet > 14_400 {
            onsets.push(n as f64 / 48_000.0);
        }
        quiet = 0;
    }
    onsets
}

/// The mean colour of each frame.
pub fn colours(path: &Path) -> Vec<[u8; 3]> {
    let raw = ["-an", "-vf", "scale=1:1", "-vsync", "0", "-enc_time_base", "-1"];
    let bytes = ffmpeg(path, &[&raw[..], &["-f", "rawvideo", "-pix_fmt", "rgb24"]].concat());
    bytes.as_chunks().0.to_vec()
}

/// When the picture turned from black to white or back there, in seconds.
pub fn flashes(path: &Path, x: u32) -> Vec<f64> {
    let filter = &format!("crop=160:120:{x}:0,scale=1:1");
    let raw = ["-an", "-vf", filter, "-vsync", "0", "-enc_time_base", "-1"];
    let gray = ["-f", "rawvideo", "-pix_fmt", "gray"];
    let pixels = ffmpeg(path, &[&raw[..], &gray].concat());
    let times = super::packets(path);
    assert_eq!(pixels.len(), times.len());
    (1..pixels.len())
        .filter(|n| (pixels[*n] > 128) != (pixels[n - 1] > 128))
        .map(|n| times[n].seconds)
        .collect()
}
