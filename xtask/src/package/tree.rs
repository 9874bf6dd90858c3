//! The files of the package, at their installed paths.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{ENTRY, PROGRAMS, notices};
use crate::Place;
use crate::steps::answer;

const METAINFO: &str = "com.snaplark.desktop.metainfo.xml";
/// Sizes that icon themes look for, and the image file of each.
const ICONS: [(&str, &str); 4] = [
    ("32x32", "32x32.png"),
    ("128x128", "128x128.png"),
    ("256x256", "128x128@2x.png"),
    ("512x512", "icon.png"),
];

pub fn lay_out(place: &Place, tree: &Path, programs: &Path) -> Result<()> {
    let files = Files { root: &place.root, tree };
    for name in PROGRAMS {
        files.copy(&programs.join(name), &format!("usr/bin/{name}"))?;
    }
    mark(&tree.join("usr/bin/snaplark-desktop"))?;
    desktop(&files)?;
    documents(place, &files)
}

/// Writes the files that the system's menus, software centres and services read.
fn desktop(files: &Files<'_>) -> Result<()> {
    let entry = files.read("src-tauri/snaplark.desktop")?;
    files.write(&format!("usr/share/applications/{ENTRY}"), &filled(&entry)?)?;
    let metainfo = files.read(&format!("assets/linux/{METAINFO}"))?;
    files.write(&format!("usr/share/metainfo/{METAINFO}"), &filled(&metainfo)?)?;
    for (size, file) in ICONS {
        let icon = files.root.join("src-tauri/icons").join(file);
        files.copy(&icon, &format!("usr/share/icons/hicolor/{size}/apps/snaplark.png"))?;
    }
    files.copy(
        &files.root.join("assets/linux/snaplark-desktop.1"),
        "usr/share/man/man1/snaplark-desktop.1",
    )?;
    let drawing = files.root.join("assets/icons/app.svg");
    files.copy(&drawing, "usr/share/icons/hicolor/scalable/apps/snaplark.svg")?;
    // An example that is not started automatically: a person who wants a server here enables it. The
    // package has the program in another folder than a manual installation.
    let service = files.read("docs/deploy/snaplark-cloud.service")?;
    let service = service.replace("/usr/local/bin/", "/usr/bin/");
    let (_, unit) = service.split_once("\n[Unit]").context("the service has no [Unit]")?;
    files.write("usr/share/doc/snaplark/examples/snaplark-cloud.service", &format!("[Unit]{unit}"))
}

fn documents(place: &Place, files: &Files<'_>) -> Result<()> {
    const DOC: &str = "usr/share/doc/snaplark";
    files.write(&format!("{DOC}/copyright"), &notices::copyright(place)?)?;
    files.write(&format!("{DOC}/THIRD-PARTY.txt"), &notices::third_party(place)?)?;
    files.write(&format!("{DOC}/changelog"), &changelog()?)?;
    let news = files.read("CHANGELOG.md")?;
    files.write(&format!("{DOC}/NEWS.md"), &news)?;
    for name in ["changelog", "NEWS.md", "THIRD-PARTY.txt"] {
        answer(Command::new("gzip").args(["-9n"]).arg(files.tree.join(DOC).join(name)))?;
    }
    Ok(())
}

/// Returns the changelog in Debian's own form. NEWS.md beside it lists what a person notices.
fn changelog() -> Result<String> {
    let date = answer(Command::new("date").args(["-R", "-u", "-d"]).arg(format!("@{}", epoch()?)))?;
    Ok(format!(
        "snaplark ({}) unstable; urgency=medium\n\n  * See NEWS.md.\n\n -- {}  {}\n",
        env!("CARGO_PKG_VERSION"),
        super::MAINTAINER,
        date.trim()
    ))
}

/// Returns the time of the last commit, so that two packages of one commit are equal; else the present.
fn epoch() -> Result<String> {
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(epoch);
    }
    let commit = answer(Command::new("git").args(["log", "-1", "--format=%ct"]));
    match commit {
        Ok(seconds) if !seconds.trim().is_empty() => Ok(seconds.trim().to_owned()),
        Ok(_) | Err(_) => Ok(answer(Command::new("date").arg("+%s"))?.trim().to_owned()),
    }
}

/// Fills in the placeholders of the Tauri CLI's templates.
fn filled(template: &str) -> Result<String> {
    let date =
        answer(Command::new("date").args(["-u", "+%F", "-d"]).arg(format!("@{}", epoch()?)))?;
    let words = [
        ("{{name}}", "Snaplark"),
        ("{{comment}}", "Record the screen and share the link"),
        ("{{exec}}", "snaplark-desktop"),
        ("{{icon}}", "snaplark"),
        ("{{version}}", env!("CARGO_PKG_VERSION")),
        ("{{date}}", date.trim()),
    ];
    let filled =
        words.iter().fold(template.to_owned(), |text, (name, word)| text.replace(name, word));
    ensure!(!filled.contains("{{"), "a template asks for a word that is not known: {filled}");
    Ok(filled)
}

/// Writes the package format into the program, where Tauri's own bundler does. It determines how the
/// program is updated.
fn mark(program: &Path) -> Result<()> {
    const UNKNOWN: &[u8] = b"__TAURI_BUNDLE_TYPE_VAR_UNK";
    const DEB: &[u8] = b"__TAURI_BUNDLE_TYPE_VAR_DEB";
    let mut bytes = fs::read(program).with_context(|| program.display().to_string())?;
    let at = bytes.windows(UNKNOWN.len()).position(|word| word == UNKNOWN);
    let at = at.context("the program has no place for what it came as")?;
    bytes[at..at + DEB.len()].copy_from_slice(DEB);
    fs::write(program, bytes).with_context(|| program.display().to_string())
}

struct Files<'a> {
    root: &'a Path,
    tree: &'a Path,
}

impl Files<'_> {
    fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.root.join(name)).with_context(|| name.to_owned())
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        fs::write(self.place(path)?, text).with_context(|| path.to_owned())
    }

    fn copy(&self, from: &Path, path: &str) -> Result<()> {
        fs::copy(from, self.place(path)?).with_context(|| from.display().to_string())?;
        Ok(())
    }

    fn place(&self, path: &str) -> Result<PathBuf> {
        let file = self.tree.join(path);
        let folder = file.parent().context("a file has a folder")?;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(file)
    }
}
