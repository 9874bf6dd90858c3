//! Installs the built programs under Wine by the installer, silently, starts one, and uninstalls them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::programs::PROGRAMS;
use super::wine::{Wine, windows_path};
use super::{Kit, emptied};
use crate::progress::Progress;
use crate::steps::answer;

/// How long the uninstaller may take, which goes on in a copy of itself after it has ended.
const UNINSTALL_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Installs, starts the command line, and uninstalls. A file of somebody else in the same folder, and a recording, stay.
pub fn prove(kit: &Kit, wine: &Wine, setup: &Path) -> Result<()> {
    let progress = Progress::begin("install and uninstall under Wine");
    let local = fs::read_dir(kit.path("prefix/drive_c/users"))?
        .filter_map(|user| Some(user.ok()?.path().join("AppData/Local")))
        .find(|folder| folder.is_dir())
        .context("Wine's C: has no folder of a person")?;
    let folder = local.join("Programs/Snaplark");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let home = kit.path("installed-home");
    emptied(&home)?;
    let recording = home.join("recordings/a/000000.webm");
    fs::create_dir_all(home.join("recordings/a"))?;
    fs::write(&recording, "a segment")?;
    let run = |program: &Path, arg: &str| {
        let mut command = Command::new(wine.script());
        command.arg(program).arg(arg).env("SNAPLARK_HOME", windows_path(&home));
        answer(&mut command)
    };

    run(setup, "/S")?;
    for name in PROGRAMS.into_iter().chain(["gstreamer-1.0-0.dll", "uninstall.exe"]) {
        ensure!(folder.join(name).is_file(), "the installer installed no {name}");
    }
    let version = run(&folder.join("snaplark.exe"), "--version")?;
    ensure!(version.contains(env!("CARGO_PKG_VERSION")), "the installed program said '{version}'");

    let others = folder.join("of-somebody-else.txt");
    fs::write(&others, "kept")?;
    run(&folder.join("uninstall.exe"), "/S")?;
    wait_until_alone(&folder, &others)?;
    ensure!(recording.is_file(), "the uninstaller removed a recording");
    fs::remove_dir_all(&folder)?;
    progress.done("");
    Ok(())
}

/// Waits until the folder has one file only.
fn wait_until_alone(folder: &Path, file: &Path) -> Result<()> {
    let started = Instant::now();
    loop {
        let left = fs::read_dir(folder)
            .context("the uninstaller removed a file of somebody else")?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<PathBuf>>>()?;
        if left == [file] {
            return Ok(());
        }
        if started.elapsed() > UNINSTALL_MAX {
            bail!("the uninstaller left {left:?}");
        }
        thread::sleep(POLL);
    }
}
