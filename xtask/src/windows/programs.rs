//! The programs for Windows, as they lie in the folder of an installation, and the zip of those without windows.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Kit, emptied, gstreamer};
use crate::Place;
use crate::package::notices;
use crate::progress::Progress;
use crate::steps::Step;

/// How the programs are compiled. Release is what is shipped; debug shares everything with the suites.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BuildProfile {
    Debug,
    Release,
}

impl BuildProfile {
    pub fn name(self) -> &'static str {
        match self {
            BuildProfile::Debug => "debug",
            BuildProfile::Release => "release",
        }
    }
}

pub const PROGRAMS: [&str; 3] = ["snaplark-desktop.exe", "snaplark.exe", "snaplark-cloud.exe"];
/// The library with which the desktop finds WebView2. The crate that links it has unpacked it.
const WEBVIEW_LOADER: &str = "WebView2Loader.dll";

/// Builds the programs and returns a folder with them and everything that they need.
pub fn build(place: &Place, kit: &Kit, profile: BuildProfile) -> Result<PathBuf> {
    let (args, folder): (&[&str], _) = match profile {
        BuildProfile::Debug => (&["build", "--bins"], kit.path("debug/Snaplark")),
        BuildProfile::Release => {
            (&["build", "--bins", "--release"], place.root.join("target/windows/Snaplark"))
        }
    };
    kit.cargo(place, "build the programs for Windows", args, "").run()?;
    let progress = Progress::begin("lay out the folder of the programs");
    emptied(&folder)?;
    copy_below(&kit.path("runtime"), &folder)?;
    for name in PROGRAMS {
        let built = kit.output(profile).join(name);
        fs::copy(&built, folder.join(name)).with_context(|| built.display().to_string())?;
    }
    let loader = webview_loader(&kit.output(profile))?;
    fs::copy(&loader, folder.join(WEBVIEW_LOADER))?;
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(place.root.join(name), folder.join(format!("{name}.txt")))?;
    }
    for name in ["gstreamer-notices.txt", "LGPL-2.1.txt"] {
        fs::copy(place.root.join("xtask/windows").join(name), folder.join(name))?;
    }
    fs::write(folder.join("third-party.txt"), notices::third_party(place)?)?;
    for name in PROGRAMS {
        gstreamer::check_imports(&folder.join(name), &folder)?;
    }
    progress.done("");
    strip(place, &folder)?;
    Ok(folder)
}

/// Takes the symbols out, which nobody reads on Windows.
fn strip(place: &Place, folder: &Path) -> Result<()> {
    let programs = PROGRAMS.map(|name| folder.join(name));
    Step::new(place, "strip the programs for Windows", "x86_64-w64-mingw32-strip")
        .args(["--strip-all"])
        .args(programs)
        .run()
}

/// Returns the newest copy of the library that a build of the desktop has unpacked.
fn webview_loader(output: &Path) -> Result<PathBuf> {
    let builds = output.join("build");
    let found = fs::read_dir(&builds).with_context(|| builds.display().to_string())?;
    let found = found.flatten().map(|entry| entry.path().join("out/x64").join(WEBVIEW_LOADER));
    let found = found.filter(|file| file.is_file());
    found
        .max_by_key(|file| file.metadata().and_then(|it| it.modified()).ok())
        .with_context(|| format!("{WEBVIEW_LOADER} is not in the output of the desktop's build"))
}

/// Makes the zip of the command line and the server, which need no installer.
pub fn zip(place: &Place, kit: &Kit, built: &Path) -> Result<PathBuf> {
    let name = format!("snaplark-{}-windows-x64", env!("CARGO_PKG_VERSION"));
    let folder = kit.path("zip").join(&name);
    emptied(&folder)?;
    copy_below(built, &folder)?;
    for name in [PROGRAMS[0], WEBVIEW_LOADER] {
        fs::remove_file(folder.join(name))?;
    }
    let zip = place.root.join("target/windows").join(format!("{name}.zip"));
    if zip.exists() {
        fs::remove_file(&zip)?;
    }
    Step::new(place, "zip of the command line and the server", "python3")
        .folder(&kit.path("zip"))
        .args([
            "-m".as_ref(),
            "zipfile".as_ref(),
            "-c".as_ref(),
            zip.as_os_str(),
            OsStr::new(&name),
        ])
        .run()?;
    Ok(zip)
}

/// Copies everything below a folder into another one.
fn copy_below(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_below(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}
