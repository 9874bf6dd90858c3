//! `cargo xtask package`: builds a .deb that contains the app, the command line and the cloud. It uses
//! dpkg-deb, which every Debian has, rather than the Tauri CLI, whose installation takes minutes and whose
//! package would contain the desktop program alone. Packages for Windows and macOS come with their
//! releases.

mod feed;
#[cfg(unix)]
pub mod installed;
mod manual;
pub mod notices;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::packages::Need;
use crate::progress::Progress;
use crate::steps::{Step, answer, has_program};
use crate::{Place, build, packages, ui};

/// The application's id: portals identify a program by the name of its desktop entry.
const ENTRY: &str = "com.snaplark.desktop.desktop";
pub const MAINTAINER: &str = "The Snaplark authors <authors@snaplark.com>";
/// There is no archive, and so no bug in one, that this package closes. A library is not split off for one
/// program.
const SUPPRESSED_TAGS: &str = "initial-upload-closes-no-bugs,embedded-library";
/// Packages that are useful but not required: video for other players on the server's pages, and portals on
/// Wayland.
const RECOMMENDS: &str = "ffmpeg, xdg-desktop-portal, gnome-keyring | org.freedesktop.secrets";
const PROGRAMS: [&str; 3] = ["snaplark-desktop", "snaplark", "snaplark-cloud"];

pub fn package(place: &Place) -> Result<ExitCode> {
    if !has_program("dpkg-deb") {
        bail!("dpkg-deb is not here: packages are made on Debian or Ubuntu for now.");
    }
    packages::ensure(place, Need::App)?;
    ui::install(place)?;
    ui::build(place)?;
    // Built separately, so that the server's databases and stores for many nodes are not in the app.
    build::cargo(place, "build the app for release")
        .args(["build", "--release", "--locked", "-p", "snaplark-desktop", "-p", "snaplark-cli"])
        .args(["--features", "snaplark-desktop/custom-protocol"])
        .run()?;
    build::cargo(place, "build the server for release")
        .args(["build", "--release", "--locked", "-p", "snaplark-cloud-server"])
        .run()?;

    let deb = make(
        place,
        &place.target.join("release"),
        &place.root.join("target/package"),
        Compression::Small,
    )?;
    check(place, &deb)?;
    let version = env!("CARGO_PKG_VERSION");
    let size = fs::metadata(&deb)?.len();
    println!("{} ({:.1} MB)", deb.display(), size as f64 / 1e6);
    println!("Install it with: sudo apt install {}", deb.display());
    feed::write(place, &deb, version)?;
    Ok(ExitCode::SUCCESS)
}

/// The compression of the package: small for a download, quick for a test.
#[derive(Clone, Copy)]
enum Compression {
    Small,
    #[cfg_attr(not(unix), allow(dead_code))] // Only `soak installed` asks for it.
    Quick,
}

/// Makes a package from built programs, below `work`, and tests what starts without a display.
fn make(place: &Place, programs: &Path, work: &Path, compression: Compression) -> Result<PathBuf> {
    if work.exists() {
        fs::remove_dir_all(work)?;
    }
    let tree = work.join("tree");
    let progress = Progress::begin("lay out the package");
    tree::lay_out(place, &tree, programs)?;
    manual::lay_out(&tree)?;
    let depends = depends(place, work, &tree)?;
    control(&tree, &depends)?;
    progress.done("");
    let deb = work.join(format!("snaplark_{}_{}.deb", env!("CARGO_PKG_VERSION"), architecture()?));
    Step::new(place, "dpkg-deb", "dpkg-deb")
        .args(["--root-owner-group"])
        .args(match compression {
            Compression::Small => ["-Zxz", "-z6"],
            Compression::Quick => ["-Zgzip", "-z1"],
        })
        .args(["--build"])
        .args([&tree, &deb])
        .run()?;
    verify(place, work, &deb)?;
    Ok(deb)
}

/// Runs Debian's and freedesktop's own checkers, if they are installed.
fn check(place: &Place, deb: &Path) -> Result<()> {
    if !has_program("lintian") {
        eprintln!("· lintian is not installed, so the package was not checked by it.");
        return Ok(());
    }
    Step::new(place, "lintian", "lintian")
        .args(["--fail-on", "error", "--suppress-tags", SUPPRESSED_TAGS])
        .args([deb])
        .remedy("read its words in the log; `lintian-explain-tags TAG` explains them.")
        .run()
}

/// Returns the libraries that the programs link, as Debian's own tool names them.
fn depends(place: &Place, work: &Path, tree: &Path) -> Result<String> {
    // dpkg-shlibdeps requires a source package's control file.
    fs::create_dir_all(work.join("debian"))?;
    fs::write(
        work.join("debian/control"),
        "Source: snaplark\n\nPackage: snaplark\nArchitecture: any\n",
    )?;
    let mut shlibdeps = Command::new("dpkg-shlibdeps");
    shlibdeps.current_dir(work).arg("-O");
    for name in PROGRAMS {
        shlibdeps.arg(format!("-e{}", tree.join("usr/bin").join(name).display()));
    }
    let said = answer(&mut shlibdeps)?;
    let linked = said
        .lines()
        .find_map(|line| line.strip_prefix("shlibs:Depends="))
        .context("dpkg-shlibdeps named no library")?;
    Ok(format!("{linked}, {}", run_time_depends(place)?.join(", ")))
}

/// Returns what the programs open at run time, which no linker sees: the list of `tauri.conf.json`, which
/// the Tauri CLI's own package uses too.
fn run_time_depends(place: &Place) -> Result<Vec<String>> {
    let text = fs::read_to_string(place.root.join("tauri.conf.json")).context("tauri.conf.json")?;
    let conf: serde_json::Value = serde_json::from_str(&text).context("tauri.conf.json")?;
    let list = conf["bundle"]["linux"]["deb"]["depends"].as_array();
    let names = list.context("tauri.conf.json names no dependencies")?;
    Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

fn control(tree: &Path, depends: &str) -> Result<()> {
    let folder = tree.join("DEBIAN");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let mut files = Vec::new();
    files_below(&tree.join("usr"), &mut files)?;
    let mut installed_kib = 0;
    let mut sums = String::new();
    for file in &files {
        installed_kib += fs::metadata(file)?.len().div_ceil(1024);
        let sum = answer(Command::new("md5sum").arg("--").arg(file))?;
        let sum = sum.split_whitespace().next().context("md5sum said nothing")?;
        sums.push_str(&format!("{sum}  {}\n", file.strip_prefix(tree)?.display()));
    }
    fs::write(folder.join("md5sums"), sums).context("DEBIAN/md5sums")?;
    let control = format!(
        "Package: snaplark\nVersion: {}\nArchitecture: {}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {installed_kib}\nDepends: {depends}\nRecommends: {RECOMMENDS}\n\
         Section: video\nPriority: optional\nHomepage: https://snaplark.com\n\
         Description: screen recorder whose recording is online when you stop\n \
         Press a shortcut, talk, press it again: the link is on the clipboard.\n \
         The recording is uploaded while it is made, and nothing is lost when the\n \
         network, the server or the program fails.\n .\n \
         This package holds the app, the command line (snaplark) and the server\n \
         (snaplark-cloud).\n",
        env!("CARGO_PKG_VERSION"),
        architecture()?,
    );
    fs::write(folder.join("control"), control).context("DEBIAN/control")
}

/// Collects all files below a folder, in order.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            files_below(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn architecture() -> Result<String> {
    Ok(answer(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned())
}

/// Unpacks the package into a root of its own, as an installation would, and starts the programs that start
/// without a display.
fn verify(place: &Place, work: &Path, deb: &Path) -> Result<()> {
    let root = work.join("installed");
    Step::new(place, "unpack the package", "dpkg-deb")
        .args(["--extract".as_ref(), deb.as_os_str(), root.as_os_str()])
        .run()?;
    let progress = Progress::begin("try the programs of the package");
    for name in ["snaplark", "snaplark-cloud"] {
        let said = answer(Command::new(root.join("usr/bin").join(name)).arg("--version"))?;
        if !said.contains(env!("CARGO_PKG_VERSION")) {
            bail!("{name} of the package says '{}'", said.trim());
        }
    }
    manual::verify(&root)?;
    for file in ["usr/bin/snaplark-desktop", &format!("usr/share/applications/{ENTRY}")] {
        if !root.join(file).is_file() {
            bail!("{file} is not in the package");
        }
    }
    progress.done("");
    Ok(())
}
