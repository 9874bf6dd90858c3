//! Checks that run once everything is healed: each sealed segment is online byte for byte, each
//! recording is listed with a file that plays, damage is named, and nothing that is said is false.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use snaplark_tests::cloud::fetch;
use snaplark_tests::media;

use crate::ledger::{Key, segments};
use crate::world::{HANG, World};

/// Checks the recordings of the round.
pub fn hold_touched(world: &mut World) -> Result<()> {
    let touched = world.ledger.take_touched();
    hold(world, |id| touched.contains(id))
}

/// Checks all recordings of the world.
pub fn hold_all(world: &mut World) -> Result<()> {
    hold(world, |_| true)
}

fn hold(world: &mut World, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
    let list = world.ask_json(&["list", "--json"], HANG)?;
    let listed = list["recordings"].as_array().context("no list of recordings")?.clone();
    let find = |id: &str| listed.iter().find(|recording| recording["id"] == id);
    for (key, path) in segments(&world.recordings()) {
        if path.with_file_name("init.webm").is_file() {
            ensure!(find(&key.0).is_some(), "{} has segments and is in no list", key.0);
        }
    }
    for id in world.ledger.recordings() {
        let recording = find(&id).with_context(|| format!("{id} was sealed and is in no list"))?;
        if !is_wanted(&id) {
            continue;
        }
        hold_online(world, &id, recording).with_context(|| recording.to_string())?;
        // Of what was destroyed altogether, and says so, no file can be made.
        if recording["state"]["kind"] == "done" || !world.ledger.of(&id).is_empty() {
            hold_file(world, recording).with_context(|| recording.to_string())?;
        }
    }
    hold_no_stray_file(world, &listed)?;
    hold_no_crash_note(&world.file("logs"))
}

/// It is said to be online, and it is.
fn hold_online(world: &World, id: &str, recording: &Value) -> Result<()> {
    let (whole, damaged) = (world.ledger.of(id), world.ledger.destroyed_of(id));
    let issues = recording["issues"].as_array().map_or(0, Vec::len);
    if recording["state"]["kind"] != "done" {
        // Only where all of it was destroyed may nothing have reached the server; then it says so.
        let is_said = issues > 0 || recording["state"]["kind"] == "needsYou";
        ensure!(whole.is_empty(), "{id} isn't online: {}", recording["state"]);
        ensure!(is_said, "all of {damaged:?} were destroyed, and nothing says so");
        return Ok(());
    }
    let link = recording["link"].as_str().context("it is online and has no link")?;
    let served = fetch(&format!("{link}/original.webm"))?;
    for (key, bytes) in whole {
        if !contains(&served, &bytes) {
            bail!("segment {} of {id} was sealed and isn't served", key.1);
        }
    }
    // A segment that was destroyed after it had been sent, or that was restored from the person's own
    // file, is served all the same.
    let is_served = |key: &&Key| world.ledger.bytes(key).is_some_and(|it| contains(&served, &it));
    let is_whole = damaged.iter().all(is_served);
    ensure!(is_whole || issues > 0, "{damaged:?} were destroyed, and nothing says so");
    media::decode(&format!("{link}/video.webm")).map(drop)
}

/// The person's own file is there and plays.
fn hold_file(world: &World, recording: &Value) -> Result<()> {
    let file = recording["file"].as_str().context("it has no file of the person's")?;
    let file = world.mounts.seen(Path::new(file));
    media::decode(file.to_str().context("a path that isn't text")?).map(drop)
}

/// Each file among the person's own belongs to a recording: none was written twice.
fn hold_no_stray_file(world: &World, listed: &[Value]) -> Result<()> {
    let named: Vec<&str> =
        listed.iter().filter_map(|recording| recording["file"].as_str()).collect();
    for entry in std::fs::read_dir(world.file("saved")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        ensure!(named.iter().any(|file| file.ends_with(&name)), "saved/{name} is no recording's");
    }
    Ok(())
}

fn hold_no_crash_note(logs: &Path) -> Result<()> {
    for entry in std::fs::read_dir(logs).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        ensure!(!text.contains("panicked"), "{} has a panic: {text}", entry.path().display());
    }
    Ok(())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    // A cluster's first bytes are rare in compressed data.
    let Some(head) = needle.get(..4) else { return true };
    haystack
        .windows(4)
        .enumerate()
        .any(|(at, four)| four == head && haystack[at..].starts_with(needle))
}
