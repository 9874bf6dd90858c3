//! `cargo xtask package`: a .deb that holds the app, the command line and the cloud. Built with
//! dpkg-deb, which is on every Debian, rather than with the Tauri CLI, whose installation takes
//! minutes and whose package would hold the desktop program alone. Windows' and macOS's packages
//! come with their releases.

mod feed;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::packages::Need;
use crate::progress::Progress;
use crate::steps::{Step, answer, has_program};
use crate::{Place, build, packages, ui};

/// The application's id: portals know a program by the name of its entry.
const ENTRY: &str = "com.snaplark.desktop.desktop";
const PROGRAMS: [&str; 3] = ["snaplark-desktop", "snaplark", "snaplark-cloud"];

pub fn package(place: &Place) -> Result<ExitCode> {
    if !has_program("dpkg-deb") {
        bail!("dpkg-deb is not here: packages are made on Debian or Ubuntu for now.");
    }
    packages::ensure(place, Need::App)?;
    ui::install(place)?;
    ui::build(place)?;
    // Apart: the server's databases and stores for many nodes stay out of the app.
    build::cargo(place, "build the app for release")
        .args(["build", "--release", "--locked", "-p", "snaplark-desktop", "-p", "snaplark-cli"])
        .args(["--features", "snaplark-desktop/custom-protocol"])
        .run()?;
    build::cargo(place, "build the server for release")
        .args(["build", "--release", "--locked", "-p", "snaplark-cloud"])
        .args(["--features", "snaplark-cloud/server"])
        .run()?;

    let work = place.root.join("target/package");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    let tree = work.join("tree");
    let progress = Progress::begin("lay out the package");
    lay_out(place, &tree)?;
    let depends = depends(place, &work, &tree)?;
    control(&tree, &depends)?;
    progress.done("");

    let version = env!("CARGO_PKG_VERSION");
    let deb = work.join(format!("snaplark_{version}_{}.deb", architecture()?));
    Step::new(place, "dpkg-deb", "dpkg-deb")
        .args(["--root-owner-group", "-Zxz", "--build"])
        .args([&tree, &deb])
        .run()?;
    verify(place, &work, &deb)?;

    let size = fs::metadata(&deb)?.len();
    println!("{} ({:.1} MB)", deb.display(), size as f64 / 1e6);
    println!("Install it with: sudo apt install {}", deb.display());
    feed::write(place, &deb, version)?;
    Ok(ExitCode::SUCCESS)
}

fn lay_out(place: &Place, tree: &Path) -> Result<()> {
    let bin = tree.join("usr/bin");
    let doc = tree.join("usr/share/doc/snaplark");
    let applications = tree.join("usr/share/applications");
    for folder in [&bin, &doc, &applications, &tree.join("DEBIAN")] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    for name in PROGRAMS {
        let built = place.target.join("release").join(name);
        fs::copy(&built, bin.join(name)).with_context(|| built.display().to_string())?;
    }
    mark(&bin.join("snaplark-desktop"))?;
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        fs::copy(place.root.join(name), doc.join(name)).context(name)?;
    }
    fs::write(
        doc.join("copyright"),
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: Snaplark\n\nFiles: *\nCopyright: The Snaplark authors\n\
         License: MIT or Apache-2.0\n See LICENSE-MIT and LICENSE-APACHE in this folder.\n",
    )?;
    let entry = fs::read_to_string(place.root.join("src-tauri/snaplark.desktop"))
        .context("src-tauri/snaplark.desktop")?;
    fs::write(applications.join(ENTRY), filled(&entry)?)?;
    let icon = place.root.join("src-tauri/icons/128x128.png");
    if icon.is_file() {
        let icons = tree.join("usr/share/icons/hicolor/128x128/apps");
        fs::create_dir_all(&icons)?;
        fs::copy(&icon, icons.join("snaplark.png"))?;
    }
    Ok(())
}

/// Where Tauri's own bundler writes it: what the program came as, and so how it is updated.
fn mark(program: &Path) -> Result<()> {
    const UNKNOWN: &[u8] = b"__TAURI_BUNDLE_TYPE_VAR_UNK";
    const DEB: &[u8] = b"__TAURI_BUNDLE_TYPE_VAR_DEB";
    let mut bytes = fs::read(program).with_context(|| program.display().to_string())?;
    let at = bytes.windows(UNKNOWN.len()).position(|word| word == UNKNOWN);
    let at = at.context("the program has no place for what it came as")?;
    bytes[at..at + DEB.len()].copy_from_slice(DEB);
    fs::write(program, bytes).with_context(|| program.display().to_string())
}

/// The Tauri CLI's template with its words filled in.
fn filled(entry: &str) -> Result<String> {
    const WORDS: [(&str, &str); 4] = [
        ("{{name}}", "Snaplark"),
        ("{{comment}}", "Record the screen and share the link"),
        ("{{exec}}", "snaplark-desktop"),
        ("{{icon}}", "snaplark"),
    ];
    let filled = WORDS.iter().fold(entry.to_owned(), |text, (name, word)| text.replace(name, word));
    ensure!(!filled.contains("{{"), "src-tauri/snaplark.desktop asks for a word that is not known");
    Ok(filled)
}

/// The libraries that the programs link, as Debian's own tool names them.
fn depends(place: &Place, work: &Path, tree: &Path) -> Result<String> {
    // dpkg-shlibdeps wants a source package's control file beside it.
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

/// What the programs open at run time and no linker sees: the list of `tauri.conf.json`, which the
/// Tauri CLI's own package takes as well.
fn run_time_depends(place: &Place) -> Result<Vec<String>> {
    let text = fs::read_to_string(place.root.join("tauri.conf.json")).context("tauri.conf.json")?;
    let conf: serde_json::Value = serde_json::from_str(&text).context("tauri.conf.json")?;
    let list = conf["bundle"]["linux"]["deb"]["depends"].as_array();
    let names = list.context("tauri.conf.json names no dependencies")?;
    Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

fn control(tree: &Path, depends: &str) -> Result<()> {
    let installed_kib: u64 = PROGRAMS
        .iter()
        .filter_map(|name| fs::metadata(tree.join("usr/bin").join(name)).ok())
        .map(|meta| meta.len().div_ceil(1024))
        .sum();
    let control = format!(
        "Package: snaplark\nVersion: {}\nArchitecture: {}\nMaintainer: The Snaplark authors\n\
         Installed-Size: {installed_kib}\nDepends: {depends}\nSection: video\nPriority: optional\n\
         Description: screen recorder whose recording is online when you stop\n \
         Press a shortcut, talk, press it again: the link is on the clipboard.\n \
         Holds the app, the command line (snaplark) and the server (snaplark-cloud).\n",
        env!("CARGO_PKG_VERSION"),
        architecture()?,
    );
    fs::write(tree.join("DEBIAN/control"), control).context("DEBIAN/control")
}

fn architecture() -> Result<String> {
    Ok(answer(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned())
}

/// Unpacks the package into a root of its own, as an installation would, and starts what starts
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
    for file in ["usr/bin/snaplark-desktop", &format!("usr/share/applications/{ENTRY}")] {
        if !root.join(file).is_file() {
            bail!("{file} is not in the package");
        }
    }
    progress.done("");
    Ok(())
}
