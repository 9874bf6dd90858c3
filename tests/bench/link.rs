//! The time from the stop of a recording to its link, after 1, 10, 60 and 120 minutes, on loopback and on lines of 50, 10
//! and 2 Mbit/s, beside curl and tus-js-client, which have the whole file to send.
//!
//! A recorder uploads while it records. So all but the last segment are sent on an open line; then the line becomes
//! narrow, one more segment is recorded, and the recording is stopped. Segments have a tenth of their usual size.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use snaplark_tests::fake_capture::Clip;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, program};
use snaplark_tests::server::Server;
use snaplark_tests::shaped_line::{Shape, ShapedLine};

use crate::report::{Area, millis};
use crate::sides::{self, Nginx, TusServer, measured};

const ROUND_TRIP: Duration = Duration::from_millis(20);
/// Two seconds at 250 kbit/s.
const SEGMENT_BYTES: u64 = 62_500;
const SEGMENTS_A_MINUTE: u32 = 30;
/// At this pace the upload keeps up with the recording.
const EVERY_MS: u32 = 10;
const ROUNDS: usize = 2;
/// A whole file that takes longer than this isn't sent.
const WHOLE_MAX: Duration = Duration::from_secs(25);
/// One that takes longer than this is sent in the first round only: the line decides how long it takes.
const REPEATED_MAX: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(300);

const OURS: &str = "Snaplark";
const CURL: &str = "curl to nginx";
const TUS: &str = "tus-js-client to @tus/server";

/// The lines, with their rates in Mbit/s; loopback has none.
const LINES: [(&str, Option<u64>); 4] =
    [("loopback", None), ("50 Mbit/s", Some(50)), ("10 Mbit/s", Some(10)), ("2 Mbit/s", Some(2))];
/// The lengths, and whether they are measured on all lines.
const MINUTES: [(u32, bool); 4] = [(1, true), (10, true), (60, false), (120, true)];
/// The length that is measured in the first round only.
const ONCE_MINUTES: u32 = 60;
/// The lines on which all lengths are measured.
const ALL_LENGTHS: [&str; 2] = ["loopback", "10 Mbit/s"];

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "From the stop of a recording to its link".to_owned();
    let home = Home::new()?;
    for (name, version) in [
        ("tus-js-client", sides::npm_version("tus-js-client")?),
        ("@tus/server", sides::npm_version("@tus/server")?),
        ("curl", sides::version(&home, "curl", "--version")?),
    ] {
        area.versions.insert(name.to_owned(), version);
    }
    let clip = home.path().join("clip.ivf");
    Clip::at(&clip)?;
    let mut not_sent = Vec::new();
    for round in 0..area.much(ROUNDS, 1) {
        for (line, mbit) in LINES {
            let lengths = area.much(&MINUTES[..], &MINUTES[..2]);
            let lengths = lengths.iter().filter(|(_, all)| *all || ALL_LENGTHS.contains(&line));
            for (minutes, _) in lengths {
                if round > 0 && *minutes == ONCE_MINUTES {
                    continue;
                }
                let what = figure(*minutes, line);
                area.progress(&format!("round {}, {what}", round + 1));
                area.add(&what, OURS, "ms", ours(&clip, *minutes, mbit)?);
                let bytes = u64::from(minutes * SEGMENTS_A_MINUTE) * SEGMENT_BYTES;
                let whole = mbit.map_or(0, |mbit| bytes * 8 / (mbit * 1_000_000));
                if Duration::from_secs(whole) > WHOLE_MAX {
                    if round == 0 {
                        not_sent.push(format!("{minutes} minutes at {line} ({whole} s)"));
                    }
                    continue;
                }
                if round > 0 && Duration::from_secs(whole) > REPEATED_MAX {
                    continue;
                }
                let file = whole_file(&home, bytes)?;
                area.add(&what, CURL, "ms", curl(&file, mbit)?);
                area.add(&what, TUS, "ms", tus(&file, mbit)?);
            }
        }
    }
    if area.much(true, false) {
        for (line, mbit) in LINES {
            let longest = area.median(&figure(120, line), OURS)?;
            let flat = longest / area.median(&figure(1, line), OURS)?;
            area.aim(&format!("120 minutes beside 1, {line}"), flat, None, Some(1.2));
            if let Some(mbit) = mbit {
                let part = SEGMENT_BYTES as f64 * 8.0 / (mbit * 1_000) as f64;
                let most = part + 3.0 * millis(ROUND_TRIP);
                let text = format!("120 minutes beside one part and 3 round trips, {line}");
                area.aim(&text, longest / most, None, Some(1.0));
            }
        }
        let ratio = area.median(&figure(10, "10 Mbit/s"), CURL)?
            / area.median(&figure(10, "10 Mbit/s"), OURS)?;
        area.aim("curl beside Snaplark, 10 minutes at 10 Mbit/s", ratio, Some(1.0), None);
    }
    area.left_out.push(format!(
        "Segments have a tenth of their usual size, {SEGMENT_BYTES} bytes, so that all of it takes less than ten minutes. \
         60 minutes are measured on loopback and at 10 Mbit/s only. Files that were not sent whole, with what the line \
         alone would take: {}.",
        not_sent.join(", ")
    ));
    Ok(())
}

fn figure(minutes: u32, line: &str) -> String {
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!("Stop to link, {minutes} {unit}, {line}")
}

fn shape(mbit: Option<u64>) -> Shape {
    mbit.map_or(Shape::OPEN, |mbit| Shape {
        round_trip: ROUND_TRIP,
        bits_per_second: mbit * 1_000_000,
    })
}

/// Records and uploads, and returns the milliseconds from the stop to the link.
fn ours(clip: &Path, minutes: u32, mbit: Option<u64>) -> Result<f64> {
    let (home, at_server) = (Home::new()?, Home::new()?);
    let args = ["--parts-per-second", "100000", "--mp4", "never", "--video-size", "none"];
    let server = Server::start_with(&at_server, &args)?;
    let line = ShapedLine::start_up(sides::free_address()?, server.address, Shape::OPEN)?;
    let mut record = command(&home, program("fake-recorder")?);
    record.arg("--home").arg(home.snaplark()).arg("--clip").arg(clip);
    record.args(["--server", &format!("http://{}", line.address()), "--token", &server.token]);
    record.args(["--segments", &(minutes * SEGMENTS_A_MINUTE).to_string(), "--time-link"]);
    record.args(["--every-ms", &EVERY_MS.to_string()]);
    record.args(["--segment-bytes", &SEGMENT_BYTES.to_string()]);
    let mut recorder = Process::start(&home, "recorder", record)?;
    let sent = recorder.line(LIMIT)?;
    sent.strip_prefix("sent ").with_context(|| format!("the recorder says '{sent}'"))?;
    line.set_shape(shape(mbit));
    recorder.send_signal(Signal::USR1);
    let linked = recorder.line(LIMIT)?;
    let ms = linked.strip_prefix("linked ").and_then(|ms| ms.parse().ok());
    ms.with_context(|| format!("the recorder says '{linked}'"))
}

/// Writes a file of so many bytes that can't be compressed, unless it is there.
fn whole_file(home: &Home, bytes: u64) -> Result<PathBuf> {
    let path = home.path().join(format!("{bytes}.webm"));
    if path.is_file() {
        return Ok(path);
    }
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    let mut noise: u64 = 1;
    for _ in 0..bytes / 8 {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        file.write_all(&noise.to_le_bytes())?;
    }
    file.flush()?;
    Ok(path)
}

fn curl(file: &Path, mbit: Option<u64>) -> Result<f64> {
    let home = Home::new()?;
    let www = home.path().join("www");
    std::fs::create_dir(&www)?;
    let nginx = Nginx::start(&home, &www)?;
    let line = ShapedLine::start_up(sides::free_address()?, nginx.address, shape(mbit))?;
    let url = format!("http://{}/recording.webm", line.address());
    Ok(millis(measured(&home, "curl", sides::curl(&home, file, &url))?.time))
}

fn tus(file: &Path, mbit: Option<u64>) -> Result<f64> {
    let home = Home::new()?;
    let server = TusServer::start(&home)?;
    let line = ShapedLine::start_up(sides::free_address()?, server.socket()?, shape(mbit))?;
    let url = format!("http://{}/files", line.address());
    let upload = sides::tus_upload(&home, &url, file, 10 * SEGMENT_BYTES, 2)?;
    Ok(millis(measured(&home, "tus-js-client", upload)?.time))
}
