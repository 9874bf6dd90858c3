//! The windows' pages: npm, run in `ui/`.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::Place;
use crate::progress::Progress;
use crate::steps::{Step, answer};

/// The minimum that Vite 8 requires.
const NODE_MAJOR: u32 = 20;

/// Runs `npm ci`, unless the modules were installed from this lock file already.
pub fn install(place: &Place) -> Result<()> {
    let node = answer(std::process::Command::new("node").arg("--version")).context(
        "Node.js is missing. Install version 20 or newer from your system or nodejs.org",
    )?;
    let major = node.trim().trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    if major.is_none_or(|major: u32| major < NODE_MAJOR) {
        bail!("Node.js {} is too old: {NODE_MAJOR} or newer is needed", node.trim());
    }
    let ui = place.root.join("ui");
    let lock = std::fs::read(ui.join("package-lock.json")).context("ui/package-lock.json")?;
    let stamp = ui.join("node_modules").join(".installed-from");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        Progress::begin("npm ci").done("nothing to do");
        return Ok(());
    }
    npm(place, "npm ci", &["ci", "--no-audit", "--no-fund"])
        .remedy("the npm registry has to be in reach the first time; then run it again.")
        .run()?;
    std::fs::write(&stamp, lock).context("ui/node_modules can't be written")
}

/// Builds `ui/dist`, unless it is newer than everything it is made from.
pub fn build(place: &Place) -> Result<()> {
    let ui = place.root.join("ui");
    let built = newest(&ui.join("dist"));
    let sources = ["src", "public", "index.html", "package-lock.json", "vite.config.ts"]
        .map(|name| newest(&ui.join(name)))
        .into_iter()
        .chain([newest(&place.root.join("assets"))])
        .flatten()
        .max();
    if built.is_some() && built > sources {
        Progress::begin("build the windows").done("nothing to do");
        return Ok(());
    }
    npm(place, "build the windows", &["run", "build"]).run()
}

pub fn npm(place: &Place, step: &str, args: &[&str]) -> Step {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Step::new(place, step, program).args(args).folder(&place.root.join("ui"))
}

fn newest(path: &Path) -> Option<std::time::SystemTime> {
    if !path.is_dir() {
        return path.metadata().and_then(|meta| meta.modified()).ok();
    }
    let entries = std::fs::read_dir(path).ok()?;
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}
