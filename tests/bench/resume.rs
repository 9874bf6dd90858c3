//! Uploads that are killed with SIGKILL in the middle and resumed by the next start: what is sent again, and CPU time
//! for each start, beside tus-js-client with its URL store.
//!
//! Each upload is killed many times: a start sends one to three parts, at a line of 200 Mbit/s, and is killed. What the
//! line has carried beyond the file, in parts for each kill, is what was sent again.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use snaplark_tests::cost;
use snaplark_tests::home::Home;
use snaplark_tests::process::Process;
use snaplark_tests::server::Server;
use snaplark_tests::shaped_line::{Shape, ShapedLine};

use crate::prepared::{Prepared, Size};
use crate::report::{Area, millis};
use crate::sides::{self, TusServer, measured};

const SIZE: Size = Size { segments: 40, segment_bytes: 256 * 1024 };
const LINE: Shape = Shape { round_trip: Duration::ZERO, bits_per_second: 200_000_000 };
/// The kills of Snaplark.
const KILLS: u32 = 1_000;
/// The kills of one upload: after as many it goes on to its end.
const KILLS_EACH: u32 = 20;
/// tus-js-client is killed in every second upload: each of its starts takes a third of a second.
const TUS_EVERY: u32 = 2;
/// The time that a start may take until it has sent something.
const LIMIT: Duration = Duration::from_secs(60);

const OURS: &str = "Snaplark";
const TUS: &str = "tus-js-client with its URL store";
const AGAIN: &str = "Sent again for a kill";
const CPU: &str = "CPU of the client for a start";

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = format!("{KILLS} resumes after kill -9");
    let home = Home::new()?;
    for name in ["tus-js-client", "@tus/server"] {
        area.versions.insert(name.to_owned(), sides::npm_version(name)?);
    }
    area.versions.insert("Node".to_owned(), sides::version(&home, "node", "--version")?);
    let prepared = Prepared::record(&home, "prepared", SIZE)?;
    let uploads = area.much(KILLS / KILLS_EACH, 2);
    let mut noise = 1;
    for upload in 0..uploads {
        if upload % 5 == 0 {
            area.progress(&format!("upload {} of {uploads}", upload + 1));
        }
        ours(area, &prepared, &mut noise)?;
        if upload % TUS_EVERY == 0 {
            tus(area, &prepared.file, &mut noise)?;
        }
    }
    let again = area.median(AGAIN, OURS)?;
    area.aim("Parts sent again for a kill", again, None, Some(1.0));
    let cpu = area.median(CPU, OURS)? / area.median(CPU, TUS)?;
    area.aim("CPU of a start beside tus-js-client", cpu, None, Some(1.0));
    area.left_out.push(format!(
        "Each of {uploads} uploads of {} parts of 256 KiB is killed up to {KILLS_EACH} times, tus-js-client in every \
         second one. Snaplark has two parts under way, and its server drops what came of an unfinished part; \
         tus-js-client has one, and its server keeps what came.",
        SIZE.segments
    ));
    Ok(())
}

fn ours(area: &mut Area, prepared: &Prepared, noise: &mut u64) -> Result<()> {
    let (home, at_server) = (Home::new()?, Home::new()?);
    let library = prepared.copy(&home)?;
    let args = ["--parts-per-second", "10000", "--mp4", "never", "--video-size", "none"];
    let server = Server::start_with(&at_server, &args)?;
    let line = ShapedLine::start_up(prepared.address, server.address, LINE)?;
    let start = || prepared.recorder(&home, &library, &server.token);
    let said = killed_and_resumed(area, OURS, &home, &line, noise, &start)?;
    ensure!(said.contains("\"link\":\"http"), "there is no link: {said}");
    Ok(())
}

fn tus(area: &mut Area, file: &Path, noise: &mut u64) -> Result<()> {
    let home = Home::new()?;
    let server = TusServer::start(&home)?;
    let address: SocketAddr = server.socket()?;
    let line = ShapedLine::start_up(sides::free_address()?, address, LINE)?;
    let url = format!("http://{}/files", line.address());
    let store = home.path().join("urls.json");
    let start = || -> Result<Command> {
        let mut upload = sides::tus_upload(&home, &url, file, SIZE.segment_bytes, 1)?;
        upload.env("STORE", &store);
        Ok(upload)
    };
    killed_and_resumed(area, TUS, &home, &line, noise, &start)?;
    let sent = fs::metadata(file)?.len();
    let stored = fs::read_dir(home.path().join("tus"))?.flatten();
    let largest = stored.filter_map(|entry| Some(entry.metadata().ok()?.len())).max();
    ensure!(largest == Some(sent), "the server has {largest:?} of {sent} bytes");
    Ok(())
}

/// Kills an upload again and again, lets it end, and returns what its last start has said.
fn killed_and_resumed(
    area: &mut Area,
    side: &str,
    home: &Home,
    line: &ShapedLine,
    noise: &mut u64,
    start: &dyn Fn() -> Result<Command>,
) -> Result<String> {
    let (mut kills, mut cpu) = (0, Duration::ZERO);
    while kills < KILLS_EACH {
        let before = line.up_bytes();
        let wanted = SIZE.segment_bytes + random(noise) % (2 * SIZE.segment_bytes);
        let mut upload = Process::start(home, "killed", start()?)?;
        if !reaches(line, before + wanted, &mut upload)? {
            break;
        }
        cpu += cost::cpu(upload.id()).unwrap_or_default();
        upload.kill()?;
        kills += 1;
    }
    ensure!(kills > KILLS_EACH / 4, "{side} ended after {kills} kills");
    let used = measured(home, "resumed", start()?)?;
    let beyond = line.up_bytes().saturating_sub(SIZE.bytes()) as f64;
    let again = beyond / SIZE.segment_bytes as f64 / f64::from(kills);
    area.add(AGAIN, side, "parts", again);
    area.add(CPU, side, "ms", millis(cpu) / f64::from(kills));
    Ok(used.said)
}

/// Waits until the line has carried so much, and returns whether that came before the program's end.
fn reaches(line: &ShapedLine, bytes: u64, upload: &mut Process) -> Result<bool> {
    let begun = Instant::now();
    while line.up_bytes() < bytes {
        if !upload.is_running() {
            let is_good = upload.wait(LIMIT)?.success();
            is_good.then_some(()).with_context(|| upload.complaints())?;
            return Ok(false);
        }
        if begun.elapsed() > LIMIT {
            bail!("{} bytes of {bytes} were sent:\n{}", line.up_bytes(), upload.complaints());
        }
        // Finer than `wait::until`, in which a fast line carries several parts.
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(true)
}

/// xorshift64: the same places in each run.
fn random(noise: &mut u64) -> u64 {
    *noise ^= *noise << 13;
    *noise ^= *noise >> 7;
    *noise ^= *noise << 17;
    *noise
}
