//! CPU seconds for a recorded second at 1080p30, bits, memory and lost pictures: a page that scrolls, typing, moving
//! pictures, a still screen and a blinking cursor, beside ffmpeg, a plain GStreamer pipeline, OBS, and the encoder alone, fed
//! with the same screen's frames from memory.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use snaplark_tests::cost::{self, Use};
use snaplark_tests::display::Display;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, output};
use snaplark_tests::recorder::{Recorded, snaplark};
use snaplark_tests::{desk, numbers, peer_recorders, wait};

use crate::quality::Reference;
use crate::report::Area;
use crate::sides::{self, measured};

const SIZE: (u32, u32) = (1920, 1080);
const SECONDS: u32 = 10;
const ROUNDS: usize = 2;
const LIMIT: Duration = Duration::from_secs(120);
/// The folder of the raw frames, which is in memory: a gigabyte for each scene.
const MEMORY: &str = "/dev/shm";

const OURS: &str = "Snaplark";
const FFMPEG: &str = "ffmpeg, x11grab and libvpx";
const GST: &str = "gst-launch, ximagesrc and vp9enc";
const OBS: &str = "OBS, libvpx through ffmpeg";
const ENCODER: &str = "The encoder alone, from memory";

/// What the screen shows: a name, the numbered screen's scene, and its pictures a second.
struct Scene {
    name: &'static str,
    shows: &'static str,
    fps: u32,
    /// The numbers after which the scene repeats, if its pictures are compared.
    period: Option<u16>,
    /// The most of ffmpeg's CPU time that Snaplark may take.
    beside_ffmpeg_max: f64,
}

const SCENES: [Scene; 5] = [
    Scene {
        name: "scrolling page",
        shows: "scrolling",
        fps: 30,
        period: Some(135),
        beside_ffmpeg_max: 1.0,
    },
    Scene { name: "typing", shows: "typing", fps: 10, period: None, beside_ffmpeg_max: 1.0 },
    Scene { name: "video", shows: "video", fps: 30, period: Some(24), beside_ffmpeg_max: 1.0 },
    Scene { name: "still", shows: "work", fps: 0, period: None, beside_ffmpeg_max: 0.15 },
    Scene {
        name: "blinking cursor",
        shows: "cursor",
        fps: 2,
        period: None,
        beside_ffmpeg_max: 1.0,
    },
];

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "What a recorded second costs, 1080p30".to_owned();
    let home = Home::new()?;
    for (name, program, arg) in [
        ("ffmpeg", "ffmpeg", "-version"),
        ("GStreamer", "gst-launch-1.0", "--version"),
        ("OBS", "obs", "--version"),
    ] {
        area.versions.insert(name.to_owned(), sides::version(&home, program, arg)?);
    }
    let scenes = area.much(&SCENES[..], &SCENES[2..4]);
    for round in 0..area.much(ROUNDS, 1) {
        for scene in scenes {
            area.progress(&format!("round {}, {}", round + 1, scene.name));
            record(area, scene, round == 0)?;
        }
    }
    for scene in scenes {
        let cpu = |side| area.median(&figure(scene), side);
        let (ours, ffmpeg, gst, obs) = (cpu(OURS)?, cpu(FFMPEG)?, cpu(GST)?, cpu(OBS)?);
        let most = Some(scene.beside_ffmpeg_max);
        area.aim(&format!("CPU beside ffmpeg, {}", scene.name), ours / ffmpeg, None, most);
        area.aim(&format!("CPU beside gst-launch, {}", scene.name), ours / gst, None, Some(1.0));
        area.aim(&format!("CPU beside OBS, {}", scene.name), ours / obs, None, Some(1.0));
        if scene.fps == peer_recorders::FPS {
            let limit = area.median(&figure(scene), ENCODER)?;
            let text = format!("CPU beside the encoder alone, {}", scene.name);
            area.aim(&text, ours / limit, None, Some(1.15));
            let near = |side| area.median(&format!("PSNR, {}", scene.name), side);
            let beside = near(OURS)? - near(FFMPEG)?;
            let text = format!("PSNR above ffmpeg's in dB, {}", scene.name);
            area.aim(&text, beside, Some(0.0), None);
            let missing = area.median(&missing(scene), OURS)?;
            area.aim(
                &format!("Pictures missing in percent, {}", scene.name),
                missing,
                None,
                Some(0.0),
            );
        }
    }
    area.left_out.push(
        "The screen changes 30 times a second by a clock of its own, so a recorder of 30 frames a second misses a few \
         pictures at the seams. The encoder alone is run once, where all of the screen moves. Pictures are compared once, \
         on the middle of the screen, in RGB, each side at its own bits. OBS composes its picture by software here, which a \
         graphics card would do. vokoscreenNG and simplescreenrecorder are not run."
            .to_owned(),
    );
    Ok(())
}

fn figure(scene: &Scene) -> String {
    format!("CPU for a recorded second, {}", scene.name)
}

fn missing(scene: &Scene) -> String {
    format!("Pictures missing, {}", scene.name)
}

/// Records one scene by each side, one after the other. The first time the pictures are compared, and the encoder is
/// run alone where the scene moves all the time: both take longer than the recordings.
fn record(area: &mut Area, scene: &Scene, is_first: bool) -> Result<()> {
    let mut home = Home::new()?;
    let _display = Display::start(&mut home, SIZE.0, SIZE.1)?;
    let _painter = desk::paint_scene(&home, scene.fps, scene.shows)?;
    let period = scene.period.filter(|_| is_first);
    let reference = period.map(|period| Reference::capture(&home, SIZE, period)).transpose()?;
    let note = |area: &mut Area, side: &str, used: &Use, file: &Path| -> Result<()> {
        note(area, scene, side, used, file)?;
        if let Some(reference) = &reference {
            let near = reference.psnr_db(&home, file)?;
            area.add(&format!("PSNR, {}", scene.name), side, "dB", near);
        }
        Ok(())
    };

    let seconds = SECONDS.to_string();
    let args = ["record", "--seconds", &seconds, "--json", "--no-upload"];
    let used = measured(&home, "snaplark", snaplark(&home, None, &args)?)?;
    let file = Recorded::read(&used.said)?.file.context("no file")?;
    note(area, OURS, &used, &file)?;

    let file = home.path().join("ffmpeg.webm");
    let used = measured(&home, "ffmpeg", peer_recorders::ffmpeg(&home, SIZE, SECONDS, &file))?;
    note(area, FFMPEG, &used, &file)?;

    let file = home.path().join("gst.webm");
    let used = measured(&home, "gst", peer_recorders::gst_launch(&home, SIZE, SECONDS, &file))?;
    note(area, GST, &used, &file)?;

    let (used, file) = obs(&home)?;
    note(area, OBS, &used, &file)?;

    if is_first && scene.fps == peer_recorders::FPS {
        let raw = Raw::keep(&home)?;
        let used = measured(&home, "encoder", peer_recorders::encoder_alone(&home, SIZE, &raw.0))?;
        let cpu = used.cpu.as_secs_f64() / f64::from(SECONDS);
        area.add(&figure(scene), ENCODER, "s", cpu);
    }
    Ok(())
}

/// Has OBS record for as long as the others, and measures it from the first byte of its file. It has no option to end by
/// itself, so it is killed.
fn obs(home: &Home) -> Result<(Use, PathBuf)> {
    let folder = home.path().join("obs-recordings");
    std::fs::create_dir(&folder)?;
    let obs = peer_recorders::obs_recording(home, SIZE, &folder)?;
    let mut process = Process::start(home, "obs", obs)?;
    let file = wait::until("OBS to record", LIMIT, || {
        let files = std::fs::read_dir(&folder)?.flatten();
        let has_begun = |file: &DirEntry| file.metadata().is_ok_and(|known| known.len() > 0);
        Ok(files.into_iter().find(has_begun).map(|file| file.path()))
    })?;
    let (begun, before) = (Instant::now(), cost::cpu(process.id())?);
    wait::pass("OBS to record", Duration::from_secs(SECONDS.into()))?;
    let cpu = cost::cpu(process.id())? - before;
    let peak_kib = cost::peak_kib(process.id())?;
    process.kill()?;
    Ok((Use { time: begun.elapsed(), cpu, peak_kib, said: String::new() }, file))
}

fn note(area: &mut Area, scene: &Scene, side: &str, used: &Use, file: &Path) -> Result<()> {
    let bytes = std::fs::metadata(file)?.len();
    ensure!(bytes > 0, "{} is empty", file.display());
    let cpu = used.cpu.as_secs_f64() / f64::from(SECONDS);
    area.add(&figure(scene), side, "s", cpu);
    let kilobits = bytes as f64 * 8.0 / 1_000.0 / f64::from(SECONDS);
    area.add(&format!("Bits a second, {}", scene.name), side, "kbit/s", kilobits);
    let memory = used.peak_kib as f64 / 1024.0;
    area.add(&format!("Memory, {}", scene.name), side, "MiB", memory);
    if scene.fps == peer_recorders::FPS {
        let (span, lost) = numbers::read_file(file, SIZE)?.missing()?;
        let percent = 100.0 * f64::from(lost) / f64::from(span);
        area.add(&missing(scene), side, "%", percent);
    }
    Ok(())
}

/// The screen's frames as they are, in a file in memory that is removed with this.
struct Raw(PathBuf);

impl Raw {
    fn keep(home: &Home) -> Result<Self> {
        let raw = Raw(Path::new(MEMORY).join(format!("snaplark-{}.i420", std::process::id())));
        output(peer_recorders::raw(home, SIZE, SECONDS, &raw.0), LIMIT)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}
