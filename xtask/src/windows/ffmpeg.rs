//! ffmpeg and ffprobe as programs of Windows, for tests alone: nothing of them is shipped. PyPI has one and npm the
//! other, each pinned by the SHA-256 of the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{emptied, once};
use crate::Place;
use crate::progress::Progress;
use crate::steps::{Step, answer};

/// The package, the version and the folder that `pip` unpacks the program into.
const FFMPEG: (&str, &str) = ("imageio-ffmpeg==0.8.1", "imageio_ffmpeg/binaries");
const FFMPEG_SHA256: &str = "3256173f3f8bffd7df12227c68adf68025edb1832273a9530688a7bb1ed8edec";
/// The package, the version and the folder that `npm` unpacks the program into.
const FFPROBE: (&str, &str) =
    ("@ffprobe-installer/win32-x64@5.1.0", "node_modules/@ffprobe-installer/win32-x64");
const FFPROBE_SHA256: &str = "f28c4751e7367205267025aaf0fcfc921e34d9b7edaa46bd9c8abaf367fc9051";

/// Installs both into the folder `ffmpeg`. `folder` has the `pip` that fetched GStreamer.
pub fn ensure(place: &Place, folder: &Path) -> Result<()> {
    let to = folder.join("ffmpeg");
    let wanted = format!("{FFMPEG_SHA256} {FFPROBE_SHA256}");
    let is_new = once(&folder.join("ffmpeg.made"), &wanted, || {
        emptied(&to)?;
        let fetched = to.join("fetched");
        Step::new(place, "fetch ffmpeg for Windows (39 MB)", folder.join("python/bin/pip"))
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--no-compile",
            ])
            .args(["--platform", "win_amd64", "--only-binary=:all:", FFMPEG.0, "--target"])
            .args([&fetched])
            .remedy("PyPI has to be in reach the first time; then run it again.")
            .run()?;
        // The package is for another system, which npm installs when it is told that it runs there.
        Step::new(place, "fetch ffprobe for Windows (34 MB)", "npm")
            .args(["install", "--no-audit", "--no-fund", "--no-save", "--no-package-lock"])
            .args(["--ignore-scripts", "--force", "--os=win32", "--cpu=x64", FFPROBE.0, "--prefix"])
            .args([&fetched])
            .remedy("the npm registry has to be in reach the first time; then run it again.")
            .run()?;
        take(&fetched.join(FFMPEG.1), FFMPEG_SHA256, &to.join("ffmpeg.exe"))?;
        take(&fetched.join(FFPROBE.1), FFPROBE_SHA256, &to.join("ffprobe.exe"))?;
        fs::remove_dir_all(&fetched).with_context(|| fetched.display().to_string())
    })?;
    if !is_new {
        Progress::begin("ffmpeg for Windows").done("nothing to do");
    }
    Ok(())
}

/// Moves the program that is in a folder, if it is the expected one.
fn take(from: &Path, sha256: &str, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| from.display().to_string())?;
    let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_program = |file: &PathBuf| file.extension().is_some_and(|it| it == "exe");
    let program =
        files.find(is_program).with_context(|| format!("{} has no program", from.display()))?;
    let found = answer(Command::new("sha256sum").arg(&program))?;
    ensure!(found.starts_with(sha256), "{} has another SHA-256: {found}", program.display());
    fs::rename(&program, to).with_context(|| to.display().to_string())
}
