//! A sound server of the home's own, PulseAudio or PipeWire, with virtual devices: speakers that can be
//! listened to, and a microphone that hears a tone. It runs until it is dropped.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::process::{Process, command, finish, output};
use crate::{session, wait};

/// The frequency of the microphone's tone.
pub const TONE_HZ: u32 = 440;
const START: Duration = Duration::from_secs(30);
const RATE: u32 = 8_000;
const VARIABLE: &str = "PULSE_SERVER";

/// The sound server of a desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    PulseAudio,
    /// Its replacement of PulseAudio, with the session's PipeWire behind it.
    PipeWire,
    /// None answers, and none can be started.
    Missing,
}

/// Starts the sound server and makes it the home's. PipeWire requires a session bus. The microphone's tone
/// begins about two seconds later (`hears_tone`).
pub fn start(home: &mut Home, which: Server) -> Result<Vec<Process>> {
    match which {
        Server::PulseAudio => pulseaudio(home).map(|daemon| vec![daemon]),
        Server::PipeWire => pipewire(home),
        Server::Missing => {
            let nowhere = format!("unix:{}", home.path().join("run/no-sound").display());
            home.set(VARIABLE, &nowhere);
            Ok(Vec::new())
        }
    }
}

fn pulseaudio(home: &mut Home) -> Result<Process> {
    let socket = home.path().join("run/sound");
    let mut daemon = command(home, "pulseaudio");
    daemon.env_remove("DISPLAY").args(["--daemonize=no", "-n", "--use-pid-file=no"]);
    daemon.arg("--exit-idle-time=-1");
    // Not module-sine-source, since a recorder gets silence with bursts of the tone from it.
    for module in [
        format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()),
        "module-null-sink sink_name=speakers sink_properties=device.description=Speakers".into(),
        "module-null-sink sink_name=tone".into(),
        format!("module-sine sink=tone frequency={TONE_HZ}"),
        "module-remap-source master=tone.monitor source_name=microphone".into(),
    ] {
        daemon.args(["-L", &module]);
    }
    let daemon = Process::start(home, "pulseaudio", daemon)?;
    home.set(VARIABLE, &format!("unix:{}", socket.display()));
    answers(home)?;
    control(home, &DEFAULTS)?;
    Ok(daemon)
}

/// Starts PipeWire. The microphone listens to a second pair of speakers, which play the tone.
fn pipewire(home: &mut Home) -> Result<Vec<Process>> {
    let mut servers = session::media(home)?;
    let server = Process::start(home, "pipewire-pulse", command(home, "pipewire-pulse"))?;
    servers.insert(0, server);
    let socket = home.path().join("run/pulse/native");
    home.set(VARIABLE, &format!("unix:{}", socket.display()));
    answers(home)?;
    control(
        home,
        &[
            &["load-module", "module-null-sink", "sink_name=speakers"],
            &["load-module", "module-null-sink", "sink_name=tone"],
            &[
                "load-module",
                "module-remap-source",
                "master=tone.monitor",
                "source_name=microphone",
            ],
        ],
    )?;
    control(home, &DEFAULTS)?;
    let mut play = command(home, "gst-launch-1.0");
    play.args(["-q", "audiotestsrc", "is-live=true", &format!("freq={TONE_HZ}"), "volume=0.8"]);
    play.args(["!", "pulsesink", "device=tone"]);
    servers.insert(0, Process::start(home, "tone", play)?);
    Ok(servers)
}

const DEFAULTS: [&[&str]; 2] =
    [&["set-default-sink", "speakers"], &["set-default-source", "microphone"]];

fn control(home: &Home, orders: &[&[&str]]) -> Result<()> {
    for order in orders {
        let mut control = command(home, "pactl");
        control.args(*order);
        output(control, START)?;
    }
    Ok(())
}

/// Waits until the microphone hears its tone.
pub fn hears_tone(home: &Home) -> Result<()> {
    wait::until("the microphone's tone", START, || {
        let (share, _) = listen(home, "microphone", Duration::from_millis(300))?;
        Ok((share > 0.9).then_some(()))
    })
}

fn answers(home: &Home) -> Result<()> {
    wait::until("the sound server", START, || {
        let mut ask = command(home, "pactl");
        ask.arg("info");
        Ok(finish(&mut ask, START)?.status.success().then_some(()))
    })
}

/// Lists what plays and on what, for a test that failed to hear something.
pub fn streams(home: &Home) -> String {
    let list = |what: &[&str]| {
        let mut control = command(home, "pactl");
        control.args(what);
        output(control, START).unwrap_or_else(|error| format!("{error:#}"))
    };
    format!("{}\n{}", list(&["list", "short", "sinks"]), list(&["list", "sink-inputs"]))
}

/// Listens to the speakers for that time. Returns the share of the sound's power that is the tone,
/// and how loud it is, 1 at the most.
pub fn heard(home: &Home, time: Duration) -> Result<(f64, f64)> {
    listen(home, "speakers.monitor", time)
}

fn listen(home: &Home, device: &str, time: Duration) -> Result<(f64, f64)> {
    let mut listen = Command::new("parec");
    home.apply(&mut listen);
    listen.arg(format!("--device={device}"));
    listen.args(["--format=s16le", "--channels=1", "--raw"]);
    listen.arg(format!("--rate={RATE}")).arg("--latency-msec=20");
    let mut child = listen
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("parec can't be started")?;
    let bytes = (time.as_secs_f64() * f64::from(RATE)) as usize * 2;
    let mut sound = vec![0; bytes];
    let read = {
        use std::io::Read as _;
        let mut stdout = child.stdout.take().context("standard output is piped")?;
        stdout.read_exact(&mut sound)
    };
    child.kill().ok();
    child.wait()?;
    read.context("the speakers' sound ended")?;
    let samples = sound.as_chunks::<2>().0.iter();
    let samples: Vec<f64> =
        samples.map(|two| f64::from(i16::from_le_bytes(*two)) / 32_768.0).collect();
    Ok(tone(&samples))
}

/// Measures the tone like `heard`, by Goertzel's sum over its frequency.
fn tone(samples: &[f64]) -> (f64, f64) {
    let turn = f64::from(TONE_HZ) / f64::from(RATE) * std::f64::consts::TAU;
    let (mut sine, mut cosine, mut power, mut peak) = (0.0, 0.0, 0.0, 0.0_f64);
    for (n, sample) in samples.iter().enumerate() {
        let angle = turn * n as f64;
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
        power += sample * sample;
        peak = peak.max(sample.abs());
    }
    if power == 0.0 {
        return (0.0, 0.0);
    }
    (2.0 * (sine * sine + cosine * cosine) / (power * samples.len() as f64), peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(hz: f64) -> Vec<f64> {
        let at = |n: u32| f64::from(n) / f64::from(RATE) * hz * std::f64::consts::TAU;
        (0..RATE).map(|n| 0.5 * at(n).sin()).collect()
    }

    #[test]
    fn tone_is_told_from_silence_and_other_tones() {
        let (share, peak) = tone(&sound(f64::from(TONE_HZ)));
        assert!(share > 0.99 && peak > 0.49, "{share} {peak}");
        assert!(tone(&sound(700.0)).0 < 0.01);
        assert_eq!(tone(&[0.0; 100]), (0.0, 0.0));
    }
}
