//! The use of a narrow line: the time of an upload on lines of 2, 10 and 50 Mbit/s with 20, 80 and 200 ms, whole and
//! with a reset, beside curl of one file to nginx.
//!
//! Each upload is of 50 parts and lasts some seconds; a reset in the middle of one part is 2% of the parts. The lines of
//! one rate are measured at the same time: the machine idles while they are full.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use snaplark_tests::cost::Use;
use snaplark_tests::fault_proxy::{FaultProxy, Route, Turn};
use snaplark_tests::home::Home;
use snaplark_tests::server::Server;
use snaplark_tests::shaped_line::{Shape, ShapedLine};
use tokio::runtime::Runtime;

use crate::prepared::{Prepared, Size};
use crate::report::{Area, millis};
use crate::sides::{self, Nginx, measured};

const PARTS: u64 = 50;
const RATES_MBIT: [u64; 3] = [2, 10, 50];
const ROUND_TRIPS_MS: [u64; 3] = [20, 80, 200];
/// How long an upload fills its line.
const SECONDS: u64 = 12;
const ROUNDS: usize = 3;
/// At this rate the lines with and those without a reset are measured one after the other.
const ALONE_MBIT: u64 = 50;

const OURS: &str = "Snaplark";
const CURL: &str = "curl to nginx";

/// One line and what happens on it.
#[derive(Clone, Copy)]
struct Condition {
    mbit: u64,
    round_trip_ms: u64,
    resets: bool,
}

impl Condition {
    fn name(self) -> String {
        let Condition { mbit, round_trip_ms, resets } = self;
        let resets = if resets { ", 2% resets" } else { "" };
        format!("{mbit} Mbit/s, {round_trip_ms} ms{resets}")
    }

    fn shape(self) -> Shape {
        Shape {
            round_trip: Duration::from_millis(self.round_trip_ms),
            bits_per_second: self.mbit * 1_000_000,
        }
    }

    /// Returns the part in whose middle the connection is reset: another one for each line.
    fn reset_part(self) -> u64 {
        10 + (self.mbit * 7 + self.round_trip_ms) % 30
    }
}

/// What one upload has shown.
struct Shown {
    condition: Condition,
    /// The part of the line's rate that it used.
    share: f64,
    cpu: Duration,
    /// Bytes that the line carried beyond the file, in parts.
    again: f64,
}

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "Use of a narrow line".to_owned();
    let home = Home::new()?;
    area.versions.insert("curl".to_owned(), sides::version(&home, "curl", "--version")?);
    let seconds = area.much(SECONDS, 2);
    let mut batches = Vec::new();
    for mbit in area.much(&RATES_MBIT[..], &RATES_MBIT[1..2]) {
        let size = Size { segments: PARTS, segment_bytes: mbit * 1_000_000 / 8 * seconds / PARTS };
        let of = |resets: bool| -> Result<Vec<(Condition, Prepared)>> {
            let conditions = ROUND_TRIPS_MS.map(|round_trip_ms| Condition {
                mbit: *mbit,
                round_trip_ms,
                resets,
            });
            let prepare = |condition: Condition| {
                Ok((
                    condition,
                    Prepared::record(&home, &condition.name().replace('/', " a "), size)?,
                ))
            };
            conditions.into_iter().map(prepare).collect()
        };
        let (whole, reset) = (of(false)?, of(true)?);
        if *mbit == ALONE_MBIT {
            batches.extend([(size, whole), (size, reset)]);
        } else {
            batches.push((size, whole.into_iter().chain(reset).collect()));
        }
    }
    let runtime = Runtime::new()?;
    for round in 0..area.much(ROUNDS, 1) {
        for (size, batch) in &batches {
            area.progress(&format!("round {}, {} Mbit/s", round + 1, batch[0].0.mbit));
            let at_server = Home::new()?;
            let args = ["--parts-per-second", "10000", "--mp4", "never", "--video-size", "none"];
            let server = Server::start_with(&at_server, &args)?;
            let to = (server.address, server.token.as_str());
            for shown in at_once(batch, |condition, prepared| {
                ours(&runtime, to, condition, prepared, *size)
            })? {
                note(area, OURS, &shown, *size);
            }
            let www = at_server.path().join("www");
            std::fs::create_dir(&www)?;
            let nginx = Nginx::start(&at_server, &www)?;
            for shown in at_once(batch, |condition, prepared| {
                curl(&runtime, nginx.address, condition, &prepared.file, *size)
            })? {
                note(area, CURL, &shown, *size);
            }
        }
    }
    for (_, batch) in &batches {
        for (condition, _) in batch {
            let name = condition.name();
            let share = area.median(&name, OURS)?;
            area.aim(&format!("Share of {name}"), share, Some(0.95), None);
            if condition.resets {
                let again = area.median(&format!("Sent again, {name}"), OURS)?;
                area.aim(&format!("Parts sent again for a reset, {name}"), again, None, Some(2.0));
            }
        }
    }
    area.left_out.push(format!(
        "Sizes are scaled: {PARTS} parts that fill the line for {seconds} s, so the handshakes, the opening and the \
         finalizing weigh more than in an upload of minutes. curl begins again from the start after a reset. The lines \
         are a proxy on this machine: no packet is lost, connections are reset."
    ));
    Ok(())
}

/// Runs one upload for each condition, all at the same time.
fn at_once(
    batch: &[(Condition, Prepared)],
    run: impl Fn(Condition, &Prepared) -> Result<Shown> + Sync,
) -> Result<Vec<Shown>> {
    std::thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = batch
            .iter()
            .map(|(condition, prepared)| scope.spawn(move || run(*condition, prepared)))
            .collect();
        let ended = running.into_iter().map(|one| one.join().ok().context("it panicked")?);
        ended.collect()
    })
}

fn ours(
    runtime: &Runtime,
    (server, token): (SocketAddr, &str),
    condition: Condition,
    prepared: &Prepared,
    size: Size,
) -> Result<Shown> {
    let home = Home::new()?;
    let library = prepared.copy(&home)?;
    let proxy = runtime.block_on(FaultProxy::start(server))?;
    if condition.resets {
        let (part, after_bytes) = (condition.reset_part(), size.segment_bytes / 2);
        let mut is_over = false;
        proxy.script(move |asked| {
            if asked.route != Route::Chunk || asked.index != Some(part as u32) || is_over {
                return Turn::Pass;
            }
            is_over = true;
            Turn::Reset { after_bytes }
        });
    }
    let line = ShapedLine::start_up(prepared.address, proxy.address(), condition.shape())?;
    let used = measured(&home, "ours", prepared.recorder(&home, &library, token)?)?;
    ensure!(used.said.contains("\"link\":\"http"), "there is no link: {}", used.said);
    shown(condition, size, &used, &line)
}

fn curl(
    runtime: &Runtime,
    nginx: SocketAddr,
    condition: Condition,
    file: &Path,
    size: Size,
) -> Result<Shown> {
    let home = Home::new()?;
    let proxy = runtime.block_on(FaultProxy::start(nginx))?;
    if condition.resets {
        let after_bytes = condition.reset_part() * size.segment_bytes + size.segment_bytes / 2;
        proxy.script(move |asked| match asked.nth {
            1 => Turn::Reset { after_bytes },
            _ => Turn::Pass,
        });
    }
    let line = ShapedLine::start_up(sides::free_address()?, proxy.address(), condition.shape())?;
    let name = home.path().file_name().context("a name")?.to_string_lossy().into_owned();
    let url = format!("http://{}/{name}.webm", line.address());
    let used = measured(&home, "curl", sides::curl(&home, file, &url))?;
    shown(condition, size, &used, &line)
}

fn shown(condition: Condition, size: Size, used: &Use, line: &ShapedLine) -> Result<Shown> {
    let rate = condition.shape().bits_per_second as f64;
    Ok(Shown {
        condition,
        share: size.bytes() as f64 * 8.0 / used.time.as_secs_f64() / rate,
        cpu: used.cpu,
        again: line.up_bytes().saturating_sub(size.bytes()) as f64 / size.segment_bytes as f64,
    })
}

fn note(area: &mut Area, side: &str, shown: &Shown, size: Size) {
    let name = shown.condition.name();
    area.add(&name, side, "of the line", shown.share);
    if shown.condition.resets {
        area.add(&format!("Sent again, {name}"), side, "parts", shown.again);
    } else {
        let mib = size.bytes() as f64 / (1024.0 * 1024.0);
        let cpu = millis(shown.cpu) / mib;
        area.add(&format!("CPU of the client, {name}"), side, "ms/MiB", cpu);
    }
}
