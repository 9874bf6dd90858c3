//! Sends a recording of 200 segments of 1.25 MiB that is on disk: throughput, CPU time and memory of the client, and
//! CPU time of the server, beside tus-js-client with @tus/server and rclone with SeaweedFS. Two parts at once.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use snaplark_tests::cost::Use;
use snaplark_tests::home::Home;
use snaplark_tests::server::Server;

use crate::prepared::{Prepared, Size};
use crate::report::{Area, millis};
use crate::sides::{self, SeaweedFs, TusServer, measured};

const SIZE: Size = Size { segments: 200, segment_bytes: 1_280 * 1024 };
const ROUNDS: usize = 5;
/// Nothing of ours is made from what is sent, as with the peers.
const SERVER: [&str; 4] = ["--parts-per-second", "10000", "--mp4", "never"];

const OURS: &str = "Snaplark";
const OURS_LAZY: &str = "Snaplark, server without fsync";
const TUS: &str = "tus-js-client to @tus/server";
const RCLONE: &str = "rclone to SeaweedFS";

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "Upload of 250 MiB in 200 parts, over loopback".to_owned();
    let home = Home::new()?;
    for (name, version) in [
        ("tus-js-client", sides::npm_version("tus-js-client")?),
        ("@tus/server", sides::npm_version("@tus/server")?),
        ("rclone", sides::version(&home, "rclone", "version")?),
        ("Node", sides::version(&home, "node", "--version")?),
    ] {
        area.versions.insert(name.to_owned(), version);
    }
    let prepared = Prepared::record(&home, "prepared", SIZE)?;
    for round in 0..area.much(ROUNDS, 1) {
        area.progress(&format!("round {}", round + 1));
        ours(area, &prepared, OURS, true)?;
        tus(area, &prepared.file)?;
        ours(area, &prepared, OURS_LAZY, false)?;
        rclone(area, &prepared.file)?;
    }
    let speed = |area: &Area, side| area.median("Throughput", side);
    let best = speed(area, TUS)?.max(speed(area, RCLONE)?);
    let with = speed(area, OURS)? / best;
    area.aim("Throughput beside the best peer, server with fsync", with, Some(1.0), None);
    let without = speed(area, OURS_LAZY)? / best;
    area.aim("Throughput beside the best peer, server without fsync", without, Some(1.5), None);
    let memory = "Memory of the client";
    let ratio = area.median(memory, OURS)? / area.median(memory, TUS)?;
    area.aim("Memory beside tus-js-client", ratio, None, Some(1.0 / 3.0));
    area.left_out.push(
        "@tus/server syncs nothing to disk. SeaweedFS and rclone run as installed; rclone's parts are of 5 MiB, the \
         least that S3 takes. Each side begins with its process, so its start counts."
            .to_owned(),
    );
    Ok(())
}

/// Sends a copy of the recording to a new server.
fn ours(area: &mut Area, prepared: &Prepared, side: &str, with_fsync: bool) -> Result<()> {
    let home = Home::new()?;
    let mut at_server = Home::new()?;
    if !with_fsync {
        sides::without_fsync(&mut at_server);
    }
    let library = prepared.copy(&home)?;
    let server = Server::start_at(&at_server, prepared.address, &SERVER)?;
    let before = server.cpu()?;
    let used = measured(&home, "ours", prepared.recorder(&home, &library, &server.token)?)?;
    ensure!(used.said.contains("\"link\":\"http"), "there is no link: {}", used.said);
    note(area, side, &used, server.cpu()?.saturating_sub(before));
    Ok(())
}

fn tus(area: &mut Area, file: &Path) -> Result<()> {
    let home = Home::new()?;
    let server = TusServer::start(&home)?;
    let before = server.cpu()?;
    let upload = sides::tus_upload(&home, &server.address, file, SIZE.segment_bytes, 2)?;
    let used = measured(&home, "tus-js-client", upload)?;
    note(area, TUS, &used, server.cpu()?.saturating_sub(before));
    Ok(())
}

fn rclone(area: &mut Area, file: &Path) -> Result<()> {
    let home = Home::new()?;
    let server = SeaweedFs::start(&home)?;
    let before = server.cpu()?;
    let used = measured(&home, "rclone", server.rclone(&home, file, "recording.webm"))?;
    note(area, RCLONE, &used, server.cpu()?.saturating_sub(before));
    Ok(())
}

fn note(area: &mut Area, side: &str, used: &Use, server: Duration) {
    area.add_use(side, SIZE.bytes(), used);
    area.add("CPU of the server", side, "ms/part", millis(server) / SIZE.segments as f64);
}
